// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/expression.h"

#include <dwarf.h>
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "symbolizer/dwarf/nodes.h"

namespace dlog::dwarf {
namespace {

// Vendor operations that are older than their standard form (gcc writes them for DWARF 4).
constexpr uint8_t kGnuPushTlsAddress = 0xe0;

constexpr uint64_t kSignBit = uint64_t{1} << 63;

absl::Status Malformed(const std::string& what) {
  return absl::InvalidArgumentError("malformed location description: " + what);
}
absl::Status Unsupported(const std::string& what) { return absl::UnimplementedError(what); }

// The type of a stack entry: generic (the address size, signedness by operation) or an integer base type.
struct StackType {
  bool generic = true;
  bool is_signed = false;
  uint32_t size = 8;
  friend bool operator==(const StackType&, const StackType&) = default;
};

// `word` holds the value extended to 64 bits by its own type.
struct Entry {
  v1::Node word;
  StackType type;
};

// LLVM mixes literals, which are generic, with typed values: `convert int; lit3; mul`. A literal has the value of the
// other operand's type. False when neither is a literal.
bool AdoptType(Entry* left, Entry* right) {
  if (left->type.generic && !right->type.generic && left->word.kind_case() == v1::Node::kConstant) {
    left->type = right->type;
    return true;
  }
  if (right->type.generic && !left->type.generic && right->word.kind_case() == v1::Node::kConstant) {
    right->type = left->type;
    return true;
  }
  return false;
}

uint64_t Mask(uint32_t size) { return size >= 8 ? ~uint64_t{0} : (uint64_t{1} << (size * 8)) - 1; }

// Cuts to `size` bytes and extends again; sign extension in unsigned arithmetic: ((x & mask) ^ s) - s.
v1::Node Extend(v1::Node word, uint32_t size, bool is_signed) {
  if (size >= 8) return word;
  v1::Node cut = BinaryNode(v1::OP_AND, std::move(word), ConstantNode(Mask(size)));
  if (!is_signed) return cut;
  const uint64_t sign = uint64_t{1} << (size * 8 - 1);
  return BinaryNode(v1::OP_SUB, BinaryNode(v1::OP_XOR, std::move(cut), ConstantNode(sign)), ConstantNode(sign));
}

// (x >>signed n) = ((x >>unsigned n) ^ m) - m with m = sign bit >> n; n < 64.
v1::Node ShiftRightSigned(v1::Node x, const v1::Node& n) {
  const v1::Node m = BinaryNode(v1::OP_SHR, ConstantNode(kSignBit), n);
  v1::Node shifted = BinaryNode(v1::OP_SHR, std::move(x), n);
  return BinaryNode(v1::OP_SUB, BinaryNode(v1::OP_XOR, std::move(shifted), m), m);
}

// All ones when negative, else zero.
v1::Node SignOf(const v1::Node& word) { return ShiftRightSigned(word, ConstantNode(63)); }

// -x when `sign` is all ones, x when it is zero.
v1::Node ApplySign(v1::Node x, const v1::Node& sign) {
  return BinaryNode(v1::OP_SUB, BinaryNode(v1::OP_XOR, std::move(x), sign), sign);
}

// Signed division truncates; the machine word's is unsigned: divide magnitudes, then put the sign back.
v1::Node DivideSigned(const v1::Node& left, const v1::Node& right) {
  const v1::Node left_sign = SignOf(left);
  const v1::Node right_sign = SignOf(right);
  v1::Node quotient = BinaryNode(v1::OP_DIV, ApplySign(left, left_sign), ApplySign(right, right_sign));
  return ApplySign(std::move(quotient), BinaryNode(v1::OP_XOR, left_sign, right_sign));
}

// `value` if `condition` holds at the hit.
v1::Node CheckedNode(v1::Node condition, v1::Node value, const char* reason) {
  v1::Node out;
  *out.mutable_checked()->mutable_condition() = std::move(condition);
  *out.mutable_checked()->mutable_value() = std::move(value);
  out.mutable_checked()->set_reason(reason);
  return out;
}

size_t Depth(const v1::Node& node) {
  switch (node.kind_case()) {
    case v1::Node::kMemory:
      return 1 + Depth(node.memory());
    case v1::Node::kMember:
      return 1 + Depth(node.member().object());
    case v1::Node::kUnary:
      return 1 + Depth(node.unary().operand());
    case v1::Node::kBinary:
      return 1 + std::max(Depth(node.binary().left()), Depth(node.binary().right()));
    case v1::Node::kChecked:
      return 1 + std::max(Depth(node.checked().condition()), Depth(node.checked().value()));
    default:
      return 1;
  }
}

class Evaluator {
 public:
  explicit Evaluator(const ExpressionContext& context) : context_(context) {}

