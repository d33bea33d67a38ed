// SPDX-License-Identifier: Apache-2.0
//
// The JSON object of an event as the design's cli.md lays it down ("Events").
#pragma once

#include <string>
#include <string_view>

#include "daemon/format/json_writer.h"
#include "event.pb.h"
#include "plan.pb.h"

namespace dlog::format {

// Appends one line without its newline.
void AppendEventJson(const v1::Event& event, std::string* out);

// One value; `name_key` is "expr" at top level, "name" for fields, empty for items.
void WriteValueJson(const v1::Value& value, std::string_view name_key, JsonWriter* json);

// "ok", "truncated", "optimized_out", ...
std::string_view StatusName(v1::ValueStatus status);
// "debug", "info", "warn", "error".
std::string_view LevelName(v1::Level level);

}  // namespace dlog::format
