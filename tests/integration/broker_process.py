"""Runs the real mycelium-brokerd for a test and watches over it.

A BrokerProcess belongs to the thread that made it.  BrokerTestCase is what the
tests derive from: it ends each broker with SIGTERM and holds it to exit 0.
"""

import fcntl
import functools
import os
import re
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from typing import IO, Any, Dict, List, Mapping, Optional, Pattern, Sequence, Union

from tests.integration.deadline import SECONDS, Deadline
from tests.integration.wire_client import WireClient

BINARY = os.path.join(
    os.path.dirname(os.path.abspath(__file__)),
    "../../broker/mycelium-brokerd",
)
LISTENING = re.compile(r"listening on (unix:\S+|tcp://\S+)")
SANITIZER_REPORT = re.compile(
    r"Sanitizer|runtime error:|Check failed|\*\*\* (Aborted|SIG)"
)
# Private to each test in Bazel's sandbox, and short enough for a socket.
TEMPORARY_ROOT = "/var/tmp"
LOG_PIPE_BYTES = 1 << 20
# Tests ask for the status over TCP, too.
ADMIN = 'admin { addresses: ["127.0.0.1", "::1"] }'


@functools.lru_cache(maxsize=None)
def carries(symbol: bytes) -> bool:
    with open(BINARY, "rb") as binary:
        return symbol in binary.read()


def instrumented() -> bool:
    """Whether the daemon carries a sanitizer, and so more memory."""
    return carries(b"__asan_init") or carries(b"__tsan_init")


def daemon_environment(additions: Optional[Mapping[str, str]]) -> Dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "ASAN_OPTIONS": "quarantine_size_mb=4",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        **(additions or {}),
    }


def run_to_end(
    *flags: str, environment: Optional[Mapping[str, str]] = None
) -> "subprocess.CompletedProcess[str]":
    """Runs a daemon that ends by itself: its status, stdout and stderr."""
    return subprocess.run(
        [BINARY, *flags],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        env=daemon_environment(environment),
        timeout=SECONDS,
        check=False,
    )


