"""How programs end, in each awkward state: every program here is a process of its
own, has to end by itself in time, and is held to what it prints."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from typing import Optional, Tuple

import pytest

from client.python.native import installed
from tests.integration.deadline import SECONDS, wait_until

HEADER = """
import os, signal, sys, threading, time
import mycelium_native as native
from mycelium_native import Runtime
from mycelium_protocol import Answer, Question, TextMessage
def text(content="x", timestamp=0):
    return TextMessage(sender="py", content=content, timestamp=timestamp)
"""


def start(program: str, *flags: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, *flags, "-c", HEADER + textwrap.dedent(program)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env=installed.environment(),
    )


def end(process: "subprocess.Popen[str]") -> Tuple[int, str, str]:
    try:
        out, err = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)  # faulthandler says where it stands
        out, err = process.communicate()
        raise AssertionError("it does not end:\n" + out + err) from None
    return process.returncode, out, err


def run(program: str, *flags: str) -> Tuple[int, str, str]:
    return end(start(program, *flags))


CLEAN = (0, "", "")

# --- Exit ---------------------------------------------------------------------


@pytest.mark.parametrize("how", ["pass", "sys.exit(0)", "del rt", "rt.close()"])
def test_exit_with_messages_under_way(how: str) -> None:
    program = """
    rt = Runtime()
    rt.subscribe(TextMessage, lambda message: None)
    rt.respond(Question, lambda question: Answer())
    rt.subscribe(TextMessage)
    for _ in range(10_000):
        rt.publish(text())
    %s
    """
    assert run(program % how) == CLEAN


def test_exit_waits_for_the_callback_that_runs() -> None:
    program = """
    rt = Runtime()
    begun = threading.Event()
    def handle(message):
        begun.set()
        time.sleep(0.3)
        print("done", flush=True)
        rt.publish_bytes(7, b"")
    rt.subscribe(TextMessage, handle)
    rt.publish(text())
    begun.wait()
    """
    status, out, err = run(program)
    assert (status, out) == (0, "done\n"), err


def test_exit_with_an_error_and_a_cycle() -> None:
    program = """
    class Holder:
        def __init__(self):
            self.rt = Runtime()
            self.rt.subscribe(TextMessage, self.handle)
        def handle(self, message): pass
        def __del__(self):
            self.rt.close()
    holder = Holder()
    holder.rt.publish(text())
    1 / 0
    """
    status, _, err = run(program)
    assert status == 1 and err.endswith("ZeroDivisionError: division by zero\n")


@pytest.mark.parametrize(
    "body",
    [
        "rt.publish(text())",
        "rt.publish_acked(text())",
        "subscription.next()",
        "rt.request(Question(), Answer)",
        "rt.flush()",
        "Runtime().close()",
        "rt.subscribe(TextMessage, lambda m: None).close()",
        "Runtime(url='inproc:x').subscribe(TextMessage, print)",
    ],
)
def test_exit_while_a_daemon_thread_goes_on(body: str) -> None:
    """It gets errors once everything is closed; it must not crash or hang."""
    program = """
    rt = Runtime()
    rt.subscribe(TextMessage, lambda message: None)
    rt.respond(Question, lambda question: Answer())
    subscription = rt.subscribe(TextMessage)
    begun = threading.Event()
    def forever():
        while True:
            begun.set()
            try:
                %s
            except (native.Error, RuntimeError):
                pass
    for _ in range(3):
        threading.Thread(target=forever, daemon=True).start()
    begun.wait()
    time.sleep(0.05)
    """
    for _ in range(5):
        status, out, err = run(program % body, "-W", "ignore")
        assert (status, out) == (0, ""), err


def test_exit_with_a_stuck_callback_after_ctrl_c() -> None:
    program = """
    rt = Runtime()
    begun = threading.Event()
    def handle(message):
        begun.set()
        threading.Event().wait()
    rt.subscribe(TextMessage, handle)
    rt.publish(text())
    begun.wait()
    import atexit
    atexit.register(lambda: print("ending", flush=True))
    """
    process = start(program)
    assert process.stdout is not None and process.stdout.readline() == "ending\n"
    interrupt(process)
    _, _, err = end(process)
    assert "KeyboardInterrupt" in err


def test_what_is_used_after_the_end_says_so() -> None:
    program = """
    import atexit
    """
    header = """
    import atexit
    def late():
        for call in (lambda: rt.publish(text()), lambda: Runtime(), lambda: rt.close()):
            try:
                call()
                print("done")
            except Exception as error:
                print(type(error).__name__, error)
    atexit.register(late)
    """
    process = subprocess.run(
        [
            sys.executable,
            "-c",
            textwrap.dedent(header)
            + HEADER
            + textwrap.dedent(program)
            + "rt = Runtime()",
        ],
        capture_output=True,
        encoding="utf-8",
        env=installed.environment(),
        timeout=SECONDS,
        check=True,
    )
    lines = process.stdout.splitlines()
    assert lines[0].startswith(
        ("ClosedError", "UnavailableError", "FailedPreconditionError")
    )
    assert lines[1:] == [
        "RuntimeError runtime: the interpreter ends, allowed before that",
        "done",
    ]
    assert process.stderr == ""


def test_acked_futures_end_at_exit() -> None:
    program = """
    rt = Runtime()
    for _ in range(100):
        rt.publish_acked(text()).add_done_callback(lambda f: None)
    """
    assert run(program) == CLEAN


def test_an_unclosed_runtime_is_warned_about_only_when_it_is_dropped() -> None:
    program = """
    def one():
        Runtime()
    one()
    rt = Runtime()
    """
    status, _, err = run(program, "-W", "always")
    assert status == 0 and err.count("ResourceWarning: unclosed <Runtime inproc:>") == 1


def test_a_subinterpreter_is_refused() -> None:
    program = """
    try:
        import _xxsubinterpreters as interpreters
    except ImportError:
        import _interpreters as interpreters
    other = interpreters.create()
    try:
        # From 3.13 on it returns what was raised.
        failure = interpreters.run_string(other, "import mycelium_native")
    except Exception as error:
        failure = error
    print("let in" if failure is None else f"refused {failure}")
    interpreters.destroy(other)
    rt = Runtime()
    """
    status, out, err = run(program)
    assert status == 0 and out.startswith("refused"), out + err
    assert "subinterpreter" in out


# --- fork ---------------------------------------------------------------------


def test_a_forked_child_has_runtimes_of_its_own() -> None:
    program = """
    import queue, warnings
    warnings.simplefilter("ignore")
    rt = Runtime()
    got = queue.Queue()
    subscription = rt.subscribe(TextMessage, got.put)
    pulled = rt.subscribe(TextMessage)
    for _ in range(1000):
        rt.publish(text())
    child = os.fork()
    if child == 0:
        for call in (
            lambda: rt.publish(text()),
            lambda: rt.flush(),
            lambda: rt.subscribe(TextMessage, print),
            lambda: pulled.next(),
            lambda: rt.request(Question(), Answer),
        ):
            try:
                call()
                print("not refused")
            except native.FailedPreconditionError:
                pass
        subscription.close()
        rt.close()
        own = Runtime()
        mine = queue.Queue()
        own.subscribe(TextMessage, mine.put)
        own.publish(text("of the child"))
        print(mine.get(timeout=20).content, flush=True)
        sys.exit(7)
    _, status = os.waitpid(child, 0)
    for _ in range(1000):
        got.get(timeout=20)
    rt.publish(text("of the parent"))
    print(os.waitstatus_to_exitcode(status), got.get(timeout=20).content)
    """
    status, out, err = run(program)
    assert (status, out) == (0, "of the child\n7 of the parent\n"), err


def test_a_fork_while_callbacks_run_and_within_one() -> None:
    program = """
    import warnings
    warnings.simplefilter("ignore")
    rt = Runtime()
    statuses = []
    def handle(message):
        if message.timestamp % 100 == 0:
            child = os.fork()
            if child == 0:
                os._exit(0)
            statuses.append(os.waitpid(child, 0)[1])
    rt.subscribe(TextMessage, handle)
    for i in range(1000):
        rt.publish(text("x", i))
        if i % 100 == 50:
            child = os.fork()
            if child == 0:
                Runtime().publish(text())
                sys.exit(0)
            assert os.waitpid(child, 0)[1] == 0
    while len(statuses) < 10:
        time.sleep(0.01)
    print(set(statuses))
    """
    status, out, err = run(program)
    assert (status, out) == (0, "{0}\n"), err


def test_multiprocessing_with_fork() -> None:
    program = """
    import multiprocessing, warnings
    warnings.simplefilter("ignore")
    rt = Runtime()
    rt.subscribe(TextMessage, lambda message: None)
    def square(number):
        with Runtime() as own:
            own.publish(text())
        return number * number
    with multiprocessing.get_context("fork").Pool(3) as pool:
        print(pool.map(square, range(5)))
    rt.publish(text())
    """
    status, out, err = run(program)
    assert (status, out) == (0, "[0, 1, 4, 9, 16]\n"), err


# --- Ctrl-C -------------------------------------------------------------------


def sleeps(pid: int) -> bool:
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0] == "S"


def interrupt(process: "subprocess.Popen[str]") -> None:
    """Sends SIGINT once the main thread waits for something."""
    wait_until(lambda: sleeps(process.pid), "the main thread to wait")
    process.send_signal(signal.SIGINT)


WAITS = {
    "next": "rt.subscribe(TextMessage).next()",
    "iteration": "for message in rt.subscribe(TextMessage): pass",
    "request": """
    rt.respond(Question, lambda question: forever.wait() and Answer())
    rt.request(Question(), Answer)""",
    "publish": """
    policy = native.Policy(queue_bytes_max=4096, stall_ms_max=-1)
    rt.subscribe(TextMessage, lambda message: forever.wait(), policy=policy)
    while True: rt.publish(text('x' * 100))""",
    "close of a subscription": """
    subscription = rt.subscribe(TextMessage, lambda m: begun.set() or forever.wait())
    rt.publish(text())
    begun.wait()
    subscription.close()""",
    "close": """
    rt.subscribe(TextMessage, lambda m: begun.set() or forever.wait())
    rt.publish(text())
    begun.wait()
    rt.close()""",
    "connect": """
    import socket
    listener = socket.create_server(("127.0.0.1", 0))
    Runtime(url="tcp://127.0.0.1:%d" % listener.getsockname()[1],
            connect_timeout_s=1000)""",
}


@pytest.mark.parametrize("name", WAITS)
def test_ctrl_c_ends_a_wait(name: str) -> None:
    program = f"""
    rt = Runtime()
    forever = threading.Event()
    begun = threading.Event()
    print("ready", flush=True)
    try:
        {WAITS[name].strip().replace(chr(10), chr(10) + "    ")}
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    forever.set()
    """
    process = start(program)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    interrupt(process)
    begin = time.monotonic()
    status, out, err = end(process)
    assert (status, out) == (0, "interrupted\n"), err
    assert time.monotonic() - begin < SECONDS / 2


def test_a_handler_that_does_not_raise_lets_the_wait_go_on() -> None:
    program = """
    rt = Runtime()
    subscription = rt.subscribe(TextMessage)
    signal.signal(signal.SIGINT, lambda *_: rt.publish(text("handled")))
    print("ready", flush=True)
    print(subscription.next().content)
    """
    process = start(program)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    interrupt(process)
    assert end(process) == (0, "handled\n", "")


if __name__ == "__main__":
    flags = ["-q", "-p", "no:cacheprovider", *sys.argv[1:]]
    sys.exit(pytest.main([__file__, *flags]))
