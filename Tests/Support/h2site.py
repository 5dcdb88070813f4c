"""An upstream that speaks HTTP/2, on the `h2` library: what came is recorded, and a script answers.

A script is a function from a `Call` to steps: `(status, fields)` for a head, octets for content, a list of fields for
trailers, `RESET` or `REFUSE` for the stream, `GOAWAY` or `HANG_UP` for the connection, an event to wait for.
"""

import socket
import threading
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

from waiting import DEADLINE, until

RESET, REFUSE, GOAWAY, HANG_UP = "reset", "refuse", "goaway", "hang up"


@dataclass
class Call:
    number: int
    connection: int
    fields: list
    content: bytearray = field(default_factory=bytearray)
    trailers: list = None
    reset: int = None

    def one(self, name):
        values = [v for n, v in self.fields if n == name]
        assert len(values) <= 1, values
        return values[0] if values else None

    @property
    def path(self):
        return self.one(":path")


def hello(call):
    return [(200, [("content-type", "text/plain")]), b"hello " + call.path.encode()]


class H2Site:
    """Listens until `close`. `takes` says whether content's windows are opened as it comes."""

    def __init__(self, script=hello, tls=None, early=False, takes=True, streams=100):
        self.script, self.early, self.takes, self.streams = script, early, takes, streams
        self.tls, self.calls, self.connections, self.faults = tls, [], 0, []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.url = f"{'https' if tls else 'h2c'}://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def wait_for(self, count):
        return until(lambda: self.calls if len(self.calls) >= count else None, lambda: f"{count} calls, {len(self.calls)} came", DEADLINE)

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection, self.connections), daemon=True).start()

    def _serve(self, raw, number):
        try:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.tls:
                raw = self.tls.wrap_socket(raw, server_side=True)
                if raw.selected_alpn_protocol() != "h2":
                    self.faults.append("not h2")
                    return
            _Serving(self, raw, number).run()
        except (OSError, h2.exceptions.ProtocolError) as fault:
            if isinstance(fault, h2.exceptions.ProtocolError):
                self.faults.append(repr(fault))
        finally:
            raw.close()


class _Serving:
    def __init__(self, site, raw, number):
        self.site, self.raw, self.number = site, raw, number
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        codes = h2.settings.SettingCodes
        # Given so, they are announced at once; set afterwards, they would count before the other side knows.
        self.h2.local_settings = h2.settings.Settings(client=False, initial_values={codes.MAX_CONCURRENT_STREAMS: site.streams, codes.MAX_HEADER_LIST_SIZE: 65536})
        self.lock = threading.RLock()
        self.room = threading.Condition(self.lock)
        self.calls = {}

    def run(self):
        with self.lock:
            self.h2.initiate_connection()
            self.flush()
        while octets := self.raw.recv(65536):
            with self.lock:
                for event in self.h2.receive_data(octets):
                    self.handle(event)
                self.flush()
                self.room.notify_all()

    def flush(self):
        self.raw.sendall(self.h2.data_to_send())

    def handle(self, event):
        if isinstance(event, h2.events.RequestReceived):
            call = self.calls[event.stream_id] = Call(event.stream_id, self.number, list(event.headers))
            self.site.calls.append(call)
            if self.site.early:
                self.answer(call)
        elif isinstance(event, h2.events.DataReceived):
            self.calls[event.stream_id].content += event.data
            if self.site.takes:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.TrailersReceived):
            self.calls[event.stream_id].trailers = list(event.headers)
        elif isinstance(event, h2.events.StreamEnded):
            if not self.site.early:
                self.answer(self.calls[event.stream_id])
        elif isinstance(event, h2.events.StreamReset):
            if call := self.calls.get(event.stream_id):
                call.reset = event.error_code

    def answer(self, call):
        threading.Thread(target=self.perform, args=(call,), daemon=True).start()

    def perform(self, call):
        try:
            steps = list(self.site.script(call))
            for i, step in enumerate(steps):
                last = i == len(steps) - 1
                if isinstance(step, threading.Event):
                    step.wait(60)
                    continue
                with self.lock:
                    if isinstance(step, tuple):
                        self.h2.send_headers(call.number, [(":status", str(step[0])), *step[1]], end_stream=last and step[0] >= 200)
                    elif isinstance(step, list):
                        self.h2.send_headers(call.number, step, end_stream=True)
                    elif step == RESET:
                        self.h2.reset_stream(call.number, h2.errors.ErrorCodes.INTERNAL_ERROR)
                    elif step == REFUSE:
                        self.h2.reset_stream(call.number, h2.errors.ErrorCodes.REFUSED_STREAM)
                    elif step == GOAWAY:
                        self.h2.close_connection(last_stream_id=max(0, call.number - 2))
                    elif step == HANG_UP:
                        self.raw.shutdown(socket.SHUT_RDWR)
                    else:
                        self.send(call, step, last)
                        continue
                    self.flush()
        except (OSError, h2.exceptions.ProtocolError):
            pass  # the gateway has reset it

    def send(self, call, content, last):
        while content:
            count = min(self.h2.local_flow_control_window(call.number), self.h2.max_outbound_frame_size, len(content))
            if count <= 0:
                if not self.room.wait(30):
                    return
                continue
            self.h2.send_data(call.number, content[:count], end_stream=last and count == len(content))
            content = content[count:]
            self.flush()
