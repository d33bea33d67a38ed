// SPDX-License-Identifier: Apache-2.0
//
// Plan node -> event::Value: text, typed scalar, items and fields, with status. The text forms are the contract in the
// design's cli.md.
#pragma once

#include <functional>
#include <string>

#include "daemon/event/text.h"
#include "daemon/event/value.h"
#include "daemon/pipeline/evaluator.h"

namespace dlog::format {

using event::Text;
using event::Value;

struct RenderLimits {
  uint32_t depth = 3;
  uint32_t items = 100;
  uint32_t string_bytes = 256;
  uint16_t record_flags = 0;  // enum dlog_record_flags: why something may be missing
};

// Name of the function at a runtime address, or empty. Optional.
using SymbolLookup = std::function<std::string(uint64_t address)>;

// What `node` is in `image`. `format` is std::format syntax ("" = default). Top-level strings and chars are bare,
// nested ones quoted. `out` is empty but for its name; the names and types of its parts refer to `types` (and to the
// literals of the program), texts to `text`, which is that of its storage. Never fails as a call and never throws:
// failures are statuses of the value or of its parts.
void RenderValue(const v1::Node& node, const pipeline::TypeTable& types, const pipeline::MemoryImage& image,
                 const RenderLimits& limits, const std::string& format, const SymbolLookup& symbols, Value* out,
                 Text* text);

// "<optimized out>", "<unreadable 0x10>", "<truncated 256/9001>", ...: what stands in a message for a status.
std::string StatusText(v1::ValueStatus status, std::string_view reason);

}  // namespace dlog::format
