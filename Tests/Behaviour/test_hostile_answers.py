"""An upstream's answer is passed on whole, refused, or cut: never read two ways, and never poison for the next request.

Heads, lengths and chunks; what nobody asked for is test_unasked_answers.py's. Against security.md DS-01 to DS-17.
"""

import time

import pytest

from answers import BAD, CODED, COOKIE, CUT, FIVE, HELLO, OK, each, exchange, play
from raw import CutShort, request
from rooms import room, whole_room  # noqa: F401 - fixtures
from upstream import CLOSE, RESET, answer

HEADS = [
    *[
        (f"a status line of {line!r}", [line + "\r\nContent-Length: 5\r\n\r\nhello"], BAD)
        for line in (
            "HTTP/1.1",
            "HTTP/1.1 ",
            "HTTP/1.1  200 OK",
            "HTTP/1.1\t200 OK",
            "HTTP/1.1 2000 OK",
            "HTTP/1.1 2OO OK",
            "HTTP/1.1 +20 OK",
            "HTTP/1.1 099 OK",
            "HTTP/1.1 000 OK",
            "HTTP/1.1 600 OK",
            "HTTP/1.1 999 OK",
            "HTTP/1.1 200 O\x00K",
            "HTTP/1.1 200 O\rK",
            "HTTP/1.1 200 \x1b[2J",
            "HTTP/1.2 200 OK",
            "HTTP/0.9 200 OK",
            "HTTP/3.0 200 OK",
            "http/1.1 200 OK",
            "HTTP/1.10 200 OK",
            "HTTP/11 200 OK",
            "ICY 200 OK",
            "SSH-2.0-OpenSSH",
            " HTTP/1.1 200 OK",
            "\r\nHTTP/1.1 200 OK",
            "\nHTTP/1.1 200 OK",
            "\x00HTTP/1.1 200 OK",
            "GET / HTTP/1.1",
            "\x16\x03\x01\x02\x00\x01\x00",
        )
    ],
    *[
        (f"a line of {line!r}", [OK + line + "\r\nContent-Length: 5\r\n\r\nhello"], BAD)
        for line in (
            "X",
            "X Y: z",
            ": y",
            "X : y",
            "X\t: y",
            " X: y",
            "X: a\nSet-Cookie: a=b",
            "X: a\rSet-Cookie: a=b",
            "X: a\n\nHTTP/1.1 200 OK",
            "X: \x00",
            "X: \x0b",
            "X: \x7f",
            "X\x00: y",
            "X(: y",
            "\xc3\xa4: y",
            "X: y\r\n z",
            "X:\r\n\ty",
        )
    ],
    ("a head ended by bare LFs", [OK.replace("\r", "") + "Content-Length: 5\n\nhello"], BAD),
    ("a head ended by one bare LF", [OK + "Content-Length: 5\r\n\nhello"], BAD),
    ("a reason of 1 MB", ["HTTP/1.1 200 " + "x" * 1_000_000 + "\r\nContent-Length: 0\r\n\r\n"], BAD),
    ("a field of 1 MB", [OK + "X: " + "x" * 1_000_000 + "\r\nContent-Length: 0\r\n\r\n"], BAD),
    ("10 000 fields", [OK + "X: y\r\n" * 10_000 + "Content-Length: 0\r\n\r\n"], BAD),
    ("half a head and the end", [OK + "Content-Length: 5\r\n", CLOSE], BAD),
    ("half a head and a reset", [OK + "Content-Length: 5\r\n", RESET], BAD),
    ("half a status line and silence", ["HTTP/1.1 20"], BAD),
    ("a head without its last line and silence", [OK + "Content-Length: 0\r\n"], BAD),
    ("a head in drips that ends too late", [*[s for c in OK + "X: yyyyyyyyyyyyyy" for s in (c, 0.02)], "\r\nContent-Length: 0\r\n\r\n"], BAD),
    ("a status line without a reason", ["HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello"], HELLO),
    ("a status line with an empty reason", ["HTTP/1.1 200 \r\nContent-Length: 5\r\n\r\nhello"], HELLO),
    ("a status nobody knows", ["HTTP/1.1 299 Whatever\r\nContent-Length: 5\r\n\r\nhello"], (299, b"hello")),
    ("a value outside ASCII", [OK + "X: \xe4\xff\r\nContent-Length: 5\r\n\r\nhello"], HELLO),
    ("a head in single octets", [*FIVE], HELLO),
    ("a cookie of ours is not passed on", [OK + COOKIE + "Content-Length: 5\r\n\r\nhello"], HELLO),
    ("60 fields and a thousand octets each", [OK + ("X: " + "x" * 990 + "\r\n") * 60 + "Content-Length: 5\r\n\r\nhello"], HELLO),
]  # fmt: skip

