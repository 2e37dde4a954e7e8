"""Decodes and encodes messages of the wide schema with the generated classes,
for the tests that hold the languages against each other.

From stdin to stdout, records of uint32 length, uint16 type id (both
little-endian) and payload.  A payload that is refused comes back empty, under
type id 0.
"""

import struct
import sys
from typing import Any, BinaryIO, Dict

import shapes
import wide

HEADER = struct.Struct("<IH")
KINDS: Dict[int, Any] = {
    kind.TYPE_ID: kind
    for module in (shapes, wide)
    for kind in vars(module).values()
    if hasattr(kind, "TYPE_ID")
}


def main(source: BinaryIO, target: BinaryIO) -> None:
    while header := source.read(HEADER.size):
        size, type_id = HEADER.unpack(header)
        payload = source.read(size)
        try:
            payload = KINDS[type_id].from_bytes(payload).to_bytes()
        except ValueError:
            type_id, payload = 0, b""
        target.write(HEADER.pack(len(payload), type_id) + payload)
        target.flush()


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout.buffer)
