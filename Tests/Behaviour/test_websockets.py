"""WebSockets between a real client and a real server: each behaves through the gateway as it does without it."""

import asyncio
import threading
import time

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

from gateway import config_for
from shared import provider, run_for_all, upstream, upstream_for_all  # noqa: F401 - fixtures

LARGEST = 16 * 1024 * 1024
PUBLIC = [{"path": "/*", "access": "public", "upstream": "site"}]
FLOOD, PIECE = 64, 1024 * 1024


async def answer(socket):
    """Echoes, and does what some messages say."""
    async for message in socket:
        if message == "flood":
            for number in range(FLOOD):
                await socket.send(number.to_bytes(4, "big") * (PIECE // 4))
        elif message == "fragments":
            await socket.send(["a" * 70_000, "", "b", "c" * 200])
        elif message == "close":
            await socket.close(3001, "bye")
        elif message == "cut":
            socket.transport.abort()
        else:
            await socket.send(message)


class Server:
    """The server, on a loop of its own."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        ready = threading.Event()

        async def begin():
            self.server = await serve(answer, "127.0.0.1", 0, max_size=2 * LARGEST, ping_interval=None)
            self.port = self.server.sockets[0].getsockname()[1]
            ready.set()

        self.loop.create_task(begin())
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        assert ready.wait(5)

    def run(self, what):
        return asyncio.run_coroutine_threadsafe(what, self.loop).result(10)

    def close(self):
        self.run(self._end())
        self.loop.call_soon_threadsafe(self.loop.stop)

    async def _end(self):
        self.server.close()
        await self.server.wait_closed()


@pytest.fixture(scope="module")
def server():
    server = Server()
    yield server
    server.close()


@pytest.fixture(scope="module")
def gateway(run_for_all, provider, server):
    return run_for_all(config_for(provider, {"site": f"http://127.0.0.1:{server.port}"}, PUBLIC, threads=2))


@pytest.fixture(scope="module")
def impatient(run_for_all, provider, server):
    """Every time-out but that of upgraded connections is shorter than the test is silent."""
    timeouts = {n: "700ms" for n in ("keep_alive", "request_head", "request_body", "response_start", "response_idle")}
    timeouts |= {"upgraded_idle": "4s", "request": "1s"}
    return run_for_all(config_for(provider, {"site": f"http://127.0.0.1:{server.port}"}, PUBLIC, threads=2, timeouts=timeouts))


@pytest.fixture(scope="module", autouse=True)
def silent(server, gateway):
    """Connections on which nothing has been said since the first of these tests, and that moment."""
    began = time.monotonic()

    async def open_one(port):
        return await connect(f"ws://localhost:{port}/", ping_interval=None)

    sockets = [server.run(open_one(port)) for port in (server.port, gateway.port)]
    yield sockets, began
    for socket in sockets:
        server.run(socket.close())


@pytest.fixture(params=["without", "through"])
def port(request, server, gateway):
    return server.port if request.param == "without" else gateway.port


def talk(port, what, deadline=60, **options):
    """Runs `what(socket)` on a connection; its result."""

    async def all_of_it():
        async with connect(f"ws://localhost:{port}/", max_size=2 * LARGEST, ping_interval=None, **options) as socket:
            return await what(socket)

    return asyncio.run(asyncio.wait_for(all_of_it(), deadline))


SIZES = [0, 1, 125, 126, 65_535, 65_536, 1_000_003, LARGEST]


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_messages_of_all_sizes(port, compression):
    async def what(socket):
        for size in SIZES:
            for message in (b"\0\xffab"[: size or 1] * (size // 4 or (size > 0)), "\u00e9x" * (size // 3)):
                await socket.send(message)
                assert await socket.recv() == message, size

    talk(port, what, compression=compression)


def test_fragments_make_one_message(port):
    async def what(socket):
        await socket.send(["x" * 70_000, "", "y", "z" * 126])
        assert await socket.recv() == "x" * 70_000 + "y" + "z" * 126

    talk(port, what, compression=None)


def test_fragments_are_passed_as_they_come(port):
    async def what(socket):
        await socket.send("fragments")
        return [piece async for piece in socket.recv_streaming() if piece]

    assert talk(port, what, compression=None) == ["a" * 70_000, "b", "c" * 200]


def test_pings_are_answered_by_the_other_end(port):
    async def what(socket):
        for payload in (b"", b"x" * 125):
            await asyncio.wait_for(await socket.ping(payload), 5)
        await socket.send("still there")
        assert await socket.recv() == "still there"

    talk(port, what)


def test_closing_from_either_end_says_why(port):
    async def from_there(socket):
        await socket.send("close")
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        return closed.value.rcvd.code, closed.value.rcvd.reason

    async def from_here(socket):
        await socket.close(3002, "enough")
        return socket.close_code, socket.close_reason

    assert talk(port, from_there) == (3001, "bye")
    assert talk(port, from_here) == (3002, "enough")


def test_a_cut_is_a_cut(port):
    async def what(socket):
        await socket.send("cut")
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd is None

    talk(port, what)


def test_a_flood_waits_for_its_reader(port, gateway):
    """64 MiB for a reader that takes its time: all of it, in order, and the gateway holds next to nothing."""

    async def what(socket):
        before = resident(gateway)
        await socket.send("flood")
        await asyncio.sleep(1)
        held = resident(gateway) - before
        for number in range(FLOOD):
            assert await socket.recv() == number.to_bytes(4, "big") * (PIECE // 4)
        return held

    assert talk(port, what, compression=None, max_queue=1) < 8 * 1024 * 1024


def test_a_flood_from_the_client_waits_too(port):
    async def what(socket):
        async def send():
            for number in range(FLOOD):
                await socket.send(number.to_bytes(4, "big") * (PIECE // 4))

        sending = asyncio.create_task(send())
        await asyncio.sleep(0.5)
        for number in range(FLOOD):
            assert await socket.recv() == number.to_bytes(4, "big") * (PIECE // 4)
        await sending

    talk(port, what, compression=None, max_queue=1)


def test_five_hundred_at_once(port):
    async def one(number):
        async with connect(f"ws://localhost:{port}/", ping_interval=None, open_timeout=30) as socket:
            for turn in range(3):
                await socket.send(f"{number} {turn}")
                assert await socket.recv() == f"{number} {turn}"
                await asyncio.sleep(0.2)
            return number

    async def all_of_them():
        return await asyncio.gather(*(one(n) for n in range(500)))

    assert asyncio.run(asyncio.wait_for(all_of_them(), 60)) == list(range(500))


@pytest.mark.parametrize("through", [False, True], ids=["without", "through"])
def test_silence_is_borne_as_long_as_configured(server, impatient, through):
    """Longer than every other time-out; pings are no silence; and past its own the gateway lets go."""

    async def what(socket):
        await asyncio.sleep(2)
        await socket.send("after a while")
        assert await socket.recv() == "after a while"
        for _ in range(3):
            await asyncio.sleep(1.5)
            await asyncio.wait_for(await socket.ping(), 5)
        if not through:
            return
        began = time.monotonic()
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert 3 < time.monotonic() - began < 6

    talk(impatient.port if through else server.port, what)


def test_a_silence_of_over_a_minute_is_borne(server, silent):
    sockets, began = silent
    time.sleep(max(0, began + 61 - time.monotonic()))

    async def echoed(socket):
        await socket.send("after a minute")
        return await asyncio.wait_for(socket.recv(), 5)

    assert [server.run(echoed(socket)) for socket in sockets] == ["after a minute"] * 2


def resident(gateway):
    with open(f"/proc/{gateway.process.pid}/statm") as file:
        return int(file.read().split()[1]) * 4096
