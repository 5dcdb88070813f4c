"""A request's line, target and Host have one reading; what has two is refused.

Against the rows of security.md H1 and PB; fields are test_hostile_fields.py's, and where content ends
test_hostile_framing.py's.
"""

import pytest

from hostile import GET, LINE, SENDERS, SMUGGLED, own, passed, refused
from rooms import room, whole_room  # noqa: F401 - fixtures

H = "HTTP/1.1\r\n" + LINE

LINES = [
    *[
        refused(f"a line of {line!r} is none", line + "\r\n" + LINE + "\r\n" + SMUGGLED, 400, 501, 505)
        for line in (
            "GET {path}",
            "GET {path} ",
            "GET  {path}  HTTP/1.1",
            " GET {path} HTTP/1.1",
            "GET {path} HTTP/1.1 x",
            "GET {path} x HTTP/1.1",
            "GET {path}\tHTTP/1.1",
            "GET {path}\x0bHTTP/1.1",
            "GET {path} HTTP/ 1.1",
            "GET {path} HTTP/1",
            "GET {path} HTTP/1.",
            "GET {path} HTTP/11",
            "GET {path} HTTP/01.1",
            "GET {path} HTTP/1.01",
            "GET {path} HTTP/1,1",
            "GET {path} HTTP/0.9",
            "GET {path} HTTP/3.0",
            "GET {path} HTTP/9.9",
            "GET {path} HTTP/-1.1",
            "GET {path} HTTPS/1.1",
            "GET {path} Http/1.1",
            "GET {path} ICY/1.1",
            "GET {path} HTTP/1.1\x00",
            "GET\x00 {path} HTTP/1.1",
            "G\xc9T {path} HTTP/1.1",
            "GET,POST {path} HTTP/1.1",
            "GET: {path} HTTP/1.1",
            "(GET) {path} HTTP/1.1",
            "GET\r {path} HTTP/1.1",
            "\rGET {path} HTTP/1.1",
            "\x00GET {path} HTTP/1.1",
            "\x1b[2JGET {path} HTTP/1.1",
            "\xef\xbb\xbfGET {path} HTTP/1.1",
            "GET {path} HTTP/1.1\r",
        )
    ],
    refused("a line ended by CR CR LF", "GET {path} HTTP/1.1\r\r\n" + LINE + "\r\n"),
    refused("a line ended by LF CR", "GET {path} HTTP/1.1\n\r" + LINE + "\r\n"),
    refused("a bare LF before the line", "\n" + GET + "\r\n"),
    refused("a bare CR before the line", "\r" + GET + "\r\n"),
    refused("ten thousand empty lines", "\r\n" * 10_000 + GET + "\r\n"),
    refused("a version of HTTP/1.2", "GET {path} HTTP/1.2\r\n" + LINE + "\r\n", 505),
    refused("a request that is a response", "HTTP/1.1 200 OK\r\n" + LINE + "\r\n"),
    refused("a line of a mail", "EHLO x\r\nMAIL FROM:<a@b>\r\n\r\n"),
    refused("a PROXY preface that nobody asked for", "PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n" + GET + "\r\n", 400),
    refused("a PROXY preface of version 2", "\r\n\r\n\x00\r\nQUIT\n!\x11\x00\x0c" + "\x7f\x00\x00\x01" * 3 + GET + "\r\n"),
    refused("an SSH greeting", "SSH-2.0-OpenSSH_9.9\r\n", silent=True),
    refused("a preface of HTTP/2 in two segments", ("PRI * HTTP/2.0\r\n", 0.01, "\r\nSM\r\n\r\n"), 400, 505),
    passed("a method in small letters is another method", "get {path} " + H + "\r\n", method="get", or_refused=(400, 501)),
    passed("a method nobody knows is passed on", "FROBNICATE {path} " + H + "\r\n", method="FROBNICATE", or_refused=(405, 501)),
    passed("two empty lines before the line", "\r\n\r\n" + GET + "\r\n"),
    passed("a query of 8000 octets", "GET {path}?" + "q" * 8000 + " " + H + "\r\n", target="{path}?" + "q" * 8000),
]  # fmt: skip

