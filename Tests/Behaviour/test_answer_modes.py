"""The ways an authorization response comes back: by query, by form, behind the `#`; a code or the ID token alone."""

import base64
import hashlib
import re
import time
from urllib.parse import parse_qs, urlsplit

import pytest

from encryption import client_key, encrypted
from gateway import config_for
from provider import Reply
from refusals import refused
from tokens import token


@pytest.fixture
def site(provider, upstream, run):
    return lambda **settings: run(config_for(provider, {"site": upstream}, provider=settings))


MODES = [
    ("code", "form_post"),
    ("id_token", "form_post"),
    ("id_token", "fragment"),
]


def settings(kind, mode):
    return {"response_type": kind, "response_mode": mode}


def is_script_page(page):
    """One of the two pages with a script: its policy allows that one, and nothing from elsewhere."""
    policy = page.one("Content-Security-Policy")
    script = re.search(r"<script>(.*?)</script>", page.text, re.S)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy and "default-src 'none'" in policy
    assert page.status == 200 and "no-store" in page.one("Cache-Control")
    assert page.one("Referrer-Policy") == "no-referrer" and page.text.count("<script") == 1
    return script


@pytest.mark.parametrize("kind, mode", MODES, ids=[f"{k} by {m}" for k, m in MODES])
def test_a_login_ends_at_the_page_first_asked_for(site, provider, upstream, kind, mode):
    gateway = site(**settings(kind, mode))
    browser = gateway.browser()
    page = browser.sign_in(gateway.at("/page?a=1"))
    assert page.status == 200 and page.path == "/page?a=1", page.text[:500]
    asked = provider.calls_of("authorize")[0].query
    assert asked["response_type"] == kind and asked.get("response_mode", "fragment") == mode
    assert ("code_challenge" in asked) == (kind == "code")
    assert provider.count("token") == (1 if kind == "code" else 0)
    assert upstream.requests[-1].one("X-Forwarded-User") == "alice-id"
    assert browser.open(gateway.at("/more")).status == 200 and provider.count("authorize") == 1


def begun(gateway, browser, path="/page"):
    """The provider's own page, which posts its answer, or the address with the answer behind the `#`."""
    first = browser.open(gateway.at(path), follow=False)
    return browser.open(first.location, follow=False)


def test_the_lost_lax_cookie_costs_one_page_of_our_own(site, provider):
    gateway = site(response_mode="form_post")
    browser = gateway.browser()
    ours = browser.submit(begun(gateway, browser))
    assert is_script_page(ours) == "document.forms[0].submit()"
    assert ours.forms[0]["action"].startswith("/.auth/callback"), "it posts to ourselves"
    assert provider.count("token") == 0, "nothing is spent before the cookie is here"
    assert "Go on" in ours.text, "and it has a button for who runs no script"
    assert browser.submit(ours).path == "/page" and provider.count("token") == 1


def test_it_posts_once_more_at_most_once(site, provider, upstream):
    gateway = site(response_mode="form_post")
    browser = gateway.browser()
    ours = browser.submit(begun(gateway, browser))
    browser.forget("login")  # a browser that does not return cookies
    again = browser.submit(ours, follow=False)
    assert again.status == 303 and urlsplit(again.location).path == "/authorize", "one fresh login"
    ours = browser.submit(browser.open(again.location))
    browser.forget()
    page = browser.submit(ours, follow=False)
    assert refused(page, gateway, upstream, 400)[0] == "cookies-missing"
    assert provider.count("token") == 0


def test_a_browser_that_sends_the_cookie_needs_no_second_post(site, provider):
    gateway = site(response_mode="form_post")
    browser = gateway.browser()
    form = begun(gateway, browser)
    for cookie in browser.cookies:
        cookie.same_site = "none"
    assert browser.submit(form).path == "/page" and provider.count("token") == 1


def test_an_error_by_form_is_a_page(site, provider, upstream):
    gateway = site(response_mode="form_post")
    provider.on["authorize"] = lambda call: provider.send_back(call.query, error="access_denied")
    page = gateway.browser().sign_in(gateway.at("/page"))
    assert refused(page, gateway, upstream, 403)[0] == "declined"


