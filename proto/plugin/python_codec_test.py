"""The Python classes that the plugin writes, against python3-protobuf's own:
the same values, the same bytes, and the same bytes refused."""

import os
import random
import struct
import sys
import unittest
import warnings
from typing import Any, Dict, Optional

import google_protobuf_duration
import google_protobuf_struct
import google_protobuf_timestamp
import google_protobuf_wrappers
import shapes
import wide
from google.protobuf.message import DecodeError  # type: ignore[import]
from tests.schemas.random_message import (
    is_map,
    mutated,
    protobuf_classes,
    random_fields,
    random_message,
    varint,
)

SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 32)))
ROUNDS = 500  # for each message type
MODULES = (
    google_protobuf_duration,
    google_protobuf_struct,
    google_protobuf_timestamp,
    google_protobuf_wrappers,
    shapes,
    wide,
)
OURS: Dict[str, Any] = {
    kind.FULL_NAME: kind
    for module in MODULES
    for kind in vars(module).values()
    if hasattr(kind, "FULL_NAME")
}
TYPES = [name for name, kind in OURS.items() if hasattr(kind, "TYPE_ID")]
theirs = protobuf_classes(wide.SCHEMA_DESCRIPTOR_SET)


def to_ours(message: Any) -> Any:
    """Our message with the values of theirs, by way of the attributes."""
    kind = OURS[message.DESCRIPTOR.full_name]
    values: Dict[str, Any] = {}
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if is_map(field):
            nested = field.message_type.fields_by_name["value"].message_type
            value = {
                key: to_ours(value[key]) if nested else value[key] for key in value
            }
        elif field.label == field.LABEL_REPEATED:
            value = [to_ours(item) if field.message_type else item for item in value]
        elif field.has_presence and not message.HasField(field.name):
            continue
        elif field.message_type:
            value = to_ours(value)
        values[kind._FIELDS[field.number][0]] = value
    return kind(**values)


def comparable(value: Any) -> Any:
    """Equal for one NaN and another, and not for 0.0 and -0.0."""
    if isinstance(value, float):
        return "NaN" if value != value else struct.pack("<d", value)
    if isinstance(value, list):
        return [comparable(item) for item in value]
    if isinstance(value, dict):
        return {key: comparable(item) for key, item in value.items()}
    if hasattr(value, "FULL_NAME"):
        return [value.FULL_NAME, comparable(vars(value))]
    return value


def has_entries(value: Any) -> bool:
    """Whether a map in our message has any: protobuf puts them in any order."""
    if isinstance(value, list):
        return any(map(has_entries, value))
    if hasattr(value, "FULL_NAME"):
        return any(map(has_entries, vars(value).values()))
    return isinstance(value, dict) and len(value) > 0


def parse_theirs(name: str, data: bytes) -> Optional[Any]:
    """None: protobuf refuses it."""
    with warnings.catch_warnings(record=True) as caught:
        # Bytes that stop at a tag of 0 or at the end of a group only give a
        # warning in Python; protobuf in C++ refuses them, too.
        warnings.simplefilter("always", RuntimeWarning)
        try:
            message = theirs(name).FromString(data)
        except DecodeError:
            return None
    return None if caught else message


