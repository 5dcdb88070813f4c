"""An upstream that does with each connection what a function says: for answers before the request's end.

`BareUpstream(serve)` calls `serve(peer)` in a thread for each connection, and closes it afterwards. A peer reads
heads and octets as they come, and keeps all of them.
"""

import contextlib
import socket
import threading


class Peer:
    def __init__(self, connection, number):
        self.connection, self.number = connection, number
        self.octets, self.left = bytearray(), bytearray()
        self.ended = False

    def more(self, timeout=5):
        """Waits for octets; whether some came before the end."""
        self.connection.settimeout(timeout)
        try:
            octets = self.connection.recv(65536)
        except ConnectionResetError:
            octets = b""
        self.octets += octets
        self.left += octets
        self.ended = self.ended or not octets
        return bool(octets)

    def head(self):
        """The next head, without its last line; nothing at the connection's end."""
        while b"\r\n\r\n" not in self.left:
            if not self.more():
                return None
        head, _, rest = bytes(self.left).partition(b"\r\n\r\n")
        self.left = bytearray(rest)
        return head.decode("latin-1")

    def take(self, count):
        while len(self.left) < count and self.more():
            pass
        octets = bytes(self.left[:count])
        del self.left[:count]
        return octets

    def send(self, octets):
        self.connection.sendall(octets.encode("latin-1") if isinstance(octets, str) else octets)

    def reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


class BareUpstream:
    def __init__(self, serve=None, receive_buffer=None):
        self.serve, self.peers = serve, []
        self._listener = socket.socket()
        if receive_buffer:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(256)
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            peer = Peer(connection, len(self.peers))
            self.peers.append(peer)
            threading.Thread(target=self._run, args=(peer,), daemon=True).start()

    def _run(self, peer):
        with contextlib.suppress(OSError):
            self.serve(peer)
        with contextlib.suppress(OSError):
            peer.connection.close()

    def close(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
