// SPDX-License-Identifier: Apache-2.0
#include "daemon/attach/plan_assembler.h"

#include <google/protobuf/text_format.h>

#include <string>

#include "test/catch.h"

namespace dlog::attach {
namespace {

v1::CapturePlan Parse(const std::string& text) {
  v1::CapturePlan plan;
  REQUIRE(google::protobuf::TextFormat::ParseFromString(text, &plan));
  return plan;
}

AssembledPlan Good(const std::string& text) {
  auto plan = AssemblePlan(Parse(text));
  INFO(text << ": " << plan.status().ToString());
  REQUIRE(plan.ok());
  return *std::move(plan);
}

// The plan is refused, and the message names the op and says `why`.
void Refused(const std::string& text, const std::string& why) {
  const auto plan = AssemblePlan(Parse(text));
  INFO(text);
  REQUIRE(absl::IsInvalidArgument(plan.status()));
  CHECK_THAT(std::string(plan.status().message()), ContainsText(why));
}

std::string Ops(const std::string& list, const std::string& op, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += list + " { " + op + " }\n";
  return text;
}

}  // namespace

TEST_CASE("an empty plan is a plan") {
  const AssembledPlan plan = Good("register_mask: 0x1ffff");
  CHECK(plan.ops.empty());
  CHECK(plan.condition.count == 0);
  CHECK(plan.capture.count == 0);
  CHECK(plan.register_mask == 0x1ffff);
}

TEST_CASE("vector registers must be named by the mask and read within their bytes") {
  const AssembledPlan plan = Good(R"pb(
    vector_mask: 0x8
    condition { code: CAP_VECTOR dst: 20 a: 3 size: 8 offset: 8 })pb");
  CHECK(plan.vector_mask == 8);
  CHECK(plan.vector_condition);
  CHECK(plan.ops[0].a == 3);
  CHECK(plan.ops[0].off == 8);
  CHECK_FALSE(Good("vector_mask: 1 ops { code: CAP_VECTOR dst: 20 a: 0 size: 4 jump: 1 }").vector_condition);
  Refused("vector_mask: 0x10000", "beyond xmm15");
  Refused("ops { code: CAP_VECTOR dst: 20 a: 3 size: 8 jump: 1 }", "which the vector mask does not name");
  Refused("vector_mask: 8 ops { code: CAP_VECTOR dst: 20 a: 3 size: 8 offset: 9 jump: 1 }", "not within");
  Refused("vector_mask: 8 ops { code: CAP_VECTOR dst: 20 a: 16 size: 8 jump: 1 }", "does not exist");
}

TEST_CASE("condition, capture and routines lie one after the other") {
  const AssembledPlan plan = Good(R"pb(
    condition { code: CAP_REJECT_IF_ZERO a: 5 }
    ops { code: CAP_CALL a: 5 routine: 1 offset: -4 deeper: true }
    ops { code: CAP_COPY a: 7 offset: 8 length: 16 }
    routines { ops { code: CAP_COPY a: 19 length: 1 } }
    routines {}
    routines { ops { code: CAP_CSTRING a: 19 length: 3 } })pb");
  REQUIRE(plan.ops.size() == 5);
  CHECK(plan.condition.first == 0);
  CHECK(plan.condition.count == 1);
  CHECK(plan.capture.first == 1);
  CHECK(plan.capture.count == 2);
  REQUIRE(plan.routines.size() == 3);
  CHECK(plan.routines[0].first == 3);
  CHECK(plan.routines[1].count == 0);
  CHECK(plan.routines[2].first == 4);
  CHECK(plan.ops[1].code == DLOG_OP_CALL);
  CHECK(plan.ops[1].routine == 1);
  CHECK(plan.ops[1].off == -4);
  CHECK(plan.ops[1].flags == DLOG_F_DEEPER);
  CHECK(plan.ops[2].off == 8);
  CHECK(plan.ops[2].len == 16);
}

TEST_CASE("every op is lowered to its own code") {
  const AssembledPlan plan = Good(R"pb(
    ops { code: CAP_CONST dst: 20 imm: -5 }
    ops { code: CAP_MOVE dst: 21 a: 20 }
    ops { code: CAP_ARITH dst: 22 a: 20 b: 21 op: OP_SHR is_signed: true }
    ops { code: CAP_ARITH_IMM dst: 22 a: 22 op: OP_XOR imm: 1099511627776 }
    ops { code: CAP_UNARY dst: 23 a: 22 op: OP_NEG }
    ops { code: CAP_UNARY dst: 23 a: 22 op: OP_BIT_NOT }
    ops { code: CAP_UNARY dst: 23 a: 22 op: OP_NOT }
    ops { code: CAP_EXTEND dst: 24 a: 23 size: 2 is_signed: true }
    ops { code: CAP_BITFIELD dst: 24 a: 23 offset: 3 length: 61 }
    ops { code: CAP_FLOAT_WIDEN dst: 25 a: 24 }
    ops { code: CAP_FLOAT_CMP dst: 26 a: 25 b: 25 op: OP_LE }
    ops { code: CAP_LOAD dst: 27 a: 7 offset: -8 size: 4 is_signed: true jump: 15 }
    ops { code: CAP_JUMP_IF_ZERO a: 27 jump: 14 }
    ops { code: CAP_JUMP_IF_NOT_ZERO a: 27 jump: 14 }
    ops { code: CAP_JUMP jump: 16 }
    ops { code: CAP_COPY_DYN a: 7 b: 20 size: 4 length: 64 }
    ops { code: CAP_CALL_EACH a: 7 b: 20 size: 24 length: 100 routine: 0 deeper: true }
    routines {})pb");
  const uint8_t expected[] = {
      DLOG_OP_CONST,     DLOG_OP_MOVE,     DLOG_OP_ARITH,        DLOG_OP_ARITH_IMM,        DLOG_OP_NEG,
      DLOG_OP_BIT_NOT,   DLOG_OP_NOT,      DLOG_OP_EXTEND,       DLOG_OP_BITFIELD,         DLOG_OP_FLOAT_WIDEN,
      DLOG_OP_FLOAT_CMP, DLOG_OP_LOAD,     DLOG_OP_JUMP_IF_ZERO, DLOG_OP_JUMP_IF_NOT_ZERO, DLOG_OP_JUMP,
      DLOG_OP_COPY_DYN,  DLOG_OP_CALL_EACH};
  REQUIRE(plan.ops.size() == std::size(expected));
  for (size_t i = 0; i < plan.ops.size(); ++i) CHECK(plan.ops[i].code == expected[i]);
  CHECK(plan.ops[0].imm == -5);
  CHECK(plan.ops[2].arith == DLOG_ARITH_SHR);
  CHECK(plan.ops[2].flags == DLOG_F_SIGNED);
  CHECK(plan.ops[3].imm == 1099511627776);
  CHECK(plan.ops[7].size == 2);
  CHECK(plan.ops[8].off == 3);
  CHECK(plan.ops[8].len == 61);
  CHECK(plan.ops[11].jump == 4);  // relative
  CHECK(plan.ops[11].off == -8);
  CHECK(plan.ops[14].jump == 2);
  CHECK(plan.ops[16].size == 24);
  CHECK(plan.ops[16].len == 100);
}

TEST_CASE("every binary operator is lowered to its own") {
  const std::pair<const char*, dlog_arith> operators[] = {
      {"ADD", DLOG_ARITH_ADD}, {"SUB", DLOG_ARITH_SUB}, {"MUL", DLOG_ARITH_MUL}, {"DIV", DLOG_ARITH_DIV},
      {"MOD", DLOG_ARITH_MOD}, {"AND", DLOG_ARITH_AND}, {"OR", DLOG_ARITH_OR},   {"XOR", DLOG_ARITH_XOR},
      {"SHL", DLOG_ARITH_SHL}, {"SHR", DLOG_ARITH_SHR}, {"EQ", DLOG_ARITH_EQ},   {"NE", DLOG_ARITH_NE},
      {"LT", DLOG_ARITH_LT},   {"LE", DLOG_ARITH_LE},   {"GT", DLOG_ARITH_GT},   {"GE", DLOG_ARITH_GE}};
  for (const auto& [name, arith] : operators) {
    const AssembledPlan plan = Good("ops { code: CAP_ARITH dst: 20 a: 0 b: 1 op: OP_" + std::string(name) + " }");
    CHECK(plan.ops[0].arith == arith);
  }
}

TEST_CASE("cells outside the contract are refused") {
  Refused("ops { code: CAP_MOVE dst: 20 a: 64 }", "operand a = cell 64");
  Refused("ops { code: CAP_MOVE dst: 20 a: 17 }", "reads a cell that may have no value");
  CHECK(Good("register_mask: 0x20000 ops { code: CAP_COPY a: 17 length: 8 }").register_mask == 0x20000);
  CHECK(Good("register_mask: 0x40000 ops { code: CAP_COPY a: 18 length: 8 }").register_mask == 0x40000);
  Refused("ops { code: CAP_MOVE dst: 20 a: 4294967295 }", "cell 4294967295");
  Refused("ops { code: CAP_ARITH dst: 20 a: 0 b: 200 op: OP_ADD }", "operand b = cell 200");
  Refused("ops { code: CAP_MOVE dst: 64 a: 0 }", "dst = cell 64");
  Refused("ops { code: CAP_CONST dst: 5 }", "dst = cell 5");  // registers are not written
  Refused("ops { code: CAP_CONST dst: 17 }", "dst = cell 17");
  Refused("register_mask: 0x80000", "register mask 0x80000");
}

TEST_CASE("a cell is not read before it has a value on every path") {
  Refused("ops { code: CAP_MOVE dst: 20 a: 21 }", "may have no value");
  Refused("ops { code: CAP_COPY a: 19 length: 1 }", "may have no value");  // only routines have an object
  Refused(R"pb(ops { code: CAP_JUMP_IF_ZERO a: 0 jump: 2 }
               ops { code: CAP_CONST dst: 20 }
               ops { code: CAP_MOVE dst: 21 a: 20 })pb",
          "capture op 2 (CAP_MOVE): reads a cell that may have no value");
  Refused(R"pb(ops { code: CAP_LOAD dst: 20 a: 7 size: 8 jump: 1 }
               ops { code: CAP_MOVE dst: 21 a: 20 })pb",
          "may have no value");  // the fault goes on with no value
  Refused(R"pb(condition { code: CAP_CONST dst: 20 }
               ops { code: CAP_MOVE dst: 21 a: 20 })pb",
          "may have no value");
  Refused(R"pb(ops { code: CAP_CONST dst: 21 }
               routines { ops { code: CAP_MOVE dst: 22 a: 21 } })pb",
          "routine 0 op 0");
}

