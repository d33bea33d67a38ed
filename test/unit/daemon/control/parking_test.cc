// SPDX-License-Identifier: Apache-2.0
//
// Logpoints without probes in an engine with a fake kernel: pending, paused, moved to another build, taken up after a
// restart.
#include <sys/prctl.h>

#include <filesystem>
#include <string>

#include "daemon/control/engine.h"
#include "test/catch.h"
#include "test/fakes/fake_node.h"
#include "test/temporary_directory.h"

namespace dlog::daemon {
namespace {

using fakes::Eventually;
using fakes::FakeNode;

v1::LogpointState StateOf(const FakeNode& node, const std::string& id) {
  auto described = node.engine->Describe(id);
  return described.ok() ? described->logpoint() : v1::LogpointState();
}

std::string Add(FakeNode* node, const v1::AddRequest& request) {
  auto state = node->engine->Add(request);
  INFO(std::string(state.status().message()));
  REQUIRE(state.ok());
  return state->spec().id();
}

// A file that may be attached to, which a test can replace.
struct File {
  explicit File(const TemporaryDirectory& directory) : path(directory.path + "/program") { Replace(); }
  void Replace() const {
    std::filesystem::copy_file("/proc/self/exe", path + ".new", std::filesystem::copy_options::overwrite_existing);
    std::filesystem::rename(path + ".new", path);
  }
  std::string path;
};

v1::AddRequest RequestFor(const FakeNode& node, const std::string& exe) {
  v1::AddRequest request = node.Request();
  request.mutable_spec()->mutable_target()->set_pid(0);
  request.mutable_spec()->mutable_target()->set_exe_path(exe);
  return request;
}

std::vector<std::string> Restore(FakeNode* node, const TemporaryDirectory& directory) {
  SavedState state;
  std::string problem;
  auto journal = Journal::Open(directory.path, &state, &problem);
  REQUIRE(journal.ok());
  CHECK(problem.empty());
  return node->engine->Restore(*std::move(journal), state);
}

TEST_CASE("a paused logpoint has no probe; resumed it has one again, and its account goes on") {
  FakeNode node;
  auto request = node.Request();
  request.mutable_spec()->mutable_limits()->set_hits(10);
  const std::string id = Add(&node, request);
  node.kernel.Hit(0, 4);
  REQUIRE(Eventually([&] { return StateOf(node, id).counters().emitted() == 4; }));
  auto paused = node.engine->Pause({id});
  REQUIRE(paused.ok());
  CHECK(paused->at(0).state() == "paused");
  CHECK(node.kernel.attached(0).freed);
  absl::SleepFor(absl::Milliseconds(50));
  CHECK(node.kernel.attached_count() == 1);  // nobody attaches it behind the user's back
  CHECK(StateOf(node, id).counters().hits() == 4);

  auto resumed = node.engine->Resume({id});
  REQUIRE(resumed.ok());
  CHECK(resumed->at(0).state() == "active");
  REQUIRE(node.kernel.attached_count() == 2);
  CHECK(node.kernel.attached(1).order.max_hits == 6);
  CHECK(node.requests().size() == 1);  // a known build: no worker
  node.kernel.Hit(1, 6);
  REQUIRE(Eventually([&] { return StateOf(node, id).state() == "finished"; }));
  CHECK(StateOf(node, id).counters().emitted() == 10);
  CHECK(StateOf(node, id).counters().hits() == 10);
  CHECK(absl::IsFailedPrecondition(node.engine->Pause({id}).status()));
  CHECK(absl::IsNotFound(node.engine->Resume({"lp-77"}).status()));
}

TEST_CASE("the time to live goes on while a logpoint is paused") {
  FakeNode node;
  const std::string id = Add(&node, node.Request());
  REQUIRE(node.engine->Pause({id}).ok());
  node.Advance(absl::Hours(2));
  REQUIRE(Eventually([&] { return StateOf(node, id).state() == "expired"; }));
}

TEST_CASE("a target that is not there is an error, or something to wait for when asked to") {
  const TemporaryDirectory directory;
  FakeNode node;
  auto request = node.Request();
  request.mutable_spec()->mutable_target()->set_pid(0);
  request.mutable_spec()->mutable_target()->add_selectors("comm:dlogt-later");
  CHECK(absl::IsNotFound(node.engine->Add(request).status()));
  request.set_allow_pending(true);
  const std::string id = Add(&node, request);
  CHECK(StateOf(node, id).state() == "pending");
  CHECK(StateOf(node, id).reason() == "no process is named dlogt-later");
  CHECK(node.engine->Status().logpoints() == 0);
  auto removed = node.engine->Remove({id}, false);
  REQUIRE(removed.ok());
  CHECK(removed->at(0).state() == "removed");
}

TEST_CASE("a file that appears is attached; one that is replaced is attached again with its new content") {
  const TemporaryDirectory directory;
  FakeNode node;
  const std::string path = directory.path + "/program";
  auto request = RequestFor(node, path);
  request.set_allow_pending(true);
  const std::string id = Add(&node, request);
  CHECK(StateOf(node, id).state() == "pending");
  const File file(directory);
  REQUIRE(Eventually([&] { return StateOf(node, id).state() == "active"; }));
  node.kernel.Hit(0, 3);
  REQUIRE(Eventually([&] { return StateOf(node, id).counters().emitted() == 3; }));
  file.Replace();
  REQUIRE(Eventually([&] { return node.kernel.attached_count() == 2; }));
  REQUIRE(Eventually([&] { return StateOf(node, id).state() == "active"; }));
  CHECK(node.kernel.attached(0).freed);
  node.kernel.Hit(1, 2);
  REQUIRE(Eventually([&] { return StateOf(node, id).counters().emitted() == 5; }));
  CHECK(node.engine->List().size() == 1);
}

TEST_CASE("a replaced file that cannot be attached is told, and the old probes stay") {
  const TemporaryDirectory directory;
  const File file(directory);
  FakeNode node;
  const std::string id = Add(&node, RequestFor(node, file.path));
  node.SymbolizeWith([](const v1::SymbolizerRequest&) { return absl::NotFoundError("no such line any more"); });
  std::filesystem::resize_file(file.path, 100);
  REQUIRE(Eventually([&] { return !StateOf(node, id).reason().empty(); }));
  CHECK(StateOf(node, id).state() == "active");
  CHECK(StateOf(node, id).reason().find("the target has changed, but: ") == 0);
  CHECK_FALSE(node.kernel.attached(0).detached);
}

TEST_CASE("logpoints outlive the engine: active ones are attached again, paused ones stay paused, ids are not reused") {
  const TemporaryDirectory directory;
  std::string kept, paused;
  const File file(directory);
  {
    FakeNode node;
    CHECK(Restore(&node, directory).empty());
    auto request = RequestFor(node, file.path);
    request.mutable_spec()->mutable_limits()->set_hits(10);
    kept = Add(&node, request);
    paused = Add(&node, RequestFor(node, file.path));
    const std::string removed = Add(&node, RequestFor(node, file.path));
    auto interactive = RequestFor(node, file.path);
    interactive.set_remove_on_disconnect(true);
    Add(&node, interactive);
    REQUIRE(node.engine->Pause({paused}).ok());
    REQUIRE(node.engine->Remove({removed}, false).ok());
    node.kernel.Hit(0, 4);
    node.kernel.Lose(0, DLOG_COUNT_FILTERED, 7);
    REQUIRE(Eventually([&] { return StateOf(node, kept).counters().emitted() == 4; }));
  }
  FakeNode node;
  CHECK(Restore(&node, directory).empty());
  REQUIRE(node.engine->List().size() == 2);
  REQUIRE(Eventually([&] { return StateOf(node, kept).state() == "active"; }));
  CHECK(StateOf(node, paused).state() == "paused");
  CHECK(node.requests().empty());  // a known build: no worker
  CHECK(StateOf(node, kept).counters().hits() == 11);
  CHECK(StateOf(node, kept).counters().filtered() == 7);
  CHECK(node.kernel.attached(0).order.max_hits == 6);
  CHECK(Add(&node, RequestFor(node, file.path)) == "lp-5");
}

TEST_CASE("what is over by time, or whose process is another one, is not taken up") {
  const TemporaryDirectory directory;
  const File file(directory);
  {
    FakeNode node;
    Restore(&node, directory);
    Add(&node, node.Request());  // of a process that ends with the node
    auto request = RequestFor(node, file.path);
    request.mutable_spec()->mutable_limits()->set_ttl_ms(1);
    Add(&node, request);
    node.engine->Stop();
  }
  absl::SleepFor(absl::Milliseconds(5));
  FakeNode node;
  const auto lines = Restore(&node, directory);
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].find("lp-1 is not taken up: process") == 0);
  CHECK(lines[1] == "lp-2 is not taken up: its time to live is over");
  CHECK(node.engine->List().empty());
}

