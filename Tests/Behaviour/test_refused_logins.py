"""A login that cannot be finished gives one page with a code, spends nothing it should not, and never loops."""

import json
import threading
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from gateway import config_for
from provider import Reply
from refusals import refused
from waiting import until


def returning(gateway, browser, path="/page"):
    """The address the provider sends the browser back to, not opened yet."""
    begun = browser.open(gateway.at(path), follow=False)
    assert begun.status == 303, begun.text
    return browser.open(begun.location, follow=False).location


def changed(url, **parameters):
    parts = urlsplit(url)
    query = {n: v[0] for n, v in parse_qs(parts.query).items()}
    query.update(parameters)
    return parts._replace(query=urlencode({n: v for n, v in query.items() if v is not None})).geturl()


def flipped(text, at):
    other = "A" if text[at] != "A" else "B"
    return text[:at] + other + text[at + 1 :]


STATES = [
    ("missing", lambda s: None),
    ("empty", lambda s: ""),
    ("unknown", lambda s: "x" * 43),
    ("its first octet changed", lambda s: flipped(s, 0)),
    ("its middle changed", lambda s: flipped(s, len(s) // 2)),
    ("its end changed", lambda s: flipped(s, len(s) - 2)),
    ("cut short", lambda s: s[:-4]),
    ("doubled", lambda s: s + s),
    ("huge", lambda s: s + "A" * 4000),
]


@pytest.mark.parametrize("what, change", STATES, ids=[w for w, _ in STATES])
def test_a_state_that_is_not_ours_spends_no_code(gateway, provider, upstream, what, change):
    browser = gateway.browser()
    back = returning(gateway, browser)
    state = parse_qs(urlsplit(back).query)["state"][0]
    page = browser.open(changed(back, state=change(state)))
    refused(page, gateway, upstream, 400)
    assert provider.count("token") == 0 and provider.count("authorize") == 1
    assert browser.open(back).status == 200, "and the login under way can still be finished"


def test_a_callback_of_another_browser_is_not_this_browsers_login(gateway, provider, upstream):
    back = returning(gateway, gateway.browser())
    victim = gateway.browser()
    page = victim.open(back)
    assert all(
        call.form.get("code") not in back for call in provider.grants("authorization_code")
    ), "the other browser's code is not spent"
    assert page.status in (200, 400)


@pytest.mark.parametrize(
    "query",
    ["", "?", "?&", "?=&=", "?%", "?state", "?code=x", "?code", "?state=&code=&error=", "?" + "&".join(["a=b"] * 1000)],
    ids=lambda q: q[:20] or "nothing",
)
def test_a_callback_that_says_nothing_useful_is_a_page(gateway, provider, upstream, query):
    page = gateway.browser().open(gateway.at("/.auth/callback") + query)
    assert page.status == 400 and page.one("X-Request-Id") in page.text
    assert provider.count("token") == 0 and upstream.requests == []


ERRORS = [
    ("access_denied", 403),
    ("login_required", 403),
    ("interaction_required", 403),
    ("consent_required", 403),
    ("server_error", None),
    ("temporarily_unavailable", None),
    ("invalid_scope", None),
    ("unauthorized_client", None),
    ("<script>alert(1)</script>", None),
    ("x" * 2000, None),
]


@pytest.mark.parametrize("error, status", ERRORS, ids=[e[:20] for e, _ in ERRORS])
def test_an_error_from_the_provider_is_a_page_a_person_understands(gateway, provider, upstream, error, status):
    provider.on["authorize"] = lambda call: provider.send_back(
        call.query, error=error, error_description="<script>alert(2)</script>"
    )
    page = gateway.browser().open(gateway.at("/page"))
    assert page.status in ([status] if status else [400, 403, 502, 503])
    refused(page, gateway, upstream, page.status)
    assert "<script" not in page.text and provider.count("token") == 0 and provider.count("authorize") == 1, "no loop"


def test_after_a_denial_the_next_visit_may_try_again(gateway, provider):
    provider.on["authorize"] = lambda call: provider.send_back(call.query, error="access_denied")
    browser = gateway.browser()
    assert browser.open(gateway.at("/page")).status == 403
    del provider.on["authorize"]
    assert browser.open(gateway.at("/page")).status == 200


def test_a_foreign_issuer_in_the_response_spends_no_code(gateway, provider, upstream):
    browser = gateway.browser()
    page = browser.open(changed(returning(gateway, browser), iss="https://evil.test"))
    refused(page, gateway, upstream, 400)
    assert provider.count("token") == 0


def test_the_issuer_must_come_when_the_provider_promises_it(run, provider, upstream):
    provider.metadata["authorization_response_iss_parameter_supported"] = True
    gateway = run(config_for(provider, {"site": upstream}))
    page = gateway.browser().open(gateway.at("/page"))
    refused(page, gateway, upstream, 400)
    provider.on["authorize"] = lambda call: provider.send_back(call.query, code="spent", iss=provider.issuer)
    gateway.browser().open(gateway.at("/page"))
    assert provider.count("token") == 1, "the right one is taken"


oauth = lambda error, status=400: lambda call: Reply(
    status, {"error": error, "error_description": "<script>x</script>"}
)

TOKEN_ANSWERS = [
    ("invalid_grant", oauth("invalid_grant"), 400),
    ("invalid_client", oauth("invalid_client", 401), 502),
    ("invalid_client as 400", oauth("invalid_client"), 502),
    ("unauthorized_client", oauth("unauthorized_client"), 502),
    ("invalid_request", oauth("invalid_request"), 502),
    ("an empty 400", lambda call: Reply(400, b""), 502),
    ("a 403 of glewlwyd's kind", oauth("invalid_code", 403), 502),
    ("500", lambda call: Reply(500, "<h1>oops</h1>"), 503),
    ("502", lambda call: Reply(502, "<h1>oops</h1>"), 503),
    ("503", lambda call: Reply(503, {"error": "temporarily_unavailable"}), 503),
    ("429", lambda call: Reply(429, "slow down", [("Retry-After", "7")]), 503),
    ("HTML with 200", lambda call: Reply(200, "<h1>Welcome</h1>"), 502),
    ("nothing with 200", lambda call: Reply(200, b"", media_type="application/json"), 502),
    ("a list", lambda call: Reply(200, []), 502),
    ("broken JSON", lambda call: Reply(200, b'{"access_token":', media_type="application/json"), 502),
    ("an error with 200", lambda call: Reply(200, {"error": "invalid_grant"}), None),
    ("a redirect", lambda call: Reply(307, "", [("Location", "http://127.0.0.1:1/token")]), 502),
    (
        "20 MB",
        lambda call: Reply(200, b'{"access_token":"' + b"x" * 20_000_000 + b'"}', media_type="application/json"),
        502,
    ),
    ("depth", lambda call: Reply(200, b"[" * 100_000, media_type="application/json"), 502),
    ("cut off", lambda call: Reply(200, {"access_token": "x" * 500}, cut=100), 503),
    ("cut off at once", lambda call: Reply(200, {"access_token": "x" * 500}, cut=0), 503),
]


@pytest.mark.parametrize("what, answer, status", TOKEN_ANSWERS, ids=[t[0] for t in TOKEN_ANSWERS])
def test_each_wrong_answer_of_the_token_endpoint_has_its_page(gateway, provider, upstream, what, answer, status):
    provider.on["token"] = answer
    page = gateway.browser().open(gateway.at("/page"))
    assert page.status in ([status] if status else [400, 502]), page.text[:500]
    refused(page, gateway, upstream, page.status)
    assert provider.count("token") == 1, "a code is never sent twice"
    assert provider.count("authorize") == 1, "no loop"
    del provider.on["token"]
    assert gateway.browser().open(gateway.at("/page")).status == 200, "the next login works"


def without(*names, **changes):
    """A good answer with members taken away or changed."""

    def answer(provider):
        def reply(call):
            value = {**json.loads(provider.token(call).content), **changes}
            return Reply(200, {n: v for n, v in value.items() if n not in names})

        return reply

    return answer


MEMBERS = [
    ("no access token", without("access_token"), 502),
    ("no ID token", without("id_token"), 502),
    ("an ID token that is null", without(id_token=None), 502),
    ("an ID token that is a number", without(id_token=5), 502),
    ("another token type", without(token_type="DPoP"), 502),
    ("no token type", without("token_type"), None),
    ("a token type in capitals", without(token_type="BEARER"), 200),
    ("a lifetime as text", without(expires_in="3600"), 200),
    ("no lifetime", without("expires_in"), 200),
    ("a negative lifetime", without(expires_in=-5), None),
    ("an endless lifetime", without(expires_in=1e300), None),
    ("a line break in the access token", without(access_token="a\r\nX-Evil: 1"), 502),
    ("unknown members", without(ecid="1.2.3", session_state="x"), 200),
]


@pytest.mark.parametrize("what, answer, status", MEMBERS, ids=[m[0] for m in MEMBERS])
def test_members_of_a_token_answer(gateway, provider, upstream, what, answer, status):
    provider.on["token"] = answer(provider)
    page = gateway.browser().open(gateway.at("/page"))
    assert page.status in ([status] if status else [200, 502]), page.text[:500]
    if page.status != 200:
        refused(page, gateway, upstream, page.status)
    assert b"X-Evil" not in upstream.all_octets


def test_a_token_endpoint_that_never_answers_is_given_up(gateway, provider, upstream):
    release = threading.Event()

    def silent(call):
        release.wait(120)
        return Reply(503, "late")

    provider.on["token"] = silent
    try:
        refused(gateway.browser(deadline=90).open(gateway.at("/page")), gateway, upstream, 503)
    finally:
        release.set()


def test_a_code_is_redeemed_once(gateway, provider, upstream):
    browser = gateway.browser()
    back = returning(gateway, browser)
    assert browser.open(back).status == 200
    again = browser.open(back)
    assert len(provider.grants("authorization_code")) == 1
    assert again.status in (200, 400)


def test_a_browser_that_keeps_no_cookies_is_told_so(gateway, provider, upstream):
    browser = gateway.browser()
    page = browser.open(gateway.at("/page"), follow=False)
    for _ in range(12):
        browser.forget()
        if page.status not in (302, 303):
            break
        page = browser.open(page.location, follow=False)
    assert page.status == 400 and "cookie" in page.text.lower(), f"{page.status} {page.url}"
    assert provider.count("token") == 0 and upstream.requests == []


def test_the_gateway_is_alive_after_all_that(gateway, provider):
    for error in ("access_denied", "server_error"):
        provider.on["authorize"] = lambda call: provider.send_back(call.query, error=error)
        gateway.browser().open(gateway.at("/page"))
    del provider.on["authorize"]
    until(lambda: gateway.admin("/livez")[0] == 200, "alive")
    assert gateway.browser().open(gateway.at("/page")).status == 200


def test_who_is_signed_in_may_follow_the_login_link_as_often_as_they_like(gateway, provider):
    browser = gateway.browser()
    for _ in range(4):
        page = browser.open(gateway.at("/.auth/login?return_to=/page"))
        assert page.status == 200 and page.path == "/page"
    assert provider.count("authorize") == 4
