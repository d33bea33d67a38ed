// SPDX-License-Identifier: Apache-2.0
#include "daemon/pipeline/event_builder.h"

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "daemon/event/event_proto.h"
#include "daemon/pipeline/exe_cache.h"
#include "daemon/pipeline/wall_clock.h"
#include "test/catch.h"
#include "test/unit/daemon/pipeline/plan_nodes.h"

namespace dlog::pipeline {
namespace {

using namespace dlog::test;  // NOLINT: the vocabulary of these tests

struct Order {
  Order() {
    Types types;
    const uint32_t int_type = types.Int();
    context.spec.set_id("lp-3");
    context.spec.set_level(v1::LEVEL_WARN);
    context.spec.add_tags("shop");
    context.host = "n1";
    context.sites.push_back({});
    v1::ResolvedLogpoint& resolved = context.resolved;
    resolved.set_file("/src/order.cc");
    resolved.set_line(42);
    resolved.mutable_binary()->set_build_id("\x8f\x3c");
    v1::Statement* statement = resolved.add_statements();
    statement->set_function("shop::Order::total(int) const");
    statement->set_inlined(true);
    site = statement->add_candidates();
    site->mutable_plan()->set_register_mask(1u << 5);
    *resolved.mutable_types() = types.table;
    resolved.mutable_parsed_template()->add_literals("order ");
    AddExpression("o.id", Memory(int_type, Reg(0, 5)), " discount ");
    AddExpression("discount", Unavailable(int_type, "unused"), "");
    v1::BoundExpression* bound = site->mutable_expressions(1);
    bound->set_status(v1::STATUS_OPTIMIZED_OUT);
    bound->set_reason("no location at 0x41e3");
    bound->add_available_at(45);
    bound->set_type_name("double");

    header.tgid = static_cast<uint32_t>(getpid());
    header.tid = 4712;
    header.regs[5] = 0x1000;
    std::memcpy(header.comm, "shopd", 6);
    timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    header.boot_ns = static_cast<uint64_t>(now.tv_sec) * 1000000000 + static_cast<uint64_t>(now.tv_nsec);
    const dlog_segment segment = {0x1000, 4, DLOG_SEGMENT_OK, 0};
    data.resize(sizeof(segment) + 8);
    std::memcpy(data.data(), &segment, sizeof(segment));
    data[sizeof(segment)] = 7;
    header.data_bytes = static_cast<uint32_t>(data.size());
  }
  void AddExpression(const std::string& text, const v1::Node& node, const std::string& literal,
                     const std::string& format = "") {
    v1::ParsedTemplate* parsed = context.resolved.mutable_parsed_template();
    v1::TemplateExpression* expression = parsed->add_expressions();
    expression->set_text(text);
    expression->set_format(format);
    parsed->add_literals(literal);
    *site->add_expressions()->mutable_value() = node;
  }
  v1::Event Build() {
    event::Batch batch;
    const absl::Status status = builder.Build(context, 0, header, data, &batch);
    INFO(status.ToString());
    REQUIRE(status.ok());
    v1::Event event;
    event::ToProto(batch.events().back(), &event);
    return event;
  }

