// SPDX-License-Identifier: Apache-2.0
//
// What goes through the Shape of a library type: dereferencing, elements, size() and the like, and text comparison.
// Also casts.
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "symbolizer/plan/binder.h"
#include "symbolizer/plan/conversions.h"
#include "symbolizer/plan/nodes.h"
#include "symbolizer/plan/redacted.h"
#include "symbolizer/plan/text_comparison.h"

namespace dlog::plan {
namespace {

using expr::Ast;

}  // namespace

absl::StatusOr<v1::Node> Binder::Inside(const Ast& ast, const v1::Node& pattern, const v1::Node& object) {
  auto node = InsideObject(pattern, object);
  if (!node) return Error(ast, absl::StrCat("the ", types_->at(object.type()).name(), " is not in memory here"));
  return *std::move(node);
}

absl::StatusOr<v1::Node> Binder::Dereferenced(const Ast& ast, v1::Node node) {
  const v1::Type type = types_->at(node.type());
  if (type.kind() == v1::TYPE_POINTER || type.kind() == v1::TYPE_ARRAY) {
    const uint32_t target = type.target();
    if (target == 0 || types_->at(target).kind() == v1::TYPE_FUNCTION) {
      return Error(ast, absl::StrCat("cannot dereference '", type.name(), "'"));
    }
    if (type.kind() == v1::TYPE_ARRAY) {
      if (!IsInMemory(node)) return Error(ast, "the array is not in memory here");
      node = AddressOf(node);
    }
    if (node.has_implicit_pointer()) return SyntheticTarget(node);
    types_->Expand(target);
    return MemoryObject(std::move(node), target);
  }
  const v1::Shape shape = shaper_->ShapeOf(node.type());
  const bool iterator = shape.kind() == v1::Shape::ALIAS && shape.has_data();
  if (shape.kind() != v1::Shape::POINTER && shape.kind() != v1::Shape::OPTIONAL && !iterator) {
    return Error(ast, absl::StrCat("'", type.name(), "' is not a pointer"));
  }
  types_->Expand(shape.element());
  if (shape.kind() == v1::Shape::OPTIONAL) {
    auto engaged = Inside(ast, shape.engaged(), node);
    if (!engaged.ok()) return engaged;
    // As an object: where it is, or the part of the registers that holds it.
    auto value = Inside(ast, MemoryObject(shape.data(), shape.element()), node);
    if (!value.ok()) return value;
    return MakeChecked(*std::move(engaged), *std::move(value), "the optional is empty");
  }
  auto target = Inside(ast, shape.data(), node);
  if (!target.ok()) return target;
  return MemoryObject(*std::move(target), shape.element());
}

absl::StatusOr<v1::Node> Binder::MapElement(const Ast& ast, const v1::Node& map) {
  const v1::Shape shape = shaper_->ShapeOf(map.type());
  const std::string name = types_->at(map.type()).name();
  if (shape.kind() == v1::Shape::ALIAS) {
    auto inner = Inside(ast, shape.parts(0).value(), map);
    return inner.ok() ? MapElement(ast, *inner) : inner;
  }
  if (shape.kind() == v1::Shape::SEQUENCE) return Error(ast, absl::StrCat("'", name, "' cannot be searched by a key"));
  types_->Expand(shape.element());
  // The pair's members, as the renderer finds them: of its shape, or of the struct that it is.
  const v1::Shape pair = shaper_->ShapeOf(shape.element());
  const v1::Type& pair_type = types_->at(shape.element());
  uint32_t key_type = 0;
  uint32_t value_type = 0;
  if (pair.kind() == v1::Shape::MEMBERS && pair.parts_size() == 2) {
    key_type = pair.parts(0).value().type();
    value_type = pair.parts(1).value().type();
  } else if (pair.kind() == v1::Shape::NONE && pair_type.fields_size() == 2) {
    key_type = pair_type.fields(0).type();
    value_type = pair_type.fields(1).type();
  }
  if (value_type == 0) return Error(ast, absl::StrCat("the elements of '", name, "' are no pairs"));
  types_->Expand(key_type);
  types_->Expand(value_type);
  const Ast& key_ast = *ast.operands[1];
  const std::string key_name = types_->at(key_type).name();
  if (key_ast.kind == expr::AstKind::kString) {
    const v1::Shape key_shape = shaper_->ShapeOf(key_type);
    if (key_shape.kind() != v1::Shape::STRING || types_->at(key_shape.element()).size() != 1) {
      return Error(key_ast, absl::StrCat("the keys are '", key_name, "', no strings"));
    }
    return MakeLookup(map, nullptr, key_ast.text, value_type);
  }
  auto key = BindValue(key_ast);
  if (!key.ok()) return key;
  key = Scalar(key_ast, *std::move(key));
  if (!key.ok()) return key;
  if (!IsScalar(types_->at(key_type))) {
    return Error(key_ast, absl::StrCat("the keys are '", key_name,
                                       "'; only numbers, pointers and string literals can be looked up"));
  }
  const v1::Node converted = Converted(*types_, *std::move(key), key_type);
  return MakeLookup(map, &converted, "", value_type);
}

absl::StatusOr<v1::Node> Binder::SequenceElement(const Ast& ast, const v1::Node& sequence, v1::Node index) {
  const v1::Shape shape = shaper_->ShapeOf(sequence.type());
  types_->Expand(shape.element());
  uint64_t stride = types_->at(shape.element()).size();
  if (stride == 0) return Error(ast, "the size of the elements is not in the debug information");
  if (shape.kind() == v1::Shape::SEQUENCE && shape.node_size() != 0) stride = shape.node_size();
  const uint32_t word = Fundamental(types_, "unsigned long");
  auto begin = Inside(ast, shape.data(), sequence);
  if (!begin.ok()) return begin;
  auto count = SizeOf(ast, sequence);
  if (!count.ok()) return count;
  index = Converted(*types_, std::move(index), word);
  v1::Node in_bounds = MakeBinary(v1::OP_LT, index, *std::move(count), Fundamental(types_, "bool"));
  const auto constant = [&](uint64_t value) { return MakeConstant(&value, sizeof(value), word); };
  if (shape.kind() == v1::Shape::BLOCKS) {
    auto start = Inside(ast, shape.start(), sequence);
    if (!start.ok()) return start;
    const v1::Node position =
        MakeBinary(v1::OP_ADD, Converted(*types_, *std::move(start), word), std::move(index), word);
    v1::Node entry = WordBinary(
        v1::OP_ADD, *std::move(begin),
        MakeBinary(v1::OP_MUL, MakeBinary(v1::OP_DIV, position, constant(shape.block()), word), constant(8), word));
    begin = MemoryObject(std::move(entry), 0);
    index = MakeBinary(v1::OP_MOD, position, constant(shape.block()), word);
  }
  v1::Node element_address =
      WordBinary(v1::OP_ADD, *std::move(begin), MakeBinary(v1::OP_MUL, std::move(index), constant(stride), word));
  return MakeChecked(std::move(in_bounds), MemoryObject(std::move(element_address), shape.element()),
                     "index out of range");
}

absl::StatusOr<v1::Node> Binder::BindElements(const v1::Node& base, const Ast& count, std::string_view source) {
  source_ = std::string(source);
  missing_variable_.reset();
  auto bound = BindValue(count);
  if (!bound.ok()) return bound;
  auto number = Scalar(count, *std::move(bound));
  if (!number.ok()) return number;
  const v1::Type number_type = types_->at(number->type());
  if (!IsInteger(number_type)) return Error(count, "a number of elements must be an integer");
  auto object = FollowReference(base);
  if (!object.ok()) return object;
  const v1::Type type = types_->at(object->type());
  if (type.kind() != v1::TYPE_POINTER && type.kind() != v1::TYPE_ARRAY) {
    return Error(count, absl::StrCat("'", type.name(), "' is neither a pointer nor an array; others take a number"));
  }
  auto first = Dereferenced(count, *std::move(object));
  if (!first.ok()) return first;
  const uint64_t stride = types_->at(first->type()).size();
  if (stride == 0)
    return Error(count, absl::StrCat("the size of '", types_->at(first->type()).name(), "' is not known"));
  if (!IsInMemory(*first)) return Error(count, "what the pointer points to is not in memory here");

  const uint32_t boolean = Fundamental(types_, "bool");
  const uint32_t word = Fundamental(types_, "unsigned long");
  const v1::Node elements = Converted(*types_, *number, word);
  v1::Node shown = MemoryObject(AddressOf(*first), types_->WithCount(types_->ArrayOf(first->type(), 0), elements));
  if (const uint64_t most = type.count(); type.kind() == v1::TYPE_ARRAY && most != 0) {
    v1::Node fits = MakeBinary(v1::OP_LE, elements, MakeConstant(&most, sizeof(most), word), boolean);
    shown = MakeChecked(std::move(fits), std::move(shown), absl::StrCat("more than the array's ", most, " elements"));
  }
  if (!IsSignedInteger(number_type)) return shown;
  const int64_t zero = 0;
  const uint32_t wide = Fundamental(types_, "long");
  v1::Node counts = MakeBinary(v1::OP_GE, Converted(*types_, *std::move(number), wide),
                               MakeConstant(&zero, sizeof(zero), wide), boolean);
  return MakeChecked(std::move(counts), std::move(shown), "the number of elements is negative");
}

absl::StatusOr<v1::Node> Binder::BitElement(const Ast& ast, const v1::Node& bits, v1::Node index) {
  constexpr uint64_t kWordBits = 64;
  const v1::Shape shape = shaper_->ShapeOf(bits.type());
  const uint32_t word = Fundamental(types_, "unsigned long");
  const uint32_t boolean = Fundamental(types_, "bool");
  auto first = Inside(ast, shape.data(), bits);
  if (!first.ok()) return first;
  auto count = SizeOf(ast, bits);
  if (!count.ok()) return count;
  v1::Node position = Converted(*types_, std::move(index), word);
  v1::Node in_bounds = MakeBinary(v1::OP_LT, position, *std::move(count), boolean);
  if (shape.has_start()) {
    auto start = Inside(ast, shape.start(), bits);
    if (!start.ok()) return start;
    position = MakeBinary(v1::OP_ADD, Converted(*types_, *std::move(start), word), std::move(position), word);
  }
  const auto constant = [&](uint64_t value) { return MakeConstant(&value, sizeof(value), word); };
  v1::Node offset =
      MakeBinary(v1::OP_MUL, MakeBinary(v1::OP_DIV, position, constant(kWordBits), word), constant(8), word);
  v1::Node loaded = MemoryObject(WordBinary(v1::OP_ADD, *std::move(first), std::move(offset)), word);
  v1::Node bit = MakeBinary(v1::OP_SHR, std::move(loaded),
                            MakeBinary(v1::OP_MOD, std::move(position), constant(kWordBits), word), word);
  bit = Converted(*types_, MakeBinary(v1::OP_AND, std::move(bit), constant(1), word), boolean);
  return MakeChecked(std::move(in_bounds), std::move(bit), "index out of range");
}

absl::StatusOr<v1::Node> Binder::SizeOf(const Ast& ast, const v1::Node& container) {
  const v1::Shape shape = shaper_->ShapeOf(container.type());
  const uint32_t word = Fundamental(types_, "unsigned long");
  const std::string& name = types_->at(container.type()).name();
  switch (shape.kind()) {
    case v1::Shape::STRING:
    case v1::Shape::SEQUENCE:
    case v1::Shape::LIST:
    case v1::Shape::TREE:
    case v1::Shape::BLOCKS:
    case v1::Shape::SLOTS:
    case v1::Shape::BITS:
      break;
    case v1::Shape::ALIAS: {
      auto inner = Inside(ast, shape.parts(0).value(), container);
      return inner.ok() ? SizeOf(ast, *inner) : inner;
    }
    default:
      return Error(ast, absl::StrCat("'", name, "' is not a container that is known"));
  }
  if (shape.kind() == v1::Shape::SEQUENCE && shape.has_end()) {
    const uint64_t stride = types_->at(shape.element()).size();
    if (stride == 0) return Error(ast, "the size of the elements is not in the debug information");
    auto end = Inside(ast, shape.end(), container);
    if (!end.ok()) return end;
    auto begin = Inside(ast, shape.data(), container);
    if (!begin.ok()) return begin;
    v1::Node bytes = MakeBinary(v1::OP_SUB, Converted(*types_, *std::move(end), word),
                                Converted(*types_, *std::move(begin), word), word);
    return MakeBinary(v1::OP_DIV, std::move(bytes), MakeConstant(&stride, sizeof(stride), word), word);
  }
  if (!shape.has_size()) return Error(ast, absl::StrCat("'", name, "' does not know its size"));
  auto size = Inside(ast, shape.size(), container);
  if (!size.ok()) return size;
  return Converted(*types_, *std::move(size), word);
}

absl::StatusOr<v1::Node> Binder::BindAccessor(const Ast& ast) {
  auto bound = BindValue(*ast.operands[0]);
  if (!bound.ok()) return bound;
  const v1::Node& object = *bound;
  const v1::Shape shape = shaper_->ShapeOf(object.type());
  const uint32_t word = Fundamental(types_, "unsigned long");
  const std::string& name = ast.text;
  const auto unknown = [&] {
    return Error(ast, absl::StrCat("'", types_->at(object.type()).name(), "' has no ", name,
                                   "() that is known without running it"));
  };
  const auto zero = [&] {
    const uint64_t value = 0;
    return MakeConstant(&value, sizeof(value), word);
  };
  if (name == "size" || name == "length") return SizeOf(ast, object);
  if (name == "empty") {
    if (shape.kind() == v1::Shape::LIST && !shape.has_size()) {
      auto first = Inside(ast, shape.data(), object);
      if (!first.ok()) return first;
      auto end = shape.has_end() ? Inside(ast, shape.end(), object) : zero();
      if (!end.ok()) return end;
      return MakeBinary(v1::OP_EQ, Converted(*types_, *std::move(first), word),
                        Converted(*types_, *std::move(end), word), Fundamental(types_, "bool"));
    }
    auto size = SizeOf(ast, object);
    if (!size.ok()) return size;
    return MakeBinary(v1::OP_EQ, *std::move(size), zero(), Fundamental(types_, "bool"));
  }
  const bool indexed =
      shape.kind() == v1::Shape::SEQUENCE || shape.kind() == v1::Shape::STRING || shape.kind() == v1::Shape::BLOCKS;
  if (name == "front" && indexed) return SequenceElement(ast, object, zero());
  if (name == "back" && indexed) {
    auto size = SizeOf(ast, object);
    if (!size.ok()) return size;
    const uint64_t one = 1;
    return SequenceElement(ast, object,
                           MakeBinary(v1::OP_SUB, *std::move(size), MakeConstant(&one, sizeof(one), word), word));
  }
  if (name == "front" && (shape.kind() == v1::Shape::LIST || shape.kind() == v1::Shape::TREE)) {
    auto first = Inside(ast, shape.data(), object);
    if (!first.ok()) return first;
    v1::Node element = MemoryObject(SubstituteSelf(shape.value(), *first), shape.element());
    auto size = shape.has_size() ? Inside(ast, shape.size(), object) : *first;
    if (!size.ok()) return size;
    return MakeChecked(Converted(*types_, *std::move(size), word), std::move(element), "the container is empty");
  }
  if ((name == "data" || name == "c_str") &&
      (shape.kind() == v1::Shape::STRING || shape.kind() == v1::Shape::SEQUENCE)) {
    // The elements may lie inside the object: short strings, std::array.
    if (auto status = CheckMayMove(*ast.operands[0], "a pointer into it"); !status.ok()) return status;
    auto data = Inside(ast, shape.data(), object);
    if (!data.ok()) return data;
    return MakeConvert(*std::move(data), types_->PointerTo(shape.element()));
  }
  if (name == "has_value" && (shape.kind() == v1::Shape::OPTIONAL || shape.kind() == v1::Shape::VARIANT)) {
    auto engaged = Inside(ast, shape.engaged(), object);
    if (!engaged.ok()) return engaged;
    return Converted(*types_, *std::move(engaged), Fundamental(types_, "bool"));
  }
  if (name == "index" && shape.kind() == v1::Shape::VARIANT) {
    auto index = Inside(ast, shape.engaged(), object);
    if (!index.ok()) return index;
    return Converted(*types_, *std::move(index), word);
  }
  if (name == "value" && shape.kind() == v1::Shape::OPTIONAL) return Dereferenced(ast, object);
  if (name == "get" && shape.kind() == v1::Shape::POINTER) return Inside(ast, shape.data(), object);
  if (name == "use_count" && shape.kind() == v1::Shape::POINTER && shape.has_size()) {
    return Inside(ast, shape.size(), object);
  }
  if (name == "count" && shape.kind() == v1::Shape::TIME) return Inside(ast, shape.data(), object);
  if (name == "load" && shape.kind() == v1::Shape::ALIAS) return Inside(ast, shape.parts(0).value(), object);
  return unknown();
}

absl::StatusOr<v1::Node> Binder::TextComparison(const Ast& ast, v1::Operator op, const v1::Node& text,
                                                std::string_view literal) {
  const v1::Type type = types_->at(text.type());
  const auto no_text = [&] {
    return Error(ast, absl::StrCat("'", type.name(), "' cannot be compared with a string literal"));
  };
  TextPlace place;
  if (type.kind() == v1::TYPE_STRUCT) {
    const v1::Shape shape = shaper_->ShapeOf(text.type());
    if (shape.kind() == v1::Shape::ALIAS) {
      auto inner = Inside(ast, shape.parts(0).value(), text);
      return inner.ok() ? TextComparison(ast, op, *inner, literal) : inner;
    }
    if (shape.kind() != v1::Shape::STRING || types_->at(shape.element()).size() != 1) return no_text();
    auto size = SizeOf(ast, text);
    if (!size.ok()) return size;
    place.size = *std::move(size);
    auto data = Inside(ast, shape.data(), text);
    if (!data.ok()) return data;
    place.data = *std::move(data);
  } else {
    auto pointer = Scalar(ast, text);
    if (!pointer.ok()) return pointer;
    const v1::Type& pointer_type = types_->at(pointer->type());
    if (!IsPointer(pointer_type) || types_->at(pointer_type.target()).size() != 1) return no_text();
    place.data = *std::move(pointer);
    if (type.kind() == v1::TYPE_ARRAY) place.room = type.count();
  }
  auto compared = CompareText(types_, op, place, literal);
  return compared.ok()
             ? compared
             : Error(ast, std::string_view(compared.status().message().data(), compared.status().message().size()));
}

// ---------------------------------------------------------------------------------------------- casts

absl::StatusOr<uint32_t> Binder::NamedType(const Ast& ast) {
  uint32_t type = 0;
  if (ast.type_name == "void") {
    if (ast.integer == 0) return Error(ast, "a value cannot be cast to void");
  } else if (IsFundamental(ast.type_name)) {
    type = Fundamental(types_, ast.type_name);
  } else {
    // Where names mean members, those of types do what they do in the member functions.
    std::optional<uint32_t> found;
    if (module_ == nullptr) {
      found = types_->NamedNear(object_.type(), ast.type_name);
    } else if (const auto die = dwarf::FindType(*module_, *scope_, ast.type_name)) {
      found = types_->Add(*die);
    }
    if (!found) {
      return absl::NotFoundError(
          expr::WithCaret(absl::StrCat("no type '", ast.type_name, "' is known here"), source_, ast.begin));
    }
    type = *found;
  }
  for (uint64_t i = 0; i < ast.integer; ++i) type = types_->PointerTo(type);
  return type;
}

absl::StatusOr<v1::Node> Binder::BindCast(const Ast& ast) {
  auto named = NamedType(ast);
  if (!named.ok()) return named.status();
  const v1::Type to = types_->at(*named);
  if (!IsScalar(to)) return Error(ast, absl::StrCat("a cast to '", to.name(), "', which is no number or pointer"));
  auto operand = BindValue(*ast.operands[0]);
  if (!operand.ok()) return operand;
  auto value = Scalar(*ast.operands[0], *std::move(operand));
  if (!value.ok()) return value;
  const v1::Type from = types_->at(value->type());
  const bool same_sort = IsPointer(to) == IsPointer(from);
  const bool reinterprets = ast.text == "reinterpret_cast";
  if (ast.text == "static_cast" && !same_sort && !(IsPointer(to) && value->has_constant())) {
    return Error(ast, absl::StrCat("static_cast cannot turn '", from.name(), "' into '", to.name(), "'"));
  }
  if (reinterprets && same_sort && !IsPointer(to)) {
    return Error(ast, absl::StrCat("reinterpret_cast cannot turn '", from.name(), "' into '", to.name(), "'"));
  }
  if (IsPointer(to) && !IsPointer(from) && !IsInteger(from)) {
    return Error(ast, absl::StrCat("'", from.name(), "' cannot be cast to '", to.name(), "'"));
  }
  if (IsPointer(from) && !IsPointer(to) && (to.size() != 8 || !IsInteger(to)) && to.kind() != v1::TYPE_BOOL) {
    return Error(ast, absl::StrCat("'", from.name(), "' does not fit '", to.name(), "'"));
  }
  if (auto status = CheckCast(ast, value->type(), *named); !status.ok()) return status;
  return Converted(*types_, *std::move(value), *named);
}

// What a cast would show of redacted things: those around the object, those behind a number that the user made up.
absl::Status Binder::CheckCast(const Ast& ast, uint32_t from, uint32_t to) const {
  if (!types_->redaction().active()) return absl::OkStatus();
  if (auto status = CheckPointerCast(types_, from, to); !status.ok()) return status;
  // Visualizers come from who runs the daemon, and say what is there.
  if (!IsPointer(types_->at(to)) || module_ == nullptr) return absl::OkStatus();
  const Ast* operand = ast.operands[0].get();
  if (operand->kind == expr::AstKind::kAddressOf) {
    return Redacted("&", "a cast of an address could show what lies beside a variable");
  }
  if (IsPointer(types_->at(from))) return absl::OkStatus();
  while (operand->kind == expr::AstKind::kCast) operand = operand->operands[0].get();
  const bool made_up = operand->kind == expr::AstKind::kInteger || operand->kind == expr::AstKind::kBinary ||
                       operand->kind == expr::AstKind::kUnary || operand->kind == expr::AstKind::kChar;
  if (!made_up) return absl::OkStatus();
  return Redacted("cast", "what is at an address that is given as a number could be redacted");
}

}  // namespace dlog::plan
