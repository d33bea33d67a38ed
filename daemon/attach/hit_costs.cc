// SPDX-License-Identifier: Apache-2.0
#include "daemon/attach/hit_costs.h"

#include <bpf/libbpf.h>

#include <algorithm>

namespace dlog::attach {
namespace {

void Take(const InstructionCanaries& canaries, const char* name, int64_t* cost) {
  const CanaryResult* result = canaries.Find(name);
  if (result != nullptr && result->cost_ns > 0) *cost = result->cost_ns;
}

}  // namespace

HitCosts CostsOf(const InstructionCanaries& canaries) {
  HitCosts costs;
  costs.processors = static_cast<uint32_t>(std::max(1, libbpf_num_possible_cpus()));
  Take(canaries, "push", &costs.emulated_ns);
  Take(canaries, "stepped", &costs.stepped_ns);
  return costs;
}

}  // namespace dlog::attach
