"""Messages of wide.proto, package wide.

Written by protoc-gen-mycelium: change the .proto file instead."""

from __future__ import annotations

import dataclasses
import enum
import struct
from typing import (
    TYPE_CHECKING,
    Callable,
    ClassVar,
    Dict,
    List,
    Optional,
    Tuple,
    TypeVar,
    Union,
)

import google_protobuf_duration as _duration
import shapes as _shapes
import google_protobuf_struct as _struct
import google_protobuf_timestamp as _timestamp
import google_protobuf_wrappers as _wrappers

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "Empty",
    "Lists",
    "Maps",
    "Mixture",
    "Mixture_Inner",
    "Mixture_Inner_Mood",
    "Optionals",
    "SCHEMA_DESCRIPTOR_SET",
    "SCHEMA_DIGEST",
    "Scalars",
    "WellKnown",
]

SCHEMA_DIGEST: bytes = bytes.fromhex(
    "21f9103f2bdd148572fc783654aa0faa074f8d573359ab2c8b8137a5d20286b7"
)


class Mixture_Inner_Mood(enum.IntEnum):
    """Enum wide.Mixture.Inner.Mood."""

    MOOD_UNSPECIFIED = 0
    MOOD_GOOD = 1


_Mixture_Inner_Mood_members = {int(member): member for member in Mixture_Inner_Mood}


def _Mixture_Inner_Mood_of(number: int) -> Union[Mixture_Inner_Mood, int]:
    number = _to_int32(number)
    return _Mixture_Inner_Mood_members.get(number, number)


