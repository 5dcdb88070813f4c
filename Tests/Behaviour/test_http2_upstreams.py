"""Upstreams that speak HTTP/2, by prior knowledge and by ALPN: many streams on few connections, whoever asks."""

import concurrent.futures
import ssl
import threading

import pytest

from bare import BareUpstream
from frames import PREFACE, FrameClient, frame, literal
from gateway import config_for
from h2site import GOAWAY, HANG_UP, H2Site, REFUSE, RESET, hello
from raw import request
from waiting import free_port, until

ROUTES = [{"path": "/public/*", "access": "public", "upstream": "site"}, {"path": "/*", "upstream": "site"}]


@pytest.fixture
def sites():
    made = []

    def make(*arguments, **options):
        made.append(H2Site(*arguments, **options))
        return made[-1]

    yield make
    for site in made:
        site.close()
        assert not site.faults, site.faults


def before(run, provider, site, **more):
    port = free_port()
    listeners = [{"address": f"127.0.0.1:{port}", "h2c": True}]
    return run(config_for(provider, {"site": site}, ROUTES, port=port, listeners=listeners, **more))


def by_h1(house, path="/public/x", *lines, method="GET", content=None):
    return house.ask(method, path, *lines, content=content)


def test_a_request_becomes_a_stream_and_its_answer_an_answer(run, provider, sites):
    site = sites()
    house = before(run, provider, site)
    answer = by_h1(house, "/public/x?q=1", "X-A: 1", "Cookie: a=1; b=2", "TE: trailers")
    assert (answer.status, answer.text) == (200, "hello /public/x?q=1")
    call = site.calls[0]
    assert [call.one(n) for n in (":method", ":scheme", ":path", ":authority")] == ["GET", "http", "/public/x?q=1", house.host]
    assert call.one("x-a") == "1" and call.one("cookie") == "a=1; b=2" and call.one("x-forwarded-for") == "127.0.0.1"
    assert not {n for n, _ in call.fields} & {"connection", "transfer-encoding", "host", "keep-alive"}
    with FrameClient(house.port, house.host) as client:
        stream = client.ask(path="/public/y", method="POST", content=b"content")
        assert (stream.outcome, bytes(stream.content)) == (200, b"hello /public/y")
    assert bytes(site.calls[1].content) == b"content"


@pytest.mark.parametrize("answer", ["length", "chunks"])
@pytest.mark.parametrize("size", [0, 1, 16384, 3_000_000])
def test_content_of_any_size_goes_both_ways(run, provider, sites, answer, size):
    content = bytes(i % 251 for i in range(size))
    lines = [("content-length", str(size))] if answer == "length" else []
    site = sites(lambda call: [(200, lines)] + ([bytes(call.content)] if size else []))
    house = before(run, provider, site)
    for framing in (f"Content-Length: {size}", "Transfer-Encoding: chunked"):
        sent = content if "Length" in framing else (b"%x\r\n%s\r\n" % (size, content) if size else b"") + b"0\r\n\r\n"
        with house.raw() as client:
            client.send(b"POST /public/x HTTP/1.1\r\nHost: " + house.host.encode() + b"\r\n" + framing.encode() + b"\r\n\r\n" + sent)
            got = client.answer()
        assert (got.status, got.content) == (200, content)


def test_many_at_a_time_share_a_connection(run, provider, sites):
    gate = threading.Event()
    site = sites(lambda call: [gate, *hello(call)])
    house = before(run, provider, site, threads=1)
    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        asked = [pool.submit(by_h1, house, f"/public/{i}") for i in range(40)]
        site.wait_for(40)
        gate.set()
        assert [a.result().text for a in asked] == [f"hello /public/{i}" for i in range(40)]
    assert site.connections == 1


def test_past_the_streams_that_an_upstream_takes_another_connection_is_made(run, provider, sites):
    gate = threading.Event()
    site = sites(lambda call: [gate, *hello(call)], streams=5)
    house = before(run, provider, site, threads=1)
    gate.set()
    assert by_h1(house).status == 200
    gate.clear()
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        asked = [pool.submit(by_h1, house, f"/public/{i}") for i in range(12)]
        site.wait_for(13)
        gate.set()
        assert {a.result().status for a in asked} == {200}
    assert site.connections >= 3


@pytest.mark.parametrize("step", [REFUSE, GOAWAY, HANG_UP])
def test_what_an_upstream_has_not_done_is_asked_once_more(run, provider, sites, step):
    tries = []

    def script(call):
        tries.append(call)
        return [step] if len(tries) == 2 else hello(call)

    site = sites(script)
    house = before(run, provider, site, threads=1)
    assert by_h1(house).status == 200
    assert by_h1(house).text == "hello /public/x"
    assert len(tries) == 3


