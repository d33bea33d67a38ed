// SPDX-License-Identifier: Apache-2.0
#include "absl/strings/str_cat.h"
#include "daemon/attach/instruction_canaries.h"

namespace dlog::attach {
namespace {

bool StartsWith(const std::string& text, const char* start) { return text.rfind(start, 0) == 0; }

}  // namespace

const char* VerdictName(CanaryVerdict verdict) {
  switch (verdict) {
    case CanaryVerdict::kSafe:
      return "safe";
    case CanaryVerdict::kRefused:
      return "refused";
    case CanaryVerdict::kUnsafe:
      return "unsafe";
    case CanaryVerdict::kUnavailable:
      return "unavailable";
    case CanaryVerdict::kUnknown:
      break;
  }
  return "unknown";
}

const CanaryResult* InstructionCanaries::Find(const std::string& name) const {
  for (const CanaryResult& result : results_) {
    if (result.name == name) return &result;
  }
  return nullptr;
}

std::vector<std::string> CanaryClassesOf(const code::Instruction& instruction) {
  if (instruction.probe_class == code::ProbeClass::kStepped) {
    std::vector<std::string> classes = {"stepped", "stepped_rip"};  // the text does not tell what is relative to rip
    if (StartsWith(instruction.text, "ret") || StartsWith(instruction.text, "rep ret"))
      classes.push_back("stepped_ret");
    if (StartsWith(instruction.text, "call")) classes.push_back("stepped_call");
    return classes;
  }
  if (StartsWith(instruction.text, "push")) return {"push"};
  if (StartsWith(instruction.text, "call")) return {"call"};
  if (StartsWith(instruction.text, "jmp")) return {"jmp"};
  if (StartsWith(instruction.text, "j")) return {"jcc", "jcc_not"};
  return {"nop", "nop4"};
}

std::string InstructionCanaries::ObjectionTo(const code::Instruction& instruction) const {
  for (const std::string& name : CanaryClassesOf(instruction)) {
    const CanaryResult* result = Find(name);
    if (result == nullptr) continue;
    if (result->verdict == CanaryVerdict::kUnsafe || result->verdict == CanaryVerdict::kRefused) {
      return absl::StrCat("on this kernel a probe on such an instruction (", name, ") is ",
                          VerdictName(result->verdict), result->detail.empty() ? "" : ": ", result->detail);
    }
  }
  return "";
}

}  // namespace dlog::attach
