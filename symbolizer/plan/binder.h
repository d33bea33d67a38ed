// SPDX-License-Identifier: Apache-2.0
//
// Gives an expression its meaning at one site: names are looked up as the compiler would at that line, operators are
// typed by C++ rules, and the result is a plan Node.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "plan.pb.h"
#include "symbolizer/dwarf/location.h"
#include "symbolizer/dwarf/scopes.h"
#include "symbolizer/dwarf/type_graph.h"
#include "symbolizer/expr/ast.h"
#include "symbolizer/plan/shaper.h"

namespace dlog::plan {

// The type of a name that each record answers and not the target ($comm, $time), which the binder does not bind; empty
// for all others.
std::string_view RecordVariableType(std::string_view name);

// One per site. Not thread-safe.
class Binder {
 public:
  // `line`: of the statement; what is declared further down is not visible yet.
  Binder(const dwarf::Module& module, const dwarf::FunctionScope& scope, dwarf::ProbePoint point, uint32_t line,
         dwarf::TypeGraph* types, Shaper* shaper);

  // Names mean the members of an object of `type` at `self`: what visualizers are written in. `names` (which outlives
  // the binder) are further values, `type_names` further types for casts.
  struct Extras {
    std::map<std::string, v1::Node, std::less<>> names;
  };
  Binder(uint32_t type, const Extras* extras, dwarf::TypeGraph* types, Shaper* shaper);

  // `source` is the text the AST came from, for carets.
  // NotFound: a name or member does not exist; the message ends in "did you mean ..." when something is close.
  // InvalidArgument: operands do not fit; with a caret.
  // FailedPrecondition: a variable has no location here; missing_variable() is that variable.
  // PermissionDenied: redacted, or a way to something redacted; with a hint.
  // Unimplemented: known, but cannot be captured (vector register, thread-local, ...); the message says what.
  absl::StatusOr<v1::Node> Bind(const expr::Ast& ast, std::string_view source);

  // What the format "[`count`]" shows of `base`, which Bind made: so many elements of what it points to, or the first
  // of an array. `source` is the text of `count`. Errors as of Bind.
  absl::StatusOr<v1::Node> BindElements(const v1::Node& base, const expr::Ast& count, std::string_view source);

  // The variable of the last FailedPrecondition.
  const std::optional<dwarf::Variable>& missing_variable() const { return missing_variable_; }
  // What names can be used here (locals and parameters, innermost first).
  const std::vector<dwarf::Variable>& variables() const { return variables_; }
  // Something that was bound needs to know when the call began.
  bool asks_duration() const { return asks_duration_; }

 private:
  absl::StatusOr<v1::Node> BindAny(const expr::Ast& ast);
  absl::StatusOr<v1::Node> BindKind(const expr::Ast& ast);
  // As BindAny, with references followed and the type's members known.
  absl::StatusOr<v1::Node> BindValue(const expr::Ast& ast);
  absl::StatusOr<v1::Node> BindName(const expr::Ast& ast);
  absl::StatusOr<v1::Node> BindPseudoVariable(const expr::Ast& ast);
  absl::StatusOr<v1::Node> BindReturnValue(const expr::Ast& ast);
  absl::StatusOr<v1::Node> BindDuration(const expr::Ast& ast);
  // `literal`: 5ms.
  absl::StatusOr<v1::Node> TimeComparison(v1::Operator op, const expr::Ast& ast, const expr::Ast& literal);
  absl::StatusOr<v1::Node> BindVariable(const dwarf::Variable& variable);
  // An object that a pointer or reference leads to, shown as the class that its vtable pointer proves.
  v1::Node WithDynamicType(v1::Node node);
  // The class `type` that knows its derived classes; `type` itself when there are none.
  uint32_t DynamicType(uint32_t type);
  // The object with the number of elements at the hit, when its type is a variable-length array.
  v1::Node WithComputedCount(const dwarf::Variable& variable, v1::Node object);
  absl::StatusOr<v1::Node> BindEntity(const absl::StatusOr<dwarf::NamedEntity>& entity);
  const dwarf::Variable* ThisVariable() const;
  absl::StatusOr<v1::Node> CapturedThis(const v1::Node& closure);
  absl::StatusOr<v1::Node> ThisObject(bool without_place);
  absl::StatusOr<v1::Node> BindThis(const expr::Ast& ast);
  absl::StatusOr<v1::Node> BindThisMember(std::string_view name);
  absl::StatusOr<v1::Node> BindLiteral(const expr::Ast& ast);
  absl::StatusOr<v1::Node> BindMember(const expr::Ast& ast);
  absl::StatusOr<v1::Node> BindIndex(const expr::Ast& ast);
  absl::StatusOr<v1::Node> BindCast(const expr::Ast& ast);
  absl::StatusOr<v1::Node> BindAccessor(const expr::Ast& ast);
  // The type that a cast names.
  absl::StatusOr<uint32_t> NamedType(const expr::Ast& ast);
  absl::StatusOr<v1::Node> BindAddressOf(const expr::Ast& ast);
  absl::StatusOr<v1::Node> BindUnary(const expr::Ast& ast);
  absl::StatusOr<v1::Node> BindBinary(const expr::Ast& ast);
  absl::StatusOr<v1::Node> BindPointerArithmetic(const expr::Ast& ast, v1::Operator op, v1::Node left, v1::Node right);
  absl::StatusOr<v1::Node> BindComparison(const expr::Ast& ast, v1::Operator op, v1::Node left, v1::Node right);

