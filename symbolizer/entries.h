// SPDX-License-Identifier: Apache-2.0
//
// Where functions begin, as sites that note the time for the returns that ask how long the call took.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "plan.pb.h"
#include "symbolizer/dwarf/module.h"
#include "symbolizer/site_finder.h"
#include "symbolizer/statements.h"

namespace dlog::symbolizer {

// Not thread-safe.
class Entries {
 public:
  // Both outlive this.
  Entries(const dwarf::Module& module, SiteFinder* finder) : module_(module), finder_(finder) {}

  // Why nobody can tell when the call that ends at `site`, a return, began; empty when it can be told.
  const std::string& ObstacleOf(const StatementSite& site) { return Find(site).obstacle; }
  // The entry of the function that returns at `site`, of which there is no obstacle: 1 + its index in
  // `resolved->entries`, where it is added once.
  uint32_t Use(const StatementSite& site, v1::ResolvedLogpoint* resolved);

 private:
  struct Entry {
    std::string obstacle;
    v1::Statement statement;
    uint32_t number = 0;
  };
  Entry& Find(const StatementSite& site);
  // Fills in entry->statement; returns the obstacle.
  std::string Make(const StatementSite& site, v1::Statement* statement);

  const dwarf::Module& module_;
  SiteFinder* const finder_;
  std::map<uint64_t, Entry> entries_;  // by address
};

}  // namespace dlog::symbolizer