TEST_CASE("a cell that has a value on every path may be read") {
  Good(R"pb(ops { code: CAP_JUMP_IF_ZERO a: 0 jump: 3 }
            ops { code: CAP_CONST dst: 20 imm: 1 }
            ops { code: CAP_JUMP jump: 4 }
            ops { code: CAP_CONST dst: 20 imm: 2 }
            ops { code: CAP_MOVE dst: 21 a: 20 })pb");
  Good(R"pb(ops { code: CAP_LOAD dst: 20 a: 7 size: 8 jump: 2 }
            ops { code: CAP_COPY a: 20 length: 8 })pb");
  Good(R"pb(condition { code: CAP_LOAD dst: 20 a: 7 size: 8 }
            condition { code: CAP_REJECT_IF_ZERO a: 20 })pb");
  Good(R"pb(routines { ops { code: CAP_COPY a: 19 length: 8 } })pb");
}

TEST_CASE("jumps go forward and stay in their list") {
  const std::string tail = " ops { code: CAP_CONST dst: 20 }";
  Good("ops { code: CAP_JUMP jump: 2 }" + tail);
  Refused("ops { code: CAP_JUMP jump: 3 }" + tail, "jump to op 3");
  Refused("ops { code: CAP_JUMP jump: 0 }" + tail, "jump to op 0");
  Refused("ops { code: CAP_JUMP_IF_ZERO a: 0 jump: 0 }" + tail, "jump to op 0");
  Refused("ops { code: CAP_JUMP_IF_NOT_ZERO a: 0 jump: 4294967295 }" + tail, "jump to op 4294967295");
  Refused("ops { code: CAP_LOAD dst: 20 a: 0 size: 8 }", "jump to op 0");
  Refused("condition { code: CAP_LOAD dst: 20 a: 0 size: 8 jump: 9 }", "condition op 0 (CAP_LOAD): jump to op 9");
}

