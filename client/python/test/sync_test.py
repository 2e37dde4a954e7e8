"""The synchronous client against the real daemon."""

import os
import signal
import subprocess
import sys
import threading
from typing import Any, List

import mycelium_protocol as chat
import pytest

import mycelium
from tests.integration.broker_process import BrokerProcess
from tests.integration.deadline import SECONDS, wait_until

HERE = os.path.dirname(os.path.abspath(__file__))


def text(content: str) -> chat.TextMessage:
    return chat.TextMessage(content=content)


def contents(subscription: Any, count: int) -> List[str]:
    return [subscription.next(SECONDS).content for _ in range(count)]


# --- Connecting


def test_what_the_broker_said(broker: BrokerProcess, url: str) -> None:
    with mycelium.connect(url, name="sync_test") as client:
        assert client.broker.frame_bytes_max == 1 << 20
        assert client.broker.session_id > 0
        client.ping(SECONDS)
    broker.wait_for_log("")


@pytest.mark.parametrize(
    "bad, words",
    [
        ("udp://x", 'connect: url "udp://x": allowed unix:/absolute/path'),
        ("tcp://", "no host, allowed tcp://host:port"),
        ("tcp://h:99999", 'port "99999", allowed 1 to 65535'),
        ("tcp://[::1", "no ], allowed tcp://[ipv6]:port"),
        ("unix:/" + "x" * 200, "path of 201 bytes, allowed at most 107"),
        ("unix:/a\nb", "allowed UTF-8 without control characters"),
    ],
)
def test_a_bad_url_is_refused(bad: str, words: str) -> None:
    with pytest.raises(mycelium.InvalidArgumentError) as raised:
        mycelium.connect(bad)
    assert words in str(raised.value)


def test_an_absent_broker_is_said_with_how_to_start_one(tmp_path: Any) -> None:
    url = f"unix:{tmp_path}/s"
    with pytest.raises(mycelium.UnavailableError) as raised:
        mycelium.connect(url)
    words = f"connect {url}: no such file; start one with: mycelium-brokerd --listen "
    assert str(raised.value) == words + url
    assert isinstance(raised.value, ConnectionError)


def test_what_is_no_broker_is_said(tmp_path: Any) -> None:
    import socket

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()

        said: List[bytes] = []

        def answer() -> None:
            peer, _ = listener.accept()
            peer.recv(4096)
            peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            said.append(peer.recv(4096))
            peer.close()

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(mycelium.UnavailableError) as raised:
            mycelium.connect(f"unix:{tmp_path}/s")
        thread.join()
    assert "not a Mycelium broker: frame: body_bytes" in str(raised.value)
    assert b"frame: body_bytes" in said[0]  # the CLOSE says it, too


def test_silence_instead_of_welcome_has_an_end(tmp_path: Any) -> None:
    import socket

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        with pytest.raises(mycelium.DeadlineExceededError) as raised:
            mycelium.connect(f"unix:{tmp_path}/s", connect_timeout_s=0.05)
    assert "connected, but no WELCOME before the deadline" in str(raised.value)


@pytest.mark.parametrize(
    "options, words",
    [
        ({"name": "x" * 129}, "connect: name of 129 bytes, allowed 128 of UTF-8"),
        ({"instance_id": b"short"}, "connect: instance_id of 5 bytes, allowed 16"),
        ({"schema": os}, "connect: schema os without SCHEMA_DIGEST"),
        ({"schema": mycelium.Schema(b"x", b"")}, "schema digest of 1 bytes"),
        ({"publish_bytes_max": 0}, "publish_bytes_max 0, allowed 1 and more"),
    ],
)
def test_bad_options_are_refused(options: Any, words: str) -> None:
    with pytest.raises(mycelium.InvalidArgumentError) as raised:
        mycelium.connect("unix:/nowhere", **options)
    assert words in str(raised.value)


