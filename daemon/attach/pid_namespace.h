// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>

namespace dlog::attach {

// Whether process ids are to this process what they are to a BPF program. Inode of the initial pid namespace:
// PROC_PID_INIT_INO, include/linux/proc_ns.h.
inline bool InInitialPidNamespace() {
  constexpr ino_t kInitialPidNamespace = 0xEFFFFFFCU;
  struct stat info = {};
  return stat("/proc/self/ns/pid", &info) == 0 && info.st_ino == kInitialPidNamespace;
}

}  // namespace dlog::attach
