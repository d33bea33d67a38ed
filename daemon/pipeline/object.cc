// SPDX-License-Identifier: Apache-2.0
//
// Objects: parts of objects, and reading scalars from them.
#include <algorithm>
#include <cstring>

#include "daemon/pipeline/evaluator.h"
#include "daemon/pipeline/object_internal.h"

namespace dlog::pipeline {
namespace {

// A bitfield of 64 bits that starts in the middle of a byte touches nine.
constexpr uint32_t kMaxBitfieldBits = 64;

uint64_t MaskOf(uint32_t first, uint32_t count) {
  const uint64_t ones = count >= 64 ? ~uint64_t{0} : (uint64_t{1} << count) - 1;
  return first >= 64 ? 0 : ones << first;
}

bool Fail(v1::ValueStatus status, std::string reason, v1::ValueStatus* out_status, std::string* out_reason) {
  *out_status = status;
  *out_reason = std::move(reason);
  return false;
}

const Hole* FirstHole(const Object& object, uint32_t begin, uint32_t end) {
  for (const Hole& hole : object.holes) {
    if (hole.begin < end && begin < hole.end) return &hole;
  }
  return nullptr;
}

// Where an object in hand ends: its last hole may be what lies behind the bytes that are kept.
uint64_t EndInHand(const Object& object) {
  return object.holes.empty() ? object.byte_size : std::max(object.byte_size, object.holes.back().end);
}

// The far pieces of [first, first + count) of `object`, seen from `first`; words also as bytes.
void CutFarPieces(const Object& object, uint32_t first, uint64_t count, Object* part) {
  for (const FarPiece& piece : object.far) {
    if (piece.begin >= first + count || piece.end <= first) continue;
    FarPiece cut = piece;
    cut.begin = std::max(piece.begin, first);
    const uint32_t skipped = cut.begin - piece.begin;
    cut.value = piece.in_memory ? piece.value + skipped : skipped >= 8 ? 0 : piece.value >> (8 * skipped);
    cut.begin -= first;
    cut.end -= first;
    for (uint32_t i = cut.begin; !cut.in_memory && i < std::min(cut.end, part->byte_size); ++i) {
      part->bytes[i] = static_cast<uint8_t>(i - cut.begin >= 8 ? 0 : cut.value >> (8 * (i - cut.begin)));
      part->valid |= uint64_t{1} << i;
    }
    part->far.push_back(cut);
  }
}

Object SliceInHand(const Object& object, uint64_t offset, uint64_t size, uint32_t type) {
  Object part;
  part.type = type;
  const uint64_t end = EndInHand(object);
  if (offset > end || size > end - offset) {
    return Failed(type, v1::STATUS_ERROR, "malformed plan: member outside of its object");
  }
  for (const FarPiece& piece : object.far) {
    if (!piece.in_memory || size == 0 || offset < piece.begin || offset + size > piece.end) continue;
    part.in_memory = true;
    part.address = piece.value + (offset - piece.begin);
    return part;
  }
  const auto first = static_cast<uint32_t>(offset);
  if (object.address != 0) part.address = object.address + offset;
  part.byte_size = static_cast<uint32_t>(std::min<uint64_t>(size, kMaxInlineBytes));
  const uint32_t in_hand = std::min(part.byte_size, object.byte_size - std::min(first, object.byte_size));
  if (in_hand != 0) {
    std::memcpy(part.bytes.data(), object.bytes.data() + first, in_hand);
    part.valid = (object.valid & MaskOf(first, in_hand)) >> first;
  }
  for (const Hole& hole : object.holes) {
    if (hole.begin >= offset + size || hole.end <= offset) continue;
    const auto last = static_cast<uint32_t>(std::min<uint64_t>(hole.end, offset + size));
    part.holes.push_back({std::max(hole.begin, first) - first, last - first, hole.status, hole.reason});
  }
  if (!object.known_bits.empty() && in_hand != 0) {
    part.known_bits.assign(object.known_bits.begin() + first, object.known_bits.begin() + first + in_hand);
    part.known_bits.resize(part.byte_size);
  }
  CutFarPieces(object, first, size, &part);
  SettleStatus(&part);
  return part;
}

// The bytes of a bitfield of which other bits may have no value.
bool LoadKnownBits(const Object& object, uint8_t* out, uint32_t size) {
  if (object.in_memory || object.known_bits.empty() || !object.usable()) return false;
  const uint32_t first = object.bit_offset / 8;
  if (first > object.byte_size || size > object.byte_size - first) return false;
  for (uint32_t bit = object.bit_offset; bit < object.bit_offset + object.bit_size; ++bit) {
    if ((object.known_bits[bit / 8] >> (bit % 8) & 1) == 0) return false;
  }
  std::memcpy(out, object.bytes.data() + first, size);
  return true;
}

// Copies `size` bytes from `offset` on.
bool LoadBytes(const Object& object, uint64_t offset, uint32_t size, const MemoryImage& image, uint8_t* out,
               v1::ValueStatus* status, std::string* reason) {
  if (!object.usable()) return Fail(object.status, object.reason, status, reason);
  if (object.in_memory) {
    const ReadResult read = image.Read(object.address + offset, out, size);
    if (!read.ok()) return Fail(v1::STATUS_UNREADABLE, FailureReason(read), status, reason);
    return true;
  }
  if (offset > object.byte_size || size > object.byte_size - offset) {
    return Fail(v1::STATUS_ERROR, "malformed plan: value is smaller than its type", status, reason);
  }
  const auto first = static_cast<uint32_t>(offset);
  const uint64_t wanted = MaskOf(first, size);
  if ((object.valid & wanted) != wanted) {
    const Hole* hole = FirstHole(object, first, first + size);
    if (hole == nullptr) return Fail(v1::STATUS_OPTIMIZED_OUT, "", status, reason);
    return Fail(hole->status, hole->reason, status, reason);
  }
  std::memcpy(out, object.bytes.data() + first, size);
  return true;
}

bool LoadBitfield(const Object& object, ScalarType type, const MemoryImage& image, Scalar* out, v1::ValueStatus* status,
                  std::string* reason) {
  if (object.bit_size > kMaxBitfieldBits || object.bit_size > 8u * type.size || !type.is_integral()) {
    return Fail(v1::STATUS_ERROR, "malformed plan: bitfield is wider than its type", status, reason);
  }
  const uint32_t shift = object.bit_offset % 8;
  Uint128 storage = 0;
  uint8_t bytes[16] = {};
  const uint32_t size = (shift + object.bit_size + 7) / 8;
  if (!LoadKnownBits(object, bytes, size) &&
      !LoadBytes(object, object.bit_offset / 8, size, image, bytes, status, reason)) {
    return false;
  }
  std::memcpy(&storage, bytes, sizeof(storage));
  // Up against the top, then back down with the right extension.
  storage = storage >> shift << (128 - object.bit_size);
  out->type = type;
  out->bits = type.kind == ScalarKind::kSigned
                  ? static_cast<Uint128>(static_cast<Int128>(storage) >> (128 - object.bit_size))
                  : storage >> (128 - object.bit_size);
  return true;
}

}  // namespace

Object Failed(uint32_t type, v1::ValueStatus status, std::string reason) {
  Object object;
  object.type = type;
  object.status = status;
  object.reason = std::move(reason);
  return object;
}

void SettleStatus(Object* object) {
  if (object->holes.empty()) return;
  const Hole& first = object->holes.front();
  const bool some_bits =
      std::any_of(object->known_bits.begin(), object->known_bits.end(), [](uint8_t b) { return b != 0; });
  const bool nothing = object->valid == 0 && !some_bits && object->far.empty();
  object->status = nothing ? first.status : v1::STATUS_PARTIAL;
  object->reason = first.reason;
}

bool TypeSize(uint32_t type, const TypeTable& types, uint64_t* size) {
  if (type == 0) {
    *size = kMachineWord.size;
    return true;
  }
  if (type >= static_cast<uint32_t>(types.size())) return false;
  const v1::Type& entry = types.Get(static_cast<int>(type));
  *size = entry.size();
  if (*size == 0 && (entry.kind() == v1::TYPE_POINTER || entry.kind() == v1::TYPE_REFERENCE)) *size = kMachineWord.size;
  return true;
}

bool OffsetInHand(const Object& self, uint64_t address, uint32_t* offset) {
  if (self.in_memory || address - kPseudoBase >= EndInHand(self)) return false;
  *offset = static_cast<uint32_t>(address - kPseudoBase);
  return true;
}

Object ObjectAt(uint64_t address, uint32_t type, const TypeTable& types, const Object* self) {
  uint64_t size = 0;
  if (!TypeSize(type, types, &size)) return Failed(0, v1::STATUS_ERROR, "malformed plan: no such type");
  uint32_t offset = 0;
  if (self != nullptr && OffsetInHand(*self, address, &offset)) return SliceInHand(*self, offset, size, type);
  Object object;
  object.type = type;
  object.in_memory = true;
  object.address = address;
  return object;
}

Object MemberOf(const Object& object, uint64_t offset, uint32_t type, uint32_t bit_size, uint32_t bit_offset,
                const TypeTable& types) {
  uint64_t size = 0;
  if (!TypeSize(type, types, &size)) return Failed(0, v1::STATUS_ERROR, "malformed plan: no such type");
  // With holes all over, each part still has the reason of its own.
  if (!object.usable() && object.holes.empty()) return Failed(type, object.status, object.reason);
  if (object.bit_size != 0) return Failed(type, v1::STATUS_ERROR, "malformed plan: member of a bitfield");
  Object part;
  if (object.in_memory) {
    part.type = type;
    part.in_memory = true;
    part.address = object.address + offset;
  } else {
    // The storage of a bitfield may be cut by the end of the object: take the bytes that it touches.
    const uint64_t end = EndInHand(object);
    if (bit_size != 0) {
      const uint64_t touched = (uint64_t{bit_offset} + bit_size + 7) / 8;
      size = offset < end ? std::min(touched, end - offset) : 0;
    }
    part = SliceInHand(object, offset, size, type);
  }
  part.bit_size = bit_size;
  part.bit_offset = bit_size == 0 ? 0 : bit_offset;
  return part;
}

bool LoadScalar(const Object& object, const TypeTable& types, const MemoryImage& image, Scalar* out,
                v1::ValueStatus* status, std::string* reason) {
  const ScalarType type = ScalarTypeOf(object.type, types);
  if (!object.usable()) return Fail(object.status, object.reason, status, reason);
  if (type.kind == ScalarKind::kNone) return Fail(v1::STATUS_ERROR, "not a scalar", status, reason);
  if (object.bit_size != 0) return LoadBitfield(object, type, image, out, status, reason);
  uint8_t bytes[16];
  if (!LoadBytes(object, 0, type.value_bytes(), image, bytes, status, reason)) return false;
  const char* error = DecodeScalar(type, bytes, out);
  if (error != nullptr) return Fail(v1::STATUS_ERROR, error, status, reason);
  return true;
}

bool ReadScalar(const Object& object, const TypeTable& types, const MemoryImage& image, uint64_t* out,
                v1::ValueStatus* status, std::string* reason) {
  Scalar value;
  if (!LoadScalar(object, types, image, &value, status, reason)) return false;
  if (!value.type.is_integral()) return Fail(v1::STATUS_ERROR, "not an integer", status, reason);
  if (value.type.size > 8) return Fail(v1::STATUS_ERROR, "does not fit a machine word", status, reason);
  *out = static_cast<uint64_t>(value.bits);
  return true;
}

}  // namespace dlog::pipeline
