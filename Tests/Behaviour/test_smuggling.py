"""No request has two readings: what is ambiguous is refused, the connection ends, and no site sees any of it.

Each row goes to a public route and, with a session, to a signed-in one. Sections are RFC 9112's.
"""

import pytest

from gateway import config_for
from raw import CutShort, request
from waiting import until

HOST = "Host: {host}\r\n"
HEAD = "POST {path} HTTP/1.1\r\n" + HOST
SMUGGLED = "GET {path}/smuggled HTTP/1.1\r\nHost: {host}\r\n\r\n"
CHUNKED = HEAD + "Transfer-Encoding: chunked\r\n\r\n"

ROWS = [
    ("a length beside a coding", HEAD + "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED),
    ("a coding beside a length", HEAD + "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n" + SMUGGLED),
    ("two lengths", HEAD + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello" + SMUGGLED),
    ("lengths in a list", HEAD + "Content-Length: 5, 6\r\n\r\nhello" + SMUGGLED),
    *[
        (f"the length {value!r}", HEAD + f"Content-Length: {value}\r\n\r\nhello" + SMUGGLED)
        for value in (
            "+5",
            "-1",
            "-0",
            "0x5",
            "5 5",
            "1_0",
            "5;",
            "",
            "18446744073709551621",
            "1" + "0" * 30,
            "5\t\x0b",
            "\xb2",
            "5.0",
            "5e0",
        )
    ],
    *[
        (f"the coding {value!r}", HEAD + f"Transfer-Encoding: {value}\r\n\r\n0\r\n\r\n" + SMUGGLED)
        for value in (
            "xchunked",
            "chunked\x0b",
            "chunked\x0c",
            "\x0bchunked",
            "chunked\x00",
            "\xa0chunked",
            '"chunked"',
            "chunked;x=y",
            "identity",
            "gzip",
            "chunked, gzip",
            "chunked, chunked",
            "chunked, identity",
        )
    ],
    ("two codings", HEAD + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + SMUGGLED),
    (
        "a coding under HTTP/1.0",
        "POST {path} HTTP/1.0\r\n" + HOST + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    ),
    ("a space before the colon", HEAD + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + SMUGGLED),
    ("a tab before the colon", HEAD + "Content-Length\t: 5\r\n\r\nhello"),
    ("a folded line", HEAD + "X-A: b\r\n Content-Length: 5\r\n\r\nhello" + SMUGGLED),
    ("a folded first line", "POST {path} HTTP/1.1\r\n " + HOST + "Content-Length: 0\r\n\r\n"),
    ("a folded coding", HEAD + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + SMUGGLED),
    ("a bare LF after the request line", "POST {path} HTTP/1.1\n" + HOST + "Content-Length: 0\r\n\r\n"),
    ("a bare LF after a field", HEAD + "X-A: b\nContent-Length: 5\r\n\r\nhello" + SMUGGLED),
    ("a bare LF at the end of the head", HEAD + "Content-Length: 5\r\n\nhello"),
    ("a bare CR in a value", HEAD + "X-A: b\rContent-Length: 5\r\n\r\nhello"),
    ("a NUL in a value", HEAD + "X-A: b\x00c\r\nContent-Length: 0\r\n\r\n"),
    ("a NUL in a name", HEAD + "Content-Length\x00: 5\r\n\r\nhello"),
    ("a control in a value", HEAD + "X-A: \x01\r\nContent-Length: 0\r\n\r\n"),
    ("an empty name", HEAD + ": x\r\nContent-Length: 0\r\n\r\n"),
    ("a line without a colon", HEAD + "Foo\r\nContent-Length: 0\r\n\r\n"),
    ("a name that is no token", HEAD + "Foo(bar): x\r\nContent-Length: 0\r\n\r\n"),
    ("a name outside ASCII", HEAD + "F\xf6\xf6: x\r\nContent-Length: 0\r\n\r\n"),
    *[
        (f"the chunk size {size!r}", CHUNKED + f"{size}\r\nhello\r\n0\r\n\r\n" + SMUGGLED)
        for size in (
            "0x5",
            "+5",
            "-1",
            " 5",
            "5 ",
            "",
            "1_0",
            "5\x00",
            "G",
            "FFFFFFFFFFFFFFFF0",
            "5;a\nb",
            "5;\x00",
            "5\x0b",
            "5,5",
        )
    ],
    ("a chunk longer than it says", CHUNKED + "3\r\nhello\r\n0\r\n\r\n" + SMUGGLED),
    ("two octets instead of a line's end", CHUNKED + "5\r\nhelloXX0\r\n\r\n" + SMUGGLED),
    ("a bare LF after a chunk size", CHUNKED + "5\nhello\r\n0\r\n\r\n" + SMUGGLED),
    ("a bare LF after a chunk", CHUNKED + "5\r\nhello\n0\r\n\r\n" + SMUGGLED),
    ("a bare LF after the last chunk", CHUNKED + "5\r\nhello\r\n0\n\r\n" + SMUGGLED),
    ("an endless chunk extension", CHUNKED + "5;" + "a" * 70_000 + "\r\nhello\r\n0\r\n\r\n"),
    ("no host", "GET {path} HTTP/1.1\r\nX-A: b\r\n\r\n"),
    ("two hosts", "GET {path} HTTP/1.1\r\n" + HOST + HOST + "\r\n"),
    ("two different hosts", "GET {path} HTTP/1.1\r\n" + HOST + "Host: evil.test\r\n\r\n"),
    ("a host with a comma", "GET {path} HTTP/1.1\r\nHost: {host},evil.test\r\n\r\n"),
    ("HTTP/0.9", "GET {path}\r\n"),
    ("a lower-case version", "GET {path} http/1.1\r\n" + HOST + "\r\n"),
    ("a version of three parts", "GET {path} HTTP/1.1.1\r\n" + HOST + "\r\n"),
    ("HTTP/2.0", "GET {path} HTTP/2.0\r\n" + HOST + "\r\n"),
    ("HTTP/1.10", "GET {path} HTTP/1.10\r\n" + HOST + "\r\n"),
    ("two spaces", "GET  {path} HTTP/1.1\r\n" + HOST + "\r\n"),
    ("a tab for a space", "GET\t{path} HTTP/1.1\r\n" + HOST + "\r\n"),
    ("a space at the line's end", "GET {path} HTTP/1.1 \r\n" + HOST + "\r\n"),
    ("a method that is no token", 'G="<> {path} HTTP/1.1\r\n' + HOST + "\r\n"),
    ("an empty method", " {path} HTTP/1.1\r\n" + HOST + "\r\n"),
    ("a method of 100 KB", "G" * 100_000 + " {path} HTTP/1.1\r\n" + HOST + "\r\n"),
    ("a path of 100 KB", "GET {path}/" + "x" * 100_000 + " HTTP/1.1\r\n" + HOST + "\r\n"),
    ("a field of 100 KB", "GET {path} HTTP/1.1\r\n" + HOST + "X-A: " + "x" * 100_000 + "\r\n\r\n"),
    ("200 fields", "GET {path} HTTP/1.1\r\n" + HOST + "X-A: b\r\n" * 200 + "\r\n"),
    ("CONNECT", "CONNECT evil.test:443 HTTP/1.1\r\nHost: evil.test:443\r\n\r\n"),
    ("TRACE", "TRACE {path} HTTP/1.1\r\n" + HOST + "\r\n"),
    ("a star for GET", "GET * HTTP/1.1\r\n" + HOST + "\r\n"),
    ("an absolute target with userinfo", "GET http://a@{host}{path} HTTP/1.1\r\n" + HOST + "\r\n"),
    ("an unknown scheme", "GET ftp://{host}{path} HTTP/1.1\r\n" + HOST + "\r\n"),
    ("a TLS hello", "\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + "\x00" * 60 + "\r\n\r\n"),
    ("an HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ("words", "HELO there\r\n\r\n"),
]


@pytest.fixture(scope="module")
def rooms(tmp_path_factory):
    """One gateway and one upstream for all rows: what a row leaves behind, the next ones would meet."""
    from gateway import Gateway
    from provider import ScriptedProvider
    from upstream import RecordingUpstream

    provider, upstream = ScriptedProvider(), RecordingUpstream()
    routes = [{"path": "/public/*", "access": "public", "upstream": "site"}, {"path": "/*", "upstream": "site"}]
    gateway = Gateway(tmp_path_factory.mktemp("smuggling"), config_for(provider, {"site": upstream}, routes))
    browser = gateway.browser()
    assert browser.open(gateway.at("/")).status == 200
    yield gateway, upstream, f"Cookie: {browser.cookie_field(gateway.url)}"
    gateway.stop()
    upstream.close()
    provider.stop()


@pytest.mark.parametrize("path", ["/public/x", "/private/x"], ids=["public", "signed in"])
@pytest.mark.parametrize("what, octets", ROWS, ids=[w for w, _ in ROWS])
def test_an_ambiguous_request_is_refused_and_leaves_nothing_behind(rooms, what, octets, path):
    gateway, upstream, cookie = rooms
    upstream.forget()
    text = octets.replace("{path}", path)
    if path == "/private/x":
        text = text.replace(HOST, HOST + cookie + "\r\n")
    with gateway.raw() as client:
        try:
            reply = client.ask(text.replace("{host}", gateway.host))
            assert 400 <= reply.status < 600, f"{reply.status}: {reply.text[:300]}"
            assert "no-store" in (reply.one("Cache-Control") or "no-store")
        except CutShort:
            assert (
                what in ("HTTP/0.9", "a TLS hello", "words", "an HTTP/2 preface") or "chunk" in what
            ), "closed without a word"
        assert what in ("CONNECT", "TRACE") or client.ends(), "the connection ends"
    heads = [r.target for r in upstream.requests]
    assert heads == [] and b"smuggled" not in upstream.all_octets, f"the site saw {heads}"
    for path in ("/public/clean/1", "/public/clean/2"):
        assert gateway.ask("GET", path).json["target"] == path
    assert not upstream.faults, upstream.faults


@pytest.mark.parametrize("size", ["FFFFFFFFFFFFFFFF", "8000000000000000", "7FFFFFFFFFFFFFFF"])
def test_a_chunk_of_any_size_never_ends_early(rooms, size):
    """The largest numbers are sizes, too: waited for or refused, but no reader's overflow."""
    gateway, upstream, _ = rooms
    upstream.forget()
    with gateway.raw(deadline=0.5) as client:
        text = (CHUNKED + f"{size}\r\nhello\r\n0\r\n\r\n" + SMUGGLED).replace("{path}", "/public/x")
        try:
            assert client.ask(text.replace("{host}", gateway.host)).status >= 400
        except TimeoutError:
            pass
    assert upstream.requests == []
    assert gateway.ask("GET", "/public/clean").json["target"] == "/public/clean" and not upstream.faults


FINE = [
    ("the same length twice in a list", HEAD + "Content-Length: 5, 5\r\n\r\nhello", True),
    ("a coding in capitals", HEAD + "Transfer-Encoding: CHUNKED\r\n\r\n5\r\nhello\r\n0\r\n\r\n", False),
    ("leading zeros", CHUNKED + "0005\r\nhello\r\n00\r\n\r\n", False),
    ("a chunk extension", CHUNKED + '5;a="b;c"\r\nhello\r\n0;x\r\n\r\n', False),
    ("trailers", CHUNKED + "5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n", False),
    ("empty lines first", "\r\n\r\n" + HEAD + "Content-Length: 5\r\n\r\nhello", False),
    ("spaces around a value", HEAD + "Content-Length: \t 5 \t\r\n\r\nhello", False),
]


@pytest.mark.parametrize("what, octets, may_refuse", FINE, ids=[w for w, _, _ in FINE])
def test_what_has_one_reading_arrives_in_its_plainest_form(rooms, what, octets, may_refuse):
    gateway, upstream, _ = rooms
    upstream.forget()
    with gateway.raw() as client:
        reply = client.ask(octets.replace("{path}", "/public/x").replace("{host}", gateway.host))
        if may_refuse and reply.status == 400:
            return
        assert reply.status == 200 and upstream.last.content == b"hello" and not upstream.faults
        assert client.ask(request("GET", "/public/next", gateway.host)).json["target"] == "/public/next"


def test_pipelined_requests_are_answered_in_order_each_on_its_own(rooms):
    gateway, upstream, cookie = rooms
    targets = [f"/{'public' if i % 3 else 'private'}/{i}" for i in range(60)]
    with gateway.raw() as client:
        client.send(*[request("GET", t, gateway.host, *([cookie] if i % 2 else [])) for i, t in enumerate(targets)])
        for i, target in enumerate(targets):
            reply = client.answer()
            if i % 3 or i % 2:
                assert reply.json["target"] == target
            else:
                assert reply.status == 401


def test_a_request_in_single_octets_is_the_same_request(rooms):
    gateway, upstream, _ = rooms
    with gateway.raw() as client:
        for octet in request("POST", "/public/slow", gateway.host, content="hello"):
            client.send(bytes([octet]))
        assert client.answer().json["content"] == "hello"


def test_a_hundred_small_chunks_arrive_whole(rooms):
    gateway, upstream, _ = rooms
    with gateway.raw() as client:
        client.send(
            request("POST", "/public/x", gateway.host, "Transfer-Encoding: chunked"),
            *[f"1\r\n{i % 10}\r\n" for i in range(100)],
            "0\r\n\r\n",
        )
        assert client.answer().json["content"] == "0123456789" * 10


def test_a_client_that_stops_in_the_middle_reaches_no_site_as_complete(rooms):
    gateway, upstream, _ = rooms
    upstream.forget()
    with gateway.raw() as client:
        client.send(f"POST /public/x HTTP/1.1\r\nHost: {gateway.host}\r\nContent-Length: 100\r\n\r\nhello")
        until(lambda: b"hello" in upstream.all_octets, "the part that came")
    assert gateway.ask("GET", "/public/next").json["target"] == "/public/next"
    assert "/public/x" not in [r.target for r in upstream.requests]
