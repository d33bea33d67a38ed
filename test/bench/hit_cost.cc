// SPDX-License-Identifier: Apache-2.0
//
// What one hit costs: the same function, probed at the same emulated instruction, by an empty BPF program and by
// logpoints. Rounds alternate between the variants, so that a slow phase of the machine hits all of them; the table
// shows medians over the rounds.
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "daemon/attach/canary_program.h"
#include "daemon/attach/kernel_checks.h"
#include "daemon/attach/probe_set.h"
#include "plan.pb.h"

namespace {

using dlog::attach::AttachedLogpoint;
using dlog::attach::AttachRequest;
using dlog::attach::BpfRuntime;

constexpr int kRounds = 15;
constexpr int kHits = 20000;
constexpr int kSkipped = 77;
constexpr uint8_t kPushRbp = 0x55;  // the instruction of the canary site

[[noreturn]] void Fail(const std::string& what, const absl::Status& status) {
  fprintf(stderr, "hit_cost: %s: %s\n", what.c_str(), status.ToString().c_str());
  exit(1);
}

// CPU time of this thread: other load on the machine makes it noisier, but does not add to it.
double ThreadNanoseconds() {
  timespec now = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

// Nanoseconds per call of the probed function.
double Measure() {
  const double start = ThreadNanoseconds();
  for (int i = 0; i < kHits; ++i) dlog::attach::dlog_attach_canary_site();
  return (ThreadNanoseconds() - start) / kHits;
}

struct Variant {
  std::string name;
  // Runs one round: attaches, measures, detaches.
  std::function<double()> round;
  std::vector<double> results = {};

  double Median() {
    std::sort(results.begin(), results.end());
    return results[results.size() / 2];
  }
};

dlog::v1::CapturePlan FourRegisters() {
  dlog::v1::CapturePlan plan;
  plan.set_register_mask(0b111100);  // rcx, rbx, rsi, rdi
  return plan;
}

// rdi == a value that it never has.
dlog::v1::CapturePlan RejectingCondition() {
  dlog::v1::CapturePlan plan = FourRegisters();
  auto* compare = plan.add_condition();
  compare->set_code(dlog::v1::CAP_ARITH_IMM);
  compare->set_op(dlog::v1::OP_EQ);
  compare->set_dst(20);
  compare->set_a(5);
  compare->set_imm(0x123456789abcdef);
  auto* reject = plan.add_condition();
  reject->set_code(dlog::v1::CAP_REJECT_IF_ZERO);
  reject->set_a(20);
  return plan;
}

// Four 8-byte values at different places of the stack, one read each.
dlog::v1::CapturePlan FourStackScalars() {
  dlog::v1::CapturePlan plan;
  for (int i = 0; i < 4; ++i) {
    auto* copy = plan.add_ops();
    copy->set_code(dlog::v1::CAP_COPY);
    copy->set_a(7);
    copy->set_offset(16 * i);
    copy->set_length(8);
  }
  return plan;
}

// The same bytes in one read, as the plan builder does for neighbours.
dlog::v1::CapturePlan StackBlock() {
  dlog::v1::CapturePlan plan;
  auto* copy = plan.add_ops();
  copy->set_code(dlog::v1::CAP_COPY);
  copy->set_a(7);
  copy->set_length(56);
  return plan;
}

class Bench {
 public:
  Bench() {
    auto site = dlog::attach::LocateCanarySite();
    if (!site.ok()) Fail("locate the probed function", site.status());
    site_ = *site;
    auto runtime = BpfRuntime::Create({});
    if (!runtime.ok()) Fail("load the programs", runtime.status());
    runtime_ = *std::move(runtime);
    consumer_ = std::thread([this] { Consume(); });
  }
  ~Bench() {
    stop_ = true;
    consumer_.join();
  }

  double Empty() {
    auto canary = dlog::attach::CanaryProgram::Attach(
        site_, {.body = dlog::attach::CanaryProgram::Body::kNothing, .pid = static_cast<uint32_t>(getpid())});
    if (!canary.ok()) Fail("attach the empty program", canary.status());
    Measure();
    return Measure();
  }

  double Logpoint(const dlog::v1::CapturePlan& plan) {
    auto assembled = dlog::attach::AssemblePlan(plan);
    if (!assembled.ok()) Fail("assemble", assembled.status());
    AttachRequest request;
    request.path = site_.path;
    request.pid = getpid();
    request.sites.push_back({site_.offset, {kPushRbp}, *assembled});
    auto logpoint = runtime_->Attach(request);
    if (!logpoint.ok()) Fail("attach", logpoint.status());
    Measure();
    const double result = Measure();
    CheckCounters(**logpoint);
    return result;
  }

  uint64_t received() const { return received_; }
  uint64_t lost() const { return lost_; }

 private:
  void Consume() {
    while (!stop_) {
      auto got = runtime_->Poll(50, [this](const dlog::attach::RawRecord&) { ++received_; });
      if (!got.ok()) Fail("poll", got.status());
    }
  }

  // A variant that loses hits would look cheaper than it is.
  void CheckCounters(const AttachedLogpoint& logpoint) {
    const auto value = logpoint.Counters().value;
    if (value[DLOG_COUNT_HITS] != 2 * kHits) Fail("hits are missing", absl::InternalError("counted differently"));
    for (size_t i = DLOG_COUNT_DROP_FIRST; i < value.size(); ++i) lost_ += value[i];
  }

  dlog::attach::CanarySite site_;
  std::unique_ptr<BpfRuntime> runtime_;
  std::thread consumer_;
  std::atomic<bool> stop_ = false;
  std::atomic<uint64_t> received_ = 0;
  uint64_t lost_ = 0;
};

}  // namespace

int main() {
  for (const auto& check : dlog::attach::RunKernelChecks()) {
    if (check.ok || !check.required) continue;
    printf("SKIP: %s: %s\n", check.name.c_str(), check.detail.c_str());
    return kSkipped;
  }
  Bench bench;
  std::vector<Variant> variants = {
      {"bare call", [] { return Measure(); }},
      {"empty BPF program", [&] { return bench.Empty(); }},
      {"logpoint, 4 registers", [&] { return bench.Logpoint(FourRegisters()); }},
      {"logpoint, condition rejects on a register", [&] { return bench.Logpoint(RejectingCondition()); }},
      {"logpoint, 4 scalars from the stack, 4 reads", [&] { return bench.Logpoint(FourStackScalars()); }},
      {"logpoint, 4 scalars from the stack, 1 read", [&] { return bench.Logpoint(StackBlock()); }},
  };
  for (int round = 0; round < kRounds; ++round) {
    for (Variant& variant : variants) variant.results.push_back(variant.round());
  }
  const double empty = variants[1].Median();
  printf("%-46s %10s %10s %10s\n", "per hit", "median ns", "min ns", "vs empty");
  for (Variant& variant : variants) {
    const double median = variant.Median();
    printf("%-46s %10.1f %10.1f %9.2fx\n", variant.name.c_str(), median, variant.results.front(), median / empty);
  }
  printf("%d rounds of %d hits; %llu records received, %llu hits lost to a full ring\n", kRounds, kHits,
         static_cast<unsigned long long>(bench.received()), static_cast<unsigned long long>(bench.lost()));
  return 0;
}
