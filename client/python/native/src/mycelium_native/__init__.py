"""Typed messages within this process, or over a broker's sockets: the C++ core
of Mycelium in Python.

    from mycelium_native import Runtime
    from mycelium_protocol import SCHEMA_DIGEST, TextMessage

    rt = Runtime(SCHEMA_DIGEST)
    rt.subscribe(TextMessage, print)
    rt.publish(TextMessage(sender="py", content="hi", timestamp=123))

Message classes are those that protoc-gen-mycelium makes.  Everything may be
called from any thread.  Callbacks run on a thread of their subscription, one at a
time; what they raise goes to sys.unraisablehook.  Waiting gives up the GIL, and
Ctrl-C ends it.
"""

from __future__ import annotations

import logging
import sys
from concurrent.futures import Future
from types import TracebackType
from typing import (
    Any,
    Callable,
    ClassVar,
    Literal,
    Optional,
    Protocol,
    Tuple,
    Type,
    TypeVar,
    Union,
    overload,
)

from mycelium_native import _native
from mycelium_native._native import BUILTIN_SCHEMA_DIGEST, Subscription
from mycelium_native.values import (
    POLICIES,
    PolicyName,
    AbortedError,
    BALANCED,
    BrokerInfo,
    ClosedError,
    Counters,
    DeadlineExceededError,
    Error,
    FailedPreconditionError,
    Gap,
    GapRange,
    GapReason,
    InvalidArgumentError,
    LATEST,
    LIVE,
    LOSSLESS,
    MessageInfo,
    Overflow,
    PermissionDeniedError,
    Policy,
    RequestError,
    ResourceExhaustedError,
    STRICT,
    SchemaMismatchError,
    Start,
    State,
    StatusCode,
    UnacceptedFrame,
    UnavailableError,
    WouldBlockError,
    from_sequence,
    last,
    since,
)

__all__ = [
    "AbortedError",
    "BALANCED",
    "BUILTIN_SCHEMA_DIGEST",
    "BrokerInfo",
    "ClosedError",
    "Counters",
    "DeadlineExceededError",
    "Error",
    "FailedPreconditionError",
    "Gap",
    "GapRange",
    "GapReason",
    "InvalidArgumentError",
    "LATEST",
    "LIVE",
    "LOSSLESS",
    "Message",
    "MessageInfo",
    "NO_SCHEMA",
    "Overflow",
    "PermissionDeniedError",
    "Policy",
    "RequestError",
    "ResourceExhaustedError",
    "Runtime",
    "STRICT",
    "Schema",
    "SchemaMismatchError",
    "Start",
    "State",
    "StatusCode",
    "Subscription",
    "UnacceptedFrame",
    "UnavailableError",
    "WouldBlockError",
    "from_sequence",
    "last",
    "since",
]

__version__ = _native.LIBRARY_VERSION

_log = logging.getLogger("mycelium_native")


class Message(Protocol):
    """What a generated message class has."""

    TYPE_ID: ClassVar[int]

    def to_bytes(self) -> bytes:
        ...


class Schema(Protocol):
    """What a generated module has."""

    SCHEMA_DIGEST: bytes
    SCHEMA_DESCRIPTOR_SET: bytes


class _NoSchema:
    def __repr__(self) -> str:
        return "NO_SCHEMA"


NO_SCHEMA = _NoSchema()
"""For Runtime(schema=NO_SCHEMA): bytes only, of any types, which nobody checks."""

M = TypeVar("M", bound=Message)
R = TypeVar("R", bound=Message)
OnGap = Callable[[Gap], object]


def _digest_text(digest: bytes) -> str:
    return "m1:" + digest.hex()


def _schema_digest(digest: Optional[bytes], runtimes: bytes, of: str) -> bytes:
    """The runtime's digest, if the program's is the same."""
    if digest is not None and bytes(digest) != runtimes:
        raise SchemaMismatchError(
            f"schema: digest {_digest_text(bytes(digest))}, "
            f"allowed {_digest_text(runtimes)} (of {of})"
        )
    return runtimes


def _ms(name: str, seconds: float) -> int:
    if not 0 <= seconds < 1e12:
        raise InvalidArgumentError(f"{name}: {seconds}, allowed 0 or more seconds")
    return round(seconds * 1000)


def _policy(policy: Union[PolicyName, Policy]) -> Policy:
    if isinstance(policy, Policy):
        return policy
    if policy not in POLICIES:
        allowed = ", ".join(POLICIES)
        raise InvalidArgumentError(f"policy: {policy!r}, allowed {allowed} or a Policy")
    return POLICIES[policy]


def _schema_of(message_class: type) -> Optional[bytes]:
    """The digest of the generated module that a class or its base is of."""
    for base in message_class.__mro__:
        if "TYPE_ID" in vars(base):
            return getattr(sys.modules.get(base.__module__), "SCHEMA_DIGEST", None)
    return None


