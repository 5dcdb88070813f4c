"""An upstream that fails: each failure has its status, and no answer looks complete that is not."""

import threading
import time

import pytest

from gateway import config_for
from raw import CutShort, request
from upstream import CLOSE, RESET, RecordingUpstream, answer
from waiting import free_port, until

ROUTES = [{"path": "/*", "access": "public", "upstream": "site"}]


@pytest.fixture
def gateway(run, provider, upstream):
    return run(
        config_for(
            provider,
            {"site": upstream},
            ROUTES,
            timeouts={"response_start": "700ms", "response_idle": "700ms", "connect": "1s"},
        )
    )


def test_an_upstream_that_refuses_is_502(run, provider):
    gateway = run(config_for(provider, {"site": f"http://127.0.0.1:{free_port()}"}, ROUTES))
    began = time.monotonic()
    reply = gateway.ask("GET", "/x", "Accept: application/json")
    assert reply.status == 502 and time.monotonic() - began < 3
    assert reply.one("X-Request-Id") and "no-store" in reply.one("Cache-Control")


def test_it_serves_again_as_soon_as_the_upstream_is_back(run, provider):
    first = RecordingUpstream()
    gateway = run(config_for(provider, {"site": first}, ROUTES))
    assert gateway.ask("GET", "/x").status == 200
    first.close()
    assert gateway.ask("GET", "/x").status == 502
    second = RecordingUpstream(port=first.port)
    try:
        until(lambda: gateway.ask("GET", "/x").status == 200, "it serves again")
    finally:
        second.close()


def test_an_upstream_that_says_nothing_is_504(gateway, upstream):
    never = threading.Event()
    upstream.script = lambda _: [never, answer("late")]
    try:
        assert gateway.ask("GET", "/x").status == 504
    finally:
        never.set()


GONE = [
    ("closes without a word", [CLOSE]),
    ("resets", [RESET]),
    ("stops in its head", [b"HTTP/1.1 200 OK\r\nContent-Le", CLOSE]),
]


@pytest.mark.parametrize("what, steps", GONE, ids=[w for w, _ in GONE])
def test_an_upstream_that_goes_away_before_its_answer_is_502(gateway, upstream, what, steps):
    upstream.script = lambda _: steps
    assert gateway.ask("POST", "/x", content="once").status == 502
    assert len(upstream.requests) == 1, "what may have been done is not done twice"


