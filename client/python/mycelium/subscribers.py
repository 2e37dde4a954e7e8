"""The subscriptions of a client, and which of them take what comes.  No I/O.

Not thread-safe: belongs to an engine.
"""

from __future__ import annotations

from typing import Dict, Iterator, List, Optional, Set, Tuple

from . import control, frame, topics
from .control import Kind
from .delivery import Route, gap_of
from .publish_log import PublishLog
from .requests import Calls
from .subscriber import Subscriber

_ROUTES_KNOWN_MAX = 4096


class Subscribers:
    """Sends what they have to say into `log`."""

    def __init__(self, log: PublishLog) -> None:
        self.calls = Calls()
        self.frames_received = self.frames_missed = self.gaps = 0
        self._log = log
        self._by_id: Dict[int, Subscriber] = {}
        self._routes: Dict[Tuple[int, str], List[Subscriber]] = {}
        self._last_id = 0
        self._addressee = 0
        self.holding: Set[Subscriber] = set()  # the connection, see FrameQueue

    def __iter__(self) -> Iterator[Subscriber]:
        return iter(tuple(self._by_id.values()))

    def get(self, subscriber_id: int) -> Optional[Subscriber]:
        return self._by_id.get(subscriber_id)

    def new(self, route: Route) -> Subscriber:
        """Not yet among them, see add."""
        self._last_id += 1
        return Subscriber(self._last_id, route, self._send_ack, self.holding)

    def add(self, subscriber: Subscriber) -> None:
        self._by_id[subscriber.id] = subscriber
        self._routes.clear()

    def remove(self, subscriber: Subscriber) -> bool:
        """False: it was not there."""
        self._routes.clear()
        return self._by_id.pop(subscriber.id, None) is not None

    def _send_ack(self, subscriber_id: int, frames: int) -> None:
        body = control.Ack(subscription_id=subscriber_id, frames=frames)
        self._log.append(control.encode_control(Kind.ACK, 0, body))

    # --- What comes

    def disconnect(self) -> None:
        self._addressee = 0
        self.calls.forget()

    def address(self, body: control.Addressee) -> None:
        self._addressee = body.subscription_id

    def deliver(self, run: frame.Run, now: float) -> None:
        """Of kind PUBLISH or REQUEST.  Raises ResourceExhaustedError: the policy
        of one of them ends the client."""
        if run.kind == frame.REQUEST:
            subscriber = self._by_id.get(self._addressee)
            if subscriber is not None and subscriber.route.responder:
                self.calls.asked(run, subscriber.id)
                subscriber.deliver(run, True, now)
        elif self._addressee:
            subscriber = self._by_id.get(self._addressee)
            if subscriber is not None and not subscriber.route.responder:
                self.frames_received += subscriber.deliver(run, True, now)
        else:
            for subscriber in self._route(run.type_id, run.topic):
                self.frames_received += subscriber.deliver(run, False, now)

    def _route(self, type_id: int, topic: str) -> List[Subscriber]:
        found = self._routes.get((type_id, topic))
        if found is None:
            if len(self._routes) >= _ROUTES_KNOWN_MAX:
                self._routes.clear()
            found = self._routes[type_id, topic] = [
                each
                for each in self._by_id.values()
                if each.route.type_id in (0, type_id)
                and not each.route.responder
                and topics.matches(each.route.topic_filter, topic)
            ]
        return found

    def deliver_gap(self, body: control.WireGap) -> None:
        subscriber = self._by_id.get(body.subscription_id)
        if subscriber is not None:
            gap = gap_of(body)
            self.gaps += 1
            self.frames_missed += gap.frames
            subscriber.deliver_gap(gap)


def subscribe_body(subscriber: Subscriber) -> control.Subscribe:
    """As at first, or as it goes on."""
    route = subscriber.route
    resume = subscriber.resume()
    start = None
    if route.start.field and resume is None:
        start = control.WireStart(**{route.start.field: route.start.value})
    policy = route.policy
    return control.Subscribe(
        subscription_id=subscriber.id,
        type_id=route.type_id,
        topic_filter=route.topic_filter,
        policy=control.WirePolicy(
            policy.queue_bytes_max, policy.stall_ms_max, policy.overflow
        ),
        group=route.group,
        responder=route.responder,
        start=start,
        resume=resume,
    )
