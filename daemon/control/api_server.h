// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "daemon/control/grpc_service.h"
#include "daemon/control/socket_claim.h"

namespace dlog::daemon {

// Serves an engine until destruction (which waits for running calls; stop the engine first, it ends the streams).
class ApiServer {
 public:
  // On a unix socket that only its owner may use (mode 0600). AlreadyExists when another dlogd has it.
  // `audit`, which outlives the server, may be null.
  static absl::StatusOr<std::unique_ptr<ApiServer>> ListenUnix(Engine* engine, const std::string& path,
                                                               AuditLog* audit = nullptr);
  // For callers in this process only.
  static std::unique_ptr<ApiServer> InProcess(Engine* engine);
  ~ApiServer();

  std::shared_ptr<grpc::Channel> InProcessChannel();

 private:
  explicit ApiServer(Engine* engine, AuditLog* audit = nullptr) : service_(engine, audit) {}

  GrpcService service_;
  std::unique_ptr<SocketClaim> claim_;
  std::unique_ptr<UnixAcceptor> acceptor_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace dlog::daemon
