// SPDX-License-Identifier: Apache-2.0
//
// One line-number program of .debug_line, DWARF versions 2 to 5 (DWARF 5 section 6.2). Pure: bytes in, tables and rows
// out.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "symbolizer/dwarf/line_index.h"

namespace dlog::dwarf {

// Beyond any real program (a unity build of a million lines has some ten million rows).
inline constexpr size_t kMaxLineRows = 16u << 20;
inline constexpr uint64_t kMaxLineFiles = 1u << 20;

struct LineSections {
  std::span<const uint8_t> line;      // .debug_line
  std::span<const uint8_t> line_str;  // .debug_line_str
  std::span<const uint8_t> str;       // .debug_str
};

struct LineFile {
  std::string_view name;  // as written; may be absolute or contain '/'
  uint64_t directory = 0;
  const uint8_t* md5 = nullptr;  // 16 bytes
};

// Views point into the sections.
struct LineProgram {
  uint16_t version = 0;
  uint8_t address_size = 8;
  uint8_t min_instruction_length = 1;
  bool default_is_stmt = false;
  int8_t line_base = 0;
  uint8_t line_range = 1;
  uint8_t opcode_base = 1;
  std::span<const uint8_t> opcode_lengths;    // of opcodes 1 .. opcode_base-1
  std::vector<std::string_view> directories;  // version 5: [0] is the compilation directory; before: [0] is empty
  std::vector<LineFile> files;                // indexed as in the program; before version 5 [0] is unused
  std::span<const uint8_t> program;
};

// InvalidArgument with the offset in .debug_line when it is malformed.
absl::StatusOr<LineProgram> ParseLineProgram(const LineSections& sections, uint64_t offset);

// Runs the program. All sequences, dead ones included.
absl::StatusOr<std::vector<LineRow>> RunLineProgram(const LineProgram& program);

}  // namespace dlog::dwarf
