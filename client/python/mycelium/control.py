"""The bodies of control frames (proto/mycelium/control.proto).

A small reader and writer of Protobuf, and a table of fields for each message.
As Protobuf does: unknown fields are skipped, the last of several counts,
strings must be UTF-8.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import Any, ClassVar, Dict, List, Optional, Tuple, Type, TypeVar

from .errors import ProtocolError
from .frame import CODE_PROTOCOL, encode_frame

HELLO_ID = int.from_bytes(b"MYCELIUM", "little")
VERSION_MAJOR = 1


class Kind(enum.IntEnum):
    HELLO = 1
    WELCOME = 2
    SUBSCRIBE = 3
    SUBSCRIBED = 4
    UNSUBSCRIBE = 5
    UNSUBSCRIBED = 6
    GAP = 7
    ACK = 8
    HOLD = 9
    RELEASE = 10
    FLUSH = 11
    FLUSHED = 12
    PING = 13
    PONG = 14
    SCHEMA = 15
    CLOSE = 16
    ADMIN = 17
    CANCEL = 18
    ADDRESSEE = 19


CODE_NAMES = (
    "OK GOING_AWAY PROTOCOL VERSION FRAME_TOO_LARGE HELLO_TIMEOUT IDLE_TIMEOUT "
    "TOO_MANY_SESSIONS TOO_MANY_SUBSCRIPTIONS SLOW_CONSUMER INVALID_ARGUMENT SCHEMA "
    "DENIED INTERNAL UNSUPPORTED TAKEN_OVER"
).split()
Code = enum.IntEnum("Code", CODE_NAMES, start=0)  # type: ignore[misc]


def code_name(code: int) -> str:
    return f"CODE_{CODE_NAMES[code]}" if 0 <= code < len(CODE_NAMES) else f"code {code}"


class Malformed(Exception):
    """Bytes that are no message."""


_Body = TypeVar("_Body", bound="Body")
# A field's name, what it holds, and the class of a message.
_Field = Tuple[str, str, Optional[Type["Body"]]]


class Body:
    """A message; _FIELDS says what it has, by number, in rising order."""

    NAME: ClassVar[str] = ""
    _FIELDS: ClassVar[Dict[int, _Field]] = {}

    def encode(self) -> bytes:
        out: List[bytes] = []
        for number, (name, kind, _) in self._FIELDS.items():
            value = getattr(self, name)
            if value is None or not value and not kind.startswith("optional"):
                continue
            for each in value if kind == "messages" else (value,):
                out.append(_encode_field(number, kind, each))
        return b"".join(out)

    @classmethod
    def decode(cls: Type[_Body], data: bytes) -> _Body:
        """Raises Malformed."""
        body = cls()
        body.merge(data)
        return body

    def merge(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            tag, at = _read_tag(data, at)
            name, kind, message = self._FIELDS.get(tag >> 3, ("", "", None))
            if not name or tag & 7 != (0 if kind in _NUMBERS else 2):
                at = _skip(data, at, tag)
            elif kind in _NUMBERS:
                number, at = _read_varint(data, at)
                self._take(name, _NUMBERS[kind](number))
            else:
                size, at = _read_size(data, at)
                self._take_bytes(name, kind, message, data[at : at + size])
                at += size

    def _take(self, name: str, value: Any) -> None:
        setattr(self, name, value)

    def _take_bytes(
        self, name: str, kind: str, message: Optional[Type[Body]], data: bytes
    ) -> None:
        if message is not None:
            if kind == "messages":
                getattr(self, name).append(message.decode(data))
                return
            inner = getattr(self, name) or message()
            inner.merge(data)
            self._take(name, inner)
        elif kind == "string":
            try:
                self._take(name, data.decode())
            except UnicodeDecodeError:
                raise Malformed from None
        else:
            self._take(name, data)


def _int32(number: int) -> int:
    number &= 0xFFFFFFFF
    return number - (1 << 32) if number >> 31 else number


# How a varint becomes a field's value.
_NUMBERS = {
    "uint32": lambda number: number & 0xFFFFFFFF,
    "uint64": lambda number: number,
    "optional uint32": lambda number: number & 0xFFFFFFFF,
    "optional uint64": lambda number: number,
    "optional sint64": lambda number: number >> 1 ^ -(number & 1),
    "bool": bool,
    "enum": _int32,
}


def _encode_field(number: int, kind: str, value: Any) -> bytes:
    if kind in _NUMBERS:
        if kind == "optional sint64":
            value = value << 1 ^ value >> 63
        return varint(number << 3) + varint(int(value) & 0xFFFFFFFFFFFFFFFF)
    if isinstance(value, Body):
        value = value.encode()
    elif isinstance(value, str):
        value = value.encode()
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _read_varint(data: bytes, at: int) -> Tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise Malformed
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value & 0xFFFFFFFFFFFFFFFF, at
    raise Malformed


def _read_tag(data: bytes, at: int) -> Tuple[int, int]:
    begin = at
    tag, at = _read_varint(data, at)
    if at - begin > 5 or tag >> 32 or not tag >> 3:
        raise Malformed
    return tag, at


def _read_size(data: bytes, at: int) -> Tuple[int, int]:
    size, at = _read_varint(data, at)
    if size > len(data) - at:
        raise Malformed
    return size, at


def _skip(data: bytes, at: int, tag: int) -> int:
    """Where the field ends whose tag ends at `at`; groups nest."""
    groups: List[int] = []
    while True:
        kind = tag & 7
        if kind == 0:
            _, at = _read_varint(data, at)
        elif kind == 1:
            at += 8
        elif kind == 2:
            size, at = _read_size(data, at)
            at += size
        elif kind == 3:
            groups.append(tag >> 3)
        elif kind == 4:
            if not groups or groups.pop() != tag >> 3:
                raise Malformed
        elif kind == 5:
            at += 4
        else:
            raise Malformed
        if at > len(data) or len(groups) > 100:
            raise Malformed
        if not groups:
            return at
        tag, at = _read_tag(data, at)


def _fields(*fields: Any) -> Dict[int, _Field]:
    """(number, name, kind[, class of the message]) each."""
    return {field[0]: (*field[1:], None)[:3] for field in fields}


@dataclasses.dataclass
class Limits(Body):
    frame_bytes_max: int = 0
    subscriptions_max: int = 0
    queue_bytes_max: int = 0
    idle_timeout_ms: int = 0
    publish_bytes_max: int = 0
    resume_window_ms: int = 0
    reconnect_ms_min: int = 0
    reconnect_ms_max: int = 0
    requests_max: int = 0
    _FIELDS = _fields(
        (1, "frame_bytes_max", "uint32"),
        (2, "subscriptions_max", "uint32"),
        (3, "queue_bytes_max", "uint64"),
        (4, "idle_timeout_ms", "uint32"),
        (5, "publish_bytes_max", "uint64"),
        (6, "resume_window_ms", "uint32"),
        (7, "reconnect_ms_min", "uint32"),
        (8, "reconnect_ms_max", "uint32"),
        (9, "requests_max", "uint32"),
    )


@dataclasses.dataclass
class Hello(Body):
    NAME = "Hello"
    version_major: int = 0
    version_minor: int = 0
    features: int = 0
    name: str = ""
    schema_digest: bytes = b""
    instance_id: bytes = b""
    last_epoch: int = 0
    last_session_id: int = 0
    _FIELDS = _fields(
        (1, "version_major", "uint32"),
        (2, "version_minor", "uint32"),
        (3, "features", "uint64"),
        (4, "name", "string"),
        (5, "schema_digest", "bytes"),
        (6, "instance_id", "bytes"),
        (7, "last_epoch", "uint64"),
        (8, "last_session_id", "uint32"),
    )


@dataclasses.dataclass
class Welcome(Body):
    NAME = "Welcome"
    version_major: int = 0
    version_minor: int = 0
    features: int = 0
    session_id: int = 0
    epoch: int = 0
    broker_version: str = ""
    broker_name: str = ""
    limits: Optional[Limits] = None
    resumed: bool = False
    last_publish_id: int = 0
    _FIELDS = _fields(
        (1, "version_major", "uint32"),
        (2, "version_minor", "uint32"),
        (3, "features", "uint64"),
        (4, "session_id", "uint32"),
        (5, "epoch", "uint64"),
        (6, "broker_version", "string"),
        (7, "broker_name", "string"),
        (8, "limits", "optional message", Limits),
        (9, "resumed", "bool"),
        (10, "last_publish_id", "uint64"),
    )


@dataclasses.dataclass
class WirePolicy(Body):
    queue_bytes_max: int = 0
    stall_ms_max: Optional[int] = None
    overflow: int = 0
    _FIELDS = _fields(
        (1, "queue_bytes_max", "uint64"),
        (2, "stall_ms_max", "optional sint64"),
        (3, "overflow", "enum"),
    )


@dataclasses.dataclass
class WireStart(Body):
    """One of its fields at most."""

    last: Optional[int] = None
    sequence: Optional[int] = None
    time_unix_ms: Optional[int] = None
    _FIELDS = _fields(
        (1, "last", "optional uint32"),
        (2, "sequence", "optional uint64"),
        (3, "time_unix_ms", "optional uint64"),
    )

    def _take(self, name: str, value: Any) -> None:
        self.last = self.sequence = self.time_unix_ms = None
        setattr(self, name, value)


@dataclasses.dataclass
class TypeSequence(Body):
    type_id: int = 0
    sequence: int = 0
    _FIELDS = _fields((1, "type_id", "uint32"), (2, "sequence", "uint64"))


@dataclasses.dataclass
class Resume(Body):
    epoch: int = 0
    frames: int = 0
    seen: List[TypeSequence] = dataclasses.field(default_factory=list)
    session_id: int = 0
    _FIELDS = _fields(
        (1, "epoch", "uint64"),
        (2, "frames", "uint64"),
        (3, "seen", "messages", TypeSequence),
        (4, "session_id", "uint32"),
    )


@dataclasses.dataclass
class Subscribe(Body):
    NAME = "Subscribe"
    subscription_id: int = 0
    type_id: int = 0
    topic_filter: str = ""
    policy: Optional[WirePolicy] = None
    group: str = ""
    responder: bool = False
    start: Optional[WireStart] = None
    resume: Optional[Resume] = None
    _FIELDS = _fields(
        (1, "subscription_id", "uint32"),
        (2, "type_id", "uint32"),
        (3, "topic_filter", "string"),
        (4, "policy", "optional message", WirePolicy),
        (5, "group", "string"),
        (6, "responder", "bool"),
        (7, "start", "optional message", WireStart),
        (8, "resume", "optional message", Resume),
    )


@dataclasses.dataclass
class Subscribed(Body):
    NAME = "Subscribed"
    subscription_id: int = 0
    code: int = 0
    reason: str = ""
    starts: List[TypeSequence] = dataclasses.field(default_factory=list)
    _FIELDS = _fields(
        (1, "subscription_id", "uint32"),
        (2, "code", "enum"),
        (3, "reason", "string"),
        (4, "starts", "messages", TypeSequence),
    )


@dataclasses.dataclass
class Unsubscribe(Body):
    NAME = "Unsubscribe"
    subscription_id: int = 0
    _FIELDS = _fields((1, "subscription_id", "uint32"))


@dataclasses.dataclass
class Unsubscribed(Body):
    NAME = "Unsubscribed"
    subscription_id: int = 0
    _FIELDS = _fields((1, "subscription_id", "uint32"))


@dataclasses.dataclass
class WireRange(Body):
    type_id: int = 0
    frames: int = 0
    first_sequence: int = 0
    last_sequence: int = 0
    _FIELDS = _fields(
        (1, "type_id", "uint32"),
        (2, "frames", "uint64"),
        (3, "first_sequence", "uint64"),
        (4, "last_sequence", "uint64"),
    )


@dataclasses.dataclass
class WireGap(Body):
    NAME = "Gap"
    subscription_id: int = 0
    reason: int = 0
    ranges: List[WireRange] = dataclasses.field(default_factory=list)
    unknown: bool = False
    _FIELDS = _fields(
        (1, "subscription_id", "uint32"),
        (2, "reason", "enum"),
        (3, "ranges", "messages", WireRange),
        (4, "unknown", "bool"),
    )


@dataclasses.dataclass
class Ack(Body):
    NAME = "Ack"
    publish_id: int = 0
    subscription_id: int = 0
    frames: int = 0
    _FIELDS = _fields(
        (1, "publish_id", "uint64"),
        (2, "subscription_id", "uint32"),
        (3, "frames", "uint64"),
    )


@dataclasses.dataclass
class Addressee(Body):
    NAME = "Addressee"
    subscription_id: int = 0
    _FIELDS = _fields((1, "subscription_id", "uint32"))


@dataclasses.dataclass
class WireRequestError(Body):
    NAME = "RequestError"
    status: int = 0
    message: str = ""
    from_broker: bool = False
    _FIELDS = _fields(
        (1, "status", "uint32"), (2, "message", "string"), (3, "from_broker", "bool")
    )


@dataclasses.dataclass
class Hold(Body):
    NAME = "Hold"
    type_id: int = 0
    by_session_id: int = 0
    by_name: str = ""
    _FIELDS = _fields(
        (1, "type_id", "uint32"), (2, "by_session_id", "uint32"), (3, "by_name", "string")
    )


@dataclasses.dataclass
class Release(Body):
    NAME = "Release"
    type_id: int = 0
    _FIELDS = _fields((1, "type_id", "uint32"))


@dataclasses.dataclass
class Schema(Body):
    NAME = "Schema"
    schema_digest: bytes = b""
    descriptor_set: bytes = b""
    _FIELDS = _fields((1, "schema_digest", "bytes"), (2, "descriptor_set", "bytes"))


@dataclasses.dataclass
class Close(Body):
    NAME = "Close"
    code: int = 0
    reason: str = ""
    retry_after_ms: int = 0
    _FIELDS = _fields(
        (1, "code", "enum"), (2, "reason", "string"), (3, "retry_after_ms", "uint32")
    )


class AdminReply(Body):
    """Only whether it is a message: this client asks for none."""

    NAME = "AdminReply"


BODIES: Dict[Kind, Type[Body]] = {
    Kind.HELLO: Hello,
    Kind.WELCOME: Welcome,
    Kind.SUBSCRIBE: Subscribe,
    Kind.SUBSCRIBED: Subscribed,
    Kind.UNSUBSCRIBE: Unsubscribe,
    Kind.UNSUBSCRIBED: Unsubscribed,
    Kind.GAP: WireGap,
    Kind.ACK: Ack,
    Kind.ADDRESSEE: Addressee,
    Kind.HOLD: Hold,
    Kind.RELEASE: Release,
    Kind.SCHEMA: Schema,
    Kind.CLOSE: Close,
    Kind.ADMIN: AdminReply,
}


def encode_control(kind: Kind, frame_id: int = 0, body: Optional[Body] = None) -> bytes:
    payload = b"" if body is None else body.encode()
    return encode_frame(0, kind, HELLO_ID if kind == Kind.HELLO else frame_id, payload)


def decode_control(kind: Kind, data: bytes) -> Optional[Body]:
    """None: a kind without a body.  Raises ProtocolError."""
    body = BODIES.get(kind)
    if body is None:
        return None
    try:
        return body.decode(data)
    except Malformed:
        raise ProtocolError(
            f"{kind.name}: body of {len(data)} bytes is not a {body.NAME} message",
            CODE_PROTOCOL,
        ) from None
