#include "broker/admin_permission.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace mycelium::broker {
namespace {

using wire::AdminRequest;

bool ForAll(AdminRequest::RequestCase request) {
  return request == AdminRequest::kSchemaList ||
         request == AdminRequest::kDescriptorSet ||
         request == AdminRequest::REQUEST_NOT_SET;
}

// More names than anybody reads are counted.
std::string Listed(const std::vector<std::string>& names) {
  constexpr size_t kNamesMax = 8;
  if (names.empty()) return "nobody";
  if (names.size() <= kNamesMax) return absl::StrJoin(names, ", ");
  return absl::StrCat(
      absl::StrJoin(names.begin(), names.begin() + kNamesMax, ", "), " and ",
      names.size() - kNamesMax, " more");
}

std::string UsersOf(const AdminRules& rules) {
  std::vector<std::string> names;
  for (const AdminUser& user : rules.users) {
    names.push_back(absl::StrCat(user.name, " (uid ", user.uid, ")"));
  }
  for (const uint32_t uid : rules.uids) {
    names.push_back(absl::StrCat("uid ", uid));
  }
  return Listed(names);
}

std::string AddressesOf(const AdminRules& rules) {
  std::vector<std::string> names;
  for (const AddressRange& range : rules.addresses) names.push_back(range.text);
  return Listed(names);
}

}  // namespace

std::string AdminRefusal(AdminRequest::RequestCase request, const Peer& peer,
                         const AdminRules& rules, uint32_t own_uid) {
  if (ForAll(request)) return {};
  const std::string what =
      AdminRequest::descriptor()->FindFieldByNumber(request)->name();
  if (!peer.is_local) {
    if (rules.AllowsAddress(peer.address)) return {};
    return absl::StrCat("admin: ", what, " asked for from address ",
                        peer.address,
                        ", allowed the addresses of admin { "
                        "addresses } in the broker's configuration: ",
                        AddressesOf(rules));
  }
  const bool allowed = peer.uid && (*peer.uid == 0 || *peer.uid == own_uid ||
                                    rules.AllowsUid(*peer.uid));
  if (allowed) return {};
  return absl::StrCat(
      "admin: ", what, " asked for by ", peer.principal,
      ", allowed uid 0, the broker's own uid ", own_uid,
      " and those of admin { users uids } in its configuration: ",
      UsersOf(rules));
}

}  // namespace mycelium::broker
