#include "broker/outbox.h"

#include <algorithm>
#include <cstring>
#include <random>

#include "broker/router.h"
#include "config/limits.h"
#include "gtest/gtest.h"

namespace mycelium::broker {
namespace {

constexpr uint32_t kPayloadBytes = 24;
constexpr uint32_t kFrameBytes = kHeaderBytes + kPayloadBytes;

// A block of `frames` frames of type 7 that count from `first_sequence`.
Ref<Block> Frames(BlockPool* pool, uint32_t frames, uint64_t first_sequence) {
  Ref<Block> block = pool->TakeExact(frames * kFrameBytes);
  for (uint32_t i = 0; i < frames; ++i) {
    uint8_t* const frame = block->bytes() + i * kFrameBytes;
    StoreHeader({kPayloadBytes, 7, 1, 0, first_sequence + i}, frame);
    std::memset(frame + kHeaderBytes, static_cast<int>(i), kPayloadBytes);
  }
  return block;
}

struct Member {
  explicit Member(uint32_t id) : subscription(new Subscription) {
    subscription->id = id;
    subscription->queue_bytes_max = 1 << 20;
  }
  Ref<Subscription> subscription;
};

Ref<Delivery> To(std::initializer_list<Member*> members) {
  Ref<Delivery> delivery(new Delivery);
  for (Member* member : members) {
    delivery->subscriptions.push_back(member->subscription);
  }
  return delivery;
}

constexpr int64_t kControlEvent = 1'000'000;

// What a peer reads: sequences of data frames, gaps as negative counts, other
// control kinds as kControlEvent + kind.
class Reader {
 public:
  // Takes up to `bytes` of the outbox, as a socket would.
  void Take(Outbox* outbox, uint64_t bytes) {
    while (bytes > 0 && !outbox->empty()) {
      iovec iovecs[4];
      const size_t count = outbox->Gather(iovecs);
      uint64_t taken = 0;
      for (size_t i = 0; i < count; ++i) ASSERT_GT(iovecs[i].iov_len, 0u);
      for (size_t i = 0; i < count && taken < bytes; ++i) {
        const size_t n = std::min<uint64_t>(iovecs[i].iov_len, bytes - taken);
        const auto* const base = static_cast<uint8_t*>(iovecs[i].iov_base);
        bytes_.insert(bytes_.end(), base, base + n);
        taken += n;
      }
      frames_written_ += outbox->Consume(taken, &relieved_).frames;
      bytes -= taken;
    }
  }
  void TakeAll(Outbox* outbox) { Take(outbox, UINT64_MAX); }

  std::vector<int64_t> Parse() {
    std::vector<int64_t> events;
    size_t at = 0;
    FrameView frame;
    while (FrameReader(1 << 20).Next(std::span(bytes_).subspan(at), &frame) ==
           FrameStatus::kFrame) {
      at += frame.frame_bytes();
      if (frame.header.type_id != 0) {
        events.push_back(static_cast<int64_t>(frame.header.id));
        continue;
      }
      if (frame.header.kind != static_cast<uint8_t>(ControlKind::kGap)) {
        events.push_back(kControlEvent + frame.header.kind);
        continue;
      }
      wire::Gap gap;
      EXPECT_TRUE(gap.ParseFromArray(frame.payload().data(),
                                     static_cast<int>(frame.payload().size())));
      gaps.push_back(gap);
      for (const wire::Gap::Range& range : gap.ranges()) {
        events.push_back(-static_cast<int64_t>(range.frames()));
      }
    }
    EXPECT_EQ(at, bytes_.size()) << "the stream ends within a frame";
    return events;
  }

  std::vector<wire::Gap> gaps;
  std::vector<Subscription*> relieved_;
  uint64_t frames_written_ = 0;

