"""Subscriptions that share a name share the frames, and lose none of them
when one of them leaves or stands still."""

import os
import signal
import subprocess
import unittest
from typing import Any, Dict, List

from tests.integration.deadline import SECONDS, wait_until
from tests.integration.misbehaviour import CarrierTests, MisbehaviourTestCase
from tests.integration.wire_client import Frame, WireClient, encode_publish

TYPE_ID = 7
# Of what keeps its place among the data, other than a PONG.
END_TYPE_ID = 8
TOOL = os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "../../client/cli/mycelium"
)


class Member:
    """A member of a group that notes what it has been given."""

    def __init__(self, client: WireClient, subscription_id: int = 1) -> None:
        self.client = client
        self.subscription_id = subscription_id
        self.frames: List[Frame] = []

    def read(self, count: int) -> List[Frame]:
        got: List[Frame] = []
        while len(got) < count:
            frame = self.client.read_data()
            if frame.type_id == END_TYPE_ID:
                continue
            if frame.addressee != self.subscription_id:
                raise AssertionError("%r is not for the member" % (frame,))
            got.append(frame)
        self.frames += got
        return got

    def read_to_end(self, end: bytes) -> None:
        """What comes before a frame of END_TYPE_ID."""
        while True:
            frame = self.client.read_data()
            if frame.type_id != END_TYPE_ID:
                self.frames.append(frame)
            elif frame.payload == end:
                return

    def acknowledge(self) -> None:
        self.client.acknowledge(self.subscription_id, len(self.frames))

    def numbers(self) -> List[int]:
        return [int(frame.payload) for frame in self.frames]


