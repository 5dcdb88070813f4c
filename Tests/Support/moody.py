"""Upstreams, clients and sequences of frames that are lawful, half done or wrong by chance.

Each says what it pleases of a few kinds of octets and goes when it pleases; what comes of it is for the test to ask.
"""

import contextlib
import random
import socket
import struct
import time

from frames import PREFACE, block, frame

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 2, 3, 4, 6, 7, 8, 9
END_STREAM, END_HEADERS, ACK = 1, 4, 1
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
HANDSHAKE = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]


def window(stream, octets):
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", octets))


def reset(stream, code):
    return frame(RST_STREAM, 0, stream, struct.pack(">I", code))


def initial_window(octets):
    return frame(SETTINGS, 0, 0, struct.pack(">HI", 4, octets))


def noise(dice):
    return frame(dice.randrange(256), dice.randrange(256), dice.randrange(20), dice.randbytes(dice.randrange(30)))


def flipped(octets, dice):
    octets = bytearray(octets)
    octets[dice.randrange(min(len(octets), 400))] ^= 1 << dice.randrange(8)
    return bytes(octets)


def chunked(dice, sizes):
    chunks = (dice.randrange(1, 40_000) for _ in range(sizes))
    trailers = dice.choice([b"", b"", b"X-T: 1\r\n"])
    return b"".join(b"%x\r\n%s\r\n" % (n, b"k" * n) for n in chunks) + b"0\r\n" + trailers + b"\r\n"


# Upstreams, for BareUpstream


def over_http1(peer):
    dice = random.Random(peer.number)
    while head := peer.head():
        if dice.random() < 0.3:
            time.sleep(dice.random() * 0.05)
        if "websocket" in head and dice.random() < 0.8:
            peer.send(SWITCH + dice.randbytes(dice.randrange(3000)))
            for _ in range(dice.randrange(5)):
                peer.more()
                peer.send(dice.randbytes(dice.randrange(20_000)))
            return
        size = dice.choice([0, 1, 100, 5000, 70_000, 300_000])
        match dice.randrange(12):
            case 0:
                return
            case 1:
                return peer.reset()
            case 2:
                peer.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 204 No\r\n\r\n")
            case 3:
                peer.send("HTTP/1.1 204 No Content\r\n\r\n")
            case 4 | 5:
                octets = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(dice, dice.randrange(5))
                peer.send(octets if dice.random() < 0.9 else octets[: dice.randrange(len(octets))])
            case 6:
                return peer.send(b"HTTP/1.1 200 OK\r\n\r\n" + b"u" * size)
            case 7:
                return peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (size + 10) + b"c" * size)
            case 8:
                return peer.send(dice.randbytes(200))
            case _:
                peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"c" * size)
        # The content, if there was one, is not read: it is taken for the next head, or makes the end.
        if "content-length" in head.lower() or "chunked" in head.lower():
            return


def over_http2(peer):
    dice, streams = random.Random(peer.number), {}
    peer.send(initial_window(dice.choice([0, 10, 65_535, 1 << 20])))
    peer.take(len(PREFACE))
    while len(start := peer.take(9)) == 9:
        kind, flags, stream = start[3], start[4], int.from_bytes(start[5:], "big")
        size = len(peer.take(int.from_bytes(start[:3], "big")))
        out = b""
        if kind in (SETTINGS, PING) and not flags & ACK:
            out += frame(kind, ACK, 0, b"" if kind == SETTINGS else b"12345678")
        elif kind == HEADERS:
            streams.setdefault(stream, "new")
        elif kind == DATA and size and dice.random() < 0.7:
            out += window(0, size) + window(stream, size)
        for each in list(streams)[-20:]:
            for _ in range(dice.randrange(4)):
                out += _said_on(each, streams, dice)
        mood = dice.random()
        if mood < 0.01:
            out += frame(GOAWAY, 0, 0, struct.pack(">II", max(streams, default=0), 0))
        elif mood < 0.015:
            out += noise(dice)
        elif mood < 0.02:
            return
        elif mood < 0.03:
            out += initial_window(dice.choice([0, 1, 70_000]))
        if dice.random() < 0.1:
            time.sleep(dice.random() * 0.03)
        peer.send(out)


def _said_on(stream, streams, dice):
    mood = dice.randrange(20)
    if streams[stream] == "over":
        return b""
    if streams[stream] == "new":
        match mood:
            case 0:
                streams[stream] = "over"
                return reset(stream, dice.choice([0, 1, 7, 8]))
            case 1:
                return frame(HEADERS, END_HEADERS, stream, block((":status", "103"), ("link", "</x>")))
            case 2:
                streams[stream] = "over"
                return frame(HEADERS, END_HEADERS | END_STREAM, stream, block((":status", dice.choice(["204", "304", "500"]))))
            case 3:
                return frame(HEADERS, END_HEADERS, stream, block((":status", dice.choice(["101", "abc", "20"]))))
            case 4:
                return frame(DATA, 0, stream, b"before any head") if dice.random() < 0.3 else b""
        streams[stream] = "answering"
        more = dice.choice([(), (), (("content-length", "100"),), (("content-type", "application/grpc"),), (("Upper", "x"),)])
        return frame(HEADERS, END_HEADERS, stream, block((":status", "200"), *more))
    if mood < 10:
        return frame(DATA, 0, stream, b"c" * dice.choice([0, 1, 100, 16_384]))
    if mood == 19:
        return window(stream, dice.choice([1, 70_000]))
    streams[stream] = "over"
    if mood < 14:
        return frame(DATA, END_STREAM, stream, b"c" * dice.choice([0, 100]))
    if mood < 17:
        return frame(HEADERS, END_HEADERS | END_STREAM, stream, block(("grpc-status", "0")))
    return reset(stream, dice.choice([0, 8]))


