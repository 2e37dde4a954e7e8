"""Runtimes over the sockets of the real daemon, with the real tool on the other
side."""

# Generated modules have no stubs here: their messages are Any.
# mypy: disable-error-code="no-any-return"

import importlib.util
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from typing import Any, Iterator, List

import pytest

from client.python.native import installed
from tests.integration.broker_process import BrokerProcess
from tests.integration.deadline import SECONDS, wait_until

import mycelium_native as native
from mycelium_native import Runtime, State
from mycelium_protocol import SCHEMA_DIGEST, Answer, Question, TextMessage

assert installed.PATH
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../..")
TOOL = os.path.join(ROOT, "client/cli/mycelium")
CONFIG = """
history { types: [1] frames_max: 100 bytes_max: 1048576 }
schema { open: true }
"""


@pytest.fixture
def broker() -> Iterator[BrokerProcess]:
    process = BrokerProcess(CONFIG)
    try:
        yield process
        if process.alive():
            process.stop()
        process.assert_no_report()
    finally:
        process.remove()


@pytest.fixture(params=["unix", "tcp"])
def url(request: pytest.FixtureRequest, broker: BrokerProcess) -> str:
    return broker.unix_url if request.param == "unix" else broker.tcp_url


def get(items: "queue.Queue[Any]") -> Any:
    return items.get(timeout=SECONDS)


def text(content: str, timestamp: int = 0) -> TextMessage:
    return TextMessage(sender="py", content=content, timestamp=timestamp)


