// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/stored_types.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "symbolizer/dwarf/die.h"
#include "symbolizer/elf/crc32.h"
#include "symbolizer/elf/inflate_cache.h"
#include "symbolizer/elf/inflated_debug.h"
#include "symbolizer/elf/section_file.h"

namespace dlog::dwarf {
namespace {

constexpr size_t kMaxStoredTypes = 4u << 20;  // 96 MiB
constexpr uint64_t kHeaderBytes = sizeof(uint64_t);

// Empty when nothing can be kept. The number is that of the format.
std::string KeyOf(const Module& module) {
  const elf::ElfFile& file = module.debug_file();
  const std::string key = elf::CacheKey(file.build_id(), file.fd());
  // Type units and files of their own: an offset alone would not say where.
  const bool in_one_section = module.supplementary() == nullptr && module.sections().Find(".debug_types").empty();
  return key.empty() || !in_one_section ? "" : key + "-types1";
}

elf::InflateCache CacheOf(const Module& module) {
  return elf::InflateCache(module.cache_directory(), elf::InflateOptions().cache_bytes);
}

bool ReadAt(int fd, void* out, size_t size, uint64_t offset) {
  return ::pread(fd, out, size, static_cast<off_t>(offset)) == static_cast<ssize_t>(size);
}

}  // namespace

uint64_t HashOfName(std::string_view name) {
  uint64_t hash = 14695981039346656037u;  // FNV-1a: the same in every process
  for (const char c : name) hash = (hash ^ static_cast<uint8_t>(c)) * 1099511628211u;
  return hash;
}

std::optional<std::vector<StoredType>> ReadStoredTypes(const Module& module) {
  const std::string key = KeyOf(module);
  if (key.empty() || module.cache_directory().empty()) return std::nullopt;
  const std::optional<UniqueFd> file = CacheOf(module).Lookup(key);
  uint64_t count = 0;
  if (!file.has_value() || !ReadAt(file->get(), &count, sizeof(count), 0) || count > kMaxStoredTypes) {
    return std::nullopt;
  }
  struct stat st = {};
  const uint64_t bytes = count * sizeof(StoredType);
  if (::fstat(file->get(), &st) != 0 || static_cast<uint64_t>(st.st_size) < kHeaderBytes + bytes) return std::nullopt;
  std::vector<StoredType> types(count);
  if (!ReadAt(file->get(), types.data(), bytes, kHeaderBytes)) return std::nullopt;
  return types;
}

void WriteStoredTypes(const Module& module, std::vector<StoredType> types) {
  const std::string key = KeyOf(module);
  if (key.empty() || module.cache_directory().empty() || types.empty() || types.size() > kMaxStoredTypes) return;
  std::sort(types.begin(), types.end());
  elf::InflateCache cache = CacheOf(module);
  auto draft = cache.NewFile(key);
  if (!draft.ok()) return;
  const uint64_t count = types.size();
  std::vector<uint8_t> content(kHeaderBytes + count * sizeof(StoredType));
  std::memcpy(content.data(), &count, sizeof(count));
  std::memcpy(content.data() + kHeaderBytes, types.data(), content.size() - kHeaderBytes);
  if (!elf::WriteFileAt(draft->fd.get(), content.data(), content.size(), 0).ok()) return;
  // A failure means that nothing is kept.
  (void)cache.Publish(*std::move(draft), {{0, content.size(), elf::Crc32(content), 0}}, content.size());
}

std::vector<Dwarf_Die> FindStored(const Module& module, const std::vector<StoredType>& types, std::string_view name,
                                  StoredType::Kind kind) {
  std::vector<Dwarf_Die> out;
  const uint64_t hash = HashOfName(name);
  for (auto at = std::lower_bound(types.begin(), types.end(), StoredType{hash, 0, 0, 0});
       at != types.end() && at->name == hash; ++at) {
    Dwarf_Die die;
    if (at->kind != kind || dwarf_offdie(module.dwarf(), at->offset, &die) == nullptr) continue;
    // Other names may have the same hash.
    if (name.ends_with(NameOf(die)) && NameOf(die)[0] != '\0') out.push_back(die);
  }
  return out;
}

}  // namespace dlog::dwarf
