"""Puts what the wheel holds on sys.path; for tests, imported first.

`client/python/native/*.whl` is unpacked once for each test program, into the
folder PATH, so that tests run what is shipped.
"""

import atexit
import glob
import os
import shutil
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


def environment() -> "dict[str, str]":
    """For a Python program that a test starts."""
    return {**os.environ, "PYTHONPATH": PATH, "PYTHONFAULTHANDLER": "1"}
