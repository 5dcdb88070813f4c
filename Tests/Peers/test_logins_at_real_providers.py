"""Logins at two providers nobody here wrote, over https with a test CA: glewlwyd and idpyoidc.

Both require PKCE, rotate refresh tokens and ask before they sign anyone out; the API behind /graphql verifies each
bearer's signature against the provider's keys.
"""

import time

import pytest

from glewlwyd import Glewlwyd
from real_rooms import Room
from shared import run_for_all, upstream_for_all  # noqa: F401 - fixtures
from tokens import claims_of
from waiting import until

BOTH = ["glewlwyd", "idpyoidc"]


@pytest.fixture(scope="module", params=BOTH)
def room_for_all(request, tmp_path_factory, certificates, upstream_for_all, run_for_all):
    room = Room(request.param, tmp_path_factory.mktemp("room"), certificates, upstream_for_all, run_for_all)
    yield room
    room.stop()


@pytest.fixture
def room(room_for_all):
    return room_for_all.forget()


@pytest.fixture(params=BOTH)
def public_room(request, tmp_path, certificates, upstream, run):
    room = Room(request.param, tmp_path, certificates, upstream, run, client="public")
    yield room
    room.stop()


def query(
    room,
    browser,
    text="{ me { sub } accounts: billingAccountsConnection(first: 1) { totalCount edges { node { id uses } } } }",
):
    return browser.graphql(room.gateway.at("/graphql"), text)


def test_a_visitor_signs_in_and_the_site_knows_them(room):
    browser = room.browser()
    page = room.sign_in(browser)
    assert (page.status, page.url) == (200, room.gateway.at("/page?a=1")), page.text[:600]
    assert room.upstream.last.one("X-Forwarded-Email") == "alice@example.com"
    assert room.upstream.last.one("X-Forwarded-User") and len(room.upstream.requests) == 1


def test_a_wrong_password_leads_nowhere_and_the_right_one_still_works(room):
    browser = room.browser()
    login = browser.open(room.gateway.at("/page"))
    wrong = room.provider.sign_in(browser, login, "alice", "not-her-password")
    assert wrong.status in (401, 403) and room.upstream.requests == []
    assert browser.open(room.gateway.at("/page"), follow=False).status == 303, "still nobody"
    assert room.provider.sign_in(browser, login, "alice").url == room.gateway.at("/page")


def test_calls_reach_the_api_with_a_bearer_it_can_verify(room):
    browser = room.browser()
    room.sign_in(browser)
    answer = query(room, browser)
    assert answer.status == 200, f"{answer.text} {room.api.refused}"
    sub = room.upstream.last.one("X-Forwarded-User")
    assert answer.json["data"]["me"]["sub"] == room.api.bearers[-1]["sub"] == sub
    assert answer.json["data"]["accounts"]["edges"][0]["node"]["uses"] == [1.5, 2.25, 3.0]
    assert room.api.heads[-1].get("Cookie") is None and not room.api.refused


def test_calls_go_on_when_the_token_has_ended(room):
    before = room.gateway.metric("gatehouse_token_refreshes_total", outcome="success")
    browser = room.browser()
    room.sign_in(browser)
    assert query(room, browser).status == 200
    first = room.api.bearers[-1]
    for _ in range(2):  # twice: the rotated refresh token works, too
        end = room.api.bearers[-1]["exp"]
        until(lambda: time.time() > end, "the token's end")
        answer = query(room, browser)
        assert answer.status == 200, f"{answer.text} {room.api.refused}"
    assert room.api.bearers[-1]["jti"] != first["jti"] and room.api.bearers[-1]["sub"] == first["sub"]
    assert not room.api.refused
    assert browser.open(room.gateway.at("/page"), follow=False).status == 200
    assert room.gateway.metric("gatehouse_token_refreshes_total", outcome="success") >= before + 2


