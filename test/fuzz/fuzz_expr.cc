// SPDX-License-Identifier: Apache-2.0
//
// Expressions and templates, as they come from the network.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "symbolizer/expr/ast.h"
#include "symbolizer/expr/limits.h"

namespace dlog::expr {
namespace {

void Require(bool condition) {
  if (!condition) abort();
}

// Walks the whole tree as its users do, and returns its height.
int Walk(const Ast& ast, size_t source_size) {
  Require(ast.begin < ast.end && ast.end <= source_size);
  int depth = 0;
  for (const AstPtr& operand : ast.operands) depth = std::max(depth, Walk(*operand, source_size));
  return depth + 1;
}

void FuzzExpression(std::string_view source) {
  absl::StatusOr<AstPtr> ast = ParseExpression(source);
  if (!ast.ok()) {
    Require(ast.status().code() == absl::StatusCode::kInvalidArgument && !ast.status().message().empty());
    return;
  }
  Require(Walk(**ast, source.size()) <= kMaxDepth);
}

void FuzzTemplate(std::string_view source) {
  absl::StatusOr<Template> parsed = ParseTemplate(source);
  if (!parsed.ok()) {
    Require(parsed.status().code() == absl::StatusCode::kInvalidArgument && !parsed.status().message().empty());
    return;
  }
  Require(parsed->literals.size() == parsed->expressions.size() + 1);
  Require(parsed->expressions.size() <= kMaxTemplateExpressions);
  for (const TemplateExpression& expression : parsed->expressions) {
    Require(source.substr(expression.offset, expression.text.size()) == expression.text);
    Require(expression.format.size() <=
            (expression.format.starts_with('[') ? kMaxArrayFormatLength : kMaxFormatLength));
    Require(Walk(*expression.ast, expression.text.size()) <= kMaxDepth);
  }
}

}  // namespace
}  // namespace dlog::expr

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view source(reinterpret_cast<const char*>(data), size);
  dlog::expr::FuzzExpression(source);
  dlog::expr::FuzzTemplate(source);
  return 0;
}
