"""The package outside of the repository: what a C program is built and run with."""

import ctypes
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from typing import List

from mycelium_protocol import SCHEMA_DIGEST
from tests.integration.broker_process import BrokerTestCase

PACKAGE = os.path.abspath("client/c/mycelium-c.tar.gz")
DEMO = os.path.abspath("client/c/demo.c")
SAYS = """weather.berlin: rain
somebody asks the question
the answer is 42
"""
# What a machine that runs C++ programs has.
STANDARD = ("libc.so", "libm.so", "libstdc++.so", "libgcc_s.so", "ld-linux")


def output(*command: str, **options: str) -> str:
    environment = dict(os.environ, **options)
    return subprocess.run(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    ).stdout


class PackageTest(BrokerTestCase):
    def setUp(self) -> None:
        super().setUp()
        directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, directory)
        self.folder = os.path.join(directory, "unpacked anywhere")
        os.mkdir(self.folder)
        subprocess.run(["tar", "xzf", PACKAGE, "-C", self.folder], check=True)
        self.shared = os.path.join(self.folder, "lib", "libmycelium_ffi.so")
        self.archive = os.path.join(self.folder, "lib", "libmycelium_ffi.a")

    def pkg_config(self, *flags: str) -> List[str]:
        path = os.path.join(self.folder, "lib", "pkgconfig")
        text = output("pkg-config", *flags, "mycelium", PKG_CONFIG_PATH=path)
        return re.sub(r"(?<!\\) ", "\n", text.strip()).replace("\\", "").split("\n")

    def demo(self, *flags: str) -> str:
        program = os.path.join(self.folder, "demo")
        output("cc", "-std=c99", "-Wall", "-Wextra", DEMO, "-o", program, *flags)
        return program

    def run_everywhere(self, program: str) -> None:
        broker = self.start_broker()
        lib = os.path.join(self.folder, "lib")
        for url in ["inproc:", broker.unix_url, broker.tcp_url]:
            with self.subTest(url=url):
                self.assertEqual(output(program, url, LD_LIBRARY_PATH=lib), SAYS)

    def test_demo_links_the_shared_library(self) -> None:
        program = self.demo(*self.pkg_config("--cflags", "--libs"))
        self.assertIn("libmycelium_ffi.so.0", output("readelf", "-d", program))
        self.run_everywhere(program)

    def test_demo_links_everything_statically(self) -> None:
        program = self.demo(
            "-static", *self.pkg_config("--static", "--cflags", "--libs")
        )
        self.assertNotIn("NEEDED", output("readelf", "-d", program))
        self.run_everywhere(program)

    def test_demo_links_the_archive_alone(self) -> None:
        include = self.pkg_config("--cflags")
        program = self.demo(*include, self.archive, "-lstdc++")
        self.assertNotIn("mycelium", output("readelf", "-d", program))
        self.run_everywhere(program)

    def test_shared_library_needs_the_standard_ones_alone(self) -> None:
        dynamic = output("readelf", "-d", self.shared)
        self.assertEqual(
            re.findall(r"SONAME.*\[(.*)\]", dynamic), ["libmycelium_ffi.so.0"]
        )
        needed = re.findall(r"NEEDED.*\[(.*)\]", dynamic)
        self.assertNotEqual(needed, [])
        for library in needed:
            self.assertTrue(library.startswith(STANDARD), library)
        self.assertEqual(
            os.path.realpath(self.shared),
            os.path.realpath(self.shared + ".0"),
        )

    def test_shared_library_lets_out_what_the_header_has(self) -> None:
        with open(self.folder + "/include/mycelium.h", encoding="utf-8") as header:
            text = re.sub(r"/\*.*?\*/", "", header.read(), flags=re.DOTALL)
        declared = re.findall(r"MYCELIUM_API[^;]*?(mycelium_\w+)\(", text)
        self.assertGreater(len(declared), 30)
        names = output("nm", "-D", "--defined-only", "--extern-only", self.shared)
        found = [line.split()[-1] for line in names.splitlines()]
        found.remove("MYCELIUM_0.1")
        self.assertEqual(
            sorted(found), sorted(name + "@@MYCELIUM_0.1" for name in declared)
        )
        archived = output("nm", "--defined-only", "--extern-only", self.archive)
        found = re.findall(r"^\w+ \w (\S+)$", archived, flags=re.MULTILINE)
        self.assertEqual(sorted(found), sorted(declared))

    def test_digest_is_that_of_generated_python(self) -> None:
        library = ctypes.CDLL(self.shared)
        digest = library.mycelium_builtin_schema_digest
        digest.restype = ctypes.POINTER(ctypes.c_uint8 * 32)
        self.assertEqual(bytes(digest().contents), SCHEMA_DIGEST)

    def test_version_is_that_of_the_library(self) -> None:
        version = self.pkg_config("--modversion")
        library = ctypes.CDLL(self.shared)
        library.mycelium_version.restype = ctypes.c_char_p
        self.assertEqual(library.mycelium_version().decode(), version[0])


if __name__ == "__main__":
    unittest.main()
