// SPDX-License-Identifier: Apache-2.0
//
// Decides what the kernel copies: for each value all bytes that the renderer will want to read, following references,
// strings, containers and smart pointers by queued routines.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "plan.pb.h"
#include "symbolizer/dwarf/type_graph.h"
#include "symbolizer/plan/op_emitter.h"
#include "symbolizer/plan/shaper.h"

namespace dlog::plan {

struct CaptureLimits {
  uint32_t items = 100;
  uint32_t string_bytes = 256;
};

// Compiles one site's plan. Not thread-safe.
class CaptureCompiler {
 public:
  // `probe`: the link-time address of the hit.
  CaptureCompiler(dwarf::TypeGraph* types, Shaper* shaper, CaptureLimits limits, LinkAddress probe);

  // The hit counts only when `condition` (of type bool) is true. Unimplemented for what the kernel cannot compute.
  absl::Status SetCondition(const v1::Node& condition);
  // Captures the inputs of `value` and, when it is an object, its contents. ResourceExhausted when the plan is full; a
  // value that cannot be captured leaves nothing in the plan.
  absl::Status AddValue(const v1::Node& value);

  v1::CapturePlan Finish();

 private:
  // The ops of one expression; `end` is behind them.
  absl::Status EmitValue(const v1::Node& value, OpEmitter::Label end);
  using Address = OpEmitter::Address;

  static constexpr uint32_t kMaxCopyBytes = 16384;  // one segment; larger objects are captured up to here

  // What a routine does with the object at its address.
  enum class Flavor {
    kCopyAndFollow,
    kFollow,  // its bytes are already captured (element of a contiguous run)
    // For a container type: a step of the walk over its nodes, one of its slots, one of its blocks.
    kListNode,
    kTreeVisit,    // the next node in order
    kTreeDescend,  // a node on the way to the leftmost below it
    kTreeAscend,   // a node whose right side is done
    // The same of a B-tree.
    kBranchLeaf,
    kBranchDescend,  // a node on the way to the leftmost leaf below it
    kBranchAscend,   // a node that is done
    kSlot,           // a control byte; the container's address is the parameter
    kBlock,          // an entry of the array of blocks
  };

  absl::Status AddInputs(OpEmitter* out, const v1::Node& node);
  absl::Status AddMemoryInput(OpEmitter* out, const v1::Node& node);
  absl::Status AddLookup(OpEmitter* out, const v1::Lookup& lookup);
  absl::Status AddSelectInputs(OpEmitter* out, const v1::Select& select);
  // What may be captured of it: all of it unless something is redacted.
  void CopyObject(OpEmitter* out, uint32_t type, Address address);
  void CopyAround(OpEmitter* out, uint64_t size, uint32_t inner, int64_t offset, Address address);
  void CopyBytes(OpEmitter* out, Address address, uint64_t size);
  // True when an earlier copy covers the bytes, after being widened if need be: a read costs more than a few bytes.
  bool MergeCopy(Address address, uint32_t length);
  // No op since the start of this expression can jump over what comes next.
  bool Unconditional();
  // Emits what lies behind the object's pointers; the object itself is captured.
  absl::Status Follow(OpEmitter* out, uint32_t type, Address address, int depth);

  // The elements of a variable-length array.
  absl::Status FollowComputedArray(OpEmitter* out, const v1::Type& type, Address address);