 private:
  std::vector<uint8_t> bytes_;
};

using Events = std::vector<int64_t>;

TEST(Outbox, FramesSideBySideForTheSameSubscriptionAreOnePiece) {
  BlockPool pool;
  Outbox outbox(&pool);
  Member a(1);
  const Ref<Delivery> to_a = To({&a});
  const Ref<Block> block = Frames(&pool, 3, 1);
  for (uint32_t i = 0; i < 3; ++i) {
    outbox.Append(block, i * kFrameBytes, (i + 1) * kFrameBytes, 1, to_a);
  }
  iovec iovecs[8];
  EXPECT_EQ(outbox.Gather(iovecs), 1u);
  EXPECT_EQ(iovecs[0].iov_len, 3 * kFrameBytes);
  EXPECT_EQ(a.subscription->queued_bytes, 3 * kFrameBytes);
}

TEST(Outbox, ConsumedBytesAreDischargedAndTheirBlocksGoBack) {
  BlockPool pool;
  Outbox outbox(&pool);
  Member a(1);
  outbox.Append(Frames(&pool, 3, 1), 0, 3 * kFrameBytes, 3, To({&a}));
  EXPECT_EQ(outbox.Consume(kFrameBytes + 5, nullptr).frames, 0u);
  EXPECT_EQ(a.subscription->queued_bytes, 2 * kFrameBytes - 5);
  EXPECT_EQ(outbox.Consume(2 * kFrameBytes - 5, nullptr).frames, 3u);
  EXPECT_TRUE(outbox.empty());
  EXPECT_EQ(a.subscription->queued_bytes, 0u);
  EXPECT_EQ(pool.used_bytes(), 0u);
}

TEST(Outbox, TheOldestAreDroppedAndReportedInTheirPlace) {
  BlockPool pool;
  Outbox outbox(&pool);
  Member a(1);
  outbox.Append(Frames(&pool, 10, 1), 0, 10 * kFrameBytes, 10, To({&a}));
  outbox.DropOldest(a.subscription.get(), 4 * kFrameBytes,
                    wire::GAP_REASON_OVERFLOW);
  EXPECT_EQ(a.subscription->queued_bytes, 4 * kFrameBytes);
  Reader reader;
  reader.TakeAll(&outbox);
  EXPECT_EQ(reader.Parse(), (Events{-6, 7, 8, 9, 10}));
  ASSERT_EQ(reader.gaps.size(), 1u);
  EXPECT_EQ(reader.gaps[0].ranges(0).first_sequence(), 1u);
  EXPECT_EQ(reader.gaps[0].ranges(0).last_sequence(), 6u);
  EXPECT_EQ(reader.gaps[0].reason(), wire::GAP_REASON_OVERFLOW);
  EXPECT_EQ(reader.frames_written_, 4u);
}

TEST(Outbox, AFrameThatHasBegunIsFinishedBeforeTheGap) {
  BlockPool pool;
  Outbox outbox(&pool);
  Member a(1);
  outbox.Append(Frames(&pool, 10, 1), 0, 10 * kFrameBytes, 10, To({&a}));
  Reader reader;
  reader.Take(&outbox, kFrameBytes + 3);
  outbox.DropOldest(a.subscription.get(), 2 * kFrameBytes,
                    wire::GAP_REASON_OVERFLOW);
  reader.TakeAll(&outbox);
  EXPECT_EQ(reader.Parse(), (Events{1, 2, -7, 10}));
}

TEST(Outbox, DropsThatFollowEachOtherBecomeOneGap) {
  BlockPool pool;
  Outbox outbox(&pool);
  Member a(1);
  for (uint64_t first = 1; first <= 91; first += 10) {
    outbox.Append(Frames(&pool, 10, first), 0, 10 * kFrameBytes, 10, To({&a}));
    outbox.DropOldest(a.subscription.get(), 5 * kFrameBytes,
                      wire::GAP_REASON_OVERFLOW);
  }
  Reader reader;
  reader.TakeAll(&outbox);
  EXPECT_EQ(reader.Parse(), (Events{-95, 96, 97, 98, 99, 100}));
}

TEST(Outbox, TheNewestFrameIsNeverDroppedHoweverLargeItIs) {
  BlockPool pool;
  Outbox outbox(&pool);
  Member a(1);
  outbox.Append(Frames(&pool, 3, 1), 0, 3 * kFrameBytes, 3, To({&a}));
  outbox.DropOldest(a.subscription.get(), 0, wire::GAP_REASON_OVERFLOW);
  Reader reader;
  reader.TakeAll(&outbox);
  EXPECT_EQ(reader.Parse(), (Events{-2, 3}));
}

TEST(Outbox, WhatOneSubscriptionLosesAnotherOfTheSessionStillGets) {
  BlockPool pool;
  Outbox outbox(&pool);
  Member a(1), b(2);
  outbox.Append(Frames(&pool, 6, 1), 0, 6 * kFrameBytes, 6, To({&a, &b}));
  outbox.DropOldest(a.subscription.get(), 2 * kFrameBytes,
                    wire::GAP_REASON_OVERFLOW);
  EXPECT_EQ(a.subscription->queued_bytes, 2 * kFrameBytes);
  EXPECT_EQ(b.subscription->queued_bytes, 6 * kFrameBytes);
  Reader reader;
  reader.TakeAll(&outbox);
  EXPECT_EQ(reader.Parse(), (Events{-4, 1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(reader.gaps[0].subscription_id(), 1u);
  EXPECT_EQ(b.subscription->queued_bytes, 0u);
}

TEST(Outbox, AnExpressFrameGoesBeforeAllDataThatHasNotBegun) {
  BlockPool pool;
  Outbox outbox(&pool);
  Member a(1);
  outbox.Append(Frames(&pool, 4, 1), 0, 4 * kFrameBytes, 4, To({&a}));
  Reader reader;
  reader.Take(&outbox, kFrameBytes + 1);
  outbox.PushExpress(ControlKind::kPong, 5, {});
  outbox.PushExpress(ControlKind::kHold, 0, {});
  outbox.PushControl(ControlKind::kUnsubscribed, 0, {});
  reader.TakeAll(&outbox);
  EXPECT_EQ(reader.Parse(), (Events{1, 2, kControlEvent + 14, kControlEvent + 9,
                                    3, 4, kControlEvent + 6}));
  EXPECT_EQ(reader.frames_written_, 4u);
  EXPECT_EQ(outbox.control_bytes(), 0u);
}

TEST(Outbox, DropAllKeepsOnlyTheFrameThatHasBegun) {
  BlockPool pool;
  Outbox outbox(&pool);
  Member a(1);
  outbox.Append(Frames(&pool, 4, 1), 0, 4 * kFrameBytes, 4, To({&a}));
  Reader reader;
  reader.Take(&outbox, 1);
  outbox.DropAll();
  outbox.PushExpress(ControlKind::kClose, 0, {});
  reader.TakeAll(&outbox);
  EXPECT_EQ(reader.Parse(), (Events{1, kControlEvent + 16}));
}

TEST(Outbox, ASubscriptionThatFallsToHalfOfItsBoundIsRelieved) {
  BlockPool pool;
  Outbox outbox(&pool);
  Member a(1);
  BlockPool port_pool;
  a.subscription->port = reinterpret_cast<Port*>(&port_pool);  // only not null
  a.subscription->state = Subscription::State::kHolding;
  a.subscription->queue_bytes_max = 4 * kFrameBytes;
  outbox.Append(Frames(&pool, 4, 1), 0, 4 * kFrameBytes, 4, To({&a}));
  std::vector<Subscription*> relieved;
  outbox.Consume(2 * kFrameBytes - 1, &relieved);
  EXPECT_TRUE(relieved.empty());
  outbox.Consume(1, &relieved);
  EXPECT_EQ(relieved, std::vector<Subscription*>{a.subscription.get()});
}

TEST(Outbox, CompactionKeepsTheBytesAndFreesTheBlocks) {
  BlockPool pool;
  Outbox outbox(&pool);
  Member a(1);
  const Ref<Delivery> to_a = To({&a});
  for (uint64_t i = 1; i <= 50; ++i) {
    // One frame out of each whole block.
    const Ref<Block> block = pool.Take();
    const Ref<Block> frame = Frames(&pool, 1, i);
    std::memcpy(block->bytes(), frame->bytes(), kFrameBytes);
    outbox.Append(block, 0, kFrameBytes, 1, to_a);
  }
  Reader reader;
  reader.Take(&outbox, 3);
  EXPECT_GE(pool.used_bytes(), 50u * kBlockBytes);
  outbox.CompactIfSparse();
  EXPECT_LT(pool.used_bytes(), 2u * kBlockBytes);
  reader.TakeAll(&outbox);
  Events expected;
  for (int64_t i = 1; i <= 50; ++i) expected.push_back(i);
  EXPECT_EQ(reader.Parse(), expected);
  EXPECT_EQ(pool.used_bytes(), 0u);
}

// --- Frames for one subscription alone --------------------------------------

// Its frames come behind ADDRESSEE.
Ref<Delivery> ToAlone(Member* member, bool replayed = false) {
  Ref<Delivery> delivery = To({member});
  delivery->addressee = member->subscription->id;
  delivery->replayed = replayed;
  return delivery;
}

constexpr int64_t kAddressee =
    kControlEvent + static_cast<int64_t>(ControlKind::kAddressee);

TEST(Outbox, AnAddresseeIsToldOnlyWhenItChanges) {
  BlockPool pool;
  Outbox outbox(&pool);
  Member a(1), b(2);
  const Ref<Delivery> to_a = To({&a}), to_b = ToAlone(&b);
  outbox.Append(Frames(&pool, 1, 1), 0, kFrameBytes, 1, to_a);
  outbox.Append(Frames(&pool, 1, 2), 0, kFrameBytes, 1, to_b);
  outbox.Append(Frames(&pool, 1, 3), 0, kFrameBytes, 1, to_b);
  outbox.Append(Frames(&pool, 1, 4), 0, kFrameBytes, 1, to_a);
  EXPECT_EQ(outbox.control_bytes(), 0u);
  Reader reader;
  reader.TakeAll(&outbox);
  EXPECT_EQ(reader.Parse(), (Events{1, kAddressee, 2, 3, kAddressee, 4}));
  EXPECT_EQ(outbox.queued_bytes(), 0u);
}

TEST(Outbox, WhoIsMeantStaysRightWhenFramesBehindItAreDropped) {
  BlockPool pool;
  Outbox outbox(&pool);
  Member a(1), b(2);
  const Ref<Delivery> to_a = To({&a}), to_b = ToAlone(&b);
  outbox.Append(Frames(&pool, 3, 1), 0, 3 * kFrameBytes, 3, to_b);
  outbox.Append(Frames(&pool, 1, 4), 0, kFrameBytes, 1, to_a);
  EXPECT_EQ(outbox.TakeUnwritten(b.subscription.get()).size(), 1u);
  EXPECT_EQ(b.subscription->queued_bytes, 0u);
  outbox.Append(Frames(&pool, 1, 5), 0, kFrameBytes, 1, to_b);
  outbox.Append(Frames(&pool, 1, 6), 0, kFrameBytes, 1, to_b);
  outbox.DropOldest(b.subscription.get(), kFrameBytes,
                    wire::GAP_REASON_OVERFLOW);
  Reader reader;
  reader.TakeAll(&outbox);
  // The first one's ADDRESSEE has nothing behind it any more.
  EXPECT_EQ(reader.Parse(), (Events{kAddressee, 4, kAddressee, -1, 6}));
  EXPECT_EQ(outbox.queued_bytes(), 0u);
  EXPECT_EQ(pool.used_bytes(), 0u);
}

TEST(Outbox, ConflatingKeepsTheNewestAndTellsTheRestInThePlaceOfTheFirst) {
  BlockPool pool;
  Outbox outbox(&pool);
  Member a(1), b(2);
  const Ref<Delivery> to_a = ToAlone(&a), to_b = To({&b});
  a.subscription->overflow = wire::OVERFLOW_CONFLATE;
  outbox.Append(Frames(&pool, 1, 1), 0, kFrameBytes, 1, to_b);
  outbox.Append(Frames(&pool, 4, 2), 0, 4 * kFrameBytes, 4, to_a);
  outbox.Append(Frames(&pool, 1, 6), 0, kFrameBytes, 1, to_b);
  outbox.Append(Frames(&pool, 3, 7), 0, 3 * kFrameBytes, 3, to_a);
  outbox.Conflate();
  EXPECT_EQ(outbox.TakeConflated(), 6u);
  EXPECT_EQ(a.subscription->queued_bytes, kFrameBytes);
  EXPECT_EQ(a.subscription->frames_dropped, 6u);
  outbox.Conflate();  // nothing more
  EXPECT_EQ(outbox.TakeConflated(), 0u);
  Reader reader;
  reader.TakeAll(&outbox);
  EXPECT_EQ(reader.Parse(),
            (Events{1, kAddressee, -6, kAddressee, 6, kAddressee, 9}));
  ASSERT_EQ(reader.gaps.size(), 1u);
  EXPECT_EQ(reader.gaps[0].reason(), wire::GAP_REASON_CONFLATED);
  EXPECT_EQ(reader.gaps[0].ranges(0).first_sequence(), 2u);
  EXPECT_EQ(reader.gaps[0].ranges(0).last_sequence(), 8u);
  EXPECT_EQ(outbox.queued_bytes(), 0u);
  EXPECT_EQ(pool.used_bytes(), 0u);
}

TEST(Outbox, ConflatingLeavesWhatHasBegun) {
  BlockPool pool;
  Outbox outbox(&pool);
  Member a(1);
  a.subscription->overflow = wire::OVERFLOW_CONFLATE;
  outbox.Append(Frames(&pool, 5, 1), 0, 5 * kFrameBytes, 5, ToAlone(&a));
  Reader reader;
  constexpr uint64_t kAddresseeBytes = kHeaderBytes + 2;
  reader.Take(&outbox, kAddresseeBytes + kFrameBytes + 1);
  outbox.Conflate();
  reader.TakeAll(&outbox);
  EXPECT_EQ(reader.Parse(), (Events{kAddressee, 1, 2, -2, 5}));
}

TEST(Outbox, WhatComesOutOfHistoryRaisesTheBoundWhileItWaits) {
  BlockPool pool;
  Outbox outbox(&pool);
  Member a(1);
  a.subscription->queue_bytes_max = kFrameBytes;
  outbox.Append(Frames(&pool, 5, 1), 0, 5 * kFrameBytes, 5, ToAlone(&a, true));
  EXPECT_EQ(a.subscription->replayed_bytes, 5 * kFrameBytes);
  EXPECT_FALSE(a.subscription->full());
  outbox.Append(Frames(&pool, 2, 6), 0, 2 * kFrameBytes, 2, To({&a}));
  EXPECT_TRUE(a.subscription->full());
  outbox.DropOldest(a.subscription.get(), 4 * kFrameBytes,
                    wire::GAP_REASON_OVERFLOW);
  EXPECT_EQ(a.subscription->replayed_bytes, 2 * kFrameBytes);
  Reader reader;
  reader.TakeAll(&outbox);
  EXPECT_EQ(reader.Parse(), (Events{kAddressee, -3, 4, 5, kAddressee, 6, 7}));
  EXPECT_EQ(a.subscription->replayed_bytes, 0u);
  EXPECT_EQ(a.subscription->queued_bytes, 0u);
}

class GroupMember : public Member {
 public:
  explicit GroupMember(uint32_t id) : Member(id) {
    subscription->group = "g";
    subscription->port = reinterpret_cast<Port*>(&port_);  // only not null
  }

 private:
  char port_ = 0;
};

TEST(Outbox, AMembersFramesAreChargedUntilItHasAcknowledgedThem) {
  BlockPool pool;
  Outbox outbox(&pool);
  GroupMember a(1);
  Subscription& s = *a.subscription;
  outbox.Append(Frames(&pool, 4, 1), 0, 4 * kFrameBytes, 4, ToAlone(&a));
  iovec iovecs[1];
  outbox.Gather(iovecs);
  std::vector<Subscription*> relieved;
  outbox.Consume(iovecs[0].iov_len, &relieved);  // ADDRESSEE
  // What is written in full can be acknowledged at once.
  EXPECT_EQ(outbox.Consume(2 * kFrameBytes + 5, &relieved).frames, 2u);
  EXPECT_EQ(s.frames_sent, 2u);
  EXPECT_EQ(s.queued_bytes, 4 * kFrameBytes);
  EXPECT_FALSE(Outbox::Acknowledge(&s, 3));
  EXPECT_TRUE(Outbox::Acknowledge(&s, 1));
  EXPECT_EQ(s.queued_bytes, 3 * kFrameBytes);
  EXPECT_TRUE(Outbox::Acknowledge(&s, 1));  // says nothing new
  EXPECT_EQ(outbox.Consume(2 * kFrameBytes - 5, &relieved).frames, 2u);
  EXPECT_TRUE(outbox.empty());
  EXPECT_EQ(outbox.queued_bytes(), 0u);
  EXPECT_EQ(s.frames_sent, 4u);
  EXPECT_TRUE(Outbox::Acknowledge(&s, 4));
  EXPECT_EQ(s.queued_bytes, 0u);
  EXPECT_TRUE(s.unacknowledged.empty());
  EXPECT_EQ(pool.used_bytes(), 0u);
}

TEST(Outbox, WhatHasBegunStaysWithItsMember) {
  BlockPool pool;
  Outbox outbox(&pool);
  GroupMember a(1);
  outbox.Append(Frames(&pool, 4, 1), 0, 4 * kFrameBytes, 4, ToAlone(&a));
  Reader reader;
  iovec iovecs[1];
  outbox.Gather(iovecs);
  reader.Take(&outbox, iovecs[0].iov_len + kFrameBytes + 5);
  const Slice begun = outbox.Begun(a.subscription.get());
  EXPECT_EQ(begun.frames, 1u);
  EXPECT_EQ(LoadHeader(begun.block->bytes() + begun.begin).id, 2u);
  uint32_t frames = 0;
  for (const Slice& slice : outbox.TakeUnwritten(a.subscription.get())) {
    frames += slice.frames;
  }
  EXPECT_EQ(frames, 2u);
  reader.TakeAll(&outbox);
  EXPECT_EQ(reader.Parse(), (Events{kAddressee, 1, 2}));
  EXPECT_EQ(a.subscription->frames_sent, 2u);
  EXPECT_EQ(a.subscription->queued_bytes, 2 * kFrameBytes);
}

TEST(Outbox, FramesToldInAGapCountAsAcknowledged) {
  BlockPool pool;
  Outbox outbox(&pool);
  GroupMember a(1);
  outbox.Append(Frames(&pool, 4, 1), 0, 4 * kFrameBytes, 4, ToAlone(&a));
  outbox.DropOldest(a.subscription.get(), kFrameBytes,
                    wire::GAP_REASON_OVERFLOW);
  Reader reader;
  reader.TakeAll(&outbox);
  EXPECT_EQ(reader.Parse(), (Events{kAddressee, -3, 4}));
  EXPECT_EQ(a.subscription->frames_sent, 4u);
  EXPECT_TRUE(Outbox::Acknowledge(a.subscription.get(), 4));
  EXPECT_EQ(a.subscription->queued_bytes, 0u);
}

TEST(Outbox, TypesThatWaitAreThoseOfFramesForWhoeverTakesThem) {
  BlockPool pool;
  Outbox outbox(&pool);
  Member a(1), b(2);
  outbox.Append(Frames(&pool, 1, 1), 0, kFrameBytes, 1, ToAlone(&b));
  EXPECT_TRUE(outbox.UnwrittenTypes().empty());
  outbox.Append(Frames(&pool, 1, 2), 0, kFrameBytes, 1, To({&a}));
  EXPECT_EQ(outbox.UnwrittenTypes(), (absl::btree_set<uint16_t>{7}));
}

// Every frame is either delivered or in a gap, in order, whatever happens: read
// as a client with both subscriptions reads it.
TEST(Outbox, RandomDropsAndPartialWritesAccountForEveryFrame) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 100; ++round) {
    BlockPool pool;
    Outbox outbox(&pool);
    Member members[2] = {Member(1), Member(2)};
    Member &a = members[0], &b = members[1];
    const Ref<Delivery> to[3] = {To({&a}), To({&b}), To({&a, &b})};
    Reader reader;
    std::vector<uint32_t> whom{0};  // by sequence: bit 0 for a, bit 1 for b
    for (int step = 0; step < 100; ++step) {
      const uint32_t frames = 1 + random() % 8;
      const uint32_t target = random() % 3;
      outbox.Append(Frames(&pool, frames, whom.size()), 0, frames * kFrameBytes,
                    frames, to[target]);
      whom.insert(whom.end(), frames, target + 1);
      if (random() % 3 == 0) {
        outbox.DropOldest(members[random() % 2].subscription.get(),
                          random() % 400, wire::GAP_REASON_OVERFLOW);
      }
      if (random() % 4 == 0) outbox.PushExpress(ControlKind::kPong, 0, {});
      if (random() % 4 == 0) outbox.CompactIfSparse();
      reader.Take(&outbox, random() % 200);
    }
    reader.TakeAll(&outbox);

    uint64_t lost[2] = {}, delivered[2] = {}, last[2] = {};
    size_t gap = 0;
    for (const int64_t event : reader.Parse()) {
      if (event == kControlEvent + static_cast<int>(ControlKind::kPong))
        continue;
      if (event < 0) {
        const wire::Gap::Range& range = reader.gaps[gap].ranges(0);
        const uint32_t who = reader.gaps[gap++].subscription_id() - 1;
        EXPECT_GT(range.first_sequence(), last[who]);
        lost[who] += range.frames();
        last[who] = range.last_sequence();
        continue;
      }
      const auto sequence = static_cast<uint64_t>(event);
      for (const uint32_t who : {0u, 1u}) {
        if ((whom[sequence] >> who & 1) == 0 || sequence <= last[who]) continue;
        ++delivered[who];
        last[who] = sequence;
      }
    }
    for (const uint32_t who : {0u, 1u}) {
      const auto wanted = static_cast<uint64_t>(
          std::count_if(whom.begin(), whom.end(),
                        [who](uint32_t w) { return (w >> who & 1) != 0; }));
      EXPECT_EQ(delivered[who] + lost[who], wanted);
      EXPECT_EQ(lost[who], members[who].subscription->frames_dropped);
      EXPECT_EQ(members[who].subscription->queued_bytes, 0u);
    }
    EXPECT_EQ(outbox.queued_bytes(), 0u);
    EXPECT_EQ(pool.used_bytes(), 0u);
  }
}

TEST(Outbox, RandomKindsOfSubscriptionsEmptyItInTheEnd) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  Port port(nullptr);
  for (int round = 0; round < 2000; ++round) {
    BlockPool pool;
    Outbox outbox(&pool);
    Member shared(1), conflating(2), member(3);
    conflating.subscription->overflow = wire::OVERFLOW_CONFLATE;
    member.subscription->group = "workers";
    for (Member* each : {&shared, &conflating, &member}) {
      each->subscription->port = &port;
    }
    const Ref<Delivery> to[5] = {To({&shared}), ToAlone(&conflating),
                                 ToAlone(&member), ToAlone(&shared, true),
                                 ToAlone(&conflating, true)};
    Subscription* const all[3] = {shared.subscription.get(),
                                  conflating.subscription.get(),
                                  member.subscription.get()};
    uint64_t sequence = 1;
    Reader reader;
    for (int step = 0; step < 60; ++step) {
      const uint32_t frames = 1 + random() % 8;
      outbox.Append(Frames(&pool, frames, sequence), 0, frames * kFrameBytes,
                    frames, to[random() % 5]);
      sequence += frames;
      if (random() % 3 == 0) {
        outbox.DropOldest(all[random() % 3], random() % 400,
                          wire::GAP_REASON_OVERFLOW);
      }
      if (random() % 6 == 0) outbox.Conflate();
      if (random() % 6 == 0) outbox.PushExpress(ControlKind::kPong, 0, {});
      if (random() % 6 == 0) outbox.CompactIfSparse();
      if (random() % 9 == 0) outbox.TakeUnwritten(all[2]);
      if (random() % 6 == 0) {
        Outbox::Acknowledge(all[2], all[2]->frames_sent);
      }
      if (random() % 3 != 0) reader.Take(&outbox, random() % 300);
    }
    reader.TakeAll(&outbox);
    reader.Parse();
    ASSERT_EQ(outbox.queued_bytes(), 0u);
    ASSERT_EQ(outbox.control_bytes(), 0u);
    for (const Subscription* each : all) {
      ASSERT_TRUE(each->losses.empty());
      ASSERT_EQ(each->replayed_bytes, 0u);
      ASSERT_EQ(each->unwritten_bytes(), 0u);
    }
  }
}

}  // namespace
}  // namespace mycelium::broker
