// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/line_program.h"

#include <dwarf.h>

#include <random>

#include "test/catch.h"

namespace dlog::dwarf {
namespace {

// Puts a program together byte by byte.
class Builder {
 public:
  Builder& U8(unsigned v) { return Fixed(v, 1); }
  Builder& U16(unsigned v) { return Fixed(v, 2); }
  Builder& U32(uint64_t v) { return Fixed(v, 4); }
  Builder& U64(uint64_t v) { return Fixed(v, 8); }
  Builder& Text(std::string_view s) {
    bytes_.insert(bytes_.end(), s.begin(), s.end());
    return U8(0);
  }
  Builder& Add(const Builder& other) {
    bytes_.insert(bytes_.end(), other.bytes_.begin(), other.bytes_.end());
    return *this;
  }
  size_t size() const { return bytes_.size(); }
  const std::vector<uint8_t>& bytes() const { return bytes_; }

 private:
  Builder& Fixed(uint64_t v, int size) {
    for (int i = 0; i < size; ++i) bytes_.push_back(static_cast<uint8_t>(v >> (8 * i)));
    return *this;
  }
  std::vector<uint8_t> bytes_;
};

constexpr unsigned kOpcodeBase = 13;

// line_base -5, line_range 14, as gcc and clang have it.
Builder CommonHeader(int version) {
  Builder out;
  out.U8(1);
  if (version >= 4) out.U8(1);
  out.U8(1).U8(static_cast<uint8_t>(-5)).U8(14).U8(kOpcodeBase);
  for (const unsigned length : {0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1}) out.U8(length);
  return out;
}

Builder Wrap(int version, const Builder& header, const Builder& program) {
  Builder body;
  body.U16(version);
  if (version >= 5) body.U8(8).U8(0);
  body.U32(header.size()).Add(header).Add(program);
  Builder out;
  out.U32(body.size()).Add(body);
  return out;
}

Builder HeaderV4() {
  Builder out = CommonHeader(4);
  out.Text("sub").Text("/abs").U8(0);
  out.Text("main.c").U8(0).U8(0).U8(0);
  out.Text("x.h").U8(2).U8(0).U8(0).U8(0);
  return out;
}

Builder HeaderV5() {
  Builder out = CommonHeader(5);
  out.U8(1).U8(DW_LNCT_path).U8(DW_FORM_line_strp);
  out.U8(2).U32(0).U32(5);
  out.U8(3)
      .U8(DW_LNCT_path)
      .U8(DW_FORM_string)
      .U8(DW_LNCT_directory_index)
      .U8(DW_FORM_udata)
      .U8(DW_LNCT_MD5)
      .U8(DW_FORM_data16);
  out.U8(1).Text("a.cc").U8(1);
  for (int i = 0; i < 16; ++i) out.U8(0xa0 + i);
  return out;
}

Builder SmallProgram() {
  Builder out;
  out.U8(0).U8(9).U8(DW_LNE_set_address).U64(0x1000);
  out.U8(DW_LNS_set_column).U8(7);
  out.U8(DW_LNS_set_prologue_end);
  out.U8(kOpcodeBase + 5 + 8 + 14 * 2);  // line += 8, address += 2
  out.U8(DW_LNS_negate_stmt);
  out.U8(DW_LNS_advance_line).U8(0x7d);  // -3
  out.U8(DW_LNS_const_add_pc);           // (255 - 13) / 14 = 17
  out.U8(DW_LNS_copy);
  out.U8(DW_LNS_fixed_advance_pc).U16(0x100);
  out.U8(DW_LNS_set_file).U8(2);
  out.U8(0).U8(2).U8(DW_LNE_set_discriminator).U8(3);
  out.U8(DW_LNS_set_isa).U8(1);  // skipped by its operand count
  out.U8(DW_LNS_advance_pc).U8(4);
  out.U8(0).U8(1).U8(DW_LNE_end_sequence);
  return out;
}

LineSections Sections(const std::vector<uint8_t>& line) {
  static constexpr uint8_t kStrings[] = "/src\0lib";
  return {line, std::span<const uint8_t>(kStrings, sizeof kStrings), {}};
}

TEST_CASE("A version 4 program gives its tables and rows") {
  const Builder bytes = Wrap(4, HeaderV4(), SmallProgram());
  auto program = ParseLineProgram(Sections(bytes.bytes()), 0);
  REQUIRE(program.ok());
  CHECK(program->version == 4);
  REQUIRE(program->directories.size() == 3);
  CHECK(program->directories[2] == "/abs");
  REQUIRE(program->files.size() == 3);  // [0] unused
  CHECK(program->files[1].name == "main.c");
  CHECK(program->files[2].directory == 2);

  auto rows = RunLineProgram(*program);
  REQUIRE(rows.ok());
  REQUIRE(rows->size() == 3);
  const LineRow& first = (*rows)[0];
  CHECK(first.address.value == 0x1002);
  CHECK(first.line == 9);
  CHECK(first.column == 7);
  CHECK(first.file == 1);
  CHECK(first.is_stmt);
  CHECK(first.prologue_end);
  const LineRow& second = (*rows)[1];
  CHECK(second.address.value == 0x1013);
  CHECK(second.line == 6);
  CHECK_FALSE(second.is_stmt);
  CHECK_FALSE(second.prologue_end);
  const LineRow& last = (*rows)[2];
  CHECK(last.end_sequence);
  CHECK(last.file == 2);
  CHECK(last.address.value == 0x1117);
}

TEST_CASE("A version 5 program has its directories, files and checksums in formats of its own") {
  const Builder bytes = Wrap(5, HeaderV5(), SmallProgram());
  auto program = ParseLineProgram(Sections(bytes.bytes()), 0);
  REQUIRE(program.ok());
  REQUIRE(program->directories.size() == 2);
  CHECK(program->directories[0] == "/src");
  CHECK(program->directories[1] == "lib");
  REQUIRE(program->files.size() == 1);
  CHECK(program->files[0].name == "a.cc");
  CHECK(program->files[0].directory == 1);
  REQUIRE(program->files[0].md5 != nullptr);
  CHECK(program->files[0].md5[15] == 0xaf);
  CHECK(RunLineProgram(*program)->size() == 3);
}

TEST_CASE("A sequence starts over with the registers of the header") {
  Builder twice = SmallProgram();
  twice.Add(SmallProgram());
  const Builder bytes = Wrap(4, HeaderV4(), twice);
  auto rows = RunLineProgram(*ParseLineProgram(Sections(bytes.bytes()), 0));
  REQUIRE(rows.ok());
  REQUIRE(rows->size() == 6);
  CHECK((*rows)[3].line == (*rows)[0].line);
  CHECK((*rows)[3].is_stmt);
  CHECK((*rows)[3].file == 1);
}

// Rows one byte apart (0: at the same address), each {line, file, discriminator, address step}.
struct RowSpec {
  int line;
  unsigned file;
  unsigned discriminator;
  unsigned step;
  bool is_stmt = true;
};

std::vector<LineRow> RowsOf(const std::vector<RowSpec>& specs) {
  Builder out;
  out.U8(0).U8(9).U8(DW_LNE_set_address).U64(0x1000);
  int line = 1;
  bool is_stmt = true;
  for (const RowSpec& spec : specs) {
    if (spec.is_stmt != is_stmt) out.U8(DW_LNS_negate_stmt);
    is_stmt = spec.is_stmt;
    out.U8(DW_LNS_advance_pc).U8(spec.step);
    out.U8(DW_LNS_advance_line).U8(static_cast<unsigned>(spec.line - line) & 0x7f);
    out.U8(DW_LNS_set_file).U8(spec.file);
    if (spec.discriminator != 0) out.U8(0).U8(2).U8(DW_LNE_set_discriminator).U8(spec.discriminator);
    out.U8(DW_LNS_copy);
    line = spec.line;
  }
  out.U8(DW_LNS_advance_pc).U8(1).U8(0).U8(1).U8(DW_LNE_end_sequence);
  const Builder bytes = Wrap(4, HeaderV4(), out);
  return *RunLineProgram(*ParseLineProgram(Sections(bytes.bytes()), 0));
}

TEST_CASE("A block that a discriminator tells apart goes on with the statement of its line") {
  const std::vector<LineRow> rows =
      RowsOf({{46, 1, 0, 0}, {46, 1, 0, 1}, {46, 1, 3, 1}, {46, 1, 0, 1}, {47, 1, 0, 1}, {46, 1, 2, 1}, {46, 2, 0, 1}});
  CHECK_FALSE(rows[0].repeated);
  CHECK_FALSE(rows[1].repeated);  // no discriminator yet
  CHECK(rows[2].repeated);
  CHECK(rows[3].repeated);
  CHECK_FALSE(rows[4].repeated);
  CHECK_FALSE(rows[5].repeated);  // the line begins again
  CHECK_FALSE(rows[6].repeated);  // a line of another file
}

TEST_CASE("Rows of one address are numbered, as location views count them") {
  const auto views = [](const std::vector<LineRow>& rows) {
    std::vector<uint32_t> out;
    for (const LineRow& row : rows) out.push_back(row.view);
    return out;
  };
  // An advance by nothing and rows that are no statements count too; the last is the end of the sequence.
  const auto rows = RowsOf({{10, 1, 0, 0}, {11, 1, 0, 0, false}, {12, 1, 0, 0}, {13, 1, 0, 2}, {13, 2, 0, 0}});
  CHECK(views(rows) == std::vector<uint32_t>{0, 1, 2, 0, 1, 0});
  for (size_t i = 0; i + 1 < rows.size(); ++i) CHECK(rows[i].shares_address);
  CHECK_FALSE(RowsOf({{10, 1, 0, 0}, {11, 1, 0, 1}})[0].shares_address);
  CHECK_FALSE(rows.back().shares_address);
  // Of the ways to advance only DW_LNS_fixed_advance_pc does not begin at zero again: binutils and gcc count so.
  Builder out;
  out.U8(0).U8(9).U8(DW_LNE_set_address).U64(0x1000).U8(DW_LNS_copy).U8(DW_LNS_copy);
  out.U8(DW_LNS_fixed_advance_pc).U16(4).U8(DW_LNS_copy);
  out.U8(DW_LNS_const_add_pc).U8(DW_LNS_copy).U8(kOpcodeBase + 5);
  out.U8(0).U8(9).U8(DW_LNE_set_address).U64(0x1015).U8(DW_LNS_copy).U8(0).U8(1).U8(DW_LNE_end_sequence);
  const Builder bytes = Wrap(4, HeaderV4(), out);
  CHECK(views(*RunLineProgram(*ParseLineProgram(Sections(bytes.bytes()), 0))) ==
        std::vector<uint32_t>{0, 1, 2, 0, 1, 0, 1});
}

TEST_CASE("A row that another file follows at the same address has no instruction") {
  const std::vector<LineRow> rows = RowsOf({{44, 1, 0, 0}, {46, 1, 0, 0}, {90, 2, 0, 0}, {46, 1, 0, 8}, {47, 1, 0, 0}});
  CHECK(rows[0].empty);
  CHECK(rows[1].empty);
  CHECK_FALSE(rows[2].empty);
  CHECK_FALSE(rows[3].empty);  // another line of the same file: both can carry a logpoint
  CHECK_FALSE(rows[4].empty);
}

TEST_CASE(
    "The return from an inlined call does not end a statement, and what a discriminator follows begins a new one") {
  // CPython's longobject.c:1887: inlined code of another file, back for a moment, then the line's own instructions.
  const std::vector<LineRow> rows = RowsOf({{23, 2, 0, 0}, {46, 1, 0, 0, false}, {46, 1, 10, 5}});
  CHECK_FALSE(rows[0].empty);
  CHECK(rows[1].ignored);
  CHECK_FALSE(rows[2].repeated);
  CHECK_FALSE(rows[2].empty);
  // At another address the row counts, and the discriminator goes on with its line.
  const std::vector<LineRow> apart = RowsOf({{23, 2, 0, 0}, {46, 1, 0, 1, false}, {46, 1, 10, 5}});
  CHECK_FALSE(apart[1].ignored);
  CHECK(apart[2].repeated);
  // Line 0 has nothing to say.
  CHECK(RowsOf({{1, 1, 0, 0}, {0, 1, 0, 1}, {1, 1, 0, 1}})[1].ignored);
}

TEST_CASE("Malformed headers are errors with their offset") {
  const Builder good = Wrap(5, HeaderV5(), SmallProgram());
  for (size_t size = 0; size < good.size(); ++size) {
    const std::vector<uint8_t> cut(good.bytes().begin(), good.bytes().begin() + size);
    CHECK_FALSE(ParseLineProgram(Sections(cut), 0).ok());
  }
  auto patched = [&](size_t at, uint8_t value) {
    std::vector<uint8_t> bytes = good.bytes();
    bytes[at] = value;
    return ParseLineProgram(Sections(bytes), 0).status();
  };
  CHECK(patched(4, 6).code() == absl::StatusCode::kInvalidArgument);  // version
  CHECK(patched(4, 1).code() == absl::StatusCode::kInvalidArgument);
  CHECK_FALSE(patched(7, 1).ok());   // segment selector size
  CHECK_FALSE(patched(13, 2).ok());  // VLIW
  CHECK_FALSE(patched(16, 0).ok());  // line_range
  CHECK_FALSE(patched(17, 0).ok());  // opcode_base
  const auto status = ParseLineProgram(Sections(good.bytes()), 0x123).status();
  CHECK(std::string(status.message()).find("0x123") != std::string::npos);
}

TEST_CASE("A file table that claims more entries than bytes is refused") {
  Builder header = CommonHeader(5);
  header.U8(0);                       // no format
  header.U8(0xff).U8(0xff).U8(0x3f);  // a million directories of nothing
  const Builder bytes = Wrap(5, header, SmallProgram());
  CHECK_FALSE(ParseLineProgram(Sections(bytes.bytes()), 0).ok());
}

TEST_CASE("A program cut inside an operation is an error") {
  Builder cut;
  cut.U8(0).U8(9).U8(DW_LNE_set_address).U32(0x1000);
  const Builder bytes = Wrap(4, HeaderV4(), cut);
  auto program = ParseLineProgram(Sections(bytes.bytes()), 0);
  REQUIRE(program.ok());
  CHECK(RunLineProgram(*program).status().code() == absl::StatusCode::kInvalidArgument);
}

TEST_CASE("Random damage never reads outside the section") {
  std::mt19937 random(3);
  for (const Builder& good : {Wrap(4, HeaderV4(), SmallProgram()), Wrap(5, HeaderV5(), SmallProgram())}) {
    for (int round = 0; round < 5000; ++round) {
      // On the heap and of exact size, so that a sanitizer sees every read beyond.
      std::vector<uint8_t> bytes = good.bytes();
      for (int i = 0; i < 3; ++i) bytes[random() % bytes.size()] = static_cast<uint8_t>(random());
      auto program = ParseLineProgram(Sections(bytes), 0);
      if (program.ok()) CHECK(RunLineProgram(*program).value_or(std::vector<LineRow>()).size() <= kMaxLineRows);
    }
  }
}

}  // namespace
}  // namespace dlog::dwarf