class BrokerProcess:
    """One daemon with its temporary directory and its log."""

    def __init__(
        self,
        config: Optional[str] = None,
        listen: Optional[Sequence[str]] = None,
        flags: Sequence[str] = (),
        stderr: Union[int, IO[Any], None] = None,
        environment: Optional[Mapping[str, str]] = None,
        wrapper: Sequence[str] = (),
        pass_fds: Sequence[int] = (),
    ) -> None:
        """`listen` None: a Unix socket and a TCP port of the broker's choice;
        an empty list: what the configuration says.  `stderr`: instead of the
        pipe behind log_lines().  `wrapper`: a command that runs the daemon, with
        the descriptors `pass_fds`."""
        self.directory = tempfile.mkdtemp(prefix="m", dir=TEMPORARY_ROOT)
        self.unix_path = os.path.join(self.directory, "s")
        self.config_path = os.path.join(self.directory, "brokerd.textproto")
        self.urls: List[str] = []
        self.ended_by_test = False
        self._log = b""
        self._log_pipe: Optional[int] = None
        if listen is None:
            listen = ["unix:" + self.unix_path, "tcp://127.0.0.1:0"]
        command = [*wrapper, BINARY]
        self.write_config(config or "")
        command.append("--config=" + self.config_path)
        if listen:
            command.append("--listen=" + ",".join(listen))
        self._start([*command, *flags], stderr, environment, pass_fds)
        if stderr is None:
            self.wait_until_listening(max(len(listen), 1))

    def _start(
        self,
        command: Sequence[str],
        stderr: Union[int, IO[Any], None],
        environment: Optional[Mapping[str, str]],
        pass_fds: Sequence[int],
    ) -> None:
        writer = None
        if stderr is None:
            self._log_pipe, writer = os.pipe2(os.O_CLOEXEC)
            os.set_blocking(self._log_pipe, False)
            fcntl.fcntl(self._log_pipe, fcntl.F_SETPIPE_SZ, LOG_PIPE_BYTES)
            stderr = writer
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stderr=stderr,
            cwd=self.directory,
            env=daemon_environment(environment),
            pass_fds=pass_fds,
        )
        if writer is not None:
            os.close(writer)
        self._exit_event = os.pidfd_open(self._process.pid)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def unix_url(self) -> str:
        return next(url for url in self.urls if url.startswith("unix:"))

    @property
    def tcp_url(self) -> str:
        return next(url for url in self.urls if url.startswith("tcp://"))

    def write_config(self, text: str) -> None:
        with open(self.config_path, "w", encoding="utf-8") as config:
            config.write(text + "\n" + ADMIN + "\n")

    def connect(self, url: Optional[str] = None, **hello: Any) -> WireClient:
        """A session over the first listener, or `url`, after WELCOME."""
        client = WireClient(url or self.urls[0])
        client.hello(**hello)
        return client

    # --- The log -------------------------------------------------------------

    def _drain_log(self) -> None:
        while self._log_pipe is not None:
            try:
                piece = os.read(self._log_pipe, LOG_PIPE_BYTES)
            except BlockingIOError:
                return
            if not piece:
                os.close(self._log_pipe)
                self._log_pipe = None
            self._log += piece

    def log_lines(self) -> List[str]:
        """What the daemon has written by now, whole lines."""
        self._drain_log()
        return self._log.decode(errors="replace").split("\n")[:-1]

    def log_text(self) -> str:
        self._drain_log()
        return self._log.decode(errors="replace")

    def _wait_for_log_or_exit(self, deadline: Deadline, what: str) -> None:
        poll = select.poll()
        poll.register(self._exit_event, select.POLLIN)
        if self._log_pipe is not None:
            poll.register(self._log_pipe, select.POLLIN)
        poll.poll(deadline.left(what) * 1000)

    def wait_for_log(
        self, pattern: Union[str, Pattern[str]], count: int = 1, after: int = 0
    ) -> List[str]:
        """The first `count` lines, from line `after` on, that `pattern` finds."""
        deadline = Deadline()
        while True:
            ended = self._process.poll() is not None
            found = [
                line for line in self.log_lines()[after:] if re.search(pattern, line)
            ]
            if len(found) >= count:
                return found[:count]
            # As it was searched: what has come since must wake the wait.
            what = "%d log lines with %r in:\n%s" % (
                count,
                pattern,
                self._log.decode(errors="replace"),
            )
            if ended:
                raise AssertionError("the broker ended, awaited " + what)
            self._wait_for_log_or_exit(deadline, what)

    def wait_until_listening(self, listeners: int) -> None:
        lines = self.wait_for_log(LISTENING, listeners)
        self.urls = [found.group(1) for found in map(LISTENING.search, lines) if found]

    # --- The process ---------------------------------------------------------

    def alive(self) -> bool:
        return self._process.poll() is None

    def send_signal(self, number: int) -> None:
        self._process.send_signal(number)

    def wait_for_exit(self) -> int:
        """The exit status, once everything that it logged has been read."""
        deadline = Deadline()
        while self._process.poll() is None:
            self._drain_log()
            self._wait_for_log_or_exit(
                deadline, "exit of the broker; its log:\n" + self.log_text()
            )
        self._drain_log()
        return self._process.returncode

    def stop(self) -> None:
        """Ends it as systemd would and holds it to what that promises."""
        if not self.alive():
            raise AssertionError(
                "the broker ended with status %d" % self._process.returncode
            )
        self.send_signal(signal.SIGTERM)
        if carries(b"__tsan_init"):
            self._wake()
        status = self.wait_for_exit()
        if status != 0:
            raise AssertionError("exit status %d after SIGTERM" % status)

    def _wake(self) -> None:
        """TSan keeps a signal that comes just before the loop sleeps until the
        next call that it sees; a loop that sleeps makes none."""
        for url in self.urls:
            try:
                WireClient(url).close()
            except OSError:
                pass  # it has stopped listening: the signal has arrived

    def assert_no_report(self) -> None:
        found = SANITIZER_REPORT.search(self.log_text())
        if found:
            raise AssertionError("the log has %r" % found.group(0))

    def remove(self) -> None:
        """Ends it in any case and leaves nothing behind."""
        if self.alive():
            self._process.kill()
            self._process.wait()
        self._drain_log()
        if self._log_pipe is not None:
            os.close(self._log_pipe)
            self._log_pipe = None
        os.close(self._exit_event)
        shutil.rmtree(self.directory)

    # --- What /proc says -----------------------------------------------------

    def open_descriptors(self) -> int:
        return len(os.listdir("/proc/%d/fd" % self.pid))

    def _status_bytes(self, field: str) -> int:
        with open("/proc/%d/status" % self.pid, encoding="ascii") as status:
            for line in status:
                if line.startswith(field + ":"):
                    return int(line.split()[1]) * 1024
        raise AssertionError("no %s in /proc/%d/status" % (field, self.pid))

    def resident_bytes(self) -> int:
        return self._status_bytes("VmRSS")

    def peak_resident_bytes(self) -> int:
        return self._status_bytes("VmHWM")

    def peak_address_bytes(self) -> int:
        return self._status_bytes("VmPeak")

    def limit_descriptors(self, limit: int) -> None:
        _, hard = resource.prlimit(self.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, (limit, hard))


class BrokerTestCase(unittest.TestCase):
    """Each broker of a test must be alive at its end and leave cleanly."""

    def setUp(self) -> None:
        super().setUp()
        self.logs: List[str] = []

    def run(
        self, result: Optional[unittest.TestResult] = None
    ) -> Optional[unittest.TestResult]:
        troubles = len(result.failures) + len(result.errors) if result else 0
        outcome = super().run(result)
        if result and len(result.failures) + len(result.errors) > troubles:
            for log in getattr(self, "logs", []):
                print("log of the broker in %s:\n%s" % (self.id(), log))
            sys.stdout.flush()
        return outcome

    def start_broker(
        self, config: Optional[str] = None, **options: Any
    ) -> BrokerProcess:
        broker = BrokerProcess(config, **options)
        self.addCleanup(self._finish, broker)
        return broker

    def _finish(self, broker: BrokerProcess) -> None:
        try:
            if not broker.ended_by_test:
                broker.stop()
            broker.assert_no_report()
        finally:
            self.logs.append(broker.log_text())
            broker.remove()

    def end(self, broker: BrokerProcess, expected_status: int = 0) -> None:
        """Awaits the end that the test itself has asked for."""
        status = broker.wait_for_exit()
        broker.ended_by_test = True
        self.assertEqual(status, expected_status, broker.log_text())

    def connect(
        self, broker: BrokerProcess, url: Optional[str] = None, **hello: Any
    ) -> WireClient:
        client = broker.connect(url, **hello)
        self.addCleanup(client.close)
        return client

    def connect_silent(self, url: str) -> WireClient:
        """A connection that has said nothing yet."""
        client = WireClient(url)
        self.addCleanup(client.close)
        return client
