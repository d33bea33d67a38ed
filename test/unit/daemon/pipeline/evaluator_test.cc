// SPDX-License-Identifier: Apache-2.0
#include "daemon/pipeline/evaluator.h"

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "test/catch.h"
#include "test/unit/daemon/pipeline/plan_nodes.h"

namespace dlog::pipeline {
namespace {

using namespace dlog::test;  // NOLINT: the vocabulary of these tests

// One line per value: "42", or "error: division by zero".
std::string Show(const v1::Node& node, Types& types, const MemoryImage& image) {
  static const char* const names[] = {"ok",       "truncated", "partial",   "optimized_out", "unreadable",
                                      "redacted", "torn",      "recovered", "error"};
  const Object object = Evaluate(node, types.table, image);
  Scalar value;
  v1::ValueStatus status = v1::STATUS_OK;
  std::string reason;
  if (!LoadScalar(object, types.table, image, &value, &status, &reason))
    return std::string(names[status]) + ": " + reason;
  if (value.type.is_float()) return std::to_string(static_cast<double>(value.real));
  if (value.type.kind == ScalarKind::kSigned) return std::to_string(static_cast<int64_t>(value.as_signed()));
  return std::to_string(static_cast<uint64_t>(value.bits));
}

struct Fixture {
  Types types;
  Image memory;
  std::string Show(const v1::Node& node) { return pipeline::Show(node, types, memory.image); }
  std::string IntOp(v1::Operator op, int left, int right) {
    return Show(Binary(types.Int(), op, Const(types.Int(), left), Const(types.Int(), right)));
  }
  std::string UIntOp(v1::Operator op, unsigned left, unsigned right) {
    return Show(Binary(types.UInt(), op, Const(types.UInt(), left), Const(types.UInt(), right)));
  }
};

TEST_CASE_METHOD(Fixture, "a register gives the low bytes of its type") {
  memory.Reg(5, 0xffff'ffff'8000'0001);
  CHECK(Show(Reg(types.Int(), 5)) == "-2147483647");
  CHECK(Show(Reg(types.UInt(), 5)) == "2147483649");
  CHECK(Show(Reg(types.Short(), 5)) == "1");
  CHECK(Show(Reg(0, 5)) == "18446744071562067969");
}

TEST_CASE_METHOD(Fixture, "a register at the function's entry has no value when the call began unseen") {
  v1::Node node;
  node.set_type(types.Int());
  node.set_at_entry(4);
  CHECK(Show(node) == "optimized_out: only its value at the function's entry is known, and this call began unseen");
  memory.image.set_at_entry(1, 0xffff'ffff'8000'0001);
  CHECK(Show(node) == "-2147483647");
  node.set_at_entry(3);
  CHECK(Show(node).starts_with("error"));
}

TEST_CASE_METHOD(Fixture, "the short way for machine words says what the long way says, or nothing") {
  const uint32_t pointer = types.PointerTo(types.Int());
  const uint32_t reference = types.Add(v1::TYPE_REFERENCE, 8, "S &", types.Int());
  const uint32_t to_nothing = types.Add(v1::TYPE_REFERENCE, 8, "T &", 4711);
  const uint32_t object = types.Add(v1::TYPE_STRUCT, 16, "S");
  memory.Reg(5, 0x1000);
  memory.PutAll<uint64_t>(0x1000, {0x2000, 0xffff'ffff'ffff'fff0});
  memory.PutAll<uint64_t>(0x2000, {0x1008, 77});
  memory.image.Seal();
  constexpr uint64_t kSelf = 0x1000;
  const auto sum = [](v1::Operator op, v1::Node left, v1::Node right) {
    return Binary(0, op, std::move(left), std::move(right));
  };
  const std::vector<v1::Node> known = {
      Self(),
      Reg(0, 5),
      Reg(pointer, 5),
      Word(9),
      ConstBytes(0, "\x07"),
      SelfWord(0),
      SelfWord(8),
      Memory(pointer, Reg(0, 5)),
      Memory(0, SelfWord(0)),
      sum(v1::OP_ADD, SelfWord(8), Word(0x20)),
      sum(v1::OP_SUB, Word(1), Word(2)),
      sum(v1::OP_MUL, Reg(0, 5), Word(0xaaaa'aaaa'aaaa'aaab)),
      Convert(0, Reg(pointer, 5)),
      AddressOf(pointer, Memory(types.Int(), Word(0x5000))),
      AddressOf(pointer, Member(types.Int(), At(object, 0x5000), 8)),
      Member(pointer, At(object, 0x2000), 8),
      Member(pointer, Memory(reference, Word(0x1000)), 0),
      Member(pointer, Reg(reference, 5), 8),
  };
  for (const v1::Node& node : known) {
    INFO(node.ShortDebugString());
    uint64_t quick = 1;
    uint64_t slow = 2;
    v1::ValueStatus status = v1::STATUS_OK;
    std::string reason;
    REQUIRE(EvaluateWord(node, types.table, memory.image, kSelf, &quick));
    REQUIRE(ReadScalar(Evaluate(node, types.table, memory.image, kSelf), types.table, memory.image, &slow, &status,
                       &reason));
    CHECK(quick == slow);
  }
  v1::Node deep = Word(1);
  for (int i = 0; i < 40; ++i) deep = sum(v1::OP_ADD, deep, Word(1));
  const std::vector<v1::Node> left_alone = {
      Reg(0, 6),
      Reg(types.Int(), 5),
      At(0, 0x9000),
      At(types.Int(), 0x1000),
      ConstBytes(0, "123456789"),
      ConstBytes(pointer, "\x07"),
      Unavailable(0, "gone"),
      sum(v1::OP_DIV, Word(2), Word(3)),
      sum(v1::OP_SHL, Word(2), Word(3)),
      Member(pointer, At(object, 0x2000), 8, 3),
      At(4711, 0x1000),
      Member(pointer, Memory(to_nothing, Word(0x1000)), 0),
      deep,
  };
  for (const v1::Node& node : left_alone) {
    INFO(node.ShortDebugString());
    uint64_t ignored = 0;
    CHECK_FALSE(EvaluateWord(node, types.table, memory.image, kSelf, &ignored));
  }
}

TEST_CASE_METHOD(Fixture, "integers computed from words are the low bits of the words' result") {
  memory.Reg(5, 0x8765'4321'ffff'fff1);
  const auto product = [](uint32_t type) {
    return Binary(type, v1::OP_ADD, Binary(0, v1::OP_MUL, Reg(0, 5), Word(0xaaaa'aaaa'aaaa'aaab)), Word(77));
  };
  for (const uint32_t type : {types.Int(), types.UInt(), types.Long(), types.Add(v1::TYPE_SIGNED, 2, "short")}) {
    for (const v1::Node& node : {product(type), Convert(type, Reg(0, 5))}) {
      INFO(node.ShortDebugString());
      uint64_t bits = 0;
      uint64_t slow = 0;
      v1::ValueStatus status = v1::STATUS_OK;
      std::string reason;
      REQUIRE(EvaluateBits(node, types.table, memory.image, &bits));
      REQUIRE(
          ReadScalar(Evaluate(node, types.table, memory.image), types.table, memory.image, &slow, &status, &reason));
      const uint64_t unused = 64 - 8 * types.table.Get(static_cast<int>(type)).size();
      CHECK(bits << unused == slow << unused);
    }
  }
  uint64_t ignored = 0;
  CHECK_FALSE(EvaluateBits(Reg(types.Int(), 5), types.table, memory.image, &ignored));
  CHECK_FALSE(EvaluateBits(Convert(types.Int(), Reg(types.Int(), 5)), types.table, memory.image, &ignored));
  CHECK_FALSE(EvaluateBits(Convert(types.Int(), Reg(0, 6)), types.table, memory.image, &ignored));
}

TEST_CASE_METHOD(Fixture, "registers that are not there are unreadable, those that do not exist an error") {
  CHECK(Show(Reg(types.Int(), 5)) == "unreadable: not captured");
  CHECK(Show(Reg(types.Int(), 400)) == "error: malformed plan: no such register");
  CHECK(Show(Reg(types.LongDouble(), 5)) == "error: malformed plan: value does not fit a register");
}

TEST_CASE_METHOD(Fixture, "a selection gives the value of the case that has the key, and its reason for any other") {
  v1::Node node;
  v1::Select* select = node.mutable_select();
  *select->mutable_key() = Reg(0, 2);
  v1::Select::Case* first = select->add_cases();
  first->add_keys(10);
  first->add_keys(11);
  *first->mutable_value() = Word(1);
  v1::Select::Case* second = select->add_cases();
  second->add_keys(20);
  *second->mutable_value() = Unavailable(0, "not kept");
  select->set_otherwise("caller unknown");
  CHECK(Show(node) == "unreadable: not captured");
  memory.Reg(2, 11);
  CHECK(Show(node) == "1");
  memory.Reg(2, 20);
  CHECK(Show(node) == "optimized_out: not kept");
  memory.Reg(2, 21);
  CHECK(Show(node) == "optimized_out: caller unknown");
}

TEST_CASE_METHOD(Fixture, "a pointer that was optimized out has no value") {
  v1::Node node;
  node.set_type(types.PointerTo(types.Int()));
  node.mutable_implicit_pointer();
  CHECK(Show(node) == "optimized_out: synthetic pointer");
}

TEST_CASE_METHOD(Fixture, "memory is read through computed addresses") {
  memory.Reg(7, 0x1000);
  memory.Put<uint64_t>(0x1010, 0x2000);
  memory.Put<int32_t>(0x2000, -5);
  const v1::Node pointer = Memory(0, Binary(0, v1::OP_ADD, Reg(0, 7), Word(0x10)));
  CHECK(Show(Memory(types.Int(), pointer)) == "-5");
}

TEST_CASE_METHOD(Fixture, "reads that fail say where, or that nobody asked") {
  memory.Fault(0x9000, 4);
  CHECK(Show(At(types.Int(), 0x9000)) == "unreadable: 0x9000");
  CHECK(Show(At(types.Int(), 0xa000)) == "unreadable: not captured");
  CHECK(Show(At(types.Int(), 0)) == "unreadable: 0x0");
  const uint32_t holder = types.Add(v1::TYPE_STRUCT, 32, "Holder");
  CHECK(Show(Member(types.Int(), At(holder, 0), 0x10)) == "unreadable: 0x10");
}

TEST_CASE_METHOD(Fixture, "a failed address fails what is read through it") {
  memory.Fault(0x9000, 8);
  CHECK(Show(Memory(types.Int(), At(0, 0x9000))) == "unreadable: 0x9000");
  CHECK(Show(Memory(types.Int(), Unavailable(0, "gone at 0x41e3"))) == "optimized_out: gone at 0x41e3");
}

TEST_CASE_METHOD(Fixture, "signed arithmetic is that of int, and overflow is an error") {
  CHECK(IntOp(v1::OP_ADD, 2, 3) == "5");
  CHECK(IntOp(v1::OP_SUB, 2, 3) == "-1");
  CHECK(IntOp(v1::OP_MUL, -4, 5) == "-20");
  CHECK(IntOp(v1::OP_DIV, -7, 2) == "-3");
  CHECK(IntOp(v1::OP_MOD, -7, 2) == "-1");
  CHECK(IntOp(v1::OP_ADD, INT32_MAX, 1) == "error: signed overflow");
  CHECK(IntOp(v1::OP_SUB, INT32_MIN, 1) == "error: signed overflow");
  CHECK(IntOp(v1::OP_MUL, 65536, 65536) == "error: signed overflow");
  CHECK(IntOp(v1::OP_DIV, INT32_MIN, -1) == "error: signed overflow");
  CHECK(IntOp(v1::OP_MOD, INT32_MIN, -1) == "error: signed overflow");
  CHECK(IntOp(v1::OP_MOD, 7, -1) == "0");
  CHECK(Show(Unary(types.Int(), v1::OP_NEG, Const(types.Int(), INT32_MIN))) == "error: signed overflow");
  const auto long_sum =
      Binary(types.Long(), v1::OP_ADD, Const<int64_t>(types.Long(), INT64_MAX), Const<int64_t>(types.Long(), 1));
  CHECK(Show(long_sum) == "error: signed overflow");
}

TEST_CASE_METHOD(Fixture, "division by zero is an error for integers of both kinds") {
  CHECK(IntOp(v1::OP_DIV, 1, 0) == "error: division by zero");
  CHECK(IntOp(v1::OP_MOD, 1, 0) == "error: division by zero");
  CHECK(UIntOp(v1::OP_DIV, 1, 0) == "error: division by zero");
  CHECK(UIntOp(v1::OP_MOD, 1, 0) == "error: division by zero");
}

TEST_CASE_METHOD(Fixture, "unsigned arithmetic wraps at the width of its type") {
  CHECK(UIntOp(v1::OP_ADD, UINT32_MAX, 1) == "0");
  CHECK(UIntOp(v1::OP_SUB, 0, 1) == "4294967295");
  CHECK(UIntOp(v1::OP_MUL, 0x80000001, 2) == "2");
  CHECK(Show(Binary(0, v1::OP_SUB, Word(0), Word(1))) == "18446744073709551615");
}

TEST_CASE_METHOD(Fixture, "the operands decide about signedness") {
  const auto compare = [&](uint32_t type) {
    return Show(Binary(types.Bool(), v1::OP_LT, Const(type, -1), Const(type, 1)));
  };
  CHECK(compare(types.Int()) == "1");
  CHECK(compare(types.UInt()) == "0");
  CHECK(IntOp(v1::OP_SHR, -8, 1) == "-4");
  CHECK(UIntOp(v1::OP_SHR, 0x80000000, 31) == "1");
  CHECK(UIntOp(v1::OP_DIV, 0x80000000, 2) == "1073741824");
}

TEST_CASE_METHOD(Fixture, "shifts out of range are errors") {
  CHECK(IntOp(v1::OP_SHL, 1, 31) == "-2147483648");
  CHECK(IntOp(v1::OP_SHL, 1, 32) == "error: shift out of range");
  CHECK(IntOp(v1::OP_SHR, 1, -1) == "error: shift out of range");
  CHECK(UIntOp(v1::OP_SHL, 3, 31) == "2147483648");
  CHECK(Show(Binary(0, v1::OP_SHL, Word(1), Word(63))) == "9223372036854775808");
}

TEST_CASE_METHOD(Fixture, "bits are combined and inverted") {
  CHECK(UIntOp(v1::OP_AND, 12, 10) == "8");
  CHECK(UIntOp(v1::OP_OR, 12, 10) == "14");
  CHECK(UIntOp(v1::OP_XOR, 12, 10) == "6");
  CHECK(Show(Unary(types.UInt(), v1::OP_BIT_NOT, Const(types.UInt(), 0u))) == "4294967295");
  CHECK(Show(Unary(types.Int(), v1::OP_BIT_NOT, Const(types.Int(), 0))) == "-1");
}

TEST_CASE_METHOD(Fixture, "every comparison gives a bool") {
  CHECK(Show(Binary(types.Bool(), v1::OP_EQ, Word(1), Word(1))) == "1");
  CHECK(Show(Binary(types.Bool(), v1::OP_NE, Word(1), Word(1))) == "0");
  CHECK(Show(Binary(types.Bool(), v1::OP_LE, Word(1), Word(1))) == "1");
  CHECK(Show(Binary(types.Bool(), v1::OP_GT, Word(2), Word(1))) == "1");
  CHECK(Show(Binary(types.Bool(), v1::OP_GE, Word(0), Word(1))) == "0");
  CHECK(Show(Unary(types.Bool(), v1::OP_NOT, Word(0))) == "1");
}

TEST_CASE_METHOD(Fixture, "logic stops as soon as it knows") {
  const v1::Node fails = Binary(types.Int(), v1::OP_DIV, Const(types.Int(), 1), Const(types.Int(), 0));
  const v1::Node yes = Const<uint8_t>(types.Bool(), 1);
  const v1::Node no = Const<uint8_t>(types.Bool(), 0);
  CHECK(Show(Binary(types.Bool(), v1::OP_LOGICAL_AND, no, fails)) == "0");
  CHECK(Show(Binary(types.Bool(), v1::OP_LOGICAL_OR, yes, fails)) == "1");
  CHECK(Show(Binary(types.Bool(), v1::OP_LOGICAL_AND, yes, fails)) == "error: division by zero");
  CHECK(Show(Binary(types.Bool(), v1::OP_LOGICAL_OR, no, Word(3))) == "1");
  CHECK(Show(Binary(types.Bool(), v1::OP_LOGICAL_AND, yes, Word(0))) == "0");
}

TEST_CASE_METHOD(Fixture, "floating point has the precision of its type") {
  const auto add = [&](uint32_t type, auto left, auto right) {
    const Object object =
        Evaluate(Binary(type, v1::OP_ADD, Const(type, left), Const(type, right)), types.table, memory.image);
    Scalar value;
    v1::ValueStatus status;
    std::string reason;
    REQUIRE(LoadScalar(object, types.table, memory.image, &value, &status, &reason));
    return value.real;
  };
  CHECK(add(types.Float(), 0.1f, 0.2f) == static_cast<long double>(0.1f + 0.2f));
  CHECK(add(types.Double(), 0.1, 0.2) == static_cast<long double>(0.1 + 0.2));
  CHECK(add(types.LongDouble(), 0.1L, 0.2L) == 0.1L + 0.2L);
}

TEST_CASE_METHOD(Fixture, "floating-point division by zero is an infinity, and remainder is refused") {
  const auto divide = [&](double left, double right) {
    return Show(Binary(types.Double(), v1::OP_DIV, Const(types.Double(), left), Const(types.Double(), right)));
  };
  CHECK(divide(1, 0) == "inf");
  CHECK(divide(1, -0.0) == "-inf");
  CHECK(divide(0, 0) == "nan");
  CHECK(divide(1, 4) == "0.250000");
  CHECK(Show(Binary(types.Double(), v1::OP_MOD, Const(types.Double(), 1.0), Const(types.Double(), 2.0))) ==
        "error: operator does not apply to these types");
  const double nan = std::nan("");
  CHECK(Show(Binary(types.Bool(), v1::OP_EQ, Const(types.Double(), nan), Const(types.Double(), nan))) == "0");
}

TEST_CASE_METHOD(Fixture, "80-bit values are read from ten bytes, and encodings that are none are refused") {
  long double value = -2.5L;
  std::string bytes(16, '\0');
  std::memcpy(bytes.data(), &value, 10);
  memory.Bytes(0x1000, bytes.substr(0, 10));
  CHECK(Show(At(types.LongDouble(), 0x1000)) == "-2.500000");
  bytes[7] = 0x20;  // integer bit gone
  memory.Bytes(0x2000, bytes);
  CHECK(Show(At(types.LongDouble(), 0x2000)) == "error: invalid 80-bit floating-point encoding");
}

TEST_CASE_METHOD(Fixture, "conversions are static_cast") {
  CHECK(Show(Convert(types.Short(), Const(types.Int(), 0x12345))) == "9029");
  CHECK(Show(Convert(types.Long(), Const(types.Int(), -1))) == "-1");
  CHECK(Show(Convert(types.Long(), Const(types.UInt(), 0xffffffffu))) == "4294967295");
  CHECK(Show(Convert(types.Int(), Const(types.Double(), -2.9))) == "-2");
  CHECK(Show(Convert(types.Int(), Const(types.Double(), 3e9))) ==
        "error: floating-point value out of range of the type");
  CHECK(Show(Convert(types.UInt(), Const(types.Double(), -1.0))) ==
        "error: floating-point value out of range of the type");
  CHECK(Show(Convert(types.UInt(), Const(types.Double(), -0.5))) == "0");
  CHECK(Show(Convert(types.Int(), Const(types.Double(), std::nan("")))) ==
        "error: floating-point value out of range of the type");
  CHECK(Show(Convert(types.Bool(), Const(types.Double(), 0.5))) == "1");
  CHECK(Show(Convert(types.Bool(), Const(types.Int(), 256))) == "1");
  CHECK(Show(Convert(types.Double(), Const(types.Int(), -3))) == "-3.000000");
  CHECK(Show(Convert(types.Float(), Const(types.Int(), 16777217))) == "16777216.000000");
}

TEST_CASE_METHOD(Fixture, "small operands are promoted to int") {
  const uint32_t byte = types.Add(v1::TYPE_UCHAR, 1, "unsigned char");
  CHECK(Show(Binary(types.Int(), v1::OP_ADD, Const<uint8_t>(byte, 200), Const<uint8_t>(byte, 100))) == "300");
  CHECK(Show(Unary(types.Int(), v1::OP_BIT_NOT, Const<uint8_t>(byte, 0))) == "-1");
}

TEST_CASE_METHOD(Fixture, "128-bit integers overflow at 128 bits") {
  const uint32_t wide = types.Add(v1::TYPE_SIGNED, 16, "__int128");
  const Int128 max = static_cast<Int128>(~Uint128{0} >> 1);
  CHECK(Show(Binary(wide, v1::OP_ADD, Const<Int128>(wide, max), Const<Int128>(wide, 1))) == "error: signed overflow");
  CHECK(Show(Binary(wide, v1::OP_DIV, Const<Int128>(wide, -max - 1), Const<Int128>(wide, -1))) ==
        "error: signed overflow");
  CHECK(Show(Binary(wide, v1::OP_SUB, Const<Int128>(wide, max), Const<Int128>(wide, max - 7))) == "7");
}

TEST_CASE_METHOD(Fixture, "bitfields are cut out of their storage, in memory and in registers") {
  const uint32_t flags = types.Add(v1::TYPE_STRUCT, 8, "Flags");
  memory.Put<uint64_t>(0x1000, 0xfedc'ba98'7654'3210);
  memory.Reg(3, 0xfedc'ba98'7654'3210);
  for (const v1::Node& object : {At(flags, 0x1000), Reg(flags, 3)}) {
    CHECK(Show(Member(types.UInt(), object, 0, 4, 4)) == "1");
    CHECK(Show(Member(types.UInt(), object, 0, 12, 8)) == "1074");
    CHECK(Show(Member(types.Int(), object, 4, 4, 4)) == "-7");
    CHECK(Show(Member(types.Long(), object, 0, 33, 31)) == "-38177488");
    CHECK(Show(Member(types.UInt(), object, 4, 8, 24)) == "254");
    CHECK(Show(Member(types.UInt(), object, 0, 33, 0)) == "error: malformed plan: bitfield is wider than its type");
  }
  CHECK(Show(AddressOf(0, Member(types.UInt(), At(flags, 0x1000), 0, 4, 4))) == "error: a bitfield has no address");
}

TEST_CASE_METHOD(Fixture, "a bitfield of 64 bits may lie in nine bytes") {
  memory.Bytes(0x1000, std::string("\xf0\xff\xff\xff\xff\xff\xff\xff\x07", 9));
  const uint32_t object = types.Add(v1::TYPE_STRUCT, 16, "Packed");
  CHECK(Show(Member(types.Long(), At(object, 0x1000), 0, 64, 4)) == "9223372036854775807");
}

TEST_CASE_METHOD(Fixture, "members of a struct in a register are its bytes") {
  const uint32_t pair = types.Add(v1::TYPE_STRUCT, 8, "Pair");
  memory.Reg(5, 0x0000'0007'ffff'fff9);
  CHECK(Show(Member(types.Int(), Reg(pair, 5), 0)) == "-7");
  CHECK(Show(Member(types.Int(), Reg(pair, 5), 4)) == "7");
  CHECK(Show(Member(types.Int(), Reg(pair, 5), 5)) == "error: malformed plan: member outside of its object");
  CHECK(Show(Member(types.Int(), Reg(pair, 5), ~uint64_t{0})) == "error: malformed plan: member outside of its object");
  CHECK(Show(AddressOf(0, Reg(pair, 5))) == "error: the value is not in memory, it has no address");
}

TEST_CASE_METHOD(Fixture, "pieces of bits are put together, and each bit is known or not") {
  const uint32_t flags = types.Add(v1::TYPE_STRUCT, 4, "Flags");
  memory.Reg(1, 0b1011'0000);
  memory.Put<uint32_t>(0x1000, 0xabcd'1234);
  v1::Node composite = Composite(flags);
  const auto add = [&](uint32_t bits, uint32_t offset, v1::Node value, bool in_memory) {
    AddPiece(&composite, (bits + 7) / 8, std::move(value), in_memory);
    auto* piece = composite.mutable_composite()->mutable_pieces(composite.composite().pieces_size() - 1);
    piece->set_bits(bits);
    piece->set_bit_offset(offset);
  };
  add(3, 4, Reg(0, 1), false);  // 011
  add(5, 0, Unavailable(0, "gone"), false);
  add(12, 4, Word(0x1000), true);  // 0x123
  add(12, 0, Word(0x7f), false);
  CHECK(Show(Member(types.UInt(), composite, 0, 3, 0)) == "3");
  CHECK(Show(Member(types.UInt(), composite, 0, 5, 3)) == "optimized_out: gone");
  CHECK(Show(Member(types.UInt(), composite, 0, 12, 8)) == "291");
  CHECK(Show(Member(types.UInt(), composite, 0, 12, 20)) == "127");
  CHECK(Show(Member(types.UInt(), composite, 0, 4, 0)) == "optimized_out: gone");
  CHECK(Show(Member(types.Short(), composite, 2)) == std::to_string(0x07f1));
  add(9, 0, Word(1), false);
  CHECK(Show(Member(types.UInt(), composite, 0, 3, 0)) ==
        "error: malformed plan: pieces of bits are larger than their object");
}

TEST_CASE_METHOD(Fixture, "a piece that is a floating-point number is its bits") {
  v1::Node composite = Composite(0);
  AddPiece(&composite, 4, Const(types.Float(), 1.5f));
  AddPiece(&composite, 4, Word(0));
  CHECK(Show(composite) == std::to_string(0x3fc0'0000));
  v1::Node whole = Composite(types.Long());
  AddPiece(&whole, 8, Const(types.Double(), -2.0));
  CHECK(Show(whole) == std::to_string(static_cast<int64_t>(0xc000'0000'0000'0000)));
  v1::Node wide = Composite(types.Long());
  AddPiece(&wide, 8, Const(types.LongDouble(), 1.0L));
  CHECK_THAT(Show(wide), ContainsText("larger than a register"));
}

TEST_CASE_METHOD(Fixture, "a scattered struct knows which of its bytes have a value") {
  const uint32_t three = types.Add(v1::TYPE_STRUCT, 24, "Three");
  memory.Reg(1, 11);
  memory.Put<int64_t>(0x1000, 33);
  v1::Node composite = Composite(three);
  AddPiece(&composite, 8, Reg(0, 1));
  AddPiece(&composite, 8, Unavailable(0, "no location at 0x41e3"));
  AddPiece(&composite, 8, Word(0x1000), true);
  CHECK(Show(Member(types.Long(), composite, 0)) == "11");
  CHECK(Show(Member(types.Long(), composite, 8)) == "optimized_out: no location at 0x41e3");
  CHECK(Show(Member(types.Int(), composite, 6)) == "optimized_out: no location at 0x41e3");
  CHECK(Show(Member(types.Long(), composite, 16)) == "33");
  const Object object = Evaluate(composite, types.table, memory.image);
  CHECK(object.status == v1::STATUS_PARTIAL);
  CHECK(object.valid == 0xff00ff);
}

TEST_CASE_METHOD(Fixture, "a scattered struct shows the pieces behind the bytes that are kept") {
  const uint32_t large = types.Add(v1::TYPE_STRUCT, 120, "Large");
  const uint32_t pair = types.Add(v1::TYPE_STRUCT, 16, "Pair");
  memory.Reg(1, 11);
  memory.Put<int64_t>(0x1000, 33);
  memory.Put<int64_t>(0x1018, 44);
  v1::Node composite = Composite(large);
  for (int i = 0; i < 7; ++i) AddPiece(&composite, 8, Reg(0, 1));
  AddPiece(&composite, 32, Word(0x1000), true);          // 56 to 88
  AddPiece(&composite, 8, Unavailable(0, "gone"));       // to 96
  AddPiece(&composite, 8, Word(0x1122'3344'5566'7788));  // to 104
  CHECK(Show(Member(types.Long(), composite, 48)) == "11");
  CHECK(Show(Member(types.Long(), composite, 56)) == "33");
  CHECK(Show(Member(types.Long(), composite, 80)) == "44");
  CHECK(Show(Member(types.Long(), composite, 88)) == "optimized_out: gone");
  CHECK(Show(Member(types.Long(), composite, 96)) == std::to_string(0x1122'3344'5566'7788));
  CHECK(Show(Member(types.UInt(), composite, 100)) == std::to_string(0x1122'3344));
  CHECK(Show(Member(types.UInt(), composite, 100, 4, 12)) == "3");
  CHECK(Show(Member(types.Long(), composite, 104)) == "optimized_out: not described by the debug information");
  CHECK(Show(Member(types.Long(), composite, 116)) == "error: malformed plan: member outside of its object");

  const v1::Node last = Member(pair, composite, 88);
  CHECK(Show(Member(types.Long(), last, 0)) == "optimized_out: gone");
  CHECK(Show(Member(types.Long(), last, 8)) == std::to_string(0x1122'3344'5566'7788));
  const v1::Node across = Member(pair, composite, 80);
  CHECK(Show(Member(types.Long(), across, 0)) == "44");
  CHECK(Show(Member(types.Long(), across, 8)) == "optimized_out: gone");
}

TEST_CASE_METHOD(Fixture, "a member across two pieces behind the bytes that are kept is not made up") {
  const uint32_t large = types.Add(v1::TYPE_STRUCT, 80, "Large");
  memory.Put<int64_t>(0x1000, -1);
  v1::Node composite = Composite(large);
  AddPiece(&composite, 68, Unavailable(0, "gone"));
  AddPiece(&composite, 12, Word(0x1000), true);
  CHECK(Show(Member(types.Int(), composite, 68)) == "-1");
  CHECK(Show(Member(types.Long(), composite, 64)) == "optimized_out: gone");
}

TEST_CASE_METHOD(Fixture, "each missing piece keeps its own reason") {
  const uint32_t pair = types.Add(v1::TYPE_STRUCT, 24, "Pair");
  memory.Fault(0x9000, 8);
  v1::Node composite = Composite(pair);
  AddPiece(&composite, 8, Word(0x9000), true);
  AddPiece(&composite, 8, Unavailable(0, "second"));
  CHECK(Show(Member(types.Long(), composite, 0)) == "unreadable: 0x9000");
  CHECK(Show(Member(types.Long(), composite, 8)) == "optimized_out: second");
  CHECK(Show(Member(types.Long(), composite, 16)) == "optimized_out: not described by the debug information");
}

TEST_CASE_METHOD(Fixture, "a composite that is one place in memory is an object in memory") {
  memory.Put<int32_t>(0x1000, 5);
  v1::Node composite = Composite(types.Int());
  AddPiece(&composite, 4, Word(0x1000), true);
  CHECK(Evaluate(composite, types.table, memory.image).in_memory);
  CHECK(Show(composite) == "5");
}

TEST_CASE_METHOD(Fixture, "composites larger than what is kept in hand are partial, never overflowing") {
  const uint32_t big = types.Add(v1::TYPE_STRUCT, 1 << 20, "Big");
  v1::Node composite = Composite(big);
  for (int i = 0; i < 200; ++i) AddPiece(&composite, 8, Word(7));
  AddPiece(&composite, 0xffffffff, Word(0x1000), true);
  const Object object = Evaluate(composite, types.table, memory.image);
  CHECK(object.status == v1::STATUS_PARTIAL);
  CHECK(object.byte_size == kMaxInlineBytes);
  CHECK(Show(Member(types.Long(), composite, 56)) == "7");
}

TEST_CASE_METHOD(Fixture, "a checked value is an error when its condition is zero") {
  const v1::Node value = Const(types.Int(), 9);
  CHECK(Show(Checked(types.Int(), Word(1), value, "index 7 of 3")) == "9");
  CHECK(Show(Checked(types.Int(), Word(0), value, "index 7 of 3")) == "error: index 7 of 3");
  CHECK(Show(Checked(types.Int(), At(0, 0x10), value, "index 7 of 3")) == "unreadable: 0x10");
}

TEST_CASE_METHOD(Fixture, "self is the address of the object, or stands for one in hand") {
  memory.Put<uint64_t>(0x1008, 42);
  Object object;
  object.type = types.Add(v1::TYPE_STRUCT, 16, "View");
  object.in_memory = true;
  object.address = 0x1000;
  uint64_t word = 0;
  v1::ValueStatus status;
  std::string reason;
  REQUIRE(ReadScalar(EvaluateInside(SelfWord(8), types.table, memory.image, object), types.table, memory.image, &word,
                     &status, &reason));
  CHECK(word == 42);

  v1::Node composite = Composite(object.type);
  AddPiece(&composite, 8, Word(5));
  AddPiece(&composite, 8, Word(6));
  const Object in_hand = Evaluate(composite, types.table, memory.image);
  REQUIRE(ReadScalar(EvaluateInside(SelfWord(8), types.table, memory.image, in_hand), types.table, memory.image, &word,
                     &status, &reason));
  CHECK(word == 6);
  const Object beyond = EvaluateInside(SelfWord(12), types.table, memory.image, in_hand);
  CHECK(beyond.status == v1::STATUS_ERROR);
}

TEST_CASE_METHOD(Fixture, "members of a reference are those of what it refers to") {
  const uint32_t order = types.Add(v1::TYPE_STRUCT, 8, "Order");
  const uint32_t reference = types.Add(v1::TYPE_REFERENCE, 8, "Order &", order);
  memory.Reg(5, 0x1000);
  memory.Put<int32_t>(0x1004, 77);
  CHECK(Show(Member(types.Int(), Reg(reference, 5), 4)) == "77");
}

TEST_CASE_METHOD(Fixture, "hostile plans are errors") {
  CHECK(Show(Reg(4711, 0)) == "error: malformed plan: no such type");
  CHECK(Show(v1::Node()) == "error: malformed plan: empty node");
  CHECK(Show(ConstBytes(types.Int(), "ab")) == "error: malformed plan: constant is shorter than its type");
  const uint32_t structure = types.Add(v1::TYPE_STRUCT, 4, "S");
  CHECK(Show(Binary(structure, v1::OP_ADD, Word(1), Word(1))) == "error: malformed plan: the result is not a scalar");
  CHECK(Show(Binary(0, v1::OP_ADD, At(structure, 0x1000), Word(1))) == "error: not a scalar");
  CHECK(Show(Binary(0, v1::OP_NONE, Word(1), Word(1))) == "error: operator does not apply to these types");
  CHECK(Show(Unary(0, static_cast<v1::Operator>(77), Word(1))) == "error: operator does not apply to these types");
  const uint32_t odd = types.Add(v1::TYPE_SIGNED, 3, "int24");
  CHECK(Show(At(odd, 0x1000)) == "error: not a scalar");
  const uint32_t huge = types.Add(v1::TYPE_UNSIGNED, ~uint64_t{0}, "huge");
  CHECK(Show(At(huge, 0x1000)) == "error: not a scalar");
  CHECK(Show(ConstBytes(huge, "ab")) == "error: malformed plan: constant is shorter than its type");
  const uint32_t quad = types.Add(v1::TYPE_FLOAT, 16, "__float128");
  CHECK(Show(At(quad, 0x1000)) == "error: not a scalar");
}

TEST_CASE_METHOD(Fixture, "depth and size of an expression are limited") {
  v1::Node deep = Word(0);
  for (int i = 0; i < kMaxNodeDepth + 1; ++i) deep = Unary(0, v1::OP_NEG, std::move(deep));
  CHECK(Show(deep) == "error: malformed plan: nested too deeply");
  v1::Node wide = Word(1);
  for (int i = 0; i < 13; ++i) wide = Binary(0, v1::OP_ADD, wide, wide);
  CHECK(Show(wide) == "error: malformed plan: expression too large");
}

}  // namespace
}  // namespace dlog::pipeline
