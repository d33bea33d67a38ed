// SPDX-License-Identifier: Apache-2.0
//
// What alignment the compiler gave a type (System V ABI for x86-64, 3.1.2), and what was asked for beyond it
// (DW_AT_alignment, DWARF 5 section 2.24).
#pragma once

#include <cstdint>

#include "symbolizer/dwarf/type_graph.h"

namespace dlog::dwarf {

// Bytes. 0 when it is not known: incomplete types, virtual bases, members that lie as no alignment would have them
// (packed). Expands what lies inside the type.
uint64_t AlignmentOf(TypeGraph* types, uint32_t type);

}  // namespace dlog::dwarf
