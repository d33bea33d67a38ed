// SPDX-License-Identifier: Apache-2.0
//
// The steps of the walk over a B-tree: a leaf, up to the next ancestor with an element behind it, down to the next
// leaf.
#include "symbolizer/plan/capture_compiler.h"
#include "symbolizer/plan/conversions.h"
#include "symbolizer/plan/nodes.h"

namespace dlog::plan {
namespace {

// What a node begins with.
uint64_t HeaderBytes(const v1::Shape& shape) { return static_cast<uint64_t>(SplitOffset(shape.value()).offset); }

}  // namespace

absl::Status CaptureCompiler::CompileBranchStep(OpEmitter* out, uint32_t type, Flavor flavor) {
  const v1::Shape shape = shaper_->ShapeOf(type);
  const uint32_t self = OpEmitter::kSelfCell;
  if (flavor == Flavor::kBranchLeaf) return CompileBranchLeaf(out, shape, type);
  return Part(out, [&](OpEmitter::Label end) -> absl::Status {
    if (flavor == Flavor::kBranchAscend) return CompileBranchAscent(out, shape, type, end);
    out->set_quiet(true);
    auto leaf = out->Value(shape.engaged());
    out->set_quiet(false);
    if (!leaf.ok()) return leaf.status();
    const OpEmitter::Label found = out->NewLabel();
    out->Jump(v1::CAP_JUMP_IF_NOT_ZERO, *leaf, found);
    CopyBytes(out, {self, 0}, HeaderBytes(shape));
    auto child = out->EmitLoad({self, SplitOffset(shape.right()).offset}, 8, false);
    if (!child.ok()) return child.status();
    Next(out, *child, type, Flavor::kBranchDescend);
    out->Jump(v1::CAP_JUMP, 0, end);
    out->Place(found);
    Next(out, self, type, Flavor::kBranchLeaf);
    return absl::OkStatus();
  });
}

// The way on comes before what the node holds: it goes to the head of the queue.
absl::Status CaptureCompiler::CompileBranchLeaf(OpEmitter* out, const v1::Shape& shape, uint32_t type) {
  const uint32_t self = OpEmitter::kSelfCell;
  CopyBytes(out, {self, 0}, HeaderBytes(shape));
  Next(out, self, type, Flavor::kBranchAscend);
  return Part(out, [&](OpEmitter::Label) -> absl::Status {
    auto count = out->Value(shape.end());
    if (!count.ok()) return count.status();
    auto first = out->Value(shape.value());
    if (!first.ok()) return first.status();
    return CopyElements(out, shape, *first, *count, false);
  });
}

absl::Status CaptureCompiler::CompileBranchAscent(OpEmitter* out, const v1::Shape& shape, uint32_t type,
                                                  OpEmitter::Label end) {
  auto position = out->Value(shape.start());
  if (!position.ok()) return position.status();
  auto parent = out->Value(shape.parent());
  if (!parent.ok()) return parent.status();
  // Once: on the way up from the first child.
  const OpEmitter::Label captured = out->NewLabel();
  out->Jump(v1::CAP_JUMP_IF_NOT_ZERO, *position, captured);
  CopyBytes(out, {*parent, 0}, HeaderBytes(shape));
  out->Place(captured);
  out->set_self({*parent, 0});
  out->set_quiet(true);
  auto leaf = out->Value(shape.engaged());
  auto count = out->Value(shape.end());
  out->set_quiet(false);
  out->set_self({OpEmitter::kSelfCell, 0});
  if (!leaf.ok() || !count.ok()) return leaf.ok() ? count.status() : leaf.status();
  // The parent of the root is a leaf: there is no way on.
  out->Jump(v1::CAP_JUMP_IF_NOT_ZERO, *leaf, end);
  auto before_last = out->EmitArith(v1::OP_LT, *position, *count);
  if (!before_last.ok()) return before_last.status();
  const OpEmitter::Label further_up = out->NewLabel();
  out->Jump(v1::CAP_JUMP_IF_ZERO, *before_last, further_up);
  auto child_offset = out->EmitArithImm(v1::OP_MUL, *position, 8);
  if (!child_offset.ok()) return child_offset.status();
  auto child_place = out->EmitArith(v1::OP_ADD, *parent, *child_offset);
  if (!child_place.ok()) return child_place.status();
  auto child = out->EmitLoad({*child_place, SplitOffset(shape.right()).offset + 8}, 8, false);
  if (!child.ok()) return child.status();
  Next(out, *child, type, Flavor::kBranchDescend);
  auto offset = out->EmitArithImm(v1::OP_MUL, *position, static_cast<int64_t>(shape.node_size()));
  if (!offset.ok()) return offset.status();
  auto place = out->EmitArith(v1::OP_ADD, *parent, *offset);
  if (!place.ok()) return place.status();
  auto element = out->EmitArithImm(v1::OP_ADD, *place, SplitOffset(shape.value()).offset);
  auto one = out->EmitConst(1);
  if (!element.ok() || !one.ok()) return one.status();
  if (absl::Status status = CopyElements(out, shape, *element, *one, false); !status.ok()) return status;
  out->Jump(v1::CAP_JUMP, 0, end);
  out->Place(further_up);
  Next(out, *parent, type, Flavor::kBranchAscend);
  return absl::OkStatus();
}

}  // namespace dlog::plan
