// SPDX-License-Identifier: Apache-2.0
#include "cli/render/event_printer.h"

#include <stdlib.h>
#include <unistd.h>

#include "cli/render/output.h"
#include "daemon/format/event_json.h"
#include "daemon/format/event_text.h"

namespace dlog::cli {

// https://no-color.org: any value of NO_COLOR switches colours off.
EventPrinter::EventPrinter(bool json)
    : json_(json), color_(isatty(STDOUT_FILENO) != 0 && getenv("NO_COLOR") == nullptr) {}

bool EventPrinter::Print(const v1::Event& event) {
  line_.clear();
  if (json_) {
    format::AppendEventJson(event, &line_);
  } else {
    format::AppendEventText(event, {color_}, &line_);
  }
  line_ += '\n';
  return WriteOut(line_);
}

}  // namespace dlog::cli
