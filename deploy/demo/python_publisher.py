#!/usr/bin/env python3
"""Publishes a chat.TextMessage again and again and says of each whether the
broker has accepted it.  Outlives a broker that is restarted and a network that
fails: what was not accepted goes out when the connection is back.

The broker's address is --url, $MYCELIUM_URL or the default Unix socket; the
messages: proto/mycelium_protocol.proto.
"""

import argparse
import signal
import sys
import threading
import time
from typing import Optional

import mycelium
import mycelium_protocol as chat


def say(text: str) -> None:
    print(text, flush=True)


def say_state(state: mycelium.State, why: Optional[mycelium.Error]) -> None:
    say(state.value + (": %s" % why if why else ""))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", help="unix:/path or tcp://host:port")
    parser.add_argument("--name", default="ada", help="who speaks (ada)")
    parser.add_argument("--topic", default="rooms.one", help="(rooms.one)")
    parser.add_argument(
        "--interval_ms", type=int, default=1000, help="between two messages (1000)"
    )
    flags = parser.parse_args()

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        client = mycelium.connect(
            flags.url, schema=chat, name=flags.name, on_state=say_state
        )
    except mycelium.Error as error:
        sys.exit("python_publisher: %s" % error)
    with client:
        published = 0
        while not stop.is_set():
            published += 1
            message = chat.TextMessage(
                sender=flags.name,
                content="message %d" % published,
                timestamp=time.time_ns() // 1_000_000,
            )
            outcome = publish(client, message, flags.topic, stop)
            say("%s %s" % (outcome, message.content))
            stop.wait(flags.interval_ms / 1000)
    return 0


def publish(
    client: mycelium.Client,
    message: chat.TextMessage,
    topic: str,
    stop: threading.Event,
) -> str:
    """What became of it.  Without a broker it waits for one, until `stop`."""
    accepted = client.publish_acked(message, topic)
    while True:
        try:
            accepted.wait(timeout_s=0.2)
            return "accepted"
        except mycelium.DeadlineExceededError:
            if stop.is_set():
                return "not known to be accepted"
        except mycelium.AbortedError:
            # It was on its way when the broker was killed.
            return "accepted or not"
        except mycelium.Error as error:
            sys.exit("python_publisher: %s" % error)


if __name__ == "__main__":
    sys.exit(main())