class _LogOnce:
    """on_gap of subscriptions that have none: no loss is silent."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._said = False

    def __call__(self, gap: Gap) -> None:
        if not self._said:
            self._said = True
            _log.warning(
                "subscription to %s: a gap, %s; give subscribe an on_gap to be told "
                "of each, further ones are only counted",
                self._what,
                gap,
            )


class Runtime(_native.Runtime):
    """One client: of a bus in this process, or of a broker."""

    def __init__(
        self,
        schema_digest: Optional[bytes] = None,
        url: Optional[str] = None,
        *,
        schema: Union[Schema, _NoSchema, None] = None,
        name: Optional[str] = None,
        on_state: Optional[Callable[[State, Optional[Error]], object]] = None,
        on_unaccepted: Optional[Callable[[list[UnacceptedFrame]], object]] = None,
        reconnect: bool = True,
        reconnect_min_s: float = 0.0,
        reconnect_max_s: float = 0.0,
        connect_timeout_s: float = 5.0,
        publish_bytes_max: int = 1 << 20,
    ) -> None:
        """Connects; `url` chooses what to.

        None: a bus of its own; inproc:NAME: the bus of that name, with everything
        in this process that uses the same libmycelium_ffi.so.0, C++ too;
        unix:/path, tcp://host:port: a broker; "": $MYCELIUM_URL or the default
        socket.

        schema: the generated module of the messages that are exchanged; None:
        mycelium_protocol, which is built in; NO_SCHEMA: bytes only.
        schema_digest: what the program was built with; SchemaMismatchError (a
        ValueError) with both digests if it is another one.
        name: for status and logs of the broker; None: the program's.
        on_state(state, error), on_unaccepted(frames): at each change; frames that
        no broker is known to have accepted.  They hold up the connection for as
        long as they run.
        reconnect: a lost connection is made again, after a random time whose bound
        grows from reconnect_min_s to reconnect_max_s (0: what the broker says).
        publish_bytes_max: taken by publish and not yet accepted; beyond it
        publish waits.

        FailedPreconditionError: others could not read this schema's messages; the words
        have a line for each field.  UnavailableError: there is no broker.
        """
        descriptor_set: Optional[bytes] = None
        digest: Optional[bytes] = None
        if isinstance(schema, _NoSchema):
            if schema_digest is not None:
                raise InvalidArgumentError(
                    "schema: a digest with NO_SCHEMA, allowed none"
                )
        elif schema is None:
            digest = _schema_digest(
                schema_digest, BUILTIN_SCHEMA_DIGEST, "mycelium_protocol, built in"
            )
        else:
            of = getattr(schema, "__name__", repr(schema))
            digest = _schema_digest(schema_digest, schema.SCHEMA_DIGEST, of)
            descriptor_set = schema.SCHEMA_DESCRIPTOR_SET
        self._digest = digest
        self._url = "inproc:" if url is None else url
        self._open(
            self._url,
            name,
            digest,
            descriptor_set,
            _ms("connect_timeout_s", connect_timeout_s),
            publish_bytes_max,
            reconnect,
            _ms("reconnect_min_s", reconnect_min_s),
            _ms("reconnect_max_s", reconnect_max_s),
            on_state,
            on_unaccepted,
        )

    def _check_class(self, message_class: type) -> None:
        """Called once for each class that is used."""
        digest = _schema_of(message_class)
        if digest is None or digest == self._digest:
            return
        has = "none" if self._digest is None else _digest_text(self._digest)
        raise FailedPreconditionError(
            f"schema: {getattr(message_class, 'FULL_NAME', message_class.__name__)} is "
            f"of the schema {_digest_text(digest)}, this runtime has {has}; it gets "
            f"one by Runtime(schema=...)"
        )

    # --- Publishing ---------------------------------------------------------

    def publish_acked(
        self, message: Message, topic: str = "", timeout_s: Optional[float] = None
    ) -> Future[None]:
        """publish(); the future ends when the broker has accepted the message.

        It has AbortedError if nobody can say, ClosedError or UnavailableError if it has not.
        What is to be done then runs on the connection's thread.
        """
        future: Future[None] = Future()
        self._publish_acked(message, future, topic, timeout_s)
        return future

    # --- Subscribing --------------------------------------------------------

    @overload
    def subscribe(
        self,
        message_class: Type[M],
        callback: Optional[Callable[[M], object]] = None,
        *,
        topic_filter: str = "",
        policy: Union[PolicyName, Policy] = BALANCED,
        group: Optional[str] = None,
        start: Start = Start(),
        on_gap: Optional[OnGap] = None,
        with_info: Literal[False] = False,
    ) -> Subscription[M]:
        ...

    @overload
    def subscribe(
        self,
        message_class: Type[M],
        callback: Optional[Callable[[M, MessageInfo], object]] = None,
        *,
        topic_filter: str = "",
        policy: Union[PolicyName, Policy] = BALANCED,
        group: Optional[str] = None,
        start: Start = Start(),
        on_gap: Optional[OnGap] = None,
        with_info: Literal[True],
    ) -> Subscription[Tuple[M, MessageInfo]]:
        ...

    def subscribe(
        self,
        message_class: Type[Any],
        callback: Optional[Callable[..., object]] = None,
        *,
        topic_filter: str = "",
        policy: Union[PolicyName, Policy] = BALANCED,
        group: Optional[str] = None,
        start: Start = Start(),
        on_gap: Optional[OnGap] = None,
        with_info: bool = False,
    ) -> Subscription[Any]:
        """Subscribes to a message class; what anyone publishes from now on arrives.

        With a callback, pushed: callback(message), or with_info
        callback(message, info).  Without one, pulled: `for message in
        subscription`, or subscription.next(); with_info (message, info).

        on_gap(gap): in the place of messages that are missing, or that are bytes
        of something else; on the thread that the messages come on.  Without it
        the first is logged as a warning.

        It goes on until close() of the subscription or of this runtime, whether or
        not the result is kept.
        """
        what = getattr(message_class, "FULL_NAME", repr(message_class))
        return self._begin(
            message_class,
            0,
            callback,
            topic_filter,
            policy,
            group,
            start,
            on_gap,
            with_info,
            what,
        )

    def subscribe_bytes(
        self,
        type_id: int,
        callback: Optional[Callable[..., object]] = None,
        *,
        topic_filter: str = "",
        policy: Union[PolicyName, Policy] = BALANCED,
        group: Optional[str] = None,
        start: Start = Start(),
        on_gap: Optional[OnGap] = None,
        with_info: bool = False,
    ) -> Subscription[Any]:
        """subscribe() to bytes of a type id, 0: of all; the message is bytes."""
        if not 0 <= type_id <= 65535:
            raise InvalidArgumentError(
                f"subscribe: type_id {type_id}, allowed 0 to 65535"
            )
        return self._begin(
            None,
            type_id,
            callback,
            topic_filter,
            policy,
            group,
            start,
            on_gap,
            with_info,
            f"type {type_id}",
        )

    def _begin(
        self,
        message_class: Optional[type],
        type_id: int,
        callback: Optional[Callable[..., object]],
        topic_filter: str,
        policy: Union[PolicyName, Policy],
        group: Optional[str],
        start: Start,
        on_gap: Optional[OnGap],
        with_info: bool,
        what: str,
    ) -> Subscription[Any]:
        for name, function in (("callback", callback), ("on_gap", on_gap)):
            if function is not None and not callable(function):
                raise TypeError(f"subscribe: {name} {function!r}, allowed a callable")
        chosen = _policy(policy)
        return self._subscribe(
            message_class,
            type_id,
            callback,
            topic_filter,
            chosen.queue_bytes_max,
            chosen.stall_ms_max,
            chosen.overflow,
            group,
            start.origin,
            start.value,
            on_gap or _LogOnce(what),
            with_info,
        )

    # --- Requests -----------------------------------------------------------

    def request(
        self,
        message: Message,
        reply_class: Type[R],
        timeout_s: Optional[float] = None,
        *,
        topic: str = "",
    ) -> R:
        """Asks one of those that respond to the message's type and topic.

        RequestError: there is none, and why: its status says whether nobody
        responds, the responder was lost, or what the responder said.
        DeadlineExceededError.  The reply is no reply_class: InvalidArgumentError,
        or Error of the status DATA_LOSS.
        """
        reply: R = self._request(message, reply_class, topic, timeout_s)
        return reply

    @overload
    def respond(
        self,
        message_class: Type[M],
        callback: Callable[[M], Union[Message, Future[Any]]],
        *,
        topic_filter: str = "",
        queue_bytes_max: int = Policy.queue_bytes_max,
        with_info: Literal[False] = False,
    ) -> Subscription[M]:
        ...

    @overload
    def respond(
        self,
        message_class: Type[M],
        callback: Callable[[M, MessageInfo], Union[Message, Future[Any]]],
        *,
        topic_filter: str = "",
        queue_bytes_max: int = Policy.queue_bytes_max,
        with_info: Literal[True],
    ) -> Subscription[Tuple[M, MessageInfo]]:
        ...

    def respond(
        self,
        message_class: Type[Any],
        callback: Callable[..., Union[Message, Future[Any]]],
        *,
        topic_filter: str = "",
        queue_bytes_max: int = Policy.queue_bytes_max,
        with_info: bool = False,
    ) -> Subscription[Any]:
        """Answers requests: the callback returns the reply, or a future of it.

        A RequestError that it raises is what the requester gets; anything else
        goes to sys.unraisablehook, and the requester learns its name.  Requests
        that wait beyond queue_bytes_max go to another responder, or fail.
        """
        if not callable(callback):
            raise TypeError(f"respond: callback {callback!r}, allowed a callable")
        return self._respond(
            message_class, callback, topic_filter, queue_bytes_max, with_info
        )

    # --- The end ------------------------------------------------------------

    def __enter__(self) -> Runtime:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        url = getattr(self, "_url", "?")
        return f"<Runtime {url}{' closed' if self.closed else ''}>"
