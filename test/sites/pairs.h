// SPDX-License-Identifier: Apache-2.0
//
// The statements of a program whose probe would be moved, each with what both places would log.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/attach/plan_assembler.h"
#include "daemon/pipeline/event_builder.h"

namespace dlog::test {

struct Pair {
  std::shared_ptr<const pipeline::LogpointContext> context;  // site 2k: the statement, 2k + 1: where it was moved to
  size_t statement_site = 0;
  size_t probe_site = 0;
  uint64_t statement = 0;  // link-time addresses
  uint64_t probe = 0;
  attach::AssembledPlan statement_plan;
  attach::AssembledPlan probe_plan;
  std::string where;  // for messages
};

struct PairBook {
  std::vector<Pair> pairs;
  // How many statements there are, on how many of them a cheap instruction was found, counting those that begin with
  // one; with every variable in scope captured, and with none.
  struct Share {
    uint64_t statements = 0;
    uint64_t emulated = 0;  // the statement's own instruction
    uint64_t moved = 0;
    uint64_t stepped = 0;
    uint64_t refused = 0;
    std::vector<std::string> reasons;  // of the stepped ones, why they were not moved
  };
  Share all_variables;
  Share no_variables;
};

// Every line of the source files whose path ends in one of `files` (all files named by the caller), at most `max_lines`
// of each, evenly spread.
PairBook FindPairs(const std::string& binary, const std::vector<std::string>& files, size_t max_lines);

}  // namespace dlog::test
