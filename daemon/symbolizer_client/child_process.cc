// SPDX-License-Identifier: Apache-2.0
#include "daemon/symbolizer_client/child_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <utility>

#include "symbolizer/base/unique_fd.h"

namespace dlog::daemon {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kChunk = 65536;

absl::Status ErrnoStatus(int error, const std::string& what) { return absl::ErrnoToStatus(error, what); }

constexpr int kMostDescriptors = 8;  // of a child, beyond the standard streams

// Moves `fd` above those that a child gets, so that wiring them never overwrites a descriptor still needed.
absl::Status AboveChildDescriptors(UniqueFd* fd) {
  constexpr int kLowest = STDERR_FILENO + 1 + kMostDescriptors;
  if (fd->get() >= kLowest) return absl::OkStatus();
  const int moved = fcntl(fd->get(), F_DUPFD_CLOEXEC, kLowest);
  if (moved < 0) return ErrnoStatus(errno, "dup of a descriptor for a child");
  fd->Reset(moved);
  return absl::OkStatus();
}

struct Channel {
  UniqueFd ours;
  UniqueFd childs;
};

// A socket pair and not a pipe for the child's input: MSG_NOSIGNAL keeps a child that died from raising SIGPIPE here.
absl::StatusOr<Channel> MakeInput() {
  int fds[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) return ErrnoStatus(errno, "socketpair");
  Channel channel{UniqueFd(fds[0]), UniqueFd(fds[1])};
  if (auto status = AboveChildDescriptors(&channel.ours); !status.ok()) return status;
  if (auto status = AboveChildDescriptors(&channel.childs); !status.ok()) return status;
  return channel;
}

absl::StatusOr<Channel> MakeOutput() {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return ErrnoStatus(errno, "pipe");
  Channel channel{UniqueFd(fds[0]), UniqueFd(fds[1])};
  if (auto status = AboveChildDescriptors(&channel.ours); !status.ok()) return status;
  if (auto status = AboveChildDescriptors(&channel.childs); !status.ok()) return status;
  fcntl(channel.ours.get(), F_SETFL, O_NONBLOCK);
  return channel;
}

absl::StatusOr<std::vector<UniqueFd>> HighCopies(const std::vector<int>& descriptors) {
  if (descriptors.size() > kMostDescriptors) return absl::InvalidArgumentError("too many descriptors for a child");
  std::vector<UniqueFd> copies;
  for (const int descriptor : descriptors) {
    UniqueFd copy(fcntl(descriptor, F_DUPFD_CLOEXEC, 0));
    if (!copy.valid()) return ErrnoStatus(errno, "dup of a descriptor for a child");
    if (auto status = AboveChildDescriptors(&copy); !status.ok()) return status;
    copies.push_back(std::move(copy));
  }
  return copies;
}

absl::StatusOr<pid_t> Spawn(const std::string& path, int in, int out, int err, const ChildExtras& extras) {
  auto copies = HighCopies(extras.descriptors);
  if (!copies.ok()) return copies.status();
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
  int next = STDERR_FILENO + 1;
  for (const UniqueFd& copy : *copies) posix_spawn_file_actions_adddup2(&actions, copy.get(), next++);
  posix_spawn_file_actions_addclosefrom_np(&actions, next);
  sigset_t none, defaults;
  sigemptyset(&none);
  sigemptyset(&defaults);
  for (int signal : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&defaults, signal);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

  std::vector<char*> argv = {const_cast<char*>(path.c_str())};
  for (const std::string& argument : extras.arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  char* envp[] = {nullptr};
  pid_t pid = -1;
  const int error = posix_spawn(&pid, path.c_str(), &actions, &attributes, argv.data(), envp);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) return ErrnoStatus(error, fmt::format("cannot start {}", path));
  return pid;
}

// Kills and reaps on destruction unless Wait() saw the end.
class Reaper {
 public:
  explicit Reaper(pid_t pid) : pid_(pid) {}
  Reaper(const Reaper&) = delete;
  Reaper& operator=(const Reaper&) = delete;
  ~Reaper() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      Wait();
    }
  }
  // Blocks until the child has ended; returns its wait status.
  int Wait() {
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return status;
  }

 private:
  pid_t pid_;
};

void SetLimits(pid_t pid, const ChildLimits& limits) {
  // Before the request is fed, so before the child has read a single untrusted byte. Best effort: the child is expected
  // to sandbox itself, these limits bound one that does not get that far.
  const rlim_t seconds = static_cast<rlim_t>(limits.timeout_ms) / 1000 + 1;
  const rlimit cpu{seconds, seconds + 1};
  prlimit(pid, RLIMIT_CPU, &cpu, nullptr);
  const rlimit no_core{0, 0};
  prlimit(pid, RLIMIT_CORE, &no_core, nullptr);
  if (limits.address_space_bytes != 0) {
    const rlimit memory{limits.address_space_bytes, limits.address_space_bytes};
    prlimit(pid, RLIMIT_AS, &memory, nullptr);
  }
}

