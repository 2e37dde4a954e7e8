"""What can go wrong, as exceptions.

Every one of them is a mycelium.Error, has a `status`, and says
"subject: what was seen, what is allowed".
"""

from __future__ import annotations

import enum
from typing import Any, Dict, Optional, Tuple, Type


class StatusCode(enum.IntEnum):
    """The numbers of gRPC's and abseil's status codes."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


class Error(Exception):
    """The base of all errors of this package."""

    status: StatusCode = StatusCode.UNKNOWN

    def __init__(self, message: str, status: Optional[StatusCode] = None) -> None:
        super().__init__(message)
        self.message = message
        if status is not None:
            self.status = status

    def __str__(self) -> str:
        return self.message


class InvalidArgumentError(Error, ValueError):
    """An argument that can't be: url, topic, filter, policy."""

    status = StatusCode.INVALID_ARGUMENT


class DeadlineExceededError(Error, TimeoutError):
    """`timeout_s` was over first."""

    status = StatusCode.DEADLINE_EXCEEDED


class PermissionDeniedError(Error):
    """The broker or the file system refuses this user."""

    status = StatusCode.PERMISSION_DENIED


class ResourceExhaustedError(Error):
    """A limit; the message names it."""

    status = StatusCode.RESOURCE_EXHAUSTED


class FailedPreconditionError(Error):
    """The broker refuses a version or a schema; or a call out of its place."""

    status = StatusCode.FAILED_PRECONDITION


class AbortedError(Error):
    """Whether it was done is not known: the broker was restarted or has
    forgotten this client."""

    status = StatusCode.ABORTED


class UnavailableError(Error, ConnectionError):
    """No broker there, or the connection is lost."""

    status = StatusCode.UNAVAILABLE


class WouldBlockError(UnavailableError):
    """What try_publish raises instead of waiting."""


class ClosedError(Error):
    """The client or the subscription was closed by its owner."""

    status = StatusCode.CANCELLED


class ProtocolError(Error):
    """The broker sent bytes that the protocol does not have."""

    status = StatusCode.UNAVAILABLE

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code  # of the CLOSE that it is answered with


class RequestError(Error):
    """The answer to a request that there is none, and why.

    A responder raises it to answer an error; `Client.request` raises it for
    whatever a responder or the broker has answered: NOT_FOUND, nobody
    responds; RESOURCE_EXHAUSTED, all responders are busy; UNAVAILABLE, the
    responder was lost and may have done it; any other, what the responder
    said.  `from_broker`: no responder has answered.
    """

    def __init__(self, status: int, text: str, *, from_broker: bool = False) -> None:
        known = status if 1 <= status <= 16 else StatusCode.UNKNOWN
        super().__init__(text, StatusCode(known))
        self.from_broker = from_broker

    def __reduce__(self) -> Tuple[Any, ...]:
        return RequestError, (int(self.status), self.message)


_BY_STATUS: Dict[int, Type[Error]] = {
    StatusCode.CANCELLED: ClosedError,
    StatusCode.INVALID_ARGUMENT: InvalidArgumentError,
    StatusCode.DEADLINE_EXCEEDED: DeadlineExceededError,
    StatusCode.PERMISSION_DENIED: PermissionDeniedError,
    StatusCode.RESOURCE_EXHAUSTED: ResourceExhaustedError,
    StatusCode.FAILED_PRECONDITION: FailedPreconditionError,
    StatusCode.ABORTED: AbortedError,
    StatusCode.UNAVAILABLE: UnavailableError,
}


def error_of(status: StatusCode, message: str) -> Error:
    """The exception for a status."""
    return _BY_STATUS.get(status, Error)(message, status)
