"""Holds one subscription to the promise: every frame in order, or a gap."""

from typing import Any, List, Optional, Tuple

from tests.integration.wire_client import Control, Data, Frame


class SequenceLedger:
    """What became of each sequence number of one type, from `first` on."""

    def __init__(self, type_id: int, subscription_id: int, first: int = 1) -> None:
        self.type_id = type_id
        self.subscription_id = subscription_id
        self.next = first
        self.delivered = 0
        self.missed = 0
        self.gaps: List[Tuple[int, int]] = []

    def enter(self, frame: Optional[Frame]) -> bool:
        """True if it was a frame of the type: the caller looks at its payload."""
        if frame is None:
            raise AssertionError("end of stream, next is %d" % self.next)
        if frame.is_control(Control.GAP):
            gap = frame.body()
            if gap.subscription_id != self.subscription_id:
                raise AssertionError("GAP of another subscription: %r" % gap)
            for gap_range in gap.ranges:
                self._enter_range(gap_range)
            return False
        if frame.type_id != self.type_id or frame.kind != Data.PUBLISH:
            raise AssertionError("unexpected %r" % (frame[:4],))
        if frame.id != self.next:
            raise AssertionError(
                "frame %d, next is %d, gaps %r" % (frame.id, self.next, self.gaps)
            )
        self.next += 1
        self.delivered += 1
        return True

    def _enter_range(self, gap_range: Any) -> None:
        if gap_range.type_id != self.type_id:
            raise AssertionError("GAP of another type: %r" % gap_range)
        first, last = gap_range.first_sequence, gap_range.last_sequence
        if first != self.next or last < first:
            raise AssertionError(
                "gap %d to %d, next is %d, gaps %r"
                % (first, last, self.next, self.gaps)
            )
        if gap_range.frames != last - first + 1:
            raise AssertionError("gap counts wrongly: %r" % gap_range)
        self.gaps.append((first, last))
        self.missed += gap_range.frames
        self.next = last + 1
