#include "config/admin_rules.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "config/config.h"

namespace mycelium {
namespace {

absl::StatusOr<Config> Parsed(const std::string& text) {
  return ParseConfig(text, "f", [](const std::string& path) {
    return absl::NotFoundError(path);
  });
}

std::string ErrorOf(const std::string& text) {
  const absl::StatusOr<Config> config = Parsed(text);
  EXPECT_FALSE(config.ok()) << text;
  return std::string(config.status().message());
}

TEST(AddressRange, HoldsWhatBeginsWithItsBits) {
  const struct {
    const char* range;
    const char* address;
    bool holds;
  } cases[] = {
      {"127.0.0.1", "127.0.0.1", true},
      {"127.0.0.1", "127.0.0.2", false},
      {"10.0.0.0/8", "10.255.0.1", true},
      {"10.0.0.0/8", "11.0.0.1", false},
      {"10.0.0.128/25", "10.0.0.127", false},
      {"10.0.0.128/25", "10.0.0.128", true},
      {"0.0.0.0/0", "192.168.1.1", true},
      {"0.0.0.0/0", "::1", false},
      {"::/0", "::1", true},
      {"::/0", "1.2.3.4", true},
      {"::1", "::1", true},
      {"0:0::1", "::1", true},
      {"fd00::/8", "fdff::1", true},
      {"fd00::/8", "fe80::1", false},
      // A socket of both families shows IPv4 so.
      {"10.0.0.0/8", "::ffff:10.1.2.3", true},
      {"::ffff:10.0.0.0/104", "10.1.2.3", true},
      {"::/0", "no address", false},
      {"::/0", "", false},
  };
  for (const auto& c : cases) {
    const absl::StatusOr<AddressRange> range = ParseAddressRange(c.range);
    ASSERT_TRUE(range.ok()) << range.status();
    EXPECT_EQ(range->Holds(c.address), c.holds) << c.range << " " << c.address;
  }
}

TEST(AddressRange, RefusesWhatIsNone) {
  const char* kNone =
      ", allowed a numeric IPv4 or IPv6 address, alone or with "
      "/BITS";
  for (const char* text :
       {"", "localhost", "10.0.0", "10.0.0.0.0", "/8", ":", " 10.0.0.1"}) {
    EXPECT_EQ(ParseAddressRange(text).status().message(),
              absl::StrCat("\"", text, "\"", kNone));
  }
  for (const char* text : {"10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1",
                           "10.0.0.0/+8", "10.0.0.0/8 ", "10.0.0.0/0x8"}) {
    EXPECT_EQ(ParseAddressRange(text).status().message(),
              absl::StrCat("\"", text, "\", allowed /0 to /32"));
  }
  EXPECT_EQ(ParseAddressRange("::/129").status().message(),
            "\"::/129\", allowed /0 to /128");
  EXPECT_EQ(ParseAddressRange("10.1.0.0/8").status().message(),
            "\"10.1.0.0/8\", allowed nothing behind the first 8 bits of the "
            "address");
}

TEST(AdminRules, AllowWhomTheConfigurationNames) {
  const absl::StatusOr<Config> config = Parsed(
      "admin { users: 'root' users: 'daemon' uids: 1000 uids: 4294967294\n"
      "  addresses: '10.0.0.0/8' addresses: ['::1'] }");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->admin.users[0], (AdminUser{"root", 0}));
  EXPECT_TRUE(config->admin.AllowsUid(0));
  EXPECT_TRUE(config->admin.AllowsUid(config->admin.users[1].uid));
  EXPECT_TRUE(config->admin.AllowsUid(1000));
  EXPECT_TRUE(config->admin.AllowsUid(4294967294));
  EXPECT_FALSE(config->admin.AllowsUid(1001));
  EXPECT_TRUE(config->admin.AllowsAddress("10.3.2.1"));
  EXPECT_TRUE(config->admin.AllowsAddress("::1"));
  EXPECT_FALSE(config->admin.AllowsAddress("127.0.0.1"));
  EXPECT_EQ(*Parsed(PrintConfig(*config)), *config);
}

TEST(AdminRules, AllowNobodyByDefault) {
  const AdminRules rules;
  EXPECT_FALSE(rules.AllowsUid(0));
  EXPECT_FALSE(rules.AllowsAddress("127.0.0.1"));
  EXPECT_EQ(Parsed("admin { }")->admin, rules);
}

TEST(AdminRules, AreBlamedWhereTheyStand) {
  EXPECT_EQ(ErrorOf("admin {\n  users: 'root'\n  users: 'no such user'\n}"),
            "f:3:3: admin.users: \"no such user\", allowed a user of this "
            "system");
  EXPECT_EQ(ErrorOf("admin {\n  uids: -1\n uids: 4294967295 }"),
            "f:2:3: admin.uids: -1, allowed 0 to 4294967294\n"
            "f:3:2: admin.uids: 4294967295, allowed 0 to 4294967294");
  EXPECT_EQ(ErrorOf("admin { addresses: '10.0.0.1/8' }"),
            "f:1:9: admin.addresses: \"10.0.0.1/8\", allowed nothing behind "
            "the first 8 bits of the address");
  std::string many = "admin {";
  for (size_t i = 0; i <= kAdminEntriesMax; ++i) many += " uids: 7";
  EXPECT_EQ(ErrorOf(many + "}"), "f:1:1: admin.uids: 257 entries, allowed 256");
}

TEST(AdminRules, AreChangesOfTheirFields) {
  const Config other =
      *Parsed("admin { users: 'root' uids: 1 addresses: '::1' }");
  EXPECT_EQ(ChangedFields(Config(), other),
            (std::vector<std::string>{"admin.users", "admin.uids",
                                      "admin.addresses"}));
}

}  // namespace
}  // namespace mycelium
