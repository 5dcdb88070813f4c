"""An ID token that fails any check of OpenID Connect Core 3.1.3.7 or RFC 8725 signs nobody in."""

import json
import time

import pytest

from provider import shared_key
from refusals import refused
from tokens import SigningKey, base64url, hmac_signature, token

now = lambda: int(time.time())
with_claims = lambda **changes: lambda p: setattr(
    p, "claims", lambda c: {n: v for n, v in {**c, **changes}.items() if v is not ...}
)
with_header = lambda **changes: lambda p: setattr(p, "header", changes)
instead = lambda make: lambda p: setattr(p, "make_id_token", lambda claims: make(p, claims))
signed_by = lambda key: instead(lambda p, c: token(key, c))
parts = lambda p, c: token(p.key, c).split(".")
TAKEN_AWAY = ...


def flip(position):
    def change(p, claims):
        head, body, signature = parts(p, claims)
        at = position % len(signature)
        return f"{head}.{body}.{signature[:at]}{'A' if signature[at] != 'A' else 'B'}{signature[at + 1:]}"

    return instead(change)


def other_key(kid="key-1", algorithm="RS256"):
    return signed_by(shared_key(f"other {kid} {algorithm}", algorithm))


def foreign_key_same_id(p):
    key = SigningKey("key-1")
    p.make_id_token = lambda claims: token(key, claims)


WRONG = [
    ("another issuer", with_claims(iss="https://evil.test")),
    ("the issuer with a slash", lambda p: with_claims(iss=p.issuer + "/")(p)),
    ("no issuer", with_claims(iss=TAKEN_AWAY)),
    ("another audience", with_claims(aud="someone")),
    ("no audience", with_claims(aud=TAKEN_AWAY)),
    ("an empty audience", with_claims(aud=[])),
    ("an audience that is a number", with_claims(aud=5)),
    ("an audience that begins like us", with_claims(aud="gatehouse2")),
    ("a nested audience", with_claims(aud=[["gatehouse"]])),
    ("a further audience", with_claims(aud=["gatehouse", "other"])),
    ("another authorized party", with_claims(azp="other")),
    ("it has ended", lambda p: setattr(p, "claims", lambda c: {**c, "exp": now() - 600})),
    ("no end", with_claims(exp=TAKEN_AWAY)),
    ("an end as text", with_claims(exp="4102444800")),
    ("an end that is true", with_claims(exp=True)),
    ("an end that is null", with_claims(exp=None)),
    ("a negative end", with_claims(exp=-1)),
    ("no time of issue", with_claims(iat=TAKEN_AWAY)),
    ("issued tomorrow", with_claims(iat=now() + 86400)),
    ("not valid before tomorrow", with_claims(nbf=now() + 86400)),
    ("another nonce", with_claims(nonce="x" * 43)),
    ("no nonce", with_claims(nonce=TAKEN_AWAY)),
    ("a list of nonces", lambda p: setattr(p, "claims", lambda c: {**c, "nonce": [c["nonce"]]})),
    ("the nonce in capitals", lambda p: setattr(p, "claims", lambda c: {**c, "nonce": c["nonce"].swapcase()})),
    ("no subject", with_claims(sub=TAKEN_AWAY)),
    ("an empty subject", with_claims(sub="")),
    ("a subject that is a number", with_claims(sub=7)),
    ("a subject of 300 octets", with_claims(sub="x" * 300)),
    ("a wrong at_hash", with_claims(at_hash="A" * 22)),
    ("a logout token's events", with_claims(events={"http://schemas.openid.net/event/backchannel-logout": {}})),
    ("alg none", instead(lambda p, c: ".".join(token(p.key, c, {"alg": "none"}).split(".")[:2]) + ".")),
    ("alg None with a signature", with_header(alg="None")),
    ("alg nOnE, unsigned", instead(lambda p, c: ".".join(token(p.key, c, {"alg": "nOnE"}).split(".")[:2]) + ".")),
    ("an empty alg", with_header(alg="")),
    ("no alg", with_header(alg=None)),
    ("no signature", instead(lambda p, c: ".".join(parts(p, c)[:2]) + ".")),
    (
        "HS256 under our secret",
        lambda p: (with_header(alg="HS256")(p), setattr(p, "sign", hmac_signature(p.clients["gatehouse"]))),
    ),
    (
        "HS256 under the public key",
        lambda p: (with_header(alg="HS256")(p), setattr(p, "sign", hmac_signature(json.dumps(p.key.jwk)))),
    ),
    (
        "RS512 where RS256 is offered",
        lambda p: (with_header(alg="RS512")(p), setattr(p, "sign", lambda o: p.key.sign(o, "RS512"))),
    ),
    ("signed with SHA-1", lambda p: setattr(p, "sign", lambda o: p.key.sign(o, "RS1"))),
    ("another key under our key's id", foreign_key_same_id),
    ("a key nobody knows", other_key()),
    ("the first octet of the signature changed", flip(0)),
    ("its middle changed", flip(150)),
    ("its end changed", flip(-3)),
    ("a signature cut short", instead(lambda p, c: token(p.key, c)[:-4])),
    ("a longer signature", instead(lambda p, c: token(p.key, c) + "AAAA")),
    ("a critical extension", with_header(crit=["exp"], exp=1)),
    ("an empty crit", with_header(crit=[])),
    ("b64 false", with_header(crit=["b64"], b64=False)),
    ("a key id that is a path", with_header(kid="../../../../dev/null")),
    ("a key id that is a number", with_header(kid=5)),
    ("a huge key id", with_header(kid="x" * 60_000)),
    (
        "its own key in the header",
        lambda p: (lambda k: (setattr(p, "header", {"jwk": k.jwk, "kid": "mine"}), setattr(p, "sign", k.sign)))(
            shared_key("mine")
        ),
    ),
    ("one part", instead(lambda p, c: "abc")),
    ("two parts", instead(lambda p, c: ".".join(parts(p, c)[:2]))),
    ("four parts", instead(lambda p, c: token(p.key, c) + ".x")),
    ("five parts", instead(lambda p, c: "a.b.c.d.e")),
    ("an empty text", instead(lambda p, c: "")),
    ("padding", instead(lambda p, c: token(p.key, c) + "==")),
    ("a line break inside", instead(lambda p, c: token(p.key, c).replace(".", "\n.", 1))),
    ("plus and slash", instead(lambda p, c: parts(p, c)[0] + "." + "+/" + ".".join(parts(p, c)[1:]))),
    ("claims that are a list", instead(lambda p, c: token(p.key, b"[]"))),
    ("claims that are no JSON", instead(lambda p, c: token(p.key, b"{"))),
    ("octets after the claims", instead(lambda p, c: token(p.key, json.dumps(c) + "x"))),
    ("invalid UTF-8", instead(lambda p, c: token(p.key, json.dumps(c).encode()[:-1] + b',"x":"\xff"}'))),
    (
        "claims of great depth",
        instead(lambda p, c: token(p.key, json.dumps(c)[:-1] + ',"x":' + "[" * 50_000 + "]" * 50_000 + "}")),
    ),
    ("a header that is no JSON", instead(lambda p, c: token(p.key, c, "{"))),
    ("two issuers", instead(lambda p, c: token(p.key, json.dumps(c)[:-1] + ',"iss":"https://evil.test"}'))),
    ("encrypted, unasked", instead(lambda p, c: base64url('{"alg":"dir","enc":"A128GCM"}') + "..AAAA.AAAA.AAAA")),
]


