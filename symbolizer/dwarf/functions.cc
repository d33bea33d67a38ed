// SPDX-License-Identifier: Apache-2.0
//
// Functions by name: every concrete instance and every inlined copy.
#include <algorithm>
#include <unordered_map>

#include "symbolizer/dwarf/die.h"
#include "symbolizer/dwarf/edit_distance.h"
#include "symbolizer/dwarf/names.h"
#include "symbolizer/dwarf/scopes.h"

namespace dlog::dwarf {
namespace {

// A function inlined more often than this is too hot and too common to be a useful breakpoint.
constexpr size_t kMaxFunctionMatches = 4096;

// DW_AT_name may carry template arguments; the query's base name never does here.
bool SameBase(std::string_view name, std::string_view base) {
  return name == base || (name.size() > base.size() && name.starts_with(base) && name[base.size()] == '<') ||
         (base.starts_with("operator") && WithoutTemplateArguments(name) == base);
}

class FunctionSearch {
 public:
  FunctionSearch(const Module& module, std::string_view query)
      : module_(module), query_(query), base_(BaseName(query)) {}

  void Unit(const Dwarf_Die& unit) {
    unit_ = unit;
    verdicts_.clear();
    Walk(unit, 0);
  }

  bool full() const { return out_.size() >= kMaxFunctionMatches; }
  std::vector<FunctionMatch> Take() { return std::move(out_); }

 private:
  void Walk(const Dwarf_Die& parent, int depth) {
    if (depth > kMaxDieDepth) return;
    ForEachChild(parent, [&](const Dwarf_Die& child) {
      if (full()) return false;
      switch (Tag(child)) {
        case DW_TAG_subprogram:
          if (!HasCodeAttributes(child)) return true;
          Consider(child, false);
          Walk(child, depth + 1);
          break;
        case DW_TAG_inlined_subroutine:
          Consider(child, true);
          Walk(child, depth + 1);
          break;
        case DW_TAG_namespace:
        case DW_TAG_lexical_block:
        case DW_TAG_class_type:
        case DW_TAG_structure_type:
        case DW_TAG_union_type:
        case DW_TAG_module:
          Walk(child, depth + 1);
          break;
        default:
          break;
      }
      return true;
    });
  }

  // Inlined copies share their origin, so the name is compared once per origin.
  void Consider(const Dwarf_Die& die, bool inlined) {
    const std::optional<Dwarf_Die> origin = ReferenceOf(die, DW_AT_abstract_origin);
    const void* key = origin.has_value() ? origin->addr : die.addr;
    auto [slot, added] = verdicts_.try_emplace(key);
    if (added && SameBase(NameOf(die), base_)) {
      std::string name = FunctionName(module_, unit_, die);
      if (NameMatches(name, query_)) slot->second = std::move(name);
    }
    if (slot->second.empty()) return;
    const std::vector<AddressRange> ranges = RangesOf(module_, die);
    if (ranges.empty()) return;
    out_.push_back({unit_, die, inlined, slot->second, Entry(die, ranges)});
  }

  LinkAddress Entry(Dwarf_Die die, const std::vector<AddressRange>& ranges) const {
    Dwarf_Addr entry = 0;
    if (dwarf_entrypc(&die, &entry) == 0 && module_.binary().IsCode(LinkAddress{entry})) return LinkAddress{entry};
    return ranges.front().begin;
  }

  const Module& module_;
  const std::string query_;
  const std::string base_;
  Dwarf_Die unit_{};
  std::unordered_map<const void*, std::string> verdicts_;  // full name; empty = another function
  std::vector<FunctionMatch> out_;
};

}  // namespace

absl::StatusOr<std::vector<FunctionMatch>> FunctionsNamed(const Module& module, std::string_view name) {
  FunctionSearch search(module, name);
  ForEachUnit(module, false, [&](const Dwarf_Die& unit) {
    search.Unit(unit);
    return !search.full();
  });
  return search.Take();
}

std::vector<std::string> SimilarFunctions(const Module& module, std::string_view name, size_t limit) {
  CloseNames close(BaseName(name));
  // Function symbols: far fewer than DIEs and good enough for a suggestion.
  Elf* elf = dwarf_getelf(module.dwarf());
  Elf_Scn* section = nullptr;
  while (elf != nullptr && (section = elf_nextscn(elf, section)) != nullptr) {
    const Elf64_Shdr* header = elf64_getshdr(section);
    if (header == nullptr || header->sh_type != SHT_SYMTAB || header->sh_entsize != sizeof(Elf64_Sym)) continue;
    const Elf_Data* data = elf_getdata(section, nullptr);
    if (data == nullptr || data->d_buf == nullptr) continue;
    const auto* symbols = static_cast<const Elf64_Sym*>(data->d_buf);
    for (size_t i = 0; i < data->d_size / sizeof(Elf64_Sym); ++i) {
      if (ELF64_ST_TYPE(symbols[i].st_info) != STT_FUNC || symbols[i].st_shndx == SHN_UNDEF) continue;
      const char* mangled = elf_strptr(elf, header->sh_link, symbols[i].st_name);
      if (mangled == nullptr) continue;
      const std::string full = Demangle(mangled);
      const std::string shown = WithoutParameters(full);
      close.Offer(BaseName(full), shown);
    }
  }
  return close.Best(limit);
}

}  // namespace dlog::dwarf
