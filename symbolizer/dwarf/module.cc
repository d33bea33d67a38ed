// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/module.h"

#include <fmt/format.h>

#include <utility>

#include "absl/status/status.h"
#include "symbolizer/dwarf/callers.h"
#include "symbolizer/dwarf/supplementary.h"
#include "symbolizer/dwarf/unit_index.h"

namespace dlog::dwarf {
namespace {

// Compressed sections are inflated to disk first, so that memory holds only what is read.
absl::Status OpenDwarf(const elf::ElfFile& file, const elf::DebugSearch& search, DwarfSource* out) {
  auto sections = DebugSections::Open(file, search);
  if (!sections.ok()) return sections.status();
  out->sections = *std::move(sections);
  out->dwarf = dwarf_begin_elf(out->sections.elf(), DWARF_C_READ, nullptr);
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
}

absl::StatusOr<std::unique_ptr<Module>> Module::Open(const std::string& path, const elf::DebugSearch& search) {
  auto binary = elf::ElfFile::Open(path);
  if (!binary.ok()) return binary.status();
  auto debug_path = elf::FindDebugFile(**binary, search);
  if (!debug_path.ok()) return debug_path.status();

  std::unique_ptr<Module> module(new Module());
  module->binary_ = *std::move(binary);
  module->debug_path_ = *std::move(debug_path);
  module->cache_directory_ = search.cache_directory;
  const elf::ElfFile* source = module->binary_.get();
  if (module->debug_path_ != path) {
    auto debug = elf::ElfFile::Open(module->debug_path_);
    if (!debug.ok()) return debug.status();
    module->debug_ = *std::move(debug);
    source = module->debug_.get();
  }
  if (absl::Status s = OpenDwarf(*source, search, &module->dwarf_source_); !s.ok()) return s;
  module->split_units_ = std::make_unique<SplitUnits>(path, module->debug_path_, search);
  auto shared = OpenSupplementary(module->sections(), module->debug_path_, search);
  if (!shared.ok()) return shared.status();
  if (*shared != nullptr) {
    if (absl::Status s = OpenDwarf(**shared, search, &module->alternate_source_); !s.ok()) return s;
    dwarf_setalt(module->dwarf(), module->alternate_source_.dwarf);
    module->alternate_file_ = *std::move(shared);
  }
  module->debug_frame_ = dwarf_getcfi(module->dwarf());
  module->eh_frame_ = dwarf_getcfi_elf(module->binary_->handle());
  return module;
}

}  // namespace dlog::dwarf
