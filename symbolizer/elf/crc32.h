// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

namespace dlog::elf {

// CRC-32 as in zlib and .gnu_debuglink (polynomial 0xedb88320); `so_far` is the CRC of what came before.
uint32_t Crc32(std::span<const uint8_t> bytes, uint32_t so_far = 0);

}  // namespace dlog::elf
