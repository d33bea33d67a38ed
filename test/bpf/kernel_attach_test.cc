// SPDX-License-Identifier: Apache-2.0
//
// Attaching, refusing, detaching, and dying without leaving anything behind.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/attach/bpf_errors.h"
#include "daemon/attach/canary_program.h"
#include "daemon/attach/kernel_checks.h"
#include "test/bpf/kernel_fixture.h"
#include "test/catch.h"

namespace dlog::test {
namespace {

constexpr char kArgument[] = "register_mask: 0x20";
constexpr char kPushByte[] = "byte 55";
constexpr char kBreakpointByte[] = "byte cc";

}  // namespace

TEST_CASE("a probe stays within its process") {
  TargetProcess target, other;
  auto runtime = NewRuntime();
  auto logpoint = Attach(runtime.get(), Request(target, "hit", kArgument));
  CHECK(other.Does("call 0 100"));
  CHECK(target.Does("call 0 10"));
  CHECK(target.Does("threads 2 10"));
  CHECK(target.Does("fork 100"));
  CHECK(Count(*logpoint, DLOG_COUNT_HITS) == 30);
}

TEST_CASE("a probe without a process counts every process, later ones and children too") {
  TargetProcess target;
  auto runtime = NewRuntime();
  auto request = Request(target, "hit", kArgument);
  request.pid = 0;
  auto logpoint = Attach(runtime.get(), request);
  TargetProcess later;
  CHECK(target.Does("call 0 10"));
  CHECK(later.Does("call 0 10"));
  CHECK(target.Does("fork 10"));
  CHECK(Count(*logpoint, DLOG_COUNT_HITS) == 30);
}

TEST_CASE("detaching takes the breakpoint out and the target runs on") {
  TargetProcess target;
  auto runtime = NewRuntime();
  const uint64_t address = target.site("hit").address;
  auto logpoint = Attach(runtime.get(), Request(target, "hit", kArgument));
  CHECK(target.ByteAt(address) == kBreakpointByte);
  CHECK(target.Does("threads 4 1000"));
  logpoint->Detach();
  logpoint->Detach();
  CHECK(target.ByteAt(address) == kPushByte);
  CHECK(target.Does("threads 4 1000"));
  CHECK(Count(*logpoint, DLOG_COUNT_HITS) == 4000);
}

TEST_CASE("a freed site is used again under another generation, with fresh counters") {
  TargetProcess target;
  auto runtime = NewRuntime();
  auto first = Attach(runtime.get(), Request(target, "hit", kArgument));
  const uint32_t site = first->site_index(0), generation = first->generation();
  CHECK(target.Does("call 0 3"));
  first.reset();
  auto second = Attach(runtime.get(), Request(target, "hit", kArgument));
  CHECK(second->site_index(0) == site);
  CHECK(second->generation() != generation);
  CHECK(Count(*second, DLOG_COUNT_HITS) == 0);
  CHECK(target.Does("call 100 2"));
  CHECK(Count(*second, DLOG_COUNT_HITS) == 2);
  // The records of both lie in the ring; only the generation tells whose they are.
  const auto records = Drain(runtime.get());
  REQUIRE(records.size() == 5);
  for (size_t i = 0; i < 5; ++i) {
    CHECK(records[i].header.site == site);
    CHECK(records[i].header.generation == (i < 3 ? generation : second->generation()));
  }
}

TEST_CASE("several logpoints share a place and keep their own plans") {
  TargetProcess target;
  auto runtime = NewRuntime();
  auto text = Attach(runtime.get(), Request(target, "hit", "ops { code: CAP_CSTRING a: 4 length: 3 }"));
  auto walk = Attach(runtime.get(), Request(target, "hit", R"pb(
                       ops { code: CAP_CALL a: 4 routine: 1 }
                       routines { ops { code: CAP_COPY a: 19 length: 1 } }
                       routines { ops { code: CAP_COPY a: 19 length: 5 } })pb"));
  auto again = Attach(runtime.get(), Request(target, "hit", R"pb(
                        ops { code: CAP_CALL a: 4 routine: 0 }
                        routines { ops { code: CAP_COPY a: 19 length: 9 } })pb"));
  text.reset();
  CHECK(target.Does("pass 1"));
  auto records = Drain(runtime.get());
  REQUIRE(records.size() == 2);
  for (const Record& record : records) {
    const bool is_walk = record.header.generation == walk->generation();
    REQUIRE(Segments(record).size() == 1);
    CHECK(Segments(record)[0].bytes == (is_walk ? "the q" : "the quick"));
  }
}

TEST_CASE("several sites of one logpoint have their own indices") {
  TargetProcess target;
  auto runtime = NewRuntime();
  auto request = Request(target, "hit", kArgument);
  request.sites.push_back(Request(target, "red_zone", "ops { code: CAP_COPY a: 4 length: 3 }").sites[0]);
  auto logpoint = Attach(runtime.get(), request);
  REQUIRE(logpoint->site_count() == 2);
  CHECK(target.Does("pass 1"));
  const auto records = Drain(runtime.get());
  REQUIRE(records.size() == 2);
  CHECK(records[0].header.site == logpoint->site_index(0));
  CHECK(records[1].header.site == logpoint->site_index(1));
  CHECK(Segments(records[1])[0].bytes == "the");
}

TEST_CASE("a site on an unsafe instruction is left out, the others are attached") {
  TargetProcess target;
  auto runtime = NewRuntime();
  auto request = Request(target, "syscall", kArgument);
  request.sites.push_back(Request(target, "hit", kArgument).sites[0]);
  auto logpoint = Attach(runtime.get(), request);
  REQUIRE(logpoint->missing().size() == 1);
  CHECK(logpoint->missing()[0].site == 0);
  CHECK_THAT(logpoint->missing()[0].reason, ContainsText("syscall"));
  CHECK(target.Does("call 0 10"));
  CHECK(Count(*logpoint, DLOG_COUNT_HITS) == 10);
  const auto records = Drain(runtime.get());
  REQUIRE(records.size() == 10);
  CHECK(records[0].header.site == logpoint->site_index(1));
  logpoint->Disarm();
  CHECK(logpoint->Rearm().ok());
  CHECK(target.Does("call 0 10"));
  CHECK(Count(*logpoint, DLOG_COUNT_HITS) == 20);
}

TEST_CASE("unsafe sites only: nothing is attached") {
  TargetProcess target;
  auto runtime = NewRuntime();
  auto logpoint = Attach(runtime.get(), Request(target, "syscall", kArgument));
  REQUIRE(logpoint->missing().size() == 1);
  CHECK_THAT(logpoint->missing()[0].reason, ContainsText("syscall"));
  CHECK(target.Does("pass 1"));
}

TEST_CASE("places that the kernel refuses are found among many, and the others are live") {
  TargetProcess target;
  auto runtime = NewRuntime();
  const TargetSite& hit = target.site("hit");
  const TargetSite& locked = target.site("locked");
  attach::CanarySite place = {target.path(), hit.offset};
  auto counting = attach::CanaryProgram::Attach(place, {.backend = runtime->backend()});
  REQUIRE(counting.ok());
  // The site check would not let such a place pass, so the links are asked directly.
  std::vector<uint64_t> offsets(9, hit.offset.value), cookies(9, 0);
  offsets[0] = offsets[4] = offsets[8] = locked.offset.value;
  const auto result = attach::CreateLinks({runtime->backend(), counting->program_fd(), target.path(), offsets, cookies,
                                           static_cast<uint32_t>(target.pid())});
  CHECK(result.error == 0);
  CHECK(result.refused == std::vector<size_t>{0, 4, 8});
  CHECK(target.Does("call 0 10"));
  CHECK(counting->hits() == 10 * (6 + 1));
  const auto none = attach::CreateLinks({runtime->backend(),
                                         counting->program_fd(),
                                         target.path(),
                                         {&offsets[0], 1},
                                         {&cookies[0], 1},
                                         static_cast<uint32_t>(target.pid())});
  CHECK(none.error == attach::kNotSupported);
  CHECK(none.links.empty());
}

TEST_CASE("a file whose bytes are not the plan's is refused") {
  TargetProcess target;
  auto runtime = NewRuntime();
  auto request = Request(target, "hit", kArgument);
  request.sites[0].instruction = {0x53};
  CHECK(absl::IsFailedPrecondition(runtime->Attach(request).status()));
  request.sites[0].offset = FileOffset{1ull << 40};
  CHECK(absl::IsFailedPrecondition(runtime->Attach(request).status()));
  request.sites.clear();
  CHECK(absl::IsInvalidArgument(runtime->Attach(request).status()));
  request = Request(target, "hit", kArgument);
  request.path = "/nonexistent";
  CHECK(absl::IsNotFound(runtime->Attach(request).status()));
  request.path = "/proc";
  CHECK(absl::IsInvalidArgument(runtime->Attach(request).status()));
}

TEST_CASE("a process that does not exist is named") {
  TargetProcess target;
  auto runtime = NewRuntime();
  auto request = Request(target, "hit", kArgument);
  request.pid = 0x3ffffff;
  auto refused = runtime->Attach(request);
  CHECK(absl::IsNotFound(refused.status()));
  CHECK_THAT(std::string(refused.status().message()), ContainsText("67108863"));
}

TEST_CASE("what a refused attach had reserved is free again") {
  TargetProcess target;
  auto runtime = NewRuntime();
  auto request = Request(target, "hit", kArgument);
  request.pid = 0x3ffffff;
  for (int i = 0; i < DLOG_MAX_LOGPOINTS + 10; ++i) REQUIRE(absl::IsNotFound(runtime->Attach(request).status()));
  request.pid = target.pid();
  CHECK(runtime->Attach(request).ok());
}

TEST_CASE("a killed owner leaves no probe behind") {
  TargetProcess target;
  const uint64_t address = target.site("hit").address;
  int ready[2];
  REQUIRE(pipe(ready) == 0);
  const pid_t owner = fork();
  if (owner == 0) {
    auto runtime = attach::BpfRuntime::Create({});
    if (!runtime.ok()) _exit(1);
    auto logpoint = (*runtime)->Attach(Request(target, "hit", kArgument));
    if (!logpoint.ok() || write(ready[1], "x", 1) != 1) _exit(1);
    pause();
    _exit(0);
  }
  close(ready[1]);
  char byte;
  REQUIRE(read(ready[0], &byte, 1) == 1);
  close(ready[0]);
  CHECK(target.ByteAt(address) == kBreakpointByte);
  kill(owner, SIGKILL);
  waitpid(owner, nullptr, 0);
  CHECK(target.ByteAt(address) == kPushByte);
  CHECK(target.Does("threads 4 1000"));
}

TEST_CASE("a target that ends while probed is no trouble") {
  auto runtime = NewRuntime();
  std::unique_ptr<attach::AttachedLogpoint> logpoint;
  {
    TargetProcess target;
    logpoint = Attach(runtime.get(), Request(target, "hit", kArgument));
    CHECK(target.Does("call 0 5"));
  }
  CHECK(Count(*logpoint, DLOG_COUNT_HITS) == 5);
  logpoint->Detach();
}

TEST_CASE("the kernel checks find a kernel that can attach") {
  const auto checks = attach::RunKernelChecks();
  CHECK(checks.size() > 14);
  for (const auto& check : checks) {
    INFO(check.name << ": " << check.detail);
    CHECK_FALSE(check.detail.empty());
    if (check.required) CHECK(check.ok);
    if (!check.ok) CHECK_FALSE(check.hint.empty());
  }
}

}  // namespace dlog::test
