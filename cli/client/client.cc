// SPDX-License-Identifier: Apache-2.0
#include "cli/client/client.h"

#include <fmt/format.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <string_view>
#include <utility>

#include "cli/client/offline.h"
#include "cli/exit_status.h"
#include "daemon/control/grpc_status.h"
#include "daemon/control/local_engine.h"
#include "symbolizer/base/status_hint.h"
#include "symbolizer/base/unique_fd.h"

namespace dlog::cli {
namespace {

// 0, or the errno of a connection attempt.
int TryConnect(const std::string& path) {
  sockaddr_un address = {};
  if (path.size() >= sizeof(address.sun_path)) return ENAMETOOLONG;
  address.sun_family = AF_UNIX;
  memcpy(address.sun_path, path.data(), path.size());
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 ? 0 : errno;
}

// The path of "unix:///run/dlogd.sock", "unix:/run/dlogd.sock" or "/run/dlogd.sock"; empty for other kinds.
std::string SocketPath(const std::string& server) {
  constexpr std::string_view kScheme = "unix:";
  std::string path = server;
  if (path.compare(0, kScheme.size(), kScheme) == 0) path.erase(0, kScheme.size());
  if (path.compare(0, 2, "//") == 0) path.erase(0, 2);
  return !path.empty() && path.front() == '/' ? path : "";
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

absl::StatusOr<std::unique_ptr<Client>> Client::Connect(const ClientOptions& options) {
  const std::string path = options.server.empty() ? options.default_socket : SocketPath(options.server);
  if (path.empty()) {
    return WithHint(
        absl::UnimplementedError(fmt::format("server '{}' is not supported by this version", options.server)),
        "--server takes unix:///PATH");
  }
  std::unique_ptr<Client> client(new Client());
  const int error = TryConnect(path);
  if (error == 0) {
    if (options.visualizers != daemon::kDefaultVisualizerDirectory) {
      return WithHint(absl::InvalidArgumentError("--visualizers means nothing here: dlogd has visualizers of its own"),
                      "name the directory in dlogd's configuration (visualizers-dir) and send it SIGHUP");
    }
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(-1);
    client->stub_ = v1::DynamicLogging::NewStub(
        grpc::CreateCustomChannel("unix:" + path, grpc::InsecureChannelCredentials(), arguments));
    return client;
  }
  if (!options.server.empty()) {
    return WithHint(
        absl::UnavailableError(fmt::format("cannot connect to dlogd at unix://{}: {}", path, strerror(error))),
        "is dlogd running, with this --socket? `systemctl status dlogd` tells");
  }
  if (!daemon::IsPrivileged()) return NoDaemon(path, error);
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

Client::~Client() {
  if (engine_ != nullptr) engine_->Stop();
  stub_.reset();
  server_.reset();
}

absl::Status Client::Call(const std::function<grpc::Status(grpc::ClientContext*)>& call) {
  grpc::ClientContext context;
  return daemon::FromGrpc(call(&context), context);
}

}  // namespace dlog::cli
