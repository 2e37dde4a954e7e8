#include "client/c/interface_fixture.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <utility>

namespace mycelium::c {
namespace {

std::string TextOf(const mycelium_message& message) {
  EXPECT_NE(message.payload, nullptr);
  EXPECT_EQ(std::string_view(message.topic).size(), message.topic_bytes);
  return {reinterpret_cast<const char*>(message.payload),
          message.payload_bytes};
}

std::chrono::steady_clock::time_point Soon() {
  return std::chrono::steady_clock::now() + std::chrono::milliseconds(kSoonMs);
}

}  // namespace

void Calls::Add(Call call) {
  call.thread = std::this_thread::get_id();
  const std::lock_guard lock(mutex_);
  all_.push_back(std::move(call));
  changed_.notify_all();
}

std::vector<Calls::Call> Calls::Await(size_t count) {
  std::unique_lock lock(mutex_);
  const bool there =
      changed_.wait_until(lock, Soon(), [&] { return all_.size() >= count; });
  EXPECT_TRUE(there) << all_.size() << " calls, waited for " << count;
  auto all = all_;
  all.resize(std::max(all.size(), count));
  return all;
}

void Calls::AwaitOne(const std::string& what) {
  std::unique_lock lock(mutex_);
  const bool there = changed_.wait_until(lock, Soon(), [&] {
    return std::any_of(all_.begin(), all_.end(),
                       [&](const Call& call) { return call.what == what; });
  });
  EXPECT_TRUE(there) << "waited for " << what;
}

std::vector<Calls::Call> Calls::all() {
  const std::lock_guard lock(mutex_);
  return all_;
}

void Calls::OnMessage(const mycelium_message* message, void* calls) {
  static_cast<Calls*>(calls)->Add({.what = TextOf(*message),
                                   .thread = {},
                                   .topic = message->topic,
                                   .sequence = message->sequence,
                                   .type_id = message->type_id});
}

void Calls::OnGap(const mycelium_gap*, void* calls) {
  static_cast<Calls*>(calls)->Add({.what = "gap", .thread = {}});
}

void Calls::OnBatchEnd(void* calls) {
  static_cast<Calls*>(calls)->Add({.what = "batch end", .thread = {}});
}

void Calls::OnAccepted(mycelium_status status, const char* error, void* calls) {
  static_cast<Calls*>(calls)->Add(
      {.what = error, .thread = {}, .status = status});
}

void Calls::OnReply(mycelium_status status, const char* error,
                    const mycelium_message* reply, void* calls) {
  EXPECT_EQ(status == MYCELIUM_OK, reply != nullptr);
  static_cast<Calls*>(calls)->Add(
      {.what = reply == nullptr ? error : TextOf(*reply),
       .thread = {},
       .type_id = reply == nullptr ? uint16_t{0} : reply->type_id,
       .status = status});
}

void Calls::OnState(mycelium_state state, mycelium_status status,
                    const char* error, void* calls) {
  constexpr const char* kNames[] = {"connecting", "connected", "stalled",
                                    "reconnecting", "closed"};
  EXPECT_NE(error, nullptr);
  static_cast<Calls*>(calls)->Add(
      {.what = kNames[state], .thread = {}, .status = status});
}

void Task::OnMessage(const mycelium_message* message, void* task) {
  static_cast<Task*>(task)->work();
  Calls::OnMessage(message, &static_cast<Task*>(task)->calls);
}

mycelium_subscribe_options DefaultOptions(uint16_t type_id) {
  mycelium_subscribe_options options;
  EXPECT_EQ(mycelium_subscribe_options_init(&options), MYCELIUM_OK);
  options.type_id = type_id;
  return options;
}

Runtime Connected(const std::string& url,
                  const mycelium_connect_options* options) {
  Runtime runtime(mycelium_runtime_connect(url.c_str(), options));
  EXPECT_NE(runtime, nullptr) << mycelium_last_error();
  return runtime;
}

Subscription Subscribed(mycelium_runtime* runtime,
                        const mycelium_subscribe_options& options) {
  mycelium_subscription* subscription = nullptr;
  EXPECT_EQ(mycelium_subscribe_with(runtime, &options, &subscription),
            MYCELIUM_OK)
      << mycelium_last_error();
  return Subscription(subscription);
}

Subscription Subscribed(mycelium_runtime* runtime, uint16_t type_id,
                        mycelium_message_callback callback, void* user_data) {
  mycelium_subscription* subscription = nullptr;
  EXPECT_EQ(
      mycelium_subscribe(runtime, type_id, callback, user_data, &subscription),
      MYCELIUM_OK)
      << mycelium_last_error();
  return Subscription(subscription);
}

void Put(mycelium_runtime* runtime, uint16_t type_id, std::string_view text,
         const char* topic) {
  EXPECT_EQ(mycelium_publish_topic(runtime, type_id, topic, text.data(),
                                   text.size(), kSoonMs),
            MYCELIUM_OK)
      << mycelium_last_error();
}

testing::AssertionResult LastErrorHas(const std::string& words) {
  const std::string error = mycelium_last_error();
  if (error.find(words) != std::string::npos) {
    return testing::AssertionSuccess();
  }
  return testing::AssertionFailure()
         << "\"" << error << "\" without \"" << words << "\"";
}

CarrierTest::CarrierTest() {
  if (std::string_view(GetParam()) == "inproc") {
    static std::atomic<int> last{0};
    url_ = "inproc:c-" + std::to_string(++last);
    return;
  }
  // By itself it learns message types from its own user only.
  broker_ = std::make_unique<core::BrokerProcess>("schema { open: true }\n");
  url_ = std::string_view(GetParam()) == "unix" ? broker_->unix_url()
                                                : broker_->tcp_url();
}

std::string CarrierName(const testing::TestParamInfo<const char*>& info) {
  return info.param;
}

}  // namespace mycelium::c