TEST_CASE("a paused logpoint of a process is taken up again and again, and changes of it keep whose it is") {
  const TemporaryDirectory directory;
  const fakes::SleepingProcess process;  // outlives the engines
  std::string id;
  {
    FakeNode node;
    Restore(&node, directory);
    auto request = node.Request();
    request.mutable_spec()->mutable_target()->set_pid(process.pid());
    id = Add(&node, request);
    REQUIRE(node.engine->Pause({id}).ok());
  }
  for (int restart = 0; restart < 2; ++restart) {
    INFO(restart);
    FakeNode node;
    CHECK(Restore(&node, directory).empty());
    CHECK(StateOf(node, id).state() == "paused");
    REQUIRE(node.engine->Pause({id}).ok());  // is saved anew, by an engine that has never attached it
  }
  FakeNode node;
  CHECK(Restore(&node, directory).empty());
  REQUIRE(node.engine->Resume({id}).ok());
  CHECK(StateOf(node, id).state() == "active");
}

TEST_CASE("a name belongs to one live logpoint") {
  FakeNode node;
  auto request = node.Request();
  request.mutable_spec()->set_name("orders");
  const std::string id = Add(&node, request);
  CHECK(absl::IsAlreadyExists(node.engine->Add(request).status()));
  REQUIRE(node.engine->Remove({id}, false).ok());
  CHECK(node.engine->Add(request).ok());
}

