// SPDX-License-Identifier: Apache-2.0
//
// The smallest uprobe program, and a function of this executable to put it on: how a kernel feature is tried.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/attach/boot_cache.h"
#include "daemon/attach/mapped_table.h"
#include "daemon/attach/uprobe_links.h"
#include "symbolizer/base/addresses.h"
#include "symbolizer/base/unique_fd.h"

namespace dlog::attach {

// A function whose first instruction the kernel emulates; does nothing.
extern "C" void dlog_attach_canary_site();

struct CanarySite {
  std::string path;
  FileOffset offset;
};

// Where `code` of this executable lies in its file. NotFound when /proc does not tell.
absl::StatusOr<CanarySite> LocateInSelf(const void* code);
absl::StatusOr<CanarySite> LocateCanarySite();  // of dlog_attach_canary_site

// Attached until destroyed.
class CanaryProgram {
 public:
  enum class Body {
    kCount,         // counts its hits
    kNothing,       // hits() stays 0 (benchmarks)
    kReadArgument,  // counts the hits whose first argument (rdi) points to 8 bytes that could be read; sleepable
  };
  struct Options {
    bool sleepable = false;
    Body body = Body::kCount;
    uint32_t pid = 0;  // per-process filter of the link; 0 = none
    Backend backend = Backend::kUprobeMulti;
  };
  // The failed step in the message, its errno as absl::ErrnoToStatus gives it; Unimplemented: the kernel refuses a
  // probe on this instruction.
  static absl::StatusOr<CanaryProgram> Attach(const CanarySite& site, const Options& options);

  uint64_t hits() const;
  int program_fd() const { return program_.get(); }

 private:
  struct Cell {
    uint64_t hits;
  };
  UniqueFd map_;
  UniqueFd program_;
  MappedTable<Cell> cell_;
  std::vector<UniqueFd> links_;  // last member: closed first
};

// Loads the smallest program without attaching it. Errors as CanaryProgram::Attach.
absl::Status TryLoadProgram(bool sleepable);

// True when a link's pid filter lets hits of every thread of that process through and keeps other processes out (6.10).
// Takes some tens of milliseconds. Errors as CanaryProgram::Attach.
absl::StatusOr<bool> PerProcessFilterWorks(Backend backend);

// Attaches to this process, hits the probe once and looks whether it was seen. Errors as CanaryProgram::Attach.
absl::Status TryBackend(Backend backend, bool sleepable);

// uprobe_multi unless only perf events work here. As long as neither does: uprobe_multi, whose errors say more.
Backend ChooseBackend(BootCache* cache);

}  // namespace dlog::attach
