"""The asyncio client: what mycelium.client has, to be awaited.

    async with mycelium.aio.connect(schema=chat) as client:
        subscription = await client.subscribe(chat.TextMessage, "rooms.*")
        await client.publish(chat.TextMessage(content="hello"), "rooms.one")
        async for message in subscription:
            ...

Everything belongs to the event loop that connected, and to its thread.  Any
await may be cancelled: the client stays whole, and what was not yet given to its
user is given to the next who asks.
"""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType
from typing import (
    Any,
    AsyncIterator,
    Awaitable,
    Callable,
    Deque,
    Generator,
    Generic,
    Iterator,
    List,
    Optional,
    Set,
    Type,
    TypeVar,
    Union,
    overload,
)

from .aio_link import AioLink, within
from .client import CLOSE_TIMEOUT_S_DEFAULT
from .delivery import BALANCED, NOW, BrokerInfo, Frame, Gap, Policy, Route, Start
from .engine import Counters
from .errors import (
    ClosedError,
    DeadlineExceededError,
    Error,
    RequestError,
    StatusCode,
    WouldBlockError,
)
from .frame import Run
from .log import LOG
from .messages import (
    M,
    Message,
    SchemaLike,
    open_reading,
    parse_question,
    parse_reply,
)
from .options import Options, make_options
from .reading import OnGap, Part, Reading
from .requests import Call, Pending, Reply
from .subscriber import Subscriber

T = TypeVar("T")
Handler = Callable[..., Awaitable[Message]]
H = TypeVar("H", bound=Handler)


def connect(
    url: Optional[str] = None, schema: SchemaLike = None, **options: Any
) -> Connecting:
    """As mycelium.connect, to be awaited or used with `async with`.  on_state and
    on_unaccepted are plain functions, called by the event loop."""
    return Connecting(make_options(url, schema, **options))


class Connecting:
    def __init__(self, options: Options) -> None:
        self._options = options
        self._client: Optional[Client] = None

    async def _connect(self) -> Client:
        client = Client(self._options)
        await client._link.open()
        return client

    def __await__(self) -> Generator[Any, None, Client]:
        return self._connect().__await__()

    async def __aenter__(self) -> Client:
        self._client = await self._connect()
        return self._client

    async def __aexit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        assert self._client is not None
        await self._client.close()


