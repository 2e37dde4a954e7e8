// What tests of requests over a socket have in common: a client that asks or
// answers, and what its broker says.
#ifndef MYCELIUM_CLIENT_CORE_REQUEST_FIXTURE_H_
#define MYCELIUM_CLIENT_CORE_REQUEST_FIXTURE_H_

#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "client/core/client.h"
#include "client/core/fake_broker.h"
#include "client/core/socket_fixture.h"
#include "gtest/gtest.h"
#include "proto/mycelium/control.pb.h"

namespace mycelium::core {

inline constexpr auto kRequest = static_cast<uint8_t>(DataKind::kRequest);
inline constexpr auto kReply = static_cast<uint8_t>(DataKind::kReply);
inline constexpr auto kErrorReply = static_cast<uint8_t>(DataKind::kErrorReply);
// A request of session 9, as a responder gets it.
inline constexpr uint64_t kAsked = uint64_t{9} << 32 | 5;

inline std::string ReplyFrame(uint64_t id, std::string_view payload,
                              uint16_t type_id = 8) {
  return FrameOfKind(kReply, type_id, {}, payload, id);
}

inline std::string ErrorFrame(uint64_t id, uint32_t status,
                              std::string_view words) {
  wire::RequestError error;
  error.set_status(status);
  error.set_message(std::string(words));
  return FrameOfKind(kErrorReply, 7, {}, error.SerializeAsString(), id);
}

class RequestTest : public SocketClientTest {
 protected:
  // Notes how it ends as "<code> <words or payload>".
  ReplyHandler Note(Log* log) {
    return [log](const Status& status, const Message* reply) {
      EXPECT_EQ(status.ok(), reply != nullptr);
      const std::string code = std::to_string(static_cast<int>(status.code));
      log->Add(code + " " + (status.ok() ? Text(*reply) : status.message));
    };
  }

  // Asks; the frame that the broker has then.
  WireFrame Ask(Log* log, const RequestOptions& options = {},
                uint64_t* call = nullptr) {
    const Status status =
        client_->Request(7, AsBytes("question"), options, Note(log), call);
    EXPECT_TRUE(status.ok()) << status.message;
    return broker_->Read();
  }

  std::shared_ptr<Subscription> Respond(RequestHandler on_request, uint32_t* id,
                                        const SubscribeOptions& options = {
                                            .type_id = 7}) {
    std::shared_ptr<Subscription> subscription;
    std::thread answering([&] { *id = broker_->AnswerSubscribe(); });
    const Status status =
        client_->Respond(options, std::move(on_request), &subscription);
    EXPECT_TRUE(status.ok()) << status.message;
    answering.join();
    return subscription;
  }

  // Makes a responder that keeps its first request, and asks it.
  std::unique_ptr<Respondent> AnswerLater(
      std::shared_ptr<Subscription>* responder, uint32_t* id) {
    auto asked = std::make_shared<std::promise<std::unique_ptr<Respondent>>>();
    *responder = Respond(
        [asked](const Message&, std::unique_ptr<Respondent> respondent) {
          asked->set_value(std::move(respondent));
        },
        id);
    broker_->Send(Question(*id));
    return asked->get_future().get();
  }

  static std::string Question(uint32_t subscription_id, uint64_t id = kAsked) {
    return AddresseeFrame(subscription_id) +
           FrameOfKind(kRequest, 7, "a.b", "question", id) + AddresseeFrame(0);
  }

  static wire::RequestError Error(const WireFrame& frame) {
    wire::RequestError error;
    EXPECT_EQ(frame.header.kind, kErrorReply);
    EXPECT_TRUE(error.ParseFromString(frame.payload));
    return error;
  }
};

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_REQUEST_FIXTURE_H_
