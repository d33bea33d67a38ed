// SPDX-License-Identifier: Apache-2.0
#include "daemon/sink/file_transport.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>

#include "test/catch.h"
#include "test/unit/daemon/sink/events.h"

namespace dlog::sink {
namespace {

struct Fixture {
  ScratchDirectory directory;
  FileOptions options;
  StopSignal stop;
  SinkCounters counters;

  Fixture() { options.path = directory / "events.json"; }
  std::unique_ptr<FileTransport> Make() {
    auto transport = FileTransport::Create(options, JustMessage);
    REQUIRE(transport.ok());
    return *std::move(transport);
  }
  void Deliver(FileTransport* transport, const std::vector<std::string>& texts) {
    transport->Deliver(Messages(texts), stop, &counters);
  }
  std::string Text(const std::string& suffix = "") const { return ReadAll(options.path + suffix); }
};

TEST_CASE("events are lines behind those that the file has") {
  Fixture f;
  std::ofstream(f.options.path) << "old\n";
  auto transport = f.Make();
  f.Deliver(transport.get(), {"one", "two"});
  f.Deliver(transport.get(), {"three"});
  CHECK(f.Text() == "old\none\ntwo\nthree\n");
  CHECK(f.counters.events == 3);
  CHECK(f.counters.dropped.empty());
}

TEST_CASE("a line that a crash has torn is closed before the next one") {
  Fixture f;
  std::ofstream(f.options.path) << "whole\nto";
  auto transport = f.Make();
  f.Deliver(transport.get(), {"one"});
  CHECK(f.Text() == "whole\nto\none\n");
}

TEST_CASE("files are rotated by size, no line is split, and only as many stay as asked") {
  Fixture f;
  f.options.rotate_bytes = 8;
  f.options.keep = 2;
  auto transport = f.Make();
  f.Deliver(transport.get(), {"aaa", "bbb", "ccc", "ddd", "eeeeeeeeeeeee", "fff", "ggg"});
  CHECK(f.counters.events == 7);
  CHECK(f.Text() == "fff\nggg\n");
  CHECK(f.Text(".1") == "eeeeeeeeeeeee\n");
  CHECK(f.Text(".2") == "ccc\nddd\n");
  CHECK_FALSE(std::filesystem::exists(f.options.path + ".3"));
}

TEST_CASE("files are rotated by age, and the clock starts with the file") {
  Fixture f;
  f.options.rotate_age = absl::Milliseconds(50);
  auto transport = f.Make();
  f.Deliver(transport.get(), {"one"});
  absl::SleepFor(absl::Milliseconds(60));
  f.Deliver(transport.get(), {"two"});
  CHECK(f.Text() == "two\n");
  CHECK(f.Text(".1") == "one\n");
}

TEST_CASE("without kept files a rotation starts over") {
  Fixture f;
  f.options.rotate_bytes = 4;
  f.options.keep = 0;
  auto transport = f.Make();
  f.Deliver(transport.get(), {"one", "two"});
  CHECK(f.Text() == "two\n");
  CHECK_FALSE(std::filesystem::exists(f.options.path + ".1"));
}

TEST_CASE("a file that was moved away is opened anew") {
  Fixture f;
  auto transport = f.Make();
  f.Deliver(transport.get(), {"one"});
  std::filesystem::rename(f.options.path, f.options.path + ".moved");
  transport->Idle();
  f.Deliver(transport.get(), {"two"});
  CHECK(f.Text() == "two\n");
  CHECK(f.Text(".moved") == "one\n");
}

// RLIMIT_FSIZE stands in for the disk: it cuts a write short in the middle of a line, then refuses it with EFBIG.
TEST_CASE("a write that is cut short leaves whole lines only, is counted, and later ones are tried again") {
  Fixture f;
  auto transport = f.Make();
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before = {};
  REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
  rlimit small = before;
  small.rlim_cur = 10;
  REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
  f.Deliver(transport.get(), {"aaa", "bbb", "ccc", "ddd"});
  REQUIRE(setrlimit(RLIMIT_FSIZE, &before) == 0);
  CHECK(f.counters.events == 2);
  CHECK(DroppedOf(f.counters, "write_error") == 2);
  CHECK(f.Text() == "aaa\nbbb\n");
  f.Deliver(transport.get(), {"eee"});
  CHECK(f.Text() == "aaa\nbbb\neee\n");
  CHECK(f.counters.events == 3);
}

TEST_CASE("a file that cannot be opened any more is counted, and opened once it can be") {
  Fixture f;
  f.options.path = f.directory / "sub/events";
  std::filesystem::create_directory(f.directory / "sub");
  auto transport = f.Make();
  std::filesystem::remove_all(f.directory / "sub");
  transport->Idle();
  f.Deliver(transport.get(), {"one", "two"});
  CHECK(DroppedOf(f.counters, "open_error") == 2);
  std::filesystem::create_directory(f.directory / "sub");
  f.Deliver(transport.get(), {"three"});
  CHECK(f.Text() == "three\n");
}

TEST_CASE("what is no regular file is refused at once") {
  Fixture f;
  f.options.path = f.directory / "";
  CHECK_FALSE(FileTransport::Create(f.options, JustMessage).ok());
  f.options.path = f.directory / "fifo";
  REQUIRE(mkfifo(f.options.path.c_str(), 0600) == 0);
  CHECK(FileTransport::Create(f.options, JustMessage).status().code() == absl::StatusCode::kInvalidArgument);
  f.options.path = "/nowhere/events";
  CHECK(FileTransport::Create(f.options, JustMessage).status().code() == absl::StatusCode::kNotFound);
}

TEST_CASE("the file is not for everybody") {
  Fixture f;
  auto transport = f.Make();
  struct stat info = {};
  REQUIRE(stat(f.options.path.c_str(), &info) == 0);
  CHECK((info.st_mode & 07) == 0);
}

}  // namespace
}  // namespace dlog::sink
