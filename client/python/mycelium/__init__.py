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
from .client import Accepted, Client, connect
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
from .events import Counters
from .messages import Message, Schema
from .requests import Call, Reply
from .responder import Responder
from .subscription import Subscription

__version__ = "0.1.0"

__all__ = [
    "AbortedError",
    "Accepted",
    "BALANCED",
    "BrokerInfo",
    "Call",
    "Client",
    "ClosedError",
    "Counters",
    "DeadlineExceededError",
    "Error",
    "FailedPreconditionError",
    "Frame",
    "Gap",
    "GapRange",
    "GapReason",
    "InvalidArgumentError",
    "LATEST",
    "LIVE",
    "LOSSLESS",
    "Message",
    "Overflow",
    "PermissionDeniedError",
    "Policy",
    "Reply",
    "RequestError",
    "ResourceExhaustedError",
    "Responder",
    "STRICT",
    "Schema",
    "Start",
    "State",
    "StatusCode",
    "Subscription",
    "UnacceptedFrame",
    "UnavailableError",
    "WouldBlockError",
    "__version__",
    "aio",
    "connect",
    "from_sequence",
    "last",
    "since",
]
