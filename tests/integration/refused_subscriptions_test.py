"""Subscriptions that the broker answers with a code; the session goes on."""

import unittest
from typing import Any

import proto.mycelium.control_pb2 as control_pb2
from tests.integration.misbehaviour import CarrierTests, MisbehaviourTestCase
from tests.integration.wire_client import WireClient


class RefusedSubscriptions(CarrierTests):
    def refuse(
        self, client: WireClient, code: int, reason: str, **request: Any
    ) -> None:
        request = {"subscription_id": 9, "type_id": 7, **request}
        answer = client.request_subscription(**request)
        self.assertEqual(answer.code, code, answer.reason)
        self.assertRegex(answer.reason, reason)
        self.assertEqual(answer.subscription_id, request["subscription_id"])
        client.ping()

    def test_more_than_subscriptions_max_are_refused(self) -> None:
        self.start("limits { subscriptions_per_session_max: 4 }")
        client = self.session()
        self.assertEqual(client.welcome.limits.subscriptions_max, 4)
        for number in range(1, 5):
            client.subscribe(number, 7)
        self.refuse(client, control_pb2.CODE_TOO_MANY_SUBSCRIPTIONS, "4")
        client.unsubscribe(2)
        client.subscribe(9, 7)
        self.bystanders.assert_unharmed()

    def test_values_out_of_range_are_refused(self) -> None:
        self.start("limits { queue_bytes_max_ceiling: 20000000 }")
        client = self.session()
        invalid = control_pb2.CODE_INVALID_ARGUMENT
        self.refuse(client, invalid, "type_id.*65536.*65535", type_id=65536)
        self.refuse(client, invalid, "filter", topic_filter="a.>.b")
        self.refuse(client, invalid, "filter", topic_filter="a..b")
        self.refuse(client, invalid, "filter.*256", topic_filter="t" * 256)
        self.refuse(client, invalid, "4095.*4096", queue_bytes_max=4095)
        self.refuse(client, invalid, "20000001.*20000000", queue_bytes_max=20000001)
        self.refuse(client, invalid, "-2", stall_ms_max=-2)
        self.bystanders.assert_unharmed()

    def test_what_no_subscription_may_be_is_refused(self) -> None:
        self.start("limits { queue_bytes_max_ceiling: 20000000 } history { types: 8 }")
        client = self.session()
        invalid = control_pb2.CODE_INVALID_ARGUMENT
        self.refuse(
            client, invalid, "^subscribe: overflow 99, allowed 0 to 2$", overflow=99
        )
        # A policy is held to the session's limits whatever its overflow is.
        for overflow in range(3):
            self.refuse(
                client,
                invalid,
                "^subscribe: queue_bytes_max 20000001, allowed 4096 to 20000000$",
                queue_bytes_max=20000001,
                overflow=overflow,
            )
        self.refuse(
            client,
            invalid,
            '^subscribe: topic filter: ">" before the last token$',
            topic_filter="a.>.b",
            group="workers",
        )
        self.refuse(
            client,
            invalid,
            "^subscribe: group of 129 bytes, allowed 128$",
            group="g" * 129,
        )
        client.subscribe(1, 7, group="g" * 128)
        self.refuse(
            client,
            invalid,
            "^subscribe: a responder with a group, allowed one of them$",
            group="workers",
            responder=True,
        )
        for fields in ({"last": 1}, {"time_unix_ms": 1}, {"sequence": 1}):
            self.refuse(
                client,
                invalid,
                "^subscribe: start, but no history keeps type 7$",
                start=control_pb2.Start(**fields),
            )
        self.refuse(
            client,
            invalid,
            "^subscribe: start.sequence 100, allowed up to 1$",
            type_id=8,
            start=control_pb2.Start(sequence=100),
        )
        self.bystanders.assert_unharmed()


class UnixRefusedSubscriptionsTest(RefusedSubscriptions, MisbehaviourTestCase):
    pass


class TcpRefusedSubscriptionsTest(RefusedSubscriptions, MisbehaviourTestCase):
    carrier = "tcp"


if __name__ == "__main__":
    unittest.main()
