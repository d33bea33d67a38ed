// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <set>

namespace dlog::daemon {

// Somebody who tells when processes come or go, until it is destroyed.
class ProcessWatch {
 public:
  virtual ~ProcessWatch() = default;
  // From now on only these need be told of; without a value, all. More may be. Owner thread.
  virtual void Only(const std::optional<std::set<int32_t>>& processes) { (void)processes; }
};

}  // namespace dlog::daemon
