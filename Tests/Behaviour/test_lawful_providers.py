"""What a provider may do that is unusual and right: a login works all the same, and the site is told who it is."""

import base64
import json
import time

import pytest

from gateway import config_for
from provider import Reply, shared_key
from tokens import base64url, half_hash

ROUTES = [{"path": "/*", "upstream": "site"}]
now = lambda: int(time.time())


def signs_in(run, provider, upstream, **settings):
    gateway = run(config_for(provider, {"site": upstream}, ROUTES, provider=settings))
    page = gateway.browser().open(gateway.at("/page?a=b"))
    assert page.status == 200 and page.path == "/page?a=b", page.text[:500]
    assert upstream.last.one("X-Forwarded-User") == provider.subject
    assert provider.count("authorize") == 1 and len(provider.grants("authorization_code")) == 1
    return gateway


def edited(**changes):
    return lambda p: p.metadata.update({n: v(p) if callable(v) else v for n, v in changes.items()})


def document(endpoint, write, fields=(), media_type="application/json"):
    """The right document, written otherwise."""

    def bend(provider):
        right = getattr(provider, endpoint)
        provider.on[endpoint] = lambda call: Reply(200, write(right(call).content), fields, media_type)

    return bend


METADATA = [
    ("nothing but what a provider must say", edited(
        scopes_supported=None, userinfo_endpoint=None, end_session_endpoint=None, revocation_endpoint=None,
        token_endpoint_auth_methods_supported=None, code_challenge_methods_supported=None)),
    ("members nobody knows", edited(x={"a": [None, True, 1.5e10]}, op_policy_uri=5, claims_supported={"a": 1})),
    ("endpoints with a query", edited(
        authorization_endpoint=lambda p: p.issuer + "/authorize?tenant=a%20b",
        token_endpoint=lambda p: p.issuer + "/token?tenant=1", jwks_uri=lambda p: p.issuer + "/jwks?x")),
    ("many response types", edited(response_types_supported=["code", "id_token", "code id_token token"])),
    ("many algorithms", edited(id_token_signing_alg_values_supported=["none", "HS256", "RS256", "ES999", "PS256"])),
    ("many scopes", edited(scopes_supported=[f"scope-{n}" for n in range(500)] + ["openid"])),
    ("a fragment as its mode's first", edited(response_modes_supported=["fragment", "query", "form_post"])),
    ("escapes where none are needed", document("discovery", lambda t: t.replace(b"issuer", b"\\u0069ssuer").replace(b"/", b"\\/"))),
    ("blanks and line ends", document("discovery", lambda t: b"\r\n\t " + json.dumps(json.loads(t), indent=7).encode() + b"\n\n")),
    ("a charset", document("discovery", lambda t: t, media_type="application/json;charset=UTF-8")),
    ("another media type", document("discovery", lambda t: t, media_type="text/plain")),
    ("100 KB of claims", edited(claims_supported=["claim-%06d" % n for n in range(7000)])),
]


@pytest.mark.parametrize("what, bend", METADATA, ids=[m[0] for m in METADATA])
def test_unusual_metadata(run, provider, upstream, what, bend):
    bend(provider)
    signs_in(run, provider, upstream)


def key_set(make):
    return lambda p: p.on.update(jwks=lambda call: Reply(200, {"keys": make(p.key)}))


bare = lambda key: {n: v for n, v in key.jwk.items() if n not in ("alg", "use")}
decoys = lambda key: [
    {**shared_key("ec", "ES256").jwk, "kid": key.kid},
    {"kty": "oct", "k": "AAAA", "kid": key.kid},
    {**shared_key("stranger").jwk, "kid": key.kid, "use": "enc"},
    {**shared_key("stranger").jwk, "kid": key.kid, "alg": "RS512"},
]

KEY_SETS = [
    ("neither alg nor use", key_set(lambda key: [bare(key)])),
    ("a key that may verify", key_set(lambda key: [{**bare(key), "key_ops": ["verify"]}])),
    ("certificates beside the numbers", key_set(lambda key: [{**key.jwk, "x5c": ["AAAA"], "x5t": "AA", "x5u": "https://evil.test/"}])),
    ("four decoys of the same kid", key_set(lambda key: [*decoys(key), key.jwk])),
    ("two keys of the same kid", key_set(lambda key: [{**shared_key("stranger").jwk, "kid": key.kid}, key.jwk])),
    ("fifty keys", key_set(lambda key: [*[{**shared_key("stranger").jwk, "kid": f"k{n}"} for n in range(49)], key.jwk])),
    ("a modulus with a zero in front", key_set(lambda key: [
        {**key.jwk, "n": base64url(b"\0" + base64.urlsafe_b64decode(key.jwk["n"] + "==="))}])),
    ("members nobody knows", key_set(lambda key: [{**key.jwk, "exp": 5, "status": {"a": 1}}])),
    ("kinds nobody knows", key_set(lambda key: [{"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA"}, 5, key.jwk])),
    ("a kid of blanks and slashes", lambda p: rename(p, "a b/../c%20\u00fc")),
]


def rename(provider, kid):
    provider.header = {"kid": kid}
    provider.on["jwks"] = lambda call: Reply(200, {"keys": [{**provider.key.jwk, "kid": kid}]})


@pytest.mark.parametrize("what, bend", KEY_SETS, ids=[k[0] for k in KEY_SETS])
def test_unusual_keys(run, provider, upstream, what, bend):
    bend(provider)
    signs_in(run, provider, upstream)


def signed_by(algorithm):
    def bend(provider):
        provider.key = shared_key(f"key {algorithm}", algorithm)
        provider.keys = [provider.key]
        provider.metadata["id_token_signing_alg_values_supported"] = ["RS256", algorithm]

    return bend


