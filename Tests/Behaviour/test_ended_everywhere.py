"""A session that one node ends is ended at every node that shares its redis, within a second."""

import subprocess
import time

import pytest

from fixtures import usual
from gateway import command
from waiting import Process, free_port, until


@pytest.fixture
def redis(tmp_path):
    """Starts redis-server on one port, again and again."""
    port, started = free_port(), []

    def start():
        arguments = ["redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", tmp_path]
        started.append(Process(arguments, tmp_path / f"redis-{len(started)}").listens(port))
        return started[-1]

    start.url = f"redis://127.0.0.1:{port}/0"
    yield start
    for process in started:
        process.stop()


@pytest.fixture
def nodes(run, redis, provider, upstream, tmp_path):
    redis.first = redis()
    keys = tmp_path / "session.keys"
    assert command("keys", "new", keys).returncode == 0
    session = {"keys": {"file": str(keys)}, "redis": {"url": redis.url}}
    one = run({**usual(provider, upstream), "session": session})
    return one, run({**usual(provider, upstream), "session": session, "external_url": one.url})


def sign_in(node):
    browser = node.browser()
    assert browser.open(node.at("/")).status == 200
    return browser, f"Cookie: {browser.cookie_field(node.url)}"


def sign_out(browser, node):
    browser.submit(browser.open(node.at("/.auth/logout")), form="/.auth/logout")


def test_the_other_node_knows_and_one_that_starts_later(nodes):
    one, two = nodes
    browser, cookie = sign_in(one)
    status = lambda: two.ask("GET", "/page", cookie, host=one.host).status
    assert status() == 200
    sign_out(browser, one)
    until(lambda: status() == 401, "the other node knows", deadline=1)
    two.stop()
    two.start()
    until(lambda: status() == 401, "a new process of it, too", deadline=1)


def test_a_redis_that_was_away_is_handed_what_waited(nodes, redis):
    one, two = nodes
    browser, cookie = sign_in(one)
    status = lambda node: node.ask("GET", "/page", cookie, host=one.host).status
    redis.first.stop()
    sign_out(browser, one)
    assert (status(one), status(two)) == (401, 200), "the node itself needs no redis"
    redis()
    until(lambda: status(two) == 401, "the other node knows", deadline=3)


def test_a_redis_that_begins_anew_with_an_earlier_clock_is_noticed(nodes, redis):
    """What the nodes have read of the one before stands later than anything it will write."""
    one, two = nodes
    first, last = sign_in(one), sign_in(one)
    status = lambda cookie: two.ask("GET", "/page", cookie, host=one.host).status
    ask = lambda *words: subprocess.run(
        ["redis-cli", "-u", redis.url, *map(str, words)], capture_output=True, text=True, check=True
    ).stdout.split()
    sign_out(first[0], one)
    until(lambda: status(first[1]) == 401, "the other node knows")
    (stream,) = ask("--scan", "--pattern", "gatehouse:ended:*")
    # The clock of the one before was an hour ahead.
    ahead = f"{int(time.time() + 3600) * 1000}-0"
    ask("XADD", stream, ahead, "r", "nothing")
    time.sleep(1)
    ask("FLUSHALL")
    sign_out(last[0], one)
    until(lambda: status(last[1]) == 401, "the other node knows", deadline=1)
    two.stop()
    two.start()
    until(lambda: status(first[1]) == 401 and status(last[1]) == 401, "a new process knows both", deadline=1)
