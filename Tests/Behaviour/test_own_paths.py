"""The paths under /.auth/ are the gateway's own, whatever the routes say, and never reach a site."""

import pytest

from raw import CutShort, request


def test_me_tells_a_script_who_is_signed_in(signed_in, gateway):
    page = signed_in.fetch(gateway.at("/.auth/me"))
    assert (page.status, page.media_type) == (200, "application/json")
    assert page.json["sub"] == "alice-id" and 0 < page.json["expires_in"] <= 8 * 3600
    assert page.json["claims"]["email"] == "alice@example.com" and page.json["logout_url"].endswith("/.auth/logout")
    assert "no-store" in page.one("Cache-Control") and not page.all("Set-Cookie")
    assert not page.all("Access-Control-Allow-Origin")


def test_me_holds_no_token(signed_in, gateway, provider):
    text = signed_in.fetch(gateway.at("/.auth/me")).text
    assert not any(token in text for token in [*provider.access_tokens, *provider.refresh_tokens])


def test_me_is_401_for_nobody_even_to_a_navigation(gateway):
    assert gateway.ask("GET", "/.auth/me").status == 401
    assert gateway.browser().open(gateway.at("/.auth/me"), follow=False).status == 401


UNKNOWN = [
    "/.auth/",
    "/.auth/x",
    "/.auth/login/",
    "/.auth/callback/nobody",
    "/.auth/me/x",
    "/.auth/metrics",
    "/.auth/LOGIN",
    "/.auth/login;x",
    "/.auth/.env",
]


@pytest.mark.parametrize("path", UNKNOWN)
def test_any_other_path_of_ours_is_not_found(gateway, upstream, path):
    assert gateway.ask("GET", path).status in (404, 400)
    assert upstream.requests == []


@pytest.mark.parametrize("path", ["/public/../.auth/x", "/.%61uth/x", "//.auth//x", "/public/%2e%2e/.auth/me"])
def test_another_spelling_of_ours_does_not_reach_the_site(gateway, upstream, path):
    assert gateway.ask("GET", path).status in (400, 401, 404)
    assert upstream.requests == []


def test_a_prefetch_of_the_login_or_the_callback_spends_nothing(gateway, provider):
    browser = gateway.browser()
    page = browser.open(gateway.at("/.auth/login?return_to=/"), follow=False, fields={"Sec-Purpose": "prefetch"})
    assert page.status == 503 and not page.all("Set-Cookie")
    begun = browser.open(gateway.at("/"), follow=False)
    back = browser.open(begun.location, follow=False).location
    assert browser.open(back, follow=False, fields={"Sec-Purpose": "prefetch"}).status == 503
    assert provider.grants("authorization_code") == []
    assert browser.open(back).status == 200


def test_a_head_of_the_callback_spends_nothing(gateway, provider):
    browser = gateway.browser()
    back = browser.open(browser.open(gateway.at("/"), follow=False).location, follow=False).location
    browser.request("HEAD", back, {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"})
    assert provider.grants("authorization_code") == []
    assert browser.open(back).status == 200


def test_a_login_someone_else_begins_needs_our_issuer(gateway, provider):
    begin = lambda query: gateway.browser().open(gateway.at(f"/.auth/login?{query}"), follow=False)
    assert begin(f"iss={provider.issuer}&target_link_uri={gateway.at('/deep')}").status == 303
    assert begin("iss=https://evil.test&target_link_uri=/").status == 400
    page = gateway.browser().open(gateway.at(f"/.auth/login?iss={provider.issuer}&target_link_uri=https://evil.test/"))
    assert page.url.startswith(gateway.url)


def test_the_error_page_is_there_for_people_without_a_login(gateway, upstream):
    page = gateway.browser().open(
        gateway.at("/.auth/error?error=access_denied&error_description=<script>alert(1)</script>")
    )
    assert page.status in (200, 400, 403) and page.media_type == "text/html"
    assert "<script" not in page.text and page.one("X-Request-Id") in page.text
    assert upstream.requests == []


def test_our_pages_cannot_be_framed_and_have_no_script(gateway):
    for path in ("/.auth/signed-out", "/.auth/logout", "/.auth/error"):
        page = gateway.browser().open(gateway.at(path))
        policy = page.one("Content-Security-Policy")
        assert "frame-ancestors" in policy and "default-src 'none'" in policy, path
        assert "<script" not in page.text and page.one("X-Content-Type-Options") == "nosniff"


@pytest.mark.parametrize(
    "method, path",
    [
        ("POST", "/.auth/me"),
        ("POST", "/.auth/login"),
        ("PUT", "/.auth/logout"),
        ("DELETE", "/.auth/callback"),
        ("PUT", "/.auth/callback"),
    ],
)
def test_other_methods_are_refused_and_do_nothing(gateway, upstream, method, path):
    reply = gateway.ask(method, path, content="a=b")
    assert reply.status in (400, 403, 405) and upstream.requests == []


def test_a_body_for_a_path_of_ours_does_not_become_the_next_request(gateway, upstream):
    smuggled = request("GET", "/public/smuggled", gateway.host)
    with gateway.raw() as client:
        client.send(request("POST", "/.auth/me", gateway.host, content=smuggled))
        client.answer()
        try:
            assert client.ask(request("GET", "/public/next", gateway.host)).json["target"] == "/public/next"
        except CutShort:
            pass  # closed instead
    assert [r.target for r in upstream.requests] in ([], ["/public/next"])
