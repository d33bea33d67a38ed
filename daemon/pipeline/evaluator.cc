// SPDX-License-Identifier: Apache-2.0
#include "daemon/pipeline/evaluator.h"

#include <algorithm>
#include <cstring>

#include "daemon/pipeline/arithmetic.h"
#include "daemon/pipeline/lookup.h"
#include "daemon/pipeline/object_internal.h"
#include "symbolizer/code/argument_registers_x86_64.h"

namespace dlog::pipeline {
namespace {

class Evaluation {
 public:
  Evaluation(const TypeTable& types, const MemoryImage& image, uint64_t self, const Object* in_hand)
      : types_(types), image_(image), self_(self), in_hand_(in_hand) {}

  Object Run(const v1::Node& node, int depth);

 private:
  Object Register(const v1::Node& node, uint64_t size) const;
  Object Vector(const v1::Node& node, uint64_t size) const;
  Object Duration(const v1::Node& node, uint64_t size) const;
  Object AtEntry(const v1::Node& node, uint64_t size) const;
  Object Constant(const v1::Node& node, uint64_t size) const;
  Object Memory(const v1::Node& node, int depth);
  Object Composed(const v1::Node& node, uint64_t size, int depth);
  void AddPiece(const v1::Composite::Piece& piece, uint32_t position, uint32_t count, int depth, Object* out);
  void AddBits(const v1::Composite::Piece& piece, uint64_t position, int depth, Object* out);
  Object ComposedOfBits(const v1::Node& node, Object object, uint64_t size, int depth);
  Object Select(const v1::Node& node, int depth);
  Object Member(const v1::Node& node, int depth);
  Object Unary(const v1::Node& node, int depth);
  Object Binary(const v1::Node& node, int depth);
  Object Logical(const v1::Node& node, int depth);
  Object Convert(const v1::Node& node, int depth);
  Object AddressOf(const v1::Node& node, int depth);
  Object Checked(const v1::Node& node, int depth);
  Object Lookup(const v1::Node& node, int depth);

  // The operand's value, or false with *failure filled for a result of type `type`.
  bool Operand(const v1::Node& node, int depth, uint32_t type, Scalar* out, Object* failure);
  bool Address(const v1::Node& node, int depth, uint32_t type, uint64_t* out, Object* failure);
  // As Address; of a floating-point number of at most 8 bytes its bits.
  bool Bits(const v1::Node& node, int depth, uint64_t* out, Object* failure);
  // `value` converted to `type`, in hand.
  Object Result(uint32_t type, const Scalar& value) const;
  Object Word(uint32_t type, uint64_t value) const;

