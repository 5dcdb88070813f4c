"""What the soak's clients meet: a provider with many people, two upstreams (one steady, one that fails), the gateway.

The faulty upstream is killed and started again while it serves; the gateway reads its file again, changed each time.
"""

import contextlib
import os
import random
import re
import signal
import sys
import time
from pathlib import Path

from gateway import Gateway, command, config_for, yaml
from provider import ScriptedProvider
from waiting import Process, free_port, until

HERE = Path(__file__).resolve().parent
TOKEN_SECONDS = 8


class Provider(ScriptedProvider):
    """Signs in whoever the browser's cookie names."""

    def __init__(self):
        super().__init__()
        self.expires_in = TOKEN_SECONDS

    def authorize(self, call):
        person = re.search(r"person=([\w-]+)", call.fields.get("Cookie") or "")[1]
        reply = super().authorize(call)
        with self._lock:
            next(reversed(self.codes.values()))["person"] = person
        return reply

    def tokens(self, asked, client, is_refresh=False):
        with self._lock:
            self.subject = asked["person"]
            self.user = {"email": f"{self.subject}@example.com", "email_verified": True, "groups": ["readers"]}
            self.calls.clear()
            self.access_tokens.clear()
            return super().tokens(asked, client, is_refresh)


def upstream(folder, port, faults):
    program = [sys.executable, HERE / "upstream_site.py", port, faults]
    return Process(program, folder / f"upstream-{port}.log").listens(port)


class House:
    """Everything of one soak; ended when it is left."""

    def __init__(self, folder, environment):
        self.folder, self.faults = folder, folder / "faults"
        self.faults.touch()
        self.ends = contextlib.ExitStack()
        self.provider = Provider()
        self.ends.callback(self.provider.stop)
        self.steady_port, self.faulty_port, self.extra_port = free_port(), free_port(), free_port()
        self.steady = upstream(folder, self.steady_port, self.faults)
        self.ends.callback(lambda: self.steady.stop())
        self.faulty = upstream(folder, self.faulty_port, self.faults)
        self.ends.callback(lambda: self.faulty.stop())
        os.environ.update(environment)
        preload = os.environ.pop("GATEHOUSE_PRELOAD", None)
        self.reloads, self.restarts, self.reloaded_at = 0, 0, []
        self.keys, self.secret = folder / "session.keys", folder / "client.secret"
        assert command("keys", "new", self.keys).returncode == 0
        self.secret.write_text(self.provider.clients["gatehouse"])
        self.secret.chmod(0o600)
        configuration = self.configuration()
        if preload:
            os.environ["LD_PRELOAD"] = preload
        self.gateway = Gateway(folder / "gateway", configuration)
        os.environ.pop("LD_PRELOAD", None)
        self.ends.callback(self.gateway.kill)
        self.pid = self.gateway.process.pid

    def configuration(self):
        steady, faulty = f"http://127.0.0.1:{self.steady_port}", f"http://127.0.0.1:{self.faulty_port}"
        routes = [
            {"path": "/public/*", "access": "public", "upstream": "steady"},
            {"path": "/optional/*", "access": "optional", "upstream": "steady"},
            {"path": "/steady/*", "upstream": "steady"},
            {"path": "/api/*", "token": "access_token", "upstream": "steady"},
            {"path": "/faulty/*", "upstream": "faulty", "timeouts": {"response_start": "2s"}},
        ]
        more = {"scopes": ["openid", "offline_access"], "client_secret": {"file": str(self.secret)}}
        upstreams, session = {"steady": steady, "faulty": faulty}, {"keys": {"file": str(self.keys)}}
        return config_for(self.provider, upstreams, routes, provider=more, session=session)

    def reload(self, plain=False):
        """Mostly with other routes and a listener more or less, so that nothing is as it was by chance; now and then
        with a new key. `plain`: as it began, for measuring."""
        self.reloads += 1
        if self.reloads % 3 == 0:
            # Until it seals, every loop has to have read it: on a busy machine, under a sanitizer, too.
            assert command("keys", "rotate", self.keys, "--seal-after", "10s").returncode == 0
        config = {**self.gateway.config}
        extra = {"path": f"/reloaded-{self.reloads}/*", "access": "public", "upstream": "faulty"}
        if self.reloads % 2 and not plain:
            config["routes"] = [extra, *config["routes"]]
            config["listeners"] = [*config["listeners"], {"address": f"127.0.0.1:{self.extra_port}"}]
        self.gateway.file.write_text(yaml(config) + "\n")
        self.gateway.reload()

    def restart_upstream(self):
        self.restarts += 1
        os.kill(self.faulty.pid, random.choice([signal.SIGKILL, signal.SIGTERM]))
        self.faulty.running.wait()
        self.faulty = upstream(self.folder, self.faulty_port, self.faults)

    # Its state

    def look_for_leaks(self):
        """`leaks.c`, preloaded, does it; a report is written at once. The log goes on once all threads go on."""
        self.gateway.process.signal(signal.SIGUSR2)
        time.sleep(1)  # the signal is taken; while the check runs nothing is answered
        self.gateway.until_ready(60)

    def quiet(self):
        """Waits until nothing is open: the idle connections to upstreams and the provider end after 4 s."""
        self.reload(plain=True)
        connections = lambda: sum(self.gateway.metric("gatehouse_connections", state=s) for s in ("active", "idle"))
        until(lambda: connections() <= 1, lambda: f"{connections():.0f} connections are open", 30, pause=0.5)
        last, same = None, 0
        while same < 6:  # unchanged for 3 s
            time.sleep(0.5)
            now = self.descriptors
            same, last = (same + 1 if now == last else 0), now

    @property
    def descriptors(self):
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    @property
    def resident_kilobytes(self):
        return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.pid}/status").read_text())[1])
