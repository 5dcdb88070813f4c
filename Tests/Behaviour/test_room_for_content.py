"""Limits on what moves too slowly and on what is held: `minimum_rate` and `memory`, and the others served meanwhile."""

import contextlib
import threading
import time

import pytest

from bare import BareUpstream
from gateway import config_for
from raw import CutShort, request
from upstream import RecordingUpstream, answer
from waiting import until

ROUTES = [
    {"path": "/free/*", "access": "public", "upstream": "site", "limits": {"minimum_rate": None}},
    {"path": "/drip/*", "access": "public", "upstream": "drip"},
    {"path": "/deaf/*", "access": "public", "upstream": "deaf"},
    {"path": "/*", "access": "public", "upstream": "site"},
]


def serves(gateway):
    with gateway.raw(deadline=3) as client:
        return client.ask(request("GET", "/x", gateway.host)).status == 200


def drip(client, seconds, octets=b"x", pause=0.2):
    """Sends an octet again and again; how long it was taken."""
    began = time.monotonic()
    with contextlib.suppress(OSError):
        while time.monotonic() - began < seconds:
            client.socket.sendall(octets)
            client.socket.settimeout(pause)
            try:
                client.received += client.socket.recv(65536) or (_ for _ in ()).throw(OSError)
                break
            except TimeoutError:
                pass
    client.socket.settimeout(5)
    return time.monotonic() - began


def test_bodies_have_their_rate_whichever_way_they_go(run, provider):
    """All at once, since each takes ten seconds: who owes and is slow is let go; who is fast, or waits, is not."""

    def dripping(peer):
        """An answer that comes in drips, of a stream of events or not."""
        head = peer.head()
        media = "text/event-stream" if "/events" in head else "text/plain"
        peer.send(f"HTTP/1.1 200 OK\r\nContent-Type: {media}\r\nContent-Length: 100000\r\n\r\n")
        for _ in range(90):
            peer.send("x")
            time.sleep(0.2)

    def deaf(peer):
        """Takes a little of what is sent, again and again."""
        peer.head()
        for _ in range(90):
            peer.take(10)
            time.sleep(0.2)

    site = RecordingUpstream(lambda r: answer(b"y" * 30_000_000) if r.target.endswith("/large") else answer("done"))
    sources = [BareUpstream(dripping), BareUpstream(deaf, receive_buffer=8192)]
    config = config_for(
        provider, {"site": site, "drip": sources[0], "deaf": sources[1]}, ROUTES, threads=2, limits={"minimum_rate": "100"}
    )
    config["log"] = {"level": "debug"}
    gateway = run(config)
    seen = {}

    def upload(name, path, octets, content="Content-Length: 1000000"):
        with gateway.raw(deadline=15) as client:
            client.send(f"POST {path} HTTP/1.1\r\nHost: {gateway.host}\r\n{content}\r\n\r\n")
            took = drip(client, 13.5, octets)
            seen[name] = (took, client.answer().status if took < 13 else None)

    def read(name, path, count):
        with gateway.raw(deadline=15) as client:
            client.socket.setsockopt(1, 8, 4096)
            client.send(request("GET", path, gateway.host))
            began = time.monotonic()
            with contextlib.suppress(OSError):
                while time.monotonic() - began < 13.5 and client.socket.recv(count):
                    time.sleep(0.1 if count < 100_000 else 0.01)
            seen[name] = (time.monotonic() - began, None)

    def push(name, path):
        with gateway.raw(deadline=15) as client:
            client.send(f"POST {path} HTTP/1.1\r\nHost: {gateway.host}\r\nContent-Length: 100000000\r\n\r\n")
            began = time.monotonic()
            threading.Thread(target=lambda: _flood(client), daemon=True).start()
            with contextlib.suppress(CutShort, OSError):
                seen[name] = (0, None)
                status = client.answer().status
                seen[name] = (time.monotonic() - began, status)

    cases = [
        (upload, "a slow sender", "/x", b"x"),
        (upload, "a slow sender of chunks", "/x", b"1\r\nx\r\n", "Transfer-Encoding: chunked"),
        (upload, "a sender that is fast enough", "/x", b"x" * 50),
        (upload, "a slow sender where nobody minds", "/free/x", b"x"),
        (read, "a slow reader", "/large", 1),
        (read, "a slow answer", "/drip/x", 1000),
        (read, "a slow stream of events", "/drip/events", 1000),
        (push, "a slow taker", "/deaf/x"),
    ]
    threads = [threading.Thread(target=c[0], args=c[1:]) for c in cases]
    for thread in threads:
        thread.start()
    time.sleep(3)
    assert serves(gateway)
    for thread in threads:
        thread.join(25)
    for name in ("a slow sender", "a slow sender of chunks"):
        assert 9.5 < seen[name][0] < 13 and seen[name][1] == 408, (name, seen[name])
    assert 9.5 < seen["a slow answer"][0] < 13, seen
    # What its kernel had taken by then the slow reader may go on reading.
    gateway.until_logged("client-timeout")
    assert [e["waiting"] for e in gateway.events("client-timeout")] == ["minimum-rate"]
    assert 9.5 < seen["a slow taker"][0] < 14 and seen["a slow taker"][1] == 504, seen
    for name in ("a sender that is fast enough", "a slow sender where nobody minds", "a slow stream of events"):
        assert seen[name][0] >= 13, (name, seen[name])
    gateway.until_logged("upstream-failed")
    codes = {e.get("code") for e in gateway.events("upstream-failed")}
    assert codes == {"upstream-too-slow"}
    for source in sources:
        source.close()
    site.close()