HEAD = b"HTTP/1.1 200 OK\r\n"
CUT = [
    ("a length not reached", [HEAD + b"Content-Length: 100\r\n\r\nhello", CLOSE]),
    ("a chunk not ended", [HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel", CLOSE]),
    ("no last chunk", [HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", CLOSE]),
    ("a reset", [HEAD + b"Content-Length: 100\r\n\r\nhello", RESET]),
    ("a bad chunk", [HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n"]),
    ("silence in the middle", [HEAD + b"Content-Length: 100\r\n\r\nhello", threading.Event()]),
]


@pytest.mark.parametrize("what, steps", CUT, ids=[w for w, _ in CUT])
def test_an_answer_that_is_cut_never_looks_complete(gateway, upstream, what, steps):
    upstream.script = lambda _: steps
    with gateway.raw() as client:
        client.send(request("GET", "/x", gateway.host))
        try:
            assert client.answer().status in (502, 504), "or not begun at all"
        except CutShort:
            pass
    for step in steps:
        if isinstance(step, threading.Event):
            step.set()


BAD = [
    ("words", b"hello there\r\n\r\n"),
    ("HTTP/0.9", b"<html>hi</html>"),
    ("HTTP/2.0", b"HTTP/2.0 200 OK\r\n\r\n"),
    ("a status of two digits", b"HTTP/1.1 20 OK\r\n\r\n"),
    ("a status of letters", b"HTTP/1.1 abc OK\r\n\r\n"),
    ("a bare LF", b"HTTP/1.1 200 OK\nContent-Length: 2\n\nhi"),
    ("a bare CR in a value", HEAD + b"X: a\rSet-Cookie: x=y\r\nContent-Length: 2\r\n\r\nhi"),
    ("a NUL in a value", HEAD + b"X: a\0b\r\nContent-Length: 2\r\n\r\nhi"),
    ("a bad name", HEAD + b"X Y: a\r\nContent-Length: 2\r\n\r\nhi"),
    ("a space before the colon", HEAD + b"Content-Length : 2\r\n\r\nhi"),
    ("two lengths", HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi!"),
    ("a length that is none", HEAD + b"Content-Length: x\r\n\r\nhi"),
    ("a length beside a coding", HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("an unknown coding", HEAD + b"Transfer-Encoding: gzip\r\n\r\nhi"),
    ("a head of 1 MB", HEAD + b"X: " + b"x" * 1_000_000 + b"\r\n\r\n"),
    ("5000 fields", HEAD + b"X: y\r\n" * 5000 + b"Content-Length: 0\r\n\r\n"),
    ("interim answers without end", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 2000),
    (
        "a 101 nobody asked for",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    ),
]


@pytest.mark.parametrize("what, octets", BAD, ids=[w for w, _ in BAD])
def test_an_answer_that_cannot_be_read_is_502(gateway, upstream, what, octets):
    upstream.script = lambda r: octets if r.target == "/bad" else answer("ok")
    reply = gateway.ask("GET", "/bad")
    assert reply.status == 502, f"{reply.status} {reply.fields}"
    assert not reply.all("Set-Cookie") and not reply.all("X")
    assert gateway.ask("GET", "/good").content == b"ok"


def test_a_pooled_connection_that_was_closed_is_not_noticed(gateway, upstream):
    for _ in range(20):
        assert gateway.ask("GET", "/x").status == 200
        upstream.drop_connections()
    assert len(upstream.requests) == 20


def test_a_connection_closed_in_the_race_is_tried_once_more_only_where_that_is_safe(gateway, upstream):
    seen = []

    def script(r):
        seen.append(r.method)
        return [CLOSE] if r.connection == 1 and len(seen) > 1 else answer("ok")

    upstream.script = script
    with gateway.raw() as client:
        assert client.ask(request("GET", "/1", gateway.host)).status == 200
        reply = client.ask(request("GET", "/2", gateway.host))
        assert reply.status in (200, 502)
    assert len(seen) <= 3
    upstream.script = lambda r: [CLOSE]
    before = len(upstream.requests)
    assert gateway.ask("POST", "/3", content="x").status == 502
    assert len(upstream.requests) == before + 1


def test_more_octets_than_promised_reach_nobody(gateway, upstream):
    upstream.script = lambda r: (
        [answer("ok") + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"]
        if r.target == "/first"
        else answer(r.target)
    )
    with gateway.raw() as client:
        assert client.ask(request("GET", "/first", gateway.host)).content == b"ok"
        assert client.ask(request("GET", "/second", gateway.host)).content == b"/second"
    assert gateway.ask("GET", "/third").content == b"/third"


NO_CONTENT = [
    ("204", b"HTTP/1.1 204 No Content\r\n\r\n"),
    ("304", b'HTTP/1.1 304 Not Modified\r\nContent-Length: 50\r\nETag: "x"\r\n\r\n'),
    ("204 with a body", b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello"),
]


@pytest.mark.parametrize("what, octets", NO_CONTENT, ids=[w for w, _ in NO_CONTENT])
def test_answers_without_content_leave_the_next_one_whole(gateway, upstream, what, octets):
    upstream.script = lambda r: octets if r.target == "/none" else answer("ok")
    with gateway.raw() as client:
        assert client.ask(request("GET", "/none", gateway.host)).status in (204, 304, 502)
        assert client.ask(request("GET", "/next", gateway.host)).content == b"ok"


def test_an_answer_that_ends_with_its_connection_arrives_whole(gateway, upstream):
    upstream.script = lambda _: [b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100_000, CLOSE]
    assert gateway.ask("GET", "/x").content == b"x" * 100_000


def test_an_answer_before_the_body_ended_does_not_poison_the_next(gateway, upstream):
    for _ in range(5):
        with gateway.raw() as client:
            client.send(f"POST /early HTTP/1.1\r\nHost: {gateway.host}\r\nContent-Length: 100000\r\n\r\nhello")
        assert gateway.ask("GET", "/x").json["target"] == "/x"


def test_a_large_answer_arrives_whole_at_a_slow_reader(gateway, upstream):
    content = bytes(range(256)) * 40_000
    upstream.script = lambda _: answer(content)
    with gateway.raw(deadline=30) as client:
        client.send(request("GET", "/x", gateway.host))
        upstream.wait_for(1)
        time.sleep(0.5)  # every buffer on the way is full: less than response_idle, which is the upstream's
        assert client.answer().content == content


def test_a_large_upload_arrives_whole(gateway, upstream):
    content = bytes(range(256)) * 40_000
    assert gateway.ask("POST", "/x", content=content).status == 200
    assert upstream.last.content == content


def test_an_event_stream_flows_as_it_comes(gateway, upstream):
    go = [threading.Event() for _ in range(3)]
    upstream.script = lambda _: [
        HEAD + b"Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
        *[s for g in go for s in (b"9\r\ndata: 1\n\n\r\n", g)],
        b"0\r\n\r\n",
    ]
    with gateway.raw() as client:
        client.send(request("GET", "/events", gateway.host))
        assert client.head().status == 200
        for number, event in enumerate(go, 1):
            until(lambda: client.received.count(b"data: 1") >= number or not client._more(), "the event", pause=0)
            assert client.received.count(b"data: 1") == number
            event.set()


def test_an_expectation_is_met_before_the_body(gateway, upstream):
    with gateway.raw() as client:
        client.send(f"POST /x HTTP/1.1\r\nHost: {gateway.host}\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        client.send("hello")
        reply = client.answer()
    assert reply.status == 200 and upstream.last.content == b"hello"


def test_our_answers_name_no_upstream(gateway, upstream):
    upstream.script = lambda _: [CLOSE]
    reply = gateway.ask("GET", "/x", "Accept: text/html", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document")
    assert reply.status == 502 and reply.media_type == "text/html" and reply.one("X-Request-Id") in reply.text
    assert str(upstream.port) not in reply.text
