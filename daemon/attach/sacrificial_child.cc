// SPDX-License-Identifier: Apache-2.0
#include "daemon/attach/sacrificial_child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/time/clock.h"
#include "daemon/base/boot_time.h"

namespace dlog::attach {
namespace {

constexpr absl::Duration kReadyTimeout = absl::Seconds(10);

// Its death is expected and nobody else's business.
void DieQuietly(pid_t parent) {
  const rlimit no_core = {0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE}) ::signal(signal, SIG_DFL);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
}

}  // namespace

absl::StatusOr<SacrificialChild> SacrificialChild::Start(Step prepare, Step body, void* argument) {
  int go[2], ready[2];
  if (pipe2(go, O_CLOEXEC) != 0) return absl::ErrnoToStatus(errno, "create a pipe");
  const UniqueFd go_reader(go[0]);
  SacrificialChild child;
  child.go_ = UniqueFd(go[1]);
  if (pipe2(ready, O_CLOEXEC) != 0) return absl::ErrnoToStatus(errno, "create a pipe");
  const UniqueFd ready_reader(ready[0]);
  UniqueFd ready_writer(ready[1]);
  const pid_t parent = getpid();
  child.pid_ = _Fork();
  if (child.pid_ < 0) return absl::ErrnoToStatus(errno, "fork");
  if (child.pid_ == 0) {
    DieQuietly(parent);
    close(go[1]);
    prepare(argument);
    char byte = 0;
    const bool told = write(ready[1], &byte, 1) == 1;
    if (told && read(go[0], &byte, 1) == 0) body(argument);
    _exit(0);
  }
  ready_writer.Reset();
  pollfd fd = {ready_reader.get(), POLLIN, 0};
  char byte;
  if (poll(&fd, 1, static_cast<int>(absl::ToInt64Milliseconds(kReadyTimeout))) != 1 ||
      read(ready_reader.get(), &byte, 1) != 1) {
    return absl::InternalError("the sacrificial child did not start");
  }
  return child;
}

SacrificialChild::SacrificialChild(SacrificialChild&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), go_(std::move(other.go_)) {}

SacrificialChild::~SacrificialChild() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

absl::StatusOr<int> SacrificialChild::Wait(absl::Duration timeout) {
  const absl::Time deadline = BootTime() + timeout;
  while (true) {
    int status = 0;
    const pid_t ended = waitpid(pid_, &status, WNOHANG);
    if (ended < 0 && errno != EINTR) return absl::ErrnoToStatus(errno, "wait for the sacrificial child");
    if (ended == pid_) {
      pid_ = -1;
      return status;
    }
    if (BootTime() >= deadline) return absl::DeadlineExceededError("the sacrificial child does not end");
    absl::SleepFor(absl::Milliseconds(1));
  }
}

}  // namespace dlog::attach
