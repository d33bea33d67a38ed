// SPDX-License-Identifier: Apache-2.0
//
// A page of code that loads a complete register state, runs one instruction and stores the state again; and the
// memory around it. Everything is at fixed low addresses, so that two runs differ in nothing but the probe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace dlog::code {

constexpr uint64_t kArenaAddress = 0x10000000;  // struct Arena, shared between parent and child
constexpr uint64_t kCodeAddress = 0x20000000;   // the code file, one page
constexpr uint64_t kRipDataAddress = kCodeAddress + 0x1000;
constexpr uint64_t kProbeOffset = 0xc00;  // of the instruction, in the code page and so in the file
constexpr uint64_t kTakenAddress = kCodeAddress + kProbeOffset + 0x40;
constexpr uint64_t kRipDistance = 0x800;  // rip-relative operands of the cases
constexpr size_t kPageSize = 0x1000;
constexpr int kSeeds = 4;  // register states tried per instruction

enum Path : uint64_t { kPathNone = 0, kPathFallThrough = 1, kPathTaken = 2 };

struct alignas(64) Registers {
  uint64_t gpr[16];  // rax rcx rdx rbx rsp rbp rsi rdi r8..r15
  uint64_t flags;
  uint64_t path;
  uint64_t harness_rsp;
  alignas(64) uint8_t fx[512];  // FXSAVE64 image
  alignas(64) uint8_t ymm[16][32];
};

// What an instruction can read and write.
// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): each part has pages of its own, in this order
struct alignas(kPageSize) Arena {
  Registers in;
  alignas(kPageSize) Registers out;
  alignas(kPageSize) uint8_t stack[2 * kPageSize];  // rsp points into the middle
  uint8_t data[2 * kPageSize];                      // rsi, rdi, rbx, r12 point into the middle
};

// One run's result, in memory shared with the parent.
struct Outcome {
  bool done;
  uint64_t ns;  // duration of the run, the stub's work included
  Registers out;
  uint8_t stack[2 * kPageSize];
  uint8_t data[2 * kPageSize];
  uint8_t rip_data[kPageSize];
};

// The bytes of the code page for one instruction of at most 15 bytes.
std::vector<uint8_t> BuildCodePage(std::span<const uint8_t> instruction);

// Writes the inputs of run `seed` into the arena and the rip-relative page; `instruction_length` places the target of
// rip-relative operands. Both must be mapped at their addresses.
void PrepareRun(int seed, size_t instruction_length);

// Calls the code page and copies what came of it.
void RunOnce(Outcome* outcome);

bool HasAvx();

}  // namespace dlog::code
