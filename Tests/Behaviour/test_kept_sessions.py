"""Sessions kept on the server side: by configuration, or because the browser cannot hold them."""

import json
import secrets
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from fixtures import usual
from gateway import command
from raw import request
from stores import Store
from tokens import claims_of
from waiting import until

KEYS = "keys"


def kept(provider, upstream, tmp_path, **session):
    """The usual site, with a key file, so that a restart or another process could read the cookies."""
    config = usual(provider, upstream)
    keys = tmp_path / KEYS
    if not keys.exists():
        assert command("keys", "new", keys).returncode == 0
    config["session"] = {"keys": {"file": str(keys)}, **session}
    return config


@pytest.fixture
def memory(run, provider, upstream, tmp_path):
    return run(kept(provider, upstream, tmp_path, storage="memory"))


def call(gateway, browser):
    return browser.graphql(gateway.at("/graphql"), "{ me }")


def grow(provider, octets, refresh_octets=0):
    """Access tokens of so many octets, which are no JSON Web Tokens and cannot be packed."""
    usual_tokens = provider.tokens

    def tokens(asked, client, is_refresh=False):
        reply = usual_tokens(asked, client, is_refresh)
        body = json.loads(reply.content)
        body["access_token"] = secrets.token_urlsafe(octets)[:octets]
        if refresh_octets:
            body["refresh_token"] = secrets.token_urlsafe(refresh_octets)[:refresh_octets]
        body.pop("id_token", None) if is_refresh else None
        provider.access_tokens[-1] = body["access_token"]
        reply.content = json.dumps(body).encode()
        return reply

    provider.tokens = tokens
    provider.claims = lambda claims: {n: v for n, v in claims.items() if n != "at_hash"}


def session_cookies(browser):
    return {n: v for n, v in browser.cookies_of("localhost").items() if "login" not in n}


def test_in_memory_the_cookie_is_a_handle(memory, provider, upstream):
    browser = memory.browser()
    assert browser.open(memory.at("/page")).status == 200
    assert upstream.last.one("X-Forwarded-User") == "alice-id"
    cookies = session_cookies(browser)
    assert list(cookies) == ["gatehouse"] and len(cookies["gatehouse"]) < 300
    assert call(memory, browser).status == 200
    assert upstream.last.one("Authorization") == f"Bearer {provider.access_tokens[-1]}"
    me = browser.fetch(memory.at("/.auth/me"))
    assert me.status == 200 and me.json["sub"] == "alice-id"


def test_in_memory_two_hundred_calls_at_expiry_cost_one_refresh(memory, provider, upstream):
    provider.expires_in = 2
    browser = memory.browser()
    browser.open(memory.at("/"))
    provider.expires_in = 3600
    end = claims_of(provider.access_tokens[0])["exp"]
    until(lambda: time.time() > end + 0.2, "the token's end")
    upstream.forget()
    provider.on["token"] = lambda call: time.sleep(0.3)
    cookie = f"Cookie: {browser.cookie_field(memory.url)}"

    def one(_):
        return memory.ask(
            "POST", "/graphql", cookie, "Content-Type: application/json", content='{"query":"{me}"}'
        )

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(one, range(200)))
    assert {a.status for a in answers} == {200}
    assert len(provider.grants("refresh_token")) == 1
    assert {r.one("Authorization") for r in upstream.requests} == {f"Bearer {provider.access_tokens[-1]}"}
    assert not any(a.all("Set-Cookie") for a in answers), "the handle stays as it is"


def test_in_memory_idleness_is_exact(run, provider, upstream, tmp_path):
    gateway = run(kept(provider, upstream, tmp_path, storage="memory", idle_timeout="3s"))
    browser = gateway.browser()
    browser.open(gateway.at("/"))
    cookie = f"Cookie: {browser.cookie_field(gateway.url)}"
    start = time.time()
    while time.time() < start + 5:
        assert gateway.ask("GET", "/page", cookie).status == 200
        time.sleep(0.5)
    began = time.time()
    until(lambda: gateway.ask("GET", "/.auth/me", cookie).status == 401, "the session's end")
    assert 1.5 < time.time() - began < 4.5


def test_in_memory_logout_ends_it_for_every_copy_of_the_cookie(memory, provider):
    browser = memory.browser()
    browser.open(memory.at("/"))
    cookie = f"Cookie: {browser.cookie_field(memory.url)}"
    browser.submit(browser.open(memory.at("/.auth/logout")), form="/.auth/logout")
    assert memory.ask("GET", "/page", cookie).status == 401
    until(lambda: provider.count("revoke") == 1, "the refresh token is revoked")


def test_a_restart_of_the_node_forgets_what_was_in_memory_and_leads_to_one_login(
    run, provider, upstream, tmp_path
):
    gateway = run(kept(provider, upstream, tmp_path, storage="memory"))
    browser = gateway.browser()
    browser.open(gateway.at("/"))
    gateway.stop()
    gateway.start()
    browser.forget("login")
    before = provider.count("authorize")
    assert browser.open(gateway.at("/page")).status == 200
    assert provider.count("authorize") == before + 1


