"""TLS listeners: which certificate is shown, what is agreed, who is refused, and what the upstream is told."""

import socket
import ssl
import time

import pytest

from authority import Authority
from browser import Browser
from handshakes import anyone, client, names, over_tls, plain, refusal, s_client, shown
from raw import RawClient, request
from waiting import free_port, until


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def localhost(authority):
    return authority.issue("localhost", "localhost", "127.0.0.1")


@pytest.fixture
def gateway(run, provider, upstream, localhost):
    return run(over_tls(provider, upstream, [localhost]))


def ask(gateway, authority, *lines, target="/x", **settings):
    with RawClient(gateway.port, tls=client(authority.ca, **settings)) as connection:
        return connection.ask(request("GET", target, gateway.host, *lines))


def strict(authority):
    """A client that notices a missing close_notify, which Python hides twice unless it is told not to."""
    context = client(authority.ca)
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
    return context


# What passes


def test_a_request_passes_and_the_upstream_hears_how_it_came(gateway, authority):
    answer = ask(gateway, authority, "X-Forwarded-Proto: http", "X-SSL-Client-S-DN: CN=root")
    seen = dict((n.lower(), v) for n, v in answer.json["fields"])
    assert answer.status == 200
    assert seen["x-forwarded-proto"] == "https" and seen["x-forwarded-port"] == str(gateway.port)
    assert "proto=https" in seen["forwarded"] and "x-ssl-client-s-dn" not in seen
    assert gateway.metric("gatehouse_tls_handshakes_total", outcome="success") == 1


@pytest.mark.parametrize("octets", [0, 1, 16_384, 16_385, 3_000_000])
def test_content_of_any_size_passes_both_ways(gateway, authority, upstream, octets):
    content = bytes(i * 31 % 251 for i in range(octets))
    with RawClient(gateway.port, tls=client(authority.ca)) as connection:
        for _ in range(2):
            answer = connection.ask(request("POST", "/x", gateway.host, content=content), method="POST")
            assert answer.status == 200 and answer.json["content"].encode("latin-1") == content


def test_records_may_be_cut_anywhere(gateway, authority):
    with RawClient(gateway.port, tls=client(authority.ca)) as connection:
        for octet in request("GET", "/x", gateway.host):
            connection.send(bytes([octet]))
        assert connection.answer().status == 200


def test_many_pipelined_requests_in_one_go(gateway, authority):
    with RawClient(gateway.port, tls=client(authority.ca)) as connection:
        connection.send(request("GET", "/x", gateway.host, "X-Filler: " + "f" * 500) * 200)
        assert [connection.answer().status for _ in range(200)] == [200] * 200


def test_an_answer_that_is_whole_ends_with_close_notify(gateway, authority):
    with RawClient(gateway.port, tls=strict(authority)) as connection:
        connection.socket.suppress_ragged_eofs = False
        connection.send(request("GET", "/x", gateway.host, "Connection: close"))
        assert connection.answer().status == 200
        # close_notify before the end: nothing that was sent can have been cut off.
        assert connection.socket.recv(1) == b""


def test_an_answer_that_is_cut_does_not_end_as_if_it_were_whole(run, provider, upstream, authority, localhost):
    upstream.script = lambda r: [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "close"]
    gateway = run(over_tls(provider, upstream, [localhost]))
    for version in ("HTTP/1.1", "HTTP/1.0"):
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as bare:
            connection = strict(authority).wrap_socket(bare, server_hostname="localhost", suppress_ragged_eofs=False)
            connection.sendall(f"GET /x {version}\r\nHost: {gateway.host}\r\n\r\n".encode())
            received = b""
            with pytest.raises((ssl.SSLError, ConnectionResetError)):
                while got := connection.recv(100):
                    received += got
                assert False, f"ended with close_notify after {received}"
            assert received.startswith(b"HTTP/1.1 200 ")


# Names