def test_the_url_comes_from_the_environment(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MYCELIUM_URL", url)
    with mycelium.connect() as client:
        client.ping(SECONDS)


# --- Publishing and subscribing


def test_messages_arrive_in_order_with_filters(url: str) -> None:
    with mycelium.connect(url, schema=chat) as client:
        rooms = client.subscribe(chat.TextMessage, "rooms.*")
        everything = client.subscribe(chat.TextMessage)
        for topic in ("rooms.one", "weather", "rooms.two", ""):
            client.publish(text(topic), topic)
        assert contents(rooms, 2) == ["rooms.one", "rooms.two"]
        assert contents(everything, 4) == ["rooms.one", "weather", "rooms.two", ""]


def test_frames_have_topic_and_sequence(url: str) -> None:
    with mycelium.connect(url) as client:
        subscription = client.subscribe(7)
        client.publish_bytes(7, b"one", "a.b")
        client.publish_bytes(7, b"two")
        frames = subscription.frames(SECONDS)
        assert next(frames) == mycelium.Frame(7, "a.b", 1, False, b"one", b"one")
        assert next(frames) == mycelium.Frame(7, "", 2, False, b"two", b"two")
        with pytest.raises(mycelium.FailedPreconditionError) as raised:
            next(subscription.batches())
        assert "read by frames before, and now by batches" in str(raised.value)


def test_all_types_with_type_0(url: str) -> None:
    with mycelium.connect(url) as client:
        subscription = client.subscribe(0)
        for type_id in (1, 65535):
            client.publish_bytes(type_id, b"x")
        frames = subscription.frames(SECONDS)
        assert [next(frames).type_id for _ in range(2)] == [1, 65535]


def test_batches_hold_everything(url: str) -> None:
    count = 50_000
    with mycelium.connect(url) as client:
        subscription = client.subscribe(7, policy=mycelium.LOSSLESS)
        numbers = [str(n).encode() for n in range(count)]

        def publish() -> None:
            for number in numbers:
                client.publish_bytes(7, number)

        publisher = threading.Thread(target=publish)
        publisher.start()
        got: List[bytes] = []
        for batch in subscription.batches(SECONDS):
            assert batch
            got.extend(batch)
            if len(got) == count:
                break
        publisher.join()
        assert got == numbers


def test_a_large_frame(url: str) -> None:
    with mycelium.connect(url) as client:
        subscription = client.subscribe(7)
        payload = os.urandom(client.broker.frame_bytes_max)
        client.publish_bytes(7, payload)
        assert subscription.next(SECONDS) == payload
        with pytest.raises(mycelium.InvalidArgumentError) as raised:
            client.publish_bytes(7, payload + b"x")
        assert str(raised.value) == (
            "publish: body_bytes 1048577, frame_bytes_max 1048576"
        )


@pytest.mark.parametrize("type_id", [0, -1, 65536])
def test_a_bad_type_id_is_refused(broker: BrokerProcess, type_id: int) -> None:
    with mycelium.connect(broker.unix_url) as client:
        with pytest.raises(mycelium.InvalidArgumentError):
            client.publish_bytes(type_id, b"")
        if type_id:
            with pytest.raises(mycelium.InvalidArgumentError):
                client.subscribe(type_id)


@pytest.mark.parametrize("topic", ["a..b", "*", "a.>", "\0", "x" * 256, "\ud800"])
def test_a_bad_topic_is_refused(broker: BrokerProcess, topic: str) -> None:
    with mycelium.connect(broker.unix_url) as client:
        with pytest.raises(mycelium.InvalidArgumentError) as raised:
            client.publish_bytes(7, b"", topic)
        assert "bytes of UTF-8 without NUL, empty tokens and wildcards" in str(
            raised.value
        )


def test_bad_subscriptions_are_refused(broker: BrokerProcess) -> None:
    with mycelium.connect(broker.unix_url) as client:
        for options, words in [
            ({"topic_filter": "a.>.b"}, 'topic filter: ">" before the last token'),
            (
                {"policy": mycelium.Policy(1)},
                "queue_bytes_max 1, allowed at least 4096",
            ),
            ({"policy": mycelium.Policy(1 << 40)}, "allowed 4096 to 268435456"),
            ({"group": "g" * 129}, "group of 129 bytes, allowed 128"),
            ({"group": "g", "start": mycelium.last(1)}, "start with a group"),
            ({"start": mycelium.last(1)}, "start, but no history keeps type 7"),
        ]:
            arguments: Any = options
            with pytest.raises(mycelium.InvalidArgumentError) as raised:
                client.subscribe(7, **arguments)
            assert words in str(raised.value)
        client.ping(SECONDS)


def test_flush_and_acknowledged_publishes(url: str) -> None:
    with mycelium.connect(url, schema=chat) as client:
        accepted = [client.publish_acked(text(str(n))) for n in range(100)]
        for each in accepted:
            each.wait(SECONDS)
            assert each.done()
        client.publish(text("x"))
        client.flush(SECONDS)
        counters = client.counters
        assert (counters.frames_published, counters.frames_accepted) == (101, 101)


def test_many_threads_publish(url: str) -> None:
    threads, count = 8, 2_000
    with mycelium.connect(url) as client:
        subscription = client.subscribe(7, policy=mycelium.LOSSLESS)

        def publish(name: int) -> None:
            for n in range(count):
                client.publish_bytes(7, b"%d %d" % (name, n))

        workers = [threading.Thread(target=publish, args=(n,)) for n in range(threads)]
        for worker in workers:
            worker.start()
        last = [-1] * threads
        for _ in range(threads * count):
            name, n = map(int, subscription.next(SECONDS).split())
            assert n == last[name] + 1  # of one publisher, in order
            last[name] = n
        for worker in workers:
            worker.join()


def test_several_threads_read(url: str) -> None:
    """Each waits for another subscription over the one connection."""
    with mycelium.connect(url) as client:
        got: List[bytes] = []
        subscriptions = [client.subscribe(n) for n in range(1, 6)]
        readers = [
            threading.Thread(target=lambda s=s: got.append(s.next(SECONDS)))
            for s in subscriptions
        ]
        for reader in readers:
            reader.start()
        for n in range(1, 6):
            client.publish_bytes(n, b"%d" % n)
        for reader in readers:
            reader.join()
        assert sorted(got) == [b"%d" % n for n in range(1, 6)]


# --- Schemas


def test_another_schema_is_not_published(url: str) -> None:
    with mycelium.connect(url) as client:
        with pytest.raises(mycelium.FailedPreconditionError) as raised:
            client.publish(text("x"))
        assert "publish: chat.TextMessage is not of the schema" in str(raised.value)
        with pytest.raises(mycelium.InvalidArgumentError):
            client.publish("a string")  # type: ignore[arg-type]


def test_a_payload_that_is_no_message_is_a_gap(url: str) -> None:
    with mycelium.connect(url) as raw, mycelium.connect(url, schema=chat) as client:
        gaps: List[mycelium.Gap] = []
        subscription = client.subscribe(chat.TextMessage, on_gap=gaps.append)
        for payload in (text("a").to_bytes(), b"\xff\xff", text("b").to_bytes()):
            raw.publish_bytes(1, payload)
        assert contents(subscription, 2) == ["a", "b"]
        malformed = mycelium.GapReason.MALFORMED
        assert gaps == [mycelium.Gap(malformed, (mycelium.GapRange(1, 1, 2, 2),))]


# --- The end


def test_unsubscribed_means_nothing_more(url: str) -> None:
    with mycelium.connect(url) as client:
        subscription = client.subscribe(7)
        with subscription:
            client.publish_bytes(7, b"x")
            assert subscription.next(SECONDS) == b"x"
        assert list(subscription) == []
        client.publish_bytes(7, b"y")
        client.flush(SECONDS)


def test_a_subscription_that_nobody_has_is_unsubscribed(url: str) -> None:
    with mycelium.connect(url) as client:
        subscription = client.subscribe(7)
        received = client.counters.frames_received
        del subscription

        def forgotten() -> bool:
            client.publish_bytes(7, b"x")
            client.flush(SECONDS)
            nonlocal received
            before, received = received, client.counters.frames_received
            return received == before

        wait_until(forgotten, "it is unsubscribed")


@pytest.mark.parametrize("waits", [False, True])
def test_an_idle_client_is_kept_alive(start_broker: Any, waits: bool) -> None:
    """By its keeper, or by whoever waits; silence would end the session."""
    broker = start_broker("limits { idle_timeout_ms: 1000 }")
    states: List[mycelium.State] = []
    with mycelium.connect(
        broker.unix_url, on_state=lambda state, why: states.append(state)
    ) as client:
        subscription = client.subscribe(7)
        if waits:
            with pytest.raises(mycelium.DeadlineExceededError):
                subscription.next(2.2)
        else:
            assert not threading.Event().wait(2.2)
        client.ping(SECONDS)
    assert states == []


def test_close_ends_who_waits(url: str) -> None:
    client = mycelium.connect(url)
    subscription = client.subscribe(7)
    got: List[Any] = []
    waiting = threading.Thread(target=lambda: got.extend(subscription))
    waiting.start()
    client.close()
    waiting.join(SECONDS)
    assert not waiting.is_alive()
    client.close()
    with pytest.raises(mycelium.ClosedError) as raised:
        client.publish_bytes(7, b"")
    assert str(raised.value) == "client: closed by its owner"


def test_close_writes_what_was_published(url: str) -> None:
    with mycelium.connect(url) as other:
        subscription = other.subscribe(7, policy=mycelium.LOSSLESS)
        with mycelium.connect(url) as client:
            for n in range(3_000):
                client.publish_bytes(7, b"%d" % n)
        assert [int(subscription.next(SECONDS)) for _ in range(3_000)] == list(
            range(3_000)
        )


def test_close_within_callbacks(broker: BrokerProcess) -> None:
    closed = threading.Event()

    def on_state(state: mycelium.State, why: Any) -> None:
        if state is mycelium.State.RECONNECTING:
            client.close()
            closed.set()

    client = mycelium.connect(broker.unix_url, on_state=on_state)
    client._link._socket.shutdown(2)  # type: ignore[union-attr]
    assert closed.wait(SECONDS)
    with mycelium.connect(broker.unix_url, schema=chat) as other:
        answered = mycelium.connect(broker.unix_url, schema=chat)

        @answered.responder(chat.Question)
        def answer(question: chat.Question) -> chat.Answer:
            answered.close()
            return chat.Answer()

        with pytest.raises(mycelium.RequestError) as raised:
            other.request(chat.Question(), chat.Answer, timeout_s=SECONDS)
        assert raised.value.status is mycelium.StatusCode.UNAVAILABLE
        subscription = other.subscribe(7, on_gap=lambda gap: other.close())
        del subscription


def test_ctrl_c_leaves_the_client_whole(broker: BrokerProcess) -> None:
    """In a process of its own, whose main thread waits in each of the ways."""
    program = (
        "import os, signal, sys, threading, mycelium\n"
        "def soon():\n"
        "    timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))\n"
        "    timer.start()\n"
        "with mycelium.connect(sys.argv[1]) as client:\n"
        "    subscription = client.subscribe(7)\n"
        "    client.subscribe(9, policy=mycelium.Policy(4096, -1))\n"
        "    for wait in (lambda: subscription.next(), lambda: list(subscription.frames())):\n"
        "        soon()\n"
        "        try: wait()\n"
        "        except KeyboardInterrupt: print('interrupted', flush=True)\n"
        "        subscription = client.subscribe(7)\n"
        "    import itertools\n"
        "    soon()\n"
        "    try:\n"
        "        for n in itertools.count(): client.publish_bytes(8, b'x')\n"
        "    except KeyboardInterrupt: print('interrupted', flush=True)\n"
        "    client.flush(30)\n"
        "    client.publish_bytes(7, b'still here')\n"
        "    print(subscription.next(30).decode(), flush=True)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run(
        [sys.executable, "-c", program, broker.unix_url],
        capture_output=True,
        encoding="utf-8",
        env=environment,
        timeout=SECONDS,
        check=False,
    )
    assert result.stdout.splitlines() == ["interrupted"] * 3 + ["still here"], result
    assert result.returncode == 0
