// SPDX-License-Identifier: Apache-2.0
//
// What lies behind objects of library types: texts, contiguous elements, nodes, blocks, slots, by their Shape.
#include <algorithm>
#include <utility>

#include "symbolizer/plan/capture_compiler.h"
#include "symbolizer/plan/conversions.h"
#include "symbolizer/plan/nodes.h"

namespace dlog::plan {
namespace {

constexpr uint32_t kMinSlots = 64;  // of an open hash table
constexpr uint32_t kMaxSlots = 1024;

uint64_t ElementStride(const dwarf::TypeGraph& types, const v1::Shape& shape) {
  const bool spaced = shape.kind() == v1::Shape::SEQUENCE && shape.node_size() != 0;
  return spaced ? shape.node_size() : types.at(shape.element()).size();
}

}  // namespace

absl::Status CaptureCompiler::FollowString(OpEmitter* out, const v1::Shape& shape) {
  auto size = out->Value(shape.size());
  if (!size.ok()) return size.status();
  // Before the jump: where an empty string is takes words to compute, too.
  auto data = out->Value(shape.data());
  if (!data.ok()) return data.status();
  out->Jump(v1::CAP_JUMP_IF_ZERO, *size, out->failure());
  const uint32_t unit = static_cast<uint32_t>(std::max<uint64_t>(1, types_->at(shape.element()).size()));
  CopyDynamic(out, *data, *size, unit, limits_.string_bytes / unit);
  return absl::OkStatus();
}

void CaptureCompiler::CopyDynamic(OpEmitter* out, uint32_t address, uint32_t count, uint64_t unit, uint64_t most) {
  v1::CaptureOp& op = out->Emit(v1::CAP_COPY_DYN);
  op.set_a(address);
  op.set_b(count);
  op.set_size(static_cast<uint32_t>(unit));
  op.set_length(static_cast<uint32_t>(std::min<uint64_t>(most, kMaxCopyBytes / unit) * unit));
}

absl::Status CaptureCompiler::FollowSequence(OpEmitter* out, const v1::Shape& shape) {
  const uint64_t stride = ElementStride(*types_, shape);
  if (stride == 0 || stride > kMaxCopyBytes) return absl::OkStatus();
  auto begin = out->Value(shape.data());
  if (!begin.ok()) return begin.status();
  absl::StatusOr<uint32_t> count = absl::InternalError("");
  if (shape.has_end()) {
    auto end = out->Value(shape.end());
    if (!end.ok()) return end.status();
    // end - begin as an unsigned number: a header with end < begin gives nothing, not a huge count.
    auto ordered = out->EmitArith(v1::OP_LT, *begin, *end);
    if (!ordered.ok()) return ordered.status();
    out->Jump(v1::CAP_JUMP_IF_ZERO, *ordered, out->failure());
    auto bytes = out->EmitArith(v1::OP_SUB, *end, *begin);
    if (!bytes.ok()) return bytes.status();
    count = out->EmitArithImm(v1::OP_DIV, *bytes, static_cast<int64_t>(stride));
  } else {
    count = out->Value(shape.size());
  }
  if (!count.ok()) return count.status();
  if (!DataIsInside(shape)) return CopyElements(out, shape, *begin, *count, true);
  if (!HasIndirection(shape.element()) && !types_->HidesBytes(shape.element())) return absl::OkStatus();
  return CallEach(out, shape.element(), *begin, *count, static_cast<uint32_t>(stride), false);
}

absl::Status CaptureCompiler::CopyElements(OpEmitter* out, const v1::Shape& shape, uint32_t address, uint32_t count,
                                           bool deeper) {
  const uint32_t element = shape.element();
  const uint64_t stride = ElementStride(*types_, shape);
  const bool one_by_one = types_->HidesBytes(element);
  if (!one_by_one) CopyDynamic(out, address, count, stride, std::max<uint32_t>(1, limits_.items));
  if (!one_by_one && !HasIndirection(element)) return absl::OkStatus();
  return CallEach(out, element, address, count, static_cast<uint32_t>(stride), deeper);
}

absl::Status CaptureCompiler::FollowNodes(OpEmitter* out, const v1::Shape& shape, uint32_t type) {
  absl::StatusOr<uint32_t> count = shape.has_size() ? out->Value(shape.size()) : out->EmitConst(limits_.items + 1);
  if (!count.ok()) return count.status();
  // Before the jump: where an empty one begins takes words to compute, too.
  auto first = out->Value(shape.data());
  if (!first.ok()) return first.status();
  out->Jump(v1::CAP_JUMP_IF_ZERO, *count, out->failure());
  const bool branches = shape.kind() == v1::Shape::TREE && shape.block() != 0;
  if (shape.has_end() && !branches) {
    auto end = out->Value(shape.end());
    if (!end.ok()) return end.status();
    auto differs = out->EmitArith(v1::OP_NE, *first, *end);
    if (!differs.ok()) return differs.status();
    out->Jump(v1::CAP_JUMP_IF_ZERO, *differs, out->failure());
  }
  v1::CaptureOp& op = out->Emit(v1::CAP_WALK);
  op.set_a(*first);
  op.set_b(*count);
  // Each leaf but the root is at least half full, unless it is the last one.
  op.set_length(branches ? 2 * limits_.items / static_cast<uint32_t>(shape.block()) + 2 : limits_.items);
  op.set_routine(RoutineFor(type, branches                          ? Flavor::kBranchLeaf
                                  : shape.kind() == v1::Shape::LIST ? Flavor::kListNode
                                                                    : Flavor::kTreeVisit));
  op.set_deeper(true);
  return absl::OkStatus();
}

void CaptureCompiler::Next(OpEmitter* out, uint32_t cell, uint32_t type, Flavor flavor) {
  v1::CaptureOp& op = out->Emit(v1::CAP_NEXT);
  op.set_a(cell);
  op.set_routine(RoutineFor(type, flavor));
  op.set_counted(flavor == Flavor::kListNode || flavor == Flavor::kTreeVisit || flavor == Flavor::kBranchLeaf);
}

absl::Status CaptureCompiler::FollowElement(OpEmitter* out, const v1::Shape& shape) {
  const auto place = SplitOffset(shape.value());
  return Follow(out, shape.element(), {OpEmitter::kSelfCell, place.offset}, 1);
}

void CaptureCompiler::CopyNode(OpEmitter* out, const v1::Shape& shape, Address address) {
  CopyAround(out, shape.node_size(), shape.element(), SplitOffset(shape.value()).offset, address);
}

// The way on comes before what the node holds: it goes to the head of the queue.
absl::Status CaptureCompiler::CompileListNode(OpEmitter* out, uint32_t type) {
  const v1::Shape shape = shaper_->ShapeOf(type);
  CopyNode(out, shape, {OpEmitter::kSelfCell, 0});
  absl::Status status = Part(out, [&](OpEmitter::Label) -> absl::Status {
    auto next = out->Value(shape.next());
    if (!next.ok()) return next.status();
    Next(out, *next, type, Flavor::kListNode);
    return absl::OkStatus();
  });
  return status.ok() ? FollowElement(out, shape) : status;
}

absl::Status CaptureCompiler::CompileTreeStep(OpEmitter* out, uint32_t type, Flavor flavor) {
  const v1::Shape shape = shaper_->ShapeOf(type);
  const uint32_t self = OpEmitter::kSelfCell;
  if (flavor == Flavor::kTreeVisit) CopyNode(out, shape, {self, 0});
  const v1::Node& link = flavor == Flavor::kTreeVisit     ? shape.right()
                         : flavor == Flavor::kTreeDescend ? shape.left()
                                                          : shape.parent();
  absl::Status status = Part(out, [&](OpEmitter::Label end) -> absl::Status {
    auto there = out->Value(link);
    if (!there.ok()) return there.status();
    const OpEmitter::Label other = out->NewLabel();
    if (flavor == Flavor::kTreeAscend) {
      // Its right links are captured with the node itself, before or after this step.
      out->set_self({*there, 0});
      out->set_quiet(true);
      auto right = out->Value(shape.right());
      out->set_quiet(false);
      out->set_self({self, 0});
      if (!right.ok()) return right.status();
      auto from_right = out->EmitArith(v1::OP_EQ, *right, self);
      if (!from_right.ok()) return from_right.status();
      out->Jump(v1::CAP_JUMP_IF_ZERO, *from_right, other);
      Next(out, *there, type, Flavor::kTreeAscend);
      out->Jump(v1::CAP_JUMP, 0, end);
      out->Place(other);
      Next(out, *there, type, Flavor::kTreeVisit);
      return absl::OkStatus();
    }
    out->Jump(v1::CAP_JUMP_IF_ZERO, *there, other);
    Next(out, *there, type, Flavor::kTreeDescend);
    out->Jump(v1::CAP_JUMP, 0, end);
    out->Place(other);
    Next(out, self, type, flavor == Flavor::kTreeVisit ? Flavor::kTreeAscend : Flavor::kTreeVisit);
    return absl::OkStatus();
  });
  if (!status.ok() || flavor != Flavor::kTreeVisit) return status;
  return FollowElement(out, shape);
}

absl::Status CaptureCompiler::FollowBlocks(OpEmitter* out, const v1::Shape& shape, uint32_t type) {
  const uint64_t stride = types_->at(shape.element()).size();
  const auto block = static_cast<int64_t>(shape.block());
  auto count = out->Value(shape.size());
  if (!count.ok()) return count.status();
  out->Jump(v1::CAP_JUMP_IF_ZERO, *count, out->failure());
  auto map = out->Value(shape.data());
  if (!map.ok()) return map.status();
  auto start = out->Value(shape.start());
  if (!start.ok()) return start.status();
  // The first block from its first element on; the others whole.
  auto skipped = out->EmitArithImm(v1::OP_DIV, *start, block);
  auto offset = out->EmitArithImm(v1::OP_MOD, *start, block);
  if (!skipped.ok() || !offset.ok()) return offset.status();
  auto entry_offset = out->EmitArithImm(v1::OP_MUL, *skipped, 8);
  if (!entry_offset.ok()) return entry_offset.status();
  auto entry = out->EmitArith(v1::OP_ADD, *map, *entry_offset);
  if (!entry.ok()) return entry.status();
  auto first_block = out->EmitLoad({*entry, 0}, 8, false);
  auto block_size = out->EmitConst(shape.block());
  if (!first_block.ok() || !block_size.ok()) return block_size.status();
  auto room = out->EmitArith(v1::OP_SUB, *block_size, *offset);
  if (!room.ok()) return room.status();
  auto in_first = out->EmitMin(*count, *room);
  auto byte_offset = out->EmitArithImm(v1::OP_MUL, *offset, static_cast<int64_t>(stride));
  if (!in_first.ok() || !byte_offset.ok()) return byte_offset.status();
  auto first = out->EmitArith(v1::OP_ADD, *first_block, *byte_offset);
  if (!first.ok()) return first.status();
  absl::Status status = CopyElements(out, shape, *first, *in_first, true);
  if (!status.ok()) return status;
  auto left = out->EmitArith(v1::OP_SUB, *count, *in_first);
  if (!left.ok()) return left.status();
  auto rounded = out->EmitArithImm(v1::OP_ADD, *left, block - 1);
  if (!rounded.ok()) return rounded.status();
  auto blocks = out->EmitArithImm(v1::OP_DIV, *rounded, block);
  auto next_entry = out->EmitArithImm(v1::OP_ADD, *entry, 8);
  if (!blocks.ok() || !next_entry.ok()) return next_entry.status();
  v1::CaptureOp& op = out->Emit(v1::CAP_CALL_EACH);
  op.set_a(*next_entry);
  op.set_b(*blocks);
  op.set_size(8);
  op.set_length(static_cast<uint32_t>((limits_.items + shape.block() - 1) / shape.block()));
  op.set_routine(RoutineFor(type, Flavor::kBlock));
  op.set_deeper(true);
  return absl::OkStatus();
}

absl::Status CaptureCompiler::CompileBlock(OpEmitter* out, uint32_t type) {
  const v1::Shape shape = shaper_->ShapeOf(type);
  return Part(out, [&](OpEmitter::Label end) -> absl::Status {
    auto block = out->EmitLoad({OpEmitter::kSelfCell, 0}, 8, false);
    if (!block.ok()) return block.status();
    out->Jump(v1::CAP_JUMP_IF_ZERO, *block, end);
    auto count = out->EmitConst(shape.block());
    if (!count.ok()) return count.status();
    return CopyElements(out, shape, *block, *count, false);
  });
}

absl::Status CaptureCompiler::FollowSlots(OpEmitter* out, const v1::Shape& shape, uint32_t type, Address address) {
  auto size = out->Value(shape.size());
  if (!size.ok()) return size.status();
  out->Jump(v1::CAP_JUMP_IF_ZERO, *size, out->failure());
  auto capacity = out->Value(shape.capacity());
  if (!capacity.ok()) return capacity.status();
  auto control = out->Value(shape.data());
  if (!control.ok()) return control.status();
  // A table is at least a quarter full, unless much was erased from it.
  const uint32_t most = std::max<uint32_t>(kMinSlots, std::min<uint32_t>(4 * limits_.items, kMaxSlots));
  CopyDynamic(out, *control, *capacity, 1, most);
  auto self = out->Materialize(address);
  if (!self.ok()) return self.status();
  v1::CaptureOp& op = out->Emit(v1::CAP_CALL_EACH);
  op.set_a(*control);
  op.set_b(*capacity);
  op.set_size(1);
  op.set_length(most);
  op.set_routine(RoutineFor(type, Flavor::kSlot));
  op.set_deeper(true);
  op.set_param(*self);
  return absl::OkStatus();
}

absl::Status CaptureCompiler::CompileSlot(OpEmitter* out, uint32_t type) {
  const v1::Shape shape = shaper_->ShapeOf(type);
  return Part(out, [&](OpEmitter::Label end) -> absl::Status {
    auto control = out->EmitLoad({OpEmitter::kSelfCell, 0}, 1, true);
    if (!control.ok()) return control.status();
    auto empty = out->EmitArithImm(v1::OP_LT, *control, 0, /*is_signed=*/true);
    if (!empty.ok()) return empty.status();
    out->Jump(v1::CAP_JUMP_IF_NOT_ZERO, *empty, end);
    out->set_self({OpEmitter::kParamCell, 0});
    out->set_quiet(true);  // the header is captured
    auto first_control = out->Value(shape.data());
    auto slots = out->Value(shape.value());
    out->set_quiet(false);
    out->set_self({OpEmitter::kSelfCell, 0});
    if (!first_control.ok() || !slots.ok()) return slots.status();
    auto index = out->EmitArith(v1::OP_SUB, OpEmitter::kSelfCell, *first_control);
    if (!index.ok()) return index.status();
    auto offset = out->EmitArithImm(v1::OP_MUL, *index, static_cast<int64_t>(shape.node_size()));
    if (!offset.ok()) return offset.status();
    auto slot = out->EmitArith(v1::OP_ADD, *slots, *offset);
    if (!slot.ok()) return slot.status();
    if (shape.block() != 0) {
      auto element = out->EmitLoad({*slot, 0}, 8, false);
      if (!element.ok()) return element.status();
      v1::CaptureOp& op = out->Emit(v1::CAP_CALL);
      op.set_a(*element);
      op.set_routine(RoutineFor(shape.element(), Flavor::kCopyAndFollow));
      return absl::OkStatus();
    }
    CopyAround(out, shape.node_size(), shape.element(), 0, {*slot, 0});
    return Follow(out, shape.element(), {*slot, 0}, 1);
  });
}

absl::Status CaptureCompiler::FollowBits(OpEmitter* out, const v1::Shape& shape) {
  if (DataIsInside(shape)) return absl::OkStatus();
  auto size = out->Value(shape.size());
  if (!size.ok()) return size.status();
  auto data = out->Value(shape.data());
  if (!data.ok()) return data.status();
  auto rounded = out->EmitArithImm(v1::OP_ADD, *size, 127);
  if (!rounded.ok()) return rounded.status();
  auto words = out->EmitArithImm(v1::OP_DIV, *rounded, 64);
  if (!words.ok()) return words.status();
  CopyDynamic(out, *data, *words, 8, (limits_.items + 127) / 64);
  return absl::OkStatus();
}

absl::Status CaptureCompiler::FollowOptional(OpEmitter* out, const v1::Shape& shape) {
  auto engaged = out->Value(shape.engaged());
  if (!engaged.ok()) return engaged.status();
  out->Jump(v1::CAP_JUMP_IF_ZERO, *engaged, out->failure());
  auto value = out->AddressValue(shape.data());
  if (!value.ok()) return value.status();
  return Follow(out, shape.element(), *value, 1);
}

absl::Status CaptureCompiler::FollowPointer(OpEmitter* out, const v1::Shape& shape) {
  if (shape.has_engaged()) {
    auto engaged = out->Value(shape.engaged());
    if (!engaged.ok()) return engaged.status();
    out->Jump(v1::CAP_JUMP_IF_ZERO, *engaged, out->failure());
  }
  if (types_->at(shape.element()).size() == 0) return absl::OkStatus();
  auto pointer = out->Value(shape.data());
  if (!pointer.ok()) return pointer.status();
  out->Jump(v1::CAP_JUMP_IF_ZERO, *pointer, out->failure());
  v1::CaptureOp& op = out->Emit(v1::CAP_CALL);
  op.set_a(*pointer);
  op.set_routine(RoutineFor(shape.element(), Flavor::kCopyAndFollow));
  op.set_deeper(true);
  return absl::OkStatus();
}

absl::Status CaptureCompiler::FollowPart(OpEmitter* out, const v1::Node& value, bool outside) {
  if (!IsInMemory(value) || (!outside && !HasIndirection(value.type()))) return absl::OkStatus();
  auto address = out->AddressValue(value.memory());
  if (!address.ok()) return address.status();
  if (outside && SplitOffset(value.memory()).base->kind_case() != v1::Node::kSelf) {
    // In a routine of its own: such parts may hold further ones, and many objects have one.
    v1::CaptureOp& op = out->Emit(v1::CAP_CALL);
    op.set_a(address->cell);
    op.set_offset(address->offset);
    op.set_routine(RoutineFor(value.type(), Flavor::kCopyAndFollow));
    return absl::OkStatus();
  }
  if (outside) CopyObject(out, value.type(), *address);
  return Follow(out, value.type(), *address, 1);
}

absl::Status CaptureCompiler::FollowParts(OpEmitter* out, const v1::Shape& shape, uint32_t type) {
  absl::StatusOr<uint32_t> selector = 0;
  if (shape.kind() == v1::Shape::VARIANT) selector = out->Value(shape.engaged());
  if (!selector.ok()) return selector.status();
  const OpEmitter::Address self = out->self();
  for (int i = 0; i < shape.parts_size(); ++i) {
    absl::Status status = Part(out, [&](OpEmitter::Label end) -> absl::Status {
      out->set_self(self);  // another shape may have moved it
      const v1::Node& value = shape.parts(i).value();
      // A derived class (of which `element` is the base) may have members in what is padding of its base.
      const bool derived = shape.kind() == v1::Shape::VARIANT && shape.element() != 0 && i != 0;
      const bool outside = derived || IsOutside(value, type);
      if (!outside && !HasIndirection(value.type())) return absl::OkStatus();
      if (shape.kind() == v1::Shape::VARIANT) {
        auto active = out->EmitArithImm(v1::OP_EQ, *selector, i);
        if (!active.ok()) return active.status();
        out->Jump(v1::CAP_JUMP_IF_ZERO, *active, end);
      }
      return FollowPart(out, value, outside);
    });
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status CaptureCompiler::FollowShape(OpEmitter* out, uint32_t type, Address address) {
  const v1::Shape shape = shaper_->ShapeOf(type);
  return Part(out, [&](OpEmitter::Label) -> absl::Status {
    const Address outer = out->self();
    out->set_self(address);
    const bool outer_checked = out->set_checked(true);
    absl::Status status;
    switch (shape.kind()) {
      case v1::Shape::STRING:
        status = FollowString(out, shape);
        break;
      case v1::Shape::SEQUENCE:
        status = FollowSequence(out, shape);
        break;
      case v1::Shape::OPTIONAL:
        status = FollowOptional(out, shape);
        break;
      case v1::Shape::POINTER:
        status = FollowPointer(out, shape);
        break;
      case v1::Shape::LIST:
      case v1::Shape::TREE:
        status = FollowNodes(out, shape, type);
        break;
      case v1::Shape::BLOCKS:
        status = FollowBlocks(out, shape, type);
        break;
      case v1::Shape::SLOTS:
        status = FollowSlots(out, shape, type, address);
        break;
      case v1::Shape::BITS:
        status = FollowBits(out, shape);
        break;
      case v1::Shape::VARIANT:
      case v1::Shape::ALIAS:
      case v1::Shape::MEMBERS:
        status = FollowParts(out, shape, type);
        break;
      default:
        break;
    }
    out->set_checked(outer_checked);
    out->set_self(outer);
    // What cannot be followed is shown as not captured; the rest is kept.
    status.IgnoreError();
    return absl::OkStatus();
  });
}

}  // namespace dlog::plan