claims = lambda **changes: lambda p: setattr(p, "claims", lambda c: {**c, **changes})

TOKENS = [
    *[(f"signed by {a}", signed_by(a)) for a in ("RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")],
    ("a subject of 255 letters", lambda p: (setattr(p, "subject", "x" * 255))),
    ("a subject of marks", lambda p: (setattr(p, "subject", "a|b:c/d=e@f+g~!$&'()*"))),
    ("valid for a moment yet", lambda p: setattr(p, "claims", lambda c: {**c, "exp": now() + 5})),
    ("ended a moment ago, within the skew", lambda p: setattr(p, "claims", lambda c: {**c, "exp": now() - 5})),
    ("valid from long ago", claims(nbf=0)),
    ("an end in a hundred years", claims(exp=now() + 3_200_000_000)),
    ("a great many groups", claims(groups=[f"group-{n}" for n in range(40)])),
    ("a session id and how it was made", claims(sid="session", acr="1", amr=["pwd"])),
    ("text beyond ASCII", claims(name="J\u00fcrgen \u5f20\u4e09 \U0001f600")),
    ("claims in another order", lambda p: setattr(p, "claims", lambda c: dict(reversed(list(c.items()))))),
    ("typ in capitals and with its prefix", lambda p: setattr(p, "header", {"typ": "application/JWT"})),
    ("members nobody knows in the header", lambda p: setattr(p, "header", {"x5t": "AA", "x": [1]})),
]


@pytest.mark.parametrize("what, bend", TOKENS, ids=[t[0] for t in TOKENS])
def test_unusual_id_tokens(run, provider, upstream, what, bend):
    bend(provider)
    signs_in(run, provider, upstream)


def token_answer(change, fields=(), media_type="application/json", status=200):
    def bend(provider):
        provider.on["token"] = lambda call: Reply(status, change(provider.token(call).content), fields, media_type)

    return bend


def members(without=(), **changes):
    return token_answer(
        lambda t: json.dumps({n: v for n, v in {**json.loads(t), **changes}.items() if n not in without}).encode())


def as_octets(start, *fields, chunked=False):
    """By hand: lines end as they must, fields are written as they may be."""

    def bend(provider):
        def answer(call):
            content = provider.token(call).content
            lines = [f.format(length=len(content)) for f in fields]
            if chunked:
                pieces = [content[n : n + 100] for n in range(0, len(content), 100)]
                content = b"".join(b"%x;a=b\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\nX-Trailer: y\r\n\r\n"
            return Reply(raw="".join(f"{l}\r\n" for l in (start, *lines, "")).encode() + content)

        provider.on["token"] = answer

    return bend


ANSWERS = [
    ("no scope, so it is what was asked", members(without=["scope"])),
    ("a scope in another order", members(scope="profile openid")),
    ("a lifetime as text", members(expires_in="3600")),
    ("a lifetime with a fraction", members(expires_in=3600.9)),
    ("no lifetime", members(without=["expires_in"])),
    ("bearer in small letters", members(token_type="bearer")),
    ("members nobody knows", members(ecid="1.2", session_state="x", nested={"a": [1]})),
    ("an opaque access token", lambda p: (members(access_token="opaque-._~+/=123")(p), claims(at_hash=half_hash("opaque-._~+/=123"))(p))),
    ("a charset", token_answer(lambda t: t, media_type="application/json; charset=utf-8")),
    ("a media type in capitals", token_answer(lambda t: t, media_type="Application/JSON")),
    ("cookies for us", token_answer(lambda t: t, [("Set-Cookie", "provider=1; Path=/")])),
    ("escapes", token_answer(lambda t: t.replace(b"access_token", b"\\u0061ccess_token"))),
    ("blanks", token_answer(lambda t: b" \r\n" + json.dumps(json.loads(t), indent=3).encode() + b"\r\n")),
    ("chunks with extensions and a trailer", as_octets("HTTP/1.1 200 OK", "transfer-encoding: chunked", "content-type: application/json", chunked=True)),
    ("HTTP/1.0 to its end", as_octets("HTTP/1.0 200 OK", "Content-Type: application/json")),
    ("an interim answer first", as_octets("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK", "Content-Length: {length}", "Content-Type: application/json")),
    ("no reason, fields without blanks", as_octets("HTTP/1.1 200 ", "content-length:{length}", "CONTENT-TYPE:application/json")),
]


@pytest.mark.parametrize("what, bend", ANSWERS, ids=[a[0] for a in ANSWERS])
def test_unusual_token_answers(run, provider, upstream, what, bend):
    bend(provider)
    signs_in(run, provider, upstream)


def back(**more):
    """The usual response with further parameters."""

    def bend(provider):
        def answer(call):
            asked = provider.asked_of(call)
            provider.codes["a-code._~-" + "x" * 500] = dict(asked)
            return provider.send_back(asked, code="a-code._~-" + "x" * 500, **{n: v(provider) if callable(v) else v for n, v in more.items()})

        provider.on["authorize"] = answer

    return bend


RESPONSES = [
    ("a long code", back()),
    ("the issuer, though it is not announced", back(iss=lambda p: p.issuer)),
    ("a session's state", back(session_state="a.b", ecid="x")),
    ("parameters nobody knows", back(foo="", bar="\u00fc&=", scope="openid")),
]


@pytest.mark.parametrize("what, bend", RESPONSES, ids=[r[0] for r in RESPONSES])
def test_unusual_responses(run, provider, upstream, what, bend):
    bend(provider)
    signs_in(run, provider, upstream)
