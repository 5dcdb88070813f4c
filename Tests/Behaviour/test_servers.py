"""An upstream of several servers: requests are shared, one that fails is passed over, and returns gently."""

import collections
import contextlib
import socket
import threading
import time

import pytest

from gateway import config_for
from raw import request
from upstream import CLOSE, RecordingUpstream, answer
from waiting import free_port, until

PUBLIC = [{"path": "/*", "access": "public", "upstream": "pool"}]


@pytest.fixture
def servers():
    """Makes servers that say their name."""
    made = []

    def make(name, port=0, script=None):
        server = RecordingUpstream(script or (lambda r: answer(name)), port=port)
        made.append(server)
        return server

    yield make
    for server in made:
        if server.is_open:
            server.close()


def pool(provider, servers, /, threads=1, **more):
    upstream = {"servers": [getattr(s, "url", s) for s in servers], **more.pop("upstream", {})}
    return config_for(provider, {}, PUBLIC, threads=threads, upstreams={"pool": upstream}, **more)


def ask(gateway, times, method="GET", **options):
    """How often each answered; a status where it was none of theirs."""
    counts = collections.Counter()
    for _ in range(times):
        reply = gateway.ask(method, "/x", **options)
        counts[reply.text if reply.status == 200 else reply.status] += 1
    return counts


