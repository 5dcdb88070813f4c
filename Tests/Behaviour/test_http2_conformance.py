"""Frames of HTTP/2 and what they must lead to: RFC 9113 and RFC 7541, section by section, one row a rule.

A row sends frames on a connection that has exchanged settings, and says what comes of it: an answer, a reset stream, or
the connection's end with a code. Whatever it is, another client is answered afterwards, and what was refused never
reached the upstream.
"""

import struct
import threading

import pytest
from hpack import Encoder
from hyperframe.frame import DataFrame, PingFrame, RstStreamFrame, SettingsFrame

from fixtures import running
from frames import *  # noqa: F403 - the names of frames and codes
from gateway import config_for
from provider import ScriptedProvider
from upstream import RecordingUpstream, answer, echo
from waiting import free_port

HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION, DATA = 1, 2, 3, 4, 5, 6, 7, 8, 9, 0
END_STREAM, END_HEADERS, PADDED, PRIORITIZED, ACK = 0x1, 0x4, 0x8, 0x20, 0x1


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A gateway that speaks HTTP/2 on a plain port, in front of an upstream that can be slow."""
    provider, slow = ScriptedProvider(), threading.Event()

    def script(request):
        if "/slow" in request.target:
            return [slow, answer("late")]
        if "/big" in request.target:
            return answer(b"x" * 100_000)
        return echo(request)

    upstream, port = RecordingUpstream(script), free_port()
    routes = [
        {"path": "/public/*", "access": "public", "upstream": "site"},
        {"path": "/*", "upstream": "site"},
    ]
    config = config_for(
        provider, {"site": upstream}, routes, port=port, listeners=[{"address": f"127.0.0.1:{port}", "h2c": True}]
    )
    starting = running(tmp_path_factory.mktemp("house"))
    start = next(starting)
    house = start(config)
    house.upstream = upstream
    yield house
    slow.set()
    next(starting, None)
    upstream.close()
    provider.stop()


class Row:
    """What is sent (octets, or a function of the client), and what comes of it."""

    def __init__(self, says, sends, then, reaches=False, **options):
        self.says, self.sends, self.then, self.reaches, self.options = says, sends, then, reaches, options


def answered(status, content=None):
    def check(client):
        stream = client.stream(1)
        assert stream.outcome == status, (stream.outcome, client.gone)
        if content is not None:
            assert bytes(stream.content) == content

    return check


def reset(*codes):
    """The stream, and no more than that: the connection goes on."""

    def check(client):
        stream = client.stream(1)
        assert stream.reset in codes, (stream.outcome, stream.reset, client.gone)
        assert client.ping()

    return check


def refused(client):
    """A reset or a 400: whatever, and no more than that."""
    stream = client.stream(1)
    assert stream.reset == PROTOCOL_ERROR or stream.status in (400, 405, 421), (stream.outcome, client.gone)
    assert client.ping()


def ended(*codes):
    """The connection, with one of these codes."""
    return lambda client: assert_ended(client, codes)


def assert_ended(client, codes):
    code = client.goodbye()
    assert code in codes, f"ended with {code}: {client.frames}"


def goes_on(client):
    assert client.ping(), client.gone
    assert client.ask().outcome == 200


def fields(*more, method="GET", path="/public/row", host="localhost", scheme="http", without=()):
    given = [(":method", method), (":scheme", scheme), (":path", path), (":authority", host)]
    return [f for f in given if f[0] not in without] + list(more)


def head(*more, stream=1, ends=True, flags=END_HEADERS, **options):
    """A HEADERS frame of literals."""
    return frame(HEADERS, flags | (END_STREAM if ends else 0), stream, block(*fields(*more, **options)))


def raw_head(payload, stream=1, flags=END_HEADERS | END_STREAM):
    return frame(HEADERS, flags, stream, payload)


def settings(*entries, flags=0, stream=0):
    return frame(SETTINGS, flags, stream, b"".join(struct.pack(">HI", i, v) for i, v in entries))


def window(increment, stream=0):
    return frame(WINDOW, 0, stream, struct.pack(">I", increment))


OPEN = head(ends=False, path="/public/open")
SLOW = head(path="/public/slow")
DONE = head(path="/public/done")


def then_more(first, *more):
    """Sends the first, waits for its stream's end, and sends the rest."""

    def send(client):
        client.send(first)
        client.stream(1)
        client.streams.pop(1)
        client.send(b"".join(more))

    return send


