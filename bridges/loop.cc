#include "bridges/loop.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bridges/stream.h"
#include "broker/metrics.h"
#include "config/limits.h"
#include "glog/logging.h"

namespace mycelium::bridges {
namespace {

// How often the service manager is told how it goes, if it has no watchdog
// that wants to hear sooner.
constexpr int64_t kStatusIntervalMs = 5'000;

}  // namespace

Loop::Loop(broker::Broker::Identity identity, const Config& config,
           Systemd* systemd, Reload reload)
    : drain_timeout_ms_(config.drain_timeout_ms),
      systemd_(systemd),
      reload_(std::move(reload)) {
  signal(SIGPIPE, SIG_IGN);
  CHECK_EQ(uv_loop_init(&loop_), 0);
  broker_ = std::make_unique<broker::Broker>(
      std::move(identity), config.limits, static_cast<int64_t>(uv_now(&loop_)));
  CHECK(ApplyConfig(config).ok());  // there is nothing yet that it may not fit
  broker_->set_operations({[this] { Drain("asked for by ADMIN"); }, reload_});
  CHECK_EQ(uv_prepare_init(&loop_, &prepare_), 0);
  CHECK_EQ(uv_check_init(&loop_, &check_), 0);
  CHECK_EQ(uv_timer_init(&loop_, &timer_), 0);
  CHECK_EQ(uv_timer_init(&loop_, &drain_timer_), 0);
  CHECK_EQ(uv_timer_init(&loop_, &beat_timer_), 0);
  prepare_.data = check_.data = drain_timer_.data = beat_timer_.data = this;
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
    auto handle = std::make_unique<uv_signal_t>();
    CHECK_EQ(uv_signal_init(&loop_, handle.get()), 0);
    handle->data = this;
    const auto on_signal = [](uv_signal_t* signal, int caught) {
      static_cast<Loop*>(signal->data)->OnSignal(caught);
    };
    CHECK_EQ(uv_signal_start(handle.get(), on_signal, number), 0);
    signals_.push_back(std::move(handle));
  }
}

Loop::~Loop() {
  CloseListeners();
  if (http_ != nullptr) HttpServer::Close(std::move(http_));
  for (broker::Session* session : broker_->AllSessions()) {
    static_cast<Stream*>(session->connection)->Close({});
  }
  uv_walk(
      &loop_,
      [](uv_handle_t* handle, void*) {
        if (!uv_is_closing(handle)) uv_close(handle, nullptr);
      },
      nullptr);
  uv_run(&loop_, UV_RUN_DEFAULT);
  CHECK_EQ(uv_loop_close(&loop_), 0);
}

absl::Status Loop::Listen(const std::vector<mycelium::Listener>& listeners) {
  for (const mycelium::Listener& config : listeners) {
    absl::StatusOr<std::unique_ptr<Listener>> listener =
        Listener::Open(&loop_, broker_.get(), config);
    if (!listener.ok()) {
      CloseListeners();
      return listener.status();
    }
    listeners_.push_back(*std::move(listener));
  }
  TellListeners();
  return absl::OkStatus();
}

void Loop::Adopt(const Systemd::Sockets& sockets) {
  for (size_t i = 0; i < sockets.descriptors.size(); ++i) {
    listeners_.push_back(Listener::Adopt(
        &loop_, broker_.get(), sockets.descriptors[i], sockets.listeners[i]));
  }
  TellListeners();
}

absl::Status Loop::ListenMetrics(const mycelium::Listener& config) {
  absl::StatusOr<std::unique_ptr<HttpServer>> server = HttpServer::Open(
      &loop_, config,
      [this](const std::string& path) { return AnswerHttp(path); });
  if (!server.ok()) return server.status();
  http_ = *std::move(server);
  LOG(INFO) << "metrics on " << http_->url();
  return absl::OkStatus();
}

HttpResponse Loop::AnswerHttp(const std::string& path) const {
  if (path == "/metrics") {
    return {200, broker::kMetricsContentType, broker_->Metrics()};
  }
  if (path == "/healthz") return {.body = "ok\n"};
  if (path == "/readyz") {
    if (draining_) return {.status = 503, .body = "broker: stopping\n"};
    return {.body = "ok\n"};
  }
  return {.status = 404,
          .body = "path: unknown, allowed /metrics, /healthz and /readyz\n"};
}

void Loop::TellListeners() {
  std::vector<std::string> urls;
  for (const auto& listener : listeners_) {
    LOG(INFO) << "listening on " << listener->url();
    urls.push_back(listener->url());
  }
  broker_->set_listeners(std::move(urls));
}

void Loop::CloseListeners() {
  for (auto& listener : std::exchange(listeners_, {})) {
    Listener::Close(std::move(listener));
  }
}

