#include "client/core/carriers_fixture.h"

#include <atomic>
#include <utility>

namespace mycelium::core {
namespace {

constexpr char kHistoryConfig[] =
    "history { types: 8 bytes_max: 16777216 }\n"
    "history { types: 9 frames_max: 4 }\n";

}  // namespace

Deadline Soon() { return Clock::now() + std::chrono::seconds(60); }

std::span<const uint8_t> Bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

std::string Text(const Message& message) {
  return {message.payload.begin(), message.payload.end()};
}

std::vector<uint64_t> From1To(uint64_t last) {
  std::vector<uint64_t> all;
  for (uint64_t i = 1; i <= last; ++i) all.push_back(i);
  return all;
}

std::string CarrierName(const testing::TestParamInfo<const char*>& info) {
  return info.param;
}

CarrierTest::CarrierTest() {
  if (std::string_view(GetParam()) == "inproc") {
    std::atomic<int> last{0};
    url_ = "inproc:carriers-" + std::to_string(++last);
    return;
  }
  broker_ = std::make_unique<BrokerProcess>(kHistoryConfig);
  url_ = std::string_view(GetParam()) == "unix" ? broker_->unix_url()
                                                : broker_->tcp_url();
}

std::unique_ptr<Client> CarrierTest::Connected(ClientOptions options) {
  options.history = {{.types = {kKept}},
                     {.types = {kKeptFew}, .frames_max = 4}};
  std::unique_ptr<Client> client;
  const Status status = Client::Connect(url_, options, &client);
  EXPECT_TRUE(status.ok()) << status.message;
  return client;
}

std::shared_ptr<Subscription> CarrierTest::Subscribed(
    Client* client, const SubscribeOptions& options, Handler handler) {
  std::shared_ptr<Subscription> subscription;
  const Status status =
      client->Subscribe(options, std::move(handler), &subscription);
  EXPECT_TRUE(status.ok()) << status.message;
  return subscription;
}

void CarrierTest::Put(Client* client, uint16_t type_id, std::string_view text,
                      std::string_view topic) {
  const Status status = client->Publish(type_id, topic, Bytes(text), Soon());
  EXPECT_TRUE(status.ok()) << status.message;
}
void CarrierTest::Flush(Client* client) {
  const Status status = client->Flush(Soon());
  EXPECT_TRUE(status.ok()) << status.message;
}

Status CarrierTest::Take(Subscription* subscription, uint64_t count,
                         Seen* seen) {
  while (seen->all() < count) {
    Item item;
    const Status status = subscription->Next(Soon(), &item);
    if (!status.ok()) return status;
    if (const auto* const message = std::get_if<Message>(&item)) {
      seen->sequences.push_back(message->sequence);
      seen->newest[std::string(message->topic)] = message->sequence;
    } else {
      const Gap& gap = std::get<Gap>(item);
      seen->missed += gap.frames();
      seen->reasons.insert(gap.reason);
      seen->unknown |= gap.unknown;
    }
  }
  return {};
}
Seen CarrierTest::Taken(Subscription* subscription, uint64_t count) {
  Seen seen;
  const Status status = Take(subscription, count, &seen);
  EXPECT_TRUE(status.ok()) << status.message;
  return seen;
}

}  // namespace mycelium::core