def cut(octets, *at):
    """In pieces, so that they come in different reads."""

    def send(client):
        start = 0
        for end in [*at, len(octets)]:
            client.send(octets[start:end])
            start = end

    return send


BASE = block(*fields())
HUFFMAN_PATH = Encoder().encode(fields(), huffman=True)

ROWS = [
    # RFC 9113 section 3.4: the preface.
    Row("3.4 settings come first", b"", lambda c: isinstance(c.frames[0], SettingsFrame) or pytest.fail("no settings")),
    Row("3.4 a preface in pieces", PREFACE + settings() + DONE, answered(200), opens=False, reaches=True),
    Row("3.4 another frame than settings first", PREFACE + frame(PING, payload=b"12345678"), ended(PROTOCOL_ERROR), opens=False),
    Row("3.4 headers before settings", PREFACE + head(), ended(PROTOCOL_ERROR), opens=False),
    # Section 4: frames.
    Row("4.1 an unknown type is ignored", frame(0x77, 0xFF, 0, b"12345678"), goes_on),
    Row("4.1 undefined flags are ignored", frame(PING, 0x16, 0, b"12345678"), goes_on),
    Row("4.1 the reserved bit is ignored", frame(PING, 0, 1 << 31, b"12345678"), goes_on),
    Row("4.2 content of 16384 octets", OPEN + frame(DATA, END_STREAM, 1, b"a" * 16384), answered(200), reaches=True),
    Row("4.2 content of 16385 octets", OPEN + frame(DATA, END_STREAM, 1, b"a" * 16385), ended(FRAME_SIZE_ERROR), reaches=True),
    Row("4.2 a head of 16385 octets", raw_head(b"\0" * 16385), ended(FRAME_SIZE_ERROR)),
    Row("4.2 a head announced as 16 MB", frame(HEADERS, 5, 1, b"", length=0xFFFFFF), ended(FRAME_SIZE_ERROR, ENHANCE_YOUR_CALM)),
    Row("4.2 settings of 16386 octets", frame(SETTINGS, 0, 0, b"\0\x77\0\0\0\0" * 2731), ended(FRAME_SIZE_ERROR, ENHANCE_YOUR_CALM)),
    Row("4.3 a block that cannot be read", raw_head(b"\xff\xff\xff\xff\xff"), ended(COMPRESSION_ERROR)),
    Row("4.3 a priority within a block", head(flags=0) + frame(PRIORITY, 0, 1, b"\0\0\0\0\1"), ended(PROTOCOL_ERROR)),
    Row("4.3 another stream's head within a block", head(flags=0) + head(stream=3), ended(PROTOCOL_ERROR)),
    Row("4.3 content within a block", head(flags=0, ends=False) + frame(DATA, 0, 1, b"x"), ended(PROTOCOL_ERROR)),
    # Section 5.1: states.
    Row("5.1 content on an idle stream", frame(DATA, END_STREAM, 1, b"x"), ended(PROTOCOL_ERROR, STREAM_CLOSED)),
    Row("5.1 a reset of an idle stream", frame(RST, 0, 1, b"\0\0\0\x08"), ended(PROTOCOL_ERROR)),
    Row("5.1 a window on an idle stream", window(100, 1), ended(PROTOCOL_ERROR)),
    Row("5.1 a continuation on an idle stream", frame(CONTINUATION, 4, 1, BASE), ended(PROTOCOL_ERROR)),
    Row("5.1 a priority on an idle stream", frame(PRIORITY, 0, 3, b"\0\0\0\0\1"), goes_on),
    Row("5.1 content behind the end of a stream", SLOW + frame(DATA, END_STREAM, 1, b"x"), ended(STREAM_CLOSED), reaches=True),
    Row("5.1 a head behind the end of a stream", SLOW + head(), ended(STREAM_CLOSED), reaches=True),
    Row("5.1 a continuation behind the end of a stream", SLOW + frame(CONTINUATION, 4, 1, BASE), ended(PROTOCOL_ERROR, STREAM_CLOSED), reaches=True),
    Row("5.1 content on a stream that we reset", OPEN + frame(RST, 0, 1, b"\0\0\0\x08") + frame(DATA, 1, 1, b"x"), ended(STREAM_CLOSED), reaches=True),
    Row("5.1 a head on a stream that we reset", OPEN + frame(RST, 0, 1, b"\0\0\0\x08") + head(), ended(STREAM_CLOSED, PROTOCOL_ERROR), reaches=True),
    Row("5.1 content on a stream that is over", then_more(DONE, frame(DATA, END_STREAM, 1, b"x")), ended(STREAM_CLOSED), reaches=True),
    Row("5.1 a head on a stream that is over", then_more(DONE, head()), ended(STREAM_CLOSED, PROTOCOL_ERROR), reaches=True),
    Row("5.1 a continuation on a stream that is over", then_more(DONE, frame(CONTINUATION, 4, 1, BASE)), ended(PROTOCOL_ERROR, STREAM_CLOSED), reaches=True),
    Row("5.1 a window on a stream that is over", then_more(DONE, window(10, 1)), lambda c: c.ping() or pytest.fail("ended"), reaches=True),
    Row("5.1 a reset of a stream that is over", then_more(DONE, frame(RST, 0, 1, b"\0\0\0\x08")), lambda c: c.ping() or pytest.fail("ended"), reaches=True),
    Row("5.1.1 an even stream", head(stream=2), ended(PROTOCOL_ERROR)),
    Row("5.1.1 stream 0", head(stream=0), ended(PROTOCOL_ERROR)),
    Row("5.1.1 a stream below one before", head(stream=5, path="/public/slow") + head(stream=3), ended(PROTOCOL_ERROR, STREAM_CLOSED), reaches=True),
    Row("5.1.1 the last stream there is", head(stream=0x7FFFFFFF), lambda c: c.stream(0x7FFFFFFF).outcome == 200 or pytest.fail("refused"), reaches=True),
    # Section 5.3, 5.5: priorities, extensions.
    Row("5.3 a head with a priority", raw_head(b"\0\0\0\0\xff" + BASE, flags=0x25), answered(200), reaches=True),
    Row("5.3 a head that depends on itself", raw_head(b"\0\0\0\1\xff" + BASE, flags=0x25), ended(PROTOCOL_ERROR)),
    Row("5.3 a priority that depends on itself", OPEN + frame(PRIORITY, 0, 1, b"\0\0\0\1\x10"), lambda c: None, reaches=True),
    Row("5.5 an unknown frame on a stream", OPEN + frame(0x16, 0, 1, b"x") + frame(DATA, 1, 1, b"x"), answered(200), reaches=True),
    Row("5.5 an unknown frame within a block", head(flags=0) + frame(0x16, 0, 0, b"x"), ended(PROTOCOL_ERROR)),
    Row("5.5 ALTSVC and ORIGIN are ignored", frame(0xA, 0, 0, b"\0\0h2=x") + frame(0xC, 0, 0, b"\0\1a"), goes_on),
    Row("5.5 PRIORITY_UPDATE", frame(0x10, 0, 0, b"\0\0\0\1u=1") + DONE, answered(200), reaches=True),
    # Section 6.1: DATA.
    Row("6.1 content on stream 0", frame(DATA, 0, 0, b"x"), ended(PROTOCOL_ERROR)),
    Row("6.1 padding longer than the frame", OPEN + frame(DATA, PADDED | END_STREAM, 1, b"\x06xxxxx"), ended(PROTOCOL_ERROR), reaches=True),
    Row("6.1 padding as long as the frame", OPEN + frame(DATA, PADDED | END_STREAM, 1, b"\x05\0\0\0\0"), ended(PROTOCOL_ERROR), reaches=True),
    Row("6.1 padding", OPEN + frame(DATA, PADDED | END_STREAM, 1, b"\x03hello\0\0\0"), answered(200), reaches=True),
    Row("6.1 an empty last frame", OPEN + frame(DATA, 0, 1, b"x") + frame(DATA, END_STREAM, 1), answered(200), reaches=True),
    # Section 6.2: HEADERS.
    Row("6.2 padding", raw_head(b"\x03" + BASE + b"\0\0\0", flags=0xD), answered(200), reaches=True),
    Row("6.2 padding longer than the frame", raw_head(b"\xff" + BASE, flags=0xD), ended(PROTOCOL_ERROR)),
    Row("6.2 padding and priority", raw_head(b"\x03\0\0\0\0\xff" + BASE + b"\0\0\0", flags=0x2D), answered(200), reaches=True),
    Row("6.2 a priority of too few octets", frame(HEADERS, 0x25, 1, b"\0\0\0"), ended(FRAME_SIZE_ERROR, PROTOCOL_ERROR)),
    # Section 6.3: PRIORITY.
    Row("6.3 on stream 0", frame(PRIORITY, 0, 0, b"\0\0\0\0\1"), ended(PROTOCOL_ERROR)),
    Row("6.3 of 4 octets", OPEN + frame(PRIORITY, 0, 1, b"\0\0\0\0"), ended(FRAME_SIZE_ERROR), reaches=True),
    Row("6.3 of 6 octets", OPEN + frame(PRIORITY, 0, 1, b"\0\0\0\0\0\0"), ended(FRAME_SIZE_ERROR), reaches=True),
    # Section 6.4: RST_STREAM.
    Row("6.4 on stream 0", frame(RST, 0, 0, b"\0\0\0\x08"), ended(PROTOCOL_ERROR)),
    Row("6.4 of 3 octets", OPEN + frame(RST, 0, 1, b"\0\0\0"), ended(FRAME_SIZE_ERROR), reaches=True),
    Row("6.4 of 5 octets", OPEN + frame(RST, 0, 1, b"\0\0\0\0\0"), ended(FRAME_SIZE_ERROR), reaches=True),
    Row("6.4 of a request under way", SLOW + frame(RST, 0, 1, b"\0\0\0\x08"), lambda c: c.ping() or pytest.fail("ended"), reaches=True),
    # Section 6.5: SETTINGS.
    Row("6.5 an ACK with content", frame(SETTINGS, ACK, 0, b"\0"), ended(FRAME_SIZE_ERROR)),
    Row("6.5 on a stream", settings(stream=1), ended(PROTOCOL_ERROR)),
    Row("6.5 of 5 octets", frame(SETTINGS, 0, 0, b"\0\3\0\0\0"), ended(FRAME_SIZE_ERROR)),
    Row("6.5 are acknowledged", settings((3, 50)), lambda c: "ACK" in c.until(SettingsFrame).flags or "ACK" in c.until(SettingsFrame).flags or pytest.fail("no ACK")),
    Row("6.5 an unknown setting is ignored", settings((0x77, 1)), goes_on),
    Row("6.5 the same setting twice: the last counts", settings((4, 1), (4, 65535)) + head(path="/public/x"), answered(200), reaches=True),
    Row("6.5.2 push that is neither on nor off", settings((2, 2)), ended(PROTOCOL_ERROR)),
    Row("6.5.2 push may be wanted", settings((2, 1)), goes_on),
    Row("6.5.2 a window beyond 2^31-1", settings((4, 0x80000000)), ended(FLOW_CONTROL_ERROR)),
    Row("6.5.2 frames below 2^14", settings((5, 16383)), ended(PROTOCOL_ERROR)),
    Row("6.5.2 frames beyond 2^24-1", settings((5, 0x1000000)), ended(PROTOCOL_ERROR)),
    Row("6.5.2 frames of 2^24-1", settings((5, 0xFFFFFF)), goes_on),
    Row("6.5.2 no table", settings((1, 0)) + DONE, answered(200), reaches=True),
    Row("6.5.2 a huge table", settings((1, 0xFFFFFFFF)) + DONE, answered(200), reaches=True),
    Row("6.5.2 a tiny list of fields", settings((6, 1)) + DONE, answered(200), reaches=True),
    Row("RFC 8441 extended CONNECT that is neither on nor off", settings((8, 2)), ended(PROTOCOL_ERROR)),
    # Section 6.6: PUSH_PROMISE.
    Row("6.6 from a client", OPEN + frame(PUSH, 4, 1, b"\0\0\0\2" + BASE), ended(PROTOCOL_ERROR), reaches=True),
    Row("6.6 from a client on stream 0", frame(PUSH, 4, 0, b"\0\0\0\2" + BASE), ended(PROTOCOL_ERROR)),
    # Section 6.7: PING.
    Row("6.7 is answered with what it held", frame(PING, 0, 0, b"abcdefgh"), lambda c: c.until(PingFrame).opaque_data == b"abcdefgh" or pytest.fail("another")),
    Row("6.7 an answer is not answered", frame(PING, ACK, 0, b"abcdefgh") + frame(PING, 0, 0, b"12345678"), lambda c: c.until(PingFrame).opaque_data == b"12345678" or pytest.fail("answered")),
    Row("6.7 on a stream", frame(PING, 0, 1, b"12345678"), ended(PROTOCOL_ERROR)),
    Row("6.7 of 6 octets", frame(PING, 0, 0, b"123456"), ended(FRAME_SIZE_ERROR)),
    Row("6.7 of 9 octets", frame(PING, 0, 0, b"123456789"), ended(FRAME_SIZE_ERROR)),
    # Section 6.8: GOAWAY.
    Row("6.8 on a stream", frame(GOAWAY, 0, 1, b"\0" * 8), ended(PROTOCOL_ERROR)),
    Row("6.8 of 7 octets", frame(GOAWAY, 0, 0, b"\0" * 7), ended(FRAME_SIZE_ERROR)),
    Row("6.8 what is under way is answered", head(path="/public/x") + frame(GOAWAY, 0, 0, b"\0" * 8), answered(200), reaches=True),
    # Section 6.9: windows.
    Row("6.9 of nothing", window(0), ended(PROTOCOL_ERROR)),
    Row("6.9 of nothing on a stream", OPEN + window(0, 1), ended(PROTOCOL_ERROR), reaches=True),
    Row("6.9 of 3 octets", frame(WINDOW, 0, 0, b"\0\0\1"), ended(FRAME_SIZE_ERROR)),
    Row("6.9.1 past 2^31-1", window(0x7FFFFFFF) + window(0x7FFFFFFF), ended(FLOW_CONTROL_ERROR)),
    Row("6.9.1 past 2^31-1 on a stream", OPEN + window(0x7FFFFFFF, 1), reset(FLOW_CONTROL_ERROR), reaches=True),
    Row("6.9.1 a content of one octet at a time", settings((4, 1)) + head(path="/public/x"), lambda c: len(c.until(DataFrame).data) == 1 or pytest.fail("more"), reaches=True),
    Row("6.9.1 more content than the window", lambda c: c.send(OPEN + b"".join(frame(DATA, 0, 1, b"a" * 16384) for _ in range(64))), lambda c: None, reaches=True),
    Row("6.9.2 a change of the window counts for streams that are open", lambda c: (c.send(settings((4, 0)) + head(path="/public/x")), c.ping(), c.send(settings((4, 1)))), lambda c: len(c.until(DataFrame).data) == 1 or pytest.fail("more"), reaches=True),
    Row("6.9.2 a window below nothing", lambda c: (c.send(settings((4, 3)) + head(path="/public/x")), c.until(DataFrame), c.send(settings((4, 2)) + window(2, 1))), lambda c: len(c.until(DataFrame).data) == 1 or pytest.fail("more"), reaches=True),
    Row("6.9.2 a change that takes a window past 2^31-1", OPEN + window(0x7FFF0000, 1) + settings((4, 0x7FFFFFFF)), lambda c: c.stream(1).reset == FLOW_CONTROL_ERROR or pytest.fail("goes on"), reaches=True),
    # Section 6.10: CONTINUATION.
    Row("6.10 a block in three frames", raw_head(BASE[:5], flags=1) + frame(CONTINUATION, 0, 1, BASE[5:9]) + frame(CONTINUATION, 4, 1, BASE[9:]), answered(200), reaches=True),
    Row("6.10 an empty block's rest", raw_head(BASE, flags=1) + frame(CONTINUATION, 4, 1), answered(200), reaches=True),
    Row("6.10 on stream 0", head(flags=0) + frame(CONTINUATION, 4, 0), ended(PROTOCOL_ERROR)),
    Row("6.10 on another stream", head(flags=0) + frame(CONTINUATION, 4, 3), ended(PROTOCOL_ERROR)),
    Row("6.10 behind a block's end", head(path="/public/slow") + frame(CONTINUATION, 4, 1, BASE), ended(PROTOCOL_ERROR, STREAM_CLOSED), reaches=True),
    Row("6.10 behind content", OPEN + frame(DATA, 0, 1, b"x") + frame(CONTINUATION, 4, 1, BASE), ended(PROTOCOL_ERROR), reaches=True),
    # Section 7: codes.
    Row("7 a GOAWAY of an unknown code, with nothing under way", frame(GOAWAY, 0, 0, b"\0\0\0\0\0\0\0\xff"), ended(None, NO_ERROR)),
    Row("7 a reset of an unknown code", SLOW + frame(RST, 0, 1, b"\0\0\0\xff"), lambda c: c.ping() or pytest.fail("ended"), reaches=True),
    # Section 8.1: messages.
    Row("8.1 HEAD has no content", head(method="HEAD"), answered(200, b""), reaches=True),
    Row("8.1 trailers end a request", OPEN + frame(DATA, 0, 1, b"x") + raw_head(block(("x-sum", "1"))), answered(200), reaches=True),
    Row("8.1 trailers without content", OPEN + raw_head(block(("x-sum", "1"))), answered(200), reaches=True),
    Row("8.1 trailers that are not the end", OPEN + raw_head(block(("x-sum", "1")), flags=4), reset(PROTOCOL_ERROR), reaches=True),
    Row("8.1 a second head", OPEN + head(), reset(PROTOCOL_ERROR), reaches=True),
    *[
        Row(f"8.1 pseudo-field {name} in trailers", OPEN + raw_head(block((name, value))), reset(PROTOCOL_ERROR), reaches=True)
        for name, value in ((":method", "GET"), (":path", "/"), (":status", "200"))
    ],
    Row("8.1 a name in upper case in trailers", OPEN + raw_head(block(("X-Sum", "1"))), reset(PROTOCOL_ERROR), reaches=True),
    # Section 8.1.1: content-length.
    Row("8.1.1 no content, and a length", head(("content-length", "5")), reset(PROTOCOL_ERROR)),
    Row("8.1.1 less than the length", head(("content-length", "5"), ends=False) + frame(DATA, 1, 1, b"four"), reset(PROTOCOL_ERROR), reaches=True),
    Row("8.1.1 more than the length", head(("content-length", "1"), ends=False) + frame(DATA, 1, 1, b"two"), reset(PROTOCOL_ERROR), reaches=True),
    Row("8.1.1 more than the length, in two frames", head(("content-length", "3"), ends=False) + frame(DATA, 0, 1, b"two") + frame(DATA, 1, 1, b"two"), reset(PROTOCOL_ERROR), reaches=True),
    Row("8.1.1 content beside a length of 0", head(("content-length", "0"), ends=False) + frame(DATA, 1, 1, b"x"), reset(PROTOCOL_ERROR), reaches=True),
    Row("8.1.1 the length, in two frames", head(("content-length", "4"), ends=False) + frame(DATA, 0, 1, b"ab") + frame(DATA, 1, 1, b"cd"), answered(200), reaches=True),
    Row("8.1.1 trailers before the length", head(("content-length", "4"), ends=False) + frame(DATA, 0, 1, b"ab") + raw_head(block(("x", "1"))), reset(PROTOCOL_ERROR), reaches=True),
    Row("8.1.1 two lengths", head(("content-length", "1"), ("content-length", "1"), ends=False) + frame(DATA, 1, 1, b"x"), refused),
    *[
        Row(f"8.1.1 a length of {length!r}", head(("content-length", length), ends=False) + frame(DATA, 1, 1, b"x"), refused)
        for length in ("", "+1", "-1", "1,1", "0x1", "1 ", "99999999999999999999")
    ],
    # Section 8.2: fields.
    *[
        Row(f"8.2.1 a name of {name!r}", head((name, "1")), reset(PROTOCOL_ERROR))
        for name in ("X-Upper", "xuppeR", "", "x y", "x\ty", "x\r\n", "x\ny", "x\0", "x:y", "x\x7f", "x\x80", "x\xff", "x(", "x/y", "x,y", 'x"')
    ],
    *[
        Row(f"8.2.1 a value of {value!r}", head(("x-a", value)), reset(PROTOCOL_ERROR))
        for value in ("a\0b", "a\rb", "a\nb", "a\r\nhost: b", "a\r\n\r\nGET / HTTP/1.1", " a", "a ", "\ta", "a\t", "\n", "a\x01", "a\x7f")
    ],
    Row("8.2.1 a value of other octets", head(("x-a", "\xe4\x80\xff")), answered(200), reaches=True),
    Row("8.2.1 an empty value", head(("x-a", "")), answered(200), reaches=True),
    *[
        Row(f"8.2.2 {name}: {value}", head((name, value)), reset(PROTOCOL_ERROR))
        for name, value in (
            ("connection", "close"),
            ("connection", "x-forwarded-user"),
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "keep-alive"),
            ("transfer-encoding", "chunked"),
            ("transfer-encoding", "identity"),
            ("upgrade", "websocket"),
            ("te", "gzip"),
            ("te", "trailers, deflate"),
        )
    ],
    Row("8.2.2 te: trailers", head(("te", "trailers")), answered(200), reaches=True),
    Row("8.2.2 an upgrade to h2c is no field of ours", head(("http2-settings", "AAMAAABk")), answered(200), reaches=True),
    # Section 8.3: pseudo-fields.
    *[
        Row(f"8.3.1 no {name}", head(without=(name,)), refused) for name in (":method", ":scheme", ":path", ":authority")
    ],
    *[
        Row(f"8.3 {name} twice", head((name, value)), reset(PROTOCOL_ERROR))
        for name, value in ((":method", "GET"), (":scheme", "http"), (":path", "/public/y"), (":authority", "localhost"))
    ],
    Row("8.3 an unknown pseudo-field", head((":x", "y")), reset(PROTOCOL_ERROR)),
    Row("8.3 an answer's pseudo-field", head((":status", "200")), reset(PROTOCOL_ERROR)),
    Row("8.3 a pseudo-field behind a field", raw_head(block(*fields(without=(":path",)), ("x", "1"), (":path", "/public/y"))), reset(PROTOCOL_ERROR)),
    Row("8.3 :protocol without CONNECT", head((":protocol", "websocket")), reset(PROTOCOL_ERROR)),
    *[
        Row(f"8.3.1 a path of {path!r}", head(path=path), refused)
        for path in ("", "public/x", "*", "http://localhost/public/x", "//\0", "/public/a b", "/public/\r\nx: y", "/public/\n", "/public/#x", "/public/\x7f", "/public/\xe4", "/public/%2f", "/public/..%2fx", "/public/%2e%2e/x", "\\public")
    ],
    *[
        Row(f"8.3.1 a method of {method!r}", head(method=method), refused)
        for method in ("", "GET /admin HTTP/1.1", "GE T", "GET\r\nx: y", "G\0T", "GET ", "G@T", "CONNECT", "TRACE")
    ],
    *[
        Row(f"8.3.1 an authority of {host!r}", head(host=host), refused)
        for host in ("other.example", "localhost\r\nx: y", "local host", "user@localhost", "localhost,evil", "localhost:x", "localhost/", "[::1", "\0")
    ],
    *[
        Row(f"8.3.1 a scheme of {scheme!r}", head(scheme=scheme), refused)
        for scheme in ("", "ftp", "http\r\nx: y", "http://x")
    ],
    Row("8.3.1 the same host twice", head(("host", "localhost")), answered(200), reaches=True),
    Row("8.3.1 a host alone", head(("host", "localhost"), without=(":authority",)), answered(200), reaches=True),
    Row("8.3.1 another host beside the authority", head(("host", "other.example")), refused),
    Row("8.3.1 two hosts", head(("host", "localhost"), ("host", "localhost"), without=(":authority",)), refused),
    Row("8.3.1 OPTIONS of everything", head(method="OPTIONS", path="*"), answered(200)),
    Row("8.5 CONNECT", raw_head(block((":method", "CONNECT"), (":authority", "localhost:443")), flags=4), refused),
    Row("8.5 CONNECT with a path", head(method="CONNECT"), reset(PROTOCOL_ERROR)),
    Row("RFC 8441 a tunnel for another protocol", raw_head(block(*fields((":protocol", "connect-udp"), method="CONNECT")), flags=4), reset(PROTOCOL_ERROR)),
    Row("RFC 8441 a tunnel that is over at once", raw_head(block(*fields((":protocol", "websocket"), method="CONNECT"))), reset(PROTOCOL_ERROR)),
    # RFC 7541.
    Row("7541 2.3.3 index 0", raw_head(b"\x80"), ended(COMPRESSION_ERROR)),
    Row("7541 2.3.3 an index past both tables", raw_head(b"\xbe"), ended(COMPRESSION_ERROR)),
    Row("7541 2.3.3 a name's index past both tables", raw_head(b"\x7e\1a"), ended(COMPRESSION_ERROR)),
    Row("7541 4.2 a table's size behind a field", raw_head(BASE + b"\x20"), ended(COMPRESSION_ERROR)),
    Row("7541 4.2 a table's size at the front", raw_head(b"\x20" + BASE), answered(200), reaches=True),
    Row("7541 4.2 two sizes at the front", raw_head(b"\x20\x3f\xe1\x1f" + BASE), answered(200), reaches=True),
    Row("7541 5.1 a number without end", raw_head(b"\x7f" + b"\xff" * 12), ended(COMPRESSION_ERROR)),
    Row("7541 5.1 a string past the block", raw_head(b"\0\x7f\x7f\x7f"), ended(COMPRESSION_ERROR, PROTOCOL_ERROR)),
    Row("7541 5.2 Huffman", raw_head(HUFFMAN_PATH), answered(200), reaches=True),
    Row("7541 5.2 padding of more than 7 bits", raw_head(BASE + b"\0\1x\x85\x1c\x64\x2d\xff\xff"), ended(COMPRESSION_ERROR)),
    Row("7541 5.2 padding of zeros", raw_head(BASE + b"\0\x85\xf2\xb2\x4a\x84\xff\x83\x49\x50\x90"), ended(COMPRESSION_ERROR)),
    Row("7541 5.2 the end of a string within it", raw_head(BASE + b"\0\1x\x87\x1c\x64\xff\xff\xff\xff\xff"), ended(COMPRESSION_ERROR)),
    Row("7541 6.1 fields by index", raw_head(b"\x82\x86" + literal(":path", "/public/x") + literal(":authority", "localhost")), answered(200), reaches=True),
    Row("7541 6.2.1 a field that enters the table", raw_head(BASE + b"\x40\1x\1y\xbe"), answered(200), reaches=True),
    Row("7541 6.2.2 a name by index", raw_head(BASE + b"\x0f\x2b\1y"), answered(200), reaches=True),
    Row("7541 6.2.3 a field that never enters it", raw_head(BASE + b"\x10\1x\1y"), answered(200), reaches=True),
    Row("7541 6.3 a table larger than allowed", raw_head(b"\x3f\xe2\x1f" + BASE), ended(COMPRESSION_ERROR)),
    Row("a field section of nothing", raw_head(b""), reset(PROTOCOL_ERROR)),
    Row("a block whose stream is reset keeps the table in step", raw_head(BASE + b"\x40\1x\1y\x40\1X\1z") + raw_head(BASE + b"\xbf", stream=3), lambda c: (c.stream(1).reset == PROTOCOL_ERROR and c.stream(3).outcome == 200) or pytest.fail(str(c.frames)), reaches=True),
    Row("frames in pieces of an octet", lambda c: [c.send(bytes([o])) for o in OPEN + frame(DATA, 1, 1, b"hello")], answered(200), reaches=True),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.says)
