// SPDX-License-Identifier: Apache-2.0
//
// An engine with a fake kernel, a fake symbolizer and a clock that the test moves. Targets are real processes: `target`
// is one that sleeps.
#pragma once

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "daemon/base/mutex.h"
#include "daemon/control/engine.h"
#include "daemon/targets/build_id.h"
#include "test/fakes/fake_attacher.h"

namespace dlog::fakes {

// A process that sleeps until it is ended. It is a copy of this one without exec, so its executable is the test's.
class SleepingProcess {
 public:
  SleepingProcess() {
    pid_ = fork();
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that is killed leaves nothing behind
      while (true) pause();
    }
  }
  ~SleepingProcess() { End(); }
  void End() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  int32_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
};

// A plan for the first module of the request: one statement on a `push rbp`, no expressions.
inline v1::ResolvedLogpoint PlanFor(const std::string& display_path, const std::string& open_path) {
  v1::ResolvedLogpoint plan;
  plan.set_format_version(2);
  plan.mutable_binary()->set_path(display_path);
  auto id = daemon::ReadBuildId(open_path);
  plan.mutable_binary()->set_build_id(id.ok() ? *id : "");
  plan.set_file("/src/order.cc");
  plan.set_line(42);
  plan.set_requested_line(42);
  plan.set_location("order.cc:42");
  plan.mutable_parsed_template()->add_literals("hit");
  v1::Statement* statement = plan.add_statements();
  statement->set_statement_address(0x1000);
  statement->set_function("f()");
  v1::CandidateSite* site = statement->add_candidates();
  site->set_probe_address(0x1000);
  site->set_file_offset(0x1000);
  site->set_instruction("push rbp");
  site->set_instruction_bytes("\x55");
  site->set_instruction_class(v1::CLASS_EMULATED);
  return plan;
}

// Keeps what it was asked for.
class FakeProcessWatch : public daemon::ProcessWatch {
 public:
  void Only(const std::optional<std::set<int32_t>>& processes) override {
    MutexLock lock(&mutex_);
    only_ = processes;
  }
  std::optional<std::set<int32_t>> only() const {
    MutexLock lock(&mutex_);
    return only_;
  }

 private:
  mutable Mutex mutex_;
  std::optional<std::set<int32_t>> only_ ABSL_GUARDED_BY(mutex_);
};

// Build the engine after the target was forked: threads do not survive a fork.
class FakeNode {
 public:
  // `told`: the engine relies on being told when processes come and go, by `processes_changed`.
  explicit FakeNode(daemon::EngineOptions options = {}, bool told = false) {
    options.host = "n1";
    options.tick = absl::Milliseconds(5);
    options.watch = absl::Milliseconds(5);
    daemon::EngineSeams seams;
    seams.make_attacher = [this]() -> absl::StatusOr<std::unique_ptr<daemon::Attacher>> {
      return kernel.MakeAttacher();
    };
    seams.symbolize = [this](const v1::SymbolizerRequest& request) -> absl::StatusOr<v1::SymbolizerResponse> {
      MutexLock lock(&mutex_);
      requests_.push_back(request);
      if (symbolize_) return symbolize_(request);
      v1::SymbolizerResponse response;
      *response.mutable_resolved() = PlanFor(request.modules(0).display_path(), request.modules(0).open_path());
      return response;
    };
    seams.build_event = [this](const pipeline::LogpointContext& context, size_t, const dlog_record& header,
                               std::span<const uint8_t>, event::Batch* batch) {
      MutexLock lock(&mutex_);
      if (!build_error_.ok()) return build_error_;
      event::Source* source = batch->AddSource();
      source->logpoint = context.spec.id();
      batch->Add(source)->message = batch->storage().Copy("hit " + std::to_string(header.boot_ns));
      return absl::OkStatus();
    };
    seams.checks = [] { return std::vector<v1::Check>(1); };
    seams.now = [this] {
      MutexLock lock(&mutex_);
      return now_;
    };
    if (told) {
      seams.watch_processes = [this](std::function<void()> on_change) -> std::shared_ptr<daemon::ProcessWatch> {
        processes_changed = std::move(on_change);
        return process_watch;
      };
    }
    engine = std::make_unique<daemon::Engine>(std::move(options), std::move(seams));
  }

  v1::AddRequest Request() const {
    v1::AddRequest request;
    request.mutable_spec()->mutable_target()->set_pid(target.pid());
    request.mutable_spec()->set_location("order.cc:42");
    request.mutable_spec()->set_template_("hit");
    return request;
  }
  void Advance(absl::Duration by) {
    MutexLock lock(&mutex_);
    now_ += by;
  }
  void SymbolizeWith(std::function<absl::StatusOr<v1::SymbolizerResponse>(const v1::SymbolizerRequest&)> symbolize) {
    MutexLock lock(&mutex_);
    symbolize_ = std::move(symbolize);
  }
  void FailDecoding(absl::Status status) {
    MutexLock lock(&mutex_);
    build_error_ = std::move(status);
  }
  std::vector<v1::SymbolizerRequest> requests() const {
    MutexLock lock(&mutex_);
    return requests_;
  }

  std::function<void()> processes_changed;  // set once the engine has been started
  const std::shared_ptr<FakeProcessWatch> process_watch = std::make_shared<FakeProcessWatch>();
  SleepingProcess target;  // first of the rest: forked before any thread
  FakeKernel kernel;

 private:
  mutable Mutex mutex_;
  absl::Time now_ ABSL_GUARDED_BY(mutex_) = absl::UnixEpoch() + absl::Hours(1);
  std::function<absl::StatusOr<v1::SymbolizerResponse>(const v1::SymbolizerRequest&)> symbolize_
      ABSL_GUARDED_BY(mutex_);
  absl::Status build_error_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::SymbolizerRequest> requests_ ABSL_GUARDED_BY(mutex_);

 public:
  std::unique_ptr<daemon::Engine> engine;  // last: its threads use everything above
};

// Waits until `ready()`; false after 10 s.
template <typename Predicate>
bool Eventually(Predicate ready) {
  for (int i = 0; i < 10000; ++i) {
    if (ready()) return true;
    absl::SleepFor(absl::Milliseconds(1));
  }
  return ready();
}

}  // namespace dlog::fakes
