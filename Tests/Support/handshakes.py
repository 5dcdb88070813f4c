"""Clients that look at a TLS listener: what it shows, agrees to and refuses."""

import contextlib
import hashlib
import socket
import ssl
import subprocess

from cryptography import x509
from gateway import config_for
from raw import RawClient, request
from waiting import DEADLINE, free_port

PUBLIC = {"path": "/*", "access": "public", "upstream": "site"}


def over_tls(provider, upstream, pairs, *, tls=None, routes=None, **more):
    """A configuration with one TLS listener; `pairs` are (chain, key) or (chain, key, ocsp)."""
    port = free_port()
    certificates = [
        {"chain": str(pair[0]), "key": str(pair[1]), **({"ocsp": str(pair[2])} if len(pair) > 2 else {})}
        for pair in pairs
    ]
    listener = {"address": f"127.0.0.1:{port}", "tls": {"certificates": certificates, **(tls or {})}}
    more = {"external_url": f"https://localhost:{port}", "listeners": [listener], **more}
    return config_for(provider, {"site": upstream}, routes or [PUBLIC], port=port, **more)


def client(ca, certificate=None, **settings):
    """A client's context; `settings` are attributes of Python's SSLContext."""
    context = ssl.create_default_context(cafile=ca)
    if certificate:
        context.load_cert_chain(*certificate)
    for name, value in settings.items():
        setattr(context, name, value)
    return context


def anyone(**settings):
    """A client that trusts whatever it is shown, and looks at it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    for name, value in settings.items():
        setattr(context, name, value)
    return context


def shown(port, name, context=None):
    """The certificate that is shown to whoever asks for the name."""
    context = context or anyone()
    with RawClient(port, tls=context, server_name=name) as connection:
        return x509.load_der_x509_certificate(connection.socket.getpeercert(binary_form=True))


def names(certificate):
    return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(
        x509.DNSName
    )


def fingerprint(certificate):
    return hashlib.sha256(certificate.tbs_certificate_bytes).hexdigest()


def refusal(port, context, name="localhost", ask=None):
    """What a client learns when it is refused, in the handshake or (TLS 1.3) with its first read; "" when it is not."""
    try:
        with RawClient(port, tls=context, server_name=name) as connection:
            answer = connection.ask(ask or request("GET", "/x", "localhost"))
            assert answer.status == 200, f"answered {answer.status}"
            return ""
    except ssl.SSLError as error:
        return str(error)
    except AssertionError as error:
        return f"cut: {error}"


def s_client(port, *arguments, input="", deadline=DEADLINE):
    """What `openssl s_client` says of a connection."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *map(str, arguments)]
    done = subprocess.run(command, input=input.encode(), capture_output=True, timeout=deadline)
    return (done.stdout + done.stderr).decode(errors="replace")


def plain(port, octets, deadline=DEADLINE):
    """Everything that comes back for octets sent without TLS, until the end."""
    with socket.create_connection(("127.0.0.1", port), timeout=deadline) as connection:
        connection.sendall(octets)
        received = b""
        with contextlib.suppress(ConnectionResetError):
            while got := connection.recv(65536):
                received += got
        return received
