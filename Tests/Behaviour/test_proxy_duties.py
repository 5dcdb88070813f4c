"""What a proxy owes both sides beyond passing things on: RFC 9110 sections 6.6, 7.6 and 9.3, and who shares what."""

import re
import socket
import threading
import time

import pytest

from gateway import config_for
from raw import request
from shared import provider, run_for_all, upstream, upstream_for_all  # noqa: F401 - fixtures
from upstream import answer
from waiting import free_port, until

PUBLIC = [{"path": "/*", "access": "public", "upstream": "site"}]


@pytest.fixture(scope="module")
def gateway(run_for_all, provider, upstream_for_all):
    config = config_for(provider, {"site": upstream_for_all}, PUBLIC, threads=1, timeouts={"upstream_idle": "30s"})
    return run_for_all(config)


# RFC 9110 section 7.6.3

def test_a_circle_ends_after_a_few_turns(run, provider):
    """An upstream that is the gateway itself: no storm, and somebody is told."""
    port = free_port()
    gateway = run(config_for(provider, {"site": f"http://127.0.0.1:{port}"}, PUBLIC, port=port))
    reply = gateway.ask("GET", "/x")
    assert reply.status == 508 and reply.json["code"] == "loop-detected"
    lines = until(lambda: [e for e in gateway.events("request") if e["path"] == "/x"], "its lines")
    assert len(lines) <= 6


def test_via_names_each_hop_and_not_us_twice(gateway, upstream):
    gateway.ask("GET", "/x", "Via: 1.0 before, 1.1 other", "Via: 2 third")
    assert upstream.last.all("Via") == ["1.0 before, 1.1 other", "2 third", "1.1 gatehouse"]
    assert gateway.ask("GET", "/x", "Via: 1.1 gatehouse, 1.1 gatehouse").status == 200
    with gateway.raw() as client:
        client.send(f"GET /x HTTP/1.0\r\nHost: {gateway.host}\r\n\r\n")
        client.answer()
    assert upstream.last.all("Via") == ["1.0 gatehouse"]


# Section 6.6.1

DATE = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT")


def test_an_answer_has_one_date_the_sites_own_where_it_has_one(gateway, upstream):
    upstream.script = lambda r: answer("x")
    assert DATE.fullmatch(gateway.ask("GET", "/x").one("Date"))
    upstream.script = lambda r: answer("x", "200 OK", "Date: Sun, 06 Nov 1994 08:49:37 GMT")
    assert gateway.ask("GET", "/x").one("Date") == "Sun, 06 Nov 1994 08:49:37 GMT"
    assert DATE.fullmatch(gateway.ask("GET", "/%00").one("Date"))


# Section 5.3

def test_order_and_number_of_fields_stay(gateway, upstream):
    lines = [f"Set-Cookie: c{i}=v; Path=/, x" for i in range(50)] + ["X-A: 1", "Vary: a", "X-A: 2", "Vary: b"]
    upstream.script = lambda r: answer("x", "200 OK", *lines)
    reply = gateway.ask("GET", "/x", "X-B: 1", "Accept: a", "X-B: 2", "Accept: b")
    assert reply.all("Set-Cookie") == [f"c{i}=v; Path=/, x" for i in range(50)]
    assert reply.all("X-A") == ["1", "2"] and reply.all("Vary") == ["a", "b"]
    names = [n for n, _ in upstream.last.fields if n in ("X-B", "Accept")]
    assert names == ["X-B", "Accept", "X-B", "Accept"] and upstream.last.all("X-B") == ["1", "2"]


def test_content_is_passed_octet_by_octet_whatever_it_is(gateway, upstream):
    octets = bytes(range(256)) * 300
    for coding in ("gzip", "br", "x-unknown", "identity"):
        upstream.script = lambda r, c=coding: answer(octets, "200 OK", f"Content-Encoding: {c}", "Cache-Control: no-transform")
        reply = gateway.ask("GET", "/x", "Accept-Encoding: gzip, br")
        assert reply.content == octets and reply.one("Content-Encoding") == coding
        assert upstream.last.one("Accept-Encoding") == "gzip, br"


def test_a_compressed_upload_is_not_opened(gateway, upstream):
    bomb = b"\x1f\x8b\x08\x00" + b"\x00" * 5000
    assert gateway.ask("POST", "/x", "Content-Encoding: gzip", content=bomb).status == 200
    assert upstream.last.content == bomb


# Section 8.6: a length of nothing is not the same as none

def test_no_content_and_empty_content_are_told_apart(gateway, upstream):
    gateway.ask("POST", "/x", content="")
    assert upstream.last.all("Content-Length") == ["0"]
    gateway.ask("GET", "/x")
    assert not upstream.last.all("Content-Length") and not upstream.last.all("Transfer-Encoding")
    gateway.ask("GET", "/x", content="hello")
    assert upstream.last.content == b"hello"


