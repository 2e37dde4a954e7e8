"""From the start to the end of a daemon: flags, signals, sockets, status."""

import grp
import os
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import unittest
from typing import Any, List, Mapping, Optional, Tuple

import proto.mycelium.control_pb2 as control_pb2
from tests.integration.broker_process import (
    TEMPORARY_ROOT,
    BrokerProcess,
    BrokerTestCase,
    run_to_end,
)
from tests.integration.deadline import wait_until
from tests.integration.wire_client import Control, WireClient, encode_publish

GOING_AWAY = control_pb2.CODE_GOING_AWAY
FRAME = encode_publish(7, bytes(1008))


class StopTest(BrokerTestCase):
    def unread_frames(
        self, broker: BrokerProcess, frames: int = 8000
    ) -> Tuple[WireClient, WireClient]:
        """A subscriber to whom far more is due than a socket holds."""
        subscriber = self.connect(broker, name="has not read yet")
        subscriber.subscribe(1, 7, queue_bytes_max=64 << 20)
        publisher = self.connect(broker, broker.tcp_url, name="publisher")
        publisher.send(FRAME * frames)
        publisher.flush()
        return subscriber, publisher

    def assert_drains(self, number: int) -> None:
        broker = self.start_broker("drain_timeout_ms: 60000")
        subscriber, publisher = self.unread_frames(broker)
        broker.send_signal(number)
        self.assertEqual(publisher.await_close().code, GOING_AWAY)
        publisher.close()
        with self.assertRaises((ConnectionRefusedError, FileNotFoundError)):
            WireClient(broker.unix_url)
        with self.assertRaises(ConnectionRefusedError):
            WireClient(broker.tcp_url)
        self.assertTrue(broker.alive())
        for sequence in range(1, 8001):
            self.assertEqual(subscriber.read_data().id, sequence)
        self.assertEqual(subscriber.await_close().code, GOING_AWAY)
        subscriber.close()
        self.end(broker)
        self.assertFalse(os.path.exists(broker.unix_path))

    def test_sigterm_drains_and_exits_0(self) -> None:
        self.assert_drains(signal.SIGTERM)

    def test_sigint_drains_and_exits_0(self) -> None:
        self.assert_drains(signal.SIGINT)

    def test_drain_ends_at_its_timeout(self) -> None:
        broker = self.start_broker("drain_timeout_ms: 300")
        self.unread_frames(broker)
        broker.send_signal(signal.SIGTERM)
        self.end(broker)
        self.assertIn("drain_timeout_ms 300", broker.log_text())
        self.assertFalse(os.path.exists(broker.unix_path))

    def test_peer_that_does_not_close_delays_nothing_for_long(self) -> None:
        broker = self.start_broker("drain_timeout_ms: 1000")
        client = self.connect(broker)
        broker.send_signal(signal.SIGTERM)
        self.assertEqual(client.await_close().code, GOING_AWAY)
        self.end(broker)

    def test_connection_without_hello_delays_nothing_for_long(self) -> None:
        broker = self.start_broker("drain_timeout_ms: 1000")
        client = self.connect_silent(broker.unix_url)
        self.connect(broker).ping()
        broker.send_signal(signal.SIGTERM)
        client.await_end()
        self.end(broker)

    def test_second_signal_exits_at_once(self) -> None:
        for second in (signal.SIGTERM, signal.SIGINT):
            broker = self.start_broker("drain_timeout_ms: 3600000")
            _, publisher = self.unread_frames(broker)
            broker.send_signal(signal.SIGTERM)
            publisher.await_close()
            self.assertTrue(broker.alive())
            broker.send_signal(second)
            self.end(broker, 128 + second)

    def test_drain_timeout_of_0_waits_for_nobody(self) -> None:
        broker = self.start_broker("drain_timeout_ms: 0")
        self.unread_frames(broker)
        broker.send_signal(signal.SIGTERM)
        self.end(broker)


