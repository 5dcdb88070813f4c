"""Requests and answers bent at random, from a seed: whatever arrives is plain, nobody's identity is another's, no 500.

A longer run: `GATEHOUSE_MUTATIONS=100000`, which is a minute. A failure's message holds the octets.
"""

import contextlib
import os
import random

from hostile import CHUNKED, GET, LINE, POST, SENDERS, SMUGGLED, loose
from raw import CutShort
from rooms import room, whole_room  # noqa: F401 - fixtures
from upstream import CLOSE, echo

COUNT = int(os.environ.get("GATEHOUSE_MUTATIONS", "1500"))
REQUESTS = [
    CHUNKED + "5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n",
    POST + "Content-Length: 5\r\n\r\nhello",
    POST + "Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
    GET + "X-A: b\r\nConnection: x-a, close\r\n\r\n",
    GET + "Cookie: a=b; gatehouse=c\r\nTE: trailers\r\n\r\n",
    "GET http://{host}{path}?a=b HTTP/1.1\r\n" + LINE + "\r\n",
]
ANSWERS = [
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a\r\nhello\r\n0\r\nX: y\r\n\r\n",
    "HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 204 No\r\nConnection: keep-alive\r\n\r\n",
    'HTTP/1.1 304 Same\r\nContent-Length: 5\r\nETag: "x"\r\n\r\n',
    "HTTP/1.1 302 Found\r\nLocation: http://x/y\r\nContent-Length: 0\r\nSet-Cookie: a=b\r\n\r\n",
]
BITS = ["\r\n", "\n", "\r", " ", "\t", ":", ";", ",", "0", "\0", "\xff", "\r\n\r\n", "%2f", "..", "/", "0\r\n\r\n", '"', "\\", "-", "_"]
BITS += ["HTTP/1.1", "Transfer-Encoding: chunked\r\n", "Content-Length: 5\r\n", "Host: evil.test\r\n", "GET / HTTP/1.1\r\n"]


def bent(chance, octets):
    octets = bytearray(octets)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(octets))
        kind = chance.randrange(5)
        if kind == 0:
            octets[at] = chance.randrange(256)
        elif kind == 1:
            octets[at:at] = chance.choice(BITS).encode("latin-1")
        elif kind == 2 and len(octets) > 10:
            del octets[at : at + chance.randint(1, 4)]
        elif kind == 3:
            octets[at] ^= 1 << chance.randrange(8)
        else:
            start = chance.randrange(len(octets))
            octets[at:at] = octets[start : start + chance.randint(1, 30)]
    return bytes(octets)


def test_a_bent_request_is_refused_or_plain(room):
    chance = random.Random(9112)
    for number in range(COUNT):
        sender = chance.choice(SENDERS[:3])
        octets = bent(chance, room.fill(chance.choice(REQUESTS), sender)) + room.fill(SMUGGLED, sender)
        room.upstream.forget()
        statuses = []
        with room.gateway.raw(deadline=10) as client, contextlib.suppress(CutShort, OSError):
            client.send(octets)
            client.socket.shutdown(1)
            while True:
                statuses.append(client.answer().status)
        seen = list(room.upstream.requests)
        assert len(seen) <= len(statuses) and 500 not in statuses, (statuses, seen, octets)
        assert not [f for f in room.upstream.faults if "ended" not in f], (room.upstream.faults, octets)
        for r in seen:
            framings = [n for n, _ in r.fields if n.lower() in ("content-length", "transfer-encoding")]
            users = [v for n, v in r.fields if loose(n) == "x-forwarded-user"]
            assert len(framings) <= 1 and users in ([], ["alice-id"]), (r, octets)
            assert sender.has_session or (users == [] and not r.target.startswith("/private")), (r, octets)
            assert r.one("Host").lower().split(":")[0].rstrip(".") == "localhost", (r, octets)
        if number % 20 == 0:
            room.clean()


def test_a_bent_answer_is_refused_cut_or_plain(room):
    chance = random.Random(9110)
    for number in range(COUNT // 2):
        sender = chance.choice(SENDERS[:3:2])
        octets = bent(chance, chance.choice(ANSWERS).encode("latin-1"))
        room.upstream.script = lambda r: [octets, CLOSE] if r.target.endswith("/x") else echo(r)
        with room.gateway.raw(deadline=12) as client, contextlib.suppress(CutShort):
            client.send(room.fill(GET + "\r\n", sender))
            reply = client.answer()
            assert reply.status != 500 and "\0" not in str(reply.fields), (reply, octets)
            room.clean(client)
        if number % 10 == 0:
            room.clean()
