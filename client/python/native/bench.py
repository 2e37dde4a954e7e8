"""How fast the extension is here: messages of 64 bytes, in this process.

Usage: bazel run -c opt //client/python/native:bench -- [SECONDS [URL]]

Prints the best of three runs of SECONDS each (1), of each way.  With a URL of a
broker the same over its sockets.
"""

# Generated modules have no stubs here: their messages are Any.
# mypy: disable-error-code="no-any-return"

import statistics
import sys
import threading
import time
from typing import Any, Callable, List, Optional

from client.python.native import installed

from mycelium_native import Message, Runtime
from mycelium_native._native import Codec
from mycelium_protocol import Answer, Question, TextMessage

assert installed.PATH
SAMPLE = TextMessage(sender="py", content="x" * 51, timestamp=1234567890123)
RUNS = 3


# The same message, but coded by the generated to_bytes and from_bytes.
SlowText: Any = type("SlowText", (TextMessage,), {})


def per_second(
    seconds: float,
    publish: Callable[[Runtime], Callable[[], None]],
    subscribe: Callable[[Runtime, Callable[[Any], None]], Any],
    url: Optional[str],
) -> float:
    """Messages from publish to callback: until the last has been called back."""
    count = 0
    last = threading.Event()
    target = -1

    def handle(message: object) -> None:
        nonlocal count
        count += 1
        if count == target:
            last.set()

    with Runtime(url=url) as rt:
        subscribe(rt, handle)
        send = publish(rt)
        begin = time.perf_counter()
        sent = 0
        while time.perf_counter() - begin < seconds:
            for _ in range(1000):
                send()
            sent += 1000
        target = sent
        if count != sent and not last.wait(60):
            raise RuntimeError(f"{count} of {sent} messages came")
        return sent / (time.perf_counter() - begin)


def messages(message: Message) -> Callable[[Runtime], Callable[[], None]]:
    return lambda rt: lambda: rt.publish(message)


def payloads(rt: Runtime) -> Callable[[], None]:
    payload = SAMPLE.to_bytes()
    return lambda: rt.publish_bytes(1, payload)


def nanoseconds(call: Callable[[], object]) -> float:
    runs: List[float] = []
    for _ in range(5):
        begin = time.perf_counter()
        for _ in range(100_000):
            call()
        runs.append((time.perf_counter() - begin) * 1e4)
    return min(runs)


def round_trips(url: Optional[str]) -> List[float]:
    """Microseconds from request to reply."""
    times = []
    with Runtime(url=url) as rt, Runtime(url=url) as other:
        (rt if url is None else other).respond(Question, lambda q: Answer())
        question = Question(text="?")
        for _ in range(2000):
            begin = time.perf_counter()
            rt.request(question, Answer)
            times.append((time.perf_counter() - begin) * 1e6)
    return times


def latencies(url: Optional[str]) -> List[float]:
    """Microseconds from publish to the callback, one message at a time."""
    times: List[float] = []
    came = threading.Event()

    def handle(message: TextMessage) -> None:
        times.append((time.perf_counter_ns() - message.timestamp) / 1e3)
        came.set()

    with Runtime(url=url) as rt:
        rt.subscribe(TextMessage, handle)
        for _ in range(2000):
            rt.publish(TextMessage(timestamp=time.perf_counter_ns()))
            came.wait()
            came.clear()
    return times


def say_distribution(what: str, times: List[float]) -> None:
    cuts = statistics.quantiles(times, n=100)
    print(f"{what:44} p50 {cuts[49]:6.1f} us   p99 {cuts[98]:7.1f} us")


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    url = sys.argv[2] if len(sys.argv) > 2 else None
    codec = Codec(TextMessage)
    payload = SAMPLE.to_bytes()
    print(f"{url or 'in process'}, {len(payload)} B, Python {sys.version.split()[0]}")
    slow = SlowText(sender="py", content="x" * 51, timestamp=1234567890123)
    ways: List[Any] = [
        (
            "messages",
            messages(SAMPLE),
            lambda rt, handle: rt.subscribe(TextMessage, handle),
        ),
        (
            "messages, coded by to_bytes and from_bytes",
            messages(slow),
            lambda rt, handle: rt.subscribe(SlowText, handle),
        ),
        ("bytes", payloads, lambda rt, handle: rt.subscribe_bytes(1, handle)),
    ]
    for what, publish, subscribe in ways:
        best = max(per_second(seconds, publish, subscribe, url) for _ in range(RUNS))
        print(f"{what:44} {best:11,.0f}/s")
    say_distribution("publish to callback", latencies(url))
    say_distribution("request to reply", round_trips(url))
    for what, call in (
        ("encoding: here", lambda: codec.encode(SAMPLE)),
        ("encoding: to_bytes", SAMPLE.to_bytes),
        ("decoding: here", lambda: codec.decode(payload)),
        ("decoding: from_bytes", lambda: TextMessage.from_bytes(payload)),
    ):
        print(f"{what:44} {nanoseconds(call):8.0f} ns")


if __name__ == "__main__":
    main()
