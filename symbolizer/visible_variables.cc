// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/visible_variables.h"

#include <algorithm>
#include <functional>
#include <set>

#include "absl/strings/str_cat.h"
#include "symbolizer/base/status_hint.h"
#include "symbolizer/dwarf/return_value.h"
#include "symbolizer/dwarf/scopes.h"
#include "symbolizer/expr/ast.h"

namespace dlog::symbolizer {
namespace {

constexpr std::string_view kArguments = "$args";
constexpr std::string_view kLocals = "$locals";

std::vector<std::string> Names(const std::vector<StatementSite>& sites, uint32_t line,
                               const std::function<bool(const dwarf::Variable&)>& wanted) {
  std::vector<std::string> names;
  std::set<std::string> seen;
  for (const StatementSite& site : sites) {
    for (const dwarf::Variable& variable : dwarf::VisibleVariables(site.scope, line)) {
      if (variable.is_import || !wanted(variable)) continue;  // imported: a global
      // Compiler-made variables have names that no expression can spell.
      if (!expr::ParseExpression(variable.name).ok() || !seen.insert(variable.name).second) continue;
      names.push_back(variable.name);
    }
  }
  return names;
}

std::string Assignments(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) absl::StrAppend(&text, text.empty() ? "" : ", ", name, " = {", name, "}");
  return text;
}

}  // namespace

std::string AllVariables(const std::vector<StatementSite>& sites, uint32_t line) {
  const bool returns = std::any_of(sites.begin(), sites.end(), [](const StatementSite& site) {
    return site.at_return && !site.scope.by_symbol && dwarf::HasType(site.scope.subprogram);
  });
  std::string text = returns ? "{$ret}" : "";
  if (!sites.empty() && sites.front().at_return) absl::StrAppend(&text, text.empty() ? "" : " ", "{$duration}");
  for (const std::string& name : Names(sites, line, [](const dwarf::Variable&) { return true; })) {
    absl::StrAppend(&text, text.empty() ? "" : " ", "{", name, "}");
  }
  return text;
}

absl::StatusOr<std::string> ExpandVariables(std::string_view text, const std::vector<StatementSite>& sites,
                                            uint32_t line) {
  auto parsed = expr::ParseTemplate(text);
  if (!parsed.ok()) return parsed.status();
  std::string out;
  size_t copied = 0;
  for (const expr::TemplateExpression& expression : parsed->expressions) {
    if (expression.text != kArguments && expression.text != kLocals) continue;
    if (!expression.format.empty()) {
      return WithHint(absl::InvalidArgumentError(expr::WithCaret(
                          absl::StrCat("'", expression.text, "' takes no format: it stands for several variables"),
                          text, expression.offset)),
                      absl::StrCat("write {", expression.text, "}"));
    }
    const bool arguments = expression.text == kArguments;
    const auto wanted = [arguments](const dwarf::Variable& variable) { return variable.is_parameter == arguments; };
    const size_t open = text.rfind('{', expression.offset);
    out += text.substr(copied, open - copied);
    out += Assignments(Names(sites, line, wanted));
    copied = text.find('}', expression.offset) + 1;
  }
  out += text.substr(copied);
  return out;
}

}  // namespace dlog::symbolizer
