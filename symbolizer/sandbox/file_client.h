// SPDX-License-Identifier: Apache-2.0
//
// The worker's side of the file broker.
#pragma once

#include <string>

#include "symbolizer/base/unique_fd.h"

namespace dlog::sandbox {

// From now on files are asked for on `fd`. Call once, before any thread is started.
void SetBroker(UniqueFd fd);
bool HasBroker();
// A read-only descriptor of a regular file (close-on-exec), or -1 with errno set: EACCES when the policy forbids the
// path. Thread-safe.
int OpenThroughBroker(const char* path);
// The path under which `fd` was opened through the broker; empty when it was not. Thread-safe.
std::string BrokeredPath(int fd);

}  // namespace dlog::sandbox
