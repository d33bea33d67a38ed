// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <memory>
#include <optional>

#include "symbolizer/base/addresses.h"
#include "symbolizer/code/frame_position.h"
#include "symbolizer/dwarf/module.h"

namespace dlog::dwarf {

// The register that the CFA rule at `address` adds an offset to (7 = rsp, 6 = rbp); none when there is no CFI there or
// the rule is an expression.
std::optional<uint32_t> CfaRegister(const Module& module, LinkAddress address);

// The row of the call frame information for `address`; null when there is none. .debug_frame is asked first: .eh_frame
// may lack functions that never unwind.
using FrameRow = std::unique_ptr<Dwarf_Frame, decltype(&std::free)>;
FrameRow FrameAt(const Module& module, LinkAddress address);

// The first address behind `address` where another rule may hold; `address` itself when there is no CFI.
LinkAddress FrameRowEnd(const Module& module, LinkAddress address);

// The rule itself: CFA = register + offset. None as CfaRegister.
std::optional<code::FramePosition> CfaPosition(const Module& module, LinkAddress address);

}  // namespace dlog::dwarf
