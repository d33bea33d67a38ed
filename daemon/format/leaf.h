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
void Renderer::Leaf(const T& value, std::string_view plain, Position at, v1::Value* out, std::string* text) {
  if (!at.root || format_.empty()) {
    out->set_text(plain.data(), plain.size());
    text->append(plain);
    return;
  }
  std::string formatted;
  std::string error;
  if (FormatWithSpec(format_, value, &formatted, &error)) {
    text->append(formatted);
    out->set_text(std::move(formatted));
    return;
  }
  out->clear_scalar();
  Fail(v1::STATUS_ERROR, std::move(error), out, text);
}

}  // namespace dlog::format
