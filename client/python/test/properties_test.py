"""What must hold for any bytes: nothing but a ProtocolError, and the same result
however they are cut."""

import random
import warnings
from typing import Any, List, Tuple

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mycelium import control, frame, topics
from mycelium.delivery import Policy, Route
from mycelium.engine import Engine
from mycelium.errors import Error, ProtocolError
from mycelium.options import make_options
from mycelium.protobuf import Malformed
from mycelium.session import Session, SessionState
from proto.mycelium import control_pb2

settings.register_profile(
    "mycelium",
    deadline=None,
    print_blob=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("mycelium")

TOPICS = st.sampled_from([b"", b"a", b"a.b", b"a.c", "ü".encode(), b"a..b", b"*"])


@st.composite
def frames(draw: Any) -> bytes:
    """Mostly in order, often like the one before."""
    data = b""
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from([1, 1, 1, 2, 3, 4, 0x41, 9]))
        topic, payload = draw(TOPICS), draw(st.binary(max_size=20))
        type_id = draw(st.sampled_from([7, 7, 8, 65535]))
        one = frame.encode_frame(type_id, kind, 5, payload, topic)
        data += one * draw(st.integers(1, 5))
    return data


@st.composite
def control_frames(draw: Any) -> bytes:
    kind = draw(st.integers(0, 21))
    return frame.encode_frame(
        0, kind, draw(st.integers(0, 99)), draw(st.binary(max_size=24))
    )


STREAMS = st.lists(
    st.one_of(frames(), control_frames(), st.binary(max_size=40)), max_size=6
).map(b"".join)
CUTS = st.lists(st.integers(1, 60), min_size=1, max_size=8)


def pieces(data: bytes, cuts: List[int]) -> List[bytes]:
    found, at, turn = [], 0, 0
    while at < len(data):
        size = cuts[turn % len(cuts)]
        found.append(data[at : at + size])
        at += size
        turn += 1
    return found


def events(data: List[bytes], session: Session) -> Tuple[List[Any], str]:
    """Runs fall apart into rows: where one ends is no matter of the stream."""
    found: List[Any] = []
    try:
        for piece in data:
            session.feed(piece)
            while True:
                event = session.next()
                if event is None:
                    break
                if isinstance(event, frame.Run):
                    found.extend((*event[:3], row) for row in event.rows)
                else:
                    found.append(event)
    except ProtocolError as error:
        return found, error.message
    return found, ""


@given(STREAMS, CUTS, st.sampled_from(list(SessionState)))
def test_a_session_reads_the_same_however_the_stream_is_cut(
    data: bytes, cuts: List[int], state: SessionState
) -> None:
    whole = events([data], Session(1 << 16, state))
    assert events(pieces(data, cuts), Session(1 << 16, state)) == whole


@given(st.lists(frames(), max_size=5).map(b"".join))
def test_runs_hold_what_single_frames_hold(data: bytes) -> None:
    one_by_one, _ = events(pieces(data, [1]), Session(1 << 16, SessionState.OPEN))
    at_once, _ = events([data], Session(1 << 16, SessionState.OPEN))
    assert at_once == one_by_one


@given(st.integers(1, 65535), TOPICS, st.binary(), st.integers(0, (1 << 64) - 1))
def test_a_frame_is_read_as_it_was_written(
    type_id: int, topic: bytes, payload: bytes, number: int
) -> None:
    data = frame.encode_frame(type_id, frame.PUBLISH, number, payload, topic)
    reader = frame.FrameReader(1 << 20)
    reader.feed(data)
    if topic and topics.topic_fault(topic):
        with pytest.raises(ProtocolError):
            reader.next()
        return
    assert reader.next() == frame.Run(
        type_id, 1, topic.decode(), [(number, payload)], len(data)
    )


NAMES = sorted(b.NAME for b in control.BODIES.values() if b.NAME != "AdminReply")


