#!/usr/bin/env python3
"""mycelium-brokerd under a real systemd: the units of deploy/systemd, in a
machine booted for it.

    tests/deploy/systemd_test.py FOLDER   # with mycelium-brokerd and mycelium

Exits with 77 and the reason if no machine can be booted here.
"""

import json
import os
import re
import sys
import unittest
from typing import List

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
sys.path.insert(0, ROOT)
from tests.deploy import nspawn_machine  # noqa: E402
from tests.integration.deadline import wait_until  # noqa: E402

UNITS = os.path.join(ROOT, "deploy/systemd")
CONFIG = "/etc/mycelium/brokerd.textproto"
SERVICE = "mycelium-brokerd.service"
SECONDS = 30.0


# Runs as the service does, before it, and tells what it was allowed to do.
PROBE = """
import errno, json, mmap, os, signal, socket

def set_user_id():
    path = "/run/mycelium/probe"
    open(path, "w").close()
    try:
        os.chmod(path, 0o4755)
    finally:
        os.unlink(path)

TRIED = {
    "chroot": lambda: os.chroot("/"),
    "nice": lambda: os.setpriority(os.PRIO_PROCESS, 0, 5),
    "netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
    "set user id": set_user_id,
    "write and execute": lambda: mmap.mmap(
        -1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
    ),
    "write /etc": lambda: open("/etc/probe", "w"),
    "write /usr": lambda: open("/usr/probe", "w"),
    "read /home": lambda: os.listdir("/home"),
    "read /proc of others": lambda: os.listdir("/proc/1"),
    "devices": lambda: os.stat("/dev/kmsg"),
    "inet": lambda: socket.create_server(("127.0.0.1", 0)),
}

def attempt(what):
    child = os.fork()
    if child == 0:
        try:
            what()
            os._exit(0)
        except OSError as error:
            os._exit(error.errno)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code < 0:
        return "killed by " + signal.Signals(-code).name
    return errno.errorcode[code] if code else "allowed"

print(json.dumps({name: attempt(what) for name, what in TRIED.items()}))
"""


