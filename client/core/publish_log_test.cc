#include "client/core/publish_log.h"

#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "client/core/control_body.h"
#include "gtest/gtest.h"
#include "proto/frame.h"

namespace mycelium::core {
namespace {

constexpr uint64_t kBytesMax = 1 << 20;
using Piece = std::span<const uint8_t>;
using Ids = std::vector<uint64_t>;

std::span<const uint8_t> AsBytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// What a broker's side of the stream has: whole frames, and the rest.
class Stream {
 public:
  void Add(Piece bytes) {
    rest_.insert(rest_.end(), bytes.begin(), bytes.end());
    size_t at = 0;
    while (rest_.size() - at >= kHeaderBytes) {
      const FrameHeader header = LoadHeader(rest_.data() + at);
      if (rest_.size() - at < kHeaderBytes + header.body_bytes) break;
      if (header.type_id == 0) {
        controls_.push_back(header.id);
      } else {
        ids_.push_back(header.id);
      }
      at += kHeaderBytes + header.body_bytes;
    }
    rest_.erase(rest_.begin(), rest_.begin() + static_cast<ptrdiff_t>(at));
  }
  const Ids& ids() const { return ids_; }
  const Ids& controls() const { return controls_; }
  uint64_t last_id() const { return ids_.empty() ? 0 : ids_.back(); }
  bool cut() const { return !rest_.empty(); }

 private:
  std::vector<uint8_t> rest_;
  Ids ids_;
  Ids controls_;
};

// Writes up to so many bytes.
uint64_t Write(PublishLog* log, Stream* stream, uint64_t bytes_max = -1) {
  std::vector<Piece> pieces(4);
  uint64_t total = 0;
  while (bytes_max != 0) {
    const size_t count = log->Take(pieces);
    uint64_t wrote = 0;
    for (size_t i = 0; i < count; ++i) {
      const size_t bytes = std::min<uint64_t>(pieces[i].size(), bytes_max);
      stream->Add(pieces[i].first(bytes));
      wrote += bytes;
      bytes_max -= bytes;
    }
    if (wrote == 0) break;
    log->Wrote(wrote);
    total += wrote;
  }
  return total;
}

void PublishSome(PublishLog* log, int count, size_t payload_bytes = 10) {
  const std::string payload(payload_bytes, 'x');
  for (int i = 0; i < count; ++i) log->Publish(7, "a.b", AsBytes(payload));
}

Bytes Control(uint64_t id) { return EncodeEmpty(ControlKind::kFlush, id); }

Ids Row(uint64_t first, uint64_t last) {
  Ids ids;
  for (uint64_t id = first; id <= last; ++id) ids.push_back(id);
  return ids;
}

Ids IdsOf(const PublishLog::GivenBack& given) {
  Stream stream;
  stream.Add(given.frames);
  EXPECT_FALSE(stream.cut());
  EXPECT_EQ(stream.ids().size(), given.count);
  if (given.count != 0) {
    EXPECT_EQ(stream.ids().front(), given.first_id);
  }
  return stream.ids();
}

class PublishLogTest : public testing::Test {
 protected:
  PublishLogTest() { Connect(); }

  void Connect(bool resumed = false, uint64_t last_publish_id = 0,
               const Bytes& first = {}) {
    stream_ = {};
    given_ = log_.Connected(resumed, last_publish_id, first);
  }