TARGETS = [
    *[
        refused(f"a target of {target!r} is none", f"GET {target} " + H + "\r\n" + SMUGGLED)
        for target in (
            "public/x",
            "*",
            "?x",
            "#",
            "http:",
            "http:/",
            "http://",
            "http:///x",
            "http:{path}",
            "http://{host}@evil.test{path}",
            "http://user:pass@{host}{path}",
            "http://{host}:{path}",
            "http://{host}{path}#x",
            "http://[::1{path}",
            "http://evil.test{path}",
            "ws://{host}{path}",
            "javascript:alert(1)",
            "localhost:80",
            "{host}",
            "\\public\\x",
            "{path}\x00",
            "{path}\x1f",
            "{path}?\x7f",
            "{path}?a\x00b",
            "{path}?a#b",
            "{path}?\xc3\xa9\x01",
        )
    ],
    *[
        own(f"a path of {path!r} has two readings", f"GET {path} " + H + "\r\n", 400)
        for path in (
            "{path}\\..\\y",
            "{path}%00",
            "{path}%",
            "{path}%0",
            "{path}%g0",
            "{path}%2fy",
            "{path}%5cy",
            "{path}/%2e%2e/y",
            "{path}/..%2fy",
            "{path}/..;/y",
            "{path}/.;a/y",
            "{path}\x80",
        )
    ],
    passed("an absolute target without a path's end", "GET http://{host}{path} " + H + "\r\n"),
    passed("an absolute target in capitals", "GET HTTP://{host}{path} " + H + "\r\n"),
    passed("an absolute target with a query", "GET http://{host}{path}?a=b " + H + "\r\n", target="{path}?a=b"),
    passed("an absolute target's dot segments", "GET http://{host}/a/..{path} " + H + "\r\n"),
    passed("a query of anything is passed on as it came", "GET {path}?a=%2f..%00&;\"<>[]|%zz " + H + "\r\n", target='{path}?a=%2f..%00&;"<>[]|%zz'),
    passed("an empty query stays", "GET {path}? " + H + "\r\n", target="{path}?"),
    passed("dot segments above the root end at the root", "GET /../../..{path} " + H + "\r\n"),
    passed("a path of many slashes", "GET " + "/" * 500 + "{path} " + H + "\r\n"),
    refused("the star of POST", "POST * " + H + "Content-Length: 0\r\n\r\n"),
    refused("a target of 20 KB", "GET {path}?" + "x" * 20_000 + " " + H + "\r\n", 414),
    refused("a CONNECT of a path", "CONNECT {path} " + H + "\r\n", 400, 405, 501),
    own("a TRACE with content", "TRACE {path} " + H + "Content-Length: 5\r\n\r\nhello", 405, 501),
]  # fmt: skip


def of(host, *statuses, more=""):
    return f"a host of {host!r}", f"GET {{path}} HTTP/1.1\r\nHost: {host}\r\n{{session}}{more}\r\n", *(statuses or (400,))


