// The vectors against the C++ of proto/ and broker/.
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "broker/subscription_index.h"
#include "config/limits.h"
#include "google/protobuf/message.h"
#include "gtest/gtest.h"
#include "proto/frame.h"
#include "proto/handshake.h"
#include "proto/mycelium/admin.pb.h"
#include "proto/mycelium/control.pb.h"
#include "tests/vectors/vector_file.h"

namespace mycelium {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr const char* kFolder = "tests/vectors/";
constexpr const char* kNotHello =
    "protocol: the first bytes are not a HELLO frame";
constexpr const char* kTls =
    "protocol: the first bytes are TLS, allowed a HELLO frame in plain";

std::span<const uint8_t> AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

std::string AsText(std::span<const uint8_t> bytes) {
  return {bytes.begin(), bytes.end()};
}

Role RoleOf(const Vector& vector) {
  EXPECT_TRUE(vector.Get("role") == "broker" || vector.Get("role") == "client")
      << vector.Describe();
  return vector.Get("role") == "broker" ? Role::kBroker : Role::kClient;
}

std::string_view StateName(SessionState state) {
  switch (state) {
    case SessionState::kGreeting:
      return "greeting";
    case SessionState::kSchemaAsked:
      return "schema_asked";
    case SessionState::kOpen:
      return "open";
    case SessionState::kClosed:
      return "closed";
  }
  return "none";
}

SessionState StateOf(const Vector& vector) {
  for (const SessionState state :
       {SessionState::kGreeting, SessionState::kSchemaAsked,
        SessionState::kOpen, SessionState::kClosed}) {
    if (vector.Get("state") == StateName(state)) return state;
  }
  ADD_FAILURE() << vector.Describe();
  return SessionState::kClosed;
}

std::string_view OutcomeName(FrameStatus status) {
  switch (status) {
    case FrameStatus::kFrame:
      return "frame";
    case FrameStatus::kNeedMore:
      return "need_more";
    case FrameStatus::kTooLarge:
      return "too_large";
    case FrameStatus::kTopicTooLong:
      return "topic_too_long";
    case FrameStatus::kUnknownKind:
      return "unknown_kind";
    case FrameStatus::kControlTopic:
      return "control_topic";
    case FrameStatus::kTopicInvalid:
      return "topic_invalid";
  }
  return "none";
}

std::unique_ptr<Message> NewBody(Role receiver, uint8_t kind) {
  switch (static_cast<ControlKind>(kind)) {
    case ControlKind::kHello:
      return std::make_unique<wire::Hello>();
    case ControlKind::kWelcome:
      return std::make_unique<wire::Welcome>();
    case ControlKind::kSubscribe:
      return std::make_unique<wire::Subscribe>();
    case ControlKind::kSubscribed:
      return std::make_unique<wire::Subscribed>();
    case ControlKind::kUnsubscribe:
      return std::make_unique<wire::Unsubscribe>();
    case ControlKind::kUnsubscribed:
      return std::make_unique<wire::Unsubscribed>();
    case ControlKind::kGap:
      return std::make_unique<wire::Gap>();
    case ControlKind::kAck:
      return std::make_unique<wire::Ack>();
    case ControlKind::kHold:
      return std::make_unique<wire::Hold>();
    case ControlKind::kRelease:
      return std::make_unique<wire::Release>();
    case ControlKind::kSchema:
      return std::make_unique<wire::Schema>();
    case ControlKind::kClose:
      return std::make_unique<wire::Close>();
    case ControlKind::kAdmin:
      if (receiver == Role::kBroker)
        return std::make_unique<wire::AdminRequest>();
      return std::make_unique<wire::AdminReply>();
    case ControlKind::kAddressee:
      return std::make_unique<wire::Addressee>();
    case ControlKind::kCancel:
    case ControlKind::kFlush:
    case ControlKind::kFlushed:
    case ControlKind::kPing:
    case ControlKind::kPong:
      break;
  }
  return nullptr;
}

std::string HexOf(const std::string& bytes) {
  std::string hex;
  for (const char byte : bytes) {
    hex += "0123456789abcdef"[static_cast<uint8_t>(byte) >> 4];
    hex += "0123456789abcdef"[static_cast<uint8_t>(byte) & 15];
  }
  return hex;
}

// One value of `field`; of a repeated one, the one at `index`.
std::string ValueOf(const Message& message, const FieldDescriptor* field,
                    int index) {
  const Reflection& reflection = *message.GetReflection();
  // Only messages repeat in control.proto, and lists of strings and type ids in
  // admin.proto.
  if (field->type() == FieldDescriptor::TYPE_STRING && index >= 0) {
    return reflection.GetRepeatedString(message, field, index);
  }
  if (field->type() == FieldDescriptor::TYPE_UINT32 && index >= 0) {
    return std::to_string(reflection.GetRepeatedUInt32(message, field, index));
  }
  switch (field->type()) {
    case FieldDescriptor::TYPE_UINT32:
      return std::to_string(reflection.GetUInt32(message, field));
    case FieldDescriptor::TYPE_UINT64:
      return std::to_string(reflection.GetUInt64(message, field));
    case FieldDescriptor::TYPE_SINT64:
      return std::to_string(reflection.GetInt64(message, field));
    case FieldDescriptor::TYPE_BOOL:
      return reflection.GetBool(message, field) ? "true" : "false";
    case FieldDescriptor::TYPE_STRING:
      return reflection.GetString(message, field);
    case FieldDescriptor::TYPE_BYTES:
      return HexOf(reflection.GetString(message, field));
    case FieldDescriptor::TYPE_ENUM: {
      const int number = reflection.GetEnumValue(message, field);
      const auto* const known = field->enum_type()->FindValueByNumber(number);
      return known != nullptr ? known->name() : std::to_string(number);
    }
    default:
      ADD_FAILURE() << field->full_name();
      return {};
  }
}

// The lines of `body:`.
void Flatten(const Message& message, const std::string& prefix,
             std::vector<std::string>* lines) {
  const Reflection& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    const bool repeated = field->is_repeated();
    const int count = repeated ? reflection.FieldSize(message, field) : 1;
    for (int i = 0; i < count; ++i) {
      std::string path = prefix + field->name();
      if (repeated) path += "[" + std::to_string(i) + "]";
      if (field->type() != FieldDescriptor::TYPE_MESSAGE) {
        lines->push_back(path + "=" +
                         ValueOf(message, field, repeated ? i : -1));
        continue;
      }
      const size_t before = lines->size();
      Flatten(repeated ? reflection.GetRepeatedMessage(message, field, i)
                       : reflection.GetMessage(message, field),
              path + ".", lines);
      if (lines->size() == before) lines->push_back(path + "={}");
    }
  }
}

