// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/package.h"

#include <dwarf.h>
#include <fmt/format.h>

#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "symbolizer/base/status_hint.h"
#include "symbolizer/dwarf/abbreviations.h"
#include "symbolizer/elf/inflate_cache.h"
#include "symbolizer/elf/section_file.h"

namespace dlog::dwarf {
namespace {

using Bytes = std::span<const uint8_t>;

struct Sections {
  Bytes of[static_cast<size_t>(PackageSection::kCount)];
  Bytes strings;
};

void AppendBytes(std::string* to, Bytes bytes) {
  to->append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

void AppendUleb(std::string* to, uint64_t value) {
  for (; value >= 0x80; value >>= 7) to->push_back(static_cast<char>(value | 0x80));
  to->push_back(static_cast<char>(value));
}

void AppendSleb(std::string* to, int64_t value) {
  for (;;) {
    const auto byte = static_cast<uint8_t>(value & 0x7f);
    value >>= 7;
    const bool last = (value == 0 && (byte & 0x40) == 0) || (value == -1 && (byte & 0x40) != 0);
    to->push_back(static_cast<char>(last ? byte : byte | 0x80));
    if (last) return;
  }
}

void Store(std::string* in, size_t at, uint64_t value, bool is_64) {
  const size_t size = is_64 ? 8 : 4;
  if (at + size <= in->size()) std::memcpy(in->data() + at, &value, size);
}

uint64_t Load(Bytes from, size_t at, bool is_64) {
  Cursor cursor(from);
  cursor.Skip(at);
  return cursor.Offset(is_64);
}

// Puts units together to one .dwo file. Each unit keeps its bytes; the tables that it refers to are copied behind those
// of the others, and the references to them adjusted: the offset of its abbreviations in the header, that of its line
// table in the unit's DIE, and that of its string offsets by an attribute that is added to the unit's abbreviation
// (DW_FORM_implicit_const: it takes no room in the DIE).
class SplitFileBuilder {
 public:
  SplitFileBuilder(const Sections& sections, uint16_t index_version) : in_(sections), version_(index_version) {}

  absl::Status AddUnit(const PackageRow& row, bool is_type) {
    const bool own_section = is_type && version_ < 5;  // .debug_types.dwo
    auto bytes = Slice(row, own_section ? PackageSection::kTypes : PackageSection::kInfo);
    auto abbreviations = Slice(row, PackageSection::kAbbrev);
    if (!bytes.ok()) return bytes.status();
    if (!abbreviations.ok()) return abbreviations.status();
    auto header = ReadUnitHeader(*bytes, own_section);
    if (!header.ok()) return header.status();
    uint64_t table_end = 0;
    auto table = ReadAbbreviations(*abbreviations, header->abbreviations, &table_end);
    if (!table.ok()) return table.status();
    const Bytes unit = bytes->subspan(0, header->size);

    auto strings = AddStringOffsets(row, header->version, header->is_64);
    if (!strings.ok()) return strings.status();
    auto lines = AddLines(row);
    if (!lines.ok()) return lines.status();
    std::string copy(reinterpret_cast<const char*>(unit.data()), unit.size());
    Store(&copy, header->abbreviations_at, abbrev_.size(), header->is_64);
    const Abbreviation* root = PatchRoot(*header, *table, unit, *lines, &copy);
    if (root == nullptr) return absl::InvalidArgumentError("unit without a root");
    AppendBytes(&abbrev_, abbreviations->subspan(header->abbreviations, root->end - header->abbreviations));
    AppendUleb(&abbrev_, DW_AT_str_offsets_base);
    AppendUleb(&abbrev_, DW_FORM_implicit_const);
    AppendSleb(&abbrev_, static_cast<int64_t>(*strings));
    AppendBytes(&abbrev_, abbreviations->subspan(root->end, table_end - root->end));
    NoteSignatures(*header, *table, unit);
    (own_section ? types_ : info_) += copy;
    if (!is_type) {
      auto loc = Slice(row, PackageSection::kLoc);
      auto ranges = Slice(row, PackageSection::kRngLists);
      if (!loc.ok()) return loc.status();
      if (!ranges.ok()) return ranges.status();
      AppendBytes(&loc_, *loc);
      AppendBytes(&ranges_, *ranges);
    }
    return Size() <= kMaxSplitUnitBytes ? absl::OkStatus() : absl::ResourceExhaustedError("unit too large");
  }

  // A type signature that a unit refers to and that was not returned before.
  std::optional<uint64_t> NextSignature() {
    if (pending_.empty()) return std::nullopt;
    const uint64_t signature = pending_.back();
    pending_.pop_back();
    return signature;
  }

  absl::StatusOr<UniqueFd> Write() const {
    const std::pair<std::string, const std::string*> contents[] = {
        {".debug_info.dwo", &info_},
        {".debug_types.dwo", &types_},
        {".debug_abbrev.dwo", &abbrev_},
        {".debug_line.dwo", &line_},
        {".debug_str.dwo", &str_},
        {".debug_str_offsets.dwo", &str_offsets_},
        {version_ < 5 ? ".debug_loc.dwo" : ".debug_loclists.dwo", &loc_},
        {".debug_rnglists.dwo", &ranges_}};
    std::vector<elf::SectionFile::Section> sections;
    std::vector<const std::string*> used;
    for (const auto& [name, content] : contents) {
      if (content->empty()) continue;
      sections.push_back({name, content->size()});
      used.push_back(content);
    }
    auto draft = elf::InflateCache("", 0).NewFile("");
    if (!draft.ok()) return draft.status();
    const elf::SectionFile layout(sections);
    for (size_t i = 0; i < used.size(); ++i) {
      absl::Status status = elf::WriteFileAt(draft->fd.get(), used[i]->data(), used[i]->size(), layout.offset(i));
      if (!status.ok()) return status;
    }
    if (absl::Status status = layout.WriteFrame(draft->fd.get()); !status.ok()) return status;
    return std::move(draft->fd);
  }

 private:
  uint64_t Size() const {
    return info_.size() + types_.size() + abbrev_.size() + line_.size() + str_.size() + str_offsets_.size();
  }

  absl::StatusOr<Bytes> Slice(const PackageRow& row, PackageSection section) const {
    const PackageSlice slice = row[static_cast<size_t>(section)];
    const Bytes all = in_.of[static_cast<size_t>(section)];
    if (slice.size == 0) return Bytes();
    if (slice.offset > all.size() || slice.size > all.size() - slice.offset) {
      return absl::InvalidArgumentError(
          fmt::format("package index points beyond section {}", static_cast<int>(section)));
    }
    return all.subspan(slice.offset, slice.size);
  }

  // Returns what DW_AT_str_offsets_base has to be.
  absl::StatusOr<uint64_t> AddStringOffsets(const PackageRow& row, uint16_t version, bool is_64) {
    auto table = Slice(row, PackageSection::kStrOffsets);
    if (!table.ok()) return table.status();
    // Since version 5 the table has a header: length, version, padding.
    const size_t header = version < 5 ? 0 : (is_64 ? 16 : 8);
    const uint64_t at = row[static_cast<size_t>(PackageSection::kStrOffsets)].offset;
    const auto [known, added] = string_tables_.try_emplace(at, str_offsets_.size());
    if (!added) return known->second + header;
    if (table->size() < header) return absl::InvalidArgumentError("truncated string offsets");
    AppendBytes(&str_offsets_, table->subspan(0, header));
    const size_t entry = is_64 ? 8 : 4;
    for (size_t i = header; i + entry <= table->size(); i += entry) {
      const uint64_t offset = AddString(Load(*table, i, is_64));
      str_offsets_.append(reinterpret_cast<const char*>(&offset), entry);
      if (str_.size() > kMaxSplitUnitBytes) return absl::ResourceExhaustedError("unit with too many strings");
    }
    return known->second + header;
  }

  uint64_t AddString(uint64_t offset) {
    const auto [known, added] = strings_.try_emplace(offset, str_.size());
    if (!added) return known->second;
    if (offset < in_.strings.size()) {
      const Bytes rest = in_.strings.subspan(offset);
      const void* end = std::memchr(rest.data(), 0, rest.size());
      if (end != nullptr) AppendBytes(&str_, rest.subspan(0, static_cast<const uint8_t*>(end) - rest.data()));
    }
    str_.push_back('\0');
    return known->second;
  }

  absl::StatusOr<uint64_t> AddLines(const PackageRow& row) {
    auto lines = Slice(row, PackageSection::kLine);
    if (!lines.ok()) return lines.status();
    const auto [known, added] =
        line_tables_.try_emplace(row[static_cast<size_t>(PackageSection::kLine)].offset, line_.size());
    if (added) AppendBytes(&line_, *lines);
    return known->second;
  }

  // The abbreviation of the unit's DIE; adds `lines` to its DW_AT_stmt_list in `copy`.
  static const Abbreviation* PatchRoot(const UnitHeader& header,
                                       const std::unordered_map<uint64_t, Abbreviation>& table, Bytes unit,
                                       uint64_t lines, std::string* copy) {
    Cursor cursor(unit);
    cursor.Skip(header.dies_at);
    const auto root = table.find(cursor.Uleb());
    if (!cursor.ok() || root == table.end()) return nullptr;
    for (const AttributeSpec& attribute : root->second.attributes) {
      const size_t at = cursor.position();
      SkipForm(cursor, attribute.form, header);
      if (!cursor.ok()) return nullptr;
      if (attribute.name != DW_AT_stmt_list) continue;
      const bool wide = attribute.form == DW_FORM_data8 || (attribute.form == DW_FORM_sec_offset && header.is_64);
      Store(copy, at, Load(unit, at, wide) + lines, wide);
    }
    return &root->second;
  }

  // What cannot be read ends the search: the type is then a declaration, as without its unit.
  void NoteSignatures(const UnitHeader& header, const std::unordered_map<uint64_t, Abbreviation>& table, Bytes unit) {
    Cursor cursor(unit);
    cursor.Skip(header.dies_at);
    while (!cursor.at_end()) {
      const uint64_t code = cursor.Uleb();
      if (code == 0) continue;
      const auto found = table.find(code);
      if (found == table.end()) return;
      for (const AttributeSpec& attribute : found->second.attributes) {
        if (attribute.form == DW_FORM_ref_sig8) {
          const uint64_t signature = cursor.U64();
          if (cursor.ok() && seen_.insert(signature).second) pending_.push_back(signature);
        } else {
          SkipForm(cursor, attribute.form, header);
        }
      }
    }
  }

  const Sections& in_;
  const uint16_t version_;
  std::string info_, types_, abbrev_, line_, str_, str_offsets_, loc_, ranges_;
  std::map<uint64_t, uint64_t> string_tables_, line_tables_;  // where in the package -> where in the new file
  std::unordered_map<uint64_t, uint64_t> strings_;
  std::set<uint64_t> seen_;
  std::vector<uint64_t> pending_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Package>> Package::Open(const std::string& path, const elf::DebugSearch& search) {
  auto file = elf::ElfFile::OpenDebugFile(path);
  if (!file.ok()) return file.status();
  std::unique_ptr<Package> out(new Package());
  out->file_ = *std::move(file);
  auto sections = DebugSections::Open(*out->file_, search);
  if (!sections.ok()) return sections.status();
  out->sections_ = *std::move(sections);
  auto units = PackageIndex::Create(out->sections_.Find(".debug_cu_index"));
  auto types = PackageIndex::Create(out->sections_.Find(".debug_tu_index"));
  if (!units.ok()) return WithContext(units.status(), path);
  if (!types.ok()) return WithContext(types.status(), path);
  if (units->units() == 0) return absl::InvalidArgumentError(path + ": no DWARF package (.debug_cu_index)");
  out->units_ = *units;
  out->types_ = *types;
  return out;
}

absl::StatusOr<UniqueFd> Package::Extract(uint64_t dwo_id) const {
  const auto row = units_.Find(dwo_id);
  if (!row.has_value()) return absl::NotFoundError(fmt::format("{}: no unit {:#x}", path(), dwo_id));
  Sections sections;
  const auto set = [&](PackageSection section, const char* name) {
    sections.of[static_cast<size_t>(section)] = sections_.Find(name);
  };
  set(PackageSection::kInfo, ".debug_info.dwo");
  set(PackageSection::kTypes, ".debug_types.dwo");
  set(PackageSection::kAbbrev, ".debug_abbrev.dwo");
  set(PackageSection::kLine, ".debug_line.dwo");
  set(PackageSection::kLoc, units_.version() < 5 ? ".debug_loc.dwo" : ".debug_loclists.dwo");
  set(PackageSection::kStrOffsets, ".debug_str_offsets.dwo");
  set(PackageSection::kRngLists, ".debug_rnglists.dwo");
  sections.strings = sections_.Find(".debug_str.dwo");
  SplitFileBuilder builder(sections, units_.version());
  if (absl::Status status = builder.AddUnit(*row, false); !status.ok()) return WithContext(status, path());
  while (const auto signature = builder.NextSignature()) {
    const auto type = types_.Find(*signature);
    if (!type.has_value()) continue;
    // A broken type unit is a type without members, no more.
    absl::Status status = builder.AddUnit(*type, true);
    if (absl::IsResourceExhausted(status)) return WithContext(status, path());
  }
  return builder.Write();
}

}  // namespace dlog::dwarf
