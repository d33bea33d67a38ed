// SPDX-License-Identifier: Apache-2.0
#include "cli/client/fleet_add.h"

#include <algorithm>
#include <map>
#include <random>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "daemon/base/mutex.h"

namespace dlog::cli {
namespace {

// How many nodes of a build are asked one after the other, before all others of it are asked at once.
constexpr int kLeaderRounds = 3;

// What the nodes have found out so far: the plan of each build.
class Plans {
 public:
  void Keep(const v1::ResolvedLogpoint& resolved) ABSL_LOCKS_EXCLUDED(mutex_) {
    const std::string& build_id = resolved.binary().build_id();
    if (build_id.empty()) return;
    MutexLock lock(&mutex_);
    plans_.try_emplace(build_id, resolved);
  }
  // One that fits a node with these modules, else null. Only between rounds: no Keep at the same time.
  const v1::ResolvedLogpoint* For(const v1::BuildsResponse& builds) const ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(&mutex_);
    for (const auto& module : builds.modules()) {
      const auto found = plans_.find(module.build_id());
      if (found != plans_.end()) return &found->second;
    }
    return nullptr;
  }
  // Some plan, for a node whose target is not there yet.
  const v1::ResolvedLogpoint* Any() const ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(&mutex_);
    return plans_.empty() ? nullptr : &plans_.begin()->second;
  }

 private:
  mutable Mutex mutex_;
  std::map<std::string, v1::ResolvedLogpoint> plans_ ABSL_GUARDED_BY(mutex_);  // entries stay where they are
};

class Adding {
 public:
  Adding(const Fleet& fleet, v1::AddRequest request, std::function<grpc::ClientContext*(size_t)> context_of)
      : fleet_(fleet), request_(std::move(request)), context_of_(std::move(context_of)), builds_(fleet.size()) {
    added_.outcomes.resize(fleet.size());
    added_.logpoints.resize(fleet.size());
  }

  FleetAdded Run() {
    std::vector<size_t> all(fleet_.size());
    for (size_t i = 0; i < all.size(); ++i) all[i] = i;
    if (fleet_.single() || request_.has_plan()) {
      Add(all);
      return std::move(added_);
    }
    LookAtBuilds();
    for (int round = 0; round < kLeaderRounds; ++round) Add(Leaders());
    std::vector<size_t> rest;
    for (const size_t i : all) {
      if (!tried_[i]) rest.push_back(i);
    }
    Add(rest);
    // Those that could not resolve, where another node of the same build could.
    std::vector<size_t> again;
    for (const size_t i : all) {
      if (tried_[i] && !with_plan_[i] && !added_.outcomes[i].ok() && !absl::IsUnavailable(added_.outcomes[i]) &&
          plans_.For(builds_[i]) != nullptr) {
        again.push_back(i);
      }
    }
    Add(again);
    return std::move(added_);
  }

 private:
  void LookAtBuilds() {
    v1::BuildsRequest request;
    *request.mutable_target() = request_.spec().target();
    const auto outcomes = fleet_.ForEach([&](size_t i, Client& node) {
      return node.Call([&](grpc::ClientContext* context) { return node.stub().Builds(context, request, &builds_[i]); });
    });
    for (size_t i = 0; i < outcomes.size(); ++i) {
      if (!absl::IsUnavailable(outcomes[i])) continue;
      added_.outcomes[i] = outcomes[i];  // not tried again: that would take as long once more
      tried_[i] = true;
    }
  }

  // One node of each build of the program that no plan is known for.
  std::vector<size_t> Leaders() const {
    std::map<std::string, size_t> first;
    for (size_t i = 0; i < fleet_.size(); ++i) {
      if (!tried_[i] && builds_[i].modules_size() > 0 && plans_.For(builds_[i]) == nullptr)
        first.try_emplace(builds_[i].modules(0).build_id(), i);
    }
    std::vector<size_t> out;
    out.reserve(first.size());
    for (const auto& [build, i] : first) out.push_back(i);
    return out;
  }

  void Add(const std::vector<size_t>& nodes) {
    // Chosen before the round: a node that resolves now does not change what the others are given.
    std::map<size_t, const v1::ResolvedLogpoint*> known;
    for (const size_t i : nodes) {
      const auto* plan = builds_[i].modules_size() > 0 ? plans_.For(builds_[i]) : plans_.Any();
      known[i] = plan;
      tried_[i] = true;
      with_plan_[i] = plan != nullptr;
    }
    std::vector<uint8_t> resolved_here(fleet_.size(), 0);
    fleet_.ForSome(
        nodes,
        [&](size_t i, Client& node) {
          v1::AddRequest request = request_;
          v1::AddResponse response;
          const v1::ResolvedLogpoint* plan = known.at(i);
          if (plan != nullptr) *request.mutable_known() = *plan;
          request.set_return_resolved(plan == nullptr && !fleet_.single());
          grpc::ClientContext* context = context_of_(i);
          absl::Status status = node.Outcome(node.stub().Add(context, request, &response), *context);
          if (!status.ok()) return status;
          if (response.has_resolved()) plans_.Keep(response.resolved());
          resolved_here[i] = response.logpoint().resolve_ms() > 0 ? 1 : 0;
          added_.logpoints[i] = std::move(*response.mutable_logpoint());
          return status;
        },
        &added_.outcomes);
    added_.resolved_by += static_cast<size_t>(std::count(resolved_here.begin(), resolved_here.end(), 1));
  }

  const Fleet& fleet_;
  const v1::AddRequest request_;
  const std::function<grpc::ClientContext*(size_t)> context_of_;
  std::vector<v1::BuildsResponse> builds_;
  Plans plans_;
  std::vector<bool> tried_ = std::vector<bool>(fleet_.size());
  std::vector<bool> with_plan_ = std::vector<bool>(fleet_.size());
  FleetAdded added_;
};

}  // namespace

FleetAdded AddEverywhere(const Fleet& fleet, v1::AddRequest request,
                         const std::function<grpc::ClientContext*(size_t)>& context_of) {
  if (!fleet.single()) request.set_id(RandomLogpointId());
  return Adding(fleet, std::move(request), context_of).Run();
}

std::string RandomLogpointId() {
  constexpr char kAlphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";  // without those that look alike
  constexpr size_t kLetters = 10;                                   // of which the first is one
  constexpr int kRest = 7;
  std::random_device random;
  std::string id = "lp-";
  id += kAlphabet[kLetters + random() % (sizeof(kAlphabet) - 1 - kLetters)];
  for (int i = 0; i < kRest; ++i) id += kAlphabet[random() % (sizeof(kAlphabet) - 1)];
  return id;
}

}  // namespace dlog::cli