SIZES = [*((None, k) for k in (1, 2, 4, 8, 16, 32, 64)), *((s, k) for s in ("memory", "redis") for k in (2, 16, 64))]


@pytest.mark.parametrize("storage, kilobytes", SIZES, ids=[f"{s or 'cookie'}-{k}KB" for s, k in SIZES])
def test_a_session_of_any_size_is_used_refreshed_and_ended(run, provider, upstream, tmp_path, storage, kilobytes):
    grow(provider, kilobytes * 1024)
    provider.expires_in = 2
    config = kept(provider, upstream, tmp_path)
    config["session"] |= {"storage": storage} if storage else {}
    store = Store(tmp_path / "redis") if storage == "redis" else None
    if store:
        config["session"]["redis"] = {"url": f"redis://127.0.0.1:{store.port}"}
    gateway = run(config)
    browser = gateway.browser()
    assert browser.open(gateway.at("/page")).status == 200
    provider.expires_in = 3600
    cookies = session_cookies(browser)
    total = sum(len(n) + len(v) + 3 for n, v in cookies.items())
    assert total <= 8192
    if storage or kilobytes >= 8:
        assert list(cookies) == ["gatehouse"], "it has moved to the server side"
    began = time.time()
    until(lambda: time.time() > began + 2.2, "the token's end")
    assert call(gateway, browser).status == 200
    assert upstream.last.one("Authorization") == f"Bearer {provider.access_tokens[-1]}"
    assert len(provider.grants("refresh_token")) == 1
    assert call(gateway, browser).status == 200 and len(provider.grants("refresh_token")) == 1
    cookie = f"Cookie: {browser.cookie_field(gateway.url)}"
    browser.submit(browser.open(gateway.at("/.auth/logout")), form="/.auth/logout")
    assert gateway.ask("GET", "/page", cookie).status == 401
    if store:
        store.stop()


def test_a_large_session_at_another_node_is_an_answer_that_explains(run, provider, upstream, tmp_path, monkeypatch):
    """Kept in a process without redis: only that process has it, and nobody is sent to sign in in a circle."""
    grow(provider, 16_384)
    one = run(kept(provider, upstream, tmp_path))
    shim = tmp_path / "elsewhere.so"
    source = "#include <string.h>\nint gethostname(char *n, unsigned long c) { strncpy(n, \"elsewhere\", c); return 0; }"
    subprocess.run(["clang", "-shared", "-fPIC", "-x", "c", "-o", shim, "-"], input=source, text=True, check=True)
    config = kept(provider, upstream, tmp_path)
    monkeypatch.setenv("LD_PRELOAD", str(shim))
    two = run({**config, "external_url": one.config["external_url"]})
    monkeypatch.delenv("LD_PRELOAD")
    browser = one.browser()
    assert browser.open(one.at("/page")).status == 200
    cookie = f"Cookie: {browser.cookie_field(one.url)}"
    upstream.forget()
    program = two.ask("GET", "/page", cookie, "Accept: */*", host=one.host)
    assert program.status == 503 and program.json["code"] == "session-elsewhere"
    navigation = ["Accept: text/html", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document", "Sec-Fetch-Site: none"]
    page = two.ask("GET", "/page", cookie, *navigation, host=one.host)
    assert page.status == 503 and "session-elsewhere" in page.text and not page.all("Set-Cookie")
    assert "/.auth/login?return_to=" in page.text, "a person may sign in again"
    assert upstream.requests == [] and one.ask("GET", "/page", cookie).status == 200


def test_a_session_past_every_limit_is_refused_at_login_once_and_said(run, provider, upstream, tmp_path):
    grow(provider, 131_072, refresh_octets=131_072)
    gateway = run(kept(provider, upstream, tmp_path))
    browser = gateway.browser()
    page = browser.open(gateway.at("/page"))
    assert page.status == 503 and "session-too-large" in page.text
    assert provider.count("authorize") == 1
    assert not session_cookies(browser)


def test_no_octet_of_a_handle_can_be_changed(memory):
    browser = memory.browser()
    browser.open(memory.at("/"))
    value = session_cookies(browser)["gatehouse"]
    with memory.raw() as client:
        for position in range(len(value)):
            for other in "Ab":
                if value[position] == other:
                    continue
                changed = value[:position] + other + value[position + 1 :]
                reply = client.ask(request("GET", "/page", memory.host, f"Cookie: gatehouse={changed}", "Accept: */*"))
                assert reply.status == 401, f"changed at {position}: {reply.status}"


def test_a_session_moves_to_memory_when_the_configuration_says_so(run, provider, upstream, tmp_path):
    gateway = run(kept(provider, upstream, tmp_path))
    browser = gateway.browser()
    browser.open(gateway.at("/"))
    in_cookies = browser.cookie_field(gateway.url)
    gateway.write({**gateway.config, "session": {**gateway.config["session"], "storage": "memory"}})
    gateway.reload()
    gateway.until_logged("reloaded")
    assert gateway.ask("GET", "/page", f"Cookie: {in_cookies}").status == 200, "what was made before goes on"
    another = gateway.browser()
    another.open(gateway.at("/"))
    assert len(session_cookies(another)["gatehouse"]) < 300
