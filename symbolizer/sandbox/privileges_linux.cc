// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/sandbox/privileges_linux.h"

#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace dlog::sandbox {
namespace {

constexpr int kMostCapabilities = 64;  // of the two words of capset(2)

absl::Status Failed(const char* what) { return absl::ErrnoToStatus(errno, what); }

absl::Status BecomeUser(const Account& account) {
  if (setgroups(0, nullptr) != 0) return Failed("setgroups");
  if (setresgid(account.gid, account.gid, account.gid) != 0) return Failed("setresgid");
  if (setresuid(account.uid, account.uid, account.uid) != 0) return Failed("setresuid");
  uid_t real = 0, effective = 0, saved = 0;
  if (getresuid(&real, &effective, &saved) != 0) return Failed("getresuid");
  if (real != account.uid || effective != account.uid || saved != account.uid || setuid(0) == 0) {
    return absl::InternalError("the user did not change");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status DropPrivileges(const std::optional<Account>& account) {
  // Without CAP_SETPCAP this is refused; then no_new_privs and the ban on exec keep the bounding set from mattering.
  for (int capability = 0; capability < kMostCapabilities; ++capability) prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |
                               SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED | SECBIT_NO_SETUID_FIXUP_LOCKED |
                               SECBIT_KEEP_CAPS_LOCKED);
  if (account.has_value()) {
    if (absl::Status status = BecomeUser(*account); !status.ok()) return status;
  }
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> none = {};
  if (syscall(SYS_capset, &header, none.data()) != 0) return Failed("capset");
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> left = {};
  if (syscall(SYS_capget, &header, left.data()) != 0) return Failed("capget");
  for (const __user_cap_data_struct& word : left) {
    if (word.effective != 0 || word.permitted != 0 || word.inheritable != 0) {
      return absl::InternalError("capabilities are left");
    }
  }
  return absl::OkStatus();
}

}  // namespace dlog::sandbox
