"""What a configuration says about schemas: known ones, open or not, required
or not; at the start and after SIGHUP."""

import os
import shutil
import signal
import tempfile
import unittest

import proto.mycelium.control_pb2 as control_pb2
from tests.integration.broker_process import (
    TEMPORARY_ROOT,
    BrokerTestCase,
    run_to_end,
)
from tests.integration.deadline import wait_until
from tests.integration.descriptor_sets import (
    INT64,
    Field,
    descriptor_set,
    digest_text,
    message,
    schema_digest,
)
from tests.integration.misbehaviour import MisbehaviourTestCase
from tests.integration.wire_client import Control, encode_control, encode_schema

SCHEMA = control_pb2.CODE_SCHEMA
CHAT = descriptor_set(
    "chat",
    message("TextMessage", 1, [Field(1, "sender"), Field(3, "timestamp", INT64)]),
)
CHAT_WITHOUT_SENDER = descriptor_set(
    "chat", message("TextMessage", 1, [Field(3, "timestamp", INT64)])
)
CHAT_WITH_TEXT_TIMESTAMP = descriptor_set(
    "chat", message("TextMessage", 1, [Field(3, "timestamp")])
)
STATUS = descriptor_set("status", message("Beat", 9, [Field(1, "count", INT64)]))
NOT_KNOWN = (
    r"schema: status\.Beat \(type 9\) is not known at the broker, which learns "
    r"types only where schema\.open is true"
)


