"""What a client has published and no broker is known to have accepted, and what
else is still to be written, in the order of the stream.  No I/O.

PUBLISH frames outlive a connection, any other frame is lost with it.  Ids are
settled_id + 1, + 2, ... without a hole.  Not thread-safe.
"""

from __future__ import annotations

from collections import deque
from typing import Deque, List, NamedTuple

from . import frame
from .delivery import UnacceptedFrame

# What one write brings at most.
_WRITE_BYTES_MAX = 256 << 10


class GivenBack(NamedTuple):
    first_id: int
    frames: List[UnacceptedFrame]


def is_publish(data: bytes) -> bool:
    return data[6] == frame.PUBLISH and data[4:6] != b"\0\0"


class PublishLog:
    """Begins without a connection."""

    def __init__(self, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self.settled_id = 0  # up to here they are accepted or given back
        self.written_id = 0  # up to here they were written in full
        self.connected = False
        self.frames_resent = 0
        self._first_id = 1
        self._frames: Deque[bytes] = deque()  # PUBLISH, (settled_id, last_id]
        self._frames_bytes = 0
        self._out: Deque[bytes] = deque()  # to be written
        self._out_offset = 0  # in the first of them
        self._out_bytes = 0  # of all of them
        self._other_bytes = 0  # of those in _out that are no PUBLISH

    @property
    def last_id(self) -> int:
        return self.settled_id + len(self._frames)

    @property
    def frames_published(self) -> int:
        return self.last_id - self._first_id + 1

    @property
    def frames_pending(self) -> int:
        """Neither accepted nor given back."""
        return len(self._frames)

    @property
    def used_bytes(self) -> int:
        return self._frames_bytes + self._other_bytes

    def has_room(self, frame_bytes: int) -> bool:
        used = self.used_bytes
        return used == 0 or used + frame_bytes <= self.bytes_max

    def publish(self, type_id: int, topic: bytes, payload: bytes) -> int:
        """The id of the new frame."""
        data = frame.encode_frame(
            type_id, frame.PUBLISH, self.last_id + 1, payload, topic
        )
        self._frames.append(data)
        self._frames_bytes += len(data)
        if self.connected:
            self._out.append(data)
            self._out_bytes += len(data)
        return self.last_id

    def append(self, data: bytes) -> None:
        """Any other frame; nothing happens without a connection."""
        if self.connected:
            self._out.append(data)
            self._out_bytes += len(data)
            self._other_bytes += len(data)

    @property
    def has_output(self) -> bool:
        return bool(self._out)

    @property
    def output_bytes(self) -> int:
        return self._out_bytes - self._out_offset

    def output(self) -> bytes:
        """What has to be written next; empty: nothing."""
        if not self._out:
            return b""
        first = self._out[0]
        if self._out_offset or len(first) >= _WRITE_BYTES_MAX:
            return first[self._out_offset :]
        if len(self._out) == 1:
            return first
        taken: List[bytes] = []
        size = 0
        for data in self._out:
            taken.append(data)
            size += len(data)
            if size >= _WRITE_BYTES_MAX:
                break
        return b"".join(taken)

    def wrote(self, count: int) -> None:
        """The first so many bytes of what output() gave."""
        count += self._out_offset
        if count == self._out_bytes:
            self._out.clear()
            self._out_offset = self._out_bytes = self._other_bytes = 0
            self.written_id = self.last_id
            return
        while self._out and count >= len(self._out[0]):
            data = self._out.popleft()
            count -= len(data)
            self._out_bytes -= len(data)
            if is_publish(data):
                self.written_id += 1
            else:
                self._other_bytes -= len(data)
        self._out_offset = count

    def acked(self, publish_id: int) -> bool:
        """False: it cannot be, so many were not begun to be written."""
        begun = 1 if self._out_offset and is_publish(self._out[0]) else 0
        if publish_id > self.written_id + begun:
            return False
        self._settle(publish_id)
        return True

    def _settle(self, publish_id: int) -> List[bytes]:
        count = publish_id - self.settled_id
        if count <= 0:
            return []
        if count == len(self._frames):
            settled = list(self._frames)
            self._frames = deque()
            self._frames_bytes = 0
        else:
            settled = [self._frames.popleft() for _ in range(count)]
            self._frames_bytes -= sum(map(len, settled))
        self.settled_id = publish_id
        self.written_id = max(self.written_id, publish_id)
        return settled

    # --- Connections

    def disconnect(self) -> None:
        self._out.clear()
        self._out_offset = self._out_bytes = self._other_bytes = 0
        self.connected = False
        self._frames_bytes = sum(map(len, self._frames))

    def can_resume_after(self, last_publish_id: int) -> bool:
        return last_publish_id <= self.last_id

    def begin(self, first: List[bytes]) -> None:
        """A connection; `first` goes before anything else.  On the very first
        one of an instance that the broker knows, see `count_from`."""
        self.connected = True
        for data in first:
            self.append(data)
        self.frames_resent += self.written_id - self.settled_id
        self.written_id = self.settled_id
        self._out.extend(self._frames)
        self._out_bytes += self._frames_bytes

    def count_from(self, last_publish_id: int) -> None:
        """The first id is behind this one.  REQUIRES: nothing was published."""
        self.settled_id = self.written_id = last_publish_id
        self._first_id = last_publish_id + 1

    def accept_through(self, last_publish_id: int) -> None:
        """What a WELCOME says that resumes.  REQUIRES: no connection."""
        self._settle(last_publish_id)

    def give_back_written(self) -> GivenBack:
        return self._give_back(self.written_id)

    def give_back_all(self) -> GivenBack:
        return self._give_back(self.last_id)

    def _give_back(self, publish_id: int) -> GivenBack:
        first_id, written = self.settled_id + 1, self.written_id - self.settled_id
        frames = self._settle(publish_id)
        given_back = [
            _unaccepted(data, index < written) for index, data in enumerate(frames)
        ]
        return GivenBack(first_id, given_back)


def _unaccepted(data: bytes, maybe_accepted: bool) -> UnacceptedFrame:
    _, type_id, _, topic_bytes, _ = frame.HEADER.unpack_from(data)
    begin = frame.HEADER_BYTES
    return UnacceptedFrame(
        type_id,
        data[begin : begin + topic_bytes].decode(),
        data[begin + topic_bytes :],
        maybe_accepted,
    )
