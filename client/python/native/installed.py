"""Puts what the wheel holds on sys.path; for tests, imported first.

`client/python/native/*.whl` is unpacked once for each test program, into the
folder PATH, so that tests run what is shipped.
"""

import atexit
import glob
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
WHEEL = glob.glob(os.path.join(HERE, "*.whl"))[0]
PATH = tempfile.mkdtemp(prefix="native", dir=os.environ.get("TEST_TMPDIR"))
atexit.register(shutil.rmtree, PATH, True)

with zipfile.ZipFile(WHEEL) as _archive:
    _archive.extractall(PATH)
sys.path.insert(0, PATH)


def _load_sanitizer() -> None:
    """Begins the program again with ASan's library, if the extension needs it:
    it has to be the first that is loaded."""
    with open(os.path.join(PATH, "mycelium_native/_native.abi3.so"), "rb") as file:
        if b"__asan_init" not in file.read() or "libasan" in os.environ.get(
            "LD_PRELOAD", ""
        ):
            return
    library = subprocess.run(
        ["gcc", "-print-file-name=libasan.so"],
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=True,
    ).stdout.strip()
    shutil.rmtree(PATH)
    # The interpreter leaves things behind at its end, which is no matter here.
    os.environ.update(LD_PRELOAD=library, ASAN_OPTIONS="detect_leaks=0")
    os.execv(sys.executable, [sys.executable, *sys.argv])


_load_sanitizer()


def environment() -> "dict[str, str]":
    """For a Python program that a test starts."""
    return {**os.environ, "PYTHONPATH": PATH, "PYTHONFAULTHANDLER": "1"}