  absl::Status Run(std::span<const Dwarf_Op> ops);
  absl::StatusOr<v1::Node> TakeLocation();
  absl::StatusOr<v1::Node> TakeAddress();

 private:
  // What the description has come to so far; an operation that ends one makes it anything but kAddress.
  enum class Form { kAddress, kRegister, kValue, kImplicit };

  absl::Status Step(const Dwarf_Op& op);
  absl::Status Numbered(const Dwarf_Op& op, bool* done);
  absl::Status Stack(const Dwarf_Op& op);
  absl::Status Arithmetic(const Dwarf_Op& op);
  absl::Status SignedArithmetic(uint8_t atom, Entry left, Entry right);
  absl::Status Compare(v1::Operator op, Entry left, Entry right);
  absl::Status Typed(const Dwarf_Op& op);
  absl::Status Context(const Dwarf_Op& op);
  absl::Status Terminal(const Dwarf_Op& op);
  absl::Status AddPiece(uint64_t bytes, uint64_t bit_offset);

  absl::Status UseRegister(uint64_t reg);
  absl::StatusOr<v1::Node> RegisterWord(uint64_t reg) const;
  absl::StatusOr<StackType> BaseType(const Dwarf_Op& op, uint64_t offset) const;
  absl::StatusOr<uint64_t> AddressOperand(const Dwarf_Op& op) const;

  absl::Status Push(v1::Node word, StackType type = {});
  absl::StatusOr<Entry> Pop();

