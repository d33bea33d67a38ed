// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/grpc_service.h"

#include <grpc/grpc_security_constants.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "daemon/control/grpc_status.h"
#include "daemon/event/event_proto.h"
#include "symbolizer/base/status_hint.h"

namespace dlog::daemon {
namespace {

// How soon a client that has gone is noticed while there are no events for it.
constexpr absl::Duration kCancelCheck = absl::Milliseconds(100);

// Of one list: enough to forget what a message costs, little enough to stay a small one.
constexpr int kMaxListed = 256;
constexpr size_t kMaxListedBytes = size_t{256} << 10;

v1::StreamItem ToItem(const sink::StreamEntry& entry) {
  v1::StreamItem item;
  if (entry.event != nullptr) {
    event::ToProto(*entry.event, item.mutable_event());
  } else if (entry.ended != nullptr) {
    *item.mutable_ended() = *entry.ended;
  } else {
    item.set_dropped(entry.dropped);
  }
  return item;
}

// Writes `first`, an event, and those that are there already, as one list. What stands behind them, or nothing, is left
// in `next`.
bool WriteList(const sink::StreamEntry& first, size_t bytes, sink::EventStream* events,
               grpc::ServerWriter<v1::StreamItem>* writer, sink::StreamEntry* next) {
  v1::StreamItem item;
  v1::EventList* list = item.mutable_events();
  event::ToProto(*first.event, list->add_events());
  *next = {};
  for (size_t more = 0; list->events_size() < kMaxListed && bytes < kMaxListedBytes; bytes += more) {
    if (events->Pop(absl::ZeroDuration(), next, &more) != sink::EventStream::Result::kEntry) break;
    if (next->event == nullptr) break;
    event::ToProto(*next->event, list->add_events());
    *next = {};
  }
  return writer->Write(item);
}

bool IsEmpty(const sink::StreamEntry& entry) {
  return entry.event == nullptr && entry.ended == nullptr && entry.dropped == 0;
}

// Writes entries until the stream ends. False when the client has gone.
bool Forward(grpc::ServerContext* context, bool lists, sink::EventStream* events,
             grpc::ServerWriter<v1::StreamItem>* writer) {
  v1::StreamItem opened;
  opened.set_opened(true);
  if (!writer->Write(opened)) return false;
  sink::StreamEntry entry, next;
  size_t bytes = 0;
  while (true) {
    switch (events->Pop(kCancelCheck, &entry, &bytes)) {
      case sink::EventStream::Result::kEnd:
        return true;
      case sink::EventStream::Result::kTimeout:
        if (context->IsCancelled()) return false;
        break;
      case sink::EventStream::Result::kEntry:
        if (!lists || entry.event == nullptr) {
          if (!writer->Write(ToItem(entry))) return false;
          break;
        }
        if (!WriteList(entry, bytes, events, writer, &next)) return false;
        if (!IsEmpty(next) && !writer->Write(ToItem(next))) return false;
        break;
    }
  }
}

// The common name of the certificate that the client has shown; empty for one without.
std::string CertificateName(const grpc::ServerContext& context) {
  const auto proven = context.auth_context();
  if (proven == nullptr || !proven->IsPeerAuthenticated()) return "";
  const auto names = proven->FindPropertyValues(GRPC_X509_CN_PROPERTY_NAME);
  return names.empty() ? "" : std::string(names.front().data(), names.front().size());
}

}  // namespace

void GrpcService::Record(const grpc::ServerContext& context, const char* action, std::vector<std::string> ids, bool all,
                         const v1::LogpointSpec* spec, const absl::Status& outcome) const {
  if (audit_ == nullptr) return;
  AuditEntry entry;
  entry.action = action;
  entry.peer = context.peer();
  if (acceptor_ != nullptr) entry.identity = acceptor_->Find(entry.peer);
  if (entry.identity) entry.peer = "unix";
  entry.certificate = CertificateName(context);
  std::erase(ids, "");
  entry.ids = std::move(ids);
  entry.all = all;
  entry.spec = spec;
  entry.outcome = outcome;
  audit_->Record(entry);
}

grpc::Status GrpcService::Add(grpc::ServerContext* context, const v1::AddRequest* request, v1::AddResponse* response) {
  auto state = engine_->Add(*request);
  Record(*context, "add", {state.ok() ? state->spec().id() : ""}, false, state.ok() ? &state->spec() : &request->spec(),
         state.status());
  if (!state.ok()) return ToGrpc(state.status(), context);
  if (context->IsCancelled()) {  // Ctrl-C while it was resolved: nobody knows the id, so nobody could remove it
    (void)engine_->Remove({state->spec().id()}, false);
    return grpc::Status(grpc::StatusCode::CANCELLED, "cancelled by the client");
  }
  if (request->return_resolved()) {
    if (auto resolved = engine_->ResolvedOf(state->spec().id())) *response->mutable_resolved() = *std::move(resolved);
  }
  *response->mutable_logpoint() = *std::move(state);
  return grpc::Status::OK;
}

grpc::Status GrpcService::Remove(grpc::ServerContext* context, const v1::RemoveRequest* request,
                                 v1::RemoveResponse* response) {
  auto removed = engine_->Remove({request->ids().begin(), request->ids().end()}, request->all());
  Record(*context, "remove", {request->ids().begin(), request->ids().end()}, request->all(), nullptr, removed.status());
  if (!removed.ok()) return ToGrpc(removed.status(), context);
  for (v1::LogpointState& state : *removed) *response->add_removed() = std::move(state);
  return grpc::Status::OK;
}

grpc::Status GrpcService::Pause(grpc::ServerContext* context, const v1::PauseRequest* request,
                                v1::PauseResponse* response) {
  auto states = engine_->Pause({request->ids().begin(), request->ids().end()});
  Record(*context, "pause", {request->ids().begin(), request->ids().end()}, false, nullptr, states.status());
  if (!states.ok()) return ToGrpc(states.status(), context);
  for (v1::LogpointState& state : *states) *response->add_logpoints() = std::move(state);
  return grpc::Status::OK;
}

grpc::Status GrpcService::Resume(grpc::ServerContext* context, const v1::ResumeRequest* request,
                                 v1::ResumeResponse* response) {
  auto states = engine_->Resume({request->ids().begin(), request->ids().end()});
  Record(*context, "resume", {request->ids().begin(), request->ids().end()}, false, nullptr, states.status());
  if (!states.ok()) return ToGrpc(states.status(), context);
  for (v1::LogpointState& state : *states) *response->add_logpoints() = std::move(state);
  return grpc::Status::OK;
}

grpc::Status GrpcService::List(grpc::ServerContext*, const v1::ListRequest*, v1::ListResponse* response) {
  for (v1::LogpointState& state : engine_->List()) *response->add_logpoints() = std::move(state);
  return grpc::Status::OK;
}

grpc::Status GrpcService::Describe(grpc::ServerContext* context, const v1::DescribeRequest* request,
                                   v1::DescribeResponse* response) {
  auto described = engine_->Describe(request->id());
  if (!described.ok()) return ToGrpc(described.status(), context);
  *response = *std::move(described);
  return grpc::Status::OK;
}

grpc::Status GrpcService::Stream(grpc::ServerContext* context, const v1::StreamRequest* request,
                                 grpc::ServerWriter<v1::StreamItem>* writer) {
  const std::set<std::string> ids(request->ids().begin(), request->ids().end());
  auto stream = engine_->OpenStream(ids);
  if (!stream.ok()) return ToGrpc(stream.status(), context);
  const bool complete = Forward(context, request->lists(), stream->events.get(), writer);
  engine_->CloseStream(*stream);
  // A stream of all logpoints has no end of its own.
  if (complete && ids.empty()) {
    return ToGrpc(WithHint(absl::UnavailableError("dlogd has been stopped"), "the stream ends with its daemon"),
                  context);
  }
  return grpc::Status::OK;
}

grpc::Status GrpcService::Explain(grpc::ServerContext* context, const v1::ExplainRequest* request,
                                  v1::ExplainResponse* response) {
  auto resolved = engine_->Explain(request->spec(), request->all_variables());
  if (!resolved.ok()) return ToGrpc(resolved.status(), context);
  *response->mutable_resolved() = *std::move(resolved);
  return grpc::Status::OK;
}

grpc::Status GrpcService::Lines(grpc::ServerContext* context, const v1::LinesRequest* request,
                                v1::LinesResponse* response) {
  auto lines = engine_->Lines(request->target(), request->file());
  if (!lines.ok()) return ToGrpc(lines.status(), context);
  *response->mutable_lines() = *std::move(lines);
  return grpc::Status::OK;
}

grpc::Status GrpcService::Status(grpc::ServerContext*, const v1::StatusRequest*, v1::StatusResponse* response) {
  *response = engine_->Status();
  return grpc::Status::OK;
}

grpc::Status GrpcService::Builds(grpc::ServerContext* context, const v1::BuildsRequest* request,
                                 v1::BuildsResponse* response) {
  auto builds = engine_->Builds(request->target());
  if (!builds.ok()) return ToGrpc(builds.status(), context);
  *response = *std::move(builds);
  return grpc::Status::OK;
}

grpc::Status GrpcService::Audit(grpc::ServerContext* context, const v1::AuditRequest* request,
                                v1::AuditResponse* response) {
  if (audit_ == nullptr) {
    return ToGrpc(WithHint(absl::FailedPreconditionError("nobody keeps an audit log here"),
                           "it is dlogd that keeps one: ask it with --server"),
                  context);
  }
  response->set_host(engine_->host());
  const size_t count = request->last() == 0 ? AuditLog::kKept : request->last();
  for (v1::AuditRecord& record : audit_->Last(count)) *response->add_records() = std::move(record);
  return grpc::Status::OK;
}

}  // namespace dlog::daemon
