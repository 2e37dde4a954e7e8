#include "client/core/greeting.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include <cstring>
#include <string>
#include <variant>

#include "client/core/await_ready.h"
#include "config/limits.h"

namespace mycelium::core {
namespace {

std::string OwnName(std::string_view name) {
  if (!name.empty()) return std::string(name);
  const std::string_view program = program_invocation_short_name;
  return CheckName(program).ok() ? std::string(program) : "client";
}

// Who waits for what, and for how long.
struct Peer {
  int socket;
  Deadline deadline;
  const Waker* interrupter;
};

Status TooLate(Readiness readiness) {
  if (readiness == Readiness::kInterrupted) {
    return {StatusCode::kCancelled, "interrupted"};
  }
  return {StatusCode::kDeadlineExceeded,
          "connected, but no WELCOME before the deadline"};
}

Status Await(const Peer& peer, short events) {
  const Readiness readiness =
      AwaitReady(peer.socket, events, peer.deadline, peer.interrupter);
  return readiness == Readiness::kReady ? Status{} : TooLate(readiness);
}

// A peer that has closed already may have said why: whoever reads next sees.
Status Send(const Peer& peer, std::span<const uint8_t> frame) {
  while (!frame.empty()) {
    const ssize_t sent = send(peer.socket, frame.data(), frame.size(),
                              MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      frame = frame.subspan(static_cast<size_t>(sent));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      const Status status = Await(peer, POLLOUT);
      if (!status.ok()) return status;
    } else if (errno != EINTR) {
      break;
    }
  }
  return {};
}

Status NoBroker(std::string_view seen) {
  return {StatusCode::kUnavailable,
          "not a Mycelium broker: " + std::string(seen)};
}

// What the first event means, without the url.
Status Judge(const Session::Event& event, WelcomeBody* welcome,
             Refusal* refusal) {
  if (const auto* said = std::get_if<WelcomeBody>(&event)) {
    *welcome = *said;
    return {};
  }
  if (const auto* close = std::get_if<CloseBody>(&event)) {
    *refusal = {IsFinal(close->code), close->retry_after_ms};
    const StatusCode code = ToStatusCode(close->code);
    return {code == StatusCode::kOk ? StatusCode::kUnavailable : code,
            "refused by the broker: " + close->reason + " (" +
                CodeName(close->code) + ")"};
  }
  if (const auto* error = std::get_if<Session::ProtocolError>(&event)) {
    refusal->is_final = true;
    return NoBroker(error->reason);
  }
  refusal->is_final = true;
  return NoBroker("no WELCOME");
}

Status AwaitEvent(const Peer& peer, Session* session, InputBuffer* input,
                  Session::Event* event) {
  while (true) {
    const size_t consumed = session->Next(input->unread(), event);
    input->Consume(consumed);
    if (consumed != 0) return {};
    const Status status = Await(peer, POLLIN);
    if (!status.ok()) return status;
    const std::span<uint8_t> room =
        input->Room(std::get<Session::NeedMore>(*event).frame_bytes);
    const ssize_t got = recv(peer.socket, room.data(), room.size(), 0);
    if (got == 0) return NoBroker("it closed before WELCOME");
    if (got > 0) {
      input->Received(static_cast<size_t>(got));
    } else if (errno != EINTR) {
      char text[128];
      return NoBroker(strerror_r(errno, text, sizeof text));
    }
  }
}

Status TellSchema(const Peer& peer, const SchemaBody& asked,
                  const EncodedSchema& schema) {
  if (asked.schema_digest != schema.digest || schema.digest.empty()) {
    return NoBroker("it asks for a schema that HELLO did not name");
  }
  return Send(peer, EncodeSchema(schema));
}

}  // namespace

Status CheckName(std::string_view name) {
  if (name.size() <= kClientNameBytesMax && ValidUtf8(name)) return {};
  return {StatusCode::kInvalidArgument,
          "connect: name of " + std::to_string(name.size()) +
              " bytes, allowed " + std::to_string(kClientNameBytesMax) +
              " of UTF-8"};
}

bool IsFinal(CloseCode code) {
  switch (code) {
    case CloseCode::kProtocol:
    case CloseCode::kVersion:
    case CloseCode::kFrameTooLarge:
    case CloseCode::kSlowConsumer:
    case CloseCode::kInvalidArgument:
    case CloseCode::kSchema:
    case CloseCode::kDenied:
    case CloseCode::kUnsupported:
    case CloseCode::kTakenOver:
      return true;
    case CloseCode::kOk:
    case CloseCode::kGoingAway:
    case CloseCode::kHelloTimeout:
    case CloseCode::kIdleTimeout:
    case CloseCode::kTooManySessions:
    case CloseCode::kTooManySubscriptions:
    case CloseCode::kInternal:
      return false;
  }
  return false;  // what a newer broker says may pass
}

Status Greet(int socket, std::string_view url, const ClientOptions& options,
             const LastWelcome& last, Deadline deadline,
             const Waker* interrupter, Session* session, InputBuffer* input,
             WelcomeBody* welcome, Refusal* refusal) {
  const Peer peer{socket, deadline, interrupter};
  const EncodedSchema& schema = options.schema;
  Session::Event event;
  Status status = Send(peer, EncodeHello(OwnName(options.name), schema.digest,
                                         options.instance_id, last));
  if (status.ok()) status = AwaitEvent(peer, session, input, &event);
  if (const auto* asked = std::get_if<SchemaBody>(&event);
      status.ok() && asked != nullptr) {
    status = TellSchema(peer, *asked, schema);
    if (status.ok()) status = AwaitEvent(peer, session, input, &event);
  }
  if (status.ok()) status = Judge(event, welcome, refusal);
  if (!status.ok()) {
    status.message = "connect " + std::string(url) + ": " + status.message;
  }
  return status;
}

}  // namespace mycelium::core
