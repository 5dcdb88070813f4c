"""Signing out: asked first, then everywhere, and the next visit begins with a login."""

import pytest

from gateway import config_for
from tokens import claims_of


def sign_out(browser, gateway, follow=True):
    return browser.submit(browser.open(gateway.at("/.auth/logout")), form="/.auth/logout", follow=follow)


def test_a_visitor_is_asked_signs_out_and_is_asked_to_sign_in_again(signed_in, gateway, provider):
    question = signed_in.open(gateway.at("/.auth/logout"))
    assert question.status == 200 and question.forms, "a page with a form"
    assert signed_in.open(gateway.at("/still")).url == gateway.at("/still"), "asking ends nothing"
    page = signed_in.submit(question, form="/.auth/logout")
    assert page.status == 200 and page.path.split("?")[0] == "/.auth/signed-out"
    assert signed_in.cookies_of("localhost") == {}
    again = signed_in.open(gateway.at("/"), follow=False)
    assert again.status == 303 and again.location.startswith(provider.issuer)


def test_the_provider_is_told_who_signs_out_and_where_to_send_them(signed_in, gateway, provider):
    sign_out(signed_in, gateway)
    [call] = provider.calls_of("logout")
    assert claims_of(call.query["id_token_hint"])["sub"] == "alice-id"
    assert call.query["post_logout_redirect_uri"] == gateway.at("/.auth/signed-out")
    assert call.query.get("state")


def test_without_an_end_session_endpoint_the_visitor_is_signed_out_here(run, provider, upstream):
    provider.metadata["end_session_endpoint"] = None
    gateway = run(config_for(provider, {"site": upstream}))
    browser = gateway.browser()
    browser.open(gateway.at("/"))
    page = sign_out(browser, gateway)
    assert page.path == "/.auth/signed-out" and page.status == 200 and browser.cookies_of("localhost") == {}


def test_logout_can_stay_here_and_lead_on(run, provider, upstream):
    gateway = run(
        config_for(
            provider,
            {"site": upstream},
            session={"logout": {"provider": False, "redirect": "/goodbye", "clear_site_data": ["cache"]}},
        )
    )
    browser = gateway.browser()
    browser.open(gateway.at("/"))
    reply = sign_out(browser, gateway, follow=False)
    assert provider.count("logout") == 0
    assert reply.status in (200, 303)
    signed_out = browser.open(gateway.at("/.auth/signed-out"), follow=False)
    assert (signed_out.location or "").endswith("/goodbye") or "/goodbye" in signed_out.text
    assert any('"cache"' in r.one("Clear-Site-Data", "") for r in (reply, signed_out))


def test_an_ended_session_stays_ended_for_whoever_kept_its_cookie(signed_in, gateway, upstream):
    kept = f"Cookie: {signed_in.cookie_field(gateway.url)}"
    assert gateway.ask("GET", "/page", kept).status == 200
    sign_out(signed_in, gateway)
    upstream.forget()
    reply = gateway.ask("GET", "/page", kept)
    assert reply.status == 401 and upstream.requests == []


def test_every_cookie_of_ours_is_cleared_with_its_attributes(behind_tls, provider):
    provider.user["groups"] = [f"group-{i:04}-" + "x" * 20 for i in range(50)]
    browser = behind_tls.browser()
    browser.open(behind_tls.at("/"))
    names = set(browser.cookies_of("portal.test"))
    assert len(names) > 1, "a session in pieces"
    reply = sign_out(browser, behind_tls, follow=False)
    cleared = {line.split("=")[0]: line for line in reply.all("Set-Cookie")}
    assert names <= set(cleared)
    for line in cleared.values():
        attributes = {a.strip().lower() for a in line.split(";")[1:]}
        assert {"max-age=0", "path=/", "secure"} <= attributes, line


ELSEWHERE = [
    ("another site", ["Sec-Fetch-Site: cross-site"]),
    ("a sibling site", ["Sec-Fetch-Site: same-site"]),
    ("a foreign origin", ["Origin: http://elsewhere.test"]),
    ("the origin null", ["Origin: null"]),
    ("a program without the form's token", []),
]


@pytest.mark.parametrize("who, lines", ELSEWHERE, ids=[w for w, _ in ELSEWHERE])
def test_nobody_else_can_sign_a_visitor_out(signed_in, gateway, who, lines):
    cookie = f"Cookie: {signed_in.cookie_field(gateway.url)}"
    reply = gateway.ask(
        "POST", "/.auth/logout", cookie, *lines, "Content-Type: application/x-www-form-urlencoded", content=""
    )
    assert reply.status == 403 and not reply.all("Set-Cookie")
    assert gateway.ask("GET", "/page", cookie).status == 200


def test_a_get_signs_nobody_out(signed_in, gateway):
    cookie = f"Cookie: {signed_in.cookie_field(gateway.url)}"
    reply = gateway.ask(
        "GET", "/.auth/logout", cookie, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Dest: image", "Sec-Fetch-Mode: no-cors"
    )
    assert reply.status in (200, 403) and not reply.all("Set-Cookie")
    assert gateway.ask("GET", "/page", cookie).status == 200


def test_the_form_that_asks_is_sent_with_its_origin(signed_in, gateway):
    page = signed_in.open(gateway.at("/.auth/logout"))
    assert page.one("Referrer-Policy") == "same-origin", "else a browser without fetch metadata posts Origin: null"


def test_the_signed_out_page_begins_no_login(gateway, provider):
    page = gateway.browser().open(gateway.at("/.auth/signed-out?state=whatever"))
    assert (
        page.status == 200 and page.url.startswith(gateway.at("/.auth/signed-out")) and provider.count("authorize") == 0
    )


def test_signing_out_without_a_session_is_no_error(gateway):
    browser = gateway.browser()
    page = browser.open(gateway.at("/.auth/logout"))
    assert page.status in (200, 303) and page.status < 400


def test_a_session_in_another_browser_goes_on(signed_in, gateway):
    other = gateway.browser()
    other.open(gateway.at("/"))
    sign_out(signed_in, gateway)
    assert other.open(gateway.at("/page"), follow=False).status == 200


def test_the_refresh_token_is_useless_after_logout(signed_in, gateway, provider):
    kept = f"Cookie: {signed_in.cookie_field(gateway.url)}"
    sign_out(signed_in, gateway)
    reply = gateway.ask("POST", "/graphql", kept, "Content-Type: application/json", content='{"query":"{me}"}')
    assert reply.status == 401 and provider.grants("refresh_token") == []
