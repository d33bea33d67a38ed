// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/api_server.h"

#include <grpcpp/generic/generic_stub.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "daemon/control/audit.h"
#include "daemon/control/server_credentials.h"
#include "test/catch.h"
#include "test/fakes/fake_node.h"
#include "test/temporary_directory.h"

namespace dlog::daemon {
namespace {

// A call whose message is `request`, byte by byte; `answer` is what comes back.
grpc::Status CallRaw(const std::string& address, const std::string& method, const std::string& request,
                     std::string* answer) {
  grpc::GenericStub stub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  const grpc::Slice slice(request);
  grpc::ByteBuffer received;
  grpc::Status status;
  auto call = stub.PrepareUnaryCall(&context, method, grpc::ByteBuffer(&slice, 1), &queue);
  call->StartCall();
  call->Finish(&received, &status, &queue);
  void* tag = nullptr;
  bool ok = false;
  REQUIRE(queue.Next(&tag, &ok));
  if (!status.ok()) return status;
  std::vector<grpc::Slice> slices;
  REQUIRE(received.Dump(&slices).ok());
  for (const grpc::Slice& each : slices) answer->append(reinterpret_cast<const char*>(each.begin()), each.size());
  return status;
}

// The bytes of the answer: {status = 1: 1 serving, 3 unknown}. The request is grpc.health.v1.HealthCheckRequest
// {string service = 1}.
std::string CheckHealth(const std::string& address, const std::string& service) {
  std::string request = "\x0a", answer;
  request.push_back(static_cast<char>(service.size()));
  const grpc::Status status = CallRaw(address, "/grpc.health.v1.Health/Check", request + service, &answer);
  INFO(status.error_message());
  return status.ok() ? answer : std::string("status ") + std::to_string(status.error_code());
}

TEST_CASE("the health service says that the API serves") {
  const TemporaryDirectory directory;
  const std::string socket = directory.path + "/s";
  const std::string address = "unix:" + socket;
  {
    fakes::FakeNode node;
    auto api = ApiServer::ListenUnix(node.engine.get(), socket);
    REQUIRE(api.ok());
    CHECK(CheckHealth(address, "") == std::string("\x08\x01", 2));
    CHECK(CheckHealth(address, "dlog.v1.DynamicLogging") == std::string("\x08\x01", 2));
    CHECK(CheckHealth(address, "something.else") == "status 5");  // NOT_FOUND
    node.engine->Stop();
  }
}

TEST_CASE("a request that is no message, or too large a one, is refused with its status, and the API goes on") {
  const TemporaryDirectory directory;
  const std::string socket = directory.path + "/s";
  const std::string address = "unix:" + socket;
  {
    fakes::FakeNode node;
    auto api = ApiServer::ListenUnix(node.engine.get(), socket);
    REQUIRE(api.ok());
    std::string answer;
    for (const char* method : {"Add", "Remove", "Pause", "Resume", "List", "Describe", "Explain", "Lines", "Status"}) {
      INFO(method);
      const std::string path = std::string("/dlog.v1.DynamicLogging/") + method;
      CHECK(CallRaw(address, path, "\xff\xff\xff", &answer).error_code() == grpc::StatusCode::INTERNAL);
      constexpr size_t kLarge = size_t{64} << 20;
      CHECK(CallRaw(address, path, std::string(kLarge, '\0'), &answer).error_code() ==
            grpc::StatusCode::RESOURCE_EXHAUSTED);
    }
    CHECK(CallRaw(address, "/dlog.v1.DynamicLogging/Nothing", "", &answer).error_code() ==
          grpc::StatusCode::UNIMPLEMENTED);
    CHECK(CallRaw(address, "/dlog.v1.DynamicLogging/List", "", &answer).ok());
    node.engine->Stop();
  }
}

// The messages and the end of a stream, until it ends.
std::vector<std::string> ReadAll(grpc::ClientReader<v1::StreamItem>* stream, int* lists) {
  std::vector<std::string> out;
  v1::StreamItem item;
  while (stream->Read(&item)) {
    if (item.has_event()) out.push_back(item.event().message());
    if (item.has_events()) ++*lists;
    for (const v1::Event& event : item.events().events()) out.push_back(event.message());
    if (item.has_ended()) out.push_back("ended " + item.ended().spec().id());
  }
  return out;
}

TEST_CASE("a stream in lists has the same items in the same order as one without, in fewer messages") {
  const TemporaryDirectory directory;
  const std::string socket = directory.path + "/s";
  {
    fakes::FakeNode node;
    auto api = ApiServer::ListenUnix(node.engine.get(), socket);
    REQUIRE(api.ok());
    const auto stub =
        v1::DynamicLogging::NewStub(grpc::CreateChannel("unix:" + socket, grpc::InsecureChannelCredentials()));
    v1::AddRequest add = node.Request();
    add.mutable_spec()->mutable_limits()->set_rate_per_second(0);
    add.mutable_spec()->mutable_limits()->set_budget(64);
    const auto added = node.engine->Add(add);
    REQUIRE(added.ok());
    const std::string id = added->spec().id();
    grpc::ClientContext contexts[2];
    std::unique_ptr<grpc::ClientReader<v1::StreamItem>> streams[2];
    for (const bool lists : {false, true}) {
      v1::StreamRequest request;
      request.add_ids(id);
      request.set_lists(lists);
      streams[lists] = stub->Stream(&contexts[lists], request);
      v1::StreamItem opened;
      REQUIRE(streams[lists]->Read(&opened));
      REQUIRE(opened.opened());
    }
    constexpr size_t kHits = 3000,
                     kAtOnce = 100;  // more than windows of the transport hold; what the fake's ring holds
    for (size_t i = 0; i < kHits; i += kAtOnce) {
      node.kernel.Hit(0, kAtOnce);
      REQUIRE(
          fakes::Eventually([&] { return node.engine->Describe(id)->logpoint().counters().emitted() == i + kAtOnce; }));
    }
    REQUIRE(node.engine->Remove({id}, false).ok());
    int lists[2] = {0, 0};
    const auto single = ReadAll(streams[0].get(), &lists[0]);
    const auto listed = ReadAll(streams[1].get(), &lists[1]);
    CHECK(single.size() == kHits + 1);
    CHECK(single.back() == "ended " + id);
    CHECK((single == listed));
    CHECK(lists[0] == 0);
    CHECK(lists[1] > 0);
    CHECK(lists[1] < static_cast<int>(kHits));
    for (const auto& stream : streams) CHECK(stream->Finish().ok());
    node.engine->Stop();
  }
}

TEST_CASE("the audit log says who asked for what, and what came of it") {
  const TemporaryDirectory directory;
  const std::string socket = directory.path + "/s";
  const std::string file = directory.path + "/audit";
  {
    auto audit = AuditLog::Create(file);
    REQUIRE(audit.ok());
    fakes::FakeNode node;
    auto api = ApiServer::ListenUnix(node.engine.get(), socket, audit->get());
    REQUIRE(api.ok());
    auto stub = v1::DynamicLogging::NewStub(grpc::CreateChannel("unix:" + socket, grpc::InsecureChannelCredentials()));
    for (const bool all : {false, true}) {
      grpc::ClientContext context;
      v1::RemoveRequest request;
      v1::RemoveResponse response;
      if (!all) request.add_ids("lp-77");
      request.set_all(all);
      CHECK(stub->Remove(&context, request, &response).ok() == all);
    }
    node.engine->Stop();
  }
  std::ifstream in(file);
  std::string refused, done;
  REQUIRE(std::getline(in, refused));
  REQUIRE(std::getline(in, done));
  const std::string who = "\"action\":\"remove\",\"peer\":\"unix\",\"uid\":" + std::to_string(getuid()) +
                          ",\"pid\":" + std::to_string(getpid());
  CHECK_THAT(refused, ContainsText(who));
  CHECK_THAT(refused, ContainsText("\"ids\":[\"lp-77\"],\"outcome\":\"no logpoint lp-77\""));
  CHECK_THAT(done, ContainsText("\"all\":true,\"ids\":[],\"outcome\":\"ok\""));
  CHECK((std::filesystem::status(file).permissions() & std::filesystem::perms::mask) ==
        (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
}

TEST_CASE("an audit log is followed over restarts of dlogd, torn lines, and a file that is moved away") {
  const TemporaryDirectory directory;
  const std::string file = directory.path + "/audit";
  const auto ids_of = [](const AuditLog& log, size_t count) {
    std::string ids;
    for (const v1::AuditRecord& record : log.Last(count)) ids += record.ids(0) + ";";
    return ids;
  };
  AuditEntry entry;
  entry.action = "pause";
  entry.peer = "unix";
  entry.identity = PeerIdentity{};
  {
    auto log = AuditLog::Create(file);
    REQUIRE(log.ok());
    for (const char* id : {"lp-1", "lp-2", "lp-3"}) {
      entry.ids = {id};
      (*log)->Record(entry);
    }
    CHECK(ids_of(**log, 2) == "lp-2;lp-3;");
  }
  std::ofstream(file, std::ios::app) << "no JSON\n{\"action\":\"add\",\"ids\":[\"lp-4\"],\"of later versions\":{}}\n"
                                     << "{\"action\":\"add\",\"ids\":[\"torn";
  auto log = AuditLog::Create(file);
  REQUIRE(log.ok());
  CHECK(ids_of(**log, 100) == "lp-1;lp-2;lp-3;lp-4;");
  CHECK((*log)->Last(4).front().uid() == 0);
  CHECK((*log)->Last(4).front().has_uid());
  CHECK_FALSE((*log)->Last(1).front().has_uid());
  (*log)->Record(entry);
  CHECK(ids_of(**AuditLog::Create(file), 2) == "lp-4;lp-3;");
  std::filesystem::rename(file, file + ".1");
  entry.ids = {"lp-5"};
  (*log)->Record(entry);
  CHECK(ids_of(**AuditLog::Create(file), 100) == "lp-5;");
  CHECK(ids_of(**log, 2) == "lp-3;lp-5;");
  for (size_t i = 0; i < 2 * AuditLog::kKept; ++i) (*log)->Record(entry);
  CHECK((*log)->Last(3 * AuditLog::kKept).size() == AuditLog::kKept);
}

TEST_CASE("an audit line has what was asked for, and stays one line") {
  v1::LogpointSpec spec;
  spec.mutable_target()->set_pid(7);
  spec.mutable_target()->add_selectors("comm:shop");
  spec.set_location("a.cc:1");
  spec.set_template_("two\nlines \"{x}\"");
  spec.set_condition("x > 1");
  AuditEntry entry;
  entry.action = "add";
  entry.peer = "ipv4:10.0.0.1:555";
  entry.ids = {"lp-1"};
  entry.spec = &spec;
  CHECK(AuditLine(ToRecord(entry, 1500000000)) ==
        "{\"time\":\"1970-01-01T00:00:01.500000Z\",\"action\":\"add\",\"peer\":\"ipv4:10.0.0.1:555\",\"ids\":"
        "[\"lp-1\"],\"outcome\":\"ok\",\"target\":\"pid 7 comm:shop\",\"location\":\"a.cc:1\",\"text\":\"two\\n"
        "lines \\\"{x}\\\"\",\"condition\":\"x > 1\"}");
}

TEST_CASE("the health port answers probes and nothing of the API") {
  const std::string address = "127.0.0.1:" + std::to_string(20000 + getpid() % 10000);
  auto health = HealthServer::Listen(address);
  REQUIRE(health.ok());
  CHECK(CheckHealth(address, "") == std::string("\x08\x01", 2));
  auto stub = v1::DynamicLogging::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  v1::ListResponse response;
  CHECK(stub->List(&context, v1::ListRequest(), &response).error_code() == grpc::StatusCode::UNIMPLEMENTED);
  CHECK(absl::IsUnavailable(HealthServer::Listen(address).status()));  // never two on one port
}

TEST_CASE("an address on the network takes TLS, a loopback address may do without") {
  for (const char* loopback : {"127.0.0.1:1", "127.200.0.9:1", "[::1]:1", "localhost:1"}) {
    INFO(loopback);
    CHECK(ServerCredentialsFor(loopback, {}).ok());
  }
  for (const char* open : {"0.0.0.0:1", "[::]:1", "192.0.2.1:1", "host:1", "128.0.0.1:1", "127.0.0.1.example.com:1"}) {
    INFO(open);
    CHECK(absl::IsInvalidArgument(ServerCredentialsFor(open, {}).status()));
  }
  CHECK(absl::IsInvalidArgument(ServerCredentialsFor("127.0.0.1:1", {"/ca", "", ""}).status()));
  CHECK(absl::IsNotFound(ServerCredentialsFor("127.0.0.1:1", {"/no/ca", "/no/cert", "/no/key"}).status()));
}

}  // namespace
}  // namespace dlog::daemon
