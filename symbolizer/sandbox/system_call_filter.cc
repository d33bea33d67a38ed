// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/sandbox/system_call_filter.h"

#include <fmt/format.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>

#include "symbolizer/sandbox/exit_status.h"

namespace dlog::sandbox {
namespace {

// What reading, mapping, inflating and computing need. Paths in them mean the scratch directory (sandbox_linux.h).
constexpr int kAllowed[] = {
    // descriptors
    SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(pread64), SCMP_SYS(pwrite64),
    SCMP_SYS(close), SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(lseek), SCMP_SYS(dup), SCMP_SYS(fcntl),
    SCMP_SYS(poll), SCMP_SYS(sendto), SCMP_SYS(recvmsg),
    // the inflate cache
    SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(getdents64), SCMP_SYS(ftruncate), SCMP_SYS(fallocate), SCMP_SYS(unlink),
    SCMP_SYS(unlinkat), SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(utimensat), SCMP_SYS(stat), SCMP_SYS(lstat),
    SCMP_SYS(statx), SCMP_SYS(fadvise64),
    // memory
    SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(brk),
    // threads
    SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity),
    SCMP_SYS(getcpu), SCMP_SYS(gettid), SCMP_SYS(getpid), SCMP_SYS(getuid), SCMP_SYS(exit), SCMP_SYS(exit_group),
    // time, randomness, facts
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep), SCMP_SYS(gettimeofday),
    SCMP_SYS(getrandom), SCMP_SYS(sysinfo), SCMP_SYS(getrusage), SCMP_SYS(uname),
    // signals to itself: abort()
    SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack), SCMP_SYS(restart_syscall)};

// Asked by the C library, which lives with a no.
struct Refusal {
  int call;
  int error;
};
constexpr Refusal kRefused[] = {
    {SCMP_SYS(clone3), ENOSYS},  // its flags are behind a pointer; the C library then uses clone
    {SCMP_SYS(ioctl), ENOTTY},      {SCMP_SYS(access), EACCES},   {SCMP_SYS(faccessat), EACCES},
    {SCMP_SYS(faccessat2), EACCES}, {SCMP_SYS(readlink), EACCES}, {SCMP_SYS(readlinkat), EACCES},
    {SCMP_SYS(getcwd), EACCES},     {SCMP_SYS(prctl), EPERM},     {SCMP_SYS(statfs), EACCES}};

// Async-signal-safe. The call did not happen; nothing of the request can be trusted any more.
void OnForbiddenCall(int /*signal*/, siginfo_t* info, void* /*context*/) {
  char line[] = "dlog-symbolizer: forbidden system call      \n";
  int number = info->si_syscall;
  for (char* digit = line + sizeof(line) - 3; number > 0 && *digit == ' '; --digit, number /= 10) {
    *digit = static_cast<char>('0' + number % 10);
  }
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line, sizeof(line) - 1);
  _exit(kExitForbiddenCall);
}

// Rules are added until one fails; libseccomp returns negative errnos.
class Rules {
 public:
  explicit Rules(scmp_filter_ctx context) : context_(context) {}
  template <typename... Conditions>
  void Add(uint32_t action, int call, Conditions... conditions) {
    if (error_ != 0 || call < 0) return;  // negative: this architecture does not have it
    error_ = seccomp_rule_add(context_, action, call, sizeof...(conditions), conditions...);
  }
  int error() const { return error_; }

 private:
  scmp_filter_ctx context_;
  int error_ = 0;
};

// A condition on argument `index` (from 0). For SCMP_CMP_MASKED_EQ `a` is the mask and `b` the value.
scmp_arg_cmp When(unsigned index, scmp_compare compare, scmp_datum_t a, scmp_datum_t b = 0) {
  return {index, compare, a, b};
}

void AddRules(Rules* rules) {
  for (const int call : kAllowed) rules->Add(SCMP_ACT_ALLOW, call);
  for (const Refusal& refusal : kRefused) rules->Add(SCMP_ACT_ERRNO(refusal.error), refusal.call);
  // Data, never code.
  rules->Add(SCMP_ACT_ALLOW, SCMP_SYS(mmap), When(2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
  rules->Add(SCMP_ACT_ALLOW, SCMP_SYS(mprotect), When(2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
  // Threads, never processes.
  rules->Add(SCMP_ACT_ALLOW, SCMP_SYS(clone), When(0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
  // The handler of forbidden calls stays.
  rules->Add(SCMP_ACT_ALLOW, SCMP_SYS(rt_sigaction), When(0, SCMP_CMP_NE, SIGSYS));
  // Signals only to itself (a process id of the outside would be another one).
  rules->Add(SCMP_ACT_ALLOW, SCMP_SYS(tgkill), When(0, SCMP_CMP_EQ, static_cast<scmp_datum_t>(getpid())));
  // Limits are read, of itself, never set.
  rules->Add(SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), When(0, SCMP_CMP_EQ, 0), When(2, SCMP_CMP_EQ, 0));
}

}  // namespace

absl::Status InstallSystemCallFilter() {
  struct sigaction action = {};
  action.sa_sigaction = OnForbiddenCall;
  action.sa_flags = SA_SIGINFO;
  if (sigaction(SIGSYS, &action, nullptr) != 0) return absl::ErrnoToStatus(errno, "sigaction");
  // SCMP_ACT_TRAP: the call is not made, and the handler says which it was.
  const std::unique_ptr<void, void (*)(scmp_filter_ctx)> context(seccomp_init(SCMP_ACT_TRAP), seccomp_release);
  if (context == nullptr) return absl::UnavailableError("seccomp_init");
  Rules rules(context.get());
  AddRules(&rules);
  if (rules.error() != 0) {
    return absl::InternalError(fmt::format("cannot make the system call filter: {}", std::strerror(-rules.error())));
  }
  if (const int error = seccomp_load(context.get()); error != 0) {
    return absl::UnavailableError(fmt::format("cannot load the system call filter: {}", std::strerror(-error)));
  }
  return absl::OkStatus();
}

}  // namespace dlog::sandbox
