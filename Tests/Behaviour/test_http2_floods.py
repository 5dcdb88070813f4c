"""Lawful frames in unlawful numbers: each flood known by name ends with its connection, in bounded memory, while
everybody else is served. security.md H2-02 to H2-38."""

import struct
import threading
import time

import pytest
from hyperframe.frame import DataFrame, RstStreamFrame

from fixtures import running
from frames import *  # noqa: F403 - the names of frames and codes
from gateway import config_for
from provider import ScriptedProvider
from test_http2_conformance import BASE, CONTINUATION, GOAWAY, HEADERS, PING, PRIORITY, RST, SETTINGS, WINDOW, head, raw_head, settings, window
from upstream import RecordingUpstream, answer, echo
from waiting import free_port, until

MIB = 1 << 20


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """One loop, so that who is flooded and who is served share it; short time-outs."""
    provider, slow = ScriptedProvider(), threading.Event()

    def script(request):
        if "/slow" in request.target:
            return [slow, answer("late")]
        if "/big" in request.target:
            return answer(b"x" * MIB)
        return echo(request)

    upstream, port = RecordingUpstream(script), free_port()
    config = config_for(
        provider,
        {"site": upstream},
        [{"path": "/public/*", "access": "public", "upstream": "site"}, {"path": "/*", "upstream": "site"}],
        port=port,
        listeners=[{"address": f"127.0.0.1:{port}", "h2c": True}],
        threads=1,
        timeouts={"request_head": "1s", "request_body": "2s", "client_write": "1s", "keep_alive": "2s"},
        log={"access": False},
    )
    starting = running(tmp_path_factory.mktemp("house"))
    house = next(starting)(config)
    house.upstream, house.slow = upstream, slow
    yield house
    slow.set()
    next(starting, None)
    upstream.close()
    provider.stop()


def memory(gateway):
    """Resident octets."""
    with open(f"/proc/{gateway.process.running.pid}/statm") as file:
        return int(file.read().split()[1]) * 4096