  const ExpressionContext& context_;
  std::vector<Entry> stack_;
  Form form_ = Form::kAddress;
  v1::Node terminal_;  // kRegister: the register; kImplicit: the constant
  v1::Composite composite_;
  bool any_ = false;  // since the start or the last piece
  size_t piece_nodes_ = 0;
};

absl::Status Evaluator::Push(v1::Node word, StackType type) {
  if (stack_.size() >= kMaxExpressionStack) return Malformed("stack too deep");
  if (NodeCount(word) > kMaxExpressionNodes || Depth(word) > kMaxExpressionDepth) {
    return Unsupported("location expression is too large");
  }
  stack_.push_back({std::move(word), type});
  return absl::OkStatus();
}

absl::StatusOr<Entry> Evaluator::Pop() {
  if (stack_.empty()) return Malformed("operand missing");
  Entry out = std::move(stack_.back());
  stack_.pop_back();
  return out;
}

absl::StatusOr<v1::Node> Evaluator::RegisterWord(uint64_t reg) const {
  if (reg > kRipRegister) return Unsupported("value depends on " + RegisterClassName(reg));
  return RegisterNode(static_cast<uint32_t>(reg));
}

absl::Status Evaluator::UseRegister(uint64_t reg) {
  if (reg > kRipRegister) {
    return Unsupported((reg <= 32 || (reg >= 67 && reg <= 82) ? "value is in vector register " : "value is in ") +
                       RegisterClassName(reg));
  }
  terminal_ = RegisterNode(static_cast<uint32_t>(reg));
  form_ = Form::kRegister;
  return absl::OkStatus();
}

absl::Status Evaluator::Run(std::span<const Dwarf_Op> ops) {
  if (ops.size() > kMaxExpressionOps) return Unsupported("location expression is too long");
  for (const Dwarf_Op& op : ops) {
    const bool is_piece = op.atom == DW_OP_piece || op.atom == DW_OP_bit_piece;
    if (form_ != Form::kAddress && !is_piece) return Malformed("operation after the end of a description");
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
      return absl::FailedPreconditionError(
          fmt::format("optimized out at {:#x}: only its value at the function's entry is known", context_.probe.value));
    case DW_OP_implicit_pointer:
    case DW_OP_GNU_implicit_pointer:
      return Unsupported("pointer was optimized out (implicit pointer)");
    case DW_OP_form_tls_address:
    case kGnuPushTlsAddress:
      return Unsupported("thread-local variable");
    case DW_OP_bra:
    case DW_OP_skip:
      return Unsupported("location expression with branches");
    case DW_OP_call2:
    case DW_OP_call4:
    case DW_OP_call_ref:
    case DW_OP_GNU_variable_value:
      return Unsupported("location expression that refers to another variable");
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
  if (needed == 0 || depth < needed) return Malformed("operand missing");
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
  if (context_.attribute == nullptr || dwarf_getlocation_attr(context_.attribute, &op, &value) != 0 ||
      dwarf_formaddr(&value, &address) != 0) {
    return Malformed("bad index into .debug_addr");
  }
  return address;
}

absl::Status Evaluator::Context(const Dwarf_Op& op) {
  if (op.atom == DW_OP_fbreg || op.atom == DW_OP_call_frame_cfa) {
    const auto& source = op.atom == DW_OP_fbreg ? context_.frame_base : context_.cfa;
    if (!source) return Malformed("frame base or CFA where there is none");
    absl::StatusOr<v1::Node> base = source();
    if (!base.ok()) return base.status();
    if (op.atom == DW_OP_call_frame_cfa) return Push(*std::move(base));
    return Push(BinaryNode(v1::OP_ADD, *std::move(base), ConstantNode(op.number)));
  }
  absl::StatusOr<uint64_t> address = AddressOperand(op);
  if (!address.ok()) return address.status();
  // A relocated constant (DW_OP_constx) is a TLS offset in practice: not an address.
  if (op.atom == DW_OP_constx || op.atom == DW_OP_GNU_const_index) return Push(ConstantNode(*address));
  return Push(BinaryNode(v1::OP_ADD, RegisterNode(kRipRegister), ConstantNode(*address - context_.probe.value)));
}

absl::StatusOr<StackType> Evaluator::BaseType(const Dwarf_Op& op, uint64_t offset) const {
  if (offset == 0) return StackType{};  // the generic type
  Dwarf_Die type;
  if (context_.attribute == nullptr || dwarf_getlocation_die(context_.attribute, &op, &type) != 0 ||
      dwarf_tag(&type) != DW_TAG_base_type) {
    return Malformed("typed operation without a base type");
  }
  Dwarf_Attribute attr;
  Dwarf_Word encoding = 0;
  const int size = dwarf_bytesize(&type);
  if (dwarf_attr(&type, DW_AT_encoding, &attr) == nullptr || dwarf_formudata(&attr, &encoding) != 0) {
    return Malformed("base type without an encoding");
  }
  const bool is_signed = encoding == DW_ATE_signed || encoding == DW_ATE_signed_char;
  const bool is_integer = is_signed || encoding == DW_ATE_unsigned || encoding == DW_ATE_unsigned_char ||
                          encoding == DW_ATE_boolean || encoding == DW_ATE_address || encoding == DW_ATE_UTF;
  if (!is_integer) return Unsupported("floating-point location expression");
  if (size < 1 || size > 8) return Unsupported("location expression on integers wider than 64 bits");
  return StackType{false, is_signed, static_cast<uint32_t>(size)};
}

absl::Status Evaluator::Typed(const Dwarf_Op& op) {
  const bool in_second = op.atom == DW_OP_regval_type || op.atom == DW_OP_GNU_regval_type ||
                         op.atom == DW_OP_deref_type || op.atom == DW_OP_GNU_deref_type;
  absl::StatusOr<StackType> type = BaseType(op, in_second ? op.number2 : op.number);
  if (!type.ok()) return type.status();
  switch (op.atom) {
    case DW_OP_regval_type:
    case DW_OP_GNU_regval_type: {
      auto word = RegisterWord(op.number);
      if (!word.ok()) return word.status();
      return Push(Extend(*std::move(word), type->size, type->is_signed), *type);
    }
    case DW_OP_deref_type:
    case DW_OP_GNU_deref_type: {
      auto address = Pop();
      if (!address.ok()) return address.status();
      if (op.number != type->size) return Malformed("DW_OP_deref_type with a size that is not its type's");
      v1::Node word = LoadNode(std::move(address->word), type->size);
      return Push(type->is_signed ? Extend(std::move(word), type->size, true) : std::move(word), *type);
    }
    case DW_OP_const_type:
    case DW_OP_GNU_const_type: {
      Dwarf_Attribute constant;
      Dwarf_Block block{};
      if (context_.attribute == nullptr || dwarf_getlocation_attr(context_.attribute, &op, &constant) != 0 ||
          dwarf_formblock(&constant, &block) != 0) {
        return Malformed("typed constant without its block");
      }
      if (block.length != type->size) return Malformed("typed constant of a wrong size");
      uint64_t value = 0;
      std::copy_n(block.data, block.length, reinterpret_cast<uint8_t*>(&value));
      return Push(Extend(ConstantNode(value), type->size, type->is_signed), *type);
    }
    default: {  // convert and reinterpret differ for floating point only; a reinterpret keeps the size
      auto operand = Pop();
      if (!operand.ok()) return operand.status();
      const bool reinterpret = op.atom == DW_OP_reinterpret || op.atom == DW_OP_GNU_reinterpret;
      if (reinterpret && operand->type.size != type->size) return Malformed("DW_OP_reinterpret changes the size");
      return Push(Extend(std::move(operand->word), type->size, type->is_signed), *type);
    }
  }
}

absl::Status Evaluator::Arithmetic(const Dwarf_Op& op) {
  absl::StatusOr<Entry> top = Pop();
  // Unknown operations fall through to the switch below, which names them.
  if (!top.ok() && op.atom < DW_OP_lo_user) return top.status();
  if (!top.ok()) return Unsupported(fmt::format("DWARF operation {:#x}", static_cast<unsigned>(op.atom)));
  Entry right = *std::move(top);
  const StackType type = right.type;
  auto typed = [&](v1::Node word) { return Push(Extend(std::move(word), type.size, type.is_signed), type); };
  switch (op.atom) {
    case DW_OP_deref:
      return Push(LoadNode(std::move(right.word), 8));
    case DW_OP_deref_size:
      if (op.number < 1 || op.number > 8) return Malformed("DW_OP_deref_size of a bad size");
      return Push(LoadNode(std::move(right.word), static_cast<uint32_t>(op.number)));
    case DW_OP_plus_uconst:
      return typed(BinaryNode(v1::OP_ADD, std::move(right.word), ConstantNode(op.number)));
    case DW_OP_neg:
      return typed(UnaryNode(v1::OP_NEG, std::move(right.word)));
    case DW_OP_not:
      return typed(UnaryNode(v1::OP_BIT_NOT, std::move(right.word)));
    case DW_OP_abs: {
      if (!type.generic && !type.is_signed) return typed(std::move(right.word));
      const v1::Node sign = SignOf(right.word);
      return typed(ApplySign(std::move(right.word), sign));
    }
    default:
      break;
  }
  absl::StatusOr<Entry> second = Pop();
  if (!second.ok()) {
    return op.atom <= DW_OP_ne ? second.status()
                               : Unsupported(fmt::format("DWARF operation {:#x}", static_cast<unsigned>(op.atom)));
  }
  Entry left = *std::move(second);
  const bool shift = op.atom == DW_OP_shl || op.atom == DW_OP_shr || op.atom == DW_OP_shra;
  if (!shift && left.type != right.type && !AdoptType(&left, &right)) return Malformed("operands of different types");
  const StackType result = left.type;
  auto push = [&](v1::Operator o) {
    return Push(Extend(BinaryNode(o, std::move(left.word), std::move(right.word)), result.size, result.is_signed),
                result);
  };
  switch (op.atom) {
    case DW_OP_plus:
      return push(v1::OP_ADD);
    case DW_OP_minus:
      return push(v1::OP_SUB);
    case DW_OP_mul:
      return push(v1::OP_MUL);
    case DW_OP_and:
      return push(v1::OP_AND);
    case DW_OP_or:
      return push(v1::OP_OR);
    case DW_OP_xor:
      return push(v1::OP_XOR);
    case DW_OP_div:
    case DW_OP_mod:
    case DW_OP_shl:
    case DW_OP_shr:
    case DW_OP_shra:
      return SignedArithmetic(op.atom, std::move(left), std::move(right));
    case DW_OP_eq:
      return Compare(v1::OP_EQ, std::move(left), std::move(right));
    case DW_OP_ne:
      return Compare(v1::OP_NE, std::move(left), std::move(right));
    case DW_OP_lt:
      return Compare(v1::OP_LT, std::move(left), std::move(right));
    case DW_OP_le:
      return Compare(v1::OP_LE, std::move(left), std::move(right));
    case DW_OP_gt:
      return Compare(v1::OP_GT, std::move(left), std::move(right));
    case DW_OP_ge:
      return Compare(v1::OP_GE, std::move(left), std::move(right));
    default:
      return Unsupported(fmt::format("DWARF operation {:#x}", static_cast<unsigned>(op.atom)));
  }
}

// Operations whose result depends on signedness or that are undefined for some right operands: the machine word's own
// division is unsigned and its shifts end at 63.
absl::Status Evaluator::SignedArithmetic(uint8_t atom, Entry left, Entry right) {
  const StackType type = left.type;
  const uint32_t bits = type.size * 8;
  const std::optional<uint64_t> amount = ConstantValue(right.word);
  auto push = [&](v1::Node word) { return Push(Extend(std::move(word), type.size, type.is_signed), type); };
  if (atom == DW_OP_div || atom == DW_OP_mod) {
    if (amount == 0u) return Malformed("division by zero");
    const bool is_signed = type.is_signed || (type.generic && atom == DW_OP_div);
    // On the generic type modulo is unsigned (gdb, and DWARF 5 section 2.5.1.4 by its "modulo").
    if (atom == DW_OP_mod && is_signed) return Unsupported("signed modulo in a location expression");
    v1::Node result = is_signed           ? DivideSigned(left.word, right.word)
                      : atom == DW_OP_div ? BinaryNode(v1::OP_DIV, std::move(left.word), right.word)
                                          : BinaryNode(v1::OP_MOD, std::move(left.word), right.word);
    if (amount.has_value()) return push(std::move(result));
    return push(CheckedNode(BinaryNode(v1::OP_NE, right.word, ConstantNode(0)), std::move(result), "division by zero"));
  }
  if (amount.has_value() && *amount >= bits) {
    if (atom != DW_OP_shra) return push(ConstantNode(0));
    right.word = ConstantNode(bits - 1);
  }
  v1::Node result = atom == DW_OP_shl ? BinaryNode(v1::OP_SHL, std::move(left.word), right.word)
                    : atom == DW_OP_shr
                        ? BinaryNode(v1::OP_SHR, Extend(std::move(left.word), type.size, false), right.word)
                        // The sign is that of the type's width, whatever its signedness.
                        : ShiftRightSigned(Extend(std::move(left.word), type.size, true), right.word);
  if (amount.has_value()) return push(std::move(result));
  return push(
      CheckedNode(BinaryNode(v1::OP_LT, right.word, ConstantNode(bits)), std::move(result), "shift out of range"));
}

absl::Status Evaluator::Compare(v1::Operator op, Entry left, Entry right) {
  // Signed order is unsigned order with the sign bit flipped.
  if ((left.type.generic || left.type.is_signed) && op != v1::OP_EQ && op != v1::OP_NE) {
    left.word = BinaryNode(v1::OP_XOR, std::move(left.word), ConstantNode(kSignBit));
    right.word = BinaryNode(v1::OP_XOR, std::move(right.word), ConstantNode(kSignBit));
  }
  return Push(BinaryNode(op, std::move(left.word), std::move(right.word)));
}

absl::Status Evaluator::Terminal(const Dwarf_Op& op) {
  switch (op.atom) {
    case DW_OP_regx:
      return UseRegister(op.number);
    case DW_OP_stack_value:
      if (stack_.empty()) return Malformed("DW_OP_stack_value on an empty stack");
      form_ = Form::kValue;
      return absl::OkStatus();
    case DW_OP_implicit_value: {
      Dwarf_Block block{};
      if (context_.attribute == nullptr || dwarf_getlocation_implicit_value(context_.attribute, &op, &block) != 0) {
        return Malformed("DW_OP_implicit_value without its block");
      }
      if (block.length > kMaxPieceBytes) return Unsupported("implicit value is too large");
      terminal_.set_constant(block.data, block.length);
      form_ = Form::kImplicit;
      return absl::OkStatus();
    }
    case DW_OP_piece:
      return AddPiece(op.number, 0);
    default:
      if (op.number % 8 != 0 || op.number2 % 8 != 0) return Unsupported("value in pieces that are not whole bytes");
      return AddPiece(op.number / 8, op.number2);
  }
}

absl::Status Evaluator::AddPiece(uint64_t bytes, uint64_t bit_offset) {
  if (bytes == 0 || bytes > kMaxPieceBytes || composite_.pieces_size() >= static_cast<int>(kMaxExpressionOps)) {
    return Malformed("piece of a bad size");
  }
  auto add = [&](uint64_t size, v1::Node value, bool in_memory) {
    v1::Composite::Piece* piece = composite_.add_pieces();
    piece->set_size(static_cast<uint32_t>(size));
    *piece->mutable_value() = std::move(value);
    piece->set_in_memory(in_memory);
  };
  if (!any_) {
    add(bytes, UnavailableNode("optimized out"), false);
  } else if (form_ == Form::kImplicit) {
    const std::string constant = terminal_.constant();
    if (bit_offset / 8 + bytes > constant.size()) return Malformed("piece beyond its implicit value");
    for (uint64_t at = 0; at < bytes; at += 8) {
      v1::Node word;
      word.set_constant(constant.substr(bit_offset / 8 + at, std::min<uint64_t>(8, bytes - at)));
      word.mutable_constant()->resize(8);
      add(std::min<uint64_t>(8, bytes - at), std::move(word), false);
    }
  } else if (form_ == Form::kRegister || form_ == Form::kValue) {
    if (bit_offset + bytes * 8 > 64) return Malformed("piece larger than its register");
    v1::Node word = form_ == Form::kRegister ? terminal_ : stack_.back().word;
    add(bytes, BinaryNode(v1::OP_SHR, std::move(word), ConstantNode(bit_offset)), false);
  } else {
    if (stack_.empty()) return Malformed("piece without a location");
    v1::Node address = BinaryNode(v1::OP_ADD, stack_.back().word, ConstantNode(bit_offset / 8));
    add(bytes, std::move(address), true);
  }
  form_ = Form::kAddress;
  stack_.clear();
  v1::Node whole;
  *whole.mutable_composite() = composite_;
  if (NodeCount(whole) > kMaxExpressionNodes) return Unsupported("location expression is too large");
  return absl::OkStatus();
}

absl::StatusOr<v1::Node> Evaluator::TakeLocation() {
  if (composite_.pieces_size() > 0) {
    if (any_) return Malformed("description after the last piece");
    v1::Node out;
    *out.mutable_composite() = std::move(composite_);
    return out;
  }
  switch (form_) {
    case Form::kRegister:
    case Form::kImplicit:
      return std::move(terminal_);
    case Form::kValue:
      return std::move(stack_.back().word);
    case Form::kAddress:
      break;
  }
  if (!any_) return absl::FailedPreconditionError("optimized out");
  if (stack_.empty()) return Malformed("no address on the stack");
  return MemoryNode(std::move(stack_.back().word));
}

absl::StatusOr<v1::Node> Evaluator::TakeAddress() {
  if (composite_.pieces_size() > 0 || form_ == Form::kImplicit) return Malformed("pieces where an address is needed");
  if (form_ == Form::kRegister) return std::move(terminal_);
  if (stack_.empty()) return Malformed("no address on the stack");
  return std::move(stack_.back().word);
}

}  // namespace

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

std::string RegisterClassName(uint64_t reg) {
  if (reg >= 17 && reg <= 32) return fmt::format("xmm{}", reg - 17);
  if (reg >= 33 && reg <= 40) return fmt::format("st{}", reg - 33);
  if (reg >= 41 && reg <= 48) return fmt::format("mm{}", reg - 41);
  if (reg >= 67 && reg <= 82) return fmt::format("xmm{}", reg - 67 + 16);
  if (reg >= 118 && reg <= 125) return fmt::format("k{}", reg - 118);
  if (reg == 58) return "fs.base";
  if (reg == 59) return "gs.base";
  return fmt::format("register {}", reg);
}

}  // namespace dlog::dwarf
