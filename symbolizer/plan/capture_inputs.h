// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "plan.pb.h"
#include "symbolizer/code/frame_position.h"
#include "symbolizer/code/site_mover.h"

namespace dlog::plan {

// What a plan reads at its site. The plan must have been built with ProbePoint::mark_cfa, so that the CFA is not
// mistaken for the register that it happens to be computed from. `frame`: where the CFA is at the statement; variables
// that are described relative to that register count as slots of the frame too.
// `expressions` are what the plan feeds, with their `types`: values that user space reads from captured registers.
code::CaptureInputs InputsOf(const v1::CapturePlan& plan, const std::vector<v1::BoundExpression>& expressions,
                             const google::protobuf::RepeatedPtrField<v1::Type>& types,
                             const std::optional<code::FramePosition>& frame);

// The sum as a machine word over the registers at the hit.
v1::Node WordOf(const code::RegisterSum& sum);

}  // namespace dlog::plan
