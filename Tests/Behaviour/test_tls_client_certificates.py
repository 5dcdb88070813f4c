"""Client certificates: who is let in, and what the upstream hears of them."""

import pytest

from authority import Authority
from handshakes import client, over_tls, refusal
from raw import RawClient, request


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def localhost(authority):
    return authority.issue("localhost", "localhost")


def asking(run, provider, upstream, authority, localhost, mode, **more):
    tls = {"client_ca": str(authority.ca), "client_certificates": mode}
    return run(over_tls(provider, upstream, [localhost], tls=tls, **more))


def fields(gateway, context, *lines):
    with RawClient(gateway.port, tls=context) as connection:
        answer = connection.ask(request("GET", "/x", gateway.host, *lines))
        assert answer.status == 200
        return [v for n, v in answer.json["fields"] if n.lower() == "x-ssl-client-s-dn"]


SPOOFED = ["X-SSL-Client-S-DN: CN=root", "x_ssl_client_s_dn: CN=root", "X-SSL-Client-Verify: SUCCESS"]

SUBJECTS = {
    "CN=alice,O=Example": "CN=alice,O=Example",
    "CN=Ana\\, or Eve": "CN=Ana\\, or Eve",
    "CN=Jos\u00e9": "CN=Jos\\C3\\A9",
    "CN=a%20b": "CN=a%2520b",
}


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_subject_goes_up_and_nobody_elses(run, provider, upstream, authority, localhost, subject):
    gateway = asking(run, provider, upstream, authority, localhost, "required")
    known = authority.issue("known", "known.test", subject=subject)
    assert fields(gateway, client(authority.ca, known), *SPOOFED) == [SUBJECTS[subject]]
    assert "x-ssl-client-verify" not in upstream.last.names and "x_ssl_client_s_dn" not in upstream.last.names


def test_without_one_the_door_is_closed_or_the_field_absent(run, provider, upstream, authority, localhost):
    closed = asking(run, provider, upstream, authority, localhost, "required")
    assert "certificate required" in refusal(closed.port, client(authority.ca))
    assert not upstream.requests
    closed.until_logged(lambda e: e["event"] == "tls-handshake-failed" and "did not return" in e["reason"])
    ajar = asking(run, provider, upstream, authority, localhost, "optional")
    assert fields(ajar, client(authority.ca), *SPOOFED) == []


@pytest.mark.parametrize("mode", ["required", "optional"])
def test_one_that_is_not_good_is_refused(run, provider, upstream, authority, localhost, mode, tmp_path):
    gateway = asking(run, provider, upstream, authority, localhost, mode)
    strangers = [
        Authority(tmp_path / "other").issue("stranger", "stranger.test"),
        authority.issue("old", "old.test", days=(-9, -1)),
    ]
    for stranger in strangers:
        assert refusal(gateway.port, client(authority.ca, stranger))
    assert not upstream.requests
    for why in ("self-signed certificate in certificate chain", "certificate has expired: CN = old.test"):
        gateway.until_logged(lambda e: e["event"] == "tls-handshake-failed" and why in e["reason"], why)


def test_a_trusted_proxy_cannot_speak_for_a_certificate_that_was_shown(run, provider, upstream, authority, localhost):
    gateway = asking(run, provider, upstream, authority, localhost, "required", trusted_proxies=["127.0.0.1/32"])
    known = authority.issue("known", "known.test", subject="CN=known")
    assert fields(gateway, client(authority.ca, known), *SPOOFED) == ["CN=known"]
