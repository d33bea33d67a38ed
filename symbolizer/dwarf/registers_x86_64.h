// SPDX-License-Identifier: Apache-2.0
//
// DWARF register numbers of x86-64 (System V ABI, figure 3.36).
#pragma once

#include <cstdint>
#include <string>

namespace dlog::dwarf {

inline constexpr uint32_t kFirstXmm = 17;

// xmm0 to xmm15, which can be captured; 16 to 31 have other numbers.
constexpr bool IsXmm(uint64_t reg) { return reg >= kFirstXmm && reg < kFirstXmm + 16; }

// "rax" ... "rip" for 0 to 16; "?" beyond.
const char* RegisterName(uint32_t reg);
// "xmm0", "st1", "k2": a register that cannot be captured; "register 99" when it has no name here.
std::string RegisterClassName(uint64_t reg);

}  // namespace dlog::dwarf
