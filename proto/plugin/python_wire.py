"""Protobuf's encoding in plain Python: the last part of the modules that
protoc-gen-mycelium writes.

A module gets the definitions that it uses, and those which they use; imports are
made for it.
"""

from __future__ import annotations

import struct
from typing import Callable, Dict, List, Optional, Tuple, TypeVar

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
