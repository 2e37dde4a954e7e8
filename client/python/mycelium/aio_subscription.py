"""What an asyncio client is given: subscriptions and responders."""

from __future__ import annotations

import asyncio
import weakref
from collections import deque
from types import TracebackType
from typing import (
    Any,
    AsyncIterator,
    Awaitable,
    Callable,
    Deque,
    Generic,
    Iterator,
    List,
    Optional,
    Set,
    Tuple,
    Type,
    TypeVar,
    Union,
)

from .aio_link import AioLink, within
from .delivery import Frame, Gap
from .errors import (
    ClosedError,
    DeadlineExceededError,
    Error,
    RequestError,
    StatusCode,
)
from .log import LOG
from .messages import Message
from .reading import Part, Reading, View
from .requests import Call
from .subscriber import Subscriber

T = TypeVar("T")


class Subscription(Generic[T]):
    """As mycelium.Subscription, with `async for`.  One task at a time."""

    def __init__(
        self, link: AioLink, subscriber: Subscriber, reading: Reading[T]
    ) -> None:
        self._link = link
        self._subscriber = subscriber
        self._reading = reading
        self._list: Iterator[Any] = iter(())  # the part that is being read
        self._frame_bytes = 0  # of each frame in it
        self._in_hand = (0, 0)  # of a group: frames, and their bytes
        self._waiter: "Optional[asyncio.Future[None]]" = None
        wake = weakref.WeakMethod(self._wake)
        subscriber.on_ready = lambda: _call(wake)
        self._finalizer = weakref.finalize(self, link.drop, subscriber)

    def __aiter__(self) -> AsyncIterator[T]:
        return self._each(self._reading.messages, "messages", None)

    def events(self, timeout_s: Optional[float] = None) -> AsyncIterator[Union[T, Gap]]:
        """Messages and gaps in their order.  DeadlineExceededError: nothing has
        come for timeout_s; it can be gone on with."""
        return self._each(self._reading.messages, "events", timeout_s)

    def frames(self, timeout_s: Optional[float] = None) -> AsyncIterator[Frame]:
        """Messages with all that came with them."""
        return self._each(self._reading.frames, "frames", timeout_s)

    async def batches(
        self, timeout_s: Optional[float] = None
    ) -> AsyncIterator[List[T]]:
        """Lists of messages, none of them empty."""
        self._reading.choose("batches")
        while True:
            part = await self._next_part(self._reading.next_batch, timeout_s)
            if part is None:
                return
            if isinstance(part, Gap):
                self._reading.tell(part)
            else:
                yield part

    async def next(self, timeout_s: Optional[float] = None) -> T:
        """The next message.  DeadlineExceededError; ClosedError: it is over."""
        reading = self._reading
        reading.choose("messages")
        while True:
            for message in self._list:
                self._hold(1, self._frame_bytes)
                found: T = message
                return found
            part = await self._next_part(
                lambda: reading.next_part(reading.messages), timeout_s, True
            )
            if part is None:
                raise self._subscriber.ended or ClosedError("subscription: over")
            if isinstance(part, Gap):
                reading.tell(part)

    async def _each(
        self, view: View, way: str, timeout_s: Optional[float]
    ) -> AsyncIterator[Any]:
        reading = self._reading
        reading.choose(way)
        grouped = self._subscriber.acks is not None
        while True:
            if grouped:
                for item in self._list:
                    self._hold(1, self._frame_bytes)
                    yield item
            else:
                for item in self._list:
                    yield item
            part = await self._next_part(
                lambda: reading.next_part(view), timeout_s, True
            )
            if part is None:
                return
            if isinstance(part, Gap):
                if way == "events":
                    yield part
                else:
                    reading.tell(part)

    async def _next_part(
        self,
        find: Callable[[], Optional[Tuple[Part, int]]],
        timeout_s: Optional[float],
        singly: bool = False,
    ) -> Optional[Part]:
        """None: nothing will come any more.  `singly`: a list goes to _list, whose
        messages are taken in hand one by one."""
        found = find()
        while found is None:
            await self._take(timeout_s)
            if not self._reading.items:
                ended = self._subscriber.ended
                if ended is None or isinstance(ended, ClosedError):
                    return None
                raise ended
            found = find()
        part, size = found
        if isinstance(part, Gap):
            self._hold(part.frames, 0)
        elif singly:
            self._frame_bytes = size // len(part)
            self._list = iter(part)
        else:
            self._hold(len(part), size // len(part))
        return part

    async def _take(self, timeout_s: Optional[float]) -> None:
        """What the queue has, which is waited for; nothing: there is an end."""
        link, subscriber = self._link, self._subscriber
        self._hold(0, 0)
        if subscriber.queue:
            await link.give_way()
        else:
            if subscriber.acks is not None:
                subscriber.acks.send()
                link.after()
            await self._wait(link.deadline(timeout_s))
        subscriber.take_some(self._reading.items)
        link.resume_reading()

    async def _wait(self, deadline: Optional[float]) -> None:
        """Until there is something to take, or an end."""
        while not self._subscriber.queue and self._subscriber.ended is None:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await within(deadline, self._waiter)
            except asyncio.TimeoutError:
                raise DeadlineExceededError(
                    "subscription: nothing came before the deadline"
                ) from None
            finally:
                self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _hold(self, frames: int, frame_bytes: int) -> None:
        """A member of a group has these in hand, and has done with those before."""
        acks = self._subscriber.acks
        if acks is not None:
            before, self._in_hand = self._in_hand, (frames, frames * frame_bytes)
            acks.finish(*before)
            self._link.after_soon()

    def close(self) -> None:
        """Unsubscribes.  What a member of a group has in hand and has not done
        with goes to another."""
        self._finalizer.detach()
        self._link.engine.unsubscribe(self._subscriber)
        self._link.after()
        self._link.resume_reading()

    async def __aenter__(self) -> Subscription[T]:
        return self

    async def __aexit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()


def _call(wake: "weakref.WeakMethod[Callable[[], None]]") -> None:
    method = wake()
    if method is not None:
        method()


class Responder:
    """What answers requests, until it is closed."""

    def __init__(
        self,
        link: AioLink,
        subscriber: Subscriber,
        check: Callable[[str, Any], None],
        answer: Callable[[Call], Awaitable[Message]],
        concurrency: int,
    ) -> None:
        self._link = link
        self._subscriber = subscriber
        self._check = check
        self._answer = answer
        self._concurrency = concurrency
        self._calls: Deque[int] = deque()
        self._tasks: Set["asyncio.Task[None]"] = set()
        subscriber.on_ready = self._work
        self._work()

    def close(self) -> None:
        """Unsubscribes: what is not answered fails for those who asked, and what
        runs is cancelled."""
        self._link.engine.unsubscribe(self._subscriber)
        self._link.after()

    def _work(self) -> None:
        """Begins as many as may run."""
        if self._subscriber.ended is not None:
            self._calls.clear()
            for task in self._tasks:
                task.cancel()
            return
        while len(self._tasks) < self._concurrency:
            if not self._calls:
                item = self._subscriber.take()
                if item is None:
                    return
                self._calls.extend(call_id for call_id, _ in getattr(item, "rows", ()))
                continue
            call = self._link.engine.find_call(self._calls.popleft())
            if call is not None:
                task = asyncio.ensure_future(self._respond(call))
                self._tasks.add(task)
                task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        self._work()
        self._link.after()

    async def _respond(self, call: Call) -> None:
        engine = self._link.engine
        try:
            try:
                message = await self._answer(call)
                self._check("respond", message)
                engine.reply(call, message.TYPE_ID, message.to_bytes())
                return
            except RequestError as error:
                answer = error
            except Exception as error:
                LOG.exception("respond: the handler of type %d raised", call.type_id)
                words = f"respond: the handler raised {type(error).__name__}"
                answer = RequestError(StatusCode.INTERNAL, words)
            engine.fail(call, answer)
        except Error as error:
            # The connection is lost or the responder has unsubscribed: whoever
            # asked has been told by the broker.
            LOG.debug("%s", error)
