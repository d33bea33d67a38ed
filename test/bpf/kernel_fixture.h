// SPDX-License-Identifier: Apache-2.0
//
// What the kernel tests share: requests against the target, records copied out of the ring.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "daemon/attach/probe_set.h"
#include "plan.pb.h"
#include "test/bpf/target_process.h"
#include "test/catch.h"

namespace dlog::test {

struct Record {
  dlog_record header = {};
  std::vector<uint8_t> data;
};

struct RecordSegment {
  dlog_segment header = {};
  std::string bytes;
};

std::vector<RecordSegment> Segments(const Record& record);

// Text of plan.proto's CapturePlan -> assembled; fails the test when it is refused.
attach::AssembledPlan Plan(const std::string& text);

// Attaches through what DLOG_ATTACH_BACKEND names, unless the options do.
std::unique_ptr<attach::BpfRuntime> NewRuntime(attach::RuntimeOptions options = {});

// One site of the target with a plan; pid = the target's own unless changed.
attach::AttachRequest Request(const TargetProcess& target, const std::string& site, const std::string& plan);

std::unique_ptr<attach::AttachedLogpoint> Attach(attach::BpfRuntime* runtime, const attach::AttachRequest& request);

// Everything that is in the ring now.
std::vector<Record> Drain(attach::BpfRuntime* runtime);

uint64_t Count(const attach::AttachedLogpoint& logpoint, dlog_counter counter);
uint64_t Drops(const attach::AttachedLogpoint& logpoint, dlog_drop_reason reason);
// Fails the test unless every hit is accounted for.
void CheckAddsUp(const attach::AttachedLogpoint& logpoint);

}  // namespace dlog::test
