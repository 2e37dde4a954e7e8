"""Addresses of brokers: how they are written, and what keeps one from being
reached."""

from __future__ import annotations

import errno
import grp
import os
import select
import socket
import stat
import time
from typing import Any, Callable, Mapping, NamedTuple, Optional

from . import topics
from .errors import (
    DeadlineExceededError,
    Error,
    InvalidArgumentError,
    PermissionDeniedError,
    UnavailableError,
)

TCP_PORT_DEFAULT = 6940
_PATH_BYTES_MAX = 107
_QUOTED_BYTES_MAX = 120


class Address(NamedTuple):
    """Of a stream socket; `path` is empty: TCP."""

    url: str
    path: str = ""
    host: str = ""
    port: int = 0


def default_url(
    environment: Mapping[str, str] = os.environ,
    uid: Optional[int] = None,
    exists: Callable[[str], bool] = os.path.exists,
) -> str:
    """MYCELIUM_URL; or the user's own socket; or the machine's, if only that is
    there."""
    if environment.get("MYCELIUM_URL"):
        return environment["MYCELIUM_URL"]
    machine = "/run/mycelium/brokerd.sock"
    uid = os.getuid() if uid is None else uid
    runtime = environment.get("XDG_RUNTIME_DIR", "")
    if uid == 0:
        own = machine
    elif runtime.startswith("/"):
        own = runtime.rstrip("/") + "/mycelium/brokerd.sock"
    else:
        own = f"/tmp/mycelium-{uid}/brokerd.sock"
    return "unix:" + (machine if not exists(own) and exists(machine) else own)


def parse_url(url: str) -> Address:
    """Raises InvalidArgumentError."""
    if topics.encoded(url) is None or any(c < " " or c == "\x7f" for c in url):
        raise _refused(url, "allowed UTF-8 without control characters")
    if url.startswith("tcp://"):
        return _parse_tcp(url, url[len("tcp://") :])
    if not url.startswith("unix:/"):
        raise _refused(url, "allowed unix:/absolute/path, tcp://host:port")
    path = url[len("unix:") :]
    size = len(path.encode())
    if size > _PATH_BYTES_MAX:
        raise _refused(url, f"path of {size} bytes, allowed at most {_PATH_BYTES_MAX}")
    return Address(url, path=path)


def _parse_tcp(url: str, rest: str) -> Address:
    if rest.startswith("["):
        host, bracket, rest = rest[1:].partition("]")
        if not bracket:
            raise _refused(url, "no ], allowed tcp://[ipv6]:port")
    else:
        host, colon, rest = rest.partition(":")
        rest = colon + rest
    if not host:
        raise _refused(url, "no host, allowed tcp://host:port")
    if not rest:
        return Address(url, host=host, port=TCP_PORT_DEFAULT)
    digits = rest[1:]
    is_number = rest[0] == ":" and digits.isascii() and digits.isdigit()
    if not is_number or len(digits) > 5 or not 1 <= int(digits) <= 65535:
        raise _refused(url, f"port {_quoted(digits)}, allowed 1 to 65535")
    return Address(url, host=host, port=int(digits))


def _quoted(text: str) -> str:
    shown = "".join(
        "?" if c < " " or c in '\x7f"' or "\ud800" <= c <= "\udfff" else c
        for c in text[:_QUOTED_BYTES_MAX]
    )
    return f'"{shown}..."' if len(text) > _QUOTED_BYTES_MAX else f'"{shown}"'


def _refused(url: str, why: str) -> InvalidArgumentError:
    return InvalidArgumentError(f"connect: url {_quoted(url)}: {why}")


def new_socket(family: int) -> socket.socket:
    """Not yet connected; does not block."""
    opened = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    opened.setblocking(False)
    if family != socket.AF_UNIX:
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return opened


def connect_fault(address: Address, error: OSError) -> Error:
    """What to say of a connection that could not be made; without the
    "connect URL: " that goes in front."""
    number = error.errno
    if isinstance(error, socket.gaierror):
        return UnavailableError(f"host not found: {error.strerror}")
    if isinstance(error, TimeoutError) or number in (errno.ETIMEDOUT, errno.EAGAIN):
        return DeadlineExceededError("no answer before the deadline")
    if number == errno.ENOENT:
        return _absent(address, "no such file")
    if number == errno.ECONNREFUSED:
        if not address.path:
            return _absent(address, "refused, nobody listens there")
        if not _is_socket(address.path):
            return UnavailableError("not a socket")
        return _absent(
            address, "nobody listens there any more, the socket file is left over"
        )
    if number in (errno.EACCES, errno.EPERM):
        return PermissionDeniedError(_denied(address))
    if number == errno.EPROTOTYPE:
        return UnavailableError("not a stream socket, and so not a Mycelium broker")
    return UnavailableError(system_words(error))


def system_words(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)


def _absent(address: Address, why: str) -> UnavailableError:
    return UnavailableError(
        f"{why}; start one with: mycelium-brokerd --listen {address.url}"
    )


def _is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError:
        return False


def _denied(address: Address) -> str:
    if not address.path:
        return os.strerror(errno.EACCES)
    try:
        file = os.stat(address.path)
    except OSError:
        return "permission denied, a folder on the way is closed to this user"
    try:
        group = grp.getgrgid(file.st_gid).gr_name
    except KeyError:
        group = str(file.st_gid)
    mode = stat.S_IMODE(file.st_mode)
    return f"permission denied, the socket has mode {mode:04o} and group {group}"


def connect(address: Address, deadline: float, interrupt_fd: int) -> socket.socket:
    """A connected socket that does not block.  `deadline` is time.monotonic()'s.
    Raises OSError; TimeoutError: not before the deadline, or interrupt_fd has
    become readable."""
    if address.path:
        return _connect(socket.AF_UNIX, address.path, deadline, interrupt_fd)
    error: OSError = TimeoutError()
    for family, _, _, _, where in socket.getaddrinfo(
        address.host, address.port, type=socket.SOCK_STREAM
    ):
        try:
            return _connect(family, where, deadline, interrupt_fd)
        except OSError as why:
            error = why
    raise error


def _connect(
    family: int, where: Any, deadline: float, interrupt_fd: int
) -> socket.socket:
    opened = new_socket(family)
    try:
        while not _is_connected(
            opened, opened.connect_ex(where), deadline, interrupt_fd
        ):
            pass
        return opened
    except BaseException:
        opened.close()
        raise


def _is_connected(
    opened: socket.socket, error: int, deadline: float, interrupt_fd: int
) -> bool:
    """False: it is to be tried again."""
    if error in (0, errno.EISCONN):
        return True
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    poll = select.poll()
    poll.register(interrupt_fd, select.POLLIN)
    if error == errno.EAGAIN:  # a Unix listener whose backlog is full
        left_s = min(left_s, 0.001)
    elif error in (errno.EINPROGRESS, errno.EALREADY):
        poll.register(opened, select.POLLOUT)
    else:
        raise OSError(error, os.strerror(error))
    ready = dict(poll.poll(left_s * 1000))
    if interrupt_fd in ready:
        raise TimeoutError
    error = opened.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if error:
        raise OSError(error, os.strerror(error))
    return opened.fileno() in ready
