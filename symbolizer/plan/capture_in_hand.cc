// SPDX-License-Identifier: Apache-2.0
//
// What lies behind objects that are not in memory: in registers, computed, or in pieces.
#include <utility>

#include "symbolizer/dwarf/slice.h"
#include "symbolizer/plan/capture_compiler.h"
#include "symbolizer/plan/members.h"
#include "symbolizer/plan/nodes.h"

namespace dlog::plan {
namespace {

// Structs within structs; those in registers are small.
constexpr int kMaxDepthInHand = 4;

// The member `field` of `object`, of pieces only those that it consists of.
v1::Node MemberInHand(const v1::Node& object, const v1::Field& field, uint64_t size) {
  if (object.has_composite() && size != 0) {
    v1::Node location = object;
    location.set_type(0);
    auto slice = dwarf::SliceLocation(location, field.offset(), size);
    if (slice.ok()) {
      slice->set_type(field.type());
      return *std::move(slice);
    }
  }
  return MemberObject(object, field);
}

}  // namespace

absl::Status CaptureCompiler::FollowInHand(OpEmitter* out, const v1::Node& object, int depth) {
  v1::Shape shape = shaper_->ShapeOf(object.type());
  if (shape.kind() == v1::Shape::NONE) return FollowMembersInHand(out, object, depth);
  bool complete = true;
  const auto replace = [&](v1::Node* node) {
    auto inside = InsideObject(*node, object);
    complete = complete && inside.has_value();
    if (inside) *node = *std::move(inside);
  };
  if (shape.has_data()) replace(shape.mutable_data());
  if (shape.has_size()) replace(shape.mutable_size());
  if (shape.has_end()) replace(shape.mutable_end());
  if (shape.has_engaged()) replace(shape.mutable_engaged());
  if (!complete) return absl::OkStatus();
  return Part(out, [&](OpEmitter::Label) -> absl::Status {
    absl::Status status;
    if (shape.kind() == v1::Shape::STRING) status = FollowString(out, shape);
    if (shape.kind() == v1::Shape::SEQUENCE) status = FollowSequence(out, shape);
    if (shape.kind() == v1::Shape::POINTER) status = FollowPointer(out, shape);
    status.IgnoreError();  // shown as not captured
    return absl::OkStatus();
  });
}

absl::Status CaptureCompiler::FollowMembersInHand(OpEmitter* out, const v1::Node& object, int depth) {
  const v1::Type type = types_->at(object.type());
  if (depth > kMaxDepthInHand || !HasIndirection(object.type())) return absl::OkStatus();
  for (const v1::Field& field : type.fields()) {
    if (field.bit_size() != 0 || field.is_virtual_base() || !field.redacted().empty()) continue;
    const v1::Type member_type = types_->at(field.type());
    const v1::Node member = MemberInHand(object, field, member_type.size());
    absl::Status status = Part(out, [&](OpEmitter::Label end) -> absl::Status {
      FollowMemberInHand(out, member, end, depth).IgnoreError();  // shown as not captured
      return absl::OkStatus();
    });
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status CaptureCompiler::FollowMemberInHand(OpEmitter* out, const v1::Node& member, OpEmitter::Label end,
                                                 int depth) {
  if (!HasIndirection(member.type())) return absl::OkStatus();
  const v1::Type type = types_->at(member.type());
  if (IsInMemory(member)) {
    auto address = out->AddressValue(AddressOf(member));
    return address.ok() ? Follow(out, member.type(), *address, 1) : address.status();
  }
  if (type.kind() == v1::TYPE_STRUCT) return FollowInHand(out, member, depth + 1);
  if (type.kind() != v1::TYPE_REFERENCE && type.kind() != v1::TYPE_POINTER) return absl::OkStatus();
  auto pointer = out->Value(member);
  if (!pointer.ok()) return pointer.status();
  out->Jump(v1::CAP_JUMP_IF_ZERO, *pointer, end);
  if (type.kind() == v1::TYPE_POINTER) {  // to characters
    v1::CaptureOp& op = out->Emit(v1::CAP_CSTRING);
    op.set_a(*pointer);
    op.set_length(limits_.string_bytes + 1);
    return absl::OkStatus();
  }
  types_->Expand(type.target());
  v1::CaptureOp& op = out->Emit(v1::CAP_CALL);
  op.set_a(*pointer);
  op.set_routine(RoutineFor(type.target(), Flavor::kCopyAndFollow));
  op.set_deeper(true);
  return absl::OkStatus();
}

}  // namespace dlog::plan
