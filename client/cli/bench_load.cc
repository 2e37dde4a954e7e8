#include "client/cli/bench_load.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace mycelium::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kWarmUp = std::chrono::milliseconds(500);
constexpr auto kDrainMax = std::chrono::seconds(5);
constexpr auto kDrainLook = std::chrono::milliseconds(1);
// A sleep may last this much longer than it should: the rest is waited for
// awake.
constexpr auto kOversleep = std::chrono::microseconds(70);
constexpr unsigned long kTimerSlackNs = 1'000;

int64_t NowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             Clock::now().time_since_epoch())
      .count();
}

Clock::time_point AtNs(int64_t ns) {
  return Clock::time_point(std::chrono::nanoseconds(ns));
}

void WaitUntil(int64_t when_ns) {
  if (when_ns - NowNs() > std::chrono::nanoseconds(2 * kOversleep).count()) {
    std::this_thread::sleep_until(AtNs(when_ns) - kOversleep);
  }
  // The processor may be the one that the broker or a subscriber needs.
  while (NowNs() < when_ns) std::this_thread::yield();
}

// What the payload begins with.
struct Stamp {
  int64_t sent_ns;
  uint64_t run;
};
static_assert(sizeof(Stamp) == kBenchPayloadBytesMin);

// The first error of any thread ends the run.  Thread-safe.
class FirstError {
 public:
  void Report(const absl::Status& status) {
    std::lock_guard lock(mutex_);
    if (status_.ok()) status_ = status;
    reported_.notify_all();
  }
  absl::Status status() {
    std::lock_guard lock(mutex_);
    return status_;
  }
  // Until that time or an error.
  absl::Status SleepUntil(int64_t when_ns) {
    std::unique_lock lock(mutex_);
    reported_.wait_until(lock, AtNs(when_ns), [this] { return !status_.ok(); });
    return status_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable reported_;
  absl::Status status_;
};

// A cache line and its neighbour, which is fetched with it.
struct alignas(128) Publisher {
  std::atomic<uint64_t> published{0};
  std::optional<Client> client;
  std::vector<uint8_t> payload;       // of its thread
  std::vector<uint8_t> next_payload;  // kLatency: of the replies' callback
  Subscription replies;               // kLatency
  std::thread thread;

  // By one thread at a time.
  void Count() {
    published.store(published.load(std::memory_order_relaxed) + 1,
                    std::memory_order_relaxed);
  }
};

struct alignas(128) Subscriber {
  std::atomic<uint64_t> delivered{0};
  std::atomic<uint64_t> in_gaps{0};
  std::optional<Client> client;
  Subscription subscription;
  std::mutex mutex;  // direct in-process callbacks may overlap
  Histogram latency_ns;
};

class Bench {
 public:
  explicit Bench(const BenchOptions& options)
      : options_(options), run_(std::random_device()() | uint64_t{1} << 32) {
    bool in_process = options.url.starts_with("inproc:");
    direct_in_process_ = in_process && options.delivery == Delivery::kDirect;
    callbacks_overlap_ = direct_in_process_ && options.publishers > 1;
    // A bus without a name is private to one client; here all share it.
    url_ = options.url == "inproc:"
               ? absl::StrCat("inproc:mycelium-bench-", getpid())
               : options.url;
  }
  ~Bench() { Stop(); }

  absl::StatusOr<BenchReport> Run();

 private:
  struct Counts {
    int64_t now_ns;
    uint64_t published = 0;
    uint64_t delivered = 0;
    uint64_t in_gaps = 0;
  };

  absl::StatusOr<Client> Connect(const std::string& role);
  absl::Status AddSubscriber(bool replies);
  absl::Status AddPublisher();
  absl::Status Prepare();
  void Start();
  void Stop();
  absl::Status Drain();

  void PublishLoop(Publisher* publisher);
  void PublishAtRate(Publisher* publisher, size_t index);
  void RoundTripLoop(Publisher* publisher);
  bool Send(Publisher* publisher, std::vector<uint8_t>* payload,
            int64_t sent_ns);

  void OnFrame(Subscriber* subscriber, const Message& message);
  void OnReply(Publisher* publisher, const Message& message);
  bool Ours(const Message& message, Stamp* stamp) const;
  bool Measured(int64_t sent_ns) const {
    return sent_ns >= from_ns_.load(std::memory_order_relaxed) &&
           sent_ns < until_ns_.load(std::memory_order_relaxed);
  }
  bool stopping() const { return stopping_.load(std::memory_order_relaxed); }
  Counts Count() const;

