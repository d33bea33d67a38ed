// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/supplementary.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "symbolizer/base/status_hint.h"
#include "symbolizer/dwarf/cursor.h"
#include "symbolizer/elf/build_id.h"

namespace dlog::dwarf {
namespace {

struct Link {
  std::string name;
  std::string build_id;
};

std::string AsString(std::span<const uint8_t> bytes) {
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

std::optional<Link> ReadLink(const DebugSections& sections) {
  const auto bytes = sections.Find(".gnu_debugaltlink");
  if (bytes.empty()) return std::nullopt;
  Cursor cursor(bytes);
  Link link;
  link.name = std::string(cursor.CString());
  if (!cursor.ok() || link.name.empty()) return std::nullopt;
  link.build_id = AsString(cursor.Bytes(cursor.remaining()));
  return link;
}

// The name in .debug_sup of a file that refers to another by it; empty when it does not.
std::string SupName(const DebugSections& sections) {
  Cursor cursor(sections.Find(".debug_sup"));
  if (cursor.U16() != 5 || cursor.U8() != 0) return "";
  return std::string(cursor.CString());
}

std::vector<std::string> Places(const Link& link, const std::string& debug_path, const elf::DebugSearch& search) {
  std::vector<std::string> places;
  if (link.name.starts_with("/")) {
    places.push_back(search.InRoot(link.name));
  } else {
    const size_t slash = debug_path.rfind('/');
    places.push_back((slash == std::string::npos ? "." : debug_path.substr(0, slash)) + "/" + link.name);
  }
  for (std::string& place : elf::BuildIdPlaces(link.build_id, search)) places.push_back(std::move(place));
  if (!link.build_id.empty()) places.push_back(elf::DebuginfodName(link.build_id));
  return places;
}

}  // namespace

absl::StatusOr<std::unique_ptr<elf::ElfFile>> OpenSupplementary(const DebugSections& sections,
                                                                const std::string& debug_path,
                                                                const elf::DebugSearch& search) {
  if (const std::string name = SupName(sections); !name.empty()) {
    // elfutils 0.188 looks for the target of DW_FORM_ref_sup4 in the wrong file: variables would get other types.
    return WithHint(absl::UnimplementedError(fmt::format(
                        "{}: its shared debug information is in {}, referred to in the form of DWARF 5 (.debug_sup)",
                        debug_path, name)),
                    "run dwz without --dwarf-5: the GNU form (.gnu_debugaltlink) works");
  }
  const std::optional<Link> link = ReadLink(sections);
  if (!link.has_value()) return std::unique_ptr<elf::ElfFile>();
  const std::vector<std::string> places = Places(*link, debug_path, search);
  std::string other;
  for (const std::string& place : places) {
    auto file = elf::ElfFile::OpenDebugFile(place);
    if (!file.ok()) continue;
    if (!link->build_id.empty() && (*file)->build_id() == link->build_id) return file;
    if (other.empty()) {
      other = fmt::format("; {} is of another build (build-id {})", place, elf::BuildIdHex((*file)->build_id()));
    }
  }
  return WithHint(absl::NotFoundError(fmt::format(
                      "{}: the file with its shared debug information, {} (build-id {}), is missing; tried: {}{}",
                      debug_path, link->name, elf::BuildIdHex(link->build_id), fmt::join(places, ", "), other)),
                  "install the debug symbols of exactly this build completely: dwz moves what packages share into a "
                  "file of its own");
}

}  // namespace dlog::dwarf
