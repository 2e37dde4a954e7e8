"""A subscription of the synchronous client."""

from __future__ import annotations

import weakref
from collections import deque
from types import TracebackType
from typing import (
    Any,
    Callable,
    Deque,
    Generic,
    Iterator,
    List,
    Optional,
    Type,
    TypeVar,
    Union,
)

from .delivery import Frame, Gap
from .errors import ClosedError, DeadlineExceededError
from .frame import Run
from .frame_queue import Item
from .link import Link, now
from .reading import Part, Reading
from .subscriber import Subscriber

T = TypeVar("T")


class Subscription(Generic[T]):
    """Iterate over it, in one of these ways:

    for message in subscription             messages; gaps go to on_gap, or else
                                            are logged as a warning
    for item in subscription.events()       messages and Gaps
    for frame in subscription.frames()      Frames: message, topic, sequence,
                                            redelivered; gaps as above
    for messages in subscription.batches()  lists of what has come together

    Iteration ends when the subscription or the client is closed, and raises what
    else the client has ended with.  It can be left and begun again.  One thread
    at a time; close() from any.  A subscription that nobody has any more is
    unsubscribed.
    """

    def __init__(self, link: Link, subscriber: Subscriber, reading: Reading[T]) -> None:
        self._link = link
        self._subscriber = subscriber
        self._reading = reading
        self._item: Optional[Item] = None  # taken, and not yet among them
        self._parts: Deque[Part] = deque()  # taken and not yet given to the user
        self._list: Iterator[Any] = iter(())  # the first of them
        self._frame_bytes = 0  # of each frame in it
        self._in_hand = (0, 0)  # of a group: frames, and their bytes
        self._finalizer = weakref.finalize(self, link.drop, subscriber)

    # --- Reading

    def __iter__(self) -> Iterator[T]:
        return self._each(self._reading.messages, "messages", None)

    def events(self, timeout_s: Optional[float] = None) -> Iterator[Union[T, Gap]]:
        """Messages and gaps in their order.  DeadlineExceededError: nothing has
        come for timeout_s; it can be gone on with."""
        return self._each(self._reading.messages, "events", timeout_s)

    def frames(self, timeout_s: Optional[float] = None) -> Iterator[Frame]:
        """Messages with all that came with them."""
        return self._each(self._reading.frames, "frames", timeout_s)

    def batches(self, timeout_s: Optional[float] = None) -> Iterator[List[T]]:
        """Lists of messages, none of them empty.  A member of a group has done
        with one when it asks for the next."""
        self._reading.choose("batches")
        while self._fill(self._reading.messages, _deadline(timeout_s)):
            part = self._parts.popleft()
            if isinstance(part, Gap):
                self._hold(part.frames, 0)
                self._reading.tell(part)
            else:
                self._hold(len(part), self._frame_bytes)
                yield part

    def next(self, timeout_s: Optional[float] = None) -> T:
        """The next message.  DeadlineExceededError; ClosedError: it is over."""
        self._reading.choose("messages")
        grouped = self._subscriber.acks is not None
        while True:
            for message in self._list:
                if grouped:
                    self._hold(1, self._frame_bytes)
                found: T = message
                return found
            if not self._fill(self._reading.messages, _deadline(timeout_s)):
                raise self._subscriber.ended or ClosedError("subscription: over")
            part = self._parts.popleft()
            if isinstance(part, Gap):
                self._hold(part.frames, 0)
                self._reading.tell(part)
            else:
                self._list = iter(part)

    def _each(
        self, view: Callable[[Run], List[Part]], way: str, timeout_s: Optional[float]
    ) -> Iterator[Any]:
        self._reading.choose(way)
        grouped = self._subscriber.acks is not None
        while True:
            if grouped:
                for item in self._list:
                    self._hold(1, self._frame_bytes)
                    yield item
            else:
                yield from self._list
            if not self._fill(view, _deadline(timeout_s)):
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

    def _fill(
        self, view: Callable[[Run], List[Part]], deadline: Optional[float]
    ) -> bool:
        """False: nothing will come any more."""
        while not self._parts:
            if self._item is None:
                self._take(deadline)
            item = self._item
            if item is None:
                ended = self._subscriber.ended
                if ended is None or isinstance(ended, ClosedError):
                    return False
                raise ended
            if isinstance(item, Run):
                self._frame_bytes = item.frame_bytes
                self._parts.extend(view(item))
            else:
                self._parts.append(item)
            self._item = None
        return True

    def _take(self, deadline: Optional[float]) -> None:
        """The next of the queue, which is waited for; none: there is an end."""
        link, subscriber = self._link, self._subscriber
        queue = subscriber.queue
        self._hold(0, 0)
        with link.lock:
            if not queue:
                if subscriber.acks is not None:
                    subscriber.acks.send()
                    link.after()
                if not link.wait(
                    lambda: bool(queue) or subscriber.ended is not None, deadline
                ):
                    raise DeadlineExceededError(
                        "subscription: nothing came before the deadline"
                    )
            held = queue.holds
            try:
                self._item = subscriber.take()
            except BaseException:
                subscriber.torn = True
                link.interrupted()
                raise
            if held and not queue.holds:
                link.kick()

    def _hold(self, frames: int, frame_bytes: int) -> None:
        """A member of a group has these in hand, and has done with those before."""
        acks = self._subscriber.acks
        if acks is not None:
            before, self._in_hand = self._in_hand, (frames, frames * frame_bytes)
            with self._link.lock:
                acks.finish(*before)
                self._link.after()

    # --- The end

    def close(self) -> None:
        """Unsubscribes; from any thread, and from within callbacks.  What a
        member of a group has in hand and has not done with goes to another."""
        self._finalizer.detach()
        link = self._link
        with link.lock:
            link.engine.unsubscribe(self._subscriber)
            link.after()
            link.kick()

    def __enter__(self) -> Subscription[T]:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()


def _deadline(timeout_s: Optional[float]) -> Optional[float]:
    return None if timeout_s is None else now() + timeout_s
