"""What protoc-gen-mycelium makes for OCaml of the demo and of the wide schema,
and which files it refuses.

After a change that was meant:
  bazel run //proto/plugin:ocaml_golden_test -- --update
"""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from typing import Dict

PLUGIN = "proto/plugin/protoc-gen-mycelium"
GOLDEN = "proto/plugin/golden/ocaml"
CALLS = [
    ["-Iproto", "mycelium_protocol.proto"],
    ["-Iproto", "-Itests/schemas", "wide.proto", "shapes.proto"],
]
MESSAGE = 'syntax = "proto3"; message M {}'


def run_protoc(output: str, *arguments: str) -> str:
    """What protoc says; empty: it has written its files into `output`."""
    plugin = "--plugin=protoc-gen-mycelium=" + PLUGIN
    result = subprocess.run(
        ["protoc", plugin, "--mycelium_out=ocaml:" + output, *arguments],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    return result.stderr


def generate(output: str) -> None:
    for arguments in CALLS:
        said = run_protoc(output, *arguments)
        if said:
            raise AssertionError(said)


def read_files(folder: str) -> Dict[str, str]:
    files = {}
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            files[name] = file.read()
    return files


class OcamlGoldenTest(unittest.TestCase):
    maxDiff = None

    def refusal(self, *names: str) -> str:
        """What is said of files with these names."""
        with tempfile.TemporaryDirectory() as folder:
            for name in names:
                path = os.path.join(folder, name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "w", encoding="utf-8") as file:
                    package = "package p%d;" % len(os.listdir(folder))
                    file.write(MESSAGE.replace(";", "; " + package, 1))
            said = run_protoc(folder, "-I" + folder, *names)
        return said.replace("--mycelium_out: ", "").strip()

    def test_the_files_are_the_golden_ones(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            generate(folder)
            made = read_files(folder)
        golden = read_files(GOLDEN)
        self.assertEqual(sorted(made), sorted(golden))
        for name, text in made.items():
            self.assertEqual(text, golden[name], name)

    def test_well_known_files_do_not_depend_on_the_call(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            run_protoc(folder, "google/protobuf/timestamp.proto")
            made = read_files(folder)
        golden = read_files(GOLDEN)
        for name, text in made.items():
            self.assertEqual(text, golden[name], name)
        self.assertEqual(len(made), 2)

    def test_a_module_of_the_standard_library_is_not_hidden(self) -> None:
        self.assertEqual(
            self.refusal("list.proto", "queue.proto"),
            "list.proto:1:1: the OCaml module List would hide the standard "
            "library's, allowed another file name\n"
            "queue.proto:1:1: the OCaml module Queue would hide the standard "
            "library's, allowed another file name",
        )
        self.assertEqual(self.refusal("data/list.proto"), "")

    def test_two_files_are_two_modules(self) -> None:
        self.assertEqual(
            self.refusal("a/b.proto", "a_b.proto"),
            "a_b.proto:1:1: the OCaml module A_b is that of a/b.proto already, "
            "allowed another file name",
        )

    def test_a_module_begins_with_a_letter(self) -> None:
        self.assertEqual(
            self.refusal("2d.proto"),
            "2d.proto:1:1: the OCaml module 2d does not begin with a letter, "
            "allowed another file name",
        )


def update() -> None:
    folder = os.path.join(os.environ["BUILD_WORKSPACE_DIRECTORY"], GOLDEN)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    generate(folder)


if __name__ == "__main__":
    if sys.argv[1:] == ["--update"]:
        update()
    else:
        unittest.main()
