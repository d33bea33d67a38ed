// SPDX-License-Identifier: Apache-2.0
//
// What object.cc and evaluator.cc share.
#pragma once

#include <string>

#include "daemon/pipeline/evaluator.h"

namespace dlog::pipeline {

// Stands for the first byte of an object in hand while one of its Shape's nodes runs. Not canonical on x86-64 with 48
// or 57 bits of address, so no captured byte can be there.
inline constexpr uint64_t kPseudoBase = 0xdb00'0000'0000'0000;

Object Failed(uint32_t type, v1::ValueStatus status, std::string reason);

// OK without holes, PARTIAL with some bytes, otherwise the status of the first hole.
void SettleStatus(Object* object);

}  // namespace dlog::pipeline
