"""Tokens are fresh when a call leaves: refreshed ahead of their end, once, and without anyone noticing."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway import config_for
from provider import Reply
from tokens import claims_of
from waiting import until

CALL = {"Content-Type": "application/json"}


@pytest.fixture
def visitor(gateway, provider):
    """Signed in with an access token of two seconds; refreshed ones live an hour."""
    provider.expires_in = 2
    browser = gateway.browser()
    assert browser.open(gateway.at("/")).status == 200
    provider.expires_in = 3600
    return browser


def call(gateway, browser):
    return browser.graphql(gateway.at("/graphql"), "{ me }")


def ended(provider):
    """Once the first access token's time is over."""
    end = claims_of(provider.access_tokens[0])["exp"]
    until(lambda: time.time() > end + 0.2, "the token's end")


def bearer(upstream):
    return upstream.last.one("Authorization").partition(" ")


def test_a_call_leaves_with_the_visitors_token(gateway, provider, upstream):
    browser = gateway.browser()
    browser.open(gateway.at("/"))
    assert call(gateway, browser).status == 200
    assert bearer(upstream) == ("Bearer", " ", provider.access_tokens[-1]) and upstream.last.target == "/util/graphql"
    assert provider.grants("refresh_token") == []


def test_no_other_route_is_given_the_token(gateway, provider, upstream):
    browser = gateway.browser()
    browser.open(gateway.at("/page"))
    browser.open(gateway.at("/optional/x"))
    assert b"Bearer" not in upstream.all_octets and provider.access_tokens[0].encode() not in upstream.all_octets


def test_the_clients_own_bearer_does_not_reach_the_api(gateway, provider, upstream):
    browser = gateway.browser()
    browser.open(gateway.at("/"))
    browser.fetch(gateway.at("/graphql"), "POST", b'{"query":"{me}"}', {**CALL, "Authorization": "Bearer forged"})
    assert bearer(upstream)[2] == provider.access_tokens[-1]


def test_a_token_is_refreshed_before_it_ends(gateway, provider, upstream):
    provider.expires_in = 4
    browser = gateway.browser()
    browser.open(gateway.at("/"))
    provider.expires_in = 3600
    until(
        lambda: call(gateway, browser).status == 200 and bearer(upstream)[2] != provider.access_tokens[0],
        "a call with a new token",
    )
    assert all(
        claims_of(r.one("Authorization")[7:])["exp"] >= time.time() - 15
        for r in upstream.requests
        if r.target == "/util/graphql"
    )
    assert bearer(upstream)[2] == provider.access_tokens[-1] and len(provider.grants("refresh_token")) == 1


def test_fifty_calls_at_once_cost_one_refresh(gateway, provider, upstream, visitor):
    ended(provider)
    upstream.forget()
    provider.on["token"] = lambda call: time.sleep(0.3)  # a refresh that takes a while; the usual answer follows
    cookie = f"Cookie: {visitor.cookie_field(gateway.url)}"

    def one(_):
        return gateway.ask(
            "POST",
            "/graphql",
            cookie,
            "Content-Type: application/json",
            "Sec-Fetch-Site: same-origin",
            content='{"query":"{me}"}',
        )

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(one, range(50)))
    assert [a.status for a in answers] == [200] * 50
    assert len(provider.grants("refresh_token")) == 1
    assert {r.one("Authorization") for r in upstream.requests} == {f"Bearer {provider.access_tokens[-1]}"}
    assert any(a.all("Set-Cookie") for a in answers), "the new session reaches the browser"


def test_the_new_cookie_goes_on_and_the_old_one_for_a_while(gateway, provider, visitor):
    ended(provider)
    old = visitor.cookie_field(gateway.url)
    assert call(gateway, visitor).status == 200
    assert visitor.cookie_field(gateway.url) != old
    assert call(gateway, visitor).status == 200
    late = gateway.ask(
        "POST", "/graphql", f"Cookie: {old}", "Content-Type: application/json", content='{"query":"{me}"}'
    )
    assert late.status == 200, "a call that was on its way with the old cookie"
    assert len(provider.grants("refresh_token")) == 1


def test_refresh_tokens_rotate(gateway, provider, visitor):
    provider.expires_in = 2
    for n in (1, 2, 3):
        end = claims_of(provider.access_tokens[-1])["exp"]
        until(lambda: time.time() > end + 0.2, "the token's end")
        assert call(gateway, visitor).status == 200
        assert len(provider.grants("refresh_token")) == n
    used = [c.form["refresh_token"] for c in provider.grants("refresh_token")]
    assert len(set(used)) == 3


def test_a_refresh_that_brings_no_new_refresh_token_keeps_the_old(gateway, provider, visitor):
    provider.rotates, provider.gives_refresh_tokens, provider.expires_in = False, False, 2
    for n in (1, 2):
        end = claims_of(provider.access_tokens[-1])["exp"]
        until(lambda: time.time() > end + 0.2, "the token's end")
        assert call(gateway, visitor).status == 200
        assert len(provider.grants("refresh_token")) == n


