// SPDX-License-Identifier: Apache-2.0
#include "cli/client/client.h"

#include <fmt/format.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include "absl/strings/match.h"
#include "cli/client/offline.h"
#include "cli/exit_status.h"
#include "daemon/control/api_server.h"
#include "daemon/control/engine.h"
#include "daemon/control/grpc_status.h"
#include "daemon/control/local_engine.h"
#include "symbolizer/base/status_hint.h"
#include "symbolizer/base/unique_fd.h"

namespace dlog::cli {
namespace {

constexpr absl::Duration kSecondTry = absl::Seconds(5);
// How gRPC begins what it says of a call that no connection was found for.
constexpr absl::string_view kNeverSent = "failed to connect to all addresses";

// 0, or the errno of a connection attempt.
int TryConnect(const std::string& path) {
  sockaddr_un address = {};
  if (path.size() >= sizeof(address.sun_path)) return ENAMETOOLONG;
  address.sun_family = AF_UNIX;
  memcpy(address.sun_path, path.data(), path.size());
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 ? 0 : errno;
}

absl::Status NoDaemon(const std::string& path, int error) {
  return WithExitStatus(
      WithHint(absl::UnavailableError(fmt::format(
                   "no dlogd at unix://{} ({}), and this process may not probe by itself", path, strerror(error))),
               "start dlogd, name its socket with --server unix://PATH, or run dlogctl as root"),
      kNoDaemon);
}

}  // namespace

bool SocketAccepts(const std::string& path) { return TryConnect(path) == 0; }

absl::Status Client::CheckForDaemon(const ClientOptions& options) {
  if (options.visualizers == daemon::kDefaultVisualizerDirectory) return absl::OkStatus();
  return WithHint(absl::InvalidArgumentError("--visualizers means nothing here: dlogd has visualizers of its own"),
                  "name the directory in dlogd's configuration (visualizers-dir) and send it SIGHUP");
}

absl::StatusOr<std::unique_ptr<Client>> Client::Connect(const ClientOptions& options) {
  if (options.servers.empty()) return ConnectHere(options);
  if (auto status = CheckForDaemon(options); !status.ok()) return status;
  auto addresses = ParseServers(options.servers);
  if (!addresses.ok()) return addresses.status();
  if (addresses->size() > 1) {
    return WithExitStatus(WithHint(absl::InvalidArgumentError(fmt::format(
                                       "this command asks one node, and --server names {}", addresses->size())),
                                   fmt::format("choose one, for example --server {}", addresses->front().name)),
                          kWrongUsage);
  }
  return ConnectTo(addresses->front(), options.credentials);
}

absl::StatusOr<std::unique_ptr<Client>> Client::ConnectTo(const NodeAddress& address, const Credentials& credentials) {
  if (auto status = CheckCredentials(address, credentials); !status.ok()) return status;
  const int error = address.unix_path.empty() ? 0 : TryConnect(address.unix_path);
  if (error != 0) {
    return WithHint(
        absl::UnavailableError(fmt::format("cannot connect to dlogd at {}: {}", address.name, strerror(error))),
        "is dlogd running, with this --socket? `systemctl status dlogd` tells");
  }
  auto channel = OpenChannel(address, credentials);
  if (!channel.ok()) return channel.status();
  std::unique_ptr<Client> client(new Client());
  client->address_ = address;
  client->credentials_ = credentials;
  client->channel_ = *std::move(channel);
  client->stub_ = v1::DynamicLogging::NewStub(client->channel_);
  return client;
}

absl::StatusOr<std::unique_ptr<Client>> Client::ConnectHere(const ClientOptions& options) {
  const std::string& path = options.default_socket;
  const int error = TryConnect(path);
  if (error == 0) {
    if (auto status = CheckForDaemon(options); !status.ok()) return status;
    return ConnectTo({"unix://" + path, path, "", ""}, {});
  }
  if (!daemon::IsPrivileged()) return NoDaemon(path, error);
  std::unique_ptr<Client> client(new Client());
  client->address_.name = "this machine";
  daemon::LocalEngineOptions local;
  local.embedded = true;
  local.debuginfod = daemon::Debuginfod::FromEnvironment();
  auto files = daemon::ReadVisualizers(options.visualizers);
  if (!files.ok()) return files.status();
  const auto visualizers = std::make_shared<daemon::UserVisualizers>();
  visualizers->Set(*std::move(files));
  local.visualizers = visualizers;
  auto redaction = OwnRedaction();
  if (!redaction.ok()) return redaction.status();
  local.redaction = *std::move(redaction);
  client->engine_ = daemon::MakeLocalEngine(local);
  client->server_ = daemon::ApiServer::InProcess(client->engine_.get());
  client->stub_ = v1::DynamicLogging::NewStub(client->server_->InProcessChannel());
  return client;
}

Client::Client() = default;

Client::~Client() {
  if (engine_ != nullptr) engine_->Stop();
  stub_.reset();
  server_.reset();
}

absl::Status Client::Call(const std::function<grpc::Status(grpc::ClientContext*)>& call, absl::Duration patience) {
  absl::Status status = CallOnce(call, patience);
  if (channel_ == nullptr || !absl::IsUnavailable(status) || !absl::StartsWith(status.message(), kNeverSent))
    return status;
  // ExplainFailure got through where gRPC did not. Seen with 50 nodes on a busy machine: gRPC gives up with an errno
  // (ENOENT) that connect() of a TCP socket does not have.
  const auto until = std::chrono::system_clock::now() + absl::ToChronoMilliseconds(std::min(patience, kSecondTry));
  return channel_->WaitForConnected(until) ? CallOnce(call, patience) : status;
}

absl::Status Client::CallOnce(const std::function<grpc::Status(grpc::ClientContext*)>& call, absl::Duration patience) {
  grpc::ClientContext context;
  if (patience != absl::InfiniteDuration())
    context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoNanoseconds(patience));
  const grpc::Status status = call(&context);
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    return absl::DeadlineExceededError(
        fmt::format("no answer from {} within {}", name(), absl::FormatDuration(patience)));
  }
  return Outcome(status, context, patience);
}

absl::Status Client::Outcome(const grpc::Status& status, const grpc::ClientContext& context, absl::Duration patience) {
  return ExplainFailure(address_, credentials_, daemon::FromGrpc(status, context), patience);
}

}  // namespace dlog::cli
