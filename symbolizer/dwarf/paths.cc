// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/paths.h"

#include <vector>

namespace dlog::dwarf {

std::string NormalizePath(std::string_view path) {
  const bool absolute = !path.empty() && path.front() == '/';
  std::vector<std::string_view> parts;
  for (size_t at = 0; at <= path.size();) {
    const size_t slash = std::min(path.find('/', at), path.size());
    const std::string_view part = path.substr(at, slash - at);
    at = slash + 1;
    if (part.empty() || part == ".") continue;
    if (part == ".." && !parts.empty() && parts.back() != "..") {
      parts.pop_back();
    } else if (part != ".." || !absolute) {
      parts.push_back(part);
    }
  }
  std::string out;
  for (const std::string_view part : parts) {
    if (!out.empty() || absolute) out += '/';
    out += part;
  }
  return out.empty() && absolute ? "/" : out;
}

std::string JoinPath(std::string_view directory, std::string_view path) {
  if (directory.empty() || (!path.empty() && path.front() == '/')) return std::string(path);
  std::string out(directory);
  out += '/';
  out += path;
  return out;
}

bool PathEndsIn(std::string_view path, std::string_view suffix) {
  if (suffix.empty() || !path.ends_with(suffix)) return false;
  if (path.size() == suffix.size()) return true;
  return suffix.front() != '/' && path[path.size() - suffix.size() - 1] == '/';
}

std::string_view BaseNameOfPath(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

}  // namespace dlog::dwarf
