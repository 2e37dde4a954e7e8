"""What a Runtime tells: errors, gaps, states, and what is chosen with them."""

from __future__ import annotations

import dataclasses
import datetime
import enum
from concurrent.futures import Future, InvalidStateError
from typing import Any, ClassVar, Dict, NamedTuple, Optional, Sequence, Tuple, Type

# --- Errors -------------------------------------------------------------------


class Status(enum.IntEnum):
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


class MyceliumError(Exception):
    """What went wrong: `subject: what was seen, what is allowed`.

    A responder's callback raises one, of any status, to fail a request.
    """

    status: int = Status.UNKNOWN

    def __init__(self, words: str = "", status: Optional[int] = None) -> None:
        super().__init__(words)
        if status is not None:
            self.status = status


class Cancelled(MyceliumError):
    """Closed meanwhile."""

    status = Status.CANCELLED


class InvalidArgument(MyceliumError, ValueError):
    status = Status.INVALID_ARGUMENT


class DeadlineExceeded(MyceliumError, TimeoutError):
    status = Status.DEADLINE_EXCEEDED


class NotFound(MyceliumError, LookupError):
    """A request that nobody answers."""

    status = Status.NOT_FOUND


class PermissionDenied(MyceliumError, PermissionError):
    status = Status.PERMISSION_DENIED


class ResourceExhausted(MyceliumError):
    """A limit, or memory."""

    status = Status.RESOURCE_EXHAUSTED


class FailedPrecondition(MyceliumError):
    """A schema or a version that does not fit, or not now."""

    status = Status.FAILED_PRECONDITION


class SchemaMismatch(FailedPrecondition, ValueError):
    """Two schema digests differ; the words have both."""


class Aborted(MyceliumError):
    """Whether it was done is not known."""

    status = Status.ABORTED


class Unavailable(MyceliumError, ConnectionError):
    """No broker, a lost connection, or it would block."""

    status = Status.UNAVAILABLE


class DataLoss(MyceliumError, ValueError):
    """A reply that is no message of its type."""

    status = Status.DATA_LOSS


_ERRORS: Dict[int, Type[MyceliumError]] = {
    int(error.status): error
    for error in (
        Cancelled,
        InvalidArgument,
        DeadlineExceeded,
        NotFound,
        PermissionDenied,
        ResourceExhausted,
        FailedPrecondition,
        Aborted,
        Unavailable,
        DataLoss,
    )
}


def error_of(status: int, words: str) -> MyceliumError:
    """The exception for a status of the library."""
    return _ERRORS.get(status, MyceliumError)(words, status)


# --- Policies -----------------------------------------------------------------


class Overflow(enum.IntEnum):
    """What a subscription whose queue has been full for long enough does."""

    GAP = 0
    """The oldest are dropped and told."""
    CONFLATE = 1
    """The newest of each type and topic stays."""
    DISCONNECT = 2
    """The runtime is closed: ResourceExhausted."""


@dataclasses.dataclass(frozen=True)
class Policy:
    """What happens when a subscription's queue is full.

    Its publishers are held back for up to stall_ms_max (0: not at all, -1:
    without end), then `overflow`.  subscribe takes the names of the presets too.
    """

    queue_bytes_max: int = 16 << 20
    stall_ms_max: int = 1000
    overflow: Overflow = Overflow.GAP

    PRESETS: ClassVar[Dict[str, Policy]] = {}


Policy.PRESETS.update(
    balanced=Policy(),
    lossless=Policy(stall_ms_max=-1),
    live=Policy(stall_ms_max=0),
    latest=Policy(stall_ms_max=0, overflow=Overflow.CONFLATE),
    strict=Policy(overflow=Overflow.DISCONNECT),
)


class Start(NamedTuple):
    """Where a subscription begins, as far as the broker keeps a history."""

    origin: int = 0
    value: int = 0

    @classmethod
    def now(cls) -> Start:
        return cls()

    @classmethod
    def last(cls, frames: int) -> Start:
        """With the newest `frames` of each type and topic."""
        return cls(1, frames)

    @classmethod
    def at_sequence(cls, sequence: int) -> Start:
        """From this count of the type on."""
        return cls(2, sequence)

    @classmethod
    def at_time(cls, time: datetime.datetime) -> Start:
        """With what was accepted at this time or later."""
        return cls(3, int(time.timestamp() * 1000))


# --- What is told -------------------------------------------------------------


class State(enum.IntEnum):
    """What on_state gets, with the MyceliumError that says why, or None."""

    CONNECTING = 0
    CONNECTED = 1
    STALLED = 2
    """The broker holds back a type that this runtime publishes."""
    RECONNECTING = 3
    CLOSED = 4
    """For good."""


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


class Unaccepted(NamedTuple):
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


def settle(future: Future[None], error: Optional[MyceliumError]) -> None:
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
            respondent.fail(Cancelled("respond: the callback's future was cancelled"))
            return
        error = ended.exception()
        if error is None:
            respondent.reply(ended.result())
        else:
            respondent.fail(error)

    future.add_done_callback(answer)
