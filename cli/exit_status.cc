// SPDX-License-Identifier: Apache-2.0
#include "cli/exit_status.h"

#include <fmt/format.h>

#include <cstdio>

#include "absl/strings/cord.h"
#include "symbolizer/base/status_hint.h"

namespace dlog::cli {
namespace {

constexpr char kExitUrl[] = "dlog/exit-status";

const char* StandardHint(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kPermissionDenied:
      return "run as root, or ask whoever runs dlogd";
    case absl::StatusCode::kInvalidArgument:
      return "`dlogctl COMMAND --help` shows what the command takes";
    case absl::StatusCode::kNotFound:
      return "check the name; `dlogctl lines` and `dlogctl vars` show what there is";
    case absl::StatusCode::kUnavailable:
      return "is dlogd running? `systemctl status dlogd` tells";
    default:
      return "`dlogctl doctor` shows what this machine can do";
  }
}

}  // namespace

absl::Status WithExitStatus(absl::Status status, ExitStatus exit_status) {
  status.SetPayload(kExitUrl, absl::Cord(std::to_string(exit_status)));
  return status;
}

std::string Harmless(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\n') || byte == 0x7f) c = '?';
  }
  return out;
}

void Note(std::string_view text) { fmt::print(stderr, "dlogctl: {}\n", Harmless(text)); }

int Report(const absl::Status& status) {
  Note(std::string(status.message()));
  const std::string hint = HintOf(status);
  fmt::print(stderr, "hint: {}\n", hint.empty() ? StandardHint(status.code()) : Harmless(hint));
  auto exit_status = status.GetPayload(kExitUrl);
  return exit_status.has_value() ? std::stoi(std::string(*exit_status)) : kFailed;
}

}  // namespace dlog::cli
