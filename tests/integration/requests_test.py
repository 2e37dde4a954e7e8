"""Requests: each ends with one answer, or with why there is none."""

import os
import signal
import subprocess
import unittest
from typing import Any, Set

import proto.mycelium.control_pb2 as control_pb2
from tests.integration.deadline import SECONDS, wait_until
from tests.integration.misbehaviour import CarrierTests, MisbehaviourTestCase
from tests.integration.wire_client import (
    Control,
    Frame,
    WireClient,
    encode_reply,
    encode_request,
)

TYPE_ID = 7
REPLY_TYPE_ID = 8
NOT_FOUND, RESOURCE_EXHAUSTED, UNAVAILABLE = 5, 8, 14
TOOL = os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "../../client/cli/mycelium"
)


def stands_still(pid: int) -> bool:
    """Whether SIGSTOP has reached each thread."""
    states = []
    for thread in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/stat" % (pid, thread), encoding="ascii") as stat:
            states.append(stat.read().rpartition(")")[2].split()[0])
    return set(states) == {"T"}


class Requests(CarrierTests):
    def begin(self, config: str = "") -> None:
        self.start(config)
        self.requester = self.session("requester")

    def responder(self, name: str = "solver", **options: Any) -> WireClient:
        client = self.session(name)
        client.subscribe(1, TYPE_ID, responder=True, **options)
        return client

    def request(self, *numbers: int, topic: bytes = b"") -> None:
        for number in numbers:
            self.say(
                self.requester,
                encode_request(number, TYPE_ID, b"question %d" % number, topic),
            )

    def assert_fails(self, number: int, status: int, message: str) -> None:
        error = self.requester.await_error(number)
        self.assertTrue(error.from_broker)
        self.assertEqual((error.status, error.message), (status, message))

    def assert_quiet(self, client: WireClient) -> None:
        client.ping()
        self.assertEqual(client.frames_there(), [])

    # --- Answered ------------------------------------------------------------

    def test_a_reply_finds_its_way_home(self) -> None:
        self.begin()
        responder = self.responder()
        self.request(5, topic=b"a.b")
        request = responder.await_request()
        self.assertEqual(request.type_id, TYPE_ID)
        self.assertEqual(request.id, self.requester.welcome.session_id << 32 | 5)
        self.assertEqual((request.topic, request.payload), (b"a.b", b"question 5"))
        self.assertEqual(request.addressee, 1)
        self.say(responder, encode_reply(request.id, REPLY_TYPE_ID, b"answer"))
        reply = self.requester.await_reply(5)
        self.assertEqual(
            (reply.type_id, reply.topic, reply.payload),
            (REPLY_TYPE_ID, b"", b"answer"),
        )
        self.assert_quiet(responder)
        self.assert_quiet(self.requester)
        self.bystanders.assert_unharmed()

    def test_an_error_of_the_responders_comes_as_it_was_said(self) -> None:
        self.begin()
        responder = self.responder()
        self.request(5)
        responder.fail(responder.await_request(), 3, "out of paper")
        error = self.requester.await_error(5)
        self.assertEqual(
            (error.status, error.message, error.from_broker),
            (3, "out of paper", False),
        )

    def test_answers_may_come_in_any_order(self) -> None:
        self.begin()
        responder = self.responder()
        self.request(*range(1, 21))
        requests = [responder.await_request() for _ in range(20)]
        self.assertEqual(
            [r.payload for r in requests], [b"question %d" % n for n in range(1, 21)]
        )
        for request in reversed(requests):
            responder.reply(request, b"to " + request.payload)
        for number in range(1, 21):
            reply = self.requester.await_reply(number)
            self.assertEqual(reply.payload, b"to question %d" % number)

    def test_the_least_busy_responder_is_asked(self) -> None:
        self.begin()
        first, second = self.responder("first"), self.responder("second")
        self.request(1)
        self.request(2)
        one, two = first.await_request(), second.await_request()
        self.assertEqual({one.id & 0xFFFFFFFF, two.id & 0xFFFFFFFF}, {1, 2})
        first.reply(one)
        self.requester.await_reply(one.id & 0xFFFFFFFF)
        self.request(3)
        self.assertEqual(first.await_request().id & 0xFFFFFFFF, 3)

    def test_topics_choose_among_responders(self) -> None:
        self.begin()
        a, b = self.responder(topic_filter="a.*"), self.responder(topic_filter="b.>")
        self.request(1, topic=b"b.x")
        self.request(2, topic=b"a.x")
        self.assertEqual(b.await_request().topic, b"b.x")
        self.assertEqual(a.await_request().topic, b"a.x")

    def test_a_responder_gets_no_publish_and_a_subscriber_no_request(self) -> None:
        self.begin()
        responder = self.responder()
        subscriber = self.session()
        subscriber.subscribe(1, TYPE_ID)
        publisher = self.connect(self.broker)
        publisher.publish(TYPE_ID, b"news")
        publisher.flush()
        self.request(1)
        self.assertEqual(responder.await_request().payload, b"question 1")
        self.assert_quiet(responder)
        self.assertEqual(subscriber.read_data().payload, b"news")
        self.assert_quiet(subscriber)

    def test_a_session_may_answer_itself_and_two_may_have_one_number(self) -> None:
        self.begin()
        self.requester.subscribe(1, TYPE_ID, responder=True)
        other = self.session("other")
        self.request(5)
        other.request(5, TYPE_ID, b"of the other")
        for _ in range(2):
            request = self.requester.await_request()
            self.requester.reply(request, b"to " + request.payload)
        self.assertEqual(self.requester.await_reply(5).payload, b"to question 5")
        self.assertEqual(other.await_reply(5).payload, b"to of the other")

    def test_a_number_may_be_used_again_after_its_answer(self) -> None:
        self.begin()
        responder = self.responder()
        for _ in range(3):
            self.request(5)
            responder.reply(responder.await_request())
            self.requester.await_reply(5)

    # --- Not answered --------------------------------------------------------

    def test_nobody_is_there(self) -> None:
        self.begin()
        self.request(5)
        self.assert_fails(5, NOT_FOUND, "request: nobody answers type 7")
        self.responder(topic_filter="x")
        self.request(6, topic=b"a.b")
        error = self.requester.await_error(6)
        self.assertEqual(error.status, NOT_FOUND)
        self.assertRegex(
            error.message, r"^request: nobody answers type 7,? topic a\.b$"
        )
        self.assertEqual(self.requester.status().counters.requests_unanswered, 2)

    def lost_message(self, responder: WireClient) -> str:
        return "request: session %d (solver) was lost before it answered" % (
            responder.welcome.session_id
        )

    def test_a_responder_that_is_cut_off_fails_what_it_was_asked(self) -> None:
        self.begin()
        responder = self.responder()
        self.request(1, 2)
        for _ in range(2):
            responder.await_request()
        responder.close()
        for number in (1, 2):
            self.assert_fails(number, UNAVAILABLE, self.lost_message(responder))
        self.bystanders.assert_unharmed()

    def test_a_responder_that_unsubscribes_fails_what_it_was_asked(self) -> None:
        self.begin()
        responder = self.responder()
        self.request(1)
        request = responder.await_request()
        responder.unsubscribe(1)
        self.assert_fails(1, UNAVAILABLE, self.lost_message(responder))
        # It was asked and is too late; that is no offence.
        responder.reply(request)
        self.assert_quiet(responder)
        self.assert_quiet(self.requester)

    def test_a_killed_responder_is_told_at_once(self) -> None:
        self.begin()
        process = subprocess.Popen(
            [TOOL, "reply", "7", "--echo", "--quiet", "--url", self.url],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        try:
            observer = self.connect(self.broker)
            wait_until(
                lambda: any(
                    s.responder
                    for session in observer.status().sessions
                    for s in session.subscriptions
                ),
                "the tool responds",
            )
            process.send_signal(signal.SIGSTOP)
            wait_until(lambda: stands_still(process.pid), "it stands still")
            self.request(1)
            wait_until(
                lambda: any(s.requests_asked for s in observer.status().sessions),
                "it was asked",
            )
            process.send_signal(signal.SIGKILL)
            error = self.requester.await_error(1)
        finally:
            process.kill()
            process.wait(SECONDS)
        self.assertEqual(error.status, UNAVAILABLE)
        self.assertRegex(
            error.message,
            r"^request: session \d+ \(mycelium reply\) was lost before it answered$",
        )

    def test_too_many_open_requests_are_refused_one_by_one(self) -> None:
        self.begin("limits { requests_per_session_max: 2 }")
        responder = self.responder()
        self.request(1, 2, 3)
        self.assert_fails(3, RESOURCE_EXHAUSTED, "request: 2 are open, allowed 2")
        responder.reply(responder.await_request())
        self.requester.await_reply(1)
        self.request(4)
        responder.await_request()
        self.assertEqual(responder.await_request().payload, b"question 4")

    def test_full_responders_are_told(self) -> None:
        self.begin()
        slow = WireClient(self.url, receive_buffer_bytes=4096)
        self.addCleanup(slow.close)
        slow.hello(name="slow")
        slow.subscribe(1, TYPE_ID, responder=True, queue_bytes_max=4096)
        number = 0
        refused: Set[int] = set()
        while not refused:
            number += 1
            self.requester.request(number, TYPE_ID, bytes(1 << 16))
            self.requester.ping()
            refused = {f.id for f in self.requester.pending if f.type_id == TYPE_ID}
        error = self.requester.await_error(refused.pop())
        self.assertEqual(error.status, RESOURCE_EXHAUSTED)
        self.assertEqual(error.message, "request: all 1 responders of type 7 are full")
        self.bystanders.assert_unharmed()

    # --- Cancelled -----------------------------------------------------------

    def test_a_cancelled_request_is_told_to_its_responder(self) -> None:
        self.begin()
        responder = self.responder()
        self.request(5)
        request = responder.await_request()
        self.requester.cancel(5)
        cancelled = responder.await_control(Control.CANCEL)
        self.assertEqual(cancelled.id, request.id)
        # A late reply is counted, goes nowhere, and is no offence.
        responder.reply(request, b"late")
        self.assert_quiet(responder)
        self.assert_quiet(self.requester)
        self.assertEqual(responder.status().counters.replies_late, 1)
        self.bystanders.assert_unharmed()

    def test_cancelling_what_is_not_open_does_nothing(self) -> None:
        self.begin()
        responder = self.responder()
        self.requester.cancel(77)
        self.request(5)
        responder.reply(responder.await_request())
        self.requester.await_reply(5)
        self.requester.cancel(5)
        self.requester.cancel(0)
        self.assert_quiet(self.requester)
        self.assert_quiet(responder)

    def test_a_requester_that_leaves_cancels_what_it_asked(self) -> None:
        self.begin()
        responder = self.responder()
        self.request(1, 2)
        requests = [responder.await_request() for _ in range(2)]
        self.requester.close()
        cancelled = [responder.await_control(Control.CANCEL).id for _ in range(2)]
        self.assertEqual(set(cancelled), {request.id for request in requests})
        for request in requests:
            responder.reply(request)
        self.assert_quiet(responder)
        self.assertEqual(responder.status().counters.replies_late, 2)

    # --- Offences ------------------------------------------------------------

    def refuse(self, client: WireClient, reason: str) -> None:
        close = client.await_close()
        self.assertEqual(close.code, control_pb2.CODE_PROTOCOL)
        self.assertRegex(close.reason, reason)

    def answered_after_all(self, responder: WireClient, request: Frame) -> None:
        responder.reply(request, b"true")
        self.assertEqual(self.requester.await_reply(5).payload, b"true")
        self.bystanders.assert_unharmed()

    def test_a_forged_reply_ends_its_forger_alone(self) -> None:
        self.begin()
        responder = self.responder()
        self.request(5)
        request = responder.await_request()
        reason = (
            "^reply: request 5 of session %d was not asked of this session$"
            % self.requester.welcome.session_id
        )
        forger = self.session("forger")
        forger.reply(request, b"forged")
        self.refuse(forger, reason)
        other_responder = self.responder("other")
        other_responder.fail(request, 3, "forged")
        self.refuse(other_responder, reason)
        self.answered_after_all(responder, request)

    def test_a_second_reply_is_an_offence(self) -> None:
        self.begin()
        responder = self.responder()
        self.request(5)
        request = responder.await_request()
        responder.reply(request, b"first")
        responder.reply(request, b"second")
        self.refuse(responder, "^reply: request 5 of session .* was not asked of")
        self.assertEqual(self.requester.await_reply(5).payload, b"first")
        self.assert_quiet(self.requester)

    def test_numbers_that_no_request_may_have(self) -> None:
        self.begin()
        responder = self.responder()
        for number in (0, 1 << 32 | 5):
            client = self.session("wrong number")
            client.request(number, TYPE_ID)
            self.refuse(client, "^request: id %d, allowed 1 to 4294967295$" % number)
        self.request(5)
        request = responder.await_request()
        client = self.session("twice")
        client.request(6, TYPE_ID)
        client.request(6, TYPE_ID)
        self.refuse(client, r"^request: id 6\b.*, allowed a new one")
        self.answered_after_all(responder, request)


class UnixRequestsTest(Requests, MisbehaviourTestCase):
    pass


class TcpRequestsTest(Requests, MisbehaviourTestCase):
    carrier = "tcp"


class TcpByteByByteRequestsTest(Requests, MisbehaviourTestCase):
    carrier = "tcp"
    piece_bytes = 1


if __name__ == "__main__":
    unittest.main()
