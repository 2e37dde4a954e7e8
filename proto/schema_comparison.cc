// Incompatibilities and BreakingChanges of schema.h: the rules of
// proto/SCHEMA.md, section 4.
#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "proto/schema.h"
#include "proto/schema_definitions.h"

namespace mycelium {
namespace {

using schema_internal::Cardinality;
using schema_internal::Definition;
using schema_internal::DefinitionMap;
using schema_internal::Field;
using schema_internal::kCardinalityNames;
using schema_internal::Range;

// Types of the same number are the same bytes; 0: only what is equal.
constexpr std::array<uint8_t, 19> kWireGroups = {0, 0, 0, 1, 1, 1, 4, 3, 1, 0,
                                                 0, 0, 0, 1, 0, 3, 4, 2, 2};

}  // namespace

// Collects what does not go together; used once.
class SchemaComparison {
 public:
  SchemaComparison(const NamedSchema& here, const NamedSchema& there,
                   size_t lines_max)
      : here_(here), there_(there), lines_max_(lines_max) {}

  void CompareBothWays() {
    CompareTypes();
    ForEachPair([this](const std::string& name, const Definition& here,
                       const Definition& there) {
      for (const Field& field : here.fields) {
        if (offences_.size() >= lines_max_) return;
        const Field* const other = FindField(there, field.number);
        if (other != nullptr) CompareFields(name, field, *other);
      }
    });
  }

  // What `there` had and `here` has no more.
  void FindRemovals() {
    for (const Schema::MessageType& type : there_.schema.types()) {
      if (here_.schema.FindType(type.type_id) != nullptr ||
          here_.schema.FindType(type.name) != nullptr) {
        continue;
      }
      Report("message type " + std::to_string(type.type_id) + ", " + type.name +
             ", is absent " + std::string(here_.where) + ", present " +
             std::string(there_.where) + " (MESSAGE_NO_DELETE)");
    }
    ForEachPair([this](const std::string& name, const Definition& here,
                       const Definition& there) {
      FindRemovedNumbers(name, here, there);
    });
  }

  std::vector<std::string> Take() { return std::move(offences_); }

 private:
  void Report(std::string offence) {
    if (offences_.size() < lines_max_) offences_.push_back(std::move(offence));
  }

  // "`subject` is `here` here, `there` at the broker (`rule`)".
  void Report(const std::string& subject, const std::string& here,
              const std::string& there, const std::string& rule) {
    Report(subject + " is " + here + " " + std::string(here_.where) + ", " +
           there + " " + std::string(there_.where) + " (" + rule + ")");
  }

  // Walks the smaller one: a schema may be compared with hundreds.
  template <typename Compare>
  void ForEachPair(Compare compare) {
    const DefinitionMap& ours = here_.schema.definitions_->all;
    const DefinitionMap& theirs = there_.schema.definitions_->all;
    const bool ours_lead = ours.size() < theirs.size();
    const DefinitionMap& larger = ours_lead ? theirs : ours;
    for (const auto& [name, definition] : ours_lead ? ours : theirs) {
      const auto other = larger.find(name);
      if (other == larger.end() ||
          other->second.is_enum() != definition.is_enum()) {
        continue;
      }
      compare(name, ours_lead ? definition : other->second,
              ours_lead ? other->second : definition);
    }
  }

  static const Field* FindField(const Definition& definition, uint32_t number) {
    const auto it = std::lower_bound(
        definition.fields.begin(), definition.fields.end(), number,
        [](const Field& field, uint32_t n) { return field.number < n; });
    return it != definition.fields.end() && it->number == number ? &*it
                                                                 : nullptr;
  }

