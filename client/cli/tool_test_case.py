"""Runs the tool against the real broker, for the tests of this folder."""

import contextlib
import os
import re
import select
import shutil
import subprocess
import tempfile
import time
import unittest
from typing import IO, Any, Callable, Iterator, Match, Optional, Tuple, TypeVar

TOOL = "client/cli/mycelium"
BROKER = "broker/mycelium-brokerd"
DEADLINE_S = 20
Found = TypeVar("Found")
Tool = subprocess.Popen[bytes]


# Nobody's, here.
OTHER_UID = 54321


def as_other_user() -> None:
    os.setgroups([])
    os.setgid(OTHER_UID)
    os.setuid(OTHER_UID)


def why_no_other_user() -> str:
    """What keeps a test from running a program as another user; empty: nothing."""
    try:
        subprocess.run(["/bin/true"], preexec_fn=as_other_user, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        return "uid %d may not become uid %d: %s" % (os.geteuid(), OTHER_UID, error)
    return ""


def copy_for_all(program: str, directory: str) -> str:
    """The folders above a program that Bazel has built may be closed to others."""
    os.chmod(directory, 0o755)
    copy = os.path.join(directory, os.path.basename(program))
    if not os.path.exists(copy):
        shutil.copy(program, copy)
        os.chmod(copy, 0o755)
    return copy


def wait_for(condition: Callable[[], Found], what: str) -> Found:
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError("not within %d s: %s" % (DEADLINE_S, what))


def read_until(stream: Optional[IO[bytes]], pattern: str) -> Match[str]:
    """What `stream` says until a match; unbuffered, with a deadline."""
    assert stream is not None
    text = ""
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        ready, _, _ = select.select([stream], [], [], end - time.monotonic())
        if not ready:
            break
        piece = os.read(stream.fileno(), 65536)
        if not piece:
            break
        text += piece.decode()
        match = re.search(pattern, text)
        if match:
            return match
    raise AssertionError("%r is not in %r" % (pattern, text))


class Broker:
    def __init__(self, directory: str, config: str = "") -> None:
        self.url = "unix:" + os.path.join(directory, "brokerd.sock")
        path = os.path.join(directory, "brokerd.textproto")
        with open(path, "w") as file:
            file.write(config)
        # A file: a pipe that nobody reads would stop it when it is full.
        self.log = os.path.join(directory, "log")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [
                    BROKER,
                    "--config=" + path,
                    "--listen=" + self.url + ",tcp://127.0.0.1:0",
                ],
                stderr=log,
            )
        wait_for(lambda: " serves\n" in self.said(), "the broker serves")
        # It says where it listens: that is the port the system chose.
        listens = re.search(r"tcp://127\.0\.0\.1:[1-9]\d*", self.said())
        assert listens is not None
        self.tcp = listens[0]

    def said(self) -> str:
        with open(self.log) as log:
            return log.read()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(DEADLINE_S)


class ToolTestCase(unittest.TestCase):
    """One broker for all tests of a class."""

    config = ""
    directory: "tempfile.TemporaryDirectory[str]"
    programs: "tempfile.TemporaryDirectory[str]"  # copies for other users
    broker: Broker

    @classmethod
    def setUpClass(cls) -> None:
        # TEST_TMPDIR is too long for a Unix socket's path.
        cls.directory = tempfile.TemporaryDirectory(dir="/var/tmp")
        cls.programs = tempfile.TemporaryDirectory(dir="/var/tmp")
        cls.broker = Broker(cls.directory.name, cls.configuration())

    @classmethod
    def configuration(cls) -> str:
        """Of the broker; files that it names go to the directory."""
        return cls.config

    @classmethod
    def tearDownClass(cls) -> None:
        cls.broker.stop()
        cls.directory.cleanup()
        cls.programs.cleanup()

    def run_tool(
        self,
        *words: str,
        url: Optional[str] = None,
        code: int = 0,
        data: bytes = b"",
        tool: str = TOOL,
        **options: Any
    ) -> Tuple[str, str]:
        done = subprocess.run(
            [tool, *words, "--url", url or self.broker.url],
            input=data,
            capture_output=True,
            timeout=DEADLINE_S,
            **options,
        )
        self.assertEqual(done.returncode, code, done.stderr.decode())
        return done.stdout.decode(), done.stderr.decode()

    def run_as_other_user(
        self, *words: str, url: Optional[str] = None, code: int = 0
    ) -> Tuple[str, str]:
        return self.run_tool(
            *words,
            url=url,
            code=code,
            tool=copy_for_all(TOOL, self.programs.name),
            preexec_fn=as_other_user,
            cwd="/",
        )

    @contextlib.contextmanager
    def subscriber(self, *words: str, url: Optional[str] = None) -> Iterator[Tool]:
        process = subprocess.Popen(
            [TOOL, "sub", *words, "--url", url or self.broker.url],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )
        try:
            read_until(process.stderr, "subscribed to .*\n")
            yield process
        finally:
            process.kill()
            process.communicate()

    def finish(self, process: Tool, code: int = 0) -> Tuple[str, str]:
        out, err = process.communicate(timeout=DEADLINE_S)
        self.assertEqual(process.returncode, code, err.decode())
        return out.decode(), err.decode()
