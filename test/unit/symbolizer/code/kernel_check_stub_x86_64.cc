// SPDX-License-Identifier: Apache-2.0
#include "test/unit/symbolizer/code/kernel_check_stub_x86_64.h"

#include <chrono>
#include <cstring>

namespace dlog::code {
namespace {

constexpr uint32_t kFallThroughOffset = 0x400;
constexpr uint32_t kTakenOffset = 0x800;
constexpr int kRsp = 4;
constexpr uint8_t kInt3 = 0xcc;

constexpr uint32_t In(size_t offset) { return static_cast<uint32_t>(kArenaAddress + offsetof(Arena, in) + offset); }
constexpr uint32_t Out(size_t offset) { return static_cast<uint32_t>(kArenaAddress + offsetof(Arena, out) + offset); }

class Assembler {
 public:
  explicit Assembler(std::vector<uint8_t>* page) : page_(page) {}

  void Seek(size_t offset) { at_ = offset; }
  void Bytes(std::initializer_list<uint8_t> bytes) {
    for (uint8_t byte : bytes) (*page_)[at_++] = byte;
  }
  void Word32(uint32_t value) {
    std::memcpy(page_->data() + at_, &value, sizeof value);
    at_ += sizeof value;
  }
  // An operand [address] for an instruction whose ModRM.reg is `reg`.
  void Absolute(int reg, uint32_t address) {
    Bytes({static_cast<uint8_t>(0x04 | (reg & 7) << 3), 0x25});
    Word32(address);
  }
  void MoveGpr(uint8_t opcode, int reg, uint32_t address) {
    Bytes({static_cast<uint8_t>(reg >= 8 ? 0x4c : 0x48), opcode});
    Absolute(reg, address);
  }
  void LoadGpr(int reg, uint32_t address) { MoveGpr(0x8b, reg, address); }
  void StoreGpr(int reg, uint32_t address) { MoveGpr(0x89, reg, address); }
  void MoveYmm(uint8_t opcode, int reg, uint32_t address) {
    Bytes({0xc5, static_cast<uint8_t>(reg >= 8 ? 0x7e : 0xfe), opcode});
    Absolute(reg, address);
  }
  void Jump(size_t target) {
    Bytes({0xe9});
    Word32(static_cast<uint32_t>(target - (at_ + 4)));
  }

