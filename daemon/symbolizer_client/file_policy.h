// SPDX-License-Identifier: Apache-2.0
//
// Which files a worker may read for one request. Names come from hostile ELF and DWARF, so the answer depends on the
// request first: the modules and debug file that it names, what lies beside them, and the debug directories.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "plan.pb.h"
#include "symbolizer/base/unique_fd.h"

namespace dlog::daemon {

// Thread-compatible.
class FilePolicy {
 public:
  explicit FilePolicy(const v1::SymbolizerRequest& request);

  // A read-only descriptor of the regular file `path`, or none and *error: EACCES when the policy forbids it, else why
  // it cannot be opened. Never blocks on a FIFO or a device.
  //
  // Handed out: the request's modules and debug file; ELF files (by their first bytes) below its debug directories (the
  // target's and our own), in the directory of a module or of the debug file and in .debug/ there; ELF files named
  // *.dwo or *.dwp anywhere; the kernel's boot id. A target with a root of its own is read inside it: its symbolic
  // links cannot lead out.
  UniqueFd Open(const std::string& path, int* error) const;

 private:
  enum class Verdict { kForbidden, kNamed, kIfElf, kIfSplitDwarf };
  Verdict Judge(const std::string& path) const;
  UniqueFd OpenRaw(const std::string& path) const;

  std::string root_;                      // "/proc/PID/root"; empty = ours
  std::set<std::string> named_;           // as the request spells them
  std::set<std::string> beside_;          // directories whose files (and .debug/ files) are allowed
  std::vector<std::string> debug_trees_;  // below root_ or ours, each ends with '/'
};

}  // namespace dlog::daemon
