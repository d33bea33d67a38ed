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

#include "symbolizer/base/status_hint.h"

namespace dlog::daemon {
namespace {

constexpr size_t kMaxModules = 4096;
constexpr size_t kMaxListed = 8;   // processes named in an error message
constexpr size_t kCommBytes = 15;  // TASK_COMM_LEN - 1: longer names are cut by the kernel

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
  auto maps = ReadMaps(proc_, pid);
  if (!maps.ok()) return maps.status();
  if (maps->empty()) {
    return WithHint(
        absl::FailedPreconditionError(fmt::format("process {} ({}) has no memory of its own", pid, process->comm)),
        "it is a kernel thread, or it is just exiting; logpoints need a user-space program");
  }
  FoundTarget found;
  found.pid = pid;
  found.root = fmt::format("{}/{}/root", proc_, pid);
  found.shadow_stack = process->shadow_stack;
  const std::string exe = ExeOf(pid);
  for (const size_t i : CodeFiles(*maps, exe)) {
    const Mapping& mapping = (*maps)[i];
    if (TextIsRemapped(*maps, i)) {
      if (mapping.path == exe) return Remapped(exe);
      found.warnings.push_back(std::string(Remapped(mapping.path).message()) + "; left out");
      continue;
    }
    auto module = ModuleOf(pid, mapping);
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

absl::StatusOr<FoundTarget> TargetFinder::FindFile(const TargetModule& module) const {
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
  int processes = 0;
  for (const int32_t pid : ListProcesses(proc_)) {
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

absl::StatusOr<FoundTarget> TargetFinder::FindComm(const std::string& comm) const {
  struct Program {
    std::string exe;
    std::vector<int32_t> pids;
  };
  std::map<std::pair<dev_t, ino_t>, Program> programs;
  size_t processes = 0;
  for (const int32_t pid : ListProcesses(proc_)) {
    auto process = ReadProcessStat(proc_, pid);
    struct stat info;
    if (!process.ok() || process->ended() || pid == getpid() || process->comm != comm.substr(0, kCommBytes) ||
        stat(fmt::format("{}/{}/exe", proc_, pid).c_str(), &info) != 0) {
      continue;
    }
    Program& program = programs[{info.st_dev, info.st_ino}];
    program.exe = ExeOf(pid);
    program.pids.push_back(pid);
    ++processes;
  }
  if (processes == 0) {
    return WithHint(absl::NotFoundError(fmt::format("no process is named {}", comm)),
                    "comm:NAME is the name that `ps -o comm` shows (at most 15 characters); -x PATH covers processes "
                    "that start later");
  }
  const Program& first = programs.begin()->second;
  if (processes == 1) return FindProcess(first.pids.front());
  if (programs.size() > 1) {
    std::string list;
    size_t listed = 0;
    for (const auto& [key, program] : programs) {
      for (const int32_t pid : program.pids) {
        if (++listed <= kMaxListed) list += fmt::format("{}{} {}", list.empty() ? "" : ", ", pid, program.exe);
      }
    }
    return WithHint(
        absl::FailedPreconditionError(fmt::format("{} processes of {} different programs are named {}: {}{}", processes,
                                                  programs.size(), comm, list, listed > kMaxListed ? ", ..." : "")),
        "name one with -p PID, or one program with -x PATH");
  }
  const int32_t pid = first.pids.front();
  auto found = FindFile({first.exe, fmt::format("{}/{}/exe", proc_, pid)});
  if (!found.ok()) return found.status();
  found->root = fmt::format("{}/{}/root", proc_, pid);
  found->warnings.push_back(
      fmt::format("{} processes are named {}: every process that runs {} is covered", processes, comm, first.exe));
  return found;
}

absl::StatusOr<FoundTarget> TargetFinder::Find(const v1::Target& target) const {
  std::string comm;
  for (const std::string& selector : target.selectors()) {
    constexpr std::string_view kComm = "comm:";
    if (selector.compare(0, kComm.size(), kComm) != 0 || selector.size() == kComm.size() || !comm.empty()) {
      return WithHint(absl::UnimplementedError(fmt::format("target '{}' is not supported by this version", selector)),
                      "use -p PID, -x PATH or one -t comm:NAME");
    }
    comm = selector.substr(kComm.size());
  }
  if (target.pid() < 0) return absl::InvalidArgumentError(fmt::format("{} is not a process id", target.pid()));
  if (!target.exe_path().empty() && target.exe_path().front() != '/') {
    return absl::InvalidArgumentError(fmt::format("{} is not an absolute path", target.exe_path()));
  }
  if (target.pid() == 0 && comm.empty()) {
    if (!target.exe_path().empty()) return FindFile({target.exe_path(), target.exe_path()});
    return WithHint(absl::InvalidArgumentError("no target is named"), "use -p PID, -x PATH or -t comm:NAME");
  }

  if (target.pid() != 0 && !comm.empty()) {
    auto process = ReadProcessStat(proc_, target.pid());
    if (!process.ok()) return process.status();
    if (process->comm != comm.substr(0, kCommBytes)) {
      return WithHint(
          absl::NotFoundError(fmt::format("process {} is named {}, not {}", target.pid(), process->comm, comm)),
          "several target options must all match");
    }
  }
  auto found = target.pid() != 0 ? FindProcess(target.pid()) : FindComm(comm);
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
