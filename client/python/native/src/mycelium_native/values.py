"""What a Runtime tells: errors, gaps, states, and what is chosen with them."""

from __future__ import annotations

import dataclasses
import datetime
import enum
from concurrent.futures import Future, InvalidStateError
from typing import Any, Dict, Literal, NamedTuple, Optional, Sequence, Tuple, Type

# --- Errors -------------------------------------------------------------------


class StatusCode(enum.IntEnum):
    """The numbers of abseil's and gRPC's status codes."""

    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


class Error(Exception):
    """What went wrong: `subject: what was seen, what is allowed`."""

    status: StatusCode = StatusCode.UNKNOWN

    def __init__(self, message: str, status: Optional[StatusCode] = None) -> None:
        super().__init__(message)
        self.message = message
        if status is not None:
            self.status = status

    def __str__(self) -> str:
        return self.message


class InvalidArgumentError(Error, ValueError):
    """An argument that cannot be: url, topic, filter, policy."""

    status = StatusCode.INVALID_ARGUMENT


class DeadlineExceededError(Error, TimeoutError):
    """`timeout_s` was over first."""

    status = StatusCode.DEADLINE_EXCEEDED


class PermissionDeniedError(Error):
    """The broker or the file system refuses this user."""

    status = StatusCode.PERMISSION_DENIED


class ResourceExhaustedError(Error):
    """A limit, which the message names, or memory."""

    status = StatusCode.RESOURCE_EXHAUSTED


class FailedPreconditionError(Error):
    """A schema or a version that does not fit; or a call out of its place."""

    status = StatusCode.FAILED_PRECONDITION


class SchemaMismatchError(FailedPreconditionError, ValueError):
    """Two schema digests differ; the message has both."""


class AbortedError(Error):
    """Whether it was done is not known."""

    status = StatusCode.ABORTED


class UnavailableError(Error, ConnectionError):
    """No broker, or the connection is lost."""

    status = StatusCode.UNAVAILABLE


class WouldBlockError(UnavailableError):
    """publish with timeout_s=0 would have had to wait."""


class ClosedError(Error):
    """The runtime or the subscription was closed."""

    status = StatusCode.CANCELLED


class RequestError(Error):
    """The answer to a request that there is none, and why.

    A responder's callback raises it to answer an error.  Runtime.request raises it
    for whatever a responder or the broker has answered: NOT_FOUND, nobody responds;
    RESOURCE_EXHAUSTED, all responders are busy; UNAVAILABLE, the responder or the
    connection was lost, it may have been done; any other, what the responder said.
    """

    def __init__(self, status: int, text: str) -> None:
        known = status if 1 <= status <= 16 else StatusCode.UNKNOWN
        super().__init__(text, StatusCode(known))

    def __reduce__(self) -> Tuple[Any, ...]:
        return RequestError, (int(self.status), self.message)


_ERRORS: Dict[int, Type[Error]] = {
    StatusCode.CANCELLED: ClosedError,
    StatusCode.INVALID_ARGUMENT: InvalidArgumentError,
    StatusCode.DEADLINE_EXCEEDED: DeadlineExceededError,
    StatusCode.PERMISSION_DENIED: PermissionDeniedError,
    StatusCode.RESOURCE_EXHAUSTED: ResourceExhaustedError,
    StatusCode.FAILED_PRECONDITION: FailedPreconditionError,
    StatusCode.ABORTED: AbortedError,
    StatusCode.UNAVAILABLE: UnavailableError,
}
# How mycelium.h lets the two kinds of MYCELIUM_UNAVAILABLE be told apart.
_WOULD_BLOCK = "publish: would block"


def error_of(status: int, message: str) -> Error:
    """The exception for a status of the library."""
    if status == StatusCode.UNAVAILABLE and message.startswith(_WOULD_BLOCK):
        return WouldBlockError(message)
    known = StatusCode(status if 1 <= status <= 16 else StatusCode.UNKNOWN)
    return _ERRORS.get(known, Error)(message, known)


def request_error_of(status: int, message: str) -> Error:
    """The exception for what a request is answered with."""
    if status in (StatusCode.DEADLINE_EXCEEDED, StatusCode.CANCELLED):
        return error_of(status, message)
    return RequestError(status, message)


# --- Policies -----------------------------------------------------------------


class Overflow(enum.IntEnum):
    """What a subscription whose queue has been full for long enough does."""

    GAP = 0
    """The oldest are dropped and told."""
    CONFLATE = 1
    """The newest of each type and topic stays."""
    DISCONNECT = 2
    """The runtime is closed: ResourceExhaustedError."""


@dataclasses.dataclass(frozen=True)
class Policy:
    """What happens when a subscription's queue is full.

    Its publishers are held back for up to stall_ms_max (0: not at all, -1:
    without end), then `overflow`.
    """

    queue_bytes_max: int = 16 << 20
    stall_ms_max: int = 1000
    overflow: Overflow = Overflow.GAP


