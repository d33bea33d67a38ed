// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/security/server_credentials.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "daemon/tls/files.h"

namespace dlog::daemon {

// Whether ServerCredentialsFor could do its work; the same errors.
absl::Status CheckServerFiles(const std::string& address, const tls::Files& files);

// What a server on a network address asks of its clients: a certificate of `files.ca`, or, without files, to be on this
// machine: InvalidArgument when the host of `address` is not a loopback address then. Files that change are read again.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> ServerCredentialsFor(const std::string& address,
                                                                              const tls::Files& files);

// "127.0.0.1:9465", "[::1]:9465", "localhost:9465".
bool IsLoopback(const std::string& address);

}  // namespace dlog::daemon
