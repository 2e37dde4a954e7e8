// A socket client and its broker by hand, for tests; see fake_broker.h.
#ifndef MYCELIUM_CLIENT_CORE_SOCKET_FIXTURE_H_
#define MYCELIUM_CLIENT_CORE_SOCKET_FIXTURE_H_

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "client/core/client.h"
#include "client/core/fake_broker.h"
#include "gtest/gtest.h"
#include "proto/mycelium/control.pb.h"

namespace mycelium::core {

inline constexpr auto kLong = std::chrono::seconds(20);

inline Deadline Soon() { return Clock::now() + std::chrono::milliseconds(20); }
inline Deadline Late() { return Clock::now() + kLong; }

inline std::span<const uint8_t> AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

inline std::string Text(const Message& message) {
  return {message.payload.begin(), message.payload.end()};
}

inline std::string HoldFrame(uint32_t type_id) {
  mycelium::wire::Hold hold;
  hold.set_type_id(type_id);
  hold.set_by_session_id(12);
  hold.set_by_name("slow-reader");
  return ControlFrame(ControlKind::kHold, hold.SerializeAsString());
}

inline std::string ReleaseFrame(uint32_t type_id) {
  mycelium::wire::Release release;
  release.set_type_id(type_id);
  return ControlFrame(ControlKind::kRelease, release.SerializeAsString());
}

inline std::string GapFrame(uint32_t subscription_id, uint64_t first,
                            uint64_t last) {
  mycelium::wire::Gap gap;
  gap.set_subscription_id(subscription_id);
  gap.set_reason(wire::GAP_REASON_OVERFLOW);
  auto* range = gap.add_ranges();
  range->set_type_id(7);
  range->set_frames(last - first + 1);
  range->set_first_sequence(first);
  range->set_last_sequence(last);
  return ControlFrame(ControlKind::kGap, gap.SerializeAsString());
}

// What callbacks said, in their order; waits for it.
class Log {
 public:
  void Add(std::string line) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::move(line));
    changed_.notify_all();
  }
  std::vector<std::string> Lines(size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(
        changed_.wait_for(lock, kLong, [&] { return lines_.size() >= count; }))
        << lines_.size() << " lines";
    return lines_;
  }
  std::function<void(const Message&)> Messages() {
    return [this](const Message& message) { Add(Text(message)); };
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> lines_;
};

using Lines = std::vector<std::string>;

inline bool Eventually(const std::function<bool()>& done) {
  const Deadline deadline = Late();
  while (!done()) {
    if (Clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

class SocketClientTest : public testing::Test {
 protected:
  SocketClientTest() { Connect({}); }

  ~SocketClientTest() override { Disconnect(); }

  // Otherwise Close would wait for the broker to close, too.
  void Disconnect() {
    if (broker_ != nullptr) broker_->Hangup();
    client_ = nullptr;
  }

  void Connect(const ClientOptions& options) {
    Disconnect();
    broker_ = std::make_unique<FakeBroker>();
    client_ = broker_->Connect(options);
  }

  // Subscribes while the broker answers.
  std::shared_ptr<Subscription> Subscribe(const SubscribeOptions& options,
                                          Handler handler,
                                          uint32_t* id = nullptr) {
    std::shared_ptr<Subscription> subscription;
    std::thread answering([&] {
      const uint32_t answered = broker_->AnswerSubscribe();
      if (id != nullptr) *id = answered;
    });
    const Status status =
        client_->Subscribe(options, std::move(handler), &subscription);
    EXPECT_TRUE(status.ok()) << status.message;
    answering.join();
    return subscription;
  }

  Status Publish(std::string_view payload, uint16_t type_id = 7,
                 Deadline deadline = kNoDeadline) {
    return client_->Publish(type_id, {}, AsBytes(payload), deadline);
  }
  Status TryPublish(std::string_view payload, uint16_t type_id = 7) {
    return client_->TryPublish(type_id, {}, AsBytes(payload));
  }

  // Until TryPublish says no; how often it said yes.
  uint64_t FillOutbox() {
    const std::string payload(10'000, 'x');
    uint64_t count = 0;
    while (TryPublish(payload).ok()) ++count;
    return count;
  }

  // Held, and seen to be.
  void Hold(uint32_t type_id) {
    broker_->Send(HoldFrame(type_id));
    ASSERT_TRUE(Eventually(
        [&] { return !TryPublish("probe", uint16_t(type_id)).ok(); }));
  }

  std::unique_ptr<FakeBroker> broker_;
  std::unique_ptr<Client> client_;
};

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_SOCKET_FIXTURE_H_
