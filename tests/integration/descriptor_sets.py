"""Descriptor sets for tests, and what proto/SCHEMA.md makes of them.

On purpose it shares no code with the broker: it is a second reading of the
canonical form, for the part of proto3 that these tests use.
"""

import hashlib
from typing import Any, Dict, List, NamedTuple, Sequence, Set

from google.protobuf import descriptor_pb2  # type: ignore[import]

FieldType = descriptor_pb2.FieldDescriptorProto
INT32, INT64, STRING = (
    FieldType.TYPE_INT32,
    FieldType.TYPE_INT64,
    FieldType.TYPE_STRING,
)
TYPE_NAMES = {
    number: name[len("TYPE_") :].lower() for name, number in FieldType.Type.items()
}


class Field(NamedTuple):
    number: int
    name: str
    type: int = STRING
    type_name: str = ""  # of a message: ".package.Name"
    repeated: bool = False


def type_id_option(type_id: int) -> Any:
    """MessageOptions with (mycelium.type_id), which is field 51742."""
    tag = 51742 << 3
    data = b""
    for number in (tag, type_id):
        while number > 0x7F:
            data += bytes([number & 0x7F | 0x80])
            number >>= 7
        data += bytes([number])
    return descriptor_pb2.MessageOptions.FromString(data)


def message(name: str, type_id: int = 0, fields: Sequence[Field] = ()) -> Any:
    """A DescriptorProto; type_id 0: not a message type."""
    described = descriptor_pb2.DescriptorProto(name=name)
    if type_id:
        described.options.CopyFrom(type_id_option(type_id))
    for field in fields:
        described.field.add(
            number=field.number,
            name=field.name,
            type=field.type,
            type_name=field.type_name or None,
            label=(
                FieldType.LABEL_REPEATED if field.repeated else FieldType.LABEL_OPTIONAL
            ),
        )
    return described


def descriptor_set(package: str, *messages: Any) -> bytes:
    """A FileDescriptorSet of one proto3 file."""
    files = descriptor_pb2.FileDescriptorSet()
    file = files.file.add(name=package + ".proto", package=package, syntax="proto3")
    file.message_type.extend(messages)
    return bytes(files.SerializeToString(deterministic=True))


def _type_id(described: Any) -> int:
    """Of a DescriptorProto, 0 if it has none."""
    data, shift, number = described.options.SerializeToString()[3:], 0, 0
    for byte in data:
        number |= (byte & 0x7F) << shift
        shift += 7
    return number


def _block(name: str, described: Any) -> str:
    lines = ["message " + name]
    for field in sorted(described.field, key=lambda f: int(f.number)):
        if field.label == FieldType.LABEL_REPEATED:
            cardinality = "repeated"
        elif field.type == FieldType.TYPE_MESSAGE:
            cardinality = "optional"
        else:
            cardinality = "implicit"
        line = "%d %s %s %s" % (
            field.number,
            field.name,
            cardinality,
            TYPE_NAMES[field.type],
        )
        lines.append((line + " " + field.type_name[1:]).rstrip())
    return "\n".join(lines) + "\n"


def _closure(name: str, messages: Dict[str, Any]) -> List[str]:
    found: Set[str] = set()
    left = [name]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += [f.type_name[1:] for f in messages[name].field if f.type_name]
    return sorted(found)


def schema_digest(files: bytes) -> bytes:
    """The digest of a descriptor set without nested messages, enums, oneofs."""
    messages = {
        file.package + "." + described.name: described
        for file in descriptor_pb2.FileDescriptorSet.FromString(files).file
        for described in file.message_type
    }
    lines = []
    for name, described in messages.items():
        type_id = _type_id(described)
        if type_id:
            text = "mycelium message type 1\n%d %s\n" % (type_id, name)
            for other in _closure(name, messages):
                text += _block(other, messages[other])
            fingerprint = hashlib.sha256(text.encode()).hexdigest()
            lines.append((type_id, "%d %s %s\n" % (type_id, name, fingerprint)))
    text = "mycelium schema 1\n" + "".join(line for _, line in sorted(lines))
    return hashlib.sha256(text.encode()).digest()


def digest_text(digest: bytes) -> str:
    return "m1:" + digest.hex()
