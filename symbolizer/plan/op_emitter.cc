// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/plan/op_emitter.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "symbolizer/dwarf/nodes.h"
#include "symbolizer/dwarf/slice.h"
#include "symbolizer/plan/conversions.h"
#include "symbolizer/plan/nodes.h"

namespace dlog::plan {
namespace {

constexpr int kMaxDepth = 100;

absl::Status NotInKernel(std::string_view what) {
  return absl::UnimplementedError(std::string(what) + " cannot be evaluated in the kernel");
}

bool IsLoadSize(uint64_t size) { return size == 1 || size == 2 || size == 4 || size == 8; }

// More than a cell holds.
bool IsWideNumber(const v1::Type& type) {
  const bool number =
      type.kind() == v1::TYPE_SIGNED || type.kind() == v1::TYPE_UNSIGNED || type.kind() == v1::TYPE_FLOAT;
  return number && type.size() > sizeof(uint64_t);
}

// Type 0 is the unsigned machine word.
uint64_t ScalarSize(const v1::Type& type, uint32_t index) { return index == 0 ? 8 : type.size(); }

}  // namespace

absl::StatusOr<uint32_t> OpEmitter::NewCell() {
  if (next_cell_ >= kCells) return absl::ResourceExhaustedError("the expression is too complex");
  return next_cell_++;
}

v1::CaptureOp& OpEmitter::Emit(v1::CaptureOpCode code) {
  ops_.emplace_back();
  ops_.back().set_code(code);
  return ops_.back();
}

OpEmitter::Label OpEmitter::NewLabel() {
  labels_.push_back(kUnplaced);
  return labels_.size() - 1;
}

void OpEmitter::Place(Label label) { labels_[label] = ops_.size(); }

void OpEmitter::Jump(v1::CaptureOpCode code, uint32_t cell, Label label) {
  references_.emplace_back(ops_.size(), label);
  Emit(code).set_a(cell);
}

void OpEmitter::Truncate(size_t size) {
  ops_.resize(std::min(ops_.size(), size));
  std::erase_if(references_, [size](const auto& reference) { return reference.first >= size; });
}

std::vector<v1::CaptureOp> OpEmitter::Take() {
  for (const auto& [op, label] : references_) {
    const size_t target = label == kEnd || labels_[label] == kUnplaced ? ops_.size() : labels_[label];
    ops_[op].set_jump(static_cast<uint32_t>(target));
  }
  return std::move(ops_);
}

absl::StatusOr<uint32_t> OpEmitter::EmitConst(uint64_t value) {
  auto cell = NewCell();
  if (!cell.ok()) return cell;
  v1::CaptureOp& op = Emit(v1::CAP_CONST);
  op.set_dst(*cell);
  op.set_imm(static_cast<int64_t>(value));
  return cell;
}

absl::StatusOr<uint32_t> OpEmitter::EmitLoad(Address address, uint32_t size, bool is_signed) {
  auto cell = NewCell();
  if (!cell.ok()) return cell;
  references_.emplace_back(ops_.size(), failure_);
  v1::CaptureOp& op = Emit(v1::CAP_LOAD);
  op.set_dst(*cell);
  op.set_a(address.cell);
  op.set_offset(address.offset);
  op.set_size(size);
  op.set_is_signed(is_signed);
  if (use_ == Use::kCapture) {
    op.set_check(checked_);
    op.set_quiet(quiet_);
  }
  return cell;
}

absl::StatusOr<uint32_t> OpEmitter::EmitArithImm(v1::Operator op, uint32_t a, int64_t imm, bool is_signed) {
  auto cell = NewCell();
  if (!cell.ok()) return cell;
  v1::CaptureOp& out = Emit(v1::CAP_ARITH_IMM);
  out.set_dst(*cell);
  out.set_a(a);
  out.set_op(op);
  out.set_imm(imm);
  out.set_is_signed(is_signed);
  return cell;
}

absl::StatusOr<uint32_t> OpEmitter::EmitArith(v1::Operator op, uint32_t a, uint32_t b, bool is_signed) {
  auto cell = NewCell();
  if (!cell.ok()) return cell;
  // Without a result only this part of the capture fails.
  const bool may_fail = op == v1::OP_DIV || op == v1::OP_MOD || op == v1::OP_SHL || op == v1::OP_SHR;
  if (may_fail && use_ == Use::kCapture) references_.emplace_back(ops_.size(), failure_);
  v1::CaptureOp& out = Emit(v1::CAP_ARITH);
  out.set_dst(*cell);
  out.set_a(a);
  out.set_b(b);
  out.set_op(op);
  out.set_is_signed(is_signed);
  return cell;
}

absl::StatusOr<uint32_t> OpEmitter::EmitMin(uint32_t a, uint32_t b) {
  auto result = NewCell();
  if (!result.ok()) return result;
  const Label end = NewLabel();
  v1::CaptureOp& first = Emit(v1::CAP_MOVE);
  first.set_dst(*result);
  first.set_a(a);
  auto less = EmitArith(v1::OP_LT, a, b);
  if (!less.ok()) return less;
  Jump(v1::CAP_JUMP_IF_NOT_ZERO, *less, end);
  v1::CaptureOp& second = Emit(v1::CAP_MOVE);
  second.set_dst(*result);
  second.set_a(b);
  Place(end);
  return result;
}

absl::StatusOr<uint32_t> OpEmitter::Materialize(Address address) {
  if (address.offset == 0) return address.cell;
  return EmitArithImm(v1::OP_ADD, address.cell, address.offset);
}

absl::StatusOr<OpEmitter::Address> OpEmitter::AddressValue(const v1::Node& node) {
  const BaseOffset split = SplitOffset(node);
  // The ops carry 32-bit displacements; larger ones are added explicitly.
  const bool fits = split.offset >= INT32_MIN / 2 && split.offset <= INT32_MAX / 2;
  const v1::Node& base = fits ? *split.base : node;
  const int64_t offset = fits ? split.offset : 0;
  if (base.kind_case() == v1::Node::kSelf) return Address{self_.cell, self_.offset + offset};
  auto cell = Value(base);
  if (!cell.ok()) return cell.status();
  return Address{*cell, offset};
}

absl::StatusOr<uint32_t> OpEmitter::Extended(uint32_t cell, uint64_t size, bool is_signed) {
  if (size >= 8) return cell;
  auto out = NewCell();
  if (!out.ok()) return out;
  v1::CaptureOp& op = Emit(v1::CAP_EXTEND);
  op.set_dst(*out);
  op.set_a(cell);
  op.set_size(static_cast<uint32_t>(size));
  op.set_is_signed(is_signed);
  return out;
}

absl::StatusOr<uint32_t> OpEmitter::Widened(uint32_t cell, const v1::Type& type) {
  if (!IsFloat(type) || type.size() == 8) return cell;
  if (type.size() != 4) return NotInKernel("long double");
  auto out = NewCell();
  if (!out.ok()) return out;
  v1::CaptureOp& op = Emit(v1::CAP_FLOAT_WIDEN);
  op.set_dst(*out);
  op.set_a(cell);
  return out;
}

absl::StatusOr<uint32_t> OpEmitter::ReadObject(Address address, const v1::Type& type) {
  if (!IsLoadSize(type.size())) return NotInKernel("'" + type.name() + "'");
  auto cell = EmitLoad(address, static_cast<uint32_t>(type.size()), IsSignedInteger(type));
  if (!cell.ok()) return cell;
  return Widened(*cell, type);
}

absl::StatusOr<uint32_t> OpEmitter::Constant(const v1::Node& node) {
  const auto word = ConstantWord(node);
  const v1::Type& type = types_.at(node.type());
  if (!word) return NotInKernel("'" + type.name() + "'");
  uint64_t value = *word;
  if (IsFloat(type) && type.size() == 4) {
    float narrow;
    std::memcpy(&narrow, &value, sizeof(narrow));
    const double wide = narrow;
    std::memcpy(&value, &wide, sizeof(value));
  } else if (node.type() != 0 && IsSignedInteger(type) && type.size() < 8) {
    const unsigned shift = 64 - 8 * static_cast<unsigned>(type.size());
    value = static_cast<uint64_t>(static_cast<int64_t>(value << shift) >> shift);
  }
  return EmitConst(value);
}

absl::StatusOr<v1::CaptureOp*> OpEmitter::EmitSource(v1::CaptureOpCode code, uint32_t number, const v1::Type& type,
                                                     uint64_t size) {
  if (!IsLoadSize(size)) return NotInKernel("'" + type.name() + "'");
  auto cell = NewCell();
  if (!cell.ok()) return cell.status();
  references_.emplace_back(ops_.size(), failure_);
  v1::CaptureOp& op = Emit(code);
  op.set_dst(*cell);
  op.set_a(number);
  return &op;
}

absl::StatusOr<uint32_t> OpEmitter::VectorValue(const v1::Node& node) {
  const v1::Type& type = types_.at(node.type());
  const uint64_t size = ScalarSize(type, node.type());
  auto op = EmitSource(v1::CAP_VECTOR, node.vector(), type, size);
  if (!op.ok()) return op.status();
  (*op)->set_size(static_cast<uint32_t>(size));
  (*op)->set_is_signed(IsSignedInteger(type));
  return Widened((*op)->dst(), type);
}

absl::StatusOr<uint32_t> OpEmitter::DurationValue() {
  auto cell = NewCell();
  if (!cell.ok()) return cell;
  references_.emplace_back(ops_.size(), failure_);
  Emit(v1::CAP_DURATION).set_dst(*cell);
  return cell;
}

absl::StatusOr<uint32_t> OpEmitter::EntryValue(const v1::Node& node) {
  const v1::Type& type = types_.at(node.type());
  const uint64_t size = ScalarSize(type, node.type());
  auto op = EmitSource(v1::CAP_AT_ENTRY, node.at_entry(), type, size);
  if (!op.ok()) return op.status();
  auto extended = Extended((*op)->dst(), size, IsSignedInteger(type));
  if (!extended.ok()) return extended;
  return Widened(*extended, type);
}

absl::StatusOr<uint32_t> OpEmitter::Value(const v1::Node& node) {
  if (depth_ >= kMaxDepth) return absl::ResourceExhaustedError("the expression is nested too deeply");
  struct DepthGuard {
    int* depth;
    explicit DepthGuard(int* d) : depth(d) { ++*depth; }
    ~DepthGuard() { --*depth; }
  } guard(&depth_);
  const uint32_t mark = next_cell_;
  const v1::Type& type = types_.at(node.type());
  if (IsWideNumber(type)) return NotInKernel("'" + type.name() + "'");
  switch (node.kind_case()) {
    case v1::Node::kReg: {
      const uint64_t size = ScalarSize(type, node.type());
      if (!IsLoadSize(size)) return NotInKernel("'" + type.name() + "'");
      auto cell = Extended(node.reg(), size, IsSignedInteger(type));
      if (!cell.ok()) return cell;
      return Widened(*cell, type);
    }
    case v1::Node::kVector:
      return VectorValue(node);
    case v1::Node::kDuration:
      return DurationValue();
    case v1::Node::kAtEntry:
      return Compact(mark, EntryValue(node));
    case v1::Node::kConstant:
      return Constant(node);
    case v1::Node::kMemory: {
      auto address = AddressValue(node.memory());
      if (!address.ok()) return address.status();
      return Compact(mark, node.type() == 0 ? EmitLoad(*address, 8, false) : ReadObject(*address, type));
    }
    case v1::Node::kMember:
      return Compact(mark, MemberValue(node));
    case v1::Node::kComposite:
      return Compact(mark, CompositeValue(node));
    case v1::Node::kUnary:
      return Compact(mark, UnaryValue(node));
    case v1::Node::kBinary:
      return Compact(mark, BinaryValue(node));
    case v1::Node::kConvert:
      return Compact(mark, ConvertValue(node));
    case v1::Node::kAddressOf: {
      if (!IsInMemory(node.address_of())) return NotInKernel("the address of a value that is not in memory");
      return Value(AddressOf(node.address_of()));
    }
    case v1::Node::kLinkAddress:
      return EmitArithImm(v1::OP_ADD, dwarf::kRipRegister, static_cast<int64_t>(node.link_address() - probe_.value));
    case v1::Node::kSelf:
      return Materialize(self_);
    case v1::Node::kChecked: {
      absl::Status status = Check(node.checked().condition());
      if (!status.ok()) return status;
      return Compact(mark, Value(node.checked().value()));
    }
    case v1::Node::kSelect:
      return Compact(mark, SelectValue(node.select()));
    case v1::Node::kUnavailable:
      return absl::FailedPreconditionError(node.unavailable());
    case v1::Node::kLookup:
      return NotInKernel("the search for a key in a container");
    case v1::Node::kImplicitPointer:
      return NotInKernel("a pointer that was optimized out");
    case v1::Node::KIND_NOT_SET:
      break;
  }
  return absl::InternalError("malformed expression node");
}

absl::Status OpEmitter::Match(uint32_t key_cell, const v1::Select::Case& candidate, Label otherwise) {
  auto equal = NewCell();
  if (!equal.ok()) return equal.status();
  const Label matched = NewLabel();
  for (const uint64_t key : candidate.keys()) {
    v1::CaptureOp& test = Emit(v1::CAP_ARITH_IMM);
    test.set_dst(*equal);
    test.set_a(key_cell);
    test.set_op(v1::OP_EQ);
    test.set_imm(static_cast<int64_t>(key));
    Jump(v1::CAP_JUMP_IF_NOT_ZERO, *equal, matched);
  }
  Jump(v1::CAP_JUMP, 0, otherwise);
  Place(matched);
  return absl::OkStatus();
}

absl::StatusOr<uint32_t> OpEmitter::SelectValue(const v1::Select& select) {
  auto result = EmitConst(0);
  if (!result.ok()) return result;
  auto key = Value(select.key());
  if (!key.ok()) return key;
  const Label end = NewLabel();
  for (const v1::Select::Case& candidate : select.cases()) {
    const uint32_t mark = next_cell_;
    const Label next = NewLabel();
    absl::Status status = Match(*key, candidate, next);
    if (!status.ok()) return status;
    auto value = Value(candidate.value());
    if (!value.ok()) return value;
    v1::CaptureOp& move = Emit(v1::CAP_MOVE);
    move.set_dst(*result);
    move.set_a(*value);
    Jump(v1::CAP_JUMP, 0, end);
    Place(next);
    Release(mark);
  }
  auto never = EmitConst(0);
  if (!never.ok()) return never;
  absl::Status status = FailUnless(*never);
  if (!status.ok()) return status;
  Place(end);
  return result;
}

absl::Status OpEmitter::Check(const v1::Node& condition) {
  auto cell = Value(condition);
  if (!cell.ok()) return cell.status();
  return FailUnless(*cell);
}

absl::Status OpEmitter::FailUnless(uint32_t cell) {
  if (use_ == Use::kCapture) {
    Jump(v1::CAP_JUMP_IF_ZERO, cell, failure_);
    return absl::OkStatus();
  }
  // In a condition an evaluation error must be told apart from "false": a division by zero raises it.
  auto quotient = NewCell();
  if (!quotient.ok()) return quotient.status();
  v1::CaptureOp& op = Emit(v1::CAP_ARITH);
  op.set_dst(*quotient);
  op.set_a(cell);
  op.set_b(cell);
  op.set_op(v1::OP_DIV);
  return absl::OkStatus();
}

absl::StatusOr<uint32_t> OpEmitter::MemberValue(const v1::Node& node) {
  const v1::Member& member = node.member();
  const v1::Type& type = types_.at(node.type());
  const bool is_bitfield = member.bit_size() != 0;
  uint64_t bytes = type.size();
  if (is_bitfield) {
    bytes = (member.bit_offset() + member.bit_size() + 7) / 8;
    while (bytes < 8 && !IsLoadSize(bytes)) ++bytes;
  }
  if (!IsLoadSize(bytes)) return NotInKernel("'" + type.name() + "'");

  absl::StatusOr<uint32_t> word = absl::InternalError("");
  if (IsInMemory(member.object())) {
    auto address = AddressValue(AddOffset(AddressOf(member.object()), static_cast<int64_t>(member.offset())));
    if (!address.ok()) return address.status();
    if (!is_bitfield) return ReadObject(*address, type);
    word = EmitLoad(*address, static_cast<uint32_t>(bytes), false);
  } else {
    if (member.object().has_composite() && !is_bitfield) {
      v1::Node location = member.object();
      location.set_type(0);
      auto slice = dwarf::SliceLocation(location, member.offset(), bytes);
      if (!slice.ok()) return slice.status();
      slice->set_type(node.type());
      return Value(*slice);
    }
    v1::Node whole = member.object();
    whole.set_type(0);
    word = Value(whole);
    if (word.ok() && member.offset() >= 8) return NotInKernel("a member of a large value in registers");
    if (word.ok() && member.offset() != 0) {
      auto shifted = NewCell();
      if (!shifted.ok()) return shifted;
      v1::CaptureOp& op = Emit(v1::CAP_ARITH_IMM);
      op.set_dst(*shifted);
      op.set_a(*word);
      op.set_op(v1::OP_SHR);
      op.set_imm(static_cast<int64_t>(8 * member.offset()));
      word = shifted;
    }
  }
  if (!word.ok()) return word;
  if (!is_bitfield) {
    auto cell = Extended(*word, type.size(), IsSignedInteger(type));
    return cell.ok() ? Widened(*cell, type) : cell;
  }
  auto cell = NewCell();
  if (!cell.ok()) return cell;
  v1::CaptureOp& op = Emit(v1::CAP_BITFIELD);
  op.set_dst(*cell);
  op.set_a(*word);
  op.set_offset(member.bit_offset());
  op.set_length(member.bit_size());
  op.set_is_signed(IsSignedInteger(type));
  return cell;
}

absl::StatusOr<uint32_t> OpEmitter::CompositeValue(const v1::Node& node) {
  auto sum = EmitConst(0);
  if (!sum.ok()) return sum;
  uint64_t position = 0;
  for (const v1::Composite::Piece& piece : node.composite().pieces()) {
    if (position + piece.size() > 8) break;  // a word is asked for: its low eight bytes
    if (piece.bits() != 0) return NotInKernel("a value in pieces of bits");
    absl::StatusOr<uint32_t> part = absl::InternalError("");
    if (piece.in_memory()) {
      auto address = AddressValue(piece.value());
      if (!address.ok()) return address.status();
      if (!IsLoadSize(piece.size())) return NotInKernel("a value in odd pieces");
      part = EmitLoad(*address, piece.size(), false);
    } else {
      part = Value(piece.value());
      if (part.ok() && piece.size() < 8) {
        if (!IsLoadSize(piece.size())) return NotInKernel("a value in odd pieces");
        part = Extended(*part, piece.size(), false);
      }
    }
    if (!part.ok()) return part;
    auto shifted = NewCell();
    if (!shifted.ok()) return shifted;
    v1::CaptureOp& shift = Emit(v1::CAP_ARITH_IMM);
    shift.set_dst(*shifted);
    shift.set_a(*part);
    shift.set_op(v1::OP_SHL);
    shift.set_imm(static_cast<int64_t>(8 * position));
    v1::CaptureOp& merge = Emit(v1::CAP_ARITH);
    merge.set_dst(*sum);
    merge.set_a(*sum);
    merge.set_b(*shifted);
    merge.set_op(v1::OP_OR);
    position += piece.size();
  }
  const v1::Type& type = types_.at(node.type());
  const uint64_t size = ScalarSize(type, node.type());
  if (position < size && size <= 8) return absl::FailedPreconditionError("only parts of the value are available");
  auto cell = Extended(*sum, size, IsSignedInteger(type));
  return cell.ok() ? Widened(*cell, type) : cell;
}

absl::StatusOr<uint32_t> OpEmitter::UnaryValue(const v1::Node& node) {
  const v1::Type& type = types_.at(node.type());
  auto operand = Value(node.unary().operand());
  if (!operand.ok()) return operand;
  auto cell = NewCell();
  if (!cell.ok()) return cell;
  if (IsFloat(type)) {
    constexpr int64_t kSignBit = INT64_MIN;
    v1::CaptureOp& op = Emit(v1::CAP_ARITH_IMM);
    op.set_dst(*cell);
    op.set_a(*operand);
    op.set_op(v1::OP_XOR);
    op.set_imm(kSignBit);
    return cell;
  }
  v1::CaptureOp& op = Emit(v1::CAP_UNARY);
  op.set_dst(*cell);
  op.set_a(*operand);
  op.set_op(node.unary().op());
  if (node.unary().op() == v1::OP_NOT) return cell;
  return Extended(*cell, ScalarSize(type, node.type()), IsSignedInteger(type));
}

absl::StatusOr<uint32_t> OpEmitter::LogicalValue(const v1::Node& node) {
  auto result = NewCell();
  if (!result.ok()) return result;
  const uint32_t mark = next_cell_;
  auto left = Value(node.binary().left());
  if (!left.ok()) return left;
  v1::CaptureOp& first = Emit(v1::CAP_MOVE);
  first.set_dst(*result);
  first.set_a(*left);
  Release(mark);
  const Label end = NewLabel();
  Jump(node.binary().op() == v1::OP_LOGICAL_AND ? v1::CAP_JUMP_IF_ZERO : v1::CAP_JUMP_IF_NOT_ZERO, *result, end);
  auto right = Value(node.binary().right());
  if (!right.ok()) return right;
  v1::CaptureOp& second = Emit(v1::CAP_MOVE);
  second.set_dst(*result);
  second.set_a(*right);
  Release(mark);
  Place(end);
  return result;
}

absl::StatusOr<uint32_t> OpEmitter::Compact(uint32_t mark, absl::StatusOr<uint32_t> result) {
  if (!result.ok() || *result < mark || ops_.empty()) return result;
  // Where a label is, other ops may have made the result too.
  const bool only_here =
      ops_.back().dst() == *result && std::find(labels_.begin(), labels_.end(), size()) == labels_.end();
  if (*result > mark && !only_here) return result;
  if (*result > mark) ops_.back().set_dst(mark);
  Release(mark + 1);
  return mark;
}

absl::StatusOr<uint32_t> OpEmitter::BinaryValue(const v1::Node& node) {
  const v1::Operator op = node.binary().op();
  if (op == v1::OP_LOGICAL_AND || op == v1::OP_LOGICAL_OR) return LogicalValue(node);
  const v1::Node& left_node = node.binary().left();
  const v1::Type& operand_type = types_.at(left_node.type());
  const bool comparison = op >= v1::OP_EQ && op <= v1::OP_GE;
  const bool is_float = IsFloat(operand_type) || IsFloat(types_.at(node.binary().right().type()));
  if (is_float && !comparison) return NotInKernel("floating-point arithmetic");

  auto left = Value(left_node);
  if (!left.ok()) return left;
  auto right = Value(node.binary().right());
  if (!right.ok()) return right;
  const uint64_t size = ScalarSize(operand_type, left_node.type());
  if ((op == v1::OP_SHL || op == v1::OP_SHR) && !ConstantWord(node.binary().right())) {
    auto in_range = NewCell();
    if (!in_range.ok()) return in_range;
    v1::CaptureOp& test = Emit(v1::CAP_ARITH_IMM);
    test.set_dst(*in_range);
    test.set_a(*right);
    test.set_op(v1::OP_LT);
    test.set_imm(static_cast<int64_t>(8 * size));
    absl::Status status = FailUnless(*in_range);
    if (!status.ok()) return status;
  }
  absl::StatusOr<uint32_t> cell = absl::InternalError("");
  if (is_float) {
    cell = NewCell();
    if (!cell.ok()) return cell;
    v1::CaptureOp& out = Emit(v1::CAP_FLOAT_CMP);
    out.set_dst(*cell);
    out.set_a(*left);
    out.set_b(*right);
    out.set_op(op);
  } else {
    cell = EmitArith(op, *left, *right, IsSignedInteger(operand_type));
  }
  if (!cell.ok() || comparison) return cell;
  if (use_ == Use::kCondition && !is_float && IsSignedInteger(operand_type)) {
    absl::Status status = CheckOverflow(op, size, *left, *right, *cell);
    if (!status.ok()) return status;
  }
  const v1::Type& type = types_.at(node.type());
  return Extended(*cell, ScalarSize(type, node.type()), IsSignedInteger(type));
}

// Overflow has no value. (In a capture user space finds it.)
absl::Status OpEmitter::CheckOverflow(v1::Operator op, uint64_t size, uint32_t left, uint32_t right, uint32_t result) {
  if (op == v1::OP_DIV || op == v1::OP_MOD || (op == v1::OP_MUL && size == 8)) {
    auto by_minus_one = EmitArithImm(v1::OP_EQ, right, -1);
    auto of_least = EmitArithImm(v1::OP_EQ, left, size < 8 ? -(int64_t{1} << (8 * size - 1)) : INT64_MIN);
    if (!by_minus_one.ok() || !of_least.ok()) return of_least.status();
    auto both = EmitArith(v1::OP_AND, *by_minus_one, *of_least);
    if (!both.ok()) return both.status();
    auto fits = EmitArithImm(v1::OP_EQ, *both, 0);
    if (!fits.ok()) return fits.status();
    absl::Status status = FailUnless(*fits);
    if (!status.ok() || op != v1::OP_MUL) return status;
  }
  if (op != v1::OP_ADD && op != v1::OP_SUB && op != v1::OP_MUL) return absl::OkStatus();
  if (size < 8) {
    auto narrow = Extended(result, size, true);
    if (!narrow.ok()) return narrow.status();
    auto same = EmitArith(v1::OP_EQ, *narrow, result);
    return same.ok() ? FailUnless(*same) : same.status();
  }
  if (op == v1::OP_MUL) {
    const Label end = NewLabel();
    Jump(v1::CAP_JUMP_IF_ZERO, right, end);
    auto quotient = EmitArith(v1::OP_DIV, result, right, true);
    if (!quotient.ok()) return quotient.status();
    auto same = EmitArith(v1::OP_EQ, *quotient, left);
    if (!same.ok()) return same.status();
    absl::Status status = FailUnless(*same);
    Place(end);
    return status;
  }
  // The result's sign differs from that of both operands (of the left one and the negated right one).
  auto a = EmitArith(v1::OP_XOR, left, op == v1::OP_ADD ? result : right);
  auto b = EmitArith(v1::OP_XOR, op == v1::OP_ADD ? right : left, result);
  if (!a.ok() || !b.ok()) return b.status();
  auto both = EmitArith(v1::OP_AND, *a, *b);
  if (!both.ok()) return both.status();
  auto fits = EmitArithImm(v1::OP_GE, *both, 0, true);
  return fits.ok() ? FailUnless(*fits) : fits.status();
}

absl::StatusOr<uint32_t> OpEmitter::ConvertValue(const v1::Node& node) {
  const v1::Node& from_node = node.convert();
  const v1::Type& from = types_.at(from_node.type());
  const v1::Type& to = types_.at(node.type());
  const bool from_float = IsFloat(from);
  const bool to_float = IsFloat(to);
  auto value = Value(from_node);
  if (!value.ok()) return value;
  if (to.kind() == v1::TYPE_BOOL && from.kind() != v1::TYPE_BOOL) {
    auto cell = NewCell();
    if (!cell.ok()) return cell;
    v1::CaptureOp& op = Emit(v1::CAP_ARITH_IMM);
    // -0.0 is zero too: shift the sign bit of a float away before the test.
    if (from_float) {
      op.set_dst(*cell);
      op.set_a(*value);
      op.set_op(v1::OP_SHL);
      op.set_imm(1);
      value = cell;
    }
    v1::CaptureOp& test = from_float ? Emit(v1::CAP_ARITH_IMM) : op;
    test.set_dst(*cell);
    test.set_a(*value);
    test.set_op(v1::OP_NE);
    test.set_imm(0);
    return cell;
  }
  if (from_float && to_float) {
    if (to.size() < from.size()) return NotInKernel("narrowing a floating-point value");
    return value;  // both are binary64 in cells
  }
  if (from_float != to_float) return NotInKernel("conversion between integer and floating point");
  // A cell holds the value extended by its own type: a type that can represent all of those needs nothing more.
  const uint64_t from_size = ScalarSize(from, from_node.type());
  const uint64_t to_size = ScalarSize(to, node.type());
  const bool same_sign = IsSignedInteger(from) == IsSignedInteger(to);
  if (same_sign ? from_size <= to_size : !IsSignedInteger(from) && from_size < to_size) return value;
  return Extended(*value, ScalarSize(to, node.type()), IsSignedInteger(to));
}

}  // namespace dlog::plan