// What a receiver makes of the first frame of `input`.
struct Verdict {
  std::string outcome;
  std::string error;
  FrameView frame{};
  SessionState next = SessionState::kClosed;
  std::unique_ptr<Message> body;
};

bool IsHello(const FrameHeader& header) {
  return header.type_id == 0 &&
         header.kind == static_cast<uint8_t>(ControlKind::kHello) &&
         header.id == kHelloMagic;
}

// As proto/WIRE.md, "The first frame": a header that is in order, but of
// another kind, is told which one it should have been.
bool IsNotHello(const FrameHeader& header, FrameStatus status) {
  const bool in_order =
      status == FrameStatus::kFrame || status == FrameStatus::kNeedMore;
  const bool other_kind =
      header.type_id != 0 ||
      header.kind != static_cast<uint8_t>(ControlKind::kHello);
  return !IsHello(header) && !(in_order && other_kind);
}

Verdict Judge(Role role, SessionState state, uint32_t frame_bytes_max,
              std::span<const uint8_t> input) {
  Verdict verdict;
  const FrameStatus status =
      FrameReader(frame_bytes_max).Next(input, &verdict.frame);
  const FrameHeader& header = verdict.frame.header;
  verdict.outcome = OutcomeName(status);
  if (role == Role::kBroker && state == SessionState::kGreeting &&
      input.size() >= kHeaderBytes && IsNotHello(header, status)) {
    verdict.outcome = "not_hello";
    verdict.error = input[0] == 0x16 && input[1] == 0x03 ? kTls : kNotHello;
    return verdict;
  }
  if (status == FrameStatus::kNeedMore) return verdict;
  if (status != FrameStatus::kFrame) {
    verdict.error = DescribeFrameError(status, header, frame_bytes_max);
    return verdict;
  }
  const Transition transition =
      OnFrame(role, state, header.type_id, header.kind);
  if (!transition.allowed) {
    verdict.outcome = "forbidden";
    verdict.error = DescribeForbidden(role, state, header.type_id, header.kind);
    return verdict;
  }
  verdict.next = transition.next;
  if (header.type_id != 0) return verdict;
  verdict.body = NewBody(role, header.kind);
  const auto payload = verdict.frame.payload();
  if (verdict.body == nullptr ||
      verdict.body->ParseFromArray(payload.data(),
                                   static_cast<int>(payload.size()))) {
    return verdict;
  }
  verdict.outcome = "bad_body";
  verdict.error = std::string(KindName(0, header.kind)) + ": body of " +
                  std::to_string(payload.size()) + " bytes is not a " +
                  verdict.body->GetDescriptor()->name() + " message";
  return verdict;
}

