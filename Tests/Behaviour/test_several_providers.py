"""Providers by name and hosts by route: each with its own client, keys, callback and session."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from gateway import command, config_for
from provider import Reply, ScriptedProvider, shared_key
from refusals import refused
from waiting import until


@pytest.fixture
def partners():
    """The second provider: the same kid as the first one's, and another key."""
    provider = ScriptedProvider()
    provider.key = shared_key("key-1", "ES256")
    provider.keys, provider.metadata = [provider.key], {"id_token_signing_alg_values_supported": ["ES256"]}
    provider.subject, provider.user = "bob-id", {"email": "bob@example.com", "preferred_username": "bob"}
    provider.clients = {"other": "another secret"}
    yield provider
    provider.stop()


ROUTES = [
    {"path": "/staff/*", "upstream": "site", "provider": "staff"},
    {"path": "/partners/*", "upstream": "site", "provider": "partners"},
    {"path": "/both/*", "upstream": "site", "providers": ["staff", "partners"]},
    {"path": "/*", "upstream": "site"},
]


def several(staff, partners, upstream, **more):
    config = config_for(staff, {"site": upstream}, ROUTES, **more)
    first = config.pop("provider")
    second = {**first, "issuer": partners.issuer, "client_id": "other", "client_secret": "another secret"}
    config["providers"] = {"staff": first, "partners": second}
    return config


@pytest.fixture
def site(run, provider, partners, upstream):
    return run(several(provider, partners, upstream))


def users(upstream):
    return [request.one("X-Forwarded-User") for request in upstream.requests]


def test_each_route_has_its_provider(site, provider, partners, upstream):
    browser = site.browser()
    assert browser.open(site.at("/staff/x")).path == "/staff/x"
    assert browser.open(site.at("/partners/x")).path == "/partners/x"
    assert browser.open(site.at("/other")).path == "/other", "a route without a name has the first"
    assert users(upstream) == ["alice-id", "bob-id", "alice-id"]
    assert provider.count("authorize") == 1 and partners.count("authorize") == 1
    names = browser.cookies_of("localhost")
    assert {"gatehouse.staff", "gatehouse.partners"} <= set(names)
    asked = provider.calls_of("authorize")[0].query, partners.calls_of("authorize")[0].query
    assert [a["redirect_uri"] for a in asked] == [site.at("/.auth/callback/staff"), site.at("/.auth/callback/partners")]
    assert [a["client_id"] for a in asked] == ["gatehouse", "other"]


def test_two_providers_in_a_minute_are_no_circle(site):
    for _ in range(3):
        browser = site.browser()
        for path in ("/staff/a", "/partners/a", "/staff/b", "/partners/b"):
            assert browser.open(site.at(path)).status == 200


def test_several_for_one_route_are_chosen_from(site, provider, partners, upstream):
    browser = site.browser()
    page = browser.open(site.at("/both/x?y=1"))
    assert page.status == 200 and "no-store" in page.one("Cache-Control")
    assert provider.count("authorize") == partners.count("authorize") == 0
    assert [parse_qs(urlsplit(link).query)["provider"] for link in page.links] == [["staff"], ["partners"]]
    assert browser.click(page, page.links[1]).path == "/both/x?y=1"
    assert users(upstream) == ["bob-id"]
    assert browser.open(site.at("/both/z")).path == "/both/z", "either session serves"


def test_a_program_is_told_and_not_asked_to_choose(site, upstream):
    reply = site.ask("GET", "/both/x", "Accept: application/json")
    assert reply.status == 401 and json.loads(reply.content)["login_url"].startswith(site.url)
    assert upstream.requests == []


def test_a_link_names_its_provider(site, provider, partners):
    browser = site.browser()
    assert browser.open(site.at("/.auth/login?provider=partners&return_to=/both/x")).path == "/both/x"
    assert partners.count("authorize") == 1 and provider.count("authorize") == 0
    assert browser.open(site.at("/.auth/login?provider=nobody")).status == 400


def test_a_third_party_names_an_issuer(site, provider, partners):
    ask = lambda **query: site.browser().open(site.at("/.auth/login?" + urlencode(query)))
    page = ask(iss=partners.issuer, login_hint="bob", target_link_uri=site.at("/partners/p"))
    assert page.path == "/partners/p" and partners.calls_of("authorize")[0].query["login_hint"] == "bob"
    for issuer in ("https://evil.test", "", partners.issuer + "/"):
        assert ask(iss=issuer).status == 400
    page = ask(iss=provider.issuer, target_link_uri="https://evil.test/x")
    assert page.status == 200 and page.path == "/"


def test_an_answer_of_one_provider_is_none_of_the_other(site, provider, partners, upstream):
    """Mix-up: a code never goes to another token endpoint than its own provider's."""
    browser = site.browser()
    begun = browser.open(site.at("/staff/x"), follow=False)
    back = browser.open(begun.location, follow=False).location
    page = browser.open(back.replace("/.auth/callback/staff", "/.auth/callback/partners"))
    assert refused(page, site, upstream, 400)[0] == "state-invalid"
    assert partners.count("token") == 0 and provider.count("token") == 0
    assert browser.open(back).status == 200, "and the login itself is not hurt"


