"""The metrics of a real broker, held against traffic that is counted here."""

import os
import re
import signal
import socket
import subprocess
import unittest

from tests.integration.broker_process import BrokerTestCase, run_to_end
from tests.integration.deadline import SECONDS, wait_until
from tests.integration.metrics_client import (
    CONFIG,
    fetch,
    metrics_port,
    read_metrics,
    samples_of,
)
from tests.integration.wire_client import (
    Control,
    Data,
    WireClient,
    encode_publish,
    encode_schema,
)

DOCUMENT = os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "../../docs/METRICS.md"
)
ROW = re.compile(r"^\| `(mycelium_\w+)` \| (\w+) \| .*? \| (.*) \|$", re.MULTILINE)
HEADER_BYTES = 16


class MetricsTest(BrokerTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.broker = self.start_broker(CONFIG)
        self.port = metrics_port(self.broker)

    def test_frames_and_bytes_are_counted_by_type(self) -> None:
        subscriber = self.broker.connect()
        subscriber.subscribe(1, 7)
        publisher = self.broker.connect()
        publisher.send(encode_publish(7, bytes(100)) * 300)
        publisher.send(encode_publish(8, bytes(50)) * 20)
        publisher.flush()
        for _ in range(300):
            subscriber.read_data()
        found = read_metrics(self.port)
        for name, type_id, value in (
            ("received_frames", 7, 300),
            ("received_bytes", 7, 300 * (HEADER_BYTES + 100)),
            ("sent_frames", 7, 300),
            ("sent_bytes", 7, 300 * (HEADER_BYTES + 100)),
            ("received_frames", 8, 20),
            ("received_bytes", 8, 20 * (HEADER_BYTES + 50)),
            ("sent_frames", 8, 0),
        ):
            key = 'mycelium_%s_total{type_id="%d"}' % (name, type_id)
            self.assertEqual(found[key], value, key)
        self.assertEqual(found["mycelium_sessions"], 2)
        self.assertEqual(found["mycelium_sessions_opened_total"], 2)
        self.assertEqual(found["mycelium_subscriptions"], 1)
        subscriber.close()
        publisher.close()

    def test_types_beyond_the_first_64_are_counted_together(self) -> None:
        publisher = self.broker.connect()
        for type_id in range(1, 101):
            publisher.send(encode_publish(type_id, b"x"))
        publisher.flush()
        found = read_metrics(self.port)
        self.assertEqual(found['mycelium_received_frames_total{type_id="64"}'], 1)
        self.assertNotIn('mycelium_received_frames_total{type_id="65"}', found)
        other = 'mycelium_received_frames_total{type_id="other"}'
        self.assertEqual(found[other], 36)
        publisher.close()

    def test_what_a_stopped_subscriber_loses_is_counted_by_reason(self) -> None:
        subscriber = self.broker.connect()
        subscriber.subscribe(1, 7, queue_bytes_max=65536, stall_ms_max=0)
        publisher = self.broker.connect()
        publisher.send(encode_publish(7, bytes(1000)) * 8000)
        publisher.flush()
        before = read_metrics(self.port)
        dropped = 'mycelium_dropped_frames_total{reason="overflow"}'
        self.assertGreater(before[dropped], 0)
        self.assertGreater(before['mycelium_gaps_total{reason="overflow"}'], 0)
        self.assertGreater(before["mycelium_queued_bytes"], 0)
        told = seen = 0
        while told + seen < 8000:
            frame = subscriber.expect_frame("a frame or a gap")
            if frame.is_control(Control.GAP):
                told += sum(gap.frames for gap in frame.body().ranges)
            elif frame.is_data(Data.PUBLISH):
                seen += 1
        self.assertEqual(read_metrics(self.port)[dropped], told)
        subscriber.close()
        publisher.close()

    def test_handshakes_that_fail_are_counted_by_reason(self) -> None:
        client = WireClient(self.broker.urls[0])
        client.send(b"GET / HTTP/1.1\r\n\r\n")
        client.await_close()
        client.close()
        client = WireClient(self.broker.urls[0])
        client.name_schema(bytes(32))
        client.send(encode_schema(b"not a descriptor set"))
        client.await_close()
        client.close()
        WireClient(self.broker.urls[0]).close()
        prefix = "mycelium_handshake_failures_total"
        wait_until(
            lambda: read_metrics(self.port)[prefix + '{reason="abandoned"}'] == 1,
            "the connection that said nothing",
        )
        found = read_metrics(self.port)
        self.assertEqual(found[prefix + '{reason="protocol"}'], 1)
        self.assertEqual(found[prefix + '{reason="schema"}'], 1)

    def test_some_turns_and_frames_are_timed(self) -> None:
        subscriber = self.broker.connect()
        subscriber.subscribe(1, 7)
        publisher = self.broker.connect()
        for _ in range(400):
            publisher.send(encode_publish(7, b"x"))
            subscriber.read_data()
        found = read_metrics(self.port)
        for name in ("publish_to_write", "loop_turn_duration"):
            count = found["mycelium_%s_seconds_count" % name]
            self.assertGreater(count, 0, name)
            self.assertLess(count, 400, name)
            self.assertGreater(found["mycelium_%s_seconds_sum" % name], 0)
        subscriber.close()
        publisher.close()

    def test_the_document_has_every_metric_and_no_other(self) -> None:
        _, _, text = fetch(self.port, "/metrics")
        helps = dict(re.findall(r"^# HELP (\w+) (.*)$", text, re.MULTILINE))
        types = dict(re.findall(r"^# TYPE (\w+) (.*)$", text, re.MULTILINE))
        with open(DOCUMENT, encoding="utf-8") as document:
            rows = ROW.findall(document.read())
        self.assertEqual(
            {name: (kind, text) for name, kind, text in rows},
            {name: (types[name], helps[name]) for name in helps},
        )

    def test_promtool_finds_nothing(self) -> None:
        _, headers, text = fetch(self.port, "/metrics")
        self.assertEqual(
            headers["content-type"], "text/plain; version=0.0.4; charset=utf-8"
        )
        checked = subprocess.run(
            ["promtool", "check", "metrics"],
            input=text,
            capture_output=True,
            encoding="utf-8",
            timeout=SECONDS,
            check=False,
        )
        self.assertEqual((checked.returncode, checked.stdout + checked.stderr), (0, ""))

    def test_the_admin_request_answers_the_same(self) -> None:
        client = self.broker.connect()
        told = samples_of(client.ask(metrics={}).metrics.text)
        self.assertEqual(told.keys(), read_metrics(self.port).keys())
        self.assertEqual(told["mycelium_sessions"], 1)
        client.close()


class HttpTest(BrokerTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.broker = self.start_broker(CONFIG + "drain_timeout_ms: 60000")
        self.port = metrics_port(self.broker)

    def raw(self, request: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self.port), SECONDS) as peer:
            peer.sendall(request)
            answer = b""
            while piece := peer.recv(65536):
                answer += piece
            return answer

    def test_paths_and_methods(self) -> None:
        self.assertEqual(fetch(self.port, "/healthz")[::2], (200, "ok\n"))
        self.assertEqual(fetch(self.port, "/readyz?why")[::2], (200, "ok\n"))
        self.assertEqual(
            fetch(self.port, "/")[::2],
            (404, "path: unknown, allowed /metrics, /healthz and /readyz\n"),
        )
        status, headers, body = fetch(self.port, "/metrics", "DELETE")
        self.assertEqual((status, headers["allow"]), (405, "GET, HEAD"))
        self.assertEqual(body, "method: DELETE, allowed GET and HEAD\n")
        status, headers, body = fetch(self.port, "/healthz", "HEAD")
        self.assertEqual((status, headers["content-length"], body), (200, "3", ""))

    def test_not_ready_while_it_drains(self) -> None:
        subscriber = self.broker.connect()
        subscriber.subscribe(1, 7, queue_bytes_max=64 << 20)
        publisher = self.broker.connect()
        publisher.send(encode_publish(7, bytes(1000)) * 8000)
        publisher.flush()
        self.broker.send_signal(signal.SIGTERM)
        wait_until(
            lambda: fetch(self.port, "/readyz")[::2] == (503, "broker: stopping\n"),
            "503 of a broker that stops",
        )
        self.assertEqual(fetch(self.port, "/healthz")[0], 200)
        publisher.close()
        for _ in range(8000):
            subscriber.read_data()
        subscriber.close()
        self.end(self.broker)

    def test_nonsense_and_long_requests_are_refused(self) -> None:
        self.assertTrue(self.raw(b"\x00\xff\n\n").startswith(b"HTTP/1.1 400 "))
        endless = b"GET / HTTP/1.1\r\nX: " + b"x" * 8192
        self.assertTrue(self.raw(endless).startswith(b"HTTP/1.1 413 "))

    def test_a_request_may_come_byte_by_byte(self) -> None:
        with socket.create_connection(("127.0.0.1", self.port), SECONDS) as peer:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in b"GET /healthz HTTP/1.0\r\n\r\n":
                peer.sendall(bytes([byte]))
            self.assertIn(b"200 OK", peer.recv(65536))

    def test_the_slow_get_neither_time_nor_all_connections(self) -> None:
        idle = [socket.create_connection(("127.0.0.1", self.port)) for _ in range(20)]
        for peer in idle:
            peer.settimeout(SECONDS)
            self.assertEqual(peer.recv(1), b"")  # refused, or after 5 seconds
            peer.close()
        self.assertEqual(fetch(self.port, "/healthz")[0], 200)

    def test_an_address_that_is_taken_is_told(self) -> None:
        config = 'metrics { listen: "tcp://127.0.0.1:%d" }' % self.port
        path = os.path.join(self.broker.directory, "second.textproto")
        with open(path, "w", encoding="utf-8") as second:
            second.write(config)
        ended = run_to_end(
            "--config=" + path, "--listen=unix:" + self.broker.unix_path + "2"
        )
        self.assertEqual(ended.returncode, 1)
        self.assertIn(
            "metrics.listen tcp://127.0.0.1:%d: listen: address already in use"
            % self.port,
            ended.stderr,
        )


if __name__ == "__main__":
    unittest.main()
