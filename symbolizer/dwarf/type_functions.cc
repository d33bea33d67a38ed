// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/type_functions.h"

#include <map>
#include <optional>
#include <set>
#include <string_view>

#include "symbolizer/dwarf/callers.h"
#include "symbolizer/dwarf/die.h"
#include "symbolizer/dwarf/names.h"
#include "symbolizer/dwarf/symbols.h"
#include "symbolizer/dwarf/unit_index.h"

namespace dlog::dwarf {
namespace {

constexpr size_t kMaxDemangled = 4096;

// The first template argument of the class that the function at `address` is declared in.
std::optional<Dwarf_Die> ClassArgument(const Module& module, LinkAddress address, const std::string& mangled) {
  const std::optional<Dwarf_Die> function = SubprogramAt(module, address);
  if (!function.has_value() || EntryOf(module, *function) != address) return std::nullopt;
  // Made for a class that is local to a function it has none.
  const std::string_view name = LinkageNameOf(*function);
  if (!name.empty() && name != mangled) return std::nullopt;
  const Dwarf_Die declaration = DeclarationOf(*function);
  const auto parents = IndexOf(module, declaration).ParentsOf(declaration);
  if (parents.empty()) return std::nullopt;
  std::optional<Dwarf_Die> argument;
  ForEachChild(parents.front()->die, [&](const Dwarf_Die& child) {
    if (Tag(child) == DW_TAG_template_type_parameter) argument = child;
    return !argument.has_value();
  });
  return argument;
}

}  // namespace

std::vector<TypeFunction> TypeFunctionsNamed(const Module& module, std::string_view part,
                                             const std::function<bool(const std::string&)>& matches) {
  std::map<LinkAddress, std::set<std::string>> found;  // mangled names
  size_t demangled = 0;
  ForEachFunctionSymbol(module, [&](const FunctionSymbol& symbol) {
    if (std::string_view(symbol.name).find(part) == std::string_view::npos || ++demangled > kMaxDemangled) return;
    if (matches(WithoutParameters(Demangle(symbol.name)))) found[symbol.begin].insert(symbol.name);
  });
  std::vector<TypeFunction> out;
  for (const auto& [address, names] : found) {
    if (names.size() != 1 || out.size() >= kMaxTypeFunctions) continue;
    const auto argument = ClassArgument(module, address, *names.begin());
    if (argument.has_value()) out.push_back({address, *argument});
  }
  return out;
}

}  // namespace dlog::dwarf
