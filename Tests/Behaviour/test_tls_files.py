"""Certificates that change while the gateway runs: renewed under load, broken, and with their OCSP answers."""

import re
import threading

import pytest
from cryptography.x509.ocsp import OCSPCertStatus

from authority import Authority
from handshakes import client, over_tls, s_client, shown
from raw import RawClient, request
from waiting import until


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "authority")


@pytest.fixture
def localhost(authority):
    return authority.issue("localhost", "localhost")


class Visitors:
    """Threads that ask again and again, each request on a connection of its own or on a kept one."""

    def __init__(self, gateway, ca):
        self.gateway, self.ca = gateway, ca
        self.failures, self.count, self.stopping = [], 0, threading.Event()
        self.threads = [threading.Thread(target=self._visit, args=(n % 2 == 0,), daemon=True) for n in range(4)]
        for thread in self.threads:
            thread.start()

    def _visit(self, keeps):
        context, connection = client(self.ca), None
        while not self.stopping.is_set():
            try:
                connection = connection or RawClient(self.gateway.port, tls=context)
                status = connection.ask(request("GET", "/x", self.gateway.host)).status
                self.count += 1
                if status != 200:
                    self.failures.append(status)
                if not keeps:
                    connection.close()
                    connection = None
            except (OSError, AssertionError) as failure:
                self.failures.append(repr(failure))
                connection = None
        if connection:
            connection.close()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(10)


def test_a_renewed_certificate_is_shown_and_no_request_fails(run, provider, upstream, authority, localhost):
    gateway = run(over_tls(provider, upstream, [localhost]))
    visitors = Visitors(gateway, authority.ca)
    try:
        for round in range(3):
            before = shown(gateway.port, "localhost").serial_number
            if round == 2:
                authority.issue("localhost", "localhost", kind="rsa")
                gateway.reload()
            else:
                authority.issue("localhost", "localhost")
            until(lambda: shown(gateway.port, "localhost").serial_number == authority.serial("localhost"), "the new one")
            assert before != authority.serial("localhost")
        seen = visitors.count
        until(lambda: visitors.count > seen + 20, "requests after the last change")
    finally:
        visitors.stop()
    assert visitors.failures == [] and visitors.count > 100


BAD = {
    "a key of another": lambda chain, key, other: key.write_bytes(other[1].read_bytes()),
    "a broken chain": lambda chain, key, other: chain.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n"),
    "an empty chain": lambda chain, key, other: chain.write_text(""),
    "no key": lambda chain, key, other: key.unlink(),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_pair_keeps_the_good_one_and_is_told_once(run, provider, upstream, authority, localhost, what):
    chain, key = localhost
    good = chain.read_bytes(), key.read_bytes()
    gateway = run(over_tls(provider, upstream, [localhost]))
    serial = authority.serial("localhost")
    BAD[what](chain, key, authority.issue("other", "other.test"))
    told = gateway.until_logged("certificates-unusable")
    assert told["level"] == "error" and told["reason"]
    assert shown(gateway.port, "localhost").serial_number == serial
    gateway.reload()
    until(lambda: gateway.metric("gatehouse_config_reloads_total", outcome="failure") == 1, "the reload has failed")
    assert shown(gateway.port, "localhost").serial_number == serial
    chain.write_bytes(good[0])
    key.write_bytes(good[1])
    authority.issue("localhost", "localhost")
    until(lambda: shown(gateway.port, "localhost").serial_number == authority.serial("localhost"), "the next good one")
    gateway.until_logged("certificates-unusable")
    assert len(gateway.events("certificates-unusable")) == 1


def stapled(port):
    said = s_client(port, "-servername", "localhost", "-status")
    if "OCSP response: no response sent" in said:
        return None
    return re.search(r"Cert Status: (\w+)", said)[1]


def test_a_good_answer_is_stapled_and_no_other(run, provider, upstream, authority, localhost, tmp_path):
    file = tmp_path / "localhost.ocsp"
    gateway = run(over_tls(provider, upstream, [(*localhost, file)]))
    assert stapled(gateway.port) is None, "there is none yet"
    file.write_bytes(authority.ocsp("localhost"))
    until(lambda: stapled(gateway.port) == "good", "the answer is stapled once it is there")
    other = authority.issue("other", "other.test")
    assert other
    for answer in (
        authority.ocsp("localhost", hours=(-48, -24)),
        authority.ocsp("localhost", status=OCSPCertStatus.REVOKED),
        authority.ocsp("other"),
        b"no answer at all",
    ):
        file.write_bytes(answer)
        until(lambda: stapled(gateway.port) is None, "one that is of no use is not stapled")
        file.write_bytes(authority.ocsp("localhost"))
        until(lambda: stapled(gateway.port) == "good", "and a good one again")


def test_an_answer_that_runs_out_is_no_longer_stapled(run, provider, upstream, authority, localhost, tmp_path):
    file = tmp_path / "localhost.ocsp"
    file.write_bytes(authority.ocsp("localhost", hours=(-1, 4 / 3600)))
    gateway = run(over_tls(provider, upstream, [(*localhost, file)]))
    assert stapled(gateway.port) == "good"
    until(lambda: stapled(gateway.port) is None, "it has run out", deadline=15)
