// SPDX-License-Identifier: Apache-2.0
#include "daemon/sink/otlp_transport.h"

#include <algorithm>

namespace dlog::sink {
namespace {

constexpr absl::Duration kMaxRetryAfter = absl::Minutes(5);

}  // namespace

OtlpTransport::OtlpTransport(const OtlpOptions& options)
    : client_(options.endpoint.compare(0, 4, "grpc") == 0 ? MakeOtlpGrpcClient(options) : MakeOtlpHttpClient(options)),
      backoff_(options.longest_backoff) {}

void OtlpTransport::Deliver(const std::vector<EventPtr>& batch, const StopSignal& stop, SinkCounters* outcome) {
  const otlp::ExportLogsServiceRequest request = OtlpRequest(batch);
  while (!stop.PastDeadline()) {
    const OtlpAnswer answer = client_->Export(request, stop);
    if (answer.kind == OtlpAnswer::Kind::kTryAgain) {
      (void)stop.Wait(std::min(std::max(backoff_.Next(), answer.retry_after), kMaxRetryAfter));
      continue;
    }
    backoff_.Reset();
    const uint64_t rejected =
        answer.kind == OtlpAnswer::Kind::kRefused ? batch.size() : std::min<uint64_t>(answer.rejected, batch.size());
    outcome->events += batch.size() - rejected;
    if (rejected > 0) outcome->dropped["rejected"] += rejected;
    return;
  }
  outcome->dropped["shutdown"] += batch.size();
}

}  // namespace dlog::sink
