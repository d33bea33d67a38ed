// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "absl/status/status.h"
#include "daemon/attach/boot_cache.h"

namespace dlog::attach {

// Whether this kernel gives out the vector registers of a probed thread exactly: tried on threads of this process with
// known values, unless `cache` knows. OK when at least one hit was exact and none was wrong; FailedPrecondition says
// what was seen. Takes some tenths of a second the first time.
absl::Status VectorRegistersWork(BootCache* cache);

}  // namespace dlog::attach
