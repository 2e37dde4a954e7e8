#include "client/core/session.h"

#include <algorithm>
#include <string>
#include <vector>

#include "config/limits.h"
#include "gtest/gtest.h"
#include "proto/mycelium/control.pb.h"

namespace mycelium::core {
namespace {

Bytes Frame(const FrameHeader& header, std::string_view body) {
  FrameHeader sized = header;
  sized.body_bytes = static_cast<uint32_t>(body.size());
  Bytes bytes(kHeaderBytes + body.size());
  StoreHeader(sized, bytes.data());
  std::copy(body.begin(), body.end(), bytes.begin() + kHeaderBytes);
  return bytes;
}

Bytes Control(ControlKind kind, std::string_view body = {}, uint64_t id = 0) {
  return Frame({0, 0, static_cast<uint8_t>(kind), 0, id}, body);
}

template <typename Body>
Bytes ControlOf(ControlKind kind, const Body& body, uint64_t id = 0) {
  return Control(kind, body.SerializeAsString(), id);
}

Bytes Data(uint16_t type_id, std::string_view topic, std::string_view payload,
           uint64_t id) {
  return Frame({0, type_id, 1, static_cast<uint8_t>(topic.size()), id},
               std::string(topic) + std::string(payload));
}

Bytes Welcome(uint32_t frame_bytes_max = 1024) {
  mycelium::wire::Welcome welcome;
  welcome.set_version_major(1);
  welcome.set_session_id(12);
  welcome.set_epoch(5);
  welcome.set_broker_name("b");
  welcome.set_broker_version("0.1");
  welcome.mutable_limits()->set_frame_bytes_max(frame_bytes_max);
  welcome.mutable_limits()->set_idle_timeout_ms(30'000);
  welcome.mutable_limits()->set_publish_bytes_max(1 << 20);
  return ControlOf(ControlKind::kWelcome, welcome);
}

Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

// Each event as a line; a run as one line for each of its frames.
struct Describe {
  std::vector<std::string>* lines;

  void operator()(const Session::NeedMore&) {}
  void operator()(const FrameRun& run) {
    for (size_t at = 0; at < run.bytes.size();) {
      const uint8_t* bytes = run.bytes.data() + at;
      const FrameView frame{LoadHeader(bytes), bytes};
      lines->push_back("frame " + std::to_string(frame.header.type_id) + " " +
                       std::string(frame.topic()) + " " +
                       std::to_string(frame.payload().size()) + " #" +
                       std::to_string(frame.header.id));
      at += frame.frame_bytes();
    }
  }
  void operator()(const SchemaBody& body) {
    lines->push_back("schema " + std::to_string(body.schema_digest.size()) +
                     " " + std::to_string(body.descriptor_set.size()));
  }
  void operator()(const WelcomeBody& body) {
    lines->push_back("welcome " + body.broker.name + " " + body.broker.version +
                     " " + std::to_string(body.broker.epoch) + " " +
                     std::to_string(body.broker.session_id) + " " +
                     std::to_string(body.broker.frame_bytes_max) + " " +
                     std::to_string(body.idle_timeout_ms) + " " +
                     std::to_string(body.publish_bytes_max));
  }
  void operator()(const Session::Subscribed& subscribed) {
    lines->push_back("subscribed #" + std::to_string(subscribed.request_id) +
                     " " + std::to_string(subscribed.body.subscription_id) +
                     " " + CodeName(subscribed.body.code) + " " +
                     subscribed.body.reason);
  }
  void operator()(const UnsubscribedBody& body) {
    lines->push_back("unsubscribed " + std::to_string(body.subscription_id));
  }
  void operator()(const GapBody& body) {
    std::string line = "gap " + std::to_string(body.subscription_id) +
                       " reason " +
                       std::to_string(static_cast<int>(body.gap.reason));
    for (const core::Gap::Range& range : body.gap.ranges) {
      line += " " + std::to_string(range.type_id) + ":" +
              std::to_string(range.frames) + " in " +
              std::to_string(range.first_sequence) + "-" +
              std::to_string(range.last_sequence);
    }
    lines->push_back(line);
  }
  void operator()(const AckBody& body) {
    lines->push_back("ack " + std::to_string(body.publish_id));
  }
  void operator()(const HoldBody& body) {
    lines->push_back("hold " + std::to_string(body.type_id) + " by " +
                     std::to_string(body.by_session_id) + " " + body.by_name);
  }
  void operator()(const ReleaseBody& body) {
    lines->push_back("release " + std::to_string(body.type_id));
  }
  void operator()(const Session::Flushed& flushed) {
    lines->push_back("flushed #" + std::to_string(flushed.request_id));
  }
  void operator()(const Session::Ping& ping) {
    lines->push_back("ping #" + std::to_string(ping.id));
  }
  void operator()(const Session::Cancel& cancel) {
    lines->push_back("cancel #" + std::to_string(cancel.id));
  }
  void operator()(const AddresseeBody& body) {
    lines->push_back("addressee " + std::to_string(body.subscription_id));
  }
  void operator()(const Session::Pong& pong) {
    lines->push_back("pong #" + std::to_string(pong.request_id));
  }
  void operator()(const Session::AdminReply& reply) {
    lines->push_back("admin #" + std::to_string(reply.request_id) + " " +
                     std::string(reply.body.begin(), reply.body.end()));
  }
  void operator()(const CloseBody& body) {
    lines->push_back("close " + CodeName(body.code) + " " + body.reason);
  }
  void operator()(const Session::ProtocolError& error) {
    lines->push_back("error " + error.reason);
  }
};

bool IsFinal(const Session::Event& event) {
  return std::holds_alternative<CloseBody>(event) ||
         std::holds_alternative<Session::ProtocolError>(event);
}

// Hands `bytes` over in pieces of `piece_bytes`.
std::vector<std::string> Feed(const Bytes& bytes, size_t piece_bytes) {
  Session session;
  std::vector<std::string> lines;
  size_t begin = 0;
  for (size_t end = 0; end < bytes.size();) {
    end = std::min(end + piece_bytes, bytes.size());
    while (true) {
      // A copy of its own, so that reading beyond it is noticed.
      const Bytes input(bytes.begin() + begin, bytes.begin() + end);
      Session::Event event;
      const size_t consumed = session.Next(input, &event);
      std::visit(Describe{&lines}, event);
      if (IsFinal(event)) return lines;
      if (consumed == 0) break;
      begin += consumed;
    }
  }
  return lines;
}

// Behind WELCOME; one byte at a time it must be the same.
std::vector<std::string> Events(const Bytes& bytes) {
  const Bytes all = Welcome() + bytes;
  std::vector<std::string> lines = Feed(all, all.size());
  EXPECT_EQ(lines, Feed(all, 1));
  EXPECT_EQ(lines[0], "welcome b 0.1 5 12 1024 30000 1048576");
  lines.erase(lines.begin());
  return lines;
}

std::string Event(const Bytes& bytes) {
  const std::vector<std::string> lines = Events(bytes);
  EXPECT_EQ(lines.size(), 1u);
  return lines.empty() ? "" : lines[0];
}

std::string GreetingEvent(const Bytes& bytes) {
  const std::vector<std::string> lines = Feed(bytes, bytes.size());
  EXPECT_EQ(lines, Feed(bytes, 1));
  return lines.empty() ? "" : lines[0];
}

TEST(Session, DataFramesOfOneRouteAreOneRun) {
  const Bytes same = Data(7, "a.b", "12345678", 1) + Data(7, "a.b", "", 2) +
                     Data(7, "a.b", "12345678", 3);
  const Bytes all = Welcome() + same + Data(7, "a.c", "12345678", 4);
  Session session;
  Session::Event event;
  const size_t welcome_bytes = session.Next(all, &event);
  EXPECT_EQ(session.Next(std::span(all).subspan(welcome_bytes), &event),
            same.size());
  ASSERT_TRUE(std::holds_alternative<FrameRun>(event));
  EXPECT_EQ(std::get<FrameRun>(event).topic(), "a.b");
  EXPECT_EQ(std::get<FrameRun>(event).first().id, 1u);
}

TEST(Session, FramesOfDifferentRoutesStayInOrder) {
  EXPECT_EQ(Events(Data(7, "", "x", 1) + Data(8, "", "x", 1) +
                   Data(7, "a", "", 2) + Data(7, "b", "", 3) +
                   Data(7, "ab", "", 4) + Data(7, "", "xyz", 5)),
            (std::vector<std::string>{"frame 7  1 #1", "frame 8  1 #1",
                                      "frame 7 a 0 #2", "frame 7 b 0 #3",
                                      "frame 7 ab 0 #4", "frame 7  3 #5"}));
}

TEST(Session, RunEndsBeforeAFrameThatIsNotInOrder) {
  Bytes too_large = Data(7, "", std::string(1025, 'x'), 2);
  EXPECT_EQ(Events(Data(7, "", "x", 1) + too_large),
            (std::vector<std::string>{
                "frame 7  1 #1",
                "error frame: body_bytes 1025, frame_bytes_max 1024"}));
  Bytes short_body = Data(7, "ab", "", 2);
  short_body[0] = 1;
  EXPECT_EQ(
      Events(Data(7, "ab", "x", 1) + short_body),
      (std::vector<std::string>{"frame 7 ab 1 #1",
                                "error frame: topic_bytes 2, body_bytes 1"}));
}

TEST(Session, NeedMoreSaysHowMuchOnceTheHeaderIsThere) {
  const Bytes welcome = Welcome();
  Session session;
  Session::Event event;
  EXPECT_EQ(session.Next(std::span(welcome).first(15), &event), 0u);
  EXPECT_EQ(std::get<Session::NeedMore>(event).frame_bytes, 0u);
  EXPECT_EQ(session.Next(std::span(welcome).first(16), &event), 0u);
  EXPECT_EQ(std::get<Session::NeedMore>(event).frame_bytes, welcome.size());
}

TEST(Session, EveryAnswerCarriesItsRequest) {
  mycelium::wire::Subscribed subscribed;
  subscribed.set_subscription_id(3);
  EXPECT_EQ(Event(ControlOf(ControlKind::kSubscribed, subscribed, 41)),
            "subscribed #41 3 CODE_OK ");
  subscribed.set_code(wire::CODE_DENIED);
  subscribed.set_reason("type 7");
  EXPECT_EQ(Event(ControlOf(ControlKind::kSubscribed, subscribed, 42)),
            "subscribed #42 3 CODE_DENIED type 7");
  EXPECT_EQ(Event(Control(ControlKind::kFlushed, {}, 43)), "flushed #43");
  EXPECT_EQ(Event(Control(ControlKind::kPong, {}, 44)), "pong #44");
  EXPECT_EQ(Event(Control(ControlKind::kAdmin, "reply", 45)),
            "admin #45 reply");
}

TEST(Session, WhatTheBrokerSaysByItself) {
  EXPECT_EQ(Event(Control(ControlKind::kPing, {}, 9)), "ping #9");
  mycelium::wire::Ack ack;
  ack.set_publish_id(1ull << 40);
  EXPECT_EQ(Event(ControlOf(ControlKind::kAck, ack)), "ack 1099511627776");
  mycelium::wire::Unsubscribed unsubscribed;
  unsubscribed.set_subscription_id(3);
  EXPECT_EQ(Event(ControlOf(ControlKind::kUnsubscribed, unsubscribed)),
            "unsubscribed 3");
  mycelium::wire::Hold hold;
  hold.set_type_id(7);
  hold.set_by_session_id(12);
  hold.set_by_name("slow-reader");
  EXPECT_EQ(Event(ControlOf(ControlKind::kHold, hold)),
            "hold 7 by 12 slow-reader");
  mycelium::wire::Release release;
  EXPECT_EQ(Event(ControlOf(ControlKind::kRelease, release)), "release 0");
}

TEST(Session, GapHasARangeForEachType) {
  mycelium::wire::Gap gap;
  gap.set_subscription_id(2);
  gap.set_reason(wire::GAP_REASON_MEMORY);
  for (uint32_t type_id : {7u, 8u}) {
    auto* range = gap.add_ranges();
    range->set_type_id(type_id);
    range->set_frames(3);
    range->set_first_sequence(10);
    range->set_last_sequence(20);
  }
  EXPECT_EQ(Event(ControlOf(ControlKind::kGap, gap)),
            "gap 2 reason 4 7:3 in 10-20 8:3 in 10-20");
  gap.mutable_ranges(1)->set_last_sequence(9);
  EXPECT_EQ(Event(ControlOf(ControlKind::kGap, gap)),
            "error protocol: body of GAP is cut short, out of range or not "
            "UTF-8");
}

TEST(Session, CloseIsFinalAndHasItsReason) {
  mycelium::wire::Close close;
  close.set_code(wire::CODE_IDLE_TIMEOUT);
  close.set_reason("idle for 30000 ms");
  EXPECT_EQ(
      Events(ControlOf(ControlKind::kClose, close) + Data(7, "", "x", 1)),
      std::vector<std::string>{"close CODE_IDLE_TIMEOUT idle for 30000 ms"});
  EXPECT_EQ(GreetingEvent(ControlOf(ControlKind::kClose, close)),
            "close CODE_IDLE_TIMEOUT idle for 30000 ms");
}

TEST(Session, CodesOfANewerBrokerHaveANumber) {
  // Field 1, varint 99.
  EXPECT_EQ(Event(Control(ControlKind::kClose, "\x08\x63")), "close code 99 ");
}

TEST(Session, UnknownFieldsAreIgnored) {
  // Field 15 as a number, field 14 as bytes, field 2 as a fixed32: in Release
  // none of them is known.
  EXPECT_EQ(
      Event(Control(ControlKind::kRelease,
                    std::string("\x78\x05\x72\x02zz\x15\0\0\0\0\x08\x07", 13))),
      "release 7");
}

TEST(Session, MalformedBodiesAreProtocolErrors) {
  const std::string tail = " is cut short, out of range or not UTF-8";
  const auto malformed = [&](ControlKind kind, std::string_view body) {
    const std::string name(KindName(0, static_cast<uint8_t>(kind)));
    EXPECT_EQ(Event(Control(kind, body)),
              "error protocol: body of " + name + tail);
  };
  for (const ControlKind kind :
       {ControlKind::kSubscribed, ControlKind::kUnsubscribed, ControlKind::kGap,
        ControlKind::kAck, ControlKind::kHold, ControlKind::kRelease,
        ControlKind::kClose}) {
    malformed(kind, "\x08");        // a field without its value
    malformed(kind, "\x0a\x05xx");  // longer than the body
    malformed(kind, "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
  }
  malformed(ControlKind::kHold, "\x08\x80\x80\x04");  // type id 65536
  malformed(ControlKind::kHold, "\x1a\x02\xc3\x28");  // not UTF-8
  malformed(ControlKind::kRelease, "\x08\x80\x80\x04");
  malformed(ControlKind::kClose, "\x12\x01\xff");
  malformed(ControlKind::kSubscribed, "\x08\x80\x80\x80\x80\x10");  // 2^32
  malformed(ControlKind::kGap, "\x08\x01\x20");      // a bool without its value
  malformed(ControlKind::kGap, "\x1a\x02\x08\x00");  // type id 0
}

TEST(Session, OtherBytesThanABrokersAreRefused) {
  const std::string_view http = "HTTP/1.1 400 Bad Request\r\n";
  EXPECT_EQ(GreetingEvent(Bytes(http.begin(), http.end())),
            "error frame: body_bytes 1347703880, frame_bytes_max 65536");
  EXPECT_EQ(GreetingEvent(Data(7, "", "x", 1)),
            "error protocol: PUBLISH, allowed WELCOME, SCHEMA or CLOSE before "
            "WELCOME");
  EXPECT_EQ(Event(Control(ControlKind::kHello)),
            "error protocol: HELLO, not from a broker to a client");
  EXPECT_EQ(Event(Control(ControlKind::kWelcome)),
            "error protocol: WELCOME, not from a broker to a client");
}

TEST(Session, BrokerMayAskForTheSchema) {
  mycelium::wire::Schema schema;
  schema.set_schema_digest(std::string(32, 'd'));
  EXPECT_EQ(GreetingEvent(ControlOf(ControlKind::kSchema, schema)),
            "schema 32 0");
}

TEST(Session, WelcomeMustFitThisClient) {
  mycelium::wire::Welcome welcome;
  welcome.set_version_major(2);
  EXPECT_EQ(GreetingEvent(ControlOf(ControlKind::kWelcome, welcome)),
            "error protocol: version 2 at the broker, 1 here");
  EXPECT_EQ(GreetingEvent(Welcome(0)),
            "error protocol: frame_bytes_max 0 in WELCOME, allowed 1 to "
            "67108864");
  EXPECT_EQ(GreetingEvent(Welcome(kFrameBytesMaxCeiling + 1)),
            "error protocol: frame_bytes_max 67108865 in WELCOME, allowed 1 to "
            "67108864");
  EXPECT_EQ(GreetingEvent(Control(ControlKind::kWelcome, "\x32\x01\xff")),
            "error protocol: body of WELCOME is cut short, out of range or not "
            "UTF-8");
}

TEST(Session, RefusalOfManyLinesFitsBeforeWelcome) {
  mycelium::wire::Close close;
  close.set_code(wire::CODE_SCHEMA);
  close.set_reason(
      std::string(kSchemaOffencesMax * 3 * kSchemaNameBytesMax, 'x'));
  EXPECT_EQ(GreetingEvent(ControlOf(ControlKind::kClose, close)),
            "close CODE_SCHEMA " + close.reason());
}

// --- What a client writes, as libprotobuf reads it --------------------------

template <typename Body>
Body Parsed(const Bytes& frame) {
  Body body;
  EXPECT_TRUE(body.ParseFromArray(
      frame.data() + kHeaderBytes,
      static_cast<int>(frame.size()) - static_cast<int>(kHeaderBytes)));
  EXPECT_EQ(LoadHeader(frame.data()).body_bytes, frame.size() - kHeaderBytes);
  return body;
}

TEST(ControlBody, HelloBeginsWithTheMagic) {
  const Bytes frame = EncodeHello("me", "", "", {});
  EXPECT_EQ(std::string(frame.begin() + 8, frame.begin() + 16), "MYCELIUM");
  const auto hello = Parsed<mycelium::wire::Hello>(frame);
  EXPECT_EQ(hello.version_major(), 1u);
  EXPECT_EQ(hello.name(), "me");
  EXPECT_TRUE(hello.schema_digest().empty());
}

TEST(ControlBody, HelloNamesTheSchemaAndSchemaHasIt) {
  const std::string digest(32, 'd');
  EXPECT_EQ(Parsed<mycelium::wire::Hello>(EncodeHello("me", digest, "", {}))
                .schema_digest(),
            digest);
  const Bytes frame = EncodeSchema({digest, "set"});
  EXPECT_EQ(LoadHeader(frame.data()).kind,
            static_cast<uint8_t>(ControlKind::kSchema));
  const auto schema = Parsed<mycelium::wire::Schema>(frame);
  EXPECT_EQ(schema.schema_digest(), digest);
  EXPECT_EQ(schema.descriptor_set(), "set");
}

TEST(ControlBody, SubscribeCarriesEveryOption) {
  const Bytes frame =
      EncodeSubscribe(41, 3,
                      {.type_id = 7,
                       .topic_filter = "a.*",
                       .policy = {.queue_bytes_max = 5000, .stall_ms_max = -1},
                       .delivery = Delivery::kDirect},
                      /*responder=*/false, /*resume=*/nullptr);
  EXPECT_EQ(LoadHeader(frame.data()).id, 41u);
  const auto subscribe = Parsed<mycelium::wire::Subscribe>(frame);
  EXPECT_EQ(subscribe.subscription_id(), 3u);
  EXPECT_EQ(subscribe.type_id(), 7u);
  EXPECT_EQ(subscribe.topic_filter(), "a.*");
  EXPECT_EQ(subscribe.policy().queue_bytes_max(), 5000u);
  EXPECT_EQ(subscribe.policy().stall_ms_max(), -1);
}

TEST(ControlBody, StallOfZeroIsSaidAndNotLeftToTheDefault) {
  const auto subscribe = Parsed<mycelium::wire::Subscribe>(
      EncodeSubscribe(1, 1, {.policy = {.stall_ms_max = 0}},
                      /*responder=*/false, /*resume=*/nullptr));
  EXPECT_TRUE(subscribe.policy().has_stall_ms_max());
}

TEST(ControlBody, UnsubscribeAndCloseCarryTheirWords) {
  EXPECT_EQ(Parsed<mycelium::wire::Unsubscribe>(EncodeUnsubscribe(1, 3))
                .subscription_id(),
            3u);
  const auto close =
      Parsed<mycelium::wire::Close>(EncodeClose(CloseCode::kProtocol, "why"));
  EXPECT_EQ(close.code(), wire::CODE_PROTOCOL);
  EXPECT_EQ(close.reason(), "why");
}

TEST(ControlBody, CodesAreTheContractsOnes) {
  for (int number = 0; number < wire::Code_ARRAYSIZE; ++number) {
    EXPECT_EQ(CodeName(static_cast<CloseCode>(number)),
              wire::Code_Name(static_cast<mycelium::wire::Code>(number)));
  }
}

}  // namespace
}  // namespace mycelium::core
