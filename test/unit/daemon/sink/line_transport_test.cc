// SPDX-License-Identifier: Apache-2.0
#include "daemon/sink/line_transport.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "absl/time/clock.h"
#include "test/catch.h"
#include "test/unit/daemon/sink/events.h"

namespace dlog::sink {
namespace {

struct Pipe {
  int fds[2];
  Pipe() {
    signal(SIGPIPE, SIG_IGN);
    REQUIRE(pipe(fds) == 0);
  }
  ~Pipe() {
    close(fds[0]);
    close(fds[1]);
  }
  std::string ReadAll() {
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    std::string out;
    char chunk[4096];
    for (ssize_t got; (got = read(fds[0], chunk, sizeof(chunk))) > 0;) out.append(chunk, static_cast<size_t>(got));
    return out;
  }
};

QueuedSink LineSink(int fd, QueueOptions options = {}) {
  return QueuedSink("stdout", std::make_unique<LineTransport>(fd, JustMessage), options);
}

TEST_CASE("each event is one line, in order, and the destructor writes what is queued") {
  Pipe pipe;
  {
    QueuedSink sink = LineSink(pipe.fds[1]);
    CHECK(sink.name() == "stdout");
    for (const char* text : {"one", "two", "three"}) sink.Publish(MessageBatch(text));
  }
  CHECK(pipe.ReadAll() == "one\ntwo\nthree\n");
}

TEST_CASE("a reader that stands still costs events, never time") {
  Pipe pipe;
  QueueOptions options;
  options.events = 10;
  options.drain_timeout = absl::Milliseconds(50);
  const absl::Time begin = absl::Now();
  SinkCounters counters;
  {
    QueuedSink sink = LineSink(pipe.fds[1], options);
    for (int i = 0; i < 200; ++i) sink.Publish(MessageBatch(std::string(10000, 'x')));
    counters = sink.Counters();
    CHECK(Dropped(sink, "queue_full") > 100);
  }
  CHECK(absl::Now() - begin < absl::Seconds(10));
}

TEST_CASE("a queue is bounded in bytes as well as in events") {
  Pipe pipe;
  QueueOptions options;
  options.bytes = 100000;
  options.drain_timeout = absl::ZeroDuration();
  QueuedSink sink = LineSink(pipe.fds[1], options);
  for (int i = 0; i < 200; ++i) sink.Publish(MessageBatch(std::string(10000, 'x')));
  CHECK(Dropped(sink, "queue_full") > 100);
}

TEST_CASE("a reader that is gone is counted as write errors") {
  Pipe pipe;
  close(pipe.fds[0]);
  QueuedSink sink = LineSink(pipe.fds[1]);
  sink.Publish(MessageBatch("lost"));
  for (int i = 0; i < 2000 && Dropped(sink, "write_error") == 0; ++i) absl::SleepFor(absl::Milliseconds(1));
  CHECK(Dropped(sink, "write_error") == 1);
  CHECK(sink.Counters().events == 0);
  CHECK(sink.Counters().dropped.at("queue_full") == 0);  // told before the first loss
  pipe.fds[0] = open("/dev/null", O_RDONLY);
}

}  // namespace
}  // namespace dlog::sink
