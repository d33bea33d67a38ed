// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/line_program.h"

#include <dwarf.h>
#include <fmt/format.h>

#include "absl/status/status.h"
#include "symbolizer/dwarf/cursor.h"

namespace dlog::dwarf {
namespace {

absl::Status Malformed(uint64_t offset, const char* what) {
  return absl::InvalidArgumentError(fmt::format(".debug_line program at {:#x}: {}", offset, what));
}

std::string_view StringAt(std::span<const uint8_t> section, uint64_t offset) {
  if (offset >= section.size()) return {};
  return Cursor(section.subspan(offset)).CString();
}

struct EntryFormat {
  uint64_t content = 0;
  uint64_t form = 0;
};

// A value of a version 5 table entry: only the forms that section 6.2.4.1 allows.
struct EntryValue {
  std::string_view text;
  uint64_t number = 0;
  std::span<const uint8_t> bytes;
};

EntryValue ReadEntryValue(const LineSections& sections, Cursor& cursor, uint64_t form, bool is_64) {
  EntryValue out;
  switch (form) {
    case DW_FORM_string:
      out.text = cursor.CString();
      break;
    case DW_FORM_line_strp:
      out.text = StringAt(sections.line_str, cursor.Offset(is_64));
      break;
    case DW_FORM_strp:
      out.text = StringAt(sections.str, cursor.Offset(is_64));
      break;
    case DW_FORM_strp_sup:
      cursor.Offset(is_64);
      break;
    case DW_FORM_udata:
      out.number = cursor.Uleb();
      break;
    case DW_FORM_data1:
      out.number = cursor.U8();
      break;
    case DW_FORM_data2:
      out.number = cursor.U16();
      break;
    case DW_FORM_data4:
      out.number = cursor.U32();
      break;
    case DW_FORM_data8:
      out.number = cursor.U64();
      break;
    case DW_FORM_data16:
      out.bytes = cursor.Bytes(16);
      break;
    case DW_FORM_block:
      cursor.Skip(cursor.Uleb());
      break;
    default:
      cursor.Fail();  // unknown size: nothing after it can be read
  }
  return out;
}

std::vector<EntryFormat> ReadEntryFormats(Cursor& cursor) {
  std::vector<EntryFormat> out(cursor.U8());
  for (EntryFormat& format : out) {
    format.content = cursor.Uleb();
    format.form = cursor.Uleb();
  }
  return out;
}

// Reads a version 5 table and hands each entry to `add`. False when malformed.
template <typename Add>
bool ReadTable(const LineSections& sections, Cursor& cursor, bool is_64, Add&& add) {
  const std::vector<EntryFormat> formats = ReadEntryFormats(cursor);
  const uint64_t count = cursor.Uleb();
  // An entry without content would let `count` cost time without costing bytes.
  if (!cursor.ok() || count > kMaxLineFiles || (count != 0 && formats.empty())) return false;
  for (uint64_t i = 0; i < count && cursor.ok(); ++i) {
    LineFile entry;
    for (const EntryFormat& format : formats) {
      const EntryValue value = ReadEntryValue(sections, cursor, format.form, is_64);
      if (format.content == DW_LNCT_path) entry.name = value.text;
      if (format.content == DW_LNCT_directory_index) entry.directory = value.number;
      if (format.content == DW_LNCT_MD5 && value.bytes.size() == 16) entry.md5 = value.bytes.data();
    }
    add(entry);
  }
  return cursor.ok();
}

bool ReadTables(const LineSections& sections, Cursor& cursor, bool is_64, LineProgram& out) {
  if (out.version >= 5) {
    return ReadTable(sections, cursor, is_64, [&](const LineFile& d) { out.directories.push_back(d.name); }) &&
           ReadTable(sections, cursor, is_64, [&](const LineFile& f) { out.files.push_back(f); });
  }
  out.directories.emplace_back();
  while (cursor.ok() && out.directories.size() < kMaxLineFiles) {
    const std::string_view name = cursor.CString();
    if (name.empty()) break;
    out.directories.push_back(name);
  }
  out.files.emplace_back();
  while (cursor.ok() && out.files.size() < kMaxLineFiles) {
    LineFile file;
    file.name = cursor.CString();
    if (file.name.empty()) break;
    file.directory = cursor.Uleb();
    cursor.Uleb();  // modification time
    cursor.Uleb();  // length
    out.files.push_back(file);
  }
  return cursor.ok();
}

// The registers of the state machine (section 6.2.2).
class Machine {
 public:
  Machine(const LineProgram& program, std::vector<LineRow>& rows) : program_(program), rows_(rows) { Reset(); }

