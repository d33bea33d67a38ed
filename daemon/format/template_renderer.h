// SPDX-License-Identifier: Apache-2.0
//
// Template and rendered values -> the message of an event.
#pragma once

#include <string>

#include "event.pb.h"
#include "google/protobuf/repeated_field.h"
#include "plan.pb.h"

namespace dlog::format {

// A value as the message shows it: its text, or why there is none. A cut value ends in "<truncated 256/9001>", a value
// that is incomplete inside says so where the part is missing.
void AppendMessageText(const v1::Value& value, std::string* out);

// `values` is parallel to parsed.expressions; a missing one shows as <error: no value>. `out` is valid UTF-8.
void RenderTemplate(const v1::ParsedTemplate& parsed, const google::protobuf::RepeatedPtrField<v1::Value>& values,
                    std::string* out);

}  // namespace dlog::format
