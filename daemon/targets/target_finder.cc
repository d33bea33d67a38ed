// SPDX-License-Identifier: Apache-2.0
#include "daemon/targets/target_finder.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "daemon/targets/small_file.h"
#include "symbolizer/base/status_hint.h"

namespace dlog::daemon {
namespace {

constexpr size_t kMaxModules = 4096;
constexpr size_t kMaxListed = 8;   // processes named in an error message
constexpr size_t kCommBytes = 15;  // TASK_COMM_LEN - 1: longer names are cut by the kernel

constexpr size_t kMaxCgroupBytes = 1 << 16;
constexpr std::string_view kComm = "comm:";
constexpr std::string_view kUnit = "unit:";

absl::Status CheckSelectors(const google::protobuf::RepeatedPtrField<std::string>& selectors) {
  for (const std::string_view selector : selectors) {
    const bool known = (selector.substr(0, kComm.size()) == kComm || selector.substr(0, kUnit.size()) == kUnit) &&
                       selector.size() > kComm.size();
    if (known && selector.find('/') == std::string_view::npos) continue;
    return WithHint(absl::UnimplementedError(fmt::format("target '{}' is not supported by this version", selector)),
                    "use -p PID, -x PATH, -t comm:NAME or -t unit:NAME.service");
  }
  return absl::OkStatus();
}

// "is named shopd", "is of unit shopd.service".
std::string Describe(const google::protobuf::RepeatedPtrField<std::string>& selectors) {
  std::string out;
  for (const std::string& selector : selectors) {
    const bool comm = selector.compare(0, kComm.size(), kComm) == 0;
    out += fmt::format("{}{} {}", out.empty() ? "" : " and ", comm ? "is named" : "is of unit",
                       selector.substr(kComm.size()));
  }
  return out;
}

std::string_view BaseName(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

bool SameFile(const struct stat& a, const struct stat& b) { return a.st_dev == b.st_dev && a.st_ino == b.st_ino; }

absl::Status Remapped(const std::string& path) {
  return WithHint(
      absl::FailedPreconditionError(
          fmt::format("{} runs its code from memory that is not the file (text copied to huge pages?)", path)),
      "a probe there would never fire or would crash the copy; switch the text remapping off in the target");
}

// Files of a process that hold code, each once, the executable's own first.
std::vector<size_t> CodeFiles(const std::vector<Mapping>& maps, const std::string& exe) {
  std::vector<size_t> files;
  std::set<std::tuple<uint32_t, uint32_t, uint64_t>> seen;
  for (size_t i = 0; i < maps.size() && files.size() < kMaxModules; ++i) {
    const Mapping& m = maps[i];
    if (!m.executable || !m.is_file()) continue;
    if (seen.insert({m.device_major, m.device_minor, m.inode}).second) files.push_back(i);
  }
  std::stable_sort(files.begin(), files.end(),
                   [&](size_t a, size_t b) { return (maps[a].path == exe) > (maps[b].path == exe); });
  return files;
}

}  // namespace

std::string TargetFinder::ExeOf(int32_t pid) const {
  std::array<char, 4096> path;
  const ssize_t length = readlink(fmt::format("{}/{}/exe", proc_, pid).c_str(), path.data(), path.size());
  if (length <= 0) return "";
  std::string exe(path.data(), static_cast<size_t>(length));
  constexpr std::string_view kDeleted = " (deleted)";
  if (exe.size() > kDeleted.size() && std::string_view(exe).substr(exe.size() - kDeleted.size()) == kDeleted) {
    exe.resize(exe.size() - kDeleted.size());
  }
  return exe;
}

// The path through the target's root is preferred, because it stays valid when the mapping goes; but only when it is
// still the file that is mapped. A file replaced or deleted on disk is reached through its mapping.
absl::StatusOr<TargetModule> TargetFinder::ModuleOf(int32_t pid, const Mapping& mapping) const {
  const std::string by_root = fmt::format("{}/{}/root{}", proc_, pid, mapping.path);
  const std::string by_map = fmt::format("{}/{}/map_files/{:x}-{:x}", proc_, pid, mapping.start, mapping.end);
  struct stat root_info, map_info;
  const bool root_ok = !mapping.deleted && stat(by_root.c_str(), &root_info) == 0;
  if (stat(by_map.c_str(), &map_info) == 0) {
    return TargetModule{mapping.path, root_ok && SameFile(root_info, map_info) ? by_root : by_map};
  }
  // map_files needs CAP_CHECKPOINT_RESTORE; without it the inode number alone has to do.
  if (root_ok && root_info.st_ino == mapping.inode) return TargetModule{mapping.path, by_root};
  return absl::NotFoundError(
      fmt::format("{}: the file that process {} maps is no longer at this path", mapping.path, pid));
}

absl::StatusOr<FoundTarget> TargetFinder::FindProcess(int32_t pid) const {
  auto process = ReadProcessStat(proc_, pid);
  if (!process.ok()) return process.status();
  if (process->tgid != pid) {
    return WithHint(absl::InvalidArgumentError(fmt::format("{} is a thread of process {}", pid, process->tgid)),
                    fmt::format("use -p {}", process->tgid));
  }
  if (process->ended()) {
    return WithHint(absl::FailedPreconditionError(fmt::format("process {} ({}) has exited", pid, process->comm)),
                    "it is a zombie that its parent has not reaped; there is nothing left to probe");
  }
  if (pid == getpid()) {
    return WithHint(absl::FailedPreconditionError(fmt::format("process {} is dlog itself", pid)),
                    "a logpoint here would log its own logging; choose another process");
  }
  auto maps = ReadMaps(proc_, process->view);
  if (!maps.ok()) return maps.status();
  if (maps->empty()) {
    return WithHint(
        absl::FailedPreconditionError(fmt::format("process {} ({}) has no memory of its own", pid, process->comm)),
        "it is a kernel thread, or it is just exiting; logpoints need a user-space program");
  }
  FoundTarget found;
  found.pid = pid;
  found.leader_exited = process->view != pid;
  found.root = fmt::format("{}/{}/root", proc_, process->view);
  found.shadow_stack = process->shadow_stack;
  const std::string exe = ExeOf(process->view);
  for (const size_t i : CodeFiles(*maps, exe)) {
    const Mapping& mapping = (*maps)[i];
    if (TextIsRemapped(*maps, i)) {
      if (mapping.path == exe) return Remapped(exe);
      found.warnings.push_back(std::string(Remapped(mapping.path).message()) + "; left out");
      continue;
    }
    auto module = ModuleOf(process->view, mapping);
    if (module.ok()) {
      found.modules.push_back(*std::move(module));
    } else {
      found.warnings.push_back(std::string(module.status().message()) + "; left out");
    }
  }
  const auto runs = [&](const Mapping& m) { return m.executable && m.is_file(); };
  if (std::none_of(maps->begin(), maps->end(), runs)) {
    return WithHint(absl::FailedPreconditionError(fmt::format(
                        "process {} ({}) runs no code of a file: it is just starting, or its code was copied "
                        "to other memory",
                        pid, process->comm)),
                    "try again; if it stays so, switch the text remapping (huge pages) off in the target");
  }
  const auto runs_exe = [&](const Mapping& m) { return runs(m) && m.path == exe; };
  if (!exe.empty() && std::none_of(maps->begin(), maps->end(), runs_exe)) return Remapped(exe);
  if (found.modules.empty()) {
    return WithHint(absl::FailedPreconditionError(
                        fmt::format("none of the files that process {} ({}) runs can be opened", pid, process->comm)),
                    found.warnings.empty() ? "run dlogd as root" : found.warnings.front());
  }
  return found;
}

absl::StatusOr<FoundTarget> TargetFinder::FindFile(const TargetModule& module, bool look_at_processes) const {
  struct stat info;
  if (stat(module.open_path.c_str(), &info) != 0) {
    const int error = errno;
    return WithHint(absl::ErrnoToStatus(error, module.display_path),
                    "-x takes the path of a program or shared library as dlogd sees it; for a file inside a container "
                    "name one of its processes with -p");
  }
  if (!S_ISREG(info.st_mode)) {
    return WithHint(absl::InvalidArgumentError(fmt::format("{} is not a regular file", module.display_path)),
                    "-x takes the path of a program or shared library");
  }
  FoundTarget found;
  found.modules.push_back(module);
  if (!look_at_processes) return found;
  int processes = 0;
  for (const int32_t pid : ListProcesses(proc_)) {
    if (!MayMapCode(proc_, pid, info.st_ino)) continue;
    auto maps = ReadMaps(proc_, pid);
    if (!maps.ok()) continue;  // gone meanwhile, or a kernel thread
    for (size_t i = 0; i < maps->size(); ++i) {
      const Mapping& m = (*maps)[i];
      // Device numbers in maps differ from stat's on some file systems (btrfs, overlayfs), so the name stands in.
      if (!m.executable || m.inode != info.st_ino || BaseName(m.path) != BaseName(module.display_path)) continue;
      if (TextIsRemapped(*maps, i)) return WithContext(Remapped(m.path), fmt::format("process {}", pid));
      ++processes;
      auto stat = ReadProcessStat(proc_, pid);
      found.shadow_stack = found.shadow_stack || (stat.ok() && stat->shadow_stack);
      break;
    }
  }
  if (processes == 0) {
    found.warnings.push_back(
        fmt::format("no running process maps {}; processes started from now on are covered", module.display_path));
  }
  return found;
}

struct TargetFinder::Selected {
  dev_t device = 0;
  ino_t inode = 0;
  std::string exe;
  std::vector<int32_t> pids;
};

// "comm:NAME" or "unit:NAME.service"; others match nothing (CheckSelectors has refused them).
bool TargetFinder::Matches(const ProcessStat& process, const std::string& selector) const {
  if (selector.compare(0, kComm.size(), kComm) == 0) {
    return process.comm == selector.substr(kComm.size()).substr(0, kCommBytes);
  }
  if (selector.compare(0, kUnit.size(), kUnit) != 0) return false;
  // The unit is a directory of the process's cgroup path: "0::/system.slice/shopd.service".
  auto cgroups = ReadSmallFile(fmt::format("{}/{}/cgroup", proc_, process.pid), kMaxCgroupBytes);
  if (!cgroups.ok()) return false;
  const std::string directory = "/" + selector.substr(kUnit.size());
  for (size_t at = cgroups->find(directory); at != std::string::npos; at = cgroups->find(directory, at + 1)) {
    const size_t end = at + directory.size();
    if (end == cgroups->size() || (*cgroups)[end] == '/' || (*cgroups)[end] == '\n') return true;
  }
  return false;
}

std::vector<TargetFinder::Selected> TargetFinder::Select(
    const google::protobuf::RepeatedPtrField<std::string>& selectors) const {
  std::map<std::pair<dev_t, ino_t>, Selected> programs;
  for (const int32_t pid : ListProcesses(proc_)) {
    auto process = ReadProcessStat(proc_, pid);
    if (!process.ok() || process->ended() || pid == getpid()) continue;
    const auto matches = [&](const std::string& selector) { return Matches(*process, selector); };
    struct stat info;
    if (!std::all_of(selectors.begin(), selectors.end(), matches) ||
        stat(fmt::format("{}/{}/exe", proc_, pid).c_str(), &info) != 0) {
      continue;
    }
    Selected& program = programs[{info.st_dev, info.st_ino}];
    program.device = info.st_dev;
    program.inode = info.st_ino;
    program.exe = ExeOf(pid);
    program.pids.push_back(pid);
  }
  std::vector<Selected> out;
  out.reserve(programs.size());
  for (auto& [key, program] : programs) out.push_back(std::move(program));
  return out;
}

// Whether processes that were not selected run the program too.
bool TargetFinder::OthersRun(const Selected& program) const {
  for (const int32_t pid : ListProcesses(proc_)) {
    struct stat info;
    if (std::find(program.pids.begin(), program.pids.end(), pid) == program.pids.end() &&
        stat(fmt::format("{}/{}/exe", proc_, pid).c_str(), &info) == 0 && info.st_dev == program.device &&
        info.st_ino == program.inode) {
      return true;
    }
  }
  return false;
}

absl::StatusOr<FoundTarget> TargetFinder::FindSelected(
    const google::protobuf::RepeatedPtrField<std::string>& selectors) const {
  const std::vector<Selected> programs = Select(selectors);
  const std::string what = Describe(selectors);
  size_t processes = 0;
  for (const Selected& program : programs) processes += program.pids.size();
  if (processes == 0) {
    return WithHint(absl::NotFoundError(fmt::format("no process {}", what)),
                    "comm:NAME is the name that `ps -o comm` shows (at most 15 characters), unit:NAME.service one of "
                    "systemd's units; -x PATH covers processes that start later");
  }
  if (programs.size() > 1) {
    std::string list;
    size_t listed = 0;
    for (const Selected& program : programs) {
      for (const int32_t pid : program.pids) {
        if (++listed <= kMaxListed) list += fmt::format("{}{} {}", list.empty() ? "" : ", ", pid, program.exe);
      }
    }
    return WithHint(
        absl::FailedPreconditionError(fmt::format("{} processes of {} different programs {}: {}{}", processes,
                                                  programs.size(), what, list, listed > kMaxListed ? ", ..." : "")),
        "name one with -p PID, or one program with -x PATH");
  }
  const Selected& program = programs.front();
  const int32_t pid = program.pids.front();
  if (processes == 1) {
    auto found = FindProcess(pid);
    if (found.ok()) found->whole_program = !OthersRun(program);
    return found;
  }
  auto found = FindFile({program.exe, fmt::format("{}/{}/exe", proc_, pid)}, true);
  if (!found.ok()) return found.status();
  found->root = fmt::format("{}/{}/root", proc_, pid);
  found->warnings.push_back(
      fmt::format("{} processes {}: every process that runs {} is covered", processes, what, program.exe));
  return found;
}

std::string TargetFinder::Fingerprint(const v1::Target& target) const {
  struct stat info;
  const auto file = [&info] { return fmt::format("{}:{}", info.st_dev, info.st_ino); };
  if (target.pid() != 0) {
    auto process = ReadProcessStat(proc_, target.pid());
    if (!process.ok() || process->ended()) return "";
    auto boot = ReadSmallFile(proc_ + "/sys/kernel/random/boot_id", kMaxCgroupBytes);
    // A process that is ending loses its program before it counts as ended.
    if (stat(fmt::format("{}/{}/exe", proc_, process->view).c_str(), &info) != 0) return "";
    return fmt::format("pid {} {} {}", boot.ok() ? boot->substr(0, boot->find('\n')) : "?", process->start_ticks,
                       file());
  }
  if (target.selectors().empty()) {
    if (stat(target.exe_path().c_str(), &info) != 0) return "";
    return fmt::format("file {} {} {}.{}", file(), info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
  }
  std::string out;
  for (const Selected& program : Select(target.selectors())) {
    out += fmt::format("{}{}:{}", out.empty() ? "programs " : " ", program.device, program.inode);
  }
  return out;
}

absl::StatusOr<FoundTarget> TargetFinder::Find(const v1::Target& target, bool look_at_processes) const {
  if (auto status = CheckSelectors(target.selectors()); !status.ok()) return status;
  if (target.pid() < 0) return absl::InvalidArgumentError(fmt::format("{} is not a process id", target.pid()));
  if (!target.exe_path().empty() && target.exe_path().front() != '/') {
    return absl::InvalidArgumentError(fmt::format("{} is not an absolute path", target.exe_path()));
  }
  if (target.pid() == 0 && target.selectors().empty()) {
    if (!target.exe_path().empty()) return FindFile({target.exe_path(), target.exe_path()}, look_at_processes);
    return WithHint(absl::InvalidArgumentError("no target is named"),
                    "use -p PID, -x PATH, -t comm:NAME or -t unit:NAME.service");
  }

  if (target.pid() != 0 && !target.selectors().empty()) {
    auto process = ReadProcessStat(proc_, target.pid());
    if (!process.ok()) return process.status();
    for (const std::string& selector : target.selectors()) {
      if (Matches(*process, selector)) continue;
      return WithHint(
          absl::NotFoundError(fmt::format("process {} ({}) does not match {}", target.pid(), process->comm, selector)),
          "several target options must all match");
    }
  }
  auto found = target.pid() != 0 ? FindProcess(target.pid()) : FindSelected(target.selectors());
  if (!found.ok() || target.exe_path().empty()) return found;
  // -x narrows a process down to one of its files.
  std::vector<TargetModule> kept;
  for (TargetModule& module : found->modules) {
    if (module.display_path == target.exe_path()) kept.push_back(std::move(module));
  }
  if (kept.empty()) {
    return WithHint(absl::NotFoundError(fmt::format("the target does not map {}", target.exe_path())),
                    "several target options must all match");
  }
  found->modules = std::move(kept);
  return found;
}

}  // namespace dlog::daemon
