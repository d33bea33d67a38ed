// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include "cli/client/address.h"
#include "cli/client/event_order.h"
#include "test/catch.h"

namespace dlog::cli {
namespace {

std::vector<std::string> Names(const std::vector<std::string>& servers) {
  auto parsed = ParseServers(servers);
  if (!parsed.ok()) return {std::string(parsed.status().message())};
  std::vector<std::string> names;
  for (const NodeAddress& each : *parsed) names.push_back(each.name);
  return names;
}

using Strings = std::vector<std::string>;

TEST_CASE("servers are sockets, addresses and names, each taken once") {
  CHECK(Names({"unix:///run/a.sock", "/run/b.sock", "unix:/run/a.sock"}) ==
        Strings{"unix:///run/a.sock", "unix:///run/b.sock"});
  CHECK(Names({"127.0.0.2:9465", "127.0.0.3:9465", "127.0.0.2:9465"}) == Strings{"127.0.0.2:9465", "127.0.0.3:9465"});
  CHECK(Names({"[::1]:9465"}) == Strings{"[::1]:9465"});
  CHECK(Names({"localhost:1"}) == Strings{"localhost:1"});
  CHECK(ParseServers({"localhost:1"})->front().host_port == "127.0.0.1:1");
  CHECK(ParseServers({"localhost:1"})->front().tls_name == "localhost");
}

TEST_CASE("what is no server is refused") {
  for (const char* server : {"", "host", "host:", ":1", "host:port", "host:123456", "::1:9465", "k8s://ns",
                             "k8s:///svc", "k8s://ns/", "http://host/"}) {
    INFO(server);
    CHECK(absl::IsInvalidArgument(ParseServers({server}).status()));
  }
  CHECK(absl::IsUnavailable(ParseServers({"no-such-host.invalid:1"}).status()));
  // The name of a headless service, which only a cluster's resolver knows.
  CHECK(Names({"k8s://ns/svc"}).front().find("svc.ns.svc") != std::string::npos);
}

NodeItem EventAt(size_t node, int64_t time) {
  NodeItem item;
  item.node = node;
  item.item.mutable_event()->set_time_unix_ns(time);
  return item;
}

std::vector<int64_t> Drain(EventOrder* order, absl::Time now, bool all = false) {
  std::vector<int64_t> times;
  while (auto item = order->Pop(now, all))
    times.push_back(item->item.has_event() ? item->item.event().time_unix_ns() : -1);
  return times;
}

using Times = std::vector<int64_t>;

TEST_CASE("events of several nodes come in the order of their times once they have been held") {
  const absl::Time start = absl::UnixEpoch() + absl::Hours(1);
  EventOrder order(absl::Milliseconds(100));
  CHECK(order.NextDue() == absl::InfiniteFuture());
  order.Push(EventAt(0, 30), start);
  order.Push(EventAt(1, 10), start + absl::Milliseconds(50));
  order.Push(EventAt(0, 40), start + absl::Milliseconds(60));
  CHECK(order.NextDue() == start + absl::Milliseconds(100));
  CHECK(Drain(&order, start + absl::Milliseconds(99)).empty());
  // The one that is due takes the older one with it, whenever that has arrived.
  CHECK(Drain(&order, start + absl::Milliseconds(100)) == Times{10, 30});
  CHECK(order.size() == 1);
  CHECK(order.NextDue() == start + absl::Milliseconds(160));
  CHECK(Drain(&order, start + absl::Milliseconds(160)) == Times{40});
  CHECK(order.NextDue() == absl::InfiniteFuture());
}

TEST_CASE("what comes too late comes out all the same") {
  const absl::Time start = absl::UnixEpoch();
  EventOrder order(absl::Milliseconds(100));
  order.Push(EventAt(0, 30), start);
  CHECK(Drain(&order, start + absl::Milliseconds(100)) == Times{30});
  order.Push(EventAt(1, 20), start + absl::Milliseconds(101));
  CHECK(Drain(&order, start + absl::Milliseconds(201)) == Times{20});
}

TEST_CASE("the end of a logpoint stays behind the events of its node") {
  const absl::Time start = absl::UnixEpoch();
  EventOrder order(absl::Milliseconds(100));
  NodeItem ended;
  ended.node = 0;
  ended.item.mutable_ended();
  order.Push(EventAt(0, 30), start);
  order.Push(std::move(ended), start);
  order.Push(EventAt(1, 20), start);
  CHECK(Drain(&order, start, /*all=*/true) == Times{20, 30, -1});
}

}  // namespace
}  // namespace dlog::cli
