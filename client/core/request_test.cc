// Requests of a socket client: what is on the wire, how each ends, and that it
// does so once.

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "client/core/client.h"
#include "client/core/request_fixture.h"
#include "config/limits.h"
#include "gtest/gtest.h"
#include "proto/mycelium/control.pb.h"

namespace mycelium::core {
namespace {

// --- Asking -----------------------------------------------------------------

TEST_F(RequestTest, ReplyEndsTheRequestWithItsNumber) {
  Log log;
  const WireFrame one = Ask(&log, {.topic = "a.b"});
  EXPECT_EQ(one.header.kind, kRequest);
  EXPECT_EQ(one.header.type_id, 7);
  EXPECT_EQ(one.topic, "a.b");
  EXPECT_EQ(one.payload, "question");
  const WireFrame two = Ask(&log);
  EXPECT_NE(one.header.id, 0u);
  EXPECT_NE(one.header.id, two.header.id);
  EXPECT_LE(two.header.id, UINT32_MAX);
  broker_->Send(ReplyFrame(two.header.id, "2") +
                ReplyFrame(one.header.id, "1"));
  EXPECT_EQ(log.Lines(2), (Lines{"0 2", "0 1"}));
}

TEST_F(RequestTest, ReplyIsOfItsOwnType) {
  std::promise<Message> got;
  ASSERT_TRUE(client_
                  ->Request(
                      7, AsBytes("x"), {},
                      [&](const Status&, const Message* reply) {
                        got.set_value(*reply);
                      },
                      nullptr)
                  .ok());
  broker_->Send(ReplyFrame(broker_->Read().header.id, "y", 9));
  const Message reply = got.get_future().get();
  EXPECT_EQ(reply.type_id, 9);
  EXPECT_EQ(reply.kind, DataKind::kReply);
  EXPECT_EQ(reply.sequence, 0u);
}

TEST_F(RequestTest, ErrorReplyIsTheRespondersStatus) {
  Log log;
  broker_->Send(ErrorFrame(Ask(&log).header.id, 9, "not today"));
  broker_->Send(FrameOfKind(kErrorReply, 7, {}, "\xff", Ask(&log).header.id));
  EXPECT_EQ(log.Lines(2),
            (Lines{"9 not today",
                   "13 request: an error of 1 bytes that is not a RequestError "
                   "message"}));
}

TEST_F(RequestTest, ForgedAndDuplicateRepliesAreCountedAndIgnored) {
  Log log;
  const uint64_t id = Ask(&log).header.id;
  broker_->Send(ReplyFrame(id + 1, "forged") +
                ReplyFrame(id | uint64_t{12} << 32, "forged") +
                ErrorFrame(0, 5, "forged") + ReplyFrame(id, "right") +
                ReplyFrame(id, "again"));
  EXPECT_EQ(log.Lines(1), Lines{"0 right"});
  EXPECT_TRUE(
      Eventually([&] { return client_->counters().replies_late == 4; }));
  EXPECT_EQ(log.Lines(1), Lines{"0 right"});
}

TEST_F(RequestTest, DeadlineEndsItAndTellsTheBroker) {
  Log log;
  const uint64_t id = Ask(&log, {.deadline = Soon()}).header.id;
  EXPECT_EQ(log.Lines(1), Lines{"4 request: no answer before the deadline"});
  const WireFrame cancel = broker_->Read();
  EXPECT_TRUE(cancel.Is(ControlKind::kCancel));
  EXPECT_EQ(cancel.header.id, id);
  broker_->Send(ReplyFrame(id, "late"));
  EXPECT_TRUE(
      Eventually([&] { return client_->counters().replies_late == 1; }));
}

TEST_F(RequestTest, NearerDeadlineComesFirst) {
  Log log;
  const WireFrame far = Ask(&log, {.deadline = Late()});
  const WireFrame near = Ask(&log, {.deadline = Soon()});
  EXPECT_EQ(log.Lines(1), Lines{"4 request: no answer before the deadline"});
  EXPECT_EQ(broker_->ReadControl(ControlKind::kCancel).header.id,
            near.header.id);
  broker_->Send(ReplyFrame(far.header.id, "in time"));
  EXPECT_EQ(log.Lines(2)[1], "0 in time");
}

TEST_F(RequestTest, DeadlineThatHasPassedBeginsNothing) {
  Log log;
  const Status status =
      client_->Request(7, {}, {.deadline = Clock::now()}, Note(&log), nullptr);
  EXPECT_EQ(status.code, StatusCode::kDeadlineExceeded);
  EXPECT_EQ(broker_->UnreadBytes(), 0u);
}

TEST_F(RequestTest, CancelEndsItOnceAndTellsTheBroker) {
  Log log;
  uint64_t call = 0;
  const uint64_t id = Ask(&log, {}, &call).header.id;
  client_->Cancel(call);
  client_->Cancel(call);
  client_->Cancel(call + 1);
  EXPECT_EQ(log.Lines(1), Lines{"1 request: cancelled"});
  EXPECT_EQ(broker_->ReadControl(ControlKind::kCancel).header.id, id);
  EXPECT_EQ(broker_->UnreadBytes(), 0u);
}

TEST_F(RequestTest, CancelAfterTheReplyDoesNothing) {
  Log log;
  uint64_t call = 0;
  broker_->Send(ReplyFrame(Ask(&log, {}, &call).header.id, "y"));
  EXPECT_EQ(log.Lines(1), Lines{"0 y"});
  client_->Cancel(call);
  EXPECT_EQ(log.Lines(1), Lines{"0 y"});
  EXPECT_EQ(broker_->UnreadBytes(), 0u);
}

TEST_F(RequestTest, CancellationAndReplyAndDeadlineEndItOnceBetweenThem) {
  for (int round = 0; round < 200; ++round) {
    std::atomic<int> ends{0};
    uint64_t call = 0;
    ASSERT_TRUE(
        client_
            ->Request(
                7, AsBytes("x"),
                {.deadline = Clock::now() + std::chrono::microseconds(200)},
                [&](const Status&, const Message*) { ++ends; }, &call)
            .ok());
    WireFrame asked = broker_->Read();
    while (asked.header.kind != kRequest) asked = broker_->Read();
    std::thread cancelling([&] { client_->Cancel(call); });
    broker_->Send(ReplyFrame(asked.header.id, "y"));
    cancelling.join();
    // Behind the reply, so that nothing of this round is on its way.
    std::thread flushing([&] { broker_->AnswerFlush(); });
    EXPECT_TRUE(client_->Flush(Late()).ok());
    flushing.join();
    EXPECT_TRUE(Eventually([&] { return ends.load() == 1; }));
  }
}

TEST_F(RequestTest, LostConnectionEndsIt) {
  Log log;
  Ask(&log);
  broker_->Hangup();
  EXPECT_EQ(log.Lines(1), Lines{"14 connection to " + broker_->url() +
                                " lost: end of the stream without CLOSE"});
  EXPECT_EQ(client_->Request(7, {}, {}, Note(&log), nullptr).code,
            StatusCode::kUnavailable);
}

TEST_F(RequestTest, CloseEndsIt) {
  Log log;
  Ask(&log);
  std::thread closing([&] { client_->Close(); });
  EXPECT_EQ(log.Lines(1), Lines{"1 client: closed by its owner"});
  broker_->ReadControl(ControlKind::kClose);
  broker_->Hangup();
  closing.join();
}

TEST_F(RequestTest, ArgumentsThatCannotBe) {
  const auto words = [&](uint16_t type_id, std::string_view topic,
                         std::span<const uint8_t> payload) {
    const Status status = client_->Request(
        type_id, payload, {.topic = topic}, [](auto&, auto) {}, nullptr);
    EXPECT_EQ(status.code, StatusCode::kInvalidArgument);
    return status.message;
  };
  EXPECT_EQ(words(0, {}, {}), "request: type_id 0, allowed 1 to 65535");
  EXPECT_EQ(words(7, "a.*", {}),
            "request: topic of 3 bytes, allowed 1 to 255 bytes of UTF-8 "
            "without NUL, empty tokens and wildcards");
  const std::string large(kFrameBytesMaxDefault + 1, 'x');
  EXPECT_EQ(words(7, {}, AsBytes(large)),
            "request: body_bytes 1048577, frame_bytes_max 1048576");
}

TEST_F(RequestTest, HeldTypeDoesNotHoldRequests) {
  Hold(7);
  Log log;
  ASSERT_TRUE(client_->Request(7, AsBytes("x"), {}, Note(&log), nullptr).ok());
  WireFrame frame = broker_->Read();
  while (frame.header.kind != kRequest) frame = broker_->Read();
  broker_->Send(ReplyFrame(frame.header.id, "y"));
  EXPECT_EQ(log.Lines(1), Lines{"0 y"});
}

TEST_F(RequestTest, FullOutboxKeepsARequestUntilItsDeadline) {
  FillOutbox();
  Log log;
  const std::string payload(20'000, 'x');
  const Status status = client_->Request(
      7, AsBytes(payload), {.deadline = Soon()}, Note(&log), nullptr);
  EXPECT_EQ(status.code, StatusCode::kDeadlineExceeded);
  EXPECT_EQ(status.message.find("request: would block, "), 0u)
      << status.message;
}

// --- Waiting ----------------------------------------------------------------

TEST_F(RequestTest, WaitingCallReturnsAfterItsReplyOnItsOwnThread) {
  std::thread answering(
      [&] { broker_->Send(ReplyFrame(broker_->Read().header.id, "y")); });
  std::thread::id on;
  std::string reply;
  const Status status = client_->Request(
      7, AsBytes("x"), {.wait = true},
      [&](const Status&, const Message* message) {
        on = std::this_thread::get_id();
        reply = Text(*message);
      },
      nullptr);
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(reply, "y");
  EXPECT_EQ(on, std::this_thread::get_id());
  answering.join();
}

TEST_F(RequestTest, WaitingCallEndsAtItsDeadline) {
  Log log;
  EXPECT_TRUE(client_
                  ->Request(7, {}, {.deadline = Soon(), .wait = true},
                            Note(&log), nullptr)
                  .ok());
  EXPECT_EQ(log.Lines(1), Lines{"4 request: no answer before the deadline"});
  broker_->ReadControl(ControlKind::kCancel);
}

TEST_F(RequestTest, WaitingCallWorksWithinACallback) {
  Log log;
  const auto subscription =
      Subscribe({.type_id = 3}, {.on_message = [&](const Message& message) {
                  const Status status = client_->Request(
                      7, message.payload, {.wait = true}, Note(&log), nullptr);
                  EXPECT_TRUE(status.ok()) << status.message;
                  log.Add("after " + Text(message));
                }});
  broker_->Send(DataFrame(3, {}, "1", 1) + DataFrame(3, {}, "2", 2));
  for (const char* const reply : {"a", "b"}) {
    broker_->Send(ReplyFrame(broker_->Read().header.id, reply));
  }
  EXPECT_EQ(log.Lines(4), (Lines{"0 a", "after 1", "0 b", "after 2"}));
}

TEST_F(RequestTest, WaitingCallWithinACallbackEndsAtItsDeadlineOrByCancel) {
  Log log;
  uint64_t number = 0;
  const auto subscription =
      Subscribe({.type_id = 3}, {.on_message = [&](const Message& message) {
                  const bool late = Text(message) == "late";
                  const Deadline deadline = late ? Soon() : kNoDeadline;
                  const Status status = client_->Request(
                      7, {}, {.deadline = deadline, .wait = true}, Note(&log),
                      late ? nullptr : &number);
                  EXPECT_TRUE(status.ok()) << status.message;
                }});
  broker_->Send(DataFrame(3, {}, "late", 1) + DataFrame(3, {}, "cancel", 2));
  EXPECT_EQ(log.Lines(1), Lines{"4 request: no answer before the deadline"});
  WireFrame asked = broker_->ReadControl(ControlKind::kCancel);
  asked = broker_->Read();
  EXPECT_EQ(asked.header.kind, kRequest);
  // The number on the wire is the low half of the call.
  client_->Cancel(asked.header.id);
  EXPECT_EQ(log.Lines(2)[1], "1 request: cancelled");
}

TEST_F(RequestTest, OtherRepliesWaitForTheEndOfTheCallback) {
  Log log;
  uint64_t other = 0;
  const auto subscription = Subscribe(
      {.type_id = 3}, {.on_message = [&](const Message&) {
        EXPECT_TRUE(
            client_->Request(7, {}, {.wait = true}, Note(&log), nullptr).ok());
        log.Add("after");
      }});
  other = Ask(&log).header.id;
  broker_->Send(DataFrame(3, {}, "x", 1));
  const uint64_t waiting = broker_->Read().header.id;
  broker_->Send(ReplyFrame(other, "other") + ReplyFrame(waiting, "waiting"));
  EXPECT_EQ(log.Lines(3), (Lines{"0 waiting", "after", "0 other"}));
}

TEST_F(RequestTest, ReplyArrivesWhileAQueueIsFull) {
  Log log;
  const auto full = Subscribe(
      {.type_id = 3,
       .policy = {.queue_bytes_max = kQueueBytesMin, .stall_ms_max = -1}},
      {});
  const uint64_t id = Ask(&log).header.id;
  std::string frames;
  for (uint64_t i = 1; i <= 3 * kQueueBytesMin / 1000; ++i) {
    frames += DataFrame(3, {}, std::string(1000, 'x'), i);
  }
  broker_->Send(frames + ReplyFrame(id, "y"));
  EXPECT_EQ(log.Lines(1), Lines{"0 y"});
  const Status status =
      client_->Request(7, {}, {.deadline = Soon()}, Note(&log), nullptr);
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(log.Lines(2)[1], "4 request: no answer before the deadline");
}

TEST_F(RequestTest, RequestsGoOnAfterTheConnectionIsMadeAgain) {
  Log log;
  const uint64_t old = Ask(&log).header.id;
  broker_->Greet({.resumed = true});
  EXPECT_EQ(log.Lines(1)[0].substr(0, 3), "14 ");
  EXPECT_TRUE(Eventually([&] {
    return client_->Request(7, AsBytes("again"), {}, Note(&log), nullptr).ok();
  }));
  const WireFrame again = broker_->Read();
  EXPECT_EQ(again.payload, "again");
  broker_->Send(ReplyFrame(old, "old") + ReplyFrame(again.header.id, "new"));
  EXPECT_EQ(log.Lines(2)[1], "0 new");
  EXPECT_EQ(client_->counters().replies_late, 1u);
}

}  // namespace
}  // namespace mycelium::core
