"""Slow senders, slow readers, floods, and room that runs out: the one that owes is let go, the others are served."""

import socket
import threading
import time

import pytest

from bare import BareUpstream
from gateway import config_for
from raw import CutShort, request
from shared import provider, run_for_all, upstream, upstream_for_all  # noqa: F401 - fixtures
from upstream import answer, echo
from waiting import until

PUBLIC = [{"path": "/public/*", "access": "public", "upstream": "site"}, {"path": "/*", "upstream": "site"}]
TIMEOUTS = {"request_head": "500ms", "request_body": "500ms", "client_write": "500ms", "upstream_write": "500ms"}


@pytest.fixture(scope="module")
def room(run_for_all, provider, upstream_for_all):
    config = config_for(provider, {"site": upstream_for_all}, PUBLIC, threads=1, timeouts=TIMEOUTS)
    return run_for_all(config)


def serves(gateway):
    with gateway.raw(deadline=3) as client:
        return client.ask(request("GET", "/public/x", gateway.host)).status == 200


def lives(client, drip, pause=0.05, most=3.0):
    """How long a connection lives while a drop is sent again and again."""
    began = time.monotonic()
    client.socket.settimeout(pause)
    while time.monotonic() - began < most:
        try:
            client.socket.sendall(drip)
            if not client.socket.recv(65536):
                break
        except TimeoutError:
            continue
        except OSError:
            break
    return time.monotonic() - began


DRIPS = [("octets of a value", b"x"), ("whole fields", b"\r\nX: y")]


@pytest.mark.parametrize("what, drip", DRIPS, ids=[d[0] for d in DRIPS])
def test_a_head_in_drips_has_its_time_in_all(room, upstream, what, drip):
    with room.raw() as client:
        client.send(b"GET /public/x HTTP/1.1\r\nHost: " + room.host.encode() + b"\r\nX-A: ")
        assert 0.3 < lives(client, drip) < 1.5
    assert upstream.requests == []


def test_a_second_head_in_drips_has_its_time_too(room):
    with room.raw() as client:
        assert client.ask(request("GET", "/public/x", room.host)).status == 200
        client.send(b"GET /public/x HTTP/1.1\r\n")
        assert 0.3 < lives(client, b"x") < 1.5


def test_a_connection_that_says_nothing_is_let_go(room):
    with room.raw() as client:
        began = time.monotonic()
        assert client.ends() and time.monotonic() - began < 1.5


def test_two_hundred_slow_heads_hinder_nobody(room):
    slow = [room.raw() for _ in range(200)]
    try:
        for client in slow:
            client.send(b"GET /public/x HTTP/1.1\r\nX: ")
        began = time.monotonic()
        assert all(serves(room) for _ in range(20)) and time.monotonic() - began < 3
        until(lambda: room.metric("gatehouse_connections") <= 3, "the slow ones are let go", 5)
    finally:
        for client in slow:
            client.close()


@pytest.mark.parametrize("lines", ["Content-Length: 1000000", "Transfer-Encoding: chunked"])
def test_content_that_stops_is_408(room, upstream, lines):
    with room.raw(deadline=3) as client:
        client.send(f"POST /public/x HTTP/1.1\r\nHost: {room.host}\r\n{lines}\r\n\r\n", "5\r\nhello\r\n")
        assert client.answer().status == 408 and client.ends()
    assert upstream.requests == [] and serves(room)


