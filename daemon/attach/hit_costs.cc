// SPDX-License-Identifier: Apache-2.0
#include "daemon/attach/hit_costs.h"

#include <bpf/libbpf.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "daemon/attach/canary_program.h"

namespace dlog::attach {
namespace {

constexpr int kBatches = 5;
constexpr int kHits = 40;  // per batch

int64_t ThreadNanoseconds() {
  timespec now = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// The best of some batches: what disturbs a measurement makes it longer.
std::optional<int64_t> Measure(uint64_t instruction_offset) {
  auto site = LocateCanarySite();
  if (!site.ok()) return std::nullopt;
  site->offset.value += instruction_offset;
  auto canary = CanaryProgram::Attach(*site, {.pid = static_cast<uint32_t>(getpid())});
  if (!canary.ok()) return std::nullopt;
  int64_t best = INT64_MAX;
  for (int batch = 0; batch < kBatches; ++batch) {
    const int64_t start = ThreadNanoseconds();
    for (int i = 0; i < kHits; ++i) dlog_attach_canary_site();
    best = std::min(best, (ThreadNanoseconds() - start) / kHits);
  }
  return std::max<int64_t>(1, best);
}

void Known(BootCache* cache, const char* key, uint64_t instruction_offset, int64_t* out) {
  int64_t value = 0;
  const auto known = cache->Get(key);
  if (known.has_value() && absl::SimpleAtoi(*known, &value) && value > 0) {
    *out = value;
    return;
  }
  const auto measured = Measure(instruction_offset);
  if (!measured.has_value()) return;
  *out = *measured;
  cache->Put(key, absl::StrCat(*measured));
}

}  // namespace

HitCosts MeasureHitCosts(BootCache* cache) {
  HitCosts costs;
  costs.processors = static_cast<uint32_t>(std::max(1, libbpf_num_possible_cpus()));
  // The canary is push %rbp, which is emulated, and pop %rbp, which is stepped.
  Known(cache, "cost_emulated_ns", 0, &costs.emulated_ns);
  Known(cache, "cost_stepped_ns", 1, &costs.stepped_ns);
  return costs;
}

}  // namespace dlog::attach
