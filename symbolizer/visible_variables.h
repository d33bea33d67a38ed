// SPDX-License-Identifier: Apache-2.0
//
// Template text that names variables by what they are: `vars` shows all of a line, `{$args}` and `{$locals}` some.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "symbolizer/statements.h"

namespace dlog::symbolizer {

// "{a} {b}": every name that an expression can spell and that some site sees on `line`, each once.
std::string AllVariables(const std::vector<StatementSite>& sites, uint32_t line);

// `text` with `{$args}` replaced by "a = {a}, b = {b}" for the parameters of the functions at the sites, and
// `{$locals}` by the same for the variables that are none. InvalidArgument when such a name has a format, and for
// syntax errors.
absl::StatusOr<std::string> ExpandVariables(std::string_view text, const std::vector<StatementSite>& sites,
                                            uint32_t line);

}  // namespace dlog::symbolizer
