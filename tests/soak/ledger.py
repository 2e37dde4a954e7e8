"""What the peers of a soak test have written, held against each other."""

from typing import Dict, Iterable, List, NamedTuple, Set, Tuple

Frame = Tuple[int, int]  # publisher, its number
CONFLATED = 2


class Window(NamedTuple):
    """A span of time in which a broker's end may have taken a group's frames."""

    first_ms: int
    last_ms: int


class Published:
    """One publisher's ledger."""

    def __init__(self, publisher: int, lines: Iterable[str]) -> None:
        self.publisher = publisher
        self.sent = 0
        self.accepted: Dict[int, int] = {}  # when
        self.maybe: Set[int] = set()
        self.not_accepted: Set[int] = set()
        self.last = 0
        for line in lines:
            words = line.split()
            if not words:
                continue
            if words[0] == "s":
                self.sent += 1
            elif words[0] == "a":
                self.accepted[int(words[1])] = int(words[2])
            elif words[0] == "m":
                self.maybe.add(int(words[1]))
            elif words[0] == "n":
                self.not_accepted.add(int(words[1]))
            elif words[0] == "z":
                self.last = int(words[1])

    def unanswered(self) -> int:
        return self.sent - len(self.accepted) - len(self.maybe) - len(self.not_accepted)


class Received:
    """One subscription's ledger."""

    def __init__(self, name: str, lines: Iterable[str]) -> None:
        self.name = name
        self.frames: Set[Frame] = set()
        self.delivered = 0
        self.redelivered = 0
        self.duplicated = 0
        self.in_gaps = 0
        self.unknown_gaps = 0
        # Sequences of an epoch that are neither here nor in a gap, or twice.
        self.holes: List[str] = []
        # For each publisher: the number, and how many gaps came before it.
        self.order: Dict[int, List[Tuple[int, int, int]]] = {}
        self._first = self._last = self._counted = 0
        self._exact_gaps = 0
        for line in lines:
            words = line.split()
            if words and words[0] == "f":
                self._enter_frame(*map(int, words[1:5]))
            elif words and words[0] == "g":
                self._enter_gap(*map(int, words[1:6]))
        self._end_epoch()

    def _enter_frame(
        self, sequence: int, publisher: int, number: int, redelivered: int
    ) -> None:
        self.delivered += 1
        self.redelivered += redelivered
        frame = (publisher, number)
        if frame in self.frames and not redelivered:
            self.duplicated += 1
        self.frames.add(frame)
        gaps = (self._exact_gaps, self.unknown_gaps)
        self.order.setdefault(publisher, []).append((number, *gaps))
        self._first = self._first or sequence
        if sequence <= self._last:
            self.holes.append("%d after %d" % (sequence, self._last))
        self._last = max(self._last, sequence)
        self._counted += 1

    def _enter_gap(
        self, reason: int, frames: int, first: int, last: int, unknown: int
    ) -> None:
        self.in_gaps += frames
        self._exact_gaps += 1 if frames else 0
        if unknown:
            self.unknown_gaps += 1
            self._end_epoch()
            return
        if not frames:
            return
        self._first = self._first or first
        self._counted += frames
        if reason != CONFLATED:  # whose last may come behind later frames
            self._last = max(self._last, last)

    def _end_epoch(self) -> None:
        """What was counted is all that there was, from the first to the last."""
        span = self._last - self._first + 1 if self._first else 0
        if self._counted != span:
            self.holes.append(
                "%d to %d, %d counted" % (self._first, self._last, self._counted)
            )
        self._first = self._last = self._counted = 0

    def missing(self, published: Published) -> Tuple[int, int, int]:
        """Accepted frames that have not come: in gaps, in unknown ones, lost."""
        in_gaps = in_unknown = lost = 0
        before = (0, 0, 0)
        # Gaps behind its last frame that has come stand before another's.
        end = (
            max(published.accepted, default=0) + 1,
            self._exact_gaps,
            self.unknown_gaps,
        )
        for number, exact, unknown in sorted(
            self.order.get(published.publisher, []) + [end]
        ):
            absent = sum(n in published.accepted for n in range(before[0] + 1, number))
            # What was published before the subscription is not its matter.
            if absent and (before[0] or number == end[0]):
                if unknown > before[2]:
                    in_unknown += absent
                elif exact > before[1]:
                    in_gaps += absent
                else:
                    lost += absent
            before = (number, exact, unknown)
        return in_gaps, in_unknown, lost


def lost_of_group(
    members: List[Received], published: Published, windows: List[Window]
) -> Tuple[int, int]:
    """Accepted frames that no member has had: around the broker's ends, lost."""
    excused = lost = 0
    had = {
        number
        for member in members
        for p, number in member.frames
        if p == published.publisher
    }
    first = min(had, default=0)
    for number, when_ms in published.accepted.items():
        if number < first or number in had:
            continue
        if any(w.first_ms <= when_ms <= w.last_ms for w in windows):
            excused += 1
        else:
            lost += 1
    return excused, lost


def duplicated_in_group(members: List[Received]) -> int:
    """Frames that two members have had, and neither was told so."""
    seen: Set[Frame] = set()
    duplicated = 0
    for member in members:
        duplicated += member.duplicated
        duplicated += len(seen & member.frames)
        seen |= member.frames
    return max(0, duplicated - sum(m.redelivered for m in members))
