"""The vectors against a reading of proto/WIRE.md that shares no code with
Mycelium: only the bodies of control frames are left to Protobuf."""

import functools
import struct
import unittest
from typing import Any, Callable, Dict, List, Optional, Tuple

from google.protobuf.message import DecodeError  # type: ignore[import]
import proto.mycelium.admin_pb2 as admin_pb2
import proto.mycelium.control_pb2 as control_pb2
from tests.vectors.vector_file import Vector, decode_hex, read_vectors

FOLDER = "tests/vectors/"
HEADER = struct.Struct("<IHBBQ")
DATA = ["", "PUBLISH", "REQUEST", "REPLY", "ERROR_REPLY"]
REDELIVERED_PUBLISH = 0x41
CONTROL = (
    " HELLO WELCOME SUBSCRIBE SUBSCRIBED UNSUBSCRIBE UNSUBSCRIBED GAP ACK"
    " HOLD RELEASE FLUSH FLUSHED PING PONG SCHEMA CLOSE ADMIN CANCEL ADDRESSEE"
).split(" ")
NO_BODY = ("FLUSH", "FLUSHED", "PING", "PONG", "CANCEL")
ALLOWED: Dict[Tuple[str, str], Dict[str, str]] = {
    ("broker", "greeting"): {"HELLO": "open"},
    ("client", "greeting"): {
        "WELCOME": "open",
        "SCHEMA": "schema_asked",
        "CLOSE": "closed",
    },
    ("broker", "schema_asked"): {"SCHEMA": "open", "CLOSE": "closed"},
    ("client", "schema_asked"): {"WELCOME": "open", "CLOSE": "closed"},
    ("broker", "open"): dict.fromkeys(
        DATA[1:] + "SUBSCRIBE UNSUBSCRIBE ACK FLUSH PING PONG ADMIN CANCEL".split(),
        "open",
    ),
    ("client", "open"): dict.fromkeys(
        DATA[1:]
        + "SUBSCRIBED UNSUBSCRIBED GAP ACK HOLD RELEASE FLUSHED".split()
        + "PING PONG ADMIN CANCEL ADDRESSEE".split(),
        "open",
    ),
    ("broker", "closed"): {},
    ("client", "closed"): {},
}
ALLOWED["broker", "open"]["CLOSE"] = "closed"
ALLOWED["client", "open"]["CLOSE"] = "closed"


def tokens_fault(text: bytes, wildcards: bool) -> Optional[str]:
    """What is wrong with the bytes of a topic or filter, or None."""
    if not 1 <= len(text) <= 255:
        return "%d bytes, allowed 1 to 255 bytes" % len(text)
    try:
        tokens = text.decode().split(".")
    except UnicodeDecodeError:
        return "not UTF-8"
    if b"\0" in text:
        return "a NUL byte"
    for index, token in enumerate(tokens):
        if not token:
            return "an empty token between dots"
        if token in ("*", ">") and not wildcards:
            return "a wildcard"
        if token == ">" and index + 1 < len(tokens):
            return '">" before the last token'
    return None


def filter_takes(topic_filter: bytes, topic: bytes) -> bool:
    if not topic_filter:
        return True
    if not topic:
        return False
    want, have = topic_filter.split(b"."), topic.split(b".")
    if want[-1] == b">":
        want.pop()
        if len(have) <= len(want):
            return False
        have = have[: len(want)]
    return len(want) == len(have) and all(w in (b"*", h) for w, h in zip(want, have))


def header_fault(data: bytes, limit: int) -> Optional[Tuple[str, str]]:
    body_bytes, type_id, kind, topic_bytes, _ = HEADER.unpack_from(data)
    names = CONTROL if type_id == 0 else DATA
    if body_bytes > limit:
        return "too_large", "body_bytes %d, frame_bytes_max %d" % (
            body_bytes,
            limit,
        )
    redelivered = type_id != 0 and kind == REDELIVERED_PUBLISH
    if not 1 <= kind < len(names) and not redelivered:
        return "unknown_kind", "kind %d of type %d, allowed 1 to %d" % (
            kind,
            type_id,
            len(names) - 1,
        )
    if type_id == 0 and topic_bytes > 0:
        return "control_topic", (
            "topic_bytes %d in a control frame, allowed 0" % topic_bytes
        )
    if topic_bytes > body_bytes:
        return "topic_too_long", "topic_bytes %d, body_bytes %d" % (
            topic_bytes,
            body_bytes,
        )
    return None


def forbidden(role: str, state: str, name: str) -> str:
    if state == "closed":
        return "protocol: %s after CLOSE" % name
    if state == "schema_asked":
        allowed = {
            "broker": "SCHEMA or CLOSE before WELCOME",
            "client": "WELCOME or CLOSE after SCHEMA",
        }
        return "protocol: %s, allowed %s" % (name, allowed[role])
    if state == "open":
        way = ("client", "broker") if role == "broker" else ("broker", "client")
        return "protocol: %s, not from a %s to a %s" % ((name,) + way)
    if role == "broker":
        return "protocol: %s, allowed HELLO as the first frame" % name
    return "protocol: %s, allowed WELCOME, SCHEMA or CLOSE before WELCOME" % name


