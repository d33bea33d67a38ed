// SPDX-License-Identifier: Apache-2.0
//
// Inside of value_renderer: one Renderer renders one top-level value. Work is bounded whatever the types and the bytes
// say: kMaxNesting levels, kMaxValues values, about kMaxTextBytes of text and names.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "daemon/format/value_renderer.h"

namespace dlog::format {

inline constexpr int kMaxNesting = 48;
inline constexpr uint32_t kMaxValues = 10000;
inline constexpr size_t kMaxTextBytes = 256 * 1024;
inline constexpr size_t kMaxEnumerators = 4096;
inline constexpr uint64_t kMaxContainerSize = uint64_t{1} << 40;
inline constexpr size_t kMaxReasonBytes = 512;

class Renderer {
 public:
  // All arguments outlive the renderer. `text_start` is the size of the text before the value.
  Renderer(const pipeline::TypeTable& types, const pipeline::MemoryImage& image, const RenderLimits& limits,
           const std::string& format, const SymbolLookup& symbols, size_t text_start)
      : types_(types), image_(image), limits_(limits), format_(format), symbols_(symbols), text_start_(text_start) {}

  // Where a value stands: `level` counts pointers and containers passed, `nesting` every step.
  struct Position {
    uint32_t level = 0;
    int nesting = 0;
    bool root = true;  // the whole expression: the user's format applies, strings are bare
    Position Inside() const { return {level, nesting + 1, false}; }
    Position Deeper() const { return {level + 1, nesting + 1, false}; }
    Position Same() const { return {level, nesting + 1, root}; }  // transparent wrappers: references, optional
  };

  // Fills `out` (text in its own, bare form) and appends the form for use inside another value to `text`.
  void Render(const pipeline::Object& object, Position at, Value* out, Text* text);
  // The same for a whole expression.
  void RenderNode(const v1::Node& node, Value* out, Text* text);

 private:
  // plain_renderer.cc: the short way, where no format of the user's applies and nesting is below kMaxNesting. False,
  // and nothing done, when it is not open to this value; then Render shows it.
  bool RenderPlain(uint32_t type, uint64_t address, Value* out, Text* text);
  bool RenderPlainWord(uint32_t type, uint64_t word, bool computed, Value* out, Text* text);
  bool RenderPlainBytes(const v1::Type& type, const uint8_t* bytes, Value* out, Text* text);
  // Where `size` captured bytes are in one piece, or null.
  const uint8_t* BytesAt(uint64_t address, uint64_t size);

  // value_renderer.cc
  void RenderByKind(const pipeline::Object& object, const v1::Type& type, Position at, Value* out, Text* text);
  void RenderReference(const pipeline::Object& object, const v1::Type& type, Position at, Value* out, Text* text);

  // scalar_renderer.cc
  void RenderScalar(const pipeline::Object& object, const v1::Type* type, Position at, Value* out, Text* text);
  void RenderInteger(const pipeline::Scalar& value, Position at, Value* out, Text* text);
  void RenderCharacter(const pipeline::Scalar& value, const v1::Type& type, Position at, Value* out, Text* text);
  void RenderEnum(const pipeline::Scalar& value, const v1::Type& type, Position at, Value* out, Text* text);
  void RenderFloat(const pipeline::Scalar& value, Position at, Value* out, Text* text);
  void RenderErrno(int64_t number, Value* out, Text* text);
  // Seconds since 1970 in the user's format.
  void RenderDate(int64_t seconds, Position at, Value* out, Text* text);
  void RenderBool(const pipeline::Scalar& value, Position at, Value* out, Text* text);
  void RenderPointer(const pipeline::Object& object, const v1::Type& type, Position at, Value* out, Text* text);
  void RenderAddress(uint64_t address, bool is_function, Position at, Value* out, Text* text);

  // aggregate_renderer.cc
  void RenderStruct(const pipeline::Object& object, const v1::Type& type, Position at, Value* out, Text* text);
  void RenderField(const pipeline::Object& object, const v1::Field& field, Position at, Value* out, Text* text);
  void RenderVirtualBase(const pipeline::Object& object, const v1::Field& field, Position at, Value* out, Text* text);
  void RenderArray(const pipeline::Object& object, const v1::Type& type, Position at, Value* out, Text* text);
  // What an element is, valid until the next one is asked for.
  using ElementAt = absl::FunctionRef<const pipeline::Object&(uint64_t index)>;
  // Elements i of [0, count), each `stride` bytes; `at` is the position of the container.
  void RenderElements(uint64_t count, uint64_t stride, ElementAt element, Position at, Position inner, Value* out,
                      Text* text);
  bool MoreOrStop(uint64_t index, uint64_t count, uint64_t stride, uint64_t address, ElementAt get) const;
  // Closes the brackets of a container of which `shown` of `count` elements are there; `count` may be
  // pipeline::Elements::kUnknown.
  void EndElements(uint64_t shown, uint64_t count, size_t start, Position at, Value* out, Text* text);
  // False, with the value rendered as missing, when no byte of the object was captured.
  bool Present(const pipeline::Object& object, uint64_t size, Position at, Value* out, Text* text);

