// SPDX-License-Identifier: Apache-2.0
#include "test/bpf/kernel_fixture.h"

#include <google/protobuf/text_format.h>

#include <cstdlib>
#include <cstring>

namespace dlog::test {

std::vector<RecordSegment> Segments(const Record& record) {
  std::vector<RecordSegment> out;
  size_t at = 0;
  while (at < record.data.size()) {
    RecordSegment segment;
    REQUIRE(at + sizeof(dlog_segment) <= record.data.size());
    memcpy(&segment.header, record.data.data() + at, sizeof(dlog_segment));
    at += sizeof(dlog_segment);
    if (segment.header.status != DLOG_SEGMENT_FAULT) {
      REQUIRE(at + segment.header.length <= record.data.size());
      segment.bytes.assign(reinterpret_cast<const char*>(record.data.data()) + at, segment.header.length);
      at += (segment.header.length + 7) & ~size_t{7};
    }
    out.push_back(std::move(segment));
  }
  return out;
}

attach::AssembledPlan Plan(const std::string& text) {
  v1::CapturePlan plan;
  REQUIRE(google::protobuf::TextFormat::ParseFromString(text, &plan));
  auto assembled = attach::AssemblePlan(plan);
  INFO(assembled.status().ToString());
  REQUIRE(assembled.ok());
  return *std::move(assembled);
}

std::unique_ptr<attach::BpfRuntime> NewRuntime(attach::RuntimeOptions options) {
  const char* forced = getenv("DLOG_ATTACH_BACKEND");
  if (forced != nullptr && !options.backend.has_value()) options.backend = attach::BackendByName(forced);
  auto runtime = attach::BpfRuntime::Create(options);
  INFO(runtime.status().ToString());
  REQUIRE(runtime.ok());
  return *std::move(runtime);
}

attach::AttachRequest Request(const TargetProcess& target, const std::string& site, const std::string& plan) {
  attach::AttachRequest request;
  request.path = target.path();
  request.pid = target.pid();
  request.sites.push_back({target.site(site).offset, target.site(site).instruction, Plan(plan)});
  return request;
}

std::unique_ptr<attach::AttachedLogpoint> Attach(attach::BpfRuntime* runtime, const attach::AttachRequest& request) {
  auto logpoint = runtime->Attach(request);
  INFO(logpoint.status().ToString());
  REQUIRE(logpoint.ok());
  return *std::move(logpoint);
}

std::vector<Record> Drain(attach::BpfRuntime* runtime) {
  std::vector<Record> records;
  while (true) {
    auto got = runtime->Poll(0, [&records](const attach::RawRecord& raw) {
      records.push_back({*raw.header, {raw.segments.begin(), raw.segments.end()}});
    });
    REQUIRE(got.ok());
    if (*got == 0) return records;
  }
}

uint64_t Count(const attach::AttachedLogpoint& logpoint, dlog_counter counter) {
  return logpoint.Counters().value[counter];
}

uint64_t Drops(const attach::AttachedLogpoint& logpoint, dlog_drop_reason reason) {
  return logpoint.Counters().value[static_cast<size_t>(DLOG_COUNT_DROP_FIRST) + reason];
}

void CheckAddsUp(const attach::AttachedLogpoint& logpoint) {
  const auto value = logpoint.Counters().value;
  uint64_t sum = value[DLOG_COUNT_SUBMITTED] + value[DLOG_COUNT_FILTERED] + value[DLOG_COUNT_SAMPLED_OUT] +
                 value[DLOG_COUNT_RATE_LIMITED];
  for (size_t i = DLOG_COUNT_DROP_FIRST; i < value.size(); ++i) sum += value[i];
  CHECK(value[DLOG_COUNT_HITS] == sum);
}

}  // namespace dlog::test
