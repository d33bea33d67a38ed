// SPDX-License-Identifier: Apache-2.0
//
// Names with a '$': what is known of the hit itself. $comm and $time are answered by each record and never computed
// with.
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "symbolizer/base/status_hint.h"
#include "symbolizer/dwarf/nodes.h"
#include "symbolizer/dwarf/return_value.h"
#include "symbolizer/plan/binder.h"
#include "symbolizer/plan/conversions.h"
#include "symbolizer/plan/nodes.h"

namespace dlog::plan {
namespace {

constexpr uint32_t kThreadRegister = 18;  // plan.proto: process id << 32 | thread id
constexpr int64_t kProcessShift = 32;

}  // namespace

std::string_view RecordVariableType(std::string_view name) {
  return name == "$comm" || name == "$time" ? "string" : "";
}

absl::StatusOr<v1::Node> Binder::BindReturnValue(const expr::Ast& ast) {
  if (!point_.at_return) {
    return WithHint(Error(ast, "'$ret' is only known where a function returns"), "use return:NAME as the location");
  }
  if (!scope_->by_symbol && !dwarf::HasType(scope_->subprogram)) {
    return Error(ast, absl::StrCat(scope_->name, " returns nothing"));
  }
  const auto what = [](const absl::Status& status) { return WithContext(status, "'$ret'"); };
  if (absl::Status status = dwarf::CheckReturnsByAbi(*module_, *scope_); !status.ok()) return what(status);
  if (!point_.no_return_value.empty()) return what(absl::FailedPreconditionError(point_.no_return_value));
  const auto word = [this](uint32_t reg) {
    if (point_.recovered == nullptr) return dwarf::RegisterNode(reg);
    const auto found = point_.recovered->find(reg);
    return found == point_.recovered->end() ? dwarf::RegisterNode(reg) : found->second;
  };
  const uint32_t type = types_->AddTypeOf(scope_->subprogram);
  auto location = dwarf::ReturnValueOf(types_, type, word);
  if (!location.ok()) return what(location.status());
  return Typed(*std::move(location), type, "'$ret'");
}

absl::StatusOr<v1::Node> Binder::BindDuration(const expr::Ast& ast) {
  if (!point_.at_return) {
    return WithHint(Error(ast, "'$duration' is only known where a function returns"),
                    "use return:NAME as the location");
  }
  if (!point_.no_duration.empty()) {
    return absl::UnimplementedError(absl::StrCat("'$duration': ", point_.no_duration));
  }
  asks_duration_ = true;
  v1::Node node;
  node.set_duration(true);
  const uint32_t type = types_->Builtin(v1::TYPE_SIGNED, sizeof(int64_t), "nanoseconds");
  types_->mutable_at(type)->set_is_duration(true);
  node.set_type(type);
  return node;
}

// Other numbers have no unit, or one of their own: a time in nanoseconds would be compared with something else.
absl::StatusOr<v1::Node> Binder::TimeComparison(v1::Operator op, const expr::Ast& ast, const expr::Ast& literal) {
  auto value = BindValue(ast);
  if (!value.ok()) return value;
  if (!types_->at(value->type()).is_duration()) return BindLiteral(literal);
  v1::Node time = MakeConstant(&literal.integer, sizeof(literal.integer), value->type());
  return MakeBinary(op, *std::move(value), std::move(time), Fundamental(types_, "bool"));
}

absl::StatusOr<v1::Node> Binder::BindPseudoVariable(const expr::Ast& ast) {
  if (ast.text == "$this") return BindThis(ast);
  if (ast.text == "$ret") return BindReturnValue(ast);
  if (ast.text == "$duration") return BindDuration(ast);
  if (ast.text == "$tid" || ast.text == "$pid") {
    v1::Node ids = dwarf::RegisterNode(kThreadRegister);
    if (ast.text == "$pid") ids = WordBinary(v1::OP_SHR, std::move(ids), dwarf::ConstantNode(kProcessShift));
    return MakeConvert(std::move(ids), Fundamental(types_, "int"));
  }
  if (!RecordVariableType(ast.text).empty() || ast.text == "$args" || ast.text == "$locals") {
    return WithHint(Error(ast, absl::StrCat("'", ast.text, "' can only be shown, not computed with")),
                    absl::StrCat("write {", ast.text, "} in the text"));
  }
  return WithHint(
      absl::NotFoundError(expr::WithCaret(absl::StrCat("no '", ast.text, "' here"), source_, ast.begin)),
      "there are $pid, $tid, $comm, $time, $this, $args and $locals, and $ret and $duration at return:NAME");
}

}  // namespace dlog::plan
