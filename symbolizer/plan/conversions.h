// SPDX-License-Identifier: Apache-2.0
//
// C++'s scalar conversions on the type table: promotions, usual arithmetic conversions, folding of literals.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "plan.pb.h"
#include "symbolizer/dwarf/type_graph.h"

namespace dlog::plan {

bool IsInteger(const v1::Type& type);  // bool, characters, enums and integers up to 8 bytes
bool IsFloat(const v1::Type& type);
bool IsArithmetic(const v1::Type& type);  // IsInteger or IsFloat
bool IsPointer(const v1::Type& type);
bool IsScalar(const v1::Type& type);  // arithmetic or pointer
bool IsSignedInteger(const v1::Type& type);

// A fundamental type by its C++ name ("int", "unsigned long", "double", "bool", ...).
uint32_t Fundamental(dwarf::TypeGraph* types, std::string_view name);

bool IsFundamental(std::string_view name);

// Integral promotion ([conv.prom]); floats and pointers stay.
uint32_t Promoted(dwarf::TypeGraph* types, uint32_t type);
// The common type of two arithmetic types ([expr.arith.conv]).
uint32_t CommonType(dwarf::TypeGraph* types, uint32_t left, uint32_t right);

// `node` converted to the scalar type `to`; the node itself when nothing changes, a new constant when it is a literal.
v1::Node Converted(const dwarf::TypeGraph& types, v1::Node node, uint32_t to);

}  // namespace dlog::plan
