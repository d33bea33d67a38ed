// SPDX-License-Identifier: Apache-2.0
//
// The engine on this machine's kernel and worker: what dlogd serves and what dlogctl embeds.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "control.pb.h"
#include "daemon/control/engine.h"
#include "daemon/symbolizer_client/debuginfod.h"
#include "daemon/symbolizer_client/user_visualizers.h"

namespace dlog::daemon {

struct LocalEngineOptions {
  bool embedded = false;
  std::string host;                            // what events call this machine; empty: its host name
  std::string worker_path;                     // empty: dlog-symbolizer beside this executable
  std::string cache_directory;                 // empty: the usual place (cache_directory.h)
  std::vector<std::string> debug_directories;  // beside /usr/lib/debug
  Debuginfod debuginfod;
  std::shared_ptr<const UserVisualizers> visualizers;  // may be null
  size_t max_logpoints = 1000;                         // active at once
  attach::RuntimeOptions attach = {.boot_cache = attach::BootCachePath()};
  RedactionPolicy redaction;
  std::shared_ptr<sink::SinkSet> sinks;  // may be null
  // Of tests; empty: this kernel's, and what it captures.
  std::function<absl::StatusOr<std::unique_ptr<Attacher>>()> make_attacher;
  BuildEvent build_event;
};

std::unique_ptr<Engine> MakeLocalEngine(const LocalEngineOptions& options);

// What `doctor` shows: the kernel's features, tried out, and whether the worker can be started. Some 100 ms.
std::vector<v1::Check> LocalChecks(const std::string& worker_path);

// May this process load BPF programs and attach probes, as far as its capabilities tell?
bool IsPrivileged();

std::string HostName();

}  // namespace dlog::daemon
