"""Runtimes in process: what one says to itself and to others on the same bus."""

# Generated modules have no stubs here: their messages are Any.
# mypy: disable-error-code="no-any-return"

import gc
import logging
import pickle
import queue
import sys
import threading
import time
from typing import Any, Iterator, List

import pytest

from client.python.native import installed
from tests.integration.deadline import SECONDS, wait_until

import mycelium_native as native
from mycelium_native import Runtime
from mycelium_protocol import SCHEMA_DIGEST, Answer, Question, TextMessage
import mycelium_protocol

assert installed.PATH


@pytest.fixture
def rt() -> Iterator[Runtime]:
    with Runtime(SCHEMA_DIGEST) as runtime:
        yield runtime


@pytest.fixture
def unraisable(monkeypatch: pytest.MonkeyPatch) -> "queue.Queue[Any]":
    seen: "queue.Queue[Any]" = queue.Queue()
    monkeypatch.setattr(
        sys, "unraisablehook", lambda what: seen.put((what.exc_value, what.object))
    )
    return seen


def get(items: "queue.Queue[Any]") -> Any:
    return items.get(timeout=SECONDS)


def text(content: str, timestamp: int = 0) -> TextMessage:
    return TextMessage(sender="py", content=content, timestamp=timestamp)


# --- Schemas ------------------------------------------------------------------


def test_the_built_in_digest_is_that_of_mycelium_protocol() -> None:
    assert native.BUILTIN_SCHEMA_DIGEST == SCHEMA_DIGEST
    Runtime().close()
    Runtime(SCHEMA_DIGEST).close()


def test_another_digest_is_refused_with_both() -> None:
    with pytest.raises(ValueError) as refused:
        Runtime(b"\x01" * 32)
    assert isinstance(refused.value, native.SchemaMismatchError)
    assert "m1:" + "01" * 32 in str(refused.value)
    assert "m1:" + SCHEMA_DIGEST.hex() in str(refused.value)


class Sensors:
    """A generated module of another schema, as far as Runtime looks."""

    __name__ = "sensors"
    SCHEMA_DIGEST = b"\x02" * 32
    SCHEMA_DESCRIPTOR_SET = b""


def test_a_schema_module_decides_what_the_digest_is_compared_with() -> None:
    with Runtime(SCHEMA_DIGEST, schema=mycelium_protocol) as rt:
        rt.publish(text("x"))
    with pytest.raises(native.SchemaMismatchError, match="of sensors"):
        Runtime(SCHEMA_DIGEST, schema=Sensors())


def test_bytes_of_any_type_without_a_schema_but_no_messages() -> None:
    with Runtime(schema=native.NO_SCHEMA) as rt:
        rt.publish_bytes(7, b"x")
        with pytest.raises(
            native.FailedPreconditionError, match="this runtime has none"
        ):
            rt.publish(text("x"))
        with pytest.raises(native.FailedPreconditionError, match="chat.TextMessage"):
            rt.subscribe(TextMessage, print)
    with pytest.raises(native.InvalidArgumentError):
        Runtime(SCHEMA_DIGEST, schema=native.NO_SCHEMA)


# --- Publishing and callbacks ----------------------------------------------------


def test_a_callback_gets_the_messages_in_order(rt: Runtime) -> None:
    got: "queue.Queue[TextMessage]" = queue.Queue()
    rt.subscribe(TextMessage, got.put)
    sent = [text("content %d" % i, -i) for i in range(1000)]
    for message in sent:
        rt.publish(message)
    assert [get(got) for _ in sent] == sent


def test_it_runs_on_a_thread_of_its_own_one_at_a_time(rt: Runtime) -> None:
    threads = set()
    running = []
    done = threading.Event()

    def handle(message: TextMessage) -> None:
        running.append(1)
        assert len(running) == 1
        threads.add(threading.get_ident())
        running.pop()
        if message.timestamp == 200:
            done.set()

    rt.subscribe(TextMessage, handle)
    for i in range(201):
        rt.publish(text("x", i))
    assert done.wait(SECONDS)
    assert len(threads) == 1 and threading.get_ident() not in threads


