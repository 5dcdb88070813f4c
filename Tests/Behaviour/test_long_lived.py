"""WebSockets and event streams: passed on as they come, only to whom they belong, and no longer than the session."""

import base64
import contextlib
import hashlib
import socket
import threading
import time

import pytest

from fixtures import usual
from raw import request
from upstream import answer
from waiting import until

KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # the one of RFC 6455
ACCEPT = base64.b64encode(hashlib.sha1((KEY + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
HANDSHAKE = [
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    f"Sec-WebSocket-Key: {KEY}",
]
SWITCHED = (
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    f"Sec-WebSocket-Accept: {ACCEPT}\r\n\r\n"
).encode()
EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"


@pytest.fixture
def cookie(gateway, signed_in):
    return f"Cookie: {signed_in.cookie_field(gateway.url)}"


@pytest.fixture
def never():
    event = threading.Event()
    yield event
    event.set()


def received(client, octets):
    until(lambda: octets in client.received or not client._more(), f"{octets!r} arrives", pause=0)
    assert octets in client.received


def test_a_websocket_passes_both_ways(gateway, upstream, cookie, never):
    upstream.script = lambda r: [SWITCHED + b"\x81\x02hi", never]
    with gateway.raw() as client:
        client.send(request("GET", "/socket", gateway.host, *HANDSHAKE, cookie, f"Origin: {gateway.url}"))
        head = client.head()
        assert (head.status, head.one("Upgrade"), head.one("Sec-WebSocket-Accept")) == (101, "websocket", ACCEPT)
        received(client, b"\x81\x02hi")
    assert upstream.last.one("Upgrade") == "websocket" and upstream.last.one("Sec-WebSocket-Key") == KEY
    assert upstream.last.one("X-Forwarded-User") == "alice-id" and not upstream.last.all("Cookie")


BAD = [
    ("another version", 426, [*HANDSHAKE[:2], "Sec-WebSocket-Version: 12", HANDSHAKE[3]], "GET"),
    ("no key", 400, HANDSHAKE[:3], "GET"),
    ("a short key", 400, [*HANDSHAKE[:3], "Sec-WebSocket-Key: eA=="], "GET"),
    ("a post", 400, HANDSHAKE, "POST"),
    ("content", 400, HANDSHAKE, "GET with content"),
]


@pytest.mark.parametrize("what, status, lines, method", BAD, ids=[b[0] for b in BAD])
def test_a_handshake_that_is_none_is_refused(gateway, upstream, cookie, what, status, lines, method):
    upstream.forget()
    content = "x" if "content" in method else None
    assert gateway.ask(method.split()[0], "/socket", *lines, cookie, content=content).status == status
    assert upstream.requests == []


def test_another_upgrade_is_removed_and_the_request_goes_on(gateway, upstream, cookie):
    lines = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"]
    assert gateway.ask("GET", "/page", *lines, cookie).status == 200
    assert not {"upgrade", "http2-settings"} & set(upstream.last.names)


def test_an_upstream_that_switches_to_something_else_is_502(gateway, upstream, cookie):
    upstream.script = lambda r: SWITCHED.replace(b"websocket", b"other")
    assert gateway.ask("GET", "/socket", *HANDSHAKE, cookie).status == 502


def test_an_upstream_that_declines_the_upgrade_is_heard(gateway, upstream, cookie):
    upstream.script = lambda r: answer("no", "403 Forbidden")
    reply = gateway.ask("GET", "/socket", *HANDSHAKE, cookie)
    assert (reply.status, reply.text) == (403, "no")


def test_idleness_ends_it_and_requests_elsewhere_keep_it(run, provider, upstream, never):
    config = usual(provider, upstream)
    config["session"] = {"idle_timeout": "4s"}
    gateway = run(config)
    upstream.script = lambda r: [EVENTS, never] if r.target == "/events" else answer("ok")

    def sign_in():
        browser = gateway.browser()
        assert browser.open(gateway.at("/")).status == 200
        return browser

    idle, busy = sign_in(), sign_in()
    with gateway.raw(deadline=14) as left, gateway.raw(deadline=14) as kept:
        for client, browser in ((left, idle), (kept, busy)):
            client.send(request("GET", "/events", gateway.host, f"Cookie: {browser.cookie_field(gateway.url)}"))
            assert client.head().status == 200
        began = time.monotonic()
        ended = threading.Event()

        def watch():
            while left._more():
                pass
            ended.set()

        threading.Thread(target=watch, daemon=True).start()

        def visit():
            assert busy.open(gateway.at("/page"), follow=False).status == 200
            return ended.is_set()

        until(visit, "the idle one ends", deadline=13, pause=0.5)
        assert time.monotonic() - began >= 3.5, "not before its time"
        received(kept, b"hello")
        kept.socket.settimeout(0.5)
        with contextlib.suppress(TimeoutError, OSError):
            assert kept.socket.recv(1, socket.MSG_PEEK) != b"", "the other goes on"


def test_each_ends_within_ten_seconds_of_its_session(gateway, signed_in, upstream, cookie, never):
    graphql = "Sec-WebSocket-Protocol: graphql-transport-ws"
    scripts = {
        "/socket": [SWITCHED, never],
        "/graphql-socket": [SWITCHED[:-2] + f"{graphql}\r\n\r\n".encode(), never],
        "/events": [EVENTS, never],
    }
    upstream.script = lambda r: scripts.get(r.target) or answer("ok")
    with gateway.raw(deadline=11.5) as plain, gateway.raw() as typed, gateway.raw() as stream:
        plain.send(request("GET", "/socket", gateway.host, *HANDSHAKE, cookie))
        typed.send(request("GET", "/graphql-socket", gateway.host, *HANDSHAKE, graphql, cookie))
        stream.send(request("GET", "/events", gateway.host, cookie))
        assert [c.head().status for c in (plain, typed, stream)] == [101, 101, 200]
        signed_in.submit(signed_in.open(gateway.at("/.auth/logout")), form="/.auth/logout")
        for client in (plain, typed, stream):
            while client._more():
                pass
        for client, code in ((plain, 1008), (typed, 4401)):
            assert client.received[0] == 0x88 and int.from_bytes(client.received[2:4], "big") == code
        assert not stream.received.endswith(b"0\r\n\r\n"), "cut, and not as if it were complete"
