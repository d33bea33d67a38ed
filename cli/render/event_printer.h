// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "control.pb.h"
#include "daemon/event/batch.h"

namespace dlog::cli {

// Events of a stream as lines on standard output, one write each.
class EventPrinter {
 public:
  // `hosts`: of several nodes, whose lines tell where they come from (JSON does in any case).
  explicit EventPrinter(bool json, bool hosts = false);
  // False when the reader of standard output has gone.
  bool Print(const v1::Event& event);

 private:
  const bool json_;
  const bool hosts_;
  const bool color_;
  event::Batch batch_;
  event::Text line_;
};

}  // namespace dlog::cli
