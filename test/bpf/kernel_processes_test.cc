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

}  // namespace
}  // namespace dlog::attach
