"""Many visitors at once, each with an answer of their own, and memory that does not grow."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from raw import request
from upstream import answer
from waiting import until


def resident_kilobytes(gateway):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{gateway.process.pid}/status").read_text())[1])


def test_sixty_four_connections_of_two_people_never_see_each_other(gateway, provider, upstream):
    cookies = {}
    for person in ("alice-id", "bob-id"):
        provider.subject = person
        browser = gateway.browser()
        browser.open(gateway.at("/"))
        cookies[person] = f"Cookie: {browser.cookie_field(gateway.url)}"
    upstream.script = lambda r: answer(f"{r.target} {r.one('X-Forwarded-User')}")

    def visit(number):
        person = ("alice-id", "bob-id")[number % 2]
        with gateway.raw(deadline=30) as client:
            for i in range(100):
                reply = client.ask(request("GET", f"/{number}/{i}", gateway.host, cookies[person]))
                assert (reply.status, reply.text) == (200, f"/{number}/{i} {person}")
        return True

    with ThreadPoolExecutor(64) as pool:
        assert all(pool.map(visit, range(64)))
        before = resident_kilobytes(gateway)
        assert all(pool.map(visit, range(64)))
    assert resident_kilobytes(gateway) - before < 4096
    assert not [e for e in gateway.log if e["level"] == "error"]


def test_clients_that_go_away_leave_nothing_behind(gateway, upstream):
    descriptors = lambda: len(list(Path(f"/proc/{gateway.process.pid}/fd").iterdir()))
    gateway.ask("GET", "/public/x")
    before = descriptors()
    for i in range(200):
        client = gateway.raw()
        client.send(request("POST", "/public/x", gateway.host, content="x" * 1000)[: 40 + i * 5])
        client.reset()
    until(lambda: descriptors() <= before + 8, lambda: f"{descriptors()} descriptors, {before} before")
    assert gateway.ask("GET", "/public/x").status == 200
