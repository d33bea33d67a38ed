// SPDX-License-Identifier: Apache-2.0
//
// YAML as a small tree whose every node knows its line: what the configuration and `dlogctl apply` read. Aliases are
// expanded, tags ignored, duplicate keys refused.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace dlog {

struct YamlNode {
  enum class Kind { kNull, kScalar, kMap, kList };

  Kind kind = Kind::kNull;
  size_t line = 0;     // counted from 1
  std::string scalar;  // kScalar: as written, without quotes
  struct Entry;
  std::vector<Entry> map;      // kMap, in the order of the file
  std::vector<YamlNode> list;  // kList
};

struct YamlNode::Entry {
  std::string key;
  size_t line = 0;
  YamlNode value;
};

inline constexpr size_t kMaxYamlBytes = 1 << 20;
inline constexpr size_t kMaxYamlNodes = 100'000;  // after aliases were expanded
inline constexpr int kMaxYamlDepth = 32;

// The documents of `text`. InvalidArgument "NAME:LINE: why" when it is not YAML, has a duplicate key or is too big.
absl::StatusOr<std::vector<YamlNode>> ParseYaml(const std::string& text, const std::string& name);

// The same of a file; NotFound and the like when it cannot be read.
absl::StatusOr<std::vector<YamlNode>> ReadYamlFile(const std::string& path);

// InvalidArgument "NAME:LINE: why".
absl::Status YamlError(const std::string& name, size_t line, const std::string& why);

}  // namespace dlog
