// Which thread a callback runs on, what it may call, and when none runs.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "client/c/interface_fixture.h"

namespace mycelium::c {
namespace {

class CallbacksTest : public CarrierTest {
 protected:
  static mycelium_subscribe_options Queued(mycelium_message_callback callback,
                                           void* user_data) {
    mycelium_subscribe_options options = DefaultOptions(kType);
    options.delivery = MYCELIUM_DELIVERY_QUEUED;
    options.on_message = callback;
    options.user_data = user_data;
    return options;
  }
};

// --- Threads ----------------------------------------------------------------

TEST_P(CallbacksTest, RunOnTheThreadThatTheHeaderNames) {
  const Runtime runtime = Connected();
  Calls direct, queued, accepted, another;
  const Subscription a =
      Subscribed(runtime.get(), kType, Calls::OnMessage, &direct);
  const Subscription b =
      Subscribed(runtime.get(), Queued(Calls::OnMessage, &queued));
  const Subscription c =
      Subscribed(runtime.get(), kType, Calls::OnMessage, &another);
  for (int i = 0; i < 10; ++i) Put(runtime.get(), kType, "x");
  EXPECT_EQ(mycelium_publish_acked(runtime.get(), kAnswer, nullptr, "x", 1,
                                   kSoonMs, Calls::OnAccepted, &accepted),
            MYCELIUM_OK);
  const std::thread::id here = std::this_thread::get_id();
  const std::thread::id reader = direct.Await(1)[0].thread;
  EXPECT_EQ(reader == here, is_inproc());
  for (const auto& call : direct.Await(10)) EXPECT_EQ(call.thread, reader);
  for (const auto& call : another.Await(10)) EXPECT_EQ(call.thread, reader);
  EXPECT_EQ(accepted.Await(1)[0].thread, reader);
  const std::thread::id own = queued.Await(1)[0].thread;
  EXPECT_NE(own, here);
  EXPECT_NE(own, reader);
  for (const auto& call : queued.Await(10)) EXPECT_EQ(call.thread, own);
}

TEST_P(CallbacksTest, BatchEndsBehindTheLastInARow) {
  const Runtime runtime = Connected();
  Calls calls;
  mycelium_subscribe_options options = Queued(Calls::OnMessage, &calls);
  options.on_batch_end = Calls::OnBatchEnd;
  const Subscription subscription = Subscribed(runtime.get(), options);
  for (int i = 0; i < 100; ++i) Put(runtime.get(), kType, "x");
  // The last message, and the end behind it.
  size_t messages = 0;
  for (size_t i = 0; messages < 100; ++i) {
    messages += calls.Await(i + 1)[i].what == "x" ? 1 : 0;
  }
  EXPECT_EQ(mycelium_runtime_close(runtime.get()), MYCELIUM_OK);
  const auto all = calls.all();
  EXPECT_EQ(all.front().what, "x");
  EXPECT_EQ(all.back().what, "batch end");
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].thread, all[0].thread);
    if (all[i].what != "batch end") continue;
    EXPECT_EQ(all[i - 1].what, "x");
  }
}

// --- What they may call -----------------------------------------------------

void ReplyAtOnce(const mycelium_message*, mycelium_respondent* respondent,
                 void*) {
  EXPECT_EQ(mycelium_reply(respondent, kAnswer, "42", 2), MYCELIUM_OK);
}

