// SPDX-License-Identifier: Apache-2.0
//
// The connection to one daemon.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/client/address.h"
#include "daemon/tls/files.h"

namespace dlog::cli {

struct Credentials {
  tls::Files tls;        // --ca, --cert, --key
  std::string tls_name;  // --tls-name; empty: the name that was asked for
  bool plain = false;    // --plain: no TLS, and then only to loopback addresses
};

// InvalidArgument (wrong usage) when the files for an address on the network are missing or plain is not allowed there;
// what CheckFiles says of the files.
absl::Status CheckCredentials(const NodeAddress& address, const Credentials& credentials);

// Connects with the first call. CheckCredentials has passed. A peer that is silent for half a minute, whether it is
// stopped, gone from the network or without power, ends the calls and streams that wait for it.
absl::StatusOr<std::shared_ptr<grpc::Channel>> OpenChannel(const NodeAddress& address, const Credentials& credentials);

// Why calls to an address on the network fail, found out by one more connection (some seconds at most): refused, no TLS
// there, whose certificate is not accepted and why. `status` itself when the connection is fine. Takes no longer than
// `patience`.
absl::Status ExplainFailure(const NodeAddress& address, const Credentials& credentials, const absl::Status& status,
                            absl::Duration patience);

}  // namespace dlog::cli
