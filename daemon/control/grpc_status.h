// SPDX-License-Identifier: Apache-2.0
//
// absl::Status <-> grpc::Status, hint included: it travels in the trailing metadata as "dlog-hint", or as
// "dlog-hint-bin" when it has characters that metadata of text may not have.
#pragma once

#include <grpcpp/grpcpp.h>

#include "absl/status/status.h"

namespace dlog::daemon {

// Server side, before the call returns.
grpc::Status ToGrpc(const absl::Status& status, grpc::ServerContext* context);

// Client side, after the call.
absl::Status FromGrpc(const grpc::Status& status, const grpc::ClientContext& context);

}  // namespace dlog::daemon
