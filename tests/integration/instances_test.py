"""A client that comes back on another connection: what it has published is
accepted once, whatever way the connection was cut."""

import os
import random
import subprocess
import sys
import unittest
from typing import List, Optional, Set

import proto.mycelium.control_pb2 as control_pb2
from tests.integration.deadline import SECONDS, wait_until
from tests.integration.misbehaviour import CarrierTests, MisbehaviourTestCase
from tests.integration.wire_client import (
    Control,
    WireClient,
    encode_control,
    encode_hello,
    encode_publish,
)

TYPE_ID = 7
ANOTHER_UID = 65533
# Says HELLO on the Unix socket argv[1] with the bytes argv[2], as whoever runs
# it, and prints what comes back.
STRANGER = """
import socket, sys
connection = socket.socket(socket.AF_UNIX)
connection.connect(sys.argv[1])
connection.sendall(bytes.fromhex(sys.argv[2]))
connection.shutdown(socket.SHUT_WR)
said = b""
while True:
    piece = connection.recv(65536)
    if not piece:
        break
    said += piece
print(said.hex())
"""


class Instances(CarrierTests):
    def setUp(self) -> None:
        super().setUp()
        self.instance_id = os.urandom(16)

    def instance(
        self, instance_id: Optional[bytes] = None, source: Optional[str] = None
    ) -> WireClient:
        """A connection after WELCOME."""
        client = WireClient(self.url, source=source)
        self.addCleanup(client.close)
        client.hello(name="instance", instance_id=instance_id or self.instance_id)
        return client

    def subscriber(self) -> WireClient:
        client = self.connect(self.broker, name="subscriber")
        client.subscribe(1, TYPE_ID)
        return client

    def publish(self, client: WireClient, *ids: int) -> None:
        self.say(
            client,
            b"".join(encode_publish(TYPE_ID, b"%d" % i, b"t", i) for i in ids),
        )

    def assert_gets(self, subscriber: WireClient, *ids: int) -> None:
        got = [int(subscriber.read_data().payload) for _ in ids]
        self.assertEqual(got, list(ids))

    def wait_until_away(self, count: int) -> None:
        observer = self.connect(self.broker)
        wait_until(
            lambda: bool(observer.status().instances_away == count),
            "%d are away" % count,
        )
        observer.close()

    # --- ACK -----------------------------------------------------------------

    def test_counted_frames_are_acknowledged_without_being_asked_for(self) -> None:
        self.start()
        client = self.instance()
        self.publish(client, 1, 2, 5)
        client.await_ack(5)
        self.publish(client, 6)
        client.await_ack(6)
        self.assertEqual(client.frames_there(), [])

    def test_flushed_comes_behind_what_it_stands_for(self) -> None:
        self.start()
        client = self.instance()
        subscriber = self.subscriber()
        self.publish(client, *range(1, 101))
        client.flush()
        self.assert_gets(subscriber, *range(1, 101))

    def test_frames_that_are_not_counted_are_not_acknowledged(self) -> None:
        self.start()
        client = self.instance()
        client.publish(TYPE_ID, b"not counted")
        self.publish(client, 3)
        client.publish(TYPE_ID, b"not counted either")
        client.await_ack(3)
        client.flush()
        self.assertEqual(client.frames_there(), [])

    def test_a_session_without_an_instance_gets_no_ack(self) -> None:
        self.start()
        plain = self.session()
        self.assertFalse(plain.welcome.resumed)
        self.publish(plain, 1, 2, 3)
        plain.flush()
        # What another one is told meanwhile, this one would have been, too.
        other = self.instance()
        self.publish(other, 1)
        other.await_ack(1)
        plain.ping()
        self.assertEqual(plain.frames_there(), [])

    # --- Coming back ---------------------------------------------------------

    def test_what_was_accepted_is_not_accepted_again(self) -> None:
        self.start()
        subscriber = self.subscriber()
        first = self.instance()
        self.assertFalse(first.welcome.resumed)
        self.publish(first, 1, 2, 3, 4, 5)
        first.flush()
        first.close()
        again = self.instance()
        self.assertTrue(again.welcome.resumed)
        self.assertEqual(again.welcome.last_publish_id, 5)
        self.publish(again, 3, 4, 5, 6, 7)
        again.flush()
        self.assert_gets(subscriber, 1, 2, 3, 4, 5, 6, 7)
        self.assertEqual(again.status().counters.frames_duplicate, 3)
        self.assertEqual(subscriber.frames_there(), [])
        self.bystanders.assert_unharmed()

    def test_ids_must_rise_behind_what_was_sent_again(self) -> None:
        self.start()
        first = self.instance()
        self.publish(first, 5)
        first.flush()
        first.close()
        again = self.instance()
        self.publish(again, 4, 3, 6, 6)
        close = again.await_close()
        self.assertEqual(close.code, control_pb2.CODE_PROTOCOL)
        self.assertEqual(
            close.reason, "publish: id 6 after 6, allowed 0 or a greater one"
        )

    def test_half_a_frame_is_not_accepted(self) -> None:
        self.start()
        subscriber = self.subscriber()
        frame = encode_publish(TYPE_ID, b"4", b"t", 4)
        for cut in range(1, len(frame)):
            with self.subTest(cut=cut):
                instance_id = os.urandom(16)
                first = self.instance(instance_id)
                self.publish(first, 1, 2, 3)
                first.flush()
                first.send(frame[:cut])
                first.close()
                again = self.instance(instance_id)
                self.assertTrue(again.welcome.resumed)
                self.assertEqual(again.welcome.last_publish_id, 3)
                again.send(frame)
                again.flush()
                self.assert_gets(subscriber, 1, 2, 3, 4)
                again.close()
        self.bystanders.assert_unharmed()

    def test_half_a_frame_that_was_read_is_not_accepted(self) -> None:
        """The broker has seen the end of the connection before the next one."""
        self.start()
        subscriber = self.subscriber()
        first = self.instance()
        self.publish(first, 1)
        first.flush()
        first.send(encode_publish(TYPE_ID, b"2", b"t", 2)[:-1])
        first.close()
        self.wait_until_away(1)
        again = self.instance()
        self.assertTrue(again.welcome.resumed)
        self.assertEqual(again.welcome.last_publish_id, 1)
        self.publish(again, 1, 2)
        again.flush()
        self.assert_gets(subscriber, 1, 2)

    def test_any_number_of_cuts_anywhere_neither_loses_nor_doubles(self) -> None:
        self.start()
        seed = random.randrange(1 << 32)
        print("seed", seed)
        rng = random.Random(seed)
        subscriber = self.subscriber()
        total, accepted = 400, 0
        frames = [encode_publish(TYPE_ID, b"%d" % i, b"t", i) for i in range(1, 401)]
        while accepted < total:
            client = self.instance()
            accepted = client.welcome.last_publish_id
            # With frames before that, as one who has missed the last ACKs.
            rest = b"".join(frames[max(0, accepted - rng.randrange(5)) :])
            cut = min(len(rest), rng.randrange(1, 2000))
            self.say(client, rest[:cut])
            if cut == len(rest):
                client.flush()
                accepted = total
            client.close()
        self.assert_gets(subscriber, *range(1, total + 1))
        self.bystanders.assert_unharmed()

    def test_ids_and_acks_go_on_after_several_connections(self) -> None:
        self.start()
        for connection in range(4):
            client = self.instance()
            self.assertEqual(client.welcome.resumed, connection > 0)
            self.assertEqual(client.welcome.last_publish_id, 2 * connection)
            self.publish(client, 2 * connection + 1, 2 * connection + 2)
            client.await_ack(2 * connection + 2)
            client.close()
        observer = self.connect(self.broker)
        self.assertEqual(observer.status().counters.resumed, 3)

    def test_a_client_that_says_goodbye_is_forgotten(self) -> None:
        self.start()
        first = self.instance()
        self.publish(first, 9)
        first.flush()
        first.send(encode_control(Control.CLOSE, control_pb2.Close(code=1)))
        first.await_end()
        again = self.instance()
        self.assertFalse(again.welcome.resumed)
        self.assertEqual(again.welcome.last_publish_id, 0)
        self.publish(again, 1)
        again.await_ack(1)

    # --- Take-over -----------------------------------------------------------

    def test_a_second_connection_takes_over_from_the_first(self) -> None:
        self.start()
        subscriber = self.subscriber()
        first = self.instance()
        first.subscribe(1, 8)
        self.publish(first, 1, 2)
        first.flush()
        second = self.instance()
        self.assertTrue(second.welcome.resumed)
        self.assertEqual(second.welcome.last_publish_id, 2)
        close = first.await_close()
        self.assertEqual(close.code, control_pb2.CODE_TAKEN_OVER)
        self.assertEqual(
            close.reason,
            "session: instance connected again as session %d"
            % second.welcome.session_id,
        )
        self.publish(second, 2, 3)
        second.flush()
        self.assert_gets(subscriber, 1, 2, 3)
        self.bystanders.assert_unharmed()

    def test_what_the_former_connection_sends_is_not_taken(self) -> None:
        self.start()
        subscriber = self.subscriber()
        first = self.instance()
        second = self.instance()
        self.publish(first, 1, 2, 3)
        first.await_end()
        self.publish(second, 1)
        second.flush()
        self.assert_gets(subscriber, 1)
        self.assertEqual(subscriber.frames_there(), [])

    # --- Being forgotten -----------------------------------------------------

    def test_an_instance_is_forgotten_after_its_window(self) -> None:
        self.start("limits { resume_window_ms: 100 }")
        first = self.instance()
        self.assertEqual(first.welcome.limits.resume_window_ms, 100)
        self.publish(first, 5)
        first.flush()
        observer = self.connect(self.broker)
        first.close()
        wait_until(
            lambda: {s.name for s in observer.status().sessions} == self.others()
            and not observer.status().instances_away,
            "it is forgotten",
        )
        again = self.instance()
        self.assertFalse(again.welcome.resumed)
        self.publish(again, 1)
        again.await_ack(1)

    @staticmethod
    def others() -> Set[str]:
        return {"", "bystander-publisher", "bystander-subscriber"}

    def test_with_a_window_of_0_nothing_is_resumed(self) -> None:
        self.start("limits { resume_window_ms: 0 }")
        first = self.instance()
        self.publish(first, 5)
        first.await_ack(5)
        first.close()
        observer = self.connect(self.broker)
        wait_until(
            lambda: {s.name for s in observer.status().sessions} == self.others(),
            "it has left",
        )
        again = self.instance()
        self.assertFalse(again.welcome.resumed)
        self.assertEqual(again.welcome.last_publish_id, 0)

    def test_the_first_that_left_is_forgotten_first(self) -> None:
        self.start("limits { resume_instances_max: 2 }")
        ids = [os.urandom(16) for _ in range(3)]
        for number, instance_id in enumerate(ids):
            client = self.instance(instance_id)
            self.publish(client, number + 1)
            client.flush()
            client.close()
            self.wait_until_away(min(number + 1, 2))
        for number, instance_id in enumerate(ids):
            client = self.instance(instance_id)
            self.assertEqual(client.welcome.resumed, number > 0, number)

    def test_a_broker_that_was_restarted_knows_nobody(self) -> None:
        self.start()
        first = self.instance()
        self.publish(first, 5)
        first.flush()
        epoch = first.welcome.epoch
        first.close()
        self.start()
        again = self.instance()
        self.assertNotEqual(again.welcome.epoch, epoch)
        self.assertFalse(again.welcome.resumed)
        self.publish(again, 1)
        again.await_ack(1)

    def test_the_limits_are_told(self) -> None:
        self.start(
            "limits { resume_window_ms: 1234 reconnect_ms_min: 7"
            " reconnect_ms_max: 99 requests_per_session_max: 5 }"
        )
        limits = self.instance().welcome.limits
        self.assertEqual(limits.resume_window_ms, 1234)
        self.assertEqual(limits.reconnect_ms_min, 7)
        self.assertEqual(limits.reconnect_ms_max, 99)
        self.assertEqual(limits.requests_max, 5)


