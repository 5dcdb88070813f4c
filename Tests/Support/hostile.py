"""What the files of hostile exchanges share: a row, who sends it, and SAFE as security.md defines it.

A row is a sentence, octets, and what must happen. The octets are text in latin-1 with `{path}`, `{host}` and
`{session}` to fill in; a number among them is a pause in seconds. SAFE: refused, the connection closed and nothing at
the upstream; or exactly one request there, whose framing, target, Host and identity are as they should be. Either
way a clean request on the same connection, if it is kept, and one from another client get their own answers.
"""

import contextlib
import random
import re
import time
from dataclasses import dataclass, field

from raw import CutShort, request
from waiting import until

LINE = "Host: {host}\r\n{session}"
GET = "GET {path} HTTP/1.1\r\n" + LINE
POST = "POST {path} HTTP/1.1\r\n" + LINE
CHUNKED = POST + "Transfer-Encoding: chunked\r\n\r\n"
SMUGGLED = "GET /public/smuggled HTTP/1.1\r\nHost: {host}\r\n\r\n"

IDENTITY = {
    "x-forwarded-user": "alice-id",
    "x-forwarded-email": "alice@example.com",
    "x-forwarded-preferred-username": "alice",
    "x-forwarded-groups": "readers,writers",
}
SET_ONCE = ["host", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "forwarded", "via"]
NEVER = ["proxy", "x-real-ip", "x-original-url", "x-original-uri", "x-rewrite-url", "x-client-cert", "keep-alive"]
NEVER += ["x-forwarded-uri", "x-forwarded-prefix", "x-forwarded-method", "http2-settings", "proxy-connection"]


def loose(name):
    """A name as the most forgiving reader spells it."""
    return re.sub(r"[^a-z0-9]", "-", name.lower())


@dataclass(frozen=True)
class Row:
    says: str
    sends: tuple
    then: object


@dataclass(frozen=True)
class Refused:
    """A status of the given ones and the end of the connection; `silent`: the end alone will do, too."""

    statuses: tuple = (400,)
    silent: bool = False


@dataclass(frozen=True)
class Aborted:
    """Content that turns out to be bad when its head may have gone up: the upstream never sees it whole."""

    statuses: tuple = (400,)


@dataclass(frozen=True)
class Own:
    """The gateway's own answer; the connection may go on."""

    statuses: tuple
    method: str = "GET"


@dataclass(frozen=True)
class Passed:
    """One request at the upstream, as given; what is None is not looked at. `or_refused`: statuses that will do."""

    method: str = "GET"
    target: str = "{path}"
    content: bytes = b""
    framing: str | None = None
    host: str | None = "{host}"
    fields: dict = field(default_factory=dict)
    absent: tuple = ()
    or_refused: tuple = ()


def _row(says, octets, then):
    return Row(says, octets if isinstance(octets, tuple) else (octets,), then)


def refused(says, octets, *statuses, silent=False):
    return _row(says, octets, Refused(statuses or (400,), silent))


def aborted(says, octets, *statuses):
    return _row(says, octets, Aborted(statuses or (400,)))


def own(says, octets, *statuses, method="GET"):
    return _row(says, octets, Own(statuses, method))


def passed(says, octets, **how):
    return _row(says, octets, Passed(**how))


def posted(says, octets, content=b"hello", **how):
    return passed(says, octets, **{"method": "POST", "content": content, **how})


@dataclass(frozen=True)
class Sender:
    """Who sends a row, where, and in how many segments."""

    says: str
    path: str
    has_session: bool
    in_pieces: bool = False

    @property
    def is_admitted(self):
        return self.has_session or self.path.startswith("/public")


SENDERS = [
    Sender("public", "/public/x", False),
    Sender("without a session", "/private/x", False),
    Sender("with a session", "/private/x", True),
    Sender("with a session, in pieces", "/private/x", True, in_pieces=True),
]


