"""Publishes and subscribes with the installed Python client, over whatever
happens to its broker.  Runs in the machine, without the repository.

Usage: continuous_client.py FOLDER

FOLDER/state says what it has seen so far; it ends, with FOLDER/result, once
FOLDER/stop is there and it has got whatever was accepted, or after five minutes.
"""

import json
import os
import sys
import threading
import time
from typing import Any, Dict, List, Optional, Set

import mycelium

TYPE_ID = 7
SECONDS = 300.0


class Seen:
    """What the client's threads have seen; all of it under the lock."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.lock = threading.Lock()
        self.states: List[str] = []
        self.received: List[int] = []
        self.gaps: List[Dict[str, Any]] = []
        self.accepted: List[int] = []
        self.doubtful: List[int] = []

    def write(self, name: str) -> None:
        path = os.path.join(self.folder, name)
        with self.lock:
            with open(path + ".new", "w", encoding="utf-8") as file:
                json.dump(
                    {
                        "states": self.states,
                        "received": self.received,
                        "gaps": self.gaps,
                        "accepted": self.accepted,
                        "doubtful": self.doubtful,
                    },
                    file,
                )
            os.rename(path + ".new", path)

    def on_state(self, state: mycelium.State, why: Optional[Exception]) -> None:
        with self.lock:
            self.states.append(state.value)
        self.write("state")

    def on_gap(self, gap: mycelium.Gap) -> None:
        with self.lock:
            self.gaps.append(
                {
                    "frames": gap.frames,
                    "unknown": gap.unknown,
                    "reason": gap.reason.name,
                }
            )


def receive(subscription: Any, seen: Seen) -> None:
    for payload in subscription:
        with seen.lock:
            seen.received.append(int(payload))


def publish(client: mycelium.Client, seen: Seen, number: int) -> None:
    try:
        client.publish_bytes_acked(TYPE_ID, b"%d" % number).wait(SECONDS)
    except mycelium.Error:
        with seen.lock:
            seen.doubtful.append(number)
    else:
        with seen.lock:
            seen.accepted.append(number)


def main(folder: str) -> None:
    seen = Seen(folder)
    deadline = time.monotonic() + SECONDS
    with mycelium.connect(
        on_state=seen.on_state
    ) as reader, mycelium.connect() as writer:
        subscription = reader.subscribe(
            TYPE_ID, policy=mycelium.LOSSLESS, on_gap=seen.on_gap
        )
        thread = threading.Thread(
            target=receive, args=(subscription, seen), daemon=True
        )
        thread.start()
        number = 0
        while not os.path.exists(folder + "/stop") and time.monotonic() < deadline:
            number += 1
            publish(writer, seen, number)
            if number % 100 == 0:
                seen.write("state")
        wanted: Set[int] = set(seen.accepted)
        while time.monotonic() < deadline:
            with seen.lock:
                if wanted <= set(seen.received):
                    break
            reader.ping(SECONDS)
        seen.write("result")


if __name__ == "__main__":
    main(sys.argv[1])