void ExpectHeader(const Vector& vector, const Verdict& verdict) {
  const FrameHeader& header = verdict.frame.header;
  EXPECT_EQ(header.type_id, vector.Number("type_id", 0));
  EXPECT_EQ(header.kind, vector.Number("kind", 0));
  EXPECT_EQ(KindName(header.type_id, header.kind), vector.Get("kind_name"));
  EXPECT_EQ(header.id, vector.Number("id", 0));
  if (header.type_id == 0) return;
  EXPECT_EQ(verdict.frame.topic(), vector.Bytes("topic"));
  EXPECT_EQ(AsText(verdict.frame.payload()), vector.Bytes("payload"));
}

void ExpectBody(const Vector& vector, const Verdict& verdict) {
  if (!vector.Has("message")) return;
  ASSERT_NE(verdict.body, nullptr);
  EXPECT_EQ(verdict.body->GetDescriptor()->name(), vector.Get("message"));
  std::vector<std::string> lines;
  Flatten(*verdict.body, "", &lines);
  EXPECT_EQ(lines, vector.List("body"));
  verdict.body->DiscardUnknownFields();
  EXPECT_EQ(
      verdict.body->SerializeAsString() == AsText(verdict.frame.payload()),
      vector.Get("canonical") != "no");
}

// Whether `outcome` is known as soon as the header is there.
bool JudgedByHeader(const std::string& outcome) {
  static const std::set<std::string> kOutcomes = {
      "too_large", "unknown_kind", "control_topic", "topic_too_long",
      "not_hello"};
  return kOutcomes.contains(outcome);
}

void CheckFrame(const Vector& vector) {
  SCOPED_TRACE(vector.Describe());
  const Role role = RoleOf(vector);
  const SessionState state = StateOf(vector);
  const std::string bytes = DecodeHex(vector.Get("hex"));
  const auto limit = static_cast<uint32_t>(
      vector.Number("frame_bytes_max", kFrameBytesMaxDefault));
  const Verdict verdict = Judge(role, state, limit, AsBytes(bytes));
  ASSERT_EQ(verdict.outcome, vector.Get("outcome"));
  EXPECT_EQ(verdict.error, vector.Get("error"));
  EXPECT_EQ(vector.Has("code"), vector.Has("error"));
  if (verdict.outcome == "frame") {
    EXPECT_EQ(StateName(verdict.next), vector.Get("next"));
    EXPECT_EQ(verdict.frame.frame_bytes(), bytes.size());
  }
  if (vector.Has("kind")) ExpectHeader(vector, verdict);
  if (verdict.outcome == "frame") ExpectBody(vector, verdict);

  // Byte by byte: nothing is known too early, and nothing too late.
  const size_t known_at = verdict.outcome == "need_more"    ? bytes.size() + 1
                          : JudgedByHeader(verdict.outcome) ? kHeaderBytes
                                                            : bytes.size();
  for (size_t size = 0; size <= bytes.size(); ++size) {
    const Verdict part = Judge(role, state, limit, AsBytes(bytes).first(size));
    EXPECT_EQ(part.outcome, size < known_at ? "need_more" : verdict.outcome)
        << size << " bytes";
  }
}

