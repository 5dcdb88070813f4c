"""HTTP/2 as clients use it: over TLS by ALPN, signed in, with WebSockets, with curl and h2load, until the gateway ends."""

import json
import signal
import subprocess
import threading

import pytest
from hyperframe.frame import DataFrame, GoAwayFrame

from frames import NO_ERROR, FrameClient, frame
from gateway import config_for
from upstream import answer, echo
from waiting import free_port, until

ROUTES = [{"path": "/public/*", "access": "public", "upstream": "site"}, {"path": "/*", "upstream": "site"}]


def before(run, provider, upstream, **more):
    port = free_port()
    listeners = [{"address": f"127.0.0.1:{port}", "h2c": True}]
    return run(config_for(provider, {"site": upstream}, ROUTES, port=port, listeners=listeners, **more))


@pytest.fixture
def behind_alpn(run, provider, upstream, certificates):
    """A gateway that ends TLS itself, and a client's context that offers HTTP/2."""
    chain, key = certificates.issue("localhost")
    port = free_port()
    config = config_for(provider, {"site": upstream}, ROUTES, port=port)
    config["external_url"] = f"https://localhost:{port}"
    config["listeners"] = [{"address": f"127.0.0.1:{port}", "tls": {"certificates": [{"chain": str(chain), "key": str(key)}]}}]
    gateway = run(config)
    tls = certificates.client_context()
    tls.set_alpn_protocols(["h2", "http/1.1"])
    return gateway, tls


