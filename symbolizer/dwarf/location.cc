// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/location.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "absl/status/status.h"
#include "symbolizer/base/status_hint.h"
#include "symbolizer/code/argument_registers_x86_64.h"
#include "symbolizer/dwarf/die.h"
#include "symbolizer/dwarf/frame.h"
#include "symbolizer/dwarf/nodes.h"
#include "symbolizer/dwarf/prologue.h"
#include "symbolizer/dwarf/return_value.h"
#include "symbolizer/dwarf/symbols.h"
#include "symbolizer/dwarf/tls_x86_64.h"

namespace dlog::dwarf {
namespace {

constexpr int kMaxTypedefs = 32;
constexpr int kMaxPointerHops = 4;     // implicit pointers to implicit pointers
constexpr uint32_t kStackPointer = 7;  // rsp

absl::StatusOr<v1::Node> ConstantOf(const Dwarf_Die& variable, Dwarf_Attribute& attr) {
  v1::Node out;
  const unsigned form = dwarf_whatform(&attr);
  if (form == DW_FORM_string || form == DW_FORM_strp || form == DW_FORM_line_strp || form == DW_FORM_strx ||
      (form >= DW_FORM_strx1 && form <= DW_FORM_strx4)) {
    const char* text = dwarf_formstring(&attr);
    if (text == nullptr) return absl::InvalidArgumentError("malformed constant value");
    out.set_constant(text, std::strlen(text) + 1);
  } else if (Dwarf_Block block{}; dwarf_formblock(&attr, &block) == 0) {
    if (block.length > kMaxPieceBytes) return absl::UnimplementedError("constant value is too large");
    out.set_constant(block.data, block.length);
    return out;
  } else {
    Dwarf_Sword value = 0;
    Dwarf_Word word = 0;
    if (form == DW_FORM_sdata || form == DW_FORM_implicit_const) {
      if (dwarf_formsdata(&attr, &value) != 0) return absl::InvalidArgumentError("malformed constant value");
      word = static_cast<Dwarf_Word>(value);
    } else if (dwarf_formudata(&attr, &word) != 0) {
      return absl::InvalidArgumentError("malformed constant value");
    }
    out.set_constant(&word, sizeof word);
  }
  // The bytes of the value, so as many as its type has.
  std::optional<Dwarf_Die> type = TypeOf(variable);
  Dwarf_Word size = 0;
  if (type.has_value() && dwarf_aggregate_size(&*type, &size) == 0 && size > 0 && size <= out.constant().size()) {
    out.mutable_constant()->resize(size);
  }
  return out;
}

bool UsesStackPointer(std::span<const Dwarf_Op> ops) {
  return std::any_of(ops.begin(), ops.end(), [](const Dwarf_Op& op) { return op.atom == DW_OP_breg0 + kStackPointer; });
}

// Not so a pointer that was optimized out: only what it points to can be shown.
bool IsRecoverable(std::span<const Dwarf_Op> ops) {
  if (ops.empty()) return false;
  return ops.size() > 1 || (ops[0].atom != DW_OP_implicit_pointer && ops[0].atom != DW_OP_GNU_implicit_pointer);
}

// Where a function begins gcc leaves a parameter's first entry in its list even when the range is empty.
bool IsParameterAtEntry(const FunctionScope& scope, const Dwarf_Die& variable, LinkAddress statement) {
  Dwarf_Die function = scope.subprogram;
  Dwarf_Addr entry = 0;
  return !scope.by_symbol && !scope.inlined && Tag(variable) == DW_TAG_formal_parameter &&
         dwarf_entrypc(&function, &entry) == 0 && entry == statement.value;
}

// Nothing can give the parameter another value: a reference, `this`, a constant. Not so an object of a constant class,
// which may have mutable members.
bool KeepsItsValue(const Dwarf_Die& parameter) {
  if (FlagOf(parameter, DW_AT_artificial) && std::string_view(NameOf(parameter)) == "this") return true;
  const std::optional<Dwarf_Die> type = TypeOf(parameter);
  if (!type.has_value()) return false;
  const int tag = Tag(*type);
  if (tag == DW_TAG_reference_type || tag == DW_TAG_rvalue_reference_type) return true;
  if (tag != DW_TAG_const_type) return false;
  std::optional<Dwarf_Die> what = TypeOf(*type);
  for (int i = 0; i < kMaxTypedefs && what.has_value() && Tag(*what) == DW_TAG_typedef; ++i) what = TypeOf(*what);
  if (!what.has_value()) return false;
  const int inner = Tag(*what);
  return inner == DW_TAG_base_type || inner == DW_TAG_pointer_type || inner == DW_TAG_enumeration_type;
}

// A parameter without a location at the statement that still has the value which it came with, in a register that was
// kept at the entry.
std::optional<v1::Node> UnchangedSinceEntry(const Module& module, const FunctionScope& scope, const Dwarf_Die& variable,
                                            Dwarf_Attribute& attr, const ProbePoint& point) {
  if (!point.recover || scope.by_symbol || scope.inlined || Tag(variable) != DW_TAG_formal_parameter) {
    return std::nullopt;
  }
  const std::optional<LinkAddress> entry = EntryOf(module, scope.subprogram);
  if (!entry.has_value() || !KeepsItsValue(variable)) return std::nullopt;
  const auto ops = OperationsAt(attr, *entry);
  if (!ops.ok() || ops->size() != 1) return std::nullopt;
  const uint8_t atom = ops->front().atom;
  if (atom < DW_OP_reg0 || !code::ArgumentNumber(uint64_t{atom} - DW_OP_reg0).has_value()) return std::nullopt;
  return AtEntryNode(uint32_t{atom} - DW_OP_reg0);
}

absl::StatusOr<v1::Node> LocationAt(const Module& module, const FunctionScope& scope, const Dwarf_Die& variable,
                                    ProbePoint point, int hops) {
  auto attr = Inherited(variable, DW_AT_location);
  if (!attr.has_value()) {
    if (auto constant = Inherited(variable, DW_AT_const_value); constant.has_value()) {
      return ConstantOf(variable, *constant);
    }
    return absl::FailedPreconditionError(fmt::format("optimized out at {:#x}", point.statement.value));
  }
  const bool initial = point.view == kUntoldView && IsParameterAtEntry(scope, variable, point.statement);
  auto ops = OperationsAtView(variable, *attr, point.statement, initial ? kLastView : point.view);
  const bool none = ops.ok() ? ops->empty() : absl::IsFailedPrecondition(ops.status());
  if (none) {
    if (auto kept = UnchangedSinceEntry(module, scope, variable, *attr, point); kept.has_value()) return *kept;
  }
  if (!ops.ok()) return ops.status();
  if (ops->empty()) return absl::FailedPreconditionError(fmt::format("optimized out at {:#x}", point.statement.value));
  const Frame frame(module, scope.subprogram, point.probe, point.mark_cfa, point.recover);
  ExpressionContext context = frame.Context(&*attr);
  if (point.recovered != nullptr) {
    // Only what the location itself says of registers is meant at the statement; the frame's own rules are those at the
    // probe.
    context.registers = [&](uint64_t reg) -> absl::StatusOr<v1::Node> {
      const auto found = point.recovered->find(static_cast<uint32_t>(reg));
      return found != point.recovered->end() ? found->second : frame.Register(reg);
    };
  }
  context.object = [&](const Dwarf_Die& object) -> absl::StatusOr<v1::Node> {
    if (hops >= kMaxPointerHops) return absl::FailedPreconditionError("optimized out");
    return LocationAt(module, scope, object, point, hops + 1);
  };
  context.thread_local_address = [&](uint64_t offset, bool indexed) -> absl::StatusOr<v1::Node> {
    const char* linkage_name = LinkageNameOf(variable);
    if (indexed) {
      auto in_block = OffsetOfIndexed(module, offset);
      if (!in_block.ok()) return in_block.status();
      offset = *in_block;
    }
    return ThreadLocalAddress(module, offset, linkage_name[0] == '\0' ? NameOf(variable) : linkage_name, point.probe);
  };
  auto location = EvaluateLocation(*ops, context);
  if (!location.ok() || IsLocationList(*attr) || point.mark_cfa) return location;
  if (UsesStackPointer(*ops)) {
    if (absl::Status s = CheckStackPointer(module, scope.subprogram, point.probe); !s.ok()) return s;
  }
  if (absl::Status s = CheckStored(module, scope, variable, *location, point.probe); !s.ok()) return s;
  return location;
}

}  // namespace

absl::StatusOr<v1::Node> LocationOf(const Module& module, const FunctionScope& scope, const Dwarf_Die& variable,
                                    ProbePoint point) {
  auto location = LocationAt(module, scope, variable, point, 0);
  const bool gone = location.ok() ? !SurvivesReturn(*location) : absl::IsFailedPrecondition(location.status());
  if (point.at_return && gone)
    return absl::FailedPreconditionError("the function has returned; it has no place any more");
  return location;
}

absl::StatusOr<v1::Node> ComputedWord(const Module& module, const FunctionScope& scope, Dwarf_Attribute& attribute,
                                      ProbePoint point) {
  auto ops = OperationsAt(attribute, point.statement);
  if (!ops.ok()) return ops.status();
  const Frame frame(module, scope.subprogram, point.probe, point.mark_cfa, point.recover);
  ExpressionContext context = frame.Context(&attribute);
  context.object = [&](const Dwarf_Die& object) { return LocationAt(module, scope, object, point, 1); };
  return EvaluateAddress(*ops, context);
}

bool HasSingleLocation(const Dwarf_Die& variable) {
  auto attr = Inherited(variable, DW_AT_location);
  return attr.has_value() && !IsLocationList(*attr);
}

std::vector<AddressRange> AvailableRanges(const Module& module, const FunctionScope& scope, const Dwarf_Die& variable) {
  (void)module;
  auto attr = Inherited(variable, DW_AT_location);
  if (!attr.has_value()) {
    return Inherited(variable, DW_AT_const_value).has_value() ? scope.ranges : std::vector<AddressRange>();
  }
  std::vector<AddressRange> out;
  if (!IsLocationList(*attr)) {
    auto ops = OperationsAt(*attr, scope.ranges.empty() ? LinkAddress{0} : scope.ranges.front().begin);
    return ops.ok() && IsRecoverable(*ops) ? scope.ranges : out;
  }
  // A list that breaks off is good up to there.
  (void)ForEachEntry(*attr, [&](const LocationEntry& entry) {
    // Empty ranges are what location views leave behind: they cover no address.
    if (entry.range.begin < entry.range.end && IsRecoverable(entry.ops)) out.push_back(entry.range);
    return true;
  });
  return out;
}

}  // namespace dlog::dwarf
