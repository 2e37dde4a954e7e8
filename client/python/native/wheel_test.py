"""The wheel as users have it: pip puts it into an empty environment, offline, and
what README.md shows runs there."""

import glob
import hashlib
import os
import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from typing import Iterator, List

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
WHEEL = glob.glob(os.path.join(HERE, "*.whl"))[0]
SECONDS = 120


def run(*command: str) -> str:
    result = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
        cwd="/",
        timeout=SECONDS,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The interpreter of a new environment with the wheel and nothing else."""
    folder = str(tmp_path_factory.mktemp("venv"))
    venv.create(folder, with_pip=True)
    interpreter = os.path.join(folder, "bin/python")
    run(interpreter, "-m", "pip", "install", "--no-index", "--no-cache-dir", WHEEL)
    yield interpreter
    run(interpreter, "-m", "pip", "uninstall", "--yes", "mycelium_native")
    left = run(interpreter, "-c", "import pkgutil; print(list(pkgutil.iter_modules()))")
    assert "mycelium" not in left


def blocks(language: str) -> List[str]:
    with open(os.path.join(HERE, "README.md"), encoding="utf-8") as readme:
        return re.findall(f"```{language}\n(.*?)```", readme.read(), re.DOTALL)


def test_the_sketch(python: str) -> None:
    program = """
import threading
done = threading.Event()
def handle(message):
    print(message)
    done.set()
from mycelium_native import Runtime
from mycelium_protocol import TextMessage, SCHEMA_DIGEST
rt = Runtime(SCHEMA_DIGEST)
rt.subscribe(TextMessage, handle)
rt.publish(TextMessage(sender="py", content="hi", timestamp=123))
done.wait(60)
"""
    assert run(python, "-c", program) == (
        "TextMessage(sender='py', content='hi', timestamp=123)\n"
    )


def test_the_programs_of_the_readme(python: str) -> None:
    programs, outputs = blocks("python"), blocks("text")
    assert len(programs) == len(outputs) > 3
    for program, output in zip(programs, outputs):
        assert run(python, "-c", program) == output


def test_its_types(python: str, tmp_path: "os.PathLike[str]") -> None:
    program = os.path.join(tmp_path, "program.py")
    with open(program, "w", encoding="utf-8") as file:
        file.write(
            """
from concurrent.futures import Future
import mycelium_protocol
from mycelium_native import Gap, MessageInfo, Runtime, Schema, Subscription
from mycelium_protocol import Answer, Question, TextMessage

def handle(message: TextMessage) -> None: ...
def handle_with(message: TextMessage, info: MessageInfo) -> None: ...
def on_gap(gap: Gap) -> None: ...
def later(question: Question) -> "Future[Answer]": return Future()

with Runtime(mycelium_protocol.SCHEMA_DIGEST, schema=mycelium_protocol) as rt:
    pushed: Subscription[TextMessage] = rt.subscribe(TextMessage, handle)
    rt.subscribe(TextMessage, handle_with, with_info=True, policy="live")
    rt.respond(Question, lambda question: Answer(text=question.text))
    rt.respond(Question, later)
    answer: Answer = rt.request(Question(), Answer, 1.0)
    accepted: "Future[None]" = rt.publish_acked(TextMessage())
    for message in rt.subscribe(TextMessage, on_gap=on_gap):
        print(message.content)
    rt.subscribe(TextMessage).next().content
    for each, info in rt.subscribe(TextMessage, on_gap=on_gap, with_info=True):
        print(each.content, info.topic)
"""
        )
    run("/usr/bin/mypy", "--strict", "--python-executable", python, program)
    with open(program, "a", encoding="utf-8") as file:
        file.write(
            """
rt.subscribe(TextMessage, later)
rt.subscribe(TextMessage, handle, with_info=True)
rt.subscribe(int)
rt.publish_bytes(7, "text")
answer.content
"""
        )
    result = subprocess.run(
        ["/usr/bin/mypy", "--strict", "--python-executable", python, program],
        capture_output=True,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
    )
    lines = {
        line.split(":")[1] for line in result.stdout.splitlines() if ": error: " in line
    }
    assert len(lines) == 5, result.stdout


def test_its_tag_is_that_of_this_machine() -> None:
    platform = re.sub("[-.]", "_", sysconfig.get_platform())
    assert os.path.basename(WHEEL) == f"mycelium_native-0.1.0-cp39-abi3-{platform}.whl"


def test_its_version_is_the_librarys(python: str) -> None:
    program = "import mycelium_native; print(mycelium_native.__version__)"
    assert run(python, "-c", program) == os.path.basename(WHEEL).split("-")[1] + "\n"


def test_it_is_the_same_again_from_the_same_files() -> None:
    with zipfile.ZipFile(WHEEL) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {
            (1980, 1, 1, 0, 0, 0)
        }
        names = archive.namelist()
        assert names[:-3] == sorted(names[:-3])
        record = archive.read(names[-1]).decode()
        for line in record.splitlines()[:-1]:
            path, digest, size = line.split(",")
            content = archive.read(path)
            assert len(content) == int(size)
            assert hashlib.sha256(content).digest().hex() == _hex(digest)


def _hex(digest: str) -> str:
    import base64

    algorithm, _, text = digest.partition("=")
    assert algorithm == "sha256"
    return base64.urlsafe_b64decode(text + "=").hex()


def test_the_extension_needs_nothing_outside_of_the_stable_abi(
    tmp_path: "os.PathLike[str]",
) -> None:
    with zipfile.ZipFile(WHEEL) as archive:
        extension = archive.extract("mycelium_native/_native.abi3.so", tmp_path)
        library = archive.extract("mycelium_native/libmycelium_ffi.so.0", tmp_path)
    dynamic = run("/usr/bin/readelf", "-d", extension)
    assert "Library runpath: [$ORIGIN]" in dynamic
    needed = set(re.findall(r"NEEDED.*\[(.*)\]", dynamic))
    assert "libmycelium_ffi.so.0" in needed
    assert not {name for name in needed if "python" in name}
    assert "soname: [libmycelium_ffi.so.0]" in run("/usr/bin/readelf", "-d", library)
    symbols = run("/usr/bin/nm", "-D", "--undefined-only", extension)
    private = re.findall(r" U (_Py\w+)", symbols)
    # What macros of the limited API of 3.9 expand to.
    allowed = {"_Py_NoneStruct", "_Py_TrueStruct", "_Py_FalseStruct", "_Py_Dealloc"}
    assert {name for name in private if not name.endswith("_SizeT")} <= allowed
    exported = run("/usr/bin/nm", "-D", "--defined-only", extension).split()
    assert [name for name in exported if name.startswith("Py")] == ["PyInit__native"]


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider", *sys.argv[1:]]))
