"""A client made of a socket and of what proto/WIRE.md says, and nothing else.

On purpose it shares no code with the broker: it is a second reading of the
wire.  It takes every liberty that a broken or hostile peer would take.  Not
thread-safe.
"""

import enum
import socket
import struct
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple, Union

import proto.mycelium.admin_pb2 as admin_pb2
import proto.mycelium.control_pb2 as control_pb2
from tests.integration.deadline import Deadline
from tests.integration.descriptor_sets import schema_digest

HEADER = struct.Struct("<IHBBQ")
HELLO_MAGIC: int = struct.unpack("<Q", b"MYCELIUM")[0]
RECEIVE_BYTES = 1 << 18
# Beside PUBLISH: another member of the group may have had the frame.
REDELIVERED = 0x40


class Data(enum.IntEnum):
    """The kind of a frame with a type id from 1 up."""

    PUBLISH = 1
    REQUEST = 2
    REPLY = 3
    ERROR_REPLY = 4


class Control(enum.IntEnum):
    """The kind of a frame with type id 0."""

    HELLO = 1
    WELCOME = 2
    SUBSCRIBE = 3
    SUBSCRIBED = 4
    UNSUBSCRIBE = 5
    UNSUBSCRIBED = 6
    GAP = 7
    ACK = 8
    HOLD = 9
    RELEASE = 10
    FLUSH = 11
    FLUSHED = 12
    PING = 13
    PONG = 14
    SCHEMA = 15
    CLOSE = 16
    ADMIN = 17
    CANCEL = 18
    ADDRESSEE = 19


BODIES: Dict[Control, Any] = {
    Control.HELLO: control_pb2.Hello,
    Control.WELCOME: control_pb2.Welcome,
    Control.SUBSCRIBE: control_pb2.Subscribe,
    Control.SUBSCRIBED: control_pb2.Subscribed,
    Control.UNSUBSCRIBE: control_pb2.Unsubscribe,
    Control.UNSUBSCRIBED: control_pb2.Unsubscribed,
    Control.GAP: control_pb2.Gap,
    Control.ACK: control_pb2.Ack,
    Control.HOLD: control_pb2.Hold,
    Control.RELEASE: control_pb2.Release,
    Control.SCHEMA: control_pb2.Schema,
    Control.CLOSE: control_pb2.Close,
    Control.ADMIN: admin_pb2.AdminReply,
    Control.ADDRESSEE: control_pb2.Addressee,
}


class Frame(NamedTuple):
    type_id: int
    kind: int
    id: int
    topic: bytes
    payload: bytes
    # Of a data frame: the subscription that it is for; 0: whoever takes it.
    addressee: int = 0

    def is_data(self, kind: Data) -> bool:
        return self.type_id != 0 and self.kind & ~REDELIVERED == kind

    @property
    def redelivered(self) -> bool:
        return self.type_id != 0 and bool(self.kind & REDELIVERED)

    def is_control(self, kind: Control) -> bool:
        return self.type_id == 0 and self.kind == kind

    def body(self) -> Any:
        """The decoded body of a control frame that has one."""
        return BODIES[Control(self.kind)].FromString(self.payload)


def encode(
    type_id: int, kind: int, payload: bytes = b"", topic: bytes = b"", frame_id: int = 0
) -> bytes:
    header = HEADER.pack(len(topic) + len(payload), type_id, kind, len(topic), frame_id)
    return header + topic + payload


def encode_control(kind: Control, body: Any = None, frame_id: int = 0) -> bytes:
    payload = b"" if body is None else body.SerializeToString()
    return encode(0, kind, payload, frame_id=frame_id)


def encode_hello(
    name: str = "", major: int = 1, minor: int = 0, **fields: Any
) -> bytes:
    hello = control_pb2.Hello(
        version_major=major, version_minor=minor, name=name, **fields
    )
    return encode_control(Control.HELLO, hello, HELLO_MAGIC)


def encode_schema(files: bytes) -> bytes:
    """What a client tells that was asked for the schema of `files`."""
    body = control_pb2.Schema(descriptor_set=files)
    return encode_control(Control.SCHEMA, body)


def encode_publish(
    type_id: int, payload: bytes = b"", topic: bytes = b"", frame_id: int = 0
) -> bytes:
    return encode(type_id, Data.PUBLISH, payload, topic, frame_id)