# Section 9.3.7 and 7.6.2

@pytest.mark.parametrize("left, seen", [("5", "4"), ("1", "0"), ("007", "6")])
def test_max_forwards_of_options_counts_down(gateway, upstream, left, seen):
    assert gateway.ask("OPTIONS", "/x", f"Max-Forwards: {left}").status == 200
    assert upstream.last.all("Max-Forwards") == [seen]


# HTTP/1.0 clients (RFC 9112 section 2.3, 9.3)

def old(gateway, *lines, target="/x"):
    return f"GET {target} HTTP/1.0\r\nHost: {gateway.host}\r\n" + "".join(f"{l}\r\n" for l in lines) + "\r\n"


def test_an_old_client_may_keep_its_connection_where_the_length_is_known(gateway, upstream):
    upstream.script = lambda r: answer("x")
    with gateway.raw() as client:
        for _ in range(3):
            reply = client.ask(old(gateway, "Connection: keep-alive"))
            assert reply.text == "x" and reply.one("Connection").lower() == "keep-alive"
        assert client.ask(old(gateway)).text == "x" and client.ends()


def test_an_old_client_reads_to_the_end_where_it_is_not(gateway, upstream):
    upstream.script = lambda r: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    with gateway.raw() as client:
        client.send(old(gateway, "Connection: keep-alive"))
        head = client.head()
        assert not head.all("Transfer-Encoding") and head.one("Connection").lower() == "close"
        while client._more():
            pass
        assert bytes(client.received) == b"hello"


# Who shares a connection

@pytest.mark.parametrize("scheme", ["NTLM", "Negotiate", "negotiate abc", "Basic realm=x, NTLM"])
def test_a_connection_that_signs_somebody_in_is_shared_with_nobody(gateway, upstream, scheme):
    upstream.script = lambda r: answer("who?", "401 Unauthorized", f"WWW-Authenticate: {scheme}") if r.target == "/ask" else answer("x")
    assert gateway.ask("GET", "/ask").status == 401
    asked = upstream.last.connection
    for _ in range(3):
        gateway.ask("GET", "/x")
        assert upstream.last.connection != asked
    upstream.script = lambda r: answer("who?", "401 Unauthorized", "WWW-Authenticate: Basic realm=x")
    gateway.ask("GET", "/ask")
    asked = upstream.last.connection
    gateway.ask("GET", "/x")
    assert upstream.last.connection == asked


def test_nobody_gets_what_was_meant_for_somebody_else(run, provider, upstream):
    """Hundreds of clients that break off, wait and go on; each answer says whose it is."""

    def script(r):
        if "slow" in r.target:
            time.sleep(0.01)
        return answer(r.target * 200)

    upstream.script = script
    gateway = run(config_for(provider, {"site": upstream}, PUBLIC, threads=2))
    wrong = []

    def one(number):
        for turn in range(12):
            target = f"/{number}-{turn}-{'slow' if turn % 3 else 'fast'}"
            client = gateway.raw()
            try:
                client.send(request("GET", target, gateway.host))
                if turn % 4 == 0:
                    client.reset()
                elif turn % 4 == 1:
                    client.socket.recv(10)
                    client.close()
                else:
                    for _ in range(2):
                        if client.answer().text != target * 200:
                            wrong.append(target)
                        client.send(request("GET", target, gateway.host))
            except OSError as error:
                wrong.append(f"{target}: {error}")
            finally:
                client.close()

    threads = [threading.Thread(target=one, args=(n,)) for n in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert wrong == []
    until(lambda: gateway.metric("gatehouse_connections") == 0, "nothing is left", 5)


# What is asked for decides nothing about where it goes (DS-38)

@pytest.mark.parametrize("lines", [["X-Forwarded-Host: 127.0.0.1:1"], ["Forwarded: host=127.0.0.1:1"], ["X-Original-URL: http://127.0.0.1:1/"], ["Proxy: http://127.0.0.1:1"], ["X-Upstream: http://127.0.0.1:1"]])
def test_no_field_chooses_an_upstream(gateway, upstream, lines):
    assert gateway.ask("GET", "/x", *lines).status == 200 and upstream.last.target == "/x"


def test_what_no_http_is_ends_at_once(gateway):
    for octets in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x00" * 50, b"*1\r\n$4\r\nPING\r\n"):
        with gateway.raw(deadline=3) as client:
            client.send(octets)
            while client._more():
                pass
            assert not client.received or client.received.startswith(b"HTTP/1.1 4") or client.received.startswith(b"HTTP/1.1 505")
    with socket.create_connection(("127.0.0.1", gateway.port)) as left:
        left.sendall(b"G")
    assert gateway.ask("GET", "/x").status == 200
