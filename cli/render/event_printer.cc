// SPDX-License-Identifier: Apache-2.0
#include "cli/render/event_printer.h"

#include <stdlib.h>
#include <unistd.h>

#include "cli/render/output.h"
#include "daemon/event/event_proto.h"
#include "daemon/format/event_json.h"
#include "daemon/format/event_text.h"

namespace dlog::cli {
namespace {

constexpr size_t kMostHeld = 64 << 10;

}  // namespace

// https://no-color.org: any value of NO_COLOR switches colours off.
EventPrinter::EventPrinter(bool json, bool hosts)
    : json_(json), hosts_(hosts), color_(isatty(STDOUT_FILENO) != 0 && getenv("NO_COLOR") == nullptr) {}

bool EventPrinter::Print(const v1::Event& event, bool more) {
  batch_.Clear();
  const event::Event& shown = *event::FromProto(event, &batch_);
  if (json_) {
    format::AppendEventJson(shown, &lines_);
  } else {
    format::AppendEventText(shown, {color_, hosts_}, &lines_);
  }
  lines_.push_back('\n');
  if (more && lines_.view().size() < kMostHeld) return true;
  const bool written = WriteOut(lines_.view());
  lines_.clear();
  return written;
}

}  // namespace dlog::cli
