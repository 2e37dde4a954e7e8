"""What a broker keeps for those who come later, and where they begin."""

import threading
import time
import unittest
from typing import Any, List

import proto.mycelium.control_pb2 as control_pb2
from tests.integration.deadline import wait_until
from tests.integration.misbehaviour import CarrierTests, MisbehaviourTestCase
from tests.integration.wire_client import WireClient, encode_publish

TYPE_ID = 7


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Histories(CarrierTests):
    def begin(self, config: str) -> None:
        self.start(config)
        self.publisher = self.connect(self.broker, name="publisher")

    def publish(self, count: int, topic: bytes = b"", type_id: int = TYPE_ID) -> None:
        self.publisher.send(encode_publish(type_id, b"x", topic) * count)
        self.publisher.flush()

    def subscribe(self, type_id: int = TYPE_ID, **options: Any) -> WireClient:
        """Options of Start among those of Subscribe."""
        names = ("last", "sequence", "time_unix_ms")
        start = {name: options.pop(name) for name in names if name in options}
        client = self.session()
        client.subscribe(1, type_id, start=control_pb2.Start(**start), **options)
        return client

    def refuse(self, reason: str, type_id: int = TYPE_ID, **options: Any) -> None:
        client = self.session()
        answer = client.request_subscription(1, type_id, **options)
        self.assertEqual(answer.code, control_pb2.CODE_INVALID_ARGUMENT)
        self.assertEqual(answer.reason, reason)
        client.ping()

    def assert_gets(self, client: WireClient, *ids: int) -> None:
        self.assertEqual([client.read_data().id for _ in ids], list(ids))

    def assert_then_nothing(self, client: WireClient) -> None:
        client.flush()
        self.assertEqual(client.frames_there(), [])
        self.bystanders.assert_unharmed()

    # --- last ----------------------------------------------------------------

    def test_last_brings_the_newest_and_then_those_of_now(self) -> None:
        self.begin("history { types: [7] }")
        self.publish(10)
        client = self.subscribe(last=3)
        self.publish(1)
        self.assert_gets(client, 8, 9, 10, 11)
        self.assert_then_nothing(client)

    def test_last_0_is_now(self) -> None:
        self.begin("history { types: [7] }")
        self.publish(10)
        client = self.subscribe(last=0)
        self.publish(1)
        self.assert_gets(client, 11)

    def test_last_is_more_than_there_is(self) -> None:
        self.begin("history { types: [7] }")
        self.publish(2)
        client = self.subscribe(last=100)
        self.assert_gets(client, 1, 2)
        self.assert_then_nothing(client)

    def test_last_counts_each_topic_for_itself(self) -> None:
        self.begin("history { }")
        for topic in (b"a", b"b", b"a", b"c", b"b", b"a"):
            self.publish(1, topic)
        client = self.subscribe(last=1)
        self.assert_gets(client, 4, 5, 6)
        filtered = self.subscribe(last=2, topic_filter="a")
        self.assert_gets(filtered, 3, 6)
        self.assert_then_nothing(filtered)

    def test_last_of_all_types(self) -> None:
        self.begin("history { topic_filter: 'a' }")
        self.publish(3, b"a")
        self.publish(2, b"a", type_id=8)
        self.publish(2, b"b", type_id=9)
        client = self.subscribe(0, last=1, topic_filter="*")
        got = [client.read_data() for _ in range(2)]
        self.assertEqual([(f.type_id, f.id) for f in got], [(7, 3), (8, 2)])
        self.assert_then_nothing(client)

    def test_frames_come_as_they_were(self) -> None:
        self.begin("history { types: [7] }")
        self.publisher.publish(TYPE_ID, bytes(range(256)), b"a.b")
        self.publisher.flush()
        frame = self.subscribe(last=1).read_data()
        self.assertEqual(frame[:3], (TYPE_ID, 1, 1))
        self.assertEqual((frame.topic, frame.payload), (b"a.b", bytes(range(256))))

    # --- sequence ------------------------------------------------------------

    def test_sequence_brings_all_from_there_on(self) -> None:
        self.begin("history { types: [7] }")
        self.publish(10)
        client = self.subscribe(sequence=8)
        self.publish(1)
        self.assert_gets(client, 8, 9, 10, 11)

    def test_sequence_of_the_next_frame_is_now(self) -> None:
        self.begin("history { types: [7] }")
        self.publish(10)
        client = self.subscribe(sequence=11)
        self.publish(1)
        self.assert_gets(client, 11)

    def test_what_history_does_not_reach_is_told_exactly(self) -> None:
        self.begin("history { types: [7] frames_max: 5 }")
        self.publish(10)
        client = self.subscribe(sequence=3)
        gap = client.await_gap()
        self.assertEqual(gap.reason, control_pb2.GAP_REASON_RECONNECT)
        self.assertFalse(gap.unknown)
        self.assertEqual(
            [
                (r.type_id, r.frames, r.first_sequence, r.last_sequence)
                for r in gap.ranges
            ],
            [(TYPE_ID, 3, 3, 5)],
        )
        self.publish(1)
        self.assert_gets(client, 6, 7, 8, 9, 10, 11)
        self.assert_then_nothing(client)

    def test_with_a_filter_nobody_knows_what_history_does_not_reach(self) -> None:
        self.begin("history { types: [7] frames_max: 2 }")
        self.publish(5, b"a")
        client = self.subscribe(sequence=1, topic_filter="a")
        gap = client.await_gap()
        self.assertEqual(gap.reason, control_pb2.GAP_REASON_RECONNECT)
        self.assertTrue(gap.unknown)
        self.assert_gets(client, 4, 5)

    def test_a_sequence_of_the_future_is_refused(self) -> None:
        self.begin("history { types: [7] }")
        self.publish(10)
        self.refuse(
            "subscribe: start.sequence 100, allowed up to 11",
            start=control_pb2.Start(sequence=100),
        )
        self.refuse(
            "subscribe: start.sequence 12, allowed up to 11",
            start=control_pb2.Start(sequence=12),
        )

    # --- time ----------------------------------------------------------------

    def test_time_brings_what_was_accepted_since(self) -> None:
        self.begin("history { types: [7] }")
        self.publish(3)
        before = now_ms()
        wait_until(lambda: now_ms() > before + 1, "the clock goes on", 0.0005)
        middle = now_ms()
        wait_until(lambda: now_ms() > middle + 1, "the clock goes on", 0.0005)
        self.publish(2)
        client = self.subscribe(time_unix_ms=middle)
        self.publish(1)
        self.assert_gets(client, 4, 5, 6)
        self.assert_gets(self.subscribe(time_unix_ms=0), 1, 2, 3, 4, 5, 6)
        later = self.subscribe(time_unix_ms=now_ms() + 3_600_000)
        self.publish(1)
        self.assert_gets(later, 7)

    # --- What is kept --------------------------------------------------------

    def test_a_frame_belongs_to_the_first_rule_that_takes_it(self) -> None:
        self.begin(
            "history { types: [7] topic_filter: 'a' frames_max: 1 }"
            " history { types: [7, 8] frames_max: 2 }"
        )
        self.publish(3, b"a")
        self.publish(3, b"b")
        self.publish(1, type_id=8)
        # The second rule has the newest two of both of its types.
        client = self.subscribe(last=10)
        self.assert_gets(client, 3, 6)
        self.assert_then_nothing(client)
        self.assert_gets(self.subscribe(8, last=10), 1)
        kept = [(list(h.types), h.frames) for h in self.publisher.status().history]
        self.assertEqual(kept, [([7], 1), ([7, 8], 2)])

    def test_bytes_max_bounds_what_is_kept(self) -> None:
        self.begin("history { types: [7] bytes_max: 4096 }")
        self.publisher.send(encode_publish(TYPE_ID, bytes(1000)) * 10)
        self.publisher.flush()
        client = self.subscribe(last=100)
        first = client.read_data().id
        self.assertGreater(first, 6)
        self.assert_gets(client, *range(first + 1, 11))
        self.assertLessEqual(client.status().history[0].bytes, 4096)

    def test_what_is_too_old_is_forgotten(self) -> None:
        self.begin("history { types: [7] age_ms_max: 1 }")
        self.publish(5)
        wait_until(
            lambda: not self.publisher.status().history[0].frames, "it is forgotten"
        )
        client = self.subscribe(last=100)
        self.assert_then_nothing(client)

    def test_history_goes_beyond_the_queue_of_a_subscription(self) -> None:
        self.begin("history { types: [7] }")
        payload = bytes(1 << 14)
        self.publisher.send(encode_publish(TYPE_ID, payload) * 100)
        self.publisher.flush()
        client = self.subscribe(sequence=1, queue_bytes_max=4096, stall_ms_max=0)
        self.assert_gets(client, *range(1, 101))
        self.publish(1)
        self.assert_gets(client, 101)

    def test_between_history_and_now_nothing_is_lost_or_comes_twice(self) -> None:
        self.begin("history { types: [7] bytes_max: 268435456 }")
        stop = threading.Event()
        trouble: List[Exception] = []

        def publish() -> None:
            try:
                while not stop.is_set():
                    self.publisher.send(encode_publish(TYPE_ID, b"x") * 20)
                    self.publisher.flush()
            except Exception as error:  # for the test's own thread
                trouble.append(error)

        thread = threading.Thread(target=publish, daemon=True)
        thread.start()
        try:
            for number in range(1, 21):
                client = self.subscribe(sequence=1)
                self.assert_gets(client, *range(1, 100 * number))
                client.close()
        finally:
            stop.set()
            thread.join()
        self.assertEqual(trouble, [])

    # --- Refused -------------------------------------------------------------

    def test_what_no_history_keeps_is_refused(self) -> None:
        self.begin("history { types: [8] topic_filter: 'a' }")
        self.refuse(
            "subscribe: start, but no history keeps type 7",
            start=control_pb2.Start(last=1),
        )
        self.refuse(
            "subscribe: start.sequence with type_id 0, allowed one type",
            type_id=0,
            start=control_pb2.Start(sequence=1),
        )
        self.refuse(
            "subscribe: start with a group, allowed without one",
            type_id=8,
            group="workers",
            start=control_pb2.Start(last=1),
        )
        self.refuse(
            "subscribe: start of a responder, allowed none",
            type_id=8,
            responder=True,
            start=control_pb2.Start(last=1),
        )
        self.bystanders.assert_unharmed()


class UnixHistoriesTest(Histories, MisbehaviourTestCase):
    pass


class TcpHistoriesTest(Histories, MisbehaviourTestCase):
    carrier = "tcp"


if __name__ == "__main__":
    unittest.main()