// Every function that the header has, but for those that end the runtime.
void CallEverything(mycelium_runtime* runtime, mycelium_runtime* other) {
  auto info = Sized<mycelium_broker_info>();
  auto counters = Sized<mycelium_counters>();
  EXPECT_EQ(mycelium_runtime_broker_info(runtime, &info), MYCELIUM_OK);
  EXPECT_EQ(mycelium_runtime_counters(runtime, &counters), MYCELIUM_OK);
  EXPECT_EQ(mycelium_verify_schema_digest(runtime,
                                          mycelium_builtin_schema_digest(), 32),
            MYCELIUM_OK);
  EXPECT_EQ(mycelium_ping(runtime, kSoonMs), MYCELIUM_OK)
      << mycelium_last_error();
  EXPECT_EQ(mycelium_publish(runtime, 100, "x", 1), MYCELIUM_OK);
  Put(runtime, 100, "x", "a.b");
  Calls accepted, replies, received;
  EXPECT_EQ(mycelium_publish_acked(other, 100, nullptr, "x", 1, kSoonMs,
                                   Calls::OnAccepted, &accepted),
            MYCELIUM_OK);
  EXPECT_EQ(mycelium_flush(runtime, kSoonMs), MYCELIUM_OK)
      << mycelium_last_error();
  {
    const Subscription pulled = Subscribed(runtime, DefaultOptions(101));
    const Subscription pushed =
        Subscribed(other, 101, Calls::OnMessage, &received);
    Put(other, 101, "x");
    mycelium_item item;
    // On a reading thread nothing can come meanwhile.
    const mycelium_status next = mycelium_next(pulled.get(), 1, &item);
    EXPECT_NE(next, MYCELIUM_INVALID_ARGUMENT);
    received.Await(1);
  }
  EXPECT_EQ(mycelium_request_wait(runtime, kQuestion, nullptr, "x", 1, kSoonMs,
                                  Calls::OnReply, &replies),
            MYCELIUM_OK)
      << mycelium_last_error();
  EXPECT_EQ(replies.Await(1)[0].what, "42");
  Calls cancelled;
  uint64_t call = 0;
  EXPECT_EQ(mycelium_request(other, kQuestion, nullptr, "x", 1, kSoonMs,
                             Calls::OnReply, &cancelled, &call),
            MYCELIUM_OK);
  EXPECT_EQ(mycelium_cancel(other, call), MYCELIUM_OK);
  cancelled.Await(1);
  accepted.Await(1);
  mycelium_runtime* const fresh = mycelium_runtime_create();
  EXPECT_EQ(mycelium_runtime_close(fresh), MYCELIUM_OK);
  EXPECT_EQ(mycelium_runtime_destroy(fresh), MYCELIUM_OK);
  EXPECT_EQ(mycelium_runtime_destroy(runtime), MYCELIUM_FAILED_PRECONDITION);
  EXPECT_TRUE(LastErrorHas("mycelium_runtime_close is allowed here"));
}

TEST_P(CallbacksTest, MayCallEverything) {
  const Runtime runtime = Connected(), other = Connected();
  const Runtime responder = Connected();
  const mycelium_subscribe_options respond = DefaultOptions(kQuestion);
  mycelium_subscription* responds = nullptr;
  ASSERT_EQ(mycelium_respond(responder.get(), &respond, ReplyAtOnce, &responds),
            MYCELIUM_OK);
  const Subscription responding(responds);
  for (const auto delivery :
       {MYCELIUM_DELIVERY_DIRECT, MYCELIUM_DELIVERY_QUEUED}) {
    Task task{[&] { CallEverything(runtime.get(), other.get()); }};
    mycelium_subscribe_options options = Queued(Task::OnMessage, &task);
    options.delivery = delivery;
    const Subscription subscription = Subscribed(runtime.get(), options);
    Put(other.get(), kType, "x");
    task.calls.Await(1);
  }
}

// --- Destroying within ------------------------------------------------------

// Where a runtime is not to be destroyed.
struct Refusals {
  mycelium_runtime* runtime = nullptr;
  Calls calls = {};

  void Try() {
    const mycelium_status status = mycelium_runtime_destroy(runtime);
    calls.Add({.what = mycelium_last_error(), .thread = {}, .status = status});
  }
  void ExpectRefused(size_t count) {
    for (const auto& call : calls.Await(count)) {
      EXPECT_EQ(call.status, MYCELIUM_FAILED_PRECONDITION) << call.what;
    }
  }
  static void OnMessage(const mycelium_message*, void* refusals) {
    static_cast<Refusals*>(refusals)->Try();
  }
  static void OnAccepted(mycelium_status, const char*, void* refusals) {
    static_cast<Refusals*>(refusals)->Try();
  }
  static void OnReply(mycelium_status, const char*, const mycelium_message*,
                      void* refusals) {
    static_cast<Refusals*>(refusals)->Try();
  }
  static void OnRequest(const mycelium_message*,
                        mycelium_respondent* respondent, void* refusals) {
    static_cast<Refusals*>(refusals)->Try();
    mycelium_fail(respondent, MYCELIUM_UNKNOWN, "");
  }
  static void OnState(mycelium_state, mycelium_status, const char*,
                      void* refusals) {
    static_cast<Refusals*>(refusals)->Try();
  }
};

