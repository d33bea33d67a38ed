// SPDX-License-Identifier: Apache-2.0
//
// Engine: logpoints without probes. What is pending is attached once its target is there, what is attached moves to the
// new build of its program, what is paused waits for its user, and all of them outlive this process in the journal.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "absl/time/clock.h"
#include "daemon/control/engine.h"
#include "daemon/control/logpoint.h"
#include "symbolizer/base/status_hint.h"

namespace dlog::daemon {
namespace {

v1::AddRequest RequestOf(const Logpoint& logpoint) {
  v1::AddRequest request;
  *request.mutable_spec() = logpoint.context().spec;
  if (logpoint.setup().plan != nullptr) *request.mutable_plan() = *logpoint.setup().plan;
  request.set_remove_on_disconnect(logpoint.setup().interactive);
  return request;
}

}  // namespace

void Engine::WatchLoop() {
  absl::Duration rest = absl::ZeroDuration();
  while (true) {
    {
      MutexLock lock(&watch_mutex_);
      const auto stopping = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(watch_mutex_) { return watch_stopping_; };
      if (watch_mutex_.AwaitFor(options_.watch, stopping)) return;
      const auto due = [this]()
                           ABSL_EXCLUSIVE_LOCKS_REQUIRED(watch_mutex_) { return watch_stopping_ || looks_due_ > 0; };
      if (told_of_changes_) (void)watch_mutex_.AwaitFor(rest, due);
      if (watch_stopping_) return;
      if (looks_due_ > 0) --looks_due_;
    }
    rest = WatchOnce() - options_.watch;
  }
}

absl::Duration Engine::WatchOnce() {
  std::map<std::string, std::string> prints;  // each target is looked at once, however many logpoints it has
  bool waiting = false;
  for (const auto& logpoint : registry_.All()) {
    if (stopping_) break;
    if (!logpoint->live() || logpoint->state() == "paused") continue;
    const v1::Target& target = logpoint->context().spec.target();
    const auto [print, is_new] = prints.try_emplace(target.SerializeAsString());
    if (is_new) print->second = preparer_.Fingerprint(target);
    Watch(logpoint, print->second);
    waiting = waiting || !logpoint->active();
  }
  std::erase_if(watched_, [this](const auto& entry) {
    const auto logpoint = registry_.Find(entry.first);
    return logpoint == nullptr || !logpoint->live();
  });
  return waiting ? options_.watch_waiting : options_.watch_slow;
}

void Engine::ProcessesChanged() {
  constexpr int kLooks = 4;
  exit_looks_due_ = kLooks;
  owner_->Hurry();
  MutexLock lock(&watch_mutex_);
  looks_due_ = kLooks;
}

void Engine::NarrowProcessWatch() {
  if (process_events_ == nullptr) return;
  std::optional<std::set<int32_t>> processes(std::in_place);
  for (const auto& logpoint : registry_.All()) {
    if (!logpoint->live()) continue;
    const int32_t pid = logpoint->context().spec.target().pid();
    if (pid == 0) {
      processes.reset();
      break;
    }
    processes->insert(pid);
  }
  if (processes == watched_processes_) return;
  process_events_->Only(processes);
  watched_processes_ = std::move(processes);
  ProcessesChanged();  // one that is new there may have gone before it was watched
}

bool Engine::LookForExits() {
  constexpr int kQuietTicks = 5;  // these are longer
  if (told_of_changes_ && exit_looks_due_ == 0 && ++ticks_without_exit_look_ < kQuietTicks) return false;
  ticks_without_exit_look_ = 0;
  if (exit_looks_due_ > 0) --exit_looks_due_;
  return true;
}

void Engine::Watch(const std::shared_ptr<Logpoint>& logpoint, const std::string& print) {
  const v1::Target& target = logpoint->context().spec.target();
  const std::string& attached_to = logpoint->setup().target_print;
  const bool active = logpoint->active();
  // An exited process is the tick's business, and a file that has gone may be about to be replaced.
  if (print.empty() || (active && print == attached_to)) return;
  if (active && target.pid() != 0) {
    owner_->Run([&] {
      if (registry_.Find(logpoint->id()) != logpoint || !logpoint->active()) return;
      End({logpoint}, "finished", fmt::format("process {} runs another program now", target.pid()));
    });
    return;
  }
  const absl::Time now = seams_.now();
  const auto failed = watched_.find(logpoint->id());
  if (failed != watched_.end() && print == failed->second.failed_print && now < failed->second.next_try) return;
  if (Reattach(logpoint)) {
    watched_.erase(logpoint->id());
  } else {
    watched_[logpoint->id()] = {print, now + options_.retry};
  }
}

// False when the target cannot carry it; the logpoint then says why.
bool Engine::Reattach(const std::shared_ptr<Logpoint>& logpoint) {
  bool paused = false;
  owner_->Run([&] {  // where it is paused: it may have been since it was looked at
    paused = logpoint->state() == "paused";
    if (!paused && logpoint->parked()) logpoint->ChangeParked("resolving", "");
  });
  if (paused) return true;
  const v1::AddRequest request = RequestOf(*logpoint);
  auto prepared = preparer_.Prepare(request, &logpoint->context().resolved);
  absl::Status status = prepared.status();
  owner_->Run([&] {
    if (registry_.Find(logpoint->id()) != logpoint || !logpoint->live() || logpoint->state() == "paused") return;
    if (prepared.ok()) {
      Park(logpoint, "resolving", "");
      status = Attach(*std::move(prepared), request, logpoint).status();
    }
    if (status.ok()) return;
    logpoint->ChangeParked("pending", std::string(status.message()));
    logpoint->Remark(fmt::format("the target has changed, but: {}", std::string(status.message())));
  });
  return status.ok();
}

absl::StatusOr<std::vector<std::shared_ptr<Logpoint>>> Engine::FindLive(const std::vector<std::string>& ids) const {
  std::vector<std::shared_ptr<Logpoint>> found;
  for (const std::string& id : ids) {
    auto logpoint = registry_.Get(id);
    if (!logpoint.ok()) return logpoint.status();
    found.push_back(*std::move(logpoint));
    if (!found.back()->live()) {
      return WithHint(absl::FailedPreconditionError(fmt::format("{} has ended: {}", id, found.back()->state())),
                      "add it again with `dlogctl log` or `dlogctl apply`");
    }
  }
  return found;
}

absl::StatusOr<std::vector<v1::LogpointState>> Engine::Pause(const std::vector<std::string>& ids) {
  absl::StatusOr<std::vector<v1::LogpointState>> result;
  owner_->Run([&] {
    auto found = FindLive(ids);
    if (!found.ok()) {
      result = found.status();
      return;
    }
    std::vector<v1::LogpointState> states;
    for (const auto& logpoint : *found) {
      Park(logpoint, "paused", "paused by request");
      Put(*logpoint, true);
      states.push_back(logpoint->State());
    }
    result = std::move(states);
  });
  return result;
}

absl::StatusOr<std::vector<v1::LogpointState>> Engine::Resume(const std::vector<std::string>& ids) {
  absl::StatusOr<std::vector<std::shared_ptr<Logpoint>>> found;
  owner_->Run([&] {
    found = FindLive(ids);
    if (!found.ok()) return;
    for (const auto& logpoint : *found) {
      if (logpoint->state() != "paused") continue;
      logpoint->ChangeParked("pending", "");
      Put(*logpoint, false);
    }
  });
  if (!found.ok()) return found.status();
  std::vector<v1::LogpointState> states;
  for (const auto& logpoint : *found) {
    if (logpoint->parked()) (void)Reattach(logpoint);
    const auto now = registry_.Find(logpoint->id());
    states.push_back(now != nullptr ? now->State() : logpoint->State());
  }
  return states;
}

// ---------------------------------------------------------------------------------------------- journal

void Engine::Append(const std::vector<v1::StateEntry>& entries) {
  if (journal_ == nullptr || entries.empty()) return;
  const absl::Status status = journal_->Append(entries);
  if (!status.ok() && !std::exchange(journal_failed_, true)) {
    fmt::print(stderr, "dlogd: logpoints will not outlive this dlogd: {}\n", std::string(status.message()));
  }
}

void Engine::Put(const Logpoint& logpoint, bool paused) {
  if (journal_ == nullptr || logpoint.setup().interactive) return;
  std::vector<v1::StateEntry> entries(2);
  entries[0].set_last_id(last_id_);
  v1::SavedLogpoint* saved = entries[1].mutable_put();
  *saved->mutable_spec() = logpoint.context().spec;
  saved->set_created_unix_ns(logpoint.created_unix_ns());
  saved->set_paused(paused);
  *saved->mutable_counters() = logpoint.State().counters();
  if (logpoint.setup().plan != nullptr) *saved->mutable_plan() = *logpoint.setup().plan;
  *saved->mutable_resolved() = logpoint.context().resolved;
  saved->set_process_identity(logpoint.setup().target_print);
  Append(entries);
}

void Engine::SaveCounts() {
  next_save_ = seams_.now() + options_.save_counts;
  if (journal_ == nullptr) return;
  std::map<std::string, uint64_t> hits;
  std::vector<v1::StateEntry> entries;
  for (const auto& logpoint : registry_.All()) {
    if (!logpoint->live() || logpoint->setup().interactive) continue;
    v1::StateEntry entry;
    entry.mutable_counts()->set_id(logpoint->id());
    *entry.mutable_counts()->mutable_counters() = logpoint->State().counters();
    const uint64_t now = hits[logpoint->id()] = entry.counts().counters().hits();
    if (saved_hits_[logpoint->id()] != now) entries.push_back(std::move(entry));
  }
  Append(entries);
  saved_hits_ = std::move(hits);
}

std::vector<std::string> Engine::Restore(std::unique_ptr<Journal> journal, const SavedState& state) {
  std::vector<std::string> lines;
  owner_->Run([&] {
    journal_ = std::move(journal);
    last_id_ = state.last_id;
    for (const v1::SavedLogpoint& saved : state.logpoints) {
      const v1::LogpointSpec& spec = saved.spec();
      const absl::Duration age = absl::Now() - absl::FromUnixNanos(saved.created_unix_ns());
      std::string why;
      if (age >= absl::Milliseconds(spec.limits().ttl_ms())) why = "its time to live is over";
      if (spec.target().pid() != 0 && preparer_.Fingerprint(spec.target()) != saved.process_identity()) {
        why = fmt::format("process {} has exited", spec.target().pid());
      }
      if (!why.empty()) {
        lines.push_back(fmt::format("{} is not taken up: {}", spec.id(), why));
        v1::StateEntry entry;
        entry.set_erase(spec.id());
        Append({entry});
        continue;
      }
      auto context = std::make_shared<pipeline::LogpointContext>();
      context->spec = spec;
      context->resolved = saved.resolved();
      context->host = options_.host;
      LogpointSetup setup;
      setup.context = context;
      // A clock that was set back must not make it older than it can be.
      setup.created = seams_.now() - std::max(age, absl::ZeroDuration());
      setup.created_unix_ns = saved.created_unix_ns();
      setup.target_print = saved.process_identity();
      setup.reason = saved.paused() ? "paused by request" : "dlogd has been started again";
      setup.ledger = Ledger::Continue(saved.counters());
      if (saved.has_plan()) setup.plan = std::make_shared<const v1::ResolvedLogpoint>(saved.plan());
      registry_.Insert(std::make_shared<Logpoint>(std::move(setup), saved.paused() ? "paused" : "pending"), {}, 0);
    }
  });
  return lines;
}

}  // namespace dlog::daemon
