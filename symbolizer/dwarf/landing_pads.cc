// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/dwarf/landing_pads.h"

#include <elfutils/libdw.h>
#include <gelf.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <span>
#include <string_view>

#include "absl/status/status.h"
#include "symbolizer/dwarf/cursor.h"

namespace dlog::dwarf {
namespace {

constexpr size_t kMaxEntries = 1 << 24;
constexpr uint8_t kOmit = 0xff;
constexpr uint8_t kPcRelative = 0x10;
constexpr uint8_t kIndirect = 0x80;

absl::Status Bad(std::string_view what) { return absl::InvalidArgumentError("exception tables: " + std::string(what)); }

struct Section {
  uint64_t address = 0;
  Elf_Data* data = nullptr;
  std::span<const uint8_t> bytes() const { return {static_cast<const uint8_t*>(data->d_buf), data->d_size}; }
};

std::optional<Section> FindSection(Elf* elf, std::string_view name) {
  size_t names = 0;
  if (elf_getshdrstrndx(elf, &names) != 0) return std::nullopt;
  for (Elf_Scn* scn = elf_nextscn(elf, nullptr); scn != nullptr; scn = elf_nextscn(elf, scn)) {
    GElf_Shdr header;
    if (gelf_getshdr(scn, &header) == nullptr) continue;
    const char* found = elf_strptr(elf, names, header.sh_name);
    if (found == nullptr || name != found || header.sh_type == SHT_NOBITS) continue;
    Elf_Data* data = elf_rawdata(scn, nullptr);
    if (data == nullptr || data->d_buf == nullptr) return std::nullopt;
    return Section{header.sh_addr, data};
  }
  return std::nullopt;
}

// A pointer in one of the encodings of the LSB; `address` is where the cursor's first byte lies. None for an encoding
// that no compiler uses here.
std::optional<uint64_t> EncodedPointer(Cursor* cursor, uint8_t encoding, uint64_t address) {
  const uint64_t here = address + cursor->position();
  uint64_t value = 0;
  switch (encoding & 0x0f) {
    case 0x00:
    case 0x04:
    case 0x0c:
      value = cursor->U64();
      break;
    case 0x01:
      value = cursor->Uleb();
      break;
    case 0x02:
      value = cursor->U16();
      break;
    case 0x03:
      value = cursor->U32();
      break;
    case 0x09:
      value = static_cast<uint64_t>(cursor->Sleb());
      break;
    case 0x0a:
      value = static_cast<uint64_t>(int64_t{static_cast<int16_t>(cursor->U16())});
      break;
    case 0x0b:
      value = static_cast<uint64_t>(int64_t{static_cast<int32_t>(cursor->U32())});
      break;
    default:
      return std::nullopt;
  }
  if (!cursor->ok() || (encoding & kIndirect) != 0) return std::nullopt;
  switch (encoding & 0x70) {
    case 0:
      return value;
    case kPcRelative:
      return value == 0 ? 0 : value + here;
    default:
      return std::nullopt;
  }
}

struct CieEncodings {
  uint8_t pointer = 0;
  uint8_t lsda = kOmit;
  bool has_augmentation = false;
  bool understood = true;
};

CieEncodings EncodingsOf(const Dwarf_CIE& cie) {
  CieEncodings out;
  const std::string_view augmentation = cie.augmentation;
  if (augmentation.empty()) return out;
  out.has_augmentation = augmentation.front() == 'z';
  out.understood = out.has_augmentation;
  Cursor data({cie.augmentation_data, cie.augmentation_data_size});
  for (const char letter : augmentation.substr(1)) {
    switch (letter) {
      case 'R':
        out.pointer = data.U8();
        break;
      case 'L':
        out.lsda = data.U8();
        break;
      case 'P': {
        // The personality's address is of no interest, so where it lies is none either; it may well be indirect.
        const uint8_t encoding = data.U8();
        out.understood &= EncodedPointer(&data, encoding & 0x0f, 0).has_value();
        break;
      }
      case 'S':
      case 'B':
        break;
      default:
        out.understood = false;
    }
  }
  out.understood &= data.ok();
  return out;
}

// One language-specific data area.
absl::Status AddPads(const Section& tables, uint64_t lsda, uint64_t function, std::vector<uint64_t>* pads) {
  if (lsda - tables.address >= tables.bytes().size()) return Bad("a data area outside of its section");
  Cursor cursor(tables.bytes().subspan(lsda - tables.address));
  uint64_t start = function;
  if (const uint8_t encoding = cursor.U8(); encoding != kOmit) {
    const auto explicit_start = EncodedPointer(&cursor, encoding, lsda);
    if (!explicit_start.has_value()) return Bad("an unknown start of landing pads");
    start = *explicit_start;
  }
  if (cursor.U8() != kOmit) cursor.Uleb();
  const uint8_t encoding = cursor.U8();
  const uint64_t length = cursor.Uleb();
  Cursor sites(cursor.Bytes(length));
  if (!cursor.ok()) return Bad("a truncated data area");
  while (!sites.at_end()) {
    const auto begin = EncodedPointer(&sites, encoding, 0);
    const auto size = EncodedPointer(&sites, encoding, 0);
    const auto pad = EncodedPointer(&sites, encoding, 0);
    sites.Uleb();
    if (!begin.has_value() || !size.has_value() || !pad.has_value() || !sites.ok()) return Bad("a bad call-site entry");
    if (*pad != 0) pads->push_back(start + *pad);
  }
  return absl::OkStatus();
}

class FrameReader {
 public:
  FrameReader(const Section& frames, std::optional<Section> tables, const std::vector<AddressRange>& ranges)
      : frames_(frames), tables_(tables), ranges_(ranges) {}