def test_a_reset_within_an_answer_is_a_cut(run, provider, sites):
    site = sites(lambda call: [(200, []), b"half", RESET])
    house = before(run, provider, site)
    with FrameClient(house.port, house.host) as client:
        stream = client.ask()
        assert stream.reset is not None and not stream.has_ended
        assert client.ping()
    with house.raw() as client:
        client.send(request("GET", "/public/x", house.host))
        with pytest.raises(AssertionError):
            client.answer()


@pytest.mark.parametrize("step", [RESET, HANG_UP])
def test_a_post_that_may_have_been_done_is_502_and_not_sent_again(run, provider, sites, step):
    site = sites(lambda call: [step])
    house = before(run, provider, site)
    assert by_h1(house, method="POST", content="x").status == 502
    assert len(site.calls) == 1


def test_a_client_that_goes_away_resets_its_stream_alone(run, provider, sites):
    gate = threading.Event()
    site = sites(lambda call: [gate, *hello(call)] if "slow" in call.path else hello(call))
    house = before(run, provider, site, threads=1)
    with FrameClient(house.port, house.host) as client:
        number = client.open(path="/public/slow")
        site.wait_for(1)
        client.send(frame(3, 0, number, b"\0\0\0\x08"))
        until(lambda: site.calls[0].reset is not None, "the reset at the upstream")
        assert client.ask(path="/public/y").outcome == 200
    gate.set()
    assert site.connections == 1


def test_interim_answers_and_trailers_pass(run, provider, sites):
    site = sites(lambda call: [(103, [("link", "</a>")]), (200, []), b"content", [("x-sum", "1"), ("x-forwarded-user", "root")]])
    house = before(run, provider, site)
    with FrameClient(house.port, house.host) as client:
        head = client.head(path="/public/x", more=[("te", "trailers")])
        number = client.open(head, ends=False)
        client.send(frame(0, 0, number, b"up") + frame(1, 5, number, literal("x-up", "2") + literal("x-forwarded-user", "root")))
        stream = client.stream(number)
    assert [dict(h)[":status"] for h in stream.heads] == ["103", "200"]
    assert bytes(stream.content) == b"content" and dict(stream.trailers)["x-sum"] == "1"
    assert site.calls[0].trailers == [("x-up", "2")]


@pytest.mark.parametrize(("length", "sent"), [(10_000_000, 400_000), (70_000, 70_000)])
def test_an_upload_waits_for_whoever_takes_it(run, provider, sites, length, sent):
    """Also for the little that is left of a content that the gateway has taken whole."""
    site = sites(takes=False)
    house = before(run, provider, site, threads=1, timeouts={"upstream_write": "1s"})
    with house.raw() as client:
        client.send(b"POST /public/x HTTP/1.1\r\nHost: " + house.host.encode() + b"\r\nContent-Length: %d\r\n\r\n" % length)
        client.send(b"a" * sent)
        assert client.answer().status == 504
    assert len(site.calls[0].content) <= 65_535


def test_content_before_a_head_ends_the_connection_and_is_502(run, provider):
    """libnghttp2 ends it by itself; whoever had a stream is told."""

    def serve(peer):
        peer.take(len(PREFACE))
        peer.send(frame(4))
        while len(start := peer.take(9)) == 9:
            peer.take(int.from_bytes(start[:3], "big"))
            if start[3] == 1:
                peer.send(frame(0, 0, int.from_bytes(start[5:], "big"), b"early"))

    bare = BareUpstream(serve)
    house = before(run, provider, bare.url.replace("http", "h2c"))
    assert [by_h1(house).status for _ in range(2)] == [502, 502]
    bare.close()


def test_an_answer_that_does_not_come_is_504(run, provider, sites):
    gate = threading.Event()
    site = sites(lambda call: [gate, *hello(call)])
    house = before(run, provider, site, timeouts={"response_start": "500ms"})
    assert by_h1(house).status == 504
    gate.set()


def test_https_upstreams_speak_it_by_alpn(run, provider, sites, certificates):
    tls = certificates.server_context()
    tls.set_alpn_protocols(["h2", "http/1.1"])
    site = sites(tls=tls)
    upstream = {"url": site.url.replace("127.0.0.1", "localhost"), "ca_file": str(certificates.ca)}
    port = free_port()
    house = run(config_for(provider, {"site": "http://127.0.0.1:1"}, ROUTES, port=port, threads=1, upstreams={"site": upstream}))
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        asked = [pool.submit(by_h1, house, f"/public/{i}") for i in range(10)]
        assert [a.result().text for a in asked] == [f"hello /public/{i}" for i in range(10)]
    assert site.connections == 1 and site.calls[0].one(":scheme") == "https"
