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

constexpr int kMaxTerms = 3;  // of a recovered register: more is dearer than it is worth

const char* const kRegisterNames[16] = {"rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp",
                                        "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};

std::string TextOf(const RegisterSum& sum) {
  std::string text;
  for (size_t i = 0; i < sum.factors.size(); ++i) {
    const auto factor = static_cast<int64_t>(sum.factors[i]);
    if (factor == 0) continue;
    absl::StrAppend(&text, factor == -1 ? (text.empty() ? "-" : " - ") : (text.empty() ? "" : " + "),
                    kRegisterNames[i]);
    if (factor != 1 && factor != -1) absl::StrAppend(&text, "*", factor);
  }
  const auto constant = static_cast<int64_t>(sum.constant);
  if (text.empty()) return absl::StrCat(constant);
  if (constant != 0)
    absl::StrAppend(&text, constant < 0 ? " - " : " + ", sum.constant & (1ull << 63) ? -sum.constant : sum.constant);
  return text;
}

bool IsSimple(const RegisterSum& sum) {
  return std::count_if(sum.factors.begin(), sum.factors.end(), [](uint64_t f) { return f != 0; }) <= kMaxTerms;
}

class Walk {
 public:
  Walk(const FunctionFlow& flow, const CaptureInputs& inputs,
       const std::function<std::optional<FramePosition>(LinkAddress)>& frame, bool forward)
      : flow_(flow), inputs_(inputs), frame_(frame), forward_(forward) {}

  // On or back from the statement to the first instruction that will do.
  std::optional<Move> Find(LinkAddress statement);
  // Why there is none.
  const std::string& obstacle() const { return obstacle_; }

 private:
  // Whether the instruction at `at` may lie between the statement and the probe.
  bool Pass(LinkAddress at);
  void LookBefore(LinkAddress statement);
  bool KeepsStack(LinkAddress at, const Effects& effects) const;
  bool StoreIsElsewhere(LinkAddress at, const Effects& effects) const;
  // Each captured register that has changed can be computed from the registers at the probe.
  bool Recover(const std::string& by);
  std::optional<RegisterSum> Recovered(uint32_t reg) const;
  std::optional<Move> Finish(LinkAddress probe) const;
  bool Stop(std::string obstacle) {
    obstacle_ = std::move(obstacle);
    return false;
  }

  const FunctionFlow& flow_;
  const CaptureInputs& inputs_;
  const std::function<std::optional<FramePosition>(LinkAddress)>& frame_;
  const bool forward_;
  std::vector<Effects> effects_;     // of what was passed, in the order of passing
  std::vector<std::string> passed_;  // the same instructions as text
  LinearState state_;                // from the earlier of statement and probe to the later
  LinearState block_state_;          // forward: the same from further before the statement
  uint32_t written_ = 0;             // general registers
  std::vector<RecoveredRegister> recovered_;
  bool stores_ = false;
  std::string obstacle_ = "it is too far to the next cheaper one";
};

bool Walk::StoreIsElsewhere(LinkAddress at, const Effects& effects) const {
  if (inputs_.memory == CaptureInputs::Memory::kNone) return true;
  if (!effects.store.has_value()) return false;
  const auto position = frame_(at);
  if (!position.has_value() || position->base != effects.store->base) return false;
  const int64_t begin = effects.store->offset - position->offset;
  const int64_t end = begin + effects.store->size;
  // What pointers lead to is not where a push writes (that is below the stack as it was), nor in a frame of which there
  // are no addresses.
  const bool out_of_reach = effects.pushes || (flow_.frame_is_private() && end <= 0);
  if (inputs_.memory == CaptureInputs::Memory::kAny && !out_of_reach) return false;
  return std::none_of(inputs_.slots.begin(), inputs_.slots.end(),
                      [&](const auto& slot) { return begin < slot.end && slot.begin < end; });
}

// What lies below rsp belongs to nobody: a signal handler may overwrite it. So while memory is captured rsp may only go
// down on the way from the statement to the probe.
bool Walk::KeepsStack(LinkAddress at, const Effects& effects) const {
  if (inputs_.memory == CaptureInputs::Memory::kNone) return true;
  if ((effects.gprs_written >> kStackPointer & 1) == 0 || effects.pushes) return true;
  const auto before = frame_(at);
  const auto after = frame_(LinkAddress{at.value + effects.length});
  return forward_ && before.has_value() && after.has_value() && before->base == kStackPointer &&
         after->base == kStackPointer && after->offset >= before->offset;
}

std::optional<RegisterSum> Walk::Recovered(uint32_t reg) const {
  const uint32_t bits = inputs_.gpr_bits[reg];
  auto sum = forward_ ? state_.AtStart(reg, bits) : state_.Now(reg, bits);
  if (forward_ && !sum.has_value()) sum = block_state_.AtStart(reg, bits);
  return sum.has_value() && IsSimple(*sum) ? sum : std::nullopt;
}

bool Walk::Recover(const std::string& by) {
  recovered_.clear();
  for (uint32_t reg = 0; reg < inputs_.gpr_bits.size(); ++reg) {
    if ((inputs_.gprs & written_ & 1u << reg) == 0) continue;
    const auto sum = Recovered(reg);
    if (!sum.has_value()) {
      return Stop(absl::StrCat("'", by, "' overwrites ", kRegisterNames[reg], ", which is captured"));
    }
    recovered_.push_back({reg, *sum});
  }
  return true;
}

bool Walk::Pass(LinkAddress at) {
  auto effects = EffectsOf(flow_.BytesAt(at), at);
  const auto instruction = Decode(flow_.BytesAt(at), at);
  if (!effects.ok() || !instruction.ok()) return Stop("what comes there is no instruction");
  const std::string& text = instruction->text;
  if (effects->leaves) return Stop(absl::StrCat("'", text, "' goes elsewhere"));
  if (!KeepsStack(at, *effects)) return Stop(absl::StrCat("'", text, "' moves the stack, and memory is captured"));
  if ((effects->vectors_written & inputs_.vectors) != 0) {
    return Stop(absl::StrCat("'", text, "' overwrites a vector register that is captured"));
  }
  if (effects->stores && !StoreIsElsewhere(at, *effects)) {
    return Stop(absl::StrCat("'", text, "' may write to memory that is captured"));
  }
  stores_ |= effects->stores;
  written_ |= effects->gprs_written;
  passed_.push_back(text);
  effects_.push_back(*std::move(effects));
  if (forward_) {
    state_.Apply(effects_.back());
    block_state_.Apply(effects_.back());
  } else {
    state_ = LinearState();
    for (size_t i = effects_.size(); i-- > 0;) state_.Apply(effects_[i]);
  }
  return Recover(text);
}

std::optional<Move> Walk::Finish(LinkAddress probe) const {
  auto instruction = Decode(flow_.BytesAt(probe), probe);
  if (!instruction.ok() || instruction->probe_class != ProbeClass::kEmulated) return std::nullopt;
  Move move;
  move.probe = probe;
  move.instruction = *std::move(instruction);
  move.forward = forward_;
  move.between = passed_;
  move.recovered = recovered_;
  if (!forward_) std::reverse(move.between.begin(), move.between.end());
  const size_t count = passed_.size();
  const char* memory = !stores_                                         ? "no store between"
                       : inputs_.memory == CaptureInputs::Memory::kNone ? "no memory is captured"
                                                                        : "stores between go to other stack slots";
  move.reason = absl::StrCat(count, count == 1 ? " instruction " : " instructions ", forward_ ? "on" : "back", "; ",
                             memory, "; all ", recovered_.empty() ? "" : "other ", "captured inputs unchanged");
  for (const RecoveredRegister& recovered : recovered_) {
    absl::StrAppend(&move.reason, "; ", kRegisterNames[recovered.reg], " was ", TextOf(recovered.value));
  }
  return move;
}

// What is known of the registers at the statement: copies and numbers that the instructions before it have made.
void Walk::LookBefore(LinkAddress statement) {
  std::vector<Effects> before;
  LinkAddress at = statement;
  for (int i = 0; i < kMaxInstructions && flow_.IsStraight(at); ++i) {
    at = flow_.Before(at);
    auto effects = EffectsOf(flow_.BytesAt(at), at);
    if (at.value == 0 || !effects.ok() || effects->leaves) break;
    before.push_back(*std::move(effects));
  }
  for (size_t i = before.size(); i-- > 0;) block_state_.Apply(before[i]);
  block_state_.StartHere();
}

std::optional<Move> Walk::Find(LinkAddress statement) {
  LinkAddress at = statement;
  if (forward_) LookBefore(statement);
  for (int i = 0; i < kMaxInstructions; ++i) {
    if (!forward_) {
      if (flow_.IsStraight(at))
        at = flow_.Before(at);
      else
        at = LinkAddress{0};
      if (at.value == 0) {
        obstacle_ = "other places lead to it";
        return std::nullopt;
      }
    }
    if (!Pass(at)) return std::nullopt;
    if (forward_) {
      at = LinkAddress{at.value + effects_.back().length};
      if (!flow_.IsStraight(at)) {
        obstacle_ = absl::StrCat("other places lead to what follows '", passed_.back(), "'");
        return std::nullopt;
      }
    }
    if (auto move = Finish(at)) return move;
  }
  return std::nullopt;
}

}  // namespace

MoveSearch FindMoves(const FunctionFlow& flow, LinkAddress statement, const CaptureInputs& inputs,
                     const std::function<std::optional<FramePosition>(LinkAddress)>& frame) {
  MoveSearch search;
  if (!flow.followed() || !flow.IsInstruction(statement)) {
    search.no_way_on = search.no_way_back = "the flow of control of its function is not known";
    return search;
  }
  for (const bool forward : {true, false}) {
    Walk walk(flow, inputs, frame, forward);
    if (auto move = walk.Find(statement)) {
      search.moves.push_back(*std::move(move));
    } else {
      (forward ? search.no_way_on : search.no_way_back) = walk.obstacle();
    }
  }
  return search;
}

}  // namespace dlog::code
