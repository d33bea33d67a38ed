// SPDX-License-Identifier: Apache-2.0
#include "daemon/attach/record_layout.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace dlog::attach {
namespace {

constexpr uint32_t kGeneralRegisters = (1u << DLOG_THREAD_POINTER) - 1;

bool IsFew(uint32_t register_mask) {
  return (register_mask & ~kGeneralRegisters) == 0 && std::popcount(register_mask) <= DLOG_FEW_REGISTERS;
}

}  // namespace

bool ListFewRegisters(uint32_t register_mask, std::span<uint8_t, DLOG_FEW_REGISTERS> few) {
  std::fill(few.begin(), few.end(), static_cast<uint8_t>(DLOG_NO_REGISTER));
  if (!IsFew(register_mask)) return false;
  size_t count = 0;
  for (uint32_t left = register_mask; left != 0; left &= left - 1) {
    few[count++] = static_cast<uint8_t>(std::countr_zero(left));
  }
  return true;
}

std::optional<std::span<const uint8_t>> UnpackRecord(std::span<const uint8_t> bytes, dlog_record* record) {
  dlog_record_start start;
  if (bytes.size() < sizeof(start)) return std::nullopt;
  std::memcpy(&start, bytes.data(), sizeof(start));
  const bool few = (start.flags & DLOG_RECORD_FEW) != 0;
  const size_t head = few ? sizeof(dlog_few_record) : sizeof(dlog_full_record);
  if (bytes.size() < head || start.data_bytes > bytes.size() - head) return std::nullopt;
  record->boot_ns = start.boot_ns;
  record->site = start.site;
  record->generation = start.generation;
  record->tgid = start.tgid;
  record->tid = start.tid;
  record->data_bytes = start.data_bytes;
  record->flags = start.flags & static_cast<uint16_t>(~DLOG_RECORD_FEW);
  record->cpu = start.cpu;
  static_assert(sizeof(record->comm) == sizeof(start.comm));
  std::memcpy(record->comm, start.comm, sizeof(start.comm));
  const uint8_t* registers = bytes.data() + sizeof(start);
  if (few) {
    if (!IsFew(start.register_mask)) return std::nullopt;
    std::fill(std::begin(record->regs), std::end(record->regs), 0);
    for (uint32_t left = start.register_mask; left != 0; left &= left - 1, registers += sizeof(uint64_t)) {
      std::memcpy(&record->regs[std::countr_zero(left)], registers, sizeof(uint64_t));
    }
  } else {
    std::memcpy(record->regs, registers, sizeof(record->regs));
  }
  return bytes.subspan(head, start.data_bytes);
}

}  // namespace dlog::attach