@pytest.mark.parametrize("kind, mode", MODES, ids=[f"{k} by {m}" for k, m in MODES])
def test_a_result_that_comes_in_another_way_is_not_taken(site, provider, upstream, kind, mode):
    gateway = site(**settings(kind, mode))
    browser = gateway.browser()
    first = browser.open(gateway.at("/page"), follow=False)
    asked = {n: v[0] for n, v in parse_qs(urlsplit(first.location).query).items()}
    provider.authorize(type("Call", (), {"query": asked}))
    result = next(iter(provider.codes)) if kind == "code" else provider.id_token_at_once(asked)
    page = browser.open(gateway.at(f"/.auth/callback?{kind}={result}&state={asked['state']}"))
    assert refused(page, gateway, upstream, 400)[0] == "response-invalid"
    assert provider.count("token") == 0


@pytest.mark.parametrize("what", ["multipart", "JSON", "nothing"])
def test_a_post_that_is_no_form_is_refused(site, upstream, what):
    gateway = site(response_mode="form_post")
    types = {"multipart": ["Content-Type: multipart/form-data; boundary=x"], "JSON": ["Content-Type: application/json"]}
    reply = gateway.ask("POST", "/.auth/callback", *types.get(what, []), content=b"state=x&code=y")
    assert reply.status == 400 and upstream.requests == []


def test_a_post_is_not_taken_where_a_query_is_expected(gateway, upstream):
    form = ["Content-Type: application/x-www-form-urlencoded"]
    reply = gateway.ask("POST", "/.auth/callback", *form, content=b"state=x&code=y")
    assert reply.status == 405 and reply.one("Allow") == "GET, HEAD"


def test_a_form_that_is_too_long_is_413(site, upstream):
    gateway = site(response_mode="form_post")
    form = ["Content-Type: application/x-www-form-urlencoded"]
    reply = gateway.ask("POST", "/.auth/callback", *form, content=b"state=" + b"x" * 300_000)
    assert reply.status == 413 and upstream.requests == []


def test_what_a_form_says_is_escaped_on_the_page(site, provider):
    gateway = site(response_mode="form_post")
    browser = gateway.browser()
    form = begun(gateway, browser)
    state = form.forms[0]["values"]["state"]
    page = browser.submit(form, {"code": 'x"><script>alert(1)</script>', "session_state": "'><img src=x>"})
    is_script_page(page)
    assert page.forms[0]["values"] == {
        "code": 'x"><script>alert(1)</script>',
        "state": state,
        "session_state": "'><img src=x>",
    }


# The ID token alone


def test_a_fragment_is_read_by_a_page_of_our_own(site, provider):
    gateway = site(response_type="id_token", response_mode="fragment")
    browser = gateway.browser()
    back = begun(gateway, browser).location
    assert "#" in back and "id_token=" in back
    page = browser.open(back)
    script = is_script_page(page)
    assert "location.hash" in script and "<noscript>" in page.text
    assert browser.run_script(page).path == "/page"


def test_an_empty_fragment_ends_at_a_page(site, provider, upstream):
    gateway = site(response_type="id_token", response_mode="fragment")
    browser = gateway.browser()
    page = browser.run_script(browser.open(gateway.at("/.auth/callback")))
    assert refused(page, gateway, upstream, 400)[0] == "response-invalid"


def test_an_access_token_in_a_fragment_is_not_read(gateway, upstream):
    page = gateway.browser().open(gateway.at("/.auth/callback#access_token=x&state=y"))
    assert page.status == 400 and "<script" not in page.text


BROUGHT = [
    ("another nonce", lambda p: setattr(p, "claims", lambda c: {**c, "nonce": "x" * 43})),
    ("another audience", lambda p: setattr(p, "claims", lambda c: {**c, "aud": "other"})),
    ("it has ended", lambda p: setattr(p, "claims", lambda c: {**c, "exp": int(time.time()) - 600})),
    ("no signature", lambda p: setattr(p, "sign", lambda o: b"")),
    ("no token at all", lambda p: setattr(p, "make_id_token", lambda c: "x")),
    ("a logout token", lambda p: setattr(p, "header", {"typ": "logout+jwt"})),
]


@pytest.mark.parametrize("what, bend", BROUGHT, ids=[b[0] for b in BROUGHT])
def test_a_wrong_id_token_from_the_browser_is_400(site, provider, upstream, what, bend):
    gateway = site(response_type="id_token", response_mode="form_post")
    bend(provider)
    page = gateway.browser().sign_in(gateway.at("/page"))
    assert refused(page, gateway, upstream, 400)[0] in ("id-token-refused", "response-invalid")


