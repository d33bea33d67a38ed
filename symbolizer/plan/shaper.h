// SPDX-License-Identifier: Apache-2.0
//
// Applies visualizers to the types of one binary: decides which struct types have a Shape and where its parts are.
#pragma once

#include <cstdint>
#include <set>
#include <string_view>

#include "absl/status/statusor.h"
#include "plan.pb.h"
#include "symbolizer/dwarf/type_graph.h"
#include "symbolizer/visualizers/catalog.h"

namespace dlog::plan {

// Sets Type::shape of struct types where a visualizer matches and all its paths exist in the binary's own DWARF;
// expands element types. One per type graph. Idempotent per type.
class Shaper {
 public:
  Shaper(const visualizers::Catalog& catalog, dwarf::TypeGraph* types) : catalog_(catalog), types_(types) {}
  // Decides about `type`; returns its shape (kind NONE when it has none). The reference is invalidated by further
  // types.
  const v1::Shape& ShapeOf(uint32_t type);

 private:
  absl::Status Apply(const visualizers::Visualizer& visualizer, uint32_t type, v1::Shape* shape);
  absl::Status ApplySequence(const visualizers::Sequence& sequence, uint32_t type, v1::Shape* shape);
  absl::Status ResolvePointer(uint32_t type, std::string_view path, v1::Shape* shape, v1::Node* out);
  absl::Status Resolve(uint32_t type, std::string_view path, v1::Node* out);

  const visualizers::Catalog& catalog_;
  dwarf::TypeGraph* types_;
  std::set<uint32_t> decided_;
};

// The member of an object of `type` at `path` (syntax: visualizer.proto), as an object Node over `self`. NotFound names
// the step that is missing.
absl::StatusOr<v1::Node> ResolvePath(dwarf::TypeGraph* types, uint32_t type, std::string_view path);

}  // namespace dlog::plan
