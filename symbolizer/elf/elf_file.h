// SPDX-License-Identifier: Apache-2.0
//
// An ELF file as the kernel maps it: segments, build-id, code bytes, function symbols. Knows no DWARF.
#pragma once

#include <libelf.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "symbolizer/base/addresses.h"
#include "symbolizer/base/unique_fd.h"

namespace dlog::elf {

struct Segment {
  LinkAddress address;
  FileOffset offset;
  uint64_t file_size = 0;
  bool executable = false;
};

struct Symbol {
  std::string name;  // mangled
  LinkAddress address;
  uint64_t size = 0;
};

// Thread-compatible. All returned spans live as long as the ElfFile.
class ElfFile {
 public:
  // Maps `path` read-only. InvalidArgument when it is not a complete x86-64 ELF executable or shared library (garbage,
  // truncated, other class or machine), NotFound / PermissionDenied when it cannot be opened; the message names `path`.
  static absl::StatusOr<std::unique_ptr<ElfFile>> Open(const std::string& path);
  // The same for a file that holds debug information only and may be relocatable in name: .dwp, dwz's common file.
  static absl::StatusOr<std::unique_ptr<ElfFile>> OpenDebugFile(const std::string& path);
  ~ElfFile();

  const std::string& path() const { return path_; }
  // Bytes of NT_GNU_BUILD_ID; empty when there is none.
  const std::string& build_id() const { return build_id_; }
  Elf* handle() const { return elf_; }
  int fd() const { return fd_.get(); }

  // OutOfRange when `address` is in no file-backed segment.
  absl::StatusOr<FileOffset> ToFileOffset(LinkAddress address) const;
  // Up to `max_bytes` of file content at `address`, only from executable segments; fewer at the segment's end.
  absl::StatusOr<std::span<const uint8_t>> CodeAt(LinkAddress address, size_t max_bytes) const;

  bool has_section(const char* name) const;
  // Whether `address` lies in code: an executable segment and, when there are section headers, an executable section.
  // Dead line sequences and functions (address 0, linker tombstones) do not.
  bool IsCode(LinkAddress address) const;
  // A file made by `objcopy --only-keep-debug`: its segments have no content, so segments() is empty.
  bool is_debug_only() const { return debug_only_; }
  // The whole file.
  std::span<const uint8_t> image() const { return image_; }
  const std::vector<Segment>& segments() const { return segments_; }

 private:
  ElfFile() = default;
  static absl::StatusOr<std::unique_ptr<ElfFile>> Open(const std::string& path, bool any_type);
  absl::Status Map();
  absl::Status ReadHeader(bool any_type);
  absl::Status ReadSections();
  absl::Status ReadSegments();

  std::string path_;
  UniqueFd fd_;
  Elf* elf_ = nullptr;
  std::string build_id_;
  std::vector<Segment> segments_;
  std::vector<std::pair<LinkAddress, LinkAddress>> code_sections_;  // half-open
  bool debug_only_ = false;
  std::span<const uint8_t> image_;  // the whole file, mapped
};

}  // namespace dlog::elf
