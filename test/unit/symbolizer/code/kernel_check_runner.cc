// SPDX-License-Identifier: Apache-2.0
#include "test/unit/symbolizer/code/kernel_check_runner.h"

#include <fcntl.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "symbolizer/base/unique_fd.h"

namespace dlog::code {
namespace {

constexpr unsigned kChildSeconds = 5;
constexpr char kPmuTypePath[] = "/sys/bus/event_source/devices/uprobe/type";

// A file that is gone when the check is over, however it ends within this process.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::span<const uint8_t> contents) {
    char path[] = "/tmp/dlog_kernel_check_XXXXXX";
    UniqueFd fd(mkstemp(path));
    path_ = path;
    ok_ = fd.valid() && fchmod(fd.get(), 0755) == 0 &&
          write(fd.get(), contents.data(), contents.size()) == static_cast<ssize_t>(contents.size());
  }
  ~TemporaryFile() { unlink(path_.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  bool ok() const { return ok_; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  bool ok_ = false;
};

[[noreturn]] void Child(const std::string& path, size_t length, Outcome* outcomes, int ready_fd, int go_fd) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  alarm(kChildSeconds);
  UniqueFd file(open(path.c_str(), O_RDONLY));
  void* code = mmap(reinterpret_cast<void*>(kCodeAddress), kPageSize, PROT_READ | PROT_EXEC,
                    MAP_PRIVATE | MAP_FIXED_NOREPLACE, file.get(), 0);
  void* data = mmap(reinterpret_cast<void*>(kRipDataAddress), kPageSize, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (code == MAP_FAILED || data == MAP_FAILED) _exit(2);
  char byte = 0;
  if (write(ready_fd, &byte, 1) != 1 || read(go_fd, &byte, 1) != 1) _exit(3);
  for (int seed = 0; seed < kSeeds; ++seed) {
    PrepareRun(seed, length);
    RunOnce(&outcomes[seed]);
  }
  _exit(0);
}

int OpenUprobe(int pmu_type, const std::string& path, pid_t pid) {
  perf_event_attr attr = {};
  attr.size = sizeof attr;
  attr.type = static_cast<uint32_t>(pmu_type);
  attr.config1 = reinterpret_cast<uint64_t>(path.c_str());
  attr.config2 = kProbeOffset;
  return static_cast<int>(syscall(SYS_perf_event_open, &attr, pid, -1, -1, PERF_FLAG_FD_CLOEXEC));
}

std::string DescribeEnd(int status) {
  if (WIFSIGNALED(status)) return std::string("dies of ") + sigabbrev_np(WTERMSIG(status));
  if (WEXITSTATUS(status) != 0) return "child failed with status " + std::to_string(WEXITSTATUS(status));
  return "";
}

// The x87 instruction and data pointers name where an instruction ran, which no ordinary program looks at.
constexpr size_t kFxPointersBegin = 6;
constexpr size_t kFxPointersEnd = 24;
constexpr size_t kFxEnd = 416;  // behind xmm15; the rest is reserved

std::string Compare(Outcome& alone, Outcome& probed, bool ignore_rax_rdx) {
  static const char* const names[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                      "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
  std::string out;
  auto differ = [&](const char* what) { out += out.empty() ? what : std::string(", ") + what; };
  for (int i = 0; i < 16; ++i) {
    if (ignore_rax_rdx && (i == 0 || i == 2)) continue;
    if (alone.out.gpr[i] != probed.out.gpr[i]) differ(names[i]);
  }
  if (alone.out.flags != probed.out.flags) differ("flags");
  if (alone.out.path != probed.out.path) differ("next instruction");
  if (std::memcmp(alone.out.ymm, probed.out.ymm, sizeof alone.out.ymm) != 0) differ("vector registers");
  for (Outcome* o : {&alone, &probed}) {
    std::memset(o->out.fx + kFxPointersBegin, 0, kFxPointersEnd - kFxPointersBegin);
  }
  if (std::memcmp(alone.out.fx, probed.out.fx, kFxEnd) != 0) differ("x87 or SSE state");
  if (std::memcmp(alone.stack, probed.stack, sizeof alone.stack) != 0) differ("stack or red zone");
  if (std::memcmp(alone.data, probed.data, sizeof alone.data) != 0) differ("memory");
  if (std::memcmp(alone.rip_data, probed.rip_data, sizeof alone.rip_data) != 0) differ("rip-relative memory");
  return out;
}

uint64_t FastestRun(const Outcome* outcomes) {
  uint64_t ns = outcomes[0].ns;
  for (int seed = 1; seed < kSeeds; ++seed) ns = std::min(ns, outcomes[seed].ns);
  return ns;
}

bool AllDone(const Outcome* outcomes) {
  for (int seed = 0; seed < kSeeds; ++seed) {
    if (!outcomes[seed].done || outcomes[seed].out.path == kPathNone) return false;
  }
  return true;
}

}  // namespace

std::unique_ptr<KernelChecker> KernelChecker::Create(std::string* error) {
  if (geteuid() != 0) {
    *error = "needs root to attach uprobes";
    return nullptr;
  }
  std::ifstream file(kPmuTypePath);
  int pmu_type = 0;
  if (!(file >> pmu_type)) {
    *error = std::string("the kernel has no uprobe PMU: ") + kPmuTypePath;
    return nullptr;
  }
  void* arena = mmap(reinterpret_cast<void*>(kArenaAddress), sizeof(Arena), PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  void* shared = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (arena == MAP_FAILED || shared == MAP_FAILED) {
    *error = std::string("cannot map the test's memory: ") + strerror(errno);
    return nullptr;
  }
  return std::unique_ptr<KernelChecker>(
      new KernelChecker(pmu_type, static_cast<Arena*>(arena), static_cast<Shared*>(shared)));
}

KernelChecker::~KernelChecker() {
  munmap(arena_, sizeof(Arena));
  munmap(shared_, sizeof(Shared));
}

std::string KernelChecker::RunChild(const std::string& path, size_t length, Outcome* outcomes, bool probe,
                                    CheckResult* result) {
  int ready[2];
  int go[2];
  if (pipe2(ready, O_CLOEXEC) != 0 || pipe2(go, O_CLOEXEC) != 0) return "pipe failed";
  UniqueFd ready_read(ready[0]), ready_write(ready[1]), go_read(go[0]), go_write(go[1]);
  const pid_t pid = fork();
  if (pid < 0) return "fork failed";
  if (pid == 0) {
    // Of the parent's ends only, so that either side sees the other's death.
    ready_read.Reset();
    go_write.Reset();
    Child(path, length, outcomes, ready_write.get(), go_read.get());
  }
  ready_write.Reset();
  go_read.Reset();
  char byte = 0;
  UniqueFd event;
  bool run = read(ready_read.get(), &byte, 1) == 1;
  if (run && probe) {
    event.Reset(OpenUprobe(pmu_type_, path, pid));
    if (!event.valid()) {
      result->attach_errno = errno;
      run = false;
    }
  }
  if (!run || write(go_write.get(), &byte, 1) != 1) kill(pid, SIGKILL);
  int status = 0;
  waitpid(pid, &status, 0);
  if (event.valid() && read(event.get(), &result->hits, sizeof result->hits) != sizeof result->hits) result->hits = 0;
  return DescribeEnd(status);
}

CheckResult KernelChecker::Check(std::span<const uint8_t> instruction, bool ignore_rax_rdx) {
  CheckResult result;
  std::memset(static_cast<void*>(shared_), 0, sizeof *shared_);
  TemporaryFile file(BuildCodePage(instruction));
  if (!file.ok()) {
    result.difference = "cannot write the code file";
    return result;
  }
  const std::string alone = RunChild(file.path(), instruction.size(), shared_->alone, false, &result);
  result.runs_alone = alone.empty() && AllDone(shared_->alone);
  const std::string probed = RunChild(file.path(), instruction.size(), shared_->probed, true, &result);
  if (result.attach_errno != 0) return result;
  const uint64_t alone_ns = FastestRun(shared_->alone);
  const uint64_t probed_ns = FastestRun(shared_->probed);
  result.ns = probed_ns > alone_ns ? probed_ns - alone_ns : 0;
  if (probed != alone) {
    result.difference = probed.empty() ? "does not die" : probed;
    return result;
  }
  for (int seed = 0; seed < kSeeds && result.difference.empty() && result.runs_alone; ++seed) {
    result.difference = Compare(shared_->alone[seed], shared_->probed[seed], ignore_rax_rdx);
  }
  return result;
}

}  // namespace dlog::code
