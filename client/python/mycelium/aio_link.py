"""The socket of an asyncio client: an Engine on an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Any, Callable, Iterator, List, Optional, TypeVar

from .dial import connect_fault, new_socket, system_words
from .engine import Engine
from .errors import DeadlineExceededError, UnavailableError, WouldBlockError
from .events import StateChanged
from .log import LOG
from .options import Options
from .requests import Pending
from .subscriber import Subscriber

READ_BYTES = 256 << 10
# Output beyond this is written within the call that made it.
_GATHER_BYTES = 64 << 10

V = TypeVar("V")


async def within(deadline: Optional[float], future: "asyncio.Future[V]") -> V:
    """The future's result; asyncio.TimeoutError: not before the deadline (of the
    loop's clock).  Cancelled or too late, it cancels the future."""
    if deadline is None:
        return await future
    loop = asyncio.get_running_loop()
    late = False

    def expire() -> None:
        nonlocal late
        late = future.cancel()

    timer = loop.call_at(deadline, expire)
    try:
        return await future
    except asyncio.CancelledError:
        if late:
            raise asyncio.TimeoutError from None
        raise
    finally:
        timer.cancel()


class AioLink:
    def __init__(self, options: Options) -> None:
        self.engine = Engine(options)
        self._options = options
        self._loop: asyncio.AbstractEventLoop = asyncio.get_running_loop()
        self._socket: Optional[socket.socket] = None
        self._reading = False  # the loop watches it for input
        self._writing = False  # and for room
        self._soon = False  # after() will be called by the loop
        self._asking = 0  # that wait for an answer, see Engine.reads
        self._changed: "List[asyncio.Future[None]]" = []  # that wait for anything
        self._timer: Optional[asyncio.TimerHandle] = None
        self._redialing: "Optional[asyncio.Task[None]]" = None
        self._closing: "Optional[asyncio.Future[None]]" = None
        self._ways_given = 0.0

    def deadline(self, timeout_s: Optional[float]) -> Optional[float]:
        return None if timeout_s is None else self._loop.time() + timeout_s

    # --- Beginning

    async def open(self) -> None:
        try:
            await self._dial()
            while not self.engine.is_open and self.engine.ended is None:
                await self._wait(None)
        except BaseException:
            self.engine.begin_close()
            self._give_up_socket()
            self._set_timer(None)
            raise
        if self.engine.ended is not None:
            self._set_timer(None)
            raise self.engine.ended

    async def _dial(self) -> None:
        """One attempt."""
        deadline = self._loop.time() + self._options.connect_timeout_s
        try:
            found = await self._connect(deadline)
        except OSError as error:
            fault = connect_fault(self._options.address, error)
            self.engine.lost(fault, self._loop.time())
            self.after()
            return
        except asyncio.TimeoutError:
            late = connect_fault(self._options.address, TimeoutError())
            self.engine.lost(late, self._loop.time())
            self.after()
            return
        if self.engine.ended is not None:
            found.close()
            return
        self._socket = found
        self._reading = True
        self._loop.add_reader(found, self._on_readable)
        self.engine.connected(self._loop.time())
        self.after()
        self._tick()

    async def _connect(self, deadline: float) -> socket.socket:
        address = self._options.address
        if address.path:
            return await self._connect_to(socket.AF_UNIX, address.path, deadline)
        lookup = asyncio.ensure_future(
            self._loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        )
        error: OSError = TimeoutError()
        for family, _, _, _, where in await within(deadline, lookup):
            try:
                return await self._connect_to(family, where, deadline)
            except OSError as why:
                error = why
        raise error

    async def _connect_to(
        self, family: int, where: Any, deadline: float
    ) -> socket.socket:
        opened = new_socket(family)
        try:
            while True:
                try:
                    connecting = self._loop.sock_connect(opened, where)
                    await within(deadline, asyncio.ensure_future(connecting))
                    return opened
                except BlockingIOError:  # a Unix listener whose backlog is full
                    if self._loop.time() >= deadline:
                        raise TimeoutError from None
                    await asyncio.sleep(0.001)
        except BaseException:
            opened.close()
            raise

    async def _redial(self, at: float) -> None:
        await asyncio.sleep(max(0.0, at - self._loop.time()))
        self._redialing = None
        await self._dial()

    # --- Reading and writing

    def _on_readable(self) -> None:
        assert self._socket is not None
        engine = self.engine
        try:
            data = self._socket.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            engine.lost(UnavailableError(system_words(error)), self._loop.time())
        else:
            if data:
                self._receive(data)
            else:
                words = "end of the stream without CLOSE"
                if not engine.is_open:
                    words = "not a Mycelium broker: it closed before WELCOME"
                engine.lost(UnavailableError(words), self._loop.time())
        self.after()
        self._wake()
        if not engine.reads(self._asking > 0):
            self._watch_input()
            self._tick()

    def _receive(self, data: bytes) -> None:
        try:
            self.engine.receive(data, self._loop.time())
        except BaseException:  # KeyboardInterrupt, before Python 3.11
            self.engine.interrupted(self._loop.time())
            self.after()
            raise

    def drop(self, subscriber: Subscriber) -> None:
        """Nobody has it any more: for finalizers, which may run anywhere."""
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._unsubscribe, subscriber)

    def _unsubscribe(self, subscriber: Subscriber) -> None:
        self.engine.unsubscribe(subscriber)
        self.after()
        self.resume_reading()

    def _watch_input(self) -> None:
        """Reads or not, as the engine says."""
        wanted = self._socket is not None and self.engine.reads(self._asking > 0)
        if wanted == self._reading or self._socket is None:
            return
        self._reading = wanted
        if wanted:
            self._loop.add_reader(self._socket, self._on_readable)
        else:
            self._loop.remove_reader(self._socket)

    def resume_reading(self) -> None:
        """Something was taken out of a queue."""
        if not self._reading:
            self._watch_input()

    def after_soon(self) -> None:
        """after(), together with what else this round of the loop does."""
        if self.engine.output_bytes >= _GATHER_BYTES:
            self.after()
        elif not self._soon:
            self._soon = True
            self._loop.call_soon(self._after_soon)

    def _after_soon(self) -> None:
        self._soon = False
        self.after()

    def after(self) -> None:
        """After something was done with the engine: writes what there is, and
        calls back."""
        engine = self.engine
        while engine.has_output and self._socket is not None and not self._writing:
            try:
                engine.wrote(self._socket.send(engine.output()))
            except BlockingIOError:
                self._writing = True
                self._loop.add_writer(self._socket, self._on_writable)
            except OSError as error:
                if self._is_readable():
                    break
                engine.lost(UnavailableError(system_words(error)), self._loop.time())
        if self._socket is not None and not engine.has_connection:
            self._give_up_socket()
        if engine.redial_at is not None and self._redialing is None:
            if not engine.has_connection:
                self._redialing = self._loop.create_task(self._redial(engine.redial_at))
                engine.redial_at = None
                self._tick()
        while engine.events:
            self._loop.call_soon(self._call, engine.events.popleft())

    def _on_writable(self) -> None:
        assert self._socket is not None
        self._loop.remove_writer(self._socket)
        self._writing = False
        self.after()
        self._wake()

    def _is_readable(self) -> bool:
        """A peer that has closed may have said why: reading comes to it."""
        assert self._socket is not None
        try:
            return bool(self._socket.recv(1, socket.MSG_PEEK))
        except OSError:
            return False

    def _give_up_socket(self) -> None:
        found, self._socket = self._socket, None
        if found is None:
            return
        self._loop.remove_reader(found)
        self._loop.remove_writer(found)
        self._reading = self._writing = False
        with contextlib.suppress(OSError):
            if self.engine.last_words:
                found.send(self.engine.last_words)
        found.close()
        self._wake()

    def _call(self, event: Any) -> None:
        options = self._options
        name = "on_state" if isinstance(event, StateChanged) else "on_unaccepted"
        callback: Any = getattr(options, name)
        if callback is None:
            return
        try:
            callback(*event)
        except Exception:
            LOG.exception("%s: the callback raised", name)

    # --- Time

    def _tick(self) -> None:
        engine, time_s = self.engine, self._loop.time()
        engine.tick(time_s)
        deadline = engine.deadline()
        over = self._closing is not None and self._closing.done()
        self._set_timer(None if over else deadline)
        self.after()

    def _set_timer(self, deadline: Optional[float]) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if deadline is not None:
            self._timer = self._loop.call_at(deadline, self._tick)

    async def give_way(self) -> None:
        """Now and then, so that a queue which is never empty does not keep the
        loop from everything else."""
        if self._loop.time() - self._ways_given > 0.005:
            await asyncio.sleep(0)
            self._ways_given = self._loop.time()

    # --- Waiting

    def _wake(self) -> None:
        changed, self._changed = self._changed, []
        for future in changed:
            if not future.done():
                future.set_result(None)

    async def _wait(self, deadline: Optional[float]) -> None:
        """For anything to come; asyncio.TimeoutError."""
        future: "asyncio.Future[None]" = self._loop.create_future()
        self._changed.append(future)
        await within(deadline, future)

    @contextlib.contextmanager
    def asking(self, subject: str) -> Iterator[None]:
        """Around the wait for an answer: full queues do not keep it away."""
        self._asking += 1
        try:
            self._watch_input()
            if self._socket is not None and not self.engine.reads(True):
                raise self.engine.stuck(subject)
            yield
        finally:
            self._asking -= 1

    def future_of(self, pending: Pending) -> "asyncio.Future[Any]":
        """Done when `pending` is."""
        future: "asyncio.Future[Any]" = self._loop.create_future()

        def done() -> None:
            if future.done():
                return
            if pending.error is None:
                future.set_result(pending.value)
            else:
                future.set_exception(pending.error)
                future.exception()  # nobody has to ask for it

        pending.on_done = done
        if pending.done:
            done()
        return future

    async def ask(
        self, subject: str, call: Callable[[], Pending], timeout_s: Optional[float]
    ) -> None:
        pending = call()
        self.after()
        try:
            with self.asking(subject):
                await within(self.deadline(timeout_s), self.future_of(pending))
        except asyncio.TimeoutError:
            raise DeadlineExceededError(
                f"{subject}: no answer before the deadline"
            ) from None
        finally:
            if not pending.done:
                self.engine.forget(pending)

    async def when_room(
        self, call: Callable[[], Any], timeout_s: Optional[float]
    ) -> Any:
        """What `call` gives, as soon as it does not raise WouldBlockError."""
        deadline = self.deadline(timeout_s)
        while True:
            try:
                result = call()
                self.after_soon()
                return result
            except WouldBlockError as error:
                why = error
            self.after()
            try:
                with self.asking("publish"):
                    await self._wait(deadline)
            except asyncio.TimeoutError:
                raise DeadlineExceededError(why.message) from None

    # --- The end

    async def close(self, timeout_s: float) -> None:
        if self._closing is not None:
            await asyncio.shield(self._closing)
            return
        self._closing = self._loop.create_future()
        engine, deadline = self.engine, self._loop.time() + timeout_s
        engine.begin_close()
        if self._redialing is not None:
            self._redialing.cancel()
        try:
            self.after()
            self._watch_input()
            await self._say_goodbye(deadline)
        except asyncio.TimeoutError:
            pass  # what was not accepted is given back
        finally:
            engine.finish_close()
            self._give_up_socket()
            self._closing.set_result(None)
            self._tick()

    async def _say_goodbye(self, deadline: float) -> None:
        while self._socket is not None and not self.engine.all_accepted:
            await self._wait(deadline)
        self.engine.say_goodbye()
        self.after()
        while self._socket is not None and self.engine.has_output:
            await self._wait(deadline)
        if self._socket is None:
            return
        # Whoever closes a TCP socket with unread bytes takes back what was sent.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        while self._socket is not None:
            await self._wait(deadline)