def _flood(client):
    with contextlib.suppress(OSError):
        for _ in range(1000):
            client.socket.sendall(b"x" * 100_000)


@pytest.mark.parametrize("threads", [1, 2])
def test_past_the_memory_it_is_503_and_then_it_serves_again(run, provider, upstream, threads):
    """Readers that stop hold what was read for them; idle connections make room first."""
    stop = threading.Event()
    upstream.script = lambda r: answer(b"y" * 8_000_000) if r.target == "/large" else answer("done")
    config = config_for(provider, {"site": upstream}, ROUTES[3:], threads=threads, limits={"memory": "2MiB"})
    gateway = run(config)
    idle = gateway.raw()
    assert idle.ask(request("GET", "/x", gateway.host)).status == 200
    held = []

    def is_full():
        client = gateway.raw()
        client.socket.setsockopt(1, 8, 4096)
        client.send(request("GET", "/large", gateway.host))
        held.append(client)
        time.sleep(0.02)
        with gateway.raw() as other:
            reply = other.ask(request("GET", "/x", gateway.host))
        if reply.status == 200:
            return False
        assert reply.status == 503 and reply.one("Retry-After") and reply.json["code"] == "memory-exhausted"
        assert reply.one("X-Request-Id") and "no-store" in reply.one("Cache-Control")
        return True

    until(is_full, "there is no room left", 20)
    assert gateway.admin("/livez")[0] == 200 and gateway.admin("/readyz")[0] == 200
    gateway.until_logged("memory-exhausted")
    until(lambda: _status(gateway) == 503 and gateway.events("memory-exhausted") and _is_closed(idle), "who was idle long has made room", 5)
    count = len(upstream.requests)
    assert all(_status(gateway) == 503 for _ in range(5)) and len(upstream.requests) == count
    for client in held:
        client.reset()
    until(lambda: _status(gateway) == 200, "it serves again", 5)
    stop.set()


def _is_closed(client):
    client.socket.settimeout(0.05)
    try:
        return client.socket.recv(1) == b""
    except TimeoutError:
        return False


def _status(gateway):
    with gateway.raw(deadline=3) as client:
        return client.ask(request("GET", "/x", gateway.host)).status


def test_memory_that_comes_and_goes_is_counted_right(run, provider, upstream):
    """After thousands of exchanges of all kinds the count is where it began: all of the room is there still."""
    upstream.script = lambda r: answer(b"y" * (300_000 if "large" in r.target else 10))
    config = config_for(provider, {"site": upstream}, ROUTES[3:], threads=1, limits={"memory": "3MiB"})
    gateway = run(config)
    for round in range(40):
        with gateway.raw() as client:
            for _ in range(10):
                assert client.ask(request("GET", "/large", gateway.host)).status == 200
                assert client.ask(request("POST", "/x", gateway.host, content="x" * 40_000)).status == 200
            client.send(request("GET", "/large", gateway.host, "X: " + "x" * 30_000))
            if round % 2:
                client.reset()
    assert _status(gateway) == 200
    # Room for as many stopped readers as a gateway that has just begun has.
    assert gateway.events("memory-exhausted") == []
