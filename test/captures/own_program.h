// SPDX-License-Identifier: Apache-2.0
//
// This test program as its own target: expressions bound through its own debug information at the entry of one of its
// functions, the plan run by the interpreter over memory from anywhere, and what the renderer makes of the image.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bpf/abi.h"
#include "daemon/attach/plan_assembler.h"
#include "daemon/format/value_renderer.h"
#include "daemon/pipeline/memory_image.h"
#include "symbolizer/dwarf/module.h"
#include "symbolizer/dwarf/scopes.h"
#include "symbolizer/visualizers/catalog.h"
#include "test/bpf/host_interpreter.h"

namespace dlog::test {

// A logpoint at the entry of `function` that shows `expressions` ("{text}" or "{text:format}" without the braces).
class OwnProgram {
 public:
  OwnProgram(const std::string& function, const std::vector<std::string>& expressions);

  // Of every expression, in order: status, text and JSON, one line each; "refused: REASON" when it has no value here.
  std::vector<std::string> Show(const pipeline::MemoryImage& image, uint16_t record_flags) const;
  // The same of what the interpreter captures from `memory`, with these registers (16 = rip) at the hit. *reads becomes
  // the number of reads that it took, if wanted.
  std::vector<std::string> Capture(const FakeMemory& memory, const uint64_t* registers, int* reads = nullptr) const;

  // Of one capture: at most DLOG_MAX_RECORD_DATA; by default what a logpoint takes by default.
  void set_max_bytes(uint32_t bytes) { max_bytes_ = bytes; }

  uint64_t entry() const { return entry_; }
  const attach::AssembledPlan& plan() const { return assembled_; }
  uint32_t register_mask() const { return capture_.register_mask(); }
  FileOffset offset() const { return offset_; }
  const std::vector<uint8_t>& instruction() const { return instruction_; }

 private:
  std::vector<std::string> formats_;
  google::protobuf::RepeatedPtrField<v1::Type> types_;
  std::vector<v1::BoundExpression> values_;
  v1::CapturePlan capture_;
  attach::AssembledPlan assembled_;
  FileOffset offset_;
  uint64_t entry_ = 0;  // link-time address
  std::vector<uint8_t> instruction_;
  uint32_t max_bytes_ = 16384;
};

// Pages of a stopped process.
FakeMemory MemoryOfProcess(int pid);
// Pages of a core file of an x86-64 process; fails the test when it is none.
FakeMemory MemoryOfCore(const std::string& path);

}  // namespace dlog::test
