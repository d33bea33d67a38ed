// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "absl/time/clock.h"
#include "daemon/base/boot_time.h"
#include "daemon/base/parallel.h"
#include "daemon/control/attach_prepared.h"
#include "daemon/control/logpoint.h"
#include "daemon/control/plan_check.h"
#include "daemon/control/policy.h"
#include "daemon/control/site_choice.h"
#include "daemon/targets/build_id.h"
#include "symbolizer/base/status_hint.h"

namespace dlog::daemon {
namespace {

constexpr size_t kDetachThreads = 64;
constexpr int kTicksBetweenLooks = 10;

absl::Status Stopping() {
  return WithHint(absl::UnavailableError("dlogd is stopping"), "try again when it has been started again");
}

EngineSeams WithDefaults(EngineSeams seams) {
  if (!seams.now) seams.now = BootTime;
  return seams;
}

// What to tell of a logpoint that goes on with other code than before; empty when it is the same.
std::string Rebuilt(const Logpoint& before, const v1::ResolvedLogpoint& now) {
  const std::string& old_build = before.context().resolved.binary().build_id();
  const std::string& new_build = now.binary().build_id();
  if (old_build.empty() || old_build == new_build) return "";
  return fmt::format("now on build {}", BuildIdHex(new_build));
}

}  // namespace

Engine::Engine(EngineOptions options, EngineSeams seams)
    : options_(std::move(options)),
      seams_(WithDefaults(std::move(seams))),
      preparer_({seams_.symbolize, options_.host, options_.redaction,
                 [this](const code::Instruction& instruction) {
                   Attacher* attacher = attacher_;
                   if (attacher == nullptr) return std::string();
                   return attach::InstructionCanaries(attacher->Canaries()).ObjectionTo(instruction);
                 }}),
      owner_(std::make_unique<OwnerThread>(options_.tick, [this] { return Tick(); })),
      watch_([this] { WatchLoop(); }) {}

Engine::~Engine() {
  Stop();
  owner_->Run([&] { process_events_.reset(); });
  {
    MutexLock lock(&watch_mutex_);
    watch_stopping_ = true;
  }
  watch_.join();
  owner_.reset();
  budget_.reset();
  drain_.reset();
}

absl::Status Engine::Start() {
  absl::Status status;
  owner_->Run([&] { status = EnsureAttacher(); });
  return status;
}

void Engine::Stop() {
  if (stopping_.exchange(true)) return;
  owner_->Run([&] {
    std::vector<std::shared_ptr<Logpoint>> live;
    for (const auto& logpoint : registry_.All()) {
      if (logpoint->live()) live.push_back(logpoint);
    }
    CloseProbes(live);
    SaveCounts();
    journal_.reset();  // the end of this dlogd is not theirs
    End(live, "removed", "dlogd is stopping");
  });
  hub_.Shutdown();
}

// ---------------------------------------------------------------------------------------------- owner thread

absl::Status Engine::EnsureAttacher() {
  if (attacher_owned_ != nullptr) return absl::OkStatus();
  auto attacher = seams_.make_attacher();
  if (!attacher.ok()) return attacher.status();
  attacher_owned_ = *std::move(attacher);
  attacher_ = attacher_owned_.get();
  DrainSeams drain;
  drain.attacher = attacher_owned_.get();
  drain.registry = &registry_;
  drain.build = seams_.build_event;
  if (seams_.sinks != nullptr) drain.sinks.push_back(seams_.sinks.get());
  drain.sinks.push_back(&hub_);
  drain.latency = &latency_;
  drain.on_hit_limit = [this] {
    hit_limit_ = true;
    owner_->Poke();
  };
  drain_ = std::make_unique<DrainThread>(std::move(drain));
  budget_ = std::make_unique<BudgetKeeper>(attacher_owned_.get(), seams_.now);
  if (seams_.watch_processes) process_events_ = seams_.watch_processes([this] { ProcessesChanged(); });
  told_of_changes_ = process_events_ != nullptr;
  return absl::OkStatus();
}

absl::Status Engine::CheckRoom() const {
  const auto all = registry_.All();
  const auto live =
      static_cast<size_t>(std::count_if(all.begin(), all.end(), [](const auto& logpoint) { return logpoint->live(); }));
  if (live < options_.max_logpoints) return absl::OkStatus();
  return WithHint(absl::ResourceExhaustedError(fmt::format("{} logpoints are active, as many as allowed", live)),
                  "remove some with `dlogctl rm`");
}

absl::Status Engine::CheckName(const std::string& name) const {
  if (name.empty()) return absl::OkStatus();
  for (const auto& logpoint : registry_.All()) {
    if (!logpoint->live() || logpoint->context().spec.name() != name) continue;
    return WithHint(absl::AlreadyExistsError(fmt::format("{} has the name '{}'", logpoint->id(), name)),
                    "`dlogctl apply` changes a logpoint of a name; `dlogctl rm` removes it");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Engine::NewId(const std::string& wanted) {
  if (wanted.empty()) return fmt::format("lp-{}", ++last_id_);
  constexpr std::string_view kPrefix = "lp-";
  constexpr size_t kMaxId = 34;
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto is_allowed = [&](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '-'; };
  // A letter first: never the number that this daemon would choose itself.
  if (wanted.size() <= kPrefix.size() || wanted.size() > kMaxId || wanted.compare(0, kPrefix.size(), kPrefix) != 0 ||
      !is_letter(wanted[kPrefix.size()]) || !std::all_of(wanted.begin(), wanted.end(), is_allowed)) {
    return WithHint(absl::InvalidArgumentError(fmt::format("'{}' cannot be the id of a logpoint", wanted)),
                    "lp-, a letter, then letters, digits or '-'");
  }
  if (registry_.Find(wanted) != nullptr) {
    return WithHint(absl::AlreadyExistsError(fmt::format("there is a logpoint {}", wanted)), "choose another id");
  }
  return wanted;
}

absl::StatusOr<v1::LogpointState> Engine::Attach(std::unique_ptr<Prepared> prepared, const v1::AddRequest& request,
                                                 const std::shared_ptr<Logpoint>& before) {
  if (stopping_) return Stopping();
  if (auto status = EnsureAttacher(); !status.ok()) return status;
  if (before == nullptr) {
    if (auto status = CheckRoom(); !status.ok()) return status;
  }
  const absl::StatusOr<std::string> new_id = before != nullptr ? before->id() : NewId(request.id());
  if (!new_id.ok()) return new_id.status();
  const std::string& id = *new_id;
  prepared->context.spec.set_id(id);
  // Shares the ownership of the whole, so that the plans that `order` points to stay where they are.
  std::shared_ptr<Prepared> shared = std::move(prepared);
  LogpointSetup setup;
  if (before != nullptr) setup = before->setup().Continued(*before);
  setup.context = std::shared_ptr<const pipeline::LogpointContext>(shared, &shared->context);
  setup.process = std::move(shared->process);
  setup.target_key = shared->target_key;
  setup.container = shared->container;
  setup.target_print = shared->target_print;
  setup.resolve_ms = shared->resolve_ms;
  if (before == nullptr) {
    setup.interactive = request.remove_on_disconnect();
    setup.created = seams_.now();
    if (request.has_plan()) setup.plan = std::make_shared<const v1::ResolvedLogpoint>(request.plan());
    if (setup.interactive) hub_.StartReplay(id);
  } else {
    setup.reason = Rebuilt(*before, shared->context.resolved);
  }
  if (shared->order.max_hits != 0) {
    shared->order.max_hits -= std::min(shared->order.max_hits - 1, setup.ledger.emitted());
  }

  drain_->AddUser();
  registry_.BeginAttach();
  const absl::Time begin = BootTime();
  auto attachment = AttachPrepared(attacher_owned_.get(), shared.get());
  if (!attachment.ok()) {
    registry_.EndAttach();
    drain_->RemoveUser();
    if (before == nullptr) hub_.Forget(id);
    return attachment.status();
  }
  const double attach_ms = absl::ToDoubleMilliseconds(BootTime() - begin);
  std::vector<uint32_t> sites;
  for (const size_t i : DropMissing((*attachment)->missing(), &shared->context)) {
    sites.push_back((*attachment)->site_index(i));
  }
  setup.warnings = shared->warnings;
  if (std::string warning = RefusalWarning(shared->context); !warning.empty()) {
    setup.warnings.push_back(std::move(warning));
  }
  const uint32_t generation = (*attachment)->generation();
  auto logpoint = std::make_shared<Logpoint>(std::move(setup), *std::move(attachment), attach_ms);
  registry_.Insert(logpoint, sites, generation);
  registry_.EndAttach();
  budget_->Add(logpoint);
  NarrowProcessWatch();
  Put(*logpoint, false);
  return logpoint->State();
}

absl::StatusOr<v1::LogpointState> Engine::AddParked(const v1::AddRequest& request, const std::string& reason) {
  if (stopping_) return Stopping();
  if (auto status = CheckRoom(); !status.ok()) return status;
  auto context = std::make_shared<pipeline::LogpointContext>();
  LogpointSetup setup;
  context->spec = request.spec();
  if (auto status = ApplyPolicy(&context->spec, &setup.warnings); !status.ok()) return status;
  auto id = NewId(request.id());
  if (!id.ok()) return id.status();
  context->spec.set_id(*id);
  if (request.has_known()) {
    if (auto status = CheckKnown(request); !status.ok()) return status;
    context->resolved = request.known();  // for the target that comes, if it is this build
  }
  context->host = options_.host;
  setup.context = context;
  setup.interactive = request.remove_on_disconnect();
  setup.created = seams_.now();
  setup.reason = reason;
  if (request.has_plan()) setup.plan = std::make_shared<const v1::ResolvedLogpoint>(request.plan());
  if (setup.interactive) hub_.StartReplay(context->spec.id());
  auto logpoint = std::make_shared<Logpoint>(std::move(setup), "pending");
  registry_.Insert(logpoint, {}, 0);
  NarrowProcessWatch();
  Put(*logpoint, false);
  ProcessesChanged();  // what it waits for may have come meanwhile
  return logpoint->State();
}

// All are detached first, so that their last records are waited for together. Returns when the drain thread is done
// with them.
void Engine::CloseProbes(const std::vector<std::shared_ptr<Logpoint>>& logpoints) {
  for (const auto& logpoint : logpoints) {
    if (budget_ != nullptr) budget_->Remove(logpoint->id());
  }
  // Closing a link waits for grace periods of the kernel; those that wait together share them.
  InParallel(logpoints.size(), kDetachThreads, [&](size_t i) { logpoints[i]->Detach(); });
  const absl::Time give_up = BootTime() + options_.drain_wait;
  for (const auto& logpoint : logpoints) {
    while (logpoint->InFlight() > 0 && BootTime() < give_up) absl::SleepFor(absl::Milliseconds(1));
  }
  if (!logpoints.empty() && drain_ != nullptr) drain_->Barrier();
  for (const auto& logpoint : logpoints) {
    registry_.ForgetSites(logpoint->id());
  }
}

void Engine::End(const std::vector<std::shared_ptr<Logpoint>>& logpoints, const std::string& state,
                 const std::string& reason) {
  CloseProbes(logpoints);
  for (const auto& logpoint : logpoints) {
    const bool had_probes = logpoint->active();
    logpoint->Finish(state, reason, seams_.now());
    if (had_probes) drain_->RemoveUser();
    hub_.End(logpoint->State());
    if (!logpoint->setup().interactive) {
      v1::StateEntry entry;
      entry.set_erase(logpoint->id());
      Append({entry});
    }
  }
}

// The logpoint stays, without probes.
void Engine::Park(const std::shared_ptr<Logpoint>& logpoint, const std::string& state, const std::string& reason) {
  if (!logpoint->active()) return logpoint->ChangeParked(state, reason);
  CloseProbes({logpoint});
  logpoint->Park(state, reason);
  drain_->RemoveUser();
}

void Engine::Forget(const std::string& id) {
  registry_.Erase(id);
  hub_.Forget(id);
}

// Reading the counters of all logpoints is most of what an idle dlogd does, so it is done when something may have
// ended, and else now and then: of hits that were all lost on their way nobody else tells.
absl::Duration Engine::Tick() {
  const absl::Duration longest = kTicksBetweenLooks * options_.tick;
  const absl::Time now = seams_.now();
  const bool exits = LookForExits();
  const bool look = hit_limit_.exchange(false) || now >= next_end_ || BootTime() >= last_look_ + longest;
  if (look) last_look_ = BootTime();
  if (look || exits) next_end_ = absl::InfiniteFuture();
  // Each process is asked once, however many logpoints it has.
  std::map<std::string, bool> exited;
  const auto has_exited = [&exited](const Logpoint& logpoint) {
    if (!logpoint.setup().process.has_value()) return false;
    if (logpoint.context().spec.target().pid() == 0) return logpoint.setup().process->exited();
    const auto [known, is_new] = exited.try_emplace(logpoint.setup().target_print);
    if (is_new) known->second = logpoint.setup().process->exited();
    return known->second;
  };
  const auto foresee = [this](absl::Time end) { next_end_ = std::min(next_end_, end); };
  for (const auto& logpoint : look || exits ? registry_.All() : std::vector<std::shared_ptr<Logpoint>>()) {
    if (!logpoint->live()) continue;
    const absl::Time unclaimed_end = logpoint->setup().interactive && !logpoint->claimed()
                                         ? logpoint->setup().created + options_.stream_grace
                                         : absl::InfiniteFuture();
    if (look && logpoint->active() && logpoint->HitLimitReached()) {
      End({logpoint}, "finished", fmt::format("hit limit of {} reached", logpoint->context().spec.limits().hits()));
    } else if (exits && logpoint->active() && has_exited(*logpoint)) {
      if (logpoint->context().spec.target().pid() == 0) {  // chosen by what it is, not by its number: others may come
        Park(logpoint, "pending", "the process has exited");
        continue;
      }
      End({logpoint}, "finished",
          fmt::format("target process {} has exited", logpoint->setup().target_key.substr(sizeof("pid ") - 1)));
    } else if (now >= logpoint->expires()) {
      End({logpoint}, "expired", "time to live is over");
    } else if (now >= unclaimed_end) {
      End({logpoint}, "removed", "its client never opened the stream");
      Forget(logpoint->id());
    } else {
      foresee(std::min(logpoint->expires(), unclaimed_end));
    }
  }
  if (journal_ != nullptr && now >= next_save_) SaveCounts();
  if (look) {
    PurgeEnded(now);
    NarrowProcessWatch();
  }
  if (!told_of_changes_ || exit_looks_due_ > 0) return options_.tick;
  return std::min(longest, next_end_ - now);
}

void Engine::PurgeEnded(absl::Time now) {
  std::vector<std::shared_ptr<Logpoint>> ended;
  for (const auto& logpoint : registry_.All()) {
    if (!logpoint->live()) ended.push_back(logpoint);
  }
  const size_t excess = ended.size() > options_.max_ended ? ended.size() - options_.max_ended : 0;
  for (size_t i = 0; i < ended.size(); ++i) {
    if (i < excess || now >= ended[i]->ended() + options_.keep_ended) Forget(ended[i]->id());
  }
}

// ---------------------------------------------------------------------------------------------- any thread

absl::StatusOr<v1::LogpointState> Engine::Add(const v1::AddRequest& request) {
  if (stopping_) return Stopping();
  if (auto status = CheckName(request.spec().name()); !status.ok()) return status;
  // Before sites are chosen: what its canaries have found decides which ones. Attach tells when there is none.
  owner_->Run([&] { EnsureAttacher().IgnoreError(); });
  auto prepared = preparer_.Prepare(request);
  absl::StatusOr<v1::LogpointState> result = absl::InternalError("not attached");
  if (!prepared.ok()) {
    if (!request.allow_pending() || !IsTargetAbsent(prepared.status())) return prepared.status();
    owner_->Run([&] { result = AddParked(request, std::string(prepared.status().message())); });
  } else {
    owner_->Run([&] { result = Attach(*std::move(prepared), request, nullptr); });
  }
  return result;
}

absl::StatusOr<std::vector<v1::LogpointState>> Engine::Remove(const std::vector<std::string>& ids, bool all) {
  absl::StatusOr<std::vector<v1::LogpointState>> result;
  owner_->Run([&] {
    std::vector<std::shared_ptr<Logpoint>> chosen = all ? registry_.All() : std::vector<std::shared_ptr<Logpoint>>();
    for (const std::string& id : all ? std::vector<std::string>() : ids) {
      auto logpoint = registry_.Get(id);
      if (!logpoint.ok()) {
        result = logpoint.status();
        return;
      }
      if (std::find(chosen.begin(), chosen.end(), *logpoint) == chosen.end()) chosen.push_back(*logpoint);
    }
    std::vector<std::shared_ptr<Logpoint>> live;
    std::copy_if(chosen.begin(), chosen.end(), std::back_inserter(live),
                 [](const auto& logpoint) { return logpoint->live(); });
    End(live, "removed", "removed by request");
    std::vector<v1::LogpointState> states;
    for (const auto& logpoint : chosen) {
      states.push_back(logpoint->State());
      Forget(logpoint->id());
    }
    result = std::move(states);
  });
  return result;
}

absl::StatusOr<StreamHandle> Engine::OpenStream(const std::set<std::string>& ids) {
  std::vector<std::shared_ptr<Logpoint>> logpoints;
  for (const std::string& id : ids) {
    auto logpoint = registry_.Get(id);
    if (!logpoint.ok()) return logpoint.status();
    logpoints.push_back(*std::move(logpoint));
  }
  StreamHandle stream;
  stream.events = hub_.Open(ids);
  for (const auto& logpoint : logpoints) {
    if (logpoint->setup().interactive && logpoint->Claim()) stream.owned.push_back(logpoint->id());
    // Looked at after the stream was opened: one that ends from now on tells the stream itself.
    if (!logpoint->live()) hub_.TellEnded(stream.events, logpoint->State());
  }
  return stream;
}

void Engine::CloseStream(const StreamHandle& stream) {
  hub_.Close(stream.events);
  if (stream.owned.empty()) return;
  owner_->Run([&] {
    for (const std::string& id : stream.owned) {
      auto logpoint = registry_.Find(id);
      if (logpoint == nullptr) continue;
      if (logpoint->live()) End({logpoint}, "removed", "its client has left");
      Forget(id);
    }
  });
}

}  // namespace dlog::daemon
