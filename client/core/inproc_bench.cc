// What a message costs in process: one JSON object a line.
//
// "direct": the whole Publish call on one thread, by number of subscribers.
// "request": a request and its reply on one thread.
// "queued": from one thread to another through a queued subscription, beside a
// bare ring of 64-byte slots between the same two threads in the same run.
// "latency": one way through a pulled subscription, to a consumer that sleeps
// and to one that has just been fed.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "client/core/bus.h"

namespace mycelium::core {
namespace {

constexpr uint16_t kType = 7;
constexpr size_t kPayloadBytes = 64;
constexpr uint64_t kMessages = 1'000'000;
constexpr uint64_t kRequests = 100'000;
constexpr int kRounds = 25;

double Seconds(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// A benchmark of a bus that fails measures nothing.
void Require(const Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "inproc_bench: %s\n", status.message.c_str());
  std::exit(1);
}

std::unique_ptr<Client> Connected() {
  std::unique_ptr<Client> client;
  Require(InprocClient::Connect("inproc:", {}, &client));
  return client;
}

SubscribeOptions OfType() {
  SubscribeOptions options;
  options.type_id = kType;
  return options;
}

// Best of kRounds: the least disturbed one.
template <typename Round>
double BestSeconds(Round round) {
  double best = round();
  for (int i = 1; i < kRounds; ++i) best = std::min(best, round());
  return best;
}

void PublishAll(Client* client, uint64_t messages) {
  std::array<uint8_t, kPayloadBytes> payload{};
  for (uint64_t i = 0; i < messages; ++i) {
    std::memcpy(payload.data(), &i, sizeof i);
    Require(client->Publish(kType, {}, payload, kNoDeadline));
  }
}

void Direct(int subscribers) {
  const std::unique_ptr<Client> client = Connected();
  std::vector<std::shared_ptr<Subscription>> subscriptions(subscribers);
  uint64_t sum = 0;
  for (auto& subscription : subscriptions) {
    const auto add = [&sum](const Message& message) {
      sum += message.payload[0];
    };
    Require(client->Subscribe(OfType(), {add, nullptr}, &subscription));
  }
  const double seconds = BestSeconds([&client] {
    const Clock::time_point begin = Clock::now();
    PublishAll(client.get(), kMessages);
    return Seconds(begin);
  });
  std::printf(
      "{\"case\": \"direct\", \"subscribers\": %d, \"payload_bytes\": %zu, "
      "\"ns_per_message\": %.1f, \"checksum\": %llu}\n",
      subscribers, kPayloadBytes, seconds / kMessages * 1e9,
      static_cast<unsigned long long>(sum));
}

// A request and its reply, with a responder that is called within the request.
void Request() {
  const std::unique_ptr<Client> client = Connected();
  std::shared_ptr<Subscription> responding;
  const auto answer = [](const Message& request,
                         std::unique_ptr<Respondent> respondent) {
    Require(respondent->Reply(kType, request.payload));
  };
  Require(client->Respond(OfType(), answer, &responding));
  uint64_t replies = 0;
  const std::array<uint8_t, kPayloadBytes> payload{};
  const double seconds = BestSeconds([&] {
    const Clock::time_point begin = Clock::now();
    for (uint64_t i = 0; i < kRequests; ++i) {
      Require(client->Request(
          kType, payload, {},
          [&replies](const Status&, const Message*) { ++replies; }, nullptr));
    }
    return Seconds(begin);
  });
  std::printf(
      "{\"case\": \"request\", \"payload_bytes\": %zu, \"ns_per_request\": "
      "%.1f, \"replies\": %llu}\n",
      kPayloadBytes, seconds / kRequests * 1e9,
      static_cast<unsigned long long>(replies));
}

double QueuedSeconds() {
  const std::unique_ptr<Client> client = Connected();
  std::atomic<uint64_t> last{0};
  std::atomic<bool> done{false};
  const auto take = [&](const Message& message) {
    uint64_t number;
    std::memcpy(&number, message.payload.data(), sizeof number);
    if (message.sequence == kMessages) {
      last.store(number);
      done.store(true);
      done.notify_one();
    }
  };
  std::shared_ptr<Subscription> subscription;
  SubscribeOptions options = OfType();
  options.policy.stall_ms_max = -1;
  options.delivery = Delivery::kQueued;
  Require(client->Subscribe(options, {take, nullptr}, &subscription));
  const Clock::time_point begin = Clock::now();
  PublishAll(client.get(), kMessages);
  done.wait(false);
  return Seconds(begin);
}

// The least that can pass 64 bytes between two threads in order.
class Ring {
 public:
  void Push(const uint8_t* slot) {
    const uint64_t head = head_.load(std::memory_order_relaxed);
    while (head - seen_tail_ == kSlots) {
      seen_tail_ = tail_.load(std::memory_order_acquire);
    }
    std::memcpy(slots_[head % kSlots].data(), slot, kPayloadBytes);
    head_.store(head + 1, std::memory_order_release);
  }
  const uint8_t* Front() {
    const uint64_t tail = tail_.load(std::memory_order_relaxed);
    while (seen_head_ == tail) {
      seen_head_ = head_.load(std::memory_order_acquire);
    }
    return slots_[tail % kSlots].data();
  }
  void Pop() {
    tail_.store(tail_.load(std::memory_order_relaxed) + 1,
                std::memory_order_release);
  }

