"""What ended stays ended over a restart, where there is a place to keep it, however the process ended."""

import os
import stat
import time

import pytest

from fixtures import usual
from calls import Reply
from gateway import command, yaml
from test_provider_logout import good, post, signed
from waiting import until

KEYS = "session.keys"


@pytest.fixture
def site(run, provider, upstream, tmp_path):
    """A gateway that keeps its keys and its state."""
    keys = tmp_path / KEYS
    assert command("keys", "new", keys).returncode == 0
    config = usual(provider, upstream)
    config["session"] = {"keys": {"file": str(keys)}, "state_directory": str(tmp_path / "state")}
    return run(config)


def sign_in(site, provider, sid="session-1"):
    provider.user["sid"] = sid
    browser = site.browser()
    assert browser.open(site.at("/")).status == 200
    return browser, f"Cookie: {browser.cookie_field(site.url)}"


def is_signed_in(site, cookie):
    return site.ask("GET", "/page", cookie).status == 200


def test_a_logout_is_remembered_by_the_next_process(site, provider, tmp_path):
    browser, ended = sign_in(site, provider)
    _, by_sid = sign_in(site, provider, "session-2")
    _, other = sign_in(site, provider, "session-3")
    browser.submit(browser.open(site.at("/.auth/logout")), form="/.auth/logout")
    assert post(site, signed(provider, good(provider, sid="session-2"))).status == 200
    site.kill()  # without a word
    site.start()
    assert [is_signed_in(site, c) for c in (ended, by_sid, other)] == [False, False, True]
    site.stop()
    site.start()
    assert [is_signed_in(site, c) for c in (ended, by_sid, other)] == [False, False, True]
    file = tmp_path / "state" / "ended"
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
    octets = file.read_bytes()
    assert b"alice" not in octets and b"session-" not in octets


def test_what_is_damaged_loses_itself_alone(site, provider, tmp_path):
    browser, first = sign_in(site, provider)
    browser.submit(browser.open(site.at("/.auth/logout")), form="/.auth/logout")
    another, second = sign_in(site, provider)
    another.submit(another.open(site.at("/.auth/logout")), form="/.auth/logout")
    site.kill()
    file = tmp_path / "state" / "ended"
    octets = bytearray(file.read_bytes())
    octets[16 + 10] ^= 1  # in the first record
    file.write_bytes(octets + b"\x01\x02\x03")  # and one that was cut
    site.start()
    assert not is_signed_in(site, second)
    damage = site.until_logged("state-damaged")
    assert damage["records"] == 2
    third_browser, third = sign_in(site, provider)
    third_browser.submit(third_browser.open(site.at("/.auth/logout")), form="/.auth/logout")
    site.kill()
    site.start()
    assert not is_signed_in(site, second) and not is_signed_in(site, third)
    assert not site.events("state-damaged"), "it was tidied"


def test_what_nobody_asks_for_any_more_is_dropped_at_start(run, provider, upstream, tmp_path):
    keys = tmp_path / KEYS
    command("keys", "new", keys)
    config = usual(provider, upstream)
    config["session"] = {"keys": {"file": str(keys)}, "state_directory": str(tmp_path / "state"), "lifetime": "2s"}
    site = run(config)
    browser, _ = sign_in(site, provider)
    browser.submit(browser.open(site.at("/.auth/logout")), form="/.auth/logout")
    file = tmp_path / "state" / "ended"
    assert file.stat().st_size > 16
    ends = time.time() + 3
    until(lambda: time.time() > ends, "the lifetime has passed")
    site.stop()
    site.start()
    assert file.stat().st_size == 16


def test_two_processes_of_a_restart_know_of_each_others_endings(site, run, provider, upstream, tmp_path):
    browser, cookie = sign_in(site, provider)
    config = {**usual(provider, upstream), "session": site.config["session"], "external_url": site.url}
    next_one = run(config)
    ask = lambda: next_one.ask("GET", "/page", cookie, host=site.host).status
    assert ask() == 200
    browser.submit(browser.open(site.at("/.auth/logout")), form="/.auth/logout")
    until(lambda: ask() == 401, "the next process knows", deadline=3)


def test_a_refresh_token_that_was_sent_is_not_sent_by_the_next_process(site, provider):
    provider.expires_in = 2
    browser, cookie = sign_in(site, provider)
    provider.expires_in = 3600
    began = time.time()
    until(lambda: time.time() > began + 2.2, "the token's end")
    provider.on["token"] = lambda call: Reply(200, {"access_token": "x" * 100}, cut=20)
    ask = lambda: site.ask("POST", "/graphql", cookie, "Content-Type: application/json", content='{"query":"{me}"}').status
    assert ask() in (401, 503)
    del provider.on["token"]
    site.kill()
    site.start()
    assert [ask(), ask()] == [401, 401] and len(provider.grants("refresh_token")) == 1
    assert is_signed_in(site, cookie), "other routes go on"


def test_check_says_that_a_directory_cannot_be_written(run, provider, upstream, tmp_path):
    (tmp_path / "file").write_text("")
    config = usual(provider, upstream)
    config["session"] = {"state_directory": str(tmp_path / "file")}
    file = tmp_path / "gatehouse.yaml"
    file.write_text(yaml(config) + "\n")
    said = command("check", "--config", file)
    assert said.returncode == 1 and "session.state_directory" in said.stdout + said.stderr


def test_a_directory_that_cannot_be_used_is_said_at_start(run, provider, upstream, tmp_path):
    (tmp_path / "file").write_text("")
    config = usual(provider, upstream)
    config["session"] = {"state_directory": str(tmp_path / "file")}
    site = run(config, wait=False)
    assert site.process.wait() == 1
    assert "session.state_directory" in site.process.log.with_suffix(".err").read_text()
    site.was_ended = True
