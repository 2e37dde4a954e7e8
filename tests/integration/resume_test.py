"""Subscriptions over more than one connection: what was missed meanwhile is
delivered out of history or told exactly."""

import os
import unittest
from typing import Any, Dict, List, Tuple

import proto.mycelium.control_pb2 as control_pb2
from tests.integration.deadline import wait_until
from tests.integration.misbehaviour import CarrierTests, MisbehaviourTestCase
from tests.integration.wire_client import WireClient, encode_publish

TYPE_ID = 7
SUBSCRIPTION_ID = 3
RANGE = Tuple[int, int, int, int]


class Resumes(CarrierTests):
    def setUp(self) -> None:
        super().setUp()
        self.instance_id = os.urandom(16)

    def begin(self, config: str = "", **options: Any) -> None:
        """A broker, a publisher, and a subscriber."""
        self.options = {"type_id": TYPE_ID, **options}
        self.start(config)
        self.publisher = self.connect(self.broker, name="publisher")
        self.published = 0
        self.client = self.instance()
        self.client.subscribe(SUBSCRIPTION_ID, **self.options)
        self.epoch = self.client.welcome.epoch
        self.session_id = self.client.welcome.session_id
        self.frames = 0
        self.seen: Dict[int, int] = {}

    def instance(self) -> WireClient:
        client = WireClient(self.url)
        self.addCleanup(client.close)
        client.hello(name="subscriber", instance_id=self.instance_id)
        return client

    def publish(self, count: int = 1, topic: bytes = b"", type_id: int = 7) -> None:
        self.publisher.send(encode_publish(type_id, b"x", topic) * count)
        self.publisher.flush()

    def read(self, *sequences: int, type_id: int = TYPE_ID) -> None:
        got = [self.client.read_data() for _ in sequences]
        self.assertEqual([frame.id for frame in got], list(sequences))
        for frame in got:
            self.assertEqual(frame.type_id, type_id)
            self.seen[type_id] = frame.id
        self.frames += len(got)

    def read_gap(self, *ranges: RANGE, unknown: bool = False) -> None:
        gap = self.client.await_gap()
        self.assertEqual(gap.reason, control_pb2.GAP_REASON_RECONNECT)
        self.assertEqual(gap.subscription_id, SUBSCRIPTION_ID)
        self.assertEqual(gap.unknown, unknown)
        got: List[RANGE] = [
            (r.type_id, r.frames, r.first_sequence, r.last_sequence) for r in gap.ranges
        ]
        if not unknown:
            self.assertEqual(got, list(ranges))
        for type_id, frames, _, last in got:
            self.frames += frames
            if type_id and frames:
                self.seen[type_id] = max(last, self.seen.get(type_id, 0))

    def cut(self) -> None:
        self.client.close()
        observer = self.connect(self.broker)
        wait_until(
            lambda: "subscriber" not in {s.name for s in observer.status().sessions},
            "the broker has seen it",
        )
        observer.close()

    def come_back(self, expect_resumed: bool = True) -> None:
        self.client = self.instance()
        welcome = self.client.welcome
        self.assertEqual(welcome.resumed, expect_resumed)
        seen = [
            control_pb2.TypeSequence(type_id=type_id, sequence=sequence)
            for type_id, sequence in self.seen.items()
        ]
        resume = control_pb2.Resume(
            epoch=self.epoch,
            frames=self.frames,
            seen=seen,
            session_id=self.session_id,
        )
        self.client.subscribe(SUBSCRIPTION_ID, **self.options, resume=resume)
        if not welcome.resumed or welcome.epoch != self.epoch:
            self.frames = 0
        self.epoch = welcome.epoch
        self.session_id = welcome.session_id

    def assert_nothing_more(self) -> None:
        self.client.flush()
        self.assertEqual(self.client.frames_there(), [])
        self.bystanders.assert_unharmed()

    # --- The same broker, within the window ----------------------------------

    def test_what_was_missed_is_told_exactly(self) -> None:
        self.begin()
        self.publish(3)
        self.read(1, 2, 3)
        self.cut()
        self.publish(3)
        self.come_back()
        self.read_gap((TYPE_ID, 3, 4, 6))
        self.publish()
        self.read(7)
        self.assert_nothing_more()

    def test_what_was_on_its_way_is_missed_too(self) -> None:
        self.begin()
        self.publish(5)
        self.read(1, 2)
        self.cut()
        self.come_back()
        self.read_gap((TYPE_ID, 3, 3, 5))
        self.publish()
        self.read(6)

    def test_a_take_over_is_as_good_as_a_cut(self) -> None:
        self.begin()
        self.publish(2)
        self.read(1, 2)
        self.publish(2)
        self.come_back()
        self.read_gap((TYPE_ID, 2, 3, 4))
        self.publish()
        self.read(5)

    def test_if_nothing_was_missed_nothing_is_told(self) -> None:
        self.begin()
        self.publish(2)
        self.read(1, 2)
        self.cut()
        self.publish(4, type_id=8)
        self.come_back()
        self.assert_nothing_more()
        self.publish()
        self.read(3)

    def test_who_has_had_nothing_misses_nothing(self) -> None:
        self.begin()
        self.cut()
        self.come_back()
        self.publish()
        self.read(1)

    def test_a_filter_counts_only_what_it_takes(self) -> None:
        self.begin(topic_filter="a.>")
        self.publish(1, b"a.b")
        self.publish(1, b"b.b")
        self.read(1)
        self.cut()
        for topic in (b"a.b", b"b.b", b"a.c", b"b.b", b"a.b", b"b.b"):
            self.publish(1, topic)
        self.come_back()
        gap = self.client.await_gap()
        self.assertFalse(gap.unknown)
        only = gap.ranges[0]
        self.assertEqual((len(gap.ranges), only.type_id, only.frames), (1, TYPE_ID, 3))
        self.assertEqual(only.first_sequence, 2)
        self.assertGreaterEqual(only.last_sequence, 7)
        self.assertLessEqual(only.last_sequence, 8)
        self.publish(1, b"a.z")
        self.read(9)

    def test_of_all_types_the_number_is_exact(self) -> None:
        self.begin(type_id=0, topic_filter="a")
        self.publish(2, b"a")
        self.read(1, 2)
        self.cut()
        self.publish(2, b"a")
        self.publish(3, b"a", type_id=8)
        self.publish(3, b"b", type_id=9)
        self.come_back()
        self.read_gap((0, 5, 0, 0))
        self.publish(1, b"a", type_id=8)
        self.read(4, type_id=8)

    def test_a_second_and_a_third_time_are_as_exact(self) -> None:
        self.begin()
        last = 0
        for connection in range(4):
            self.publish(2)
            self.read(last + 1, last + 2)
            self.cut()
            self.publish(connection)
            self.come_back()
            if connection:
                self.read_gap((TYPE_ID, connection, last + 3, last + 2 + connection))
            last += 2 + connection
        self.assert_nothing_more()

    def test_two_resumes_in_a_row_lose_no_count(self) -> None:
        self.begin()
        self.publish(1)
        self.read(1)
        self.cut()
        self.publish(2)
        self.come_back()
        # Cut again before the gap was read.
        self.cut()
        self.publish(1)
        self.come_back()
        self.read_gap((TYPE_ID, 3, 2, 4))

    def test_what_overflowed_before_is_told_as_well(self) -> None:
        """Gaps that were told on the former connection, and others that were
        not, add up."""
        self.begin(queue_bytes_max=4096, stall_ms_max=0)
        self.publisher.send(encode_publish(TYPE_ID, bytes(1 << 16)) * 400)
        self.publisher.flush()
        self.cut()
        self.come_back()
        self.read_gap((TYPE_ID, 400, 1, 400))
        self.publish()
        self.read(401)

    def test_a_subscription_that_is_away_holds_nobody_back(self) -> None:
        self.begin(queue_bytes_max=4096, stall_ms_max=-1)
        observer = self.connect(self.broker)
        frame = encode_publish(TYPE_ID, bytes(1 << 16))

        def is_held_after_one_more() -> bool:
            self.publisher.send(frame)
            return any(s.held for s in observer.status().sessions)

        # How much the kernel takes before that is for it to say.
        wait_until(is_held_after_one_more, "it is held")
        # As much as is taken of somebody who is held, and a little more.
        self.publisher.send(frame * 33)
        self.client.close()
        wait_until(
            lambda: not any(s.held for s in observer.status().sessions),
            "nobody is held",
        )
        self.publish(1000)

    # --- With history --------------------------------------------------------

    def test_history_has_what_was_missed(self) -> None:
        self.begin("history { types: [7] }")
        self.publish(2)
        self.read(1, 2)
        self.cut()
        self.publish(3)
        self.come_back()
        self.read(3, 4, 5)
        self.publish()
        self.read(6)
        self.assert_nothing_more()

    def test_what_history_no_longer_has_is_told_before_the_rest(self) -> None:
        self.begin("history { types: [7] frames_max: 2 }")
        self.publish(2)
        self.read(1, 2)
        self.cut()
        self.publish(5)
        self.come_back()
        self.read_gap((TYPE_ID, 3, 3, 5))
        self.read(6, 7)
        self.publish()
        self.read(8)
        self.assert_nothing_more()

    def test_history_gives_back_what_the_filter_takes(self) -> None:
        self.begin("history { }", topic_filter="a.*")
        self.publish(1, b"a.b")
        self.read(1)
        self.cut()
        for topic in (b"b.b", b"a.c", b"a", b"a.d"):
            self.publish(1, topic)
        self.come_back()
        self.read(3, 5)
        self.assert_nothing_more()

    def test_nothing_of_before_the_subscription_is_replayed(self) -> None:
        self.begin("history { types: [7] }")
        self.publish(3)
        self.client.unsubscribe(SUBSCRIPTION_ID)
        self.client.pending.clear()
        self.client.subscribe(SUBSCRIPTION_ID, TYPE_ID)
        self.cut()
        self.publish(1)
        self.come_back()
        self.read(4)
        self.assert_nothing_more()

    # --- Forgotten -----------------------------------------------------------

    def forget(self) -> None:
        self.cut()
        observer = self.connect(self.broker)
        wait_until(lambda: not observer.status().instances_away, "it is forgotten")
        observer.close()

    def test_of_one_type_even_a_forgotten_client_is_told_exactly(self) -> None:
        self.begin("limits { resume_window_ms: 1 }")
        self.publish(2)
        self.read(1, 2)
        self.forget()
        self.publish(3)
        self.come_back(expect_resumed=False)
        self.read_gap((TYPE_ID, 3, 3, 5))
        self.publish()
        self.read(6)
        self.forget()
        self.publish(1)
        self.come_back(expect_resumed=False)
        self.read_gap((TYPE_ID, 1, 7, 7))

    def test_with_a_filter_a_forgotten_client_is_told_that_nobody_knows(self) -> None:
        self.begin("limits { resume_window_ms: 1 }", topic_filter="a")
        self.publish(1, b"a")
        self.read(1)
        self.forget()
        self.publish(1, b"b")
        self.come_back(expect_resumed=False)
        self.read_gap(unknown=True)
        self.publish(1, b"a")
        self.read(3)

    def test_if_the_count_has_not_moved_a_forgotten_client_misses_nothing(self) -> None:
        self.begin("limits { resume_window_ms: 1 }", topic_filter="a")
        self.publish(1, b"a")
        self.read(1)
        self.forget()
        self.come_back(expect_resumed=False)
        self.publish(1, b"a")
        self.read(2)

    def test_history_without_a_hole_makes_up_for_being_forgotten(self) -> None:
        self.begin("limits { resume_window_ms: 1 } history { }", topic_filter="a")
        self.publish(1, b"a")
        self.read(1)
        self.forget()
        for topic in (b"b", b"a", b"b", b"a"):
            self.publish(1, topic)
        self.come_back(expect_resumed=False)
        self.read(3, 5)
        self.assert_nothing_more()

    def restart(self, config: str = "") -> None:
        self.client.close()
        self.start(config)
        self.publisher = self.connect(self.broker, name="publisher")

    def test_after_a_restart_nobody_knows(self) -> None:
        self.begin()
        self.publish(2)
        self.read(1, 2)
        self.restart()
        self.come_back(expect_resumed=False)
        self.read_gap(unknown=True)
        self.seen.clear()
        self.publish()
        self.read(1)
        self.assert_nothing_more()

    def test_after_a_restart_history_begins_anew(self) -> None:
        self.begin("history { types: [7] }")
        self.publish(2)
        self.read(1, 2)
        self.restart("history { types: [7] }")
        self.publish(3)
        self.come_back(expect_resumed=False)
        self.read_gap(unknown=True)
        self.seen.clear()
        self.read(1, 2, 3)
        self.assert_nothing_more()

    def test_starts_tell_what_is_for_the_others(self) -> None:
        """What waits for one subscription is not for the next one."""
        self.begin()
        slow = WireClient(self.url, receive_buffer_bytes=4096)
        self.addCleanup(slow.close)
        slow.hello(name="slow")
        slow.subscribe(1, TYPE_ID, queue_bytes_max=16 << 20)
        self.publisher.send(encode_publish(TYPE_ID, bytes(1 << 16)) * 100)
        self.publisher.flush()
        answer = slow.request_subscription(2, TYPE_ID)
        self.assertEqual(
            [(s.type_id, s.sequence) for s in answer.starts], [(TYPE_ID, 100)]
        )
        empty = self.connect(self.broker).request_subscription(1, TYPE_ID)
        self.assertEqual(list(empty.starts), [])


class UnixResumesTest(Resumes, MisbehaviourTestCase):
    pass


class TcpResumesTest(Resumes, MisbehaviourTestCase):
    carrier = "tcp"


if __name__ == "__main__":
    unittest.main()
