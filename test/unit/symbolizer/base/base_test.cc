// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>

#include "symbolizer/base/addresses.h"
#include "symbolizer/base/status_hint.h"
#include "symbolizer/base/unique_fd.h"
#include "test/catch.h"

namespace dlog {
namespace {

bool IsOpen(int fd) { return fcntl(fd, F_GETFD) != -1; }

TEST_CASE("a hint travels beside the message and survives added context") {
  const absl::Status status = WithHint(absl::NotFoundError("no such file"), "look elsewhere");
  CHECK(status.message() == "no such file");
  CHECK(HintOf(status) == "look elsewhere");
  const absl::Status outer = WithContext(status, "a.cc");
  CHECK(outer.code() == absl::StatusCode::kNotFound);
  CHECK(outer.message() == "a.cc: no such file");
  CHECK(HintOf(outer) == "look elsewhere");
}

TEST_CASE("without a hint there is none, and OK stays OK") {
  CHECK(HintOf(absl::NotFoundError("x")).empty());
  CHECK(HintOf(WithContext(absl::NotFoundError("x"), "y")).empty());
  CHECK(WithHint(absl::OkStatus(), "h").ok());
  CHECK(HintOf(WithHint(absl::OkStatus(), "h")).empty());
  CHECK(WithContext(absl::OkStatus(), "y").ok());
}

TEST_CASE("a newer hint replaces the older") {
  CHECK(HintOf(WithHint(WithHint(absl::InternalError("x"), "a"), "b")) == "b");
}

TEST_CASE("a descriptor is closed exactly once") {
  int raw = -1;
  {
    UniqueFd fd(open("/dev/null", O_RDONLY | O_CLOEXEC));
    raw = fd.get();
    REQUIRE(fd.valid());
    UniqueFd moved(std::move(fd));
    CHECK_FALSE(fd.valid());  // NOLINT(bugprone-use-after-move,clang-analyzer-cplusplus.Move): what is tested
    CHECK(moved.get() == raw);
    CHECK(IsOpen(raw));
  }
  CHECK_FALSE(IsOpen(raw));
}

TEST_CASE("a released descriptor stays open, a replaced one does not") {
  UniqueFd fd(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int released = fd.Release();
  CHECK_FALSE(fd.valid());
  CHECK(IsOpen(released));
  fd.Reset(released);
  UniqueFd other(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int kept = other.get();
  fd = std::move(other);
  CHECK_FALSE(IsOpen(released));
  CHECK(fd.get() == kept);
  CHECK(IsOpen(kept));
}

TEST_CASE("addresses of one sort compare by value") {
  CHECK(LinkAddress{1} < LinkAddress{2});
  CHECK(FileOffset{3} == FileOffset{3});
  CHECK(RuntimeAddress{4} > RuntimeAddress{3});
}

}  // namespace
}  // namespace dlog
