// SPDX-License-Identifier: Apache-2.0
//
// Which functions and blocks contain an address, and what names they declare.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "symbolizer/base/addresses.h"
#include "symbolizer/dwarf/module.h"

namespace dlog::dwarf {

struct AddressRange {
  LinkAddress begin;
  LinkAddress end;
  bool Contains(LinkAddress a) const { return begin <= a && a < end; }
};

// Which of the statements that begin at an address: LineRow::view, or one of location_list.h's names for several.
using View = uint32_t;

// The innermost function instance at an address: a DW_TAG_subprogram with code, an inlined copy, or a function that
// only the symbol table knows (-gline-tables-only, assembly code).
struct FunctionScope {
  Dwarf_Die unit;
  Dwarf_Die die;  // concrete DW_TAG_subprogram or DW_TAG_inlined_subroutine
  Dwarf_Die
      subprogram;  // the concrete DW_TAG_subprogram that contains it (== die when not inlined); has the frame base
  bool inlined = false;
  bool by_symbol = false;            // `die` and `subprogram` are the unit's: nothing is known but name and ranges
  std::string name;                  // demangled with namespaces and parameter types: "shop::Order::total(int) const"
  std::vector<AddressRange> ranges;  // of `die`
  std::vector<Dwarf_Die> blocks;     // lexical blocks of `die` that contain the address, innermost first
  uint32_t line = 0;                 // of the statement when found by FunctionOfStatement, else 0
  bool has_line = false;             // that line is in the source of the function, as far as declarations tell
};

struct Variable {
  std::string name;
  Dwarf_Die die;  // concrete DIE (may carry its attributes through DW_AT_abstract_origin)
  bool is_parameter = false;
  bool is_artificial = false;  // `this`, ...
  bool is_import = false;  // of a using declaration in a block: `die` may be a declaration, FindImported knows the rest
};

// NotFound when the unit is a skeleton whose .dwo file or package is missing; names it and where it was looked for.
absl::Status CheckContent(const Module& module, const Dwarf_Die& unit);

// Which statement at its DW_AT_entry_pc an inlined copy begins with (DW_AT_GNU_entry_view); kUnknownView when that is
// not said.
View EntryView(const Dwarf_Die& inlined);

// NotFound when no function of the debug info and no function symbol covers `address`.
// `function` (optional): the instance to stop at, when functions inlined into it cover the address too.
absl::StatusOr<FunctionScope> FunctionAt(const Module& module, const Dwarf_Die& unit, LinkAddress address,
                                         const Dwarf_Die* function = nullptr);

// The same for the function that the code at `address` was emitted for, whatever is inlined there.
absl::StatusOr<FunctionScope> OutermostFunctionAt(const Module& module, const Dwarf_Die& unit, LinkAddress address);

// The function instance that a line row means: like FunctionAt, but where inlined code begins the same address has rows
// of the caller too, and those belong to the caller. Among the function and the inlined copies around `address` it is
// the one whose source contains `line` of `file` (an index into the unit's file table, as in LineRow); the innermost
// when none does. `view` is that of the row (ViewOf): where a function is inlined into itself, the copy that begins
// behind the statement is not meant.
absl::StatusOr<FunctionScope> FunctionOfStatement(const Module& module, const Dwarf_Die& unit, LinkAddress address,
                                                  uint32_t file, uint32_t line, View view);

// Variables and parameters that a name could mean at the scope's address, innermost first; shadowed ones are left out.
// Includes function statics. Only this function instance: callers of an inlined copy are another scope.
// With `line` (of the statement, in the function's own file; 0 = the scope's own line, if it knows it) variables that
// are declared on a later line are not visible yet and do not shadow: `{ use(x); int x = 2; }`.
std::vector<Variable> VisibleVariables(const FunctionScope& scope, uint32_t line = 0);

// An enumerator: its enumeration type DIE and value.
struct EnumeratorMatch {
  Dwarf_Die enumeration;
  int64_t value = 0;
};

// What a name means: exactly one of the two.
struct NamedEntity {
  std::optional<Variable> variable;  // its DIE has a location or a constant value
  std::optional<EnumeratorMatch> enumerator;
};

// What `name` ("g", "ns::g", "Class::member", "::g", "Color::RED") means inside `scope` when no local variable and no
// member of an object does: enumerators of the function, enclosing classes with their bases and namespaces innermost
// first, each with what using declarations, using directives and namespace aliases bring in; this unit, then all
// others. NotFound otherwise.
absl::StatusOr<NamedEntity> FindName(const Module& module, const FunctionScope& scope, std::string_view name);
absl::StatusOr<NamedEntity> FindImported(const Module& module, const FunctionScope& scope, const Variable& import);

// The type that `name` ("Order", "shop::Order", "uint32_t") means in `scope`: typedef, class, enumeration or base type
// of the scope's unit, enclosing classes and namespaces innermost first. None when that unit knows none.
std::optional<Dwarf_Die> FindType(const Module& module, const FunctionScope& scope, std::string_view name);

// A function instance that can carry a function breakpoint.
struct FunctionMatch {
  Dwarf_Die unit;
  Dwarf_Die die;  // concrete subprogram or inlined subroutine
  bool inlined = false;
  std::string name;
  LinkAddress entry;
  bool is_symbol = false;  // found by a symbol only: an alias, or code shared with another function
};

// Every instance of the functions called `name`: plain or qualified, with or without template arguments and
// parameter list ("total", "shop::Order::total", "Order::total(int)"). Names that no function of the debug information
// has are looked for in the symbol tables. Empty = none.
absl::StatusOr<std::vector<FunctionMatch>> FunctionsNamed(const Module& module, std::string_view name);
// Names close to `name`, best first.
std::vector<std::string> SimilarFunctions(const Module& module, std::string_view name, size_t limit);

}  // namespace dlog::dwarf
