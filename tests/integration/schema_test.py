"""Schemas are checked at connect: who is asked, who gets in, who is refused
with which words, and what the broker then knows."""

import unittest
from typing import List

import proto.mycelium.admin_pb2 as admin_pb2
import proto.mycelium.control_pb2 as control_pb2
from tests.integration.broker_process import instrumented
from tests.integration.deadline import wait_until
from tests.integration.descriptor_sets import (
    INT32,
    INT64,
    Field,
    FieldType,
    descriptor_set,
    digest_text,
    message,
    schema_digest,
)
from tests.integration.misbehaviour import CarrierTests, MisbehaviourTestCase
from tests.integration.wire_client import (
    HEADER,
    Control,
    WireClient,
    encode,
    encode_hello,
    encode_publish,
    encode_schema,
)

SCHEMA = control_pb2.CODE_SCHEMA
PROTOCOL = control_pb2.CODE_PROTOCOL
SENDER = Field(1, "sender")
CHAT = descriptor_set(
    "chat", message("TextMessage", 1, [SENDER, Field(3, "timestamp", INT64)])
)
CHAT_WITH_CONTENT = descriptor_set(
    "chat",
    message(
        "TextMessage", 1, [SENDER, Field(2, "content"), Field(3, "timestamp", INT64)]
    ),
)
CHAT_WITH_TEXT_TIMESTAMP = descriptor_set(
    "chat", message("TextMessage", 1, [SENDER, Field(3, "timestamp")])
)
STATUS = descriptor_set("status", message("Beat", 9, [Field(1, "count", INT32)]))
OPEN = "schema { open: true }\n"
# What all sessions together may add to the daemon in these tests.
MEMORY_SLACK_BYTES = (256 if instrumented() else 48) << 20


class SchemaTests(CarrierTests):
    """What tests of typed clients share."""

    def typed(self, files: bytes, name: str = "typed") -> WireClient:
        """A session whose schema is known by now."""
        client = self.silent()
        client.hello_with_schema(files, name)
        self.lines_before = len(self.broker.log_lines())
        return client

    def asked(self, digest: bytes) -> WireClient:
        """A connection that has been asked for its schema."""
        client = self.silent()
        answer = client.name_schema(digest)
        self.assertTrue(answer.is_control(Control.SCHEMA), answer)
        self.lines_before = len(self.broker.log_lines())
        return client

    def refuse(self, files: bytes, reason: str, code: int = SCHEMA) -> None:
        self.refuse_as(schema_digest(files), files, reason, code)

    def refuse_as(
        self, digest: bytes, files: bytes, reason: str, code: int = SCHEMA
    ) -> None:
        client = self.asked(digest)
        self.say(client, encode_schema(files))
        self.assert_closed(client, code, reason)

    def known_schemas(self) -> int:
        observer = self.session("observer")
        known = int(observer.status().schemas)
        observer.close()
        return known


