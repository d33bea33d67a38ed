// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/grpcpp.h>
#include <sys/types.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "daemon/base/mutex.h"
#include "symbolizer/base/unique_fd.h"

namespace dlog::daemon {

// Who is at the other end of a connection, as the kernel says.
struct PeerIdentity {
  uid_t uid = 0;
  pid_t pid = 0;
};

// Listens on a unix socket and hands its connections to a gRPC server. gRPC could listen itself, but would not say who
// connects. Thread-safe.
class UnixAcceptor {
 public:
  // Mode 0600. Connections wait until Serve.
  static absl::StatusOr<std::unique_ptr<UnixAcceptor>> Listen(const std::string& path);
  ~UnixAcceptor();

  // Once; `server` lives until Stop has returned.
  void Serve(grpc::Server* server);
  // No new connections from now on.
  void Stop();
  // The owner of the connection that gRPC calls `peer` ("fd:12"); none for connections of other listeners.
  std::optional<PeerIdentity> Find(const std::string& peer) const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  UnixAcceptor(UniqueFd socket, UniqueFd stop) : socket_(std::move(socket)), stop_(std::move(stop)) {}
  void Loop(grpc::Server* server) ABSL_LOCKS_EXCLUDED(mutex_);

  const UniqueFd socket_;
  const UniqueFd stop_;  // eventfd
  mutable Mutex mutex_;
  // By descriptor: a number that is used again is another connection, which overwrites it. So it stays small.
  std::map<int, PeerIdentity> peers_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace dlog::daemon
