"""Clients and upstreams that do by chance what is lawful, half done or wrong: the process lives, and nobody waits for ever.

What has been found so: an end before the answer to an upgrade (a crash), and three ways in which a request on a stream of
an upstream's HTTP/2 was never looked at again. For longer: SEQUENCE_SECONDS.
"""

import concurrent.futures
import os
import random
import time

import pytest

from bare import BareUpstream
from gateway import config_for
from moody import by_http1, by_http2, over_http1, over_http2
from waiting import free_port, until

SECONDS, CLIENTS = int(os.environ.get("SEQUENCE_SECONDS", 6)), 12
SHORT = dict.fromkeys(["request_body", "client_write", "response_idle", "response_start", "upstream_write", "connect", "request_head"], "1s")


@pytest.mark.parametrize("scheme", ["http", "h2c"])
def test_nobody_is_left_waiting(run, provider, scheme):
    upstream = BareUpstream(over_http1 if scheme == "http" else over_http2)
    port = free_port()
    listeners = [{"address": f"127.0.0.1:{port}", "h2c": True}]
    routes = [{"path": "/*", "access": "public", "upstream": "moody"}]
    config = config_for(provider, {"moody": upstream.url.replace("http", scheme)}, routes, port=port, listeners=listeners, threads=2)
    gateway = run({**config, "timeouts": SHORT, "limits": {"request_body": "1MiB"}, "log": {"level": "error", "access": False}})
    ends = time.monotonic() + SECONDS

    def visit(number):
        dice, visits = random.Random(number), 0
        while time.monotonic() < ends:
            (by_http1, by_http2)[number % 2](gateway.host, port, dice)
            visits += 1
        return visits

    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        assert all(visits > 1 for visits in pool.map(visit, range(CLIENTS)))
    until(lambda: gateway.metric("gatehouse_connections") == 0, "every connection has ended", deadline=10)
    upstream.close()
