"""A C++ program with Python in it: both are on the same buses."""

import os
import subprocess
import sys

import pytest

from client.python.native import installed

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = """
import threading
from mycelium_native import Runtime
from mycelium_protocol import Answer, Question, TextMessage

rt = Runtime(url="inproc:shared")
done = threading.Event()

def handle(message):
    if message.sender == "host":
        rt.publish(TextMessage(sender="python", content=message.content + " back"))
        done.set()

rt.subscribe(TextMessage, handle)
rt.respond(Question, lambda question: Answer(text=question.text.upper()))
"""


def test_host_and_python_share_a_named_bus() -> None:
    library = os.path.join(installed.PATH, "mycelium_native")
    result = subprocess.run(
        [os.path.join(HERE, "python_host"), PROGRAM],
        capture_output=True,
        encoding="utf-8",
        env={**installed.environment(), "LD_LIBRARY_PATH": library},
        timeout=60,
        check=False,
    )
    assert result.stdout.splitlines() == [
        "round 1: python: hello back, answer WHO, direct callback saw 2",
        "round 2: python: hello back, answer WHO, direct callback saw 2",
        "one library",
    ], result.stderr
    assert result.returncode == 0


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider", *sys.argv[1:]]))
