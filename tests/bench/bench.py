#!/usr/bin/env python3
"""Measures mycelium-brokerd against the floor and prints one table.

The floor and the broker take turns, because machines are noisy; each figure is
the median of its runs, with the least and the most of them, and the ratio that
of the ratios of neighbouring runs.  README.md says what is compared with what.
Needs Python 3 and Bazel, nothing else.
"""
import argparse
import contextlib
import functools
import json
import os
import re
import resource
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Set, Tuple

import table
from table import Row

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

FLOOR = {
    "pingpong": "//tests/bench:floor_pingpong",
    "relay": "//tests/bench:floor_relay",
    "load": "//tests/bench:load_generator",
}
BROKER = {
    "broker": "//broker:mycelium-brokerd",
    "mycelium": "//client/cli:mycelium",
    "publish_loop": "//tests/bench:publish_loop",
    "inproc": "//client/core:inproc_bench",
}

TRANSPORTS = ("unix", "tcp")
START_TIMEOUT_S = 10
STOP_TIMEOUT_S = 10
# What a program may take beyond the time that it measures.
GRACE_S = 120
# inproc_bench takes the best of several rounds itself.
INPROC_REPEAT = 3
IDLE_BYTES_GOAL = 2048
# Descriptors that are not sessions: this machine's limit may be below 10,000.
OTHER_DESCRIPTORS = 200

# The broker's defaults, but for the number of sessions of one user and for the
# time that an idle one may say nothing.
BROKER_CONFIG = """limits {
  sessions_max: 20000
  sessions_per_uid_max: 20000
  idle_timeout_ms: 600000
}
"""


Case = Callable[[], List[Row]]
Cpus = Optional[Set[int]]


class Failure(Exception):
    pass


