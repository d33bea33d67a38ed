// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/visible_bytes.h"

#include <algorithm>
#include <bit>

namespace dlog::dwarf {
namespace {

constexpr int kMaxDepth = 32;  // objects within objects
constexpr size_t kMaxRanges = 4096;

const v1::Type* At(const TypeTable& types, uint32_t type) {
  return type < static_cast<uint32_t>(types.size()) ? &types.Get(static_cast<int>(type)) : nullptr;
}

bool IsClass(const v1::Type& type) { return type.kind() == v1::TYPE_STRUCT || type.kind() == v1::TYPE_UNION; }

uint64_t SizeOf(const TypeTable& types, uint32_t type) {
  const v1::Type* found = At(types, type);
  return found == nullptr ? 0 : found->size();
}

// The bytes that a field takes.
uint64_t FieldSize(const TypeTable& types, const v1::Field& field) {
  if (field.bit_size() == 0) return SizeOf(types, field.type());
  return (uint64_t{field.bit_offset()} + field.bit_size() + 7) / 8;
}

bool Hides(const TypeTable& types, uint32_t type, int depth) {
  const v1::Type* found = At(types, type);
  if (found == nullptr || depth > kMaxDepth) return false;
  if (!found->redacted().empty()) return true;
  if (found->kind() == v1::TYPE_ARRAY) return Hides(types, found->target(), depth + 1);
  if (!IsClass(*found)) return false;
  return std::any_of(found->fields().begin(), found->fields().end(), [&](const v1::Field& field) {
    return !field.redacted().empty() || Hides(types, field.type(), depth + 1);
  });
}

// The fields of an object, down to plain values.
class Collector {
 public:
  explicit Collector(const TypeTable& types) : types_(types) {}

  void Add(uint32_t type, uint64_t offset, int depth) {
    const v1::Type* found = At(types_, type);
    if (found == nullptr) return;
    if (!found->redacted().empty() || depth > kMaxDepth) return Put(&hidden_, offset, found->size());
    if (found->kind() == v1::TYPE_ARRAY && Structured(found->target(), depth)) return AddArray(*found, offset, depth);
    if (!IsClass(*found) || found->fields().empty()) return Put(&visible_, offset, found->size());
    for (const v1::Field& field : found->fields()) AddField(field, offset, depth);
  }

  void AddField(const v1::Field& field, uint64_t offset, int depth) {
    if (field.is_virtual_base()) return;
    offset += field.offset();
    if (!field.redacted().empty()) return Put(&hidden_, offset, FieldSize(types_, field));
    if (field.bit_size() != 0) return Put(&visible_, offset, FieldSize(types_, field));
    Add(field.type(), offset, depth + 1);
  }

  const std::vector<ByteRange>& visible() const { return visible_; }
  const std::vector<ByteRange>& hidden() const { return hidden_; }

 private:
  // Arrays of plain values are one range.
  bool Structured(uint32_t element, int depth) const {
    const v1::Type* found = At(types_, element);
    return found != nullptr && (IsClass(*found) || found->kind() == v1::TYPE_ARRAY) && Hides(types_, element, depth);
  }

  // What is too much to be looked at one by one is hidden.
  void AddArray(const v1::Type& array, uint64_t offset, int depth) {
    const uint64_t stride = SizeOf(types_, array.target());
    uint64_t looked_at = 0;
    while (stride != 0 && looked_at < array.count() && hidden_.size() + visible_.size() < kMaxRanges) {
      Add(array.target(), offset + looked_at++ * stride, depth + 1);
    }
    if (looked_at < array.count()) {
      Put(&hidden_, offset + looked_at * stride, array.size() - std::min(array.size(), looked_at * stride));
    }
  }

  void Put(std::vector<ByteRange>* out, uint64_t begin, uint64_t size) const {
    if (size != 0) out->push_back({begin, begin + size});
  }

  const TypeTable& types_;
  std::vector<ByteRange> visible_;
  std::vector<ByteRange> hidden_;
};

std::vector<ByteRange> Sorted(std::vector<ByteRange> ranges) {
  std::sort(ranges.begin(), ranges.end(), [](const auto& a, const auto& b) { return a.begin < b.begin; });
  return ranges;
}

}  // namespace

bool Overlap(const std::vector<ByteRange>& a, const std::vector<ByteRange>& b) {
  return std::any_of(a.begin(), a.end(), [&](const ByteRange& x) {
    return std::any_of(b.begin(), b.end(), [&](const ByteRange& y) { return x.begin < y.end && y.begin < x.end; });
  });
}

std::vector<ByteRange> HiddenBytes(const TypeTable& types, uint32_t type) {
  Collector fields(types);
  fields.Add(type, 0, 0);
  return Sorted(fields.hidden());
}

std::vector<ByteRange> VisibleBytes(const TypeTable& types, uint32_t type) {
  Collector fields(types);
  fields.Add(type, 0, 0);
  uint64_t end = 0;
  for (const ByteRange& range : fields.visible()) end = std::max(end, range.end);
  std::vector<ByteRange> visible;
  uint64_t begin = 0;
  for (const ByteRange& secret : Sorted(fields.hidden())) {
    if (secret.begin > begin) visible.push_back({begin, std::min(secret.begin, end)});
    begin = std::max(begin, secret.end);
    if (begin >= end) break;
  }
  if (begin < end) visible.push_back({begin, end});
  if (visible.size() > kMaxVisibleRanges) visible.resize(kMaxVisibleRanges);
  return visible;
}

bool HidesBytes(const TypeTable& types, uint32_t type) { return Hides(types, type, 0); }

void MarkSharedBytes(TypeTable* types, uint32_t type) {
  v1::Type* owner = types->Mutable(static_cast<int>(type));
  if (!HidesBytes(*types, type)) return;
  std::vector<std::vector<ByteRange>> own, secrets;
  for (const v1::Field& field : owner->fields()) {
    Collector fields(*types);
    fields.AddField(field, 0, 0);
    own.push_back(fields.visible());
    secrets.push_back(fields.hidden());
    // Bit-fields are read in units of 1, 2, 4 and 8 bytes.
    for (ByteRange& range : own.back()) {
      if (field.bit_size() != 0) range.end = range.begin + std::bit_ceil(range.end - range.begin);
    }
  }
  std::vector<int> shared;
  for (int i = 0; i < owner->fields_size(); ++i) {
    if (!owner->fields(i).redacted().empty()) continue;
    for (size_t other = 0; other < secrets.size(); ++other) {
      if (other == static_cast<size_t>(i) || !Overlap(own[static_cast<size_t>(i)], secrets[other])) continue;
      shared.push_back(i);
      break;
    }
  }
  for (const int i : shared) {
    owner->mutable_fields(i)->set_redacted("shares bytes with what is redacted");
  }
}

}  // namespace dlog::dwarf
