// SPDX-License-Identifier: Apache-2.0
#include "test/bpf/host_interpreter.h"

#include <algorithm>
#include <cstring>

namespace {

// What the interpreter sees of the plan under test; set for the length of a run.
struct Environment {
  const std::vector<dlog_op>* ops = nullptr;
  const std::vector<dlog_range>* routines = nullptr;
  dlog::test::FakeMemory* memory = nullptr;
};
Environment environment;

}  // namespace

#define DLOG_INLINE inline
#define DLOG_OWN_FRAME
#define DLOG_OPAQUE(x) (void)(x)
#define DLOG_UNROLL

static const dlog_op* dlog_env_op(dlog_u32 i) { return i < environment.ops->size() ? &(*environment.ops)[i] : nullptr; }
static const dlog_range* dlog_env_routine(dlog_u32 i) {
  return i < environment.routines->size() ? &(*environment.routines)[i] : nullptr;
}
static long dlog_env_read(void* dst, dlog_u32 length, dlog_u64 address, int sleepable) {
  return environment.memory->Read(dst, length, address, sleepable != 0);
}
static long dlog_env_load(dlog_u64* value, dlog_u32 size, dlog_u64 address, int sleepable) {
  return environment.memory->Read(value, size, address, sleepable != 0);
}
static long dlog_env_read_string(void* dst, dlog_u32 size, dlog_u64 address) {
  return environment.memory->ReadString(static_cast<char*>(dst), size, address);
}
static void dlog_env_store64(void* dst, dlog_u64 value) { memcpy(dst, &value, sizeof(value)); }
static dlog_u64 dlog_env_fetch64(const void* src) {
  dlog_u64 value;
  memcpy(&value, src, sizeof(value));
  return value;
}

#include "bpf/interpreter.bpf.h"
#include "test/catch.h"

namespace dlog::test {

void FakeMemory::Map(uint64_t address, const std::vector<uint8_t>& bytes) {
  for (size_t i = 0; i < bytes.size(); ++i) pages_[(address + i) / kPage].bytes[(address + i) % kPage] = bytes[i];
}

void FakeMemory::MapWord(uint64_t address, uint64_t value) {
  std::vector<uint8_t> bytes(8);
  memcpy(bytes.data(), &value, 8);
  Map(address, bytes);
}

void FakeMemory::MakeCold(uint64_t address) { pages_.at(address / kPage).cold = true; }

bool FakeMemory::FetchByte(uint64_t address, uint8_t* out) {
  const auto [page, added] = fetched_.try_emplace(address / kPage);
  if (added && !missing_page(address / kPage * kPage, page->second.bytes.data())) {
    fetched_.erase(page);
    return false;
  }
  *out = page->second.bytes[address % kPage];
  return true;
}

bool FakeMemory::ReadByte(uint64_t address, bool sleepable, uint8_t* out) {
  auto page = pages_.find(address / kPage);
  if (page == pages_.end() && missing_page) return FetchByte(address, out);
  if (page == pages_.end() || (page->second.cold && !sleepable)) return false;
  page->second.cold = false;
  *out = page->second.bytes[address % kPage];
  return true;
}

long FakeMemory::Read(void* out, uint32_t length, uint64_t address, bool sleepable) {
  ++reads;
  if (before_read) before_read(reads);
  fetched_.clear();
  auto* bytes = static_cast<uint8_t*>(out);
  for (uint32_t i = 0; i < length; ++i) {
    if (!ReadByte(address + i, sleepable, bytes + i)) {
      memset(out, 0, length);
      return -14;
    }
  }
  return 0;
}

long FakeMemory::ReadString(char* out, uint32_t size, uint64_t address) {
  ++reads;
  fetched_.clear();
  for (uint32_t i = 0; i < size; ++i) {
    uint8_t byte;
    if (!ReadByte(address + i, false, &byte)) {
      memset(out, 0, size);
      return -14;
    }
    out[i] = static_cast<char>(byte);
    if (byte == 0) return i + 1;
  }
  out[size - 1] = 0;
  return size;
}

HostInterpreter::HostInterpreter() : scratch_(std::make_unique<dlog_scratch>()) {}

void HostInterpreter::PoisonData() { memset(scratch_->data, 0xee, sizeof(scratch_->data)); }

void HostInterpreter::Begin() {
  dlog_site site = {};
  site.max_depth = max_depth;
  site.max_bytes = max_bytes;
  dlog_begin_hit(scratch_.get(), &site, duration);
  std::copy(registers.begin(), registers.end(), scratch_->cells);
}

uint32_t HostInterpreter::Run(uint32_t first, size_t count, bool is_condition) {
  std::vector<dlog_op> ops = condition;
  ops.insert(ops.end(), capture.begin(), capture.end());
  std::vector<dlog_range> ranges;
  for (const auto& routine : routines) {
    ranges.push_back({static_cast<uint32_t>(ops.size()), static_cast<uint32_t>(routine.size())});
    ops.insert(ops.end(), routine.begin(), routine.end());
  }
  environment = {&ops, &ranges, &memory};
  const dlog_range range = {first, static_cast<uint32_t>(count)};
  dlog_begin(scratch_.get(), &range, is_condition);
  for (steps_ = 0; steps_ < DLOG_LOOP_STEPS; ++steps_) {
    if (dlog_step(scratch_.get(), sleepable)) break;
  }
  environment = {};
  return scratch_->verdict;
}

uint32_t HostInterpreter::RunCondition() {
  Begin();
  return Run(0, condition.size(), true);
}

uint32_t HostInterpreter::RunCapture() {
  Begin();
  return Run(static_cast<uint32_t>(condition.size()), capture.size(), false);
}

std::vector<Segment> HostInterpreter::segments() const {
  std::vector<Segment> out;
  uint32_t at = 0;
  while (at < scratch_->cursor) {
    dlog_segment header;
    REQUIRE(at + sizeof(header) <= scratch_->cursor);
    memcpy(&header, scratch_->data + at, sizeof(header));
    at += sizeof(header);
    Segment segment = {header.address, header.length, header.status, {}};
    if (header.status != DLOG_SEGMENT_FAULT && header.status != DLOG_SEGMENT_TORN) {
      const uint32_t padded = (header.length + 7) & ~7u;
      REQUIRE(at + padded <= scratch_->cursor);
      segment.bytes.assign(scratch_->data + at, scratch_->data + at + header.length);
      for (uint32_t i = header.length; i < padded; ++i) REQUIRE(scratch_->data[at + i] == 0);
      at += padded;
    }
    out.push_back(std::move(segment));
  }
  REQUIRE(at == scratch_->cursor);
  REQUIRE(at <= max_bytes);
  return out;
}

dlog_op Op(dlog_op_code code, const OpFields& fields) {
  dlog_op op = {};
  op.code = static_cast<uint8_t>(code);
  op.dst = fields.dst;
  op.a = fields.a;
  op.b = fields.b;
  op.arith = fields.arith;
  op.flags = fields.flags;
  op.jump = fields.jump;
  op.size = fields.size;
  op.len = fields.len;
  if (fields.imm != 0) {
    op.imm = fields.imm;
  } else {
    op.off = fields.off;
    op.routine = fields.routine;
  }
  return op;
}

}  // namespace dlog::test
