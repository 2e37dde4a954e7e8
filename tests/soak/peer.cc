// One client of the soak test.  What happens to it is written to standard
// output, a line each; soak.py reads that.  Ends on SIGTERM.
//
//   peer publish URL TYPE PUBLISHER RATE PAYLOAD_BYTES
//   peer subscribe URL TYPE POLICY [GROUP]
//   peer request URL TYPE RATE
//   peer respond URL TYPE
//
// A publisher's frames hold its number and their own, from 1 up.  Lines:
//   s N           published            a N MS    accepted, at that time
//   m N           maybe accepted       n N       not accepted
//   z N           the last one, accepted
//   f SEQUENCE PUBLISHER N R           got; R is 1 if redelivered
//   g REASON FRAMES FIRST LAST U       a gap; U is 1 if unknown
//   q STATUS      a request has ended  w         with another's answer
//   t             a request was begun
//   c STATE       of the connection
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "client/core/client.h"

namespace mycelium::core {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kTick{10};
constexpr milliseconds kPatience{100};

struct Numbers {
  uint32_t publisher;
  uint32_t padding;
  uint64_t number;
};

std::span<const uint8_t> BytesOf(const Numbers& numbers) {
  return {reinterpret_cast<const uint8_t*>(&numbers), sizeof numbers};
}

Numbers NumbersOf(const Message& message) {
  Numbers numbers = {};
  if (message.payload.size() >= sizeof numbers) {
    std::memcpy(&numbers, message.payload.data(), sizeof numbers);
  }
  return numbers;
}

long long NowMs() {
  return std::chrono::duration_cast<milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::atomic<bool> stopped{false};

void Stop(int) { stopped = true; }

Status Connect(const std::string& url, const std::string& name,
               std::unique_ptr<Client>* client) {
  ClientOptions options;
  options.name = name;
  options.reconnect_min = milliseconds(20);
  options.reconnect_max = milliseconds(200);
  options.on_state = [](State state, const Status& status) {
    std::printf("c %d %s\n", static_cast<int>(state), status.message.c_str());
  };
  // Each frame is told by itself.
  options.on_unaccepted = [](std::span<const UnacceptedFrame>) {};
  return Client::Connect(url, options, client);
}

// Calls `act` `rate` times a second until SIGTERM.
void AtRate(double rate, const std::function<void()>& act) {
  const Clock::time_point begin = Clock::now();
  Clock::time_point next = begin;
  for (uint64_t done = 0; !stopped;) {
    next += kTick;
    std::this_thread::sleep_until(next);
    const std::chrono::duration<double> since = Clock::now() - begin;
    const auto due = static_cast<uint64_t>(since.count() * rate);
    for (; done < due && !stopped; ++done) act();
  }
}

class Publisher {
 public:
  Publisher(Client* client, uint16_t type_id, uint32_t number,
            size_t payload_bytes)
      : client_(client),
        type_id_(type_id),
        publisher_(number),
        payload_(std::max(payload_bytes, sizeof(Numbers))) {}

  void PublishOne() {
    const uint64_t number = ++last_;
    const Numbers numbers = {publisher_, 0, number};
    std::memcpy(payload_.data(), &numbers, sizeof numbers);
    const std::string topic = "topic." + std::to_string(number % 8);
    Status status;
    do {
      status = client_->PublishAcked(
          type_id_, topic, payload_, Clock::now() + kPatience,
          [this, number](const Status& answer) { Note(number, answer); });
    } while (status.code == StatusCode::kDeadlineExceeded);
    if (status.ok()) {
      std::printf("s %llu\n", static_cast<unsigned long long>(number));
    } else {
      std::printf("# publish: %s\n", status.message.c_str());
    }
  }

  // Publishes until one is known to be accepted: whoever has got it has got or
  // been told everything.
  void PublishLast() {
    while (!accepted_last_) {
      const uint64_t number = last_ + 1;
      waiting_for_ = number;
      PublishOne();
      if (!client_->Flush(kNoDeadline).ok()) return;
    }
    std::printf("z %llu\n", static_cast<unsigned long long>(last_));
  }

 private:
  void Note(uint64_t number, const Status& answer) {
    if (answer.ok()) {
      std::printf("a %llu %lld\n", static_cast<unsigned long long>(number),
                  NowMs());
      if (number == waiting_for_) accepted_last_ = true;
    } else {
      std::printf(
          "%c %llu %s\n", answer.code == StatusCode::kAborted ? 'm' : 'n',
          static_cast<unsigned long long>(number), answer.message.c_str());
    }
  }

  Client* const client_;
  const uint16_t type_id_;
  const uint32_t publisher_;
  std::vector<uint8_t> payload_;
  uint64_t last_ = 0;
  std::atomic<uint64_t> waiting_for_{0};
  std::atomic<bool> accepted_last_{false};
};

Policy PolicyNamed(std::string_view name) {
  if (name == "lossless") return {256 << 10, -1};
  if (name == "live") return {64 << 10, 0};
  if (name == "latest") return Policy::Latest();
  return Policy::Balanced();
}

void PrintFrame(const Message& message) {
  const Numbers numbers = NumbersOf(message);
  std::printf(
      "f %llu %u %llu %d\n", static_cast<unsigned long long>(message.sequence),
      numbers.publisher, static_cast<unsigned long long>(numbers.number),
      message.redelivered ? 1 : 0);
}

void PrintGap(const Gap& gap) {
  Gap::Range range;
  if (!gap.ranges.empty()) range = gap.ranges[0];
  std::printf("g %d %llu %llu %llu %d\n", static_cast<int>(gap.reason),
              static_cast<unsigned long long>(gap.frames()),
              static_cast<unsigned long long>(range.first_sequence),
              static_cast<unsigned long long>(range.last_sequence),
              gap.unknown ? 1 : 0);
}

void WaitForStop() {
  while (!stopped) std::this_thread::sleep_for(kTick);
}

int Publish(Client* client, uint16_t type_id, char** arguments) {
  Publisher publisher(client, type_id,
                      static_cast<uint32_t>(std::atoi(arguments[0])),
                      static_cast<size_t>(std::atoi(arguments[2])));
  AtRate(std::atof(arguments[1]), [&publisher] { publisher.PublishOne(); });
  publisher.PublishLast();
  client->Close();
  return 0;
}

int Subscribe(Client* client, uint16_t type_id, char** arguments) {
  SubscribeOptions options;
  options.type_id = type_id;
  options.policy = PolicyNamed(arguments[0]);
  if (arguments[1] != nullptr) options.group = arguments[1];
  std::shared_ptr<Subscription> subscription;
  const Status status =
      client->Subscribe(options, {PrintFrame, PrintGap}, &subscription);
  std::printf("# subscribed %s\n", status.message.c_str());
  if (!status.ok()) return 1;
  WaitForStop();
  subscription->Unsubscribe();
  client->Close();
  return 0;
}

int Request(Client* client, uint16_t type_id, char** arguments) {
  uint64_t last = 0;
  AtRate(std::atof(arguments[0]), [&] {
    const Numbers numbers = {0, 0, ++last};
    std::printf("t\n");
    const Status status = client->Request(
        type_id, BytesOf(numbers), {.deadline = Clock::now() + 2 * kPatience},
        [number = last](const Status& answer, const Message* reply) {
          const bool right =
              reply == nullptr || NumbersOf(*reply).number == number;
          std::printf(right ? "q %d %s\n" : "w\n",
                      static_cast<int>(answer.code), answer.message.c_str());
        },
        nullptr);
    if (!status.ok()) {
      std::printf("q %d %s\n", static_cast<int>(status.code),
                  status.message.c_str());
    }
  });
  client->Close();
  return 0;
}

int Respond(Client* client, uint16_t type_id, char**) {
  SubscribeOptions options;
  options.type_id = type_id;
  std::shared_ptr<Subscription> subscription;
  const Status status = client->Respond(
      options,
      [](const Message& request, std::unique_ptr<Respondent> respondent) {
        // kUnavailable: the requester has been told already.
        const Status replied =
            respondent->Reply(request.type_id, request.payload);
        std::printf("r %d\n", static_cast<int>(replied.code));
      },
      &subscription);
  if (!status.ok()) return 1;
  WaitForStop();
  client->Close();
  return 0;
}

struct Role {
  const char* name;
  int arguments;  // behind the type
  int (*run)(Client*, uint16_t, char**);
};
constexpr std::array kRoles = {
    Role{"publish", 3, Publish}, Role{"subscribe", 1, Subscribe},
    Role{"request", 1, Request}, Role{"respond", 0, Respond}};

int Main(int argc, char** argv) {
  // Whole lines, at once: soak.py follows them.
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  struct sigaction action = {};
  action.sa_handler = Stop;
  sigaction(SIGTERM, &action, nullptr);
  for (const Role& role : kRoles) {
    if (argc < 4 + role.arguments || std::string_view(argv[1]) != role.name) {
      continue;
    }
    std::unique_ptr<Client> client;
    const Status status =
        Connect(argv[2], "soak " + std::string(role.name), &client);
    if (!status.ok()) {
      std::fprintf(stderr, "%s\n", status.message.c_str());
      return 1;
    }
    const int code = role.run(
        client.get(), static_cast<uint16_t>(std::atoi(argv[3])), argv + 4);
    std::fflush(stdout);
    return code;
  }
  std::fputs("usage: see the beginning of tests/soak/peer.cc\n", stderr);
  return 2;
}

}  // namespace
}  // namespace mycelium::core

int main(int argc, char** argv) { return mycelium::core::Main(argc, argv); }
