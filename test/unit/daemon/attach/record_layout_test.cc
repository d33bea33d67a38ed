// SPDX-License-Identifier: Apache-2.0
#include "daemon/attach/record_layout.h"

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "test/catch.h"

namespace dlog::attach {
namespace {

template <typename Record>
std::vector<uint8_t> Bytes(const Record& record, const std::string& data) {
  std::vector<uint8_t> bytes(sizeof(record) + data.size());
  std::memcpy(bytes.data(), &record, sizeof(record));
  std::memcpy(bytes.data() + sizeof(record), data.data(), data.size());
  return bytes;
}

dlog_few_record Few() {
  dlog_few_record record = {};
  record.start.site = 7;
  record.start.tid = 42;
  record.start.cpu = 3;
  record.start.flags = DLOG_RECORD_FEW | DLOG_RECORD_BUDGET;
  record.start.register_mask = 1u << 5 | 1u << 16;
  record.start.data_bytes = 8;
  record.regs[0] = 500;
  record.regs[1] = 1600;
  record.regs[2] = 999;  // left over from who was here before
  return record;
}

TEST_CASE("the registers of a short record go where they belong, and nothing else is a register") {
  dlog_record out = {};
  for (auto& each : out.regs) each = 77;  // of the record before
  const auto bytes = Bytes(Few(), "12345678");
  const auto segments = UnpackRecord(bytes, &out);
  REQUIRE(segments.has_value());
  CHECK(std::string(segments->begin(), segments->end()) == "12345678");
  for (size_t i = 0; i < DLOG_NREGS; ++i) CHECK(out.regs[i] == (i == 5 ? 500u : i == 16 ? 1600u : 0u));
  CHECK(out.site == 7);
  CHECK(out.tid == 42);
  CHECK(out.cpu == 3);
  CHECK(out.data_bytes == 8);
  CHECK(out.flags == DLOG_RECORD_BUDGET);
}

TEST_CASE("a full record has each register at its number") {
  dlog_full_record record = {};
  record.start.register_mask = (1u << DLOG_NREGS) - 1;
  for (uint64_t i = 0; i < DLOG_NREGS; ++i) record.regs[i] = 100 + i;
  dlog_record out = {};
  const auto bytes = Bytes(record, "");
  REQUIRE(UnpackRecord(bytes, &out).has_value());
  for (uint64_t i = 0; i < DLOG_NREGS; ++i) CHECK(out.regs[i] == 100 + i);
}

TEST_CASE("bytes that end too soon, or registers that do not fit, are no record") {
  dlog_record out = {};
  auto bytes = Bytes(Few(), "12345678");
  for (size_t size = 0; size < bytes.size(); ++size) {
    CHECK_FALSE(UnpackRecord(std::span(bytes).first(size), &out).has_value());
  }
  dlog_few_record many = Few();
  many.start.register_mask = 0x3f;
  CHECK_FALSE(UnpackRecord(Bytes(many, "12345678"), &out).has_value());
  many.start.register_mask = 1u << DLOG_THREAD;
  CHECK_FALSE(UnpackRecord(Bytes(many, "12345678"), &out).has_value());
}

TEST_CASE("a short record takes five registers of the first seventeen") {
  std::array<uint8_t, DLOG_FEW_REGISTERS> few;
  CHECK(ListFewRegisters(0, few));
  CHECK(few[0] == DLOG_NO_REGISTER);
  CHECK(ListFewRegisters(1u << 16 | 1u << 3 | 1u, few));
  CHECK(few == std::array<uint8_t, DLOG_FEW_REGISTERS>{0, 3, 16, DLOG_NO_REGISTER, DLOG_NO_REGISTER});
  CHECK(ListFewRegisters(0x1f, few));
  CHECK_FALSE(ListFewRegisters(0x3f, few));
  CHECK_FALSE(ListFewRegisters(1u << DLOG_THREAD_POINTER, few));
}

}  // namespace
}  // namespace dlog::attach
