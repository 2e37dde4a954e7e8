#include "broker/subscription_index.h"

namespace mycelium {
namespace {

// Takes the first token off `*rest`.  *last tells whether it was the last one.
std::string_view TakeToken(std::string_view* rest, bool* last) {
  const size_t dot = rest->find('.');
  *last = dot == std::string_view::npos;
  const std::string_view token = rest->substr(0, dot);
  rest->remove_prefix(*last ? rest->size() : dot + 1);
  return token;
}

bool HasWildcard(std::string_view filter) {
  for (bool last = false; !last;) {
    const std::string_view token = TakeToken(&filter, &last);
    if (token == "*" || token == ">") return true;
  }
  return false;
}

}  // namespace

bool TopicMatches(std::string_view filter, std::string_view topic) {
  if (filter.empty()) return true;
  if (topic.empty()) return false;
  bool filter_last = false, topic_last = false;
  while (true) {
    const std::string_view want = TakeToken(&filter, &filter_last);
    if (filter_last && want == ">") return true;
    const std::string_view have = TakeToken(&topic, &topic_last);
    if (want != "*" && want != have) return false;
    if (filter_last || topic_last) return filter_last && topic_last;
  }
}

SubscriptionIndex::SubscriptionIndex(std::span<const Entry> entries) {
  for (const Entry& entry : entries) {
    if (entry.topic_filter.empty()) {
      unfiltered_.push_back(entry.subscriber);
    } else if (HasWildcard(entry.topic_filter)) {
      AddWildcard(entry);
    } else {
      exact_[std::string(entry.topic_filter)].push_back(entry.subscriber);
    }
  }
}

void SubscriptionIndex::AddWildcard(const Entry& entry) {
  std::string_view rest = entry.topic_filter;
  uint32_t node = 0;
  for (bool last = false; !last;) {
    const std::string_view token = TakeToken(&rest, &last);
    if (last && token == ">") {
      nodes_[node].rest.push_back(entry.subscriber);
      return;
    }
    const auto fresh = static_cast<uint32_t>(nodes_.size());
    uint32_t& next = token == "*" ? nodes_[node].star
                                  : nodes_[node].literals[std::string(token)];
    const bool is_fresh = next == 0;
    if (is_fresh) next = fresh;
    node = next;
    if (is_fresh)
      nodes_.emplace_back();  // moves `next`: nothing of it is used below
  }
  nodes_[node].here.push_back(entry.subscriber);
}

void SubscriptionIndex::Match(std::string_view topic,
                              std::vector<uint32_t>* subscribers) const {
  const auto append = [subscribers](const std::vector<uint32_t>& more) {
    subscribers->insert(subscribers->end(), more.begin(), more.end());
  };
  append(unfiltered_);
  if (topic.empty()) return;
  if (const auto it = exact_.find(topic); it != exact_.end())
    append(it->second);
  if (nodes_.size() == 1 && nodes_[0].rest.empty()) return;

  // All nodes that the tokens so far lead to; each is reached by one way only,
  // so there are never more of them than the trie has.
  std::vector<uint32_t> at{0}, next;
  for (bool last = false; !last && !at.empty();) {
    const std::string_view token = TakeToken(&topic, &last);
    next.clear();
    for (const uint32_t node : at) {
      append(nodes_[node].rest);
      if (nodes_[node].star != 0) next.push_back(nodes_[node].star);
      const auto it = nodes_[node].literals.find(token);
      if (it != nodes_[node].literals.end()) next.push_back(it->second);
    }
    at.swap(next);
  }
  for (const uint32_t node : at) append(nodes_[node].here);
}

}  // namespace mycelium
