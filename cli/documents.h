// SPDX-License-Identifier: Apache-2.0
//
// Logpoints as YAML documents: what `apply` reads and `export` writes.
//
//   name: slow-orders
//   target: {exe: /usr/bin/shopd}
//   location: order.cc:42
//   text: "order {o.id}"
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "logpoint.pb.h"

namespace dlog::cli {

// One spec per document, each with a name; "-" is standard input. InvalidArgument "FILE:LINE: why" for unknown keys,
// wrong values, missing keys and names that are there twice.
absl::StatusOr<std::vector<v1::LogpointSpec>> ReadDocuments(const std::string& path);
absl::StatusOr<std::vector<v1::LogpointSpec>> ParseDocuments(const std::string& text, const std::string& name);

// What apply knows the logpoint by: its name, or its id when it has none.
const std::string& DocumentName(const v1::LogpointSpec& spec);

// A document that reads back as `spec`, but for the id; a spec without a name gets its id as one.
std::string WriteDocument(const v1::LogpointSpec& spec);

// The same logpoint, whatever its id, as the daemon keeps it: with defaults filled in and limits clamped.
bool SameLogpoint(v1::LogpointSpec a, v1::LogpointSpec b);

}  // namespace dlog::cli
