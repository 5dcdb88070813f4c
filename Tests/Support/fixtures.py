"""What tests are given: certificates, a provider, an upstream, and gateways that end with the test.

After each test its gateways must still be alive (unless it ended them itself) and end with 0 when told to.
"""

import pytest

from certificates import TestCertificates
from gateway import Gateway, config_for
from provider import ScriptedProvider
from upstream import RecordingUpstream


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    return TestCertificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def provider():
    provider = ScriptedProvider()
    yield provider
    provider.stop()


@pytest.fixture
def upstream():
    upstream = RecordingUpstream()
    yield upstream
    if upstream.is_open:
        upstream.close()


@pytest.fixture
def another_upstream():
    upstream = RecordingUpstream()
    yield upstream
    upstream.close()


def running(folder):
    """Starts gateways, `start(config)`, and ends each once the fixture is over."""
    started = []

    def start(config, **options):
        gateway = Gateway(folder / f"gateway-{len(started)}", config, **options)
        started.append(gateway)
        return gateway

    yield start
    failures = []
    for gateway in started:
        if getattr(gateway, "was_ended", False):
            gateway.kill()
            continue
        try:
            gateway.stop()
        except AssertionError as failure:
            failures.append(str(failure))
        finally:
            gateway.kill()
    assert not failures, "\n".join(failures)


@pytest.fixture
def run(tmp_path):
    """Starts gateways: `run(config)`; each is ended after the test."""
    yield from running(tmp_path)


def usual(provider, upstream):
    """One site, everything signed in but /public."""
    routes = [
        {"path": "/public/*", "access": "public", "upstream": "site"},
        {"path": "/optional/*", "access": "optional", "upstream": "site"},
        {"path": "/graphql", "graphql": True, "upstream": "site", "upstream_path": "/util/graphql"},
        {"path": "/*", "upstream": "site"},
    ]
    return config_for(provider, {"site": upstream}, routes, provider={"scopes": ["openid", "offline_access"]})


@pytest.fixture
def gateway(run, provider, upstream):
    """A gateway before one site, everything signed in but /public."""
    return run(usual(provider, upstream))


@pytest.fixture
def behind_tls(run, provider, upstream):
    """The same under an https address, TLS ended before it: cookies have their full names and attributes."""
    config = config_for(provider, {"site": upstream}, external_url="https://portal.test")
    config["listeners"][0]["tls_terminated"] = True
    return run(config)


@pytest.fixture
def signed_in(gateway):
    """A browser that is signed in at `gateway`."""
    browser = gateway.browser()
    page = browser.open(gateway.at("/"))
    assert page.status == 200, f"the login ended with {page.status} at {page.url}: {page.text[:600]}"
    return browser
