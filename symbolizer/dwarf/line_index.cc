// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/line_index.h"

#include <cstring>
#include <functional>
#include <unordered_map>
#include <unordered_set>

#include "absl/status/status.h"
#include "symbolizer/dwarf/die.h"
#include "symbolizer/dwarf/edit_distance.h"
#include "symbolizer/dwarf/line_program.h"
#include "symbolizer/dwarf/paths.h"

namespace dlog::dwarf {
namespace {

constexpr int kMaxUnits = 1 << 20;

std::optional<uint64_t> StatementList(const Dwarf_Die& unit) {
  auto attr = Own(unit, DW_AT_stmt_list);
  Dwarf_Word offset = 0;
  if (!attr.has_value() || dwarf_formudata(&*attr, &offset) != 0) return std::nullopt;
  return offset;
}

std::string_view StringAttribute(const Dwarf_Die& die, unsigned attribute) {
  auto attr = Own(die, attribute);
  const char* text = attr.has_value() ? dwarf_formstring(&*attr) : nullptr;
  return text == nullptr ? std::string_view() : std::string_view(text);
}

std::string DirectoryOf(const LineProgram& program, uint64_t index, std::string_view comp_dir) {
  if (index >= program.directories.size()) return std::string(comp_dir);
  const std::string_view directory = program.directories[index];
  if (index == 0) return JoinPath(comp_dir, program.version >= 5 ? directory : std::string_view("."));
  const std::string_view base = program.version >= 5 ? program.directories[0] : std::string_view(".");
  return JoinPath(JoinPath(comp_dir, base), directory);
}

std::string PathOf(const LineProgram& program, const LineFile& file, std::string_view comp_dir) {
  return NormalizePath(JoinPath(DirectoryOf(program, file.directory, comp_dir), file.name));
}

std::optional<std::array<uint8_t, 16>> Md5Of(const LineFile& file) {
  if (file.md5 == nullptr) return std::nullopt;
  std::array<uint8_t, 16> out;
  std::memcpy(out.data(), file.md5, out.size());
  return out;
}

}  // namespace

struct LineIndex::Impl {
  struct Unit {
    Dwarf_Die die;
    uint64_t offset = 0;  // of its program in .debug_line
    std::string_view comp_dir;
  };

  const Module& module;
  LineSections sections;
  std::vector<Unit> units;
  std::unordered_map<uint64_t, std::vector<LineRow>> rows;  // by offset of the program; node addresses are stable