TEST_P(CallbacksTest, DestroyIsRefusedInEveryKind) {
  Refusals refusals, states;
  mycelium_connect_options connect_options;
  mycelium_connect_options_init(&connect_options);
  connect_options.on_state = Refusals::OnState;
  connect_options.user_data = &states;
  Runtime runtime = Connected(&connect_options);
  const Runtime other = Connected();
  refusals.runtime = states.runtime = runtime.get();
  Subscription direct =
      Subscribed(runtime.get(), kType, Refusals::OnMessage, &refusals);
  Subscription queued =
      Subscribed(runtime.get(), Queued(Refusals::OnMessage, &refusals));
  mycelium_subscribe_options respond = DefaultOptions(kQuestion);
  respond.user_data = &refusals;
  mycelium_subscription* responds = nullptr;
  ASSERT_EQ(
      mycelium_respond(runtime.get(), &respond, Refusals::OnRequest, &responds),
      MYCELIUM_OK);
  Subscription responding(responds);
  Put(other.get(), kType, "x");  // in process within this thread's publish
  refusals.ExpectRefused(2);
  EXPECT_EQ(mycelium_publish_acked(runtime.get(), kAnswer, nullptr, "x", 1,
                                   kSoonMs, Refusals::OnAccepted, &refusals),
            MYCELIUM_OK);
  refusals.ExpectRefused(3);
  EXPECT_EQ(mycelium_request(runtime.get(), kQuestion, nullptr, "x", 1, kSoonMs,
                             Refusals::OnReply, &refusals, nullptr),
            MYCELIUM_OK);
  refusals.ExpectRefused(5);
  if (is_inproc()) {
    EXPECT_EQ(mycelium_runtime_close(runtime.get()), MYCELIUM_OK);
  } else {
    broker_->Kill();
  }
  states.ExpectRefused(1);
  runtime.reset();
  if (!is_inproc()) broker_->StartAgain();
}

// A publish that is under way on this thread uses its runtime, too.
TEST(Destroy, OfTheRuntimeThatPublishesIsRefused) {
  Runtime publisher = Connected("inproc:destroy");
  const Runtime subscriber = Connected("inproc:destroy");
  Refusals refusals{publisher.get()};
  const Subscription subscription =
      Subscribed(subscriber.get(), kType, Refusals::OnMessage, &refusals);
  Put(publisher.get(), kType, "x");
  refusals.ExpectRefused(1);
}

// --- Unsubscribing ----------------------------------------------------------

// Ends its own subscription and frees itself.
struct Once {
  mycelium_subscription* subscription = nullptr;
  std::atomic<bool>* done = nullptr;
  std::atomic<bool> is_set{false};

  static void OnMessage(const mycelium_message*, void* user_data) {
    auto* const once = static_cast<Once*>(user_data);
    while (!once->is_set.load()) std::this_thread::yield();
    std::atomic<bool>* const done = once->done;
    EXPECT_EQ(mycelium_unsubscribe(once->subscription), MYCELIUM_OK);
    delete once;
    done->store(true);
  }
  static void OnBatchEnd(void* user_data) {
    static_cast<Once*>(user_data)->is_set.store(false);
  }
};

TEST_P(CallbacksTest, MayUnsubscribeItselfAndFreeItsUserData) {
  const Runtime publisher = Connected(), subscriber = Connected();
  for (const auto delivery :
       {MYCELIUM_DELIVERY_DIRECT, MYCELIUM_DELIVERY_QUEUED}) {
    for (int i = 0; i < 50; ++i) {
      std::atomic<bool> done{false};
      auto* const once = new Once{.done = &done};
      mycelium_subscribe_options options = Queued(Once::OnMessage, once);
      options.delivery = delivery;
      if (delivery == MYCELIUM_DELIVERY_QUEUED) {
        options.on_batch_end = Once::OnBatchEnd;
      }
      once->subscription = Subscribed(subscriber.get(), options).release();
      once->is_set.store(true);
      for (int j = 0; j < 5; ++j) Put(publisher.get(), kType, "x");
      while (!done.load()) std::this_thread::yield();
    }
  }
}

// --- Nothing runs behind the end --------------------------------------------

// Stays, so that a call that comes too late can be seen.
struct Watched {
  std::atomic<bool> over{false};
  std::atomic<uint64_t> calls{0};
  std::atomic<uint64_t> late{0};

  static void OnMessage(const mycelium_message*, void* user_data) {
    auto* const watched = static_cast<Watched*>(user_data);
    ++watched->calls;
    if (watched->over.load()) ++watched->late;
  }
};