std::string DescribeFrame(const FrameView& frame) {
  std::ostringstream text;
  text << "type_id=" << frame.header.type_id
       << " kind=" << static_cast<int>(frame.header.kind)
       << " id=" << frame.header.id << " topic=" << frame.topic()
       << " payload_hex=" << HexOf(AsText(frame.payload()));
  return text.str();
}

// A receiver that is given a stream in pieces.
struct Receiver {
  Role role;
  SessionState state;
  uint32_t frame_bytes_max;
  std::string rest{};
  std::vector<std::string> frames{};
  std::string outcome = "need_more";
  std::string error{};

  void Receive(std::string_view bytes) {
    rest += bytes;
    while (outcome == "need_more") {
      Verdict verdict = Judge(role, state, frame_bytes_max, AsBytes(rest));
      if (verdict.outcome != "frame") {
        outcome = verdict.outcome;
        error = verdict.error;
        return;
      }
      frames.push_back(DescribeFrame(verdict.frame));
      state = verdict.next;
      rest.erase(0, verdict.frame.frame_bytes());
    }
  }
};

void CheckStream(const Vector& vector, size_t piece_bytes) {
  SCOPED_TRACE(vector.Describe() + ", pieces of " +
               std::to_string(piece_bytes));
  Receiver receiver{.role = RoleOf(vector),
                    .state = StateOf(vector),
                    .frame_bytes_max = static_cast<uint32_t>(vector.Number(
                        "frame_bytes_max", kFrameBytesMaxDefault))};
  const std::string bytes = DecodeHex(vector.Get("hex"));
  for (size_t at = 0; at < bytes.size(); at += piece_bytes) {
    receiver.Receive(std::string_view(bytes).substr(at, piece_bytes));
  }
  EXPECT_EQ(receiver.frames, vector.List("frames"));
  EXPECT_EQ(receiver.outcome, vector.Get("outcome"));
  EXPECT_EQ(receiver.error, vector.Get("error"));
  EXPECT_EQ(receiver.rest.size(), vector.Number("rest_bytes", 0));
  if (vector.Has("next")) {
    EXPECT_EQ(StateName(receiver.state), vector.Get("next"));
  }
}

void CheckTransitions(const Vector& vector) {
  SCOPED_TRACE(vector.Describe());
  std::set<std::string> allowed;
  for (const std::string& line : vector.List("allowed")) allowed.insert(line);
  size_t seen = 0;
  for (const uint16_t type_id : {0, 7}) {
    for (int kind = 1; kind <= (type_id == 0 ? kControlKindMax : kDataKindMax);
         ++kind) {
      const std::string name(KindName(type_id, static_cast<uint8_t>(kind)));
      const Transition transition = OnFrame(
          RoleOf(vector), StateOf(vector), type_id, static_cast<uint8_t>(kind));
      const std::string line =
          name + " -> " + std::string(StateName(transition.next));
      EXPECT_EQ(transition.allowed, allowed.contains(line)) << name;
      if (transition.allowed) {
        ++seen;
        continue;
      }
      std::string error = vector.Get("error");
      error.replace(error.find("KIND"), 4, name);
      EXPECT_EQ(DescribeForbidden(RoleOf(vector), StateOf(vector), type_id,
                                  static_cast<uint8_t>(kind)),
                error);
    }
  }
  EXPECT_EQ(seen, allowed.size());
}

