"""Messages of shapes.proto, package shapes.

Written by protoc-gen-mycelium: change the .proto file instead."""

from __future__ import annotations

import dataclasses
import enum
import struct
from typing import TYPE_CHECKING, Callable, ClassVar, Dict, List, Tuple, TypeVar, Union

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "Color",
    "Point",
    "SCHEMA_DESCRIPTOR_SET",
    "SCHEMA_DIGEST",
    "Tree",
]

SCHEMA_DIGEST: bytes = bytes.fromhex(
    "21f9103f2bdd148572fc783654aa0faa074f8d573359ab2c8b8137a5d20286b7"
)


class Color(enum.IntEnum):
    """Enum shapes.Color."""

    COLOR_UNSPECIFIED = 0
    COLOR_RED = 1
    COLOR_GREEN = 2
    COLOR_NEGATIVE = -5


_Color_members = {int(member): member for member in Color}


def _Color_of(number: int) -> Union[Color, int]:
    number = _to_int32(number)
    return _Color_members.get(number, number)


@dataclasses.dataclass
class Point:
    """Message shapes.Point."""

    TYPE_ID: ClassVar[int] = 210
    FULL_NAME: ClassVar[str] = "shapes.Point"
    FINGERPRINT: ClassVar[bytes] = bytes.fromhex(
        "53aaf2c027945d8a171539828981fb6e4a4c867e0d392632cc3f7951cd2a4783"
    )

    x: float = 0.0
    y: float = 0.0

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
        1: ("x", "double"),
        2: ("y", "double"),
    }

    def _encode(self, depth: int) -> bytes:
        out: List[bytes] = []
        put = out.append
        packed = _double(self.x)
        if packed != _ZERO_DOUBLE:
            put(b"\x09")
            put(packed)
        packed = _double(self.y)
        if packed != _ZERO_DOUBLE:
            put(b"\x11")
            put(packed)
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
                if tag & 7 == 1:
                    stop = pos + 8
                    if stop > end:
                        raise IndexError
                    if tag == 9:
                        self.x = _read_double(data, pos)[0]
                    elif tag == 17:
                        self.y = _read_double(data, pos)[0]
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
class Tree:
    """No message type of its own, and recursive."""

    FULL_NAME: ClassVar[str] = "shapes.Tree"

    label: str = ""
    children: List[Tree] = dataclasses.field(default_factory=list)

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
        1: ("label", "string"),
        2: ("children", "repeated message shapes.Tree"),
    }

    def _encode(self, depth: int) -> bytes:
        out: List[bytes] = []
        put = out.append
        if self.label != "":
            data = self.label.encode()
            size = len(data)
            put(b"\x0a")
            put(_BYTE[size] if size < 128 else _varint(size, _SIZE))
            put(data)
        _put_each(
            put, b"\x12", self.children, lambda message: _message(message, Tree, depth)
        )
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
                        self.label = data[pos:stop].decode()
                    elif tag == 18:
                        self.children.append(Tree())
                        self.children[-1]._merge(data, pos, stop, depth - 1)
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


_T = TypeVar("_T")
_DEPTH_MAX = 100  # levels of messages within a message
_TOO_DEEP = f"more than {_DEPTH_MAX} levels of messages"
_NUMBER_0 = "field number 0"
_INT32 = (-0x80000000, 0x7FFFFFFF)
_INT64 = (-0x8000000000000000, 0x7FFFFFFFFFFFFFFF)
_UINT32 = (0, 0xFFFFFFFF)
_UINT64 = (0, 0xFFFFFFFFFFFFFFFF)
_SIZE = (0, 0x7FFFFFFF)
_BYTE = tuple(bytes((value,)) for value in range(128))
_ZERO_DOUBLE = bytes(8)  # by its bits: -0.0 is another value


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


_double = struct.Struct("<d").pack


def _sized(data: bytes) -> bytes:
    return _varint(len(data), _SIZE) + data


def _message(message: object, kind: type, depth: int) -> bytes:
    if not isinstance(message, kind):
        raise TypeError
    if depth <= 0:
        raise ValueError
    data: bytes = getattr(message, "_encode")(depth - 1)
    return _sized(data)


