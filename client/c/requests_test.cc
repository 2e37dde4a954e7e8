// Requests and those who answer them.
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <utility>

#include "client/c/interface_fixture.h"

namespace mycelium::c {
namespace {

// What a responder does; its address is the user_data.
using Answer =
    std::function<void(const mycelium_message*, mycelium_respondent*)>;

void OnRequest(const mycelium_message* request, mycelium_respondent* respondent,
               void* answer) {
  (*static_cast<Answer*>(answer))(request, respondent);
}

class RequestsTest : public CarrierTest {
 protected:
  static Subscription Responds(
      mycelium_runtime* runtime, Answer* answer,
      mycelium_delivery delivery = MYCELIUM_DELIVERY_DIRECT) {
    mycelium_subscribe_options options = DefaultOptions(kQuestion);
    options.delivery = delivery;
    options.user_data = answer;
    mycelium_subscription* subscription = nullptr;
    EXPECT_EQ(mycelium_respond(runtime, &options, OnRequest, &subscription),
              MYCELIUM_OK)
        << mycelium_last_error();
    return Subscription(subscription);
  }

  static uint64_t Ask(mycelium_runtime* runtime, Calls* calls,
                      int64_t timeout_ms = kSoonMs) {
    uint64_t call = 0;
    EXPECT_EQ(mycelium_request(runtime, kQuestion, "a.b", "question", 8,
                               timeout_ms, Calls::OnReply, calls, &call),
              MYCELIUM_OK)
        << mycelium_last_error();
    return call;
  }
};

TEST_P(RequestsTest, ReplyComesBack) {
  const Runtime requester = Connected(), responder = Connected();
  Answer answer = [](const mycelium_message* request,
                     mycelium_respondent* respondent) {
    EXPECT_STREQ(request->topic, "a.b");
    EXPECT_EQ(request->payload_bytes, 8u);
    EXPECT_EQ(mycelium_respondent_cancelled(respondent), 0);
    EXPECT_EQ(mycelium_reply(respondent, kAnswer, "answer", 6), MYCELIUM_OK);
  };
  for (const auto delivery :
       {MYCELIUM_DELIVERY_DIRECT, MYCELIUM_DELIVERY_QUEUED}) {
    const Subscription responds = Responds(responder.get(), &answer, delivery);
    Calls calls;
    Ask(requester.get(), &calls);
    const auto reply = calls.Await(1)[0];
    EXPECT_EQ(reply.status, MYCELIUM_OK) << reply.what;
    EXPECT_EQ(reply.what, "answer");
    EXPECT_EQ(reply.type_id, kAnswer);
  }
}

TEST_P(RequestsTest, WaitingCallsBackOnItsOwnThread) {
  const Runtime requester = Connected(), responder = Connected();
  Answer answer = [](const mycelium_message*, mycelium_respondent* respondent) {
    EXPECT_EQ(mycelium_reply(respondent, kAnswer, nullptr, 0), MYCELIUM_OK);
  };
  const Subscription responds =
      Responds(responder.get(), &answer, MYCELIUM_DELIVERY_QUEUED);
  Calls calls;
  EXPECT_EQ(
      mycelium_request_wait(requester.get(), kQuestion, nullptr, nullptr, 0,
                            MYCELIUM_NO_TIMEOUT, Calls::OnReply, &calls),
      MYCELIUM_OK);
  const auto all = calls.all();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].status, MYCELIUM_OK) << all[0].what;
  EXPECT_EQ(all[0].what, "");
  EXPECT_EQ(all[0].thread, std::this_thread::get_id());
}

TEST_P(RequestsTest, FailureIsTheRespondersOwn) {
  const Runtime requester = Connected(), responder = Connected();
  mycelium_status status = MYCELIUM_DATA_LOSS;
  const char* error = "disk: 3 blocks are bad";
  Answer answer = [&](const mycelium_message*, mycelium_respondent* to) {
    EXPECT_EQ(mycelium_fail(to, status, error), MYCELIUM_OK);
  };
  const Subscription responds = Responds(responder.get(), &answer);
  const std::pair<mycelium_status, mycelium_status> said_and_heard[] = {
      {MYCELIUM_DATA_LOSS, MYCELIUM_DATA_LOSS},
      {static_cast<mycelium_status>(99), MYCELIUM_UNKNOWN}};
  for (const auto& [said, heard] : said_and_heard) {
    status = said;
    Calls calls;
    Ask(requester.get(), &calls);
    EXPECT_EQ(calls.Await(1)[0].status, heard);
    EXPECT_EQ(calls.all()[0].what, error);
  }
  error = nullptr;
  Calls calls;
  Ask(requester.get(), &calls);
  EXPECT_EQ(calls.Await(1)[0].what, "");
}

TEST_P(RequestsTest, AnswerThatCannotBeIsToldToBothSides) {
  const Runtime requester = Connected(), responder = Connected();
  Calls said;
  std::function<mycelium_status(mycelium_respondent*)> wrongly;
  Answer answer = [&](const mycelium_message*, mycelium_respondent* to) {
    EXPECT_EQ(wrongly(to), MYCELIUM_INVALID_ARGUMENT);
    said.Add({.what = mycelium_last_error(), .thread = {}});
  };
  const Subscription responds = Responds(responder.get(), &answer);
  const std::string large((1 << 20) + 1, 'x');
  const std::function<mycelium_status(mycelium_respondent*)> ways[] = {
      [&](auto* to) {
        return mycelium_reply(to, kAnswer, large.data(), large.size());
      },
      [](auto* to) { return mycelium_reply(to, 0, "x", 1); },
      [](auto* to) { return mycelium_reply(to, kAnswer, nullptr, 1); },
      [](auto* to) { return mycelium_fail(to, MYCELIUM_OK, "fine"); }};
  for (const auto& way : ways) {
    wrongly = way;
    const size_t before = said.count();
    Calls calls;
    Ask(requester.get(), &calls);
    EXPECT_EQ(calls.Await(1)[0].status, MYCELIUM_INVALID_ARGUMENT);
    EXPECT_EQ(calls.all()[0].what, said.Await(before + 1)[before].what);
  }
}