TEST_CASE("sizes, lengths and offsets outside the contract are refused") {
  Refused("ops { code: CAP_EXTEND dst: 20 a: 0 size: 3 }", "size 3");
  Refused("ops { code: CAP_EXTEND dst: 20 a: 0 }", "size 0");
  Refused("ops { code: CAP_LOAD dst: 20 a: 0 size: 16 jump: 1 }", "size 16");
  Refused("ops { code: CAP_LOAD dst: 20 a: 0 size: 8 jump: 1 offset: 2147483648 }", "offset 2147483648");
  Refused("ops { code: CAP_COPY a: 0 length: 8 offset: -2147483649 }", "offset -2147483649");
  Refused("ops { code: CAP_COPY a: 0 length: 16385 }", "length 16385");
  Refused("ops { code: CAP_CSTRING a: 0 length: 4294967295 }", "length 4294967295");
  Refused("ops { code: CAP_COPY_DYN a: 0 b: 1 length: 8 }", "size 0");
  Refused("ops { code: CAP_COPY_DYN a: 0 b: 1 size: 1 length: 20000 }", "length 20000");
  Refused("ops { code: CAP_CALL_EACH a: 0 b: 1 length: 8 } routines {}", "size 0");
  Refused("ops { code: CAP_BITFIELD dst: 20 a: 0 offset: 60 length: 5 }", "bits [60, +5)");
  Refused("ops { code: CAP_BITFIELD dst: 20 a: 0 offset: 0 length: 0 }", "bits [0, +0)");
  Refused("ops { code: CAP_BITFIELD dst: 20 a: 0 offset: -1 length: 4 }", "bits [-1, +4)");
  Refused("ops { code: CAP_BITFIELD dst: 20 a: 0 offset: 0 length: 65 }", "bits [0, +65)");
}

