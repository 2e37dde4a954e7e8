"""Requests that wait for an answer, and those that are to be answered.  No I/O.

Not thread-safe: belongs to an engine.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, NamedTuple, Optional

from . import control, frame
from .errors import (
    Error,
    FailedPreconditionError,
    RequestError,
    StatusCode,
    UnavailableError,
)
from .protobuf import Malformed

# Of an error's words; what is longer is cut.
_ERROR_BYTES_MAX = 4096


class Pending:
    """Something that ends once, with a value or an error."""

    __slots__ = ("done", "error", "value", "on_done", "key")

    def __init__(self, key: int = 0) -> None:
        self.done = False
        self.error: Optional[Error] = None
        self.value: Any = None
        self.on_done: Optional[Callable[[], None]] = None
        self.key = key  # by which its owner finds it

    def end(self, error: Optional[Error] = None, value: Any = None) -> None:
        if self.done:
            return
        self.error, self.value = error, value
        self.done = True
        if self.on_done is not None:
            self.on_done()


class Reply(NamedTuple):
    type_id: int
    topic: str
    payload: bytes


class Requests:
    """Those of this client, by the number that is their id on the wire."""

    def __init__(self) -> None:
        self._open: Dict[int, Pending] = {}
        self._last = 0
        self.replies_late = 0

    def begin(self) -> Pending:
        while True:
            self._last = self._last % 0xFFFFFFFF + 1
            if self._last not in self._open:
                break
        pending = self._open[self._last] = Pending(self._last)
        return pending

    def on_reply(self, run: frame.Run) -> None:
        for number, payload in run.rows:
            pending = self._open.pop(number, None)
            if pending is None:
                self.replies_late += 1
            elif run.kind == frame.REPLY:
                pending.end(value=Reply(run.type_id, run.topic, payload))
            else:
                pending.end(_request_error(payload))

    def cancel(self, pending: Pending, why: Error) -> bool:
        """Whether it was still open, and the broker is to be told."""
        was_open = self._open.pop(pending.key, None) is pending
        pending.end(why)
        return was_open

    def fail_all(self, why: Error) -> None:
        failed, self._open = self._open, {}
        for pending in failed.values():
            pending.end(why)


def _request_error(payload: bytes) -> Error:
    try:
        body = control.WireRequestError.decode(payload)
    except Malformed:
        return RequestError(
            StatusCode.UNKNOWN,
            f"request: an error of {len(payload)} bytes that are not a RequestError",
        )
    return RequestError(body.status, body.message, from_broker=body.from_broker)


class Call:
    """A request that this client is asked, until it is answered."""

    __slots__ = ("id", "subscriber_id", "type_id", "topic", "payload", "cancelled")

    def __init__(
        self, call_id: int, subscriber_id: int, type_id: int, topic: str, payload: bytes
    ) -> None:
        self.id = call_id
        self.subscriber_id = subscriber_id
        self.type_id = type_id
        self.topic = topic  # empty: none
        self.payload = payload
        self.cancelled = False  # nobody waits for the answer any more


class Calls:
    """Those that this client is asked and has not answered."""

    def __init__(self) -> None:
        self._open: Dict[int, Call] = {}

    def asked(self, run: frame.Run, subscriber_id: int) -> None:
        for call_id, payload in run.rows:
            self._open[call_id] = Call(
                call_id, subscriber_id, run.type_id, run.topic, payload
            )

    def find(self, call_id: int) -> Optional[Call]:
        return self._open.get(call_id)

    def cancel(self, call_id: int) -> None:
        call = self._open.get(call_id)
        if call is not None:
            call.cancelled = True

    def answered(self, call: Call) -> None:
        """Raises if it can't be."""
        if self._open.get(call.id) is call:
            del self._open[call.id]
        elif call.cancelled:
            raise UnavailableError(
                "reply: the connection on which it was asked is lost, or the "
                "responder has unsubscribed"
            )
        else:
            raise FailedPreconditionError(
                "reply: the request has been answered, allowed once"
            )

    def forget(self, subscriber_id: Optional[int] = None) -> None:
        """Those of one responder, or all: nobody can answer them any more."""
        gone: List[Call] = [
            call
            for call in self._open.values()
            if subscriber_id in (None, call.subscriber_id)
        ]
        for call in gone:
            call.cancelled = True
            del self._open[call.id]


def error_reply(call: Call, error: RequestError) -> bytes:
    words = error.message.encode(errors="replace")[:_ERROR_BYTES_MAX]
    body = control.WireRequestError(
        max(1, int(error.status)), words.decode(errors="ignore")
    )
    return frame.encode_frame(call.type_id, frame.ERROR_REPLY, call.id, body.encode())
