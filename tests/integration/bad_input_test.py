"""Bytes that the protocol does not have: each closes its own session, with a
code and a reason, one line in the log, and no harm to anybody else."""

import unittest

import proto.mycelium.control_pb2 as control_pb2
from tests.integration.misbehaviour import CarrierTests, MisbehaviourTestCase
from tests.integration.wire_client import (
    HEADER,
    HELLO_MAGIC,
    REDELIVERED,
    Control,
    Data,
    WireClient,
    encode,
    encode_ack,
    encode_control,
    encode_error_reply,
    encode_hello,
    encode_publish,
    encode_reply,
    encode_request,
    encode_subscribe,
)

TLS_CLIENT_HELLO = bytes.fromhex(
    "16030100c8010000c40303"
    + "5a" * 32
    + "20"
    + "a5" * 32
    + "003e130213031301c02cc030009fcca9cca8ccaac02bc02f009ec024c028"
)
HTTP_GET = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
# A field of type 2 (length-delimited) whose bytes are not there.
MALFORMED_BODY = b"\x0a\xff"
NOT_UTF8_NAME = b"\x22\x02\xc3\x28"


class BeforeWelcome(CarrierTests):
    """What may go wrong with the first bytes of a connection."""

    def test_garbage_is_refused(self) -> None:
        self.start()
        client = self.silent()
        self.say(client, bytes(range(255, 191, -1)))
        self.assert_closed(client, control_pb2.CODE_PROTOCOL, "HELLO")

    def test_zeros_are_refused(self) -> None:
        self.start()
        client = self.silent()
        self.say(client, bytes(HEADER.size))
        self.assert_closed(client, control_pb2.CODE_PROTOCOL, "HELLO|kind 0")

    def test_http_request_is_refused(self) -> None:
        self.start()
        client = self.silent()
        self.say(client, HTTP_GET)
        self.assert_closed(client, control_pb2.CODE_PROTOCOL, "HELLO")

    def test_tls_client_hello_is_refused(self) -> None:
        self.start()
        client = self.silent()
        self.say(client, TLS_CLIENT_HELLO)
        self.assert_closed(client, control_pb2.CODE_PROTOCOL, "HELLO")

    def test_hello_without_its_magic_is_refused(self) -> None:
        self.start()
        client = self.silent()
        hello = control_pb2.Hello(version_major=1)
        self.say(client, encode_control(Control.HELLO, hello, HELLO_MAGIC + 1))
        self.assert_closed(client, control_pb2.CODE_PROTOCOL, "HELLO")

    def test_silence_is_closed_in_time(self) -> None:
        self.start("limits { hello_timeout_ms: 100 }")
        client = self.silent()
        self.assert_closed(client, control_pb2.CODE_HELLO_TIMEOUT, "100")

    def test_half_a_hello_is_closed_in_time(self) -> None:
        self.start("limits { hello_timeout_ms: 100 }")
        client = self.silent()
        self.say(client, encode_hello("half")[:-3])
        self.assert_closed(client, control_pb2.CODE_HELLO_TIMEOUT, "100")

    def test_other_major_version_is_refused(self) -> None:
        self.start()
        client = self.silent()
        self.say(client, encode_hello(major=2, minor=5))
        self.assert_closed(client, control_pb2.CODE_VERSION, "2.*1")

    def test_absent_version_is_refused(self) -> None:
        self.start()
        client = self.silent()
        self.say(client, encode_hello(major=0))
        self.assert_closed(client, control_pb2.CODE_VERSION, "0.*1")

    def test_hello_over_hello_bytes_max_is_refused_by_its_header(self) -> None:
        self.start("limits { hello_bytes_max: 512 }")
        client = self.silent()
        self.say(client, HEADER.pack(513, 0, Control.HELLO, 0, HELLO_MAGIC))
        self.assert_closed(client, control_pb2.CODE_FRAME_TOO_LARGE, "513.*512")

    def test_hello_with_a_malformed_body_is_refused(self) -> None:
        self.start()
        client = self.silent()
        self.say(
            client,
            encode(0, Control.HELLO, MALFORMED_BODY, frame_id=HELLO_MAGIC),
        )
        self.assert_closed(client, control_pb2.CODE_PROTOCOL, "HELLO")

    def test_hello_with_a_name_that_is_not_utf8_is_refused(self) -> None:
        self.start()
        client = self.silent()
        body = b"\x08\x01" + NOT_UTF8_NAME
        self.say(client, encode(0, Control.HELLO, body, frame_id=HELLO_MAGIC))
        self.assert_closed(client, control_pb2.CODE_PROTOCOL, "HELLO")

    def test_hello_with_a_name_that_is_too_long_is_refused(self) -> None:
        self.start()
        client = self.silent()
        self.say(client, encode_hello("n" * 129))
        self.assert_closed(client, control_pb2.CODE_INVALID_ARGUMENT, "name.*129.*128")

    def test_log_shows_a_name_on_one_line(self) -> None:
        self.start()
        client = self.silent()
        self.say(client, encode_hello("a\nb\x1b[31m\x00c"))
        self.say(client, encode(0, 99))
        client.await_close()
        lines = self.new_log_lines()
        self.assertEqual(len(lines), 1, lines)
        self.assertNotRegex(lines[0], "[\x00-\x1f]")

    def test_publish_before_hello_is_refused(self) -> None:
        self.start()
        client = self.silent()
        self.say(client, encode_publish(7, b"early"))
        self.assert_closed(client, control_pb2.CODE_PROTOCOL, "HELLO")

    def test_subscribe_before_hello_is_refused(self) -> None:
        self.start()
        client = self.silent()
        self.say(client, encode_subscribe(1, 7))
        self.assert_closed(client, control_pb2.CODE_PROTOCOL, "HELLO")

    def test_hello_that_ends_within_is_closed(self) -> None:
        self.start()
        client = self.silent()
        self.say(client, encode_hello("cut off")[:-1])
        client.end_sending()
        self.assert_closed(client, control_pb2.CODE_PROTOCOL, "end|cut|within")


