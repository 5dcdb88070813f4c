"""The commands beside `run` and `check`: keys, the configuration reference and schema, looking into a session."""

import json
import re
import stat

import pytest

from gateway import command, config_for


def test_a_version_is_printed():
    done = command("--version")
    assert done.returncode == 0 and any(c.isdigit() for c in done.stdout)


def test_a_key_file_is_made_for_its_owner_alone_and_never_over_another(tmp_path):
    file = tmp_path / "session.keys"
    assert command("keys", "new", file).returncode == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.read_bytes()
    assert command("keys", "new", file).returncode != 0 and file.read_bytes() == before


def test_rotation_adds_a_key_and_keeps_the_old(tmp_path):
    file = tmp_path / "session.keys"
    command("keys", "new", file)
    before = file.read_text()
    assert command("keys", "rotate", file).returncode == 0
    after = file.read_text()
    assert after != before and len(after) > len(before) and stat.S_IMODE(file.stat().st_mode) == 0o600
    assert command("keys", "rotate", tmp_path / "gone").returncode != 0


@pytest.mark.parametrize("octets", [b"", b"not keys\n", b"\0" * 64, b"YWJj\n"], ids=lambda o: repr(o[:10]))
def test_a_file_that_holds_no_keys_is_refused(run, provider, upstream, tmp_path, octets):
    file = tmp_path / "bad.keys"
    file.write_bytes(octets)
    gateway = run(config_for(provider, {"site": upstream}, session={"keys": {"file": str(file)}}), wait=False)
    gateway.was_ended = True
    assert gateway.process.wait(10) != 0 and "bad.keys" in gateway.said


KEYS = [
    "external_url",
    "listeners",
    "tls_terminated",
    "admin",
    "trusted_proxies",
    "provider",
    "issuer",
    "client_authentication",
    "session",
    "idle_timeout",
    "limits",
    "request_head",
    "timeouts",
    "response_start",
    "upstreams",
    "routes",
    "upstream_path",
    "graphql",
    "identity",
    "unverified_email",
]


def test_the_reference_names_every_key():
    done = command("config", "reference")
    assert done.returncode == 0 and all(key in done.stdout for key in KEYS)
    assert "30m" in done.stdout and "client_secret_basic" in done.stdout, "defaults and choices"


def test_the_schema_is_json_schema_and_knows_every_key():
    done = command("config", "schema")
    schema = json.loads(done.stdout)
    assert (
        schema["$schema"].startswith("http") and schema["type"] == "object" and "external_url" in schema["properties"]
    )
    assert schema["additionalProperties"] is False and "external_url" in schema["required"]
    assert all(f'"{key}"' in done.stdout for key in KEYS)


@pytest.fixture
def with_keys(run, provider, upstream, tmp_path):
    file = tmp_path / "session.keys"
    command("keys", "new", file)
    return run(
        config_for(
            provider,
            {"site": upstream},
            provider={"scopes": ["openid", "offline_access"]},
            session={"keys": {"file": str(file)}},
            routes=[{"path": "/graphql", "graphql": True, "upstream": "site"}, {"path": "/*", "upstream": "site"}],
        )
    )


def test_a_session_can_be_looked_into_without_showing_its_tokens(with_keys, provider):
    browser = with_keys.browser()
    browser.open(with_keys.at("/"))
    done = command("session", "inspect", "--config", with_keys.file, input=browser.cookie_field(with_keys.url) + "\n")
    assert done.returncode == 0, done.stderr
    assert "alice-id" in done.stdout
    for secret in [*provider.access_tokens, *provider.refresh_tokens]:
        assert secret not in done.stdout and secret[:20] not in done.stdout and secret[-20:] not in done.stdout


@pytest.mark.parametrize(
    "cookie",
    ["", "a=b", "gatehouse=garbage", "\0", "x" * 100_000],
    ids=["nothing", "another's", "garbage", "a control", "too much"],
)
def test_a_cookie_that_is_no_session_is_said_to_be_none(with_keys, cookie):
    done = command("session", "inspect", "--config", with_keys.file, input=cookie)
    assert done.returncode in (0, 1) and done.stdout + done.stderr and "Fatal" not in done.stderr


def test_a_command_nobody_knows_is_answered_with_help():
    done = command("srve")
    assert done.returncode != 0 and re.search(r"gatehouse --help|\brun\b", done.stdout + done.stderr)
    assert "check" in command("--help").stdout