  const BenchOptions options_;
  const uint64_t run_;
  std::string url_;
  bool direct_in_process_;
  bool callbacks_overlap_;
  FirstError error_;
  std::atomic<bool> stopping_{false};
  std::atomic<int64_t> from_ns_{INT64_MAX};
  std::atomic<int64_t> until_ns_{INT64_MAX};
  Histogram round_trip_halves_ns_;  // of the replies' callback
  std::vector<std::unique_ptr<Subscriber>> subscribers_;
  std::vector<std::unique_ptr<Publisher>> publishers_;
};

absl::StatusOr<Client> Bench::Connect(const std::string& role) {
  ClientOptions client_options;
  client_options.name = absl::StrCat("bench ", role);
  client_options.on_state = [this](State state, const core::Status& status) {
    if (state == State::kClosed && !status.ok() && !stopping()) {
      error_.Report(absl::UnavailableError(status.message));
    }
  };
  absl::StatusOr<Client> client = Client::Connect(url_, client_options);
  if (!client.ok()) return client;
  uint32_t bytes_max = client->broker().frame_bytes_max;
  if (options_.payload_bytes <= bytes_max) return client;
  return absl::InvalidArgumentError(
      absl::StrCat("--payload_bytes ", options_.payload_bytes,
                   ": allowed 16 to the broker's frame_bytes_max ", bytes_max));
}

absl::Status Bench::AddSubscriber(bool replies) {
  auto subscriber = std::make_unique<Subscriber>();
  absl::StatusOr<Client> client =
      Connect(absl::StrCat("sub ", subscribers_.size()));
  if (!client.ok()) return client.status();
  subscriber->client = *std::move(client);
  Handler handler;
  handler.on_message = [this, replies,
                        subscriber = subscriber.get()](const Message& message) {
    OnFrame(subscriber, message);
    if (!replies || stopping()) return;
    absl::Status status =
        subscriber->client->Publish(kBenchReplyType, "", message.payload);
    if (!status.ok()) error_.Report(status);
  };
  handler.on_gap = [subscriber = subscriber.get()](const Gap& gap) {
    subscriber->in_gaps.fetch_add(gap.frames(), std::memory_order_relaxed);
  };
  absl::StatusOr<Subscription> subscription =
      subscriber->client->Subscribe({.type_id = kBenchType,
                                     .topic_filter = "",
                                     .policy = options_.policy,
                                     .delivery = options_.delivery},
                                    std::move(handler));
  if (!subscription.ok()) return subscription.status();
  subscriber->subscription = *std::move(subscription);
  subscribers_.push_back(std::move(subscriber));
  return absl::OkStatus();
}

absl::Status Bench::AddPublisher() {
  auto publisher = std::make_unique<Publisher>();
  absl::StatusOr<Client> client =
      Connect(absl::StrCat("pub ", publishers_.size()));
  if (!client.ok()) return client.status();
  publisher->client = *std::move(client);
  publisher->payload.resize(options_.payload_bytes);
  Stamp stamp = {0, run_};
  std::memcpy(publisher->payload.data(), &stamp, sizeof stamp);
  publisher->next_payload = publisher->payload;
  if (options_.mode == BenchMode::kLatency) {
    absl::StatusOr<Subscription> replies = publisher->client->Subscribe(
        {.type_id = kBenchReplyType,
         .topic_filter = "",
         .policy = options_.policy,
         .delivery = options_.delivery},
        [this, publisher = publisher.get()](const Message& message) {
          OnReply(publisher, message);
        });
    if (!replies.ok()) return replies.status();
    publisher->replies = *std::move(replies);
  }
  publishers_.push_back(std::move(publisher));
  return absl::OkStatus();
}

absl::Status Bench::Prepare() {
  for (int i = 0; i < options_.subscribers; ++i) {
    bool replies = i == 0 && options_.mode == BenchMode::kLatency;
    absl::Status status = AddSubscriber(replies);
    if (!status.ok()) return status;
  }
  for (int i = 0; i < options_.publishers; ++i) {
    absl::Status status = AddPublisher();
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

// A frame that says when it was sent, or should have been.
bool Bench::Send(Publisher* publisher, std::vector<uint8_t>* payload,
                 int64_t sent_ns) {
  std::memcpy(payload->data(), &sent_ns, sizeof sent_ns);
  absl::Status status = publisher->client->Publish(kBenchType, "", *payload);
  if (!status.ok()) {
    error_.Report(status);
    return false;
  }
  publisher->Count();
  return true;
}

void Bench::PublishLoop(Publisher* publisher) {
  while (!stopping()) {
    absl::Status status =
        publisher->client->Publish(kBenchType, "", publisher->payload);
    if (!status.ok()) return error_.Report(status);
    publisher->Count();
  }
}

// Publisher i of P sends the frames i, i + P, i + 2P, ... of the schedule.  One
// that is late sends without a pause until it has caught up, so that its delay
// shows in the latency of every frame that it concerns.
void Bench::PublishAtRate(Publisher* publisher, size_t index) {
  prctl(PR_SET_TIMERSLACK, kTimerSlackNs);
  double interval_ns = 1e9 / options_.rate;
  int64_t start_ns = from_ns_ - std::chrono::nanoseconds(kWarmUp).count();
  for (size_t frame = index; !stopping(); frame += publishers_.size()) {
    int64_t intended_ns =
        start_ns + static_cast<int64_t>(interval_ns * double(frame));
    if (intended_ns >= until_ns_) return;
    WaitUntil(intended_ns);
    if (!Send(publisher, &publisher->payload, intended_ns)) return;
  }
}

void Bench::RoundTripLoop(Publisher* publisher) {
  if (!direct_in_process_) {
    // Each reply's callback sends the next one.
    Send(publisher, &publisher->payload, NowNs());
    return;
  }
  // Direct callbacks have run when Publish returns: one inside another would
  // have no end.
  while (!stopping() && Send(publisher, &publisher->payload, NowNs())) {
  }
}

bool Bench::Ours(const Message& message, Stamp* stamp) const {
  if (message.payload.size() != options_.payload_bytes) return false;
  std::memcpy(stamp, message.payload.data(), sizeof *stamp);
  return stamp->run == run_;
}

void Bench::OnFrame(Subscriber* subscriber, const Message& message) {
  Stamp stamp;
  if (!Ours(message, &stamp)) return;
  if (callbacks_overlap_) {
    subscriber->delivered.fetch_add(1, std::memory_order_relaxed);
  } else {
    uint64_t before = subscriber->delivered.load(std::memory_order_relaxed);
    subscriber->delivered.store(before + 1, std::memory_order_relaxed);
  }
  if (options_.mode != BenchMode::kOpen || !Measured(stamp.sent_ns)) return;
  int64_t latency_ns = NowNs() - stamp.sent_ns;
  std::lock_guard lock(subscriber->mutex);
  subscriber->latency_ns.Add(latency_ns);
}

void Bench::OnReply(Publisher* publisher, const Message& message) {
  Stamp stamp;
  if (!Ours(message, &stamp)) return;
  int64_t now_ns = NowNs();
  if (Measured(stamp.sent_ns)) {
    round_trip_halves_ns_.Add((now_ns - stamp.sent_ns) / 2);
  }
  if (!direct_in_process_ && !stopping())
    Send(publisher, &publisher->next_payload, now_ns);
}

void Bench::Start() {
  from_ns_ = NowNs() + std::chrono::nanoseconds(kWarmUp).count();
  until_ns_ = from_ns_ + static_cast<int64_t>(options_.seconds * 1e9);
  for (size_t i = 0; i < publishers_.size(); ++i) {
    Publisher* publisher = publishers_[i].get();
    publisher->thread = std::thread([this, publisher, i] {
      switch (options_.mode) {
        case BenchMode::kThroughput:
          return PublishLoop(publisher);
        case BenchMode::kLatency:
          return RoundTripLoop(publisher);
        case BenchMode::kOpen:
          return PublishAtRate(publisher, i);
      }
    });
  }
}

void Bench::Stop() {
  stopping_ = true;
  for (auto& publisher : publishers_) {
    if (publisher->thread.joinable()) publisher->thread.join();
  }
}

Bench::Counts Bench::Count() const {
  Counts counts = {NowNs()};
  for (const auto& publisher : publishers_) {
    counts.published += publisher->published.load(std::memory_order_relaxed);
  }
  for (const auto& subscriber : subscribers_) {
    counts.delivered += subscriber->delivered.load(std::memory_order_relaxed);
    counts.in_gaps += subscriber->in_gaps.load(std::memory_order_relaxed);
  }
  return counts;
}

// Until everything published has arrived, or been told missing.
absl::Status Bench::Drain() {
  // A reply's callback may still be about to publish; after this none is.
  for (auto& publisher : publishers_) publisher->replies.Unsubscribe();
  auto end = Clock::now() + kDrainMax;
  for (auto& publisher : publishers_) {
    absl::Status status =
        publisher->client->Flush(absl::FromChrono(end - Clock::now()));
    if (!status.ok() && !absl::IsDeadlineExceeded(status)) return status;
  }
  while (Clock::now() < end) {
    Counts counts = Count();
    if (counts.delivered + counts.in_gaps >=
        counts.published * subscribers_.size()) {
      break;
    }
    std::this_thread::sleep_for(kDrainLook);
  }
  // From here on no callback runs, and the histograms may be read.
  for (auto& subscriber : subscribers_) subscriber->subscription.Unsubscribe();
  return absl::OkStatus();
}

absl::StatusOr<BenchReport> Bench::Run() {
  absl::Status status = Prepare();
  if (!status.ok()) return status;
  Start();
  status = error_.SleepUntil(from_ns_);
  Counts first = Count();
  if (status.ok()) status = error_.SleepUntil(until_ns_);
  Counts last = Count();
  Stop();
  if (status.ok()) status = Drain();
  if (status.ok()) status = error_.status();
  if (!status.ok()) return status;
  Counts all = Count();
  BenchReport report;
  report.seconds = static_cast<double>(last.now_ns - first.now_ns) / 1e9;
  report.published = last.published - first.published;
  report.delivered = last.delivered - first.delivered;
  report.lost = static_cast<int64_t>(all.published * subscribers_.size() -
                                     all.delivered - all.in_gaps);
  report.in_gaps = all.in_gaps;
  report.latency_ns = round_trip_halves_ns_;
  for (const auto& subscriber : subscribers_) {
    report.latency_ns.Merge(subscriber->latency_ns);
  }
  return report;
}

}  // namespace

absl::StatusOr<BenchReport> RunBench(const BenchOptions& options) {
  // On the heap: it is large.
  return std::make_unique<Bench>(options)->Run();
}

}  // namespace mycelium::cli
