"""How runtimes and subscriptions end: closed from anywhere, or dropped."""

import gc
import queue
import sys
import threading
import weakref
from typing import Any, Callable, Iterator, List

import pytest

from client.python.native import installed
from tests.integration.deadline import SECONDS, wait_until

import mycelium_native as native
from mycelium_native import Runtime
from mycelium_protocol import Answer, Question, TextMessage

assert installed.PATH


@pytest.fixture
def rt() -> Iterator[Runtime]:
    with Runtime() as runtime:
        yield runtime


def get(items: "queue.Queue[Any]") -> Any:
    return items.get(timeout=SECONDS)


def text(content: str, timestamp: int = 0) -> TextMessage:
    return TextMessage(sender="py", content=content, timestamp=timestamp)


# --- Closing ---------------------------------------------------------------------


def test_a_closed_runtime_says_so(rt: Runtime) -> None:
    subscription = rt.subscribe(TextMessage, print)
    assert repr(rt) == "<Runtime inproc:>"
    rt.close()
    rt.close()
    assert rt.closed and subscription.closed and repr(rt) == "<Runtime inproc: closed>"
    subscription.close()
    calls: List[Callable[[], Any]] = [
        lambda: rt.publish(text("x")),
        lambda: rt.publish_acked(text("x")),
        lambda: rt.subscribe(TextMessage, print),
        lambda: rt.respond(Question, print),  # type: ignore[arg-type]
        lambda: rt.request(Question(), Answer),
        lambda: rt.flush(),
    ]
    for call in calls:
        with pytest.raises(native.Error):
            call()


def test_after_close_no_callback_runs(rt: Runtime) -> None:
    for _ in range(50):
        runs: List[int] = []
        closed: List[int] = []

        def handle(message: TextMessage) -> None:
            runs.append(len(closed))

        subscription = rt.subscribe(TextMessage, handle)
        for _ in range(100):
            rt.publish(text("x"))
        subscription.close()
        closed.append(1)
        rt.publish(text("x"))
        count = len(runs)
        rt.flush()
        assert len(runs) == count and 1 not in runs


def test_close_of_the_subscription_within_its_callback(rt: Runtime) -> None:
    for _ in range(50):
        runs: List[int] = []
        ready = threading.Event()
        ended = threading.Event()

        def handle(message: TextMessage) -> None:
            ready.wait(SECONDS)
            runs.append(message.timestamp)
            subscription.close()
            assert subscription.closed
            ended.set()

        subscription = rt.subscribe(TextMessage, handle)
        ready.set()
        for i in range(100):
            rt.publish(text("x", i))
        assert ended.wait(SECONDS)
        rt.flush()
        assert runs == [0]


def test_close_of_the_runtime_within_a_callback() -> None:
    for _ in range(50):
        runs: List[int] = []
        ended = threading.Event()
        runtime = Runtime()

        def handle(message: TextMessage) -> None:
            runs.append(1)
            runtime.close()
            ended.set()

        runtime.subscribe(TextMessage, handle)
        try:
            for _ in range(100):
                runtime.publish(text("x"))
        except native.Error:
            pass  # it was closed before all were published
        assert ended.wait(SECONDS)
        runtime.close()
        assert runs == [1]


def test_callbacks_that_close_each_other() -> None:
    """Each would wait for the other if close did within a callback."""

    def once(rt: Runtime) -> None:
        barrier = threading.Barrier(2)
        ended: "queue.Queue[int]" = queue.Queue()
        subscriptions: List[Any] = []

        def handle(other: int) -> None:
            barrier.wait(SECONDS)
            subscriptions[other].close()
            ended.put(other)

        subscriptions.append(rt.subscribe(TextMessage, lambda m: handle(1)))
        subscriptions.append(rt.subscribe(TextMessage, lambda m: handle(0)))
        rt.publish(text("x"))
        assert {get(ended), get(ended)} == {0, 1}

    for _ in range(50):
        with Runtime() as runtime:
            once(runtime)


def test_many_threads_publish_and_close() -> None:
    runtime = Runtime()
    counts: "dict[str, int]" = {}

    def handle(message: TextMessage) -> None:
        assert message.timestamp == counts.get(message.sender, 0)
        counts[message.sender] = message.timestamp + 1

    runtime.subscribe(TextMessage, handle)

    def publish(sender: str) -> None:
        for i in range(20_000):
            runtime.publish(TextMessage(sender=sender, timestamp=i))

    threads = [threading.Thread(target=publish, args=(str(n),)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    wait_until(lambda: sum(counts.values()) == 160_000, "all messages")
    racing = threading.Event()

    def publish_until_closed() -> None:
        racing.set()
        with pytest.raises(native.Error):
            while True:
                runtime.publish(TextMessage(sender="last"))

    runtime.subscribe(TextMessage, lambda m: None)
    thread = threading.Thread(target=publish_until_closed)
    thread.start()
    racing.wait(SECONDS)
    runtime.close()
    thread.join(SECONDS)
    assert not thread.is_alive()


def test_a_busy_callback_in_c_lets_others_run(rt: Runtime) -> None:
    """list.append runs no bytecode that would give the GIL back."""
    got: List[TextMessage] = []
    rt.subscribe(TextMessage, got.append)
    gate = threading.Event()
    turns = []

    def count() -> None:
        while not gate.is_set():
            turns.append(len(got))

    thread = threading.Thread(target=count)
    thread.start()
    for _ in range(200_000):
        rt.publish(text("x"))
    wait_until(lambda: len(got) == 200_000, "all messages")
    gate.set()
    thread.join(SECONDS)
    assert len(set(turns)) > 3


# --- The garbage collector ---------------------------------------------------------


def test_subscriptions_go_on_without_being_kept() -> None:
    got: "queue.Queue[Any]" = queue.Queue()
    runtime = Runtime()
    runtime.subscribe(TextMessage, got.put)
    gc.collect()
    runtime.publish(text("x"))
    assert get(got) == text("x")
    runtime.close()


def test_a_runtime_that_is_dropped_ends_whatever_refers_to_it() -> None:
    class Holder:
        runtime: Any

        def handle(self, message: TextMessage) -> None:
            self.runtime.publish_bytes(7, b"")

    holder = Holder()
    holder.runtime = Runtime(on_state=lambda *told, holder=holder: holder)
    holder.subscription = holder.runtime.subscribe(  # type: ignore[attr-defined]
        TextMessage, holder.handle
    )
    for _ in range(1000):
        holder.runtime.publish(text("x"))
    gone = weakref.ref(holder)
    with pytest.warns(ResourceWarning, match="unclosed <Runtime inproc:>"):
        del holder
        gc.collect()
    wait_until(lambda: gc.collect() >= 0 and gone() is None, "the end of the runtime")


def test_a_runtime_that_is_dropped_with_a_lock_that_its_callback_wants() -> None:
    lock = threading.Lock()
    inside = threading.Event()
    done = threading.Event()

    def handle(message: TextMessage) -> None:
        inside.set()
        with lock:
            done.set()

    runtime = Runtime()
    runtime.subscribe(TextMessage, handle)
    with lock, pytest.warns(ResourceWarning):
        runtime.publish(text("x"))
        inside.wait(SECONDS)
        del runtime
        gc.collect()  # does not wait for the callback
    assert done.wait(SECONDS)


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
