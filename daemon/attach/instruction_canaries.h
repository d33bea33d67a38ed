// SPDX-License-Identifier: Apache-2.0
//
// What a probe does to each class of instructions on this kernel and machine, found out in sacrificial children:
// registers, flags and red zone must be what they are without a probe, in the process and in a child that it forks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "daemon/attach/boot_cache.h"
#include "daemon/attach/uprobe_links.h"
#include "symbolizer/code/instruction.h"

namespace dlog::attach {

enum class CanaryVerdict {
  kSafe,
  kRefused,      // the kernel takes no probe there
  kUnsafe,       // the child was changed or killed: no probe may go there
  kUnavailable,  // this machine has no such thing
  kUnknown,      // the trial itself failed
};

struct CanaryResult {
  std::string name;   // of the class: "push", "stepped_rip"
  bool used = false;  // dlog puts probes on this class unless it is unsafe
  CanaryVerdict verdict = CanaryVerdict::kUnknown;
  std::string detail;   // what was seen, when not safe
  int64_t cost_ns = 0;  // of a hit, when safe and measured
};

const char* VerdictName(CanaryVerdict verdict);  // "safe", "refused", ...

class InstructionCanaries {
 public:
  InstructionCanaries() = default;
  explicit InstructionCanaries(std::vector<CanaryResult> results) : results_(std::move(results)) {}

  const std::vector<CanaryResult>& results() const { return results_; }
  // Null when there is no such class.
  const CanaryResult* Find(const std::string& name) const;
  // Why no probe may go on this instruction on this machine, or empty. What is unknown is left to symbolizer/code.
  std::string ObjectionTo(const code::Instruction& instruction) const;

 private:
  std::vector<CanaryResult> results_;
};

// The classes whose findings speak for an instruction that symbolizer/code allows.
std::vector<std::string> CanaryClassesOf(const code::Instruction& instruction);

// As "VERDICT COST DETAIL" for the boot cache; Parse returns nullopt for anything else.
std::string CanaryText(const CanaryResult& result);
std::optional<CanaryResult> ParseCanaryText(const std::string& name, bool used, const std::string& text);

// Tries what `cache` does not know, once per process and back end; takes up to two seconds then. Thread-safe.
const InstructionCanaries& KernelCanaries(Backend backend, BootCache* cache);

}  // namespace dlog::attach
