#include "proto/plugin/ocaml_order.h"

#include <algorithm>
#include <functional>
#include <map>
#include <utility>

#include "proto/plugin/ocaml_names.h"

namespace mycelium::plugin {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;

// What the type of a field refers to.
struct Reference {
  // The message itself; of an enum, what it stands in, null at the top.
  const Descriptor* home;
  bool is_message;
};

std::vector<Reference> References(const Descriptor& message) {
  std::vector<Reference> references;
  for (int i = 0; i < message.field_count(); ++i) {
    const FieldDescriptor* field = message.field(i);
    if (field->is_map()) field = field->message_type()->map_value();
    if (field->message_type() != nullptr) {
      references.push_back({field->message_type(), true});
    } else if (field->enum_type() != nullptr) {
      references.push_back({field->enum_type()->containing_type(), false});
    }
  }
  return references;
}

void AddWithNested(const Descriptor& message, OcamlGroup* all) {
  all->push_back(&message);
  for (const Descriptor* nested : Messages(message)) {
    AddWithNested(*nested, all);
  }
}

// Tarjan's strongly connected components of the graph that has edges from node
// i to the nodes edges[i]; each component after those that it has edges to.
class Components {
 public:
  explicit Components(const std::vector<std::vector<int>>& edges)
      : edges_(edges), order_(edges.size()), lowest_(edges.size()) {}

  std::vector<std::vector<int>> Find() {
    for (int node = 0; node < static_cast<int>(edges_.size()); ++node) {
      if (order_[node] == 0) Visit(node);
    }
    return std::move(components_);
  }

 private:
  static constexpr int kDone = -1;

  void Visit(int node) {
    order_[node] = lowest_[node] = ++visited_;
    open_.push_back(node);
    for (int next : edges_[node]) {
      if (order_[next] == 0) Visit(next);
      if (order_[next] != kDone) {
        lowest_[node] = std::min(lowest_[node], lowest_[next]);
      }
    }
    if (lowest_[node] == order_[node]) Close(node);
  }

  void Close(int first) {
    const auto begin = std::find(open_.begin(), open_.end(), first);
    std::vector<int> component(begin, open_.end());
    open_.erase(begin, open_.end());
    std::sort(component.begin(), component.end());
    for (int node : component) order_[node] = kDone;
    components_.push_back(std::move(component));
  }

  const std::vector<std::vector<int>>& edges_;
  std::vector<int> order_;   // of the first visit; 0: not yet
  std::vector<int> lowest_;  // order of an open node that can be reached
  std::vector<int> open_;
  int visited_ = 0;
  std::vector<std::vector<int>> components_;
};

// The components of `messages`, where each has edges to those that are, or
// have within them, what `referents` gives.
std::vector<OcamlGroup> Arranged(
    const OcamlGroup& messages,
    const std::function<OcamlGroup(const Descriptor&)>& referents) {
  std::map<const Descriptor*, int> index;
  for (size_t i = 0; i < messages.size(); ++i) index[messages[i]] = i;
  std::vector<std::vector<int>> edges(messages.size());
  for (size_t i = 0; i < messages.size(); ++i) {
    for (const Descriptor* referent : referents(*messages[i])) {
      while (referent != nullptr && index.count(referent) == 0) {
        referent = referent->containing_type();
      }
      if (referent != nullptr) edges[i].push_back(index[referent]);
    }
  }
  std::vector<OcamlGroup> groups;
  for (const std::vector<int>& component : Components(edges).Find()) {
    groups.emplace_back();
    for (int node : component) groups.back().push_back(messages[node]);
  }
  return groups;
}

OcamlGroup MessageReferents(const Descriptor& message) {
  OcamlGroup referents;
  for (const Reference& reference : References(message)) {
    if (reference.is_message) referents.push_back(reference.home);
  }
  return referents;
}

bool RefersTo(const Descriptor& from, const Descriptor& to) {
  const OcamlGroup referents = MessageReferents(from);
  return std::find(referents.begin(), referents.end(), &to) != referents.end();
}

std::vector<OcamlGroup> ArrangedModules(const OcamlGroup& siblings) {
  return Arranged(siblings, [](const Descriptor& sibling) {
    OcamlGroup all;
    AddWithNested(sibling, &all);
    OcamlGroup referents;
    for (const Descriptor* message : all) {
      for (const Reference& reference : References(*message)) {
        referents.push_back(reference.home);
      }
    }
    return referents;
  });
}

bool IsPlain(const Descriptor& message) {
  OcamlGroup all;
  AddWithNested(message, &all);
  for (const Descriptor* nested : all) {
    if (nested != &message && RefersTo(*nested, message)) return false;
  }
  const std::vector<OcamlGroup> groups = ArrangedModules(Messages(message));
  return std::all_of(groups.begin(), groups.end(), [](const OcamlGroup& group) {
    return group.size() == 1 && IsPlain(*group[0]);
  });
}

}  // namespace

std::vector<OcamlUnit> OcamlUnits(const FileDescriptor& file) {
  std::vector<OcamlUnit> units;
  for (const OcamlGroup& group : ArrangedModules(Messages(file))) {
    units.push_back({group, group.size() == 1 && IsPlain(*group[0])});
  }
  return units;
}

OcamlGroup InOrder(const Descriptor& message) {
  OcamlGroup messages;
  for (const OcamlGroup& group : ArrangedModules(Messages(message))) {
    messages.push_back(group[0]);
  }
  return messages;
}

OcamlGroup AllMessages(const OcamlUnit& unit) {
  OcamlGroup all;
  for (const Descriptor* message : unit.messages) AddWithNested(*message, &all);
  return all;
}

std::vector<OcamlGroup> RecursiveGroups(const OcamlUnit& unit) {
  return Arranged(AllMessages(unit), MessageReferents);
}

bool RefersToItself(const Descriptor& message) {
  return RefersTo(message, message);
}

bool IsIn(const Descriptor* inner, const Descriptor& outer) {
  while (inner != nullptr && inner != &outer) inner = inner->containing_type();
  return inner != nullptr;
}

}  // namespace mycelium::plugin
