// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Zydis/Zydis.h>

#include <cstdint>
#include <optional>

namespace dlog::code {

// The DWARF number of the general register that `reg` is, or is a part of; none for other registers.
inline std::optional<uint32_t> DwarfNumberOf(ZydisRegister reg) {
  // Zydis numbers 64-bit registers in encoding order, DWARF differently.
  constexpr uint8_t kDwarfOfEncoding[16] = {0, 2, 1, 3, 7, 6, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15};
  const ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);
  if (whole < ZYDIS_REGISTER_RAX || whole > ZYDIS_REGISTER_R15) return std::nullopt;
  return kDwarfOfEncoding[whole - ZYDIS_REGISTER_RAX];
}

}  // namespace dlog::code
