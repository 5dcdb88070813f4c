"""Sessions in redis, and refreshes that several nodes share through it."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from calls import Reply
from fixtures import usual
from gateway import command
from raw import RawClient, request
from stores import Partition, Store
from test_kept_sessions import session_cookies
from test_several_providers import partners, several  # noqa: F401 - a fixture
from tokens import claims_of
from upstream import answer
from waiting import free_port, until


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "redis")
    yield store
    store.stop()


def site(provider, upstream, tmp_path, url, storage="redis", **session):
    config = usual(provider, upstream)
    keys = tmp_path / "keys"
    if not keys.exists():
        assert command("keys", "new", keys).returncode == 0
    config["session"] = {"keys": {"file": str(keys)}, "redis": {"url": url}, **session}
    if storage:
        config["session"]["storage"] = storage
    return config


def at(store):
    return f"redis://127.0.0.1:{store.port}"


def nodes(run, provider, upstream, tmp_path, url, count=2, **session):
    """Gateways with one external URL, as behind a balancer that sends each request anywhere."""
    first = run(site(provider, upstream, tmp_path, url, **session))
    others = []
    for _ in range(count - 1):
        config = site(provider, upstream, tmp_path, url, **session)
        config["external_url"] = first.config["external_url"]
        node = run(config)
        others.append(node)
    return [first, *others]


def call(gateway, cookie, host=None):
    return gateway.ask(
        "POST",
        "/graphql",
        cookie,
        "Content-Type: application/json",
        content='{"query":"{me}"}',
        host=host or gateway.host,
    )


def field(browser, gateway):
    return f"Cookie: {browser.cookie_field(gateway.url)}"


def signed_in(gateway, provider, expires_in=2):
    provider.expires_in = expires_in
    browser = gateway.browser()
    assert browser.open(gateway.at("/")).status == 200
    provider.expires_in = 3600
    return browser


def token_ended(provider):
    end = claims_of(provider.access_tokens[0])["exp"]
    until(lambda: time.time() > end + 0.2, "the token's end")


def test_the_store_has_nothing_that_a_thief_could_use(run, provider, upstream, store, tmp_path):
    gateway = run(site(provider, upstream, tmp_path, at(store)))
    browser = signed_in(gateway, provider, 3600)
    cookie = session_cookies(browser)["gatehouse"]
    assert len(cookie) < 300
    (key,) = store.keys()
    assert key.startswith("gatehouse:s:") and key[12:] not in cookie
    entry = store.ask("GET", key)
    for secret in ["alice", provider.access_tokens[0][:20], next(iter(provider.refresh_tokens))[:20]]:
        assert secret.encode() not in entry
    assert 0 < store.ask("PTTL", key) <= 30 * 60 * 1000
    browser.submit(browser.open(gateway.at("/.auth/logout")), form="/.auth/logout")
    until(lambda: store.keys() == [], "the entry goes with the session")


@pytest.mark.parametrize("storage", ["redis", "cookie"])
def test_two_hundred_calls_at_two_nodes_cost_one_refresh(run, provider, upstream, store, tmp_path, storage):
    one, two = nodes(run, provider, upstream, tmp_path, at(store), storage=storage)
    browser = signed_in(one, provider)
    token_ended(provider)
    upstream.forget()
    provider.on["token"] = lambda call: time.sleep(0.5)
    cookie = field(browser, one)
    with ThreadPoolExecutor(60) as pool:
        answers = list(pool.map(lambda n: call((one, two)[n % 2], cookie, one.host), range(200)))
    assert {a.status for a in answers} == {200}
    assert len(provider.grants("refresh_token")) == 1
    assert {r.one("Authorization") for r in upstream.requests} == {f"Bearer {provider.access_tokens[-1]}"}
    # Nobody is logged out afterwards, with the old cookie or with a new one, at either node.
    new = next((a.all("Set-Cookie")[0].split(";")[0] for a in answers if a.all("Set-Cookie")), None)
    assert (new is None) == (storage == "redis")
    for node in (one, two):
        for line in {cookie, f"Cookie: {new}" if new else cookie}:
            assert call(node, line, one.host).status == 200
    assert len(provider.grants("refresh_token")) == 1


@pytest.mark.parametrize("storage", ["redis", "cookie"])
def test_clients_that_abort_change_nothing(run, provider, upstream, store, tmp_path, storage):
    gateway = run(site(provider, upstream, tmp_path, at(store), storage=storage))
    browser = signed_in(gateway, provider)
    token_ended(provider)
    provider.on["token"] = lambda call: time.sleep(0.4)
    cookie = field(browser, gateway)
    for _ in range(10):
        with RawClient(gateway.port) as client:
            client.send(
                request("POST", "/graphql", gateway.host, cookie, "Content-Type: application/json", content="{}")
            )
    assert call(gateway, cookie).status == 200
    assert len(provider.grants("refresh_token")) == 1


@pytest.mark.parametrize("storage", ["redis", "cookie"])
def test_a_cut_refresh_is_not_repeated_by_another_node(run, provider, upstream, store, tmp_path, storage):
    one, two = nodes(run, provider, upstream, tmp_path, at(store), storage=storage)
    browser = signed_in(one, provider)
    token_ended(provider)
    provider.on["token"] = lambda call: Reply(200, {"access_token": "x" * 100}, cut=20)
    cookie = field(browser, one)
    assert call(one, cookie).status in (401, 503)
    for node in (two, one, two):
        answer = call(node, cookie, one.host)
        assert answer.status == 401 and "UNAUTHENTICATED" in answer.text
    assert len(provider.grants("refresh_token")) == 1
    assert two.ask("GET", "/page", cookie, host=one.host).status == 200, "other routes go on"


@pytest.mark.parametrize("storage", ["redis", "cookie"])
def test_a_provider_in_trouble_logs_nobody_out(run, provider, upstream, store, tmp_path, storage):
    one, two = nodes(run, provider, upstream, tmp_path, at(store), storage=storage)
    browser = signed_in(one, provider)
    token_ended(provider)
    provider.on["token"] = lambda call: Reply(503, "trouble")
    cookie = field(browser, one)
    assert call(one, cookie).status == 503 and call(two, cookie, one.host).status == 503
    assert one.ask("GET", "/page", cookie).status == 200
    del provider.on["token"]
    until(lambda: call(two, cookie, one.host).status == 200, "the refresh is tried again", deadline=20)


def test_a_refused_refresh_token_ends_the_session_at_every_node(run, provider, upstream, store, tmp_path):
    one, two = nodes(run, provider, upstream, tmp_path, at(store))
    browser = signed_in(one, provider)
    token_ended(provider)
    provider.refresh_tokens.clear()
    cookie = field(browser, one)
    assert call(one, cookie).status == 401
    until(lambda: two.ask("GET", "/page", cookie, host=one.host).status == 401, "the other node", deadline=3)
    assert len(provider.grants("refresh_token")) == 1


def test_a_logout_at_one_node_is_known_to_the_other_within_a_second(run, provider, upstream, store, tmp_path):
    one, two = nodes(run, provider, upstream, tmp_path, at(store))
    browser = signed_in(one, provider, 3600)
    cookie = field(browser, one)
    assert two.ask("GET", "/page", cookie, host=one.host).status == 200
    browser.submit(browser.open(one.at("/.auth/logout")), form="/.auth/logout")
    time.sleep(1.1)
    assert two.ask("GET", "/page", cookie, host=one.host).status == 401


# The store in trouble


def kinds_of_refusal(gateway, browser, cookie):
    program = gateway.ask("GET", "/page", cookie, "Accept: */*")
    assert program.status == 503 and program.media_type == "application/problem+json"
    assert program.json["code"] == "session-store-unavailable" and program.one("Retry-After")
    graphql = call(gateway, cookie)
    assert graphql.status == 503
    assert graphql.json["errors"][0]["extensions"]["code"] == "SESSION_STORE_UNAVAILABLE"
    assert gateway.ask("GET", "/optional/x", cookie).status == 503
    assert gateway.ask("GET", "/optional/x").status == 200
    assert gateway.ask("GET", "/public/x", cookie).status == 200
    page = browser.open(gateway.at("/page"), follow=False)
    assert page.status == 503 and page.media_type == "text/html" and not page.all("Set-Cookie")
    assert gateway.ask("GET", "/page", "Accept: */*").status == 401, "who brings no cookie is told to sign in"


@pytest.mark.parametrize("trouble", ["killed", "frozen", "cut"])
def test_while_the_store_is_away_nobody_is_sent_to_sign_in(run, provider, upstream, store, tmp_path, trouble):
    way = Partition(store.port)
    gateway = run(site(provider, upstream, tmp_path, f"redis://127.0.0.1:{way.port}"))
    browser = signed_in(gateway, provider, 3600)
    cookie = field(browser, gateway)
    assert gateway.ask("GET", "/page", cookie).status == 200
    time.sleep(1.1)
    if trouble == "killed":
        store.kill()
    store.freeze(trouble == "frozen")
    way.isCut = trouble == "cut"
    began = time.time()
    assert gateway.ask("GET", "/page", cookie, "Accept: */*").status == 503
    assert time.time() - began < 1.8, "no hang past the time-out"
    kinds_of_refusal(gateway, browser, cookie)
    status, said = gateway.admin("/readyz")
    assert status == 200
    other = gateway.browser()
    page = other.open(gateway.at("/page"))
    assert page.status == 503 and provider.grants("authorization_code")[1:] == [], "no code is spent for nothing"
    if trouble == "killed":
        store.start()
    store.freeze(False)
    way.isCut = False
    back = time.time()
    if trouble == "killed":  # what it kept is gone with it
        until(lambda: gateway.ask("GET", "/page", cookie, "Accept: */*").status == 401, "it answers again")
    else:
        until(lambda: gateway.ask("GET", "/page", cookie).status == 200, "it answers again")
    assert time.time() - back < 2
    assert "degraded: redis" in said
    assert gateway.until_logged("redis-failed") and gateway.until_logged("redis-recovered")
    way.close()


def test_under_load_a_store_that_comes_and_goes_logs_nobody_out(run, provider, upstream, store, tmp_path):
    way = Partition(store.port)
    gateway = run(site(provider, upstream, tmp_path, f"redis://127.0.0.1:{way.port}"))
    cookies = [field(signed_in(gateway, provider, 3600), gateway) for _ in range(4)]
    seen, over = [], threading.Event()

    def visitor(cookie):
        while not over.is_set():
            began = time.time()
            status = gateway.ask("GET", "/page", cookie, "Accept: */*").status
            seen.append((status, time.time() - began))

    with ThreadPoolExecutor(8) as pool:
        for n in range(8):
            pool.submit(visitor, cookies[n % 4])
        for _ in range(2):
            time.sleep(0.6)
            way.isCut = True
            time.sleep(1.4)
            way.isCut = False
            way.delay = 0.2
            time.sleep(0.8)
            way.delay = 0
            store.freeze()
            time.sleep(1.3)
            store.freeze(False)
        time.sleep(1.2)
        over.set()
    assert {status for status, _ in seen} == {200, 503}
    assert max(took for _, took in seen) < 3
    assert [gateway.ask("GET", "/page", cookie).status for cookie in cookies] == [200] * 4
    way.close()


class Load:
    """Programs that ask all the while; `seen` has (time, status, seconds) of each answer."""

    def __init__(self, gateway, cookies, threads=6):
        self.gateway, self.cookies, self.seen, self.over = gateway, cookies, [], threading.Event()
        self.pool = ThreadPoolExecutor(threads)
        self.work = [self.pool.submit(self.visit, cookies[n % len(cookies)]) for n in range(threads)]

    def visit(self, cookie):
        while not self.over.is_set():
            began = time.time()
            status = self.gateway.ask("GET", "/page", cookie, "Accept: */*").status
            self.seen.append((began, status, time.time() - began))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over.set()
        self.pool.shutdown()
        for each in self.work:
            each.result()

    def statuses(self, since=0.0):
        return {status for began, status, _ in list(self.seen) if began >= since}


def test_a_store_killed_under_load_is_back_within_a_second_of_its_return(run, provider, upstream, store, tmp_path):
    gateway = run(site(provider, upstream, tmp_path, at(store)))
    cookies = [field(signed_in(gateway, provider, 3600), gateway) for _ in range(3)]
    with Load(gateway, cookies) as load:
        time.sleep(0.4)
        store.kill()
        time.sleep(2)
        assert load.statuses() == {200, 503}, "away is not signed out"
        store.start()  # with nothing of what it kept
        time.sleep(1)
        back = time.time()
        time.sleep(0.5)
    assert load.statuses(back) == {401}, "a second after its return it is asked again, and has no session"
    assert load.statuses() == {200, 503, 401} and max(took for _, _, took in load.seen) < 1.8
    assert signed_in(gateway, provider, 3600).open(gateway.at("/page")).status == 200


@pytest.mark.parametrize("storage, after", [("redis", {401}), ("cookie", {200})])
def test_a_store_flushed_under_load_costs_what_it_kept_and_no_more(
    run, provider, upstream, store, tmp_path, storage, after
):
    gateway = run(site(provider, upstream, tmp_path, at(store), storage=storage))
    browsers = [signed_in(gateway, provider, 3600) for _ in range(3)]
    with Load(gateway, [field(b, gateway) for b in browsers]) as load:
        time.sleep(0.4)
        store.ask("FLUSHALL")
        time.sleep(1.2)  # an entry may be used again for a second
        since = time.time()
        time.sleep(0.4)
    assert load.statuses(since) == after and load.statuses() <= {200} | after
    assert gateway.events("redis-failed") == []
    before = provider.count("authorize")
    assert browsers[0].open(gateway.at("/page")).status == 200
    assert provider.count("authorize") - before == (1 if storage == "redis" else 0), "one login, where it is gone"


def test_a_long_lived_exchange_lives_on_what_another_node_sees(run, provider, upstream, store, tmp_path):
    """Cookies hold the session; through redis each node knows when the other saw it last."""
    never = threading.Event()
    events = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
    upstream.script = lambda r: [events, never] if r.target == "/events" else answer("ok")
    one, two = nodes(run, provider, upstream, tmp_path, at(store), storage="cookie", idle_timeout="4s")
    browser = signed_in(one, provider, 3600)
    try:
        with one.raw(deadline=40) as client:
            client.send(request("GET", "/events", one.host, field(browser, one)))
            assert client.head().status == 200
            ended = threading.Event()

            def watch():
                while client._more():
                    pass
                ended.set()

            threading.Thread(target=watch, daemon=True).start()

            def visit(until):
                while time.monotonic() < until and not ended.is_set():
                    page = two.ask("GET", "/page", field(browser, one), "Accept: */*", host=one.host)
                    assert page.status == 200
                    for line in page.all("Set-Cookie"):
                        browser._keep(one.url, line)
                    time.sleep(0.5)

            visit(time.monotonic() + 9)
            assert not ended.is_set(), "the other node sees the session"
            assert ended.wait(14), "nobody sees it any more"
    finally:
        never.set()


def test_cookie_mode_waits_for_no_store_except_to_refresh(run, provider, upstream, store, tmp_path):
    gateway = run(site(provider, upstream, tmp_path, at(store), storage="cookie"))
    browser = signed_in(gateway, provider)
    cookie = field(browser, gateway)
    store.kill()
    assert gateway.ask("GET", "/page", cookie).status == 200
    token_ended(provider)
    assert call(gateway, cookie).status == 503
    assert gateway.ask("GET", "/page", cookie).status == 200
    assert provider.grants("refresh_token") == [], "never without its lock"
    store.start()
    until(lambda: call(gateway, cookie).status == 200, "the refresh", deadline=3)
    assert len(provider.grants("refresh_token")) == 1


def test_a_session_too_large_for_cookies_goes_to_the_store(run, provider, upstream, store, tmp_path):
    provider.user["groups"] = [f"group-{i:04}-" + "x" * 20 for i in range(600)]
    one, two = nodes(run, provider, upstream, tmp_path, at(store), storage=None)
    browser = signed_in(one, provider, 3600)
    assert len(store.keys()) == 1 and len(session_cookies(browser)["gatehouse"]) < 300
    assert two.ask("GET", "/page", field(browser, one), host=one.host).status == 200


# Where it is


def test_user_password_database_and_tls(run, provider, upstream, tmp_path, certificates):
    chain, key = certificates.issue("localhost")
    lines = ["user default off", "user gatehouse on >secret~pw ~gatehouse:* +@all"]
    store = Store(tmp_path / "redis", *lines, tls=(chain, key, certificates.ca))
    try:
        config = site(provider, upstream, tmp_path, f"rediss://localhost:{store.port}/3")
        config["session"]["redis"] |= {"user": "gatehouse", "password": "secret~pw", "ca_file": str(certificates.ca)}
        gateway = run(config)
        browser = signed_in(gateway, provider, 3600)
        assert browser.open(gateway.at("/page")).status == 200
        assert gateway.events("redis-failed") == []
        config["session"]["redis"]["password"] = "wrong"
        gateway.write(config)
        gateway.reload()
        gateway.until_logged("reloaded")
        time.sleep(1.1)  # what was fetched last is used for a second
        assert gateway.ask("GET", "/page", field(browser, gateway), "Accept: */*").status == 503
        assert "WRONGPASS" in gateway.until_logged("redis-failed")["reason"]
    finally:
        store.stop()


def test_sentinels_name_the_master_and_its_successor(run, provider, upstream, tmp_path):
    master = Store(tmp_path / "master")
    replica = Store(tmp_path / "replica", f"replicaof 127.0.0.1 {master.port}")
    lines = [
        f"sentinel monitor main 127.0.0.1 {master.port} 1",
        "sentinel down-after-milliseconds main 500",
        "sentinel failover-timeout main 2000",
    ]
    sentinel = Store(tmp_path / "sentinel", *lines, sentinel=True)
    try:
        until(lambda: "online" in str(master.ask("INFO", "replication")), "the replica follows")
        until(lambda: b"slaves=1" in sentinel.ask("INFO", "sentinel"), "the sentinel knows the replica", deadline=15)
        url = f"redis+sentinel://127.0.0.1:1,127.0.0.1:{sentinel.port}/main"
        gateway = run(site(provider, upstream, tmp_path, url))
        browser = signed_in(gateway, provider, 3600)
        cookie = field(browser, gateway)
        assert gateway.ask("GET", "/page", cookie).status == 200
        master.kill()
        seen = set()

        def again():
            status = gateway.ask("GET", "/page", cookie, "Accept: */*").status
            seen.add(status)
            return status == 200 and "role:master" in replica.ask("INFO", "replication").decode()

        until(again, "the successor serves", deadline=20)
        assert seen <= {200, 503}
    finally:
        for server in (sentinel, replica, master):
            server.stop()


def test_a_cluster_is_asked_where_its_keys_are(run, provider, upstream, tmp_path):
    buses = [free_port() for _ in range(3)]
    lines = ["cluster-enabled yes", "cluster-node-timeout 2000"]
    servers = [Store(tmp_path / f"node-{n}", *lines, f"cluster-port {bus}") for n, bus in enumerate(buses)]
    try:
        for n, server in enumerate(servers):
            server.ask("CLUSTER", "ADDSLOTSRANGE", 5462 * n, min(5462 * (n + 1) - 1, 16383))
            server.ask("CLUSTER", "MEET", "127.0.0.1", servers[0].port, buses[0])
        until(lambda: all(b"state:ok" in s.ask("CLUSTER", "INFO") for s in servers), "the cluster", deadline=20)
        url = "redis+cluster://" + ",".join(f"127.0.0.1:{s.port}" for s in servers[:2])
        gateway = run(site(provider, upstream, tmp_path, url))
        for _ in range(8):
            browser = signed_in(gateway, provider)
            assert browser.open(gateway.at("/page")).status == 200
        time.sleep(2.2)
        assert call(gateway, field(browser, gateway)).status == 200
        held = [len([k for k in s.keys() if ":s:" in k]) for s in servers]
        assert sum(held) == 8
        assert gateway.events("redis-failed") == []
    finally:
        for server in servers:
            server.stop()


@pytest.mark.parametrize("path, status", [("/both/x", 200), ("/.auth/me", 401), ("/.auth/logout", 200)])
def test_several_sessions_that_are_gone_are_none(run, provider, partners, upstream, store, tmp_path, path, status):
    """Each is asked for once, and the next does not make the first unknown again."""
    session = site(provider, upstream, tmp_path, at(store))["session"]
    gateway = run(several(provider, partners, upstream, session=session))
    browser = gateway.browser()
    for page in ("/staff/x", "/partners/x"):
        assert browser.open(gateway.at(page)).status == 200
    store.ask("FLUSHALL")
    time.sleep(1.1)  # an entry may be used again for a second
    assert browser.open(gateway.at(path)).status == status
