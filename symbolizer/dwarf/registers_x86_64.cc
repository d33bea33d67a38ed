// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/registers_x86_64.h"

#include <fmt/format.h>

#include <iterator>

namespace dlog::dwarf {

const char* RegisterName(uint32_t reg) {
  // System V ABI for x86-64, figure 3.36.
  static constexpr const char* kNames[] = {
      "rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp", "r8",
      "r9",  "r10", "r11", "r12", "r13", "r14", "r15", "rip", "fs.base"};  // the last as in plan.proto
  return reg < std::size(kNames) ? kNames[reg] : "?";
}

std::string RegisterClassName(uint64_t reg) {
  if (reg >= 17 && reg <= 32) return fmt::format("xmm{}", reg - 17);
  if (reg >= 33 && reg <= 40) return fmt::format("st{}", reg - 33);
  if (reg >= 41 && reg <= 48) return fmt::format("mm{}", reg - 41);
  if (reg >= 67 && reg <= 82) return fmt::format("xmm{}", reg - 67 + 16);
  if (reg >= 118 && reg <= 125) return fmt::format("k{}", reg - 118);
  if (reg == 58) return "fs.base";
  if (reg == 59) return "gs.base";
  return fmt::format("register {}", reg);
}

}  // namespace dlog::dwarf
