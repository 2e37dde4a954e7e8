"""A subscription of the synchronous client."""

from __future__ import annotations

import weakref
from types import TracebackType
from typing import (
    Any,
    Callable,
    Generic,
    Iterator,
    List,
    Optional,
    Tuple,
    Type,
    TypeVar,
    Union,
)

from .delivery import Frame, Gap
from .errors import ClosedError, DeadlineExceededError
from .link import Link, now
from .reading import Part, Reading, View
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

    Iteration ends when the subscription or the client is closed, behind what it
    has taken out of the queue by then, and raises what else the client has ended
    with.  It can be left and begun again.  One thread at a time; close() from any.  A subscription that nobody has any more is
    unsubscribed.
    """

    def __init__(self, link: Link, subscriber: Subscriber, reading: Reading[T]) -> None:
        self._link = link
        self._subscriber = subscriber
        self._reading = reading
        self._list: Iterator[Any] = iter(())  # the part that is being read
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
        while True:
            part = self._next_part(self._reading.next_batch, _deadline(timeout_s))
            if part is None:
                return
            if isinstance(part, Gap):
                self._reading.tell(part)
            else:
                yield part

    def next(self, timeout_s: Optional[float] = None) -> T:
        """The next message.  DeadlineExceededError; ClosedError: it is over."""
        reading = self._reading
        reading.choose("messages")
        while True:
            for message in self._list:
                self._hold(1, self._frame_bytes)
                found: T = message
                return found
            part = self._next_part(
                lambda: reading.next_part(reading.messages), _deadline(timeout_s), True
            )
            if part is None:
                raise self._subscriber.ended or ClosedError("subscription: over")
            if isinstance(part, Gap):
                reading.tell(part)

    def _each(self, view: View, way: str, timeout_s: Optional[float]) -> Iterator[Any]:
        reading = self._reading
        reading.choose(way)
        grouped = self._subscriber.acks is not None
        while True:
            if grouped:
                for item in self._list:
                    self._hold(1, self._frame_bytes)
                    yield item
            else:
                yield from self._list
            part = self._next_part(
                lambda: reading.next_part(view), _deadline(timeout_s), True
            )
            if part is None:
                return
            if isinstance(part, Gap):
                if way == "events":
                    yield part
                else:
                    reading.tell(part)

    def _next_part(
        self,
        find: Callable[[], Optional[Tuple[Part, int]]],
        deadline: Optional[float],
        singly: bool = False,
    ) -> Optional[Part]:
        """None: nothing will come any more.  `singly`: a list goes to _list, whose
        messages are taken in hand one by one."""
        while True:
            found = find()
            if found is not None:
                break
            self._take(deadline)
            if not self._reading.items:
                ended = self._subscriber.ended
                if ended is None or isinstance(ended, ClosedError):
                    return None
                raise ended
        part, size = found
        if isinstance(part, Gap):
            self._hold(part.frames, 0)
        elif singly:
            self._frame_bytes = size // len(part)
            self._list = iter(part)
        else:
            self._hold(len(part), size // len(part))
        return part

    def _take(self, deadline: Optional[float]) -> None:
        """What the queue has, which is waited for; nothing: there is an end."""
        link, subscriber = self._link, self._subscriber
        queue, items = subscriber.queue, self._reading.items
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
                subscriber.take_some(items)
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
