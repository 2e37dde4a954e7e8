"""What a client publishes: the log, who holds it back, and who waits to hear that
it was accepted.  No I/O.

Not thread-safe: belongs to an engine.
"""

from __future__ import annotations

from collections import deque
from typing import Deque, Dict, List, Optional, Tuple

from . import control, frame
from .control import Code, Kind
from .delivery import UnacceptedFrame, check_data
from .errors import (
    AbortedError,
    Error,
    ProtocolError,
    UnavailableError,
    WouldBlockError,
)
from .publish_log import GivenBack, PublishLog
from .requests import Pending

# The ids of FLUSHes that are sent to hear at once what was accepted.
OWN_FLUSH = 1 << 63


class Publisher:
    def __init__(self, bytes_max: int) -> None:
        self.log = PublishLog(bytes_max)
        self.frames_given_back = 0
        self._holds: Dict[int, control.Hold] = {}
        self._accepts: Deque[Tuple[int, Pending]] = deque()  # by publish id
        self._own_flush = False  # on its way
        self._room_wanted = False

    def publish(
        self, type_id: int, payload: bytes, topic: str, frame_bytes_max: int
    ) -> int:
        """The frame's publish id.  InvalidArgumentError, WouldBlockError."""
        encoded = b""
        if topic or not 1 <= type_id <= 65535 or len(payload) > frame_bytes_max:
            encoded = check_data("publish", type_id, topic, payload, frame_bytes_max)
        size = frame.HEADER_BYTES + len(encoded) + len(payload)
        if self._holds or not self.log.has_room(size):
            self.check_room("publish", type_id, size)
        return self.log.publish(type_id, encoded, payload)

    def accept(self, publish_id: int) -> Pending:
        """Ends when the frame has been accepted; AbortedError: it may have."""
        pending = Pending()
        self._accepts.append((publish_id, pending))
        self.ask_for_ack()
        return pending

    def check_room(self, subject: str, type_id: int, frame_bytes: int) -> None:
        """`type_id` 0: of no PUBLISH.  Raises WouldBlockError."""
        hold = self._holds.get(type_id) or self._holds.get(0)
        if type_id and hold:
            raise WouldBlockError(
                f"{subject}: would block, type {type_id} is held back by session "
                f"{hold.by_session_id} ({hold.by_name})"
            )
        used = self.log.used_bytes
        if not self.log.has_room(frame_bytes):
            self._room_wanted = True
            if not self.log.has_output:
                self.ask_for_ack()
            raise WouldBlockError(
                f"{subject}: would block, {used} bytes are not yet "
                f"accepted, publish_bytes_max {self.log.bytes_max}"
            )

    def wrote(self, count: int) -> None:
        self.log.wrote(count)
        if self._room_wanted and not self.log.has_output:
            self.ask_for_ack()

    # --- Being accepted

    @property
    def all_accepted(self) -> bool:
        return self.log.settled_id == self.log.last_id

    def ask_for_ack(self) -> None:
        """The broker says by itself what it has accepted, but not at once."""
        log = self.log
        if self._own_flush or not log.connected or self.all_accepted:
            return
        self._own_flush = True
        log.append(control.encode_control(Kind.FLUSH, OWN_FLUSH | log.last_id))

    def flushed(self, flush_id: int, ending: bool) -> None:
        """The answer to one's own."""
        if not self._own_flush:
            raise ProtocolError(
                f"flushed: id {flush_id}, allowed one that was sent", Code.PROTOCOL
            )
        self._own_flush = False
        self.acked(flush_id & ~OWN_FLUSH)
        if self._accepts or self._room_wanted or ending:
            self.ask_for_ack()

    def acked(self, publish_id: int) -> None:
        log = self.log
        if not log.acked(publish_id):
            raise ProtocolError(
                f"ack: publish_id {publish_id}, allowed up to {log.written_id}",
                Code.PROTOCOL,
            )
        self._room_wanted = self._room_wanted and log.used_bytes > log.bytes_max // 2
        while self._accepts and self._accepts[0][0] <= log.settled_id:
            self._accepts.popleft()[1].end()

    # --- Connections

    def welcomed(self, welcome: control.Welcome, first: bool) -> None:
        """What it says of those that were sent before.  Without `resumed` they
        are for give_back, before this."""
        log = self.log
        if first:
            log.count_from(welcome.last_publish_id)
            return
        if not log.can_resume_after(welcome.last_publish_id):
            raise ProtocolError(
                f"welcome: last_publish_id {welcome.last_publish_id}, "
                f"allowed up to {log.last_id}",
                Code.PROTOCOL,
            )
        log.accept_through(welcome.last_publish_id)
        self.acked(log.settled_id)

    def begin(self, first: List[bytes]) -> None:
        """A connection; `first` goes before anything else."""
        self.log.begin(first)
        if self._accepts or self._room_wanted:
            self.ask_for_ack()

    def disconnect(self) -> None:
        self.log.disconnect()
        self._own_flush = False
        self._holds.clear()

    def give_back(
        self, given_back: GivenBack, never: Optional[Error]
    ) -> List[UnacceptedFrame]:
        """What no broker is known to have accepted; `never`: what those are told
        that cannot have been."""
        for index, each in enumerate(given_back.frames):
            if self._accepts and self._accepts[0][0] == given_back.first_id + index:
                aborted = AbortedError(
                    "publish: written to a broker that did not say that it accepted it"
                )
                self._accepts.popleft()[1].end(
                    aborted if each.maybe_accepted else never
                )
        self.frames_given_back += len(given_back.frames)
        return given_back.frames

    # --- Being held back

    def hold(self, body: control.Hold) -> None:
        self._holds[body.type_id] = body

    def release(self, body: control.Release) -> None:
        self._holds.pop(body.type_id, None)

    @property
    def held(self) -> Optional[Error]:
        """By whom; None: it is not."""
        if not self._holds:
            return None
        hold = next(iter(self._holds.values()))
        what = f"type {hold.type_id} is" if hold.type_id else "all types are"
        return UnavailableError(
            f"publish: {what} held back by session {hold.by_session_id} "
            f"({hold.by_name})"
        )
