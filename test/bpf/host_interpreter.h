// SPDX-License-Identifier: Apache-2.0
//
// The interpreter of bpf/ on the host, over a made-up address space.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bpf/abi.h"

namespace dlog::test {

// Pages of a pretended target. A cold page is mapped but not in RAM: a plain read fails, a sleepable one brings it in.
class FakeMemory {
 public:
  void Map(uint64_t address, const std::vector<uint8_t>& bytes);  // maps whole pages around
  void Map(uint64_t address, const std::string& text) { Map(address, std::vector<uint8_t>(text.begin(), text.end())); }
  void MapWord(uint64_t address, uint64_t value);
  void MakeCold(uint64_t address);

  // As bpf_copy_from_user (sleepable) and bpf_probe_read_user: all or nothing, zeroes on failure.
  long Read(void* out, uint32_t length, uint64_t address, bool sleepable);
  // As bpf_probe_read_user_str.
  long ReadString(char* out, uint32_t size, uint64_t address);

  int reads = 0;  // calls of Read and ReadString
  std::function<void(int)>
      before_read;  // called with the number of the read, if set: what another thread does meanwhile
  static constexpr uint64_t kPage = 4096;
  // Where the kPage bytes at an address come from that were not mapped, if set; false = there are none. Asked again for
  // each read: what is there may change.
  std::function<bool(uint64_t, uint8_t*)> missing_page;

 private:
  struct Page {
    std::array<uint8_t, kPage> bytes = {};
    bool cold = false;
  };
  bool FetchByte(uint64_t address, uint8_t* out);
  bool ReadByte(uint64_t address, bool sleepable, uint8_t* out);
  std::map<uint64_t, Page> pages_;
  std::map<uint64_t, Page> fetched_;  // during one read
};

struct Segment {
  uint64_t address;
  uint32_t length;
  uint16_t status;
  std::vector<uint8_t> bytes;  // empty for FAULT and TORN
  std::string text() const { return std::string(bytes.begin(), bytes.end()); }
};

// A plan and its memory; Run() interprets as the kernel program does.
class HostInterpreter {
 public:
  FakeMemory memory;
  std::vector<dlog_op> condition, capture;
  std::vector<std::vector<dlog_op>> routines;
  std::array<uint64_t, 17> registers = {};
  uint32_t max_depth = 3;
  uint32_t max_bytes = 16384;
  bool sleepable = true;
  uint64_t duration = DLOG_NO_DURATION;

  HostInterpreter();
  // Returns the verdict (enum dlog_verdict) of the condition.
  uint32_t RunCondition();
  // Returns the verdict of the capture; segments() and flags() describe the record.
  uint32_t RunCapture();

  uint64_t cell(uint32_t i) const { return scratch_->cells[i]; }
  void SetCell(uint32_t i, uint64_t value) { scratch_->cells[i] = value; }
  uint32_t flags() const { return scratch_->flags; }
  uint32_t data_bytes() const { return scratch_->cursor; }
  int steps() const { return steps_; }
  // Parsed from the data; fails the test when the segments do not add up or padding is not zero.
  std::vector<Segment> segments() const;
  // Fills the data area so that bytes nobody wrote are seen.
  void PoisonData();

 private:
  uint32_t Run(uint32_t first, size_t count, bool is_condition);
  void Begin();
  std::unique_ptr<dlog_scratch> scratch_;
  int steps_ = 0;
};

// Field by field, so that a test names only what its op uses.
struct OpFields {
  uint8_t dst = 0, a = 0, b = 0, arith = 0, flags = 0;
  uint16_t jump = 0;
  uint32_t size = 0, len = 0;
  int64_t imm = 0;
  int32_t off = 0;
  uint32_t routine = 0;
};
dlog_op Op(dlog_op_code code, const OpFields& fields = {});

}  // namespace dlog::test
