"""What a provider may do wrong beyond one ID token: its metadata, its keys, its signatures, its answers as octets.

Each row says what it does; what must happen is that nobody is signed in, that nothing reaches the site, that the visitor
gets one page, and that the next login works once the provider is right again. `test_how_many_ways` counts the rows of
all the tables.
"""

import json
import time

import pytest

import test_answer_modes
import test_client_authentication
import test_id_tokens
import test_lawful_providers
import test_provider_down
import test_provider_logout
import test_refused_logins
from gateway import config_for
from provider import Reply, shared_key
from refusals import refused
from tokens import SigningKey, base64url, decode64, token
from waiting import until

ROUTES = [{"path": "/public/*", "access": "public", "upstream": "site"}, {"path": "/*", "upstream": "site"}]


def before(run, provider, upstream, **settings):
    return run(config_for(provider, {"site": upstream}, ROUTES, provider=settings))


# Metadata


def edited(**changes):
    """The right document with members changed, or taken away by None."""
    return lambda p: p.metadata.update({n: v(p) if callable(v) else v for n, v in changes.items()})


def written(write):
    """The right document, written otherwise: `write(text)`."""

    def bend(provider):
        text = provider.discovery(None).content
        provider.on["discovery"] = lambda call: Reply(200, write(text), media_type="application/json")

    return bend


METADATA = [
    ("the issuer in capitals", edited(issuer=lambda p: p.issuer.upper())),
    ("the issuer with a path", edited(issuer=lambda p: p.issuer + "/other")),
    ("the issuer's other port", edited(issuer=lambda p: p.issuer + "0")),
    ("an issuer that is a list", edited(issuer=lambda p: [p.issuer])),
    ("an issuer that is an object", edited(issuer={"a": 1})),
    ("an empty issuer", edited(issuer="")),
    ("an authorization endpoint of a script", edited(authorization_endpoint="javascript:alert(1)")),
    ("an authorization endpoint of data", edited(authorization_endpoint="data:text/html,x")),
    ("an authorization endpoint without a host", edited(authorization_endpoint="https:///authorize")),
    ("an authorization endpoint with a fragment", edited(authorization_endpoint=lambda p: p.issuer + "/authorize#x")),
    ("an authorization endpoint with a line break", edited(authorization_endpoint=lambda p: p.issuer + "/a\r\nX: 1")),
    ("an empty token endpoint", edited(token_endpoint="")),
    ("a token endpoint that is a file", edited(token_endpoint="file:///etc/passwd")),
    ("a token endpoint by FTP", edited(token_endpoint="ftp://127.0.0.1/token")),
    ("a token endpoint with a password", edited(token_endpoint=lambda p: p.issuer.replace("//", "//a:b@") + "/token")),
    ("a token endpoint with a space", edited(token_endpoint=lambda p: p.issuer + "/to ken")),
    ("a key set that is a file", edited(jwks_uri="file:///etc/passwd")),
    ("a key set over plain http elsewhere", edited(jwks_uri="http://203.0.113.1/jwks")),
    ("a list of key sets", edited(jwks_uri=lambda p: [p.issuer + "/jwks"])),
    ("two issuers", written(lambda text: text[:-1] + b',"issuer":"https://evil.test"}')),
    ("two token endpoints", written(lambda text: text[:-1] + b',"token_endpoint":"https://evil.test/token"}')),
    ("octets behind the document", written(lambda text: text + b"x")),
    ("a document cut short", written(lambda text: text[:-20])),
    ("invalid UTF-8", written(lambda text: text[:-1] + b',"x":"\xff"}')),
    ("a control character in a text", written(lambda text: text[:-1] + b',"x":"\x01"}')),
    ("a lone surrogate", written(lambda text: text[:-1] + b',"x":"\\ud800"}')),
    ("a NaN", written(lambda text: text[:-1] + b',"x":NaN}')),
    ("a comma too many", written(lambda text: text[:-1] + b",}")),
    ("great depth", written(lambda text: text[:-1] + b',"x":' + b"[" * 50_000 + b"]" * 50_000 + b"}")),
    ("an empty object", written(lambda text: b"{}")),
    ("nothing", written(lambda text: b"")),
]


