// SPDX-License-Identifier: Apache-2.0
//
// The general registers that carry arguments (System V ABI for x86-64, figure 3.4), in their order. What they held when
// a function was entered can be kept (bpf/abi.h, DLOG_KEPT_REGISTERS).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace dlog::code {

// rdi, rsi, rdx, rcx, r8, r9 as DWARF numbers.
inline constexpr std::array<uint8_t, 6> kArgumentRegisters = {5, 4, 1, 2, 8, 9};

// The position of `reg`, a DWARF number, among them; none when it is no such register.
constexpr std::optional<uint8_t> ArgumentNumber(uint64_t reg) {
  for (size_t n = 0; n < kArgumentRegisters.size(); ++n) {
    if (kArgumentRegisters[n] == reg) return static_cast<uint8_t>(n);
  }
  return std::nullopt;
}

}  // namespace dlog::code
