"""A Docker engine of its own, in a network namespace of its own, for tests of
what runs in its containers.

Needs root, docker.io, docker-compose, iptables, iproute2 and mmdebstrap, and
mounts and namespaces that the machine allows.  Nothing of it is left behind but
the base image, which is kept in ~/.cache/mycelium-deploy.  Its containers reach
each other and nothing else.
"""

import errno
import glob
import os
import shutil
import signal
import subprocess
import tempfile
import time
from typing import Dict, List, Optional

START_TIMEOUT_S = 60.0
COMMAND_TIMEOUT_S = 240.0
BUILD_TIMEOUT_S = 1800.0
# What the tags of the Dockerfile stand for, close to Docker's own image.
BASE_TAGS = ("debian:bookworm-slim", "debian:bookworm")
PATHS_LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*")


def missing() -> Optional[str]:
    """Why no engine can run here; None: it can be tried."""
    if os.geteuid() != 0:
        return "not root"
    for command in (
        *("dockerd", "docker", "docker-compose", "iptables", "ip", "nsenter"),
        "mmdebstrap",
    ):
        if shutil.which(command) is None:
            return "no " + command
    return None


def base_image() -> str:
    folder = os.path.expanduser("~/.cache/mycelium-deploy")
    path = os.path.join(folder, "bookworm-slim.tar")
    if not os.path.exists(path):
        os.makedirs(folder, exist_ok=True)
        command = ["mmdebstrap", "--variant=minbase"]
        command += ["--dpkgopt=path-exclude=" + path for path in PATHS_LEFT_OUT]
        command += [
            '--customize-hook=rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*'
        ]
        # mmdebstrap goes by the end of the name; two tests may be at it at once.
        new = os.path.join(folder, "new-slim-%d.tar" % os.getpid())
        subprocess.run(
            [*command, "bookworm", new],
            check=True,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            timeout=BUILD_TIMEOUT_S,
        )
        os.rename(new, path)
    return path


def remove_control_group(path: str) -> None:
    """With what is left below it; its last process may just be ending."""
    deadline = time.monotonic() + START_TIMEOUT_S
    for folder, _, _ in list(os.walk(path, topdown=False)):
        while True:
            try:
                os.rmdir(folder)
                break
            except OSError as error:
                if error.errno != errno.EBUSY or time.monotonic() > deadline:
                    raise
            time.sleep(0.05)


class DockerMachine:
    """One engine: build images, then start it, run, and in the end remove."""

    def __init__(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="mycelium-docker.", dir="/var/tmp")
        self.namespace = "mycelium-" + os.urandom(4).hex()
        self.environment: Dict[str, str] = {
            **os.environ,
            "DOCKER_HOST": "unix://" + os.path.join(self.folder, "docker.sock"),
            # Neither somebody's credentials nor his context.
            "DOCKER_CONFIG": os.path.join(self.folder, "config"),
            # The only builder that Debian has.
            "DOCKER_BUILDKIT": "0",
            "COMPOSE_DOCKER_CLI_BUILD": "0",
        }
        self._engine: Optional["subprocess.Popen[bytes]"] = None
        self._has_namespace = False

    # --- The engine ------------------------------------------------------------

    def start_for_building(self) -> None:
        """With the machine's own network, and no containers but those of
        `docker build --network=host`."""
        self._start(
            *("--bridge=none", "--iptables=false", "--ip6tables=false"),
            *("--ip-forward=false", "--ip-masq=false"),
        )
        if not self.run("docker", "images", "-q"):
            self.run("docker", "import", base_image(), *BASE_TAGS[:1])
            for tag in BASE_TAGS[1:]:
                self.run("docker", "tag", BASE_TAGS[0], tag)

    def start(self) -> None:
        """In place of the one for building, with the images that it has made."""
        self.stop()
        subprocess.run(["ip", "netns", "add", self.namespace], check=True)
        self._has_namespace = True
        subprocess.run(
            ["ip", "-n", self.namespace, "link", "set", "lo", "up"], check=True
        )
        self._start()

    def inside(self, *command: str) -> List[str]:
        """What runs `command` where the ports of containers are published."""
        return ["nsenter", "--net=/run/netns/" + self.namespace, *command]

    def _start(self, *flags: str) -> None:
        def path(name: str) -> str:
            return os.path.join(self.folder, name)

        command = ["dockerd", "-H", self.environment["DOCKER_HOST"]]
        command += ["--data-root", path("data"), "--exec-root", path("exec")]
        command += ["--pidfile", path("docker.pid")]
        command += ["--cgroup-parent", "/" + self.namespace, *flags]
        with open(path("dockerd.log"), "wb") as log:
            self._engine = subprocess.Popen(
                self.inside(*command) if self._has_namespace else command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self._engine.poll() is None:
            if self._ended("docker", "version").returncode == 0:
                return
            time.sleep(0.05)
        with open(path("dockerd.log"), encoding="utf-8") as log_text:
            raise RuntimeError("dockerd does not start:\n" + log_text.read())

    def stop(self) -> None:
        """The engine, and with it all containers."""
        if self._engine is None:
            return
        engine, self._engine = self._engine, None
        if engine.poll() is None:
            containers = self._ended("docker", "ps", "-aq").stdout.split()
            if containers:
                self._ended("docker", "rm", "-f", "-v", *containers)
        engine.send_signal(signal.SIGTERM)
        try:
            engine.wait(START_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            engine.kill()
            engine.wait()
        # Its containerd goes with it, unless it was killed.
        try:
            pidfile = os.path.join(self.folder, "exec/containerd/containerd.pid")
            with open(pidfile, encoding="ascii") as file:
                os.kill(int(file.read()), signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError):
            pass

    def remove(self) -> None:
        self.stop()
        with open("/proc/self/mounts", encoding="utf-8") as mounts:
            points = [line.split()[1] for line in mounts]
        for point in reversed(points):
            if point.startswith(self.folder + "/"):
                subprocess.run(["umount", "-l", point], check=True)
        if self._has_namespace:
            subprocess.run(["ip", "netns", "del", self.namespace], check=True)
        shutil.rmtree(self.folder)
        for pattern in ("/sys/fs/cgroup/", "/sys/fs/cgroup/*/"):
            for group in glob.glob(pattern + self.namespace):
                remove_control_group(group)

    # --- What is done with it --------------------------------------------------

    def _ended(
        self,
        *command: str,
        cwd: Optional[str] = None,
        timeout_s: float = COMMAND_TIMEOUT_S,
        environment: Optional[Dict[str, str]] = None,
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command,
            env={**self.environment, **(environment or {})},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=timeout_s,
            check=False,
        )

    def run(
        self,
        *command: str,
        check: bool = True,
        cwd: Optional[str] = None,
        timeout_s: float = COMMAND_TIMEOUT_S,
        environment: Optional[Dict[str, str]] = None,
    ) -> str:
        """What `command` (docker, docker-compose) prints, errors too."""
        ended = self._ended(
            *command, cwd=cwd, timeout_s=timeout_s, environment=environment
        )
        if check and ended.returncode != 0:
            raise AssertionError(
                "%s: exit %d\n%s%s"
                % (" ".join(command), ended.returncode, ended.stdout, ended.stderr)
            )
        return ended.stdout + ended.stderr

    def build(self, context: str, dockerfile: str, target: str, *flags: str) -> None:
        self.run(
            *("docker", "build", "--network=host", "-f", dockerfile),
            *("--target", target, *flags, context),
            timeout_s=BUILD_TIMEOUT_S,
        )
