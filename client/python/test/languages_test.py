"""Together with the C++ client: the tool and tests/integration/typed_peer.cc;
and schemas that do not go together."""

import importlib.util
import json
import os
import subprocess
import sys
from typing import Any, List

import pytest

import mycelium
from tests.integration.broker_process import BrokerProcess
from tests.integration.deadline import SECONDS

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../..")
TOOL = os.path.join(ROOT, "client/cli/mycelium")


def load(version: str) -> Any:
    """The module chat in one of its versions."""
    path = os.path.join(ROOT, f"tests/schemas/chat_{version}_python_gen/chat.py")
    name = "chat_" + version
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def start(*command: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def peer(version: str, url: str, *arguments: str) -> "subprocess.Popen[str]":
    path = os.path.join(ROOT, "tests/integration/typed_peer_" + version)
    return start(path, url, *arguments)


def lines_of(process: "subprocess.Popen[str]") -> List[str]:
    output, errors = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, errors
    return output.splitlines()


def test_cpp_and_python_read_each_other(url: str) -> None:
    chat = load("now")
    with mycelium.connect(url, schema=chat) as client:
        subscription = client.subscribe(chat.TextMessage)
        lines_of(peer("now", url, "pub", "from C++", "twice"))
        for content in ("from C++", "twice"):
            message = subscription.next(SECONDS)
            assert (message.sender, message.content) == ("typed_peer", content)
        subscriber = peer("added", url, "sub", "1")
        assert subscriber.stdout is not None
        assert subscriber.stdout.readline() == "ready\n"
        client.publish(chat.TextMessage(sender="python", content="hello"))
        client.flush(SECONDS)
        assert lines_of(subscriber) == ["python: hello"]


def test_the_tool_reads_and_writes_what_python_does(url: str) -> None:
    chat = load("now")
    with mycelium.connect(url, schema=chat) as client:
        tool = start(
            *(TOOL, "sub", "chat.TextMessage", "--count", "1"),
            *("--format", "json", "--url", url),
        )
        assert tool.stderr is not None
        assert "chat.TextMessage" in tool.stderr.readline()
        client.publish(chat.TextMessage(content="readable"), "a.b")
        client.flush(SECONDS)
        (line,) = lines_of(tool)
        assert json.loads(line)["message"] == {"content": "readable"}
        subscription = client.subscribe(chat.TextMessage, "from.*")
        lines_of(
            start(
                *(TOOL, "pub", "chat.TextMessage", "--topic", "from.tool"),
                *("--json", '{"content": "of the tool"}', "--url", url),
            )
        )
        assert subscription.next(SECONDS).content == "of the tool"


def test_the_tool_asks_python(broker: BrokerProcess) -> None:
    with mycelium.connect(broker.unix_url) as client:
        reply = start(
            *(TOOL, "reply", "7", "--data", "pong", "--count", "1"),
            *("--url", broker.unix_url),
        )
        assert reply.stderr is not None
        reply.stderr.readline()
        answer = client.request_bytes(7, b"ping", timeout_s=SECONDS)
        assert answer.payload == b"pong"
        reply.communicate(timeout=SECONDS)


@pytest.mark.parametrize("how", ["sync", "asyncio"])
def test_a_schema_that_does_not_go_is_refused_with_the_field(
    url: str, how: str
) -> None:
    import asyncio

    async def connect() -> None:
        await mycelium.aio.connect(url, schema=load("changed"))

    with mycelium.connect(url, schema=load("now")):
        with pytest.raises(mycelium.FailedPreconditionError) as raised:
            if how == "sync":
                mycelium.connect(url, schema=load("changed"))
            else:
                asyncio.run(connect())
    assert str(raised.value) == (
        f"connect {url}: refused by the broker: schema: chat.TextMessage.timestamp is "
        "string here, int64 at the broker (field 3, FIELD_WIRE_COMPATIBLE_TYPE) "
        "(CODE_SCHEMA)"
    )
