"""Reads the vectors of this folder; README.md describes their form."""

from typing import Dict, List, Optional


def decode_hex(text: str) -> bytes:
    """The bytes that hex words stand for: "0700 78*3  # comment"."""
    data = b""
    for line in text.split("\n"):
        for word in line.split("#")[0].split():
            digits, _, count = word.partition("*")
            data += bytes.fromhex(digits) * int(count or 1)
    return data


class Vector(Dict[str, str]):
    """The values of one block; `where` is for messages."""

    where = ""

    def data(self, key: str) -> bytes:
        """The bytes of KEY_hex, or else of KEY as it stands."""
        if key + "_hex" in self:
            return decode_hex(self[key + "_hex"])
        return self.get(key, "").encode()

    def list(self, key: str) -> List[str]:
        """The entries of a continued value."""
        return self[key].split("\n") if self.get(key) else []


def read_vectors(path: str) -> List[Vector]:
    vectors: List[Vector] = []
    vector: Optional[Vector] = None
    key = ""
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            line = line.rstrip("\n")
            if line.startswith("#"):
                continue
            if not line:
                vector = None
            elif line.startswith(" "):
                if vector is None:
                    raise ValueError("%s:%d: continues nothing" % (path, number))
                vector[key] += "\n" + line.strip()
            else:
                if vector is None:
                    vector = Vector()
                    vector.where = "%s:%d" % (path, number)
                    vectors.append(vector)
                key, colon, value = line.partition(":")
                if not colon or key in vector:
                    raise ValueError("%s:%d: %s" % (path, number, line))
                vector[key] = value.strip()
    return vectors
