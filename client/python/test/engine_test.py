"""The engine against a broker that the test plays, frame by frame."""

from typing import Any, List, Optional

import pytest

import mycelium
from mycelium import control, frame
from mycelium.control import Kind
from mycelium.delivery import LATEST, Gap, GapReason, Policy, Route, State
from mycelium.engine import Engine
from mycelium.events import StateChanged, Unaccepted
from mycelium.frame_queue import FrameQueue
from mycelium.options import make_options
from mycelium.requests import Pending
from mycelium.session import Session, SessionState


class Broker:
    """Plays one for an engine."""

    def __init__(self, **options: Any) -> None:
        self.engine = Engine(
            make_options("unix:/nowhere", None, **options), lambda: 0.5
        )
        self.now = 100.0
        self.connect()

    def connect(self, **welcome: Any) -> None:
        self.engine.connected(self.now)
        (hello,) = self.written()
        assert hello.kind == Kind.HELLO
        body = control.Welcome(version_major=1, session_id=1, epoch=5, **welcome)
        body.limits = control.Limits(
            frame_bytes_max=1 << 20, idle_timeout_ms=30_000, resume_window_ms=10_000
        )
        self.say(Kind.WELCOME, body)

    def say(self, kind: Kind, body: Any = None, frame_id: int = 0) -> None:
        self.engine.receive(control.encode_control(kind, frame_id, body), self.now)

    def publish(self, sequence: int, payload: bytes = b"x", kind: int = 1) -> None:
        data = frame.encode_frame(7, kind, sequence, payload)
        self.engine.receive(data, self.now)

    def written(self, count: Optional[int] = None) -> List[Any]:
        """Frames that the engine has written since the last time; of `count`
        bytes only."""
        data = b""
        while self.engine.has_output and (count is None or len(data) < count):
            piece = self.engine.output()[: None if count is None else count - len(data)]
            self.engine.wrote(len(piece))
            data += piece
        reader = frame.FrameReader(1 << 20)
        reader.feed(data)
        return list(iter(reader.next, None))

    def lose(self) -> None:
        self.engine.lost(mycelium.UnavailableError("gone"), self.now)

    def subscribe(self, **route: Any) -> Any:
        subscriber, pending = self.engine.subscribe(Route(7, **route))
        asked = self.written()[-1]
        body = control.Subscribed(subscription_id=subscriber.id)
        self.say(Kind.SUBSCRIBED, body, asked.id)
        assert pending.done and pending.error is None
        return subscriber


def ids(frames: List[Any]) -> List[int]:
    return [
        row[0] for each in frames if isinstance(each, frame.Run) for row in each.rows
    ]


def test_what_was_not_accepted_is_sent_again_after_resume() -> None:
    broker = Broker()
    for _ in range(5):
        broker.engine.publish(7, b"x")
    assert ids(broker.written()) == [1, 2, 3, 4, 5]
    broker.say(Kind.ACK, control.Ack(publish_id=2))
    broker.lose()
    assert broker.engine.redial_at == broker.now + 0.5 * 0.05
    broker.engine.publish(7, b"meanwhile")
    broker.connect(resumed=True, last_publish_id=3)
    assert ids(broker.written()) == [4, 5, 6]
    assert not broker.engine.events or all(
        isinstance(e, StateChanged) for e in broker.engine.events
    )


def test_what_may_have_been_accepted_is_given_back() -> None:
    broker = Broker(on_unaccepted=lambda frames: None)
    pendings: List[Pending] = []
    for _ in range(3):
        pendings.append(broker.engine.publish_acked(7, b"x"))
    # The first in whole, the second in part.
    broker.written(17 + 16 + 5)
    broker.lose()
    broker.connect()
    assert isinstance(pendings[0].error, mycelium.AbortedError)
    assert not pendings[1].done
    given = [e for e in broker.engine.events if isinstance(e, Unaccepted)]
    assert [len(e.frames) for e in given] == [1]
    assert given[0].frames[0].maybe_accepted
    assert ids(broker.written()) == [2, 3]


def test_the_resume_window_has_an_end() -> None:
    broker = Broker(on_unaccepted=lambda frames: None)
    broker.engine.publish(7, b"written")
    broker.written()
    broker.lose()
    broker.engine.publish(7, b"not written")
    assert broker.engine.deadline() == broker.now + 10
    broker.engine.tick(broker.now + 10)
    (given,) = [e for e in broker.engine.events if isinstance(e, Unaccepted)]
    assert [f.payload for f in given.frames] == [b"written"]


def test_backoff_doubles_up_to_its_bound() -> None:
    broker, waits = Broker(reconnect_min_s=0.1, reconnect_max_s=0.5), []
    for _ in range(5):
        broker.lose()
        assert broker.engine.redial_at is not None
        waits.append(broker.engine.redial_at - broker.now)
    assert waits == pytest.approx([0.05, 0.1, 0.2, 0.25, 0.25])


def test_close_with_retry_after_is_heeded() -> None:
    broker = Broker()
    close = control.Close(control.Code.GOING_AWAY, "stops", retry_after_ms=7000)
    broker.say(Kind.CLOSE, close)
    assert broker.engine.redial_at == broker.now + 7


