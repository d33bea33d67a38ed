// SPDX-License-Identifier: Apache-2.0
#include "daemon/attach/canary_trial.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "daemon/attach/canary_program.h"
#include "daemon/attach/sacrificial_child.h"

namespace dlog::attach {
namespace {

constexpr int kCheckedHits = 8;  // the harm of an optimised probe begins with the second
constexpr int kBatches = 5;
constexpr int kBatchHits = 40;
constexpr int kForkedHits = 3;
constexpr absl::Duration kTimeout = absl::Seconds(30);
constexpr char kHangs[] = "a probed process does not go on";

enum Harm { kRegisters = 1, kFlags = 2, kRedZone = 4 };

// What a child tells; in memory shared with it.
struct Report {
  const CanaryStub* stub;
  CanaryState expected;
  int harm;         // of this process
  int fork_status;  // of waitpid() for the forked child
  int64_t cost_ns;  // least of the batches, per hit
};

// Zero-filled; unmapped on destruction.
class SharedReport {
 public:
  SharedReport() : report_(mmap(nullptr, sizeof(Report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {}
  ~SharedReport() {
    if (valid()) munmap(report_, sizeof(Report));
  }
  SharedReport(const SharedReport&) = delete;
  SharedReport& operator=(const SharedReport&) = delete;
  bool valid() const { return report_ != MAP_FAILED; }
  Report* get() const { return static_cast<Report*>(report_); }

 private:
  void* report_;
};

// ---------------------------------------------------------------------------------------------- in the child

int64_t ThreadNanoseconds() {
  timespec now = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

int HarmOf(const Report& report) {
  report.stub->run();
  const CanaryState& got = LastCanaryState();
  const CanaryState& expected = report.expected;
  int harm = 0;
  if (std::memcmp(got.registers.data(), expected.registers.data(), sizeof(got.registers)) != 0) harm |= kRegisters;
  if (got.flags != expected.flags) harm |= kFlags;
  if (std::memcmp(got.red_zone.data(), expected.red_zone.data(), sizeof(got.red_zone)) != 0) harm |= kRedZone;
  return harm;
}

void RunWithoutProbe(void* argument) {
  auto* report = static_cast<Report*>(argument);
  report->stub->run();
  report->expected = LastCanaryState();
}

void RunForked(Report* report) {
  const pid_t self = getpid();
  const pid_t child = _Fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != self) _exit(1);
    int harm = 0;
    for (int i = 0; i < kForkedHits; ++i) harm |= HarmOf(*report);
    _exit(harm);
  }
  if (child > 0) waitpid(child, &report->fork_status, 0);
}

void RunProbed(void* argument) {
  auto* report = static_cast<Report*>(argument);
  for (int i = 0; i < kCheckedHits; ++i) report->harm |= HarmOf(*report);
  report->cost_ns = INT64_MAX;
  for (int batch = 0; batch < kBatches; ++batch) {
    const int64_t start = ThreadNanoseconds();
    for (int i = 0; i < kBatchHits; ++i) report->stub->run();
    report->cost_ns = std::min(report->cost_ns, (ThreadNanoseconds() - start) / kBatchHits);
  }
  RunForked(report);
}

void DoNothing(void*) {}

void RunShadowStack(void*) { dlog_canary_shadow_stack(); }

void PassColdPage(void*) {
  const char text[] = "cold but readable";
  const int fd = memfd_create("dlog_canary", MFD_CLOEXEC);
  if (fd < 0 || write(fd, text, sizeof(text)) != static_cast<ssize_t>(sizeof(text))) return;
  void* page = mmap(nullptr, sizeof(text), PROT_READ, MAP_PRIVATE, fd, 0);
  // The function takes no argument; the program looks at the register of the first.
  if (page != MAP_FAILED) reinterpret_cast<void (*)(void*)> (&dlog_attach_canary_site)(page);
}

// ---------------------------------------------------------------------------------------------- in this process

CanaryResult Result(CanaryVerdict verdict, std::string detail = "") {
  CanaryResult result;
  result.verdict = verdict;
  result.detail = std::move(detail);
  return result;
}

std::string HarmText(int harm) {
  std::string text;
  for (const auto& [bit, name] :
       {std::pair(kRegisters, "registers"), std::pair(kFlags, "flags"), std::pair(kRedZone, "the red zone")}) {
    if ((harm & bit) != 0) absl::StrAppend(&text, text.empty() ? "" : ", ", name);
  }
  return text;
}

// Empty when a process ended by itself with 0.
std::string DeathText(int status) {
  if (WIFSIGNALED(status)) return absl::StrCat("is killed by signal ", WTERMSIG(status));
  if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
    return absl::StrCat("finds ", HarmText(WEXITSTATUS(status)), " changed");
  return "";
}

struct Trial {
  CanaryResult failed;  // when there is no status
  bool ended = false;
  int status = 0;
  uint64_t hits = 0;
};

Trial Run(SacrificialChild::Step prepare, SacrificialChild::Step body, Report* report, const void* instruction,
          CanaryProgram::Options options) {
  Trial trial;
  auto child = SacrificialChild::Start(prepare, body, report);
  if (!child.ok()) {
    trial.failed = Result(CanaryVerdict::kUnknown, std::string(child.status().message()));
    return trial;
  }
  auto site = LocateInSelf(instruction);
  options.pid = static_cast<uint32_t>(child->pid());
  auto program = site.ok() ? CanaryProgram::Attach(*site, options) : absl::StatusOr<CanaryProgram>(site.status());
  if (!program.ok()) {
    trial.failed = absl::IsUnimplemented(program.status())
                       ? Result(CanaryVerdict::kRefused, "the kernel refuses it")
                       : Result(CanaryVerdict::kUnknown, std::string(program.status().message()));
    return trial;
  }
  child->Go();
  auto status = child->Wait(kTimeout);
  if (!status.ok()) {
    // On a machine that is busy enough this says nothing: not used now, but tried again next time.
    trial.failed = Result(CanaryVerdict::kUnsafe, kHangs);
    return trial;
  }
  trial.ended = true;
  trial.status = *status;
  trial.hits = program->hits();
  return trial;
}

}  // namespace

bool IsLasting(const CanaryResult& result) {
  return result.verdict != CanaryVerdict::kUnknown && result.detail != kHangs;
}

CanaryResult TryStub(const CanaryStub& stub, Backend backend) {
  const SharedReport shared;
  if (!shared.valid()) return Result(CanaryVerdict::kUnknown, "no memory");
  Report* report = shared.get();
  report->stub = &stub;
  const Trial trial = Run(RunWithoutProbe, RunProbed, report, stub.site, {.backend = backend});
  if (!trial.ended) return trial.failed;
  if (const std::string death = DeathText(trial.status); !death.empty()) {
    return Result(CanaryVerdict::kUnsafe, absl::StrCat("the process ", death));
  }
  if (report->harm != 0) return Result(CanaryVerdict::kUnsafe, absl::StrCat("changes ", HarmText(report->harm)));
  if (const std::string death = DeathText(report->fork_status); !death.empty()) {
    return Result(CanaryVerdict::kUnsafe, absl::StrCat("a forked child ", death));
  }
  if (trial.hits < kCheckedHits + kBatches * kBatchHits) return Result(CanaryVerdict::kUnsafe, "hits are not seen");
  CanaryResult result = Result(CanaryVerdict::kSafe);
  result.cost_ns = std::max<int64_t>(1, report->cost_ns);
  return result;
}

CanaryResult TryShadowStack(Backend backend) {
  const Trial trial = Run(DoNothing, RunShadowStack, nullptr, dlog_canary_shadow_stack_site, {.backend = backend});
  if (!trial.ended) return trial.failed;
  if (WIFSIGNALED(trial.status)) {
    return Result(CanaryVerdict::kUnsafe, absl::StrCat("the process ", DeathText(trial.status)));
  }
  if (WEXITSTATUS(trial.status) == kNoShadowStack) {
    return Result(CanaryVerdict::kUnavailable, "no shadow stacks on this machine");
  }
  return Result(CanaryVerdict::kSafe);
}

CanaryResult TryColdPage(Backend backend) {
  const Trial trial = Run(DoNothing, PassColdPage, nullptr, reinterpret_cast<const void*>(&dlog_attach_canary_site),
                          {.sleepable = true, .body = CanaryProgram::Body::kReadArgument, .backend = backend});
  if (!trial.ended) return trial.failed;
  if (!WIFEXITED(trial.status)) {
    return Result(CanaryVerdict::kUnsafe, absl::StrCat("the process ", DeathText(trial.status)));
  }
  if (trial.hits == 0) return Result(CanaryVerdict::kUnsafe, "a page that is not in the page table cannot be read");
  return Result(CanaryVerdict::kSafe);
}

}  // namespace dlog::attach
