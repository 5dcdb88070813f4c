"""A client of HTTP/2 frames: sends what it is told, lawful or not, and shows what came back frame by frame.

Frames are hyperframe's and field lists hpack's, which are other people's reading of RFC 9113 and RFC 7541; where a test
needs octets that no library would make, it gives octets.
"""

import socket
import struct

import hpack
from hyperframe.frame import (
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from waiting import DEADLINE

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED, FRAME_SIZE_ERROR = range(7)
REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, CONNECT_ERROR, ENHANCE_YOUR_CALM = range(7, 12)


def frame(type, flags=0, stream=0, payload=b"", length=None):
    """A frame's octets, whatever they are worth."""
    length = len(payload) if length is None else length
    return struct.pack(">I", length)[1:] + bytes([type, flags]) + struct.pack(">I", stream) + payload


def literal(name, value):
    """A literal field without indexing (RFC 7541 6.2.2), whatever it holds."""
    name, value = (t.encode("latin-1") if isinstance(t, str) else t for t in (name, value))
    return b"\0" + _length(len(name)) + name + _length(len(value)) + value


def _length(count):
    if count < 127:
        return bytes([count])
    octets, rest = [127], count - 127
    while rest >= 128:
        octets.append(rest % 128 + 128)
        rest //= 128
    return bytes(octets + [rest])


def block(*fields):
    return b"".join(literal(n, v) for n, v in fields)


class Ended(AssertionError):
    """The connection ended where something was awaited."""


class Stream:
    """What came on one stream."""

    def __init__(self):
        self.heads, self.trailers, self.content = [], None, bytearray()
        self.has_ended, self.reset = False, None

    @property
    def head(self):
        return dict(self.heads[-1]) if self.heads else {}

    @property
    def status(self):
        return int(self.head.get(":status", 0))

    @property
    def is_over(self):
        return self.has_ended or self.reset is not None

    @property
    def outcome(self):
        """In a word: the status, and how it ended."""
        if self.reset is not None and not self.has_ended:
            return f"reset {self.reset}"
        return self.status


class FrameClient:
    """One connection. `send` octets; `stream(n)` waits for a stream's end; `goodbye` for a GOAWAY's code."""

    def __init__(self, port, host="localhost", tls=None, deadline=DEADLINE, opens=True, settings=None, acks=True):
        self.host = host
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=deadline)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
            assert self.socket.selected_alpn_protocol() == "h2", self.socket.selected_alpn_protocol()
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.decoder.max_header_list_size = 1 << 20
        self.buffer = bytearray()
        self.streams, self.frames, self.settings = {}, [], {}
        self.gone, self.has_ended, self.acks = [], False, acks
        self.next = 1
        self._block = None
        if opens:
            self.send(PREFACE + SettingsFrame(settings=settings or {}).serialize())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, octets):
        try:
            self.socket.sendall(octets)
        except OSError:
            pass  # it has hung up: what it said before is still to be read
        return self

    # Requests

    def head(self, *fields, method="GET", path="/public/x", more=()):
        fields = fields or (
            (":method", method),
            (":scheme", "http"),
            (":path", path),
            (":authority", self.host),
        )
        return [*fields, *more]

    def open(self, fields=None, ends=True, content=None, **options):
        """Begins a stream; its number."""
        number, self.next = self.next, self.next + 2
        payload = self.encoder.encode(fields or self.head(**options))
        ends = ends and content is None
        pieces = [payload[i : i + 16384] for i in range(0, len(payload), 16384)] or [b""]
        for i, piece in enumerate(pieces):
            flags = (0x4 if i == len(pieces) - 1 else 0) | (0x1 if ends and i == 0 else 0)
            self.send(frame(9 if i else 1, flags, number, piece))
        if content is not None:
            self.send(frame(0, 0x1, number, content))
        return number

    def ask(self, fields=None, **options):
        """A request, and its stream once that is over."""
        return self.stream(self.open(fields, **options))

    # What came

    def read(self, timeout=None):
        """One frame, or None at the end or when the time is up."""
        while True:
            if len(self.buffer) >= 9:
                made, length = Frame.parse_frame_header(memoryview(self.buffer)[:9])
                if len(self.buffer) >= 9 + length:
                    made.parse_body(memoryview(bytes(self.buffer[9 : 9 + length])))
                    del self.buffer[: 9 + length]
                    self._note(made)
                    return made
            if self.has_ended:
                return None
            self.socket.settimeout(DEADLINE if timeout is None else timeout)
            try:
                octets = self.socket.recv(65536)
            except TimeoutError:
                if timeout is None:
                    raise AssertionError(f"nothing came in time; before: {self.frames[-5:]}") from None
                return None
            except OSError:
                octets = b""
            self.has_ended = not octets
            self.buffer += octets

    def _note(self, made):
        self.frames.append(made)
        stream = self.streams.setdefault(made.stream_id, Stream()) if made.stream_id else None
        if isinstance(made, SettingsFrame):
            if "ACK" not in made.flags:
                self.settings.update(made.settings)
                if self.acks:
                    self.send(SettingsFrame(flags=["ACK"]).serialize())
        elif isinstance(made, HeadersFrame):
            assert "END_HEADERS" in made.flags, "a head in several frames"
            fields = self.decoder.decode(made.data)
            if fields and fields[0][0] == ":status":
                stream.heads.append(fields)
            else:
                stream.trailers = fields
        elif isinstance(made, DataFrame):
            stream.content += made.data
        elif isinstance(made, RstStreamFrame):
            stream.reset = made.error_code
        elif isinstance(made, GoAwayFrame):
            self.gone.append((made.error_code, made.last_stream_id))
        if "END_STREAM" in getattr(made, "flags", ()):
            stream.has_ended = True

    def stream(self, number):
        """The stream, once it is over. Windows are opened by what came."""
        while not self.streams.setdefault(number, Stream()).is_over:
            made = self.read()
            if made is None:
                raise Ended(f"the connection ended within stream {number}: {self.gone}")
            if isinstance(made, DataFrame) and made.data:
                self.send(
                    WindowUpdateFrame(0, window_increment=len(made.data)).serialize()
                    + WindowUpdateFrame(made.stream_id, window_increment=len(made.data)).serialize()
                )
        return self.streams[number]

    def ping(self):
        """Whether it answers: everything sent before has then been read."""
        self.send(PingFrame(opaque_data=b"in-order").serialize())
        while made := self.read():
            if isinstance(made, PingFrame) and "ACK" in made.flags:
                return True
        return False

    def until(self, kind):
        while made := self.read():
            if isinstance(made, kind):
                return made
        raise Ended(f"no {kind.__name__}; {self.gone}")

    def goodbye(self, deadline=DEADLINE):
        """The code of the last GOAWAY before the end; None for an end without one."""
        while self.read(deadline) is not None:
            pass
        assert self.has_ended, "the connection goes on"
        return self.gone[-1][0] if self.gone else None
