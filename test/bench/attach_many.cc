// SPDX-License-Identifier: Apache-2.0
//
// Many sites: time to attach and detach one logpoint of 1,000 sites, and 1,000 logpoints with 5,000 sites, and what the
// latter take of memory and descriptors. Best of some rounds: what disturbs a measurement makes it longer.
#include <dirent.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/attach/probe_set.h"
#include "daemon/base/parallel.h"
#include "test/bpf/target_process.h"

namespace dlog {
namespace {

constexpr int kSiteBytes = 4;  // of probe_target's fields
constexpr size_t kDetachThreads = 64;

double Milliseconds(std::chrono::steady_clock::time_point since) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - since).count();
}

long ResidentMiB() {
  std::ifstream statm("/proc/self/statm");
  long size = 0, resident = 0;
  statm >> size >> resident;
  return resident * 4096 >> 20;
}

int Descriptors() {
  DIR* directory = opendir("/proc/self/fd");
  int count = 0;
  while (directory != nullptr && readdir(directory) != nullptr) ++count;
  if (directory != nullptr) closedir(directory);
  return count;
}

attach::AttachRequest FieldRequest(const test::TargetProcess& target, int first, int count) {
  attach::AttachRequest request;
  request.path = target.path();
  request.pid = target.pid();
  attach::AssembledPlan plan;
  plan.register_mask = 1u << 5;
  const test::TargetSite& field = target.site("field");
  for (int i = first; i < first + count; ++i) {
    request.sites.push_back(
        {FileOffset{field.offset.value + static_cast<uint64_t>(i) * kSiteBytes}, field.instruction, plan});
  }
  return request;
}

struct Times {
  double attach_ms = 1e9;
  double detach_ms = 1e9;
};

bool Round(attach::BpfRuntime* runtime, const test::TargetProcess& target, int logpoints, int sites_each, Times* best) {
  std::vector<std::unique_ptr<attach::AttachedLogpoint>> attached;
  auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < logpoints; ++i) {
    auto logpoint = runtime->Attach(FieldRequest(target, i * sites_each, sites_each));
    if (!logpoint.ok()) {
      fprintf(stderr, "attach_many: %s\n", logpoint.status().ToString().c_str());
      return false;
    }
    attached.push_back(*std::move(logpoint));
  }
  best->attach_ms = std::min(best->attach_ms, Milliseconds(start));
  if (logpoints > 1)
    printf("%d logpoints: %ld MiB resident, %d descriptors\n", logpoints, ResidentMiB(), Descriptors());
  start = std::chrono::steady_clock::now();
  daemon::InParallel(attached.size(), kDetachThreads, [&](size_t i) { attached[i]->Detach(); });
  best->detach_ms = std::min(best->detach_ms, Milliseconds(start));
  return true;
}

int Run() {
  const test::TargetProcess target;
  auto runtime = attach::BpfRuntime::Create({});
  if (!runtime.ok()) {
    fprintf(stderr, "attach_many: %s\n", runtime.status().ToString().c_str());
    return 1;
  }
  runtime->get()->Canaries();
  printf("no logpoint: %ld MiB resident, %d descriptors\n", ResidentMiB(), Descriptors());
  Times one, many;
  for (int i = 0; i < 10; ++i) {
    if (!Round(runtime->get(), target, 1, 1000, &one)) return 1;
  }
  for (int i = 0; i < 3; ++i) {
    if (!Round(runtime->get(), target, 1000, 5, &many)) return 1;
  }
  printf("1 logpoint, 1,000 sites: attach %.1f ms, detach %.1f ms (best of 10)\n", one.attach_ms, one.detach_ms);
  printf("1,000 logpoints, 5,000 sites: attach %.0f ms, detach %.0f ms (best of 3)\n", many.attach_ms, many.detach_ms);
  return 0;
}

}  // namespace
}  // namespace dlog

int main() { return dlog::Run(); }
