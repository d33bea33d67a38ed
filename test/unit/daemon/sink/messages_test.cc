// SPDX-License-Identifier: Apache-2.0
//
// What syslog and journald are told, and how their transports wait for them.
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <regex>

#include "daemon/sink/journald_transport.h"
#include "daemon/sink/syslog_transport.h"
#include "test/catch.h"
#include "test/unit/daemon/sink/events.h"

namespace dlog::sink {
namespace {

v1::Event Sample() {
  v1::Event event;
  event.set_time_unix_ns(1'790'000'000'123'456'789);
  event.set_logpoint("lp-3");
  event.set_level(v1::LEVEL_WARN);
  event.set_message("order 7");
  event.set_file("/src/order.cc");
  event.set_line(42);
  event.set_function("f(int [2])");
  event.set_pid(4711);
  event.set_tid(4712);
  event.set_comm("shop d");
  event.set_exe("/usr/bin/shopd");
  event.set_host("n1");
  return event;
}

// A datagram socket as rsyslog and journald have one.
class Receiver {
 public:
  explicit Receiver(const std::string& path) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    fd_ = UniqueFd(socket(AF_UNIX, SOCK_DGRAM, 0));
    REQUIRE(bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
    const timeval patience{20, 0};
    setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  }
  std::string Receive() {
    std::string buffer(1 << 20, '\0');
    const ssize_t got = recv(fd_.get(), buffer.data(), buffer.size(), 0);
    REQUIRE(got >= 0);
    buffer.resize(static_cast<size_t>(got));
    return buffer;
  }

 private:
  UniqueFd fd_;
};

TEST_CASE("a syslog message is RFC 5424: the program is APP-NAME, its pid PROCID, the logpoint MSGID") {
  CHECK(SyslogMessage(*Shared(Sample()), SyslogFacility("local0")) ==
        "<132>1 2026-09-21T14:13:20.123456Z n1 shop_d 4711 lp-3 [dlog@32473 file=\"/src/order.cc\" line=\"42\" "
        "function=\"f(int [2\\])\" exe=\"/usr/bin/shopd\" tid=\"4712\"] order 7");
  CHECK(SyslogFacility("user") == 1);
  CHECK(SyslogFacility("daemon") == 3);
  CHECK(SyslogFacility("local7") == 23);
}

TEST_CASE("no target writes a second syslog line, a header field or structured data of its own") {
  v1::Event event = Sample();
  event.set_comm("a b\n<0>");
  event.set_file("x\"] y\n");
  event.set_message("one\ntwo\x1b[2J");
  event.set_host("");
  const std::string message = SyslogMessage(*Shared(event), 1);
  CHECK(message.find('\n') == std::string::npos);
  CHECK(message.find('\x1b') == std::string::npos);
  CHECK(std::regex_search(message,
                          std::regex("^<12>1 [^ ]+ - a_b_<0> 4711 lp-3 \\[dlog@32473 file=\"x\\\\\"\\\\\\] y\\?\"")));
}

TEST_CASE("a syslog message that is too long is cut between characters and says so") {
  v1::Event event = Sample();
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "\xc3\xa4";
  event.set_message(text);
  const std::string message = SyslogMessage(*Shared(event), 1);
  CHECK(message.size() <= kMaxSyslogBytes);
  CHECK(message.size() > kMaxSyslogBytes - 4);
  CHECK(message.substr(message.size() - 5) == "\xc3\xa4...");
}

TEST_CASE("a syslog socket that appears later gets what has waited") {
  const ScratchDirectory directory;
  SyslogOptions options;
  options.unix_path = directory / "log";
  QueueOptions queue;
  queue.drain_timeout = absl::Seconds(20);
  QueuedSink sink("syslog", std::make_unique<SyslogTransport>(options), queue);
  sink.Publish(MessageBatch("early"));
  absl::SleepFor(absl::Milliseconds(150));
  CHECK(sink.Counters().events == 0);
  Receiver receiver(options.unix_path);
  CHECK(receiver.Receive().find("] early") != std::string::npos);
  CHECK(Soon([&] { return sink.Counters().events == 1; }));
}

TEST_CASE("a peer that never comes does not keep the sink from ending, and the loss is counted") {
  QueueOptions queue;
  queue.drain_timeout = absl::Milliseconds(50);
  SyslogOptions tcp;
  tcp.tcp = "127.0.0.1:1";
  QueuedSink over_tcp("syslog", std::make_unique<SyslogTransport>(tcp), queue);
  QueuedSink to_journal("journald", std::make_unique<JournaldTransport>("/nowhere/socket"), queue);
  for (QueuedSink* sink : {&over_tcp, &to_journal}) {
    for (int i = 0; i < 3; ++i) sink->Publish(MessageBatch("x"));
    const absl::Time begin = absl::Now();
    sink->Finish();
    CHECK(absl::Now() - begin < absl::Seconds(10));
    CHECK(Dropped(*sink, "shutdown") == 3);
  }
}

TEST_CASE("a journal entry has fields with lengths, so that any text fits") {
  v1::Event event = Sample();
  event.set_message("one\nPRIORITY=0");
  event.add_tags("incident-1");
  const std::string entry = JournalEntry(*Shared(event));
  const auto field = [](const std::string& name, const std::string& value) {
    return name + "\n" + std::string(1, static_cast<char>(value.size())) + std::string(7, '\0') + value + "\n";
  };
  CHECK(entry.find(field("MESSAGE", "one\nPRIORITY=0")) == 0);
  for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{{"PRIORITY", "4"},
                                                                                    {"SYSLOG_IDENTIFIER", "shop d"},
                                                                                    {"CODE_LINE", "42"},
                                                                                    {"OBJECT_PID", "4711"},
                                                                                    {"DLOG_LOGPOINT", "lp-3"},
                                                                                    {"DLOG_TAG", "incident-1"}}) {
    INFO(name);
    CHECK(entry.find("\n" + field(name, value)) != std::string::npos);
  }
}

}  // namespace
}  // namespace dlog::sink
