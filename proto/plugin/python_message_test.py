"""The Python classes that the plugin writes, as a program meets them."""

import copy
import dataclasses
import enum
import hashlib
import pickle
import unittest
from typing import Any, Dict, List, Optional, Set, Tuple, Type

import google_protobuf_duration
import google_protobuf_struct
import google_protobuf_timestamp
import mycelium_protocol
import shapes
import wide
from google.protobuf import descriptor_pb2  # type: ignore[import]
from mycelium_protocol import TextMessage
from wide import Maps, Mixture, Optionals, Scalars

DEPTH_MAX = 100


class ClassTest(unittest.TestCase):
    def test_message_is_made_by_keywords_and_has_proto3s_defaults(self) -> None:
        message = TextMessage(sender="ada", timestamp=1)
        self.assertEqual(message.sender, "ada")
        self.assertEqual(message.content, "")
        self.assertEqual(Scalars().color, shapes.Color.COLOR_UNSPECIFIED)
        self.assertEqual(Scalars().some_bytes, b"")
        self.assertIsNone(Optionals().an_int32)
        self.assertIsNone(Mixture().single)
        self.assertEqual((Mixture().several, Mixture().by_number), ([], {}))
        self.assertIsNot(Mixture().several, Mixture().several)

    def test_message_is_an_ordinary_dataclass(self) -> None:
        message = TextMessage(sender="ada", content="hi", timestamp=1)
        self.assertEqual(message, TextMessage("ada", "hi", 1))
        self.assertNotEqual(message, TextMessage("ada", "hi", 2))
        self.assertEqual(
            repr(message), "TextMessage(sender='ada', content='hi', timestamp=1)"
        )
        self.assertEqual(dataclasses.replace(message, sender="ben").sender, "ben")
        self.assertEqual(pickle.loads(pickle.dumps(message)), message)
        self.assertEqual(copy.deepcopy(message), message)
        with self.assertRaises(TypeError):
            hash(message)

    def test_only_message_types_have_a_type_id(self) -> None:
        self.assertEqual(TextMessage.TYPE_ID, 1)
        self.assertEqual(TextMessage.FULL_NAME, "chat.TextMessage")
        self.assertEqual(len(TextMessage.FINGERPRINT), 32)
        for kind in (shapes.Tree, Mixture.Inner, google_protobuf_duration.Duration):
            self.assertFalse(hasattr(kind, "TYPE_ID"))
            self.assertFalse(hasattr(kind, "FINGERPRINT"))
        self.assertEqual(Mixture.Inner.FULL_NAME, "wide.Mixture.Inner")

    def test_comments_are_docstrings(self) -> None:
        self.assertEqual(TextMessage.__doc__, "Somebody says something.")

    def test_nested_types_are_attributes_of_their_messages(self) -> None:
        self.assertIs(Mixture.Inner, wide.Mixture_Inner)
        self.assertIs(Mixture.Inner.Mood, wide.Mixture_Inner_Mood)
        self.assertTrue(issubclass(Mixture.Inner.Mood, enum.IntEnum))

    def test_reserved_names_have_an_underscore(self) -> None:
        message = Mixture(
            class_="a",
            from_="b",
            None_=1,
            self_=2,
            to_bytes_=3,
            list_=4,
            TYPE_ID_=5,
            type=6,
            method="c",
        )
        self.assertEqual(Mixture.from_bytes(message.to_bytes()), message)

    def test_all_names_the_public_ones(self) -> None:
        self.assertEqual(
            mycelium_protocol.__all__,
            ["Answer", "Question", "SCHEMA_DESCRIPTOR_SET", "SCHEMA_DIGEST"]
            + ["TextMessage"],
        )

    def test_well_known_modules_have_no_schema(self) -> None:
        self.assertEqual(google_protobuf_timestamp.__all__, ["Timestamp"])
        self.assertFalse(hasattr(google_protobuf_timestamp, "SCHEMA_DIGEST"))


