// SPDX-License-Identifier: Apache-2.0
//
// OTLP against a receiver in this process (gRPC); HTTP is tested end to end.
#include <grpcpp/grpcpp.h>

#include <deque>
#include <map>

#include "absl/base/thread_annotations.h"
#include "daemon/base/mutex.h"
#include "daemon/sink/otlp_transport.h"
#include "otlp_logs.grpc.pb.h"
#include "test/catch.h"
#include "test/unit/daemon/sink/events.h"

namespace dlog::sink {
namespace {

v1::Event Proto(const std::string& message, int32_t pid = 7) {
  v1::Event event = MessageEvent(message);
  event.set_pid(pid);
  event.set_exe("/usr/bin/shopd");
  event.set_time_unix_ns(42);
  event.set_level(v1::LEVEL_ERROR);
  event.set_line(9);
  return event;
}

EventPtr Event(const std::string& message, int32_t pid = 7) { return Shared(Proto(message, pid)); }

const otlp::AnyValue* Find(const google::protobuf::RepeatedPtrField<otlp::KeyValue>& list, const std::string& key) {
  for (const auto& each : list) {
    if (each.key() == key) return &each.value();
  }
  return nullptr;
}

TEST_CASE("events of one program share a resource; body, severity and place are the event's") {
  const auto request = OtlpRequest({Event("one"), Event("two"), Event("other", 8)});
  REQUIRE(request.resource_logs_size() == 2);
  const auto& first = request.resource_logs(0);
  CHECK(Find(first.resource().attributes(), "service.name")->string_value() == "shopd");
  CHECK(Find(first.resource().attributes(), "process.pid")->int_value() == 7);
  REQUIRE(first.scope_logs(0).log_records_size() == 2);
  const otlp::LogRecord& record = first.scope_logs(0).log_records(0);
  CHECK(record.body().string_value() == "one");
  CHECK(record.severity_number() == otlp::SEVERITY_NUMBER_ERROR);
  CHECK(record.severity_text() == "error");
  CHECK(record.time_unix_nano() == 42);
  CHECK(Find(record.attributes(), "code.line.number")->int_value() == 9);
}

TEST_CASE("values stay typed, and a value that is not known is its text") {
  v1::Event event = Proto("x");
  v1::Value* number = event.add_values();
  number->set_name("n");
  number->set_int_value(-3);
  v1::Value* huge = event.add_values();
  huge->set_name("u");
  huge->set_uint_value(UINT64_MAX);
  v1::Value* gone = event.add_values();
  gone->set_name("gone");
  gone->set_status(v1::STATUS_OPTIMIZED_OUT);
  gone->set_text("<optimized out>");
  v1::Value* bytes = event.add_values();
  bytes->set_name("bytes");
  bytes->set_string_value("a\xff");
  v1::Value* list = event.add_values();
  list->set_name("list");
  list->set_is_sequence(true);
  v1::Value* item = list->add_items();
  item->set_is_struct(true);
  *item->add_fields() = *number;

  const auto request = OtlpRequest({Shared(event)});
  const auto& values =
      Find(request.resource_logs(0).scope_logs(0).log_records(0).attributes(), "dlog.values")->kvlist_value().values();
  CHECK(Find(values, "n")->int_value() == -3);
  CHECK(Find(values, "u")->string_value() == "18446744073709551615");
  CHECK(Find(values, "gone")->string_value() == "<optimized out>");
  CHECK(Find(values, "bytes")->string_value() == "a\\xff");
  CHECK(Find(Find(values, "list")->array_value().values(0).kvlist_value().values(), "n")->int_value() == -3);
}

// A receiver that answers as the test says, then "taken".
class Receiver : public otlp::LogsService::Service {
 public:
  Receiver() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~Receiver() override { server_->Shutdown(std::chrono::system_clock::now()); }