# Clients


def by_http1(host, port, dice):
    """One connection's worth."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
        for _ in range(dice.randrange(1, 8)):
            octets = b"".join(_request(host, dice) for _ in range(dice.choice([1, 1, 1, 2, 5, 20])))
            if dice.random() < 0.2:
                octets = octets[: dice.randrange(1, len(octets))]
            if dice.random() < 0.03:
                octets = flipped(octets, dice)
            at = dice.choice([1, 7, 100, len(octets)])
            connection.sendall(octets[:at])
            connection.sendall(octets[at:])
            if dice.random() < 0.3:
                connection.shutdown(socket.SHUT_WR)
            if not _heard(connection, dice):
                break
        _leave(connection, dice)


def _request(host, dice):
    if dice.random() < 0.2:
        head, content = [f"GET /ws HTTP/1.1\r\nHost: {host}", *HANDSHAKE], dice.randbytes(dice.choice([0, 0, 10, 40_000]))
    else:
        method = dice.choice(["GET", "GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS"])
        head, content = [f"{method} /x HTTP/1.{dice.choice('1111110')}\r\nHost: {host}"], b""
        match dice.randrange(4):
            case 0:
                content = b"d" * dice.choice([0, 1, 10, 5000, 100_000, 1_200_000])
                head.append(f"Content-Length: {len(content)}")
            case 1:
                content = chunked(dice, dice.randrange(4))
                head.append("Transfer-Encoding: chunked")
        if content and dice.random() < 0.3:
            head.append("Expect: 100-continue")
    more = ["Cookie: a=b", "Accept: text/html", "X-A: " + "y" * 300, "Connection: close", "TE: trailers", "Upgrade: h2c"]
    head += [dice.choice(more) for _ in range(dice.randrange(5))]
    return "\r\n".join([*head, "\r\n"]).encode() + content


def by_http2(host, port, dice):
    """One connection's worth."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
        connection.sendall(PREFACE + initial_window(dice.choice([0, 100, 65_535, 1 << 20])))
        number, begun = 1, []
        for _ in range(dice.randrange(1, 60)):
            octets = b""
            for _ in range(dice.choice([1, 1, 2, 5, 20])):
                if dice.random() < 0.4 or not begun:
                    is_last = dice.random() < 0.5
                    octets += _head(host, number, is_last, dice)
                    begun += [] if is_last else [number]
                    number += 2
                else:
                    octets += _frame_of(dice.choice(begun), number - 2, dice)
            if octets and dice.random() < 0.03:
                octets = flipped(octets, dice)
            connection.sendall(octets)
            if dice.random() < 0.3 and not _heard(connection, dice):
                break
        _leave(connection, dice)


def _head(host, number, is_last, dice):
    fields = [(":method", dice.choice(["GET", "GET", "POST", "PUT", "HEAD", "OPTIONS"])), (":scheme", "http"), (":path", "/x")]
    if dice.random() < 0.2:
        fields = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", "/ws"), ("sec-websocket-version", "13")]
    fields.insert(1, (":authority", host))
    names, values = ["cookie", "accept", "te", "expect", "content-length", "priority"], ["a=b", "trailers", "100-continue", "5", "x" * 300]
    fields += [(dice.choice(names), dice.choice(values)) for _ in range(dice.randrange(5))]
    if dice.random() < 0.03:
        fields.append((dice.choice(["Connection", "connection", ":x", "", "a b", "transfer-encoding"]), "x"))
    octets, end = block(*fields), END_STREAM if is_last else 0
    if dice.random() < 0.9:
        return frame(HEADERS, END_HEADERS | end, number, octets)
    at = dice.randrange(len(octets))
    return frame(HEADERS, end, number, octets[:at]) + frame(CONTINUATION, END_HEADERS, number, octets[at:])


def _frame_of(stream, newest, dice):
    mood = dice.random()
    if mood < 0.35:
        return frame(DATA, dice.random() < 0.3, stream, b"d" * dice.choice([0, 1, 1000, 16_384]))
    if mood < 0.55:
        return reset(dice.choice([stream, newest]), 8)
    if mood < 0.75:
        return window(dice.choice([0, stream, newest]), dice.choice([1, 1000, 70_000]))
    if mood < 0.82:
        return frame(PING, 0, 0, b"12345678")
    if mood < 0.9:
        return initial_window(dice.choice([0, 1, 65_535, 200_000]))
    if mood < 0.96:
        return frame(HEADERS, END_HEADERS | END_STREAM, stream, block(("x-trailer", "1")))
    if mood < 0.98:
        return frame(PRIORITY, 0, stream, struct.pack(">IB", 0, 3))
    return dice.choice([noise(dice), frame(GOAWAY, 0, 0, struct.pack(">II", 0, 0))])


def _heard(connection, dice):
    """Reads for a moment; false at the connection's end."""
    connection.settimeout(dice.choice([0.01, 0.01, 0.1, 0.5]))
    with contextlib.suppress(TimeoutError):
        while connection.recv(dice.choice([10, 65_536])):
            pass
        return False
    connection.settimeout(2)
    return True


def _leave(connection, dice):
    if dice.random() < 0.1:
        time.sleep(dice.random())
    if dice.random() < 0.5:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
