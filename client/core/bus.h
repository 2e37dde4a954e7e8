// The in-process carrier: clients of one process that pass frames to each other
// at memory speed, without a daemon and without a socket.
//
// A bus is found by its name (`inproc:NAME`, shared while any client of it is
// there) or belongs to one client (`inproc:`).  Publish runs on the caller's
// thread through an immutable table of routes, takes no lock while the queues
// have room, and calls direct subscribers itself: what such a callback
// publishes is delivered before the outer publish goes on to the next
// subscriber.  Queued and pulled subscriptions have a FrameQueue.  A frame
// reaches all of its queues or, when Publish fails, nobody.
//
// Threads and ownership: client.h.  Two callbacks that unsubscribe or close
// each other wait for each other without end; a callback that ends its own
// subscription does not wait.
#ifndef MYCELIUM_CLIENT_CORE_BUS_H_
#define MYCELIUM_CLIENT_CORE_BUS_H_

#include <memory>
#include <string>
#include <string_view>

#include "client/core/client.h"

namespace mycelium::core {

class Bus;
struct BusPeer;

class InprocClient : public Client {
 public:
  // `url`: inproc: or inproc:NAME.
  static Status Connect(std::string_view url, const ClientOptions& options,
                        std::unique_ptr<Client>* client);
  ~InprocClient() override;

  // Client's words, and: kResourceExhausted when more than
  // kInprocPublishersMax living threads have published, when callbacks publish
  // within callbacks more than kInprocNestingMax deep, and when a callback
  // would have to wait for the full queue that it is itself to empty.
  Status Publish(uint16_t type_id, std::string_view topic,
                 std::span<const uint8_t> payload, Deadline deadline) override;
  Status TryPublish(uint16_t type_id, std::string_view topic,
                    std::span<const uint8_t> payload) override;
  Status PublishObject(uint16_t type_id, std::string_view topic,
                       const EncodableObject& object,
                       Deadline deadline) override;
  // A publish is in every queue when it returns: nothing is left to do.
  Status Flush(Deadline deadline) override;
  Status Subscribe(const SubscribeOptions& options, Handler handler,
                   std::shared_ptr<Subscription>* subscription) override;
  Status Ping(Deadline deadline) override;
  // kUnimplemented: there is no broker to administer.
  Status Admin(std::span<const uint8_t> request, Deadline deadline,
               std::string* reply) override;
  void Close() override;
  BrokerInfo broker() const override;

 private:
  explicit InprocClient(std::shared_ptr<BusPeer> peer);

  Status OpenOr(std::string_view subject) const;
  template <typename MakeContent>
  Status PublishContent(uint16_t type_id, std::string_view topic,
                        uint64_t payload_bytes, Deadline deadline,
                        MakeContent make_content);

  const std::shared_ptr<BusPeer> peer_;
  Bus* const bus_;  // peer_'s
};

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_BUS_H_
