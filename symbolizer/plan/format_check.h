// SPDX-License-Identifier: Apache-2.0
//
// Whether the format of a template expression fits its type, told before anything is attached.
#pragma once

#include "absl/status/status.h"
#include "plan.pb.h"
#include "symbolizer/dwarf/type_graph.h"
#include "symbolizer/plan/plan_builder.h"

namespace dlog::plan {

// InvalidArgument with the reason when `value.format` cannot be applied to `node`. The formatter itself decides, on a
// value of the same sort as daemon/format would give it.
absl::Status CheckFormatFits(const dwarf::TypeGraph& types, v1::Shape::Kind shape, const v1::Node& node,
                             const SourceExpression& value);

}  // namespace dlog::plan
