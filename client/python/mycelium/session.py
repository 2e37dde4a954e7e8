"""The client's half of a session: bytes in, events out.  No I/O, no clock.

One for each connection.  The table says what may come when (proto/WIRE.md,
section 3.1).
"""

from __future__ import annotations

import enum
from typing import Dict, FrozenSet, NamedTuple, Optional, Union

from . import frame
from .control import VERSION_MAJOR, Kind, Welcome, decode_control
from .errors import ProtocolError
from .protobuf import Body


class SessionState(enum.Enum):
    GREETING = "greeting"
    SCHEMA_ASKED = "schema_asked"
    OPEN = "open"
    CLOSED = "closed"


_ALLOWED: Dict[SessionState, FrozenSet[Kind]] = {
    SessionState.GREETING: frozenset({Kind.WELCOME, Kind.SCHEMA, Kind.CLOSE}),
    SessionState.SCHEMA_ASKED: frozenset({Kind.WELCOME, Kind.CLOSE}),
    SessionState.OPEN: frozenset(
        {
            *(Kind.SUBSCRIBED, Kind.UNSUBSCRIBED, Kind.GAP, Kind.ACK, Kind.HOLD),
            *(Kind.RELEASE, Kind.FLUSHED, Kind.PING, Kind.PONG, Kind.ADMIN),
            *(Kind.CANCEL, Kind.ADDRESSEE, Kind.CLOSE),
        }
    ),
    SessionState.CLOSED: frozenset(),
}
_KINDS = (Kind.HELLO, *Kind)  # by number, of which 0 is none
_NEXT = {
    Kind.WELCOME: SessionState.OPEN,
    Kind.SCHEMA: SessionState.SCHEMA_ASKED,
    Kind.CLOSE: SessionState.CLOSED,
}
_WORDS = {
    SessionState.GREETING: "protocol: {}, allowed WELCOME, SCHEMA or CLOSE before WELCOME",
    SessionState.SCHEMA_ASKED: "protocol: {}, allowed WELCOME or CLOSE after SCHEMA",
    SessionState.OPEN: "protocol: {}, not from a broker to a client",
    SessionState.CLOSED: "protocol: {} after CLOSE",
}


class Control(NamedTuple):
    """A control frame; `body` is None if its kind has none."""

    kind: Kind
    id: int
    body: Optional[Body]


Event = Union[frame.Run, Control]


class Session:
    """Feed bytes, then ask for the next event until there is none.

    Not thread-safe.
    """

    def __init__(
        self,
        frame_bytes_max: int = frame.GREETING_BYTES_MAX,
        state: SessionState = SessionState.GREETING,
    ) -> None:
        self.state = state
        self._reader = frame.FrameReader(frame_bytes_max)

    def feed(self, data: bytes) -> None:
        self._reader.feed(data)

    @property
    def rest_bytes(self) -> int:
        return self._reader.rest_bytes

    def next(self) -> Optional[Event]:
        """None: more bytes are needed.  ProtocolError: the session is over."""
        found = self._reader.next()
        if found is None:
            return None
        if isinstance(found, frame.Run):
            if self.state is not SessionState.OPEN:
                name = frame.DATA_NAMES[found.kind & ~0x40]
                raise ProtocolError(
                    _WORDS[self.state].format(name), frame.CODE_PROTOCOL
                )
            return found
        kind = _KINDS[found.kind]
        if kind not in _ALLOWED[self.state]:
            raise ProtocolError(
                _WORDS[self.state].format(kind.name), frame.CODE_PROTOCOL
            )
        body = decode_control(kind, found.body)
        if isinstance(body, Welcome):
            self._check(body)
        self.state = _NEXT.get(kind, self.state)
        return Control(kind, found.id, body)

    def _check(self, welcome: Welcome) -> None:
        if welcome.version_major != VERSION_MAJOR:
            raise ProtocolError(
                f"protocol: version {welcome.version_major} at the broker, "
                f"{VERSION_MAJOR} here",
                frame.CODE_PROTOCOL,
            )
        # A broker may have raised its limit for others (WIRE.md, 1.3).
        self._reader.frame_bytes_max = frame.FRAME_BYTES_MAX_CEILING
