// SPDX-License-Identifier: Apache-2.0
//
// Source files and line rows of a module (.debug_line, DWARF 5 section 6.2). Reads only what is asked for: first the
// file tables of all units' line programs, then the rows of the units that mention the file.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "symbolizer/base/addresses.h"
#include "symbolizer/dwarf/module.h"

namespace dlog::dwarf {

struct LineRow {
  LinkAddress address;
  uint32_t file = 0;  // index into the unit's own file table
  uint32_t line = 0;
  uint32_t column = 0;
  // How many rows before it the program has for the same address: the number that location views (location_list.h) have
  // of the statement.
  uint32_t view = 0;
  bool shares_address = false;  // its sequence has other rows for the same address
  bool is_stmt = false;
  bool prologue_end = false;
  bool end_sequence = false;
  bool has_discriminator = false;  // a block other than the first of its line
  // Says nothing about statements: line 0, or the return from an inlined call in the middle of one.
  bool ignored = false;
  // Goes on with the statement of the row before: same file and line, and a discriminator since the line began. What a
  // compiler tells apart by discriminators is one line to a person: no statement of its own (gdb drops such rows too).
  bool repeated = false;
  // No instruction is behind it: the next row is of another file at the same address, as when the line begins with an
  // inlined call. Only worth a stop when the line has nothing better (gdb never takes it).
  bool empty = false;
};

// One source file as one unit's line program knows it.
struct UnitFile {
  Dwarf_Die unit;     // CU DIE
  uint32_t file = 0;  // as in LineRow::file
};

// A source file of the module; the same path in several units is one SourceFile.
struct SourceFile {
  std::string path;                            // absolute where DWARF allows, "." and ".." removed
  std::optional<std::array<uint8_t, 16>> md5;  // DWARF 5
  std::vector<UnitFile> units;
};

class LineIndex {
 public:
  static absl::StatusOr<std::unique_ptr<LineIndex>> Create(const Module& module);

  // Files whose path ends in `suffix` on whole components ("order.cc", "src/order.cc", full path). Empty = none.
  absl::StatusOr<std::vector<SourceFile>> FilesMatching(std::string_view suffix) const;
  // Paths that look like `suffix` (same base name in other letters or a small edit distance), best first, at most
  // `limit`.
  std::vector<std::string> SimilarFiles(std::string_view suffix, size_t limit) const;

  // All rows of a unit's line program, sequences in file order, each ending in an end_sequence row; rows in dead
  // (tombstoned or address 0) sequences are left out. The vector lives as long as the LineIndex.
  absl::StatusOr<const std::vector<LineRow>*> Rows(const Dwarf_Die& unit) const;

  // MD5 of the content of that file when it was compiled; none when the table does not tell.
  std::optional<std::array<uint8_t, 16>> FileMd5(const Dwarf_Die& unit, uint32_t file) const;

  // The path of LineRow::file of that unit, as in SourceFile::path; empty when the table has no such file.
  std::string FilePath(const Dwarf_Die& unit, uint32_t file) const;

 private:
  struct Impl;
  explicit LineIndex(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;

 public:
  ~LineIndex();
};

}  // namespace dlog::dwarf
