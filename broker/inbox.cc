#include "broker/inbox.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "config/limits.h"
#include "proto/frame.h"

namespace mycelium::broker {
namespace {

// Less than this of a frame is copied aside, so that it does not pin a block.
constexpr uint32_t kAsideBytesMax = 4 << 10;

}  // namespace

Inbox::~Inbox() {
  if (area_->tail_owner == this) area_->tail_owner = nullptr;
}

void Inbox::NewBlock() {
  area_->block = area_->pool->Take();
  area_->used = 0;
}

void Inbox::SetAside() {
  area_->tail_owner = nullptr;
  const uint8_t* const kept = area_->block->bytes() + area_->used - kept_bytes_;
  if (kept_bytes_ < kAsideBytesMax) {
    aside_.assign(kept, kept + kept_bytes_);
  } else {
    own_ = area_->pool->TakeExact(static_cast<uint32_t>(frame_bytes_));
    std::memcpy(own_->bytes(), kept, kept_bytes_);
  }
}

void Inbox::MoveToNewBlock(const uint8_t* kept) {
  const Ref<Block> old = area_->block;
  if (frame_bytes_ > kBlockBytes) {
    own_ = area_->pool->TakeExact(static_cast<uint32_t>(frame_bytes_));
    std::memcpy(own_->bytes(), kept, kept_bytes_);
    if (area_->tail_owner == this) area_->tail_owner = nullptr;
    return;
  }
  NewBlock();
  std::memcpy(area_->block->bytes(), kept, kept_bytes_);
  area_->used = kept_bytes_;
  area_->tail_owner = this;
}

std::span<uint8_t> Inbox::Prepare() {
  if (!own_) {
    if (area_->tail_owner != nullptr && area_->tail_owner != this) {
      area_->tail_owner->SetAside();
    }
    if (!area_->block) NewBlock();
    const uint64_t rest = std::max<uint64_t>(frame_bytes_, kHeaderBytes);
    const uint64_t room = std::max<uint64_t>(rest, kReadBytesMin);
    if (area_->tail_owner == this) {
      if (kBlockBytes - area_->used + kept_bytes_ < room) {
        MoveToNewBlock(area_->block->bytes() + area_->used - kept_bytes_);
      }
    } else if (kept_bytes_ > 0) {
      if (kBlockBytes - area_->used < room) {
        MoveToNewBlock(aside_.data());
      } else {
        std::memcpy(area_->block->bytes() + area_->used, aside_.data(),
                    kept_bytes_);
        area_->used += kept_bytes_;
        area_->tail_owner = this;
      }
      aside_ = {};
    } else if (kBlockBytes - area_->used < room) {
      NewBlock();
    }
  }
  if (own_) {
    return {own_->bytes() + kept_bytes_, own_->capacity - kept_bytes_};
  }
  return {area_->block->bytes() + area_->used, kBlockBytes - area_->used};
}

Inbox::Bytes Inbox::Add(uint32_t bytes) {
  const uint32_t total = std::exchange(kept_bytes_, 0) + bytes;
  frame_bytes_ = 0;
  if (own_) return {std::exchange(own_, {}), 0, total};
  area_->used += bytes;
  area_->tail_owner = nullptr;
  return {area_->block, area_->used - total, area_->used};
}

void Inbox::Keep(const Bytes& rest, uint64_t frame_bytes) {
  kept_bytes_ = rest.end - rest.begin;
  frame_bytes_ = frame_bytes;
  if (kept_bytes_ == 0) return;
  if (rest.block == area_->block) {
    area_->tail_owner = this;
  } else {
    own_ = rest.block;  // it holds this one frame, from its first byte
  }
}

}  // namespace mycelium::broker