def test_alpn_chooses_http_2_where_it_is_offered(behind_alpn, upstream):
    gateway, tls = behind_alpn
    with FrameClient(gateway.port, gateway.host, tls=tls) as client:
        assert client.ask().outcome == 200
        stream = client.ask(path="/public/y", method="POST", content=b"hello")
        assert json.loads(bytes(stream.content))["content"] == "hello"
        page = client.ask(path="/private", more=[("accept", "text/html"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")])
        assert page.status == 303 and page.head["set-cookie"].startswith("__Host-gatehouse-login.")
        assert client.ask(path="/private").status == 401
    assert upstream.requests[0].one("X-Forwarded-Proto") == "https"
    assert upstream.requests[0].one("Via") == "2.0 gatehouse"  # RFC 9110 section 7.6.3: as it was received


def test_a_session_is_the_requests_and_not_the_connections(gateway, run, provider, upstream, signed_in):
    """The same session by HTTP/2, its cookies in crumbs, and no session on the next stream."""
    port = free_port()
    config = dict(gateway.config)
    gateway.write({**config, "listeners": [*config["listeners"], {"address": f"127.0.0.1:{port}", "h2c": True}]})
    gateway.reload()
    gateway.until_logged(lambda e: e.get("event") == "reloaded" or "reload" in e.get("event", ""))
    crumbs = [("cookie", f"{c.name}={c.value}") for c in signed_in.cookies]
    assert crumbs
    upstream.forget()
    with FrameClient(port, gateway.host) as client:
        assert client.ask(path="/x", more=[("cookie", "a=1"), *crumbs, ("cookie", "b=2")]).status == 200
        assert upstream.last.one("X-Forwarded-User") and upstream.last.one("cookie") == "a=1; b=2"
        assert client.ask(path="/x").status == 401


def test_a_websocket_goes_through_an_extended_connect(run, provider, upstream):
    def serve(request):
        if request.one("Upgrade"):
            assert request.one("Sec-WebSocket-Key") and request.method == "GET"
            return [b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n\x81\x05hello"]
        return echo(request)

    upstream.script = serve
    house = before(run, provider, upstream)
    with FrameClient(house.port, house.host) as client:
        assert client.ping() and client.settings[8] == 1
        fields = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", "/public/ws"), (":authority", house.host)]
        fields += [("sec-websocket-version", "13"), ("origin", house.url)]
        number = client.open(fields, ends=False)
        while not bytes(client.streams.get(number).content if number in client.streams else b"").endswith(b"hello"):
            assert client.read()
        stream = client.streams[number]
        assert stream.status == 200 and not {n for n, _ in stream.heads[-1]} & {"connection", "upgrade", "sec-websocket-accept"}
        client.send(frame(0, 0, number, b"\x81\x82\0\0\0\0ab"))
        until(lambda: upstream.all_octets.endswith(b"\x81\x82\0\0\0\0ab"), "the frame at the upstream")
        assert client.ask(path="/public/x").outcome == 200
        client.send(frame(0, 1, number))
        assert client.stream(number).is_over


def test_a_websocket_may_be_ended_by_its_client_before_it_is_there(run, provider, upstream):
    """Its upstream switches to it all the same, and has said something already."""
    gate = threading.Event()
    switch = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n"
    upstream.script = lambda request: [gate, switch + b"\x81\x05hello"] if request.one("Upgrade") else echo(request)
    house = before(run, provider, upstream)
    with FrameClient(house.port, house.host) as client:
        fields = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", "/public/ws"), (":authority", house.host)]
        number = client.open([*fields, ("sec-websocket-version", "13"), ("origin", house.url)], ends=False)
        client.send(frame(0, 1, number, b"\x88\x80\0\0\0\0"))
        upstream.wait_for(1)
        assert client.ping()
        gate.set()
        stream = client.stream(number)
        assert stream.status == 200 and stream.is_over and stream.content == b"\x81\x05hello"
        assert client.ask(path="/public/x").outcome == 200


def test_a_websocket_that_needs_a_session_is_401(run, provider, upstream):
    house = before(run, provider, upstream)
    with FrameClient(house.port, house.host) as client:
        fields = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", "/ws"), (":authority", house.host), ("sec-websocket-version", "13")]
        assert client.stream(client.open(fields, ends=False)).outcome == 401


def test_an_end_is_announced_and_what_is_under_way_is_answered(run, provider, upstream):
    gate = threading.Event()
    upstream.script = lambda request: [gate, answer("late")]
    house = before(run, provider, upstream)
    with FrameClient(house.port, house.host, acks=True) as client:
        number = client.open()
        upstream.wait_for(1)
        house.was_ended = True
        house.process.signal(signal.SIGTERM)
        first = client.until(GoAwayFrame)
        assert (first.error_code, first.last_stream_id) == (NO_ERROR, 0x7FFFFFFF)
        second = client.until(GoAwayFrame)
        assert (second.error_code, second.last_stream_id) == (NO_ERROR, number)
        gate.set()
        assert bytes(client.stream(number).content) == b"late"
        assert client.goodbye() == NO_ERROR
    assert house.process.wait() == 0


def test_an_interim_answer_comes_before_the_final_one(run, provider, upstream):
    upstream.script = lambda request: [b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", answer("then")]
    house = before(run, provider, upstream)
    with FrameClient(house.port, house.host) as client:
        stream = client.ask()
        assert [dict(h)[":status"] for h in stream.heads] == ["103", "200"]


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_what_has_no_content_ends_with_its_head(run, provider, upstream, status):
    upstream.script = lambda request: answer(b"", status, length=False)
    house = before(run, provider, upstream)
    with FrameClient(house.port, house.host) as client:
        stream = client.ask()
        assert stream.outcome == int(status[:3])
        assert not [f for f in client.frames if isinstance(f, DataFrame)]


def test_an_upstream_that_cuts_its_answer_is_a_reset(run, provider, upstream):
    upstream.script = lambda request: [b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "close"]
    house = before(run, provider, upstream)
    with FrameClient(house.port, house.host) as client:
        stream = client.ask()
        assert stream.reset is not None and not stream.has_ended
        assert client.ping()


def test_curl_and_h2load_are_served(run, provider, upstream):
    upstream.script = lambda request: answer(b"x" * 10_000)
    house = before(run, provider, upstream)
    url = house.url + "/public/x"
    curl = subprocess.run(["curl", "-s", "--http2-prior-knowledge", "-o", "/dev/null", "-w", "%{http_code} %{http_version}", "-d", "@-", url], input="a" * 300_000, capture_output=True, text=True, timeout=20)
    assert curl.stdout == "200 2"
    load = subprocess.run(["h2load", "-n", "500", "-c", "4", "-m", "20", url], capture_output=True, text=True, timeout=60)
    assert "500 succeeded, 0 failed" in load.stdout, load.stdout[-1000:]
    nghttp = subprocess.run(["nghttp", "-nv", url, url + "2"], capture_output=True, text=True, timeout=20)
    assert nghttp.stdout.count(":status: 200") == 2, nghttp.stdout[-2000:]
