#!/usr/bin/env python3
"""Programs that talk through a broker for minutes, while everything that can
happen to them happens: the broker is killed and started again, told to reload
its configuration, connections are cut within frames, subscribers stop and go
on.  At the end every frame must be accounted for.

    bazel build -c opt //broker:mycelium-brokerd //tests/soak:all
    tests/soak/soak.py --minutes 10

The last lines are a table: what was sent, accepted, delivered, told in gaps,
given back; lost and duplicated must be 0, otherwise the exit code is 1.  A
frame that the broker had accepted and took with it when it was killed counts as
"in unknown gaps" where its subscriber was told so.  Members of a group are not
told: theirs count as "around restarts" if they were accepted shortly before the
end of a broker or before its successor had them all.  --seed repeats the order
of events, --keep the ledgers in a folder.
"""

import argparse
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from typing import IO, Callable, Dict, List, Optional, Tuple

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
if __name__ == "__main__" and __package__ is None:
    sys.path.insert(0, ROOT)

from tests.soak.cutting_proxy import CuttingProxy  # noqa: E402
from tests.soak.ledger import (  # noqa: E402
    Published,
    Received,
    Window,
    duplicated_in_group,
    lost_of_group,
)

KEPT_TYPE, PLAIN_TYPE, REQUEST_TYPE = 11, 12, 13
CONFIG = "history { types: [%d] bytes_max: 67108864 }\n" % KEPT_TYPE
# More than the kernel takes for a process that stands still for a moment.
PAYLOAD_BYTES = 4000
# How long before the end of a broker and after the start of the next one a
# group's frames may go with it: what waits for a member that stands still, and
# until all members are there again.
BEFORE_END_MS, AFTER_START_MS = 4000, 3000
END_S = 60.0


