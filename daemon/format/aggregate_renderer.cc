// SPDX-License-Identifier: Apache-2.0
//
// Structs, unions, arrays, and runs of elements.
#include <fmt/format.h>

#include <algorithm>

#include "daemon/format/renderer.h"
#include "daemon/pipeline/elements.h"

namespace dlog::format {

using pipeline::Object;
using pipeline::ReadFailure;
using pipeline::ReadResult;

bool Renderer::Present(const Object& object, uint64_t size, Position at, Value* out, Text* text) {
  if (!object.in_memory || size == 0) return true;
  const ReadResult probe = image_.Probe(object.address, size);
  if (probe.ok()) return true;
  if (at.root || probe.failure == ReadFailure::kFault) {
    Fail(v1::STATUS_UNREADABLE, pipeline::FailureReason(probe), out, text);
  } else {
    Elided(at, out, text);
  }
  return false;
}

void Renderer::RenderStruct(const Object& object, const v1::Type& type, Position at, Value* out, Text* text) {
  // A type of which the plan has no members: nothing was to be captured of it.
  if (type.fields().empty() && type.size() > 1) return Elided(at, out, text);
  const bool all_redacted = std::all_of(type.fields().begin(), type.fields().end(),
                                        [](const v1::Field& field) { return !field.redacted().empty(); });
  if (!all_redacted && !Present(object, type.size(), at, out, text)) return;
  out->set_is_struct(true);
  const size_t start = text->size();
  text->push_back('{');
  bool first = true;
  for (const v1::Field& field : type.fields()) {
    if (!first) text->append(", ");
    first = false;
    if (!HasBudget(*text)) {
      text->append("...");
      Truncate("value too large to show", out);
      break;
    }
    Value* child = out->AddPart();
    RenderField(object, field, at, child, text);
    if (child->status() != v1::STATUS_OK) Absorb(*child, child->name(), out);
  }
  text->push_back('}');
  out->refer_text(text->view(start));
}

void Renderer::RenderField(const Object& object, const v1::Field& field, Position at, Value* out, Text* text) {
  if (field.is_base() || field.is_virtual_base()) {
    const v1::Type* base = TypeAt(field.type());
    out->set_name(fmt::format("<{}>", base == nullptr ? std::string_view("?") : std::string_view(base->name())));
  } else {
    out->refer_name(field.name());
  }
  if (!out->name().empty()) text->append(out->name()).append(" = ");
  if (!field.redacted().empty()) {
    if (const v1::Type* type = TypeAt(field.type())) out->refer_type(type->name());
    return Fail(v1::STATUS_REDACTED, field.redacted(), out, text);
  }
  if (field.is_virtual_base()) return RenderVirtualBase(object, field, at, out, text);
  if (object.in_memory && object.bit_size == 0 && field.bit_size() == 0 && at.nesting + 1 < kMaxNesting &&
      RenderPlain(field.type(), object.address + field.offset(), out, text)) {
    return;
  }
  Render(pipeline::MemberOf(object, field.offset(), field.type(), field.bit_size(), field.bit_offset(), types_),
         at.Inside(), out, text);
}

void Renderer::RenderVirtualBase(const Object& object, const v1::Field& field, Position at, Value* out, Text* text) {
  if (const v1::Type* base = TypeAt(field.type())) out->refer_type(base->name());
  if (!field.has_base_address() || !object.in_memory) {
    return Fail(v1::STATUS_ERROR, "the place of the virtual base is not known", out, text);
  }
  uint64_t address = 0;
  v1::ValueStatus status = v1::STATUS_OK;
  std::string reason;
  const Object place = pipeline::EvaluateInside(field.base_address(), types_, image_, object);
  if (!place.usable() || !pipeline::ReadScalar(place, types_, image_, &address, &status, &reason)) {
    return Fail(place.usable() ? status : place.status, place.usable() ? reason : place.reason, out, text);
  }
  Render(pipeline::ObjectAt(address, field.type(), types_, nullptr), at.Inside(), out, text);
}

void Renderer::RenderArray(const Object& object, const v1::Type& type, Position at, Value* out, Text* text) {
  const v1::Type* element = TypeAt(type.target());
  uint64_t stride = 0;
  if (element == nullptr || type.target() == 0 || !pipeline::TypeSize(type.target(), types_, &stride) || stride == 0) {
    return Fail(v1::STATUS_ERROR, "elements of unknown size", out, text);
  }
  if (!element->redacted().empty()) return Fail(v1::STATUS_REDACTED, element->redacted(), out, text);
  uint64_t count = type.count();
  if (type.shape().has_size() && !ShapeWord(type.shape().size(), object, &count, out, text)) return;
  if (type.shape().has_size()) {
    if (object.in_memory && !PlausibleCount(object, count, object.address, out, text)) return;
  }
  if (count > kMaxContainerSize) {
    return Fail(v1::STATUS_ERROR, fmt::format("array of {} elements", count), out, text);
  }
  if (count == 0 && !type.shape().has_size()) {  // a flexible array member, or an array whose bound is not known
    Truncate("number of elements is not known", out);
    out->refer_text("{...}");
    text->append("{...}");
    return;
  }
  // Of an array with a computed bound no more was captured than can be shown.
  const uint64_t unit = CharacterSize(element);
  const uint64_t most = unit != 0 ? limits_.string_bytes / unit : limits_.items;
  if (!Present(object, (type.shape().has_size() ? std::min(count, most) : count) * stride, at, out, text)) return;
  if (unit != 0) return RenderCharArray(object, count, unit, at, out, text);
  Object current;
  const auto element_at = [&](uint64_t index) -> const Object& {
    if (index == 0 || !current.in_memory) {
      current = pipeline::MemberOf(object, index * stride, type.target(), 0, 0, types_);
    } else {
      current.address = object.address + index * stride;
    }
    return current;
  };
  RenderElements(count, stride, element_at, at, at.Inside(), out, text);
}

// A capture ends where its cap fell, which may be inside an element: such an element, and all after it, is not shown.
bool Renderer::MoreOrStop(uint64_t index, uint64_t count, uint64_t stride, uint64_t address, ElementAt get) const {
  if (image_.Probe(address, stride).failure == ReadFailure::kNotCaptured) return false;
  if (index + 1 >= count) return true;
  if (!image_.RunAt(address + stride - 1, 1).empty()) return true;
  const Object& next = get(index + 1);
  return !next.in_memory || image_.Probe(next.address, stride).failure != ReadFailure::kNotCaptured ||
         image_.Probe(address + stride - 1, 1).failure == ReadFailure::kFault;
}

void Renderer::RenderElements(uint64_t count, uint64_t stride, ElementAt element, Position at, Position inner,
                              Value* out, Text* text) {
  out->set_size(count);
  const size_t start = text->size();
  text->push_back('{');
  const uint64_t limit = std::min<uint64_t>(count, limits_.items);
  uint64_t shown = 0;
  bool stopped = false;
  while (shown < limit && !stopped && HasBudget(*text)) {
    const Object* object = &element(shown);
    const uint64_t address = object->address;
    const bool in_pieces = object->in_memory && BytesAt(address, stride) == nullptr;
    if (in_pieces) {
      if (!MoreOrStop(shown, count, stride, address, element)) break;
      object = &element(shown);
    }
    if (shown != 0) text->append(", ");
    Value* item = out->AddPart();
    const bool plain = object->in_memory && object->bit_size == 0 && object->usable() && inner.nesting < kMaxNesting &&
                       RenderPlain(object->type, address, item, text);
    if (!plain) Render(*object, inner, item, text);
    // The element itself could not be read, so what lies behind it cannot either.
    stopped = in_pieces && image_.Probe(address, stride).failure == ReadFailure::kFault;
    if (item->status() != v1::STATUS_OK) Absorb(*item, fmt::format("[{}]", shown), out);
    ++shown;
  }
  EndElements(shown, count, start, at, out, text);
}

void Renderer::EndElements(uint64_t shown, uint64_t count, size_t start, Position at, Value* out, Text* text) {
  if (shown < count) {
    text->append(shown == 0 ? "..." : ", ...");
    const std::string cut =
        count == pipeline::Elements::kUnknown ? fmt::format("{}/?", shown) : fmt::format("{}/{}", shown, count);
    Truncate(shown == 0 && count != 0 && limits_.items != 0 ? MissingReason(at) : cut, out);
  }
  text->push_back('}');
  out->set_is_sequence(shown != 0 || count == 0);
  out->refer_text(text->view(start));
}

}  // namespace dlog::format
