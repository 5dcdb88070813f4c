"""The room of hostile exchanges: one for a whole file, as what a row leaves behind the next ones would meet."""

import json

import pytest

from gateway import Gateway, config_for
from hostile import Room
from provider import ScriptedProvider
from upstream import RecordingUpstream, echo

BRIEF = {"response_start": "500ms", "response_idle": "500ms"}
ROUTES = [
    {"path": "/public/brief/*", "access": "public", "upstream": "site", "timeouts": BRIEF},
    {"path": "/private/brief/*", "upstream": "site", "timeouts": BRIEF},
    {"path": "/public/*", "access": "public", "upstream": "site"},
    {"path": "/timed/*", "access": "public", "upstream": "site", "timeouts": {"request": "700ms"}},
    {"path": "/*", "upstream": "site"},
]
TIMEOUTS = {"request_head": "4s", "request_body": "4s", "response_start": "8s", "response_idle": "8s"}


@pytest.fixture(scope="module")
def whole_room(tmp_path_factory):
    provider, upstream = ScriptedProvider(), RecordingUpstream()
    config = config_for(provider, {"site": upstream}, ROUTES, threads=1, timeouts=TIMEOUTS)
    gateway = Gateway(tmp_path_factory.mktemp("room"), config)
    room = Room(gateway, upstream)
    pid = gateway.process.pid
    yield room
    try:
        assert gateway.process.is_alive and gateway.process.pid == pid
        gateway.stop()
        secret = room.cookie.partition("=")[2].strip()
        said = gateway.process.output
        assert secret not in said 
        for line in said.splitlines():
            json.loads(line)
    finally:
        gateway.kill()
        upstream.close()
        provider.stop()


@pytest.fixture
def room(whole_room):
    whole_room.upstream.forget()
    whole_room.upstream.script = echo
    return whole_room