def test_a_refused_refresh_token_ends_the_session_once(gateway, provider, visitor):
    ended(provider)
    provider.refresh_tokens.clear()
    answer = call(gateway, visitor)
    assert answer.status == 401 and answer.json["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert 'error="invalid_token"' in answer.one("WWW-Authenticate")
    assert call(gateway, visitor).status == 401 and len(provider.grants("refresh_token")) == 1
    again = visitor.open(gateway.at("/page"), follow=False)
    assert again.status == 303 and again.location.startswith(provider.issuer), "a person is led to sign in"


@pytest.mark.parametrize(
    "answer",
    [lambda c: Reply(400, b""), lambda c: Reply(400, {"error": "invalid_request"})],
    ids=["empty, as glewlwyd", "invalid_request, as idpyoidc"],
)
def test_a_refusal_in_other_words_is_not_tried_for_ever(gateway, provider, visitor, answer):
    ended(provider)
    provider.on["token"] = answer
    assert call(gateway, visitor).status in (401, 503)
    for _ in range(5):
        call(gateway, visitor)
    assert len(provider.grants("refresh_token")) <= 3


def test_a_refreshed_id_token_of_someone_else_ends_the_session(gateway, provider, upstream, visitor):
    ended(provider)
    upstream.forget()
    provider.subject = "bob-id"
    assert call(gateway, visitor).status == 401
    assert upstream.requests == []
    assert visitor.open(gateway.at("/page"), follow=False).status == 303


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_provider_in_trouble_logs_nobody_out(gateway, provider, upstream, visitor, status):
    ended(provider)
    provider.on["token"] = lambda call: Reply(status, "trouble")
    answer = call(gateway, visitor)
    assert answer.status == 503 and answer.one("Retry-After"), "the token has ended and there is no new one"
    assert visitor.open(gateway.at("/page"), follow=False).status == 200, "other routes go on"
    del provider.on["token"]
    until(lambda: call(gateway, visitor).status == 200, "the refresh is tried again", deadline=30)


def test_while_the_token_lives_a_failing_refresh_is_not_noticed(gateway, provider):
    provider.expires_in = 30
    browser = gateway.browser()
    browser.open(gateway.at("/"))
    provider.on["token"] = lambda call: Reply(500, "trouble")
    for _ in range(10):
        assert call(gateway, browser).status == 200


def test_a_cut_connection_counts_the_refresh_token_as_spent(gateway, provider, visitor):
    ended(provider)
    provider.on["token"] = lambda call: Reply(200, {"access_token": "x" * 100}, cut=20)
    assert call(gateway, visitor).status in (401, 503)
    del provider.on["token"]
    for _ in range(3):
        assert call(gateway, visitor).status == 401
    assert len(provider.grants("refresh_token")) == 1, "it is not sent again"
    assert visitor.fetch(gateway.at("/page")).status == 200, "other routes go on"


def test_without_a_refresh_token_the_next_navigation_goes_through_the_provider(run, provider, upstream):
    routes = [{"path": "/graphql", "graphql": True, "upstream": "site"}, {"path": "/*", "upstream": "site"}]
    gateway = run(config_for(provider, {"site": upstream}, routes))
    provider.expires_in = 1
    browser = gateway.browser()
    browser.open(gateway.at("/"))
    ended(provider)
    assert call(gateway, browser).status == 401
    assert browser.fetch(gateway.at("/page")).status == 200, "other routes go on for a script"
    before = provider.count("authorize")
    browser.forget("login")  # the marks of the first login, which a browser keeps for a minute
    assert browser.open(gateway.at("/page")).status == 200
    assert provider.count("authorize") == before + 1
    end = claims_of(provider.access_tokens[-1])["exp"]
    until(lambda: time.time() > end + 1.2, "the new token's end")
    assert browser.open(gateway.at("/page")).status == 200
    page = browser.open(gateway.at("/graphql"))
    assert page.status == 401, "a navigation to a token route has nothing to go on with"
    assert page.media_type == "text/html"
    assert provider.count("authorize") == before + 1, "at most once a minute"


def test_a_logout_during_a_refresh_wins(gateway, provider, visitor):
    ended(provider)
    began, release = threading.Event(), threading.Event()

    def held(call):
        if call.form.get("grant_type") == "refresh_token":
            began.set()
            release.wait(20)

    provider.on["token"] = held
    old = f"Cookie: {visitor.cookie_field(gateway.url)}"
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(
            gateway.ask, "POST", "/graphql", old, "Content-Type: application/json", content='{"query":"{me}"}'
        )
        assert began.wait(10)
        visitor.submit(visitor.open(gateway.at("/.auth/logout")), form="/.auth/logout")
        release.set()
        assert waiting.result(20).status == 401
    assert gateway.ask("GET", "/page", old).status == 401
    until(lambda: provider.count("revoke") >= 1, "what the refresh brought is revoked")


def test_refreshes_are_counted(gateway, provider, visitor):
    ended(provider)
    call(gateway, visitor)
    assert gateway.metric("gatehouse_token_refreshes_total", outcome="success") == 1
