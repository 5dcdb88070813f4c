"""`Expect: 100-continue`: passed on, answered once, and never a reason to wait for ever (RFC 9110 section 10.1.1)."""

import contextlib
import time

import pytest

from hostile import SMUGGLED
from places import OK, bare, both, head, places, room  # noqa: F401 - fixtures
from upstream import answer

EXPECTS = ["Content-Length: 5", "Expect: 100-continue"]


@both
def test_an_expectation_goes_up_and_its_continue_comes_down(room, bare, says, path, session):
    def serve(peer):
        assert "expect: 100-continue" in peer.head().lower() and not peer.left
        peer.send("HTTP/1.1 100 Continue\r\n\r\n")
        assert peer.take(5) == b"hello"
        peer.send(OK)

    bare.serve = serve
    with room.gateway.raw() as client:
        client.send(head(room, path, session, *EXPECTS))
        assert client.head().status == 100
        assert client.ask("hello").content == b"ok"
        room.clean(client)


@both
@pytest.mark.parametrize("status", ["417 Expectation Failed", "401 Unauthorized", "413 Content Too Large", "200 OK"])
def test_an_answer_instead_of_a_continue_is_the_answer(room, bare, says, path, session, status):
    """The client may go on with its content or not: what comes next is never taken for a request of another kind."""

    def serve(peer):
        peer.head()
        peer.send(answer("no", status))
        while peer.more():
            pass

    bare.serve = serve
    with room.gateway.raw() as client:
        reply = client.ask(head(room, path, session, *EXPECTS))
        assert (reply.status, reply.text) == (int(status[:3]), "no") and reply.interim == []
        with contextlib.suppress(OSError):
            client.send(SMUGGLED.replace("{host}", room.gateway.host))
        assert client.ends(), "where the next request begins is not known"
    assert bytes(bare.peers[-1].octets).endswith(b"\r\n\r\n"), "no content went up"
    assert room.upstream.requests == []
    room.clean()


@both
def test_an_upstream_that_ignores_the_expectation_is_no_deadlock(room, bare, says, path, session):
    """A client that waits is owed something within the time an answer has; one that does not wait is served."""

    def serve(peer):
        peer.head()
        if peer.take(5) == b"hello":
            peer.send(OK)

    bare.serve = serve
    with room.gateway.raw() as client:
        assert client.ask(head(room, path, session, *EXPECTS) + "hello").content == b"ok"
        room.clean(client)
    began = time.monotonic()
    with room.gateway.raw() as client:
        reply = client.ask(head(room, path, session, *EXPECTS))
        assert reply.status in (408, 504) and time.monotonic() - began < 3


@both
def test_an_old_client_gets_no_continue(room, bare, says, path, session):
    def serve(peer):
        peer.head()
        peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        peer.take(5)
        peer.send(OK)

    bare.serve = serve
    with room.gateway.raw() as client:
        reply = client.ask(head(room, path, session, *EXPECTS, version="1.0") + "hello")
        assert (reply.status, reply.interim) == (200, [])


def test_an_expectation_of_an_old_client_is_ignored(room, bare):
    def serve(peer):
        peer.send(answer("", "200 OK" if "expect" not in peer.head().lower() else "417 Expectation Failed"))

    bare.serve = serve
    with room.gateway.raw() as client:
        assert client.ask(head(room, "/public/x", "", *EXPECTS, version="1.0") + "hello").status == 200


@both
@pytest.mark.parametrize("value", ["200-ok", "100-continue-x", "100-continue, x", "", "100 continue", "x=100-continue"])
def test_an_unknown_expectation_is_417(room, bare, says, path, session, value):
    with room.gateway.raw() as client:
        reply = client.ask(head(room, path, session, "Content-Length: 5", f"Expect: {value}") + "hello")
        assert reply.status == 417 and client.ends()
    assert not bare.peers
    room.clean()


@pytest.mark.parametrize("lines", [EXPECTS, ["Transfer-Encoding: chunked", "Expect: 100-continue"]], ids=["length", "chunks"])
def test_our_own_answer_to_an_expectation_brings_no_continue(room, bare, lines):
    with room.gateway.raw() as client:
        reply = client.ask(head(room, "/private/x", "", *lines))
        assert (reply.status, reply.interim) == (401, [])
        with contextlib.suppress(OSError):
            client.send(SMUGGLED.replace("{host}", room.gateway.host))
        assert client.ends()
    assert not bare.peers and room.upstream.requests == []