def encode_subscribe(
    subscription_id: int,
    type_id: int = 0,
    topic_filter: str = "",
    queue_bytes_max: int = 0,
    stall_ms_max: Optional[int] = None,
    request_id: int = 0,
    overflow: int = control_pb2.OVERFLOW_GAP,
    **fields: Any,
) -> bytes:
    """`fields`: the others of Subscribe: group, responder, start, resume."""
    policy = control_pb2.Policy(
        queue_bytes_max=queue_bytes_max,
        stall_ms_max=stall_ms_max,
        overflow=overflow,
    )
    body = control_pb2.Subscribe(
        subscription_id=subscription_id,
        type_id=type_id,
        topic_filter=topic_filter,
        policy=policy,
        **fields,
    )
    return encode_control(Control.SUBSCRIBE, body, request_id)


def encode_ack(subscription_id: int, frames: int) -> bytes:
    """What a member of a group says when it has done with frames."""
    body = control_pb2.Ack(subscription_id=subscription_id, frames=frames)
    return encode_control(Control.ACK, body)


def encode_request(
    number: int, type_id: int, payload: bytes = b"", topic: bytes = b""
) -> bytes:
    return encode(type_id, Data.REQUEST, payload, topic, number)


def encode_reply(request_id: int, type_id: int, payload: bytes = b"") -> bytes:
    return encode(type_id, Data.REPLY, payload, frame_id=request_id)


def encode_error_reply(
    request_id: int, type_id: int, status: int, message: str = ""
) -> bytes:
    error = control_pb2.RequestError(status=status, message=message)
    return encode(
        type_id, Data.ERROR_REPLY, error.SerializeToString(), frame_id=request_id
    )


def open_socket(
    url: str,
    receive_buffer_bytes: Optional[int] = None,
    source: Optional[str] = None,
) -> socket.socket:
    """`source`: the address that a TCP connection comes from."""
    address: Union[str, Tuple[str, int]]
    if url.startswith("unix:"):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        address = url[len("unix:") :]
    else:
        host, _, port = url[len("tcp://") :].rpartition(":")
        host = host.strip("[]")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        connection = socket.socket(family, socket.SOCK_STREAM)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        address = (host, int(port))
    if receive_buffer_bytes is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
    try:
        if source is not None:
            connection.bind((source, 0))
        connection.settimeout(Deadline().left("connect to " + url))
        connection.connect(address)
    except BaseException:
        connection.close()
        raise
    return connection


