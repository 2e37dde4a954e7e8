#!/usr/bin/env python3
"""chat.TextMessage in Python: the class that protoc-gen-mycelium writes beside
that of python3-protobuf, in nanoseconds of processor time.

Usage: bazel run //tests/bench:python_codec [-- --quick]

The classes take turns in short rounds, and the best round of each counts: what
else runs on the machine makes single rounds slower, but none faster.
"""

import argparse
import sys
import time
import timeit
import types
from typing import Any, Dict, List, Tuple

import mycelium_protocol
from google.protobuf.internal import api_implementation  # type: ignore[import]
from tests.schemas.random_message import protobuf_classes

FIELDS = "sender='cli-01', content='hello over a Unix socket', timestamp=1732500000123"
# What is timed: for each class in turn, ours and protobuf's.
STEPS: List[Tuple[str, str, str]] = [
    ("construct", f"Ours({FIELDS})", f"Theirs({FIELDS})"),
    ("encode", "ours.to_bytes()", "theirs.SerializeToString()"),
    ("decode", "Ours.from_bytes(data)", "Theirs.FromString(data)"),
    (
        "decode, read each field",
        "m = Ours.from_bytes(data); m.sender; m.content; m.timestamp",
        "m = Theirs.FromString(data); m.sender; m.content; m.timestamp",
    ),
    (
        "construct, encode, decode, read",
        f"m = Ours.from_bytes(Ours({FIELDS}).to_bytes());"
        "m.sender; m.content; m.timestamp",
        f"m = Theirs.FromString(Theirs({FIELDS}).SerializeToString());"
        "m.sender; m.content; m.timestamp",
    ),
]


def class_with_slots() -> Any:
    with open(mycelium_protocol.__file__, encoding="utf-8") as source:
        text = source.read()
    decorator = "@dataclasses.dataclass"
    module = types.ModuleType("with_slots")
    sys.modules[module.__name__] = module
    exec(text.replace(decorator, decorator + "(slots=True)"), module.__dict__)
    return module.__dict__["TextMessage"]


def best(statements: List[Tuple[str, Dict[str, Any]]], rounds: int) -> List[float]:
    """Nanoseconds that each of the statements takes."""
    number = 4000
    timers = [
        timeit.Timer(statement, timer=time.process_time, globals=names)
        for statement, names in statements
    ]
    found = [float("inf")] * len(timers)
    for _ in range(rounds):
        for i, timer in enumerate(timers):
            found[i] = min(found[i], timer.timeit(number) / number * 1e9)
    return found


def names_for(kind: Any, theirs: Any) -> Dict[str, Any]:
    ours = eval(f"kind({FIELDS})", {"kind": kind})
    message = eval(f"kind({FIELDS})", {"kind": theirs})
    data = ours.to_bytes()
    assert data == message.SerializeToString()
    return {
        "Ours": kind,
        "Theirs": theirs,
        "ours": ours,
        "theirs": message,
        "data": data,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="one short round")
    rounds = 1 if parser.parse_args().quick else 100
    descriptors = mycelium_protocol.SCHEMA_DESCRIPTOR_SET
    theirs = protobuf_classes(descriptors)("chat.TextMessage")
    plain = names_for(mycelium_protocol.TextMessage, theirs)
    slotted = names_for(class_with_slots(), theirs)
    print(
        f"chat.TextMessage of {len(plain['data'])} bytes, Python"
        f" {sys.version.split()[0]}, protobuf's {api_implementation.Type()} classes, ns"
    )
    print(f"{'':32}{'ours':>8}{'slots':>8}{'protobuf':>10}{'ratio':>8}")
    sums = [0.0, 0.0, 0.0]
    for label, mine, other in STEPS:
        figures = best([(mine, plain), (mine, slotted), (other, plain)], rounds)
        if label in ("encode", "decode"):
            sums = [total + figure for total, figure in zip(sums, figures)]
        show(label, figures)
    show("encode + decode", sums)


def show(label: str, figures: List[float]) -> None:
    ours, slots, protobuf = figures
    print(f"{label:32}{ours:8.0f}{slots:8.0f}{protobuf:10.0f}{ours / protobuf:8.2f}")


if __name__ == "__main__":
    main()
