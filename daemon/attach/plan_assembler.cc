// SPDX-License-Identifier: Apache-2.0
#include "daemon/attach/plan_assembler.h"

#include <limits>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "symbolizer/code/argument_registers_x86_64.h"

namespace dlog::attach {
namespace {

constexpr int kMaxConditionOps = 2048;  // well below DLOG_MAX_STEPS: a condition always comes to its end
constexpr int kMaxPlanOps = 16384;
constexpr int kMaxPlanRoutines = 2048;
constexpr uint32_t kMaxWalk = 1 << 20;  // objects; the steps of a hit end it long before
constexpr int kMaxRegister = DLOG_NREGS - 1;
constexpr uint32_t kMaskBits = 32;
static_assert(kMaxConditionOps < DLOG_MAX_STEPS);
static_assert(kMaxPlanOps <= std::numeric_limits<uint16_t>::max(), "dlog_op::jump");
static_assert(code::kArgumentRegisters.size() == DLOG_KEPT_REGISTERS);
static_assert(kMaxPlanOps <= DLOG_MAX_OPS && kMaxPlanRoutines <= DLOG_MAX_ROUTINES);

enum class ListKind { kCondition, kCapture, kRoutine };

// Bit n: cell n has a value.
using CellSet = uint64_t;
static_assert(DLOG_NCELLS == 64);
constexpr CellSet kRegisters = (CellSet{1} << (kMaxRegister + 1)) - 1;

// What one op reads, writes and where it can go; filled while it is lowered.
struct Effects {
  CellSet reads = 0;
  std::optional<uint32_t> writes;
  std::optional<uint32_t> jump;  // taken with `writes` not done
  bool falls_through = true;
};

absl::Status Bad(absl::string_view why) { return absl::InvalidArgumentError(why); }

// Lowers one op; remembers the first thing wrong with it.
class OpLowering {
 public:
  OpLowering(const v1::CaptureOp& in, ListKind kind, int index, int list_size, int routines)
      : in_(in), kind_(kind), index_(index), list_size_(list_size), routines_(routines) {}

  absl::Status Run() {
    Lower();
    return status_;
  }
  const dlog_op& op() const { return op_; }
  const Effects& effects() const { return effects_; }

 private:
  void Fail(absl::string_view why) {
    if (status_.ok()) status_ = Bad(why);
  }

  void Code(dlog_op_code code) { op_.code = static_cast<uint8_t>(code); }

  uint8_t Read(uint32_t cell, absl::string_view name) {
    if (cell >= DLOG_NCELLS) {
      Fail(absl::StrCat("operand ", name, " = cell ", cell, " does not exist"));
      return 0;
    }
    effects_.reads |= CellSet{1} << cell;
    return static_cast<uint8_t>(cell);
  }
  void A() { op_.a = Read(in_.a(), "a"); }
  void B() { op_.b = Read(in_.b(), "b"); }

  void Dst() {
    if (in_.dst() < DLOG_CELL_SELF || in_.dst() >= DLOG_NCELLS) {
      Fail(absl::StrCat("dst = cell ", in_.dst(), " cannot be written"));
      return;
    }
    op_.dst = static_cast<uint8_t>(in_.dst());
    effects_.writes = in_.dst();
  }

  void Signed() {
    if (in_.is_signed()) op_.flags |= DLOG_F_SIGNED;
  }
  void Deeper() {
    if (in_.deeper()) op_.flags |= DLOG_F_DEEPER;
  }
  void Param() {
    if (in_.param() != 0) op_.dst = Read(in_.param(), "param");
  }

  void Offset() {
    if (in_.offset() < std::numeric_limits<int32_t>::min() || in_.offset() > std::numeric_limits<int32_t>::max()) {
      Fail(absl::StrCat("offset ", in_.offset(), " does not fit 32 bits"));
      return;
    }
    op_.off = static_cast<int32_t>(in_.offset());
  }

  void ScalarSize() {
    if (in_.size() != 1 && in_.size() != 2 && in_.size() != 4 && in_.size() != 8) {
      Fail(absl::StrCat("size ", in_.size(), " is not 1, 2, 4 or 8"));
    }
    op_.size = in_.size();
  }

  void UnitSize() {
    if (in_.size() == 0) Fail("size 0");
    op_.size = in_.size();
  }