  // In capture_shapes.cc: what library types hold.
  absl::Status FollowShape(OpEmitter* out, uint32_t type, Address address);
  // Where the Shape's data is inside the object itself.
  static bool DataIsInside(const v1::Shape& shape);
  // A part that does not lie within an object of `type`, whose shape has it: behind a pointer, or longer than the
  // object.
  bool IsOutside(const v1::Node& part, uint32_t type) const;
  absl::Status FollowVirtualBase(OpEmitter* out, const v1::Field& field, Address address);
  absl::Status FollowString(OpEmitter* out, const v1::Shape& shape);
  absl::Status FollowSequence(OpEmitter* out, const v1::Shape& shape);
  absl::Status FollowNodes(OpEmitter* out, const v1::Shape& shape, uint32_t type);
  absl::Status FollowBlocks(OpEmitter* out, const v1::Shape& shape, uint32_t type);
  absl::Status FollowSlots(OpEmitter* out, const v1::Shape& shape, uint32_t type, Address address);
  absl::Status FollowBits(OpEmitter* out, const v1::Shape& shape);
  absl::Status FollowOptional(OpEmitter* out, const v1::Shape& shape);
  absl::Status FollowPointer(OpEmitter* out, const v1::Shape& shape);
  // In capture_in_hand.cc. What lies behind a struct in registers: a string view, a span, a smart pointer, what a
  // lambda has captured by reference.
  absl::Status FollowInHand(OpEmitter* out, const v1::Node& object, int depth = 0);
  absl::Status FollowMembersInHand(OpEmitter* out, const v1::Node& object, int depth);
  absl::Status FollowMemberInHand(OpEmitter* out, const v1::Node& member, OpEmitter::Label end, int depth);
  absl::Status FollowParts(OpEmitter* out, const v1::Shape& shape, uint32_t type);
  // Follows one of `parts`; when it is `outside` of what is captured of the object, it is copied first.
  absl::Status FollowPart(OpEmitter* out, const v1::Node& value, bool outside);
  absl::Status CompileListNode(OpEmitter* out, uint32_t type);
  absl::Status CompileTreeStep(OpEmitter* out, uint32_t type, Flavor flavor);
  // In capture_branches.cc.
  absl::Status CompileBranchStep(OpEmitter* out, uint32_t type, Flavor flavor);
  absl::Status CompileBranchLeaf(OpEmitter* out, const v1::Shape& shape, uint32_t type);
  absl::Status CompileBranchAscent(OpEmitter* out, const v1::Shape& shape, uint32_t type, OpEmitter::Label end);
  absl::Status CompileSlot(OpEmitter* out, uint32_t type);
  absl::Status CompileBlock(OpEmitter* out, uint32_t type);
  absl::Status CompileRoutine(OpEmitter* out, uint32_t type, Flavor flavor);
  // The element of a node at the routine's own address.
  absl::Status FollowElement(OpEmitter* out, const v1::Shape& shape);
  void CopyNode(OpEmitter* out, const v1::Shape& shape, Address address);
  // Elements in a row, and what they lead to.
  absl::Status CopyElements(OpEmitter* out, const v1::Shape& shape, uint32_t address, uint32_t count, bool deeper);
  void Next(OpEmitter* out, uint32_t cell, uint32_t type, Flavor flavor);
  void CopyDynamic(OpEmitter* out, uint32_t address, uint32_t count, uint64_t unit, uint64_t most);
  absl::Status FollowCString(OpEmitter* out, Address address);
  absl::Status CallEach(OpEmitter* out, uint32_t type, uint32_t address_cell, uint32_t count_cell, uint32_t stride,
                        bool deeper);
  // Runs `emit` as an independent part: a fault in it continues behind it, its cells are free afterwards.
  absl::Status Part(OpEmitter* out, absl::FunctionRef<absl::Status(OpEmitter::Label)> emit);
  // True when objects of `type` hold something worth following.
  bool HasIndirection(uint32_t type, int depth = 0);
  uint32_t RoutineFor(uint32_t type, Flavor flavor);
  void CompilePendingRoutines();
  void NoteRegisters(const v1::Node& node);
  void NoteOnRequest(const std::vector<v1::CaptureOp>& ops);

  dwarf::TypeGraph* const types_;
  Shaper* const shaper_;
  const CaptureLimits limits_;
  const LinkAddress probe_;
  uint32_t register_mask_ = 0;
  uint32_t vector_mask_ = 0;
  uint32_t entry_mask_ = 0;
  std::vector<v1::CaptureOp> condition_;
  OpEmitter main_;
  std::map<std::pair<uint32_t, Flavor>, uint32_t> routine_index_;
  std::vector<std::pair<uint32_t, Flavor>> routine_keys_;
  std::vector<v1::CaptureRoutine> routines_;
  std::map<uint32_t, bool> has_indirection_;
  // Copies of the main list that every admitted hit makes, relative to a register; later ones are merged into them.
  struct RegisterCopy {
    uint32_t cell = 0;
    int64_t begin = 0;
    int64_t end = 0;
    size_t op = 0;
  };
  std::vector<RegisterCopy> register_copies_;
  // Words of the expression being added that inputs are reached through, each computed once, with the last copy of what
  // lies behind it. (A comparison of a text reads many pieces of it.)
  struct InputBase {
    std::string node;  // serialized
    uint32_t cell = 0;
    size_t copy = 0;  // op
  };
  std::vector<InputBase> input_bases_;
  size_t part_start_ = 0;  // of the expression being added, in the main list
};

}  // namespace dlog::plan
