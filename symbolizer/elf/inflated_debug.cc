// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/elf/inflated_debug.h"

#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <numeric>
#include <thread>
#include <vector>

#include "symbolizer/elf/build_id.h"
#include "symbolizer/elf/crc32.h"
#include "symbolizer/elf/inflate_cache.h"
#include "symbolizer/elf/section_file.h"
#include "symbolizer/elf/section_inflater.h"

namespace dlog::elf {
namespace {

constexpr size_t kMaxSections = 256;
constexpr size_t kGnuHeaderBytes = 12;  // "ZLIB" and the size, big-endian
constexpr unsigned kMaxThreads = 4;

bool WantedName(std::string_view name) {
  return name.starts_with(".debug_") || name.starts_with(".zdebug_") || name == ".gnu_debugaltlink";
}

// The header of a ".zdebug_" section; false when it is none.
bool ReadGnuHeader(std::span<const uint8_t> bytes, SectionContent* section) {
  if (bytes.size() < kGnuHeaderBytes || std::memcmp(bytes.data(), "ZLIB", 4) != 0) return false;
  section->inflated_size = 0;
  for (size_t i = 4; i < kGnuHeaderBytes; ++i) section->inflated_size = section->inflated_size << 8 | bytes[i];
  section->compression = Compression::kZlib;
  section->offset += kGnuHeaderBytes;
  section->stored_size -= kGnuHeaderBytes;
  section->name.erase(1, 1);
  return true;
}

absl::Status ReadElfHeader(const ElfFile& file, std::span<const uint8_t> bytes, SectionContent* section) {
  Elf64_Chdr header;
  if (bytes.size() < sizeof(header)) {
    return absl::DataLossError(fmt::format("{}: section {} is too short", file.path(), section->name));
  }
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (header.ch_type == ELFCOMPRESS_ZLIB) {
    section->compression = Compression::kZlib;
  } else if (header.ch_type == 2) {  // ELFCOMPRESS_ZSTD, newer than the system headers
    section->compression = Compression::kZstd;
  } else {
    return absl::UnimplementedError(
        fmt::format("{}: section {} has compression type {}", file.path(), section->name, header.ch_type));
  }
  section->inflated_size = header.ch_size;
  section->offset += sizeof(header);
  section->stored_size -= sizeof(header);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<SectionContent>> DebugSections(const ElfFile& file) {
  std::vector<SectionContent> out;
  size_t names = 0;
  if (elf_getshdrstrndx(file.handle(), &names) != 0) return out;
  uint64_t total = 0;
  Elf_Scn* scn = nullptr;
  while ((scn = elf_nextscn(file.handle(), scn)) != nullptr && out.size() < kMaxSections) {
    const Elf64_Shdr* header = elf64_getshdr(scn);
    if (header == nullptr || header->sh_type == SHT_NOBITS) continue;
    const char* name = elf_strptr(file.handle(), names, header->sh_name);
    if (name == nullptr || !WantedName(name)) continue;
    const std::span<const uint8_t> image = file.image();
    if (header->sh_offset > image.size() || header->sh_size > image.size() - header->sh_offset) continue;
    const std::span<const uint8_t> bytes = image.subspan(header->sh_offset, header->sh_size);
    SectionContent section{name, Compression::kNone, header->sh_offset, header->sh_size, header->sh_size};
    if ((header->sh_flags & SHF_COMPRESSED) != 0) {
      if (absl::Status status = ReadElfHeader(file, bytes, &section); !status.ok()) return status;
    } else if (section.name.starts_with(".zdebug_") && !ReadGnuHeader(bytes, &section)) {
      continue;
    }
    if (section.inflated_size > kMaxInflatedBytes - total) {
      return absl::ResourceExhaustedError(
          fmt::format("{}: its debug sections claim more than {} GiB", file.path(), kMaxInflatedBytes >> 30));
    }
    total += section.inflated_size;
    out.push_back(std::move(section));
  }
  return out;
}

absl::Status InflateInto(int out, const ElfFile& file, const SectionContent& section, uint64_t at, uint32_t* checksum) {
  *checksum = 0;
  return InflateSection(file.fd(), section, [&](std::span<const uint8_t> bytes) {
    *checksum = Crc32(bytes, *checksum);
    absl::Status status = WriteFileAt(out, bytes.data(), bytes.size(), at);
    at += bytes.size();
    return status;
  });
}

// Largest first over a few threads: the time is that of .debug_info.
absl::Status InflateAll(int out, const ElfFile& file, const std::vector<SectionContent>& sections,
                        const SectionFile& layout, std::vector<CheckedRange>* ranges) {
  std::vector<size_t> order(sections.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return sections[a].stored_size > sections[b].stored_size; });
  std::vector<absl::Status> results(sections.size());
  ranges->resize(sections.size());
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t i = next++; i < order.size(); i = next++) {
      const size_t s = order[i];
      CheckedRange& range = (*ranges)[s];
      range.offset = layout.offset(s);
      range.size = sections[s].inflated_size;
      results[s] = InflateInto(out, file, sections[s], layout.offset(s), &range.checksum);
    }
  };
  const unsigned threads = std::min({kMaxThreads, std::max(1u, std::thread::hardware_concurrency()),
                                     static_cast<unsigned>(std::max<size_t>(1, sections.size()))});
  std::vector<std::thread> pool;
  for (unsigned i = 1; i < threads; ++i) pool.emplace_back(work);
  work();
  for (std::thread& thread : pool) thread.join();
  for (const absl::Status& result : results) {
    if (!result.ok())
      return absl::Status(result.code(), fmt::format("{}: {}", file.path(), std::string(result.message())));
  }
  return absl::OkStatus();
}

}  // namespace

bool HasCompressedDebug(const ElfFile& file) {
  auto sections = DebugSections(file);
  if (!sections.ok()) return true;  // the error is told when it is inflated
  return std::any_of(sections->begin(), sections->end(),
                     [](const SectionContent& section) { return section.compression != Compression::kNone; });
}

absl::StatusOr<UniqueFd> InflatedDebug(const ElfFile& file, const InflateOptions& options) {
  InflateCache cache(options.cache_directory, options.cache_bytes);
  const std::string key = CacheKey(file.build_id(), file.fd());
  if (auto cached = cache.Lookup(key)) return *std::move(cached);

  auto sections = DebugSections(file);
  if (!sections.ok()) return sections.status();
  auto draft = cache.NewFile(key);
  if (!draft.ok()) return draft.status();
  const int out = draft->fd.get();
  std::vector<SectionFile::Section> planned;
  for (const SectionContent& section : *sections) planned.push_back({section.name, section.inflated_size});
  const SectionFile layout(planned);
  std::vector<CheckedRange> ranges;
  if (absl::Status s = InflateAll(out, file, *sections, layout, &ranges); !s.ok()) return s;
  if (absl::Status s = layout.WriteFrame(out); !s.ok()) return s;
  return cache.Publish(*std::move(draft), std::move(ranges), layout.size());
}

}  // namespace dlog::elf
