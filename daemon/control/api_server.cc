// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/api_server.h"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "symbolizer/base/status_hint.h"

namespace dlog::daemon {
namespace {

// A plan with the types of a big program; everything else is small.
constexpr int kMaxRequestBytes = 64 << 20;
// How long calls may still run when the server goes away.
constexpr std::chrono::seconds kShutdownGrace(2);

}  // namespace

absl::StatusOr<std::unique_ptr<ApiServer>> ApiServer::ListenUnix(Engine* engine, const std::string& path,
                                                                 AuditLog* audit) {
  auto claim = SocketClaim::Create(path);
  if (!claim.ok()) return claim.status();
  std::unique_ptr<ApiServer> api(new ApiServer(engine, audit));
  grpc::EnableDefaultHealthCheckService(true);  // grpc.health.v1.Health: serving from the start until the end
  api->claim_ = *std::move(claim);
  auto acceptor = UnixAcceptor::Listen(path);
  if (!acceptor.ok()) return acceptor.status();
  api->acceptor_ = *std::move(acceptor);
  api->service_.set_acceptor(api->acceptor_.get());
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(kMaxRequestBytes);
  builder.RegisterService(&api->service_);
  api->server_ = builder.BuildAndStart();
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

}  // namespace dlog::daemon