class WireClient:
    """One connection.  Frames that nobody asked for wait in `pending`."""

    def __init__(
        self,
        url: str,
        receive_buffer_bytes: Optional[int] = None,
        answer_pings: bool = True,
        source: Optional[str] = None,
    ) -> None:
        self.url = url
        self.answer_pings = answer_pings
        self.socket = open_socket(url, receive_buffer_bytes, source)
        self.welcome: Any = None
        self.pending: List[Frame] = []
        self._input = bytearray()
        self._at_end = False
        self._last_request_id = 0
        self._addressee = 0
        self._acknowledged = 0

    def close(self) -> None:
        self.socket.close()

    def end(self) -> None:
        """Ends the connection under a thread that reads or writes."""
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it has ended by itself

    # --- Bytes ---------------------------------------------------------------

    def send(self, data: bytes) -> None:
        self.socket.settimeout(Deadline().left("send"))
        self.socket.sendall(data)

    def send_what_is_taken(self, data: bytes) -> None:
        """Sends to a peer that may have closed already."""
        try:
            self.send(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def end_sending(self) -> None:
        self.socket.shutdown(socket.SHUT_WR)

    def _receive(self, deadline: Deadline, what: str, receive_bytes: int) -> None:
        self.socket.settimeout(deadline.left(what))
        try:
            piece = self.socket.recv(receive_bytes)
        except socket.timeout:
            raise TimeoutError("deadline passed: " + what) from None
        except ConnectionResetError:
            # What a peer gets that sent more than the broker has read.
            piece = b""
        self._at_end = not piece
        self._input += piece

    def _parse(self) -> Optional[Frame]:
        """The first whole frame of the input, None if there is none.  PINGs are
        answered, and ADDRESSEEs noted on the frames behind them."""
        while True:
            frame = self._parse_any()
            if frame is None:
                return None
            if frame.is_control(Control.ADDRESSEE):
                self._addressee = frame.body().subscription_id
            elif frame.is_control(Control.PING) and self.answer_pings:
                self.send_what_is_taken(encode_control(Control.PONG, frame_id=frame.id))
            elif frame.type_id != 0:
                return frame._replace(addressee=self._addressee)
            else:
                return frame

    def _parse_any(self) -> Optional[Frame]:
        if len(self._input) < HEADER.size:
            return None
        body_bytes, type_id, kind, topic_bytes, frame_id = HEADER.unpack_from(
            self._input
        )
        end = HEADER.size + body_bytes
        if len(self._input) < end:
            return None
        body = bytes(self._input[HEADER.size : end])
        del self._input[:end]
        return Frame(type_id, kind, frame_id, body[:topic_bytes], body[topic_bytes:])

    def _next_frame(
        self, deadline: Deadline, what: str, receive_bytes: int = RECEIVE_BYTES
    ) -> Optional[Frame]:
        while True:
            frame = self._parse()
            if frame is None:
                if self._at_end:
                    if self._input:
                        raise AssertionError("the stream ends within a frame")
                    return None
                self._receive(deadline, what, receive_bytes)
            else:
                return frame

    # --- Frames --------------------------------------------------------------

    def read_frame(
        self, what: str = "a frame", receive_bytes: int = RECEIVE_BYTES
    ) -> Optional[Frame]:
        """The next frame, None at the end of the stream."""
        if self.pending:
            return self.pending.pop(0)
        return self._next_frame(Deadline(), what, receive_bytes)

    def expect_frame(self, what: str, receive_bytes: int = RECEIVE_BYTES) -> Frame:
        """The next frame; the end of the stream is an error."""
        frame = self.read_frame(what, receive_bytes)
        if frame is None:
            raise AssertionError("end of stream instead of " + what)
        return frame

    def read_data(self) -> Frame:
        """The next PUBLISH; anything else is an error."""
        frame = self.expect_frame("a PUBLISH")
        if not frame.is_data(Data.PUBLISH):
            raise AssertionError("%r instead of a PUBLISH" % (frame,))
        return frame

    def await_gap(self) -> Any:
        """The body of the next frame, which must be a GAP."""
        frame = self.expect_frame("a GAP")
        if not frame.is_control(Control.GAP):
            raise AssertionError("%r instead of a GAP" % (frame,))
        return frame.body()

    def await_data(self, kind: Data, frame_id: Optional[int] = None) -> Frame:
        """The next data frame of that kind; others wait in `pending`."""
        return self._await(
            lambda frame: frame.is_data(kind) and frame_id in (None, frame.id),
            kind.name,
        )

    def frames_there(self) -> List[Frame]:
        """What has arrived by now, without waiting."""
        frames = self.pending
        self.pending = []
        while not self._at_end:
            frame = self._parse()
            if frame is not None:
                frames.append(frame)
                continue
            self.socket.settimeout(0)
            try:
                piece = self.socket.recv(RECEIVE_BYTES)
            except BlockingIOError:
                break
            self._at_end = not piece
            self._input += piece
        return frames

    def await_control(self, kind: Control, frame_id: Optional[int] = None) -> Frame:
        """The next control frame of that kind; others wait in `pending`."""
        return self._await(
            lambda frame: frame.is_control(kind) and frame_id in (None, frame.id),
            kind.name,
        )

    def _await(self, wanted: Callable[[Frame], bool], name: str) -> Frame:
        deadline = Deadline()
        what = "%s on %s" % (name, self.url)
        for index, other in enumerate(self.pending):
            if wanted(other):
                return self.pending.pop(index)
        while True:
            frame = self._next_frame(deadline, what)
            if frame is None:
                raise AssertionError("end of stream instead of " + what)
            if wanted(frame):
                return frame
            if frame.is_control(Control.CLOSE):
                raise AssertionError("CLOSE instead of %s: %r" % (what, frame.body()))
            self.pending.append(frame)

    def await_close(self) -> Any:
        """The CLOSE, after which the stream must end."""
        while True:
            frame = self.read_frame("CLOSE on " + self.url)
            if frame is None:
                raise AssertionError("end of stream without CLOSE")
            if frame.is_control(Control.CLOSE):
                break
        after = self.read_frame("end of stream on " + self.url)
        if after is not None:
            raise AssertionError("%r after CLOSE" % (after,))
        return frame.body()

    def await_end(self) -> None:
        """Reads until the broker has closed; CLOSE or not."""
        while self.read_frame("end of stream on " + self.url) is not None:
            pass

    # --- Requests ------------------------------------------------------------

    def _request_id(self) -> int:
        self._last_request_id += 1
        return self._last_request_id

    def hello(self, name: str = "", **fields: Any) -> Any:
        self.send(encode_hello(name, **fields))
        self.welcome = self.await_control(Control.WELCOME).body()
        return self.welcome

    def name_schema(self, digest: bytes, name: str = "") -> Frame:
        """Says HELLO with a digest; the broker's answer, whatever it is."""
        self.send(encode_hello(name, schema_digest=digest))
        return self.expect_frame("an answer to HELLO")

    def hello_with_schema(self, files: bytes, name: str = "") -> bool:
        """Whether the broker asked for the schema of `files`; it let us in."""
        digest = schema_digest(files)
        answer = self.name_schema(digest, name)
        asked = answer.is_control(Control.SCHEMA)
        if asked:
            if answer.body().schema_digest != digest:
                raise AssertionError("asked for another schema: %r" % (answer,))
            self.send(encode_schema(files))
            answer = self.expect_frame("WELCOME")
        if not answer.is_control(Control.WELCOME):
            raise AssertionError("%r instead of WELCOME" % (answer,))
        self.welcome = answer.body()
        return asked

    def request_subscription(
        self, subscription_id: int, type_id: int = 0, **options: Any
    ) -> Any:
        """The SUBSCRIBED, whatever it says."""
        request_id = self._request_id()
        self.send(
            encode_subscribe(subscription_id, type_id, request_id=request_id, **options)
        )
        return self.await_control(Control.SUBSCRIBED, request_id).body()

    def subscribe(self, subscription_id: int, type_id: int = 0, **options: Any) -> None:
        answer = self.request_subscription(subscription_id, type_id, **options)
        if answer.code != control_pb2.CODE_OK:
            raise AssertionError("SUBSCRIBED says %r" % answer)
        if answer.subscription_id != subscription_id:
            raise AssertionError("SUBSCRIBED is for another: %r" % answer)

    def unsubscribe(self, subscription_id: int) -> None:
        request_id = self._request_id()
        body = control_pb2.Unsubscribe(subscription_id=subscription_id)
        self.send(encode_control(Control.UNSUBSCRIBE, body, request_id))
        answer = self.await_control(Control.UNSUBSCRIBED, request_id).body()
        if answer.subscription_id != subscription_id:
            raise AssertionError("UNSUBSCRIBED is for another: %r" % answer)

    def publish(
        self, type_id: int, payload: bytes = b"", topic: bytes = b"", frame_id: int = 0
    ) -> None:
        self.send(encode_publish(type_id, payload, topic, frame_id))

    def await_ack(self, publish_id: int) -> None:
        """Until every counted PUBLISH up to `publish_id` is acknowledged."""
        while self._acknowledged < publish_id:
            ack = self.await_control(Control.ACK).body()
            if ack.publish_id <= self._acknowledged:
                raise AssertionError(
                    "ACK of %d after %d" % (ack.publish_id, self._acknowledged)
                )
            self._acknowledged = ack.publish_id

    def acknowledge(self, subscription_id: int, frames: int) -> None:
        self.send(encode_ack(subscription_id, frames))

    def request(
        self, number: int, type_id: int, payload: bytes = b"", topic: bytes = b""
    ) -> None:
        self.send(encode_request(number, type_id, payload, topic))

    def await_request(self) -> Frame:
        return self.await_data(Data.REQUEST)

    def reply(self, request: Frame, payload: bytes = b"") -> None:
        self.send(encode_reply(request.id, request.type_id, payload))

    def fail(self, request: Frame, status: int, message: str = "") -> None:
        self.send(encode_error_reply(request.id, request.type_id, status, message))

    def cancel(self, number: int) -> None:
        self.send(encode_control(Control.CANCEL, frame_id=number))

    def await_reply(self, number: int) -> Frame:
        return self.await_data(Data.REPLY, number)

    def await_error(self, number: int) -> Any:
        """The RequestError of an ERROR_REPLY."""
        frame = self.await_data(Data.ERROR_REPLY, number)
        return control_pb2.RequestError.FromString(frame.payload)

    def flush(self) -> None:
        request_id = self._request_id()
        self.send(encode_control(Control.FLUSH, frame_id=request_id))
        self.await_control(Control.FLUSHED, request_id)

    def ping(self) -> None:
        request_id = self._request_id()
        self.send(encode_control(Control.PING, frame_id=request_id))
        self.await_control(Control.PONG, request_id)

    def ask(self, **request: Any) -> Any:
        """The AdminReply, whatever it says."""
        request_id = self._request_id()
        body = admin_pb2.AdminRequest(**request)
        self.send(encode_control(Control.ADMIN, body, request_id))
        return self.await_control(Control.ADMIN, request_id).body()

    def status(self) -> Any:
        reply = self.ask(status=admin_pb2.StatusRequest())
        if reply.error:
            raise AssertionError("ADMIN says " + reply.error)
        return reply.status
