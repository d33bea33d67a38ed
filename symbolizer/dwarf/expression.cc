// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/expression.h"

#include <dwarf.h>
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "symbolizer/dwarf/evaluator.h"
#include "symbolizer/dwarf/nodes.h"
#include "symbolizer/dwarf/registers_x86_64.h"

namespace dlog::dwarf {
namespace {

// Vendor operations that are older than their standard form (gcc writes them for DWARF 4).
constexpr uint8_t kGnuPushTlsAddress = 0xe0;

}  // namespace

absl::Status Evaluator::Push(v1::Node word, StackType type) {
  if (stack_.size() >= kMaxExpressionStack) return MalformedExpression("stack too deep");
  if (NodeCount(word) > kMaxExpressionNodes || NodeDepth(word) > kMaxExpressionDepth) {
    return UnsupportedExpression("location expression is too large");
  }
  stack_.push_back({std::move(word), type});
  return absl::OkStatus();
}

absl::StatusOr<Entry> Evaluator::Pop() {
  if (stack_.empty()) return MalformedExpression("operand missing");
  Entry out = std::move(stack_.back());
  stack_.pop_back();
  return out;
}

absl::StatusOr<v1::Node> Evaluator::RegisterWord(uint64_t reg) const {
  if (reg > kRipRegister) return UnsupportedExpression("value depends on " + RegisterClassName(reg));
  return context_.registers ? context_.registers(reg) : RegisterNode(static_cast<uint32_t>(reg));
}

absl::StatusOr<v1::Node> Evaluator::NumberRegister(uint64_t reg) const {
  if (!IsXmm(reg)) return RegisterWord(reg);
  if (context_.registers) return context_.registers(reg);
  return VectorNode(static_cast<uint32_t>(reg) - kFirstXmm);
}

absl::Status Evaluator::UseRegister(uint64_t reg) {
  if (IsXmm(reg)) {
    absl::StatusOr<v1::Node> vector = NumberRegister(reg);
    if (!vector.ok()) return vector.status();
    terminal_ = *std::move(vector);
    form_ = Form::kRegister;
    return absl::OkStatus();
  }
  if (reg > kRipRegister) {
    return UnsupportedExpression(
        (reg <= 32 || (reg >= 67 && reg <= 82) ? "value is in vector register " : "value is in ") +
        RegisterClassName(reg));
  }
  absl::StatusOr<v1::Node> word = RegisterWord(reg);
  if (!word.ok()) return word.status();
  terminal_ = *std::move(word);
  form_ = Form::kRegister;
  return absl::OkStatus();
}

absl::Status Evaluator::Run(std::span<const Dwarf_Op> ops) {
  if (context_.initial != nullptr) {
    if (absl::Status s = Push(*context_.initial); !s.ok()) return s;
  }
  return RunFrom(ops, 0);
}

absl::Status Evaluator::RunFrom(std::span<const Dwarf_Op> ops, size_t first) {
  if (ops.size() > kMaxExpressionOps) return UnsupportedExpression("location expression is too long");
  for (size_t at = first; at < ops.size(); ++at) {
    const Dwarf_Op& op = ops[at];
    if (++steps_ > kMaxExpressionSteps) return UnsupportedExpression("location expression with a loop");
    const bool is_piece = op.atom == DW_OP_piece || op.atom == DW_OP_bit_piece;
    if (form_ != Form::kAddress && !is_piece) return MalformedExpression("operation after the end of a description");
    if (op.atom == DW_OP_skip || op.atom == DW_OP_bra) {
      const absl::StatusOr<size_t> target = TargetOf(ops, at);
      if (!target.ok()) return target.status();
      if (op.atom == DW_OP_bra) return Branch(ops, at, *target);
      at = *target - 1;
      continue;
    }
    if (absl::Status s = Step(op); !s.ok()) return s;
    any_ = !is_piece;
  }
  return absl::OkStatus();
}

absl::Status Evaluator::Step(const Dwarf_Op& op) {
  bool done = false;
  if (absl::Status s = Numbered(op, &done); done || !s.ok()) return s;
  switch (op.atom) {
    case DW_OP_nop:
      return absl::OkStatus();
    case DW_OP_dup:
    case DW_OP_drop:
    case DW_OP_over:
    case DW_OP_pick:
    case DW_OP_swap:
    case DW_OP_rot:
      return Stack(op);
    case DW_OP_addr:
    case DW_OP_addrx:
    case DW_OP_constx:
    case DW_OP_GNU_addr_index:
    case DW_OP_GNU_const_index:
    case DW_OP_fbreg:
    case DW_OP_call_frame_cfa:
      return Context(op);
    case DW_OP_convert:
    case DW_OP_GNU_convert:
    case DW_OP_reinterpret:
    case DW_OP_GNU_reinterpret:
    case DW_OP_regval_type:
    case DW_OP_GNU_regval_type:
    case DW_OP_const_type:
    case DW_OP_GNU_const_type:
    case DW_OP_deref_type:
    case DW_OP_GNU_deref_type:
      return Typed(op);
    case DW_OP_regx:
    case DW_OP_stack_value:
    case DW_OP_implicit_value:
    case DW_OP_piece:
    case DW_OP_bit_piece:
      return Terminal(op);
    case DW_OP_entry_value:
    case DW_OP_GNU_entry_value:
      return EntryValue(op);
    case DW_OP_GNU_parameter_ref:
      return ParameterReference(op);
    case DW_OP_implicit_pointer:
    case DW_OP_GNU_implicit_pointer:
      return ImplicitPointer(op);
    case DW_OP_form_tls_address:
    case kGnuPushTlsAddress:
      return ThreadLocal();
    case DW_OP_call2:
    case DW_OP_call4:
    case DW_OP_call_ref:
      return Call(op);
    case DW_OP_GNU_variable_value:
      return VariableValue(op);
    case DW_OP_xderef:
    case DW_OP_xderef_size:
    case DW_OP_xderef_type:
      return UnsupportedExpression("location expression in another address space (DW_OP_xderef)");
    case DW_OP_push_object_address:
      return UnsupportedExpression("location expression relative to an object (DW_OP_push_object_address)");
    default:
      return Arithmetic(op);
  }
}

// The operations with their number in the opcode, and constants.
absl::Status Evaluator::Numbered(const Dwarf_Op& op, bool* done) {
  *done = true;
  if (op.atom >= DW_OP_lit0 && op.atom <= DW_OP_lit31) return Push(ConstantNode(op.atom - DW_OP_lit0));
  if (op.atom >= DW_OP_reg0 && op.atom <= DW_OP_reg31) return UseRegister(op.atom - DW_OP_reg0);
  const bool breg = op.atom >= DW_OP_breg0 && op.atom <= DW_OP_breg31;
  if (breg || op.atom == DW_OP_bregx) {
    auto word = RegisterWord(breg ? op.atom - DW_OP_breg0 : op.number);
    if (!word.ok()) return word.status();
    return Push(BinaryNode(v1::OP_ADD, *std::move(word), ConstantNode(breg ? op.number : op.number2)));
  }
  switch (op.atom) {
    case DW_OP_const1u:
    case DW_OP_const2u:
    case DW_OP_const4u:
    case DW_OP_const8u:
    case DW_OP_constu:
    case DW_OP_const1s:  // libdw has sign-extended these
    case DW_OP_const2s:
    case DW_OP_const4s:
    case DW_OP_const8s:
    case DW_OP_consts:
      return Push(ConstantNode(op.number));
    default:
      *done = false;
      return absl::OkStatus();
  }
}

absl::Status Evaluator::Stack(const Dwarf_Op& op) {
  const size_t depth = stack_.size();
  const size_t needed = op.atom == DW_OP_pick   ? op.number + 1
                        : op.atom == DW_OP_rot  ? 3
                        : op.atom == DW_OP_over ? 2
                        : op.atom == DW_OP_swap ? 2
                                                : 1;
  if (needed == 0 || depth < needed) return MalformedExpression("operand missing");
  switch (op.atom) {
    case DW_OP_drop:
      stack_.pop_back();
      return absl::OkStatus();
    case DW_OP_swap:
      std::swap(stack_[depth - 1], stack_[depth - 2]);
      return absl::OkStatus();
    case DW_OP_rot:  // the top becomes the third
      std::rotate(stack_.end() - 3, stack_.end() - 1, stack_.end());
      return absl::OkStatus();
    default: {
      Entry copy = stack_[depth - needed];
      return Push(std::move(copy.word), copy.type);
    }
  }
}

absl::StatusOr<uint64_t> Evaluator::AddressOperand(const Dwarf_Op& op) const {
  if (op.atom == DW_OP_addr) return op.number;
  Dwarf_Attribute value;
  Dwarf_Addr address = 0;
  Dwarf_Word constant = 0;
  // libdw gives an entry that is a constant (gcc's offset of a thread-local variable) as data8, not as an address.
  const bool is_constant = op.atom == DW_OP_constx || op.atom == DW_OP_GNU_const_index;
  if (attribute_ == nullptr || dwarf_getlocation_attr(attribute_, &op, &value) != 0 ||
      (is_constant ? dwarf_formudata(&value, &constant) : dwarf_formaddr(&value, &address)) != 0) {
    return MalformedExpression("bad index into .debug_addr");
  }
  return is_constant ? constant : address;
}

absl::Status Evaluator::Context(const Dwarf_Op& op) {
  if (op.atom == DW_OP_fbreg || op.atom == DW_OP_call_frame_cfa) {
    const auto& source = op.atom == DW_OP_fbreg ? context_.frame_base : context_.cfa;
    if (!source) return MalformedExpression("frame base or CFA where there is none");
    absl::StatusOr<v1::Node> base = source();
    if (!base.ok()) return base.status();
    if (op.atom == DW_OP_call_frame_cfa) return Push(*std::move(base));
    return Push(BinaryNode(v1::OP_ADD, *std::move(base), ConstantNode(op.number)));
  }
  absl::StatusOr<uint64_t> address = AddressOperand(op);
  if (!address.ok()) return address.status();
  // A relocated constant (DW_OP_constx) is a TLS offset in practice: not an address.
  if (op.atom == DW_OP_constx || op.atom == DW_OP_GNU_const_index) {
    indexed_constant_ = true;
    return Push(ConstantNode(*address));
  }
  return Push(BinaryNode(v1::OP_ADD, RegisterNode(kRipRegister), ConstantNode(*address - context_.probe.value)));
}

absl::Status Evaluator::ThreadLocal() {
  absl::StatusOr<Entry> offset = Pop();
  if (!offset.ok()) return offset.status();
  const std::optional<uint64_t> known = ConstantValue(offset->word);
  if (!known.has_value() || !context_.thread_local_address) return UnsupportedExpression("thread-local variable");
  absl::StatusOr<v1::Node> address = context_.thread_local_address(*known, indexed_constant_);
  if (!address.ok()) return address.status();
  return Push(*std::move(address));
}

absl::Status Evaluator::EntryValue(const Dwarf_Op& op) {
  Dwarf_Attribute inner;
  Dwarf_Op* ops = nullptr;
  size_t count = 0;
  if (attribute_ == nullptr || dwarf_getlocation_attr(attribute_, &op, &inner) != 0 ||
      dwarf_getlocation(&inner, &ops, &count) != 0) {
    return MalformedExpression("entry value without its expression");
  }
  if (!context_.entry_value) return MalformedExpression("entry value where there is no function");
  absl::StatusOr<v1::Node> word = context_.entry_value({ops, count});
  if (!word.ok()) return word.status();
  if (count != 1 || (ops[0].atom != DW_OP_regval_type && ops[0].atom != DW_OP_GNU_regval_type)) {
    return Push(*std::move(word));
  }
  // The type is one of the unit's, which in a location list libdw knows by the outer attribute only.
  const absl::StatusOr<StackType> type = BaseType(ops[0], ops[0].number2);
  if (!type.ok()) return type.status();
  return PushBits(*std::move(word), *type);
}

absl::Status Evaluator::ParameterReference(const Dwarf_Op& op) {
  Dwarf_Die parameter;
  if (attribute_ == nullptr || dwarf_getlocation_die(attribute_, &op, &parameter) != 0) {
    return MalformedExpression("reference to a parameter that does not exist");
  }
  if (!context_.parameter_value) return MalformedExpression("parameter reference where there is no function");
  absl::StatusOr<v1::Node> word = context_.parameter_value(parameter);
  if (!word.ok()) return word.status();
  return Push(*std::move(word));
}

absl::Status Evaluator::Terminal(const Dwarf_Op& op) {
  switch (op.atom) {
    case DW_OP_regx:
      return UseRegister(op.number);
    case DW_OP_stack_value:
      if (stack_.empty()) return MalformedExpression("DW_OP_stack_value on an empty stack");
      form_ = Form::kValue;
      return absl::OkStatus();
    case DW_OP_implicit_value: {
      Dwarf_Block block{};
      if (attribute_ == nullptr || dwarf_getlocation_implicit_value(attribute_, &op, &block) != 0) {
        return MalformedExpression("DW_OP_implicit_value without its block");
      }
      if (block.length > kMaxPieceBytes) return UnsupportedExpression("implicit value is too large");
      terminal_.set_constant(block.data, block.length);
      form_ = Form::kImplicit;
      return absl::OkStatus();
    }
    case DW_OP_piece:
      return AddPiece(op.number, 0);
    default:
      if (op.number % 8 != 0 || op.number2 % 8 != 0) return AddBitPiece(op.number, op.number2);
      return AddPiece(op.number / 8, op.number2);
  }
}

absl::StatusOr<v1::Node> Evaluator::TakeLocation() {
  if (composite_.pieces_size() > 0) {
    if (any_) return MalformedExpression("description after the last piece");
    v1::Node out;
    *out.mutable_composite() = std::move(composite_);
    if (absl::Status s = SplitForBits(out.mutable_composite()); !s.ok()) return s;
    return out;
  }
  switch (form_) {
    case Form::kRegister:
    case Form::kImplicit:
    case Form::kPointer:
      return std::move(terminal_);
    case Form::kValue:
      return std::move(stack_.back().word);
    case Form::kAddress:
      break;
  }
  if (!any_) return absl::FailedPreconditionError("optimized out");
  if (stack_.empty() || !IsWord(stack_.back().type)) return MalformedExpression("no address on the stack");
  return MemoryNode(std::move(stack_.back().word));
}

absl::StatusOr<v1::Node> Evaluator::TakeAddress() {
  if (composite_.pieces_size() > 0 || form_ == Form::kImplicit || form_ == Form::kPointer)
    return MalformedExpression("pieces where an address is needed");
  if (form_ == Form::kRegister && terminal_.has_vector()) {
    return UnsupportedExpression("an address in a vector register");
  }
  if (form_ == Form::kRegister) return std::move(terminal_);
  if (stack_.empty()) return MalformedExpression("no address on the stack");
  if (!IsWord(stack_.back().type))
    return UnsupportedExpression("a floating-point or wide number where a machine word is needed");
  return std::move(stack_.back().word);
}

absl::StatusOr<v1::Node> EvaluateLocation(std::span<const Dwarf_Op> ops, const ExpressionContext& context) {
  Evaluator evaluator(context);
  if (absl::Status s = evaluator.Run(ops); !s.ok()) return s;
  return evaluator.TakeLocation();
}

absl::StatusOr<v1::Node> EvaluateAddress(std::span<const Dwarf_Op> ops, const ExpressionContext& context) {
  Evaluator evaluator(context);
  if (absl::Status s = evaluator.Run(ops); !s.ok()) return s;
  return evaluator.TakeAddress();
}

absl::StatusOr<v1::Node> EvaluateBits(std::span<const Dwarf_Op> ops, const ExpressionContext& context) {
  Evaluator evaluator(context);
  if (absl::Status s = evaluator.Run(ops); !s.ok()) return s;
  return evaluator.TakeBits();
}

}  // namespace dlog::dwarf