class Learning(SchemaTests):
    def test_unknown_schema_is_asked_for_once(self) -> None:
        self.start(OPEN)
        clients = [self.silent() for _ in range(3)]
        asked = [client.hello_with_schema(CHAT) for client in clients]
        self.assertEqual(asked, [True, False, False])
        lines = self.new_log_lines()
        self.assertEqual(len(lines), 1, lines)
        self.assertIn(digest_text(schema_digest(CHAT)), lines[0])
        self.assertIn("1 message types", lines[0])

    def test_schema_that_two_are_asked_for_is_known_once(self) -> None:
        self.start(OPEN)
        clients = [self.asked(schema_digest(CHAT)) for _ in range(2)]
        for client in clients:
            self.say(client, encode_schema(CHAT))
        for client in clients:
            client.await_control(Control.WELCOME)
        self.assertEqual(self.known_schemas(), 1)
        self.assertEqual(len(self.new_log_lines()), 1)

    def test_versions_that_go_together_talk(self) -> None:
        self.start(OPEN)
        old, new = self.typed(CHAT, "old"), self.typed(CHAT_WITH_CONTENT, "new")
        for client in (old, new):
            client.subscribe(1, 1)
        old.publish(1, b"from the old")
        new.publish(1, b"from the new")
        for client in (old, new):
            payloads = {client.read_data().payload for _ in range(2)}
            self.assertEqual(payloads, {b"from the old", b"from the new"})

    def test_raw_clients_talk_with_typed_ones(self) -> None:
        self.start(OPEN)
        typed, raw = self.typed(CHAT), self.session("raw")
        typed.subscribe(1, 1)
        raw.publish(1, b"raw")
        self.assertEqual(typed.read_data().payload, b"raw")

    def test_field_of_another_type_is_refused_by_its_name(self) -> None:
        self.start(OPEN)
        self.typed(CHAT)
        self.refuse(
            CHAT_WITH_TEXT_TIMESTAMP,
            r"^schema: chat\.TextMessage\.timestamp is string here, int64 at the "
            r"broker \(field 3, FIELD_WIRE_COMPATIBLE_TYPE\)$",
        )
        self.typed(CHAT_WITH_CONTENT).ping()

    def test_each_offence_has_a_line(self) -> None:
        self.start(OPEN)
        fields = [Field(number, "f%d" % number) for number in range(1, 31)]
        self.typed(descriptor_set("wide", message("Wide", 5, fields)))
        changed = [field._replace(type=INT64) for field in fields]
        files = descriptor_set("wide", message("Wide", 5, changed))
        client = self.asked(schema_digest(files))
        self.say(client, encode_schema(files))
        close = self.await_close(client, SCHEMA, "^schema: ")
        lines = close.reason.split("\n")
        self.assertEqual(len(lines), 21)
        for number, line in enumerate(lines[:20], 1):
            self.assertRegex(line, r"^schema: wide\.Wide\.f%d is int64" % number)
        self.assertEqual(lines[20], "schema: and 10 more")
        self.assert_logged_once(close.reason.replace("\n", "; "))

    def test_schema_is_forgotten_with_its_last_session(self) -> None:
        self.start(OPEN)
        first, second = self.typed(CHAT), self.typed(CHAT)
        first.send(encode(0, Control.CLOSE))
        first.await_end()
        self.refuse(CHAT_WITH_TEXT_TIMESTAMP, "timestamp")
        second.close()  # without a word
        wait_until(lambda: self.known_schemas() == 0, "it is forgotten")
        self.assertTrue(self.silent().hello_with_schema(CHAT_WITH_TEXT_TIMESTAMP))

    def test_refused_schema_is_not_known(self) -> None:
        self.start(OPEN)
        self.typed(CHAT)
        for _ in range(2):
            self.refuse(CHAT_WITH_TEXT_TIMESTAMP, "timestamp")
        self.assertEqual(self.known_schemas(), 1)


