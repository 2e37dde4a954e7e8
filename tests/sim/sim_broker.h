// The real broker over simulated links: what a bridge does, at random moments
// and in random pieces.  An observer that subscribes to everything and is never
// slow tells the truth what was accepted.
#ifndef MYCELIUM_TESTS_SIM_SIM_BROKER_H_
#define MYCELIUM_TESTS_SIM_SIM_BROKER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "broker/broker.h"
#include "config/history_rules.h"
#include "tests/sim/link.h"
#include "tests/sim/model.h"
#include "tests/sim/random_source.h"

namespace mycelium::sim {

class SimBroker {
 public:
  struct Settings {
    BrokerLimits limits;
    std::vector<HistoryRule> history;
  };

  SimBroker(const Settings& settings, RandomSource* random, Truth* truth);
  ~SimBroker();

  // The process is killed and started again: all links end, some of what was
  // written to them may still arrive.
  void Restart(int64_t now_ms);

  // Null: the broker has no room.
  std::shared_ptr<Link> Connect(const std::string& principal, int64_t now_ms);

  // Reads a piece from some link, notices an end, or writes.
  void Step(int64_t now_ms);
  // What a loop does at the end of its round.
  void FinishTurn(int64_t now_ms);
  // Until nothing is left to do; faster than Step by Step.
  void Settle(int64_t now_ms);

  uint64_t epoch() const { return epoch_; }
  const broker::Broker& broker() const { return *broker_; }
  int64_t next_deadline_ms() const { return broker_->next_deadline_ms(); }
  size_t links() const { return links_.size(); }

  // The broker has read a SUBSCRIBE whole: of which link and subscription, and
  // how many frames it had accepted before.
  std::function<void(const Link*, uint32_t subscription_id, size_t accepted,
                     int64_t now_ms)>
      on_subscribe;

 private:
  void Start(int64_t now_ms);
  void Read(Link* link, size_t bytes_max, int64_t now_ms);
  void Feed(broker::Session* session, const char* bytes, size_t size,
            int64_t now_ms);
  void Write(Link* link);
  void End(Link* link, const std::string& error);
  void Observe();

  const Settings settings_;
  RandomSource* const random_;
  Truth* const truth_;
  uint64_t epoch_ = 0;
  std::unique_ptr<broker::Broker> broker_;
  std::vector<std::shared_ptr<Link>> links_;
  broker::Session* observer_ = nullptr;
  std::string observed_;
};

}  // namespace mycelium::sim

#endif  // MYCELIUM_TESTS_SIM_SIM_BROKER_H_
