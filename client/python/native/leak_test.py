"""Millions of messages, and whatever is made and dropped, leave nothing behind."""

# Generated modules have no stubs here: their messages are Any.
# mypy: disable-error-code="no-any-return"

import gc
import queue
import sys
import threading
from concurrent.futures import Future
from typing import Any, Callable

import pytest

from client.python.native import installed
from tests.integration.deadline import SECONDS, wait_until

import mycelium_native as native
from mycelium_native import Runtime
from mycelium_protocol import Answer, Question, TextMessage

assert installed.PATH
GROWTH_BYTES_MAX = 3 << 20


def resident_bytes() -> int:
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * 4096


def threads() -> int:
    with open("/proc/self/status", encoding="ascii") as status:
        return int(next(l for l in status if l.startswith("Threads:")).split()[1])


def text(content: str = "x" * 40) -> TextMessage:
    return TextMessage(sender="py", content=content, timestamp=1 << 40)


def assert_no_growth(once: Callable[[], None], rounds: int) -> None:
    """Neither memory nor Python's blocks nor objects nor threads grow."""

    def measure() -> "tuple[int, int, int, int]":
        gc.collect()
        return (
            resident_bytes(),
            sys.getallocatedblocks(),
            len(gc.get_objects()),
            threads(),
        )

    for _ in range(max(rounds // 5, 2)):
        once()
    before = measure()
    for _ in range(rounds):
        once()
    wait_until(lambda: threads() <= before[3], "the threads to end")
    after = measure()
    assert after[0] - before[0] < GROWTH_BYTES_MAX, (before, after)
    assert after[1] - before[1] < 500, (before, after)
    assert after[2] - before[2] < 50, (before, after)


@pytest.mark.parametrize("slow", [False, True])
def test_two_million_messages(slow: bool) -> None:
    message_class: Any = TextMessage
    if slow:
        message_class = type("Child", (TextMessage,), {})
    message = message_class(sender="py", content="x" * 40, timestamp=1 << 40)
    count = 0
    done = threading.Event()

    def handle(message: TextMessage, info: native.MessageInfo) -> None:
        nonlocal count
        count += 1
        if count % 100_000 == 0:
            done.set()

    with Runtime() as rt:
        rt.subscribe(message_class, handle, with_info=True)

        def once() -> None:
            for _ in range(100_000):
                rt.publish(message, topic="a.b")
            assert done.wait(SECONDS)
            done.clear()

        assert_no_growth(once, 5 if slow else 20)


def test_what_is_odd_in_messages() -> None:
    """Gaps, errors, fallbacks: each way takes other references."""
    got: "queue.Queue[Any]" = queue.Queue()
    with Runtime() as rt:
        rt.subscribe(TextMessage, lambda m: got.put(1), on_gap=lambda g: got.put(1))
        pulled = rt.subscribe(TextMessage, with_info=True, on_gap=lambda g: None)
        every = rt.subscribe_bytes(0, lambda m: got.put(1), on_gap=lambda g: None)
        assert not every.closed

        def once() -> None:
            for _ in range(100):
                rt.publish_bytes(1, b"\xff")
                rt.publish(text("x" * 600))
                rt.publish_bytes(1, b"\x22\x01x", topic="t")
                for wrong in (TextMessage(sender=3), "text"):
                    with pytest.raises(TypeError):
                        rt.publish(wrong)
                for _ in range(3):
                    got.get(timeout=SECONDS)
                    got.get(timeout=SECONDS)
                for _ in range(2):
                    pulled.next(SECONDS)
            with pytest.raises(TimeoutError):
                pulled.next(0)

        assert_no_growth(once, 20)


def test_requests_and_futures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "unraisablehook", lambda what: None)

    def answer(question: Question) -> Any:
        if question.text == "later":
            future: "Future[Answer]" = Future()
            threading.Thread(target=future.set_result, args=(Answer(),)).start()
            return future
        if question.text == "dropped":
            return Future()
        if question.text == "raises":
            raise ValueError
        return Answer(text=question.text)

    with Runtime() as rt:
        rt.respond(Question, answer)

        def once() -> None:
            for _ in range(50):
                assert rt.request(Question(text="now"), Answer, SECONDS).text == "now"
                rt.request(Question(text="later"), Answer, SECONDS)
                for bad in ("raises", "dropped"):
                    with pytest.raises(native.Error):
                        rt.request(Question(text=bad), Answer, SECONDS)
                rt.publish_acked(text()).result(SECONDS)

        assert_no_growth(once, 20)


def test_runtimes_and_subscriptions() -> None:
    def once() -> None:
        for _ in range(20):
            with Runtime(on_state=lambda state, error: None) as rt:
                with rt.subscribe(TextMessage, lambda message: None):
                    rt.publish(text())
                rt.subscribe(TextMessage)
                rt.respond(Question, lambda question: Answer())
                rt.publish(text())
                with pytest.raises(native.Error):
                    rt.subscribe(TextMessage, print, topic_filter="..")
            with pytest.raises(native.Error):
                Runtime(url="nothing:")

    assert_no_growth(once, 20)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_runtimes_that_are_dropped_and_ended_within_callbacks() -> None:
    def dropped() -> None:
        rt = Runtime()
        rt.subscribe(TextMessage, lambda message: rt.flush())
        rt.publish(text())

    def within() -> None:
        rt = Runtime()
        ended = threading.Event()

        def handle(message: TextMessage) -> None:
            subscription.close()
            rt.close()
            ended.set()

        subscription = rt.subscribe(TextMessage, handle)
        rt.publish(text())
        assert ended.wait(SECONDS)

    def once() -> None:
        for _ in range(20):
            dropped()
            within()
        gc.collect()

    assert_no_growth(once, 20)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider", *sys.argv[1:]]))
