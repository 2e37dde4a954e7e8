"""proto/WIRE.md says what is: examples are vectors, numbers the code's."""

import re
import unittest

import proto.mycelium.control_pb2 as control_pb2
from tests.vectors.vector_file import decode_hex, read_vectors

DOCUMENT = "proto/WIRE.md"
FILES = (
    "frames.txt",
    "handshake.txt",
    "control.txt",
    "refusals.txt",
    "streams.txt",
)
REDELIVERED = 0x40  # a flag beside the kind
FENCE = re.compile(r"^```(.*)\n((?:.*\n)*?)```$", re.MULTILINE)
NUMBERED_ROW = re.compile(r"^\| (\d+) \| ([A-Z_]+) \|", re.MULTILINE)


class WireDocumentTest(unittest.TestCase):
    maxDiff = None

    def setUp(self) -> None:
        with open(DOCUMENT, encoding="utf-8") as document:
            self.text = document.read()
        self.vectors = {
            vector["name"]: vector
            for name in FILES
            for vector in read_vectors("tests/vectors/" + name)
        }

    def test_every_example_is_a_vector(self) -> None:
        examples = FENCE.findall(self.text)
        self.assertGreaterEqual(len(examples), 15)
        for title, block in examples:
            with self.subTest(title):
                language, _, name = title.partition(" ")
                self.assertEqual(language, "hex")
                self.assertEqual(
                    decode_hex(block).hex(" ", 4),
                    decode_hex(self.vectors[name]["hex"]).hex(" ", 4),
                )

    def test_every_number_is_the_codes(self) -> None:
        rows = {(int(n), name) for n, name in NUMBERED_ROW.findall(self.text)}
        codes = {(n, name) for name, n in control_pb2.Code.items()}
        kinds = {
            (int(vector["kind"]) & ~REDELIVERED, vector["kind_name"])
            for vector in self.vectors.values()
            if vector.get("outcome") == "frame"
        }
        self.assertEqual(rows, codes | kinds)

    def test_every_error_of_the_vectors_has_its_form_here(self) -> None:
        """With the numbers and names in them left open."""
        quotes = re.findall("`([^`\n]+)`", FENCE.sub("", self.text))
        forms = set(map(self.form, quotes))
        for vector in self.vectors.values():
            if "error" in vector and vector.get("outcome") != "forbidden":
                with self.subTest(vector["name"]):
                    form = self.form(vector["error"])
                    self.assertTrue(form in forms, form)

    @staticmethod
    def form(text: str) -> str:
        text = re.sub(r"\bm1:([0-9a-f]{64}|\.\.\.)", "DIGEST", text)
        text = re.sub(r"\d+", "N", text)
        text = re.sub(r"is not a \w+ message", "is not a Body message", text)
        text = re.sub(r"\b[A-Z][A-Z_]+\b", "KIND", text)
        text = re.sub(r"\S+ \(type N\)", "NAME (type N)", text)
        return text.replace("subscribe: topic filter:", "topic filter:")


if __name__ == "__main__":
    unittest.main()