def tool(url: str, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [TOOL, *arguments, "--url", url],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def end(process: "subprocess.Popen[str]", status: int = 0) -> str:
    out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == status, err
    return out


def await_route(url: str, what: str) -> None:
    def shown() -> bool:
        return what in end(tool(url, "status"))

    wait_until(shown, what + " in the status")


# --- With the tool ---------------------------------------------------------------


def test_messages_to_the_tool_and_from_it(url: str) -> None:
    got: "queue.Queue[Any]" = queue.Queue()
    with Runtime(SCHEMA_DIGEST, url, name="python") as rt:
        rt.subscribe(TextMessage, lambda *both: got.put(both), with_info=True)
        subscriber = tool(url, "sub", "chat.TextMessage", "--count", "1", "--quiet")
        wait_until(lambda: end(tool(url, "status")).count(" type 1 ") >= 2, "route")
        rt.publish(text("hello", 5), "rooms.one")
        assert get(got) == (text("hello", 5), (1, "rooms.one", 1, False))
        assert end(subscriber) == (
            'chat.TextMessage rooms.one #1 {"sender":"py","content":"hello",'
            '"timestamp":"5"}\n'
        )
        end(tool(url, "pub", "chat.TextMessage", "--json", '{"content":"back"}'))
        assert get(got)[0] == TextMessage(content="back")
        assert "python" in end(tool(url, "status"))
        end(tool(url, "pub", "1", "--hex", "0a ff"))
        rt.flush()


def test_bytes_to_the_tool_and_from_it(url: str) -> None:
    got: "queue.Queue[Any]" = queue.Queue()
    with Runtime(url=url, schema=native.NO_SCHEMA) as rt:
        rt.subscribe_bytes(7, got.put, topic_filter="a.*")
        end(tool(url, "pub", "7", "--topic", "a.b", "--data", "raw"))
        assert get(got) == b"raw"


def test_requests_both_ways(url: str) -> None:
    with Runtime(url=url) as rt:
        rt.respond(Question, lambda question: Answer(text=question.text + "!"))
        asked = tool(
            url,
            "request",
            "chat.Question",
            "--json",
            '{"text":"who"}',
            "--format",
            "json",
        )
        assert json.loads(end(asked))["message"] == {"text": "who!"}
    with Runtime(url=url) as rt:
        replier = tool(
            url,
            *("reply", "chat.Question", "--reply_type", "chat.Answer", "--count", "1"),
            *("--json", '{"text":"42"}', "--topic", "deep"),
        )
        await_route(url, "type 2")
        assert (
            rt.request(Question(text="?"), Answer, SECONDS, topic="deep").text == "42"
        )
        end(replier)
        with pytest.raises(native.RequestError, match="nobody answers type 2"):
            rt.request(Question(), Answer, SECONDS)


def test_a_reply_of_bad_bytes(url: str) -> None:
    with Runtime(url=url) as rt:
        replier = tool(
            url, "reply", "2", "--reply_type", "3", "--hex", "0aff", "--count", "1"
        )
        await_route(url, "type 2")
        with pytest.raises(
            native.Error, match="2 bytes that are not a chat.Answer"
        ) as bad:
            rt.request(Question(), Answer, SECONDS)
        assert bad.value.status is native.StatusCode.DATA_LOSS
        end(replier)
        rt.respond(Question, lambda question: Answer())
        asked = tool(url, "request", "2", "--hex", "0aff")
        _, err = asked.communicate(timeout=SECONDS)
        assert asked.returncode == 1 and "no message of its type" in err


# --- Promises over sockets ---------------------------------------------------------


def test_many_messages_arrive_in_order(url: str) -> None:
    count = 200_000
    seen: List[int] = []
    with Runtime(url=url) as publisher, Runtime(url=url) as subscriber:
        subscriber.subscribe(
            TextMessage,
            lambda message: seen.append(message.timestamp),
            policy="lossless",
        )
        for i in range(count):
            publisher.publish(text("x" * 50, i))
        publisher.flush()
        wait_until(lambda: len(seen) == count, "all messages")
    assert seen == list(range(count))


def test_a_slow_callback_is_told_its_gaps(url: str) -> None:
    """First the broker's queue and the runtime's own are full, then frames go."""
    go = threading.Event()
    got: "queue.Queue[Any]" = queue.Queue()

    def handle(message: TextMessage) -> None:
        go.wait(SECONDS)
        got.put(message.timestamp)

    count = 30_000
    with Runtime(url=url) as publisher, Runtime(url=url) as subscriber:
        subscriber.subscribe(
            TextMessage,
            handle,
            policy=native.Policy(queue_bytes_max=16384, stall_ms_max=0),
            on_gap=got.put,
        )
        for i in range(count):
            publisher.publish(text("x" * 500, i))
        publisher.flush()
        go.set()
        frames, missed, gaps, last = 0, 0, 0, -1
        while frames + missed < count:
            item = get(got)
            if isinstance(item, native.Gap):
                assert item.reason is native.GapReason.OVERFLOW
                missed += item.frames
                gaps += 1
            else:
                assert item > last
                frames, last = frames + 1, item
        assert gaps > 0 and frames + missed == count
        counters = subscriber.counters()
        assert (counters.frames_received, counters.frames_missed) == (frames, missed)


def test_latest_folds_and_strict_ends(url: str) -> None:
    go = threading.Event()
    got: "queue.Queue[Any]" = queue.Queue()
    states: "queue.Queue[Any]" = queue.Queue()

    def handle(message: TextMessage) -> None:
        go.wait(SECONDS)
        got.put(message.timestamp)

    with Runtime(url=url) as publisher, Runtime(url=url) as latest, Runtime(
        url=url, on_state=lambda state, error: states.put((state, error))
    ) as strict:
        latest.subscribe(TextMessage, handle, policy="latest", on_gap=got.put)
        strict.subscribe(
            TextMessage,
            lambda message: go.wait(SECONDS),
            policy=native.Policy(16384, 0, native.Overflow.DISCONNECT),
        )
        for i in range(30_000):
            publisher.publish(text("x" * 500, i))
        publisher.flush()
        state, error = get(states)
        while state is not State.CLOSED:
            state, error = get(states)
        assert isinstance(error, native.ResourceExhaustedError)
        go.set()
        items = [get(got)]
        while items[-1] != 29_999:
            items.append(get(got))
        gaps = [item for item in items if isinstance(item, native.Gap)]
        assert {gap.reason for gap in gaps} == {native.GapReason.CONFLATED}
        assert sum(gap.frames for gap in gaps) + len(items) - len(gaps) == 30_000


def test_a_group_shares_among_runtimes(url: str) -> None:
    got: "queue.Queue[Any]" = queue.Queue()
    with Runtime(url=url) as one, Runtime(url=url) as two:
        one.subscribe(TextMessage, lambda m: got.put((1, m.timestamp)), group="g")
        pulled = two.subscribe(TextMessage, group="g")

        def pull() -> None:
            for message in pulled:
                got.put((2, message.timestamp))

        thread = threading.Thread(target=pull)
        thread.start()
        for i in range(2000):
            one.publish(text("x", i))
        seen = [get(got) for _ in range(2000)]
        assert sorted(number for _, number in seen) == list(range(2000))
        assert {member for member, _ in seen} == {1, 2}
        two.close()
        thread.join(SECONDS)


def test_history_for_those_who_come_later(url: str) -> None:
    with Runtime(url=url) as rt:
        for i in range(10):
            rt.publish(text("x", i), f"t.{i % 2}")
        rt.flush()
        for start, expected in (
            (native.last(1), [8, 9]),
            (native.from_sequence(8), [7, 8, 9]),
        ):
            with rt.subscribe(TextMessage, start=start) as subscription:
                seen = []
                for _ in expected:
                    message = subscription.next(SECONDS)
                    seen.append(message.timestamp)
                assert seen == expected
        with pytest.raises(
            native.InvalidArgumentError, match="no history keeps type 2"
        ):
            rt.subscribe(Question, print, start=native.last(1))


def test_acked_futures_over_a_socket(url: str) -> None:
    with Runtime(url=url) as rt:
        futures: "List[Future[None]]" = [
            rt.publish_acked(text("x", i)) for i in range(1000)
        ]
        assert [future.result(SECONDS) for future in futures] == [None] * 1000
        assert rt.counters().frames_accepted >= 1000


# --- The broker ends ------------------------------------------------------------------


def test_a_broker_that_is_killed_and_started_again(broker: BrokerProcess) -> None:
    states: "queue.Queue[Any]" = queue.Queue()
    got: "queue.Queue[Any]" = queue.Queue()
    unaccepted: List[Any] = []
    with Runtime(
        url=broker.unix_url,
        on_state=lambda state, error: states.put((state, error)),
        on_unaccepted=unaccepted.extend,
        reconnect_max_s=0.05,
    ) as rt:
        rt.subscribe(TextMessage, got.put, on_gap=got.put)
        rt.publish(text("before"))
        assert get(got) == text("before")
        rt.flush(SECONDS)
        first = rt.broker_info()
        broker.send_signal(signal.SIGKILL)
        broker.wait_for_exit()
        state, error = get(states)
        assert state is State.RECONNECTING and isinstance(
            error, native.UnavailableError
        )
        rt.publish(text("meanwhile"))
        again = BrokerProcess(listen=[broker.unix_url])
        try:
            while get(states)[0] is not State.CONNECTED:
                pass
            gap = get(got)
            assert gap.unknown and gap.reason is native.GapReason.RECONNECT
            assert get(got) == text("meanwhile")
            rt.flush(SECONDS)
            assert rt.broker_info().epoch != first.epoch
            assert rt.counters().reconnects == 1 and unaccepted == []
        finally:
            rt.close()
            again.stop()
            again.remove()


def test_without_reconnect_the_end_is_told(broker: BrokerProcess) -> None:
    states: "queue.Queue[Any]" = queue.Queue()
    with Runtime(
        url=broker.tcp_url,
        reconnect=False,
        on_state=lambda state, error: states.put((state, error)),
    ) as rt:
        subscription = rt.subscribe(TextMessage)
        broker.send_signal(signal.SIGKILL)
        broker.wait_for_exit()
        with pytest.raises(native.UnavailableError):
            subscription.next(SECONDS)
        with pytest.raises(native.UnavailableError):
            for message in subscription:
                pass
        with pytest.raises(native.UnavailableError):
            rt.flush(SECONDS)
        while get(states)[0] is not State.CLOSED:
            pass


def test_what_was_never_accepted_is_given_back(broker: BrokerProcess) -> None:
    back: List[native.UnacceptedFrame] = []
    states: "queue.Queue[Any]" = queue.Queue()
    rt = Runtime(
        url=broker.unix_url,
        on_unaccepted=back.extend,
        on_state=lambda state, error: states.put(state),
    )
    broker.send_signal(signal.SIGKILL)
    broker.wait_for_exit()
    while get(states) is not State.RECONNECTING:
        pass
    rt.publish(text("lost"), "a.b")
    future = rt.publish_acked(text("asked"))
    rt.close()
    assert [(frame.topic, frame.maybe_accepted) for frame in back][:1] == [
        ("a.b", False)
    ]
    assert TextMessage.from_bytes(back[0].payload) == text("lost")
    assert isinstance(
        future.exception(SECONDS), (native.ClosedError, native.UnavailableError)
    )


def test_a_broker_that_stands_still_and_ctrl_c(broker: BrokerProcess) -> None:
    """subscribe has no timeout: Ctrl-C ends it."""
    program = """
import sys
from mycelium_native import Runtime
from mycelium_protocol import TextMessage
rt = Runtime(url=sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
print("subscribing", flush=True)
try:
    rt.subscribe(TextMessage, print)
except KeyboardInterrupt:
    print("interrupted", flush=True)
import os
os._exit(0)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program, broker.unix_url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        env=installed.environment(),
    )
    assert process.stdin is not None and process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    broker.send_signal(signal.SIGSTOP)
    process.stdin.write("\n")
    process.stdin.flush()
    assert process.stdout.readline() == "subscribing\n"

    def sleeps() -> bool:
        with open(f"/proc/{process.pid}/stat", encoding="ascii") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] == "S"

    wait_until(sleeps, "the subscribe to wait")
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=SECONDS)[0] == "interrupted\n"
    broker.send_signal(signal.SIGCONT)


def test_no_broker_there() -> None:
    begin = time.monotonic()
    with pytest.raises(native.UnavailableError, match="/nowhere"):
        Runtime(url="unix:/nowhere", connect_timeout_s=0.2)
    assert time.monotonic() - begin < SECONDS / 2


# --- Schemas --------------------------------------------------------------------------


def chat(version: str) -> Any:
    """One of three versions of one schema, each imported as `chat`."""
    folder = os.path.join(ROOT, f"tests/schemas/chat_{version}_python_gen")
    spec = importlib.util.spec_from_file_location(
        "chat_" + version, os.path.join(folder, "chat.py")
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["chat_" + version] = module
    spec.loader.exec_module(module)
    return module


def test_another_version_is_let_in_or_refused_with_the_field(url: str) -> None:
    now, added, changed = chat("now"), chat("added"), chat("changed")
    got: "queue.Queue[Any]" = queue.Queue()
    with Runtime(now.SCHEMA_DIGEST, url, schema=now) as rt:
        rt.subscribe(now.TextMessage, got.put)
        with Runtime(url=url, schema=added) as newer:
            newer.publish(added.TextMessage(sender="newer"))
            assert get(got).sender == "newer"
            with pytest.raises(
                native.FailedPreconditionError, match="this runtime has m1:"
            ):
                newer.publish(now.TextMessage())
        with pytest.raises(native.FailedPreconditionError) as refused:
            Runtime(url=url, schema=changed)
        assert (
            "schema: chat.TextMessage.timestamp is string here, int64 at the broker "
            "(field 3, FIELD_WIRE_COMPATIBLE_TYPE)" in str(refused.value)
        )


if __name__ == "__main__":
    flags = ["-q", "-p", "no:cacheprovider", "-p", "no:unraisableexception"]
    sys.exit(pytest.main([__file__, *flags, *sys.argv[1:]]))
