"""Messages of mycelium_protocol.proto, package chat.

Written by protoc-gen-mycelium: change the .proto file instead."""

from __future__ import annotations

import dataclasses
import struct
from typing import TYPE_CHECKING, ClassVar, Dict, List, Tuple, Union

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "Answer",
    "Question",
    "SCHEMA_DESCRIPTOR_SET",
    "SCHEMA_DIGEST",
    "TextMessage",
]

SCHEMA_DIGEST: bytes = bytes.fromhex(
    "4a43e4d4142db1c8e4ba330ae14667c938e72be8a85e6d78411b5c19f783b173"
)


@dataclasses.dataclass
class TextMessage:
    """Somebody says something."""

    TYPE_ID: ClassVar[int] = 1
    FULL_NAME: ClassVar[str] = "chat.TextMessage"
    FINGERPRINT: ClassVar[bytes] = bytes.fromhex(
        "ed187bdaadf11de36cf1d421ebc4042a782b65c8623b8ee372dcdfdaefd98718"
    )

    sender: str = ""
    content: str = ""
    timestamp: int = 0
    """Milliseconds since 1970-01-01 00:00 UTC."""

    def to_bytes(self) -> bytes:
        """Encodes the message as Protobuf does.

        ValueError or TypeError: a field has a value that it can't have.
        """
        try:
            return self._encode(_DEPTH_MAX)
        except _FAULTS:
            _explain(self)
            raise

    @classmethod
    def from_bytes(cls, data: Union[bytes, bytearray, memoryview]) -> Self:
        """Decodes a message; unknown fields are left out.

        ValueError: `data` is no such message.
        """
        if type(data) is not bytes:
            data = bytes(memoryview(data))
        message = cls()
        message._merge(data, 0, len(data), _DEPTH_MAX)
        return message

    _FIELDS: ClassVar[Dict[int, Tuple[str, str]]] = {
        1: ("sender", "string"),
        2: ("content", "string"),
        3: ("timestamp", "int64"),
    }

    def _encode(self, depth: int) -> bytes:
        out: List[bytes] = []
        put = out.append
        if self.sender != "":
            data = self.sender.encode()
            size = len(data)
            put(b"\x0a")
            put(_BYTE[size] if size < 128 else _varint(size, _SIZE))
            put(data)
        if self.content != "":
            data = self.content.encode()
            size = len(data)
            put(b"\x12")
            put(_BYTE[size] if size < 128 else _varint(size, _SIZE))
            put(data)
        if self.timestamp != 0:
            number = self.timestamp
            put(b"\x18")
            put(_BYTE[number] if 0 <= number < 128 else _varint(number, _INT64))
        return b"".join(out)

    def _merge(self, data: bytes, pos: int, end: int, depth: int) -> None:
        tag = 0
        try:
            if depth < 0:
                raise _Malformed(_TOO_DEEP)
            while pos < end:
                tag = data[pos]
                pos += 1
                if tag > 127:
                    tag, pos = _read_tag(data, pos, tag)
                if tag & 7 == 2:
                    size = data[pos]
                    pos += 1
                    if size > 127:
                        size, pos = _read_size(data, pos, size)
                    stop = pos + size
                    if stop > end:
                        raise IndexError
                    if tag == 10:
                        self.sender = data[pos:stop].decode()
                    elif tag == 18:
                        self.content = data[pos:stop].decode()
                    elif tag < 8:
                        raise _Malformed(_NUMBER_0)
                    pos = stop
                elif tag & 7 == 0:
                    number = data[pos]
                    pos += 1
                    if number > 127:
                        number, pos = _read_varint(data, pos, number)
                    if tag == 24:
                        self.timestamp = number
                    elif tag < 8:
                        raise _Malformed(_NUMBER_0)
                else:
                    pos = _skip(data, pos, tag, depth)
            if pos > end:
                raise IndexError
        except (IndexError, UnicodeDecodeError, _Malformed) as error:
            name, fields = self.FULL_NAME, self._FIELDS
            raise _malformed(name, fields, tag, pos, end, error) from None


