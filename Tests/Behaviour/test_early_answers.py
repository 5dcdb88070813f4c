"""Answers before the request has ended, ours and the upstream's: they arrive, and what follows is read as nothing else.

RFC 9112 section 9; content in front of an answer of our own is the classical place of a request that has none (CL.0).
"""

import contextlib
import threading
import time

import pytest

from hostile import SMUGGLED
from places import OK, bare, both, head, places, room, trying  # noqa: F401 - fixtures
from raw import CutShort, request
from upstream import answer
from waiting import until


@pytest.mark.parametrize("target", ["/private/x", "/.auth/login", "/.auth/me", "/.auth/callback", "/.auth/nothing", "/.auth/error", "/.auth/logout"])
@pytest.mark.parametrize("framing", ["length", "chunks", "a part", "a large part"])
def test_content_of_what_we_answer_ourselves_is_no_request(room, target, framing):
    hidden = SMUGGLED.replace("{host}", room.gateway.host)
    if framing == "chunks":
        lines, content = ["Transfer-Encoding: chunked"], f"{len(hidden):x}\r\n{hidden}\r\n0\r\n\r\n"
    else:
        length = {"length": len(hidden), "a part": len(hidden) + 10, "a large part": 10_000_000}[framing]
        lines, content = [f"Content-Length: {length}"], hidden
    with room.gateway.raw(deadline=3) as client:
        reply = client.ask(request("POST", target, room.gateway.host, *lines) + content.encode())
        assert 300 <= reply.status < 500, reply.status
        if framing in ("length", "chunks") and (reply.one("Connection") or "").lower() != "close":
            room.clean(client)
        else:
            assert client.ends(), "drained or closed, and never read as a request"
    assert b"smuggled" not in room.upstream.all_octets


@both
@pytest.mark.parametrize("closes", ["closes", "resets", "goes on reading", "stops reading"])
@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_a_413_reaches_a_client_that_still_sends(room, bare, says, path, session, closes, framing):
    over = threading.Event()

    def serve(peer):
        peer.head()
        peer.take(1000)
        peer.send(answer("too large", "413 Content Too Large", "Connection: close"))
        if closes == "closes":
            peer.connection.shutdown(1)
            while peer.more():
                pass
        elif closes == "resets":
            time.sleep(0.2)
            peer.reset()
        elif closes == "goes on reading":
            while peer.more():
                pass
        else:
            over.wait(5)

    bare.serve = serve
    size = 3_000_000
    lines = [f"Content-Length: {size}"] if framing == "length" else ["Transfer-Encoding: chunked"]
    content = b"x" * size if framing == "length" else f"{size:x}\r\n".encode() + b"x" * size + b"\r\n0\r\n\r\n"
    with room.gateway.raw() as client:
        client.send(head(room, path, session, *lines), content[:2000])
        time.sleep(0.05)
        sender = threading.Thread(target=lambda: trying(lambda: client.send(content[2000:])), daemon=True)
        sender.start()
        reply = client.answer()
        assert (reply.status, reply.text) == (413, "too large")
    over.set()
    sender.join(5)
    room.clean()


@both
@pytest.mark.parametrize("rest", [10, 200_000], ids=["a little left", "much left"])
def test_an_early_answer_on_a_kept_connection_poisons_nothing(room, bare, says, path, session, rest):
    """The upstream keeps its connection and believes that content follows: no other request may be sent on it."""

    def serve(peer):
        while text := peer.head():
            if "content-length" in text.lower():
                peer.send(answer("early"))
                while peer.more():
                    pass
            else:
                peer.send(answer(text.split(" ")[1]))

    bare.serve = serve
    with room.gateway.raw() as client:
        client.send(head(room, path, session, f"Content-Length: {rest}"))
        reply = client.answer()
        assert reply.text == "early"
        if (reply.one("Connection") or "").lower() != "close":
            client.send(b"x" * rest)
            room.clean(client)
    with room.gateway.raw() as client:
        assert client.ask(head(room, "/public/next", "", method="GET")).text == "/bare/public/next"
    assert all(b"next" not in p.octets for p in bare.peers if b"ontent-" in p.octets)


@both
@pytest.mark.parametrize("after", ["nothing", "a part", "a part of a chunk"])
def test_a_client_that_leaves_ends_its_request_unfinished(room, bare, says, path, session, after):
    ended = threading.Event()

    def serve(peer):
        peer.head()
        while peer.more():
            pass
        ended.set()

    bare.serve = serve
    lines = ["Transfer-Encoding: chunked"] if "chunk" in after else ["Content-Length: 100"]
    content = {"nothing": "", "a part": "hello", "a part of a chunk": "a\r\nhello"}[after]
    with room.gateway.raw() as client:
        client.send(head(room, path, session, *lines), content)
        until(lambda: bare.peers and b"\r\n\r\n" in bare.peers[-1].octets, "the head at the upstream")
    assert ended.wait(3), "the upstream is told"
    content = bytes(bare.peers[-1].octets).partition(b"\r\n\r\n")[2]
    assert not content.endswith(b"0\r\n\r\n") and len(content) < 100
    room.clean()


def test_a_client_that_closes_its_half_gets_its_answer(room, bare):
    def serve(peer):
        peer.head()
        time.sleep(0.3)
        peer.send(OK)

    bare.serve = serve
    with room.gateway.raw() as client:
        client.send(head(room, "/public/x", "", method="GET"))
        client.socket.shutdown(1)
        assert client.answer().content == b"ok" and client.ends()


def test_a_client_that_closes_its_half_within_content_is_not_served(room, bare):
    def serve(peer):
        peer.head()
        while peer.more():
            pass

    bare.serve = serve
    with room.gateway.raw(deadline=3) as client:
        client.send(head(room, "/public/x", "", "Content-Length: 10"), "hello")
        client.socket.shutdown(1)
        with contextlib.suppress(CutShort):
            assert client.answer().status in (400, 408)
    until(lambda: bare.peers[-1].ended, "the upstream is told")
    room.clean()


@pytest.mark.parametrize("lines, content", [(["Content-Length: 70000"], b"x" * 10), (["Transfer-Encoding: chunked"], b"11000\r\n" + b"x" * 0x11000 + b"\r\n0\r\n\r\n")], ids=["length", "chunks"])
def test_our_413_reaches_a_client_that_still_sends(room, bare, lines, content):
    def serve(peer):
        peer.head()
        while peer.more():
            pass

    bare.serve = serve
    with room.gateway.raw() as client:
        client.send(head(room, "/small/x", "", *lines))
        trying(lambda: client.send(content))
        assert client.answer().status == 413
    assert not any(p.octets.endswith(b"0\r\n\r\n") for p in bare.peers)
    room.clean()


@both
@pytest.mark.parametrize("length", [2**31, 2**32 + 1, 2**63, 2**64 - 1])
def test_a_length_of_any_size_is_the_same_at_the_upstream(room, bare, says, path, session, length):
    def serve(peer):
        text = peer.head()
        while peer.more():
            pass
        heads.append(text)

    heads, bare.serve = [], serve
    with room.gateway.raw() as client:
        client.send(head(room, path, session, f"Content-Length: {length}"), "hello")
        until(lambda: bare.peers and bare.peers[-1].octets.endswith(b"hello"), "what came")
    until(lambda: heads, "the end")
    assert f"content-length: {length}\r\n" in heads[0].lower() + "\r\n"
    room.clean()
