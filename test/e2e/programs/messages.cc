// SPDX-License-Identifier: Apache-2.0
//
// Protobuf messages with constant contents; scenarios/library_types.py knows what has to be seen.
#include <google/protobuf/arena.h>
#include <unistd.h>

#include "order.pb.h"

void Keep(const void* object);

namespace messages {

struct Sample {
  demo::Order full;
  demo::Order empty;
  demo::Order* in_arena = nullptr;
};

__attribute__((noinline)) int Probe(const Sample& s, const demo::Order& in_arena) {
  Keep(&s);  // the logpoint
  Keep(&in_arena);
  return static_cast<int>(s.full.id());
}

void Fill(demo::Order* order) {
  order->set_id(42);
  order->set_customer_name("Ada");
  for (int i = 1; i < 4; ++i) {
    order->add_counts(i);
    order->add_tags("t" + std::to_string(i));
  }
  for (int i = 1; i < 3; ++i) {
    demo::Item* item = order->add_items();
    item->set_id(i);
    item->set_label("an item");
  }
  order->mutable_main()->set_id(7);
  order->set_color(demo::COLOR_RED);
  order->set_price(1.5);
  order->set_some_text("chosen");
  order->mutable_z()->set_id(9);
  order->set_paid(true);
}

}  // namespace messages

int main() {
  google::protobuf::Arena arena;
  messages::Sample s;
  messages::Fill(&s.full);
  auto* in_arena = google::protobuf::Arena::CreateMessage<demo::Order>(&arena);
  messages::Fill(in_arena);
  in_arena->set_x1_y(3);
  s.in_arena = in_arena;
  int sum = 0;
  for (int i = 0; i < 100000; ++i) {
    sum += messages::Probe(s, *in_arena);
    usleep(10000);
  }
  return sum == 0 ? 0 : 1;
}
