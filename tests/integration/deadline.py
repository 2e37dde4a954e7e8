"""How long a test waits for what must happen."""

import time
from typing import Callable, TypeVar

Value = TypeVar("Value")

# Nothing takes this long on a healthy machine; a sanitizer on a busy one may
# need ten times of what is usual.
SECONDS = 60.0


class Deadline:
    """A point in time by which something must have happened."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._end = time.monotonic() + seconds

    def left(self, what: str) -> float:
        """Seconds that are left; TimeoutError, which names `what`, if none."""
        seconds = self._end - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("deadline passed: " + what)
        return seconds


def wait_until(
    condition: Callable[[], Value], what: str, pause_s: float = 0.005
) -> Value:
    """The first true value of `condition()`, for what has no event to wait on."""
    deadline = Deadline()
    while True:
        value = condition()
        if value:
            return value
        time.sleep(min(pause_s, deadline.left(what)))
