"""What passes between a visitor and the site: everything of theirs, nothing of one connection on the next."""

import pytest

from gateway import config_for
from raw import request
from upstream import answer

ROUTES = [
    {"path": "/app/*", "access": "public", "upstream": "site", "upstream_path": "/inner/*"},
    {"path": "/one", "access": "public", "upstream": "site", "upstream_path": "/deep/one"},
    {"path": "/*", "access": "public", "upstream": "site"},
]


@pytest.fixture
def gateway(run, provider, upstream):
    return run(config_for(provider, {"site": upstream}, ROUTES))


def test_method_query_fields_and_content_arrive_as_they_were_sent(gateway, upstream):
    query = '?a=%2F%00&b=x+y&c=%zz&;=[]|{}"<>`^&d'
    gateway.ask(
        "PATCH",
        "/x" + query,
        "X-One: 1",
        "x-two:  2 ",
        "X-One: 3",
        "Accept-Encoding: br",
        "Authorization: Basic eDp5",
        content=b"\0\xff\r\n",
    )
    seen = upstream.last
    assert (seen.method, seen.target, seen.content) == ("PATCH", "/x" + query, b"\0\xff\r\n")
    assert seen.all("X-One") == ["1", "3"] and seen.one("X-Two") == "2" and seen.one("Authorization") == "Basic eDp5"
    assert seen.one("Host") == gateway.host


def test_status_fields_and_content_come_back_as_they_were(gateway, upstream):
    lines = [
        "X-One: 1",
        "Set-Cookie: a=1",
        "X-One: 2",
        "Set-Cookie: b=2",
        'ETag: W/"x"',
        "Date: Tue, 15 Nov 1994 08:12:31 GMT",
        "Server: theirs",
        "X-Empty:",
    ]
    upstream.script = lambda _: answer(b"\0\xff", "299 Odd but fine", *lines)
    reply = gateway.ask("GET", "/x")
    assert (reply.status, reply.content) == (299, b"\0\xff")
    assert reply.all("X-One") == ["1", "2"] and reply.all("Set-Cookie") == ["a=1", "b=2"]
    assert (
        reply.one("ETag") == 'W/"x"'
        and reply.one("Date") == "Tue, 15 Nov 1994 08:12:31 GMT"
        and reply.one("Server") == "theirs"
        and reply.one("X-Empty") == ""
    )


HOP = [
    "Keep-Alive: timeout=5",
    "Proxy-Authorization: Basic eDp5",
    "Proxy-Connection: keep-alive",
    "TE: gzip",
    "Upgrade: h2c",
    "HTTP2-Settings: AAMAAABkAAQAAP__",
    "X-Mine: 1",
]


def test_fields_of_one_connection_stay_on_it(gateway, upstream):
    gateway.ask("GET", "/x", *HOP, "Connection: keep-alive, Upgrade, HTTP2-Settings, X-Mine, TE")
    names = set(upstream.last.names)
    assert not names & {"keep-alive", "proxy-connection", "upgrade", "http2-settings", "x-mine", "proxy-authorization"}
    assert upstream.last.one("TE") in (None, "trailers")
    upstream.script = lambda _: answer(
        "ok", "200 OK", "Connection: X-Theirs", "X-Theirs: 1", "Keep-Alive: timeout=1", "Proxy-Authenticate: Basic"
    )
    reply = gateway.ask("GET", "/x")
    assert not reply.all("X-Theirs") and not reply.all("Keep-Alive")


def test_connections_to_the_site_are_kept(gateway, upstream):
    for _ in range(10):
        gateway.ask("GET", "/x")
    assert len({r.connection for r in upstream.requests}) <= 2


def test_head_brings_the_length_and_no_content(gateway, upstream):
    upstream.script = lambda r: (
        answer("x" * 500)
        if r.target == "/x" and r.method == "GET"
        else b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"
    )
    with gateway.raw() as client:
        reply = client.ask(request("HEAD", "/x", gateway.host), method="HEAD")
        assert reply.one("Content-Length") == "500"
        assert len(client.ask(request("GET", "/x", gateway.host)).content) == 500


LOCATIONS = [
    ("/app/x", "/inner/login?next=/inner/y", "/app/login?next=/inner/y"),
    ("/app/x", "/other", "/other"),
    ("/app/x", "https://elsewhere.test/inner/x", "https://elsewhere.test/inner/x"),
    ("/app/x", "relative", "relative"),
    ("/one", "/deep/one", "/one"),
    ("/x", "/inner/x", "/inner/x"),
    ("/app/x", "//evil.test/inner/x", "//evil.test/inner/x"),
]


@pytest.mark.parametrize("path, location, seen", LOCATIONS)
def test_a_location_has_the_path_put_back_that_the_route_replaced(gateway, upstream, path, location, seen):
    upstream.script = lambda _: answer("", "302 Found", f"Location: {location}")
    assert gateway.ask("GET", path).one("Location") == seen


def test_a_location_at_the_site_itself_becomes_ours_where_its_host_was_sent(run, provider, upstream):
    config = config_for(provider, {"site": upstream}, ROUTES)
    config["upstreams"]["site"]["host"] = "upstream"
    gateway = run(config)
    upstream.script = lambda _: answer(
        "", "302 Found", f"Location: {upstream.url}/inner/x", f"Content-Location: {upstream.url}/y"
    )
    reply = gateway.ask("GET", "/app/x")
    assert upstream.last.one("Host") == f"127.0.0.1:{upstream.port}"
    assert reply.one("Location") == gateway.at("/app/x") and reply.one("Content-Location") == gateway.at("/y")


def test_an_upstream_over_https_is_verified(run, provider, certificates, tmp_path):
    from certificates import TestCertificates
    from upstream import RecordingUpstream

    secure = RecordingUpstream(tls=certificates.server_context())
    try:
        stranger = TestCertificates(tmp_path / "stranger")
        for ca, status in ((certificates, 200), (stranger, 502)):
            config = config_for(provider, {"site": secure}, ROUTES)
            config["upstreams"]["site"]["ca_file"] = str(ca.ca)
            assert run(config).ask("GET", "/x").status == status
        assert len(secure.requests) == 1
    finally:
        secure.close()


def test_interim_answers_pass(gateway, upstream):
    upstream.script = lambda _: b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" + answer("ok")
    reply = gateway.ask("GET", "/x")
    assert reply.content == b"ok" and [i.status for i in reply.interim] in ([103], [])


def test_chunks_and_trailers_come_back(gateway, upstream):
    upstream.script = (
        lambda _: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nX-Sum: 7\r\n\r\n"
    )
    assert gateway.ask("GET", "/x").content == b"abcdefg"


def test_an_old_client_gets_an_answer_it_can_read(gateway, upstream):
    upstream.script = lambda _: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    with gateway.raw() as client:
        reply = client.ask(f"GET /x HTTP/1.0\r\nHost: {gateway.host}\r\n\r\n")
        assert reply.content == b"abc" and not reply.all("Transfer-Encoding") and client.ends()


def test_a_client_that_asks_to_close_is_obeyed(gateway):
    with gateway.raw() as client:
        assert client.ask(request("GET", "/x", gateway.host, "Connection: close")).status == 200
        assert client.ends()
