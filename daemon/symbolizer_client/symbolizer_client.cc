// SPDX-License-Identifier: Apache-2.0
#include "daemon/symbolizer_client/symbolizer_client.h"

#include <fmt/format.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/cord.h"
#include "daemon/symbolizer_client/child_process.h"
#include "symbolizer/base/status_hint.h"

namespace dlog::daemon {
namespace {

constexpr char kFailureUrl[] = "dlog/symbolizer-failure";
constexpr char kReportHint[] =
    "the debug information of this binary trips the symbolizer; nothing was attached. Please report it with the binary";

std::string BesideThisExecutable(const std::string& name) {
  std::array<char, 4096> path;
  const ssize_t length = readlink("/proc/self/exe", path.data(), path.size());
  if (length <= 0) return name;
  const std::string self(path.data(), static_cast<size_t>(length));
  return self.substr(0, self.rfind('/') + 1) + name;
}

absl::Status Failure(std::string reason, absl::Status status, std::string_view hint) {
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

absl::StatusOr<v1::SymbolizerResponse> SymbolizerClient::Run(const v1::SymbolizerRequest& request) const {
  ChildLimits limits;
  limits.timeout_ms = options_.timeout_ms;
  limits.max_output_bytes = options_.max_answer_bytes;
  limits.address_space_bytes = options_.address_space_bytes;
  auto child = RunChild(options_.worker_path, request.SerializeAsString(), limits);
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
  if (child->signal != 0) {
    return Failure("crash",
                   absl::InternalError(fmt::format("dlog-symbolizer was killed by signal {} ({}){}", child->signal,
                                                   strsignal(child->signal), words)),
                   kReportHint);
  }
  if (child->exit_status != 0) {
    return Failure(
        "crash",
        absl::InternalError(fmt::format("dlog-symbolizer ended with exit status {}{}", child->exit_status, words)),
        kReportHint);
  }
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
