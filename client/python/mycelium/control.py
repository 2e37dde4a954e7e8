"""The bodies of control frames (proto/mycelium/control.proto).
"""

from __future__ import annotations

import dataclasses
import enum
from typing import Any, Dict, List, Optional, Type

from .errors import ProtocolError
from .frame import CODE_PROTOCOL, encode_frame
from .protobuf import Body, Malformed, fields

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


class Code(enum.IntEnum):
    OK = 0
    GOING_AWAY = 1
    PROTOCOL = 2
    VERSION = 3
    FRAME_TOO_LARGE = 4
    HELLO_TIMEOUT = 5
    IDLE_TIMEOUT = 6
    TOO_MANY_SESSIONS = 7
    TOO_MANY_SUBSCRIPTIONS = 8
    SLOW_CONSUMER = 9
    INVALID_ARGUMENT = 10
    SCHEMA = 11
    DENIED = 12
    INTERNAL = 13
    UNSUPPORTED = 14
    TAKEN_OVER = 15


def code_name(code: int) -> str:
    known = code in Code.__members__.values()
    return f"CODE_{Code(code).name}" if known else f"code {code}"


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
    _FIELDS = fields(
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
    _FIELDS = fields(
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
    _FIELDS = fields(
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
    _FIELDS = fields(
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
    _FIELDS = fields(
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
    _FIELDS = fields((1, "type_id", "uint32"), (2, "sequence", "uint64"))


@dataclasses.dataclass
class Resume(Body):
    epoch: int = 0
    frames: int = 0
    seen: List[TypeSequence] = dataclasses.field(default_factory=list)
    session_id: int = 0
    _FIELDS = fields(
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
    _FIELDS = fields(
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
    _FIELDS = fields(
        (1, "subscription_id", "uint32"),
        (2, "code", "enum"),
        (3, "reason", "string"),
        (4, "starts", "messages", TypeSequence),
    )


@dataclasses.dataclass
class Unsubscribe(Body):
    NAME = "Unsubscribe"
    subscription_id: int = 0
    _FIELDS = fields((1, "subscription_id", "uint32"))


@dataclasses.dataclass
class Unsubscribed(Body):
    NAME = "Unsubscribed"
    subscription_id: int = 0
    _FIELDS = fields((1, "subscription_id", "uint32"))


@dataclasses.dataclass
class WireRange(Body):
    type_id: int = 0
    frames: int = 0
    first_sequence: int = 0
    last_sequence: int = 0
    _FIELDS = fields(
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
    _FIELDS = fields(
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
    _FIELDS = fields(
        (1, "publish_id", "uint64"),
        (2, "subscription_id", "uint32"),
        (3, "frames", "uint64"),
    )


@dataclasses.dataclass
class Addressee(Body):
    NAME = "Addressee"
    subscription_id: int = 0
    _FIELDS = fields((1, "subscription_id", "uint32"))


@dataclasses.dataclass
class WireRequestError(Body):
    NAME = "RequestError"
    status: int = 0
    message: str = ""
    from_broker: bool = False
    _FIELDS = fields(
        (1, "status", "uint32"), (2, "message", "string"), (3, "from_broker", "bool")
    )


@dataclasses.dataclass
class Hold(Body):
    NAME = "Hold"
    type_id: int = 0
    by_session_id: int = 0
    by_name: str = ""
    _FIELDS = fields(
        (1, "type_id", "uint32"),
        (2, "by_session_id", "uint32"),
        (3, "by_name", "string"),
    )


@dataclasses.dataclass
class Release(Body):
    NAME = "Release"
    type_id: int = 0
    _FIELDS = fields((1, "type_id", "uint32"))


@dataclasses.dataclass
class Schema(Body):
    NAME = "Schema"
    schema_digest: bytes = b""
    descriptor_set: bytes = b""
    _FIELDS = fields((1, "schema_digest", "bytes"), (2, "descriptor_set", "bytes"))


@dataclasses.dataclass
class Close(Body):
    NAME = "Close"
    code: int = 0
    reason: str = ""
    retry_after_ms: int = 0
    _FIELDS = fields(
        (1, "code", "enum"), (2, "reason", "string"), (3, "retry_after_ms", "uint32")
    )


@dataclasses.dataclass
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