TEST_CASE("routines that do not exist are refused") {
  Refused("ops { code: CAP_CALL a: 0 routine: 0 }", "routine 0 does not exist");
  Refused("ops { code: CAP_CALL_EACH a: 0 b: 1 size: 8 routine: 2 } routines {} routines {}",
          "routine 2 does not exist");
}

TEST_CASE("operators that do not fit are refused") {
  Refused("ops { code: CAP_ARITH dst: 20 a: 0 b: 1 }", "operator 0");
  Refused("ops { code: CAP_ARITH dst: 20 a: 0 b: 1 op: OP_LOGICAL_AND }", "operator 26");
  Refused("ops { code: CAP_ARITH_IMM dst: 20 a: 0 op: OP_NOT }", "operator 3");
  Refused("ops { code: CAP_UNARY dst: 20 a: 0 op: OP_ADD }", "operator 10");
  Refused("ops { code: CAP_FLOAT_CMP dst: 20 a: 0 b: 1 op: OP_ADD }", "operator 10");
  Refused("ops { code: CAP_FLOAT_CMP dst: 20 a: 0 b: 1 op: OP_LOGICAL_OR }", "operator 27");
}

TEST_CASE("ops stay in the lists they belong to") {
  Refused("ops { code: CAP_REJECT_IF_ZERO a: 0 }", "only a condition may reject");
  Refused("routines { ops { code: CAP_REJECT_IF_ZERO a: 0 } }", "only a condition may reject");
  for (const char* op :
       {"code: CAP_COPY a: 0 length: 1", "code: CAP_COPY_DYN a: 0 b: 1 size: 1 length: 1",
        "code: CAP_CSTRING a: 0 length: 1", "code: CAP_CALL a: 0", "code: CAP_CALL_EACH a: 0 b: 1 size: 1"}) {
    Refused("condition { " + std::string(op) + " } routines {}", "only a capture may do this");
  }
}

