// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "plan.pb.h"
#include "symbolizer/code/frame_position.h"
#include "symbolizer/code/site_mover.h"

namespace dlog::plan {

// What a plan reads at its site. The plan must have been built with ProbePoint::mark_cfa, so that the CFA is not
// mistaken for the register that it happens to be computed from. `frame`: where the CFA is at the statement; variables
// that are described relative to that register count as slots of the frame too.
code::CaptureInputs InputsOf(const v1::CapturePlan& plan, const std::optional<code::FramePosition>& frame);

}  // namespace dlog::plan
