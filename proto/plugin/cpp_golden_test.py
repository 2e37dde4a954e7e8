"""What protoc-gen-mycelium makes for C++ of the demo and of the wide schema, and
that all languages have the same digests.

After a change that was meant:
  bazel run //proto/plugin:cpp_golden_test -- --update
"""

import os
import re
import runpy
import subprocess
import sys
import tempfile
import unittest
from typing import Dict, List

PLUGIN = "proto/plugin/protoc-gen-mycelium"
GOLDEN = "proto/plugin/golden"
# Calls of protoc, and the files of them that are kept.
CALLS = {
    ("mycelium_protocol.proto",): [
        "mycelium_protocol.mycelium.cc",
        "mycelium_protocol.mycelium.h",
    ],
    ("wide.proto", "shapes.proto"): ["shapes.mycelium.h", "wide.mycelium.h"],
}


def generate() -> Dict[str, str]:
    texts = {}
    for protos, names in CALLS.items():
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(
                ["protoc", "--plugin=protoc-gen-mycelium=" + PLUGIN]
                + ["-Iproto", "-Itests/schemas", "--mycelium_out=cpp:" + folder]
                + list(protos),
                check=True,
            )
            for name in names:
                texts[name] = read(os.path.join(folder, name))
    return texts


def read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


def hex_bytes(text: str) -> List[str]:
    """Each array of 32 bytes in C++ or OCaml, as hex."""
    digits = "".join(re.findall(r"(?:0|\\)x([0-9a-f]{2})", text))
    return [digits[at : at + 64] for at in range(0, len(digits), 64)]


class CppGoldenTest(unittest.TestCase):
    maxDiff = None

    def test_the_files_are_the_golden_ones(self) -> None:
        for name, text in generate().items():
            self.assertEqual(text, read(f"{GOLDEN}/cpp/{name}"), name)

    def test_all_languages_have_the_same_digests(self) -> None:
        python = runpy.run_path(f"{GOLDEN}/python/mycelium_protocol.py")
        digests = [
            python["SCHEMA_DIGEST"].hex(),
            python["TextMessage"].FINGERPRINT.hex(),
            python["Question"].FINGERPRINT.hex(),
            python["Answer"].FINGERPRINT.hex(),
        ]
        self.assertEqual(
            hex_bytes(read(f"{GOLDEN}/cpp/mycelium_protocol.mycelium.h")), digests
        )
        self.assertEqual(
            hex_bytes(read(f"{GOLDEN}/ocaml/mycelium_protocol.ml")), digests
        )


def update() -> None:
    folder = os.path.join(os.environ["BUILD_WORKSPACE_DIRECTORY"], GOLDEN, "cpp")
    os.makedirs(folder, exist_ok=True)
    for name, text in generate().items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    if sys.argv[1:] == ["--update"]:
        update()
    else:
        unittest.main()
