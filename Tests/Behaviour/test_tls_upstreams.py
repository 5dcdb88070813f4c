"""TLS towards upstreams: who is trusted, under which name, as whom, and that a cut answer is not taken for whole."""

import socket
import ssl
import threading

import pytest

from authority import Authority
from gateway import config_for
from handshakes import PUBLIC
from provider import ScriptedProvider
from raw import CutShort, request
from upstream import CLOSE, RecordingUpstream, answer


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


def serving(pair, authority=None, version=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)
    if authority:
        context.load_verify_locations(authority.ca)
        context.verify_mode = ssl.CERT_REQUIRED
    if version:
        context.minimum_version = context.maximum_version = version
    return context


@pytest.fixture
def tls_upstream(authority):
    upstreams = []

    def make(*names, script=None, **options):
        pair = authority.issue("upstream", *(names or ["127.0.0.1"]))
        upstream = RecordingUpstream(tls=serving(pair, **options), **({"script": script} if script else {}))
        upstreams.append(upstream)
        return upstream

    yield make
    for upstream in upstreams:
        upstream.close()


def before(run, provider, upstream, **settings):
    site = {"url": upstream.url, **settings}
    return run(config_for(provider, {}, [PUBLIC], upstreams={"site": site}, threads=1))


def test_one_that_is_trusted_is_asked(run, provider, authority, tls_upstream):
    gateway = before(run, provider, tls_upstream(), ca_file=str(authority.ca))
    assert gateway.ask("GET", "/x").status == 200


def test_one_that_is_not_is_never_asked(run, provider, authority, tls_upstream, tmp_path):
    upstream = tls_upstream()
    other = Authority(tmp_path / "other")
    for settings, why in (
        ({}, "certificate"),
        ({"ca_file": str(other.ca)}, "certificate"),
        ({"ca_file": str(authority.ca), "server_name": "site.internal"}, "not for site.internal"),
    ):
        gateway = before(run, provider, upstream, **settings)
        assert gateway.ask("GET", "/x").status == 502
        gateway.until_logged(lambda e: e["event"] == "upstream-failed" and why in e["reason"], why)
    assert not upstream.requests


def test_a_pinned_name_is_asked_for_and_looked_for(run, provider, authority, tls_upstream):
    upstream = tls_upstream("site.internal")
    gateway = before(run, provider, upstream, ca_file=str(authority.ca), server_name="site.internal")
    assert gateway.ask("GET", "/x").status == 200
    nameless = before(run, provider, upstream, ca_file=str(authority.ca))
    assert nameless.ask("GET", "/x").status == 502


def test_a_client_certificate_is_shown(run, provider, authority, tls_upstream):
    upstream = tls_upstream(authority=authority)
    chain, key = map(str, authority.issue("gatehouse", subject="CN=gatehouse"))
    settings = {"ca_file": str(authority.ca), "client_certificate": chain, "client_key": key}
    gateway = before(run, provider, upstream, **settings)
    assert gateway.ask("GET", "/x").status == 200
    assert upstream.handshakes[-1][1]["subject"] == ((("commonName", "gatehouse"),),)
    without = before(run, provider, upstream, ca_file=str(authority.ca))
    assert without.ask("GET", "/x").status == 502


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def test_the_next_connection_resumes_the_one_before(run, provider, authority, tls_upstream, version):
    def script(_):
        return [answer("x", "200 OK", "Connection: close"), CLOSE]

    upstream = tls_upstream(script=script, version=version)
    gateway = before(run, provider, upstream, ca_file=str(authority.ca))
    for _ in range(4):
        assert gateway.ask("GET", "/x").status == 200
    assert [resumed for resumed, _ in upstream.handshakes] == [False, True, True, True]


class Scripted:
    """Answers each connection's first request with octets, then ends it as it is told."""

    def __init__(self, pair, octets, says_so, waits):
        self.context, self.octets, self.says_so, self.waits = serving(pair), octets, says_so, waits
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self.listener.getsockname()[1]}"
        self.done = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                bare, _ = self.listener.accept()
            except OSError:
                return
            # Python's sockets say close_notify and end at once, or neither: here each is chosen.
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            session = self.context.wrap_bio(incoming, outgoing, server_side=True)

            def until_done(step):
                while True:
                    try:
                        return step()
                    except ssl.SSLWantReadError:
                        bare.sendall(outgoing.read())
                        incoming.write(bare.recv(65536))

            try:
                until_done(session.do_handshake)
                until_done(lambda: session.read(65536))
                session.write(self.octets)
                if self.says_so:
                    with pytest.raises(ssl.SSLWantReadError):
                        session.unwrap()
                bare.sendall(outgoing.read())
                if self.waits:
                    self.done.wait(20)
            except (OSError, ssl.SSLError):
                pass
            bare.close()

    def close(self):
        self.done.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nhello"


def test_an_answer_that_ends_with_the_connection_is_whole_only_where_that_is_said(run, provider, authority):
    pair = authority.issue("upstream", "127.0.0.1")
    for says_so, waits in ((True, False), (True, True), (False, False)):
        upstream = Scripted(pair, UNTIL_CLOSE, says_so, waits)
        gateway = before(run, provider, upstream, ca_file=str(authority.ca))
        if says_so:
            # With close_notify it ends, whether the connection does or not.
            assert gateway.ask("GET", "/x").content == b"hello"
        else:
            with gateway.raw() as client, pytest.raises(CutShort):
                client.ask(request("GET", "/x", gateway.host))
        upstream.close()


def test_large_answers_and_contents_pass(run, provider, authority, tls_upstream):
    gateway = before(run, provider, tls_upstream(), ca_file=str(authority.ca))
    content = bytes(i * 31 % 251 for i in range(2_000_000))
    answered = gateway.ask("POST", "/x", content=content)
    assert answered.status == 200 and answered.json["content"].encode("latin-1") == content


def test_a_login_at_a_provider_under_tls(run, upstream, certificates):
    provider = ScriptedProvider(tls=certificates.server_context())
    try:
        gateway = run(config_for(provider, {"site": upstream}, provider={"ca_file": str(certificates.ca)}))
        page = gateway.browser(ca=str(certificates.ca)).open(gateway.at("/page"))
        assert page.status == 200, page.text[:500]
    finally:
        provider.stop()
