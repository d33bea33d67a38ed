// SPDX-License-Identifier: Apache-2.0
//
// What --server names: one daemon, or all of a fleet.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace dlog::cli {

struct NodeAddress {
  std::string name;       // for messages: "unix:///run/dlog/dlogd.sock", "10.0.0.5:9465"
  std::string unix_path;  // or
  std::string host_port;
  std::string tls_name;  // whom the daemon's certificate must be for
};

// Each of "unix:///PATH", "HOST:PORT" and "k8s://NAMESPACE/SERVICE[:PORT]", which is the DNS name of a headless
// service. A DNS name is looked up and stands for each of its addresses (those of IPv4, when it has any). The same
// address is taken once. InvalidArgument for what is none of these, Unavailable for names that are not known, both with
// a hint.
absl::StatusOr<std::vector<NodeAddress>> ParseServers(const std::vector<std::string>& servers);

// Of dlogd in deploy/kubernetes.
inline constexpr char kDefaultPort[] = "9465";

}  // namespace dlog::cli
