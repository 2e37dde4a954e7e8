"""What a subscription chooses, and what it is given.  docs/DELIVERY.md says what
can be relied on."""

from __future__ import annotations

import dataclasses
import datetime
import enum
from typing import Any, NamedTuple, Tuple

from . import control, topics
from .errors import InvalidArgumentError

QUEUE_BYTES_MAX_DEFAULT = 16 << 20
QUEUE_BYTES_MIN = 4 << 10
STALL_MS_MAX_DEFAULT = 1000
GROUP_NAME_BYTES_MAX = 128
_UINT64_MAX = (1 << 64) - 1


class Overflow(enum.IntEnum):
    """What happens when a queue has been full for stall_ms_max."""

    GAP = 0  # the oldest frames are dropped and reported
    CONFLATE = 1  # of each type and topic the newest is kept, the others reported
    DISCONNECT = 2  # the client is closed


@dataclasses.dataclass(frozen=True)
class Policy:
    """What happens when a subscription's queue is full: its publishers are held
    for up to stall_ms_max (0: not at all, -1: without end), then `overflow`."""

    queue_bytes_max: int = QUEUE_BYTES_MAX_DEFAULT
    stall_ms_max: int = STALL_MS_MAX_DEFAULT
    overflow: Overflow = Overflow.GAP


# Holds its publishers for a second, then loses the oldest and says so.
BALANCED = Policy()
# Loses nothing: whoever publishes what it takes waits for it.
LOSSLESS = Policy(stall_ms_max=-1)
# Never slows a publisher.
LIVE = Policy(stall_ms_max=0)
# The newest of each type and topic.
LATEST = Policy(stall_ms_max=0, overflow=Overflow.CONFLATE)
# Everything, or the end.
STRICT = Policy(overflow=Overflow.DISCONNECT)


@dataclasses.dataclass(frozen=True)
class Start:
    """Where a subscription begins, as far as the broker keeps a history of what
    it takes: made by last, from_sequence and since."""

    field: str  # of Subscribe.start; empty: now
    value: int = 0


NOW = Start("")


def last(frames: int) -> Start:
    """The newest so many of each type and topic."""
    return Start("last", _within("last", frames, 0xFFFFFFFF))


def from_sequence(sequence: int) -> Start:
    """Of one type: from this count on."""
    return Start("sequence", _within("sequence", sequence, _UINT64_MAX))


def since(time: datetime.datetime) -> Start:
    """What was accepted at that time or later; a naive datetime is local time."""
    ms = int(time.timestamp() * 1000)
    return Start("time_unix_ms", _within("time_unix_ms", ms, _UINT64_MAX))


def _within(name: str, value: int, most: int) -> int:
    if not 0 <= value <= most:
        raise InvalidArgumentError(
            f"subscribe: start.{name} {value}, allowed 0 to {most}"
        )
    return value


class GapReason(enum.IntEnum):
    """Why frames are missing."""

    UNSPECIFIED = 0
    OVERFLOW = 1  # the queue was full for longer than the policy allows
    CONFLATED = 2  # newer frames of the same type and topic took their place
    RECONNECT = 3  # the connection was lost, and history does not have them
    MEMORY = 4  # the broker's own bound was reached
    DEADLOCK = 5  # lossless subscribers held each other back in a circle
    MALFORMED = 100  # said by the client: the payload is no message of its type


class GapRange(NamedTuple):
    """`frames` frames of one type are missing, between these counts."""

    type_id: int  # 0: of which types is not known; no sequences then
    frames: int
    first_sequence: int
    last_sequence: int


class Gap(NamedTuple):
    """Frames that a subscription did not get, told in their place."""

    reason: GapReason
    ranges: Tuple[GapRange, ...] = ()
    unknown: bool = False  # more may be missing than the ranges count, or nothing

    @property
    def frames(self) -> int:
        return sum(each.frames for each in self.ranges)


