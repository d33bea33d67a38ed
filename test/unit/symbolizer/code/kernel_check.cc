// SPDX-License-Identifier: Apache-2.0
//
// Is the allow-list right on this kernel? Every case that Decode() allows must attach, fire exactly once per execution
// and compute the same as without the probe: registers, flags, memory, red zone, next instruction.
//
//   kernel_check            the test; exit status 77 (SKIP) without root or without the uprobe PMU
//   kernel_check --survey   also runs what is refused, and prints what the kernel makes of each case
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>

#include "symbolizer/code/instruction.h"
#include "test/unit/symbolizer/code/kernel_check_runner.h"

namespace dlog::code {
namespace {

struct Case {
  const char* text;
  const uint8_t* begin;
  const uint8_t* end;
};
extern "C" const Case kernel_check_cases[];
extern "C" const Case kernel_check_cases_end[];

constexpr int kSkip = 77;

std::string Observed(const CheckResult& result) {
  if (result.attach_errno != 0) return "refused by the kernel, errno " + std::to_string(result.attach_errno);
  std::string out = result.difference.empty() ? "same result" : "WRONG: " + result.difference;
  out += ", " + std::to_string(result.hits) + " hits of " + std::to_string(kSeeds) + ", " + std::to_string(result.ns) +
         " ns";
  if (!result.runs_alone) out += " (does not complete without the probe either)";
  return out;
}

int Main(bool survey) {
  std::string error;
  std::unique_ptr<KernelChecker> checker = KernelChecker::Create(&error);
  if (checker == nullptr) {
    std::printf("SKIP: %s\n", error.c_str());
    return kSkip;
  }
  int checked = 0;
  int failed = 0;
  int unsupported = 0;
  for (const Case* c = kernel_check_cases; c != kernel_check_cases_end; ++c) {
    const std::span<const uint8_t> bytes(c->begin, c->end);
    absl::StatusOr<Instruction> decoded = Decode(bytes, LinkAddress{kCodeAddress + kProbeOffset});
    if (!decoded.ok() || decoded->length != bytes.size()) {
      std::printf("FAIL %-40s does not decode as one instruction\n", c->text);
      ++failed;
      continue;
    }
    const bool allowed = decoded->probe_class != ProbeClass::kRefused;
    if (!allowed && !survey) continue;
    const CheckResult result = checker->Check(bytes, std::strncmp(c->text, "rdtsc", 5) == 0);
    const bool good = result.attach_errno == 0 && result.difference.empty() && result.hits == kSeeds;
    if (allowed && !result.runs_alone) {
      std::printf("note %-40s this processor does not have it\n", decoded->text.c_str());
      ++unsupported;
      continue;
    }
    if (allowed) ++checked;
    if (allowed && !good) ++failed;
    if (survey || (allowed && !good)) {
      std::printf("%s %-40s %-9s kernel: %s%s%s\n", allowed && !good ? "FAIL" : "    ", decoded->text.c_str(),
                  ProbeClassName(decoded->probe_class), Observed(result).c_str(), allowed ? "" : " | ",
                  decoded->refusal.c_str());
      std::fflush(stdout);
    }
  }
  std::printf("%d allowed instructions checked on this kernel, %d failed, %d not available on this processor\n",
              checked, failed, unsupported);
  return failed == 0 && checked > 0 ? 0 : 1;
}

}  // namespace
}  // namespace dlog::code

int main(int argc, char** argv) { return dlog::code::Main(argc > 1 && std::strcmp(argv[1], "--survey") == 0); }