// The state of one conversation with a child.
class Conversation {
 public:
  Conversation(UniqueFd in, UniqueFd out, UniqueFd err, UniqueFd pidfd, const std::string& input,
               const ChildLimits& limits, const ChildExtras& extras, ChildResult* result)
      : in_(std::move(in)),
        out_(std::move(out)),
        err_(std::move(err)),
        pidfd_(std::move(pidfd)),
        input_(input),
        limits_(limits),
        extras_(extras),
        served_(extras.served_fd),
        deadline_(Clock::now() + std::chrono::milliseconds(limits.timeout_ms)),
        result_(result) {}

  // Returns when the child has exited or has to be killed (result->timed_out, result->output_overflow).
  absl::Status Run() {
    while (true) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - Clock::now()).count();
      if (left <= 0) {
        result_->timed_out = true;
        return absl::OkStatus();
      }
      std::array<pollfd, 5> fds = {{{in_.get(), POLLOUT, 0},
                                    {out_.get(), POLLIN, 0},
                                    {err_.get(), POLLIN, 0},
                                    {pidfd_.get(), POLLIN, 0},
                                    {served_, POLLIN, 0}}};
      if (poll(fds.data(), fds.size(), static_cast<int>(std::min<int64_t>(left, 1000))) < 0 && errno != EINTR) {
        return ErrnoStatus(errno, "poll");
      }
      if (fds[0].revents != 0) Feed();
      if (fds[1].revents != 0) ReadOutput();
      if (fds[2].revents != 0) ReadError();
      if (fds[4].revents != 0) Serve();
      if (result_->output_overflow) return absl::OkStatus();
      if (fds[3].revents != 0) {
        // Exited: what it wrote lies in the pipes. A process that it left behind may keep them open; do not wait for
        // it.
        while (out_.valid() && !result_->output_overflow && ReadOutput()) {
        }
        while (err_.valid() && ReadError()) {
        }
        return absl::OkStatus();
      }
    }
  }

 private:
  // The time that this takes is ours and not the child's.
  void Serve() {
    const Clock::time_point begin = Clock::now();
    if (!extras_.serve()) served_ = -1;
    deadline_ += Clock::now() - begin;
  }

  void Feed() {
    const ssize_t sent = send(in_.get(), input_.data() + fed_, input_.size() - fed_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) fed_ += static_cast<size_t>(sent);
    const bool failed = sent < 0 && errno != EAGAIN && errno != EINTR;
    if (failed || fed_ == input_.size()) in_.Reset();  // closed: the child sees the end of its input
  }

  // Both return whether there may be more to read right now.
  bool ReadOutput() {
    const ssize_t got = ReadChunk(&out_);
    if (got <= 0) return false;
    result_->output.append(chunk_.data(), static_cast<size_t>(got));
    result_->output_overflow = result_->output.size() > limits_.max_output_bytes;
    return true;
  }

  bool ReadError() {
    const ssize_t got = ReadChunk(&err_);
    if (got <= 0) return false;
    std::string& text = result_->error_text;
    text.append(chunk_.data(), static_cast<size_t>(got));
    if (text.size() > kMaxErrorText) text.erase(0, text.size() - kMaxErrorText);
    return true;
  }

  ssize_t ReadChunk(UniqueFd* fd) {
    const ssize_t got = read(fd->get(), chunk_.data(), chunk_.size());
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) fd->Reset();
    return got;
  }

  UniqueFd in_, out_, err_, pidfd_;
  const std::string& input_;
  const ChildLimits& limits_;
  const ChildExtras& extras_;
  int served_;
  Clock::time_point deadline_;
  ChildResult* result_;
  size_t fed_ = 0;
  std::string chunk_ = std::string(kChunk, '\0');
};

}  // namespace

absl::StatusOr<ChildResult> RunChild(const std::string& path, const std::string& input, const ChildLimits& limits,
                                     const ChildExtras& extras) {
  auto in = MakeInput();
  if (!in.ok()) return in.status();
  auto out = MakeOutput();
  if (!out.ok()) return out.status();
  auto err = MakeOutput();
  if (!err.ok()) return err.status();
  auto pid = Spawn(path, in->childs.get(), out->childs.get(), err->childs.get(), extras);
  if (!pid.ok()) return pid.status();
  Reaper reaper(*pid);
  in->childs.Reset();
  out->childs.Reset();
  err->childs.Reset();
  SetLimits(*pid, limits);
  UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, *pid, 0)));
  if (!pidfd.valid()) return ErrnoStatus(errno, "pidfd_open");

  ChildResult result;
  {
    Conversation conversation(std::move(in->ours), std::move(out->ours), std::move(err->ours), std::move(pidfd), input,
                              limits, extras, &result);
    if (auto status = conversation.Run(); !status.ok()) return status;
  }
  if (result.timed_out || result.output_overflow) return result;  // the reaper kills it
  const int status = reaper.Wait();
  if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
  if (WIFEXITED(status)) result.exit_status = WEXITSTATUS(status);
  return result;
}

}  // namespace dlog::daemon