void Loop::Run() {
  // After the round's reads; and before the loop sleeps, because timers and
  // writes that libuv could finish at once call back ahead of that.
  uv_check_start(&check_, [](uv_check_t* check) {
    auto* const self = static_cast<Loop*>(check->data);
    self->Turn();
    if (self->broker_->samples_turn()) [[unlikely]]
      self->broker_->SampledTurnEnded(uv_hrtime());
    self->broker_->NextTurn();
  });
  uv_prepare_start(&prepare_, [](uv_prepare_t* prepare) {
    static_cast<Loop*>(prepare->data)->Turn();
  });
  systemd_->Tell("READY=1");
  if (systemd_->listens()) StartBeat();
  uv_run(&loop_, UV_RUN_DEFAULT);
}

// The timer runs only if the loop does, so that a loop that hangs is found.
void Loop::StartBeat() {
  const int64_t watchdog_ms = systemd_->watchdog_ms();
  const auto interval_ms = static_cast<uint64_t>(
      watchdog_ms == 0
          ? kStatusIntervalMs
          : std::clamp<int64_t>(watchdog_ms / 3, 1, kStatusIntervalMs));
  uv_timer_start(
      &beat_timer_,
      [](uv_timer_t* timer) { static_cast<Loop*>(timer->data)->Beat(); }, 0,
      interval_ms);
}

void Loop::Beat() {
  const auto now_ms = static_cast<int64_t>(uv_now(&loop_));
  const broker::TrafficCounters& counters = broker_->counters();
  const int64_t passed_ms = std::max<int64_t>(now_ms - told_ms_, 1);
  const auto per_second = [passed_ms](uint64_t now, uint64_t before) {
    return (now - before) * 1000 / static_cast<uint64_t>(passed_ms);
  };
  systemd_->Tell(absl::StrCat(
      "WATCHDOG=1\nSTATUS=", draining_ ? "stopping, " : "", broker_->sessions(),
      " sessions, ", per_second(counters.frames_in, told_.frames_in),
      " frames/s in, ", per_second(counters.frames_out, told_.frames_out),
      " out, ", counters.frames_dropped, " dropped in all"));
  told_ = counters;
  told_ms_ = now_ms;
}

// After all callbacks of a round: each session that was given something is
// written once; what that sets free goes out in the same turn.
void Loop::Turn() {
  const auto now_ms = static_cast<int64_t>(uv_now(&loop_));
  for (std::vector<broker::Session*> touched = broker_->FinishTurn(now_ms);
       !touched.empty(); touched = broker_->FinishTurn(now_ms)) {
    for (broker::Session* session : touched) {
      static_cast<Stream*>(session->connection)->Update(now_ms);
    }
  }
  if (draining_ && broker_->sessions() == 0) return uv_stop(&loop_);
  const int64_t due_ms = broker_->next_deadline_ms();
  if (due_ms == std::numeric_limits<int64_t>::max()) {
    uv_timer_stop(&timer_);
    return;
  }
  const auto wait_ms =
      static_cast<uint64_t>(std::max<int64_t>(due_ms - now_ms, 0));
  // It only ends the loop's sleep.
  uv_timer_start(
      &timer_, [](uv_timer_t*) {}, wait_ms, 0);
}

void Loop::OnSignal(int number) {
  if (number == SIGHUP) {
    wire::Reload told;
    // It logs how it went.
    return reload_(&told).IgnoreError();
  }
  if (std::exchange(stop_signal_seen_, true)) {
    LOG(WARNING) << "stopping at once: a second " << strsignal(number);
    google::FlushLogFiles(google::INFO);
    _exit(128 + number);
  }
  Drain(strsignal(number));
}

void Loop::Drain(const std::string& why) {
  if (std::exchange(draining_, true)) return;
  LOG(INFO) << "stopping: " << why << ", " << broker_->sessions()
            << " sessions, at most " << drain_timeout_ms_
            << " ms to write what is queued";
  systemd_->Tell("STOPPING=1");
  CloseListeners();
  const auto now_ms = static_cast<int64_t>(uv_now(&loop_));
  broker_->StartDrain("broker: stopping", now_ms);
  uv_timer_start(
      &drain_timer_,
      [](uv_timer_t* timer) {
        static_cast<Loop*>(timer->data)->StopSessions();
      },
      static_cast<uint64_t>(drain_timeout_ms_), 0);
}

void Loop::StopSessions() {
  if (broker_->draining_sessions() > 0) {
    LOG(WARNING) << "stopping: " << broker_->draining_sessions()
                 << " sessions did not take " << broker_->draining_bytes()
                 << " bytes within drain_timeout_ms " << drain_timeout_ms_;
  }
  if (!broker_->DrainTimedOut()) return uv_stop(&loop_);
  uv_timer_start(
      &drain_timer_, [](uv_timer_t* timer) { uv_stop(timer->loop); },
      kDrainToldMs, 0);
}

absl::Status Loop::ApplyConfig(const Config& config) {
  absl::Status status =
      broker_->Configure(config.limits, config.schema, config.descriptor_sets,
                         config.history, config.admin);
  if (!status.ok()) return status;
  drain_timeout_ms_ = config.drain_timeout_ms;
  broker_->set_drain_timeout_ms(drain_timeout_ms_);
  return status;
}

}  // namespace mycelium::bridges
