// SPDX-License-Identifier: Apache-2.0
#include "daemon/event/text.h"

#include <algorithm>
#include <utility>

namespace dlog::event {
namespace {

constexpr size_t kFirstBytes = 512;

}  // namespace

void Text::Grow(size_t count) {
  const size_t capacity = std::max({kFirstBytes, 2 * capacity_, size_ + count});
  auto grown = std::make_unique_for_overwrite<char[]>(capacity);
  if (size_ != 0) std::memcpy(grown.get(), data_.get(), size_);
  if (data_ != nullptr) {
    outgrown_bytes_ += capacity_;
    outgrown_.push_back(std::exchange(data_, nullptr));
  }
  data_ = std::move(grown);
  capacity_ = capacity;
}

}  // namespace dlog::event
