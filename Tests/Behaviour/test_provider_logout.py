"""The provider ends a session: by a token it posts (back channel), or by a frame in the browser (front channel).

The rows of wrong tokens are those of the OpenID Foundation's back-channel plan for relying parties, and more.
"""

import secrets
import threading
import time
from urllib.parse import urlencode

import pytest

from provider import shared_key
from raw import request
from tokens import hmac_signature, token
from upstream import answer
from waiting import until

EVENT = "http://schemas.openid.net/event/backchannel-logout"
FORM = "Content-Type: application/x-www-form-urlencoded"


def good(provider, **changes):
    """The claims of a logout token, some changed; None takes one away."""
    now = int(time.time())
    claims = {
        "iss": provider.issuer,
        "aud": "gatehouse",
        "iat": now,
        "exp": now + 120,
        "jti": secrets.token_urlsafe(12),
        "sub": "alice-id",
        "sid": "session-1",
        "events": {EVENT: {}},
        "ignored_claim": "others are ignored",
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


def signed(provider, claims, header=None, **options):
    return token(provider.key, claims, header or {"typ": "logout+jwt"}, **options)


def post(gateway, logout_token, *lines, **more):
    content = urlencode({"logout_token": logout_token, "ignored_parameter": "x", **more})
    return gateway.ask("POST", "/.auth/backchannel-logout", FORM, *lines, content=content)


@pytest.fixture
def visitor(gateway, provider):
    """Signs somebody in, in a browser of their own, with the `sid` given; their Cookie line."""

    def sign_in(sid="session-1", subject="alice-id"):
        provider.user["sid"], provider.subject = sid, subject
        browser = gateway.browser()
        assert browser.open(gateway.at("/")).status == 200
        return f"Cookie: {browser.cookie_field(gateway.url)}"

    return sign_in


def is_signed_in(gateway, cookie):
    return gateway.ask("GET", "/page", cookie).status == 200


def test_the_session_named_ends_at_once_and_no_other(gateway, provider, visitor):
    named, same, other, bob = visitor(), visitor(), visitor("session-2"), visitor("session-3", "bob-id")
    reply = post(gateway, signed(provider, good(provider)))
    assert reply.status == 200 and "no-store" in reply.one("Cache-Control")
    assert not is_signed_in(gateway, named) and not is_signed_in(gateway, same)
    assert is_signed_in(gateway, other) and is_signed_in(gateway, bob)


def test_a_subject_without_sid_loses_every_session(gateway, provider, visitor):
    cookies, bob = [visitor(), visitor("session-2"), visitor(None)], visitor("session-3", "bob-id")
    assert post(gateway, signed(provider, good(provider, sid=None))).status == 200
    assert not any(is_signed_in(gateway, c) for c in cookies) and is_signed_in(gateway, bob)


def test_a_sid_alone_is_enough_and_a_later_login_lives(gateway, provider, visitor):
    cookie = visitor()
    assert post(gateway, signed(provider, good(provider, sub=None))).status == 200
    assert not is_signed_in(gateway, cookie)
    began = int(time.time())
    until(lambda: int(time.time()) > began, "another second")
    assert is_signed_in(gateway, visitor()), "some providers give the same sid again"


def test_nobody_to_sign_out_is_done_too(gateway, provider):
    assert post(gateway, signed(provider, good(provider, sid="nobody", sub=None))).status == 200


HOUR = 3600
WRONG = {
    "alg none": lambda p, now: token(p.key, good(p), {"alg": "none"}, lambda octets: b""),
    "HMAC with the client's secret": lambda p, now: token(
        p.key, good(p), {"alg": "HS256"}, hmac_signature(p.clients["gatehouse"])
    ),
    "an algorithm that is not announced": lambda p, now: token(shared_key("es", "ES256"), good(p)),
    "a stranger's signature": lambda p, now: token(shared_key("other"), good(p), {"kid": p.key.kid}),
    "a stranger's key": lambda p, now: token(shared_key("other"), good(p)),
    "another issuer": lambda p, now: signed(p, good(p, iss="https://evil.test")),
    "no issuer": lambda p, now: signed(p, good(p, iss=None)),
    "another audience": lambda p, now: signed(p, good(p, aud="somebody")),
    "a foreign audience beside ours": lambda p, now: signed(p, good(p, aud=["gatehouse", "somebody"])),
    "another event": lambda p, now: signed(p, good(p, events={"http://example.test/event": {}})),
    "no event": lambda p, now: signed(p, good(p, events=None)),
    "events no object": lambda p, now: signed(p, good(p, events=[EVENT])),
    "the event no object": lambda p, now: signed(p, good(p, events={EVENT: True})),
    "a nonce": lambda p, now: signed(p, good(p, nonce="n")),
    "neither sub nor sid": lambda p, now: signed(p, good(p, sub=None, sid=None)),
    "no iat": lambda p, now: signed(p, good(p, iat=None)),
    "an old iat": lambda p, now: signed(p, good(p, iat=now - HOUR)),
    "an iat to come": lambda p, now: signed(p, good(p, iat=now + HOUR, exp=now + 2 * HOUR)),
    "exp past": lambda p, now: signed(p, good(p, exp=now - HOUR)),
    "no jti": lambda p, now: signed(p, good(p, jti=None)),
    "typ of an access token": lambda p, now: signed(p, good(p), {"typ": "at+jwt"}),
    "an ID token": lambda p, now: signed(p, good(p, events=None, nonce="n"), {"typ": "JWT"}),
    "cut": lambda p, now: signed(p, good(p))[:-8],
    "no token": lambda p, now: "x",
    "empty": lambda p, now: "",
    "five segments": lambda p, now: signed(p, good(p)) + ".e30.e30",
}


def test_a_token_that_is_wrong_is_400_and_ends_nothing(gateway, provider, visitor):
    cookie = visitor()
    for what, make in WRONG.items():
        reply = post(gateway, make(provider, int(time.time())))
        assert (reply.status, "no-store" in reply.one("Cache-Control")) == (400, True), what
        assert reply.one("Content-Type") == "application/json" and '"error"' in reply.text, what
        assert is_signed_in(gateway, cookie), what
    until(lambda: len(gateway.events("backchannel-logout-refused")) >= len(WRONG) - 1, "each is in the log")
    assert provider.count("jwks") <= 2, "unknown keys make one more request"


def test_a_token_counts_once(gateway, provider, visitor):
    logout_token = signed(provider, good(provider))
    assert post(gateway, logout_token).status == 200
    assert post(gateway, logout_token).status == 400


def test_only_a_form_posted_is_read(gateway, provider, visitor):
    cookie, path = visitor(), "/.auth/backchannel-logout"
    logout_token = signed(provider, good(provider))
    assert gateway.ask("GET", f"{path}?logout_token={logout_token}").status == 405
    for kind in ("application/json", "text/plain", "multipart/form-data; boundary=x"):
        assert gateway.ask("POST", path, f"Content-Type: {kind}", content=f"logout_token={logout_token}").status == 400
    assert gateway.ask("POST", path, content=f"logout_token={logout_token}").status == 400
    twice = f"logout_token={logout_token}&logout_token={logout_token}"
    assert gateway.ask("POST", path, FORM, content=twice).status == 400
    assert gateway.ask("POST", path, FORM, content="logout_token=" + "x" * 40_000).status == 413
    assert is_signed_in(gateway, cookie)


def test_the_provider_is_no_browser(gateway, provider, visitor):
    cookie = visitor()
    reply = post(gateway, signed(provider, good(provider)), "Origin: null", "Sec-Fetch-Site: cross-site")
    assert reply.status == 200 and not is_signed_in(gateway, cookie)


def test_what_goes_on_for_long_ends_too(gateway, provider, visitor, upstream):
    never = threading.Event()
    events = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
    upstream.script = lambda r: [events, never] if r.target == "/events" else answer("ok")
    cookie = visitor()
    with gateway.raw(deadline=11) as stream:
        stream.send(request("GET", "/events", gateway.host, cookie))
        assert stream.head().status == 200
        assert post(gateway, signed(provider, good(provider))).status == 200
        while stream._more():
            pass
        assert not stream.received.endswith(b"0\r\n\r\n")
    never.set()


# Front channel


def frame(gateway, iss, sid, *lines):
    query = urlencode({k: v for k, v in (("iss", iss), ("sid", sid)) if v is not None})
    browser = ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe", "Accept: text/html"]
    return gateway.ask("GET", f"/.auth/frontchannel-logout?{query}", *browser, *lines)


def test_a_frame_without_cookies_ends_the_session_it_names(gateway, provider, visitor):
    named, other = visitor(), visitor("session-2")
    reply = frame(gateway, provider.issuer, "session-1")
    assert reply.status == 200 and "no-store" in reply.one("Cache-Control")
    assert not is_signed_in(gateway, named) and is_signed_in(gateway, other)
    assert provider.count("revoke") == 0
    assert reply.one("X-Frame-Options") is None
    policy = reply.one("Content-Security-Policy")
    assert policy.split("frame-ancestors ")[1].split(";")[0].split() == [provider.issuer]


def test_a_frame_with_the_session_clears_its_cookies(gateway, provider, visitor):
    cookie = visitor()
    wrong = frame(gateway, provider.issuer, "session-2", cookie)
    assert not wrong.all("Set-Cookie") and is_signed_in(gateway, cookie)
    right = frame(gateway, provider.issuer, "session-1", cookie)
    assert right.all("Set-Cookie") and all("Max-Age=0" in line for line in right.all("Set-Cookie"))
    assert not is_signed_in(gateway, cookie) and provider.count("revoke") == 0


@pytest.mark.parametrize("iss, sid", [(None, "session-1"), ("", "session-1"), ("https://evil.test", "session-1"), (1, None)])
def test_a_frame_that_names_nobody_ends_nothing(gateway, provider, visitor, iss, sid):
    cookie = visitor()
    reply = frame(gateway, provider.issuer if iss == 1 else iss, sid, cookie)
    assert reply.status == 400 and not reply.all("Set-Cookie") and is_signed_in(gateway, cookie)


def test_the_signed_out_page_bears_any_state(gateway):
    for query in ("", "?state=", "?state=whatever", "?state=a&state=b"):
        assert gateway.ask("GET", f"/.auth/signed-out{query}").status == 200


def test_who_signs_in_again_at_once_stays_signed_in(gateway, provider, visitor):
    before = visitor()
    assert post(gateway, signed(provider, good(provider, sid=None))).status == 200
    after = visitor()  # within the second of the ending, as a rule
    assert gateway.ask("GET", "/page", after).status == 200
    assert gateway.ask("GET", "/page", before).status == 401
