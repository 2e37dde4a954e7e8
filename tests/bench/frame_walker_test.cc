#include "tests/bench/frame_walker.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "gtest/gtest.h"

namespace mycelium::bench {
namespace {

constexpr FrameHeader kExpected = {
    .body_bytes = 64,
    .type_id = 1,
    .kind = static_cast<uint8_t>(DataKind::kPublish),
    .topic_bytes = 0,
    .id = 0};

void Append(FrameHeader header, uint64_t id, std::vector<uint8_t>* stream) {
  header.id = id;
  size_t at = stream->size();
  stream->resize(at + kHeaderBytes + header.body_bytes, 0xa5);
  StoreHeader(header, stream->data() + at);
}

std::vector<uint8_t> Stream(const std::vector<uint64_t>& ids) {
  std::vector<uint8_t> stream;
  for (uint64_t id : ids) Append(kExpected, id, &stream);
  return stream;
}

// Feeds `stream` in pieces of `piece_bytes`.
bool Feed(const std::vector<uint8_t>& stream, size_t piece_bytes,
          FrameWalker* walker) {
  for (size_t at = 0; at < stream.size();) {
    std::span<uint8_t> room = walker->Room();
    size_t bytes = std::min({piece_bytes, room.size(), stream.size() - at});
    std::memcpy(room.data(), stream.data() + at, bytes);
    if (!walker->Walk(bytes)) return false;
    at += bytes;
  }
  return true;
}

void IgnoreControl(const FrameHeader&, std::span<const uint8_t>) {}

class FrameWalkerInPieces : public testing::TestWithParam<size_t> {};

TEST_P(FrameWalkerInPieces, CountsFramesWithoutLoss) {
  FrameWalker walker(kExpected, FrameIds::kCounted, IgnoreControl);
  std::vector<uint64_t> ids;
  for (uint64_t id = 41; id < 5'000; ++id) ids.push_back(id);
  ASSERT_TRUE(Feed(Stream(ids), GetParam(), &walker));
  EXPECT_EQ(walker.frames(), ids.size());
  EXPECT_EQ(walker.reported_frames(), 0u);
  EXPECT_EQ(walker.unexplained_frames(), 0u);
}

TEST_P(FrameWalkerInPieces, MissingAndRepeatedIdsAreUnexplained) {
  FrameWalker walker(kExpected, FrameIds::kCounted, IgnoreControl);
  ASSERT_TRUE(Feed(Stream({1, 2, 5, 6, 6}), GetParam(), &walker));
  EXPECT_EQ(walker.frames(), 5u);
  EXPECT_EQ(walker.unexplained_frames(), 3u);
}

TEST_P(FrameWalkerInPieces, ControlFramesAreHandedOutInTheirPlace) {
  std::vector<uint8_t> stream = Stream({1});
  Append({.body_bytes = 0,
          .type_id = 0,
          .kind = static_cast<uint8_t>(ControlKind::kPing),
          .topic_bytes = 0,
          .id = 0},
         9, &stream);
  Append(kExpected, 2, &stream);
  uint64_t ping_id = 0;
  FrameWalker walker(
      kExpected, FrameIds::kCounted,
      [&](const FrameHeader& header, std::span<const uint8_t> body) {
        EXPECT_EQ(header.kind, static_cast<uint8_t>(ControlKind::kPing));
        EXPECT_TRUE(body.empty());
        ping_id = header.id;
      });
  ASSERT_TRUE(Feed(stream, GetParam(), &walker));
  EXPECT_EQ(ping_id, 9u);
  EXPECT_EQ(walker.frames(), 2u);
  EXPECT_EQ(walker.unexplained_frames(), 0u);
}

TEST_P(FrameWalkerInPieces, AFrameOfAnotherSizeEndsIt) {
  std::vector<uint8_t> stream = Stream({1});
  FrameHeader other = kExpected;
  other.body_bytes = 63;
  Append(other, 2, &stream);
  FrameWalker walker(kExpected, FrameIds::kCounted, IgnoreControl);
  EXPECT_FALSE(Feed(stream, GetParam(), &walker));
  EXPECT_EQ(walker.frames(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Pieces, FrameWalkerInPieces,
                         testing::Values(1, 7, 80, 81, 1 << 20));

TEST(FrameWalker, ReportedFramesAreNotUnexplained) {
  FrameWalker walker(kExpected, FrameIds::kCounted, IgnoreControl);
  ASSERT_TRUE(Feed(Stream({1, 2}), 80, &walker));
  walker.AddReported(3, 3, 5);
  ASSERT_TRUE(Feed(Stream({6}), 80, &walker));
  EXPECT_EQ(walker.reported_frames(), 3u);
  EXPECT_EQ(walker.unexplained_frames(), 0u);
  walker.AddReported(1, 9, 9);
  EXPECT_EQ(walker.unexplained_frames(), 2u);
}

TEST(FrameWalker, IgnoredIdsMayBeAnything) {
  FrameWalker walker(kExpected, FrameIds::kIgnored, IgnoreControl);
  ASSERT_TRUE(Feed(Stream({0, 0, 7, 0}), 80, &walker));
  EXPECT_EQ(walker.frames(), 4u);
  EXPECT_EQ(walker.unexplained_frames(), 0u);
}

}  // namespace
}  // namespace mycelium::bench