class Frame(NamedTuple):
    """One frame as it came."""

    type_id: int
    topic: str  # empty: none
    sequence: int  # the broker's count of this type: 1, 2, ...
    redelivered: bool  # of a group: another member may have had it
    payload: bytes
    message: Any  # the payload as what was subscribed to; of bytes the payload


class State(enum.Enum):
    CONNECTING = "connecting"
    CONNECTED = "connected"
    STALLED = "stalled"  # the broker holds back a type that this client publishes
    RECONNECTING = "reconnecting"  # the connection is lost
    CLOSED = "closed"  # final


class UnacceptedFrame(NamedTuple):
    """What was published and no broker is known to have accepted."""

    type_id: int
    topic: str
    payload: bytes
    # It was written to a broker that has forgotten this client or was restarted:
    # it may have been accepted, and is not sent again.
    maybe_accepted: bool


class BrokerInfo(NamedTuple):
    """What the broker said in WELCOME."""

    name: str
    version: str
    epoch: int
    session_id: int
    frame_bytes_max: int


@dataclasses.dataclass(frozen=True)
class Route:
    """What a subscription takes, and how."""

    type_id: int = 0  # 0: all types
    topic_filter: str = ""  # empty: every topic and none
    policy: Policy = BALANCED
    group: str = ""  # empty: none
    start: Start = NOW
    responder: bool = False

    def check(self) -> None:
        """Raises InvalidArgumentError for what can't be."""
        fault = self._fault()
        if fault:
            raise InvalidArgumentError("subscribe: " + fault)

    def _fault(self) -> str:
        topic_filter, group = map(topics.encoded, (self.topic_filter, self.group))
        policy = self.policy
        if not 0 <= self.type_id <= 65535:
            return f"type_id {self.type_id}, allowed 0 to 65535"
        if topic_filter is None:
            return "topic filter: a surrogate, allowed UTF-8"
        if topic_filter and topics.filter_fault(topic_filter):
            return str(topics.filter_fault(topic_filter))
        if not QUEUE_BYTES_MIN <= policy.queue_bytes_max <= _UINT64_MAX:
            return (
                f"queue_bytes_max {policy.queue_bytes_max}, "
                f"allowed at least {QUEUE_BYTES_MIN}"
            )
        if not -1 <= policy.stall_ms_max < 1 << 63:
            return f"stall_ms_max {policy.stall_ms_max}, allowed -1 and more"
        if group is None:
            return "group: a surrogate, allowed UTF-8"
        if len(group) > GROUP_NAME_BYTES_MAX:
            return f"group of {len(group)} bytes, allowed {GROUP_NAME_BYTES_MAX}"
        if self.group and self.responder:
            return "a responder with a group, allowed one of them"
        if self.group and self.start.field:
            return "start with a group, allowed without one"
        return ""


def check_data(
    subject: str, type_id: int, topic: str, payload: bytes, most: int
) -> bytes:
    """The topic's bytes, if a client may send this; InvalidArgumentError."""
    encoded = topics.encoded(topic)
    if not 1 <= type_id <= 65535:
        words = f"type_id {type_id}, allowed 1 to 65535"
    elif encoded is None or encoded and topics.topic_fault(encoded):
        words = (
            f"topic of {len(encoded or topic)} bytes, allowed 1 to 255 bytes of UTF-8 "
            "without NUL, empty tokens and wildcards"
        )
    elif len(encoded) + len(payload) > most:
        words = f"body_bytes {len(encoded) + len(payload)}, frame_bytes_max {most}"
    else:
        return encoded
    raise InvalidArgumentError(f"{subject}: {words}")


def gap_of(body: control.WireGap) -> Gap:
    known = body.reason in GapReason.__members__.values() and body.reason < 100
    return Gap(
        GapReason(body.reason if known else 0),
        tuple(
            GapRange(r.type_id, r.frames, r.first_sequence, r.last_sequence)
            for r in body.ranges
        ),
        body.unknown,
    )
