// SPDX-License-Identifier: Apache-2.0
//
// The machine behind expression.h: a stack of trees. Private to expression.cc (control, locations, pieces) and
// expression_arithmetic.cc (operators, types).
#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "plan.pb.h"
#include "symbolizer/dwarf/expression.h"
#include "symbolizer/dwarf/wide_mark.h"

namespace dlog::dwarf {

inline absl::Status MalformedExpression(const std::string& what) {
  return absl::InvalidArgumentError("malformed location description: " + what);
}
inline absl::Status UnsupportedExpression(const std::string& what) { return absl::UnimplementedError(what); }

// The type of a stack entry: generic (the address size, signedness by operation), an integer or a floating-point base
// type.
struct StackType {
  bool generic = true;
  bool is_float = false;
  bool is_signed = false;
  uint32_t size = 8;
  friend bool operator==(const StackType&, const StackType&) = default;
};

// An integer of 16 bytes.
inline constexpr uint32_t kWideBytes = 16;
inline bool IsWord(const StackType& type) { return !type.is_float && type.size <= sizeof(uint64_t); }
inline bool IsWide(const StackType& type) { return !type.is_float && type.size == kWideBytes; }

// `word` holds the value extended to 64 bits by its own type; of floating point it is a node of that type, of 16 bytes
// an unsigned integer (kWideMark).
struct Entry {
  v1::Node word;
  StackType type;
};

// Next to pieces of bits no piece may be larger than a register: cuts those that are in memory, so far as they can be
// shown; the rest of them has no value. Unimplemented when that becomes too large.
absl::Status SplitForBits(v1::Composite* composite);

class Evaluator {
 public:
  explicit Evaluator(const ExpressionContext& context) : context_(context), attribute_(context.attribute) {}

  absl::Status Run(std::span<const Dwarf_Op> ops);
  absl::StatusOr<v1::Node> TakeLocation();
  absl::StatusOr<v1::Node> TakeAddress();
  // As TakeAddress; of a floating-point number its bits.
  absl::StatusOr<v1::Node> TakeBits();

 private:
  // What the description has come to so far; an operation that ends one makes it anything but kAddress.
  enum class Form { kAddress, kRegister, kValue, kImplicit, kPointer };

  // From `first` to the end of `ops`.
  absl::Status RunFrom(std::span<const Dwarf_Op> ops, size_t first);
  absl::Status Step(const Dwarf_Op& op);
  absl::StatusOr<size_t> TargetOf(std::span<const Dwarf_Op> ops, size_t at) const;
  absl::Status Branch(std::span<const Dwarf_Op> ops, size_t at, size_t target);
  // This evaluator becomes what `yes` came to if `condition` is not zero at the hit, else what `no` came to.
  absl::Status Join(v1::Node condition, Evaluator yes, Evaluator no);
  absl::Status Call(const Dwarf_Op& op);
  absl::Status VariableValue(const Dwarf_Op& op);
  absl::Status ImplicitPointer(const Dwarf_Op& op);
  absl::Status Numbered(const Dwarf_Op& op, bool* done);
  absl::Status Stack(const Dwarf_Op& op);
  absl::Status Arithmetic(const Dwarf_Op& op);
  absl::Status Convert(const Dwarf_Op& op, const StackType& to);
  absl::Status ConvertWide(Entry operand, const StackType& to);
  absl::Status WideArithmetic(const Dwarf_Op& op, Entry left, Entry right);
  absl::Status FloatArithmetic(const Dwarf_Op& op, Entry left, Entry right);
  absl::Status SignedArithmetic(uint8_t atom, Entry left, Entry right);
  absl::Status Compare(v1::Operator op, Entry left, Entry right);
  absl::Status Typed(const Dwarf_Op& op);
  absl::Status Context(const Dwarf_Op& op);
  absl::Status ThreadLocal();
  absl::Status EntryValue(const Dwarf_Op& op);
  absl::Status ParameterReference(const Dwarf_Op& op);
  absl::Status Terminal(const Dwarf_Op& op);
  absl::Status AddPiece(uint64_t bytes, uint64_t bit_offset);
  absl::Status AddBitPiece(uint64_t bits, uint64_t bit_offset);
  absl::Status EndPiece();

  absl::Status UseRegister(uint64_t reg);
  absl::StatusOr<v1::Node> RegisterWord(uint64_t reg) const;
  // As RegisterWord; of a vector register its low eight bytes, where floating-point numbers are.
  absl::StatusOr<v1::Node> NumberRegister(uint64_t reg) const;
  absl::StatusOr<StackType> BaseType(const Dwarf_Op& op, uint64_t offset) const;
  absl::StatusOr<uint64_t> AddressOperand(const Dwarf_Op& op) const;

  absl::Status Push(v1::Node word, StackType type = {});
  // The value of `type` whose bits are the low ones of a machine word.
  absl::Status PushBits(v1::Node word, const StackType& type);
  absl::StatusOr<Entry> Pop();

  const ExpressionContext& context_;
  Dwarf_Attribute* attribute_;  // of the operations that run
  int nesting_ = 0;
  size_t steps_ = 0;
  std::vector<Entry> stack_;
  bool indexed_constant_ = false;  // a number from .debug_addr was pushed
  Form form_ = Form::kAddress;
  v1::Node terminal_;  // kRegister: the register; kImplicit: the constant; kPointer: the implicit pointer
  v1::Composite composite_;
  bool any_ = false;  // since the start or the last piece
};

}  // namespace dlog::dwarf
