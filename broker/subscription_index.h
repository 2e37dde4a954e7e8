// Who wants a frame: the subscriptions of one type id as an immutable value,
// shared by the broker's router and the in-process bus.  Without a filter they
// stand in a flat list, exact topics in a hash, wildcards in a trie that is
// matched without recursion.  Standard library only.
//
// Thread-safe once built: nothing in it changes.
#ifndef MYCELIUM_BROKER_SUBSCRIPTION_INDEX_H_
#define MYCELIUM_BROKER_SUBSCRIPTION_INDEX_H_

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace mycelium {

// Whether a filter (ValidTopicFilter, or empty) takes a topic (ValidTopic, or
// empty).  The empty filter takes everything; `*` is one token, a last `>` one
// or more.
bool TopicMatches(std::string_view filter, std::string_view topic);

class SubscriptionIndex {
 public:
  struct Entry {
    std::string_view topic_filter;  // copied
    uint32_t subscriber;            // the caller's number for it
  };

  SubscriptionIndex() = default;
  // REQUIRES: filters that ValidTopicFilter accepts, or empty ones.
  explicit SubscriptionIndex(std::span<const Entry> entries);

  // Those without a filter, in the order of the entries.
  std::span<const uint32_t> unfiltered() const { return unfiltered_; }
  bool has_filters() const {
    return !exact_.empty() || nodes_.size() > 1 || !nodes_[0].rest.empty();
  }

  // Appends the subscriber of each entry whose filter takes `topic`, once for
  // each entry.
  void Match(std::string_view topic, std::vector<uint32_t>* subscribers) const;

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  struct Node {
    std::map<std::string, uint32_t, std::less<>> literals;  // token -> node
    uint32_t star = 0;                                      // node, 0: none
    std::vector<uint32_t> here;  // filters that end with this token
    std::vector<uint32_t> rest;  // filters that end with `>` after it
  };

  void AddWildcard(const Entry& entry);

  std::vector<uint32_t> unfiltered_;
  std::unordered_map<std::string, std::vector<uint32_t>, Hash, std::equal_to<>>
      exact_;
  std::vector<Node> nodes_{1};  // nodes_[0] is the root
};

}  // namespace mycelium

#endif  // MYCELIUM_BROKER_SUBSCRIPTION_INDEX_H_