def test_an_id_token_signs_in_once(site, provider, upstream):
    gateway = site(response_type="id_token", response_mode="form_post")
    browser = gateway.browser()
    ours = browser.submit(begun(gateway, browser))
    assert browser.submit(ours).status == 200
    stranger = gateway.browser()
    page = stranger.submit(ours)
    assert page.url.startswith(provider.issuer) or page.status in (200, 400)
    assert not [c for c in stranger.cookies if c.name == "gatehouse"], "another browser gets nothing from it"


# Encrypted ID tokens

WAYS = [
    (kind, alg, enc)
    for kind, alg in [("RSA", "RSA-OAEP-256"), ("RSA", "RSA-OAEP"), ("EC", "ECDH-ES")]
    for enc in ["A128CBC-HS256", "A128GCM", "A256GCM"]
]
_keys = {}


@pytest.fixture
def sealing(provider, upstream, run, tmp_path):
    """A gateway with a key of the kind, whose public half is given back."""

    def start(kind, **more):
        key, text = _keys.setdefault(kind, client_key(kind))
        (tmp_path / "client.key").write_text(text)
        place = {"client_key": {"file": str(tmp_path / "client.key")}, **more}
        return run(config_for(provider, {"site": upstream}, provider=place)), key.public_key()

    return start


@pytest.mark.parametrize("kind, alg, enc", WAYS, ids=[f"{a} {e}" for _, a, e in WAYS])
def test_an_encrypted_id_token_is_opened(sealing, provider, kind, alg, enc):
    gateway, key = sealing(kind)
    provider.make_id_token = lambda claims: encrypted(token(provider.key, claims), key, alg, enc)
    browser = gateway.browser()
    assert browser.open(gateway.at("/page")).status == 200
    browser.submit(browser.open(gateway.at("/.auth/logout")), follow=False)
    hint = urlsplit(browser.open(gateway.at("/"), follow=False).location)
    assert hint.path == "/authorize"


def test_a_plain_id_token_is_taken_beside_a_key(sealing, provider):
    gateway, _ = sealing("EC")
    assert gateway.browser().open(gateway.at("/page")).status == 200


BROKEN = [
    ("its key changed", dict(alg="RSA-OAEP-256", break_at=1)),
    ("its nonce changed", dict(alg="RSA-OAEP-256", break_at=2)),
    ("its content changed", dict(alg="RSA-OAEP-256", break_at=3)),
    ("its tag changed", dict(alg="RSA-OAEP-256", break_at=4)),
    ("its content changed, CBC", dict(alg="RSA-OAEP", enc="A128CBC-HS256", break_at=3)),
    ("its tag changed, CBC", dict(alg="RSA-OAEP", enc="A128CBC-HS256", break_at=4)),
    ("RSA1_5", dict(alg="RSA1_5")),
    ("compressed", dict(alg="RSA-OAEP-256", header={"zip": "DEF"})),
    ("a critical extension", dict(alg="RSA-OAEP-256", header={"crit": ["x"], "x": 1})),
    ("no enc", dict(alg="RSA-OAEP-256", header={"enc": None})),
]


@pytest.mark.parametrize("what, how", BROKEN, ids=[b[0] for b in BROKEN])
def test_a_broken_encrypted_id_token_signs_nobody_in(sealing, provider, upstream, what, how):
    gateway, key = sealing("RSA")
    provider.make_id_token = lambda claims: encrypted(token(provider.key, claims), key, **how)
    assert refused(gateway.browser().open(gateway.at("/page")), gateway, upstream, 502)[0] == "id-token-invalid"


def test_what_is_inside_is_judged_like_any_token(sealing, provider, upstream):
    gateway, key = sealing("EC")
    inner = lambda claims: token(provider.key, {**claims, "nonce": "other"})
    provider.make_id_token = lambda claims: encrypted(inner(claims), key, "ECDH-ES", "A128GCM")
    refused(gateway.browser().open(gateway.at("/page")), gateway, upstream, 502)
    provider.make_id_token = lambda claims: encrypted('{"sub":"alice-id"}', key, "ECDH-ES", "A128GCM")
    refused(gateway.browser().open(gateway.at("/page")), gateway, upstream, 502)


# Userinfo


