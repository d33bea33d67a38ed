// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include "symbolizer/code/effects.h"
#include "symbolizer/code/leaders.h"

namespace dlog::code {
namespace {

constexpr size_t kMaxTableEntries = 1 << 16;
constexpr uint8_t kCallRel32 = 0xe8;
constexpr uint8_t kJumpRel32 = 0xe9;
constexpr uint8_t kTwoByteOpcode = 0x0f;

template <typename T>
T LoadAt(const uint8_t* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(value));
  return value;
}

// Whether the four bytes at `i` can be the displacement of a call, jmp or jcc.
bool FollowsBranchOpcode(std::span<const uint8_t> text, size_t i) {
  if (i >= 1 && (text[i - 1] == kCallRel32 || text[i - 1] == kJumpRel32)) return true;
  return i >= 2 && text[i - 2] == kTwoByteOpcode && (text[i - 1] & 0xf0) == 0x80;
}

const MappedBytes* RangeOf(const std::vector<MappedBytes>& ranges, uint64_t address) {
  for (const MappedBytes& range : ranges) {
    if (range.Contains(address)) return &range;
  }
  return nullptr;
}

}  // namespace

// What decoding the function itself has shown.
struct FunctionFlow::Found {
  std::vector<uint64_t> addresses_taken;
  bool indirect_jump = false;
  bool leaks_rsp = false;
  bool leaks_rbp = false;
  bool sets_frame_pointer = false;
};

FunctionFlow::FunctionFlow(const Image& image, std::vector<MappedBytes> function) : function_(std::move(function)) {
  Found found;
  if (!Decode(&found)) return;
  frame_is_private_ = !found.leaks_rsp && !(found.sets_frame_pointer && found.leaks_rbp);
  AddBranchesFromElsewhere(image);
  // An indirect jump goes where pointers or tables lead; without either nothing is known.
  const bool pointers = AddPointers(image);
  table_of_pointers_ = found.indirect_jump && pointers;
  if (found.indirect_jump && !AddTables(image, found, pointers)) return;
  std::sort(leaders_.begin(), leaders_.end());
  leaders_.erase(std::unique(leaders_.begin(), leaders_.end()), leaders_.end());
  followed_ = true;
}

bool FunctionFlow::Inside(uint64_t address) const { return RangeOf(function_, address) != nullptr; }

void FunctionFlow::AddLeader(uint64_t address) {
  if (Inside(address)) leaders_.push_back(address);
}

bool FunctionFlow::Decode(Found* found) {
  for (const MappedBytes& range : function_) {
    AddLeader(range.begin.value);
    for (size_t i = 0; i < range.bytes.size();) {
      const uint64_t address = range.begin.value + i;
      auto effects = EffectsOf(range.bytes.subspan(i), LinkAddress{address});
      if (!effects.ok()) return false;
      starts_.push_back(address);
      if (effects->target.has_value()) AddLeader(effects->target->value);
      if (effects->target.has_value() && effects->jumps) own_targets_.push_back(effects->target->value);
      if (effects->address_taken.has_value()) found->addresses_taken.push_back(effects->address_taken->value);
      if (effects->immediate.has_value()) AddLeader(*effects->immediate);
      found->leaks_rsp |= effects->leaks_rsp;
      found->leaks_rbp |= effects->leaks_rbp;
      found->sets_frame_pointer |= effects->sets_frame_pointer;
      found->indirect_jump |= effects->indirect_jump;
      i += effects->length;
    }
  }
  std::sort(starts_.begin(), starts_.end());
  return true;
}