  void CompareTypes() {
    const Schema& ours = here_.schema;
    const Schema& theirs = there_.schema;
    for (const Schema::MessageType& type :
         ours.types().size() < theirs.types().size() ? ours.types()
                                                     : theirs.types()) {
      const Schema::MessageType* here = ours.FindType(type.type_id);
      const Schema::MessageType* there = theirs.FindType(type.type_id);
      if (here != nullptr && there != nullptr && here->name != there->name) {
        Report("message type " + std::to_string(type.type_id), here->name,
               there->name, "MESSAGE_SAME_NAME");
      }
      here = ours.FindType(type.name);
      there = theirs.FindType(type.name);
      if (here != nullptr && there != nullptr &&
          here->type_id != there->type_id) {
        Report(type.name, "message type " + std::to_string(here->type_id),
               "message type " + std::to_string(there->type_id),
               "MESSAGE_SAME_TYPE_ID");
      }
    }
  }

  void CompareFields(const std::string& message, const Field& here,
                     const Field& there) {
    const auto report = [&](const std::string& ours, const std::string& theirs,
                            const std::string& rule) {
      Report(message + "." + here.name, ours, theirs,
             "field " + std::to_string(here.number) + ", " + rule);
    };
    if (!SameBytes(here, there)) {
      report(here.TypeText(), there.TypeText(), "FIELD_WIRE_COMPATIBLE_TYPE");
    }
    if (!SameCount(here.cardinality, there.cardinality)) {
      const auto name = [](const Field& f) {
        return std::string(
            kCardinalityNames[static_cast<size_t>(f.cardinality)]);
      };
      report(name(here), name(there), "FIELD_WIRE_COMPATIBLE_CARDINALITY");
    }
    if (here.oneof != there.oneof) {
      const auto place = [](const Field& f) {
        return f.oneof.empty() ? std::string("outside of any oneof")
                               : "in oneof " + f.oneof;
      };
      report(place(here), place(there), "FIELD_SAME_ONEOF");
    }
  }

  static bool SameBytes(const Field& a, const Field& b) {
    if (a.refers() || b.refers()) {
      return a.type == b.type && a.type_name == b.type_name;
    }
    return a.type == b.type || (kWireGroups[a.type] != 0 &&
                                kWireGroups[a.type] == kWireGroups[b.type]);
  }

  static bool SameCount(Cardinality a, Cardinality b) {
    const auto single = [](Cardinality c) {
      return c == Cardinality::kImplicit || c == Cardinality::kOptional;
    };
    return a == b || (single(a) && single(b));
  }

  static bool IsReserved(const Definition& definition, int64_t number) {
    return std::any_of(definition.reserved.begin(), definition.reserved.end(),
                       [number](const Range& range) {
                         return range.first <= number && number <= range.last;
                       });
  }

  void FindRemovedNumbers(const std::string& name, const Definition& here,
                          const Definition& there) {
    const std::string tail = " is absent and not reserved " +
                             std::string(here_.where) + ", present " +
                             std::string(there_.where) + " (";
    for (const Field& field : there.fields) {
      if (FindField(here, field.number) != nullptr ||
          IsReserved(here, field.number)) {
        continue;
      }
      Report(name + "." + field.name + tail + "field " +
             std::to_string(field.number) +
             ", FIELD_NO_DELETE_UNLESS_NUMBER_RESERVED)");
    }
    for (const auto& [number, value] : there.values) {
      const bool kept = std::any_of(
          here.values.begin(), here.values.end(),
          [number = number](const auto& v) { return v.first == number; });
      if (kept || IsReserved(here, number)) continue;
      Report(name + "." + value + tail + "value " + std::to_string(number) +
             ", ENUM_VALUE_NO_DELETE_UNLESS_NUMBER_RESERVED)");
    }
  }

  const NamedSchema here_;
  const NamedSchema there_;
  const size_t lines_max_;
  std::vector<std::string> offences_;
};

std::vector<std::string> Incompatibilities(const NamedSchema& here,
                                           const NamedSchema& there,
                                           size_t lines_max) {
  SchemaComparison comparison(here, there, lines_max);
  comparison.CompareBothWays();
  return comparison.Take();
}

std::vector<std::string> BreakingChanges(const NamedSchema& now,
                                         const NamedSchema& before) {
  SchemaComparison comparison(now, before, SIZE_MAX);
  comparison.CompareBothWays();
  comparison.FindRemovals();
  return comparison.Take();
}

}  // namespace mycelium
