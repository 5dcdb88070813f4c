"""An operator ends sessions: by command, over the control socket or a loopback admin address, and nobody else can."""

import http.client
import json
import os
import socket
import stat

import pytest

from fixtures import usual
from gateway import command


@pytest.fixture
def visitor(provider):
    """Signs somebody in at a gateway; their Cookie line."""

    def sign_in(gateway, subject="alice-id"):
        provider.subject = subject
        browser = gateway.browser()
        assert browser.open(gateway.at("/")).status == 200
        return f"Cookie: {browser.cookie_field(gateway.url)}"

    return sign_in


@pytest.fixture
def controlled(run, provider, upstream, tmp_path):
    config = usual(provider, upstream)
    config["admin"]["control"] = f"unix:{tmp_path}/control.sock"
    return run(config)


def is_signed_in(gateway, cookie):
    return gateway.ask("GET", "/page", cookie).status == 200


def post(connection, content, method="POST", **fields):
    body = content if isinstance(content, str) else json.dumps(content)
    connection.request(method, "/sessions/end", body, fields)
    reply = connection.getresponse()
    return reply.status, reply.read()


def admin(gateway):
    return http.client.HTTPConnection("127.0.0.1", gateway.admin_port, timeout=10)


class Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=10)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


@pytest.mark.parametrize("kind", ["controlled", "gateway"])
def test_the_command_ends_a_users_sessions_or_everybodys(request, kind, visitor):
    gateway = request.getfixturevalue(kind)
    first, second, bob = visitor(gateway), visitor(gateway), visitor(gateway, "bob-id")
    done = command("session", "end", "--config", gateway.file, "--subject", "alice-id")
    assert done.returncode == 0, done.stderr
    assert [is_signed_in(gateway, c) for c in (first, second, bob)] == [False, False, True]
    gateway.until_logged(lambda e: e["event"] == "sessions-ended" and e["subject"] == "alice-id")
    assert command("session", "end", "--config", gateway.file, "--all").returncode == 0
    assert not is_signed_in(gateway, bob)


def test_the_command_says_what_it_needs(gateway, run, provider, upstream, tmp_path):
    for arguments in ([], ["--subject", "a", "--all"], ["--subject", ""]):
        assert command("session", "end", "--config", gateway.file, *arguments).returncode != 0
    config = usual(provider, upstream)
    del config["admin"]
    other = run(config)
    refused = command("session", "end", "--config", other.file, "--all")
    assert refused.returncode == 1 and "admin.control" in refused.stderr
    config["admin"] = {"address": gateway.config["admin"]["address"], "control": f"unix:{tmp_path}/nobody.sock"}
    other.write(config)
    assert command("session", "end", "--config", other.file, "--all").returncode == 1


def test_the_socket_is_its_owners(controlled, visitor, tmp_path):
    path = tmp_path / "control.sock"
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    cookie = visitor(controlled)
    for content in ("", "{}", "[]", "x", {"subject": ""}, {"subject": 1}, {"all": False}, {"all": True, "more": 1}):
        assert post(Unix(path), content)[0] == 400, content
    assert post(Unix(path), "", method="GET")[0] == 405
    assert is_signed_in(controlled, cookie)
    assert post(Unix(path), {"subject": "alice-id"})[0] == 200
    assert not is_signed_in(controlled, cookie)


FROM_ELSEWHERE = [
    {"Host": "evil.test"},
    {"Host": "10.0.0.1"},
    {"Origin": "http://localhost:9"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "same-origin"},
]


@pytest.mark.parametrize("fields", FROM_ELSEWHERE, ids=str)
def test_on_loopback_no_page_and_no_other_name(gateway, visitor, fields):
    cookie = visitor(gateway)
    assert post(admin(gateway), {"all": True}, **fields)[0] == 403
    assert is_signed_in(gateway, cookie)


def test_on_the_network_nobody(run, provider, upstream, visitor):
    config = usual(provider, upstream)
    config["admin"]["address"] = config["admin"]["address"].replace("127.0.0.1", "0.0.0.0")
    gateway = run(config, ready=False)
    gateway.admin_port = int(config["admin"]["address"].rpartition(":")[2])
    gateway.until_ready()
    cookie = visitor(gateway)
    assert post(admin(gateway), {"all": True})[0] == 403
    assert is_signed_in(gateway, cookie)


def test_a_reload_opens_and_closes_the_socket(gateway, tmp_path):
    path = tmp_path / "later.sock"
    gateway.config["admin"]["control"] = f"unix:{path}"
    gateway.write(gateway.config)
    gateway.reload()
    gateway.until_logged("reloaded")
    assert post(Unix(path), {"subject": "nobody"})[0] == 200
