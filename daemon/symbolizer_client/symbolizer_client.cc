// SPDX-License-Identifier: Apache-2.0
#include "daemon/symbolizer_client/symbolizer_client.h"

#include <fmt/format.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "absl/strings/cord.h"
#include "daemon/symbolizer_client/file_broker.h"
#include "daemon/symbolizer_client/worker_account.h"
#include "symbolizer/base/status_hint.h"
#include "symbolizer/sandbox/exit_status.h"
#include "symbolizer/sandbox/protocol.h"

namespace dlog::daemon {
namespace {

constexpr char kFailureUrl[] = "dlog/symbolizer-failure";
constexpr char kReportHint[] =
    "the debug information of this binary trips the symbolizer; nothing was attached. Please report it with the binary";
constexpr char kLimitHint[] =
    "the binary needs more than a worker may use, or is made to; resolve on another machine with `dlogctl resolve` and "
    "attach with --plan";

std::string BesideThisExecutable(const std::string& name) {
  std::array<char, 4096> path;
  const ssize_t length = readlink("/proc/self/exe", path.data(), path.size());
  if (length <= 0) return name;
  const std::string self(path.data(), static_cast<size_t>(length));
  return self.substr(0, self.rfind('/') + 1) + name;
}

absl::Status Failure(const std::string& reason, absl::Status status, std::string_view hint) {
  status = WithHint(std::move(status), hint);
  status.SetPayload(kFailureUrl, absl::Cord(reason));
  return status;
}

// The worker's last words, on one line of printable characters: they may quote hostile strings of the binary.
std::string LastWords(const std::string& error_text) {
  size_t end = error_text.find_last_not_of(" \n\r\t");
  if (end == std::string::npos) return "";
  const size_t newline = error_text.rfind('\n', end);
  const size_t begin = newline == std::string::npos ? 0 : newline + 1;
  std::string line = error_text.substr(begin, end + 1 - begin);
  if (line.size() > 300) line.resize(300);
  for (char& c : line) {
    if (c < 0x20 || c > 0x7e) c = '?';
  }
  return " (" + line + ")";
}

absl::Status WorkerError(const v1::SymbolizerError& error) {
  const bool known = error.code() > static_cast<int>(absl::StatusCode::kOk) &&
                     error.code() <= static_cast<int>(absl::StatusCode::kUnauthenticated);
  const auto code = known ? static_cast<absl::StatusCode>(error.code()) : absl::StatusCode::kUnknown;
  absl::Status status(code, error.message().empty() ? "dlog-symbolizer failed without a message" : error.message());
  return error.hint().empty() ? status : WithHint(std::move(status), error.hint());
}

// Why a worker did not end well; OK when it did. `words` is what it said last.
absl::Status FailureOf(const ChildResult& child, const std::string& words) {
  switch (child.signal) {
    case 0:
      break;
    case SIGXCPU:
      return Failure("limit", absl::ResourceExhaustedError("dlog-symbolizer used up its CPU time" + words), kLimitHint);
    case SIGXFSZ:
      return Failure("limit", absl::ResourceExhaustedError("dlog-symbolizer wrote a file that is too large" + words),
                     kLimitHint);
    case SIGKILL:  // not by us: the kernel, out of memory or at the hard limit of CPU time
      return Failure("limit", absl::ResourceExhaustedError("dlog-symbolizer was killed by the system" + words),
                     kLimitHint);
    case SIGSYS:
      return Failure("sandbox", absl::InternalError("dlog-symbolizer was killed by its sandbox" + words), kReportHint);
    default:
      return Failure("crash",
                     absl::InternalError(fmt::format("dlog-symbolizer was killed by signal {} ({}){}", child.signal,
                                                     strsignal(child.signal), words)),
                     kReportHint);
  }
  switch (child.exit_status) {
    case 0:
      return absl::OkStatus();
    case sandbox::kExitOutOfMemory:
      return Failure("limit", absl::ResourceExhaustedError("dlog-symbolizer ran into its memory limit" + words),
                     kLimitHint);
    case sandbox::kExitForbiddenCall:
      return Failure("sandbox", absl::InternalError("dlog-symbolizer was killed by its sandbox" + words), kReportHint);
    case sandbox::kExitNoSandbox:
      return Failure("sandbox", absl::FailedPreconditionError("dlog-symbolizer did not run" + words),
                     "its sandbox needs seccomp filters and, as root, the right to change its user; a container may "
                     "forbid them");
    default:
      return Failure(
          "crash",
          absl::InternalError(fmt::format("dlog-symbolizer ended with exit status {}{}", child.exit_status, words)),
          kReportHint);
  }
}

SymbolizerOptions Complete(SymbolizerOptions options) {
  if (options.worker_path.empty()) options.worker_path = BesideThisExecutable("dlog-symbolizer");
  return options;
}

}  // namespace

std::string SymbolizerFailureReason(const absl::Status& status) {
  auto payload = status.GetPayload(kFailureUrl);
  return payload.has_value() ? std::string(*payload) : std::string();
}

SymbolizerClient::SymbolizerClient(SymbolizerOptions options) : options_(Complete(std::move(options))) {}

absl::StatusOr<ChildResult> SymbolizerClient::RunWorker(const v1::SymbolizerRequest& request, bool check_only) const {
  v1::SymbolizerRequest inside = request;
  for (const std::string& directory : request.spec().target().debug_directories()) {
    inside.add_own_debug_directories(directory);
  }
  for (const std::string& directory : options_.debug_directories) inside.add_own_debug_directories(directory);
  ChildLimits limits;
  limits.timeout_ms = options_.timeout_ms;
  limits.max_output_bytes = options_.max_answer_bytes;
  limits.address_space_bytes = options_.address_space_bytes;
  auto broker = FileBroker::Create(FilePolicy(inside), options_.debuginfod);
  if (!broker.ok()) return broker.status();
  const std::optional<WorkerAccount> account = FindWorkerAccount();
  auto scratch = ScratchDirectory::Open(request.cache_directory(), account);
  if (!scratch.ok()) return scratch.status();
  inside.set_cache_directory(scratch->is_cache() ? "." : "");

  ChildExtras extras;
  extras.arguments.push_back(sandbox::kSandboxArgument);
  if (check_only) extras.arguments.push_back(sandbox::kCheckArgument);
  if (account.has_value()) {
    extras.arguments.push_back(fmt::format("{}{}:{}", sandbox::kUserArgument, account->uid, account->gid));
  }
  static_assert(sandbox::kBrokerFd == 3 && sandbox::kScratchFd == 4, "the order below");
  extras.descriptors = {broker->worker_end(), scratch->fd()};
  extras.served_fd = broker->our_end();
  extras.serve = [&] { return broker->ServeOne(); };
  return RunChild(options_.worker_path, inside.SerializeAsString(), limits, extras);
}

absl::StatusOr<std::string> SymbolizerClient::DescribeSandbox() const {
  auto child = RunWorker({}, /*check_only=*/true);
  if (!child.ok()) return child.status();
  if (child->timed_out) return absl::DeadlineExceededError("dlog-symbolizer did not answer");
  if (absl::Status status = FailureOf(*child, LastWords(child->error_text)); !status.ok()) return status;
  const std::string& text = child->output;
  return text.substr(0, text.find('\n'));
}

absl::StatusOr<v1::SymbolizerResponse> SymbolizerClient::Run(const v1::SymbolizerRequest& request) const {
  auto child = RunWorker(request, /*check_only=*/false);
  if (!child.ok()) {
    return Failure("spawn", child.status(), "install dlog-symbolizer in the directory of this program");
  }
  const std::string words = LastWords(child->error_text);
  if (child->timed_out) {
    return Failure(
        "timeout",
        absl::DeadlineExceededError(fmt::format("dlog-symbolizer did not answer within {} s and was killed{}",
                                                options_.timeout_ms / 1000.0, words)),
        "the binary may be very large, or the machine very busy: try again, or resolve on another machine "
        "with `dlogctl resolve` and attach with --plan");
  }
  if (child->output_overflow) {
    return Failure("oversize",
                   absl::ResourceExhaustedError(fmt::format(
                       "dlog-symbolizer answered with more than {} bytes and was killed", options_.max_answer_bytes)),
                   kReportHint);
  }
  if (absl::Status status = FailureOf(*child, words); !status.ok()) return status;
  v1::SymbolizerResponse response;
  if (child->output.empty() || !response.ParseFromString(child->output)) {
    return Failure("garbage",
                   absl::InternalError(fmt::format("dlog-symbolizer's answer of {} bytes does not parse{}",
                                                   child->output.size(), words)),
                   kReportHint);
  }
  if (response.has_error()) return WorkerError(response.error());
  return response;
}

}  // namespace dlog::daemon
