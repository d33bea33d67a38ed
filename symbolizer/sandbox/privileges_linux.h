// SPDX-License-Identifier: Apache-2.0
//
// Giving up what a process is allowed to do, for good.
#pragma once

#include <sys/types.h>

#include <optional>

#include "absl/status/status.h"

namespace dlog::sandbox {

struct Account {
  uid_t uid = 0;
  gid_t gid = 0;
};

// Becomes `account` when given (needs CAP_SETUID and CAP_SETGID), and gives up every capability in every set. For the
// calling thread, so call it before others are started. An error unless what is left was read back and is nothing.
absl::Status DropPrivileges(const std::optional<Account>& account);

}  // namespace dlog::sandbox
