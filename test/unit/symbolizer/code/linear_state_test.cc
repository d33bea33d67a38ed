// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/code/linear_state.h"

#include <initializer_list>
#include <vector>

#include "test/catch.h"

namespace dlog::code {
namespace {

constexpr uint32_t kRax = 0, kRcx = 2, kRbx = 3, kRsi = 4, kRdi = 5, kRsp = 7;

using Numbers = std::array<uint64_t, 16>;

LinearState After(std::initializer_list<std::vector<uint8_t>> instructions) {
  LinearState state;
  for (const auto& bytes : instructions) {
    auto effects = EffectsOf(bytes, LinkAddress{0x1000});
    REQUIRE(effects.ok());
    state.Apply(*effects);
  }
  return state;
}

uint64_t Evaluate(const RegisterSum& sum, const Numbers& registers) {
  uint64_t value = sum.constant;
  for (size_t i = 0; i < registers.size(); ++i) value += sum.factors[i] * registers[i];
  return value;
}

}  // namespace

TEST_CASE("Sums, differences, multiples and complements can be undone") {
  // mov rax, rdi; neg rax; not rax; inc rax; imul rdi, rax, 5; add rdi, rsi; sub rdi, 9; then rax is lost
  const auto state = After({{0x48, 0x89, 0xf8},
                            {0x48, 0xf7, 0xd8},
                            {0x48, 0xf7, 0xd0},
                            {0x48, 0xff, 0xc0},
                            {0x48, 0x6b, 0xf8, 0x05},
                            {0x48, 0x01, 0xf7},
                            {0x48, 0x83, 0xef, 0x09},
                            {0x48, 0x8b, 0x00}});
  const uint64_t rdi = 1234567;
  const uint64_t rsi = ~uint64_t{0} - 3;
  Numbers now = {};
  now[kRsi] = rsi;
  now[kRdi] = (~(-rdi) + 1) * 5 + rsi - 9;
  now[kRax] = 42;
  const auto sum = state.AtStart(kRdi, 64);
  REQUIRE(sum.has_value());
  CHECK(Evaluate(*sum, now) == rdi);
  CHECK_FALSE(state.AtStart(kRax, 64).has_value());
}

TEST_CASE("An even multiple, a load and an and lose what was there") {
  CHECK_FALSE(After({{0x48, 0xc1, 0xe7, 0x01}}).AtStart(kRdi, 64).has_value());  // shl rdi, 1
  CHECK_FALSE(After({{0x48, 0x8b, 0x3f}}).AtStart(kRdi, 64).has_value());        // mov rdi, [rdi]
  CHECK_FALSE(After({{0x48, 0x83, 0xe7, 0x0f}}).AtStart(kRdi, 64).has_value());  // and rdi, 15
  CHECK_FALSE(After({{0x0f, 0x44, 0xfe}}).AtStart(kRdi, 32).has_value());        // cmove edi, esi
}

TEST_CASE("A number that was read and added is taken away again while a register has it") {
  // mov rax, [rsi]; add rdi, rax
  const auto state = After({{0x48, 0x8b, 0x06}, {0x48, 0x01, 0xc7}});
  const auto sum = state.AtStart(kRdi, 64);
  REQUIRE(sum.has_value());
  Numbers now = {};
  now[kRax] = 30;
  now[kRdi] = 37;
  CHECK(Evaluate(*sum, now) == 7);
  // add rdi, [rsi]: no register has it
  CHECK_FALSE(After({{0x48, 0x03, 0x3e}}).AtStart(kRdi, 64).has_value());
}

TEST_CASE("Operands of 32, 16 and 8 bits are right in as many") {
  const auto half = After({{0x89, 0xf8}, {0x31, 0xff}});  // mov eax, edi; xor edi, edi
  CHECK(half.AtStart(kRdi, 32).has_value());
  CHECK_FALSE(half.AtStart(kRdi, 64).has_value());
  const auto byte = After({{0x40, 0x0f, 0xb6, 0xc7}, {0x31, 0xff}});  // movzx eax, dil; xor edi, edi
  CHECK(byte.AtStart(kRdi, 8).has_value());
  CHECK_FALSE(byte.AtStart(kRdi, 16).has_value());
  CHECK_FALSE(After({{0x88, 0xe0}}).AtStart(kRax, 8).has_value());  // mov al, ah
  const auto cleared = After({{0x31, 0xc0}});                       // xor eax, eax
  REQUIRE(cleared.Now(kRax, 64).has_value());
  CHECK(cleared.Now(kRax, 64)->constant == 0);
}

TEST_CASE("Exchanges and the stack pointer are followed") {
  const auto state = After({{0x48, 0x87, 0xd9}, {0x53}, {0x5e}});  // xchg rcx, rbx; push rbx; pop rsi
  CHECK(state.Now(kRcx, 64)->factors[kRbx] == 1);
  CHECK(state.Now(kRbx, 64)->factors[kRcx] == 1);
  CHECK(state.Now(kRsp, 64)->constant == 0);
  CHECK_FALSE(state.Now(kRsi, 64).has_value());
  CHECK(After({{0x53}}).Now(kRsp, 64)->constant == -uint64_t{8});
}

TEST_CASE("What was known before the start counts") {
  LinearState state = After({{0x48, 0x89, 0xfb}});  // mov rbx, rdi
  state.StartHere();
  auto load = EffectsOf(std::vector<uint8_t>{0x48, 0x8b, 0x3f}, LinkAddress{0x1000});
  REQUIRE(load.ok());
  state.Apply(*load);
  const auto sum = state.AtStart(kRdi, 64);
  REQUIRE(sum.has_value());
  CHECK(sum->factors[kRbx] == 1);
}

}  // namespace dlog::code
