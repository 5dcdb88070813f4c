"""gRPC through the gateway, with grpcio on both sides: unary and every kind of stream, and errors as statuses."""

import sys
import threading
from concurrent import futures
from pathlib import Path

import grpc
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "Support"))

from gateway import config_for  # noqa: E402
from waiting import free_port  # noqa: E402


class Echo(grpc.GenericRpcHandler):
    """Methods without messages of their own: octets in, octets out."""

    def __init__(self):
        self.seen = []

    def service(self, details):
        name = details.method.rpartition("/")[2]
        self.seen.append(dict(details.invocation_metadata))
        return {
            "Unary": grpc.unary_unary_rpc_method_handler(self.unary),
            "Up": grpc.stream_unary_rpc_method_handler(lambda items, _: b",".join(items)),
            "Down": grpc.unary_stream_rpc_method_handler(lambda item, _: (item + b"%d" % n for n in range(5))),
            "Both": grpc.stream_stream_rpc_method_handler(lambda items, _: (item[::-1] for item in items)),
            "Fail": grpc.unary_unary_rpc_method_handler(lambda _, context: context.abort(grpc.StatusCode.NOT_FOUND, "none such")),
            "Hang": grpc.unary_unary_rpc_method_handler(lambda item, context: threading.Event().wait(5) or item),
        }.get(name)

    def unary(self, item, context):
        context.send_initial_metadata((("x-first", "1"),))
        context.set_trailing_metadata((("x-last", "2"),))
        return item.upper()


@pytest.fixture
def called(run, provider):
    """A channel through the gateway to a grpcio server, and the server's handler."""
    handler = Echo()
    server = grpc.server(futures.ThreadPoolExecutor(16))
    server.add_generic_rpc_handlers((handler,))
    upstream, port = server.add_insecure_port("127.0.0.1:0"), free_port()
    server.start()
    gateway = run(
        config_for(
            provider,
            {"site": f"h2c://127.0.0.1:{upstream}"},
            [{"path": "/open.Service/*", "access": "public", "upstream": "site"}, {"path": "/*", "upstream": "site"}],
            port=port,
            listeners=[{"address": f"127.0.0.1:{port}", "h2c": True}],
        )
    )
    with grpc.insecure_channel(f"localhost:{port}") as channel:
        yield channel, handler, gateway
    server.stop(None)


def test_a_unary_call_with_metadata_both_ways(called):
    channel, handler, _ = called
    answer, call = channel.unary_unary("/open.Service/Unary").with_call(b"hello", metadata=(("x-mine", "1"),), timeout=10)
    assert answer == b"HELLO"
    assert dict(call.initial_metadata())["x-first"] == "1" and dict(call.trailing_metadata())["x-last"] == "2"
    assert handler.seen[0]["x-mine"] == "1" and "x-forwarded-for" in handler.seen[0]


def test_large_messages_and_many_at_a_time(called):
    channel, _, _ = called
    big = bytes(range(97, 123)) * 100_000
    assert channel.unary_unary("/open.Service/Unary")(big[:3_000_000], timeout=20) == big[:3_000_000].upper()
    asked = [channel.unary_unary("/open.Service/Unary").future(b"n%d" % n, timeout=20) for n in range(200)]
    assert [a.result() for a in asked] == [b"N%d" % n for n in range(200)]


def test_a_stream_of_requests(called):
    assert called[0].stream_unary("/open.Service/Up")(iter([b"a", b"b", b"c"]), timeout=10) == b"a,b,c"


def test_a_stream_of_answers(called):
    assert list(called[0].unary_stream("/open.Service/Down")(b"n", timeout=10)) == [b"n%d" % n for n in range(5)]


def test_a_conversation_goes_to_and_fro(called):
    """Each question is asked when the answer before has come: nothing waits for the stream's end."""
    turn = threading.Semaphore(0)

    def questions():
        for word in (b"abc", b"def", b"ghi"):
            yield word
            assert turn.acquire(timeout=10)

    answers = []
    for answer in called[0].stream_stream("/open.Service/Both")(questions(), timeout=20):
        answers.append(answer)
        turn.release()
    assert answers == [b"cba", b"fed", b"ihg"]


def refused(channel, method, **options):
    with pytest.raises(grpc.RpcError) as failure:
        channel.unary_unary(method)(b"x", timeout=10, **options)
    return failure.value


def test_the_services_own_errors_pass(called):
    failure = refused(called[0], "/open.Service/Fail")
    assert (failure.code(), failure.details()) == (grpc.StatusCode.NOT_FOUND, "none such")


def test_who_is_not_signed_in_is_told_in_grpcs_words(called):
    failure = refused(called[0], "/closed.Service/Unary")
    assert failure.code() == grpc.StatusCode.UNAUTHENTICATED
    assert dict(failure.initial_metadata() or failure.trailing_metadata())


def test_a_deadline_cancels_the_call_and_the_channel_goes_on(called):
    channel, _, _ = called
    with pytest.raises(grpc.RpcError) as failure:
        channel.unary_unary("/open.Service/Hang")(b"x", timeout=0.3)
    assert failure.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert channel.unary_unary("/open.Service/Unary")(b"y", timeout=10) == b"Y"


def test_a_service_that_is_not_there_is_unavailable(run, provider):
    port = free_port()
    run(
        config_for(
            provider,
            {"site": f"h2c://127.0.0.1:{free_port()}"},
            [{"path": "/*", "access": "public", "upstream": "site"}],
            port=port,
            listeners=[{"address": f"127.0.0.1:{port}", "h2c": True}],
        )
    )
    with grpc.insecure_channel(f"localhost:{port}") as channel:
        assert refused(channel, "/open.Service/Unary").code() == grpc.StatusCode.UNAVAILABLE
