#!/usr/bin/env python3
"""How fast the Python clients are on this machine, beside redis-py and nats-py.

Usage: bench.py [--brokerd PATH] [--tool PATH] [--messages N] [--round_trips N]

Build first: bazel build -c opt //broker:mycelium-brokerd //client/cli:mycelium
Everything runs over Unix sockets in a temporary folder (NATS has none: TCP on
loopback), each server by itself, with payloads of 64 bytes.  Publishers are C
or C++ programs, so that the reader is what is measured.  A rate is counted from
the first message that is read to the last.  Prints rows of a Markdown table.
"""

import argparse
import asyncio
import contextlib
import importlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from typing import Any, Callable, Iterator, List

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "../../..")
sys.path[:0] = [
    os.path.join(HERE, ".."),
    os.path.join(ROOT, "proto/plugin/golden/python"),
]

import mycelium  # noqa: E402
import mycelium_protocol as chat  # noqa: E402

PAYLOAD = b"x" * 64
WAIT_S = 60.0


def row(what: str, figure: str) -> None:
    print(f"| {what} | {figure} |", flush=True)


def rate_row(what: str, rate: float) -> None:
    row(what, f"{rate:,.0f} /s")


def latency_row(what: str, call: Callable[[], object], count: int) -> float:
    """The mean of the best of five rounds, in microseconds."""
    for _ in range(count // 10):
        call()
    best = float("inf")
    for _ in range(5):
        begin = time.perf_counter()
        for _ in range(count // 5):
            call()
        best = min(best, (time.perf_counter() - begin) / (count // 5))
    row(what, f"{best * 1e6:.1f} us")
    return best * 1e6


@contextlib.contextmanager
def child(*command: str, **options: Any) -> Iterator["subprocess.Popen[bytes]"]:
    quiet: Any = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, **{**quiet, **options})
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def await_path(path: str) -> None:
    end = time.monotonic() + WAIT_S
    while not os.path.exists(path):
        if time.monotonic() > end:
            raise TimeoutError(path)
        time.sleep(0.01)


class Meter:
    """Counts up to `count`, from the first on."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._first = self._seen = 0
        self._begin = 0.0

    def add(self, messages: int) -> bool:
        """Whether that was all."""
        if self._seen == 0:
            self._first, self._begin = messages, time.perf_counter()
        self._seen += messages
        return self._seen >= self._count

    @property
    def rate(self) -> float:
        return (self._seen - self._first) / (time.perf_counter() - self._begin)


# --- A bare socket


def bare_round_trip(count: int) -> float:
    """Two processes and nothing between them."""
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        ours.close()
        while True:
            data = theirs.recv(4096)
            if not data:
                os._exit(0)
            theirs.send(data)
    theirs.close()

    def call() -> None:
        ours.send(PAYLOAD)
        ours.recv(4096)

    mean = latency_row("bare Python sockets, two processes: round trip", call, count)
    ours.close()
    os.waitpid(pid, 0)
    return mean


# --- Mycelium


def publishing(options: argparse.Namespace, url: str, type_id: str, data: str) -> Any:
    return child(
        *(options.tool, "pub", type_id, "--data", data, "--url", url),
        *("--count", str(options.messages)),
    )


def measure_sync(options: argparse.Namespace, url: str, way: str) -> float:
    count = options.messages
    with mycelium.connect(url, schema=chat) as client:
        typed = way == "typed"
        kind: Any = chat.TextMessage if typed else 7
        subscription = client.subscribe(kind, policy=mycelium.LOSSLESS)
        meter = Meter(count)
        publisher: Any = publishing(options, url, "7", PAYLOAD.decode())
        if typed:
            message = chat.TextMessage("bench", "x" * 50, 1).to_bytes()
            publisher = child(
                sys.executable,
                *("-c", PUBLISH_TYPED, url, message.hex(), str(count)),
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            )
        with publisher:
            if way == "batches":
                for batch in subscription.batches(WAIT_S):
                    if meter.add(len(batch)):
                        break
            else:
                items: Any = subscription.events(WAIT_S)
                if way == "frames":
                    items = subscription.frames(WAIT_S)
                meter.add(bool(next(items)))
                for _ in zip(range(count - 2), items):
                    pass
                next(items)
                meter.add(count - 1)
        return meter.rate


PUBLISH_TYPED = """
import sys, mycelium
url, message, count = sys.argv[1], bytes.fromhex(sys.argv[2]), int(sys.argv[3])
with mycelium.connect(url) as client:
    for _ in range(count):
        client.publish_bytes(1, message)
    client.flush()
"""


async def measure_asyncio(options: argparse.Namespace, url: str, way: str) -> float:
    async with mycelium.aio.connect(url) as client:
        subscription = await client.subscribe(7, policy=mycelium.LOSSLESS)
        meter = Meter(options.messages)
        with publishing(options, url, "7", PAYLOAD.decode()):
            if way == "batches":
                async for batch in subscription.batches(WAIT_S):
                    if meter.add(len(batch)):
                        break
            else:
                seen = 0
                async for _ in subscription:
                    seen += 1
                    if seen == 1:
                        meter.add(1)
                    if seen == options.messages:
                        break
                meter.add(seen - 1)
        return meter.rate


def measure_publish(options: argparse.Namespace, url: str) -> float:
    count: int = options.messages // 2
    with mycelium.connect(url) as client:
        begin = time.perf_counter()
        for _ in range(count):
            client.publish_bytes(7, PAYLOAD)
        client.flush(WAIT_S)
        return count / (time.perf_counter() - begin)


def echo(url: str) -> None:
    """Another process: sends back what it gets, until it gets nothing."""
    with mycelium.connect(url) as client:
        for message in client.subscribe(8):
            client.publish_bytes(9, message)
            if not message:
                client.flush(WAIT_S)
                return


def measure_mycelium(options: argparse.Namespace, folder: str) -> None:
    path = os.path.join(folder, "mycelium.sock")
    url = "unix:" + path
    with child(options.brokerd, "--listen", url):
        await_path(path)
        batched = measure_sync(options, url, "batches")
        rate_row("mycelium, sync, `batches()`", batched)
        rate_row("mycelium, sync, `events()`", measure_sync(options, url, "events"))
        rate_row("mycelium, sync, `frames()`", measure_sync(options, url, "frames"))
        rate_row(
            "mycelium, sync, typed (`chat.TextMessage`; a Python publisher)",
            measure_sync(options, url, "typed"),
        )
        rate = asyncio.run(measure_asyncio(options, url, "batches"))
        rate_row("mycelium, asyncio, `batches()`", rate)
        rate = asyncio.run(measure_asyncio(options, url, "messages"))
        rate_row("mycelium, asyncio, `async for message`", rate)
        rate_row(
            "mycelium, sync, `publish_bytes` in a loop", measure_publish(options, url)
        )
        bare = bare_round_trip(options.round_trips)
        with mycelium.connect(url) as client:
            mean = latency_row(
                "mycelium, `ping`: round trip to the broker",
                lambda: client.ping(WAIT_S),
                options.round_trips,
            )
            row("... in bare round trips", f"{mean / bare:.2f}")
        pid = os.fork()
        if pid == 0:
            echo(url)
            os._exit(0)
        with mycelium.connect(url) as client:
            subscription = client.subscribe(9)
            end = time.monotonic() + WAIT_S
            while time.monotonic() < end:  # until the echo has subscribed
                client.publish_bytes(8, PAYLOAD)
                try:
                    subscription.next(0.05)
                    break
                except mycelium.DeadlineExceededError:
                    continue

            def call() -> None:
                client.publish_bytes(8, PAYLOAD)
                subscription.next(WAIT_S)

            latency_row(
                "mycelium, publish and echo by another Python process",
                call,
                options.round_trips,
            )
            client.publish_bytes(8, b"")
            client.flush(WAIT_S)
        os.waitpid(pid, 0)


# --- Redis


def measure_redis(options: argparse.Namespace, folder: str) -> None:
    try:
        redis: Any = importlib.import_module("redis")
    except ImportError:
        row("redis-py", "not installed (python3-redis)")
        return
    if shutil.which("redis-server") is None or shutil.which("redis-benchmark") is None:
        row("redis-py", "not installed (redis-server)")
        return
    path = os.path.join(folder, "redis.sock")
    settings = ["--port", "0", "--unixsocket", path, "--save", "", "--dir", folder]
    settings += ["--client-output-buffer-limit", "pubsub 0 0 0"]
    with child("redis-server", *settings):
        await_path(path)
        client: Any = redis.Redis(unix_socket_path=path)
        subscription: Any = client.pubsub(ignore_subscribe_messages=True)
        subscription.subscribe("c")
        subscription.get_message(timeout=WAIT_S)
        count = options.messages // 4
        benchmark = ["redis-benchmark", "-s", path, "-c", "1", "-P", "64"]
        benchmark += ["-n", str(count), "PUBLISH", "c", PAYLOAD.decode()]
        meter = Meter(count)
        with child(*benchmark):
            for _ in subscription.listen():
                if meter.add(1):
                    break
        rate_row("redis-py, sync, `listen()`", meter.rate)
        latency_row("redis-py, `ping`: round trip", client.ping, options.round_trips)


# --- NATS


def measure_nats(options: argparse.Namespace, folder: str) -> None:
    try:
        nats: Any = importlib.import_module("nats")
    except ImportError:
        row("nats-py", "not installed")
        return
    if shutil.which("nats-server") is None:
        row("nats-py", "not installed (nats-server)")
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])

    async def measure() -> float:
        count = options.messages // 4
        meter, done = Meter(count), asyncio.Event()
        client = await nats.connect(f"nats://127.0.0.1:{port}")

        async def on_message(message: object) -> None:
            if meter.add(1):
                done.set()

        await client.subscribe("c", cb=on_message, pending_msgs_limit=-1)
        await client.flush()
        publisher = await nats.connect(f"nats://127.0.0.1:{port}")
        for n in range(count):
            await publisher.publish("c", PAYLOAD)
            if n % 1000 == 0:
                await asyncio.sleep(0)
        await asyncio.wait_for(done.wait(), WAIT_S)
        return meter.rate

    with child("nats-server", "-a", "127.0.0.1", "-p", port):
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            with contextlib.suppress(OSError), socket.create_connection(
                ("127.0.0.1", int(port))
            ):
                break
        rate_row("nats-py, asyncio, callback, TCP", asyncio.run(measure()))


def main(arguments: List[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    bin_folder = os.path.join(ROOT, "bazel-bin")
    parser.add_argument(
        "--brokerd", default=os.path.join(bin_folder, "broker/mycelium-brokerd")
    )
    parser.add_argument(
        "--tool", default=os.path.join(bin_folder, "client/cli/mycelium")
    )
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--round_trips", type=int, default=10_000)
    options = parser.parse_args(arguments)
    print("| 64 bytes, Unix socket | |\n|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        measure_mycelium(options, folder)
        measure_redis(options, folder)
        measure_nats(options, folder)


if __name__ == "__main__":
    main(sys.argv[1:])
