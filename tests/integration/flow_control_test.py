"""Order and no silent loss, with many publishers and a slow reader."""

import struct
import threading
import unittest
from typing import Any, Callable, List, Optional, Set

import proto.mycelium.control_pb2 as control_pb2
from tests.integration.broker_process import BrokerTestCase
from tests.integration.deadline import SECONDS, wait_until
from tests.integration.sequence_ledger import SequenceLedger
from tests.integration.wire_client import (
    Control,
    Frame,
    WireClient,
    encode_control,
    encode_publish,
)

TYPE_ID = 7
END_TYPE_ID = 8  # a frame of it ends the reading
PUBLISHERS = 8
QUEUE_BYTES = 64 << 10
PAYLOAD = struct.Struct("<II48x")  # publisher, its count
# A slow reader may be silent for as long as a sanitizer takes.
CONFIG = "limits { idle_timeout_ms: 600000 }"


class PublisherThread(threading.Thread):
    """Publishes numbered frames until it is told to stop.  `polite`: it holds
    the type back when asked to, as WIRE.md demands."""

    BATCH = 32

    def __init__(self, url: str, number: int, polite: bool = True) -> None:
        super().__init__(daemon=True)
        self.number = number
        self.polite = polite
        self.published = 0
        self.holds = 0
        self.releases = 0
        self.held = False
        self.trouble: Optional[Exception] = None
        self.changed = threading.Condition()
        self._quota = 0
        self._client = WireClient(url)
        self._client.hello(name="publisher %d" % number)

    def run(self) -> None:
        try:
            while True:
                with self.changed:
                    self.changed.wait_for(lambda: self._quota, SECONDS)
                    quota = self._quota
                if quota == 0:
                    raise TimeoutError("nobody says what to publish")
                if quota < 0:
                    return
                if self.published < quota:
                    self._publish(min(self.BATCH, quota - self.published))
                else:
                    self._client.flush()
                    self._see_holds()
                    with self.changed:
                        if self._quota == quota:
                            self._quota = 0
                        self.changed.notify_all()
        except Exception as trouble:  # for the test's own thread
            with self.changed:
                self.trouble = trouble
                self._quota = 0
                self.changed.notify_all()
        finally:
            self._client.close()

    def _publish(self, count: int) -> None:
        first = self.published
        self._client.send(
            b"".join(
                encode_publish(TYPE_ID, PAYLOAD.pack(self.number, first + i))
                for i in range(count)
            )
        )
        self.published = first + count
        self._see_holds()
        while self.polite and self.held:
            self._enter(self._client.read_frame("RELEASE"))

    def _see_holds(self) -> None:
        for frame in self._client.frames_there():
            self._enter(frame)

    def _enter(self, frame: Optional[Frame]) -> None:
        if frame is None or frame.type_id != 0:
            raise AssertionError("the publisher got %r" % (frame,))
        body = frame.body()
        with self.changed:
            if frame.kind == Control.HOLD:
                self.holds += 1
                self.held = True
            elif frame.kind == Control.RELEASE:
                self.releases += 1
                self.held = False
            else:
                raise AssertionError("the publisher got %r" % body)
            if body.type_id != TYPE_ID:
                raise AssertionError("not for this type: %r" % body)
            self.changed.notify_all()

    def ask(self, total: int) -> None:
        """Publish up to `total` frames, all told, and flush."""
        with self.changed:
            self._quota = total
            self.changed.notify_all()

    def wait_for(
        self, condition: Callable[["PublisherThread"], bool], what: str
    ) -> None:
        with self.changed:
            met = self.changed.wait_for(
                lambda: self.trouble or condition(self), SECONDS
            )
        if self.trouble:
            raise AssertionError(what) from self.trouble
        if not met:
            raise TimeoutError(
                "%s: %d published, %d holds, %d releases"
                % (what, self.published, self.holds, self.releases)
            )

    def wait_until_flushed(self) -> None:
        self.wait_for(lambda t: t._quota == 0, "published and flushed")

    def finish(self) -> None:
        self.ask(-1)
        self._client.end()
        self.join(SECONDS)


