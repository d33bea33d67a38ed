// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace dlog::expr {

// What is wrong and where. Inside this folder errors travel like this, so that an expression's error can be shown under
// the template that the expression stands in.
struct SyntaxError {
  std::string message;
  size_t offset = 0;  // bytes into the text that was parsed
};

// InvalidArgument with the caret under `source`.
absl::Status ToStatus(const SyntaxError& error, std::string_view source);

// The offset of the first byte that is not well-formed UTF-8: sources end up in proto strings, which must be.
std::optional<size_t> FindInvalidUtf8(std::string_view text);

}  // namespace dlog::expr
