// SPDX-License-Identifier: Apache-2.0
#include "daemon/config/config.h"

#include <unistd.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

#include "daemon/config/keys.h"
#include "test/catch.h"

namespace dlog::daemon {
namespace {

class File {
 public:
  explicit File(const std::string& text) {
    const int fd = mkstemp(path_);
    REQUIRE(fd >= 0);
    REQUIRE(write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    close(fd);
  }
  ~File() { unlink(path_); }
  std::string path() const { return path_; }

 private:
  char path_[32] = "/tmp/dlog-config.XXXXXX";
};

absl::StatusOr<Config> Load(const std::string& text, const Overrides& flags = {}) {
  const File file(text);
  return LoadConfig({file.path(), flags, nullptr});
}

// The message behind the name of the file.
std::string ErrorOf(const std::string& text) {
  auto config = Load(text);
  if (config.ok()) return "";
  const std::string message(config.status().message());
  return message.substr(message.find(':') + 1);
}

TEST_CASE("without anything the table's defaults hold, and all of them parse") {
  const Config config = DefaultConfig();
  CHECK(config.socket == "/run/dlog/dlogd.sock");
  CHECK(config.metrics == "127.0.0.1:9464");
  CHECK(config.max_logpoints == 1000);
  CHECK(config.sinks.empty());
  for (const auto& key : TopKeys()) {
    Config out;
    INFO(key.name);
    if (*key.standard != '\0') CHECK(key.set({key.standard}, &out).ok());
  }
  for (const auto& key : SinkKeys()) {
    SinkConfig out;
    INFO(key.name);
    if (*key.standard != '\0') CHECK(key.set({key.standard}, &out).ok());
  }
}

TEST_CASE("an address on the network has its three files or is declared to do without") {
  auto config =
      Load("listen: 0.0.0.0:9465\ntls:\n  cert: /c\n  key: /k\n  client-ca: /a\nhealth: 0.0.0.0:1\nnode-name: n1\n");
  REQUIRE(config.ok());
  CHECK(config->listen == "0.0.0.0:9465");
  CHECK(config->tls_cert + config->tls_key + config->tls_client_ca == "/c/k/a");
  CHECK(config->health == "0.0.0.0:1");
  CHECK(config->node_name == "n1");
  CHECK(Load("listen: 127.0.0.1:1\nlisten-plain: true\n").ok());
  for (const char* wrong :
       {"listen: h:1\n", "listen: h:1\ntls:\n  cert: /c\n  key: /k\n", "listen-plain: true\n", "tls:\n  cert: /c\n",
        "listen: h\nlisten-plain: true\n", "listen: h:1\nlisten-plain: maybe\n",
        "listen: h:1\nlisten-plain: true\ntls:\n  cert: /c\n  key: /k\n  client-ca: /a\n"}) {
    INFO(wrong);
    CHECK(absl::IsInvalidArgument(Load(wrong).status()));
  }
}

TEST_CASE("files of TLS go with addresses that have TLS") {
  CHECK(ParseSinkText("syslog:tls:h:6514,ca=/a,cert=/c,key=/k").ok());
  CHECK(ParseSinkText("otlp:grpcs://h:1,ca=/a").ok());
  CHECK_FALSE(ParseSinkText("syslog:tcp:h:514,ca=/a").ok());
  CHECK_FALSE(ParseSinkText("otlp:grpc://h:1,ca=/a").ok());
  CHECK_FALSE(ParseSinkText("syslog:tls:h:6514,cert=/c").ok());
  CHECK_FALSE(ParseSinkText("journald,ca=/a").ok());
}

TEST_CASE("a file sets keys, sections and sinks") {
  auto config = Load(
      "metrics: 0.0.0.0:1\n"
      "limits:\n  max-logpoints: 7\n"
      "sinks:\n"
      "  - {kind: stdout, format: text}\n"
      "  - kind: file\n    path: /x\n    rotate-size: 1MiB\n    rotate-age: 1h\n    fsync: always\n"
      "  - kind: otlp\n    address: grpc://h:1\n    headers: [\"a: b\"]\n");
  REQUIRE(config.ok());
  CHECK(config->metrics == "0.0.0.0:1");
  CHECK(config->metrics_named);
  CHECK(config->max_logpoints == 7);
  REQUIRE(config->sinks.size() == 3);
  CHECK(config->sinks[0].format == "text");
  CHECK(config->sinks[1].rotate_bytes == 1 << 20);
  CHECK(config->sinks[1].rotate_age_ms == 3600000);
  CHECK(config->sinks[1].fsync == "always");
  CHECK(config->sinks[2].headers == std::vector<std::string>{"a: b"});
  CHECK(config->sinks[2].name == "otlp");
  CHECK(Load("").ok());
}

TEST_CASE("errors name line and key") {
  CHECK(ErrorOf("metrics: x\nmetricz: y\n") == "2: unknown key 'metricz'");
  CHECK(ErrorOf("limits:\n  ttl: 3\n") == "2: unknown key 'limits.ttl'");
  CHECK(ErrorOf("limits:\n  max-logpoints: many\n").find("2: limits.max-logpoints: 'many' is not a number") == 0);
  CHECK(ErrorOf("limits:\n  max-logpoints: 0\n").find("2: limits.max-logpoints: 0 is not between") == 0);
  CHECK(ErrorOf("limits: 3\n") == "1: limits takes a map");
  CHECK(ErrorOf("socket: [a]\n") == "1: socket takes one value");
  CHECK(ErrorOf("socket: relative\n") == "1: socket: 'relative' is not an absolute path");
  CHECK(ErrorOf("sinks: x\n") == "1: sinks takes a list");
  CHECK(ErrorOf("sinks:\n- kind: stdout\n- kind: pigeon\n").find("3: kind: 'pigeon' is none of stdout, file") == 0);
  CHECK(ErrorOf("sinks:\n- kind: stdout\n  path: /x\n") == "2: a sink of kind stdout has no key 'path'");
  CHECK(ErrorOf("sinks:\n- kind: file\n") == "2: a file sink needs its path");
  CHECK(ErrorOf("sinks:\n- path: /x\n") == "2: a sink needs its kind");
  CHECK(ErrorOf("sinks:\n- kind: syslog\n  address: h:1\n").find("2: address 'h:1' is not unix:") == 0);
  CHECK(ErrorOf("- a\n") == "1: a map of keys is expected");
  CHECK(ErrorOf("a: 1\n---\nb: 1\n").find("one document") != std::string::npos);
  CHECK(LoadConfig({"/nowhere/dlogd.yaml", {}, nullptr}).status().code() == absl::StatusCode::kNotFound);
}

TEST_CASE("a flag wins over a variable, a variable over the file") {
  const File file("metrics: f:1\ncache-dir: /f\nstate-dir: /f\nsinks:\n- kind: journald\n");
  const auto environment = [](const char* name) -> const char* {
    if (strcmp(name, "DLOGD_METRICS") == 0) return "e:1";
    if (strcmp(name, "DLOGD_CACHE_DIR") == 0) return "/e";
    if (strcmp(name, "DLOGD_LIMITS_MAX_LOGPOINTS") == 0) return "5";
    if (strcmp(name, "DLOGD_SINKS") == 0) return "stdout:text file:/x";
    return nullptr;
  };
  auto config = LoadConfig({file.path(), {{"metrics", {"a:1"}}}, environment});
  REQUIRE(config.ok());
  CHECK(config->metrics == "a:1");
  CHECK(config->cache_dir == "/e");
  CHECK(config->state_dir == "/f");
  CHECK(config->max_logpoints == 5);
  REQUIRE(config->sinks.size() == 2);
  CHECK(config->sinks[1].path == "/x");

  const auto broken = [](const char* name) -> const char* {
    return strcmp(name, "DLOGD_LIMITS_MAX_LOGPOINTS") == 0 ? "x" : nullptr;
  };
  auto wrong = LoadConfig({"", {}, broken});
  REQUIRE(!wrong.ok());
  CHECK(std::string(wrong.status().message()).find("DLOGD_LIMITS_MAX_LOGPOINTS: ") == 0);
}

TEST_CASE("sinks as text") {
  CHECK(ParseSinkText("stdout")->format == "json");
  CHECK(ParseSinkText("stdout:text")->format == "text");
  auto file = ParseSinkText("file:/var/log/x,rotate-size=10k,keep=2,name=main");
  REQUIRE(file.ok());
  CHECK(file->path == "/var/log/x");
  CHECK(file->rotate_bytes == 10240);
  CHECK(file->keep == 2);
  CHECK(file->name == "main");
  CHECK(ParseSinkText("syslog:tcp:h:514")->address == "tcp:h:514");
  CHECK(ParseSinkText("syslog")->address == "unix:/dev/log");
  CHECK(ParseSinkText("journald")->address == "unix:/run/systemd/journal/socket");
  CHECK(ParseSinkText("otlp:http://h:4318")->address == "http://h:4318");
  for (const char* text : {"", "pigeon", "stdout:xml", "file", "file:relative", "file:/x,keep", "file:/x,keep=a",
                           "file:/x,wings=2", "otlp", "otlp:h:1", "otlp:http://h:1,timeout=0", "stdout,name=a b"}) {
    INFO(text);
    CHECK_FALSE(ParseSinkText(text).ok());
  }
}

TEST_CASE("sinks of the same name get numbers, and one cannot be called as the live streams") {
  auto config = LoadConfig({"", {{"sinks", {"stdout", "stdout:text", "file:/x,name=stream"}}}, nullptr});
  REQUIRE(config.ok());
  CHECK(config->sinks[0].name == "stdout");
  CHECK(config->sinks[1].name == "stdout-2");
  CHECK(config->sinks[2].name == "stream-2");
}

TEST_CASE("what a reload cannot change is named") {
  Config before = DefaultConfig();
  Config after = before;
  after.sinks.push_back(*ParseSinkText("stdout"));
  CHECK(KeysThatNeedRestart(before, after).empty());
  after.socket = "/other";
  after.max_logpoints = 3;
  CHECK(KeysThatNeedRestart(before, after) == std::vector<std::string>{"socket", "limits.max-logpoints"});
  // Every key that the table calls "restart" is compared.
  size_t restart = 0;
  for (const auto& key : TopKeys()) restart += std::string_view(key.applies) == "restart" ? 1 : 0;
  Config other;
  other.metrics = other.node_name = other.listen = other.health = "x";
  other.tls_cert = other.tls_key = other.tls_client_ca = "x";
  other.listen_plain = true;
  other.state_dir = other.cache_dir = other.debuginfod = "x";
  other.audit_log = "x";
  other.redact_exclude = {"x"};
  other.debug_dirs = {"/x"};
  CHECK(KeysThatNeedRestart(before, other).size() == restart);
}

TEST_CASE("the reference page is the one of the table") {
  std::ifstream page(DLOG_SOURCE_DIR "/daemon/config/REFERENCE.md");
  const std::string text((std::istreambuf_iterator<char>(page)), std::istreambuf_iterator<char>());
  CHECK(text == ConfigReference());  // else: dlogd --config-reference > daemon/config/REFERENCE.md
}

TEST_CASE("the example of the reference page is a valid configuration") {
  const std::string page = ConfigReference();
  const size_t begin = page.find("```yaml\n") + 8;
  CHECK(Load(page.substr(begin, page.find("```", begin) - begin)).ok());
}

}  // namespace
}  // namespace dlog::daemon
