"""Waiting for an event with a deadline, and processes that are always ended.

Every wait in the outside tests goes through `until`: nothing sleeps and hopes, and what did not happen is said
in words. A process is started with its output in a file, and ended by its own id.
"""

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

DEADLINE = float(os.environ.get("GATEHOUSE_TEST_DEADLINE", "10"))


def until(condition, what, deadline=DEADLINE, pause=0.02):
    """The first true value of `condition()`, asked again and again until the deadline; then an error that says `what`."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            raise AssertionError(f"did not happen within {deadline:g} s: {what() if callable(what) else what}")
        time.sleep(pause)


_handed_out = set()
_lock = threading.Lock()


def free_port(host="127.0.0.1"):
    """A port that the kernel chose, not handed out before in this run."""
    with _lock:
        for _ in range(100):
            with socket.socket() as probe:
                probe.bind((host, 0))
                port = probe.getsockname()[1]
            if port not in _handed_out:
                _handed_out.add(port)
                return port
    raise AssertionError("the kernel offers no new port")


def accepts(port, host="127.0.0.1"):
    """Whether someone listens there."""
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1):
        return True
    return False


class Process:
    """A program that was started for a test: its output goes to a file, `stop` ends it and waits."""

    def __init__(self, arguments, log: Path, errors: Path | None = None, **options):
        """Standard error goes to the same file unless `errors` names another."""
        self.log = Path(log)
        self._out = open(self.log, "ab")
        self._errors = open(errors, "ab") if errors else self._out
        self.arguments = [str(a) for a in arguments]
        self.running = subprocess.Popen(
            self.arguments, stdout=self._out, stderr=self._errors, stdin=subprocess.DEVNULL, **options
        )
        self.pid = self.running.pid

    @property
    def is_alive(self):
        return self.running.poll() is None

    @property
    def output(self):
        return self.log.read_text(errors="replace")

    def listens(self, port, deadline=DEADLINE):
        """Waits until it accepts connections on the port; fails at once when it has ended."""

        def ready():
            assert self.is_alive, f"{self.arguments[0]} ended with {self.running.returncode}:\n{self.output}"
            return accepts(port)

        until(ready, lambda: f"{self.arguments[0]} listens on {port}:\n{self.output}", deadline)
        return self

    def signal(self, number):
        os.kill(self.pid, number)

    def wait(self, deadline=DEADLINE):
        """Its exit code, once it has ended by itself."""
        return self.running.wait(deadline)

    def stop(self, deadline=5):
        """Ends it, politely first."""
        if self.is_alive:
            self.signal(signal.SIGTERM)
            try:
                self.running.wait(deadline)
            except subprocess.TimeoutExpired:
                self.signal(signal.SIGKILL)
                self.running.wait(deadline)
        self._out.close()
        self._errors.close()
        return self.running.returncode