BALANCED = Policy()
"""Holds its publishers for a second, then loses the oldest and says so."""
LOSSLESS = Policy(stall_ms_max=-1)
"""Loses nothing: whoever publishes what it takes waits for it."""
LIVE = Policy(stall_ms_max=0)
"""Never slows a publisher."""
LATEST = Policy(stall_ms_max=0, overflow=Overflow.CONFLATE)
"""The newest of each type and topic."""
STRICT = Policy(overflow=Overflow.DISCONNECT)
"""Everything, or the end."""

PolicyName = Literal["balanced", "lossless", "live", "latest", "strict"]
POLICIES: Dict[str, Policy] = {
    "balanced": BALANCED,
    "lossless": LOSSLESS,
    "live": LIVE,
    "latest": LATEST,
    "strict": STRICT,
}


class Start(NamedTuple):
    """Where a subscription begins, as far as the broker keeps a history: made by
    last, from_sequence and since; the default is now."""

    origin: int = 0
    value: int = 0


def last(frames: int) -> Start:
    """The newest so many of each type and topic."""
    return Start(1, frames)


def from_sequence(sequence: int) -> Start:
    """Of one type: from this count on."""
    return Start(2, sequence)


def since(time: datetime.datetime) -> Start:
    """What was accepted at that time or later; a naive datetime is local time."""
    return Start(3, int(time.timestamp() * 1000))


# --- What is told -------------------------------------------------------------


class State(enum.Enum):
    """What on_state gets, with the Error that says why, or None."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    STALLED = "stalled"
    """The broker holds back a type that this runtime publishes."""
    RECONNECTING = "reconnecting"
    CLOSED = "closed"
    """For good."""


def state_of(number: int) -> State:
    """As the library numbers them."""
    return list(State)[number]


class GapReason(enum.IntEnum):
    UNSPECIFIED = 0
    OVERFLOW = 1
    """The queue was full for longer than the policy allows."""
    CONFLATED = 2
    """Newer ones of the same type and topic took their place."""
    RECONNECT = 3
    """The connection was lost, and history does not have them."""
    MEMORY = 4
    """The broker's own bound was reached."""
    DEADLOCK = 5
    """Lossless subscribers held each other back in a circle."""
    MALFORMED = 100
    """The bytes are no message of the type."""


class GapRange(NamedTuple):
    """Missing frames of one type (0: of which types is not known)."""

    type_id: int
    frames: int
    first_sequence: int
    last_sequence: int


@dataclasses.dataclass(frozen=True)
class Gap:
    """Frames that a subscription did not get, told before the next that it does."""

    reason: GapReason
    ranges: Tuple[GapRange, ...]
    """One for each type."""
    unknown: bool = False
    """More may be missing, or nothing; nobody can say."""

    @property
    def frames(self) -> int:
        """How many, of all types."""
        return sum(each.frames for each in self.ranges)

    def __str__(self) -> str:
        parts = [
            f"type {each.type_id}: {each.frames} frames "
            f"#{each.first_sequence}..#{each.last_sequence}"
            for each in self.ranges
        ]
        if self.unknown:
            parts.append("perhaps more")
        return f"{', '.join(parts)} ({self.reason.name.lower()})"


def gap_of(reason: int, ranges: Sequence[Tuple[int, ...]], unknown: bool) -> Gap:
    """A Gap as the library tells it; a reason of a later version is kept."""
    try:
        known = GapReason(reason)
    except ValueError:
        known = GapReason.UNSPECIFIED
    return Gap(known, tuple(GapRange(*each) for each in ranges), unknown)


class MessageInfo(NamedTuple):
    """What comes with a message, for subscriptions with_info."""

    type_id: int
    topic: str
    """Empty without one."""
    sequence: int
    """The count of this type at the broker: 1, 2, ...; 0 for a request."""
    redelivered: bool
    """Of a group, and another member may have had it."""


class UnacceptedFrame(NamedTuple):
    """A frame that publish took and that no broker is known to have accepted."""

    type_id: int
    topic: str
    payload: bytes
    maybe_accepted: bool
    """A broker had it and may have accepted it; it is not sent again."""


class BrokerInfo(NamedTuple):
    name: str
    version: str
    epoch: int
    """Another one after each start of the broker."""
    session_id: int
    frame_bytes_max: int
    """Of topic and payload together."""


class Counters(NamedTuple):
    frames_published: int
    """Taken by publish."""
    frames_accepted: int
    frames_resent: int
    frames_unaccepted: int
    """Given back."""
    frames_received: int
    """Given to subscriptions."""
    frames_missed: int
    """Told in gaps."""
    gaps: int
    reconnects: int
    replies_late: int


# --- Futures ------------------------------------------------------------------


def settle(future: Future[None], error: Optional[Error]) -> None:
    """Ends the future of publish_acked."""
    try:
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
    except InvalidStateError:
        pass  # its owner has cancelled it


def answer_later(future: Future[Any], respondent: Any) -> None:
    """Answers a request when the callback's future has ended."""

    def answer(ended: Future[Any]) -> None:
        if ended.cancelled():
            respondent.fail(
                RequestError(
                    StatusCode.CANCELLED, "respond: the callback's future was cancelled"
                )
            )
            return
        error = ended.exception()
        if error is None:
            respondent.reply(ended.result())
        else:
            respondent.fail(error)

    future.add_done_callback(answer)