TEST_CASE("who is told of changes does not look all the time") {
  const TemporaryDirectory directory;
  EngineOptions options;
  options.watch_slow = options.watch_waiting = absl::Hours(1);
  FakeNode node(options, true);
  REQUIRE(node.engine->Start().ok());
  const std::string path = directory.path + "/program";
  auto request = RequestFor(node, path);
  request.set_allow_pending(true);
  const std::string id = Add(&node, request);
  absl::SleepFor(absl::Milliseconds(200));  // the looks that adding it was worth
  const File file(directory);
  absl::SleepFor(absl::Milliseconds(100));
  CHECK(StateOf(node, id).state() == "pending");
  node.processes_changed();
  REQUIRE(Eventually([&] { return StateOf(node, id).state() == "active"; }));
}

TEST_CASE("only the processes of logpoints are watched while each logpoint names its own") {
  FakeNode node({}, true);
  const auto watched = [&] { return node.process_watch->only(); };
  const std::string by_number = Add(&node, node.Request());
  CHECK(watched() == std::set<int32_t>{node.target.pid()});
  const TemporaryDirectory directory;
  auto request = RequestFor(node, directory.path + "/program");
  request.set_allow_pending(true);
  const std::string by_file = Add(&node, request);
  CHECK_FALSE(watched().has_value());
  REQUIRE(node.engine->Remove({by_file}, false).ok());
  REQUIRE(Eventually([&] { return watched() == std::set<int32_t>{node.target.pid()}; }));
}

}  // namespace
}  // namespace dlog::daemon
