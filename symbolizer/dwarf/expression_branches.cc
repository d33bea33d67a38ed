// SPDX-License-Identifier: Apache-2.0
//
// Control flow in location expressions: both ways of a branch are evaluated, and the hit chooses.
#include <dwarf.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "symbolizer/dwarf/die.h"
#include "symbolizer/dwarf/evaluator.h"
#include "symbolizer/dwarf/nodes.h"
#include "symbolizer/dwarf/type_layout.h"
#include "symbolizer/dwarf/word_arithmetic.h"

namespace dlog::dwarf {

absl::StatusOr<size_t> Evaluator::TargetOf(std::span<const Dwarf_Op> ops, size_t at) const {
  constexpr uint64_t kOperationBytes = 3;
  const uint64_t target =
      ops[at].offset + kOperationBytes + static_cast<uint64_t>(static_cast<int16_t>(ops[at].number));
  for (size_t i = 0; i < ops.size(); ++i) {
    if (ops[i].offset == target) return i;
  }
  // The end is a target, too. How long the last operation is matters only when it is known: any other that begins
  // before the target ends there.
  const bool last_is_branch = ops.back().atom == DW_OP_skip || ops.back().atom == DW_OP_bra;
  if (target >= ops.back().offset + (last_is_branch ? kOperationBytes : 1)) return ops.size();
  return MalformedExpression("branch into the middle of an operation");
}

absl::Status Evaluator::Branch(std::span<const Dwarf_Op> ops, size_t at, size_t target) {
  absl::StatusOr<Entry> condition = Pop();
  if (!condition.ok()) return condition.status();
  any_ = true;
  const std::optional<uint64_t> known = ConstantValue(condition->word);
  if (known.has_value()) return RunFrom(ops, *known != 0 ? target : at + 1);
  if (++nesting_ > kMaxExpressionNesting) {
    const bool loops = std::any_of(ops.begin(), ops.end(), [](const Dwarf_Op& op) {
      return (op.atom == DW_OP_bra || op.atom == DW_OP_skip) && static_cast<int16_t>(op.number) < 0;
    });
    return UnsupportedExpression(loops ? "location expression with a loop whose rounds depend on a value at the hit"
                                       : "location expression with too many branches");
  }
  Evaluator yes = *this;
  if (absl::Status s = yes.RunFrom(ops, target); !s.ok()) return s;
  Evaluator no = *this;
  no.steps_ = yes.steps_;
  if (absl::Status s = no.RunFrom(ops, at + 1); !s.ok()) return s;
  return Join(std::move(condition->word), std::move(yes), std::move(no));
}

absl::Status Evaluator::Join(v1::Node condition, Evaluator yes, Evaluator no) {
  const auto word = [](Evaluator& side, bool* is_address) -> absl::StatusOr<Entry> {
    *is_address = side.form_ == Form::kAddress;
    if (side.composite_.pieces_size() > 0 || side.form_ == Form::kImplicit || side.form_ == Form::kPointer) {
      return UnsupportedExpression("location expression with pieces on one way");
    }
    if (side.form_ == Form::kRegister) return Entry{std::move(side.terminal_), {}};
    return side.Pop();
  };
  bool yes_is_address = false;
  bool no_is_address = false;
  absl::StatusOr<Entry> yes_word = word(yes, &yes_is_address);
  if (!yes_word.ok()) return yes_word.status();
  absl::StatusOr<Entry> no_word = word(no, &no_is_address);
  if (!no_word.ok()) return no_word.status();
  if (yes_is_address != no_is_address || yes_word->type != no_word->type || !IsWord(yes_word->type)) {
    return UnsupportedExpression("location expression whose ways give different kinds of locations");
  }
  v1::Node chosen;
  v1::Select* select = chosen.mutable_select();
  *select->mutable_key() = BinaryNode(v1::OP_NE, std::move(condition), ConstantNode(0));
  for (const bool truth : {false, true}) {
    v1::Select::Case* candidate = select->add_cases();
    candidate->add_keys(truth ? 1 : 0);
    *candidate->mutable_value() = std::move(truth ? yes_word->word : no_word->word);
  }
  stack_.clear();
  steps_ = no.steps_;
  form_ = yes_is_address ? Form::kAddress : Form::kValue;
  return Push(std::move(chosen), yes_word->type);
}

absl::Status Evaluator::Call(const Dwarf_Op& op) {
  Dwarf_Die called;
  if (attribute_ == nullptr || dwarf_getlocation_die(attribute_, &op, &called) != 0) {
    return MalformedExpression("call of nothing");
  }
  auto location = Own(called, DW_AT_location);
  if (!location.has_value()) return absl::OkStatus();  // DWARF 5 section 2.5.1.5: then the call has no effect
  if (!context_.operations) return UnsupportedExpression("location expression that refers to another variable");
  absl::StatusOr<std::span<const Dwarf_Op>> ops = context_.operations(*location);
  if (!ops.ok()) return ops.status();
  if (++nesting_ > kMaxExpressionNesting) return UnsupportedExpression("location expression with too many calls");
  Dwarf_Attribute* const own = std::exchange(attribute_, &*location);
  absl::Status status = Run(*ops);
  attribute_ = own;
  --nesting_;
  return status;
}

// The variable's value as a machine word: gdb converts it to an address, too.
absl::Status Evaluator::VariableValue(const Dwarf_Op& op) {
  Dwarf_Die variable;
  if (attribute_ == nullptr || dwarf_getlocation_die(attribute_, &op, &variable) != 0) {
    return MalformedExpression("value of nothing");
  }
  std::optional<Dwarf_Die> type = TypeOf(variable);
  if (type.has_value()) type = StripTypedefs(*type);
  Dwarf_Word size = 0;
  const bool word = type.has_value() && dwarf_aggregate_size(&*type, &size) == 0 && size >= 1 && size <= 8;
  const uint64_t encoding = word ? UnsignedOf(*type, DW_AT_encoding).value_or(0) : 0;
  const bool is_signed = encoding == DW_ATE_signed || encoding == DW_ATE_signed_char;
  const bool is_unsigned = encoding == DW_ATE_unsigned || encoding == DW_ATE_unsigned_char ||
                           encoding == DW_ATE_boolean || encoding == DW_ATE_UTF;
  const bool is_pointer = word && Tag(*type) == DW_TAG_pointer_type;
  if (!context_.object || !(is_signed || is_unsigned || is_pointer)) {
    return UnsupportedExpression("location expression that refers to another variable");
  }
  absl::StatusOr<v1::Node> place = context_.object(variable);
  if (!place.ok()) return place.status();
  if (place->has_composite() || place->has_vector() || place->has_implicit_pointer() || place->type() != 0) {
    return UnsupportedExpression("location expression that refers to another variable");
  }
  const auto bytes = static_cast<uint32_t>(size);
  v1::Node value = place->has_memory() ? LoadNode(std::move(*place->mutable_memory()), bytes) : *std::move(place);
  return Push(Extend(std::move(value), bytes, is_signed));
}

}  // namespace dlog::dwarf
