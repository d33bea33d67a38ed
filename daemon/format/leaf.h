// SPDX-License-Identifier: Apache-2.0
//
// Renderer::Leaf, for the files that render leaves.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "daemon/format/format_spec.h"
#include "daemon/format/renderer.h"

namespace dlog::format {

template <typename T>
void Renderer::Leaf(const T& value, std::string_view plain, Position at, Value* out, Text* text) {
  if (!at.root || format_.empty()) {
    const size_t start = text->size();
    text->append(plain);
    return out->refer_text(text->view(start));
  }
  std::string formatted;
  std::string error;
  if (FormatWithSpec(format_, value, &formatted, &error)) {
    const size_t start = text->size();
    text->append(formatted);
    return out->refer_text(text->view(start));
  }
  out->clear_scalar();
  Fail(v1::STATUS_ERROR, error, out, text);
}

}  // namespace dlog::format
