// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/module.h"

#include <elf.h>
#include <elfutils/libdwelf.h>
#include <fmt/format.h>

#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "symbolizer/base/status_hint.h"
#include "symbolizer/dwarf/unit_index.h"
#include "symbolizer/elf/build_id.h"

namespace dlog::dwarf {
namespace {

// libelf 0.188 knows zlib only; a section in another format would silently be taken as absent.
absl::Status CheckCompression(const elf::ElfFile& file) {
  size_t names = 0;
  if (elf_getshdrstrndx(file.handle(), &names) != 0) return absl::OkStatus();
  Elf_Scn* section = nullptr;
  while ((section = elf_nextscn(file.handle(), section)) != nullptr) {
    const Elf64_Shdr* header = elf64_getshdr(section);
    if (header == nullptr || (header->sh_flags & SHF_COMPRESSED) == 0) continue;
    const Elf64_Chdr* compression = elf64_getchdr(section);
    if (compression != nullptr && compression->ch_type == ELFCOMPRESS_ZLIB) continue;
    const char* name = elf_strptr(file.handle(), names, header->sh_name);
    return WithHint(
        absl::UnimplementedError(fmt::format("{}: section {} is compressed in a format that libelf cannot read",
                                             file.path(), name == nullptr ? "?" : name)),
        "convert it with `objcopy --decompress-debug-sections`");
  }
  return absl::OkStatus();
}

// The dwz file: named by path (relative to the debug file) and build-id.
std::unique_ptr<elf::ElfFile> OpenAlternate(Dwarf* dwarf, const std::string& debug_path,
                                            const elf::DebugSearch& search) {
  const char* name = nullptr;
  const void* id = nullptr;
  const ssize_t id_size = dwelf_dwarf_gnu_debugaltlink(dwarf, &name, &id);
  if (id_size <= 0 || name == nullptr) return nullptr;
  const std::string build_id(static_cast<const char*>(id), id_size);
  std::string root = search.root;
  while (!root.empty() && root.back() == '/') root.pop_back();
  std::vector<std::string> places;
  if (name[0] == '/') {
    places.push_back(root + name);
  } else {
    const size_t slash = debug_path.rfind('/');
    places.push_back((slash == std::string::npos ? "." : debug_path.substr(0, slash)) + "/" + name);
  }
  const std::string hex = elf::BuildIdHex(build_id);
  if (hex.size() > 2) {
    for (const std::string& directory : search.directories) {
      places.push_back(fmt::format("{}{}/.build-id/{}/{}.debug", root, directory, hex.substr(0, 2), hex.substr(2)));
    }
  }
  for (const std::string& place : places) {
    auto file = elf::ElfFile::Open(place);
    if (file.ok() && (*file)->build_id() == build_id) return *std::move(file);
  }
  return nullptr;
}

}  // namespace

Module::Module() : cache_(std::make_unique<ModuleCache>()) {}

Module::~Module() {
  if (eh_frame_ != nullptr) dwarf_cfi_end(eh_frame_);
  if (dwarf_ != nullptr) dwarf_end(dwarf_);
  if (alternate_ != nullptr) dwarf_end(alternate_);
}

absl::StatusOr<std::unique_ptr<Module>> Module::Open(const std::string& path, const elf::DebugSearch& search) {
  auto binary = elf::ElfFile::Open(path);
  if (!binary.ok()) return binary.status();
  auto debug_path = elf::FindDebugFile(**binary, search);
  if (!debug_path.ok()) return debug_path.status();

  std::unique_ptr<Module> module(new Module());
  module->binary_ = *std::move(binary);
  module->debug_path_ = *std::move(debug_path);
  const elf::ElfFile* source = module->binary_.get();
  if (module->debug_path_ != path) {
    auto debug = elf::ElfFile::Open(module->debug_path_);
    if (!debug.ok()) return debug.status();
    module->debug_ = *std::move(debug);
    source = module->debug_.get();
  }
  if (absl::Status s = CheckCompression(*source); !s.ok()) return s;
  module->dwarf_ = dwarf_begin_elf(source->handle(), DWARF_C_READ, nullptr);
  if (module->dwarf_ == nullptr) {
    return absl::InvalidArgumentError(
        fmt::format("{}: cannot read its debug information: {}", module->debug_path_, dwarf_errmsg(-1)));
  }
  module->alternate_file_ = OpenAlternate(module->dwarf_, module->debug_path_, search);
  if (module->alternate_file_ != nullptr) {
    module->alternate_ = dwarf_begin_elf(module->alternate_file_->handle(), DWARF_C_READ, nullptr);
    if (module->alternate_ != nullptr) dwarf_setalt(module->dwarf_, module->alternate_);
  }
  module->debug_frame_ = dwarf_getcfi(module->dwarf_);
  module->eh_frame_ = dwarf_getcfi_elf(module->binary_->handle());
  return module;
}

}  // namespace dlog::dwarf