TEST_CASE("unknown codes are refused") {
  Refused("ops {}", "unknown code 0");
  v1::CapturePlan plan;
  plan.add_ops()->set_code(static_cast<v1::CaptureOpCode>(77));
  CHECK(absl::IsInvalidArgument(AssemblePlan(plan).status()));
}

TEST_CASE("plans that are too big are refused as such") {
  const std::string op = "code: CAP_CONST dst: 20";
  CHECK(AssemblePlan(Parse(Ops("condition", op, 2048))).ok());
  CHECK(absl::IsResourceExhausted(AssemblePlan(Parse(Ops("condition", op, 2049))).status()));
  CHECK(AssemblePlan(Parse(Ops("ops", op, 16384))).ok());
  CHECK(absl::IsResourceExhausted(AssemblePlan(Parse(Ops("ops", op, 16385))).status()));
  CHECK(absl::IsResourceExhausted(AssemblePlan(Parse(Ops("routines", "", 2049))).status()));
  CHECK(absl::IsResourceExhausted(
      AssemblePlan(Parse(Ops("ops", op, 10000) + "routines {" + Ops("ops", op, 10000) + "}")).status()));
}

TEST_CASE("The duration is a value of conditions and captures") {
  CHECK(Good("condition { code: CAP_DURATION dst: 20 } condition { code: CAP_REJECT_IF_ZERO a: 20 }").ops[0].code ==
        DLOG_OP_DURATION);
  CHECK(Good("ops { code: CAP_DURATION dst: 20 jump: 1 }").ops[0].jump == 1);
  Refused("ops { code: CAP_DURATION dst: 20 }", "not forward");
  Refused("ops { code: CAP_DURATION dst: 3 jump: 1 }", "cannot be written");
}

TEST_CASE("A return address lies near rsp or rbp") {
  v1::ReturnSlot slot;
  slot.set_register_(6);
  slot.set_offset(8);
  CHECK(CheckSlot(slot)->from_rbp);
  CHECK(CheckSlot(slot)->offset == 8);
  slot.set_register_(7);
  CHECK_FALSE(CheckSlot(slot)->from_rbp);
  slot.set_offset(int64_t{1} << 31);
  CHECK_FALSE(CheckSlot(slot).ok());
  slot.set_offset(0);
  slot.set_register_(0);
  CHECK_FALSE(CheckSlot(slot).ok());
}

TEST_CASE("Registers at the entry are those of arguments, by their position, and named by the mask") {
  const AssembledPlan plan = Good("entry_mask: 0x230 ops { code: CAP_AT_ENTRY dst: 20 a: 9 jump: 1 }");
  CHECK(plan.entry_mask == 0x23);  // rdi, rsi and r9
  CHECK(plan.ops[0].code == DLOG_OP_AT_ENTRY);
  CHECK(plan.ops[0].a == 5);
  Refused("ops { code: CAP_AT_ENTRY dst: 20 a: 5 jump: 1 }", "entry mask");
  Refused("entry_mask: 0x8", "not kept");
  Refused("entry_mask: 0x20 ops { code: CAP_AT_ENTRY dst: 20 a: 3 jump: 1 }", "not kept");
  CHECK(*KeptMask(0x30) == 0x3);
  CHECK_FALSE(KeptMask(1u << 31).ok());
}

}  // namespace dlog::attach
