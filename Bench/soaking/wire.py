"""A connection of the soak's clients, and one request over it: made, sent in some manner, its answer checked whole."""

import random
import socket
import time
from dataclasses import dataclass, field

import words


class CutShort(Exception):
    """The connection ended where an answer had more to say; `content` is what had come of it."""

    def __init__(self, answer=None):
        super().__init__("cut short")
        self.answer = answer


class Wrong(Exception):
    """An answer that is not the one that was due."""


@dataclass
class Answer:
    status: int
    fields: dict
    content: bytes = b""
    interim: list = field(default_factory=list)

    def one(self, name):
        values = self.fields.get(name, [])
        if len(values) > 1:
            raise Wrong(f"{name} came {len(values)} times")
        return values[0] if values else None


class Connection:
    def __init__(self, port, receive=None, deadline=60):
        self.socket = socket.socket()
        if receive:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        self.socket.settimeout(deadline)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer, self.pause, self.piece = b"", 0, 262_144

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def send(self, octets):
        self.socket.sendall(octets)

    def receive(self, count=262_144):
        if self.pause:
            time.sleep(self.pause)
        try:
            return self.socket.recv(min(count, self.piece))
        except ConnectionResetError:
            return b""

    def line(self):
        while (end := self.buffer.find(b"\r\n")) < 0:
            got = self.receive()
            if not got:
                raise CutShort
            self.buffer += got
        line, self.buffer = self.buffer[:end], self.buffer[end + 2 :]
        return line

    def take(self, count, into):
        """Appends to `into`, so that what came of a cut answer is known."""
        into += self.buffer[:count]
        left = count - min(count, len(self.buffer))
        self.buffer = self.buffer[count:]
        while left:
            got = self.receive(left)
            if not got:
                raise CutShort
            into += got
            left -= len(got)

    def head(self):
        parts = self.line().split(b" ", 2)
        if parts[0] != b"HTTP/1.1":
            raise Wrong(f"not HTTP: {parts[0][:60]!r}")
        fields = {}
        while line := self.line():
            name, _, value = line.decode("latin-1").partition(":")
            fields.setdefault(name.lower(), []).append(value.strip())
        return Answer(int(parts[1]), fields)

    def answer(self, method="GET"):
        interim = []
        while (answer := self.head()).status < 200 and answer.status != 101:
            interim.append(answer.status)
        answer.interim = interim
        content = bytearray()
        try:
            if method == "HEAD" or answer.status in (101, 204, 304):
                pass
            elif answer.one("transfer-encoding"):
                while size := int(self.line().split(b";")[0], 16):
                    self.take(size, content)
                    if self.line():
                        raise Wrong("a chunk that does not end where it said")
                while self.line():
                    pass
            elif (length := answer.one("content-length")) is not None:
                self.take(int(length), content)
            else:
                raise Wrong("an answer to HTTP/1.1 without a framing")
        except CutShort:
            answer.content = bytes(content)
            raise CutShort(answer) from None
        answer.content = bytes(content)
        return answer


WAYS = ["length"] * 6 + ["chunked"] * 4 + ["close", "hints", "nothing", "unchanged"]
STATUS = {"nothing": 204, "unchanged": 304}
count = 0


def some_size(largest):
    """Sizes of every magnitude, and the edges of buffers among them."""
    if random.random() < 0.1:
        return min(largest, random.choice([0, 1, 4095, 4096, 16383, 16384, 16385, 32768, 65535, 65536]))
    return int(2 ** random.uniform(0, largest.bit_length() - 1))


