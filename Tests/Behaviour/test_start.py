"""Starting: a port is taken for one process alone, and whoever has got through to it is answered."""

import contextlib
import time

from gateway import config_for
from raw import RawClient, request

ROUTES = [{"path": "/*", "access": "public", "upstream": "site"}]


def test_a_second_gateway_cannot_take_its_port_unnoticed(run, provider, upstream):
    config = config_for(provider, {"site": upstream}, ROUTES)
    config["admin"] = {"address": config["admin"]["address"]}
    first = run(config)
    second = run({**config}, wait=False)
    second.was_ended = True
    try:
        assert second.process.wait(10) != 0
        assert str(first.port) in second.said or str(first.admin_port) in second.said
    finally:
        second.kill()


def test_whoever_connects_while_it_starts_is_answered(run, provider, upstream):
    """From before it listens: what looks whether the port is free must not take connections that it then resets."""
    for _ in range(12):
        gateway = run(config_for(provider, {"site": upstream}, ROUTES), wait=False)
        clients, ends = [], time.monotonic() + 10
        with contextlib.ExitStack() as open_clients:
            while len(clients) < 50 and time.monotonic() < ends:
                with contextlib.suppress(ConnectionRefusedError):
                    clients.append(open_clients.enter_context(RawClient(gateway.port)))
            assert len(clients) == 50, gateway.said
            for client in clients:
                assert client.ask(request("GET", "/x", gateway.host)).status == 200
        gateway.until_logged("started")
