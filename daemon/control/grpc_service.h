// SPDX-License-Identifier: Apache-2.0
//
// The API of proto/control.proto on an Engine: translation and nothing else.
#pragma once

#include <string>
#include <vector>

#include "control.grpc.pb.h"
#include "daemon/control/audit.h"
#include "daemon/control/engine.h"
#include "daemon/control/unix_acceptor.h"

namespace dlog::daemon {

// Thread-safe. The engine must outlive the server that this is registered with.
class GrpcService : public v1::DynamicLogging::Service {
 public:
  // `audit` may be null: nothing is recorded.
  explicit GrpcService(Engine* engine, AuditLog* audit = nullptr) : engine_(engine), audit_(audit) {}
  // Before the server starts: whom to ask who is at the other end.
  void set_acceptor(const UnixAcceptor* acceptor) { acceptor_ = acceptor; }

  grpc::Status Add(grpc::ServerContext* context, const v1::AddRequest* request, v1::AddResponse* response) override;
  grpc::Status Remove(grpc::ServerContext* context, const v1::RemoveRequest* request,
                      v1::RemoveResponse* response) override;
  grpc::Status Pause(grpc::ServerContext* context, const v1::PauseRequest* request,
                     v1::PauseResponse* response) override;
  grpc::Status Resume(grpc::ServerContext* context, const v1::ResumeRequest* request,
                      v1::ResumeResponse* response) override;
  grpc::Status List(grpc::ServerContext* context, const v1::ListRequest* request, v1::ListResponse* response) override;
  grpc::Status Describe(grpc::ServerContext* context, const v1::DescribeRequest* request,
                        v1::DescribeResponse* response) override;
  grpc::Status Stream(grpc::ServerContext* context, const v1::StreamRequest* request,
                      grpc::ServerWriter<v1::StreamItem>* writer) override;
  grpc::Status Explain(grpc::ServerContext* context, const v1::ExplainRequest* request,
                       v1::ExplainResponse* response) override;
  grpc::Status Lines(grpc::ServerContext* context, const v1::LinesRequest* request,
                     v1::LinesResponse* response) override;
  grpc::Status Status(grpc::ServerContext* context, const v1::StatusRequest* request,
                      v1::StatusResponse* response) override;
  grpc::Status Builds(grpc::ServerContext* context, const v1::BuildsRequest* request,
                      v1::BuildsResponse* response) override;
  grpc::Status Audit(grpc::ServerContext* context, const v1::AuditRequest* request,
                     v1::AuditResponse* response) override;

 private:
  void Record(const grpc::ServerContext& context, const char* action, std::vector<std::string> ids, bool all,
              const v1::LogpointSpec* spec, const absl::Status& outcome) const;

  Engine* const engine_;
  AuditLog* const audit_;
  const UnixAcceptor* acceptor_ = nullptr;
};

}  // namespace dlog::daemon