def test_the_name_asked_for_chooses_the_certificate(run, provider, upstream, authority, localhost):
    pairs = [localhost]
    for stem, certified in {"a": ["a.test"], "w": ["*.w.test"], "x": ["x.w.test"]}.items():
        pairs.append(authority.issue(stem, *certified))
    gateway = run(over_tls(provider, upstream, pairs))
    asked = {
        "a.test": "a.test",
        "A.Test": "a.test",
        "b.w.test": "*.w.test",
        "x.w.test": "x.w.test",
        "deep.b.w.test": "localhost",
        "w.test": "localhost",
        "unknown.test": "localhost",
        None: "localhost",
    }
    for name, expected in asked.items():
        assert expected in names(shown(gateway.port, name)), f"for {name}"


@pytest.mark.parametrize("name", ["a.test.", "127.0.0.1", "a" * 64 + ".test", "a..test", "-", "a.test" + ".x" * 120])
def test_names_that_are_none_get_the_default_or_are_refused(run, provider, upstream, authority, localhost, name):
    gateway = run(over_tls(provider, upstream, [localhost, authority.issue("a", "a.test")]))
    said = s_client(gateway.port, "-servername", name)
    expected = "CN = a.test" if name == "a.test." else "CN = localhost"
    assert expected in said or "alert" in said, said[:800]


@pytest.mark.parametrize("name", ["localhost", "both.test"])
def test_a_client_without_ecdsa_gets_the_rsa_certificate(run, provider, upstream, authority, name):
    pairs = [
        authority.issue("ec", "localhost", "both.test"),
        authority.issue("rsa", "localhost", "both.test", kind="rsa"),
    ]
    gateway = run(over_tls(provider, upstream, pairs))
    for signatures, key in (("ECDSA+SHA256", "id-ecPublicKey"), ("RSA-PSS+SHA256:RSA+SHA256", "rsaEncryption")):
        said = s_client(gateway.port, "-servername", name, "-sigalgs", signatures, "-tls1_3")
        assert f"a:PKEY: {key}" in said, said[:800]
    old = anyone(maximum_version=ssl.TLSVersion.TLSv1_2)
    old.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")
    assert type(shown(gateway.port, name, old).public_key()).__name__.startswith("RSA")


# Versions, suites, protocols


@pytest.mark.parametrize("profile", ["intermediate", "modern"])
def test_a_profile_says_which_versions_are_spoken(run, provider, upstream, authority, localhost, profile):
    gateway = run(over_tls(provider, upstream, [localhost], tls={"profile": profile}))
    spoken = {
        version: not refusal(gateway.port, client(authority.ca, minimum_version=version, maximum_version=version))
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
    }
    assert spoken == {ssl.TLSVersion.TLSv1_2: profile == "intermediate", ssl.TLSVersion.TLSv1_3: True}
    for version in ("-tls1", "-tls1_1"):
        assert "Cipher is (NONE)" in s_client(gateway.port, version, "-cipher", "ALL:@SECLEVEL=0")


def test_suites_without_forward_secrecy_or_authentication_are_refused(gateway):
    for suite in ("AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384", "AECDH-AES128-SHA"):
        said = s_client(gateway.port, "-tls1_2", "-cipher", f"{suite}:@SECLEVEL=0")
        assert "Cipher is (NONE)" in said, suite


@pytest.mark.parametrize(
    ("option", "offered", "chosen"),
    [
        ("-ciphersuites", "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"),
        ("-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256"),
        ("-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"),
        ("-ciphersuites", "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_256_GCM_SHA384"),
        ("-ciphersuites", "TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384"),
        ("-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"),
        ("-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"),
    ],
)
def test_the_cheapest_suite_is_chosen_unless_the_client_puts_chacha20_first(gateway, option, offered, chosen):
    version = "-tls1_3" if option == "-ciphersuites" else "-tls1_2"
    assert f"Cipher is {chosen}\n" in s_client(gateway.port, version, option, offered)


def test_a_protocol_is_agreed_or_the_handshake_is_refused(gateway, authority):
    context = client(authority.ca)
    context.set_alpn_protocols(["spdy/3", "http/1.1"])
    with RawClient(gateway.port, tls=context) as connection:
        assert connection.socket.selected_alpn_protocol() == "http/1.1"
    context.set_alpn_protocols(["ftp"])
    assert "no application protocol" in refusal(gateway.port, context)


