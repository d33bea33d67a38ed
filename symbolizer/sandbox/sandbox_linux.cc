// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/sandbox/sandbox_linux.h"

#include <fmt/format.h>
#include <linux/landlock.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "symbolizer/sandbox/sanitizer_build.h"
#include "symbolizer/sandbox/system_call_filter.h"

namespace dlog::sandbox {
namespace {

absl::Status Failed(const char* what) { return absl::ErrnoToStatus(errno, what); }

// Never raises a limit that was set from outside.
absl::Status Lower(__rlimit_resource resource, uint64_t wanted) {
  rlimit limit = {};
  if (getrlimit(resource, &limit) != 0) return Failed("getrlimit");
  limit.rlim_max = std::min<rlim_t>(limit.rlim_max, wanted);
  limit.rlim_cur = std::min(limit.rlim_cur, limit.rlim_max);
  return setrlimit(resource, &limit) == 0 ? absl::OkStatus() : Failed("setrlimit");
}

absl::Status SetLimits(const Limits& limits) {
  absl::Status status = Lower(RLIMIT_CORE, 0);
  status.Update(Lower(RLIMIT_NOFILE, limits.descriptors));
  status.Update(Lower(RLIMIT_FSIZE, limits.file_bytes));
  if (kSanitizerBuild) return status;  // shadow memory is terabytes of address space
  status.Update(Lower(RLIMIT_DATA, limits.memory_bytes));
  status.Update(Lower(RLIMIT_AS, limits.address_space_bytes));
  return status;
}

// The scratch directory becomes the working directory and, where that is allowed, the root. A process that keeps its
// user may do that inside a user namespace of its own, which also takes its network away.
absl::StatusOr<bool> ChangeRoot(int scratch, bool keeps_user) {
  if (fchdir(scratch) != 0) return Failed("fchdir to the scratch directory");
  if (chroot(".") == 0) return true;
  if (!keeps_user || unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC) != 0) return false;
  return chroot(".") == 0;
}

// Rights of landlock(7) by the version that brought them; a right that the kernel does not know must not be asked for.
uint64_t HandledRights(int version) {
  uint64_t rights = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
  if (version >= 2) rights |= 1ull << 13;  // LANDLOCK_ACCESS_FS_REFER
  if (version >= 3) rights |= 1ull << 14;  // LANDLOCK_ACCESS_FS_TRUNCATE
  if (version >= 5) rights |= 1ull << 15;  // LANDLOCK_ACCESS_FS_IOCTL_DEV
  return rights;
}

constexpr uint64_t kScratchRights = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
                                    LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |
                                    LANDLOCK_ACCESS_FS_REMOVE_FILE | 1ull << 14;

// struct landlock_ruleset_attr grew; this is its form since version 6.
struct RulesetAttributes {
  uint64_t filesystem = 0;
  uint64_t network = 0;
  uint64_t scoped = 0;
};

// The version in force; 0 when the kernel has no Landlock.
absl::StatusOr<int> RestrictFiles(int scratch) {
  const int version =
      static_cast<int>(syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION));
  if (version <= 0) return 0;
  RulesetAttributes attributes;
  attributes.filesystem = HandledRights(version);
  if (version >= 4) attributes.network = 3;  // no TCP: bind, connect
  if (version >= 6) attributes.scoped = 3;   // no abstract sockets and no signals out of here
  const size_t size = version >= 6 ? sizeof(attributes) : version >= 4 ? 16 : 8;
  const UniqueFd ruleset(static_cast<int>(syscall(SYS_landlock_create_ruleset, &attributes, size, 0)));
  if (!ruleset.valid()) return Failed("landlock_create_ruleset");
  landlock_path_beneath_attr beneath = {};
  beneath.allowed_access = kScratchRights & attributes.filesystem;
  beneath.parent_fd = scratch;
  if (syscall(SYS_landlock_add_rule, ruleset.get(), LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) != 0) {
    return Failed("landlock_add_rule");
  }
  if (syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0) return Failed("landlock_restrict_self");
  return version;
}

}  // namespace

absl::StatusOr<SandboxLayers> EnterSandbox(SandboxOptions options) {
  SandboxLayers layers;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return Failed("no_new_privs");
  if (absl::Status status = SetLimits(options.limits); !status.ok()) return status;
  auto root_changed = ChangeRoot(options.scratch.get(), !options.account.has_value());
  if (!root_changed.ok()) return root_changed.status();
  layers.root_changed = *root_changed;
  auto landlock = RestrictFiles(options.scratch.get());
  if (!landlock.ok()) return landlock.status();
  layers.landlock_version = *landlock;
  options.scratch.Reset();
  if (absl::Status status = DropPrivileges(options.account); !status.ok()) return status;
  // After the change of user, which undoes both.
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return Failed("not dumpable");
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return Failed("parent death signal");
  if (!kSanitizerBuild) {
    if (absl::Status status = InstallSystemCallFilter(); !status.ok()) return status;
    layers.filtered = true;
  }
  return layers;
}

std::string Describe(const SandboxLayers& layers) {
  return fmt::format("user {}, no capabilities, {}, {}, {}", getuid(),
                     layers.root_changed ? "own root directory" : "the system's root directory",
                     layers.landlock_version > 0 ? fmt::format("landlock {}", layers.landlock_version)
                                                 : std::string("no landlock in this kernel"),
                     layers.filtered ? "system calls filtered" : "system calls not filtered (sanitizer build)");
}

}  // namespace dlog::sandbox