  const TypeTable& types_;
  const MemoryImage& image_;
  const uint64_t self_;
  const Object* const in_hand_;
  int nodes_ = 0;
};

Object Malformed(uint32_t type, std::string_view what) {
  return Failed(type, v1::STATUS_ERROR, "malformed plan: " + std::string(what));
}

void SetBytes(Object* object, const void* bytes, uint32_t count) {
  std::memcpy(object->bytes.data(), bytes, count);
  object->byte_size = count;
  object->valid = count >= 64 ? ~uint64_t{0} : (uint64_t{1} << count) - 1;
}

Object Evaluation::Run(const v1::Node& node, int depth) {
  uint64_t size = 0;
  if (!TypeSize(node.type(), types_, &size)) return Malformed(0, "no such type");
  if (depth >= kMaxNodeDepth) return Malformed(node.type(), "nested too deeply");
  if (++nodes_ > kMaxNodesPerEvaluation) return Malformed(node.type(), "expression too large");
  switch (node.kind_case()) {
    case v1::Node::kReg:
      return Register(node, size);
    case v1::Node::kVector:
      return Vector(node, size);
    case v1::Node::kDuration:
      return Duration(node, size);
    case v1::Node::kAtEntry:
      return AtEntry(node, size);
    case v1::Node::kConstant:
      return Constant(node, size);
    case v1::Node::kMemory:
      return Memory(node, depth);
    case v1::Node::kComposite:
      return Composed(node, size, depth);
    case v1::Node::kMember:
      return Member(node, depth);
    case v1::Node::kUnary:
      return Unary(node, depth);
    case v1::Node::kBinary:
      return node.binary().op() == v1::OP_LOGICAL_AND || node.binary().op() == v1::OP_LOGICAL_OR ? Logical(node, depth)
                                                                                                 : Binary(node, depth);
    case v1::Node::kConvert:
      return Convert(node, depth);
    case v1::Node::kAddressOf:
      return AddressOf(node, depth);
    case v1::Node::kLinkAddress:
      if (const auto address = image_.RuntimeAddress(node.link_address())) return Word(node.type(), *address);
      return Failed(node.type(), v1::STATUS_UNREADABLE, "not captured");
    case v1::Node::kSelf:
      return Word(node.type(), self_);
    case v1::Node::kUnavailable:
      return Failed(node.type(), v1::STATUS_OPTIMIZED_OUT, node.unavailable());
    case v1::Node::kChecked:
      return Checked(node, depth);
    case v1::Node::kSelect:
      return Select(node, depth);
    case v1::Node::kLookup:
      return Lookup(node, depth);
    case v1::Node::kImplicitPointer:
      return Failed(node.type(), v1::STATUS_OPTIMIZED_OUT, "synthetic pointer");
    case v1::Node::KIND_NOT_SET:
      break;
  }
  return Malformed(node.type(), "empty node");
}

Object Evaluation::Register(const v1::Node& node, uint64_t size) const {
  if (size == 0 || size > 8) return Malformed(node.type(), "value does not fit a register");
  if (node.reg() >= DLOG_NREGS) return Malformed(node.type(), "no such register");
  if (!image_.has_register(node.reg())) return Failed(node.type(), v1::STATUS_UNREADABLE, "not captured");
  Object object;
  object.type = node.type();
  const uint64_t value = image_.register_value(node.reg());
  SetBytes(&object, &value, static_cast<uint32_t>(size));
  return object;
}

Object Evaluation::Vector(const v1::Node& node, uint64_t size) const {
  if (node.vector() >= DLOG_NVECTORS) return Malformed(node.type(), "no such vector register");
  if (size == 0 || size > DLOG_VECTOR_BYTES) {
    return Failed(node.type(), v1::STATUS_UNREADABLE, "upper part of a vector register");
  }
  if (!image_.has_vector(node.vector())) return Failed(node.type(), v1::STATUS_UNREADABLE, "vector register");
  Object object;
  object.type = node.type();
  SetBytes(&object, image_.vector_value(node.vector()).data(), static_cast<uint32_t>(size));
  return object;
}

Object Evaluation::Duration(const v1::Node& node, uint64_t size) const {
  if (size != sizeof(uint64_t)) return Malformed(node.type(), "a duration has 64 bits");
  if (!image_.duration().has_value()) {
    return Failed(node.type(), v1::STATUS_UNREADABLE, "unknown start");
  }
  return Word(node.type(), *image_.duration());
}

Object Evaluation::AtEntry(const v1::Node& node, uint64_t size) const {
  if (size == 0 || size > sizeof(uint64_t)) return Malformed(node.type(), "value does not fit a register");
  const std::optional<uint8_t> number = code::ArgumentNumber(node.at_entry());
  if (!number.has_value()) return Malformed(node.type(), "no register of arguments");
  const std::optional<uint64_t> value = image_.at_entry(*number);
  if (!value.has_value()) {
    return Failed(node.type(), v1::STATUS_OPTIMIZED_OUT,
                  "only its value at the function's entry is known, and this call began unseen");
  }
  Object object;
  object.type = node.type();
  SetBytes(&object, &*value, static_cast<uint32_t>(size));
  return object;
}

Object Evaluation::Constant(const v1::Node& node, uint64_t size) const {
  const std::string& bytes = node.constant();
  Object object;
  object.type = node.type();
  if (node.type() == 0 && bytes.size() <= 8) {  // a machine word may be written short
    uint64_t value = 0;
    std::memcpy(&value, bytes.data(), bytes.size());
    SetBytes(&object, &value, sizeof(value));
    return object;
  }
  const ScalarType scalar = ScalarTypeOf(node.type(), types_);
  const uint64_t needed = scalar.kind == ScalarKind::kNone ? size : scalar.value_bytes();
  if (size == 0 || bytes.size() < needed) return Malformed(node.type(), "constant is shorter than its type");
  SetBytes(&object, bytes.data(), static_cast<uint32_t>(std::min<uint64_t>({bytes.size(), size, kMaxInlineBytes})));
  if (size > kMaxInlineBytes) {
    object.holes.push_back({kMaxInlineBytes, static_cast<uint32_t>(std::min<uint64_t>(size, UINT32_MAX)),
                            v1::STATUS_UNREADABLE, "constant is too large"});
    SettleStatus(&object);
  }
  return object;
}

Object Evaluation::Memory(const v1::Node& node, int depth) {
  uint64_t address = 0;
  Object failure;
  if (!Address(node.memory(), depth + 1, node.type(), &address, &failure)) return failure;
  return ObjectAt(address, node.type(), types_, in_hand_);
}

Object Evaluation::Composed(const v1::Node& node, uint64_t size, int depth) {
  const auto& pieces = node.composite().pieces();
  if (size == 0) return Malformed(node.type(), "composite of unknown size");
  if (pieces.size() == 1 && pieces[0].in_memory() && pieces[0].size() >= size) {
    uint64_t address = 0;
    Object failure;
    if (!Address(pieces[0].value(), depth + 1, node.type(), &address, &failure)) return failure;
    return ObjectAt(address, node.type(), types_, in_hand_);
  }
  Object object;
  object.type = node.type();
  object.byte_size = static_cast<uint32_t>(std::min<uint64_t>(size, kMaxInlineBytes));
  const auto end = static_cast<uint32_t>(std::min<uint64_t>(size, UINT32_MAX));
  uint64_t position = 0;
  if (std::any_of(pieces.begin(), pieces.end(), [](const auto& piece) { return piece.bits() != 0; })) {
    return ComposedOfBits(node, std::move(object), size, depth);
  }
  for (const v1::Composite::Piece& piece : pieces) {
    if (piece.size() == 0) return Malformed(node.type(), "empty piece");
    if (position >= end) break;
    const auto count = static_cast<uint32_t>(std::min<uint64_t>(piece.size(), end - position));
    AddPiece(piece, static_cast<uint32_t>(position), count, depth, &object);
    position += piece.size();
  }
  if (position < end) {
    object.holes.push_back(
        {static_cast<uint32_t>(position), end, v1::STATUS_OPTIMIZED_OUT, "not described by the debug information"});
  }
  if (size > kMaxInlineBytes) {
    object.holes.push_back({kMaxInlineBytes, static_cast<uint32_t>(std::min<uint64_t>(size, UINT32_MAX)),
                            v1::STATUS_UNREADABLE, "scattered value is too large"});
  }
  SettleStatus(&object);
  return object;
}

void Evaluation::AddPiece(const v1::Composite::Piece& piece, uint32_t position, uint32_t count, int depth,
                          Object* out) {
  const auto add_hole = [&](v1::ValueStatus status, std::string reason) {
    out->holes.push_back({position, position + count, status, std::move(reason)});
  };
  uint8_t bytes[kMaxInlineBytes];
  uint64_t word = 0;
  Object failure;
  const bool known = piece.in_memory() ? Address(piece.value(), depth + 1, 0, &word, &failure)
                                       : Bits(piece.value(), depth + 1, &word, &failure);
  if (!known) return add_hole(failure.status, failure.reason);
  if (!piece.in_memory() && count > sizeof(word)) {
    return add_hole(v1::STATUS_ERROR, "malformed plan: piece is larger than a register");
  }
  if (position + count > out->byte_size) out->far.push_back({position, position + count, piece.in_memory(), word});
  if (position >= out->byte_size) return;
  count = std::min(count, out->byte_size - position);
  if (piece.in_memory()) {
    const ReadResult read = image_.Read(word, bytes, count);
    if (!read.ok()) return add_hole(v1::STATUS_UNREADABLE, FailureReason(read));
  } else {
    std::memcpy(bytes, &word, sizeof(word));
  }
  std::memcpy(out->bytes.data() + position, bytes, count);
  out->valid |= (count >= 64 ? ~uint64_t{0} : (uint64_t{1} << count) - 1) << position;
}

Object Evaluation::ComposedOfBits(const v1::Node& node, Object object, uint64_t size, int depth) {
  object.known_bits.resize(object.byte_size);
  uint64_t position = 0;  // in bits
  for (const v1::Composite::Piece& piece : node.composite().pieces()) {
    const uint64_t bits = piece.bits() != 0 ? piece.bits() : uint64_t{piece.size()} * 8;
    if (bits == 0) return Malformed(node.type(), "empty piece");
    if (position + bits > uint64_t{object.byte_size} * 8) {
      if (object.byte_size < kMaxInlineBytes)
        return Malformed(node.type(), "pieces of bits are larger than their object");
      break;  // what follows stays unknown
    }
    if (bits > 64 && piece.value().kind_case() != v1::Node::kUnavailable) {
      return Malformed(node.type(), "a piece among pieces of bits is larger than a register");
    }
    AddBits(piece, position, depth, &object);
    position += bits;
  }
  if (position < uint64_t{object.byte_size} * 8) {
    object.holes.push_back({static_cast<uint32_t>(position / 8), object.byte_size, v1::STATUS_OPTIMIZED_OUT,
                            "not described by the debug information"});
  }
  if (size > kMaxInlineBytes) {
    object.holes.push_back({kMaxInlineBytes, static_cast<uint32_t>(std::min<uint64_t>(size, UINT32_MAX)),
                            v1::STATUS_UNREADABLE, "scattered value is too large"});
  }
  for (uint32_t i = 0; i < object.byte_size; ++i) {
    if (object.known_bits[i] == 0xff) object.valid |= uint64_t{1} << i;
  }
  SettleStatus(&object);
  return object;
}

void Evaluation::AddBits(const v1::Composite::Piece& piece, uint64_t position, int depth, Object* out) {
  const uint64_t bits = piece.bits() != 0 ? piece.bits() : uint64_t{piece.size()} * 8;
  const auto add_hole = [&](v1::ValueStatus status, std::string reason) {
    out->holes.push_back({static_cast<uint32_t>(position / 8), static_cast<uint32_t>((position + bits + 7) / 8), status,
                          std::move(reason)});
  };
  uint64_t word = 0;
  Object failure;
  const bool known = piece.in_memory() ? Address(piece.value(), depth + 1, 0, &word, &failure)
                                       : Bits(piece.value(), depth + 1, &word, &failure);
  if (!known) return add_hole(failure.status, failure.reason);
  Uint128 source = word;
  if (piece.in_memory()) {
    uint8_t bytes[16] = {};
    const uint64_t count = (piece.bit_offset() + bits + 7) / 8;
    if (count > sizeof(bytes)) return add_hole(v1::STATUS_ERROR, "malformed plan: piece of bits is too large");
    const ReadResult read = image_.Read(word, bytes, static_cast<uint32_t>(count));
    if (!read.ok()) return add_hole(v1::STATUS_UNREADABLE, FailureReason(read));
    std::memcpy(&source, bytes, sizeof(source));
  } else if (piece.bit_offset() + bits > 64) {
    return add_hole(v1::STATUS_ERROR, "malformed plan: piece is larger than a register");
  }
  for (uint64_t bit = 0; bit < bits; ++bit) {
    const uint64_t at = position + bit;
    const auto mask = static_cast<uint8_t>(1u << (at % 8));
    if ((source >> (piece.bit_offset() + bit) & 1) != 0) out->bytes[at / 8] |= mask;
    out->known_bits[at / 8] |= mask;
  }
}

Object Evaluation::Select(const v1::Node& node, int depth) {
  const v1::Select& select = node.select();
  uint64_t key = 0;
  Object failure;
  if (!Address(select.key(), depth + 1, node.type(), &key, &failure)) return failure;
  for (const v1::Select::Case& candidate : select.cases()) {
    const auto& keys = candidate.keys();
    if (std::find(keys.begin(), keys.end(), key) != keys.end()) return Run(candidate.value(), depth + 1);
  }
  return Failed(node.type(), v1::STATUS_OPTIMIZED_OUT, select.otherwise());
}

Object Evaluation::Member(const v1::Node& node, int depth) {
  const v1::Member& member = node.member();
  Object object = Run(member.object(), depth + 1);
  if (object.usable() && object.type < static_cast<uint32_t>(types_.size()) &&
      types_.Get(static_cast<int>(object.type)).kind() == v1::TYPE_REFERENCE) {
    const uint32_t target = types_.Get(static_cast<int>(object.type)).target();
    uint64_t address = 0;
    Object failure;
    if (!ReadScalar(object, types_, image_, &address, &failure.status, &failure.reason)) {
      return Failed(node.type(), failure.status, failure.reason);
    }
    object = ObjectAt(address, target, types_, in_hand_);
  }
  return MemberOf(object, member.offset(), node.type(), member.bit_size(), member.bit_offset(), types_);
}

Object Evaluation::Unary(const v1::Node& node, int depth) {
  Scalar operand;
  Object failure;
  if (!Operand(node.unary().operand(), depth + 1, node.type(), &operand, &failure)) return failure;
  Scalar value;
  if (const char* reason = ApplyUnary(node.unary().op(), operand, &value)) {
    return Failed(node.type(), v1::STATUS_ERROR, reason);
  }
  return Result(node.type(), value);
}

Object Evaluation::Binary(const v1::Node& node, int depth) {
  Scalar left;
  Scalar right;
  Object failure;
  if (!Operand(node.binary().left(), depth + 1, node.type(), &left, &failure)) return failure;
  if (!Operand(node.binary().right(), depth + 1, node.type(), &right, &failure)) return failure;
  Scalar value;
  if (const char* reason = ApplyBinary(node.binary().op(), left, right, &value)) {
    return Failed(node.type(), v1::STATUS_ERROR, reason);
  }
  return Result(node.type(), value);
}

Object Evaluation::Logical(const v1::Node& node, int depth) {
  const bool is_and = node.binary().op() == v1::OP_LOGICAL_AND;
  Scalar operand;
  Object failure;
  if (!Operand(node.binary().left(), depth + 1, node.type(), &operand, &failure)) return failure;
  if (operand.truth() != is_and) return Result(node.type(), MakeBool(!is_and));
  if (!Operand(node.binary().right(), depth + 1, node.type(), &operand, &failure)) return failure;
  return Result(node.type(), MakeBool(operand.truth()));
}

Object Evaluation::Convert(const v1::Node& node, int depth) {
  Scalar operand;
  Object failure;
  if (!Operand(node.convert(), depth + 1, node.type(), &operand, &failure)) return failure;
  return Result(node.type(), operand);
}

Object Evaluation::AddressOf(const v1::Node& node, int depth) {
  const Object object = Run(node.address_of(), depth + 1);
  if (!object.usable()) return Failed(node.type(), object.status, object.reason);
  if (object.bit_size != 0) return Failed(node.type(), v1::STATUS_ERROR, "a bitfield has no address");
  if (!object.in_memory && object.address == 0) {
    return Failed(node.type(), v1::STATUS_ERROR, "the value is not in memory, it has no address");
  }
  return Word(node.type(), object.address);
}

Object Evaluation::Checked(const v1::Node& node, int depth) {
  const v1::Checked& checked = node.checked();
  Scalar condition;
  Object failure;
  if (!Operand(checked.condition(), depth + 1, node.type(), &condition, &failure)) return failure;
  if (!condition.truth()) return Failed(node.type(), v1::STATUS_ERROR, checked.reason());
  return Run(checked.value(), depth + 1);
}

Object Evaluation::Lookup(const v1::Node& node, int depth) {
  const v1::Lookup& lookup = node.lookup();
  Scalar scalar;
  Object failure;
  if (lookup.has_key() && !Operand(lookup.key(), depth + 1, node.type(), &scalar, &failure)) return failure;
  const WantedKey key{lookup.has_key() ? &scalar : nullptr, lookup.text()};
  return LookUp(Run(lookup.container(), depth + 1), key, node.type(), types_, image_);
}

bool Evaluation::Operand(const v1::Node& node, int depth, uint32_t type, Scalar* out, Object* failure) {
  const Object object = Run(node, depth);
  if (LoadScalar(object, types_, image_, out, &failure->status, &failure->reason)) return true;
  failure->type = type;
  return false;
}

bool Evaluation::Address(const v1::Node& node, int depth, uint32_t type, uint64_t* out, Object* failure) {
  if (in_hand_ == nullptr && EvaluateWord(node, types_, image_, self_, out)) return true;
  const Object object = Run(node, depth);
  // A piece is often a register read as a machine word, but may be typed by what it holds.
  if (ReadScalar(object, types_, image_, out, &failure->status, &failure->reason)) return true;
  failure->type = type;
  return false;
}

bool Evaluation::Bits(const v1::Node& node, int depth, uint64_t* out, Object* failure) {
  if (node.type() == 0) return Address(node, depth, 0, out, failure);
  Scalar value;
  if (!Operand(node, depth, 0, &value, failure)) return false;
  if (value.type.size > sizeof(*out)) {
    *failure = Malformed(0, "piece is larger than a register");
    return false;
  }
  if (value.type.is_integral()) {
    *out = static_cast<uint64_t>(value.bits);
    return true;
  }
  uint8_t bytes[16] = {};
  EncodeScalar(value, bytes);
  std::memcpy(out, bytes, sizeof(*out));
  return true;
}

Object Evaluation::Result(uint32_t type, const Scalar& value) const {
  const ScalarType to = ScalarTypeOf(type, types_);
  if (to.kind == ScalarKind::kNone) return Malformed(type, "the result is not a scalar");
  Scalar converted;
  if (const char* reason = ConvertScalar(value, to, &converted)) return Failed(type, v1::STATUS_ERROR, reason);
  Object object;
  object.type = type;
  uint8_t bytes[16];
  EncodeScalar(converted, bytes);
  SetBytes(&object, bytes, to.size);
  return object;
}

Object Evaluation::Word(uint32_t type, uint64_t value) const {
  Scalar word;
  word.type = kMachineWord;
  word.bits = value;
  return Result(type, word);
}

}  // namespace

Object Evaluate(const v1::Node& node, const TypeTable& types, const MemoryImage& image, uint64_t self) {
  return Evaluation(types, image, self, nullptr).Run(node, 0);
}

Object EvaluateInside(const v1::Node& node, const TypeTable& types, const MemoryImage& image, const Object& self) {
  if (!self.usable()) return Failed(node.type(), self.status, self.reason);
  if (self.in_memory) return Evaluation(types, image, self.address, nullptr).Run(node, 0);
  // Nodes run on a copy whose address is the pseudo base, whatever larger object it was cut from.
  Object base = self;
  base.address = kPseudoBase;
  return Evaluation(types, image, kPseudoBase, &base).Run(node, 0);
}

}  // namespace dlog::pipeline
