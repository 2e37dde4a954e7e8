// What publishing on an in-process bus does.
#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

#include "client/core/arguments.h"
#include "client/core/bus.h"
#include "client/core/bus_call.h"
#include "client/core/bus_full.h"
#include "client/core/bus_group.h"
#include "client/core/bus_history.h"
#include "client/core/bus_peer.h"
#include "client/core/bus_routes.h"
#include "client/core/bus_tally.h"
#include "config/limits.h"

namespace mycelium::core {
namespace {

// --- What is published: bytes, or an object --------------------------------

class BytesContent {
 public:
  explicit BytesContent(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  uint64_t QueueBytes(const FrameHeader& header) const {
    return header.body_bytes;
  }
  // The same once more; passed by value it stays in registers.
  BytesContent Again() const { return *this; }
  std::span<const uint8_t> payload() const { return bytes_; }
  std::span<const uint8_t> Bytes() const { return bytes_; }
  // What this direct subscriber gets of it.
  const Message& For(const BusRoute&, const Message& message) const {
    return message;
  }
  void Commit(BusRoute* route, FrameQueue::Lane* lane,
              const FrameHeader& header, std::string_view topic) const {
    route->queue->Commit(lane, header, topic, bytes_);
  }

 private:
  const std::span<const uint8_t> bytes_;
};

class ObjectContent {
 public:
  ObjectContent(const EncodableObject& object, std::vector<uint8_t>* buffer)
      : object_(object), buffer_(buffer) {}
  ObjectContent(const ObjectContent&) = delete;
  ObjectContent& operator=(const ObjectContent&) = delete;
  ~ObjectContent() {
    if (buffer_->capacity() <= kEncodedBytesKept) return;
    std::vector<uint8_t>().swap(*buffer_);
  }

  uint64_t QueueBytes(const FrameHeader& header) const {
    return ObjectBodyBytes(header.topic_bytes, object_.encoded_bytes);
  }
  ObjectContent Again() const { return {object_, buffer_}; }
  std::span<const uint8_t> payload() const { return {}; }
  Message For(const BusRoute& route, Message message) {
    if (Takes(route)) {
      message.object = &object_.object;
    } else {
      message.payload = Bytes();
    }
    return message;
  }
  void Commit(BusRoute* route, FrameQueue::Lane* lane, FrameHeader header,
              std::string_view topic) {
    if (object_.object.shared == nullptr || !Takes(*route)) {
      return route->queue->Commit(lane, header, topic, Bytes());
    }
    header.body_bytes = static_cast<uint32_t>(QueueBytes(header));
    route->queue->CommitObject(lane, header, topic, object_.object);
  }
  // Made when first wanted.
  std::span<const uint8_t> Bytes() {
    if (!encoded_) {
      buffer_->resize(object_.encoded_bytes);
      object_.encode(object_.object.value, buffer_->data());
      encoded_ = true;
    }
    return *buffer_;
  }

 private:
  bool Takes(const BusRoute& route) const {
    return route.options.object_type == object_.object.type;
  }

