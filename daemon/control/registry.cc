// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "symbolizer/base/status_hint.h"

namespace dlog::daemon {
void Registry::BeginAttach() {
  MutexLock lock(&mutex_);
  attaching_ = true;
}

void Registry::EndAttach() {
  MutexLock lock(&mutex_);
  attaching_ = false;
}

void Registry::Insert(const std::shared_ptr<Logpoint>& logpoint, const std::vector<uint32_t>& sites,
                      uint32_t generation) {
  MutexLock lock(&mutex_);
  version_.fetch_add(1, std::memory_order_release);
  for (size_t i = 0; i < sites.size(); ++i) {
    if (slots_.size() <= sites[i]) slots_.resize(sites[i] + 1);
    slots_[sites[i]] = {generation, {logpoint, i}};
  }
  const bool is_new = by_id_.count(logpoint->id()) == 0;
  by_id_[logpoint->id()] = {logpoint, sites};
  if (is_new) order_.push_back(logpoint->id());
}

void Registry::ForgetSites(const std::string& id) {
  MutexLock lock(&mutex_);
  auto entry = by_id_.find(id);
  if (entry == by_id_.end()) return;
  version_.fetch_add(1, std::memory_order_release);
  for (const uint32_t site : std::exchange(entry->second.sites, {})) slots_[site] = {};
}

void Registry::Erase(const std::string& id) {
  ForgetSites(id);
  MutexLock lock(&mutex_);
  by_id_.erase(id);
  order_.erase(std::remove(order_.begin(), order_.end(), id), order_.end());
}

RecordOwner Registry::OwnerOf(uint32_t site, uint32_t generation) const {
  MutexLock lock(&mutex_);
  const auto matches = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return site < slots_.size() && slots_[site].owner.logpoint != nullptr && slots_[site].generation == generation;
  };
  if (!matches()) mutex_.Await([this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !attaching_; });
  return matches() ? slots_[site].owner : RecordOwner{};
}

std::shared_ptr<Logpoint> Registry::Find(const std::string& id) const {
  MutexLock lock(&mutex_);
  auto entry = by_id_.find(id);
  return entry == by_id_.end() ? nullptr : entry->second.logpoint;
}

absl::StatusOr<std::shared_ptr<Logpoint>> Registry::Get(const std::string& id) const {
  if (auto logpoint = Find(id)) return logpoint;
  return WithHint(absl::NotFoundError(fmt::format("no logpoint {}", id)), "`dlogctl ls` lists the logpoints");
}

std::vector<std::shared_ptr<Logpoint>> Registry::All() const {
  MutexLock lock(&mutex_);
  std::vector<std::shared_ptr<Logpoint>> all;
  for (const std::string& id : order_) all.push_back(by_id_.at(id).logpoint);
  return all;
}

}  // namespace dlog::daemon
