"""Reads the HTTP side of a broker: its metrics, whether it lives and is ready."""

import http.client
import re
from typing import Dict, Tuple

from tests.integration.broker_process import BrokerProcess

CONFIG = 'metrics { listen: "tcp://127.0.0.1:0" }\n'
SAMPLE = re.compile(r"^(\w+)(\{[^}]*\})? (\S+)$")


def metrics_port(broker: BrokerProcess) -> int:
    line = broker.wait_for_log(r"metrics on http://127\.0\.0\.1:\d+$")[0]
    return int(line.rsplit(":", 1)[1])


def fetch(port: int, path: str, method: str = "GET") -> Tuple[int, Dict[str, str], str]:
    """Status, headers (names in small letters) and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return response.status, headers, response.read().decode()
    finally:
        connection.close()


def samples_of(text: str) -> Dict[str, float]:
    """By name and labels, as in 'mycelium_gaps_total{reason="overflow"}'."""
    samples = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        found = SAMPLE.match(line)
        assert found, line
        samples[found.group(1) + (found.group(2) or "")] = float(found.group(3))
    return samples


def read_metrics(port: int) -> Dict[str, float]:
    status, _, text = fetch(port, "/metrics")
    assert status == 200, text
    return samples_of(text)
