"""The table that bench.py prints: one Row for each line."""
import statistics
from typing import Any, Dict, List, Mapping, Optional, Sequence


class Row:
    """One line of the table: the runs of the floor, of the broker, their ratios."""

    def __init__(
        self,
        name: str,
        unit: str,
        floor: Sequence[float],
        broker: Sequence[float],
        client: Sequence[float] = (),
        scale: float = 1,
        goal: Optional[float] = None,
        absolute_goal: Optional[float] = None,
        higher_is_better: bool = True,
        digits: int = 2,
        cpu_ns: Optional[Mapping[str, Sequence[float]]] = None,
    ) -> None:
        self.name = name
        self.unit = unit
        self.floor = [value * scale for value in floor]
        self.broker = [value * scale for value in broker]
        self.client = [value * scale for value in client]
        self.goal = goal
        self.absolute_goal = absolute_goal
        self.higher_is_better = higher_is_better
        self.digits = digits
        self.cpu_ns: Mapping[str, Sequence[float]] = cpu_ns or {}

    def ratios(self) -> List[float]:
        """Of neighbouring runs: what slows one round slows both."""
        return [
            broker / floor for floor, broker in zip(self.floor, self.broker) if floor
        ]

    def ratio(self) -> Optional[float]:
        ratios = self.ratios()
        return statistics.median(ratios) if ratios else None

    def verdict(self) -> str:
        goal = self.goal if self.goal is not None else self.absolute_goal
        if goal is None or not self.broker:
            return ""
        seen = self.ratio() if self.goal is not None else statistics.median(self.broker)
        if seen is None:
            return ""
        reached = seen >= goal if self.higher_is_better else seen <= goal
        return "%s %g, %s" % (
            ">=" if self.higher_is_better else "<=",
            goal,
            "reached" if reached else "missed",
        )

    def cells(self) -> List[str]:
        cpu = [
            statistics.median(self.cpu_ns[target])
            for target in ("relay", "broker")
            if self.cpu_ns.get(target)
        ]
        return [
            self.name,
            self.unit,
            self.figure(self.floor),
            self.figure(self.broker),
            self.figure(self.ratios()),
            self.figure(self.client),
            " / ".join("%.1f" % value for value in cpu),
            self.verdict(),
        ]

    def figure(self, values: Sequence[float]) -> str:
        if not values:
            return ""
        text = "%.*f" % (self.digits, statistics.median(values))
        if len(values) == 1:
            return text
        return "%s (%.*f-%.*f)" % (
            text,
            self.digits,
            min(values),
            self.digits,
            max(values),
        )

    def as_json(self) -> Dict[str, Any]:
        return {
            "name": self.name,
            "unit": self.unit,
            "floor": self.floor,
            "broker": self.broker,
            "ratios": self.ratios(),
            "client": self.client,
            "cpu_ns_per_frame": self.cpu_ns,
            "verdict": self.verdict(),
        }


def print_table(rows: Sequence[Row]) -> None:
    head = [
        "",
        "unit",
        "floor",
        "broker",
        "ratio",
        "client library",
        "CPU ns/frame, floor / broker",
        "goal",
    ]
    lines = [head] + [row.cells() for row in rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]

    def text(line: Sequence[str]) -> str:
        return (
            "| "
            + " | ".join(cell.ljust(width) for cell, width in zip(line, widths))
            + " |"
        )

    print(text(head))
    print("|" + "|".join("-" * (width + 2) for width in widths) + "|")
    for line in lines[1:]:
        print(text(line))
