// The turn: bytes of all sessions come in, bytes and deadlines go out.  Pure: a
// bridge brings the connections and the time, and after each round of its loop
// calls FinishTurn and writes what was touched.  Not thread-safe.
#ifndef MYCELIUM_BROKER_BROKER_H_
#define MYCELIUM_BROKER_BROKER_H_

#include <cstdint>
#include <memory>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "broker/admin.h"
#include "broker/session.h"
#include "config/admin_rules.h"
#include "config/broker_limits.h"
#include "config/history_rules.h"
#include "config/schema_rules.h"

namespace mycelium::broker {

class Broker {
 public:
  struct Identity {
    std::string name;
    std::string version;
    uint64_t epoch = 0;
    int64_t started_unix_ms = 0;  // now, in ms since 1970
    uint32_t uid = 0;             // of the user that it runs as
  };

  Broker(Identity identity, const BrokerLimits& limits, int64_t now_ms);
  ~Broker();

  // A new connection.  It may already be told to go (too many sessions): then
  // CLOSE waits in its outbox.  Null when even for that there is no room: close
  // the connection.  `descriptors_left`: how many files may still be opened.
  Session* Accept(Peer peer, int64_t descriptors_left, int64_t now_ms);

  // The connection has ended; `error` is empty if the peer simply closed it.
  // Destroys the session.
  void Ended(Session* session, const std::string& error);

  // Everything that is due, after the round's reads; returns the sessions that
  // have something to write, to read again or to be closed.
  std::vector<Session*> FinishTurn(int64_t now_ms);
  // Counts FinishTurn.
  uint64_t turn() const { return turn_; }
  // The session shall be in the next FinishTurn's answer.
  void Touch(Session* session) { context_->router.Touch(session); }
  // When FinishTurn has to be called even if nothing happens.
  int64_t next_deadline_ms() const;

  // Limits and rules hold for what comes: no session is ended by them, and each
  // keeps the frame_bytes_max that it was told.  What `files` hold becomes
  // known for good.  On an error, because it does not go together with what
  // clients told, nothing has changed.
  absl::Status Configure(const BrokerLimits& limits, const SchemaRules& rules,
                         const std::vector<DescriptorSetFile>& files,
                         const std::vector<HistoryRule>& history = {},
                         const AdminRules& admin = {});

  // What ADMIN may have done.  To be set before the first session.
  void set_operations(Operations operations) {
    operations_ = std::move(operations);
  }

  // Tells everyone to go, once what is queued for them has been written; but
  // not those that ask ADMIN how far it is, until they have been told that it
  // is over.
  void StartDrain(const std::string& reason, int64_t now_ms);
  // The time for it has passed: false if nobody has to be told so.
  bool DrainTimedOut();
  // Those that drain, and what waits to be written to them.
  size_t draining_sessions() const;
  uint64_t draining_bytes() const;
  size_t sessions() const { return sessions_.size(); }
  std::vector<Session*> AllSessions();
  // A CLOSE frame for a connection that gets no session.
  static std::string CloseFrame(wire::Code code, const std::string& reason);

  // A connection was closed before it could get a session.
  void CountRefused() {
    ++context_->metrics.handshake_failures[wire::CODE_TOO_MANY_SESSIONS];
  }

  // For the time that things take, which is measured in some of the loop's
  // turns.  `now_ns` is of a clock that only goes forward, and never 0.
  // Whether this is such a turn; then, before each read;
  bool samples_turn() const { return samples_turn_; }
  void SampledRead(uint64_t now_ns) {
    if (turn_began_ns_ == 0) turn_began_ns_ = now_ns;
    context_->router.set_probe_ns(now_ns);
  }
  // whether something was written in the meantime that was read in such a turn;
  bool probes_written() const { return !context_->probes_written.empty(); }
  void ProbesWritten(uint64_t now_ns);
  // and when the turn is over.
  void SampledTurnEnded(uint64_t now_ns);
  // Chooses whether the next turn is one.
  void NextTurn() { samples_turn_ = sampler_.NextTurn(); }

  // Urls, for status.
  void set_listeners(std::vector<std::string> urls) {
    listeners_ = std::move(urls);
  }
  void set_drain_timeout_ms(int64_t drain_timeout_ms) {
    drain_timeout_ms_ = drain_timeout_ms;
  }
  // For Prometheus (metrics.h).
  std::string Metrics() const;
  const TrafficCounters& counters() const { return context_->counters; }

 private:
  using Due = std::pair<int64_t, uint32_t>;  // time, session id

  AdminView View() const;
  std::string Refusal(const Peer& peer, int64_t descriptors_left) const;
  // With OVERFLOW_DISCONNECT.
  void EndOverflowed(int64_t now_ms);
  static void EndFull(const Subscription& subscription, int64_t now_ms);
  void SetLimits(const BrokerLimits& limits);
  void Schedule(Session* session, int64_t now_ms);
  void CheckMemory();
  void Answer(Session* asker, const wire::AdminRequest& request,
              wire::AdminReply* reply);
  void AnswerDrain(Session* asker, wire::Drain* drain);

  const std::unique_ptr<SessionContext> context_;
  const int64_t started_ms_;
  uint64_t turn_ = 0;
  TurnSampler sampler_;
  bool samples_turn_ = false;
  uint64_t turn_began_ns_ = 0;  // 0: nothing was read in it yet
  uint32_t last_session_id_ = 0;
  bool memory_full_ = false;
  size_t refused_ = 0;  // sessions that live only to be told so
  SessionMap sessions_;
  absl::flat_hash_map<std::string, uint32_t> by_principal_;
  // A session that was heard from in the meantime is put back when its entry
  // comes up; an entry that is not its session's scheduled_ms is void.
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  std::vector<std::string> listeners_;
  const uint32_t uid_;
  AdminRules admin_;
  Operations operations_;
  int64_t drain_timeout_ms_ = 0;
  bool drain_timed_out_ = false;
  absl::flat_hash_set<uint32_t> drain_askers_;  // by session id
};

}  // namespace mycelium::broker

#endif  // MYCELIUM_BROKER_BROKER_H_