def test_keys_are_never_shared(site, provider, partners, upstream):
    """Both publish a `key-1`."""
    partners.key = provider.key
    refused(site.browser().open(site.at("/partners/x")), site, upstream, 502)


def test_trouble_of_one_touches_no_other(run, provider, partners, upstream):
    partners.stop()
    gateway = run(several(provider, partners, upstream))
    assert gateway.browser().open(gateway.at("/staff/x")).status == 200
    upstream.forget()
    refused(gateway.browser().open(gateway.at("/partners/x")), gateway, upstream, 503)
    partners.start()
    from waiting import until

    until(lambda: gateway.browser().open(gateway.at("/partners/x")).status == 200, "the provider is back")


def test_a_slow_provider_keeps_no_other_waiting(run, provider, partners, upstream):
    import threading

    release = threading.Event()
    provider.on["discovery"] = lambda call: release.wait(9) and None
    try:
        gateway = run(several(provider, partners, upstream), ready=False)
        assert gateway.browser().open(gateway.at("/partners/x")).status == 200
    finally:
        release.set()


def test_logout_ends_all_sessions_here(site, upstream):
    browser = site.browser()
    browser.open(site.at("/staff/x"))
    browser.open(site.at("/partners/x"))
    assert json.loads(browser.fetch(site.at("/.auth/me?provider=partners")).content)["sub"] == "bob-id"
    browser.submit(browser.open(site.at("/.auth/logout?provider=partners")))
    assert not {"gatehouse.staff", "gatehouse.partners"} & set(browser.cookies_of("localhost"))
    assert browser.fetch(site.at("/.auth/me")).status == 401


# Hosts


def test_each_host_has_its_own_session_and_redirect_uri(run, provider, upstream):
    routes = [
        {"path": "/*", "host": "api.localhost", "upstream": "site"},
        {"path": "/*", "host": "*.shops.localhost", "upstream": "site"},
        {"path": "/*", "upstream": "site"},
    ]
    gateway = run(config_for(provider, {"site": upstream}, routes))
    browser = gateway.browser()
    for host in ("localhost", "api.localhost", "one.shops.localhost", "two.shops.localhost"):
        at = f"http://{host}:{gateway.port}"
        page = browser.open(f"{at}/x")
        assert page.status == 200 and page.url == f"{at}/x"
        assert provider.calls_of("authorize")[-1].query["redirect_uri"] == f"{at}/.auth/callback"
    assert provider.count("authorize") == 4, "a session of one host is none on another"


def test_a_session_cookie_moved_to_another_host_is_as_if_absent(run, provider, upstream):
    routes = [{"path": "/*", "host": "api.localhost", "upstream": "site"}, {"path": "/*", "upstream": "site"}]
    gateway = run(config_for(provider, {"site": upstream}, routes))
    browser = gateway.browser()
    browser.open(gateway.at("/"))
    upstream.forget()
    cookie = f"gatehouse={browser.cookies_of('localhost')['gatehouse']}"
    reply = gateway.ask("GET", "/", f"Cookie: {cookie}", host=f"api.localhost:{gateway.port}")
    assert reply.status == 401 and upstream.requests == []


def test_check_prints_every_redirect_uri(tmp_path, provider, partners, upstream):
    from gateway import yaml

    config = several(provider, partners, upstream)
    config["routes"] = [{"path": "/api/*", "host": "api.localhost", "upstream": "site"}, *config["routes"]]
    file = tmp_path / "gatehouse.yaml"
    file.write_text(yaml(config) + "\n")
    done = command("check", "--config", file)
    port = config["external_url"].rpartition(":")[2]
    for host in ("localhost", "api.localhost"):
        for name in ("staff", "partners"):
            assert f"http://{host}:{port}/.auth/callback/{name}\n" in done.stdout, done.stdout


def test_a_crowd_at_a_slow_provider_keeps_nobody_else_waiting(run, provider, partners, upstream):
    """Pushed requests and refreshes are bounded for each provider, and not for all together."""
    for each in (provider, partners):
        each.metadata |= {"pushed_authorization_request_endpoint": each.issuer + "/par", "require_pushed_authorization_requests": True}
    release = threading.Event()
    provider.on["par"] = lambda call: release.wait(8) and None
    gateway = run(several(provider, partners, upstream))
    fields = ["Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document", "Accept: text/html"]
    with ThreadPoolExecutor(80) as pool:
        crowd = [pool.submit(gateway.ask, "GET", "/staff/x", *fields) for _ in range(80)]
        try:
            until(lambda: sum(visit.done() for visit in crowd) >= 16, "those beyond 64 are answered")
            assert gateway.browser().open(gateway.at("/partners/x")).status == 200
        finally:
            release.set()
