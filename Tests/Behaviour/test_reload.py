"""SIGHUP: a good file is applied whole, a bad one changes nothing and the log says why."""

import pytest

from gateway import command, config_for, yaml
from raw import RawClient, request
from waiting import free_port, until

PUBLIC = {"path": "/*", "access": "public", "upstream": "site"}


def test_a_good_file_is_applied_without_losing_a_connection(run, provider, upstream):
    config = config_for(provider, {"site": upstream}, [{"path": "/a/*", "access": "public", "upstream": "site"}])
    gateway = run(config)
    with gateway.raw() as client:
        assert client.ask(request("GET", "/b/x", gateway.host)).status == 404
        config["routes"].append({"path": "/b/*", "access": "public", "upstream": "site"})
        gateway.write(config)
        gateway.reload()
        until(lambda: gateway.ask("GET", "/b/x").status == 200, "the new route")
        assert client.ask(request("GET", "/b/x", gateway.host)).status == 200, "on the connection of before, too"
    assert gateway.metric("gatehouse_config_reloads_total", outcome="success") == 1


BAD = {
    "no YAML": lambda c: "external_url: [",
    "an unknown key": lambda c: yaml({**c, "upstrems": {}}),
    "an upstream nobody knows": lambda c: yaml({**c, "routes": [{"path": "/*", "upstream": "gone"}]}),
    "empty": lambda c: "",
    "no routes": lambda c: yaml({**c, "routes": None}),
    "a missing secret file": lambda c: yaml({**c, "provider": {**c["provider"], "client_secret": {"file": "gone"}}}),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_file_changes_nothing_and_the_log_says_why(run, provider, upstream, what):
    config = config_for(provider, {"site": upstream}, [PUBLIC])
    gateway = run(config)
    gateway.file.write_text(BAD[what](config))
    gateway.reload()
    until(lambda: gateway.metric("gatehouse_config_reloads_total", outcome="failure") == 1, "the reload has failed")
    assert gateway.ask("GET", "/x").status == 200
    gateway.until_logged(
        lambda e: e["level"] == "error" and ("gatehouse.yaml" in str(e) or "reload" in str(e)), "why it failed"
    )


def test_a_file_that_is_gone_changes_nothing(run, provider, upstream):
    gateway = run(config_for(provider, {"site": upstream}, [PUBLIC]))
    gateway.file.unlink()
    gateway.reload()
    until(lambda: gateway.metric("gatehouse_config_reloads_total", outcome="failure") == 1, "the reload has failed")
    assert gateway.ask("GET", "/x").status == 200


def test_sessions_outlive_a_reload(signed_in, gateway):
    gateway.reload()
    until(lambda: gateway.metric("gatehouse_config_reloads_total", outcome="success") == 1, "the reload")
    assert signed_in.open(gateway.at("/page"), follow=False).status == 200


def test_a_new_client_secret_is_read(run, provider, upstream, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("the old one\n")
    provider.clients["gatehouse"] = "the new one"
    gateway = run(config_for(provider, {"site": upstream}, provider={"client_secret": {"file": str(secret)}}))
    assert gateway.browser().open(gateway.at("/page")).status == 502
    secret.write_text("the new one\n")
    gateway.reload()
    until(lambda: gateway.metric("gatehouse_config_reloads_total", outcome="success") == 1, "the reload")
    assert gateway.browser().open(gateway.at("/page")).status == 200


def test_keys_are_read_again_and_old_sessions_go_on(run, provider, upstream, tmp_path):
    keys = tmp_path / "session.keys"
    assert command("keys", "new", keys).returncode == 0
    gateway = run(config_for(provider, {"site": upstream}, session={"keys": {"file": str(keys)}}))
    browser = gateway.browser()
    browser.open(gateway.at("/"))
    old = browser.cookie_field(gateway.url)
    assert command("keys", "rotate", keys, "--seal-after", "0s").returncode == 0
    gateway.reload()
    until(lambda: gateway.metric("gatehouse_config_reloads_total", outcome="success") == 1, "the reload")
    assert browser.open(gateway.at("/page"), follow=False).status == 200
    assert browser.cookie_field(gateway.url) != old, "sealed again under the new key"


def test_a_restart_with_the_same_keys_keeps_sessions(run, provider, upstream, tmp_path):
    keys = tmp_path / "session.keys"
    command("keys", "new", keys)
    gateway = run(config_for(provider, {"site": upstream}, session={"keys": {"file": str(keys)}}))
    browser = gateway.browser()
    browser.open(gateway.at("/"))
    gateway.stop()
    gateway.start()
    assert browser.open(gateway.at("/page"), follow=False).status == 200


def test_a_listener_can_be_added_and_removed(run, provider, upstream):
    config = config_for(provider, {"site": upstream}, [PUBLIC])
    gateway = run(config)
    second = free_port()
    config["listeners"].append({"address": f"127.0.0.1:{second}"})
    gateway.write(config)
    gateway.reload()
    until(lambda: gateway.metric("gatehouse_config_reloads_total", outcome="success") == 1, "the reload")
    with RawClient(second) as client:
        assert client.ask(request("GET", "/x", gateway.host)).status == 200
    config["listeners"].pop()
    gateway.write(config)
    gateway.reload()
    until(lambda: gateway.metric("gatehouse_config_reloads_total", outcome="success") == 2, "the reload")
    with pytest.raises(OSError):
        RawClient(second)
    assert gateway.ask("GET", "/x").status == 200
