#include "tests/sim/world.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "config/limits.h"
#include "tests/sim/model.h"
#include "tests/sim/random_source.h"
#include "tests/sim/sim_broker.h"

namespace mycelium::sim {
namespace {

constexpr int kSteps = 600;
constexpr size_t kLoggedEvents = 60;
constexpr std::array<const char*, 4> kTopics = {"", "a.b", "a.c", "b"};
constexpr std::array<const char*, 5> kFilters = {"", "", "a.*", "a.b", ">"};
constexpr uint16_t kTypes = 3;
constexpr uint16_t kGroupType = 4;
constexpr uint16_t kRequestType = 5;

class World {
 public:
  World(uint64_t seed, Sabotage sabotage, bool verbose)
      : random_(seed),
        sabotage_(sabotage),
        verbose_(verbose),
        restarts_(random_.Chance(40)),
        broker_(MakeSettings(), &random_, &truth_) {
    broker_.on_subscribe = [this](const Link* link, uint32_t id,
                                  size_t accepted, int64_t now_ms) {
      for (const auto& client : clients_) {
        client->OnSubscribeRead(link, id, accepted, now_ms);
      }
    };
  }

  Report Run() {
    Report report;
    try {
      // The first one keeps the group: it is never away and never slow.
      const size_t clients = 2 + random_.Below(4);
      for (size_t i = 0; i < clients; ++i) AddClient();
      for (int step = 0; step < kSteps; ++step) Step();
      Quiesce();
      for (const auto& client : clients_) client->CheckComplete();
      CheckGroup();
      End();
    } catch (const Violation& violation) {
      report.violation = violation.what;
      for (const std::string& event : events_) report.log += event + "\n";
    }
    report.accepted = truth_.size();
    for (const auto& client : clients_) {
      report.delivered += client->delivered();
      report.connections += client->reconnects();
    }
    report.restarts = broker_.epoch() - 1;
    return report;
  }