@dataclasses.dataclass
class Question:
    """Somebody wants to know."""

    TYPE_ID: ClassVar[int] = 2
    FULL_NAME: ClassVar[str] = "chat.Question"
    FINGERPRINT: ClassVar[bytes] = bytes.fromhex(
        "d467467aac140409b6919ee5e52de724beab6af65e26ec8aae27fabd9106dddc"
    )

    text: str = ""

    def to_bytes(self) -> bytes:
        """Encodes the message as Protobuf does.

        ValueError or TypeError: a field has a value that it can't have.
        """
        try:
            return self._encode(_DEPTH_MAX)
        except _FAULTS:
            _explain(self)
            raise

    @classmethod
    def from_bytes(cls, data: Union[bytes, bytearray, memoryview]) -> Self:
        """Decodes a message; unknown fields are left out.

        ValueError: `data` is no such message.
        """
        if type(data) is not bytes:
            data = bytes(memoryview(data))
        message = cls()
        message._merge(data, 0, len(data), _DEPTH_MAX)
        return message

    _FIELDS: ClassVar[Dict[int, Tuple[str, str]]] = {
        1: ("text", "string"),
    }

    def _encode(self, depth: int) -> bytes:
        out: List[bytes] = []
        put = out.append
        if self.text != "":
            data = self.text.encode()
            size = len(data)
            put(b"\x0a")
            put(_BYTE[size] if size < 128 else _varint(size, _SIZE))
            put(data)
        return b"".join(out)

    def _merge(self, data: bytes, pos: int, end: int, depth: int) -> None:
        tag = 0
        try:
            if depth < 0:
                raise _Malformed(_TOO_DEEP)
            while pos < end:
                tag = data[pos]
                pos += 1
                if tag > 127:
                    tag, pos = _read_tag(data, pos, tag)
                if tag & 7 == 2:
                    size = data[pos]
                    pos += 1
                    if size > 127:
                        size, pos = _read_size(data, pos, size)
                    stop = pos + size
                    if stop > end:
                        raise IndexError
                    if tag == 10:
                        self.text = data[pos:stop].decode()
                    elif tag < 8:
                        raise _Malformed(_NUMBER_0)
                    pos = stop
                else:
                    pos = _skip(data, pos, tag, depth)
            if pos > end:
                raise IndexError
        except (IndexError, UnicodeDecodeError, _Malformed) as error:
            name, fields = self.FULL_NAME, self._FIELDS
            raise _malformed(name, fields, tag, pos, end, error) from None


@dataclasses.dataclass
class Answer:
    """What is said to it."""

    TYPE_ID: ClassVar[int] = 3
    FULL_NAME: ClassVar[str] = "chat.Answer"
    FINGERPRINT: ClassVar[bytes] = bytes.fromhex(
        "1d060809f52b5ab8610a6dbd597d8ec9f03e6fd04e5b273590d1fb5abf623ea4"
    )

    text: str = ""

    def to_bytes(self) -> bytes:
        """Encodes the message as Protobuf does.

        ValueError or TypeError: a field has a value that it can't have.
        """
        try:
            return self._encode(_DEPTH_MAX)
        except _FAULTS:
            _explain(self)
            raise

    @classmethod
    def from_bytes(cls, data: Union[bytes, bytearray, memoryview]) -> Self:
        """Decodes a message; unknown fields are left out.

        ValueError: `data` is no such message.
        """
        if type(data) is not bytes:
            data = bytes(memoryview(data))
        message = cls()
        message._merge(data, 0, len(data), _DEPTH_MAX)
        return message

    _FIELDS: ClassVar[Dict[int, Tuple[str, str]]] = {
        1: ("text", "string"),
    }

    def _encode(self, depth: int) -> bytes:
        out: List[bytes] = []
        put = out.append
        if self.text != "":
            data = self.text.encode()
            size = len(data)
            put(b"\x0a")
            put(_BYTE[size] if size < 128 else _varint(size, _SIZE))
            put(data)
        return b"".join(out)

    def _merge(self, data: bytes, pos: int, end: int, depth: int) -> None:
        tag = 0
        try:
            if depth < 0:
                raise _Malformed(_TOO_DEEP)
            while pos < end:
                tag = data[pos]
                pos += 1
                if tag > 127:
                    tag, pos = _read_tag(data, pos, tag)
                if tag & 7 == 2:
                    size = data[pos]
                    pos += 1
                    if size > 127:
                        size, pos = _read_size(data, pos, size)
                    stop = pos + size
                    if stop > end:
                        raise IndexError
                    if tag == 10:
                        self.text = data[pos:stop].decode()
                    elif tag < 8:
                        raise _Malformed(_NUMBER_0)
                    pos = stop
                else:
                    pos = _skip(data, pos, tag, depth)
            if pos > end:
                raise IndexError
        except (IndexError, UnicodeDecodeError, _Malformed) as error:
            name, fields = self.FULL_NAME, self._FIELDS
            raise _malformed(name, fields, tag, pos, end, error) from None


