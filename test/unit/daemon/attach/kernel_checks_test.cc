// SPDX-License-Identifier: Apache-2.0
#include "daemon/attach/kernel_checks.h"

#include <cerrno>

#include "test/catch.h"

namespace dlog::attach {
namespace {

constexpr uint64_t kAdmin = 1ull << 21, kPerfmon = 1ull << 38, kBpf = 1ull << 39;

}  // namespace

TEST_CASE("effective capabilities are read from the status text") {
  CHECK(*EffectiveCapabilities("Name:\tx\nCapPrm:\t00000000000000ff\nCapEff:\t000001fffeffffff\n") == 0x1fffeffffff);
  CHECK(absl::IsDataLoss(EffectiveCapabilities("Name:\tx\n").status()));
  CHECK(absl::IsDataLoss(EffectiveCapabilities("CapEff:\tno number\n").status()));
}

TEST_CASE("the two BPF capabilities or the old one are enough") {
  CHECK(PrivilegeCheck(kAdmin).ok);
  CHECK(PrivilegeCheck(kBpf | kPerfmon).ok);
  CHECK_FALSE(PrivilegeCheck(kBpf).ok);
  CHECK_FALSE(PrivilegeCheck(kPerfmon).ok);
  const KernelCheck none = PrivilegeCheck(0);
  CHECK_FALSE(none.ok);
  CHECK(none.required);
  CHECK_FALSE(none.hint.empty());
  CHECK_THAT(none.detail, ContainsText("CAP_BPF"));
}

TEST_CASE("the answer to the uprobe system call names the generation") {
  CHECK_THAT(OptimizedProbeCheck(ENXIO).detail, ContainsText("first generation"));
  CHECK_THAT(OptimizedProbeCheck(EPROTO).detail, ContainsText("repaired"));
  CHECK(OptimizedProbeCheck(ENOSYS).detail == "none");
  CHECK_THAT(OptimizedProbeCheck(EPERM).detail, ContainsText("unknown"));
}

}  // namespace dlog::attach