class CodecTest(unittest.TestCase):
    def setUp(self) -> None:
        print(f"SEED={SEED}")
        self.rng = random.Random(SEED)

    def random(self, name: str) -> Any:
        return random_message(self.rng, theirs(name), self.rng.randrange(4))

    def assert_same(self, ours: Any, message: Any, data: bytes) -> None:
        self.assertEqual(
            comparable(ours), comparable(to_ours(message)), f"SEED={SEED} {data.hex()}"
        )

    def judge(self, name: str, data: bytes) -> bool:
        """Whether both take `data`, as the same message; else both refuse it."""
        message = parse_theirs(name, data)
        hint = f"SEED={SEED} {name} {data.hex()}"
        try:
            ours = OURS[name].from_bytes(data)
        except ValueError as error:
            self.assertIsNone(message, f"{hint} {error}")
            return False
        self.assertIsNotNone(message, f"{hint} {ours}")
        self.assert_same(ours, message, data)
        return True

    def test_values_and_bytes_are_those_of_protobuf(self) -> None:
        for name in TYPES:
            for _ in range(ROUNDS):
                message = self.random(name)
                data = message.SerializeToString()
                ours = OURS[name].from_bytes(data)
                self.assert_same(ours, message, data)
                again = to_ours(message).to_bytes()
                self.assertEqual(again, ours.to_bytes(), f"SEED={SEED}")
                if not has_entries(ours):
                    self.assertEqual(again, data, f"SEED={SEED}")
                self.assert_same(ours, theirs(name).FromString(again), again)

    def test_truncated_bytes_are_judged_alike(self) -> None:
        for name in TYPES:
            for _ in range(ROUNDS // 20):
                data = self.random(name).SerializeToString()
                for end in range(min(len(data), 500)):
                    self.judge(name, data[:end])

    def test_mutated_bytes_are_judged_alike(self) -> None:
        taken = refused = 0
        for name in TYPES:
            for _ in range(ROUNDS):
                data = self.random(name).SerializeToString()
                for _ in range(4):
                    if self.judge(name, mutated(self.rng, data)):
                        taken += 1
                    else:
                        refused += 1
        self.assertGreater(min(taken, refused), ROUNDS)

    def test_fields_of_any_form_are_judged_alike(self) -> None:
        taken = refused = 0
        for name in TYPES:
            numbers = [field.number for field in theirs(name).DESCRIPTOR.fields]
            for _ in range(4 * ROUNDS):
                if self.judge(name, random_fields(self.rng, numbers, 3)):
                    taken += 1
                else:
                    refused += 1
        self.assertGreater(min(taken, refused), ROUNDS)

    def test_levels_of_messages_are_bounded_alike(self) -> None:
        def wrap(tag: bytes, data: bytes) -> bytes:
            return tag + varint(len(data)) + data

        for levels in (1, 49, 50, 51, 99, 100, 101):
            trees = maps = nested = b""
            for _ in range(levels):
                trees = wrap(b"\x12", trees)
                maps = wrap(b"\x62", b"\x0a\x00" + wrap(b"\x12", maps))
            groups = b"\xa3\x06" * levels + b"\xa4\x06" * levels
            nested = wrap(b"\xa2\x01", groups)
            self.assertEqual(self.judge("shapes.Tree", trees), levels <= 100)
            self.assertEqual(self.judge("wide.Maps", maps), levels <= 50)
            self.assertEqual(self.judge("wide.Empty", groups), levels <= 100)
            self.assertEqual(self.judge("wide.Mixture", nested), levels <= 99)

    def test_rare_forms_are_judged_alike(self) -> None:
        for data, is_taken in (
            ("f2808080100161", True),  # the tag's bits from the 33rd on do not count
            ("f8ffffff0f05", True),  # the last field number there is
            ("8a808080800001", False),  # a tag of 6 bytes
            ("18" + "80" * 9 + "7f", True),  # the varint's bits from the 65th on
            ("18" + "80" * 10 + "00", False),
            ("72818080800061", True),  # a length of 5 bytes
            ("7281808080800061", False),
            ("7281808080" + "0861", False),  # 2 GiB and 1
            ("0200", False),
            ("a306a406", True),  # an empty group
            ("a306ac06", False),  # ended by another number
            ("a306000aa406", False),  # with a field 0 in it
            ("a306", False),
            ("0c", False),
        ):
            taken = self.judge("wide.Scalars", bytes.fromhex(data))
            self.assertEqual(taken, is_taken, data)


if __name__ == "__main__":
    # protobuf writes a line to stderr for each text that is not UTF-8.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    unittest.main(testRunner=unittest.TextTestRunner(sys.stdout))
