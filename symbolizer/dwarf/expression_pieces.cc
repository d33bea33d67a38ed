// SPDX-License-Identifier: Apache-2.0
//
// Objects that are put together: pieces of bytes and of bits, and pointers to objects that have no address.
#include <dwarf.h>

#include <algorithm>
#include <string>
#include <utility>

#include "symbolizer/dwarf/evaluator.h"
#include "symbolizer/dwarf/nodes.h"

namespace dlog::dwarf {
namespace {

constexpr uint64_t kWordBytes = 8;
constexpr uint64_t kWordBits = 64;
// Of an object in pieces of bits no more is kept in hand than 64 bytes (daemon/pipeline).
constexpr int kMaxSplitWords = 16;

// `bits` bits of little-endian bytes, from bit `first` on.
uint64_t BitsOf(const std::string& bytes, uint64_t first, uint64_t bits) {
  uint64_t out = 0;
  for (uint64_t bit = 0; bit < bits; ++bit) {
    const uint64_t at = first + bit;
    out |= uint64_t{static_cast<uint8_t>(bytes[at / 8]) >> (at % 8) & 1u} << bit;
  }
  return out;
}

}  // namespace

absl::Status Evaluator::EndPiece() {
  form_ = Form::kAddress;
  stack_.clear();
  v1::Node whole;
  *whole.mutable_composite() = composite_;
  if (NodeCount(whole) > kMaxExpressionNodes) return UnsupportedExpression("location expression is too large");
  return absl::OkStatus();
}

absl::Status Evaluator::AddPiece(uint64_t bytes, uint64_t bit_offset) {
  if (bytes == 0 || bytes > kMaxPieceBytes || composite_.pieces_size() >= static_cast<int>(kMaxExpressionOps)) {
    return MalformedExpression("piece of a bad size");
  }
  auto add = [&](uint64_t size, v1::Node value, bool in_memory) {
    v1::Composite::Piece* piece = composite_.add_pieces();
    piece->set_size(static_cast<uint32_t>(size));
    *piece->mutable_value() = std::move(value);
    piece->set_in_memory(in_memory);
  };
  if (!any_) {
    add(bytes, UnavailableNode("optimized out"), false);
  } else if (form_ == Form::kImplicit) {
    const std::string constant = terminal_.constant();
    if (bit_offset / 8 + bytes > constant.size()) return MalformedExpression("piece beyond its implicit value");
    for (uint64_t at = 0; at < bytes; at += kWordBytes) {
      v1::Node word;
      word.set_constant(constant.substr(bit_offset / 8 + at, std::min<uint64_t>(kWordBytes, bytes - at)));
      word.mutable_constant()->resize(kWordBytes);
      add(std::min<uint64_t>(kWordBytes, bytes - at), std::move(word), false);
    }
  } else if (form_ == Form::kPointer) {
    const bool whole = bytes == kWordBytes && bit_offset == 0;
    add(bytes, whole ? std::move(terminal_) : UnavailableNode("synthetic pointer"), false);
  } else if (form_ == Form::kValue && !IsWord(stack_.back().type)) {
    return UnsupportedExpression("piece that is a floating-point or wide computation");
  } else if (form_ == Form::kRegister || form_ == Form::kValue) {
    if (bit_offset + bytes * 8 > kWordBits && form_ == Form::kRegister && terminal_.has_vector()) {
      return UnsupportedExpression("value in the upper half of a vector register");
    }
    if (bit_offset + bytes * 8 > kWordBits) return MalformedExpression("piece larger than its register");
    v1::Node word = form_ == Form::kRegister ? terminal_ : stack_.back().word;
    add(bytes, BinaryNode(v1::OP_SHR, std::move(word), ConstantNode(bit_offset)), false);
  } else {
    if (stack_.empty()) return MalformedExpression("piece without a location");
    v1::Node address = BinaryNode(v1::OP_ADD, stack_.back().word, ConstantNode(bit_offset / 8));
    add(bytes, std::move(address), true);
  }
  return EndPiece();
}

absl::Status Evaluator::AddBitPiece(uint64_t bits, uint64_t bit_offset) {
  const uint64_t most = any_ ? kWordBits : kMaxPieceBytes * 8;
  if (bits == 0 || bits > most || bit_offset > kMaxPieceBytes * 8 ||
      composite_.pieces_size() >= static_cast<int>(kMaxExpressionOps)) {
    return UnsupportedExpression("piece of bits larger than a register");
  }
  v1::Composite::Piece piece;
  piece.set_bits(static_cast<uint32_t>(bits));
  piece.set_size(static_cast<uint32_t>((bits + 7) / 8));
  if (!any_) {
    *piece.mutable_value() = UnavailableNode("optimized out");
  } else if (form_ == Form::kPointer) {
    *piece.mutable_value() = UnavailableNode("synthetic pointer");
  } else if (form_ == Form::kImplicit) {
    if (bit_offset + bits > terminal_.constant().size() * 8) {
      return MalformedExpression("piece beyond its implicit value");
    }
    *piece.mutable_value() = ConstantNode(BitsOf(terminal_.constant(), bit_offset, bits));
  } else if (form_ == Form::kValue && !IsWord(stack_.back().type)) {
    return UnsupportedExpression("piece that is a floating-point or wide computation");
  } else if (form_ == Form::kRegister || form_ == Form::kValue) {
    if (bit_offset + bits > kWordBits) return MalformedExpression("piece larger than its register");
    piece.set_bit_offset(static_cast<uint32_t>(bit_offset));
    *piece.mutable_value() = form_ == Form::kRegister ? terminal_ : stack_.back().word;
  } else {
    if (stack_.empty()) return MalformedExpression("piece without a location");
    piece.set_bit_offset(static_cast<uint32_t>(bit_offset % 8));
    piece.set_in_memory(true);
    *piece.mutable_value() = BinaryNode(v1::OP_ADD, stack_.back().word, ConstantNode(bit_offset / 8));
  }
  *composite_.add_pieces() = std::move(piece);
  return EndPiece();
}

absl::Status SplitForBits(v1::Composite* composite) {
  const auto& pieces = composite->pieces();
  if (std::none_of(pieces.begin(), pieces.end(), [](const auto& piece) { return piece.bits() != 0; })) {
    return absl::OkStatus();
  }
  size_t nodes = 0;
  int words = 0;
  v1::Composite out;
  const auto add = [&](uint32_t size, v1::Node value, bool in_memory) {
    v1::Composite::Piece* part = out.add_pieces();
    part->set_in_memory(in_memory);
    part->set_size(size);
    nodes += NodeCount(value);
    *part->mutable_value() = std::move(value);
  };
  for (const v1::Composite::Piece& piece : pieces) {
    if (!piece.in_memory() || piece.size() <= kWordBytes) {
      *out.add_pieces() = piece;
      continue;
    }
    uint32_t at = 0;
    for (; at < piece.size() && words < kMaxSplitWords && nodes <= kMaxExpressionNodes; at += kWordBytes, ++words) {
      const auto size = static_cast<uint32_t>(std::min<uint64_t>(kWordBytes, piece.size() - at));
      add(size, BinaryNode(v1::OP_ADD, piece.value(), ConstantNode(at)), true);
    }
    if (nodes > kMaxExpressionNodes) return UnsupportedExpression("location expression is too large");
    // The pieces behind it keep their places.
    if (at < piece.size()) add(piece.size() - at, UnavailableNode("too large next to pieces of bits"), false);
  }
  *composite = std::move(out);
  return absl::OkStatus();
}

absl::Status Evaluator::ImplicitPointer(const Dwarf_Op& op) {
  Dwarf_Die object;
  terminal_.Clear();
  v1::ImplicitPointer* pointer = terminal_.mutable_implicit_pointer();
  pointer->set_offset(static_cast<int64_t>(op.number2));
  form_ = Form::kPointer;
  if (attribute_ == nullptr || dwarf_getlocation_die(attribute_, &op, &object) != 0) {
    return MalformedExpression("implicit pointer to nothing");
  }
  if (!context_.object) return absl::OkStatus();
  absl::StatusOr<v1::Node> target = context_.object(object);
  // What it points to may have no value either; that is no reason against the rest of an object in pieces.
  if (target.ok() && NodeCount(*target) <= kMaxExpressionNodes) *pointer->mutable_target() = *std::move(target);
  return absl::OkStatus();
}

}  // namespace dlog::dwarf
