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
// The value that a format shows: `{p:[n]}` the n elements that a pointer points to, `{p:s}` the C string there. The
// node itself for all others, and where the format does not fit (CheckFormatFits says so).
v1::Node WithFormat(dwarf::TypeGraph* types, v1::Node node, std::string_view format);

// For a value that is text whatever the type table says.
absl::Status CheckTextFormat(const SourceExpression& value);

// For a value after WithFormat.
absl::Status CheckFormatFits(const dwarf::TypeGraph& types, const v1::Shape& shape, const v1::Node& node,
                             const SourceExpression& value);

}  // namespace dlog::plan