class SystemdTest(unittest.TestCase):
    machine: nspawn_machine.NspawnMachine

    @classmethod
    def setUpClass(cls) -> None:
        machine = nspawn_machine.NspawnMachine()
        cls.machine = machine
        cls.addClassCleanup(machine.remove)
        for name in ("mycelium-brokerd", "mycelium"):
            machine.install(
                os.path.join(nspawn_machine.folder, name), "/usr/bin/" + name, 0o755
            )
        for unit in (SERVICE, "mycelium-brokerd.socket"):
            machine.install(
                os.path.join(UNITS, unit), "/usr/lib/systemd/system/" + unit
            )
        machine.install(
            os.path.join(UNITS, "mycelium.sysusers.conf"),
            "/usr/lib/sysusers.d/mycelium.conf",
        )
        machine.boot()

    def setUp(self) -> None:
        self.invocation = ""
        self.machine.write(CONFIG, "")
        self.run_here("systemctl", "reset-failed")

    def tearDown(self) -> None:
        self.run_here("systemctl", "stop", "mycelium-brokerd.socket", SERVICE)
        self.run_here("rm", "-rf", "/run/systemd/system/%s.d" % SERVICE)
        self.run_here("systemctl", "daemon-reload")

    # --- What the tests are made of ------------------------------------------

    def run_here(self, *command: str) -> str:
        return self.machine.run(*command).stdout

    def start(self) -> None:
        self.run_here("systemctl", "start", SERVICE)

    def property(self, name: str) -> str:
        return self.run_here("systemctl", "show", "-P", name, SERVICE).strip()

    def journal(self) -> List[str]:
        """The lines of the service's present or last run, "PRIORITY text"."""
        lines = []
        # Once it has stopped systemd has forgotten which it was.
        self.invocation = self.property("InvocationID") or self.invocation
        for line in self.run_here(
            "journalctl", "-o", "json", "_SYSTEMD_INVOCATION_ID=" + self.invocation
        ).splitlines():
            entry = json.loads(line)
            lines.append("%s %s" % (entry["PRIORITY"], entry["MESSAGE"]))
        return lines

    def await_journal(self, pattern: str) -> str:
        def found() -> str:
            return next(filter(re.compile(pattern).search, self.journal()), "")

        return wait_until(found, pattern)

    def drop_in(self, text: str) -> None:
        self.machine.write("/run/systemd/system/%s.d/test.conf" % SERVICE, text)
        self.run_here("systemctl", "daemon-reload")

    # --- The service ---------------------------------------------------------

    def test_start_returns_when_it_serves(self) -> None:
        self.start()
        self.run_here("mycelium", "ping", "--count", "1")
        wait_until(
            lambda: re.match(r"\d+ sessions, ", self.property("StatusText")),
            "a status",
        )
        self.assertEqual(
            self.run_here("stat", "-c", "%U %G %a", "/run/mycelium/brokerd.sock"),
            "mycelium mycelium 660\n",
        )

    def test_a_start_that_cannot_listen_is_not_ready(self) -> None:
        self.drop_in("[Service]\nRestart=no\n")
        self.machine.write(
            CONFIG, 'listen { url: "tcp://192.0.2.1:6940" } allow_plaintext: true'
        )
        was_ready = self.property("ActiveEnterTimestampMonotonic")
        failed = self.machine.run("systemctl", "start", SERVICE, check=False)
        self.assertNotEqual(failed.returncode, 0)
        self.assertEqual(self.property("ActiveState"), "failed")
        self.assertEqual(self.property("ActiveEnterTimestampMonotonic"), was_ready)
        self.await_journal(
            "^3 mycelium-brokerd: listen tcp://192.0.2.1:6940: bind: Cannot assign"
        )

    def test_a_start_that_fails_says_so(self) -> None:
        self.machine.write(CONFIG, "lisen {}")
        self.drop_in("[Service]\nRestart=no\n")
        failed = self.machine.run("systemctl", "start", SERVICE, check=False)
        self.assertNotEqual(failed.returncode, 0)
        self.await_journal(
            r"^3 mycelium-brokerd: %s:1:1: unknown field \"lisen\"$" % CONFIG
        )

    def test_the_journal_has_priorities_and_no_second_time(self) -> None:
        self.start()
        self.await_journal("^6 listening on ")
        self.run_here("systemctl", "stop", SERVICE)
        self.await_journal("^6 stopped$")
        for line in self.journal():
            self.assertNotRegex(line, r"\d\d:\d\d:\d\d")

    def test_reload(self) -> None:
        self.start()
        self.machine.write(CONFIG, "drain_timeout_ms: 4000")
        self.run_here("systemctl", "reload", SERVICE)
        self.await_journal("^6 reload: drain_timeout_ms in force$")
        self.machine.write(CONFIG, "drain_timeout: 4000")
        self.run_here("systemctl", "reload", SERVICE)
        self.await_journal("^3 reload: nothing changed: .*unknown field")
        self.assertEqual(self.property("ActiveState"), "active")
        self.run_here("mycelium", "ping", "--count", "1")

    def test_a_loop_that_hangs_is_started_again_and_clients_come_back(self) -> None:
        self.drop_in("[Service]\nWatchdogSec=1\n")
        self.start()
        hung = self.property("MainPID")
        subscriber = self.machine.start("mycelium", "sub", "7", "--count", "1")
        wait_until(
            lambda: " type 7 " in self.run_here("mycelium", "status"), "a subscriber"
        )
        self.run_here("kill", "-STOP", hung)
        wait_until(
            lambda: self.property("MainPID") not in ("0", hung)
            and self.property("ActiveState") == "active",
            "another process",
        )
        wait_until(
            lambda: " type 7 " in self.run_here("mycelium", "status"), "it is back"
        )
        self.run_here("mycelium", "pub", "7", "--data", "after")
        printed, errors = subscriber.communicate(timeout=SECONDS)
        self.assertEqual(subscriber.returncode, 0, errors)
        self.assertIn("after", printed)
        self.assertIn("connected again", errors)

    def test_a_stop_under_load_loses_nothing_that_was_accepted(self) -> None:
        self.start()
        subscriber = self.machine.start(
            *("mycelium", "sub", "7", "--no_reconnect", "--policy", "lossless")
        )
        wait_until(
            lambda: " type 7 " in self.run_here("mycelium", "status"), "a subscriber"
        )
        publisher = self.machine.start(
            *("mycelium", "pub", "7", "--data", "x", "--count", "100000000"),
            *("--ack", "--no_reconnect"),
        )
        # So that the pipe does not hold it back.
        received = 0
        assert subscriber.stdout is not None
        for line in subscriber.stdout:
            received += 1
            if received == 100_000:
                self.run_here("systemctl", "stop", "--no-block", SERVICE)
        _, told = publisher.communicate(timeout=SECONDS)
        self.assertEqual(publisher.returncode, 3, told)
        found = re.search(r"(\d+) accepted, \d+ not accepted", told)
        assert found is not None, told
        self.assertGreaterEqual(received, int(found.group(1)))
        subscriber.communicate(timeout=SECONDS)
        self.assertEqual(self.property("Result"), "success")

    def test_the_hardening_is_in_force(self) -> None:
        self.start()
        pid = self.property("MainPID")
        status = self.run_here("cat", "/proc/%s/status" % pid)
        for line in ("NoNewPrivs:\t1", "Seccomp:\t2", "CapEff:\t0000000000000000"):
            self.assertIn(line, status)
        user = self.run_here("id", "-u", "mycelium").strip()
        self.assertIn("Uid:\t" + "\t".join([user] * 4), status)
        inside = ("nsenter", "-t", pid, "-m", "touch")
        for path in ("/usr/x", "/etc/x", "/var/x"):
            refused = self.machine.run(*inside, path, check=False)
            self.assertIn("Read-only file system", refused.stderr)

    def test_what_the_service_does_not_need_is_refused_to_it(self) -> None:
        self.machine.write("/usr/local/lib/probe.py", PROBE)
        self.drop_in("[Service]\nExecStartPre=python3 /usr/local/lib/probe.py\n")
        self.start()
        self.assertEqual(
            json.loads(self.await_journal(r"^6 \{")[2:]),
            {
                "chroot": "killed by SIGSYS",
                "nice": "killed by SIGSYS",
                "netlink": "EAFNOSUPPORT",
                "set user id": "EPERM",
                "write and execute": "EPERM",
                "write /etc": "EROFS",
                "write /usr": "EROFS",
                "read /home": "EACCES",
                "read /proc of others": "ENOENT",
                "devices": "ENOENT",
                "inet": "allowed",
            },
        )

    def test_it_is_as_safe_as_it_says(self) -> None:
        self.run_here(
            *("systemd-analyze", "security", "--offline=true", "--threshold=20"),
            "/usr/lib/systemd/system/" + SERVICE,
        )
        verified = self.machine.run("systemd-analyze", "verify", SERVICE)
        self.assertEqual(verified.stderr, "")

    # --- The socket ----------------------------------------------------------

    def test_the_first_client_starts_it(self) -> None:
        self.run_here("systemctl", "start", "mycelium-brokerd.socket")
        for _ in range(2):
            self.assertEqual(self.property("ActiveState"), "inactive")
            self.run_here("mycelium", "ping", "--count", "1")
            self.assertEqual(self.property("ActiveState"), "active")
            self.await_journal("^6 listening on unix:/run/mycelium/brokerd.sock$")
            self.run_here("systemctl", "stop", SERVICE)

    def test_the_first_client_over_tcp_starts_it(self) -> None:
        self.machine.write(
            "/run/systemd/system/mycelium-brokerd.socket.d/test.conf",
            "[Socket]\nListenStream=127.0.0.1:6940\n",
        )
        self.addCleanup(
            self.run_here, "rm", "-r", "/run/systemd/system/mycelium-brokerd.socket.d"
        )
        self.run_here("systemctl", "daemon-reload")
        self.run_here("systemctl", "start", "mycelium-brokerd.socket")
        self.assertEqual(self.property("ActiveState"), "inactive")
        tcp = ("--url", "tcp://127.0.0.1:6940")
        self.run_here("mycelium", "ping", "--count", "1", *tcp)
        self.run_here("mycelium", "ping", "--count", "1")
        self.await_journal("^6 listening on tcp://127.0.0.1:6940$")


if __name__ == "__main__":
    nspawn_machine.run_tests(str(__doc__))
