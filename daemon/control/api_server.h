// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "daemon/control/grpc_service.h"
#include "daemon/control/socket_claim.h"
#include "daemon/tls/files.h"

namespace dlog::daemon {

// How often a client asks whether this side is still there (HTTP/2 ping) while it waits for an answer.
inline constexpr int kKeepaliveMs = 10000;

// Where the API is served beside its unix socket.
struct NetworkListener {
  std::string address;  // "HOST:PORT"; empty: nowhere
  tls::Files tls;       // both sides show a certificate; empty: no TLS, and then the host must be a loopback address
};

// Serves an engine until destruction (which waits for running calls; stop the engine first, it ends the streams).
class ApiServer {
 public:
  // On a unix socket that only its owner may use (mode 0600), and on the network. New certificate files are taken up
  // within seconds, for new connections. AlreadyExists when another dlogd has the socket.
  // `audit`, which outlives the server, may be null.
  static absl::StatusOr<std::unique_ptr<ApiServer>> Listen(Engine* engine, const std::string& path,
                                                           const NetworkListener& network, AuditLog* audit = nullptr);
  static absl::StatusOr<std::unique_ptr<ApiServer>> ListenUnix(Engine* engine, const std::string& path,
                                                               AuditLog* audit = nullptr) {
    return Listen(engine, path, {}, audit);
  }
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

// The gRPC health service alone, without TLS: for probes of an orchestrator. Serving from its creation on.
class HealthServer {
 public:
  static absl::StatusOr<std::unique_ptr<HealthServer>> Listen(const std::string& address);
  ~HealthServer();

 private:
  HealthServer() = default;
  grpc::CallbackGenericService all_else_;  // answers UNIMPLEMENTED
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace dlog::daemon
