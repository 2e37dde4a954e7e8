"""Connections that break and brokers that are killed, under both clients."""

import asyncio
import itertools
import signal
import threading
from typing import Any, Callable, List, Tuple

import pytest

import mycelium
from mycelium import State
from tests.integration.deadline import SECONDS, wait_until

States = List[Tuple[State, Any]]


class Watch:
    """What a client was told."""

    def __init__(self) -> None:
        self.states: States = []
        self.unaccepted: List[mycelium.UnacceptedFrame] = []

    def on_state(self, state: State, why: Any) -> None:
        self.states.append((state, why))

    def connected_again(self) -> bool:
        return [s for s, _ in self.states[-1:]] == [State.CONNECTED]

    def options(self) -> Any:
        return {
            "on_state": self.on_state,
            "on_unaccepted": self.unaccepted.extend,
            "reconnect_max_s": 0.05,
        }


def cut(client: Any) -> None:
    """As a network does that breaks."""
    find: Callable[[], Any] = lambda: client._link._socket  # noqa: E731
    socket = wait_until(find, "there is a connection")
    try:
        socket.shutdown(2)
    except OSError:
        pass  # it has just ended in another way


def test_a_cut_connection_goes_on_without_loss_or_twins(url: str) -> None:
    """Cut again and again under publishing and reading: the broker knows the
    client, so all frames come once, or are told."""
    count, watch = 3_000, Watch()
    with mycelium.connect(url, **watch.options()) as client, mycelium.connect(
        url, reconnect_max_s=0.05
    ) as reader:
        subscription = reader.subscribe(7, policy=mycelium.LOSSLESS)

        def publish() -> None:
            for n in range(count):
                client.publish_bytes(7, b"%d" % n, timeout_s=SECONDS)
                if n % 300 == 100:
                    cut(client)
                    wait_until(
                        lambda k=n // 300 + 1: client.counters.reconnects == k,  # type: ignore[misc]
                        "it is connected again",
                    )
            client.flush(SECONDS)

        thread = threading.Thread(target=publish)
        thread.start()
        got: List[int] = []
        missed = 0
        for item in subscription.events(SECONDS):
            if isinstance(item, mycelium.Gap):
                assert item.reason is mycelium.GapReason.RECONNECT
                assert not item.unknown
                missed += item.frames
            else:
                got.append(int(item))
                if len(got) % 700 == 0:
                    cut(reader)
            if len(got) + missed == count:
                break
        thread.join()
    assert got == sorted(set(got))
    assert watch.unaccepted == []
    assert client.counters.reconnects == 10


def test_sync_outlives_its_broker(mortal: Any) -> None:
    watch = Watch()
    with mycelium.connect(mortal.url, **watch.options()) as client:
        subscription = client.subscribe(7)
        client.publish_bytes(7, b"before")
        events = subscription.events(SECONDS)
        assert next(events) == b"before"
        client.flush(SECONDS)
        mortal.kill()
        wait_until(lambda: watch.states, "it is told")
        assert watch.states[0][0] is State.RECONNECTING
        assert f"connection to {mortal.url} lost: " in str(watch.states[0][1])
        client.publish_bytes(7, b"meanwhile")  # never written: for the new broker
        with pytest.raises(mycelium.DeadlineExceededError):
            client.flush(0.01)
        with pytest.raises(mycelium.UnavailableError):
            client.ping(SECONDS)
        with pytest.raises(mycelium.UnavailableError):
            client.request_bytes(7, b"?", timeout_s=SECONDS)
        mortal.start()
        wait_until(watch.connected_again, "it is connected again")
        client.flush(SECONDS)
        gap: Any = next(events)
        assert (gap.reason, gap.unknown) == (mycelium.GapReason.RECONNECT, True)
        client.publish_bytes(7, b"after")
        got = [next(events)]
        while got[-1] != b"after":
            got.append(next(events))
        assert got[-1] == b"after"
        assert watch.unaccepted == []


def test_asyncio_outlives_its_broker(mortal: Any) -> None:
    async def main() -> None:
        watch = Watch()
        async with mycelium.aio.connect(mortal.url, **watch.options()) as client:
            subscription = await client.subscribe(7)
            await client.publish_bytes(7, b"before")
            await client.flush(SECONDS)
            assert await subscription.next(SECONDS) == b"before"
            mortal.kill()
            while not watch.states:
                await asyncio.sleep(0.001)
            await client.publish_bytes(7, b"meanwhile")
            waiting = asyncio.ensure_future(client.flush(SECONDS))
            with pytest.raises(mycelium.UnavailableError):
                await client.ping(SECONDS)
            mortal.start()
            await waiting
            await client.publish_bytes(7, b"after")
            got: List[bytes] = []
            while not got or got[-1] != b"after":
                got.append(await subscription.next(SECONDS))
            assert watch.connected_again()
            assert watch.unaccepted == []

    asyncio.run(main())


