// SPDX-License-Identifier: Apache-2.0
//
// code_sweep FILE...: decodes every executable section of ELF files from end to end and prints how many instructions a
// probe could sit on, and which are refused. Padding between functions counts too.
#include <elf.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "symbolizer/code/instruction.h"

namespace dlog::code {
namespace {

constexpr size_t kShownKinds = 25;

struct Count {
  uint64_t total = 0;
  uint64_t emulated = 0;
  uint64_t stepped = 0;
  uint64_t undecodable = 0;
  std::map<std::string, uint64_t> refused;  // "mnemonic: reason"
};

void SweepSection(std::span<const uint8_t> bytes, uint64_t address, Count* count) {
  while (!bytes.empty()) {
    absl::StatusOr<Instruction> instruction = Decode(bytes, LinkAddress{address});
    size_t length = 1;
    if (!instruction.ok()) {
      ++count->undecodable;
    } else {
      length = instruction->length;
      ++count->total;
      if (instruction->probe_class == ProbeClass::kEmulated) {
        ++count->emulated;
      } else if (instruction->probe_class == ProbeClass::kStepped) {
        ++count->stepped;
      } else {
        ++count->refused[instruction->text.substr(0, instruction->text.find(' ')) + ": " + instruction->refusal];
      }
    }
    address += length;
    bytes = bytes.subspan(length);
  }
}

bool SweepFile(const char* path) {
  std::ifstream in(path, std::ios::binary);
  const std::vector<char> raw{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  const auto* data = reinterpret_cast<const uint8_t*>(raw.data());
  Elf64_Ehdr header;
  if (raw.size() < sizeof header) return false;
  std::memcpy(&header, data, sizeof header);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_machine != EM_X86_64) return false;
  Count count;
  for (size_t i = 0; i < header.e_shnum; ++i) {
    Elf64_Shdr section;
    const uint64_t at = header.e_shoff + i * sizeof section;
    if (at > raw.size() || raw.size() - at < sizeof section) return false;
    std::memcpy(&section, data + at, sizeof section);
    if (section.sh_type != SHT_PROGBITS || (section.sh_flags & SHF_EXECINSTR) == 0) continue;
    if (section.sh_offset > raw.size() || raw.size() - section.sh_offset < section.sh_size) return false;
    SweepSection(std::span<const uint8_t>(data + section.sh_offset, section.sh_size), section.sh_addr, &count);
  }
  const uint64_t refused = count.total - count.emulated - count.stepped;
  const double percent = count.total == 0 ? 0 : 100.0 / static_cast<double>(count.total);
  std::printf("%s: %lu instructions, emulated %.2f %%, stepped %.2f %%, refused %.2f %%, %lu bytes undecodable\n", path,
              count.total, count.emulated * percent, count.stepped * percent, refused * percent, count.undecodable);
  std::vector<std::pair<uint64_t, std::string>> kinds;
  for (const auto& [kind, n] : count.refused) kinds.emplace_back(n, kind);
  std::sort(kinds.rbegin(), kinds.rend());
  for (size_t i = 0; i < std::min(kinds.size(), kShownKinds); ++i) {
    std::printf("  %8lu  %s\n", kinds[i].first, kinds[i].second.c_str());
  }
  return true;
}

}  // namespace
}  // namespace dlog::code

int main(int argc, char** argv) {
  int status = argc > 1 ? 0 : 2;
  for (int i = 1; i < argc; ++i) {
    if (!dlog::code::SweepFile(argv[i])) {
      std::fprintf(stderr, "%s: not a readable x86-64 ELF file\n", argv[i]);
      status = 1;
    }
  }
  return status;
}
