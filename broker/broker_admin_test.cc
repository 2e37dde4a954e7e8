// ADMIN: who may ask, drain and reload, and copies of the traffic.
#include <string>

#include "broker/broker_fixture.h"
#include "config/admin_rules.h"
#include "config/limits.h"
#include "gtest/gtest.h"
#include "proto/frame.h"
#include "proto/mycelium/admin.pb.h"

namespace mycelium::broker {

// Has no tests here.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(BrokerTest);

namespace {

class AdminTest : public BrokerTest {
 protected:
  AdminTest() {
    operations_.drain = [this] {
      if (drains_++ == 0) broker_->StartDrain("test", now_ms_);
    };
    operations_.reload = [this](wire::Reload* told) {
      told->add_changed("limits.sessions_max");
      return reload_;
    };
    broker_->set_operations(operations_);
  }

  Client OpenAsUid(uint32_t uid) {
    Peer peer{"unix:uid=" + std::to_string(uid) + ",pid=1",
              "uid " + std::to_string(uid), true};
    peer.uid = uid;
    return OpenOn(ConnectAs(peer));
  }
  Client OpenFrom(const std::string& address) {
    Peer peer{"tcp:" + address + ":1", "address " + address};
    peer.address = address;
    return OpenOn(ConnectAs(peer));
  }
  void Allow(const AdminRules& rules) {
    ASSERT_TRUE(broker_->Configure({}, {}, {}, {}, rules).ok());
  }
  std::string ErrorOf(Client* client, const wire::AdminRequest& request) {
    return Ask(client, request).error();
  }
  static wire::AdminRequest StatusRequest() {
    wire::AdminRequest request;
    request.mutable_status();
    return request;
  }
  static wire::AdminRequest TapRequest(std::vector<uint32_t> types = {},
                                       std::vector<std::string> filters = {},
                                       uint32_t payload_bytes_max = 1000) {
    wire::AdminRequest request;
    wire::TapRequest* const tap = request.mutable_tap();
    tap->mutable_type_ids()->Assign(types.begin(), types.end());
    tap->mutable_topic_filters()->Assign(filters.begin(), filters.end());
    tap->set_payload_bytes_max(payload_bytes_max);
    return request;
  }
  wire::Drain Drain(Client* client) {
    wire::AdminRequest request;
    request.mutable_drain();
    return Ask(client, request).drain();
  }

