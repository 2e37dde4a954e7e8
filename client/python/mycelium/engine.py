"""The protocol of a client without I/O: bytes come in, bytes and events go out,
the time is passed in.  Both clients, mycelium.client and mycelium.aio, are a
socket around it.

    connected -> (receive | output, wrote | tick)* -> lost -> ... -> ended

Whoever owns it dials when `redial_at` has come, feeds what it reads while
`reads()` says so, writes output(), and calls tick() at deadline().  Operations
give a Pending that ends once.  An exception that is not a mycelium.Error, such
as KeyboardInterrupt, may leave it in the middle of something: its owner then
calls interrupted(), which gives the connection up, so that everything goes on
from a known state on the next one.

Not thread-safe: belongs to its client, under that one's lock.
"""

from __future__ import annotations

import random
from collections import deque
from typing import Any, Callable, Deque, Dict, List, Optional

from . import control, frame
from .control import Code, Kind, code_name
from .delivery import BrokerInfo, State
from .errors import (
    AbortedError,
    ClosedError,
    DeadlineExceededError,
    Error,
    ProtocolError,
    ResourceExhaustedError,
    UnavailableError,
    error_of,
)
from .events import (
    FINAL_CODES,
    Counters,
    Event,
    StateChanged,
    Unaccepted,
    status_of,
)
from .operations import Operations
from .options import Options
from .publish_log import GivenBack
from .publisher import OWN_FLUSH
from .requests import Pending
from .session import Control, Session
from .subscribers import subscribe_body

IDLE_TIMEOUT_MS_DEFAULT = 30_000
RECONNECT_MS_MIN_DEFAULT = 50
RECONNECT_MS_MAX_DEFAULT = 5_000
HEARTBEAT_DIVISOR = 3
# What queues may hold beyond their bounds while somebody waits for an answer.
EXCESS_BYTES_MAX = 16 << 20


