"""The extension's own encoding and decoding against the generated methods, which
decide: the same bytes, the same messages, the same errors."""

import dataclasses
import math
import random
import struct
import sys
import time
from typing import Any, Callable, Dict, List, Tuple

import pytest

from client.python.native import installed

from mycelium_native._native import Codec
import mycelium_protocol
import plain
import wide

assert installed.PATH
SEED = int(time.time())
ROUNDS = 20_000

NUMBERS = [0, 1, -1, 127, 128, 0x3FFF, 0x4000]
NUMBERS += [
    sign * (1 << bits) + off
    for bits in (31, 32, 63, 64)
    for sign in (1, -1)
    for off in (-1, 0, 1)
]
FLOATS = [0.0, -0.0, 1.5, 1e-50, 3.4e38, 3.5e38, 1e308, math.inf, -math.inf, math.nan]
TEXTS = ["", "a", "é\U0001f600", "\0", "\ud800", "x" * 127, "x" * 128, "y" * 600]
BYTES = [b"", b"\0", b"\xff\xfe", b"z" * 300]
STRANGE: List[Any] = [None, True, False, 3, 2.5, "text", b"bytes", [], bytearray(b"b")]


def classes() -> List[Any]:
    found = [
        value
        for module in (mycelium_protocol, plain, wide)
        for value in vars(module).values()
        if isinstance(value, type) and hasattr(value, "TYPE_ID")
    ]
    assert len(found) >= 4
    return found


def outcome(call: Callable[[], Any]) -> Tuple[str, Any]:
    try:
        result = call()
    except Exception as error:
        return type(error).__name__, str(error)
    if dataclasses.is_dataclass(result):
        return "message", (type(result), repr(vars(result)), repr(result))
    return "bytes", result


def random_message(made: random.Random, message_class: Any) -> Any:
    message = message_class()
    pools: Dict[str, List[Any]] = {
        "str": TEXTS,
        "int": NUMBERS,
        "float": FLOATS,
        "bytes": BYTES,
    }
    for field in dataclasses.fields(message_class):
        if made.random() < 0.3:
            continue
        pool = pools.get(str(field.type), [True, False])
        if made.random() < 0.02:
            pool = STRANGE
        value = made.choice(pool)
        if pool is NUMBERS and made.random() < 0.7:
            value = made.getrandbits(made.randrange(1, 32))
        if pool is FLOATS and made.random() < 0.5:
            value = struct.unpack("<f", made.randbytes(4))[0]
        setattr(message, field.name, value)
    return message


def damaged(made: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(made.randrange(1, 4)):
        what = made.randrange(4)
        at = made.randrange(len(changed) + 1)
        if what == 0 and at < len(changed):
            changed[at] = made.randrange(256)
        elif what == 1:
            del changed[at : at + made.randrange(1, 5)]
        elif what == 2:
            changed[at:at] = made.randbytes(made.randrange(1, 12))
        else:
            changed[at:at] = changed[: made.randrange(len(changed) + 1)]
    return bytes(changed)


def test_which_classes_are_coded_here() -> None:
    fast = {each.__name__ for each in classes() if Codec(each).fast}
    assert {"TextMessage", "Question", "Answer", "Plain"} == fast

    Child: Any = type("Child", (mycelium_protocol.TextMessage,), {})
    assert not Codec(Child).fast
    assert type(Codec(Child).decode(b"")) is Child


def test_any_message_is_encoded_as_to_bytes_does() -> None:
    print("seed", SEED)
    made = random.Random(SEED)
    every = [(each, Codec(each)) for each in classes() + [plain.Plain] * 4]
    for _ in range(ROUNDS):
        message_class, codec = made.choice(every)
        message = random_message(made, message_class)
        seen = outcome(lambda: codec.encode(message))
        assert seen == outcome(message.to_bytes), vars(message)


def test_any_bytes_are_decoded_as_from_bytes_does() -> None:
    print("seed", SEED)
    made = random.Random(SEED)
    every = [(each, Codec(each)) for each in classes() + [plain.Plain] * 4]
    kinds = set()
    for _ in range(ROUNDS):
        message_class, codec = made.choice(every)
        if made.random() < 0.1:
            data = made.randbytes(made.randrange(40))
        else:
            try:
                data = random_message(made, message_class).to_bytes()
            except (TypeError, ValueError):
                continue
            if made.random() < 0.5:
                data = damaged(made, data)
        seen = outcome(lambda: codec.decode(data))
        assert seen == outcome(lambda: message_class.from_bytes(data)), data.hex()
        kinds.add(seen[0])
    assert kinds == {"message", "ValueError"}


@pytest.mark.parametrize(
    "data",
    [
        "8a00026162",  # a tag in more bytes than it needs
        "8a808080800002",
        "0a8200 6162",  # a length in more bytes than it needs
        "18ffffffffffffffffff01",
        "18ffffffffffffffffff03",  # a tenth byte with a bit too many
        "18ffffffffffffffffffff01",
        "18ff",
        "1a0161",  # a number's field with a string in it
        "0a01610a0162",  # twice: the last one counts
        "2201611801",  # an unknown field
        "0b0c",  # a group
        "00",
        "0aff",
        "0a01ff",
    ],
)
def test_odd_bytes(data: str) -> None:
    message_class = mycelium_protocol.TextMessage
    codec = Codec(message_class)
    payload = bytes.fromhex(data)
    assert outcome(lambda: codec.decode(payload)) == outcome(
        lambda: message_class.from_bytes(payload)
    )


def test_a_message_without_an_attribute_and_what_is_no_class() -> None:
    message = mycelium_protocol.TextMessage()
    message.__dict__.clear()  # the class's defaults are still there
    assert Codec(mycelium_protocol.TextMessage).encode(message) == b""
    for wrong in (3, int, object(), type("Zero", (), {"TYPE_ID": 0})):
        with pytest.raises(TypeError, match="allowed a class with TYPE_ID"):
            Codec(wrong)  # type: ignore[arg-type]


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider", *sys.argv[1:]]))