class Groups(CarrierTests):
    def begin(self) -> None:
        self.start("limits { idle_timeout_ms: 600000 }")
        self.publisher = self.connect(self.broker, name="publisher")
        self.ends = 0

    def member(
        self,
        receive_buffer_bytes: int = 1 << 20,
        group: str = "workers",
        name: str = "member",
        **options: Any
    ) -> Member:
        client = WireClient(self.url, receive_buffer_bytes=receive_buffer_bytes)
        self.addCleanup(client.close)
        client.hello(name=name)
        client.subscribe(1, TYPE_ID, group=group, **options)
        client.subscribe(2, END_TYPE_ID)
        return Member(client)

    def publish(self, first: int, last: int) -> None:
        """One frame a turn of the broker's: whoever has least gets the next."""
        for number in range(first, last + 1):
            self.publisher.publish(TYPE_ID, b"%d" % number)
        self.publisher.flush()

    def take_all(self, *members: Member) -> List[int]:
        """The numbers that all have had by now, each member's in order."""
        self.ends += 1
        end = b"end %d" % self.ends
        self.publisher.publish(END_TYPE_ID, end)
        self.publisher.flush()
        numbers: List[int] = []
        for member in members:
            member.read_to_end(end)
            own = member.numbers()
            first_time = [int(f.payload) for f in member.frames if not f.redelivered]
            self.assertEqual(first_time, sorted(first_time))
            numbers += own
        return sorted(numbers)

    # --- Sharing -------------------------------------------------------------

    def test_each_frame_goes_to_one_member(self) -> None:
        self.begin()
        members = [self.member() for _ in range(3)]
        self.publish(1, 300)
        self.assertEqual(self.take_all(*members), list(range(1, 301)))
        for member in members:
            self.assertGreater(len(member.frames), 50)
            self.assertFalse(any(f.redelivered for f in member.frames))
        self.bystanders.assert_unharmed()

    def test_a_burst_is_shared_too(self) -> None:
        self.begin()
        members = [self.member() for _ in range(4)]
        self.publisher.send(
            b"".join(encode_publish(TYPE_ID, b"%d" % n) for n in range(4000))
        )
        self.publisher.flush()
        self.assertEqual(self.take_all(*members), list(range(4000)))
        for member in members:
            self.assertGreater(len(member.frames), 500)

    def test_groups_of_other_names_and_single_ones_get_it_all(self) -> None:
        self.begin()
        one, other = self.member(), self.member(group="auditors")
        single = self.session()
        single.subscribe(1, TYPE_ID)
        self.publish(1, 20)
        for member in (one, other):
            self.assertEqual(self.take_all(member), list(range(1, 21)))
        self.assertEqual(
            [int(single.read_data().payload) for _ in range(20)], list(range(1, 21))
        )

    def test_a_member_beside_a_single_subscription_of_its_session(self) -> None:
        self.begin()
        client = self.session()
        client.subscribe(1, TYPE_ID, group="workers")
        client.subscribe(2, TYPE_ID)
        self.publish(1, 3)
        got = [client.read_data() for _ in range(6)]
        for addressee in (1, 0):
            self.assertEqual(
                [int(f.payload) for f in got if f.addressee == addressee], [1, 2, 3]
            )

    def test_members_with_filters_get_what_they_take(self) -> None:
        self.begin()
        a, b = self.member(topic_filter="a"), self.member(topic_filter="b")
        for number in range(20):
            topic = b"a" if number % 2 else b"b"
            self.publisher.publish(TYPE_ID, b"%d" % number, topic)
        self.publisher.flush()
        self.take_all(a, b)
        self.assertEqual(a.numbers(), list(range(1, 20, 2)))
        self.assertEqual(b.numbers(), list(range(0, 20, 2)))

    def test_who_acknowledges_gets_more_than_who_does_not(self) -> None:
        self.begin()
        idle = self.member(queue_bytes_max=4096)
        busy = self.member()
        for number in range(500):
            self.publish(number, number)
            self.take_all(busy)
            busy.acknowledge()
        self.assertEqual(self.take_all(idle, busy), list(range(500)))
        self.assertGreater(len(busy.frames), len(idle.frames))

    # --- Leaving -------------------------------------------------------------

    def test_what_a_member_has_not_acknowledged_goes_to_the_others(self) -> None:
        self.begin()
        leaver, stayer = self.member(), self.member()
        self.publish(1, 100)
        self.assertEqual(self.take_all(leaver, stayer), list(range(1, 101)))
        done = leaver.frames[: len(leaver.frames) // 2]
        rest = leaver.numbers()[len(done) :]
        leaver.client.acknowledge(1, len(done))
        leaver.client.ping()
        leaver.client.close()
        again = stayer.read(len(rest))
        self.assertEqual([int(f.payload) for f in again], rest)
        self.assertTrue(all(f.redelivered for f in again))
        self.publish(101, 101)
        last = stayer.read(1)[0]
        self.assertEqual((int(last.payload), last.redelivered), (101, False))
        counters = self.publisher.status().counters
        self.assertEqual(counters.frames_redelivered, len(rest))
        self.assertEqual(counters.frames_dropped, 0)
        self.bystanders.assert_unharmed()

    def test_unsubscribing_hands_over_too(self) -> None:
        self.begin()
        leaver, stayer = self.member(), self.member()
        self.publish(1, 10)
        self.take_all(leaver, stayer)
        leaver.client.acknowledge(1, 1)
        leaver.client.unsubscribe(1)
        again = stayer.read(len(leaver.frames) - 1)
        self.assertEqual([int(f.payload) for f in again], leaver.numbers()[1:])
        leaver.client.ping()

    def test_a_member_that_acknowledged_all_leaves_nothing(self) -> None:
        self.begin()
        leaver, stayer = self.member(), self.member()
        self.publish(1, 10)
        self.take_all(leaver, stayer)
        leaver.acknowledge()
        leaver.client.unsubscribe(1)
        before = len(stayer.frames)
        self.take_all(stayer)
        self.assertEqual(len(stayer.frames), before)

    def test_what_the_last_member_leaves_is_counted_as_dropped(self) -> None:
        self.begin()
        only = self.member()
        self.publish(1, 10)
        only.read(10)
        only.client.acknowledge(1, 4)
        only.client.ping()
        only.client.close()
        wait_until(
            lambda: bool(self.publisher.status().counters.frames_dropped == 6),
            "they are counted",
        )
        # The group begins anew with whoever comes next.
        fresh = self.member()
        self.publish(11, 11)
        self.assertEqual([int(f.payload) for f in fresh.read(1)], [11])

    def test_frames_go_from_one_leaver_to_the_next(self) -> None:
        self.begin()
        members = [self.member() for _ in range(3)]
        self.publish(1, 30)
        self.take_all(*members)
        members[0].client.close()
        seen: Dict[int, int] = {}
        wait_until(
            lambda: self.redelivered() == len(members[0].frames),
            "the first has handed over",
        )
        self.take_all(*members[1:])
        members[1].client.close()
        members[2].read(30 - len(members[2].frames))
        for number in members[2].numbers():
            seen[number] = seen.get(number, 0) + 1
        self.assertEqual(seen, {number: 1 for number in range(1, 31)})

    # --- Standing still ------------------------------------------------------

    def read_up_to(self, reader: Member, total: int) -> None:
        """Until it has had each number; it acknowledges meanwhile."""
        seen = {frame.payload[:4] for frame in reader.frames}
        while len(seen) < total:
            seen.add(reader.read(1)[0].payload[:4])
            reader.acknowledge()

    def publish_large(self, total: int, first: int = 0) -> None:
        for number in range(first, first + total):
            payload = number.to_bytes(4, "little") + bytes(1 << 14)
            self.publisher.publish(TYPE_ID, payload)
        self.publisher.flush()

    def publish_until_some_wait_for(self, name: str) -> int:
        """More than the buffers of a connection hold, and not only a frame that
        has begun, which nobody else can have; how many they were."""
        total = 0
        while True:
            self.publish_large(100, total)
            total += 100
            for session in self.publisher.status().sessions:
                if session.name == name and session.queued_bytes > 1 << 16:
                    return total

    def redelivered(self) -> int:
        return int(self.publisher.status().counters.frames_redelivered)

    def await_redelivery(self, reader: Member) -> None:
        """It reads meanwhile: nothing goes to one that stands still as well."""

        def redelivered_meanwhile() -> int:
            reader.read(1)
            reader.acknowledge()
            return self.redelivered()

        wait_until(redelivered_meanwhile, "the other one has what waited")

    def test_what_waits_for_a_member_that_does_not_read_goes_to_others(self) -> None:
        self.begin()
        stalled = self.member(receive_buffer_bytes=4096, name="stalled")
        reader = self.member(queue_bytes_max=256 << 20)
        total = self.publish_until_some_wait_for("stalled")
        # Without the member's leaving: it has only not been read for a while.
        self.await_redelivery(reader)
        stalled.client.close()
        self.read_up_to(reader, total)
        self.assertEqual(self.publisher.status().counters.frames_dropped, 0)
        self.bystanders.assert_unharmed()

    def test_a_full_member_is_passed_over(self) -> None:
        self.begin()
        self.member(receive_buffer_bytes=4096, queue_bytes_max=64 << 10)
        reader = self.member(queue_bytes_max=64 << 20)
        self.publish_large(400)
        reader.read(350)

    def test_a_stopped_process_loses_its_share_to_the_others(self) -> None:
        self.begin()
        reader = self.member(queue_bytes_max=256 << 20)
        process = subprocess.Popen(
            [TOOL, "sub", "7", "--group", "workers", "--quiet", "--url", self.url],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        try:
            wait_until(
                lambda: any(
                    s.name == "mycelium sub" and s.subscriptions
                    for s in self.publisher.status().sessions
                ),
                "the tool is a member",
            )
            process.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, process.pid, os.WSTOPPED)
            total = self.publish_until_some_wait_for("mycelium sub")
            self.await_redelivery(reader)
            process.kill()
            process.wait(SECONDS)
            self.read_up_to(reader, total)
        finally:
            process.kill()
            process.wait(SECONDS)
        self.assertEqual(self.publisher.status().counters.frames_dropped, 0)

    def test_status_names_the_group(self) -> None:
        self.begin()
        self.member()
        session = next(
            s for s in self.publisher.status().sessions if s.name == "member"
        )
        self.assertEqual(session.subscriptions[0].group, "workers")


class UnixGroupsTest(Groups, MisbehaviourTestCase):
    pass


class TcpGroupsTest(Groups, MisbehaviourTestCase):
    carrier = "tcp"


if __name__ == "__main__":
    unittest.main()