def test_info_has_topic_sequence_and_type(rt: Runtime) -> None:
    got: "queue.Queue[Any]" = queue.Queue()
    rt.subscribe(TextMessage, lambda *both: got.put(both), with_info=True)
    rt.publish(text("a"), "rooms.één")
    rt.publish(text("b"))
    message, info = get(got)
    assert message == text("a")
    assert info == native.MessageInfo(1, "rooms.één", 1, False)
    assert get(got)[1] == (1, "", 2, False)


def test_a_topic_filter_chooses(rt: Runtime) -> None:
    got: "queue.Queue[TextMessage]" = queue.Queue()
    rt.subscribe(TextMessage, got.put, topic_filter="rooms.*")
    for topic in ("rooms.a", "halls.b", "", "rooms.c.d", "rooms.e"):
        rt.publish(text(topic), topic)
    assert [get(got).content, get(got).content] == ["rooms.a", "rooms.e"]
    rt.flush()
    assert got.empty()


def test_bytes_of_one_type_or_of_all(rt: Runtime) -> None:
    one: "queue.Queue[bytes]" = queue.Queue()
    every: "queue.Queue[Any]" = queue.Queue()
    rt.subscribe_bytes(7, one.put)
    rt.subscribe_bytes(0, lambda *both: every.put(both), with_info=True)
    for payload in (b"", b"abc", bytearray(b"def"), memoryview(b"xghi")[1:]):
        rt.publish_bytes(7, payload)
    rt.publish(text("x"))
    assert [get(one) for _ in range(4)] == [b"", b"abc", b"def", b"ghi"]
    assert [get(every)[1].type_id for _ in range(5)] == [7, 7, 7, 7, 1]


@pytest.mark.parametrize(
    "call, error",
    [
        (lambda rt: rt.publish("text"), TypeError),
        (lambda rt: rt.publish(object()), TypeError),
        (lambda rt: rt.publish(TextMessage(sender=3)), TypeError),
        (lambda rt: rt.publish(TextMessage(timestamp=1 << 63)), ValueError),
        (lambda rt: rt.publish(text("x"), topic="a..b"), native.InvalidArgumentError),
        (lambda rt: rt.publish(text("x"), topic="a\0b"), ValueError),
        (lambda rt: rt.publish(text("x"), topic=b"a"), TypeError),
        (lambda rt: rt.publish(text("x"), timeout_s=-1), ValueError),
        (lambda rt: rt.publish(text("x"), timeout_s=float("nan")), ValueError),
        (lambda rt: rt.publish(text("x"), timeout_s="1"), TypeError),
        (lambda rt: rt.publish_bytes(0, b""), ValueError),
        (lambda rt: rt.publish_bytes(65536, b""), ValueError),
        (lambda rt: rt.publish_bytes(7, "text"), TypeError),
        (lambda rt: rt.publish_bytes(7, [1, 2]), TypeError),
        (lambda rt: rt.subscribe(int, print), TypeError),
        (lambda rt: rt.subscribe(TextMessage, 3), TypeError),
        (lambda rt: rt.subscribe(TextMessage, print, on_gap=3), TypeError),
        (lambda rt: rt.subscribe(TextMessage, print, policy="x"), ValueError),
        (
            lambda rt: rt.subscribe(TextMessage, print, topic_filter=">.a"),
            native.InvalidArgumentError,
        ),
        (lambda rt: rt.subscribe_bytes(-1, print), ValueError),
        (lambda rt: rt.respond(Question, 3), TypeError),
        (lambda rt: rt.request(Question(), int), TypeError),
        (lambda rt: native._native.Runtime(), TypeError),
        (lambda rt: native.Subscription(), TypeError),
        (lambda rt: Runtime(url="gopher://x"), native.InvalidArgumentError),
        (lambda rt: Runtime(url="inproc:\0"), ValueError),
        (lambda rt: Runtime(connect_timeout_s=-1), native.InvalidArgumentError),
        (lambda rt: rt.__init__(), RuntimeError),
        (lambda rt: Runtime.__new__(Runtime).publish(text("x")), RuntimeError),
        (lambda rt: Runtime.__new__(Runtime).flush(), RuntimeError),
    ],
)
def test_what_cannot_be_is_said(rt: Runtime, call: Any, error: Any) -> None:
    with pytest.raises(error) as raised:
        call(rt)
    assert str(raised.value)
    rt.publish(text("it goes on"))