  absl::StatusOr<v1::Node> FollowReference(v1::Node node);
  // What an implicit pointer or reference points to.
  absl::StatusOr<v1::Node> SyntheticTarget(const v1::Node& pointer);
  // Numbers the types that only the type table knows.
  void ResolveTypeMarks(v1::Node* node);
  // The object of `type` at a location without a type; `what` names it in errors.
  absl::StatusOr<v1::Node> Typed(v1::Node location, uint32_t type, std::string_view what);
  // *node, for pointers, arrays and smart-pointer or optional shapes.
  absl::StatusOr<v1::Node> Dereferenced(const expr::Ast& ast, v1::Node node);
  // A node of the object's Shape, for this object.
  absl::StatusOr<v1::Node> Inside(const expr::Ast& ast, const v1::Node& pattern, const v1::Node& object);
  // Number of elements, as unsigned long. Unimplemented when the container does not know it.
  absl::StatusOr<v1::Node> SizeOf(const expr::Ast& ast, const v1::Node& container);
  // text == literal: std::string and its like, char pointers, arrays of char.
  absl::StatusOr<v1::Node> TextComparison(const expr::Ast& ast, v1::Operator op, const v1::Node& text,
                                          std::string_view literal);
  // A map, or shown as one.
  bool IsMap(uint32_t type);
  // The value of a key in a map.
  absl::StatusOr<v1::Node> MapElement(const expr::Ast& ast, const v1::Node& map);
  absl::StatusOr<v1::Node> BitElement(const expr::Ast& ast, const v1::Node& bits, v1::Node index);
  absl::StatusOr<v1::Node> SequenceElement(const expr::Ast& ast, const v1::Node& sequence, v1::Node index);
  // Scalar value of `node`, arrays decayed to pointers.
  absl::StatusOr<v1::Node> Scalar(const expr::Ast& ast, v1::Node node);
  absl::StatusOr<v1::Node> Truth(const expr::Ast& ast, v1::Node node);
  absl::Status UnknownName(const expr::Ast& ast, std::string_view what, std::vector<std::string> candidates) const;
  absl::Status Error(const expr::Ast& ast, std::string_view message) const;
  // PermissionDenied when `what` of this expression must not be made.
  absl::Status CheckCast(const expr::Ast& ast, uint32_t from, uint32_t to) const;
  absl::Status CheckMayMove(const expr::Ast& ast, std::string_view what) const;

  // Null where names mean members of `object_`.
  const dwarf::Module* const module_;
  const dwarf::FunctionScope* const scope_;
  const dwarf::ProbePoint point_;
  const v1::Node object_;
  const Extras* const extras_ = nullptr;
  dwarf::TypeGraph* const types_;
  Shaper* const shaper_;
  const std::vector<dwarf::Variable> variables_;
  std::string source_;
  std::optional<dwarf::Variable> missing_variable_;
  bool asks_duration_ = false;
  std::set<const expr::Ast*> beside_secrets_;  // members of objects that have redacted parts
};

}  // namespace dlog::plan
