"""What subscriptions choose and are told: policies, gaps, groups, history."""

import datetime
import logging
import os
import signal
import subprocess
import sys
import threading
from typing import Any, List

import pytest

import mycelium
from tests.integration.broker_process import BrokerProcess
from tests.integration.deadline import SECONDS, wait_until


# --- Policies


def frames_and_gaps(subscription: Any, until: int, others: int = 0) -> Any:
    """Messages and gaps until number `until` has come, with `others` among them."""
    frames, gaps, missing = [], [], 0
    for item in subscription.events(SECONDS):
        if isinstance(item, mycelium.Gap):
            gaps.append(item)
            missing += item.frames
        else:
            frames.append(item)
        if frames and int(frames[-1].split()[0]) == until:
            break
    assert len(frames) + missing == until + others
    return frames, gaps


@pytest.mark.parametrize("policy", [mycelium.LIVE, mycelium.BALANCED])
def test_a_slow_subscriber_is_told_what_it_missed(url: str, policy: Any) -> None:
    count = 20_000  # more than the kernel keeps on the way
    small = mycelium.Policy(8192, min(policy.stall_ms_max, 20), policy.overflow)
    with mycelium.connect(url) as publisher, mycelium.connect(url) as client:
        subscription = client.subscribe(7, policy=small)
        for n in range(1, count + 1):
            publisher.publish_bytes(7, b"%d " % n + b"x" * 1000)
        publisher.flush(SECONDS)
        frames, gaps = frames_and_gaps(subscription, count)
        assert gaps and gaps[0].reason is mycelium.GapReason.OVERFLOW
        assert len(frames) < count


def test_latest_folds_and_says_so(url: str) -> None:
    count = 5_000
    with mycelium.connect(url) as publisher, mycelium.connect(url) as client:
        subscription = client.subscribe(7, policy=mycelium.LATEST)
        for n in range(1, count + 1):
            publisher.publish_bytes(7, b"%d" % n, f"t.{n % 3}")
        publisher.flush(SECONDS)
        frames, gaps = frames_and_gaps(subscription, count)
        assert gaps and gaps[0].reason is mycelium.GapReason.CONFLATED


def test_lossless_holds_its_publisher(url: str) -> None:
    count = 20_000
    lossless = mycelium.Policy(65536, -1)
    states: List[mycelium.State] = []
    with mycelium.connect(url) as client, mycelium.connect(
        url, on_state=lambda state, why: states.append(state)
    ) as publisher:
        subscription = client.subscribe(7, policy=lossless)
        done = threading.Event()

        def publish() -> None:
            for n in range(1, count + 1):
                publisher.publish_bytes(7, b"%d " % n + b"x" * 1000)
            publisher.flush(SECONDS)
            done.set()

        thread = threading.Thread(target=publish)
        thread.start()
        others = 0

        def held() -> str:
            nonlocal others
            try:
                publisher.try_publish_bytes(7, b"0")
                others += 1
            except mycelium.WouldBlockError as error:
                return str(error) if "held back" in str(error) else ""
            return ""

        words = wait_until(held, "the publisher is held")
        assert "publish: would block, type 7 is held back by session" in words
        wait_until(lambda: mycelium.State.STALLED in states, "it is told so")
        with pytest.raises(mycelium.DeadlineExceededError):
            publisher.publish_bytes(7, b"0", timeout_s=0.01)
        publisher.publish_bytes(8, b"of another type", timeout_s=SECONDS)
        assert not done.is_set()
        frames, gaps = frames_and_gaps(subscription, count, others)
        assert (len(frames), gaps) == (count + others, [])
        thread.join()


def test_a_full_queue_does_not_keep_answers_away(url: str) -> None:
    """A client that does not read what it holds back is told so, in the end."""
    with mycelium.connect(url) as client:
        subscription = client.subscribe(7, policy=mycelium.Policy(4096, -1))
        payload, published = b"x" * 60_000, 0
        with pytest.raises(mycelium.ResourceExhaustedError) as raised:
            while True:
                client.publish_bytes(7, payload, timeout_s=SECONDS)
                published += 1
                client.flush(SECONDS)
        assert "a subscription's queue is full and nobody takes from it" in str(
            raised.value
        )
        assert published * len(payload) > 16 << 20
        assert [subscription.next(SECONDS) for _ in range(published)] == (
            [payload] * published
        )
        client.flush(SECONDS)


def ended(client: mycelium.Client) -> bool:
    try:
        client.ping(SECONDS)
    except mycelium.Error:
        return True
    return False


