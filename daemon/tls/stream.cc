// SPDX-License-Identifier: Apache-2.0
#include "daemon/tls/stream.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace dlog::tls {
namespace {

using ContextPtr = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;

// The first error of this thread's queue, in OpenSSL's words.
std::string LastError() {
  const unsigned long error = ERR_get_error();
  const char* reason = ERR_reason_error_string(error);
  ERR_clear_error();
  return reason != nullptr ? reason : fmt::format("error {:#x}", error);
}

// Alerts about the certificate that this side has shown, or not.
bool IsAboutOurs(int reason) {
  constexpr std::array kReasons = {SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED,
                                   SSL_R_SSLV3_ALERT_BAD_CERTIFICATE,
                                   SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED,
                                   SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED,
                                   SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN,
                                   SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE,
                                   SSL_R_TLSV1_ALERT_UNKNOWN_CA,
                                   SSL_R_SSLV3_ALERT_NO_CERTIFICATE,
                                   SSL_R_TLSV1_ALERT_ACCESS_DENIED};
  return std::find(kReasons.begin(), kReasons.end(), reason) != kReasons.end();
}

absl::StatusOr<ContextPtr> MakeContext(const Files& files) {
  ContextPtr context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  if (context == nullptr) return absl::InternalError(LastError());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  const int trusted = files.ca.empty() ? SSL_CTX_set_default_verify_paths(context.get())
                                       : SSL_CTX_load_verify_locations(context.get(), files.ca.c_str(), nullptr);
  if (trusted != 1) return absl::InvalidArgumentError(fmt::format("{}: {}", files.ca, LastError()));
  // A key with a password would be asked for on the terminal.
  SSL_CTX_set_default_passwd_cb(context.get(), [](char*, int, int, void*) { return 0; });
  if (!files.cert.empty() && (SSL_CTX_use_certificate_chain_file(context.get(), files.cert.c_str()) != 1 ||
                              SSL_CTX_use_PrivateKey_file(context.get(), files.key.c_str(), SSL_FILETYPE_PEM) != 1)) {
    return absl::InvalidArgumentError(fmt::format("{}, {}: {}", files.cert, files.key, LastError()));
  }
  return context;
}

bool IsAddress(const std::string& peer) {
  std::array<unsigned char, sizeof(in6_addr)> address;
  return inet_pton(AF_INET, peer.c_str(), address.data()) == 1 ||
         inet_pton(AF_INET6, peer.c_str(), address.data()) == 1;
}

bool ExpectPeer(SSL* ssl, const std::string& peer) {
  if (IsAddress(peer)) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), peer.c_str()) == 1;
  return SSL_set1_host(ssl, peer.c_str()) == 1 && SSL_set_tlsext_host_name(ssl, peer.c_str()) == 1;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Stream>> Stream::Connect(UniqueFd fd, const Files& files, const std::string& peer,
                                                        const Wait& wait, const std::string& protocol) {
  ERR_clear_error();
  auto context = MakeContext(files);
  if (!context.ok()) return context.status();
  SSL* ssl = SSL_new(context->get());
  if (ssl == nullptr) return absl::InternalError(LastError());
  std::unique_ptr<Stream> stream(new Stream(std::move(fd), ssl));
  if (SSL_set_fd(ssl, stream->fd_.get()) != 1 || !ExpectPeer(ssl, peer)) return absl::InternalError(LastError());
  if (!protocol.empty()) {
    std::string list(1, static_cast<char>(protocol.size()));
    list += protocol;
    // Unlike other functions of OpenSSL, 0 is success.
    if (SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(list.data()),
                            static_cast<unsigned>(list.size())) != 0) {
      return absl::InternalError(LastError());
    }
  }
  SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  while (true) {
    const int result = SSL_connect(ssl);
    if (result == 1) return stream;
    if (auto status = stream->AfterCall(result, wait); !status.ok()) return status;
  }
}

Stream::~Stream() {
  SSL_shutdown(ssl_);  // tells the peer; its answer is not waited for
  ERR_clear_error();
  SSL_free(ssl_);
}

absl::Status Stream::AfterCall(int result, const Wait& wait) {
  const int error_number = errno;
  const int error = SSL_get_error(ssl_, result);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
    if (wait(fd_.get(), error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT)) return absl::OkStatus();
    return absl::DeadlineExceededError("no answer");
  }
  if (error == SSL_ERROR_ZERO_RETURN) return absl::UnavailableError("the peer has closed the connection");
  if (error == SSL_ERROR_SYSCALL) {
    ERR_clear_error();
    return absl::UnavailableError(error_number == 0 ? "the peer has closed the connection" : strerror(error_number));
  }
  const int reason = ERR_GET_REASON(ERR_peek_error());
  if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
    ERR_clear_error();
    return absl::UnauthenticatedError(X509_verify_cert_error_string(SSL_get_verify_result(ssl_)));
  }
  if (reason == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
    ERR_clear_error();
    return absl::UnavailableError("the peer has closed the connection");
  }
  if (IsAboutOurs(reason)) return absl::PermissionDeniedError(LastError());
  return absl::UnavailableError(LastError());
}

absl::Status Stream::Write(std::string_view bytes, const Wait& wait) {
  ERR_clear_error();
  while (!bytes.empty()) {
    size_t written = 0;
    const int result = SSL_write_ex(ssl_, bytes.data(), bytes.size(), &written);
    if (result == 1) {
      bytes.remove_prefix(written);
    } else if (auto status = AfterCall(result, wait); !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

absl::Status Stream::Listen() {
  ERR_clear_error();
  constexpr int kMaxReads = 16;  // a peer that talks all the time is no reason to stay here
  std::array<char, 1024> ignored;
  for (int i = 0; i < kMaxReads; ++i) {
    size_t got = 0;
    const int result = SSL_read_ex(ssl_, ignored.data(), ignored.size(), &got);
    if (result == 1) continue;
    const int error = SSL_get_error(ssl_, result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return absl::OkStatus();
    return AfterCall(result, [](int, int16_t) { return false; });
  }
  return absl::OkStatus();
}

}  // namespace dlog::tls
