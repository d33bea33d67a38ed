// SPDX-License-Identifier: Apache-2.0
//
// OTLP/gRPC (specification, "OTLP/gRPC").
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <string>
#include <utility>

#include "daemon/sink/otlp_transport.h"
#include "otlp_logs.grpc.pb.h"

namespace dlog::sink {
namespace {

constexpr std::chrono::milliseconds kLook(50);  // how often a call looks whether the sink has to end

// The specification's table of retryable codes.
bool MayTryAgain(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::CANCELLED:
    case grpc::StatusCode::DEADLINE_EXCEEDED:
    case grpc::StatusCode::ABORTED:
    case grpc::StatusCode::OUT_OF_RANGE:
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::DATA_LOSS:
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return true;
    default:
      return false;
  }
}

// "Name: value" as gRPC wants it: names in lower case.
std::vector<std::pair<std::string, std::string>> Metadata(const std::vector<std::string>& headers) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const std::string& header : headers) {
    const size_t colon = header.find(':');
    if (colon == std::string::npos) continue;
    std::string name = header.substr(0, colon);
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    const size_t value = header.find_first_not_of(' ', colon + 1);
    out.emplace_back(name, value == std::string::npos ? "" : header.substr(value));
  }
  return out;
}

std::shared_ptr<grpc::ChannelCredentials> CredentialsOf(const OtlpOptions& options) {
  if (options.endpoint.compare(0, 5, "grpc:") == 0) return grpc::InsecureChannelCredentials();
  const auto read = [](const std::string& path) {
    return path.empty() ? std::string() : tls::ReadPem(path).value_or(std::string());
  };
  return grpc::SslCredentials({read(options.tls.ca), read(options.tls.key), read(options.tls.cert)});
}

class GrpcClient : public OtlpClient {
 public:
  explicit GrpcClient(const OtlpOptions& options)
      : gzip_(options.gzip),
        timeout_(absl::ToInt64Milliseconds(options.timeout)),
        metadata_(Metadata(options.headers)),
        stub_(otlp::LogsService::NewStub(
            grpc::CreateChannel(options.endpoint.substr(options.endpoint.find("://") + 3), CredentialsOf(options)))) {}

  OtlpAnswer Export(const otlp::ExportLogsServiceRequest& request, const StopSignal& stop) override {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + timeout_);
    if (gzip_) context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
    for (const auto& [name, value] : metadata_) context.AddMetadata(name, value);
    grpc::CompletionQueue queue;
    otlp::ExportLogsServiceResponse response;
    grpc::Status status;
    auto call = stub_->AsyncExport(&context, request, &queue);
    call->Finish(&response, &status, this);
    void* tag = nullptr;
    bool ok = false;
    while (queue.AsyncNext(&tag, &ok, std::chrono::system_clock::now() + kLook) ==
           grpc::CompletionQueue::NextStatus::TIMEOUT) {
      if (stop.PastDeadline()) context.TryCancel();
    }
    OtlpAnswer answer;
    if (status.ok()) {
      answer.kind = OtlpAnswer::Kind::kTaken;
      answer.rejected = static_cast<uint64_t>(std::max<int64_t>(response.partial_success().rejected_log_records(), 0));
    } else if (!MayTryAgain(status.error_code())) {
      answer.kind = OtlpAnswer::Kind::kRefused;
    }
    return answer;
  }

 private:
  const bool gzip_;
  const std::chrono::milliseconds timeout_;
  const std::vector<std::pair<std::string, std::string>> metadata_;
  const std::unique_ptr<otlp::LogsService::Stub> stub_;
};

}  // namespace

std::unique_ptr<OtlpClient> MakeOtlpGrpcClient(const OtlpOptions& options) {
  return std::make_unique<GrpcClient>(options);
}

}  // namespace dlog::sink
