// SPDX-License-Identifier: Apache-2.0
#include "daemon/event/storage.h"

#include <cstdint>
#include <string>
#include <vector>

#include "daemon/event/batch.h"
#include "test/catch.h"

namespace dlog::event {
namespace {

TEST_CASE("what was written stays readable where it is while the text grows") {
  Text text;
  text.append("first");
  const std::string_view first = text.view();
  std::vector<std::string_view> views;
  for (int i = 0; i < 2000; ++i) {
    const size_t start = text.size();
    text.append(std::to_string(i));
    views.push_back(text.view(start));
  }
  CHECK(first == "first");
  for (int i = 0; i < 2000; ++i) REQUIRE(views[static_cast<size_t>(i)] == std::to_string(i));
  CHECK(text.view().substr(0, 8) == "first012");
}

TEST_CASE("a text is cut and used again") {
  Text text;
  text.append("order 7");
  text.resize(6);
  text.push_back('8');
  CHECK(text.view() == "order 8");
  text.clear();
  CHECK(text.empty());
  text.append("x");
  CHECK(text.view() == "x");
}

TEST_CASE("values are aligned, apart, and keep their parts in order") {
  Storage storage;
  Value* whole = storage.NewValue();
  std::vector<Value*> parts;
  for (int i = 0; i < 1000; ++i) {
    storage.Copy("abc");  // of odd size
    parts.push_back(whole->AddPart());
    parts.back()->set_int_value(i);
    parts.back()->set_text(std::to_string(i));
    REQUIRE(reinterpret_cast<uintptr_t>(parts.back()) % alignof(Value) == 0);
  }
  int64_t expected = 0;
  for (const Value& part : whole->parts()) {
    REQUIRE(part.int_value() == expected);
    REQUIRE(part.text() == std::to_string(expected));
    ++expected;
  }
  CHECK(expected == 1000);
  whole->clear_parts();
  CHECK(whole->parts().empty());
}

TEST_CASE("something larger than a chunk finds room, before and after the storage is used again") {
  Storage storage;
  const std::string large(300000, 'x');
  CHECK(storage.Copy(large) == large);
  CHECK(storage.bytes() >= large.size());
  storage.Clear();
  CHECK(storage.Copy(large) == large);
  CHECK(storage.Copy("y") == "y");
}

TEST_CASE("a text that is set anew is no number any more") {
  Storage storage;
  Value* value = storage.NewValue();
  value->set_double_value(1.5);
  value->refer_text("1.5");
  value->set_text_is_scalar();
  CHECK(value->text_is_scalar());
  value->set_text("kept(1.5)");
  CHECK_FALSE(value->text_is_scalar());
}

TEST_CASE("one event alone takes little memory") {
  Batch batch;
  Source* source = batch.AddSource();
  Event* event = batch.Add(source);
  event->values.Add(&batch.storage())->set_text("7");
  CHECK(batch.bytes() < 4096);
}

TEST_CASE("a batch finds the source of a site, and drops events that are not wanted in place") {
  Batch batch;
  int logpoint = 0;
  int sites[2] = {};
  Source* one = batch.AddSource(&logpoint, &sites[0]);
  CHECK(batch.FindSource(&logpoint, &sites[0]) == one);
  CHECK(batch.FindSource(&logpoint, &sites[1]) == nullptr);
  for (int i = 0; i < 5; ++i) batch.Add(one)->pid = i;
  batch.last()->lost_since_last.push_back({"rate_limited", 3});
  batch.Filter([](size_t i) { return i % 2 == 0; });
  REQUIRE(batch.size() == 3);
  CHECK(batch.events()[1].pid == 2);
  CHECK(batch.events()[2].pid == 4);
  CHECK(batch.events()[2].lost_since_last.size() == 1);
}

TEST_CASE("memory that a batch holds from before is not memory in use") {
  Batch batch;
  const Source* source = batch.AddSource();
  const size_t empty = batch.filled_bytes();
  for (int i = 0; i < 500; ++i) {
    Event* event = batch.Add(source);
    event->message = batch.storage().Copy(std::string(200, 'x'));
    event->values.Add(&batch.storage());
  }
  const size_t full = batch.filled_bytes();
  CHECK(full >= 500 * (200 + sizeof(Event) + sizeof(Value)));
  CHECK(full <= batch.bytes());
  CHECK(batch.bytes() <= 2 * full);
  batch.Clear();
  CHECK(batch.filled_bytes() == empty);
  CHECK(batch.bytes() > 100 * empty);
}

}  // namespace
}  // namespace dlog::event