class AfterWelcome(CarrierTests):
    """What may go wrong in a session that began well."""

    def refuse(self, data: bytes, code: int, reason: str) -> None:
        client = self.session()
        self.say(client, data)
        self.assert_closed(client, code, reason)

    def test_body_over_the_limit_is_refused_without_memory_for_it(self) -> None:
        self.start()
        before = self.broker.peak_address_bytes()
        self.refuse(
            HEADER.pack(0xFFFFFFFF, 7, Data.PUBLISH, 0, 0),
            control_pb2.CODE_FRAME_TOO_LARGE,
            "^frame: body_bytes 4294967295, frame_bytes_max 1048576$",
        )
        grown = self.broker.peak_address_bytes() - before
        self.assertLess(grown, 256 << 20)

    def test_body_one_over_the_limit_is_refused(self) -> None:
        self.start("limits { frame_bytes_max: 1024 }")
        self.refuse(
            HEADER.pack(1025, 7, Data.PUBLISH, 0, 0),
            control_pb2.CODE_FRAME_TOO_LARGE,
            "^frame: body_bytes 1025, frame_bytes_max 1024$",
        )

    def test_control_body_over_the_limit_is_refused(self) -> None:
        self.start()
        self.refuse(
            HEADER.pack(0x7FFFFFFF, 0, Control.SUBSCRIBE, 0, 1),
            control_pb2.CODE_FRAME_TOO_LARGE,
            "^frame: body_bytes 2147483647, frame_bytes_max 1048576$",
        )

    def test_topic_longer_than_the_body_is_refused(self) -> None:
        self.start()
        self.refuse(
            HEADER.pack(5, 7, Data.PUBLISH, 6, 0) + b"topic",
            control_pb2.CODE_PROTOCOL,
            "^frame: topic_bytes 6, body_bytes 5$",
        )

    def test_topic_that_is_not_utf8_is_refused(self) -> None:
        self.start()
        self.refuse(
            encode_publish(7, b"payload", b"a.\xc3\x28"),
            control_pb2.CODE_PROTOCOL,
            "^frame: topic of 4 bytes, allowed UTF-8",
        )

    def test_topic_with_a_nul_is_refused(self) -> None:
        self.start()
        self.refuse(
            encode_publish(7, b"payload", b"a\x00b"),
            control_pb2.CODE_PROTOCOL,
            "^frame: topic of 3 bytes",
        )

    def test_topic_with_a_wildcard_is_refused(self) -> None:
        self.start()
        self.refuse(
            encode_publish(7, b"payload", b"a.*"),
            control_pb2.CODE_PROTOCOL,
            "^frame: topic of 3 bytes",
        )

    def test_topic_with_an_empty_token_is_refused(self) -> None:
        self.start()
        self.refuse(
            encode_publish(7, b"payload", b"a..b"),
            control_pb2.CODE_PROTOCOL,
            "^frame: topic of 4 bytes",
        )

    def test_unknown_data_kind_is_refused(self) -> None:
        self.start()
        self.refuse(
            encode(7, 5, b"payload"),
            control_pb2.CODE_PROTOCOL,
            "^frame: kind 5 of type 7, allowed 1 to 4$",
        )

    def test_data_kind_zero_is_refused(self) -> None:
        self.start()
        self.refuse(
            encode(7, 0, b"payload"),
            control_pb2.CODE_PROTOCOL,
            "^frame: kind 0 of type 7, allowed 1 to 4$",
        )

    def test_unknown_control_kind_is_refused(self) -> None:
        self.start()
        self.refuse(
            encode(0, 200),
            control_pb2.CODE_PROTOCOL,
            "^frame: kind 200 of type 0, allowed 1 to 19$",
        )

    def test_control_frame_with_a_topic_is_refused(self) -> None:
        self.start()
        self.refuse(
            encode(0, Control.PING, b"", b"topic"),
            control_pb2.CODE_PROTOCOL,
            "^frame: topic_bytes 5 in a control frame, allowed 0$",
        )

    def test_control_frames_of_the_other_direction_are_refused(self) -> None:
        self.start()
        for kind in (
            Control.WELCOME,
            Control.SUBSCRIBED,
            Control.UNSUBSCRIBED,
            Control.GAP,
            Control.HOLD,
            Control.RELEASE,
            Control.FLUSHED,
            Control.SCHEMA,  # only when it was asked for
            Control.ADDRESSEE,
        ):
            with self.subTest(kind=kind.name):
                self.lines_before = len(self.broker.log_lines())
                self.refuse(
                    encode(0, kind),
                    control_pb2.CODE_PROTOCOL,
                    "^protocol: %s, not from a client" % kind.name,
                )

    def test_second_hello_is_refused(self) -> None:
        self.start()
        self.refuse(encode_hello("again"), control_pb2.CODE_PROTOCOL, "HELLO")

    def test_malformed_control_bodies_are_refused(self) -> None:
        self.start()
        for kind in (
            Control.SUBSCRIBE,
            Control.UNSUBSCRIBE,
            Control.ADMIN,
            Control.ACK,
        ):
            with self.subTest(kind=kind.name):
                self.lines_before = len(self.broker.log_lines())
                self.refuse(
                    encode(0, kind, MALFORMED_BODY),
                    control_pb2.CODE_PROTOCOL,
                    kind.name,
                )

    def test_frames_that_are_delivered_again_come_from_a_broker_only(self) -> None:
        self.start()
        self.refuse(
            encode(7, Data.PUBLISH | REDELIVERED, b"payload"),
            control_pb2.CODE_PROTOCOL,
            "^protocol: PUBLISH, not from a client to a broker$",
        )

    def test_only_publish_may_be_delivered_again(self) -> None:
        self.start()
        self.refuse(
            encode(7, Data.REQUEST | REDELIVERED, b"payload"),
            control_pb2.CODE_PROTOCOL,
            "^frame: kind 66 of type 7, allowed 1 to 4$",
        )

    def test_reply_to_what_was_never_asked_is_refused(self) -> None:
        self.start()
        for reply in (
            encode_reply(9 << 32 | 5, 7, b"forged"),
            encode_error_reply(9 << 32 | 5, 7, 3, "forged"),
        ):
            self.lines_before = len(self.broker.log_lines())
            self.refuse(
                reply,
                control_pb2.CODE_PROTOCOL,
                "^reply: request 5 of session 9 was not asked of this session$",
            )

    def test_request_with_the_number_of_another_is_refused(self) -> None:
        self.start()
        self.refuse(
            encode_subscribe(1, 7, responder=True)
            + encode_request(5, 7)
            + encode_request(5, 7),
            control_pb2.CODE_PROTOCOL,
            "^request: id 5.*, allowed a new one",
        )

    def test_ack_for_frames_to_come_is_refused(self) -> None:
        self.start()
        self.refuse(
            encode_subscribe(3, 7, group="workers") + encode_ack(3, 1),
            control_pb2.CODE_PROTOCOL,
            "^ack: subscription 3 has been sent 0 frames, 1 acknowledged$",
        )

    def test_ack_for_more_than_was_sent_is_refused(self) -> None:
        self.start()
        client = self.session()
        client.subscribe(3, 7, group="workers")
        publisher = self.connect(self.broker)
        for _ in range(10):
            publisher.publish(7)
            client.read_data()
        client.acknowledge(3, 10)
        client.ping()
        self.say(client, encode_ack(3, 12))
        self.assert_closed(
            client,
            control_pb2.CODE_PROTOCOL,
            "^ack: subscription 3 has been sent 10 frames, 12 acknowledged$",
        )

    def test_ack_for_what_is_in_no_group_is_refused(self) -> None:
        self.start()
        for before in (b"", encode_subscribe(3, 7)):
            self.lines_before = len(self.broker.log_lines())
            self.refuse(
                before + encode_ack(3, 0),
                control_pb2.CODE_PROTOCOL,
                "^ack: subscription_id 3, allowed a member of a group$",
            )

    def test_instance_of_somebody_else_is_refused(self) -> None:
        self.start()
        instance_id = bytes(range(16))
        owner = WireClient(self.broker.tcp_url, source="127.0.0.2")
        self.addCleanup(owner.close)
        owner.hello(instance_id=instance_id)
        client = self.silent()
        self.say(client, encode_hello("thief", instance_id=instance_id))
        self.assert_closed(
            client,
            control_pb2.CODE_DENIED,
            "^hello: instance_id belongs to address 127.0.0.2, not to (uid|address) ",
        )
        owner.ping()

    def test_subscription_id_in_use_is_refused(self) -> None:
        self.start()
        self.refuse(
            encode_subscribe(3, 7) + encode_subscribe(3, 8),
            control_pb2.CODE_PROTOCOL,
            "^subscribe: subscription_id 3",
        )

    def test_subscription_id_0_is_refused(self) -> None:
        self.start()
        self.refuse(
            encode_subscribe(0, 7),
            control_pb2.CODE_PROTOCOL,
            "^subscribe: subscription_id 0",
        )

    def test_unsubscribing_what_is_not_there_is_refused(self) -> None:
        self.start()
        body = control_pb2.Unsubscribe(subscription_id=12)
        self.refuse(
            encode_control(Control.UNSUBSCRIBE, body),
            control_pb2.CODE_PROTOCOL,
            "^unsubscribe: subscription_id 12",
        )

    def test_truncated_frame_before_the_end_is_reported(self) -> None:
        self.start()
        client = self.session()
        self.say(client, encode_publish(7, b"p" * 100)[:50])
        client.end_sending()
        self.assert_closed(client, control_pb2.CODE_PROTOCOL, "end|cut|within")

    def test_truncated_header_before_the_end_is_reported(self) -> None:
        self.start()
        client = self.session()
        self.say(client, encode_publish(7, b"payload")[:15])
        client.end_sending()
        self.assert_closed(client, control_pb2.CODE_PROTOCOL, "end|cut|within")

    def test_decreasing_publish_ids_are_refused(self) -> None:
        self.start()
        self.refuse(
            encode_publish(7, b"", frame_id=5) + encode_publish(7, b"", frame_id=4),
            control_pb2.CODE_PROTOCOL,
            "4.*5",
        )

    def test_what_came_before_the_bad_frame_is_delivered(self) -> None:
        self.start()
        subscriber = self.connect(self.broker)
        subscriber.subscribe(1, 7)
        self.refuse(
            encode_publish(7, b"good") + encode(7, 9) + encode_publish(7),
            control_pb2.CODE_PROTOCOL,
            "kind 9",
        )
        self.assertEqual(subscriber.read_data().payload, b"good")
        self.connect(self.broker).publish(7, b"next")
        self.assertEqual(subscriber.read_data().payload, b"next")


class UnixBeforeWelcomeTest(BeforeWelcome, MisbehaviourTestCase):
    pass


class TcpBeforeWelcomeTest(BeforeWelcome, MisbehaviourTestCase):
    carrier = "tcp"


class UnixAfterWelcomeTest(AfterWelcome, MisbehaviourTestCase):
    pass


class TcpAfterWelcomeTest(AfterWelcome, MisbehaviourTestCase):
    carrier = "tcp"


class UnixByteByByteBeforeWelcomeTest(BeforeWelcome, MisbehaviourTestCase):
    piece_bytes = 1


class TcpByteByByteAfterWelcomeTest(AfterWelcome, MisbehaviourTestCase):
    carrier = "tcp"
    piece_bytes = 1


if __name__ == "__main__":
    unittest.main()
