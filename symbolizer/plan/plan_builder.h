// SPDX-License-Identifier: Apache-2.0
//
// One site of a logpoint: template and condition bound at its address, and the capture plan that feeds them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "plan.pb.h"
#include "symbolizer/dwarf/line_index.h"
#include "symbolizer/dwarf/scopes.h"
#include "symbolizer/dwarf/type_graph.h"
#include "symbolizer/expr/ast.h"
#include "symbolizer/plan/binder.h"
#include "symbolizer/plan/capture_compiler.h"
#include "symbolizer/plan/shaper.h"

namespace dlog::plan {

// An expression and the text that its carets point into.
struct SourceExpression {
  const expr::Ast* ast = nullptr;
  std::string text;
  std::string format;                // std::format syntax; empty = default
  const expr::Ast* count = nullptr;  // of a format "[EXPRESSION]": its expression
};

struct PlanRequest {
  std::vector<SourceExpression> values;
  SourceExpression condition;  // ast == nullptr: none
  CaptureLimits limits;
};

struct SiteContext {
  const dwarf::Module* module = nullptr;
  const dwarf::FunctionScope* scope = nullptr;
  dwarf::ProbePoint point;
  const std::vector<dwarf::LineRow>* rows = nullptr;  // of the scope's unit
  uint32_t file = 0;                                  // in `rows`
  uint32_t line = 0;
};

// What happened to the expressions at a site.
struct SitePlan {
  v1::CapturePlan plan;
  std::vector<v1::BoundExpression> expressions;  // parallel to PlanRequest::values
  // Parallel too: the error that is the user's (unknown name, bad operands) when the expression has one here.
  std::vector<absl::Status> user_errors;
  // Why the condition cannot be evaluated here; such a site cannot be used.
  absl::Status condition_error;
  bool asks_duration = false;  // something needs to know when the call began
};

// The first line of an error's message: what to say where the lines that point into the user's text have no place.
std::string Summary(const absl::Status& status);

SitePlan BuildSitePlan(const PlanRequest& request, const SiteContext& site, dwarf::TypeGraph* types, Shaper* shaper);

}  // namespace dlog::plan
