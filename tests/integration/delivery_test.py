"""What the broker promises to programs that keep to the protocol."""

import threading
import unittest
from typing import Iterable, List, Sequence, Tuple

import proto.mycelium.control_pb2 as control_pb2
from tests.integration.broker_process import BrokerTestCase
from tests.integration.deadline import wait_until
from tests.integration.wire_client import (
    Control,
    Data,
    WireClient,
    encode_control,
    encode_hello,
    encode_publish,
    encode_subscribe,
)

FRAME_BYTES_MAX = 1 << 20
BLOCK_BYTES = 256 << 10
END = b"end"


class DeliveryTestCase(BrokerTestCase):
    def publish_all(
        self, publisher: WireClient, frames: Iterable[Tuple[int, bytes, bytes]]
    ) -> None:
        for type_id, topic, payload in frames:
            publisher.publish(type_id, payload, topic)

    def payloads_up_to_end(self, subscriber: WireClient) -> List[bytes]:
        payloads: List[bytes] = []
        while True:
            frame = subscriber.read_data()
            if frame.payload == END:
                return payloads
            payloads.append(frame.payload)


class RoutingTest(DeliveryTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.broker = self.start_broker()
        self.publisher = self.connect(self.broker, name="publisher")
        self.subscriber = self.connect(
            self.broker, self.broker.tcp_url, name="subscriber"
        )

    def test_subscription_gets_its_type_and_no_other(self) -> None:
        self.subscriber.subscribe(1, 7)
        self.publish_all(
            self.publisher,
            [(7, b"", b"one"), (8, b"", b"other"), (7, b"t", b"two")],
        )
        self.publisher.publish(7, END)
        self.assertEqual(self.payloads_up_to_end(self.subscriber), [b"one", b"two"])

    def test_frame_arrives_as_it_was_sent_but_for_its_count(self) -> None:
        self.subscriber.subscribe(1, 7)
        payload = bytes(range(256)) * 3
        self.publisher.publish(7, payload, "ünïcödé.topic".encode())
        self.publisher.publish(7, b"second")
        frame = self.subscriber.read_data()
        self.assertEqual(frame[:4], (7, Data.PUBLISH, 1, "ünïcödé.topic".encode()))
        self.assertEqual(frame.payload, payload)
        self.assertEqual(self.subscriber.read_data().id, 2)

    def test_counts_are_the_types_own(self) -> None:
        self.subscriber.subscribe(1)
        for type_id in (7, 8, 7, 65535, 8):
            self.publisher.publish(type_id)
        self.assertEqual(
            [self.subscriber.read_data()[:3:2] for _ in range(5)],
            [(7, 1), (8, 1), (7, 2), (65535, 1), (8, 2)],
        )

    def test_subscription_to_all_gets_every_type(self) -> None:
        self.subscriber.subscribe(1, 0)
        self.publish_all(
            self.publisher,
            [(1, b"", b"a"), (7, b"x.y", b"b"), (65535, b"", b"c")],
        )
        self.publisher.publish(7, END)
        self.assertEqual(self.payloads_up_to_end(self.subscriber), [b"a", b"b", b"c"])

    def assert_filter_takes(
        self, topic_filter: str, taken: Sequence[str], others: Sequence[str]
    ) -> None:
        client = self.connect(self.broker)
        client.subscribe(1, 7, topic_filter=topic_filter)
        client.subscribe(2, 8)
        for topic in [*taken, *others]:
            self.publisher.publish(7, topic.encode(), topic.encode())
        self.publisher.publish(8, END)
        self.assertEqual(self.payloads_up_to_end(client), [t.encode() for t in taken])

    def test_exact_topic_takes_that_topic(self) -> None:
        self.assert_filter_takes(
            "a.b", ["a.b"], ["a", "a.b.c", "a.c", "A.b", "b.a", ""]
        )

    def test_star_takes_one_token(self) -> None:
        self.assert_filter_takes(
            "a.*.c", ["a.b.c", "a.x.c"], ["a.c", "a.b.b.c", "b.b.c", ""]
        )

    def test_last_arrow_takes_the_rest(self) -> None:
        self.assert_filter_takes("a.>", ["a.b", "a.b.c.d.e"], ["a", "b.a", "ab.c", ""])

    def test_lone_arrow_takes_every_topic_but_none(self) -> None:
        self.assert_filter_takes(">", ["a", "a.b.c"], [""])

    def test_lone_star_takes_one_token(self) -> None:
        self.assert_filter_takes("*", ["a", "b"], ["a.b", ""])

    def test_topics_of_255_bytes_are_routed(self) -> None:
        topic = ("é" * 127 + "x").encode()
        self.subscriber.subscribe(1, 7, topic_filter=topic.decode())
        self.publisher.publish(7, b"long", topic)
        self.assertEqual(self.subscriber.read_data().topic, topic)

    def test_frames_without_a_topic_arrive_behind_those_with_one(self) -> None:
        self.subscriber.subscribe(1, 7)
        other = self.connect(self.broker)
        other.subscribe(1, 7, topic_filter="a.b")
        self.publisher.publish(7, b"first", b"a.b")
        self.publisher.publish(7, b"second")
        self.publisher.publish(7, b"third", b"a.c")
        self.publisher.publish(7, END)
        self.assertEqual(
            self.payloads_up_to_end(self.subscriber),
            [b"first", b"second", b"third"],
        )

    def test_overlapping_subscriptions_get_a_frame_once(self) -> None:
        self.subscriber.subscribe(1, 7)
        self.subscriber.subscribe(2, 7, topic_filter="a.*")
        self.subscriber.subscribe(3, 7, topic_filter="a.b")
        self.subscriber.subscribe(4, 0)
        self.subscriber.subscribe(5, 0, topic_filter=">")
        for topic in (b"a.b", b"a.c", b"x", b""):
            self.publisher.publish(7, b"at " + topic, topic)
        self.publisher.publish(7, END)
        self.assertEqual(
            self.payloads_up_to_end(self.subscriber),
            [b"at a.b", b"at a.c", b"at x", b"at "],
        )

    def test_publisher_that_subscribes_gets_its_own_frames(self) -> None:
        self.publisher.subscribe(1, 7)
        self.publisher.publish(7, b"to myself")
        self.assertEqual(self.publisher.read_data().payload, b"to myself")

    def test_unsubscribed_route_is_dead_and_others_live_on(self) -> None:
        self.subscriber.subscribe(1, 7)
        self.subscriber.subscribe(2, 8)
        other = self.connect(self.broker)
        other.subscribe(1, 7)
        self.publisher.publish(7, b"before")
        self.publisher.flush()
        self.subscriber.unsubscribe(1)
        self.publisher.publish(7, b"after")
        self.publisher.publish(8, END)
        self.assertEqual(self.payloads_up_to_end(self.subscriber), [b"before"])
        self.assertEqual(other.read_data().payload, b"before")
        self.assertEqual(other.read_data().payload, b"after")

    def test_nothing_of_a_subscription_follows_its_unsubscribed(self) -> None:
        self.subscriber.subscribe(1, 7)
        for number in range(1000):
            self.publisher.publish(7, b"%d" % number)
        self.publisher.flush()
        self.subscriber.unsubscribe(1)
        # What came before UNSUBSCRIBED waits; nothing may come behind it.
        before = [f for f in self.subscriber.pending if f.type_id == 7]
        self.assertEqual(len(before), 1000)
        self.publisher.publish(7, b"late")
        self.publisher.flush()
        self.subscriber.pending.clear()
        self.subscriber.ping()
        self.assertEqual(self.subscriber.pending, [])

    def test_subscription_id_is_free_after_unsubscribing(self) -> None:
        self.subscriber.subscribe(1, 7)
        self.subscriber.unsubscribe(1)
        self.subscriber.subscribe(1, 8)
        self.publisher.publish(7, b"old route")
        self.publisher.publish(8, b"new route")
        self.assertEqual(self.subscriber.read_data().payload, b"new route")

    def test_subscribed_means_live(self) -> None:
        for number in range(1, 201):
            self.subscriber.subscribe(number, number)
            self.publisher.publish(number, b"%d" % number)
            self.assertEqual(self.subscriber.read_data().payload, b"%d" % number)

    def test_every_session_gets_the_frame_over_its_carrier(self) -> None:
        urls = [self.broker.unix_url, self.broker.tcp_url] * 8
        subscribers = [self.connect(self.broker, url) for url in urls]
        for client in subscribers:
            client.subscribe(1, 7, topic_filter="all.of.you")
        for publisher in (self.publisher, self.subscriber):
            for number in range(50):
                publisher.publish(7, b"%d" % number, b"all.of.you")
            for client in subscribers:
                self.assertEqual(
                    [client.read_data().payload for _ in range(50)],
                    [b"%d" % number for number in range(50)],
                )

    def test_flushed_means_that_the_frames_are_routed(self) -> None:
        self.subscriber.subscribe(1, 7)
        for number in range(500):
            self.publisher.publish(7, b"x")
        self.publisher.flush()
        counters = self.subscriber.status().counters
        self.assertEqual(counters.frames_in, 500)

    def test_flush_and_ping_are_paired_by_id(self) -> None:
        for kind, answer in (
            (Control.FLUSH, Control.FLUSHED),
            (Control.PING, Control.PONG),
        ):
            ids = [1, 0, 2**64 - 1, 77]
            for frame_id in ids:
                self.publisher.send(encode_control(kind, frame_id=frame_id))
            answers = [self.publisher.await_control(answer) for _ in ids]
            self.assertEqual([frame.id for frame in answers], ids)
            self.assertEqual([frame.payload for frame in answers], [b""] * 4)

    def test_close_of_a_client_is_answered_with_the_end(self) -> None:
        close = control_pb2.Close(code=control_pb2.CODE_GOING_AWAY, reason="done")
        self.publisher.publish(7, b"unheard")
        self.publisher.send(encode_control(Control.CLOSE, close))
        self.publisher.end_sending()
        self.publisher.await_end()
        wait_until(
            lambda: len(self.subscriber.status().sessions) == 1,
            "the session is gone from the status",
        )

    def test_frames_before_a_close_are_delivered(self) -> None:
        self.subscriber.subscribe(1, 7)
        frames = encode_publish(7, b"last words") * 100
        close = encode_control(
            Control.CLOSE, control_pb2.Close(code=control_pb2.CODE_GOING_AWAY)
        )
        self.publisher.send(frames + close)
        self.publisher.close()
        for _ in range(100):
            self.assertEqual(self.subscriber.read_data().payload, b"last words")

    def test_welcomes_differ_in_session_and_agree_in_epoch(self) -> None:
        first, second = self.publisher.welcome, self.subscriber.welcome
        self.assertNotEqual(first.session_id, second.session_id)
        self.assertEqual(first.epoch, second.epoch)
        self.assertNotEqual(first.epoch, 0)
        self.assertEqual((first.version_major, first.version_minor), (1, 0))
        self.assertTrue(first.broker_version)
        another = self.connect(self.start_broker())
        self.assertNotEqual(another.welcome.epoch, first.epoch)

    def test_newer_minor_version_and_unknown_features_are_welcome(self) -> None:
        client = self.connect(self.broker, minor=99, features=2**63)
        self.assertEqual(client.welcome.version_minor, 0)
        self.assertEqual(client.welcome.features & 2**63, 0)


class SizesTest(DeliveryTestCase):
    def start(self) -> None:
        self.broker = self.start_broker()
        self.subscribers: List[WireClient] = []
        for url in (self.broker.unix_url, self.broker.tcp_url):
            client = self.connect(self.broker, url)
            client.subscribe(1, 7, queue_bytes_max=64 << 20)
            self.subscribers.append(client)

    def assert_pass(
        self, publisher: WireClient, payloads: Sequence[bytes], topic: bytes = b""
    ) -> None:
        for payload in payloads:
            publisher.publish(7, payload, topic)
        for client in self.subscribers:
            for payload in payloads:
                frame = client.read_data()
                self.assertEqual(len(frame.payload), len(payload))
                self.assertTrue(frame.payload == payload, "payload differs")

    def payload(self, size: int) -> bytes:
        unit = b"%d bytes. " % size
        return (unit * (size // len(unit) + 1))[:size]

    def test_empty_frames_pass(self) -> None:
        self.start()
        for url in (self.broker.unix_url, self.broker.tcp_url):
            self.assert_pass(self.connect(self.broker, url), [b""] * 100)

    def test_frames_around_a_block_pass(self) -> None:
        self.start()
        sizes = [
            base + difference
            for base in (BLOCK_BYTES // 2, BLOCK_BYTES, 2 * BLOCK_BYTES)
            for difference in (-17, -16, -15, -1, 0, 1, 16)
        ]
        payloads = []
        for size in sizes:
            payloads += [b"small before", self.payload(size), b"", b"after"]
        for url in (self.broker.unix_url, self.broker.tcp_url):
            self.assert_pass(self.connect(self.broker, url), payloads)

    def test_frames_of_exactly_frame_bytes_max_pass(self) -> None:
        self.start()
        for url in (self.broker.unix_url, self.broker.tcp_url):
            publisher = self.connect(self.broker, url)
            self.assert_pass(publisher, [self.payload(FRAME_BYTES_MAX)] * 3)
            topic = b"with.a.topic"
            rest = FRAME_BYTES_MAX - len(topic)
            self.assert_pass(publisher, [self.payload(rest)] * 3, topic)

    def test_frames_of_the_least_frame_bytes_max_pass(self) -> None:
        self.broker = self.start_broker("limits { frame_bytes_max: 1024 }")
        client = self.connect(self.broker)
        client.subscribe(1, 7)
        client.publish(7, self.payload(1024))
        self.assertEqual(client.read_data().payload, self.payload(1024))

    def test_frames_of_two_publishers_in_pieces_do_not_mix(self) -> None:
        self.start()
        first = self.connect(self.broker)
        second = self.connect(self.broker, self.broker.tcp_url)
        frames = [encode_publish(7, self.payload(size)) for size in (70_000, 300_000)]
        half = len(frames[0]) // 2
        first.send(frames[0][:half])
        first_half_there = self.connect(self.broker)
        first_half_there.ping()
        second.send(frames[1])
        for client in self.subscribers:
            self.assertEqual(len(client.read_data().payload), 300_000)
        first.send(frames[0][half:])
        for client in self.subscribers:
            self.assertTrue(client.read_data().payload == self.payload(70_000))

    def test_session_of_single_bytes_is_a_session(self) -> None:
        self.start()
        for url in (self.broker.unix_url, self.broker.tcp_url):
            client = WireClient(url)
            self.addCleanup(client.close)
            stream = (
                encode_hello("byte by byte")
                + encode_subscribe(1, 9, topic_filter="a.*", request_id=5)
                + encode_publish(9, b"payload", b"a.b")
                + encode_control(Control.FLUSH, frame_id=6)
            )
            for byte in stream:
                client.send(bytes([byte]))
            client.await_control(Control.WELCOME)
            client.await_control(Control.SUBSCRIBED, 5)
            client.await_control(Control.FLUSHED, 6)
            frame = client.read_data()
            self.assertEqual((frame.topic, frame.payload), (b"a.b", b"payload"))

    def test_session_in_one_piece_is_a_session(self) -> None:
        self.start()
        client = WireClient(self.broker.tcp_url)
        self.addCleanup(client.close)
        client.send(
            encode_hello("all at once")
            + encode_subscribe(1, 9, request_id=5)
            + encode_publish(9, b"payload") * 100
            + encode_control(Control.FLUSH, frame_id=6)
        )
        client.await_control(Control.FLUSHED, 6)
        client.await_control(Control.SUBSCRIBED, 5)
        client.await_control(Control.WELCOME)
        for _ in range(100):
            self.assertEqual(client.read_data().payload, b"payload")


class LimitsTest(DeliveryTestCase):
    def test_welcome_tells_the_limits_of_the_configuration(self) -> None:
        broker = self.start_broker(
            """
            name: "hall-3"
            limits {
              frame_bytes_max: 70000
              subscriptions_per_session_max: 12
              queue_bytes_max: 100000
              queue_bytes_max_ceiling: 200000
              idle_timeout_ms: 12345
            }"""
        )
        welcome = self.connect(broker).welcome
        self.assertEqual(welcome.broker_name, "hall-3")
        self.assertEqual(welcome.limits.frame_bytes_max, 70000)
        self.assertEqual(welcome.limits.subscriptions_max, 12)
        self.assertEqual(welcome.limits.queue_bytes_max, 200000)
        self.assertEqual(welcome.limits.idle_timeout_ms, 12345)
        self.assertEqual(welcome.limits.publish_bytes_max, 1 << 20)

    def test_silent_session_is_pinged_and_then_closed(self) -> None:
        broker = self.start_broker("limits { idle_timeout_ms: 400 }")
        for url in (broker.unix_url, broker.tcp_url):
            client = WireClient(url, answer_pings=False)
            self.addCleanup(client.close)
            client.hello(name="asleep")
            frame = client.expect_frame("PING")
            self.assertTrue(frame.is_control(Control.PING), frame)
            close = client.await_close()
            self.assertEqual(close.code, control_pb2.CODE_IDLE_TIMEOUT)
            self.assertRegex(close.reason, "400")
        lines = broker.wait_for_log("asleep", 2)
        self.assertIn("400", lines[0])

    def test_session_that_answers_pings_stays(self) -> None:
        broker = self.start_broker("limits { idle_timeout_ms: 1000 }")
        client = WireClient(broker.unix_url, answer_pings=False)
        self.addCleanup(client.close)
        client.hello()
        for _ in range(6):  # three times the timeout
            ping = client.await_control(Control.PING)
            client.send(encode_control(Control.PONG, frame_id=ping.id))
        client.ping()

    def test_session_that_only_publishes_is_not_silent(self) -> None:
        broker = self.start_broker("limits { idle_timeout_ms: 2000 }")
        publisher = WireClient(broker.unix_url, answer_pings=False)
        self.addCleanup(publisher.close)
        publisher.hello()
        stop = threading.Event()
        for _ in range(30):
            publisher.publish(7)
            stop.wait(0.1)
        publisher.flush()
        self.assertEqual(publisher.pending, [])

    def test_ended_session_leaves_the_status(self) -> None:
        broker = self.start_broker()
        observer = self.connect(broker, name="observer")
        other = self.connect(broker, name="other")
        other.subscribe(1, 7)
        other.close()
        wait_until(
            lambda: len(observer.status().sessions) == 1,
            "the session is gone from the status",
        )
        observer.publish(7, b"to nobody")
        observer.flush()


if __name__ == "__main__":
    unittest.main()