 private:
  static constexpr uint64_t kSlots = 1024;
  alignas(64) std::array<std::array<uint8_t, kPayloadBytes>, kSlots> slots_;
  alignas(64) std::atomic<uint64_t> head_{0};
  uint64_t seen_tail_ = 0;  // the producer's
  alignas(64) std::atomic<uint64_t> tail_{0};
  uint64_t seen_head_ = 0;  // the consumer's
};

double RingSeconds() {
  const auto ring = std::make_unique<Ring>();
  const Clock::time_point begin = Clock::now();
  std::thread producer([&ring] {
    std::array<uint8_t, kPayloadBytes> payload{};
    for (uint64_t i = 0; i < kMessages; ++i) {
      std::memcpy(payload.data(), &i, sizeof i);
      ring->Push(payload.data());
    }
  });
  uint64_t sum = 0;
  for (uint64_t i = 0; i < kMessages; ++i) {
    uint64_t number;
    std::memcpy(&number, ring->Front(), sizeof number);
    sum += number;
    ring->Pop();
  }
  producer.join();
  const double seconds = Seconds(begin);
  if (sum != kMessages * (kMessages - 1) / 2) {
    Require({StatusCode::kInternal, "ring: wrong sum"});
  }
  return seconds;
}

void Queued() {
  // In turns, so that both see the same machine.
  double queued = QueuedSeconds();
  double ring = RingSeconds();
  for (int i = 1; i < kRounds; ++i) {
    queued = std::min(queued, QueuedSeconds());
    ring = std::min(ring, RingSeconds());
  }
  std::printf(
      "{\"case\": \"queued\", \"payload_bytes\": %zu, \"ns_per_message\": "
      "%.1f, \"million_per_s\": %.1f, \"ring_ns_per_message\": %.1f, "
      "\"ring_million_per_s\": %.1f, \"ratio\": %.2f}\n",
      kPayloadBytes, queued / kMessages * 1e9, kMessages / queued / 1e6,
      ring / kMessages * 1e9, kMessages / ring / 1e6, queued / ring);
}

// Publishes `messages`, one each `pause` (spun, so that the publisher is
// awake), with the time of sending inside.
void Latency(const char* consumer, Clock::duration pause, uint64_t messages) {
  const std::unique_ptr<Client> client = Connected();
  std::shared_ptr<Subscription> subscription;
  Require(client->Subscribe(OfType(), {}, &subscription));
  std::vector<int64_t> ns;
  ns.reserve(messages);
  std::thread taker([&] {
    Item item;
    while (ns.size() < messages) {
      Require(subscription->Next(kNoDeadline, &item));
      const Clock::rep now = Clock::now().time_since_epoch().count();
      Clock::rep sent;
      std::memcpy(&sent, std::get<Message>(item).payload.data(), sizeof sent);
      ns.push_back(now - sent);
    }
  });
  Clock::time_point next = Clock::now();
  std::array<uint8_t, kPayloadBytes> payload{};
  for (uint64_t i = 0; i < messages; ++i) {
    next += pause;
    while (Clock::now() < next) {
    }
    const Clock::rep sent = Clock::now().time_since_epoch().count();
    std::memcpy(payload.data(), &sent, sizeof sent);
    Require(client->Publish(kType, {}, payload, kNoDeadline));
  }
  taker.join();
  std::sort(ns.begin(), ns.end());
  const auto at = [&ns](double share) {
    return static_cast<long long>(
        ns[static_cast<size_t>(share * (ns.size() - 1))]);
  };
  std::printf(
      "{\"case\": \"latency\", \"consumer\": \"%s\", \"pause_us\": %lld, "
      "\"p50_ns\": %lld, \"p90_ns\": %lld, \"p99_ns\": %lld}\n",
      consumer,
      static_cast<long long>(
          std::chrono::duration_cast<std::chrono::microseconds>(pause).count()),
      at(0.5), at(0.9), at(0.99));
}

}  // namespace
}  // namespace mycelium::core

int main() {
  using namespace mycelium::core;  // NOLINT: the whole program is this file
  Direct(1);
  Direct(4);
  Request();
  Queued();
  Latency("sleeping", std::chrono::microseconds(500), 5'000);
  Latency("busy", std::chrono::microseconds(2), 100'000);
}
