// SPDX-License-Identifier: Apache-2.0
#include "cli/client/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>

#include "cli/exit_status.h"
#include "symbolizer/base/status_hint.h"

namespace dlog::cli {
namespace {

constexpr size_t kMaxNodes = 4096;

bool StartsWith(const std::string& text, std::string_view start) { return text.compare(0, start.size(), start) == 0; }

// The path of "unix:///run/dlogd.sock", "unix:/run/dlogd.sock" or "/run/dlogd.sock"; empty for other kinds.
std::string SocketPath(const std::string& server) {
  constexpr std::string_view kScheme = "unix:";
  std::string path = server;
  if (StartsWith(path, kScheme)) path.erase(0, kScheme.size());
  if (path.compare(0, 2, "//") == 0) path.erase(0, 2);
  return !path.empty() && path.front() == '/' ? path : "";
}

absl::Status WrongServer(const std::string& server) {
  return WithExitStatus(
      WithHint(absl::InvalidArgumentError(fmt::format("'{}' is not the address of a dlogd", server)),
               "--server takes unix:///PATH, HOST:PORT or k8s://NAMESPACE/SERVICE, or several of them"),
      kWrongUsage);
}

struct HostPort {
  std::string host, port;
};

// "host:9465" or "[::1]:9465"; an empty host when it is neither.
HostPort Split(const std::string& text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return {};
  HostPort out{text.substr(0, colon), text.substr(colon + 1)};
  const bool is_port = !out.port.empty() && out.port.size() <= 5 &&
                       std::all_of(out.port.begin(), out.port.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!is_port) return {};
  if (out.host.front() == '[' && out.host.back() == ']') {
    out.host = out.host.substr(1, out.host.size() - 2);
  } else if (out.host.find(':') != std::string::npos) {
    return {};
  }
  return out;
}

// "k8s://ns/svc:1" -> svc.ns.svc, 1.
HostPort ServiceName(std::string text, std::string_view scheme) {
  text.erase(0, scheme.size());
  const size_t slash = text.find('/');
  if (slash == 0 || slash == std::string::npos || slash + 1 == text.size()) return {};
  std::string service = text.substr(slash + 1);
  if (service.find(':') == std::string::npos) service += fmt::format(":{}", kDefaultPort);
  HostPort out = Split(service);
  if (!out.host.empty()) out.host += "." + text.substr(0, slash) + ".svc";
  return out;
}

// The addresses of a host, sorted, each once.
absl::StatusOr<std::vector<std::string>> LookUp(const std::string& host) {
  if (host == "localhost") return std::vector<std::string>{"127.0.0.1"};
  std::vector<std::string> found;
  int error = 0;
  for (const int family : {AF_INET, AF_INET6}) {
    addrinfo hints = {};
    hints.ai_family = family;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    error = getaddrinfo(host.c_str(), nullptr, &hints, &list);
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(error == 0 ? list : nullptr, [](addrinfo* each) {
      if (each != nullptr) freeaddrinfo(each);
    });
    for (const addrinfo* each = owner.get(); each != nullptr; each = each->ai_next) {
      std::array<char, NI_MAXHOST> text = {};
      if (getnameinfo(each->ai_addr, each->ai_addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) == 0) {
        found.emplace_back(text.data());
      }
    }
    if (!found.empty()) break;
  }
  if (found.empty()) {
    return WithHint(absl::UnavailableError(fmt::format("cannot find the host {}: {}", host, gai_strerror(error))),
                    "is the name right, and does this machine's resolver know it?");
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

absl::Status AddHost(const HostPort& wanted, std::vector<NodeAddress>* out) {
  auto addresses = LookUp(wanted.host);
  if (!addresses.ok()) return addresses.status();
  const auto joined = [&wanted](const std::string& host) {
    return fmt::format("{}:{}", host.find(':') == std::string::npos ? host : "[" + host + "]", wanted.port);
  };
  for (const std::string& address : *addresses) {
    NodeAddress node;
    node.host_port = joined(address);
    // One that was asked for by its name goes by it.
    node.name = addresses->size() == 1 ? joined(wanted.host) : node.host_port;
    node.tls_name = wanted.host;
    out->push_back(std::move(node));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<NodeAddress>> ParseServers(const std::vector<std::string>& servers) {
  std::vector<NodeAddress> all;
  for (const std::string& server : servers) {
    if (const std::string path = SocketPath(server); !path.empty()) {
      all.push_back({"unix://" + path, path, "", ""});
      continue;
    }
    constexpr std::string_view kService = "k8s://";
    const HostPort wanted = StartsWith(server, kService) ? ServiceName(server, kService) : Split(server);
    if (wanted.host.empty()) return WrongServer(server);
    if (auto status = AddHost(wanted, &all); !status.ok()) return status;
    if (all.size() > kMaxNodes) return absl::InvalidArgumentError(fmt::format("more than {} nodes", kMaxNodes));
  }
  std::vector<NodeAddress> once;
  for (NodeAddress& each : all) {
    const bool known = std::any_of(once.begin(), once.end(), [&each](const NodeAddress& other) {
      return other.unix_path == each.unix_path && other.host_port == each.host_port;
    });
    if (!known) once.push_back(std::move(each));
  }
  return once;
}

}  // namespace dlog::cli
