"""A connection changes its protocol only after a handshake that is one, on both sides (RFC 6455 section 4)."""

import threading

import pytest

from hostile import LINE, SENDERS, SMUGGLED, Own, Passed, Row, own, passed, refused
from raw import request
from rooms import room, whole_room  # noqa: F401 - fixtures
from upstream import CLOSE, answer
from waiting import until

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
C, U, V, K = "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {KEY}"
SWITCHED = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


def shake(*lines, first="GET {path} HTTP/1.1", content=""):
    return f"{first}\r\n{LINE}" + "\r\n".join(lines) + "\r\n\r\n" + content


PLAIN = {"absent": ("upgrade",)}
ROWS = [
    *[
        own(f"a version of {v!r} is not 13", shake(C, U, K, f"Sec-WebSocket-Version: {v}"), 426, 400)
        for v in ("12", "99", "", "013", "13.0", "+13", "13, 12", "thirteen")
    ],
    own("no version", shake(C, U, K), 426, 400),
    own("two versions", shake(C, U, K, V, "Sec-WebSocket-Version: 8"), 426, 400),
    *[
        own(f"a key of {k!r} is none", shake(C, U, V, f"Sec-WebSocket-Key: {k}"), 400)
        for k in ("", "x", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ=", KEY + "=", KEY + KEY, KEY + ", " + KEY)
    ],
    own("no key", shake(C, U, V), 400),
    own("two keys", shake(C, U, V, K, K), 400),
    *[
        own(f"a handshake by {m}", shake(C, U, V, K, first=f"{m} {{path}} HTTP/1.1"), 400, 405, 426, method=m)
        for m in ("POST", "HEAD", "PUT", "OPTIONS", "get")
    ],
    own("a handshake with content", shake(C, U, V, K, "Content-Length: 5", content="hello"), 400),
    own("a handshake with chunks", shake(C, U, V, K, "Transfer-Encoding: chunked", content="5\r\nhello\r\n0\r\n\r\n"), 400),
    refused("a handshake with a length and chunks", shake(C, U, V, K, "Content-Length: 5", "Transfer-Encoding: chunked", content="0\r\n\r\n" + SMUGGLED)),
    refused("a handshake without a host", f"GET {{path}} HTTP/1.1\r\n{C}\r\n{U}\r\n{V}\r\n{K}\r\n\r\n"),
    passed("a handshake of HTTP/1.0 is a plain request", shake(C, U, V, K, first="GET {path} HTTP/1.0"), **PLAIN),
    passed("an upgrade that no connection list names", shake(U, V, K), **PLAIN),
    passed("an upgrade under a list of other names", shake("Connection: keep-alive, up-grade", U, V, K), **PLAIN),
    passed("a connection list without an upgrade", shake(C, V, K), **PLAIN),
    passed("an upgrade to something else", shake(C, "Upgrade: websockets", V, K), **PLAIN),
    passed("an upgrade to h2c alone", shake(C, "Upgrade: h2c", V, K), **PLAIN),
    passed("an upgrade to an empty name", shake(C, "Upgrade:", V, K), **PLAIN),
    passed("an upgrade to a version of websocket", shake(C, "Upgrade: websocket/13", V, K), **PLAIN),
]  # fmt: skip


@pytest.mark.parametrize("sender", SENDERS, ids=lambda s: s.says)
@pytest.mark.parametrize("row", ROWS, ids=lambda r: r.says[:70])
def test_a_handshake_that_is_none_opens_nothing(room, row, sender):
    """The upstream would switch wherever it is asked to."""
    never = threading.Event()
    echo = room.upstream.script
    room.upstream.script = lambda r: [SWITCHED.encode(), never] if "upgrade" in r.names else echo(r)
    if isinstance(row.then, Own) and not sender.is_admitted:
        row = Row(row.says, row.sends, Own((401, *row.then.statuses), row.then.method))
    try:
        room.play(row, sender)
    finally:
        never.set()


GOOD = [C, U, V, K]
ADMITTED = [s for s in SENDERS if s.is_admitted and not s.in_pieces]


def ask(room, sender, *lines):
    session = [room.cookie.strip()] if sender.has_session else []
    return request("GET", sender.path, room.gateway.host, *session, *lines)


@pytest.mark.parametrize("lines", [["Origin: https://evil.test"], ["Origin: null"], ["Origin: http://localhost"]], ids=str)
def test_a_foreign_origin_opens_nothing(room, lines):
    with room.gateway.raw() as client:
        reply = client.ask(ask(room, SENDERS[2], *GOOD, *lines, "Sec-Fetch-Site: same-origin"))
        assert reply.status == 403 and room.upstream.requests == []


@pytest.mark.parametrize("sender", [SENDERS[1]], ids=lambda s: s.says)
@pytest.mark.parametrize("cookie", ["", "Cookie: gatehouse=forged", "Cookie: gatehouse=" + "A" * 3000], ids=["none", "forged", "long"])
def test_without_a_session_it_is_401(room, sender, cookie):
    with room.gateway.raw() as client:
        reply = client.ask(ask(room, sender, *GOOD, "Sec-Fetch-Mode: websocket", *([cookie] if cookie else [])))
        assert reply.status == 401 and room.upstream.requests == []
        assert reply.one("WWW-Authenticate") and not reply.all("Location")
        room.clean(client)


DECLINES = ["200 OK", "302 Found", "400 Bad Request", "401 Unauthorized", "403 Forbidden", "404 Not Found", "426 Upgrade Required", "500 No"]


@pytest.mark.parametrize("sender", ADMITTED, ids=lambda s: s.says)
@pytest.mark.parametrize("status", DECLINES)
def test_an_upstream_that_declines_opens_nothing(room, status, sender):
    """What the client sends at once behind its handshake is a request like others, and no tunnel's octets."""
    echo = room.upstream.script
    room.upstream.script = lambda r: answer("no", status) if "upgrade" in r.names else echo(r)
    with room.gateway.raw() as client:
        reply = client.ask(ask(room, sender, *GOOD) + request("GET", "/private/behind", room.gateway.host))
        assert (reply.status, reply.text) == (int(status[:3]), "no")
        assert not reply.all("Upgrade") or reply.status == 426
        if (reply.one("Connection") or "").lower() != "close":
            assert client.answer().status == 401
        else:
            assert client.ends()
    assert [r.target for r in room.upstream.requests] == [sender.path]
    room.clean()


SWITCHES = [
    ("to nothing", "Connection: Upgrade\r\n"),
    ("without a list", "Upgrade: websocket\r\n"),
    ("to something else", "Connection: Upgrade\r\nUpgrade: h2c\r\n"),
    ("to two protocols", "Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n"),
    ("to a version", "Connection: Upgrade\r\nUpgrade: websocket/13\r\n"),
    ("with a bare LF", "Connection: Upgrade\r\nUpgrade: websocket\r\nX: a\nSet-Cookie: a=b\r\n"),
    ("with a space before a colon", "Connection: Upgrade\r\nUpgrade : websocket\r\n"),
]


@pytest.mark.parametrize("sender", ADMITTED, ids=lambda s: s.says)
@pytest.mark.parametrize("what, lines", SWITCHES, ids=[w for w, _ in SWITCHES])
def test_an_upstream_that_switches_wrongly_is_502(room, what, lines, sender):
    echo, never = room.upstream.script, threading.Event()
    octets = f"HTTP/1.1 101 Switching Protocols\r\n{lines}\r\n".encode()
    room.upstream.script = lambda r: [octets, never] if "upgrade" in r.names else echo(r)
    with room.gateway.raw() as client:
        reply = client.ask(ask(room, sender, *GOOD))
        assert reply.status == 502 and not reply.all("X") and not reply.all("Set-Cookie")
    never.set()
    room.clean()


@pytest.mark.parametrize("sender", ADMITTED, ids=lambda s: s.says)
def test_a_good_handshake_opens_a_tunnel_and_nothing_else_is_shared(room, sender):
    """Fields of the hop, lengths and our cookies stay out of a 101; octets with it, and before it, arrive in order."""
    echo, never = room.upstream.script, threading.Event()
    lines = "Content-Length: 5\r\nKeep-Alive: 5\r\nSet-Cookie: gatehouse=poison\r\n"
    octets = SWITCHED[:-2] + lines + "\r\nhello"
    room.upstream.script = lambda r: [octets.encode(), never, CLOSE] if "upgrade" in r.names else echo(r)
    with room.gateway.raw() as client:
        client.send(ask(room, sender, *GOOD) + b"\x81\x05early" + SMUGGLED.replace("{host}", "h").encode())
        head = client.head()
        assert head.status == 101 and head.one("Upgrade") == "websocket" and head.one("Connection").lower() == "upgrade"
        assert not head.all("Content-Length") and not head.all("Keep-Alive") and not head.all("Transfer-Encoding")
        assert not any("poison" in c for c in head.all("Set-Cookie"))
        until(lambda: b"hello" in client.received or not client._more(), "what came with the 101")
        assert bytes(client.received) == b"hello"
        room.clean()
    assert [r.target for r in room.upstream.requests if "/clean/" not in r.target] == [sender.path]
    never.set()


@pytest.mark.parametrize("sender", ADMITTED, ids=lambda s: s.says)
def test_a_key_of_other_characters_is_none(room, sender):
    key = "Sec-WebSocket-Key: " + "!" * 24
    with room.gateway.raw() as client:
        assert client.ask(ask(room, sender, C, U, V, key)).status == 400
    assert room.upstream.requests == []


@pytest.mark.parametrize("sender", ADMITTED, ids=lambda s: s.says)
def test_a_switch_to_two_protocols_in_two_lines_is_502(room, sender):
    lines = "Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n"
    test_an_upstream_that_switches_wrongly_is_502(room, "", lines, sender)
