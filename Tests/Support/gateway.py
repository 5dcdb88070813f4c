"""The built gateway, started on a configuration and listened to.

`Gateway(config)` writes the configuration (a YAML text, or a dictionary that is written as YAML) into a folder of its
own, starts `.build/release/gatehouse run`, and waits for `/readyz`. `command` runs its other commands.
"""

import http.client
import json
import os
import re
import signal
import subprocess
from pathlib import Path

from browser import Browser
from raw import RawClient, request
from waiting import DEADLINE, Process, until, free_port

BINARY = Path(os.environ.get("GATEHOUSE", Path(__file__).parents[2] / ".build/release/gatehouse"))


def yaml(value, indent=0):
    """A dictionary as block YAML: enough for a configuration, and what a person would have written."""
    pad = "  " * indent
    if isinstance(value, dict):
        lines = []
        for name, inner in value.items():
            nested = isinstance(inner, (dict, list)) and inner
            lines.append(f"{pad}{name}:" + (f"\n{yaml(inner, indent + 1)}" if nested else f" {yaml(inner)}"))
        return "\n".join(lines) or "{}"
    if isinstance(value, list):
        return "\n".join(f"{pad}- {yaml(inner, indent + 1).lstrip()}" for inner in value) or "[]"
    if (
        isinstance(value, str)
        and re.fullmatch(r"[A-Za-z/][\w./*=-]*|\d+(ms|s|m|h|d|KiB|MiB)", value)
        and value not in ("true", "false", "null", "on", "off", "yes", "no")
    ):
        return value
    return json.dumps(value)


def command(*arguments, input=None, deadline=30, environment=None):
    """Runs one of the gateway's commands to its end."""
    return subprocess.run(
        [str(BINARY), *map(str, arguments)],
        input=input,
        text=True,
        capture_output=True,
        timeout=deadline,
        env={**os.environ, **(environment or {})},
    )


class Gateway:
    """A running gateway. `url` is its external URL; `log` its events so far."""

    def __init__(self, folder, config, wait=True, ready=True, environment=None):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.file = self.folder / "gatehouse.yaml"
        self.config, self.environment = config, environment
        self.write(config)
        text = self.file.read_text()
        self.url = re.search(r"^external_url: *\"?([^\s\"#]+)", text, re.M)[1]
        self.port = int(re.search(r"address: *\"?127\.0\.0\.1:(\d+)", text)[1])
        admin = re.search(r"^admin:(?:.|\n)*?address: *\"?127\.0\.0\.1:(\d+)", text, re.M)
        self.admin_port = int(admin[1]) if admin else None
        self.start(wait, ready)

    def start(self, wait=True, ready=True):
        self.starts = getattr(self, "starts", 0) + 1
        log = self.folder / f"log-{self.starts}"
        self.process = Process([BINARY, "run", "--config", self.file], log, log.with_suffix(".err"), cwd=self.folder, env=self.environment)
        if wait:
            self.process.listens(self.admin_port or self.port)
            if self.admin_port and ready:
                self.until_ready()
        return self

    def write(self, config):
        self.config = config
        self.file.write_text(config if isinstance(config, str) else yaml(config) + "\n")

    def stop(self):
        """Ends it; a gateway that had died before, or does not end in time, is a failed test."""
        assert self.process.is_alive, f"the gateway had ended with {self.process.running.returncode}:\n{self.said}"
        self.process.stop(deadline=15)
        assert self.process.running.returncode == 0, f"ended with {self.process.running.returncode}:\n{self.said}"

    @property
    def said(self):
        """The end of what it wrote, for a failed test's message."""
        errors = self.process.log.with_suffix(".err").read_text(errors="replace")
        return f"{errors[-3000:]}\n{self.process.output[-3000:]}"

    def kill(self):
        if self.process.is_alive:
            self.process.signal(signal.SIGKILL)
            self.process.wait()

    def reload(self):
        self.process.signal(signal.SIGHUP)

    # Watching it

    @property
    def log(self):
        """Every log line so far; a line that is no JSON object is an error."""
        lines = self.process.output.splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n") and line.strip()]

    def events(self, name):
        """Those of one name so far. A thread of its own writes the log: what must be in it, `until_logged` waits for."""
        return [entry for entry in self.log if entry.get("event") == name]

    def until_logged(self, matches, what="a log line", deadline=DEADLINE):
        """The first log entry that matches a function or an event's name."""
        test = (lambda e: e.get("event") == matches) if isinstance(matches, str) else matches
        return until(
            lambda: next((e for e in self.log if test(e)), None),
            lambda: f"{what} ({matches}) in the log:\n{self.said}",
            deadline,
        )

    def admin(self, path, method="GET"):
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=DEADLINE)
        try:
            connection.request(method, path)
            reply = connection.getresponse()
            return reply.status, reply.read().decode()
        finally:
            connection.close()

    def until_ready(self, deadline=DEADLINE):
        until(
            lambda: not self.process.is_alive or self.admin("/readyz")[0] == 200,
            lambda: f"/readyz says 200:\n{self.said}",
            deadline,
        )
        assert self.process.is_alive, f"the gateway ended:\n{self.said}"

    def metric(self, name, **labels):
        """The sum of a metric's samples that carry the labels."""
        total = 0.0
        for line in self.admin("/metrics")[1].splitlines():
            sample = re.fullmatch(r"([a-zA-Z_:]+)(?:\{(.*)\})? (\S+)", line)
            if sample and sample[1] == name:
                has = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', sample[2] or ""))
                if all(has.get(n) == v for n, v in labels.items()):
                    total += float(sample[3])
        return total

    # Talking to it

    @property
    def host(self):
        return self.url.partition("://")[2]

    def at(self, path):
        return self.url + path

    def browser(self, **options):
        """A browser for whom the external URL, https or not, is this gateway."""
        addresses = {self.url: ("127.0.0.1", self.port)} if self.url.startswith("https") else {}
        return Browser(addresses={**addresses, **options.pop("addresses", {})}, **options)

    def raw(self, **options):
        return RawClient(self.port, **options)

    def ask(self, method, target, *lines, content=None, host=None):
        """One request on a connection of its own, by a program."""
        with self.raw() as client:
            return client.ask(
                request(method, target, self.host if host is None else host, *lines, content=content), method=method
            )


def config_for(provider, upstreams, routes=None, /, *, port=None, admin_port=None, **more):
    """The configuration most tests begin with. `upstreams` are names to recording upstreams or URLs; `more` is merged."""
    port, admin_port = port or free_port(), admin_port or free_port()
    config = {
        "external_url": f"http://localhost:{port}",
        "listeners": [{"address": f"127.0.0.1:{port}"}],
        "admin": {"address": f"127.0.0.1:{admin_port}"},
        "threads": 2,
        "provider": {
            "issuer": getattr(provider, "issuer", provider),
            "client_id": "gatehouse",
            "client_secret": "s3cret/with:odd&chars",
            "scopes": ["openid"],
        },
        "upstreams": {name: {"url": getattr(u, "url", u)} for name, u in upstreams.items()},
        "routes": routes or [{"path": "/*", "upstream": next(iter(upstreams))}],
    }
    return merge(config, more)


def merge(config, more):
    """A configuration with members added at any depth; None takes one away."""
    for name, value in more.items():
        if value is None:
            config.pop(name, None)
        elif isinstance(value, dict) and isinstance(config.get(name), dict):
            merge(config[name], value)
        else:
            config[name] = value
    return config
