#!/usr/bin/env python3
"""deploy/docker with a real Docker engine: the images, the demo of
docker-compose.yml, what happens to its containers and network, and the commands
of docs/DOCKER.md by the letter.

    tests/deploy/docker_test.py FOLDER   # with mycelium-brokerd and mycelium
    tests/deploy/docker_test.py -        # builds all in Docker, as users do

With FOLDER the demo's programs are built with bazel here, and all are put into
the images.  The other way takes some minutes more.  Exits with 77 and the reason
if no engine can run here.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import unittest
from typing import Any, Callable, Dict, List, NamedTuple, Optional, TypeVar, Union

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
sys.path.insert(0, ROOT)
from tests.deploy import docker_machine  # noqa: E402

SECONDS = 120.0
USER = "6940"
SERVICES = ("broker", "publisher", "subscriber_tcp", "subscriber_unix")
PROGRAMS = "programs"
# So that a lost network is seen soon.
FAST = "idle_timeout_ms: 4000 reconnect_ms_max: 500 resume_window_ms: 120000"
FAST_DEMO = """
services:
  publisher:
    command: [python_publisher.py, --interval_ms, "5"]
"""
PROMETHEUS_TARGETS = "http://127.0.0.1:9090/api/v1/targets"
GET = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode())"
# Debian's own in place of the image that the compose file names.
PROMETHEUS_DOCKERFILE = """
FROM debian:bookworm-slim
RUN install -d -o 65534 -g 65534 /prometheus
COPY prometheus /usr/bin/prometheus
USER 65534:65534
ENTRYPOINT ["prometheus"]
"""
binaries = ""
Value = TypeVar("Value")


class Told(NamedTuple):
    """A gap as deploy/demo/subscriber.cc prints it."""

    frames: int
    unknown: bool
    reason: str


def wait_until(condition: Callable[[], Value], what: str) -> Value:
    deadline = time.monotonic() + SECONDS
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError("not within %d s: %s" % (SECONDS, what))
        time.sleep(0.1)


class DockerTest(unittest.TestCase):
    machine: docker_machine.DockerMachine
    clone: str

    @classmethod
    def setUpClass(cls) -> None:
        machine = docker_machine.DockerMachine()
        cls.machine = machine
        cls.addClassCleanup(machine.remove)
        cls.clone = os.path.join(machine.folder, "clone")
        shutil.copytree(
            ROOT,
            cls.clone,
            symlinks=True,
            ignore=shutil.ignore_patterns(".git", "bazel-*", PROGRAMS),
        )
        if binaries:
            cls.put_programs()
            # For compose and the commands of the documents.
            machine.environment["PREBUILT"] = PROGRAMS
        machine.start_for_building()
        for target in ("demo", "brokerd"):
            machine.build(
                *(cls.clone, os.path.join(cls.clone, "deploy/docker/Dockerfile")),
                *(target, "-t", "mycelium-" + target, "--build-arg"),
                "PREBUILT=" + machine.environment.get("PREBUILT", ""),
            )
        cls.build_prometheus()
        machine.start()

    @classmethod
    def build_prometheus(cls) -> None:
        folder = os.path.join(cls.machine.folder, "prometheus")
        os.mkdir(folder)
        program = shutil.which("prometheus")
        assert program is not None, "no prometheus"
        shutil.copy(program, folder)
        with open(os.path.join(folder, "Dockerfile"), "w", encoding="utf-8") as file:
            file.write(PROMETHEUS_DOCKERFILE)
        with open(
            os.path.join(cls.clone, "deploy/docker/docker-compose.yml"),
            encoding="utf-8",
        ) as file:
            name = re.search(r"image: (prom/prometheus:\S+)", file.read())
        assert name is not None
        cls.machine.run(
            *("docker", "build", "--network=host", "-t", name.group(1), folder),
            timeout_s=docker_machine.BUILD_TIMEOUT_S,
        )

    @classmethod
    def put_programs(cls) -> None:
        folder = os.path.join(cls.clone, PROGRAMS)
        subprocess.run(
            [os.path.join(ROOT, "deploy/docker/build_programs.sh"), folder],
            check=True,
        )
        for name in ("mycelium-brokerd", "mycelium"):
            shutil.copy(os.path.join(binaries, name), folder)

    def setUp(self) -> None:
        self.compose_folder = os.path.join(self.clone, "deploy/docker")
        self.compose_flags: List[str] = []
        self.containers: Dict[str, str] = {}
        self.config = os.path.join(self.compose_folder, "config/brokerd.textproto")
        shutil.copy(
            os.path.join(ROOT, "deploy/docker/config/brokerd.textproto"), self.config
        )

    def tearDown(self) -> None:
        if not getattr(getattr(self, "_outcome"), "success"):
            print(self.compose("logs", "--no-color", "--tail=30", check=False))
        containers = self.docker("ps", "-aq").split()
        if containers:
            self.docker("rm", "-f", "-v", *containers)
        self.compose("down", "-v")

    # --- What the tests are made of ------------------------------------------

    def docker(self, *command: str, check: bool = True) -> str:
        return self.machine.run("docker", *command, check=check)

    def compose(self, *command: str, check: bool = True) -> str:
        return self.machine.run(
            *("docker-compose", *self.compose_flags, *command),
            cwd=self.compose_folder,
            check=check,
        )

    def up(self, *services: str) -> None:
        self.compose("up", "-d", "--no-build", *services)
        wait_until(lambda: self.health() == "healthy", "a healthy broker")

    def container(self, service: str) -> str:
        # Compose takes half a second to say it.
        if service not in self.containers:
            self.containers[service] = self.compose("ps", "-aq", service).strip()
        return self.containers[service]

    def inspect(self, service: str) -> Dict[str, Any]:
        inspected: Dict[str, Any] = json.loads(
            self.docker("inspect", self.container(service))
        )[0]
        return inspected

    def health(self) -> str:
        return str(self.inspect("broker")["State"]["Health"]["Status"])

    def broker_pid(self) -> int:
        return int(self.inspect("broker")["State"]["Pid"])

    def in_broker(self, *command: str, check: bool = True) -> str:
        return self.docker("exec", self.container("broker"), *command, check=check)

    def status(self) -> Dict[str, Any]:
        status: Dict[str, Any] = json.loads(
            self.in_broker("mycelium", "status", "--format", "json")
        )
        return status

    def instances_away(self) -> int:
        return int(self.status()["instances_away"])

    def log(self, service: str) -> List[str]:
        return self.docker("logs", self.container(service)).splitlines()

    def accepted(self) -> List[int]:
        """The numbers of the messages that the broker has accepted."""
        found = (re.match(r"accepted message (\d+)$", x) for x in self.log("publisher"))
        return [int(each.group(1)) for each in found if each is not None]

    def received(self, service: str) -> List[Union[int, Told]]:
        """What the subscriber has got: numbers of messages, and gaps."""
        got: List[Union[int, Told]] = []
        for line in self.log(service):
            message = re.match(r"rooms\.one #\d+ ada: message (\d+)$", line)
            if message is not None:
                got.append(int(message.group(1)))
            gap = re.match(r"gap: (\d+) messages( or more)?.* \((\w+)\)$", line)
            if gap is not None:
                got.append(Told(int(gap.group(1)), bool(gap.group(2)), gap.group(3)))
        return got

    def await_message(self, service: str, number: int) -> None:
        def there() -> bool:
            got = self.received(service)
            return any(each >= number for each in got if isinstance(each, int))

        wait_until(there, "%s has message %d" % (service, number))

    def await_more(self, count: int) -> int:
        """Waits until so many more are accepted; the last of them."""
        before = self.accepted()
        last = (before[-1] if before else 0) + count
        wait_until(lambda: self.accepted()[-1:] >= [last], "message %d" % last)
        return last

    def assert_exact(self, got: List[Union[int, Told]]) -> List[Told]:
        """Each message once and in order, and in the place of missing ones a gap
        that counts them.  A gap of unknown size may stand for any number.  The
        gaps."""
        expected: Optional[int] = None
        unknown = False
        gaps: List[Told] = []
        for each in got:
            if isinstance(each, Told):
                gaps.append(each)
                unknown = unknown or each.unknown
                expected = None if expected is None else expected + each.frames
                continue
            if expected is not None and unknown:
                self.assertGreaterEqual(each, expected)
            elif expected is not None:
                self.assertEqual(each, expected, "behind the gaps %s" % gaps)
            expected = each + 1
            unknown = False
        return gaps

    def set_limits(self, limits: str) -> None:
        with open(self.config, encoding="utf-8") as config:
            text = config.read()
        self.assertIn("limits { ", text)
        with open(self.config, "w", encoding="utf-8") as config:
            config.write(text.replace("limits { ", "limits { %s " % limits))

    def use_fast_demo(self) -> None:
        self.set_limits(FAST)
        override = os.path.join(self.clone, "fast.yml")
        with open(override, "w", encoding="utf-8") as file:
            file.write(FAST_DEMO)
        self.compose_flags = ["-f", "docker-compose.yml", "-f", override]

    # --- The images ----------------------------------------------------------

    def test_the_image_says_what_it_is(self) -> None:
        config = json.loads(self.docker("inspect", "mycelium-brokerd"))[0]["Config"]
        self.assertEqual(config["User"], USER + ":" + USER)
        self.assertEqual(config["StopSignal"], "SIGTERM")
        self.assertEqual(list(config["ExposedPorts"]), ["6940/tcp"])
        self.assertIn("mycelium", config["Healthcheck"]["Test"])
        version = self.docker("run", "--rm", "mycelium-brokerd", "--version")
        self.assertEqual(
            version.split()[-1],
            config["Labels"]["org.opencontainers.image.version"],
        )

    # --- The demo ------------------------------------------------------------

    def test_the_documents_commands(self) -> None:
        with open(os.path.join(ROOT, "docs/DOCKER.md"), encoding="utf-8") as file:
            blocks = re.findall(r"^```console\n(.*?)^```$", file.read(), re.M | re.S)
        lines = "".join(blocks).splitlines()
        script = [line[2:] for line in lines if line[:2] in ("$ ", "> ")]
        promised = [line for line in lines if line[:2] not in ("$ ", "> ")]
        self.assertGreater(len(script), 5)
        printed = self.machine.run(
            *self.machine.inside("bash", "-euo", "pipefail", "-c"),
            "exec 2>&1; " + "\n".join(script),
            cwd=self.clone,
            timeout_s=3 * SECONDS,
        )
        rest = iter(printed.splitlines())
        for line in promised:
            self.assertTrue(line in rest, "promised: %s\n%s" % (line, printed))

    def test_the_demo_exchanges_messages(self) -> None:
        self.up()
        last = self.await_more(3)
        for service in ("subscriber_tcp", "subscriber_unix"):
            self.await_message(service, last)
            self.assertEqual(self.assert_exact(self.received(service)), [])
        self.compose("stop")
        for service in SERVICES:
            state = self.inspect(service)["State"]
            self.assertEqual(state["ExitCode"], 0, service)
        for line in self.log("broker"):
            self.assertRegex(line, r"^[IW]\d{8} ")

    def test_it_is_as_confined_as_the_file_says(self) -> None:
        self.up("broker")
        with open("/proc/%d/status" % self.broker_pid(), encoding="ascii") as file:
            status = file.read()
        for line in (
            *("NoNewPrivs:\t1", "CapBnd:\t0000000000000000"),
            *("Uid:\t" + "\t".join([USER] * 4), "Gid:\t" + "\t".join([USER] * 4)),
        ):
            self.assertIn(line, status)
        for path in ("/x", "/etc/mycelium/x", "/tmp/x"):
            refused = self.in_broker("touch", path, check=False)
            self.assertIn("Read-only file system", refused)
        self.assertEqual(
            self.in_broker("stat", "-c", "%u %g %a", "/run/mycelium/brokerd.sock"),
            "%s %s 660\n" % (USER, USER),
        )

    def test_the_socket_is_for_its_group(self) -> None:
        self.up("broker")
        run = ["run", "--rm", "--network=none", "--user=4711:4711"]
        ping = ["--volumes-from", self.container("broker") + ":ro"]
        ping += ["--entrypoint=mycelium", "mycelium-brokerd", "ping", "--count=1"]
        self.docker(*run, "--group-add=" + USER, *ping)
        refused = self.docker(*run, *ping, check=False)
        self.assertRegex(refused, "(?i)permission")

    def test_prometheus_finds_the_broker(self) -> None:
        self.compose_flags = ["--profile", "prometheus"]
        self.up("broker", "prometheus")

        def targets() -> List[Dict[str, Any]]:
            answer = self.machine.run(
                *self.machine.inside(sys.executable, "-c", GET, PROMETHEUS_TARGETS),
                check=False,
            )
            found: List[Dict[str, Any]] = []
            if answer.startswith("{"):
                found = json.loads(answer)["data"]["activeTargets"]
            return [each for each in found if each["health"] != "unknown"]

        (target,) = wait_until(targets, "a target that was scraped")
        self.assertEqual(target["scrapeUrl"], "http://broker:9464/metrics")
        self.assertEqual(target["health"], "up", target["lastError"])

    # --- What may happen to it -----------------------------------------------

    def test_a_broker_that_is_killed_comes_back(self) -> None:
        self.use_fast_demo()
        self.up()
        self.await_more(100)
        os.kill(self.broker_pid(), signal.SIGKILL)
        wait_until(lambda: int(self.inspect("broker")["RestartCount"]), "a restart")
        wait_until(lambda: self.health() == "healthy", "a healthy broker")
        last = self.await_more(100)
        for service in ("subscriber_tcp", "subscriber_unix"):
            self.await_message(service, last)
            gaps = self.assert_exact(self.received(service))
            self.assertTrue(any(gap.unknown for gap in gaps), gaps)

    def test_a_subscriber_behind_a_partition_is_told_exactly(self) -> None:
        self.use_fast_demo()
        self.up()
        self.await_message("subscriber_tcp", self.await_more(100))
        subscriber = self.container("subscriber_tcp")
        (network,) = self.inspect("subscriber_tcp")["NetworkSettings"]["Networks"]
        self.docker("network", "disconnect", network, subscriber)
        wait_until(
            lambda: self.instances_away() == 1,
            "the broker sees that it is gone",
        )
        self.await_more(100)
        self.docker("network", "connect", network, subscriber)
        wait_until(lambda: self.instances_away() == 0, "it is back")
        last = self.await_more(100)
        self.await_message("subscriber_tcp", last)
        gaps = self.assert_exact(self.received("subscriber_tcp"))
        self.assertGreaterEqual(sum(gap.frames for gap in gaps), 100)
        self.assertEqual({gap.reason for gap in gaps}, {"reconnect"})
        self.assertFalse(any(gap.unknown for gap in gaps))
        # It has cost nobody else anything.
        self.assertEqual(self.assert_exact(self.received("subscriber_unix")), [])

    def test_a_publisher_behind_a_partition_loses_nothing(self) -> None:
        self.use_fast_demo()
        self.up()
        self.await_more(100)
        publisher = self.container("publisher")
        (network,) = self.inspect("publisher")["NetworkSettings"]["Networks"]
        self.docker("network", "disconnect", network, publisher)
        wait_until(
            lambda: self.instances_away() == 1,
            "the broker sees that it is gone",
        )
        self.docker("network", "connect", network, publisher)
        last = self.await_more(100)
        for service in ("subscriber_tcp", "subscriber_unix"):
            self.await_message(service, last)
            got = self.received(service)
            self.assertEqual(self.assert_exact(got), [])
        self.assertFalse([x for x in self.log("publisher") if "or not" in x])

    def test_a_stop_under_load_loses_nothing_that_was_accepted(self) -> None:
        self.up("broker")
        subscriber = self.start_client(
            "exec mycelium sub 7 --policy lossless --queue_bytes 1048576"
            " --no_reconnect"
        )
        self.await_subscription()
        publisher = self.start_client(
            "exec mycelium pub 7 --data x --count 1000000000 --ack --no_reconnect"
        )
        wait_until(
            lambda: int(self.status()["counters"]["frames_out"]) > 100_000, "a load"
        )
        self.compose("stop", "broker")
        told = self.end_of(publisher, 3)
        accepted = re.search(r"(\d+) accepted, \d+ not accepted", told)
        assert accepted is not None, told
        summary = self.end_of(subscriber, 3)
        received = re.search(r"^(\d+) frames, 0 in gaps$", summary, re.M)
        assert received is not None, summary
        self.assertGreaterEqual(int(received.group(1)), int(accepted.group(1)))
        state = self.inspect("broker")["State"]
        self.assertEqual((state["ExitCode"], state["OOMKilled"]), (0, False))

    def start_client(self, script: str) -> str:
        """A container with the tool, on the broker's socket.  What the script
        prints goes nowhere, but for errors and last words."""
        return self.docker(
            *("run", "-d", "--network=none", "--user=4711:" + USER),
            *("--volumes-from", self.container("broker") + ":ro"),
            *("--entrypoint=sh", "mycelium-brokerd", "-c"),
            "exec >/dev/null; " + script,
        ).strip()

    def await_subscription(self) -> None:
        wait_until(
            lambda: " type 7 " in self.in_broker("mycelium", "status"),
            "a subscription",
        )

    def end_of(self, container: str, exit_code: int) -> str:
        ended = self.docker("wait", container).strip()
        told = self.docker("logs", container)
        self.docker("rm", container)
        self.assertEqual(ended, str(exit_code), told)
        return told

    def test_a_stopped_subscriber_does_not_burst_the_broker(self) -> None:
        # Nobody is to be taken for dead meanwhile.
        self.set_limits("idle_timeout_ms: 600000")
        self.up("broker")
        # It may lag behind by more than total_bytes_max.
        subscriber = self.start_client(
            "mycelium sub 7 --policy live --queue_bytes 268435456"
            " | sed -n '/^gap/p; / last$/q' >&2"
        )
        self.await_subscription()
        self.docker("pause", subscriber)
        publisher = self.start_client(
            "head -c 65536 /dev/zero | tr '\\0' x | mycelium pub 7 - --count 8000"
        )
        self.end_of(publisher, 0)
        status = self.status()
        most = int(status["memory_bytes_max"])
        self.assertEqual(most, 128 << 20)
        self.assertGreater(int(status["memory_bytes"]), most // 2)
        self.assertLessEqual(int(status["memory_bytes"]), most)
        self.docker("unpause", subscriber)
        self.in_broker("mycelium", "pub", "7", "--data", "last")
        summary = self.end_of(subscriber, 0)
        counted = re.search(r"^(\d+) frames, (\d+) in gaps$", summary, re.M)
        assert counted is not None, summary
        received, missed = map(int, counted.groups())
        self.assertEqual(received + missed, 8001)
        self.assertGreater(missed, 0)
        self.assertIn("(memory)", summary)
        inspected = self.inspect("broker")
        self.assertFalse(inspected["State"]["OOMKilled"])
        self.assertEqual(inspected["RestartCount"], 0)
        with open("/proc/%d/status" % self.broker_pid(), encoding="ascii") as file:
            peak = re.search(r"VmHWM:\s+(\d+) kB", file.read())
        assert peak is not None
        self.assertLess(int(peak.group(1)) << 10, inspected["HostConfig"]["Memory"])

    def test_a_hanging_broker_is_unhealthy(self) -> None:
        self.up("broker")
        pid = self.broker_pid()
        os.kill(pid, signal.SIGSTOP)
        try:
            wait_until(lambda: self.health() == "unhealthy", "unhealthy")
        finally:
            os.kill(pid, signal.SIGCONT)
        wait_until(lambda: self.health() == "healthy", "healthy again")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    given = sys.argv.pop(1)
    binaries = "" if given == "-" else os.path.abspath(given)
    lacks = docker_machine.missing()
    if lacks is not None:
        print("skipped: %s" % lacks)
        sys.exit(77)
    # So that what was started is removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        unittest.main()
    finally:
        DockerTest.doClassCleanups()
