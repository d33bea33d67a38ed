// SPDX-License-Identifier: Apache-2.0
//
// Comparison of a text in the target with a literal, as Nodes that the kernel can evaluate, too.
#pragma once

#include <optional>
#include <string_view>

#include "absl/status/statusor.h"
#include "plan.pb.h"
#include "symbolizer/dwarf/type_graph.h"

namespace dlog::plan {

// Where the characters are: counted (std::string and its like), or up to a NUL.
struct TextPlace {
  v1::Node data;                 // address of the first one, each one byte
  std::optional<v1::Node> size;  // characters, unsigned long
  uint64_t room = 0;             // without `size`: bytes of the array that the text is in; 0 = not known
};

// `text` `op` `literal` (a comparison) as bool. Bytes are compared as unsigned, as char_traits<char> and strcmp do.
// Nothing is read behind the end of the text. InvalidArgument for literals that are too long.
absl::StatusOr<v1::Node> CompareText(dwarf::TypeGraph* types, v1::Operator op, const TextPlace& text,
                                     std::string_view literal);

}  // namespace dlog::plan
