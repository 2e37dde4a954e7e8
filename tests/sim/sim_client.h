// A client made of the real pure pieces of client/core (the session engine, the
// log of publishes, the progress of subscriptions, the backoff) over a
// simulated link: what connection.cc does with threads and sockets, done step
// by step.
#ifndef MYCELIUM_TESTS_SIM_SIM_CLIENT_H_
#define MYCELIUM_TESTS_SIM_SIM_CLIENT_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "client/core/backoff.h"
#include "client/core/progress.h"
#include "client/core/publish_log.h"
#include "client/core/session.h"
#include "tests/sim/link.h"
#include "tests/sim/model.h"
#include "tests/sim/random_source.h"
#include "tests/sim/sim_broker.h"

namespace mycelium::sim {

// What is done wrong on purpose on the way to the client, once in a while, to
// see that the model notices.
enum class Sabotage { kNone, kDropFrame, kRepeatFrame, kDropGap, kFalseAck };

class SimClient {
 public:
  struct Settings {
    uint64_t number = 0;  // of the run; never again
    std::string principal;
    uint64_t publish_bytes_max = 0;
    Sabotage sabotage = Sabotage::kNone;
  };

  SimClient(const Settings& settings, RandomSource* random, SimBroker* broker,
            const Truth* truth);

  // --- What its user does ---
  void Publish(uint16_t type_id, const std::string& topic, size_t padding);
  void Subscribe(const core::SubscribeOptions& options, GroupModel* group);
  void UnsubscribeOne();
  void Respond(uint16_t type_id);
  void Ask(uint16_t type_id);
  void CancelOne();
  void Flush();

  // --- What happens to it ---
  // Writes, reads, answers or connects.
  void Step(int64_t now_ms);
  void Settle(int64_t now_ms);
  // The connection ends, somewhere in what is under way.
  void Cut(int64_t now_ms);
  // Neither side notices; the client finds out by its heartbeat.
  void GoSilent() {
    if (link_ != nullptr) link_->silent = true;
  }
  void set_reading(bool reading) { reading_ = reading; }

  // CLOSE, and everything that was not accepted comes back.
  void Close();

  bool open() const { return open_; }
  bool closed() const { return closed_; }
  bool HasNothingToDo() const;
  std::string Describe() const;
  // SUBSCRIBE of that id has been read by the broker.
  void OnSubscribeRead(const Link* link, uint32_t id, size_t accepted,
                       int64_t now_ms);
  const Link* link() const { return link_.get(); }
  // What the broker had accepted when it read the first SUBSCRIBE.
  size_t group_since() const { return subscriptions_[0]->accepted; }
  // At the end, everything read: each publish has come to its end, each
  // subscription has what it must have.
  void CheckComplete() const;

  uint64_t delivered() const;
  uint64_t reconnects() const { return reconnects_; }

 private:
  struct Subscription {
    uint32_t id;
    core::Progress progress;
    SubscriptionModel model;
    bool responder;
    bool grouped;
    size_t accepted = 0;  // when the broker read its SUBSCRIBE
    int64_t live_until_ms = 0;
    bool known = false;        // since it was live, each connection was resumed
    bool prompt = false;       // that was within the resume window
    uint64_t group_given = 0;  // on this connection
    uint64_t group_acked = 0;
    bool ended = false;  // by UNSUBSCRIBE
    bool gone = false;   // and UNSUBSCRIBED has been read
  };

  void Add(const core::SubscribeOptions& options, GroupModel* group,
           bool responder);
  void Connect(int64_t now_ms);
  void Write();
  void Read(size_t bytes_max, int64_t now_ms);
  void HandleInput(int64_t now_ms);
  void Lost(int64_t retry_after_ms, int64_t now_ms);
  bool Sabotages(Sabotage what) {
    return settings_.sabotage == what && random_->Chance(20);
  }
  void AckGroups();
  void Deliver(const core::FrameRun& run);
  void OnRequestFrame(const FrameView& frame);
  void OnAnswer(const FrameView& frame);
  void TakeBack(const core::PublishLog::GivenBack& back);
  core::Bytes SubscribeFrame(Subscription* subscription);
  [[noreturn]] void Fail(const std::string& what) const;

  // What the broker says.
  void On(const core::Session::NeedMore&) {}
  void On(const core::FrameRun& run) { Deliver(run); }
  void On(const core::SchemaBody&) { Fail("asked for a schema"); }
  void On(const core::WelcomeBody& welcome);
  void On(const core::Session::Subscribed& subscribed);
  void On(const core::UnsubscribedBody& body);
  void On(const core::GapBody& gap);
  void On(const core::AckBody& ack);
  void On(const core::HoldBody& hold) { held_.insert(hold.type_id); }
  void On(const core::ReleaseBody& release) { held_.erase(release.type_id); }
  void On(const core::Session::Flushed& flushed);
  void On(const core::Session::Ping& ping);
  void On(const core::Session::Pong&) {}
  void On(const core::Session::Cancel& cancel) { to_answer_.erase(cancel.id); }
  void On(const core::AddresseeBody& body) {
    addressee_ = body.subscription_id;
  }
  void On(const core::Session::AdminReply&) {}
  void On(const core::CloseBody& close);
  void On(const core::Session::ProtocolError& error) { Fail(error.reason); }

  const Settings settings_;
  RandomSource* const random_;
  SimBroker* const broker_;
  const Truth* const truth_;
  const std::string instance_id_;

  std::shared_ptr<Link> link_;
  bool open_ = false;
  bool closed_ = false;
  bool reading_ = true;
  bool lost_ = false;  // the broker's CLOSE has been read
  int64_t retry_after_ms_ = 0;
  int64_t connect_at_ms_ = 0;
  int64_t lost_at_ms_ = 0;
  int64_t last_read_ms_ = 0;
  bool window_over_ = false;
  int64_t window_ms_ = 0;
  core::LastWelcome last_;
  bool resumed_ = false;
  uint64_t reconnects_ = 0;
  std::string hello_;  // not yet written
  core::Session session_;
  std::vector<uint8_t> input_;
  uint32_t addressee_ = 0;
  core::PublishLog log_;
  core::Backoff backoff_;
  std::set<uint16_t> held_;

  std::vector<std::unique_ptr<Subscription>> subscriptions_;
  std::map<uint64_t, uint64_t> flushes_;  // request, last publish before it
  uint64_t last_request_ = 0;
  std::map<uint32_t, uint16_t> asked_;      // number, type
  std::map<uint64_t, uint16_t> to_answer_;  // id, type
  uint32_t last_number_ = 0;
  std::vector<uint64_t> maybe_accepted_;  // given back
  std::vector<uint64_t> not_accepted_;
};

}  // namespace mycelium::sim

#endif  // MYCELIUM_TESTS_SIM_SIM_CLIENT_H_
