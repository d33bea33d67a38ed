// SPDX-License-Identifier: Apache-2.0
//
// v1::Target -> the ELF files to resolve in and how to open them, and which process to attach to.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/targets/memory_map.h"
#include "daemon/targets/process.h"
#include "logpoint.pb.h"

namespace dlog::daemon {

struct TargetModule {
  std::string display_path;  // as the target names it: "/usr/bin/shopd"
  std::string
      open_path;  // as this process opens it: "/proc/PID/root/..." or, replaced on disk, "/proc/PID/map_files/..."
};

struct FoundTarget {
  int32_t pid = 0;                    // 0: every process that maps the module
  std::vector<TargetModule> modules;  // the executable first; at least one
  std::string root = "/";             // where the target's separate debug files are looked for
  bool shadow_stack = false;          // some process of the target runs with a shadow stack
  std::vector<std::string> warnings;  // one line each, for the user
};

// Thread-safe: reads /proc at each call and keeps nothing.
class TargetFinder {
 public:
  explicit TargetFinder(std::string proc = "/proc") : proc_(std::move(proc)) {}

  // NotFound (no such process or file), PermissionDenied, InvalidArgument (no target named), Unimplemented (a kind of
  // selector that this version lacks), FailedPrecondition (exited, kernel thread, text copied to other memory), all
  // with a hint.
  absl::StatusOr<FoundTarget> Find(const v1::Target& target) const;

 private:
  absl::StatusOr<FoundTarget> FindProcess(int32_t pid) const;
  absl::StatusOr<FoundTarget> FindFile(const TargetModule& module) const;
  absl::StatusOr<FoundTarget> FindComm(const std::string& comm) const;
  absl::StatusOr<TargetModule> ModuleOf(int32_t pid, const Mapping& mapping) const;
  std::string ExeOf(int32_t pid) const;

  const std::string proc_;
};

}  // namespace dlog::daemon