  explicit Impl(const Module& m) : module(m) {}
  void FindUnits();
  void ForEachFile(const std::function<void(const Unit&, const LineProgram&, uint32_t)>& visit) const;
  std::vector<LineRow> WithoutDeadSequences(const std::vector<LineRow>& all) const;
};

void LineIndex::Impl::FindUnits() {
  Dwarf_CU* unit = nullptr;
  Dwarf_CU* next = nullptr;
  uint8_t type = 0;
  Dwarf_Die die;
  for (int i = 0; i < kMaxUnits; ++i) {
    if (dwarf_get_units(module.dwarf(), unit, &next, nullptr, &type, &die, nullptr) != 0) return;
    unit = next;
    if (i % kUnitsPerRelease == kUnitsPerRelease - 1) module.ReleasePages();
    // Type units share the program of their compile unit; partial units have no code.
    if (type != DW_UT_compile && type != DW_UT_skeleton) continue;
    const std::optional<uint64_t> offset = StatementList(die);
    if (offset.has_value()) units.push_back({die, *offset, StringAttribute(die, DW_AT_comp_dir)});
  }
}

void LineIndex::Impl::ForEachFile(const std::function<void(const Unit&, const LineProgram&, uint32_t)>& visit) const {
  for (const Unit& unit : units) {
    // One broken program hides its own unit only.
    const absl::StatusOr<LineProgram> program = ParseLineProgram(sections, unit.offset);
    if (!program.ok()) continue;
    for (size_t i = program->version >= 5 ? 0 : 1; i < program->files.size(); ++i) {
      visit(unit, *program, static_cast<uint32_t>(i));
    }
  }
}

std::vector<LineRow> LineIndex::Impl::WithoutDeadSequences(const std::vector<LineRow>& all) const {
  std::vector<LineRow> out;
  out.reserve(all.size());
  for (size_t begin = 0; begin < all.size();) {
    size_t end = begin;
    while (end < all.size() && !all[end].end_sequence) ++end;
    // A program that ends inside a sequence leaves the extent of its last row open: not usable.
    if (end == all.size()) break;
    if (all[begin].address.value != 0 && module.binary().IsCode(all[begin].address)) {
      out.insert(out.end(), all.begin() + begin, all.begin() + end + 1);
    }
    begin = end + 1;
  }
  return out;
}

LineIndex::LineIndex(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LineIndex::~LineIndex() = default;

absl::StatusOr<std::unique_ptr<LineIndex>> LineIndex::Create(const Module& module) {
  auto impl = std::make_unique<Impl>(module);
  impl->sections.line = module.sections().Find(".debug_line");
  impl->sections.line_str = module.sections().Find(".debug_line_str");
  impl->sections.str = module.sections().Find(".debug_str");
  if (impl->sections.line.empty()) {
    return absl::NotFoundError(module.debug_path() + ": no line table (.debug_line)");
  }
  impl->FindUnits();
  return std::unique_ptr<LineIndex>(new LineIndex(std::move(impl)));
}

absl::StatusOr<std::vector<SourceFile>> LineIndex::FilesMatching(std::string_view suffix) const {
  std::string wanted = NormalizePath(suffix);
  while (wanted.starts_with("../")) wanted.erase(0, 3);
  const std::string_view base = BaseNameOfPath(wanted);
  std::vector<SourceFile> out;
  std::unordered_map<std::string, size_t> by_path;
  if (base.empty()) return out;
  impl_->ForEachFile([&](const Impl::Unit& unit, const LineProgram& program, uint32_t index) {
    const LineFile& file = program.files[index];
    if (BaseNameOfPath(file.name) != base) return;
    std::string path = PathOf(program, file, unit.comp_dir);
    if (!PathEndsIn(path, wanted)) return;
    const auto [slot, added] = by_path.emplace(path, out.size());
    if (added) out.push_back({std::move(path), std::nullopt, {}});
    SourceFile& source = out[slot->second];
    source.units.push_back({unit.die, index});
    if (!source.md5.has_value()) source.md5 = Md5Of(file);
  });
  return out;
}

std::optional<std::array<uint8_t, 16>> LineIndex::FileMd5(const Dwarf_Die& unit, uint32_t file) const {
  const std::optional<uint64_t> offset = StatementList(unit);
  if (!offset.has_value()) return std::nullopt;
  const absl::StatusOr<LineProgram> program = ParseLineProgram(impl_->sections, *offset);
  if (!program.ok() || file >= program->files.size()) return std::nullopt;
  return Md5Of(program->files[file]);
}

std::string LineIndex::FilePath(const Dwarf_Die& unit, uint32_t file) const {
  const std::optional<uint64_t> offset = StatementList(unit);
  if (!offset.has_value()) return "";
  const absl::StatusOr<LineProgram> program = ParseLineProgram(impl_->sections, *offset);
  if (!program.ok() || file >= program->files.size()) return "";
  const LineFile& entry = program->files[file];
  return PathOf(*program, entry, StringAttribute(unit, DW_AT_comp_dir));
}

std::vector<std::string> LineIndex::SimilarFiles(std::string_view suffix, size_t limit) const {
  CloseNames close(BaseNameOfPath(suffix));
  std::unordered_set<std::string_view> seen;
  impl_->ForEachFile([&](const Impl::Unit& unit, const LineProgram& program, uint32_t index) {
    const LineFile& file = program.files[index];
    const std::string_view base = BaseNameOfPath(file.name);
    if (!seen.insert(base).second) return;
    close.Offer(base, PathOf(program, file, unit.comp_dir));
  });
  return close.Best(limit);
}

absl::StatusOr<const std::vector<LineRow>*> LineIndex::Rows(const Dwarf_Die& unit) const {
  const std::optional<uint64_t> offset = StatementList(unit);
  if (!offset.has_value()) return absl::NotFoundError("the unit has no line table");
  auto found = impl_->rows.find(*offset);
  if (found == impl_->rows.end()) {
    auto program = ParseLineProgram(impl_->sections, *offset);
    if (!program.ok()) return program.status();
    auto rows = RunLineProgram(*program);
    if (!rows.ok()) return rows.status();
    found = impl_->rows.emplace(*offset, impl_->WithoutDeadSequences(*rows)).first;
  }
  return &found->second;
}

}  // namespace dlog::dwarf
