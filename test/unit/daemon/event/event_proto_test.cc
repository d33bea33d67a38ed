// SPDX-License-Identifier: Apache-2.0
#include "daemon/event/event_proto.h"

#include "google/protobuf/util/message_differencer.h"
#include "test/catch.h"

namespace dlog::event {
namespace {

v1::Event Full() {
  v1::Event event;
  event.set_time_unix_ns(1795330800123456789);
  event.set_logpoint("lp-3");
  event.set_kind(v1::KIND_LOG);
  event.set_level(v1::LEVEL_WARN);
  event.set_message("order 7");
  event.set_file("/src/order.cc");
  event.set_line(42);
  event.set_function("f()");
  event.set_inlined(true);
  event.set_pid(1);
  event.set_tid(2);
  event.set_comm("shopd");
  event.set_exe("/usr/bin/shopd");
  event.set_build_id("8f3c");
  event.set_host("n1");
  event.set_hits_since_last(37);
  event.set_throttle_factor(2.5);
  event.add_tags("a");
  v1::Loss* loss = event.add_lost_since_last();
  loss->set_reason("rate_limited");
  loss->set_count(36);
  v1::Value* items = event.add_values();
  items->set_name("o.items");
  items->set_type("std::vector<Item>");
  items->set_status(v1::STATUS_TRUNCATED);
  items->set_reason("1/9");
  items->set_text("{{id = 7}, ...}");
  items->set_size(9);
  items->set_is_sequence(true);
  v1::Value* item = items->add_items();
  item->set_is_struct(true);
  v1::Value* field = item->add_fields();
  field->set_name("id");
  field->set_int_value(-7);
  item->add_fields()->set_uint_value(7);
  item->add_fields()->set_double_value(0.5);
  item->add_fields()->set_bool_value(true);
  item->add_fields()->set_string_value("a\xff");
  event.add_values()->set_size(0);
  return event;
}

TEST_CASE("an event comes back from the API's form as it was") {
  const v1::Event before = Full();
  Batch batch;
  v1::Event after;
  ToProto(*FromProto(before, &batch), &after);
  INFO(after.DebugString());
  CHECK(google::protobuf::util::MessageDifferencer::Equals(before, after));
}

}  // namespace
}  // namespace dlog::event
