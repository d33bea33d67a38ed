// SPDX-License-Identifier: Apache-2.0
//
// One walk over a unit's DIEs, remembered: who is inside whom (DWARF has no parent links), which functions own code,
// which enumerations and namespace-scope variables exist.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "symbolizer/code/frame_trace.h"
#include "symbolizer/dwarf/die.h"
#include "symbolizer/dwarf/module.h"
#include "symbolizer/dwarf/stored_types.h"
#include "symbolizer/dwarf/symbols.h"

namespace dlog::dwarf {

inline constexpr size_t kMaxDiesPerUnit = 32u << 20;

class UnitIndex {
 public:
  // A namespace, class, struct, union, enumeration or subprogram with children, in DIE order.
  struct Scope {
    Dwarf_Die die;
    const void* end = nullptr;  // address of the first DIE after its subtree
    int32_t parent = -1;        // index into scopes; -1 = the unit
    int tag = 0;
  };
  struct Code {
    AddressRange range;
    Dwarf_Die die;
  };

  UnitIndex(const Module& module, const Dwarf_Die& unit);

  const Dwarf_Die& unit() const { return unit_; }
  const std::vector<Scope>& scopes() const { return scopes_; }
  // Ranges of the concrete subprograms.
  const std::vector<Code>& code() const { return code_; }
  const std::vector<Dwarf_Die>& enumerations() const { return enumerations_; }
  // DW_TAG_variable and static members outside functions, declarations included.
  const std::vector<Dwarf_Die>& variables() const { return variables_; }
  // Definitions of classes, structures, unions and enumerations.
  const std::vector<Dwarf_Die>& types() const { return types_; }
  // DW_TAG_imported_module and DW_TAG_imported_declaration, in functions too.
  const std::vector<Dwarf_Die>& imports() const { return imports_; }

  // DW_TAG_imported_unit: their targets are partial units that count as part of this one.
  const std::vector<Dwarf_Die>& imported_units() const { return imported_units_; }

  // The scopes that contain `die` (of this unit), innermost first.
  std::vector<const Scope*> ParentsOf(const Dwarf_Die& die) const;

 private:
  void Walk(const Module& module, const Dwarf_Die& parent, int32_t scope, int depth, bool in_function);
  // Returns whether the children are worth a look.
  bool Note(const Module& module, const Dwarf_Die& die, int tag, bool in_function);

  Dwarf_Die unit_;
  std::vector<Scope> scopes_;
  std::vector<Code> code_;
  std::vector<Dwarf_Die> enumerations_;
  std::vector<Dwarf_Die> variables_;
  std::vector<Dwarf_Die> types_;
  std::vector<Dwarf_Die> imports_;
  std::vector<Dwarf_Die> imported_units_;
  size_t visited_ = 0;
};

struct TypeDefinition {
  std::optional<Dwarf_Die> die;
  bool ambiguous = false;  // units define different types under this name
};

struct Callers;  // callers.h

struct ModuleCache {
  std::unordered_map<const void*, std::unique_ptr<UnitIndex>> units;      // by address of the unit's DIE
  std::unordered_map<std::string, std::optional<Dwarf_Die>> definitions;  // qualified type name, see type_lookup.h
  std::unordered_map<std::string, TypeDefinition> named_types;            // namespace-scope definitions of all units
  // Definitions of types declared elsewhere in their unit (DW_AT_specification), by plain name.
  std::unordered_map<std::string, std::vector<Dwarf_Die>> specified_types;
  std::unordered_map<const void*, std::string> template_arguments;  // by DIE, see template_name.h
  bool named_types_built = false;                                   // by a walk over all units
  std::optional<std::vector<StoredType>> stored_types;              // instead of both maps
  std::vector<FunctionSymbol> symbols;                              // see symbols.h
  bool symbols_built = false;
  int nested_searches = 0;
  // The last function entry that was followed (prologue.h): all parameters of a site ask for the same.
  struct TracedFrame {
    LinkAddress entry;
    LinkAddress until;
    code::FrameTrace trace;
  };
  std::optional<TracedFrame> frame;
  std::optional<bool> eh_frame_is_sane;  // cfi_check.h
  std::optional<bool> debug_frame_is_sane;
  std::optional<std::vector<UnitIndex::Code>> unit_ranges;             // all units, by address
  std::unordered_map<uint64_t, std::optional<Dwarf_Die>> subprograms;  // by address, see callers.h
  std::unordered_map<uint64_t, std::unique_ptr<Callers>> callers;      // by the function's entry
};

// The index of the unit that holds `die`, made on first use.
const UnitIndex& IndexOf(const Module& module, const Dwarf_Die& die);

// That index and those of the partial units that it imports, directly or not (dwz).
std::vector<const UnitIndex*> IndicesOf(const Module& module, const Dwarf_Die& die);

// The enclosing classes and namespaces of a declaration, outermost first: {"shop", "Order"}. Types local to a function
// have the names inside the function only. Inline namespaces are kept.
std::vector<std::string> EnclosingNames(const Module& module, const Dwarf_Die& die);

// "shop::Order::total" of the declaration that `die` stands for; unnamed parts as "(anonymous namespace)", "{...}".
std::string QualifiedName(const Module& module, const Dwarf_Die& die);

}  // namespace dlog::dwarf
