// The client over a stream socket: `unix:` and `tcp://`.
//
// One thread reads.  Publishing writes on the thread of its caller (outbox.h
// says when not); one more thread comes with the first burst or the first time
// that the socket is full, and one with each queued subscription.  A direct
// callback that does not return keeps the client from reading: the broker then
// queues, holds back or drops as the subscription's policy has it, and closes
// the session after its idle timeout.
//
// Threads and ownership: client.h.  After fork() the child must not touch a
// client of its parent.
#ifndef MYCELIUM_CLIENT_CORE_SOCKET_H_
#define MYCELIUM_CLIENT_CORE_SOCKET_H_

#include <memory>
#include <string>
#include <string_view>

#include "client/core/client.h"

namespace mycelium::core {

class Connection;

class SocketClient : public Client {
 public:
  // `url`: unix:/absolute/path, tcp://host:port or tcp://[ipv6]:port.
  static Status Connect(std::string_view url, const ClientOptions& options,
                        std::unique_ptr<Client>* client);
  ~SocketClient() override;

  Status Publish(uint16_t type_id, std::string_view topic,
                 std::span<const uint8_t> payload, Deadline deadline) override;
  Status TryPublish(uint16_t type_id, std::string_view topic,
                    std::span<const uint8_t> payload) override;
  Status PublishObject(uint16_t type_id, std::string_view topic,
                       const EncodableObject& object,
                       Deadline deadline) override;
  Status PublishAcked(uint16_t type_id, std::string_view topic,
                      std::span<const uint8_t> payload, Deadline deadline,
                      std::function<void(const Status&)> on_accepted) override;
  Status Flush(Deadline deadline) override;
  Status Subscribe(const SubscribeOptions& options, Handler handler,
                   std::shared_ptr<Subscription>* subscription) override;
  Status Request(uint16_t type_id, std::span<const uint8_t> payload,
                 const RequestOptions& options, ReplyHandler on_reply,
                 uint64_t* call) override;
  void Cancel(uint64_t call) override;
  Status Respond(const SubscribeOptions& options, RequestHandler on_request,
                 std::shared_ptr<Subscription>* subscription) override;
  Status Ping(Deadline deadline) override;
  Status Admin(std::span<const uint8_t> request, Deadline deadline,
               std::string* reply) override;
  void Close() override;
  BrokerInfo broker() const override;
  ClientCounters counters() const override;

 private:
  explicit SocketClient(std::shared_ptr<Connection> connection);

  const std::shared_ptr<Connection> connection_;
};

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_SOCKET_H_
