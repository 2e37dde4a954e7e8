#include "config/config.h"

#include <sys/stat.h>

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "config/quote.h"
#include "config/read_file.h"
#include "config/text_format.h"
#include "proto/frame.h"
#include "proto/mycelium/config.pb.h"

namespace mycelium {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::TextFormat;

// More errors than anybody reads; the rest is counted.
constexpr size_t kErrorLinesMax = 100;
constexpr size_t kGroupBytesMax = 32;  // as useradd and groupadd have it
constexpr mode_t kModeMax = 0777;

// Something that is wrong, and the fields to blame: the place is that of the
// first which the file sets.
struct Problem {
  std::string text;
  std::vector<std::string> fields;
  int listener = -1;
  int descriptor_set = -1;
};

constexpr int64_t kHistoryNumberMax = int64_t{1} << 40;
constexpr int64_t kHistoryAgeMsMax = 86'400'000'000;  // a thousand days

std::string LimitName(const LimitField& field) {
  return absl::StrCat("limits.", field.name);
}

void FindListenerProblems(const Config& config,
                          std::vector<Problem>* problems) {
  const std::vector<Listener>& all = config.listeners;
  if (all.size() > kListenersMax) {
    problems->push_back({absl::StrCat("listen: ", all.size(),
                                      " listeners, allowed ", kListenersMax),
                         {},
                         static_cast<int>(kListenersMax)});
    return;
  }
  for (size_t i = 0; i < all.size(); ++i) {
    const auto same = [&](const Listener& other) {
      return SamePlace(other, all[i]);
    };
    if (std::any_of(all.begin(), all.begin() + i, same)) {
      problems->push_back({absl::StrCat("listen.url: ", Quote(all[i].url),
                                        " again, allowed once"),
                           {},
                           static_cast<int>(i)});
    }
    if (ReachableFromOutside(all[i]) && !config.allow_plaintext) {
      problems->push_back(
          {absl::StrCat("listen.url: ", Quote(all[i].url),
                        " can be reached by other machines, unencrypted; "
                        "allowed with allow_plaintext: true"),
           {},
           static_cast<int>(i)});
    }
  }
}

void FindMetricsProblems(const Config& config, std::vector<Problem>* problems) {
  if (!config.metrics_listen) return;
  const Listener& metrics = *config.metrics_listen;
  for (const Listener& other : config.listeners) {
    if (!SamePlace(metrics, other)) continue;
    problems->push_back(
        {absl::StrCat("metrics.listen: ", Quote(metrics.url),
                      " is listen.url too, allowed one that is not"),
         {"metrics.listen"}});
  }
}

void FindNameProblems(const std::string& name, std::vector<Problem>* problems) {
  if (name.size() > kClientNameBytesMax) {
    problems->push_back({absl::StrCat("name: ", name.size(), " bytes, allowed ",
                                      kClientNameBytesMax),
                         {"name"}});
  } else if (!PlainText(name)) {
    problems->push_back(
        {absl::StrCat("name: ", Quote(name),
                      ", allowed UTF-8 without control characters"),
         {"name"}});
  }
}

void FindHistoryProblems(const Config& config, std::vector<Problem>* problems) {
  if (config.history.size() > kHistoryRulesMax) {
    problems->push_back({absl::StrCat("history: ", config.history.size(),
                                      " rules, allowed ", kHistoryRulesMax),
                         {"history"}});
  }
  uint64_t bytes = 0;
  for (const HistoryRule& rule : config.history) bytes += rule.bytes_max;
  if (bytes > config.limits.total_bytes_max / 2) {
    problems->push_back(
        {absl::StrCat("history.bytes_max: ", bytes,
                      " in all rules, allowed half of limits.total_bytes_max, ",
                      config.limits.total_bytes_max),
         {"history", "limits.total_bytes_max"}});
  }
}

void FindNumberProblems(const Config& config, std::vector<Problem>* problems) {
  const auto check = [&](const std::string& name, int64_t value, int64_t least,
                         int64_t most) {
    const std::string error = RangeError(name, value, least, most);
    if (!error.empty()) problems->push_back({error, {name}});
  };
  for (const LimitField& field : LimitFields()) {
    check(LimitName(field), field.get(config.limits), field.least, field.most);
  }
  check("drain_timeout_ms", config.drain_timeout_ms, 0, kDrainTimeoutMsMax);

  const BrokerLimits& limits = config.limits;
  const auto relate = [&](const std::string& name, uint64_t value, bool holds,
                          const std::string& relation,
                          const std::string& other_name, uint64_t other) {
    if (holds) return;
    problems->push_back({absl::StrCat(name, ": ", value, ", allowed ", relation,
                                      " ", other_name, ", ", other),
                         {name, other_name}});
  };
  relate("limits.queue_bytes_max", limits.queue_bytes_max,
         limits.queue_bytes_max <= limits.queue_bytes_max_ceiling, "at most",
         "limits.queue_bytes_max_ceiling", limits.queue_bytes_max_ceiling);
  relate("limits.total_bytes_max", limits.total_bytes_max,
         limits.total_bytes_max >= 2 * uint64_t{limits.frame_bytes_max},
         "at least twice", "limits.frame_bytes_max", limits.frame_bytes_max);
  relate("limits.total_bytes_max", limits.total_bytes_max,
         limits.total_bytes_max >= 2 * uint64_t{limits.schema_bytes_max},
         "at least twice", "limits.schema_bytes_max", limits.schema_bytes_max);
  relate("limits.reconnect_ms_min", limits.reconnect_ms_min,
         limits.reconnect_ms_min <= limits.reconnect_ms_max, "at most",
         "limits.reconnect_ms_max", limits.reconnect_ms_max);
  relate("limits.schemas_bytes_max", limits.schemas_bytes_max,
         limits.schemas_bytes_max >= limits.schema_bytes_max, "at least",
         "limits.schema_bytes_max", limits.schema_bytes_max);
}

void FindAdminProblems(const AdminRules& admin,
                       std::vector<Problem>* problems) {
  const auto check = [&](const char* field, size_t entries) {
    if (entries <= kAdminEntriesMax) return;
    problems->push_back({absl::StrCat("admin.", field, ": ", entries,
                                      " entries, allowed ", kAdminEntriesMax),
                         {"admin"}});
  };
  check("users", admin.users.size());
  check("uids", admin.uids.size());
  check("addresses", admin.addresses.size());
}

std::vector<Problem> FindProblems(const Config& config) {
  std::vector<Problem> problems;
  FindListenerProblems(config, &problems);
  FindMetricsProblems(config, &problems);
  FindNameProblems(config.name, &problems);
  FindNumberProblems(config, &problems);
  FindHistoryProblems(config, &problems);
  FindAdminProblems(config.admin, &problems);
  for (DescriptorSetProblem& problem :
       FindDescriptorSetProblems(config.descriptor_sets, config.limits)) {
    problems.push_back({.text = std::move(problem.text),
                        .fields = {},
                        .descriptor_set = static_cast<int>(problem.index)});
  }
  return problems;
}

// Turns one file into a Config; used once.
class Reader {
 public:
  absl::StatusOr<Config> Read(absl::string_view text,
                              absl::string_view file_name,
                              const FileReader& read) {
    const bool whole = ReadTextFormat(text, &proto_, &places_, &errors_);
    ReadListeners(whole);
    config_.name = proto_.name();
    config_.allow_plaintext = proto_.allow_plaintext();
    ReadNumbers();
    ReadSchemas(read);
    ReadHistory();
    ReadAdmin();
    ReadMetrics();
    if (whole) {
      for (const Problem& problem : FindProblems(config_)) {
        ReportAt(PlaceOf(problem), problem.text);
      }
    }
    if (errors_.empty()) return config_;
    return absl::InvalidArgumentError(Lines(file_name));
  }

