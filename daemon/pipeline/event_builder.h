// SPDX-License-Identifier: Apache-2.0
//
// RawRecord -> event::Event, the whole of user space's work for one hit.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "bpf/abi.h"
#include "daemon/event/batch.h"
#include "daemon/format/value_renderer.h"
#include "daemon/pipeline/memory_image.h"
#include "logpoint.pb.h"
#include "plan.pb.h"

namespace dlog::pipeline {

// What the builder needs to know about a logpoint; immutable, shared between the owner thread and the drain thread.
struct LogpointContext {
  v1::LogpointSpec spec;  // limits already clamped; id set
  v1::ResolvedLogpoint resolved;
  // For each attached site (by its position in AttachRequest.sites): statement and candidate in `resolved`.
  struct Site {
    int statement = 0;
    int candidate = 0;
  };
  std::vector<Site> sites;
  // For each of resolved.entries the candidate that carries the probe, -1 = none does.
  std::vector<int> entries;
  std::vector<v1::RefusedSite> refused;  // statements that this machine or process takes no probe on
  std::string host;
};

// Thread: one drain thread. Keeps scratch storage between events.
class EventBuilder {
 public:
  EventBuilder();
  ~EventBuilder();
  // Appends an event to `batch`, with everything but hits_since_last and lost_since_last. `context` must live as long
  // as the batch. `site` is the position in context.sites. DataLoss, and no event, when the record cannot be decoded.
  absl::Status Build(const LogpointContext& context, size_t site, const dlog_record& header,
                     std::span<const uint8_t> segments, event::Batch* batch);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dlog::pipeline