def _put_each(
    put: Callable[[bytes], object],
    tag: bytes,
    values: List[_T],
    encode: Callable[[_T], bytes],
) -> None:
    if not isinstance(values, list):
        raise TypeError
    for value in values:
        put(tag)
        put(encode(value))


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


def _to_int32(value: int) -> int:
    return ((value & 0xFFFFFFFF) ^ 0x80000000) - 0x80000000


_read_double = struct.Struct("<d").unpack_from


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
    b"\n\xef\x01\n\x0cshapes.proto\x12\x06shapes\x22*\n\x05Point\x12\x0c\n\x01x\x18\x01"
    b" \x01(\x01R\x01x\x12\x0c\n\x01y\x18\x02 \x01(\x01R\x01y:\x05\xf0\xa1\x19\xd2\x01"
    b"\x22F\n\x04Tree\x12\x14\n\x05label\x18\x01 \x01(\x09R\x05label\x12(\n\x08children"
    b"\x18\x02 \x03(\x0b2\x0c.shapes.TreeR\x08children*[\n\x05Color\x12\x15\n\x11COLOR_"
    b"UNSPECIFIED\x10\x00\x12\x0d\n\x09COLOR_RED\x10\x01\x12\x0f\n\x0bCOLOR_GREEN\x10"
    b"\x02\x12\x1b\n\x0eCOLOR_NEGATIVE\x10\xfb\xff\xff\xff\xff\xff\xff\xff\xff\x01b\x06"
    b"proto3\n\xfb\x01\n\x1egoogle/protobuf/duration.proto\x12\x0fgoogle.protobuf\x22:"
    b"\n\x08Duration\x12\x18\n\x07seconds\x18\x01 \x01(\x03R\x07seconds\x12\x14\n\x05na"
    b"nos\x18\x02 \x01(\x05R\x05nanosB\x83\x01\n\x13com.google.protobufB\x0dDurationPro"
    b"toP\x01Z1google.golang.org/protobuf/types/known/durationpb\xf8\x01\x01\xa2\x02"
    b"\x03GPB\xaa\x02\x1eGoogle.Protobuf.WellKnownTypesb\x06proto3\n\xe2\x05\n\x1cgoogl"
    b"e/protobuf/struct.proto\x12\x0fgoogle.protobuf\x22\x98\x01\n\x06Struct\x12;\n\x06"
    b"fields\x18\x01 \x03(\x0b2#.google.protobuf.Struct.FieldsEntryR\x06fields\x1aQ\n"
    b"\x0bFieldsEntry\x12\x10\n\x03key\x18\x01 \x01(\x09R\x03key\x12,\n\x05value\x18"
    b"\x02 \x01(\x0b2\x16.google.protobuf.ValueR\x05value:\x028\x01\x22\xb2\x02\n\x05Va"
    b"lue\x12;\n\nnull_value\x18\x01 \x01(\x0e2\x1a.google.protobuf.NullValueH\x00R\x09"
    b"nullValue\x12#\n\x0cnumber_value\x18\x02 \x01(\x01H\x00R\x0bnumberValue\x12#\n"
    b"\x0cstring_value\x18\x03 \x01(\x09H\x00R\x0bstringValue\x12\x1f\n\nbool_value\x18"
    b"\x04 \x01(\x08H\x00R\x09boolValue\x12<\n\x0cstruct_value\x18\x05 \x01(\x0b2\x17.g"
    b"oogle.protobuf.StructH\x00R\x0bstructValue\x12;\n\nlist_value\x18\x06 \x01(\x0b2"
    b"\x1a.google.protobuf.ListValueH\x00R\x09listValueB\x06\n\x04kind\x22;\n\x09ListVa"
    b"lue\x12.\n\x06values\x18\x01 \x03(\x0b2\x16.google.protobuf.ValueR\x06values*\x1b"
    b"\n\x09NullValue\x12\x0e\n\nNULL_VALUE\x10\x00B\x7f\n\x13com.google.protobufB\x0bS"
    b"tructProtoP\x01Z/google.golang.org/protobuf/types/known/structpb\xf8\x01\x01\xa2"
    b"\x02\x03GPB\xaa\x02\x1eGoogle.Protobuf.WellKnownTypesb\x06proto3\n\xff\x01\n\x1fg"
    b"oogle/protobuf/timestamp.proto\x12\x0fgoogle.protobuf\x22;\n\x09Timestamp\x12\x18"
    b"\n\x07seconds\x18\x01 \x01(\x03R\x07seconds\x12\x14\n\x05nanos\x18\x02 \x01(\x05R"
    b"\x05nanosB\x85\x01\n\x13com.google.protobufB\x0eTimestampProtoP\x01Z2google.golan"
    b"g.org/protobuf/types/known/timestamppb\xf8\x01\x01\xa2\x02\x03GPB\xaa\x02\x1eGoog"
    b"le.Protobuf.WellKnownTypesb\x06proto3\n\x86\x04\n\x1egoogle/protobuf/wrappers.pro"
    b"to\x12\x0fgoogle.protobuf\x22#\n\x0bDoubleValue\x12\x14\n\x05value\x18\x01 \x01("
    b"\x01R\x05value\x22\x22\n\nFloatValue\x12\x14\n\x05value\x18\x01 \x01(\x02R\x05val"
    b"ue\x22\x22\n\nInt64Value\x12\x14\n\x05value\x18\x01 \x01(\x03R\x05value\x22#\n"
    b"\x0bUInt64Value\x12\x14\n\x05value\x18\x01 \x01(\x04R\x05value\x22\x22\n\nInt32Va"
    b"lue\x12\x14\n\x05value\x18\x01 \x01(\x05R\x05value\x22#\n\x0bUInt32Value\x12\x14"
    b"\n\x05value\x18\x01 \x01(\x0dR\x05value\x22!\n\x09BoolValue\x12\x14\n\x05value"
    b"\x18\x01 \x01(\x08R\x05value\x22#\n\x0bStringValue\x12\x14\n\x05value\x18\x01 "
    b"\x01(\x09R\x05value\x22\x22\n\nBytesValue\x12\x14\n\x05value\x18\x01 \x01(\x0cR"
    b"\x05valueB\x83\x01\n\x13com.google.protobufB\x0dWrappersProtoP\x01Z1google.golang"
    b".org/protobuf/types/known/wrapperspb\xf8\x01\x01\xa2\x02\x03GPB\xaa\x02\x1eGoogle"
    b".Protobuf.WellKnownTypesb\x06proto3\n\xcb(\n\nwide.proto\x12\x04wide\x1a\x1egoogl"
    b"e/protobuf/duration.proto\x1a\x1cgoogle/protobuf/struct.proto\x1a\x1fgoogle/proto"
    b"buf/timestamp.proto\x1a\x1egoogle/protobuf/wrappers.proto\x1a\x0cshapes.proto\x22"
    b"\xd4\x03\n\x07Scalars\x12\x19\n\x08a_double\x18\x01 \x01(\x01R\x07aDouble\x12\x17"
    b"\n\x07a_float\x18\x02 \x01(\x02R\x06aFloat\x12\x19\n\x08an_int32\x18\x03 \x01("
    b"\x05R\x07anInt32\x12\x19\n\x08an_int64\x18\x04 \x01(\x03R\x07anInt64\x12\x19\n"
    b"\x08a_uint32\x18\x05 \x01(\x0dR\x07aUint32\x12\x19\n\x08a_uint64\x18\x06 \x01("
    b"\x04R\x07aUint64\x12\x19\n\x08a_sint32\x18\x07 \x01(\x11R\x07aSint32\x12\x19\n"
    b"\x08a_sint64\x18\x08 \x01(\x12R\x07aSint64\x12\x1b\n\x09a_fixed32\x18\x09 \x01("
    b"\x07R\x08aFixed32\x12\x1b\n\x09a_fixed64\x18\n \x01(\x06R\x08aFixed64\x12\x1d\n\n"
    b"a_sfixed32\x18\x0b \x01(\x0fR\x09aSfixed32\x12\x1d\n\na_sfixed64\x18\x0c \x01("
    b"\x10R\x09aSfixed64\x12\x15\n\x06a_bool\x18\x0d \x01(\x08R\x05aBool\x12\x19\n\x08a"
    b"_string\x18\x0e \x01(\x09R\x07aString\x12\x1d\n\nsome_bytes\x18\x0f \x01(\x0cR"
    b"\x09someBytes\x12#\n\x05color\x18\x10 \x01(\x0e2\x0d.shapes.ColorR\x05color:\x05"
    b"\xf0\xa1\x19\xc8\x01\x22\xf8\x05\n\x09Optionals\x12\x1e\n\x08a_double\x18\x01 "
    b"\x01(\x01H\x00R\x07aDouble\x88\x01\x01\x12\x1c\n\x07a_float\x18\x02 \x01(\x02H"
    b"\x01R\x06aFloat\x88\x01\x01\x12\x1e\n\x08an_int32\x18\x03 \x01(\x05H\x02R\x07anIn"
    b"t32\x88\x01\x01\x12\x1e\n\x08an_int64\x18\x04 \x01(\x03H\x03R\x07anInt64\x88\x01"
    b"\x01\x12\x1e\n\x08a_uint32\x18\x05 \x01(\x0dH\x04R\x07aUint32\x88\x01\x01\x12\x1e"
    b"\n\x08a_uint64\x18\x06 \x01(\x04H\x05R\x07aUint64\x88\x01\x01\x12\x1e\n\x08a_sint"
    b"32\x18\x07 \x01(\x11H\x06R\x07aSint32\x88\x01\x01\x12\x1e\n\x08a_sint64\x18\x08 "
    b"\x01(\x12H\x07R\x07aSint64\x88\x01\x01\x12 \n\x09a_fixed32\x18\x09 \x01(\x07H\x08"
    b"R\x08aFixed32\x88\x01\x01\x12 \n\x09a_fixed64\x18\n \x01(\x06H\x09R\x08aFixed64"
    b"\x88\x01\x01\x12\x22\n\na_sfixed32\x18\x0b \x01(\x0fH\nR\x09aSfixed32\x88\x01\x01"
    b"\x12\x22\n\na_sfixed64\x18\x0c \x01(\x10H\x0bR\x09aSfixed64\x88\x01\x01\x12\x1a\n"
    b"\x06a_bool\x18\x0d \x01(\x08H\x0cR\x05aBool\x88\x01\x01\x12\x1e\n\x08a_string\x18"
    b"\x0e \x01(\x09H\x0dR\x07aString\x88\x01\x01\x12\x22\n\nsome_bytes\x18\x0f \x01("
    b"\x0cH\x0eR\x09someBytes\x88\x01\x01\x12(\n\x05color\x18\x10 \x01(\x0e2\x0d.shapes"
    b".ColorH\x0fR\x05color\x88\x01\x01:\x05\xf0\xa1\x19\xc9\x01B\x0b\n\x09_a_doubleB\n"
    b"\n\x08_a_floatB\x0b\n\x09_an_int32B\x0b\n\x09_an_int64B\x0b\n\x09_a_uint32B\x0b\n"
    b"\x09_a_uint64B\x0b\n\x09_a_sint32B\x0b\n\x09_a_sint64B\x0c\n\n_a_fixed32B\x0c\n\n"
    b"_a_fixed64B\x0d\n\x0b_a_sfixed32B\x0d\n\x0b_a_sfixed64B\x09\n\x07_a_boolB\x0b\n"
    b"\x09_a_stringB\x0d\n\x0b_some_bytesB\x08\n\x06_color\x22\x85\x05\n\x05Lists\x12"
    b"\x18\n\x07doubles\x18\x01 \x03(\x01R\x07doubles\x12\x16\n\x06floats\x18\x02 \x03("
    b"\x02R\x06floats\x12\x16\n\x06int32s\x18\x03 \x03(\x05R\x06int32s\x12\x16\n\x06int"
    b"64s\x18\x04 \x03(\x03R\x06int64s\x12\x18\n\x07uint32s\x18\x05 \x03(\x0dR\x07uint3"
    b"2s\x12\x18\n\x07uint64s\x18\x06 \x03(\x04R\x07uint64s\x12\x18\n\x07sint32s\x18"
    b"\x07 \x03(\x11R\x07sint32s\x12\x18\n\x07sint64s\x18\x08 \x03(\x12R\x07sint64s\x12"
    b"\x1a\n\x08fixed32s\x18\x09 \x03(\x07R\x08fixed32s\x12\x1a\n\x08fixed64s\x18\n "
    b"\x03(\x06R\x08fixed64s\x12\x1c\n\x09sfixed32s\x18\x0b \x03(\x0fR\x09sfixed32s\x12"
    b"\x1c\n\x09sfixed64s\x18\x0c \x03(\x10R\x09sfixed64s\x12\x14\n\x05bools\x18\x0d "
    b"\x03(\x08R\x05bools\x12\x18\n\x07strings\x18\x0e \x03(\x09R\x07strings\x12!\n\x0c"
    b"byte_strings\x18\x0f \x03(\x0cR\x0bbyteStrings\x12%\n\x06colors\x18\x10 \x03(\x0e"
    b"2\x0d.shapes.ColorR\x06colors\x12%\n\x06points\x18\x11 \x03(\x0b2\x0d.shapes.Poin"
    b"tR\x06points\x12+\n\x0funpacked_int32s\x18\x12 \x03(\x05B\x02\x10\x00R\x0eunpacke"
    b"dInt32s\x12-\n\x10unpacked_doubles\x18\x13 \x03(\x01B\x02\x10\x00R\x0funpackedDou"
    b"bles\x12:\n\x0funpacked_colors\x18\x14 \x03(\x0e2\x0d.shapes.ColorB\x02\x10\x00R"
    b"\x0eunpackedColors:\x05\xf0\xa1\x19\xca\x01\x22\xaf\x0d\n\x04Maps\x12H\n\x10strin"
    b"g_to_string\x18\x01 \x03(\x0b2\x1e.wide.Maps.StringToStringEntryR\x0estringToStri"
    b"ng\x12E\n\x0fint32_to_double\x18\x02 \x03(\x0b2\x1d.wide.Maps.Int32ToDoubleEntryR"
    b"\x0dint32ToDouble\x12B\n\x0eint64_to_bytes\x18\x03 \x03(\x0b2\x1c.wide.Maps.Int64"
    b"ToBytesEntryR\x0cint64ToBytes\x12B\n\x0euint32_to_bool\x18\x04 \x03(\x0b2\x1c.wid"
    b"e.Maps.Uint32ToBoolEntryR\x0cuint32ToBool\x12H\n\x10uint64_to_uint64\x18\x05 \x03"
    b"(\x0b2\x1e.wide.Maps.Uint64ToUint64EntryR\x0euint64ToUint64\x12H\n\x10sint32_to_s"
    b"int64\x18\x06 \x03(\x0b2\x1e.wide.Maps.Sint32ToSint64EntryR\x0esint32ToSint64\x12"
    b"E\n\x0fsint64_to_float\x18\x07 \x03(\x0b2\x1d.wide.Maps.Sint64ToFloatEntryR\x0dsi"
    b"nt64ToFloat\x12H\n\x10fixed32_to_int32\x18\x08 \x03(\x0b2\x1e.wide.Maps.Fixed32To"
    b"Int32EntryR\x0efixed32ToInt32\x12Q\n\x13sfixed64_to_fixed64\x18\x09 \x03(\x0b2!.w"
    b"ide.Maps.Sfixed64ToFixed64EntryR\x11sfixed64ToFixed64\x12?\n\x0dbool_to_color\x18"
    b"\n \x03(\x0b2\x1b.wide.Maps.BoolToColorEntryR\x0bboolToColor\x12E\n\x0fstring_to_"
    b"point\x18\x0b \x03(\x0b2\x1d.wide.Maps.StringToPointEntryR\x0dstringToPoint\x12B"
    b"\n\x0estring_to_maps\x18\x0c \x03(\x0b2\x1c.wide.Maps.StringToMapsEntryR\x0cstrin"
    b"gToMaps\x1aA\n\x13StringToStringEntry\x12\x10\n\x03key\x18\x01 \x01(\x09R\x03key"
    b"\x12\x14\n\x05value\x18\x02 \x01(\x09R\x05value:\x028\x01\x1a@\n\x12Int32ToDouble"
    b"Entry\x12\x10\n\x03key\x18\x01 \x01(\x05R\x03key\x12\x14\n\x05value\x18\x02 \x01("
    b"\x01R\x05value:\x028\x01\x1a?\n\x11Int64ToBytesEntry\x12\x10\n\x03key\x18\x01 "
    b"\x01(\x03R\x03key\x12\x14\n\x05value\x18\x02 \x01(\x0cR\x05value:\x028\x01\x1a?\n"
    b"\x11Uint32ToBoolEntry\x12\x10\n\x03key\x18\x01 \x01(\x0dR\x03key\x12\x14\n\x05val"
    b"ue\x18\x02 \x01(\x08R\x05value:\x028\x01\x1aA\n\x13Uint64ToUint64Entry\x12\x10\n"
    b"\x03key\x18\x01 \x01(\x04R\x03key\x12\x14\n\x05value\x18\x02 \x01(\x04R\x05value:"
    b"\x028\x01\x1aA\n\x13Sint32ToSint64Entry\x12\x10\n\x03key\x18\x01 \x01(\x11R\x03ke"
    b"y\x12\x14\n\x05value\x18\x02 \x01(\x12R\x05value:\x028\x01\x1a@\n\x12Sint64ToFloa"
    b"tEntry\x12\x10\n\x03key\x18\x01 \x01(\x12R\x03key\x12\x14\n\x05value\x18\x02 \x01"
    b"(\x02R\x05value:\x028\x01\x1aA\n\x13Fixed32ToInt32Entry\x12\x10\n\x03key\x18\x01 "
    b"\x01(\x07R\x03key\x12\x14\n\x05value\x18\x02 \x01(\x05R\x05value:\x028\x01\x1aD\n"
    b"\x16Sfixed64ToFixed64Entry\x12\x10\n\x03key\x18\x01 \x01(\x10R\x03key\x12\x14\n"
    b"\x05value\x18\x02 \x01(\x06R\x05value:\x028\x01\x1aM\n\x10BoolToColorEntry\x12"
    b"\x10\n\x03key\x18\x01 \x01(\x08R\x03key\x12#\n\x05value\x18\x02 \x01(\x0e2\x0d.sh"
    b"apes.ColorR\x05value:\x028\x01\x1aO\n\x12StringToPointEntry\x12\x10\n\x03key\x18"
    b"\x01 \x01(\x09R\x03key\x12#\n\x05value\x18\x02 \x01(\x0b2\x0d.shapes.PointR\x05va"
    b"lue:\x028\x01\x1aK\n\x11StringToMapsEntry\x12\x10\n\x03key\x18\x01 \x01(\x09R\x03"
    b"key\x12 \n\x05value\x18\x02 \x01(\x0b2\n.wide.MapsR\x05value:\x028\x01:\x05\xf0"
    b"\xa1\x19\xcb\x01\x22\xca\x08\n\x07Mixture\x12\x14\n\x04text\x18\x01 \x01(\x09H"
    b"\x00R\x04text\x12\x18\n\x06number\x18\x02 \x01(\x03H\x00R\x06number\x12+\n\x05inn"
    b"er\x18\x03 \x01(\x0b2\x13.wide.Mixture.InnerH\x00R\x05inner\x12%\n\x05color\x18"
    b"\x04 \x01(\x0e2\x0d.shapes.ColorH\x00R\x05color\x12\x12\n\x03raw\x18\x05 \x01("
    b"\x0cH\x00R\x03raw\x12\x14\n\x04flag\x18\x06 \x01(\x08H\x00R\x04flag\x125\n\x07las"
    b"ting\x18\x07 \x01(\x0b2\x19.google.protobuf.DurationH\x00R\x07lasting\x12\x14\n"
    b"\x04left\x18\n \x01(\x01H\x01R\x04left\x12\x16\n\x05right\x18\x0b \x01(\x01H\x01R"
    b"\x05right\x12+\n\x06single\x18\x14 \x01(\x0b2\x13.wide.Mixture.InnerR\x06single"
    b"\x12-\n\x07several\x18\x15 \x03(\x0b2\x13.wide.Mixture.InnerR\x07several\x12 \n"
    b"\x04tree\x18\x16 \x01(\x0b2\x0c.shapes.TreeR\x04tree\x128\n\x09by_number\x18\x17 "
    b"\x03(\x0b2\x1b.wide.Mixture.ByNumberEntryR\x08byNumber\x12\x14\n\x05class\x18\x1e"
    b" \x01(\x09R\x05class\x12\x12\n\x04type\x18\x1f \x01(\x05R\x04type\x12\x10\n\x03va"
    b"l\x18  \x01(\x08R\x03val\x12\x12\n\x04from\x18! \x01(\x09R\x04from\x12\x12\n\x04N"
    b"one\x18\x22 \x01(\x05R\x04None\x12\x16\n\x06method\x18# \x01(\x09R\x06method\x12"
    b"\x12\n\x04self\x18$ \x01(\x05R\x04self\x12\x10\n\x03end\x18% \x01(\x0cR\x03end"
    b"\x12\x0c\n\x01t\x18& \x01(\x05R\x01t\x12\x16\n\x06encode\x18' \x01(\x05R\x06encod"
    b"e\x12\x19\n\x08to_bytes\x18( \x01(\x05R\x07toBytes\x12\x1c\n\x09camelCase\x18) "
    b"\x01(\x05R\x09camelCase\x12\x12\n\x04list\x18* \x01(\x05R\x04list\x12\x17\n\x07TY"
    b"PE_ID\x18+ \x01(\x05R\x06TYPEID\x12!\n\x0ctwo_byte_tag\x18\xd0\x0f \x01(\x05R\ntw"
    b"oByteTag\x12&\n\x0dfive_byte_tag\x18\xff\xff\xff\xff\x01 \x01(\x05R\x0bfiveByteTa"
    b"g\x1a\x87\x01\n\x05Inner\x12,\n\x04mood\x18\x01 \x01(\x0e2\x18.wide.Mixture.Inner"
    b".MoodR\x04mood\x12#\n\x05outer\x18\x02 \x01(\x0b2\x0d.wide.MixtureR\x05outer\x22+"
    b"\n\x04Mood\x12\x14\n\x10MOOD_UNSPECIFIED\x10\x00\x12\x0d\n\x09MOOD_GOOD\x10\x01"
    b"\x1aP\n\x0dByNumberEntry\x12\x10\n\x03key\x18\x01 \x01(\x05R\x03key\x12)\n\x05val"
    b"ue\x18\x02 \x01(\x0b2\x13.wide.Mixture.InnerR\x05value:\x028\x01:\x05\xf0\xa1\x19"
    b"\xcc\x01B\x08\n\x06choiceB\x0e\n\x0cother_choice\x22\xac\x02\n\x09WellKnown\x128"
    b"\n\x09timestamp\x18\x01 \x01(\x0b2\x1a.google.protobuf.TimestampR\x09timestamp"
    b"\x125\n\x08duration\x18\x02 \x01(\x0b2\x19.google.protobuf.DurationR\x08duration"
    b"\x123\n\x08anything\x18\x03 \x01(\x0b2\x17.google.protobuf.StructR\x08anything"
    b"\x126\n\x07wrapped\x18\x04 \x01(\x0b2\x1c.google.protobuf.StringValueR\x07wrapped"
    b"\x12:\n\ntimestamps\x18\x05 \x03(\x0b2\x1a.google.protobuf.TimestampR\ntimestamps"
    b":\x05\xf0\xa1\x19\xcd\x01\x22\x0e\n\x05Empty:\x05\xf0\xa1\x19\xce\x01B\n\xfa\xa1"
    b"\x19\x06\x08\xc8\x01\x10\xd1\x01b\x06proto3"
)