def test_frames_lead_to_what_the_standard_says(house, row):
    house.upstream.forget()
    with FrameClient(house.port, **row.options) as client:
        if row.options.get("opens", True):
            assert client.ping()
        row.sends(client) if callable(row.sends) else client.send(row.sends)
        row.then(client)
    with FrameClient(house.port) as another:
        assert another.ask(path="/public/another").outcome == 200
    reached = [r.target for r in house.upstream.requests if r.target != "/public/another"]
    assert row.reaches or row.then is goes_on or not reached, f"reached the upstream: {reached}"
    assert not house.upstream.faults


def test_there_are_rows_for_each_rule():
    assert len(ROWS) >= 140
    assert len({row.says for row in ROWS}) == len(ROWS)


def test_octets_that_are_no_preface_are_http_1_1s_to_refuse(house):
    with house.raw() as client:
        client.send(b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n")
        assert client.answer().status in (400, 505)


def test_without_h2c_a_preface_is_refused(house):
    with FrameClient(house.admin_port, opens=False) as client:
        client.send(PREFACE)
        assert b"HTTP/1.1 " in client.socket.recv(4096)


def test_streams_past_the_announced_number_are_refused(house):
    with FrameClient(house.port) as client:
        assert client.ping()
        most = client.settings[SettingsFrame.MAX_CONCURRENT_STREAMS]
        for _ in range(most):
            client.open(path="/public/slow")
        assert client.ask(path="/public/slow").reset == REFUSED_STREAM
        assert client.ping()