class Children:
    """Every process that was started, ended by its own id whatever happens."""

    def __init__(self) -> None:
        self._running: List["subprocess.Popen[Any]"] = []

    def start(
        self, command: Sequence[str], cpus: Cpus = None, **options: Any
    ) -> "subprocess.Popen[Any]":
        def before_exec() -> None:
            if cpus:
                os.sched_setaffinity(0, cpus)

        process: "subprocess.Popen[Any]" = subprocess.Popen(
            command, preexec_fn=before_exec, **options
        )
        self._running.append(process)
        return process

    def stop(self, process: "subprocess.Popen[Any]") -> float:
        """Ends it and returns the CPU seconds that it took."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process in self._running:
            self._running.remove(process)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def stop_all(self) -> None:
        for process in list(self._running):
            self.stop(process)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def build(bazel: List[str], floor_only: bool) -> Dict[str, str]:
    """Builds what there is of the programs; returns name -> path."""
    wanted = dict(FLOOR) if floor_only else {**FLOOR, **BROKER}
    query = subprocess.run(
        bazel
        + [
            "query",
            "--keep_going",
            "--noshow_progress",
            "set(%s)" % " ".join(wanted.values()),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    there = set(query.stdout.split())
    targets = {name: label for name, label in wanted.items() if label in there}
    options = ["-c", "opt", "--experimental_convenience_symlinks=ignore"]
    subprocess.run(
        bazel + ["build", "--noshow_progress"] + options + sorted(targets.values()),
        cwd=ROOT,
        check=True,
        stdout=sys.stderr,
    )
    bin_dir = subprocess.run(
        bazel + ["info", "bazel-bin", "-c", "opt"],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ).stdout.strip()
    return {
        name: os.path.join(bin_dir, label[2:].replace(":", "/"))
        for name, label in targets.items()
    }


class Bench:
    def __init__(
        self,
        options: argparse.Namespace,
        programs: Dict[str, str],
        children: Children,
        folder: str,
    ) -> None:
        self.options = options
        self.programs = programs
        self.children = children
        self.folder = folder
        self.notes: List[str] = []
        self.bad: List[str] = []

    def has(self, *names: str) -> bool:
        return all(name in self.programs for name in names)

    def say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    @contextlib.contextmanager
    def server(
        self, target: str, transport: str, cpus: Cpus = None
    ) -> Iterator[Tuple[str, "subprocess.Popen[Any]", List[float]]]:
        """A relay or a broker that listens; yields (url, process, cpu_seconds),
        the last of which is filled in when it has ended."""
        path = os.path.join(self.folder, "s")
        if os.path.exists(path):
            os.unlink(path)
        url = (
            "unix:" + path
            if transport == "unix"
            else "tcp://127.0.0.1:%d" % free_port()
        )
        command = [self.programs[target], "--listen", url]
        if target == "broker":
            command += ["--config", os.path.join(self.folder, "brokerd.textproto")]
        log_path = os.path.join(self.folder, "log")
        cpu_seconds: List[float] = []
        with open(log_path, "wb") as log:
            process = self.children.start(
                command,
                cpus=cpus,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        try:
            self.wait_listening(command[0], process, log_path, url)
            yield url, process, cpu_seconds
        finally:
            cpu_seconds.append(self.children.stop(process))

    def wait_listening(
        self, program: str, process: "subprocess.Popen[Any]", log_path: str, url: str
    ) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            with open(log_path, errors="replace") as log:
                text = log.read()
            if re.search(r"listening on " + re.escape(url) + r"\s", text):
                return
            if process.poll() is not None or time.monotonic() > deadline:
                raise Failure(
                    "%s: does not listen on %s\n%s" % (program, url, text[-2000:])
                )
            time.sleep(0.01)

    def run(
        self, program: str, *arguments: object, cpus: Cpus = None
    ) -> List[Dict[str, Any]]:
        """The lines of JSON that a program prints."""
        command = [self.programs[program], *map(str, arguments)]
        process = self.children.start(
            command,
            cpus=cpus,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            out, error = process.communicate(timeout=self.options.seconds + GRACE_S)
        except subprocess.TimeoutExpired:
            raise Failure("%s: not done in time" % shlex.join(command)) from None
        finally:
            self.children.stop(process)
        if process.returncode != 0:
            raise Failure(
                "%s: exit code %d\n%s"
                % (shlex.join(command), process.returncode, error[-2000:])
            )
        return [json.loads(line) for line in out.splitlines() if line.startswith("{")]

    def timing(self) -> List[object]:
        return [
            "--seconds",
            self.options.seconds,
            "--warm_up_seconds",
            self.options.warm_up_seconds,
        ]

    def targets(self, round_number: int) -> List[str]:
        """Who is measured in this round; A B, B A, so that drift cancels out."""
        there = [target for target in ("relay", "broker") if self.has(target)]
        return there if round_number % 2 == 0 else there[::-1]

    def check_loss(self, subject: str, result: Dict[str, Any]) -> None:
        if result.get("lost"):
            self.notes.append("%s: %d frames lost" % (subject, result["lost"]))
        if result.get("lost_unexplained"):
            self.bad.append(
                "%s: %d frames lost and no GAP said so"
                % (subject, result["lost_unexplained"])
            )

    # --- Cases: each returns rows of the table ------------------------------

    def throughput(
        self,
        transport: str,
        payload_bytes: int,
        subscribers: int,
        one_core: bool = False,
    ) -> List[Row]:
        name = "%s, %s, %s" % (
            transport,
            size_text(payload_bytes),
            "1 subscriber" if subscribers == 1 else "%d subscribers" % subscribers,
        )
        if one_core:
            name += ", one core"
        target_cpus, load_cpus = placement(one_core)
        runs: Dict[str, List[float]] = {
            target: [] for target in ("relay", "broker", "client")
        }
        cpu_ns: Dict[str, List[float]] = {target: [] for target in ("relay", "broker")}
        for round_number in range(self.options.repeat):
            for target in self.targets(round_number):
                with self.server(target, transport, target_cpus) as (
                    url,
                    _,
                    cpu_seconds,
                ):
                    result = self.run(
                        "load",
                        "--target",
                        target,
                        "--url",
                        url,
                        "--mode",
                        "throughput",
                        "--payload_bytes",
                        payload_bytes,
                        "--subscribers",
                        subscribers,
                        *self.timing(),
                        cpus=load_cpus
                    )[-1]
                self.check_loss("%s, %s" % (target, name), result)
                rate = result["delivered_per_second"]
                runs[target].append(rate)
                measured = self.options.seconds + self.options.warm_up_seconds
                cpu_ns[target].append(cpu_seconds[0] * 1e9 / max(1, rate * measured))
            if self.has("broker", "mycelium") and not one_core:
                result = self.client_bench(transport, payload_bytes, subscribers)
                self.check_loss("client, " + name, result)
                runs["client"].append(result["delivered_per_second"])
        headline = (transport, payload_bytes, subscribers) == ("unix", 64, 1)
        return [
            Row(
                "batched " + name,
                "M/s",
                runs["relay"],
                runs["broker"],
                client=runs["client"],
                scale=1e-6,
                goal=0.8 if headline else None,
                cpu_ns=cpu_ns,
            )
        ]

    def client_bench(
        self, transport: str, payload_bytes: int, subscribers: int
    ) -> Dict[str, Any]:
        with self.server("broker", transport) as (url, _, _):
            return self.run(
                "mycelium",
                "bench",
                "--url",
                url,
                "--payload_bytes",
                payload_bytes,
                "--publishers",
                1,
                "--subscribers",
                subscribers,
                "--seconds",
                max(1, round(self.options.seconds)),
                "--mode",
                "throughput",
                "--format",
                "json",
            )[-1]

    def latency(self, transport: str) -> List[Row]:
        cpus, _ = placement(one_core=True)
        runs: Dict[str, List[float]] = {target: [] for target in ("relay", "broker")}
        raw: List[float] = []
        for round_number in range(self.options.repeat):
            result = self.run(
                "pingpong", "--transport", transport, *self.timing(), cpus=cpus
            )[-1]
            raw.append(result["round_trip_us"]["p50"])
            for target in self.targets(round_number):
                with self.server(target, transport, cpus) as (url, _, _):
                    result = self.run(
                        "load",
                        "--target",
                        target,
                        "--url",
                        url,
                        "--mode",
                        "latency",
                        *self.timing(),
                        cpus=cpus
                    )[-1]
                self.check_loss("%s, latency, %s" % (target, transport), result)
                runs[target].append(result["one_way_us"]["p50"])
        return [
            Row(
                "one way p50, %s, 64 B, one core" % transport,
                "us",
                runs["relay"],
                runs["broker"],
                goal=1.15,
                higher_is_better=False,
            ),
            Row("raw round trip p50, %s, 64 B, one core" % transport, "us", raw, []),
        ]

    def request(self, transport: str) -> List[Row]:
        """A request and its reply, beside a publish there and one back."""
        if not self.has("broker"):
            return []
        cpus, _ = placement(one_core=True)
        runs: Dict[str, List[float]] = {"latency": [], "request": []}
        for round_number in range(self.options.repeat):
            modes = ["latency", "request"]
            for mode in modes if round_number % 2 == 0 else modes[::-1]:
                with self.server("broker", transport, cpus) as (url, _, _):
                    result = self.run(
                        "load",
                        "--target",
                        "broker",
                        "--url",
                        url,
                        "--mode",
                        mode,
                        *self.timing(),
                        cpus=cpus
                    )[-1]
                self.check_loss("%s, %s" % (mode, transport), result)
                runs[mode].append(result["round_trip_us"]["p50"])
        return [
            Row(
                "request and reply, two publishes as the floor, %s, one core"
                % transport,
                "us",
                runs["latency"],
                runs["request"],
                goal=1.1,
                higher_is_better=False,
            )
        ]

    def publish_loop(self) -> List[Row]:
        if not self.has("broker", "publish_loop"):
            self.notes.append(
                "%s: not there, its line is left out" % BROKER["publish_loop"]
            )
            return []
        results: List[Dict[str, Any]] = []
        for _ in range(self.options.repeat):
            with self.server("broker", "unix") as (url, _, _):
                results.append(
                    self.run(
                        "publish_loop",
                        "--url",
                        url,
                        "--payload_bytes",
                        64,
                        "--seconds",
                        self.options.seconds,
                    )[-1]
                )
        rows = [
            Row(
                "plain loop of Publish, unix, 64 B",
                "M/s",
                [],
                [result["accepted_per_second"] for result in results],
                scale=1e-6,
                absolute_goal=6.0,
            )
        ]
        for percentile in ("p50", "p99"):
            rows.append(
                Row(
                    "a lone Publish, there and back, %s" % percentile,
                    "us",
                    [],
                    [result["lone_us"][percentile] for result in results],
                )
            )
        return rows

    def idle_sessions(self) -> List[Row]:
        if not self.has("broker"):
            return []
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        sessions = min(self.options.sessions, limit - OTHER_DESCRIPTORS)
        if sessions < self.options.sessions:
            self.notes.append(
                "idle sessions: %d, the limit on open files is %d" % (sessions, limit)
            )
        with self.server("broker", "unix") as (url, broker, _):
            before = resident_bytes(broker.pid)
            load = self.children.start(
                [
                    self.programs["load"],
                    "--url",
                    url,
                    "--mode",
                    "idle",
                    "--sessions",
                    str(sessions),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            assert load.stdout is not None
            try:
                there, _, _ = select.select([load.stdout], [], [], GRACE_S)
                if not there or not load.stdout.readline():
                    raise Failure(
                        "idle sessions: the broker did not take %d" % sessions
                    )
                after = resident_bytes(broker.pid)
            finally:
                self.children.stop(load)
        return [
            Row(
                "memory of an idle session (%d open)" % sessions,
                "bytes",
                [],
                [(after - before) / sessions],
                absolute_goal=IDLE_BYTES_GOAL,
                higher_is_better=False,
                digits=0,
            )
        ]

    def in_process(self) -> List[Row]:
        if not self.has("inproc"):
            self.notes.append(
                "%s: not there, its lines are left out" % BROKER["inproc"]
            )
            return []
        if self.options.quick:
            self.notes.append("in process: its length is fixed, left out of --quick")
            return []
        results: List[Dict[str, Any]] = []
        for _ in range(min(self.options.repeat, INPROC_REPEAT)):
            results += self.run("inproc")

        def values(key: str, **wanted: object) -> List[float]:
            return [
                result[key] for result in results if wanted.items() <= result.items()
            ]

        rows = [
            Row(
                "in process, direct, %d subscriber%s" % (count, "s" * (count > 1)),
                "ns",
                [],
                values("ns_per_message", case="direct", subscribers=count),
                absolute_goal=20 if count == 1 else None,
                higher_is_better=False,
            )
            for count in (1, 4)
        ]
        rows.append(
            Row(
                "in process, queued, bare ring as the floor",
                "ns",
                values("ring_ns_per_message", case="queued"),
                values("ns_per_message", case="queued"),
                goal=2.0,
                higher_is_better=False,
            )
        )
        rows += [
            Row(
                "in process, one way p50, %s consumer" % consumer,
                "ns",
                [],
                values("p50_ns", case="latency", consumer=consumer),
            )
            for consumer in ("sleeping", "busy")
        ]
        return rows

    def cases(self) -> Iterator[Tuple[str, Case]]:
        for transport in TRANSPORTS:
            for payload_bytes in (64, 1024):
                for subscribers in (1, 4):
                    yield (
                        "throughput-%s-%d-%d" % (transport, payload_bytes, subscribers),
                        functools.partial(
                            self.throughput, transport, payload_bytes, subscribers
                        ),
                    )
        for transport in TRANSPORTS:
            yield (
                "throughput-%s-64-1-one-core" % transport,
                functools.partial(self.throughput, transport, 64, 1, one_core=True),
            )
        for transport in TRANSPORTS:
            yield "latency-" + transport, functools.partial(self.latency, transport)
        if not self.options.floor_only:
            for transport in TRANSPORTS:
                yield "request-" + transport, functools.partial(self.request, transport)
            yield "publish-loop", self.publish_loop
            yield "idle-sessions", self.idle_sessions
            yield "in-process", self.in_process


def placement(one_core: bool) -> Tuple[Set[int], Set[int]]:
    """The CPUs of the relay or broker and those of the load.

    Left to the scheduler, three processes on two CPUs run at one of two speeds,
    twofold apart, as they happen to share a cache or not."""
    cpus = sorted(os.sched_getaffinity(0))
    if one_core or len(cpus) == 1:
        return {cpus[0]}, {cpus[0]}
    return {cpus[-1]}, set(cpus[:-1])


def size_text(payload_bytes: int) -> str:
    return (
        "%d KiB" % (payload_bytes // 1024)
        if payload_bytes >= 1024
        else ("%d B" % payload_bytes)
    )


def resident_bytes(pid: int) -> int:
    with open("/proc/%d/status" % pid) as status:
        for line in status:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    raise Failure("process %d: has no VmRSS" % pid)


def parse_options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--quick",
        action="store_true",
        help="every case once and short; the figures mean little",
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME",
        help="cases whose name contains NAME; repeatable",
    )
    parser.add_argument("--list", action="store_true", help="print the cases' names")
    parser.add_argument(
        "--floor_only", action="store_true", help="the floor programs alone"
    )
    parser.add_argument("--repeat", type=int, help="runs of each case (9)")
    parser.add_argument("--seconds", type=float, help="length of a run (1)")
    parser.add_argument(
        "--warm_up_seconds",
        type=float,
        help="what runs before it and is not counted (0.5)",
    )
    parser.add_argument("--sessions", type=int, help="idle sessions (10000)")
    parser.add_argument("--json", metavar="FILE", help="every run's figure goes here")
    parser.add_argument(
        "--bazel", default="bazel", help="how Bazel is called, with its startup options"
    )
    options = parser.parse_args(arguments)
    options.bazel = shlex.split(options.bazel)
    usual = {"repeat": 9, "seconds": 1.0, "warm_up_seconds": 0.5, "sessions": 10000}
    quick = {"repeat": 1, "seconds": 0.3, "warm_up_seconds": 0.1, "sessions": 1000}
    for name, value in (quick if options.quick else usual).items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    if options.repeat < 1 or options.seconds <= 0 or options.sessions < 1:
        parser.error("--repeat, --seconds and --sessions have to be above 0")
    return options


def measure(
    options: argparse.Namespace,
    programs: Dict[str, str],
    children: Children,
    folder: str,
) -> Tuple[List[Row], Bench]:
    with open(os.path.join(folder, "brokerd.textproto"), "w") as config:
        config.write(BROKER_CONFIG)
    bench = Bench(options, programs, children, folder)
    if "broker" not in programs and not options.floor_only:
        bench.notes.append("%s: not there, the floor alone is shown" % BROKER["broker"])
    rows: List[Row] = []
    for name, case in bench.cases():
        if options.only and not any(part in name for part in options.only):
            continue
        bench.say(name)
        try:
            rows += case()
        except Failure as failure:
            bench.bad.append("%s: %s" % (name, failure))
    if options.quick:
        bench.notes.append("--quick: too short to judge by, the goals are left out")
        for row in rows:
            row.goal = row.absolute_goal = None
    return rows, bench


def main(arguments: Sequence[str]) -> int:
    options = parse_options(arguments)
    children = Children()
    if options.list:
        for name, _ in Bench(options, {}, children, "").cases():
            print(name)
        return 0
    # A shell's background job has Ctrl-C ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    folder = tempfile.mkdtemp(prefix="mycelium-bench-")
    try:
        programs = build(options.bazel, options.floor_only)
        rows, bench = measure(options, programs, children, folder)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except subprocess.CalledProcessError as error:
        print("bench: %s" % error, file=sys.stderr)
        return 1
    finally:
        children.stop_all()
        shutil.rmtree(folder)
    table.print_table(rows)
    for note in dict.fromkeys(bench.notes):
        print("note: " + note)
    for failure in bench.bad:
        print("failed: " + failure)
    if options.json:
        with open(options.json, "w") as out:
            json.dump(
                {
                    "machine": os.uname().release,
                    "cpus": os.cpu_count(),
                    "repeat": options.repeat,
                    "seconds": options.seconds,
                    "rows": [row.as_json() for row in rows],
                },
                out,
                indent=1,
            )
    return 1 if bench.bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
