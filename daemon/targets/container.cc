// SPDX-License-Identifier: Apache-2.0
#include "daemon/targets/container.h"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/targets/small_file.h"

namespace dlog::daemon {
namespace {

constexpr size_t kMaxCgroupBytes = 1 << 16;
constexpr size_t kIdDigits = 64;
constexpr size_t kMaxName = 64;

bool IsHex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool DropStart(std::string_view start, std::string_view* text) {
  if (text->substr(0, start.size()) != start) return false;
  text->remove_prefix(start.size());
  return true;
}

bool DropEnd(std::string_view end, std::string_view* text) {
  if (text->size() < end.size() || text->substr(text->size() - end.size()) != end) return false;
  text->remove_suffix(end.size());
  return true;
}

// The name of a unit as it was before systemd escaped it: "\x2d" is "-". Empty when that is not a name.
std::string Unescaped(std::string_view text) {
  std::string out;
  constexpr std::string_view kDash = "\\x2d";
  while (!text.empty()) {
    if (DropStart(kDash, &text)) {
      out += '-';
      continue;
    }
    const auto c = static_cast<unsigned char>(text.front());
    if (c <= 0x20 || c >= 0x7f || c == '\\' || c == '"') return "";
    out += text.front();
    text.remove_prefix(1);
  }
  return out.size() <= kMaxName ? out : "";
}

// "kubepods-burstable-pod0a1b..._....slice", "pod0a1b...-...": the uid, with dashes; empty for other names.
std::string PodUid(std::string_view name) {
  DropEnd(".slice", &name);
  const size_t at = name.rfind("pod");
  if (at == std::string_view::npos || (at > 0 && name[at - 1] != '-')) return "";
  std::string uid(name.substr(at + 3));
  std::replace(uid.begin(), uid.end(), '_', '-');  // systemd's slices nest at each dash
  std::string digits = uid;
  digits.erase(std::remove(digits.begin(), digits.end(), '-'), digits.end());
  constexpr size_t kUidDigits = 32;
  if (digits.size() != kUidDigits || !IsHex(digits)) return "";
  // Static pods have the hash of their file instead, without dashes.
  constexpr size_t kDashes = 4;
  return uid.size() == kUidDigits || uid.size() == kUidDigits + kDashes ? uid : "";
}

// "docker-ID.scope", "cri-containerd-ID.scope", "crio-ID", "libpod-ID.scope", "ID"; or a machine of systemd or LXC.
std::string ContainerId(std::string_view name, std::string_view parent) {
  if (DropStart("systemd-nspawn@", &name)) return DropEnd(".service", &name) ? Unescaped(name) : "";
  if (DropStart("lxc.payload.", &name)) return Unescaped(name);
  if (parent == "lxc") return Unescaped(name);
  const bool is_scope = DropEnd(".scope", &name);
  if (name.size() >= kIdDigits && IsHex(name.substr(name.size() - kIdDigits))) {
    const std::string_view runtime = name.substr(0, name.size() - kIdDigits);
    if (!runtime.empty() && runtime.back() != '-') return "";
    // What watches a container is not inside of it.
    if (runtime.find("conmon") != std::string_view::npos) return "";
    return std::string(name.substr(runtime.size()));
  }
  if (is_scope && parent == "machine.slice" && DropStart("machine-", &name)) {
    // libvirt's virtual machines are registered in the same place.
    return name.substr(0, 4) == "qemu" ? "" : Unescaped(name);
  }
  return "";
}

void LookAtPath(std::string_view path, ContainerIdentity* found) {
  std::string_view parent;
  while (!path.empty()) {
    // containerd without the systemd driver writes "SLICE:cri-containerd:ID" as one directory.
    const size_t end = std::min(path.find_first_of("/:"), path.size());
    const std::string_view name = path.substr(0, end);
    path.remove_prefix(std::min(end + 1, path.size()));
    if (name.empty()) continue;
    if (std::string uid = PodUid(name); !uid.empty()) {
      found->pod_uid = std::move(uid);
      found->id.clear();  // of a node that is a container itself
    }
    if (std::string id = ContainerId(name, parent); !id.empty()) found->id = std::move(id);
    parent = name;
  }
}

}  // namespace

ContainerIdentity ParseContainer(std::string_view cgroup) {
  while (!cgroup.empty()) {
    const size_t end = std::min(cgroup.find('\n'), cgroup.size());
    std::string_view line = cgroup.substr(0, end);
    cgroup.remove_prefix(std::min(end + 1, cgroup.size()));
    // "HIERARCHY:CONTROLLERS:PATH"
    for (int colons = 0; colons < 2; ++colons) line.remove_prefix(std::min(line.find(':'), line.size() - 1) + 1);
    ContainerIdentity found;
    LookAtPath(line, &found);
    if (!found.id.empty() || !found.pod_uid.empty()) return found;
  }
  return {};
}

ContainerIdentity ContainerOf(const std::string& proc, int pid) {
  auto cgroup = ReadSmallFile(fmt::format("{}/{}/cgroup", proc, pid), kMaxCgroupBytes);
  return cgroup.ok() ? ParseContainer(*cgroup) : ContainerIdentity();
}

}  // namespace dlog::daemon
