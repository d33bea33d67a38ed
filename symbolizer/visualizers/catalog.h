// SPDX-License-Identifier: Apache-2.0
//
// The visualizers: loading and matching by type name. Knows no DWARF; plan/shaper applies them to a binary's types.
#pragma once

#include <string>
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
  // Adds the visualizers of a text-format CatalogFile, behind those that are there: earlier ones win. InvalidArgument
  // "NAME:LINE: why"; then nothing was added. `name` is that of a user's file; empty: one that is built in.
  absl::Status Add(std::string_view text, std::string_view name);
  absl::Status AddBuiltIn();

  // The visualizers with a pattern that matches the raw type name, best first.
  std::vector<const Visualizer*> Matches(std::string_view raw_type_name) const;
  // "FILE:LINE" of one that a user wrote; empty for those that are built in.
  std::string_view OriginOf(const Visualizer& visualizer) const;

 private:
  CatalogFile file_;
  std::vector<std::string> origins_;  // of each in file_
};

// '*' matches any run of characters.
bool MatchesPattern(std::string_view pattern, std::string_view text);

}  // namespace dlog::visualizers
