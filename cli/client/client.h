// SPDX-License-Identifier: Apache-2.0
//
// One node's API, wherever its engine runs: in a daemon behind a socket, or inside this process.
#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cli/client/address.h"
#include "cli/client/channel.h"
#include "control.grpc.pb.h"
#include "daemon/symbolizer_client/user_visualizers.h"

namespace dlog::daemon {
class ApiServer;
class Engine;
}  // namespace dlog::daemon

namespace dlog::cli {

inline constexpr char kDefaultSocket[] = "/run/dlog/dlogd.sock";

struct ClientOptions {
  std::vector<std::string> servers;             // --server; empty: the default socket, or else embedded
  Credentials credentials;                      // of those that are on the network
  std::string default_socket = kDefaultSocket;  // changed by tests
  // --visualizers; for an engine or worker of this process, a daemon has its own.
  std::string visualizers = daemon::kDefaultVisualizerDirectory;
};

// Whether a daemon accepts connections at this socket.
bool SocketAccepts(const std::string& path);

class Client {
 public:
  // For commands that ask one node: InvalidArgument (wrong usage) when `options` name several. Errors carry hint and
  // exit status: kFailed when a named server cannot be reached, kNoDaemon when there is none at the default socket and
  // this process may not probe by itself.
  static absl::StatusOr<std::unique_ptr<Client>> Connect(const ClientOptions& options);
  // A daemon. One on the network is first reached by a call.
  static absl::StatusOr<std::unique_ptr<Client>> ConnectTo(const NodeAddress& address, const Credentials& credentials);
  // InvalidArgument for options that only an engine of this process understands.
  static absl::Status CheckForDaemon(const ClientOptions& options);
  // The default socket, or an engine in this process.
  static absl::StatusOr<std::unique_ptr<Client>> ConnectHere(const ClientOptions& options);
  ~Client();

  v1::DynamicLogging::Stub& stub() { return *stub_; }
  bool embedded() const { return engine_ != nullptr; }
  // As the user knows this node: its address.
  const std::string& name() const { return address_.name; }

  // One unary call: `call` is given a context and returns the status of the stub's method. DeadlineExceeded after
  // `patience`; finding out why there is no connection may take as long again.
  absl::Status Call(const std::function<grpc::Status(grpc::ClientContext*)>& call,
                    absl::Duration patience = absl::InfiniteDuration());
  // The result of a call or stream. When there was no connection, this finds out why.
  absl::Status Outcome(const grpc::Status& status, const grpc::ClientContext& context,
                       absl::Duration patience = absl::InfiniteDuration());

 private:
  Client();
  absl::Status CallOnce(const std::function<grpc::Status(grpc::ClientContext*)>& call, absl::Duration patience);

  NodeAddress address_;
  Credentials credentials_;
  // Embedded only. Destroyed after the stub, the server before the engine.
  std::unique_ptr<daemon::Engine> engine_;
  std::unique_ptr<daemon::ApiServer> server_;
  std::shared_ptr<grpc::Channel> channel_;  // null when embedded
  std::unique_ptr<v1::DynamicLogging::Stub> stub_;
};

}  // namespace dlog::cli