 private:
  using Places = TextFormat::ParseInfoTree;
  using Place = TextFormat::ParseLocation;

  // Of a file that is not `whole` the last listener may lack its url.
  void ReadListeners(bool whole) {
    for (int i = 0; i < proto_.listen_size(); ++i) {
      const ListenerConfig& listen = proto_.listen(i);
      if (!listen.has_url()) {
        if (whole) {
          ReportAt(PlaceInListener(i, "url"),
                   "listen.url: absent, allowed one");
        }
        continue;
      }
      absl::StatusOr<Listener> listener = ParseListenUrl(listen.url());
      if (!listener.ok()) {
        ReportAt(PlaceInListener(i, "url"),
                 absl::StrCat("listen.url: ", listener.status().message()));
        continue;
      }
      ReadOwner(i, &*listener);
      config_.listeners.push_back(*std::move(listener));
      listener_indexes_.push_back(i);
    }
  }

  // The mode and the group.
  void ReadOwner(int i, Listener* listener) {
    const ListenerConfig& listen = proto_.listen(i);
    for (const char* field : {"mode", "group"}) {
      const FieldDescriptor* descriptor =
          listen.GetDescriptor()->FindFieldByName(field);
      if (listener->kind == Listener::kTcp &&
          listen.GetReflection()->HasField(listen, descriptor)) {
        ReportAt(PlaceInListener(i, field),
                 absl::StrCat("listen.", field, ": set for ",
                              Quote(listener->url), ", allowed with unix:"));
      }
    }
    if (listener->kind == Listener::kTcp) return;
    if (!ParseMode(listen.mode(), &listener->mode)) {
      ReportAt(PlaceInListener(i, "mode"),
               absl::StrCat("listen.mode: ", Quote(listen.mode()),
                            ", allowed octal 0000 to 0777"));
    }
    if (!ValidGroup(listen.group())) {
      ReportAt(PlaceInListener(i, "group"),
               absl::StrCat("listen.group: ", Quote(listen.group()),
                            ", allowed at most ", kGroupBytesMax,
                            " of A-Z a-z 0-9 . _ -"));
    }
    listener->group = listen.group();
  }

