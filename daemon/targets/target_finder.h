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
  // A logpoint in the executable itself (the first module) covers every process that runs it, now and later; `pid` is
  // only an example of them.
  bool whole_program = false;
  bool shadow_stack = false;          // some process of the target runs with a shadow stack
  bool leader_exited = false;         // the process lives on in other threads
  std::vector<std::string> warnings;  // one line each, for the user
};

// Thread-safe: reads /proc at each call and keeps nothing.
class TargetFinder {
 public:
  explicit TargetFinder(std::string proc = "/proc") : proc_(std::move(proc)) {}

  // NotFound (no such process or file), PermissionDenied, InvalidArgument (no target named), Unimplemented (a kind of
  // selector that this version lacks), FailedPrecondition (exited, kernel thread, text copied to other memory), all
  // with a hint. Not `look_at_processes`: of a file that -x names only what the file says, not what the processes do
  // that map it; enough to know its build, not to probe it.
  absl::StatusOr<FoundTarget> Find(const v1::Target& target, bool look_at_processes = true) const;

  // Names what the target is now: another text means that it should be looked at again (a process runs another program,
  // a file was replaced, a first process has come). Empty: there is nothing yet, or no longer. With a pid it also tells
  // apart processes that have the same number one after the other, over restarts of the machine.
  std::string Fingerprint(const v1::Target& target) const;

 private:
  absl::StatusOr<FoundTarget> FindProcess(int32_t pid) const;
  absl::StatusOr<FoundTarget> FindFile(const TargetModule& module, bool look_at_processes) const;
  struct Selected;
  // The running processes that match all selectors, by the program they run.
  std::vector<Selected> Select(const google::protobuf::RepeatedPtrField<std::string>& selectors) const;
  bool Matches(const ProcessStat& process, const std::string& selector) const;
  absl::StatusOr<FoundTarget> FindSelected(const google::protobuf::RepeatedPtrField<std::string>& selectors) const;
  bool OthersRun(const Selected& program) const;
  absl::StatusOr<TargetModule> ModuleOf(int32_t pid, const Mapping& mapping) const;
  std::string ExeOf(int32_t pid) const;

  const std::string proc_;
};

}  // namespace dlog::daemon
