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

// HELLO is smaller than any socket's buffer, so that nothing needs to be waited
// for.  A peer that has closed already may have said why.
void SendHello(int socket, std::string_view name) {
  const Bytes hello = EncodeHello(name);
  while (send(socket, hello.data(), hello.size(), MSG_NOSIGNAL) < 0 &&
         errno == EINTR) {
  }
}

// False: the deadline has come.
bool AwaitReadable(int socket, Deadline deadline) {
  while (true) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    pollfd readable{.fd = socket, .events = POLLIN, .revents = 0};
    const int ready =
        poll(&readable, 1,
             static_cast<int>(std::clamp<int64_t>(left.count(), 0, 1 << 30)));
    if (ready >= 0) return ready > 0;
    if (errno != EINTR) return true;  // recv() will say what
  }
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

Status AwaitWelcome(int socket, Deadline deadline, Session* session,
                    InputBuffer* input, WelcomeBody* welcome) {
  Session::Event event;
  while (true) {
    const size_t consumed = session->Next(input->unread(), &event);
    input->Consume(consumed);
    if (consumed != 0) return Judge(event, welcome);
    if (!AwaitReadable(socket, deadline)) {
      return {StatusCode::kDeadlineExceeded,
              "connected, but no WELCOME before the deadline"};
    }
    const std::span<uint8_t> room =
        input->Room(std::get<Session::NeedMore>(event).frame_bytes);
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

}  // namespace

Status CheckName(std::string_view name) {
  if (name.size() <= kClientNameBytesMax && ValidUtf8(name)) return {};
  return {StatusCode::kInvalidArgument,
          "connect: name of " + std::to_string(name.size()) +
              " bytes, allowed " + std::to_string(kClientNameBytesMax) +
              " of UTF-8"};
}

Status Greet(int socket, std::string_view url, std::string_view name,
             Deadline deadline, Session* session, InputBuffer* input,
             WelcomeBody* welcome) {
  SendHello(socket, OwnName(name));
  Status status = AwaitWelcome(socket, deadline, session, input, welcome);
  if (!status.ok()) {
    status.message = "connect " + std::string(url) + ": " + status.message;
  }
  return status;
}

}  // namespace mycelium::core