def find(target: str) -> str:
    for folder in (".", "bazel-bin"):
        path = os.path.join(ROOT, folder, target)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return os.path.abspath(path)
    raise SystemExit("soak: %s is not built" % target)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def wait_for(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + END_S
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError("not within %d s: %s" % (END_S, what))
        time.sleep(0.02)


class Daemon:
    """A broker at one place, more than once."""

    def __init__(self, folder: str) -> None:
        self._socket = os.path.join(folder, "s")
        self._config = os.path.join(folder, "brokerd.textproto")
        self._log_path = os.path.join(folder, "brokerd.log")
        self._log = open(self._log_path, "ab")
        self.port = free_port()
        self.unix_url = "unix:" + self._socket
        self.windows: List[Window] = []
        self.kills = 0
        self._write_config(1)
        self._start()

    def _write_config(self, number: int) -> None:
        with open(self._config, "w", encoding="utf-8") as config:
            config.write("%slimits { sessions_max: %d }\n" % (CONFIG, 1000 + number))

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [
                find("broker/mycelium-brokerd"),
                "--config=" + self._config,
                "--listen=%s,tcp://127.0.0.1:%d" % (self.unix_url, self.port),
            ],
            stdin=subprocess.DEVNULL,
            stderr=self._log,
        )
        wait_for(self._serves, "the broker serves")

    def _serves(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError("the broker ended:\n" + self.log_end())
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(self._socket) == 0

    def log_end(self) -> str:
        with open(self._log_path, encoding="utf-8", errors="replace") as log:
            return "".join(log.readlines()[-20:])

    def kill(self, away_s: float) -> None:
        end = now_ms()
        self._process.kill()
        self._process.wait()
        time.sleep(away_s)
        self._start()
        self.kills += 1
        self.windows.append(Window(end - BEFORE_END_MS, now_ms() + AFTER_START_MS))

    def reload(self, number: int) -> None:
        self._write_config(number)
        self._process.send_signal(signal.SIGHUP)

    def stop(self) -> int:
        self._process.terminate()
        return self._process.wait(END_S)

    def remove(self) -> None:
        self._process.kill()
        self._process.wait()
        self._log.close()


class Peer:
    """One process of peer.cc and its ledger."""

    def __init__(self, folder: str, name: str, *words: str) -> None:
        self.name = name
        self.role = words[0]
        self.path = os.path.join(folder, name + ".ledger")
        self.standing_still = False
        self._output: IO[bytes] = open(self.path, "wb")
        self._process = subprocess.Popen(
            [find("tests/soak/peer"), *words],
            stdin=subprocess.DEVNULL,
            stdout=self._output,
        )

    def lines(self) -> List[str]:
        with open(self.path, encoding="utf-8", errors="replace") as ledger:
            return ledger.read().split("\n")

    def says(self, beginning: str) -> bool:
        code = self._process.poll()
        if code:
            raise RuntimeError("%s ended with %d" % (self.name, code))
        return any(line.startswith(beginning) for line in self.lines())

    def last_of(self, publisher: int) -> int:
        """The highest number of that publisher that a subscriber has got."""
        frames = (line.split() for line in self.lines() if line.startswith("f "))
        return max(
            (int(f[3]) for f in frames if len(f) == 5 and int(f[2]) == publisher),
            default=0,
        )

    def stand_still(self) -> None:
        self._process.send_signal(signal.SIGSTOP)
        self.standing_still = True

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)
        self.standing_still = False

    def end(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    def wait(self) -> None:
        code = self._process.wait(END_S)
        if code != 0:
            raise RuntimeError("%s ended with %d" % (self.name, code))

    def remove(self) -> None:
        self._process.kill()
        self._process.wait()
        self._output.close()


class Soak:
    def __init__(self, folder: str, seed: int) -> None:
        self.folder = folder
        self.rng = random.Random(seed)
        self.daemon = Daemon(folder)
        self.proxy = CuttingProxy(self.daemon.port)
        self.peers: List[Peer] = []
        self.publisher_types: Dict[int, int] = {}
        self.reloads = self.stops = 0

    # --- Who is there --------------------------------------------------------

    def peer(self, name: str, role: str, far: bool, *words: object) -> Peer:
        url = self.proxy.url if far else self.daemon.unix_url
        peer = Peer(self.folder, name, role, url, *map(str, words))
        self.peers.append(peer)
        return peer

    def start_peers(self) -> None:
        self.subscribers = {
            name: (type_id, self.peer(name, "subscribe", far, type_id, policy))
            for name, far, type_id, policy in (
                ("kept-lossless-near", False, KEPT_TYPE, "lossless"),
                ("kept-lossless-far", True, KEPT_TYPE, "lossless"),
                ("kept-live-near", False, KEPT_TYPE, "live"),
                ("plain-lossless-near", False, PLAIN_TYPE, "lossless"),
                ("plain-balanced-far", True, PLAIN_TYPE, "balanced"),
                ("plain-live-near", False, PLAIN_TYPE, "live"),
                ("plain-latest-near", False, PLAIN_TYPE, "latest"),
            )
        }
        self.members = [
            self.peer(
                "member-%d" % n, "subscribe", False, PLAIN_TYPE, "balanced", "workers"
            )
            for n in range(3)
        ]
        self.responders = [
            self.peer("responder-%d" % n, "respond", n == 1, REQUEST_TYPE)
            for n in range(2)
        ]
        listeners = [peer for _, peer in self.subscribers.values()] + self.members
        for peer in listeners:
            wait_for(lambda p=peer: p.says("# subscribed"), peer.name)  # type: ignore
        self.publishers: List[Peer] = []
        for number, far, type_id in (
            (1, False, KEPT_TYPE),
            (2, True, KEPT_TYPE),
            (3, False, PLAIN_TYPE),
            (4, True, PLAIN_TYPE),
        ):
            name = "publisher-%d" % number
            self.publisher_types[number] = type_id
            self.publishers.append(
                self.peer(name, "publish", far, type_id, number, 300, PAYLOAD_BYTES)
            )
        self.requester = self.peer("requester", "request", True, REQUEST_TYPE, 50)

    # --- What happens --------------------------------------------------------

    def run(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        events = (
            (self.kill, 2),
            (self.cut, 5),
            (self.stop_one, 4),
            (self.reload, 1),
        )
        choices = [event for event, weight in events for _ in range(weight)]
        # Each of them at least once, however short it is.
        waiting = [event for event, _ in events]
        while time.monotonic() < end or waiting:
            time.sleep(self.rng.uniform(0.2, 1.5))
            (waiting.pop() if waiting else self.rng.choice(choices))()

    def kill(self) -> None:
        self.daemon.kill(self.rng.choice((0.0, 0.1, 1.0)))

    def cut(self) -> None:
        self.proxy.cut(self.rng.choice((0, 1, 17, 40, 1000)))

    def stop_one(self) -> None:
        near = [p for n, (_, p) in self.subscribers.items() if n.endswith("near")]
        peer = self.rng.choice(near + self.members)
        peer.stand_still()
        time.sleep(self.rng.uniform(0.2, 2.5))
        peer.go_on()
        self.stops += 1

    def reload(self) -> None:
        self.reloads += 1
        self.daemon.reload(self.reloads + 1)

    # --- The end -------------------------------------------------------------

    def settle(self) -> None:
        """Everybody has what there is."""
        self.proxy.wait_until_cut()
        for number, sent in self.numbers("s ").items():
            self.wait_for_frame_after(number, sent)
        self.requester.end()
        # One after the other: no frame comes after the last one of a type, so
        # that it is in nobody's gap, and who has it has been told of all others.
        for peer in self.publishers:
            peer.end()
            wait_for(lambda p=peer: p.says("z "), peer.name)  # type: ignore
            peer.wait()
        lasts = self.numbers("z ")
        for number in {self.publisher_types[n]: n for n in lasts}.values():
            self.wait_for_frame_after(number, lasts[number] - 1)
        self.requester.wait()
        for peer in self.peers:
            if peer is not self.requester and peer not in self.publishers:
                peer.end()
                peer.wait()
        if self.daemon.stop() != 0:
            raise RuntimeError("the broker ended badly:\n" + self.daemon.log_end())

    def numbers(self, beginning: str) -> Dict[int, int]:
        """Of each publisher, the number in the last line of that kind."""
        return {
            number: max(
                int(line.split()[1])
                for line in peer.lines()
                if line.startswith(beginning) and line.split()[1:]
            )
            for number, peer in enumerate(self.publishers, 1)
        }

    def wait_for_frame_after(self, publisher: int, number: int) -> None:
        """Until each subscription has a later one of that publisher."""
        for type_id, peer in self.subscribers.values():
            if type_id == self.publisher_types[publisher]:
                wait_for(
                    lambda p=peer: p.last_of(publisher) > number,  # type: ignore
                    "%s has a frame after %d of publisher %d"
                    % (peer.name, number, publisher),
                )

    def remove(self) -> None:
        for peer in self.peers:
            peer.remove()
        self.proxy.stop()
        self.daemon.remove()

    # --- The table -----------------------------------------------------------

    def report(self) -> bool:
        """Prints what became of it all.  False: something is missing."""
        published = [
            Published(number, peer.lines())
            for number, peer in enumerate(self.publishers, 1)
        ]
        print(
            "soak: broker killed %d times and reloaded %d, %d connections cut, "
            "%d processes stopped for a while"
            % (self.daemon.kills, self.reloads, self.proxy.cuts, self.stops)
        )
        good = self.report_publishers(published)
        good &= self.report_subscribers(published)
        good &= self.report_group(published)
        good &= self.report_requests()
        print("soak: " + ("nothing was lost or duplicated" if good else "FAILED"))
        return good

    def report_publishers(self, published: List[Published]) -> bool:
        print(
            "\n%-20s %9s %9s %11s %9s"
            % ("publisher", "sent", "accepted", "given back", "no answer")
        )
        for p in published:
            print(
                "%-20s %9d %9d %11d %9d"
                % (
                    "publisher-%d" % p.publisher,
                    p.sent,
                    len(p.accepted),
                    len(p.maybe) + len(p.not_accepted),
                    p.unanswered(),
                )
            )
        return all(p.unanswered() == 0 and p.last for p in published)

    def report_subscribers(self, published: List[Published]) -> bool:
        print(
            "\n%-20s %9s %9s %9s %9s %6s %6s"
            % (
                "subscription",
                "delivered",
                "in gaps",
                "unknown",
                "gaps",
                "lost",
                "twice",
            )
        )
        good = True
        for name, (type_id, peer) in self.subscribers.items():
            received = Received(name, peer.lines())
            of_type = [
                p for p in published if self.publisher_types[p.publisher] == type_id
            ]
            in_gaps, unknown, lost = self.missing(received, of_type)
            for p in of_type:
                lost += self.delivered_though_given_back(received, p)
            if in_gaps > received.in_gaps:
                lost += in_gaps - received.in_gaps
            print(
                "%-20s %9d %9d %9d %9d %6d %6d"
                % (
                    name,
                    received.delivered,
                    received.in_gaps,
                    unknown,
                    received.unknown_gaps,
                    lost,
                    received.duplicated,
                )
            )
            for hole in received.holes:
                print("  sequences: " + hole)
            good &= lost == 0 and received.duplicated == 0 and not received.holes
        return good

    @staticmethod
    def missing(received: Received, published: List[Published]) -> Tuple[int, int, int]:
        in_gaps = unknown = lost = 0
        for p in published:
            gone = received.missing(p)
            in_gaps += gone[0]
            unknown += gone[1]
            lost += gone[2]
        if received.name.startswith("plain-latest"):
            # A fold is told in the place of the first of its frames, which may
            # be another publisher's.
            in_gaps, lost = in_gaps + lost, 0
        return in_gaps, unknown, lost

    @staticmethod
    def delivered_though_given_back(received: Received, p: Published) -> int:
        return sum((p.publisher, n) in received.frames for n in p.not_accepted)

    def report_group(self, published: List[Published]) -> bool:
        members = [Received(peer.name, peer.lines()) for peer in self.members]
        of_type = [
            p for p in published if self.publisher_types[p.publisher] == PLAIN_TYPE
        ]
        excused = lost = 0
        for p in of_type:
            gone = lost_of_group(members, p, self.daemon.windows)
            excused += gone[0]
            lost += gone[1]
        in_gaps = sum(member.in_gaps for member in members)
        lost = max(0, lost - in_gaps)
        twice = duplicated_in_group(members)
        print(
            "\ngroup of %d: %d delivered, %d of them again, %d in gaps, %d around "
            "restarts, %d lost, %d twice"
            % (
                len(members),
                sum(member.delivered for member in members),
                sum(member.redelivered for member in members),
                in_gaps,
                excused,
                lost,
                twice,
            )
        )
        return lost == 0 and twice == 0

    def report_requests(self) -> bool:
        lines = [line.split() for line in self.requester.lines()]
        begun = sum(words[:1] == ["t"] for words in lines)
        ended: Dict[str, int] = {}
        for words in lines:
            if words[:1] == ["q"]:
                ended[words[1]] = ended.get(words[1], 0) + 1
        wrong = sum(words[:1] == ["w"] for words in lines)
        never = begun - sum(ended.values()) - wrong
        print(
            "requests: %d, %d answered, %d failed with a reason, %d with another's "
            "answer, %d never ended"
            % (
                begun,
                ended.get("0", 0),
                sum(ended.values()) - ended.get("0", 0),
                wrong,
                never,
            )
        )
        return wrong == 0 and never == 0


def soak(minutes: float, seed: int, keep: Optional[str]) -> int:
    """The exit code.  `keep`: where the ledgers are left."""
    # A socket's path must be short.
    folder = tempfile.mkdtemp(prefix="soak", dir="/var/tmp")
    try:
        run = Soak(folder, seed)
        try:
            run.start_peers()
            run.run(minutes * 60)
            run.settle()
            return 0 if run.report() else 1
        finally:
            run.remove()
    finally:
        if keep:
            shutil.copytree(folder, keep, ignore=shutil.ignore_patterns("s"))
        shutil.rmtree(folder)


def main() -> int:
    parser = argparse.ArgumentParser(description="Soaks a broker and its clients.")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--keep", metavar="FOLDER", help="leaves the ledgers there")
    options = parser.parse_args()
    print("soak: seed %d, %g minutes" % (options.seed, options.minutes), flush=True)
    return soak(options.minutes, options.seed, options.keep)


if __name__ == "__main__":
    sys.exit(main())
