"""tests/vectors against the package: all at once, and one byte at a time."""

import os
from typing import Any, Dict, Iterator, List, Optional, Tuple

import pytest

from mycelium import control, frame, topics
from mycelium.errors import ProtocolError
from mycelium.protobuf import Body, Malformed
from mycelium.session import Control, Session, SessionState
from tests.vectors.vector_file import Vector, decode_hex, read_vectors

FOLDER = os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "../../../tests/vectors"
)


def vectors(*names: str) -> List[Any]:
    found = [v for n in names for v in read_vectors(os.path.join(FOLDER, n + ".txt"))]
    return [pytest.param(v, id=v.get("name", v.where.split("/")[-1])) for v in found]


def of_client(*names: str) -> List[Any]:
    return [p for p in vectors(*names) if p.values[0]["role"] == "client"]


def session_for(vector: Vector) -> Session:
    most = int(vector.get("frame_bytes_max", 1 << 20))
    return Session(most, SessionState(vector["state"]))


def read(session: Session, data: bytes, step: int) -> Tuple[List[str], str]:
    """The frames as streams.txt lists them, and the error or nothing."""
    lines: List[str] = []
    try:
        for at in range(0, len(data), step):
            session.feed(data[at : at + step])
            while True:
                event = session.next()
                if event is None:
                    break
                lines.extend(lines_of(event))
    except ProtocolError as error:
        return lines, f"{control.code_name(error.code)} {error}"
    return lines, ""


def lines_of(event: Any) -> Iterator[str]:
    form = "type_id={} kind={} id={} topic={} payload_hex={}"
    if isinstance(event, Control):
        payload = b"" if event.body is None else event.body.encode()
        yield form.format(0, int(event.kind), event.id, "", payload.hex())
        return
    for number, payload in event.rows:
        yield form.format(event.type_id, event.kind, number, event.topic, payload.hex())


@pytest.mark.parametrize("vector", of_client("streams"))
@pytest.mark.parametrize("step", [1, 7, 1 << 30])
def test_a_stream_falls_into_its_frames(vector: Vector, step: int) -> None:
    session = session_for(vector)
    lines, error = read(session, _hex(vector), step)
    assert lines == vector.list("frames")
    assert error == _expected(vector)
    if not error:
        assert session.rest_bytes == int(vector["rest_bytes"])
    assert session.state is SessionState(vector["next"])


def _hex(vector: Vector) -> bytes:
    return decode_hex(vector["hex"])


def _expected(vector: Vector) -> str:
    return f"{vector['code']} {vector['error']}" if "error" in vector else ""


@pytest.mark.parametrize("vector", of_client("frames", "handshake", "control"))
@pytest.mark.parametrize("step", [1, 1 << 30])
def test_a_client_judges_a_frame(vector: Vector, step: int) -> None:
    session = session_for(vector)
    lines, error = read(session, _hex(vector), step)
    assert error == _expected(vector)
    if vector["outcome"] == "frame":
        assert session.state is SessionState(vector["next"])
        assert len(lines) == 1
        assert lines[0].startswith(
            f"type_id={vector['type_id']} kind={vector['kind']} id={vector['id']} "
        )
    else:
        assert lines == []


def flatten(body: Body, prefix: str = "") -> Iterator[str]:
    for name, kind, _ in body._FIELDS.values():
        value = getattr(body, name)
        if value is None or not value and not kind.startswith("optional"):
            continue
        if kind == "messages":
            for index, each in enumerate(value):
                yield from flatten(each, f"{prefix}{name}[{index}].")
        elif isinstance(value, Body):
            inner = list(flatten(value, f"{prefix}{name}."))
            yield from inner or [f"{prefix}{name}={{}}"]
        else:
            yield f"{prefix}{name}={text_of(name, kind, value)}"


def text_of(name: str, kind: str, value: Any) -> str:
    if kind == "bytes":
        return str(value.hex())
    if kind == "bool":
        return "true"
    names: Dict[str, Any] = {
        "code": control.code_name,
        "overflow": lambda number: ENUMS.get((name, number), str(number)),
        "reason": lambda number: ENUMS.get((name, number), str(number)),
    }
    if kind == "enum":
        found: str = names[name](value)
        return found[len("code ") :] if found.startswith("code ") else found
    return str(value)


ENUMS = {
    **{
        ("overflow", n): "OVERFLOW_" + name
        for n, name in enumerate("GAP CONFLATE DISCONNECT".split())
    },
    **{
        ("reason", n): "GAP_REASON_" + name
        for n, name in enumerate(
            "UNSPECIFIED OVERFLOW CONFLATED RECONNECT MEMORY DEADLOCK".split()
        )
    },
}
WITH_BODY = [
    p
    for p in vectors("handshake", "control")
    if p.values[0].get("message") in {b.NAME for b in control.BODIES.values()}
    and p.values[0]["outcome"] == "frame"
    and not p.values[0]["message"].startswith("Admin")
]


@pytest.mark.parametrize("vector", WITH_BODY)
def test_a_body_is_read_and_written(vector: Vector) -> None:
    data = _hex(vector)[frame.HEADER_BYTES :]
    body = control.BODIES[control.Kind(int(vector["kind"]))].decode(data)
    assert list(flatten(body)) == vector.list("body")
    if vector.get("canonical") != "no":
        assert body.encode() == data


@pytest.mark.parametrize("vector", of_client("transitions"))
def test_what_may_come_when(vector: Vector) -> None:
    allowed = dict(line.split(" -> ") for line in vector.list("allowed"))
    for name in (*(k.name for k in control.Kind), *frame.DATA_NAMES[1:]):
        session = Session(1 << 20, SessionState(vector["state"]))
        if name in control.Kind.__members__:
            body = control.Welcome(version_major=1) if name == "WELCOME" else None
            data = control.encode_control(control.Kind[name], 0, body)
        else:
            data = frame.encode_frame(7, frame.DATA_NAMES.index(name), 1)
        _, error = read(session, data, 1 << 30)
        if name in allowed:
            assert (error, session.state) == ("", SessionState(allowed[name]))
        else:
            words = vector["error"].replace("KIND", name)
            assert error == "CODE_PROTOCOL " + words


@pytest.mark.parametrize("vector", vectors("topics"))
def test_topics_and_filters(vector: Vector) -> None:
    if "match" in vector:
        takes = topics.matches(
            vector.data("filter").decode(), vector.data("topic").decode()
        )
        assert takes == (vector["match"] == "yes")
        return
    is_filter = "filter" in vector or "filter_hex" in vector
    text = vector.data("filter" if is_filter else "topic")
    fault = (topics.filter_fault if is_filter else topics.topic_fault)(text)
    assert (fault is None) == (vector["valid"] == "yes")
    if "error" in vector:
        assert fault == vector["error"]


@pytest.mark.parametrize(
    "vector", [p for p in vectors("control") if p.values[0]["outcome"] == "bad_body"]
)
def test_a_body_that_is_none_is_not_read(vector: Vector) -> None:
    body: Optional[Any] = control.BODIES.get(control.Kind(int(vector["kind"])))
    assert body is not None
    with pytest.raises(Malformed):
        body.decode(_hex(vector)[frame.HEADER_BYTES :])
