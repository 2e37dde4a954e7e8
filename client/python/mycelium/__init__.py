"""Mycelium for Python: typed messages through mycelium-brokerd.

    import mycelium, chat  # chat.py: protoc --mycelium_out=python:. chat.proto

    with mycelium.connect(schema=chat) as client:
        subscription = client.subscribe(chat.TextMessage, "rooms.*")
        client.publish(chat.TextMessage(content="hello"), "rooms.one")
        for message in subscription:
            ...

mycelium.aio has the same for asyncio.
"""

from . import aio
from .client import Accepted, Client, Responder, connect
from .delivery import (
    BALANCED,
    LATEST,
    LIVE,
    LOSSLESS,
    STRICT,
    BrokerInfo,
    Frame,
    Gap,
    GapRange,
    GapReason,
    Overflow,
    Policy,
    Start,
    State,
    UnacceptedFrame,
    from_sequence,
    last,
    since,
)
from .engine import Counters
from .errors import (
    AbortedError,
    ClosedError,
    DeadlineExceededError,
    Error,
    FailedPreconditionError,
    InvalidArgumentError,
    PermissionDeniedError,
    RequestError,
    ResourceExhaustedError,
    StatusCode,
    UnavailableError,
    WouldBlockError,
)
from .messages import Message, Schema
from .requests import Call, Reply
from .subscription import Subscription

__version__ = "0.1.0"
