// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/dynamic_types.h"

#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <string_view>

#include "symbolizer/dwarf/die.h"
#include "symbolizer/dwarf/names.h"
#include "symbolizer/dwarf/symbols.h"
#include "symbolizer/dwarf/type_layout.h"
#include "symbolizer/dwarf/type_lookup.h"
#include "symbolizer/dwarf/unit_index.h"

namespace dlog::dwarf {
namespace {

constexpr int kMaxBaseDepth = 16;
constexpr size_t kMaxVtables = 2048;
constexpr size_t kMaxInfoBytes = 64u << 20;
constexpr std::string_view kVtableFor = "vtable for ";
constexpr uint64_t kWord = 8;
constexpr uint64_t kAddressPoint = 2 * kWord;  // behind offset-to-top and typeinfo

bool IsClass(const Dwarf_Die& die) { return Tag(die) == DW_TAG_class_type || Tag(die) == DW_TAG_structure_type; }

struct Bases {
  std::vector<std::pair<Dwarf_Die, uint64_t>> direct;  // definitions, with their offsets
  bool known = true;                                   // false: one is virtual or has no definition
};

Bases BasesOf(const Module& module, const Dwarf_Die& definition) {
  Bases out;
  ForEachChild(definition, [&](const Dwarf_Die& child) {
    if (Tag(child) != DW_TAG_inheritance) return true;
    const auto offset = UnsignedOf(child, DW_AT_data_member_location);
    const bool is_virtual = UnsignedOf(child, DW_AT_virtuality).value_or(DW_VIRTUALITY_none) != DW_VIRTUALITY_none;
    const std::optional<Dwarf_Die> type = StripTypedefs(TypeOf(child));
    const std::optional<Dwarf_Die> base = type.has_value() ? DefinitionOf(module, *type) : std::nullopt;
    if (is_virtual || !offset.has_value() || !base.has_value()) {
      out.known = false;
    } else {
      out.direct.emplace_back(*base, *offset);
    }
    return out.known;
  });
  return out;
}

// Whether an object begins with its vtable pointer.
bool BeginsWithVtable(const Module& module, const Dwarf_Die& definition, int depth) {
  bool found = false;
  ForEachChild(definition, [&](const Dwarf_Die& child) {
    found = Tag(child) == DW_TAG_member && std::string_view(NameOf(child)).starts_with("_vptr") &&
            UnsignedOf(child, DW_AT_data_member_location).value_or(0) == 0;
    return !found;
  });
  if (found || depth >= kMaxBaseDepth) return found;
  for (const auto& [base, offset] : BasesOf(module, definition).direct) {
    if (offset == 0 && BeginsWithVtable(module, base, depth + 1)) return true;
  }
  return false;
}

// Where the class called `base` is in `definition`, each time it is. False when that is not known of some base.
bool CollectOffsets(const Module& module, const Dwarf_Die& definition, const std::string& base, uint64_t at, int depth,
                    std::vector<uint64_t>* offsets) {
  const Bases bases = BasesOf(module, definition);
  if (!bases.known || depth >= kMaxBaseDepth) return false;
  for (const auto& [die, offset] : bases.direct) {
    if (QualifiedName(module, die) == base) {
      offsets->push_back(at + offset);
    } else if (!CollectOffsets(module, die, base, at + offset, depth + 1, offsets)) {
      return false;
    }
  }
  return true;
}

// The address point for the base at `offset`. The vtables of a group begin with the negative offset of their base,
// which the file has as it is (no relocation).
std::optional<LinkAddress> AddressPoint(const Module& module, LinkAddress vtable, uint64_t size, uint64_t offset) {
  if (offset == 0) return LinkAddress{vtable.value + kAddressPoint};
  const auto place = module.binary().ToFileOffset(vtable);
  const auto image = module.binary().image();
  if (!place.ok() || place->value > image.size() || size > image.size() - place->value) return std::nullopt;
  std::optional<LinkAddress> found;
  for (uint64_t at = kAddressPoint; at + kAddressPoint <= size; at += kWord) {
    int64_t word;
    std::memcpy(&word, image.data() + place->value + at, sizeof word);
    if (word != -static_cast<int64_t>(offset)) continue;
    if (found.has_value()) return std::nullopt;
    found = LinkAddress{vtable.value + at + kAddressPoint};
  }
  return found;
}

}  // namespace

std::vector<DerivedClass> DerivedClassesOf(const Module& module, const Dwarf_Die& base) {
  const std::optional<Dwarf_Die> definition = DefinitionOf(module, base);
  if (!definition.has_value() || !IsClass(*definition) || !BeginsWithVtable(module, *definition, 0)) return {};
  if (module.sections().Find(".debug_info").size() > kMaxInfoBytes) return {};
  const std::string name = QualifiedName(module, *definition);
  std::vector<DerivedClass> out;
  std::set<std::string> seen;
  std::optional<LinkAddress> own;  // of `base` itself
  size_t vtables = 0;
  ForEachVtableSymbol(module, [&](const char* mangled, LinkAddress address, uint64_t size) {
    if (++vtables > kMaxVtables || out.size() > kMaxDerivedClasses) return;
    const std::string demangled = Demangle(mangled);
    if (!demangled.starts_with(kVtableFor) || demangled.find("(anonymous namespace)") != std::string::npos) return;
    const std::string derived = demangled.substr(kVtableFor.size());
    if (derived == name) own = LinkAddress{address.value + kAddressPoint};
    if (derived == name || !seen.insert(derived).second) return;
    const std::optional<Dwarf_Die> type = ClassNamed(module, derived);
    std::vector<uint64_t> offsets;
    if (!type.has_value() || !CollectOffsets(module, *type, name, 0, 0, &offsets) || offsets.size() != 1) return;
    const auto point = AddressPoint(module, address, size, offsets[0]);
    if (point.has_value()) out.push_back({*type, derived, offsets[0], *point});
  });
  if (vtables > kMaxVtables || out.size() > kMaxDerivedClasses) return {};
  // A linker may fold equal vtables (without typeinfo, of classes that override nothing): they prove nothing then.
  std::map<LinkAddress, size_t> users;
  for (const DerivedClass& derived : out) ++users[derived.vtable];
  std::erase_if(out, [&](const DerivedClass& derived) { return users[derived.vtable] > 1 || own == derived.vtable; });
  return out;
}

}  // namespace dlog::dwarf