  static bool ParseMode(const std::string& text, mode_t* mode) {
    if (text.empty() || text.size() > 4) return false;
    mode_t value = 0;
    for (const char digit : text) {
      if (digit < '0' || digit > '7') return false;
      value = value * 8 + static_cast<mode_t>(digit - '0');
    }
    if (value > kModeMax) return false;
    *mode = value;
    return true;
  }

  static bool ValidGroup(const std::string& group) {
    const auto allowed = [](char c) {
      return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-';
    };
    return group.size() <= kGroupBytesMax &&
           std::all_of(group.begin(), group.end(), allowed);
  }

  void ReadNumbers() {
    const LimitsConfig& limits = proto_.limits();
    bool in_range = true;
    for (const LimitField& field : LimitFields()) {
      const FieldDescriptor* descriptor =
          limits.GetDescriptor()->FindFieldByName(field.name);
      if (!limits.GetReflection()->HasField(limits, descriptor)) continue;
      const int64_t value =
          limits.GetReflection()->GetInt64(limits, descriptor);
      if (Checked(LimitName(field), value, field.least, field.most)) {
        field.set(&config_.limits, value);
      } else {
        in_range = false;
      }
    }
    // Rules across fields would blame the innocent.
    if (!in_range) config_.limits = BrokerLimits();
    if (proto_.has_drain_timeout_ms() &&
        Checked("drain_timeout_ms", proto_.drain_timeout_ms(), 0,
                kDrainTimeoutMsMax)) {
      config_.drain_timeout_ms = proto_.drain_timeout_ms();
    }
  }

  void ReadSchemas(const FileReader& read) {
    const SchemaConfig& schema = proto_.schema();
    if (schema.has_open()) config_.schema.open = schema.open();
    config_.schema.required = schema.required();
    for (int i = 0; i < schema.descriptor_set_size(); ++i) {
      absl::StatusOr<DescriptorSetFile> file =
          LoadDescriptorSet(schema.descriptor_set(i), read);
      if (!file.ok()) {
        ReportAt(PlaceOfDescriptorSet(i), std::string(file.status().message()));
        continue;
      }
      config_.descriptor_sets.push_back(*std::move(file));
      descriptor_set_indexes_.push_back(i);
    }
  }

  void ReadHistory() {
    for (int i = 0; i < proto_.history_size(); ++i) {
      const HistoryConfig& history = proto_.history(i);
      HistoryRule rule;
      for (int k = 0; k < history.types_size(); ++k) {
        const int64_t type = history.types(k);
        CheckedInHistory(i, "types", type, 1, 0xffff, k);
        rule.types.push_back(static_cast<uint16_t>(type));
      }
      std::string why;
      if (!history.topic_filter().empty() &&
          !ValidTopicFilter(history.topic_filter(), &why)) {
        ReportAt(PlaceInHistory(i, "topic_filter"),
                 absl::StrCat("history.topic_filter: ", why));
      }
      rule.topic_filter = history.topic_filter();
      CheckedInHistory(i, "frames_max", history.frames_max(), 0,
                       kHistoryNumberMax);
      CheckedInHistory(i, "bytes_max", history.bytes_max(), kQueueBytesMin,
                       kHistoryNumberMax);
      CheckedInHistory(i, "age_ms_max", history.age_ms_max(), 0,
                       kHistoryAgeMsMax);
      rule.frames_max = static_cast<uint64_t>(history.frames_max());
      rule.bytes_max = static_cast<uint64_t>(history.bytes_max());
      rule.age_ms_max = history.age_ms_max();
      config_.history.push_back(std::move(rule));
    }
    // Rules across fields would blame the innocent.
    if (!history_in_range_) config_.history.clear();
  }

