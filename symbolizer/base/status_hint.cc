// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/base/status_hint.h"

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"

namespace dlog {
namespace {
constexpr char kHintUrl[] = "dlog/hint";
}  // namespace

absl::Status WithHint(absl::Status status, std::string_view hint) {
  if (!status.ok()) status.SetPayload(kHintUrl, absl::Cord(absl::string_view(hint.data(), hint.size())));
  return status;
}

std::string HintOf(const absl::Status& status) {
  auto payload = status.GetPayload(kHintUrl);
  return payload.has_value() ? std::string(*payload) : std::string();
}

absl::Status WithContext(const absl::Status& status, std::string_view context) {
  if (status.ok()) return status;
  absl::Status out(status.code(),
                   absl::StrCat(absl::string_view(context.data(), context.size()), ": ", status.message()));
  const std::string hint = HintOf(status);
  return hint.empty() ? out : WithHint(std::move(out), hint);
}

}  // namespace dlog
