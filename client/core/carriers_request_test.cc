// Requests, whatever the carrier.
#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "client/core/carriers_fixture.h"
#include "client/core/client.h"

namespace mycelium::core {
namespace {

using std::chrono::milliseconds;

class RequestsTest : public CarrierTest {
 protected:
  static std::shared_ptr<Subscription> Responds(Client* client,
                                                const SubscribeOptions& options,
                                                RequestHandler handler) {
    std::shared_ptr<Subscription> subscription;
    const Status status =
        client->Respond(options, std::move(handler), &subscription);
    EXPECT_TRUE(status.ok()) << status.message;
    return subscription;
  }

  static uint64_t Ask(Client* client, uint16_t type_id, std::string_view text,
                      const std::shared_ptr<Told<Reply>>& told,
                      const RequestOptions& options = {}) {
    uint64_t call = 0;
    const Status status = client->Request(
        type_id, Bytes(text), options,
        [told](const Status& how, const Message* reply) {
          EXPECT_EQ(how.ok(), reply != nullptr);
          told->Set({how, reply == nullptr ? uint16_t{0} : reply->type_id,
                     reply == nullptr ? "" : Text(*reply)});
        },
        &call);
    EXPECT_TRUE(status.ok()) << status.message;
    return call;
  }
  static Reply Answer(Client* client, uint16_t type_id, std::string_view text,
                      const RequestOptions& options = {}) {
    const auto told = std::make_shared<Told<Reply>>();
    Ask(client, type_id, text, told, options);
    return told->Wait();
  }
};

TEST_P(RequestsTest, ReplyComesBack) {
  for (const Delivery delivery : {Delivery::kDirect, Delivery::kQueued}) {
    const auto requester = Connected(), responder = Connected();
    const auto responding = Responds(
        responder.get(), {.type_id = kType, .delivery = delivery},
        [](const Message& request, std::unique_ptr<Respondent> to) {
          EXPECT_EQ(request.kind, DataKind::kRequest);
          EXPECT_EQ(request.topic, "a.b");
          const std::string text = Text(request) + "!";
          EXPECT_TRUE(to->Reply(12, Bytes(text)).ok());
          EXPECT_EQ(to->Reply(12, {}).code, StatusCode::kFailedPrecondition);
        });
    for (const bool wait : {false, true}) {
      const Reply reply = Answer(requester.get(), kType, "hello",
                                 {.topic = "a.b", .wait = wait});
      EXPECT_TRUE(reply.status.ok()) << reply.status.message;
      EXPECT_EQ(reply.type_id, 12);
      EXPECT_EQ(reply.text, "hello!");
    }
  }
}

TEST_P(RequestsTest, FailureComesBackAsItWasSaid) {
  const auto requester = Connected(), responder = Connected();
  const auto responding =
      Responds(responder.get(), {.type_id = kType},
               [](const Message&, std::unique_ptr<Respondent> to) {
                 const Status told =
                     to->Fail({StatusCode::kPermissionDenied, "not for you"});
                 EXPECT_TRUE(told.ok());
               });
  const Reply reply = Answer(requester.get(), kType, "x");
  EXPECT_EQ(reply.status.code, StatusCode::kPermissionDenied);
  EXPECT_EQ(reply.status.message, "not for you");
}

TEST_P(RequestsTest, NobodyAnswersIsNotFound) {
  const auto requester = Connected(), responder = Connected();
  Reply reply = Answer(requester.get(), kType, "x");
  EXPECT_EQ(reply.status.code, StatusCode::kNotFound);
  EXPECT_EQ(reply.status.message, "request: nobody answers type 7");
  const auto responding =
      Responds(responder.get(), {.type_id = kType, .topic_filter = "a.*"},
               [](const Message&, std::unique_ptr<Respondent> to) {
                 EXPECT_TRUE(to->Reply(kType, {}).ok());
               });
  reply = Answer(requester.get(), kType, "x", {.topic = "b.c"});
  EXPECT_EQ(reply.status.message, "request: nobody answers type 7 topic b.c");
  EXPECT_TRUE(
      Answer(requester.get(), kType, "x", {.topic = "a.c"}).status.ok());
}

TEST_P(RequestsTest, RequestThatIsDroppedIsAnError) {
  const auto requester = Connected(), responder = Connected();
  const auto responding =
      Responds(responder.get(), {.type_id = kType},
               [](const Message&, std::unique_ptr<Respondent>) {});
  const Reply reply = Answer(requester.get(), kType, "x");
  EXPECT_EQ(reply.status.code, StatusCode::kInternal);
  EXPECT_EQ(reply.status.message, "respond: the responder gave no answer");
}

// Keeps what it is asked for later.
class Keeper {
 public:
  RequestHandler handler() {
    return [this](const Message&, std::unique_ptr<Respondent> to) {
      const std::lock_guard lock(mutex_);
      kept_.push_back(std::move(to));
      changed_.notify_all();
    };
  }
  Respondent* Wait(size_t count = 1) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_until(lock, Soon(),
                                    [&] { return kept_.size() >= count; }));
    return kept_[count - 1].get();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::unique_ptr<Respondent>> kept_;
};

TEST_P(RequestsTest, AnswerMayComeLaterFromAnyThread) {
  Keeper keeper;
  const auto requester = Connected(), responder = Connected();
  const auto responding =
      Responds(responder.get(), {.type_id = kType}, keeper.handler());
  const auto told = std::make_shared<Told<Reply>>();
  Ask(requester.get(), kType, "x", told);
  Respondent* const to = keeper.Wait();
  EXPECT_FALSE(told->IsSet());
  EXPECT_FALSE(to->cancelled());
  std::thread([to] { EXPECT_TRUE(to->Reply(5, Bytes("late")).ok()); }).join();
  EXPECT_EQ(told->Wait().text, "late");
}

TEST_P(RequestsTest, DeadlineEndsIt) {
  Keeper keeper;
  const auto requester = Connected(), responder = Connected();
  const auto responding =
      Responds(responder.get(), {.type_id = kType}, keeper.handler());
  for (const bool wait : {false, true}) {
    const Reply reply =
        Answer(requester.get(), kType, "x",
               {.deadline = Clock::now() + milliseconds(20), .wait = wait});
    EXPECT_EQ(reply.status.code, StatusCode::kDeadlineExceeded);
    EXPECT_EQ(reply.status.message, "request: no answer before the deadline");
  }
  Respondent* const to = keeper.Wait(2);
  const Deadline until = Soon();
  while (!to->cancelled() && Clock::now() < until) std::this_thread::yield();
  EXPECT_TRUE(to->cancelled());
  EXPECT_TRUE(to->Reply(5, {}).ok());
}

TEST_P(RequestsTest, CancelEndsItOnce) {
  Keeper keeper;
  const auto requester = Connected(), responder = Connected();
  const auto responding =
      Responds(responder.get(), {.type_id = kType}, keeper.handler());
  const auto told = std::make_shared<Told<Reply>>();
  const uint64_t call = Ask(requester.get(), kType, "x", told);
  Respondent* const to = keeper.Wait();
  requester->Cancel(call);
  requester->Cancel(call);
  EXPECT_EQ(told->Wait().status.code, StatusCode::kCancelled);
  const Deadline until = Soon();
  while (!to->cancelled() && Clock::now() < until) std::this_thread::yield();
  EXPECT_TRUE(to->cancelled());
}

TEST_P(RequestsTest, ResponderThatLeavesIsToldAtOnce) {
  Keeper keeper;
  const auto requester = Connected();
  ClientOptions named;
  named.name = "worker";
  for (const bool closes : {false, true}) {
    const auto responder = Connected(named);
    const auto responding =
        Responds(responder.get(), {.type_id = kType}, keeper.handler());
    const auto told = std::make_shared<Told<Reply>>();
    Ask(requester.get(), kType, "x", told);
    Respondent* const to = keeper.Wait(closes ? 2 : 1);
    if (closes) {
      responder->Close();
    } else {
      responding->Unsubscribe();
    }
    const Status why = told->Wait().status;
    EXPECT_EQ(why.code, StatusCode::kUnavailable);
    EXPECT_EQ(why.message, "request: session " +
                               std::to_string(responder->broker().session_id) +
                               " (worker) was lost before it answered");
    EXPECT_TRUE(to->cancelled());
    EXPECT_EQ(to->Reply(5, {}).code, StatusCode::kUnavailable);
  }
}

TEST_P(RequestsTest, LeastBusyIsAskedFirst) {
  Keeper busy, idle;
  const auto requester = Connected(), a = Connected(), b = Connected();
  const auto at_a = Responds(a.get(), {.type_id = kType}, busy.handler());
  const auto first = std::make_shared<Told<Reply>>();
  const auto second = std::make_shared<Told<Reply>>();
  Ask(requester.get(), kType, "1", first);
  busy.Wait();
  const auto at_b = Responds(b.get(), {.type_id = kType}, idle.handler());
  Ask(requester.get(), kType, "2", second);
  EXPECT_TRUE(idle.Wait()->Reply(5, Bytes("idle")).ok());
  EXPECT_EQ(second->Wait().text, "idle");
  EXPECT_TRUE(busy.Wait()->Reply(5, Bytes("busy")).ok());
  EXPECT_EQ(first->Wait().text, "busy");
}

TEST_P(RequestsTest, CloseEndsWhatWasAsked) {
  Keeper keeper;
  auto requester = Connected();
  const auto responder = Connected();
  const auto responding =
      Responds(responder.get(), {.type_id = kType}, keeper.handler());
  const auto told = std::make_shared<Told<Reply>>();
  Ask(requester.get(), kType, "x", told);
  keeper.Wait();
  requester->Close();
  ASSERT_TRUE(told->IsSet());
  EXPECT_EQ(told->Wait().status.code, StatusCode::kCancelled);
  EXPECT_EQ(requester->Request(kType, {}, {}, nullptr, nullptr).code,
            StatusCode::kCancelled);
}

INSTANTIATE_TEST_SUITE_P(Carriers, RequestsTest, kCarriers, CarrierName);

}  // namespace
}  // namespace mycelium::core
