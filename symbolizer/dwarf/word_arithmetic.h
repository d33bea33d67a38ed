// SPDX-License-Identifier: Apache-2.0
//
// Signed arithmetic out of the machine word's unsigned operators.
#pragma once

#include <cstdint>

#include "plan.pb.h"

namespace dlog::dwarf {

inline constexpr uint64_t kSignBit = uint64_t{1} << 63;

// Cuts to `size` bytes and extends again; sign extension in unsigned arithmetic: ((x & mask) ^ s) - s.
v1::Node Extend(v1::Node word, uint32_t size, bool is_signed);
// (x >>signed n) = ((x >>unsigned n) ^ m) - m with m = sign bit >> n; n < 64.
v1::Node ShiftRightSigned(v1::Node x, const v1::Node& n);
// All ones when negative, else zero.
v1::Node SignOf(const v1::Node& word);
// -x when `sign` is all ones, x when it is zero.
v1::Node ApplySign(v1::Node x, const v1::Node& sign);
// Signed division truncates; the machine word's is unsigned: divide magnitudes, then put the sign back.
v1::Node DivideSigned(const v1::Node& left, const v1::Node& right);
// `value` if `condition` holds at the hit.
v1::Node CheckedNode(v1::Node condition, v1::Node value, const char* reason);

}  // namespace dlog::dwarf
