// SPDX-License-Identifier: Apache-2.0
//
// The visualizers: loading and matching by type name. Knows no DWARF; plan/shaper applies them to a binary's types.
#pragma once

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "visualizer.pb.h"

namespace dlog::visualizers {

// Immutable after construction.
class Catalog {
 public:
  // The visualizers that are built in.
  static absl::StatusOr<Catalog> BuiltIn();
  // Adds the visualizers of a text-format Catalog; earlier ones win. InvalidArgument names the line.
  absl::Status Add(std::string_view text);

  // The visualizers with a pattern that matches the raw type name, best first.
  std::vector<const Visualizer*> Matches(std::string_view raw_type_name) const;

 private:
  CatalogFile file_;
};

// '*' matches any run of characters.
bool MatchesPattern(std::string_view pattern, std::string_view text);

}  // namespace dlog::visualizers
