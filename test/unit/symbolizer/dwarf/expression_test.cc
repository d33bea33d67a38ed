// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/expression.h"

#include <dwarf.h>

#include "program.h"
#include "symbolizer/dwarf/die.h"
#include "symbolizer/dwarf/location.h"
#include "symbolizer/dwarf/nodes.h"
#include "symbolizer/dwarf/type_layout.h"
#include "symbolizer/dwarf/wide_mark.h"
#include "test/catch.h"
#include "word_evaluator.h"

namespace dlog::dwarf {
namespace {

Dwarf_Op Op(uint8_t atom, uint64_t number = 0, uint64_t number2 = 0) { return {atom, number, number2, 0}; }

// As a compiler lays the operations out: one-byte operations, branches of three bytes.
std::vector<Dwarf_Op> WithOffsets(std::vector<Dwarf_Op> ops) {
  uint64_t offset = 0;
  for (Dwarf_Op& op : ops) {
    op.offset = offset;
    offset += op.atom == DW_OP_bra || op.atom == DW_OP_skip ? 3 : 1;
  }
  return ops;
}

absl::StatusOr<v1::Node> Locate(const std::vector<Dwarf_Op>& ops) {
  ExpressionContext context;
  context.probe = LinkAddress{0x1000};
  context.cfa = []() -> absl::StatusOr<v1::Node> { return BinaryNode(v1::OP_ADD, RegisterNode(7), ConstantNode(16)); };
  context.frame_base = context.cfa;
  return EvaluateLocation(WithOffsets(ops), context);
}

// What DW_OP_stack_value makes of the operations with rax = `rax` and rdx = `rdx`.
std::optional<uint64_t> Value(std::vector<Dwarf_Op> ops, uint64_t rax, uint64_t rdx = 0) {
  ops.push_back(Op(DW_OP_stack_value));
  auto node = Locate(ops);
  INFO(node.status());
  REQUIRE(node.ok());
  Machine machine;
  machine.registers[0] = rax;
  machine.registers[1] = rdx;
  machine.Store(0x5000, 0x8877665544332211);
  return Evaluate(*node, machine);
}

std::string Text(const std::vector<Dwarf_Op>& ops) {
  auto node = Locate(ops);
  return node.ok() ? DescribeLocation(*node) : std::string(node.status().message());
}

const Dwarf_Op kRax = Op(DW_OP_breg0);
const Dwarf_Op kRdx = Op(DW_OP_breg1);

TEST_CASE("The four kinds of location") {
  CHECK(Text({Op(DW_OP_reg5)}) == "rdi");
  CHECK(Text({Op(DW_OP_regx, 12)}) == "r12");
  CHECK(Text({Op(DW_OP_reg17)}) == "xmm0");
  CHECK(Text({Op(DW_OP_regx, 32)}) == "xmm15");
  CHECK(Text({Op(DW_OP_reg17), Op(DW_OP_piece, 8), Op(DW_OP_reg18), Op(DW_OP_piece, 8)}) == "{xmm0, xmm1}");
  CHECK(Text({Op(DW_OP_breg6, -20)}) == "[rbp-0x14]");
  CHECK(Text({Op(DW_OP_fbreg, -24)}) == "[rsp-0x8]");
  CHECK(Text({Op(DW_OP_call_frame_cfa)}) == "[rsp+0x10]");
  CHECK(Text({Op(DW_OP_addr, 0x4010)}) == "[rip+0x3010]");
  CHECK(Text({Op(DW_OP_addr, 0x10)}) == "[rip-0xff0]");
  CHECK(Text({Op(DW_OP_lit5), Op(DW_OP_stack_value)}) == "constant");
  CHECK(Text({Op(DW_OP_addr, 0x4010), Op(DW_OP_stack_value)}) == "rip+0x3010");
  CHECK(Text({Op(DW_OP_fbreg, 0), Op(DW_OP_deref)}) == "[[rsp+0x10]]");
}

TEST_CASE("A value is never an object: stack_value and registers carry no memory node") {
  CHECK(Locate({kRax, Op(DW_OP_stack_value)})->kind_case() == v1::Node::kReg);
  CHECK(Locate({kRax})->kind_case() == v1::Node::kMemory);
  CHECK(Locate({Op(DW_OP_reg0)})->kind_case() == v1::Node::kReg);
}

TEST_CASE("Arithmetic on the machine word keeps DWARF's signs") {
  const auto minus = [](int64_t v) { return static_cast<uint64_t>(-v); };
  CHECK(Value({kRax, Op(DW_OP_plus_uconst, 5)}, 7) == 12u);
  CHECK(Value({kRax, kRdx, Op(DW_OP_minus)}, 5, 7) == minus(2));
  CHECK(Value({kRax, kRdx, Op(DW_OP_mul)}, minus(3), 7) == minus(21));
  CHECK(Value({kRax, Op(DW_OP_lit2), Op(DW_OP_div)}, minus(7)) == minus(3));
  CHECK(Value({kRax, Op(DW_OP_const1s, minus(2)), Op(DW_OP_div)}, 7) == minus(3));
  CHECK(Value({kRax, kRdx, Op(DW_OP_div)}, minus(7), minus(2)) == 3u);
  CHECK(Value({kRax, kRdx, Op(DW_OP_div)}, minus(7), 0) == std::nullopt);
  CHECK(Value({kRax, Op(DW_OP_lit5), Op(DW_OP_mod)}, 13) == 3u);
  CHECK(Value({kRax, Op(DW_OP_neg)}, 4) == minus(4));
  CHECK(Value({kRax, Op(DW_OP_not)}, 0) == ~uint64_t{0});
  CHECK(Value({kRax, Op(DW_OP_abs)}, minus(9)) == 9u);
  CHECK(Value({kRax, Op(DW_OP_lit3), Op(DW_OP_shl)}, 1) == 8u);
  CHECK(Value({kRax, Op(DW_OP_lit1), Op(DW_OP_shr)}, minus(2)) == (~uint64_t{0} >> 1));
  CHECK(Value({kRax, Op(DW_OP_lit1), Op(DW_OP_shra)}, minus(8)) == minus(4));
  CHECK(Value({kRax, kRdx, Op(DW_OP_shra)}, minus(8), 2) == minus(2));
  CHECK(Value({kRax, kRdx, Op(DW_OP_shl)}, 3, 2) == 12u);
  CHECK(Value({kRax, kRdx, Op(DW_OP_shl)}, 3, 64) == std::nullopt);
  CHECK(Value({kRax, Op(DW_OP_const1u, 200), Op(DW_OP_shr)}, 3) == 0u);
  CHECK(Value({kRax, Op(DW_OP_const1u, 200), Op(DW_OP_shra)}, minus(3)) == minus(1));
}

TEST_CASE("Comparisons on the machine word are signed") {
  const uint64_t minus_one = ~uint64_t{0};
  CHECK(Value({kRax, Op(DW_OP_lit0), Op(DW_OP_lt)}, minus_one) == 1u);
  CHECK(Value({kRax, Op(DW_OP_lit0), Op(DW_OP_gt)}, minus_one) == 0u);
  CHECK(Value({kRax, Op(DW_OP_lit0), Op(DW_OP_ge)}, 0) == 1u);
  CHECK(Value({kRax, Op(DW_OP_lit1), Op(DW_OP_le)}, 2) == 0u);
  CHECK(Value({kRax, Op(DW_OP_lit2), Op(DW_OP_eq)}, 2) == 1u);
  CHECK(Value({kRax, Op(DW_OP_lit2), Op(DW_OP_ne)}, 2) == 0u);
}

TEST_CASE("Stack operations pick the right entries") {
  CHECK(Value({Op(DW_OP_lit1), Op(DW_OP_lit2), Op(DW_OP_swap), Op(DW_OP_minus)}, 0) == 1u);
  CHECK(Value({Op(DW_OP_lit7), Op(DW_OP_lit2), Op(DW_OP_over), Op(DW_OP_plus)}, 0) == 9u);
  CHECK(Value({Op(DW_OP_lit7), Op(DW_OP_dup), Op(DW_OP_mul)}, 0) == 49u);
  CHECK(Value({Op(DW_OP_lit7), Op(DW_OP_lit2), Op(DW_OP_drop)}, 0) == 7u);
  CHECK(Value({Op(DW_OP_lit7), Op(DW_OP_lit2), Op(DW_OP_lit3), Op(DW_OP_pick, 2)}, 0) == 7u);
  // rot: the top becomes the third, so 1 2 3 turns into 3 1 2.
  CHECK(Value({Op(DW_OP_lit1), Op(DW_OP_lit2), Op(DW_OP_lit3), Op(DW_OP_rot)}, 0) == 2u);
  CHECK(Value({Op(DW_OP_lit1), Op(DW_OP_lit2), Op(DW_OP_lit3), Op(DW_OP_rot), Op(DW_OP_drop)}, 0) == 1u);
}

TEST_CASE("A sized dereference reads that many bytes and no more") {
  CHECK(Value({kRax, Op(DW_OP_deref)}, 0x5000) == 0x8877665544332211u);
  CHECK(Value({kRax, Op(DW_OP_deref_size, 4)}, 0x5004) == 0x88776655u);
  CHECK(Value({kRax, Op(DW_OP_deref_size, 1)}, 0x5007) == 0x88u);
  CHECK(Value({kRax, Op(DW_OP_deref_size, 2)}, 0x5007) == std::nullopt);
}

TEST_CASE("Pieces may be in registers, in memory, computed or missing") {
  auto node = Locate({Op(DW_OP_reg3), Op(DW_OP_piece, 4), Op(DW_OP_piece, 4), Op(DW_OP_breg7, 8), Op(DW_OP_piece, 8),
                      Op(DW_OP_lit1), Op(DW_OP_stack_value), Op(DW_OP_piece, 2)});
  REQUIRE(node.ok());
  CHECK(DescribeLocation(*node) == "{rbx, <optimized out>, [rsp+0x8], 0x1}");
  REQUIRE(node->composite().pieces_size() == 4);
  CHECK(node->composite().pieces(0).size() == 4);
  CHECK_FALSE(node->composite().pieces(0).in_memory());
  CHECK(node->composite().pieces(2).in_memory());
  CHECK(Text({Op(DW_OP_reg3), Op(DW_OP_bit_piece, 16, 8)}) == "{rbx>>0x8}");
  CHECK(Locate({Op(DW_OP_reg3), Op(DW_OP_piece, 16)}).status().code() == absl::StatusCode::kInvalidArgument);
}

TEST_CASE("Pieces of bits keep their size and where they begin") {
  auto node = Locate({Op(DW_OP_reg3), Op(DW_OP_bit_piece, 3, 4), Op(DW_OP_bit_piece, 5, 0), Op(DW_OP_breg7, 8),
                      Op(DW_OP_bit_piece, 12, 11), Op(DW_OP_breg7, 32), Op(DW_OP_piece, 17)});
  REQUIRE(node.ok());
  const auto& pieces = node->composite().pieces();
  REQUIRE(pieces.size() == 6);
  CHECK(pieces[0].bits() == 3);
  CHECK(pieces[0].bit_offset() == 4);
  CHECK(pieces[1].bits() == 5);
  CHECK(pieces[1].value().has_unavailable());
  CHECK(pieces[2].in_memory());
  CHECK(pieces[2].bit_offset() == 3);
  CHECK(DescribeLocation(pieces[2].value()) == "rsp+0x9");
  // Next to bits no piece is larger than a register.
  CHECK(pieces[3].size() == 8);
  CHECK(pieces[5].size() == 1);
  CHECK(Locate({Op(DW_OP_reg3), Op(DW_OP_bit_piece, 60, 7)}).status().code() == absl::StatusCode::kInvalidArgument);
  CHECK(Locate({Op(DW_OP_breg7), Op(DW_OP_bit_piece, 65, 0)}).status().code() == absl::StatusCode::kUnimplemented);
}

TEST_CASE("A large piece next to pieces of bits is cut up only so far as it can be shown") {
  auto node = Locate({Op(DW_OP_breg7, 8), Op(DW_OP_piece, 60000), Op(DW_OP_reg3), Op(DW_OP_bit_piece, 3, 0)});
  REQUIRE(node.ok());
  const auto& pieces = node->composite().pieces();
  REQUIRE(pieces.size() == 18);
  CHECK(DescribeLocation(pieces[15].value()) == "rsp+0x80");
  CHECK(pieces[16].value().has_unavailable());
  CHECK(pieces[16].size() == 60000 - 16 * 8);
  CHECK(pieces[17].bits() == 3);

  std::vector<Dwarf_Op> large = {Op(DW_OP_breg7, 8)};
  for (int i = 0; i < 6; ++i) large.insert(large.end(), {Op(DW_OP_dup), Op(DW_OP_mul)});
  large.push_back(Op(DW_OP_piece, 128));
  CHECK(Locate(large).ok());
  large.insert(large.end(), {Op(DW_OP_reg3), Op(DW_OP_bit_piece, 3, 0)});
  CHECK(Locate(large).status().code() == absl::StatusCode::kUnimplemented);
}

TEST_CASE("Both ways of a branch are kept, and the hit chooses") {
  // rax ? 7 : 9
  const std::vector<Dwarf_Op> ops = {kRax, Op(DW_OP_bra, 4), Op(DW_OP_lit9), Op(DW_OP_skip, 1), Op(DW_OP_lit7)};
  CHECK(Value(ops, 0) == 9u);
  CHECK(Value(ops, 1) == 7u);
  CHECK(Value(ops, 1ull << 40) == 7u);
  // Known at once: nothing to choose.
  CHECK(Value({Op(DW_OP_lit1), Op(DW_OP_bra, 4), Op(DW_OP_lit9), Op(DW_OP_skip, 1), Op(DW_OP_lit7)}, 0) == 7u);
}

TEST_CASE("Branches that loop, lead nowhere or give different kinds of locations are refused") {
  const auto code = [](const std::vector<Dwarf_Op>& ops) { return Locate(ops).status().code(); };
  CHECK(code({Op(DW_OP_lit1), Op(DW_OP_skip, static_cast<uint16_t>(-3))}) == absl::StatusCode::kUnimplemented);
  CHECK(code({kRax, Op(DW_OP_dup), Op(DW_OP_bra, static_cast<uint16_t>(-4))}) == absl::StatusCode::kUnimplemented);
  CHECK(code({Op(DW_OP_lit1), Op(DW_OP_skip, static_cast<uint16_t>(-2))}) == absl::StatusCode::kInvalidArgument);
  CHECK(code({kRax, kRax, Op(DW_OP_bra, 1), Op(DW_OP_stack_value)}) == absl::StatusCode::kUnimplemented);
}

TEST_CASE("A loop whose rounds depend on the hit is named as one") {
  // rax: while (top & 1) top >>= 1
  const auto looping =
      Text({kRax, Op(DW_OP_dup), Op(DW_OP_lit1), Op(DW_OP_and), Op(DW_OP_bra, 3), Op(DW_OP_skip, 5), Op(DW_OP_lit1),
            Op(DW_OP_shr), Op(DW_OP_skip, static_cast<uint64_t>(-14)), Op(DW_OP_stack_value)});
  CHECK_THAT(looping, ContainsText("loop whose rounds depend on a value"));
}

TEST_CASE("An implicit pointer has a target, or nothing is known about it") {
  const Program program("zoo.gcc.O0.dwarf5");
  const Statement statement = program.In("zoo.cc", "zoo", "main");
  Dwarf_Die object = VariableNamed(statement.scope, "number16").die;
  Dwarf_Attribute attribute = *Own(object, DW_AT_location);
  ExpressionContext context;
  context.attribute = &attribute;
  const std::vector<Dwarf_Op> ops = {Op(DW_OP_implicit_pointer, dwarf_dieoffset(&object), 4)};
  auto alone = EvaluateLocation(ops, context);
  REQUIRE(alone.ok());
  CHECK(alone->implicit_pointer().offset() == 4);
  CHECK_FALSE(alone->implicit_pointer().has_target());
  context.object = [](const Dwarf_Die&) -> absl::StatusOr<v1::Node> { return RegisterNode(3); };
  auto target = EvaluateLocation(ops, context);
  REQUIRE(target.ok());
  CHECK(target->implicit_pointer().target().reg() == 3);
  auto piece =
      EvaluateLocation(std::vector<Dwarf_Op>{ops[0], Op(DW_OP_piece, 8), Op(DW_OP_reg1), Op(DW_OP_piece, 8)}, context);
  REQUIRE(piece.ok());
  CHECK(piece->composite().pieces(0).value().has_implicit_pointer());
}

TEST_CASE("A call runs the location of another entry on the same stack, a bounded number of times") {
  const Program program("zoo.gcc.O0.dwarf5");
  const Statement statement = program.In("zoo.cc", "zoo", "main");
  Dwarf_Die called = VariableNamed(statement.scope, "number16").die;
  Dwarf_Attribute attribute = *Own(called, DW_AT_location);
  ExpressionContext context;
  context.attribute = &attribute;
  const std::vector<Dwarf_Op> callee = {Op(DW_OP_lit5), Op(DW_OP_plus)};
  context.operations = [&](Dwarf_Attribute&) { return std::span<const Dwarf_Op>(callee); };
  const Dwarf_Op call = Op(DW_OP_call4, dwarf_cuoffset(&called));
  auto node = EvaluateLocation(std::vector<Dwarf_Op>{kRax, call, call}, context);
  REQUIRE(node.ok());
  CHECK(DescribeLocation(*node) == "[rax+0xa]");
  std::vector<Dwarf_Op> endless = {call};
  context.operations = [&](Dwarf_Attribute&) { return std::span<const Dwarf_Op>(endless); };
  CHECK(EvaluateLocation(endless, context).status().code() == absl::StatusCode::kUnimplemented);
}

TEST_CASE("A thread-local variable's offset must be known, and the module must know the way") {
  ExpressionContext context;
  const std::vector<Dwarf_Op> ops = {Op(DW_OP_const8u, 24), Op(DW_OP_form_tls_address)};
  context.thread_local_address = [](uint64_t offset, bool /*indexed*/) -> absl::StatusOr<v1::Node> {
    return BinaryNode(v1::OP_ADD, RegisterNode(17), ConstantNode(offset));
  };
  CHECK(DescribeLocation(*EvaluateLocation(ops, context)) == "[fs.base+0x18]");
  CHECK(EvaluateLocation(std::vector<Dwarf_Op>{kRax, Op(DW_OP_form_tls_address)}, context).status().code() ==
        absl::StatusCode::kUnimplemented);
}

// Typed operations name a base type of the unit, so they need a real one: `zoo` has them all.
class TypedExpressions {
 public:
  TypedExpressions() : program_("zoo.gcc.O0.dwarf5"), statement_(program_.In("zoo.cc", "zoo", "main")) {
    attribute_ = *Own(VariableNamed(statement_.scope, "number16").die, DW_AT_location);
  }
  // An operation with the offset of the base type of main's variable `of`.
  Dwarf_Op Convert(const std::string& of, uint8_t atom = DW_OP_convert) const {
    Dwarf_Die type = *StripTypedefs(TypeOf(VariableNamed(statement_.scope, of).die));
    return Op(atom, dwarf_cuoffset(&type));
  }
  absl::StatusOr<v1::Node> Locate(std::vector<Dwarf_Op> ops) {
    ops.push_back(Op(DW_OP_stack_value));
    ExpressionContext context;
    context.attribute = &attribute_;
    return EvaluateLocation(ops, context);
  }
  // A double whose bits are that word.
  std::vector<Dwarf_Op> RealOf(const Dwarf_Op& word) const {
    return {word, Convert("number64"), Convert("real", DW_OP_reinterpret)};
  }
  template <typename How>
  absl::StatusOr<v1::Node> Evaluated(const std::vector<Dwarf_Op>& ops, How&& how) {
    ExpressionContext context;
    context.attribute = &attribute_;
    return how(ops, context);
  }
  // DW_OP_GNU_variable_value of main's variable `of`, when that is at `place`.
  absl::StatusOr<v1::Node> ValueOf(const std::string& of, absl::StatusOr<v1::Node> place) {
    Dwarf_Die variable = VariableNamed(statement_.scope, of).die;
    const std::vector<Dwarf_Op> ops = {Op(DW_OP_GNU_variable_value, dwarf_dieoffset(&variable)), Op(DW_OP_stack_value)};
    ExpressionContext context;
    context.attribute = &attribute_;
    context.object = [&place](const Dwarf_Die&) { return place; };
    return EvaluateLocation(ops, context);
  }
  uint64_t Value(const std::vector<Dwarf_Op>& ops, uint64_t rax) {
    auto node = Locate(ops);
    INFO(node.status());
    REQUIRE(node.ok());
    Machine machine;
    machine.registers[0] = rax;
    return Evaluate(*node, machine).value_or(0xdead);
  }

