#include "client/core/socket.h"

#include <random>
#include <utility>

#include "client/core/arguments.h"
#include "client/core/connection.h"
#include "client/core/dial.h"
#include "client/core/greeting.h"
#include "client/core/redial.h"
#include "config/limits.h"

namespace mycelium::core {
namespace {

constexpr size_t kInstanceIdBytes = 16;

std::string MakeInstanceId() {
  std::random_device random;
  std::string id;
  while (id.size() < kInstanceIdBytes) id += static_cast<char>(random());
  return id;
}

Status CheckInstanceId(std::string_view id) {
  if (id.empty() || id.size() == kInstanceIdBytes) return {};
  return {StatusCode::kInvalidArgument,
          "connect: instance_id of " + std::to_string(id.size()) +
              " bytes, allowed 0 or " + std::to_string(kInstanceIdBytes)};
}

class SocketSubscription : public Subscription {
 public:
  SocketSubscription(std::shared_ptr<Connection> connection,
                     std::shared_ptr<Subscriber> subscriber)
      : connection_(std::move(connection)),
        subscriber_(std::move(subscriber)) {}
  ~SocketSubscription() override { Unsubscribe(); }

  Status Next(Deadline deadline, Item* item) override {
    return connection_->Next(subscriber_.get(), deadline, item);
  }
  void Unsubscribe() override { connection_->Unsubscribe(subscriber_.get()); }

 private:
  const std::shared_ptr<Connection> connection_;
  const std::shared_ptr<Subscriber> subscriber_;
};

}  // namespace

Status SocketClient::Connect(std::string_view url, const ClientOptions& options,
                             std::unique_ptr<Client>* client) {
  StreamAddress address;
  Status status = ParseStreamUrl(url, &address);
  if (status.ok()) status = CheckName(options.name);
  if (status.ok()) status = CheckSchema(options.schema);
  if (status.ok()) status = CheckInstanceId(options.instance_id);
  if (!status.ok()) return status;
  ClientOptions own = options;
  if (own.instance_id.empty()) own.instance_id = MakeInstanceId();
  Opened opened;
  Refusal refusal;
  status = Open(address, own, /*last=*/{}, /*interrupter=*/nullptr, &opened,
                &refusal);
  if (!status.ok()) return status;
  auto connection =
      std::make_shared<Connection>(address, std::move(own), std::move(opened));
  if (!connection->Start()) {
    return {StatusCode::kResourceExhausted,
            "connect " + address.url + ": the system has no thread to give"};
  }
  client->reset(new SocketClient(std::move(connection)));
  return {};
}

SocketClient::SocketClient(std::shared_ptr<Connection> connection)
    : connection_(std::move(connection)) {}

SocketClient::~SocketClient() { connection_->Close(); }

Status SocketClient::Publish(uint16_t type_id, std::string_view topic,
                             std::span<const uint8_t> payload,
                             Deadline deadline) {
  return connection_->Publish(type_id, topic, payload, deadline);
}

Status SocketClient::TryPublish(uint16_t type_id, std::string_view topic,
                                std::span<const uint8_t> payload) {
  return connection_->TryPublish(type_id, topic, payload);
}

Status SocketClient::PublishObject(uint16_t type_id, std::string_view topic,
                                   const EncodableObject& object,
                                   Deadline deadline) {
  // Kept from one publish to the next, unless it was an unusual one.  Taken
  // meanwhile, since a publish that waits may call back.
  thread_local std::vector<uint8_t> spare;
  std::vector<uint8_t> encoded = std::exchange(spare, {});
  encoded.resize(object.encoded_bytes);
  object.encode(object.object.value, encoded.data());
  Status status = connection_->Publish(type_id, topic, encoded, deadline);
  if (encoded.capacity() <= kEncodedBytesKept) spare = std::move(encoded);
  return status;
}

Status SocketClient::PublishAcked(
    uint16_t type_id, std::string_view topic, std::span<const uint8_t> payload,
    Deadline deadline, std::function<void(const Status&)> on_accepted) {
  return connection_->PublishAcked(type_id, topic, payload, deadline,
                                   std::move(on_accepted));
}

Status SocketClient::Flush(Deadline deadline) {
  return connection_->Flush(deadline);
}

Status SocketClient::Subscribe(const SubscribeOptions& options, Handler handler,
                               std::shared_ptr<Subscription>* subscription) {
  std::shared_ptr<Subscriber> subscriber;
  Status status =
      connection_->Subscribe(options, std::move(handler), &subscriber);
  if (status.ok()) {
    *subscription = std::make_shared<SocketSubscription>(connection_,
                                                         std::move(subscriber));
  }
  return status;
}

Status SocketClient::Request(uint16_t type_id, std::span<const uint8_t> payload,
                             const RequestOptions& options,
                             ReplyHandler on_reply, uint64_t* call) {
  return connection_->Request(type_id, payload, options, std::move(on_reply),
                              call);
}

void SocketClient::Cancel(uint64_t call) { connection_->Cancel(call); }

Status SocketClient::Respond(const SubscribeOptions& options,
                             RequestHandler on_request,
                             std::shared_ptr<Subscription>* subscription) {
  std::shared_ptr<Subscriber> subscriber;
  Status status =
      connection_->Respond(options, std::move(on_request), &subscriber);
  if (status.ok()) {
    *subscription = std::make_shared<SocketSubscription>(connection_,
                                                         std::move(subscriber));
  }
  return status;
}

Status SocketClient::Ping(Deadline deadline) {
  return connection_->Ping(deadline);
}

Status SocketClient::Admin(std::span<const uint8_t> request, Deadline deadline,
                           std::string* reply) {
  return connection_->Admin(request, deadline, reply);
}

void SocketClient::Close() { connection_->Close(); }

BrokerInfo SocketClient::broker() const { return connection_->broker(); }

ClientCounters SocketClient::counters() const {
  return connection_->counters();
}

}  // namespace mycelium::core
