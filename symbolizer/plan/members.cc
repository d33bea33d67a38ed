// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/plan/members.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "symbolizer/dwarf/slice.h"
#include "symbolizer/plan/nodes.h"
#include "symbolizer/plan/redacted.h"
#include "symbolizer/visualizers/catalog.h"

namespace dlog::plan {
namespace {

constexpr int kMaxMemberDepth = 32;

// A member that was found, and the virtual base through which: the same one may be reached in several ways.
struct Match {
  v1::Node node;
  uint32_t virtual_base = 0;  // type index; 0 = none
};

absl::StatusOr<Match> FindMemberAt(const dwarf::TypeGraph& types, const v1::Node& object, std::string_view name,
                                   int depth) {
  const v1::Type& type = types.at(object.type());
  const auto not_found = [&] {
    return absl::NotFoundError(absl::StrCat("no member '", std::string(name), "' in ", type.name()));
  };
  if (depth > kMaxMemberDepth) return not_found();
  for (const v1::Field& field : type.fields()) {
    if (field.is_base() || field.name() != name) continue;
    if (!field.redacted().empty()) return Redacted(name, field.redacted());
    return Match{MemberObject(object, field)};
  }
  absl::StatusOr<Match> found = not_found();
  for (const v1::Field& field : type.fields()) {
    if (!field.is_base() && !field.name().empty()) continue;
    auto base = BaseObject(object, field);
    // The name may be in a virtual base of an object that is not in memory: that is another answer than "no such name".
    const bool placed = base.ok();
    if (!placed) base = MemoryObject(Word(0), field.type());
    auto in_base = FindMemberAt(types, *base, name, depth + 1);
    if (absl::IsNotFound(in_base.status())) continue;
    if (!in_base.ok()) return in_base;
    if (!placed) {
      return absl::UnimplementedError(
          absl::StrCat("'", std::string(name), "' is a member of a virtual base of an object that is not in memory"));
    }
    if (field.is_virtual_base()) in_base->virtual_base = field.type();
    if (found.ok() && (in_base->virtual_base == 0 || in_base->virtual_base != found->virtual_base)) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", std::string(name), "' is in more than one base class of ", type.name()));
    }
    if (!found.ok()) found = *std::move(in_base);
  }
  return found;
}

// Whether a type called `have` is what `qualifier` names: "shop::Order" is "Order".
bool IsCalled(std::string_view have, std::string_view qualifier) {
  return have == qualifier || (have.size() > qualifier.size() + 1 && have.ends_with(qualifier) &&
                               have[have.size() - qualifier.size() - 1] == ':');
}

// The part of `object` that is a `qualifier`: itself or a base.
absl::StatusOr<v1::Node> FindNamedBase(const dwarf::TypeGraph& types, const v1::Node& object,
                                       std::string_view qualifier, int depth) {
  const v1::Type& type = types.at(object.type());
  if (IsCalled(type.name(), qualifier)) return object;
  if (depth < kMaxMemberDepth) {
    for (const v1::Field& field : type.fields()) {
      auto base = field.is_base() ? BaseObject(object, field) : absl::NotFoundError("no base");
      if (base.ok()) base = FindNamedBase(types, *base, qualifier, depth + 1);
      if (base.ok()) return base;
    }
  }
  return absl::NotFoundError(absl::StrCat("no base class '", std::string(qualifier), "' in ", type.name()));
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

absl::StatusOr<v1::Node> BaseObject(const v1::Node& object, const v1::Field& field) {
  if (!field.is_virtual_base()) return MemberObject(object, field);
  if (object.has_checked()) {
    auto inner = BaseObject(object.checked().value(), field);
    if (!inner.ok()) return inner;
    return MakeChecked(object.checked().condition(), *std::move(inner), object.checked().reason());
  }
  if (!field.has_base_address() || !IsInMemory(object)) {
    return absl::UnimplementedError(absl::StrCat("the virtual base cannot be located"));
  }
  return MemoryObject(SubstituteSelf(field.base_address(), AddressOf(object)), field.type());
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
  if (const size_t colons = name.rfind("::"); colons != std::string_view::npos) {
    auto base = FindNamedBase(types, object, name.substr(0, colons), 0);
    return base.ok() ? FindMember(types, *base, name.substr(colons + 2)) : base;
  }
  auto found = FindMemberAt(types, object, name, 0);
  if (!found.ok()) return found.status();
  return std::move(found->node);
}

std::vector<std::string> MemberNames(const dwarf::TypeGraph& types, uint32_t type) {
  std::vector<std::string> names;
  CollectNames(types, type, 0, &names);
  return names;
}

}  // namespace dlog::plan
