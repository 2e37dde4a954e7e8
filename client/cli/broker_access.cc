#include "client/cli/broker_access.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/cli/flags.h"

namespace mycelium::cli {
namespace {

void Complete(const std::string& command, const Schema* schema,
              ClientOptions* options) {
  if (schema != nullptr) {
    const Digest& digest = schema->digest();
    options->schema.digest.assign(digest.begin(), digest.end());
    options->schema.descriptor_set = schema->descriptor_set();
  }
  options->name = absl::StrCat("mycelium ", command);
  if (FLAGS_timeout_ms >= 0) {
    options->connect_timeout = std::min(
        options->connect_timeout, std::chrono::milliseconds(FLAGS_timeout_ms));
  }
}

}  // namespace

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

core::Deadline Timeout::End() const {
  if (end_ == absl::InfiniteFuture()) return core::kNoDeadline;
  return core::Clock::now() + absl::ToChronoNanoseconds(Left());
}

std::string UrlInForce() {
  if (!FLAGS_url.empty()) return FLAGS_url;
  const char* url = std::getenv("MYCELIUM_URL");
  return url == nullptr ? "" : url;
}

absl::StatusOr<Client> ConnectAs(const std::string& command,
                                 const Schema* schema, ClientOptions options) {
  Complete(command, schema, &options);
  return Client::Connect(UrlInForce(), options);
}

absl::Status ConnectCoreAs(const std::string& command, const Schema* schema,
                           ClientOptions options,
                           std::unique_ptr<core::Client>* client) {
  Complete(command, schema, &options);
  return ToAbsl(core::Client::Connect(UrlInForce(), options, client));
}

absl::Status ToAbsl(const core::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.code),
                      {status.message.data(), status.message.size()});
}

}  // namespace mycelium::cli