def body_class(role: str, name: str) -> Any:
    if name == "ADMIN":
        return admin_pb2.AdminRequest if role == "broker" else admin_pb2.AdminReply
    return getattr(control_pb2, name.capitalize())


class Frame:
    """The first frame of `data`, or what is wrong with it."""

    def __init__(self, role: str, state: str, limit: int, data: bytes) -> None:
        self.outcome, self.error = "need_more", ""
        self.body: Any = None
        if len(data) < HEADER.size:
            return
        (
            body_bytes,
            self.type_id,
            self.kind,
            topic_bytes,
            self.id,
        ) = HEADER.unpack_from(data)
        names = CONTROL if self.type_id == 0 else DATA
        self.name = names[self.kind] if self.kind < len(names) else ""
        redelivered = self.type_id != 0 and self.kind == REDELIVERED_PUBLISH
        self.name = "PUBLISH" if redelivered else self.name or "unknown"
        fault = header_fault(data, limit)
        if role == "broker" and state == "greeting":
            hello = (self.type_id, self.kind) == (0, 1)
            if fault and not hello or hello and data[8:16] != b"MYCELIUM":
                self.outcome = "not_hello"
                self.error = "protocol: the first bytes are not a HELLO frame"
                if data[:2] == b"\x16\x03":
                    self.error = (
                        "protocol: the first bytes are TLS, allowed a HELLO frame "
                        "in plain"
                    )
                return
        if fault:
            self.outcome, self.error = fault[0], "frame: " + fault[1]
            return
        self.size = HEADER.size + body_bytes
        if len(data) < self.size:
            return
        self.topic = data[HEADER.size : HEADER.size + topic_bytes]
        self.payload = data[HEADER.size + topic_bytes : self.size]
        if self.topic and tokens_fault(self.topic, wildcards=False):
            self.outcome = "topic_invalid"
            self.error = (
                "frame: topic of %d bytes, allowed UTF-8 without NUL, empty "
                "tokens and wildcards" % topic_bytes
            )
            return
        if self.name not in ALLOWED[role, state] or redelivered and role == "broker":
            self.outcome = "forbidden"
            self.error = forbidden(role, state, self.name)
            return
        self.outcome, self.next = "frame", ALLOWED[role, state][self.name]
        if self.type_id == 0 and self.name not in NO_BODY:
            self.parse_body(role)

    def parse_body(self, role: str) -> None:
        message = body_class(role, self.name)
        try:
            self.body = message.FromString(self.payload)
        except DecodeError:
            self.outcome = "bad_body"
            self.error = "%s: body of %d bytes is not a %s message" % (
                self.name,
                len(self.payload),
                message.DESCRIPTOR.name,
            )

    def __str__(self) -> str:
        return "type_id=%d kind=%d id=%d topic=%s payload_hex=%s" % (
            self.type_id,
            self.kind,
            self.id,
            self.topic.decode(),
            self.payload.hex(),
        )


def value_text(field: Any, value: Any) -> str:
    if field.enum_type:
        known = field.enum_type.values_by_number.get(value)
        return str(known.name if known else value)
    if field.type == field.TYPE_BYTES:
        return bytes(value).hex()
    if field.type == field.TYPE_BOOL:
        return "true" if value else "false"
    return str(value)


def flatten(message: Any, prefix: str = "") -> List[str]:
    """The lines of `body:`."""
    lines: List[str] = []
    for field, value in message.ListFields():
        path = prefix + field.name
        values = [(path, value)]
        if field.label == field.LABEL_REPEATED:
            values = [("%s[%d]" % (path, i), v) for i, v in enumerate(value)]
        for path, one in values:
            if field.message_type:
                lines += flatten(one, path + ".") or [path + "={}"]
            else:
                lines.append(path + "=" + value_text(field, one))
    return lines


