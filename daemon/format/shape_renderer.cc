// SPDX-License-Identifier: Apache-2.0
//
// Library types, by the Shape that a visualizer gave them. Headers of containers are plain target memory:
// uninitialised, freed or torn ones are recognised before anything is read by them.
#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "daemon/format/leaf.h"
#include "daemon/format/renderer.h"
#include "daemon/format/time_text.h"
#include "daemon/format/type_name.h"
#include "daemon/pipeline/elements.h"
#include "daemon/pipeline/lookup.h"

namespace dlog::format {

using pipeline::Elements;
using pipeline::Object;

namespace {

// "9e18": the exact number of a garbage size helps nobody.
std::string RoughNumber(uint64_t number) {
  constexpr uint64_t kExactBelow = 1000000;
  if (number < kExactBelow) return fmt::format("{}", number);
  int exponent = 0;
  for (; number >= 10; number /= 10) ++exponent;
  return fmt::format("{}e{}", number, exponent);
}

// x86-64 with five-level page tables.
constexpr uint64_t kEndOfUserAddresses = uint64_t{1} << 56;

// Alignment that every compiler gives the type; 1 when it follows from members that are not looked at.
uint64_t NaturalAlignment(const v1::Type& type) {
  switch (type.kind()) {
    case v1::TYPE_SIGNED:
    case v1::TYPE_UNSIGNED:
    case v1::TYPE_UTF_CHAR:
    case v1::TYPE_FLOAT:
    case v1::TYPE_ENUM:
    case v1::TYPE_POINTER:
      return type.size() == 2 || type.size() == 4 || type.size() == 8 ? type.size() : 1;
    default:
      return 1;
  }
}

}  // namespace

bool Renderer::Torn(const Object& object, uint64_t size) const {
  return object.in_memory && ((limits_.record_flags & DLOG_RECORD_TORN) != 0 || image_.IsTorn(object.address, size));
}

void Renderer::RenderShape(const Object& object, const v1::Type& type, Position at, Value* out, Text* text) {
  const v1::Shape& shape = type.shape();
  if (!Present(object, type.size(), at, out, text)) return;
  switch (shape.kind()) {
    case v1::Shape::ALIAS:
      return RenderAlias(object, shape, at, out, text);
    case v1::Shape::MEMBERS:
      return RenderMembers(object, shape, at, out, text);
    case v1::Shape::TIME:
      return RenderTime(object, shape, at, out, text);
    case v1::Shape::OPTIONAL:
      return RenderOptional(object, shape, at, out, text);
    case v1::Shape::VARIANT:
      return RenderVariant(object, shape, at, out, text);
    default:
      break;
  }
  if (Torn(object, type.size())) return Fail(v1::STATUS_TORN, "changed while it was read", out, text);
  if (shape.kind() == v1::Shape::POINTER) return RenderSmartPointer(object, shape, at, out, text);
  if (shape.kind() == v1::Shape::BITS) return RenderBits(object, shape, at, out, text);
  const bool walk = shape.kind() == v1::Shape::LIST || shape.kind() == v1::Shape::TREE ||
                    shape.kind() == v1::Shape::BLOCKS || shape.kind() == v1::Shape::SLOTS;
  if (!walk && shape.kind() != v1::Shape::STRING && shape.kind() != v1::Shape::SEQUENCE) {
    return Fail(v1::STATUS_ERROR, "malformed plan: unknown shape", out, text);
  }
  const v1::Type* element = TypeAt(shape.element());
  uint64_t stride = 0;
  if (element == nullptr || !pipeline::TypeSize(shape.element(), types_, &stride) || stride == 0) {
    return Fail(v1::STATUS_ERROR, "elements of unknown size", out, text);
  }
  if (shape.kind() == v1::Shape::SEQUENCE && shape.node_size() != 0) stride = shape.node_size();
  if (!element->redacted().empty()) return Fail(v1::STATUS_REDACTED, element->redacted(), out, text);
  if (type.fields_size() != 0 && LacksHeader(object, shape)) return RenderStruct(object, type, at, out, text);
  uint64_t data = 0;
  uint64_t count = Elements::kUnknown;
  if (!ShapeWord(shape.data(), object, &data, out, text)) return;
  if (walk) {
    if (shape.has_size()) {
      if (!ShapeWord(shape.size(), object, &count, out, text)) return;
      if (!PlausibleCount(object, count, data, out, text)) return;
    } else if (shape.kind() != v1::Shape::LIST) {
      return Fail(v1::STATUS_ERROR, "malformed plan: shape without size", out, text);
    }
    return RenderWalk(object, shape, count, at, out, text);
  }
  if (!ShapeCount(object, shape, data, stride, &count, out, text)) return;
  if (shape.kind() == v1::Shape::SEQUENCE) return RenderSequence(object, shape, data, count, stride, at, out, text);
  if (stride != 1 && stride != 2 && stride != 4) {
    return Fail(v1::STATUS_ERROR, "malformed plan: characters of this size", out, text);
  }
  if (shape.as_digits()) return RenderInternetAddress(data, count, object, at, out, text);
  RenderString(data, count, stride, object, at, out, text);
}

bool Renderer::LacksHeader(const Object& object, const v1::Shape& shape) const {
  if (object.in_memory || object.status != v1::STATUS_PARTIAL) return false;
  const auto lacks = [&](const v1::Node& node) {
    uint64_t word = 0;
    v1::ValueStatus status = v1::STATUS_OK;
    std::string reason;
    const Object header = pipeline::EvaluateInside(node, types_, image_, object);
    return !pipeline::ReadScalar(header, types_, image_, &word, &status, &reason) && status == v1::STATUS_OPTIMIZED_OUT;
  };
  return lacks(shape.data()) || (shape.has_size() && lacks(shape.size())) || (shape.has_end() && lacks(shape.end()));
}

void Renderer::Corrupt(std::string what, Value* out, Text* text) {
  Fail(v1::STATUS_ERROR, "corrupt: " + std::move(what), out, text);
}

bool Renderer::ShapeWord(const v1::Node& node, const Object& self, uint64_t* word, Value* out, Text* text) {
  if (self.in_memory && pipeline::EvaluateWord(node, types_, image_, self.address, word)) return true;
  const Object result = pipeline::EvaluateInside(node, types_, image_, self);
  v1::ValueStatus status = v1::STATUS_OK;
  std::string reason;
  if (pipeline::ReadScalar(result, types_, image_, word, &status, &reason)) return true;
  Fail(status, reason, out, text);
  return false;
}

bool Renderer::ShapeCount(const Object& object, const v1::Shape& shape, uint64_t data, uint64_t stride, uint64_t* count,
                          Value* out, Text* text) {
  const auto corrupt = [&](std::string what) {
    Corrupt(std::move(what), out, text);
    return false;
  };
  if (shape.has_end()) {
    uint64_t end = 0;
    if (!ShapeWord(shape.end(), object, &end, out, text)) return false;
    if (end < data) return corrupt("end before begin");
    if ((end - data) % stride != 0) return corrupt(fmt::format("{} bytes of {}-byte elements", end - data, stride));
    *count = (end - data) / stride;
  } else if (shape.has_size()) {
    if (!ShapeWord(shape.size(), object, count, out, text)) return false;
  } else {
    Fail(v1::STATUS_ERROR, "malformed plan: shape without size", out, text);
    return false;
  }
  if (!PlausibleCount(object, *count, data, out, text)) return false;
  if (*count == 0) return true;
  if (data % NaturalAlignment(*TypeAt(shape.element())) != 0) return corrupt(fmt::format("misaligned {:#x}", data));
  return true;
}

bool Renderer::PlausibleCount(const Object& object, uint64_t count, uint64_t data, Value* out, Text* text) {
  if (count > kMaxContainerSize) {
    Corrupt("size " + RoughNumber(count), out, text);
    return false;
  }
  if (count != 0 && data == 0) {
    Corrupt(fmt::format("size {} at nullptr", count), out, text);
    return false;
  }
  // An empty one has been made, too: what it holds is no address of a program when it was not.
  if (object.in_memory && data >= kEndOfUserAddresses) {
    Corrupt(fmt::format("elements at {:#x}", data), out, text);
    return false;
  }
  return true;
}

void Renderer::RenderSequence(const Object& object, const v1::Shape& shape, uint64_t data, uint64_t count,
                              uint64_t stride, Position at, Value* out, Text* text) {
  // Elements that lie inside the object itself (std::array) are no level of their own.
  uint64_t own_size = 0;
  uint32_t offset = 0;
  pipeline::TypeSize(object.type, types_, &own_size);
  const bool inside =
      object.in_memory ? data - object.address < own_size : pipeline::OffsetInHand(object, data, &offset);
  if (count != 0 && !inside && at.level + 1 > limits_.depth) {
    out->set_size(count);
    return Elided(at, out, text);
  }
  Object current;
  const auto element = [&](uint64_t index) -> const Object& {
    if (index == 0 || !object.in_memory) {
      current = pipeline::ObjectAt(data + index * stride, shape.element(), types_, &object);
    } else {
      current.address = data + index * stride;
    }
    return current;
  };
  RenderElements(count, stride, element, at, at.Deeper(), out, text);
}

void Renderer::RenderInternetAddress(uint64_t data, uint64_t count, const Object& object, Position at, Value* out,
                                     Text* text) {
  constexpr uint64_t kIpv4Bytes = 4;
  constexpr uint64_t kIpv6Bytes = 16;
  if (count != kIpv4Bytes && count != kIpv6Bytes) {
    return Fail(v1::STATUS_ERROR, "malformed plan: an address of this size", out, text);
  }
  std::string bytes;
  const pipeline::ReadResult end = Gather(data, count, &object, &bytes);
  if (bytes.size() < count) return Fail(v1::STATUS_UNREADABLE, pipeline::FailureReason(end), out, text);
  std::array<char, INET6_ADDRSTRLEN> plain = {};
  inet_ntop(count == kIpv4Bytes ? AF_INET : AF_INET6, bytes.data(), plain.data(), plain.size());
  out->set_string_value(plain.data());
  Leaf(std::string_view(plain.data()), plain.data(), at, out, text);
}

void Renderer::RenderOptional(const Object& object, const v1::Shape& shape, Position at, Value* out, Text* text) {
  uint64_t engaged = 0;
  uint64_t data = 0;
  if (!ShapeWord(shape.engaged(), object, &engaged, out, text)) return;
  if (engaged == 0) {
    out->refer_text("nullopt");
    text->append("nullopt");
    return;
  }
  if (!ShapeWord(shape.data(), object, &data, out, text)) return;
  const std::string_view type = out->type();
  Render(pipeline::ObjectAt(data, shape.element(), types_, &object), at.Same(), out, text);
  out->refer_type(type);
}

void Renderer::RenderSmartPointer(const Object& object, const v1::Shape& shape, Position at, Value* out, Text* text) {
  uint64_t data = 0;
  if (!ShapeWord(shape.data(), object, &data, out, text)) return;
  const v1::Type* element = TypeAt(shape.element());
  const bool is_function = element != nullptr && element->kind() == v1::TYPE_FUNCTION;
  if (shape.has_engaged()) {
    uint64_t engaged = 0;
    if (!ShapeWord(shape.engaged(), object, &engaged, out, text)) return;
    if (engaged == 0) {
      const std::string_view plain = data == 0 || is_function ? "nullptr" : "expired";
      return Leaf(plain, plain, at, out, text);
    }
  }
  uint64_t size = 0;
  const bool follow = data != 0 && at.level + 1 <= limits_.depth && shape.element() != 0 &&
                      pipeline::TypeSize(shape.element(), types_, &size) && size != 0 && image_.Probe(data, size).ok();
  if (!follow) return RenderAddress(data, is_function, at, out, text);
  const std::string_view type = out->type();
  Position inner = at.Deeper();
  inner.root = at.root;
  Render(pipeline::ObjectAt(data, shape.element(), types_, nullptr), inner, out, text);
  out->refer_type(type);
}

void Renderer::RenderWalk(const Object& object, const v1::Shape& shape, uint64_t count, Position at, Value* out,
                          Text* text) {
  if (count != Elements::kUnknown) out->set_size(count);
  if (count != 0 && at.level + 1 > limits_.depth) return Elided(at, out, text);
  uint64_t stride = 0;
  pipeline::TypeSize(shape.element(), types_, &stride);
  const size_t start = text->size();
  text->push_back('{');
  Elements elements(object, shape, count, types_, image_);
  uint64_t shown = 0;
  Elements::End end = Elements::End::kMore;
  Object element;
  while (end == Elements::End::kMore && HasBudget(*text)) {
    end = elements.Next(&element);
    if (end != Elements::End::kMore || shown == limits_.items) break;
    if (image_.Probe(element.address, stride).failure == pipeline::ReadFailure::kNotCaptured) break;
    if (shown != 0) text->append(", ");
    Value* item = out->AddPart();
    if (shape.is_map()) {
      RenderMapElement(element, at.Deeper(), item, text);
    } else {
      Render(element, at.Deeper(), item, text);
    }
    if (item->status() != v1::STATUS_OK) Absorb(*item, fmt::format("[{}]", shown), out);
    ++shown;
  }
  if (end == Elements::End::kDone) {
    count = shown;
    out->set_size(count);
  } else if (end == Elements::End::kCorrupt && shown < limits_.items) {
    text->resize(start);
    out->clear_parts();
    out->clear_size();
    return Corrupt(elements.reason(), out, text);
  } else if (end == Elements::End::kUnreadable && shown < limits_.items) {
    if (shown == 0) {
      text->resize(start);
      return Fail(v1::STATUS_UNREADABLE, elements.reason(), out, text);
    }
    out->set_status(v1::STATUS_PARTIAL);
    out->set_reason(fmt::format("unreadable {} after {} elements", elements.reason(), shown));
  }
  EndElements(shown, count, start, at, out, text);
}

// "[key] = value"; the item has both as fields.
void Renderer::RenderMapElement(const Object& element, Position at, Value* out, Text* text) {
  if (RenderKeyAndValue(element, at, out, text)) return;
  Render(element, at, out, text);
}

bool Renderer::RenderKeyAndValue(const Object& element, Position at, Value* out, Text* text) {
  std::array<Object, 2> parts;
  if (!pipeline::KeyAndValue(element, types_, image_, &parts)) return false;
  ++values_;
  out->refer_type(TypeAt(element.type)->name());
  out->set_is_struct(true);
  const size_t start = text->size();
  text->push_back('[');
  for (int i = 0; i < 2; ++i) {
    Value* part = out->AddPart();
    part->refer_name(i == 0 ? "first" : "second");
    Render(parts[i], at.Inside(), part, text);
    if (part->status() != v1::STATUS_OK) Absorb(*part, part->name(), out);
    if (i == 0) text->append("] = ");
  }
  out->refer_text(text->view(start));
  return true;
}

void Renderer::RenderAlias(const Object& object, const v1::Shape& shape, Position at, Value* out, Text* text) {
  if (shape.parts_size() != 1) return Fail(v1::STATUS_ERROR, "malformed plan: alias of nothing", out, text);
  const std::string_view type = out->type();
  Render(pipeline::EvaluateInside(shape.parts(0).value(), types_, image_, object), at.Same(), out, text);
  out->refer_type(type);
}

void Renderer::RenderVariant(const Object& object, const v1::Shape& shape, Position at, Value* out, Text* text) {
  uint64_t index = 0;
  if (!ShapeWord(shape.engaged(), object, &index, out, text)) return;
  if (index >= static_cast<uint64_t>(shape.parts_size()))
    return Leaf(std::string_view("valueless"), "valueless", at, out, text);
  const v1::Shape::Part& part = shape.parts(static_cast<int>(index));
  const std::string_view type = out->type();
  const Object value = pipeline::EvaluateInside(part.value(), types_, image_, object);
  if (part.name().empty()) {
    Render(value, at.Same(), out, text);
  } else {
    const size_t start = text->size();
    text->append(part.name()).push_back('(');
    if (part.is_type_name()) {
      RenderTypeName(value, at.Inside(), out, text);
    } else {
      Render(value, at.Inside(), out, text);
    }
    text->push_back(')');
    out->refer_text(text->view(start));
  }
  out->refer_type(type);
}

// The text that is the name of a type, without quotes; any other text as it is.
void Renderer::RenderTypeName(const Object& value, Position at, Value* out, Text* text) {
  const size_t start = text->size();
  Render(value, at, out, text);
  if (out->status() != v1::STATUS_OK) return;
  const std::string type = TypeNameText(out->string_value());
  if (type.empty()) return;
  text->resize(start);
  text->append(type);
  out->set_string_value(type);
}

void Renderer::RenderMembers(const Object& object, const v1::Shape& shape, Position at, Value* out, Text* text) {
  const bool named = shape.parts_size() != 0 && !shape.parts(0).name().empty();
  const size_t start = text->size();
  text->push_back('{');
  int index = 0;
  for (const v1::Shape::Part& part : shape.parts()) {
    if (index != 0) text->append(", ");
    if (!HasBudget(*text)) {
      text->append("...");
      Truncate("value too large to show", out);
      break;
    }
    Value* child = out->AddPart();
    child->refer_name(part.name());
    if (named) text->append(part.name()).append(" = ");
    Render(pipeline::EvaluateInside(part.value(), types_, image_, object), at.Inside(), child, text);
    if (child->status() != v1::STATUS_OK) Absorb(*child, named ? part.name() : fmt::format("[{}]", index), out);
    ++index;
  }
  text->push_back('}');
  out->set_is_struct(named);
  out->set_is_sequence(!named);
  if (!named) out->set_size(static_cast<uint64_t>(shape.parts_size()));
  out->refer_text(text->view(start));
}

void Renderer::RenderBits(const Object& object, const v1::Shape& shape, Position at, Value* out, Text* text) {
  uint64_t data = 0;
  uint64_t first = 0;
  uint64_t count = 0;
  if (!ShapeWord(shape.data(), object, &data, out, text) || !ShapeWord(shape.size(), object, &count, out, text)) return;
  if (shape.has_start() && !ShapeWord(shape.start(), object, &first, out, text)) return;
  if (!PlausibleCount(object, count, data, out, text)) return;
  out->set_size(count);
  const uint64_t wanted = std::min<uint64_t>(count, shape.as_digits() ? limits_.string_bytes : limits_.items);
  std::string bytes;
  const pipeline::ReadResult end = Gather(data, count == 0 ? 0 : (first + wanted + 7) / 8, &object, &bytes);
  const uint64_t have = bytes.size() * 8;
  const uint64_t shown = std::min<uint64_t>(wanted, have > first ? have - first : 0);
  if (shown < wanted && end.failure == pipeline::ReadFailure::kFault) {
    return Fail(v1::STATUS_UNREADABLE, pipeline::FailureReason(end), out, text);
  }
  const auto bit = [&](uint64_t i) {
    return (static_cast<uint8_t>(bytes[(first + i) / 8]) >> ((first + i) % 8) & 1) != 0;
  };
  if (shape.as_digits()) {
    std::string digits;
    for (uint64_t i = shown; i-- > 0;) digits.push_back(bit(i) ? '1' : '0');
    out->set_string_value(digits);
    if (shown < count) Truncate(fmt::format("{}/{}", shown, count), out);
    return Leaf(std::string_view(digits), digits, at, out, text);
  }
  const size_t start = text->size();
  text->push_back('{');
  for (uint64_t i = 0; i < shown; ++i) {
    const std::string_view plain = bit(i) ? "true" : "false";
    Value* item = out->AddPart();
    item->refer_type("bool");
    item->set_bool_value(bit(i));
    item->refer_text(plain);
    text->append(i == 0 ? "" : ", ").append(plain);
  }
  EndElements(shown, count, start, at, out, text);
}

void Renderer::RenderTime(const Object& object, const v1::Shape& shape, Position at, Value* out, Text* text) {
  pipeline::Scalar count;
  v1::ValueStatus status = v1::STATUS_OK;
  std::string reason;
  const Object value = pipeline::EvaluateInside(shape.data(), types_, image_, object);
  if (!pipeline::LoadScalar(value, types_, image_, &count, &status, &reason)) {
    return Fail(status, reason, out, text);
  }
  uint64_t nanoseconds = 0;
  if (shape.has_size() && !ShapeWord(shape.size(), object, &nanoseconds, out, text)) return;
  const TimeValue time = {count.type.is_float() ? count.real : static_cast<long double>(count.as_signed()),
                          count.type.is_float() ? 0 : static_cast<int64_t>(count.as_signed()),
                          count.type.is_float(),
                          shape.numerator(),
                          shape.denominator(),
                          static_cast<int64_t>(nanoseconds)};
  std::string plain;
  if (!(shape.is_date() ? AppendDate(time, &plain) : AppendDuration(time, &plain))) {
    return Fail(v1::STATUS_ERROR, "time out of range", out, text);
  }
  if (at.root && format_.starts_with('%') && shape.is_date()) return RenderDate(WholeSeconds(time), at, out, text);
  if (time.is_float) {
    out->set_double_value(static_cast<double>(time.real));
  } else {
    out->set_int_value(time.count);
  }
  Leaf(std::string_view(plain), plain, at, out, text);
}

}  // namespace dlog::format
