#include "tests/sim/sim_client.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <variant>

#include "broker/subscription_index.h"
#include "client/core/control_body.h"
#include "config/limits.h"

namespace mycelium::sim {
namespace {

using core::Bytes;

std::string_view AsText(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

core::Progress::Kind KindOf(const core::SubscribeOptions& options,
                            bool responder) {
  if (responder || !options.group.empty()) return core::Progress::Kind::kGroup;
  return options.policy.overflow == core::Overflow::kConflate
             ? core::Progress::Kind::kAddressed
             : core::Progress::Kind::kShared;
}

Bytes DataFrame(uint16_t type_id, DataKind kind, uint64_t id,
                std::string_view payload) {
  Bytes frame(kHeaderBytes + payload.size());
  StoreHeader({.body_bytes = static_cast<uint32_t>(payload.size()),
               .type_id = type_id,
               .kind = static_cast<uint8_t>(kind),
               .topic_bytes = 0,
               .id = id},
              frame.data());
  std::memcpy(frame.data() + kHeaderBytes, payload.data(), payload.size());
  return frame;
}

}  // namespace

SimClient::SimClient(const Settings& settings, RandomSource* random,
                     SimBroker* broker, const Truth* truth)
    : settings_(settings),
      random_(random),
      broker_(broker),
      truth_(truth),
      instance_id_("instance" + std::to_string(10'000'000 + settings.number)),
      log_(settings.publish_bytes_max),
      backoff_(1, 200, [random] { return random->Bits(); }) {}

void SimClient::Fail(const std::string& what) const {
  throw Violation{"client " + std::to_string(settings_.number) + ": " + what};
}

// --- What its user does -----------------------------------------------------

void SimClient::Publish(uint16_t type_id, const std::string& topic,
                        size_t padding) {
  if (closed_ || reconnects_ + open_ == 0) return;
  if (held_.contains(type_id) || held_.contains(0)) return;
  const std::string payload =
      PayloadOf(settings_.number, log_.last_publish_id() + 1, padding);
  if (!log_.HasRoom(kHeaderBytes + topic.size() + payload.size())) return;
  log_.Publish(
      type_id, topic,
      {reinterpret_cast<const uint8_t*>(payload.data()), payload.size()});
}

void SimClient::Subscribe(const core::SubscribeOptions& options,
                          GroupModel* group) {
  Add(options, group, /*responder=*/false);
}

void SimClient::UnsubscribeOne() {
  for (const auto& subscription : subscriptions_) {
    if (subscription->responder || subscription->grouped ||
        !subscription->progress.active() || random_->Chance(50)) {
      continue;
    }
    subscription->progress.Suspend();
    subscription->ended = true;
    log_.Append(core::EncodeUnsubscribe(subscription->id, subscription->id));
    return;
  }
}

void SimClient::Respond(uint16_t type_id) {
  Add({.type_id = type_id}, nullptr, /*responder=*/true);
}

void SimClient::Add(const core::SubscribeOptions& options, GroupModel* group,
                    bool responder) {
  const auto id = static_cast<uint32_t>(subscriptions_.size() + 1);
  const std::string name = "client " + std::to_string(settings_.number) +
                           ", subscription " + std::to_string(id);
  subscriptions_.push_back(std::make_unique<Subscription>(
      Subscription{id, core::Progress(KindOf(options, responder)),
                   SubscriptionModel(truth_, name, options, group), responder,
                   !options.group.empty()}));
  if (open_) log_.Append(SubscribeFrame(subscriptions_.back().get()));
}

Bytes SimClient::SubscribeFrame(Subscription* subscription) {
  const std::optional<core::ResumeBody> resume =
      subscription->progress.Resume();
  return core::EncodeSubscribe(
      subscription->id, subscription->id, subscription->model.options(),
      subscription->responder, resume ? &*resume : nullptr);
}

void SimClient::Ask(uint16_t type_id) {
  if (!open_) return;
  const uint32_t number = ++last_number_;
  asked_[number] = type_id;
  log_.Append(DataFrame(type_id, DataKind::kRequest, number,
                        "?" + std::to_string(number)));
}

void SimClient::CancelOne() {
  if (!open_ || asked_.empty()) return;
  const uint32_t number = asked_.begin()->first;
  asked_.erase(asked_.begin());
  log_.Append(core::EncodeEmpty(ControlKind::kCancel, number));
}

void SimClient::Flush() {
  if (!open_) return;
  flushes_[++last_request_] = log_.last_publish_id();
  log_.Append(core::EncodeEmpty(ControlKind::kFlush, last_request_));
}

void SimClient::Close() {
  if (closed_) return;
  closed_ = true;
  if (link_ != nullptr) {
    if (open_) log_.Append(core::EncodeClose(core::CloseCode::kGoingAway, {}));
    Write();
    while (open_ && !link_->silent && log_.unwritten_bytes() > 0 &&
           link_->UpRoom() > 0) {
      Write();
    }
    link_->up_ended = true;
    link_.reset();
  }
  if (log_.connected()) log_.Disconnected();
  open_ = false;
  TakeBack(log_.GiveBackAll());
}

// --- Steps ------------------------------------------------------------------

void SimClient::Step(int64_t now_ms) {
  if (closed_) return;
  if (link_ == nullptr) {
    if (lost_at_ms_ != 0 && !window_over_ && window_ms_ != 0 &&
        now_ms - lost_at_ms_ > window_ms_) {
      window_over_ = true;
      TakeBack(log_.GiveBackWritten());
    }
    if (now_ms >= connect_at_ms_) Connect(now_ms);
    return;
  }
  if (random_->Chance(50)) Write();
  if (reading_) Read(1 + random_->Below(32 << 10), now_ms);
  if (link_ != nullptr && random_->Chance(20)) AckGroups();
  // A third of the idle timeout is the heartbeat, twice that the end.
  if (link_ != nullptr && reading_ && link_->silent &&
      now_ms - last_read_ms_ > 2 * kIdleTimeoutMsDefault / kHeartbeatDivisor) {
    Lost(0, now_ms);
  }
  if (!to_answer_.empty() && open_ && random_->Chance(30)) {
    const auto [id, type_id] = *to_answer_.begin();
    to_answer_.erase(to_answer_.begin());
    if (random_->Chance(80)) {
      log_.Append(DataFrame(type_id + 100, DataKind::kReply, id,
                            "!" + std::to_string(static_cast<uint32_t>(id))));
    } else {
      log_.Append(DataFrame(
          type_id, DataKind::kErrorReply, id,
          core::EncodeRequestError({core::StatusCode::kInternal, "broken"})));
    }
  }
}

void SimClient::Settle(int64_t now_ms) {
  if (closed_) return;
  Step(now_ms);
  for (int i = 0; i < 64 && link_ != nullptr; ++i) {
    const size_t before = link_->down.size() + log_.unwritten_bytes();
    Write();
    if (reading_) Read(link_->down.size() + 1, now_ms);
    AckGroups();
    if (link_ == nullptr ||
        link_->down.size() + log_.unwritten_bytes() == before) {
      return;
    }
  }
}

bool SimClient::HasNothingToDo() const {
  return closed_ || (open_ && link_->up.empty() && link_->down.empty() &&
                     log_.unwritten_bytes() == 0 && to_answer_.empty() &&
                     log_.settled_id() == log_.last_publish_id());
}

std::string SimClient::Describe() const {
  return "client " + std::to_string(settings_.number) +
         (open_ ? " is open, " : " is not open, ") +
         std::to_string(link_ == nullptr ? 0 : link_->up.size()) +
         " bytes up, " +
         std::to_string(link_ == nullptr ? 0 : link_->down.size()) + " down, " +
         std::to_string(log_.unwritten_bytes()) +
         " unwritten, publishes after " + std::to_string(log_.settled_id()) +
         " of " + std::to_string(log_.last_publish_id()) + " not settled";
}

void SimClient::Connect(int64_t now_ms) {
  link_ = broker_->Connect(settings_.principal, now_ms);
  if (link_ == nullptr) {
    connect_at_ms_ = now_ms + backoff_.NextMs(0);
    return;
  }
  last_read_ms_ = now_ms;
  session_ = core::Session();
  input_.clear();
  addressee_ = 0;
  lost_ = false;
  const Bytes hello = core::EncodeHello(
      "client " + std::to_string(settings_.number), {}, instance_id_, last_);
  hello_.assign(AsText(hello));
}

void SimClient::Write() {
  size_t room = std::min<size_t>(link_->UpRoom(), 1 + random_->Below(8 << 10));
  if (!hello_.empty()) {
    const size_t now = std::min(room, hello_.size());
    link_->WriteUp(std::string_view(hello_).substr(0, now));
    hello_.erase(0, now);
    return;
  }
  if (!open_ || room == 0) return;
  std::span<const uint8_t> pieces[4];
  const size_t count = log_.Take(pieces);
  uint64_t written = 0;
  for (size_t i = 0; i < count && room > 0; ++i) {
    const auto now = pieces[i].first(std::min(room, pieces[i].size()));
    link_->WriteUp(AsText(now));
    written += now.size();
    room -= now.size();
  }
  if (written > 0) log_.Wrote(written);
}

void SimClient::Read(size_t bytes_max, int64_t now_ms) {
  if (link_->silent) return;
  const size_t bytes = std::min(bytes_max, link_->down.size());
  if (bytes == 0) {
    if (link_->down_ended) Lost(retry_after_ms_, now_ms);
    return;
  }
  last_read_ms_ = now_ms;
  const auto* const begin =
      reinterpret_cast<const uint8_t*>(link_->down.data());
  input_.insert(input_.end(), begin, begin + bytes);
  link_->down.erase(0, bytes);
  HandleInput(now_ms);
}

void SimClient::HandleInput(int64_t now_ms) {
  size_t at = 0;
  core::Session::Event event;
  while (!lost_) {
    const size_t consumed =
        session_.Next(std::span(input_).subspan(at), &event);
    if (consumed == 0) break;
    at += consumed;
    std::visit([this](const auto& what) { On(what); }, event);
  }
  input_.erase(input_.begin(), input_.begin() + static_cast<ptrdiff_t>(at));
  if (lost_) Lost(retry_after_ms_, now_ms);
}

void SimClient::Cut(int64_t now_ms) {
  if (link_ == nullptr) return;
  link_->up.resize(random_->Below(link_->up.size() + 1));
  link_->up_ended = true;
  // What was under way to the client may arrive or not.
  link_->down.resize(random_->Below(link_->down.size() + 1));
  if (reading_ && !link_->down.empty()) Read(link_->down.size(), now_ms);
  if (link_ != nullptr) Lost(0, now_ms);
}

void SimClient::Lost(int64_t retry_after_ms, int64_t now_ms) {
  link_->up_ended = true;
  link_.reset();
  retry_after_ms_ = 0;
  if (open_) {
    log_.Disconnected();
    lost_at_ms_ = now_ms;
    window_over_ = false;
  }
  open_ = false;
  hello_.clear();
  held_.clear();
  flushes_.clear();
  asked_.clear();
  to_answer_.clear();
  for (const auto& subscription : subscriptions_) {
    if (subscription->progress.active()) {
      subscription->live_until_ms = now_ms;
    }
    subscription->progress.Suspend();
  }
  connect_at_ms_ = now_ms + backoff_.NextMs(retry_after_ms);
}

// --- What the broker says ---------------------------------------------------

void SimClient::On(const core::WelcomeBody& welcome) {
  if (welcome.resumed && !log_.CanResumeAfter(welcome.last_publish_id)) {
    Fail("WELCOME says last_publish_id " +
         std::to_string(welcome.last_publish_id));
  }
  last_ = {welcome.broker.epoch, welcome.broker.session_id};
  resumed_ = welcome.resumed;
  window_ms_ = welcome.resume_window_ms;
  open_ = true;
  ++reconnects_;
  backoff_.Reset();
  Bytes first;
  for (const auto& subscription : subscriptions_) {
    if (subscription->ended) continue;
    subscription->group_given = subscription->group_acked = 0;
    // A connection that lasts for longer than the window without a SUBSCRIBE,
    // even if its WELCOME was never read, ends what was kept for it.
    const bool kept = last_read_ms_ - subscription->live_until_ms < window_ms_;
    subscription->known &= resumed_ && kept;
    const Bytes frame = SubscribeFrame(subscription.get());
    first.insert(first.end(), frame.begin(), frame.end());
  }
  TakeBack(log_.Connected(welcome.resumed, welcome.last_publish_id, first));
}

void SimClient::OnSubscribeRead(const Link* link, uint32_t id, size_t accepted,
                                int64_t now_ms) {
  if (link_.get() != link || id == 0 || id > subscriptions_.size()) return;
  subscriptions_[id - 1]->accepted = accepted;
  subscriptions_[id - 1]->prompt = now_ms - link->connected_ms < window_ms_;
}

void SimClient::On(const core::Session::Subscribed& subscribed) {
  const core::SubscribedBody& body = subscribed.body;
  if (body.subscription_id == 0 ||
      body.subscription_id > subscriptions_.size()) {
    Fail("SUBSCRIBED of no subscription");
  }
  Subscription& subscription = *subscriptions_[body.subscription_id - 1];
  if (body.code != core::CloseCode::kOk) Fail("refused: " + body.reason);
  subscription.progress.Activate(last_.epoch, last_.session_id, resumed_,
                                 body.starts);
  if (subscription.responder) return;
  subscription.model.OnSubscribed(subscription.accepted,
                                  subscription.known && subscription.prompt,
                                  last_.epoch);
  subscription.known = true;
}

void SimClient::On(const core::GapBody& gap) {
  Subscription& subscription = *subscriptions_.at(gap.subscription_id - 1);
  if (subscription.gone) Fail("a GAP behind UNSUBSCRIBED");
  if (subscription.ended) return;
  subscription.progress.OnGap(gap.gap);
  if (!Sabotages(Sabotage::kDropGap)) subscription.model.OnGap(gap.gap);
}

void SimClient::On(const core::UnsubscribedBody& body) {
  Subscription& subscription = *subscriptions_.at(body.subscription_id - 1);
  if (!subscription.ended) Fail("UNSUBSCRIBED that was not asked for");
  subscription.gone = true;
}

void SimClient::On(const core::AckBody& ack) {
  if (Sabotages(Sabotage::kFalseAck)) {
    log_.Acked(log_.last_publish_id());
    return;
  }
  if (!log_.Acked(ack.publish_id)) {
    Fail("ACK of " + std::to_string(ack.publish_id) + " that was not sent");
  }
  if (!truth_->Has(settings_.number, ack.publish_id)) {
    Fail("ACK of " + std::to_string(ack.publish_id) + " that is not accepted");
  }
}

void SimClient::On(const core::Session::Flushed& flushed) {
  const auto it = flushes_.find(flushed.request_id);
  if (it == flushes_.end()) Fail("FLUSHED that was not asked for");
  // What was given back before it is not meant.
  const uint64_t last = it->second;
  flushes_.erase(it);
  if (last > log_.settled_id() && !truth_->Has(settings_.number, last)) {
    Fail("FLUSHED, but " + std::to_string(last) + " is not accepted");
  }
  log_.Acked(last);
}

void SimClient::On(const core::Session::Ping& ping) {
  log_.Append(core::EncodeEmpty(ControlKind::kPong, ping.id));
}

void SimClient::On(const core::CloseBody& close) {
  lost_ = true;
  retry_after_ms_ = close.retry_after_ms;
  if (close.code == core::CloseCode::kProtocol ||
      close.code == core::CloseCode::kInvalidArgument ||
      close.code == core::CloseCode::kFrameTooLarge ||
      close.code == core::CloseCode::kDenied) {
    Fail("closed by the broker: " + close.reason);
  }
}

// --- Frames -----------------------------------------------------------------

void SimClient::Deliver(const core::FrameRun& run) {
  const FrameHeader first = run.first();
  for (size_t at = 0; at < run.bytes.size();) {
    const uint8_t* const bytes = run.bytes.data() + at;
    const FrameView frame{LoadHeader(bytes), bytes};
    at += frame.frame_bytes();
    if (first.kind == static_cast<uint8_t>(DataKind::kRequest)) {
      OnRequestFrame(frame);
    } else if (first.kind == static_cast<uint8_t>(DataKind::kReply) ||
               first.kind == static_cast<uint8_t>(DataKind::kErrorReply)) {
      OnAnswer(frame);
    } else {
      for (const auto& subscription : subscriptions_) {
        const bool addressed = addressee_ != 0;
        if (addressed ? addressee_ != subscription->id
                      : !subscription->progress.is_for(false)) {
          continue;
        }
        if (addressed && subscription->gone) {
          Fail("a frame behind UNSUBSCRIBED");
        }
        const core::SubscribeOptions& options = subscription->model.options();
        if ((options.type_id != 0 && options.type_id != first.type_id) ||
            !TopicMatches(options.topic_filter, frame.topic()) ||
            !subscription->progress.is_for(addressed) ||
            frame.header.id <=
                subscription->progress.SkippedUntil(frame.header, addressed)) {
          continue;
        }
        subscription->progress.Gave(first.type_id, 1, frame.header.id);
        ++subscription->group_given;
        core::Message message;
        message.type_id = first.type_id;
        message.topic = frame.topic();
        message.payload = frame.payload();
        message.sequence = frame.header.id;
        message.redelivered = (first.kind & kRedeliveredFlag) != 0;
        if (Sabotages(Sabotage::kDropFrame)) continue;
        subscription->model.OnFrame(message, last_.epoch);
        if (Sabotages(Sabotage::kRepeatFrame)) {
          subscription->model.OnFrame(message, last_.epoch);
        }
      }
    }
  }
}

void SimClient::AckGroups() {
  if (!open_) return;
  for (const auto& subscription : subscriptions_) {
    if (!subscription->grouped || !subscription->progress.active() ||
        subscription->group_given == subscription->group_acked) {
      continue;
    }
    subscription->group_acked = subscription->group_given;
    log_.Append(core::EncodeAck(subscription->id, subscription->group_acked));
  }
}

void SimClient::OnRequestFrame(const FrameView& frame) {
  if (addressee_ == 0 || !subscriptions_.at(addressee_ - 1)->responder) {
    Fail("a REQUEST to no responder");
  }
  to_answer_[frame.header.id] = frame.header.type_id;
}

void SimClient::OnAnswer(const FrameView& frame) {
  if (addressee_ != 0) Fail("an answer to a subscription");
  const auto number = static_cast<uint32_t>(frame.header.id);
  if (frame.header.id >> 32 != 0) Fail("an answer with somebody's session");
  const auto it = asked_.find(number);
  // The answer to a cancelled one may have been under way.
  if (it == asked_.end()) {
    if (number > last_number_) Fail("an answer to what was not asked");
    return;
  }
  if (frame.header.kind == static_cast<uint8_t>(DataKind::kReply) &&
      AsText(frame.payload()) != "!" + std::to_string(number)) {
    Fail("the answer to another request");
  }
  asked_.erase(it);
}

// --- The end ----------------------------------------------------------------

void SimClient::TakeBack(const core::PublishLog::GivenBack& back) {
  for (uint64_t i = 0; i < back.count; ++i) {
    (i < back.maybe_accepted ? maybe_accepted_ : not_accepted_)
        .push_back(back.first_id + i);
  }
}

void SimClient::CheckComplete() const {
  if (!asked_.empty()) {
    Fail(std::to_string(asked_.size()) + " requests without an answer");
  }
  std::set<uint64_t> back(maybe_accepted_.begin(), maybe_accepted_.end());
  for (const uint64_t id : not_accepted_) {
    back.insert(id);
    if (truth_->Has(settings_.number, id)) {
      Fail("publish " + std::to_string(id) +
           " came back as not accepted, and was");
    }
  }
  for (uint64_t id = 1; id <= log_.settled_id(); ++id) {
    if (!back.contains(id) && !truth_->Has(settings_.number, id)) {
      Fail("publish " + std::to_string(id) + " counts as accepted, and is not");
    }
  }
  if (log_.settled_id() != log_.last_publish_id()) {
    Fail("publishes after " + std::to_string(log_.settled_id()) + " of " +
         std::to_string(log_.last_publish_id()) + " have no end");
  }
  for (const auto& subscription : subscriptions_) {
    if (!subscription->ended) subscription->model.CheckComplete();
  }
}

uint64_t SimClient::delivered() const {
  uint64_t frames = 0;
  for (const auto& subscription : subscriptions_) {
    frames += subscription->model.delivered();
  }
  return frames;
}

}  // namespace mycelium::sim