class Client:
    """One peer of the broker, made by mycelium.aio.connect."""

    def __init__(self, options: Options) -> None:
        self._schema = options.schema
        self._link = AioLink(options)

    # --- Publishing

    async def publish(
        self, message: Message, topic: str = "", timeout_s: Optional[float] = None
    ) -> None:
        """As mycelium.Client.publish.  Does not give way to other tasks unless it
        has to wait."""
        self._schema.check("publish", message)
        await self.publish_bytes(message.TYPE_ID, message.to_bytes(), topic, timeout_s)

    async def publish_bytes(
        self,
        type_id: int,
        payload: bytes,
        topic: str = "",
        timeout_s: Optional[float] = None,
    ) -> None:
        link = self._link
        try:
            link.engine.publish(type_id, payload, topic)
            link.after_soon()
        except WouldBlockError:
            await link.when_room(
                lambda: link.engine.publish(type_id, payload, topic), timeout_s
            )

    def try_publish(self, message: Message, topic: str = "") -> None:
        """As publish, but WouldBlockError instead of waiting; it says why."""
        self._schema.check("publish", message)
        self.try_publish_bytes(message.TYPE_ID, message.to_bytes(), topic)

    def try_publish_bytes(self, type_id: int, payload: bytes, topic: str = "") -> None:
        try:
            self._link.engine.publish(type_id, payload, topic)
        finally:
            self._link.after_soon()

    async def publish_acked(
        self, message: Message, topic: str = "", timeout_s: Optional[float] = None
    ) -> "asyncio.Future[None]":
        """As publish; the future it returns is done when the broker has accepted
        it.  AbortedError: it may have; ClosedError, UnavailableError: it has not."""
        self._schema.check("publish", message)
        return await self.publish_bytes_acked(
            message.TYPE_ID, message.to_bytes(), topic, timeout_s
        )

    async def publish_bytes_acked(
        self,
        type_id: int,
        payload: bytes,
        topic: str = "",
        timeout_s: Optional[float] = None,
    ) -> "asyncio.Future[None]":
        link = self._link
        pending: Pending = await link.when_room(
            lambda: link.engine.publish_acked(type_id, payload, topic), timeout_s
        )
        return link.future_of(pending)

    async def flush(self, timeout_s: Optional[float] = None) -> None:
        """Returns when the broker has accepted everything published before.
        AbortedError: frames were given back, see on_unaccepted."""
        await self._link.ask("flush", self._link.engine.flush, timeout_s)

    async def ping(self, timeout_s: Optional[float] = None) -> None:
        """A round trip to the broker."""
        await self._link.ask("ping", self._link.engine.ping, timeout_s)

    # --- Subscribing

    @overload
    async def subscribe(
        self,
        kind: Type[M],
        topic_filter: str = "",
        *,
        policy: Policy = BALANCED,
        group: str = "",
        start: Start = NOW,
        on_gap: Optional[OnGap] = None,
        timeout_s: Optional[float] = None,
    ) -> Subscription[M]:
        ...

    @overload
    async def subscribe(
        self,
        kind: int,
        topic_filter: str = "",
        *,
        policy: Policy = BALANCED,
        group: str = "",
        start: Start = NOW,
        on_gap: Optional[OnGap] = None,
        timeout_s: Optional[float] = None,
    ) -> Subscription[bytes]:
        ...

    async def subscribe(
        self,
        kind: Any,
        topic_filter: str = "",
        *,
        policy: Policy = BALANCED,
        group: str = "",
        start: Start = NOW,
        on_gap: Optional[OnGap] = None,
        timeout_s: Optional[float] = None,
    ) -> Subscription[Any]:
        """As mycelium.Client.subscribe."""
        route, reading = open_reading(
            self._schema, kind, topic_filter, policy, group, start, on_gap
        )
        return Subscription(
            self._link, await self._subscribe(route, timeout_s), reading
        )

    async def _subscribe(self, route: Route, timeout_s: Optional[float]) -> Subscriber:
        route.check()
        engine = self._link.engine
        subscriber, pending = engine.subscribe(route)
        try:
            await self._link.ask("subscribe", lambda: pending, timeout_s)
        except BaseException:
            engine.unsubscribe(subscriber)
            self._link.after()
            raise
        return subscriber

    # --- Requests

    async def request(
        self,
        question: Message,
        answer: Type[M],
        topic: str = "",
        timeout_s: Optional[float] = None,
    ) -> M:
        """As mycelium.Client.request; one that is cancelled is cancelled at its
        responder too."""
        self._schema.check("request", question)
        self._schema.check("request", answer)
        reply = await self.request_bytes(
            question.TYPE_ID, question.to_bytes(), topic, timeout_s
        )
        return parse_reply(answer, reply.type_id, reply.payload)

    async def request_bytes(
        self,
        type_id: int,
        payload: bytes,
        topic: str = "",
        timeout_s: Optional[float] = None,
    ) -> Reply:
        link = self._link
        deadline = link.deadline(timeout_s)
        pending: Pending = await link.when_room(
            lambda: link.engine.request(type_id, payload, topic), timeout_s
        )
        why: Error = ClosedError("request: cancelled")
        try:
            with link.asking("request"):
                await within(deadline, link.future_of(pending))
        except asyncio.TimeoutError:
            why = DeadlineExceededError("request: no answer before the deadline")
        finally:
            if not pending.done:
                link.engine.cancel(pending, why)
                link.after()
        if pending.error is not None:
            raise pending.error
        reply: Reply = pending.value
        return reply

    def responder(
        self, question: Type[M], topic_filter: str = "", **options: Any
    ) -> Callable[[H], Awaitable[Responder]]:
        """`await client.responder(Question)(handler)`, see respond."""

        def decorate(handler: H) -> Awaitable[Responder]:
            return self.respond(question, handler, topic_filter, **options)

        return decorate

    async def respond(
        self,
        question: Type[M],
        handler: Handler,
        topic_filter: str = "",
        *,
        policy: Policy = BALANCED,
        with_call: bool = False,
        concurrency: int = 1,
        timeout_s: Optional[float] = None,
    ) -> Responder:
        """As mycelium.Client.respond with a coroutine function, of which at most
        `concurrency` run at a time."""
        self._schema.check("respond", question)
        route = Route(question.TYPE_ID, topic_filter, policy, responder=True)
        subscriber = await self._subscribe(route, timeout_s)

        async def answer(call: Call) -> Message:
            asked = parse_question(question, call)
            return await (handler(asked, call) if with_call else handler(asked))

        return Responder(
            self._link, subscriber, self._schema.check, answer, concurrency
        )

    # --- The rest

    @property
    def broker(self) -> BrokerInfo:
        """Of the present or the last connection."""
        return self._link.engine.broker

    @property
    def counters(self) -> Counters:
        return self._link.engine.counters

    async def close(self, timeout_s: float = CLOSE_TIMEOUT_S_DEFAULT) -> None:
        """Writes what was published, says goodbye, ends all subscriptions.  What
        was not accepted within timeout_s is given to on_unaccepted.  Idempotent;
        may be cancelled, which ends it at once."""
        await self._link.close(timeout_s)

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        await self.close()