# --- Protobuf's encoding, in the same words in every module


_DEPTH_MAX = 100  # levels of messages within a message
_TOO_DEEP = f"more than {_DEPTH_MAX} levels of messages"
_NUMBER_0 = "field number 0"
_INT32 = (-0x80000000, 0x7FFFFFFF)
_INT64 = (-0x8000000000000000, 0x7FFFFFFFFFFFFFFF)
_UINT32 = (0, 0xFFFFFFFF)
_UINT64 = (0, 0xFFFFFFFFFFFFFFFF)
_SIZE = (0, 0x7FFFFFFF)
_BYTE = tuple(bytes((value,)) for value in range(128))


def _varint(value: int, limits: Tuple[int, int]) -> bytes:
    """Unrolled: a loop takes an eighth longer for what is usual."""
    if 0 <= value < 0x4000:
        return bytes((value & 127 | 128, value >> 7)) if value > 127 else _BYTE[value]
    low, high = limits
    if not low <= value <= high:
        raise ValueError
    if value < 0:
        value += 0x10000000000000000
    b0 = value & 127 | 128
    b1 = value >> 7 & 127 | 128
    value >>= 14
    if value < 0x80:
        return bytes((b0, b1, value))
    b2 = value & 127 | 128
    if value < 0x4000:
        return bytes((b0, b1, b2, value >> 7))
    b3 = value >> 7 & 127 | 128
    value >>= 14
    if value < 0x80:
        return bytes((b0, b1, b2, b3, value))
    b4 = value & 127 | 128
    if value < 0x4000:
        return bytes((b0, b1, b2, b3, b4, value >> 7))
    b5 = value >> 7 & 127 | 128
    value >>= 14
    if value < 0x80:
        return bytes((b0, b1, b2, b3, b4, b5, value))
    b6 = value & 127 | 128
    if value < 0x4000:
        return bytes((b0, b1, b2, b3, b4, b5, b6, value >> 7))
    b7 = value >> 7 & 127 | 128
    value >>= 14
    if value < 0x80:
        return bytes((b0, b1, b2, b3, b4, b5, b6, b7, value))
    return bytes((b0, b1, b2, b3, b4, b5, b6, b7, value & 127 | 128, value >> 7))


# What may go wrong while encoding; _explain finds out where it did.
_FAULTS = (AttributeError, OverflowError, TypeError, ValueError, struct.error)


_LIMITS: Dict[str, Tuple[float, float]] = {
    "double": (-1.7976931348623157e308, 1.7976931348623157e308),
    "float": (-3.4028235e38, 3.4028235e38),
    "int32": _INT32,
    "sint32": _INT32,
    "sfixed32": _INT32,
    "enum": _INT32,
    "uint32": _UINT32,
    "fixed32": _UINT32,
    "int64": _INT64,
    "sint64": _INT64,
    "sfixed64": _INT64,
    "uint64": _UINT64,
    "fixed64": _UINT64,
}


_TYPES = {"bool": (bool,), "bytes": (bytes,), "string": (str,)}


