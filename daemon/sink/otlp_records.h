// SPDX-License-Identifier: Apache-2.0
//
// Events as OTLP log records: one resource per program (service.name, process.*, host.name), the message as the body,
// place and typed values as attributes.
#pragma once

#include <vector>

#include "daemon/sink/sink.h"
#include "otlp_logs.pb.h"

namespace dlog::sink {

namespace otlp = ::opentelemetry::proto::collector::logs::v1;

inline constexpr int kMaxOtlpDepth = 32;  // of a value; what is deeper is its text

otlp::ExportLogsServiceRequest OtlpRequest(const std::vector<EventPtr>& events);

}  // namespace dlog::sink
