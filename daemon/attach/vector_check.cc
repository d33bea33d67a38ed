// SPDX-License-Identifier: Apache-2.0
#include "daemon/attach/vector_check.h"

#include <unistd.h>

#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/attach/canary_program.h"
#include "daemon/attach/probe_set.h"

// Loads all vector registers and goes on at `site`; `hit` stays in rdx, where the record shows it. x86-64.
asm(R"(
  .pushsection .text
  .globl dlog_attach_vector_canary
  .type dlog_attach_vector_canary, @function
dlog_attach_vector_canary:
  movups   0(%rdi), %xmm0
  movups  16(%rdi), %xmm1
  movups  32(%rdi), %xmm2
  movups  48(%rdi), %xmm3
  movups  64(%rdi), %xmm4
  movups  80(%rdi), %xmm5
  movups  96(%rdi), %xmm6
  movups 112(%rdi), %xmm7
  movups 128(%rdi), %xmm8
  movups 144(%rdi), %xmm9
  movups 160(%rdi), %xmm10
  movups 176(%rdi), %xmm11
  movups 192(%rdi), %xmm12
  movups 208(%rdi), %xmm13
  movups 224(%rdi), %xmm14
  movups 240(%rdi), %xmm15
  jmp *%rsi
  .size dlog_attach_vector_canary, . - dlog_attach_vector_canary
  .popsection
)");

extern "C" void dlog_attach_vector_canary(const void* registers, void (*site)(), uint64_t hit);

namespace dlog::attach {
namespace {

constexpr uint64_t kRingBytes = 1 << 20;
constexpr int kThreads = 2;
constexpr int kHits = 100;  // per thread
constexpr uint8_t kPushRbp = 0x55;
constexpr char kKey[] = "vector_registers";
constexpr char kWorks[] = "work";

using Registers = std::array<std::array<uint8_t, DLOG_VECTOR_BYTES>, DLOG_NVECTORS>;

// Register 0 names the hit, so that a stale copy of another hit is seen; register 15 is all zero.
Registers RegistersOf(uint32_t hit) {
  Registers out = {};
  for (size_t n = 0; n + 1 < out.size(); ++n) {
    for (size_t i = 0; i < out[n].size(); ++i) out[n][i] = static_cast<uint8_t>(hit * 31 + n * 7 + i + 1);
    std::memcpy(out[n].data(), &hit, sizeof(hit));
  }
  return out;
}

struct Seen {
  int exact = 0;
  int absent = 0;
  int wrong = 0;

  void Note(const RawRecord& record) {
    Registers got = {};
    size_t count = 0;
    for (auto rest = record.segments; rest.size() >= sizeof(dlog_segment) + DLOG_VECTOR_BYTES; ++count) {
      dlog_segment segment;
      std::memcpy(&segment, rest.data(), sizeof(segment));
      if (segment.status != DLOG_SEGMENT_VECTOR || segment.address >= got.size()) break;
      std::memcpy(got[segment.address].data(), rest.data() + sizeof(segment), DLOG_VECTOR_BYTES);
      rest = rest.subspan(sizeof(segment) + DLOG_VECTOR_BYTES);
    }
    uint32_t hit = 0;
    std::memcpy(&hit, got[0].data(), sizeof(hit));
    const auto truth = RegistersOf(static_cast<uint32_t>(record.header->regs[1]));
    if (count == 0) {
      ++absent;
    } else {
      ++(count == got.size() && got == truth ? exact : wrong);
    }
  }
};

void HitManyTimes(uint32_t first) {
  for (uint32_t hit = first; hit < first + kHits; ++hit) {
    const Registers registers = RegistersOf(hit);
    dlog_attach_vector_canary(registers.data(), &dlog_attach_canary_site, hit);
  }
}

absl::StatusOr<Seen> Try() {
  auto site = LocateCanarySite();
  if (!site.ok()) return site.status();
  auto runtime = BpfRuntime::Create({.ring_bytes = kRingBytes, .try_vectors = false});
  if (!runtime.ok()) return runtime.status();
  AttachRequest request;
  request.path = site->path;
  request.pid = getpid();
  AssembledPlan plan;
  plan.register_mask = 1u << 1;  // rdx
  plan.vector_mask = (1u << DLOG_NVECTORS) - 1;
  request.sites.push_back({site->offset, {kPushRbp}, plan});
  auto logpoint = (*runtime)->Attach(request);
  if (!logpoint.ok()) return logpoint.status();
  if (!(*logpoint)->missing().empty()) {
    return absl::FailedPreconditionError((*logpoint)->missing().front().reason);
  }
  if (!(*logpoint)->warnings().empty()) {
    return absl::FailedPreconditionError((*logpoint)->warnings().front());
  }
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int i = 0; i < kThreads; ++i) threads.emplace_back(HitManyTimes, static_cast<uint32_t>(i * kHits + 1));
  for (std::thread& thread : threads) thread.join();
  (*logpoint)->Detach();
  Seen seen;
  while (true) {
    auto got = (*runtime)->Poll(0, [&seen](const RawRecord& record) { seen.Note(record); });
    if (!got.ok()) return got.status();
    if (*got == 0) return seen;
  }
}

}  // namespace

absl::Status VectorRegistersWork(BootCache* cache) {
  const std::optional<std::string> known = cache->Get(kKey);
  if (known.has_value()) return *known == kWorks ? absl::OkStatus() : absl::FailedPreconditionError(*known);
  auto seen = Try();
  // A failed trial may have reasons of its own, memory or privileges: it is tried again next time.
  if (!seen.ok()) return seen.status();
  std::string result = kWorks;
  if (seen->wrong > 0 || seen->exact == 0) {
    result = absl::StrCat("this kernel does not save them as expected: of ", kThreads * kHits, " trials ", seen->exact,
                          " were exact, ", seen->wrong, " wrong and ", seen->absent, " without a value");
  }
  cache->Put(kKey, result);
  return result == kWorks ? absl::OkStatus() : absl::FailedPreconditionError(result);
}

}  // namespace dlog::attach
