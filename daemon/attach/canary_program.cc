// SPDX-License-Identifier: Apache-2.0
#include "daemon/attach/canary_program.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <span>
#include <thread>

#include "daemon/attach/bpf_errors.h"
// x86-64: `push` is emulated, so no canary ever single-steps.
asm(R"(
  .pushsection .text
  .globl dlog_attach_canary_site
  .type dlog_attach_canary_site, @function
dlog_attach_canary_site:
  push %rbp
  pop %rbp
  ret
  .size dlog_attach_canary_site, . - dlog_attach_canary_site
  .popsection
)");

namespace dlog::attach {
namespace {

absl::Status Failed(const char* step) { return absl::ErrnoToStatus(errno, step); }

// return 0;
constexpr std::array<bpf_insn, 2> kEmptyProgram = {{
    {BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0},
    {BPF_JMP | BPF_EXIT, 0, 0, 0, 0},
}};

// *value += 1; return 0;
std::array<bpf_insn, 6> CountingProgram(int map_fd) {
  return {{
      {BPF_LD | BPF_IMM | BPF_DW, BPF_REG_1, BPF_PSEUDO_MAP_VALUE, 0, map_fd},
      {0, 0, 0, 0, 0},
      {BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_2, 0, 0, 1},
      {BPF_STX | BPF_ATOMIC | BPF_DW, BPF_REG_1, BPF_REG_2, 0, BPF_ADD},
      {BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0},
      {BPF_JMP | BPF_EXIT, 0, 0, 0, 0},
  }};
}

// u64 word; if (bpf_copy_from_user(&word, 8, ctx->di) == 0) *value += 1; return 0;
std::array<bpf_insn, 12> ReadingProgram(int map_fd) {
  constexpr int16_t kDi = 112;  // offsetof(struct pt_regs, di), x86-64
  constexpr int32_t kCopyFromUser = 148;
  return {{
      {BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_3, BPF_REG_1, kDi, 0},
      {BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_1, BPF_REG_10, 0, 0},
      {BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_1, 0, 0, -8},  // NOLINT(misc-redundant-expression): ADD and K are 0
      {BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_2, 0, 0, 8},
      {BPF_JMP | BPF_CALL, 0, 0, 0, kCopyFromUser},
      {BPF_JMP | BPF_JNE | BPF_K, BPF_REG_0, 0, 4, 0},
      {BPF_LD | BPF_IMM | BPF_DW, BPF_REG_1, BPF_PSEUDO_MAP_VALUE, 0, map_fd},
      {0, 0, 0, 0, 0},
      {BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_2, 0, 0, 1},
      {BPF_STX | BPF_ATOMIC | BPF_DW, BPF_REG_1, BPF_REG_2, 0, BPF_ADD},
      {BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0},
      {BPF_JMP | BPF_EXIT, 0, 0, 0, 0},
  }};
}

UniqueFd Load(std::span<const bpf_insn> program, bool sleepable, Backend backend) {
  LIBBPF_OPTS(bpf_prog_load_opts, options);
  options.expected_attach_type = static_cast<bpf_attach_type>(ExpectedAttachType(backend));
  if (sleepable) options.prog_flags = BPF_F_SLEEPABLE;
  return UniqueFd(bpf_prog_load(BPF_PROG_TYPE_KPROBE, "dlog_canary", "GPL", program.data(), program.size(), &options));
}

UniqueFd LoadBody(const CanaryProgram::Options& options, int map_fd) {
  switch (options.body) {
    case CanaryProgram::Body::kNothing:
      return Load(kEmptyProgram, options.sleepable, options.backend);
    case CanaryProgram::Body::kReadArgument:
      return Load(ReadingProgram(map_fd), options.sleepable, options.backend);
    case CanaryProgram::Body::kCount:
      break;
  }
  return Load(CountingProgram(map_fd), options.sleepable, options.backend);
}

UniqueFd CreateCell() {
  LIBBPF_OPTS(bpf_map_create_opts, options);
  options.map_flags = BPF_F_MMAPABLE;
  return UniqueFd(bpf_map_create(BPF_MAP_TYPE_ARRAY, "dlog_canary", sizeof(uint32_t), sizeof(uint64_t), 1, &options));
}

}  // namespace

absl::StatusOr<CanarySite> LocateInSelf(const void* code) {
  const auto address = reinterpret_cast<uint64_t>(code);
  std::ifstream maps("/proc/self/maps");
  std::string line;
  while (std::getline(maps, line)) {
    uint64_t start, end, offset;
    if (sscanf(line.c_str(), "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64, &start, &end, &offset) != 3) continue;
    if (address >= start && address < end) return CanarySite{"/proc/self/exe", FileOffset{address - start + offset}};
  }
  return absl::NotFoundError("/proc/self/maps does not show the canary function");
}

absl::StatusOr<CanarySite> LocateCanarySite() {
  return LocateInSelf(reinterpret_cast<const void*>(&dlog_attach_canary_site));
}

absl::StatusOr<CanaryProgram> CanaryProgram::Attach(const CanarySite& site, const Options& options) {
  CanaryProgram canary;
  canary.map_ = CreateCell();
  if (!canary.map_.valid()) return Failed("create an array map");
  auto cell = MappedTable<Cell>::Create(canary.map_.get(), 1);
  if (!cell.ok()) return cell.status();
  canary.cell_ = *std::move(cell);
  canary.program_ = LoadBody(options, canary.map_.get());
  if (!canary.program_.valid()) return Failed("load a program");
  const uint64_t cookie = 0;
  LinkResult result = CreateLinks(
      {options.backend, canary.program_.get(), site.path, {&site.offset.value, 1}, {&cookie, 1}, options.pid});
  if (result.error == kNotSupported) return absl::UnimplementedError("the kernel refuses a probe on this instruction");
  if (result.error != 0) {
    errno = result.error;
    return Failed(options.backend == Backend::kUprobeMulti ? "create a uprobe_multi link" : "create a perf event");
  }
  canary.links_ = std::move(result.links);
  return canary;
}

uint64_t CanaryProgram::hits() const { return __atomic_load_n(&cell_[0].hits, __ATOMIC_RELAXED); }

absl::Status TryLoadProgram(bool sleepable) {
  const UniqueFd map = CreateCell();
  if (!map.valid()) return Failed("create an array map");
  if (!Load(CountingProgram(map.get()), sleepable, Backend::kPerfEvents).valid()) return Failed("load a program");
  return absl::OkStatus();
}

absl::Status TryBackend(Backend backend, bool sleepable) {
  auto site = LocateCanarySite();
  if (!site.ok()) return site.status();
  auto canary = CanaryProgram::Attach(*site, {.sleepable = sleepable, .backend = backend});
  if (!canary.ok()) return canary.status();
  dlog_attach_canary_site();
  if (canary->hits() == 0) return absl::InternalError("attached, but the hit was not seen");
  return absl::OkStatus();
}

Backend ChooseBackend(BootCache* cache) {
  constexpr char kKey[] = "backend";
  if (const auto known = cache->Get(kKey)) {
    return *known == BackendName(Backend::kPerfEvents) ? Backend::kPerfEvents : Backend::kUprobeMulti;
  }
  for (const Backend backend : {Backend::kUprobeMulti, Backend::kPerfEvents}) {
    if (!TryBackend(backend, false).ok()) continue;
    cache->Put(kKey, BackendName(backend));
    return backend;
  }
  return Backend::kUprobeMulti;
}

absl::StatusOr<bool> PerProcessFilterWorks(Backend backend) {
  auto site = LocateCanarySite();
  if (!site.ok()) return site.status();
  auto canary =
      CanaryProgram::Attach(*site, {.sleepable = false, .pid = static_cast<uint32_t>(getpid()), .backend = backend});
  if (!canary.ok()) return canary.status();
  dlog_attach_canary_site();
  std::thread([] { dlog_attach_canary_site(); }).join();
  if (canary->hits() != 2) return false;
  const pid_t child = _Fork();  // no handlers of other libraries: the child only calls one function
  if (child < 0) return Failed("fork");
  if (child == 0) {
    dlog_attach_canary_site();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return canary->hits() == 2;
}

}  // namespace dlog::attach
