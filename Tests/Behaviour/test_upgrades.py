"""Upgrades to what a route names: passed on, coupled after a 101 that names them, and removed everywhere else."""

import socket
import threading
import time

import pytest

from bare import BareUpstream
from gateway import command, config_for, yaml
from raw import request
from shared import provider, run_for_all, upstream, upstream_for_all  # noqa: F401 - fixtures
from upstream import answer
from waiting import until

ROUTES = [
    {"path": "/public/*", "access": "public", "upstream": "site", "upgrades": ["mqtt", "foo/2"]},
    {"path": "/private/*", "upstream": "site", "upgrades": ["mqtt"]},
    {"path": "/*", "access": "public", "upstream": "site"},
]
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: mqtt\r\n\r\n"
ASK = ["Connection: Upgrade", "Upgrade: mqtt"]


@pytest.fixture(scope="module")
def gateway(run_for_all, provider, upstream_for_all):
    config = config_for(provider, {"site": upstream_for_all}, ROUTES, threads=1, timeouts={"upgraded_idle": "700ms"})
    return run_for_all(config)


@pytest.fixture
def never():
    event = threading.Event()
    yield event
    event.set()


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_it_is_coupled_both_ways(run, provider, method):
    heads = []

    def serve(peer):
        heads.append(peer.head())
        peer.send(SWITCHED + b"down")
        assert peer.take(6) == b"\x10early"
        peer.send(b"heard")
        assert peer.take(5) == b"later"
        peer.send(b"bye")

    bare = BareUpstream(serve)
    gateway = run(config_for(provider, {"site": bare}, ROUTES, threads=1))
    with gateway.raw() as client:
        client.send(request(method, "/public/x", gateway.host, *ASK) + b"\x10early")
        head = client.head()
        assert (head.status, head.one("Upgrade"), head.one("Connection")) == (101, "mqtt", "Upgrade")
        until(lambda: b"downheard" in client.received or not client._more(), "what was said", pause=0)
        client.send(b"later")
        while client._more():
            pass
        assert bytes(client.received) == b"downheardbye"
    assert "Connection: Upgrade\r\nUpgrade: mqtt" in heads[0]
    bare.close()


@pytest.mark.parametrize("name, sent", [("MQTT", "MQTT"), ("h2c, mqtt/5", "mqtt/5"), ("foo/1, foo/2", "foo/2")])
def test_only_what_the_route_names_is_asked_for(gateway, upstream, name, sent):
    assert gateway.ask("GET", "/public/x", "Connection: Upgrade, HTTP2-Settings", f"Upgrade: {name}", "HTTP2-Settings: AAA").status == 200
    assert upstream.last.one("Upgrade") == sent and "http2-settings" not in upstream.last.names


PLAIN = [
    ("/public/x", ["Connection: Upgrade", "Upgrade: other"], None),
    ("/public/x", ["Connection: Upgrade", "Upgrade: h2c"], None),
    ("/public/x", ["Upgrade: mqtt"], None),
    ("/public/x", ASK, "content"),
    ("/elsewhere", ASK, None),
]


@pytest.mark.parametrize("path, lines, content", PLAIN, ids=lambda v: str(v)[:40])
def test_another_is_removed_and_the_request_goes_on(gateway, upstream, path, lines, content):
    assert gateway.ask("POST", path, *lines, content=content).status == 200
    assert "upgrade" not in upstream.last.names and upstream.last.content == (content or "").encode()


@pytest.mark.parametrize("upgrade", ["websocket", "other", "mqtt, other", "mqtt/5", "mqtt\r\nUpgrade: other"])
def test_a_101_that_names_something_else_is_502(gateway, upstream, never, upgrade):
    upstream.script = lambda r: [SWITCHED.replace(b"Upgrade: mqtt", f"Upgrade: {upgrade}".encode()), never]
    assert gateway.ask("GET", "/public/x", *ASK).status == 502


def test_a_101_to_who_did_not_ask_is_502(gateway, upstream, never):
    upstream.script = lambda r: [SWITCHED, never]
    assert gateway.ask("GET", "/elsewhere", *ASK).status == 502


def test_two_lines_are_judged_together(gateway, upstream):
    """The second asks for a WebSocket, which then has to be a handshake and nothing else."""
    handshake = ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
    for path in ("/public/x", "/elsewhere"):
        for first in ("mqtt", "h2c", "websocket"):
            lines = ["Connection: Upgrade", f"Upgrade: {first}", "Upgrade: websocket", *handshake]
            assert gateway.ask("GET", path, *lines).status == 400
    assert upstream.requests == []


def test_without_a_session_it_is_401_and_with_one_it_ends_with_it(gateway, upstream, never):
    assert gateway.ask("GET", "/private/x", *ASK).status == 401 and upstream.requests == []
    browser = gateway.browser()
    assert browser.open(gateway.at("/private/")).status == 200
    upstream.script = lambda r: [SWITCHED, never] if "upgrade" in r.names else answer("ok")
    cookie = f"Cookie: {browser.cookie_field(gateway.url)}"
    with gateway.raw() as client:
        client.send(request("GET", "/private/x", gateway.host, *ASK, cookie))
        assert client.head().status == 101
        browser.submit(browser.open(gateway.at("/.auth/logout")), form="/.auth/logout")
        assert client.ends() and not client.received, "it is just closed"


def test_silence_on_both_sides_has_its_time(gateway, upstream, never):
    upstream.script = lambda r: [SWITCHED, never]
    with gateway.raw(deadline=4) as client:
        client.send(request("GET", "/public/x", gateway.host, *ASK))
        assert client.head().status == 101 and client.ends()


@pytest.mark.parametrize("name", ["h2c", "H2C", "HTTP/2.0", "http/1.1", "TLS/1.0", "tls/1.3"])
def test_what_would_leave_http_is_a_problem(tmp_path, provider, name):
    routes = [{"path": "/*", "access": "public", "upstream": "site", "upgrades": [name]}]
    file = tmp_path / "gatehouse.yaml"
    file.write_text(yaml(config_for(provider, {"site": "http://127.0.0.1:1"}, routes)) + "\n")
    said = command("check", "--config", file)
    assert said.returncode == 1 and "routes[0].upgrades[0]" in said.stdout + said.stderr


def test_a_client_that_ends_before_the_switch_hears_what_the_upstream_had_said(run, provider):
    gate = threading.Event()

    def serve(peer):
        peer.head()
        gate.wait(10)
        peer.send(SWITCHED + b"down")
        peer.take(1)

    bare = BareUpstream(serve)
    gateway = run(config_for(provider, {"site": bare}, ROUTES, threads=1))
    with gateway.raw() as client:
        client.send(request("GET", "/public/x", gateway.host, *ASK))
        client.socket.shutdown(socket.SHUT_WR)
        time.sleep(0.2)
        gate.set()
        assert client.head().status == 101
        while client._more():
            pass
        assert bytes(client.received) == b"down"
    assert gateway.ask("GET", "/public/plain").status == 502, "this upstream says something else"
    bare.close()
