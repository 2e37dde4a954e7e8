#include "broker/instances.h"

#include <limits>

namespace mycelium::broker {

Instances::Instances(Router* router, SchemaRegistry* schemas, BlockPool* pool)
    : router_(router), schemas_(schemas), away_port_(pool) {
  away_port_.closed = true;
}

Instances::~Instances() {
  while (!instances_.empty()) Forget(instances_.begin()->second.get());
}

Instance* Instances::Find(std::string_view id) {
  const auto it = instances_.find(absl::string_view(id.data(), id.size()));
  return it == instances_.end() ? nullptr : it->second.get();
}

Instance* Instances::Make(std::string_view id, std::string_view principal,
                          Port* session) {
  auto instance = std::make_unique<Instance>();
  instance->id = id;
  instance->principal = principal;
  instance->session = session;
  instance->first_session_id = session->session_id;
  return instances_.emplace(instance->id, std::move(instance))
      .first->second.get();
}

void Instances::Returned(Instance* instance, Port* session, int64_t now_ms) {
  --away_;
  instance->session = session;
  ReleaseSchema(instance);
  instance->forget_ms = now_ms + window_ms_;
  due_.emplace_back(instance->forget_ms, instance->id);
}

void Instances::ReleaseSchema(Instance* instance) {
  if (instance->schema == nullptr) return;
  schemas_->AddAway(instance->schema, -1);
  schemas_->Release(std::exchange(instance->schema, nullptr));
}

void Instances::Keep(Instance* instance, const Subscription& subscription) {
  Take(instance, subscription.id);
  // An instance may come and go with other ids each time.
  if (instance->kept.size() >= kept_max_) {
    Take(instance, instance->kept.begin()->first);
  }
  Ref<Subscription> counting(new Subscription);
  counting->id = subscription.id;
  counting->port = &away_port_;
  counting->type_id = subscription.type_id;
  counting->topic_filter = subscription.topic_filter;
  counting->frames = subscription.frames;
  counting->since_arrival = subscription.since_arrival;
  counting->since_session = subscription.since_session;
  counting->unknown_at = subscription.unknown_at;
  instance->kept[subscription.id] = counting;
  router_->Subscribe(counting);
}

void Instances::Left(Instance* instance, const KnownSchema* schema,
                     int64_t now_ms) {
  instance->session = nullptr;
  instance->schema = schema;
  if (schema != nullptr) schemas_->AddAway(schema, 1);
  instance->forget_ms = now_ms + window_ms_;
  ++away_;
  if (window_ms_ == 0) return Forget(instance);
  due_.emplace_back(instance->forget_ms, instance->id);
}

// The one that left first.  Void entries go on the way, so that none is looked
// at twice however many instances come and go.
void Instances::ForgetOldest() {
  size_t back = 0;  // at the front, of those that have a session again
  while (away_ > away_max_ && back < due_.size()) {
    const auto& [due_ms, id] = due_[back];
    Instance* const oldest = Find(id);
    const bool valid = oldest != nullptr && oldest->forget_ms == due_ms;
    if (valid && oldest->session != nullptr) {
      ++back;
      continue;
    }
    if (valid) Forget(oldest);
    due_.erase(due_.begin() + static_cast<ptrdiff_t>(back));
  }
}

Ref<Subscription> Instances::Take(Instance* instance,
                                  uint32_t subscription_id) {
  const auto it = instance->kept.find(subscription_id);
  if (it == instance->kept.end()) return {};
  Ref<Subscription> kept = std::move(it->second);
  instance->kept.erase(it);
  router_->Unsubscribe(kept);
  return kept;
}

void Instances::DropKept(Instance* instance) {
  while (!instance->kept.empty()) {
    Take(instance, instance->kept.begin()->first);
  }
}

void Instances::Forget(Instance* instance) {
  if (instance->session == nullptr) --away_;
  DropKept(instance);
  ReleaseSchema(instance);
  instances_.erase(std::string(instance->id));
}

void Instances::Tick(int64_t now_ms) {
  ForgetOldest();
  while (!due_.empty() && due_.front().first <= now_ms) {
    const auto [due_ms, id] = std::move(due_.front());
    due_.pop_front();
    Instance* const instance = Find(id);
    if (instance == nullptr || instance->forget_ms != due_ms) continue;
    if (instance->session == nullptr) {
      Forget(instance);
    } else {
      DropKept(instance);
    }
  }
}

int64_t Instances::next_due_ms() const {
  if (away_ > away_max_) return std::numeric_limits<int64_t>::min();
  return due_.empty() ? std::numeric_limits<int64_t>::max()
                      : due_.front().first;
}

}  // namespace mycelium::broker
