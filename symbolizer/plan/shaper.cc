// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/plan/shaper.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "symbolizer/plan/members.h"
#include "symbolizer/plan/nodes.h"

namespace dlog::plan {
namespace {

// "a.<B<1.5>>.c" -> "a"; a step in angle brackets runs to its matching bracket.
std::string_view TakeStep(std::string_view* path) {
  size_t depth = 0;
  size_t i = 0;
  for (; i < path->size(); ++i) {
    const char c = (*path)[i];
    if (c == '<') ++depth;
    if (c == '>' && depth > 0) --depth;
    if (c == '.' && depth == 0) break;
  }
  const std::string_view step = path->substr(0, i);
  path->remove_prefix(std::min(i + 1, path->size()));
  return step;
}

// The base class of `object` (searched through all levels) whose name matches `pattern`.
absl::StatusOr<v1::Node> StepIntoBase(dwarf::TypeGraph* types, const v1::Node& object, std::string_view pattern,
                                      int depth = 0) {
  constexpr int kMaxBaseDepth = 32;
  if (depth > kMaxBaseDepth) return absl::NotFoundError("class hierarchy too deep");
  const int fields = types->at(object.type()).fields_size();
  for (int i = 0; i < fields; ++i) {
    const v1::Field field = types->at(object.type()).fields(i);
    if (!field.is_base() || field.is_virtual_base()) continue;
    v1::Node base = MemberObject(object, field);
    if (visualizers::MatchesPattern(pattern, types->raw_name(field.type()))) return base;
    auto deeper = StepIntoBase(types, base, pattern, depth + 1);
    if (deeper.ok()) return deeper;
  }
  return absl::NotFoundError(absl::StrCat("no base class ", std::string(pattern)));
}

}  // namespace

absl::StatusOr<v1::Node> ResolvePath(dwarf::TypeGraph* types, uint32_t type, std::string_view path) {
  types->Expand(type);
  v1::Node object = MemoryObject(Self(), type);
  while (!path.empty()) {
    const std::string_view step = TakeStep(&path);
    absl::StatusOr<v1::Node> next = absl::NotFoundError("");
    if (step.size() > 2 && step.front() == '<' && step.back() == '>') {
      next = StepIntoBase(types, object, step.substr(1, step.size() - 2));
    } else {
      next = FindMember(*types, object, step);
    }
    if (!next.ok()) {
      return absl::NotFoundError(
          absl::StrCat("no member '", std::string(step), "' in ", types->at(object.type()).name()));
    }
    object = *std::move(next);
  }
  return object;
}

absl::Status Shaper::Resolve(uint32_t type, std::string_view path, v1::Node* out) {
  auto node = ResolvePath(types_, type, path);
  if (!node.ok()) return node.status();
  *out = *std::move(node);
  return absl::OkStatus();
}

// `path` must lead to a pointer; its target is the element type.
absl::Status Shaper::ResolvePointer(uint32_t type, std::string_view path, v1::Shape* shape, v1::Node* out) {
  absl::Status status = Resolve(type, path, out);
  if (!status.ok()) return status;
  const v1::Type& pointer = types_->at(out->type());
  if (pointer.kind() != v1::TYPE_POINTER) return absl::NotFoundError("not a pointer");
  shape->set_element(pointer.target());
  return absl::OkStatus();
}

absl::Status Shaper::ApplySequence(const visualizers::Sequence& sequence, uint32_t type, v1::Shape* shape) {
  if (sequence.array().empty()) {
    absl::Status status = ResolvePointer(type, sequence.begin(), shape, shape->mutable_data());
    if (!status.ok()) return status;
    return sequence.end().empty() ? Resolve(type, sequence.size(), shape->mutable_size())
                                  : Resolve(type, sequence.end(), shape->mutable_end());
  }
  v1::Node array;
  absl::Status status = Resolve(type, sequence.array(), &array);
  if (!status.ok()) return status;
  const v1::Type& array_type = types_->at(array.type());
  if (array_type.kind() != v1::TYPE_ARRAY) return absl::NotFoundError("not an array");
  shape->set_element(array_type.target());
  *shape->mutable_data() = AddressOf(array);
  *shape->mutable_size() = Word(array_type.count());
  return absl::OkStatus();
}

absl::Status Shaper::Apply(const visualizers::Visualizer& visualizer, uint32_t type, v1::Shape* shape) {
  using visualizers::Visualizer;
  absl::Status status;
  switch (visualizer.shape_case()) {
    case Visualizer::kString:
      shape->set_kind(v1::Shape::STRING);
      status = ResolvePointer(type, visualizer.string().data(), shape, shape->mutable_data());
      status.Update(Resolve(type, visualizer.string().size(), shape->mutable_size()));
      break;
    case Visualizer::kSequence:
      shape->set_kind(v1::Shape::SEQUENCE);
      status = ApplySequence(visualizer.sequence(), type, shape);
      break;
    case Visualizer::kOptional: {
      shape->set_kind(v1::Shape::OPTIONAL);
      status = Resolve(type, visualizer.optional().engaged(), shape->mutable_engaged());
      v1::Node value;
      status.Update(Resolve(type, visualizer.optional().value(), &value));
      if (!status.ok()) break;
      shape->set_element(value.type());
      *shape->mutable_data() = AddressOf(value);
      break;
    }
    case Visualizer::kPointer:
      shape->set_kind(v1::Shape::POINTER);
      status = ResolvePointer(type, visualizer.pointer().target(), shape, shape->mutable_data());
      break;
    case Visualizer::SHAPE_NOT_SET:
      break;
  }
  if (status.ok() && shape->element() != 0) types_->Expand(shape->element());
  return status;
}

const v1::Shape& Shaper::ShapeOf(uint32_t type) {
  if (decided_.insert(type).second && types_->at(type).kind() == v1::TYPE_STRUCT) {
    const visualizers::Visualizer* visualizer = catalog_.Match(types_->raw_name(type));
    v1::Shape shape;
    if (visualizer != nullptr && Apply(*visualizer, type, &shape).ok()) {
      *types_->mutable_at(type)->mutable_shape() = std::move(shape);
    }
  }
  return types_->at(type).shape();
}

}  // namespace dlog::plan
