"""A client of octets: sends what it is told and shows what came back, cut where HTTP/1.1 cuts it.

For everything a well-behaved client library would refuse to send. The reader is small and believes the answer's
framing, since the answers it reads are those of the program under test: an answer that is cut short is an error.
"""

import contextlib
import json
import socket
import ssl
from dataclasses import dataclass, field

from waiting import DEADLINE


class CutShort(AssertionError):
    """The connection ended where an answer had more to say."""


@dataclass
class Answer:
    """An answer as it came: status, fields in order, content."""

    status: int
    reason: str
    fields: list
    content: bytes = b""
    interim: list = field(default_factory=list)

    def all(self, name):
        return [v for n, v in self.fields if n.lower() == name.lower()]

    def one(self, name, default=None):
        """The only value of a field; a field given twice is an error of whoever sent it."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} came {len(values)} times: {values}"
        return values[0] if values else default

    @property
    def text(self):
        return self.content.decode("utf-8", "replace")

    @property
    def json(self):
        return json.loads(self.content)

    @property
    def media_type(self):
        return (self.one("Content-Type") or "").split(";")[0].strip().lower()


class RawClient:
    """One connection. `send` octets, `answer` reads one whole answer, `ends` waits for the other side to close."""

    def __init__(self, port, host="127.0.0.1", tls=None, server_name="localhost", deadline=DEADLINE):
        self.socket = socket.create_connection((host, port), timeout=deadline)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname=server_name)
        self.received = bytearray()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.close()

    def reset(self):
        """Ends the connection with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def send(self, *parts):
        for part in parts:
            self.socket.sendall(part.encode("latin-1") if isinstance(part, str) else part)
        return self

    def ask(self, *parts, method="GET"):
        """Sends, and reads the answer to it."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.send(*parts)
        return self.answer(method)

    def _more(self):
        try:
            octets = self.socket.recv(65536)
        except (ConnectionResetError, ssl.SSLEOFError):
            octets = b""
        self.received += octets
        return bool(octets)

    def _take_line(self):
        while b"\r\n" not in self.received:
            if not self._more():
                raise CutShort(f"ended within a line: {bytes(self.received[:200])!r}")
        line, _, rest = self.received.partition(b"\r\n")
        self.received = bytearray(rest)
        return line.decode("latin-1")

    def _take(self, count):
        while len(self.received) < count:
            if not self._more():
                raise CutShort(f"ended {count - len(self.received)} octets early")
        octets = bytes(self.received[:count])
        del self.received[:count]
        return octets

    def head(self):
        """One head, interim or final, without its content."""
        version, status, *reason = self._take_line().split(" ", 2)
        assert version in ("HTTP/1.1", "HTTP/1.0"), f"not HTTP: {version!r}"
        fields = []
        while line := self._take_line():
            name, colon, value = line.partition(":")
            assert colon and name == name.strip(), f"a bad field line: {line!r}"
            fields.append((name, value.strip(" \t")))
        return Answer(int(status), reason[0] if reason else "", fields)

    def answer(self, method="GET"):
        """One whole final answer; interim ones before it are kept in `interim`."""
        interim = []
        while 100 <= (answer := self.head()).status < 200 and answer.status != 101:
            interim.append(answer)
            assert len(interim) < 100, "interim answers without end"
        answer.interim = interim
        if method == "HEAD" or answer.status in (101, 204, 304):
            return answer
        coding = ",".join(answer.all("Transfer-Encoding")).lower()
        if coding:
            assert coding == "chunked", f"an unknown coding: {coding}"
            answer.content = b"".join(self._chunks())
        elif (length := answer.one("Content-Length")) is not None:
            answer.content = self._take(int(length))
        else:
            while self._more():
                pass
            answer.content = self._take(len(self.received))
        return answer

    def _chunks(self):
        while size := int(self._take_line().split(";")[0], 16):
            yield self._take(size)
            assert self._take_line() == "", "a chunk that does not end where it said"
        while self._take_line():
            pass

    def ends(self):
        """Whether the other side closes, and sends nothing more, before the deadline."""
        try:
            while self._more():
                pass
        except TimeoutError:
            return False
        return not self.received


def request(method, target, host, *lines, content=None):
    """A request's octets, with the length of its content where there is some."""
    head = [f"{method} {target} HTTP/1.1", f"Host: {host}", *lines]
    if content is not None:
        content = content.encode() if isinstance(content, str) else content
        head.append(f"Content-Length: {len(content)}")
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + (content or b"")
