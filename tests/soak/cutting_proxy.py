"""Passes TCP connections on, and cuts them when told to, within a frame."""

import selectors
import socket
import struct
import threading
import time
from typing import Dict, Optional

PIECE_BYTES = 16 << 10
# Close with a reset, as a cable that is pulled and put back.
RESET = struct.pack("ii", 1, 0)


class CuttingProxy:
    """Listens on a port of its own for as long as it lives."""

    def __init__(self, port: int) -> None:
        self._target = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._selector = selectors.DefaultSelector()
        self._lock = threading.Lock()
        self._other: Dict[socket.socket, socket.socket] = {}
        self._cut_bytes: Optional[int] = None
        self._cutting = False
        self._stopping = False
        self.cuts = 0
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return "tcp://127.0.0.1:%d" % self.port

    def cut(self, after_bytes: int) -> None:
        """Each connection, once it has passed so many bytes more at most."""
        with self._lock:
            self._cut_bytes = after_bytes

    def wait_until_cut(self) -> None:
        """What cut() was asked for has happened."""
        while self._cut_bytes is not None or self._cutting:
            time.sleep(0.005)

    def stop(self) -> None:
        self._stopping = True
        self._thread.join()
        for end in list(self._other):
            self._end(end)
        self._listener.close()
        self._selector.close()

    def _run(self) -> None:
        while not self._stopping:
            ready = self._selector.select(0.02)
            with self._lock:
                cut_bytes, self._cut_bytes = self._cut_bytes, None
                self._cutting = cut_bytes is not None
            ready_ends = [key.fileobj for key, _ in ready]
            for end in ready_ends:
                if end is self._listener:
                    self._accept()
                elif isinstance(end, socket.socket) and end in self._other:
                    self._pass_on(end, cut_bytes or PIECE_BYTES)
            if cut_bytes is not None:
                self._cut_all()
                self._cutting = False

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        broker = socket.socket()
        try:
            broker.connect(self._target)
        except OSError:
            broker.close()
            client.close()
            return
        for end, other in ((client, broker), (broker, client)):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            end.settimeout(0.2)
            self._other[end] = other
            self._selector.register(end, selectors.EVENT_READ)

    def _pass_on(self, end: socket.socket, size: int) -> None:
        try:
            piece = end.recv(size)
            if piece:
                self._other[end].sendall(piece)
                return
        except OSError:
            pass  # one of both is gone or stands still; then so is the other
        self._end(end)

    def _cut_all(self) -> None:
        for end in list(self._other):
            if end in self._other:
                self.cuts += 1
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                self._end(end)

    def _end(self, end: socket.socket) -> None:
        other = self._other.pop(end)
        self._other.pop(other, None)
        for one in (end, other):
            self._selector.unregister(one)
            one.close()
