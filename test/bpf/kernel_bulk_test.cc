// SPDX-License-Identifier: Apache-2.0
//
// Many logpoints with many sites. Times are bounded loosely here; test/bench has the numbers.
#include <chrono>
#include <memory>
#include <vector>

#include "daemon/base/parallel.h"
#include "test/bpf/kernel_fixture.h"
#include "test/catch.h"

namespace dlog::test {
namespace {

constexpr int kLogpoints = 1000;
constexpr int kSitesEach = 5;
constexpr char kArgument[] = "register_mask: 0x20";

// `count` of the pushes that the target calls one after the other with `field`.
attach::AttachRequest FieldRequest(const TargetProcess& target, int first, int count) {
  attach::AttachRequest request = Request(target, "field", kArgument);
  const attach::SiteRequest site = request.sites[0];
  request.sites.clear();
  for (int i = first; i < first + count; ++i) {
    request.sites.push_back(site);
    request.sites.back().offset.value += static_cast<uint64_t>(i) * 4;  // push, pop, ret, nop
  }
  return request;
}

}  // namespace

TEST_CASE("a logpoint of 1,000 sites is attached and detached at once") {
  TargetProcess target;
  auto runtime = NewRuntime({.backend = attach::Backend::kUprobeMulti});
  auto logpoint = Attach(runtime.get(), FieldRequest(target, 0, 1000));
  CHECK(logpoint->site_count() == 1000);
  CHECK(target.Does("field 1000"));
  CHECK(Count(*logpoint, DLOG_COUNT_HITS) == 1000);
  logpoint->Detach();
  CHECK(target.Does("field 1000"));
  CHECK(Count(*logpoint, DLOG_COUNT_HITS) == 1000);
}

TEST_CASE("1,000 logpoints with 5,000 sites live side by side and are detached together") {
  TargetProcess target;
  auto runtime = NewRuntime({.backend = attach::Backend::kUprobeMulti});
  std::vector<std::unique_ptr<attach::AttachedLogpoint>> logpoints;
  logpoints.reserve(kLogpoints);
  for (int i = 0; i < kLogpoints; ++i) {
    logpoints.push_back(Attach(runtime.get(), FieldRequest(target, i * kSitesEach, kSitesEach)));
  }
  CHECK(target.Does("field 5000"));
  uint64_t hits = 0;
  for (const auto& logpoint : logpoints) {
    hits += Count(*logpoint, DLOG_COUNT_HITS);
    CheckAddsUp(*logpoint);
  }
  CHECK(hits == 5000);
  const auto start = std::chrono::steady_clock::now();
  daemon::InParallel(logpoints.size(), 64, [&](size_t i) { logpoints[i]->Detach(); });
  const auto took = std::chrono::steady_clock::now() - start;
  CHECK(took < std::chrono::seconds(20));  // one after the other: 20 to 40 s on an idle machine
  CHECK(target.Does("field 5000"));
  for (const auto& logpoint : logpoints) CHECK(Count(*logpoint, DLOG_COUNT_HITS) == kSitesEach);
}

}  // namespace dlog::test
