// What the tests of all carriers share: each runs in process, and with the real
// broker over a Unix socket and over TCP.
#ifndef MYCELIUM_CLIENT_CORE_CARRIERS_FIXTURE_H_
#define MYCELIUM_CLIENT_CORE_CARRIERS_FIXTURE_H_

#include <gtest/gtest.h>

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "client/core/broker_process.h"
#include "client/core/client.h"

namespace mycelium::core {

inline constexpr uint16_t kType = 7;
inline constexpr uint16_t kKept = 8;     // all of it
inline constexpr uint16_t kKeptFew = 9;  // 4 frames

// Only a fault makes anything wait for so long.
Deadline Soon();
std::span<const uint8_t> Bytes(std::string_view text);
std::string Text(const Message& message);
std::vector<uint64_t> From1To(uint64_t last);

// A value of another thread, to be waited for.
template <typename T>
class Told {
 public:
  void Set(T value) {
    const std::lock_guard lock(mutex_);
    EXPECT_FALSE(value_.has_value()) << "told twice";
    value_ = std::move(value);
    changed_.notify_all();
  }
  T Wait() {
    std::unique_lock lock(mutex_);
    const bool told = changed_.wait_until(
        lock, Soon(), [this] { return value_.has_value(); });
    EXPECT_TRUE(told);
    return told ? *value_ : T();
  }
  bool IsSet() {
    const std::lock_guard lock(mutex_);
    return value_.has_value();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<T> value_;
};

struct Reply {
  Status status;
  uint16_t type_id = 0;
  std::string text;
};

// What a pulled subscription has had.
struct Seen {
  std::vector<uint64_t> sequences;
  std::map<std::string, uint64_t> newest;  // by topic
  uint64_t missed = 0;
  std::set<GapReason> reasons;
  bool unknown = false;

  uint64_t all() const { return sequences.size() + missed; }
};

// Its parameter: inproc, unix or tcp.
class CarrierTest : public testing::TestWithParam<const char*> {
 protected:
  CarrierTest();

  // With a history of kKept and kKeptFew.
  std::unique_ptr<Client> Connected(ClientOptions options = {});
  static std::shared_ptr<Subscription> Subscribed(
      Client* client, const SubscribeOptions& options, Handler handler = {});
  static void Put(Client* client, uint16_t type_id, std::string_view text,
                  std::string_view topic = {});
  static void Flush(Client* client);
  // Takes until frames and gaps together are `count`, or until it ends.
  static Status Take(Subscription* subscription, uint64_t count, Seen* seen);
  static Seen Taken(Subscription* subscription, uint64_t count);

 private:
  std::unique_ptr<BrokerProcess> broker_;
  std::string url_;
};

inline const auto kCarriers = testing::Values("inproc", "unix", "tcp");
std::string CarrierName(const testing::TestParamInfo<const char*>& info);

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_CARRIERS_FIXTURE_H_
