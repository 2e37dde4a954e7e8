#include "broker/inbox.h"

#include <algorithm>
#include <cstring>
#include <random>
#include <string>

#include "config/limits.h"
#include "gtest/gtest.h"
#include "proto/frame.h"

namespace mycelium::broker {
namespace {

// A peer whose bytes arrive in pieces; checks that whole frames come out.
struct Peer {
  explicit Peer(ReadArea* area) : inbox(area) {}

  // Offers bytes as a socket would; returns how many were taken.
  size_t Offer(std::string_view bytes) {
    const std::span<uint8_t> room = inbox.Prepare();
    EXPECT_FALSE(room.empty());
    const size_t taken = std::min(bytes.size(), room.size());
    std::memcpy(room.data(), bytes.data(), taken);
    Inbox::Bytes input = inbox.Add(static_cast<uint32_t>(taken));
    uint64_t frame_bytes = 0;
    FrameView frame;
    const FrameReader reader(kFrameBytesMaxCeiling);
    while (reader.Next(input.view(), &frame) == FrameStatus::kFrame) {
      received.append(reinterpret_cast<const char*>(frame.bytes),
                      frame.frame_bytes());
      input.begin += static_cast<uint32_t>(frame.frame_bytes());
    }
    if (input.end - input.begin >= kHeaderBytes) {
      frame_bytes = kHeaderBytes + LoadHeader(input.view().data()).body_bytes;
    }
    inbox.Keep(input, frame_bytes);
    return taken;
  }

  Inbox inbox;
  std::string received;
};

std::string Frame(uint32_t payload_bytes, char fill) {
  std::string frame(kHeaderBytes + payload_bytes, fill);
  StoreHeader({payload_bytes, 7, 1, 0, 0},
              reinterpret_cast<uint8_t*>(frame.data()));
  return frame;
}

TEST(Inbox, AnIdleSessionHoldsNoBlock) {
  BlockPool pool;
  ReadArea area(&pool);
  Peer a(&area), b(&area);
  a.Offer(Frame(100, 'a'));
  b.Offer(Frame(100, 'b'));
  EXPECT_EQ(pool.used_bytes(), kBlockBytes);  // the area's own
  EXPECT_FALSE(a.inbox.holds_partial_frame());
}

TEST(Inbox, ASmallIncompleteFrameOfASilentSessionPinsNoBlock) {
  BlockPool pool;
  ReadArea area(&pool);
  std::vector<std::unique_ptr<Peer>> peers;
  for (int i = 0; i < 100; ++i) {
    peers.push_back(std::make_unique<Peer>(&area));
    peers.back()->Offer(Frame(1000, 'x').substr(0, 300));
  }
  EXPECT_LE(pool.used_bytes(), 2u * kBlockBytes);
}

TEST(Inbox, AFrameLargerThanABlockIsReadIntoABlockOfItsOwn) {
  BlockPool pool;
  ReadArea area(&pool);
  Peer a(&area);
  const std::string frame = Frame(3 * kBlockBytes, 'a');
  size_t at = 0;
  while (at < frame.size()) at += a.Offer(std::string_view(frame).substr(at));
  EXPECT_EQ(a.received, frame);
}

TEST(Inbox, RandomPiecesOfManySessionsComeOutAsTheyWentIn) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  BlockPool pool;
  {
    ReadArea area(&pool);
    std::vector<std::unique_ptr<Peer>> peers;
    std::vector<std::string> sent(8);
    std::vector<size_t> at(8);
    for (int i = 0; i < 8; ++i) {
      peers.push_back(std::make_unique<Peer>(&area));
      for (int j = 0; j < 60; ++j) {
        const uint32_t bytes =
            random() % 10 == 0 ? random() % (2 * kBlockBytes) : random() % 3000;
        sent[i] += Frame(bytes, static_cast<char>('a' + j % 26));
      }
    }
    for (bool more = true; more;) {
      more = false;
      for (size_t i = 0; i < peers.size(); ++i) {
        if (at[i] == sent[i].size()) continue;
        more = true;
        const size_t piece =
            random() % 4 == 0 ? 1 + random() % 20 : 1 + random() % 100000;
        at[i] +=
            peers[i]->Offer(std::string_view(sent[i]).substr(at[i], piece));
      }
    }
    for (size_t i = 0; i < peers.size(); ++i) {
      EXPECT_TRUE(peers[i]->received == sent[i]) << "session " << i;
      EXPECT_FALSE(peers[i]->inbox.holds_partial_frame());
    }
  }
  EXPECT_EQ(pool.used_bytes(), 0u);
}

}  // namespace
}  // namespace mycelium::broker