@pytest.mark.parametrize("what, bend", METADATA, ids=[m[0] for m in METADATA])
def test_wrong_metadata_leads_nobody_anywhere(run, provider, upstream, what, bend):
    bend(provider)
    gateway = before(run, provider, upstream)
    page = gateway.browser().open(gateway.at("/page"))
    refused(page, gateway, upstream, 502)
    assert provider.count("authorize") == provider.count("token") == 0, "nobody was sent anywhere"
    assert gateway.ask("GET", "/public/x").status == 200, "what needs no provider goes on"
    gateway.until_logged(lambda e: e["level"] in ("warning", "error") and "provider" in e["event"])
    provider.metadata.clear()
    provider.on.clear()
    until(lambda: gateway.browser().open(gateway.at("/page")).status == 200, "it recovers", deadline=40, pause=0.2)


# Key sets


def key_set(make):
    def bend(provider):
        provider.on["jwks"] = lambda call: Reply(200, make(provider.key))

    return bend


keys = lambda change: key_set(lambda key: {"keys": [{n: v for n, v in {**key.jwk, **change(key)}.items() if v is not None}]})
WEAK = {bits: SigningKey("weak", bits=bits) for bits in (1024,)}


def weak(provider):
    provider.key = WEAK[1024]
    provider.keys = [provider.key]


KEY_SETS = [
    ("no keys", key_set(lambda key: {"keys": []})),
    ("no member keys", key_set(lambda key: {"x": []})),
    ("keys that are no list", key_set(lambda key: {"keys": key.jwk})),
    ("a list alone", key_set(lambda key: [key.jwk])),
    ("keys that are numbers", key_set(lambda key: {"keys": [1, 2]})),
    ("a key for encryption", keys(lambda key: {"use": "enc"})),
    ("a key that may not verify", keys(lambda key: {"use": None, "key_ops": ["encrypt"]})),
    ("a key of another algorithm", keys(lambda key: {"alg": "RS512"})),
    ("a key for encryption by its algorithm", keys(lambda key: {"alg": "RSA-OAEP"})),
    ("another kid", keys(lambda key: {"kid": "other"})),
    ("a kid that differs in case", keys(lambda key: {"kid": "KEY-1"})),
    ("a kid that is a number", keys(lambda key: {"kid": 1})),
    ("an exponent of one", keys(lambda key: {"e": "AQ"})),
    ("an even exponent", keys(lambda key: {"e": "Ag"})),
    ("no exponent", keys(lambda key: {"e": None})),
    ("an empty modulus", keys(lambda key: {"n": ""})),
    ("a modulus of zeros", keys(lambda key: {"n": base64url(bytes(256))})),
    ("a modulus with padding", keys(lambda key: {"n": key.jwk["n"] + "="})),
    ("a modulus that is a number", keys(lambda key: {"n": 17})),
    ("another modulus", keys(lambda key: {"n": shared_key("stranger").jwk["n"]})),
    ("a modulus of 16 384 bits", keys(lambda key: {"n": base64url(b"\xff" * 2048)})),
    ("a key of 1 024 bits", weak),
    ("a secret under our kid", key_set(lambda key: {"keys": [{"kty": "oct", "kid": key.kid, "k": "c2VjcmV0"}]})),
    ("an elliptic curve under our kid", key_set(lambda key: {"keys": [{**shared_key("ec", "ES256").jwk, "kid": key.kid}]})),
    ("an EC point that is not on the curve", keys(lambda key: {"kty": "EC", "crv": "P-256", "x": "AQ", "y": "AQ"})),
    ("two lists of keys", key_set(lambda key: f'{{"keys":[{json.dumps(key.jwk)}],"keys":[]}}')),
    ("a certificate alone", keys(lambda key: {"n": None, "e": None, "x5c": ["AAAA"]})),
]


@pytest.mark.parametrize("what, bend", KEY_SETS, ids=[k[0] for k in KEY_SETS])
def test_no_key_is_made_up(run, provider, upstream, what, bend):
    bend(provider)
    gateway = before(run, provider, upstream)
    page = gateway.browser().open(gateway.at("/page"))
    assert page.status in (502, 503), page.text[:300]
    refused(page, gateway, upstream, page.status)
    assert gateway.metric("gatehouse_logins_total", outcome="success") == 0
    assert provider.count("jwks") <= 3


# Signatures of the other kinds


P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493


