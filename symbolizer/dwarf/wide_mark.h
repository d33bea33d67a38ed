// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace dlog::dwarf {

// As kFloatMark and kSignedMark (nodes.h), and below both: the unsigned integer of 16 bytes.
inline constexpr uint32_t kWideMark = 0xfffd'0000 | 16;

}  // namespace dlog::dwarf
