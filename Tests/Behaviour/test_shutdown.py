"""SIGTERM: what is in flight is finished, nothing new is begun, and the process ends by itself."""

import signal
import threading
import time

import pytest

from gateway import config_for
from raw import CutShort, request
from waiting import accepts, until

ROUTES = [{"path": "/*", "access": "public", "upstream": "site"}]


def test_a_slow_answer_in_flight_is_finished(run, provider, upstream):
    release = threading.Event()
    upstream.script = lambda _: [b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", release, b"world"]
    gateway = run(config_for(provider, {"site": upstream}, ROUTES))
    gateway.was_ended = True
    with gateway.raw() as client:
        client.send(request("GET", "/slow", gateway.host))
        upstream.wait_for(1)
        gateway.process.signal(signal.SIGTERM)
        until(lambda: not accepts(gateway.port), "it listens no more")
        assert gateway.process.is_alive
        release.set()
        assert client.answer().content == b"helloworld"
        assert client.ends()
    assert gateway.process.wait(10) == 0


def test_it_is_unready_first_where_asked(run, provider, upstream):
    gateway = run(config_for(provider, {"site": upstream}, ROUTES, timeouts={"drain_delay": "2s"}))
    gateway.was_ended = True
    gateway.process.signal(signal.SIGTERM)
    until(lambda: gateway.admin("/readyz")[0] == 503, "unready")
    assert gateway.ask("GET", "/x").status == 200, "it still serves"
    assert gateway.process.wait(15) == 0


def test_idle_connections_do_not_keep_it(run, provider, upstream):
    gateway = run(config_for(provider, {"site": upstream}, ROUTES))
    gateway.was_ended = True
    with gateway.raw() as silent, gateway.raw() as idle:
        idle.ask(request("GET", "/x", gateway.host))
        began = time.monotonic()
        gateway.process.signal(signal.SIGTERM)
        assert gateway.process.wait(10) == 0 and time.monotonic() - began < 8
        assert silent.ends() and idle.ends()


def test_what_does_not_end_is_cut_when_the_drain_is_over(run, provider, upstream):
    never = threading.Event()
    upstream.script = lambda _: [b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", never]
    gateway = run(config_for(provider, {"site": upstream}, ROUTES, timeouts={"drain": "1s"}))
    gateway.was_ended = True
    try:
        with gateway.raw() as client:
            client.send(request("GET", "/slow", gateway.host))
            upstream.wait_for(1)
            gateway.process.signal(signal.SIGTERM)
            with pytest.raises(CutShort):
                client.answer()
        assert gateway.process.wait(10) == 0
    finally:
        never.set()
