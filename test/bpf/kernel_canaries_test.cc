// SPDX-License-Identifier: Apache-2.0
//
// What the start-up canaries find out about this kernel.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "daemon/attach/instruction_canaries.h"
#include "daemon/attach/sacrificial_child.h"
#include "test/bpf/kernel_fixture.h"
#include "test/catch.h"

namespace dlog::test {
namespace {

void DoNothing(void*) {}
void Pause(void*) {
  while (true) pause();
}
void Crash(void*) { raise(SIGSEGV); }

}  // namespace

TEST_CASE("the canaries find the classes that dlog uses safe, and what breaks targets not") {
  auto runtime = NewRuntime();
  const attach::InstructionCanaries& canaries = runtime->Canaries();
  for (const attach::CanaryResult& result : canaries.results()) {
    INFO(result.name << ": " << attach::VerdictName(result.verdict) << " " << result.detail);
    CHECK(result.verdict != attach::CanaryVerdict::kUnknown);
    if (!result.used) continue;
    CHECK(result.verdict == attach::CanaryVerdict::kSafe);
    CHECK(result.cost_ns > 0);
  }
  REQUIRE(canaries.Find("lock") != nullptr);
  CHECK(canaries.Find("lock")->verdict == attach::CanaryVerdict::kRefused);
  REQUIRE(canaries.Find("rex_nop") != nullptr);
  CHECK(canaries.Find("rex_nop")->verdict != attach::CanaryVerdict::kSafe);
  REQUIRE(canaries.Find("cold_page") != nullptr);
  CHECK(canaries.Find("cold_page")->verdict == attach::CanaryVerdict::kSafe);
  REQUIRE(canaries.Find("call_shadow_stack") != nullptr);
  CHECK(waitpid(-1, nullptr, WNOHANG) == -1);  // no child is left
  CHECK(errno == ECHILD);
}

TEST_CASE("a sacrificial child is killed and reaped when it is given up") {
  pid_t pid = -1;
  {
    auto child = attach::SacrificialChild::Start(DoNothing, Pause, nullptr);
    REQUIRE(child.ok());
    pid = child->pid();
    child->Go();
    CHECK(absl::IsDeadlineExceeded(child->Wait(absl::Milliseconds(50)).status()));
  }
  CHECK(kill(pid, 0) == -1);
  CHECK(errno == ESRCH);
}

TEST_CASE("a sacrificial child that never got its signal to go is killed too") {
  pid_t pid = -1;
  {
    auto child = attach::SacrificialChild::Start(DoNothing, Pause, nullptr);
    REQUIRE(child.ok());
    pid = child->pid();
  }
  CHECK(kill(pid, 0) == -1);
}

TEST_CASE("the death of a sacrificial child is seen") {
  auto child = attach::SacrificialChild::Start(DoNothing, Crash, nullptr);
  REQUIRE(child.ok());
  child->Go();
  const auto status = child->Wait(absl::Seconds(10));
  REQUIRE(status.ok());
  CHECK(WIFSIGNALED(*status));
  CHECK(WTERMSIG(*status) == SIGSEGV);
}

}  // namespace dlog::test
