// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <string_view>
#include <vector>

#include "daemon/event/text.h"
#include "daemon/event/value.h"

namespace dlog::event {

// The memory of values: given out piece by piece, given back all at once. Thread-compatible.
class Storage {
 public:
  Storage() = default;
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  Value* NewValue() { return new (Allocate(sizeof(Value), alignof(Value))) Value(this); }
  std::string_view Copy(std::string_view bytes);
  // What values are shown as.
  Text& text() { return text_; }
  // Ends everything made so far; keeps memory for the next.
  void Clear();
  // Of memory held, roughly.
  size_t bytes() const { return used_ + text_.capacity(); }
  // Of it, what something was put into.
  size_t filled_bytes() const { return used_ - left_ + text_.size(); }

 private:
  void* Allocate(size_t bytes, size_t alignment) {
    const size_t padding = -reinterpret_cast<uintptr_t>(next_) & (alignment - 1);
    if (left_ < bytes + padding) return AllocateInNewChunk(bytes, alignment);
    void* place = next_ + padding;
    next_ += bytes + padding;
    left_ -= bytes + padding;
    return place;
  }
  void* AllocateInNewChunk(size_t bytes, size_t alignment);

  // Chunks double from the first to the largest: an event alone takes little, many take few pieces.
  static constexpr size_t kFirstChunkBytes = size_t{1} << 10;
  static constexpr size_t kMaxChunkBytes = size_t{64} << 10;
  std::vector<std::unique_ptr<std::byte[]>> chunks_;
  std::byte* next_ = nullptr;
  size_t left_ = 0;
  size_t used_ = 0;
  size_t last_chunk_ = 0;
  Text text_;
};

}  // namespace dlog::event