class Storm {
 public:
  Storm(const std::string& url, int publishers) {
    for (int i = 0; i < publishers; ++i) {
      threads_.emplace_back([this, url] {
        const Runtime runtime = Connected(url);
        while (!over_.load()) {
          const mycelium_status status = mycelium_publish_topic(
              runtime.get(), kType, nullptr, "x", 1, kSoonMs);
          EXPECT_EQ(status, MYCELIUM_OK) << mycelium_last_error();
        }
      });
    }
  }
  Storm(const Storm&) = delete;
  Storm& operator=(const Storm&) = delete;
  ~Storm() {
    over_ = true;
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  std::atomic<bool> over_{false};
  std::vector<std::thread> threads_;
};

enum class How { kUnsubscribe, kClose, kDestroy };

TEST_P(CallbacksTest, NoneRunsBehindTheEndOfASubscriptionInAStorm) {
  const Storm storm(url_, 3);
  for (const How how : {How::kUnsubscribe, How::kClose, How::kDestroy}) {
    for (const auto delivery :
         {MYCELIUM_DELIVERY_DIRECT, MYCELIUM_DELIVERY_QUEUED}) {
      for (int i = 0; i < 10; ++i) {
        Watched watched;
        mycelium_subscribe_options options =
            Queued(Watched::OnMessage, &watched);
        options.delivery = delivery;
        options.policy = mycelium_policy_of(MYCELIUM_LIVE);
        Runtime runtime = Connected();
        Subscription subscription = Subscribed(runtime.get(), options);
        while (watched.calls.load() < 10) std::this_thread::yield();
        if (how == How::kUnsubscribe) subscription.reset();
        if (how == How::kClose) mycelium_runtime_close(runtime.get());
        if (how == How::kDestroy) runtime.reset();
        watched.over = true;
        const uint64_t calls = watched.calls.load();
        std::this_thread::yield();
        subscription.reset();
        EXPECT_EQ(watched.calls.load(), calls);
        EXPECT_EQ(watched.late.load(), 0u);
      }
    }
  }
}

// Replies that are given, cancelled and closed by several threads at once.
TEST_P(CallbacksTest, EveryReplyIsCalledOnceAndNoneBehindClose) {
  const Runtime responder = Connected();
  const mycelium_subscribe_options respond = DefaultOptions(kQuestion);
  mycelium_subscription* responds = nullptr;
  ASSERT_EQ(mycelium_respond(responder.get(), &respond, ReplyAtOnce, &responds),
            MYCELIUM_OK);
  const Subscription responding(responds);
  for (int round = 0; round < 20; ++round) {
    const Runtime runtime = Connected();
    Calls replies;
    std::atomic<uint64_t> taken{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([&] {
        uint64_t call = 0;
        while (mycelium_request(runtime.get(), kQuestion, nullptr, "x", 1,
                                kSoonMs, Calls::OnReply, &replies,
                                &call) == MYCELIUM_OK) {
          ++taken;
          mycelium_cancel(runtime.get(), call);
        }
      });
    }
    replies.Await(20);
    EXPECT_EQ(mycelium_runtime_close(runtime.get()), MYCELIUM_OK);
    const size_t called = replies.count();
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(replies.count(), called);
    EXPECT_EQ(called, taken.load());
  }
}

TEST_P(CallbacksTest, MayCloseTheirRuntime) {
  for (const auto delivery :
       {MYCELIUM_DELIVERY_DIRECT, MYCELIUM_DELIVERY_QUEUED}) {
    Runtime runtime = Connected();
    const Runtime publisher = Connected();
    Task task{[&] {
      EXPECT_EQ(mycelium_runtime_close(runtime.get()), MYCELIUM_OK);
      EXPECT_EQ(mycelium_runtime_close(runtime.get()), MYCELIUM_OK);
    }};
    mycelium_subscribe_options options = Queued(Task::OnMessage, &task);
    options.delivery = delivery;
    Subscription subscription = Subscribed(runtime.get(), options);
    Put(publisher.get(), kType, "x");
    Put(publisher.get(), kType, "y");
    task.calls.Await(1);
    EXPECT_EQ(mycelium_flush(publisher.get(), kSoonMs), MYCELIUM_OK);
    runtime.reset();
    EXPECT_EQ(task.calls.count(), 1u);
  }
}

INSTANTIATE_TEST_SUITE_P(Carriers, CallbacksTest, kCarriers, CarrierName);

}  // namespace
}  // namespace mycelium::c
