"""How generated messages are used.

`protoc --mycelium_out=python:DIR chat.proto` makes a module of dataclasses, each
with TYPE_ID, FULL_NAME, FINGERPRINT, to_bytes and from_bytes; the module has
SCHEMA_DIGEST and SCHEMA_DESCRIPTOR_SET.
"""

from __future__ import annotations

import dataclasses
from types import ModuleType
from typing import Any, ClassVar, Dict, Optional, Protocol, Type, TypeVar, Union

from .delivery import Policy, Route, Start
from .errors import (
    Error,
    FailedPreconditionError,
    InvalidArgumentError,
    RequestError,
    StatusCode,
)
from .reading import OnGap, Reading
from .requests import Call

DIGEST_BYTES = 32


class Message(Protocol):
    """A generated message with a type id."""

    TYPE_ID: ClassVar[int]
    FULL_NAME: ClassVar[str]

    def to_bytes(self) -> bytes:
        ...

    @classmethod
    def from_bytes(cls: Type[M], data: bytes) -> M:
        ...


M = TypeVar("M", bound=Message)


@dataclasses.dataclass(frozen=True)
class Schema:
    """What a client tells about its messages; the default: raw bytes, none."""

    digest: bytes = b""
    descriptor_set: bytes = b""
    # By full name, where they are known: what a client may send and take.
    fingerprints: Optional[Dict[str, bytes]] = None

    def check(self, subject: str, message: Any) -> None:
        """Whether a message or its class is of this schema."""
        name = getattr(message, "FULL_NAME", None)
        fingerprint = getattr(message, "FINGERPRINT", None)
        if name is None or not hasattr(message, "TYPE_ID"):
            kind = message if isinstance(message, type) else type(message)
            raise InvalidArgumentError(
                f"{subject}: {kind.__name__}, allowed a generated message with a type id"
            )
        if self.fingerprints is None and self.digest:
            return  # made by hand
        if (self.fingerprints or {}).get(name) != fingerprint:
            which = "m1:" + self.digest.hex() if self.digest else "none"
            raise FailedPreconditionError(
                f"{subject}: {name} is not of the schema that this client connected "
                f"with, {which}; allowed what mycelium.connect(schema=) has"
            )


NO_SCHEMA = Schema()

SchemaLike = Union[None, ModuleType, Schema]


def schema_of(source: SchemaLike) -> Schema:
    """Of a generated module, or as it is."""
    if source is None:
        return NO_SCHEMA
    if isinstance(source, Schema):
        schema = source
    else:
        schema = _schema_of_module(source)
    if len(schema.digest) not in (0, DIGEST_BYTES):
        raise InvalidArgumentError(
            f"connect: schema digest of {len(schema.digest)} bytes, "
            f"allowed {DIGEST_BYTES}"
        )
    return schema


def _schema_of_module(module: ModuleType) -> Schema:
    digest = getattr(module, "SCHEMA_DIGEST", None)
    descriptor_set = getattr(module, "SCHEMA_DESCRIPTOR_SET", None)
    if not isinstance(digest, bytes) or not isinstance(descriptor_set, bytes):
        name = getattr(module, "__name__", type(module).__name__)
        raise InvalidArgumentError(
            f"connect: schema {name} without SCHEMA_DIGEST and SCHEMA_DESCRIPTOR_SET, "
            "allowed a module that protoc --mycelium_out=python made"
        )
    fingerprints: Dict[str, bytes] = {}
    for value in vars(module).values():
        fingerprint = getattr(value, "FINGERPRINT", None)
        if isinstance(value, type) and isinstance(fingerprint, bytes):
            fingerprints[getattr(value, "FULL_NAME")] = fingerprint
    return Schema(digest, descriptor_set, fingerprints)


def parse_reply(kind: Type[M], type_id: int, payload: bytes) -> M:
    """The answer that was asked for; InvalidArgumentError, Error (DATA_LOSS)."""
    if type_id != kind.TYPE_ID:
        raise InvalidArgumentError(
            f"request: a reply of type {type_id}, asked for {kind.FULL_NAME} "
            f"(type {kind.TYPE_ID})"
        )
    try:
        return kind.from_bytes(payload)
    except ValueError:
        raise Error(
            f"request: a reply of {len(payload)} bytes that are not a "
            f"{kind.FULL_NAME} (type {kind.TYPE_ID})",
            StatusCode.DATA_LOSS,
        ) from None


def parse_question(question: Type[M], call: Call) -> M:
    try:
        return question.from_bytes(call.payload)
    except ValueError:
        raise RequestError(
            StatusCode.INVALID_ARGUMENT,
            f"respond: a request of {len(call.payload)} bytes that are not a "
            f"{question.FULL_NAME} (type {question.TYPE_ID})",
        ) from None


def open_reading(
    schema: Any,
    kind: Any,
    topic_filter: str,
    policy: Policy,
    group: str,
    start: Start,
    on_gap: Optional[OnGap],
) -> Any:
    """The route and the Reading of what `kind` names."""
    if isinstance(kind, int):
        route = Route(kind, topic_filter, policy, group, start)
        return route, Reading(f"type {kind}", None, on_gap)
    schema.check("subscribe", kind)
    route = Route(kind.TYPE_ID, topic_filter, policy, group, start)
    return route, Reading(kind.FULL_NAME, kind.from_bytes, on_gap)
