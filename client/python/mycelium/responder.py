"""What answers requests, of the synchronous client."""

from __future__ import annotations

import threading
from typing import Any, Callable

from .errors import Error, RequestError, StatusCode
from .link import Link
from .log import LOG
from .messages import Message
from .requests import Call
from .subscriber import Subscriber


class Responder:
    """What answers requests, until it is closed."""

    def __init__(
        self,
        link: Link,
        subscriber: Subscriber,
        check: Callable[[str, Any], None],
        answer: Callable[[Call], Message],
    ) -> None:
        self._link = link
        self._subscriber = subscriber
        self._check = check
        self._answer = answer
        self._thread = threading.Thread(
            target=self._run, name="mycelium-respond", daemon=True
        )
        self._thread.start()
        with link.lock:
            link.responders.append(self._thread)

    def close(self) -> None:
        """Unsubscribes: what is not answered fails for those who asked.  When it
        returns the handler does not run, unless it is called from there."""
        link = self._link
        with link.lock:
            link.engine.unsubscribe(self._subscriber)
            link.after()
            link.kick()
        if threading.current_thread() is not self._thread:
            self._thread.join()
            with link.lock:
                link.responders.remove(self._thread)

    def _run(self) -> None:
        link, subscriber = self._link, self._subscriber
        queue = subscriber.queue
        while True:
            with link.lock:
                link.wait(lambda: bool(queue) or subscriber.ended is not None)
                item = None if subscriber.ended is not None else subscriber.take()
            if item is None:
                return
            for call_id, _ in getattr(item, "rows", ()):
                with link.lock:
                    call = link.engine.find_call(call_id)
                    link.after()
                if call is not None:
                    self._respond(call)

    def _respond(self, call: Call) -> None:
        link = self._link
        try:
            try:
                message = self._answer(call)
                self._check("respond", message)
                payload = message.to_bytes()
                with link.lock:
                    link.engine.reply(call, message.TYPE_ID, payload)
                    link.after()
                return
            except RequestError as error:
                answer = error
            except Exception as error:
                if call.cancelled:
                    raise
                LOG.exception("respond: the handler of type %d raised", call.type_id)
                words = f"respond: the handler raised {type(error).__name__}"
                answer = RequestError(StatusCode.INTERNAL, words)
            with link.lock:
                link.engine.fail(call, answer)
                link.after()
        except Error as error:
            # The connection is lost or the responder has unsubscribed: whoever
            # asked has been told by the broker.
            LOG.debug("%s", error)
        except Exception:
            LOG.exception("respond: the handler of type %d raised", call.type_id)