  void ReadAdmin() {
    const AdminConfig& admin = proto_.admin();
    AdminRules* const rules = &config_.admin;
    for (int i = 0; i < admin.users_size(); ++i) {
      TakeInAdmin("users", i, FindUser(admin.users(i)), &rules->users);
    }
    for (int i = 0; i < admin.uids_size(); ++i) {
      const std::string error =
          RangeError("admin.uids", admin.uids(i), 0, kUidMax);
      if (!error.empty()) ReportAt(PlaceInAdmin("uids", i), error);
      rules->uids.push_back(static_cast<uint32_t>(admin.uids(i)));
    }
    for (int i = 0; i < admin.addresses_size(); ++i) {
      TakeInAdmin("addresses", i, ParseAddressRange(admin.addresses(i)),
                  &rules->addresses);
    }
  }

  template <typename Entry>
  void TakeInAdmin(const char* field, int i, absl::StatusOr<Entry> entry,
                   std::vector<Entry>* entries) {
    if (entry.ok()) return entries->push_back(*std::move(entry));
    ReportAt(PlaceInAdmin(field, i),
             absl::StrCat("admin.", field, ": ", entry.status().message()));
  }

  void ReadMetrics() {
    if (!proto_.metrics().has_listen()) return;
    const std::string& url = proto_.metrics().listen();
    if (!absl::StartsWith(url, "tcp://")) {
      return ReportAt(PlaceOfField("metrics.listen"),
                      absl::StrCat("metrics.listen: ", Quote(url),
                                   ", allowed tcp://ADDRESS:PORT or "
                                   "tcp://[IPV6]:PORT"));
    }
    absl::StatusOr<Listener> listener = ParseListenUrl(url);
    if (listener.ok()) {
      config_.metrics_listen = *std::move(listener);
    } else {
      ReportAt(PlaceOfField("metrics.listen"),
               absl::StrCat("metrics.listen: ", listener.status().message()));
    }
  }

  // `k`: which one of a repeated field.
  void CheckedInHistory(int i, const char* field, int64_t value, int64_t least,
                        int64_t most, int k = 0) {
    const std::string error =
        RangeError(absl::StrCat("history.", field), value, least, most);
    if (error.empty()) return;
    history_in_range_ = false;
    ReportAt(PlaceInHistory(i, field, k), error);
  }

  bool Checked(const std::string& name, int64_t value, int64_t least,
               int64_t most) {
    const std::string error = RangeError(name, value, least, most);
    if (!error.empty()) ReportAt(PlaceOfField(name), error);
    return error.empty();
  }

  Place PlaceOf(const Problem& problem) const {
    if (problem.listener >= 0) {
      return PlaceInListener(listener_indexes_[problem.listener], "url");
    }
    if (problem.descriptor_set >= 0) {
      return PlaceOfDescriptorSet(
          descriptor_set_indexes_[problem.descriptor_set]);
    }
    for (const std::string& field : problem.fields) {
      const Place place = PlaceOfField(field);
      if (place.line >= 0) return place;
    }
    return {};
  }

  // `name` as in "drain_timeout_ms" or "limits.sessions_max"; of a message
  // that is not repeated.
  Place PlaceOfField(absl::string_view name) const {
    const Places* places = &places_;
    const google::protobuf::Descriptor* type = proto_.GetDescriptor();
    if (const size_t dot = name.find('.'); dot != name.npos) {
      const FieldDescriptor* const outer =
          type->FindFieldByName(std::string(name.substr(0, dot)));
      places = places_.GetTreeForNested(outer, -1);
      type = outer->message_type();
      name.remove_prefix(dot + 1);
      if (places == nullptr) return Place();
    }
    const FieldDescriptor* field = type->FindFieldByName(std::string(name));
    return places->GetLocation(field, field->is_repeated() ? 0 : -1);
  }