class SchemaConfigTestCase(MisbehaviourTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = tempfile.mkdtemp(prefix="c", dir=TEMPORARY_ROOT)
        self.addCleanup(shutil.rmtree, self.folder)

    def file(self, name: str, files: bytes) -> str:
        """`descriptor_set: ...` of a file that holds `files`."""
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(files)
        return 'descriptor_set: "%s" ' % path

    def let_in(self, url: str, files: bytes) -> bool:
        """Whether it was asked for the schema on the way."""
        client = self.connect_silent(url)
        asked = client.hello_with_schema(files)
        client.close()
        return asked

    def refuse(self, url: str, files: bytes, reason: str) -> None:
        client = self.connect_silent(url)
        self.assertTrue(
            client.name_schema(schema_digest(files)).is_control(Control.SCHEMA)
        )
        client.send(encode_schema(files))
        self.await_close(client, SCHEMA, reason)


class KnownFromTheStartTest(SchemaConfigTestCase):
    def test_configured_schemas_are_logged_and_never_asked_for(self) -> None:
        self.start(
            "schema { %s %s }"
            % (self.file("chat.binpb", CHAT), self.file("status.binpb", STATUS))
        )
        line = self.broker.wait_for_log(digest_text(schema_digest(CHAT)))[0]
        self.assertIn("chat.binpb, 1 message types", line)
        for url in (self.broker.unix_url, self.broker.tcp_url):
            self.assertFalse(self.let_in(url, CHAT))
            self.assertFalse(self.let_in(url, STATUS))

    def test_configured_schema_outlives_its_sessions(self) -> None:
        self.start("schema { %s }" % self.file("chat.binpb", CHAT))
        client = self.connect_silent(self.broker.unix_url)
        client.hello_with_schema(CHAT)
        client.send(encode_control(Control.CLOSE))
        client.await_end()
        self.refuse(self.broker.unix_url, CHAT_WITH_TEXT_TIMESTAMP, "timestamp")
        self.assertFalse(self.let_in(self.broker.unix_url, CHAT))


class OpenTest(SchemaConfigTestCase):
    def test_by_default_unix_clients_bring_types_and_tcp_clients_do_not(self) -> None:
        self.start()
        self.refuse(self.broker.tcp_url, STATUS, "^%s$" % NOT_KNOWN)
        local = self.connect_silent(self.broker.unix_url)
        self.assertTrue(local.hello_with_schema(STATUS))
        # What the broker has learned it knows, wherever one comes from.
        self.assertFalse(self.let_in(self.broker.tcp_url, STATUS))

    def test_closed_broker_lets_in_who_uses_known_types(self) -> None:
        self.start("schema { open: false %s }" % self.file("chat.binpb", CHAT))
        for url in (self.broker.unix_url, self.broker.tcp_url):
            with self.subTest(url):
                client = self.connect_silent(url)
                self.assertTrue(client.hello_with_schema(CHAT_WITHOUT_SENDER))
                self.assertFalse(self.let_in(url, CHAT_WITHOUT_SENDER))
                self.refuse(url, STATUS, "^%s$" % NOT_KNOWN)
                self.refuse(url, CHAT_WITH_TEXT_TIMESTAMP, "timestamp is string")
                client.close()
                # Remembered while it was there.
                wait_until(
                    lambda: bool(self.session("observer").status().schemas == 1),
                    "it is forgotten",
                )

    def test_open_broker_learns_from_tcp_clients(self) -> None:
        self.start("schema { open: true }")
        self.assertTrue(self.let_in(self.broker.tcp_url, STATUS))


class RequiredTest(SchemaConfigTestCase):
    def start_required(self) -> None:
        # The bystanders have no schema: here there are none.
        self.broker = self.start_broker(
            "schema { required: true %s }" % self.file("chat.binpb", CHAT)
        )

    def test_typed_clients_exchange_messages(self) -> None:
        self.start_required()
        clients = [self.connect_silent(url) for url in self.broker.urls]
        for client in clients:
            client.hello_with_schema(CHAT)
            client.subscribe(1, 1)
        clients[0].publish(1, b"typed")
        self.assertEqual(clients[1].read_data().payload, b"typed")

    def test_raw_client_may_look_on(self) -> None:
        self.start_required()
        for url in self.broker.urls:
            client = self.connect(self.broker, url)
            client.ping()
            client.flush()
            self.assertEqual(client.status().schemas, 1)

    def test_raw_client_may_not_subscribe(self) -> None:
        self.start_required()
        for url in self.broker.urls:
            client = self.connect(self.broker, url)
            answer = client.request_subscription(1, 1)
            self.assertEqual(answer.code, SCHEMA)
            self.assertEqual(
                answer.reason,
                "subscribe: HELLO named no schema, and schema.required is true",
            )
            client.ping()

    def test_raw_client_is_closed_when_it_publishes(self) -> None:
        self.start_required()
        subscriber = self.connect_silent(self.broker.unix_url)
        subscriber.hello_with_schema(CHAT)
        subscriber.subscribe(1, 1)
        for url in self.broker.urls:
            client = self.connect(self.broker, url)
            client.publish(1, b"raw")
            self.await_close(
                client,
                SCHEMA,
                "^publish: HELLO named no schema, and schema.required is true$",
            )
        self.assertEqual(subscriber.frames_there(), [])


class ReloadTest(SchemaConfigTestCase):
    def reload(self, config: str, log: str) -> str:
        """The line of the log that says what became of it."""
        before = len(self.broker.log_lines())
        self.broker.write_config(config)
        self.broker.send_signal(signal.SIGHUP)
        return self.broker.wait_for_log(log, after=before)[0]

    def test_added_descriptor_set_is_known(self) -> None:
        chat = self.file("chat.binpb", CHAT)
        self.start("schema { %s }" % chat)
        self.refuse(self.broker.tcp_url, STATUS, NOT_KNOWN)
        status = self.file("status.binpb", STATUS)
        line = self.reload("schema { %s %s }" % (chat, status), "reload:")
        self.assertIn("schema.descriptor_set in force", line)
        self.assertFalse(self.let_in(self.broker.tcp_url, STATUS))
        self.bystanders.assert_unharmed()

    def test_removed_descriptor_set_takes_a_restart(self) -> None:
        chat = self.file("chat.binpb", CHAT)
        self.start("schema { %s }" % chat)
        line = self.reload("schema {}", "takes a restart")
        self.assertIn('the removal of schema.descriptor_set "', line)
        self.assertIn("chat.binpb", line)
        self.assertFalse(self.let_in(self.broker.unix_url, CHAT))

    def test_descriptor_set_that_does_not_fit_a_client_changes_nothing(self) -> None:
        self.start()
        client = self.connect_silent(self.broker.unix_url)
        client.hello_with_schema(CHAT)
        config = "limits { frame_bytes_max: 2000 } schema { required: true %s }" % (
            self.file("other.binpb", CHAT_WITH_TEXT_TIMESTAMP)
        )
        line = self.reload(config, "reload: nothing changed:")
        self.assertRegex(
            line,
            r'schema\.descriptor_set: ".*other\.binpb": chat\.TextMessage\.timestamp '
            r"is string here, int64 at the broker \(field 3, ",
        )
        self.assertEqual(
            self.session("observer").welcome.limits.frame_bytes_max, 1 << 20
        )
        self.bystanders.assert_unharmed()
        client.close()
        wait_until(
            lambda: bool(self.session("observer").status().schemas == 0),
            "the client's is forgotten",
        )
        self.bystanders.stop()
        self.reload(config, "reload: .*schema.required in force")
        self.refuse(self.broker.unix_url, CHAT, "timestamp is int64 here, string")

    def test_broken_descriptor_set_changes_nothing(self) -> None:
        self.start()
        line = self.reload(
            "schema { %s }" % self.file("bad.binpb", b"garbage"), "nothing changed"
        )
        self.assertIn(self.broker.config_path + ":1:10: schema.descriptor_set: ", line)
        self.assertTrue(self.let_in(self.broker.unix_url, CHAT))

    def test_open_and_required_come_into_force(self) -> None:
        self.start()
        raw = self.session("raw")
        self.bystanders.stop()
        self.reload(
            "schema { open: true required: true }",
            "reload: schema.open, schema.required in force",
        )
        typed = self.connect_silent(self.broker.tcp_url)
        self.assertTrue(typed.hello_with_schema(STATUS))
        raw.publish(9)
        self.await_close(raw, SCHEMA, "^publish: HELLO named no schema")
        typed.ping()


class CheckConfigTest(BrokerTestCase):
    """Without a broker: what --check_config says."""

    def setUp(self) -> None:
        super().setUp()
        self.folder = tempfile.mkdtemp(prefix="c", dir=TEMPORARY_ROOT)
        self.addCleanup(shutil.rmtree, self.folder)

    def write(self, name: str, data: bytes) -> str:
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(data)
        return path

    def test_relative_path_is_relative_to_the_configuration(self) -> None:
        self.write("chat.binpb", CHAT)
        path = self.write("b.textproto", b'schema { descriptor_set: "chat.binpb" }')
        run = run_to_end("--config=" + path, "--check_config")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn('descriptor_set: "chat.binpb"', run.stdout)

    def test_what_is_wrong_is_reported_with_its_place(self) -> None:
        self.write("chat.binpb", CHAT)
        self.write("other.binpb", CHAT_WITH_TEXT_TIMESTAMP)
        self.write("garbage.binpb", b"garbage")
        for name, says in (
            ("absent.binpb", '"absent.binpb": No such file or directory'),
            ("garbage.binpb", '"garbage.binpb": 7 bytes that are not a google.'),
            ("other.binpb", '"other.binpb": chat.TextMessage.timestamp is string '),
        ):
            text = 'schema {\n  descriptor_set: "chat.binpb"\n  descriptor_set: "%s"\n}'
            path = self.write("b.textproto", (text % name).encode())
            for flags in ((), ("--check_config",)):
                run = run_to_end("--config=" + path, *flags)
                self.assertEqual(run.returncode, 1, run.stdout)
                self.assertIn(path + ":3:3: schema.descriptor_set: " + says, run.stderr)


if __name__ == "__main__":
    unittest.main()
