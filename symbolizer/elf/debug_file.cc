// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/elf/debug_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "absl/status/status.h"
#include "symbolizer/base/status_hint.h"
#include "symbolizer/elf/build_id.h"
#include "symbolizer/elf/crc32.h"
#include "symbolizer/sandbox/protocol.h"

namespace dlog::elf {
namespace {

constexpr char kExplicitHint[] = "use the debug file of exactly this build; compare `readelf -n` of both files";

struct DebugLink {
  std::string name;
  uint32_t crc = 0;
};

bool HasDwarf(const ElfFile& file) { return file.has_section(".debug_info") || file.has_section(".zdebug_info"); }

std::string Directory(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

// .gnu_debuglink: file name, NUL, padding to 4 bytes, CRC-32 (gdb manual, "Debugging Information in Separate Files").
std::optional<DebugLink> ReadDebugLink(const ElfFile& file) {
  size_t names = 0;
  if (elf_getshdrstrndx(file.handle(), &names) != 0) return std::nullopt;
  Elf_Scn* section = nullptr;
  while ((section = elf_nextscn(file.handle(), section)) != nullptr) {
    const Elf64_Shdr* header = elf64_getshdr(section);
    if (header == nullptr || header->sh_type == SHT_NOBITS) continue;
    const char* name = elf_strptr(file.handle(), names, header->sh_name);
    if (name == nullptr || std::strcmp(name, ".gnu_debuglink") != 0) continue;
    const Elf_Data* data = elf_rawdata(section, nullptr);
    if (data == nullptr || data->d_buf == nullptr) return std::nullopt;
    const std::string_view bytes(static_cast<const char*>(data->d_buf), data->d_size);
    const size_t length = bytes.find('\0');
    if (length == std::string_view::npos || length == 0) return std::nullopt;
    const size_t crc_at = (length + 1 + 3) & ~size_t{3};
    if (crc_at + 4 > bytes.size()) return std::nullopt;
    DebugLink link{std::string(bytes.substr(0, length)), 0};
    // The name is a plain file name; a path would let a binary point anywhere.
    if (link.name.find('/') != std::string::npos) return std::nullopt;
    std::memcpy(&link.crc, bytes.data() + crc_at, 4);
    return link;
  }
  return std::nullopt;
}

// Without build-ids on both sides the layout of the code has to agree.
bool SameCodeLayout(const ElfFile& a, const ElfFile& b) {
  auto layout = [](const ElfFile& file) {
    std::vector<std::pair<uint64_t, uint64_t>> out;
    Elf_Scn* section = nullptr;
    while ((section = elf_nextscn(file.handle(), section)) != nullptr) {
      const Elf64_Shdr* header = elf64_getshdr(section);
      if (header != nullptr && (header->sh_flags & SHF_EXECINSTR) != 0)
        out.emplace_back(header->sh_addr, header->sh_size);
    }
    return out;
  };
  const auto left = layout(a);
  return !left.empty() && left == layout(b);
}

absl::Status Mismatch(const ElfFile& binary, const ElfFile& candidate, std::string_view how) {
  return absl::FailedPreconditionError(
      fmt::format("{}: debug file {} ({}) belongs to another build: build-id {} but the binary has {}", binary.path(),
                  candidate.path(), how, BuildIdHex(candidate.build_id()), BuildIdHex(binary.build_id())));
}

absl::StatusOr<std::string> CheckExplicit(const ElfFile& binary, const std::string& path) {
  auto candidate = ElfFile::Open(path);
  if (!candidate.ok()) return WithContext(candidate.status(), "--debug-file");
  const bool comparable = !binary.build_id().empty() && !(*candidate)->build_id().empty();
  const bool same = comparable ? binary.build_id() == (*candidate)->build_id() : SameCodeLayout(binary, **candidate);
  if (!same) return WithHint(Mismatch(binary, **candidate, "named with --debug-file"), kExplicitHint);
  if (!HasDwarf(**candidate)) {
    return WithHint(absl::NotFoundError(fmt::format("{}: the debug file has no .debug_info section", path)),
                    "name the file that `objcopy --only-keep-debug` or the -dbgsym package made");
  }
  return path;
}

// One place to look: ok and true = found, ok and false = look on.
absl::StatusOr<bool> TryPlace(const ElfFile& binary, const std::string& path, const DebugLink* link) {
  auto candidate = ElfFile::Open(path);
  if (!candidate.ok()) return false;
  if (!HasDwarf(**candidate)) return false;
  if (!binary.build_id().empty() && !(*candidate)->build_id().empty()) {
    if (binary.build_id() == (*candidate)->build_id()) return true;
    return Mismatch(binary, **candidate, link != nullptr ? "found through .gnu_debuglink" : "found by build-id path");
  }
  if (link == nullptr || Crc32((*candidate)->image()) == link->crc) return link != nullptr;
  return absl::FailedPreconditionError(fmt::format(
      "{}: debug file {} (found through .gnu_debuglink) belongs to another build: its CRC is {:#010x} but the "
      "link wants {:#010x}; build-ids {} and {}",
      binary.path(), path, Crc32((*candidate)->image()), link->crc, BuildIdHex((*candidate)->build_id()),
      BuildIdHex(binary.build_id())));
}

std::vector<std::string> DebugLinkPlaces(const ElfFile& binary, const DebugSearch& search, const DebugLink& link) {
  const std::string directory = Directory(binary.path());
  std::vector<std::string> out = {directory + "/" + link.name, directory + "/.debug/" + link.name};
  // The binary's own directory as the target sees it, below each debug directory.
  const std::string inside = search.AsTargetSees(directory);
  for (const std::string& debug : search.Trees()) {
    const std::string_view separator = inside.empty() || inside.front() != '/' ? "/" : "";
    out.push_back(fmt::format("{}{}{}/{}", debug, separator, inside, link.name));
  }
  return out;
}

std::string DebuginfodOutcome(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return "debuginfod (what the servers have is of no use)";
    case absl::StatusCode::kNotFound:
      return "debuginfod (the servers do not have it)";
    case absl::StatusCode::kPermissionDenied:
      return "debuginfod (no servers: DEBUGINFOD_URLS is not set)";
    default:
      return fmt::format("debuginfod ({})", std::string(status.message()));
  }
}

absl::Status NothingFound(const ElfFile& binary, bool stripped, const std::vector<std::string>& tried) {
  const std::string places = tried.empty()
                                 ? std::string("nowhere else to look: it has no build-id and no .gnu_debuglink")
                                 : fmt::format("tried: {}", fmt::join(tried, ", "));
  if (stripped) {
    return WithHint(
        absl::NotFoundError(fmt::format("{}: stripped binary (build-id {}) and no separate debug file; {}",
                                        binary.path(), BuildIdHex(binary.build_id()), places)),
        "install the package with its debug symbols (-dbgsym or -dbg), name the file with --debug-file, or set "
        "DEBUGINFOD_URLS");
  }
  return WithHint(
      absl::NotFoundError(fmt::format("{}: no debug information: the binary has symbols but was built without -g; {}",
                                      binary.path(), places)),
      "build it with -g (any optimisation level), or name its debug file with --debug-file");
}

}  // namespace

std::string DebugSearch::InRoot(const std::string& path) const {
  std::string prefix = root;
  while (!prefix.empty() && prefix.back() == '/') prefix.pop_back();
  return path.empty() || path.front() != '/' ? prefix + "/" + path : prefix + path;
}

std::string DebugSearch::AsTargetSees(const std::string& path) const {
  std::string prefix = root;
  while (!prefix.empty() && prefix.back() == '/') prefix.pop_back();
  const bool below = !prefix.empty() && path.starts_with(prefix + "/");
  return below ? path.substr(prefix.size()) : path;
}

std::vector<std::string> DebugSearch::Trees() const {
  std::vector<std::string> out;
  for (const std::string& directory : directories) out.push_back(InRoot(directory));
  for (const std::string& directory : own_directories) {
    if (std::find(out.begin(), out.end(), directory) == out.end()) out.push_back(directory);
  }
  return out;
}

std::vector<std::string> BuildIdPlaces(const std::string& build_id, const DebugSearch& search) {
  std::vector<std::string> out;
  if (build_id.size() < kMinBuildIdSize) return out;
  const std::string hex = BuildIdHex(build_id);
  for (const std::string& tree : search.Trees()) {
    out.push_back(fmt::format("{}/.build-id/{}/{}.debug", tree, hex.substr(0, 2), hex.substr(2)));
  }
  return out;
}

std::string DebuginfodName(const std::string& build_id) { return sandbox::kDebuginfodPrefix + BuildIdHex(build_id); }

absl::StatusOr<std::string> FindDebugFile(const ElfFile& binary, const DebugSearch& search) {
  if (!search.explicit_file.empty()) return CheckExplicit(binary, search.explicit_file);
  if (HasDwarf(binary)) return binary.path();
  std::vector<std::string> tried;
  // A wrong file in one place must not hide the right one in the next; it is reported when nothing else is found.
  absl::Status mismatch;
  auto look = [&](const std::string& path, const DebugLink* link) {
    tried.push_back(path);
    if (path == binary.path()) return false;
    absl::StatusOr<bool> found = TryPlace(binary, path, link);
    if (!found.ok() && mismatch.ok()) mismatch = found.status();
    return found.ok() && *found;
  };
  for (const std::string& path : BuildIdPlaces(binary.build_id(), search)) {
    if (look(path, nullptr)) return path;
  }
  const std::optional<DebugLink> link = ReadDebugLink(binary);
  if (link.has_value()) {
    for (const std::string& path : DebugLinkPlaces(binary, search, *link)) {
      if (look(path, &*link)) return path;
    }
  }
  // Last: it costs a download.
  if (!binary.build_id().empty()) {
    std::string name = DebuginfodName(binary.build_id());
    auto fetched = ElfFile::Open(name);
    if (fetched.ok() && look(name, nullptr)) return name;
    tried.push_back(DebuginfodOutcome(fetched.status()));
  }
  if (!mismatch.ok()) return WithHint(mismatch, "install the debug symbols of exactly this build, or use --debug-file");
  return NothingFound(binary, !binary.has_section(".symtab") || link.has_value(), tried);
}

}  // namespace dlog::elf
