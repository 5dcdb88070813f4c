"""The clients of the soak: one process of several threads, each doing one thing after another until its time is over.

    python visitors.py '{"port":…, "host":…, "seconds":…, "threads":…, "name":…}'

Prints a JSON object: how often each thing was done, what was allowed to go wrong (only where an upstream does), and
every wrong answer.
"""

import collections
import json
import os
import random
import sys
import threading
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Tests/Support"))

import wire  # noqa: E402
import words  # noqa: E402
from browser import Browser, Cookie  # noqa: E402
from websocket import frame, masked_echo  # noqa: E402
from wire import Asked, Connection, CutShort, Wrong  # noqa: E402

FAULTS = ["slow", "drip", "cut-head", "cut", "reset", "none-at-all", "garbage", "early"]


class Visitor:
    """Somebody with a session, whose cookies several threads use at once."""

    def __init__(self, gateway, name):
        self.gateway, self.name, self.lock, self.jar = gateway, name, threading.Lock(), {}
        self.browser = Browser(deadline=60)
        # The scripted provider signs in whoever its own cookie names.
        self.browser.cookies.append(Cookie("person", name, "127.0.0.1"))
        asked = Asked(gateway["host"], self, "/steady/start", method="GET", way="length", largest=100)
        page = self.browser.open(f"http://{gateway['host']}/steady/start?id={asked.id}&size={asked.size}")
        if page.status != 200 or page.content != words.octets(asked.due, asked.size):
            raise Wrong(f"the login of {name} ended with {page.status} at {page.url[:80]}: {page.text[:300]}")
        self.jar = self.browser.cookies_of("localhost")

    @property
    def cookie(self):
        with self.lock:
            return "; ".join(f"{name}={value}" for name, value in self.jar.items())

    def learn(self, answer):
        for line in answer.fields.get("set-cookie", []):
            pair, *attributes = line.split(";")
            name, _, value = pair.partition("=")
            with self.lock:
                if any(a.strip().lower() == "max-age=0" for a in attributes):
                    self.jar.pop(name, None)
                else:
                    self.jar[name] = value


