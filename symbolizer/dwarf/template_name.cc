// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/template_name.h"

#include <dwarf.h>
#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "symbolizer/dwarf/die.h"
#include "symbolizer/dwarf/type_layout.h"
#include "symbolizer/dwarf/type_name.h"
#include "symbolizer/dwarf/unit_index.h"

namespace dlog::dwarf {
namespace {

constexpr size_t kMaxArgumentText = 4096;

// As clang spells literals in full names: 5, 5U, 5L, 5UL, true, 'c'.
std::string ValueText(const Module& module, const Dwarf_Die& parameter) {
  auto attribute = Own(parameter, DW_AT_const_value);
  const std::optional<Dwarf_Die> type = TypeOf(parameter);
  Dwarf_Sword value = 0;
  if (!attribute.has_value() || dwarf_formsdata(&*attribute, &value) != 0) return "?";
  const std::optional<Dwarf_Die> core = StripTypedefs(type);
  const std::string name = RawTypeName(module, core);
  if (name == "bool") return value != 0 ? "true" : "false";
  if (name == "char" && value >= 0x20 && value < 0x7f) return fmt::format("'{}'", static_cast<char>(value));
  static constexpr std::pair<std::string_view, std::string_view> kSuffixes[] = {
      {"unsigned int", "U"},      {"long", "L"},       {"long int", "L"},
      {"unsigned long", "UL"},    {"long long", "LL"}, {"unsigned long long", "ULL"},
      {"long unsigned int", "UL"}};
  for (const auto& [of, suffix] : kSuffixes) {
    if (name != of) continue;
    return name.starts_with("unsigned") || name == "long unsigned int"
               ? fmt::format("{}{}", static_cast<uint64_t>(value), suffix)
               : fmt::format("{}{}", value, suffix);
  }
  const bool is_enumeration = core.has_value() && Tag(*core) == DW_TAG_enumeration_type;
  return is_enumeration ? fmt::format("({}){}", name, value) : fmt::format("{}", value);
}

void AppendArguments(const Module& module, const Dwarf_Die& parent, int depth, std::string* out) {
  if (depth > kMaxOriginHops) return;
  ForEachChild(parent, [&](const Dwarf_Die& child) {
    const int tag = Tag(child);
    if (tag == DW_TAG_GNU_template_parameter_pack) {
      AppendArguments(module, child, depth + 1, out);
      return true;
    }
    std::string argument;
    if (tag == DW_TAG_template_type_parameter) {
      argument = RawTypeName(module, TypeOf(child));
    } else if (tag == DW_TAG_template_value_parameter) {
      argument = ValueText(module, child);
    } else if (tag == DW_TAG_GNU_template_template_param) {
      auto attribute = Own(child, DW_AT_GNU_template_name);
      const char* text = attribute.has_value() ? dwarf_formstring(&*attribute) : nullptr;
      argument = text == nullptr ? "?" : text;
    } else {
      return true;
    }
    *out += (out->empty() ? "" : ", ") + argument;
    return out->size() < kMaxArgumentText;
  });
}

}  // namespace

std::string TemplateName(const Module& module, const Dwarf_Die& die) {
  const std::string_view name = NameOf(die);
  if (name.empty() || name.find('<') != std::string_view::npos || !IsCpp(UnitOf(die))) return std::string(name);
  auto& known = module.cache().template_arguments;
  const auto [slot, added] = known.try_emplace(die.addr);
  // An argument that names the type itself (CRTP) finds the slot empty and so ends.
  if (added) {
    std::string arguments;
    AppendArguments(module, die, 0, &arguments);
    known[die.addr] = arguments;
    return std::string(name) + (arguments.empty() ? "" : "<" + arguments + ">");
  }
  return std::string(name) + (slot->second.empty() ? "" : "<" + slot->second + ">");
}

}  // namespace dlog::dwarf
