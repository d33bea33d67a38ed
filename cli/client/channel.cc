// SPDX-License-Identifier: Apache-2.0
#include "cli/client/channel.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <tuple>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "cli/exit_status.h"
#include "daemon/base/boot_time.h"
#include "daemon/base/mutex.h"
#include "daemon/control/api_server.h"
#include "daemon/control/server_credentials.h"
#include "daemon/sink/peer.h"
#include "daemon/tls/stream.h"
#include "symbolizer/base/status_hint.h"

namespace dlog::cli {
namespace {

// Enough for a busy machine; a port that nobody listens at is refused at once.
constexpr absl::Duration kConnectTimeout = absl::Seconds(20);
// Longer than a loaded machine takes to answer a ping.
constexpr int kPingTimeoutMs = 20000;
// What gRPC says when a ping was not answered.
constexpr absl::string_view kSilence = "keepalive watchdog timeout";
// With TLS 1.3 a daemon refuses a client's certificate after the client has said its last word of the handshake.
constexpr absl::Duration kRefusalWait = absl::Seconds(2);

// All nodes of a fleet are reached with the same files, which are read and checked once: to take keys and certificates
// apart costs more than the connection that they are for.
class SharedCredentials {
 public:
  absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> For(const tls::Files& files) ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(&mutex_);
    const auto key = std::tuple(files.ca, files.cert, files.key);
    if (const auto known = made_.find(key); known != made_.end()) return known->second;
    auto credentials = Make(files);
    if (credentials.ok()) made_.emplace(key, *credentials);
    return credentials;
  }

 private:
  static absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> Make(const tls::Files& files) {
    if (auto status = tls::CheckFiles(files); !status.ok()) return status;
    grpc::SslCredentialsOptions options;
    for (const auto& [path, text] :
         {std::pair{&files.ca, &options.pem_root_certs}, std::pair{&files.cert, &options.pem_cert_chain},
          std::pair{&files.key, &options.pem_private_key}}) {
      auto read = tls::ReadPem(*path);
      if (!read.ok()) return read.status();
      *text = *std::move(read);
    }
    return grpc::SslCredentials(options);
  }

  Mutex mutex_;
  std::map<std::tuple<std::string, std::string, std::string>, std::shared_ptr<grpc::ChannelCredentials>> made_
      ABSL_GUARDED_BY(mutex_);
};

SharedCredentials& Shared() {
  static auto* const shared = new SharedCredentials();  // never destroyed: channels may outlive main
  return *shared;
}

absl::Status Usage(const std::string& what, const std::string& hint) {
  return WithExitStatus(WithHint(absl::InvalidArgumentError(what), hint), kWrongUsage);
}

const std::string& PeerName(const NodeAddress& address, const Credentials& credentials) {
  return credentials.tls_name.empty() ? address.tls_name : credentials.tls_name;
}

class Patience {
 public:
  explicit Patience(absl::Duration timeout) : until_(BootTime() + timeout) {}
  bool operator()(int fd, int16_t events) const {
    const int64_t left = absl::ToInt64Milliseconds(until_ - BootTime());
    pollfd entry{fd, events, 0};
    return left > 0 && poll(&entry, 1, static_cast<int>(left)) > 0;
  }

 private:
  absl::Time until_;
};

absl::Status CannotConnect(const NodeAddress& address, std::string_view why) {
  return WithHint(absl::UnavailableError(fmt::format("cannot connect to dlogd at {}: {}", address.name, why)),
                  "is dlogd running there, with this address as its `listen`, and does no firewall keep it away?");
}

absl::Status HandshakeFailed(const NodeAddress& address, const Credentials& credentials, const absl::Status& why) {
  const std::string message(why.message());
  if (absl::IsUnauthenticated(why)) {
    return WithHint(absl::UnauthenticatedError(
                        fmt::format("the certificate of dlogd at {} is not accepted: {}", address.name, message)),
                    fmt::format("it must be valid now, for {}, and come from an authority in {}",
                                PeerName(address, credentials), credentials.tls.ca));
  }
  if (absl::IsPermissionDenied(why)) {
    return WithHint(absl::PermissionDeniedError(fmt::format("dlogd at {} does not accept the certificate {}: {}",
                                                            address.name, credentials.tls.cert, message)),
                    "it must be valid now and come from the authority that dlogd has as tls.client-ca");
  }
  return WithHint(absl::UnavailableError(fmt::format("no TLS connection to dlogd at {}: {}", address.name, message)),
                  "is it the port of `listen`, and does that dlogd run with TLS?");
}

}  // namespace

absl::Status CheckCredentials(const NodeAddress& address, const Credentials& credentials) {
  if (!address.unix_path.empty()) return absl::OkStatus();
  if (credentials.plain) {
    if (daemon::IsLoopback(address.host_port)) return absl::OkStatus();
    return Usage(fmt::format("{} is not on this machine: --plain is for loopback addresses only", address.name),
                 "use --ca, --cert and --key");
  }
  if (credentials.tls.ca.empty() || credentials.tls.cert.empty() || credentials.tls.key.empty()) {
    return Usage(fmt::format("{} is reached by TLS, which takes --ca, --cert and --key", address.name),
                 "--ca FILE of the daemon's authority, --cert FILE and --key FILE of this client; also DLOGCTL_CA, "
                 "DLOGCTL_CERT, DLOGCTL_KEY");
  }
  return Shared().For(credentials.tls).status();
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> OpenChannel(const NodeAddress& address, const Credentials& credentials) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, daemon::kKeepaliveMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kPingTimeoutMs);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);  // a stream without events is watched, too
  if (!address.unix_path.empty() || credentials.plain) {
    return grpc::CreateCustomChannel(
        address.unix_path.empty() ? "dns:///" + address.host_port : "unix:" + address.unix_path,
        grpc::InsecureChannelCredentials(), arguments);
  }
  auto shared = Shared().For(credentials.tls);
  if (!shared.ok()) return shared.status();
  arguments.SetSslTargetNameOverride(PeerName(address, credentials));
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, static_cast<int>(absl::ToInt64Milliseconds(kConnectTimeout)));
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);  // dlogd is a machine of one's own
  return grpc::CreateCustomChannel("dns:///" + address.host_port, *std::move(shared), arguments);
}

absl::Status ExplainFailure(const NodeAddress& address, const Credentials& credentials, const absl::Status& status,
                            absl::Duration patience) {
  if (!absl::IsUnavailable(status)) return status;
  if (absl::StrContains(status.message(), kSilence)) {
    return WithHint(absl::UnavailableError(fmt::format("dlogd at {} has gone silent", address.name)),
                    "is the process stopped or overloaded, or its machine gone?");
  }
  if (address.host_port.empty()) return status;
  const absl::Duration timeout = std::min(patience, kConnectTimeout);
  const sink::StopSignal never_stops;
  auto fd = sink::ConnectTcp(address.host_port, timeout, never_stops);
  if (!fd.ok()) return CannotConnect(address, std::string(fd.status().message()));
  if (credentials.plain) return status;
  auto stream =
      tls::Stream::Connect(*std::move(fd), credentials.tls, PeerName(address, credentials), Patience(timeout), "h2");
  if (!stream.ok()) return HandshakeFailed(address, credentials, stream.status());
  (void)Patience(kRefusalWait)((*stream)->fd(), POLLIN);
  // gRPC does not send the alert that would tell why.
  if (auto listened = (*stream)->Listen(); !listened.ok()) {
    return HandshakeFailed(address, credentials, absl::PermissionDeniedError(listened.message()));
  }
  return status;
}

}  // namespace dlog::cli
