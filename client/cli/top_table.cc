#include "client/cli/top_table.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "client/cli/payload_text.h"

namespace mycelium::cli {
namespace {

constexpr size_t kColumnsMin = 60;

// What was counted in the time between two answers.
class Rates {
 public:
  Rates(const wire::Status* before, const wire::Status& now) {
    const bool same = before != nullptr && before->epoch() == now.epoch() &&
                      before->uptime_ms() < now.uptime_ms();
    if (!same) return;
    before_ = before;
    seconds_ =
        static_cast<double>(now.uptime_ms() - before->uptime_ms()) / 1000;
    for (const wire::SessionStatus& session : before->sessions()) {
      sessions_[session.session_id()] = &session.counters();
    }
    for (const wire::TypeStatus& type : before->types()) {
      types_[type.type_id()] = type.frames_in();
    }
  }

  bool known() const { return before_ != nullptr; }
  const wire::Counters& Before() const { return before_->counters(); }
  const wire::Counters& BeforeOf(uint32_t session_id) const {
    const auto it = sessions_.find(session_id);
    return it == sessions_.end() ? wire::Counters::default_instance()
                                 : *it->second;
  }
  double OfType(const wire::TypeStatus& type) const {
    const auto it = types_.find(type.type_id());
    return Per(type.frames_in(), it == types_.end() ? 0 : it->second);
  }
  // Counters only grow.
  double Per(uint64_t now, uint64_t before) const {
    return known() && now > before
               ? static_cast<double>(now - before) / seconds_
               : 0;
  }
  std::string Text(double rate) const {
    return known() ? HumanCount(static_cast<uint64_t>(rate + 0.5)) : "-";
  }