class Engine(Operations):
    def __init__(
        self, options: Options, jitter: Callable[[], float] = random.random
    ) -> None:
        super().__init__(options.publish_bytes_max)
        self.options = options
        self.redial_at: Optional[float] = None  # when to connect again
        self.events: Deque[Event] = deque()
        self.welcome: Optional[control.Welcome] = None  # the last one
        # What is to be written, if it can be, to a connection that is given up.
        self.last_words = b""
        self._jitter = jitter
        self._session: Optional[Session] = None
        self._greeting = b""  # of it, still to be written
        self._greet_until = 0.0
        self._heard = 0.0
        self._beat_s = 0.0  # silence after which it is asked for a PONG
        self._pinged = False
        self._receiving = False
        self._bound_s = 0.0  # of the next wait for a connection
        self._window_end: Optional[float] = None  # of resuming
        self._told = State.CONNECTED
        self._unreported = 0  # frames given back that nobody has heard of
        self._reconnects = 0

    # --- The connection ------------------------------------------------------

    @property
    def has_connection(self) -> bool:
        return self._session is not None

    def connected(self, now: float) -> None:
        """A new connection, on which the client speaks first."""
        last = self.welcome or control.Welcome()
        hello = control.Hello(
            version_major=control.VERSION_MAJOR,
            name=self.options.name,
            schema_digest=self.options.schema.digest,
            instance_id=self.options.instance_id,
            last_epoch=last.epoch,
            last_session_id=last.session_id,
        )
        self._session = Session()
        self.last_words = b""
        self._greeting = control.encode_control(Kind.HELLO, 0, hello)
        self.redial_at = None
        self._heard = now
        self._pinged = False
        self._greet_until = now + self.options.connect_timeout_s

    def output(self) -> bytes:
        """What is to be written next; empty: nothing."""
        return self._greeting or self._log.output()

    @property
    def has_output(self) -> bool:
        return bool(self._greeting) or self._log.has_output

    @property
    def output_bytes(self) -> int:
        return len(self._greeting) + self._log.output_bytes

    def wrote(self, count: int) -> None:
        """So many bytes of it."""
        if self._greeting:
            self._greeting = self._greeting[count:]
        else:
            self._publisher.wrote(count)

    def receive(self, data: bytes, now: float) -> None:
        """What was read; after it there may be output, events, a lost connection."""
        session = self._session
        if session is None:
            return
        self._receiving = True
        self._heard = now
        self._pinged = False
        try:
            session.feed(data)
            while True:
                event = session.next()
                if event is None:
                    break
                if isinstance(event, frame.Run):
                    self._on_run(event, now)
                else:
                    _HANDLERS[event.kind](self, event, now)
                if self._session is not session:
                    break
        except ProtocolError as error:
            self._violated(error, now)
        except ResourceExhaustedError as error:  # a policy has its way
            self.end(error)
        self._receiving = False

    def _violated(self, error: ProtocolError, now: float) -> None:
        close = control.Close(error.code, error.message)
        self.last_words = control.encode_control(Kind.CLOSE, 0, close)
        words = "" if self.is_open else "not a Mycelium broker: "
        self.lost(UnavailableError(words + error.message), now, final=True)

    def lost(
        self, why: Error, now: float, final: bool = False, retry_after_ms: int = 0
    ) -> None:
        """The connection is gone, or could not be made.  Decides whether there
        is to be another."""
        url = self.options.url
        if self.welcome is None or not self.is_open:
            words = f"connect {url}: {why.message}"
        else:
            words = f"connection to {url} lost: {why.message}"
        why = error_of(why.status, words)
        first = self.welcome is None
        was_open = self.is_open
        self._disconnect()
        if self.ended is not None:
            return
        if first or final or not self.options.reconnect:
            self.end(why)
            return
        self.redial_at = now + max(self._next_wait_s(), retry_after_ms / 1000)
        if was_open:
            self._lost = why
            self._fail_what_does_not_survive(why)
            window_ms = self._limits.resume_window_ms
            self._window_end = now + window_ms / 1000
        self._update_state()

    def interrupted(self, now: float) -> None:
        """An exception came out of a method of this engine."""
        if self._receiving:
            self._receiving = False
            for subscriber in self._subscribers:
                subscriber.torn = True
        if self._session is not None:
            self.lost(UnavailableError("interrupted in the middle of a call"), now)

    def _disconnect(self) -> None:
        self._session = None
        self._greeting = b""
        self._publisher.disconnect()
        self._subscribers.disconnect()
        self._resubscribing.clear()

    def _fail_what_does_not_survive(self, why: Error) -> None:
        for key, asked in list(self._asked.items()):
            if not asked.again or asked.pending.done:
                del self._asked[key]
                asked.pending.end(why)
        self._requests.fail_all(why)

    def _next_wait_s(self) -> float:
        """Full jitter: a random part of a bound that doubles."""
        limits, options = self._limits, self.options
        most = (
            options.reconnect_max_s
            or (limits.reconnect_ms_max or RECONNECT_MS_MAX_DEFAULT) / 1000
        )
        least = (
            options.reconnect_min_s
            or (limits.reconnect_ms_min or RECONNECT_MS_MIN_DEFAULT) / 1000
        )
        bound = min(max(self._bound_s, least), most)
        self._bound_s = bound * 2
        return self._jitter() * bound

    @property
    def _limits(self) -> control.Limits:
        return (self.welcome and self.welcome.limits) or control.Limits()

    @property
    def broker(self) -> BrokerInfo:
        """Of the present or the last connection."""
        welcome = self.welcome or control.Welcome()
        return BrokerInfo(
            welcome.broker_name,
            welcome.broker_version,
            welcome.epoch,
            welcome.session_id,
            self._limits.frame_bytes_max,
        )

    # --- Time ----------------------------------------------------------------

    def deadline(self) -> Optional[float]:
        """When tick() will have something to do."""
        if self.is_open:
            soonest: Optional[float] = self._heard + self._beat_s * (1 + self._pinged)
        elif self.ended is not None:
            soonest = None
        elif self._session is not None:
            soonest = min(self._greet_until, self._window_end or self._greet_until)
        else:
            soonest = self._window_end
        for subscriber in self._subscribers.holding:
            stall = subscriber.queue.deadline
            if stall is not None and (soonest is None or stall < soonest):
                soonest = stall
        return soonest

    def tick(self, now: float) -> None:
        try:
            for subscriber in tuple(self._subscribers.holding):
                subscriber.tick(now)
        except ResourceExhaustedError as error:
            self.end(error)
        if self.is_open:
            self._beat(now)
            return
        if self._session is not None and now >= self._greet_until:
            words = "connected, but no WELCOME before the deadline"
            self.lost(DeadlineExceededError(words), now)
        if self._window_end is not None and now >= self._window_end:
            self._window_end = None
            self._give_back(self._log.give_back_written(), self._lost)

    def _beat(self, now: float) -> None:
        beat_s = self._beat_s
        if not self.reads():
            # Nothing is read, and so nothing heard; the broker is to hear.
            if now >= self._heard + beat_s:
                self._heard = now
                self._log.append(control.encode_control(Kind.PING))
        elif self._pinged and now >= self._heard + 2 * beat_s:
            ms = int(2 * beat_s * 1000)
            self.lost(UnavailableError(f"silent for {ms} ms"), now)
        elif not self._pinged and now >= self._heard + beat_s:
            self._pinged = True
            self._log.append(control.encode_control(Kind.PING))

    # --- Whether to read -----------------------------------------------------

    def reads(self, waiting: bool = False) -> bool:
        """Whether more is to be read; `waiting`: somebody waits for an answer."""
        for subscriber in self._subscribers.holding:
            if not waiting or subscriber.queue.excess_bytes >= EXCESS_BYTES_MAX:
                return False
        return True

    def stuck(self, subject: str) -> ResourceExhaustedError:
        """What somebody is told who waits while reads(True) is false."""
        return ResourceExhaustedError(
            f"{subject}: a subscription's queue is full and nobody takes from it, "
            f"allowed {EXCESS_BYTES_MAX} bytes more while something is waited for"
        )

    # --- What comes ----------------------------------------------------------

    def _on_run(self, run: frame.Run, now: float) -> None:
        if run.kind in (frame.REPLY, frame.ERROR_REPLY):
            self._requests.on_reply(run)
        else:
            self._subscribers.deliver(run, now)

    def _on_schema(self, event: Control, now: float) -> None:
        schema = self.options.schema
        asked: Any = event.body
        if not schema.digest or asked.schema_digest != schema.digest:
            raise ProtocolError(
                "schema: it asks for a schema that HELLO did not name", Code.PROTOCOL
            )
        body = control.Schema(schema.digest, schema.descriptor_set)
        self._greeting += control.encode_control(Kind.SCHEMA, 0, body)

    def _on_welcome(self, event: Control, now: float) -> None:
        welcome: Any = event.body
        first = self.welcome is None
        limits = welcome.limits or control.Limits()
        if not 1 <= limits.frame_bytes_max <= frame.FRAME_BYTES_MAX_CEILING:
            raise ProtocolError(
                f"protocol: frame_bytes_max {limits.frame_bytes_max} in WELCOME, "
                f"allowed 1 to {frame.FRAME_BYTES_MAX_CEILING}",
                Code.PROTOCOL,
            )
        publisher, log = self._publisher, self._log
        if welcome.resumed:
            publisher.welcomed(welcome, first)
        else:
            self._give_back(log.give_back_written(), self._lost)
        log.bytes_max = min(
            self.options.publish_bytes_max,
            limits.publish_bytes_max or self.options.publish_bytes_max,
        )
        self.welcome = welcome
        self._bound_s = 0.0
        self._window_end = self._lost = None
        self._frame_bytes_max = limits.frame_bytes_max
        idle_ms = limits.idle_timeout_ms or IDLE_TIMEOUT_MS_DEFAULT
        self._beat_s = max(1, idle_ms // HEARTBEAT_DIVISOR) / 1000
        publisher.begin(self._subscribe_again())
        for asked in self._asked.values():
            log.append(asked.again)
        self._reconnects += not first
        self._update_state()

    def _subscribe_again(self) -> List[bytes]:
        frames: List[bytes] = []
        for subscriber in self._subscribers:
            if not subscriber.known:
                continue  # it waits for its first answer
            subscriber.suspend()
            self._last_id += 1
            self._resubscribing[self._last_id] = subscriber.id
            body = subscribe_body(subscriber)
            frames.append(control.encode_control(Kind.SUBSCRIBE, self._last_id, body))
        return frames

    def _on_subscribed(self, event: Control, now: float) -> None:
        body: Any = event.body
        asked = self._asked.pop(event.id, None)
        self._resubscribing.pop(event.id, None)
        subscriber = self._subscribers.get(body.subscription_id)
        error: Optional[Error] = None
        if body.code != Code.OK:
            status = status_of(body.code)
            words = f"subscribe: {body.reason} ({code_name(body.code)})"
            error = error_of(status, words)
            if subscriber is not None:
                self._subscribers.remove(subscriber)
                subscriber.end(error)
        elif subscriber is None:  # given up meanwhile
            self._send_unsubscribe(body.subscription_id)
        else:
            welcome: Any = self.welcome
            subscriber.activate(
                welcome.epoch, welcome.session_id, welcome.resumed, body.starts
            )
        if asked is not None:
            asked.pending.end(error)
        self._update_state()

    def _on_gap(self, event: Control, now: float) -> None:
        body: Any = event.body
        self._subscribers.deliver_gap(body)

    def _on_flushed(self, event: Control, now: float) -> None:
        if event.id & OWN_FLUSH:
            self._publisher.flushed(event.id, ending=self.ended is not None)
            return
        asked = self._asked.pop(event.id, None)
        if asked is None:
            return  # came too late
        self._publisher.acked(asked.publish_id)
        if self._unreported:
            asked.pending.end(
                AbortedError(
                    f"flush: {self._unreported} frames were written to a broker that "
                    "has forgotten this client or was restarted, and may not have "
                    "been accepted"
                )
            )
            self._unreported = 0
        asked.pending.end()

    def _on_ack(self, event: Control, now: float) -> None:
        body: Any = event.body
        self._publisher.acked(body.publish_id)

    def _on_ping(self, event: Control, now: float) -> None:
        self._log.append(control.encode_control(Kind.PONG, event.id))

    def _on_pong(self, event: Control, now: float) -> None:
        asked = self._asked.pop(event.id, None)
        if asked is not None:
            asked.pending.end()

    def _on_hold(self, event: Control, now: float) -> None:
        body: Any = event.body
        self._publisher.hold(body)
        self._update_state()

    def _on_release(self, event: Control, now: float) -> None:
        body: Any = event.body
        self._publisher.release(body)
        self._update_state()

    def _on_addressee(self, event: Control, now: float) -> None:
        body: Any = event.body
        self._subscribers.address(body)

    def _on_cancel(self, event: Control, now: float) -> None:
        self._subscribers.calls.cancel(event.id)

    def _on_close(self, event: Control, now: float) -> None:
        body: Any = event.body
        said = f"{body.reason} ({code_name(body.code)})"
        if self.is_open:
            error: Error = UnavailableError("closed by the broker: " + said)
            if body.code == Code.SLOW_CONSUMER:  # a policy has its way
                error = ResourceExhaustedError(error.message)
        else:
            status = status_of(body.code)
            error = error_of(status, "refused by the broker: " + said)
        self.lost(error, now, body.code in FINAL_CODES, body.retry_after_ms)

    def _on_nothing(self, event: Control, now: float) -> None:
        """Nobody waits for it."""

    # --- What is given back --------------------------------------------------

    def _give_back(self, given_back: GivenBack, never: Optional[Error]) -> None:
        frames = self._publisher.give_back(given_back, never)
        if not frames:
            return
        if self.options.on_unaccepted is None:
            self._unreported += len(frames)
        else:
            self.events.append(Unaccepted(frames))

    @property
    def all_accepted(self) -> bool:
        return self._publisher.all_accepted

    # --- States and the end --------------------------------------------------

    def _update_state(self) -> None:
        why: Optional[Error] = None
        if self.ended is not None:
            state, why = State.CLOSED, self.ended
        elif not self.is_open or self._resubscribing:
            state, why = State.RECONNECTING, self._lost
        elif self._publisher.held is not None:
            state, why = State.STALLED, self._publisher.held
        else:
            state = State.CONNECTED
        if state is not self._told:
            self._told = state
            self.events.append(StateChanged(state, why))

    def begin_close(self) -> None:
        """Nothing new begins; what was published is still written, until
        `all_accepted`."""
        if self.ended is not None:
            return
        closed = ClosedError("client: closed by its owner")
        for subscriber in self._subscribers:
            if subscriber.acks is not None:
                subscriber.acks.send()
        self._subscribers.calls.forget()
        self.ended = closed
        self._told = State.CLOSED
        self._end_all(closed)
        self._publisher.ask_for_ack()

    def say_goodbye(self) -> None:
        """The last frame of this client."""
        body = control.Close(Code.GOING_AWAY)
        self._log.append(control.encode_control(Kind.CLOSE, 0, body))

    def finish_close(self) -> None:
        """What was not accepted is given back."""
        self._disconnect()
        self.redial_at = None
        self._give_back(self._log.give_back_all(), self.ended)

    def end(self, why: Error) -> None:
        """For good."""
        if self.ended is not None:
            return
        self.ended = why
        self._disconnect()
        self.redial_at = None
        self._end_all(why)
        self._give_back(self._log.give_back_all(), why)
        self._update_state()

    def _end_all(self, why: Error) -> None:
        asked, self._asked = self._asked, {}
        for each in asked.values():
            each.pending.end(why)
        self._requests.fail_all(why)
        for subscriber in self._subscribers:
            subscriber.end(why)

    @property
    def counters(self) -> Counters:
        log, given_back = self._log, self._publisher.frames_given_back
        return Counters(
            log.frames_published,
            log.frames_published - log.frames_pending - given_back,
            log.frames_resent,
            given_back,
            self._subscribers.frames_received,
            self._subscribers.frames_missed,
            self._subscribers.gaps,
            self._reconnects,
            self._requests.replies_late,
        )


_Handler = Callable[[Engine, Control, float], None]
_HANDLERS: Dict[Kind, _Handler] = {
    Kind.WELCOME: Engine._on_welcome,
    Kind.SCHEMA: Engine._on_schema,
    Kind.SUBSCRIBED: Engine._on_subscribed,
    Kind.UNSUBSCRIBED: Engine._on_nothing,
    Kind.GAP: Engine._on_gap,
    Kind.ACK: Engine._on_ack,
    Kind.HOLD: Engine._on_hold,
    Kind.RELEASE: Engine._on_release,
    Kind.FLUSHED: Engine._on_flushed,
    Kind.PING: Engine._on_ping,
    Kind.PONG: Engine._on_pong,
    Kind.CLOSE: Engine._on_close,
    Kind.ADMIN: Engine._on_nothing,
    Kind.CANCEL: Engine._on_cancel,
    Kind.ADDRESSEE: Engine._on_addressee,
}
