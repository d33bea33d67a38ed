// SPDX-License-Identifier: Apache-2.0
//
// The life of logpoints in an engine with a fake kernel.
#include "daemon/control/engine.h"

#include <atomic>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "daemon/symbolizer_client/symbolizer_client.h"
#include "symbolizer/base/status_hint.h"
#include "test/catch.h"
#include "test/fakes/fake_node.h"

namespace dlog::daemon {
namespace {

using fakes::Eventually;
using fakes::FakeNode;

uint64_t Accounted(const v1::Counters& counters) {
  uint64_t sum = counters.emitted() + counters.filtered() + counters.sampled_out() + counters.rate_limited();
  for (const v1::Loss& loss : counters.dropped()) sum += loss.count();
  return sum;
}

std::string Add(FakeNode* node, const v1::AddRequest& request) {
  auto state = node->engine->Add(request);
  INFO(std::string(state.status().message()));
  REQUIRE(state.ok());
  return state->spec().id();
}

v1::LogpointState StateOf(const FakeNode& node, const std::string& id) {
  auto described = node.engine->Describe(id);
  return described.ok() ? described->logpoint() : v1::LogpointState();
}

struct Received {
  int events = 0;
  uint64_t dropped = 0;
  uint64_t hits_told = 0;
  std::vector<v1::LogpointState> ended;
};

// Reads until the stream ends.
Received ReadAll(const StreamHandle& stream) {
  Received received;
  sink::StreamEntry entry;
  while (stream.events->Pop(absl::Seconds(10), &entry) == sink::EventStream::Result::kEntry) {
    if (entry.event != nullptr) {
      ++received.events;
      received.hits_told += entry.event->hits_since_last;
    }
    received.dropped += entry.dropped;
    if (entry.ended != nullptr) received.ended.push_back(*entry.ended);
  }
  return received;
}

TEST_CASE("a logpoint is resolved, attached, listed and removed") {
  FakeNode node;
  const std::string id = Add(&node, node.Request());
  CHECK(id == "lp-1");
  const auto order = node.kernel.attached(0).order;
  CHECK(order.pid == node.target.pid());
  CHECK(order.rate_per_second == 1000);
  REQUIRE(order.sites.size() == 1);
  CHECK(order.sites[0].offset.value == 0x1000);
  REQUIRE(node.requests().size() == 1);
  CHECK(node.requests()[0].spec().limits().string_bytes() == 256);
  CHECK(node.requests()[0].root() == "/proc/" + std::to_string(node.target.pid()) + "/root");

  REQUIRE(node.engine->List().size() == 1);
  const v1::LogpointState state = node.engine->List()[0];
  CHECK(state.state() == "active");
  CHECK(state.file() == "/src/order.cc");
  CHECK(state.sites() == 1);

  auto removed = node.engine->Remove({id}, false);
  REQUIRE(removed.ok());
  REQUIRE(removed->size() == 1);
  CHECK((*removed)[0].state() == "removed");
  CHECK(node.kernel.attached(0).freed);
  CHECK(node.engine->List().empty());
  CHECK(absl::IsNotFound(node.engine->Describe(id).status()));
}

TEST_CASE("every hit is in exactly one class of the account") {
  FakeNode node;
  const std::string id = Add(&node, node.Request());
  node.kernel.Hit(0, 100);
  node.kernel.Lose(0, DLOG_COUNT_FILTERED, 50);
  node.kernel.Lose(0, DLOG_COUNT_RATE_LIMITED, 7);
  node.kernel.Lose(0, int{DLOG_COUNT_DROP_FIRST} + int{DLOG_DROP_RING_FULL}, 3);
  REQUIRE(Eventually([&] { return StateOf(node, id).counters().emitted() == 100; }));
  node.FailDecoding(absl::DataLossError("a segment runs past the record"));
  node.kernel.Hit(0, 5);
  REQUIRE(Eventually([&] { return Accounted(StateOf(node, id).counters()) == 165; }));
  const v1::LogpointState state = StateOf(node, id);
  CHECK(state.counters().hits() == 165);
  REQUIRE(state.warnings_size() == 1);
  CHECK(state.warnings(0).find("a segment runs past the record") != std::string::npos);
}

TEST_CASE("hits told by the events of a stream add up to the logpoint's hits") {
  FakeNode node;
  auto request = node.Request();
  request.mutable_spec()->mutable_limits()->set_hits(300);
  const std::string id = Add(&node, request);
  auto stream = node.engine->OpenStream({id});
  REQUIRE(stream.ok());
  for (int i = 0; i < 30; ++i) {
    node.kernel.Lose(0, i % 2 == 0 ? DLOG_COUNT_FILTERED : DLOG_COUNT_RATE_LIMITED, 10);
    node.kernel.Hit(0, 10);
    if (i % 7 == 0) absl::SleepFor(absl::Milliseconds(2));
  }
  const Received received = ReadAll(*stream);
  REQUIRE(received.ended.size() == 1);
  CHECK(received.events == 300);
  CHECK(received.hits_told == 600);
  CHECK(received.ended[0].counters().hits() == 600);
  CHECK(Accounted(received.ended[0].counters()) == 600);
}

TEST_CASE("the hit limit ends a logpoint behind its last event") {
  FakeNode node;
  auto request = node.Request();
  request.mutable_spec()->mutable_limits()->set_hits(5);
  const std::string id = Add(&node, request);
  auto stream = node.engine->OpenStream({id});
  node.kernel.Hit(0, 9);
  const Received received = ReadAll(*stream);
  CHECK(received.events == 5);
  REQUIRE(received.ended.size() == 1);
  const v1::LogpointState& state = received.ended[0];
  CHECK(state.state() == "finished");
  CHECK(state.reason().find("5") != std::string::npos);
  CHECK(state.counters().emitted() == 5);
  CHECK(Accounted(state.counters()) == state.counters().hits());
  CHECK(node.kernel.attached(0).freed);
  CHECK(StateOf(node, id).state() == "finished");  // `ls` still shows it
}

TEST_CASE("a hit limit that was used up by lost hits ends the logpoint too") {
  FakeNode node;
  node.FailDecoding(absl::DataLossError("broken"));
  auto request = node.Request();
  request.mutable_spec()->mutable_limits()->set_hits(2);
  const std::string id = Add(&node, request);
  node.kernel.Hit(0, 3);
  CHECK(Eventually([&] { return StateOf(node, id).state() == "finished"; }));
}

TEST_CASE("time to live ends a logpoint") {
  FakeNode node;
  auto request = node.Request();
  request.mutable_spec()->mutable_limits()->set_ttl_ms(60000);
  const std::string id = Add(&node, request);
  node.Advance(absl::Seconds(59));
  absl::SleepFor(absl::Milliseconds(30));
  CHECK(StateOf(node, id).state() == "active");
  node.Advance(absl::Seconds(1));
  CHECK(Eventually([&] { return StateOf(node, id).state() == "expired"; }));
  CHECK(node.kernel.attached(0).freed);
}

TEST_CASE("the end of the target ends a logpoint") {
  FakeNode node;
  const std::string id = Add(&node, node.Request());
  node.kernel.Hit(0, 3);
  const std::string pid = std::to_string(node.target.pid());
  node.target.End();
  REQUIRE(Eventually([&] { return StateOf(node, id).state() == "finished"; }));
  CHECK(StateOf(node, id).reason() == "target process " + pid + " has exited");
  CHECK(StateOf(node, id).counters().emitted() == 3);
}

TEST_CASE("records in flight when a logpoint is removed still become events") {
  FakeNode node;
  const std::string id = Add(&node, node.Request());
  auto stream = node.engine->OpenStream({id});
  node.kernel.HoldRing(true);
  node.kernel.Hit(0, 20);
  std::thread release([&] {
    CHECK(Eventually([&] { return node.kernel.attached(0).detached; }));
    node.kernel.HoldRing(false);
  });
  auto removed = node.engine->Remove({id}, false);
  release.join();
  REQUIRE(removed.ok());
  CHECK((*removed)[0].counters().emitted() == 20);
  const Received received = ReadAll(*stream);
  CHECK(received.events == 20);
  REQUIRE(received.ended.size() == 1);
}

TEST_CASE("records that never come out of the ring are counted as lost when their logpoint ends") {
  EngineOptions options;
  options.drain_wait = absl::Milliseconds(20);
  FakeNode node(options);
  const std::string id = Add(&node, node.Request());
  node.kernel.HoldRing(true);
  node.kernel.Hit(0, 20);
  auto removed = node.engine->Remove({id}, false);
  REQUIRE(removed.ok());
  CHECK((*removed)[0].counters().emitted() == 0);
  CHECK((*removed)[0].counters().hits() == 20);
  CHECK(Accounted((*removed)[0].counters()) == 20);
  node.kernel.HoldRing(false);  // they come after all: they belong to nobody
}

TEST_CASE("a hit before Attach returns is not lost") {
  FakeNode node;
  // A first logpoint, so that the drain thread reads the ring already.
  Add(&node, node.Request());
  node.kernel.HitWhileAttaching();
  auto request = node.Request();
  request.set_remove_on_disconnect(true);
  const std::string id = Add(&node, request);
  REQUIRE(Eventually([&] { return StateOf(node, id).counters().emitted() == 1; }));
  auto stream = node.engine->OpenStream({id});
  REQUIRE(stream.ok());
  sink::StreamEntry entry;
  REQUIRE(stream->events->Pop(absl::Seconds(10), &entry) == sink::EventStream::Result::kEntry);
  CHECK(entry.event != nullptr);
  node.engine->CloseStream(*stream);
}

TEST_CASE("an interactive logpoint ends with its stream, and only with that") {
  FakeNode node;
  auto request = node.Request();
  request.set_remove_on_disconnect(true);
  const std::string id = Add(&node, request);
  node.kernel.Hit(0, 4);
  REQUIRE(Eventually([&] { return StateOf(node, id).counters().emitted() == 4; }));
  auto own = node.engine->OpenStream({id});      // comes after the events: they are replayed
  auto another = node.engine->OpenStream({id});  // `dlogctl tail` of somebody else
  REQUIRE(own.ok());
  node.engine->CloseStream(*another);
  CHECK(StateOf(node, id).state() == "active");
  sink::StreamEntry entry;
  for (int i = 0; i < 4; ++i) {
    REQUIRE(own->events->Pop(absl::Seconds(10), &entry) == sink::EventStream::Result::kEntry);
    CHECK(entry.event != nullptr);
  }
  node.engine->CloseStream(*own);
  CHECK(node.engine->List().empty());
  CHECK(node.kernel.attached(0).freed);
}

TEST_CASE("an interactive logpoint whose client never comes is removed") {
  FakeNode node;
  auto request = node.Request();
  request.set_remove_on_disconnect(true);
  const std::string id = Add(&node, request);
  node.Advance(absl::Seconds(9));
  absl::SleepFor(absl::Milliseconds(30));
  CHECK(node.engine->List().size() == 1);
  node.Advance(absl::Seconds(1));
  CHECK(Eventually([&] { return node.engine->List().empty(); }));
}

TEST_CASE("a stream of a logpoint that has ended tells its end at once") {
  FakeNode node;
  auto request = node.Request();
  request.mutable_spec()->mutable_limits()->set_hits(1);
  request.set_remove_on_disconnect(true);
  const std::string id = Add(&node, request);
  node.kernel.Hit(0);
  REQUIRE(Eventually([&] { return StateOf(node, id).state() == "finished"; }));
  auto stream = node.engine->OpenStream({id});
  REQUIRE(stream.ok());
  const Received received = ReadAll(*stream);
  CHECK(received.events == 1);
  CHECK(received.ended.size() == 1);
}

TEST_CASE("logpoints that ended by themselves are forgotten after a while, and by number") {
  EngineOptions options;
  options.max_ended = 2;
  FakeNode node(options);
  std::vector<std::string> ids;
  for (int i = 0; i < 3; ++i) {
    auto request = node.Request();
    request.mutable_spec()->mutable_limits()->set_hits(1);
    ids.push_back(Add(&node, request));
    node.kernel.Hit(static_cast<size_t>(i));
    REQUIRE(Eventually([&] { return StateOf(node, ids.back()).state() == "finished"; }));
  }
  CHECK(Eventually([&] { return node.engine->List().size() == 2; }));
  CHECK(absl::IsNotFound(node.engine->Describe(ids[0]).status()));
  node.Advance(absl::Minutes(11));
  CHECK(Eventually([&] { return node.engine->List().empty(); }));
}

TEST_CASE("removing names what does not exist and removes nothing then") {
  FakeNode node;
  const std::string id = Add(&node, node.Request());
  const auto status = node.engine->Remove({id, "lp-99"}, false).status();
  CHECK(absl::IsNotFound(status));
  CHECK(std::string(status.message()).find("lp-99") != std::string::npos);
  CHECK_FALSE(HintOf(status).empty());
  CHECK(StateOf(node, id).state() == "active");
  Add(&node, node.Request());
  auto all = node.engine->Remove({}, true);
  REQUIRE(all.ok());
  CHECK(all->size() == 2);
}

TEST_CASE("a plan from elsewhere is attached without the symbolizer when its build-id matches") {
  FakeNode node;
  auto request = node.Request();
  request.mutable_spec()->clear_location();
  request.mutable_spec()->clear_template_();
  const std::string exe = "/proc/" + std::to_string(node.target.pid()) + "/exe";
  *request.mutable_plan() = fakes::PlanFor("/build/machine/program", exe);
  const std::string id = Add(&node, request);
  CHECK(node.requests().empty());
  const v1::LogpointState state = StateOf(node, id);
  CHECK(state.spec().location() == "order.cc:42");
  CHECK(state.spec().template_() == "hit");

  request.mutable_plan()->mutable_binary()->set_build_id("another build-id");
  const auto status = node.engine->Add(request).status();
  CHECK(absl::IsFailedPrecondition(status));
  CHECK(node.kernel.attached_count() == 1);
}

TEST_CASE("what fails leaves nothing behind") {
  FakeNode node;
  SECTION("the symbolizer says no") {
    node.SymbolizeWith([](const auto&) -> absl::StatusOr<v1::SymbolizerResponse> {
      return WithHint(absl::NotFoundError("no file order.cc"), "did you mean src/order.cc?");
    });
    const auto status = node.engine->Add(node.Request()).status();
    CHECK(absl::IsNotFound(status));
    CHECK(HintOf(status) == "did you mean src/order.cc?");
  }
  SECTION("the kernel says no") {
    node.kernel.FailNextAttach(absl::FailedPreconditionError("the bytes differ"));
    auto request = node.Request();
    request.set_remove_on_disconnect(true);
    CHECK(absl::IsFailedPrecondition(node.engine->Add(request).status()));
  }
  SECTION("no instruction is safe") {
    node.SymbolizeWith([](const v1::SymbolizerRequest& request) -> absl::StatusOr<v1::SymbolizerResponse> {
      v1::SymbolizerResponse response;
      *response.mutable_resolved() = fakes::PlanFor(request.modules(0).display_path(), request.modules(0).open_path());
      response.mutable_resolved()->mutable_statements(0)->mutable_candidates(0)->set_instruction_bytes("\x0f\x05");
      return response;
    });
    const auto status = node.engine->Add(node.Request()).status();
    CHECK(absl::IsFailedPrecondition(status));
    CHECK_FALSE(HintOf(status).empty());
  }
  SECTION("the target is gone") {
    auto request = node.Request();
    node.target.End();
    CHECK(absl::IsNotFound(node.engine->Add(request).status()));
  }
  CHECK(node.engine->List().empty());
  CHECK(node.kernel.attached_count() == 0);
}

TEST_CASE("logpoints are limited in number") {
  EngineOptions options;
  options.max_logpoints = 2;
  FakeNode node(options);
  Add(&node, node.Request());
  const std::string second = Add(&node, node.Request());
  CHECK(absl::IsResourceExhausted(node.engine->Add(node.Request()).status()));
  REQUIRE(node.engine->Remove({second}, false).ok());
  CHECK(node.engine->Add(node.Request()).ok());
}

TEST_CASE("stopping detaches everything and ends the streams") {
  FakeNode node;
  const std::string id = Add(&node, node.Request());
  auto named = node.engine->OpenStream({id});
  auto all = node.engine->OpenStream({});
  node.kernel.Hit(0, 2);
  node.engine->Stop();
  CHECK(node.kernel.attached(0).freed);
  CHECK(ReadAll(*named).ended.size() == 1);
  const Received received = ReadAll(*all);
  CHECK(received.events == 2);
  CHECK(received.ended.size() == 1);
  CHECK(absl::IsUnavailable(node.engine->Add(node.Request()).status()));
}

TEST_CASE("the metrics are those of the logpoints that exist") {
  FakeNode node;
  const std::string id = Add(&node, node.Request());
  Add(&node, node.Request());
  node.kernel.Hit(0, 6);
  REQUIRE(Eventually([&] { return StateOf(node, id).counters().emitted() == 6; }));
  SymbolizerOptions no_worker;
  no_worker.worker_path = "/nonexistent/worker";
  node.SymbolizeWith([no_worker](const auto&) -> absl::StatusOr<v1::SymbolizerResponse> {
    return SymbolizerClient(no_worker).Run({});
  });
  CHECK_FALSE(node.engine->Add(node.Request()).ok());
  metrics::MetricsSnapshot snapshot = node.engine->Metrics();
  REQUIRE(snapshot.logpoints.size() == 2);
  CHECK(snapshot.logpoints[0].hits == 6);
  CHECK(snapshot.logpoints[0].events == 6);
  CHECK(snapshot.logpoints_by_state.at("active") == 2);
  CHECK(snapshot.sites_by_class.at("emulated") == 2);
  CHECK(snapshot.targets == 1);
  CHECK(snapshot.symbolizer_failures.at("spawn") == 1);
  uint64_t resolved = 0, observed = 0;
  for (const uint64_t count : snapshot.resolve.counts) resolved += count;
  for (const uint64_t count : snapshot.event_latency.counts) observed += count;
  CHECK(resolved == 3);
  CHECK(observed == 6);

  REQUIRE(node.engine->Remove({}, true).ok());
  snapshot = node.engine->Metrics();
  CHECK(snapshot.logpoints.empty());
  CHECK(snapshot.targets == 0);
}

TEST_CASE("records of nobody are ignored") {
  FakeNode node;
  const std::string id = Add(&node, node.Request());
  node.kernel.StrayRecord();
  node.kernel.Hit(0);
  CHECK(Eventually([&] { return StateOf(node, id).counters().emitted() == 1; }));
}

TEST_CASE("adding, hitting, streaming and removing at the same time keeps every account exact") {
  FakeNode node;
  const std::string steady = Add(&node, node.Request());
  std::atomic<bool> stop{false};
  std::thread hitting([&] {
    while (!stop) {
      const size_t count = node.kernel.attached_count();
      for (size_t i = 0; i < count; ++i) node.kernel.Hit(i, 3);
    }
  });
  std::thread looking([&] {
    while (!stop) {
      node.engine->Metrics();
      auto stream = node.engine->OpenStream({});
      sink::StreamEntry entry;
      stream->events->Pop(absl::Milliseconds(5), &entry);
      node.engine->CloseStream(*stream);
    }
  });
  for (int i = 0; i < 20; ++i) {
    auto state = node.engine->Add(node.Request());
    REQUIRE(state.ok());
    auto removed = node.engine->Remove({state->spec().id()}, false);
    REQUIRE(removed.ok());
    CHECK(Accounted((*removed)[0].counters()) == (*removed)[0].counters().hits());
  }
  stop = true;
  hitting.join();
  looking.join();
  auto removed = node.engine->Remove({steady}, false);
  REQUIRE(removed.ok());
  CHECK((*removed)[0].counters().hits() > 0);
  CHECK(Accounted((*removed)[0].counters()) == (*removed)[0].counters().hits());
}

}  // namespace
}  // namespace dlog::daemon