def test_userinfo_adds_claims(site, provider, upstream):
    gateway = site(userinfo=True)
    provider.claims = lambda c: {n: v for n, v in c.items() if n not in ("email", "groups")}
    assert gateway.browser().open(gateway.at("/page")).status == 200
    assert upstream.requests[-1].one("X-Forwarded-Email") == "alice@example.com"
    assert upstream.requests[-1].one("X-Forwarded-Groups") == "readers,writers"


def test_what_was_signed_counts_before_what_userinfo_says(site, provider, upstream):
    gateway = site(userinfo=True)
    provider.on["userinfo"] = lambda call: Reply(200, {"sub": "alice-id", "email": "other@example.com", "groups": ["x"]})
    assert gateway.browser().open(gateway.at("/page")).status == 200
    assert upstream.requests[-1].one("X-Forwarded-Email") == "alice@example.com"


def test_userinfo_is_not_asked_unless_wished_for(gateway, provider):
    assert gateway.browser().open(gateway.at("/page")).status == 200
    assert provider.count("userinfo") == 0


def signed(provider, **changes):
    claims = {"iss": provider.issuer, "aud": "gatehouse", "sub": "alice-id", "email": "signed@example.com", **changes}
    claims = {n: v for n, v in claims.items() if v is not None}
    return Reply(200, token(provider.key, claims), media_type="application/jwt")


def test_a_signed_userinfo_is_checked(site, provider, upstream):
    gateway = site(userinfo=True)
    provider.claims = lambda c: {n: v for n, v in c.items() if n != "email"}
    provider.on["userinfo"] = lambda call: signed(provider)
    assert gateway.browser().open(gateway.at("/page")).status == 200
    assert upstream.requests[-1].one("X-Forwarded-Email") == "signed@example.com"


USERINFO = [
    ("another subject", lambda p: Reply(200, {"sub": "bob-id"}), 502),
    ("no subject", lambda p: Reply(200, {"email": "x@example.com"}), 502),
    ("a list", lambda p: Reply(200, []), 502),
    ("HTML", lambda p: Reply(200, "<h1>hi</h1>"), 502),
    ("nothing", lambda p: Reply(200, b"", media_type="application/json"), 502),
    ("401", lambda p: Reply(401, {"error": "invalid_token"}), 502),
    ("a redirect", lambda p: Reply(302, "", [("Location", "/elsewhere")]), 502),
    ("500", lambda p: Reply(500, "oops"), 503),
    ("429", lambda p: Reply(429, "slow"), 503),
    ("10 MB", lambda p: Reply(200, {"sub": "alice-id", "x": "x" * 10_000_000}), 502),
    ("signed for another client", lambda p: signed(p, aud="other"), 502),
    ("signed by another issuer", lambda p: signed(p, iss="https://evil.test"), 502),
    ("signed without an audience", lambda p: signed(p, aud=None), 502),
    ("signed for another subject", lambda p: signed(p, sub="bob-id"), 502),
    ("signed, alg none", lambda p: Reply(200, token(p.key, {"sub": "alice-id"}, {"alg": "none"}), media_type="application/jwt"), 502),
]


@pytest.mark.parametrize("what, answer, status", USERINFO, ids=[u[0] for u in USERINFO])
def test_a_wrong_userinfo_signs_nobody_in(site, provider, upstream, what, answer, status):
    gateway = site(userinfo=True)
    provider.on["userinfo"] = lambda call: answer(provider)
    refused(gateway.browser().open(gateway.at("/page")), gateway, upstream, status)


# `iss` in the response, RFC 9207


@pytest.fixture
def naming(provider, upstream, run):
    provider.sends_iss = True
    provider.metadata["authorization_response_iss_parameter_supported"] = True
    return run(config_for(provider, {"site": upstream}))


def test_the_issuer_in_the_response_is_checked(naming, provider, upstream):
    assert naming.browser().open(naming.at("/page")).status == 200
    upstream.forget()
    for issuer in ("https://evil.test", provider.issuer + "/", provider.issuer.replace(":", "%3A"), None):
        before = provider.count("token")
        if issuer is None:
            provider.sends_iss = False
            provider.on.pop("authorize", None)
        else:
            provider.on["authorize"] = lambda call: provider.send_back(call.query, code="x", iss=issuer)
        page = naming.browser().open(naming.at("/page"))
        assert refused(page, naming, upstream, 400)[0] == "issuer-mismatch"
        assert provider.count("token") == before, "no code goes to a provider that another answered for"
