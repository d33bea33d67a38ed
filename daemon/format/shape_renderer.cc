// SPDX-License-Identifier: Apache-2.0
//
// Library types, by the Shape that a visualizer gave them. Headers of containers are plain target memory:
// uninitialised, freed or torn ones are recognised before anything is read by them.
#include <fmt/format.h>

#include <algorithm>

#include "daemon/format/renderer.h"

namespace dlog::format {

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

void Renderer::RenderShape(const Object& object, const v1::Type& type, Position at, v1::Value* out, std::string* text) {
  const v1::Shape& shape = type.shape();
  if (!Present(object, type.size(), at, out, text)) return;
  if (shape.kind() == v1::Shape::OPTIONAL) return RenderOptional(object, shape, at, out, text);
  if (shape.kind() == v1::Shape::POINTER) return RenderSmartPointer(object, shape, at, out, text);
  if (shape.kind() != v1::Shape::STRING && shape.kind() != v1::Shape::SEQUENCE) {
    return Fail(v1::STATUS_ERROR, "malformed plan: unknown shape", out, text);
  }
  const v1::Type* element = TypeAt(shape.element());
  uint64_t stride = 0;
  if (element == nullptr || !pipeline::TypeSize(shape.element(), types_, &stride) || stride == 0) {
    return Fail(v1::STATUS_ERROR, "elements of unknown size", out, text);
  }
  uint64_t data = 0;
  uint64_t count = 0;
  if (!ShapeWord(shape.data(), object, &data, out, text)) return;
  if (!ShapeCount(object, shape, data, stride, &count, out, text)) return;
  if (shape.kind() == v1::Shape::SEQUENCE) return RenderSequence(object, shape, data, count, at, out, text);
  if (stride != 1 && stride != 2 && stride != 4) {
    return Fail(v1::STATUS_ERROR, "malformed plan: characters of this size", out, text);
  }
  RenderString(data, count, stride, object, at, out, text);
}

void Renderer::Corrupt(std::string what, v1::Value* out, std::string* text) {
  Fail(v1::STATUS_ERROR, "corrupt: " + std::move(what), out, text);
}

bool Renderer::ShapeWord(const v1::Node& node, const Object& self, uint64_t* word, v1::Value* out, std::string* text) {
  const Object result = pipeline::EvaluateInside(node, types_, image_, self);
  v1::ValueStatus status = v1::STATUS_OK;
  std::string reason;
  if (pipeline::ReadScalar(result, types_, image_, word, &status, &reason)) return true;
  Fail(status, std::move(reason), out, text);
  return false;
}

bool Renderer::ShapeCount(const Object& object, const v1::Shape& shape, uint64_t data, uint64_t stride, uint64_t* count,
                          v1::Value* out, std::string* text) {
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
  if (*count == 0) return true;
  if (*count > kMaxContainerSize) return corrupt("size " + RoughNumber(*count));
  if (data == 0) return corrupt(fmt::format("size {} at nullptr", *count));
  if (data % NaturalAlignment(*TypeAt(shape.element())) != 0) return corrupt(fmt::format("misaligned {:#x}", data));
  return true;
}

void Renderer::RenderSequence(const Object& object, const v1::Shape& shape, uint64_t data, uint64_t count, Position at,
                              v1::Value* out, std::string* text) {
  uint64_t stride = 0;
  pipeline::TypeSize(shape.element(), types_, &stride);
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
  RenderElements(
      count, stride,
      [&](uint64_t index) { return pipeline::ObjectAt(data + index * stride, shape.element(), types_, &object); }, at,
      at.Deeper(), out, text);
}

void Renderer::RenderOptional(const Object& object, const v1::Shape& shape, Position at, v1::Value* out,
                              std::string* text) {
  uint64_t engaged = 0;
  uint64_t data = 0;
  if (!ShapeWord(shape.engaged(), object, &engaged, out, text)) return;
  if (engaged == 0) {
    out->set_text("nullopt");
    text->append("nullopt");
    return;
  }
  if (!ShapeWord(shape.data(), object, &data, out, text)) return;
  const std::string type = out->type();
  Render(pipeline::ObjectAt(data, shape.element(), types_, &object), at.Same(), out, text);
  out->set_type(type);
}

void Renderer::RenderSmartPointer(const Object& object, const v1::Shape& shape, Position at, v1::Value* out,
                                  std::string* text) {
  uint64_t data = 0;
  if (!ShapeWord(shape.data(), object, &data, out, text)) return;
  uint64_t size = 0;
  const bool follow = data != 0 && at.level + 1 <= limits_.depth && shape.element() != 0 &&
                      pipeline::TypeSize(shape.element(), types_, &size) && size != 0 && image_.Probe(data, size).ok();
  if (!follow) return RenderAddress(data, false, at, out, text);
  const std::string type = out->type();
  Position inner = at.Deeper();
  inner.root = at.root;
  Render(pipeline::ObjectAt(data, shape.element(), types_, nullptr), inner, out, text);
  out->set_type(type);
}

}  // namespace dlog::format
