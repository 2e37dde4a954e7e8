#include "tests/sim/sim_broker.h"

#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "proto/frame.h"
#include "proto/mycelium/control.pb.h"

namespace mycelium::sim {
namespace {

constexpr uint64_t kObserverQueueBytes = uint64_t{1} << 30;

}  // namespace

SimBroker::SimBroker(const Settings& settings, RandomSource* random,
                     Truth* truth)
    : settings_(settings), random_(random), truth_(truth) {
  Start(0);
}

SimBroker::~SimBroker() = default;

void SimBroker::Start(int64_t now_ms) {
  ++epoch_;
  broker_ = std::make_unique<broker::Broker>(
      broker::Broker::Identity{"sim", "0", epoch_, now_ms}, settings_.limits,
      now_ms);
  if (!broker_->Configure(settings_.limits, {}, {}, settings_.history).ok()) {
    throw Violation{"the broker refuses its configuration"};
  }
  observer_ = broker_->Accept({"observer", "observer", true}, 1000, now_ms);
  wire::Hello hello;
  hello.set_version_major(kVersionMajor);
  wire::Subscribe subscribe;
  subscribe.set_subscription_id(1);
  subscribe.mutable_policy()->set_queue_bytes_max(kObserverQueueBytes);
  subscribe.mutable_policy()->set_stall_ms_max(0);
  const std::string bytes =
      broker::ControlFrame(ControlKind::kHello, kHelloMagic,
                           hello.SerializeAsString()) +
      broker::ControlFrame(ControlKind::kSubscribe, 1,
                           subscribe.SerializeAsString());
  Feed(observer_, bytes.data(), bytes.size(), now_ms);
  Observe();
}

void SimBroker::Restart(int64_t now_ms) {
  for (const std::shared_ptr<Link>& link : links_) {
    link->session = nullptr;
    link->up.clear();
    // What the system had taken may still arrive, up to any byte.
    link->down.resize(random_->Below(link->down.size() + 1));
    link->down_ended = true;
  }
  links_.clear();
  observed_.clear();
  broker_.reset();
  Start(now_ms);
}

std::shared_ptr<Link> SimBroker::Connect(const std::string& principal,
                                         int64_t now_ms) {
  auto link = std::make_shared<Link>(256 + random_->Below(64 << 10));
  link->session =
      broker_->Accept({"unix:" + principal, principal, true}, 1000, now_ms);
  if (link->session == nullptr) return nullptr;
  link->session->connection = link.get();
  link->connected_ms = now_ms;
  links_.push_back(link);
  return link;
}

void SimBroker::Step(int64_t now_ms) {
  if (links_.empty()) return;
  const std::shared_ptr<Link> link = links_[random_->Below(links_.size())];
  Read(link.get(), 1 + random_->Below(32 << 10), now_ms);
  if (link->session != nullptr) Write(link.get());
}

void SimBroker::Settle(int64_t now_ms) {
  const std::vector<std::shared_ptr<Link>> links = links_;
  for (const std::shared_ptr<Link>& link : links) {
    while (link->session != nullptr && !link->silent && !link->up.empty() &&
           link->session->wants_read()) {
      Read(link.get(), link->up.size(), now_ms);
    }
    Read(link.get(), 1, now_ms);
    if (link->session != nullptr) Write(link.get());
  }
}

// Never more than up to the end of a SUBSCRIBE, and that one alone, so that it
// is known what was accepted before it.
void SimBroker::Read(Link* link, size_t bytes_max, int64_t now_ms) {
  if (link->session == nullptr || link->silent) return;
  if (link->up.empty()) {
    if (!link->up_ended) return;
    if (random_->Chance(50)) {
      link->session->EndOfInput(now_ms);
      link->up_ended = false;  // said once
      link->peer_ended = true;
    } else {
      End(link, "reset");
    }
    return;
  }
  if (!link->session->wants_read()) return;
  size_t bytes = std::min(bytes_max, link->up.size());
  if (!link->subscribes.empty()) {
    const uint64_t left = link->subscribes.front().first - link->up_read;
    if (left <= bytes) {
      bytes = static_cast<size_t>(left);
      // The last byte by itself: what comes before it is accepted by then.
      if (bytes > 1) {
        bytes -= 1;
      } else {
        on_subscribe(link, link->subscribes.front().second, truth_->size(),
                     now_ms);
        link->subscribes.pop_front();
      }
    }
  }
  const std::string piece = link->up.substr(0, bytes);
  link->up.erase(0, bytes);
  link->up_read += bytes;
  Feed(link->session, piece.data(), piece.size(), now_ms);
  Observe();
}

void SimBroker::Feed(broker::Session* session, const char* bytes, size_t size,
                     int64_t now_ms) {
  while (size > 0) {
    const std::span<uint8_t> room = session->ReadBuffer();
    const size_t now = std::min(room.size(), size);
    std::memcpy(room.data(), bytes, now);
    session->Received(now, now_ms);
    bytes += now;
    size -= now;
  }
}

void SimBroker::Observe() {
  std::array<iovec, 64> iovecs;
  while (!observer_->outbox.empty()) {
    const size_t count = observer_->outbox.Gather(iovecs);
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; ++i) {
      observed_.append(static_cast<const char*>(iovecs[i].iov_base),
                       iovecs[i].iov_len);
      bytes += iovecs[i].iov_len;
    }
    observer_->Written(bytes);
  }
  size_t at = 0;
  while (observed_.size() - at >= kHeaderBytes) {
    const auto* const bytes =
        reinterpret_cast<const uint8_t*>(observed_.data()) + at;
    const FrameView frame{LoadHeader(bytes), bytes};
    if (observed_.size() - at < frame.frame_bytes()) break;
    at += frame.frame_bytes();
    if (frame.header.type_id == 0) {
      if (frame.header.kind == static_cast<uint8_t>(ControlKind::kGap)) {
        throw Violation{"the observer has a gap"};
      }
      continue;
    }
    const auto payload = frame.payload();
    truth_->Add(epoch_, frame.header.type_id, frame.header.id,
                std::string(frame.topic()),
                std::string(payload.begin(), payload.end()));
  }
  observed_.erase(0, at);
}

