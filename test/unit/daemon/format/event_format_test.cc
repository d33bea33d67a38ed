// SPDX-License-Identifier: Apache-2.0
#include <limits>

#include "daemon/event/event_proto.h"
#include "daemon/format/event_json.h"
#include "daemon/format/event_text.h"
#include "daemon/format/json_writer.h"
#include "daemon/format/template_renderer.h"
#include "daemon/format/time_text.h"
#include "test/catch.h"
#include "test/unit/daemon/format/render_fixture.h"

namespace dlog::format {
namespace {

using namespace dlog::test;  // NOLINT: the vocabulary of these tests

std::string Time(int64_t unix_ns, int digits) {
  std::string out;
  AppendTime(unix_ns, digits, &out);
  return out;
}

TEST_CASE("times are RFC 3339 in UTC") {
  CHECK(Time(1795330800123456789, 9) == "2026-11-22T07:00:00.123456789Z");
  CHECK(Time(1795330800123456789, 6) == "2026-11-22T07:00:00.123456Z");
  CHECK(Time(0, 0) == "1970-01-01T00:00:00Z");
  CHECK(Time(951782400'000000001, 9) == "2000-02-29T00:00:00.000000001Z");
  CHECK(Time(-1, 9) == "1969-12-31T23:59:59.999999999Z");
  CHECK(Time(std::numeric_limits<int64_t>::min(), 3).size() == 24);
}

TEST_CASE("JSON has commas where they belong") {
  std::string out;
  JsonWriter json(&out);
  json.BeginObject().Key("a").BeginArray().Int(1).Int(2).EndArray().Key("b").BeginObject().EndObject();
  json.Key("c").BeginArray().BeginObject().EndObject().BeginArray().EndArray().EndArray();
  json.Key("d").Null().Key("e").Bool(true).Key("f").Double(0.1).EndObject();
  CHECK(out == R"({"a":[1,2],"b":{},"c":[{},[]],"d":null,"e":true,"f":0.1})");
}

TEST_CASE("numbers that JSON cannot hold are strings") {
  const auto write = [](auto call) {
    std::string out;
    JsonWriter json(&out);
    call(json);
    return out;
  };
  CHECK(write([](JsonWriter& json) { json.Int(9007199254740992); }) == "9007199254740992");
  CHECK(write([](JsonWriter& json) { json.Int(9007199254740993); }) == "\"9007199254740993\"");
  CHECK(write([](JsonWriter& json) { json.Int(-9007199254740993); }) == "\"-9007199254740993\"");
  CHECK(write([](JsonWriter& json) { json.Uint(UINT64_MAX); }) == "\"18446744073709551615\"");
  CHECK(write([](JsonWriter& json) { json.Double(std::numeric_limits<double>::infinity()); }) == "\"inf\"");
  CHECK(write([](JsonWriter& json) { json.Double(std::numeric_limits<double>::quiet_NaN()); }) == "\"nan\"");
  CHECK(write([](JsonWriter& json) { json.Double(1e300); }) == "1e+300");
}

TEST_CASE("JSON strings are valid whatever the bytes") {
  std::string out;
  JsonWriter(&out).String(std::string_view("a\"\\\n\r\t\0\x1f\x7f\xff\xe2\x82 ä", 15));
  CHECK(out == R"("a\"\\\n\r\t\u0000\u001f\u007f\\xff\\xe2\\x82 ä")");
}

v1::Event OrderEvent() {
  v1::Event event;
  event.set_time_unix_ns(1795330800123456789);
  event.set_logpoint("lp-3");
  event.set_kind(v1::KIND_LOG);
  event.set_level(v1::LEVEL_INFO);
  event.set_message("order 7 total=12.50");
  event.set_file("/src/order.cc");
  event.set_line(42);
  event.set_function("shop::Order::total(int) const");
  event.set_pid(4711);
  event.set_tid(4712);
  event.set_comm("shopd");
  event.set_exe("/usr/bin/shopd");
  event.set_build_id("8f3c");
  event.set_host("n1");
  event.set_hits_since_last(1);
  return event;
}

std::string JsonOf(const v1::Event& event) {
  event::Batch batch;
  event::Text out;
  AppendEventJson(*event::FromProto(event, &batch), &out);
  return std::string(out.view());
}

std::string TextOf(const v1::Event& event, const TextOptions& options = {}) {
  event::Batch batch;
  event::Text out;
  AppendEventText(*event::FromProto(event, &batch), options, &out);
  return std::string(out.view());
}

TEST_CASE("an event is the object of the contract, field by field") {
  v1::Event event = OrderEvent();
  const std::string out = JsonOf(event);
  CHECK(
      out ==
      R"({"time":"2026-11-22T07:00:00.123456789Z","logpoint":"lp-3","kind":"log","level":"info",)"
      R"("message":"order 7 total=12.50","file":"/src/order.cc","line":42,)"
      R"("function":"shop::Order::total(int) const","inlined":false,"pid":4711,"tid":4712,"comm":"shopd",)"
      R"("exe":"/usr/bin/shopd","build_id":"8f3c","host":"n1","values":[],"hits_since_last":1,"lost_since_last":{}})");
}

TEST_CASE("losses are an object, tags are there when there are any") {
  v1::Event event = OrderEvent();
  event.set_hits_since_last(37);
  v1::Loss* loss = event.add_lost_since_last();
  loss->set_reason("rate_limited");
  loss->set_count(36);
  event.add_tags("a");
  const std::string out = JsonOf(event);
  CHECK(out.ends_with(R"("hits_since_last":37,"lost_since_last":{"rate_limited":36},"tags":["a"]})"));
}

TEST_CASE_METHOD(RenderFixture, "values in JSON have the fields of the contract") {
  CHECK(Json(Const(types.Int(), 7)) == R"({"expr":"","type":"int","status":"ok","text":"7","value":7})");
  CHECK(Json(Const<uint8_t>(types.Bool(), 1)) ==
        R"({"expr":"","type":"bool","status":"ok","text":"true","value":true})");
  CHECK(Json(Const<int64_t>(types.Long(), INT64_MIN)) ==
        R"({"expr":"","type":"long","status":"ok","text":"-9223372036854775808","value":"-9223372036854775808"})");
  CHECK(
      Json(Unavailable(types.Double(), "no location at 0x41e3; available on line 45")) ==
      R"({"expr":"","type":"double","status":"optimized_out","reason":"no location at 0x41e3; available on line 45"})");
  CHECK(Json(At(types.Int(), 0x10)) == R"({"expr":"","type":"int","status":"unreadable","reason":"0x10"})");
}

TEST_CASE_METHOD(RenderFixture, "containers in JSON carry items, size and fields") {
  const uint32_t string = String();
  const uint32_t item = types.Add(v1::TYPE_STRUCT, 40, "shop::Item");
  types.Field(item, "sku", string, 0);
  types.Field(item, "n", types.Int(), 32);
  const uint32_t items = Vector(item, "std::vector<shop::Item>");
  PutVector(0x1000, 0x2000, 0x2000 + 40 * 2500);
  memory.PutAll<uint64_t>(0x2000, {0x3000, 2, 0, 0, 2});
  memory.Bytes(0x3000, "A1");
  CHECK(Json(At(items, 0x1000)) ==
        R"({"expr":"","type":"std::vector<shop::Item>","status":"truncated","reason":"1/2500",)"
        R"("text":"{{sku = \"A1\", n = 2}, ...}","size":2500,"items":[{"type":"shop::Item","status":"ok","fields":[)"
        R"({"name":"sku","type":"std::string","status":"ok","text":"A1","value":"A1"},)"
        R"({"name":"n","type":"int","status":"ok","text":"2","value":2}]}]})");
  PutVector(0x1100, 0, 0);
  CHECK(Json(At(items, 0x1100)) ==
        R"({"expr":"","type":"std::vector<shop::Item>","status":"ok","text":"{}","size":0,"items":[]})");
}

TEST_CASE_METHOD(RenderFixture, "a cut string in JSON is its prefix with dots and the real size") {
  const uint32_t string = String();
  memory.PutAll<uint64_t>(0x1000, {0x2000, 9001});
  memory.Bytes(0x2000, "ab\xff");
  CHECK(
      Json(At(string, 0x1000)) ==
      R"({"expr":"","type":"std::string","status":"truncated","reason":"3/9001","text":"ab\\xff...","value":"ab\\xff","size":9001})");
}

TEST_CASE("a message is literals and values in turn") {
  v1::ParsedTemplate parsed;
  for (const char* literal : {"order ", " total=", "!"}) parsed.add_literals(literal);
  parsed.add_expressions()->set_text("o.id");
  parsed.add_expressions()->set_text("t");
  event::Storage storage;
  event::ValueList values;
  values.Add(&storage)->set_text("7");
  event::Value* missing = values.Add(&storage);
  missing->set_status(v1::STATUS_OPTIMIZED_OUT);
  missing->set_reason("no location");
  const auto message = [&](const v1::ParsedTemplate& of, const event::ValueList& with) {
    event::Text out;
    RenderTemplate(of, with, &out);
    return std::string(out.view());
  };
  CHECK(message(parsed, values) == "order 7 total=<optimized out>!");
  CHECK(message(parsed, {}) == "order <error: no value> total=<error: no value>!");
  CHECK(message(v1::ParsedTemplate(), values).empty());
}

TEST_CASE("a line for people") {
  v1::Event event = OrderEvent();
  std::string out = TextOf(event);
  CHECK(out == "2026-11-22T07:00:00.123456Z order.cc:42 [4711/4712 shopd] order 7 total=12.50");
}

TEST_CASE("a line for people is one line, with level and losses when there is something to say") {
  v1::Event event = OrderEvent();
  event.set_level(v1::LEVEL_WARN);
  event.set_message("a\nb\x1b[2J");
  event.set_comm("e\x1b");
  event.set_hits_since_last(37);
  v1::Loss* loss = event.add_lost_since_last();
  loss->set_reason("rate_limited");
  loss->set_count(36);
  std::string out = TextOf(event);
  CHECK(out == "2026-11-22T07:00:00.123456Z order.cc:42 [4711/4712 e\\x1b] WARN a\\nb\\x1b[2J ~37 (rate_limited 36)");
  out = TextOf(event, {.color = true});
  CHECK(out.find("\x1b[33mWARN a\\nb") != std::string::npos);
}

}  // namespace
TEST_CASE("A duration has the unit that it fills, and is cut") {
  CHECK(DurationText(0) == "0 ns");
  CHECK(DurationText(999) == "999 ns");
  CHECK(DurationText(12345) == "12.345 us");
  CHECK(DurationText(999'999) == "999.999 us");
  CHECK(DurationText(1'234'567) == "1.234 ms");
  CHECK(DurationText(2'500'000'000) == "2.500 s");
  CHECK(DurationText(-1500) == "-1.500 us");
  CHECK(DurationText(INT64_MIN) == "-9223372036.854 s");
}

}  // namespace dlog::format
