// SPDX-License-Identifier: Apache-2.0
//
// Where control can enter the code of a function other than from the instruction before: the first instructions of its
// basic blocks. An over-approximation: an address that is not here is entered only from the instruction before it, as
// far as compiled code goes. (Code written in assembly may do what it likes: callers keep it out.)
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "symbolizer/base/addresses.h"

namespace dlog::code {

struct MappedBytes {
  LinkAddress begin;
  std::span<const uint8_t> bytes;

  uint64_t end() const { return begin.value + bytes.size(); }
  bool Contains(uint64_t address) const { return address - begin.value < bytes.size(); }
};

// The file's image that all functions share.
struct Image {
  std::vector<MappedBytes> text;  // executable
  std::vector<MappedBytes> data;  // the rest: jump tables, pointers
  // Addresses that the loader or the unwinder knows: addends of relocations, landing pads. Sorted.
  std::vector<uint64_t> entries;
};

// One function: all of its ranges, cold parts included.
class FunctionFlow {
 public:
  // `function`: its ranges, sorted, disjoint, within image.text. Always succeeds; IsStraight() is false everywhere
  // when the code cannot be followed (an indirect jump without a table that was found, bytes that do not decode).
  FunctionFlow(const Image& image, std::vector<MappedBytes> function);

  // The instruction at `address` is reached, if at all, only by executing the one before it.
  bool IsStraight(LinkAddress address) const;
  // A jump of the function itself may lead to `address`, the start of one of its ranges.
  bool MayJumpBackTo(LinkAddress address) const;
  // No instruction of the function makes an address of its stack frame that others could use: what it stores there can
  // be reached through no pointer.
  bool frame_is_private() const { return frame_is_private_; }
  // False when the code cannot be followed.
  bool followed() const { return followed_; }
  // An instruction starts there.
  bool IsInstruction(LinkAddress address) const;
  // The start of the instruction before the one at `address`; 0 when there is none in the same range.
  LinkAddress Before(LinkAddress address) const;
  // Content from `address` to the end of its range; empty when outside.
  std::span<const uint8_t> BytesAt(LinkAddress address) const;

 private:
  struct Found;
  bool Decode(Found* found);
  void AddLeader(uint64_t address);
  void AddBranchesFromElsewhere(const Image& image);
  // Whether there are pointers to other places of the function than where its ranges begin.
  bool AddPointers(const Image& image);
  // False when there are none, nor `pointers`.
  bool AddTables(const Image& image, const Found& found, bool pointers);
  bool Inside(uint64_t address) const;

  std::vector<MappedBytes> function_;
  std::vector<uint64_t> starts_;          // sorted
  std::vector<uint64_t> leaders_;         // sorted when done
  std::vector<uint64_t> own_targets_;     // of direct jumps and of tables
  std::vector<uint64_t> pointed_starts_;  // of ranges: may be pointers to the function, or entries of a table
  bool table_of_pointers_ = false;        // an indirect jump, and pointers to places within
  bool followed_ = false;
  bool frame_is_private_ = false;
};

}  // namespace dlog::code
