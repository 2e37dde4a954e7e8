#include "broker/block.h"

#include <new>

#include "config/limits.h"

namespace mycelium::broker {
namespace {

Block* Allocate(BlockPool* pool, uint32_t capacity) {
  void* const memory = ::operator new(sizeof(Block) + capacity);
  return new (memory) Block{pool, 0, capacity};
}

}  // namespace

void Block::Dispose(Block* block) {
  BlockPool* const pool = block->pool;
  pool->used_bytes_ -= block->capacity;
  if (block->capacity == kBlockBytes && pool->spare_.size() < kSpareBlocksMax) {
    pool->spare_.push_back(block);
  } else {
    ::operator delete(block);
  }
}

BlockPool::~BlockPool() {
  for (Block* block : spare_) ::operator delete(block);
}

Ref<Block> BlockPool::Take() {
  used_bytes_ += kBlockBytes;
  if (spare_.empty()) return Ref<Block>(Allocate(this, kBlockBytes));
  Block* const block = spare_.back();
  spare_.pop_back();
  return Ref<Block>(block);
}

Ref<Block> BlockPool::TakeExact(uint32_t bytes) {
  used_bytes_ += bytes;
  return Ref<Block>(Allocate(this, bytes));
}

}  // namespace mycelium::broker
