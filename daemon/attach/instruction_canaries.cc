// SPDX-License-Identifier: Apache-2.0
#include "daemon/attach/instruction_canaries.h"

#include <map>
#include <mutex>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "daemon/attach/canary_stubs.h"
#include "daemon/attach/canary_trial.h"

namespace dlog::attach {
namespace {

constexpr CanaryVerdict kVerdicts[] = {CanaryVerdict::kSafe, CanaryVerdict::kRefused, CanaryVerdict::kUnsafe,
                                       CanaryVerdict::kUnavailable, CanaryVerdict::kUnknown};

std::string Key(Backend backend, const std::string& name) {
  return absl::StrCat("canary_", BackendName(backend), "_", name);
}

InstructionCanaries TryAll(Backend backend, BootCache* cache) {
  std::vector<CanaryResult> results;
  const auto add = [&](const char* name, bool used, auto trial) {
    const std::string key = Key(backend, name);
    if (const auto text = cache->Get(key)) {
      if (auto known = ParseCanaryText(name, used, *text)) {
        results.push_back(*std::move(known));
        return;
      }
    }
    CanaryResult result = trial();
    result.name = name;
    result.used = used;
    if (IsLasting(result)) cache->Put(key, CanaryText(result));
    results.push_back(std::move(result));
  };
  for (const CanaryStub& stub : CanaryStubs()) add(stub.name, stub.used, [&] { return TryStub(stub, backend); });
  add("call_shadow_stack", false, [&] { return TryShadowStack(backend); });
  add("cold_page", false, [&] { return TryColdPage(backend); });
  return InstructionCanaries(std::move(results));
}

}  // namespace

std::string CanaryText(const CanaryResult& result) {
  return absl::StrCat(VerdictName(result.verdict), " ", result.cost_ns, " ", result.detail);
}

std::optional<CanaryResult> ParseCanaryText(const std::string& name, bool used, const std::string& text) {
  const std::vector<std::string> parts = absl::StrSplit(text, absl::MaxSplits(' ', 2));
  CanaryResult result = {name, used, CanaryVerdict::kUnknown, "", 0};
  if (parts.size() < 2 || !absl::SimpleAtoi(parts[1], &result.cost_ns)) return std::nullopt;
  for (const CanaryVerdict verdict : kVerdicts) {
    if (parts[0] == VerdictName(verdict)) result.verdict = verdict;
  }
  if (result.verdict == CanaryVerdict::kUnknown) return std::nullopt;
  if (parts.size() == 3) result.detail = parts[2];
  return result;
}

const InstructionCanaries& KernelCanaries(Backend backend, BootCache* cache) {
  static std::mutex mutex;
  static auto* const known = new std::map<Backend, InstructionCanaries>();
  const std::lock_guard lock(mutex);
  const auto found = known->find(backend);
  if (found != known->end()) return found->second;
  return known->emplace(backend, TryAll(backend, cache)).first->second;
}

}  // namespace dlog::attach