 private:
  const wire::Status* before_ = nullptr;
  double seconds_ = 1;
  std::map<uint32_t, const wire::Counters*> sessions_;
  std::map<uint32_t, uint64_t> types_;
};

std::string Uptime(uint64_t uptime_ms) {
  return absl::FormatDuration(absl::Seconds(uptime_ms / 1000));
}

void AppendBroker(const wire::Status& now, const Rates& rates,
                  std::vector<std::string>* lines) {
  const wire::Counters& total = now.counters();
  const wire::Counters& before =
      rates.known() ? rates.Before() : wire::Counters::default_instance();
  lines->push_back(absl::StrCat(
      "mycelium-brokerd ", Shortened(now.broker_name(), 20), " ",
      Shortened(now.broker_version(), 12), ", up ", Uptime(now.uptime_ms())));
  const auto flow = [&](uint64_t frames, uint64_t frames_before, uint64_t bytes,
                        uint64_t bytes_before) {
    if (!rates.known()) return absl::StrCat(HumanCount(frames), " in all");
    return absl::StrCat(
        rates.Text(rates.Per(frames, frames_before)), "/s, ",
        HumanBytes(static_cast<uint64_t>(rates.Per(bytes, bytes_before))),
        "/s");
  };
  lines->push_back(absl::StrFormat(
      "%-26s %s",
      absl::StrCat("in ", flow(total.frames_in(), before.frames_in(),
                               total.bytes_in(), before.bytes_in())),
      absl::StrCat("out ", flow(total.frames_out(), before.frames_out(),
                                total.bytes_out(), before.bytes_out()))));
  uint64_t queued = 0;
  for (const wire::SessionStatus& session : now.sessions()) {
    queued += session.queued_bytes();
  }
  lines->push_back(absl::StrFormat(
      "%-26s %s",
      absl::StrCat("queued ", HumanBytes(queued), ", dropped ",
                   HumanCount(total.frames_dropped())),
      absl::StrCat("memory ", HumanBytes(now.memory_bytes()), " of ",
                   HumanBytes(now.memory_bytes_max()))));
}

struct TypeUse {
  uint32_t subscriptions = 0;
  uint64_t queued_bytes = 0;
  bool holding = false;
};

void AppendTypes(const wire::Status& now, const Rates& rates,
                 const TypeNames& names, size_t columns,
                 std::vector<std::string>* lines) {
  std::map<uint32_t, TypeUse> uses;
  for (const wire::SessionStatus& session : now.sessions()) {
    for (const wire::SubscriptionStatus& s : session.subscriptions()) {
      TypeUse& use = uses[s.type_id()];
      ++use.subscriptions;
      use.queued_bytes += s.queued_bytes();
      use.holding = use.holding || s.holding();
    }
  }
  std::map<uint32_t, const wire::TypeStatus*> types;
  for (const wire::TypeStatus& type : now.types()) {
    types[type.type_id()] = &type;
  }
  for (const auto& [type_id, use] : uses) types.try_emplace(type_id, nullptr);
  std::vector<std::tuple<double, uint64_t, uint32_t>> order;
  for (const auto& [type_id, type] : types) {
    const double rate = type == nullptr ? 0 : rates.OfType(*type);
    order.emplace_back(-rate, type_id, type_id);
  }
  std::sort(order.begin(), order.end());
  const size_t name_columns = columns - 42;
  lines->push_back("");
  lines->push_back(absl::StrFormat("%5s %-*s %6s %6s %5s %8s", "TYPE",
                                   static_cast<int>(name_columns), "NAME",
                                   "IN/s", "IN", "SUBS", "QUEUED"));
  for (const auto& [rate, order_id, type_id] : order) {
    const wire::TypeStatus* const type = types[type_id];
    const auto name = names.find(type_id);
    const TypeUse& use = uses[type_id];
    lines->push_back(absl::StrFormat(
        "%5s %-*s %6s %6s %5d %8s%s",
        type_id == 0 ? "all" : absl::StrCat(type_id),
        static_cast<int>(name_columns),
        name == names.end() ? "-" : Shortened(name->second, name_columns),
        type == nullptr ? "-" : rates.Text(-rate),
        type == nullptr ? "-" : HumanCount(type->frames_in()),
        use.subscriptions, HumanBytes(use.queued_bytes),
        use.holding ? " hold" : ""));
  }
}

void AppendSessions(const wire::Status& now, const Rates& rates, size_t columns,
                    std::vector<std::string>* lines) {
  struct Row {
    double in;
    double out;
    const wire::SessionStatus* session;
  };
  std::vector<Row> rows;
  for (const wire::SessionStatus& session : now.sessions()) {
    const wire::Counters& before = rates.BeforeOf(session.session_id());
    const wire::Counters& counters = session.counters();
    rows.push_back({rates.Per(counters.frames_in(), before.frames_in()),
                    rates.Per(counters.frames_out(), before.frames_out()),
                    &session});
  }
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
    return a.in + a.out > b.in + b.out;
  });
  const size_t peer_columns = std::min<size_t>((columns - 42) / 2, 26);
  const size_t name_columns = columns - 42 - peer_columns;
  lines->push_back("");
  lines->push_back(absl::StrFormat(
      "%6s %-*s %-*s %6s %6s %8s %6s", "ID", static_cast<int>(name_columns),
      absl::StrCat("SESSION, ", now.sessions_total(), " in all")
          .substr(0, name_columns),
      static_cast<int>(peer_columns), "PEER", "IN/s", "OUT/s", "QUEUED",
      "DROP"));
  for (const Row& row : rows) {
    const wire::SessionStatus& s = *row.session;
    lines->push_back(absl::StrFormat(
        "%6d %-*s %-*s %6s %6s %8s %6s", s.session_id(),
        static_cast<int>(name_columns),
        s.name().empty() ? "-" : Shortened(s.name(), name_columns),
        static_cast<int>(peer_columns), Shortened(s.peer(), peer_columns),
        rates.Text(row.in), rates.Text(row.out), HumanBytes(s.queued_bytes()),
        HumanCount(s.counters().frames_dropped())));
  }
}

}  // namespace

std::vector<std::string> TopTable(const wire::Status* before,
                                  const wire::Status& now,
                                  const TypeNames& names, size_t columns) {
  columns = std::max(columns, kColumnsMin);
  const Rates rates(before, now);
  std::vector<std::string> lines;
  AppendBroker(now, rates, &lines);
  AppendTypes(now, rates, names, columns, &lines);
  AppendSessions(now, rates, columns, &lines);
  return lines;
}

std::vector<std::string> FitRows(std::vector<std::string> lines, size_t rows) {
  if (lines.size() <= rows || rows == 0) return lines;
  const size_t left_out = lines.size() - rows + 1;
  lines.resize(rows);
  lines.back() = absl::StrCat("and ", left_out, " more lines");
  return lines;
}

}  // namespace mycelium::cli
