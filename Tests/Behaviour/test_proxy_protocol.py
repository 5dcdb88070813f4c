"""Behind a balancer that speaks the PROXY protocol: the preface's source is who asks, and nobody else is let in."""

import socket
import struct

import pytest

from authority import Authority
from gateway import config_for
from handshakes import client as client_context
from handshakes import over_tls
from raw import CutShort, RawClient, request
from shared import provider, run_for_all, upstream, upstream_for_all  # noqa: F401 - fixtures
from waiting import free_port, until

PUBLIC = [{"path": "/public/*", "access": "public", "upstream": "site"}, {"path": "/*", "upstream": "site"}]
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def binary(source, command=0x21, more=b""):
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    addresses = socket.inet_pton(family, source) * 2 + struct.pack("!HH", 40000, 443)
    return SIGNATURE + struct.pack("!BBH", command, 0x21 if ":" in source else 0x11, len(addresses + more)) + addresses + more


def line(source):
    return f"PROXY TCP{6 if ':' in source else 4} {source} {source} 40000 443\r\n".encode()


@pytest.fixture(scope="module")
def gateway(run_for_all, provider, upstream_for_all):
    """127.0.0.1 is the balancer, and another proxy before it; 127.0.0.9 is nobody."""
    config = config_for(
        provider,
        {"site": upstream_for_all},
        PUBLIC,
        threads=1,
        trusted_proxies=["127.0.0.1", "203.0.113.0/24"],
        timeouts={"request_head": "600ms"},
        limits={"connections_per_client": 3},
    )
    config["listeners"][0]["proxy_protocol"] = True
    config["listeners"].append({"address": f"127.0.0.1:{free_port()}"})
    config["listeners"][0]["health_path"] = "/healthz"
    return run_for_all(config)


def ask(gateway, preface, *lines, pieces=None, target="/public/x"):
    with gateway.raw(deadline=3) as client:
        octets = preface + request("GET", target, gateway.host, *lines)
        for at in range(0, len(octets), pieces or len(octets)):
            client.send(octets[at : at + (pieces or len(octets))])
        return client.answer()


@pytest.mark.parametrize("form", [line, binary], ids=["line", "binary"])
@pytest.mark.parametrize("source", ["192.0.2.7", "2001:db8::7"])
@pytest.mark.parametrize("pieces", [None, 1, 7], ids=["whole", "octets", "sevens"])
def test_the_source_is_who_asks(gateway, upstream, form, source, pieces):
    reply = ask(gateway, form(source), "X-Forwarded-For: 198.51.100.9", pieces=pieces)
    assert reply.status == 200
    assert upstream.last.all("X-Forwarded-For") == [source]
    gateway.until_logged(lambda e: e["event"] == "request" and e["client"] == source)


@pytest.mark.parametrize("form", [line, binary], ids=["line", "binary"])
def test_belief_goes_by_the_source_and_never_by_the_balancer(gateway, upstream, form):
    assert ask(gateway, form("203.0.113.5"), "X-Forwarded-For: 198.51.100.9").status == 200
    assert upstream.last.one("X-Forwarded-For").startswith("198.51.100.9")
    assert ask(gateway, form("192.0.2.7"), "X-Forwarded-For: 198.51.100.9").status == 200
    assert "198.51.100.9" not in str(upstream.last.fields)


SOURCELESS = [
    b"PROXY UNKNOWN\r\n",
    b"PROXY UNKNOWN 203.0.113.5 203.0.113.5 1 2\r\n",
    binary("203.0.113.5", command=0x20),
    SIGNATURE + b"\x21\x00\x00\x00",
    SIGNATURE + b"\x21\x31" + struct.pack("!H", 216) + bytes(216),
]


@pytest.mark.parametrize("preface", SOURCELESS, ids=range(len(SOURCELESS)))
def test_one_without_a_source_is_served_and_trusted_by_nobody(gateway, upstream, preface):
    assert ask(gateway, preface, "X-Forwarded-For: 198.51.100.9", "X-Real-IP: 198.51.100.9").status == 200
    assert "198.51.100.9" not in str(upstream.last.fields) and not upstream.last.all("X-Forwarded-For")
    assert ask(gateway, preface, target="/healthz").status == 200


def test_extensions_are_passed_over(gateway, upstream):
    assert ask(gateway, binary("192.0.2.7", more=b"\x02\x00\x04host" + b"\xea\x00\x00")).status == 200
    assert upstream.last.one("X-Forwarded-For") == "192.0.2.7"


