// SPDX-License-Identifier: Apache-2.0
//
// Events to an OpenTelemetry collector, by HTTP/protobuf or gRPC, as the OTLP specification asks: a batch is sent
// again, with backoff, until the receiver has said yes or has refused it for good.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "daemon/sink/otlp_records.h"
#include "daemon/sink/peer.h"
#include "daemon/sink/queued_sink.h"
#include "daemon/tls/files.h"

namespace dlog::sink {

struct OtlpOptions {
  std::string endpoint;  // "http://HOST:PORT", "https://HOST:PORT", "grpc://HOST:PORT" or "grpcs://HOST:PORT"
  tls::Files tls;        // for https and grpcs; they can be read
  bool gzip = true;
  absl::Duration timeout = absl::Seconds(10);  // of one request
  absl::Duration longest_backoff = absl::Seconds(30);
  std::vector<std::string> headers;  // "Name: value"
};

// What came of one request.
struct OtlpAnswer {
  enum class Kind { kTaken, kRefused, kTryAgain };
  Kind kind = Kind::kTryAgain;
  uint64_t rejected = 0;                              // kTaken: records that the receiver did not want
  absl::Duration retry_after = absl::ZeroDuration();  // kTryAgain: what the receiver asked for
};

// One way to send a request.
class OtlpClient {
 public:
  virtual ~OtlpClient() = default;
  virtual OtlpAnswer Export(const otlp::ExportLogsServiceRequest& request, const StopSignal& stop) = 0;
};

std::unique_ptr<OtlpClient> MakeOtlpHttpClient(const OtlpOptions& options);
std::unique_ptr<OtlpClient> MakeOtlpGrpcClient(const OtlpOptions& options);

// Dropped reasons: "rejected" (the receiver did not want them), "shutdown". A batch whose answer was lost is sent
// again: the receiver may have it twice.
class OtlpTransport : public Transport {
 public:
  explicit OtlpTransport(const OtlpOptions& options);
  void Deliver(const std::vector<EventPtr>& batch, const StopSignal& stop, SinkCounters* outcome) override;

 private:
  const std::unique_ptr<OtlpClient> client_;
  Backoff backoff_;
};

}  // namespace dlog::sink
