// SPDX-License-Identifier: Apache-2.0
//
// Compiles scalar Nodes into capture ops: one list of ops with its cells and forward jumps.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "plan.pb.h"
#include "symbolizer/dwarf/type_graph.h"

namespace dlog::plan {

class OpEmitter {
 public:
  static constexpr uint32_t kSelfCell = 19;
  static constexpr uint32_t kParamCell = 20;
  static constexpr uint32_t kFirstFreeCell = 21;
  static constexpr uint32_t kCells = 64;

  // A cell plus a displacement; ops fold the displacement.
  struct Address {
    uint32_t cell = 0;
    int64_t offset = 0;
  };
  // A jump target that is not known yet. Jumps go forward only.
  using Label = size_t;

  // In a condition a failed check stops the hit with an error; elsewhere it jumps to the failure label.
  enum class Use { kCondition, kCapture };
  // `probe`: the link-time address of the hit.
  OpEmitter(const dwarf::TypeGraph& types, Use use, LinkAddress probe) : types_(types), use_(use), probe_(probe) {}

  // The address that `self` stands for; default: cell kSelfCell.
  void set_self(Address self) { self_ = self; }
  // Loads are read again when the capture is over (headers of containers), or are not recorded (what is read is
  // captured by other ops).
  Address self() const { return self_; }
  bool set_checked(bool checked) { return std::exchange(checked_, checked); }
  void set_quiet(bool quiet) { quiet_ = quiet; }

  // A cell with the value of a scalar node: integers extended to 64 bits by their signedness, floats as binary64 bits.
  // May be a register's own cell: never write to it. Unimplemented for what the kernel cannot compute (floating-point
  // arithmetic, 128-bit integers); ResourceExhausted when the expression needs too many cells.
  absl::StatusOr<uint32_t> Value(const v1::Node& node);
  // Cell and displacement of a machine-word node.
  absl::StatusOr<Address> AddressValue(const v1::Node& node);
  // One cell with cell + offset.
  absl::StatusOr<uint32_t> Materialize(Address address);

  // Goes on only if `key_cell` is one of the keys of `candidate`, else at `otherwise`.
  absl::Status Match(uint32_t key_cell, const v1::Select::Case& candidate, Label otherwise);

  v1::CaptureOp& Emit(v1::CaptureOpCode code);
  absl::StatusOr<uint32_t> EmitConst(uint64_t value);
  absl::StatusOr<uint32_t> EmitLoad(Address address, uint32_t size, bool is_signed);

  Label NewLabel();
  void Jump(v1::CaptureOpCode code, uint32_t cell, Label label);
  // A new cell with a `op` imm, or a `op` b.
  absl::StatusOr<uint32_t> EmitArithImm(v1::Operator op, uint32_t a, int64_t imm, bool is_signed = false);
  absl::StatusOr<uint32_t> EmitArith(v1::Operator op, uint32_t a, uint32_t b, bool is_signed = false);
  // A new cell with the smaller of the two unsigned words.
  absl::StatusOr<uint32_t> EmitMin(uint32_t a, uint32_t b);
  void Place(Label label);
  // Where faulting loads and failed checks continue. Set around each independent part.
  void set_failure(Label label) { failure_ = label; }
  Label failure() const { return failure_; }

  // Cells allocated since mark() are free again after Release(mark).
  uint32_t mark() const { return next_cell_; }
  void Release(uint32_t mark) { next_cell_ = mark; }

  size_t size() const { return ops_.size(); }
  // Takes back the ops behind the first `size`: what they were for has failed. No label may have been placed among them
  // that an op before them jumps to.
  void Truncate(size_t size);
  v1::CaptureOp& op(size_t i) { return ops_[i]; }
  // The finished list; every placed label resolved. Labels never placed mean "end".
  std::vector<v1::CaptureOp> Take();

 private:
  absl::StatusOr<uint32_t> NewCell();
  // Frees the cells since `mark` but for the one with the result, which moves down to `mark` when the last op makes it.
  absl::StatusOr<uint32_t> Compact(uint32_t mark, absl::StatusOr<uint32_t> result);
  // Begins the op that puts source `number` of `code` into a new cell; the next Emit ends the pointer's life.
  absl::StatusOr<v1::CaptureOp*> EmitSource(v1::CaptureOpCode code, uint32_t number, const v1::Type& type,
                                            uint64_t size);
  absl::StatusOr<uint32_t> VectorValue(const v1::Node& node);
  absl::StatusOr<uint32_t> DurationValue();
  absl::StatusOr<uint32_t> EntryValue(const v1::Node& node);
  absl::StatusOr<uint32_t> Constant(const v1::Node& node);
  absl::StatusOr<uint32_t> ReadObject(Address address, const v1::Type& type);
  absl::StatusOr<uint32_t> MemberValue(const v1::Node& node);
  absl::StatusOr<uint32_t> CompositeValue(const v1::Node& node);
  absl::StatusOr<uint32_t> UnaryValue(const v1::Node& node);
  absl::StatusOr<uint32_t> BinaryValue(const v1::Node& node);
  absl::StatusOr<uint32_t> LogicalValue(const v1::Node& node);
  absl::StatusOr<uint32_t> ConvertValue(const v1::Node& node);
  // `cell` narrowed to a type's range.
  absl::StatusOr<uint32_t> Extended(uint32_t cell, uint64_t size, bool is_signed);
  absl::StatusOr<uint32_t> Widened(uint32_t cell, const v1::Type& type);
  absl::StatusOr<uint32_t> SelectValue(const v1::Select& select);
  absl::Status Check(const v1::Node& condition);
  absl::Status FailUnless(uint32_t cell);
  absl::Status CheckOverflow(v1::Operator op, uint64_t size, uint32_t left, uint32_t right, uint32_t result);

  const dwarf::TypeGraph& types_;
  const Use use_;
  const LinkAddress probe_;
  Address self_{kSelfCell, 0};
  bool checked_ = false;
  bool quiet_ = false;
  std::vector<v1::CaptureOp> ops_;
  std::vector<size_t> labels_;                        // position, or kUnplaced
  std::vector<std::pair<size_t, Label>> references_;  // op index -> label
  Label failure_ = kEnd;
  uint32_t next_cell_ = kFirstFreeCell;
  int depth_ = 0;

  static constexpr size_t kUnplaced = ~size_t{0};
  static constexpr Label kEnd = ~Label{0};
};

}  // namespace dlog::plan
