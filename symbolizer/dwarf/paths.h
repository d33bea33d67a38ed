// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace dlog::dwarf {

// Removes "." and empty components and resolves ".." as text (debug information describes another machine: no
// symlinks).
std::string NormalizePath(std::string_view path);
// `path` below `directory` unless it is absolute. Not normalised.
std::string JoinPath(std::string_view directory, std::string_view path);
// Whether `path` ends in `suffix` on whole components. Both normalised.
bool PathEndsIn(std::string_view path, std::string_view suffix);
std::string_view BaseNameOfPath(std::string_view path);

}  // namespace dlog::dwarf