def test_a_chunk_line_in_drips_ends(room, upstream):
    """A chunk's size is no content: zeros, one by one, are no progress without end."""
    with room.raw() as client:
        client.send(f"POST /public/x HTTP/1.1\r\nHost: {room.host}\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert lives(client, b"0", pause=0.05, most=4) < 3
    assert upstream.requests == []


def test_a_reader_that_stops_is_let_go(room, upstream):
    """`client_write` of half a second; more than any kernel keeps for it."""
    upstream.script = lambda r: answer(b"x" * 40_000_000) if r.target == "/public/large" else echo(r)
    with room.raw() as client:
        client.send(request("GET", "/public/large", room.host))
        upstream.wait_for(1)
        time.sleep(2)
        with pytest.raises(CutShort):
            client.answer()
    assert serves(room)


def test_a_reader_in_sips_is_served_whole(room, upstream):
    upstream.script = lambda r: answer(b"x" * 3_000_000)
    with room.raw() as client:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.send(request("GET", "/public/large", room.host))
        total, began = 0, time.monotonic()
        while total < 3_000_000 and time.monotonic() - began < 5:
            total += len(client.socket.recv(100_000))
            time.sleep(0.01)
        assert total >= 3_000_000


def test_a_client_that_reads_no_answers_gets_no_further_ones(room, upstream):
    """A flood of pipelined requests without reading is no memory without end, and no work without end."""
    upstream.script = lambda r: answer(b"x" * 50_000)
    with room.raw() as client:
        client.socket.settimeout(1)
        with pytest.raises((TimeoutError, ConnectionError)):
            while True:
                client.send(request("GET", "/public/large", room.host) * 100)
        assert len(upstream.requests) < 1000
    assert serves(room)


# Many at once


def test_a_thousand_pipelined_gets_are_answered_in_order(room, upstream):
    upstream.script = lambda r: answer(r.target)
    with room.raw(deadline=20) as client:
        octets = b"".join(request("GET", f"/public/{i}", room.host) for i in range(1000))
        threading.Thread(target=client.send, args=(octets,), daemon=True).start()
        for i in range(1000):
            assert client.answer().text == f"/public/{i}"
    assert len(upstream.requests) == 1000


def test_each_pipelined_request_has_the_session_it_brings(room, upstream):
    browser = room.browser()
    assert browser.open(room.at("/private/")).status == 200
    cookie = "Cookie: gatehouse=" + next(c.value for c in browser.cookies if c.name == "gatehouse")
    upstream.forget()
    kinds = [("/private/a", [cookie]), ("/private/b", []), ("/public/c", []), ("/private/d", [cookie + "x"])]
    kinds += [("/private/e", ["Cookie: gatehouse=" + "A" * 200]), ("/private/f", ["Authorization: Bearer x"])]
    with room.raw(deadline=20) as client:
        client.send(*[request("GET", target, room.host, *lines) for _ in range(50) for target, lines in kinds])
        for _ in range(50):
            statuses = [client.answer().status for _ in kinds]
            assert statuses == [200, 401, 200, 401, 401, 401]
    assert {r.target for r in upstream.requests} == {"/private/a", "/public/c"}
    for r in upstream.requests:
        assert r.all("X-Forwarded-User") == (["alice-id"] if r.target == "/private/a" else [])


def test_nothing_is_read_behind_a_request_that_says_close(room, upstream):
    with room.raw() as client:
        client.send(request("GET", "/public/1", room.host, "Connection: close"), request("GET", "/public/2", room.host))
        assert client.answer().status == 200 and client.ends()
    assert [r.target for r in upstream.requests] == ["/public/1"]


def test_fifty_thousand_tiny_chunks_arrive_whole(room, upstream):
    with room.raw(deadline=20) as client:
        client.send(f"POST /public/x HTTP/1.1\r\nHost: {room.host}\r\nTransfer-Encoding: chunked\r\n\r\n")
        upstream.script = lambda r: answer(str(len(r.content)))
        began = time.monotonic()
        for _ in range(20):
            client.send(b"1\r\nx\r\n" * 2_500)
        assert client.ask("0\r\n\r\n").text == "50000"
        assert time.monotonic() - began < 10


def test_an_upstream_that_stops_reading_is_504(run, provider):
    stop = threading.Event()

    def serve(peer):
        peer.head()
        stop.wait(10)

    bare = BareUpstream(serve, receive_buffer=8192)
    gateway = run(config_for(provider, {"site": bare}, PUBLIC, timeouts=TIMEOUTS))
    with gateway.raw() as client:
        client.send(f"POST /public/x HTTP/1.1\r\nHost: {gateway.host}\r\nContent-Length: 50000000\r\n\r\n")
        sender = threading.Thread(target=lambda: _flood(client), daemon=True)
        sender.start()
        assert client.answer().status == 504
    stop.set()
    bare.close()


def _flood(client):
    try:
        for _ in range(500):
            client.socket.sendall(b"x" * 100_000)
    except OSError:
        pass