def test_a_full_queue_would_block_then_is_late(rt: Runtime) -> None:
    go = threading.Event()
    policy = native.Policy(queue_bytes_max=4096, stall_ms_max=-1)
    rt.subscribe(TextMessage, lambda message: go.wait(SECONDS), policy=policy)
    with pytest.raises(native.WouldBlockError, match="would block"):
        for _ in range(1000):
            rt.publish(text("x" * 100), timeout_s=0)
    begin = time.monotonic()
    with pytest.raises(native.DeadlineExceededError):
        while True:
            rt.publish(text("x" * 100), timeout_s=0.25)
    assert time.monotonic() - begin >= 0.25
    threading.Timer(0.05, go.set).start()
    rt.publish(text("it waits, and is taken"))


def test_acked_futures_end(rt: Runtime) -> None:
    assert rt.publish_acked(text("x")).result(SECONDS) is None
    futures = [rt.publish_acked(text("x"), topic="a") for _ in range(100)]
    assert [future.exception(SECONDS) for future in futures] == [None] * 100
    assert rt.counters().frames_published == 101
    with pytest.raises(TypeError):
        rt.publish_acked("text")  # type: ignore[arg-type]


def test_ping_flush_info_and_counters(rt: Runtime) -> None:
    rt.ping()
    rt.flush(timeout_s=1)
    rt.publish(text("x"))
    assert rt.counters().frames_published == 1
    assert rt.broker_info().frame_bytes_max > 0


# --- Callbacks that go wrong -----------------------------------------------------


def test_what_a_callback_raises_goes_to_the_hook(
    rt: Runtime, unraisable: "queue.Queue[Any]"
) -> None:
    got: "queue.Queue[int]" = queue.Queue()

    def handle(message: TextMessage) -> None:
        got.put(message.timestamp)
        kinds: List[Any] = [ValueError, SystemExit, KeyboardInterrupt]
        if message.timestamp < 3:
            raise kinds[message.timestamp]("of mine")

    rt.subscribe(TextMessage, handle)
    for i in range(4):
        rt.publish(text("x", i))
    assert [get(got) for _ in range(4)] == [0, 1, 2, 3]
    for kind in (ValueError, SystemExit, KeyboardInterrupt):
        error, where = get(unraisable)
        assert type(error) is kind and where is handle


def test_bytes_of_no_message_are_a_gap(rt: Runtime) -> None:
    got: "queue.Queue[Any]" = queue.Queue()
    rt.subscribe(TextMessage, got.put, on_gap=got.put)
    rt.publish(text("a"))
    rt.publish_bytes(1, b"\x0a\xff")
    rt.publish(text("b"))
    assert get(got) == text("a")
    gap = get(got)
    assert gap.reason is native.GapReason.MALFORMED and gap.frames == 1
    assert gap.ranges == (native.GapRange(1, 1, 2, 2),)
    assert str(gap) == "type 1: 1 frames #2..#2 (malformed)"
    assert get(got) == text("b")


def test_a_slow_callback_with_live_is_told_exactly_what_it_missed(rt: Runtime) -> None:
    go = threading.Event()
    got: "queue.Queue[Any]" = queue.Queue()

    def handle(message: TextMessage, info: native.MessageInfo) -> None:
        go.wait(SECONDS)
        got.put(info.sequence)

    rt.subscribe(
        TextMessage,
        handle,
        policy=native.Policy(queue_bytes_max=4096, stall_ms_max=0),
        on_gap=got.put,
        with_info=True,
    )
    for _ in range(10_000):
        rt.publish(text("x" * 100))
    go.set()
    rt.publish(text("the last"))
    seen: List[int] = []
    missed = 0
    while not seen or seen[-1] != 10_001:
        item = get(got)
        if isinstance(item, native.Gap):
            assert item.reason is native.GapReason.OVERFLOW
            assert seen == [] or item.ranges[0].first_sequence == seen[-1] + 1
            missed += item.frames
        else:
            seen.append(item)
    assert missed > 0 and missed + len(seen) == 10_001
    assert seen == sorted(seen)


