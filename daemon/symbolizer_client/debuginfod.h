// SPDX-License-Identifier: Apache-2.0
//
// Debug files from debuginfod servers, through elfutils' client. Opt-in: without servers nothing is ever asked. The
// daemon fetches, because the worker has no network; what comes back is untrusted like any debug file, and only the
// worker reads it. The client keeps what it has fetched in its own cache (DEBUGINFOD_CACHE_PATH).
#pragma once

#include <string>

#include "symbolizer/base/unique_fd.h"

namespace dlog::daemon {

class Debuginfod {
 public:
  // No servers.
  Debuginfod() = default;
  // The servers of DEBUGINFOD_URLS, if any.
  static Debuginfod FromEnvironment();
  // For a daemon: `urls` (separated by spaces) when not empty, else DEBUGINFOD_URLS; the cache below `cache_directory`
  // unless DEBUGINFOD_CACHE_PATH names one. Sets environment variables, which are how elfutils' client is configured:
  // call it before other threads run.
  static Debuginfod Configure(const std::string& urls, const std::string& cache_directory);

  bool enabled() const { return enabled_; }
  // The debug file of a build-id in lower-case hexadecimal. None and *error: EACCES without servers, EINVAL for no
  // build-id, ENOENT when no server has it, ETIMEDOUT after kMostSeconds, else what went wrong. Thread-safe.
  UniqueFd Fetch(const std::string& build_id, int* error) const;

  static constexpr int kMostSeconds = 90;

 private:
  explicit Debuginfod(bool enabled) : enabled_(enabled) {}
  bool enabled_ = false;
};

}  // namespace dlog::daemon