  PublishLog log_{kBytesMax};
  Stream stream_;
  PublishLog::GivenBack given_;
};

TEST_F(PublishLogTest, WritesEverythingInOrder) {
  PublishSome(&log_, 5);
  log_.Append(Control(77));
  PublishSome(&log_, 5'000);
  Write(&log_, &stream_);
  EXPECT_EQ(stream_.ids(), Row(1, 5'005));
  EXPECT_EQ(stream_.controls(), Ids{77});
  EXPECT_EQ(log_.unwritten_bytes(), 0u);
}

TEST_F(PublishLogTest, RoomComesBackFrameByFrame) {
  const uint64_t frame_bytes = kHeaderBytes + 3 + 10;
  uint64_t count = 0;
  while (log_.HasRoom(frame_bytes)) {
    PublishSome(&log_, 1);
    ++count;
  }
  EXPECT_EQ(count, kBytesMax / frame_bytes);
  Write(&log_, &stream_);
  EXPECT_FALSE(log_.HasRoom(frame_bytes));
  for (uint64_t id = 1; id <= 10; ++id) {
    ASSERT_TRUE(log_.Acked(id));
    ASSERT_TRUE(log_.HasRoom(frame_bytes));
    PublishSome(&log_, 1);
    ASSERT_FALSE(log_.HasRoom(frame_bytes));
  }
  Write(&log_, &stream_);
  ASSERT_TRUE(log_.Acked(log_.last_publish_id()));
  EXPECT_EQ(log_.used_bytes(), 0u);
  EXPECT_EQ(log_.frames_accepted(), count + 10);
}

TEST_F(PublishLogTest, FrameOverTheBoundGoesAlone) {
  EXPECT_TRUE(log_.HasRoom(3 * kBytesMax));
  PublishSome(&log_, 1, 3 * kBytesMax);
  EXPECT_FALSE(log_.HasRoom(17));
  EXPECT_EQ(Write(&log_, &stream_), 3 * kBytesMax + kHeaderBytes + 3);
  EXPECT_FALSE(log_.HasRoom(17));
  ASSERT_TRUE(log_.Acked(1));
  EXPECT_TRUE(log_.HasRoom(3 * kBytesMax));
}

TEST_F(PublishLogTest, WrittenControlFramesTakeNoRoom) {
  for (int i = 0; i < 100'000; ++i) {
    log_.Append(Control(1));
    Write(&log_, &stream_);
  }
  EXPECT_EQ(log_.used_bytes(), 0u);
  PublishSome(&log_, 1);
  for (int i = 0; i < 100'000; ++i) {
    log_.Append(Control(1));
    Write(&log_, &stream_);
  }
  // All but those in the chunks before and behind.
  EXPECT_LT(log_.used_bytes(), uint64_t{192 << 10});
}

TEST_F(PublishLogTest, AckForWhatWasNotHandedOutIsRefused) {
  PublishSome(&log_, 2);
  EXPECT_FALSE(log_.Acked(1));
  Piece piece;
  ASSERT_EQ(log_.Take({&piece, 1}), 1u);
  PublishSome(&log_, 1);
  // Before the writer says that it has written.
  EXPECT_TRUE(log_.Acked(2));
  EXPECT_FALSE(log_.Acked(3));
  EXPECT_EQ(log_.settled_id(), 2u);
  log_.Wrote(piece.size());
  EXPECT_EQ(log_.used_bytes(), kHeaderBytes + 13);
}

TEST_F(PublishLogTest, AckNeverGoesBack) {
  PublishSome(&log_, 3);
  Write(&log_, &stream_);
  EXPECT_TRUE(log_.Acked(3));
  EXPECT_TRUE(log_.Acked(1));
  EXPECT_EQ(log_.settled_id(), 3u);
}

TEST_F(PublishLogTest, HandedOutBytesStayWhereTheyAre) {
  PublishSome(&log_, 10);
  Piece piece;
  ASSERT_EQ(log_.Take({&piece, 1}), 1u);
  const std::vector<uint8_t> before(piece.begin(), piece.end());
  ASSERT_TRUE(log_.Acked(10));
  PublishSome(&log_, 20'000);
  EXPECT_TRUE(std::equal(before.begin(), before.end(), piece.begin()));
  log_.Wrote(piece.size());
  stream_.Add(before);
  Write(&log_, &stream_);
  EXPECT_EQ(stream_.ids(), Row(1, 20'010));
}

TEST_F(PublishLogTest, ResumedSendsAgainWhatWasNotAccepted) {
  PublishSome(&log_, 10);
  log_.Append(Control(1));
  Write(&log_, &stream_);
  PublishSome(&log_, 5);
  log_.Append(Control(2));
  log_.Disconnected();
  EXPECT_EQ(log_.unwritten_bytes(), log_.used_bytes());
  PublishSome(&log_, 1);
  log_.Append(Control(3));
  Connect(true, 4, Control(9));
  EXPECT_EQ(given_.count, 0u);
  log_.Append(Control(4));
  Write(&log_, &stream_);
  EXPECT_EQ(stream_.ids(), Row(5, 16));
  EXPECT_EQ(stream_.controls(), (Ids{9, 4}));
  EXPECT_EQ(log_.frames_resent(), 6u);
  EXPECT_EQ(log_.frames_accepted(), 4u);
}

TEST_F(PublishLogTest, FirstFramesGoFirst) {
  PublishSome(&log_, 3);
  log_.Disconnected();
  Connect(true, 0, Control(9));
  Piece piece;
  ASSERT_EQ(log_.Take({&piece, 1}), 1u);
  EXPECT_EQ(LoadHeader(piece.data()).id, 9u);
}

TEST_F(PublishLogTest, NotResumedGivesBackWhatWasWrittenInFull) {
  PublishSome(&log_, 10);
  const uint64_t frame_bytes = log_.unwritten_bytes() / 10;
  Write(&log_, &stream_, frame_bytes * 6 + 1);
  ASSERT_TRUE(log_.Acked(2));
  log_.Disconnected();
  Connect(false);
  EXPECT_EQ(IdsOf(given_), Row(3, 6));
  EXPECT_EQ(given_.maybe_accepted, 4u);
  Write(&log_, &stream_);
  EXPECT_EQ(stream_.ids(), Row(7, 10));
  EXPECT_EQ(log_.frames_resent(), 0u);
  EXPECT_EQ(log_.frames_given_back(), 4u);
  EXPECT_TRUE(log_.Acked(10));
  EXPECT_EQ(log_.frames_accepted(), 6u);
  EXPECT_EQ(log_.frames_published(), 10u);
}

TEST_F(PublishLogTest, WindowGivesBackWhatWasWrittenAndKeepsTheRest) {
  PublishSome(&log_, 4);
  Write(&log_, &stream_);
  PublishSome(&log_, 2);
  log_.Disconnected();
  EXPECT_EQ(IdsOf(log_.GiveBackWritten()), Row(1, 4));
  EXPECT_EQ(log_.GiveBackWritten().count, 0u);
  EXPECT_EQ(log_.used_bytes(), 2 * (kHeaderBytes + 13));
  Connect(true, 4);
  Write(&log_, &stream_);
  EXPECT_EQ(stream_.ids(), Row(5, 6));
}

TEST_F(PublishLogTest, EndGivesBackEverything) {
  PublishSome(&log_, 4);
  Write(&log_, &stream_);
  PublishSome(&log_, 20'000);
  log_.Disconnected();
  const PublishLog::GivenBack given = log_.GiveBackAll();
  EXPECT_EQ(IdsOf(given), Row(1, 20'004));
  EXPECT_EQ(given.maybe_accepted, 4u);
  EXPECT_EQ(log_.used_bytes(), 0u);
}

// What the first broker had, the second one never saw: only the last connection
// counts.
TEST_F(PublishLogTest, WhatAResumedConnectionDidNotWriteIsNotGivenBack) {
  PublishSome(&log_, 10);
  const uint64_t frame_bytes = log_.unwritten_bytes() / 10;
  Write(&log_, &stream_);
  log_.Disconnected();
  Connect(true, 5);
  Write(&log_, &stream_, frame_bytes);
  log_.Disconnected();
  Connect(false);
  EXPECT_EQ(IdsOf(given_), Ids{6});
  Write(&log_, &stream_);
  EXPECT_EQ(stream_.ids(), Row(7, 10));
}

TEST_F(PublishLogTest, BrokerCannotHaveMoreThanWasWrittenInFull) {
  PublishSome(&log_, 2);
  Write(&log_, &stream_, log_.unwritten_bytes() - 1);
  log_.Disconnected();
  EXPECT_TRUE(log_.CanResumeAfter(1));
  EXPECT_FALSE(log_.CanResumeAfter(2));
}

TEST(PublishLog, IdsGoOnFromAnEarlierProcess) {
  PublishLog log(kBytesMax);
  EXPECT_TRUE(log.CanResumeAfter(41));
  EXPECT_EQ(log.Connected(true, 41, {}).count, 0u);
  PublishSome(&log, 1);
  Stream stream;
  Write(&log, &stream);
  EXPECT_EQ(stream.ids(), Ids{42});
  EXPECT_EQ(log.frames_published(), 1u);
  EXPECT_EQ(log.frames_accepted(), 0u);
}

// --- At random --------------------------------------------------------------

// A broker that forgets nothing, one that forgets, and connections that end at
// any byte: each frame is accepted once, or given back.
class Model {
 public:
  explicit Model(uint32_t seed) : random_(seed) { Connect(); }

  void Step() {
    switch (Below(8)) {
      case 0:
      case 1:
      case 2:
        return Publish();
      case 3:
        return log_.Append(Control(1));
      case 4:
      case 5:
        if (connected_) Write(&log_, &stream_, Below(100'000));
        return;
      case 6:
        if (connected_) {
          ASSERT_TRUE(log_.Acked(Below(Accepted() + 1)));
        }
        return;
      default:
        return connected_ ? Disconnect() : Reconnect();
    }
  }

  void End() {
    if (connected_) Disconnect();
    Note(log_.GiveBackAll());
    EXPECT_EQ(log_.used_bytes(), 0u);
    EXPECT_EQ(log_.frames_accepted() + log_.frames_given_back(),
              log_.frames_published());
    for (uint64_t id = 1; id <= log_.last_publish_id(); ++id) {
      ASSERT_TRUE(accepted_.at(id) || given_.at(id)) << id;
      ASSERT_FALSE(accepted_[id] && given_[id] && !maybe_[id]) << id;
    }
  }

 private:
  uint64_t Below(uint64_t bound) { return random_() % bound; }

  void Publish() {
    const size_t payload_bytes = Below(20) == 0 ? Below(200'000) : Below(200);
    for (uint64_t count = Below(300); count > 0; --count) {
      if (!log_.HasRoom(kHeaderBytes + 3 + payload_bytes)) return;
      PublishSome(&log_, 1, payload_bytes);
      ASSERT_LE(log_.used_bytes(), std::max<uint64_t>(kBytesMax, 200'019));
    }
  }

  // Of what has arrived, the broker takes all, at once.
  uint64_t Accepted() {
    for (const uint64_t id : stream_.ids()) {
      if (id <= last_) continue;  // it has it
      EXPECT_EQ(id, last_ == 0 && fresh_ ? id : last_ + 1);
      fresh_ = false;
      last_ = id;
      EXPECT_FALSE(accepted_.size() > id && accepted_[id]) << id;
      Mark(&accepted_, id);
    }
    return last_;
  }

  void Disconnect() {
    // What was under way may be lost.
    if (Below(2) == 0) Accepted();
    log_.Disconnected();
    connected_ = false;
    if (Below(4) == 0) Note(log_.GiveBackWritten());
  }

  void Connect() {
    stream_ = {};
    log_.Connected(false, 0, {});
    connected_ = true;
  }

  void Reconnect() {
    stream_ = {};
    const bool resumed = Below(3) != 0 && last_ >= log_.settled_id();
    if (!resumed) {
      last_ = 0;
      fresh_ = true;
    }
    Note(log_.Connected(resumed, last_, Below(2) == 0 ? Control(9) : Bytes{}));
    connected_ = true;
  }

  void Note(const PublishLog::GivenBack& given) {
    uint64_t count = 0;
    for (const uint64_t id : IdsOf(given)) {
      Mark(&given_, id);
      Mark(&maybe_, id, count++ < given.maybe_accepted);
    }
  }

  static void Mark(std::vector<bool>* marks, uint64_t id, bool mark = true) {
    if (marks->size() <= id) marks->resize(id + 10'000);
    (*marks)[id] = mark;
  }

  std::mt19937 random_;
  PublishLog log_{kBytesMax};
  Stream stream_;
  bool connected_ = false;
  uint64_t last_ = 0;  // the broker's
  bool fresh_ = true;  // it has no frame of this client
  std::vector<bool> accepted_ = std::vector<bool>(100'000);
  std::vector<bool> given_ = std::vector<bool>(100'000);
  std::vector<bool> maybe_ = std::vector<bool>(100'000);
};

TEST(PublishLog, EveryFrameIsAcceptedOnceOrGivenBack) {
  for (uint32_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Model model(seed);
    for (int step = 0; step < 300; ++step) {
      model.Step();
      if (testing::Test::HasFailure()) return;
    }
    model.End();
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace mycelium::core
