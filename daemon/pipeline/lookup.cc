// SPDX-License-Identifier: Apache-2.0
#include "daemon/pipeline/lookup.h"

#include <fmt/format.h>

#include <string>

#include "daemon/pipeline/arithmetic.h"
#include "daemon/pipeline/elements.h"
#include "daemon/pipeline/object_internal.h"

namespace dlog::pipeline {
namespace {

// More are never captured.
constexpr uint64_t kMaxElements = 65536;

enum class Match { kEqual, kDifferent, kUnknown };

class Search {
 public:
  Search(const Object& container, const WantedKey& key, uint32_t type, const TypeTable& types, const MemoryImage& image)
      : container_(container), key_(key), type_(type), types_(types), image_(image) {}

  Object Run();

 private:
  Object Error(std::string reason) const { return Failed(type_, v1::STATUS_ERROR, std::move(reason)); }
  Match Compare(const Object& key);
  Match CompareText(const Object& key, const v1::Shape& shape);
  bool Word(const v1::Node& node, const Object& self, uint64_t* out);

  const Object& container_;
  const WantedKey& key_;
  const uint32_t type_;
  const TypeTable& types_;
  const MemoryImage& image_;
  v1::ValueStatus status_ = v1::STATUS_OK;
  std::string reason_;
};

bool Search::Word(const v1::Node& node, const Object& self, uint64_t* out) {
  return ReadScalar(EvaluateInside(node, types_, image_, self), types_, image_, out, &status_, &reason_);
}

Match Search::CompareText(const Object& key, const v1::Shape& shape) {
  uint64_t size = 0;
  uint64_t data = 0;
  if (!Word(shape.size(), key, &size)) return Match::kUnknown;
  if (size != key_.text.size()) return Match::kDifferent;
  if (!Word(shape.data(), key, &data)) return Match::kUnknown;
  std::string text(key_.text.size(), '\0');
  const ReadResult read = image_.Read(data, text.data(), static_cast<uint32_t>(text.size()));
  if (!text.empty() && !read.ok()) {
    status_ = v1::STATUS_UNREADABLE;
    reason_ = FailureReason(read);
    return Match::kUnknown;
  }
  return text == key_.text ? Match::kEqual : Match::kDifferent;
}

Match Search::Compare(const Object& key) {
  if (key_.scalar == nullptr) {
    if (key.type >= static_cast<uint32_t>(types_.size())) return Match::kUnknown;
    const v1::Shape& shape = types_.Get(static_cast<int>(key.type)).shape();
    if (shape.kind() != v1::Shape::STRING) return Match::kUnknown;
    return CompareText(key, shape);
  }
  Scalar value;
  Scalar equal;
  if (!LoadScalar(key, types_, image_, &value, &status_, &reason_)) return Match::kUnknown;
  if (const char* reason = ApplyBinary(v1::OP_EQ, value, *key_.scalar, &equal)) {
    reason_ = reason;
    return Match::kUnknown;
  }
  return equal.truth() ? Match::kEqual : Match::kDifferent;
}

Object Search::Run() {
  if (!container_.usable()) return Failed(type_, container_.status, container_.reason);
  uint64_t bytes = 0;
  if (!container_.in_memory || !TypeSize(container_.type, types_, &bytes))
    return Error("the container is not in memory");
  if (image_.IsTorn(container_.address, bytes)) return Failed(type_, v1::STATUS_TORN, "changed while it was read");
  const v1::Shape& shape = types_.Get(static_cast<int>(container_.type)).shape();
  const bool walk =
      shape.kind() == v1::Shape::LIST || shape.kind() == v1::Shape::TREE || shape.kind() == v1::Shape::SLOTS;
  if (!walk || !shape.is_map()) return Error("malformed plan: not a map");
  uint64_t count = Elements::kUnknown;
  if (shape.has_size() && !Word(shape.size(), container_, &count)) return Failed(type_, status_, reason_);
  Elements elements(container_, shape, count, types_, image_);
  for (uint64_t seen = 0; seen < kMaxElements; ++seen) {
    Object element;
    const Elements::End end = elements.Next(&element);
    if (end == Elements::End::kDone) return Error("no such key");
    if (end == Elements::End::kCorrupt) return Error("corrupt: " + elements.reason());
    std::array<Object, 2> parts;
    Match match = Match::kUnknown;
    if (end == Elements::End::kMore && KeyAndValue(element, types_, image_, &parts)) match = Compare(parts[0]);
    if (match == Match::kEqual) return parts[1];
    // Behind what is not known the key may still be; but the first of several is not it any more.
    if (match == Match::kUnknown) {
      return Failed(type_, v1::STATUS_UNREADABLE,
                    fmt::format("no such key among the first {} that were captured", seen));
    }
  }
  return Error("no such key among those looked at");
}

}  // namespace

bool KeyAndValue(const Object& element, const TypeTable& types, const MemoryImage& image,
                 std::array<Object, 2>* parts) {
  if (element.type >= static_cast<uint32_t>(types.size())) return false;
  const v1::Type& type = types.Get(static_cast<int>(element.type));
  if (type.kind() != v1::TYPE_STRUCT) return false;
  if (type.shape().kind() == v1::Shape::MEMBERS && type.shape().parts_size() == 2) {
    for (int i = 0; i < 2; ++i) {
      (*parts)[static_cast<size_t>(i)] = EvaluateInside(type.shape().parts(i).value(), types, image, element);
    }
    return true;
  }
  if (type.has_shape() || type.fields_size() != 2 || type.fields(0).is_base()) return false;
  for (int i = 0; i < 2; ++i) {
    const v1::Field& field = type.fields(i);
    (*parts)[static_cast<size_t>(i)] =
        MemberOf(element, field.offset(), field.type(), field.bit_size(), field.bit_offset(), types);
  }
  return true;
}

Object LookUp(const Object& container, const WantedKey& key, uint32_t type, const TypeTable& types,
              const MemoryImage& image) {
  return Search(container, key, type, types, image).Run();
}

}  // namespace dlog::pipeline