class Asked:
    """One request, and what its answer has to be. `visitor` is None for nobody."""

    def __init__(
        self, host, visitor, path, *, fault=None, largest=1 << 18, method=None, way=None, closes=False, lines=()
    ):
        global count
        count += 1
        self.host, self.visitor, self.path, self.fault = host, visitor, path, fault
        self.id = f"{PREFIX}-{count}"
        self.method = method or random.choice(["GET"] * 6 + ["POST"] * 4 + ["HEAD"])
        self.way = way or random.choice(WAYS)
        self.size, self.content, self.is_chunked = some_size(largest), b"", random.random() < 0.5
        if self.method == "POST":
            self.content = words.octets(self.id, some_size(largest))
        self.expects = bool(self.content) and random.random() < 0.1
        self.lines, self.cookie = [*lines], random.choice(["", "", "theme=dark", "a=1; b=2"])
        if random.random() < 0.2:
            self.lines.append(random.choice(["X-Forwarded-User: mallory", "x_forwarded_user: mallory"]))
        if closes:
            self.lines.append("Connection: close")

    @property
    def head(self):
        query = f"id={self.id}&size={self.size}&as={self.way}" + (f"&fault={self.fault}" if self.fault else "")
        lines = [f"{self.method} {self.path}?{query} HTTP/1.1", f"Host: {self.host}", "Accept: */*", *self.lines]
        session = self.visitor.cookie if self.visitor else ""
        if cookie := "; ".join(filter(None, [session, self.cookie])):
            lines.append(f"Cookie: {cookie}")
        if self.expects:
            lines.append("Expect: 100-continue")
        if self.method == "POST":
            lines.append("Transfer-Encoding: chunked" if self.is_chunked else f"Content-Length: {len(self.content)}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    @property
    def pieces(self):
        """The content as it goes over the wire."""
        if self.method != "POST":
            return
        at, largest = 0, random.choice([7, 1000, 70_000, 1 << 20]) if len(self.content) < 20_000 else 70_000
        while at < len(self.content):
            piece = self.content[at : at + random.randint(1, largest)]
            at += len(piece)
            yield b"%x\r\n%b\r\n" % (len(piece), piece) if self.is_chunked else piece
        if self.is_chunked:
            yield random.choice([b"0\r\n\r\n", b"0\r\nX-Trailer: 1\r\n\r\n"])

    def send(self, connection, pause=0):
        if not pause:
            connection.send(self.head)
            for piece in self.pieces:
                connection.send(piece)
            return
        whole = self.head + b"".join(self.pieces)
        step = max(1, len(whole) // 25)
        for at in range(0, len(whole), step):
            connection.send(whole[at : at + step])
            time.sleep(pause)

    def ask(self, connection, pause=0):
        self.send(connection, pause)
        return self.check(connection.answer(self.method))

    @property
    def due(self):
        return words.label(self.id, self.visitor.name if self.visitor else None, words.summary(self.content))

    def check(self, answer):
        """The answer, if it is right to its last octet."""
        if self.visitor:
            self.visitor.learn(answer)
        status = STATUS.get(self.way, 200)
        if answer.status != status:
            raise Wrong(f"{self.what}: {answer.status} and not {status}: {answer.content[:200]!r}")
        if answer.one("x-seen") != self.due:
            raise Wrong(f"{self.what}: the upstream saw {answer.one('x-seen')!r} and not {self.due!r}")
        if answer.one("x-seen-cookie") != (self.cookie or "-"):
            raise Wrong(
                f"{self.what}: the upstream saw the cookie {answer.one('x-seen-cookie')!r} and not {self.cookie!r}"
            )
        has_content = self.method != "HEAD" and status == 200
        if answer.content != (words.octets(self.due, self.size) if has_content else b""):
            raise Wrong(f"{self.what}: wrong content of {len(answer.content)} octets: {answer.content[:120]!r}")
        return answer

    @property
    def what(self):
        framing = ("chunked" if self.is_chunked else "length") if self.method == "POST" else ""
        sent = f"{self.method} {self.path} {self.id} {len(self.content)} {framing}"
        return f"{sent} -> {self.size} {self.way} {self.fault or ''}"


PREFIX = "r"


def name_requests(prefix):
    global PREFIX
    PREFIX = prefix
