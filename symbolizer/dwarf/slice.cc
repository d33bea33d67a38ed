// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/slice.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "symbolizer/dwarf/nodes.h"

namespace dlog::dwarf {
namespace {

constexpr uint64_t kWordBytes = 8;

absl::Status Smaller() { return absl::OutOfRangeError("the object is smaller than what is read from it"); }

// The part of one piece that begins `skip` bytes into it.
v1::Composite::Piece PartOf(const v1::Composite::Piece& piece, uint64_t skip, uint64_t size) {
  v1::Composite::Piece out = piece;
  out.set_size(static_cast<uint32_t>(size));
  if (piece.in_memory()) {
    *out.mutable_value() = BinaryNode(v1::OP_ADD, piece.value(), ConstantNode(skip));
  } else if (piece.value().has_implicit_pointer()) {
    if (size != kWordBytes) *out.mutable_value() = UnavailableNode("synthetic pointer");
  } else if (piece.value().kind_case() != v1::Node::kUnavailable) {
    *out.mutable_value() = BinaryNode(v1::OP_SHR, piece.value(), ConstantNode(8 * skip));
  }
  return out;
}

absl::StatusOr<v1::Node> SliceComposite(const v1::Composite& composite, uint64_t offset, uint64_t size) {
  v1::Node out;
  v1::Composite* parts = out.mutable_composite();
  uint64_t position = 0;
  uint64_t taken = 0;
  for (const v1::Composite::Piece& piece : composite.pieces()) {
    if (piece.bits() != 0) return absl::UnimplementedError("a part of a value in pieces of bits");
    const uint64_t begin = std::max(position, offset);
    const uint64_t end = std::min(position + piece.size(), offset + size);
    if (begin < end) {
      *parts->add_pieces() = PartOf(piece, begin - position, end - begin);
      taken += end - begin;
    }
    position += piece.size();
  }
  if (taken < size) return Smaller();
  if (parts->pieces_size() == 1) {
    v1::Composite::Piece* only = parts->mutable_pieces(0);
    if (only->in_memory()) return MemoryNode(std::move(*only->mutable_value()));
    if (only->value().has_implicit_pointer()) return std::move(*only->mutable_value());
  }
  return out;
}

}  // namespace

absl::StatusOr<v1::Node> SliceLocation(const v1::Node& location, uint64_t offset, uint64_t size) {
  if (offset + size < offset) return Smaller();
  if (location.type() != 0) {  // a computed number: it has its own type and no parts
    if (offset == 0) return location;
    return absl::UnimplementedError("a part of a computed number");
  }
  switch (location.kind_case()) {
    case v1::Node::kMemory:
      return MemoryNode(BinaryNode(v1::OP_ADD, location.memory(), ConstantNode(offset)));
    case v1::Node::kComposite:
      return SliceComposite(location.composite(), offset, size);
    case v1::Node::kConstant: {
      if (offset + size > location.constant().size()) return Smaller();
      v1::Node out;
      out.set_constant(location.constant().substr(offset, size));
      return out;
    }
    case v1::Node::kImplicitPointer:
      if (offset == 0 && size == kWordBytes) return location;
      return absl::UnimplementedError("a part of a synthetic pointer");
    default: {
      if (offset + size > kWordBytes) return Smaller();
      v1::Node out;
      v1::Composite::Piece* piece = out.mutable_composite()->add_pieces();
      piece->set_size(static_cast<uint32_t>(size));
      *piece->mutable_value() = BinaryNode(v1::OP_SHR, location, ConstantNode(8 * offset));
      return out;
    }
  }
}

}  // namespace dlog::dwarf