  const EncodableObject& object_;
  std::vector<uint8_t>* const buffer_;
  bool encoded_ = false;
};

// --- To whom ----------------------------------------------------------------

struct Targets {
  std::span<BusRoute* const> queued;
  std::span<BusRoute* const> direct;
};

[[gnu::always_inline]] inline Targets Select(const BusTable& table,
                                             std::string_view topic,
                                             PublisherSlot::Matches* matches) {
  if (topic.empty() || !table.has_filters) return {table.queued, table.direct};
  matches->numbers.clear();
  matches->queued.clear();
  matches->direct.clear();
  table.index.Match(topic, &matches->numbers);
  for (const uint32_t number : matches->numbers) {
    BusRoute* const route = table.routes[number].get();
    if (route->group != nullptr) continue;
    (route->queue != nullptr ? matches->queued : matches->direct)
        .push_back(route);
  }
  return {matches->queued, matches->direct};
}

// After Select: the members of groups, group by group.
std::span<BusRoute* const> SelectMembers(const BusTable& table,
                                         std::string_view topic,
                                         PublisherSlot::Matches* matches) {
  if (topic.empty() || !table.has_filters) return table.members;
  std::vector<BusRoute*>& members = matches->members;
  members.clear();
  for (const uint32_t number : matches->numbers) {
    BusRoute* const route = table.routes[number].get();
    if (route->group != nullptr) members.push_back(route);
  }
  std::sort(members.begin(), members.end(),
            [](const BusRoute* a, const BusRoute* b) {
              return a->group.get() < b->group.get();
            });
  return members;
}

// --- Room -------------------------------------------------------------------

void Unreserve(PublisherSlot* slot, std::span<BusRoute* const> routes) {
  for (BusRoute* const route : routes) {
    if (route->queue != nullptr) {
      route->queue->Unreserve(LaneOf(route, *slot));
    }
  }
}

// Room in all queues or in none, for `body_bytes` in each.
Status ReserveAll(PublisherSlot* slot, std::span<BusRoute* const> queued,
                  const FrameHeader& header, uint64_t body_bytes,
                  Deadline deadline, const std::atomic<bool>* closed) {
  for (size_t i = 0; i < queued.size();) {
    BusRoute* const route = queued[i];
    const PushResult result =
        route->queue->Reserve(LaneOf(route, *slot), body_bytes);
    if (result != PushResult::kWouldBlock) [[likely]] {
      if (result == PushResult::kDisconnected) [[unlikely]]
        EndStalled(route);
      ++i;
      continue;
    }
    Unreserve(slot, queued.first(i));
    Status waited = AwaitRoom(route, header, deadline, closed);
    if (!waited.ok()) return waited;
    i = 0;
  }
  return {};
}

// In a member of each group, or one that has left if all have.  Returns the
// members of a group that must be waited for, and then has reserved nothing.
Candidates ReserveMembers(PublisherSlot* slot,
                          std::span<BusRoute* const> members,
                          const FrameHeader& header,
                          std::vector<BusRoute*>* chosen) {
  chosen->clear();
  while (!members.empty()) {
    const Candidates candidates = FirstGroup(members);
    members = members.subspan(candidates.size());
    bool all_left;
    BusRoute* const member =
        ReserveMember(slot, candidates, header.body_bytes, &all_left);
    if (member != nullptr || all_left) {
      chosen->push_back(member != nullptr ? member : candidates[0]);
    } else {
      Unreserve(slot, *chosen);
      chosen->clear();
      return candidates;
    }
  }
  return {};
}

}  // namespace

// --- The usual way ----------------------------------------------------------

template <typename Content>
Status InprocClient::Deliver(PublisherSlot* slot, FrameHeader header,
                             std::string_view topic, Content&& content,
                             Deadline deadline) {
  BusRoutes& routes = bus_->routes;
  BusRoutes::Type& type = routes.Find(header.type_id);
  if (type.is_kept) [[unlikely]]
    return DeliverInParts(slot, header, topic, content.Again(), deadline);
  const BusTable* const table = routes.Read(type, &slot->reads[slot->depth]);
  if (table != nullptr && table->has_groups) [[unlikely]] {
    routes.EndRead(type, table, &slot->reads[slot->depth]);
    return DeliverInParts(slot, header, topic, content.Again(), deadline);
  }
  return DeliverTo(table, &type, slot, header, topic, content, deadline);
}

// In registers as long as it can be: it is the whole of a direct publish.
template <typename Content>
[[gnu::always_inline]] inline Status InprocClient::DeliverTo(
    const BusTable* table, BusType* type, PublisherSlot* slot,
    FrameHeader header, std::string_view topic, Content& content,
    Deadline deadline) {
  const uint32_t depth = slot->depth++;
  Status status;
  Targets targets;
  if (table != nullptr) {
    targets = Select(*table, topic, &slot->matches[depth]);
    if (!targets.queued.empty()) {
      status = ReserveAll(slot, targets.queued, header,
                          content.QueueBytes(header), deadline, &peer_->closed);
    }
  }
  if (status.ok()) [[likely]] {
    BusTally::OfThread::Add(&tally_->Of(*slot).published);
    header.id = 1 + type->sequence.fetch_add(1, std::memory_order_relaxed);
    for (BusRoute* const route : targets.queued) {
      content.Commit(route, LaneOf(route, *slot), header, topic);
    }
    const Message message{.type_id = header.type_id,
                          .kind = DataKind::kPublish,
                          .topic = topic,
                          .payload = content.payload(),
                          .sequence = header.id};
    for (BusRoute* const route : targets.direct) {
      CallDirect(slot, depth, route, content.For(*route, message));
    }
  }
  --slot->depth;
  bus_->routes.EndRead(*type, table, &slot->reads[depth]);
  return status;
}

// --- With groups or history -------------------------------------------------

// As Deliver.  In queues there are bytes only: those whom a member's are handed
// to may take no objects, and none is to be released under history's mutex.
template <typename Content>
[[gnu::noinline]] Status InprocClient::DeliverInParts(PublisherSlot* slot,
                                                      FrameHeader header,
                                                      std::string_view topic,
                                                      Content content,
                                                      Deadline deadline) {
  BusRoutes& routes = bus_->routes;
  BusType& type = routes.Find(header.type_id);
  const uint32_t depth = slot->depth++;
  const BusTable* table = nullptr;
  Targets targets;
  Status status;
  do {
    table = routes.Read(type, &slot->reads[depth]);
    targets = {};
    slot->matches[depth].chosen.clear();
    if (table != nullptr) {
      targets = Select(*table, topic, &slot->matches[depth]);
      status = ReserveEverywhere(slot, *table, targets.queued, header,
                                 content.QueueBytes(header), topic, deadline);
    }
  } while (status.ok() && !CommitEverywhere(slot, table, &type, targets.queued,
                                            &header, topic, content.Bytes()));
  if (status.ok()) {
    const Message message{.type_id = header.type_id,
                          .kind = DataKind::kPublish,
                          .topic = topic,
                          .payload = content.payload(),
                          .sequence = header.id};
    for (BusRoute* const route : targets.direct) {
      CallDirect(slot, depth, route, content.For(*route, message));
    }
    for (BusRoute* const member : slot->matches[depth].chosen) {
      if (member == nullptr ||
          (member->queue == nullptr &&
           CallDirect(slot, depth, member, content.For(*member, message)))) {
        continue;
      }
      // It has left meanwhile.
      GiveToGroup(bus_, *member->group,
                  StoredFrame(header, topic, content.Bytes()));
    }
    BusTally::OfThread::Add(&tally_->Of(*slot).published);
  }
  --slot->depth;
  routes.EndRead(type, table, &slot->reads[depth]);
  return status;
}

// Counts the frame and puts it where room is reserved; members that have it are
// taken out of what is chosen.  False: history keeps the type and somebody has
// come or left meanwhile, perhaps with a start; then nothing is done and
// nothing stays reserved.
bool InprocClient::CommitEverywhere(PublisherSlot* slot, const BusTable* table,
                                    BusType* type,
                                    std::span<BusRoute* const> queued,
                                    FrameHeader* header, std::string_view topic,
                                    std::span<const uint8_t> payload) {
  PublisherSlot::Matches& matches = slot->matches[slot->depth - 1];
  std::unique_lock<std::mutex> kept;
  if (type->is_kept) {
    kept = std::unique_lock(bus_->history->mutex);
    if (!bus_->routes.IsInForce(*type, table)) {
      kept.unlock();
      Unreserve(slot, queued);
      Unreserve(slot, matches.chosen);
      bus_->routes.EndRead(*type, table, &slot->reads[slot->depth - 1]);
      return false;
    }
  }
  header->id = 1 + type->sequence.fetch_add(1, std::memory_order_relaxed);
  if (type->is_kept) {
    bus_->history->Add(topic, StoredFrame(*header, topic, payload));
  }
  for (BusRoute* const route : queued) {
    route->queue->Commit(LaneOf(route, *slot), *header, topic, payload);
  }
  for (BusRoute*& member : matches.chosen) {
    if (member->queue != nullptr &&
        CommitToMember(slot, member, *header, topic, payload)) {
      member = nullptr;
    }
  }
  return true;
}

// In `queued` and in one member of each group, or nowhere.
Status InprocClient::ReserveEverywhere(
    PublisherSlot* slot, const BusTable& table,
    std::span<BusRoute* const> queued, const FrameHeader& header,
    uint64_t queue_bytes, std::string_view topic, Deadline deadline) {
  PublisherSlot::Matches& matches = slot->matches[slot->depth - 1];
  const std::span<BusRoute* const> members =
      SelectMembers(table, topic, &matches);
  while (true) {
    Status status =
        ReserveAll(slot, queued, header, queue_bytes, deadline, &peer_->closed);
    if (!status.ok()) return status;
    const Candidates full =
        ReserveMembers(slot, members, header, &matches.chosen);
    if (full.empty()) return {};
    Unreserve(slot, queued);
    status = AwaitMember(slot, full, header, deadline, &peer_->closed);
    if (!status.ok()) return status;
  }
}

// --- The client's calls -----------------------------------------------------

// `make_content` makes what is published, given the thread's slot.
template <typename MakeContent>
Status InprocClient::PublishContent(uint16_t type_id, std::string_view topic,
                                    uint64_t payload_bytes, Deadline deadline,
                                    MakeContent make_content) {
  const uint64_t body_bytes = uint64_t{topic.size()} + payload_bytes;
  if (type_id == 0 || !topic.empty() || body_bytes > kFrameBytesMaxDefault) {
    Status status =
        CheckPublish(type_id, topic, payload_bytes, kFrameBytesMaxDefault);
    if (!status.ok()) return status;
  }
  if (peer_->closed.load(std::memory_order_relaxed)) {
    return peer_->OpenOr("publish");
  }
  PublisherSlot* const slot = ThisThreadSlot();
  if (slot == nullptr) {
    return {StatusCode::kResourceExhausted,
            "publish: no slot for this thread, inproc_publishers_max " +
                std::to_string(kInprocPublishersMax)};
  }
  if (slot->depth == kInprocNestingMax) {
    return {StatusCode::kResourceExhausted,
            "publish: nested " + std::to_string(kInprocNestingMax + 1) +
                " deep, inproc_nesting_max " +
                std::to_string(kInprocNestingMax)};
  }
  const FrameHeader header{static_cast<uint32_t>(body_bytes), type_id,
                           static_cast<uint8_t>(DataKind::kPublish),
                           static_cast<uint8_t>(topic.size()), 0};
  return Deliver(slot, header, topic, make_content(slot), deadline);
}

Status InprocClient::Publish(uint16_t type_id, std::string_view topic,
                             std::span<const uint8_t> payload,
                             Deadline deadline) {
  return PublishContent(
      type_id, topic, payload.size(), deadline,
      [payload](PublisherSlot*) { return BytesContent(payload); });
}

Status InprocClient::PublishObject(uint16_t type_id, std::string_view topic,
                                   const EncodableObject& object,
                                   Deadline deadline) {
  return PublishContent(type_id, topic, object.encoded_bytes, deadline,
                        [&object](PublisherSlot* slot) {
                          return ObjectContent(object,
                                               &slot->encoded[slot->depth]);
                        });
}

Status InprocClient::TryPublish(uint16_t type_id, std::string_view topic,
                                std::span<const uint8_t> payload) {
  return Publish(type_id, topic, payload, kNoWait);
}

Status InprocClient::PublishAcked(
    uint16_t type_id, std::string_view topic, std::span<const uint8_t> payload,
    Deadline deadline, std::function<void(const Status&)> on_accepted) {
  Status status = Publish(type_id, topic, payload, deadline);
  if (status.ok()) on_accepted({});
  return status;
}

}  // namespace mycelium::core
