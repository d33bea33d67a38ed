// SPDX-License-Identifier: Apache-2.0
//
// One node's API, wherever its engine runs: in a daemon behind a socket, or inside this process.
#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "control.grpc.pb.h"
#include "daemon/control/api_server.h"
#include "daemon/control/engine.h"
#include "daemon/symbolizer_client/user_visualizers.h"

namespace dlog::cli {

inline constexpr char kDefaultSocket[] = "/run/dlog/dlogd.sock";

struct ClientOptions {
  std::string server;                           // --server; empty: the default socket, or else embedded
  std::string default_socket = kDefaultSocket;  // changed by tests
  // --visualizers; for an engine or worker of this process, a daemon has its own.
  std::string visualizers = daemon::kDefaultVisualizerDirectory;
};

// Whether a daemon accepts connections at this socket.
bool SocketAccepts(const std::string& path);

class Client {
 public:
  // Errors carry hint and exit status: kFailed when a named server cannot be reached, kNoDaemon when there is none at
  // the default socket and this process may not probe by itself.
  static absl::StatusOr<std::unique_ptr<Client>> Connect(const ClientOptions& options);
  ~Client();

  v1::DynamicLogging::Stub& stub() { return *stub_; }
  bool embedded() const { return engine_ != nullptr; }

  // One unary call: `call` is given a context and returns the status of the stub's method.
  absl::Status Call(const std::function<grpc::Status(grpc::ClientContext*)>& call);

 private:
  Client() = default;

  // Embedded only. Destroyed after the stub, the server before the engine.
  std::unique_ptr<daemon::Engine> engine_;
  std::unique_ptr<daemon::ApiServer> server_;
  std::unique_ptr<v1::DynamicLogging::Stub> stub_;
};

}  // namespace dlog::cli