class ReloadTest(BrokerTestCase):
    def start(self, limits: str) -> None:
        directory = tempfile.mkdtemp(prefix="r", dir=TEMPORARY_ROOT)
        self.addCleanup(os.rmdir, directory)
        self.path = os.path.join(directory, "s")
        self.broker = self.start_broker(self.config(limits), listen=[])
        self.lines = len(self.broker.log_lines())

    def config(self, limits: str, path: Optional[str] = None) -> str:
        return 'listen { url: "unix:%s" }\nlimits { %s }\n' % (
            path or self.path,
            limits,
        )

    def reload(self, text: str) -> None:
        self.broker.write_config(text)
        self.broker.send_signal(signal.SIGHUP)

    def welcome_limits(self) -> Any:
        client = self.broker.connect()
        client.close()
        return client.welcome.limits

    def test_changed_limits_are_those_of_the_next_sessions(self) -> None:
        self.start("frame_bytes_max: 2000 subscriptions_per_session_max: 5")
        old = self.connect(self.broker)
        self.reload(
            self.config("frame_bytes_max: 3000 subscriptions_per_session_max: 6")
        )
        wait_until(
            lambda: bool(self.welcome_limits().frame_bytes_max == 3000),
            "the new limits are in force",
        )
        self.assertEqual(self.welcome_limits().subscriptions_max, 6)
        old.publish(7, bytes(2000))
        old.flush()
        old.publish(7, bytes(2001))
        self.assertIn("frame_bytes_max 2000", old.await_close().reason)
        lines = self.broker.wait_for_log("reload|config", after=self.lines)
        self.assertIn("frame_bytes_max", "\n".join(lines))

    def test_changed_listener_is_named_and_stays_as_it_was(self) -> None:
        self.start("frame_bytes_max: 2000")
        self.reload(self.config("frame_bytes_max: 2000", self.path + "2"))
        self.broker.wait_for_log(r"\blisten\b", after=self.lines)
        self.connect(self.broker).ping()
        self.assertFalse(os.path.exists(self.path + "2"))

    def test_broken_file_changes_nothing_and_is_reported(self) -> None:
        self.start("frame_bytes_max: 2000")
        session = self.connect(self.broker)
        self.reload(self.config("frame_bytes_max: 3000\n  sesions_max: 9"))
        line = self.broker.wait_for_log("sesions_max", after=self.lines)[0]
        self.assertIn(self.broker.config_path + ":3:3: ", line)
        self.assertEqual(self.welcome_limits().frame_bytes_max, 2000)
        session.ping()

    def test_absent_file_changes_nothing_and_is_reported(self) -> None:
        self.start("frame_bytes_max: 2000")
        os.unlink(self.broker.config_path)
        self.broker.send_signal(signal.SIGHUP)
        self.broker.wait_for_log(self.broker.config_path, after=self.lines)
        self.assertEqual(self.welcome_limits().frame_bytes_max, 2000)

    def test_hangup_without_a_file_harms_nothing(self) -> None:
        broker = self.start_broker()
        session = self.connect(broker)
        before = len(broker.log_lines())
        broker.send_signal(signal.SIGHUP)
        broker.wait_for_log("", after=before)
        session.ping()