@dataclasses.dataclass
class Scalars:
    """Every scalar, with implicit presence."""

    TYPE_ID: ClassVar[int] = 200
    FULL_NAME: ClassVar[str] = "wide.Scalars"
    FINGERPRINT: ClassVar[bytes] = bytes.fromhex(
        "3053c897cad68330702d15653e5ea2b063cfea90baa40aca779067cfe1b9fd8b"
    )

    a_double: float = 0.0
    a_float: float = 0.0
    an_int32: int = 0
    an_int64: int = 0
    a_uint32: int = 0
    a_uint64: int = 0
    a_sint32: int = 0
    a_sint64: int = 0
    a_fixed32: int = 0
    a_fixed64: int = 0
    a_sfixed32: int = 0
    a_sfixed64: int = 0
    a_bool: bool = False
    a_string: str = ""
    some_bytes: bytes = b""
    color: Union[_shapes.Color, int] = _shapes.Color.COLOR_UNSPECIFIED

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
        1: ("a_double", "double"),
        2: ("a_float", "float"),
        3: ("an_int32", "int32"),
        4: ("an_int64", "int64"),
        5: ("a_uint32", "uint32"),
        6: ("a_uint64", "uint64"),
        7: ("a_sint32", "sint32"),
        8: ("a_sint64", "sint64"),
        9: ("a_fixed32", "fixed32"),
        10: ("a_fixed64", "fixed64"),
        11: ("a_sfixed32", "sfixed32"),
        12: ("a_sfixed64", "sfixed64"),
        13: ("a_bool", "bool"),
        14: ("a_string", "string"),
        15: ("some_bytes", "bytes"),
        16: ("color", "enum shapes.Color"),
    }

    def _encode(self, depth: int) -> bytes:
        out: List[bytes] = []
        put = out.append
        packed = _double(self.a_double)
        if packed != _ZERO_DOUBLE:
            put(b"\x09")
            put(packed)
        packed = _float(self.a_float)
        if packed != _ZERO_FLOAT:
            put(b"\x15")
            put(packed)
        if self.an_int32 != 0:
            number = self.an_int32
            put(b"\x18")
            put(_BYTE[number] if 0 <= number < 128 else _varint(number, _INT32))
        if self.an_int64 != 0:
            number = self.an_int64
            put(b"\x20")
            put(_BYTE[number] if 0 <= number < 128 else _varint(number, _INT64))
        if self.a_uint32 != 0:
            number = self.a_uint32
            put(b"\x28")
            put(_BYTE[number] if 0 <= number < 128 else _varint(number, _UINT32))
        if self.a_uint64 != 0:
            number = self.a_uint64
            put(b"\x30")
            put(_BYTE[number] if 0 <= number < 128 else _varint(number, _UINT64))
        if self.a_sint32 != 0:
            number = _zigzag(self.a_sint32)
            put(b"\x38")
            put(_BYTE[number] if 0 <= number < 128 else _varint(number, _UINT32))
        if self.a_sint64 != 0:
            number = _zigzag(self.a_sint64)
            put(b"\x40")
            put(_BYTE[number] if 0 <= number < 128 else _varint(number, _UINT64))
        if self.a_fixed32 != 0:
            put(b"\x4d")
            put(_fixed32(self.a_fixed32))
        if self.a_fixed64 != 0:
            put(b"\x51")
            put(_fixed64(self.a_fixed64))
        if self.a_sfixed32 != 0:
            put(b"\x5d")
            put(_sfixed32(self.a_sfixed32))
        if self.a_sfixed64 != 0:
            put(b"\x61")
            put(_sfixed64(self.a_sfixed64))
        if self.a_bool is not False:
            put(b"\x68")
            put(_bool(self.a_bool))
        if self.a_string != "":
            data = self.a_string.encode()
            size = len(data)
            put(b"\x72")
            put(_BYTE[size] if size < 128 else _varint(size, _SIZE))
            put(data)
        if self.some_bytes != b"":
            data = self.some_bytes
            if not isinstance(data, bytes):
                raise TypeError
            size = len(data)
            put(b"\x7a")
            put(_BYTE[size] if size < 128 else _varint(size, _SIZE))
            put(data)
        if self.color != 0:
            number = self.color
            put(b"\x80\x01")
            put(_BYTE[number] if 0 <= number < 128 else _varint(number, _INT32))
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
                    if tag == 114:
                        self.a_string = data[pos:stop].decode()
                    elif tag == 122:
                        self.some_bytes = data[pos:stop]
                    elif tag < 8:
                        raise _Malformed(_NUMBER_0)
                    pos = stop
                elif tag & 7 == 0:
                    number = data[pos]
                    pos += 1
                    if number > 127:
                        number, pos = _read_varint(data, pos, number)
                    if tag == 24:
                        self.an_int32 = _to_int32(number)
                    elif tag == 32:
                        self.an_int64 = number
                    elif tag == 40:
                        self.a_uint32 = number & 0xFFFFFFFF
                    elif tag == 48:
                        self.a_uint64 = number & 0xFFFFFFFFFFFFFFFF
                    elif tag == 56:
                        self.a_sint32 = _to_sint32(number)
                    elif tag == 64:
                        self.a_sint64 = _to_sint64(number)
                    elif tag == 104:
                        self.a_bool = number != 0
                    elif tag == 128:
                        self.color = _shapes._Color_of(number)
                    elif tag < 8:
                        raise _Malformed(_NUMBER_0)
                elif tag & 7 == 1:
                    stop = pos + 8
                    if stop > end:
                        raise IndexError
                    if tag == 9:
                        self.a_double = _read_double(data, pos)[0]
                    elif tag == 81:
                        self.a_fixed64 = _read_fixed64(data, pos)[0]
                    elif tag == 97:
                        self.a_sfixed64 = _read_sfixed64(data, pos)[0]
                    elif tag < 8:
                        raise _Malformed(_NUMBER_0)
                    pos = stop
                elif tag & 7 == 5:
                    stop = pos + 4
                    if stop > end:
                        raise IndexError
                    if tag == 21:
                        self.a_float = _read_float(data, pos)[0]
                    elif tag == 77:
                        self.a_fixed32 = _read_fixed32(data, pos)[0]
                    elif tag == 93:
                        self.a_sfixed32 = _read_sfixed32(data, pos)[0]
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
class Optionals:
    """The same with explicit presence."""

    TYPE_ID: ClassVar[int] = 201
    FULL_NAME: ClassVar[str] = "wide.Optionals"
    FINGERPRINT: ClassVar[bytes] = bytes.fromhex(
        "2878033f21464eca233994efd0e52a08c70b76755b2a711432054db8e674a38d"
    )

    a_double: Optional[float] = None
    a_float: Optional[float] = None
    an_int32: Optional[int] = None
    an_int64: Optional[int] = None
    a_uint32: Optional[int] = None
    a_uint64: Optional[int] = None
    a_sint32: Optional[int] = None
    a_sint64: Optional[int] = None
    a_fixed32: Optional[int] = None
    a_fixed64: Optional[int] = None
    a_sfixed32: Optional[int] = None
    a_sfixed64: Optional[int] = None
    a_bool: Optional[bool] = None
    a_string: Optional[str] = None
    some_bytes: Optional[bytes] = None
    color: Optional[Union[_shapes.Color, int]] = None

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
        1: ("a_double", "optional double"),
        2: ("a_float", "optional float"),
        3: ("an_int32", "optional int32"),
        4: ("an_int64", "optional int64"),
        5: ("a_uint32", "optional uint32"),
        6: ("a_uint64", "optional uint64"),
        7: ("a_sint32", "optional sint32"),
        8: ("a_sint64", "optional sint64"),
        9: ("a_fixed32", "optional fixed32"),
        10: ("a_fixed64", "optional fixed64"),
        11: ("a_sfixed32", "optional sfixed32"),
        12: ("a_sfixed64", "optional sfixed64"),
        13: ("a_bool", "optional bool"),
        14: ("a_string", "optional string"),
        15: ("some_bytes", "optional bytes"),
        16: ("color", "optional enum shapes.Color"),
    }

    def _encode(self, depth: int) -> bytes:
        out: List[bytes] = []
        put = out.append
        if self.a_double is not None:
            put(b"\x09")
            put(_double(self.a_double))
        if self.a_float is not None:
            put(b"\x15")
            put(_float(self.a_float))
        if self.an_int32 is not None:
            number = self.an_int32
            put(b"\x18")
            put(_BYTE[number] if 0 <= number < 128 else _varint(number, _INT32))
        if self.an_int64 is not None:
            number = self.an_int64
            put(b"\x20")
            put(_BYTE[number] if 0 <= number < 128 else _varint(number, _INT64))
        if self.a_uint32 is not None:
            number = self.a_uint32
            put(b"\x28")
            put(_BYTE[number] if 0 <= number < 128 else _varint(number, _UINT32))
        if self.a_uint64 is not None:
            number = self.a_uint64
            put(b"\x30")
            put(_BYTE[number] if 0 <= number < 128 else _varint(number, _UINT64))
        if self.a_sint32 is not None:
            number = _zigzag(self.a_sint32)
            put(b"\x38")
            put(_BYTE[number] if 0 <= number < 128 else _varint(number, _UINT32))
        if self.a_sint64 is not None:
            number = _zigzag(self.a_sint64)
            put(b"\x40")
            put(_BYTE[number] if 0 <= number < 128 else _varint(number, _UINT64))
        if self.a_fixed32 is not None:
            put(b"\x4d")
            put(_fixed32(self.a_fixed32))
        if self.a_fixed64 is not None:
            put(b"\x51")
            put(_fixed64(self.a_fixed64))
        if self.a_sfixed32 is not None:
            put(b"\x5d")
            put(_sfixed32(self.a_sfixed32))
        if self.a_sfixed64 is not None:
            put(b"\x61")
            put(_sfixed64(self.a_sfixed64))
        if self.a_bool is not None:
            put(b"\x68")
            put(_bool(self.a_bool))
        if self.a_string is not None:
            data = self.a_string.encode()
            size = len(data)
            put(b"\x72")
            put(_BYTE[size] if size < 128 else _varint(size, _SIZE))
            put(data)
        if self.some_bytes is not None:
            data = self.some_bytes
            if not isinstance(data, bytes):
                raise TypeError
            size = len(data)
            put(b"\x7a")
            put(_BYTE[size] if size < 128 else _varint(size, _SIZE))
            put(data)
        if self.color is not None:
            number = self.color
            put(b"\x80\x01")
            put(_BYTE[number] if 0 <= number < 128 else _varint(number, _INT32))
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
                    if tag == 114:
                        self.a_string = data[pos:stop].decode()
                    elif tag == 122:
                        self.some_bytes = data[pos:stop]
                    elif tag < 8:
                        raise _Malformed(_NUMBER_0)
                    pos = stop
                elif tag & 7 == 0:
                    number = data[pos]
                    pos += 1
                    if number > 127:
                        number, pos = _read_varint(data, pos, number)
                    if tag == 24:
                        self.an_int32 = _to_int32(number)
                    elif tag == 32:
                        self.an_int64 = number
                    elif tag == 40:
                        self.a_uint32 = number & 0xFFFFFFFF
                    elif tag == 48:
                        self.a_uint64 = number & 0xFFFFFFFFFFFFFFFF
                    elif tag == 56:
                        self.a_sint32 = _to_sint32(number)
                    elif tag == 64:
                        self.a_sint64 = _to_sint64(number)
                    elif tag == 104:
                        self.a_bool = number != 0
                    elif tag == 128:
                        self.color = _shapes._Color_of(number)
                    elif tag < 8:
                        raise _Malformed(_NUMBER_0)
                elif tag & 7 == 1:
                    stop = pos + 8
                    if stop > end:
                        raise IndexError
                    if tag == 9:
                        self.a_double = _read_double(data, pos)[0]
                    elif tag == 81:
                        self.a_fixed64 = _read_fixed64(data, pos)[0]
                    elif tag == 97:
                        self.a_sfixed64 = _read_sfixed64(data, pos)[0]
                    elif tag < 8:
                        raise _Malformed(_NUMBER_0)
                    pos = stop
                elif tag & 7 == 5:
                    stop = pos + 4
                    if stop > end:
                        raise IndexError
                    if tag == 21:
                        self.a_float = _read_float(data, pos)[0]
                    elif tag == 77:
                        self.a_fixed32 = _read_fixed32(data, pos)[0]
                    elif tag == 93:
                        self.a_sfixed32 = _read_sfixed32(data, pos)[0]
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
class Lists:
    """Message wide.Lists."""

    TYPE_ID: ClassVar[int] = 202
    FULL_NAME: ClassVar[str] = "wide.Lists"
    FINGERPRINT: ClassVar[bytes] = bytes.fromhex(
        "0f2b2badc94dc9ff474561a944438ee04f849c5e5e9057de6d4504a42262828e"
    )

    doubles: List[float] = dataclasses.field(default_factory=list)
    floats: List[float] = dataclasses.field(default_factory=list)
    int32s: List[int] = dataclasses.field(default_factory=list)
    int64s: List[int] = dataclasses.field(default_factory=list)
    uint32s: List[int] = dataclasses.field(default_factory=list)
    uint64s: List[int] = dataclasses.field(default_factory=list)
    sint32s: List[int] = dataclasses.field(default_factory=list)
    sint64s: List[int] = dataclasses.field(default_factory=list)
    fixed32s: List[int] = dataclasses.field(default_factory=list)
    fixed64s: List[int] = dataclasses.field(default_factory=list)
    sfixed32s: List[int] = dataclasses.field(default_factory=list)
    sfixed64s: List[int] = dataclasses.field(default_factory=list)
    bools: List[bool] = dataclasses.field(default_factory=list)
    strings: List[str] = dataclasses.field(default_factory=list)
    byte_strings: List[bytes] = dataclasses.field(default_factory=list)
    colors: List[Union[_shapes.Color, int]] = dataclasses.field(default_factory=list)
    points: List[_shapes.Point] = dataclasses.field(default_factory=list)
    unpacked_int32s: List[int] = dataclasses.field(default_factory=list)
    unpacked_doubles: List[float] = dataclasses.field(default_factory=list)
    unpacked_colors: List[Union[_shapes.Color, int]] = dataclasses.field(
        default_factory=list
    )

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
        1: ("doubles", "repeated double"),
        2: ("floats", "repeated float"),
        3: ("int32s", "repeated int32"),
        4: ("int64s", "repeated int64"),
        5: ("uint32s", "repeated uint32"),
        6: ("uint64s", "repeated uint64"),
        7: ("sint32s", "repeated sint32"),
        8: ("sint64s", "repeated sint64"),
        9: ("fixed32s", "repeated fixed32"),
        10: ("fixed64s", "repeated fixed64"),
        11: ("sfixed32s", "repeated sfixed32"),
        12: ("sfixed64s", "repeated sfixed64"),
        13: ("bools", "repeated bool"),
        14: ("strings", "repeated string"),
        15: ("byte_strings", "repeated bytes"),
        16: ("colors", "repeated enum shapes.Color"),
        17: ("points", "repeated message shapes.Point"),
        18: ("unpacked_int32s", "repeated int32"),
        19: ("unpacked_doubles", "repeated double"),
        20: ("unpacked_colors", "repeated enum shapes.Color"),
    }

    def _encode(self, depth: int) -> bytes:
        out: List[bytes] = []
        put = out.append
        _put_packed(put, b"\x0a", _numbers(self.doubles, "d"))
        _put_packed(put, b"\x12", _numbers(self.floats, "f"))
        _put_packed(put, b"\x1a", _varints(self.int32s, _INT32))
        _put_packed(put, b"\x22", _varints(self.int64s, _INT64))
        _put_packed(put, b"\x2a", _varints(self.uint32s, _UINT32))
        _put_packed(put, b"\x32", _varints(self.uint64s, _UINT64))
        _put_packed(put, b"\x3a", _zigzags(self.sint32s, _UINT32))
        _put_packed(put, b"\x42", _zigzags(self.sint64s, _UINT64))
        _put_packed(put, b"\x4a", _numbers(self.fixed32s, "I"))
        _put_packed(put, b"\x52", _numbers(self.fixed64s, "Q"))
        _put_packed(put, b"\x5a", _numbers(self.sfixed32s, "i"))
        _put_packed(put, b"\x62", _numbers(self.sfixed64s, "q"))
        _put_packed(put, b"\x6a", _bools(self.bools))
        _put_each(put, b"\x72", self.strings, _string)
        _put_each(put, b"\x7a", self.byte_strings, _bytes)
        _put_packed(put, b"\x82\x01", _varints(self.colors, _INT32))
        _put_each(
            put,
            b"\x8a\x01",
            self.points,
            lambda message: _message(message, _shapes.Point, depth),
        )
        _put_each(put, b"\x90\x01", self.unpacked_int32s, _int32)
        _put_each(put, b"\x99\x01", self.unpacked_doubles, _double)
        _put_each(put, b"\xa0\x01", self.unpacked_colors, _int32)
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
                        _read_numbers(self.doubles, data, pos, stop, "d")
                    elif tag == 18:
                        _read_numbers(self.floats, data, pos, stop, "f")
                    elif tag == 26:
                        self.int32s.extend(
                            map(_to_int32, _read_varints(data, pos, stop))
                        )
                    elif tag == 34:
                        self.int64s.extend(_read_varints(data, pos, stop))
                    elif tag == 42:
                        self.uint32s.extend(
                            map(_to_uint32, _read_varints(data, pos, stop))
                        )
                    elif tag == 50:
                        self.uint64s.extend(
                            map(_to_uint64, _read_varints(data, pos, stop))
                        )
                    elif tag == 58:
                        self.sint32s.extend(
                            map(_to_sint32, _read_varints(data, pos, stop))
                        )
                    elif tag == 66:
                        self.sint64s.extend(
                            map(_to_sint64, _read_varints(data, pos, stop))
                        )
                    elif tag == 74:
                        _read_numbers(self.fixed32s, data, pos, stop, "I")
                    elif tag == 82:
                        _read_numbers(self.fixed64s, data, pos, stop, "Q")
                    elif tag == 90:
                        _read_numbers(self.sfixed32s, data, pos, stop, "i")
                    elif tag == 98:
                        _read_numbers(self.sfixed64s, data, pos, stop, "q")
                    elif tag == 106:
                        self.bools.extend(map(bool, _read_varints(data, pos, stop)))
                    elif tag == 114:
                        self.strings.append(data[pos:stop].decode())
                    elif tag == 122:
                        self.byte_strings.append(data[pos:stop])
                    elif tag == 130:
                        self.colors.extend(
                            map(_shapes._Color_of, _read_varints(data, pos, stop))
                        )
                    elif tag == 138:
                        self.points.append(_shapes.Point())
                        self.points[-1]._merge(data, pos, stop, depth - 1)
                    elif tag == 146:
                        self.unpacked_int32s.extend(
                            map(_to_int32, _read_varints(data, pos, stop))
                        )
                    elif tag == 154:
                        _read_numbers(self.unpacked_doubles, data, pos, stop, "d")
                    elif tag == 162:
                        self.unpacked_colors.extend(
                            map(_shapes._Color_of, _read_varints(data, pos, stop))
                        )
                    elif tag < 8:
                        raise _Malformed(_NUMBER_0)
                    pos = stop
                elif tag & 7 == 0:
                    number = data[pos]
                    pos += 1
                    if number > 127:
                        number, pos = _read_varint(data, pos, number)
                    if tag == 24:
                        self.int32s.append(_to_int32(number))
                    elif tag == 32:
                        self.int64s.append(number)
                    elif tag == 40:
                        self.uint32s.append(number & 0xFFFFFFFF)
                    elif tag == 48:
                        self.uint64s.append(number & 0xFFFFFFFFFFFFFFFF)
                    elif tag == 56:
                        self.sint32s.append(_to_sint32(number))
                    elif tag == 64:
                        self.sint64s.append(_to_sint64(number))
                    elif tag == 104:
                        self.bools.append(number != 0)
                    elif tag == 128:
                        self.colors.append(_shapes._Color_of(number))
                    elif tag == 144:
                        self.unpacked_int32s.append(_to_int32(number))
                    elif tag == 160:
                        self.unpacked_colors.append(_shapes._Color_of(number))
                    elif tag < 8:
                        raise _Malformed(_NUMBER_0)
                elif tag & 7 == 1:
                    stop = pos + 8
                    if stop > end:
                        raise IndexError
                    if tag == 9:
                        self.doubles.append(_read_double(data, pos)[0])
                    elif tag == 81:
                        self.fixed64s.append(_read_fixed64(data, pos)[0])
                    elif tag == 97:
                        self.sfixed64s.append(_read_sfixed64(data, pos)[0])
                    elif tag == 153:
                        self.unpacked_doubles.append(_read_double(data, pos)[0])
                    elif tag < 8:
                        raise _Malformed(_NUMBER_0)
                    pos = stop
                elif tag & 7 == 5:
                    stop = pos + 4
                    if stop > end:
                        raise IndexError
                    if tag == 21:
                        self.floats.append(_read_float(data, pos)[0])
                    elif tag == 77:
                        self.fixed32s.append(_read_fixed32(data, pos)[0])
                    elif tag == 93:
                        self.sfixed32s.append(_read_sfixed32(data, pos)[0])
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
class Maps:
    """Message wide.Maps."""

    TYPE_ID: ClassVar[int] = 203
    FULL_NAME: ClassVar[str] = "wide.Maps"
    FINGERPRINT: ClassVar[bytes] = bytes.fromhex(
        "2bbfe5e3c641daeb2df3d5577235b72fa0537f5a47dea08c9e24359df048cfe6"
    )

    string_to_string: Dict[str, str] = dataclasses.field(default_factory=dict)
    int32_to_double: Dict[int, float] = dataclasses.field(default_factory=dict)
    int64_to_bytes: Dict[int, bytes] = dataclasses.field(default_factory=dict)
    uint32_to_bool: Dict[int, bool] = dataclasses.field(default_factory=dict)
    uint64_to_uint64: Dict[int, int] = dataclasses.field(default_factory=dict)
    sint32_to_sint64: Dict[int, int] = dataclasses.field(default_factory=dict)
    sint64_to_float: Dict[int, float] = dataclasses.field(default_factory=dict)
    fixed32_to_int32: Dict[int, int] = dataclasses.field(default_factory=dict)
    sfixed64_to_fixed64: Dict[int, int] = dataclasses.field(default_factory=dict)
    bool_to_color: Dict[bool, Union[_shapes.Color, int]] = dataclasses.field(
        default_factory=dict
    )
    string_to_point: Dict[str, _shapes.Point] = dataclasses.field(default_factory=dict)
    string_to_maps: Dict[str, Maps] = dataclasses.field(default_factory=dict)

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
        1: ("string_to_string", "map<string, string>"),
        2: ("int32_to_double", "map<int32, double>"),
        3: ("int64_to_bytes", "map<int64, bytes>"),
        4: ("uint32_to_bool", "map<uint32, bool>"),
        5: ("uint64_to_uint64", "map<uint64, uint64>"),
        6: ("sint32_to_sint64", "map<sint32, sint64>"),
        7: ("sint64_to_float", "map<sint64, float>"),
        8: ("fixed32_to_int32", "map<fixed32, int32>"),
        9: ("sfixed64_to_fixed64", "map<sfixed64, fixed64>"),
        10: ("bool_to_color", "map<bool, enum shapes.Color>"),
        11: ("string_to_point", "map<string, message shapes.Point>"),
        12: ("string_to_maps", "map<string, message wide.Maps>"),
    }

    def _encode(self, depth: int) -> bytes:
        out: List[bytes] = []
        put = out.append
        _put_map(
            put,
            b"\x0a",
            self.string_to_string,
            depth,
            b"\x0a",
            _string,
            b"\x12",
            _string,
        )
        _put_map(
            put, b"\x12", self.int32_to_double, depth, b"\x08", _int32, b"\x11", _double
        )
        _put_map(
            put, b"\x1a", self.int64_to_bytes, depth, b"\x08", _int64, b"\x12", _bytes
        )
        _put_map(
            put, b"\x22", self.uint32_to_bool, depth, b"\x08", _uint32, b"\x10", _bool
        )
        _put_map(
            put,
            b"\x2a",
            self.uint64_to_uint64,
            depth,
            b"\x08",
            _uint64,
            b"\x10",
            _uint64,
        )
        _put_map(
            put,
            b"\x32",
            self.sint32_to_sint64,
            depth,
            b"\x08",
            _sint32,
            b"\x10",
            _sint64,
        )
        _put_map(
            put, b"\x3a", self.sint64_to_float, depth, b"\x08", _sint64, b"\x15", _float
        )
        _put_map(
            put,
            b"\x42",
            self.fixed32_to_int32,
            depth,
            b"\x0d",
            _fixed32,
            b"\x10",
            _int32,
        )
        _put_map(
            put,
            b"\x4a",
            self.sfixed64_to_fixed64,
            depth,
            b"\x09",
            _sfixed64,
            b"\x11",
            _fixed64,
        )
        _put_map(
            put, b"\x52", self.bool_to_color, depth, b"\x08", _bool, b"\x10", _int32
        )
        _put_map(
            put,
            b"\x5a",
            self.string_to_point,
            depth,
            b"\x0a",
            _string,
            b"\x12",
            lambda message: _message(message, _shapes.Point, depth - 1),
        )
        _put_map(
            put,
            b"\x62",
            self.string_to_maps,
            depth,
            b"\x0a",
            _string,
            b"\x12",
            lambda message: _message(message, Maps, depth - 1),
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
                        self._merge_string_to_string(data, pos, stop, depth - 1)
                    elif tag == 18:
                        self._merge_int32_to_double(data, pos, stop, depth - 1)
                    elif tag == 26:
                        self._merge_int64_to_bytes(data, pos, stop, depth - 1)
                    elif tag == 34:
                        self._merge_uint32_to_bool(data, pos, stop, depth - 1)
                    elif tag == 42:
                        self._merge_uint64_to_uint64(data, pos, stop, depth - 1)
                    elif tag == 50:
                        self._merge_sint32_to_sint64(data, pos, stop, depth - 1)
                    elif tag == 58:
                        self._merge_sint64_to_float(data, pos, stop, depth - 1)
                    elif tag == 66:
                        self._merge_fixed32_to_int32(data, pos, stop, depth - 1)
                    elif tag == 74:
                        self._merge_sfixed64_to_fixed64(data, pos, stop, depth - 1)
                    elif tag == 82:
                        self._merge_bool_to_color(data, pos, stop, depth - 1)
                    elif tag == 90:
                        self._merge_string_to_point(data, pos, stop, depth - 1)
                    elif tag == 98:
                        self._merge_string_to_maps(data, pos, stop, depth - 1)
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

    def _merge_string_to_string(
        self, data: bytes, pos: int, end: int, depth: int
    ) -> None:
        key = ""
        value = ""
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
                    key = data[pos:stop].decode()
                elif tag == 18:
                    value = data[pos:stop].decode()
                elif tag < 8:
                    raise _Malformed(_NUMBER_0)
                pos = stop
            else:
                pos = _skip(data, pos, tag, depth)
        if pos > end:
            raise IndexError
        self.string_to_string[key] = value

    def _merge_int32_to_double(
        self, data: bytes, pos: int, end: int, depth: int
    ) -> None:
        key = 0
        value = 0.0
        if depth < 0:
            raise _Malformed(_TOO_DEEP)
        while pos < end:
            tag = data[pos]
            pos += 1
            if tag > 127:
                tag, pos = _read_tag(data, pos, tag)
            if tag & 7 == 0:
                number = data[pos]
                pos += 1
                if number > 127:
                    number, pos = _read_varint(data, pos, number)
                if tag == 8:
                    key = _to_int32(number)
                elif tag < 8:
                    raise _Malformed(_NUMBER_0)
            elif tag & 7 == 1:
                stop = pos + 8
                if stop > end:
                    raise IndexError
                if tag == 17:
                    value = _read_double(data, pos)[0]
                elif tag < 8:
                    raise _Malformed(_NUMBER_0)
                pos = stop
            else:
                pos = _skip(data, pos, tag, depth)
        if pos > end:
            raise IndexError
        self.int32_to_double[key] = value

    def _merge_int64_to_bytes(
        self, data: bytes, pos: int, end: int, depth: int
    ) -> None:
        key = 0
        value = b""
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
                if tag == 18:
                    value = data[pos:stop]
                elif tag < 8:
                    raise _Malformed(_NUMBER_0)
                pos = stop
            elif tag & 7 == 0:
                number = data[pos]
                pos += 1
                if number > 127:
                    number, pos = _read_varint(data, pos, number)
                if tag == 8:
                    key = number
                elif tag < 8:
                    raise _Malformed(_NUMBER_0)
            else:
                pos = _skip(data, pos, tag, depth)
        if pos > end:
            raise IndexError
        self.int64_to_bytes[key] = value

    def _merge_uint32_to_bool(
        self, data: bytes, pos: int, end: int, depth: int
    ) -> None:
        key = 0
        value = False
        if depth < 0:
            raise _Malformed(_TOO_DEEP)
        while pos < end:
            tag = data[pos]
            pos += 1
            if tag > 127:
                tag, pos = _read_tag(data, pos, tag)
            if tag & 7 == 0:
                number = data[pos]
                pos += 1
                if number > 127:
                    number, pos = _read_varint(data, pos, number)
                if tag == 8:
                    key = number & 0xFFFFFFFF
                elif tag == 16:
                    value = number != 0
                elif tag < 8:
                    raise _Malformed(_NUMBER_0)
            else:
                pos = _skip(data, pos, tag, depth)
        if pos > end:
            raise IndexError
        self.uint32_to_bool[key] = value

    def _merge_uint64_to_uint64(
        self, data: bytes, pos: int, end: int, depth: int
    ) -> None:
        key = 0
        value = 0
        if depth < 0:
            raise _Malformed(_TOO_DEEP)
        while pos < end:
            tag = data[pos]
            pos += 1
            if tag > 127:
                tag, pos = _read_tag(data, pos, tag)
            if tag & 7 == 0:
                number = data[pos]
                pos += 1
                if number > 127:
                    number, pos = _read_varint(data, pos, number)
                if tag == 8:
                    key = number & 0xFFFFFFFFFFFFFFFF
                elif tag == 16:
                    value = number & 0xFFFFFFFFFFFFFFFF
                elif tag < 8:
                    raise _Malformed(_NUMBER_0)
            else:
                pos = _skip(data, pos, tag, depth)
        if pos > end:
            raise IndexError
        self.uint64_to_uint64[key] = value

    def _merge_sint32_to_sint64(
        self, data: bytes, pos: int, end: int, depth: int
    ) -> None:
        key = 0
        value = 0
        if depth < 0:
            raise _Malformed(_TOO_DEEP)
        while pos < end:
            tag = data[pos]
            pos += 1
            if tag > 127:
                tag, pos = _read_tag(data, pos, tag)
            if tag & 7 == 0:
                number = data[pos]
                pos += 1
                if number > 127:
                    number, pos = _read_varint(data, pos, number)
                if tag == 8:
                    key = _to_sint32(number)
                elif tag == 16:
                    value = _to_sint64(number)
                elif tag < 8:
                    raise _Malformed(_NUMBER_0)
            else:
                pos = _skip(data, pos, tag, depth)
        if pos > end:
            raise IndexError
        self.sint32_to_sint64[key] = value

    def _merge_sint64_to_float(
        self, data: bytes, pos: int, end: int, depth: int
    ) -> None:
        key = 0
        value = 0.0
        if depth < 0:
            raise _Malformed(_TOO_DEEP)
        while pos < end:
            tag = data[pos]
            pos += 1
            if tag > 127:
                tag, pos = _read_tag(data, pos, tag)
            if tag & 7 == 0:
                number = data[pos]
                pos += 1
                if number > 127:
                    number, pos = _read_varint(data, pos, number)
                if tag == 8:
                    key = _to_sint64(number)
                elif tag < 8:
                    raise _Malformed(_NUMBER_0)
            elif tag & 7 == 5:
                stop = pos + 4
                if stop > end:
                    raise IndexError
                if tag == 21:
                    value = _read_float(data, pos)[0]
                elif tag < 8:
                    raise _Malformed(_NUMBER_0)
                pos = stop
            else:
                pos = _skip(data, pos, tag, depth)
        if pos > end:
            raise IndexError
        self.sint64_to_float[key] = value

    def _merge_fixed32_to_int32(
        self, data: bytes, pos: int, end: int, depth: int
    ) -> None:
        key = 0
        value = 0
        if depth < 0:
            raise _Malformed(_TOO_DEEP)
        while pos < end:
            tag = data[pos]
            pos += 1
            if tag > 127:
                tag, pos = _read_tag(data, pos, tag)
            if tag & 7 == 0:
                number = data[pos]
                pos += 1
                if number > 127:
                    number, pos = _read_varint(data, pos, number)
                if tag == 16:
                    value = _to_int32(number)
                elif tag < 8:
                    raise _Malformed(_NUMBER_0)
            elif tag & 7 == 5:
                stop = pos + 4
                if stop > end:
                    raise IndexError
                if tag == 13:
                    key = _read_fixed32(data, pos)[0]
                elif tag < 8:
                    raise _Malformed(_NUMBER_0)
                pos = stop
            else:
                pos = _skip(data, pos, tag, depth)
        if pos > end:
            raise IndexError
        self.fixed32_to_int32[key] = value

    def _merge_sfixed64_to_fixed64(
        self, data: bytes, pos: int, end: int, depth: int
    ) -> None:
        key = 0
        value = 0
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
                    key = _read_sfixed64(data, pos)[0]
                elif tag == 17:
                    value = _read_fixed64(data, pos)[0]
                elif tag < 8:
                    raise _Malformed(_NUMBER_0)
                pos = stop
            else:
                pos = _skip(data, pos, tag, depth)
        if pos > end:
            raise IndexError
        self.sfixed64_to_fixed64[key] = value

    def _merge_bool_to_color(self, data: bytes, pos: int, end: int, depth: int) -> None:
        key = False
        value: Union[_shapes.Color, int] = _shapes.Color.COLOR_UNSPECIFIED
        if depth < 0:
            raise _Malformed(_TOO_DEEP)
        while pos < end:
            tag = data[pos]
            pos += 1
            if tag > 127:
                tag, pos = _read_tag(data, pos, tag)
            if tag & 7 == 0:
                number = data[pos]
                pos += 1
                if number > 127:
                    number, pos = _read_varint(data, pos, number)
                if tag == 8:
                    key = number != 0
                elif tag == 16:
                    value = _shapes._Color_of(number)
                elif tag < 8:
                    raise _Malformed(_NUMBER_0)
            else:
                pos = _skip(data, pos, tag, depth)
        if pos > end:
            raise IndexError
        self.bool_to_color[key] = value

    def _merge_string_to_point(
        self, data: bytes, pos: int, end: int, depth: int
    ) -> None:
        key = ""
        value = _shapes.Point()
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
                    key = data[pos:stop].decode()
                elif tag == 18:
                    value._merge(data, pos, stop, depth - 1)
                elif tag < 8:
                    raise _Malformed(_NUMBER_0)
                pos = stop
            else:
                pos = _skip(data, pos, tag, depth)
        if pos > end:
            raise IndexError
        self.string_to_point[key] = value

    def _merge_string_to_maps(
        self, data: bytes, pos: int, end: int, depth: int
    ) -> None:
        key = ""
        value = Maps()
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
                    key = data[pos:stop].decode()
                elif tag == 18:
                    value._merge(data, pos, stop, depth - 1)
                elif tag < 8:
                    raise _Malformed(_NUMBER_0)
                pos = stop
            else:
                pos = _skip(data, pos, tag, depth)
        if pos > end:
            raise IndexError
        self.string_to_maps[key] = value


@dataclasses.dataclass
class Mixture_Inner:
    """Message wide.Mixture.Inner."""

    FULL_NAME: ClassVar[str] = "wide.Mixture.Inner"

    Mood = Mixture_Inner_Mood

    mood: Union[Mixture_Inner_Mood, int] = Mixture_Inner_Mood.MOOD_UNSPECIFIED
    outer: Optional[Mixture] = None

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
        1: ("mood", "enum wide.Mixture.Inner.Mood"),
        2: ("outer", "optional message wide.Mixture"),
    }

    def _encode(self, depth: int) -> bytes:
        out: List[bytes] = []
        put = out.append
        if self.mood != 0:
            number = self.mood
            put(b"\x08")
            put(_BYTE[number] if 0 <= number < 128 else _varint(number, _INT32))
        if self.outer is not None:
            put(b"\x12")
            put(_message(self.outer, Mixture, depth))
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
                    if tag == 18:
                        if self.outer is None:
                            self.outer = Mixture()
                        self.outer._merge(data, pos, stop, depth - 1)
                    elif tag < 8:
                        raise _Malformed(_NUMBER_0)
                    pos = stop
                elif tag & 7 == 0:
                    number = data[pos]
                    pos += 1
                    if number > 127:
                        number, pos = _read_varint(data, pos, number)
                    if tag == 8:
                        self.mood = _Mixture_Inner_Mood_of(number)
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
class Mixture:
    """Oneofs, nesting, recursion, names that languages have reserved."""

    TYPE_ID: ClassVar[int] = 204
    FULL_NAME: ClassVar[str] = "wide.Mixture"
    FINGERPRINT: ClassVar[bytes] = bytes.fromhex(
        "d38156510b3f068eb2519bbfcc741db6775fb8d4380ead925472bc1517ab14d8"
    )

    Inner = Mixture_Inner

    text: Optional[str] = None
    """Of oneof choice."""
    number: Optional[int] = None
    """Of oneof choice."""
    inner: Optional[Mixture_Inner] = None
    """Of oneof choice."""
    color: Optional[Union[_shapes.Color, int]] = None
    """Of oneof choice."""
    raw: Optional[bytes] = None
    """Of oneof choice."""
    flag: Optional[bool] = None
    """Of oneof choice."""
    lasting: Optional[_duration.Duration] = None
    """Of oneof choice."""
    left: Optional[float] = None
    """Of oneof other_choice."""
    right: Optional[float] = None
    """Of oneof other_choice."""
    single: Optional[Mixture_Inner] = None
    several: List[Mixture_Inner] = dataclasses.field(default_factory=list)
    tree: Optional[_shapes.Tree] = None
    by_number: Dict[int, Mixture_Inner] = dataclasses.field(default_factory=dict)
    class_: str = ""
    """Reserved words of C++, Python and OCaml.

    `class` in the .proto file."""
    type: int = 0
    val: bool = False
    from_: str = ""
    """`from` in the .proto file."""
    None_: int = 0
    """`None` in the .proto file."""
    method: str = ""
    self_: int = 0
    """`self` in the .proto file."""
    end: bytes = b""
    t: int = 0
    encode: int = 0
    to_bytes_: int = 0
    """`to_bytes` in the .proto file."""
    camelCase: int = 0
    list_: int = 0
    """`list` in the .proto file."""
    TYPE_ID_: int = 0
    """`TYPE_ID` in the .proto file."""
    two_byte_tag: int = 0
    """Two bytes and more of tag."""
    five_byte_tag: int = 0

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

    def which_choice(self) -> Optional[str]:
        """Names the one field of choice that is set; None: none is.

        ValueError: more than one is set."""
        return _which(self, self._ONEOFS["choice"])

    def which_other_choice(self) -> Optional[str]:
        """Names the one field of other_choice that is set; None: none is.

        ValueError: more than one is set."""
        return _which(self, self._ONEOFS["other_choice"])

    _FIELDS: ClassVar[Dict[int, Tuple[str, str]]] = {
        1: ("text", "optional string"),
        2: ("number", "optional int64"),
        3: ("inner", "optional message wide.Mixture.Inner"),
        4: ("color", "optional enum shapes.Color"),
        5: ("raw", "optional bytes"),
        6: ("flag", "optional bool"),
        7: ("lasting", "optional message google.protobuf.Duration"),
        10: ("left", "optional double"),
        11: ("right", "optional double"),
        20: ("single", "optional message wide.Mixture.Inner"),
        21: ("several", "repeated message wide.Mixture.Inner"),
        22: ("tree", "optional message shapes.Tree"),
        23: ("by_number", "map<int32, message wide.Mixture.Inner>"),
        30: ("class_", "string"),
        31: ("type", "int32"),
        32: ("val", "bool"),
        33: ("from_", "string"),
        34: ("None_", "int32"),
        35: ("method", "string"),
        36: ("self_", "int32"),
        37: ("end", "bytes"),
        38: ("t", "int32"),
        39: ("encode", "int32"),
        40: ("to_bytes_", "int32"),
        41: ("camelCase", "int32"),
        42: ("list_", "int32"),
        43: ("TYPE_ID_", "int32"),
        2000: ("two_byte_tag", "int32"),
        536870911: ("five_byte_tag", "int32"),
    }
    _ONEOFS: ClassVar[Dict[str, Tuple[str, ...]]] = {
        "choice": ("text", "number", "inner", "color", "raw", "flag", "lasting"),
        "other_choice": ("left", "right"),
    }

    def _encode(self, depth: int) -> bytes:
        _expect_one(
            self.text,
            self.number,
            self.inner,
            self.color,
            self.raw,
            self.flag,
            self.lasting,
        )
        _expect_one(self.left, self.right)
        out: List[bytes] = []
        put = out.append
        if self.text is not None:
            data = self.text.encode()
            size = len(data)
            put(b"\x0a")
            put(_BYTE[size] if size < 128 else _varint(size, _SIZE))
            put(data)
        if self.number is not None:
            number = self.number
            put(b"\x10")
            put(_BYTE[number] if 0 <= number < 128 else _varint(number, _INT64))
        if self.inner is not None:
            put(b"\x1a")
            put(_message(self.inner, Mixture_Inner, depth))
        if self.color is not None:
            number = self.color
            put(b"\x20")
            put(_BYTE[number] if 0 <= number < 128 else _varint(number, _INT32))
        if self.raw is not None:
            data = self.raw
            if not isinstance(data, bytes):
                raise TypeError
            size = len(data)
            put(b"\x2a")
            put(_BYTE[size] if size < 128 else _varint(size, _SIZE))
            put(data)
        if self.flag is not None:
            put(b"\x30")
            put(_bool(self.flag))
        if self.lasting is not None:
            put(b"\x3a")
            put(_message(self.lasting, _duration.Duration, depth))
        if self.left is not None:
            put(b"\x51")
            put(_double(self.left))
        if self.right is not None:
            put(b"\x59")
            put(_double(self.right))
        if self.single is not None:
            put(b"\xa2\x01")
            put(_message(self.single, Mixture_Inner, depth))
        _put_each(
            put,
            b"\xaa\x01",
            self.several,
            lambda message: _message(message, Mixture_Inner, depth),
        )
        if self.tree is not None:
            put(b"\xb2\x01")
            put(_message(self.tree, _shapes.Tree, depth))
        _put_map(
            put,
            b"\xba\x01",
            self.by_number,
            depth,
            b"\x08",
            _int32,
            b"\x12",
            lambda message: _message(message, Mixture_Inner, depth - 1),
        )
        if self.class_ != "":
            data = self.class_.encode()
            size = len(data)
            put(b"\xf2\x01")
            put(_BYTE[size] if size < 128 else _varint(size, _SIZE))
            put(data)
        if self.type != 0:
            number = self.type
            put(b"\xf8\x01")
            put(_BYTE[number] if 0 <= number < 128 else _varint(number, _INT32))
        if self.val is not False:
            put(b"\x80\x02")
            put(_bool(self.val))
        if self.from_ != "":
            data = self.from_.encode()
            size = len(data)
            put(b"\x8a\x02")
            put(_BYTE[size] if size < 128 else _varint(size, _SIZE))
            put(data)
        if self.None_ != 0:
            number = self.None_
            put(b"\x90\x02")
            put(_BYTE[number] if 0 <= number < 128 else _varint(number, _INT32))
        if self.method != "":
            data = self.method.encode()
            size = len(data)
            put(b"\x9a\x02")
            put(_BYTE[size] if size < 128 else _varint(size, _SIZE))
            put(data)
        if self.self_ != 0:
            number = self.self_
            put(b"\xa0\x02")
            put(_BYTE[number] if 0 <= number < 128 else _varint(number, _INT32))
        if self.end != b"":
            data = self.end
            if not isinstance(data, bytes):
                raise TypeError
            size = len(data)
            put(b"\xaa\x02")
            put(_BYTE[size] if size < 128 else _varint(size, _SIZE))
            put(data)
        if self.t != 0:
            number = self.t
            put(b"\xb0\x02")
            put(_BYTE[number] if 0 <= number < 128 else _varint(number, _INT32))
        if self.encode != 0:
            number = self.encode
            put(b"\xb8\x02")
            put(_BYTE[number] if 0 <= number < 128 else _varint(number, _INT32))
        if self.to_bytes_ != 0:
            number = self.to_bytes_
            put(b"\xc0\x02")
            put(_BYTE[number] if 0 <= number < 128 else _varint(number, _INT32))
        if self.camelCase != 0:
            number = self.camelCase
            put(b"\xc8\x02")
            put(_BYTE[number] if 0 <= number < 128 else _varint(number, _INT32))
        if self.list_ != 0:
            number = self.list_
            put(b"\xd0\x02")
            put(_BYTE[number] if 0 <= number < 128 else _varint(number, _INT32))
        if self.TYPE_ID_ != 0:
            number = self.TYPE_ID_
            put(b"\xd8\x02")
            put(_BYTE[number] if 0 <= number < 128 else _varint(number, _INT32))
        if self.two_byte_tag != 0:
            number = self.two_byte_tag
            put(b"\x80\x7d")
            put(_BYTE[number] if 0 <= number < 128 else _varint(number, _INT32))
        if self.five_byte_tag != 0:
            number = self.five_byte_tag
            put(b"\xf8\xff\xff\xff\x0f")
            put(_BYTE[number] if 0 <= number < 128 else _varint(number, _INT32))
        return b"".join(out)

    def _clear_choice(self) -> None:
        self.text = None
        self.number = None
        self.inner = None
        self.color = None
        self.raw = None
        self.flag = None
        self.lasting = None

    def _clear_other_choice(self) -> None:
        self.left = None
        self.right = None

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
                        self._clear_choice()
                        self.text = data[pos:stop].decode()
                    elif tag == 26:
                        if self.inner is None:
                            self._clear_choice()
                            self.inner = Mixture_Inner()
                        self.inner._merge(data, pos, stop, depth - 1)
                    elif tag == 42:
                        self._clear_choice()
                        self.raw = data[pos:stop]
                    elif tag == 58:
                        if self.lasting is None:
                            self._clear_choice()
                            self.lasting = _duration.Duration()
                        self.lasting._merge(data, pos, stop, depth - 1)
                    elif tag == 162:
                        if self.single is None:
                            self.single = Mixture_Inner()
                        self.single._merge(data, pos, stop, depth - 1)
                    elif tag == 170:
                        self.several.append(Mixture_Inner())
                        self.several[-1]._merge(data, pos, stop, depth - 1)
                    elif tag == 178:
                        if self.tree is None:
                            self.tree = _shapes.Tree()
                        self.tree._merge(data, pos, stop, depth - 1)
                    elif tag == 186:
                        self._merge_by_number(data, pos, stop, depth - 1)
                    elif tag == 242:
                        self.class_ = data[pos:stop].decode()
                    elif tag == 266:
                        self.from_ = data[pos:stop].decode()
                    elif tag == 282:
                        self.method = data[pos:stop].decode()
                    elif tag == 298:
                        self.end = data[pos:stop]
                    elif tag < 8:
                        raise _Malformed(_NUMBER_0)
                    pos = stop
                elif tag & 7 == 0:
                    number = data[pos]
                    pos += 1
                    if number > 127:
                        number, pos = _read_varint(data, pos, number)
                    if tag == 16:
                        self._clear_choice()
                        self.number = number
                    elif tag == 32:
                        self._clear_choice()
                        self.color = _shapes._Color_of(number)
                    elif tag == 48:
                        self._clear_choice()
                        self.flag = number != 0
                    elif tag == 248:
                        self.type = _to_int32(number)
                    elif tag == 256:
                        self.val = number != 0
                    elif tag == 272:
                        self.None_ = _to_int32(number)
                    elif tag == 288:
                        self.self_ = _to_int32(number)
                    elif tag == 304:
                        self.t = _to_int32(number)
                    elif tag == 312:
                        self.encode = _to_int32(number)
                    elif tag == 320:
                        self.to_bytes_ = _to_int32(number)
                    elif tag == 328:
                        self.camelCase = _to_int32(number)
                    elif tag == 336:
                        self.list_ = _to_int32(number)
                    elif tag == 344:
                        self.TYPE_ID_ = _to_int32(number)
                    elif tag == 16000:
                        self.two_byte_tag = _to_int32(number)
                    elif tag == 4294967288:
                        self.five_byte_tag = _to_int32(number)
                    elif tag < 8:
                        raise _Malformed(_NUMBER_0)
                elif tag & 7 == 1:
                    stop = pos + 8
                    if stop > end:
                        raise IndexError
                    if tag == 81:
                        self._clear_other_choice()
                        self.left = _read_double(data, pos)[0]
                    elif tag == 89:
                        self._clear_other_choice()
                        self.right = _read_double(data, pos)[0]
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

    def _merge_by_number(self, data: bytes, pos: int, end: int, depth: int) -> None:
        key = 0
        value = Mixture_Inner()
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
                if tag == 18:
                    value._merge(data, pos, stop, depth - 1)
                elif tag < 8:
                    raise _Malformed(_NUMBER_0)
                pos = stop
            elif tag & 7 == 0:
                number = data[pos]
                pos += 1
                if number > 127:
                    number, pos = _read_varint(data, pos, number)
                if tag == 8:
                    key = _to_int32(number)
                elif tag < 8:
                    raise _Malformed(_NUMBER_0)
            else:
                pos = _skip(data, pos, tag, depth)
        if pos > end:
            raise IndexError
        self.by_number[key] = value


