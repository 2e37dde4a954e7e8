// Typed requests and responders, groups and acknowledged publishes, with a
// broker by hand.
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "client/core/fake_broker.h"
#include "client/cpp/mycelium.h"
#include "gtest/gtest.h"
#include "mycelium_protocol.mycelium.h"
#include "proto/frame.h"
#include "proto/mycelium/control.pb.h"
#include "wide.mycelium.h"

namespace mycelium {
namespace {

using chat::Answer;
using chat::Question;
using core::FakeBroker;
using core::WireFrame;

constexpr auto kRequest = static_cast<uint8_t>(DataKind::kRequest);
constexpr auto kReply = static_cast<uint8_t>(DataKind::kReply);
constexpr auto kErrorReply = static_cast<uint8_t>(DataKind::kErrorReply);
constexpr uint16_t kQuestionType = 2;
constexpr uint16_t kAnswerType = 3;
constexpr uint64_t kAsked = uint64_t{9} << 32 | 5;

Question Ask(const std::string& text) {
  Question question;
  question.set_text(text);
  return question;
}

Answer Say(const std::string& text) {
  Answer answer;
  answer.set_text(text);
  return answer;
}

std::string TextOf(const std::string& payload) {
  Answer answer;
  EXPECT_TRUE(answer.ParseFromString(payload));
  return answer.text();
}

wire::RequestError ErrorOf(const WireFrame& frame) {
  wire::RequestError error;
  EXPECT_EQ(frame.header.kind, kErrorReply);
  EXPECT_TRUE(error.ParseFromString(frame.payload));
  return error;
}

class TypedRequestTest : public testing::Test {
 protected:
  TypedRequestTest() : client_(Connected(&broker_)) {}
  ~TypedRequestTest() override { broker_.Hangup(); }

  static Client Connected(FakeBroker* broker) {
    std::thread greeting([broker] { broker->Greet(); });
    absl::StatusOr<Client> client =
        Client::Connect(broker->url(), {.schema = SchemaOf<Question>()});
    greeting.join();
    EXPECT_TRUE(client.ok()) << client.status();
    return *std::move(client);
  }

  // Runs `call` while the broker does `meanwhile`.
  template <typename Result>
  Result While(const std::function<void()>& meanwhile,
               const std::function<Result()>& call) {
    std::thread thread(meanwhile);
    Result result = call();
    thread.join();
    return result;
  }

  // A request to which the broker says this.
  absl::StatusOr<Answer> AskFor(uint8_t kind, uint16_t type_id,
                                const std::string& payload) {
    return While<absl::StatusOr<Answer>>(
        [&] {
          broker_.Send(core::FrameOfKind(kind, type_id, {}, payload,
                                         broker_.Read().header.id));
        },
        [&] { return client_.Request<Answer>(Ask("why?")); });
  }

  // What `respond` subscribes; the broker has then asked "why?" on a.b.
  Subscription Asked(
      const std::function<absl::StatusOr<Subscription>()>& respond,
      const std::string& payload = Ask("why?").SerializeAsString()) {
    uint32_t id = 0;
    absl::StatusOr<Subscription> responder =
        While<absl::StatusOr<Subscription>>(
            [&] { id = broker_.AnswerSubscribe(); }, respond);
    EXPECT_TRUE(responder.ok()) << responder.status();
    broker_.Send(
        core::AddresseeFrame(id) +
        core::FrameOfKind(kRequest, kQuestionType, "a.b", payload, kAsked));
    return *std::move(responder);
  }