 private:
  SimBroker::Settings MakeSettings() {
    SimBroker::Settings settings;
    settings.limits.queue_bytes_max_ceiling = uint64_t{1} << 31;
    settings.limits.resume_window_ms = random_.Chance(80) ? 2'000 : 0;
    settings.limits.resume_instances_max =
        static_cast<uint32_t>(random_.Chance(80) ? 100 : 1);
    if (random_.Chance(60)) {
      HistoryRule rule;
      if (random_.Chance(50)) rule.frames_max = 1 + random_.Below(100);
      rule.bytes_max = uint64_t{4'096} << random_.Below(8);
      if (random_.Chance(20)) {
        rule.age_ms_max = static_cast<int64_t>(1 + random_.Below(500));
      }
      has_history_ = true;
      if (random_.Chance(30)) {
        HistoryRule first = rule;
        first.types = {1};
        first.topic_filter = "a.*";
        settings.history.push_back(first);
      }
      settings.history.push_back(rule);
    }
    return settings;
  }

  void Log(std::string event) {
    event = std::to_string(now_ms_) + " ms: " + event;
    if (verbose_) std::printf("%s\n", event.c_str());
    events_.push_back(std::move(event));
    if (events_.size() > kLoggedEvents) events_.pop_front();
  }

  void AddClient() {
    const uint64_t number = ++last_client_;
    Log("client " + std::to_string(number) + " starts");
    clients_.push_back(std::make_unique<SimClient>(
        SimClient::Settings{number, "uid 1",
                            uint64_t{1'024} << random_.Below(8), sabotage_},
        &random_, &broker_, &truth_));
    SimClient* const client = clients_.back().get();
    if (number == 1 || random_.Chance(40)) {
      client->Subscribe({.type_id = kGroupType, .group = "workers"}, &group_);
    }
    if (random_.Chance(40)) client->Respond(kRequestType);
    const size_t subscriptions = random_.Below(4);
    for (size_t i = 0; i < subscriptions; ++i) Subscribe(client);
  }

  core::Policy RandomPolicy() {
    core::Policy policy;
    switch (random_.Below(5)) {
      case 0:
        policy = core::Policy::Balanced();
        break;
      case 1:
        policy = core::Policy::Lossless();
        break;
      case 2:
        policy = core::Policy::Live();
        break;
      case 3:
        policy = core::Policy::Latest();
        break;
      case 4:
        policy = core::Policy::Strict();
        break;
    }
    policy.queue_bytes_max = uint64_t{4'096} << random_.Below(8);
    return policy;
  }

  void Subscribe(SimClient* client) {
    core::SubscribeOptions options;
    options.type_id = static_cast<uint16_t>(random_.Below(kTypes + 1));
    options.topic_filter = kFilters[random_.Below(kFilters.size())];
    options.policy = RandomPolicy();
    if (has_history_ && random_.Chance(40)) {
      switch (random_.Below(3)) {
        case 0:
          options.start =
              core::Start::Last(1 + static_cast<uint32_t>(random_.Below(5)));
          break;
        case 1:
          if (options.type_id != 0) options.start = core::Start::AtSequence(1);
          break;
        case 2:
          options.start = {core::Start::From::kTime,
                           random_.Below(static_cast<uint64_t>(now_ms_) + 1)};
          break;
      }
    }
    client->Subscribe(options, nullptr);
  }

  SimClient* AnyClient() {
    return clients_[random_.Below(clients_.size())].get();
  }
  // Not the one that keeps the group.
  SimClient* AnyMortal() {
    return clients_[1 + random_.Below(clients_.size() - 1)].get();
  }

  void Step() {
    now_ms_ += static_cast<int64_t>(random_.Below(3));
    const uint64_t chance = random_.Below(1'000);
    if (chance < 350) {
      PublishSome();
    } else if (chance < 370) {
      AnyClient()->Flush();
    } else if (chance < 410) {
      AnyClient()->Ask(kRequestType);
    } else if (chance < 415) {
      AnyClient()->CancelOne();
    } else if (chance < 420) {
      Subscribe(AnyClient());
    } else if (chance < 422) {
      AnyClient()->UnsubscribeOne();
    } else if (chance < 440) {
      AnyMortal()->set_reading(random_.Chance(50));
    } else {
      Misfortune(chance);
    }
    for (int i = 0; i < 3; ++i) AnyClient()->Step(now_ms_);
    for (int i = 0; i < 3; ++i) broker_.Step(now_ms_);
    broker_.FinishTurn(now_ms_);
  }

  void Misfortune(uint64_t chance) {
    if (chance < 446) {
      Log("a connection is cut");
      AnyMortal()->Cut(now_ms_);
    } else if (chance < 448) {
      Log("a connection falls silent");
      AnyMortal()->GoSilent();
    } else if (chance < 450) {
      now_ms_ += static_cast<int64_t>(random_.Below(3'000));
      Log("time passes");
    } else if (chance < 451 && restarts_) {
      Log("the broker is killed and started");
      broker_.Restart(now_ms_);
    } else if (chance < 453) {
      Crash();
    }
  }

  void PublishSome() {
    SimClient* const client = AnyClient();
    const size_t frames = 1 + random_.Below(random_.Chance(20) ? 60 : 3);
    const auto type_id = static_cast<uint16_t>(1 + random_.Below(kGroupType));
    const char* const topic = kTopics[random_.Below(kTopics.size())];
    const size_t padding = random_.Below(random_.Chance(5) ? 3'000 : 60);
    for (size_t i = 0; i < frames; ++i) {
      client->Publish(type_id, topic, padding);
    }
  }

  // The process is gone, and with it what it knew; another one takes its place.
  void Crash() {
    if (clients_.size() < 2) return;
    const size_t which = 1 + random_.Below(clients_.size() - 1);
    Log("a client crashes");
    clients_[which]->Cut(now_ms_);
    clients_.erase(clients_.begin() + static_cast<ptrdiff_t>(which));
    AddClient();
  }

  // Whatever stands still moves on, until nothing is left to do.
  void Quiesce() {
    Log("nothing happens any more");
    for (const auto& client : clients_) {
      client->set_reading(true);
      if (client->link() != nullptr && client->link()->silent) {
        client->Cut(now_ms_);
      }
      client->CancelOne();
    }
    int quiet = 0;
    for (int round = 0; round < 5'000 && quiet < 400; ++round) {
      // Long enough for the broker to find out who is silent.
      const bool long_pause = quiet % 100 == 99;
      now_ms_ += long_pause ? kIdleTimeoutMsDefault * 2 / 5
                            : 1 + static_cast<int64_t>(random_.Below(10));
      for (const auto& client : clients_) client->Settle(now_ms_);
      broker_.Settle(now_ms_);
      broker_.FinishTurn(now_ms_);
      const bool done =
          std::all_of(clients_.begin(), clients_.end(),
                      [](const auto& each) { return each->HasNothingToDo(); });
      // After a long pause each is asked whether it lives.
      quiet = done || long_pause ? quiet + 1 : 0;
    }
    if (quiet > 0) return;
    std::string what = "it does not come to rest";
    for (const auto& client : clients_) what += "; " + client->Describe();
    throw Violation{what};
  }

  // In the last epoch, since the first client has been back.
  void CheckGroup() {
    for (size_t i = clients_[0]->group_since(); i < truth_.size(); ++i) {
      const Accepted& frame = truth_.at(i);
      if (frame.type_id == kGroupType && frame.epoch == broker_.epoch() &&
          !group_.delivered.contains(i)) {
        throw Violation{"group: sequence " + std::to_string(frame.sequence) +
                        " went to nobody"};
      }
    }
  }

  void End() {
    for (const auto& client : clients_) client->Close();
    for (int round = 0; round < 100 && broker_.links() > 0; ++round) {
      now_ms_ += kIdleTimeoutMsDefault / 40;
      broker_.Settle(now_ms_);
      broker_.FinishTurn(now_ms_);
    }
    if (broker_.links() > 0 || broker_.broker().sessions() != 1) {
      throw Violation{"sessions are left, though all clients have closed"};
    }
    if (broker_.broker().draining_bytes() != 0) {
      throw Violation{"bytes are left in queues of nobody"};
    }
  }

  RandomSource random_;
  const Sabotage sabotage_;
  const bool verbose_;
  const bool restarts_;
  bool has_history_ = false;
  int64_t now_ms_ = 1;
  std::deque<std::string> events_;
  Truth truth_;
  GroupModel group_;
  uint64_t last_client_ = 0;
  SimBroker broker_;
  std::vector<std::unique_ptr<SimClient>> clients_;
};

}  // namespace

Report Run(uint64_t seed, Sabotage sabotage, bool verbose) {
  return World(seed, sabotage, verbose).Run();
}

}  // namespace mycelium::sim
