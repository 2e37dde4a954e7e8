"""The engine's side of one subscription: which of the frames that a connection
brings are for it, what it says of them on the next one, its queue, and what a
member of a group acknowledges.  No I/O.

    SUBSCRIBED        -> activate
    a run of frames   -> deliver
    GAP               -> deliver_gap
    connected again   -> suspend, resume for the next SUBSCRIBE; then activate

Not thread-safe: belongs to its engine.
"""

from __future__ import annotations

from typing import Callable, Deque, Dict, List, Optional, Set

from . import control, frame
from .delivery import Gap, GapReason, Overflow, Policy, Route
from .errors import Error
from .frame_queue import FrameQueue, Item, queue_for

# An ACK of a group's member leaves at once when it is about so much, and
# otherwise when the member has nothing more to do.
_ACK_BYTES = 256 << 10
_ACK_DIVISOR = 8
# A member of a group is never held or dropped from here: the broker counts what
# it has not acknowledged, and gives it to another.
_SHARED_QUEUE_FACTOR = 2
# What a user takes at a time, beyond the queue's bound.
_TAKE_BYTES = 256 << 10

_COVERS_WHAT_STILL_COMES = (
    GapReason.OVERFLOW,
    GapReason.MEMORY,
    GapReason.DEADLOCK,
)

SendAck = Callable[[int, int], None]  # subscription_id, frames


class GroupAcks:
    """How many frames a member of a group has done with."""

    def __init__(self, due_bytes: int, send: Callable[[int], None]) -> None:
        self._due_bytes = due_bytes
        self._send = send
        self._given = 0  # frames since the first SUBSCRIBED, with those in gaps
        self._before = 0  # of them, on earlier connections
        self._done = 0
        self._done_bytes = 0  # not yet acknowledged
        self._sent = 0  # on this connection

    def activate(self) -> None:
        """Of what was given before nobody is to be told any more."""
        self._before = self._given
        self._sent = 0

    def gave(self, frames: int) -> None:
        self._given += frames

    def finish(self, frames: int, frames_bytes: int) -> None:
        self._done += frames
        self._done_bytes += frames_bytes
        if self._done_bytes >= self._due_bytes:
            self.send()

    def send(self) -> None:
        frames = self._done - self._before
        if frames > self._sent:
            self._sent = frames
            self._done_bytes = 0
            self._send(frames)


class Subscriber:
    """`route` has been checked; it is in `holding` while its queue holds the
    connection.  `on_ready` is called when there is something to
    take, or nothing will come any more."""

    def __init__(
        self,
        subscriber_id: int,
        route: Route,
        send_ack: SendAck,
        holding: Set[Subscriber],
    ) -> None:
        self.id = subscriber_id
        self.route = route
        self.ended: Optional[Error] = None  # nothing comes behind what is queued
        self.on_ready: Optional[Callable[[], None]] = None
        self.acks: Optional[GroupAcks] = None
        # Whether an exception came in between: what was given is not known.
        self.torn = False
        self._holding = holding
        self._shared = bool(route.group) or route.responder
        self._addressed_only = (
            self._shared or route.policy.overflow == Overflow.CONFLATE
        )
        policy = route.policy
        if self._shared:
            policy = Policy(policy.queue_bytes_max * _SHARED_QUEUE_FACTOR, -1)
        self.queue: FrameQueue = queue_for(policy)
        if route.group:
            due = min(_ACK_BYTES, route.policy.queue_bytes_max // _ACK_DIVISOR)
            self.acks = GroupAcks(due, lambda frames: send_ack(self.id, frames))
        self._active = self._was_active = False
        self._epoch = self._session_id = self._frames = 0
        self._seen: Dict[int, int] = {}  # the last sequence of each type
        self._skips: Dict[int, int] = {}  # what comes up to it is for others

    # --- The connection

    @property
    def known(self) -> bool:
        """Whether a SUBSCRIBED has been read."""
        return self._was_active

    def activate(
        self,
        epoch: int,
        session_id: int,
        resumed: bool,
        starts: List[control.TypeSequence],
    ) -> None:
        same_epoch = self._was_active and epoch == self._epoch
        if not same_epoch or self._shared:
            self._seen.clear()
        if not same_epoch or not resumed or self._shared or self.torn:
            self._frames = 0
        self._skips = {each.type_id: each.sequence for each in starts}
        self._epoch, self._session_id = epoch, session_id
        self._active = self._was_active = True
        if self.acks is not None:
            self.acks.activate()
        if self.torn:
            self.torn = False
            self.deliver_gap(Gap(GapReason.RECONNECT, unknown=True))

    def suspend(self) -> None:
        self._active = False

    def resume(self) -> Optional[control.Resume]:
        """For the next SUBSCRIBE; None: as at first."""
        if not self._was_active or self._shared or self.torn:
            return None
        seen = [control.TypeSequence(*each) for each in sorted(self._seen.items())]
        return control.Resume(self._epoch, self._frames, seen, self._session_id)

    def deliver(self, run: frame.Run, addressed: bool, now: float) -> int:
        """How many of the frames it took.  Raises ResourceExhaustedError: its
        policy ends the client."""
        if not self._active or self._addressed_only and not addressed:
            return 0
        if self._skips and not addressed:
            until = self._skips.get(run.type_id, 0)
            if run.rows[0][0] <= until:
                rows = [row for row in run.rows if row[0] > until]
                if not rows:
                    return 0
                run = run._replace(rows=rows)
            if until:
                del self._skips[run.type_id]
        count = len(run.rows)
        self._frames += count
        if not self._shared:
            sequence = run.rows[-1][0]
            if sequence > self._seen.get(run.type_id, 0):
                self._seen[run.type_id] = sequence
        if self.acks is not None:
            self.acks.gave(count)
        self.queue.push(run, now)
        if self.queue.holds:
            self._holding.add(self)
        if self.on_ready is not None:
            self.on_ready()
        return count

    def tick(self, now: float) -> None:
        """As deliver, when the time of a full queue may be over."""
        self.queue.tick(now)
        if not self.queue.holds:
            self._holding.discard(self)

    def deliver_gap(self, gap: Gap) -> None:
        if not self._active:
            return
        for each in gap.ranges:
            self._frames += each.frames
            # Without frames it only says where what nobody knows of begins,
            # perhaps in the counts of another epoch.
            if each.type_id == 0 or each.frames == 0:
                continue
            type_id, until = each.type_id, each.last_sequence
            self._seen[type_id] = max(self._seen.get(type_id, 0), until)
            if not self._addressed_only and gap.reason in _COVERS_WHAT_STILL_COMES:
                self._skips[type_id] = max(self._skips.get(type_id, 0), until)
        if self.acks is not None:
            self.acks.gave(gap.frames)
        self.queue.push_gap(gap)
        if self.on_ready is not None:
            self.on_ready()

    def end(self, why: Error) -> None:
        self._holding.discard(self)
        if self.ended is None:
            self.ended = why
            if self.on_ready is not None:
                self.on_ready()

    # --- The user

    def take(self) -> Optional[Item]:
        """The next of its queue."""
        item = self.queue.take()
        if self._holding and not self.queue.holds:
            self._holding.discard(self)
        return item

    def take_some(self, items: Deque[Item]) -> None:
        """All of its queue, but not much more than one read of the connection."""
        if not self._holding and self.queue.take_all(items, _TAKE_BYTES):
            return
        size = 0
        while size < _TAKE_BYTES:
            item = self.take()
            if item is None:
                return
            items.append(item)
            size += item.bytes if isinstance(item, frame.Run) else 0
