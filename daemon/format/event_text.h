// SPDX-License-Identifier: Apache-2.0
//
// The line of an event for people:
//   2026-11-22T07:00:00.123456Z order.cc:42 [4711/4712 shopd] order 7 total=12.50
#pragma once

#include "daemon/event/batch.h"
#include "daemon/event/text.h"

namespace dlog::format {

struct TextOptions {
  bool color = false;  // ANSI colours; the message by level
  bool host = false;   // "TIME n1 order.cc:42 ...": for events of many machines
};

// Appends one line without its newline. Control characters of the target are escaped: one event is one line, and no
// target drives the terminal. Levels other than info are named; hits that did not become events end the line as " ~37
// (rate_limited 36)".
void AppendEventText(const event::Event& event, const TextOptions& options, event::Text* out);

}  // namespace dlog::format
