"""A provider that is down, slow or wrong: the gateway starts, serves what it can, and recovers by itself."""

import pytest

from gateway import config_for
from provider import Reply
from waiting import until

NAVIGATION = ["Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document", "Accept: text/html"]
ROUTES = [
    {"path": "/public/*", "access": "public", "upstream": "site"},
    {"path": "/graphql", "graphql": True, "upstream": "site"},
    {"path": "/*", "upstream": "site"},
]


def test_a_gateway_starts_without_its_provider_and_recovers_without_a_restart(run, provider, upstream):
    provider.stop()
    gateway = run(config_for(provider, {"site": upstream}, ROUTES))
    status, body = gateway.admin("/readyz")
    assert status == 200 and "provider" in body, "ready, and says what is degraded"
    assert gateway.ask("GET", "/public/x").status == 200
    page = gateway.browser().open(gateway.at("/page"))
    assert page.status == 503 and int(page.one("Retry-After")) >= 0 and page.media_type == "text/html"
    assert page.one("X-Request-Id") in page.text and not page.all("Set-Cookie")
    assert len(upstream.requests) == 1
    provider.start()
    until(
        lambda: gateway.browser().open(gateway.at("/page")).status == 200, "a login works again", deadline=40, pause=0.2
    )


def test_programs_are_told_in_their_own_way(run, provider, upstream):
    provider.stop()
    gateway = run(config_for(provider, {"site": upstream}, ROUTES))
    reply = gateway.ask("GET", "/page", "Accept: application/json")
    assert reply.status in (401, 503) and reply.media_type == "application/problem+json"
    reply = gateway.ask(
        "POST", "/graphql", "Content-Type: application/json", "Accept: application/json", content='{"query":"{me}"}'
    )
    assert reply.status in (401, 503) and reply.json["errors"]


def test_sessions_go_on_while_the_provider_is_down(signed_in, gateway, provider):
    provider.stop()
    for _ in range(5):
        assert signed_in.open(gateway.at("/page"), follow=False).status == 200
    assert gateway.admin("/readyz")[0] == 200, "a provider that fails later does not make a fleet unready"


WRONG_DISCOVERY = [
    ("another issuer", {"issuer": "https://evil.test"}),
    ("the issuer with a slash", {"issuer": "SLASH"}),
    ("no issuer", {"issuer": None}),
    ("no token endpoint", {"token_endpoint": None}),
    ("no authorization endpoint", {"authorization_endpoint": None}),
    ("no key set", {"jwks_uri": None}),
    ("a plain token endpoint elsewhere", {"token_endpoint": "http://203.0.113.1/token"}),
    ("an endpoint that is a number", {"token_endpoint": 5}),
]


@pytest.mark.parametrize("what, metadata", WRONG_DISCOVERY, ids=[w for w, _ in WRONG_DISCOVERY])
def test_a_wrong_discovery_document_lets_nobody_in_and_is_in_the_log(run, provider, upstream, what, metadata):
    provider.metadata.update({n: provider.issuer + "/" if v == "SLASH" else v for n, v in metadata.items()})
    gateway = run(config_for(provider, {"site": upstream}, ROUTES))
    page = gateway.browser().open(gateway.at("/page"))
    assert page.status in (502, 503) and page.one("X-Request-Id") in page.text
    assert provider.count("authorize") == 0 and upstream.requests == []
    gateway.until_logged(
        lambda e: e["level"] in ("warning", "error") and "provider" in e["event"], "what is wrong with the provider"
    )


ANSWERS = [
    ("404", lambda c: Reply(404, "no")),
    ("500", lambda c: Reply(500, "no")),
    ("HTML", lambda c: Reply(200, "<h1>hi</h1>")),
    ("a list", lambda c: Reply(200, [])),
    ("a redirect", lambda c: Reply(302, "", [("Location", "http://127.0.0.1:1/")])),
    ("5 MB", lambda c: Reply(200, b'{"a":"' + b"x" * 5_000_000 + b'"}')),
    ("cut off", lambda c: Reply(200, {"issuer": "x" * 500}, cut=100)),
]


@pytest.mark.parametrize("endpoint", ["discovery", "jwks"])
@pytest.mark.parametrize("what, answer", ANSWERS, ids=[w for w, _ in ANSWERS])
def test_any_wrong_answer_is_a_page_and_passes(run, provider, upstream, endpoint, what, answer):
    provider.on[endpoint] = answer
    gateway = run(config_for(provider, {"site": upstream}, ROUTES))
    page = gateway.browser().open(gateway.at("/page"))
    assert page.status in (502, 503), page.text[:400]
    assert page.one("X-Request-Id") in page.text and upstream.requests == []
    assert gateway.ask("GET", "/public/x").status == 200
    del provider.on[endpoint]
    until(lambda: gateway.browser().open(gateway.at("/page")).status == 200, "it recovers", deadline=40, pause=0.2)


def test_a_provider_over_https_needs_a_certificate_we_trust(run, upstream, certificates, tmp_path):
    from certificates import TestCertificates
    from provider import ScriptedProvider

    provider = ScriptedProvider(tls=certificates.server_context(), host="localhost")
    try:
        config = config_for(provider, {"site": upstream}, ROUTES)
        untrusting = run(config)
        assert untrusting.browser(ca=certificates).open(untrusting.at("/page")).status in (502, 503)
        stranger = TestCertificates(tmp_path / "stranger")
        config = config_for(provider, {"site": upstream}, ROUTES, provider={"ca_file": str(stranger.ca)})
        mistaken = run(config)
        assert mistaken.browser(ca=certificates).open(mistaken.at("/page")).status in (502, 503)
        assert provider.calls == [], "nothing was said to a provider that could not prove itself"
        trusting = run(config_for(provider, {"site": upstream}, ROUTES, provider={"ca_file": str(certificates.ca)}))
        assert trusting.browser(ca=certificates).open(trusting.at("/page")).status == 200
    finally:
        provider.stop()


def test_an_issuer_that_ends_in_a_slash_is_kept_as_it_is(run, provider, upstream):
    provider.metadata["issuer"] = provider.issuer + "/"
    provider.claims = lambda c: {**c, "iss": provider.issuer + "/"}
    gateway = run(config_for(provider.issuer + "/", {"site": upstream}, ROUTES))
    assert gateway.browser().open(gateway.at("/page")).status == 200
    assert all("//" not in call.path for call in provider.calls_of("discovery"))
