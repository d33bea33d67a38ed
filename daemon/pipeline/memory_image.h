// SPDX-License-Identifier: Apache-2.0
//
// What was captured at one hit: registers and a sparse map address -> bytes. Everything that is shown is read from
// here, so the renderer runs the same on a live record, on an image made by a test, or on a core file.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bpf/abi.h"

namespace dlog::pipeline {

// Why bytes are not in the image.
enum class ReadFailure {
  kNone,
  kNotCaptured,  // the plan did not ask for them, or a cap ended the capture before them
  kFault,        // the kernel could not read them (address not mapped), or they lie in the first page
};

struct ReadResult {
  ReadFailure failure = ReadFailure::kNone;
  uint64_t address = 0;  // first address that is missing, when failure != kNone
  bool ok() const { return failure == ReadFailure::kNone; }
};

// Reusable: Clear() keeps the storage, so the steady state allocates nothing. Thread-compatible.
class MemoryImage {
 public:
  void Clear();
  void SetRegister(unsigned dwarf_number, uint64_t value);
  // The link-time address of the instruction that was hit, of which register 16 is the address in the process.
  void SetProbeAddress(uint64_t link_address) { probe_address_ = link_address; }
  // The 16 bytes of xmm register `number`; absent when the hit's vector registers could not be known.
  void SetVector(unsigned number, std::span<const uint8_t, DLOG_VECTOR_BYTES> bytes);
  void AddSegment(uint64_t address, std::span<const uint8_t> bytes);  // the bytes must outlive the image's use
  void AddFault(uint64_t address, uint64_t length);
  // These bytes changed while the hit was captured.
  void AddTorn(uint64_t address, uint64_t length);
  // Must be called after the last Add and before the first Read.
  void Seal();

  // Registers not in the record's mask read as absent.
  bool has_register(unsigned dwarf_number) const;
  uint64_t register_value(unsigned dwarf_number) const;
  // Where a link-time address of the probed binary is. None when register 16 or the probe's own address is not known.
  std::optional<uint64_t> RuntimeAddress(uint64_t link_address) const;
  bool has_vector(unsigned number) const;
  // Nanoseconds since the call began.
  std::optional<uint64_t> duration() const { return duration_; }
  void set_duration(uint64_t nanoseconds) { duration_ = nanoseconds; }
  // What the `number`-th register of arguments held when the function was entered.
  std::optional<uint64_t> at_entry(unsigned number) const {
    return number < kept_.size() ? kept_[number] : std::nullopt;
  }
  void set_at_entry(unsigned number, uint64_t value) { kept_[number] = value; }
  // Zero where has_vector() is false.
  std::span<const uint8_t, DLOG_VECTOR_BYTES> vector_value(unsigned number) const;

  // Copies exactly `size` bytes at `address`, which may span adjacent or overlapping segments. On failure `out` is
  // unspecified.
  ReadResult Read(uint64_t address, void* out, size_t size) const;
  // The longest run of captured bytes at `address`, at most `max`; stops at the end of its segment.
  std::span<const uint8_t> RunAt(uint64_t address, size_t max) const;
  // Ok when at least one byte of [address, address + size) was captured; else why there is none.
  ReadResult Probe(uint64_t address, uint64_t size) const;
  // Whether a byte of [address, address + size) is known to have changed during the capture: said by AddTorn, or two
  // segments do not agree.
  bool IsTorn(uint64_t address, uint64_t size) const;

 private:
  struct Piece {
    uint64_t address;
    uint64_t length;
    const uint8_t* bytes;
    uint64_t end() const { return address + length; }
  };
  struct Fault {
    uint64_t address;
    uint64_t length;
  };
  const Piece* PieceAt(uint64_t address) const;
  ReadResult Missing(uint64_t address) const;

  std::array<uint64_t, DLOG_NREGS> registers_ = {};
  uint32_t register_mask_ = 0;
  std::optional<uint64_t> probe_address_;
  std::array<std::array<uint8_t, DLOG_VECTOR_BYTES>, DLOG_NVECTORS> vectors_ = {};
  uint32_t vector_mask_ = 0;
  std::optional<uint64_t> duration_;
  std::array<std::optional<uint64_t>, DLOG_KEPT_REGISTERS> kept_;
  std::vector<Piece> pieces_;  // after Seal(): sorted, disjoint, none empty
  std::vector<Fault> faults_;  // after Seal(): sorted, disjoint
  std::vector<Fault> torn_;    // unordered; few
};

// "0x10" for an address that could not be read, "not captured" otherwise.
std::string FailureReason(const ReadResult& result);

// Fills `image` from a record. DataLoss when the segments do not add up (the record is untrusted as far as lengths go).
absl::Status LoadRecord(const dlog_record& header, std::span<const uint8_t> segments, uint32_t register_mask,
                        MemoryImage* image);

}  // namespace dlog::pipeline
