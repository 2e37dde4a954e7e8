"""Messages of google/protobuf/timestamp.proto, package google.protobuf.

Written by protoc-gen-mycelium: change the .proto file instead."""

from __future__ import annotations

import dataclasses
import struct
from typing import TYPE_CHECKING, ClassVar, Dict, List, Tuple, Union

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "Timestamp",
]


@dataclasses.dataclass
class Timestamp:
    """A Timestamp represents a point in time independent of any time zone or local
    calendar, encoded as a count of seconds and fractions of seconds at
    nanosecond resolution. The count is relative to an epoch at UTC midnight on
    January 1, 1970, in the proleptic Gregorian calendar which extends the
    Gregorian calendar backwards to year one.

    All minutes are 60 seconds long. Leap seconds are "smeared" so that no leap
    second table is needed for interpretation, using a [24-hour linear
    smear](https://developers.google.com/time/smear).

    The range is from 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z. By
    restricting to that range, we ensure that we can convert to and from [RFC
    3339](https://www.ietf.org/rfc/rfc3339.txt) date strings.

    # Examples

    Example 1: Compute Timestamp from POSIX `time()`.

        Timestamp timestamp;
        timestamp.set_seconds(time(NULL));
        timestamp.set_nanos(0);

    Example 2: Compute Timestamp from POSIX `gettimeofday()`.

        struct timeval tv;
        gettimeofday(&tv, NULL);

        Timestamp timestamp;
        timestamp.set_seconds(tv.tv_sec);
        timestamp.set_nanos(tv.tv_usec * 1000);

    Example 3: Compute Timestamp from Win32 `GetSystemTimeAsFileTime()`.

        FILETIME ft;
        GetSystemTimeAsFileTime(&ft);
        UINT64 ticks = (((UINT64)ft.dwHighDateTime) << 32) | ft.dwLowDateTime;

        // A Windows tick is 100 nanoseconds. Windows epoch 1601-01-01T00:00:00Z
        // is 11644473600 seconds before Unix epoch 1970-01-01T00:00:00Z.
        Timestamp timestamp;
        timestamp.set_seconds((INT64) ((ticks / 10000000) - 11644473600LL));
        timestamp.set_nanos((INT32) ((ticks % 10000000) * 100));

    Example 4: Compute Timestamp from Java `System.currentTimeMillis()`.

        long millis = System.currentTimeMillis();

        Timestamp timestamp = Timestamp.newBuilder().setSeconds(millis / 1000)
            .setNanos((int) ((millis % 1000) * 1000000)).build();


    Example 5: Compute Timestamp from Java `Instant.now()`.

        Instant now = Instant.now();

        Timestamp timestamp =
            Timestamp.newBuilder().setSeconds(now.getEpochSecond())
                .setNanos(now.getNano()).build();


    Example 6: Compute Timestamp from current time in Python.

        timestamp = Timestamp()
        timestamp.GetCurrentTime()

    # JSON Mapping

    In JSON format, the Timestamp type is encoded as a string in the
    [RFC 3339](https://www.ietf.org/rfc/rfc3339.txt) format. That is, the
    format is "{year}-{month}-{day}T{hour}:{min}:{sec}[.{frac_sec}]Z"
    where {year} is always expressed using four digits while {month}, {day},
    {hour}, {min}, and {sec} are zero-padded to two digits each. The fractional
    seconds, which can go up to 9 digits (i.e. up to 1 nanosecond resolution),
    are optional. The "Z" suffix indicates the timezone ("UTC"); the timezone
    is required. A proto3 JSON serializer should always use UTC (as indicated by
    "Z") when printing the Timestamp type and a proto3 JSON parser should be
    able to accept both UTC and other timezones (as indicated by an offset).

    For example, "2017-01-15T01:30:15.01Z" encodes 15.01 seconds past
    01:30 UTC on January 15, 2017.

    In JavaScript, one can convert a Date object to this format using the
    standard
    [toISOString()](https://developer.mozilla.org/en-US/docs/Web/JavaScript/Reference/Global_Objects/Date/toISOString)
    method. In Python, a standard `datetime.datetime` object can be converted
    to this format using
    [`strftime`](https://docs.python.org/2/library/time.html#time.strftime) with
    the time format spec '%Y-%m-%dT%H:%M:%S.%fZ'. Likewise, in Java, one can use
    the Joda Time's [`ISODateTimeFormat.dateTime()`](
    http://www.joda.org/joda-time/apidocs/org/joda/time/format/ISODateTimeFormat.html#dateTime%2D%2D
    ) to obtain a formatter capable of generating timestamps in this format."""

    FULL_NAME: ClassVar[str] = "google.protobuf.Timestamp"

    seconds: int = 0
    """Represents seconds of UTC time since Unix epoch
    1970-01-01T00:00:00Z. Must be from 0001-01-01T00:00:00Z to
    9999-12-31T23:59:59Z inclusive."""
    nanos: int = 0
    """Non-negative fractions of a second at nanosecond resolution. Negative
    second values with fractions must still have non-negative nanos values
    that count forward in time. Must be from 0 to 999,999,999
    inclusive."""

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
        1: ("seconds", "int64"),
        2: ("nanos", "int32"),
    }

    def _encode(self, depth: int) -> bytes:
        out: List[bytes] = []
        put = out.append
        if self.seconds != 0:
            number = self.seconds
            put(b"\x08")
            put(_BYTE[number] if 0 <= number < 128 else _varint(number, _INT64))
        if self.nanos != 0:
            number = self.nanos
            put(b"\x10")
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
                if tag & 7 == 0:
                    number = data[pos]
                    pos += 1
                    if number > 127:
                        number, pos = _read_varint(data, pos, number)
                    if tag == 8:
                        self.seconds = number
                    elif tag == 16:
                        self.nanos = _to_int32(number)
                    elif tag < 8:
                        raise _Malformed(_NUMBER_0)
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


def _to_int32(value: int) -> int:
    return ((value & 0xFFFFFFFF) ^ 0x80000000) - 0x80000000


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