HOSTS = [
    *[
        refused(*of(host))
        for host in (
            "",
            " ",
            "{host}:80",
            "{host}, {host}",
            "{host} evil.test",
            "evil.test/{host}",
            "{host}/",
            "{host}?x",
            "{host}#x",
            "a@{host}",
            "localhost:",
            "localhost:0",
            "localhost:65536",
            "localhost:+80",
            "localhost:8o",
            "localhost:00080",
            "[::1",
            "::1",
            "[::1]x",
            "[::1%25lo]",
            "[127.0.0.1]",
            "localhost\x00",
            "local\x00host",
            "localhost\x7f",
            "l\xf6calhost",
            "%6cocalhost",
            "localhost..",
            ".localhost",
            "http://{host}",
            "-:80:80",
            "x" * 300,
            "0x7f.1",
            "127.1",
        )
    ],
    refused("a host in a folded line", "GET {path} HTTP/1.1\r\nHost:\r\n {host}\r\n{session}\r\n"),
    refused("a host whose name has a space before the colon", "GET {path} HTTP/1.1\r\nHost : {host}\r\n{session}\r\n"),
    refused("a host given again in other letters", GET + "hOST: {host}\r\n\r\n"),
    refused("a host of another name given first", "GET {path} HTTP/1.1\r\nHost: evil.test\r\n" + LINE + "\r\n"),
    refused("an empty host beside a good one", GET + "Host:\r\n\r\n"),
    refused("an absolute target of one host, the field of another", "GET http://{host}{path} HTTP/1.1\r\nHost: evil.test\r\n{session}\r\n"),
    refused("an absolute target without a host field", "GET http://{host}{path} HTTP/1.1\r\n{session}\r\n"),
    refused("HTTP/1.0 without a host", "GET {path} HTTP/1.0\r\n{session}\r\n"),
    own("a host that is not ours", "GET {path} HTTP/1.1\r\nHost: evil.test\r\n{session}\r\n", 421),
    own("a host that begins as ours", "GET {path} HTTP/1.1\r\nHost: localhost.evil.test\r\n{session}\r\n", 421),
    own("a host that ends as ours", "GET {path} HTTP/1.1\r\nHost: evil-localhost\r\n{session}\r\n", 421),
    own("an absolute target of a host that is not ours", "GET http://evil.test{path} HTTP/1.1\r\nHost: evil.test\r\n{session}\r\n", 421),
    own("a host with an underscore", "GET {path} HTTP/1.1\r\nHost: local_host\r\n{session}\r\n", 421, 400),
    own("another loopback address leads to ours", "GET {path} HTTP/1.1\r\nHost: 127.0.0.2\r\n{session}\r\n", 308),
    passed("a host in capitals", "GET {path} HTTP/1.1\r\nHost: LOCALHOST\r\n{session}\r\n", host=None),
    passed("a host that a connection list names stays", GET + "Connection: Host, close\r\n\r\n"),
    passed("a host behind white space", "GET {path} HTTP/1.1\r\nHost: \t {host} \t\r\n{session}\r\n"),
    passed("HTTP/1.0 kept alive", "GET {path} HTTP/1.0\r\n" + LINE + "Connection: keep-alive\r\n\r\n"),
    own("the star of OPTIONS is answered here", "OPTIONS * " + H + "\r\n", 200, 204, method="OPTIONS"),
    own("OPTIONS that may go no further", "OPTIONS {path} " + H + "Max-Forwards: 0\r\n\r\n", 200, 204, 401, method="OPTIONS"),
    passed("HTTP/1.0 with a host", "GET {path} HTTP/1.0\r\n" + LINE + "\r\n"),
]  # fmt: skip

ROWS = LINES + TARGETS + HOSTS


@pytest.mark.parametrize("sender", SENDERS, ids=lambda s: s.says)
@pytest.mark.parametrize("row", ROWS, ids=lambda r: r.says[:70])
def test_a_head_has_one_reading(room, row, sender):
    room.play(row, sender)


CONNECT = refused("a CONNECT with octets behind it", "CONNECT {host} " + H + "\r\n" + SMUGGLED, 400, 405, 501)
TWO_READINGS = refused("a path of two readings", "GET {path}/..%2fy " + H + "\r\n" + SMUGGLED)


@pytest.mark.parametrize("sender", SENDERS[1:3], ids=lambda s: s.says)
def test_what_follows_a_connect_is_no_request(room, sender):
    room.play(CONNECT, sender, deadline=1)


@pytest.mark.parametrize("sender", SENDERS[1:3], ids=lambda s: s.says)
def test_the_connection_ends_with_a_path_of_two_readings(room, sender):
    room.play(TWO_READINGS, sender, deadline=1)