class BadSchemas(SchemaTests):
    """Whatever comes instead of a schema ends its own session."""

    def test_descriptor_set_with_another_digest_is_refused(self) -> None:
        self.start(OPEN)
        self.refuse_as(
            schema_digest(CHAT),
            STATUS,
            "^schema: the descriptor set has the digest %s, HELLO named %s$"
            % (digest_text(schema_digest(STATUS)), digest_text(schema_digest(CHAT))),
        )

    def test_bad_descriptor_sets_are_refused(self) -> None:
        self.start(OPEN)
        nested = message("Deep")
        for _ in range(100):
            outer = message("Deep")
            outer.nested_type.append(nested)
            nested = outer
        # Each name is in order, but they add up.
        named = message("A" * 400)
        named.nested_type.append(message("B" * 399))
        dangling = Field(1, "x", FieldType.TYPE_MESSAGE, ".bad.Absent")
        twice = [Field(1, "a"), Field(1, "b")]
        for files, reason in (
            (b"garbage", "7 bytes that are not a google.protobuf.FileDescriptorSet"),
            (CHAT[:-1], "not a google.protobuf.FileDescriptorSet"),
            (b"\x0b" * 1000, "not a google.protobuf.FileDescriptorSet"),
            (descriptor_set("bad", message("Bad", 2, [dangling])), "lacks"),
            (descriptor_set("bad", message("A", 2), message("B", 2)), "type_id 2"),
            (descriptor_set("bad", message("A"), message("A")), "defined twice"),
            (descriptor_set("bad", message("Bad", 2, twice)), "field 1 twice"),
            (descriptor_set("bad", message("Bad", 65536)), "type_id of 65536"),
            (descriptor_set("bad", nested), "nested deeper than 32"),
            (descriptor_set("bad", message("B" * 600)), "a name of 600 bytes"),
            (descriptor_set("bad", named), "a full name of 804 bytes"),
        ):
            with self.subTest(reason):
                self.refuse_as(bytes(32), files, "^schema: .*" + reason)
        self.assertEqual(self.known_schemas(), 0)

    def test_body_that_is_none_is_refused(self) -> None:
        self.start(OPEN)
        client = self.asked(bytes(32))
        self.say(client, encode(0, Control.SCHEMA, b"\x12\x05ab"))
        self.assert_closed(client, PROTOCOL, "^SCHEMA: body of 4 bytes is not a Schema")

    def test_schema_over_its_limit_is_refused_by_its_header(self) -> None:
        self.start(OPEN + "limits { schema_bytes_max: 1024 }")
        client = self.asked(bytes(32))
        self.say(client, HEADER.pack(1065, 0, Control.SCHEMA, 0, 0))
        self.assert_closed(
            client,
            control_pb2.CODE_FRAME_TOO_LARGE,
            "^frame: body_bytes 1065, frame_bytes_max 1064$",
        )

    def test_announced_schemas_cost_nothing_until_they_come(self) -> None:
        self.start(OPEN)
        memory = self.broker.resident_bytes()
        header = HEADER.pack(1 << 20, 0, Control.SCHEMA, 0, 0)
        clients = [self.asked(bytes(32)) for _ in range(100)]
        for client in clients:
            client.send(header + bytes(1000))
        self.bystanders.assert_unharmed()
        self.assertLess(self.broker.resident_bytes() - memory, MEMORY_SLACK_BYTES)

    def test_schema_that_does_not_come_is_closed_in_time(self) -> None:
        self.start(OPEN + "limits { hello_timeout_ms: 300 }")
        for part in (b"", encode_schema(CHAT)[:-1]):
            client = self.asked(schema_digest(CHAT))
            self.say(client, part)
            self.assert_closed(
                client,
                control_pb2.CODE_HELLO_TIMEOUT,
                "^schema: none within 300 ms$",
            )

    def test_schema_that_ends_within_is_closed(self) -> None:
        self.start(OPEN)
        client = self.asked(schema_digest(CHAT))
        self.say(client, encode_schema(CHAT)[:-1])
        client.end_sending()
        self.assert_closed(client, PROTOCOL, "^frame: the connection ended within it$")

    def test_other_frames_instead_of_the_schema_are_refused(self) -> None:
        self.start(OPEN)
        for frame, name in (
            (encode_hello("again"), "HELLO"),
            (encode_publish(7, b"early"), "PUBLISH"),
            (encode(0, Control.SUBSCRIBE), "SUBSCRIBE"),
            (encode(0, Control.PING), "PING"),
            (encode(0, Control.ADMIN), "ADMIN"),
        ):
            with self.subTest(name):
                client = self.asked(bytes(32))
                self.say(client, frame)
                self.assert_closed(
                    client,
                    PROTOCOL,
                    "^protocol: %s, allowed SCHEMA or CLOSE before WELCOME$" % name,
                )

    def test_frames_behind_hello_wait_only_for_a_known_schema(self) -> None:
        self.start(OPEN)
        hasty = encode_hello(schema_digest=schema_digest(CHAT)) + encode_publish(7)
        client = self.silent()
        self.say(client, hasty)
        self.assert_closed(client, PROTOCOL, "^protocol: PUBLISH, allowed SCHEMA")
        subscriber = self.typed(CHAT)
        subscriber.subscribe(1, 7)
        self.say(self.silent(), hasty)
        self.assertEqual(subscriber.read_data().type_id, 7)

    def test_close_instead_of_the_schema_is_an_orderly_end(self) -> None:
        self.start(OPEN)
        client = self.asked(bytes(32))
        self.say(client, encode(0, Control.CLOSE))
        client.await_end()
        self.assertEqual(self.new_log_lines(), [])

    def test_second_schema_is_refused(self) -> None:
        self.start(OPEN)
        client = self.typed(CHAT)
        self.say(client, encode_schema(CHAT))
        self.assert_closed(client, PROTOCOL, "^protocol: SCHEMA, not from a client")


