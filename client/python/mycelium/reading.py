"""How what a subscription was given becomes what its user asked for: shared by
both clients."""

from __future__ import annotations

from collections import deque
from typing import Any, Callable, Deque, Generic, List, Optional, Tuple, TypeVar, Union

from .delivery import Frame, Gap, GapRange, GapReason
from .errors import FailedPreconditionError
from .frame import REDELIVERED_PUBLISH, Run
from .frame_queue import Item
from .log import LOG

T = TypeVar("T")

OnGap = Callable[[Gap], None]
# Messages or frames, none of the lists empty; or a gap.
Part = Union[List[Any], Gap]
View = Callable[[Run], List[Part]]


class Reading(Generic[T]):
    """`parse` makes a message of a payload; None: it is the payload."""

    def __init__(
        self, name: str, parse: Optional[Callable[[bytes], T]], on_gap: Optional[OnGap]
    ) -> None:
        self._name = name
        self._parse = parse
        self._on_gap = on_gap
        self._way = ""
        self.items: Deque[Item] = deque()  # taken out of the queue
        self._parts: Deque[Part] = deque()  # made of the first of them
        self._frame_bytes = 0  # of each frame in these

    def next_part(self, view: View) -> Optional[Tuple[Part, int]]:
        """What comes next of what was taken, and how many bytes it was; None:
        nothing is left.  It stays where it is if an exception comes in between."""
        while not self._parts:
            if not self.items:
                return None
            item = self.items[0]
            if isinstance(item, Run):
                self._parts.extend(view(item))
                self._frame_bytes = item.frame_bytes
            else:
                self._parts.append(item)
            self.items.popleft()
        part = self._parts.popleft()
        if isinstance(part, Gap):
            return part, 0
        return part, len(part) * self._frame_bytes

    def next_batch(self) -> Optional[Tuple[Part, int]]:
        """The same, with all messages up to the next gap in one list."""
        if self._parts or not self.items or isinstance(self.items[0], Gap):
            return self.next_part(self.messages)
        batch: List[Any] = []
        size, parse = 0, self._parse
        while self.items:
            item = self.items[0]
            if isinstance(item, Gap):
                break
            if parse is None:
                batch += [payload for _, payload in item.rows]
            else:
                try:
                    batch += [parse(payload) for _, payload in item.rows]
                except ValueError:  # next_part tells which of them it is
                    if not batch:
                        return self.next_part(self.messages)
                    break
            size += item.bytes
            self.items.popleft()
        return batch, size

    def choose(self, way: str) -> None:
        """What one way of reading has begun, another can't go on with."""
        if self._way not in ("", way):
            raise FailedPreconditionError(
                f"subscription: read by {self._way} before, and now by {way}, "
                "allowed one of them"
            )
        self._way = way

    def messages(self, run: Run) -> List[Part]:
        """Lists of messages, and a gap for each payload that is none."""
        parse = self._parse
        if parse is None:
            return [[payload for _, payload in run.rows]]
        try:
            return [[parse(payload) for _, payload in run.rows]]
        except ValueError:
            return self._one_by_one(run, lambda frame: frame.message)

    def frames(self, run: Run) -> List[Part]:
        """The same with topic and sequence."""
        type_id, topic, parse = run.type_id, run.topic, self._parse
        again = run.kind == REDELIVERED_PUBLISH
        try:
            if parse is None:
                return [[Frame(type_id, topic, n, again, p, p) for n, p in run.rows]]
            return [[Frame(type_id, topic, n, again, p, parse(p)) for n, p in run.rows]]
        except ValueError:
            return self._one_by_one(run, lambda frame: frame)

    def _one_by_one(self, run: Run, view: Callable[[Frame], Any]) -> List[Part]:
        assert self._parse is not None
        again = run.kind == REDELIVERED_PUBLISH
        parts: List[Part] = []
        for n, payload in run.rows:
            try:
                message = self._parse(payload)
            except ValueError:
                parts.append(
                    Gap(GapReason.MALFORMED, (GapRange(run.type_id, 1, n, n),))
                )
                continue
            frame = Frame(run.type_id, run.topic, n, again, payload, message)
            if not parts or isinstance(parts[-1], Gap):
                parts.append([])
            last = parts[-1]
            assert isinstance(last, list)
            last.append(view(frame))
        return parts

    def tell(self, gap: Gap) -> None:
        """Whoever reads messages alone; a gap is never passed over in silence."""
        if self._on_gap is not None:
            self._on_gap(gap)
            return
        LOG.warning(
            "subscription to %s: %s%d frames are missing (%s); see on_gap",
            self._name,
            "more may be missing than " if gap.unknown else "",
            gap.frames,
            gap.reason.name.lower(),
        )
