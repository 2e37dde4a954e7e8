"""Two sessions that exchange frames all the while that others misbehave."""

import threading
from typing import Optional

from tests.integration.deadline import SECONDS
from tests.integration.wire_client import Control, WireClient

TYPE_ID = 65535
TOPIC = b"bystanders.of.the.test"
# As often as a program that people watch: the test needs the processor too.
PAUSE_S = 0.002


class Bystanders:
    """A publisher and a subscriber in lock step, on a thread of their own."""

    def __init__(self, publisher_url: str, subscriber_url: str) -> None:
        self._publisher = WireClient(publisher_url)
        self._subscriber = WireClient(subscriber_url)
        self._changed = threading.Condition()
        self._rounds = 0
        self._trouble: Optional[Exception] = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        try:
            self._publisher.hello(name="bystander-publisher")
            self._subscriber.hello(name="bystander-subscriber")
            self._subscriber.subscribe(1, TYPE_ID, topic_filter=TOPIC.decode())
        except BaseException:
            self._close()
            raise
        self._thread.start()

    def _run(self) -> None:
        try:
            while not self._stop.wait(PAUSE_S):
                self._exchange(b"round %d" % self._rounds)
                with self._changed:
                    self._rounds += 1
                    self._changed.notify_all()
        except Exception as trouble:  # for assert_unharmed, on its thread
            with self._changed:
                self._trouble = trouble
                self._changed.notify_all()

    def _exchange(self, payload: bytes) -> None:
        self._publisher.publish(TYPE_ID, payload, TOPIC)
        frame = self._subscriber.read_data()
        if (frame.topic, frame.payload) != (TOPIC, payload):
            raise AssertionError("%r instead of %r" % (frame, payload))
        # Nothing else may have come to the publisher but what holds it back.
        for other in self._publisher.frames_there():
            if other.kind not in (Control.HOLD, Control.RELEASE):
                raise AssertionError("the publisher got %r" % (other,))

    def assert_unharmed(self, rounds: int = 3) -> None:
        """They have been well so far and exchange `rounds` frames from now."""
        with self._changed:
            target = self._rounds + rounds
            self._changed.wait_for(
                lambda: self._rounds >= target or self._trouble, SECONDS
            )
            if self._trouble:
                raise AssertionError("bystanders harmed") from self._trouble
            if self._rounds < target:
                raise AssertionError("the bystanders' frames stand still")

    def _close(self) -> None:
        self._publisher.close()
        self._subscriber.close()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        self._close()
