"""What dune makes of this folder: the tests, and the package as it is installed."""

import glob
import os
import shutil
import subprocess
import tempfile
import unittest
from typing import Dict

SOURCES = "client/ocaml"
PLUGIN = "proto/plugin/protoc-gen-mycelium"
GOLDEN = "proto/plugin/golden/ocaml"

DUNE_PROJECT = "(lang dune 2.9)\n"
DUNE = "(executable (name hello) (libraries mycelium.wire))\n"
HELLO = """
let () =
  print_string
    Mycelium_protocol.TextMessage.{
      sender = "ocaml"; content = "hello"; timestamp = 123L }.content;
  let { Wide.Maps.bool_to_color; _ } = Wide.Maps.default in
  List.iter (fun (_, color) -> print_int (Shapes.Color.to_int color))
    bool_to_color
"""


class DuneTest(unittest.TestCase):
    folder: str
    environment: Dict[str, str]

    @classmethod
    def setUpClass(cls) -> None:
        home = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, home)
        cls.folder = os.path.join(home, "stage")
        os.mkdir(cls.folder)
        cls.environment = dict(os.environ, HOME=home, DUNE_CACHE="disabled")
        cls.run_command(SOURCES + "/stage.sh", PLUGIN, cls.folder)
        cls.dune("build", "@all")

    @classmethod
    def run_command(cls, *command: str) -> str:
        """What it prints, which is the failure's text if it fails."""
        result = subprocess.run(
            command,
            env=cls.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if result.returncode != 0:
            raise AssertionError(" ".join(command) + ":\n" + result.stdout)
        return result.stdout

    @classmethod
    def dune(cls, command: str, *arguments: str) -> str:
        return cls.run_command("dune", command, "--root", cls.folder, *arguments)

    def test_the_tests_pass(self) -> None:
        print(self.dune("test", "--force"))

    def test_the_benchmark_runs(self) -> None:
        said = self.dune("exec", "--profile=release", "bench/bench.exe", "0.2")
        self.assertRegex(said, r"chat\.TextMessage +21 B +encode +\d+ ns")

    def test_generated_code_needs_the_installed_package_only(self) -> None:
        prefix = os.path.join(self.folder, "prefix")
        self.dune("install", "--prefix", prefix, "mycelium")
        with tempfile.TemporaryDirectory() as project:
            for name in os.listdir(GOLDEN):
                shutil.copy(os.path.join(GOLDEN, name), project)
            for name, text in [
                ("dune-project", DUNE_PROJECT),
                ("dune", DUNE),
                ("hello.ml", HELLO),
            ]:
                with open(os.path.join(project, name), "w", encoding="utf-8") as file:
                    file.write(text)
            library = "OCAMLPATH=" + os.path.join(prefix, "lib")
            self.run_command("env", library, "dune", "build", "--root", project)
            said = self.run_command(project + "/_build/default/hello.exe")
        self.assertEqual(said, "hello")

    def test_the_documentation_is_well_formed(self) -> None:
        output = os.path.join(self.folder, "html")
        os.mkdir(output)
        built = self.folder + "/_build/default"
        runtime = built + "/wire/.mycelium_wire.objs/byte"
        command = ["ocamldoc", "-html", "-d", output, "-I", runtime]
        interfaces = glob.glob(self.folder + "/wire/*.mli")
        self.run_command(*command, "-warn-error", "-open", "Mycelium_wire", *interfaces)
        schemas = built + "/test/schemas"
        said = self.run_command(
            *command,
            *["-I", schemas + "/.schemas.objs/byte"],
            *glob.glob(schemas + "/*.mli")
        )
        # The runtime is not before its eyes any more.
        found = [line for line in said.splitlines() if "not found" not in line]
        self.assertEqual(found, [])

    def test_the_opam_file_is_that_of_the_project(self) -> None:
        opam = os.path.join(self.folder, "mycelium.opam")
        with open(opam, encoding="utf-8") as made:
            with open(SOURCES + "/mycelium.opam", encoding="utf-8") as kept:
                self.assertEqual(made.read(), kept.read())
        self.assertIn("Passed", self.run_command("opam", "lint", opam))


if __name__ == "__main__":
    unittest.main()
