"""A Debian with a real systemd, booted in a container of its own with
systemd-nspawn, for tests of what is installed there.

Needs root, mmdebstrap and systemd-container, and mounts and namespaces that the
machine allows.  Nothing of it is left behind but the image, which is kept in
~/.cache/mycelium-deploy under a name made of what is in it, since making it takes
half a minute.
"""

import atexit
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from typing import List, Optional

# What Mycelium's packages need is here already: the machine has no network.
PACKAGES = (
    "systemd,systemd-sysv,dbus,procps,libunwind8,libprometheus-cpp-core1.0,python3"
)
BOOT_TIMEOUT_S = 60.0
COMMAND_TIMEOUT_S = 120.0

# Of the release, the argument of every test here; set by run_tests.
folder = ""


def missing() -> Optional[str]:
    """Why no machine can be booted here, after having made the image."""
    if os.geteuid() != 0:
        return "not root"
    for command in ("mmdebstrap", "systemd-nspawn", "nsenter"):
        if shutil.which(command) is None:
            return "no " + command
    allowed = subprocess.run(
        [
            "unshare",
            "-m",
            "-p",
            "-u",
            "-i",
            "-f",
            "mount",
            "-t",
            "tmpfs",
            "none",
            "/mnt",
        ],
        stderr=subprocess.PIPE,
        encoding="utf-8",
        check=False,
    )
    if allowed.returncode != 0:
        return "no namespaces and mounts: " + allowed.stderr.strip()
    try:
        base_tree()
    except RuntimeError as error:
        return str(error)
    return None


def base_tree() -> str:
    """The folder of a Debian as it is after its installation; nobody changes it."""
    folder = os.path.expanduser("~/.cache/mycelium-deploy")
    content = hashlib.sha256(PACKAGES.encode()).hexdigest()[:12]
    path = os.path.join(folder, "bookworm-" + content)
    if not os.path.exists(path):
        os.makedirs(folder, exist_ok=True)
        new = tempfile.mkdtemp(prefix="new.", dir=folder)
        made = subprocess.run(
            ["mmdebstrap", "--variant=minbase", "--include=" + PACKAGES]
            + ["--format=directory", "bookworm", new],
            stderr=subprocess.PIPE,
            encoding="utf-8",
            check=False,
        )
        if made.returncode != 0:
            shutil.rmtree(new)
            raise RuntimeError("mmdebstrap makes no image:\n" + made.stderr)
        os.chmod(new, 0o755)
        os.rename(new, path)
    return path


def run_tests(document: str) -> None:
    """What the programs here end with: FOLDER from the command line, then the
    tests; 77 if no machine can be booted here."""
    global folder
    if len(sys.argv) < 2:
        sys.exit(document)
    folder = os.path.abspath(sys.argv.pop(1))
    lacks = missing()
    if lacks is not None:
        print("skipped: %s" % lacks)
        sys.exit(77)
    # So that whoever ends it leaves no machine behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    unittest.main()


class NspawnMachine:
    """One machine: prepare `root`, a layer of its own over the image, then boot,
    run, and in the end remove."""

    def __init__(self) -> None:
        tree = base_tree()
        self.folder = tempfile.mkdtemp(prefix="mycelium-machine.", dir="/var/tmp")
        self.root = os.path.join(self.folder, "root")
        layers = "lowerdir=%s,upperdir=%s/upper,workdir=%s/work" % (
            (tree, self.folder, self.folder)
        )
        for name in ("root", "upper", "work"):
            os.mkdir(os.path.join(self.folder, name), 0o755)
        subprocess.run(
            ["mount", "-t", "overlay", "overlay", "-o", layers, self.root], check=True
        )
        atexit.register(self.remove)
        self._nspawn: Optional["subprocess.Popen[bytes]"] = None
        self._init = 0

    def install(self, source: str, target: str, mode: int = 0o644) -> None:
        path = self.root + target
        os.makedirs(os.path.dirname(path), exist_ok=True)
        shutil.copyfile(source, path)
        os.chmod(path, mode)

    def boot(self) -> None:
        name = "mycelium-" + os.urandom(4).hex()
        self._log = open(os.path.join(self.folder, "log"), "wb")
        self._nspawn = subprocess.Popen(
            ["systemd-nspawn", "-q", "--boot", "-D", self.root, "-M", name]
            + ["--register=no", "--keep-unit", "--volatile=overlay"]
            + ["--private-network", "--console=pipe"],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )
        self._propagated = "/run/systemd/nspawn/propagate/" + name
        deadline = time.monotonic() + BOOT_TIMEOUT_S
        while time.monotonic() < deadline:
            if self._nspawn.poll() is not None:
                break
            self._init = self._find_init()
            if self._init:
                state = self.run("systemctl", "is-system-running", check=False)
                if state.stdout.strip() in ("running", "degraded"):
                    return
            time.sleep(0.05)
        with open(os.path.join(self.folder, "log"), encoding="utf-8") as log:
            raise RuntimeError("the machine does not boot:\n" + log.read())

    def _find_init(self) -> int:
        """The machine's process 1, once it is systemd: before, nspawn has children
        that prepare it and end, and their files are not the machine's."""
        assert self._nspawn is not None
        path = "/proc/%d/task/%d/children" % (self._nspawn.pid, self._nspawn.pid)
        try:
            with open(path, encoding="ascii") as children:
                for child in children.read().split():
                    with open("/proc/%s/comm" % child, encoding="ascii") as name:
                        if name.read() == "systemd\n":
                            return int(child)
        except (FileNotFoundError, ProcessLookupError):
            pass  # it has ended meanwhile
        return 0

    def command(self, *command: str) -> List[str]:
        """What runs `command` in the machine, as root."""
        return (
            ["nsenter", "-t", str(self._init), "-m", "-u", "-i", "-n", "-p", "-C"]
            + ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "SYSTEMD_PAGER="]
            + list(command)
        )

    def run(
        self, *command: str, check: bool = True
    ) -> "subprocess.CompletedProcess[str]":
        ended = subprocess.run(
            self.command(*command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )
        if check and ended.returncode != 0:
            raise AssertionError(
                "%s: exit %d\n%s%s"
                % (" ".join(command), ended.returncode, ended.stdout, ended.stderr)
            )
        return ended

    def start(self, *command: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            self.command(*command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def write(self, path: str, text: str) -> None:
        subprocess.run(
            self.command("sh", "-c", 'mkdir -p "$(dirname "$0")"; cat >"$0"', path),
            input=text,
            encoding="utf-8",
            timeout=COMMAND_TIMEOUT_S,
            check=True,
        )

    def remove(self) -> None:
        atexit.unregister(self.remove)
        if self._nspawn is not None:
            self._nspawn.send_signal(signal.SIGTERM)
            try:
                self._nspawn.wait(COMMAND_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._nspawn.kill()
                self._nspawn.wait()
            self._log.close()
            shutil.rmtree(self._propagated, ignore_errors=True)
        subprocess.run(["umount", self.root], check=True)
        shutil.rmtree(self.folder)
