"""Connections and descriptors that run out: who waits longest makes room, nobody else is harmed, and it recovers."""

import socket
import time

import pytest

from gateway import BINARY, Gateway, config_for
from raw import CutShort, RawClient, request
from upstream import answer
from waiting import Process, until

PUBLIC = [{"path": "/*", "access": "public", "upstream": "site"}]


class From(RawClient):
    """A client of another loopback address."""

    def __init__(self, address, port, deadline=3):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=deadline, source_address=(address, 0))
        self.received = bytearray()


def served(client, gateway, target="/x"):
    try:
        return client.ask(request("GET", target, gateway.host)).status == 200
    except (CutShort, OSError):
        return False


def test_past_the_limit_who_is_idle_longest_makes_room(run, provider, upstream):
    gateway = run(config_for(provider, {"site": upstream}, PUBLIC, threads=1, limits={"connections": 10}))
    clients = [gateway.raw(deadline=3) for _ in range(10)]
    assert all(served(c, gateway) for c in clients)
    assert served(clients[0], gateway), "the second is the longest idle now"
    late = gateway.raw(deadline=3)
    assert served(late, gateway)
    assert clients[1].ends()
    assert all(served(c, gateway) for c in [clients[0], *clients[2:], late])
    for client in [*clients, late]:
        client.close()


def test_past_the_limit_with_nobody_idle_accepting_waits(run, provider, upstream):
    """Nobody at work is closed; the one that waits is served when one has ended."""
    upstream.script = lambda r: pause(r.target)
    gateway = run(config_for(provider, {"site": upstream}, PUBLIC, threads=1, limits={"connections": 5}))
    busy = [gateway.raw(deadline=5) for _ in range(5)]
    for client in busy:
        client.send(request("GET", "/slow", gateway.host))
    upstream.wait_for(5)
    late = gateway.raw(deadline=5)
    assert served(late, gateway), "served at last"
    assert [c.answer().status for c in busy].count(200) >= 4
    for client in [*busy, late]:
        client.close()


def test_the_admins_connections_make_no_room(run, provider, upstream):
    """They are not counted, so closing one helps nobody."""
    upstream.script = lambda r: pause(r.target)
    gateway = run(config_for(provider, {"site": upstream}, PUBLIC, threads=1, limits={"connections": 5}))
    busy = [gateway.raw(deadline=5) for _ in range(5)]
    for client in busy:
        client.send(request("GET", "/slow", gateway.host))
    upstream.wait_for(5)
    live = request("GET", "/livez", f"127.0.0.1:{gateway.admin_port}")
    with RawClient(gateway.admin_port, deadline=3) as admin, gateway.raw(deadline=5) as late:
        assert admin.ask(live).status == 200
        time.sleep(0.1)
        late.send(request("GET", "/late", gateway.host))
        time.sleep(0.2)
        assert admin.ask(live).status == 200
    for client in busy:
        client.close()


def pause(target):
    if target == "/slow":
        time.sleep(0.7)
    yield answer(target)


def test_a_flood_of_connections_past_the_limit_ends_well(run, provider, upstream):
    gateway = run(config_for(provider, {"site": upstream}, PUBLIC, threads=2, limits={"connections": 20}))
    flood = [gateway.raw(deadline=3) for _ in range(150)]
    assert served(gateway.raw(deadline=3), gateway)
    for client in flood:
        client.close()
    until(lambda: gateway.metric("gatehouse_connections") <= 21, "the metric is back", 3)
    with gateway.raw() as client:
        assert served(client, gateway)


def test_one_address_has_its_share_and_others_theirs(run, provider, upstream):
    gateway = run(config_for(provider, {"site": upstream}, PUBLIC, threads=2, limits={"connections_per_client": 4}))
    first = [From("127.0.0.2", gateway.port) for _ in range(4)]
    assert all(served(c, gateway) for c in first)
    for _ in range(5):
        with From("127.0.0.2", gateway.port) as further:
            assert not served(further, gateway)
    with From("127.0.0.3", gateway.port) as other:
        assert served(other, gateway)
    assert all(served(c, gateway) for c in first), "those that were there go on"
    first.pop().reset()
    until(lambda: _tries("127.0.0.2", gateway), "a place is free again", 3)
    for client in first:
        client.close()


def _tries(address, gateway):
    with From(address, gateway.port) as client:
        return served(client, gateway)


class Tight(Gateway):
    """A gateway of 64 descriptors."""

    def start(self, wait=True, ready=True):
        self.starts = getattr(self, "starts", 0) + 1
        log = self.folder / f"log-{self.starts}"
        arguments = ["prlimit", "--nofile=64:64", BINARY, "run", "--config", self.file]
        self.process = Process(arguments, log, log.with_suffix(".err"), cwd=self.folder)
        self.process.listens(self.admin_port)
        self.until_ready()
        return self


@pytest.mark.parametrize("threads", [1, 2])
def test_descriptors_that_run_out_come_back(tmp_path, provider, upstream, threads):
    gateway = Tight(tmp_path, config_for(provider, {"site": upstream}, PUBLIC, threads=threads))
    try:
        with gateway.raw() as client:
            assert served(client, gateway)
        for _ in range(3):
            flood = [gateway.raw(deadline=3) for _ in range(150)]
            for client in flood[:60]:
                client.send(b"GET /x HT")
            time.sleep(0.15)
            assert gateway.process.is_alive
            for client in flood:
                client.close()
        until(lambda: _tries("127.0.0.1", gateway), "it serves again", 5)
        before = _cpu(gateway)
        time.sleep(0.5)
        assert _cpu(gateway) - before < 0.3, "and does not spin"
        assert gateway.admin("/readyz")[0] == 200
        gateway.stop()
    finally:
        gateway.kill()


@pytest.mark.parametrize("threads", [1, 2])
def test_while_descriptors_are_out_nobody_gets_a_wrong_answer(tmp_path, provider, upstream, threads):
    gateway = Tight(tmp_path, config_for(provider, {"site": upstream}, PUBLIC, threads=threads))
    try:
        kept = gateway.raw(deadline=5)
        assert served(kept, gateway)
        slow = [gateway.raw(deadline=3) for _ in range(80)]
        for client in slow:
            client.send(b"GET /x HT")
        time.sleep(0.2)
        before = _cpu(gateway)
        time.sleep(0.5)
        assert _cpu(gateway) - before < 0.3, "it does not spin"
        for number in range(5):
            try:
                reply = kept.ask(request("GET", f"/{number}", gateway.host))
            except CutShort:
                break
            assert reply.status in (502, 503) or reply.json["target"] == f"/{number}"
        for client in [*slow, kept]:
            client.close()
        until(lambda: _tries("127.0.0.1", gateway), "it serves again", 5)
        gateway.stop()
    finally:
        gateway.kill()


def _cpu(gateway):
    """Seconds of processor time so far."""
    with open(f"/proc/{gateway.process.pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100
