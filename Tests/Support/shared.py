"""The usual fixtures, one set for a whole file: for tests that change nothing and only ask.

A file imports them over those of `fixtures`. The upstream forgets before each test and answers as usual again.
"""

import pytest

from fixtures import running, usual
from provider import ScriptedProvider
from upstream import RecordingUpstream, echo


@pytest.fixture(scope="module")
def run_for_all(tmp_path_factory):
    """As `run`, for a fixture of the whole file."""
    yield from running(tmp_path_factory.mktemp("shared"))


@pytest.fixture(scope="module")
def provider():
    provider = ScriptedProvider()
    yield provider
    provider.stop()


@pytest.fixture(scope="module")
def upstream_for_all():
    upstream = RecordingUpstream()
    yield upstream
    upstream.close()


@pytest.fixture
def upstream(upstream_for_all):
    upstream_for_all.forget()
    upstream_for_all.script = echo
    return upstream_for_all


@pytest.fixture(scope="module")
def gateway(run_for_all, provider, upstream_for_all):
    """A gateway before one site, everything signed in but /public."""
    return run_for_all(usual(provider, upstream_for_all))


@pytest.fixture(scope="module")
def signed_in(gateway):
    """A browser that is signed in at `gateway`."""
    browser = gateway.browser()
    page = browser.open(gateway.at("/"))
    assert page.status == 200, f"the login ended with {page.status} at {page.url}: {page.text[:600]}"
    return browser
