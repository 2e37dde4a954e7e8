#include "client/cli/broker_access.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/cli/flags.h"

namespace mycelium::cli {

std::vector<FlagRule> BrokerFlags(const std::string& timeout_ms) {
  return {{.name = "url"},
          {.name = "timeout_ms", .initial = timeout_ms, .min = -1, .max = 1e9}};
}

Timeout::Timeout()
    : end_(FLAGS_timeout_ms < 0
               ? absl::InfiniteFuture()
               : absl::Now() + absl::Milliseconds(FLAGS_timeout_ms)) {}

Timeout::Timeout(absl::Duration duration) : end_(absl::Now() + duration) {}

absl::Duration Timeout::Left() const {
  if (end_ == absl::InfiniteFuture()) return absl::InfiniteDuration();
  return std::max(end_ - absl::Now(), absl::ZeroDuration());
}

std::string UrlInForce() {
  if (!FLAGS_url.empty()) return FLAGS_url;
  const char* url = std::getenv("MYCELIUM_URL");
  return url == nullptr ? "" : url;
}

absl::StatusOr<Client> ConnectAs(const std::string& command,
                                 const Schema* schema) {
  ClientOptions options;
  if (schema != nullptr) {
    const Digest& digest = schema->digest();
    options.schema.digest.assign(digest.begin(), digest.end());
    options.schema.descriptor_set = schema->descriptor_set();
  }
  options.name = absl::StrCat("mycelium ", command);
  if (FLAGS_timeout_ms >= 0) {
    options.connect_timeout = std::min(
        options.connect_timeout, std::chrono::milliseconds(FLAGS_timeout_ms));
  }
  return Client::Connect(UrlInForce(), options);
}

}  // namespace mycelium::cli
