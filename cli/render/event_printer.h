// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "control.pb.h"
#include "daemon/event/batch.h"

namespace dlog::cli {

// Events of a stream as lines on standard output. Those that come together are written together.
class EventPrinter {
 public:
  // `hosts`: of several nodes, whose lines tell where they come from (JSON does in any case).
  explicit EventPrinter(bool json, bool hosts = false);
  // False when the reader of standard output has gone. `more`: another event is at hand, and this one may be written
  // with it.
  bool Print(const v1::Event& event, bool more);

 private:
  const bool json_;
  const bool hosts_;
  const bool color_;
  event::Batch batch_;
  event::Text lines_;  // not written yet
};

}  // namespace dlog::cli