def of(algorithm, signature, kid="key-1"):
    """An ID token of that algorithm whose signature is `signature(key, octets)`."""

    def bend(provider):
        key = shared_key(kid, algorithm)
        provider.key, provider.keys = key, [key]
        provider.metadata["id_token_signing_alg_values_supported"] = ["RS256", algorithm]
        provider.sign = lambda octets: signature(key, octets)

    return bend


def halves(key, octets):
    signature = key.sign(octets)
    return [int.from_bytes(part, "big") for part in (signature[: key.size], signature[key.size :])]


pair = lambda r, s, size=32: r.to_bytes(size, "big") + s.to_bytes(size, "big")


def der(key, octets):
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    return key.key.sign(octets, ec.ECDSA(hashes.SHA256()))


def unhashed_rsa(change):
    """A PKCS #1 v1.5 signature made by hand: `change(block, info, digest)` is the block that is raised to the key."""

    def signature(key, octets):
        import hashlib

        private = key.key.private_numbers()
        size = (private.public_numbers.n.bit_length() + 7) // 8
        digest = hashlib.sha256(octets).digest()
        info = bytes.fromhex("3031300d060960864801650304020105000420")
        block = change(size, info, digest)
        assert len(block) == size
        return pow(int.from_bytes(block, "big"), private.d, private.public_numbers.n).to_bytes(size, "big")

    return signature


def pss(digest_name, salt):
    def signature(key, octets):
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        digest = getattr(hashes, digest_name)()
        return key.key.sign(octets, padding.PSS(padding.MGF1(digest), salt_length=salt), digest)

    return signature


def high_s(key, octets):
    signature = key.sign(octets)
    s = int.from_bytes(signature[32:], "little") + ED25519_ORDER
    return signature[:32] + s.to_bytes(32, "little")


filled = lambda size, tail: b"\0\1" + b"\xff" * (size - 3 - len(tail)) + b"\0" + tail
NULL_LESS = bytes.fromhex("302f300b0609608648016503040201") + bytes.fromhex("0420")

SIGNATURES = [
    ("ES256 of zeros", of("ES256", lambda k, o: bytes(64))),
    ("ES256, r zero", of("ES256", lambda k, o: pair(0, halves(k, o)[1]))),
    ("ES256, s zero", of("ES256", lambda k, o: pair(halves(k, o)[0], 0))),
    ("ES256, r the order", of("ES256", lambda k, o: pair(P256_ORDER, halves(k, o)[1]))),
    ("ES256, r and the order", of("ES256", lambda k, o: pair((halves(k, o)[0] + P256_ORDER) % 2**256, halves(k, o)[1]))),
    ("ES256, both ones", of("ES256", lambda k, o: b"\xff" * 64)),
    ("ES256 as DER", of("ES256", der)),
    ("ES256, an octet short", of("ES256", lambda k, o: k.sign(o)[1:])),
    ("ES256, an octet long", of("ES256", lambda k, o: b"\0" + k.sign(o))),
    ("ES256, halves changed about", of("ES256", lambda k, o: k.sign(o)[32:] + k.sign(o)[:32])),
    ("ES256, of other octets", of("ES256", lambda k, o: k.sign(o + b"x"))),
    ("ES384 over SHA-256", of("ES384", lambda k, o: k.sign(o, "ES256"))),
    ("EdDSA, its number not reduced", of("EdDSA", high_s)),
    ("EdDSA, an octet long", of("EdDSA", lambda k, o: k.sign(o) + b"\0")),
    ("EdDSA of zeros", of("EdDSA", lambda k, o: bytes(64))),
    ("EdDSA, of other octets", of("EdDSA", lambda k, o: k.sign(o + b"x"))),
    ("PS256 with PKCS #1's padding", of("PS256", lambda k, o: k.sign(o, "RS256"))),
    ("PS256 without salt", of("PS256", pss("SHA256", 0))),
    ("PS256 with a salt of 20", of("PS256", pss("SHA256", 20))),
    ("PS256 over SHA-512", of("PS256", pss("SHA512", 32))),
    ("RS256, padding cut short", of("RS256", unhashed_rsa(lambda n, i, d: b"\0\1\xff\0" + i + d + bytes(n - 4 - 51)))),
    ("RS256, octets behind the digest", of("RS256", unhashed_rsa(lambda n, i, d: filled(n, i + d + b"x")))),
    ("RS256, no NULL beside its hash", of("RS256", unhashed_rsa(lambda n, i, d: filled(n, NULL_LESS + d)))),
    ("RS256, the digest alone", of("RS256", unhashed_rsa(lambda n, i, d: filled(n, d)))),
    ("RS256, block type 2", of("RS256", unhashed_rsa(lambda n, i, d: b"\0\2" + filled(n, i + d)[2:]))),
    ("RS256, another digest's name", of("RS256", unhashed_rsa(lambda n, i, d: filled(n, i[:14] + b"\2" + i[15:] + d)))),
    ("RS256 of one", of("RS256", lambda k, o: (1).to_bytes(256, "big"))),
    ("RS256, the modulus", of("RS256", lambda k, o: decode64(k.jwk["n"]))),
]


