// The broker's one loop: listeners, streams, signals and the clock around a
// Broker.  One thread; not thread-safe.
#ifndef MYCELIUM_BRIDGES_LOOP_H_
#define MYCELIUM_BRIDGES_LOOP_H_

#include <uv.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "bridges/http.h"
#include "bridges/listener.h"
#include "bridges/systemd.h"
#include "broker/broker.h"
#include "config/config.h"
#include "proto/mycelium/admin.pb.h"

namespace mycelium::bridges {

class Loop {
 public:
  // `systemd` outlives the loop; it is told what the loop does from Run on.
  // `reload` is called at SIGHUP and when ADMIN asks for it.
  using Reload = std::function<absl::Status(wire::Reload*)>;
  Loop(broker::Broker::Identity identity, const Config& config,
       Systemd* systemd, Reload reload);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Opens every listener, or none.
  absl::Status Listen(const std::vector<mycelium::Listener>& listeners);
  // Sockets that listen already, in the place of Listen.
  void Adopt(const Systemd::Sockets& sockets);

  // Answers /metrics, /healthz and /readyz there, from Run on until the end.
  absl::Status ListenMetrics(const mycelium::Listener& config);

  // Serves until SIGTERM, SIGINT or ADMIN's drain, then writes out what is
  // queued for at most the configuration's drain_timeout_ms, and logs what was
  // not.
  void Run();

  // What can change while it runs: limits, drain_timeout_ms, schemas.  On an
  // error nothing has changed.
  absl::Status ApplyConfig(const Config& config);

 private:
  void Turn();
  void TellListeners();
  void StartBeat();
  void Beat();
  void OnSignal(int signal);
  // Does nothing after the first time.
  void Drain(const std::string& why);
  void CloseListeners();
  HttpResponse AnswerHttp(const std::string& path) const;
  void StopSessions();

  uv_loop_t loop_;
  uv_prepare_t prepare_;
  uv_check_t check_;
  uv_timer_t timer_;
  uv_timer_t drain_timer_;
  uv_timer_t beat_timer_;
  std::vector<std::unique_ptr<uv_signal_t>> signals_;
  std::unique_ptr<broker::Broker> broker_;
  int64_t drain_timeout_ms_;
  Systemd* const systemd_;
  const Reload reload_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::unique_ptr<HttpServer> http_;  // null: not configured
  bool draining_ = false;
  bool stop_signal_seen_ = false;
  broker::TrafficCounters told_;  // by the last Beat
  int64_t told_ms_ = 0;
};

}  // namespace mycelium::bridges

#endif  // MYCELIUM_BRIDGES_LOOP_H_
