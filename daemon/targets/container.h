// SPDX-License-Identifier: Apache-2.0
//
// Which container a process is in, as far as the names of its control groups tell.
#pragma once

#include <string>
#include <string_view>

namespace dlog::daemon {

struct ContainerIdentity {
  std::string id;       // as the runtime knows it: 64 hex digits; the name for systemd-nspawn and LXC
  std::string pod_uid;  // of Kubernetes, with dashes
  friend bool operator==(const ContainerIdentity&, const ContainerIdentity&) = default;
};

// `cgroup`: the content of /proc/PID/cgroup, of version 1 or 2. Knows Docker, containerd, CRI-O, Podman, systemd-nspawn
// and LXC, under the systemd and the cgroupfs driver. The innermost container counts. Empty: in none that is known, or
// a runtime's own process beside one.
ContainerIdentity ParseContainer(std::string_view cgroup);

// Of a running process; empty when it cannot be read. `proc` is the mount point, "/proc" outside tests.
ContainerIdentity ContainerOf(const std::string& proc, int pid);

}  // namespace dlog::daemon
