// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace dlog::daemon {

// The directory for inflated debug information (symbolizer/elf/inflated_debug.h), created when missing. `wanted` empty:
// the usual place, /var/cache/dlog for root, else $XDG_CACHE_HOME/dlog or ~/.cache/dlog. Empty when there is none that
// only this user can write: the worker then does without a cache.
std::string CacheDirectory(const std::string& wanted);

}  // namespace dlog::daemon
