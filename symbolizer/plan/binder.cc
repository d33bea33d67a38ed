// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/plan/binder.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "symbolizer/base/status_hint.h"
#include "symbolizer/dwarf/dynamic_types.h"
#include "symbolizer/dwarf/edit_distance.h"
#include "symbolizer/dwarf/nodes.h"
#include "symbolizer/dwarf/slice.h"
#include "symbolizer/dwarf/type_layout.h"
#include "symbolizer/dwarf/wide_mark.h"
#include "symbolizer/plan/conversions.h"
#include "symbolizer/plan/members.h"
#include "symbolizer/plan/nodes.h"
#include "symbolizer/plan/redacted.h"

namespace dlog::plan {
namespace {

using expr::Ast;
using expr::AstKind;

v1::Operator BinaryOperator(std::string_view text) {
  struct Entry {
    std::string_view text;
    v1::Operator op;
  };
  static constexpr Entry kEntries[] = {
      {"+", v1::OP_ADD}, {"-", v1::OP_SUB},          {"*", v1::OP_MUL},         {"/", v1::OP_DIV},  {"%", v1::OP_MOD},
      {"&", v1::OP_AND}, {"|", v1::OP_OR},           {"^", v1::OP_XOR},         {"<<", v1::OP_SHL}, {">>", v1::OP_SHR},
      {"==", v1::OP_EQ}, {"!=", v1::OP_NE},          {"<", v1::OP_LT},          {"<=", v1::OP_LE},  {">", v1::OP_GT},
      {">=", v1::OP_GE}, {"&&", v1::OP_LOGICAL_AND}, {"||", v1::OP_LOGICAL_OR},
  };
  for (const Entry& entry : kEntries) {
    if (entry.text == text) return entry.op;
  }
  return v1::OP_NONE;
}

// The comparison with its sides exchanged.
v1::Operator Mirrored(v1::Operator op) {
  switch (op) {
    case v1::OP_LT:
      return v1::OP_GT;
    case v1::OP_LE:
      return v1::OP_GE;
    case v1::OP_GT:
      return v1::OP_LT;
    case v1::OP_GE:
      return v1::OP_LE;
    default:
      return op;
  }
}

bool IsComparison(v1::Operator op) { return op >= v1::OP_EQ && op <= v1::OP_GE; }

bool IsCharacter(const v1::Type& type) {
  return type.size() == 1 && (type.kind() == v1::TYPE_CHAR || type.kind() == v1::TYPE_UTF_CHAR);
}

bool IsNullLiteral(const v1::Node& node) {
  const auto word = ConstantWord(node);
  return word.has_value() && *word == 0;
}

}  // namespace

Binder::Binder(const dwarf::Module& module, const dwarf::FunctionScope& scope, dwarf::ProbePoint point, uint32_t line,
               dwarf::TypeGraph* types, Shaper* shaper)
    : module_(&module),
      scope_(&scope),
      point_(point),
      types_(types),
      shaper_(shaper),
      variables_(dwarf::VisibleVariables(scope, line)) {}

Binder::Binder(uint32_t type, const Extras* extras, dwarf::TypeGraph* types, Shaper* shaper)
    : module_(nullptr),
      scope_(nullptr),
      point_{},
      object_(MemoryObject(Self(), type)),
      extras_(extras),
      types_(types),
      shaper_(shaper) {}

absl::StatusOr<v1::Node> Binder::Bind(const Ast& ast, std::string_view source) {
  source_ = std::string(source);
  missing_variable_.reset();
  beside_secrets_.clear();
  auto node = BindAny(ast);
  if (!node.ok()) return node;
  if (!node->has_implicit_pointer()) {
    const bool indirect = ast.kind == AstKind::kDeref || types_->at(node->type()).kind() == v1::TYPE_REFERENCE;
    return indirect && module_ != nullptr ? WithDynamicType(*std::move(node)) : *std::move(node);
  }
  if (types_->at(node->type()).kind() == v1::TYPE_REFERENCE) return SyntheticTarget(*node);
  return absl::FailedPreconditionError("synthetic pointer: the pointer was optimized out, what it points to was not");
}

absl::StatusOr<v1::Node> Binder::SyntheticTarget(const v1::Node& pointer) {
  const v1::ImplicitPointer& implicit = pointer.implicit_pointer();
  const uint32_t type = types_->at(pointer.type()).target();
  types_->Expand(type);
  if (!implicit.has_target() || implicit.offset() < 0) {
    return absl::FailedPreconditionError("what the pointer points to was optimized out");
  }
  const auto size = std::max<uint64_t>(1, types_->at(type).size());
  auto target = dwarf::SliceLocation(implicit.target(), static_cast<uint64_t>(implicit.offset()), size);
  if (!target.ok()) return target;
  return Typed(*std::move(target), type, "what the pointer points to");
}

absl::Status Binder::Error(const Ast& ast, std::string_view message) const {
  return absl::InvalidArgumentError(expr::WithCaret(message, source_, ast.begin));
}

absl::Status Binder::UnknownName(const Ast& ast, std::string_view what, std::vector<std::string> candidates) const {
  constexpr size_t kMostSuggested = 3;
  dwarf::CloseNames names(ast.text);
  for (const std::string& candidate : candidates) names.Offer(candidate, candidate);
  const std::vector<std::string> close = names.Best(kMostSuggested);
  absl::Status status = absl::NotFoundError(expr::WithCaret(what, source_, ast.begin));
  if (!close.empty())
    return WithHint(std::move(status), absl::StrCat("did you mean ", absl::StrJoin(close, ", "), "?"));
  constexpr size_t kMostListed = 12;
  if (candidates.empty()) return status;
  const bool cut = candidates.size() > kMostListed;
  if (cut) candidates.resize(kMostListed);
  return WithHint(std::move(status), absl::StrCat("known here: ", absl::StrJoin(candidates, ", "), cut ? ", ..." : ""));
}

absl::StatusOr<v1::Node> Binder::BindAny(const Ast& ast) {
  auto node = BindKind(ast);
  if (!node.ok()) return node;
  if (auto status = CheckTypeVisible(*types_, node->type()); !status.ok()) return status;
  return node;
}

absl::StatusOr<v1::Node> Binder::BindKind(const Ast& ast) {
  switch (ast.kind) {
    case AstKind::kName:
      return BindName(ast);
    case AstKind::kInteger:
    case AstKind::kFloat:
    case AstKind::kTime:
    case AstKind::kChar:
    case AstKind::kBool:
    case AstKind::kNull:
    case AstKind::kString:
      return BindLiteral(ast);
    case AstKind::kMember:
    case AstKind::kArrow:
      return BindMember(ast);
    case AstKind::kIndex:
      return BindIndex(ast);
    case AstKind::kDeref: {
      auto operand = BindValue(*ast.operands[0]);
      if (!operand.ok()) return operand;
      return Dereferenced(ast, *std::move(operand));
    }
    case AstKind::kAddressOf:
      return BindAddressOf(ast);
    case AstKind::kCast:
      return BindCast(ast);
    case AstKind::kAccessor:
      return BindAccessor(ast);
    case AstKind::kUnary:
      return BindUnary(ast);
    case AstKind::kBinary:
      return BindBinary(ast);
  }
  return Error(ast, "expression is not supported");
}

absl::StatusOr<v1::Node> Binder::BindValue(const Ast& ast) {
  auto node = BindAny(ast);
  if (!node.ok()) return node;
  return FollowReference(*std::move(node));
}

absl::StatusOr<v1::Node> Binder::FollowReference(v1::Node node) {
  if (types_->at(node.type()).kind() == v1::TYPE_REFERENCE) {
    if (node.has_implicit_pointer()) return SyntheticTarget(node);
    const uint32_t target = types_->at(node.type()).target();
    node = MemoryObject(std::move(node), target);
  }
  types_->Expand(node.type());
  return node;
}

// ---------------------------------------------------------------------------------------------- names

absl::StatusOr<v1::Node> Binder::BindName(const Ast& ast) {
  if (module_ == nullptr) {
    if (auto extra = extras_->names.find(ast.text); extra != extras_->names.end()) return extra->second;
    if (ast.text.starts_with("$arg")) {
      int argument = 0;
      const bool number = absl::SimpleAtoi(ast.text.substr(4), &argument) && argument >= 0;
      const auto value = number ? types_->TemplateValue(object_.type(), static_cast<size_t>(argument)) : std::nullopt;
      if (!value.has_value()) return absl::NotFoundError(absl::StrCat("no template argument ", ast.text));
      return MakeConstant(&*value, sizeof(*value), Fundamental(types_, "unsigned long"));
    }
    types_->Expand(object_.type());
    auto member = FindMember(*types_, object_, ast.text);
    if (!absl::IsNotFound(member.status())) return member;
    const auto die = dwarf::StripTypedefs(types_->DieOf(object_.type()));
    const auto enumerator = die.has_value() ? dwarf::EnumeratorOf(*die, ast.text) : std::nullopt;
    return enumerator.has_value() ? MakeConstant(&*enumerator, sizeof(*enumerator), Fundamental(types_, "long"))
                                  : member;
  }
  if (ast.text == "this") return BindThis(ast);
  if (ast.text.starts_with('$')) return BindPseudoVariable(ast);
  for (const dwarf::Variable& variable : variables_) {
    if (variable.name != ast.text) continue;
    return variable.is_import ? BindEntity(dwarf::FindImported(*module_, *scope_, variable)) : BindVariable(variable);
  }
  auto member = BindThisMember(ast.text);
  if (auto self = ThisObject(true); member.ok() && self.ok() && types_->HidesBytes(self->type())) {
    beside_secrets_.insert(&ast);
  }
  if (member.ok() || !absl::IsNotFound(member.status())) return member;
  auto entity = BindEntity(dwarf::FindName(*module_, *scope_, ast.text));
  if (entity.ok() || !absl::IsNotFound(entity.status())) return entity;
  std::vector<std::string> candidates;
  for (const dwarf::Variable& variable : variables_) candidates.push_back(variable.name);
  if (auto self = ThisObject(true); self.ok()) {
    for (std::string& name : MemberNames(*types_, self->type())) candidates.push_back(std::move(name));
  }
  return UnknownName(ast, absl::StrCat("no variable '", ast.text, "' is known in ", scope_->name), candidates);
}

absl::StatusOr<v1::Node> Binder::BindEntity(const absl::StatusOr<dwarf::NamedEntity>& entity) {
  if (!entity.ok()) return entity.status();
  if (entity->variable.has_value()) return BindVariable(*entity->variable);
  const uint32_t type = types_->Add(entity->enumerator->enumeration);
  const uint64_t size = types_->at(type).size();
  return MakeConstant(&entity->enumerator->value, std::min<uint64_t>(size == 0 ? 4 : size, 8), type);
}

absl::StatusOr<v1::Node> Binder::BindVariable(const dwarf::Variable& variable) {
  if (const auto rule = types_->redaction().ForName(variable.name)) {
    return Redacted(variable.name, absl::StrCat("its name matches '", *rule, "'"));
  }
  auto location = dwarf::LocationOf(*module_, *scope_, variable.die, point_);
  if (!location.ok()) {
    if (absl::IsFailedPrecondition(location.status())) missing_variable_ = variable;
    // Broken debug information of one variable is not an error of the expression that names it.
    const bool broken = absl::IsInvalidArgument(location.status()) || absl::IsNotFound(location.status());
    const absl::Status status = broken ? absl::DataLossError(location.status().message()) : location.status();
    return WithContext(status, absl::StrCat("'", variable.name, "'"));
  }
  const uint32_t type = types_->AddTypeOf(variable.die);
  auto object = Typed(*std::move(location), type, absl::StrCat("'", variable.name, "'"));
  return object.ok() ? WithComputedCount(variable, *std::move(object)) : object;
}

v1::Node Binder::WithDynamicType(v1::Node node) {
  const v1::Type type = types_->at(node.type());
  if (type.kind() == v1::TYPE_REFERENCE) {
    types_->Expand(type.target());
    const uint32_t target = DynamicType(type.target());
    if (target != type.target()) node.set_type(types_->ReferenceTo(node.type(), target));
  } else if (IsInMemory(node)) {
    node.set_type(DynamicType(node.type()));
  }
  return node;
}

uint32_t Binder::DynamicType(uint32_t type) {
  const std::optional<Dwarf_Die> die = types_->DieOf(type);
  if (types_->at(type).kind() != v1::TYPE_STRUCT || !die.has_value()) return type;
  if (shaper_->ShapeOf(type).kind() != v1::Shape::NONE) return type;
  const std::optional<Dwarf_Die> core = dwarf::StripTypedefs(die);
  const auto derived = core.has_value() ? dwarf::DerivedClassesOf(*module_, *core) : std::vector<dwarf::DerivedClass>();
  if (derived.empty()) return type;
  v1::Shape shape;
  shape.set_kind(v1::Shape::VARIANT);
  shape.set_element(type);
  *shape.add_parts()->mutable_value() = MemoryObject(Self(), type);
  // The vtable pointer as a link-time address, whatever the load address is.
  const v1::Node vtable =
      WordBinary(v1::OP_ADD, WordBinary(v1::OP_SUB, MemoryObject(Self(), 0), dwarf::RegisterNode(dwarf::kRipRegister)),
                 Word(point_.probe.value));
  v1::Node selector = Word(0);
  for (const dwarf::DerivedClass& candidate : derived) {
    const uint32_t whole = types_->Add(candidate.type);
    if (types_->at(whole).kind() != v1::TYPE_STRUCT || shaper_->ShapeOf(whole).kind() != v1::Shape::NONE) continue;
    const auto number = static_cast<uint64_t>(shape.parts_size());
    v1::Node matches = WordBinary(v1::OP_EQ, vtable, Word(candidate.vtable.value));
    selector = WordBinary(v1::OP_ADD, std::move(selector), WordBinary(v1::OP_MUL, std::move(matches), Word(number)));
    v1::Shape::Part* part = shape.add_parts();
    part->set_name(types_->at(whole).name());
    *part->mutable_value() = MemoryObject(AddOffset(Self(), -static_cast<int64_t>(candidate.offset)), whole);
  }
  *shape.mutable_engaged() = std::move(selector);
  return shape.parts_size() > 1 ? types_->WithShape(type, shape) : type;
}

v1::Node Binder::WithComputedCount(const dwarf::Variable& variable, v1::Node object) {
  if (types_->at(object.type()).kind() != v1::TYPE_ARRAY || types_->at(object.type()).count() != 0) return object;
  const auto array = dwarf::StripTypedefs(dwarf::TypeOf(variable.die));
  auto bound = array.has_value() ? dwarf::ComputedBoundOf(*array) : std::nullopt;
  if (!bound.has_value()) return object;
  absl::StatusOr<v1::Node> count = absl::NotFoundError("");
  if (bound->variable.has_value()) {
    const uint32_t type = types_->AddTypeOf(*bound->variable);
    if (!IsInteger(types_->at(type))) return object;
    auto location = dwarf::LocationOf(*module_, *scope_, *bound->variable, point_);
    if (location.ok()) count = Typed(*std::move(location), type, "the bound");
    if (count.ok()) count = Converted(*types_, *std::move(count), Fundamental(types_, "unsigned long"));
  } else {
    count = dwarf::ComputedWord(*module_, *scope_, bound->attribute, point_);
    if (count.ok()) ResolveTypeMarks(&*count);
  }
  // The array is still there when its bound is not: its elements cannot be counted then.
  if (!count.ok()) return object;
  if (bound->offset != 0) count = WordBinary(v1::OP_ADD, *std::move(count), Word(static_cast<uint64_t>(bound->offset)));
  object.set_type(types_->WithCount(object.type(), *count));
  return object;
}

void Binder::ResolveTypeMarks(v1::Node* node) {
  dwarf::ResolveTypeMarks(
      [this](uint32_t mark) {
        const uint32_t size = mark & 0xff;
        if (mark == dwarf::kWideMark) return types_->Builtin(v1::TYPE_UNSIGNED, size, "unsigned __int128");
        if (dwarf::IsFloatMark(mark))
          return Fundamental(types_, size == 4 ? "float" : size == 8 ? "double" : "long double");
        return size == 16 ? types_->Builtin(v1::TYPE_SIGNED, size, "__int128") : Fundamental(types_, "long");
      },
      node);
}

absl::StatusOr<v1::Node> Binder::Typed(v1::Node location, uint32_t type, std::string_view what) {
  if (dwarf::IsFloatMark(location.type())) {
    const bool same = IsFloat(types_->at(type)) && types_->at(type).size() == (location.type() & 0xff);
    if (!same) return absl::UnimplementedError(absl::StrCat(std::string(what), " is computed as another type"));
    ResolveTypeMarks(&location);
    location.set_type(type);
    return location;
  }
  const bool wide = location.type() == dwarf::kWideMark;
  ResolveTypeMarks(&location);
  const v1::Type t = types_->at(type);
  if (wide) {
    const bool integer = t.kind() == v1::TYPE_SIGNED || t.kind() == v1::TYPE_UNSIGNED;
    if (!integer || t.size() != 16) {
      return absl::UnimplementedError(absl::StrCat(std::string(what), " is computed as another type"));
    }
    return Converted(*types_, std::move(location), type);
  }
  const bool aggregate = t.kind() == v1::TYPE_STRUCT || t.kind() == v1::TYPE_UNION || t.kind() == v1::TYPE_ARRAY;
  const bool computed = location.has_unary() || location.has_binary() || location.has_convert();
  const bool chosen = location.has_select() || location.has_checked();
  // A computed truth may have more bits than its lowest one (`~x` of a comparison): no conversion may hide that.
  const bool bytes = aggregate || IsFloat(t) || t.kind() == v1::TYPE_BOOL;
  if ((bytes && computed) || chosen) {
    // A computed word (DW_OP_stack_value) is the object's bytes.
    if (t.size() > 8) return absl::UnimplementedError(absl::StrCat(std::string(what), " is computed piecewise"));
    v1::Node whole;
    v1::Composite::Piece* piece = whole.mutable_composite()->add_pieces();
    piece->set_size(static_cast<uint32_t>(t.size()));
    *piece->mutable_value() = std::move(location);
    location = std::move(whole);
  }
  location.set_type(type);
  return WithoutRedactedPieces(*types_, std::move(location));
}

const dwarf::Variable* Binder::ThisVariable() const {
  // gcc calls that of a lambda's own function __closure.
  for (const std::string_view name : {"this", "__closure"}) {
    for (const dwarf::Variable& variable : variables_) {
      if (variable.name == name) return &variable;
    }
  }
  return nullptr;
}

// The captured `this` of a lambda: clang calls the member "this", gcc "__this"; no program can.
absl::StatusOr<v1::Node> Binder::CapturedThis(const v1::Node& closure) {
  auto captured = FindMember(*types_, closure, "this");
  return captured.ok() ? captured : FindMember(*types_, closure, "__this");
}

// The object that `this`, or the closure of a lambda, points to. Names can be looked up in its type before it is asked
// where the pointer is: `without_place` is then the object at address 0.
absl::StatusOr<v1::Node> Binder::ThisObject(bool without_place) {
  const dwarf::Variable* variable = ThisVariable();
  if (variable == nullptr) return absl::NotFoundError("no 'this' here");
  const uint32_t target = types_->at(types_->AddTypeOf(variable->die)).target();
  types_->Expand(target);
  if (without_place) return MemoryObject(Word(0), target);
  auto self = BindVariable(*variable);
  if (!self.ok()) return self;
  return MemoryObject(*std::move(self), target);
}

absl::StatusOr<v1::Node> Binder::BindThis(const Ast& ast) {
  for (const dwarf::Variable& variable : variables_) {
    // The captured one of a lambda, as gcc describes it when it does not optimise.
    if (variable.name == "this" && ThisVariable() != &variable) return BindVariable(variable);
  }
  const dwarf::Variable* self = ThisVariable();
  if (self == nullptr) return UnknownName(ast, absl::StrCat("no 'this' is known in ", scope_->name), {});
  // The pointer alone does not need what is inside its class: that may take a search through all units.
  const auto pointer = dwarf::StripTypedefs(dwarf::TypeOf(self->die));
  const auto pointed = pointer.has_value() ? dwarf::StripTypedefs(dwarf::TypeOf(*pointer)) : std::nullopt;
  if (!pointed.has_value() || !dwarf::CapturesThis(*pointed)) return BindVariable(*self);
  auto object = ThisObject(false);
  return object.ok() ? CapturedThis(*object) : object;
}

absl::StatusOr<v1::Node> Binder::BindThisMember(std::string_view name) {
  auto type = ThisObject(true);
  if (!type.ok()) return type;
  // A lambda's captures are members of its closure: "name", or "__name" as gcc has it.
  for (const std::string& member : {std::string(name), absl::StrCat("__", std::string(name))}) {
    auto exists = FindMember(*types_, *type, member);
    if (!exists.ok() && !absl::IsNotFound(exists.status())) return exists;
    if (!exists.ok() || (member != name && ThisVariable()->name != "__closure")) continue;
    auto object = ThisObject(false);
    return object.ok() ? FindMember(*types_, *object, member) : object;
  }
  auto captured = CapturedThis(*type);
  if (!captured.ok()) return absl::NotFoundError("no such member");
  const uint32_t target = types_->at(captured->type()).target();
  types_->Expand(target);
  auto exists = FindMember(*types_, MemoryObject(Word(0), target), name);
  if (!exists.ok()) return exists;
  auto object = ThisObject(false);
  if (!object.ok()) return object;
  captured = CapturedThis(*object);
  return captured.ok() ? FindMember(*types_, MemoryObject(*std::move(captured), target), name) : captured;
}

absl::StatusOr<v1::Node> Binder::BindLiteral(const Ast& ast) {
  switch (ast.kind) {
    case AstKind::kFloat: {
      if (ast.type_name == "float") {
        const float value = static_cast<float>(ast.floating);
        return MakeConstant(&value, sizeof(value), Fundamental(types_, "float"));
      }
      return MakeConstant(&ast.floating, sizeof(ast.floating), Fundamental(types_, "double"));
    }
    case AstKind::kBool:
      return MakeConstant(&ast.integer, 1, Fundamental(types_, "bool"));
    case AstKind::kChar:
      return MakeConstant(&ast.integer, 1, Fundamental(types_, "char"));
    case AstKind::kNull: {
      const uint64_t zero = 0;
      return MakeConstant(&zero, sizeof(zero), types_->PointerTo(0));
    }
    case AstKind::kTime:
      return Error(ast, "a time can only be compared with $duration, as in $duration > 5ms");
    case AstKind::kString:
      return Error(ast, "a string literal can only be compared with a string, by == or !=");
    default: {
      const uint32_t type = Fundamental(types_, ast.type_name.empty() ? "int" : ast.type_name);
      return MakeConstant(&ast.integer, types_->at(type).size(), type);
    }
  }
}

// ---------------------------------------------------------------------------------------------- access

absl::StatusOr<v1::Node> Binder::BindMember(const Ast& ast) {
  auto object = BindValue(*ast.operands[0]);
  if (!object.ok()) return object;
  if (ast.kind == AstKind::kArrow) {
    object = Dereferenced(ast, *std::move(object));
    if (!object.ok()) return object;
    object = FollowReference(*std::move(object));
    if (!object.ok()) return object;
  }
  const v1::Type& type = types_->at(object->type());
  if (type.kind() == v1::TYPE_POINTER) {
    const Ast& pointer = *ast.operands[0];
    return WithHint(Error(ast, absl::StrCat("'", type.name(), "' is a pointer; use '->'")),
                    absl::StrCat("write ", source_.substr(pointer.begin, pointer.end - pointer.begin), "->", ast.text));
  }
  if (type.kind() == v1::TYPE_OPAQUE) {
    return absl::NotFoundError(expr::WithCaret(
        absl::StrCat(
            "the members of ", type.name(),
            " are not in the debug information: it is only declared here, and not defined in one way elsewhere"),
        source_, ast.begin));
  }
  if (type.kind() != v1::TYPE_STRUCT && type.kind() != v1::TYPE_UNION) {
    return Error(ast, absl::StrCat("'", type.name(), "' has no members"));
  }
  if (auto status = CheckTypeVisible(*types_, object->type()); !status.ok()) return status;
  if (types_->HidesBytes(object->type())) beside_secrets_.insert(&ast);
  auto member = FindMember(*types_, *object, ast.text);
  if (absl::IsNotFound(member.status())) {
    if (types_->at(object->type()).fields_size() == 0) {
      return absl::NotFoundError(expr::WithCaret(
          absl::StrCat("the members of ", type.name(), " are not in the debug information"), source_, ast.begin));
    }
    return UnknownName(ast, std::string(member.status().message()), MemberNames(*types_, object->type()));
  }
  return member;
}

bool Binder::IsMap(uint32_t type) {
  const v1::Shape shape = shaper_->ShapeOf(type);
  if (shape.kind() != v1::Shape::ALIAS) return shape.is_map();
  return shaper_->ShapeOf(shape.parts(0).value().type()).is_map();
}

absl::StatusOr<v1::Node> Binder::BindIndex(const Ast& ast) {
  auto base = BindValue(*ast.operands[0]);
  if (!base.ok()) return base;
  if (types_->redaction().active() && ast.operands[0]->kind == AstKind::kAddressOf) {
    return Redacted("&", "what lies beside a variable is not shown; use [i] of an array");
  }
  if (module_ == nullptr && ast.operands[1]->kind == AstKind::kString) {
    return FindBase(types_, *base, ast.operands[1]->text);
  }
  if (types_->at(base->type()).kind() == v1::TYPE_STRUCT && IsMap(base->type())) return MapElement(ast, *base);
  auto index = BindValue(*ast.operands[1]);
  if (!index.ok()) return index;
  if (!IsInteger(types_->at(index->type()))) return Error(*ast.operands[1], "an index must be an integer");

  const v1::Type type = types_->at(base->type());
  if (type.kind() == v1::TYPE_STRUCT) {
    const v1::Shape::Kind kind = shaper_->ShapeOf(base->type()).kind();
    if (kind == v1::Shape::SEQUENCE || kind == v1::Shape::STRING || kind == v1::Shape::BLOCKS) {
      return SequenceElement(ast, *base, *std::move(index));
    }
    if (kind == v1::Shape::BITS) return BitElement(ast, *base, *std::move(index));
    if (kind != v1::Shape::POINTER) return Error(ast, absl::StrCat("'", type.name(), "' cannot be indexed"));
  }
  auto first = Dereferenced(ast, *base);
  if (!first.ok()) return first;
  types_->Expand(first->type());
  const uint64_t stride = types_->at(first->type()).size();
  if (stride == 0) return Error(ast, "the size of the elements is not in the debug information");
  const uint32_t word = Fundamental(types_, "long");
  v1::Node position = Converted(*types_, *std::move(index), word);
  v1::Node in_bounds =
      MakeBinary(v1::OP_LT, Converted(*types_, position, Fundamental(types_, "unsigned long")),
                 type.shape().has_size() ? type.shape().size() : Word(type.count()), Fundamental(types_, "bool"));
  if (!IsInMemory(*first)) {
    if (ConstantWord(position) == 0u) return first;
    return Error(ast, "what the pointer points to is not in memory here");
  }
  v1::Node address = AddressOf(*first);
  if (auto constant = ConstantWord(position)) {
    address = AddOffset(std::move(address), static_cast<int64_t>(*constant * stride));
  } else {
    v1::Node scaled = MakeBinary(v1::OP_MUL, std::move(position), MakeConstant(&stride, sizeof(stride), word), word);
    address = WordBinary(v1::OP_ADD, std::move(address), std::move(scaled));
  }
  v1::Node element = MemoryObject(std::move(address), first->type());
  if (type.kind() != v1::TYPE_ARRAY || (type.count() == 0 && !type.shape().has_size())) return element;
  return MakeChecked(std::move(in_bounds), std::move(element), "index out of range");
}

absl::StatusOr<v1::Node> Binder::BindAddressOf(const Ast& ast) {
  auto operand = BindValue(*ast.operands[0]);
  if (!operand.ok()) return operand;
  if (auto status = CheckMayMove(*ast.operands[0], "the address of a part of it"); !status.ok()) return status;
  if (types_->redaction().active() && IsCharacter(types_->at(operand->type()))) {
    return Redacted(ast.operands[0]->text, "text from its address on could be anything");
  }
  if (!IsInMemory(*operand))
    return Error(ast, "the operand of '&' is not in memory here (register, constant or value)");
  v1::Node address = AddressOf(*operand);
  return MakeConvert(std::move(address), types_->PointerTo(operand->type()));
}

// Whether a pointer to where the expression's object begins could be moved to something redacted beside it: the object
// is a member, or an element of a member, of one that has redacted parts.
absl::Status Binder::CheckMayMove(const Ast& ast, std::string_view what) const {
  const Ast* part = &ast;
  while (part->kind == AstKind::kMember || part->kind == AstKind::kIndex || part->kind == AstKind::kArrow ||
         part->kind == AstKind::kAccessor || part->kind == AstKind::kName) {
    if (beside_secrets_.count(part) != 0) {
      return Redacted(part->text, absl::StrCat(std::string(what), " could be moved to what is redacted beside it"));
    }
    if (part->operands.empty() || part->kind == AstKind::kArrow) break;
    part = part->operands[0].get();
  }
  return absl::OkStatus();
}

// ---------------------------------------------------------------------------------------------- operators

absl::StatusOr<v1::Node> Binder::Scalar(const Ast& ast, v1::Node node) {
  const v1::Type& type = types_->at(node.type());
  // A narrow unsigned bitfield promotes to int ([conv.prom]).
  if (node.has_member() && node.member().bit_size() != 0 && node.member().bit_size() < 32 && type.size() == 4) {
    return Converted(*types_, std::move(node), Fundamental(types_, "int"));
  }
  if (IsScalar(type)) return node;
  if (type.kind() == v1::TYPE_ARRAY && IsInMemory(node)) {
    if (auto status = CheckMayMove(ast, "a pointer into it"); !status.ok()) return status;
    const uint32_t pointer = types_->PointerTo(type.target());
    return MakeConvert(AddressOf(node), pointer);
  }
  if (type.kind() == v1::TYPE_STRUCT) {
    const v1::Shape shape = shaper_->ShapeOf(node.type());
    if (shape.kind() == v1::Shape::POINTER) return Inside(ast, shape.data(), node);
    if (shape.kind() == v1::Shape::ALIAS) {
      auto value = Inside(ast, shape.parts(0).value(), node);
      if (value.ok() && IsScalar(types_->at(value->type()))) return value;
    }
  }
  return Error(ast, absl::StrCat("'", type.name(), "' is not a number or pointer"));
}

absl::StatusOr<v1::Node> Binder::Truth(const Ast& ast, v1::Node node) {
  if (types_->at(node.type()).kind() == v1::TYPE_STRUCT &&
      shaper_->ShapeOf(node.type()).kind() == v1::Shape::OPTIONAL) {
    auto engaged = Inside(ast, shaper_->ShapeOf(node.type()).engaged(), node);
    if (!engaged.ok()) return engaged;
    node = *std::move(engaged);
  }
  auto scalar = Scalar(ast, std::move(node));
  if (!scalar.ok()) return scalar;
  return Converted(*types_, *std::move(scalar), Fundamental(types_, "bool"));
}

absl::StatusOr<v1::Node> Binder::BindUnary(const Ast& ast) {
  auto operand = BindValue(*ast.operands[0]);
  if (!operand.ok()) return operand;
  if (ast.text == "!") {
    auto truth = Truth(*ast.operands[0], *std::move(operand));
    if (!truth.ok()) return truth;
    return MakeUnary(v1::OP_NOT, *std::move(truth), Fundamental(types_, "bool"));
  }
  auto scalar = Scalar(*ast.operands[0], *std::move(operand));
  if (!scalar.ok()) return scalar;
  const v1::Type& type = types_->at(scalar->type());
  if (!IsArithmetic(type) || (ast.text == "~" && !IsInteger(type))) {
    return Error(ast, absl::StrCat("'", ast.text, "' cannot be applied to '", type.name(), "'"));
  }
  const uint32_t promoted = Promoted(types_, scalar->type());
  v1::Node value = Converted(*types_, *std::move(scalar), promoted);
  if (ast.text == "+") return value;
  return MakeUnary(ast.text == "-" ? v1::OP_NEG : v1::OP_BIT_NOT, std::move(value), promoted);
}

absl::StatusOr<v1::Node> Binder::BindPointerArithmetic(const Ast& ast, v1::Operator op, v1::Node left, v1::Node right) {
  for (const auto& operand : ast.operands) {
    if (types_->redaction().active() && operand->kind == AstKind::kAddressOf) {
      return Redacted("&", "what lies beside a variable is not shown; use [i] of an array");
    }
  }
  const bool left_is_pointer = IsPointer(types_->at(left.type()));
  const bool right_is_pointer = IsPointer(types_->at(right.type()));
  const uint32_t pointer = left_is_pointer ? left.type() : right.type();
  types_->Expand(types_->at(pointer).target());
  const uint64_t stride = types_->at(types_->at(pointer).target()).size();
  const bool valid = stride != 0 && ((left_is_pointer && right_is_pointer && op == v1::OP_SUB) ||
                                     (left_is_pointer != right_is_pointer && op == v1::OP_ADD) ||
                                     (left_is_pointer && !right_is_pointer && op == v1::OP_SUB));
  if (!valid) return Error(ast, absl::StrCat("'", ast.text, "' cannot be applied to these pointers"));
  const uint32_t word = Fundamental(types_, "long");
  v1::Node scale = MakeConstant(&stride, sizeof(stride), word);
  if (left_is_pointer && right_is_pointer) {
    v1::Node bytes = MakeBinary(v1::OP_SUB, Converted(*types_, std::move(left), word),
                                Converted(*types_, std::move(right), word), word);
    return MakeBinary(v1::OP_DIV, std::move(bytes), std::move(scale), word);
  }
  if (!left_is_pointer) left.Swap(&right);
  v1::Node base = std::move(left), count = std::move(right);
  if (!IsInteger(types_->at(count.type()))) return Error(ast, "a pointer can only be moved by an integer");
  v1::Node bytes = MakeBinary(v1::OP_MUL, Converted(*types_, std::move(count), word), std::move(scale), word);
  return MakeConvert(WordBinary(op, std::move(base), std::move(bytes)), pointer);
}

absl::StatusOr<v1::Node> Binder::BindComparison(const Ast& ast, v1::Operator op, v1::Node left, v1::Node right) {
  const uint32_t result = Fundamental(types_, "bool");
  const v1::Type& l = types_->at(left.type());
  const v1::Type& r = types_->at(right.type());
  if (IsPointer(l) || IsPointer(r)) {
    if (!(IsPointer(l) || IsNullLiteral(left)) || !(IsPointer(r) || IsNullLiteral(right))) {
      return Error(ast, absl::StrCat("cannot compare '", l.name(), "' with '", r.name(), "'"));
    }
    const uint32_t word = Fundamental(types_, "unsigned long");
    return MakeBinary(op, Converted(*types_, std::move(left), word), Converted(*types_, std::move(right), word),
                      result);
  }
  const uint32_t common = CommonType(types_, left.type(), right.type());
  return MakeBinary(op, Converted(*types_, std::move(left), common), Converted(*types_, std::move(right), common),
                    result);
}

absl::StatusOr<v1::Node> Binder::BindBinary(const Ast& ast) {
  const v1::Operator op = BinaryOperator(ast.text);
  if (op == v1::OP_NONE) return Error(ast, absl::StrCat("operator '", ast.text, "' is not supported"));
  const bool left_text = ast.operands[0]->kind == AstKind::kString;
  if ((left_text || ast.operands[1]->kind == AstKind::kString) && IsComparison(op)) {
    auto text = BindValue(*ast.operands[left_text ? 1 : 0]);
    if (!text.ok()) return text;
    return TextComparison(ast, left_text ? Mirrored(op) : op, *text, ast.operands[left_text ? 0 : 1]->text);
  }
  const bool left_time = ast.operands[0]->kind == AstKind::kTime;
  if ((left_time || ast.operands[1]->kind == AstKind::kTime) && IsComparison(op)) {
    return TimeComparison(left_time ? Mirrored(op) : op, *ast.operands[left_time ? 1 : 0],
                          *ast.operands[left_time ? 0 : 1]);
  }
  auto left = BindValue(*ast.operands[0]);
  if (!left.ok()) return left;
  auto right = BindValue(*ast.operands[1]);
  if (!right.ok()) return right;
  if (op == v1::OP_LOGICAL_AND || op == v1::OP_LOGICAL_OR) {
    left = Truth(*ast.operands[0], *std::move(left));
    if (!left.ok()) return left;
    right = Truth(*ast.operands[1], *std::move(right));
    if (!right.ok()) return right;
    return MakeBinary(op, *std::move(left), *std::move(right), Fundamental(types_, "bool"));
  }
  left = Scalar(*ast.operands[0], *std::move(left));
  if (!left.ok()) return left;
  right = Scalar(*ast.operands[1], *std::move(right));
  if (!right.ok()) return right;
  if (IsComparison(op)) return BindComparison(ast, op, *std::move(left), *std::move(right));
  if (IsPointer(types_->at(left->type())) || IsPointer(types_->at(right->type()))) {
    return BindPointerArithmetic(ast, op, *std::move(left), *std::move(right));
  }
  const bool shift = op == v1::OP_SHL || op == v1::OP_SHR;
  const bool integers_only = shift || op == v1::OP_MOD || op == v1::OP_AND || op == v1::OP_OR || op == v1::OP_XOR;
  const uint32_t common = CommonType(types_, left->type(), right->type());
  if (integers_only && IsFloat(types_->at(common))) {
    return Error(ast, absl::StrCat("'", ast.text, "' needs integers"));
  }
  const uint32_t left_type = shift ? Promoted(types_, left->type()) : common;
  const uint32_t right_type = shift ? Promoted(types_, right->type()) : common;
  return MakeBinary(op, Converted(*types_, *std::move(left), left_type),
                    Converted(*types_, *std::move(right), right_type), left_type);
}

}  // namespace dlog::plan
