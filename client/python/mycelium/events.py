"""What an engine tells its client, and what it makes of the broker's codes."""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional, Union

from .control import Code
from .delivery import State, UnacceptedFrame
from .errors import Error, StatusCode

# After which a client does not connect again by itself.
FINAL_CODES = frozenset(
    {
        *(Code.PROTOCOL, Code.VERSION, Code.FRAME_TOO_LARGE, Code.SLOW_CONSUMER),
        *(Code.INVALID_ARGUMENT, Code.SCHEMA, Code.DENIED, Code.UNSUPPORTED),
        Code.TAKEN_OVER,
    }
)
_STATUS_OF_CODE: Dict[int, StatusCode] = {
    Code.VERSION: StatusCode.FAILED_PRECONDITION,
    Code.SCHEMA: StatusCode.FAILED_PRECONDITION,
    Code.FRAME_TOO_LARGE: StatusCode.INVALID_ARGUMENT,
    Code.INVALID_ARGUMENT: StatusCode.INVALID_ARGUMENT,
    Code.TOO_MANY_SESSIONS: StatusCode.RESOURCE_EXHAUSTED,
    Code.TOO_MANY_SUBSCRIPTIONS: StatusCode.RESOURCE_EXHAUSTED,
    Code.DENIED: StatusCode.PERMISSION_DENIED,
    Code.PROTOCOL: StatusCode.INTERNAL,
    Code.INTERNAL: StatusCode.INTERNAL,
    Code.UNSUPPORTED: StatusCode.UNIMPLEMENTED,
    Code.TAKEN_OVER: StatusCode.ABORTED,
}


def status_of(code: int) -> StatusCode:
    """What a CLOSE or SUBSCRIBED with this code means to the client."""
    return _STATUS_OF_CODE.get(code, StatusCode.UNAVAILABLE)


class StateChanged(NamedTuple):
    state: State
    why: Optional[Error]


class Unaccepted(NamedTuple):
    frames: List[UnacceptedFrame]


Event = Union[StateChanged, Unaccepted]


class Counters(NamedTuple):
    """What a client has seen so far."""

    frames_published: int
    frames_accepted: int
    frames_resent: int
    frames_unaccepted: int  # given back
    frames_received: int  # given to subscriptions
    frames_missed: int  # told in gaps
    gaps: int
    reconnects: int
    replies_late: int  # after the deadline, or cancelled
