"""The socket of a synchronous client, and who reads it.

Whoever waits for something reads the socket itself, so that an answer needs no
other thread; all others that wait meanwhile sleep until it has read something.
A thread of the client's own, the keeper, reads while nobody waits, keeps the
connection alive, writes what the socket did not take at once, and connects
again.

Everything is guarded by `lock`; nobody waits for the system while holding it.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
import time
from collections import deque
from typing import Callable, Deque, List, Optional, Tuple

from .dial import connect, connect_fault, system_words
from .engine import Engine
from .errors import Error, StatusCode, UnavailableError
from .events import StateChanged
from .log import LOG
from .options import Options
from .subscriber import Subscriber

READ_BYTES = 256 << 10
# A publish that follows another one so soon, and so many of these in a row, make
# a burst; then they are written together, after _GATHER_S at the latest.
_BURST_GAP_S = 20e-6
_BURST_PUBLISHES = 16
_GATHER_BYTES = 64 << 10
_GATHER_S = 0.001
# How long the keeper leaves the socket to those that have just waited for it.
# Whoever waits for something reads by itself, so nobody waits for this.
_GRACE_S = 0.05

now = time.monotonic


class Link:
    def __init__(self, options: Options) -> None:
        self.engine = Engine(options)
        self.lock = threading.Lock()
        self.options = options
        self._changed = threading.Condition(self.lock)
        self._sleeping = 0  # that wait for _changed
        self._asking = 0  # that wait for an answer, see Engine.reads
        self._socket: Optional[socket.socket] = None
        self._given_up: List[socket.socket] = []  # to be closed by the keeper
        self._published_at = 0.0
        self._burst = 0  # publishes in a row
        self._gathering = False  # the keeper writes what is gathered
        self._reader = False  # somebody who waits polls the socket
        self._reader_since = 0.0
        self._read_at = 0.0  # when such a one did last
        self._keeper_sleeps = False  # until it is woken
        self._poll = select.poll()  # the reader's
        self._polled = 0  # what it polls the socket for
        self._reader_wake = _Wake()
        self._keeper_wake = _Wake()
        self._stop = _Wake()  # of an attempt to connect
        self._poll.register(self._reader_wake.fd, select.POLLIN)
        self._keeper: Optional[threading.Thread] = None
        self._caller: Optional[threading.Thread] = None
        self._closing = False
        self._over = False
        self.responders: List[threading.Thread] = []
        self._dropped: Deque[Subscriber] = deque()  # by whoever; no lock

    # --- Beginning

    def open(self) -> None:
        """Connects, on the caller's thread; raises why it could not."""
        engine = self.engine
        try:
            with self.lock:
                self._dial_unlocked()
                self.after()
                self.wait(lambda: engine.is_open or engine.ended is not None)
                if engine.ended is not None:
                    raise engine.ended
                if self.options.on_state or self.options.on_unaccepted:
                    self._caller = self._start("mycelium-call", self._call)
                self._keeper = self._start("mycelium-keep", self._keep)
        except BaseException:
            self._close_sockets()
            raise

    def _start(self, name: str, run: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=run, name=name, daemon=True)
        thread.start()
        return thread

    def _dial_unlocked(self) -> None:
        """One attempt.  REQUIRES: the lock, which is let go meanwhile."""
        deadline = now() + self.options.connect_timeout_s
        self.lock.release()
        found: Optional[socket.socket] = None
        fault: Optional[Error] = None
        try:
            found = connect(self.options.address, deadline, self._stop.fd)
        except OSError as error:
            fault = connect_fault(self.options.address, error)
        finally:
            self.lock.acquire()
        if fault is not None:
            self.engine.lost(fault, now())
        elif found is not None and self.engine.ended is None:
            self._socket = found
            self._poll.register(found, select.POLLIN)
            self._polled = select.POLLIN
            self.engine.connected(now())
        elif found is not None:
            found.close()

    # --- Within the lock

    def interrupted(self) -> None:
        """What came out of the middle of the engine, such as KeyboardInterrupt,
        costs the connection and nothing else."""
        self.engine.interrupted(now())
        self._give_up_socket()

    def after(self) -> None:
        """After something was done with the engine: writes what there is, and
        wakes whom it concerns."""
        engine = self.engine
        while self._socket is not None:
            data = engine.output()
            if not data:
                break
            try:
                engine.wrote(self._socket.send(data))
            except BlockingIOError:
                self._keeper_wake.set()
                break
            except OSError as error:
                if self._is_readable():
                    break
                engine.lost(UnavailableError(system_words(error)), now())
        if self._socket is not None and not engine.has_connection:
            self._give_up_socket()
        if engine.events:
            if self._caller is None:
                engine.events.clear()  # nobody wants to hear of them
            self._wake_all()

    def after_publish(self) -> None:
        """The same after a publish: a lone one is written at once."""
        soon = now() - self._published_at < _BURST_GAP_S
        self._burst = self._burst + 1 if soon else 0
        if self._burst < _BURST_PUBLISHES or self.engine.output_bytes >= _GATHER_BYTES:
            self.after()
        elif not self._gathering:
            self._gathering = True
            self._keeper_wake.set()
        self._published_at = now()

    def _is_readable(self) -> bool:
        """A peer that has closed may have said why: whoever reads next sees it."""
        assert self._socket is not None
        try:
            return bool(self._socket.recv(1, socket.MSG_PEEK))
        except OSError:
            return False

    def _give_up_socket(self) -> None:
        found, self._socket = self._socket, None
        if found is None:
            return
        self._poll.unregister(found)
        with contextlib.suppress(OSError):
            if self.engine.last_words:
                found.send(self.engine.last_words)
            found.shutdown(socket.SHUT_RDWR)
        self._given_up.append(found)
        self._keeper_wake.set()
        self._wake_all()

    def _wake_all(self) -> None:
        if self._sleeping:
            self._changed.notify_all()
        if self._reader:
            self._reader_wake.set()

    def kick(self) -> None:
        """What somebody waits for may be there, without anything being read."""
        self._wake_all()
        self._keeper_wake.set()

    def read(self) -> None:
        """What the socket has."""
        if self._socket is None:
            return
        try:
            data = self._socket.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self.engine.lost(UnavailableError(system_words(error)), now())
        else:
            if data:
                self.engine.receive(data, now())
            else:
                words = "end of the stream without CLOSE"
                if not self.engine.is_open:
                    words = "not a Mycelium broker: it closed before WELCOME"
                self.engine.lost(UnavailableError(words), now())
        self.after()
        if self._sleeping:
            self._changed.notify_all()

    def wait(
        self,
        done: Callable[[], bool],
        deadline: Optional[float] = None,
        asks: str = "",
    ) -> bool:
        """Until done(), which is asked again whenever something has come; False:
        the deadline came first.  `asks`: what is asked for, if the broker is to
        answer; then full queues do not keep its answer away."""
        self._asking += bool(asks)
        try:
            if self._gathering:
                self.after()
            while not done():
                time_s = now()
                if deadline is not None and time_s >= deadline:
                    return False
                if self._reader or self._socket is None:
                    self._sleep(deadline, time_s)
                elif self.engine.reads(self._asking > 0):
                    self._read_once(deadline, time_s)
                elif asks:
                    raise self.engine.stuck(asks)
                else:
                    self._sleep(deadline, time_s)
            return True
        finally:
            self._asking -= bool(asks)
            if self._sleeping:
                self._changed.notify_all()  # one of them reads now

    def _sleep(self, deadline: Optional[float], time_s: float) -> None:
        self._sleeping += 1
        try:
            self._changed.wait(None if deadline is None else deadline - time_s)
        finally:
            self._sleeping -= 1

    def _read_once(self, deadline: Optional[float], time_s: float) -> None:
        assert self._socket is not None
        until = _sooner(deadline, self.engine.deadline())
        wants = select.POLLIN | (select.POLLOUT if self.engine.has_output else 0)
        if wants != self._polled:
            self._poll.modify(self._socket, wants)
            self._polled = wants
        self._reader = True
        self._reader_since = time_s
        self.lock.release()
        try:
            ready = self._poll.poll(_ms_until(until, time_s))
        finally:
            self.lock.acquire()
            self._reader = False
            self._read_at = now()
            if self._keeper_sleeps:
                self._keeper_wake.set()
        try:
            for fd, events in ready:
                if fd == self._reader_wake.fd:
                    self._reader_wake.clear()
                elif events == select.POLLOUT:
                    self.after()
                else:
                    self.read()
            if not ready:
                self.engine.tick(now())
                self.after()
        except BaseException:
            self.interrupted()
            raise

    # --- The keeper

    def _keep(self) -> None:
        try:
            self._keep_until_over()
        except Exception as error:
            LOG.exception("client: a fault of its own")
            with self.lock:
                words = f"client: a fault of its own, {type(error).__name__}"
                self.engine.end(Error(words, StatusCode.INTERNAL))
                self._give_up_socket()
                self._wake_all()

    def _keep_until_over(self) -> None:
        poll = select.poll()
        poll.register(self._keeper_wake.fd, select.POLLIN)
        while True:
            with self.lock:
                self._close_given_up()
                while self._dropped:
                    self.engine.unsubscribe(self._dropped.popleft())
                self.engine.tick(now())
                self._gathering = self._gathering and self.engine.has_output
                self.after()
                if self._over:
                    return
                self._redial()
                found, (wants, until) = self._socket, self._keeper_wants(now())
            if found is not None and wants:
                poll.register(found, wants)
            ready = dict(poll.poll(_ms_until(until, now())))
            if found is not None and wants:
                poll.unregister(found)
            if self._keeper_wake.fd in ready:
                self._keeper_wake.clear()
                del ready[self._keeper_wake.fd]
            if any(events & ~select.POLLOUT for events in ready.values()):
                with self.lock:
                    if found is self._socket and not self._reader:
                        self.read()

    def _redial(self) -> None:
        redial_at = self.engine.redial_at
        if redial_at is not None and now() >= redial_at:
            self._dial_unlocked()
            self.after()

    def _keeper_wants(self, time_s: float) -> Tuple[int, Optional[float]]:
        """What the keeper polls the socket for, and until when."""
        engine = self.engine
        wants = select.POLLOUT if engine.has_output else 0
        until = _sooner(engine.deadline(), engine.redial_at)
        if self._gathering:
            until = time_s + _GATHER_S
        self._keeper_sleeps = False
        if self._reader and time_s > self._reader_since + _GRACE_S:
            self._keeper_sleeps = True  # the reader wakes it when it leaves
        elif self._reader or time_s < self._read_at + _GRACE_S:
            until = _sooner(until, time_s + _GRACE_S)
        elif engine.reads(self._asking > 0):
            wants |= select.POLLIN
        return wants, until

    def _close_given_up(self) -> None:
        if not self._reader:
            while self._given_up:
                self._given_up.pop().close()

    def drop(self, subscriber: Subscriber) -> None:
        """Nobody has it any more: for finalizers, which may run anywhere."""
        self._dropped.append(subscriber)
        self._keeper_wake.set()

    # --- Callbacks

    def _call(self) -> None:
        while True:
            with self.lock:
                while not self.engine.events and not self._over:
                    self._sleep(None, 0.0)
                if not self.engine.events:
                    return
            self.call_events()

    def call_events(self) -> None:
        """Callbacks that are due, on this thread, without the lock."""
        options = self.options
        while True:
            with self.lock:
                if not self.engine.events:
                    return
                event = self.engine.events.popleft()
            if isinstance(event, StateChanged):
                if options.on_state is not None:
                    _call_safely("on_state", options.on_state, *event)
            elif options.on_unaccepted is not None:
                _call_safely("on_unaccepted", options.on_unaccepted, *event)

    # --- The end

    def close(self, timeout_s: float) -> None:
        """See Client.close."""
        deadline = now() + timeout_s
        engine = self.engine
        with self.lock:
            first, self._closing = not self._closing, True
            engine.begin_close()
            self._stop.set()
            self.after()
            self.kick()
            if first:
                try:
                    self._say_goodbye(deadline)
                finally:
                    engine.finish_close()
                    self._give_up_socket()
                    self._over = True
                    self.kick()
            threads = (self._keeper, self._caller, *self.responders)
        me = threading.current_thread()
        if me is self._caller:
            self.call_events()
        for thread in threads:
            if thread is not None and thread is not me:
                thread.join(max(0.0, deadline - now()) + timeout_s)
        self._close_sockets()

    def _say_goodbye(self, deadline: float) -> None:
        engine = self.engine

        def gone() -> bool:
            return self._socket is None

        self.wait(lambda: gone() or engine.all_accepted, deadline)
        engine.say_goodbye()
        self.after()
        self.wait(lambda: gone() or not engine.has_output, deadline)
        if self._socket is None:
            return
        # Whoever closes a TCP socket with unread bytes takes back what was sent.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        self.wait(gone, deadline)

    def _close_sockets(self) -> None:
        with self.lock:
            self._close_given_up()
            if self._socket is not None:
                self._poll.unregister(self._socket)
                self._socket.close()
                self._socket = None
        keeper = self._keeper
        if keeper is None or not keeper.is_alive():
            self._keeper_wake.close()
            self._stop.close()
            if not self._reader:
                self._reader_wake.close()


class _Wake:
    """A descriptor that becomes readable."""

    def __init__(self) -> None:
        self.fd, self._write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._closed = False

    def set(self) -> None:
        if not self._closed:
            with contextlib.suppress(BlockingIOError):
                os.write(self._write, b"\0")

    def clear(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self.fd, 4096)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            os.close(self.fd)
            os.close(self._write)


def _call_safely(name: str, callback: Callable[..., None], *arguments: object) -> None:
    try:
        callback(*arguments)
    except Exception:
        LOG.exception("%s: the callback raised", name)


def _sooner(a: Optional[float], b: Optional[float]) -> Optional[float]:
    return a if b is None or a is not None and a < b else b


def _ms_until(time_s: Optional[float], now_s: float) -> Optional[float]:
    """Rounded up; None: without end."""
    if time_s is None:
        return None
    return max(0, -int(-(time_s - now_s) * 1000 // 1) if time_s > now_s else 0)
