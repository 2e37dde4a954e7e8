"""The asyncio client against the real daemon."""

import asyncio
from typing import Any, Awaitable, Callable, List

import mycelium_protocol as chat
import pytest

import mycelium
from mycelium.aio import Client
from tests.integration.broker_process import BrokerProcess
from tests.integration.deadline import SECONDS


def run(url: str, main: Callable[[Client], Awaitable[None]], **options: Any) -> None:
    async def connected() -> None:
        async with mycelium.aio.connect(url, **options) as client:
            await asyncio.wait_for(main(client), SECONDS)

    asyncio.run(connected(), debug=False)


def text(content: str) -> chat.TextMessage:
    return chat.TextMessage(content=content)


def test_messages_arrive_in_order_with_filters(url: str) -> None:
    async def main(client: Client) -> None:
        rooms = await client.subscribe(chat.TextMessage, "rooms.*")
        for topic in ("rooms.one", "weather", "rooms.two"):
            await client.publish(text(topic), topic)
        got = []
        async for message in rooms:
            got.append(message.content)
            if len(got) == 2:
                break
        assert got == ["rooms.one", "rooms.two"]
        await client.flush(SECONDS)
        await client.ping(SECONDS)

    run(url, main, schema=chat)


def test_frames_batches_and_gaps(url: str) -> None:
    async def main(client: Client) -> None:
        frames = (await client.subscribe(7)).frames(SECONDS)
        batched = await client.subscribe(7)
        slow = await client.subscribe(7, policy=mycelium.Policy(4096, 0))
        for n in range(1000):
            await client.publish_bytes(7, b"%d" % n, "a.b")
        await client.flush(SECONDS)
        first = await frames.__anext__()
        assert first == mycelium.Frame(7, "a.b", 1, False, b"0", b"0")
        got: List[bytes] = []
        async for batch in batched.batches(SECONDS):
            got.extend(batch)
            if len(got) == 1000:
                break
        assert got == [b"%d" % n for n in range(1000)]
        seen = 0
        async for item in slow.events(SECONDS):
            seen += item.frames if isinstance(item, mycelium.Gap) else 1
            if item == b"999":
                break
        assert seen == 1000

    run(url, main)


def test_a_refused_connection(broker: BrokerProcess) -> None:
    async def main() -> None:
        with pytest.raises(mycelium.UnavailableError) as raised:
            await mycelium.aio.connect("unix:/nowhere/at/all")
        assert "no such file; start one with" in str(raised.value)
        with pytest.raises(mycelium.UnavailableError) as raised:
            await mycelium.aio.connect("tcp://127.0.0.1:1")
        assert "refused, nobody listens there; start one with" in str(raised.value)
        client = await mycelium.aio.connect(broker.unix_url)
        await client.close()
        await client.close()
        with pytest.raises(mycelium.ClosedError):
            await client.publish_bytes(7, b"")

    asyncio.run(main())


def test_acknowledged_publishes(url: str) -> None:
    async def main(client: Client) -> None:
        futures = [await client.publish_bytes_acked(7, b"x") for _ in range(100)]
        await asyncio.gather(*futures)
        assert client.counters.frames_accepted == 100

    run(url, main)


def test_a_cancelled_iteration_loses_nothing(url: str) -> None:
    """Cancelled at random points, a reader gets every message all the same."""
    count = 2_000

    async def main(client: Client) -> None:
        subscription = await client.subscribe(7, policy=mycelium.LOSSLESS)
        got: List[bytes] = []

        async def read() -> None:
            async for message in subscription:
                got.append(message)

        async def publish() -> None:
            for n in range(count):
                await client.publish_bytes(7, b"%d" % n)
                if n % 7 == 0:
                    await asyncio.sleep(0)

        publisher = asyncio.ensure_future(publish())
        while len(got) < count:
            reader = asyncio.ensure_future(read())
            for _ in range(5):
                await asyncio.sleep(0)
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
        await publisher
        assert got == [b"%d" % n for n in range(count)]

    run(url, main)


def test_any_await_may_be_cancelled(url: str) -> None:
    async def main(client: Client) -> None:
        operations: List[Callable[[], Awaitable[Any]]] = [
            lambda: client.flush(),
            lambda: client.ping(),
            lambda: client.subscribe(7),
            lambda: client.publish_bytes_acked(7, b"x"),
            lambda: client.request_bytes(7, b"?"),
        ]
        for steps in range(4):
            for operation in operations:
                task = asyncio.ensure_future(operation())
                for _ in range(steps):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        subscription = await client.subscribe(8)
        await client.publish_bytes(8, b"whole")
        await client.flush(SECONDS)
        assert await subscription.next(SECONDS) == b"whole"

    run(url, main)


