// SPDX-License-Identifier: Apache-2.0
//
// The one way in which this folder reads bytes of a debug section itself. A read beyond the end makes the cursor fail:
// it then returns zeros and stays failed, so a parser checks ok() once per record and not after every field.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace dlog::dwarf {

class Cursor {
 public:
  Cursor() = default;
  explicit Cursor(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  bool ok() const { return ok_; }
  size_t position() const { return at_; }
  size_t remaining() const { return bytes_.size() - at_; }
  bool at_end() const { return !ok_ || at_ == bytes_.size(); }
  void Fail() {
    ok_ = false;
    at_ = bytes_.size();
  }

  uint8_t U8() {
    if (at_ >= bytes_.size()) {
      Fail();
      return 0;
    }
    return bytes_[at_++];
  }
  uint16_t U16() { return Fixed<uint16_t>(); }
  uint32_t U32() { return Fixed<uint32_t>(); }
  uint64_t U64() { return Fixed<uint64_t>(); }
  // An offset of the DWARF format: 4 or 8 bytes.
  uint64_t Offset(bool is_64) { return is_64 ? U64() : U32(); }

  // LEB128 (DWARF 5 section 7.6). Fails when the value does not fit in 64 bits.
  uint64_t Uleb() {
    uint64_t out = 0;
    for (unsigned shift = 0;; shift += 7) {
      const uint8_t byte = U8();
      if (!ok_) return 0;
      const uint64_t bits = byte & 0x7f;
      if (shift >= 64 ? bits != 0 : (shift == 63 && bits > 1)) {
        Fail();
        return 0;
      }
      if (shift < 64) out |= bits << shift;
      if ((byte & 0x80) == 0) return out;
    }
  }
  int64_t Sleb() {
    uint64_t out = 0;
    unsigned shift = 0;
    uint8_t byte = 0;
    do {
      byte = U8();
      if (!ok_ || shift >= 70) {
        Fail();
        return 0;
      }
      if (shift < 64) out |= static_cast<uint64_t>(byte & 0x7f) << shift;
      shift += 7;
    } while ((byte & 0x80) != 0);
    if (shift < 64 && (byte & 0x40) != 0) out |= ~uint64_t{0} << shift;
    return static_cast<int64_t>(out);
  }

  // Up to the terminating NUL, which is skipped.
  std::string_view CString() {
    const void* end = at_ < bytes_.size() ? std::memchr(bytes_.data() + at_, 0, remaining()) : nullptr;
    if (end == nullptr) {
      Fail();
      return {};
    }
    const auto* begin = reinterpret_cast<const char*>(bytes_.data() + at_);
    const size_t length = static_cast<const char*>(end) - begin;
    at_ += length + 1;
    return {begin, length};
  }

  std::span<const uint8_t> Bytes(uint64_t size) {
    if (size > remaining()) {
      Fail();
      return {};
    }
    const auto out = bytes_.subspan(at_, size);
    at_ += size;
    return out;
  }
  void Skip(uint64_t size) { Bytes(size); }

 private:
  template <typename T>
  T Fixed() {
    if (sizeof(T) > remaining()) {
      Fail();
      return 0;
    }
    T out;
    std::memcpy(&out, bytes_.data() + at_, sizeof out);
    at_ += sizeof out;
    return out;
  }

  std::span<const uint8_t> bytes_;
  size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace dlog::dwarf
