// Blocks of bytes that reads land in and frames are slices of, counted without
// atomics.  Not thread-safe: belongs to one broker's thread.
#ifndef MYCELIUM_BROKER_BLOCK_H_
#define MYCELIUM_BROKER_BLOCK_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace mycelium::broker {

// A counted reference to a T that has `uint32_t references` and a static
// `void Dispose(T*)`.  No atomics: for one thread.
template <typename T>
class Ref {
 public:
  Ref() = default;
  explicit Ref(T* target) : target_(target) {
    if (target_ != nullptr) ++target_->references;
  }
  Ref(const Ref& other) : Ref(other.target_) {}
  Ref(Ref&& other) noexcept : target_(std::exchange(other.target_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(target_, other.target_);
    return *this;
  }
  ~Ref() {
    if (target_ != nullptr && --target_->references == 0) T::Dispose(target_);
  }

  T* get() const { return target_; }
  T* operator->() const { return target_; }
  T& operator*() const { return *target_; }
  explicit operator bool() const { return target_ != nullptr; }
  bool operator==(const Ref&) const = default;

 private:
  T* target_ = nullptr;
};

class BlockPool;

// `capacity` bytes follow it in memory.
struct Block {
  uint8_t* bytes() { return reinterpret_cast<uint8_t*>(this + 1); }
  static void Dispose(Block* block);

  BlockPool* pool;
  uint32_t references;
  uint32_t capacity;
};

// Makes blocks and keeps some of the usual size for reuse.  Outlives them.
class BlockPool {
 public:
  BlockPool() = default;
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;
  ~BlockPool();

  // A block of kBlockBytes.
  Ref<Block> Take();
  // A block of exactly `bytes`, given back to the system after use.
  Ref<Block> TakeExact(uint32_t bytes);

  // Of all blocks that are referenced; spare ones do not count.
  uint64_t used_bytes() const { return used_bytes_; }

 private:
  friend struct Block;

  std::vector<Block*> spare_;
  uint64_t used_bytes_ = 0;
};

}  // namespace mycelium::broker

#endif  // MYCELIUM_BROKER_BLOCK_H_
