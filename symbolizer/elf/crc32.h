// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

namespace dlog::elf {

// The CRC-32 of .gnu_debuglink (IEEE 802.3, reflected, as gdb's gnu_debuglink_crc32).
uint32_t Crc32(std::span<const uint8_t> bytes);

}  // namespace dlog::elf
