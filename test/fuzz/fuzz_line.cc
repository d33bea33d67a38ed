// SPDX-License-Identifier: Apache-2.0
//
// A line-number program: .debug_line is the input from its second byte, the string sections are its first half.
#include <cstdint>
#include <cstdlib>
#include <span>

#include "symbolizer/dwarf/line_program.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::span<const uint8_t> bytes(data + 1, size - 1);
  dlog::dwarf::LineSections sections;
  sections.line = bytes;
  sections.line_str = bytes.first(bytes.size() / 2);
  sections.str = bytes.first(bytes.size() / 2);
  auto program = dlog::dwarf::ParseLineProgram(sections, data[0] % 4 == 0 ? data[0] / 4 : 0);
  if (!program.ok()) {
    if (program.status().message().empty()) abort();
    return 0;
  }
  if (program->files.size() > dlog::dwarf::kMaxLineFiles + 1) abort();
  size_t letters = 0;
  for (const dlog::dwarf::LineFile& file : program->files) {
    letters += file.name.size();
    for (const char c : file.name) letters += static_cast<unsigned char>(c);  // reads every byte
    if (file.md5 != nullptr) letters += file.md5[15];
  }
  for (const std::string_view directory : program->directories) {
    for (const char c : directory) letters += static_cast<unsigned char>(c);
  }
  [[maybe_unused]] volatile size_t sink = letters;
  auto rows = dlog::dwarf::RunLineProgram(*program);
  if (rows.ok() ? rows->size() > dlog::dwarf::kMaxLineRows : rows.status().message().empty()) abort();
  return 0;
}
