"""The queue between a client's connection and a subscription's user, with the
bounds of the subscription's policy.  No I/O; the time is passed in.

A queue may hold what one read of the connection brings (256 KiB) beyond
queue_bytes_max.  Then it `holds`: nothing more is to be read; or, once
stall_ms_max is over, it drops as its policy says.  Not thread-safe.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Deque, Dict, List, Optional, Tuple, Union

from .delivery import Gap, GapRange, GapReason, Overflow, Policy
from .errors import ResourceExhaustedError
from .frame import Run

# What a gap counts in the queue: about what it takes.
_GAP_BYTES = 256

Item = Union[Run, Gap]


class _Missing:
    """What is to be told of frames that were dropped."""

    def __init__(self) -> None:
        self._ranges: Dict[GapReason, Dict[int, Tuple[int, int, int]]] = {}
        self._unknown = False

    def add(self, reason: GapReason, each: GapRange) -> None:
        types = self._ranges.setdefault(reason, {})
        frames, first, last = types.get(each.type_id, (0, each.first_sequence, 0))
        types[each.type_id] = (
            frames + each.frames,
            min(first, each.first_sequence),
            max(last, each.last_sequence),
        )

    def add_rows(
        self, reason: GapReason, type_id: int, rows: List[Tuple[int, bytes]]
    ) -> None:
        self.add(reason, GapRange(type_id, len(rows), rows[0][0], rows[-1][0]))

    def add_gap(self, gap: Gap) -> None:
        self._ranges.setdefault(gap.reason, {})
        self._unknown |= gap.unknown
        for each in gap.ranges:
            self.add(gap.reason, each)

    def take(self) -> Optional[Gap]:
        for reason, types in self._ranges.items():
            del self._ranges[reason]
            unknown = reason is GapReason.RECONNECT and self._unknown
            ranges = (GapRange(type_id, *of) for type_id, of in sorted(types.items()))
            return Gap(reason, tuple(ranges), unknown)
        return None

    def __bool__(self) -> bool:
        return bool(self._ranges)


class FrameQueue:
    """In the order of the stream; when it is full the oldest are dropped."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._missing = _Missing()  # in front of all items
        self._items: Deque[Item] = deque()
        self._bytes = 0
        self._full_since: Optional[float] = None
        self._dropping = False

    def __bool__(self) -> bool:
        return bool(self._items) or bool(self._missing)

    @property
    def holds(self) -> bool:
        """Whether nothing more should be read."""
        return self._full_since is not None and not self._dropping

    @property
    def excess_bytes(self) -> int:
        return max(0, self._bytes - self._policy.queue_bytes_max)

    @property
    def deadline(self) -> Optional[float]:
        """When `tick` will have something to do."""
        if self._full_since is None or self._dropping or self._policy.stall_ms_max < 0:
            return None
        return self._full_since + self._policy.stall_ms_max / 1000

    def push(self, run: Run, now: float) -> None:
        """Raises ResourceExhaustedError: the policy ends the client."""
        self._items.append(run)
        self._bytes += run.bytes
        self._grown(now)

    def push_gap(self, gap: Gap) -> None:
        self._items.append(gap)
        self._bytes += _GAP_BYTES

    def _grown(self, now: float) -> None:
        if self._bytes <= self._policy.queue_bytes_max:
            return
        if self._full_since is None:
            self._full_since = now
        self.tick(now)

    def tick(self, now: float) -> None:
        if self._dropping:
            self._drop()
            return
        deadline = self.deadline
        if deadline is None or now < deadline:
            return
        if self._policy.overflow == Overflow.DISCONNECT:
            raise ResourceExhaustedError(
                f"subscription: queue of {self._policy.queue_bytes_max} bytes full for "
                f"{self._policy.stall_ms_max} ms, overflow is DISCONNECT"
            )
        self._dropping = True
        self._drop()

    def take(self) -> Optional[Item]:
        """The next one; None: there is none."""
        if self._missing:
            return self._missing.take()
        if not self._items:
            return None
        item = self._items.popleft()
        self._bytes -= item.bytes if isinstance(item, Run) else _GAP_BYTES
        if self._bytes * 2 <= self._policy.queue_bytes_max:
            self._full_since = None
            self._dropping = False
        return item

    def take_all(self, items: Deque[Item], bytes_max: int) -> bool:
        """Moves everything, if it is not more than that.  False: it was not."""
        if self._missing or self._bytes > bytes_max:
            return False
        moved, self._items = self._items, deque()
        self._bytes = 0
        self._full_since = None
        self._dropping = False
        items.extend(moved)
        return True

    def _drop(self) -> None:
        """The oldest, but never the newest frame."""
        while self.excess_bytes:
            item = self._items[0]
            if isinstance(item, Gap):
                self._items.popleft()
                self._missing.add_gap(item)
                self._bytes -= _GAP_BYTES
                continue
            count = min(-(-self.excess_bytes // item.frame_bytes), len(item.rows))
            if len(self._items) == 1:
                count = min(count, len(item.rows) - 1)
            if count == 0:
                return
            self._missing.add_rows(GapReason.OVERFLOW, item.type_id, item.rows[:count])
            self._bytes -= count * item.frame_bytes
            if count == len(item.rows):
                self._items.popleft()
            else:
                self._items[0] = item._replace(rows=item.rows[count:])


class ConflatingQueue(FrameQueue):
    """Of each type and topic the newest; what has to wait is folded."""

    def __init__(self, policy: Policy) -> None:
        super().__init__(policy)
        self._newest: "OrderedDict[Tuple[int, str], Run]" = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._newest) or bool(self._missing)

    def push(self, run: Run, now: float) -> None:
        key = (run.type_id, run.topic)
        folded = self._newest.pop(key, None)
        if folded is not None:
            self._fold(GapReason.CONFLATED, folded)
        if len(run.rows) > 1:
            self._missing.add_rows(GapReason.CONFLATED, run.type_id, run.rows[:-1])
            run = run._replace(rows=run.rows[-1:])
        self._newest[key] = run
        self._bytes += run.bytes
        while self.excess_bytes and len(self._newest) > 1:
            self._fold(GapReason.OVERFLOW, self._newest.popitem(last=False)[1])

    def push_gap(self, gap: Gap) -> None:
        self._missing.add_gap(gap)

    def take(self) -> Optional[Item]:
        gap = self._missing.take()
        if gap is not None or not self._newest:
            return gap
        run = self._newest.popitem(last=False)[1]
        self._bytes -= run.bytes
        return run

    def take_all(self, items: Deque[Item], bytes_max: int) -> bool:
        return False

    def _fold(self, reason: GapReason, run: Run) -> None:
        self._missing.add_rows(reason, run.type_id, run.rows)
        self._bytes -= run.bytes


def queue_for(policy: Policy) -> FrameQueue:
    conflates = policy.overflow == Overflow.CONFLATE
    return ConflatingQueue(policy) if conflates else FrameQueue(policy)
