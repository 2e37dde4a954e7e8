"""Message types in the tool, against the real broker."""

import contextlib
import hashlib
import json
import os
import re
import signal
import subprocess
import unittest
from typing import Iterator, List

from client.cli.tool_test_case import TOOL, Tool, ToolTestCase, read_until, wait_for

CHAT = """syntax = "proto3";
package chat;
import "google/protobuf/timestamp.proto";
import "mycelium/options.proto";
message TextMessage {
  option (mycelium.type_id) = 1;
  string sender = 1;
  string content = 2;
  int64 sent_at = 3;
  google.protobuf.Timestamp read_at = 4;
}
message Question {
  option (mycelium.type_id) = 2;
  string text = 1;
}
"""
# The same with a field more, and with another type of one.
CHAT_ADDED = CHAT.replace("int64 sent_at = 3;", "int64 sent_at = 3; string room = 9;")
CHAT_CHANGED = CHAT.replace("int64 sent_at", "string sent_at")
OFFENCE = (
    "chat.TextMessage.sent_at is string {}, int64 {} "
    "(field 3, FIELD_WIRE_COMPATIBLE_TYPE)"
)
EVENT = """syntax = "proto3";
package events;
import "mycelium/options.proto";
message Event {
  option (mycelium.type_id) = 30;
  repeated int32 numbers = 1;
}
"""


