"""A small reader and writer of Protobuf: a message is a class with a table of its
fields.

As Protobuf does: unknown fields are skipped, the last of several counts, strings
must be UTF-8.
"""

from __future__ import annotations

from typing import Any, Callable, ClassVar, Dict, List, Optional, Tuple, Type, TypeVar


class Malformed(Exception):
    """Bytes that are no message."""


_Body = TypeVar("_Body", bound="Body")
# A field's name, what it holds, and the class of a message.
Field = Tuple[str, str, Optional[Type["Body"]]]


class Body:
    """A message; _FIELDS says what it has, by number, in rising order."""

    NAME: ClassVar[str] = ""
    _FIELDS: ClassVar[Dict[int, Field]] = {}

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
_NUMBERS: Dict[str, Callable[[int], Any]] = {
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
    data = bytes(value)
    return varint(number << 3 | 2) + varint(len(data)) + data


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
    tag &= 0xFFFFFFFF
    if at - begin > 5 or not tag >> 3:
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


def fields(*fields: Any) -> Dict[int, Field]:
    """(number, name, kind[, class of the message]) each."""
    table: Dict[int, Field] = {}
    for number, name, kind, *message in fields:
        table[number] = (name, kind, message[0] if message else None)
    return table