@pytest.mark.parametrize("what, bend", SIGNATURES, ids=[s[0] for s in SIGNATURES])
def test_a_signature_that_is_not_one_signs_nobody_in(run, provider, upstream, what, bend):
    bend(provider)
    gateway = before(run, provider, upstream)
    refused(gateway.browser().open(gateway.at("/page")), gateway, upstream, 502)
    provider.sign = None
    assert gateway.browser().open(gateway.at("/page")).status == 200, "a right one of that kind is taken"


# ID tokens that only a closer look finds wrong


now = lambda: int(time.time())
claims = lambda **changes: lambda p: setattr(p, "claims", lambda c: {**c, **changes})
instead = test_id_tokens.instead


def trailing_bits(p, c):
    """The same octets for a reader that does not look: the last letter's unused bits are set."""
    whole = token(p.key, c)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return whole[:-1] + letters[letters.index(whole[-1]) | 1]


written_claims = lambda change: instead(lambda p, c: token(p.key, change(json.dumps(c).encode())))

ID_TOKENS = [
    ("an end in an hour, as a fraction of text", claims(exp="1e10")),
    ("an issue as text", claims(iat=str(now()))),
    ("an issue that is true", claims(iat=True)),
    ("valid from tomorrow, as a fraction", claims(nbf=now() + 86400.5)),
    ("not before that is text", claims(nbf="0")),
    ("an at_hash that is a number", claims(at_hash=5)),
    ("a nonce with a space", lambda p: setattr(p, "claims", lambda c: {**c, "nonce": c["nonce"] + " "})),
    ("a nonce twice as long", lambda p: setattr(p, "claims", lambda c: {**c, "nonce": c["nonce"] * 2})),
    ("a subject with a NUL", claims(sub="alice\0")),
    ("a subject with a line break", claims(sub="alice\r\nX-Forwarded-User: root")),
    ("a subject that is a list", claims(sub=["alice-id"])),
    ("a subject that is null", claims(sub=None)),
    ("an issuer that is a list", lambda p: claims(iss=[p.issuer])(p)),
    ("an issuer with a space", lambda p: claims(iss=p.issuer + " ")(p)),
    ("an audience with a space", claims(aud="gatehouse ")),
    ("an audience in capitals", claims(aud="GATEHOUSE")),
    ("an audience of many, none of us", claims(aud=[f"client-{n}" for n in range(500)])),
    ("an authorized party that is null", claims(azp=5)),
    ("two audiences", written_claims(lambda text: text[:-1] + b',"aud":"evil"}')),
    ("two subjects", written_claims(lambda text: text[:-1] + b',"sub":"root"}')),
    ("a mark of order before the claims", written_claims(lambda text: b"\xef\xbb\xbf" + text)),
    ("claims that say NaN", written_claims(lambda text: text[:-1] + b',"x":NaN}')),
    ("claims with a lone surrogate", written_claims(lambda text: text[:-1] + b',"x":"\\ud800"}')),
    ("claims of 5 MB", written_claims(lambda text: text[:-1] + b',"x":"' + b"x" * 5_000_000 + b'"}')),
    ("two algorithms in the header", instead(lambda p, c: token(p.key, c, '{"alg":"none","alg":"RS256","kid":"key-1"}'))),
    ("a header that is a list", instead(lambda p, c: token(p.key, c, "[]"))),
    ("typ of an access token", lambda p: setattr(p, "header", {"typ": "at+jwt"})),
    ("typ of a logout token", lambda p: setattr(p, "header", {"typ": "logout+jwt"})),
    ("an address for its key", lambda p: setattr(p, "header", {"jku": "https://evil.test/jwks", "kid": "evil"})),
    ("bits that nobody reads", instead(trailing_bits)),
    ("a signature in JSON", instead(lambda p, c: json.dumps(dict(zip(("protected", "payload", "signature"), token(p.key, c).split(".")))))),
    ("an empty part in front", instead(lambda p, c: "." + token(p.key, c))),
    ("a blank behind", instead(lambda p, c: token(p.key, c) + " ")),
]


