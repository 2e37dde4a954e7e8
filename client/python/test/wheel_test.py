"""The wheel can be installed and used, and is the version of the package."""

import glob
import os
import subprocess
import sys
import zipfile

import mycelium

WHEELS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../*.whl")


def test_the_wheel_is_whole() -> None:
    (path,) = glob.glob(WHEELS)
    with zipfile.ZipFile(path) as wheel:
        names = set(wheel.namelist())
        info = f"mycelium-{mycelium.__version__}.dist-info/"
        assert {info + n for n in ("METADATA", "WHEEL", "RECORD")} <= names
        assert {"mycelium/__init__.py", "mycelium/py.typed"} <= names
        package = os.path.dirname(mycelium.__file__)
        sources = {f"mycelium/{n}" for n in os.listdir(package) if n.endswith(".py")}
        assert sources <= names
        assert (
            f"Version: {mycelium.__version__}" in wheel.read(info + "METADATA").decode()
        )


def test_pip_installs_it(tmp_path: str) -> None:
    (path,) = glob.glob(WHEELS)
    target = os.path.join(tmp_path, "site")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--no-index", "--no-deps"]
        + ["--quiet", "--target", target, path],
        check=True,
    )
    program = "import mycelium; print(mycelium.__file__, mycelium.__version__)"
    output = subprocess.run(
        [
            sys.executable,
            "-I",
            "-c",
            f"import sys; sys.path.insert(0, {target!r}); {program}",
        ],
        check=True,
        capture_output=True,
        encoding="utf-8",
    ).stdout.split()
    assert output == [os.path.join(target, "mycelium/__init__.py"), "0.1.0"]
