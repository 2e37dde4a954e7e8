"""Frames (proto/WIRE.md, section 1): bytes out of them, and them out of bytes.

Frames that stand side by side and have type, kind, topic and length in common
are read as one Run, so that most of the work on each of them is done by slices
and struct, not by bytecode.
"""

from __future__ import annotations

import functools
import struct
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple, Union

from . import topics
from .errors import ProtocolError

HEADER = struct.Struct("<IHBBQ")  # body_bytes, type_id, kind, topic_bytes, id
HEADER_BYTES = HEADER.size
FRAME_BYTES_MAX_CEILING = 64 << 20
# What a client takes before WELCOME.
GREETING_BYTES_MAX = 64 << 10

# Kinds of data frames.
PUBLISH = 1
REQUEST = 2
REPLY = 3
ERROR_REPLY = 4
REDELIVERED_PUBLISH = 0x41

DATA_NAMES = ("unknown", "PUBLISH", "REQUEST", "REPLY", "ERROR_REPLY")

CODE_PROTOCOL = 2
CODE_FRAME_TOO_LARGE = 4

_CONTROL_KIND_MAX = 19
_DATA_KIND_MAX = 4
# Frames that are looked at together first; then so many times as many.
_WINDOW = 8
# Topics whose bytes were found valid; beyond it all are forgotten.
_TOPICS_KNOWN_MAX = 4096


class Run(NamedTuple):
    """Data frames of one type, kind, topic and length, in their order."""

    type_id: int
    kind: int
    topic: str
    rows: List[Tuple[int, bytes]]  # the header's id, and the payload
    frame_bytes: int  # of each of them, with its header

    @property
    def bytes(self) -> int:
        return self.frame_bytes * len(self.rows)


class ControlFrame(NamedTuple):
    kind: int
    id: int
    body: bytes


Frame = Union[Run, ControlFrame]


def encode_frame(
    type_id: int, kind: int, frame_id: int, payload: bytes = b"", topic: bytes = b""
) -> bytes:
    size = len(topic) + len(payload)
    return b"".join(
        (HEADER.pack(size, type_id, kind, len(topic), frame_id), topic, payload)
    )


def header_fault(
    body_bytes: int, type_id: int, kind: int, topic_bytes: int, frame_bytes_max: int
) -> Optional[ProtocolError]:
    """What is wrong with a header, before the body is there."""
    if body_bytes > frame_bytes_max:
        return ProtocolError(
            f"frame: body_bytes {body_bytes}, frame_bytes_max {frame_bytes_max}",
            CODE_FRAME_TOO_LARGE,
        )
    kind_max = _DATA_KIND_MAX if type_id else _CONTROL_KIND_MAX
    if not 1 <= kind <= kind_max and not (type_id and kind == REDELIVERED_PUBLISH):
        words = f"kind {kind} of type {type_id}, allowed 1 to {kind_max}"
    elif not type_id and topic_bytes:
        words = f"topic_bytes {topic_bytes} in a control frame, allowed 0"
    elif topic_bytes > body_bytes:
        words = f"topic_bytes {topic_bytes}, body_bytes {body_bytes}"
    else:
        return None
    return ProtocolError("frame: " + words, CODE_PROTOCOL)


@functools.lru_cache(maxsize=1024)
def _row(topic_bytes: int, payload_bytes: int) -> struct.Struct:
    return struct.Struct(f"<8xQ{topic_bytes}x{payload_bytes}s")