@pytest.mark.parametrize("what, bend", WRONG, ids=[w for w, _ in WRONG])
def test_a_wrong_id_token_signs_nobody_in(gateway, provider, upstream, what, bend):
    bend(provider)
    page = gateway.browser().open(gateway.at("/page"))
    refused(page, gateway, upstream, 502)
    assert provider.count("authorize") == 1 and provider.count("token") == 1
    assert provider.count("jwks") <= 2, "an unknown key is asked for once more, not again and again"
    assert gateway.metric("gatehouse_logins_total", outcome="success") == 0


def test_the_same_provider_is_right_again_at_once(gateway, provider):
    provider.claims = lambda c: {**c, "nonce": "wrong"}
    browser = gateway.browser()
    assert browser.open(gateway.at("/page")).status == 502
    provider.claims = lambda c: c
    assert browser.open(gateway.at("/page")).status == 200


RIGHT = [
    ("an audience as a list", with_claims(aud=["gatehouse"])),
    ("our id as authorized party", with_claims(azp="gatehouse")),
    ("no at_hash", with_claims(at_hash=TAKEN_AWAY)),
    ("no key id, with one key", with_header(kid=None)),
    ("no typ", with_header(typ=None)),
    ("an end with a fraction", lambda p: setattr(p, "claims", lambda c: {**c, "exp": c["exp"] + 0.5})),
    ("issued a moment from now", with_claims(iat=now() + 20)),
    ("members nobody knows", with_claims(extra={"a": [1, {"b": None}]}, tok_type="IT")),
]


@pytest.mark.parametrize("what, bend", RIGHT, ids=[r for r, _ in RIGHT])
def test_an_unusual_id_token_is_fine(gateway, provider, what, bend):
    bend(provider)
    page = gateway.browser().open(gateway.at("/page"))
    assert page.status == 200, page.text[:500]


def test_a_key_that_is_new_is_looked_up_once(gateway, provider):
    assert gateway.browser().open(gateway.at("/")).status == 200
    provider.key = shared_key("key-2")
    provider.keys = [shared_key(), provider.key]
    before = provider.count("jwks")
    assert gateway.browser().open(gateway.at("/")).status == 200
    assert provider.count("jwks") == before + 1


def test_a_key_set_without_alg_or_with_strangers_is_fine(run, provider, upstream):
    from gateway import config_for
    from provider import Reply

    bare = {n: v for n, v in provider.key.jwk.items() if n not in ("alg", "use")}
    odd = [
        {"kty": "EC", "crv": "P-256K", "kid": "odd"},
        {"kty": "oct", "k": "AAAA", "kid": "key-1"},
        {"kty": "future"},
        {"kty": "RSA"},
        5,
    ]
    provider.on["jwks"] = lambda call: Reply(200, {"keys": [*odd, bare]})
    gateway = run(config_for(provider, {"site": upstream}))
    assert gateway.browser().open(gateway.at("/")).status == 200