class OneofTest(unittest.TestCase):
    def test_which_names_the_field_that_is_set(self) -> None:
        self.assertIsNone(Mixture().which_choice())
        self.assertEqual(Mixture(number=0).which_choice(), "number")
        self.assertEqual(Mixture(right=0.0).which_other_choice(), "right")

    def test_more_than_one_is_an_error(self) -> None:
        message = Mixture(number=1, flag=False)
        fault = "wide.Mixture.choice: number, flag, allowed one of them"
        for call in (message.to_bytes, message.which_choice):
            with self.assertRaises(ValueError) as raised:
                call()
            self.assertEqual(str(raised.exception), fault)

    def test_last_one_counts(self) -> None:
        members: Dict[str, Any] = {
            "text": "a",
            "number": 1,
            "inner": Mixture.Inner(),
            "color": shapes.Color.COLOR_RED,
            "raw": b"a",
            "flag": False,
            "lasting": google_protobuf_duration.Duration(),
        }
        for first, value in members.items():
            data = Mixture(**{first: value}).to_bytes()
            for last, other in members.items():
                message = Mixture(**{last: other})
                decoded = Mixture.from_bytes(data + message.to_bytes())
                self.assertEqual(decoded, message)

    def test_same_message_again_is_merged(self) -> None:
        first = Mixture(inner=Mixture.Inner(mood=1))
        second = Mixture(inner=Mixture.Inner(outer=Mixture(t=1)))
        both = Mixture(inner=Mixture.Inner(mood=1, outer=Mixture(t=1)))
        data = first.to_bytes() + second.to_bytes()
        self.assertEqual(Mixture.from_bytes(data), both)


class DecodeTest(unittest.TestCase):
    def test_any_bytes_like_object_is_taken(self) -> None:
        message = TextMessage(sender="ada", content="hi", timestamp=-1)
        data = message.to_bytes()
        spread = bytes(b for byte in data for b in (byte, 0))
        for given in (bytearray(data), memoryview(data), memoryview(spread)[::2]):
            self.assertEqual(TextMessage.from_bytes(given), message)

    def test_what_is_no_bytes_is_a_type_error(self) -> None:
        given: Any
        for given in (5, "text", None, [1, 2]):
            with self.assertRaises(TypeError):
                TextMessage.from_bytes(given)

    def test_subclass_decodes_to_itself(self) -> None:
        loud: Any = type("Loud", (TextMessage,), {})
        self.assertIs(type(loud.from_bytes(b"")), loud)

    def test_known_enum_number_is_a_member_and_another_stays_a_number(self) -> None:
        color = Scalars.from_bytes(Scalars(color=-5).to_bytes()).color
        self.assertIs(color, shapes.Color.COLOR_NEGATIVE)
        color = Scalars.from_bytes(Scalars(color=77).to_bytes()).color
        self.assertEqual((type(color), color), (int, 77))

    def test_embedded_messages_merge_and_lists_go_on(self) -> None:
        first = Mixture(single=Mixture.Inner(mood=1), several=[Mixture.Inner()])
        second = Mixture(single=Mixture.Inner(outer=Mixture()), several=first.several)
        both = Mixture.from_bytes(first.to_bytes() + second.to_bytes())
        self.assertEqual(both.single, Mixture.Inner(mood=1, outer=Mixture()))
        self.assertEqual(len(both.several), 2)

    def test_last_entry_of_a_map_counts_whole(self) -> None:
        first = Maps(string_to_point={"a": shapes.Point(x=1.0), "b": shapes.Point()})
        second = Maps(string_to_point={"a": shapes.Point(y=1.0)})
        both = Maps.from_bytes(first.to_bytes() + second.to_bytes())
        self.assertEqual(
            both.string_to_point, {"a": shapes.Point(y=1.0), "b": shapes.Point()}
        )

    def test_unknown_fields_and_groups_are_passed_over(self) -> None:
        data = TextMessage(sender="ada").to_bytes()
        for unknown in (
            "a00601",  # field 100, varint
            "a106" + "00" * 8,
            "a20603" + "ff" * 3,
            "a506" + "00" * 4,
            "a306" + "0a0161" + "ab06ac06" + "a406",  # a group, and one within
        ):
            decoded = TextMessage.from_bytes(bytes.fromhex(unknown) + data)
            self.assertEqual(decoded, TextMessage(sender="ada"))

    def test_levels_of_messages_are_bounded(self) -> None:
        def nested(levels: int) -> bytes:
            data = b""
            for _ in range(levels):
                data = b"\x12" + length(data) + data
            return data

        shapes.Tree.from_bytes(nested(DEPTH_MAX))
        for levels in (DEPTH_MAX + 1, 20000):
            with self.assertRaises(ValueError) as raised:
                shapes.Tree.from_bytes(nested(levels))
            self.assertRegex(
                str(raised.exception),
                r"shapes\.Tree: more than 100 levels of messages \(offset \d+\)",
            )
        with self.assertRaises(ValueError):
            TextMessage.from_bytes(b"\xa3\x06" * 20000 + b"\xa4\x06" * 20000)

    def test_errors_say_where_and_what(self) -> None:
        for data, fault in (
            ("0a05616263", "chat.TextMessage.sender: cut off, the bytes end at 5 (offset 2)"),
            ("18", "chat.TextMessage.timestamp: cut off, the bytes end at 1 (offset 1)"),
            ("1880", "chat.TextMessage.timestamp: cut off, the bytes end at 2 (offset 2)"),
            ("18" + "ff" * 10, "chat.TextMessage.timestamp: a varint of more than 10 bytes (offset 2)"),
            ("12" + "ff" * 5, "chat.TextMessage.content: a length of 2 GiB or more (offset 2)"),
            ("12ffffffff0f", "chat.TextMessage.content: a length of 2 GiB or more (offset 2)"),
            ("0a02c328", "chat.TextMessage.sender: not UTF-8 (offset 2)"),
            ("0a0461edb080", "chat.TextMessage.sender: not UTF-8 (offset 3)"),
            ("0000", "chat.TextMessage: field number 0 (offset 2)"),
            ("67", "chat.TextMessage: wire type 7, allowed 0 to 5 (offset 1)"),
            ("0c", "chat.TextMessage.sender: the end of a group that has not begun (offset 1)"),
            ("a306", "chat.TextMessage: cut off, the bytes end at 2 (offset 2)"),
            ("ff" * 6, "chat.TextMessage: a tag of more than 5 bytes (offset 1)"),
        ):  # fmt: skip
            with self.assertRaises(ValueError) as raised:
                TextMessage.from_bytes(bytes.fromhex(data))
            self.assertEqual(str(raised.exception), fault)

    def test_error_in_an_embedded_message_names_its_own_field(self) -> None:
        data = Mixture(single=Mixture.Inner(mood=1)).to_bytes()
        with self.assertRaises(ValueError) as raised:
            Mixture.from_bytes(data[:-1] + b"\x80")
        self.assertEqual(
            str(raised.exception),
            "wide.Mixture.Inner.mood: cut off, the bytes end at 5 (offset 5)",
        )


