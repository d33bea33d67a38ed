// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "symbolizer/base/addresses.h"
#include "symbolizer/dwarf/module.h"

namespace dlog::dwarf {

// The register that the CFA rule at `address` adds an offset to (7 = rsp, 6 = rbp); none when there is no CFI there or
// the rule is an expression.
std::optional<uint32_t> CfaRegister(const Module& module, LinkAddress address);

// The first address behind `address` where another rule may hold; `address` itself when there is no CFI.
LinkAddress FrameRowEnd(const Module& module, LinkAddress address);

}  // namespace dlog::dwarf