class FlowTestCase(BrokerTestCase):
    def start(
        self, publishers: int = PUBLISHERS, polite: bool = True, **policy: Any
    ) -> None:
        self.broker = self.start_broker(CONFIG)
        urls = (self.broker.unix_url, self.broker.tcp_url)
        self.reader = WireClient(self.reader_url(), receive_buffer_bytes=4096)
        self.addCleanup(self.reader.close)
        self.reader.hello(name="slow reader")
        self.reader.subscribe(3, TYPE_ID, **policy)
        self.reader.subscribe(4, END_TYPE_ID)
        self.ledger = SequenceLedger(TYPE_ID, 3)
        self.counts = [-1] * publishers
        self.publishers: List[PublisherThread] = []
        for number in range(publishers):
            thread = PublisherThread(urls[number % 2], number, polite)
            self.publishers.append(thread)
            thread.start()
            self.addCleanup(thread.finish)

    def reader_url(self) -> str:
        return self.broker.unix_url

    def enter(self, frame: Frame) -> None:
        """Checks the count of all publishers together and of each one."""
        if not self.ledger.enter(frame):
            return
        number, count = PAYLOAD.unpack(frame.payload)
        if count <= self.counts[number]:
            self.fail(
                "publisher %d: frame %d after %d" % (number, count, self.counts[number])
            )
        if not self.ledger.gaps and count != self.counts[number] + 1:
            self.fail("publisher %d: frame %d missing" % (number, count - 1))
        self.counts[number] = count

    def read_up_to(self, total: int, receive_bytes: int = 1 << 18) -> None:
        while self.ledger.next <= total:
            self.enter(self.reader.expect_frame("all frames", receive_bytes))
        self.assertEqual(self.ledger.next, total + 1)
        self.assertEqual(self.ledger.delivered + self.ledger.missed, total)

    def published(self) -> int:
        return sum(thread.published for thread in self.publishers)

    def counters(self) -> Any:
        client = self.connect(self.broker)
        status = client.status()
        client.close()
        return status


