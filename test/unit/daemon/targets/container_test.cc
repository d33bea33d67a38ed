// SPDX-License-Identifier: Apache-2.0
#include "daemon/targets/container.h"

#include <vector>

#include "test/catch.h"

namespace dlog::daemon {
namespace {

const std::string kId = "3b2f0a9c7d1e4f5a6b7c8d9e0f1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c";
const std::string kUid = "2c48913c-b29f-11e7-9350-020968147796";
const std::string kUidOfSlice = "2c48913c_b29f_11e7_9350_020968147796";

struct Example {
  std::string what;
  std::string cgroup;
  ContainerIdentity want;
};

TEST_CASE("the container is told from the names of control groups") {
  const std::vector<Example> examples = {
      {"docker, version 2, systemd", "0::/system.slice/docker-" + kId + ".scope\n", {kId, ""}},
      {"docker, cgroupfs", "0::/docker/" + kId + "\n", {kId, ""}},
      {"docker, version 1",
       "12:devices:/docker/" + kId + "\n2:cpu,cpuacct:/docker/" + kId + "\n0::/system.slice/containerd.service\n",
       {kId, ""}},
      {"docker, a group made inside", "0::/system.slice/docker-" + kId + ".scope/init\n", {kId, ""}},
      {"containerd under kubelet, version 2, systemd",
       "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + kUidOfSlice + ".slice/cri-containerd-" +
           kId + ".scope\n",
       {kId, kUid}},
      {"guaranteed pod: no class in the name",
       "0::/kubepods.slice/kubepods-pod" + kUidOfSlice + ".slice/cri-containerd-" + kId + ".scope\n",
       {kId, kUid}},
      {"containerd under kubelet, cgroupfs", "0::/kubepods/besteffort/pod" + kUid + "/" + kId + "\n", {kId, kUid}},
      {"kubelet, version 1", "11:memory:/kubepods/burstable/pod" + kUid + "/" + kId + "\n0::/\n", {kId, kUid}},
      {"containerd without the systemd driver",
       "0::/system.slice/containerd.service/kubepods-burstable-pod" + kUidOfSlice + ".slice:cri-containerd:" + kId +
           "\n",
       {kId, kUid}},
      {"cri-o",
       "0::/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" + kUidOfSlice + ".slice/crio-" + kId +
           ".scope\n",
       {kId, kUid}},
      {"cri-o, a group made inside",
       "0::/kubepods.slice/kubepods-pod" + kUidOfSlice + ".slice/crio-" + kId + ".scope/container\n",
       {kId, kUid}},
      {"cri-o's monitor is in no container",
       "0::/kubepods.slice/kubepods-pod" + kUidOfSlice + ".slice/crio-conmon-" + kId + ".scope\n",
       {"", kUid}},
      {"a static pod has the hash of its file",
       "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod7b3c1d2e4f5a6b7c8d9e0f1a2b3c4d5e.slice/"
       "cri-containerd-" +
           kId + ".scope\n",
       {kId, "7b3c1d2e4f5a6b7c8d9e0f1a2b3c4d5e"}},
      {"podman, root", "0::/machine.slice/libpod-" + kId + ".scope/container\n", {kId, ""}},
      {"podman, a user",
       "0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + kId + ".scope/container\n",
       {kId, ""}},
      {"podman, cgroupfs", "0::/libpod_parent/libpod-" + kId + "\n", {kId, ""}},
      {"podman's pods are not those of Kubernetes",
       "0::/machine.slice/machine-libpod_pod_" + kId + ".slice/libpod-" + kId + ".scope\n",
       {kId, ""}},
      {"podman's monitor is in no container", "0::/machine.slice/libpod-conmon-" + kId + ".scope\n", {"", ""}},
      {"nerdctl", "0::/system.slice/nerdctl-" + kId + ".scope\n", {kId, ""}},
      {"systemd-nspawn, service",
       "0::/machine.slice/systemd-nspawn@build\\x2ddebian.service/payload\n",
       {"build-debian", ""}},
      {"systemd-nspawn, scope", "0::/machine.slice/machine-build\\x2ddebian.scope/payload\n", {"build-debian", ""}},
      {"a virtual machine is none", "0::/machine.slice/machine-qemu\\x2d1\\x2dweb.scope/libvirt/emulator\n", {"", ""}},
      {"LXC", "0::/lxc.payload.web/system.slice/nginx.service\n", {"web", ""}},
      {"a node that is a container itself: the inner one counts",
       "0::/system.slice/docker-" + std::string(64, 'a') +
           ".scope/kubelet.slice/kubelet-kubepods.slice/"
           "kubelet-kubepods-pod" +
           kUidOfSlice + ".slice/cri-containerd-" + kId + ".scope\n",
       {kId, kUid}},
      {"seen from a control group namespace", "0::/../cri-containerd-" + kId + ".scope\n", {kId, ""}},
      {"a service", "0::/system.slice/nginx.service\n", {"", ""}},
      {"a service whose name begins like a pod", "0::/system.slice/podinfo.service\n", {"", ""}},
      {"a session", "0::/user.slice/user-1000.slice/session-2.scope\n", {"", ""}},
      {"the root", "0::/\n", {"", ""}},
      {"63 digits", "0::/docker/" + kId.substr(1) + "\n", {"", ""}},
      {"letters before the digits", "0::/docker/x" + kId + "\n", {"", ""}},
      {"nothing", "", {"", ""}},
      {"no path", "0::", {"", ""}},
      {"no colons", "what is this\n", {"", ""}},
      {"a name that would drive a terminal", "0::/lxc.payload.\x1b[31m\n", {"", ""}},
  };
  for (const Example& example : examples) {
    INFO(example.what);
    INFO(example.cgroup);
    const ContainerIdentity found = ParseContainer(example.cgroup);
    CHECK(found.id == example.want.id);
    CHECK(found.pod_uid == example.want.pod_uid);
  }
}

TEST_CASE("a process that is gone is in no container") {
  CHECK(ContainerOf("/proc", 0) == ContainerIdentity());
  CHECK(ContainerOf("/nowhere", 1) == ContainerIdentity());
}

}  // namespace
}  // namespace dlog::daemon
