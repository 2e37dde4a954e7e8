// Runtimes, arguments, errors, schemas, fork.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <string>
#include <thread>

#include "client/c/interface_fixture.h"

#if defined(__SANITIZE_THREAD__)
#define MYCELIUM_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MYCELIUM_TSAN 1
#endif
#endif

namespace mycelium::c {
namespace {

void IgnoreMessage(const mycelium_message*, void*) {}
void IgnoreAccepted(mycelium_status, const char*, void*) {}
void IgnoreReply(mycelium_status, const char*, const mycelium_message*, void*) {
}
void FailRequest(const mycelium_message*, mycelium_respondent* respondent,
                 void*) {
  mycelium_fail(respondent, MYCELIUM_UNKNOWN, nullptr);
}

TEST(Version, IsTheHeaders) {
  EXPECT_STREQ(mycelium_version(), "0.1.0");
  EXPECT_EQ(mycelium_abi_version(), MYCELIUM_ABI_VERSION);
}

TEST(Status, HasAName) {
  EXPECT_STREQ(mycelium_status_text(MYCELIUM_OK), "MYCELIUM_OK");
  EXPECT_STREQ(mycelium_status_text(MYCELIUM_UNAVAILABLE),
               "MYCELIUM_UNAVAILABLE");
  EXPECT_STREQ(mycelium_status_text(MYCELIUM_UNAUTHENTICATED),
               "MYCELIUM_UNAUTHENTICATED");
  EXPECT_STREQ(mycelium_status_text(static_cast<mycelium_status>(17)),
               "unknown status");
  EXPECT_STREQ(mycelium_status_text(static_cast<mycelium_status>(-1)),
               "unknown status");
}

// --- Errors -----------------------------------------------------------------

TEST(LastError, IsThisThreadsAndStaysUntilAnotherFails) {
  std::thread([] {
    EXPECT_EQ(mycelium_last_status(), MYCELIUM_OK);
    EXPECT_STREQ(mycelium_last_error(), "");
  }).join();
  const Runtime runtime(mycelium_runtime_create());
  EXPECT_EQ(mycelium_publish(runtime.get(), 0, "x", 1),
            MYCELIUM_INVALID_ARGUMENT);
  const std::string error = "publish: type_id 0, allowed 1 to 65535";
  EXPECT_EQ(mycelium_last_error(), error);
  std::thread([&runtime] {
    EXPECT_STREQ(mycelium_last_error(), "");
    EXPECT_EQ(mycelium_publish(runtime.get(), 1, nullptr, 1),
              MYCELIUM_INVALID_ARGUMENT);
    EXPECT_TRUE(LastErrorHas("bytes is NULL"));
  }).join();
  EXPECT_EQ(mycelium_publish(runtime.get(), 1, "x", 1), MYCELIUM_OK);
  EXPECT_EQ(mycelium_last_error(), error);
  EXPECT_EQ(mycelium_last_status(), MYCELIUM_INVALID_ARGUMENT);
}

TEST(Null, HandleIsRefusedByEveryFunction) {
  const mycelium_subscribe_options options = DefaultOptions(kType);
  const uint8_t digest[MYCELIUM_SCHEMA_DIGEST_BYTES] = {};
  mycelium_subscription* subscription = nullptr;
  auto info = Sized<mycelium_broker_info>();
  auto counters = Sized<mycelium_counters>();
  mycelium_item item;
  const mycelium_status statuses[] = {
      mycelium_runtime_close(nullptr),
      mycelium_verify_schema_digest(nullptr, digest, sizeof digest),
      mycelium_ping(nullptr, 0),
      mycelium_runtime_broker_info(nullptr, &info),
      mycelium_runtime_counters(nullptr, &counters),
      mycelium_publish(nullptr, kType, "x", 1),
      mycelium_publish_topic(nullptr, kType, nullptr, "x", 1, 0),
      mycelium_publish_acked(nullptr, kType, nullptr, "x", 1, 0, IgnoreAccepted,
                             nullptr),
      mycelium_flush(nullptr, 0),
      mycelium_subscribe(nullptr, kType, IgnoreMessage, nullptr, &subscription),
      mycelium_subscribe_with(nullptr, &options, &subscription),
      mycelium_next(nullptr, 0, &item),
      mycelium_request(nullptr, kType, nullptr, "x", 1, 0, IgnoreReply, nullptr,
                       nullptr),
      mycelium_request_wait(nullptr, kType, nullptr, "x", 1, 0, IgnoreReply,
                            nullptr),
      mycelium_cancel(nullptr, 1),
      mycelium_respond(nullptr, &options, FailRequest, &subscription),
      mycelium_reply(nullptr, kType, "x", 1),
      mycelium_fail(nullptr, MYCELIUM_UNKNOWN, "x"),
  };
  for (const mycelium_status status : statuses) {
    EXPECT_EQ(status, MYCELIUM_INVALID_ARGUMENT);
  }
  EXPECT_TRUE(LastErrorHas("the handle is NULL"));
  EXPECT_EQ(mycelium_respondent_cancelled(nullptr), 1);
  EXPECT_EQ(subscription, nullptr);
}

TEST(Null, ReleaseDoesNothing) {
  EXPECT_EQ(mycelium_runtime_destroy(nullptr), MYCELIUM_OK);
  EXPECT_EQ(mycelium_unsubscribe(nullptr), MYCELIUM_OK);
}

TEST(Null, ArgumentIsRefusedWithItsName) {
  const Runtime runtime(mycelium_runtime_create());
  mycelium_runtime* const r = runtime.get();
  const mycelium_subscribe_options options = DefaultOptions(kType);
  const Subscription pulled = Subscribed(r, options);
  mycelium_subscription* subscription = nullptr;
  const auto refused = [](mycelium_status status, const std::string& words) {
    EXPECT_EQ(status, MYCELIUM_INVALID_ARGUMENT);
    EXPECT_TRUE(LastErrorHas(words));
  };
  refused(mycelium_connect_options_set_defaults(nullptr, 200), "NULL");
  refused(mycelium_subscribe_options_set_defaults(nullptr, 200), "NULL");
  refused(mycelium_verify_schema_digest(r, nullptr, 32), "digest is NULL");
  refused(mycelium_runtime_broker_info(r, nullptr), "NULL");
  refused(mycelium_runtime_counters(r, nullptr), "NULL");
  refused(mycelium_publish(r, kType, nullptr, 1), "bytes is NULL");
  refused(mycelium_publish_topic(r, kType, nullptr, nullptr, 1, 0),
          "bytes is NULL");
  refused(mycelium_publish_acked(r, kType, nullptr, "x", 1, 0, nullptr, r),
          "on_accepted is NULL");
  refused(mycelium_subscribe(r, kType, nullptr, nullptr, &subscription),
          "callback is NULL");
  refused(mycelium_subscribe(r, kType, IgnoreMessage, nullptr, nullptr),
          "subscription is NULL");
  refused(mycelium_subscribe_with(r, nullptr, &subscription), "NULL");
  refused(mycelium_subscribe_with(r, &options, nullptr),
          "subscription is NULL");
  refused(mycelium_next(pulled.get(), 0, nullptr), "item is NULL");
  refused(mycelium_request(r, kType, nullptr, "x", 1, 0, nullptr, r, nullptr),
          "on_reply is NULL");
  refused(mycelium_request_wait(r, kType, nullptr, "x", 1, 0, nullptr, r),
          "on_reply is NULL");
  refused(mycelium_respond(r, &options, nullptr, &subscription),
          "on_request is NULL");
  refused(mycelium_respond(r, nullptr, FailRequest, &subscription), "NULL");
  refused(mycelium_respond(r, &options, FailRequest, nullptr),
          "subscription is NULL");
  EXPECT_EQ(mycelium_publish(r, kType, nullptr, 0), MYCELIUM_OK);
}

TEST(Timeout, NegativeIsRefused) {
  const Runtime runtime(mycelium_runtime_create());
  EXPECT_EQ(mycelium_flush(runtime.get(), -2), MYCELIUM_INVALID_ARGUMENT);
  EXPECT_TRUE(LastErrorHas("flush: timeout_ms -2, allowed 0 and more"));
  EXPECT_EQ(mycelium_ping(runtime.get(), INT64_MAX), MYCELIUM_OK);
  EXPECT_EQ(mycelium_flush(runtime.get(), MYCELIUM_NO_TIMEOUT), MYCELIUM_OK);
}

// --- Structs ----------------------------------------------------------------

TEST(Struct, ShorterThanTheFirstVersionIsRefused) {
  const Runtime runtime(mycelium_runtime_create());
  mycelium_subscription* subscription = nullptr;
  mycelium_subscribe_options options = DefaultOptions(kType);
  for (const size_t bytes : {size_t{0}, sizeof options - 1}) {
    options.struct_bytes = bytes;
    EXPECT_EQ(mycelium_subscribe_with(runtime.get(), &options, &subscription),
              MYCELIUM_INVALID_ARGUMENT);
    EXPECT_TRUE(LastErrorHas("subscribe: struct_bytes " +
                             std::to_string(bytes) + ", allowed " +
                             std::to_string(sizeof options)));
  }
  mycelium_connect_options connect_options;
  mycelium_connect_options_init(&connect_options);
  connect_options.struct_bytes = 8;
  EXPECT_EQ(mycelium_runtime_connect("inproc:", &connect_options), nullptr);
  EXPECT_TRUE(LastErrorHas("connect: struct_bytes 8, allowed "));
  mycelium_counters counters = {};
  EXPECT_EQ(mycelium_runtime_counters(runtime.get(), &counters),
            MYCELIUM_INVALID_ARGUMENT);
  mycelium_broker_info info = {};
  EXPECT_EQ(mycelium_runtime_broker_info(runtime.get(), &info),
            MYCELIUM_INVALID_ARGUMENT);
  EXPECT_EQ(mycelium_subscribe_options_set_defaults(&options, 1 << 20),
            MYCELIUM_INVALID_ARGUMENT);
}

TEST(Struct, OfALaterVersionIsTakenIfWhatIsNewIsZero) {
  struct Later {
    mycelium_subscribe_options known;
    uint64_t added;
  } later;
  ASSERT_EQ(mycelium_subscribe_options_set_defaults(&later.known, sizeof later),
            MYCELIUM_OK);
  EXPECT_EQ(later.known.struct_bytes, sizeof later);
  EXPECT_EQ(later.added, 0u);
  EXPECT_EQ(later.known.policy.stall_ms_max, 1000);
  later.known.type_id = kType;
  const Runtime runtime(mycelium_runtime_create());
  Subscribed(runtime.get(), later.known);
  later.added = 1;
  mycelium_subscription* subscription = nullptr;
  EXPECT_EQ(mycelium_subscribe_with(runtime.get(), &later.known, &subscription),
            MYCELIUM_INVALID_ARGUMENT);
  EXPECT_TRUE(
      LastErrorHas("this library knows " + std::to_string(sizeof later.known)));
}

TEST(Struct, NumbersBeyondTheirEnumAreRefused) {
  const Runtime runtime(mycelium_runtime_create());
  mycelium_subscription* subscription = nullptr;
  const auto refused = [&](mycelium_subscribe_options options,
                           const std::string& words) {
    EXPECT_EQ(mycelium_subscribe_with(runtime.get(), &options, &subscription),
              MYCELIUM_INVALID_ARGUMENT);
    EXPECT_TRUE(LastErrorHas(words));
  };
  mycelium_subscribe_options options = DefaultOptions(kType);
  options.delivery = static_cast<mycelium_delivery>(2);
  refused(options, "subscribe: delivery 2, allowed 0 to 1");
  options = DefaultOptions(kType);
  options.policy.overflow = static_cast<mycelium_overflow>(3);
  refused(options, "subscribe: overflow 3, allowed 0 to 2");
  options = DefaultOptions(kType);
  options.start = static_cast<mycelium_start>(4);
  refused(options, "subscribe: start 4, allowed 0 to 3");
  options = DefaultOptions(kType);
  options.topic_filter = "a..b";
  refused(options, "topic filter");
  options = DefaultOptions(kType);
  options.on_gap = Calls::OnGap;
  refused(options, "on_gap without on_message");
  options = DefaultOptions(kType);
  options.on_message = IgnoreMessage;
  options.on_batch_end = Calls::OnBatchEnd;
  refused(options, "on_batch_end of a direct or pulled subscription");
}

TEST(Policy, NamesAreThoseOfTheDocumentation) {
  EXPECT_EQ(mycelium_policy_of(MYCELIUM_BALANCED).stall_ms_max, 1000);
  EXPECT_EQ(mycelium_policy_of(MYCELIUM_LOSSLESS).stall_ms_max, -1);
  EXPECT_EQ(mycelium_policy_of(MYCELIUM_LIVE).stall_ms_max, 0);
  EXPECT_EQ(mycelium_policy_of(MYCELIUM_LATEST).overflow,
            MYCELIUM_OVERFLOW_CONFLATE);
  EXPECT_EQ(mycelium_policy_of(MYCELIUM_STRICT).overflow,
            MYCELIUM_OVERFLOW_DISCONNECT);
  EXPECT_EQ(mycelium_policy_of(static_cast<mycelium_policy_name>(9)).overflow,
            MYCELIUM_OVERFLOW_GAP);
}

// --- Connecting -------------------------------------------------------------

TEST(Connect, SaysWhatIsWrong) {
  mycelium_connect_options options;
  mycelium_connect_options_init(&options);
  EXPECT_EQ(mycelium_runtime_connect("http://x", nullptr), nullptr);
  EXPECT_EQ(mycelium_last_status(), MYCELIUM_INVALID_ARGUMENT);
  EXPECT_EQ(mycelium_runtime_connect("unix:/var/tmp/nobody", nullptr), nullptr);
  EXPECT_EQ(mycelium_last_status(), MYCELIUM_UNAVAILABLE);
  options.connect_timeout_ms = -2;
  EXPECT_EQ(mycelium_runtime_connect("inproc:", &options), nullptr);
  EXPECT_TRUE(LastErrorHas("connect: connect_timeout_ms -2, allowed"));
  mycelium_connect_options_init(&options);
  options.reconnect_ms_max = -1;
  EXPECT_EQ(mycelium_runtime_connect("inproc:", &options), nullptr);
  EXPECT_TRUE(LastErrorHas("connect: reconnect_ms_max -1, allowed"));
}

class RuntimeTest : public CarrierTest {};

TEST_P(RuntimeTest, WaitsForAConnectionForAsLongAsItTakes) {
  mycelium_connect_options options;
  mycelium_connect_options_init(&options);
  options.connect_timeout_ms = MYCELIUM_NO_TIMEOUT;
  options.name = "patient";
  const Runtime runtime = Connected(&options);
  EXPECT_EQ(mycelium_ping(runtime.get(), kSoonMs), MYCELIUM_OK);
}

TEST_P(RuntimeTest, InfoAndCountersAreFilled) {
  const Runtime runtime = Connected();
  auto info = Sized<mycelium_broker_info>();
  ASSERT_EQ(mycelium_runtime_broker_info(runtime.get(), &info), MYCELIUM_OK);
  EXPECT_EQ(info.struct_bytes, sizeof info);
  EXPECT_NE(info.epoch, 0u);
  EXPECT_NE(info.session_id, 0u);
  EXPECT_EQ(info.frame_bytes_max, 1u << 20);
  EXPECT_STRNE(info.name, "");
  EXPECT_STRNE(info.version, "");
  Calls calls;
  const Subscription subscription =
      Subscribed(runtime.get(), kType, Calls::OnMessage, &calls);
  Put(runtime.get(), kType, "x");
  EXPECT_EQ(mycelium_flush(runtime.get(), kSoonMs), MYCELIUM_OK);
  calls.Await(1);
  auto counters = Sized<mycelium_counters>();
  ASSERT_EQ(mycelium_runtime_counters(runtime.get(), &counters), MYCELIUM_OK);
  EXPECT_EQ(counters.frames_published, 1u);
  EXPECT_EQ(counters.frames_accepted, 1u);
  EXPECT_EQ(counters.reconnects, 0u);
}

TEST_P(RuntimeTest, ClosedOneSaysSoAndItsHandlesStayGood) {
  mycelium_runtime* const runtime = Connected().release();
  Subscription pulled = Subscribed(runtime, DefaultOptions(kType));
  Calls calls;
  Subscription pushed = Subscribed(runtime, kType, Calls::OnMessage, &calls);
  EXPECT_EQ(mycelium_runtime_close(runtime), MYCELIUM_OK);
  EXPECT_EQ(mycelium_runtime_close(runtime), MYCELIUM_OK);
  EXPECT_EQ(mycelium_publish(runtime, kType, "x", 1), MYCELIUM_CANCELLED);
  mycelium_subscription* late = nullptr;
  EXPECT_EQ(mycelium_subscribe(runtime, kType, IgnoreMessage, nullptr, &late),
            MYCELIUM_CANCELLED);
  mycelium_item item;
  EXPECT_EQ(mycelium_next(pulled.get(), 0, &item), MYCELIUM_CANCELLED);
  EXPECT_EQ(mycelium_runtime_destroy(runtime), MYCELIUM_OK);
  EXPECT_EQ(mycelium_next(pulled.get(), kSoonMs, &item), MYCELIUM_CANCELLED);
}

TEST_P(RuntimeTest, PeerThatIsGoneDoesNotMatter) {
  const Runtime publisher = Connected();
  Calls calls;
  Runtime subscriber = Connected();
  Subscription subscription =
      Subscribed(subscriber.get(), kType, Calls::OnMessage, &calls);
  Put(publisher.get(), kType, "x");
  calls.Await(1);
  subscriber.reset();
  Put(publisher.get(), kType, "y");
  EXPECT_EQ(mycelium_flush(publisher.get(), kSoonMs), MYCELIUM_OK);
  EXPECT_EQ(calls.count(), 1u);
}

size_t EntriesOf(const char* folder) {
  size_t count = 0;
  for ([[maybe_unused]] const auto& each :
       std::filesystem::directory_iterator(folder)) {
    ++count;
  }
  return count;
}

// With threads that are about to end.
void ExpectEntriesSoon(const char* folder, size_t most) {
  const auto end =
      std::chrono::steady_clock::now() + std::chrono::milliseconds(kSoonMs);
  while (EntriesOf(folder) > most && std::chrono::steady_clock::now() < end) {
    std::this_thread::yield();
  }
  EXPECT_LE(EntriesOf(folder), most) << folder;
}

TEST_P(RuntimeTest, AThousandLivesLeaveNothing) {
  const auto live = [this] {
    const Runtime runtime = Connected();
    Calls calls;
    mycelium_subscribe_options options = DefaultOptions(kType);
    options.on_message = Calls::OnMessage;
    options.user_data = &calls;
    options.delivery = MYCELIUM_DELIVERY_QUEUED;
    const Subscription subscription = Subscribed(runtime.get(), options);
    Put(runtime.get(), kType, "x");
    calls.Await(1);
  };
  live();
  const size_t files = EntriesOf("/proc/self/fd");
  // A TCP socket's name look-up needs no thread.
  const size_t threads = EntriesOf("/proc/self/task");
  for (int i = 0; i < 1000; ++i) live();
  ExpectEntriesSoon("/proc/self/fd", files);
  ExpectEntriesSoon("/proc/self/task", threads);
}

INSTANTIATE_TEST_SUITE_P(Carriers, RuntimeTest, kCarriers, CarrierName);

// --- Buses by name ----------------------------------------------------------

TEST(Inproc, NamedBusIsSharedAndAPrivateOneIsNot) {
  const Runtime a = Connected("inproc:shared"), b = Connected("inproc:shared");
  const Runtime alone = Connected("inproc:");
  Calls calls;
  const Subscription subscription =
      Subscribed(b.get(), kType, Calls::OnMessage, &calls);
  Put(alone.get(), kType, "alone");
  Put(a.get(), kType, "shared", "a.b");
  const auto all = calls.Await(1);
  EXPECT_EQ(calls.count(), 1u);
  EXPECT_EQ(all[0].what, "shared");
  EXPECT_EQ(all[0].topic, "a.b");
  EXPECT_EQ(all[0].sequence, 1u);
}

// --- Schemas ----------------------------------------------------------------

TEST(Schema, BuiltinNeedsItsDigestOnly) {
  mycelium_connect_options options;
  mycelium_connect_options_init(&options);
  options.schema_digest = mycelium_builtin_schema_digest();
  const Runtime runtime = Connected("inproc:", &options);
  EXPECT_EQ(mycelium_verify_schema_digest(runtime.get(),
                                          mycelium_builtin_schema_digest(),
                                          MYCELIUM_SCHEMA_DIGEST_BYTES),
            MYCELIUM_OK);
}

TEST(Schema, OtherDigestIsToldWithBoth) {
  const Runtime runtime = Connected("inproc:");
  uint8_t digest[MYCELIUM_SCHEMA_DIGEST_BYTES];
  std::memset(digest, 0xab, sizeof digest);
  EXPECT_EQ(mycelium_verify_schema_digest(runtime.get(), digest, sizeof digest),
            MYCELIUM_FAILED_PRECONDITION);
  std::string seen = "m1:";
  for (int i = 0; i < MYCELIUM_SCHEMA_DIGEST_BYTES; ++i) seen += "ab";
  EXPECT_TRUE(LastErrorHas("schema: digest " + seen + ", allowed m1:"));
  EXPECT_EQ(mycelium_verify_schema_digest(runtime.get(), digest, 31),
            MYCELIUM_INVALID_ARGUMENT);
  EXPECT_TRUE(LastErrorHas("digest_bytes 31, allowed 32"));
  // Nobody could know what it stands for.
  mycelium_connect_options options;
  mycelium_connect_options_init(&options);
  options.schema_digest = digest;
  EXPECT_EQ(mycelium_runtime_connect("inproc:", &options), nullptr);
  EXPECT_TRUE(LastErrorHas("connect: schema digest " + seen +
                           " without a descriptor_set"));
  options.schema_digest = nullptr;
  options.descriptor_set = digest;
  options.descriptor_set_bytes = sizeof digest;
  EXPECT_EQ(mycelium_runtime_connect("inproc:", &options), nullptr);
  EXPECT_TRUE(LastErrorHas("schema_digest is NULL"));
}

// --- fork -------------------------------------------------------------------

// What the child returns.
template <typename Child>
int InChild(Child child) {
  const pid_t pid = fork();
  if (pid == 0) _exit(child());
  int status = -1;
  EXPECT_EQ(waitpid(pid, &status, 0), pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_P(RuntimeTest, HandlesOfTheParentDoNothingInAChild) {
  mycelium_runtime* const runtime = Connected().release();
  Calls calls;
  mycelium_subscription* const subscription =
      Subscribed(runtime, kType, Calls::OnMessage, &calls).release();
  EXPECT_EQ(InChild([&] {
              int ok = 0;
              for (const mycelium_status status :
                   {mycelium_publish(runtime, kType, "x", 1),
                    mycelium_flush(runtime, 0), mycelium_ping(runtime, 0),
                    mycelium_unsubscribe(subscription),
                    mycelium_runtime_close(runtime),
                    mycelium_runtime_destroy(runtime)}) {
                ok += status == MYCELIUM_FAILED_PRECONDITION ? 1 : 0;
              }
              return ok;
            }),
            6);
  // They are as good as before.
  Put(runtime, kType, "x");
  calls.Await(1);
  EXPECT_EQ(mycelium_unsubscribe(subscription), MYCELIUM_OK);
  EXPECT_EQ(mycelium_runtime_destroy(runtime), MYCELIUM_OK);
}

// ThreadSanitizer refuses threads in the child of a process with threads.
#if !defined(MYCELIUM_TSAN)
TEST_P(RuntimeTest, ChildHasRuntimesOfItsOwn) {
  const Runtime parent = Connected();
  Calls parents;
  mycelium_subscribe_options options = DefaultOptions(kType);
  options.on_message = Calls::OnMessage;
  options.user_data = &parents;
  options.delivery = MYCELIUM_DELIVERY_QUEUED;
  options.policy = mycelium_policy_of(MYCELIUM_LOSSLESS);
  options.policy.queue_bytes_max = 4096;
  const Subscription subscription = Subscribed(parent.get(), options);
  // The process has its thread for deadlines.
  Calls replies;
  EXPECT_EQ(mycelium_request(parent.get(), kQuestion, nullptr, "", 0, kSoonMs,
                             Calls::OnReply, &replies, nullptr),
            MYCELIUM_OK);
  replies.Await(1);
  EXPECT_EQ(
      InChild([this] {
        mycelium_runtime* const own =
            mycelium_runtime_connect(url_.c_str(), nullptr);
        if (own == nullptr) return 1;
        Calls calls;
        mycelium_subscription* subscribed = nullptr;
        mycelium_subscribe_options queued = DefaultOptions(kQuestion);
        queued.on_message = Calls::OnMessage;
        queued.user_data = &calls;
        queued.delivery = MYCELIUM_DELIVERY_QUEUED;
        if (mycelium_subscribe_with(own, &queued, &subscribed) != MYCELIUM_OK) {
          return 2;
        }
        const std::string large(1000, 'x');
        for (int i = 0; i < 100; ++i) {
          // In process nobody takes it: the parent's bus is not here.
          Put(own, is_inproc() ? kType : kAnswer, large);
        }
        Put(own, kQuestion, "x");
        calls.Await(1);
        if (mycelium_unsubscribe(subscribed) != MYCELIUM_OK) return 3;
        return mycelium_runtime_destroy(own) == MYCELIUM_OK ? 42 : 4;
      }),
      42);
  EXPECT_EQ(parents.count(), 0u);
}

void KeepRequest(const mycelium_message*, mycelium_respondent* respondent,
                 void* kept) {
  *static_cast<mycelium_respondent**>(kept) = respondent;
}

TEST(Fork, ChildHasDeadlinesOfItsOwn) {
  const auto expires = [] {
    const Runtime own = Connected("inproc:");
    mycelium_subscribe_options options = DefaultOptions(kQuestion);
    mycelium_respondent* kept = nullptr;
    options.user_data = &kept;
    mycelium_subscription* responder = nullptr;
    EXPECT_EQ(mycelium_respond(own.get(), &options, KeepRequest, &responder),
              MYCELIUM_OK);
    const Subscription responding(responder);
    Calls calls;
    EXPECT_EQ(mycelium_request(own.get(), kQuestion, nullptr, "", 0, 1,
                               Calls::OnReply, &calls, nullptr),
              MYCELIUM_OK);
    const bool expired = calls.Await(1)[0].status == MYCELIUM_DEADLINE_EXCEEDED;
    EXPECT_EQ(mycelium_respondent_cancelled(kept), 1);
    EXPECT_EQ(mycelium_reply(kept, kAnswer, "", 0), MYCELIUM_OK);
    return expired;
  };
  EXPECT_TRUE(expires());
  EXPECT_EQ(InChild([&] { return expires() ? 42 : 1; }), 42);
}
#endif

}  // namespace
}  // namespace mycelium::c
