"""The upstream of the soak: says what it saw of each request, in content that belongs to that request alone.

    python upstream_site.py PORT FAULTS

The request's query says how to answer: `size` octets, `as` length, chunked, close, hints, nothing, unchanged or
socket, and what to do wrong (`fault`). What no gateway may send (a request that cannot be read, our own cookies, a
forged identity, a POST twice, a token that has ended) is a line in the file FAULTS.
"""

import base64
import hashlib
import json
import socket
import sys
import threading
import time
from urllib.parse import parse_qsl, urlsplit

import words

TOKEN_LATE = 3  # seconds: a busy machine may hold a request so long between the gateway's look and ours


class Fault(Exception):
    """The gateway sent what it must not."""


class Gone(Exception):
    """The connection ended within a request: what an aborted client leads to."""


class Connection:
    def __init__(self, site, connection):
        self.site, self.socket, self.buffer = site, connection, b""

    def more(self):
        got = self.socket.recv(262_144)
        if not got:
            raise Gone
        self.buffer += got

    def line(self):
        while (end := self.buffer.find(b"\r\n")) < 0:
            if len(self.buffer) > 65_536:
                raise Fault(f"a line without end: {self.buffer[:80]!r}")
            self.more()
        line, self.buffer = self.buffer[:end], self.buffer[end + 2 :]
        return line

    def take(self, count):
        if len(self.buffer) >= count:
            taken, self.buffer = self.buffer[:count], self.buffer[count:]
            return taken
        parts, have = [self.buffer], len(self.buffer)
        self.buffer = b""
        while have < count:
            got = self.socket.recv(min(count - have, 262_144))
            if not got:
                raise Gone
            parts.append(got)
            have += len(got)
        return b"".join(parts)

    def fields(self):
        found = {}
        while line := self.line():
            name, colon, value = line.decode("latin-1").partition(":")
            if not colon or not name or name != name.strip():
                raise Fault(f"a field line that is none: {line[:80]!r}")
            found.setdefault(name.lower(), []).append(value.strip(" \t"))
        return found

    def serve(self):
        while True:
            while not self.buffer:
                self.more()
            parts = self.line().split(b" ")
            if len(parts) != 3 or parts[2] != b"HTTP/1.1":
                raise Fault(f"a request line that is none: {parts!r}"[:200])
            fields = self.fields()
            asked = dict(parse_qsl(urlsplit(parts[1].decode("latin-1")).query))
            if asked.get("fault") == "early":  # answers before the content is there, and wants no more of it
                self.socket.sendall(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return
            if fields.get("expect"):
                self.socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            content = self.content(fields)
            if not self.answer(parts[0].decode("latin-1"), asked, fields, content):
                return

    def content(self, fields):
        lengths, codings = fields.get("content-length", []), fields.get("transfer-encoding", [])
        if len(lengths) + len(codings) > 1 or any(c.lower() != "chunked" for c in codings):
            raise Fault(f"two framings, or a strange one: {lengths} {codings}")
        if lengths:
            return self.take(int(lengths[0]))
        parts = []
        while codings and (size := int(self.line(), 16)):
            parts.append(self.take(size))
            if self.line():
                raise Fault("a chunk that does not end where it said")
        if codings:
            self.fields()
        return b"".join(parts)

    def answer(self, method, asked, fields, content):
        identifier, size, way = asked.get("id", "-"), int(asked.get("size", 0)), asked.get("as", "length")
        fault = asked.get("fault")
        users, bearer = fields.get("x-forwarded-user", []), "-"
        self.site.check(method, identifier, users, fields)
        if token := fields.get("authorization"):
            bearer = self.site.bearer(token[0])
        sent = words.summary(content)
        if way == "socket":
            return self.socket_answer(fields, identifier, users)
        label = words.label(identifier, users[0] if users else None, sent)
        whole = words.octets(label, size)
        head = [
            "HTTP/1.1 200 OK",
            f"X-Seen: {label}",
            f"X-Seen-Bearer: {bearer}",
            f"X-Seen-Cookie: {';'.join(fields.get('cookie', ['-']))}",
            "Cache-Control: no-store",
        ]
        if fault == "slow":
            time.sleep(1)
        if fault == "stall":
            time.sleep(4)
        if fault == "none-at-all":
            return False
        if fault == "garbage":
            self.socket.sendall(b"HTTP/1.1 two hundred\r\n\r\n")
            return False
        if way == "hints":
            self.socket.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n")
        if way in ("nothing", "unchanged"):
            head[0] = "HTTP/1.1 204 No Content" if way == "nothing" else "HTTP/1.1 304 Not Modified"
            self.socket.sendall("\r\n".join([*head, "", ""]).encode())
            return True
        if way == "chunked":
            head.append("Transfer-Encoding: chunked")
        elif way == "close":
            head.append("Connection: close")
        else:
            head.append(f"Content-Length: {size}")
        start = "\r\n".join([*head, "", ""]).encode()
        if fault == "cut-head":
            self.socket.sendall(start[: len(start) // 2])
            return False
        if method == "HEAD":
            self.socket.sendall(start)
            return way != "close"
        end = len(whole) // 2 if fault in ("cut", "reset") else len(whole)
        if way == "chunked":
            self.socket.sendall(start)
            step = max(1, min(len(whole), 1 + (hash(identifier) & 0x7FFF)))
            pieces = [whole[i : min(i + step, end)] for i in range(0, end, step)]
            for group in range(0, len(pieces), 64):
                self.socket.sendall(b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in pieces[group : group + 64]))
            if end == len(whole) and not fault:
                self.socket.sendall(b"0\r\n\r\n")
        elif fault == "drip":
            self.socket.sendall(start)
            for i in range(0, end, max(1, end // 20)):
                self.socket.sendall(whole[i : min(i + max(1, end // 20), end)])
                time.sleep(0.05)
        else:
            self.socket.sendall(start + whole[:end] if end < 65_536 else start)
            if end >= 65_536:
                self.socket.sendall(memoryview(whole)[:end])
        if fault == "reset" or (way == "close" and fault == "cut"):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        return way != "close" and fault not in ("cut", "reset") and not (way == "chunked" and fault)

    def socket_answer(self, fields, identifier, users):
        """Every message comes back; the first one that we send says who asked."""
        key = fields["sec-websocket-key"][0]
        accept = base64.b64encode(hashlib.sha1((key + words.WEBSOCKET).encode()).digest()).decode()
        hello = words.label(identifier, users[0] if users else None, "socket").encode()
        self.socket.sendall(
            "\r\n".join(
                [
                    "HTTP/1.1 101 Switching Protocols",
                    "Upgrade: websocket",
                    "Connection: Upgrade",
                    f"Sec-WebSocket-Accept: {accept}",
                    "",
                    "",
                ]
            ).encode()
            + bytes([0x81, len(hello)])
            + hello
        )
        while True:
            first, second = self.take(2)
            if not second & 0x80:
                raise Fault("a client's frame without a mask")
            size = second & 0x7F
            if size > 125:
                size = int.from_bytes(self.take(2 if size == 126 else 8), "big")
            mask, payload = self.take(4), self.take(size)
            payload = unmasked(payload, mask)
            self.socket.sendall(bytes([first]) + frame_length(size) + payload)
            if first & 0x0F == 8:
                return False


def frame_length(size, mask=0):
    """RFC 6455 section 5.2; `mask` is 0x80 where a mask follows."""
    if size < 126:
        return bytes([mask | size])
    if size < 65_536:
        return bytes([mask | 126]) + size.to_bytes(2, "big")
    return bytes([mask | 127]) + size.to_bytes(8, "big")


def unmasked(payload, mask):
    if not payload:
        return payload
    long = (mask * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(long, "big")).to_bytes(len(payload), "big")


class Site:
    def __init__(self, port, faults):
        self.faults, self.lock, self.posted = open(faults, "a", buffering=1), threading.Lock(), set()
        listener = socket.create_server(("127.0.0.1", port), backlog=1024)
        while True:
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            Connection(self, connection).serve()
        except (Gone, OSError):
            pass
        except Exception as fault:
            self.fault(f"{type(fault).__name__}: {fault}")
        finally:
            connection.close()

    def fault(self, text):
        with self.lock:
            self.faults.write(text + "\n")

    def check(self, method, identifier, users, fields):
        if len(users) > 1 or users == ["mallory"]:
            self.fault(f"{identifier}: an identity that is not ours: {users}")
        if "gatehouse" in "".join(fields.get("cookie", [])):
            self.fault(f"{identifier}: our own cookie went to the upstream")
        if method == "POST":
            with self.lock:
                twice = identifier in self.posted
                self.posted.add(identifier)
            if twice:
                self.fault(f"{identifier}: a POST came twice")

    def bearer(self, field):
        """Whose token it is; one that has ended is a fault."""
        part = field.partition(" ")[2].split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        if claims["exp"] + TOKEN_LATE < time.time():
            self.fault(f"a token that ended {time.time() - claims['exp']:.1f} s ago, of {claims['sub']}")
        return claims["sub"]


if __name__ == "__main__":
    Site(int(sys.argv[1]), sys.argv[2])
