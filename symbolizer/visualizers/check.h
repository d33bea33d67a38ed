// SPDX-License-Identifier: Apache-2.0
//
// What can be said against a visualizer file without a binary: incomplete entries, expressions that do not parse.
#pragma once

#include <optional>
#include <string>

#include "google/protobuf/text_format.h"
#include "visualizer.pb.h"

namespace dlog::visualizers {

struct Misuse {
  int line = 0;  // from 1
  std::string message;
};

// The first one in `file`, whose entries stand at `places`.
std::optional<Misuse> FindMisuse(const CatalogFile& file, const google::protobuf::TextFormat::ParseInfoTree& places);

}  // namespace dlog::visualizers
