// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/frame.h"

#include <dwarf.h>
#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "symbolizer/code/argument_registers_x86_64.h"
#include "symbolizer/dwarf/callers.h"
#include "symbolizer/dwarf/cfi.h"
#include "symbolizer/dwarf/die.h"
#include "symbolizer/dwarf/location_list.h"
#include "symbolizer/dwarf/nodes.h"
#include "symbolizer/dwarf/prologue.h"
#include "symbolizer/dwarf/registers_x86_64.h"
#include "symbolizer/dwarf/symbols.h"
#include "symbolizer/dwarf/word_arithmetic.h"

namespace dlog::dwarf {
namespace {

constexpr size_t kMaxNodesPerCaller = 64;
constexpr uint32_t kFramePointer = 6;  // rbp
constexpr uint32_t kStackPointer = 7;  // rsp

// Registers that a function leaves as it found them (System V ABI for x86-64, figure 3.4); unless the call frame
// information says where they are, they have not been touched.
bool IsPreserved(uint64_t reg) { return reg == 3 || reg == kFramePointer || (reg >= 12 && reg <= 15); }

// Not so functions that never return (gcc 14 saves nothing there) or that are called in another way (preserve_none).
bool KeepsRegisters(const Dwarf_Die& function) {
  if (function.addr == nullptr) return true;
  const std::optional<uint64_t> convention = UnsignedOf(function, DW_AT_calling_convention);
  return !FlagOf(function, DW_AT_noreturn) && convention.value_or(DW_CC_normal) == DW_CC_normal;
}

// The register that an operand of DW_OP_entry_value or a DW_AT_location of a call site's parameter names.
std::optional<uint64_t> NamedRegister(std::span<const Dwarf_Op> ops) {
  if (ops.size() != 1) return std::nullopt;
  if (ops[0].atom >= DW_OP_reg0 && ops[0].atom <= DW_OP_reg31) return ops[0].atom - DW_OP_reg0;
  // With the type it is to be read as; the register is what counts.
  const bool typed = ops[0].atom == DW_OP_regval_type || ops[0].atom == DW_OP_GNU_regval_type;
  if (ops[0].atom == DW_OP_regx || typed) return ops[0].number;
  return std::nullopt;
}

std::span<const Dwarf_Op> OperationsOf(Dwarf_Attribute& attr) {
  Dwarf_Op* ops = nullptr;
  size_t count = 0;
  if (dwarf_getlocation(&attr, &ops, &count) != 0) return {};
  return {ops, count};
}

// Clang at -O0 says that the frame base is rbp throughout the function, which is not so before `mov rbp, rsp` and after
// `pop rbp`. The CFI knows.
absl::Status CheckFramePointer(const Module& module, LinkAddress pc) {
  const std::optional<uint32_t> cfa = CfaRegister(module, pc);
  if (!cfa.has_value() || *cfa == kFramePointer) return absl::OkStatus();
  return absl::FailedPreconditionError(
      fmt::format("the stack frame is not set up at {:#x} (function prologue or epilogue)", pc.value));
}

}  // namespace

Frame::Frame(const Module& module, const Dwarf_Die& function, LinkAddress probe, bool mark_cfa, bool recover)
    : module_(module), function_(function), pc_(probe), probe_(probe), mark_cfa_(mark_cfa), recover_(recover) {}

Frame::Frame(const Frame& callee, const CallSite& site)
    : module_(callee.module_),
      function_(site.caller),
      callee_(&callee),
      // A call may be the last instruction of a function or of a range.
      pc_{site.return_address.value - 1},
      probe_(callee.probe_),
      depth_(callee.depth_ + 1) {}

ExpressionContext Frame::Context(Dwarf_Attribute* attribute) const {
  ExpressionContext context;
  context.probe = probe_;
  context.attribute = attribute;
  context.registers = [this](uint64_t reg) { return Register(reg); };
  context.frame_base = [this] { return FrameBase(); };
  context.cfa = [this] { return Cfa(); };
  context.entry_value = [this](std::span<const Dwarf_Op> ops) { return EntryValue(ops); };
  context.operations = [this](Dwarf_Attribute& location) { return OperationsAt(location, pc_); };
  context.parameter_value = [this](const Dwarf_Die& die) { return ParameterValue(die); };
  return context;
}

absl::StatusOr<v1::Node> Frame::Register(uint64_t reg) const {
  if (callee_ == nullptr && IsXmm(reg)) return VectorNode(static_cast<uint32_t>(reg) - kFirstXmm);
  if (callee_ == nullptr) return RegisterNode(static_cast<uint32_t>(reg));
  const auto known = registers_.find(reg);
  if (known != registers_.end()) return known->second;
  return registers_.emplace(reg, callee_->CallersRegister(reg)).first->second;
}

absl::StatusOr<v1::Node> Frame::CallersRegister(uint64_t reg) const {
  const FrameRow row = FrameAt(module_, pc_);
  if (row == nullptr) {
    return absl::FailedPreconditionError(fmt::format("no call frame information at {:#x}", pc_.value));
  }
  Dwarf_Op space[3];
  Dwarf_Op* ops = nullptr;
  size_t count = 0;
  if (dwarf_frame_register(row.get(), static_cast<int>(reg), space, &ops, &count) != 0) {
    return absl::FailedPreconditionError(fmt::format("malformed call frame information at {:#x}", pc_.value));
  }
  if (count == 0) {
    // libdw tells "undefined" and "no rule" not apart. No rule means that the function has not touched a register that
    // the ABI bids it keep, and nothing for the others.
    if (IsPreserved(reg) && KeepsRegisters(function_)) return Register(reg);
    return absl::FailedPreconditionError(
        fmt::format("the caller's {} is not kept", RegisterName(static_cast<uint32_t>(reg))));
  }
  // A location: memory is read as a machine word, which is what a typeless object is.
  ExpressionContext context = Context(nullptr);
  return EvaluateLocation({ops, count}, context);
}

absl::StatusOr<v1::Node> Frame::Cfa() const {
  if (mark_cfa_) return RegisterNode(kCfaMarker);
  const FrameRow row = FrameAt(module_, pc_);
  if (row == nullptr) {
    return absl::FailedPreconditionError(
        fmt::format("no call frame information at {:#x}: the frame cannot be located", pc_.value));
  }
  Dwarf_Op* ops = nullptr;
  size_t count = 0;
  if (dwarf_frame_cfa(row.get(), &ops, &count) != 0 || count == 0) {
    return absl::FailedPreconditionError(fmt::format("the frame at {:#x} has no CFA rule", pc_.value));
  }
  ExpressionContext context;
  context.probe = probe_;
  context.registers = [this](uint64_t reg) { return Register(reg); };
  // Evaluated while `row` is alive: the operations may be stored inside it.
  return EvaluateAddress({ops, count}, context);
}

absl::StatusOr<v1::Node> Frame::FrameBase() const {
  auto attr = Inherited(function_, DW_AT_frame_base);
  if (!attr.has_value()) return absl::InvalidArgumentError("the function has no frame base");
  auto ops = OperationsAt(*attr, pc_);
  if (!ops.ok()) return ops.status();
  if (ops->empty()) return absl::FailedPreconditionError(fmt::format("no frame base at {:#x}", pc_.value));
  const std::optional<uint64_t> reg = NamedRegister(*ops);
  if (reg == kFramePointer) {
    if (absl::Status s = CheckFramePointer(module_, pc_); !s.ok()) return s;
  }
  if (reg == kStackPointer) {
    if (absl::Status s = CheckStackPointer(module_, function_, pc_); !s.ok()) return s;
  }
  ExpressionContext context = Context(&*attr);
  context.frame_base = nullptr;
  return EvaluateAddress(*ops, context);
}

absl::StatusOr<v1::Node> Frame::EntryValue(std::span<const Dwarf_Op> location) const {
  const std::optional<uint64_t> reg = NamedRegister(location);
  if (!reg.has_value()) {
    return absl::FailedPreconditionError("only what it pointed to at the function's entry is described");
  }
  // Kept at the entry, whoever the caller is.
  if (recover_ && code::ArgumentNumber(*reg).has_value()) return AtEntryNode(static_cast<uint32_t>(*reg));
  return FromCallers([reg](const Dwarf_Die& parameter) {
    auto attr = Own(parameter, DW_AT_location);
    return attr.has_value() && NamedRegister(OperationsOf(*attr)) == reg;
  });
}

absl::StatusOr<v1::Node> Frame::ParameterValue(const Dwarf_Die& die) const {
  return FromCallers([&die](const Dwarf_Die& parameter) {
    auto named = ReferenceOf(parameter, DW_AT_call_parameter);
    if (!named.has_value()) named = ReferenceOf(parameter, DW_AT_abstract_origin);
    return named.has_value() && SameDie(*named, die);
  });
}

absl::StatusOr<v1::Node> Frame::TargetOfCall(const CallSite& site, const Frame& caller) const {
  if (site.target == CallTarget::kSlot) {
    return LoadNode(BinaryNode(v1::OP_ADD, RegisterNode(kRipRegister), ConstantNode(site.slot.value - probe_.value)),
                    8);
  }
  auto target = Own(site.die, DW_AT_call_target);
  if (!target.has_value()) target = Own(site.die, DW_AT_GNU_call_site_target);
  const std::span<const Dwarf_Op> ops = target.has_value() ? OperationsOf(*target) : std::span<const Dwarf_Op>();
  // Only a register that the caller still has: memory may have changed since the call.
  if (!NamedRegister(ops).has_value()) {
    return absl::FailedPreconditionError("the caller does not tell what it called");
  }
  return EvaluateAddress(ops, caller.Context(&*target));
}

absl::StatusOr<v1::Node> Frame::ValueAtCall(const CallSite& site, const Wanted& wanted, LinkAddress entry) const {
  std::optional<Dwarf_Attribute> value;
  ForEachChild(site.die, [&](const Dwarf_Die& child) {
    const int tag = Tag(child);
    if ((tag != DW_TAG_call_site_parameter && tag != DW_TAG_GNU_call_site_parameter) || !wanted(child)) return true;
    value = Own(child, DW_AT_call_value);
    if (!value.has_value()) value = Own(child, DW_AT_GNU_call_site_value);
    return false;
  });
  if (!value.has_value()) return absl::FailedPreconditionError("the caller does not know the value either");
  const std::span<const Dwarf_Op> ops = OperationsOf(*value);
  if (ops.empty()) return absl::FailedPreconditionError("the caller does not know the value either");
  const Frame caller(*this, site);
  const ExpressionContext context = caller.Context(&*value);
  absl::StatusOr<v1::Node> word = EvaluateBits(ops, context);
  if (site.target == CallTarget::kDirect || !word.ok()) return word;
  // The return address tells of the call, not that it was of this function: another may have come here by a tail call.
  absl::StatusOr<v1::Node> target = TargetOfCall(site, caller);
  if (!target.ok()) return target;
  v1::Node here = BinaryNode(v1::OP_ADD, RegisterNode(kRipRegister), ConstantNode(entry.value - probe_.value));
  return CheckedNode(BinaryNode(v1::OP_EQ, *std::move(target), std::move(here)), *std::move(word),
                     "only its value at the function's entry is known, and its caller has called another function");
}

absl::StatusOr<v1::Node> Frame::FromCallers(const Wanted& wanted) const {
  const auto unknown = [this](const std::string& why) {
    return absl::FailedPreconditionError(
        fmt::format("optimized out at {:#x}: only its value at the function's entry is known, {}", probe_.value, why));
  };
  if (depth_ >= kMaxCallerDepth) return unknown("which its callers' callers know");
  const std::optional<LinkAddress> entry = EntryOf(module_, function_);
  if (!entry.has_value()) return unknown("and the function's entry is not");
  const Callers& callers = CallersOf(module_, *entry);
  if (!callers.status.ok()) return unknown(fmt::format("and {}", std::string(callers.status.message())));
  absl::StatusOr<v1::Node> back = CallersRegister(kRipRegister);
  absl::StatusOr<v1::Node> here = RegisterNode(kRipRegister);
  if (!back.ok()) return back;

  // The return address as a link-time address, whatever the load address is.
  v1::Node out;
  v1::Select* select = out.mutable_select();
  *select->mutable_key() =
      BinaryNode(v1::OP_ADD, BinaryNode(v1::OP_SUB, *std::move(back), *std::move(here)), ConstantNode(probe_.value));
  std::map<std::string, v1::Select::Case*> by_value;
  size_t silent = callers.undescribed;
  std::string reason = silent > 0 ? "its callers do not describe their arguments" : "";
  for (const CallSite& site : callers.sites) {
    absl::StatusOr<v1::Node> value = ValueAtCall(site, wanted, *entry);
    if (!value.ok() || NodeCount(*value) > kMaxNodesPerCaller) {
      ++silent;
      if (!value.ok()) reason = std::string(value.status().message());
      continue;
    }
    v1::Select::Case*& candidate = by_value[value->SerializeAsString()];
    if (candidate == nullptr) {
      candidate = select->add_cases();
      *candidate->mutable_value() = *std::move(value);
    }
    candidate->add_keys(site.return_address.value);
  }
  if (select->cases_size() == 0) {
    if (callers.sites.empty() && silent == 0)
      return unknown("and it is only called through pointers or from other files");
    return unknown(fmt::format("and no caller describes it ({})", reason.empty() ? "too complex" : reason));
  }
  select->set_otherwise("only its value at the function's entry is known, and this caller does not describe it");
  return out;
}

}  // namespace dlog::dwarf