class DroppingTest(FlowTestCase):
    def test_every_sequence_arrives_in_order_or_lies_in_a_gap(self) -> None:
        self.start(queue_bytes_max=QUEUE_BYTES, stall_ms_max=0)
        each = 2000
        for thread in self.publishers:
            thread.ask(each)
        for thread in self.publishers:
            thread.wait_until_flushed()
        # Nobody has read: far more than queue and socket hold was published.
        for thread in self.publishers:
            thread.ask(4 * each)
        self.read_up_to(PUBLISHERS * 4 * each, receive_bytes=2000)
        for thread in self.publishers:
            thread.wait_until_flushed()
            self.assertEqual(thread.holds, 0)
        self.assertGreater(self.ledger.missed, 0)
        self.assertGreater(self.ledger.delivered, 0)
        counters = self.counters().counters
        self.assertEqual(counters.frames_in, PUBLISHERS * 4 * each)
        self.assertEqual(counters.frames_dropped, self.ledger.missed)
        self.assertEqual(counters.frames_out, self.ledger.delivered)

    def test_fast_reader_beside_a_slow_one_misses_nothing(self) -> None:
        self.start(publishers=2, queue_bytes_max=QUEUE_BYTES, stall_ms_max=0)
        fast = self.connect(self.broker)
        fast.subscribe(9, TYPE_ID)
        ledger = SequenceLedger(TYPE_ID, 9)
        each = 50_000  # more than the buffers of two TCP sockets hold
        for thread in self.publishers:
            thread.ask(each)
        while ledger.next <= 2 * each:
            ledger.enter(fast.read_frame())
        self.assertEqual(ledger.gaps, [])
        self.read_up_to(2 * each)
        self.assertGreater(self.ledger.missed, 0)

    def test_gap_names_its_reason(self) -> None:
        self.start(publishers=1, queue_bytes_max=4096, stall_ms_max=0)
        self.publishers[0].ask(100_000)
        self.publishers[0].wait_until_flushed()
        reasons: Set[int] = set()
        while self.ledger.next <= 100_000:
            frame = self.reader.expect_frame("all frames")
            if frame.is_control(Control.GAP):
                reasons.add(frame.body().reason)
            self.enter(frame)
        self.assertEqual(reasons, {control_pb2.GAP_REASON_OVERFLOW})

    def test_overlapping_subscriptions_have_gaps_of_their_own(self) -> None:
        self.broker = self.start_broker(CONFIG)
        reader = self.connect(self.broker, name="two queues")
        reader.subscribe(1, TYPE_ID, queue_bytes_max=4096, stall_ms_max=0)
        reader.subscribe(2, TYPE_ID, queue_bytes_max=64 << 20)
        publisher = self.connect(self.broker)
        total = 20_000
        for number in range(total // 100):
            publisher.send(encode_publish(TYPE_ID, bytes(64)) * 100)
        publisher.flush()
        missed = 0
        last = 0
        # The second subscription takes every frame: no sequence is missing.
        while last < total:
            frame = reader.expect_frame("all frames")
            if frame.is_control(Control.GAP):
                gap = frame.body()
                self.assertEqual(gap.subscription_id, 1)
                missed += sum(r.frames for r in gap.ranges)
                continue
            self.assertEqual(frame.id, last + 1)
            last = frame.id
        self.assertGreater(missed, 0)
        self.assertEqual(publisher.status().counters.frames_dropped, missed)


class DroppingOverTcpTest(DroppingTest):
    def reader_url(self) -> str:
        return self.broker.tcp_url


class HoldingTest(FlowTestCase):
    def slow_session(self, observer: WireClient) -> Any:
        sessions = observer.status().sessions
        return next(s for s in sessions if s.name == "slow reader")

    def stand_still(self, observer: WireClient) -> bool:
        """Whether the reader's socket is full too: a hold that a turn's write
        does not end."""
        first = self.slow_session(observer)
        second = self.slow_session(observer)
        return bool(
            first.subscriptions[0].holding
            and second.subscriptions[0].holding
            and first.counters.holds == second.counters.holds
            and all(thread.held for thread in self.publishers)
        )

    def test_lossless_reader_holds_its_publishers_and_misses_nothing(self) -> None:
        self.start(queue_bytes_max=QUEUE_BYTES, stall_ms_max=-1)
        observer = self.connect(self.broker)
        for thread in self.publishers:
            thread.ask(1_000_000)
        wait_until(lambda: self.stand_still(observer), "every publisher is held")
        subscription = self.slow_session(observer).subscriptions[0]
        self.assertGreaterEqual(subscription.queued_bytes, QUEUE_BYTES // 2)
        # Each of them published on for as long as HOLD was under way.
        self.assertLess(subscription.queued_bytes, QUEUE_BYTES + (2 << 20) + (1 << 20))
        for thread in self.publishers:
            thread.ask(thread.published + 500)
        self.read_until_all_have_published()
        for thread in self.publishers:
            self.assertGreaterEqual(thread.releases, 1)
        self.assertEqual(self.ledger.gaps, [])
        self.assertEqual(self.counters().counters.frames_dropped, 0)

    def read_until_all_have_published(self) -> None:
        end_publisher = self.connect(self.broker)
        waiter_trouble: List[Exception] = []

        def wait_for_all() -> None:
            try:
                for thread in self.publishers:
                    thread.wait_until_flushed()
            except Exception as trouble:  # for the test's own thread
                waiter_trouble.append(trouble)
            end_publisher.publish(END_TYPE_ID)

        waiter = threading.Thread(target=wait_for_all, daemon=True)
        waiter.start()
        while True:
            frame = self.reader.expect_frame("frames", receive_bytes=8000)
            if frame.type_id == END_TYPE_ID:
                break
            self.enter(frame)
        waiter.join(SECONDS)
        self.assertEqual(waiter_trouble, [])
        self.assertEqual(self.ledger.next, self.published() + 1)

    def test_publisher_that_ignores_hold_is_not_read_and_loses_nothing(self) -> None:
        self.start(
            publishers=1,
            polite=False,
            queue_bytes_max=QUEUE_BYTES,
            stall_ms_max=-1,
        )
        total = 150_000  # 12 MB: more than the grace and the sockets hold
        self.publishers[0].ask(total)
        observer = self.connect(self.broker)

        def paused() -> bool:
            sessions = observer.status().sessions
            return any(s.read_paused for s in sessions)

        wait_until(paused, "the publisher is not read any more")
        self.assertLess(self.publishers[0].published, total)
        self.read_up_to(total)
        self.publishers[0].wait_until_flushed()
        self.assertEqual(self.ledger.gaps, [])

    def test_hold_says_who_is_slow(self) -> None:
        self.broker = self.start_broker(CONFIG)
        slow = self.connect(self.broker, name="slow one")
        slow.subscribe(1, TYPE_ID, queue_bytes_max=4096, stall_ms_max=-1)
        publisher = self.connect(self.broker)
        # More than queue and socket hold, less than the grace.
        publisher.send(encode_publish(TYPE_ID, bytes(1000)) * 1000)
        publisher.flush()
        self.assertTrue(publisher.pending[-1].is_control(Control.HOLD))
        frames, publisher.pending = publisher.pending, []
        hold = frames[0].body()
        self.assertEqual(hold.by_name, "slow one")
        self.assertEqual(hold.by_session_id, slow.welcome.session_id)
        self.assertEqual(hold.type_id, TYPE_ID)
        # A publisher that comes later is told at its first frame; other types
        # and control frames go on.
        later = self.connect(self.broker)
        later.publish(TYPE_ID + 1, b"another type")
        later.flush()
        self.assertEqual(later.pending, [])
        later.publish(TYPE_ID, b"this type")
        later.await_control(Control.HOLD)
        later.flush()
        slow.close()
        publisher.await_control(Control.RELEASE)
        later.await_control(Control.RELEASE)

    def test_largest_stall_is_held_for_all_its_time(self) -> None:
        self.broker = self.start_broker(CONFIG)
        slow = self.connect(self.broker, name="slow one")
        slow.subscribe(1, TYPE_ID, queue_bytes_max=4096, stall_ms_max=2**63 - 1)
        publisher = self.connect(self.broker)
        publisher.send(encode_publish(TYPE_ID, bytes(1000)) * 1000)
        publisher.flush()
        publisher.ping()
        self.assertTrue(publisher.pending[-1].is_control(Control.HOLD))
        self.assertEqual(publisher.status().counters.frames_dropped, 0)

    def test_unsubscribing_releases(self) -> None:
        self.broker = self.start_broker(CONFIG)
        slow = self.connect(self.broker, name="slow one")
        slow.subscribe(1, TYPE_ID, queue_bytes_max=4096, stall_ms_max=-1)
        publisher = self.connect(self.broker)
        publisher.send(encode_publish(TYPE_ID, bytes(1000)) * 1000)
        publisher.await_control(Control.HOLD)
        body = control_pb2.Unsubscribe(subscription_id=1)
        slow.send(encode_control(Control.UNSUBSCRIBE, body, 9))
        publisher.await_control(Control.RELEASE)
        slow.await_control(Control.UNSUBSCRIBED, 9)

    def test_balanced_reader_holds_for_its_time_and_then_drops(self) -> None:
        self.start(publishers=2, queue_bytes_max=QUEUE_BYTES, stall_ms_max=200)
        each = 50_000  # more than the buffers of two TCP sockets hold
        for thread in self.publishers:
            thread.ask(each)
        # Nobody reads: only the end of the time can release them.
        for thread in self.publishers:
            thread.wait_until_flushed()
            self.assertGreaterEqual(thread.releases, 1)
        self.read_up_to(2 * each)
        self.assertGreater(self.ledger.missed, 0)


class PausedPublisherTest(BrokerTestCase):
    """A publisher that sends on is not read until its reader has caught up.  No
    timer of the broker's is due within the test: whatever sleeps too long then
    sleeps for good."""

    FRAME = encode_publish(TYPE_ID, bytes(16 << 10))
    BATCH = FRAME * 64
    BATCHES = 800

    def assert_all_arrive(self, over_tcp: bool) -> None:
        broker = self.start_broker(CONFIG)
        url = broker.tcp_url if over_tcp else broker.unix_url
        reader = self.connect(broker, url=url)
        reader.subscribe(1, TYPE_ID, queue_bytes_max=16 << 20, stall_ms_max=-1)
        publisher = self.connect(broker, url=url)

        def send_all() -> None:
            for _ in range(self.BATCHES):
                publisher.send(self.BATCH)

        sending = threading.Thread(target=send_all, daemon=True)
        sending.start()
        # As fast as can be, so that the broker's writes often end early.
        left = len(self.BATCH) * self.BATCHES
        room = bytearray(4 << 20)
        while left > 0:
            got = reader.socket.recv_into(room)
            self.assertGreater(got, 0)
            left -= got
        self.assertEqual(left, 0)
        sending.join(SECONDS)
        self.assertFalse(sending.is_alive())

    def test_all_arrive_over_unix(self) -> None:
        self.assert_all_arrive(over_tcp=False)

    def test_all_arrive_over_tcp(self) -> None:
        self.assert_all_arrive(over_tcp=True)


if __name__ == "__main__":
    unittest.main()