class Subscription(Generic[T]):
    """As mycelium.Subscription, with `async for`.  One task at a time."""

    def __init__(
        self, link: AioLink, subscriber: Subscriber, reading: Reading[T]
    ) -> None:
        self._link = link
        self._subscriber = subscriber
        self._reading = reading
        self._parts: Deque[Part] = deque()  # taken and not yet given to the user
        self._list: Iterator[Any] = iter(())  # the first of them
        self._frame_bytes = 0  # of each frame in it
        self._in_hand = (0, 0)  # of a group: frames, and their bytes
        self._waiter: "Optional[asyncio.Future[None]]" = None
        subscriber.on_ready = self._wake

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
        while await self._fill(self._reading.messages, timeout_s):
            part = self._parts.popleft()
            if isinstance(part, Gap):
                self._hold(part.frames, 0)
                self._reading.tell(part)
            else:
                self._hold(len(part), self._frame_bytes)
                yield part

    async def next(self, timeout_s: Optional[float] = None) -> T:
        """The next message.  DeadlineExceededError; ClosedError: it is over."""
        self._reading.choose("messages")
        while True:
            for message in self._list:
                self._hold(1, self._frame_bytes)
                found: T = message
                return found
            if not await self._fill(self._reading.messages, timeout_s):
                raise self._subscriber.ended or ClosedError("subscription: over")
            part = self._parts.popleft()
            if isinstance(part, Gap):
                self._hold(part.frames, 0)
                self._reading.tell(part)
            else:
                self._list = iter(part)

    async def _each(
        self, view: Callable[[Run], List[Part]], way: str, timeout_s: Optional[float]
    ) -> AsyncIterator[Any]:
        self._reading.choose(way)
        grouped = self._subscriber.acks is not None
        while True:
            for item in self._list:
                if grouped:
                    self._hold(1, self._frame_bytes)
                yield item
            if not await self._fill(view, timeout_s):
                return
            part = self._parts.popleft()
            if not isinstance(part, Gap):
                self._list = iter(part)
                continue
            self._hold(part.frames, 0)
            if way == "events":
                yield part
            else:
                self._reading.tell(part)

    async def _fill(
        self, view: Callable[[Run], List[Part]], timeout_s: Optional[float]
    ) -> bool:
        """False: nothing will come any more."""
        link, subscriber = self._link, self._subscriber
        queue = subscriber.queue
        if self._parts:
            return True
        self._hold(0, 0)
        if not queue:
            if subscriber.acks is not None:
                subscriber.acks.send()
                link.after()
            await self._wait(link.deadline(timeout_s))
        else:
            await link.give_way()
        item = subscriber.take()
        link.resume_reading()
        if item is None:
            if subscriber.ended is None or isinstance(subscriber.ended, ClosedError):
                return False
            raise subscriber.ended
        if isinstance(item, Run):
            self._frame_bytes = item.frame_bytes
            self._parts.extend(view(item))
        else:
            self._parts.append(item)
        return True

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