  // False when the program is malformed.
  bool Step(Cursor& cursor) {
    const uint8_t opcode = cursor.U8();
    if (opcode >= program_.opcode_base) {
      const unsigned adjusted = opcode - program_.opcode_base;
      Advance(adjusted / program_.line_range);
      row_.line += static_cast<uint32_t>(program_.line_base + static_cast<int>(adjusted % program_.line_range));
      Emit();
      return true;
    }
    return opcode == 0 ? Extended(cursor) : Standard(cursor, opcode);
  }

 private:
  void Reset() {
    row_ = LineRow{};
    row_.file = 1;
    row_.line = 1;
    row_.is_stmt = program_.default_is_stmt;
  }

  void Emit() {
    rows_.push_back(row_);
    row_.prologue_end = false;
    row_.has_discriminator = false;
    ++row_.view;  // kMaxLineRows bounds it
  }

  void Advance(uint64_t operations) {
    if (operations == 0) return;
    row_.address.value += program_.min_instruction_length * operations;
    row_.view = 0;
  }

  bool Standard(Cursor& cursor, uint8_t opcode) {
    switch (opcode) {
      case DW_LNS_copy:
        Emit();
        break;
      case DW_LNS_advance_pc:
        Advance(cursor.Uleb());
        break;
      case DW_LNS_advance_line:
        row_.line += static_cast<uint32_t>(cursor.Sleb());
        break;
      case DW_LNS_set_file:
        row_.file = static_cast<uint32_t>(cursor.Uleb());
        break;
      case DW_LNS_set_column:
        row_.column = static_cast<uint32_t>(cursor.Uleb());
        break;
      case DW_LNS_negate_stmt:
        row_.is_stmt = !row_.is_stmt;
        break;
      case DW_LNS_const_add_pc:
        Advance((255u - program_.opcode_base) / program_.line_range);
        break;
      case DW_LNS_fixed_advance_pc:  // the one advance that goes on counting views
        row_.address.value += cursor.U16();
        break;
      case DW_LNS_set_prologue_end:
        row_.prologue_end = true;
        break;
      case DW_LNS_set_basic_block:
      case DW_LNS_set_epilogue_begin:
        break;
      default:  // DW_LNS_set_isa and vendor opcodes: the header says how many operands to skip
        for (uint8_t i = 0; i < program_.opcode_lengths[opcode - 1]; ++i) cursor.Uleb();
    }
    return cursor.ok();
  }

  bool Extended(Cursor& cursor) {
    const uint64_t length = cursor.Uleb();
    Cursor body(cursor.Bytes(length));
    if (!cursor.ok()) return false;
    if (length == 0) return true;
    switch (body.U8()) {
      case DW_LNE_end_sequence:
        row_.end_sequence = true;
        Emit();
        Reset();
        break;
      case DW_LNE_set_address:
        row_.address.value = length == 5 ? body.U32() : body.U64();
        row_.view = 0;
        break;
      case DW_LNE_set_discriminator:
        row_.has_discriminator = body.Uleb() != 0;
        break;
      default:  // vendor opcodes; DW_LNE_define_file: no current producer writes it
        break;
    }
    return body.ok();
  }

