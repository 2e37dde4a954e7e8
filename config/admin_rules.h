// Whom a configuration lets ask a broker how it goes and tell it what to do, in
// addition to root and the broker's own user.  Plain values; functions are
// thread-safe.
#ifndef MYCELIUM_CONFIG_ADMIN_RULES_H_
#define MYCELIUM_CONFIG_ADMIN_RULES_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mycelium {

// Of users, of uids and of addresses; a longer list is not written by hand.
inline constexpr size_t kAdminEntriesMax = 256;
// The last one, (uid_t)-1, is nobody's.
inline constexpr int64_t kUidMax = 0xfffffffe;

struct AdminUser {
  std::string name;
  uint32_t uid = 0;  // when the configuration was read

  bool operator==(const AdminUser&) const = default;
};

struct AddressRange {
  std::string text;                // as it is written
  std::array<uint8_t, 16> bits{};  // IPv4 as ::ffff:a.b.c.d
  int prefix_bits = 0;             // of `bits`

  // `address`: numeric.  False for what is no address.
  bool Holds(const std::string& address) const;

  bool operator==(const AddressRange&) const = default;
};

// An address or ADDRESS/BITS with nothing behind the bits.  The error says what
// is allowed.
absl::StatusOr<AddressRange> ParseAddressRange(absl::string_view text);

// NotFound: this system has no such user; any other error: it could not be
// asked.
absl::StatusOr<AdminUser> FindUser(const std::string& name);

struct AdminRules {
  std::vector<AdminUser> users;
  std::vector<uint32_t> uids;
  std::vector<AddressRange> addresses;

  bool AllowsUid(uint32_t uid) const;
  // `address`: numeric.
  bool AllowsAddress(const std::string& address) const;

  bool operator==(const AdminRules&) const = default;
};

}  // namespace mycelium

#endif  // MYCELIUM_CONFIG_ADMIN_RULES_H_