TEST_P(RequestsTest, NobodyAnswers) {
  const Runtime requester = Connected();
  Calls calls;
  Ask(requester.get(), &calls);
  EXPECT_EQ(calls.Await(1)[0].status, MYCELIUM_NOT_FOUND);
}

TEST_P(RequestsTest, DeadlineCancelAndLateReply) {
  const Runtime requester = Connected(), responder = Connected();
  Calls kept;
  std::atomic<mycelium_respondent*> last{nullptr};
  Answer answer = [&](const mycelium_message*, mycelium_respondent* to) {
    last = to;
    kept.Add({.what = "asked", .thread = {}});
  };
  const Subscription responds = Responds(responder.get(), &answer);
  Calls expired;
  Ask(requester.get(), &expired, 100);
  EXPECT_EQ(expired.Await(1)[0].status, MYCELIUM_DEADLINE_EXCEEDED);
  kept.Await(1);
  mycelium_respondent* const late = last.load();
  Calls cancelled;
  const uint64_t call = Ask(requester.get(), &cancelled);
  kept.Await(2);
  EXPECT_EQ(mycelium_cancel(requester.get(), call), MYCELIUM_OK);
  EXPECT_EQ(mycelium_cancel(requester.get(), call), MYCELIUM_OK);
  EXPECT_EQ(cancelled.Await(1)[0].status, MYCELIUM_CANCELLED);
  // Released all the same; how it is told that nobody waits is the carrier's.
  for (mycelium_respondent* const each : {late, last.load()}) {
    while (mycelium_respondent_cancelled(each) == 0) std::this_thread::yield();
    mycelium_reply(each, kAnswer, "late", 4);
  }
  EXPECT_EQ(expired.count(), 1u);
  EXPECT_EQ(cancelled.count(), 1u);
}

TEST_P(RequestsTest, CloseEndsWhatIsOpenOnce) {
  Runtime requester = Connected();
  const Runtime responder = Connected();
  Calls kept;
  mycelium_respondent* respondent = nullptr;
  Answer answer = [&](const mycelium_message*, mycelium_respondent* to) {
    respondent = to;
    kept.Add({.what = "asked", .thread = {}});
  };
  const Subscription responds = Responds(responder.get(), &answer);
  Calls calls;
  Ask(requester.get(), &calls);
  kept.Await(1);
  EXPECT_EQ(mycelium_runtime_close(requester.get()), MYCELIUM_OK);
  ASSERT_EQ(calls.count(), 1u);
  EXPECT_EQ(calls.all()[0].status, MYCELIUM_CANCELLED);
  requester.reset();
  mycelium_fail(respondent, MYCELIUM_UNKNOWN, "late");
  EXPECT_EQ(calls.count(), 1u);
}

TEST_P(RequestsTest, RespondentOutlivesItsRuntime) {
  const Runtime requester = Connected();
  Runtime responder = Connected();
  Calls kept;
  mycelium_respondent* respondent = nullptr;
  Answer answer = [&](const mycelium_message*, mycelium_respondent* to) {
    respondent = to;
    kept.Add({.what = "asked", .thread = {}});
  };
  Subscription responds = Responds(responder.get(), &answer);
  Calls calls;
  Ask(requester.get(), &calls);
  kept.Await(1);
  responder.reset();
  EXPECT_EQ(calls.Await(1)[0].status, MYCELIUM_UNAVAILABLE);
  EXPECT_EQ(mycelium_respondent_cancelled(respondent), 1);
  EXPECT_EQ(mycelium_reply(respondent, kAnswer, "late", 4),
            MYCELIUM_UNAVAILABLE);
  EXPECT_EQ(calls.count(), 1u);
}

TEST_P(RequestsTest, OptionsOfASubscriptionAreRefused) {
  const Runtime runtime = Connected();
  mycelium_subscription* subscription = nullptr;
  const auto refused = [&](const mycelium_subscribe_options& options) {
    EXPECT_EQ(
        mycelium_respond(runtime.get(), &options, OnRequest, &subscription),
        MYCELIUM_INVALID_ARGUMENT);
  };
  mycelium_subscribe_options options = DefaultOptions(kQuestion);
  options.on_message = Calls::OnMessage;
  refused(options);
  options = DefaultOptions(kQuestion);
  options.on_batch_end = Calls::OnBatchEnd;
  refused(options);
  options = DefaultOptions(kQuestion);
  options.group = "workers";
  refused(options);
  options = DefaultOptions(kQuestion);
  options.start = MYCELIUM_START_LAST;
  refused(options);
  EXPECT_EQ(subscription, nullptr);
}

INSTANTIATE_TEST_SUITE_P(Carriers, RequestsTest, kCarriers, CarrierName);

}  // namespace
}  // namespace mycelium::c
