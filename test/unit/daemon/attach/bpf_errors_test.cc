// SPDX-License-Identifier: Apache-2.0
#include "daemon/attach/bpf_errors.h"

#include <cerrno>

#include "symbolizer/base/status_hint.h"
#include "test/catch.h"

namespace dlog::attach {

TEST_CASE("missing kernel type information is a precondition with a hint") {
  const absl::Status status = CheckKernelBtf("/nonexistent/btf");
  CHECK(absl::IsFailedPrecondition(status));
  CHECK_THAT(std::string(status.message()), ContainsText("/nonexistent/btf"));
  CHECK_THAT(HintOf(status), ContainsText("CONFIG_DEBUG_INFO_BTF"));
  CHECK(CheckKernelBtf("/proc/self/exe").ok());
}

TEST_CASE("loading without privilege says which capabilities are needed") {
  const absl::Status denied = LoadError(EPERM, "some libbpf line");
  CHECK(absl::IsPermissionDenied(denied));
  CHECK_THAT(HintOf(denied), ContainsText("CAP_BPF"));
  CHECK(absl::IsPermissionDenied(LoadError(EACCES, "")));
}

TEST_CASE("a verifier complaint is no matter of privilege") {
  const absl::Status status = LoadError(EACCES, "invalid access to map value");
  CHECK(absl::IsFailedPrecondition(status));
  CHECK_THAT(std::string(status.message()), ContainsText("invalid access to map value"));
}

TEST_CASE("each way a link fails has its own code") {
  CHECK(absl::IsPermissionDenied(LinkError(EPERM, "/bin/x", 0)));
  CHECK_FALSE(HintOf(LinkError(EPERM, "/bin/x", 0)).empty());
  CHECK(absl::IsNotFound(LinkError(ESRCH, "/bin/x", 42)));
  CHECK_THAT(std::string(LinkError(ESRCH, "/bin/x", 42).message()), ContainsText("42"));
  CHECK(absl::IsNotFound(LinkError(ENOENT, "/bin/x", 0)));
  CHECK(absl::IsFailedPrecondition(LinkError(EINVAL, "/bin/x", 0)));
  CHECK_THAT(HintOf(LinkError(EINVAL, "/bin/x", 0)), ContainsText("6.6"));
  CHECK(absl::IsResourceExhausted(LinkError(EMFILE, "/bin/x", 0)));
  CHECK_THAT(HintOf(LinkError(ENODEV, "/bin/x", 0)), ContainsText("CONFIG_UPROBE_EVENTS"));
  CHECK_THAT(std::string(LinkError(524, "/bin/x", 0).message()), ContainsText("refuses a probe"));
  CHECK(absl::IsFailedPrecondition(LinkError(ENOMEM, "/bin/x", 0)));
}

}  // namespace dlog::attach
