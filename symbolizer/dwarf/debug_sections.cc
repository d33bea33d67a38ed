// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/debug_sections.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "symbolizer/elf/inflated_debug.h"

namespace dlog::dwarf {

DebugSections& DebugSections::operator=(DebugSections&& other) noexcept {
  std::swap(elf_, other.elf_);
  std::swap(inflated_, other.inflated_);
  std::swap(mapping_, other.mapping_);
  return *this;
}

DebugSections::~DebugSections() {
  if (inflated_ != nullptr) elf_end(inflated_);
  if (!mapping_.empty()) ::munmap(mapping_.data(), mapping_.size());
}

absl::StatusOr<DebugSections> DebugSections::Open(const elf::ElfFile& file, const elf::DebugSearch& search) {
  DebugSections out;
  out.elf_ = file.handle();
  if (!elf::HasCompressedDebug(file)) return out;
  elf::InflateOptions options;
  options.cache_directory = search.cache_directory;
  auto inflated = elf::InflatedDebug(file, options);
  if (!inflated.ok()) return inflated.status();
  struct stat st = {};
  if (::fstat(inflated->get(), &st) != 0 || st.st_size <= 0) {
    return absl::InternalError(fmt::format("{}: the inflated debug information is gone", file.path()));
  }
  const auto size = static_cast<size_t>(st.st_size);
  void* mapping = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, inflated->get(), 0);
  if (mapping == MAP_FAILED) {
    return absl::ResourceExhaustedError(
        fmt::format("{}: cannot map the inflated debug information: {}", file.path(), std::strerror(errno)));
  }
  out.mapping_ = {static_cast<char*>(mapping), size};
  out.inflated_ = elf_memory(out.mapping_.data(), out.mapping_.size());
  if (out.inflated_ == nullptr) {
    return absl::InternalError(
        fmt::format("{}: cannot read the inflated debug information: {}", file.path(), elf_errmsg(-1)));
  }
  out.elf_ = out.inflated_;
  return out;
}

std::span<const uint8_t> DebugSections::Find(std::string_view name) const { return SectionBytes(elf_, name); }

void DebugSections::ReleasePages() const {
  if (!mapping_.empty()) ::madvise(mapping_.data(), mapping_.size(), MADV_DONTNEED);
}

std::span<const uint8_t> SectionBytes(Elf* elf, std::string_view name) {
  size_t names = 0;
  if (elf == nullptr || elf_getshdrstrndx(elf, &names) != 0) return {};
  Elf_Scn* section = nullptr;
  while ((section = elf_nextscn(elf, section)) != nullptr) {
    const Elf64_Shdr* header = elf64_getshdr(section);
    if (header == nullptr || header->sh_type == SHT_NOBITS || (header->sh_flags & SHF_COMPRESSED) != 0) continue;
    const char* text = elf_strptr(elf, names, header->sh_name);
    if (text == nullptr) continue;
    const std::string_view have = text;
    // ".zdebug_line" keeps its name after decompression.
    if (have != name && !(have.starts_with(".z") && have.substr(2) == name.substr(1))) continue;
    const Elf_Data* data = elf_getdata(section, nullptr);
    if (data == nullptr || data->d_buf == nullptr) return {};
    return {static_cast<const uint8_t*>(data->d_buf), data->d_size};
  }
  return {};
}

}  // namespace dlog::dwarf
