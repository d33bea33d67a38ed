// SPDX-License-Identifier: Apache-2.0
#include "cli/source_file.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <vector>

#include "cli/md5.h"

namespace dlog::cli {
namespace {

constexpr size_t kMd5Bytes = 16;
constexpr uintmax_t kLargestSource = 256 << 20;

std::string_view BaseName(std::string_view path) { return path.substr(path.rfind('/') + 1); }

std::vector<std::string> Places(const std::string& compiled, std::string_view location) {
  std::vector<std::string> out;
  const std::string named(location.substr(0, location.rfind(':')));
  // "function:NAME" names no file.
  if (BaseName(named) == BaseName(compiled)) out.push_back(named);
  for (size_t at = compiled.find('/'); at != std::string::npos; at = compiled.find('/', at + 1)) {
    out.push_back(compiled.substr(at + 1));
  }
  out.push_back(compiled);
  return out;
}

bool IsSourceFile(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error) && std::filesystem::file_size(path, error) <= kLargestSource;
}

}  // namespace

SourceComparison CompareSource(std::string_view md5, const std::string& compiled, std::string_view location) {
  SourceComparison out;
  if (md5.size() != kMd5Bytes) return out;
  for (const std::string& place : Places(compiled, location)) {
    if (!IsSourceFile(place)) continue;
    std::ifstream file(place, std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    if (!file.is_open() || file.bad()) continue;
    out.local = place;
    out.verdict = Md5(text) == md5 ? v1::CHECKSUM_MATCH : v1::CHECKSUM_DIFFERS;
    return out;
  }
  return out;
}

std::string DifferenceText(const SourceComparison& comparison) {
  return fmt::format("your {} differs from the one that was compiled: its line numbers may be others",
                     comparison.local);
}

}  // namespace dlog::cli
