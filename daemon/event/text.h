// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace dlog::event {

// Bytes that grow at the end, in one piece. Views of what was written stay valid, with the bytes they had, until
// clear(), even when the text has to move to grow; only what resize() cuts off is written over. Thread-compatible.
class Text {
 public:
  using value_type = char;  // for std::back_inserter

  Text() = default;
  Text(const Text&) = delete;
  Text& operator=(const Text&) = delete;

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const char* data() const { return data_.get(); }
  std::string_view view(size_t from = 0) const { return {data_.get() + from, size_ - from}; }

  void push_back(char c) {
    *Room(1) = c;
    ++size_;
  }
  Text& append(std::string_view bytes) {
    if (bytes.empty()) return *this;
    std::memcpy(Room(bytes.size()), bytes.data(), bytes.size());
    size_ += bytes.size();
    return *this;
  }
  // Cuts off the end: `size` is at most size().
  void resize(size_t size) { size_ = size; }
  // Keeps the memory of the last piece.
  void clear() {
    size_ = 0;
    outgrown_.clear();
  }

  // Where the next bytes go, room for `count` of them; Advance() makes those that were written part of the text.
  char* Room(size_t count) {
    if (capacity_ - size_ < count) Grow(count);
    return data_.get() + size_;
  }
  void Advance(size_t count) { size_ += count; }

  // Of memory held.
  size_t capacity() const { return capacity_ + outgrown_bytes_; }

 private:
  void Grow(size_t count);

  std::unique_ptr<char[]> data_;
  size_t size_ = 0;
  size_t capacity_ = 0;
  std::vector<std::unique_ptr<char[]>> outgrown_;
  size_t outgrown_bytes_ = 0;
};

}  // namespace dlog::event
