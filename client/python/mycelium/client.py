"""The synchronous client."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Any, Callable, List, Optional, Type, TypeVar, overload

from .delivery import BALANCED, NOW, BrokerInfo, Policy, Route, Start
from .errors import (
    DeadlineExceededError,
    Error,
    FailedPreconditionError,
    InvalidArgumentError,
    RequestError,
    WouldBlockError,
)
from .events import Counters
from .link import Link, now
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
from .responder import Responder
from .subscriber import Subscriber
from .subscription import Subscription

CLOSE_TIMEOUT_S_DEFAULT = 1.0

Handler = Callable[..., Message]
H = TypeVar("H", bound=Handler)


class Accepted:
    """Of a publish_acked: whether the broker has accepted it."""

    def __init__(self, link: Link, pending: Pending) -> None:
        self._link = link
        self._pending = pending

    def done(self) -> bool:
        return self._pending.done

    def wait(self, timeout_s: Optional[float] = None) -> None:
        """Returns when the broker has accepted the frame.  AbortedError: it may
        have; ClosedError, UnavailableError: it has not; DeadlineExceededError:
        it is not known yet."""
        self._link_wait(timeout_s)
        if self._pending.error is not None:
            raise self._pending.error

    def _link_wait(self, timeout_s: Optional[float]) -> None:
        with self._link.lock:
            deadline = _deadline(timeout_s)
            if not self._link.wait(lambda: self._pending.done, deadline, "publish"):
                raise DeadlineExceededError("publish: not accepted before the deadline")


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
) -> Client:
    """Connects to a broker.

    url: unix:/path or tcp://host:port; None: $MYCELIUM_URL, or the default Unix
    socket.  schema: a module that protoc --mycelium_out=python made; None: bytes
    of your own, see publish_bytes.  The others, by name:

    name                of this client for status and logs; the program's
    connect_timeout_s   for each attempt to connect, 5.0
    publish_bytes_max   what is published and not yet accepted, 1 MiB; beyond it
                        publish waits
    reconnect           True; False: the client ends with its connection
    reconnect_min_s, reconnect_max_s
                        bounds of the wait before it connects again (full
                        jitter); 0: what the broker says
    on_state            called with (State, Error or None) at each change
    on_unaccepted       called with a list of UnacceptedFrame: what no broker is
                        known to have accepted.  Without it the next flush says
                        how many they were (AbortedError)
    instance_id         16 bytes that name this client across connections;
                        random

    on_state and on_unaccepted run on a thread of the client's own, one after the
    other.  Raises InvalidArgumentError; UnavailableError: no broker there;
    FailedPreconditionError: it refuses the schema, the message names the field;
    PermissionDeniedError; DeadlineExceededError.
    """
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
    return Client(options)


class Client:
    """One peer of the broker, made by mycelium.connect.  Everything may be called
    from any thread, and from within callbacks.  Not after a fork."""

    def __init__(self, options: Options) -> None:
        self._schema = options.schema
        self._link = Link(options)
        self._threads: List[threading.Thread] = []
        self._link.open()

    # --- Publishing

    def publish(
        self, message: Message, topic: str = "", timeout_s: Optional[float] = None
    ) -> None:
        """Takes a message of the schema: it will be written, and written again
        after a reconnect.  Waits while subscribers hold its type back or
        publish_bytes_max are not yet accepted; DeadlineExceededError: not so
        within timeout_s."""
        self._schema.check("publish", message)
        self.publish_bytes(message.TYPE_ID, message.to_bytes(), topic, timeout_s)

    def publish_bytes(
        self,
        type_id: int,
        payload: bytes,
        topic: str = "",
        timeout_s: Optional[float] = None,
    ) -> None:
        """The same with bytes of your own, and no schema."""
        engine = self._link.engine
        try:
            with self._link.lock:
                try:
                    engine.publish(type_id, payload, topic)
                    self._link.after_publish()
                except Error:
                    raise
                except BaseException:
                    self._link.interrupted()
                    raise
        except WouldBlockError:
            self._when_room(lambda: engine.publish(type_id, payload, topic), timeout_s)

    def try_publish(self, message: Message, topic: str = "") -> None:
        """As publish, but WouldBlockError instead of waiting; it says why."""
        self._schema.check("publish", message)
        self.try_publish_bytes(message.TYPE_ID, message.to_bytes(), topic)

    def try_publish_bytes(self, type_id: int, payload: bytes, topic: str = "") -> None:
        self._once(lambda: self._link.engine.publish(type_id, payload, topic))

    def publish_acked(
        self, message: Message, topic: str = "", timeout_s: Optional[float] = None
    ) -> Accepted:
        """As publish; what it returns tells when the broker has accepted it."""
        self._schema.check("publish", message)
        return self.publish_bytes_acked(
            message.TYPE_ID, message.to_bytes(), topic, timeout_s
        )

    def publish_bytes_acked(
        self,
        type_id: int,
        payload: bytes,
        topic: str = "",
        timeout_s: Optional[float] = None,
    ) -> Accepted:
        engine = self._link.engine
        pending = self._when_room(
            lambda: engine.publish_acked(type_id, payload, topic), timeout_s
        )
        return Accepted(self._link, pending)

    def flush(self, timeout_s: Optional[float] = None) -> None:
        """Returns when the broker has accepted everything published before.
        AbortedError: frames were given back, see on_unaccepted."""
        self._ask("flush", self._link.engine.flush, timeout_s)

    def ping(self, timeout_s: Optional[float] = None) -> None:
        """A round trip to the broker."""
        self._ask("ping", self._link.engine.ping, timeout_s)

    # --- Subscribing

    @overload
    def subscribe(
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
    def subscribe(
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

    def subscribe(
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
        """Messages of a generated class; or bytes, by type id (0: all types).

        When it returns, whatever anyone publishes afterwards arrives.  policy:
        what happens when it is too slow.  group: of the subscriptions with this
        name each message goes to one.  start: where it begins, see mycelium.last,
        from_sequence and since.  on_gap: called with each Gap, by whoever
        iterates; without it a gap is logged.
        """
        route, reading = open_reading(
            self._schema, kind, topic_filter, policy, group, start, on_gap
        )
        return Subscription(self._link, self._subscribe(route, timeout_s), reading)

    def _subscribe(self, route: Route, timeout_s: Optional[float]) -> Subscriber:
        link = self._link
        route.check()
        with link.lock:
            subscriber: Subscriber
            subscriber, pending = self._in_engine(lambda: link.engine.subscribe(route))
            try:
                self._await("subscribe", pending, timeout_s)
            except BaseException:
                link.engine.unsubscribe(subscriber)
                link.after()
                raise
        return subscriber

    # --- Requests

    def request(
        self,
        question: Message,
        answer: Type[M],
        topic: str = "",
        timeout_s: Optional[float] = None,
    ) -> M:
        """Asks one of those that respond to the question's type and the topic.
        RequestError: what it or the broker has answered instead;
        UnavailableError: the connection was lost, it may have been carried out;
        DeadlineExceededError."""
        self._schema.check("request", question)
        self._schema.check("request", answer)
        reply = self.request_bytes(
            question.TYPE_ID, question.to_bytes(), topic, timeout_s
        )
        return parse_reply(answer, reply.type_id, reply.payload)

    def request_bytes(
        self,
        type_id: int,
        payload: bytes,
        topic: str = "",
        timeout_s: Optional[float] = None,
    ) -> Reply:
        """The same with bytes of your own, and no schema."""
        link = self._link
        deadline = _deadline(timeout_s)
        pending: Pending = self._when_room(
            lambda: link.engine.request(type_id, payload, topic), timeout_s
        )
        with link.lock:
            why: Error = DeadlineExceededError("request: no answer before the deadline")
            try:
                link.wait(lambda: pending.done, deadline, "request")
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
    ) -> Callable[[H], H]:
        """Decorates what answers questions, see respond."""

        def decorate(handler: H) -> H:
            self.respond(question, handler, topic_filter, **options)
            return handler

        return decorate

    def respond(
        self,
        question: Type[M],
        handler: Handler,
        topic_filter: str = "",
        *,
        policy: Policy = BALANCED,
        with_call: bool = False,
        timeout_s: Optional[float] = None,
    ) -> Responder:
        """Answers requests of a type with what handler(question) returns: a
        message of the schema.  It runs on a thread of its own and may call this
        client.  RequestError is answered as it is; any other exception as
        INTERNAL, and logged.  with_call: handler(question, call), where `call`
        has `topic` and `cancelled`.  Of the policy queue_bytes_max counts."""
        self._schema.check("respond", question)
        route = Route(question.TYPE_ID, topic_filter, policy, responder=True)
        subscriber = self._subscribe(route, timeout_s)

        def answer(call: Call) -> Message:
            asked = parse_question(question, call)
            return handler(asked, call) if with_call else handler(asked)

        return Responder(self._link, subscriber, self._schema.check, answer)

    # --- The rest

    @property
    def broker(self) -> BrokerInfo:
        """Of the present or the last connection."""
        with self._link.lock:
            return self._link.engine.broker

    @property
    def counters(self) -> Counters:
        with self._link.lock:
            return self._link.engine.counters

    def close(self, timeout_s: float = CLOSE_TIMEOUT_S_DEFAULT) -> None:
        """Writes what was published, says goodbye, ends all subscriptions.  What
        was not accepted within timeout_s is given to on_unaccepted; for callbacks
        that still run it waits for as long again at most.  Idempotent; from any
        thread, and from within callbacks."""
        self._link.close(timeout_s)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    # --- How it is done

    def _in_engine(self, call: Callable[[], Any]) -> Any:
        """REQUIRES: the lock."""
        try:
            result = call()
            self._link.after()
            return result
        except Error:
            self._link.after()  # it may have asked for room
            raise
        except BaseException:
            self._link.interrupted()
            raise

    def _once(self, call: Callable[[], Any]) -> Any:
        with self._link.lock:
            return self._in_engine(call)

    def _when_room(self, call: Callable[[], Any], timeout_s: Optional[float]) -> Any:
        """As soon as it does not raise WouldBlockError."""
        deadline = _deadline(timeout_s)
        result: List[Any] = []
        why: List[WouldBlockError] = []

        def done() -> bool:
            try:
                result.append(self._in_engine(call))
                return True
            except WouldBlockError as error:
                why[:] = [error]
                return False

        with self._link.lock:
            if not self._link.wait(done, deadline, "publish"):
                words = why[0].message if why else "publish: no time is left"
                raise DeadlineExceededError(words)
        return result[0]

    def _ask(
        self, subject: str, call: Callable[[], Pending], timeout_s: Optional[float]
    ) -> None:
        with self._link.lock:
            self._await(subject, self._in_engine(call), timeout_s)

    def _await(
        self, subject: str, pending: Pending, timeout_s: Optional[float]
    ) -> None:
        link = self._link
        try:
            if not link.wait(lambda: pending.done, _deadline(timeout_s), subject):
                raise DeadlineExceededError(f"{subject}: no answer before the deadline")
        finally:
            if not pending.done:
                link.engine.forget(pending)
        if pending.error is not None:
            raise pending.error


def _deadline(timeout_s: Optional[float]) -> Optional[float]:
    return None if timeout_s is None else now() + timeout_s
