// Requests: from who asks to who answers and back, and every way to end.
#include <map>
#include <string>

#include "broker/broker_fixture.h"
#include "config/limits.h"
#include "gtest/gtest.h"
#include "proto/frame.h"
#include "proto/mycelium/control.pb.h"

namespace mycelium::broker {

// Has no tests here.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(BrokerTest);

namespace {

class RequestsTest : public BrokerTest {
 protected:
  void Respond(Client* client, uint32_t id, uint16_t type_id,
               const std::string& filter = {}, uint64_t queue_bytes_max = 0) {
    wire::Subscribe request;
    request.set_subscription_id(id);
    request.set_type_id(type_id);
    request.set_topic_filter(filter);
    request.set_responder(true);
    request.mutable_policy()->set_queue_bytes_max(queue_bytes_max);
    EXPECT_EQ(SubscribeAs(client, request).code(), wire::CODE_OK);
  }
  void Ask(const Client& client, uint64_t id, uint16_t type_id = 7,
           std::string_view topic = {}, std::string_view payload = "?") {
    Send(client, Data(DataKind::kRequest, type_id, topic, payload, id));
  }
  void Reply(const Client& client, uint64_t id, uint16_t type_id = 8,
             std::string_view payload = "!") {
    Send(client, Data(DataKind::kReply, type_id, {}, payload, id));
  }
  static uint64_t Full(const Client& client, uint32_t number) {
    return uint64_t{client.session->session_id} << 32 | number;
  }
  static bool IsData(const Received& frame, DataKind kind) {
    return frame.header.type_id != 0 &&
           frame.header.kind == static_cast<uint8_t>(kind);
  }
  // The broker's own answer, the next thing that the client reads.
  void ExpectError(Client* client, uint32_t number, uint32_t status,
                   const std::string& message) {
    const std::deque<Received> frames = Read(client);
    ASSERT_EQ(frames.size(), 1u);
    EXPECT_TRUE(IsData(frames[0], DataKind::kErrorReply));
    EXPECT_EQ(frames[0].header.type_id, 7u);
    EXPECT_EQ(frames[0].header.id, number);
    const auto error = frames[0].As<wire::RequestError>();
    EXPECT_EQ(error.status(), status);
    EXPECT_EQ(error.message(), message);
    EXPECT_TRUE(error.from_broker());
  }
  wire::Counters Counters() {
    Client client = Open();
    const wire::Counters counters = Status(&client).counters();
    broker_->Ended(client.session, "");
    return counters;
  }
};

INSTANTIATE_TEST_SUITE_P(Input, RequestsTest, testing::Bool(),
                         [](const auto& info) {
                           return info.param ? "OneByteAtATime" : "InOnePiece";
                         });

TEST_P(RequestsTest, AReplyComesHomeWithTheRequestersNumber) {
  Client asking = Open(), answering = Open();
  Respond(&answering, 4, 7);
  Ask(asking, 5, 7, "a.b", "question");
  Received request = Read(&answering).at(0);
  EXPECT_TRUE(IsData(request, DataKind::kRequest));
  EXPECT_EQ(request.header.id, Full(asking, 5));
  EXPECT_EQ(request.addressee, 4u);
  EXPECT_EQ(request.topic, "a.b");
  EXPECT_EQ(request.payload, "question");
  Reply(answering, request.header.id, 8, "answer");
  const Received reply = Read(&asking).at(0);
  EXPECT_TRUE(IsData(reply, DataKind::kReply));
  EXPECT_EQ(reply.header.id, 5u);
  EXPECT_EQ(reply.header.type_id, 8u);
  EXPECT_EQ(reply.payload, "answer");
  EXPECT_EQ(reply.addressee, 0u);
  Ask(asking, 5);  // the number is free again
  EXPECT_EQ(Read(&answering).size(), 1u);
  EXPECT_EQ(Counters().requests(), 2u);
}

TEST_P(RequestsTest, AResponderMayAnswerWithAnError) {
  Client asking = Open(), answering = Open();
  Respond(&answering, 1, 7);
  Ask(asking, 5);
  Read(&answering);
  wire::RequestError error;
  error.set_status(3);
  error.set_message("what?");
  Send(answering, Data(DataKind::kErrorReply, 7, {}, error.SerializeAsString(),
                       Full(asking, 5)));
  const Received reply = Read(&asking).at(0);
  EXPECT_TRUE(IsData(reply, DataKind::kErrorReply));
  EXPECT_EQ(reply.header.id, 5u);
  EXPECT_EQ(reply.As<wire::RequestError>().message(), "what?");
}

TEST_P(RequestsTest, AClientMayAskItself) {
  Client client = Open();
  Respond(&client, 1, 7);
  Ask(client, 5);
  EXPECT_TRUE(IsData(Read(&client).at(0), DataKind::kRequest));
  Reply(client, Full(client, 5));
  EXPECT_TRUE(IsData(Read(&client).at(0), DataKind::kReply));
  Ask(client, 6);
  Ask(client, 7);
  broker_->Ended(client.session, "");
}

TEST_P(RequestsTest, RespondersGetNoPublishesAndSubscribersNoRequests) {
  Client asking = Open(), answering = Open(), subscriber = Open();
  Respond(&answering, 1, 7);
  Subscribe(&subscriber, 1, 7);
  Send(asking, Publish(7, "", "x"));
  Ask(asking, 1);
  EXPECT_TRUE(IsData(Read(&answering).at(0), DataKind::kRequest));
  const std::deque<Received> frames = Read(&subscriber);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_TRUE(IsData(frames[0], DataKind::kPublish));
}

TEST_P(RequestsTest, FiltersAndTypesChooseTheResponder) {
  Client asking = Open(), a = Open(), all = Open();
  Respond(&a, 1, 7, "a.*");
  Ask(asking, 1, 7, "b.c");
  ExpectError(&asking, 1, 5, "request: nobody answers type 7 topic b.c");
  Ask(asking, 2, 7);
  ExpectError(&asking, 2, 5, "request: nobody answers type 7");
  Respond(&all, 1, 0);
  Ask(asking, 3, 7, "b.c");
  EXPECT_EQ(Read(&all).size(), 1u);
  Ask(asking, 4, 7, "a.b");
  EXPECT_EQ(Read(&a).size(), 1u);
  EXPECT_EQ(Counters().requests_unanswered(), 2u);
}

TEST_P(RequestsTest, TheResponderWithTheFewestRequestsIsAsked) {
  Client asking = Open(), a = Open(), b = Open();
  Respond(&a, 1, 7);
  Respond(&b, 1, 7);
  for (uint32_t i = 1; i <= 4; ++i) Ask(asking, i);
  const std::deque<Received> of_a = Read(&a);
  ASSERT_EQ(of_a.size(), 2u);
  EXPECT_EQ(Read(&b).size(), 2u);
  Reply(a, of_a[0].header.id);
  Reply(a, of_a[1].header.id);
  Ask(asking, 5);
  Ask(asking, 6);
  EXPECT_EQ(Read(&a).size(), 2u);
  EXPECT_TRUE(Read(&b).empty());
}

TEST_P(RequestsTest, RespondersWithNothingToDoAreAskedInTurn) {
  Client asking = Open(), a = Open(), b = Open();
  Respond(&a, 1, 7);
  Respond(&b, 1, 7);
  for (uint32_t i = 1; i <= 4; ++i) {
    Ask(asking, i);
    Client& asked = a.session->requests_asked.empty() ? b : a;
    EXPECT_EQ(asked.session == a.session, i % 2 == 0);
    Reply(asked, Full(asking, i));
  }
}

TEST_P(RequestsTest, RespondersWithFullQueuesAreNotAsked) {
  Client asking = Open(), a = Open(), b = Open();
  Respond(&a, 1, 7, "", kQueueBytesMin);
  Respond(&b, 1, 7, "", kQueueBytesMin);
  const std::string large(3000, 'x');
  Ask(asking, 1, 7, "", large);
  Ask(asking, 2, 7, "", large);
  Ask(asking, 3, 7, "", large);
  ExpectError(&asking, 3, 8, "request: all 2 responders of type 7 are full");
  EXPECT_EQ(Read(&a).size(), 1u);
  Ask(asking, 4, 7, "", large);
  EXPECT_EQ(Read(&a).size(), 1u);
  EXPECT_EQ(Read(&b).size(), 1u);
}

TEST_P(RequestsTest, ASessionHasOnlySoManyRequestsOpen) {
  BrokerLimits limits;
  limits.requests_per_session_max = 2;
  Restart(limits);
  Client asking = Open(), other = Open(), answering = Open();
  Respond(&answering, 1, 7);
  for (uint32_t i = 1; i <= 3; ++i) Ask(asking, i);
  ExpectError(&asking, 3, 8, "request: 2 are open, allowed 2");
  Ask(other, 1);  // nor has a responder
  ExpectError(&other, 1, 8, "request: all 1 responders of type 7 are full");
  Reply(answering, Full(asking, 1));
  EXPECT_EQ(Read(&asking).size(), 1u);
  Ask(other, 1);
  EXPECT_EQ(Read(&answering).size(), 3u);
}

TEST_P(RequestsTest, HoldDoesNotHoldRequestsBack) {
  Client asking = Open(), slow = Open(), answering = Open();
  Subscribe(&slow, 1, 7, "", kQueueBytesMin, -1);
  Respond(&answering, 1, 7);
  for (int i = 0; i < 60; ++i) {
    Send(asking, Publish(7, "", std::string(84, 'x')));
  }
  EXPECT_TRUE(Read(&asking).at(0).Is(ControlKind::kHold));
  Ask(asking, 1);
  EXPECT_EQ(Read(&answering).size(), 1u);
}

// --- Endings ----------------------------------------------------------------

TEST_P(RequestsTest, WhoAskedALostResponderIsTold) {
  Client asking = Open(), answering = Open("solver");
  Respond(&answering, 1, 7);
  Ask(asking, 5);
  Read(&answering);
  Ask(asking, 6);  // still in its queue
  const std::string lost = "request: session " +
                           std::to_string(answering.session->session_id) +
                           " (solver) was lost before it answered";
  broker_->Ended(answering.session, "connection reset by peer");
  std::map<uint64_t, std::string> told;
  for (const Received& frame : Read(&asking)) {
    const auto error = frame.As<wire::RequestError>();
    EXPECT_EQ(error.status(), 14u);
    told[frame.header.id] = error.message();
  }
  EXPECT_EQ(told, (std::map<uint64_t, std::string>{{5, lost}, {6, lost}}));
  EXPECT_EQ(Counters().requests_unanswered(), 2u);
}

TEST_P(RequestsTest, AResponderThatHasUnsubscribedMayStillAnswerInVain) {
  Client asking = Open(), answering = Open("solver");
  Respond(&answering, 1, 7);
  Ask(asking, 5);
  EXPECT_EQ(Read(&answering).size(), 1u);
  Ask(asking, 6);  // goes with the subscription
  wire::Unsubscribe request;
  request.set_subscription_id(1);
  SendControl(answering, ControlKind::kUnsubscribe, 2,
              request.SerializeAsString());
  EXPECT_EQ(Read(&asking).size(), 2u);
  const std::deque<Received> frames = Read(&answering);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_TRUE(frames[0].Is(ControlKind::kUnsubscribed));
  Reply(answering, Full(asking, 5));
  EXPECT_TRUE(Read(&asking).empty());
  EXPECT_EQ(Counters().replies_late(), 1u);
  Reply(answering, Full(asking, 6));  // which it was never asked
  EXPECT_EQ(ReadClose(&answering).code(), wire::CODE_PROTOCOL);
  Ask(asking, 7);
  ExpectError(&asking, 7, 5, "request: nobody answers type 7");
}

TEST_P(RequestsTest, ACancelledRequestIsNotAnsweredAndTheResponderIsTold) {
  Client asking = Open(), answering = Open();
  Respond(&answering, 1, 7);
  Ask(asking, 5);
  Read(&answering);
  SendControl(asking, ControlKind::kCancel, 5);
  SendControl(asking, ControlKind::kCancel, 5);
  SendControl(asking, ControlKind::kCancel, 77);
  SendControl(asking, ControlKind::kCancel, Full(asking, 5));
  const std::deque<Received> frames = Read(&answering);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_TRUE(frames[0].Is(ControlKind::kCancel));
  EXPECT_EQ(frames[0].header.id, Full(asking, 5));
  Reply(answering, Full(asking, 5));
  EXPECT_TRUE(Read(&asking).empty());
  EXPECT_EQ(Counters().replies_late(), 1u);
  EXPECT_EQ(answering.session->state(), SessionState::kOpen);
}

TEST_P(RequestsTest, CancelComesBehindItsRequest) {
  Client asking = Open(), answering = Open();
  Respond(&answering, 1, 7);
  Ask(asking, 5);
  SendControl(asking, ControlKind::kCancel, 5);
  const std::deque<Received> frames = Read(&answering);
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_TRUE(IsData(frames[0], DataKind::kRequest));
  EXPECT_TRUE(frames[1].Is(ControlKind::kCancel));
}

TEST_P(RequestsTest, CancelAfterTheAnswerIsPassedOver) {
  Client asking = Open(), answering = Open();
  Respond(&answering, 1, 7);
  Ask(asking, 5);
  Read(&answering);
  Reply(answering, Full(asking, 5));
  SendControl(asking, ControlKind::kCancel, 5);
  EXPECT_TRUE(Read(&answering).empty());
  EXPECT_EQ(Read(&asking).size(), 1u);
}

TEST_P(RequestsTest, TheRequestsOfALostSessionAreCancelled) {
  Client asking = Open(), answering = Open();
  Respond(&answering, 1, 7);
  Ask(asking, 5);
  Read(&answering);
  const uint64_t id = Full(asking, 5);
  broker_->Ended(asking.session, "");
  const Received cancel = Read(&answering).at(0);
  EXPECT_TRUE(cancel.Is(ControlKind::kCancel));
  EXPECT_EQ(cancel.header.id, id);
  Reply(answering, id);
  EXPECT_EQ(answering.session->state(), SessionState::kOpen);
  EXPECT_EQ(Counters().replies_late(), 1u);
}

TEST_P(RequestsTest, SessionsThatAskEachOtherMayEndInAnyOrder) {
  for (const bool first : {false, true}) {
    Client a = Open(), b = Open();
    Respond(&a, 1, 7, "a");
    Respond(&b, 1, 7, "b");
    Ask(a, 1, 7, "b");
    Ask(b, 1, 7, "a");
    Ask(b, 2, 7, "b");
    Read(&a);
    broker_->Ended(first ? a.session : b.session, "");
    Client& left = first ? b : a;
    size_t errors = 0;
    for (const Received& frame : Read(&left)) {
      errors += IsData(frame, DataKind::kErrorReply);
    }
    EXPECT_EQ(errors, 1u);
    broker_->Ended(left.session, "");
  }
}

// --- What must not be -------------------------------------------------------

TEST_P(RequestsTest, ForgedAndSecondRepliesEndTheSession) {
  Client asking = Open(), answering = Open(), thief = Open();
  Respond(&answering, 1, 7);
  Respond(&thief, 1, 9);
  Ask(asking, 5);
  Ask(asking, 6);
  Read(&answering);
  const std::string of = " of session " +
                         std::to_string(asking.session->session_id) +
                         " was not asked of this session";
  Reply(thief, Full(asking, 5));
  wire::Close close = ReadClose(&thief);
  EXPECT_EQ(close.code(), wire::CODE_PROTOCOL);
  EXPECT_EQ(close.reason(), "reply: request 5" + of);
  Reply(answering, Full(asking, 5));
  EXPECT_EQ(Read(&asking).size(), 1u);
  Reply(answering, Full(asking, 5));
  EXPECT_EQ(ReadClose(&answering).reason(), "reply: request 5" + of);
  ASSERT_EQ(Read(&asking).size(), 1u);  // the sixth was lost with it
}

TEST_P(RequestsTest, NumbersThatCannotBeEndTheSession) {
  Client answering = Open();
  Respond(&answering, 1, 7);
  for (const uint64_t id : {uint64_t{0}, uint64_t{1} << 32 | 5, uint64_t{5}}) {
    Client asking = Open();
    if (id == 5) Ask(asking, 5);
    Ask(asking, id);
    const wire::Close close = ReadClose(&asking);
    EXPECT_EQ(close.code(), wire::CODE_PROTOCOL);
    EXPECT_EQ(close.reason(),
              "request: id " + std::to_string(id) +
                  (id == 5 ? " is open already, allowed a new one"
                           : ", allowed 1 to 4294967295"));
  }
}

TEST_P(RequestsTest, WhoReadsNoAnswersIsClosed) {
  if (GetParam()) GTEST_SKIP() << "18 MB byte by byte take too long";
  BrokerLimits limits;
  limits.frame_bytes_max = 2 << 20;
  Restart(limits);
  Client asking = Open(), answering = Open();
  Respond(&answering, 1, 7);
  const std::string large(2'000'000, 'x');
  for (uint32_t i = 1; i <= 9; ++i) {
    Ask(asking, i);
    Read(&answering);
    Reply(answering, Full(asking, i), 8, large);
  }
  const wire::Close close = ReadClose(&asking);
  EXPECT_EQ(close.code(), wire::CODE_SLOW_CONSUMER);
  EXPECT_EQ(close.reason(),
            "session: 18000144 bytes of replies not read, allowed 16777216");
  EXPECT_EQ(answering.session->state(), SessionState::kOpen);
}

TEST_P(RequestsTest, StatusTellsWhatIsOpenAndWhatIsAsked) {
  Client asking = Open(), answering = Open();
  Respond(&answering, 1, 7);
  Ask(asking, 5);
  Ask(asking, 6);
  const wire::Status status = Status(&asking);
  EXPECT_EQ(status.sessions(0).requests_open(), 2u);
  EXPECT_EQ(status.sessions(1).requests_asked(), 2u);
  EXPECT_TRUE(status.sessions(1).subscriptions(0).responder());
}

}  // namespace
}  // namespace mycelium::broker