class FrameReader:
    """Splits a byte stream into frames.  No I/O.

    Not thread-safe.  After a ProtocolError nothing more is to be read.
    """

    def __init__(self, frame_bytes_max: int = GREETING_BYTES_MAX) -> None:
        self.frame_bytes_max = frame_bytes_max
        self._data = b""
        self._at = 0  # what of _data is read
        self._more: List[bytes] = []  # behind _data
        self._missing = 0  # bytes, before anything more can be read
        self._topics: Dict[bytes, str] = {b"": ""}

    def feed(self, data: bytes) -> None:
        self._more.append(data)
        self._missing -= len(data)

    @property
    def rest_bytes(self) -> int:
        """What was fed and is not yet part of a frame that was read."""
        return len(self._data) - self._at + sum(map(len, self._more))

    def next(self) -> Optional[Frame]:
        """The next frames, None if no whole one is there; ProtocolError."""
        if self._more:
            if self._missing > 0:
                return None
            self._data = b"".join((self._data[self._at :], *self._more))
            self._more.clear()
            self._at = 0
        data, at = self._data, self._at
        left = len(data) - at
        if left < HEADER_BYTES:
            self._missing = HEADER_BYTES - left
            return None
        fields: Tuple[int, ...] = HEADER.unpack_from(data, at)
        body_bytes, type_id, kind, topic_bytes, frame_id = fields
        if (
            not (type_id and 1 <= kind <= _DATA_KIND_MAX)
            or body_bytes > self.frame_bytes_max
            or topic_bytes > body_bytes
        ):
            fault = header_fault(
                body_bytes, type_id, kind, topic_bytes, self.frame_bytes_max
            )
            if fault is not None:
                raise fault
        frame_bytes = HEADER_BYTES + body_bytes
        if left < frame_bytes:
            self._missing = frame_bytes - left
            return None
        if not type_id:
            self._at = at + frame_bytes
            return ControlFrame(kind, frame_id, data[at + HEADER_BYTES : self._at])
        topic = self._topic(data[at + HEADER_BYTES : at + HEADER_BYTES + topic_bytes])
        count = 1
        if left >= 2 * frame_bytes:
            count = self._alike(at, topic_bytes, frame_bytes, left // frame_bytes)
        self._at = at + count * frame_bytes
        if count == 1:
            payload = data[at + HEADER_BYTES + topic_bytes : self._at]
            return Run(type_id, kind, topic, [(frame_id, payload)], frame_bytes)
        rows: Iterator[Any] = _row(topic_bytes, body_bytes - topic_bytes).iter_unpack(
            memoryview(data)[at : self._at]
        )
        return Run(type_id, kind, topic, list(rows), frame_bytes)

    def _topic(self, text: bytes) -> str:
        topic = self._topics.get(text)
        if topic is None:
            if topics.topic_fault(text) is not None:
                raise ProtocolError(
                    f"frame: topic of {len(text)} bytes, allowed UTF-8 without NUL, "
                    "empty tokens and wildcards",
                    CODE_PROTOCOL,
                )
            if len(self._topics) >= _TOPICS_KNOWN_MAX:
                self._topics = {b"": ""}
            topic = self._topics[text] = text.decode()
        return topic

    def _alike(self, at: int, topic_bytes: int, frame_bytes: int, count: int) -> int:
        """How many frames from `at` on, of `count` at most, have the first one's
        length, type, kind and topic.  A column of bytes, one of each frame, says
        how far one of them is the same; looked at in windows that grow, so that
        it costs no more than what is found."""
        data = self._data
        begin = at + HEADER_BYTES
        second = at + frame_bytes
        if data[at : at + 8] != data[second : second + 8]:
            return 1
        topic_end = second + HEADER_BYTES + topic_bytes
        if data[begin : begin + topic_bytes] != data[second + HEADER_BYTES : topic_end]:
            return 1
        places = (*range(at, at + 8), *range(begin, begin + topic_bytes))
        known, window = 2, _WINDOW
        while known < count:
            rows = min(count - known, window)
            for place in places:
                column_at = place + known * frame_bytes
                column = data[column_at : column_at + rows * frame_bytes : frame_bytes]
                rows -= len(column.lstrip(data[place : place + 1]))
                if not rows:
                    return known
            if rows < min(count - known, window):
                return known + rows
            known += rows
            window *= _WINDOW
        return count