class VectorsTest(unittest.TestCase):
    maxDiff = None

    def for_each(
        self, name: str, at_least: int, check: Callable[[Vector], None]
    ) -> None:
        vectors = read_vectors(FOLDER + name)
        self.assertGreaterEqual(len(vectors), at_least)
        for vector in vectors:
            with self.subTest(vector.where, name=vector.get("name")):
                check(vector)

    def check_frame(self, vector: Vector) -> None:
        role, state = vector["role"], vector["state"]
        limit = int(vector.get("frame_bytes_max", 1 << 20))
        data = decode_hex(vector["hex"])
        frame = Frame(role, state, limit, data)
        self.assertEqual(frame.outcome, vector["outcome"])
        self.assertEqual(frame.error, vector.get("error", ""))
        if "kind" in vector:
            self.assertEqual(frame.type_id, int(vector["type_id"]))
            self.assertEqual(frame.kind, int(vector["kind"]))
            self.assertEqual(frame.name, vector["kind_name"])
            self.assertEqual(frame.id, int(vector["id"]))
        if "payload_hex" in vector:
            self.assertEqual(frame.topic, vector.data("topic"))
            self.assertEqual(frame.payload, vector.data("payload"))
        if frame.outcome == "frame":
            self.assertEqual(frame.next, vector["next"])
            self.assertEqual(frame.size, len(data))
        if "message" in vector:
            self.assertEqual(frame.body.DESCRIPTOR.name, vector["message"])
            self.assertEqual(flatten(frame.body), vector.list("body"))
            frame.body.DiscardUnknownFields()
            self.assertEqual(
                frame.body.SerializeToString() == frame.payload,
                vector.get("canonical") != "no",
            )
        if "code" in vector:
            self.assertIn(vector["code"], control_pb2.Code.keys())
        self.check_prefixes(vector, role, state, limit, data)

    def check_prefixes(
        self, vector: Vector, role: str, state: str, limit: int, data: bytes
    ) -> None:
        by_header = (
            vector["outcome"]
            in ("not_hello too_large unknown_kind control_topic topic_too_long").split()
        )
        known_at = HEADER.size if by_header else len(data)
        for size in range(len(data)):
            part = Frame(role, state, limit, data[:size])
            expected = "need_more" if size < known_at else vector["outcome"]
            self.assertEqual(part.outcome, expected, "%d bytes" % size)

    def test_frames_are_split_and_judged(self) -> None:
        self.for_each("frames.txt", 60, self.check_frame)

    def test_first_frames_are_judged(self) -> None:
        self.for_each("handshake.txt", 30, self.check_frame)

    def test_control_frames_are_decoded(self) -> None:
        self.for_each("control.txt", 80, self.check_frame)

    def check_refusal(self, vector: Vector) -> None:
        """Nothing is wrong with the form of these."""
        data, state = decode_hex(vector["hex"]), vector["state"]
        while data:
            frame = Frame(vector["role"], state, 1 << 20, data)
            self.assertEqual(frame.outcome, "frame")
            data, state = data[frame.size :], frame.next

    def test_refused_frames_are_in_order(self) -> None:
        self.for_each("refusals.txt", 45, self.check_refusal)

    def check_row(self, vector: Vector) -> None:
        role, state = vector["role"], vector["state"]
        rows = ALLOWED[role, state].items()
        self.assertEqual(
            {"%s -> %s" % row for row in rows}, set(vector.list("allowed"))
        )
        for name in set(DATA[1:] + CONTROL[1:]) - set(dict(rows)):
            self.assertEqual(
                forbidden(role, state, name),
                vector["error"].replace("KIND", name),
            )

    def test_every_kind_has_its_row_in_every_state(self) -> None:
        self.for_each("transitions.txt", 8, self.check_row)

    def check_topic(self, vector: Vector) -> None:
        topic, topic_filter = vector.data("topic"), vector.data("filter")
        if "match" in vector:
            takes = filter_takes(topic_filter, topic)
            self.assertEqual(takes, vector["match"] == "yes")
        elif "topic" in vector or "topic_hex" in vector:
            fault = tokens_fault(topic, wildcards=False)
            self.assertEqual(fault is None, vector["valid"] == "yes")
        else:
            fault = tokens_fault(topic_filter, wildcards=True)
            self.assertEqual(fault is None, vector["valid"] == "yes")
            error = "topic filter: " + fault if fault else ""
            self.assertEqual(error, vector.get("error", ""))

    def test_topics_and_filters_are_judged(self) -> None:
        self.for_each("topics.txt", 80, self.check_topic)

    def test_streams_fall_into_the_same_frames_however_they_are_cut(self) -> None:
        for piece_bytes in (1, 7, 16, 1 << 20):
            self.for_each(
                "streams.txt",
                18,
                functools.partial(self.check_stream, piece_bytes),
            )

    def check_stream(self, piece_bytes: int, vector: Vector) -> None:
        data, rest = decode_hex(vector["hex"]), b""
        frames: List[str] = []
        limit = int(vector.get("frame_bytes_max", 1 << 20))
        role, state = vector["role"], vector["state"]
        last: Optional[Frame] = None
        for start in range(0, len(data), piece_bytes):
            rest += data[start : start + piece_bytes]
            while not last or last.outcome in ("frame", "need_more"):
                last = Frame(role, state, limit, rest)
                if last.outcome != "frame":
                    break
                frames.append(str(last))
                rest, state = rest[last.size :], last.next
        self.assertEqual(frames, vector.list("frames"))
        outcome = last.outcome if last else "need_more"
        self.assertEqual(outcome, vector["outcome"])
        self.assertEqual(last.error if last else "", vector.get("error", ""))
        self.assertEqual(len(rest), int(vector["rest_bytes"]))
        if "next" in vector:
            self.assertEqual(state, vector["next"])


if __name__ == "__main__":
    unittest.main()
