// SPDX-License-Identifier: Apache-2.0
#include "daemon/targets/process.h"

#include <dirent.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <memory>
#include <utility>

#include "daemon/targets/small_file.h"
#include "symbolizer/base/status_hint.h"

namespace dlog::daemon {
namespace {

constexpr size_t kMaxStatBytes = 1 << 16;

absl::Status NoSuchProcess(int32_t pid) {
  return WithHint(absl::NotFoundError(fmt::format("no process with pid {}", pid)),
                  "pids are those that `ps` shows on the node itself, not inside a container");
}

// The value of a "Name:\tvalue" line of /proc/PID/status.
std::string_view StatusLine(std::string_view text, std::string_view name) {
  size_t at = 0;
  while (at < text.size()) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    if (line.size() > name.size() && line.substr(0, name.size()) == name && line[name.size()] == ':') {
      line.remove_prefix(name.size() + 1);
      const size_t value = line.find_first_not_of(" \t");
      return value == std::string_view::npos ? std::string_view() : line.substr(value);
    }
    at = end + 1;
  }
  return {};
}

// Position of the state in the text of /proc/PID/stat, behind the name, which is the only field that may hold spaces
// and parentheses: it ends at the last ')'. npos when the text is something else.
size_t StatePosition(std::string_view stat) {
  const size_t close = stat.rfind(')');
  return close == std::string_view::npos || close + 2 >= stat.size() ? std::string_view::npos : close + 2;
}

// The first thread has ended: the others keep the process alive, but /proc shows it as a zombie.
void LookForLivingThread(const std::string& proc, ProcessStat* process) {
  const std::string tasks = fmt::format("{}/{}/task", proc, process->pid);
  for (const int32_t tid : ListProcesses(tasks)) {
    auto stat = ReadSmallFile(fmt::format("{}/{}/stat", tasks, tid), kMaxStatBytes);
    if (tid == process->pid || !stat.ok()) continue;
    const size_t at = StatePosition(*stat);
    ProcessStat thread;
    if (at != std::string_view::npos) thread.state = (*stat)[at];
    if (thread.ended()) continue;
    process->state = thread.state;
    process->view = tid;
    return;
  }
}

}  // namespace

absl::StatusOr<ProcessStat> ReadProcessStat(const std::string& proc, int32_t pid) {
  if (pid <= 0) return NoSuchProcess(pid);
  auto stat = ReadSmallFile(fmt::format("{}/{}/stat", proc, pid), kMaxStatBytes);
  auto status = ReadSmallFile(fmt::format("{}/{}/status", proc, pid), kMaxStatBytes);
  if (!stat.ok() || !status.ok()) return NoSuchProcess(pid);

  ProcessStat out;
  out.pid = out.view = pid;
  const size_t open = stat->find('(');
  const size_t state = StatePosition(*stat);
  if (open == std::string::npos || state == std::string::npos || state < open + 3) {
    return absl::DataLossError(fmt::format("{}/{}/stat does not look like proc(5)", proc, pid));
  }
  out.comm = stat->substr(open + 1, state - open - 3);
  out.state = (*stat)[state];
  size_t at = state;
  constexpr int kFieldsToStartTime = 19;  // state is field 3, starttime field 22
  for (int i = 0; i < kFieldsToStartTime && at != std::string::npos; ++i) {
    at = stat->find(' ', at);
    if (at != std::string::npos) ++at;
  }
  if (at != std::string::npos) std::from_chars(stat->data() + at, stat->data() + stat->size(), out.start_ticks);

  const std::string_view tgid = StatusLine(*status, "Tgid");
  out.tgid = pid;
  std::from_chars(tgid.data(), tgid.data() + tgid.size(), out.tgid);
  if (out.ended() && out.tgid == pid) LookForLivingThread(proc, &out);
  out.shadow_stack = StatusLine(*status, "x86_Thread_features").find("shstk") != std::string_view::npos;
  return out;
}

std::vector<int32_t> ListProcesses(const std::string& proc) {
  std::vector<int32_t> pids;
  std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(proc.c_str()), closedir);
  if (directory == nullptr) return pids;
  while (const dirent* entry = readdir(directory.get())) {
    const std::string_view name = entry->d_name;
    int32_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error == std::errc() && end == name.data() + name.size() && pid > 0) pids.push_back(pid);
  }
  std::sort(pids.begin(), pids.end());
  return pids;
}

absl::StatusOr<ProcessHandle> ProcessHandle::Open(int32_t pid) {
  UniqueFd fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (fd.valid()) return ProcessHandle(std::move(fd));
  if (errno == ESRCH) return NoSuchProcess(pid);
  // EINVAL: a thread that is not the leader of its process (kernels since 6.9 say ENOENT).
  if (errno == EINVAL || errno == ENOENT) {
    return absl::InvalidArgumentError(fmt::format("{} is not the id of a process", pid));
  }
  return absl::ErrnoToStatus(errno, fmt::format("pidfd_open of process {}", pid));
}

bool ProcessHandle::exited() const {
  pollfd fd{fd_.get(), POLLIN, 0};
  return poll(&fd, 1, 0) > 0;
}

}  // namespace dlog::daemon
