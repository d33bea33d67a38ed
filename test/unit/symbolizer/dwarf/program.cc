// SPDX-License-Identifier: Apache-2.0
#include "program.h"

#include <fstream>
#include <set>

#include "test/catch.h"

namespace dlog::dwarf {

Program::Program(const std::string& name) {
  auto module = Module::Open(std::string(DLOG_PROGRAMS_DIR) + "/" + name, {});
  INFO(name << ": " << module.status());
  REQUIRE(module.ok());
  module_ = *std::move(module);
  auto lines = LineIndex::Create(*module_);
  REQUIRE(lines.ok());
  lines_ = *std::move(lines);
}

std::vector<Statement> Program::At(const std::string& source, const std::string& mark) const {
  const uint32_t line = MarkedLine(source, mark);
  auto files = lines_->FilesMatching(source);
  REQUIRE(files.ok());
  REQUIRE(files->size() == 1);
  std::vector<Statement> out;
  std::set<uint64_t> seen;
  for (const UnitFile& file : files->front().units) {
    auto rows = lines_->Rows(file.unit);
    REQUIRE(rows.ok());
    for (const LineRow& row : **rows) {
      if (row.end_sequence || !row.is_stmt || row.line != line || row.file != file.file) continue;
      if (!seen.insert(row.address.value).second) continue;
      auto scope = FunctionOfStatement(*module_, file.unit, row.address, row.file, row.line, row.view);
      REQUIRE(scope.ok());
      out.push_back({file.unit, row.address, *std::move(scope), row.view});
    }
  }
  REQUIRE_FALSE(out.empty());
  return out;
}

Statement Program::In(const std::string& source, const std::string& mark, const std::string& function) const {
  for (Statement& statement : At(source, mark)) {
    if (statement.scope.name.find(function) != std::string::npos) return std::move(statement);
  }
  FAIL("no statement of " << function << " at " << mark);
  return {};
}

uint32_t MarkedLine(const std::string& source, const std::string& mark) {
  std::ifstream in(std::string(DLOG_SOURCES_DIR) + "/" + source);
  std::string text;
  for (uint32_t line = 1; std::getline(in, text); ++line) {
    const size_t at = text.find("MARK: " + mark);
    if (at == std::string::npos) continue;
    const size_t end = at + 6 + mark.size();
    if (end == text.size() || text[end] == ' ') return line;
  }
  FAIL("no MARK: " << mark << " in " << source);
  return 0;
}

Variable VariableNamed(const FunctionScope& scope, const std::string& name) {
  for (const Variable& variable : VisibleVariables(scope)) {
    if (variable.name == name) return variable;
  }
  FAIL("no variable " << name << " in " << scope.name);
  return {};
}

bool HasVariable(const FunctionScope& scope, const std::string& name) {
  for (const Variable& variable : VisibleVariables(scope)) {
    if (variable.name == name) return true;
  }
  return false;
}

absl::StatusOr<Variable> FindGlobal(const Module& module, const FunctionScope& scope, std::string_view name) {
  auto found = FindName(module, scope, name);
  if (!found.ok()) return found.status();
  if (!found->variable.has_value()) return absl::NotFoundError("an enumerator");
  return *found->variable;
}

std::optional<EnumeratorMatch> FindEnumerator(const Module& module, const FunctionScope& scope, std::string_view name) {
  auto found = FindName(module, scope, name);
  return found.ok() ? found->enumerator : std::nullopt;
}

std::string Where(const Program& program, const Statement& statement, const std::string& variable) {
  const Variable found = VariableNamed(statement.scope, variable);
  auto node = LocationOf(program.module(), statement.scope, found.die,
                         {.statement = statement.address, .probe = statement.address, .view = statement.view});
  return node.ok() ? DescribeLocation(*node) : std::string(node.status().message());
}

std::vector<std::string> Variants(const std::string& base) {
  std::vector<std::string> out;
  for (const char* compiler : {"gcc", "clang"}) {
    for (const char* optimisation : {"O0", "O2"}) {
      for (const char* version : {"dwarf4", "dwarf5"})
        out.push_back(base + "." + compiler + "." + optimisation + "." + version);
    }
  }
  return out;
}

}  // namespace dlog::dwarf