 private:
  std::vector<uint8_t>* page_;
  size_t at_ = 0;
};

void EmitEntry(Assembler& a) {
  a.Seek(0);
  a.Bytes({0x53, 0x55, 0x41, 0x54, 0x41, 0x55, 0x41, 0x56, 0x41, 0x57});  // push rbx, rbp, r12-r15
  a.StoreGpr(kRsp, Out(offsetof(Registers, harness_rsp)));
  a.Bytes({0x48, 0x0f, 0xae});  // fxrstor64
  a.Absolute(1, In(offsetof(Registers, fx)));
  for (int i = 0; HasAvx() && i < 16; ++i) a.MoveYmm(0x6f, i, In(offsetof(Registers, ymm) + 32 * i));
  a.Bytes({0xff});  // push [flags]
  a.Absolute(6, In(offsetof(Registers, flags)));
  a.Bytes({0x9d});  // popfq
  for (int i = 0; i < 16; ++i) a.LoadGpr(i, In(offsetof(Registers, gpr) + 8 * i));
  a.Jump(kProbeOffset);
}

void EmitExit(Assembler& a, size_t offset, Path path) {
  a.Seek(offset);
  for (int i = 0; i < 16; ++i) a.StoreGpr(i, Out(offsetof(Registers, gpr) + 8 * i));
  a.Bytes({0x48, 0xc7});  // mov qword [path], imm32
  a.Absolute(0, Out(offsetof(Registers, path)));
  a.Word32(path);
  a.LoadGpr(kRsp, Out(offsetof(Registers, harness_rsp)));
  a.Bytes({0x9c, 0x8f});  // pushfq; pop [flags]
  a.Absolute(0, Out(offsetof(Registers, flags)));
  a.Bytes({0xfc});  // cld
  for (int i = 0; HasAvx() && i < 16; ++i) a.MoveYmm(0x7f, i, Out(offsetof(Registers, ymm) + 32 * i));
  a.Bytes({0x48, 0x0f, 0xae});  // fxsave64
  a.Absolute(0, Out(offsetof(Registers, fx)));
  a.Bytes({0xdb, 0xe3});  // fninit
  if (HasAvx()) a.Bytes({0xc5, 0xf8, 0x77});
  a.Bytes({0x41, 0x5f, 0x41, 0x5e, 0x41, 0x5d, 0x41, 0x5c, 0x5d, 0x5b, 0xc3});
}

uint64_t Scramble(uint64_t value) {  // splitmix64: the same inputs in every run
  value += 0x9e3779b97f4a7c15;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

void Fill(uint8_t* bytes, size_t size, uint64_t seed) {
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<uint8_t>(Scramble(seed * 0x10001 + i));
}

void FillFloats(Registers* in, int seed) {
  in->fx[0] = 0x7f;  // FCW 0x037f
  in->fx[1] = 0x03;
  in->fx[4] = 0x0f;  // st0..st3 in use
  const uint32_t mxcsr = 0x1f80;
  std::memcpy(in->fx + 24, &mxcsr, sizeof mxcsr);
  for (int i = 0; i < 4; ++i) {
    const long double value = 1.5L + seed * 100 + i;
    std::memcpy(in->fx + 32 + 16 * i, &value, 10);
  }
  for (int i = 0; i < 16; ++i) {
    const double values[4] = {1.25 + i + seed, -3.5 * (i + 1), 1000.0 / (i + 1), 0.5 + seed};
    std::memcpy(in->ymm[i], values, sizeof values);
    std::memcpy(in->fx + 160 + 16 * i, values, 16);
  }
}

}  // namespace

bool HasAvx() { return __builtin_cpu_supports("avx") != 0; }

std::vector<uint8_t> BuildCodePage(std::span<const uint8_t> instruction) {
  std::vector<uint8_t> page(kPageSize, kInt3);
  Assembler a(&page);
  EmitEntry(a);
  EmitExit(a, kFallThroughOffset, kPathFallThrough);
  EmitExit(a, kTakenOffset, kPathTaken);
  std::memcpy(page.data() + kProbeOffset, instruction.data(), instruction.size());
  a.Seek(kProbeOffset + instruction.size());
  a.Jump(kFallThroughOffset);
  a.Seek(kTakenAddress - kCodeAddress);
  a.Jump(kTakenOffset);
  return page;
}

void PrepareRun(int seed, size_t instruction_length) {
  auto* arena = reinterpret_cast<Arena*>(kArenaAddress);
  auto* rip_data = reinterpret_cast<uint8_t*>(kRipDataAddress);
  const uint64_t taken = kTakenAddress;
  std::memset(&arena->in, 0, sizeof arena->in);
  std::memset(&arena->out, 0, sizeof arena->out);
  Fill(arena->stack, sizeof arena->stack, 1 + seed);
  Fill(arena->data, sizeof arena->data, 11 + seed);
  Fill(rip_data, kPageSize, 21 + seed);

  uint8_t* sp = arena->stack + kPageSize;
  uint8_t* data = arena->data + kPageSize;
  const uint32_t mxcsr = 0x1f80;
  const uint16_t fcw = 0x037f;
  std::memcpy(sp, &taken, sizeof taken);
  std::memcpy(sp - 8, &mxcsr, sizeof mxcsr);
  std::memcpy(sp - 4, &fcw, sizeof fcw);
  std::memcpy(data + 0x40, &taken, sizeof taken);
  const uint64_t rip_target = kCodeAddress + kProbeOffset + instruction_length + kRipDistance;
  std::memcpy(rip_data + (rip_target - kRipDataAddress), &taken, sizeof taken);

  Registers& in = arena->in;
  for (int i = 8; i < 16; ++i) in.gpr[i] = Scramble(100 * (seed + 1) + i);
  in.gpr[0] = taken;
  in.gpr[1] = 3;                                         // rcx: divisor, count, shift
  in.gpr[2] = 1;                                         // rdx
  in.gpr[3] = reinterpret_cast<uint64_t>(data) + 0x100;  // rbx
  in.gpr[kRsp] = reinterpret_cast<uint64_t>(sp);
  in.gpr[5] = reinterpret_cast<uint64_t>(sp) + 0x200;    // rbp
  in.gpr[6] = reinterpret_cast<uint64_t>(data);          // rsi
  in.gpr[7] = reinterpret_cast<uint64_t>(data) + 0x200;  // rdi
  in.gpr[11] = taken;
  in.gpr[12] = reinterpret_cast<uint64_t>(data) + 0x300;
  // Nothing set, everything set, and two mixtures: each condition is once true and once false.
  constexpr uint64_t kFlags[kSeeds] = {0x202, 0x202 | 0x8d5, 0x202 | 0x81, 0x202 | 0x844};
  in.flags = kFlags[seed];
  FillFloats(&in, seed);
}

void RunOnce(Outcome* outcome) {
  auto* arena = reinterpret_cast<Arena*>(kArenaAddress);
  const auto start = std::chrono::steady_clock::now();
  reinterpret_cast<void (*)()>(kCodeAddress)();
  outcome->ns = static_cast<uint64_t>((std::chrono::steady_clock::now() - start).count());
  outcome->out = arena->out;
  std::memcpy(outcome->stack, arena->stack, sizeof outcome->stack);
  std::memcpy(outcome->data, arena->data, sizeof outcome->data);
  std::memcpy(outcome->rip_data, reinterpret_cast<uint8_t*>(kRipDataAddress), sizeof outcome->rip_data);
  outcome->done = true;
}

}  // namespace dlog::code