def test_strict_ends_its_client(url: str) -> None:
    strict = mycelium.Policy(8192, 20, mycelium.Overflow.DISCONNECT)
    with mycelium.connect(url) as client, mycelium.connect(url) as publisher:
        subscription = client.subscribe(7, policy=strict)
        for n in range(20_000):
            publisher.publish_bytes(7, b"x" * 100)
        wait_until(lambda: ended(client), "its client is closed")
        with pytest.raises(mycelium.ResourceExhaustedError) as raised:
            list(subscription)
        assert "overflow is DISCONNECT" in str(raised.value)
        with pytest.raises(mycelium.ResourceExhaustedError):
            client.publish_bytes(7, b"")


def test_a_stopped_process_is_told_what_it_missed(broker: BrokerProcess) -> None:
    program = (
        "import sys, mycelium\n"
        "with mycelium.connect(sys.argv[1]) as client:\n"
        "    subscription = client.subscribe(7, policy=mycelium.LIVE)\n"
        "    print('ready', flush=True)\n"
        "    seen = 0\n"
        "    for item in subscription.events():\n"
        "        gap = isinstance(item, mycelium.Gap)\n"
        "        if gap: print(item.reason.name, flush=True)\n"
        "        seen += item.frames if gap else 1\n"
        "        if item == b'end': break\n"
        "    print(seen, flush=True)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    child = subprocess.Popen(
        [sys.executable, "-c", program, broker.unix_url],
        stdout=subprocess.PIPE,
        encoding="utf-8",
        env=environment,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    child.send_signal(signal.SIGSTOP)
    with mycelium.connect(broker.unix_url) as publisher:
        for _ in range(300):
            publisher.publish_bytes(7, b"x" * (1 << 17))
        publisher.publish_bytes(7, b"end")
        publisher.flush(SECONDS)
        child.send_signal(signal.SIGCONT)
        output, _ = child.communicate(timeout=SECONDS)
    assert output.splitlines()[-1] == "301"
    assert "OVERFLOW" in output


def test_a_gap_that_nobody_takes_is_logged(
    broker: BrokerProcess, caplog: pytest.LogCaptureFixture
) -> None:
    with mycelium.connect(broker.unix_url) as client:
        subscription = client.subscribe(7, policy=mycelium.Policy(4096, 0))
        for n in range(1000):
            client.publish_bytes(7, b"x" * 100)
        client.publish_bytes(7, b"end")
        client.flush(SECONDS)
        with caplog.at_level(logging.WARNING, "mycelium"):
            while subscription.next(SECONDS) != b"end":
                pass
    assert "frames are missing (overflow); see on_gap" in caplog.text


# --- Groups and history


def test_a_group_shares_and_redelivers(url: str) -> None:
    count = 200
    with mycelium.connect(url) as publisher:
        first = mycelium.connect(url)
        one = first.subscribe(7, group="workers")
        with mycelium.connect(url) as second:
            two = second.subscribe(7, group="workers")
            for n in range(count):
                publisher.publish_bytes(7, b"%d" % n)
            publisher.flush(SECONDS)
            done = [one.next(SECONDS) for _ in range(10)]
            one.close()  # nine are done with, the tenth is in hand
            first.close()
            frames: List[mycelium.Frame] = []
            for frame in two.frames(SECONDS):
                frames.append(frame)
                if len(frames) == count - 9:
                    break
            again = {frame.payload for frame in frames if frame.redelivered}
            assert done[9] in again
            assert not again & set(done[:9])
            got = {frame.payload for frame in frames} | set(done)
            assert got == {b"%d" % n for n in range(count)}


def test_history_starts(start_broker: Any) -> None:
    broker = start_broker("history { types: [7] frames_max: 100 }")
    with mycelium.connect(broker.unix_url) as client:
        before = datetime.datetime.now(datetime.timezone.utc)
        for n in range(1, 11):
            client.publish_bytes(7, b"%d" % n, f"t.{n % 2}")
        client.flush(SECONDS)
        for start, expected in [
            (mycelium.last(1), [b"9", b"10"]),
            (mycelium.from_sequence(8), [b"8", b"9", b"10"]),
            (mycelium.since(before - datetime.timedelta(seconds=1)), None),
        ]:
            subscription = client.subscribe(7, start=start)
            wanted = expected or [b"%d" % n for n in range(1, 11)]
            got: List[Any] = []
            for item in subscription.events(SECONDS):
                if not isinstance(item, mycelium.Gap):
                    got.append(item)
                if len(got) == len(wanted):
                    break
            assert got == wanted
            client.publish_bytes(7, b"now", "t.0")
            assert next(subscription.events(SECONDS)) == b"now"
            subscription.close()
        with pytest.raises(mycelium.InvalidArgumentError) as raised:
            client.subscribe(7, start=mycelium.from_sequence(1000))
        assert "start.sequence 1000, allowed up to" in str(raised.value)
