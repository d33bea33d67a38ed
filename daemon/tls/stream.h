// SPDX-License-Identifier: Apache-2.0
//
// The client's side of a TLS connection over a socket that never blocks.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "daemon/tls/files.h"
#include "symbolizer/base/unique_fd.h"

struct ssl_st;

namespace dlog::tls {

// Waits until `fd` is ready for `events` (of poll(2)). False: give up.
using Wait = std::function<bool(int fd, int16_t events)>;

// One thread at a time.
class Stream {
 public:
  // TLS 1.2 or newer over the connected, non-blocking `fd`. The peer must have a certificate of `files.ca` (empty: the
  // authorities of this machine) for `peer`, a DNS name or an IP address. Unauthenticated: the peer's certificate is
  // not accepted; PermissionDenied: the peer does not accept ours; DeadlineExceeded: `wait` gave up; Unavailable:
  // everything else. `protocol` (ALPN) is what will be spoken, for peers that want to know. With TLS 1.3 the peer's
  // refusal comes after the handshake: Listen tells it.
  static absl::StatusOr<std::unique_ptr<Stream>> Connect(UniqueFd fd, const Files& files, const std::string& peer,
                                                         const Wait& wait, const std::string& protocol = "");
  ~Stream();

  absl::Status Write(std::string_view bytes, const Wait& wait);
  // Drops what the peer has sent. An error when it has closed the connection or complains.
  absl::Status Listen();

  int fd() const { return fd_.get(); }

 private:
  Stream(UniqueFd fd, ssl_st* ssl) : fd_(std::move(fd)), ssl_(ssl) {}
  // What the result `result` of an OpenSSL call means: OK to try again once `wait` has returned.
  absl::Status AfterCall(int result, const Wait& wait);

  UniqueFd fd_;
  ssl_st* const ssl_;  // owned
};

}  // namespace dlog::tls
