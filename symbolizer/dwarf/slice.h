// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "plan.pb.h"

namespace dlog::dwarf {

// Bytes [offset, offset + size) of the object at `location` (as LocationOf gives it), as a location of their own,
// without a type. OutOfRange when the object is known to be smaller; Unimplemented for objects in pieces of bits.
absl::StatusOr<v1::Node> SliceLocation(const v1::Node& location, uint64_t offset, uint64_t size);

}  // namespace dlog::dwarf
