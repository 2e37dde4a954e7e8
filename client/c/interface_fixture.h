// What the tests of the C interface share.  Like a program of a user's they
// know mycelium.h alone; each test with a carrier runs in process, and with the
// real broker over a Unix socket and over TCP.
#ifndef MYCELIUM_CLIENT_C_INTERFACE_FIXTURE_H_
#define MYCELIUM_CLIENT_C_INTERFACE_FIXTURE_H_

#include <gtest/gtest.h>

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "client/c/mycelium.h"
#include "client/core/broker_process.h"

namespace mycelium::c {

inline constexpr uint16_t kType = 7;
inline constexpr uint16_t kQuestion = 8;
inline constexpr uint16_t kAnswer = 9;
// Only a fault makes anything wait for so long.
inline constexpr int64_t kSoonMs = 60'000;

struct DestroyRuntime {
  void operator()(mycelium_runtime* runtime) const {
    EXPECT_EQ(mycelium_runtime_destroy(runtime), MYCELIUM_OK);
  }
};
using Runtime = std::unique_ptr<mycelium_runtime, DestroyRuntime>;

struct ReleaseSubscription {
  void operator()(mycelium_subscription* subscription) const {
    EXPECT_EQ(mycelium_unsubscribe(subscription), MYCELIUM_OK);
  }
};
using Subscription =
    std::unique_ptr<mycelium_subscription, ReleaseSubscription>;

// What callbacks were called with; its address is their user_data.
class Calls {
 public:
  struct Call {
    std::string what;  // the payload, or other words
    std::thread::id thread;
    std::string topic = {};
    uint64_t sequence = 0;
    uint16_t type_id = 0;
    mycelium_status status = MYCELIUM_OK;
  };

  void Add(Call call);
  // Once there are so many.
  std::vector<Call> Await(size_t count);
  // Once one of them says so.
  void AwaitOne(const std::string& what);
  std::vector<Call> all();
  size_t count() { return all().size(); }

  static void OnMessage(const mycelium_message* message, void* calls);
  static void OnGap(const mycelium_gap* gap, void* calls);  // "gap"
  static void OnBatchEnd(void* calls);                      // "batch end"
  static void OnAccepted(mycelium_status status, const char* error,
                         void* calls);
  static void OnReply(mycelium_status status, const char* error,
                      const mycelium_message* reply, void* calls);
  // "connected", ...
  static void OnState(mycelium_state state, mycelium_status status,
                      const char* error, void* calls);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Call> all_;
};

// A callback's work; its address is the user_data of what it makes.
struct Task {
  std::function<void()> work;
  Calls calls = {};

  static void OnMessage(const mycelium_message* message, void* task);
};

// To be filled by the library.
template <typename Struct>
Struct Sized() {
  Struct empty = {};
  empty.struct_bytes = sizeof empty;
  return empty;
}

mycelium_subscribe_options DefaultOptions(uint16_t type_id);
Runtime Connected(const std::string& url,
                  const mycelium_connect_options* options = nullptr);
Subscription Subscribed(mycelium_runtime* runtime,
                        const mycelium_subscribe_options& options);
Subscription Subscribed(mycelium_runtime* runtime, uint16_t type_id,
                        mycelium_message_callback callback, void* user_data);
void Put(mycelium_runtime* runtime, uint16_t type_id, std::string_view text,
         const char* topic = nullptr);
// What this thread's last error has.
testing::AssertionResult LastErrorHas(const std::string& words);

// Its parameter: inproc, unix or tcp.
class CarrierTest : public testing::TestWithParam<const char*> {
 protected:
  CarrierTest();

  Runtime Connected(const mycelium_connect_options* options = nullptr) {
    return c::Connected(url_, options);
  }
  bool is_inproc() const { return broker_ == nullptr; }

  std::unique_ptr<core::BrokerProcess> broker_;
  std::string url_;
};

inline const auto kCarriers = testing::Values("inproc", "unix", "tcp");
std::string CarrierName(const testing::TestParamInfo<const char*>& info);

}  // namespace mycelium::c

#endif  // MYCELIUM_CLIENT_C_INTERFACE_FIXTURE_H_
