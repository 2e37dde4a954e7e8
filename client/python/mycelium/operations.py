"""What a client can ask its engine for.  No I/O.

Operations give a Pending that ends once; what they have to say is in the log's
output then.  Not thread-safe.
"""

from __future__ import annotations

from typing import Dict, Optional, Tuple

from . import control, frame
from .control import Kind
from .delivery import Route, check_data
from .errors import ClosedError, Error, RequestError, StatusCode, UnavailableError
from .protobuf import Body
from .publisher import Publisher
from .requests import Call, Pending, Requests, error_reply
from .subscriber import Subscriber
from .subscribers import Subscribers, subscribe_body


class Asked:
    """What the broker is to answer; `again`: the frame, if it is asked for on
    another connection too."""

    def __init__(self, pending: Pending, again: bytes = b"") -> None:
        self.pending = pending
        self.again = again
        self.publish_id = 0  # of FLUSH: of the last PUBLISH before it
        self.subscriber: Optional[Subscriber] = None  # of SUBSCRIBE


class Operations:
    def __init__(self, publish_bytes_max: int) -> None:
        self.ended: Optional[Error] = None  # final, and why
        self._lost: Optional[Error] = None  # the last connection, and why
        self._publisher = Publisher(publish_bytes_max)
        self._log = self._publisher.log
        self._subscribers = Subscribers(self._log)
        self._requests = Requests()
        self._frame_bytes_max = frame.FRAME_BYTES_MAX_CEILING  # until WELCOME
        self._last_id = 0  # of what is asked
        self._asked: Dict[int, Asked] = {}
        self._resubscribing: Dict[int, int] = {}  # request, subscription

    @property
    def is_open(self) -> bool:
        """Whether a WELCOME has been read on this connection."""
        return self._log.connected

    # --- Publishing ----------------------------------------------------------

    def publish(self, type_id: int, payload: bytes, topic: str = "") -> int:
        """The frame's publish id.  Raises InvalidArgumentError, WouldBlockError,
        or what the client has ended with."""
        if self.ended is not None:
            raise self.ended
        return self._publisher.publish(type_id, payload, topic, self._frame_bytes_max)

    def publish_acked(self, type_id: int, payload: bytes, topic: str = "") -> Pending:
        """Ends when the broker has accepted the frame; AbortedError: it may
        have; ClosedError, UnavailableError: it has not."""
        return self._publisher.accept(self.publish(type_id, payload, topic))

    # --- What is asked -------------------------------------------------------

    def _ask(self, kind: Kind, body: Optional[Body], survives: bool) -> Asked:
        """Raises what the client has ended with, or the lost connection."""
        if self.ended is not None:
            raise self.ended
        if not survives and not self.is_open:
            raise self._lost or UnavailableError("no connection")
        self._last_id += 1
        data = control.encode_control(kind, self._last_id, body)
        asked = Asked(Pending(self._last_id), data if survives else b"")
        self._asked[self._last_id] = asked
        self._log.append(data)
        return asked

    def forget(self, pending: Pending) -> None:
        """Nobody waits for it any more."""
        pending.end(ClosedError("forgotten"))
        asked = self._asked.get(pending.key)
        if asked is not None and asked.subscriber is None:
            del self._asked[pending.key]

    def flush(self) -> Pending:
        asked = self._ask(Kind.FLUSH, None, survives=True)
        asked.publish_id = self._log.last_id
        return asked.pending

    def ping(self) -> Pending:
        return self._ask(Kind.PING, None, survives=False).pending

    def subscribe(self, route: Route) -> Tuple[Subscriber, Pending]:
        """`route` has been checked.  To give it up, unsubscribe."""
        subscriber = self._subscribers.new(route)
        asked = self._ask(Kind.SUBSCRIBE, subscribe_body(subscriber), survives=True)
        asked.subscriber = subscriber
        self._subscribers.add(subscriber)
        return subscriber, asked.pending

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """Nothing is delivered any more; idempotent."""
        subscriber.end(ClosedError("subscription: unsubscribed"))
        if not self._subscribers.remove(subscriber):
            return
        if self.ended is None and subscriber.known:
            if subscriber.acks is not None:
                subscriber.acks.send()
            self._subscribers.calls.forget(subscriber.id)
            if subscriber.id not in self._resubscribing.values():
                self._send_unsubscribe(subscriber.id)

    def _send_unsubscribe(self, subscriber_id: int) -> None:
        self._last_id += 1
        body = control.Unsubscribe(subscriber_id)
        self._log.append(control.encode_control(Kind.UNSUBSCRIBE, self._last_id, body))

    # --- Requests ------------------------------------------------------------

    def request(self, type_id: int, payload: bytes, topic: str = "") -> Pending:
        """Ends with a Reply or the error that was answered."""
        most = self._frame_bytes_max
        encoded = check_data("request", type_id, topic, payload, most)
        if self.ended is not None:
            raise self.ended
        if not self.is_open:
            raise UnavailableError("request: no connection")
        size = frame.HEADER_BYTES + len(encoded) + len(payload)
        self._publisher.check_room("request", 0, size)
        pending = self._requests.begin()
        self._log.append(
            frame.encode_frame(type_id, frame.REQUEST, pending.key, payload, encoded)
        )
        return pending

    def cancel(self, pending: Pending, why: Error) -> None:
        """Of a request: nobody wants the answer any more."""
        if self._requests.cancel(pending, why):
            self._log.append(control.encode_control(Kind.CANCEL, pending.key))

    def find_call(self, call_id: int) -> Optional[Call]:
        """None: nobody waits for the answer any more."""
        call = self._subscribers.calls.find(call_id)
        if call is not None and call.cancelled:
            # The broker is still to hear that this responder is free again.
            self.fail(call, RequestError(StatusCode.CANCELLED, "request: cancelled"))
            return None
        return call

    def reply(self, call: Call, type_id: int, payload: bytes) -> None:
        most = self._frame_bytes_max
        check_data("reply", type_id, "", payload, most)
        self._subscribers.calls.answered(call)
        self._log.append(frame.encode_frame(type_id, frame.REPLY, call.id, payload))

    def fail(self, call: Call, error: RequestError) -> None:
        self._subscribers.calls.answered(call)
        self._log.append(error_reply(call, error))
