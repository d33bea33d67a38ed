// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/plan/capture_compiler.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "symbolizer/dwarf/nodes.h"
#include "symbolizer/plan/conversions.h"
#include "symbolizer/plan/nodes.h"

namespace dlog::plan {
namespace {

constexpr uint32_t kRegisters = 19;
constexpr uint32_t kFirstOnRequest = 17;   // the thread pointer, the thread's ids
constexpr int64_t kMaxMergedBytes = 4096;  // of inputs behind one pointer
constexpr int64_t kMaxGap = 8;             // bytes nobody asked for that one read may take along: padding, a neighbour
constexpr size_t kMaxOpsPerList = 512;     // what does not fit is not followed
constexpr size_t kMaxRoutines = 256;
constexpr int kMaxInlineChoices = 4;
constexpr int kMaxInlineDepth = 16;  // structs within structs within one list

bool IsCharPointer(const dwarf::TypeGraph& types, const v1::Type& type) {
  if (type.kind() != v1::TYPE_POINTER) return false;
  const v1::Type& target = types.at(type.target());
  // As the renderer has it; plain char is unsigned with -funsigned-char.
  const bool plain = target.kind() == v1::TYPE_UCHAR && (target.name() == "char" || target.name() == "const char");
  return target.size() == 1 && (target.kind() == v1::TYPE_CHAR || target.kind() == v1::TYPE_UTF_CHAR || plain);
}

// Some part of the value is searched by its key.
bool LooksUp(const v1::Node& node) {
  switch (node.kind_case()) {
    case v1::Node::kLookup:
      return true;
    case v1::Node::kMember:
      return LooksUp(node.member().object());
    case v1::Node::kMemory:
      return LooksUp(node.memory());
    case v1::Node::kUnary:
      return LooksUp(node.unary().operand());
    case v1::Node::kBinary:
      return LooksUp(node.binary().left()) || LooksUp(node.binary().right());
    case v1::Node::kConvert:
      return LooksUp(node.convert());
    case v1::Node::kAddressOf:
      return LooksUp(node.address_of());
    case v1::Node::kChecked:
      return LooksUp(node.checked().condition()) || LooksUp(node.checked().value());
    default:
      return false;
  }
}

bool ReadsMemory(const v1::Node& node) {
  switch (node.kind_case()) {
    case v1::Node::kMember:
      return ReadsMemory(node.member().object());
    case v1::Node::kUnary:
      return ReadsMemory(node.unary().operand());
    case v1::Node::kBinary:
      return ReadsMemory(node.binary().left()) || ReadsMemory(node.binary().right());
    case v1::Node::kConvert:
      return ReadsMemory(node.convert());
    case v1::Node::kReg:
    case v1::Node::kConstant:
    case v1::Node::kUnavailable:
    case v1::Node::kImplicitPointer:
      return false;
    default:
      return true;
  }
}

// Reads nothing but words at fixed distances from rsp or rbp.
bool ReadsOnlyFrame(const v1::Node& node) {
  constexpr uint32_t kRbp = 6;
  constexpr uint32_t kRsp = 7;
  switch (node.kind_case()) {
    case v1::Node::kMemory: {
      const v1::Node& base = *SplitOffset(node.memory()).base;
      return base.kind_case() == v1::Node::kReg && (base.reg() == kRbp || base.reg() == kRsp);
    }
    case v1::Node::kUnary:
      return ReadsOnlyFrame(node.unary().operand());
    case v1::Node::kBinary:
      return ReadsOnlyFrame(node.binary().left()) && ReadsOnlyFrame(node.binary().right());
    case v1::Node::kReg:
    case v1::Node::kConstant:
      return true;
    default:
      return false;
  }
}

}  // namespace

CaptureCompiler::CaptureCompiler(dwarf::TypeGraph* types, Shaper* shaper, CaptureLimits limits, LinkAddress probe)
    : types_(types), shaper_(shaper), limits_(limits), probe_(probe), main_(*types, OpEmitter::Use::kCapture, probe) {}

// The cells of what is no register of the processor are only defined when the mask says so.
void CaptureCompiler::NoteOnRequest(const std::vector<v1::CaptureOp>& ops) {
  for (const v1::CaptureOp& op : ops) {
    for (const uint32_t cell : {op.a(), op.b()}) {
      if (cell >= kFirstOnRequest && cell < kRegisters) register_mask_ |= 1u << cell;
    }
  }
}

void CaptureCompiler::NoteRegisters(const v1::Node& node) {
  switch (node.kind_case()) {
    case v1::Node::kReg:
      if (node.reg() < kRegisters) register_mask_ |= 1u << node.reg();
      break;
    case v1::Node::kLinkAddress:
      register_mask_ |= 1u << dwarf::kRipRegister;
      break;
    case v1::Node::kVector:
      vector_mask_ |= 1u << (node.vector() & 15);
      break;
    case v1::Node::kAtEntry:
      entry_mask_ |= 1u << (node.at_entry() & 31);
      break;
    case v1::Node::kMemory:
      NoteRegisters(node.memory());
      break;
    case v1::Node::kComposite:
      for (const auto& piece : node.composite().pieces()) NoteRegisters(piece.value());
      break;
    case v1::Node::kMember:
      NoteRegisters(node.member().object());
      break;
    case v1::Node::kUnary:
      NoteRegisters(node.unary().operand());
      break;
    case v1::Node::kBinary:
      NoteRegisters(node.binary().left());
      NoteRegisters(node.binary().right());
      break;
    case v1::Node::kConvert:
      NoteRegisters(node.convert());
      break;
    case v1::Node::kAddressOf:
      NoteRegisters(node.address_of());
      break;
    case v1::Node::kChecked:
      NoteRegisters(node.checked().condition());
      NoteRegisters(node.checked().value());
      break;
    case v1::Node::kLookup:
      NoteRegisters(node.lookup().container());
      if (node.lookup().has_key()) NoteRegisters(node.lookup().key());
      break;
    case v1::Node::kSelect:
      NoteRegisters(node.select().key());
      for (const auto& candidate : node.select().cases()) NoteRegisters(candidate.value());
      break;
    default:
      break;
  }
}

absl::Status CaptureCompiler::SetCondition(const v1::Node& condition) {
  OpEmitter out(*types_, OpEmitter::Use::kCondition, probe_);
  // Each side of a top-level && rejects by itself: the cheap half decides without the dear one.
  std::vector<const v1::Node*> conjuncts = {&condition};
  for (size_t i = 0; i < conjuncts.size();) {
    const v1::Node* node = conjuncts[i];
    if (node->has_binary() && node->binary().op() == v1::OP_LOGICAL_AND) {
      conjuncts[i] = &node->binary().left();
      conjuncts.insert(conjuncts.begin() + static_cast<ptrdiff_t>(i) + 1, &node->binary().right());
    } else {
      ++i;
    }
  }
  for (const v1::Node* node : conjuncts) {
    const uint32_t mark = out.mark();
    auto cell = out.Value(*node);
    if (!cell.ok()) return cell.status();
    out.Emit(v1::CAP_REJECT_IF_ZERO).set_a(*cell);
    out.Release(mark);
  }
  condition_ = out.Take();
  for (const v1::CaptureOp& op : condition_) {
    if (op.code() == v1::CAP_VECTOR) vector_mask_ |= 1u << op.a();
    if (op.code() == v1::CAP_AT_ENTRY) entry_mask_ |= 1u << (op.a() & 31);
  }
  return absl::OkStatus();
}

absl::Status CaptureCompiler::Part(OpEmitter* out, absl::FunctionRef<absl::Status(OpEmitter::Label)> emit) {
  if (out->size() >= kMaxOpsPerList) return absl::OkStatus();
  const uint32_t mark = out->mark();
  const OpEmitter::Label outer = out->failure();
  const OpEmitter::Label end = out->NewLabel();
  out->set_failure(end);
  absl::Status status = emit(end);
  out->set_failure(outer);
  out->Place(end);
  out->Release(mark);
  return status;
}

absl::Status CaptureCompiler::AddValue(const v1::Node& value) {
  NoteRegisters(value);
  NoteRegisters(types_->at(value.type()).shape().size());
  const v1::Type& shown = types_->at(value.type());
  NoteRegisters((shown.kind() == v1::TYPE_REFERENCE ? types_->at(shown.target()) : shown).shape().engaged());
  part_start_ = main_.size();
  input_bases_.clear();
  if (part_start_ >= kMaxOpsPerList) {
    return absl::ResourceExhaustedError("not captured: the expressions before it fill the logpoint's plan");
  }
  absl::Status status = Part(&main_, [&](OpEmitter::Label end) { return EmitValue(value, end); });
  if (status.ok()) return status;
  // What was emitted until it failed has no use, and room is scarce.
  main_.Truncate(part_start_);
  std::erase_if(register_copies_, [this](const RegisterCopy& copy) { return copy.op >= part_start_; });
  return status;
}

absl::Status CaptureCompiler::EmitValue(const v1::Node& value, OpEmitter::Label end) {
  // Only user space, which has the captured elements, knows what comes of it.
  if (LooksUp(value)) return AddInputs(&main_, value);
  v1::Node node = value;
  while (node.has_checked()) {
    absl::Status status = AddInputs(&main_, node.checked().condition());
    if (!status.ok()) return status;
    auto cell = main_.Value(node.checked().condition());
    if (!cell.ok()) return cell.status();
    main_.Jump(v1::CAP_JUMP_IF_ZERO, *cell, end);
    node = v1::Node(node.checked().value());
  }
  const v1::Type type = types_->at(node.type());
  if (node.has_memory()) {
    auto address = main_.AddressValue(node.memory());
    if (!address.ok()) return address.status();
    CopyObject(&main_, node.type(), *address);
    return Follow(&main_, node.type(), *address, 0);
  }
  absl::Status status = AddInputs(&main_, node);
  if (!status.ok()) return status;
  if (type.kind() == v1::TYPE_REFERENCE) {
    auto target = main_.AddressValue(node);
    if (!target.ok()) return target.status();
    types_->Expand(type.target());
    CopyObject(&main_, type.target(), *target);
    return Follow(&main_, type.target(), *target, 0);
  }
  if (type.kind() == v1::TYPE_STRUCT) return FollowInHand(&main_, node);
  if (IsCharPointer(*types_, type)) {
    auto pointer = main_.Value(node);
    if (!pointer.ok()) return pointer.status();
    main_.Jump(v1::CAP_JUMP_IF_ZERO, *pointer, end);
    v1::CaptureOp& op = main_.Emit(v1::CAP_CSTRING);
    op.set_a(*pointer);
    op.set_length(limits_.string_bytes + 1);
  }
  return absl::OkStatus();
}

absl::Status CaptureCompiler::AddInputs(OpEmitter* out, const v1::Node& node) {
  switch (node.kind_case()) {
    case v1::Node::kMemory: {
      return LooksUp(node.memory()) ? AddInputs(out, node.memory()) : AddMemoryInput(out, node);
    }
    case v1::Node::kLookup:
      return AddLookup(out, node.lookup());
    case v1::Node::kMember:
      return AddInputs(out, node.member().object());
    case v1::Node::kComposite:
      for (const auto& piece : node.composite().pieces()) {
        if (!piece.in_memory()) {
          absl::Status status = AddInputs(out, piece.value());
          if (!status.ok()) return status;
          continue;
        }
        auto address = out->AddressValue(piece.value());
        if (!address.ok()) return address.status();
        v1::CaptureOp& op = out->Emit(v1::CAP_COPY);
        op.set_a(address->cell);
        op.set_offset(address->offset);
        const uint32_t bytes = piece.bits() != 0 ? (piece.bit_offset() + piece.bits() + 7) / 8 : piece.size();
        op.set_length(std::min(bytes, kMaxCopyBytes));
      }
      return absl::OkStatus();
    case v1::Node::kUnary:
      return AddInputs(out, node.unary().operand());
    case v1::Node::kBinary: {
      absl::Status status = AddInputs(out, node.binary().left());
      return status.ok() ? AddInputs(out, node.binary().right()) : status;
    }
    case v1::Node::kConvert:
      return AddInputs(out, node.convert());
    case v1::Node::kAddressOf: {
      // Only the address matters; computing it captures the pointers on the way.
      if (LooksUp(node.address_of())) return AddInputs(out, node.address_of());
      if (!IsInMemory(node.address_of())) return absl::OkStatus();
      auto address = out->AddressValue(AddressOf(node.address_of()));
      return address.ok() ? absl::OkStatus() : address.status();
    }
    case v1::Node::kChecked: {
      absl::Status status = AddInputs(out, node.checked().condition());
      if (!status.ok()) return status;
      if (LooksUp(node.checked().condition())) return AddInputs(out, node.checked().value());
      auto cell = out->Value(node.checked().condition());
      if (!cell.ok()) return cell.status();
      out->Jump(v1::CAP_JUMP_IF_ZERO, *cell, out->failure());
      return AddInputs(out, node.checked().value());
    }
    case v1::Node::kSelect:
      return AddSelectInputs(out, node.select());
    default:
      return absl::OkStatus();
  }
}

absl::Status CaptureCompiler::AddMemoryInput(OpEmitter* out, const v1::Node& node) {
  const BaseOffset place = SplitOffset(node.memory());
  const uint64_t size = node.type() == 0 ? 8 : types_->at(node.type()).size();
  const auto kind = place.base->kind_case();
  const bool direct = kind == v1::Node::kReg || kind == v1::Node::kSelf || kind == v1::Node::kConstant;
  const bool small = size != 0 && size <= kMaxMergedBytes && std::abs(place.offset) <= kMaxMergedBytes;
  if (direct || !small || out != &main_ || types_->HidesBytes(node.type())) {
    const uint32_t mark = out->mark();
    auto address = out->AddressValue(node.memory());
    if (!address.ok()) return address.status();
    CopyObject(out, node.type(), *address);
    out->Release(mark);
    return absl::OkStatus();
  }
  const std::string base = place.base->SerializeAsString();
  auto known = std::find_if(input_bases_.begin(), input_bases_.end(),
                            [&](const InputBase& candidate) { return candidate.node == base; });
  const auto length = static_cast<int64_t>(size);
  if (known != input_bases_.end()) {
    v1::CaptureOp& copy = out->op(known->copy);
    const int64_t begin = std::min(copy.offset(), place.offset);
    const int64_t end = std::max(copy.offset() + copy.length(), place.offset + length);
    if (end - begin <= copy.length() + length) {
      copy.set_offset(begin);
      copy.set_length(static_cast<uint32_t>(end - begin));
      return absl::OkStatus();
    }
  } else {
    auto cell = out->Value(*place.base);
    if (!cell.ok()) return cell.status();
    known = input_bases_.insert(input_bases_.end(), {base, *cell, 0});
  }
  known->copy = out->size();
  v1::CaptureOp& copy = out->Emit(v1::CAP_COPY);
  copy.set_a(known->cell);
  copy.set_offset(place.offset);
  copy.set_length(static_cast<uint32_t>(length));
  return absl::OkStatus();
}

// The elements as if the container were shown: the search finds what was captured.
absl::Status CaptureCompiler::AddLookup(OpEmitter* out, const v1::Lookup& lookup) {
  if (lookup.has_key()) {
    if (absl::Status status = AddInputs(out, lookup.key()); !status.ok()) return status;
  }
  const v1::Node& container = lookup.container();
  if (LooksUp(container)) return AddInputs(out, container);
  if (!IsInMemory(container)) return absl::UnimplementedError("the container is not in memory here");
  auto address = out->AddressValue(AddressOf(container));
  if (!address.ok()) return address.status();
  CopyObject(out, container.type(), *address);
  return Follow(out, container.type(), *address, 0);
}

absl::Status CaptureCompiler::AddSelectInputs(OpEmitter* out, const v1::Select& select) {
  const bool reads = std::any_of(select.cases().begin(), select.cases().end(),
                                 [](const auto& candidate) { return ReadsMemory(candidate.value()); });
  if (!reads) return AddInputs(out, select.key());
  // Registers that the function has saved in its own frame can be read whoever called, together with its other words.
  bool depends = false;
  for (const v1::Select::Case& candidate : select.cases()) {
    if (!ReadsMemory(candidate.value())) continue;
    if (!ReadsOnlyFrame(candidate.value())) {
      depends = true;
      continue;
    }
    absl::Status status = AddInputs(out, candidate.value());
    if (!status.ok()) return status;
  }
  if (!depends) return AddInputs(out, select.key());
  // Computing the key captures what it reads.
  auto key = out->Value(select.key());
  if (!key.ok()) return key.status();
  for (const v1::Select::Case& candidate : select.cases()) {
    if (!ReadsMemory(candidate.value()) || ReadsOnlyFrame(candidate.value())) continue;
    if (out->size() >= kMaxOpsPerList) return absl::ResourceExhaustedError("the value has too many possible callers");
    const uint32_t mark = out->mark();
    const OpEmitter::Label next = out->NewLabel();
    // What is computed for one case is not there for what follows.
    const std::vector<InputBase> outer = input_bases_;
    absl::Status status = out->Match(*key, candidate, next);
    if (status.ok()) status = AddInputs(out, candidate.value());
    if (!status.ok()) return status;
    input_bases_ = outer;
    out->Place(next);
    out->Release(mark);
  }
  return absl::OkStatus();
}

void CaptureCompiler::CopyObject(OpEmitter* out, uint32_t type, Address address) {
  const uint64_t size = type == 0 ? 8 : types_->at(type).size();
  if (type == 0 || !types_->redaction().active() || size == 0) return CopyBytes(out, address, size);
  for (const dwarf::ByteRange& range : types_->VisibleBytes(type)) {
    CopyBytes(out, {address.cell, address.offset + static_cast<int64_t>(range.begin)}, range.end - range.begin);
  }
}

// Bytes around an object that `inner` places in it, and the object.
void CaptureCompiler::CopyAround(OpEmitter* out, uint64_t size, uint32_t inner, int64_t offset, Address address) {
  const uint64_t inner_size = types_->at(inner).size();
  const auto begin = static_cast<uint64_t>(std::max<int64_t>(0, offset));
  if (!types_->HidesBytes(inner) || begin + inner_size > size) return CopyBytes(out, address, size);
  CopyBytes(out, address, begin);
  CopyObject(out, inner, {address.cell, address.offset + offset});
  const uint64_t end = begin + inner_size;
  CopyBytes(out, {address.cell, address.offset + static_cast<int64_t>(end)}, size - end);
}

void CaptureCompiler::CopyBytes(OpEmitter* out, Address address, uint64_t size) {
  if (size == 0) return;
  const uint32_t length = static_cast<uint32_t>(std::min<uint64_t>(size, kMaxCopyBytes));
  if (out == &main_ && address.cell < kRegisters) {
    if (MergeCopy(address, length)) return;
    if (Unconditional()) {
      register_copies_.push_back({address.cell, address.offset, address.offset + length, main_.size()});
    }
  }
  v1::CaptureOp& op = out->Emit(v1::CAP_COPY);
  op.set_a(address.cell);
  op.set_offset(address.offset);
  op.set_length(length);
}

bool CaptureCompiler::Unconditional() {
  for (size_t i = part_start_; i < main_.size(); ++i) {
    if (main_.op(i).code() != v1::CAP_COPY) return false;
  }
  return true;
}

bool CaptureCompiler::MergeCopy(Address address, uint32_t length) {
  const int64_t begin = address.offset;
  const int64_t end = begin + length;
  for (RegisterCopy& copy : register_copies_) {
    if (copy.cell != address.cell) continue;
    const int64_t joint_begin = std::min(begin, copy.begin);
    const int64_t joint_end = std::max(end, copy.end);
    const int64_t needed = (copy.end - copy.begin) + (end - begin);
    // What lies between them is nobody's business when it may be redacted.
    const int64_t gap = types_->redaction().active() ? 0 : kMaxGap;
    if (joint_end - joint_begin > std::min<int64_t>(needed + gap, kMaxCopyBytes)) continue;
    copy.begin = joint_begin;
    copy.end = joint_end;
    main_.op(copy.op).set_offset(joint_begin);
    main_.op(copy.op).set_length(static_cast<uint32_t>(joint_end - joint_begin));
    return true;
  }
  return false;
}

bool CaptureCompiler::IsOutside(const v1::Node& part, uint32_t type) const {
  if (!part.has_memory()) return false;
  const auto place = SplitOffset(part.memory());
  if (place.base->kind_case() != v1::Node::kSelf || place.offset < 0) return true;
  return static_cast<uint64_t>(place.offset) + types_->at(part.type()).size() > types_->at(type).size();
}

bool CaptureCompiler::DataIsInside(const v1::Shape& shape) {
  return SplitOffset(shape.data()).base->kind_case() == v1::Node::kSelf;
}

bool CaptureCompiler::HasIndirection(uint32_t type, int depth) {
  if (auto known = has_indirection_.find(type); known != has_indirection_.end()) return known->second;
  if (depth >= kMaxInlineDepth) return false;
  const v1::Type t = types_->at(type);
  bool result = false;
  if (!t.redacted().empty()) return false;
  switch (t.kind()) {
    case v1::TYPE_POINTER:
      result = IsCharPointer(*types_, t);
      break;
    case v1::TYPE_REFERENCE:
      result = true;
      break;
    case v1::TYPE_ARRAY:
      result = t.shape().has_size() || HasIndirection(t.target(), depth + 1) || types_->HidesBytes(t.target());
      break;
    case v1::TYPE_STRUCT:
    case v1::TYPE_OPAQUE:
    case v1::TYPE_UNION: {
      const v1::Shape shape = shaper_->ShapeOf(type);
      const bool data_inside = shape.kind() == v1::Shape::SEQUENCE && !shape.has_end() && DataIsInside(shape);
      if (shape.kind() == v1::Shape::OPTIONAL || data_inside) {
        result = HasIndirection(shape.element(), depth + 1);
      } else if (shape.parts_size() != 0 || shape.kind() == v1::Shape::TIME) {
        result = shape.kind() == v1::Shape::VARIANT && shape.element() != 0;  // derived classes
        // Which of its parts it is takes the registers.
        NoteRegisters(shape.engaged());
        for (const v1::Shape::Part& part : shape.parts()) {
          result = result || IsOutside(part.value(), type) ||
                   (IsInMemory(part.value()) && HasIndirection(part.value().type(), depth + 1));
        }
      } else if (shape.kind() == v1::Shape::BITS) {
        result = !DataIsInside(shape);
      } else if (shape.kind() != v1::Shape::NONE) {
        result = true;
      } else if (t.kind() == v1::TYPE_STRUCT) {
        for (const v1::Field& field : t.fields()) {
          if (!field.redacted().empty()) continue;
          result =
              result || field.has_base_address() || (field.bit_size() == 0 && HasIndirection(field.type(), depth + 1));
        }
      }
      break;
    }
    default:
      break;
  }
  has_indirection_[type] = result;
  return result;
}

absl::Status CaptureCompiler::FollowCString(OpEmitter* out, Address address) {
  return Part(out, [&](OpEmitter::Label end) -> absl::Status {
    auto pointer = out->EmitLoad(address, 8, false);
    if (!pointer.ok()) return pointer.status();
    out->Jump(v1::CAP_JUMP_IF_ZERO, *pointer, end);
    v1::CaptureOp& op = out->Emit(v1::CAP_CSTRING);
    op.set_a(*pointer);
    op.set_length(limits_.string_bytes + 1);
    return absl::OkStatus();
  });
}

absl::Status CaptureCompiler::Follow(OpEmitter* out, uint32_t type, Address address, int depth) {
  if (depth > kMaxInlineDepth || !HasIndirection(type)) return absl::OkStatus();
  const v1::Type t = types_->at(type);
  switch (t.kind()) {
    case v1::TYPE_POINTER:
      return FollowCString(out, address);
    case v1::TYPE_REFERENCE:
      return Part(out, [&](OpEmitter::Label end) -> absl::Status {
        auto pointer = out->EmitLoad(address, 8, false);
        if (!pointer.ok()) return pointer.status();
        out->Jump(v1::CAP_JUMP_IF_ZERO, *pointer, end);
        types_->Expand(t.target());
        v1::CaptureOp& op = out->Emit(v1::CAP_CALL);
        op.set_a(*pointer);
        op.set_routine(RoutineFor(t.target(), Flavor::kCopyAndFollow));
        // The reference that a template names is not a level of its own; members that are references are.
        op.set_deeper(out != &main_ || depth > 0);
        return absl::OkStatus();
      });
    case v1::TYPE_ARRAY:
      if (t.shape().has_size()) return FollowComputedArray(out, t, address);
      return Part(out, [&](OpEmitter::Label) -> absl::Status {
        auto first = out->Materialize(address);
        if (!first.ok()) return first.status();
        auto count = out->EmitConst(t.count());
        if (!count.ok()) return count.status();
        return CallEach(out, t.target(), *first, *count, static_cast<uint32_t>(types_->at(t.target()).size()), false);
      });
    case v1::TYPE_UNION:
    case v1::TYPE_OPAQUE:
    case v1::TYPE_STRUCT: {
      if (const v1::Shape& shape = shaper_->ShapeOf(type); shape.kind() != v1::Shape::NONE) {
        // One of many: what all of them need is not repeated for each object.
        const bool own_routine =
            out != &main_ && depth == 1 && address.cell == OpEmitter::kSelfCell && address.offset == 0;
        const bool once = shape.parts_size() > kMaxInlineChoices && !own_routine;
        if (!once || shape.kind() != v1::Shape::VARIANT) return FollowShape(out, type, address);
        v1::CaptureOp& op = out->Emit(v1::CAP_CALL);
        op.set_a(address.cell);
        op.set_offset(address.offset);
        op.set_routine(RoutineFor(type, Flavor::kFollow));
        return absl::OkStatus();
      }
      if (t.kind() != v1::TYPE_STRUCT) return absl::OkStatus();
      for (const v1::Field& field : t.fields()) {
        if (field.bit_size() != 0 || !field.redacted().empty()) continue;
        if (field.is_virtual_base()) {
          absl::Status status = FollowVirtualBase(out, field, address);
          if (!status.ok()) return status;
          continue;
        }
        const Address inner{address.cell, address.offset + static_cast<int64_t>(field.offset())};
        absl::Status status = Follow(out, field.type(), inner, depth + 1);
        if (!status.ok()) return status;
      }
      return absl::OkStatus();
    }
    default:
      return absl::OkStatus();
  }
}

absl::Status CaptureCompiler::FollowComputedArray(OpEmitter* out, const v1::Type& type, Address address) {
  return Part(out, [&](OpEmitter::Label) -> absl::Status {
    const uint64_t stride = types_->at(type.target()).size();
    if (stride == 0 || stride > kMaxCopyBytes) return absl::OkStatus();
    auto first = out->Materialize(address);
    if (!first.ok()) return first.status();
    auto count = out->Value(type.shape().size());
    if (!count.ok()) return count.status();
    const bool one_by_one = types_->HidesBytes(type.target());
    const uint64_t most = std::max<uint64_t>(limits_.items, limits_.string_bytes / stride);
    if (!one_by_one) CopyDynamic(out, *first, *count, stride, most);
    if (!one_by_one && !HasIndirection(type.target())) return absl::OkStatus();
    return CallEach(out, type.target(), *first, *count, static_cast<uint32_t>(stride), false);
  });
}

absl::Status CaptureCompiler::CallEach(OpEmitter* out, uint32_t type, uint32_t address_cell, uint32_t count_cell,
                                       uint32_t stride, bool deeper) {
  if (stride == 0) return absl::OkStatus();
  v1::CaptureOp& op = out->Emit(v1::CAP_CALL_EACH);
  op.set_a(address_cell);
  op.set_b(count_cell);
  op.set_size(stride);
  op.set_length(limits_.items);
  op.set_routine(RoutineFor(type, types_->HidesBytes(type) ? Flavor::kCopyAndFollow : Flavor::kFollow));
  op.set_deeper(deeper);
  return absl::OkStatus();
}

// It may be anywhere: copied as an object of its own, on the same level.
absl::Status CaptureCompiler::FollowVirtualBase(OpEmitter* out, const v1::Field& field, Address address) {
  if (!field.has_base_address() || types_->at(field.type()).size() == 0) return absl::OkStatus();
  return Part(out, [&](OpEmitter::Label) -> absl::Status {
    out->set_self(address);
    auto base = out->AddressValue(field.base_address());
    out->set_self({OpEmitter::kSelfCell, 0});
    if (!base.ok()) return base.status();
    v1::CaptureOp& op = out->Emit(v1::CAP_CALL);
    op.set_a(base->cell);
    op.set_offset(base->offset);
    op.set_routine(RoutineFor(field.type(), Flavor::kCopyAndFollow));
    return absl::OkStatus();
  });
}

absl::Status CaptureCompiler::CompileRoutine(OpEmitter* out, uint32_t type, Flavor flavor) {
  const Address self{OpEmitter::kSelfCell, 0};
  switch (flavor) {
    case Flavor::kCopyAndFollow:
      CopyObject(out, type, self);
      return Follow(out, type, self, 1);
    case Flavor::kFollow:
      return Follow(out, type, self, 1);
    case Flavor::kListNode:
      return CompileListNode(out, type);
    case Flavor::kTreeVisit:
    case Flavor::kTreeDescend:
    case Flavor::kTreeAscend:
      return CompileTreeStep(out, type, flavor);
    case Flavor::kBranchLeaf:
    case Flavor::kBranchDescend:
    case Flavor::kBranchAscend:
      return CompileBranchStep(out, type, flavor);
    case Flavor::kSlot:
      return CompileSlot(out, type);
    case Flavor::kBlock:
      return CompileBlock(out, type);
  }
  return absl::OkStatus();
}

uint32_t CaptureCompiler::RoutineFor(uint32_t type, Flavor flavor) {
  const auto key = std::make_pair(type, flavor);
  if (auto known = routine_index_.find(key); known != routine_index_.end()) return known->second;
  const uint32_t index = static_cast<uint32_t>(routine_keys_.size());
  routine_index_[key] = index;
  routine_keys_.push_back(key);
  return index;
}

void CaptureCompiler::CompilePendingRoutines() {
  // Compiling a routine may ask for further ones; beyond the limit they stay empty.
  while (routines_.size() < routine_keys_.size()) {
    const auto [type, flavor] = routine_keys_[routines_.size()];
    v1::CaptureRoutine routine;
    if (routines_.size() < kMaxRoutines) {
      OpEmitter out(*types_, OpEmitter::Use::kCapture, probe_);
      types_->Expand(type);
      // What cannot be followed is shown as not captured; the rest of the object is kept.
      CompileRoutine(&out, type, flavor).IgnoreError();
      for (v1::CaptureOp& op : out.Take()) *routine.add_ops() = std::move(op);
    }
    routines_.push_back(std::move(routine));
  }
}

v1::CapturePlan CaptureCompiler::Finish() {
  CompilePendingRoutines();
  v1::CapturePlan plan;
  std::vector<v1::CaptureOp> ops = main_.Take();
  NoteOnRequest(condition_);
  NoteOnRequest(ops);
  plan.set_register_mask(register_mask_);
  plan.set_vector_mask(vector_mask_);
  plan.set_entry_mask(entry_mask_);
  for (v1::CaptureOp& op : condition_) *plan.add_condition() = std::move(op);
  for (v1::CaptureOp& op : ops) *plan.add_ops() = std::move(op);
  for (v1::CaptureRoutine& routine : routines_) *plan.add_routines() = std::move(routine);
  return plan;
}

}  // namespace dlog::plan
