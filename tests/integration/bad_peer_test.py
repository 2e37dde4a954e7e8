"""Peers that speak well, too slowly, too often or not to the end: each is
ended with a reason, costs a bounded amount and harms nobody."""

import os
import random
import resource
import signal
import socket
import unittest
from typing import IO, Any, List, NoReturn, Sequence, Union

import proto.mycelium.control_pb2 as control_pb2
from tests.integration.broker_process import instrumented
from tests.integration.deadline import Deadline, wait_until
from tests.integration.misbehaviour import CarrierTests, MisbehaviourTestCase
from tests.integration.sequence_ledger import SequenceLedger
from tests.integration.wire_client import (
    HEADER,
    HELLO_MAGIC,
    Control,
    Data,
    WireClient,
    encode,
    encode_hello,
    encode_publish,
    encode_subscribe,
)

TYPE_ID = 77
CROWD = 1000
QUEUE_BYTES = 64 << 10
# kDescriptorsReserved in config/limits.h.
FILES_RESERVED = 32
# What all sessions together may add to the daemon in these tests.
MEMORY_SLACK_BYTES = (256 if instrumented() else 48) << 20


def allow_many_descriptors() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Crowds(CarrierTests):
    """Many connections of one kind at once."""

    def crowd(self, size: int, first_bytes: bytes = b"") -> List[WireClient]:
        clients = []
        for _ in range(size):
            client = self.silent()
            if first_bytes:
                client.send_what_is_taken(first_bytes)
            clients.append(client)
        return clients

    def assert_descriptors_fall_to(self, count: int) -> None:
        wait_until(
            lambda: self.broker.open_descriptors() <= count,
            "descriptors of ended sessions are closed",
        )

    def assert_all_time_out(self, clients: Sequence[WireClient]) -> None:
        for client in clients:
            self.await_close(
                client, control_pb2.CODE_HELLO_TIMEOUT, "^hello: none within"
            )
            client.close()
        lines = self.new_log_lines()
        self.assertGreaterEqual(len(lines), 1)
        self.assertLessEqual(len(lines), len(clients))

    def test_thousand_silent_connections_at_once_time_out(self) -> None:
        self.start("limits { hello_timeout_ms: 2000 }")
        descriptors = self.broker.open_descriptors()
        memory = self.broker.resident_bytes()
        clients = self.crowd(CROWD)
        self.bystanders.assert_unharmed()
        self.assertLess(self.broker.resident_bytes() - memory, MEMORY_SLACK_BYTES)
        self.assert_all_time_out(clients)
        self.assert_descriptors_fall_to(descriptors)

    def test_connections_that_leave_without_a_word_leave_nothing(self) -> None:
        self.start()
        descriptors = self.broker.open_descriptors()
        for _ in range(CROWD):
            WireClient(self.url).close()
        self.session().ping()
        self.bystanders.assert_unharmed()
        self.assert_descriptors_fall_to(descriptors + 1)

    def test_flood_of_partial_hellos_times_out(self) -> None:
        self.start("limits { hello_timeout_ms: 2000 hello_bytes_max: 65536 }")
        descriptors = self.broker.open_descriptors()
        memory = self.broker.resident_bytes()
        header = HEADER.pack(65536, 0, Control.HELLO, 0, HELLO_MAGIC)
        clients = []
        for size in (1, 15, 16, 17, 1000):
            clients += self.crowd(CROWD // 5, (header + b"\x22" * 999)[:size])
        self.bystanders.assert_unharmed()
        self.assertLess(self.broker.resident_bytes() - memory, MEMORY_SLACK_BYTES)
        self.assert_all_time_out(clients)
        self.assert_descriptors_fall_to(descriptors)

    def test_announced_bodies_cost_nothing_until_they_come(self) -> None:
        self.start()
        memory = self.broker.resident_bytes()
        start = encode_publish(TYPE_ID, bytes(1 << 20))[:1000]
        for _ in range(100):
            self.session().send(start)
        self.bystanders.assert_unharmed()
        self.assertLess(self.broker.resident_bytes() - memory, MEMORY_SLACK_BYTES)


class SlowPeers(CarrierTests):
    def flood(
        self, publisher: WireClient, count: int, payload: bytes = bytes(1008)
    ) -> None:
        batch = encode_publish(TYPE_ID, payload) * 64
        for _ in range(count // 64):
            publisher.send(batch)
        publisher.flush()

    def test_peer_that_never_reads_costs_its_queue_and_gets_exact_gaps(self) -> None:
        self.start("limits { idle_timeout_ms: 600000 }")
        slow = self.session("never-reads")
        slow.subscribe(1, TYPE_ID, queue_bytes_max=QUEUE_BYTES, stall_ms_max=0)
        publisher = self.session("publisher")
        self.flood(publisher, 1024)
        memory = self.broker.resident_bytes()
        count = 64 << 10
        self.flood(publisher, count)
        self.assertLess(self.broker.resident_bytes() - memory, MEMORY_SLACK_BYTES)
        status = publisher.status()
        waiting = next(s for s in status.sessions if s.name == "never-reads")
        self.assertLessEqual(waiting.subscriptions[0].queued_bytes, QUEUE_BYTES)
        self.bystanders.assert_unharmed()

        ledger = SequenceLedger(TYPE_ID, 1)
        while ledger.next <= 1024 + count:
            ledger.enter(slow.read_frame())
        self.assertEqual(ledger.delivered + ledger.missed, 1024 + count)
        self.assertGreater(ledger.missed, 0)
        dropped = publisher.status().counters.frames_dropped
        self.assertEqual(dropped, ledger.missed)
        # A slow reader is no wrongdoer: nothing is logged for it.
        self.assertEqual(self.new_log_lines(), [])

    def test_peer_that_never_reads_its_answers_is_closed(self) -> None:
        self.start()
        slow = self.session("never-reads")
        pings = encode(0, Control.PING) * 1024
        deadline = Deadline()
        slow.socket.settimeout(5)
        try:
            while True:
                deadline.left("the broker stops taking pings")
                slow.socket.sendall(pings)
        except (BrokenPipeError, ConnectionResetError, socket.timeout):
            pass
        self.bystanders.assert_unharmed()
        lines = wait_until(self.new_log_lines, "the log names the session")
        self.assertEqual(len(lines), 1, lines)
        self.assertIn("never-reads", lines[0])

    def test_killed_publisher_harms_nobody_in_the_middle_of_a_frame(self) -> None:
        self.broker = self.start_broker()
        url = self.url
        ready_reader, ready_writer = os.pipe()
        child = os.fork()
        if child == 0:
            self._publish_until_killed(url, ready_writer)
        os.close(ready_writer)
        self.addCleanup(os.close, ready_reader)
        self.start_bystanders()
        self.lines_before = len(self.broker.log_lines())
        subscriber = self.session("subscriber")
        subscriber.subscribe(1, TYPE_ID)
        self.assertEqual(os.read(ready_reader, 1), b"r")
        os.kill(child, signal.SIGUSR1)  # goes on to the frames
        self.assertEqual(os.read(ready_reader, 1), b"w")
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        for number in range(100):
            self.assertEqual(subscriber.read_data().payload, b"whole %d" % number)
        lines = wait_until(self.new_log_lines, "the log names the session")
        self.assertEqual(len(lines), 1, lines)
        self.assertIn("dies-within-a-frame", lines[0])
        self.session("successor").publish(TYPE_ID, b"after")
        self.assertEqual(subscriber.read_data().payload, b"after")

    @staticmethod
    def _publish_until_killed(url: str, ready: int) -> NoReturn:
        """The child's side: never returns."""
        try:
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
            client = WireClient(url)
            client.hello(name="dies-within-a-frame")
            os.write(ready, b"r")
            signal.sigwait({signal.SIGUSR1})
            for number in range(100):
                client.publish(TYPE_ID, b"whole %d" % number)
            client.flush()
            client.send(encode_publish(TYPE_ID, bytes(500_000))[:250_000])
            os.write(ready, b"w")
            signal.pause()
        finally:
            os._exit(1)


class Limits(CarrierTests):
    """More peers than there is room for."""

    accepted: List[WireClient]

    def refused(self) -> bool:
        """Whether one more session finds no room."""
        client = self.silent()
        client.send_what_is_taken(encode_hello("one-more"))
        frame = client.expect_frame("WELCOME or CLOSE")
        if frame.is_control(Control.WELCOME):
            self.accepted.append(client)
            return False
        self.assertTrue(frame.is_control(Control.CLOSE), frame)
        close = frame.body()
        self.assertEqual(close.code, control_pb2.CODE_TOO_MANY_SESSIONS)
        self.assertRegex(close.reason, "^sessions: ")
        self.assertIsNone(client.read_frame("end of stream"))
        client.close()
        return True

    def fill(self, most: int) -> None:
        """Connects until one is refused, which must come after `most`."""
        self.accepted = []
        while not self.refused():
            self.assertLessEqual(len(self.accepted), most)
        for _ in range(5):
            self.assertTrue(self.refused())
        for client in self.accepted:
            client.ping()
        lines = self.new_log_lines()
        self.assertGreaterEqual(len(lines), 1)
        self.assertLessEqual(len(lines), 6)

    def leave_and_return(self) -> None:
        left = self.accepted.pop()
        left.close()
        wait_until(lambda: not self.refused(), "there is room again")
        self.bystanders.assert_unharmed()

    def test_sessions_beyond_the_open_files_are_refused(self) -> None:
        self.start()
        room = FILES_RESERVED + 8
        self.broker.limit_descriptors(self.broker.open_descriptors() + room)
        self.fill(room)
        self.leave_and_return()

    def test_last_file_is_spared_to_say_so(self) -> None:
        self.start()
        self.accepted = []
        before = self.broker.open_descriptors()
        self.broker.limit_descriptors(before)
        for _ in range(50):
            self.assertTrue(self.refused())
        self.bystanders.assert_unharmed()
        self.assertLessEqual(self.broker.open_descriptors(), before)
        lines = self.new_log_lines()
        self.assertGreaterEqual(len(lines), 1)
        self.assertLessEqual(len(lines), 50)
        self.broker.limit_descriptors(1000)
        wait_until(lambda: not self.refused(), "there is room again")
        self.bystanders.assert_unharmed()

    def test_sessions_beyond_sessions_max_are_refused(self) -> None:
        self.start("limits { sessions_max: 10 }")
        self.fill(8)
        self.assertEqual(len(self.accepted), 8)
        self.leave_and_return()

    def test_sessions_beyond_those_of_one_peer_are_refused(self) -> None:
        self.start("limits { sessions_per_uid_max: 6 sessions_per_address_max: 6 }")
        self.fill(5)
        self.assertEqual(len(self.accepted), 5)
        self.leave_and_return()


class FullLog(CarrierTests):
    """The daemon goes on when nobody can take its log."""

    def serve_without_log(self, stderr: Union[int, IO[Any]]) -> None:
        self.broker = self.start_broker(stderr=stderr)
        path = self.broker.unix_path
        wait_until(lambda: os.path.exists(path), "the socket is there")
        self.broker.urls = ["unix:" + path]
        self.broker.urls = list(self.connect(self.broker).status().listeners)
        self.start_bystanders()
        for _ in range(200):
            client = self.session()
            client.send(encode(7, 9))
            self.await_close(client, control_pb2.CODE_PROTOCOL, "kind 9")
            client.close()
        self.bystanders.assert_unharmed()

    def test_full_disk_for_the_log_stops_nothing(self) -> None:
        with open("/dev/full", "w", encoding="utf-8") as full:
            self.serve_without_log(full)

    def test_log_that_nobody_reads_any_more_stops_nothing(self) -> None:
        reader, writer = os.pipe()
        os.close(reader)
        try:
            self.serve_without_log(writer)
        finally:
            os.close(writer)


class Fuzz(Crowds):
    SESSIONS = 300

    def test_random_bytes_harm_nobody(self) -> None:
        given = os.environ.get("MYCELIUM_FUZZ_SEED")
        seed = int(given) if given else random.randrange(1 << 32)
        print("%s: MYCELIUM_FUZZ_SEED=%d" % (self.id(), seed), flush=True)
        chance = random.Random(seed)
        self.start("limits { hello_timeout_ms: 500 }")
        descriptors = self.broker.open_descriptors()
        for _ in range(self.SESSIONS):
            client = self.silent()
            client.send_what_is_taken(self._stream(chance))
            if chance.random() < 0.3:
                client.socket.shutdown(socket.SHUT_WR)
                client.await_end()
            client.close()
        self.bystanders.assert_unharmed()
        self.assert_still_routes()
        self.assert_descriptors_fall_to(descriptors)

    def assert_still_routes(self) -> None:
        subscriber = self.session("after")
        subscriber.subscribe(1, TYPE_ID)
        publisher = self.session("after")
        publisher.publish(TYPE_ID, b"after the fuzz")
        self.assertEqual(subscriber.read_data().payload, b"after the fuzz")
        publisher.close()
        subscriber.close()

    def _stream(self, chance: random.Random) -> bytes:
        if chance.random() < 0.2:
            return chance.randbytes(chance.randrange(2000))
        stream = encode_hello("fuzz %d" % chance.randrange(10))
        for _ in range(chance.randrange(30)):
            stream += self._frame(chance)
        spoilt = bytearray(stream)
        for _ in range(chance.choice([0, 0, 1, 3])):
            spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
        return bytes(spoilt[: chance.randrange(1, len(spoilt) + 1)])

    def _frame(self, chance: random.Random) -> bytes:
        payload = chance.randbytes(chance.randrange(300))
        topic = chance.choice([b"", b"a.b", b"a.b.c", b"x", payload[:9]])
        choice = chance.randrange(4)
        if choice == 0:
            return encode_subscribe(
                chance.randrange(5),
                chance.choice([0, 1, 2, 70000]),
                topic_filter=chance.choice(["", "a.*", "a.>", ">", "x", ".."]),
                queue_bytes_max=chance.choice([0, 4096, 1 << 40]),
                stall_ms_max=chance.choice([None, 0, -1, 50]),
                request_id=chance.getrandbits(64),
            )
        if choice == 1:
            control = chance.choice(list(Control))
            return encode(0, control, payload[:40], frame_id=chance.getrandbits(64))
        kind = chance.choice([Data.PUBLISH] * 5 + list(Data))
        return encode(
            chance.choice([1, 2, 65535]),
            kind,
            payload,
            topic,
            chance.getrandbits(16),
        )


class Peers(SlowPeers, Limits, FullLog, Fuzz):
    pass


class UnixPeersTest(Peers, MisbehaviourTestCase):
    pass


class TcpPeersTest(Peers, MisbehaviourTestCase):
    carrier = "tcp"


if __name__ == "__main__":
    allow_many_descriptors()
    unittest.main()