bool IndexMatches(std::string_view filter, std::string_view topic) {
  const SubscriptionIndex::Entry entry{filter, 1};
  const SubscriptionIndex index(std::span(&entry, 1));
  std::vector<uint32_t> subscribers;
  index.Match(topic, &subscribers);
  return !subscribers.empty();
}

void CheckTopic(const Vector& vector) {
  SCOPED_TRACE(vector.file + ":" + std::to_string(vector.line));
  const std::string topic = vector.Bytes("topic");
  const std::string filter = vector.Bytes("filter");
  if (vector.Has("match")) {
    const bool match = vector.Get("match") == "yes";
    EXPECT_EQ(TopicMatches(filter, topic), match);
    EXPECT_EQ(IndexMatches(filter, topic), match);
    return;
  }
  const bool valid = vector.Get("valid") == "yes";
  if (vector.Has("topic") || vector.Has("topic_hex")) {
    EXPECT_EQ(ValidTopic(topic), valid);
    return;
  }
  std::string why;
  EXPECT_EQ(ValidTopicFilter(filter, &why), valid);
  EXPECT_EQ(why, vector.Get("error"));
}

class VectorsTest : public testing::Test {
 protected:
  // How many vectors were checked.
  static size_t ForEach(const std::string& file,
                        const std::function<void(const Vector&)>& check) {
    const std::vector<Vector> vectors = ReadVectors(kFolder + file);
    for (const Vector& vector : vectors) check(vector);
    return vectors.size();
  }
};

TEST_F(VectorsTest, FramesAreSplitAndJudged) {
  EXPECT_GE(ForEach("frames.txt", CheckFrame), 60u);
}

TEST_F(VectorsTest, TheFirstFramesAreJudged) {
  EXPECT_GE(ForEach("handshake.txt", CheckFrame), 30u);
}

TEST_F(VectorsTest, ControlFramesAreDecoded) {
  EXPECT_GE(ForEach("control.txt", CheckFrame), 80u);
}

TEST_F(VectorsTest, EveryKindHasItsRowInEveryState) {
  EXPECT_EQ(ForEach("transitions.txt", CheckTransitions), 8u);
}

TEST_F(VectorsTest, TopicsAndFiltersAreJudged) {
  EXPECT_GE(ForEach("topics.txt", CheckTopic), 80u);
}

TEST_F(VectorsTest, StreamsFallIntoTheSameFramesHoweverTheyAreCut) {
  for (const size_t piece_bytes : {1, 2, 7, 16, 17, 1 << 20}) {
    EXPECT_GE(ForEach("streams.txt",
                      [piece_bytes](const Vector& vector) {
                        CheckStream(vector, piece_bytes);
                      }),
              18u);
  }
}

TEST_F(VectorsTest, EveryKindStandsInThem) {
  std::set<std::string> missing;
  for (int kind = 1; kind <= kDataKindMax; ++kind) {
    missing.emplace(KindName(1, static_cast<uint8_t>(kind)));
  }
  for (int kind = 1; kind <= kControlKindMax; ++kind) {
    missing.emplace(KindName(0, static_cast<uint8_t>(kind)));
  }
  for (const char* file : {"frames.txt", "handshake.txt", "control.txt"}) {
    ForEach(file, [&missing](const Vector& vector) {
      if (vector.Get("outcome") == "frame") {
        missing.erase(vector.Get("kind_name"));
      }
    });
  }
  EXPECT_EQ(missing, std::set<std::string>());
}

TEST_F(VectorsTest, NamesAreUnique) {
  std::set<std::string> names;
  for (const char* file : {"frames.txt", "handshake.txt", "control.txt",
                           "transitions.txt", "streams.txt"}) {
    ForEach(file, [&names](const Vector& vector) {
      EXPECT_NE(vector.Get("name"), "") << vector.Describe();
      EXPECT_TRUE(names.insert(vector.Get("name")).second) << vector.Describe();
    });
  }
}

}  // namespace
}  // namespace mycelium