class EncodeTest(unittest.TestCase):
    def assert_refused(self, kind: Type[Exception], message: Any, fault: str) -> None:
        with self.assertRaises(kind) as raised:
            message.to_bytes()
        self.assertEqual(str(raised.exception), fault)

    def test_number_out_of_range_is_a_value_error(self) -> None:
        limits = {
            "an_int32": (-(1 << 31), (1 << 31) - 1),
            "an_int64": (-(1 << 63), (1 << 63) - 1),
            "a_uint32": (0, (1 << 32) - 1),
            "a_uint64": (0, (1 << 64) - 1),
            "a_sint32": (-(1 << 31), (1 << 31) - 1),
            "a_sint64": (-(1 << 63), (1 << 63) - 1),
            "a_fixed32": (0, (1 << 32) - 1),
            "a_fixed64": (0, (1 << 64) - 1),
            "a_sfixed32": (-(1 << 31), (1 << 31) - 1),
            "a_sfixed64": (-(1 << 63), (1 << 63) - 1),
            "color": (-(1 << 31), (1 << 31) - 1),
        }
        for kind in (Scalars, Optionals):
            for field, (low, high) in limits.items():
                for value in (low, high):
                    message = kind(**{field: value})
                    self.assertEqual(kind.from_bytes(message.to_bytes()), message)
                for value in (low - 1, high + 1):
                    self.assert_refused(
                        ValueError,
                        kind(**{field: value}),
                        f"wide.{kind.__name__}.{field}: {value}, allowed {low} to {high}",
                    )

    def test_value_of_another_type_is_a_type_error(self) -> None:
        wrong: Dict[str, Tuple[Any, str, str]] = {
            "a_double": ("x", "str", "int or float"),
            "an_int32": (1.5, "float", "int"),
            "a_sint64": ("1", "str", "int"),
            "a_fixed32": (1.5, "float", "int"),
            "a_bool": (2, "int", "bool"),
            "a_string": (b"x", "bytes", "str"),
            "some_bytes": (bytearray(b"x"), "bytearray", "bytes"),
            "color": ("RED", "str", "int"),
        }
        for kind in (Scalars, Optionals):
            for field, (value, seen, allowed) in wrong.items():
                self.assert_refused(
                    TypeError,
                    kind(**{field: value}),
                    f"wide.{kind.__name__}.{field}: {seen}, allowed {allowed}",
                )
        for field, (_, _, allowed) in wrong.items():
            self.assert_refused(
                TypeError,
                Scalars(**{field: None}),
                f"wide.Scalars.{field}: NoneType, allowed {allowed}",
            )

    def test_other_faults_name_the_field_too(self) -> None:
        none: Any = None
        text: Any = "abc"
        point: Any = shapes.Point()
        self.assert_refused(
            ValueError,
            Scalars(a_float=1e39),
            "wide.Scalars.a_float: 1e+39, allowed -3.4028235e+38 to 3.4028235e+38",
        )
        self.assert_refused(
            ValueError,
            Scalars(an_int32=1 << 20000),
            "wide.Scalars.an_int32: an int of 20001 bits, allowed -2147483648 to 2147483647",
        )
        self.assert_refused(
            ValueError,
            TextMessage(content="\ud800"),
            "chat.TextMessage.content: a surrogate, allowed UTF-8",
        )
        self.assert_refused(
            TypeError,
            wide.Lists(strings=text),
            "wide.Lists.strings: str, allowed list",
        )
        self.assert_refused(
            TypeError,
            wide.Lists(points=none),
            "wide.Lists.points: NoneType, allowed list",
        )
        self.assert_refused(
            ValueError,
            wide.Lists(int32s=[1, 1 << 31]),
            "wide.Lists.int32s: 2147483648, allowed -2147483648 to 2147483647",
        )
        self.assert_refused(
            ValueError,
            Maps(uint32_to_bool={-1: True}),
            "wide.Maps.uint32_to_bool: -1, allowed 0 to 4294967295",
        )
        self.assert_refused(
            TypeError,
            Maps(string_to_point={"a": none}),
            "wide.Maps.string_to_point: NoneType, allowed shapes.Point",
        )
        self.assert_refused(
            TypeError,
            Mixture(single=point),
            "wide.Mixture.single: Point, allowed wide.Mixture.Inner",
        )
        self.assert_refused(
            ValueError,
            Mixture(several=[Mixture.Inner(outer=Mixture(t=1 << 40))]),
            "wide.Mixture.t: 1099511627776, allowed -2147483648 to 2147483647",
        )

    def test_zero_with_a_sign_is_written(self) -> None:
        self.assertEqual(Scalars(a_double=0.0, a_float=0.0).to_bytes(), b"")
        for field in ("a_double", "a_float"):
            data = Scalars(**{field: -0.0}).to_bytes()
            self.assertEqual(str(getattr(Scalars.from_bytes(data), field)), "-0.0")

    def test_levels_of_messages_are_bounded(self) -> None:
        tree = shapes.Tree(label="leaf")
        for _ in range(DEPTH_MAX):
            tree = shapes.Tree(children=[tree])
        self.assertEqual(shapes.Tree.from_bytes(tree.to_bytes()), tree)
        fault = "shapes.Tree.children: more than 100 levels of messages"
        self.assert_refused(ValueError, shapes.Tree(children=[tree]), fault)
        tree.children.append(tree)
        self.assert_refused(ValueError, tree, fault)

    def test_entry_of_a_map_is_a_level(self) -> None:
        maps = Maps()
        for _ in range(DEPTH_MAX // 2):
            maps = Maps(string_to_maps={"": maps})
        self.assertEqual(Maps.from_bytes(maps.to_bytes()), maps)
        inner = maps
        while inner.string_to_maps:
            inner = inner.string_to_maps[""]
        inner.int32_to_double[1] = 1.0
        self.assert_refused(
            ValueError,
            maps,
            "wide.Maps.int32_to_double: more than 100 levels of messages",
        )


class SchemaTest(unittest.TestCase):
    """SCHEMA_DIGEST, FINGERPRINT and SCHEMA_DESCRIPTOR_SET, by proto/SCHEMA.md,
    written down a second time."""

    def test_digest_and_fingerprints_are_those_of_the_canonical_form(self) -> None:
        for module in (mycelium_protocol, wide):
            schema = CanonicalSchema(module.SCHEMA_DESCRIPTOR_SET)
            self.assertEqual(schema.digest(), module.SCHEMA_DIGEST)
            kinds = [
                kind
                for source in (module, shapes)
                for kind in vars(source).values()
                if getattr(kind, "TYPE_ID", 0) in schema.types
            ]
            self.assertEqual(len(kinds), len(schema.types))
            for kind in kinds:
                self.assertEqual(schema.fingerprint(kind.TYPE_ID), kind.FINGERPRINT)

    def test_files_of_one_call_have_one_schema(self) -> None:
        self.assertEqual(wide.SCHEMA_DIGEST, shapes.SCHEMA_DIGEST)
        self.assertEqual(wide.SCHEMA_DESCRIPTOR_SET, shapes.SCHEMA_DESCRIPTOR_SET)


def length(data: bytes) -> bytes:
    size, out = len(data), bytearray()
    while size > 127:
        out.append(size & 127 | 128)
        size >>= 7
    return bytes(out) + bytes((size,))


class CanonicalSchema:
    TYPE_ID_OPTION = 51742

    def __init__(self, descriptor_set: bytes) -> None:
        self.blocks: Dict[str, str] = {}
        self.references: Dict[str, Set[str]] = {}
        self.types: Dict[int, str] = {}
        files = descriptor_pb2.FileDescriptorSet.FromString(descriptor_set)
        for file in files.file:
            scope = file.package + "." if file.package else ""
            self._add(file.message_type, file.enum_type, scope)

    def _add(self, messages: Any, enums: Any, scope: str) -> None:
        for enum_type in enums:
            values = sorted((v.number, v.name) for v in enum_type.value)
            name = scope + enum_type.name
            lines = [f"{number} {value}\n" for number, value in values]
            self.blocks[name] = f"enum {name}\n" + "".join(lines)
            self.references[name] = set()
        for message in messages:
            name = scope + message.name
            kind = "map" if message.options.map_entry else "message"
            fields = sorted(message.field, key=lambda field: int(field.number))
            lines = [field_line(message, field) for field in fields]
            self.blocks[name] = f"{kind} {name}\n" + "".join(lines)
            self.references[name] = {f.type_name[1:] for f in fields if f.type_name}
            for option in message.options.UnknownFields():
                if option.field_number == self.TYPE_ID_OPTION:
                    self.types[option.data] = name
            self._add(message.nested_type, message.enum_type, name + ".")

    def fingerprint(self, type_id: int) -> bytes:
        name = self.types[type_id]
        found: Set[str] = set()
        open_names = [name]
        while open_names:
            open_name = open_names.pop()
            if open_name not in found:
                found.add(open_name)
                open_names.extend(self.references[open_name])
        text = f"mycelium message type 1\n{type_id} {name}\n"
        text += "".join(self.blocks[n] for n in sorted(found))
        return hashlib.sha256(text.encode()).digest()

    def digest(self) -> bytes:
        text = "mycelium schema 1\n"
        for type_id, name in sorted(self.types.items()):
            text += f"{type_id} {name} {self.fingerprint(type_id).hex()}\n"
        return hashlib.sha256(text.encode()).digest()


def field_line(message: Any, field: Any) -> str:
    kind = descriptor_pb2.FieldDescriptorProto.Type.Name(field.type)
    oneof: Optional[str] = None
    if field.HasField("oneof_index") and not field.proto3_optional:
        oneof = message.oneof_decl[field.oneof_index].name
    cardinality = "implicit"
    if field.label == field.LABEL_REPEATED:
        cardinality = "repeated"
    elif field.proto3_optional or oneof or field.type == field.TYPE_MESSAGE:
        cardinality = "optional"
    words: List[str] = [str(field.number), field.name, cardinality]
    words.append(kind[len("TYPE_") :].lower())
    if field.type_name:
        words.append(field.type_name[1:])
    if oneof:
        words += ["oneof", oneof]
    return " ".join(words) + "\n"


if __name__ == "__main__":
    unittest.main()
