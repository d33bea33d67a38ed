// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/server_credentials.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>

#include "daemon/sink/peer.h"
#include "symbolizer/base/status_hint.h"

namespace dlog::daemon {
namespace {

constexpr unsigned kLookAtFilesSeconds = 2;

}  // namespace

bool IsLoopback(const std::string& address) {
  const std::string host = sink::HostOf(address);
  in_addr v4;
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6;
  if (inet_pton(AF_INET6, host.c_str(), &v6) == 1) return IN6_IS_ADDR_LOOPBACK(&v6);
  return host == "localhost";
}

absl::Status CheckServerFiles(const std::string& address, const tls::Files& files) {
  if (files.empty()) {
    if (IsLoopback(address)) return absl::OkStatus();
    return WithHint(absl::InvalidArgumentError(
                        fmt::format("{} is open to the network, and no certificate is named for it", address)),
                    "set tls.cert, tls.key and tls.client-ca; without TLS dlogd listens on loopback addresses only");
  }
  if (files.ca.empty() || files.cert.empty() || files.key.empty()) {
    return WithHint(absl::InvalidArgumentError(fmt::format("{}: TLS takes three files", address)),
                    "set tls.cert, tls.key and tls.client-ca");
  }
  return tls::CheckFiles(files);
}

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> ServerCredentialsFor(const std::string& address,
                                                                              const tls::Files& files) {
  if (auto status = CheckServerFiles(address, files); !status.ok()) return status;
  if (files.empty()) return grpc::InsecureServerCredentials();
  auto provider = std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(files.key, files.cert, files.ca,
                                                                                       kLookAtFilesSeconds);
  grpc::experimental::TlsServerCredentialsOptions options(provider);
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
  options.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  return grpc::experimental::TlsServerCredentials(options);
}

}  // namespace dlog::daemon
