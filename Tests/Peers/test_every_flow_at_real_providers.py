"""Every flow that the two real providers offer: each row proves that it was the flow in question, and not another.

How a client proves who it is, the provider enforces by its registration; how a response comes back and how a request is
pushed, the browser's addresses show; what signed the ID token, the token itself, which a logout shows.
"""

import json
import threading
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives import serialization
from cryptojwt.jwk.rsa import RSAKey

from encryption import client_key
from real_rooms import Room
from tokens import decode64
from waiting import until

BOTH = ["glewlwyd", "idpyoidc"]


@pytest.fixture
def enter(tmp_path, certificates, upstream, run):
    """`enter(provider's name, …)`: a room that ends with the test."""
    rooms = []

    def start(name, **more):
        rooms.append(Room(name, tmp_path / f"room-{len(rooms)}", certificates, upstream, run, **more))
        return rooms[-1]

    yield start
    for room in rooms:
        room.stop()


def arrives(room, browser=None):
    """Signs in, and out of the browser's memory what it was asked on the way; the browser."""
    browser = browser or room.browser()
    page = browser.settle(room.sign_in(browser))
    assert (page.status, page.url) == (200, room.gateway.at("/page?a=1")), (
        f"{page.status} {page.url[:200]} {[e for e in room.gateway.log if e['event'].startswith('login')][-2:]}"
    )
    assert room.upstream.last.one("X-Forwarded-User") and len(room.upstream.requests) == 1
    return browser


def asked(room, browser):
    """The parameters of the authorization request, as they were in the address."""
    for _, url in browser.requests:
        query = parse_qs(urlsplit(url).query)
        if url.startswith(room.provider.issuer.split("/api")[0]) and "client_id" in query:
            return {n: v[0] for n, v in query.items()}
    raise AssertionError("the provider was not asked")


# Client authentication: the client is registered for this way alone


def authenticating_by(name, way, **of_client):
    """A room's settings: the client is registered for this way and no other. Neither provider takes an assertion that is
    addressed to its issuer."""
    if name == "glewlwyd":
        registered = {"token_endpoint_auth_method": [way]}
    else:
        registered = {"token_endpoint_auth_method": way, "client_authn_method": [way]}
    return {
        "of_client": {**registered, **of_client},
        "client_authentication": way,
        "client_assertion_audience": "token_endpoint",
    }


@pytest.mark.parametrize("way", ["client_secret_basic", "client_secret_post", "client_secret_jwt"])
@pytest.mark.parametrize("name", BOTH)
def test_the_secret_proves_who_asks(enter, name, way):
    settings = authenticating_by(name, way)
    arrives(enter(name, **settings))
    other = "client_secret_post" if way == "client_secret_basic" else "client_secret_basic"
    room = enter(name, **{**settings, "client_authentication": other})
    page = room.sign_in(room.browser())
    assert page.status == 502 and "/.auth/callback" in page.url, f"{page.status} {page.url}"


def own_key(name, tmp_path):
    """A key of the client's own: what the provider and the client are told of it, and the gateway."""
    key, text = client_key("RSA")
    (tmp_path / "client.key").write_text(text)
    settings = {"client_key": {"file": str(tmp_path / "client.key")}}
    if name == "glewlwyd":
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return {}, {"pubkey": public.decode()}, settings
    keys = [RSAKey(pub_key=key.public_key(), use=use, kid=f"client-{use}").serialize() for use in ("sig", "enc")]
    return {"client_keys": {"keys": keys}}, {}, {**settings, "client_key_id": "client-sig"}


@pytest.mark.parametrize("name", BOTH)
def test_a_key_proves_who_asks(enter, tmp_path, name):
    at_provider, of_client, settings = own_key(name, tmp_path)
    settings |= authenticating_by(name, "private_key_jwt", **of_client)
    room = enter(name, at_provider=at_provider, **settings, client_secret=None)
    arrives(room)
    (tmp_path / "client.key").write_text(client_key("RSA")[1])  # a key that it does not know
    room.gateway.reload()
    until(lambda: room.gateway.metric("gatehouse_config_reloads_total", outcome="success") >= 1, "the reload")
    assert room.sign_in(room.browser()).status == 502


# The request


def test_the_request_is_pushed(enter):
    """Where it must be (RFC 9126): the browser carries a name for it, once, and nothing else."""
    parameters = {
        "oauth-par-allowed": True,
        "oauth-par-required": True,
        "oauth-par-request_uri-prefix": "urn:ietf:params:oauth:request_uri:",
        "oauth-par-duration": 90,
    }
    room = enter("glewlwyd", at_provider=parameters)
    browser = arrives(room)
    query = asked(room, browser)
    assert set(query) == {"client_id", "request_uri"}, query
    assert query["request_uri"].startswith("urn:ietf:params:oauth:request_uri:")


# The response