class StartTest(BrokerTestCase):
    def write(self, text: str) -> str:
        config = tempfile.NamedTemporaryFile(
            "w", dir=TEMPORARY_ROOT, suffix=".textproto", encoding="utf-8"
        )
        self.addCleanup(config.close)
        config.write(text)
        config.flush()
        return config.name

    def assert_refused(
        self, *flags: str, says: str, environment: Optional[Mapping[str, str]] = None
    ) -> "subprocess.CompletedProcess[str]":
        run = run_to_end(*flags, environment=environment)
        self.assertGreater(run.returncode, 0, run.stderr)
        self.assertRegex(run.stderr, says)
        self.assertNotIn("listening on", run.stderr)
        return run

    def test_check_config_prints_what_is_in_force(self) -> None:
        path = self.write("limits { sessions_max: 77 }")
        run = run_to_end(
            "--config=" + path,
            "--listen=unix:/var/tmp/check/s,tcp://127.0.0.1:0",
            "--check_config",
        )
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertRegex(run.stdout, r"sessions_max: 77\b")
        self.assertIn('url: "unix:/var/tmp/check/s"', run.stdout)
        self.assertIn('url: "tcp://127.0.0.1:0"', run.stdout)
        self.assertNotIn("listening on", run.stderr)
        self.assertFalse(os.path.exists("/var/tmp/check"))

    def test_what_check_config_prints_is_a_configuration(self) -> None:
        first = run_to_end("--listen=unix:/var/tmp/x", "--check_config")
        path = self.write(first.stdout)
        second = run_to_end("--config=" + path, "--check_config")
        self.assertEqual(second.returncode, 0, second.stderr)
        self.assertEqual(first.stdout, second.stdout)

    def test_broken_configuration_is_reported_with_its_place(self) -> None:
        path = self.write("limits {\n  sessions_max: 0\n}\n\nlisen {}\n")
        for flags in ((), ("--check_config",)):
            self.assert_refused(
                "--config=" + path,
                *flags,
                says=r"(?m)^\S*%s:5:1: .*lisen" % path,
            )

    def test_value_out_of_range_is_reported_with_its_place(self) -> None:
        path = self.write("limits {\n  sessions_max: 0\n}\n")
        self.assert_refused(
            "--config=" + path, says="%s:2:3: limits.sessions_max: 0" % path
        )

    def test_absent_configuration_is_reported(self) -> None:
        self.assert_refused(
            "--config=/var/tmp/not-there.textproto",
            says="/var/tmp/not-there.textproto",
        )

    def test_unknown_flag_is_refused(self) -> None:
        self.assert_refused("--lisen=unix:/var/tmp/s", says="lisen")

    def test_url_that_is_none_is_refused(self) -> None:
        self.assert_refused("--listen=http://localhost", says="http://localh")

    def test_address_for_other_machines_is_refused_without_consent(self) -> None:
        self.assert_refused("--listen=tcp://0.0.0.0:0", says="allow_plaintext")
        self.assert_refused("--listen=tcp://[::]:0", says="allow_plaintext")

    def test_address_for_other_machines_is_taken_with_consent(self) -> None:
        broker = self.start_broker("allow_plaintext: true", listen=["tcp://0.0.0.0:0"])
        port = broker.tcp_url.rpartition(":")[2]
        self.connect(broker, "tcp://127.0.0.1:" + port).ping()

    def test_port_in_use_is_reported(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            url = "tcp://127.0.0.1:%d" % taken.getsockname()[1]
            self.assert_refused("--listen=" + url, says=url)

    def test_one_failing_listener_leaves_no_socket_behind(self) -> None:
        with tempfile.TemporaryDirectory(dir=TEMPORARY_ROOT) as directory:
            with socket.create_server(("127.0.0.1", 0)) as taken:
                url = "tcp://127.0.0.1:%d" % taken.getsockname()[1]
                run = run_to_end("--listen=unix:%s/s,%s" % (directory, url))
            self.assertGreater(run.returncode, 0)
            self.assertIn(url, run.stderr)
            self.assertFalse(os.path.exists(directory + "/s"))


class SocketFileTest(BrokerTestCase):
    def directory(self) -> str:
        directory = tempfile.TemporaryDirectory(dir=TEMPORARY_ROOT, prefix="d")
        self.addCleanup(directory.cleanup)
        return directory.name

    def assert_refuses_the_place_of(self, broker: BrokerProcess) -> None:
        run = run_to_end("--listen=" + broker.unix_url)
        self.assertGreater(run.returncode, 0)
        self.assertIn(broker.unix_path, run.stderr)
        self.assertNotIn("listening on", run.stderr)
        self.assertTrue(stat.S_ISSOCK(os.stat(broker.unix_path).st_mode))

    def test_live_socket_is_left_to_its_broker(self) -> None:
        broker = self.start_broker()
        session = self.connect(broker)
        self.assert_refuses_the_place_of(broker)
        session.ping()
        self.connect(broker).ping()

    def test_socket_of_a_broker_that_stands_still_is_left_to_it(self) -> None:
        broker = self.start_broker()
        broker.send_signal(signal.SIGSTOP)
        try:
            self.assert_refuses_the_place_of(broker)
        finally:
            broker.send_signal(signal.SIGCONT)
        self.connect(broker).ping()

    def test_stale_socket_is_taken_over(self) -> None:
        path = self.directory() + "/s"
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(path)
        broker = self.start_broker(listen=["unix:" + path])
        self.connect(broker).ping()

    def test_socket_of_a_killed_broker_is_taken_over(self) -> None:
        path = self.directory() + "/s"
        first = self.start_broker(listen=["unix:" + path])
        first.send_signal(signal.SIGKILL)
        self.end(first, -signal.SIGKILL)
        self.assertTrue(os.path.exists(path))
        second = self.start_broker(listen=["unix:" + path])
        self.connect(second).ping()

    def test_file_that_is_no_socket_is_left_alone(self) -> None:
        path = self.directory() + "/s"
        with open(path, "w", encoding="ascii") as file:
            file.write("precious")
        run = run_to_end("--listen=unix:" + path)
        self.assertGreater(run.returncode, 0)
        self.assertIn(path, run.stderr)
        with open(path, encoding="ascii") as file:
            self.assertEqual(file.read(), "precious")

    def test_mode_and_group_are_those_of_the_configuration(self) -> None:
        path = self.directory() + "/s"
        group = grp.getgrgid(os.getgid()).gr_name
        self.start_broker(
            'listen { url: "unix:%s" mode: "0604" group: "%s" }' % (path, group),
            listen=[],
        )
        status = os.stat(path)
        self.assertEqual(stat.S_IMODE(status.st_mode), 0o604)
        self.assertEqual(status.st_gid, os.getgid())

    def test_mode_is_for_owner_and_group_by_default(self) -> None:
        broker = self.start_broker()
        mode = stat.S_IMODE(os.stat(broker.unix_path).st_mode)
        self.assertEqual(mode, 0o660)

    def test_unknown_group_is_reported(self) -> None:
        broker_config = (
            'listen { url: "unix:%s/s" group: "no-such-group" }' % self.directory()
        )
        with tempfile.NamedTemporaryFile("w", dir=TEMPORARY_ROOT) as config:
            config.write(broker_config)
            config.flush()
            run = run_to_end("--config=" + config.name)
        self.assertGreater(run.returncode, 0)
        self.assertIn("no-such-group", run.stderr)

    def test_file_is_gone_after_a_clean_exit(self) -> None:
        broker = self.start_broker()
        broker.send_signal(signal.SIGTERM)
        self.end(broker)
        self.assertFalse(os.path.exists(broker.unix_path))

    def test_file_of_a_successor_stays_at_the_exit(self) -> None:
        broker = self.start_broker()
        os.unlink(broker.unix_path)
        with socket.socket(socket.AF_UNIX) as successor:
            successor.bind(broker.unix_path)
            broker.send_signal(signal.SIGTERM)
            self.end(broker)
            self.assertTrue(os.path.exists(broker.unix_path))


class ListenersTest(BrokerTestCase):
    def test_several_listeners_serve_one_broker(self) -> None:
        directory = tempfile.TemporaryDirectory(dir=TEMPORARY_ROOT)
        self.addCleanup(directory.cleanup)
        broker = self.start_broker(
            listen=["unix:%s/%d" % (directory.name, i) for i in range(3)]
            + ["tcp://127.0.0.1:0", "tcp://127.0.0.2:0", "tcp://localhost:0"]
        )
        self.assertEqual(len(set(broker.urls)), 6)
        subscribers = [
            self.connect(broker, url.replace("localhost", "127.0.0.1"))
            for url in broker.urls
        ]
        for client in subscribers:
            client.subscribe(1, 7)
        subscribers[-1].publish(7, b"for all")
        for client in subscribers:
            self.assertEqual(client.read_data().payload, b"for all")

    def test_flags_may_be_repeated_or_separated_by_commas(self) -> None:
        directory = tempfile.TemporaryDirectory(dir=TEMPORARY_ROOT)
        self.addCleanup(directory.cleanup)
        urls = ["unix:%s/%d" % (directory.name, i) for i in range(3)]
        broker = self.start_broker(listen=urls[:2], flags=["--listen=" + urls[2]])
        broker.wait_until_listening(3)
        for url in urls:
            self.connect(broker, url).ping()

    def test_flag_takes_the_place_of_the_listeners_in_the_file(self) -> None:
        broker = self.start_broker('listen { url: "unix:/var/tmp/from-file" }')
        self.assertFalse(os.path.exists("/var/tmp/from-file"))
        self.connect(broker).ping()

    def test_ipv6_is_served(self) -> None:
        try:
            socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        except OSError as error:
            self.skipTest("no IPv6 here: %s" % error)
        broker = self.start_broker(listen=["tcp://[::1]:0"])
        client = self.connect(broker)
        peer = client.status().sessions[0].peer
        self.assertRegex(peer, r"^tcp:\[::1\]:\d+$")


class DefaultSocketTest(BrokerTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.directory = tempfile.mkdtemp(prefix="u", dir=TEMPORARY_ROOT)
        self.addCleanup(shutil.rmtree, self.directory)

    def test_service_listens_in_its_runtime_directory(self) -> None:
        broker = self.start_broker(
            listen=[], environment={"RUNTIME_DIRECTORY": self.directory}
        )
        self.assertEqual(broker.urls, ["unix:%s/brokerd.sock" % self.directory])
        self.connect(broker).ping()

    def test_user_listens_in_the_session_directory(self) -> None:
        wrapper: List[str] = []
        if os.getuid() == 0:
            wrapper = ["unshare", "--user", "--map-user=1000"]
            if subprocess.run([*wrapper, "true"], check=False).returncode:
                self.skipTest("root can't become a user here")
        broker = self.start_broker(
            listen=[],
            wrapper=wrapper,
            environment={"XDG_RUNTIME_DIR": self.directory},
        )
        self.assertEqual(
            broker.urls, ["unix:%s/mycelium/brokerd.sock" % self.directory]
        )
        self.connect(broker).ping()


class StatusTest(BrokerTestCase):
    def test_status_tells_who_is_there_and_what_passed(self) -> None:
        broker = self.start_broker('name: "hall-3"')
        observer = self.connect(broker, name="observer")
        subscriber = self.connect(broker, broker.tcp_url, name="subscriber")
        subscriber.subscribe(
            5, 7, topic_filter="a.>", queue_bytes_max=8192, stall_ms_max=250
        )
        subscriber.subscribe(6)
        for _ in range(10):
            observer.publish(7, b"12345", b"a.b")
        observer.publish(8, b"12345")
        for _ in range(11):
            subscriber.read_data()
        status = observer.status()

        self.assertEqual(status.broker_name, "hall-3")
        self.assertEqual(status.epoch, observer.welcome.epoch)
        self.assertEqual(status.broker_version, observer.welcome.broker_version)
        self.assertCountEqual(status.listeners, broker.urls)
        self.assertEqual(status.memory_bytes_max, 1 << 30)
        self.assertLess(status.uptime_ms, 600_000)
        sessions = {session.name: session for session in status.sessions}
        self.assertEqual(set(sessions), {"observer", "subscriber"})
        self.assertRegex(
            sessions["observer"].peer,
            "^unix:uid=%d,pid=%d$" % (os.getuid(), os.getpid()),
        )
        port = subscriber.socket.getsockname()[1]
        self.assertEqual(sessions["subscriber"].peer, "tcp:127.0.0.1:%d" % port)
        self.assertEqual(
            sessions["subscriber"].session_id, subscriber.welcome.session_id
        )
        first, second = sessions["subscriber"].subscriptions
        self.assertEqual(
            (first.subscription_id, first.type_id, first.topic_filter),
            (5, 7, "a.>"),
        )
        self.assertEqual((first.queue_bytes_max, first.stall_ms_max), (8192, 250))
        self.assertEqual(
            (second.subscription_id, second.type_id, second.topic_filter),
            (6, 0, ""),
        )
        self.assertEqual(
            (second.queue_bytes_max, second.stall_ms_max), (16 << 20, 1000)
        )
        bytes_in = 10 * (16 + 3 + 5) + 16 + 5
        self.assertEqual(status.counters.frames_in, 11)
        self.assertEqual(status.counters.bytes_in, bytes_in)
        self.assertEqual(status.counters.frames_out, 11)
        # Control frames count too.
        self.assertEqual(status.counters.bytes_out, bytes_in)
        self.assertEqual(sessions["observer"].counters.frames_in, 11)
        self.assertEqual(sessions["subscriber"].counters.frames_out, 11)
        self.assertEqual(status.counters.frames_dropped, 0)

    def test_totals_outlive_sessions_and_uptime_grows(self) -> None:
        broker = self.start_broker()
        observer = self.connect(broker, name="observer")
        before = observer.status()
        for _ in range(3):
            client = broker.connect()
            client.publish(7, b"x")
            client.flush()
            client.close()
        wait_until(lambda: len(observer.status().sessions) == 1, "they have left")
        wait_until(
            lambda: bool(observer.status().uptime_ms > before.uptime_ms),
            "the clock goes on",
        )
        self.assertEqual(observer.status().counters.frames_in, 3)

    def test_unknown_admin_request_gets_an_error(self) -> None:
        broker = self.start_broker()
        client = self.connect(broker)
        client.send(b"\x00\x00\x00\x00\x00\x00\x11\x00" + bytes(8))
        reply = client.await_control(Control.ADMIN).body()
        self.assertTrue(reply.error)
        client.ping()


if __name__ == "__main__":
    unittest.main()
