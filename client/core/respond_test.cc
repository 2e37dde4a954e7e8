// Responders of a socket client: what is on the wire, and that each request is
// answered once, on the connection that it came from.

#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "client/core/client.h"
#include "client/core/request_fixture.h"
#include "config/limits.h"
#include "gtest/gtest.h"
#include "proto/mycelium/control.pb.h"

namespace mycelium::core {
namespace {

class RespondTest : public RequestTest {};

TEST_F(RespondTest, ResponderGetsTheRequestAndItsReplyGoesBack) {
  uint32_t id = 0;
  const auto responder = Respond(
      [&](const Message& request, std::unique_ptr<Respondent> respondent) {
        EXPECT_EQ(request.kind, DataKind::kRequest);
        EXPECT_EQ(request.topic, "a.b");
        EXPECT_EQ(request.sequence, 0u);
        EXPECT_FALSE(respondent->cancelled());
        const std::string reply = Text(request) + "!";
        EXPECT_TRUE(respondent->Reply(8, AsBytes(reply)).ok());
        EXPECT_EQ(respondent->Reply(8, {}).code,
                  StatusCode::kFailedPrecondition);
      },
      &id);
  broker_->Send(Question(id));
  const WireFrame reply = broker_->Read();
  EXPECT_EQ(reply.header.kind, kReply);
  EXPECT_EQ(reply.header.type_id, 8);
  EXPECT_EQ(reply.header.id, kAsked);
  EXPECT_EQ(reply.payload, "question!");
  EXPECT_EQ(broker_->UnreadBytes(), 0u);
}

TEST_F(RespondTest, SubscribeOfAResponderSaysSo) {
  std::thread answering([&] {
    const WireFrame frame = broker_->ReadControl(ControlKind::kSubscribe);
    wire::Subscribe subscribe;
    EXPECT_TRUE(subscribe.ParseFromString(frame.payload));
    EXPECT_TRUE(subscribe.responder());
    wire::Subscribed subscribed;
    subscribed.set_subscription_id(subscribe.subscription_id());
    subscribed.set_code(wire::CODE_INVALID_ARGUMENT);
    subscribed.set_reason("no");
    broker_->Send(ControlFrame(ControlKind::kSubscribed,
                               subscribed.SerializeAsString(),
                               frame.header.id));
  });
  std::shared_ptr<Subscription> none;
  EXPECT_EQ(client_
                ->Respond(
                    {.type_id = 7}, [](auto&, auto) {}, &none)
                .message,
            "subscribe: no (CODE_INVALID_ARGUMENT)");
  answering.join();
}

TEST_F(RespondTest, RespondersThatCannotBe) {
  std::shared_ptr<Subscription> none;
  const RequestHandler handler = [](auto&, auto) {};
  const auto words = [&](const SubscribeOptions& options,
                         const RequestHandler& on_request) {
    const Status status = client_->Respond(options, on_request, &none);
    EXPECT_EQ(status.code, StatusCode::kInvalidArgument);
    return status.message;
  };
  EXPECT_EQ(words({.type_id = 7}, nullptr),
            "respond: no callback, allowed with one");
  EXPECT_EQ(words({.type_id = 7, .group = "g"}, handler),
            "respond: a responder with a group, allowed one of them");
  EXPECT_EQ(words({.type_id = 7, .start = Start::Last(1)}, handler),
            "respond: a responder with start, allowed without one");
}

TEST_F(RespondTest, UnansweredRequestFailsAsInternal) {
  uint32_t id = 0;
  const auto responder =
      Respond([](const Message&, std::unique_ptr<Respondent>) {}, &id);
  broker_->Send(Question(id));
  const WireFrame reply = broker_->Read();
  EXPECT_EQ(reply.header.id, kAsked);
  EXPECT_EQ(reply.header.type_id, 7);
  EXPECT_EQ(Error(reply).status(), 13u);
  EXPECT_EQ(Error(reply).message(), "respond: the responder gave no answer");
  EXPECT_FALSE(Error(reply).from_broker());
}

TEST_F(RespondTest, AnswerMayComeLaterFromAnotherThread) {
  uint32_t id = 0;
  std::shared_ptr<Subscription> responder;
  const std::unique_ptr<Respondent> respondent = AnswerLater(&responder, &id);
  EXPECT_EQ(respondent->Fail({}).code, StatusCode::kInvalidArgument);
  EXPECT_EQ(respondent->Reply(0, {}).code, StatusCode::kInvalidArgument);
  const std::string large(kFrameBytesMaxDefault + 1, 'x');
  EXPECT_EQ(respondent->Reply(8, AsBytes(large)).message,
            "reply: body_bytes 1048577, frame_bytes_max 1048576");
  EXPECT_TRUE(respondent->Fail({StatusCode::kNotFound, "no such"}).ok());
  const WireFrame reply = broker_->Read();
  EXPECT_EQ(Error(reply).status(), 5u);
  EXPECT_EQ(Error(reply).message(), "no such");
}

TEST_F(RespondTest, WordsThatTheWireCannotHaveAreReplaced) {
  uint32_t id = 0;
  const std::string long_words = std::string(4095, 'x') + "\u00e4 and more";
  const auto responder = Respond(
      [&](const Message& request, std::unique_ptr<Respondent> respondent) {
        const bool first = request.payload.size() == 1;
        EXPECT_TRUE(respondent
                        ->Fail(first
                                   ? Status{StatusCode(99), "\xff"}
                                   : Status{StatusCode::kInternal, long_words})
                        .ok());
      },
      &id);
  broker_->Send(AddresseeFrame(id) + FrameOfKind(kRequest, 7, {}, "1", 1) +
                FrameOfKind(kRequest, 7, {}, "22", 2));
  const WireFrame first = broker_->Read();
  EXPECT_EQ(Error(first).status(), 2u);
  EXPECT_EQ(Error(first).message(),
            "respond: an error of 1 bytes that are not UTF-8");
  EXPECT_EQ(Error(broker_->Read()).message(), std::string(4095, 'x'));
}

TEST_F(RespondTest, CancelledRequestSaysSoAndIsAnsweredAllTheSame) {
  uint32_t id = 0;
  std::shared_ptr<Subscription> responder;
  const std::unique_ptr<Respondent> respondent = AnswerLater(&responder, &id);
  broker_->Send(ControlFrame(ControlKind::kCancel, {}, kAsked + 1) +
                ControlFrame(ControlKind::kCancel, {}, kAsked));
  EXPECT_TRUE(Eventually([&] { return respondent->cancelled(); }));
  EXPECT_TRUE(respondent->Reply(8, {}).ok());
  EXPECT_EQ(broker_->Read().header.kind, kReply);
}

TEST_F(RespondTest, RequestCancelledInTheQueueIsNotGivenToTheResponder) {
  uint32_t id = 0;
  std::promise<void> go;
  Log log;
  const auto responder = Respond(
      [&, going = go.get_future().share()](
          const Message& request, std::unique_ptr<Respondent> respondent) {
        going.wait();
        log.Add(Text(request));
        EXPECT_TRUE(respondent->Reply(8, {}).ok());
      },
      &id, {.type_id = 7, .delivery = Delivery::kQueued});
  broker_->Send(AddresseeFrame(id) + FrameOfKind(kRequest, 7, {}, "1", 1) +
                FrameOfKind(kRequest, 7, {}, "2", 2) +
                FrameOfKind(kRequest, 7, {}, "3", 3) +
                ControlFrame(ControlKind::kCancel, {}, 2) +
                ControlFrame(ControlKind::kPing, {}, 1));
  broker_->ReadControl(ControlKind::kPong);
  go.set_value();
  EXPECT_EQ(log.Lines(2), (Lines{"1", "3"}));
  EXPECT_EQ(broker_->Read().header.id, 1u);
  const WireFrame two = broker_->Read();
  EXPECT_EQ(two.header.id, 2u);
  EXPECT_EQ(Error(two).status(), 1u);
  EXPECT_EQ(broker_->Read().header.id, 3u);
}

TEST_F(RespondTest, AnswerAfterTheConnectionIsLost) {
  uint32_t id = 0;
  std::shared_ptr<Subscription> responder;
  std::unique_ptr<Respondent> respondent = AnswerLater(&responder, &id);
  broker_->Hangup();
  EXPECT_TRUE(Eventually([&] { return respondent->cancelled(); }));
  client_ = nullptr;
  EXPECT_EQ(respondent->Reply(8, {}).code, StatusCode::kUnavailable);
  respondent = nullptr;
}

TEST_F(RespondTest, UnsubscribedResponderAnswersNoMore) {
  uint32_t id = 0;
  std::shared_ptr<Subscription> responder;
  std::unique_ptr<Respondent> respondent = AnswerLater(&responder, &id);
  responder->Unsubscribe();
  EXPECT_TRUE(respondent->cancelled());
  EXPECT_EQ(respondent->Reply(8, {}).code, StatusCode::kUnavailable);
  EXPECT_TRUE(broker_->Read().Is(ControlKind::kUnsubscribe));
  EXPECT_EQ(broker_->UnreadBytes(), 0u);
}

TEST_F(RespondTest, ResponderGetsNoPublishAndASubscriptionNoRequest) {
  uint32_t responder_id = 0, id = 0;
  Log log;
  const auto responder = Respond(
      [&](const Message& request, std::unique_ptr<Respondent>) {
        log.Add("request " + Text(request));
      },
      &responder_id);
  const auto subscription = Subscribe(
      {.type_id = 7},
      {.on_message = [&](const Message& m) { log.Add("publish " + Text(m)); }},
      &id);
  broker_->Send(FrameOfKind(kRequest, 7, {}, "to nobody", 1) +
                AddresseeFrame(id) + FrameOfKind(kRequest, 7, {}, "wrong", 2) +
                AddresseeFrame(responder_id) + DataFrame(7, {}, "wrong", 1) +
                FrameOfKind(kRequest, 7, {}, "right", 3) + AddresseeFrame(0) +
                DataFrame(7, {}, "right", 2));
  EXPECT_EQ(log.Lines(2), (Lines{"request right", "publish right"}));
}

TEST_F(RespondTest, ClientMayAskItself) {
  uint32_t id = 0;
  const auto responder = Respond(
      [](const Message& request, std::unique_ptr<Respondent> respondent) {
        EXPECT_TRUE(respondent->Reply(8, request.payload).ok());
      },
      &id);
  std::thread relaying([&] {
    const WireFrame asked = broker_->Read();
    const uint64_t forwarded = uint64_t{12} << 32 | asked.header.id;
    broker_->Send(Question(id, forwarded));
    const WireFrame reply = broker_->Read();
    EXPECT_EQ(reply.header.id, forwarded);
    broker_->Send(ReplyFrame(asked.header.id, reply.payload));
  });
  Log log;
  EXPECT_TRUE(
      client_
          ->Request(7, AsBytes("question"), {.wait = true}, Note(&log), nullptr)
          .ok());
  EXPECT_EQ(log.Lines(1), Lines{"0 question"});
  relaying.join();
}

// --- On another connection --------------------------------------------------

TEST_F(RespondTest, AnswerToARequestOfALostConnectionIsNotSentOnTheNextOne) {
  uint32_t id = 0;
  Log log;
  std::shared_ptr<Subscription> responder;
  const std::unique_ptr<Respondent> respondent = AnswerLater(&responder, &id);
  broker_->Greet({.resumed = true});
  EXPECT_EQ(broker_->AnswerSubscribe(), id);
  EXPECT_TRUE(respondent->cancelled());
  EXPECT_EQ(respondent->Reply(8, {}).code, StatusCode::kUnavailable);
  broker_->Send(ControlFrame(ControlKind::kPing, {}, 1));
  EXPECT_TRUE(broker_->Read().Is(ControlKind::kPong));
}

TEST_F(RespondTest, RequestKeptDuringACallbackIsForgottenWithItsConnection) {
  uint32_t id = 0;
  Log log;
  const auto responder = Respond(
      [&](const Message& request, std::unique_ptr<Respondent> respondent) {
        log.Add(Text(request));
        EXPECT_TRUE(respondent->Reply(8, {}).ok());
      },
      &id);
  const auto subscription =
      Subscribe({.type_id = 3}, {.on_message = [&](const Message&) {
                  EXPECT_TRUE(client_->Flush(Late()).ok());
                }});
  broker_->Send(DataFrame(3, {}, "x", 1) + AddresseeFrame(id) +
                FrameOfKind(kRequest, 7, {}, "old", 1));
  broker_->ReadControl(ControlKind::kFlush);
  broker_->Greet({.resumed = true});
  broker_->AnswerFlush();
  broker_->AnswerSubscribe();
  broker_->AnswerSubscribe();
  broker_->Send(AddresseeFrame(id) + FrameOfKind(kRequest, 7, {}, "new", 2));
  const WireFrame reply = broker_->Read();
  EXPECT_EQ(reply.header.kind, kReply);
  EXPECT_EQ(reply.header.id, 2u);
  EXPECT_EQ(log.Lines(1), Lines{"new"});
}

}  // namespace
}  // namespace mycelium::core
