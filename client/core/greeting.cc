#include "client/core/greeting.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <variant>

#include "config/limits.h"

namespace mycelium::core {
namespace {

std::string OwnName(std::string_view name) {
  if (!name.empty()) return std::string(name);
  const std::string_view program = program_invocation_short_name;
  return CheckName(program).ok() ? std::string(program) : "client";
}

// False: the deadline has come.
bool AwaitReady(int socket, short events, Deadline deadline) {
  while (true) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    pollfd ready{.fd = socket, .events = events, .revents = 0};
    const int count =
        poll(&ready, 1,
             static_cast<int>(std::clamp<int64_t>(left.count(), 0, 1 << 30)));
    if (count >= 0) return count > 0;
    if (errno != EINTR) return true;  // the next call on the socket says what
  }
}

// A peer that has closed already may have said why: whoever reads next sees.
// False: the deadline has come.
bool Send(int socket, std::span<const uint8_t> frame, Deadline deadline) {
  while (!frame.empty()) {
    const ssize_t sent =
        send(socket, frame.data(), frame.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      frame = frame.subspan(static_cast<size_t>(sent));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (!AwaitReady(socket, POLLOUT, deadline)) return false;
    } else if (errno != EINTR) {
      return true;
    }
  }
  return true;
}

Status NoBroker(std::string_view seen) {
  return {StatusCode::kUnavailable,
          "not a Mycelium broker: " + std::string(seen)};
}

// What the first event means, without the url.
Status Judge(const Session::Event& event, WelcomeBody* welcome) {
  if (const auto* said = std::get_if<WelcomeBody>(&event)) {
    *welcome = *said;
    return {};
  }
  if (const auto* close = std::get_if<CloseBody>(&event)) {
    const StatusCode code = ToStatusCode(close->code);
    return {code == StatusCode::kOk ? StatusCode::kUnavailable : code,
            "refused by the broker: " + close->reason + " (" +
                CodeName(close->code) + ")"};
  }
  if (const auto* error = std::get_if<Session::ProtocolError>(&event)) {
    return NoBroker(error->reason);
  }
  return NoBroker("no WELCOME");
}

Status TooLate() {
  return {StatusCode::kDeadlineExceeded,
          "connected, but no WELCOME before the deadline"};
}

Status AwaitEvent(int socket, Deadline deadline, Session* session,
                  InputBuffer* input, Session::Event* event) {
  while (true) {
    const size_t consumed = session->Next(input->unread(), event);
    input->Consume(consumed);
    if (consumed != 0) return {};
    if (!AwaitReady(socket, POLLIN, deadline)) return TooLate();
    const std::span<uint8_t> room =
        input->Room(std::get<Session::NeedMore>(*event).frame_bytes);
    const ssize_t got = recv(socket, room.data(), room.size(), 0);
    if (got == 0) return NoBroker("it closed before WELCOME");
    if (got > 0) {
      input->Received(static_cast<size_t>(got));
    } else if (errno != EINTR) {
      char text[128];
      return NoBroker(strerror_r(errno, text, sizeof text));
    }
  }
}

Status TellSchema(int socket, const SchemaBody& asked,
                  const EncodedSchema& schema, Deadline deadline) {
  if (asked.schema_digest != schema.digest || schema.digest.empty()) {
    return NoBroker("it asks for a schema that HELLO did not name");
  }
  return Send(socket, EncodeSchema(schema), deadline) ? Status{} : TooLate();
}

}  // namespace

Status CheckName(std::string_view name) {
  if (name.size() <= kClientNameBytesMax && ValidUtf8(name)) return {};
  return {StatusCode::kInvalidArgument,
          "connect: name of " + std::to_string(name.size()) +
              " bytes, allowed " + std::to_string(kClientNameBytesMax) +
              " of UTF-8"};
}

Status Greet(int socket, std::string_view url, const ClientOptions& options,
             Deadline deadline, Session* session, InputBuffer* input,
             WelcomeBody* welcome) {
  const EncodedSchema& schema = options.schema;
  Session::Event event;
  Status status =
      Send(socket, EncodeHello(OwnName(options.name), schema.digest), deadline)
          ? AwaitEvent(socket, deadline, session, input, &event)
          : TooLate();
  if (const auto* asked = std::get_if<SchemaBody>(&event);
      status.ok() && asked != nullptr) {
    status = TellSchema(socket, *asked, schema, deadline);
    if (status.ok()) {
      status = AwaitEvent(socket, deadline, session, input, &event);
    }
  }
  if (status.ok()) status = Judge(event, welcome);
  if (!status.ok()) {
    status.message = "connect " + std::string(url) + ": " + status.message;
  }
  return status;
}

}  // namespace mycelium::core
