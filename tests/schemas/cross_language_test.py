"""C++, Python and OCaml against each other and against protobuf's own Python
classes: what one of them has written the others read, and write again with the
same meaning; what one of them refuses all of them do."""

import os
import random
import struct
import subprocess
import unittest
import warnings
from typing import Any, Dict, Optional

import wide
from google.protobuf.message import DecodeError  # type: ignore[import]
from tests.schemas.random_message import (
    is_map,
    mutated,
    protobuf_classes,
    random_fields,
    random_message,
)

HEADER = struct.Struct("<IH")
PROGRAMS = {
    "C++": "tests/schemas/cpp_round_trip",
    "Python": "tests/schemas/python_round_trip",
    "OCaml": "client/ocaml/ocaml_round_trip",
}
TYPES = {
    200: "wide.Scalars",
    201: "wide.Optionals",
    202: "wide.Lists",
    203: "wide.Maps",
    204: "wide.Mixture",
    205: "wide.WellKnown",
    206: "wide.Empty",
    210: "shapes.Point",
}
SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 32)))
ROUNDS = 1500
DEPTH = 3

classes = protobuf_classes(wide.SCHEMA_DESCRIPTOR_SET)


NAN = float("nan")


def settle(message: Any) -> None:
    """Entries that were parsed become a map, with each key once, in copies; and
    one NaN is as good as another, since a float that signals does not survive
    languages that have doubles only."""
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if is_map(field):
            nested = field.message_type.fields_by_name["value"].message_type
            for key in list(value):
                if nested:
                    settle(value[key])
                elif value[key] != value[key]:
                    value[key] = NAN
        elif field.label == field.LABEL_REPEATED:
            for place, element in enumerate(value):
                if field.message_type:
                    settle(element)
                elif element != element:
                    value[place] = NAN
        elif field.message_type:
            if message.HasField(field.name):
                settle(value)
        elif value != value:
            setattr(message, field.name, NAN)


def canonical(message: Any) -> bytes:
    """Equal for equal messages: maps in order, no unknown fields."""
    settle(message)
    settled = type(message)()
    settled.CopyFrom(message)
    settled.DiscardUnknownFields()
    return bytes(settled.SerializeToString(deterministic=True))


def meaning(type_id: int, payload: bytes) -> Optional[bytes]:
    """What protobuf makes of it; None: it is no message."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            message = classes(TYPES[type_id]).FromString(payload)
        except DecodeError:
            return None
    # Where C++ refuses the whole, Python warns of a rest that it left.
    return None if caught else canonical(message)


class CrossLanguageTest(unittest.TestCase):
    programs: Dict[str, "subprocess.Popen[bytes]"]

    @classmethod
    def setUpClass(cls) -> None:
        cls.programs = {
            language: subprocess.Popen(
                [path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            for language, path in PROGRAMS.items()
        }
        for program in cls.programs.values():
            cls.addClassCleanup(program.communicate)

    def setUp(self) -> None:
        print(f"SEED={SEED}", flush=True)
        self.rng = random.Random(SEED)

    def round_trip(
        self, language: str, type_id: int, payload: bytes
    ) -> Optional[bytes]:
        """What it writes for what it has read; None: it is no message."""
        program = self.programs[language]
        assert program.stdin is not None and program.stdout is not None
        program.stdin.write(HEADER.pack(len(payload), type_id) + payload)
        program.stdin.flush()
        size, answered = HEADER.unpack(program.stdout.read(HEADER.size))
        self.assertIn(answered, (0, type_id))
        encoded = program.stdout.read(size)
        return encoded if answered != 0 else None

    def random_type(self) -> int:
        return self.rng.choice(list(TYPES))

    def random_payload(self, type_id: int) -> bytes:
        kind = classes(TYPES[type_id])
        return bytes(random_message(self.rng, kind, DEPTH).SerializeToString())

    def assert_agreed(self, type_id: int, payload: bytes) -> bool:
        """All make of it what protobuf does; True: it is a message."""
        expected = meaning(type_id, payload)
        for language in PROGRAMS:
            written = self.round_trip(language, type_id, payload)
            found = None if written is None else meaning(type_id, written)
            if (language, TYPES[type_id]) == ("C++", "wide.Maps"):
                # protobuf's generated C++ takes a map's bool that is written as
                # a multiple of 1 << 32 for false, its Python for true.
                self.assertEqual(found is None, expected is None, payload.hex())
                continue
            self.assertEqual(
                found, expected, f"{language}, {TYPES[type_id]}: {payload.hex()}"
            )
        return expected is not None

    def test_what_one_has_written_the_others_read(self) -> None:
        for _ in range(ROUNDS):
            type_id = self.random_type()
            payload = self.random_payload(type_id)
            expected = meaning(type_id, payload)
            # From hand to hand.
            for language in PROGRAMS:
                written = self.round_trip(language, type_id, payload)
                assert written is not None, language
                payload = written
                self.assertEqual(meaning(type_id, payload), expected, language)

    def test_two_messages_one_after_the_other_are_one(self) -> None:
        for _ in range(ROUNDS):
            type_id = self.random_type()
            both = self.random_payload(type_id) + self.random_payload(type_id)
            self.assertTrue(self.assert_agreed(type_id, both))

    def test_mutated_bytes_mean_the_same_or_nothing_to_all(self) -> None:
        messages = 0
        for _ in range(ROUNDS):
            type_id = self.random_type()
            payload = mutated(self.rng, self.random_payload(type_id))
            messages += self.assert_agreed(type_id, payload)
        self.assertGreater(messages, ROUNDS // 20)
        self.assertLess(messages, ROUNDS)

    def test_fields_of_any_wire_type_mean_the_same_or_nothing_to_all(self) -> None:
        messages = 0
        for _ in range(ROUNDS):
            type_id = self.random_type()
            numbers = list(classes(TYPES[type_id]).DESCRIPTOR.fields_by_number)
            payload = random_fields(self.rng, numbers, DEPTH)
            messages += self.assert_agreed(type_id, payload)
        self.assertGreater(messages, ROUNDS // 20)
        self.assertLess(messages, ROUNDS)


if __name__ == "__main__":
    unittest.main()
