"""The tool against the real broker, as a user calls it."""

import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import tempfile
import unittest
from typing import Any, Dict, Optional

from client.cli.tool_test_case import (
    DEADLINE_S,
    TOOL,
    Broker,
    ToolTestCase,
    read_until,
)


class CliTest(ToolTestCase):
    def test_sub_prints_what_pub_publishes_over_unix_and_tcp(self) -> None:
        for sub_url, pub_url in (
            (self.broker.url, self.broker.tcp),
            (self.broker.tcp, self.broker.url),
        ):
            with self.subscriber("7", "--count", "2", url=sub_url) as sub:
                out, err = self.run_tool(
                    "pub",
                    "7",
                    "--topic",
                    "greetings.en",
                    "--data",
                    "hello",
                    "--count",
                    "2",
                    url=pub_url,
                )
                self.assertEqual((out, err), ("", ""))
                out, err = self.finish(sub)
            self.assertRegex(
                out,
                r"\A7 greetings\.en #(\d+) \(5 B\) hello\n"
                r"7 greetings\.en #(\d+) \(5 B\) hello\n\Z",
            )
            self.assertEqual(err, "2 frames, 0 in gaps\n")

    def test_a_frame_is_printed_at_once(self) -> None:
        with self.subscriber("8") as sub:
            self.run_tool("pub", "8", "--data", "first")
            read_until(sub.stdout, r"8 - #\d+ \(5 B\) first\n")

    def test_formats(self) -> None:
        expected = {
            "text": r"9 t #\d+ \(2 B\) 0xff00\n",
            "hex": r"9 t \d+ ff00\n",
        }
        for form, pattern in expected.items():
            with self.subscriber("9", "--count", "1", "--format", form) as sub:
                self.run_tool("pub", "9", "--topic", "t", "--hex", "ff 00")
                self.assertRegex(self.finish(sub)[0], pattern)
        with self.subscriber(
            "all", "--count=2", "--format=json", "--quiet", "--noquiet"
        ) as sub:
            self.run_tool("pub", "9", "--topic", "t", "--hex", "ff00")
            self.run_tool("pub", "10", data='z\u00fc "\n'.encode())
            first, second = map(json.loads, self.finish(sub)[0].splitlines())
        del first["sequence"], second["sequence"]
        self.assertEqual(first, {"type": 9, "topic": "t", "bytes": 2, "base64": "/wA="})
        self.assertEqual(
            second, {"type": 10, "topic": "", "bytes": 6, "text": 'z\u00fc "\n'}
        )

    def test_topic_filter_takes_only_what_matches(self) -> None:
        with self.subscriber("11", "--topic", "a.*", "--count", "1") as sub:
            for topic in ("b.c", "a", "a.b.c", "a.b"):
                self.run_tool("pub", "11", "--topic", topic, "--data", topic)
            self.assertIn("11 a.b #", self.finish(sub)[0])

    def test_pub_reads_text_file_standard_input_and_lines(self) -> None:
        path = os.path.join(self.directory.name, "payload")
        with open(path, "wb") as file:
            file.write(b"from a file\n")
        with self.subscriber("12", "--count", "7") as sub:
            self.run_tool("pub", "12", "--data", "")
            self.run_tool("pub", "12", "--file", path)
            self.run_tool("pub", "12", "-", data=b"dash")
            self.run_tool("pub", "12", data=b"pipe\nwhole")
            out, _ = self.run_tool(
                "pub", "12", "--lines", "--verbose", data=b"one\n\nthree"
            )
            self.assertEqual(out, "published 3 frames of 8 bytes in all to type 12\n")
            out, _ = self.finish(sub)
        self.assertEqual(
            [line.split("(")[1] for line in out.splitlines()],
            [
                "0 B)",
                "12 B) from a file\\n",
                "4 B) dash",
                "10 B) pipe\\nwhole",
                "3 B) one",
                "0 B)",
                "5 B) three",
            ],
        )
        out, _ = self.run_tool("pub", "12", "--data", "hi", "--verbose")
        self.assertEqual(out, "published 1 frame of 2 bytes to type 12\n")

    def test_ctrl_c_and_sigterm_end_sub_cleanly(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subscriber("13") as sub:
                self.run_tool("pub", "13", "--data", "x")
                read_until(sub.stdout, "x\n")
                sub.send_signal(number)
                self.assertEqual(self.finish(sub), ("", "1 frame, 0 in gaps\n"))

    def test_a_reader_that_leaves_ends_sub_quietly(self) -> None:
        with self.subscriber("14") as sub:
            assert sub.stdout is not None and sub.stderr is not None
            sub.stdout.close()
            self.assertEqual(sub.wait(DEADLINE_S), 0)
            self.assertEqual(sub.stderr.read(), b"0 frames, 0 in gaps\n")

    def test_sub_gives_up_at_its_deadline(self) -> None:
        _, err = self.run_tool("sub", "15", "--quiet", "--timeout_ms", "500", code=4)
        self.assertEqual(err, "mycelium sub: --timeout_ms 500 is over\n")

    def test_a_full_disk_is_told(self) -> None:
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                [TOOL, "status", "--url", self.broker.url],
                stdout=full,
                stderr=subprocess.PIPE,
                timeout=DEADLINE_S,
            )
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"No space left on device", done.stderr)

    def test_without_reconnecting_a_lost_broker_ends_sub_with_3(self) -> None:
        with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
            broker = Broker(directory)
            with self.subscriber("7", "--no_reconnect", url=broker.url) as sub:
                broker.stop()
                _, err = self.finish(sub, code=3)
        self.assertRegex(err, r"\Amycelium sub: .+\n0 frames, 0 in gaps\n\Z")

    def test_without_a_broker_the_message_says_what_was_tried(self) -> None:
        path = os.path.join(self.directory.name, "nobody.sock")
        for words in (
            ["pub", "7", "--data", "x"],
            ["sub", "7"],
            ["ping"],
            ["status"],
            ["bench"],
            ["request", "7", "--data", "x"],
            ["reply", "7", "--echo"],
        ):
            _, err = self.run_tool(*words, url="unix:" + path, code=3)
            self.assertTrue(err.startswith("mycelium %s: " % words[0]), err)
            self.assertIn(path, err)
            self.assertIn("mycelium-brokerd", err)

    def test_url_comes_from_the_environment(self) -> None:
        done = subprocess.run(
            [TOOL, "ping", "--count", "1"],
            env={"MYCELIUM_URL": self.broker.tcp},
            capture_output=True,
            timeout=DEADLINE_S,
        )
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_ping(self) -> None:
        out, _ = self.run_tool("ping", "--count", "3", "--interval_ms", "0")
        lines = out.splitlines()
        self.assertEqual(len(lines), 4)
        for line in lines[:3]:
            self.assertRegex(line, r"\Areply from mycelium-brokerd \S+ \S+: [\d.]+ us")
        self.assertRegex(
            lines[3],
            r"\A3 round trips: min [\d.]+ us, p50 [\d.]+ us, max [\d.]+ us\Z",
        )

    def test_status(self) -> None:
        with self.subscriber("16", "--topic", "a.>") as sub:
            text, _ = self.run_tool("status")
            status = json.loads(self.run_tool("status", "--format", "json")[0])
            pid = sub.pid
        self.assertIn("mycelium-brokerd ", text)
        self.assertIn(self.broker.url, text)
        self.assertIn(self.broker.tcp, text)
        self.assertRegex(text, r"type 16 +a\.>")
        sessions = [s for s in status["sessions"] if s["subscriptions"]]
        ours = [s for s in sessions if str(pid) in s["peer"]]
        self.assertEqual(len(ours), 1, status)
        self.assertEqual(ours[0]["name"], "mycelium sub")
        self.assertEqual(ours[0]["subscriptions"][0]["type_id"], 16)
        self.assertEqual(ours[0]["subscriptions"][0]["topic_filter"], "a.>")

    def test_status_metrics_are_what_prometheus_reads(self) -> None:
        text, _ = self.run_tool("status", "--metrics")
        self.assertIn("\n# TYPE mycelium_sessions gauge\nmycelium_sessions 1\n", text)

    def test_status_shows_more_sessions_than_one_reply_holds(self) -> None:
        # 600 names of 127 bytes; a reply ends after 64 KiB.
        path = self.broker.url[len("unix:") :]
        hello = b"\x08\x01\x22\x7f" + b"n" * 127
        magic = b"MYCELIUM"
        with contextlib.ExitStack() as stack:
            for _ in range(600):
                peer = stack.enter_context(socket.socket(socket.AF_UNIX))
                peer.settimeout(DEADLINE_S)
                peer.connect(path)
                peer.sendall(struct.pack("<IHBB", len(hello), 0, 1, 0))
                peer.sendall(magic + hello)
                self.assertTrue(peer.recv(16))
            out, _ = self.run_tool("status", "--format", "json")
        status = json.loads(out)
        names = [session["name"] for session in status["sessions"]]
        self.assertEqual(names.count("n" * 127), 600)
        ids = [session["session_id"] for session in status["sessions"]]
        self.assertEqual(ids, sorted(set(ids)))
        self.assertFalse(status["more"])

    def test_sub_tells_what_it_missed(self) -> None:
        frames = 20000
        with self.subscriber(
            "17",
            "--format",
            "json",
            "--queue_bytes_max",
            "65536",
            "--stall_ms_max",
            "0",
        ) as sub:
            assert sub.stdout is not None
            # Stopped, it can't keep up: 2 MB are more than its queue and the
            # kernel's buffers.
            sub.send_signal(signal.SIGSTOP)
            self.run_tool("pub", "17", "--data", "x" * 100, "--count", str(frames))
            sub.send_signal(signal.SIGCONT)
            next_sequence, missed, text = 1, 0, b""
            while next_sequence <= frames:
                piece = os.read(sub.stdout.fileno(), 65536)
                self.assertTrue(piece, "it ended at #%d" % next_sequence)
                *lines, text = (text + piece).split(b"\n")
                for line in map(json.loads, lines):
                    gap = line.get("gap")
                    self.assertEqual(
                        next_sequence,
                        gap["first_sequence"] if gap else line["sequence"],
                    )
                    if gap:
                        self.assertEqual((gap["type"], gap["reason"]), (17, "overflow"))
                        missed += gap["frames"]
                    next_sequence += gap["frames"] if gap else 1
            sub.send_signal(signal.SIGINT)
            _, err = self.finish(sub)
        self.assertGreater(missed, 0)
        self.assertEqual(err, "%d frames, %d in gaps\n" % (frames - missed, missed))

    def bench(self, *words: str, url: Optional[str] = None) -> Dict[str, Any]:
        out, _ = self.run_tool(
            "bench", "--seconds", "0.2", "--format", "json", *words, url=url
        )
        report: Dict[str, Any] = json.loads(out)
        self.assertEqual(
            list(report),
            [
                "mode",
                "url",
                "payload_bytes",
                "publishers",
                "subscribers",
                "seconds",
                "published_per_second",
                "delivered_per_second",
                "bytes_per_second",
                "lost",
                "in_gaps",
                "latency_us",
            ],
        )
        self.assertEqual(report["lost"], 0, out)
        if report["mode"] == "throughput":
            # A busy machine may deliver nothing within so short a time; what
            # counts is that nothing is lost.
            self.assertIsNone(report["latency_us"])
        else:
            self.assertGreater(report["delivered_per_second"], 0)
            latencies = list(report["latency_us"].values())
            self.assertEqual(
                list(report["latency_us"]),
                ["p50", "p90", "p99", "p99_9", "max"],
            )
            self.assertGreater(latencies[0], 0)
            self.assertEqual(latencies, sorted(latencies))
        return report

    def test_bench_measures_every_mode_on_every_carrier(self) -> None:
        for url in (self.broker.url, self.broker.tcp, "inproc:"):
            for delivery in ("direct", "queued"):
                with self.subTest(url=url, delivery=delivery):
                    common = ["--delivery", delivery]
                    self.bench(
                        "--publishers",
                        "2",
                        "--subscribers",
                        "2",
                        *common,
                        url=url,
                    )
                    self.bench("--mode", "latency", *common, url=url)
                    report = self.bench(
                        "--mode", "open", "--rate", "2000", *common, url=url
                    )
                    self.assertGreater(report["published_per_second"], 0)
                    self.assertLess(report["published_per_second"], 3000)

    def test_wrong_command_lines_end_with_2_and_one_line(self) -> None:
        cases = {
            (
                "pub",
                "7",
                "--tpoic",
                "x",
            ): 'mycelium pub: unknown flag "--tpoic", '
            "allowed --topic --json --data --hex --file --lines --count "
            "--ack --no_reconnect --verbose --schema -I --url --timeout_ms",
            ("pub",): "mycelium pub: no TYPE given, see mycelium help pub",
            (
                "pub",
                "0",
                "--data",
                "x",
            ): 'mycelium pub: TYPE "0": allowed 1 to 65535, or a message\'s '
            "full name such as chat.TextMessage",
            (
                "sub",
                "65536",
            ): 'mycelium sub: TYPE "65536": allowed 1 to 65535, or a message\'s '
            "full name such as chat.TextMessage, or all",
            (
                "pub",
                "7",
                "--data",
                "x",
                "--file",
                "y",
            ): "mycelium pub: more than one "
            "payload: allowed one of --json TEXT, --data, --hex, --file and -",
            (
                "pub",
                "7",
                "--hex",
                "f",
            ): "mycelium pub: --hex f: allowed pairs of hex digits",
            (
                "sub",
                "7",
                "--format",
                "xml",
            ): "mycelium sub: --format xml: allowed text, "
            "hex, json",
            (
                "bench",
                "--mode",
                "open",
            ): "mycelium bench: --mode open and --rate R go "
            "together",
            (
                "dance",
            ): 'mycelium: unknown command "dance", allowed pub sub request reply '
            "schema ping status top tap drain reload doctor bench",
        }
        for words, line in cases.items():
            with self.subTest(words):
                self.assertEqual(self.run_tool(*words, code=2), ("", line + "\n"))
        for words in (
            ("pub", "7", "--data", "x", "--topic", "a..b"),
            ("sub", "7", "--topic", ">.a"),
        ):
            with self.subTest(words):
                _, err = self.run_tool(*words, code=2)
                self.assertEqual(err.count("\n"), 1, err)
        _, err = self.run_tool("ping", url="http://x", code=2)
        self.assertIn("http://x", err)

    def test_help_fits_into_80_columns(self) -> None:
        for command in (
            "",
            "pub",
            "sub",
            "request",
            "reply",
            "schema",
            "ping",
            "status",
            "bench",
        ):
            out, _ = self.run_tool("help", *command.split())
            self.assertTrue(out.startswith("usage: mycelium "), out)
            self.assertIn("Exit codes", out)
            self.assertLessEqual(max(map(len, out.splitlines())), 80)


if __name__ == "__main__":
    unittest.main()
