"""What a subscriber that is too slow gets, by its policy, and that it costs
nobody else anything."""

import unittest
from typing import Any, Dict, List

import proto.mycelium.control_pb2 as control_pb2
from tests.integration.deadline import wait_until
from tests.integration.misbehaviour import CarrierTests, MisbehaviourTestCase
from tests.integration.sequence_ledger import SequenceLedger
from tests.integration.wire_client import Control, WireClient, encode_publish

TYPE_ID = 7
END_TYPE_ID = 8
SUBSCRIPTION_ID = 3
# More than the buffers of two sockets hold.
FRAMES = 2000
PAYLOAD_BYTES = 8 << 10
CONFLATE = {"overflow": control_pb2.OVERFLOW_CONFLATE, "stall_ms_max": 0}


def number_of(payload: bytes) -> int:
    return int.from_bytes(payload[:4], "little")


class Policies(CarrierTests):
    def begin(self, **options: Any) -> None:
        self.start("limits { idle_timeout_ms: 600000 }")
        self.slow = WireClient(self.url, receive_buffer_bytes=4096)
        self.addCleanup(self.slow.close)
        self.slow.hello(name="slow")
        self.slow.subscribe(SUBSCRIPTION_ID, TYPE_ID, **options)
        self.slow.subscribe(SUBSCRIPTION_ID + 1, END_TYPE_ID)
        self.publisher = self.connect(self.broker, name="publisher")

    def publish(self, frames: int = FRAMES, topics: int = 1) -> None:
        """Nobody reads meanwhile.  Each frame has its number."""
        for number in range(1, frames + 1):
            payload = number.to_bytes(4, "little") + bytes(PAYLOAD_BYTES)
            topic = b"topic.%d" % (number % topics)
            self.publisher.send(encode_publish(TYPE_ID, payload, topic))
        self.publisher.flush()

    def assert_never_held(self) -> None:
        kinds = {frame.kind for frame in self.publisher.frames_there()}
        self.assertFalse(kinds & {Control.HOLD, Control.RELEASE})

    def read_to_end(self) -> None:
        """Sorts what the slow one gets into frames and gaps."""
        self.publisher.publish(END_TYPE_ID)
        self.newest: Dict[bytes, int] = {}
        self.delivered: List[int] = []
        self.missed: Dict[int, int] = {}
        last = 0
        while True:
            frame = self.slow.expect_frame("frames and gaps")
            if frame.is_control(Control.GAP):
                gap = frame.body()
                self.assertEqual(gap.subscription_id, SUBSCRIPTION_ID)
                only = gap.ranges[0]
                self.assertEqual((len(gap.ranges), only.type_id), (1, TYPE_ID))
                # In the place of the first that is missing.
                self.assertGreater(only.first_sequence, last)
                self.assertLessEqual(
                    only.frames, only.last_sequence - only.first_sequence + 1
                )
                count = self.missed.get(gap.reason, 0)
                self.missed[gap.reason] = count + only.frames
                continue
            if frame.type_id == END_TYPE_ID:
                break
            self.assertEqual(frame.type_id, TYPE_ID)
            self.assertEqual(frame.id, number_of(frame.payload))
            self.assertGreater(frame.id, last)
            last = frame.id
            self.delivered.append(last)
            self.newest[frame.topic] = last

    # --- CONFLATE ------------------------------------------------------------

    def test_conflate_keeps_the_newest_of_each_topic_and_counts_the_rest(self) -> None:
        self.begin(**CONFLATE)
        self.publish(topics=10)
        self.read_to_end()
        newest = {b"topic.%d" % (n % 10): n for n in range(1, FRAMES + 1)}
        self.assertEqual(self.newest, newest)
        self.assertEqual(set(self.missed), {control_pb2.GAP_REASON_CONFLATED})
        missed = self.missed[control_pb2.GAP_REASON_CONFLATED]
        self.assertEqual(len(self.delivered) + missed, FRAMES)
        self.assert_never_held()
        counters = self.publisher.status().counters
        self.assertEqual(counters.frames_conflated, missed)
        self.assertEqual(counters.frames_dropped, missed)
        self.bystanders.assert_unharmed()

    def test_conflate_folds_long_before_its_queue_is_full(self) -> None:
        self.begin(queue_bytes_max=256 << 20, **CONFLATE)
        self.publish()
        self.read_to_end()
        self.assertEqual(self.delivered[-1], FRAMES)
        self.assertLess(len(self.delivered), FRAMES // 2)

    def test_conflate_with_too_many_topics_drops_the_oldest_and_says_so(self) -> None:
        self.begin(queue_bytes_max=64 << 10, **CONFLATE)
        self.publish(topics=FRAMES)
        self.read_to_end()
        self.assertGreater(self.missed[control_pb2.GAP_REASON_OVERFLOW], 0)
        self.assertEqual(len(self.delivered) + sum(self.missed.values()), FRAMES)
        self.assertEqual(self.delivered[-1], FRAMES)

    def test_conflate_changes_nothing_for_who_keeps_up(self) -> None:
        self.start()
        client = self.session()
        client.subscribe(1, TYPE_ID, **CONFLATE)
        publisher = self.connect(self.broker)
        for number in range(200):
            publisher.publish(TYPE_ID, b"%d" % number, b"one.topic")
            frame = client.read_data()
            self.assertEqual(frame.payload, b"%d" % number)
            self.assertEqual(frame.addressee, 1)

    def test_conflate_beside_another_subscription_of_the_session(self) -> None:
        """Each of them gets its own."""
        self.start()
        client = self.session()
        client.subscribe(1, TYPE_ID, **CONFLATE)
        client.subscribe(2, TYPE_ID)
        publisher = self.connect(self.broker)
        publisher.publish(TYPE_ID, b"x")
        got = [client.read_data() for _ in range(2)]
        self.assertEqual({frame.addressee for frame in got}, {0, 1})
        self.assertEqual([frame.id for frame in got], [1, 1])

    # --- DISCONNECT ----------------------------------------------------------

    def test_disconnect_closes_the_session_and_says_why(self) -> None:
        self.begin(
            overflow=control_pb2.OVERFLOW_DISCONNECT,
            queue_bytes_max=64 << 10,
            stall_ms_max=50,
        )
        self.publish()
        close = self.slow.await_close()
        self.assertEqual(close.code, control_pb2.CODE_SLOW_CONSUMER)
        self.assertEqual(
            close.reason,
            "subscription %d: queue of 65536 bytes full for 50 ms,"
            " overflow is DISCONNECT" % SUBSCRIPTION_ID,
        )
        self.bystanders.assert_unharmed()

    def test_disconnect_without_a_stall_closes_at_once(self) -> None:
        self.begin(
            overflow=control_pb2.OVERFLOW_DISCONNECT,
            queue_bytes_max=64 << 10,
            stall_ms_max=0,
        )
        self.publish()
        close = self.slow.await_close()
        self.assertEqual(close.code, control_pb2.CODE_SLOW_CONSUMER)
        self.assert_never_held()

    # --- Who pays ------------------------------------------------------------

    def test_live_never_holds_a_publisher(self) -> None:
        self.begin(queue_bytes_max=64 << 10, stall_ms_max=0)
        self.publish()
        self.assert_never_held()
        self.read_to_end()
        self.assertEqual(set(self.missed), {control_pb2.GAP_REASON_OVERFLOW})
        self.assertEqual(len(self.delivered) + sum(self.missed.values()), FRAMES)

    def test_a_slow_subscriber_changes_nothing_for_another(self) -> None:
        for name, options in (
            ("live", {"stall_ms_max": 0}),
            ("latest", CONFLATE),
            (
                "strict",
                {"overflow": control_pb2.OVERFLOW_DISCONNECT, "stall_ms_max": 0},
            ),
        ):
            with self.subTest(name):
                self.begin(queue_bytes_max=64 << 10, **options)
                fast = self.connect(self.broker, name="fast")
                fast.subscribe(9, TYPE_ID, queue_bytes_max=64 << 20)
                self.publish()
                ledger = SequenceLedger(TYPE_ID, 9)
                while ledger.next <= FRAMES:
                    ledger.enter(fast.read_frame())
                self.assertEqual(ledger.gaps, [])
                self.assert_never_held()

    def test_status_says_who_holds_whom(self) -> None:
        self.begin(queue_bytes_max=64 << 10, stall_ms_max=-1)
        observer = self.connect(self.broker)
        payload = bytes(PAYLOAD_BYTES)
        wanted = {(TYPE_ID, self.slow.welcome.session_id, "slow")}

        def held() -> bool:
            self.publisher.send(encode_publish(TYPE_ID, payload) * 4)
            session = next(
                s for s in observer.status().sessions if s.name == "publisher"
            )
            return {(h.type_id, h.by_session_id, h.by_name) for h in session.held} == (
                wanted
            )

        wait_until(held, "the publisher is held by the slow one")
        self.slow.close()
        wait_until(
            lambda: not any(s.held for s in observer.status().sessions),
            "it is released when the slow one has left",
        )


class UnixPoliciesTest(Policies, MisbehaviourTestCase):
    pass


class TcpPoliciesTest(Policies, MisbehaviourTestCase):
    carrier = "tcp"


if __name__ == "__main__":
    unittest.main()
