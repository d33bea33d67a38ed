// SPDX-License-Identifier: Apache-2.0
#include "daemon/attach/bpf_errors.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "symbolizer/base/status_hint.h"

namespace dlog::attach {
namespace {

constexpr char kPrivilegeHint[] =
    "run dlogd as root, or give it CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE (and CAP_SYS_ADMIN where the kernel "
    "insists); "
    "`dlogctl doctor` shows what is missing";
constexpr char kDoctorHint[] = "`dlogctl doctor` tries each kernel feature that dlog needs";

absl::Status NoPrivilege(const std::string& what, int error) {
  return WithHint(absl::PermissionDeniedError(absl::StrCat(what, ": ", std::strerror(error))), kPrivilegeHint);
}

}  // namespace

absl::Status CheckKernelBtf(const std::string& path) {
  if (access(path.c_str(), R_OK) == 0) return absl::OkStatus();
  return WithHint(
      absl::FailedPreconditionError(absl::StrCat("kernel type information ", path, ": ", std::strerror(errno))),
      "the kernel must be built with CONFIG_DEBUG_INFO_BTF=y, and /sys must be mounted");
}

absl::Status LoadError(int error, const std::string& log) {
  if (error == EPERM || (error == EACCES && log.empty())) return NoPrivilege("load BPF programs", error);
  const std::string detail = log.empty() ? "" : absl::StrCat(" (", log, ")");
  return WithHint(absl::FailedPreconditionError(absl::StrCat("load BPF programs: ", std::strerror(error), detail)),
                  kDoctorHint);
}

absl::Status LinkError(int error, const std::string& path, int pid) {
  const std::string what = absl::StrCat("attach to ", path);
  switch (error) {
    case EPERM:
    case EACCES:
      return NoPrivilege(what, error);
    case ESRCH:
      return absl::NotFoundError(absl::StrCat(what, ": process ", pid, " does not exist"));
    case ENOENT:
      return absl::NotFoundError(absl::StrCat(what, ": ", std::strerror(error)));
    case EINVAL:
      return WithHint(
          absl::FailedPreconditionError(absl::StrCat(what, ": the kernel does not know uprobe_multi links")),
          "Linux 6.6 or newer is needed; `dlogctl doctor` shows what this kernel can do");
    case ENODEV:
      return WithHint(absl::FailedPreconditionError(absl::StrCat(what, ": the kernel has no uprobe perf events")),
                      "the kernel must be built with CONFIG_UPROBE_EVENTS=y, and /sys must be mounted");
    case EMFILE:
    case ENFILE:
      return WithHint(absl::ResourceExhaustedError(absl::StrCat(what, ": ", std::strerror(error))),
                      "raise LimitNOFILE of dlogd, or remove logpoints (`dlogctl rm`)");
    case kNotSupported:
      return absl::FailedPreconditionError(
          absl::StrCat(what, ": the kernel refuses a probe on the instruction of every site"));
    case EIO:
      return absl::FailedPreconditionError(
          absl::StrCat(what, ": the file cannot carry probes (its file system cannot map it, or it was cut short)"));
    default:
      return WithHint(absl::FailedPreconditionError(absl::StrCat(what, ": ", std::strerror(error))), kDoctorHint);
  }
}

}  // namespace dlog::attach
