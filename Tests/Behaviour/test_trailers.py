"""Fields behind content: passed both ways where both sides have chunks, and only what may stand there."""

import pytest

from gateway import config_for
from raw import request
from shared import provider, run_for_all, upstream, upstream_for_all  # noqa: F401 - fixtures
from upstream import answer

PUBLIC = [
    {"path": "/small/*", "access": "public", "upstream": "site", "limits": {"request_body": "1KiB"}},
    {"path": "/*", "access": "public", "upstream": "site"},
]


@pytest.fixture(scope="module")
def gateway(run_for_all, provider, upstream_for_all):
    return run_for_all(config_for(provider, {"site": upstream_for_all}, PUBLIC, threads=1))


def posted(gateway, trailers, *lines, path="/x", version="1.1", pieces=None):
    head = f"POST {path} HTTP/{version}\r\nHost: {gateway.host}\r\nTransfer-Encoding: chunked\r\n"
    octets = (head + "".join(f"{l}\r\n" for l in lines) + "\r\n5\r\nhello\r\n0\r\n" + trailers + "\r\n").encode("latin-1")
    with gateway.raw() as client:
        for at in range(0, len(octets), pieces or len(octets)):
            client.send(octets[at : at + (pieces or len(octets))])
        return client.answer()


@pytest.mark.parametrize("pieces", [None, 1, 3], ids=["whole", "octets", "threes"])
def test_a_requests_trailers_arrive(gateway, upstream, pieces):
    reply = posted(gateway, "X-Sum: 1\r\ngrpc-status: 0\r\n", "Trailer: X-Sum, grpc-status", pieces=pieces)
    assert reply.status == 200 and upstream.last.content == b"hello"
    assert upstream.last.trailers == [("X-Sum", "1"), ("grpc-status", "0")]
    assert upstream.last.all("Trailer") == ["X-Sum, grpc-status"]


def test_what_may_not_stand_there_is_left_out(gateway, upstream):
    bad = "X-Forwarded-User: root\r\nx_forwarded_user: root\r\nContent-Length: 9\r\nHost: evil\r\nCookie: a=b\r\nAuthorization: Bearer x\r\n"
    assert posted(gateway, "X-Sum: 1\r\n" + bad + "X-Other: 2\r\n").status == 200
    assert upstream.last.trailers == [("X-Sum", "1"), ("X-Other", "2")]
    assert posted(gateway, bad).status == 200 and upstream.last.trailers == []


def test_what_connection_named_ends_here(gateway, upstream):
    assert posted(gateway, "X-Hop: 1\r\nX-Sum: 1\r\n", "Connection: keep-alive, x-hop").status == 200
    assert upstream.last.trailers == [("X-Sum", "1")]


BAD = ["X-Sum\r\n", " X-Sum: 1\r\n", "X-Sum : 1\r\n", "X-Sum: 1\n", "X-Sum: a\x00\r\n", ": x\r\n", "X-A: 1\r\n folded\r\n"]


@pytest.mark.parametrize("trailers", BAD, ids=repr)
def test_what_cannot_be_read_is_refused_and_the_request_never_ends(gateway, upstream, trailers):
    reply = posted(gateway, trailers)
    assert reply.status == 400 and upstream.requests == []


@pytest.mark.parametrize("trailers", ["X: y\r\n" * 65, "X: " + "y" * 9000 + "\r\n"], ids=["many", "long"])
def test_too_much_is_431(gateway, upstream, trailers):
    assert posted(gateway, trailers).status == 431 and upstream.requests == []


def test_sixty_four_pass(gateway, upstream):
    assert posted(gateway, "".join(f"X-{i}: y\r\n" for i in range(64))).status == 200
    assert len(upstream.last.trailers) == 64


def test_the_next_request_on_the_connection_is_its_own(gateway, upstream):
    body = "5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"
    with gateway.raw() as client:
        head = f"POST /x HTTP/1.1\r\nHost: {gateway.host}\r\nTransfer-Encoding: chunked\r\n\r\n"
        client.send(head + body, request("GET", "/second", gateway.host), head + body)
        assert [client.answer().status for _ in range(3)] == [200] * 3
    assert [(r.target, r.trailers) for r in upstream.requests] == [
        ("/x", [("X-Sum", "1")]), ("/second", []), ("/x", [("X-Sum", "1")]),
    ]  # fmt: skip


# An answer's

CODED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n%s\r\n5\r\nhello\r\n0\r\n%s\r\n"


def got(gateway, upstream, trailers, *lines, connection=b"", method="GET", version="1.1"):
    """The answer's head, and its octets behind it."""
    upstream.script = lambda r: CODED % (connection, trailers)
    with gateway.raw() as client:
        client.send(f"{method} /x HTTP/{version}\r\nHost: {gateway.host}\r\n" + "".join(f"{l}\r\n" for l in lines) + "Connection: close\r\n\r\n")
        head = client.head()
        while client._more():
            pass
        return head, bytes(client.received)


def test_who_takes_trailers_gets_them(gateway, upstream):
    head, octets = got(gateway, upstream, b"X-Sum: 1\r\nSet-Cookie: a=b\r\nContent-Length: 3\r\nLocation: /\r\n", "TE: trailers")
    assert octets == b"5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"
    assert head.one("Trailer") == "X-Sum" and not head.all("Set-Cookie")
    assert upstream.last.one("TE") == "trailers" and upstream.last.one("Connection") == "TE"


def test_who_does_not_gets_none(gateway, upstream):
    head, octets = got(gateway, upstream, b"X-Sum: 1\r\n")
    assert octets == b"5\r\nhello\r\n0\r\n\r\n" and not head.all("Trailer")
    assert not upstream.last.all("TE") and not upstream.last.all("Connection")


def test_nor_does_http_1_0(gateway, upstream):
    head, octets = got(gateway, upstream, b"X-Sum: 1\r\n", "TE: trailers", version="1.0")
    assert octets == b"hello" and not head.all("Trailer")


def test_what_the_answers_connection_named_ends_here(gateway, upstream):
    _, octets = got(gateway, upstream, b"X-Hop: 1\r\nX-Sum: 1\r\n", "TE: trailers", connection=b"Connection: X-Hop\r\n")
    assert octets.endswith(b"0\r\nX-Sum: 1\r\n\r\n")


@pytest.mark.parametrize("trailers", [b"X Sum: 1\r\n", b"X: y\r\n" * 65, b"X: " + b"y" * 9000 + b"\r\n", b"X: a\nb\r\n"], ids=["bad", "many", "long", "LF"])
def test_an_answer_whose_trailers_cannot_be_read_never_ends_well(gateway, upstream, trailers):
    _, octets = got(gateway, upstream, trailers, "TE: trailers")
    assert not octets.endswith(b"0\r\n\r\n") and b"X: " not in octets


def test_a_connection_is_used_again_behind_trailers(gateway, upstream):
    upstream.script = lambda r: CODED % (b"", b"X-Sum: 1\r\n") if r.target == "/x" else answer("plain")
    with gateway.raw() as client:
        for _ in range(3):
            client.send(request("GET", "/x", gateway.host, "TE: trailers"))
            client.head()
            while not client.received.endswith(b"X-Sum: 1\r\n\r\n"):
                assert client._more()
            client.received.clear()
            assert client.ask(request("GET", "/plain", gateway.host)).text == "plain"
    assert len({r.connection for r in upstream.requests[-6:]}) == 1
