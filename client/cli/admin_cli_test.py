"""status, top, tap, drain and reload against the real broker, and who may."""

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import tempfile
import termios
import time
import unittest
from typing import Any, Iterator, List, Tuple

from client.cli.tool_test_case import (
    BROKER,
    DEADLINE_S,
    OTHER_UID,
    TOOL,
    Broker,
    Tool,
    ToolTestCase,
    as_other_user,
    copy_for_all,
    read_until,
    wait_for,
    why_no_other_user,
)

WHY_NO_OTHER_USER = why_no_other_user()


class Terminal:
    """A tool on a terminal of its own."""

    def __init__(self, words: List[str], rows: int = 24, columns: int = 80) -> None:
        self.master, self.slave = pty.openpty()
        self.resize(rows, columns)
        self.before = termios.tcgetattr(self.slave)
        self.text = ""
        self.process = subprocess.Popen(
            [TOOL, *words],
            stdin=self.slave,
            stdout=self.slave,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def resize(self, rows: int, columns: int) -> None:
        size = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, size)

    def read(self) -> str:
        while select.select([self.master], [], [], 0)[0]:
            self.text += os.read(self.master, 65536).decode(errors="replace")
        return self.text

    def wait_for(self, pattern: str) -> None:
        wait_for(lambda: re.search(pattern, self.read()), pattern)

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def page(self) -> List[str]:
        """The lines of the last whole page."""
        pages = self.read().split("\x1b[H")
        return pages[-2].replace("\x1b[J", "").replace("\x1b[K", "").split("\r\n")

    def finish(self) -> int:
        # Whoever writes to a terminal waits until it is read.
        def ended() -> bool:
            self.read()
            return self.process.poll() is not None

        wait_for(ended, "it ends")
        self.read()
        return self.process.returncode

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
        os.close(self.master)
        os.close(self.slave)


