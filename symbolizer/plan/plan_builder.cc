// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/plan/plan_builder.h"

#include <algorithm>
#include <cstdlib>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "symbolizer/base/status_hint.h"
#include "symbolizer/dwarf/location.h"
#include "symbolizer/dwarf/nodes.h"
#include "symbolizer/expr/format_spec.h"
#include "symbolizer/plan/conversions.h"
#include "symbolizer/plan/format_check.h"

namespace dlog::plan {
namespace {

constexpr size_t kMostAlternativeLines = 3;
constexpr size_t kMostLinesTried = 64;

// Lines of the same function instance and file on which `variable` has a location, the nearest to the site first
// chosen, returned in ascending order.
std::vector<uint32_t> LinesWhereAvailable(const SiteContext& site, const dwarf::Variable& variable) {
  const std::vector<dwarf::AddressRange> ranges = dwarf::AvailableRanges(*site.module, *site.scope, variable.die);
  const auto inside = [](const std::vector<dwarf::AddressRange>& set, LinkAddress address) {
    return std::any_of(set.begin(), set.end(), [&](const auto& range) { return range.Contains(address); });
  };
  std::set<uint32_t> lines;
  for (const dwarf::LineRow& row : *site.rows) {
    if (!row.is_stmt || row.end_sequence || row.file != site.file || row.line == 0 || row.line == site.line) continue;
    if (inside(ranges, row.address) && inside(site.scope->ranges, row.address)) lines.insert(row.line);
  }
  std::vector<uint32_t> nearest(lines.begin(), lines.end());
  std::stable_sort(nearest.begin(), nearest.end(), [&](uint32_t a, uint32_t b) {
    return std::abs(static_cast<int64_t>(a) - site.line) < std::abs(static_cast<int64_t>(b) - site.line);
  });
  // A range with a description is not yet a value: ask as the logpoint would.
  std::vector<uint32_t> proven;
  for (size_t i = 0; i < nearest.size() && i < kMostLinesTried && proven.size() < kMostAlternativeLines; ++i) {
    const bool available = std::any_of(site.rows->begin(), site.rows->end(), [&](const dwarf::LineRow& row) {
      return row.is_stmt && !row.end_sequence && row.file == site.file && row.line == nearest[i] &&
             inside(ranges, row.address) && inside(site.scope->ranges, row.address) &&
             dwarf::LocationOf(*site.module, *site.scope, variable.die,
                               {.statement = row.address,
                                .probe = row.address,
                                .view = dwarf::ViewOf(*site.module, site.scope->unit, row)})
                 .ok();
    });
    if (available) proven.push_back(nearest[i]);
  }
  nearest = std::move(proven);
  std::sort(nearest.begin(), nearest.end());
  return nearest;
}

std::string AvailableText(const std::vector<uint32_t>& lines) {
  if (lines.empty()) return "not available on any line of this function";
  return absl::StrCat("available on line", lines.size() > 1 ? "s " : " ", absl::StrJoin(lines, ", "));
}

void DescribeFailure(const absl::Status& status, const Binder& binder, const SiteContext& site,
                     v1::BoundExpression* out) {
  out->set_reason(Summary(status));
  switch (status.code()) {
    case absl::StatusCode::kFailedPrecondition: {
      out->set_status(v1::STATUS_OPTIMIZED_OUT);
      if (!binder.missing_variable()) return;
      const std::vector<uint32_t> lines = LinesWhereAvailable(site, *binder.missing_variable());
      out->mutable_available_at()->Add(lines.begin(), lines.end());
      out->set_reason(absl::StrCat(status.message(), "; ", AvailableText(lines)));
      return;
    }
    case absl::StatusCode::kUnimplemented:
      out->set_status(v1::STATUS_UNREADABLE);
      return;
    case absl::StatusCode::kPermissionDenied:
      out->set_status(v1::STATUS_REDACTED);
      return;
    default:
      out->set_status(v1::STATUS_ERROR);
      return;
  }
}

// What the record answers needs no capture.
v1::BoundExpression BindRecordVariable(const SourceExpression& value, absl::Status* user_error) {
  v1::BoundExpression bound;
  bound.set_type_name(std::string(RecordVariableType(value.ast->text)));
  const absl::Status fits = CheckTextFormat(value);
  bound.set_status(fits.ok() ? v1::STATUS_OK : v1::STATUS_ERROR);
  bound.set_reason(std::string(fits.message()));
  *user_error = fits;
  return bound;
}

}  // namespace

std::string Summary(const absl::Status& status) {
  const absl::string_view message = status.message();
  return std::string(message.substr(0, message.find('\n')));
}

SitePlan BuildSitePlan(const PlanRequest& request, const SiteContext& site, dwarf::TypeGraph* types, Shaper* shaper) {
  SitePlan result;
  Binder binder(*site.module, *site.scope, site.point, site.line, types, shaper);
  CaptureCompiler compiler(types, shaper, request.limits, site.point.probe);

  if (request.condition.ast != nullptr) {
    auto condition = binder.Bind(*request.condition.ast, request.condition.text);
    absl::Status status = condition.status();
    if (condition.ok()) {
      if (types->at(condition->type()).kind() == v1::TYPE_REFERENCE) {
        status = absl::InvalidArgumentError("the condition is a reference; compare it with something");
      } else if (!IsScalar(types->at(condition->type()))) {
        status = absl::InvalidArgumentError(absl::StrCat(
            "the condition has type '", types->at(condition->type()).name(), "', which is neither true nor false"));
      } else {
        const uint32_t truth = Fundamental(types, "bool");
        status = compiler.SetCondition(Converted(*types, *std::move(condition), truth));
      }
    }
    if (!status.ok()) {
      v1::BoundExpression described;
      DescribeFailure(status, binder, site, &described);
      // With the lines that point into the condition, if there are any.
      const absl::string_view rest = status.message().substr(Summary(status).size());
      absl::Status error =
          WithContext(absl::Status(status.code(), absl::StrCat(described.reason(), rest)), "condition");
      std::string hint = HintOf(status);
      if (hint.empty() && !described.available_at().empty()) {
        hint = absl::StrCat("move the logpoint to line ", absl::StrJoin(described.available_at(), " or "));
      }
      if (hint.empty()) hint = "`dlogctl vars` shows what can be captured there";
      result.condition_error = WithHint(error, hint);
    }
  }

  for (const SourceExpression& value : request.values) {
    absl::Status& user_error = result.user_errors.emplace_back();
    if (value.ast->kind == expr::AstKind::kName && !RecordVariableType(value.ast->text).empty()) {
      result.expressions.push_back(BindRecordVariable(value, &user_error));
      continue;
    }
    v1::BoundExpression bound;
    auto node = binder.Bind(*value.ast, value.text);
    absl::Status status = node.status();
    if (node.ok()) {
      bound.set_type_name(types->at(node->type()).name());
      if (value.count != nullptr) {
        node = binder.BindElements(*node, *value.count, expr::CountExpression(value.format));
        status = node.status();
      } else {
        node = WithFormat(types, *std::move(node), value.format);
      }
    }
    if (status.ok()) {
      status = CheckFormatFits(*types, v1::Shape(shaper->ShapeOf(node->type())), *node, value);
      if (status.ok()) status = compiler.AddValue(*node);
    }
    if (status.ok()) {
      bound.set_location(dwarf::DescribeLocation(*node));
      if (dwarf::ReadsEntry(*node)) bound.set_recovered("from what the registers held at the function's entry");
      *bound.mutable_value() = *std::move(node);
    } else {
      DescribeFailure(status, binder, site, &bound);
      if (binder.missing_variable() && bound.type_name().empty()) {
        bound.set_type_name(types->at(types->AddTypeOf(binder.missing_variable()->die)).name());
      }
      if (absl::IsNotFound(status) || absl::IsInvalidArgument(status)) user_error = status;
    }
    result.expressions.push_back(std::move(bound));
  }
  result.plan = compiler.Finish();
  result.asks_duration = binder.asks_duration();
  return result;
}

}  // namespace dlog::plan
