// SPDX-License-Identifier: Apache-2.0
//
// What the first instructions of a function have stored into its stack frame. Debug information of unoptimised code
// says where a parameter is "in the whole function", although it is there only once the prologue has stored it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "symbolizer/base/addresses.h"

namespace dlog::code {

inline constexpr size_t kMaxTracedBytes = 32u << 10;

// A stack address: an offset from rsp as it was at the function's entry (base 0), or from the result of an alignment
// (`and rsp, -64`), each of which has a base of its own.
struct FramePlace {
  uint32_t base = 0;
  int64_t offset = 0;
  friend bool operator==(const FramePlace&, const FramePlace&) = default;
};

class FrameTrace {
 public:
  // Follows `code`, which begins at `entry`, in address order up to `until`, and a little on to see what comes next.
  // Code that cannot be decoded, or more than kMaxTracedBytes, ends the trace early: what is behind it is not known.
  FrameTrace(std::span<const uint8_t> code, LinkAddress entry, LinkAddress until);

  // Where a general register (DWARF numbering) points to at `until`; none when it is no stack address, or unknown.
  std::optional<FramePlace> Register(uint32_t reg) const;
  // Whether every execution that reaches `until` has written the `size` bytes at `place`. Bytes that no instruction
  // of the prologue stores (padding) do not count, unless it stores none.
  bool Stored(FramePlace place, uint64_t size) const;
  // Whether rsp at `until` is where the body of the function keeps it: nothing is pushed or allocated before the next
  // branch or call, and it is the same as at the function's first branch.
  bool StackPointerSettled() const;
  // Whether every execution of the function comes to `until`: no branch leads past it, no return lies before it.
  bool AlwaysReached() const { return reached_ && always_reached_; }

 private:
  struct Store {
    FramePlace place;
    uint32_t size = 0;
    bool ahead = false;  // at or behind `until`, on the straight way from it
  };
  using Registers = std::array<std::optional<FramePlace>, 16>;
  friend class FrameTracer;

  Registers registers_{};
  std::optional<FramePlace> body_stack_pointer_;  // at the first branch before `until`
  bool grows_ahead_ = false;
  std::vector<Store> stores_;
  bool reached_ = false;
  bool always_reached_ = true;
};

}  // namespace dlog::code
