// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/plan/members.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "symbolizer/dwarf/slice.h"
#include "symbolizer/plan/nodes.h"
#include "symbolizer/visualizers/catalog.h"

namespace dlog::plan {
namespace {

constexpr int kMaxMemberDepth = 32;

absl::StatusOr<v1::Node> FindMemberAt(const dwarf::TypeGraph& types, const v1::Node& object, std::string_view name,
                                      int depth) {
  if (depth > kMaxMemberDepth) return absl::NotFoundError("class hierarchy too deep");
  const v1::Type& type = types.at(object.type());
  for (const v1::Field& field : type.fields()) {
    if (!field.is_base() && field.name() == name) return MemberObject(object, field);
  }
  bool behind_virtual_base = false;
  for (const v1::Field& field : type.fields()) {
    if (!field.is_base() && !field.name().empty()) continue;
    if (field.is_virtual_base()) {
      v1::Node base = MemoryObject(Word(0), field.type());
      behind_virtual_base = behind_virtual_base || FindMemberAt(types, base, name, depth + 1).ok();
      continue;
    }
    auto found = FindMemberAt(types, MemberObject(object, field), name, depth + 1);
    if (found.ok() || absl::IsUnimplemented(found.status())) return found;
  }
  if (behind_virtual_base) {
    return absl::UnimplementedError(absl::StrCat("'", std::string(name), "' is a member of a virtual base class"));
  }
  return absl::NotFoundError(absl::StrCat("no member '", std::string(name), "' in ", type.name()));
}

void CollectNames(const dwarf::TypeGraph& types, uint32_t type, int depth, std::vector<std::string>* names) {
  constexpr size_t kMaxNames = 4096;
  if (depth > kMaxMemberDepth) return;
  for (const v1::Field& field : types.at(type).fields()) {
    if (names->size() >= kMaxNames) return;
    if (field.is_base() || field.name().empty()) {
      CollectNames(types, field.type(), depth + 1, names);
    } else {
      names->push_back(field.name());
    }
  }
}

absl::StatusOr<v1::Node> FindBaseAt(dwarf::TypeGraph* types, const v1::Node& object, std::string_view pattern,
                                    int depth) {
  if (depth > kMaxMemberDepth) return absl::NotFoundError("class hierarchy too deep");
  const int fields = types->at(object.type()).fields_size();
  for (int i = 0; i < fields; ++i) {
    const v1::Field field = types->at(object.type()).fields(i);
    if (!field.is_base() || field.is_virtual_base()) continue;
    v1::Node base = MemberObject(object, field);
    if (visualizers::MatchesPattern(pattern, types->raw_name(field.type()))) return base;
    auto deeper = FindBaseAt(types, base, pattern, depth + 1);
    if (deeper.ok()) return deeper;
  }
  return absl::NotFoundError(absl::StrCat("no base class ", std::string(pattern)));
}

}  // namespace

absl::StatusOr<v1::Node> FindBase(dwarf::TypeGraph* types, const v1::Node& object, std::string_view pattern) {
  return FindBaseAt(types, object, pattern, 0);
}

v1::Node MemberObject(const v1::Node& object, const v1::Field& field) {
  if (object.has_checked()) {
    v1::Node inner = MemberObject(object.checked().value(), field);
    return MakeChecked(object.checked().condition(), std::move(inner), object.checked().reason());
  }
  if (object.has_composite() && field.bit_size() == 0) {
    // A pointer among the pieces that only stands for what it points to.
    v1::Node location = object;
    location.set_type(0);
    auto slice = dwarf::SliceLocation(location, field.offset(), 8);
    if (slice.ok() && slice->has_implicit_pointer()) {
      slice->set_type(field.type());
      return *std::move(slice);
    }
  }
  if (object.has_memory() && field.bit_size() == 0) {
    return MemoryObject(AddOffset(object.memory(), static_cast<int64_t>(field.offset())), field.type());
  }
  v1::Node node;
  node.set_type(field.type());
  v1::Member* member = node.mutable_member();
  *member->mutable_object() = object;
  member->set_offset(field.offset());
  member->set_bit_size(field.bit_size());
  member->set_bit_offset(field.bit_offset());
  return node;
}

absl::StatusOr<v1::Node> FindMember(const dwarf::TypeGraph& types, const v1::Node& object, std::string_view name) {
  return FindMemberAt(types, object, name, 0);
}

std::vector<std::string> MemberNames(const dwarf::TypeGraph& types, uint32_t type) {
  std::vector<std::string> names;
  CollectNames(types, type, 0, &names);
  return names;
}

}  // namespace dlog::plan
