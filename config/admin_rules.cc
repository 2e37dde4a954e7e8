#include "config/admin_rules.h"

#include <arpa/inet.h>
#include <pwd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "config/quote.h"

namespace mycelium {
namespace {

using AddressBits = std::array<uint8_t, 16>;

constexpr int kAddressBits = 128;
constexpr int kMappedBits = 96;  // of ::ffff:0:0, before an IPv4 address

constexpr char kAllowed[] =
    "allowed a numeric IPv4 or IPv6 address, alone or with /BITS";

absl::Status Refused(absl::string_view text, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(Quote(text), ", ", why));
}

std::optional<AddressBits> ParseAddress(const std::string& text, bool* is_v4) {
  AddressBits bits{};
  *is_v4 = inet_pton(AF_INET, text.c_str(), bits.data() + 12) == 1;
  if (*is_v4) {
    bits[10] = bits[11] = 0xff;
    return bits;
  }
  if (inet_pton(AF_INET6, text.c_str(), bits.data()) == 1) return bits;
  return std::nullopt;
}

AddressBits Begin(AddressBits bits, int prefix_bits) {
  for (int i = prefix_bits; i < kAddressBits; ++i) {
    bits[i / 8] &= static_cast<uint8_t>(~(0x80 >> i % 8));
  }
  return bits;
}

}  // namespace

bool AddressRange::Holds(const std::string& address) const {
  bool is_v4 = false;
  const std::optional<AddressBits> seen = ParseAddress(address, &is_v4);
  return seen && Begin(*seen, prefix_bits) == bits;
}

absl::StatusOr<AddressRange> ParseAddressRange(absl::string_view text) {
  const size_t slash = text.find('/');
  bool is_v4 = false;
  const std::optional<AddressBits> bits =
      ParseAddress(std::string(text.substr(0, slash)), &is_v4);
  if (!bits) return Refused(text, kAllowed);
  AddressRange range{std::string(text), *bits, kAddressBits};
  if (slash == absl::string_view::npos) return range;
  const absl::string_view number = text.substr(slash + 1);
  const int most = is_v4 ? kAddressBits - kMappedBits : kAddressBits;
  int prefix = 0;
  if (number.empty() || number.size() > 3 ||
      number.find_first_not_of("0123456789") != absl::string_view::npos ||
      !absl::SimpleAtoi(number, &prefix) || prefix > most) {
    return Refused(text, absl::StrCat("allowed /0 to /", most));
  }
  range.prefix_bits = is_v4 ? kMappedBits + prefix : prefix;
  if (Begin(range.bits, range.prefix_bits) != range.bits) {
    return Refused(text, absl::StrCat("allowed nothing behind the first ",
                                      prefix, " bits of the address"));
  }
  return range;
}

absl::StatusOr<AdminUser> FindUser(const std::string& name) {
  std::vector<char> room(16 << 10);
  passwd entry{};
  passwd* found = nullptr;
  int error = ERANGE;
  while (error == ERANGE && room.size() <= (1 << 20)) {
    error = getpwnam_r(name.c_str(), &entry, room.data(), room.size(), &found);
    if (error == ERANGE) room.resize(room.size() * 2);
  }
  if (found != nullptr) return AdminUser{name, entry.pw_uid};
  // What getpwnam(3) lists for a name that is not there.
  if (error == 0 || error == ENOENT || error == ESRCH || error == EBADF ||
      error == EPERM) {
    return absl::NotFoundError(
        absl::StrCat(Quote(name), ", allowed a user of this system"));
  }
  return absl::UnavailableError(
      absl::StrCat(Quote(name), ": getpwnam: ", strerror(error)));
}

bool AdminRules::AllowsUid(uint32_t uid) const {
  return std::find(uids.begin(), uids.end(), uid) != uids.end() ||
         std::any_of(users.begin(), users.end(),
                     [uid](const AdminUser& user) { return user.uid == uid; });
}

bool AdminRules::AllowsAddress(const std::string& address) const {
  return std::any_of(
      addresses.begin(), addresses.end(),
      [&](const AddressRange& range) { return range.Holds(address); });
}

}  // namespace mycelium