  void ReadLength() {
    if (in_.length() > DLOG_MAX_READ) {
      Fail(absl::StrCat("length ", in_.length(), " is more than ", static_cast<int>(DLOG_MAX_READ)));
    }
    op_.len = in_.length();
  }

  void Jump() {
    if (in_.jump() <= static_cast<uint32_t>(index_) || in_.jump() > static_cast<uint32_t>(list_size_)) {
      Fail(absl::StrCat("jump to op ", in_.jump(), " is not forward within the list"));
      return;
    }
    op_.jump = static_cast<uint16_t>(in_.jump() - index_);
    effects_.jump = in_.jump();
  }

  void Routine() {
    if (in_.routine() >= static_cast<uint32_t>(routines_)) {
      Fail(absl::StrCat("routine ", in_.routine(), " does not exist"));
      return;
    }
    op_.routine = in_.routine();
  }

  void Arith(dlog_arith arith) { op_.arith = static_cast<uint8_t>(arith); }
  void BadOperator() { Fail(absl::StrCat("operator ", static_cast<int>(in_.op()), " does not fit this op")); }

  void BinaryOperator();
  void UnaryOperator();
  void Comparison() {
    BinaryOperator();
    if (op_.arith < DLOG_ARITH_EQ) BadOperator();
  }

  void CaptureOnly() {
    if (kind_ == ListKind::kCondition) Fail("only a capture may do this");
  }

  void Bitfield() {
    if (in_.offset() < 0 || in_.offset() > 63 || in_.length() < 1 || in_.length() > 64 ||
        static_cast<uint64_t>(in_.offset()) + in_.length() > 64) {
      Fail(absl::StrCat("bits [", in_.offset(), ", +", in_.length(), ") are not within 64"));
      return;
    }
    op_.off = static_cast<int32_t>(in_.offset());
    op_.len = in_.length();
  }

  void Vector() {
    Code(DLOG_OP_VECTOR), Dst(), ScalarSize(), Signed();
    if (in_.a() >= DLOG_NVECTORS) Fail(absl::StrCat("operand a = vector register ", in_.a(), " does not exist"));
    if (in_.offset() < 0 || in_.offset() + int64_t{in_.size()} > DLOG_VECTOR_BYTES) {
      Fail(absl::StrCat("bytes [", in_.offset(), ", +", in_.size(), ") are not within a vector register"));
    }
    op_.a = static_cast<uint8_t>(in_.a());
    op_.off = static_cast<int32_t>(in_.offset());
    if (kind_ != ListKind::kCondition || in_.jump() != 0) Jump();
  }

  void Duration() {
    Code(DLOG_OP_DURATION), Dst();
    if (kind_ != ListKind::kCondition || in_.jump() != 0) Jump();
  }

  void AtEntry() {
    Code(DLOG_OP_AT_ENTRY), Dst();
    const std::optional<uint8_t> kept = code::ArgumentNumber(in_.a());
    if (!kept.has_value()) Fail(absl::StrCat("operand a = register ", in_.a(), " is not kept at an entry"));
    op_.a = kept.value_or(0);
    if (kind_ != ListKind::kCondition || in_.jump() != 0) Jump();
  }

  void Load() {
    Code(DLOG_OP_LOAD), Dst(), A(), Offset(), ScalarSize(), Signed();
    if (in_.quiet()) op_.flags |= DLOG_F_QUIET;
    if (in_.check()) op_.flags |= DLOG_F_CHECK;
    // A fault ends a condition, so there it needs no target.
    if (kind_ != ListKind::kCondition || in_.jump() != 0) Jump();
  }

  // Where a capture goes on when there is no result.
  void NoResult() {
    if (kind_ != ListKind::kCondition && in_.jump() != 0) Jump();
  }

  void Lower();

