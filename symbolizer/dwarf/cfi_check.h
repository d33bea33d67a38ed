// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

namespace dlog::dwarf {

// libdw keeps a table as large as the highest register number that the call frame information names, so one hostile
// number costs gigabytes. x86-64 has numbers up to 129.
inline constexpr uint64_t kMaxFrameRegister = 256;

// Whether no instruction of .eh_frame (`is_eh`) or .debug_frame names a register beyond kMaxFrameRegister. Entries that
// cannot be read to their end are skipped: libdw refuses them, too.
bool NamesOnlyRealRegisters(std::span<const uint8_t> section, bool is_eh);

}  // namespace dlog::dwarf
