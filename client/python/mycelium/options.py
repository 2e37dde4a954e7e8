"""What a client chooses when it connects."""

from __future__ import annotations

import dataclasses
import os
import sys
from typing import Callable, List, Optional

from . import topics
from .delivery import State, UnacceptedFrame
from .dial import Address, default_url, parse_url
from .errors import Error, InvalidArgumentError
from .messages import Schema, SchemaLike, schema_of

CLIENT_NAME_BYTES_MAX = 128
INSTANCE_ID_BYTES = 16
PUBLISH_BYTES_MAX_DEFAULT = 1 << 20
CONNECT_TIMEOUT_S_DEFAULT = 5.0

OnState = Callable[[State, Optional[Error]], None]
OnUnaccepted = Callable[[List[UnacceptedFrame]], None]


@dataclasses.dataclass(frozen=True)
class Options:
    """See mycelium.connect."""

    url: str
    address: Address
    schema: Schema
    name: str
    instance_id: bytes
    connect_timeout_s: float
    publish_bytes_max: int
    reconnect: bool
    reconnect_min_s: float
    reconnect_max_s: float
    on_state: Optional[OnState]
    on_unaccepted: Optional[OnUnaccepted]


def make_options(
    url: Optional[str],
    schema: SchemaLike,
    *,
    name: str = "",
    instance_id: bytes = b"",
    connect_timeout_s: float = CONNECT_TIMEOUT_S_DEFAULT,
    publish_bytes_max: int = PUBLISH_BYTES_MAX_DEFAULT,
    reconnect: bool = True,
    reconnect_min_s: float = 0.0,
    reconnect_max_s: float = 0.0,
    on_state: Optional[OnState] = None,
    on_unaccepted: Optional[OnUnaccepted] = None,
) -> Options:
    """Raises InvalidArgumentError."""
    url = url or default_url()
    if len(instance_id) not in (0, INSTANCE_ID_BYTES):
        raise InvalidArgumentError(
            f"connect: instance_id of {len(instance_id)} bytes, "
            f"allowed {INSTANCE_ID_BYTES}"
        )
    if publish_bytes_max < 1:
        raise InvalidArgumentError(
            f"connect: publish_bytes_max {publish_bytes_max}, allowed 1 and more"
        )
    return Options(
        url=url,
        address=parse_url(url),
        schema=schema_of(schema),
        name=_checked_name(name),
        instance_id=instance_id or os.urandom(INSTANCE_ID_BYTES),
        connect_timeout_s=connect_timeout_s,
        publish_bytes_max=publish_bytes_max,
        reconnect=reconnect,
        reconnect_min_s=reconnect_min_s,
        reconnect_max_s=reconnect_max_s,
        on_state=on_state,
        on_unaccepted=on_unaccepted,
    )


def _checked_name(name: str) -> str:
    """Empty: the program's."""
    encoded = topics.encoded(name)
    if encoded is not None and len(encoded) <= CLIENT_NAME_BYTES_MAX:
        return name or _program_name()
    raise InvalidArgumentError(
        f"connect: name of {len(encoded or name)} bytes, "
        f"allowed {CLIENT_NAME_BYTES_MAX} of UTF-8"
    )


def _program_name() -> str:
    name = os.path.basename(sys.argv[0] if sys.argv else "")
    encoded = topics.encoded(name)
    fits = encoded is not None and 1 <= len(encoded) <= CLIENT_NAME_BYTES_MAX
    return name if fits and name != "-c" else "python"
