"""What the tests of misbehaving peers share: a broker with bystanders."""

from typing import TYPE_CHECKING, Any, List, Optional

import proto.mycelium.control_pb2 as control_pb2
from tests.integration.broker_process import BrokerTestCase
from tests.integration.bystanders import Bystanders
from tests.integration.wire_client import WireClient


def code_name(code: int) -> str:
    return str(control_pb2.Code.Name(code))


class MisbehaviourTestCase(BrokerTestCase):
    """One broker a test, and two sessions that must not notice anything."""

    carrier = "unix"
    # Bytes that go out in one system call; None: as many as there are.
    piece_bytes: Optional[int] = None

    def start(self, config: str = "", **options: Any) -> None:
        self.broker = self.start_broker(config, **options)
        self.start_bystanders()
        self.lines_before = len(self.broker.log_lines())

    def start_bystanders(self) -> None:
        self.bystanders = Bystanders(self.broker.unix_url, self.broker.tcp_url)
        self.addCleanup(self.bystanders.stop)

    @property
    def url(self) -> str:
        if self.carrier == "unix":
            return self.broker.unix_url
        return self.broker.tcp_url

    def silent(self) -> WireClient:
        """A connection that has said nothing yet."""
        return self.connect_silent(self.url)

    def session(self, name: str = "misbehaving", **options: Any) -> WireClient:
        """A connection after WELCOME."""
        client = WireClient(self.url, **options)
        self.addCleanup(client.close)
        client.hello(name=name)
        return client

    def say(self, client: WireClient, data: bytes) -> None:
        step = self.piece_bytes or max(len(data), 1)
        for start in range(0, len(data), step):
            client.send_what_is_taken(data[start : start + step])

    def new_log_lines(self) -> List[str]:
        """What was logged since start(), by every turn that has ended."""
        self.bystanders.assert_unharmed()
        return self.broker.log_lines()[self.lines_before :]

    def assert_logged_once(self, text: str) -> None:
        lines = self.new_log_lines()
        self.assertEqual(len(lines), 1, lines)
        self.assertIn(text, lines[0])

    def await_close(self, client: WireClient, code: int, reason: str) -> Any:
        close = client.await_close()
        self.assertEqual(code_name(close.code), code_name(code), close.reason)
        self.assertRegex(close.reason, reason)
        return close

    def assert_closed(self, client: WireClient, code: int, reason: str) -> None:
        """CLOSE on the wire, then the end; one log line that says the same."""
        close = self.await_close(client, code, reason)
        self.assert_logged_once(close.reason.replace("\n", "; "))


# What the tests of one subject derive from: a case only together with a carrier.
if TYPE_CHECKING:
    CarrierTests = MisbehaviourTestCase
else:
    CarrierTests = object