@pytest.mark.parametrize("what, bend", ID_TOKENS, ids=[i[0] for i in ID_TOKENS])
def test_a_subtly_wrong_id_token_signs_nobody_in(gateway, provider, upstream, what, bend):
    bend(provider)
    refused(gateway.browser().open(gateway.at("/page")), gateway, upstream, 502)
    assert provider.count("authorize") == 1 and provider.count("token") == 1 and provider.count("jwks") <= 2


# Token answers, as octets


def said(octets):
    return lambda p: lambda call: Reply(raw=octets(p, call) if callable(octets) else octets)


head = lambda *lines: "".join(f"{line}\r\n" for line in (*lines, "")).encode()


def around(start, *fields, end=b""):
    """The right content behind another head."""

    def octets(provider, call):
        content = provider.token(call).content
        return head(start, *(f.format(length=len(content)) for f in fields)) + content + end

    return said(octets)


def text_of(change):
    """The right content, written otherwise."""

    def answer(provider):
        return lambda call: Reply(200, change(provider.token(call).content), media_type="application/json")

    return answer


member = lambda **changes: test_refused_logins.without(**changes)

OCTETS = [
    ("no HTTP at all", said(b"hello\r\n\r\n")),
    ("nothing, and the end", said(b"")),
    ("a head without an end", said(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")),
    ("HTTP/2.0 in a line", around("HTTP/2.0 200 OK", "Content-Length: {length}")),
    ("a status of two digits", around("HTTP/1.1 20 OK", "Content-Length: {length}")),
    ("a status of 999", around("HTTP/1.1 999 OK", "Content-Length: {length}")),
    ("a space before a colon", around("HTTP/1.1 200 OK", "Content-Length : {length}")),
    ("two lengths", around("HTTP/1.1 200 OK", "Content-Length: {length}", "Content-Length: 5")),
    ("a length and chunks", around("HTTP/1.1 200 OK", "Content-Length: {length}", "Transfer-Encoding: chunked")),
    ("a coding nobody knows", around("HTTP/1.1 200 OK", "Transfer-Encoding: gzip")),
    ("a negative length", around("HTTP/1.1 200 OK", "Content-Length: -5")),
    ("a length that is too long", around("HTTP/1.1 200 OK", "Content-Length: 99999")),
    ("chunks that are none", around("HTTP/1.1 200 OK", "Transfer-Encoding: chunked")),
    ("a chunk without its end", said(head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + b"5\r\n{\"a\":")),
    ("a field of 1 MB", around("HTTP/1.1 200 OK", "WWW-Authenticate: " + "x" * 1_000_000, "Content-Length: {length}")),
    ("10 000 fields", around("HTTP/1.1 200 OK", *["X: y"] * 10_000, "Content-Length: {length}")),
    ("interim answers for ever", said(head("HTTP/1.1 103 Early Hints") * 20_000)),
    ("another protocol", said(head("HTTP/1.1 101 Switching Protocols", "Upgrade: x", "Connection: upgrade"))),
    ("content that is packed, unasked", around("HTTP/1.1 200 OK", "Content-Encoding: gzip", "Content-Length: {length}")),
    ("204", lambda p: lambda call: Reply(raw=head("HTTP/1.1 204 No Content"))),
    ("two access tokens", text_of(lambda t: t[:-1] + b',"access_token":"evil"}')),
    ("two ID tokens", text_of(lambda t: t[:-1] + b',"id_token":"evil"}')),
    ("an empty access token", member(access_token="")),
    ("an access token that is a number", member(access_token=5)),
    ("an access token with a space", member(access_token="a b")),
    ("an access token with an umlaut", member(access_token="\u00fc")),
    ("an access token of 200 KB", member(access_token="x" * 200_000)),
    ("a token type that is null", member(token_type=None)),
    ("a token type that is a list", member(token_type=["Bearer"])),
    ("a MAC token", member(token_type="mac")),
    ("an ID token that is an object", member(id_token={"a": 1})),
    ("an ID token that is a list", member(id_token=["x"])),
    ("a refresh token with a line break", member(refresh_token="a\r\nb")),
    ("a refresh token that is a number", member(refresh_token=5)),
    ("a mark of order in front", text_of(lambda t: b"\xef\xbb\xbf" + t)),
    ("invalid UTF-8", text_of(lambda t: t[:-1] + b',"x":"\xff"}')),
    ("a NaN", text_of(lambda t: t[:-1] + b',"x":NaN}')),
    ("octets behind the answer", text_of(lambda t: t + b"{}")),
    ("a form", text_of(lambda t: b"access_token=x&token_type=Bearer")),
]


@pytest.mark.parametrize("what, answer", OCTETS, ids=[o[0] for o in OCTETS])
def test_an_answer_that_is_not_one_signs_nobody_in(gateway, provider, upstream, what, answer):
    provider.on["token"] = answer(provider)
    page = gateway.browser().open(gateway.at("/page"))
    assert page.status in (502, 503), page.text[:300]
    refused(page, gateway, upstream, page.status)
    assert provider.count("authorize") == 1, "no loop"
    assert len(provider.grants("authorization_code")) == 1, "a code is never sent twice"
    del provider.on["token"]
    assert gateway.browser().open(gateway.at("/page")).status == 200, "the next login works"


# What comes back by the browser


def back(**parameters):
    """An authorization response with these parameters; None takes one away."""

    def bend(provider):
        provider.on["authorize"] = lambda call: provider.send_back(
            provider.asked_of(call), **{n: v(provider) if callable(v) else v for n, v in parameters.items()}
        )

    return bend


def located(change):
    """The usual response at another address: `change(location)`."""

    def bend(provider):
        def answer(call):
            provider.on.pop("authorize")
            reply = provider.authorize(call)
            reply.fields = [(n, change(v) if n == "Location" else v) for n, v in reply.fields]
            return reply

        provider.on["authorize"] = answer

    return bend


RESPONSES = [
    ("neither code nor error", back()),
    ("an empty code", back(code="")),
    ("a code and an error", back(code="x", error="access_denied")),
    ("two codes", located(lambda at: at + "&code=other")),
    ("two states", located(lambda at: at + "&state=other")),
    ("two issuers", located(lambda at: at + "&iss=https://evil.test&iss=x")),
    ("another issuer", back(code="x", iss="https://evil.test")),
    ("an empty issuer", back(code="x", iss="")),
    ("the issuer with a slash", back(code="x", iss=lambda p: p.issuer + "/")),
    ("an access token for a code", back(access_token="x", token_type="Bearer")),
    ("an ID token for a code", back(id_token="a.b.c")),
    ("an answer in a token, unasked", back(response="a.b.c")),
    ("an error without a name", back(error="")),
    ("a code with a line break", back(code="a\r\nb")),
    ("a code of 64 KB", back(code="x" * 65_000)),
]


@pytest.mark.parametrize("what, bend", RESPONSES, ids=[r[0] for r in RESPONSES])
def test_a_wrong_response_spends_no_code(gateway, provider, upstream, what, bend):
    bend(provider)
    page = gateway.browser().open(gateway.at("/page"))
    assert 400 <= page.status < 504 and page.path.startswith("/.auth/callback"), f"{page.status} {page.text[:300]}"
    assert provider.count("token") == 0 and provider.count("authorize") == 1 and upstream.requests == []
    provider.on.clear()
    assert gateway.browser().open(gateway.at("/page")).status == 200, "the next login works"


# How many


def test_how_many_ways():
    """150 to be wrong, 40 to be unusual and right: each row is a test of its own."""
    wrong = [METADATA, KEY_SETS, SIGNATURES, ID_TOKENS, OCTETS, RESPONSES]
    wrong += [test_id_tokens.WRONG, test_refused_logins.TOKEN_ANSWERS, test_answer_modes.BROUGHT]
    wrong += [test_answer_modes.BROKEN, test_answer_modes.USERINFO, test_provider_down.WRONG_DISCOVERY]
    wrong += [test_client_authentication.FAILURES, test_provider_logout.WRONG]
    assert sum(map(len, wrong)) >= 150
    right = [test_lawful_providers.METADATA, test_lawful_providers.KEY_SETS, test_lawful_providers.TOKENS]
    right += [test_lawful_providers.ANSWERS, test_lawful_providers.RESPONSES, test_id_tokens.RIGHT]
    assert sum(map(len, right)) >= 40


