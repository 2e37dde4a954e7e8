from concurrent.futures import Future
from types import TracebackType
from typing import Any, Callable, Generic, Iterator, Optional, Type, TypeVar, final

from mycelium_native.values import BrokerInfo, Counters

BUILTIN_SCHEMA_DIGEST: bytes
LIBRARY_VERSION: str

Item = TypeVar("Item", covariant=True)
Self = TypeVar("Self")

@final
class Subscription(Generic[Item]):
    """A route to this program; iterable unless it has a callback."""

    @property
    def closed(self) -> bool: ...
    def next(self, timeout_s: Optional[float] = None) -> Item: ...
    def close(self) -> None: ...
    def __iter__(self) -> Iterator[Item]: ...
    def __next__(self) -> Item: ...
    def __enter__(self: Self) -> Self: ...
    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None: ...

class Runtime:
    """What mycelium_native.Runtime stands on."""

    @property
    def closed(self) -> bool: ...
    def publish(
        self, message: object, topic: str = "", timeout_s: Optional[float] = None
    ) -> None: ...
    def publish_bytes(
        self,
        type_id: int,
        payload: bytes | bytearray | memoryview,
        topic: str = "",
        timeout_s: Optional[float] = None,
    ) -> None: ...
    def flush(self, timeout_s: Optional[float] = None) -> None: ...
    def ping(self, timeout_s: Optional[float] = None) -> None: ...
    def broker_info(self) -> BrokerInfo: ...
    def counters(self) -> Counters: ...
    def close(self) -> None: ...
    def _open(
        self,
        url: str,
        name: Optional[str],
        digest: Optional[bytes],
        descriptor_set: Optional[bytes],
        connect_timeout_ms: int,
        publish_bytes_max: int,
        reconnect: bool,
        reconnect_ms_min: int,
        reconnect_ms_max: int,
        on_state: Optional[Callable[..., object]],
        on_unaccepted: Optional[Callable[..., object]],
    ) -> None: ...
    def _publish_acked(
        self,
        message: object,
        future: Future[None],
        topic: str,
        timeout_s: Optional[float],
    ) -> None: ...
    def _subscribe(
        self,
        message_class: Optional[type],
        type_id: int,
        callback: Optional[Callable[..., object]],
        topic_filter: str,
        queue_bytes_max: int,
        stall_ms_max: int,
        overflow: int,
        group: Optional[str],
        start: int,
        start_value: int,
        on_gap: Optional[Callable[..., object]],
        with_info: bool,
    ) -> Subscription[Any]: ...
    def _respond(
        self,
        message_class: type,
        callback: Callable[..., object],
        topic_filter: str,
        queue_bytes_max: int,
        with_info: bool,
    ) -> Subscription[Any]: ...
    def _request(
        self,
        message: object,
        reply_class: type,
        topic: str,
        timeout_s: Optional[float],
    ) -> Any: ...

class Codec:
    """What a Runtime does with the messages of a class, for tests."""

    def __new__(cls, message_class: type) -> Codec: ...
    @property
    def fast(self) -> bool: ...
    def encode(self, message: object) -> bytes: ...
    def decode(self, payload: bytes) -> Any: ...
