"""Long answers of known length, which go to the client without being copied: whole, in order, bounded, and cut as any other."""

import contextlib
import hashlib
import threading
import time

import pytest

from bare import BareUpstream
from gateway import config_for
from raw import CutShort, request
from upstream import CLOSE, RESET, answer
from waiting import until

ROUTES = [{"path": "/*", "access": "public", "upstream": "site"}]
HEAD = b"HTTP/1.1 200 OK\r\n"
CONTENT = b"".join(hashlib.sha256(b"%d" % n).digest() for n in range(100_000))  # 3.2 MB, no piece like another


@pytest.fixture
def gateway(run, provider, upstream):
    timeouts = {"response_idle": "700ms", "client_write": "700ms"}
    return run(config_for(provider, {"site": upstream}, ROUTES, threads=1, timeouts=timeouts))


SIZES = [32_767, 32_768, 65_535, 65_536, 65_537, 131_072, 262_144, 262_145, 1_000_001, len(CONTENT)]


def test_every_octet_arrives_in_order_whatever_came_before(gateway, upstream):
    upstream.script = lambda asked: answer(CONTENT[: int(asked.target[1:])])
    with gateway.raw() as client:
        for size in [*SIZES, 10, *reversed(SIZES), 10]:
            reply = client.ask(request("GET", f"/{size}", gateway.host))
            assert reply.content == CONTENT[:size], size
    assert upstream.open_connections == 1, "it is used again"


def test_a_head_and_pieces_that_come_slowly(gateway, upstream):
    whole = answer(CONTENT[:200_000])
    cuts = [0, 10, 90, 4_096, 40_000, 110_000, 199_990, len(whole)]

    def script(_):
        steps = []
        for start, end in zip(cuts, cuts[1:]):
            steps += [whole[start:end], threading.Event()]
            threading.Timer(0.03 * len(steps), steps[-1].set).start()
        return steps

    upstream.script = script
    for _ in range(2):
        assert gateway.ask("GET", "/x").content == CONTENT[:200_000]


def test_a_client_that_pauses_gets_all_of_it(gateway, upstream):
    upstream.script = lambda _: answer(CONTENT * 4)
    with gateway.raw() as client:
        client.send(request("GET", "/x", gateway.host))
        assert client.head().status == 200
        received = bytearray(client.received)
        while len(received) < 4 * len(CONTENT):
            if len(received) < len(CONTENT) // 4:
                time.sleep(0.05)
            received += client.socket.recv(65_536)
        assert received == CONTENT * 4


def test_a_client_that_reads_no_more_is_let_go_and_its_upstream_too(gateway, upstream):
    upstream.script = lambda _: answer(CONTENT * 20)
    with gateway.raw() as client:
        client.send(request("GET", "/x", gateway.host))
        assert client.head().status == 200
        until(lambda: upstream.open_connections == 0, "the upstream is let go", 5)
    upstream.script = lambda _: answer(CONTENT)
    assert gateway.ask("GET", "/x").content == CONTENT


def test_a_client_that_goes_away_takes_its_upstream_along(gateway, upstream):
    upstream.script = lambda _: answer(CONTENT * 20)
    for leave in ("close", "reset"):
        client = gateway.raw()
        client.send(request("GET", "/x", gateway.host))
        assert client.head().status == 200
        getattr(client, leave)()
        until(lambda: upstream.open_connections == 0, "the upstream is let go", 5)
    assert gateway.ask("GET", "/y").status == 200


CUT = [("an end", CLOSE), ("a reset", RESET), ("silence", None)]


@pytest.mark.parametrize("what, step", CUT, ids=[w for w, _ in CUT])
def test_a_long_answer_that_is_cut_never_looks_complete(gateway, upstream, what, step):
    silence = threading.Event()
    head = HEAD + b"Content-Length: %d\r\n\r\n" % len(CONTENT)
    upstream.script = lambda _: [head + CONTENT[:1_000_000], silence if step is None else step]
    with gateway.raw() as client:
        client.send(request("GET", "/x", gateway.host))
        with pytest.raises(CutShort):
            client.answer()
    silence.set()


def test_octets_behind_a_long_answer_reach_nobody(run, provider):
    more = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
    long = HEAD + b"Content-Length: 200000\r\n\r\n" + CONTENT[:200_000]

    def serve(peer):
        while peer.head():
            peer.send(long + more)

    with contextlib.closing(BareUpstream(serve)) as bare:
        gateway = run(config_for(provider, {"site": bare.url}, ROUTES, threads=1))
        with gateway.raw() as client:
            for _ in range(3):
                assert client.ask(request("GET", "/x", gateway.host)).content == CONTENT[:200_000]