  // string_renderer.cc
  void RenderCString(uint64_t address, uint64_t unit, Position at, Value* out, Text* text);
  void RenderCharArray(const pipeline::Object& object, uint64_t count, uint64_t unit, Position at, Value* out,
                       Text* text);
  void RenderString(uint64_t address, uint64_t count, uint64_t unit, const pipeline::Object& self, Position at,
                    Value* out, Text* text);
  // Appends up to `size` bytes; `self` may be an object in hand that holds them. The failure that ended it, if any.
  pipeline::ReadResult Gather(uint64_t address, uint64_t size, const pipeline::Object* self, std::string* out) const;
  void EmitString(std::string_view bytes, uint64_t unit, bool cut, Position at, Value* out, Text* text);

  // shape_renderer.cc
  void RenderShape(const pipeline::Object& object, const v1::Type& type, Position at, Value* out, Text* text);
  // Whether a container or text in pieces has lost its pointer or its size: then its members, as they are, tell more.
  bool LacksHeader(const pipeline::Object& object, const v1::Shape& shape) const;
  void RenderSequence(const pipeline::Object& object, const v1::Shape& shape, uint64_t data, uint64_t count,
                      uint64_t stride, Position at, Value* out, Text* text);
  void RenderWalk(const pipeline::Object& object, const v1::Shape& shape, uint64_t count, Position at, Value* out,
                  Text* text);
  void RenderMapElement(const pipeline::Object& element, Position at, Value* out, Text* text);
  bool RenderKeyAndValue(const pipeline::Object& element, Position at, Value* out, Text* text);
  // 4 or 16 bytes, as text.
  void RenderInternetAddress(uint64_t data, uint64_t count, const pipeline::Object& object, Position at, Value* out,
                             Text* text);
  void RenderOptional(const pipeline::Object& object, const v1::Shape& shape, Position at, Value* out, Text* text);
  void RenderSmartPointer(const pipeline::Object& object, const v1::Shape& shape, Position at, Value* out, Text* text);
  void RenderAlias(const pipeline::Object& object, const v1::Shape& shape, Position at, Value* out, Text* text);
  void RenderVariant(const pipeline::Object& object, const v1::Shape& shape, Position at, Value* out, Text* text);
  void RenderTypeName(const pipeline::Object& value, Position at, Value* out, Text* text);
  void RenderMembers(const pipeline::Object& object, const v1::Shape& shape, Position at, Value* out, Text* text);
  void RenderBits(const pipeline::Object& object, const v1::Shape& shape, Position at, Value* out, Text* text);
  void RenderTime(const pipeline::Object& object, const v1::Shape& shape, Position at, Value* out, Text* text);
  // A container that changed while it was captured.
  bool Torn(const pipeline::Object& object, uint64_t size) const;
  bool ShapeWord(const v1::Node& node, const pipeline::Object& self, uint64_t* word, Value* out, Text* text);
  // Element count from `size` or `end`, checked for plausibility.
  bool ShapeCount(const pipeline::Object& object, const v1::Shape& shape, uint64_t data, uint64_t stride,
                  uint64_t* count, Value* out, Text* text);
  bool PlausibleCount(const pipeline::Object& object, uint64_t count, uint64_t data, Value* out, Text* text);
  void Corrupt(std::string what, Value* out, Text* text);

  // Shared ends.
  void Fail(v1::ValueStatus status, std::string_view reason, Value* out, Text* text);
  // "{...}": there is something, but it was not captured.
  void Elided(Position at, Value* out, Text* text);
  std::string MissingReason(Position at) const;
  // A leaf: applies the user's format to `value` at the root, else shows `plain`.
  template <typename T>
  void Leaf(const T& value, std::string_view plain, Position at, Value* out, Text* text);
  // Statuses of parts decide the status of the whole.
  static void Absorb(const Value& part, std::string_view label, Value* whole);
  static void Truncate(std::string_view reason, Value* out);
  bool HasBudget(const Text& text) const {
    return values_ < kMaxValues && names_ + text.size() - text_start_ < kMaxTextBytes;
  }
  const v1::Type* TypeAt(uint32_t index) const {
    return index < static_cast<uint32_t>(types_.size()) ? &types_.Get(static_cast<int>(index)) : nullptr;
  }

  const pipeline::TypeTable& types_;
  const pipeline::MemoryImage& image_;
  const RenderLimits& limits_;
  const std::string& format_;
  const SymbolLookup& symbols_;
  const size_t text_start_;
  uint32_t values_ = 0;
  size_t names_ = 0;
  // The captured bytes from run_address_ on that were looked at last.
  uint64_t run_address_ = 0;
  std::span<const uint8_t> run_;
};

// Bytes per character when values of this type are shown as characters; 0 otherwise. `unsigned char`, `signed char` and
// the int8_t family are numbers, as they are for std::format.
uint64_t CharacterSize(const v1::Type* type);

// "const volatile Color" -> "Color".
std::string_view WithoutQualifiers(std::string_view type_name);

}  // namespace dlog::format