class UnixInstancesTest(Instances, MisbehaviourTestCase):
    def stranger(self, instance_id: bytes) -> List[bytes]:
        """The strings in what another user gets for HELLO."""
        os.chmod(self.broker.directory, 0o711)
        os.chmod(self.broker.unix_path, 0o666)
        hello = encode_hello("stranger", instance_id=instance_id)
        try:
            done = subprocess.run(
                [sys.executable, "-c", STRANGER, self.broker.unix_path, hello.hex()],
                user=ANOTHER_UID,
                capture_output=True,
                timeout=SECONDS,
                check=False,
            )
        except OSError as error:
            self.skipTest("no second user here: %s" % error)
        if done.returncode:
            self.skipTest("no second user here: %s" % done.stderr.decode())
        return [bytes.fromhex(done.stdout.decode())]

    def test_an_instance_belongs_to_its_user(self) -> None:
        self.start()
        first = self.instance()
        self.publish(first, 5)
        first.flush()
        said = self.stranger(self.instance_id)[0]
        reason = b"hello: instance_id belongs to uid %d, not to uid %d" % (
            os.getuid(),
            ANOTHER_UID,
        )
        self.assertIn(reason, said)
        first.ping()
        self.bystanders.assert_unharmed()

    def test_an_instance_of_a_user_is_not_one_of_an_address(self) -> None:
        self.start()
        first = self.instance()
        stranger = self.connect_silent(self.broker.tcp_url)
        stranger.send(encode_hello("stranger", instance_id=self.instance_id))
        close = stranger.await_close()
        self.assertEqual(close.code, control_pb2.CODE_DENIED)
        self.assertEqual(
            close.reason,
            "hello: instance_id belongs to uid %d, not to address 127.0.0.1"
            % os.getuid(),
        )
        first.ping()


class TcpInstancesTest(Instances, MisbehaviourTestCase):
    carrier = "tcp"

    def test_an_instance_belongs_to_its_address(self) -> None:
        self.start()
        first = self.instance()
        self.publish(first, 5)
        first.flush()
        for is_away in (False, True):
            stranger = WireClient(self.url, source="127.0.0.2")
            self.addCleanup(stranger.close)
            stranger.send(encode_hello("stranger", instance_id=self.instance_id))
            close = stranger.await_close()
            self.assertEqual(close.code, control_pb2.CODE_DENIED)
            self.assertEqual(
                close.reason,
                "hello: instance_id belongs to address 127.0.0.1,"
                " not to address 127.0.0.2",
            )
            if not is_away:
                first.ping()
                first.close()
                self.wait_until_away(1)
        again = self.instance()
        self.assertTrue(again.welcome.resumed)
        self.assertEqual(again.welcome.last_publish_id, 5)
        self.bystanders.assert_unharmed()


class UnixByteByByteInstancesTest(Instances, MisbehaviourTestCase):
    piece_bytes = 1


if __name__ == "__main__":
    unittest.main()
