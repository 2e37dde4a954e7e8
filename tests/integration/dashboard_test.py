"""Every query of the dashboard and the alerts, asked of a real Prometheus that
scrapes a real broker."""

import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, List

from tests.integration.broker_process import TEMPORARY_ROOT, BrokerTestCase
from tests.integration.deadline import SECONDS, wait_until
from tests.integration.metrics_client import CONFIG, metrics_port
from tests.integration.wire_client import encode_publish

DEPLOY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../deploy")
DASHBOARD = os.path.join(DEPLOY, "grafana/mycelium.json")
PROMETHEUS = os.path.join(DEPLOY, "prometheus/prometheus.yml")
ALERTS = os.path.join(DEPLOY, "prometheus/alerts.yml")


def dashboard_queries() -> List[str]:
    with open(DASHBOARD, encoding="utf-8") as dashboard:
        panels = json.load(dashboard)["panels"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def promtool(*arguments: str) -> None:
    checked = subprocess.run(
        ["promtool", *arguments],
        capture_output=True,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


class Prometheus:
    """A server that scrapes one broker every 100 ms."""

    def __init__(self, broker_port: int) -> None:
        self.directory = tempfile.mkdtemp(prefix="p", dir=TEMPORARY_ROOT)
        with open(PROMETHEUS, encoding="utf-8") as example:
            config = example.read()
        config = config.replace("127.0.0.1:9464", "127.0.0.1:%d" % broker_port)
        config = re.sub(r"(_interval): \w+", r"\1: 100ms", config)
        path = os.path.join(self.directory, "prometheus.yml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(config)
        shutil.copy(ALERTS, self.directory)
        # It cannot be told to choose a port: if another takes it, the process
        # ends, and wait_until_ready says so.
        self.port = free_port()
        self._log = open(os.path.join(self.directory, "log"), "w+b")
        self._process = subprocess.Popen(
            [
                "prometheus",
                "--config.file=" + path,
                "--storage.tsdb.path=" + os.path.join(self.directory, "data"),
                "--web.listen-address=127.0.0.1:%d" % self.port,
            ],
            stderr=self._log,
            stdout=self._log,
        )

    def ask(self, path: str, **parameters: str) -> Any:
        url = "http://127.0.0.1:%d/%s?%s" % (
            self.port,
            path,
            urllib.parse.urlencode(parameters),
        )
        with urllib.request.urlopen(url, timeout=SECONDS) as answer:
            return json.load(answer)["data"]

    def query(self, query: str) -> List[Any]:
        result = self.ask("api/v1/query", query=query)["result"]
        assert isinstance(result, list)
        # A quantile of nothing is a number, but no data.
        return [series for series in result if series["value"][1] != "NaN"]

    def up(self) -> bool:
        if self._process.poll() is not None:
            self._log.seek(0)
            raise AssertionError("prometheus ended:\n" + self._log.read().decode())
        try:
            return bool(self.query("up == 1"))
        except (urllib.error.URLError, ConnectionError):
            return False

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(SECONDS)
        self._log.close()
        shutil.rmtree(self.directory)


class DashboardTest(BrokerTestCase):
    def test_files_are_valid(self) -> None:
        promtool("check", "rules", ALERTS)
        promtool("check", "config", PROMETHEUS)

    def test_every_query_of_the_dashboard_returns_data(self) -> None:
        broker = self.start_broker(CONFIG)
        prometheus = Prometheus(metrics_port(broker))
        self.addCleanup(prometheus.stop)
        wait_until(prometheus.up, "the first scrape", pause_s=0.1)
        subscriber = broker.connect()
        subscriber.subscribe(1, 7)
        publisher = broker.connect()

        def traffic_shows(query: str) -> List[Any]:
            for _ in range(50):
                publisher.send(encode_publish(7, b"x"))
                subscriber.read_data()
            return prometheus.query(query)

        queries = dashboard_queries()
        self.assertGreater(len(queries), 20)
        for query in queries:
            asked = query.replace("$__rate_interval", "1m").replace("$instance", ".+")
            self.assertNotIn("$", asked)
            wait_until(lambda: traffic_shows(asked), asked, pause_s=0.05)
        rate = 'rate(mycelium_received_frames_total{type_id="7"}[1m]) > 0'
        wait_until(lambda: traffic_shows(rate), rate, pause_s=0.05)
        subscriber.close()
        publisher.close()

    def test_alerts_are_evaluated_and_silent_without_a_reason(self) -> None:
        broker = self.start_broker(CONFIG)
        prometheus = Prometheus(metrics_port(broker))
        self.addCleanup(prometheus.stop)
        wait_until(prometheus.up, "the first scrape", pause_s=0.1)

        def rules() -> List[Any]:
            groups = prometheus.ask("api/v1/rules")["groups"]
            found = [rule for group in groups for rule in group["rules"]]
            done = all(rule["health"] == "ok" for rule in found)
            return found if done else []

        found = wait_until(rules, "an evaluation of every rule", pause_s=0.1)
        self.assertEqual({rule["state"] for rule in found}, {"inactive"})


if __name__ == "__main__":
    unittest.main()
