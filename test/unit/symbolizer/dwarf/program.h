// SPDX-License-Identifier: Apache-2.0
//
// One compiled test program with its line index, and the statements at a marked source line.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "symbolizer/dwarf/line_index.h"
#include "symbolizer/dwarf/location.h"
#include "symbolizer/dwarf/module.h"
#include "symbolizer/dwarf/scopes.h"
#include "symbolizer/dwarf/type_graph.h"

namespace dlog::dwarf {

struct Statement {
  Dwarf_Die unit;
  LinkAddress address;
  FunctionScope scope;
  View view = 0;
};

class Program {
 public:
  // `name` as built by test/programs/small, e.g. "locals.gcc.O2.dwarf5".
  explicit Program(const std::string& name);

  const Module& module() const { return *module_; }
  const LineIndex& lines() const { return *lines_; }

  // is_stmt rows of the line of `source` with "MARK: mark", one per address, with their function.
  std::vector<Statement> At(const std::string& source, const std::string& mark) const;
  // The first of them in a function whose name contains `function`.
  Statement In(const std::string& source, const std::string& mark, const std::string& function) const;

 private:
  std::unique_ptr<Module> module_;
  std::unique_ptr<LineIndex> lines_;
};

// Line of `source` with "MARK: mark".
uint32_t MarkedLine(const std::string& source, const std::string& mark);

// The visible variable `name`; fails the test when there is none.
Variable VariableNamed(const FunctionScope& scope, const std::string& name);
bool HasVariable(const FunctionScope& scope, const std::string& name);

// What FindName says when it is a variable, or an enumerator; NotFound when it is the other.
absl::StatusOr<Variable> FindGlobal(const Module& module, const FunctionScope& scope, std::string_view name);
std::optional<EnumeratorMatch> FindEnumerator(const Module& module, const FunctionScope& scope, std::string_view name);

// DescribeLocation, or the error as text.
std::string Where(const Program& program, const Statement& statement, const std::string& variable);

std::vector<std::string> Variants(const std::string& base);

}  // namespace dlog::dwarf