class Room:
    """A gateway on one loop, so that all share a pool; its upstream; and the cookie of someone signed in."""

    def __init__(self, gateway, upstream):
        self.gateway, self.upstream = gateway, upstream
        browser = gateway.browser()
        assert browser.open(gateway.at("/private/")).status == 200
        self.cookie = f"Cookie: {browser.cookie_field(gateway.url)}\r\n"
        self.cleans = 0

    def fill(self, part, sender):
        if not isinstance(part, str):
            return part
        session = self.cookie if sender.has_session else ""
        for name, value in (("path", sender.path), ("host", self.gateway.host), ("session", session)):
            part = part.replace("{" + name + "}", value)
        return part.encode("latin-1")

    def clean(self, client=None):
        """A plain request that must get its own answer, on a connection that is there or a new one."""
        self.cleans += 1
        target = f"/public/clean/{self.cleans}"
        if client is None:
            with self.gateway.raw() as other:
                reply = other.ask(request("GET", target, self.gateway.host))
        else:
            reply = client.ask(request("GET", target, self.gateway.host))
        assert (reply.status, reply.json["target"]) == (200, target), f"poisoned: {reply.status} {reply.text[:300]}"
        return target

    # Playing a row

    def play(self, row, sender, deadline=3):
        self.upstream.forget()
        cleans = []
        with self.gateway.raw(deadline=deadline) as client:
            self.send(client, row, sender)
            then = row.then
            if isinstance(then, Passed) and not sender.is_admitted:
                then = Own((401,), then.method)
            {Refused: self.refused, Aborted: self.aborted, Own: self.owned, Passed: self.passed}[type(then)](
                client, then, sender, cleans
            )
        cleans.append(self.clean())
        seen = [r.target for r in self.upstream.requests]
        assert [t for t in seen if "/clean/" in t] == cleans and b"smuggled" not in self.upstream.all_octets, seen
        assert not self.upstream.faults, self.upstream.faults

    def send(self, client, row, sender):
        chance = random.Random(row.says)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for part in (self.fill(p, sender) for p in row.sends):
                if isinstance(part, float):
                    time.sleep(part)
                elif sender.in_pieces and len(part) > 1:
                    cuts = sorted(chance.sample(range(1, len(part)), min(4, len(part) - 1)))
                    for start, end in zip([0, *cuts], [*cuts, len(part)]):
                        client.send(part[start:end])
                        time.sleep(0.001)
                else:
                    client.send(part)

    def _closed(self, client, statuses, silent):
        try:
            reply = client.answer()
            assert reply.status in statuses, f"{reply.status}: {reply.text[:300]}"
            assert reply.status == 401 or not reply.all("Set-Cookie")
        except CutShort:
            assert silent and not client.received, "closed without a word"
        assert client.ends(), f"the connection goes on: {bytes(client.received[:200])!r}"

    def refused(self, client, then, sender, cleans):
        self._closed(client, then.statuses, then.silent)
        assert self.upstream.all_octets == b"", "the upstream has seen of it"

    def aborted(self, client, then, sender, cleans):
        self._closed(client, then.statuses if sender.is_admitted else (*then.statuses, 401), False)
        assert self.upstream.requests == [], "the upstream took it for whole"
        assert sender.is_admitted or self.upstream.all_octets == b""

    def owned(self, client, then, sender, cleans):
        reply = client.answer(then.method)
        assert reply.status in then.statuses, f"{reply.status}: {reply.text[:300]}"
        assert "no-store" in reply.one("Cache-Control") and reply.one("X-Request-Id")
        assert self.upstream.all_octets == b"", "the upstream has seen of it"
        if (reply.one("Connection") or "").lower() == "close":
            assert client.ends()
        else:
            with contextlib.suppress(CutShort):
                cleans.append(self.clean(client))

    def passed(self, client, then, sender, cleans):
        replies = [client.answer(then.method)]
        if replies[0].status != 200:
            assert replies[0].status in then.or_refused, f"{replies[0].status}: {replies[0].text[:300]}"
            return self.owned_after(client, replies[0])
        seen = until(lambda: self.upstream.requests, "the request at the upstream")
        assert len(seen) == 1 and not self.upstream.faults, (seen, self.upstream.faults)
        self.as_expected(seen[0], then, sender)
        if (replies[0].one("Connection") or "").lower() != "close":
            cleans.append(self.clean(client))
        else:
            assert client.ends()

    def owned_after(self, client, reply):
        assert client.ends() and self.upstream.all_octets == b""

    def as_expected(self, seen, then, sender):
        of = lambda text: self.fill(text, sender).decode("latin-1")
        assert (seen.method, seen.target) == (then.method, of(then.target))
        assert seen.content == then.content and seen.trailers == []
        assert then.host is None or seen.all("Host") == [of(then.host)]
        names = [loose(n) for n, _ in seen.fields]
        values = {loose(n): v for n, v in seen.fields}
        framings = [n for n in names if n in ("content-length", "transfer-encoding")]
        wanted = then.framing or ("content-length" if then.content else None)
        assert framings == ([wanted] if wanted not in (None, "none") else []), f"framed as {framings}"
        for name, value in IDENTITY.items():
            assert names.count(name) == sender.has_session, f"{name} came {names.count(name)} times"
            assert not sender.has_session or values[name] == value
        for name in SET_ONCE:
            assert names.count(name) == 1, f"{name} came {names.count(name)} times"
        assert values["x-forwarded-for"] == "127.0.0.1" and values["x-forwarded-proto"] == "http"
        assert not set(NEVER) & set(names), set(NEVER) & set(names)
        assert not [n for n in names if n.startswith("x-ssl-") or n in map(loose, then.absent)]
        assert values.get("te", "trailers") == "trailers", "the rest of TE ends here"
        assert not any("gatehouse" in v for n, v in seen.fields if loose(n) == "cookie"), "our cookies stay here"
        for name, value in then.fields.items():
            assert seen.all(name) == ([value] if isinstance(value, str) else value), f"{name}: {seen.all(name)}"