class Visits:
    def __init__(self, order):
        self.order, self.port, self.host = order, order["port"], order["host"]
        self.done, self.allowed, self.wrong = collections.Counter(), collections.Counter(), []
        self.lock, self.octets, self.end = threading.Lock(), 0, time.monotonic() + order["seconds"]
        wire.name_requests(order["name"])
        self.visitors = [Visitor(order, f"{order['name']}-{i}") for i in range(order.get("visitors", 4))]
        self.churned = 0

    # What they do

    KINDS = [
        ("keep-alive", 10),
        ("fresh", 8),
        ("pipelined", 6),
        ("large", 2),
        ("aborted", 8),
        ("slow", 2),
        ("websocket", 2),
        ("faulty upstream", 8),
        ("token", 8),
        ("own paths", 3),
        ("login and logout", 1),
    ]

    def some_one(self):
        """Who asks, and where: signed in, or nobody at a public path."""
        if random.random() < 0.15:
            return None, "/public/x"
        return random.choice(self.visitors), random.choice(["/steady/x", "/steady/deep/er/x", "/optional/x"])

    def some(self, **more):
        visitor, path = self.some_one()
        return Asked(self.host, visitor, path, **more)

    def keep_alive(self):
        with Connection(self.port) as connection:
            for _ in range(random.randint(5, 60)):
                self.count(self.some().ask(connection))
                if random.random() < 0.02:
                    time.sleep(random.uniform(0, 2))

    def fresh(self):
        for _ in range(5):
            with Connection(self.port) as connection:
                self.count(self.some(closes=True).ask(connection))
                if connection.receive():
                    raise Wrong("octets after the answer to Connection: close")

    def pipelined(self):
        with Connection(self.port) as connection:
            several = [self.some(largest=8192) for _ in range(random.randint(2, 30))]
            for asked in several:
                asked.expects = False
            connection.send(b"".join(a.head + b"".join(a.pieces) for a in several))
            for asked in several:
                self.count(asked.check(connection.answer(asked.method)))

    def large(self):
        with Connection(self.port) as connection:
            self.count(self.some(largest=1 << 24).ask(connection))

    def slow(self):
        manner = random.randrange(3)
        with Connection(self.port, receive=4096 if manner == 2 else None) as connection:
            if manner == 2:
                connection.pause, connection.piece = 0.005, 16_384
                self.count(self.some(method="GET", way="length", largest=1 << 22).ask(connection))
            else:
                method = "GET" if manner == 0 else "POST"
                self.count(self.some(method=method, largest=1 << 16).ask(connection, pause=0.1))

    def aborted(self):
        """Gone at any moment: before, within and after the request, within the answer; by FIN, RST or half a close."""
        connection = Connection(self.port, receive=random.choice([None, 4096]))
        path = random.choice(["steady", "steady", "faulty", "api"])
        visitor, fault = random.choice(self.visitors), random.choice(["slow", "drip"]) if path == "faulty" else None
        asked = Asked(self.host, visitor, f"/{path}/gone", largest=1 << 20, fault=fault)
        stage = random.randrange(6)
        try:
            whole = asked.head + b"".join(asked.pieces)
            if stage == 1:
                connection.send(whole[: random.randrange(len(asked.head))])
            elif stage == 2:
                connection.send(whole[: random.randrange(len(whole))])
            elif stage >= 3:
                connection.send(whole)
            if stage == 4:
                connection.socket.recv(random.choice([1, 500, 50_000]))
            if stage == 5:
                connection.socket.shutdown(1)
                if path == "steady":
                    asked.check(connection.answer(asked.method))
            if random.random() < 0.3:
                time.sleep(random.uniform(0, 0.3))
        except (ConnectionResetError, BrokenPipeError, CutShort):
            pass
        finally:
            connection.reset() if random.random() < 0.5 else connection.socket.close()

    def websocket(self):
        visitor = random.choice(self.visitors)
        lines = [
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ]
        asked = Asked(self.host, visitor, "/steady/socket", method="GET", way="socket", lines=lines)
        with Connection(self.port) as connection:
            connection.send(asked.head)
            head = connection.head()
            if head.status != 101:
                raise Wrong(f"{asked.what}: {head.status}")
            visitor.learn(head)
            _, hello = frame(connection)
            due = words.label(asked.id, visitor.name, "socket").encode()
            if hello != due:
                raise Wrong(f"a WebSocket of {due!r} got {hello!r}")
            for i in range(random.randint(1, 25)):
                message = words.octets(f"{asked.id} message {i}", wire.some_size(1 << 17))
                if masked_echo(connection, message) != message:
                    raise Wrong(f"{asked.what}: a message of {len(message)} octets came back changed")
                if random.random() < 0.05:
                    time.sleep(random.uniform(0, 3))
            if random.random() < 0.5:
                masked_echo(connection, b"\x03\xe8", kind=8)
                if connection.receive():
                    raise Wrong("octets after a WebSocket's Close")

    def faulty_upstream(self):
        """What an upstream does wrong may fail, in the gateway's own words; it may never look like a right answer."""
        with Connection(self.port) as connection:
            before = "nothing"
            for _ in range(random.randint(1, 6)):
                fault = random.choice([None, None, *FAULTS, *(["stall"] if random.random() < 0.1 else [])])
                way = random.choice(["length", "chunked", "close"])
                asked = Asked(self.host, random.choice(self.visitors), "/faulty/x", fault=fault, way=way)
                try:
                    asked.send(connection)
                    sent = True
                except (BrokenPipeError, ConnectionResetError):
                    sent = False  # an answer may have come before the content was wanted
                try:
                    answer = connection.answer(asked.method)
                    if answer.status == 413 and fault == "early":
                        self.allow("413 before the content")
                    elif answer.status in (502, 503, 504):
                        code = json.loads(answer.content)["code"] if asked.method != "HEAD" else "upstream-? (HEAD)"
                        if not (code.startswith("upstream-") or code == "bad-upstream-answer"):
                            raise Wrong(f"{asked.what}: {answer.status} {code}")
                        self.allow(f"{answer.status} {code}")
                    elif self.ended_early(asked, answer):
                        self.allow("killed within an answer that its end alone frames")
                    else:
                        self.count(asked.check(answer))
                except CutShort as cut:
                    if cut.answer and not words.octets(asked.due, asked.size).startswith(cut.answer.content):
                        raise Wrong(f"{asked.what}: cut, and wrong before that") from None
                    if cut.answer is None and sent:
                        raise Wrong(f"{asked.what}: closed without any answer, after {before}") from None
                    self.allow("cut within an answer" if cut.answer else "closed while content was sent")
                    return
                except ConnectionResetError:
                    self.allow("reset")
                    return
                before = asked.what
                if not sent or "close" in (answer.one("connection") or ""):
                    return

    def ended_early(self, asked, answer):
        """Where an answer ends with its connection, a killed upstream's cannot be told from a whole one."""
        whole = words.octets(asked.due, asked.size)
        is_such = asked.way == "close" and asked.method != "HEAD" and answer.one("x-seen") == asked.due
        return is_such and len(answer.content) < len(whole) and whole.startswith(answer.content)

    def token(self):
        """The API gets the visitor's own access token, and never one that has ended."""
        with Connection(self.port) as connection:
            for _ in range(random.randint(1, 20)):
                visitor = random.choice(self.visitors)
                asked = Asked(self.host, visitor, "/api/x", largest=4096)
                asked.cookie = ""  # such a route drops cookies
                answer = self.count(asked.ask(connection))
                if answer.one("x-seen-bearer") != visitor.name:
                    raise Wrong(f"{asked.what}: the token of {answer.one('x-seen-bearer')}")

    def own_paths(self):
        with Connection(self.port) as connection:
            for _ in range(10):
                visitor = random.choice(self.visitors)
                me = self.plain(connection, "/.auth/me", visitor)
                if me.status != 200 or json.loads(me.content)["sub"] != visitor.name:
                    raise Wrong(f"/.auth/me says {me.status} {me.content[:200]!r} to {visitor.name}")
                nobody = self.plain(connection, "/steady/x", None)
                if nobody.status != 401 or json.loads(nobody.content)["code"] != "unauthenticated":
                    raise Wrong(f"nobody gets {nobody.status} {nobody.content[:200]!r}")
                if self.plain(connection, "/nowhere", visitor).status != 404:
                    raise Wrong("/nowhere is not 404")

    def login_and_logout(self):
        with self.lock:
            self.churned += 1
            name = f"{self.order['name']}-guest-{self.churned}"
        visitor = Visitor(self.order, name)
        with Connection(self.port) as connection:
            for _ in range(3):
                self.count(Asked(self.host, visitor, "/steady/x").ask(connection))
            self.count(self.signed_out(visitor))
            after = self.plain(connection, "/steady/x", visitor)
            if after.status != 401:
                raise Wrong(f"after the logout of {name}: {after.status}")

    def signed_out(self, visitor):
        url = f"http://{self.host}/.auth/logout"
        page = visitor.browser.submit(visitor.browser.open(url), form="/.auth/logout")
        if page.status != 200 or "/.auth/signed-out" not in page.url:
            raise Wrong(f"the logout of {visitor.name} ended with {page.status} at {page.url[:80]}")
        return page

    def plain(self, connection, path, visitor):
        cookie = f"Cookie: {visitor.cookie}\r\n" if visitor else ""
        connection.send(f"GET {path} HTTP/1.1\r\nHost: {self.host}\r\nAccept: */*\r\n{cookie}\r\n".encode())
        return self.count(connection.answer())

    # Counting

    def count(self, answer):
        with self.lock:
            self.done["answers"] += 1
            self.octets += len(answer.content)
        return answer

    def allow(self, what):
        with self.lock:
            self.allowed[what] += 1

    def thread(self):
        only = self.order.get("only")
        names, weights = zip(*((name, weight) for name, weight in self.KINDS if only in (None, name)))
        while time.monotonic() < self.end:
            name = random.choices(names, weights)[0]
            try:
                getattr(self, name.replace(" ", "_").replace("-", "_"))()
            except (Wrong, CutShort, OSError, ValueError, AssertionError) as fault:
                text = f"{time.time():.3f} {name}: {type(fault).__name__}: {fault}"
                if not isinstance(fault, Wrong):
                    text += " " + " < ".join(
                        f"{f.name}:{f.lineno}" for f in reversed(traceback.extract_tb(fault.__traceback__))
                    )
                with self.lock:
                    self.wrong.append(text)
                time.sleep(0.1)  # what fails at once is not to fill the list
            with self.lock:
                self.done[name] += 1
            time.sleep(random.expovariate(1 / self.order.get("pause", 0.01)))

    def run(self):
        threads = [threading.Thread(target=self.thread, daemon=True) for _ in range(self.order["threads"])]
        for thread in threads:
            thread.start()
        late = self.end + 90
        for thread in threads:
            thread.join(max(0, late - time.monotonic()))
        stuck = sum(t.is_alive() for t in threads)
        if stuck:
            self.wrong.append(f"{stuck} clients still wait for something 90 s after the end")
        report = {"done": self.done, "allowed": self.allowed, "wrong": self.wrong, "octets": self.octets}
        print(json.dumps(report), flush=True)
        os._exit(0)


if __name__ == "__main__":
    Visits(json.loads(sys.argv[1])).run()