// Every four bytes of the text that could be the displacement of a branch into the function, whether or not an
// instruction starts where it would have to. Far cheaper than decoding megabytes, and a few leaders too many do no
// harm. Branches with one-byte displacements come from the same function in compiled code.
void FunctionFlow::AddBranchesFromElsewhere(const Image& image) {
  if (function_.empty()) return;
  uint64_t low = function_.front().begin.value;
  uint64_t high = function_.front().end();
  for (const MappedBytes& range : function_) {
    low = std::min(low, range.begin.value);
    high = std::max(high, range.end());
  }
  const uint64_t span = high - low;
  for (const MappedBytes& text : image.text) {
    for (size_t i = 0; i + 4 <= text.bytes.size(); ++i) {
      const auto displacement = static_cast<uint64_t>(int64_t{LoadAt<int32_t>(text.bytes.data() + i)});
      const uint64_t target = text.begin.value + i + 4 + displacement;
      if (target - low >= span) continue;
      if (FollowsBranchOpcode(text.bytes, i)) AddLeader(target);
    }
  }
}

// Pointers to labels: jump tables of absolute addresses, computed goto, abort handlers of restartable sequences.
bool FunctionFlow::AddPointers(const Image& image) {
  bool any = false;
  const auto add = [&](uint64_t address) {
    const MappedBytes* range = RangeOf(function_, address);
    if (range == nullptr) return;
    leaders_.push_back(address);
    if (address == range->begin.value) {
      pointed_starts_.push_back(address);  // that may be a pointer to the function
    } else {
      any = true;
    }
  };
  for (const MappedBytes& data : image.data) {
    const size_t skip = (8 - data.begin.value % 8) % 8;
    for (size_t i = skip; i + 8 <= data.bytes.size(); i += 8) add(LoadAt<uint64_t>(data.bytes.data() + i));
  }
  for (const MappedBytes& range : function_) {
    auto first = std::lower_bound(image.entries.begin(), image.entries.end(), range.begin.value);
    for (; first != image.entries.end() && *first < range.end(); ++first) add(*first);
  }
  return any;
}

// A position-independent jump table holds 32-bit distances from its own start, which the code loads with lea. Every
// place that the function loads so is taken for a table, as long as its entries lead into code. False when an indirect
// jump has no table that could be found.
bool FunctionFlow::AddTables(const Image& image, const Found& found, bool pointers) {
  const size_t before = leaders_.size();
  for (const uint64_t base : found.addresses_taken) {
    // The address of a label: what is computed with it is anybody's guess.
    if (Inside(base)) return false;
    const MappedBytes* data = RangeOf(image.data, base);
    if (data == nullptr) continue;
    const size_t offset = base - data->begin.value;
    for (size_t n = 0; n < kMaxTableEntries && offset + 4 * n + 4 <= data->bytes.size(); ++n) {
      const int64_t entry = LoadAt<int32_t>(data->bytes.data() + offset + 4 * n);
      const uint64_t target = base + static_cast<uint64_t>(entry);
      if (RangeOf(image.text, target) == nullptr) break;
      AddLeader(target);
      own_targets_.push_back(target);
    }
  }
  return leaders_.size() > before || pointers;
}

bool FunctionFlow::IsStraight(LinkAddress address) const {
  return followed_ && IsInstruction(address) && !std::binary_search(leaders_.begin(), leaders_.end(), address.value);
}

bool FunctionFlow::MayJumpBackTo(LinkAddress address) const {
  const auto has = [&](const std::vector<uint64_t>& places) {
    return std::find(places.begin(), places.end(), address.value) != places.end();
  };
  return has(own_targets_) || (table_of_pointers_ && has(pointed_starts_));
}

bool FunctionFlow::IsInstruction(LinkAddress address) const {
  return std::binary_search(starts_.begin(), starts_.end(), address.value);
}

LinkAddress FunctionFlow::Before(LinkAddress address) const {
  const MappedBytes* range = RangeOf(function_, address.value);
  const auto at = std::lower_bound(starts_.begin(), starts_.end(), address.value);
  if (range == nullptr || at == starts_.begin() || !range->Contains(*std::prev(at))) return LinkAddress{0};
  return LinkAddress{*std::prev(at)};
}

std::span<const uint8_t> FunctionFlow::BytesAt(LinkAddress address) const {
  const MappedBytes* range = RangeOf(function_, address.value);
  if (range == nullptr) return {};
  return range->bytes.subspan(address.value - range->begin.value);
}

}  // namespace dlog::code