@pytest.mark.parametrize("name", BOTH)
def test_the_response_comes_by_a_form(enter, name):
    room = enter(name, response_mode="form_post")
    browser = arrives(room)
    assert asked(room, browser)["response_mode"] == "form_post"
    posts = [url for method, url in browser.requests if method == "POST" and "/.auth/callback" in url]
    assert posts and not [u for _, u in browser.requests if "/.auth/callback" in u and "code=" in u]


@pytest.mark.parametrize("mode", ["form_post", "fragment"])
@pytest.mark.parametrize("name", BOTH)
def test_an_id_token_alone(enter, name, mode):
    at_provider = {"auth-type-implicit-enabled": True} if name == "glewlwyd" else None
    of_client = (
        {"authorization_type": ["id_token", "code", "refresh_token"]}
        if name == "glewlwyd"
        else {"response_types": ["id_token"], "response_types_supported": ["id_token"], "grant_types_supported": ["implicit"], "pkce_essential": False}
    )
    settings = {"response_type": "id_token", "response_mode": mode, "scopes": ["openid"]}
    room = enter(name, at_provider=at_provider, of_client=of_client, **settings)
    browser = arrives(room)
    query = asked(room, browser)
    assert query["response_type"] == "id_token" and query["nonce"] and "code_challenge" not in query
    assert not [u for _, u in browser.requests if "code=" in u]


# Tokens


def signed_with(room, browser):
    """The algorithm of the ID token that the session keeps: signing out shows it to the provider."""
    page = browser.submit(browser.open(room.gateway.at("/.auth/logout")), form="/.auth/logout", follow=False)
    hint = parse_qs(urlsplit(page.location).query)["id_token_hint"][0]
    return json.loads(decode64(hint.split(".")[0]))["alg"]


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "PS256"])
@pytest.mark.parametrize("name", BOTH)
def test_the_id_token_is_signed_by(enter, name, algorithm):
    if name == "glewlwyd":
        more = {"at_provider": {"signing": algorithm}}
    else:
        more = {"of_client": {"id_token_signed_response_alg": algorithm}}
    room = enter(name, **more)
    assert signed_with(room, arrives(room)) == algorithm


def test_the_id_token_is_encrypted(enter, tmp_path):
    """At glewlwyd; idpyoidc's token endpoint signs and never encrypts."""
    _, of_client, settings = own_key("glewlwyd", tmp_path)
    of_client |= {"alg": "RSA-OAEP-256", "enc": "A128CBC-HS256", "encrypt_id_token": "true"}
    arrives(enter("glewlwyd", of_client=of_client, **settings))
    blind = enter("glewlwyd", of_client=of_client)
    page = blind.sign_in(blind.browser())
    assert page.status == 502 and "/.auth/callback" in page.url, "without the key there is nothing to read"


@pytest.mark.parametrize("name", BOTH)
def test_userinfo_is_asked(enter, name):
    room = enter(name, userinfo=True)
    arrives(room)
    assert room.upstream.last.one("X-Forwarded-Email") == "alice@example.com"
    if name == "idpyoidc":  # the other does not say what it is asked
        assert '"GET /userinfo HTTP/1.1" 200' in room.provider.process.output


@pytest.mark.parametrize("name", BOTH)
def test_keys_change_during_traffic(enter, name):
    """Sessions go on, logins under the new key work, and the key set is asked for once more and not for each."""
    room = enter(name)
    browser = arrives(room)
    answers, done = [], threading.Event()

    def traffic():
        while not done.is_set():
            answers.append(room.gateway.ask("GET", "/page", f"Cookie: {browser.cookie_field(room.gateway.url)}").status)
            time.sleep(0.02)

    thread = threading.Thread(target=traffic)
    thread.start()
    try:
        until(lambda: len(answers) > 10, "traffic")
        room.provider.change_key()
        for user in ("alice", "bob" if name == "glewlwyd" else "robin"):
            page = room.sign_in(room.browser(), user)
            assert page.url == room.gateway.at("/page?a=1"), f"{page.status} {page.text[:400]}"
    finally:
        done.set()
        thread.join()
    assert set(answers) == {200}


@pytest.mark.parametrize("name", BOTH)
def test_check_online_finds_what_is_wrong_before_anybody_signs_in(enter, name):
    from gateway import command

    room = enter(name)
    right = dict(room.gateway.config)

    def said(**changes):
        provider = {**right["provider"], **changes.pop("provider", {})}
        room.gateway.write({**right, "provider": provider, **changes})
        done = command("check", "--config", room.gateway.file, "--online")
        return done.returncode, done.stdout

    code, text = said()
    assert code == 0 and "it takes http://localhost" in text and "does not take" not in text, text
    code, text = said(provider={"client_secret": "wrong"})
    assert code == 1 and "problem: provider: it does not take our client" in text, text
    code, text = said(external_url="http://localhost:1")
    assert code == 1 and "register http://localhost:1/.auth/callback exactly so" in text, text
    room.gateway.write(right)