BAD = [
    b"",
    b"PROXY TCP4 192.0.2.7 192.0.2.7 1 2\n",
    b"PROXY TCP4 192.0.2.7 1 2\r\n",
    b"PROXY TCP4 203.0.113.5, 203.0.113.5 203.0.113.5 1 2\r\n",
    b"PROXY " + b"x" * 200,
    b" PROXY UNKNOWN\r\n",
    SIGNATURE + b"\x31\x11\x00\x0c" + bytes(12),
    SIGNATURE + b"\x21\x11\x00\x04" + bytes(4),
    SIGNATURE + b"\x21\x11\x00\x0d" + bytes(13),
    SIGNATURE + b"\x21\x11\xff\xff" + bytes(100),
    b"\x16\x03\x01\x02\x00\x01\x00",
]


@pytest.mark.parametrize("preface", BAD, ids=range(len(BAD)))
def test_what_is_no_preface_is_closed_without_an_answer(gateway, upstream, preface):
    with gateway.raw(deadline=3) as client:
        client.send(preface + request("GET", "/public/x", gateway.host))
        assert client.ends() and not client.received
    assert upstream.requests == []


def test_a_second_preface_is_a_request_that_cannot_be_read(gateway, upstream):
    assert ask(gateway, line("192.0.2.7") + line("203.0.113.5")).status == 400
    assert upstream.requests == []


def test_who_is_not_trusted_is_closed_at_once(gateway, upstream):
    def is_said():
        _from_nobody(gateway)
        return any(e["peer"] == "127.0.0.9" for e in gateway.events("preface-refused"))

    until(is_said, "the log says so, at most once a second", 5, pause=0.2)
    assert upstream.requests == []


def _from_nobody(gateway):
    with socket.create_connection(("127.0.0.1", gateway.port), 3, source_address=("127.0.0.9", 0)) as client:
        client.settimeout(0.4)
        try:
            client.sendall(line("192.0.2.7") + request("GET", "/public/x", gateway.host))
            assert client.recv(100) == b""
        except ConnectionError:
            pass


def test_a_preface_has_its_time(gateway):
    with gateway.raw(deadline=3) as client:
        client.send(b"PROXY TCP4 ")
        assert client.ends()
    until(lambda: gateway.metric("gatehouse_connections") == 0, "nothing is left open", 3)


def test_shares_go_by_the_source(gateway, upstream):
    clients = []
    for _ in range(3):
        client = gateway.raw(deadline=3)
        clients.append(client)
        assert client.ask(line("192.0.2.50") + request("GET", "/public/x", gateway.host)).status == 200
    with pytest.raises(CutShort):
        ask(gateway, line("192.0.2.50"))
    assert ask(gateway, line("192.0.2.51")).status == 200
    for client in clients:
        client.close()
    until(lambda: _served(gateway, "192.0.2.50"), "the share is given back", 3)


def _served(gateway, source):
    try:
        return ask(gateway, line(source)).status == 200
    except CutShort:
        return False


def test_a_listener_beside_it_wants_none(gateway, upstream):
    port = int(gateway.config["listeners"][1]["address"].partition(":")[2])
    with RawClient(port) as client:
        assert client.ask(request("GET", "/public/x", gateway.host)).status == 200
    with RawClient(port) as client:
        assert client.ask(line("192.0.2.7") + request("GET", "/public/x", gateway.host)).status == 400


def test_many_at_once_and_an_end(run, provider, upstream):
    config = config_for(provider, {"site": upstream}, PUBLIC, threads=2, trusted_proxies=["127.0.0.1"])
    config["listeners"][0]["proxy_protocol"] = True
    gateway = run(config)
    waiting = [gateway.raw() for _ in range(50)]
    for number in range(30):
        assert ask(gateway, line(f"192.0.2.{number}")).status == 200
    assert {r.one("X-Forwarded-For") for r in upstream.requests} == {f"192.0.2.{n}" for n in range(30)}
    gateway.stop()
    gateway.was_ended = True
    assert all(c.ends() for c in waiting)


def test_it_stands_before_tls(run, provider, upstream, tmp_path):
    """The preface is taken off exactly: what is behind it, in the same segment or not, is the client's hello."""
    authority = Authority(tmp_path / "authority")
    config = over_tls(provider, upstream, [authority.issue("localhost", "localhost", "127.0.0.1")], trusted_proxies=["127.0.0.1"])
    config["listeners"][0]["proxy_protocol"] = True
    gateway = run(config)
    for preface in (line("192.0.2.7"), binary("192.0.2.7"), binary("192.0.2.7", more=b"\x02\x00\x04host")):
        connection = RawClient(gateway.port)
        connection.send(preface)
        connection.socket = client_context(authority.ca).wrap_socket(connection.socket, server_hostname="localhost")
        assert connection.ask(request("GET", "/x", gateway.host)).status == 200
        assert upstream.last.one("X-Forwarded-For") == "192.0.2.7" and upstream.last.one("X-Forwarded-Proto") == "https"
        connection.close()
    with RawClient(gateway.port) as plain:
        plain.send(b"\x16\x03\x01\x02\x00\x01\x00")
        assert plain.ends() and not plain.received
