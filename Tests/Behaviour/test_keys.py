"""Keys change and nobody is signed out: here, at a node that reads the file late, and when nobody is there."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from fixtures import usual
from gateway import command
from waiting import until

# A minute of them, a second apart, and a second node that reads the file 10 s late: GATEHOUSE_ROTATIONS=60.
ROTATIONS = int(os.environ.get("GATEHOUSE_ROTATIONS", 8))
LATE = 10 if ROTATIONS >= 60 else 2


def node(run, provider, upstream, keys, like=None, **session):
    config = usual(provider, upstream)
    config["session"] = {"keys": {"file": str(keys)}, **session}
    if like:
        config["external_url"] = like.config["external_url"]
    return run(config)


@pytest.mark.parametrize("storage", ["cookie", "memory"])
def test_keys_that_rotate_under_load_sign_nobody_out(run, provider, upstream, tmp_path, storage):
    keys = tmp_path / "keys"
    assert command("keys", "new", keys).returncode == 0
    early = node(run, provider, upstream, keys, storage=storage)
    late = node(run, provider, upstream, keys, like=early) if storage == "cookie" else None
    browsers = [early.browser() for _ in range(3)]
    for browser in browsers:
        assert browser.open(early.at("/")).status == 200
    idle = f"Cookie: {browsers[0].cookie_field(early.url)}"
    seen, over = set(), threading.Event()

    def visit(browser):
        while not over.is_set():
            seen.add(browser.fetch(early.at("/page")).status)
            if late:
                line = f"Cookie: {browser.cookie_field(early.url)}"
                seen.add(late.ask("GET", "/page", line, host=early.host).status)

    with ThreadPoolExecutor(2) as pool:
        for browser in browsers[1:]:
            pool.submit(visit, browser)
        try:
            read_by_late = 0.0
            for n in range(ROTATIONS):
                began = time.monotonic()
                # The new key seals only when the last node has read it.
                assert command("keys", "rotate", keys, "--seal-after", f"{LATE + 4}s").returncode == 0
                early.reload()
                until(lambda: len(early.events("reloaded")) == n + 1, "the reload")
                if late and began - read_by_late >= LATE:
                    late.reload()
                    read_by_late = began
                time.sleep(max(0, began + (1 if ROTATIONS >= 60 else 0.5) - time.monotonic()))
            time.sleep(max(0, read_by_late + LATE - time.monotonic()))
            if late:
                late.reload()
            time.sleep(LATE + 4.5)  # until the last key seals
        finally:
            over.set()
    assert seen == {200}
    assert early.ask("GET", "/page", idle).status == 200, "who was away all the while"
    assert len(keys.read_text().splitlines()) >= ROTATIONS + 1


def test_a_session_under_a_key_that_no_longer_seals_is_sealed_again(run, provider, upstream, tmp_path):
    keys = tmp_path / "keys"
    assert command("keys", "new", keys).returncode == 0
    for storage in ("cookie", "memory"):
        gateway = node(run, provider, upstream, keys, storage=storage)
        browser = gateway.browser()
        browser.open(gateway.at("/"))
        old = browser.cookie_field(gateway.url)
        assert not browser.fetch(gateway.at("/page")).all("Set-Cookie")
        assert command("keys", "rotate", keys, "--seal-after", "0s").returncode == 0
        gateway.reload()
        gateway.until_logged("reloaded")
        until(lambda: browser.fetch(gateway.at("/page")).all("Set-Cookie"), "a cookie under the new key")
        assert browser.cookie_field(gateway.url) != old
        assert gateway.ask("GET", "/page", f"Cookie: {old}").status == 200, "the old key still opens"
        assert not browser.fetch(gateway.at("/page")).all("Set-Cookie"), "once"


def test_a_key_that_is_gone_ends_what_it_sealed(run, provider, upstream, tmp_path):
    keys = tmp_path / "keys"
    assert command("keys", "new", keys).returncode == 0
    gateway = node(run, provider, upstream, keys)
    browser = gateway.browser()
    browser.open(gateway.at("/"))
    keys.unlink()
    assert command("keys", "new", keys).returncode == 0
    gateway.reload()
    gateway.until_logged("reloaded")
    cookie = f"Cookie: {browser.cookie_field(gateway.url)}"
    assert gateway.ask("GET", "/page", cookie, "Accept: */*").status == 401
    browser.forget("login")
    assert browser.open(gateway.at("/page")).status == 200, "one login, and no circle"


def test_a_session_that_does_not_stick_is_noticed_at_any_node(run, provider, upstream, tmp_path):
    keys = tmp_path / "keys"
    assert command("keys", "new", keys).returncode == 0
    one = node(run, provider, upstream, keys)
    two = node(run, provider, upstream, keys, like=one)
    browser = one.browser()
    # Each login begins at one node and is finished at it, and the session's cookie is lost on the way.
    for gateway in (one, two):
        sent = browser.open(gateway.at("/page"), follow=False)
        back = browser.open(sent.location, follow=False).location
        browser.open(back.replace(one.url, gateway.url), follow=False)
        browser.cookies = [c for c in browser.cookies if c.name != "gatehouse"]
    page = browser.open(one.at("/page"))
    assert page.status == 400 and "cookies-missing" in page.text and provider.count("authorize") == 2
