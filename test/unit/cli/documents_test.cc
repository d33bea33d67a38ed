// SPDX-License-Identifier: Apache-2.0
#include "cli/documents.h"

#include "test/catch.h"

namespace dlog::cli {
namespace {

std::string ErrorOf(const std::string& text) {
  auto specs = ParseDocuments(text, "f");
  return specs.ok() ? "" : std::string(specs.status().message());
}

constexpr char kWhole[] =
    "name: n\ntarget: {exe: /bin/sh, debug-dirs: [/a, '/b c'], selectors: ['comm:x', 'unit:y.service']}\nlocation: "
    "a.cc:1\n"
    "text: \"a {b} \\\"c\\\"\"\nif: 'x > 1'\nlevel: warn\ntags: [t, 'u v']\nttl: 10m\nhits: 3\nrate: 5/s\ndepth: "
    "2\nitems: 7\n"
    "string: 9\nbytes: 1KiB\nsite: exact\nevery: 4\nsample: 12.3%\nbudget: 0.7%\n";

TEST_CASE("a document means what the options of the command line mean") {
  auto specs = ParseDocuments(kWhole, "f");
  REQUIRE(specs.ok());
  REQUIRE(specs->size() == 1);
  const v1::LogpointSpec& spec = specs->front();
  CHECK(spec.name() == "n");
  CHECK(spec.template_() == "a {b} \"c\"");
  CHECK(spec.condition() == "x > 1");
  CHECK(spec.level() == v1::LEVEL_WARN);
  CHECK(spec.target().selectors_size() == 2);
  CHECK(spec.tags(1) == "u v");
  CHECK(spec.limits().ttl_ms() == 600000);
  CHECK(spec.limits().rate_per_second() == 5);
  CHECK(spec.limits().event_bytes() == 1024);
  CHECK(spec.limits().every() == 4);
  CHECK(spec.limits().sample() == Approx(0.123));
  CHECK(spec.limits().budget() == Approx(0.007));
  CHECK(spec.target().debug_directories(1) == "/b c");
  CHECK(spec.site_policy() == v1::SITE_EXACT);
}

TEST_CASE("what export writes reads back as the same logpoint") {
  for (const char* text : {kWhole, "name: m\ntarget: {pid: 7}\nlocation: 'function:f'\ntext: x\nrate: 0\n"}) {
    const v1::LogpointSpec spec = ParseDocuments(text, "f")->front();
    auto again = ParseDocuments(WriteDocument(spec), "f");
    REQUIRE(again.ok());
    CHECK(SameLogpoint(spec, again->front()));
  }
  const v1::LogpointSpec whole = ParseDocuments(kWhole, "f")->front();
  v1::LogpointSpec changed = whole;
  changed.mutable_limits()->set_hits(4);
  CHECK_FALSE(SameLogpoint(changed, whole));
}

TEST_CASE("every limit that a logpoint can have is exported") {
  const v1::LogpointSpec whole = ParseDocuments(kWhole, "f")->front();
  const auto* limits = v1::Limits::descriptor();
  for (int i = 0; i < limits->field_count(); ++i) {
    INFO(limits->field(i)->name());
    v1::LogpointSpec less = whole;
    less.mutable_limits()->GetReflection()->ClearField(less.mutable_limits(), limits->field(i));
    CHECK_FALSE(SameLogpoint(less, whole));  // kWhole sets it to something else than its default
    CHECK_FALSE(SameLogpoint(less, ParseDocuments(WriteDocument(whole), "f")->front()));
  }
}

TEST_CASE("a logpoint without a name is exported under its id") {
  v1::LogpointSpec spec = ParseDocuments(kWhole, "f")->front();
  spec.clear_name();
  spec.set_id("lp-4");
  CHECK(ParseDocuments(WriteDocument(spec), "f")->front().name() == "lp-4");
}

TEST_CASE("documents with errors name the line") {
  CHECK(ErrorOf("name: n\nwings: 2\n") == "f:2: unknown key 'wings'");
  CHECK(ErrorOf("name: n\ntarget: {pid: 1, wings: 2}\n") == "f:2: unknown key 'wings'");
  CHECK(ErrorOf("name: n\ntarget: {pid: 1}\nlocation: a.cc:1\n") == "f:1: a logpoint needs its text");
  CHECK(ErrorOf("target: {pid: 1}\nlocation: a.cc:1\ntext: x\n") == "f:1: a logpoint needs its name");
  CHECK(ErrorOf("name: n\nlocation: a.cc:1\ntext: x\n").find("f:1: no target is named") == 0);
  CHECK(ErrorOf("name: n\nhits: many\n").find("f:2: hits: 'many' is not a number") == 0);
  CHECK(ErrorOf("name: n\ntarget: {pid: 1}\nlocation: a.cc:1\ntext: x\nttl: long\n").find("f:1: 'long'") == 0);
  CHECK(ErrorOf("name: n\ntarget: {pid: 1}\nlocation: a.cc:1\ntext: x\nlevel: loud\n").find("f:1: level is") == 0);
  const std::string one = "name: n\ntarget: {pid: 1}\nlocation: a.cc:1\ntext: x\n";
  CHECK(ErrorOf(one + "---\n" + one) == "f:6: the name 'n' is there twice");
  CHECK(ErrorOf("- a\n") == "f:1: a logpoint is a map");
}

}  // namespace
}  // namespace dlog::cli
