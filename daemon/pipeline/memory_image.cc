// SPDX-License-Identifier: Apache-2.0
#include "daemon/pipeline/memory_image.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "absl/strings/str_cat.h"

namespace dlog::pipeline {
namespace {

// vm.mmap_min_addr keeps the first page unmapped: what is missing there is a null pointer plus an offset, and a plan
// that tests for null does not even try to read it.
constexpr uint64_t kFirstMappableAddress = 4096;

constexpr uint64_t ClampLength(uint64_t address, uint64_t length) {
  return std::min(length, std::numeric_limits<uint64_t>::max() - address);
}

// Whatever is sorted by address and disjoint: the element that holds `address`, or null.
template <typename T>
const T* Find(const std::vector<T>& sorted, uint64_t address) {
  auto after = std::upper_bound(sorted.begin(), sorted.end(), address,
                                [](uint64_t value, const T& element) { return value < element.address; });
  if (after == sorted.begin()) return nullptr;
  const T& candidate = *std::prev(after);
  return address - candidate.address < candidate.length ? &candidate : nullptr;
}

// The first element that begins at or after `address`, or null.
template <typename T>
const T* FindNext(const std::vector<T>& sorted, uint64_t address) {
  auto next = std::lower_bound(sorted.begin(), sorted.end(), address,
                               [](const T& element, uint64_t value) { return element.address < value; });
  return next == sorted.end() ? nullptr : &*next;
}

}  // namespace

void MemoryImage::Clear() {
  register_mask_ = 0;
  probe_address_.reset();
  vector_mask_ = 0;
  duration_.reset();
  kept_.fill(std::nullopt);
  pieces_.clear();
  faults_.clear();
  torn_.clear();
}

void MemoryImage::SetRegister(unsigned dwarf_number, uint64_t value) {
  if (dwarf_number >= registers_.size()) return;
  registers_[dwarf_number] = value;
  register_mask_ |= uint32_t{1} << dwarf_number;
}

std::optional<uint64_t> MemoryImage::RuntimeAddress(uint64_t link_address) const {
  constexpr unsigned kRip = 16;
  if (!probe_address_.has_value() || !has_register(kRip)) return std::nullopt;
  return register_value(kRip) - *probe_address_ + link_address;
}

void MemoryImage::SetVector(unsigned number, std::span<const uint8_t, DLOG_VECTOR_BYTES> bytes) {
  if (number >= vectors_.size()) return;
  std::copy(bytes.begin(), bytes.end(), vectors_[number].begin());
  vector_mask_ |= uint32_t{1} << number;
}

void MemoryImage::AddSegment(uint64_t address, std::span<const uint8_t> bytes) {
  const uint64_t length = ClampLength(address, bytes.size());
  if (length != 0) pieces_.push_back({address, length, bytes.data()});
}

void MemoryImage::AddFault(uint64_t address, uint64_t length) {
  // A fault of unknown extent still says that its first byte is not there.
  faults_.push_back({address, ClampLength(address, std::max<uint64_t>(length, 1))});
}

void MemoryImage::AddTorn(uint64_t address, uint64_t length) {
  torn_.push_back({address, ClampLength(address, length)});
}

bool MemoryImage::IsTorn(uint64_t address, uint64_t size) const {
  return std::any_of(torn_.begin(), torn_.end(), [&](const Fault& torn) {
    return torn.address < address ? address - torn.address < torn.length : torn.address - address < size;
  });
}

void MemoryImage::Seal() {
  const auto by_address = [](const auto& a, const auto& b) {
    return a.address != b.address ? a.address < b.address : a.length > b.length;
  };
  std::sort(pieces_.begin(), pieces_.end(), by_address);
  size_t kept = 0;
  for (Piece piece : pieces_) {
    const uint64_t covered = kept == 0 ? 0 : pieces_[kept - 1].end();
    if (kept != 0 && piece.address < covered) {
      const Piece& before = pieces_[kept - 1];
      const uint64_t shared = std::min(piece.end(), covered) - piece.address;
      if (std::memcmp(before.bytes + (piece.address - before.address), piece.bytes, shared) != 0) {
        AddTorn(piece.address, shared);
      }
      if (piece.end() <= covered) continue;
      const uint64_t skip = covered - piece.address;
      piece = {covered, piece.length - skip, piece.bytes + skip};
    }
    pieces_[kept++] = piece;
  }
  pieces_.resize(kept);

  std::sort(faults_.begin(), faults_.end(), by_address);
  kept = 0;
  for (const Fault fault : faults_) {
    if (kept != 0 && fault.address - faults_[kept - 1].address <= faults_[kept - 1].length) {
      Fault& last = faults_[kept - 1];
      last.length = std::max(last.length, fault.address - last.address + fault.length);
      continue;
    }
    faults_[kept++] = fault;
  }
  faults_.resize(kept);
}

bool MemoryImage::has_register(unsigned dwarf_number) const {
  return dwarf_number < registers_.size() && (register_mask_ >> dwarf_number & 1) != 0;
}

uint64_t MemoryImage::register_value(unsigned dwarf_number) const {
  return has_register(dwarf_number) ? registers_[dwarf_number] : 0;
}

bool MemoryImage::has_vector(unsigned number) const {
  return number < vectors_.size() && (vector_mask_ >> number & 1) != 0;
}

std::span<const uint8_t, DLOG_VECTOR_BYTES> MemoryImage::vector_value(unsigned number) const {
  static constexpr std::array<uint8_t, DLOG_VECTOR_BYTES> kNone = {};
  return has_vector(number) ? vectors_[number] : kNone;
}

const MemoryImage::Piece* MemoryImage::PieceAt(uint64_t address) const { return Find(pieces_, address); }

ReadResult MemoryImage::Missing(uint64_t address) const {
  const bool fault = address < kFirstMappableAddress || Find(faults_, address) != nullptr;
  return {fault ? ReadFailure::kFault : ReadFailure::kNotCaptured, address};
}

ReadResult MemoryImage::Read(uint64_t address, void* out, size_t size) const {
  auto* destination = static_cast<uint8_t*>(out);
  while (size != 0) {
    const Piece* piece = PieceAt(address);
    if (piece == nullptr) return Missing(address);
    const uint64_t skip = address - piece->address;
    const size_t count = std::min<uint64_t>(size, piece->length - skip);
    std::memcpy(destination, piece->bytes + skip, count);
    destination += count;
    address += count;
    size -= count;
  }
  return {};
}

std::span<const uint8_t> MemoryImage::RunAt(uint64_t address, size_t max) const {
  const Piece* piece = PieceAt(address);
  if (piece == nullptr) return {};
  const uint64_t skip = address - piece->address;
  return {piece->bytes + skip, static_cast<size_t>(std::min<uint64_t>(max, piece->length - skip))};
}

ReadResult MemoryImage::Probe(uint64_t address, uint64_t size) const {
  if (PieceAt(address) != nullptr) return {};
  const Piece* piece = FindNext(pieces_, address);
  if (piece != nullptr && piece->address - address < size) return {};
  const ReadResult first = Missing(address);
  if (first.failure == ReadFailure::kFault) return first;
  const Fault* fault = FindNext(faults_, address);
  if (fault != nullptr && fault->address - address < size) return {ReadFailure::kFault, fault->address};
  return first;
}

std::string FailureReason(const ReadResult& result) {
  if (result.failure == ReadFailure::kFault) return absl::StrCat("0x", absl::Hex(result.address));
  return "not captured";
}

absl::Status LoadRecord(const dlog_record& header, std::span<const uint8_t> segments, uint32_t register_mask,
                        MemoryImage* image) {
  image->Clear();
  // Something changed, nobody knows what.
  if ((header.flags & DLOG_RECORD_TORN) != 0) image->AddTorn(0, ~uint64_t{0});
  for (unsigned number = 0; number < DLOG_NREGS; ++number) {
    if (register_mask >> number & 1) image->SetRegister(number, header.regs[number]);
  }
  if (header.data_bytes > segments.size()) {
    return absl::DataLossError(
        absl::StrCat("record announces ", header.data_bytes, " bytes of segments but has ", segments.size()));
  }
  segments = segments.first(header.data_bytes);
  for (size_t position = 0; position < segments.size();) {
    const size_t left = segments.size() - position;
    dlog_segment segment;
    if (left < sizeof(segment)) {
      return absl::DataLossError(absl::StrCat("record ends inside a segment header at byte ", position));
    }
    std::memcpy(&segment, segments.data() + position, sizeof(segment));
    position += sizeof(segment);
    if (segment.status == DLOG_SEGMENT_FAULT) {
      image->AddFault(segment.address, segment.length);
      continue;
    }
    if (segment.status == DLOG_SEGMENT_TORN) {
      image->AddTorn(segment.address, segment.length);
      continue;
    }
    if (segment.status == DLOG_SEGMENT_DURATION) {
      image->set_duration(segment.address);
      continue;
    }
    if (segment.status >= DLOG_SEGMENT_KEPT && segment.status - DLOG_SEGMENT_KEPT < DLOG_KEPT_REGISTERS) {
      image->set_at_entry(segment.status - DLOG_SEGMENT_KEPT, segment.address);
      continue;
    }
    if (segment.status == DLOG_SEGMENT_VECTOR) {
      if (segment.address >= DLOG_NVECTORS || segment.length != DLOG_VECTOR_BYTES ||
          segments.size() - position < DLOG_VECTOR_BYTES) {
        return absl::DataLossError(absl::StrCat("segment at byte ", position - sizeof(segment), " is no xmm register"));
      }
      image->SetVector(static_cast<unsigned>(segment.address), segments.subspan(position).first<DLOG_VECTOR_BYTES>());
      position += DLOG_VECTOR_BYTES;
      continue;
    }
    if (segment.status != DLOG_SEGMENT_OK && segment.status != DLOG_SEGMENT_TRUNCATED) {
      return absl::DataLossError(
          absl::StrCat("segment at byte ", position - sizeof(segment), " has status ", segment.status));
    }
    const uint64_t padded = (uint64_t{segment.length} + 7) & ~uint64_t{7};
    if (padded > segments.size() - position) {
      return absl::DataLossError(absl::StrCat("segment at byte ", position - sizeof(segment), " has length ",
                                              segment.length, " but ", segments.size() - position, " bytes follow"));
    }
    image->AddSegment(segment.address, segments.subspan(position, segment.length));
    position += padded;
  }
  image->Seal();
  return absl::OkStatus();
}

}  // namespace dlog::pipeline