  FakeBroker broker_;
  Client client_;
};

TEST_F(TypedRequestTest, RequestBringsTheReply) {
  const absl::StatusOr<Answer> answer = While<absl::StatusOr<Answer>>(
      [&] {
        const WireFrame asked = broker_.Read();
        EXPECT_EQ(asked.header.kind, kRequest);
        EXPECT_EQ(asked.header.type_id, kQuestionType);
        EXPECT_EQ(asked.topic, "a.b");
        EXPECT_EQ(TextOf(asked.payload), "why?");
        broker_.Send(core::FrameOfKind(kReply, kAnswerType, {},
                                       Say("so").SerializeAsString(),
                                       asked.header.id));
      },
      [&] {
        return client_.Request<Answer>(
            Ask("why?"), {.topic = "a.b", .timeout = absl::Seconds(20)});
      });
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->text(), "so");
}

TEST_F(TypedRequestTest, ReplyThatIsNoneIsNamed) {
  EXPECT_EQ(AskFor(kReply, 1, {}).status(),
            absl::InvalidArgumentError(
                "request: a reply of type 1, asked for chat.Answer (type 3)"));
  EXPECT_EQ(AskFor(kReply, kAnswerType, "\xff\xff").status(),
            absl::DataLossError("request: a reply of 2 bytes that are not a "
                                "chat.Answer (type 3)"));
}

TEST_F(TypedRequestTest, ErrorIsTheRespondersStatus) {
  wire::RequestError error;
  error.set_status(5);
  error.set_message("request: nobody answers type 2");
  EXPECT_EQ(
      AskFor(kErrorReply, kQuestionType, error.SerializeAsString()).status(),
      absl::NotFoundError("request: nobody answers type 2"));
}

TEST_F(TypedRequestTest, RequestEndsAtItsTimeout) {
  EXPECT_EQ(
      client_.Request<Answer>(Ask("why?"), {.timeout = absl::Milliseconds(20)})
          .status(),
      absl::DeadlineExceededError("request: no answer before the deadline"));
}

TEST_F(TypedRequestTest, RequestWaitsWithinACallback) {
  std::promise<std::string> said;
  const auto subscribed = While<absl::StatusOr<Subscription>>(
      [&] { broker_.AnswerSubscribe(); },
      [&] {
        return client_.Subscribe<Question>([&](const Question& question) {
          const auto answer = client_.Request<Answer>(question);
          said.set_value(answer.ok() ? answer->text()
                                     : answer.status().ToString());
        });
      });
  ASSERT_TRUE(subscribed.ok());
  broker_.Send(
      core::DataFrame(kQuestionType, {}, Ask("why?").SerializeAsString(), 1));
  broker_.Send(core::FrameOfKind(kReply, kAnswerType, {},
                                 Say("so").SerializeAsString(),
                                 broker_.Read().header.id));
  EXPECT_EQ(said.get_future().get(), "so");
}

TEST_F(TypedRequestTest, AsyncRequestCallsBackOnce) {
  std::promise<absl::StatusOr<Answer>> answered;
  const auto asked = client_.RequestAsync<Answer>(
      Ask("why?"), {},
      [&](absl::StatusOr<Answer> answer) { answered.set_value(answer); });
  ASSERT_TRUE(asked.ok()) << asked.status();
  broker_.Send(core::FrameOfKind(kReply, kAnswerType, {},
                                 Say("so").SerializeAsString(),
                                 broker_.Read().header.id));
  const absl::StatusOr<Answer> answer = answered.get_future().get();
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->text(), "so");
  client_.Cancel(*asked);
}

TEST_F(TypedRequestTest, CancelledRequestSaysSo) {
  absl::Status how;
  const auto asked = client_.RequestAsync<Answer>(
      Ask("why?"), {},
      [&](absl::StatusOr<Answer> answer) { how = answer.status(); });
  ASSERT_TRUE(asked.ok());
  client_.Cancel(*asked);
  EXPECT_EQ(how, absl::CancelledError("request: cancelled"));
  broker_.ReadControl(ControlKind::kCancel);
}

TEST_F(TypedRequestTest, TypesOfAnotherSchemaAreRefused) {
  const auto refused = [](const absl::Status& status) {
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    return std::string(status.message().substr(0, 24));
  };
  EXPECT_EQ(refused(client_.Request<Answer>(wide::Scalars()).status()),
            "request: wide.Scalars is");
  EXPECT_EQ(refused(client_.Request<wide::Scalars>(Ask("why?")).status()),
            "request: wide.Scalars is");
  EXPECT_EQ(
      refused(client_
                  .Respond<Question, wide::Scalars>(
                      [](const Question&) -> absl::StatusOr<wide::Scalars> {
                        return wide::Scalars();
                      })
                  .status()),
      "respond: wide.Scalars is");
  EXPECT_EQ(refused(client_.PublishAcked(wide::Scalars(), {}, nullptr)),
            "publish: wide.Scalars is");
}

