// SPDX-License-Identifier: Apache-2.0
//
// Where functions begin, as sites that note the time for the returns that ask how long the call took, and keep the
// registers of arguments for the sites whose variables have no other trace.
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
  // What a site wants of the start of its function's calls.
  struct Wish {
    bool timed = false;
    uint32_t keeps = 0;  // as Statement.keeps
  };

  // Both outlive this. `keeps`: registers may be asked for.
  Entries(const dwarf::Module& module, SiteFinder* finder, bool keeps)
      : module_(module), finder_(finder), keeps_(keeps) {}

  // Why nobody can tell what the call began with that is going on at `site`; empty when it can be told.
  const std::string& ObstacleOf(const StatementSite& site) { return Find(site).obstacle; }
  // Whether each call has passed the entry's probe before it comes to `probe`.
  bool IsBehind(const StatementSite& site, LinkAddress probe);
  // The entry of the function of `site`, of which there is no obstacle: 1 + its index in `resolved->entries`, where it
  // is added once.
  uint32_t Use(const StatementSite& site, Wish wish, v1::ResolvedLogpoint* resolved);

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
  const bool keeps_;
  std::map<uint64_t, Entry> entries_;  // by address
};

}  // namespace dlog::symbolizer