  const v1::CaptureOp& in_;
  const ListKind kind_;
  const int index_;
  const int list_size_;
  const int routines_;
  dlog_op op_ = {};
  Effects effects_;
  absl::Status status_;
};

void OpLowering::BinaryOperator() {
  switch (in_.op()) {
    case v1::OP_ADD:
      return Arith(DLOG_ARITH_ADD);
    case v1::OP_SUB:
      return Arith(DLOG_ARITH_SUB);
    case v1::OP_MUL:
      return Arith(DLOG_ARITH_MUL);
    case v1::OP_DIV:
      return Arith(DLOG_ARITH_DIV);
    case v1::OP_MOD:
      return Arith(DLOG_ARITH_MOD);
    case v1::OP_AND:
      return Arith(DLOG_ARITH_AND);
    case v1::OP_OR:
      return Arith(DLOG_ARITH_OR);
    case v1::OP_XOR:
      return Arith(DLOG_ARITH_XOR);
    case v1::OP_SHL:
      return Arith(DLOG_ARITH_SHL);
    case v1::OP_SHR:
      return Arith(DLOG_ARITH_SHR);
    case v1::OP_EQ:
      return Arith(DLOG_ARITH_EQ);
    case v1::OP_NE:
      return Arith(DLOG_ARITH_NE);
    case v1::OP_LT:
      return Arith(DLOG_ARITH_LT);
    case v1::OP_LE:
      return Arith(DLOG_ARITH_LE);
    case v1::OP_GT:
      return Arith(DLOG_ARITH_GT);
    case v1::OP_GE:
      return Arith(DLOG_ARITH_GE);
    case v1::OP_NONE:
    case v1::OP_NEG:
    case v1::OP_BIT_NOT:
    case v1::OP_NOT:
    case v1::OP_LOGICAL_AND:
    case v1::OP_LOGICAL_OR:
    case v1::Operator_INT_MIN_SENTINEL_DO_NOT_USE_:
    case v1::Operator_INT_MAX_SENTINEL_DO_NOT_USE_:
      break;
  }
  BadOperator();
}

void OpLowering::UnaryOperator() {
  if (in_.op() == v1::OP_NEG) {
    Code(DLOG_OP_NEG);
  } else if (in_.op() == v1::OP_BIT_NOT) {
    Code(DLOG_OP_BIT_NOT);
  } else if (in_.op() == v1::OP_NOT) {
    Code(DLOG_OP_NOT);
  } else {
    BadOperator();
  }
}

void OpLowering::Lower() {
  switch (in_.code()) {
    case v1::CAP_CONST:
      Code(DLOG_OP_CONST), Dst();
      op_.imm = in_.imm();
      return;
    case v1::CAP_MOVE:
      Code(DLOG_OP_MOVE), Dst(), A();
      return;
    case v1::CAP_ARITH:
      Code(DLOG_OP_ARITH), Dst(), A(), B(), Signed(), BinaryOperator(), NoResult();
      return;
    case v1::CAP_ARITH_IMM:
      Code(DLOG_OP_ARITH_IMM), Dst(), A(), Signed(), BinaryOperator(), NoResult();
      op_.imm = in_.imm();
      return;
    case v1::CAP_UNARY:
      UnaryOperator(), Dst(), A();
      return;
    case v1::CAP_EXTEND:
      Code(DLOG_OP_EXTEND), Dst(), A(), ScalarSize(), Signed();
      return;
    case v1::CAP_BITFIELD:
      Code(DLOG_OP_BITFIELD), Dst(), A(), Signed(), Bitfield();
      return;
    case v1::CAP_FLOAT_CMP:
      Code(DLOG_OP_FLOAT_CMP), Dst(), A(), B(), Comparison();
      return;
    case v1::CAP_FLOAT_WIDEN:
      Code(DLOG_OP_FLOAT_WIDEN), Dst(), A();
      return;
    case v1::CAP_LOAD:
      Load();
      return;
    case v1::CAP_JUMP_IF_ZERO:
      Code(DLOG_OP_JUMP_IF_ZERO), A(), Jump();
      return;
    case v1::CAP_JUMP_IF_NOT_ZERO:
      Code(DLOG_OP_JUMP_IF_NOT_ZERO), A(), Jump();
      return;
    case v1::CAP_JUMP:
      Code(DLOG_OP_JUMP), Jump();
      effects_.falls_through = false;
      return;
    case v1::CAP_COPY:
      CaptureOnly(), Code(DLOG_OP_COPY), A(), Offset(), ReadLength();
      return;
    case v1::CAP_COPY_DYN:
      CaptureOnly(), Code(DLOG_OP_COPY_DYN), A(), B(), UnitSize(), ReadLength();
      return;
    case v1::CAP_CSTRING:
      CaptureOnly(), Code(DLOG_OP_CSTRING), A(), Offset(), ReadLength();
      return;
    case v1::CAP_CALL:
      CaptureOnly(), Code(DLOG_OP_CALL), A(), Offset(), Routine(), Deeper(), Param();
      return;
    case v1::CAP_CALL_EACH:
      CaptureOnly(), Code(DLOG_OP_CALL_EACH), A(), B(), UnitSize(), Routine(), Deeper(), Param();
      op_.len = in_.length();
      return;
    case v1::CAP_WALK:
      CaptureOnly(), Code(DLOG_OP_WALK), A(), B(), Routine(), Deeper(), Param();
      op_.len = in_.length();
      if (in_.length() > kMaxWalk) Fail(absl::StrCat("walk over ", in_.length(), " objects"));
      return;
    case v1::CAP_NEXT:
      CaptureOnly(), Code(DLOG_OP_NEXT), A(), Routine();
      if (in_.counted()) op_.flags |= DLOG_F_COUNT;
      if (kind_ != ListKind::kRoutine) Fail("only a routine may do this");
      return;
    case v1::CAP_REJECT_IF_ZERO:
      Code(DLOG_OP_REJECT_IF_ZERO), A();
      if (kind_ != ListKind::kCondition) Fail("only a condition may reject");
      return;
    case v1::CAP_VECTOR:
      return Vector();
    case v1::CAP_DURATION:
      return Duration();
    case v1::CAP_AT_ENTRY:
      return AtEntry();
    case v1::CAP_NONE:
    case v1::CaptureOpCode_INT_MIN_SENTINEL_DO_NOT_USE_:
    case v1::CaptureOpCode_INT_MAX_SENTINEL_DO_NOT_USE_:
      break;
  }
  Fail(absl::StrCat("unknown code ", static_cast<int>(in_.code())));
}

std::string OpName(absl::string_view list, int index, v1::CaptureOpCode code) {
  return absl::StrCat(list, " op ", index, " (", v1::CaptureOpCode_Name(code), ")");
}

// Follows which cells have a value. Jumps go forward only, so one pass in order sees every path.
class Assignment {
 public:
  Assignment(int ops, CellSet at_start) : incoming_(ops + 1) { incoming_[0] = at_start; }