TEST_F(TypedRequestTest, ResponderReturnsItsAnswer) {
  const Subscription responder = Asked([&] {
    return client_.Respond<Question, Answer>(
        [](const Question& question) -> absl::StatusOr<Answer> {
          return Say(question.text() + " because");
        });
  });
  const WireFrame reply = broker_.Read();
  EXPECT_EQ(reply.header.kind, kReply);
  EXPECT_EQ(reply.header.id, kAsked);
  EXPECT_EQ(reply.header.type_id, kAnswerType);
  EXPECT_EQ(TextOf(reply.payload), "why? because");
}

TEST_F(TypedRequestTest, ResponderReturnsItsError) {
  const Subscription responder = Asked([&] {
    return client_.Respond<Question, Answer>(
        [](const Question&) -> absl::StatusOr<Answer> {
          return absl::PermissionDeniedError("not you");
        });
  });
  const wire::RequestError error = ErrorOf(broker_.Read());
  EXPECT_EQ(error.status(), 7u);
  EXPECT_EQ(error.message(), "not you");
}

TEST_F(TypedRequestTest, AnswerThatIsTooLargeFailsTheRequest) {
  const Subscription responder = Asked([&] {
    return client_.Respond<Question, Answer>(
        [](const Question&) -> absl::StatusOr<Answer> {
          return Say(std::string(2 << 20, 'x'));
        });
  });
  const wire::RequestError error = ErrorOf(broker_.Read());
  EXPECT_EQ(error.status(), 3u);
  EXPECT_EQ(error.message(),
            "reply: body_bytes 2097157, frame_bytes_max 1048576");
}

TEST_F(TypedRequestTest, RequestThatIsNoneIsRefusedWithoutTheResponder) {
  const Subscription responder = Asked(
      [&] {
        return client_.Respond<Question, Answer>(
            [](const Question&) -> absl::StatusOr<Answer> {
              ADD_FAILURE();
              return Answer();
            });
      },
      "\xff\xff");
  const wire::RequestError error = ErrorOf(broker_.Read());
  EXPECT_EQ(error.status(), 15u);
  EXPECT_EQ(error.message(),
            "respond: a request of 2 bytes that are not a chat.Question (type "
            "2)");
}

TEST_F(TypedRequestTest, ResponderMayAnswerLater) {
  std::promise<Respondent<Answer>> asked;
  const Subscription responder = Asked([&] {
    return client_.Respond<Question, Answer>(
        [&](const Question& question, Respondent<Answer> respondent) {
          EXPECT_EQ(question.text(), "why?");
          asked.set_value(std::move(respondent));
        });
  });
  Respondent<Answer> respondent = asked.get_future().get();
  EXPECT_EQ(respondent.topic(), "a.b");
  EXPECT_FALSE(respondent.cancelled());
  EXPECT_TRUE(respondent.Reply(Say("so")).ok());
  EXPECT_EQ(respondent.Fail(absl::InternalError("no")).code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(TextOf(broker_.Read().payload), "so");
}

TEST_F(TypedRequestTest, GroupAndStartOfATypedSubscriptionAreSent) {
  wire::Subscribe subscribe;
  const auto read = [&] {
    const WireFrame frame = broker_.ReadControl(ControlKind::kSubscribe);
    EXPECT_TRUE(subscribe.ParseFromString(frame.payload));
    wire::Subscribed subscribed;
    subscribed.set_subscription_id(subscribe.subscription_id());
    broker_.Send(core::ControlFrame(ControlKind::kSubscribed,
                                    subscribed.SerializeAsString(),
                                    frame.header.id));
  };
  const auto subscribe_with = [&](const TypedSubscribeOptions& options) {
    return While<absl::StatusOr<Subscription>>(
        read, [&] { return client_.Subscribe<Question>(options); });
  };
  const auto member = subscribe_with({.group = "workers"});
  EXPECT_EQ(subscribe.group(), "workers");
  const auto latest = subscribe_with(
      {.policy = Policy::Latest(), .start = Start::AtSequence(5)});
  EXPECT_EQ(subscribe.start().sequence(), 5u);
  EXPECT_EQ(subscribe.policy().overflow(), wire::OVERFLOW_CONFLATE);
}

}  // namespace
}  // namespace mycelium
