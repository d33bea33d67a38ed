// SPDX-License-Identifier: Apache-2.0
//
// What an expression may not touch when something is redacted (symbolizer/base/redaction_rules.h), by whatever way it
// would get there. The type table carries the marks.
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "plan.pb.h"
#include "symbolizer/dwarf/type_graph.h"

namespace dlog::plan {

// PermissionDenied: "'password' is redacted: its name matches 'password'".
absl::Status Redacted(std::string_view what, std::string_view why);

// OK unless objects of `type`, or what a reference or array of that type is made of, are redacted.
absl::Status CheckTypeVisible(const dwarf::TypeGraph& types, uint32_t type);

// An object that is not in memory, without those of its pieces that hold redacted bytes. PermissionDenied when it
// cannot be taken apart.
absl::StatusOr<v1::Node> WithoutRedactedPieces(const dwarf::TypeGraph& types, v1::Node object);

// Whether a value of pointer type `from` may be looked at as `to`: not when that shows bytes that `from` hides.
absl::Status CheckPointerCast(dwarf::TypeGraph* types, uint32_t from, uint32_t to);

}  // namespace dlog::plan