def test_publish_waits_for_room(url: str) -> None:
    async def main(client: Client) -> None:
        lossless = mycelium.Policy(65536, -1)
        async with mycelium.aio.connect(url) as other:
            subscription = await other.subscribe(7, policy=lossless)
            payload = b"x" * 100_000

            async def publish() -> None:
                for _ in range(200):
                    await client.publish_bytes(7, payload)

            publisher = asyncio.ensure_future(publish())
            blocked: Any = None
            while not isinstance(blocked, mycelium.WouldBlockError):
                await asyncio.sleep(0.001)
                try:
                    client.try_publish_bytes(7, b"0")
                except mycelium.WouldBlockError as error:
                    blocked = error if "held back" in str(error) else None
            with pytest.raises(mycelium.DeadlineExceededError):
                await client.publish_bytes(7, payload, timeout_s=0.01)
            large = 0
            async for message in subscription:
                large += message == payload
                if large == 200:
                    break
            await publisher

    run(url, main)


def test_a_group_acknowledges_what_it_has_done_with(url: str) -> None:
    async def main(client: Client) -> None:
        member = await mycelium.aio.connect(url)
        one = await member.subscribe(7, group="workers")
        for n in range(20):
            await client.publish_bytes(7, b"%d" % n)
        await client.flush(SECONDS)
        done = [await one.next(SECONDS) for _ in range(5)]
        two = await client.subscribe(7, group="workers")
        await member.close()
        got = []
        async for frame in two.frames(SECONDS):
            got.append(frame)
            if len(got) == 16:
                break
        assert done == [b"%d" % n for n in range(5)]
        assert [frame.payload for frame in got] == [b"%d" % n for n in range(4, 20)]
        assert all(frame.redelivered for frame in got)

    run(url, main)


def test_an_idle_client_is_kept_alive(start_broker: Any) -> None:
    broker = start_broker("limits { idle_timeout_ms: 1000 }")
    states: List[mycelium.State] = []

    async def main(client: Client) -> None:
        subscription = await client.subscribe(7)
        with pytest.raises(mycelium.DeadlineExceededError):
            await subscription.next(2.2)
        await client.ping(SECONDS)

    run(broker.unix_url, main, on_state=lambda state, why: states.append(state))
    assert states == []


def test_timeouts(url: str) -> None:
    async def main(client: Client) -> None:
        subscription = await client.subscribe(7)
        with pytest.raises(mycelium.DeadlineExceededError):
            await subscription.next(0.01)
        await client.publish_bytes(7, b"later")
        assert await subscription.next(SECONDS) == b"later"
        subscription.close()
        with pytest.raises(mycelium.ClosedError):
            await subscription.next(SECONDS)
        assert [m async for m in subscription] == []

    run(url, main)


def test_close_within_a_callback_and_while_others_wait(broker: BrokerProcess) -> None:
    async def main() -> None:
        closing: List[Any] = []

        def on_state(state: mycelium.State, why: Any) -> None:
            if state is mycelium.State.RECONNECTING:
                closing.append(asyncio.ensure_future(client.close()))

        client = await mycelium.aio.connect(broker.unix_url, on_state=on_state)
        subscription = await client.subscribe(7)
        waiting = asyncio.ensure_future(subscription.next())
        await asyncio.sleep(0)
        client._link._socket.shutdown(2)  # type: ignore[union-attr]
        with pytest.raises(mycelium.ClosedError):
            await asyncio.wait_for(waiting, SECONDS)
        await asyncio.gather(*closing)

    asyncio.run(main())


def test_a_busy_queue_leaves_room_for_others(url: str) -> None:
    async def main(client: Client) -> None:
        subscription = await client.subscribe(7, policy=mycelium.LOSSLESS)
        stop = asyncio.Event()
        beats = 0

        async def beat() -> None:
            nonlocal beats
            while not stop.is_set():
                beats += 1
                await asyncio.sleep(0)

        async def publish() -> None:
            for _ in range(20_000):
                await client.publish_bytes(7, b"x")

        beating = asyncio.ensure_future(beat())
        publishing = asyncio.ensure_future(publish())
        count = 0
        async for _ in subscription:
            count += 1
            if count == 20_000:
                break
        stop.set()
        await asyncio.gather(beating, publishing)
        assert beats > 1

    run(url, main)


def test_a_subscription_that_nobody_has_is_unsubscribed(url: str) -> None:
    async def main(client: Client) -> None:
        subscription = await client.subscribe(7)
        waiting = asyncio.ensure_future(subscription.next())
        await client.publish_bytes(7, b"x")
        assert await waiting == b"x"
        del subscription, waiting
        received = -1
        while received != client.counters.frames_received:
            received = client.counters.frames_received
            await client.publish_bytes(7, b"x")
            await client.flush(SECONDS)

    run(url, main)
