// SPDX-License-Identifier: Apache-2.0
//
// The JSON object of an event as the design's cli.md lays it down ("Events").
#pragma once

#include <string_view>

#include "daemon/event/batch.h"
#include "daemon/event/text.h"
#include "plan.pb.h"

namespace dlog::format {

// Appends one line without its newline.
void AppendEventJson(const event::Event& event, event::Text* out);

// What a value is in its surroundings.
enum class ValuePlace { kExpression, kField, kItem };
void AppendValueJson(const event::Value& value, ValuePlace place, event::Text* out);

// "ok", "truncated", "optimized_out", ...
std::string_view StatusName(v1::ValueStatus status);
// "debug", "info", "warn", "error".
std::string_view LevelName(v1::Level level);

}  // namespace dlog::format
