"""Debian's redis-server, started for a test on a port of the kernel's choosing, and a word with it."""

import contextlib
import signal
import socket
import threading
import time

from waiting import DEADLINE, Process, free_port


class Store:
    """One server. `lines` are more of its configuration; `stop` and `start` again keep its port."""

    def __init__(self, folder, *lines, tls=None, port=None, sentinel=False):
        self.folder, self.lines, self.tls, self.sentinel = folder, lines, tls, sentinel
        self.port = port or free_port()
        self.starts = 0
        folder.mkdir(parents=True, exist_ok=True)
        self.start()

    def start(self):
        self.starts += 1
        listens = [f"port {self.port}"]
        if self.tls:
            chain, key, ca = self.tls
            listens = ["port 0", f"tls-port {self.port}", f"tls-cert-file {chain}", f"tls-key-file {key}"]
            listens += [f"tls-ca-cert-file {ca}", "tls-auth-clients no"]
        config = self.folder / "redis.conf"
        rest = ["bind 127.0.0.1", f"dir {self.folder}"]
        rest += [] if self.sentinel else ['save ""', "appendonly no"]
        config.write_text("\n".join([*listens, *rest, *self.lines]) + "\n")
        program = ["redis-server", config, *(["--sentinel"] if self.sentinel else [])]
        self.process = Process(program, self.folder / f"redis-{self.starts}.log")
        self.process.listens(self.port)
        return self

    def stop(self):
        self.freeze(False)
        self.process.stop()

    def kill(self):
        self.process.signal(signal.SIGKILL)
        self.process.wait()

    def freeze(self, on=True):
        """A server that accepts and says nothing."""
        with contextlib.suppress(OSError):
            self.process.signal(signal.SIGSTOP if on else signal.SIGCONT)

    def ask(self, *words):
        """One command over plain TCP; errors are raised."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE) as peer:
            for line in [f"*{len(words)}", *[f"${len(str(w))}\r\n{w}" for w in words]]:
                peer.sendall(f"{line}\r\n".encode())
            return _reply(peer.makefile("rb"))

    def keys(self):
        return sorted(key.decode() for key in self.ask("KEYS", "*"))


def _reply(file):
    line = file.readline().rstrip(b"\r\n")
    kind, rest = line[:1], line[1:]
    if kind == b"-":
        raise RuntimeError(rest.decode())
    if kind == b":":
        return int(rest)
    if kind == b"$":
        if rest == b"-1":
            return None
        octets = file.read(int(rest) + 2)[:-2]
        return octets
    if kind == b"*":
        return [_reply(file) for _ in range(int(rest))]
    return rest.decode()


class Partition:
    """A way to a server that can be cut without a word, or made slow."""

    def __init__(self, port):
        self.target, self.isCut, self.delay = port, False, 0.0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.open = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                client.close()
                continue
            self.open += [client, server]
            for a, b in ((client, server), (server, client)):
                threading.Thread(target=self._carry, args=(a, b), daemon=True).start()

    def _carry(self, a, b):
        with contextlib.suppress(OSError):
            while octets := a.recv(65536):
                time.sleep(self.delay)
                while self.isCut:
                    time.sleep(0.02)
                b.sendall(octets)
            b.shutdown(socket.SHUT_WR)

    def close(self):
        self.isCut = False
        for end in [self.listener, *self.open]:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