  LogpointContext context;
  v1::CandidateSite* site = nullptr;
  dlog_record header = {};
  std::vector<uint8_t> data;
  EventBuilder builder;
};

TEST_CASE_METHOD(Order, "a record becomes an event with everything that is known about the hit") {
  const v1::Event event = Build();
  CHECK(event.message() == "order 7 discount <optimized out>");
  CHECK(event.logpoint() == "lp-3");
  CHECK(event.kind() == v1::KIND_LOG);
  CHECK(event.level() == v1::LEVEL_WARN);
  CHECK(event.file() == "/src/order.cc");
  CHECK(event.line() == 42);
  CHECK(event.function() == "shop::Order::total(int) const");
  CHECK(event.inlined());
  CHECK(event.pid() == getpid());
  CHECK(event.tid() == 4712);
  CHECK(event.comm() == "shopd");
  CHECK(event.exe() == std::filesystem::read_symlink("/proc/self/exe").string());
  CHECK(event.build_id() == "8f3c");
  CHECK(event.host() == "n1");
  REQUIRE(event.tags_size() == 1);
  REQUIRE(event.values_size() == 2);
  CHECK(event.values(0).name() == "o.id");
  CHECK(event.values(0).int_value() == 7);
  CHECK(event.values(1).status() == v1::STATUS_OPTIMIZED_OUT);
  CHECK(event.values(1).reason() == "no location at 0x41e3; available on line 45");
  CHECK(event.values(1).type() == "double");
  CHECK(std::abs(event.time_unix_ns() - time(nullptr) * 1000000000LL) < 5000000000LL);
}

TEST_CASE_METHOD(Order, "the events of a batch share what they have in common and nothing else") {
  event::Batch batch;
  REQUIRE(builder.Build(context, 0, header, data, &batch).ok());
  data[sizeof(dlog_segment)] = 8;
  std::memcpy(header.comm, "renamed", 8);
  REQUIRE(builder.Build(context, 0, header, data, &batch).ok());
  REQUIRE(batch.size() == 2);
  CHECK(batch.events()[0].source == batch.events()[1].source);
  CHECK(batch.events()[0].message == "order 7 discount <optimized out>");
  CHECK(batch.events()[1].message == "order 8 discount <optimized out>");
  CHECK(batch.events()[0].comm == "shopd");
  CHECK(batch.events()[1].comm == "renamed");
  batch.Clear();
  REQUIRE(builder.Build(context, 0, header, data, &batch).ok());
  REQUIRE(batch.size() == 1);
  CHECK(batch.events()[0].message == "order 8 discount <optimized out>");
}

TEST_CASE_METHOD(Order,
                 "a pointer to a function of the binary is shown with its name, wherever the binary is in memory") {
  Types types;
  const uint32_t function = types.Add(v1::TYPE_FUNCTION, 0, "void (int)");
  const uint32_t pointer = types.Add(v1::TYPE_POINTER, 8, "void (*)(int)", function);
  *context.resolved.mutable_types() = types.table;
  context.resolved.mutable_parsed_template()->Clear();
  context.resolved.mutable_parsed_template()->add_literals("");
  site->clear_expressions();
  AddExpression("callback", Reg(pointer, 5), "");
  for (const auto& [address, name] : {std::pair<uint64_t, const char*>{0x1100, "shop::OnOrder"}, {0x1200, "Other"}}) {
    v1::FunctionSymbol* symbol = context.resolved.add_functions();
    symbol->set_address(address);
    symbol->set_name(name);
  }
  site->set_probe_address(0x1110);
  header.regs[16] = 0x555500001110;
  header.regs[5] = 0x555500001100;
  CHECK(Build().message() == "0x555500001100");  // rip is not in the record
  site->mutable_plan()->set_register_mask(1u << 5 | 1u << 16);
  CHECK(Build().message() == "0x555500001100 <shop::OnOrder>");
  header.regs[5] = 0x555500001101;
  CHECK(Build().message() == "0x555500001101");
}

TEST_CASE_METHOD(Order, "lines where a value is available are named once") {
  site->mutable_expressions(1)->add_available_at(46);
  CHECK(Build().values(1).reason() == "no location at 0x41e3; available on lines 45, 46");
  site->mutable_expressions(1)->set_reason("gone; available on line 45");
  CHECK(Build().values(1).reason() == "gone; available on line 45");
}

TEST_CASE_METHOD(Order, "a process that names itself in garbage does no harm") {
  std::memcpy(header.comm, "0123456789abcde\xff", 16);
  CHECK(Build().comm() == "0123456789abcde\\xff");
}

TEST_CASE_METHOD(Order, "the limits of the logpoint apply to its values") {
  Types types;
  *types.table.Mutable(0) = v1::Type();
  types.table = context.resolved.types();
  const uint32_t array = types.Add(v1::TYPE_ARRAY, 12, "char [12]", types.Add(v1::TYPE_CHAR, 1, "char"), 12);
  *context.resolved.mutable_types() = types.table;
  context.spec.mutable_limits()->set_string_bytes(1);
  AddExpression("name", Memory(array, Reg(0, 5)), "");
  CHECK(Build().values(2).reason() == "1/12");
}

TEST_CASE_METHOD(Order, "pseudo-variables come from the record") {
  AddExpression("$tid", v1::Node(), " ", "06d");
  AddExpression("$comm", v1::Node(), " ");
  AddExpression("$pid", v1::Node(), "", "s");
  const v1::Event event = Build();
  CHECK(event.values(2).text() == "004712");
  CHECK(event.values(3).text() == "shopd");
  CHECK(event.values(4).status() == v1::STATUS_ERROR);
}

TEST_CASE_METHOD(Order, "what does not fit the plan is data loss or an error of the value") {
  event::Batch batch;
  CHECK(builder.Build(context, 1, header, data, &batch).code() == absl::StatusCode::kDataLoss);
  site->mutable_expressions()->RemoveLast();
  CHECK(Build().values(1).status() == v1::STATUS_ERROR);
  context.sites[0].candidate = 5;
  CHECK(builder.Build(context, 0, header, data, &batch).code() == absl::StatusCode::kDataLoss);
  context.sites[0] = {.statement = -1, .candidate = 0};
  CHECK(builder.Build(context, 0, header, data, &batch).code() == absl::StatusCode::kDataLoss);
  context.sites[0] = {};
  header.data_bytes += 1;
  CHECK(builder.Build(context, 0, header, data, &batch).code() == absl::StatusCode::kDataLoss);
}

TEST_CASE("the offset of the clocks is measured again after a second, forwards or backwards") {
  int reads = 0;
  ClockPair clocks = {1'000'000'000'000, 5'000'000'000'000};
  WallClock clock([&] {
    ++reads;
    return clocks;
  });
  CHECK(clock.UnixNs(1'000'000'000'500) == 5'000'000'000'500);
  CHECK(clock.UnixNs(1'000'500'000'000) == 5'000'500'000'000);
  CHECK(clock.UnixNs(999'500'000'000) == 4'999'500'000'000);
  CHECK(reads == 1);
  clocks = {1'002'000'000'000, 9'000'000'000'000};  // someone set the clock
  CHECK(clock.UnixNs(1'002'000'000'000) == 9'000'000'000'000);
  CHECK(reads == 2);
  CHECK(clock.UnixNs(~uint64_t{0}) != 0);
}

class FakeProc {
 public:
  FakeProc() {
    std::string pattern = (std::filesystem::temp_directory_path() / "exe_cache_XXXXXX").string();
    root_ = mkdtemp(pattern.data());
  }
  ~FakeProc() { std::filesystem::remove_all(root_); }
  void Process(uint32_t pid, const std::string& exe, uint64_t start_ticks) {
    const std::filesystem::path directory = root_ / std::to_string(pid);
    std::filesystem::remove_all(directory);
    std::filesystem::create_directory(directory);
    std::filesystem::create_symlink(exe, directory / "exe");
    std::ofstream stat(directory / "stat");
    stat << pid << " (a) b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 " << start_ticks << " 20\n";
  }
  void Exit(uint32_t pid) { std::filesystem::remove_all(root_ / std::to_string(pid)); }
  std::string path() const { return root_.string(); }

 private:
  std::filesystem::path root_;
};

constexpr uint64_t kSecond = 1'000'000'000;

TEST_CASE("the executable is read once a second and follows exec") {
  FakeProc proc;
  proc.Process(7, "/usr/bin/shopd", 100);
  ExeCache cache(proc.path());
  CHECK(cache.Find(7, 100 * kSecond).exe == "/usr/bin/shopd");
  proc.Process(7, "/usr/bin/other (deleted)", 100);
  CHECK(cache.Find(7, 100 * kSecond + kSecond / 2).exe == "/usr/bin/shopd");
  CHECK(cache.Find(7, 102 * kSecond).exe == "/usr/bin/other");
}

TEST_CASE("a process that has ended keeps its name for its last records") {
  FakeProc proc;
  proc.Process(7, "/usr/bin/shopd", 100);
  ExeCache cache(proc.path());
  CHECK(cache.Find(7, 100 * kSecond).exe == "/usr/bin/shopd");
  proc.Exit(7);
  CHECK(cache.Find(7, 100 * kSecond + 1).exe == "/usr/bin/shopd");
  CHECK(cache.Find(7, 110 * kSecond).exe == "");
  CHECK(cache.Find(8, 110 * kSecond).exe == "");
}

TEST_CASE("a process that started after the hit is not the one that was hit") {
  FakeProc proc;
  const auto ticks = static_cast<uint64_t>(sysconf(_SC_CLK_TCK));
  proc.Process(7, "/usr/bin/late", 200 * ticks);
  ExeCache cache(proc.path());
  CHECK(cache.Find(7, 199 * kSecond).exe == "");
  CHECK(cache.Find(7, 201 * kSecond).exe == "/usr/bin/late");
}

TEST_CASE("start times are found behind any name") {
  uint64_t ticks = 0;
  CHECK(ParseStartTime("1 (x) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 0", &ticks));
  CHECK(ticks == 4711);
  CHECK_FALSE(ParseStartTime("1 (x", &ticks));
  CHECK_FALSE(ParseStartTime("1 (x) S 1 2 3", &ticks));
  CHECK_FALSE(ParseStartTime("", &ticks));
  CHECK_FALSE(ParseStartTime("1 (x) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 x", &ticks));
}

}  // namespace
}  // namespace dlog::pipeline