class Bounds(SchemaTests):
    def test_schemas_are_bounded_in_count(self) -> None:
        self.start(OPEN + "limits { schemas_max: 2 }")
        self.typed(CHAT)
        second = self.typed(STATUS)
        self.refuse(CHAT_WITH_CONTENT, "^schema: 2 schemas are known, schemas_max 2$")
        self.typed(CHAT).ping()
        second.close()
        wait_until(lambda: self.known_schemas() == 1, "there is room again")
        self.typed(CHAT_WITH_CONTENT).ping()

    def test_schemas_are_bounded_in_bytes(self) -> None:
        self.start(OPEN + "limits { schema_bytes_max: 1024 schemas_bytes_max: 1024 }")
        fields = [Field(number, "field_%d" % number) for number in range(1, 52)]
        wide = descriptor_set("wide", message("Wide", 5, fields))
        self.assertLessEqual(len(wide), 1024)
        self.assertGreater(len(wide) + len(CHAT), 1024)
        self.typed(wide)
        self.refuse(
            CHAT,
            "^schema: %d bytes of schemas are known, %d more, schemas_bytes_max 1024$"
            % (len(wide), len(CHAT)),
        )


class Told(SchemaTests):
    """What ADMIN tells."""

    def test_known_schemas_are_listed(self) -> None:
        self.start(OPEN)
        chat, status = self.typed(CHAT, "chat"), self.typed(STATUS, "status")
        self.typed(STATUS)
        told = chat.ask(schema_list=admin_pb2.SchemaListRequest()).schema_list
        self.assertFalse(told.more)
        first, second = told.schemas
        self.assertEqual(first.schema_digest, schema_digest(CHAT))
        self.assertEqual(second.schema_digest, schema_digest(STATUS))
        self.assertEqual((first.sessions, second.sessions), (1, 2))
        self.assertEqual(first.descriptor_set_bytes, len(CHAT))
        self.assertEqual(first.types_total, 1)
        self.assertEqual(
            (first.types[0].type_id, first.types[0].name), (1, "chat.TextMessage")
        )
        later = admin_pb2.SchemaListRequest(after_number=first.number)
        told = chat.ask(schema_list=later).schema_list
        self.assertEqual([s.number for s in told.schemas], [second.number])

        answer = status.status()
        self.assertEqual(answer.schemas, 2)
        self.assertEqual(answer.schemas_bytes, len(CHAT) + len(STATUS))
        digests = {s.name: s.schema_digest for s in answer.sessions}
        self.assertEqual(digests["chat"], schema_digest(CHAT))
        self.assertEqual(digests["bystander-publisher"], b"")

    def test_descriptor_set_is_told_in_pieces(self) -> None:
        self.start(OPEN)
        fields = [Field(number, "field_%d" % number) for number in range(1, 9001)]
        files = descriptor_set("wide", message("Wide", 5, fields))
        self.assertGreater(len(files), 128 << 10)
        client = self.typed(files)
        pieces: List[bytes] = []
        while not pieces or pieces[-1]:
            request = admin_pb2.DescriptorSetRequest(
                schema_digest=schema_digest(files), offset=sum(map(len, pieces))
            )
            told = client.ask(descriptor_set=request).descriptor_set
            self.assertEqual(told.total_bytes, len(files))
            self.assertLessEqual(len(told.piece), 64 << 10)
            pieces.append(told.piece)
        self.assertEqual(b"".join(pieces), files)

    def test_what_cannot_be_told_is_an_error(self) -> None:
        self.start(OPEN)
        client = self.typed(CHAT)
        beyond = admin_pb2.DescriptorSetRequest(
            schema_digest=schema_digest(CHAT), offset=len(CHAT) + 1
        )
        self.assertRegex(client.ask(descriptor_set=beyond).error, "^admin: offset")
        unknown = admin_pb2.DescriptorSetRequest(schema_digest=bytes(32))
        self.assertRegex(client.ask(descriptor_set=unknown).error, "is not known$")
        client.ping()


class UnixLearningTest(Learning, MisbehaviourTestCase):
    pass


class TcpLearningTest(Learning, MisbehaviourTestCase):
    carrier = "tcp"


class UnixBadSchemasTest(BadSchemas, MisbehaviourTestCase):
    pass


class TcpByteByByteBadSchemasTest(BadSchemas, MisbehaviourTestCase):
    carrier = "tcp"
    piece_bytes = 1


class UnixBoundsTest(Bounds, MisbehaviourTestCase):
    pass


class TcpToldTest(Told, MisbehaviourTestCase):
    carrier = "tcp"


if __name__ == "__main__":
    unittest.main()