def test_a_subscription_goes_on_where_it_was() -> None:
    broker = Broker()
    subscriber = broker.subscribe()
    for sequence in (4, 5):
        broker.publish(sequence)
    broker.lose()
    broker.connect(resumed=True)
    (again,) = broker.written()
    body = control.Subscribe.decode(again.body)
    assert body.resume == control.Resume(5, 2, [control.TypeSequence(7, 5)], 1)
    broker.publish(6)  # not before its SUBSCRIBED
    answer = control.Subscribed(subscription_id=subscriber.id)
    broker.say(Kind.SUBSCRIBED, answer, again.id)
    broker.publish(7)
    assert ids(list(iter(subscriber.take, None))) == [4, 5, 7]


def test_an_interrupted_read_is_never_silent() -> None:
    """KeyboardInterrupt in the middle of delivery: what was given is not known,
    so the subscription begins anew and says so."""
    broker = Broker()
    subscriber = broker.subscribe()
    broker.publish(1)

    def interrupt() -> None:
        raise KeyboardInterrupt

    subscriber.on_ready = interrupt
    with pytest.raises(KeyboardInterrupt):
        broker.publish(2)
    subscriber.on_ready = None
    broker.engine.interrupted(broker.now)
    assert not broker.engine.has_connection
    broker.connect(resumed=True)
    (again,) = broker.written()
    assert control.Subscribe.decode(again.body).resume is None
    answer = control.Subscribed(subscription_id=subscriber.id)
    broker.say(Kind.SUBSCRIBED, answer, again.id)
    items: List[Any] = list(iter(subscriber.take, None))
    assert items[-1] == Gap(GapReason.RECONNECT, unknown=True)


def test_starts_keep_what_was_for_others_away() -> None:
    broker = Broker()
    subscriber, _ = broker.engine.subscribe(Route(7))
    asked = broker.written()[-1]
    broker.publish(1)
    body = control.Subscribed(
        subscription_id=subscriber.id, starts=[control.TypeSequence(7, 3)]
    )
    broker.say(Kind.SUBSCRIBED, body, asked.id)
    for sequence in (2, 3, 4):
        broker.publish(sequence)
    assert ids(list(iter(subscriber.take, None))) == [4]


def test_addressed_frames_are_for_one() -> None:
    broker = Broker()
    one, two = broker.subscribe(), broker.subscribe(policy=LATEST)
    broker.say(Kind.ADDRESSEE, control.Addressee(two.id))
    broker.publish(1)
    broker.say(Kind.ADDRESSEE, control.Addressee(0))
    broker.publish(2)
    assert ids(list(iter(one.take, None))) == [2]
    assert ids(list(iter(two.take, None))) == [1]


def test_silence_is_asked_about_and_then_ends_it() -> None:
    broker = Broker()
    broker.engine.tick(broker.now + 10)
    (ping,) = broker.written()
    assert ping.kind == Kind.PING
    broker.engine.tick(broker.now + 20)
    assert not broker.engine.has_connection
    changed: Any = broker.engine.events[-1]
    assert changed.state is State.RECONNECTING
    assert str(changed.why).endswith("lost: silent for 20000 ms")


def test_an_acknowledgement_of_too_much_ends_it() -> None:
    broker = Broker()
    broker.engine.publish(7, b"x")
    broker.written()
    broker.say(Kind.ACK, control.Ack(publish_id=2))
    assert "ack: publish_id 2, allowed up to 1" in str(broker.engine.ended)
    close = Session(1 << 20, SessionState.OPEN)
    close.feed(broker.engine.last_words)
    said: Any = close.next()
    assert said.body.code == control.Code.PROTOCOL


def test_room_is_asked_for() -> None:
    broker = Broker(publish_bytes_max=100)
    broker.engine.publish(7, b"x" * 60)
    broker.written()
    with pytest.raises(mycelium.WouldBlockError) as raised:
        broker.engine.publish(7, b"y" * 60)
    assert "76 bytes are not yet accepted, publish_bytes_max 100" in str(raised.value)
    (flush,) = broker.written()
    assert flush.kind == Kind.FLUSH
    broker.say(Kind.FLUSHED, None, flush.id)
    assert broker.engine.publish(7, b"y" * 60) == 2


def run_of(first: int, count: int, payload: bytes = b"x" * 84) -> frame.Run:
    rows = [(n, payload) for n in range(first, first + count)]
    return frame.Run(7, 1, "", rows, 100)


def test_a_full_queue_holds_and_then_drops_the_oldest() -> None:
    queue = FrameQueue(Policy(4096, 1000))
    queue.push(run_of(1, 50), 0.0)
    assert queue.holds and queue.deadline == 1.0
    queue.tick(0.5)
    assert queue.holds
    queue.tick(1.0)
    assert not queue.holds
    items: List[Any] = list(iter(queue.take, None))
    assert items[0] == Gap(GapReason.OVERFLOW, (mycelium.GapRange(7, 10, 1, 10),))
    assert ids(items) == list(range(11, 51))


def test_a_queue_keeps_a_frame_that_is_larger_than_itself() -> None:
    queue = FrameQueue(Policy(4096, 0))
    queue.push(frame.Run(7, 1, "", [(1, b"x" * 9984)], 10_000), 0.0)
    assert ids(list(iter(queue.take, None))) == [1]
