// SPDX-License-Identifier: Apache-2.0
//
// Names with a '$': what is known of the hit itself. $comm and $time are answered by each record and never computed
// with.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "symbolizer/base/status_hint.h"
#include "symbolizer/dwarf/nodes.h"
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

absl::StatusOr<v1::Node> Binder::BindPseudoVariable(const expr::Ast& ast) {
  if (ast.text == "$this") return BindThis(ast);
  if (ast.text == "$tid" || ast.text == "$pid") {
    v1::Node ids = dwarf::RegisterNode(kThreadRegister);
    if (ast.text == "$pid") ids = WordBinary(v1::OP_SHR, std::move(ids), dwarf::ConstantNode(kProcessShift));
    return MakeConvert(std::move(ids), Fundamental(types_, "int"));
  }
  if (!RecordVariableType(ast.text).empty() || ast.text == "$args" || ast.text == "$locals") {
    return WithHint(Error(ast, absl::StrCat("'", ast.text, "' can only be shown, not computed with")),
                    absl::StrCat("write {", ast.text, "} in the text"));
  }
  return WithHint(absl::NotFoundError(expr::WithCaret(absl::StrCat("no '", ast.text, "' here"), source_, ast.begin)),
                  "there are $pid, $tid, $comm, $time, $this, $args and $locals");
}

}  // namespace dlog::plan
