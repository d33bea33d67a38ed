// SPDX-License-Identifier: Apache-2.0
//
// OTLP/HTTP with binary protobuf (specification, "OTLP/HTTP").
#include <curl/curl.h>
#include <zlib.h>

#include <cstdlib>
#include <mutex>
#include <string>
#include <utility>

#include "daemon/sink/otlp_transport.h"

namespace dlog::sink {
namespace {

constexpr size_t kMaxAnswerBytes = 1 << 20;

// Empty when it cannot be compressed.
std::string Gzip(const std::string& bytes) {
  z_stream stream = {};
  constexpr int kGzipWindow = 15 + 16;  // 16: with a gzip header
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) != Z_OK) return "";
  std::string out;
  out.resize(deflateBound(&stream, bytes.size()));
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int result = deflate(&stream, Z_FINISH);
  out.resize(result == Z_STREAM_END ? stream.total_out : 0);
  deflateEnd(&stream);
  return out;
}

size_t OnBody(char* data, size_t size, size_t count, void* user) {
  auto* body = static_cast<std::string*>(user);
  if (body->size() + size * count > kMaxAnswerBytes) return 0;
  body->append(data, size * count);
  return size * count;
}

// Non-zero ends the transfer.
int OnProgress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const StopSignal*>(user)->PastDeadline() ? 1 : 0;
}

class HttpClient : public OtlpClient {
 public:
  explicit HttpClient(const OtlpOptions& options) : gzip_(options.gzip) {
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
    curl_ = curl_easy_init();
    Append("Content-Type: application/x-protobuf");
    Append("Expect:");  // no waiting for 100 Continue
    if (gzip_) Append("Content-Encoding: gzip");
    for (const std::string& header : options.headers) Append(header);
    std::string url = options.endpoint;
    while (!url.empty() && url.back() == '/') url.pop_back();
    curl_easy_setopt(curl_, CURLOPT_URL, (url + "/v1/logs").c_str());
    curl_easy_setopt(curl_, CURLOPT_HTTPHEADER, headers_);
    curl_easy_setopt(curl_, CURLOPT_TIMEOUT_MS, static_cast<long>(absl::ToInt64Milliseconds(options.timeout)));
    curl_easy_setopt(curl_, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl_, CURLOPT_PROTOCOLS_STR, "http,https");
    if (!options.tls.ca.empty()) curl_easy_setopt(curl_, CURLOPT_CAINFO, options.tls.ca.c_str());
    if (!options.tls.cert.empty()) {
      curl_easy_setopt(curl_, CURLOPT_SSLCERT, options.tls.cert.c_str());
      curl_easy_setopt(curl_, CURLOPT_SSLKEY, options.tls.key.c_str());
    }
    curl_easy_setopt(curl_, CURLOPT_WRITEFUNCTION, OnBody);
    curl_easy_setopt(curl_, CURLOPT_XFERINFOFUNCTION, OnProgress);
    curl_easy_setopt(curl_, CURLOPT_NOPROGRESS, 0L);
  }
  ~HttpClient() override {
    curl_easy_cleanup(curl_);
    curl_slist_free_all(headers_);
  }
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  OtlpAnswer Export(const otlp::ExportLogsServiceRequest& request, const StopSignal& stop) override {
    const std::string bytes = gzip_ ? Gzip(request.SerializeAsString()) : request.SerializeAsString();
    std::string body;
    curl_easy_setopt(curl_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(bytes.size()));
    curl_easy_setopt(curl_, CURLOPT_POSTFIELDS, bytes.data());
    curl_easy_setopt(curl_, CURLOPT_WRITEDATA, &body);
    curl_easy_setopt(curl_, CURLOPT_XFERINFODATA, &stop);
    OtlpAnswer answer;
    if (curl_easy_perform(curl_) != CURLE_OK) return answer;
    long status = 0;
    curl_off_t retry_after = 0;
    curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 200 && status < 300) {
      answer.kind = OtlpAnswer::Kind::kTaken;
      otlp::ExportLogsServiceResponse response;  // an answer that does not parse has nothing to say
      if (response.ParseFromString(body) && response.partial_success().rejected_log_records() > 0) {
        answer.rejected = static_cast<uint64_t>(response.partial_success().rejected_log_records());
      }
    } else if (status == 429 || status == 502 || status == 503 || status == 504) {
      curl_easy_getinfo(curl_, CURLINFO_RETRY_AFTER, &retry_after);
      answer.retry_after = absl::Seconds(retry_after);
    } else {
      answer.kind = OtlpAnswer::Kind::kRefused;
    }
    return answer;
  }

 private:
  void Append(const std::string& header) { headers_ = curl_slist_append(headers_, header.c_str()); }

  const bool gzip_;
  CURL* curl_ = nullptr;
  curl_slist* headers_ = nullptr;
};

}  // namespace

std::unique_ptr<OtlpClient> MakeOtlpHttpClient(const OtlpOptions& options) {
  return std::make_unique<HttpClient>(options);
}

}  // namespace dlog::sink