@contextlib.contextmanager
def swallowing():
    """An address that answers no connection attempt."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect(listener.getsockname())
            fillers.append(filler)
        time.sleep(0.05)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        for filler in fillers:
            filler.close()


def test_each_has_its_turn(run, provider, servers):
    gateway = run(pool(provider, [servers(n) for n in "abc"]))
    with gateway.raw() as client:
        texts = [client.ask(request("GET", "/x", gateway.host)).text for _ in range(12)]
    assert texts[:3] * 4 == texts and sorted(texts[:3]) == ["a", "b", "c"]


def test_two_loops_share_evenly_too(run, provider, servers):
    gateway = run(pool(provider, [servers(n) for n in "ab"], threads=2))
    assert min(ask(gateway, 40).values()) >= 18


def test_the_least_busy_is_next(run, provider, servers):
    hold = threading.Event()
    slow = servers("slow", script=lambda r: [hold, answer("slow")] if r.target == "/hold" else answer("slow"))
    gateway = run(pool(provider, [slow, servers("fast")], upstream={"balance": "least_requests"}))
    with gateway.raw() as one, gateway.raw() as two:
        one.send(request("GET", "/hold", gateway.host))
        slow.wait_for(1)
        assert ask(gateway, 10) == {"fast": 10}
        two.send(request("GET", "/hold", gateway.host))
        hold.set()
        assert one.answer().status == two.answer().status == 200
    assert ask(gateway, 10) == {"slow": 5, "fast": 5}


def test_one_that_is_down_costs_no_answer_and_returns(run, provider, servers):
    port = free_port()
    gateway = run(pool(provider, [servers("a"), f"http://127.0.0.1:{port}", servers("c")], threads=2))
    assert set(ask(gateway, 30)) == {"a", "c"}
    event = gateway.until_logged("server-out")
    assert (event["upstream"], event["server"]) == ("pool", f"http://127.0.0.1:{port}")
    status, body = gateway.admin("/readyz")
    assert status == 200 and f"degraded: upstream pool: http://127.0.0.1:{port}: " in body
    assert f"degraded: upstream pool: http://127.0.0.1:{port}: " in gateway.admin("/")[1]
    up = lambda: gateway.metric("gatehouse_upstream_server_up", server=f"http://127.0.0.1:{port}")
    assert up() == 0
    servers("b", port)
    until(lambda: "b" in ask(gateway, 5), "it is tried again", 12)
    assert gateway.until_logged("server-back")["server"] == f"http://127.0.0.1:{port}"
    assert up() == 1 and "degraded" not in gateway.admin("/readyz")[1]
    assert len(gateway.events("server-out")) == 1
    until(lambda: ask(gateway, 30)["b"] >= 9, "and has its share again", 12)


def test_posts_are_served_too_while_one_is_down(run, provider, servers):
    gateway = run(pool(provider, [f"http://127.0.0.1:{free_port()}", servers("b")]))
    assert ask(gateway, 10, method="POST", content="x" * 1000) == {"b": 10}


def test_one_that_answers_no_connection_attempt_costs_a_quarter_of_a_second(run, provider, servers):
    with swallowing() as address:
        gateway = run(pool(provider, [address, servers("b")]))
        began = time.monotonic()
        assert ask(gateway, 1) == {"b": 1}
        assert 0.2 < time.monotonic() - began < 1.5
        began = time.monotonic()
        assert ask(gateway, 20) == {"b": 20} and time.monotonic() - began < 0.7, "it rests"


def test_alone_it_is_waited_for_until_the_time_is_up(run, provider):
    with swallowing() as address:
        gateway = run(pool(provider, [address], timeouts={"connect": "600ms"}))
        began = time.monotonic()
        assert ask(gateway, 1) == {504: 1}
        assert 0.5 < time.monotonic() - began < 2


def test_wrong_answers_in_a_row_take_one_out(run, provider, servers):
    bad = servers("bad", script=lambda r: CLOSE)
    gateway = run(pool(provider, [bad, servers("b")]))
    counts = ask(gateway, 40)
    assert counts[502] <= 5 and counts["b"] >= 35
    assert gateway.until_logged("server-out")["server"] == bad.url
    bad.script = lambda r: answer("well")
    until(lambda: "well" in ask(gateway, 5), "it is tried again", 12)


def test_errors_that_a_server_says_itself_are_answers(run, provider, servers):
    a, b = (servers(n, script=lambda r: answer("busy", "503 Service Unavailable")) for n in "ab")
    gateway = run(pool(provider, [a, b]))
    assert ask(gateway, 20) == {503: 20}
    assert abs(len(a.requests) - len(b.requests)) <= 1 and gateway.events("server-out") == []


def test_all_down_is_502_and_back_at_once(run, provider, servers):
    ports = [free_port(), free_port()]
    gateway = run(pool(provider, [f"http://127.0.0.1:{p}" for p in ports]))
    began = time.monotonic()
    assert ask(gateway, 10) == {502: 10} and time.monotonic() - began < 2
    servers("b", ports[1])
    assert ask(gateway, 5) == {"b": 5}


def test_a_safe_request_on_a_connection_that_closed_goes_to_another_server(run, provider, servers):
    once = threading.Event()

    def script(r):
        if r.target == "/close" and not once.is_set():
            once.set()
            return CLOSE
        return answer("served")

    first, second = servers("a", script=script), servers("b", script=script)
    gateway = run(pool(provider, [first, second], timeouts={"upstream_idle": "30s"}))
    ask(gateway, 4)
    reply = gateway.ask("GET", "/close")
    assert reply.status == 200
    where = [s for s in (first, second) for r in s.requests if r.target == "/close"]
    assert len(where) == 2 and where[0] is not where[1]


@pytest.mark.parametrize("method, content", [("POST", "x"), ("PUT", "x"), ("POST", None)])
def test_what_may_have_been_read_is_sent_to_nobody_else(run, provider, servers, method, content):
    script = lambda r: CLOSE if r.target == "/close" else answer("served")
    made = [servers("a", script=script), servers("b", script=script)]
    gateway = run(pool(provider, made, timeouts={"upstream_idle": "30s"}))
    ask(gateway, 4)
    assert gateway.ask(method, "/close", content=content).status == 502
    assert sum(r.target == "/close" for s in made for r in s.requests) == 1


def test_a_unix_socket_and_a_port_may_be_servers_of_one(run, provider, servers, tmp_path):
    path = str(tmp_path / "s.sock")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(16)

    def serve():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connection.recv(65536)
                connection.sendall(answer("unix", "200 OK", "Connection: close"))
                connection.close()

    threading.Thread(target=serve, daemon=True).start()
    gateway = run(pool(provider, [f"unix:{path}", servers("port")]))
    assert ask(gateway, 6) == {"unix": 3, "port": 3}
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def test_the_one_server_of_an_upstream_is_degraded_too(run, provider, servers):
    port = free_port()
    gateway = run(config_for(provider, {"pool": f"http://127.0.0.1:{port}"}, PUBLIC))
    assert ask(gateway, 2) == {502: 2}
    status, body = gateway.admin("/readyz")
    assert status == 200 and "degraded: upstream pool: " in body
    servers("a", port)
    assert ask(gateway, 2) == {"a": 2}
    until(lambda: "degraded" not in gateway.admin("/readyz")[1], "what one loop has learnt, the other hears")
    assert gateway.events("server-out") == []


# Active checks

CHECK = {"health_check": {"path": "/healthz", "interval": "100ms", "timeout": "400ms"}}


class Checked:
    """What a server answers to its checks, and what asked."""

    def __init__(self, name):
        self.name, self.health, self.asked = name, "200 OK", []

    def __call__(self, r):
        if r.target != "/healthz":
            return answer(self.name)
        self.asked.append(r)
        return answer("x", self.health) if isinstance(self.health, str) else [self.health, answer("late")]


def test_one_whose_check_fails_is_passed_over_until_it_is_well(run, provider, servers):
    a, b = Checked("a"), Checked("b")
    gateway = run(pool(provider, [servers("a", script=a), servers("b", script=b)], threads=2, upstream=CHECK))
    assert min(ask(gateway, 20).values()) >= 9
    a.health = "500 No"
    event = gateway.until_logged("server-out")
    assert event["by"] == "check" and "/healthz answered 500" in event["reason"]
    assert ask(gateway, 20) == {"b": 20}
    assert "/healthz answered 500" in gateway.admin("/readyz")[1] and gateway.admin("/readyz")[0] == 200
    a.health = "302 Found"
    gateway.until_logged("server-back")
    until(lambda: ask(gateway, 20)["a"] >= 8, "it has its share again", 12)
    fields = a.asked[-1]
    assert fields.one("Host") == gateway.host and fields.one("User-Agent") == "gatehouse-health-check"
    assert not {"cookie", "authorization", "x-forwarded-user"} & set(fields.names)


def test_a_check_that_is_not_answered_in_time_fails(run, provider, servers):
    never = threading.Event()
    a = Checked("a")
    gateway = run(pool(provider, [servers("a", script=a), servers("b", script=Checked("b"))], upstream=CHECK))
    a.health = never
    gateway.until_logged("server-out")
    assert ask(gateway, 10) == {"b": 10}
    never.set()


def test_one_bad_check_takes_nobody_out(run, provider, servers):
    a = Checked("a")
    gateway = run(pool(provider, [servers("a", script=a), servers("b", script=Checked("b"))], upstream=CHECK))
    until(lambda: len(a.asked) > 3, "checks", 3)
    for _ in range(3):
        a.health, count = "500 No", len(a.asked)
        until(lambda: len(a.asked) > count, "the bad one", 3, pause=0.002)
        a.health = "200 OK"
        until(lambda: len(a.asked) > count + 2, "good ones", 3)
    assert gateway.events("server-out") == []


def test_where_nobody_is_well_all_are_tried(run, provider, servers):
    a, b = Checked("a"), Checked("b")
    a.health = b.health = "404 Not Found"
    gateway = run(pool(provider, [servers("a", script=a), servers("b", script=b)], upstream=CHECK))
    until(lambda: len(gateway.events("server-out")) == 2, "both are out", 3)
    assert ask(gateway, 10) == {"a": 5, "b": 5}


def test_a_reload_keeps_what_is_known_and_follows_what_changed(run, provider, servers):
    a, b = Checked("a"), Checked("b")
    a.health = "500 No"
    config = pool(provider, [servers("a", script=a), servers("b", script=b)], upstream=CHECK)
    gateway = run(config)
    gateway.until_logged("server-out")
    gateway.reload()
    gateway.until_logged("reloaded")
    assert ask(gateway, 20) == {"b": 20}
    del config["upstreams"]["pool"]["health_check"]
    gateway.write(config)
    gateway.reload()
    until(lambda: len(gateway.events("reloaded")) == 2, "the second reload", 5)
    count = len(a.asked)
    time.sleep(0.4)
    assert len(a.asked) <= count + 1, "nobody asks any more"
    until(lambda: ask(gateway, 10)["a"] == 5, "without checks nobody is called unwell", 3)
