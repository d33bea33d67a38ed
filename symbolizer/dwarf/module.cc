// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/module.h"

#include <elf.h>
#include <elfutils/libdwelf.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "symbolizer/base/status_hint.h"
#include "symbolizer/dwarf/callers.h"
#include "symbolizer/dwarf/unit_index.h"
#include "symbolizer/elf/build_id.h"
#include "symbolizer/elf/inflated_debug.h"

namespace dlog::dwarf {
namespace {

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

// Opens the DWARF of `file`; compressed sections are inflated to disk first, so that memory holds only what is read.
absl::Status OpenDwarf(const elf::ElfFile& file, const elf::DebugSearch& search, DwarfSource* out) {
  Elf* elf = file.handle();
  if (elf::HasCompressedDebug(file)) {
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
    out->mapping = {static_cast<char*>(mapping), size};
    out->inflated = elf_memory(out->mapping.data(), out->mapping.size());
    if (out->inflated == nullptr) {
      return absl::InternalError(
          fmt::format("{}: cannot read the inflated debug information: {}", file.path(), elf_errmsg(-1)));
    }
    elf = out->inflated;
  }
  out->dwarf = dwarf_begin_elf(elf, DWARF_C_READ, nullptr);
  if (out->dwarf == nullptr) {
    return absl::InvalidArgumentError(
        fmt::format("{}: cannot read its debug information: {}", file.path(), dwarf_errmsg(-1)));
  }
  return absl::OkStatus();
}

}  // namespace

Module::Module() : cache_(std::make_unique<ModuleCache>()) {}

Module::~Module() {
  if (eh_frame_ != nullptr) dwarf_cfi_end(eh_frame_);
}

DwarfSource::~DwarfSource() {
  if (dwarf != nullptr) dwarf_end(dwarf);
  if (inflated != nullptr) elf_end(inflated);
  if (!mapping.empty()) ::munmap(mapping.data(), mapping.size());
}

void DwarfSource::ReleasePages() const {
  if (!mapping.empty()) ::madvise(mapping.data(), mapping.size(), MADV_DONTNEED);
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
  if (absl::Status s = OpenDwarf(*source, search, &module->dwarf_source_); !s.ok()) return s;
  module->alternate_file_ = OpenAlternate(module->dwarf(), module->debug_path_, search);
  if (module->alternate_file_ != nullptr &&
      OpenDwarf(*module->alternate_file_, search, &module->alternate_source_).ok()) {
    dwarf_setalt(module->dwarf(), module->alternate_source_.dwarf);
  }
  module->debug_frame_ = dwarf_getcfi(module->dwarf());
  module->eh_frame_ = dwarf_getcfi_elf(module->binary_->handle());
  return module;
}

}  // namespace dlog::dwarf
