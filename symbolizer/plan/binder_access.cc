// SPDX-License-Identifier: Apache-2.0
//
// What goes through the Shape of a library type: dereferencing, elements, size() and the like, and text comparison.
// Also casts.
#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "symbolizer/plan/binder.h"
#include "symbolizer/plan/conversions.h"
#include "symbolizer/plan/nodes.h"

namespace dlog::plan {
namespace {

using expr::Ast;

// Longest literal that a string can be compared with.
constexpr size_t kMaxComparedBytes = 256;
constexpr size_t kMaxComparedCString = 64;  // byte by byte: what follows the NUL may not be readable

// Terms joined by && as a balanced tree, which keeps their order.
v1::Node AllOf(std::vector<v1::Node> terms, uint32_t boolean) {
  while (terms.size() > 1) {
    std::vector<v1::Node> joined;
    for (size_t i = 0; i < terms.size(); i += 2) {
      joined.push_back(i + 1 < terms.size()
                           ? MakeBinary(v1::OP_LOGICAL_AND, std::move(terms[i]), std::move(terms[i + 1]), boolean)
                           : std::move(terms[i]));
    }
    terms = std::move(joined);
  }
  return std::move(terms[0]);
}

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
  if (shape.kind() != v1::Shape::POINTER && shape.kind() != v1::Shape::OPTIONAL) {
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

absl::StatusOr<v1::Node> Binder::SequenceElement(const Ast& ast, const v1::Node& sequence, v1::Node index) {
  const v1::Shape shape = shaper_->ShapeOf(sequence.type());
  types_->Expand(shape.element());
  const uint64_t stride = types_->at(shape.element()).size();
  if (stride == 0) return Error(ast, "the size of the elements is not in the debug information");
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
  const uint32_t boolean = Fundamental(types_, "bool");
  const uint32_t word = Fundamental(types_, "unsigned long");
  const v1::Type type = types_->at(text.type());
  if (op != v1::OP_EQ && op != v1::OP_NE) return Error(ast, "text can only be compared by == and !=");
  const auto constant = [&](uint64_t value, uint32_t of, size_t size) { return MakeConstant(&value, size, of); };
  std::vector<v1::Node> terms;
  if (type.kind() == v1::TYPE_STRUCT) {
    const v1::Shape shape = shaper_->ShapeOf(text.type());
    if (shape.kind() == v1::Shape::ALIAS) {
      auto inner = Inside(ast, shape.parts(0).value(), text);
      return inner.ok() ? TextComparison(ast, op, *inner, literal) : inner;
    }
    if (shape.kind() != v1::Shape::STRING || types_->at(shape.element()).size() != 1) {
      return Error(ast, absl::StrCat("'", type.name(), "' cannot be compared with a string literal"));
    }
    if (literal.size() > kMaxComparedBytes) return Error(ast, "the string literal is too long to be compared");
    auto size = SizeOf(ast, text);
    if (!size.ok()) return size;
    terms.push_back(MakeBinary(v1::OP_EQ, *std::move(size), constant(literal.size(), word, 8), boolean));
    auto data = Inside(ast, shape.data(), text);
    if (!data.ok()) return data;
    static constexpr std::pair<size_t, const char*> kUnits[] = {
        {8, "unsigned long"}, {4, "unsigned int"}, {2, "unsigned short"}, {1, "unsigned char"}};
    for (size_t at = 0; at < literal.size();) {
      const auto* unit = std::find_if(std::begin(kUnits), std::end(kUnits),
                                      [&](const auto& entry) { return entry.first <= literal.size() - at; });
      uint64_t expected = 0;
      std::memcpy(&expected, literal.data() + at, unit->first);
      const uint32_t unit_type = Fundamental(types_, unit->second);
      v1::Node part = MemoryObject(AddOffset(*data, static_cast<int64_t>(at)), unit_type);
      terms.push_back(MakeBinary(v1::OP_EQ, std::move(part), constant(expected, unit_type, unit->first), boolean));
      at += unit->first;
    }
  } else {
    auto pointer = Scalar(ast, text);
    if (!pointer.ok()) return pointer;
    const v1::Type& pointer_type = types_->at(pointer->type());
    if (!IsPointer(pointer_type) || types_->at(pointer_type.target()).size() != 1) {
      return Error(ast, absl::StrCat("'", type.name(), "' cannot be compared with a string literal"));
    }
    if (literal.size() > kMaxComparedCString) return Error(ast, "the string literal is too long to be compared");
    const uint32_t byte = Fundamental(types_, "unsigned char");
    for (size_t at = 0; at <= literal.size(); ++at) {
      // An array that the literal fills has no room for the NUL.
      if (type.kind() == v1::TYPE_ARRAY && type.count() != 0 && at >= type.count()) {
        if (at < literal.size()) terms.push_back(constant(0, boolean, 1));
        break;
      }
      const uint64_t expected = at < literal.size() ? static_cast<unsigned char>(literal[at]) : 0;
      v1::Node part = MemoryObject(AddOffset(*pointer, static_cast<int64_t>(at)), byte);
      terms.push_back(MakeBinary(v1::OP_EQ, std::move(part), constant(expected, byte, 1), boolean));
    }
  }
  v1::Node equal = AllOf(std::move(terms), boolean);
  return op == v1::OP_EQ ? equal : MakeUnary(v1::OP_NOT, std::move(equal), boolean);
}

// ---------------------------------------------------------------------------------------------- casts

absl::StatusOr<uint32_t> Binder::NamedType(const Ast& ast) {
  uint32_t type = 0;
  if (ast.type_name == "void") {
    if (ast.integer == 0) return Error(ast, "a value cannot be cast to void");
  } else if (IsFundamental(ast.type_name)) {
    type = Fundamental(types_, ast.type_name);
  } else {
    const auto die = module_ == nullptr ? std::nullopt : dwarf::FindType(*module_, *scope_, ast.type_name);
    if (!die) {
      return absl::NotFoundError(
          expr::WithCaret(absl::StrCat("no type '", ast.type_name, "' is known here"), source_, ast.begin));
    }
    type = types_->Add(*die);
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
  return Converted(*types_, *std::move(value), *named);
}

}  // namespace dlog::plan
