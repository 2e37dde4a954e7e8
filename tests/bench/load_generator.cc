// The same raw load for floor_relay and for mycelium-brokerd: blocking POSIX
// sockets, frames built beforehand, one process for each connection, no client
// library.
//
// --mode throughput: one publisher writes frames back to back, N subscribers
//   walk them and count.  What counts is what the subscribers got between two
//   moments that all processes agree on.
// --mode latency: A sends a frame to B through the target, B sends one back;
//   one round trip is four socket hops on either target.
// --mode request: the same, but A asks and B answers (REQUEST, REPLY).
// --mode idle: opens N sessions with the broker, says so, and keeps them until
//   its standard input ends.
//
// Prints one line of JSON.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "gflags/gflags.h"
#include "proto/frame.h"
#include "proto/mycelium/control.pb.h"
#include "tests/bench/broker_session.h"
#include "tests/bench/child_process.h"
#include "tests/bench/endpoint.h"
#include "tests/bench/frame_walker.h"
#include "tests/bench/latency_summary.h"
#include "tests/bench/monotonic_clock.h"
#include "tests/bench/relay_role.h"

DEFINE_string(target, "broker", "relay or broker: what listens at --url");
DEFINE_string(url, "", "unix:/path or tcp://127.0.0.1:port");
DEFINE_string(mode, "throughput", "throughput, latency, request or idle");
DEFINE_int32(payload_bytes, 64, "payload of each frame");
DEFINE_int32(subscribers, 1, "throughput: subscriber processes");
DEFINE_int32(write_bytes, 256 << 10, "throughput: one write of the publisher");
DEFINE_int32(sessions, 10'000, "idle: how many sessions");
DEFINE_double(seconds, 2, "how long to measure");
DEFINE_double(warm_up_seconds, 0.5, "how long to run before that");
DEFINE_int32(pin, -1, "run all processes on this CPU; -1: on any");

namespace mycelium::bench {
namespace {

constexpr uint16_t kForwardType = 1;
constexpr uint16_t kReturnType = 2;
// How late a process may see that the time is over.
constexpr int64_t kTimeoutMs = 100;
// Descriptors that are not sessions.
constexpr rlim_t kOtherDescriptors = 64;

bool TargetIsBroker() { return FLAGS_target == "broker"; }

FrameHeader HeaderOf(uint16_t type_id, DataKind kind) {
  return {.body_bytes = static_cast<uint32_t>(FLAGS_payload_bytes),
          .type_id = type_id,
          .kind = static_cast<uint8_t>(kind),
          .topic_bytes = 0,
          .id = 0};  // of PUBLISH: not counted, no ACK is asked for
}

FrameHeader PublishHeader(uint16_t type_id) {
  return HeaderOf(type_id, DataKind::kPublish);
}

std::vector<uint8_t> PublishFrames(uint16_t type_id, size_t frames) {
  FrameHeader header = PublishHeader(type_id);
  size_t frame_bytes = size_t{kHeaderBytes} + header.body_bytes;
  std::vector<uint8_t> bytes(frames * frame_bytes, 0xa5);
  for (size_t at = 0; at < bytes.size(); at += frame_bytes)
    StoreHeader(header, bytes.data() + at);
  return bytes;
}

// Connected to the target and greeted.
int OpenConnection(const std::string& name, RelayRole role) {
  int descriptor = Connect(FLAGS_url);
  if (TargetIsBroker()) {
    OpenSession(descriptor, name);
    return descriptor;
  }
  uint8_t byte = static_cast<uint8_t>(role);
  WriteAll(descriptor, {&byte, 1});
  ReadAll(descriptor, {&byte, 1});
  return descriptor;
}

// A connection's incoming side: walks data frames, answers control frames.
class Reader {
 public:
  // `expected`: the frames that come, but for their ids.
  Reader(int descriptor, const FrameHeader& expected)
      : descriptor_(descriptor),
        walker_(
            expected,
            TargetIsBroker() &&
                    expected.kind == static_cast<uint8_t>(DataKind::kPublish)
                ? FrameIds::kCounted
                : FrameIds::kIgnored,
            [this](const FrameHeader& header, std::span<const uint8_t> body) {
              OnControl(header, body);
            }) {}
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // False when the peer is gone.
  bool Read(int flags = 0) {
    ptrdiff_t got = ReadSome(descriptor_, walker_.Room(), flags);
    if (got < 0) return false;
    if (got > 0 && !walker_.Walk(static_cast<size_t>(got)))
      Fail("frame: neither the expected one nor control");
    return true;
  }

  const FrameWalker& walker() const { return walker_; }

 private:
  void OnControl(const FrameHeader& header, std::span<const uint8_t> body) {
    int body_bytes = static_cast<int>(body.size());
    switch (static_cast<ControlKind>(header.kind)) {
      case ControlKind::kPing:
        WritePong(descriptor_, header.id);
        return;
      case ControlKind::kGap: {
        wire::Gap gap;
        if (!gap.ParseFromArray(body.data(), body_bytes))
          Fail("broker: GAP can not be parsed");
        for (const wire::Gap::Range& range : gap.ranges())
          walker_.AddReported(range.frames(), range.first_sequence(),
                              range.last_sequence());
        return;
      }
      case ControlKind::kClose: {
        wire::Close close;
        close.ParseFromArray(body.data(), body_bytes);
        Fail("broker: closed the session: " + close.reason());
      }
      default:
        return;  // HOLD, RELEASE: what is sent regardless is not read
    }
  }

  int descriptor_;
  FrameWalker walker_;
};

// --- Throughput -------------------------------------------------------------

struct SubscriberResult {
  uint64_t frames;
  int64_t elapsed_ns;
  uint64_t reported_frames;
  uint64_t unexplained_frames;
};

// Shared by all processes.
struct Window {
  std::atomic<int64_t> begin_ns;
  std::atomic<int64_t> end_ns;
  SubscriberResult results[];
};
static_assert(std::atomic<int64_t>::is_always_lock_free);

void RunSubscriber(const Window& window, const ChildProcess::Ready& ready,
                   SubscriberResult* result) {
  int descriptor = OpenConnection("bench subscriber", RelayRole::kSubscriber);
  if (TargetIsBroker()) SubscribeToType(descriptor, kForwardType);
  SetReceiveTimeout(descriptor, kTimeoutMs);
  auto reader =
      std::make_unique<Reader>(descriptor, PublishHeader(kForwardType));
  const FrameWalker& walker = reader->walker();
  ready();
  // The window's moments are known once the publisher may begin.
  int64_t from_ns = 0;
  while (from_ns == 0) {
    if (!reader->Read()) Fail("subscriber: the target closed the connection");
    int64_t now_ns = MonotonicNs();
    if (now_ns >= window.begin_ns) from_ns = now_ns;
  }
  uint64_t from_frames = walker.frames();
  int64_t now_ns = from_ns;
  while (now_ns < window.end_ns) {
    if (!reader->Read()) Fail("subscriber: the target closed the connection");
    now_ns = MonotonicNs();
  }
  *result = {.frames = walker.frames() - from_frames,
             .elapsed_ns = now_ns - from_ns,
             .reported_frames = walker.reported_frames(),
             .unexplained_frames = walker.unexplained_frames()};
}

void RunPublisher(const Window& window, const ChildProcess::Ready& ready) {
  int descriptor = OpenConnection("bench publisher", RelayRole::kPublisher);
  SetSendTimeout(descriptor, kTimeoutMs);
  size_t frame_bytes =
      size_t{kHeaderBytes} + static_cast<size_t>(FLAGS_payload_bytes);
  size_t write_bytes = static_cast<size_t>(FLAGS_write_bytes);
  std::vector<uint8_t> frames = PublishFrames(
      kForwardType, std::max<size_t>(write_bytes / frame_bytes, 1));
  auto reader =
      std::make_unique<Reader>(descriptor, PublishHeader(kForwardType));
  ready();
  std::span<const uint8_t> rest;
  while (MonotonicNs() < window.end_ns) {
    // Control frames are answered where a frame of ours has ended.
    if (rest.empty()) {
      if (!reader->Read(MSG_DONTWAIT)) return;
      rest = frames;
    }
    ptrdiff_t sent = WriteSome(descriptor, rest);
    if (sent < 0) return;
    rest = rest.subspan(static_cast<size_t>(sent));
  }
}

void PrintThroughput(const SubscriberResult* results) {
  double frames_per_second = 0;
  uint64_t frames = 0, reported = 0, unexplained = 0;
  for (int i = 0; i < FLAGS_subscribers; ++i) {
    frames += results[i].frames;
    reported += results[i].reported_frames;
    unexplained += results[i].unexplained_frames;
    frames_per_second += static_cast<double>(results[i].frames) * 1e9 /
                         static_cast<double>(results[i].elapsed_ns);
  }
  absl::PrintF(
      "{\"mode\":\"throughput\",\"target\":\"%s\",\"payload_bytes\":%d,"
      "\"subscribers\":%d,\"seconds\":%.3f,\"delivered\":%d,"
      "\"delivered_per_second\":%.0f,\"bytes_per_second\":%.0f,"
      "\"lost\":%d,\"lost_unexplained\":%d}\n",
      FLAGS_target, FLAGS_payload_bytes, FLAGS_subscribers, FLAGS_seconds,
      frames, frames_per_second,
      frames_per_second * (kHeaderBytes + FLAGS_payload_bytes),
      reported + unexplained, unexplained);
}

void RunThroughput() {
  auto subscribers = static_cast<size_t>(FLAGS_subscribers);
  auto* window = static_cast<Window*>(
      SharedMemory(sizeof(Window) + subscribers * sizeof(SubscriberResult)));
  window->begin_ns = std::numeric_limits<int64_t>::max();
  window->end_ns = std::numeric_limits<int64_t>::max();
  std::vector<ChildProcess> children;
  for (size_t i = 0; i < subscribers; ++i)
    children.emplace_back([&](const ChildProcess::Ready& ready) {
      RunSubscriber(*window, ready, &window->results[i]);
    });
  for (ChildProcess& child : children) child.WaitReady();
  children.emplace_back(
      [&](const ChildProcess::Ready& ready) { RunPublisher(*window, ready); });
  children.back().WaitReady();
  int64_t begin_ns =
      MonotonicNs() + static_cast<int64_t>(FLAGS_warm_up_seconds * 1e9);
  window->begin_ns = begin_ns;
  window->end_ns = begin_ns + static_cast<int64_t>(FLAGS_seconds * 1e9);
  for (ChildProcess& child : children) child.Wait();
  PrintThroughput(window->results);
}

// --- Latency ----------------------------------------------------------------

// One end of the ping-pong.
class Partner {
 public:
  Partner(const std::string& name, const FrameHeader& sent,
          const FrameHeader& received)
      : descriptor_(OpenConnection(name, RelayRole::kPartner)),
        frame_(size_t{kHeaderBytes} + sent.body_bytes, 0xa5),
        reader_(descriptor_, received) {
    StoreHeader(sent, frame_.data());
    if (!TargetIsBroker()) return;
    if (received.kind == static_cast<uint8_t>(DataKind::kPublish)) {
      SubscribeToType(descriptor_, received.type_id);
    } else if (received.kind == static_cast<uint8_t>(DataKind::kRequest)) {
      RespondToType(descriptor_, received.type_id);
    }
  }

  void Send(uint64_t id) {
    StoreId(id, frame_.data());
    WriteAll(descriptor_, frame_);
  }

  // False when the target is gone.
  bool Receive() {
    uint64_t frames = reader_.walker().frames();
    while (reader_.walker().frames() == frames)
      if (!reader_.Read()) return false;
    return true;
  }

  uint64_t received_id() const { return reader_.walker().last_id(); }
  uint64_t unexplained_frames() const {
    return reader_.walker().unexplained_frames();
  }

 private:
  int descriptor_;
  std::vector<uint8_t> frame_;
  Reader reader_;
};

// A publishes to B and B to A, or A asks and B answers.
void RunLatency(bool request) {
  const FrameHeader forward =
      HeaderOf(kForwardType, request ? DataKind::kRequest : DataKind::kPublish);
  const FrameHeader back =
      HeaderOf(kReturnType, request ? DataKind::kReply : DataKind::kPublish);
  // Never waited for: it ends with this process.
  ChildProcess echo([&](const ChildProcess::Ready& ready) {
    Partner partner("bench echo", back, forward);
    ready();
    while (partner.Receive()) partner.Send(request ? partner.received_id() : 0);
  });
  echo.WaitReady();
  Partner partner("bench ping", forward, back);
  LatencySummary round_trips;
  round_trips.Reserve(1 << 20);
  uint64_t requests = 0;
  int64_t begin_ns =
      MonotonicNs() + static_cast<int64_t>(FLAGS_warm_up_seconds * 1e9);
  int64_t end_ns = begin_ns + static_cast<int64_t>(FLAGS_seconds * 1e9);
  for (int64_t sent_ns = MonotonicNs(); sent_ns < end_ns;) {
    partner.Send(request ? ++requests : 0);
    if (!partner.Receive()) Fail("latency: the target closed the connection");
    int64_t now_ns = MonotonicNs();
    if (sent_ns >= begin_ns) round_trips.Add(now_ns - sent_ns);
    sent_ns = now_ns;
  }
  if (request && partner.received_id() != requests)
    Fail(absl::StrFormat("request: the answer to %d, expected %d",
                         partner.received_id(), requests));
  absl::PrintF(
      "{\"mode\":\"%s\",\"target\":\"%s\",\"payload_bytes\":%d,"
      "\"round_trips\":%d,\"lost_unexplained\":%d,\"round_trip_us\":%s,"
      "\"one_way_us\":%s}\n",
      FLAGS_mode, FLAGS_target, FLAGS_payload_bytes, round_trips.samples(),
      partner.unexplained_frames(), round_trips.JsonUs(1),
      round_trips.JsonUs(2));
}

// --- Idle sessions ----------------------------------------------------------

void RunIdle() {
  if (!TargetIsBroker()) Fail("--mode idle: --target broker is allowed");
  rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) FailErrno("open files");
  files.rlim_cur = files.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &files) != 0) FailErrno("open files");
  auto sessions = static_cast<rlim_t>(FLAGS_sessions);
  if (sessions + kOtherDescriptors > files.rlim_max)
    Fail(absl::StrFormat("--sessions: %d, the limit on open files is %d",
                         sessions, files.rlim_max));
  for (rlim_t i = 0; i < sessions; ++i) OpenSession(Connect(FLAGS_url), "idle");
  absl::PrintF("{\"mode\":\"idle\",\"sessions\":%d}\n", sessions);
  std::fflush(stdout);
  char byte;
  while (read(STDIN_FILENO, &byte, 1) > 0) {
  }
}

