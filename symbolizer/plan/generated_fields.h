// SPDX-License-Identifier: Apache-2.0
//
// Classes that a generator wrote (protobuf messages): their fields, by the names that they have in the source of the
// generator.
#pragma once

#include "absl/status/statusor.h"
#include "plan.pb.h"
#include "symbolizer/dwarf/type_graph.h"
#include "visualizer.pb.h"

namespace dlog::plan {

// The shape of the class `type`: MEMBERS, one for each field of `object` (an object inside of it, `self` = the address
// of the whole) whose name `fields` does not leave out. Pointers to classes are shown as what they point to, unions as
// the one of their members that is set, or as a value that is not known when the debug information does not say which
// is. What is redacted stays so. NotFound when there is nothing to show.
absl::StatusOr<v1::Shape> GeneratedFields(const visualizers::Fields& fields, uint32_t type, const v1::Node& object,
                                          dwarf::TypeGraph* types);

}  // namespace dlog::plan
