"""What the tool has to tell of delivery: policies, groups, history, restarts,
acknowledgements, requests."""

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import unittest
from typing import Any, Dict, Iterator, List, Tuple

from client.cli.tool_test_case import (
    DEADLINE_S,
    TOOL,
    Broker,
    Tool,
    ToolTestCase,
    read_until,
    wait_for,
)

CHAT = """
syntax = "proto3";
package chat;
import "mycelium/options.proto";
message Question { option (mycelium.type_id) = 101; string text = 1; }
message Answer { option (mycelium.type_id) = 102; string text = 1; }
"""


class DeliveryCliTest(ToolTestCase):
    config = "history { types: [30, 31] }"

    def status(self) -> Any:
        return json.loads(self.run_tool("status", "--format", "json")[0])

    def subscription(self, type_id: int) -> Dict[str, Any]:
        for session in self.status()["sessions"]:
            for subscription in session["subscriptions"]:
                if subscription["type_id"] == type_id:
                    return dict(subscription)
        raise AssertionError("nobody has subscribed to %d" % type_id)

    # --- sub -----------------------------------------------------------------

    def test_policies_are_what_they_are_called(self) -> None:
        for words, stall_ms_max, overflow in (
            ((), 1000, 0),
            (("--policy", "balanced"), 1000, 0),
            (("--policy", "lossless"), -1, 0),
            (("--policy", "live"), 0, 0),
            (("--policy", "latest"), 0, 1),
            (("--policy", "strict"), 1000, 2),
            (("--policy", "strict", "--overflow", "conflate"), 1000, 1),
            (("--policy", "live", "--stall_ms", "77"), 77, 0),
        ):
            with self.subTest(words), self.subscriber("20", *words):
                seen = self.subscription(20)
                self.assertEqual(seen["stall_ms_max"], stall_ms_max)
                self.assertEqual(seen["overflow"], overflow)
        with self.subscriber("21", "--queue_bytes", "8192"):
            self.assertEqual(self.subscription(21)["queue_bytes_max"], 8192)

    def test_start_says_where_it_begins(self) -> None:
        data = b"one\ntwo\nthree\n"
        self.run_tool("pub", "30", "--topic", "t", "--lines", data=data)
        for start, texts in (
            ("last:2", ["two", "three"]),
            ("sequence:2", ["two", "three"]),
            ("ago:3600", ["one", "two", "three"]),
            ("time:1970-01-01T00:00:00Z", ["one", "two", "three"]),
        ):
            with self.subTest(start):
                out, _ = self.run_tool(
                    "sub", "30", "--start", start, "--count", str(len(texts))
                )
                self.assertEqual([line.split()[-1] for line in out.splitlines()], texts)
        _, err = self.run_tool("sub", "30", "--start", "soon", code=2)
        self.assertTrue(err.startswith("mycelium sub: --start soon: allowed now"))
        _, err = self.run_tool("sub", "30", "--start", "sequence:100", code=2)
        self.assertIn("start.sequence 100, allowed up to 4", err)
        _, err = self.run_tool("sub", "29", "--start", "last:1", code=2)
        self.assertIn("start, but no history keeps type 29", err)

    def test_members_of_a_group_share(self) -> None:
        with self.subscriber("22", "--group", "g") as one, self.subscriber(
            "22", "--group", "g"
        ) as two:
            self.assertEqual(self.subscription(22)["group"], "g")
            self.run_tool("pub", "22", "--data", "x", "--count", "100")
            # What one of them had not done with goes to the other.
            lines: List[str] = []
            for member in (one, two):
                member.send_signal(signal.SIGINT)
                lines += self.finish(member)[0].splitlines()
        sequences = [int(line.split("#")[1].split()[0]) for line in lines]
        self.assertEqual(sorted(set(sequences)), sorted(sequences))

    def test_a_stopped_subscriber_that_is_strict_ends(self) -> None:
        with self.subscriber(
            "23", "--policy", "strict", "--queue_bytes", "65536", "--stall_ms", "0"
        ) as sub:
            sub.send_signal(signal.SIGSTOP)
            self.run_tool("pub", "23", "--data", "x" * 1000, "--count", "20000")
            sub.send_signal(signal.SIGCONT)
            _, said = sub.communicate(timeout=DEADLINE_S)
        # Its own queue or the broker's, whichever is full first.
        self.assertIn(sub.returncode, (1, 3), said)
        self.assertIn("queue of 65536 bytes full for 0 ms", said.decode())

    def test_gaps_are_told_among_the_frames(self) -> None:
        with self.subscriber("24", "--policy", "latest", "--queue_bytes=65536") as sub:
            sub.send_signal(signal.SIGSTOP)
            self.run_tool("pub", "24", "--data", "x" * 1000, "--count", "20000")
            sub.send_signal(signal.SIGCONT)
            read_until(
                sub.stdout,
                r"\ngap type 24: \d+ frames? #\d+\.\.#\d+ \(conflated\)\n24 - #20000 ",
            )

    # --- Restarts ------------------------------------------------------------

    @contextlib.contextmanager
    def short_lived(self) -> Iterator[Tuple[str, Broker]]:
        with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
            broker = Broker(directory)
            try:
                yield directory, broker
            finally:
                broker.stop()

    def test_sub_goes_on_over_a_restart(self) -> None:
        with self.short_lived() as (directory, broker):
            with self.subscriber("7", url=broker.url) as sub:
                self.run_tool("pub", "7", "--data", "before", url=broker.url)
                read_until(sub.stdout, "7 - #1 .* before\n")
                broker.process.kill()
                broker.stop()
                read_until(sub.stderr, "mycelium sub: .*; reconnecting\n")
                again = Broker(directory)
                try:
                    read_until(sub.stderr, "mycelium sub: connected again\n")
                    self.run_tool("pub", "7", "--data", "after", url=again.url)
                    read_until(
                        sub.stdout,
                        r"gap( type 7)?: unknown.* \(reconnect\)\n7 - #1 .* after\n",
                    )
                    sub.send_signal(signal.SIGINT)
                    _, err = self.finish(sub)
                    self.assertEqual(err, "2 frames, 0 or more in gaps\n")
                finally:
                    again.stop()

    def test_pub_goes_on_over_a_restart(self) -> None:
        with self.short_lived() as (directory, broker):
            pub = subprocess.Popen(
                [TOOL, "pub", "7", "--lines", "--ack", "--url", broker.url],
                stdin=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
            )
            assert pub.stdin is not None
            try:
                self.feed(pub, b"before\n")
                wait_for(lambda: self.frames_in(broker) == 1, "it is accepted")
                broker.process.kill()
                broker.stop()
                read_until(pub.stderr, "mycelium pub: .*; reconnecting\n")
                self.feed(pub, b"while away\n")
                again = Broker(directory)
                try:
                    read_until(pub.stderr, "mycelium pub: connected again\n")
                    self.feed(pub, b"after\n")
                    pub.stdin.close()
                    pub.stdin = None
                    _, err = pub.communicate(timeout=DEADLINE_S)
                    self.assertEqual(pub.returncode, 0, err)
                    self.assertEqual(err, b"3 accepted, 0 not accepted\n")
                    self.assertEqual(self.frames_in(again), 2)
                finally:
                    again.stop()
            finally:
                pub.kill()
                pub.communicate()

    @staticmethod
    def feed(pub: Tool, line: bytes) -> None:
        assert pub.stdin is not None
        pub.stdin.write(line)

    def frames_in(self, broker: Broker) -> int:
        out, _ = self.run_tool("status", "--format", "json", url=broker.url)
        return int(json.loads(out)["counters"]["frames_in"])

    def test_without_reconnecting_pub_ends_with_3(self) -> None:
        with self.short_lived() as (_, broker):
            pub = subprocess.Popen(
                [TOOL, "pub", "7", "--lines", "--no_reconnect", "--url", broker.url],
                stdin=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
            )
            try:
                self.feed(pub, b"before\n")
                wait_for(lambda: self.frames_in(broker) == 1, "it is accepted")
                broker.stop()
                _, err = pub.communicate(b"after\n", timeout=DEADLINE_S)
                self.assertEqual(pub.returncode, 3, err)
            finally:
                pub.kill()
                pub.communicate()

    def test_ack_says_how_many_were_accepted(self) -> None:
        _, err = self.run_tool("pub", "25", "--ack", "--data", "x", "--count", "5000")
        self.assertEqual(err, "5000 accepted, 0 not accepted\n")
        _, err = self.run_tool("pub", "25", "--ack", "--lines", data=b"a\nb\n")
        self.assertEqual(err, "2 accepted, 0 not accepted\n")

    # --- Requests ------------------------------------------------------------

    @contextlib.contextmanager
    def responder(self, *words: str) -> Iterator[Tool]:
        process = subprocess.Popen(
            [TOOL, "reply", *words, "--url", self.broker.url],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )
        try:
            read_until(process.stderr, "responding to .*\n")
            yield process
        finally:
            process.kill()
            process.communicate()

    def test_a_request_is_answered(self) -> None:
        with self.responder("40", "--data", "42", "--count", "2") as reply:
            out, err = self.run_tool("request", "40", "--data", "what is it?")
            self.assertEqual((out, err), ("40 (2 B) 42\n", ""))
            out, _ = self.run_tool(
                "request", "40", "--topic", "a.b", "--format=json", data=b"hm\xff"
            )
            self.assertEqual(json.loads(out), {"type": 40, "bytes": 2, "text": "42"})
            out, err = self.finish(reply)
        self.assertEqual(out, "40 - (11 B) what is it?\n40 a.b (3 B) 0x686dff\n")
        self.assertEqual(err, "2 requests, 0 failed\n")

    def test_echo_exec_and_reply_type(self) -> None:
        with self.responder("41", "--echo", "--reply_type", "42"):
            out, _ = self.run_tool("request", "41", "--hex", "00ff", "--format=hex")
            self.assertEqual(out, "42 00ff\n")
        command = 'printf "%s %s " "$MYCELIUM_TYPE" "$MYCELIUM_TOPIC"; tr a-z A-Z'
        with self.responder("43", "--exec", command):
            out, _ = self.run_tool("request", "43", "--topic", "t", "--data", "loud")
            self.assertEqual(out, "43 (9 B) 43 t LOUD\n")

    def test_a_command_that_fails_is_told(self) -> None:
        with self.responder("44", "--exec", "exit 3") as reply:
            _, err = self.run_tool("request", "44", "--data", "x", code=1)
            self.assertEqual(err, "mycelium request: exit code 3\n")
            reply.send_signal(signal.SIGTERM)
            _, err = self.finish(reply)
        self.assertEqual(err, "mycelium reply: exit code 3\n1 request, 1 failed\n")

    def test_messages_go_both_ways_as_json(self) -> None:
        path = os.path.join(self.directory.name, "chat.proto")
        with open(path, "w") as file:
            file.write(CHAT)
        schema = ("--schema", path)
        answer = ("--reply_type", "chat.Answer", "--json", '{"text":"42"}')
        with self.responder("chat.Question", *answer, *schema) as reply:
            out, _ = self.run_tool("request", "chat.Question", "--json", '{"text":"?"}')
            self.assertEqual(out, 'chat.Answer {"text":"42"}\n')
            read_until(reply.stdout, r'chat\.Question - \{"text":"\?"\}\n')
        command = ("--exec", "sed s/low/HIGH/", "--json", "--reply_type=chat.Answer")
        with self.responder("chat.Question", *command, *schema):
            out, _ = self.run_tool(
                "request", "chat.Question", "--json", '{"text":"low"}', *schema
            )
            self.assertEqual(out, 'chat.Answer {"text":"HIGH"}\n')

    def test_exit_codes_say_why_there_is_no_reply(self) -> None:
        _, err = self.run_tool("request", "45", "--data", "x", code=5)
        self.assertEqual(err, "mycelium request: nobody answers type 45\n")
        with self.responder("46", "--echo") as reply:
            reply.send_signal(signal.SIGSTOP)
            _, err = self.run_tool(
                "request", "46", "--data", "x", "--timeout_ms", "100", code=4
            )
            self.assertEqual(err.count("\n"), 1, err)
            request = subprocess.Popen(
                [TOOL, "request", "46", "--data", "x", "--url", self.broker.url],
                stdin=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
            wait_for(
                lambda: any(s["requests_open"] for s in self.status()["sessions"]),
                "it was asked",
            )
            reply.kill()
            _, said = request.communicate(timeout=DEADLINE_S)
        self.assertEqual(request.returncode, 3, said)
        self.assertRegex(
            said.decode(),
            r"\Amycelium request: session \d+ \(mycelium reply\) was lost before it "
            r"answered\n\Z",
        )

    def test_a_reply_is_given_once(self) -> None:
        for words, line in (
            (("reply", "7"), "mycelium reply: no reply: allowed one of"),
            (
                ("reply", "7", "--echo", "--data", "x"),
                "mycelium reply: more than one reply: allowed one of",
            ),
            (
                ("reply", "7", "--echo", "--group", "g"),
                'mycelium reply: unknown flag "--group", allowed --topic',
            ),
            (("request", "0", "--data", "x"), 'mycelium request: TYPE "0": allowed'),
        ):
            with self.subTest(words):
                _, err = self.run_tool(*words, code=2)
                self.assertTrue(err.startswith(line), err)
                self.assertEqual(err.count("\n"), 1, err)

    # --- status --------------------------------------------------------------

    def test_status_shows_who_is_held_by_whom(self) -> None:
        self.run_tool("pub", "31", "--data", "kept")
        with self.subscriber(
            "26", "--policy", "lossless", "--queue_bytes", "65536"
        ) as sub, self.responder("47", "--echo"):
            sub.send_signal(signal.SIGSTOP)
            pub = subprocess.Popen(
                [
                    *(TOOL, "pub", "26", "--data", "x" * 10000, "--count", "100000"),
                    *("--url", self.broker.url),
                ],
                stdin=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                bufsize=0,
            )
            try:
                read_until(pub.stderr, "mycelium pub: held back: .*mycelium sub")
                text, _ = self.run_tool("status")
            finally:
                pub.kill()
                pub.communicate()
        self.assertRegex(text, r"held: type 26, by session \d+ \(mycelium sub\)\n")
        self.assertRegex(text, r"responds\n")
        self.assertRegex(text, r"history    types 30,31: \d+ frames, ")


if __name__ == "__main__":
    unittest.main()
