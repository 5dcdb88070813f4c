"""Octets that no request asked for: behind an answer, on an idle connection, before the final answer. No client gets them.

Against security.md DS-05 to DS-10.
"""

import threading

from answers import BAD, CODED, FIVE, HELLO, OK, POISON, each, exchange, play
from raw import request
from rooms import room, whole_room  # noqa: F401 - fixtures
from upstream import CLOSE, answer

UNASKED = [
    ("octets behind a length", [FIVE + "more"], HELLO),
    ("a second answer in the same segment", [FIVE + POISON], HELLO),
    ("a second answer in the next segment", [FIVE, 0.01, POISON], HELLO),
    ("a second answer a while later", [FIVE, 0.1, POISON], HELLO),
    ("two further answers", [FIVE, POISON, 0.01, POISON], HELLO),
    ("a 408 on the idle connection", [FIVE, 0.05, "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"], HELLO),
    ("a 100 on the idle connection", [FIVE, 0.05, "HTTP/1.1 100 Continue\r\n\r\n"], HELLO),
    ("an empty line on the idle connection", [FIVE, 0.05, "\r\n"], HELLO),
    ("one octet on the idle connection", [FIVE, 0.05, "H"], HELLO),
    ("garbage behind the last chunk", [CODED + "5\r\nhello\r\n0\r\n\r\n" + POISON], HELLO),
    ("a second last chunk", [CODED + "5\r\nhello\r\n0\r\n\r\n0\r\n\r\n"], HELLO),
    ("an answer that says close, and another", [OK + "Connection: close\r\nContent-Length: 5\r\n\r\nhello" + POISON], HELLO),
    ("an answer without content, and another", [OK + "Content-Length: 0\r\n\r\n" + POISON], (200, b"")),
    ("a 204 with a length and content", ["HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello"], (204, b"")),
    ("a 204 with chunks", ["HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"], (204, b"")),
    ("a 204 whose content comes later", ["HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", 0.03, "hello"], (204, b"")),
    ("a 204 and another answer", ["HTTP/1.1 204 No Content\r\n\r\n" + POISON], (204, b"")),
    ("a 304 with content", ["HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello"], (304, b"")),
    ("a 304 whose chunks come later", ["HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", 0.03, "5\r\nhello\r\n0\r\n\r\n"], (304, b"")),
    ("a 205 with content", ["HTTP/1.1 205 Reset Content\r\nContent-Length: 5\r\n\r\nhello"], (205, None)),
    ("a 206 with nonsense for a range", ["HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 9-1/x\r\nContent-Length: 5\r\n\r\nhello"], (206, b"hello")),
    ("a head with content for HEAD", [FIVE], (200, b""), "HEAD"),
    ("a head with later content for HEAD", [OK + "Content-Length: 5\r\n\r\n", 0.03, "hello"], (200, b""), "HEAD"),
    ("chunks for HEAD", [CODED + "5\r\nhello\r\n0\r\n\r\n"], (200, b""), "HEAD"),
    ("no length for HEAD, and content", [OK + "\r\nhello"], (200, b""), "HEAD"),
    ("another answer for HEAD", [OK + "Content-Length: 5\r\n\r\n" + POISON], (200, b""), "HEAD"),
]  # fmt: skip

EARLY = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
INTERIM = [
    ("a 100 nobody asked for", ["HTTP/1.1 100 Continue\r\n\r\n" + FIVE], HELLO),
    ("a 102, a 103 and a 199", ["HTTP/1.1 102 Processing\r\n\r\n", EARLY, "HTTP/1.1 199 x\r\n\r\n" + FIVE], HELLO),
    ("ten early hints in single octets", [*(EARLY * 10 + FIVE)], HELLO),
    ("early hints without end at once", [EARLY * 20_000], BAD),
    ("early hints without end in drips", [s for _ in range(60) for s in (EARLY, 0.02)], BAD),
    ("early hints and the end", [EARLY, CLOSE], BAD),
    ("early hints and silence", [EARLY], BAD),
    ("early hints with a length", ["HTTP/1.1 103 x\r\nContent-Length: 5\r\n\r\nhello" + FIVE], BAD),
    ("early hints with chunks", ["HTTP/1.1 103 x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" + FIVE], BAD),
    ("early hints with a bare LF", ["HTTP/1.1 103 x\r\nX: a\nb\r\n\r\n" + FIVE], BAD),
    ("a 101 nobody asked for", ["HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n" + POISON], BAD),
    ("a 101 of nothing", ["HTTP/1.1 101 Switching Protocols\r\n\r\n"], BAD),
]  # fmt: skip


@each(UNASKED + INTERIM)
def test_what_nobody_asked_for_reaches_nobody(room, says, steps, then, method, sender):
    exchange(room, steps, then, method, sender)


def test_interim_answers_are_not_for_old_clients(room):
    room.upstream.script = lambda r: play([EARLY + FIVE], False)
    with room.gateway.raw() as client:
        client.send(f"GET /public/x HTTP/1.0\r\nHost: {room.gateway.host}\r\n\r\n")
        reply = client.answer()
        assert (reply.status, reply.content, reply.interim) == (200, b"hello", [])


def test_octets_that_come_just_before_the_next_request_are_nobodys(room):
    """They lie in the gateway's socket when the request comes, whatever it has had time to notice."""
    for number in range(100):
        over = threading.Event()
        room.upstream.script = lambda r: play([answer(r.target).decode(), 0.003, POISON], False, over)
        with room.gateway.raw() as client:
            for half in "ab":
                reply = client.ask(request("GET", f"/public/{number}{half}", room.gateway.host))
                assert reply.text == f"/public/{number}{half}", f"{reply.status} {reply.text}"
                assert over.wait(2)
                over.clear()
