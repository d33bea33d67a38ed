// SPDX-License-Identifier: Apache-2.0
//
// A tree as one line, fully bracketed, for comparing in tests: "(+ a (* b 2:int))".
#pragma once

#include <string>

#include "symbolizer/expr/ast.h"

namespace dlog::expr {

inline std::string AstText(const Ast& ast) {
  switch (ast.kind) {
    case AstKind::kName:
      return ast.text;
    case AstKind::kInteger:
      return std::to_string(ast.integer) + ":" + ast.type_name;
    case AstKind::kFloat: {
      std::string text = std::to_string(ast.floating);
      return text + ":" + ast.type_name;
    }
    case AstKind::kTime:
      return std::to_string(ast.integer) + "ns";
    case AstKind::kChar:
      return "char:" + std::to_string(static_cast<int64_t>(ast.integer));
    case AstKind::kString:
      return "\"" + ast.text + "\"";
    case AstKind::kBool:
      return ast.integer != 0 ? "true" : "false";
    case AstKind::kNull:
      return "nullptr";
    default:
      break;
  }
  const char* op = "?";
  if (ast.kind == AstKind::kMember) op = ".";
  if (ast.kind == AstKind::kArrow) op = "->";
  if (ast.kind == AstKind::kIndex) op = "[]";
  if (ast.kind == AstKind::kDeref) op = "deref";
  if (ast.kind == AstKind::kAddressOf) op = "addr";
  if (ast.kind == AstKind::kCast) {
    return "((" + ast.type_name + std::string(ast.integer, '*') + ") " + AstText(*ast.operands[0]) + ")";
  }
  if (ast.kind == AstKind::kAccessor) return "(" + ast.text + "() " + AstText(*ast.operands[0]) + ")";
  std::string out = "(";
  out += ast.kind == AstKind::kUnary || ast.kind == AstKind::kBinary ? ast.text : op;
  for (const AstPtr& operand : ast.operands) out += " " + AstText(*operand);
  if (ast.kind == AstKind::kMember || ast.kind == AstKind::kArrow) out += " " + ast.text;
  return out + ")";
}

}  // namespace dlog::expr
