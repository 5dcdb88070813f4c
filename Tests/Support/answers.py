"""Hostile answers: what an upstream sends, played step by step, and what the client must get.

A row is a sentence, steps (a number: a pause in seconds), and the outcome: `BAD`, 502 or 504 of our own; `CUT`, that or
an answer whose end never comes; or the status and content of an answer that is lawful. A fourth member is the method.
"""

import threading
import time

import pytest

from hostile import SENDERS
from raw import CutShort, request
from upstream import CLOSE, RESET, answer

OK = "HTTP/1.1 200 OK\r\n"
FIVE = OK + "Content-Length: 5\r\n\r\nhello"
CODED = OK + "Transfer-Encoding: chunked\r\n\r\n"
POISON = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"
COOKIE = "Set-Cookie: gatehouse=poison\r\n"
BAD, CUT = "bad", "cut"
HELLO = (200, b"hello")


def play(steps, in_pieces, over=None):
    """Plays them; sets `over` when the last has been sent."""
    try:
        for step in steps:
            if isinstance(step, float):
                time.sleep(step)
            elif step in (CLOSE, RESET):
                yield step
            elif in_pieces and 4 < len(step) < 5000:
                third = len(step) // 3
                for part in (step[:third], step[third : 2 * third], step[2 * third :]):
                    yield part.encode("latin-1")
                    time.sleep(0.002)
            else:
                yield step.encode("latin-1")
    finally:
        if over:
            over.set()


def each(rows):
    """The marks of a test of these rows, sent with and without a session, and in pieces."""
    rows = [(*r, "GET")[:4] for r in rows]
    senders = pytest.mark.parametrize("sender", [SENDERS[0], *SENDERS[2:]], ids=lambda s: s.says)
    marks = pytest.mark.parametrize("says, steps, then, method", rows, ids=[r[0][:70] for r in rows])
    return lambda test: senders(marks(test))


def exchange(room, steps, then, method, sender):
    """One exchange, and clean ones behind it: on the same connection, if it is kept, and on others."""
    clean = lambda r: answer(f'{{"target": "{r.target}"}}', "200 OK", "Content-Type: application/json")
    over = threading.Event()
    room.upstream.script = lambda r: clean(r) if "/clean/" in r.target else play(steps, sender.in_pieces, over)
    lines = [room.cookie.strip()] if sender.has_session else []
    with room.gateway.raw(deadline=4) as client:
        client.send(request(method, sender.path.replace("/x", "/brief/x"), room.gateway.host, *lines))
        try:
            reply = client.answer(method)
        except CutShort:
            assert then is CUT, "an answer that should be whole was cut"
            client.received.clear()
            assert client.ends()
        else:
            if then in (BAD, CUT):
                assert reply.status in (502, 504), f"{reply.status}: {reply.text[:100]}"
                assert reply.one("X-Request-Id") and "no-store" in reply.one("Cache-Control") and not reply.all("X")
            else:
                assert reply.status == then[0] and then[1] in (None, reply.content), (reply.status, reply.content)
            assert not any("poison" in c for c in reply.all("Set-Cookie"))
            if then not in (BAD, CUT) and not {CLOSE, RESET} & set(steps):
                assert over.wait(2)  # what nobody asked for has come: before the next request, so it can be told
            if (reply.one("Connection") or "").lower() != "close":
                room.clean(client)
    room.clean()
    room.clean()
    assert b"poison" not in room.upstream.all_octets
