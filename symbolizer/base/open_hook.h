// SPDX-License-Identifier: Apache-2.0
//
// Says for a while which file a library gets for a name that it opens itself: libdw opens .dwo files by the name in the
// debug information only, but what it asks for may be in a package, in the target's root or beside the binary. Works in
// programs that link symbolizer/sandbox's open(2).
#pragma once

#include <functional>

namespace dlog {

// A descriptor that the caller of open(2) then owns, or -1: open the name as usual.
using OpenHook = std::function<int(const char* path)>;

// In force for this thread while it exists; `hook` must outlive it.
class ScopedOpenHook {
 public:
  explicit ScopedOpenHook(const OpenHook* hook);
  ScopedOpenHook(const ScopedOpenHook&) = delete;
  ScopedOpenHook& operator=(const ScopedOpenHook&) = delete;
  ~ScopedOpenHook();

 private:
  const OpenHook* const before_;
};

// What the hook in force says; -1 without one. The hook itself may open files: it is not asked about those.
int OpenByHook(const char* path);

}  // namespace dlog
