"""The real daemon for each test, over Unix and TCP."""

import signal
import sys
from typing import Any, Callable, Iterator, List, Optional

import pytest

from tests.integration.broker_process import BrokerProcess

StartBroker = Callable[..., BrokerProcess]


@pytest.fixture
def start_broker() -> Iterator[StartBroker]:
    brokers: List[BrokerProcess] = []

    def start(config: Optional[str] = None, **options: Any) -> BrokerProcess:
        brokers.append(BrokerProcess(config, **options))
        return brokers[-1]

    yield start
    try:
        for broker in brokers:
            if not broker.ended_by_test:
                broker.stop()
            broker.assert_no_report()
    finally:
        for broker in brokers:
            print("log of the broker:\n" + broker.log_text(), file=sys.stderr)
            broker.remove()


@pytest.fixture
def broker(start_broker: StartBroker) -> BrokerProcess:
    return start_broker("schema { open: true }")


@pytest.fixture(params=["unix", "tcp"])
def url(broker: BrokerProcess, request: Any) -> str:
    return broker.unix_url if request.param == "unix" else broker.tcp_url


@pytest.fixture(params=["unix", "tcp"])
def mortal(start_broker: StartBroker, request: Any) -> "Mortal":
    return Mortal(start_broker, request.param)


class Mortal:
    """A broker that can be killed and started again at its address."""

    def __init__(self, start: StartBroker, carrier: str) -> None:
        self._start = start
        self.broker = start("schema { open: true }")
        self.url = self.broker.unix_url
        if carrier == "tcp":
            self.url = self.broker.tcp_url

    def kill(self) -> None:
        self.broker.send_signal(signal.SIGKILL)
        self.broker.wait_for_exit()
        self.broker.ended_by_test = True

    def start(self) -> None:
        config = "schema { open: true }"
        self.broker = self._start(config, listen=[self.url])

    def restart(self) -> None:
        self.kill()
        self.start()
