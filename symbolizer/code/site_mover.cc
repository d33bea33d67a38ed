// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/code/site_mover.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "symbolizer/code/effects.h"

namespace dlog::code {
namespace {

constexpr int kMaxInstructions = 64;  // passed over
constexpr uint32_t kStackPointer = 7;

class Walk {
 public:
  Walk(const FunctionFlow& flow, const CaptureInputs& inputs,
       const std::function<std::optional<FramePosition>(LinkAddress)>& frame)
      : flow_(flow), inputs_(inputs), frame_(frame) {}

  std::optional<Move> Forward(LinkAddress statement);
  std::optional<Move> Backward(LinkAddress statement);

 private:
  // Whether the inputs are the same before and after the instruction, and the next one follows.
  bool CanPass(LinkAddress at, const Effects& effects, bool forward);
  bool KeepsStack(LinkAddress at, const Effects& effects, bool forward);
  bool StoreIsElsewhere(LinkAddress at, const Effects& effects);
  std::optional<Move> Finish(LinkAddress probe, bool forward);

  const FunctionFlow& flow_;
  const CaptureInputs& inputs_;
  const std::function<std::optional<FramePosition>(LinkAddress)>& frame_;
  std::vector<std::string> passed_;
  bool stores_ = false;
};

bool Walk::StoreIsElsewhere(LinkAddress at, const Effects& effects) {
  if (inputs_.memory == CaptureInputs::Memory::kNone) return true;
  if (inputs_.memory == CaptureInputs::Memory::kAny || !effects.store.has_value()) return false;
  const auto position = frame_(at);
  if (!position.has_value() || position->base != effects.store->base) return false;
  const int64_t begin = effects.store->offset - position->offset;
  const int64_t end = begin + effects.store->size;
  return std::none_of(inputs_.slots.begin(), inputs_.slots.end(),
                      [&](const auto& slot) { return begin < slot.end && slot.begin < end; });
}

// What lies below rsp belongs to nobody: a signal handler may overwrite it. So while memory is captured rsp may only go
// down on the way from the statement to the probe.
bool Walk::KeepsStack(LinkAddress at, const Effects& effects, bool forward) {
  if (inputs_.memory == CaptureInputs::Memory::kNone) return true;
  if ((effects.gprs_written >> kStackPointer & 1) == 0 || effects.pushes) return true;
  const auto before = frame_(at);
  const auto after = frame_(LinkAddress{at.value + effects.length});
  return forward && before.has_value() && after.has_value() && before->base == kStackPointer &&
         after->base == kStackPointer && after->offset >= before->offset;
}

bool Walk::CanPass(LinkAddress at, const Effects& effects, bool forward) {
  if (effects.leaves || !KeepsStack(at, effects, forward)) return false;
  if ((effects.gprs_written & inputs_.gprs) != 0 || (effects.vectors_written & inputs_.vectors) != 0) return false;
  if (effects.stores && !StoreIsElsewhere(at, effects)) return false;
  stores_ |= effects.stores;
  const auto instruction = Decode(flow_.BytesAt(at), at);
  if (!instruction.ok()) return false;
  passed_.push_back(instruction->text);
  return true;
}

std::optional<Move> Walk::Finish(LinkAddress probe, bool forward) {
  auto instruction = Decode(flow_.BytesAt(probe), probe);
  if (!instruction.ok() || instruction->probe_class != ProbeClass::kEmulated) return std::nullopt;
  Move move;
  move.probe = probe;
  move.instruction = *std::move(instruction);
  move.forward = forward;
  move.between = passed_;
  if (!forward) std::reverse(move.between.begin(), move.between.end());
  const size_t count = passed_.size();
  const char* memory = !stores_                                         ? "no store between"
                       : inputs_.memory == CaptureInputs::Memory::kNone ? "no memory is captured"
                                                                        : "stores between go to other stack slots";
  move.reason = absl::StrCat(count, count == 1 ? " instruction " : " instructions ", forward ? "on" : "back", "; ",
                             memory, "; all captured inputs unchanged");
  return move;
}

std::optional<Move> Walk::Forward(LinkAddress statement) {
  LinkAddress at = statement;
  for (int i = 0; i < kMaxInstructions; ++i) {
    auto effects = EffectsOf(flow_.BytesAt(at), at);
    if (!effects.ok() || !CanPass(at, *effects, true)) return std::nullopt;
    at = LinkAddress{at.value + effects->length};
    if (!flow_.IsStraight(at)) return std::nullopt;
    if (auto move = Finish(at, true)) return move;
  }
  return std::nullopt;
}

std::optional<Move> Walk::Backward(LinkAddress statement) {
  LinkAddress at = statement;
  for (int i = 0; i < kMaxInstructions; ++i) {
    if (!flow_.IsStraight(at)) return std::nullopt;
    at = flow_.Before(at);
    if (at.value == 0) return std::nullopt;
    auto effects = EffectsOf(flow_.BytesAt(at), at);
    if (!effects.ok() || !CanPass(at, *effects, false)) return std::nullopt;
    if (auto move = Finish(at, false)) return move;
  }
  return std::nullopt;
}

}  // namespace

std::vector<Move> FindMoves(const FunctionFlow& flow, LinkAddress statement, const CaptureInputs& inputs,
                            const std::function<std::optional<FramePosition>(LinkAddress)>& frame) {
  std::vector<Move> moves;
  if (!flow.IsInstruction(statement)) return moves;
  if (auto move = Walk(flow, inputs, frame).Forward(statement)) moves.push_back(*std::move(move));
  if (auto move = Walk(flow, inputs, frame).Backward(statement)) moves.push_back(*std::move(move));
  return moves;
}

}  // namespace dlog::code