void CheckFlags() {
  if (FLAGS_mode == "request" && !TargetIsBroker())
    Fail("--mode request: --target broker is allowed");
  if (FLAGS_target != "relay" && FLAGS_target != "broker")
    Fail("--target: " + FLAGS_target + ", relay or broker is allowed");
  if (FLAGS_payload_bytes < 0 ||
      FLAGS_payload_bytes + size_t{kHeaderBytes} > kWalkedFrameBytesMax)
    Fail(absl::StrFormat("--payload_bytes: %d, 0 to %d is allowed",
                         FLAGS_payload_bytes,
                         kWalkedFrameBytesMax - kHeaderBytes));
  if (FLAGS_subscribers < 1 || FLAGS_write_bytes < 1 || FLAGS_sessions < 1 ||
      FLAGS_seconds <= 0 || FLAGS_warm_up_seconds < 0)
    Fail("flags: a count or a time below its least value");
}

void Run() {
  CheckFlags();
  PinToCpu(FLAGS_pin);
  if (FLAGS_mode == "throughput") {
    RunThroughput();
  } else if (FLAGS_mode == "latency") {
    RunLatency(/*request=*/false);
  } else if (FLAGS_mode == "request") {
    RunLatency(/*request=*/true);
  } else if (FLAGS_mode == "idle") {
    RunIdle();
  } else {
    Fail("--mode: " + FLAGS_mode +
         ", throughput, latency, request or idle is"
         " allowed");
  }
}

}  // namespace
}  // namespace mycelium::bench

int main(int argc, char** argv) {
  gflags::SetUsageMessage("the same raw load for a relay and for a broker");
  gflags::ParseCommandLineFlags(&argc, &argv, true);
  mycelium::bench::Run();
}
