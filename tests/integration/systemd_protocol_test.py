"""What the daemon and its service manager tell each other: the protocols of
sd_notify(3) and sd_listen_fds(3), and the journal's lines."""

import fcntl
import os
import re
import select
import signal
import socket
import subprocess
import tempfile
import unittest
from typing import Any, Dict, List, Sequence

from tests.integration.broker_process import (
    BINARY,
    TEMPORARY_ROOT,
    BrokerProcess,
    BrokerTestCase,
    daemon_environment,
)
from tests.integration.deadline import SECONDS, Deadline
from tests.integration.wire_client import encode_publish

# Hands descriptors 50, 51, ... over as 3, 4, ... to "$@", as systemd does.
HAND_OVER = """
for number in $(seq $LISTEN_FDS); do
  eval "exec $((number + 2))<&$((number + 49))-"
done
LISTEN_PID=$$ exec "$@"
"""


class SystemdProtocolTest(BrokerTestCase):
    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.TemporaryDirectory(prefix="m", dir=TEMPORARY_ROOT)
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.told.close)
        self.told.bind(os.path.join(self.folder, "notify"))

    def start(self, config: str = "", **options: Any) -> BrokerProcess:
        environment: Dict[str, str] = {
            "NOTIFY_SOCKET": os.path.join(self.folder, "notify"),
            **options.pop("environment", {}),
        }
        return self.start_broker(config, environment=environment, **options)

    def start_with_sockets(
        self, sockets: Sequence[socket.socket], config: str = "", **options: Any
    ) -> BrokerProcess:
        passed = []
        for number, each in enumerate(sockets):
            passed.append(fcntl.fcntl(each.fileno(), fcntl.F_DUPFD, 50 + number))
            self.addCleanup(os.close, passed[-1])
        self.assertEqual(passed, list(range(50, 50 + len(sockets))))
        return self.start(
            config,
            listen=[],
            environment={
                "LISTEN_FDS": str(len(sockets)),
                "LISTEN_FDNAMES": ":".join("s%d" % i for i in range(len(sockets))),
            },
            wrapper=["bash", "-c", HAND_OVER, "hand-over"],
            pass_fds=passed,
            **options,
        )

    def listening(self, family: int, address: Any) -> socket.socket:
        listener = socket.socket(family, socket.SOCK_STREAM)
        self.addCleanup(listener.close)
        listener.bind(address)
        listener.listen()
        return listener

    def next_told(self) -> List[str]:
        self.told.settimeout(SECONDS)
        return self.told.recv(4096).decode().split("\n")

    def await_told(self, line: str) -> None:
        deadline = Deadline()
        while line not in self.next_told():
            deadline.left(line)

    # --- sd_notify -----------------------------------------------------------

    def test_ready_comes_when_it_listens_and_stopping_when_it_stops(self) -> None:
        broker = self.start()
        self.assertEqual(self.next_told(), ["READY=1"])
        broker.send_signal(signal.SIGTERM)
        self.await_told("STOPPING=1")
        self.end(broker)

    def test_status_has_sessions_and_rates(self) -> None:
        broker = self.start(environment={"WATCHDOG_USEC": "60000"})
        client = self.connect(broker)
        client.send(encode_publish(7, b"x") * 1000)
        client.flush()
        deadline = Deadline()
        busy = re.compile(r"STATUS=1 sessions, [1-9]\d* frames/s in, 0 out, 0 dropped")
        while not any(busy.match(line) for line in self.next_told()):
            deadline.left("a status with a rate")

    def test_reload_is_told_whether_it_succeeds_or_not(self) -> None:
        broker = self.start("drain_timeout_ms: 100")
        self.await_told("READY=1")
        for config in ("drain_timeout_ms: 200", "drain_timeout: 200"):
            broker.write_config(config)
            broker.send_signal(signal.SIGHUP)
            told = self.next_told()
            while "RELOADING=1" not in told:
                told = self.next_told()
            self.assertRegex(told[1], r"^MONOTONIC_USEC=\d+$")
            self.await_told("READY=1")

    def test_the_watchdog_is_fed_by_the_loop_alone(self) -> None:
        broker = self.start(environment={"WATCHDOG_USEC": "150000"})
        for _ in range(3):
            self.await_told("WATCHDOG=1")
        broker.send_signal(signal.SIGSTOP)
        while select.select([self.told], [], [], 0.5)[0]:
            self.next_told()
        broker.send_signal(signal.SIGCONT)
        self.await_told("WATCHDOG=1")

    def test_the_watchdog_of_another_process_is_not_fed_in_a_hurry(self) -> None:
        self.start(environment={"WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"})
        self.await_told("READY=1")
        self.await_told("WATCHDOG=1")
        self.assertEqual(select.select([self.told], [], [], 0.3)[0], [])

    def test_a_systemd_that_is_gone_is_no_reason_to_stop(self) -> None:
        broker = self.start(
            environment={"NOTIFY_SOCKET": os.path.join(self.folder, "absent")}
        )
        self.connect(broker).flush()
        self.assertIn("NOTIFY_SOCKET " + self.folder, broker.log_text())

    # --- sd_listen_fds -------------------------------------------------------

    def test_given_sockets_are_served_in_place_of_the_files(self) -> None:
        path = os.path.join(self.folder, "given")
        unix = self.listening(socket.AF_UNIX, path)
        tcp = self.listening(socket.AF_INET, ("127.0.0.1", 0))
        broker = self.start_with_sockets(
            [unix, tcp], 'listen { url: "unix:%s/other" }' % self.folder
        )
        broker.wait_until_listening(2)
        port = tcp.getsockname()[1]
        self.assertEqual(broker.urls, ["unix:" + path, "tcp://127.0.0.1:%d" % port])
        for url in broker.urls:
            client = self.connect(broker, url)
            client.flush()
            client.close()
        self.assertFalse(os.path.exists(self.folder + "/other"))
        broker.stop()
        broker.ended_by_test = True
        # It is the manager's, and serves the next broker.
        self.assertTrue(os.path.exists(path))

    def test_who_connects_before_it_starts_is_served(self) -> None:
        path = os.path.join(self.folder, "given")
        unix = self.listening(socket.AF_UNIX, path)
        early = self.connect_silent("unix:" + path)
        self.start_with_sockets([unix])
        early.hello()
        early.flush()
        early.close()

    def refused(self, given: socket.socket, *flags: str, config: str = "") -> str:
        number = fcntl.fcntl(given.fileno(), fcntl.F_DUPFD, 50)
        self.addCleanup(os.close, number)
        with open(self.folder + "/config", "w", encoding="utf-8") as file:
            file.write(config)
        ended = subprocess.run(
            ["bash", "-c", HAND_OVER, "hand-over", BINARY]
            + ["--config=" + self.folder + "/config", *flags],
            pass_fds=[number],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            env=daemon_environment({"LISTEN_FDS": "1"}),
            timeout=SECONDS,
            check=False,
        )
        self.assertEqual(ended.returncode, 1, ended.stderr)
        return ended.stderr

    def test_a_given_socket_that_other_machines_reach_is_refused(self) -> None:
        given = self.listening(socket.AF_INET, ("0.0.0.0", 0))
        self.assertIn("allow_plaintext: true", self.refused(given))

    def test_a_given_socket_that_does_not_listen_is_refused(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as given:
            self.assertIn(
                "listen: descriptor 3 is another socket, allowed a stream socket "
                "that listens, Unix with a path or TCP",
                self.refused(given),
            )

    def test_listeners_from_two_sides_are_refused(self) -> None:
        given = self.listening(socket.AF_UNIX, os.path.join(self.folder, "given"))
        self.assertIn(
            "--listen unix:/x and 1 sockets of the service manager, allowed one",
            self.refused(given, "--listen=unix:/x"),
        )

    # --- The journal ---------------------------------------------------------

    def test_the_journal_gets_priorities_and_no_time(self) -> None:
        path = os.path.join(self.folder, "journal")
        with open(path, "w", encoding="utf-8") as journal:
            status = os.fstat(journal.fileno())
            broker = self.start(
                environment={
                    "JOURNAL_STREAM": "%d:%d" % (status.st_dev, status.st_ino)
                },
                stderr=journal,
            )
        self.await_told("READY=1")
        broker.write_config("drain_timeout: 1")
        broker.send_signal(signal.SIGHUP)
        self.await_told("READY=1")
        broker.stop()
        broker.ended_by_test = True
        with open(path, encoding="utf-8") as journal:
            lines = journal.read().splitlines()
        self.assertRegex(lines[0], r"^<6>listening on unix:/")
        self.assertTrue(
            any(line.startswith("<3>reload: nothing changed") for line in lines), lines
        )
        for line in lines:
            self.assertRegex(line, r"^<[346]>\D")


if __name__ == "__main__":
    unittest.main()