  std::string endpoint() const { return "grpc://127.0.0.1:" + std::to_string(port_); }
  void AnswerNext(grpc::StatusCode code) {
    MutexLock lock(&mutex_);
    answers_.push_back(code);
  }
  void RejectNext(int64_t records) {
    MutexLock lock(&mutex_);
    reject_ = records;
  }
  std::vector<std::string> bodies() const {
    MutexLock lock(&mutex_);
    return bodies_;
  }
  std::string header() const {
    MutexLock lock(&mutex_);
    return header_;
  }

  grpc::Status Export(grpc::ServerContext* context, const otlp::ExportLogsServiceRequest* request,
                      otlp::ExportLogsServiceResponse* response) override {
    MutexLock lock(&mutex_);
    const auto header = context->client_metadata().find("x-tenant");
    if (header != context->client_metadata().end()) header_.assign(header->second.data(), header->second.size());
    if (!answers_.empty()) {
      const grpc::StatusCode code = answers_.front();
      answers_.pop_front();
      return grpc::Status(code, "as the test says");
    }
    for (const auto& resource : request->resource_logs()) {
      for (const auto& record : resource.scope_logs(0).log_records()) bodies_.push_back(record.body().string_value());
    }
    response->mutable_partial_success()->set_rejected_log_records(std::exchange(reject_, 0));
    return grpc::Status::OK;
  }

 private:
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  mutable Mutex mutex_;
  std::deque<grpc::StatusCode> answers_ ABSL_GUARDED_BY(mutex_);
  int64_t reject_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<std::string> bodies_ ABSL_GUARDED_BY(mutex_);
  std::string header_ ABSL_GUARDED_BY(mutex_);
};

TEST_CASE("a receiver that is busy gets the batch again; it arrives once, with the headers") {
  Receiver receiver;
  receiver.AnswerNext(grpc::StatusCode::UNAVAILABLE);
  receiver.AnswerNext(grpc::StatusCode::RESOURCE_EXHAUSTED);
  OtlpTransport transport(
      {receiver.endpoint(), {}, true, absl::Seconds(20), absl::Milliseconds(200), {"X-Tenant: t1"}});
  StopSignal stop;
  SinkCounters counters;
  transport.Deliver({Event("one"), Event("two")}, stop, &counters);
  CHECK(receiver.bodies() == std::vector<std::string>{"one", "two"});
  CHECK(receiver.header() == "t1");
  CHECK(counters.events == 2);
  CHECK(counters.dropped.empty());
}

TEST_CASE("what a receiver refuses, wholly or in part, is counted and not sent again") {
  Receiver receiver;
  OtlpTransport transport({receiver.endpoint(), {}, false, absl::Seconds(20), absl::Milliseconds(200), {}});
  StopSignal stop;
  SinkCounters counters;
  receiver.AnswerNext(grpc::StatusCode::INVALID_ARGUMENT);
  transport.Deliver({Event("bad"), Event("bad")}, stop, &counters);
  receiver.RejectNext(1);
  transport.Deliver({Event("one"), Event("two"), Event("three")}, stop, &counters);
  CHECK(counters.events == 2);
  CHECK(DroppedOf(counters, "rejected") == 3);
}

TEST_CASE("a receiver that is not there does not keep the sink from ending") {
  for (const char* endpoint : {"grpc://127.0.0.1:1", "http://127.0.0.1:1"}) {
    INFO(endpoint);
    QueueOptions queue;
    queue.drain_timeout = absl::Milliseconds(100);
    QueuedSink sink(
        "otlp",
        std::make_unique<OtlpTransport>(OtlpOptions{endpoint, {}, true, absl::Seconds(60), absl::Seconds(30), {}}),
        queue);
    for (int i = 0; i < 5; ++i) sink.Publish(MessageBatch("x"));
    absl::SleepFor(absl::Milliseconds(50));
    const absl::Time begin = absl::Now();
    sink.Finish();
    CHECK(absl::Now() - begin < absl::Seconds(20));
    CHECK(Dropped(sink, "shutdown") == 5);
  }
}

}  // namespace
}  // namespace dlog::sink
