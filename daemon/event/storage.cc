// SPDX-License-Identifier: Apache-2.0
#include "daemon/event/storage.h"

#include <algorithm>
#include <type_traits>
#include <utility>

namespace dlog::event {

static_assert(std::is_trivially_destructible_v<Value>, "a storage ends its values without their help");

void* Storage::AllocateInNewChunk(size_t bytes, size_t alignment) {
  const size_t chunk = std::max(std::clamp(used_, kFirstChunkBytes, kMaxChunkBytes), bytes + alignment);
  chunks_.push_back(std::make_unique_for_overwrite<std::byte[]>(chunk));
  used_ += chunk;
  last_chunk_ = chunk;
  next_ = chunks_.back().get();
  left_ = chunk;
  return Allocate(bytes, alignment);
}

std::string_view Storage::Copy(std::string_view bytes) {
  if (bytes.empty()) return {};
  char* place = static_cast<char*>(Allocate(bytes.size(), 1));
  std::memcpy(place, bytes.data(), bytes.size());
  return {place, bytes.size()};
}

void Storage::Clear() {
  text_.clear();
  if (chunks_.empty()) return;
  chunks_.front() = std::move(chunks_.back());  // the largest, most often
  chunks_.resize(1);
  used_ = last_chunk_;
  next_ = chunks_.front().get();
  left_ = last_chunk_;
}

std::string_view Value::Copied(std::string_view bytes) const { return storage_->Copy(bytes); }

Value* ValueList::Add(Storage* storage) {
  Value* value = storage->NewValue();
  (last_ == nullptr ? first_ : last_->next_) = value;
  last_ = value;
  return value;
}

}  // namespace dlog::event