class SchemaTestCase(ToolTestCase):
    """With files of message types."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        for name, text in {
            "chat.proto": CHAT,
            "event.proto": EVENT,
            "added/chat.proto": CHAT_ADDED,
            "changed/chat.proto": CHAT_CHANGED,
        }.items():
            cls.write(name, text)

    @classmethod
    def path(cls, name: str) -> str:
        return os.path.join(cls.directory.name, name)

    @classmethod
    def write(cls, name: str, text: str) -> str:
        os.makedirs(os.path.dirname(cls.path(name)), exist_ok=True)
        with open(cls.path(name), "w") as file:
            file.write(text)
        return cls.path(name)

    def lines(self, *words: str, code: int = 0) -> List[str]:
        return self.run_tool(*words, code=code)[0].splitlines()


class SchemaFileTest(SchemaTestCase):
    def test_a_source_has_the_digest_of_its_descriptor_set(self) -> None:
        binary = self.path("chat.binpb")
        options = 'import "google/protobuf/descriptor.proto"; package mycelium;'
        self.write(
            "include/mycelium/options.proto",
            'syntax = "proto2";'
            + options
            + "extend google.protobuf.MessageOptions "
            + "{ optional uint32 type_id = 51742; }",
        )
        subprocess.run(
            [
                "protoc",
                "-I" + self.directory.name,
                "-I" + self.path("include"),
                "--include_imports",
                "--descriptor_set_out=" + binary,
                "chat.proto",
            ],
            check=True,
        )
        source = self.path("chat.proto")
        self.assertEqual(
            self.lines("schema", "digest", source)[0].split()[0],
            self.lines("schema", "digest", binary)[0].split()[0],
        )
        self.assertEqual(
            self.lines("schema", "show", source), self.lines("schema", "show", binary)
        )

    def test_digest_names_the_files(self) -> None:
        files = [self.path("event.proto"), self.path("chat.proto")]
        out, _ = self.run_tool("schema", "digest", *files)
        self.assertRegex(out, r"\Am1:[0-9a-f]{64}  " + " ".join(files) + r"\n\Z")

    def test_the_digest_is_the_sha_256_of_the_canonical_text(self) -> None:
        files = [self.path("event.proto"), self.path("chat.proto")]
        text, _ = self.run_tool("schema", "show", "--canonical", *files)
        digest, _ = self.run_tool("schema", "digest", *files)
        self.assertTrue(text.startswith("mycelium schema 1\n1 chat.TextMessage "))
        self.assertTrue(
            digest.startswith("m1:" + hashlib.sha256(text.encode()).hexdigest())
        )

    def test_show_lists_the_types_and_writes_the_descriptor_set(self) -> None:
        source, binary = self.path("chat.proto"), self.path("written.binpb")
        out, _ = self.run_tool("schema", "show", source, "--output", binary)
        self.assertRegex(
            out,
            r"\Am1:[0-9a-f]{64}\n"
            r"    1 chat\.TextMessage [0-9a-f]{12}\n"
            r"    2 chat\.Question [0-9a-f]{12}\n\Z",
        )
        self.assertEqual(self.run_tool("schema", "show", binary)[0], out)
        shown = json.loads(
            self.run_tool("schema", "show", source, "--format", "json")[0]
        )
        self.assertEqual(shown["digest"], out[:67])
        self.assertEqual(
            [(t["type"], t["name"], len(t["fingerprint"])) for t in shown["types"]],
            [(1, "chat.TextMessage", 64), (2, "chat.Question", 64)],
        )

    def test_check_lists_what_does_not_go_together(self) -> None:
        old, new = self.path("chat.proto"), self.path("changed/chat.proto")
        offence = OFFENCE.format("in " + new, "in " + old)
        self.assertEqual(self.lines("schema", "check", old, new, code=1), [offence])
        added = self.path("added/chat.proto")
        self.assertEqual(self.lines("schema", "check", old, added), ["compatible"])
        # Nobody said that the number is not to be used again.
        self.assertEqual(
            self.lines("schema", "check", added, old, code=1),
            [
                "chat.TextMessage.room is absent and not reserved in %s, present "
                "in %s (field 9, FIELD_NO_DELETE_UNLESS_NUMBER_RESERVED)" % (old, added)
            ],
        )

    def test_imports_come_from_the_folders_that_are_named(self) -> None:
        self.write("apart/point.proto", 'syntax = "proto3"; message Point {}')
        user = self.write(
            "user.proto",
            'syntax = "proto3"; import "point.proto"; message P { Point point = 1; }',
        )
        _, err = self.run_tool("schema", "digest", user, code=2)
        self.assertEqual(
            err.splitlines()[0], "mycelium schema: point.proto: file not found"
        )
        for flag in (["-I", self.path("apart")], ["-I" + self.path("apart")]):
            self.run_tool("schema", "digest", user, *flag)

    def test_wrong_files_are_told_with_their_place(self) -> None:
        bad = self.write("bad.proto", 'syntax = "proto3";\nmessage M { int33 a = 1; }')
        _, err = self.run_tool("schema", "show", bad, code=2)
        self.assertEqual(
            err, 'mycelium schema: %s:2:13: "int33" is not defined\n' % bad
        )
        absent = self.path("absent.binpb")
        _, err = self.run_tool("schema", "check", absent, bad, code=2)
        self.assertEqual(
            err, "mycelium schema: %s: No such file or directory\n" % absent
        )

    def test_wrong_command_lines_end_with_2_and_one_line(self) -> None:
        cases = {
            "": "no digest, show or check given, see mycelium help schema",
            "dgst x": '"dgst": allowed digest, show or check',
            "digest": "digest: no FILE given",
            "check a.proto": "check: 1 files, allowed 2: OLD NEW",
            "digest x --canonical": "--canonical goes with show",
            "show --canonical": "show: --canonical and --output go with FILE or DIGEST",
            "show m1:ab x": "show: allowed one DIGEST, without FILE",
        }
        for words, line in cases.items():
            with self.subTest(words):
                self.assertEqual(
                    self.run_tool("schema", *words.split(), code=2),
                    ("", "mycelium schema: " + line + "\n"),
                )

    def test_output_that_cannot_be_written_is_told(self) -> None:
        _, err = self.run_tool(
            "schema", "show", self.path("chat.proto"), "--output", "/dev/full", code=1
        )
        self.assertEqual(
            err, "mycelium schema: --output /dev/full: No space left on device\n"
        )


class TypedTest(SchemaTestCase):
    """A broker that knows chat.proto from its configuration."""

    @classmethod
    def configuration(cls) -> str:
        source, binary = cls.write("chat.proto", CHAT), cls.path("chat.binpb")
        subprocess.run(
            [TOOL, "schema", "show", source, "--output", binary],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        return 'schema { descriptor_set: "%s" }' % binary

    def digest(self, name: str) -> str:
        return self.lines("schema", "digest", self.path(name))[0].split()[0]

    @contextlib.contextmanager
    def holder(self, *words: str) -> Iterator[Tool]:
        """A session that keeps a schema known to the broker."""
        with self.subscriber(*words, "--topic", "nothing.at.all") as process:
            yield process

    def test_show_lists_what_the_broker_knows(self) -> None:
        with self.holder("events.Event", "--schema", self.path("event.proto")):
            out, _ = self.run_tool("schema", "show")
            listed = [
                json.loads(line)
                for line in self.lines("schema", "show", "--format", "json")
            ]
        self.assertRegex(
            out,
            self.digest("chat.proto")
            + r"\n      schema 1 of \S+ \S+, \S*chat\.binpb, \d+ sessions?\n"
            + r"    1 chat\.TextMessage [0-9a-f]{12}\n",
        )
        self.assertRegex(
            out,
            self.digest("event.proto")
            + r"\n      schema \d+ of \S+ \S+, told by a client, 1 session\n"
            + r"   30 events\.Event [0-9a-f]{12}\n",
        )
        self.assertEqual(listed[0]["source"], self.path("chat.binpb"))
        self.assertEqual(listed[0]["number"], 1)
        self.assertEqual(
            # Without those of the past, which other tests have left.
            [s["digest"] for s in listed if s["source"] or s["sessions"]],
            [self.digest("chat.proto"), self.digest("event.proto")],
        )

    def test_show_fetches_the_schema_of_a_digest(self) -> None:
        digest, binary = self.digest("chat.proto"), self.path("fetched.binpb")
        text, _ = self.run_tool(
            "schema", "show", digest[:10], "--canonical", "--output", binary
        )
        self.assertEqual(
            text,
            self.run_tool("schema", "show", binary, "--canonical")[0],
        )
        with open(binary, "rb") as fetched, open(self.path("chat.binpb"), "rb") as own:
            self.assertEqual(fetched.read(), own.read())
        _, err = self.run_tool("schema", "show", "m1:00ff", code=1)
        self.assertRegex(
            err,
            r"\Amycelium schema: m1:00ff: 0 of the \d+ schemas that the broker "
            r"knows, allowed 1\n\Z",
        )

    def test_pub_takes_json_and_sub_prints_it(self) -> None:
        message = '{"sender":"cli","content":"hi \\n","sentAt":"5"}'
        for word, url in (
            ("chat.TextMessage", self.broker.url),
            ("chat.TextMessage", self.broker.tcp),
            ("1", self.broker.url),
            ("all", self.broker.url),
        ):
            with self.subscriber(word, "--count", "1", url=url) as sub:
                self.run_tool(
                    "pub",
                    "chat.TextMessage",
                    "--topic",
                    "greetings.en",
                    "--json",
                    message,
                    url=url,
                )
                out, err = self.finish(sub)
            self.assertRegex(
                out,
                r"\Achat\.TextMessage greetings\.en #\d+ "
                + re.escape(message)
                + r"\n\Z",
            )
            self.assertEqual(err, "1 frame, 0 in gaps\n")

    def test_sub_prints_json_with_name_and_message(self) -> None:
        with self.subscriber(
            "chat.TextMessage", "--count", "1", "--format", "json"
        ) as sub:
            # Also by type id.
            self.run_tool("pub", "1", "--json", '{"readAt":"2020-01-02T03:04:05Z"}')
            line = json.loads(self.finish(sub)[0])
        del line["sequence"]
        self.assertEqual(
            line,
            {
                "type": 1,
                "name": "chat.TextMessage",
                "topic": "",
                "bytes": 8,
                "message": {"readAt": "2020-01-02T03:04:05Z"},
            },
        )

    def test_hex_and_raw_show_the_bytes(self) -> None:
        for flags, pattern in (
            (["--format", "hex"], r"\A2 - \d+ 0a026869\n\Z"),
            (["--raw"], r"\A2 - #\d+ \(4 B\) \\n\\x02hi\n\Z"),
        ):
            with self.subscriber("chat.Question", "--count", "1", *flags) as sub:
                self.run_tool("pub", "chat.Question", "--json", '{"text":"hi"}')
                self.assertRegex(self.finish(sub)[0], pattern)

    def test_each_line_or_file_may_be_json(self) -> None:
        file = self.write("message.json", '{\n  "text": "from a file"\n}\n')
        with self.subscriber("chat.Question", "--count", "4") as sub:
            out, _ = self.run_tool(
                "pub",
                "chat.Question",
                "--json",
                "--lines",
                "--verbose",
                data=b'{"text":"one"}\n{}\n',
            )
            self.assertEqual(
                out, "published 2 frames of 5 bytes in all to chat.Question\n"
            )
            self.run_tool("pub", "chat.Question", "--json", "--file", file)
            self.run_tool("pub", "chat.Question", "--json", "-", data=b'{"text":"-"}')
            out, _ = self.finish(sub)
        self.assertEqual(
            [json.loads(line.split(" ", 3)[3]) for line in out.splitlines()],
            [{"text": "one"}, {}, {"text": "from a file"}, {"text": "-"}],
        )

    def test_raw_payloads_go_with_a_name(self) -> None:
        with self.subscriber("chat.Question", "--count", "2") as sub:
            self.run_tool("pub", "chat.Question", "--hex", "0a 02 68 69")
            self.run_tool("pub", "chat.Question", "--data", "hello")
            out, _ = self.finish(sub)
        self.assertRegex(
            out,
            r'\Achat\.Question - #\d+ \{"text":"hi"\}\n'
            r"chat\.Question - #\d+ \(5 B, not a chat\.Question\) hello\n\Z",
        )

    def test_wrong_json_is_told(self) -> None:
        cases = {
            '{"txt":"hi"}': "chat.Question: txt: no such field",
            '{"text":5}': "chat.Question: (text): invalid value 5 for type string",
            '{"text":x}': "chat.Question: unexpected token at x}",
        }
        for text, line in cases.items():
            with self.subTest(text):
                _, err = self.run_tool("pub", "chat.Question", "--json", text, code=2)
                self.assertEqual(err, "mycelium pub: --json: " + line + "\n")
        _, err = self.run_tool(
            "pub", "chat.Question", "--json", "--lines", data=b"{}\n[]\n", code=2
        )
        self.assertEqual(
            err,
            "mycelium pub: standard input:2: chat.Question: root element must be a "
            "message\n",
        )

    def test_a_name_that_nobody_knows_is_told_with_those_that_are(self) -> None:
        for words in (["pub", "chat.Txt", "--json", "{}"], ["sub", "chat.Txt"]):
            _, err = self.run_tool(*words, code=1)
            self.assertRegex(
                err,
                r"\Amycelium %s: chat\.Txt: unknown to the broker, which knows "
                r"chat\.Question, chat\.TextMessage; --schema FILE brings it\n\Z"
                % words[0],
            )
            _, err = self.run_tool(*words, "--schema", self.path("event.proto"), code=2)
            self.assertEqual(
                err,
                "mycelium %s: chat.Txt: not in --schema, which has events.Event\n"
                % words[0],
            )

    def test_a_schema_that_does_not_go_with_the_brokers_is_refused(self) -> None:
        for words in (["pub", "1", "--data", "x"], ["sub", "chat.TextMessage"]):
            _, err = self.run_tool(
                *words, "--schema", self.path("changed/chat.proto"), code=1
            )
            self.assertTrue(err.startswith("mycelium %s: " % words[0]), err)
            self.assertIn(OFFENCE.format("here", "at the broker"), err)

    def test_a_type_that_came_later_is_asked_for(self) -> None:
        event = ["--schema", self.path("event.proto")]
        with self.subscriber("all") as sub:
            self.run_tool("pub", "30", "--hex", "0a 01 07")
            read_until(sub.stdout, r"30 - #\d+ \(3 B\) \\n\\x01\\x07\n")
            with self.holder("events.Event", *event):
                # It asks once a second at most.
                def shown() -> bool:
                    self.run_tool("pub", "events.Event", "--json", '{"numbers":[7]}')
                    line = read_until(sub.stdout, r"(30|events\.Event) - .*\n")[0]
                    return (
                        line.startswith("events.Event ") and '{"numbers":[7]}' in line
                    )

                wait_for(shown, "the tool has asked again")

    def test_a_field_that_came_later_is_asked_for(self) -> None:
        added = ["--schema", self.path("added/chat.proto")]
        with self.subscriber("chat.TextMessage") as sub:
            with self.holder("chat.TextMessage", *added):

                def shown() -> bool:
                    self.run_tool(
                        "pub", "chat.TextMessage", "--json", '{"room":"r"}', *added
                    )
                    return '{"room":"r"}' in read_until(sub.stdout, r".*\n")[0]

                wait_for(shown, "the tool has asked again")

    def test_ctrl_c_ends_a_typed_sub_cleanly(self) -> None:
        with self.subscriber("chat.TextMessage") as sub:
            self.run_tool("pub", "chat.TextMessage", "--json", "{}")
            read_until(sub.stdout, r"chat\.TextMessage - #\d+ \{\}\n")
            sub.send_signal(signal.SIGINT)
            self.assertEqual(self.finish(sub), ("", "1 frame, 0 in gaps\n"))

    def test_status_shows_schemas(self) -> None:
        with self.subscriber("chat.TextMessage"), self.subscriber("all"):
            text, _ = self.run_tool("status")
            status = json.loads(self.run_tool("status", "--format", "json")[0])
        digest = self.digest("chat.proto")
        self.assertRegex(text, r"\nschemas +[1-9]\d* of ")
        self.assertRegex(text, r" mycelium sub .* %s " % digest[3:9])
        self.assertRegex(text, r" mycelium sub .* raw ")
        self.assertGreaterEqual(status["schemas"], 1)
        self.assertEqual(
            {
                session["schema_digest"]
                for session in status["sessions"]
                if session["name"] == "mycelium sub"
            },
            {digest, ""},
        )


class RequiredTest(SchemaTestCase):
    """A broker that wants a schema of everybody."""

    config = "schema { required: true }"

    def test_names_and_files_go_and_raw_bytes_do_not(self) -> None:
        chat = ["--schema", self.path("chat.proto")]
        with self.subscriber("all", *chat, "--count", "2") as sub:
            # It asks without a schema and publishes with the one it got.
            self.run_tool("pub", "chat.Question", "--json", '{"text":"a"}')
            self.run_tool("pub", "2", "--json", '{"text":"b"}', *chat)
            out, _ = self.finish(sub)
        self.assertEqual(re.findall(r'\{"text":"(.)"\}', out), ["a", "b"])
        _, err = self.run_tool("sub", "all", code=1)
        self.assertRegex(err, r"\Amycelium sub: .*schema\.required")
        # The broker ends a session that publishes.
        _, err = self.run_tool("pub", "2", "--data", "x", code=3)
        self.assertRegex(err, r"\Amycelium pub: .*schema\.required")


class UnknownTest(ToolTestCase):
    def test_a_broker_without_schemas_says_so(self) -> None:
        self.assertEqual(
            self.run_tool("schema", "show"), ("the broker knows no schemas\n", "")
        )
        self.assertEqual(self.run_tool("schema", "show", "--format", "json"), ("", ""))
        _, err = self.run_tool("sub", "chat.Txt", code=1)
        self.assertIn("which knows no message types; --schema FILE brings it", err)

    def test_without_a_broker_it_says_so(self) -> None:
        for words in (["schema", "show"], ["sub", "a.B"], ["pub", "a.B", "--data", ""]):
            _, err = self.run_tool(*words, url="unix:/nobody", code=3)
            self.assertTrue(err.startswith("mycelium %s: " % words[0]), err)


if __name__ == "__main__":
    unittest.main()
