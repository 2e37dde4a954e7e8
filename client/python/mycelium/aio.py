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
from types import TracebackType
from typing import (
    Any,
    Awaitable,
    Callable,
    Generator,
    Optional,
    Type,
    TypeVar,
    overload,
)

from .aio_link import AioLink, within
from .aio_subscription import Responder, Subscription
from .client import CLOSE_TIMEOUT_S_DEFAULT
from .delivery import BALANCED, NOW, BrokerInfo, Policy, Route, Start
from .errors import ClosedError, DeadlineExceededError, Error, WouldBlockError
from .events import Counters
from .messages import (
    M,
    Message,
    SchemaLike,
    open_reading,
    parse_question,
    parse_reply,
)
from .options import (
    CONNECT_TIMEOUT_S_DEFAULT,
    PUBLISH_BYTES_MAX_DEFAULT,
    OnState,
    OnUnaccepted,
    Options,
    make_options,
)
from .reading import OnGap
from .requests import Call, Pending, Reply
from .subscriber import Subscriber

T = TypeVar("T")
Handler = Callable[..., Awaitable[Message]]
H = TypeVar("H", bound=Handler)


def connect(
    url: Optional[str] = None,
    schema: SchemaLike = None,
    *,
    name: str = "",
    instance_id: bytes = b"",
    connect_timeout_s: float = CONNECT_TIMEOUT_S_DEFAULT,
    publish_bytes_max: int = PUBLISH_BYTES_MAX_DEFAULT,
    reconnect: bool = True,
    reconnect_min_s: float = 0.0,
    reconnect_max_s: float = 0.0,
    on_state: Optional[OnState] = None,
    on_unaccepted: Optional[OnUnaccepted] = None,
) -> Connecting:
    """As mycelium.connect, to be awaited or used with `async with`.  on_state and
    on_unaccepted are plain functions, called by the event loop."""
    options = make_options(
        url,
        schema,
        name=name,
        instance_id=instance_id,
        connect_timeout_s=connect_timeout_s,
        publish_bytes_max=publish_bytes_max,
        reconnect=reconnect,
        reconnect_min_s=reconnect_min_s,
        reconnect_max_s=reconnect_max_s,
        on_state=on_state,
        on_unaccepted=on_unaccepted,
    )
    return Connecting(options)


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