def test_without_on_gap_the_first_is_logged(
    rt: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    got: "queue.Queue[Any]" = queue.Queue()
    rt.subscribe(TextMessage, got.put)
    with caplog.at_level(logging.WARNING, "mycelium_native"):
        rt.publish_bytes(1, b"\xff")
        rt.publish_bytes(1, b"\xff")
        rt.publish(text("x"))
        get(got)
    assert [record.getMessage() for record in caplog.records] == [
        "subscription to chat.TextMessage: a gap, type 1: 1 frames #1..#1 "
        "(malformed); give subscribe an on_gap to be told of each, further ones are "
        "only counted"
    ]


# --- Pulling ---------------------------------------------------------------------


def test_messages_are_pulled_and_gaps_told_in_their_place(rt: Runtime) -> None:
    told: List[Any] = []
    with rt.subscribe(TextMessage, on_gap=told.append) as subscription:
        rt.publish(text("a"))
        rt.publish_bytes(1, b"\xff")
        rt.publish(text("b"))
        assert subscription.next() == text("a") and told == []
        assert subscription.next(timeout_s=SECONDS) == text("b")
        assert [gap.reason for gap in told] == [native.GapReason.MALFORMED]
        rt.publish(text("c"))
        assert next(subscription) == text("c")
        with pytest.raises(native.DeadlineExceededError):
            subscription.next(timeout_s=0)
        with pytest.raises(TimeoutError):
            subscription.next(timeout_s=0.15)
    assert subscription.closed
    with pytest.raises(native.ClosedError):
        subscription.next()
    assert list(subscription) == []


def test_pulled_with_info(rt: Runtime) -> None:
    with rt.subscribe(TextMessage, with_info=True) as subscription:
        rt.publish_bytes(1, b"\xff")
        rt.publish(text("a"), "t")
        assert subscription.next(SECONDS) == (text("a"), (1, "t", 2, False))


def test_iteration_ends_with_the_runtime(rt: Runtime) -> None:
    subscription = rt.subscribe(TextMessage)
    got: List[Any] = []
    thread = threading.Thread(target=lambda: got.extend(subscription))
    thread.start()
    for i in range(100):
        rt.publish(text("x", i))
    wait_until(lambda: rt.counters().frames_received == 100 or len(got), "messages")
    rt.flush()
    rt.close()
    thread.join(SECONDS)
    assert not thread.is_alive()
    assert got == [text("x", i) for i in range(len(got))]


def test_close_of_a_subscription_ends_a_next_elsewhere(rt: Runtime) -> None:
    subscription = rt.subscribe(TextMessage)
    waiting = threading.Event()
    ended: "queue.Queue[Any]" = queue.Queue()

    def pull() -> None:
        waiting.set()
        ended.put(list(subscription))

    threading.Thread(target=pull).start()
    waiting.wait(SECONDS)
    subscription.close()
    assert get(ended) == []
    assert subscription.closed


def test_two_threads_within_next_and_next_of_a_pushed_one(rt: Runtime) -> None:
    subscription = rt.subscribe(TextMessage)
    thread = threading.Thread(target=list, args=(subscription,))
    thread.start()

    def refused() -> bool:
        try:
            subscription.next(0)
        except native.FailedPreconditionError:
            return True
        except native.DeadlineExceededError:
            pass
        return False

    wait_until(refused, "the other thread's next")
    pushed = rt.subscribe(TextMessage, print)
    with pytest.raises(native.FailedPreconditionError, match="has a callback"):
        pushed.next(0)
    rt.close()
    thread.join(SECONDS)


# --- Groups, named buses, requests -------------------------------------------------


def test_a_group_shares(rt: Runtime) -> None:
    got: "queue.Queue[Any]" = queue.Queue()
    for _ in range(2):
        rt.subscribe(TextMessage, lambda m: got.put(m.timestamp), group="g")
    for i in range(1000):
        rt.publish(text("x", i))
    assert sorted(get(got) for _ in range(1000)) == list(range(1000))
    rt.flush()
    assert got.empty()


def test_a_named_bus_is_shared(rt: Runtime) -> None:
    got: "queue.Queue[TextMessage]" = queue.Queue()
    with Runtime(url="inproc:shared") as here, Runtime(url="inproc:shared") as there:
        there.subscribe(TextMessage, got.put)
        rt.publish(text("of a private bus"))
        here.publish(text("of the named one"))
        assert get(got).content == "of the named one"


def test_a_request_is_answered(rt: Runtime) -> None:
    rt.respond(Question, lambda question: Answer(text=question.text.upper()))
    assert rt.request(Question(text="a"), Answer, SECONDS).text == "A"
    answers: "queue.Queue[str]" = queue.Queue()

    def ask() -> None:
        answers.put(rt.request(Question(text="b"), Answer).text)

    threading.Thread(target=ask).start()
    assert get(answers) == "B"


def test_an_answer_may_come_later(rt: Runtime) -> None:
    from concurrent.futures import Future, ThreadPoolExecutor

    with ThreadPoolExecutor() as pool:
        with rt.respond(
            Question,
            lambda question: pool.submit(lambda: Answer(text=question.text * 2)),
        ):
            assert rt.request(Question(text="x"), Answer, SECONDS).text == "xx"

    def failing(question: Question) -> "Future[Answer]":
        future: "Future[Answer]" = Future()
        if question.text == "cancel":
            future.cancel()
        elif question.text == "fail":
            future.set_exception(
                native.RequestError(native.StatusCode.NOT_FOUND, "no such thing")
            )
        elif question.text == "wrong":
            future.set_result(3)
        return future  # or it is dropped

    rt.respond(Question, failing)
    for question, error, words in (
        ("cancel", native.ClosedError, "cancelled"),
        ("fail", native.RequestError, "no such thing"),
        ("wrong", native.Error, "TypeError"),
        ("drop", native.Error, "dropped without an answer"),
    ):
        with pytest.raises(error, match=words):
            rt.request(Question(text=question), Answer, SECONDS)
            gc.collect()


def test_how_requests_fail(rt: Runtime, unraisable: "queue.Queue[Any]") -> None:
    with pytest.raises(native.RequestError, match="nobody answers type 2") as refused:
        rt.request(Question(), Answer)
    assert refused.value.status is native.StatusCode.NOT_FOUND
    assert repr(pickle.loads(pickle.dumps(refused.value))) == repr(refused.value)

    def answer(question: Question) -> Any:
        if question.text == "mine":
            raise native.RequestError(7, "answer: not you, allowed others")
        if question.text == "status":
            raise native.Error("odd", native.StatusCode.UNAUTHENTICATED)
        if question.text == "none":
            return None
        if question.text == "type":
            return Question()
        raise ZeroDivisionError("secret")

    rt.respond(Question, answer)
    cases: List[Any] = [
        ("mine", native.RequestError, "^answer: not you, allowed others$"),
        ("status", native.RequestError, "^odd$"),
        ("none", native.RequestError, "^respond: the callback raised TypeError$"),
        (
            "type",
            native.InvalidArgumentError,
            "a reply of type 2, asked for chat.Answer",
        ),
        ("other", native.RequestError, "raised ZeroDivisionError$"),
    ]
    for question, error, words in cases:
        with pytest.raises(error, match=words) as raised:
            rt.request(Question(text=question), Answer, SECONDS)
        if question == "status":
            assert raised.value.status == native.StatusCode.UNAUTHENTICATED
    kinds = [type(get(unraisable)[0]) for _ in range(2)]
    assert kinds == [TypeError, ZeroDivisionError]


def test_a_request_is_late_or_malformed(rt: Runtime) -> None:
    go = threading.Event()
    rt.respond(Question, lambda q: (go.wait(SECONDS), Answer())[1])
    begin = time.monotonic()
    with pytest.raises(native.DeadlineExceededError):
        rt.request(Question(), Answer, 0.15)
    assert time.monotonic() - begin >= 0.15
    go.set()


def test_a_request_within_a_callback(rt: Runtime) -> None:
    got: "queue.Queue[str]" = queue.Queue()
    rt.respond(Question, lambda question: Answer(text="within"))
    rt.subscribe(
        TextMessage, lambda m: got.put(rt.request(Question(), Answer, SECONDS).text)
    )
    rt.publish(text("x"))
    assert get(got) == "within"


if __name__ == "__main__":
    sys.exit(
        pytest.main(
            [
                __file__,
                "-q",
                "-p",
                "no:cacheprovider",
                "-p",
                "no:unraisableexception",
                *sys.argv[1:],
            ]
        )
    )