def body_class(name: str) -> Any:
    return next(b for b in control.BODIES.values() if b.NAME == name)


@settings(max_examples=1000)
@given(st.sampled_from(NAMES), st.binary(max_size=40))
@example("Subscribe", bytes.fromhex("08ffffffffffffffffffffff"))
@example("Hello", b"\x0b\x0c")
@example("Gap", b"\x1a\x02\x08\x07\x1a\x00")
def test_bodies_are_read_as_protobuf_reads_them(name: str, data: bytes) -> None:
    theirs = getattr(control_pb2, name)()
    try:
        with warnings.catch_warnings():
            # It only warns of what other implementations refuse.
            warnings.simplefilter("error")
            theirs.ParseFromString(data)
    except Exception:
        with pytest.raises(Malformed):
            body_class(name).decode(data)
        return
    ours = body_class(name).decode(data)
    theirs.DiscardUnknownFields()
    again = getattr(control_pb2, name).FromString(ours.encode())
    assert again == theirs


@given(st.text(alphabet="ab.*>\0é", max_size=8))
def test_a_topic_is_a_filter_that_takes_itself(text: str) -> None:
    data = text.encode()
    if topics.topic_fault(data) is None:
        assert topics.filter_fault(data) is None
        assert topics.matches(text, text)
    elif text:
        assert topics.filter_fault(data) is None or "topic filter" in str(
            topics.filter_fault(data)
        )


WELCOME = control.encode_control(
    control.Kind.WELCOME,
    0,
    control.Welcome(
        version_major=1,
        session_id=1,
        epoch=5,
        limits=control.Limits(frame_bytes_max=1 << 20),
    ),
)


def open_engine() -> Engine:
    engine = Engine(make_options("unix:/nowhere", None, name="test"), lambda: 0.5)
    engine.connected(0.0)
    engine.receive(WELCOME, 0.0)
    for type_id, overflow in ((7, 0), (0, 1)):
        engine.subscribe(Route(type_id, policy=Policy(4096, 0, overflow)))  # type: ignore[arg-type]
    for number in (1, 2):
        body = control.Subscribed(subscription_id=number)
        engine.receive(
            control.encode_control(control.Kind.SUBSCRIBED, number, body), 0.0
        )
    engine.publish(7, b"x")
    engine.flush()
    return engine


@given(STREAMS, CUTS, st.integers(0, 1 << 32))
def test_an_engine_takes_any_bytes(data: bytes, cuts: List[int], seed: int) -> None:
    """It ends the connection, or goes on; its clock and its output too."""
    engine, jitter = open_engine(), random.Random(seed)
    now = 0.0
    for piece in pieces(data, cuts):
        now += jitter.random()
        engine.receive(piece, now)
        engine.tick(now)
        while engine.has_output:
            engine.wrote(jitter.randint(1, len(engine.output())))
        if not engine.has_connection:
            break
    if engine.ended is not None:
        with pytest.raises(Error):
            engine.publish(7, b"y")
    assert engine.counters.frames_published == 1


@given(st.lists(frames(), max_size=5).map(b"".join), CUTS)
def test_an_engine_gives_the_same_frames_however_they_are_cut(
    data: bytes, cuts: List[int]
) -> None:
    def given_frames(parts: List[bytes]) -> List[Any]:
        engine = Engine(make_options("unix:/nowhere", None), lambda: 0.5)
        engine.connected(0.0)
        engine.receive(WELCOME, 0.0)
        subscriber, _ = engine.subscribe(Route(7, "a.*"))
        body = control.Subscribed(subscription_id=1)
        engine.receive(control.encode_control(control.Kind.SUBSCRIBED, 1, body), 0.0)
        found: List[Any] = []
        for part in parts:
            engine.receive(part, 0.0)
        while subscriber.queue:
            item: Any = subscriber.take()
            found.extend((item.topic, row) for row in item.rows)
        return found

    assert given_frames(pieces(data, cuts)) == given_frames([data])
