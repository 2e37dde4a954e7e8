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
// A direct responder is called within Request, on the requester's thread, and
// on_reply wherever the answer is given: within the call, on the thread that
// calls Respondent, Cancel or Close, or on the process's one thread for
// deadlines, which must not be held up.  A subscription with a start has a
// queue and, unless it is pulled, a thread of its own, whatever its delivery.
// What a member of a group has not begun when it leaves is given to others on
// the thread that ends it.  Overflow::kDisconnect is seen by the publish that
// finds the queue full for too long.
//
// Threads and ownership: client.h.  Two callbacks that unsubscribe or close
// each other wait for each other without end; a callback that ends its own
// subscription does not wait.
#ifndef MYCELIUM_CLIENT_CORE_BUS_H_
#define MYCELIUM_CLIENT_CORE_BUS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "client/core/client.h"
#include "proto/frame.h"

namespace mycelium::core {

class Bus;
class BusTally;
struct BusPeer;
struct BusRoute;
struct BusTable;
struct BusType;
struct PublisherSlot;

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
  // A publish is in every queue when it returns: nothing is left to do, and
  // on_accepted is called within the call.
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
  // kUnimplemented: there is no broker to administer.
  Status Admin(std::span<const uint8_t> request, Deadline deadline,
               std::string* reply) override;
  void Close() override;
  BrokerInfo broker() const override;
  ClientCounters counters() const override;

 private:
  explicit InprocClient(std::shared_ptr<BusPeer> peer);

  template <typename MakeContent>
  Status PublishContent(uint16_t type_id, std::string_view topic,
                        uint64_t payload_bytes, Deadline deadline,
                        MakeContent make_content);
  template <typename Content>
  Status Deliver(PublisherSlot* slot, FrameHeader header,
                 std::string_view topic, Content&& content, Deadline deadline);
  template <typename Content>
  Status DeliverTo(const BusTable* table, BusType* type, PublisherSlot* slot,
                   FrameHeader header, std::string_view topic, Content& content,
                   Deadline deadline);
  template <typename Content>
  Status DeliverInParts(PublisherSlot* slot, FrameHeader header,
                        std::string_view topic, Content content,
                        Deadline deadline);
  bool CommitEverywhere(PublisherSlot* slot, const BusTable* table,
                        BusType* type, std::span<BusRoute* const> queued,
                        FrameHeader* header, std::string_view topic,
                        std::span<const uint8_t> payload);
  Status ReserveEverywhere(PublisherSlot* slot, const BusTable& table,
                           std::span<BusRoute* const> queued,
                           const FrameHeader& header, uint64_t queue_bytes,
                           std::string_view topic, Deadline deadline);

  const std::shared_ptr<BusPeer> peer_;
  Bus* const bus_;  // peer_'s
  BusTally* const tally_;
};

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_BUS_H_
