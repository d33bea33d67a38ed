// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/prologue.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "symbolizer/dwarf/cfi.h"
#include "symbolizer/dwarf/die.h"
#include "symbolizer/dwarf/location.h"
#include "symbolizer/dwarf/nodes.h"
#include "symbolizer/dwarf/symbols.h"
#include "symbolizer/dwarf/unit_index.h"

namespace dlog::dwarf {
namespace {

constexpr uint32_t kStackPointer = 7;
constexpr size_t kMaxFrameRows = 65536;     // changes of the CFA within one range of a function
constexpr int64_t kReturnAddressBytes = 8;  // at the CFA - 8, where rsp points to at the entry

const code::FrameTrace* TraceTo(const Module& module, const Dwarf_Die& function, LinkAddress address) {
  const std::optional<LinkAddress> known = EntryOf(module, function);
  if (!known.has_value()) return nullptr;
  const uint64_t entry = known->value;
  const std::vector<AddressRange> ranges = RangesOf(module, function);
  const auto body = std::find_if(ranges.begin(), ranges.end(), [&](const auto& r) { return r.Contains({entry}); });
  if (body == ranges.end()) return nullptr;
  // A part of the function elsewhere (.cold) is reached from somewhere behind the prologue.
  const LinkAddress until = body->Contains(address) && entry <= address.value ? address : body->end;
  std::optional<ModuleCache::TracedFrame>& last = module.cache().frame;
  if (!last.has_value() || last->entry.value != entry || last->until != until) {
    const size_t bytes = std::min<uint64_t>(body->end.value - entry, code::kMaxTracedBytes);
    auto code = module.binary().CodeAt({entry}, bytes);
    if (!code.ok()) return nullptr;
    last = {{entry}, until, code::FrameTrace(*code, {entry}, until)};
  }
  return &last->trace;
}

struct RegisterOffset {
  uint32_t reg = 0;
  int64_t offset = 0;
};

std::optional<RegisterOffset> AsRegisterOffset(const v1::Node& address) {
  if (address.kind_case() == v1::Node::kReg) return RegisterOffset{address.reg(), 0};
  if (address.kind_case() != v1::Node::kBinary || address.binary().op() != v1::OP_ADD) return std::nullopt;
  const std::optional<uint64_t> offset = ConstantValue(address.binary().right());
  const v1::Node& base = address.binary().left();
  if (!offset.has_value() || base.kind_case() != v1::Node::kReg) return std::nullopt;
  return RegisterOffset{base.reg(), static_cast<int64_t>(*offset)};
}

std::optional<code::FramePlace> PlaceOf(const Module& module, const code::FrameTrace& trace, RegisterOffset slot,
                                        LinkAddress probe) {
  // The call frame information knows rsp and rbp everywhere; the trace knows what is not relative to the CFA.
  const auto cfa_node = CfaAt(module, probe);
  const std::optional<RegisterOffset> cfa = cfa_node.ok() ? AsRegisterOffset(*cfa_node) : std::nullopt;
  const auto plus = [](int64_t a, int64_t b) {
    return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
  };
  if (cfa.has_value() && cfa->reg == slot.reg) {
    return code::FramePlace{0, plus(plus(slot.offset, ~cfa->offset + 1), kReturnAddressBytes)};
  }
  std::optional<code::FramePlace> place = trace.Register(slot.reg);
  if (place.has_value()) place->offset = plus(place->offset, slot.offset);
  return place;
}

// The CFA's offset from rsp in most of the function's code; none when the CFA is mostly something else.
std::optional<int64_t> UsualStackOffset(const Module& module, const Dwarf_Die& function) {
  std::map<std::optional<int64_t>, uint64_t> bytes;
  for (const AddressRange& range : RangesOf(module, function)) {
    size_t rows = 0;
    for (LinkAddress at = range.begin; at < range.end && rows < kMaxFrameRows; ++rows) {
      const LinkAddress end = std::min(FrameRowEnd(module, at), range.end);
      if (end <= at) break;
      const auto node = CfaAt(module, at);
      const auto cfa = node.ok() ? AsRegisterOffset(*node) : std::nullopt;
      const bool from_rsp = cfa.has_value() && cfa->reg == kStackPointer;
      bytes[from_rsp ? std::optional(cfa->offset) : std::nullopt] += end.value - at.value;
      at = end;
    }
  }
  const auto most =
      std::max_element(bytes.begin(), bytes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == bytes.end() ? std::nullopt : most->first;
}

bool IsOwnParameter(const FunctionScope& scope, const Dwarf_Die& die) {
  return !scope.inlined && Tag(die) == DW_TAG_formal_parameter;
}

// An empty class is passed by saying nothing; its byte is never stored.
bool IsEmptyClass(Dwarf_Die type) {
  const int tag = Tag(type);
  if (tag != DW_TAG_structure_type && tag != DW_TAG_class_type) return false;
  bool has_data = false;
  ForEachChild(type, [&](const Dwarf_Die& child) {
    has_data = Tag(child) == DW_TAG_member || Tag(child) == DW_TAG_inheritance;
    return !has_data;
  });
  return !has_data;
}

// Bytes of the parameter's slot; 0 when it holds nothing.
uint64_t SlotBytes(const Dwarf_Die& parameter, bool indirect) {
  constexpr uint64_t kPointerBytes = 8;
  if (indirect) return kPointerBytes;
  std::optional<Dwarf_Die> type = TypeOf(parameter);
  Dwarf_Word size = 0;
  if (!type.has_value() || dwarf_aggregate_size(&*type, &size) != 0) return kPointerBytes;
  Dwarf_Die peeled;
  if (dwarf_peel_type(&*type, &peeled) == 0 && IsEmptyClass(peeled)) return 0;
  return size;
}

}  // namespace

absl::Status CheckStored(const Module& module, const FunctionScope& scope, const Dwarf_Die& parameter,
                         const v1::Node& location, LinkAddress probe) {
  if (!IsOwnParameter(scope, parameter) || location.kind_case() != v1::Node::kMemory) return absl::OkStatus();
  // Passed by invisible reference: the slot holds the address.
  const bool indirect = location.memory().kind_case() == v1::Node::kMemory;
  const auto slot = AsRegisterOffset(indirect ? location.memory().memory() : location.memory());
  if (!slot.has_value()) return absl::OkStatus();
  const uint64_t bytes = SlotBytes(parameter, indirect);
  if (bytes == 0) return absl::OkStatus();
  if (const code::FrameTrace* trace = TraceTo(module, scope.subprogram, probe); trace != nullptr) {
    const std::optional<code::FramePlace> place = PlaceOf(module, *trace, *slot, probe);
    const bool from_caller = place.has_value() && place->base == 0 && place->offset >= kReturnAddressBytes;
    if (from_caller || (place.has_value() && trace->Stored(*place, bytes))) return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      fmt::format("not proven to be stored in its stack slot yet at {:#x} (function prologue)", probe.value));
}

absl::Status CheckStackPointer(const Module& module, const Dwarf_Die& function, LinkAddress probe) {
  const auto node = CfaAt(module, probe);
  const std::optional<RegisterOffset> cfa = node.ok() ? AsRegisterOffset(*node) : std::nullopt;
  bool settled = false;
  if (cfa.has_value() && cfa->reg == kStackPointer) {
    settled = UsualStackOffset(module, function) == cfa->offset;
  } else if (const code::FrameTrace* trace = TraceTo(module, function, probe); trace != nullptr) {
    settled = trace->StackPointerSettled();
  }
  if (settled) return absl::OkStatus();
  return absl::FailedPreconditionError(
      fmt::format("the stack pointer at {:#x} is not that of the function's body", probe.value));
}

bool AwaitsPrologue(const Module& module, const FunctionScope& scope, LinkAddress address) {
  FunctionScope function = scope;
  function.die = scope.subprogram;
  function.inlined = false;
  bool awaits = false;
  ForEachChild(scope.subprogram, [&](const Dwarf_Die& child) {
    if (Tag(child) != DW_TAG_formal_parameter || !HasSingleLocation(child)) return true;
    const auto location = LocationOf(module, function, child, {address, address});
    awaits = absl::IsFailedPrecondition(location.status());
    return !awaits;
  });
  return awaits;
}

bool AlwaysReached(const Module& module, const FunctionScope& scope, LinkAddress address) {
  const code::FrameTrace* trace = TraceTo(module, scope.subprogram, address);
  return trace != nullptr && trace->AlwaysReached();
}

}  // namespace dlog::dwarf
