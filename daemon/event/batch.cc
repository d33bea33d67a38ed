// SPDX-License-Identifier: Apache-2.0
#include "daemon/event/batch.h"

#include <algorithm>

namespace dlog::event {

Source* Batch::AddSource(const void* logpoint, const void* site) {
  return &sources_.emplace_back(new KeyedSource{logpoint, site, {}})->source;
}

const Source* Batch::FindSource(const void* logpoint, const void* site) const {
  // The last one first: hits come in runs.
  const auto found = std::find_if(sources_.rbegin(), sources_.rend(),
                                  [&](const auto& each) { return each->logpoint == logpoint && each->site == site; });
  return found == sources_.rend() ? nullptr : &(*found)->source;
}

void Batch::Clear() {
  events_.clear();
  sources_.clear();
  owners_.clear();
  storage_.Clear();
}

}  // namespace dlog::event
