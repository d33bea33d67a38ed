// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/elf/crc32.h"

#include <isa-l/crc.h>

namespace dlog::elf {

uint32_t Crc32(std::span<const uint8_t> bytes, uint32_t so_far) {
  return crc32_gzip_refl(so_far, bytes.data(), bytes.size());
}

}  // namespace dlog::elf
