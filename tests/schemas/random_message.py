"""Random messages in protobuf's own classes, and bytes that are nearly such.

For the tests that hold the generated code of a language against protobuf; every
choice is that of the random.Random which is passed in.
"""

import random
import struct
from typing import Any, Callable, List

from google.protobuf import (  # type: ignore[import]
    descriptor_pb2,
    descriptor_pool,
    message_factory,
)

INTEGERS = [0, 1, -1, 127, 128, 300, 16383, 16384, 1 << 21, 1 << 28, 1 << 35]
FLOATS = [0.0, -0.0, 1.0, -2.5, float("inf"), float("-inf"), float("nan"), 1e-40]
TEXTS = ["", "a", "\x00", "grüße", "\U0001f344" * 40, "x" * 127, "x" * 128]


def protobuf_classes(descriptor_set: bytes) -> Callable[[str], Any]:
    """From a message's full name to a class that protobuf makes for it, which
    is the same as in a module of `protoc --python_out`."""
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(descriptor_set).file:
        pool.Add(file)
    factory = message_factory.MessageFactory(pool)
    return lambda name: factory.GetPrototype(pool.FindMessageTypeByName(name))


def is_map(field: Any) -> bool:
    return bool(field.message_type and field.message_type.GetOptions().map_entry)


def random_message(rng: random.Random, kind: Any, depth: int) -> Any:
    """A message of that class with at most `depth` levels of others within."""
    message = kind()
    _fill(rng, message, depth)
    return message


def _fill(rng: random.Random, message: Any, depth: int) -> None:
    for field in message.DESCRIPTOR.fields:
        if rng.random() < 0.4 or (field.message_type and depth == 0):
            continue
        value = getattr(message, field.name)
        if is_map(field):
            for _ in range(rng.randrange(4)):
                _add_entry(rng, value, field.message_type.fields_by_name, depth)
        elif field.label == field.LABEL_REPEATED:
            for _ in range(rng.randrange(4)):
                if field.message_type:
                    _fill(rng, value.add(), depth - 1)
                else:
                    value.append(_scalar(rng, field))
        elif field.message_type:
            value.SetInParent()
            _fill(rng, value, depth - 1)
        else:
            setattr(message, field.name, _scalar(rng, field))


def _add_entry(rng: random.Random, entries: Any, fields: Any, depth: int) -> None:
    key = _scalar(rng, fields["key"])
    if fields["value"].message_type:
        _fill(rng, entries[key], depth - 1)
    else:
        entries[key] = _scalar(rng, fields["value"])


def _scalar(rng: random.Random, field: Any) -> Any:
    if field.type == field.TYPE_BOOL:
        return rng.random() < 0.5
    if field.type == field.TYPE_STRING:
        return rng.choice(TEXTS)
    if field.type == field.TYPE_BYTES:
        return rng.choice([b"", b"\xff", rng.randbytes(rng.randrange(300))])
    if field.type == field.TYPE_DOUBLE:
        return rng.choice([*FLOATS, rng.uniform(-1e300, 1e300)])
    if field.type == field.TYPE_FLOAT:
        value = rng.choice([*FLOATS, rng.uniform(-1e38, 1e38)])
        return struct.unpack("<f", struct.pack("<f", value))[0]
    low, high = {
        field.CPPTYPE_INT64: (-(1 << 63), (1 << 63) - 1),
        field.CPPTYPE_UINT64: (0, (1 << 64) - 1),
        field.CPPTYPE_UINT32: (0, (1 << 32) - 1),
    }.get(field.cpp_type, (-(1 << 31), (1 << 31) - 1))
    chosen = rng.choice([*INTEGERS, low, high, rng.randint(low, high)])
    return chosen if low <= chosen <= high else rng.randrange(-low + 1)


def mutated(rng: random.Random, data: bytes) -> bytes:
    """`data` with a few bytes changed, left out, put in or repeated."""
    out = bytearray(data)
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(out) + 1)
        what = rng.randrange(5)
        if what == 0:
            out[at : at + 1] = bytes(
                b ^ 1 << rng.randrange(8) for b in out[at : at + 1]
            )
        elif what == 1:
            out[at : at + 1] = rng.choice([b"\x00", b"\x04", b"\x7f", b"\x80", b"\xff"])
        elif what == 2:
            del out[at : at + rng.randrange(1, 4)]
        elif what == 3:
            out[at:at] = rng.randbytes(rng.randrange(1, 4))
        else:
            out[at:at] = out[: rng.randrange(30)]
    return bytes(out)


def random_fields(rng: random.Random, numbers: List[int], depth: int) -> bytes:
    """Fields of these numbers and of others with any wire type: groups, varints
    that are too long or too large, and lengths that are, too."""
    out = b""
    for _ in range(rng.randrange(4)):
        number = rng.choice([*numbers, 0, 1, 15, 16, 2047, 536870911])
        wire_type = rng.choice([0, 0, 0, 1, 2, 2, 2, 2, 3, 5, rng.randrange(8)])
        out += varint(number << 3 | wire_type, rng.choice([0, 0, 0, 0, 1, 2, 3, 4]))
        if wire_type == 0:
            value = rng.choice(
                [0, 1, 1 << 31, 1 << 32, 1 << 63, (1 << 64) - 1, 1 << 66]
            )
            out += varint(value, rng.choice([0, 0, 0, 1, 3, 8, 10]))
        elif wire_type == 1:
            out += rng.randbytes(8)
        elif wire_type == 5:
            out += rng.randbytes(4)
        elif wire_type == 2 and depth > 0:
            body = random_fields(rng, numbers, depth - 1)
            out += varint(len(body), rng.choice([0, 0, 0, 0, 1, 3, 4, 5])) + body
        elif wire_type == 2:
            out += varint(3) + rng.choice([b"abc", b"\xc3\x28a", b"\xed\xa0\x80"])
        elif wire_type == 3 and depth > 0:
            out += random_fields(rng, numbers, depth - 1)
            out += varint((number + rng.choice([0, 0, 0, 1])) << 3 | 4)
    return out


def varint(value: int, padding: int = 0) -> bytes:
    """`value`, with as many bytes more than it takes."""
    out = bytearray()
    while value > 127 or padding > 0:
        padding -= value <= 127
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