  // False when the op may read a cell that has no value yet.
  bool Step(int index, const Effects& effects) {
    if (!incoming_[index].has_value()) return true;  // nothing gets here
    const CellSet before = *incoming_[index];
    CellSet after = before;
    if (effects.writes.has_value()) after |= CellSet{1} << *effects.writes;
    if (effects.jump.has_value()) Merge(*effects.jump, before);
    if (effects.falls_through) Merge(index + 1, after);
    return (effects.reads & ~before) == 0;
  }

 private:
  void Merge(uint32_t index, CellSet cells) {
    incoming_[index] = incoming_[index].has_value() ? *incoming_[index] & cells : cells;
  }
  std::vector<std::optional<CellSet>> incoming_;
};

using OpList = google::protobuf::RepeatedPtrField<v1::CaptureOp>;

// Cells that have a value from the start: the registers; what is none of the processor's only when it is asked for.
CellSet InitialCells(const v1::CapturePlan& plan) {
  constexpr CellSet kOnRequest = CellSet{1} << DLOG_THREAD_POINTER | CellSet{1} << DLOG_THREAD;
  return (kRegisters & ~kOnRequest) | (plan.register_mask() & kOnRequest);
}

absl::StatusOr<dlog_range> AssembleList(const OpList& list, ListKind kind, absl::string_view name, int routines,
                                        CellSet initial, std::vector<dlog_op>* out) {
  const dlog_range range = {static_cast<uint32_t>(out->size()), static_cast<uint32_t>(list.size())};
  const CellSet self = kind == ListKind::kRoutine ? CellSet{1} << DLOG_CELL_SELF | CellSet{1} << DLOG_CELL_PARAM : 0;
  Assignment assignment(list.size(), initial | self);
  for (int i = 0; i < list.size(); ++i) {
    OpLowering lowering(list[i], kind, i, list.size(), routines);
    const absl::Status status = lowering.Run();
    if (!status.ok()) return Bad(absl::StrCat(OpName(name, i, list[i].code()), ": ", status.message()));
    if (!assignment.Step(i, lowering.effects())) {
      return Bad(absl::StrCat(OpName(name, i, list[i].code()), ": reads a cell that may have no value"));
    }
    out->push_back(lowering.op());
  }
  return range;
}

absl::Status CheckSize(const v1::CapturePlan& plan) {
  if (plan.condition_size() > kMaxConditionOps) {
    return absl::ResourceExhaustedError(
        absl::StrCat("condition has ", plan.condition_size(), " ops, more than ", kMaxConditionOps));
  }
  if (plan.routines_size() > kMaxPlanRoutines) {
    return absl::ResourceExhaustedError(
        absl::StrCat("plan has ", plan.routines_size(), " routines, more than ", kMaxPlanRoutines));
  }
  int64_t ops = int64_t{plan.condition_size()} + plan.ops_size();
  for (const v1::CaptureRoutine& routine : plan.routines()) ops += routine.ops_size();
  if (ops > kMaxPlanOps) {
    return absl::ResourceExhaustedError(absl::StrCat("plan has ", ops, " ops, more than ", kMaxPlanOps));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ReturnSlot> CheckSlot(const v1::ReturnSlot& slot) {
  constexpr uint32_t kRbp = 6, kRsp = 7;
  if (slot.register_() != kRbp && slot.register_() != kRsp) {
    return Bad(absl::StrCat("a return address relative to register ", slot.register_()));
  }
  if (slot.offset() != static_cast<int32_t>(slot.offset())) {
    return Bad(absl::StrCat("a return address at offset ", slot.offset()));
  }
  return ReturnSlot{slot.register_() == kRbp, static_cast<int32_t>(slot.offset())};
}

absl::StatusOr<uint8_t> KeptMask(uint32_t registers) {
  uint32_t mask = 0;
  for (uint32_t reg = 0; reg < kMaskBits; ++reg) {
    if ((registers >> reg & 1) == 0) continue;
    const std::optional<uint8_t> number = code::ArgumentNumber(reg);
    if (!number.has_value()) return Bad(absl::StrCat("register ", reg, " is not kept at an entry"));
    mask |= 1u << *number;
  }
  return static_cast<uint8_t>(mask);
}

absl::StatusOr<AssembledPlan> AssemblePlan(const v1::CapturePlan& plan) {
  if (absl::Status status = CheckSize(plan); !status.ok()) return status;
  if (plan.register_mask() & ~static_cast<uint32_t>(kRegisters)) {
    return Bad(
        absl::StrCat("register mask 0x", absl::Hex(plan.register_mask()), " names registers beyond ", kMaxRegister));
  }
  if (plan.vector_mask() >> DLOG_NVECTORS != 0) {
    return Bad(absl::StrCat("vector mask 0x", absl::Hex(plan.vector_mask()), " names registers beyond xmm15"));
  }
  AssembledPlan out;
  const auto kept = KeptMask(plan.entry_mask());
  if (!kept.ok()) return kept.status();
  out.entry_mask = *kept;
  out.register_mask = plan.register_mask();
  out.vector_mask = plan.vector_mask();
  const int routines = plan.routines_size();
  const CellSet cells = InitialCells(plan);
  auto condition = AssembleList(plan.condition(), ListKind::kCondition, "condition", routines, cells, &out.ops);
  if (!condition.ok()) return condition.status();
  auto capture = AssembleList(plan.ops(), ListKind::kCapture, "capture", routines, cells, &out.ops);
  if (!capture.ok()) return capture.status();
  out.condition = *condition;
  out.capture = *capture;
  for (int i = 0; i < routines; ++i) {
    auto routine = AssembleList(plan.routines(i).ops(), ListKind::kRoutine, absl::StrCat("routine ", i), routines,
                                cells, &out.ops);
    if (!routine.ok()) return routine.status();
    out.routines.push_back(*routine);
  }
  for (uint32_t i = 0; i < out.ops.size(); ++i) {
    if (out.ops[i].code == DLOG_OP_AT_ENTRY && (out.entry_mask >> out.ops[i].a & 1) == 0) {
      return Bad("an op reads a register at the entry that the entry mask does not name");
    }
    if (out.ops[i].code != DLOG_OP_VECTOR) continue;
    if ((out.vector_mask >> out.ops[i].a & 1) == 0) {
      return Bad(absl::StrCat("an op reads xmm", out.ops[i].a, ", which the vector mask does not name"));
    }
    out.vector_condition |= i - out.condition.first < out.condition.count;
  }
  return out;
}

}  // namespace dlog::attach