class Others:
    """Another client, who asks all the while: every request of theirs is answered."""

    def __init__(self, house):
        self.house, self.answers, self.times, self.ends = house, [], [], False
        self.peak = self.before = memory(house)

    def __enter__(self):
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        return self

    def run(self):
        try:
            with FrameClient(self.house.port) as client:
                while not self.ends:
                    began = time.monotonic()
                    self.answers.append(client.ask(path="/public/other").outcome)
                    self.times.append(time.monotonic() - began)
                    self.peak = max(self.peak, memory(self.house))
                    time.sleep(0.005)
        except BaseException as failure:
            self.answers.append(repr(failure))

    def __exit__(self, *_):
        time.sleep(0.05)
        self.ends = True
        self.thread.join()
        assert self.answers and set(self.answers) == {200}, self.answers[-3:]
        assert sorted(self.times)[len(self.times) * 99 // 100] < 3, "others waited"
        assert self.peak - self.before < 64 * MIB, f"{(self.peak - self.before) / MIB:.0f} MiB more"


def rapid_reset(i):
    return head(stream=2 * i + 1, path="/public/slow") + frame(RST, 0, 2 * i + 1, b"\0\0\0\x08")


def made_you_reset(i):
    return head(stream=2 * i + 1, path="/public/slow") + window(0x7FFFFFFF, 2 * i + 1)


def made_you_reset_by_heads(i):
    return head(stream=2 * i + 1, path="/public/slow", ends=False) + head(stream=2 * i + 1, ends=True)


def malformed(i):
    return head(("X", "y"), stream=2 * i + 1)


def refused_streams(i):
    return head(stream=2 * i + 1, path="/public/slow")


FLOODS = {
    "rapid reset": rapid_reset,
    "MadeYouReset by windows": made_you_reset,
    "MadeYouReset by second heads": made_you_reset_by_heads,
    "malformed heads": malformed,
    "streams past the limit": refused_streams,
    "pings": lambda i: frame(PING, 0, 0, b"12345678"),
    "settings": lambda i: settings((3, 100)),
    "empty settings": lambda i: settings(),
    "a thousand settings": lambda i: settings(*[(0x77, 1)] * 1000),
    "priorities": lambda i: frame(PRIORITY, 0, 2 * i + 1, b"\0\0\0\0\1"),
    "priority updates": lambda i: frame(0x10, 0, 0, b"\0\0\0\1u=1"),
    "windows": lambda i: window(1),
    "empty content": lambda i: (head(ends=False) if i == 0 else b"") + frame(0, 0, 1),
    "content of padding alone": lambda i: (head(ends=False) if i == 0 else b"") + frame(0, 8, 1, b"\2\0\0"),
    "unknown frames": lambda i: frame(0x55, 0, 0, b"x" * 64),
    "goodbyes": lambda i: frame(GOAWAY, 0, 0, b"\0\0\0\0\0\0\0\0"),
    "empty continuations": lambda i: raw_head(BASE, flags=1) if i == 0 else frame(CONTINUATION, 0, 1),
    "a block without end": lambda i: raw_head(BASE, flags=1) if i == 0 else frame(CONTINUATION, 0, 1, literal("x", "y" * 16000)),
    "resets of streams that are over": lambda i: (head() if i == 0 else b"") + frame(RST, 0, 1, b"\0\0\0\x08"),
}


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_ends_with_its_connection(house, flood):
    house.upstream.forget()
    with Others(house), FrameClient(house.port, acks=False) as client:
        assert client.ping()
        make, sent = FLOODS[flood], 0
        # Nothing is read meanwhile: what comes back must not pile up either.
        client.socket.settimeout(5)
        try:
            for i in range(0, 100_000, 100):
                client.socket.sendall(b"".join(make(n) for n in range(i, i + 100)))
                sent = i
        except (OSError, TimeoutError):
            pass
        assert sent < 99_000, "it was let go on"
        code = client.goodbye()
    assert code in (ENHANCE_YOUR_CALM, None, NO_ERROR), code
    slow = [r for r in house.upstream.requests if "/slow" in r.target]
    assert len(slow) <= 1100
    assert house.process.is_alive


def test_a_request_that_is_taken_back_at_once_is_never_sent_and_costs_no_connection(house):
    with FrameClient(house.port) as client:
        assert client.ask(path="/public/first").outcome == 200
        house.upstream.forget()
        connections = len(house.upstream.octets)
        for round in range(10):
            numbers = range(client.next, client.next + 40, 2)
            client.next += 40
            client.send(b"".join(head(stream=n) + frame(RST, 0, n, b"\0\0\0\x08") for n in numbers))
            assert client.ping()
        assert client.ask(path="/public/last").outcome == 200
    assert [r.target for r in house.upstream.requests] == ["/public/last"]
    assert len(house.upstream.octets) == connections


BOMBS = {
    "one field, a thousand times": BASE + b"\x40\1x\x7f\x81\x1e" + b"a" * 4000 + b"\xbe" * 12000,
    "crumbs": BASE + b"\x40" + literal("cookie", "a" * 4000)[1:] + b"\xbe" * 12000,
    "empty crumbs": BASE + b"\x40" + literal("cookie", "")[1:] + b"\xbe" * 16000,
    "short fields": BASE + b"\x40\1x\1y" + b"\xbe" * 16000,
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_head_that_expands_ends_its_connection(house, bomb):
    with Others(house):
        clients = [FrameClient(house.port) for _ in range(20)]
        for client in clients:
            client.send(raw_head(BOMBS[bomb][:16384]))
        for client in clients:
            assert client.goodbye() == ENHANCE_YOUR_CALM
            client.close()


def test_a_head_past_the_limit_is_431_and_one_at_it_is_not(house):
    with FrameClient(house.port) as client:
        assert client.ping()
        limit = client.settings[6]
        assert client.ask(more=[("x-a", "a" * (limit - 1000))], path="/public/x").outcome == 200
        assert client.ask(more=[("x-a", "a" * (limit + 1000))], path="/public/x").outcome == 431
        assert client.ask(more=[(f"x-{n}", "a") for n in range(100)], path="/public/x").outcome == 200
        assert client.ask(more=[(f"x-{n}", "a") for n in range(200)], path="/public/x").outcome == 431
        crumbs = [("cookie", f"a{n}=b") for n in range(300)]
        assert client.ask(more=crumbs, path="/public/x").outcome == 200
    seen = [v for n, v in house.upstream.last.fields if n.lower() == "cookie"]
    assert seen == ["; ".join(v for _, v in crumbs)]


def test_answers_that_nobody_takes_time_out_in_bounded_memory(house):
    """Zero windows on a hundred streams, four times over."""
    with Others(house):
        clients = [FrameClient(house.port, settings={4: 0}) for _ in range(4)]
        for client in clients:
            assert client.ping()
            for _ in range(100):
                client.open(path="/public/big")
        for client in clients:
            assert client.stream(1).reset == CANCEL
            client.close()


def test_a_window_of_one_octet_now_and_then_is_no_way_to_stay(house):
    """Content that moves an octet at a time is moving; what does not move at all is reset."""
    with FrameClient(house.port, settings={4: 1}) as client:
        number = client.open(path="/public/big")
        for _ in range(4):
            assert len(client.until(DataFrame).data) == 1
            client.send(window(1, number))
        assert client.until(RstStreamFrame).error_code == CANCEL
        assert client.ping()


def test_a_client_that_reads_nothing_is_closed(house):
    with Others(house), FrameClient(house.port, settings={4: 0x7FFFFFFF}) as client:
        client.send(window(0x70000000))
        for _ in range(100):
            client.open(path="/public/big")
        until(lambda: not house.upstream.open_connections or house.metric("gatehouse_connections", state="active") <= 1, "the connection's end", 10)
    assert house.process.is_alive


def test_an_upload_that_the_upstream_does_not_read_stays_with_the_client(house):
    """The windows of a hundred streams are not opened again until somebody takes what came."""
    with FrameClient(house.port) as client:
        streams = [client.open(path="/slow-upload", ends=False) for _ in range(50)]
        before = memory(house)
        sent = 0
        for number in streams:
            if sent + 16384 > 400_000:
                break
            client.send(frame(0, 0, number, b"a" * 16384))
            sent += 16384
        client.ping()
        assert memory(house) - before < 16 * MIB


HOLDS = {
    "the preface": PREFACE[:10],
    "half a frame": PREFACE + settings() + frame(PING, 0, 0, b"1234", length=8),
    "a frame's first octets": PREFACE + settings() + b"\0\0\x10",
    "a block without its end": PREFACE + settings() + raw_head(BASE, flags=1),
    "a head in half": PREFACE + settings() + raw_head(BASE)[:-5],
    "settings without an acknowledgement": PREFACE + settings(),
    "nothing": b"",
}


@pytest.mark.parametrize("hold", HOLDS)
def test_who_holds_back_what_he_began_is_closed_in_time(house, hold):
    with FrameClient(house.port, opens=False, acks=False) as client:
        client.send(HOLDS[hold])
        began = time.monotonic()
        client.goodbye(5) if hold != "nothing" else client.read(5)
        assert client.has_ended
        assert 0.5 < time.monotonic() - began < 4


def test_an_idle_connection_is_told_goodbye(house):
    with FrameClient(house.port) as client:
        assert client.ask().outcome == 200
        assert client.goodbye(6) == NO_ERROR


def test_content_that_stops_coming_is_408(house):
    with FrameClient(house.port) as client:
        number = client.open(ends=False, path="/public/x")
        client.send(frame(0, 0, number, b"x"))
        assert client.stream(number).outcome == 408
        assert client.ping()
