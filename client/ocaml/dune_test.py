"""What dune makes of this folder: the tests, and the packages as they are
installed."""

import contextlib
import glob
import os
import shutil
import subprocess
import tempfile
import unittest
from typing import Dict, Iterator, List

SOURCES = "client/ocaml"
PLUGIN = "proto/plugin/protoc-gen-mycelium"
BROKERD = "broker/mycelium-brokerd"
TOOL = "client/cli/mycelium"
GOLDEN = "proto/plugin/golden/ocaml"
C_PACKAGE = "client/c/mycelium-c.tar.gz"
PACKAGES = ["mycelium", "mycelium-lwt", "mycelium_native"]
LIBRARIES = ["wire", "control", "engine", "posix", "client", "lwt", "native"]

DUNE_PROJECT = "(lang dune 2.9)\n"
DUNE = "(executable (name hello) (libraries mycelium.wire))\n"
BOTH = """
(executables
 (names over_both)
 (modules over_both mycelium_protocol)
 (libraries mycelium mycelium_native))
"""
# A program of a socket client and a native one.
OVER_BOTH = """
open Mycelium_protocol

let or_exit = function
  | Ok value -> value
  | Error why -> Format.eprintf "%a@." Mycelium.Error.pp why; exit 1

let () =
  let native = or_exit (Mycelium_native.Client.connect ~schema ()) in
  let asked = or_exit (Mycelium_native.Client.respond native Question.t Answer.t
    (fun { text } -> Ok { text = String.uppercase_ascii text })) in
  let sockets = or_exit (Mycelium.Client.connect ~schema ()) in
  print_string (or_exit
    (Mycelium.Client.request sockets Question.t Answer.t { text = "why" })).text;
  Mycelium.Client.close sockets;
  Mycelium_native.Client.unsubscribe asked;
  Mycelium_native.Client.close native
"""
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
    prefix: str
    environment: Dict[str, str]

    @classmethod
    def setUpClass(cls) -> None:
        home = tempfile.mkdtemp(dir="/var/tmp")
        cls.addClassCleanup(shutil.rmtree, home)
        cls.folder = os.path.join(home, "stage")
        cls.prefix = os.path.join(home, "prefix")
        os.mkdir(cls.folder)
        os.mkdir(cls.prefix)
        # The C library, which mycelium_native stands on.
        subprocess.run(["tar", "-xzf", C_PACKAGE, "-C", cls.prefix], check=True)
        cls.environment = dict(
            os.environ,
            HOME=home,
            PKG_CONFIG_PATH=cls.prefix + "/lib/pkgconfig",
            DUNE_CACHE="disabled",
            MYCELIUM_BROKERD=os.path.abspath(BROKERD),
            MYCELIUM_TOOL=os.path.abspath(TOOL),
        )
        cls.run_command(SOURCES + "/stage.sh", PLUGIN, cls.folder)
        cls.dune("build", "@all")
        cls.install()

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

    @classmethod
    def install(cls) -> None:
        """As deploy/install.sh does."""
        libraries = os.path.join(cls.prefix, "lib/ocaml")
        only = ["--only-packages", ",".join(PACKAGES)]
        cls.dune("build", *only, "@install")
        cls.dune("install", "--prefix", cls.prefix, "--libdir", libraries, *PACKAGES)

    def test_the_tests_pass(self) -> None:
        print(self.dune("test", "--force"))

    def test_the_tests_with_the_daemon_pass(self) -> None:
        print(self.dune("build", "--force", "@daemon"))

    def test_the_tests_of_the_native_package_pass(self) -> None:
        print(self.dune("build", "--force", "@native"))

    def test_the_benchmarks_run(self) -> None:
        said = self.dune("exec", "--profile=release", "bench/codec_bench.exe", "0.2")
        self.assertRegex(said, r"chat\.TextMessage +21 B +encode +\d+ ns")
        said = self.dune(
            "exec", "--profile=release", "bench/native_bench.exe", "100000"
        )
        self.assertRegex(said, r"in process, typed, publish to handler +\d+\.\d\d M/s")
        with self.broker() as url:
            said = self.dune(
                *["exec", "--profile=release", "bench/client_bench.exe", "--"],
                *[url, "100000"],
            )
        for line in [
            r"receive, a handler with Lwt +64 B +\d+\.\d\d M/s",
            r"a request and its reply +64 B +p50 +\d+ us",
        ]:
            self.assertRegex(said, line)

    @contextlib.contextmanager
    def broker(self) -> Iterator[str]:
        """Its url."""
        with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
            url = "unix:" + folder + "/s"
            process = subprocess.Popen(
                [BROKERD, "--listen", url], stderr=subprocess.DEVNULL
            )
            try:
                self.run_command(
                    "bash",
                    "-c",
                    "until %s ping --url %s --count 1 >/dev/null 2>&1; do :; done"
                    % (TOOL, url),
                )
                yield url
            finally:
                process.terminate()
                process.wait()

    def test_generated_code_needs_the_installed_package_only(self) -> None:
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
            library = "OCAMLPATH=" + os.path.join(self.prefix, "lib/ocaml")
            self.run_command("env", library, "dune", "build", "--root", project)
            said = self.run_command(project + "/_build/default/hello.exe")
        self.assertEqual(said, "hello")

    def test_a_project_elsewhere_uses_both_packages(self) -> None:
        with tempfile.TemporaryDirectory() as project, self.broker() as url:
            for name in ("mycelium_protocol.ml", "mycelium_protocol.mli"):
                shutil.copy(os.path.join(GOLDEN, name), project)
            for name, text in [
                ("dune-project", DUNE_PROJECT),
                ("dune", BOTH),
                ("over_both.ml", OVER_BOTH),
            ]:
                with open(os.path.join(project, name), "w", encoding="utf-8") as file:
                    file.write(text)
            library = "OCAMLPATH=" + os.path.join(self.prefix, "lib/ocaml")
            self.run_command("env", library, "dune", "build", "--root", project)
            said = self.run_command(
                *["env", "-u", "LD_LIBRARY_PATH", "MYCELIUM_URL=" + url],
                project + "/_build/default/over_both.exe",
            )
        self.assertEqual(said, "WHY")

    def test_the_documentation_is_well_formed(self) -> None:
        output = os.path.join(self.folder, "html")
        os.mkdir(output)
        built = self.folder + "/_build/default/"
        objects = [
            folder
            for folder in glob.glob(built + "**/.*.objs/byte", recursive=True)
            if "/test/" not in folder and "/bench/" not in folder
        ]
        schemas = built + "test/schemas/.schemas.objs/byte"
        paths = [word for folder in objects + [schemas] for word in ("-I", folder)]
        paths += ["-I", "+threads", "-I", self.findlib("lwt")]
        for library in LIBRARIES:
            interfaces = glob.glob(self.folder + "/" + library + "/*.mli")
            self.assertTrue(interfaces, library)
            self.document(output, paths, library, interfaces)
        self.document(output, paths, "", glob.glob(built + "test/schemas/*.mli"))

    def findlib(self, library: str) -> str:
        return self.run_command("ocamlfind", "query", library).strip()

    def document(
        self, output: str, paths: List[str], library: str, interfaces: List[str]
    ) -> None:
        wrapper = {
            "wire": "Mycelium_wire",
            "engine": "Mycelium_engine",
            "posix": "Mycelium_posix",
            "client": "Mycelium__",
            "lwt": "Mycelium_lwt__",
            "native": "Mycelium_native__",
        }.get(library)
        said = self.run_command(
            "ocamldoc",
            *["-html", "-d", output],
            *paths,
            *(["-open", wrapper] if wrapper else []),
            *interfaces,
        )
        # Other libraries are not before its eyes.
        found = [line for line in said.splitlines() if "not found" not in line]
        self.assertEqual(found, [], library)

    def test_the_opam_files_are_those_of_the_project(self) -> None:
        for package in PACKAGES:
            opam = os.path.join(self.folder, package + ".opam")
            with open(opam, encoding="utf-8") as made:
                with open(SOURCES + "/" + package + ".opam", encoding="utf-8") as kept:
                    self.assertEqual(made.read(), kept.read())
            self.assertIn("Passed", self.run_command("opam", "lint", opam))


if __name__ == "__main__":
    unittest.main()
