// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/alignment.h"

#include <algorithm>
#include <optional>

#include "symbolizer/dwarf/die.h"
#include "symbolizer/dwarf/type_layout.h"

namespace dlog::dwarf {
namespace {

constexpr int kMaxDepth = 16;
constexpr uint64_t kMaxAlignment = 4096;

// What the source asks for, of the type and of its members; 1 when it asks for nothing.
uint64_t Requested(const TypeGraph& types, uint32_t type) {
  const std::optional<Dwarf_Die> core = StripTypedefs(types.DieOf(type));
  if (!core.has_value()) return 1;
  uint64_t most = UnsignedOf(*core, DW_AT_alignment).value_or(1);
  ForEachChild(*core, [&](const Dwarf_Die& child) {
    if (Tag(child) == DW_TAG_member) most = std::max(most, UnsignedOf(child, DW_AT_alignment).value_or(1));
    return true;
  });
  return most <= kMaxAlignment ? most : 0;
}

uint64_t Alignment(TypeGraph* types, uint32_t index, int depth) {
  if (depth > kMaxDepth) return 0;
  types->Expand(index);
  const v1::Type type = types->at(index);
  switch (type.kind()) {
    case v1::TYPE_ARRAY:
      return Alignment(types, type.target(), depth + 1);
    case v1::TYPE_STRUCT:
    case v1::TYPE_UNION:
      break;
    case v1::TYPE_OPAQUE:
    case v1::TYPE_FUNCTION:
    case v1::TYPE_VOID:
      return 0;
    default:  // scalars: as large as they are
      return (type.size() & (type.size() - 1)) == 0 ? type.size() : 0;
  }
  uint64_t most = Requested(*types, index);
  for (const v1::Field& field : type.fields()) {
    if (most == 0 || field.is_virtual_base()) return 0;
    const uint64_t inner = Alignment(types, field.type(), depth + 1);
    if (inner == 0 || (field.bit_size() == 0 && field.offset() % inner != 0)) return 0;
    most = std::max(most, inner);
  }
  return most != 0 && type.size() != 0 && type.size() % most == 0 ? most : 0;
}

}  // namespace

uint64_t AlignmentOf(TypeGraph* types, uint32_t type) { return Alignment(types, type, 0); }

}  // namespace dlog::dwarf