def test_signing_out_ends_both_sessions(room):
    browser = room.browser()
    room.sign_in(browser)
    kept = f"Cookie: {browser.cookie_field(room.gateway.url)}"
    question = browser.submit(browser.open(room.gateway.at("/.auth/logout")), form="/.auth/logout")
    assert question.url.startswith(
        room.provider.issuer.split("/api")[0]
    ), f"the provider asks: {question.url} {question.text[:400]}"
    page = room.provider.sign_out(browser, question)
    assert page.status == 200 and page.path.split("?")[0] == "/.auth/signed-out"
    assert room.gateway.ask("GET", "/page", kept).status == 401
    again = browser.open(room.gateway.at("/page"))
    assert not again.url.startswith(room.gateway.url) and again.status == 200, "asked for the password again"


@pytest.mark.parametrize("room_for_all", ["glewlwyd"], indirect=True)  # idpyoidc: each login a session of its own
def test_the_provider_ends_the_other_session_of_its_own(room):
    browser = room.browser()
    room.sign_in(browser, "bob")
    kept = f"Cookie: {browser.cookie_field(room.gateway.url)}"
    # The provider's session goes on with a second one here, in what looks like the same browser.
    browser.cookies = [c for c in browser.cookies if not c.name.startswith("gatehouse")]
    page = browser.open(room.gateway.at("/page"))
    if page.url != room.gateway.at("/page"):
        page = room.provider.sign_in(browser, page, "bob")
    assert page.url == room.gateway.at("/page") and room.gateway.ask("GET", "/page", kept).status == 200
    question = browser.submit(browser.open(room.gateway.at("/.auth/logout")), form="/.auth/logout")
    room.provider.sign_out(browser, question)
    refused = lambda: [e["cause"] for e in room.gateway.events("backchannel-logout-refused")]
    until(
        lambda: room.gateway.ask("GET", "/page", kept).status == 401,
        lambda: f"the first session ends by the back channel: {refused()} {room.provider.process.output[-1500:]}",
    )


def test_two_people_in_two_browsers_stay_apart(room):
    names = ("alice", "bob") if isinstance(room.provider, Glewlwyd) else ("alice", "robin")
    browsers = {name: room.browser() for name in names}
    for name, browser in browsers.items():
        assert room.sign_in(browser, name).status == 200
    for name, browser in browsers.items():
        browser.open(room.gateway.at("/page"))
        assert room.upstream.last.one("X-Forwarded-Email") == f"{name}@example.com"


def test_a_public_client_signs_in_and_refreshes(public_room):
    browser = public_room.browser()
    assert public_room.sign_in(browser).status == 200
    assert query(public_room, browser).status == 200
    end = public_room.api.bearers[-1]["exp"]
    until(lambda: time.time() > end, "the token's end")
    assert query(public_room, browser).status == 200, public_room.api.refused


def test_a_callback_opened_twice_harms_nobody(room):
    browser = room.browser()
    page = room.sign_in(browser)
    callback = next(url for _, url in browser.requests if "/.auth/callback" in url)
    assert browser.open(callback).status in (200, 400)
    assert page.status == 200 and browser.open(room.gateway.at("/page"), follow=False).status == 200


def test_a_wrong_client_secret_is_the_operators_page(room):
    right = room.gateway.config["provider"]["client_secret"]

    def reload(secret):
        before = room.gateway.metric("gatehouse_config_reloads_total", outcome="success")
        room.gateway.config["provider"]["client_secret"] = secret
        room.gateway.write(room.gateway.config)
        room.gateway.reload()
        until(lambda: room.gateway.metric("gatehouse_config_reloads_total", outcome="success") > before, "the reload")

    reload("wrong")
    try:
        page = room.sign_in(room.browser())
    finally:
        reload(right)
    assert page.status == 502 and page.one("X-Request-Id") in page.text
    assert room.upstream.requests == []
    assert room.sign_in(room.browser()).status == 200, "and the right one works again"


def test_no_token_of_a_real_provider_is_in_the_log_or_the_browser(room):
    browser = room.browser()
    room.sign_in(browser)
    query(room, browser)
    bearer = room.api.heads[-1]["Authorization"].partition(" ")[2]
    assert claims_of(bearer)["sub"]
    said = room.gateway.process.output + " ".join(line for _, line in browser.set_cookie_lines)
    assert bearer not in said and bearer.split(".")[2] not in said
