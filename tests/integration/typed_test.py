"""Typed C++ clients of several versions of one .proto file, and the daemon."""

import json
import os
import subprocess
import unittest
from typing import List

from tests.integration.broker_process import BrokerTestCase
from tests.integration.deadline import SECONDS, wait_until
from tests.integration.wire_client import encode_publish

HERE = os.path.dirname(os.path.abspath(__file__))
TOOL = os.path.join(HERE, "../../client/cli/mycelium")
CONNECTION_REFUSED = 3

TIMESTAMP = (
    "schema: chat.TextMessage.timestamp is {} here, {} at the broker "
    "(field 3, FIELD_WIRE_COMPATIBLE_TYPE)"
)


def peer_command(version: str, url: str, *arguments: str) -> List[str]:
    return [os.path.join(HERE, "typed_peer_" + version), url, *arguments]


def run_peer(
    version: str, url: str, *arguments: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        peer_command(version, url, *arguments),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
    )


class TypedTest(BrokerTestCase):
    def subscriber(self, version: str, url: str, count: int) -> "subprocess.Popen[str]":
        """One that has subscribed."""
        process = subprocess.Popen(
            peer_command(version, url, "sub", str(count)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        self.addCleanup(process.wait, SECONDS)
        assert process.stdout is not None
        self.addCleanup(process.stdout.close)
        self.assertEqual(process.stdout.readline(), "ready\n")
        return process

    def rest(self, process: "subprocess.Popen[str]") -> List[str]:
        output, _ = process.communicate(timeout=SECONDS)
        self.assertEqual(process.returncode, 0)
        return output.splitlines()

    def publish(self, version: str, url: str, *contents: str) -> None:
        result = run_peer(version, url, "pub", *contents)
        self.assertEqual((result.returncode, result.stderr), (0, ""))

    def test_same_version_talks_over_unix_and_tcp(self) -> None:
        broker = self.start_broker("schema { open: true }")
        over_unix = self.subscriber("now", broker.unix_url, 2)
        over_tcp = self.subscriber("now", broker.tcp_url, 2)
        self.publish("now", broker.unix_url, "one")
        self.publish("now", broker.tcp_url, "two")
        for process in (over_unix, over_tcp):
            self.assertEqual(self.rest(process), ["typed_peer: one", "typed_peer: two"])

    def test_added_field_goes_both_ways(self) -> None:
        broker = self.start_broker()
        old = self.subscriber("now", broker.unix_url, 2)
        new = self.subscriber("added", broker.unix_url, 2)
        self.publish("added", broker.unix_url, "of the new one")
        self.publish("now", broker.unix_url, "of the old one")
        for process in (old, new):
            self.assertEqual(
                self.rest(process),
                ["typed_peer: of the new one", "typed_peer: of the old one"],
            )

    def test_changed_type_is_refused_with_the_field_named(self) -> None:
        broker = self.start_broker()
        subscriber = self.subscriber("now", broker.unix_url, 1)
        refused = run_peer("changed", broker.unix_url, "pub", "never seen")
        self.assertEqual(refused.returncode, CONNECTION_REFUSED)
        self.assertEqual(
            refused.stderr,
            f"connect {broker.unix_url}: refused by the broker: "
            + TIMESTAMP.format("string", "int64")
            + " (CODE_SCHEMA)\n",
        )
        self.publish("now", broker.unix_url, "seen")
        self.assertEqual(self.rest(subscriber), ["typed_peer: seen"])

    def test_who_came_first_is_right_until_it_has_left(self) -> None:
        broker = self.start_broker()
        changed = self.subscriber("changed", broker.unix_url, 1)
        refused = run_peer("now", broker.unix_url, "pub", "x")
        self.assertIn(TIMESTAMP.format("int64", "string"), refused.stderr)
        self.publish("changed", broker.unix_url, "the last")
        self.assertEqual(self.rest(changed), ["typed_peer: the last"])
        # The broker hears of it a moment later.
        wait_until(
            lambda: run_peer("now", broker.unix_url, "pub", "x").returncode == 0,
            "the other version is let in",
        )

    def test_payload_that_is_no_message_is_told_as_a_gap(self) -> None:
        broker = self.start_broker()
        subscriber = self.subscriber("now", broker.unix_url, 2)
        raw = self.connect(broker)
        raw.send(encode_publish(1, b"\xff\xff"))
        raw.flush()
        raw.close()
        self.publish("now", broker.unix_url, "after it")
        self.assertEqual(
            self.rest(subscriber),
            ["gap of 1, reason 100", "typed_peer: after it"],
        )

    def test_tool_shows_what_a_program_publishes_as_json(self) -> None:
        broker = self.start_broker()
        # Keeps the broker's memory of the schema.
        self.subscriber("now", broker.unix_url, 1)
        tool = subprocess.Popen(
            [TOOL, "sub", "chat.TextMessage", "--count", "1"]
            + ["--format", "json", "--url", broker.unix_url],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        assert tool.stderr is not None
        self.addCleanup(tool.stderr.close)
        self.assertIn("chat.TextMessage", tool.stderr.readline())
        self.publish("now", broker.unix_url, "readable")
        output, _ = tool.communicate(timeout=SECONDS)
        line = json.loads(output)
        self.assertEqual(line["name"], "chat.TextMessage")
        self.assertEqual(
            line["message"], {"sender": "typed_peer", "content": "readable"}
        )


if __name__ == "__main__":
    unittest.main()
