"""A room with a second upstream, bare: it does with each connection what a test says, octet by octet."""

import contextlib
import socket
import time

import pytest

from bare import BareUpstream
from gateway import Gateway, config_for
from hostile import Room
from provider import ScriptedProvider
from rooms import ROUTES
from upstream import RecordingUpstream, echo

SENDERS = [("public", "/public/x", ""), ("with a session", "/private/x", "{session}")]
both = pytest.mark.parametrize("says, path, session", SENDERS, ids=[s[0] for s in SENDERS])


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """The usual room at /…, and the bare upstream at /bare/…"""
    provider, usual, bare = ScriptedProvider(), RecordingUpstream(), BareUpstream()
    routes = [
        {"path": "/bare/public/*", "access": "public", "upstream": "bare"},
        {"path": "/bare/small/*", "access": "public", "upstream": "bare", "limits": {"request_body": "64KiB"}},
        {"path": "/bare/*", "upstream": "bare"},
        *ROUTES,
    ]
    timeouts = {"request_body": "700ms", "response_start": "1s"}
    config = config_for(provider, {"site": usual, "bare": bare}, routes, threads=1, timeouts=timeouts)
    gateway = Gateway(tmp_path_factory.mktemp("places"), config)
    yield Room(gateway, usual), bare
    try:
        gateway.stop()
    finally:
        gateway.kill()
        provider.stop()
        usual.close()
        bare.close()


@pytest.fixture
def room(places):
    places[0].upstream.forget()
    places[0].upstream.script = echo
    return places[0]


@pytest.fixture
def bare(places):
    for peer in places[1].peers:
        trying(lambda: peer.connection.shutdown(socket.SHUT_RDWR))
    time.sleep(0.02)  # the gateway has noticed, and dials anew
    places[1].peers.clear()
    return places[1]


def head(room, path, session, *lines, method="POST", version="1.1"):
    text = f"{method} /bare{path} HTTP/{version}\r\nHost: {room.gateway.host}\r\n"
    return text + (room.cookie if session else "") + "".join(f"{line}\r\n" for line in lines) + "\r\n"


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def trying(what):
    with contextlib.suppress(OSError):
        what()