  absl::StatusOr<std::vector<uint64_t>> Run(const unsigned char* ident) {
    Dwarf_Off offset = 0;
    for (size_t i = 0; i < kMaxEntries; ++i) {
      Dwarf_CFI_Entry entry;
      Dwarf_Off next = 0;
      const int result = dwarf_next_cfi(ident, frames_.data, true, offset, &next, &entry);
      if (result > 0) return std::move(pads_);
      if (result < 0) return Bad("a malformed entry");
      if (dwarf_cfi_cie_p(&entry)) {
        cies_[offset] = EncodingsOf(entry.cie);
      } else if (absl::Status status = Fde(entry.fde); !status.ok()) {
        return status;
      }
      if (next <= offset) return Bad("entries that do not end");
      offset = next;
    }
    return Bad("too many entries");
  }

 private:
  absl::Status Fde(const Dwarf_FDE& fde) {
    const auto cie = cies_.find(fde.CIE_pointer);
    if (cie == cies_.end() || !cie->second.understood) return Bad("an entry that is not understood");
    const CieEncodings& encodings = cie->second;
    if (!encodings.has_augmentation || encodings.lsda == kOmit) return absl::OkStatus();
    const auto* base = static_cast<const uint8_t*>(frames_.data->d_buf);
    const uint64_t address = frames_.address + static_cast<uint64_t>(fde.start - base);
    Cursor cursor({fde.start, static_cast<size_t>(fde.end - fde.start)});
    const auto begin = EncodedPointer(&cursor, encodings.pointer, address);
    const auto size = EncodedPointer(&cursor, encodings.pointer & 0x0f, 0);
    cursor.Uleb();
    const auto lsda = EncodedPointer(&cursor, encodings.lsda, address);
    if (!begin.has_value() || !size.has_value() || !lsda.has_value()) return Bad("an entry with unknown pointers");
    const bool wanted = std::any_of(ranges_.begin(), ranges_.end(), [&](const AddressRange& range) {
      return *begin < range.end.value && range.begin.value < *begin + *size;
    });
    if (!wanted || *lsda == 0) return absl::OkStatus();
    if (!tables_.has_value()) return Bad("a data area without its section");
    return AddPads(*tables_, *lsda, *begin, &pads_);
  }

  const Section frames_;
  const std::optional<Section> tables_;
  const std::vector<AddressRange>& ranges_;
  std::map<Dwarf_Off, CieEncodings> cies_;
  std::vector<uint64_t> pads_;
};

}  // namespace

absl::StatusOr<std::vector<uint64_t>> LandingPads(const Module& module, const std::vector<AddressRange>& ranges) {
  Elf* elf = module.binary().handle();
  const auto frames = FindSection(elf, ".eh_frame");
  if (!frames.has_value()) {
    if (FindSection(elf, ".gcc_except_table").has_value()) return Bad("no .eh_frame");
    return std::vector<uint64_t>();
  }
  const char* ident = elf_getident(elf, nullptr);
  if (ident == nullptr) return Bad("no ELF identification");
  return FrameReader(*frames, FindSection(elf, ".gcc_except_table"), ranges)
      .Run(reinterpret_cast<const unsigned char*>(ident));
}

}  // namespace dlog::dwarf
