// SPDX-License-Identifier: Apache-2.0
//
// NT_GNU_BUILD_ID notes and their spelling.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace dlog::elf {

// The kernel and ld use 8 to 64 bytes; anything else is not a build-id.
inline constexpr size_t kMinBuildIdSize = 8;
inline constexpr size_t kMaxBuildIdSize = 64;

// Descriptor bytes of the first NT_GNU_BUILD_ID note in `notes` (the content of a PT_NOTE segment or SHT_NOTE section
// with entries padded to `alignment`, 4 or 8); empty when there is none or the notes are malformed.
std::string BuildIdFromNotes(std::span<const uint8_t> notes, uint64_t alignment);

// Lower-case hexadecimal; "none" when empty.
std::string BuildIdHex(std::string_view build_id);

}  // namespace dlog::elf