 private:
  Program program_;
  Statement statement_;
  Dwarf_Attribute attribute_;
};

TEST_CASE("Typed operations keep the width and sign of their type") {
  TypedExpressions typed;
  const auto minus = [](int64_t v) { return static_cast<uint64_t>(-v); };
  const Dwarf_Op to_short = typed.Convert("number16");
  const Dwarf_Op to_byte = typed.Convert("byte");
  const Dwarf_Op to_wide = typed.Convert("wide32");
  CHECK(typed.Value({kRax, to_short}, 0x18000) == minus(0x8000));
  CHECK(typed.Value({kRax, to_byte}, 0x1ff) == 0xff);
  CHECK(typed.Value({kRax, to_short, to_wide}, 0xffff) == 0xffffffff);
  CHECK(typed.Value({kRax, to_short, Op(DW_OP_convert, 0)}, 0xffff) == minus(1));
  CHECK(typed.Value({kRax, to_short, Op(DW_OP_lit2), Op(DW_OP_div)}, 0xfffe) == minus(1));
  CHECK(typed.Value({kRax, to_wide, Op(DW_OP_lit2), Op(DW_OP_div)}, 0xfffffffe) == 0x7fffffff);
  CHECK(typed.Value({kRax, to_byte, Op(DW_OP_lit1), Op(DW_OP_plus)}, 0xff) == 0);
}

TEST_CASE("A literal next to a typed value has that type's width") {
  TypedExpressions typed;
  const Dwarf_Op minus_one = Op(DW_OP_const1s, ~uint64_t{0});
  CHECK(typed.Value({kRax, typed.Convert("wide32"), minus_one, Op(DW_OP_eq)}, 0xffffffff) == 1);
  CHECK(typed.Value({minus_one, kRax, typed.Convert("byte"), Op(DW_OP_eq)}, 0xff) == 1);
  CHECK(typed.Locate({kRax, typed.Convert("byte"), kRax, Op(DW_OP_plus)}).status().code() ==
        absl::StatusCode::kInvalidArgument);
}

TEST_CASE("Floating-point computations keep their types") {
  TypedExpressions typed;
  const Dwarf_Op to_double = typed.Convert("real");
  const Dwarf_Op to_float = typed.Convert("single");
  const Dwarf_Op to_short = typed.Convert("number16");
  // (double)(short)rax * (double)(short)rdx
  auto product = typed.Locate({kRax, to_short, to_double, kRdx, to_short, to_double, Op(DW_OP_mul)});
  REQUIRE(product.ok());
  CHECK(product->type() == (kFloatMark | 8));
  CHECK(product->binary().op() == v1::OP_MUL);
  CHECK(product->binary().left().convert().type() == (kSignedMark | 8));
  ResolveTypeMarks([](uint32_t mark) { return mark & 0xffu; }, &*product);
  CHECK(product->type() == 8);
  CHECK(product->binary().right().type() == 8);
  CHECK(typed.Locate({kRax, to_short, to_float, to_double, Op(DW_OP_neg)})->unary().op() == v1::OP_NEG);
  CHECK(typed.Locate({kRax, typed.Convert("number64"), typed.Convert("real", DW_OP_reinterpret)})->has_composite());
  const auto code = [&](const std::vector<Dwarf_Op>& ops) { return typed.Locate(ops).status().code(); };
  // Of unknown sign; operands of two types; integer operations; a number as an address.
  CHECK(code({kRax, to_double}) == absl::StatusCode::kUnimplemented);
  CHECK(code({kRax, to_short, to_double, kRax, to_short, to_float, Op(DW_OP_plus)}) ==
        absl::StatusCode::kInvalidArgument);
  CHECK(code({kRax, to_short, to_double, kRax, to_short, to_double, Op(DW_OP_xor)}) ==
        absl::StatusCode::kInvalidArgument);
  CHECK(code({kRax, to_short, to_double, Op(DW_OP_not)}) == absl::StatusCode::kUnimplemented);
  CHECK(code({kRax, to_short, to_double, Op(DW_OP_deref)}) == absl::StatusCode::kUnimplemented);
}

TEST_CASE("The bits of a floating-point number are a word, whatever it is made of") {
  TypedExpressions typed;
  const Dwarf_Op to_number = typed.Convert("number64", DW_OP_reinterpret);
  // Of a word they are that word.
  const Dwarf_Op to_real = typed.Convert("real", DW_OP_reinterpret);
  CHECK(typed.Value({kRax, typed.Convert("number64"), to_real, to_number}, 0x4045'0000'0000'0000) ==
        0x4045'0000'0000'0000);
  // Computed: 4 bytes and zeroes behind them.
  auto computed = typed.Locate({kRax, typed.Convert("number16"), typed.Convert("single"),
                                typed.Convert("wide32", DW_OP_reinterpret), Op(DW_OP_convert, 0)});
  REQUIRE(computed.ok());
  REQUIRE(computed->composite().pieces_size() == 2);
  CHECK(computed->composite().pieces(0).size() == 4);
  CHECK(computed->composite().pieces(0).value().type() == (kFloatMark | 4));
  CHECK(ConstantValue(computed->composite().pieces(1).value()) == 0);
  CHECK(typed.Locate({kRax, typed.Convert("number16"), typed.Convert("single"), to_number}).status().code() ==
        absl::StatusCode::kInvalidArgument);
}

TEST_CASE("What a register of a call holds may be a floating-point number, an address never is one") {
  TypedExpressions typed;
  const auto ops = typed.RealOf(kRax);
  CHECK(typed.Evaluated(ops, EvaluateAddress).status().code() == absl::StatusCode::kUnimplemented);
  const auto bits = typed.Evaluated(ops, EvaluateBits);
  REQUIRE(bits.ok());
  Machine machine;
  machine.registers[0] = 0x4045'0000'0000'0000;
  CHECK(Evaluate(*bits, machine) == 0x4045'0000'0000'0000);
  CHECK(DescribeLocation(*typed.Evaluated({kRax}, EvaluateBits)) == "rax");
}

TEST_CASE("The value of another variable is extended by its type, wherever it is") {
  TypedExpressions typed;
  const auto value = [&](const char* variable, v1::Node place) {
    auto node = typed.ValueOf(variable, std::move(place));
    INFO(node.status());
    REQUIRE(node.ok());
    Machine machine;
    machine.registers[0] = 0x1'ffff'fffe;
    machine.Store(0x5000, 0x1'ffff'fffe);
    return Evaluate(*node, machine);
  };
  CHECK(value("number16", RegisterNode(0)) == ~uint64_t{1});
  CHECK(value("wide32", RegisterNode(0)) == 0xffff'fffe);
  CHECK(value("number16", MemoryNode(ConstantNode(0x5000))) == ~uint64_t{1});
  CHECK(value("wide32", MemoryNode(ConstantNode(0x5000))) == 0xffff'fffe);
  CHECK(typed.ValueOf("real", RegisterNode(0)).status().code() == absl::StatusCode::kUnimplemented);
  CHECK(typed.ValueOf("wide32", VectorNode(0)).status().code() == absl::StatusCode::kUnimplemented);
  CHECK(typed.ValueOf("wide32", absl::FailedPreconditionError("gone")).status().message() == "gone");
}

TEST_CASE("Integers of 128 bits are computed as such, and are neither words nor addresses") {
  TypedExpressions typed;
  const Dwarf_Op to_wide = typed.Convert("number128");
  const Dwarf_Op to_long = typed.Convert("number64");
  const Dwarf_Op to_short = typed.Convert("number16");
  const std::vector<Dwarf_Op> value = {kRax, to_short, to_wide};
  const auto with = [&](std::vector<Dwarf_Op> more) {
    std::vector<Dwarf_Op> ops = value;
    ops.insert(ops.end(), more.begin(), more.end());
    return typed.Locate(ops);
  };
  // From a signed type: the sign goes along.
  const auto plain = with({});
  INFO(plain.status());
  REQUIRE(plain.ok());
  CHECK(plain->type() == kWideMark);
  CHECK(plain->convert().type() == (kSignedMark | 8));
  const auto product = with({kRdx, to_long, to_wide, Op(DW_OP_mul)});
  REQUIRE(product.ok());
  CHECK(product->type() == kWideMark);
  CHECK(product->binary().op() == v1::OP_MUL);
  const auto less = with({kRdx, to_long, to_wide, Op(DW_OP_lt)});
  REQUIRE(less.ok());
  CHECK(less->type() == 0);
  CHECK(with({Op(DW_OP_lit1), Op(DW_OP_plus)})->binary().right().type() == kWideMark);
  CHECK(with({Op(DW_OP_neg)})->unary().op() == v1::OP_NEG);
  // Back to a word.
  CHECK(with({to_long})->type() == 0);
  const auto code = [&](const std::vector<Dwarf_Op>& ops) { return with(ops).status().code(); };
  CHECK(code({Op(DW_OP_deref)}) == absl::StatusCode::kUnimplemented);
  CHECK(code({kRdx, to_long, to_wide, Op(DW_OP_div)}) == absl::StatusCode::kUnimplemented);
  CHECK(code({Op(DW_OP_plus_uconst, 1)}) == absl::StatusCode::kUnimplemented);
  CHECK(code({kRdx, Op(DW_OP_plus)}) == absl::StatusCode::kInvalidArgument);
  CHECK(typed.Evaluated(value, EvaluateAddress).status().code() == absl::StatusCode::kUnimplemented);
  CHECK(typed.Evaluated(value, EvaluateBits).status().code() == absl::StatusCode::kUnimplemented);
}

TEST_CASE("What is wide must have a known sign, and a type that exists") {
  TypedExpressions typed;
  CHECK(typed.Locate({kRax, typed.Convert("number128")}).status().code() == absl::StatusCode::kUnimplemented);
  CHECK(typed.Locate({kRax, Op(DW_OP_convert, 1)}).status().code() == absl::StatusCode::kInvalidArgument);
}

TEST_CASE("What cannot be captured says why") {
  CHECK(Text({Op(DW_OP_regx, 67)}) == "value is in vector register xmm16");
  CHECK(Text({Op(DW_OP_reg17), Op(DW_OP_piece, 16)}) == "value in the upper half of a vector register");
  CHECK(Text({Op(DW_OP_breg17)}) == "value depends on xmm0");
  CHECK(Text({Op(DW_OP_regx, 33)}) == "value is in st0");
  CHECK(Text({Op(DW_OP_const8u, 4), Op(DW_OP_form_tls_address)}) == "thread-local variable");
  for (const uint8_t atom : {DW_OP_xderef, DW_OP_xderef_size, DW_OP_push_object_address}) {
    CHECK(Locate({Op(DW_OP_lit0), Op(DW_OP_lit0), Op(atom)}).status().code() == absl::StatusCode::kUnimplemented);
  }
  CHECK(Text({Op(DW_OP_lit0), Op(DW_OP_lit0), Op(DW_OP_xderef)}).find("DW_OP_xderef") != std::string::npos);
}

TEST_CASE("Operations that refer elsewhere are malformed without what they refer to") {
  for (const uint8_t atom :
       {DW_OP_entry_value, DW_OP_GNU_entry_value, DW_OP_implicit_pointer, DW_OP_call4, DW_OP_GNU_variable_value}) {
    CHECK(Locate({Op(atom), Op(DW_OP_stack_value)}).status().code() == absl::StatusCode::kInvalidArgument);
  }
}

TEST_CASE("Malformed expressions are errors") {
  for (const std::vector<Dwarf_Op>& ops : std::vector<std::vector<Dwarf_Op>>{
           {Op(DW_OP_plus)},
           {Op(DW_OP_lit1), Op(DW_OP_plus)},
           {Op(DW_OP_deref)},
           {Op(DW_OP_drop)},
           {Op(DW_OP_lit1), Op(DW_OP_drop)},
           {Op(DW_OP_lit1), Op(DW_OP_pick, ~uint64_t{0})},
           {Op(DW_OP_lit1), Op(DW_OP_pick, 1)},
           {Op(DW_OP_stack_value)},
           {Op(DW_OP_reg0), Op(DW_OP_lit0)},
           {Op(DW_OP_piece, 0)},
           {Op(DW_OP_reg0), Op(DW_OP_piece, 4), Op(DW_OP_reg0)},
           {kRax, Op(DW_OP_deref_size, 9)},
           {kRax, Op(DW_OP_lit0), Op(DW_OP_div)},
       }) {
    CHECK(Locate(ops).status().code() == absl::StatusCode::kInvalidArgument);
  }
  CHECK(Locate({}).status().code() == absl::StatusCode::kFailedPrecondition);
}

TEST_CASE("Expressions that grow without bound are refused") {
  CHECK_FALSE(Locate(std::vector<Dwarf_Op>(1000, Op(DW_OP_lit1))).ok());
  CHECK_FALSE(Locate(std::vector<Dwarf_Op>(100, Op(DW_OP_lit1))).ok());
  std::vector<Dwarf_Op> doubling = {kRax};
  for (int i = 0; i < 60; ++i) {
    doubling.push_back(Op(DW_OP_dup));
    doubling.push_back(Op(DW_OP_mul));
  }
  CHECK(Locate(doubling).status().code() == absl::StatusCode::kUnimplemented);
  std::vector<Dwarf_Op> deep = {kRax};
  for (int i = 0; i < 200; ++i) deep.push_back(Op(DW_OP_deref));
  CHECK(Locate(deep).status().code() == absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace dlog::dwarf
