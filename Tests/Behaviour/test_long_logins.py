"""Logins that take their time: the provider sends people on to a utility's own identity provider, on another host.

Nobody waits: the gateway's clock, wall and monotonic, is moved by Debian's faketime while the login is under way.
"""

import html
import os
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from gateway import config_for
from provider import Reply, ScriptedProvider

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
MINUTE = 60


@pytest.fixture
def clock(tmp_path):
    """What a gateway's environment must have, and `clock(seconds)`, which moves its time on."""
    file = tmp_path / "time"

    def ahead(seconds):
        file.with_suffix(".new").write_text(f"+{seconds}s\n")
        file.with_suffix(".new").rename(file)

    ahead(0)
    ahead.environment = {
        **os.environ,
        "LD_PRELOAD": str(LIBRARY),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_NO_CACHE": "1",
    }
    return ahead


@pytest.fixture
def federated(provider):
    """The provider lets another one do the asking, by `federated(kind)`; the pages on the way are told apart by host."""
    others = []

    def federate(kind):
        other = ScriptedProvider(host="localhost")
        others.append(other)
        other.PATHS = {**other.PATHS, "/sso": "sso", "/password": "password"}
        provider.PATHS = {**provider.PATHS, "/acs": "acs"}
        waiting = {}

        def authorize(call):
            relay = f"relay-{len(waiting)}"
            waiting[relay] = call
            return Reply(302, "", [("Location", f"{other.issuer}/sso?{urlencode({'RelayState': relay})}")])

        def ask(call):
            relay = html.escape(call.query["RelayState"])
            form = '<form method="post" action="/password"><input name="RelayState" value="{}"><input name="password"></form>'
            return Reply(200, form.format(relay))

        def password(call):
            relay = call.form["RelayState"]
            if kind == "OpenID":
                return Reply(303, "", [("Location", f"{provider.issuer}/acs?{urlencode({'RelayState': relay, 'code': 'x'})}")])
            form = f'<form method="post" action="{provider.issuer}/acs"><input name="RelayState" value="{html.escape(relay)}">'
            return Reply(200, form + '<input name="SAMLResponse" value="PHNhbWw+"></form><script>document.forms[0].submit()</script>')

        def acs(call):
            first = waiting[{**call.query, **call.form}["RelayState"]]
            del provider.on["authorize"]
            reply = provider.authorize(first)
            provider.on["authorize"] = authorize
            return Reply(303, "", reply.fields) if reply.status == 302 else reply

        provider.on |= {"authorize": authorize, "acs": acs}
        other.on |= {"sso": ask, "password": password}
        return other

    yield federate
    for other in others:
        other.stop()


def signs_in(browser, page):
    """Types the password at the other provider, and goes on; the page at the end."""
    assert urlsplit(page.url).hostname == "localhost" and page.path.startswith("/sso"), f"{page.status} {page.url}"
    return browser.settle(browser.submit(page, {"password": "secret"}))


@pytest.mark.parametrize("settings", [{}, {"response_mode": "form_post"}], ids=["query", "form_post"])
@pytest.mark.parametrize("kind", ["SAML", "OpenID"])
def test_a_federated_login_of_fourteen_minutes_ends_at_the_page_first_asked_for(run, provider, upstream, clock, federated, kind, settings):
    federated(kind)
    gateway = run(config_for(provider, {"site": upstream}, provider=settings), environment=clock.environment)
    browser = gateway.browser()
    begun = browser.open(gateway.at("/bills/2026?year=1"))
    clock(14 * MINUTE)
    page = signs_in(browser, begun)
    assert (page.status, page.url) == (200, gateway.at("/bills/2026?year=1")), page.text[:500]
    assert [r.target for r in upstream.requests] == ["/bills/2026?year=1"]
    assert provider.count("authorize") == 1 and len(provider.grants("authorization_code")) == 1
    hosts = {urlsplit(url).netloc for _, url in browser.requests}
    assert len(hosts) == 3, f"the site, the provider and the utility's own: {hosts}"


def test_one_that_took_longer_than_it_may_is_begun_again_and_spends_no_code(run, provider, upstream, clock, federated):
    federated("OpenID")
    gateway = run(config_for(provider, {"site": upstream}), environment=clock.environment)
    browser = gateway.browser()
    begun = browser.open(gateway.at("/page"))
    clock(25 * MINUTE)
    page = signs_in(browser, begun)
    assert provider.grants("authorization_code") == [] and upstream.requests == []
    assert page.status in (200, 400)
    if page.path.startswith("/sso"):  # asked once more
        page = signs_in(browser, page)
    else:
        page = signs_in(browser, browser.open(gateway.at("/page")))
    assert (page.status, page.url) == (200, gateway.at("/page")), page.text[:500]


def test_five_tabs_of_which_each_takes_its_time(run, provider, upstream, clock, federated):
    federated("SAML")
    gateway = run(config_for(provider, {"site": upstream}), environment=clock.environment)
    browser = gateway.browser()
    tabs = [browser.open(gateway.at(f"/tab/{i}")) for i in range(5)]
    for number, tab in enumerate(tabs):
        clock((number + 1) * 3 * MINUTE)
        page = signs_in(browser, tab)
        assert (page.status, page.url) == (200, gateway.at(f"/tab/{number}")), page.text[:300]
    assert sorted(r.target for r in upstream.requests) == [f"/tab/{i}" for i in range(5)]