def test_what_may_have_been_accepted_is_given_back(mortal: Any) -> None:
    """Written to a broker that is stopped, and so never acknowledged; and then
    killed."""
    watch = Watch()
    with mycelium.connect(mortal.url, **watch.options()) as client:
        client.ping(SECONDS)
        mortal.broker.send_signal(signal.SIGSTOP)
        accepted = client.publish_bytes_acked(7, b"perhaps", "a.b")
        mortal.kill()
        mortal.start()
        with pytest.raises(mycelium.AbortedError):
            accepted.wait(SECONDS)
        wait_until(lambda: watch.unaccepted, "it is given back")
        assert watch.unaccepted == [
            mycelium.UnacceptedFrame(7, "a.b", b"perhaps", True)
        ]
        client.flush(SECONDS)
    options: Any = {**watch.options(), "on_unaccepted": None}
    with mycelium.connect(mortal.url, **options) as client:
        client.ping(SECONDS)
        mortal.broker.send_signal(signal.SIGSTOP)
        client.publish_bytes(7, b"perhaps")
        mortal.kill()
        mortal.start()
        with pytest.raises(mycelium.AbortedError) as raised:
            client.flush(SECONDS)
        assert str(raised.value).startswith("flush: 1 frames were written to a broker")
        client.flush(SECONDS)


def test_a_callback_may_wait_for_the_connection(mortal: Any) -> None:
    done: List[State] = []

    def on_state(state: State, why: Any) -> None:
        client.flush(SECONDS)
        done.append(state)

    with mycelium.connect(mortal.url, on_state=on_state) as client:
        client.publish_bytes(7, b"x")
        client.flush(SECONDS)
        mortal.restart()
        wait_until(lambda: len(done) == 2, "both callbacks have returned")
    assert done == [State.RECONNECTING, State.CONNECTED]


def test_without_reconnect_the_client_ends(mortal: Any) -> None:
    client = mycelium.connect(mortal.url, reconnect=False)
    subscription = client.subscribe(7)
    mortal.kill()
    with pytest.raises(mycelium.UnavailableError):
        list(subscription)
    with pytest.raises(mycelium.UnavailableError):
        client.publish_bytes(7, b"")
    client.close()


def test_the_same_instance_elsewhere_takes_over(url: str) -> None:
    instance, watch = b"0123456789abcdef", Watch()
    with mycelium.connect(url, instance_id=instance, **watch.options()) as first:
        with mycelium.connect(url, instance_id=instance) as second:
            wait_until(lambda: watch.states, "the first one is told")
            state, why = watch.states[0]
            assert state is State.CLOSED
            assert "session: instance connected again as session" in str(why)
            with pytest.raises(mycelium.UnavailableError):
                first.publish_bytes(7, b"")
            second.publish_bytes(7, b"")
            second.flush(SECONDS)


def test_close_while_there_is_no_broker(mortal: Any) -> None:
    watch = Watch()
    client = mycelium.connect(mortal.url, **watch.options())
    client.subscribe(7)
    mortal.kill()
    wait_until(lambda: watch.states, "it is told")
    client.publish_bytes(7, b"for nobody")
    client.close()
    assert watch.unaccepted == [mycelium.UnacceptedFrame(7, "", b"for nobody", False)]


def test_groups_and_responders_come_back(mortal: Any) -> None:
    import mycelium_protocol as chat

    watch = Watch()
    with mycelium.connect(mortal.url, schema=chat, **watch.options()) as client:
        member = client.subscribe(chat.TextMessage, group="workers")

        @client.responder(chat.Question)
        def answer(question: chat.Question) -> chat.Answer:
            return chat.Answer(text=question.text)

        mortal.restart()
        wait_until(watch.connected_again, "it is connected again")
        reply = client.request(chat.Question(text="x"), chat.Answer, timeout_s=SECONDS)
        assert reply.text == "x"
        client.publish(chat.TextMessage(content="y"))
        assert member.next(SECONDS).content == "y"


def test_a_storm_of_restarts(mortal: Any) -> None:
    """Three kills under a publisher: what comes is in order, and nothing that was
    flushed before a kill was given back."""
    watch, flushed = Watch(), 0
    with mycelium.connect(mortal.url, **watch.options()) as client:
        numbers = itertools.count()
        for round_ in range(1, 4):
            for _ in range(200):
                client.publish_bytes(7, b"%d" % next(numbers), timeout_s=SECONDS)
            client.flush(SECONDS)
            flushed = next(numbers)
            client.publish_bytes(7, b"%d" % flushed)
            mortal.restart()
            wait_until(
                lambda r=round_: client.counters.reconnects == r,  # type: ignore[misc]
                "it is connected again",
            )
        client.flush(SECONDS)
    assert all(int(each.payload) % 201 == 200 for each in watch.unaccepted)