  Place PlaceInListener(int i, const char* field) const {
    return PlaceInMessage("listen", i, field, 0);
  }
  Place PlaceInHistory(int i, const char* field, int k = 0) const {
    return PlaceInMessage("history", i, field, k);
  }

  // The field's place, or where the message begins if it has no such field.
  Place PlaceInMessage(const char* message, int i, const char* field,
                       int k) const {
    const FieldDescriptor* list =
        proto_.GetDescriptor()->FindFieldByName(message);
    const Places* places = places_.GetTreeForNested(list, i);
    if (places != nullptr) {
      const FieldDescriptor* inner =
          list->message_type()->FindFieldByName(field);
      const Place place = inner->is_repeated() ? PlaceInList(*places, inner, k)
                                               : places->GetLocation(inner, -1);
      if (place.line >= 0) return place;
    }
    return PlaceInList(places_, list, i);
  }

  Place PlaceOfDescriptorSet(int i) const {
    return PlaceInSection("schema", "descriptor_set", i);
  }
  Place PlaceInAdmin(const char* field, int i) const {
    return PlaceInSection("admin", field, i);
  }

  // REQUIRES: the file has the section and so many of its repeated field.
  Place PlaceInSection(const char* section, const char* field, int i) const {
    const FieldDescriptor* message =
        proto_.GetDescriptor()->FindFieldByName(section);
    return PlaceInList(*places_.GetTreeForNested(message, -1),
                       message->message_type()->FindFieldByName(field), i);
  }

  // Of a list [a, b] only the beginning is known.
  static Place PlaceInList(const Places& places, const FieldDescriptor* field,
                           int i) {
    Place place = places.GetLocation(field, i);
    while (place.line < 0 && i > 0) place = places.GetLocation(field, --i);
    return place;
  }

  void ReportAt(Place place, const std::string& text) {
    errors_.push_back({place.line + 1, place.column + 1, text});
  }

  std::string Lines(absl::string_view file_name) {
    std::sort(errors_.begin(), errors_.end(),
              [](const TextError& a, const TextError& b) {
                return std::tie(a.line, a.column, a.text) <
                       std::tie(b.line, b.column, b.text);
              });
    std::vector<std::string> lines;
    for (const TextError& error : errors_) {
      if (lines.size() == kErrorLinesMax) break;
      lines.push_back(absl::StrCat(file_name, ":", error.line, ":",
                                   error.column, ": ", error.text));
    }
    if (lines.size() < errors_.size()) {
      lines.push_back(absl::StrCat(
          file_name, ": ", errors_.size() - lines.size(), " errors more"));
    }
    return absl::StrJoin(lines, "\n");
  }

  BrokerConfig proto_;
  Places places_;
  std::vector<TextError> errors_;
  Config config_;
  // In proto_, of config_'s.
  std::vector<int> listener_indexes_;
  bool history_in_range_ = true;
  std::vector<int> descriptor_set_indexes_;
};

std::vector<Listener> ByUrl(std::vector<Listener> listeners) {
  std::sort(listeners.begin(), listeners.end(),
            [](const Listener& a, const Listener& b) { return a.url < b.url; });
  return listeners;
}

std::set<Digest> Digests(const std::vector<DescriptorSetFile>& files) {
  std::set<Digest> digests;
  for (const DescriptorSetFile& file : files) {
    digests.insert(file.schema->digest());
  }
  return digests;
}

}  // namespace

absl::StatusOr<Config> ParseConfig(absl::string_view text,
                                   absl::string_view file_name,
                                   const FileReader& read) {
  if (text.size() > kConfigBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat(file_name, ": more than ", kConfigBytesMax,
                     " bytes, allowed at most ", kConfigBytesMax));
  }
  return Reader().Read(text, file_name, read);
}

absl::StatusOr<Config> LoadConfig(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path, kConfigBytesMax);
  if (!text.ok()) {
    return absl::Status(text.status().code(),
                        absl::StrCat(path, ": ", text.status().message()));
  }
  const std::string folder = path.substr(0, path.rfind('/') + 1);
  return ParseConfig(*text, path, [&](const std::string& name) {
    return ReadFile(absl::StartsWith(name, "/") ? name : folder + name,
                    kSchemaBytesMaxCeiling);
  });
}

