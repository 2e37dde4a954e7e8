"""mycelium doctor against what can be wrong."""

import contextlib
import os
import resource
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import unittest
from typing import Any, Iterator

from client.cli.tool_test_case import (
    OTHER_UID,
    TOOL,
    Broker,
    ToolTestCase,
    wait_for,
    why_no_other_user,
)

WHY_NO_OTHER_USER = why_no_other_user()
SCHEMA = """syntax = "proto3"; package chat;
import "mycelium/options.proto";
message Text { option (mycelium.type_id) = 1; %s timestamp = 1; }
"""


@contextlib.contextmanager
def saying(answer: bytes) -> Iterator[str]:
    """A server that says this to whoever says something, and is no broker."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                peer, _ = server.accept()
                with peer:
                    peer.recv(4096)
                    peer.sendall(answer)
                    while answer and peer.recv(4096):
                        pass

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield "tcp://127.0.0.1:%d" % server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


class DoctorTest(ToolTestCase):
    def expect_problem(self, url: str, *parts: str, run: Any = None) -> None:
        out, _ = (run or self.run_tool)("doctor", url=url, code=1)
        problems = [
            block for block in ("\n" + out).split("\nproblem")[1:] if "try: " in block
        ]
        self.assertEqual(len(problems), 1, out)
        for part in parts:
            self.assertIn(part, problems[0])

    def test_a_healthy_broker_leaves_nothing_to_do(self) -> None:
        out, err = self.run_tool("doctor")
        self.assertEqual(err, "")
        self.assertTrue(out.endswith("\nnothing to do\n"), out)
        subjects = [line.split(":")[0].split()[1] for line in out.splitlines()[:-1]]
        for subject in (
            "url socket connection greeting version sessions memory queues held clock"
        ).split():
            self.assertIn(subject, subjects)
        self.assertNotIn("problem", out)

    def test_over_tcp_it_says_what_needs_permission(self) -> None:
        out, _ = self.run_tool("doctor", url=self.broker.tcp)
        self.assertIn("not checked  limits: admin: status asked for from address", out)

    def test_a_folder_a_socket_or_a_broker_that_is_missing(self) -> None:
        folder = self.directory.name
        self.expect_problem(
            "unix:%s/none/b.sock" % folder,
            "folder: %s/none: No such file or directory" % folder,
            "mycelium-brokerd --listen",
        )
        self.expect_problem(
            "unix:%s/none.sock" % folder, "none.sock: No such file", "systemctl start"
        )
        plain = os.path.join(folder, "plain")
        open(plain, "w").close()
        self.expect_problem("unix:" + plain, "plain is no socket")
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        self.expect_problem("tcp://127.0.0.1:%d" % port, "connection: refused")

    def test_a_socket_that_is_left_over(self) -> None:
        with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
            broker = Broker(directory)
            broker.process.kill()
            broker.process.wait()
            self.expect_problem(
                broker.url, "the socket file is left over", "mycelium-brokerd --listen"
            )

    @unittest.skipIf(bool(WHY_NO_OTHER_USER), WHY_NO_OTHER_USER)
    def test_permission_names_who_it_is_and_what_it_needs(self) -> None:
        os.chmod(self.directory.name, 0o700)
        try:
            self.expect_problem(
                self.broker.url,
                "permission: %s is closed to uid %d" % (self.directory.name, OTHER_UID),
                "mode 0700, owner root (uid 0)",
                run=self.run_as_other_user,
            )
            os.chmod(self.directory.name, 0o755)
            self.expect_problem(
                self.broker.url,
                "brokerd.sock is closed to uid %d" % OTHER_UID,
                "mode 0660, owner root (uid 0), group root",
                run=self.run_as_other_user,
            )
        finally:
            os.chmod(self.directory.name, 0o755)

    @unittest.skipIf(bool(WHY_NO_OTHER_USER), WHY_NO_OTHER_USER)
    def test_a_user_who_may_connect_gets_the_basic_checks(self) -> None:
        os.chmod(self.directory.name, 0o755)
        path = self.broker.url[len("unix:") :]
        os.chmod(path, 0o777)
        try:
            out, _ = self.run_as_other_user("doctor")
        finally:
            os.chmod(path, 0o660)
        self.assertIn("ok           greeting: mycelium-brokerd", out)
        self.assertIn("asked for by uid %d" % OTHER_UID, out)

    def test_something_else_that_listens(self) -> None:
        with saying(b"HTTP/1.1 400 Bad Request\r\n\r\n") as url:
            self.expect_problem(
                url, "something else listens there; it said HTTP/1.1 400 Bad Request"
            )
        with saying(b"\x15\x03\x01\x00\x02\x02\x46") as url:
            self.expect_problem(url, "TLS is spoken there")
        with saying(b"") as url:
            self.expect_problem(url, "closed without a word")

    def test_another_version(self) -> None:
        reason = b"hello: version 1, allowed 2"
        body = b"\x08\x03\x12" + bytes([len(reason)]) + reason
        close = struct.pack("<IHBBQ", len(body), 0, 16, 0, 0) + body
        with saying(close) as url:
            out, _ = self.run_tool("doctor", url=url, code=1)
        self.assertIn("version: the broker refuses this client: hello: version 1", out)

    def test_tls_spoken_to_the_broker_is_named_in_its_log(self) -> None:
        host, port = self.broker.tcp[len("tcp://") :].split(":")
        with socket.create_connection((host, int(port)), 20) as peer:
            peer.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(16))
            while peer.recv(4096):
                pass
        wait_for(
            lambda: "the first bytes are TLS, allowed a HELLO" in self.broker.said(),
            "the log says so",
        )

    def test_a_schema_that_does_not_fit_names_the_field(self) -> None:
        paths = {}
        for kind in ("int64", "string"):
            paths[kind] = os.path.join(self.directory.name, kind + ".proto")
            with open(paths[kind], "w") as file:
                file.write(SCHEMA % kind)
        with self.subscriber("chat.Text", "--schema", paths["int64"]):
            out, _ = self.run_tool("doctor", "--schema", paths["int64"])
            self.assertIn("goes with the 1 in use at the broker", out)
            out, _ = self.run_tool("doctor", "--schema", paths["string"], code=1)
        self.assertIn(
            "chat.Text.timestamp is string here, int64 at the broker (field 1", out
        )

    def test_a_queue_that_is_full_and_who_waits_for_it(self) -> None:
        with self.subscriber("9", "--policy", "lossless", "--queue_bytes=65536") as sub:
            sub.send_signal(signal.SIGSTOP)
            publisher = subprocess.Popen(
                [TOOL, "pub", "9", "--data", "x" * 1000, "--count", "100000"]
                + ["--url", self.broker.url],
                stderr=subprocess.DEVNULL,
            )
            try:
                wait_for(
                    lambda: " held: type 9" in self.run_tool("status")[0],
                    "somebody is held",
                )
                out, _ = self.run_tool("doctor", code=1)
                self.assertRegex(out, r"queues: session \d+ \(mycelium sub\) has ")
                self.assertRegex(
                    out, r"may not publish type 9 because of session \d+ \(mycelium sub"
                )
            finally:
                publisher.kill()
                publisher.wait()

    def test_sessions_max_is_reached(self) -> None:
        with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
            broker = Broker(directory, "limits { sessions_max: 1 }")
            try:
                with self.subscriber("7", url=broker.url):
                    self.expect_problem(
                        broker.url, "sessions: 1 are open, allowed 1", "sessions_"
                    )
            finally:
                broker.stop()

    def test_the_own_limit_of_open_files(self) -> None:
        def lower() -> None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))

        out, _ = self.run_tool("doctor", code=1, preexec_fn=lower)
        self.assertIn("own files: programs started here may open 100", out)
        self.assertIn("try: ulimit -n", out)

    def test_wrong_flags(self) -> None:
        self.run_tool("doctor", "now", code=2)
        self.run_tool("doctor", "--timeout_ms", "0", code=2)
        self.run_tool("doctor", "--schema", "/nowhere.proto", code=2)
        self.expect_problem("http://x", "url: ", "unix:/path or tcp://host:port")


if __name__ == "__main__":
    unittest.main()