@dataclasses.dataclass
class WellKnown:
    """Message wide.WellKnown."""

    TYPE_ID: ClassVar[int] = 205
    FULL_NAME: ClassVar[str] = "wide.WellKnown"
    FINGERPRINT: ClassVar[bytes] = bytes.fromhex(
        "280e6bb5ae12ab8e606f15e4ad3d97f3e4f0cff70d9cda37288435404fd4bc2a"
    )

    timestamp: Optional[_timestamp.Timestamp] = None
    duration: Optional[_duration.Duration] = None
    anything: Optional[_struct.Struct] = None
    wrapped: Optional[_wrappers.StringValue] = None
    timestamps: List[_timestamp.Timestamp] = dataclasses.field(default_factory=list)

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
        1: ("timestamp", "optional message google.protobuf.Timestamp"),
        2: ("duration", "optional message google.protobuf.Duration"),
        3: ("anything", "optional message google.protobuf.Struct"),
        4: ("wrapped", "optional message google.protobuf.StringValue"),
        5: ("timestamps", "repeated message google.protobuf.Timestamp"),
    }

    def _encode(self, depth: int) -> bytes:
        out: List[bytes] = []
        put = out.append
        if self.timestamp is not None:
            put(b"\x0a")
            put(_message(self.timestamp, _timestamp.Timestamp, depth))
        if self.duration is not None:
            put(b"\x12")
            put(_message(self.duration, _duration.Duration, depth))
        if self.anything is not None:
            put(b"\x1a")
            put(_message(self.anything, _struct.Struct, depth))
        if self.wrapped is not None:
            put(b"\x22")
            put(_message(self.wrapped, _wrappers.StringValue, depth))
        _put_each(
            put,
            b"\x2a",
            self.timestamps,
            lambda message: _message(message, _timestamp.Timestamp, depth),
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
                        if self.timestamp is None:
                            self.timestamp = _timestamp.Timestamp()
                        self.timestamp._merge(data, pos, stop, depth - 1)
                    elif tag == 18:
                        if self.duration is None:
                            self.duration = _duration.Duration()
                        self.duration._merge(data, pos, stop, depth - 1)
                    elif tag == 26:
                        if self.anything is None:
                            self.anything = _struct.Struct()
                        self.anything._merge(data, pos, stop, depth - 1)
                    elif tag == 34:
                        if self.wrapped is None:
                            self.wrapped = _wrappers.StringValue()
                        self.wrapped._merge(data, pos, stop, depth - 1)
                    elif tag == 42:
                        self.timestamps.append(_timestamp.Timestamp())
                        self.timestamps[-1]._merge(data, pos, stop, depth - 1)
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
class Empty:
    """Message wide.Empty."""

    TYPE_ID: ClassVar[int] = 206
    FULL_NAME: ClassVar[str] = "wide.Empty"
    FINGERPRINT: ClassVar[bytes] = bytes.fromhex(
        "d421dc98e94236cf5f9b5ed66c4fc52c8d36228ed8a08f64cc7fbc2a57cf7af2"
    )

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

    _FIELDS: ClassVar[Dict[int, Tuple[str, str]]] = {}

    def _encode(self, depth: int) -> bytes:
        return b""

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
                pos = _skip(data, pos, tag, depth)
            if pos > end:
                raise IndexError
        except (IndexError, UnicodeDecodeError, _Malformed) as error:
            name, fields = self.FULL_NAME, self._FIELDS
            raise _malformed(name, fields, tag, pos, end, error) from None


# --- Protobuf's encoding, in the same words in every module


_T = TypeVar("_T")
_K = TypeVar("_K")
_DEPTH_MAX = 100  # levels of messages within a message
_TOO_DEEP = f"more than {_DEPTH_MAX} levels of messages"
_NUMBER_0 = "field number 0"
_INT32 = (-0x80000000, 0x7FFFFFFF)
_INT64 = (-0x8000000000000000, 0x7FFFFFFFFFFFFFFF)
_UINT32 = (0, 0xFFFFFFFF)
_UINT64 = (0, 0xFFFFFFFFFFFFFFFF)
_SIZE = (0, 0x7FFFFFFF)
_BYTE = tuple(bytes((value,)) for value in range(128))
_ZERO_FLOAT = bytes(4)  # by its bits: -0.0 is another value
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


def _int32(value: int) -> bytes:
    return _varint(value, _INT32)


def _int64(value: int) -> bytes:
    return _varint(value, _INT64)


def _uint32(value: int) -> bytes:
    return _varint(value, _UINT32)


def _uint64(value: int) -> bytes:
    return _varint(value, _UINT64)


def _sint32(value: int) -> bytes:
    return _varint(_zigzag(value), _UINT32)


def _sint64(value: int) -> bytes:
    return _varint(_zigzag(value), _UINT64)


def _zigzag(value: int) -> int:
    return 2 * value if value >= 0 else -2 * value - 1


def _bool(value: bool) -> bytes:
    if not isinstance(value, bool):
        raise TypeError
    return _BYTE[value]


_fixed32 = struct.Struct("<I").pack
_fixed64 = struct.Struct("<Q").pack
_sfixed32 = struct.Struct("<i").pack
_sfixed64 = struct.Struct("<q").pack
_float = struct.Struct("<f").pack
_double = struct.Struct("<d").pack


def _sized(data: bytes) -> bytes:
    return _varint(len(data), _SIZE) + data


def _string(value: str) -> bytes:
    return _sized(value.encode())


def _bytes(value: bytes) -> bytes:
    if not isinstance(value, bytes):
        raise TypeError
    return _sized(value)


def _message(message: object, kind: type, depth: int) -> bytes:
    if not isinstance(message, kind):
        raise TypeError
    if depth <= 0:
        raise ValueError
    data: bytes = getattr(message, "_encode")(depth - 1)
    return _sized(data)


def _expect_one(*members: object) -> None:
    """Of a oneof, at most one."""
    if members.count(None) < len(members) - 1:
        raise ValueError


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


def _put_map(
    put: Callable[[bytes], object],
    tag: bytes,
    entries: Dict[_K, _T],
    depth: int,
    key_tag: bytes,
    encode_key: Callable[[_K], bytes],
    value_tag: bytes,
    encode_value: Callable[[_T], bytes],
) -> None:
    if not isinstance(entries, dict):
        raise TypeError
    if entries and depth <= 0:  # an entry is a message
        raise ValueError
    for key, value in entries.items():
        put(tag)
        put(_sized(key_tag + encode_key(key) + value_tag + encode_value(value)))


def _put_packed(put: Callable[[bytes], object], tag: bytes, data: bytes) -> None:
    if data:
        put(tag)
        put(_varint(len(data), _SIZE))
        put(data)


def _varints(values: List[int], limits: Tuple[int, int]) -> bytes:
    if not isinstance(values, list):
        raise TypeError
    return b"".join([_BYTE[v] if 0 <= v < 128 else _varint(v, limits) for v in values])


def _zigzags(values: List[int], limits: Tuple[int, int]) -> bytes:
    if not isinstance(values, list):
        raise TypeError
    return _varints([_zigzag(value) for value in values], limits)


def _bools(values: List[bool]) -> bytes:
    if not isinstance(values, list):
        raise TypeError
    return b"".join(map(_bool, values))


def _numbers(values: List[_T], code: str) -> bytes:
    if not isinstance(values, list):
        raise TypeError
    return struct.pack(f"<{len(values)}{code}", *values)


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


def _to_uint32(value: int) -> int:
    return value & 0xFFFFFFFF


def _to_uint64(value: int) -> int:
    return value & 0xFFFFFFFFFFFFFFFF


def _to_sint32(value: int) -> int:
    value &= 0xFFFFFFFF
    return value >> 1 ^ -(value & 1)


def _to_sint64(value: int) -> int:
    value &= 0xFFFFFFFFFFFFFFFF
    return value >> 1 ^ -(value & 1)


_read_fixed32 = struct.Struct("<I").unpack_from
_read_fixed64 = struct.Struct("<Q").unpack_from
_read_sfixed32 = struct.Struct("<i").unpack_from
_read_sfixed64 = struct.Struct("<q").unpack_from
_read_float = struct.Struct("<f").unpack_from
_read_double = struct.Struct("<d").unpack_from


def _read_varints(data: bytes, pos: int, stop: int) -> List[int]:
    values = []
    while pos < stop:
        value = data[pos]
        pos += 1
        if value > 127:
            value, pos = _read_varint(data, pos, value)
        values.append(value)
    if pos > stop:
        raise IndexError
    return values


def _read_numbers(
    values: List[_T], data: bytes, pos: int, stop: int, code: str
) -> None:
    count, rest = divmod(stop - pos, struct.calcsize(f"<{code}"))
    if rest:
        raise IndexError
    values.extend(struct.unpack_from(f"<{count}{code}", data, pos))


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


def _which(message: object, members: Tuple[str, ...]) -> Optional[str]:
    """The one of `members` that is set."""
    found = [member for member in members if getattr(message, member) is not None]
    if len(found) > 1:
        _explain(message)
    return found[0] if found else None


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
