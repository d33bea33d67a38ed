// SPDX-License-Identifier: Apache-2.0
//
// Values of types that only the running program knows: std::any, alone and within containers, and what was thrown.
#include <unistd.h>

#include <any>
#include <exception>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "test/captures/own_program.h"
#include "test/catch.h"

namespace erased_test {

struct Order {
  int id;
  std::string customer;
};
struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

std::any g_any;
std::vector<std::any> g_many;
std::map<std::string, std::any> g_settings;
std::exception_ptr g_thrown;
std::ostringstream g_out;
std::stringstream g_both;
std::istringstream g_in;
std::out_of_range g_error("no element 7");

__attribute__((noinline)) int Anchor(int amount) {
  asm volatile("nop" : : "r"(amount) : "memory");
  return amount;
}

}  // namespace erased_test

namespace dlog::test {
namespace {

using namespace erased_test;  // NOLINT(google-build-using-namespace): the variables

// "STATUS TEXT" of the global, without the JSON.
std::string Shown(const std::string& name, const FakeMemory& memory) {
  const OwnProgram program("erased_test::Anchor", {"erased_test::" + name});
  uint64_t registers[DLOG_NREGS] = {};
  registers[16] = reinterpret_cast<uint64_t>(&erased_test::Anchor);
  const std::string shown = program.Capture(memory, registers)[0];
  return shown.substr(0, shown.find(" {\"expr\""));
}
std::string Shown(const std::string& name) { return Shown(name, MemoryOfProcess(getpid())); }

TEST_CASE("std::any is shown as the value of the type that it holds") {
  CHECK(Shown("g_any") == "ok nullptr");
  g_any = 7;
  CHECK(Shown("g_any") == "ok int(7)");
  g_any = 2.5;
  CHECK(Shown("g_any") == "ok double(2.5)");
  g_any = std::string("longer than what fits the object");
  CHECK(Shown("g_any") == "ok std::string(\"longer than what fits the object\")");
  g_any = Order{42, "Ada"};
  CHECK(Shown("g_any") == "ok erased_test::Order({id = 42, customer = \"Ada\"})");
  g_any = std::vector<Order>{{1, "a"}, {2, "b"}};
  CHECK(Shown("g_any") ==
        "ok std::vector<erased_test::Order>({{id = 1, customer = \"a\"}, {id = 2, customer = \"b\"}})");
  g_any = static_cast<const char*>("text");
  CHECK(Shown("g_any") == "ok const char *(\"text\")");
  g_any.reset();
  CHECK(Shown("g_any") == "ok nullptr");
}

TEST_CASE("each std::any of a container is shown by itself") {
  for (int i = 0; i < 20; ++i) {
    g_many.emplace_back(i);
    g_many.emplace_back("word " + std::to_string(i));
  }
  std::string expected = "ok {";
  for (int i = 0; i < 20; ++i) {
    if (i != 0) expected += ", ";
    expected += "int(" + std::to_string(i) + "), std::string(\"word " + std::to_string(i) + "\")";
  }
  CHECK(Shown("g_many") == expected + "}");
  g_settings = {{"limit", 5}, {"name", std::string("x")}, {"none", {}}};
  CHECK(Shown("g_settings") == "ok {[\"limit\"] = int(5), [\"name\"] = std::string(\"x\"), [\"none\"] = nullptr}");
}

TEST_CASE("an std::any of a type that no function of the program tells shows the function") {
  FakeMemory memory = MemoryOfProcess(getpid());
  const auto at = reinterpret_cast<uint64_t>(&g_any);
  memory.missing_page = [real = memory.missing_page, at](uint64_t page, uint8_t* out) {
    if (!real(page, out)) return false;
    for (uint64_t i = 0; i < 8; ++i) {
      if (at + i - page < FakeMemory::kPage) out[at + i - page] = i == 7 ? 0 : 0x11;
    }
    return true;
  };
  CHECK(Shown("g_any", memory) == "ok 0x11111111111111");
}

TEST_CASE("what was thrown is told by its type, and classes of the library that are only declared by their text") {
  CHECK(Shown("g_thrown") == "ok nullptr");
  g_thrown = std::make_exception_ptr(Failure("broken"));
  CHECK(Shown("g_thrown") == "ok exception(erased_test::Failure)");
  g_thrown = std::make_exception_ptr(5);
  CHECK(Shown("g_thrown") == "ok exception(int)");
  g_thrown = std::make_exception_ptr(std::string("text"));
  CHECK(Shown("g_thrown") == "ok exception(std::string)");
  CHECK(Shown("g_error") == "ok no element 7");
}

TEST_CASE("streams show what was written to them") {
  CHECK(Shown("g_out") == "ok ");
  g_out << "total " << 42;
  CHECK(Shown("g_out") == "ok total 42");
  g_out.str("");
  CHECK(Shown("g_out") == "ok ");
  g_in.str("one two");
  std::string word;
  g_in >> word;
  CHECK(Shown("g_in") == "ok one two");
  g_both.str("given, and longer than fifteen bytes");
  CHECK(Shown("g_both") == "ok given, and longer than fifteen bytes");
  g_both << "GIVEN";
  CHECK(Shown("g_both") == "ok GIVEN, and longer than fifteen bytes");
  for (int i = 0; i < 20; ++i) g_out << "ab";
  g_out.seekp(2);
  CHECK(Shown("g_out") == "ok " + g_out.str());
}

}  // namespace
}  // namespace dlog::test