def _explain(message: object, depth: int = _DEPTH_MAX) -> None:
    """Raises what keeps `message` from being encoded, naming the field."""
    name = getattr(message, "FULL_NAME")
    for oneof, members in getattr(message, "_ONEOFS", {}).items():
        found = [member for member in members if getattr(message, member) is not None]
        if len(found) > 1:
            raise ValueError(f"{name}.{oneof}: {', '.join(found)}, allowed one of them")
    for field, kind in getattr(message, "_FIELDS").values():
        subject = f"{name}.{field}"
        value = getattr(message, field)
        if kind.startswith("repeated "):
            _expect(subject, value, (list,))
            for item in value:
                _explain_value(subject, item, kind[len("repeated ") :], depth)
        elif kind.startswith("map<"):
            _expect(subject, value, (dict,))
            if value and depth <= 0:
                raise ValueError(f"{subject}: {_TOO_DEEP}")
            key_kind, value_kind = kind[len("map<") : -1].split(", ")
            for key, item in value.items():
                _explain_value(subject, key, key_kind, depth)
                _explain_value(subject, item, value_kind, depth - 1)
        elif not kind.startswith("optional "):
            _explain_value(subject, value, kind, depth)
        elif value is not None:
            _explain_value(subject, value, kind[len("optional ") :], depth)


def _explain_value(subject: str, value: object, kind: str, depth: int) -> None:
    kind, _, name = kind.partition(" ")
    if kind == "message":
        if getattr(value, "FULL_NAME", None) != name:
            raise TypeError(f"{subject}: {type(value).__name__}, allowed {name}")
        if depth <= 0:
            raise ValueError(f"{subject}: {_TOO_DEEP}")
        _explain(value, depth - 1)
        return
    numeric = (int, float) if kind in ("double", "float") else (int,)
    _expect(subject, value, _TYPES.get(kind, numeric))
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError(f"{subject}: a surrogate, allowed UTF-8") from None
    elif isinstance(value, (int, float)) and kind in _LIMITS:
        low, high = _LIMITS[kind]
        if (value < low or value > high) and abs(value) != float("inf"):
            raise ValueError(f"{subject}: {_seen(value)}, allowed {low} to {high}")


def _expect(subject: str, value: object, kinds: Tuple[type, ...]) -> None:
    if not isinstance(value, kinds):
        allowed = " or ".join(kind.__name__ for kind in kinds)
        raise TypeError(f"{subject}: {type(value).__name__}, allowed {allowed}")


def _seen(value: float) -> str:
    if isinstance(value, int) and value.bit_length() > 128:
        return f"an int of {value.bit_length()} bits"
    return f"{value:g}" if isinstance(value, float) else f"{value:d}"


class _Malformed(Exception):
    """What is wrong with bytes that are being decoded, but not where."""


def _read_tag(data: bytes, pos: int, tag: int) -> Tuple[int, int]:
    """The tag whose first byte is `tag`, over 127, and where it ends."""
    byte = data[pos]
    if byte < 128:
        return tag + (byte - 1 << 7), pos + 1
    for shift in (7, 14, 21, 28):
        byte = data[pos]
        pos += 1
        tag += byte - 1 << shift
        if byte < 128:
            return tag & 0xFFFFFFFF, pos
    raise _Malformed("a tag of more than 5 bytes")


def _read_size(data: bytes, pos: int, size: int) -> Tuple[int, int]:
    """The length whose first byte is `size`, over 127, and where it ends."""
    byte = data[pos]
    if byte < 128:
        return size + (byte - 1 << 7), pos + 1
    for shift in (7, 14, 21, 28):
        byte = data[pos]
        pos += 1
        size += byte - 1 << shift
        if byte < 128 and size < 0x80000000:
            return size, pos
    raise _Malformed("a length of 2 GiB or more")


