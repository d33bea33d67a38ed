// SPDX-License-Identifier: Apache-2.0
#include "cli/client/fleet_add.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <random>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "daemon/base/mutex.h"

namespace dlog::cli {
namespace {

// How many nodes of a build try to resolve one after the other, before all others of it try at once.
constexpr int kLeaders = 3;

// What the nodes have found out so far: the plan of each build, and who is at it.
class Plans {
 public:
  // The plan for a node with these modules. Null: it has to resolve by itself, and to tell with Done. Waits while
  // another node of its build is at it.
  const v1::ResolvedLogpoint* Wait(const v1::BuildsResponse& builds) ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(&mutex_);
    Build& build = builds_[builds.modules(0).build_id()];
    mutex_.Await([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return Find(builds) != nullptr || build.resolving == 0 || build.failed >= kLeaders;
    });
    const v1::ResolvedLogpoint* plan = Find(builds);
    if (plan == nullptr) ++build.resolving;
    return plan;
  }
  // What came of it; null: nothing.
  void Done(const v1::BuildsResponse& builds, const v1::ResolvedLogpoint* resolved) ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(&mutex_);
    Build& build = builds_[builds.modules(0).build_id()];
    --build.resolving;
    if (resolved == nullptr) ++build.failed;
    if (resolved != nullptr && !resolved->binary().build_id().empty())
      plans_.try_emplace(resolved->binary().build_id(), *resolved);
  }
  const v1::ResolvedLogpoint* For(const v1::BuildsResponse& builds) const ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(&mutex_);
    return Find(builds);
  }
  // Some plan, for a node whose target is not there yet.
  const v1::ResolvedLogpoint* Any() const ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(&mutex_);
    return plans_.empty() ? nullptr : &plans_.begin()->second;
  }

 private:
  struct Build {
    int resolving = 0;
    int failed = 0;
  };
  const v1::ResolvedLogpoint* Find(const v1::BuildsResponse& builds) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    for (const auto& module : builds.modules()) {
      const auto found = plans_.find(module.build_id());
      if (found != plans_.end()) return &found->second;
    }
    return nullptr;
  }

  mutable Mutex mutex_;
  std::map<std::string, Build> builds_ ABSL_GUARDED_BY(mutex_);                // of the program
  std::map<std::string, v1::ResolvedLogpoint> plans_ ABSL_GUARDED_BY(mutex_);  // entries stay where they are
};

// No node waits for one that it needs nothing from: whoever is connected and has a plan for its build attaches, while
// others still connect.
class Adding {
 public:
  Adding(const Fleet& fleet, std::vector<size_t> nodes, v1::AddRequest request,
         std::function<grpc::ClientContext*(size_t)> context_of)
      : fleet_(fleet),
        nodes_(std::move(nodes)),
        request_(std::move(request)),
        context_of_(std::move(context_of)),
        builds_(fleet.size()),
        progress_(fleet.size()) {
    added_.outcomes.resize(fleet.size());
    added_.logpoints.resize(fleet.size());
  }

  FleetAdded Run() {
    if (fleet_.single() || request_.has_plan()) {
      ForSome(nodes_, [this](size_t i, Client& node) { return Add(i, node, nullptr); });
    } else {
      ForSome(nodes_, [this](size_t i, Client& node) { return AddByBuild(i, node); });
      ForSome(Where([this](size_t i) { return progress_[i].absent; }),
              [this](size_t i, Client& node) { return Add(i, node, plans_.Any()); });
      // Those that could not resolve, where another node of the same build could.
      const auto could_attach = [this](size_t i) {
        return progress_[i].resolved_itself && !added_.outcomes[i].ok() && !absl::IsUnavailable(added_.outcomes[i]) &&
               plans_.For(builds_[i]) != nullptr;
      };
      ForSome(Where(could_attach), [this](size_t i, Client& node) { return Add(i, node, plans_.For(builds_[i])); });
    }
    for (const v1::LogpointState& state : added_.logpoints) added_.resolved_by += state.resolve_ms() > 0 ? 1 : 0;
    return std::move(added_);
  }

 private:
  // Of one node; written by the thread that works for it.
  struct Progress {
    bool absent = false;  // its target is not there yet
    bool resolved_itself = false;
  };

  void ForSome(const std::vector<size_t>& nodes, const Fleet::Work& work) {
    fleet_.ForSome(nodes, work, &added_.outcomes);
  }

  std::vector<size_t> Where(const std::function<bool(size_t)>& holds) const {
    std::vector<size_t> out;
    std::copy_if(nodes_.begin(), nodes_.end(), std::back_inserter(out), holds);
    return out;
  }

  absl::Status AddByBuild(size_t i, Client& node) {
    v1::BuildsRequest request;
    *request.mutable_target() = request_.spec().target();
    absl::Status status =
        node.Call([&](grpc::ClientContext* context) { return node.stub().Builds(context, request, &builds_[i]); });
    if (absl::IsUnavailable(status)) return status;  // not tried again: that would take as long once more
    if (builds_[i].modules().empty()) {
      progress_[i].absent = true;
      return absl::OkStatus();
    }
    const v1::ResolvedLogpoint* plan = plans_.Wait(builds_[i]);
    if (plan != nullptr) return Add(i, node, plan);
    progress_[i].resolved_itself = true;
    v1::ResolvedLogpoint resolved;
    absl::Status added = Add(i, node, nullptr, &resolved);
    plans_.Done(builds_[i], added.ok() ? &resolved : nullptr);
    return added;
  }

  absl::Status Add(size_t i, Client& node, const v1::ResolvedLogpoint* plan, v1::ResolvedLogpoint* resolved = nullptr) {
    v1::AddRequest request = request_;
    v1::AddResponse response;
    if (plan != nullptr) *request.mutable_known() = *plan;
    request.set_return_resolved(resolved != nullptr);
    grpc::ClientContext* context = context_of_(i);
    absl::Status status = node.Outcome(node.stub().Add(context, request, &response), *context);
    if (!status.ok()) return status;
    if (resolved != nullptr) *resolved = std::move(*response.mutable_resolved());
    added_.logpoints[i] = std::move(*response.mutable_logpoint());
    return status;
  }

  const Fleet& fleet_;
  const std::vector<size_t> nodes_;
  const v1::AddRequest request_;
  const std::function<grpc::ClientContext*(size_t)> context_of_;
  std::vector<v1::BuildsResponse> builds_;
  std::vector<Progress> progress_;
  Plans plans_;
  FleetAdded added_;
};

}  // namespace

FleetAdded AddEverywhere(const Fleet& fleet, const std::vector<size_t>& nodes, v1::AddRequest request,
                         const std::function<grpc::ClientContext*(size_t)>& context_of) {
  if (!fleet.single() && request.id().empty()) request.set_id(RandomLogpointId());
  return Adding(fleet, nodes, std::move(request), context_of).Run();
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
