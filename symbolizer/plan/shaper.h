// SPDX-License-Identifier: Apache-2.0
//
// Applies visualizers to the types of one binary: decides which struct types have a Shape and where its parts are.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "plan.pb.h"
#include "symbolizer/dwarf/type_graph.h"
#include "symbolizer/visualizers/catalog.h"

namespace dlog::plan {

// Sets Type::shape of struct and union types where a visualizer matches and everything it names exists in the binary's
// own DWARF; expands element types. One per type graph. Idempotent per type.
class Shaper {
 public:
  Shaper(const visualizers::Catalog& catalog, dwarf::TypeGraph* types) : catalog_(catalog), types_(types) {}
  // Decides about `type`; returns its shape (kind NONE when it has none). The reference is invalidated by further
  // types.
  const v1::Shape& ShapeOf(uint32_t type);
  // Types for which a visualizer was meant but none fits, each with what the last one misses; and each visualizer of a
  // user's that does not fit.
  const std::vector<std::string>& misfits() const { return misfits_; }

 private:
  bool HasBase(uint32_t type, const std::string& pattern);
  void AddMisfit(std::string text);

  const visualizers::Catalog& catalog_;
  dwarf::TypeGraph* types_;
  std::set<uint32_t> decided_;
  std::vector<std::string> misfits_;
};

}  // namespace dlog::plan