absl::Status ApplyListenFlags(const std::vector<std::string>& urls,
                              Config* config) {
  std::vector<Listener> listeners;
  for (const std::string& several : urls) {
    for (const absl::string_view url :
         absl::StrSplit(several, ',', absl::SkipEmpty())) {
      absl::StatusOr<Listener> listener = ParseListenUrl(url);
      if (!listener.ok()) {
        return absl::InvalidArgumentError(
            absl::StrCat("--listen: ", listener.status().message()));
      }
      for (const Listener& known : config->listeners) {
        if (known.url == listener->url) *listener = known;
      }
      listeners.push_back(*std::move(listener));
    }
  }
  if (!listeners.empty()) config->listeners = std::move(listeners);
  return absl::OkStatus();
}

absl::Status ValidateConfig(const Config& config) {
  const std::vector<Problem> problems = FindProblems(config);
  if (problems.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrJoin(
      problems, "\n", [](std::string* out, const Problem& problem) {
        out->append(problem.text);
      }));
}

std::string PrintConfig(const Config& config) {
  BrokerConfig proto;
  for (const Listener& listener : config.listeners) {
    ListenerConfig* listen = proto.add_listen();
    listen->set_url(listener.url);
    if (listener.kind == Listener::kTcp) continue;
    listen->set_mode(absl::StrFormat("%04o", listener.mode));
    listen->set_group(listener.group);
  }
  proto.set_name(config.name);
  proto.set_allow_plaintext(config.allow_plaintext);
  LimitsConfig* limits = proto.mutable_limits();
  for (const LimitField& field : LimitFields()) {
    limits->GetReflection()->SetInt64(
        limits, limits->GetDescriptor()->FindFieldByName(field.name),
        field.get(config.limits));
  }
  proto.set_drain_timeout_ms(config.drain_timeout_ms);
  SchemaConfig* schema = proto.mutable_schema();
  for (const DescriptorSetFile& file : config.descriptor_sets) {
    schema->add_descriptor_set(file.path);
  }
  if (config.schema.open) schema->set_open(*config.schema.open);
  schema->set_required(config.schema.required);
  for (const HistoryRule& rule : config.history) {
    HistoryConfig* history = proto.add_history();
    for (const uint16_t type : rule.types) history->add_types(type);
    history->set_topic_filter(rule.topic_filter);
    history->set_frames_max(static_cast<int64_t>(rule.frames_max));
    history->set_bytes_max(static_cast<int64_t>(rule.bytes_max));
    history->set_age_ms_max(rule.age_ms_max);
  }
  AdminConfig* admin = proto.mutable_admin();
  for (const AdminUser& user : config.admin.users) admin->add_users(user.name);
  for (const uint32_t uid : config.admin.uids) admin->add_uids(uid);
  for (const AddressRange& range : config.admin.addresses) {
    admin->add_addresses(range.text);
  }
  if (config.metrics_listen) {
    proto.mutable_metrics()->set_listen(config.metrics_listen->url);
  }
  std::string text;
  TextFormat::PrintToString(proto, &text);
  return text;
}

std::vector<std::string> ChangedFields(const Config& a, const Config& b) {
  std::vector<std::string> names;
  if (ByUrl(a.listeners) != ByUrl(b.listeners)) names.push_back("listen");
  if (a.name != b.name) names.push_back("name");
  if (a.allow_plaintext != b.allow_plaintext) {
    names.push_back("allow_plaintext");
  }
  for (const LimitField& field : LimitFields()) {
    if (field.get(a.limits) != field.get(b.limits)) {
      names.push_back(LimitName(field));
    }
  }
  if (a.drain_timeout_ms != b.drain_timeout_ms) {
    names.push_back("drain_timeout_ms");
  }
  if (Digests(a.descriptor_sets) != Digests(b.descriptor_sets)) {
    names.push_back("schema.descriptor_set");
  }
  if (a.schema.open != b.schema.open) names.push_back("schema.open");
  if (a.schema.required != b.schema.required) {
    names.push_back("schema.required");
  }
  if (a.history != b.history) names.push_back("history");
  if (a.admin.users != b.admin.users) names.push_back("admin.users");
  if (a.admin.uids != b.admin.uids) names.push_back("admin.uids");
  if (a.admin.addresses != b.admin.addresses) {
    names.push_back("admin.addresses");
  }
  if (a.metrics_listen != b.metrics_listen) names.push_back("metrics.listen");
  return names;
}

}  // namespace mycelium
