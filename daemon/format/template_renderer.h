// SPDX-License-Identifier: Apache-2.0
//
// Template and rendered values -> the message of an event.
#pragma once

#include "daemon/event/text.h"
#include "daemon/event/value.h"
#include "plan.pb.h"

namespace dlog::format {

// A value as the message shows it: its text, or why there is none. A cut value ends in "<truncated 256/9001>", a value
// that is incomplete inside says so where the part is missing.
void AppendMessageText(const event::Value& value, event::Text* out);

// `values` is parallel to parsed.expressions; a missing one shows as <error: no value>. What is appended is
// valid UTF-8.
void RenderTemplate(const v1::ParsedTemplate& parsed, const event::ValueList& values, event::Text* out);

}  // namespace dlog::format
