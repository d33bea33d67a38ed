// SPDX-License-Identifier: Apache-2.0
//
// Member access on the type table: which field a name means and the Node for it.
#pragma once

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "plan.pb.h"
#include "symbolizer/dwarf/type_graph.h"

namespace dlog::plan {

// The base or anonymous member `field` of `object`. A virtual base needs the object in memory: Unimplemented otherwise.
absl::StatusOr<v1::Node> BaseObject(const v1::Node& object, const v1::Field& field);

// The subobject `field` of `object` (a struct or union, in memory, in registers or composite).
v1::Node MemberObject(const v1::Node& object, const v1::Field& field);

// The member called `name` ("total", "Base::total") in `object`: own members first, then anonymous members and bases
// (C++ [class.member.lookup]). NotFound when there is none; InvalidArgument when several bases have it;
// PermissionDenied when it is redacted.
absl::StatusOr<v1::Node> FindMember(const dwarf::TypeGraph& types, const v1::Node& object, std::string_view name);

// The base class subobject of `object`, searched through all levels, whose raw type name matches `pattern`.
absl::StatusOr<v1::Node> FindBase(dwarf::TypeGraph* types, const v1::Node& object, std::string_view pattern);

// All member names that FindMember would accept, for "did you mean".
std::vector<std::string> MemberNames(const dwarf::TypeGraph& types, uint32_t type);

}  // namespace dlog::plan
