"""Limits and time-outs of a client: what is too large is said, what is too slow is let go."""

import time

import pytest

from gateway import config_for
from raw import CutShort, request
from shared import provider, run_for_all, upstream, upstream_for_all  # noqa: F401 - fixtures


@pytest.fixture(scope="module")
def room(run_for_all, provider, upstream_for_all):
    return run_for_all(
        config_for(
            provider,
            {"site": upstream_for_all},
            [
                {"path": "/large/*", "access": "public", "upstream": "site", "limits": {"request_body": "1MiB"}},
                {"path": "/*", "access": "public", "upstream": "site"},
            ],
            limits={"request_body": "1KiB"},
            timeouts={"request_head": "600ms", "keep_alive": "600ms", "request_body": "600ms"},
        )
    )


def test_a_body_too_large_is_413(room, upstream):
    assert room.ask("POST", "/x", content="x" * 1024).status == 200
    upstream.forget()
    assert room.ask("POST", "/x", content="x" * 1025).status == 413
    assert upstream.requests == []
    assert room.ask("POST", "/large/x", content="x" * 5000).status == 200


def test_a_body_that_grows_too_large_is_413(room):
    with room.raw() as client:
        text = request("POST", "/x", room.host, "Transfer-Encoding: chunked") + b"800\r\n" + b"x" * 2048 + b"\r\n0\r\n\r\n"
        assert client.ask(text).status == 413


SLOW = [
    ("nothing", b"", None),
    ("half a head", b"GET /x HT", 408),
    ("half a body", b"POST /x HTTP/1.1\r\nHost: HOST\r\nContent-Length: 10\r\n\r\nabc", 408),
]


@pytest.mark.parametrize("what, octets, status", SLOW, ids=[s[0] for s in SLOW])
def test_a_client_that_stops_is_let_go(room, what, octets, status):
    with room.raw(deadline=5) as client:
        began = time.monotonic()
        client.send(octets.replace(b"HOST", room.host.encode()))
        try:
            assert client.answer().status == status
        except CutShort:
            pass  # closed without a word: not for a body, which a whole head came before
        assert client.ends() and 0.5 < time.monotonic() - began < 3
        assert what != "half a body" or client.received == b""


def test_an_idle_connection_is_closed(room):
    with room.raw(deadline=5) as client:
        assert client.ask(request("GET", "/x", room.host)).status == 200
        began = time.monotonic()
        assert client.ends() and 0.4 < time.monotonic() - began < 3


def test_a_health_path_is_answered_whatever_the_host(run, provider, upstream):
    config = config_for(provider, {"site": upstream})
    config["listeners"][0]["health_path"] = "/healthz"
    gateway = run(config)
    assert gateway.ask("GET", "/healthz", host="10.0.0.7").status == 200
    with gateway.raw() as client:
        assert client.ask("GET /healthz HTTP/1.0\r\n\r\n").status == 200
    assert upstream.requests == []