def test_there_is_no_renegotiation_and_no_compression(gateway):
    said = s_client(gateway.port, "-tls1_2", "-comp", input="R\n")
    assert "Compression: NONE" in said
    assert "no renegotiation" in said.lower() or "wrong" in said.lower() or "RENEGOTIATING" in said
    assert "verify return" not in said.partition("RENEGOTIATING")[2], "a second handshake has begun"


# Who is refused


def test_plain_http_on_the_port_is_told(gateway, upstream):
    said = plain(gateway.port, b"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n")
    head, _, content = said.partition(b"\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 400 ") and b"https" in content
    assert f"Content-Length: {len(content)}".encode() in head
    assert not upstream.requests


NO_HANDSHAKES = {
    "zeros": b"\0" * 300,
    "a record without end": b"\x16\x03\x01\xff\xff" + b"\1" * 70_000,
    "another protocol": b"SSH-2.0-x\r\n",
    "SSL 2": b"\x80\x2e\1\0\2" + b"\0" * 60,
    "an alert": b"\x15\x03\x01\0\2\2\x28",
}


@pytest.mark.parametrize("what", NO_HANDSHAKES)
def test_octets_that_are_no_handshake_end_the_connection(gateway, authority, what):
    plain(gateway.port, NO_HANDSHAKES[what])
    assert ask(gateway, authority).status == 200
    assert until(lambda: gateway.metric("gatehouse_tls_handshakes_total", outcome="failure"), "it was counted") == 1
    assert gateway.until_logged("tls-handshake-failed")["reason"]


def test_a_handshake_has_a_deadline(run, provider, upstream, authority, localhost):
    gateway = run(over_tls(provider, upstream, [localhost], timeouts={"tls_handshake": "500ms"}))
    hello = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = anyone().wrap_bio(*hello)
    with pytest.raises(ssl.SSLWantReadError):
        session.do_handshake()
    octets = hello[1].read()
    for sent in (b"", octets[:40], octets):
        start = time.monotonic()
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as connection:
            connection.sendall(sent)
            while connection.recv(65536):
                pass
        assert 0.3 < time.monotonic() - start < 3
    assert gateway.until_logged("tls-handshake-failed")["reason"] == "it took longer than timeouts.tls_handshake"
    assert ask(gateway, authority).status == 200


def test_a_flood_of_failures_does_not_fill_the_log(gateway):
    for _ in range(60):
        plain(gateway.port, b"\0\0\0\0\0\0")
    until(lambda: gateway.metric("gatehouse_tls_handshakes_total", outcome="failure") == 60, "they were counted")
    assert len(gateway.events("tls-handshake-failed")) <= 20


# Around it


def test_https_answers_carry_hsts_and_plain_ones_do_not(run, provider, upstream, authority, localhost):
    config = over_tls(provider, upstream, [localhost], hsts="30d")
    other = free_port()
    config["listeners"].append({"address": f"127.0.0.1:{other}", "redirect_to_https": True})
    gateway = run(config)
    assert ask(gateway, authority).one("Strict-Transport-Security") == "max-age=2592000"
    assert ask(gateway, authority, target="/.auth/nothing").one("Strict-Transport-Security") == "max-age=2592000"
    with RawClient(other) as connection:
        answer = connection.ask(request("GET", "/x?y", f"localhost:{other}"))
    assert answer.status == 308 and answer.one("Location") == f"https://localhost:{gateway.port}/x?y"
    assert answer.one("Strict-Transport-Security") is None


def test_a_login_through_tls_ends_signed_in(run, provider, upstream, authority, localhost):
    gateway = run(over_tls(provider, upstream, [localhost], routes=[{"path": "/*", "upstream": "site"}]))
    browser = Browser(ca=str(authority.ca))
    page = browser.open(gateway.at("/page"))
    assert page.status == 200 and page.url == gateway.at("/page"), page.text[:500]
