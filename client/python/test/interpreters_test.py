"""Both wheels under every other interpreter of 3.9 and later that is on the
machine: installed by pip into an empty environment, and used."""

import glob
import os
import pwd
import subprocess
import sys
from typing import Dict, List

import pytest

from tests.integration.broker_process import BrokerProcess

HERE = os.path.dirname(os.path.abspath(__file__))
WHEELS = glob.glob(os.path.join(HERE, "../*.whl")) + glob.glob(
    os.path.join(HERE, "../native/*.whl")
)
# Debian's, those that were installed by hand, and pyenv's.
PLACES = [
    "/usr/bin",
    "/usr/local/bin",
    os.path.join(pwd.getpwuid(os.getuid()).pw_dir, ".pyenv/versions/*/bin"),
]
IN_PROCESS = """
import threading
from mycelium_native import Runtime
from mycelium_protocol import SCHEMA_DIGEST, TextMessage

done = threading.Event()
with Runtime(SCHEMA_DIGEST) as rt:
    rt.subscribe(TextMessage, lambda message: (print(message.content), done.set()))
    rt.publish(TextMessage(content="in process"))
    assert done.wait(60)
"""
OVER_A_SOCKET = """
import asyncio
import sys
import mycelium
import mycelium_protocol as chat
from mycelium_native import Runtime

url = sys.argv[1]
with mycelium.connect(url, schema=chat) as client, Runtime(url=url, schema=chat) as rt:
    messages = client.subscribe(chat.TextMessage)
    rt.publish(chat.TextMessage(content="native to pure"))
    print(next(iter(messages)).content)

async def main():
    async with mycelium.aio.connect(url, schema=chat) as client:
        messages = await client.subscribe(chat.TextMessage)
        await client.publish(chat.TextMessage(content="asyncio"))
        async for message in messages:
            print(message.content)
            break

asyncio.run(main())
"""


def others() -> Dict[str, str]:
    """An interpreter for each version but this one."""
    found: Dict[str, str] = {}
    own = "%d.%d" % sys.version_info[:2]
    for place in PLACES:
        for path in glob.glob(place + "/python3.*"):
            version = os.path.basename(path)[len("python") :]
            _, _, minor = version.partition(".")
            if minor.isdigit() and int(minor) >= 9 and version != own:
                found.setdefault(version, path)
    return found


def run(*command: str) -> List[str]:
    ended = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        env={"PATH": "/usr/bin:/bin"},
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout.splitlines()


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, id=version) for version, path in sorted(others().items())]
    # There is none: the other tests have seen the one that there is.
    or [sys.executable],
)
def test_both_wheels_work_there(path: str, tmp_path: "os.PathLike[str]") -> None:
    assert len(WHEELS) == 2
    folder = os.path.join(tmp_path, "venv")
    run(path, "-m", "venv", folder)
    python = os.path.join(folder, "bin/python")
    run(python, "-m", "pip", "install", "--no-index", "--no-cache-dir", *WHEELS)
    assert run(python, "-c", IN_PROCESS) == ["in process"]
    broker = BrokerProcess()
    try:
        assert run(python, "-c", OVER_A_SOCKET, broker.unix_url) == [
            "native to pure",
            "asyncio",
        ]
        broker.stop()
    finally:
        broker.remove()
