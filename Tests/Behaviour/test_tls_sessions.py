"""Resumption: tickets on every loop, from a file on every node, and never where another rule held."""

import base64
import os
import ssl
import subprocess

import pytest

from authority import Authority
from handshakes import anyone, client, over_tls
from raw import RawClient, request
from waiting import until


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def localhost(authority):
    return authority.issue("localhost", "localhost")


def visit(port, context, session=None, name="localhost", host=None):
    """One request; the session to resume next and whether this one resumed `session`."""
    bare = RawClient(port)
    bare.socket = context.wrap_socket(bare.socket, server_hostname=name, session=session)
    with bare as connection:
        assert connection.ask(request("GET", "/x", host or f"localhost:{port}")).status == 200
        return connection.socket.session, connection.socket.session_reused


VERSIONS = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])


@VERSIONS
def test_a_session_resumes_on_whichever_loop_it_meets(run, provider, upstream, authority, localhost, version):
    gateway = run(over_tls(provider, upstream, [localhost], threads=4))
    context = client(authority.ca, minimum_version=version, maximum_version=version)
    session, reused = visit(gateway.port, context)
    assert not reused
    for _ in range(24):
        session, reused = visit(gateway.port, context, session)
        assert reused


def tickets(file, *keys):
    file.write_text("# the first seals\n" + "".join(base64.b64encode(k).decode() + "\n" for k in keys))
    return str(file)


@VERSIONS
def test_nodes_that_share_a_file_resume_each_others_sessions(
    run, provider, upstream, authority, localhost, version, tmp_path
):
    file, old, new = tmp_path / "tickets", os.urandom(80), os.urandom(80)
    shared = {"ticket_keys": tickets(file, old)}
    one, other, stranger = (
        run(over_tls(provider, upstream, [localhost], tls=tls)) for tls in (shared, shared, None)
    )
    context = client(authority.ca, minimum_version=version, maximum_version=version)
    session, _ = visit(one.port, context)
    assert visit(other.port, context, session)[1]
    assert not visit(stranger.port, context, visit(one.port, context)[0])[1]
    session, _ = visit(one.port, context)
    tickets(file, new, old)
    one.until_logged("certificates-read")
    other.until_logged("certificates-read")
    assert visit(other.port, context, session)[1], "the key of before still opens"
    tickets(file, new)
    until(lambda: len(other.events("certificates-read")) == 2, "the key of before is gone")
    assert not visit(other.port, context, session)[1], "one that is gone does not"


def test_a_forged_ticket_leads_to_a_full_handshake(run, provider, upstream, authority, localhost):
    """Every octet of a session is changed once, in turn: none is believed, and nothing breaks."""
    gateway = run(over_tls(provider, upstream, [localhost]))
    folder = gateway.folder
    base = ["openssl", "s_client", "-connect", f"127.0.0.1:{gateway.port}", "-tls1_2", "-CAfile", str(authority.ca)]
    first = folder / "session.pem"
    subprocess.run([*base, "-sess_out", first], input=b"", capture_output=True, timeout=10, check=True)
    text = subprocess.run(
        ["openssl", "sess_id", "-in", first, "-outform", "DER"], capture_output=True, check=True
    ).stdout
    # The ticket is the last long octet string; its name, start, content and tag lie at known distances from its end.
    assert b"Reused" in subprocess.run(
        [*base, "-sess_in", first], input=b"", capture_output=True, timeout=10
    ).stdout
    lengths = [text.rfind(bytes([0x04, 0x81, n])) for n in range(128, 256)]
    start = max(lengths) + 3
    assert start > 100, "no ticket was found"
    for at in (start, start + 15, start + 16, start + 31, start + 40, start + 100, len(text) - 40):
        forged = bytearray(text)
        forged[at] ^= 1
        der = folder / "forged.der"
        der.write_bytes(forged)
        pem = folder / "forged.pem"
        made = subprocess.run(["openssl", "sess_id", "-inform", "DER", "-in", der, "-out", pem], capture_output=True)
        if made.returncode:
            continue
        said = subprocess.run([*base, "-sess_in", pem], input=b"", capture_output=True, timeout=10).stdout
        assert b"New, TLSv1.2" in said, said[-600:]


def test_a_session_of_one_name_does_not_count_under_another(run, provider, upstream, authority, localhost):
    other = authority.issue("other", "other.test")
    gateway = run(over_tls(provider, upstream, [localhost, other]))
    context = anyone()
    session, _ = visit(gateway.port, context)
    bare = RawClient(gateway.port)
    bare.socket = context.wrap_socket(bare.socket, server_hostname="other.test", session=session)
    with bare as connection:
        assert not connection.socket.session_reused


def test_where_certificates_are_asked_for_no_session_counts(run, provider, upstream, authority, localhost, tmp_path):
    """One file of ticket keys for a listener that asks and one that does not: the way around would be a ticket."""
    keys = tickets(tmp_path / "tickets", os.urandom(80))
    open_one = run(over_tls(provider, upstream, [localhost], tls={"ticket_keys": keys}))
    known = authority.issue("known", "known.test")
    for mode in ("optional", "required"):
        tls = {"ticket_keys": keys, "client_ca": str(authority.ca), "client_certificates": mode}
        asking = run(over_tls(provider, upstream, [localhost], tls=tls))
        context = client(authority.ca)
        session, _ = visit(open_one.port, context)
        if mode == "required":
            with pytest.raises((ssl.SSLError, AssertionError, OSError)):
                visit(asking.port, context, session)
        else:
            assert not visit(asking.port, context, session)[1]
        shown = client(authority.ca, known)
        session, _ = visit(asking.port, shown)
        assert not visit(asking.port, shown, session)[1], "each handshake looks at the certificate"
