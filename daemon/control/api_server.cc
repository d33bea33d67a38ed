// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/api_server.h"

#include <fmt/format.h>
#include <grpc/grpc.h>

#include <chrono>
#include <utility>

#include "daemon/control/server_credentials.h"
#include "symbolizer/base/status_hint.h"

namespace dlog::daemon {
namespace {

// A plan with many sites and the types of a big program; everything else is small. A message takes many times its bytes
// in memory once it has been read, so this is no larger than it has to be.
constexpr int kMaxRequestBytes = 16 << 20;
// What all connections together may hold of requests that are not complete yet: gRPC collects a message to its end
// before it looks at its size. Beyond it calls are cancelled.
constexpr size_t kMaxConnectionBytes = size_t{48} << 20;
// Each call has a thread while it runs, a stream as long as its client follows. Calls beyond it are refused
// (RESOURCE_EXHAUSTED). The unit's TasksMax is larger.
constexpr int kMaxCallThreads = 1536;
// How long calls may still run when the server goes away.
constexpr std::chrono::seconds kShutdownGrace(2);

absl::Status CannotListen(const std::string& address) {
  return WithHint(absl::UnavailableError(fmt::format("cannot listen on {}", address)),
                  "is another program listening there, and is the address one of this machine?");
}

// gRPC lives until the process ends. With its last user it would shut down and first wait, for up to ten seconds, for a
// poll of its own that connections which have vanished leave behind.
void KeepGrpc() {
  static const bool kept = (grpc_init(), true);
  (void)kept;
}

// `port` is what was bound once the server has started, 0 when that failed.
void AddPort(const std::string& address, const std::shared_ptr<grpc::ServerCredentials>& credentials, int* port,
             grpc::ServerBuilder* builder) {
  // Two dlogd on one port would each get some of the connections.
  builder->AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder->AddListeningPort(address, credentials, port);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ApiServer>> ApiServer::Listen(Engine* engine, const std::string& path,
                                                             const NetworkListener& network, AuditLog* audit) {
  auto claim = SocketClaim::Create(path);
  if (!claim.ok()) return claim.status();
  KeepGrpc();
  std::unique_ptr<ApiServer> api(new ApiServer(engine, audit));
  grpc::EnableDefaultHealthCheckService(true);  // grpc.health.v1.Health: serving from the start until the end
  api->claim_ = *std::move(claim);
  auto acceptor = UnixAcceptor::Listen(path);
  if (!acceptor.ok()) return acceptor.status();
  api->acceptor_ = *std::move(acceptor);
  api->service_.set_acceptor(api->acceptor_.get());
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(kMaxRequestBytes);
  builder.SetResourceQuota(grpc::ResourceQuota("dlogd-api").Resize(kMaxConnectionBytes).SetMaxThreads(kMaxCallThreads));
  builder.RegisterService(&api->service_);
  // Clocks and scheduling: a client that is a little early is not cut off.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, kKeepaliveMs / 2);
  int port = 0;
  if (!network.address.empty()) {
    auto credentials = ServerCredentialsFor(network.address, network.tls);
    if (!credentials.ok()) return credentials.status();
    AddPort(network.address, *credentials, &port, &builder);
  }
  api->server_ = builder.BuildAndStart();
  if (api->server_ == nullptr && !network.address.empty() && port == 0) return CannotListen(network.address);
  if (api->server_ == nullptr) {
    return WithHint(absl::UnavailableError(fmt::format("cannot serve {}", path)),
                    "is the machine out of memory or of descriptors?");
  }
  api->acceptor_->Serve(api->server_.get());
  if (auto* health = api->server_->GetHealthCheckService()) {
    health->SetServingStatus(v1::DynamicLogging::service_full_name(), true);
  }
  return api;
}

std::unique_ptr<ApiServer> ApiServer::InProcess(Engine* engine) {
  std::unique_ptr<ApiServer> api(new ApiServer(engine));
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(kMaxRequestBytes);
  builder.RegisterService(&api->service_);
  api->server_ = builder.BuildAndStart();
  return api;
}

ApiServer::~ApiServer() {
  if (acceptor_ != nullptr) acceptor_->Stop();
  if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now() + kShutdownGrace);
}

std::shared_ptr<grpc::Channel> ApiServer::InProcessChannel() {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  return server_->InProcessChannel(arguments);
}

absl::StatusOr<std::unique_ptr<HealthServer>> HealthServer::Listen(const std::string& address) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::ServerBuilder builder;
  int port = 0;
  AddPort(address, grpc::InsecureServerCredentials(), &port, &builder);
  std::unique_ptr<HealthServer> health(new HealthServer());
  // gRPC does not start a server that has the health service only.
  builder.RegisterCallbackGenericService(&health->all_else_);
  health->server_ = builder.BuildAndStart();
  if (health->server_ == nullptr || port == 0) return CannotListen(address);
  return health;
}

HealthServer::~HealthServer() {
  if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now() + kShutdownGrace);
}

}  // namespace dlog::daemon