  const LineProgram& program_;
  std::vector<LineRow>& rows_;
  LineRow row_;
};

// What a row is can be told from its neighbours only. The rules are gdb's (lnp_state_machine::record_line), so that a
// line has the breakpoints that people know.
void MarkRows(std::vector<LineRow>& rows) {
  LineRow* before = nullptr;      // the row before in its sequence
  const LineRow* last = nullptr;  // the last one that counts
  bool discriminated = false;
  bool statement_here = false;  // at this address
  for (LineRow& row : rows) {
    const bool same_address = before != nullptr && before->address == row.address;
    if (same_address && !row.end_sequence) row.shares_address = before->shares_address = true;
    const bool same_line = before != nullptr && before->line == row.line;
    discriminated = row.has_discriminator || (same_line && discriminated);
    const bool same_file = last != nullptr && last->file == row.file;
    // The end of an inlined call: back in the caller's file, but no new statement.
    const bool only_returns = last != nullptr && !same_file && !row.is_stmt && same_address && statement_here;
    row.ignored = !row.end_sequence && (only_returns || row.line == 0);
    statement_here = row.is_stmt || (same_address && statement_here);
    if (!row.ignored) {
      row.repeated = same_file && last->line == row.line && discriminated;
      last = &row;
    }
    before = &row;
    if (row.end_sequence) {
      before = nullptr;
      last = nullptr;
    }
  }
  const LineRow* next = nullptr;
  for (size_t i = rows.size(); i-- > 0;) {
    LineRow& row = rows[i];
    if (row.ignored) continue;
    if (next != nullptr && !row.end_sequence && row.address == next->address) {
      row.empty = next->end_sequence || next->file != row.file || next->empty;
    }
    next = &row;
  }
}

}  // namespace

absl::StatusOr<LineProgram> ParseLineProgram(const LineSections& sections, uint64_t offset) {
  if (offset >= sections.line.size()) return Malformed(offset, "beyond the section");
  Cursor cursor(sections.line.subspan(offset));
  uint64_t length = cursor.U32();
  const bool is_64 = length == 0xffffffff;
  if (is_64) length = cursor.U64();
  if (!cursor.ok() || length > cursor.remaining()) return Malformed(offset, "length beyond the section");
  Cursor unit(cursor.Bytes(length));

  LineProgram out;
  out.version = unit.U16();
  if (!unit.ok() || out.version < 2 || out.version > 5) return Malformed(offset, "unknown version");
  if (out.version >= 5) {
    out.address_size = unit.U8();
    if (unit.U8() != 0) return Malformed(offset, "segment selectors are not supported");
  }
  const uint64_t header_length = unit.Offset(is_64);
  if (!unit.ok() || header_length > unit.remaining()) return Malformed(offset, "header length beyond the program");
  Cursor header(unit.Bytes(header_length));
  out.program = unit.Bytes(unit.remaining());

  out.min_instruction_length = header.U8();
  if (out.version >= 4 && header.U8() > 1) return Malformed(offset, "VLIW line programs are not supported");
  out.default_is_stmt = header.U8() != 0;
  out.line_base = static_cast<int8_t>(header.U8());
  out.line_range = header.U8();
  out.opcode_base = header.U8();
  if (!header.ok() || out.line_range == 0 || out.opcode_base == 0) return Malformed(offset, "bad header");
  out.opcode_lengths = header.Bytes(out.opcode_base - 1);
  if (!ReadTables(sections, header, is_64, out)) return Malformed(offset, "bad directory or file table");
  return out;
}

absl::StatusOr<std::vector<LineRow>> RunLineProgram(const LineProgram& program) {
  std::vector<LineRow> rows;
  Cursor cursor(program.program);
  Machine machine(program, rows);
  while (!cursor.at_end()) {
    if (!machine.Step(cursor)) {
      return absl::InvalidArgumentError(fmt::format("malformed line program near its byte {:#x}", cursor.position()));
    }
    if (rows.size() > kMaxLineRows) return absl::ResourceExhaustedError("line program with too many rows");
  }
  MarkRows(rows);
  return rows;
}

}  // namespace dlog::dwarf
