// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/grpc_status.h"

#include <algorithm>
#include <string>

#include "symbolizer/base/status_hint.h"

namespace dlog::daemon {
namespace {

constexpr char kHintKey[] = "dlog-hint";
constexpr char kBinaryHintKey[] = "dlog-hint-bin";
// Both share the 8 KiB that gRPC allows for metadata by default, and percent-encoding may triple the message.
constexpr size_t kMaxMessage = 1500;
constexpr size_t kMaxHint = 1500;

std::string Cut(std::string text, size_t maximum) {
  if (text.size() > maximum) text = text.substr(0, maximum) + "...";
  return text;
}

bool IsPrintable(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c >= 0x20 && c <= 0x7e; });
}

}  // namespace

grpc::Status ToGrpc(const absl::Status& status, grpc::ServerContext* context) {
  if (status.ok()) return grpc::Status::OK;
  const std::string hint = Cut(HintOf(status), kMaxHint);
  if (!hint.empty()) context->AddTrailingMetadata(IsPrintable(hint) ? kHintKey : kBinaryHintKey, hint);
  // The numbers of the two sets of codes are the same by design.
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), Cut(std::string(status.message()), kMaxMessage));
}

absl::Status FromGrpc(const grpc::Status& status, const grpc::ClientContext& context) {
  if (status.ok()) return absl::OkStatus();
  absl::Status out(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  for (const char* key : {kHintKey, kBinaryHintKey}) {
    const auto& metadata = context.GetServerTrailingMetadata();
    auto hint = metadata.find(key);
    if (hint != metadata.end()) return WithHint(out, std::string(hint->second.data(), hint->second.size()));
  }
  return out;
}

}  // namespace dlog::daemon
