// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/api_server.h"

#include <grpcpp/generic/generic_stub.h>
#include <stdlib.h>

#include <filesystem>
#include <string>
#include <vector>

#include "test/catch.h"
#include "test/fakes/fake_node.h"

namespace dlog::daemon {
namespace {

// grpc.health.v1.HealthCheckRequest {string service = 1}.
grpc::ByteBuffer HealthRequest(const std::string& service) {
  std::string bytes = "\x0a";
  bytes.push_back(static_cast<char>(service.size()));
  const grpc::Slice slice(bytes + service);
  return grpc::ByteBuffer(&slice, 1);
}

// The bytes of the answer: {status = 1: 1 serving, 3 unknown}.
std::string CheckHealth(const std::string& socket, const std::string& service) {
  grpc::GenericStub stub(grpc::CreateChannel("unix:" + socket, grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  grpc::ByteBuffer answer;
  grpc::Status status;
  auto call = stub.PrepareUnaryCall(&context, "/grpc.health.v1.Health/Check", HealthRequest(service), &queue);
  call->StartCall();
  call->Finish(&answer, &status, &queue);
  void* tag = nullptr;
  bool ok = false;
  REQUIRE(queue.Next(&tag, &ok));
  INFO(status.error_message());
  if (!status.ok()) return std::string("status ") + std::to_string(status.error_code());
  std::vector<grpc::Slice> slices;
  REQUIRE(answer.Dump(&slices).ok());
  std::string bytes;
  for (const grpc::Slice& slice : slices) bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return bytes;
}

TEST_CASE("the health service says that the API serves") {
  char directory[] = "/tmp/dlog-api.XXXXXX";
  REQUIRE(mkdtemp(directory) != nullptr);
  const std::string socket = std::string(directory) + "/s";
  {
    fakes::FakeNode node;
    auto api = ApiServer::ListenUnix(node.engine.get(), socket);
    REQUIRE(api.ok());
    CHECK(CheckHealth(socket, "") == std::string("\x08\x01", 2));
    CHECK(CheckHealth(socket, "dlog.v1.DynamicLogging") == std::string("\x08\x01", 2));
    CHECK(CheckHealth(socket, "something.else") == "status 5");  // NOT_FOUND
    node.engine->Stop();
  }
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace dlog::daemon