def _read_varint(data: bytes, pos: int, value: int) -> Tuple[int, int]:
    """The varint whose first byte is `value`, over 127, as a signed number of 64
    bits, and where it ends.  Unrolled: a loop takes half as long again."""
    b1 = data[pos]
    if b1 < 128:
        return value + (b1 << 7) - 0x80, pos + 1
    b2 = data[pos + 1]
    if b2 < 128:
        return value + (b1 << 7) + (b2 << 14) - 0x4080, pos + 2
    b3 = data[pos + 2]
    value += (b1 << 7) + (b2 << 14) + (b3 << 21) - 0x204080
    if b3 < 128:
        return value, pos + 3
    b4 = data[pos + 3]
    if b4 < 128:
        return value + (b4 - 1 << 28), pos + 4
    b5 = data[pos + 4]
    if b5 < 128:
        return value + (b4 + (b5 << 7) - 0x81 << 28), pos + 5
    b6 = data[pos + 5]
    if b6 < 128:
        return value + (b4 + (b5 << 7) + (b6 << 14) - 0x4081 << 28), pos + 6
    b7 = data[pos + 6]
    high = b4 + (b5 << 7) + (b6 << 14) + (b7 << 21) - 0x204081
    if b7 < 128:
        return value + (high << 28), pos + 7
    b8 = data[pos + 7]
    if b8 < 128:
        return value + (high + (b8 - 1 << 28) << 28), pos + 8
    b9 = data[pos + 8]
    if b9 > 127:
        raise _Malformed("a varint of more than 10 bytes")
    value += high + (b8 - 1 << 28) + ((b9 & 1) - 1 << 35) << 28
    return value - 0x10000000000000000 if b9 & 1 else value, pos + 9


def _skip(data: bytes, pos: int, tag: int, depth: int) -> int:
    """Where the field ends whose tag ends at `pos`."""
    groups: List[int] = []
    while True:
        if tag < 8:
            raise _Malformed(_NUMBER_0)
        kind = tag & 7
        if kind == 0:
            value = data[pos]
            pos += 1
            if value > 127:
                _, pos = _read_varint(data, pos, value)
        elif kind == 1:
            pos += 8
        elif kind == 2:
            size = data[pos]
            pos += 1
            if size > 127:
                size, pos = _read_size(data, pos, size)
            pos += size
        elif kind == 3:
            groups.append(tag + 1)
            if len(groups) > depth:
                raise _Malformed(_TOO_DEEP)
        elif kind == 4:
            if not groups or groups.pop() != tag:
                raise _Malformed("the end of a group that has not begun")
        elif kind == 5:
            pos += 4
        else:
            raise _Malformed(f"wire type {kind}, allowed 0 to 5")
        if not groups:
            return pos
        tag = data[pos]
        pos += 1
        if tag > 127:
            tag, pos = _read_tag(data, pos, tag)


def _malformed(
    name: str,
    fields: Dict[int, Tuple[str, str]],
    tag: int,
    pos: int,
    end: int,
    error: Exception,
) -> ValueError:
    """What to raise for `error`, met at `pos` in the field of that tag."""
    number = tag >> 3
    subject = f"{name}.{fields[number][0]}" if number in fields else name
    what = str(error)
    if isinstance(error, IndexError):
        what = f"cut off, the bytes end at {end}"
    elif isinstance(error, UnicodeDecodeError):
        what = "not UTF-8"
        pos += error.start
    return ValueError(f"{subject}: {what} (offset {pos})")


# A serialized google.protobuf.FileDescriptorSet.
SCHEMA_DESCRIPTOR_SET: bytes = (
    b"\n\xd6\x01\n\x17mycelium_protocol.proto\x12\x04chat\x22c\n\x0bTextMessage\x12\x16"
    b"\n\x06sender\x18\x01 \x01(\x09R\x06sender\x12\x18\n\x07content\x18\x02 \x01(\x09R"
    b"\x07content\x12\x1c\n\x09timestamp\x18\x03 \x01(\x03R\x09timestamp:\x04\xf0\xa1"
    b"\x19\x01\x22$\n\x08Question\x12\x12\n\x04text\x18\x01 \x01(\x09R\x04text:\x04\xf0"
    b"\xa1\x19\x02\x22\x22\n\x06Answer\x12\x12\n\x04text\x18\x01 \x01(\x09R\x04text:"
    b"\x04\xf0\xa1\x19\x03b\x06proto3"
)