LENGTHS = [
    *[
        (f"a length of {value!r}", [OK + f"Content-Length: {value}\r\n\r\nhello"], BAD)
        for value in ("", "+5", "-5", "0x5", "5,", "5, 5", "5, 6", "5 5", "05", "5.0", "5\x00", "5;", "18446744073709551616", "9" * 50, "\xb5")
    ],
    ("two lengths", [OK + "Content-Length: 5\r\nContent-Length: 50\r\n\r\nhello"], BAD),
    ("the same length twice", [OK + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"], BAD),
    ("a length and chunks", [OK + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"], BAD),
    ("chunks and a length", [OK + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"], BAD),
    ("a length with a space before its colon", [OK + "Content-Length : 5\r\n\r\nhello"], BAD),
    ("a length over two lines", [OK + "Content-Length: 5\r\n 0\r\n\r\nhello"], BAD),
    ("a length not reached", [OK + "Content-Length: 6\r\n\r\nhello", CLOSE], CUT),
    ("a length not reached and a reset", [OK + "Content-Length: 6\r\n\r\nhello", RESET], CUT),
    ("a length not reached and silence", [OK + "Content-Length: 6\r\n\r\nhello"], CUT),
    ("a length of which nothing comes", [OK + "Content-Length: 6\r\n\r\n", CLOSE], CUT),
    ("a length of 2^63 and silence", [OK + "Content-Length: 9223372036854775808\r\n\r\nhello"], CUT),
    ("a length that ends with its connection", [FIVE, CLOSE], HELLO),
    ("a length reached, then a reset", [FIVE, 0.02, RESET], HELLO),
    ("a length in drips", [OK + "Content-Length: 5\r\n\r\n", 0.1, "h", 0.1, "e", 0.1, "l", 0.1, "l", 0.1, "o"], HELLO),
    ("no length, to the connection's end", [OK + "\r\nhello", CLOSE], HELLO),
    ("no length and a reset", [OK + "\r\nhello", 0.02, RESET], CUT),
    ("no length and silence", [OK + "\r\nhello"], CUT),
    ("HTTP/1.0 to the connection's end", ["HTTP/1.0 200 OK\r\n\r\nhello", CLOSE], HELLO),
    ("HTTP/1.0 with a length", ["HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello"], HELLO),
    ("HTTP/1.0 with chunks", ["HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", CLOSE], BAD),
]  # fmt: skip

CHUNKS = [
    *[
        (f"a coding of {value!r}", [OK + f"Transfer-Encoding: {value}\r\n\r\n5\r\nhello\r\n0\r\n\r\n", CLOSE], BAD)
        for value in ("", "gzip", "gzip, chunked", "chunked, gzip", "chunked, chunked", "xchunked", "identity", "chunked;x", "chunked\x0b", '"chunked"')
    ],
    ("two codings", [OK + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"], BAD),
    *[
        (f"a chunk size of {size!r}", [CODED + f"{size}\r\nhello\r\n0\r\n\r\n"], CUT)
        for size in ("", "x", "-5", "+5", "0x5", " 5", "5 ", "5\t", "5;a\nb", "5\x00", "1" + "0" * 16, "FFFFFFFFFFFFFFFFF", "5\n", "5\r", '5;a="', "5,5", "5.0")
    ],
    ("good chunks and then a bad one", [CODED + "5\r\nhello\r\n", 0.02, "zz\r\n"], CUT),
    ("a chunk longer than it says", [CODED + "3\r\nhello\r\n0\r\n\r\n"], CUT),
    ("a chunk shorter than it says", [CODED + "7\r\nhello\r\n0\r\n\r\n"], CUT),
    ("a chunk ended by a bare LF", [CODED + "5\r\nhello\n0\r\n\r\n"], CUT),
    ("a size ended by a bare LF", [CODED + "5\nhello\r\n0\r\n\r\n"], CUT),
    ("no last chunk", [CODED + "5\r\nhello\r\n", CLOSE], CUT),
    ("no last chunk and silence", [CODED + "5\r\nhello\r\n"], CUT),
    ("half a last chunk", [CODED + "5\r\nhello\r\n0\r\n", CLOSE], CUT),
    ("half a last chunk and silence", [CODED + "5\r\nhello\r\n0\r\n"], CUT),
    ("half a chunk and a reset", [CODED + "5\r\nhel", RESET], CUT),
    ("a bad trailer", [CODED + "5\r\nhello\r\n0\r\nno colon\r\n\r\n"], CUT),
    ("a folded trailer", [CODED + "5\r\nhello\r\n0\r\nX: y\r\n z\r\n\r\n"], CUT),
    ("a trailer of 100 KB", [CODED + "5\r\nhello\r\n0\r\nX: " + "y" * 100_000 + "\r\n\r\n"], CUT),
    ("extensions that outweigh the content", [CODED + ("1;" + "a" * 1000 + "\r\nx\r\n") * 100 + "0\r\n\r\n"], CUT),
    ("trailers become no fields", [CODED + "5\r\nhello\r\n0\r\n" + COOKIE + "Content-Length: 9\r\n\r\n"], HELLO),
    ("extensions are dropped", [CODED + '5;a="b;c"\r\nhello\r\n0;x\r\n\r\n'], HELLO),
    ("chunks in single octets", [*(CODED + "5\r\nhello\r\n0\r\n\r\n")], HELLO),
    ("a chunk for each octet", [CODED + "".join(f"1\r\n{c}\r\n" for c in "hello" * 500) + "0\r\n\r\n"], (200, b"hello" * 500)),
]  # fmt: skip


@each(HEADS + LENGTHS + CHUNKS)
def test_an_answer_is_whole_refused_or_cut(room, says, steps, then, method, sender):
    exchange(room, steps, then, method, sender)


def test_an_answer_of_unknown_length_that_is_cut_is_a_reset_for_an_old_client(room):
    """HTTP/1.0 knows no chunks: only a reset says that the answer is not whole."""
    room.upstream.script = lambda r: play([CODED + "5\r\nhello\r\n", 0.02, "zz\r\n"], False)
    with room.gateway.raw() as client:
        client.send(f"GET /public/x HTTP/1.0\r\nHost: {room.gateway.host}\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            while client.socket.recv(65536):
                pass


def test_a_whole_exchange_has_its_time(room):
    """Drips that keep every other time-out content end with `timeouts.request`."""
    drips = [OK + "Content-Length: 1000\r\n\r\n", *[s for _ in range(100) for s in ("x", 0.05)]]
    room.upstream.script = lambda r: play(drips, False)
    began = time.monotonic()
    with room.gateway.raw() as client, pytest.raises(CutShort):
        client.ask(request("GET", "/timed/x", room.gateway.host))
    assert 0.5 < time.monotonic() - began < 2


NAMED = ["Connection: Cache-Control, Date, X-A", "Cache-Control: public", "Date: Thu, 26 Nov 2026 00:00:45 GMT", "X-A: 1"]


@pytest.mark.parametrize("field", ["Cache-Control", "Date"])
def test_what_an_upstream_takes_away_by_its_connection_list_is_missing_and_so_added(room, field):
    room.upstream.script = lambda r: answer("ok", "200 OK", *NAMED)
    reply = room.gateway.ask("GET", "/private/x", room.cookie.strip())
    assert not reply.all("X-A") and reply.one(field) is not None


def test_a_cookie_without_a_name_cannot_stand_for_ours(room):
    """Browsers send `=gatehouse=x` back as `gatehouse=x` (RFC 6265bis)."""
    room.upstream.script = lambda r: answer("ok", "200 OK", "Set-Cookie: =gatehouse=x; Path=/")
    assert not room.gateway.ask("GET", "/public/x").all("Set-Cookie")
