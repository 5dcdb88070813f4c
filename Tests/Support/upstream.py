"""An upstream that records octets, and answers as the test scripts it.

It is a socket server and no HTTP library: what the gateway sent is kept as it came, per connection, and read by a
reader that accepts only the plainest framing. A script is a function from a request to what happens next: octets,
`CLOSE`, `RESET`, or a list of these and of events to wait for.
"""

import json
import socket
import threading
import traceback
from dataclasses import dataclass

from waiting import DEADLINE, until

CLOSE = "close"
RESET = "reset"


@dataclass
class Request:
    """A request as it arrived: fields in order, names as spelled."""

    method: str
    target: str
    fields: list
    content: bytes
    connection: int
    trailers: list

    def all(self, name):
        return [v for n, v in self.fields if n.lower() == name.lower()]

    def one(self, name, default=None):
        values = self.all(name)
        assert len(values) <= 1, f"{name} came {len(values)} times: {values}"
        return values[0] if values else default

    @property
    def names(self):
        return [n.lower() for n, _ in self.fields]


def answer(content=b"", status="200 OK", *lines, length=True):
    """An answer's octets."""
    content = content.encode() if isinstance(content, str) else content
    head = [f"HTTP/1.1 {status}", *lines]
    if length:
        head.append(f"Content-Length: {len(content)}")
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + content


def echo(request):
    """What the upstream saw, as JSON: the answer where a test scripts no other."""
    seen = {
        "method": request.method,
        "target": request.target,
        "fields": request.fields,
        "content": request.content.decode("latin-1"),
    }
    return answer(json.dumps(seen), "200 OK", "Content-Type: application/json")


class NotPlain(Exception):
    """Octets that are no plain HTTP/1.1 request: kept in the connection's record."""


class RecordingUpstream:
    """Listens on a port of the kernel's choosing until `close`."""

    def __init__(self, script=echo, tls=None, port=0):
        self.script = script
        self.requests = []
        self.octets = {}  # connection number -> everything received on it
        self.faults = []  # what could not be read, and scripts that failed
        self.handshakes = []  # under TLS, each connection's: whether it resumed, and the client's certificate
        self._tls = tls
        self._changed = threading.Condition()
        self._open = {}
        self._listener = socket.create_server(("127.0.0.1", port), backlog=256)
        self.port = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.is_open = True
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        """Stops listening and ends every connection, so that the port refuses."""
        self.is_open = False
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop_connections()

    def drop_connections(self):
        """Closes every open connection, and goes on listening."""
        with self._changed:
            connections = list(self._open.values())
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def forget(self):
        """Empties the record."""
        with self._changed:
            self.requests.clear()
            self.faults.clear()
            for octets in self.octets.values():
                octets.clear()

    @property
    def last(self):
        return self.requests[-1]

    @property
    def all_octets(self):
        return b"".join(bytes(o) for o in self.octets.values())

    @property
    def open_connections(self):
        return len(self._open)

    def wait_for(self, count=1, deadline=DEADLINE):
        """The requests, once there are as many."""
        return until(
            lambda: self.requests if len(self.requests) >= count else None,
            lambda: f"{count} requests at the upstream, {len(self.requests)} came",
            deadline,
        )

    # How a connection is served

    def _accept(self):
        number = 0
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            number += 1
            threading.Thread(target=self._serve, args=(connection, number), daemon=True).start()

    def _serve(self, connection, number):
        with self._changed:
            self._open[number] = connection
            record = self.octets[number] = bytearray()
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
                self._open[number] = connection
                self.handshakes.append((connection.session_reused, connection.getpeercert()))
            reader = _Reader(connection, number, record)
            while request := reader.request():
                with self._changed:
                    self.requests.append(request)
                    self._changed.notify_all()
                if not self._perform(connection, self.script(request)):
                    return
        except NotPlain as fault:
            self.faults.append(f"connection {number}: {fault}")
            self._perform(connection, answer("not plain", "400 Bad Request", "Connection: close"))
        except (OSError, ValueError):
            pass  # the gateway went away: the record says what came before
        except Exception:
            self.faults.append(traceback.format_exc())
        finally:
            with self._changed:
                self._open.pop(number, None)
            connection.close()

    def _perform(self, connection, steps):
        """Does what a script said; whether the connection goes on."""
        for step in steps if isinstance(steps, (list, tuple)) or hasattr(steps, "__next__") else [steps]:
            if step == CLOSE:
                return False
            if step == RESET:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                return False
            if isinstance(step, threading.Event):
                if not step.wait(60):
                    self.faults.append("a script waited a minute for its test")
                    return False
            elif step:
                connection.sendall(step)
        return True


class _Reader:
    """Reads plain requests from a connection, keeping every octet."""

    def __init__(self, connection, number, record):
        self.connection, self.number, self.record = connection, number, record
        self.buffer = bytearray()

    def _more(self):
        octets = self.connection.recv(65536)
        self.buffer += octets
        self.record += octets
        return bool(octets)

    def _line(self):
        while b"\r\n" not in self.buffer:
            if not self._more():
                raise ValueError("ended within a request")
        line, _, rest = bytes(self.buffer).partition(b"\r\n")
        self.buffer[:] = rest
        if b"\n" in line or b"\r" in line or b"\0" in line:
            raise NotPlain(f"a line with a bare control: {line!r}")
        return line.decode("latin-1")

    def _take(self, count):
        while len(self.buffer) < count:
            if not self._more():
                raise ValueError("ended within content")
        octets = bytes(self.buffer[:count])
        del self.buffer[:count]
        return octets

    def _fields(self):
        fields = []
        while line := self._line():
            name, colon, value = line.partition(":")
            if not colon or not name or name != name.strip():
                raise NotPlain(f"a bad field line: {line!r}")
            fields.append((name, value.strip(" \t")))
        return fields

    def request(self):
        while not self.buffer:
            if not self._more():
                return None
        parts = self._line().split(" ")
        if len(parts) != 3 or parts[2] != "HTTP/1.1":
            raise NotPlain(f"a bad request line: {parts!r}")
        fields = self._fields()
        of = lambda wanted: [v for n, v in fields if n.lower() == wanted]
        lengths, codings, trailers = of("content-length"), of("transfer-encoding"), []
        if len(lengths) + len(codings) > 1:
            raise NotPlain(f"two framings: {lengths} {codings}")
        if codings:
            if codings[0].lower() != "chunked":
                raise NotPlain(f"a strange coding: {codings}")
            content = b"".join(self._chunks())
            trailers = self._fields()
        else:
            content = self._take(int(lengths[0])) if lengths else b""
        return Request(parts[0], parts[1], fields, content, self.number, trailers)

    def _chunks(self):
        while size := int(self._line(), 16):
            yield self._take(size)
            if self._line():
                raise NotPlain("a chunk that does not end where it said")