  Operations operations_;
  int drains_ = 0;
  absl::Status reload_;
};

INSTANTIATE_TEST_SUITE_P(Input, AdminTest, testing::Bool(),
                         [](const auto& info) {
                           return info.param ? "OneByteAtATime" : "InOnePiece";
                         });

TEST_P(AdminTest, RootAndTheBrokersOwnUserMayAsk) {
  for (const uint32_t uid : {0u, kOwnUid}) {
    Client client = OpenAsUid(uid);
    EXPECT_EQ(ErrorOf(&client, StatusRequest()), "");
  }
}

TEST_P(AdminTest, AnotherUserIsRefusedAndTheSessionStaysOpen) {
  Client client = OpenAsUid(1000);
  const std::string allowed =
      " asked for by uid 1000, allowed uid 0, the broker's own uid 7 and those "
      "of admin { users uids } in its configuration: nobody";
  EXPECT_EQ(ErrorOf(&client, StatusRequest()), "admin: status" + allowed);
  EXPECT_EQ(ErrorOf(&client, TapRequest()), "admin: tap" + allowed);
  wire::AdminRequest request;
  request.mutable_drain();
  EXPECT_EQ(ErrorOf(&client, request), "admin: drain" + allowed);
  request.mutable_reload();
  EXPECT_EQ(ErrorOf(&client, request), "admin: reload" + allowed);
  EXPECT_EQ(drains_, 0);
  request.mutable_schema_list();
  EXPECT_EQ(ErrorOf(&client, request), "");
  SendControl(client, ControlKind::kPing, 9);
  EXPECT_TRUE(Read(&client).at(0).Is(ControlKind::kPong));
}

TEST_P(AdminTest, APeerWhoseUserIsUnknownIsRefused) {
  Client client = OpenOn(ConnectAs({"unix:unknown", "unknown user", true}));
  EXPECT_NE(ErrorOf(&client, StatusRequest()), "");
}

TEST_P(AdminTest, TcpIsRefusedUnlessItsAddressIsNamed) {
  Client client = OpenFrom("10.1.2.3");
  EXPECT_EQ(ErrorOf(&client, StatusRequest()),
            "admin: status asked for from address 10.1.2.3, allowed the "
            "addresses of admin { addresses } in the broker's configuration: "
            "nobody");
  Allow({{}, {0, 7}, {*ParseAddressRange("192.168.0.0/16")}});
  EXPECT_EQ(ErrorOf(&client, StatusRequest()),
            "admin: status asked for from address 10.1.2.3, allowed the "
            "addresses of admin { addresses } in the broker's configuration: "
            "192.168.0.0/16");
  Allow({{}, {}, {*ParseAddressRange("10.0.0.0/8")}});
  EXPECT_EQ(ErrorOf(&client, StatusRequest()), "");
}

TEST_P(AdminTest, WhatTheConfigurationNamesHoldsForOpenSessions) {
  Client alice = OpenAsUid(1000), bob = OpenAsUid(1001);
  Allow({{{"alice", 1000}}, {1002}, {}});
  EXPECT_EQ(ErrorOf(&alice, StatusRequest()), "");
  EXPECT_EQ(ErrorOf(&bob, StatusRequest()),
            "admin: status asked for by uid 1001, allowed uid 0, the broker's "
            "own uid 7 and those of admin { users uids } in its configuration: "
            "alice (uid 1000), uid 1002");
  Allow({});
  EXPECT_NE(ErrorOf(&alice, StatusRequest()), "");
}

TEST_P(AdminTest, StatusCountsEachType) {
  Client client = Open();
  Send(client, Publish(7, "", "a") + Publish(7, "", "b") + Publish(9, "", "c"));
  const wire::Status status = Status(&client);
  ASSERT_EQ(status.types_size(), 2);
  EXPECT_EQ(status.types(0).type_id(), 7u);
  EXPECT_EQ(status.types(0).frames_in(), 2u);
  EXPECT_EQ(status.types(1).type_id(), 9u);
  EXPECT_EQ(status.types(1).frames_in(), 1u);
  EXPECT_EQ(status.sessions_max(), kSessionsMaxDefault);
  EXPECT_EQ(status.descriptors_left(), 1000u);
}

TEST_P(AdminTest, ReloadTellsWhatChangedOrWhatIsWrong) {
  Client client = Open();
  wire::AdminRequest request;
  request.mutable_reload();
  EXPECT_EQ(Ask(&client, request).reload().changed(0), "limits.sessions_max");
  reload_ = absl::InvalidArgumentError("f:1:1: wrong");
  EXPECT_EQ(ErrorOf(&client, request), "f:1:1: wrong");
}

TEST_P(AdminTest, WhoDrainsStaysUntilItHasBeenToldThatItIsOver) {
  Client asker = Open(), other = Open();
  Subscribe(&other, 1, 7);
  Send(asker, Publish(7, "", "queued"));
  broker_->FinishTurn(now_ms_);
  wire::Drain drain = Drain(&asker);
  EXPECT_EQ(drain.sessions(), 1u);
  EXPECT_GT(drain.queued_bytes(), 6u);
  EXPECT_FALSE(drain.over());
  const std::deque<Received> frames = Read(&other);
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[0].payload, "queued");
  EXPECT_EQ(frames[1].As<wire::Close>().code(), wire::CODE_GOING_AWAY);
  EXPECT_FALSE(Drain(&asker).over());
  broker_->Ended(other.session, "");
  drain = Drain(&asker);
  EXPECT_TRUE(drain.over());
  EXPECT_EQ(drain.sessions(), 0u);
  EXPECT_TRUE(asker.session->finished());
  broker_->Ended(asker.session, "");
  EXPECT_EQ(broker_->sessions(), 0u);
}

TEST_P(AdminTest, ADrainWhoseTimeHasPassedTellsWhatIsLeft) {
  Client asker = Open(), other = Open();
  Subscribe(&other, 1, 7);
  Send(asker, Publish(7, "", "queued"));
  EXPECT_FALSE(Drain(&asker).over());
  EXPECT_TRUE(broker_->DrainTimedOut());
  const wire::Drain drain = Drain(&asker);
  EXPECT_TRUE(drain.over());
  EXPECT_EQ(drain.sessions(), 1u);
  EXPECT_GT(drain.queued_bytes(), 6u);
  broker_->Ended(asker.session, "");
  EXPECT_FALSE(broker_->DrainTimedOut());
}

TEST_P(AdminTest, ATapSeesWhatItsFilterTakesFromItsFirstRequestOn) {
  Client tapping = Open("tap"), sender = Open("sender");
  Send(sender, Publish(7, "a.b", "before"));
  EXPECT_EQ(Ask(&tapping, TapRequest({7, 8}, {"a.*", "c"})).error(), "");
  Send(sender, Publish(7, "a.b", "one") + Publish(7, "a.b", "two") +
                   Publish(7, "b", "not") + Publish(9, "a.b", "not") +
                   Publish(8, "c", "three", 5));
  const wire::Tap tap =
      Ask(&tapping, TapRequest({7, 8}, {"a.*", "c"}, 4)).tap();
  ASSERT_EQ(tap.frames_size(), 3);
  EXPECT_EQ(tap.frames_missed(), 0u);
  EXPECT_FALSE(tap.more());
  EXPECT_EQ(tap.frames(0).topic(), "a.b");
  EXPECT_EQ(tap.frames(0).id(), 2u);
  EXPECT_EQ(tap.frames(0).payload(), "one");
  EXPECT_EQ(tap.frames(0).session_id(), sender.session->session_id);
  EXPECT_EQ(tap.frames(0).session_name(), "sender");
  EXPECT_EQ(tap.frames(1).payload(), "two");
  EXPECT_EQ(tap.frames(2).type_id(), 8u);
  EXPECT_EQ(tap.frames(2).payload(), "thre");
  EXPECT_EQ(tap.frames(2).payload_bytes(), 5u);
  EXPECT_EQ(Ask(&tapping, TapRequest({7, 8}, {"a.*", "c"})).tap().frames_size(),
            0);
  // It is nobody's subscriber.
  EXPECT_EQ(Status(&tapping).counters().frames_out(), 0u);
}

TEST_P(AdminTest, ATapSeesRequestsAndReplies) {
  Client tapping = Open(), asker = Open("asker"), responder = Open("responder");
  wire::Subscribe respond;
  respond.set_subscription_id(1);
  respond.set_type_id(7);
  respond.set_responder(true);
  SubscribeAs(&responder, respond);
  Ask(&tapping, TapRequest());
  Send(asker, Data(DataKind::kRequest, 7, "t", "?", 1));
  const uint64_t id = Read(&responder).at(0).header.id;
  Send(responder, Data(DataKind::kReply, 8, "", "!", id));
  const wire::Tap tap = Ask(&tapping, TapRequest()).tap();
  ASSERT_EQ(tap.frames_size(), 2);
  EXPECT_EQ(tap.frames(0).kind(), static_cast<uint32_t>(DataKind::kRequest));
  EXPECT_EQ(tap.frames(0).topic(), "t");
  EXPECT_EQ(tap.frames(0).session_name(), "asker");
  EXPECT_EQ(tap.frames(1).kind(), static_cast<uint32_t>(DataKind::kReply));
  EXPECT_EQ(tap.frames(1).payload(), "!");
  EXPECT_EQ(tap.frames(1).session_name(), "responder");
  EXPECT_EQ(Read(&asker).at(0).payload, "!");
}

TEST_P(AdminTest, ATapThatAsksTooLateIsToldExactlyWhatItMissed) {
  Client tapping = Open(), sender = Open();
  Ask(&tapping, TapRequest());
  const std::string payload(100'000, 'x');
  for (int i = 0; i < 200; ++i) Send(sender, Publish(7, "", payload));
  uint64_t missed = 0, seen = 0, last_id = 0;
  bool more = true;
  while (more) {
    const wire::Tap tap = Ask(&tapping, TapRequest()).tap();
    missed += tap.frames_missed();
    for (const wire::TappedFrame& frame : tap.frames()) {
      ++seen;
      EXPECT_TRUE(last_id == 0 || frame.id() == last_id + 1);
      last_id = frame.id();
    }
    more = tap.more();
  }
  EXPECT_GT(missed, 100u);
  EXPECT_EQ(missed + seen, 200u);
  EXPECT_EQ(last_id, 200u);
}

TEST_P(AdminTest, ATapGivesItsMemoryBackWhenItEnds) {
  Client sender = Open();
  const uint64_t before = Status(&sender).memory_bytes();
  {
    Client tapping = Open();
    Ask(&tapping, TapRequest());
    const std::string payload(100'000, 'x');
    for (int i = 0; i < 200; ++i) Send(sender, Publish(7, "", payload));
    const uint64_t tapped = Status(&sender).memory_bytes();
    EXPECT_GT(tapped, before + kTapBytesMax / 2);
    EXPECT_LT(tapped, before + kTapBytesMax + (1 << 20));
    broker_->Ended(tapping.session, "");
  }
  EXPECT_LT(Status(&sender).memory_bytes(), before + (1 << 20));
}

TEST_P(AdminTest, ATapThatAsksForSomethingElseBeginsAnew) {
  Client tapping = Open(), sender = Open();
  Ask(&tapping, TapRequest());
  Send(sender, Publish(7, "", "lost"));
  EXPECT_EQ(Ask(&tapping, TapRequest({7})).tap().frames_size(), 0);
  Send(sender, Publish(7, "", "seen"));
  EXPECT_EQ(Ask(&tapping, TapRequest({7})).tap().frames_size(), 1);
}

TEST_P(AdminTest, ATapIsRefusedForWhatItCannotBe) {
  Client client = Open();
  EXPECT_EQ(ErrorOf(&client, TapRequest({0})),
            "tap: type 0, allowed 1 to 65535");
  EXPECT_EQ(ErrorOf(&client, TapRequest({65536})),
            "tap: type 65536, allowed 1 to 65535");
  EXPECT_EQ(ErrorOf(&client, TapRequest({}, {""})),
            "tap: an empty topic filter, allowed none");
  EXPECT_NE(ErrorOf(&client, TapRequest({}, {"a..b"})), "");
  EXPECT_EQ(ErrorOf(&client, TapRequest(std::vector<uint32_t>(65, 7))),
            "tap: 65 types and 0 topic filters, allowed 64 of each");
  std::vector<Client> taps;
  for (size_t i = 0; i < kTapsMax; ++i) {
    taps.push_back(Open());
    EXPECT_EQ(ErrorOf(&taps.back(), TapRequest()), "");
  }
  EXPECT_EQ(ErrorOf(&client, TapRequest()),
            "tap: 16 sessions have one, allowed 16");
}

}  // namespace
}  // namespace mycelium::broker