class AdminTestCase(ToolTestCase):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        # Whoever is let in by the socket's own mode.
        os.chmod(cls.directory.name, 0o755)
        os.chmod(cls.broker.url[len("unix:") :], 0o777)

    @contextlib.contextmanager
    def running(self, *words: str, url: str = "") -> Iterator[Tool]:
        process = subprocess.Popen(
            [TOOL, *words, "--url", url or self.broker.url],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()


class PermissionTest(AdminTestCase):
    @unittest.skipIf(bool(WHY_NO_OTHER_USER), WHY_NO_OTHER_USER)
    def test_another_user_is_refused_and_told_what_is_allowed(self) -> None:
        for words in (
            ["status"],
            ["top", "--once"],
            ["tap", "all"],
            ["drain"],
            ["reload"],
        ):
            _, err = self.run_as_other_user(*words, code=1)
            what = "status" if words[0] == "top" else words[0]
            self.assertEqual(
                err,
                "mycelium %s: admin: %s asked for by uid %d, allowed uid 0, the "
                "broker's own uid 0 and those of admin { users uids } in its "
                "configuration: nobody\n" % (words[0], what, OTHER_UID),
            )
        self.run_tool("status")

    @unittest.skipIf(bool(WHY_NO_OTHER_USER), WHY_NO_OTHER_USER)
    def test_another_user_may_do_what_clients_need(self) -> None:
        self.run_as_other_user("ping", "--count", "1")
        self.run_as_other_user("schema", "show")
        self.run_as_other_user("pub", "7", "--data", "x")

    @unittest.skipIf(bool(WHY_NO_OTHER_USER), WHY_NO_OTHER_USER)
    def test_the_brokers_own_user_may_ask(self) -> None:
        with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
            os.chmod(directory, 0o777)
            url = "unix:%s/own.sock" % directory
            with open(os.path.join(directory, "log"), "wb") as log:
                process = subprocess.Popen(
                    [copy_for_all(BROKER, self.programs.name), "--listen", url],
                    stderr=log,
                    cwd="/",
                    preexec_fn=as_other_user,
                )
            try:
                wait_for(
                    lambda: os.path.exists(url[len("unix:") :]), "the broker listens"
                )
                self.run_as_other_user("status", url=url)
                self.run_tool("status", url=url)
            finally:
                process.terminate()
                process.wait(DEADLINE_S)

    def test_tcp_is_refused(self) -> None:
        _, err = self.run_tool("status", url=self.broker.tcp, code=1)
        self.assertEqual(
            err,
            "mycelium status: admin: status asked for from address 127.0.0.1, "
            "allowed the addresses of admin { addresses } in the broker's "
            "configuration: nobody\n",
        )


class ConfiguredTest(AdminTestCase):
    """The configuration names others, and changes its mind."""

    config = 'admin { uids: %d addresses: "127.0.0.0/8" }' % OTHER_UID

    def write(self, text: str) -> str:
        path = os.path.join(self.directory.name, "brokerd.textproto")
        with open(path, "w") as file:
            file.write(text)
        return path

    def tearDown(self) -> None:
        self.write(self.config)
        self.run_tool("reload")

    def test_whom_it_names_may_ask(self) -> None:
        self.run_tool("status", url=self.broker.tcp)

    @unittest.skipIf(bool(WHY_NO_OTHER_USER), WHY_NO_OTHER_USER)
    def test_a_uid_that_it_names_may_ask(self) -> None:
        self.run_as_other_user("status")

    def test_reload_tells_what_is_in_force_and_what_takes_a_restart(self) -> None:
        self.write('name: "other" limits { sessions_max: 77 }')
        out, _ = self.run_tool("reload")
        self.assertEqual(
            out,
            "in force: limits.sessions_max\nin force: admin.uids\n"
            "in force: admin.addresses\ntakes a restart: name\n",
        )
        self.run_tool("status", url=self.broker.tcp, code=1)
        self.write("limits { sessions_max: 77 }")
        self.assertEqual(self.run_tool("reload")[0], "nothing changed\n")

    def test_reload_of_a_broken_file_tells_each_error_and_changes_nothing(self) -> None:
        path = self.write(
            "limits { sessions_max: 0 }\nadmin { users: 'nobody here' }\n"
        )
        out, err = self.run_tool("reload", code=1)
        self.assertEqual(out, "")
        self.assertEqual(
            err,
            "mycelium reload: %s:1:10: limits.sessions_max: 0, allowed 1 to 1000000\n"
            '%s:2:9: admin.users: "nobody here", allowed a user of this system\n'
            % (path, path),
        )
        self.run_tool("status", url=self.broker.tcp)
        status = json.loads(self.run_tool("status", "--format", "json")[0])
        self.assertEqual(status["sessions_max"], 16384)

    def test_reload_gives_the_reason_where_it_is_logged(self) -> None:
        self.write("nonsense")
        self.run_tool("reload", code=1)
        self.assertIn("reload: nothing changed", self.broker.said())


class DrainTest(AdminTestCase):
    def test_drain_lets_a_subscriber_take_all_and_ends_the_broker(self) -> None:
        with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
            broker = Broker(directory)
            with self.subscriber(
                "7", "--no_reconnect", "--policy", "lossless", url=broker.url
            ) as sub:
                sub.send_signal(signal.SIGSTOP)
                self.run_tool(
                    "pub", "7", "--data", "x" * 1000, "--count", "2000", url=broker.url
                )
                with self.running("drain", url=broker.url) as drain:
                    text = read_until(drain.stdout, r"draining: 1 session, .*\n")[0]
                    self.assertRegex(text, r"iB queued\n\Z")
                    sub.send_signal(signal.SIGCONT)
                    out, _ = sub.communicate(timeout=DEADLINE_S)
                    self.assertEqual(out.count(b"\n"), 2000)
                    out_text, _ = self.finish(drain)
                    self.assertIn(
                        "drained: everything queued was read, the broker ends\n",
                        out_text,
                    )
            self.assertEqual(broker.process.wait(DEADLINE_S), 0)
            self.assertIn("stopping: asked for by ADMIN", broker.said())

    def test_drain_tells_what_was_left(self) -> None:
        with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
            broker = Broker(directory, "drain_timeout_ms: 300")
            with self.subscriber("7", "--no_reconnect", url=broker.url) as sub:
                sub.send_signal(signal.SIGSTOP)
                self.run_tool(
                    "pub", "7", "--data", "x" * 1000, "--count", "5000", url=broker.url
                )
                out, err = self.run_tool("drain", url=broker.url, code=1)
            self.assertIn("draining: at most 300 ms\n", out)
            self.assertRegex(
                err,
                r"\Amycelium drain: 1 session, .* queued when drain_timeout_ms 300 "
                r"was over; that is lost\n\Z",
            )
            self.assertEqual(broker.process.wait(DEADLINE_S), 0)

    @contextlib.contextmanager
    def draining(self) -> Iterator[Tuple[Broker, Any, Any]]:
        """The broker, a subscriber that stands still with frames queued for it,
        and a drain that waits for it."""
        with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
            broker = Broker(directory, "drain_timeout_ms: 60000")
            with self.subscriber("7", "--no_reconnect", url=broker.url) as sub:
                sub.send_signal(signal.SIGSTOP)
                self.run_tool(
                    "pub", "7", "--data", "x" * 1000, "--count", "5000", url=broker.url
                )
                with self.running("drain", url=broker.url) as drain:
                    read_until(drain.stdout, r"draining: 1 session")
                    yield broker, sub, drain

    def test_a_drain_that_nobody_follows_ends_the_broker_too(self) -> None:
        with self.draining() as (broker, sub, drain):
            drain.kill()
            drain.wait(DEADLINE_S)
            sub.send_signal(signal.SIGCONT)
            self.assertEqual(broker.process.wait(DEADLINE_S), 0)

    def test_sigterm_during_a_drain_does_not_cut_it_short(self) -> None:
        with self.draining() as (broker, sub, drain):
            broker.process.terminate()
            sub.send_signal(signal.SIGCONT)
            self.finish(drain)
            self.assertEqual(broker.process.wait(DEADLINE_S), 0)

    def test_a_broker_that_is_killed_ends_drain_with_3(self) -> None:
        with self.draining() as (broker, _, drain):
            broker.process.kill()
            broker.process.wait(DEADLINE_S)
            self.finish(drain, code=3)


class TapTest(AdminTestCase):
    @contextlib.contextmanager
    def tap(self, *words: str, url: str = "") -> Iterator[Tool]:
        with self.running("tap", *words, url=url) as process:
            read_until(process.stderr, "tapping .*\n")
            yield process

    def test_it_prints_time_sender_and_frame_of_what_its_filters_take(self) -> None:
        with self.tap("7", "8", "--topic", "a.*", "--topic", "b", "--count=2") as tap:
            for type_id, topic in (("7", "c"), ("9", "a.b"), ("7", "a.b"), ("8", "b")):
                self.run_tool("pub", type_id, "--topic", topic, "--data", topic)
            out, err = self.finish(tap)
        time_and_sender = (
            r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \d+ \(mycelium pub\) publish "
        )
        self.assertRegex(
            out,
            r"\A%s7 a\.b #\d+ \(3 B\) a\.b\n%s8 b #\d+ \(1 B\) b\n\Z"
            % (time_and_sender, time_and_sender),
        )
        self.assertEqual(err, "2 frames, 0 in gaps\n")

    def test_it_sees_requests_and_replies_as_json(self) -> None:
        with self.running("reply", "17", "--echo") as reply:
            read_until(reply.stderr, r"\n")
            with self.tap("17", "--count", "2", "--format", "json") as tap:
                self.run_tool("request", "17", "--data", "why")
                lines = self.finish(tap)[0].splitlines()
        request, answer = map(json.loads, lines)
        self.assertEqual((request["kind"], answer["kind"]), ("request", "reply"))
        self.assertEqual(request["sender"], "mycelium request")
        self.assertEqual(answer["sender"], "mycelium reply")
        self.assertEqual((request["text"], answer["text"]), ("why", "why"))

    def test_a_tap_takes_nothing_from_a_group_and_is_no_subscription(self) -> None:
        with self.tap("18", "--count", "20") as tap:
            with self.subscriber("18", "--group", "g", "--count", "20") as sub:
                self.run_tool("pub", "18", "--data", "x", "--count", "20")
                self.assertEqual(self.finish(sub)[0].count("\n"), 20)
            self.assertEqual(self.finish(tap)[0].count("\n"), 20)
        with self.tap("all"):
            status = json.loads(self.run_tool("status", "--format", "json")[0])
        taps = [s for s in status["sessions"] if s["name"] == "mycelium tap"]
        self.assertEqual(len(taps), 1)
        self.assertEqual(taps[0]["subscriptions_total"], 0)

    def test_a_tap_that_stands_still_slows_nobody_and_is_told_its_gap(self) -> None:
        count = 200000
        with self.tap("19") as tap:
            tap.send_signal(signal.SIGSTOP)
            self.run_tool("pub", "19", "--data", "x" * 200, "--count", str(count))
            status = json.loads(self.run_tool("status", "--format", "json")[0])
            self.assertEqual(status["counters"]["holds"], 0)
            tap.send_signal(signal.SIGCONT)
            text = read_until_count(tap, count)
        self.assertIn("(overflow)", text)

    def test_a_payload_may_be_cut(self) -> None:
        with self.tap("20", "--payload_bytes", "3", "--count", "1") as tap:
            self.run_tool("pub", "20", "--data", "abcdef")
            self.assertRegex(
                self.finish(tap)[0], r"\(3 B, the beginning of 6 B\) abc\n\Z"
            )

    def test_a_reader_that_leaves_and_ctrl_c_end_it_quietly(self) -> None:
        with self.tap("21") as tap:
            assert tap.stdout is not None
            tap.stdout.close()
            self.assertEqual(tap.wait(DEADLINE_S), 0)
        with self.tap("21") as tap:
            tap.send_signal(signal.SIGINT)
            self.assertEqual(self.finish(tap), ("", "0 frames, 0 in gaps\n"))

    def test_a_full_disk_is_told(self) -> None:
        with open("/dev/full", "wb") as full:
            tap = subprocess.Popen(
                [TOOL, "tap", "22", "--url", self.broker.url],
                stdout=full,
                stderr=subprocess.PIPE,
            )
            try:
                read_until(tap.stderr, "tapping .*\n")
                self.run_tool("pub", "22", "--data", "x")
                _, err = tap.communicate(timeout=DEADLINE_S)
            finally:
                tap.kill()
                tap.wait(DEADLINE_S)
        self.assertEqual(tap.returncode, 1)
        self.assertIn(b"No space left on device", err)

    def test_it_outlives_its_broker_and_says_so(self) -> None:
        with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
            broker = Broker(directory)
            with self.tap("7", url=broker.url) as tap:
                broker.process.kill()
                broker.process.wait(DEADLINE_S)
                broker = Broker(directory)
                read_until(tap.stdout, r"gap: unknown \(reconnect\)\n")
                self.run_tool("pub", "7", "--data", "again", url=broker.url)
                read_until(tap.stdout, "again\n")
            with self.tap("7", "--no_reconnect", url=broker.url) as tap:
                broker.process.kill()
                broker.process.wait(DEADLINE_S)
                self.finish(tap, code=3)

    def test_wrong_words_and_flags(self) -> None:
        for words, what in (
            (["tap"], "no TYPE"),
            (["tap", "0"], 'TYPE "0"'),
            (["tap", "7", "--payload_bytes", "65537"], "payload_bytes"),
            (["tap", "7", "--policy", "live"], "policy"),
            (["top", "7"], "7"),
            (["top", "--interval_ms", "1"], "interval_ms"),
            (["drain", "now"], "now"),
            (["reload", "--format", "json"], "format"),
        ):
            _, err = self.run_tool(*words, code=2)
            self.assertIn(what, err)
        _, err = self.run_tool("tap", "7", "--topic", "a..b", code=1)
        self.assertTrue(err.startswith("mycelium tap: topic filter: "), err)
        self.run_tool("tap", "no.Such", code=1)

    def test_timeout(self) -> None:
        _, err = self.run_tool("tap", "7", "--quiet", "--timeout_ms", "300", code=4)
        self.assertEqual(err, "mycelium tap: --timeout_ms 300 is over\n")


def read_until_count(tap: Tool, count: int) -> str:
    """All that it prints, up to the last of `count` frames."""
    assert tap.stdout is not None
    text = b""
    end = time.monotonic() + DEADLINE_S
    last = b" #%d " % count
    while last not in text[-4096:]:
        left = end - time.monotonic()
        if not select.select([tap.stdout], [], [], max(left, 0))[0]:
            raise AssertionError("not within %d s: %r" % (DEADLINE_S, last))
        text += os.read(tap.stdout.fileno(), 1 << 20)
    decoded = text.decode()
    missed = sum(map(int, re.findall(r"^gap: (\d+) frames?", decoded, re.M)))
    seen = len(re.findall(r" publish ", decoded))
    if missed + seen != count:
        raise AssertionError("%d seen, %d missed of %d" % (seen, missed, count))
    return decoded


class TopTest(AdminTestCase):
    @contextlib.contextmanager
    def top(self, *words: str, url: str = "") -> Iterator[Terminal]:
        terminal = Terminal(["top", "--url", url or self.broker.url, *words])
        try:
            yield terminal
        finally:
            terminal.close()

    def expect_restored(self, terminal: Terminal) -> None:
        self.assertEqual(termios.tcgetattr(terminal.slave), terminal.before)
        self.assertTrue(terminal.text.endswith("\x1b[?25h\x1b[?1049l"))

    def test_it_shows_types_and_sessions_with_rates(self) -> None:
        with self.subscriber("7"), self.running("pub", "7", "--lines"), self.top(
            "--interval_ms", "50"
        ) as top:
            self.run_tool("pub", "7", "--data", "x", "--count", "100")
            top.wait_for(r" 7 -  .* 100 +1 ")
            top.wait_for(r"mycelium sub ")
            top.type("q")
            self.assertEqual(top.finish(), 0)
            self.expect_restored(top)

    def test_it_keeps_to_80_columns_and_to_a_new_size(self) -> None:
        with self.top("--interval_ms", "50") as top:
            top.wait_for("(?s)(q ends it.*){3}")
            page = top.page()
            self.assertLessEqual(max(map(len, page)), 80)
            self.assertLessEqual(len(page), 24)
            top.resize(6, 70)
            os.kill(top.process.pid, signal.SIGWINCH)
            top.wait_for(r"(?s)(and \d+ more lines.*){2}")
            page = top.page()
            self.assertLessEqual(max(map(len, page)), 70)
            self.assertLessEqual(len(page), 6)
            top.type("q")
            self.assertEqual(top.finish(), 0)

    def test_every_end_restores_the_terminal(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.top("--interval_ms", "50") as top:
                top.wait_for("q ends it")
                top.process.send_signal(number)
                self.assertEqual(top.finish(), 0)
                self.expect_restored(top)

    def test_a_broker_that_goes_away_is_waited_for(self) -> None:
        with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
            broker = Broker(directory)
            with self.top("--interval_ms", "50", url=broker.url) as top:
                top.wait_for("q ends it")
                broker.process.kill()
                broker.process.wait(DEADLINE_S)
                top.wait_for("waiting for the broker: ")
                broker = Broker(directory)
                top.text = ""
                top.wait_for("q ends it")
                broker.process.kill()
                broker.process.wait(DEADLINE_S)
                top.wait_for("waiting for the broker: ")
                top.type("q")
                self.assertEqual(top.finish(), 0)
                self.expect_restored(top)

    def test_once_and_a_pipe_give_plain_text(self) -> None:
        with self.running("pub", "7", "--lines"):
            out, _ = self.run_tool("top", "--once", "--interval_ms", "100")
        self.assertNotIn("\x1b", out)
        self.assertRegex(out, r"\Amycelium-brokerd .*\nin [\d.]+\w?/s, ")
        self.assertEqual(len(re.findall("^mycelium-brokerd", out, re.M)), 1)
        with self.running("top", "--interval_ms", "20") as top:
            read_until(top.stdout, r"(?s)mycelium-brokerd.*\n\nmycelium-brokerd")
            top.send_signal(signal.SIGTERM)
            self.finish(top)

    def test_without_a_broker_it_ends_with_3(self) -> None:
        path = os.path.join(self.directory.name, "nobody.sock")
        for words in (["top"], ["tap", "all"], ["drain"], ["reload"]):
            _, err = self.run_tool(*words, url="unix:" + path, code=3)
            self.assertTrue(err.startswith("mycelium %s: " % words[0]), err)

    def test_a_full_disk_is_told(self) -> None:
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                [TOOL, "top", "--once", "--interval_ms=10", "--url", self.broker.url],
                stdout=full,
                stderr=subprocess.PIPE,
                timeout=DEADLINE_S,
            )
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"No space left on device", done.stderr)


if __name__ == "__main__":
    unittest.main()
