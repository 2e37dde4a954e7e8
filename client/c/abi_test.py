"""The binary interface of libmycelium_ffi.so is that of client/c/abi/.

After a change that only adds, and raises MYCELIUM_ABI_VERSION:
  bazel run //client/c:abi_test -- --update
"""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

FOLDER = "client/c"
BASELINE = FOLDER + "/abi/libmycelium_ffi.abi"


def describe(folder: str) -> str:
    """What abidw says of the library; types are those of mycelium.h alone."""
    include = os.path.join(folder, "include")
    os.mkdir(include)
    shutil.copy(FOLDER + "/mycelium.h", include)
    library = os.path.join(folder, "libmycelium_ffi.so")
    link = ["g++", "-shared", "-o", library, "-Wl,-soname,libmycelium_ffi.so.0"]
    link += [f"-Wl,--version-script={FOLDER}/libmycelium_ffi.lds"]
    link += ["-Wl,--whole-archive", FOLDER + "/debug/libmycelium_ffi.a"]
    subprocess.run(link + ["-Wl,--no-whole-archive"], check=True)
    description = os.path.join(folder, "now.abi")
    abidw = ["abidw", "--headers-dir", include, "--drop-private-types"]
    abidw += ["--exported-interfaces-only", "--type-id-style", "hash"]
    abidw += ["--no-corpus-path", "--no-show-locs", "--no-comp-dir-path"]
    subprocess.run(abidw + ["--out-file", description, library], check=True)
    return description


class AbiTest(unittest.TestCase):
    def test_programs_that_were_built_before_go_on(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            now = describe(folder)
            with open(now, encoding="utf-8") as text:
                described = text.read()
            # Or nothing would be compared.
            for name in ("mycelium_message", "mycelium_subscribe_options"):
                self.assertRegex(described, f"class-decl name='{name}' size-in-bits")
            self.assertNotIn("shared_ptr", described)
            run = subprocess.run(
                ["abidiff", BASELINE, now],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            self.assertEqual(run.returncode, 0, f"\n{run.stdout}\n{__doc__}")


def update() -> None:
    with tempfile.TemporaryDirectory() as folder:
        baseline = os.path.join(os.environ["BUILD_WORKSPACE_DIRECTORY"], BASELINE)
        os.makedirs(os.path.dirname(baseline), exist_ok=True)
        shutil.copyfile(describe(folder), baseline)


if __name__ == "__main__":
    if sys.argv[1:] == ["--update"]:
        update()
    else:
        unittest.main()