// As bridges/stream.cc: what the stream does not take at once is taken out of
// the outbox in one piece, and nothing more until it has gone.
void SimBroker::Write(Link* link) {
  const size_t now = std::min(link->pending.size(), link->DownRoom());
  if (!link->silent) link->down.append(link->pending, 0, now);
  link->pending.erase(0, now);
  broker::Session* const session = link->session;
  std::array<iovec, 64> iovecs;
  while (link->pending.empty() && !session->outbox.empty()) {
    const size_t pieces = 1 + random_->Below(iovecs.size());
    const size_t count =
        session->outbox.Gather(std::span(iovecs).first(pieces));
    uint64_t written = 0;
    bool full = false;
    for (size_t i = 0; i < count && !full; ++i) {
      // A silent link takes as much as a full one would.
      const size_t bytes = std::min(iovecs[i].iov_len, link->DownRoom());
      full = bytes < iovecs[i].iov_len;
      link->down.append(static_cast<const char*>(iovecs[i].iov_base), bytes);
      written += bytes;
    }
    session->Written(written);
    if (!full) continue;
    session->outbox.CompactIfSparse();
    std::array<broker::Ref<broker::Block>, 16> blocks;
    const size_t left = session->outbox.GatherShared(
        std::span(iovecs).first(blocks.size()), blocks);
    uint64_t taken = 0;
    for (size_t i = 0; i < left; ++i) {
      link->pending.append(static_cast<const char*>(iovecs[i].iov_base),
                           iovecs[i].iov_len);
      taken += iovecs[i].iov_len;
    }
    session->Written(taken);
  }
  if (!session->finished() || !link->pending.empty()) return;
  link->down_ended = true;
  if (link->peer_ended) End(link, "");
}

void SimBroker::End(Link* link, const std::string& error) {
  broker_->Ended(std::exchange(link->session, nullptr), error);
  link->down_ended = true;
  std::erase_if(links_,
                [link](const auto& each) { return each.get() == link; });
}

void SimBroker::FinishTurn(int64_t now_ms) {
  for (broker::Session* const session : broker_->FinishTurn(now_ms)) {
    if (session == observer_) continue;
    auto* const link = static_cast<Link*>(session->connection);
    if (link == nullptr) continue;
    if (session->expired(now_ms)) {
      End(link, "");
      continue;
    }
    Write(link);
  }
  // The observer answers PING, and is never idle.
  const std::string pong = broker::ControlFrame(ControlKind::kPong, 0, {});
  Feed(observer_, pong.data(), pong.size(), now_ms);
  Observe();
}

}  // namespace mycelium::sim
