// SPDX-License-Identifier: Apache-2.0
//
// The kernel's trace points of processes that come and go.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "daemon/attach/process_events.h"
#include "test/catch.h"

namespace dlog::attach {
namespace {

// Other processes of this machine come and go, too: that a change is told can be seen, not that none was.
TEST_CASE("programs that start and end are told") {
  std::atomic<int> told{0};
  auto events = ProcessEvents::Create([&] { ++told; });
  INFO(events.status().ToString());
  REQUIRE(events.ok());
  for (int i = 0; i < 3; ++i) {
    const int before = told;
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      execl("/bin/true", "true", nullptr);
      _exit(1);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    const absl::Time give_up = absl::Now() + absl::Seconds(10);
    while (told == before && absl::Now() < give_up) absl::SleepFor(absl::Milliseconds(1));
    CHECK(told > before);
  }
}

// A child that runs another program once this object is let go.
class HeldChild {
 public:
  HeldChild() {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
      char byte;
      close(ends[1]);
      (void)!read(ends[0], &byte, 1);
      execl("/bin/true", "true", nullptr);
      _exit(1);
    }
    close(ends[0]);
    hold_ = ends[1];
  }
  void RunToItsEnd() {
    close(hold_);
    int status = 0;
    REQUIRE(waitpid(pid, &status, 0) == pid);
  }
  pid_t pid = 0;

 private:
  int hold_ = -1;
};

TEST_CASE("of processes that nobody asked for nothing is told, of the others it is") {
  std::atomic<int> told{0};
  auto events = ProcessEvents::Create([&] { ++told; });
  REQUIRE(events.ok());
  HeldChild asked_for, other;
  (*events)->Only(std::set<int32_t>{asked_for.pid});
  absl::SleepFor(absl::Milliseconds(3 * ProcessEvents::kApartMs));  // what was under way
  const int before = told;
  other.RunToItsEnd();
  absl::SleepFor(absl::Milliseconds(3 * ProcessEvents::kApartMs));
  CHECK(told == before);
  asked_for.RunToItsEnd();
  const absl::Time give_up = absl::Now() + absl::Seconds(10);
  while (told == before && absl::Now() < give_up) absl::SleepFor(absl::Milliseconds(1));
  CHECK(told > before);
  (*events)->Only(std::nullopt);
  const int narrow = told;
  HeldChild anybody;
  anybody.RunToItsEnd();
  while (told == narrow && absl::Now() < give_up) absl::SleepFor(absl::Milliseconds(1));
  CHECK(told > narrow);
}

}  // namespace
}  // namespace dlog::attach
