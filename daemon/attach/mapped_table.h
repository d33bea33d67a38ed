// SPDX-License-Identifier: Apache-2.0
//
// A BPF array map (BPF_F_MMAPABLE) seen as plain memory: writing a plan is a copy, reading a counter a load.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace dlog::attach {

// Unmapped on destruction. `Entry` must be the map's value type; its size a multiple of 8, as the kernel pads to that.
template <typename Entry>
class MappedTable {
  static_assert(sizeof(Entry) % 8 == 0);

 public:
  MappedTable() = default;
  MappedTable(MappedTable&& other) noexcept
      : entries_(std::exchange(other.entries_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        bytes_(std::exchange(other.bytes_, 0)) {}
  MappedTable& operator=(MappedTable&& other) noexcept {
    std::swap(entries_, other.entries_);
    std::swap(size_, other.size_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  MappedTable(const MappedTable&) = delete;
  MappedTable& operator=(const MappedTable&) = delete;
  ~MappedTable() {
    if (entries_ != nullptr) munmap(entries_, bytes_);
  }

  // ResourceExhausted when the kernel does not map it.
  static absl::StatusOr<MappedTable> Create(int map_fd, uint32_t size) {
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const size_t bytes = (size_t{size} * sizeof(Entry) + page - 1) / page * page;
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
    if (memory == MAP_FAILED) {
      return absl::ResourceExhaustedError(
          absl::StrCat("map a plan table of ", bytes, " bytes: ", std::strerror(errno)));
    }
    MappedTable table;
    table.entries_ = static_cast<Entry*>(memory);
    table.size_ = size;
    table.bytes_ = bytes;
    return table;
  }

  Entry& operator[](uint32_t index) { return entries_[index]; }
  const Entry& operator[](uint32_t index) const { return entries_[index]; }
  uint32_t size() const { return size_; }

 private:
  Entry* entries_ = nullptr;
  uint32_t size_ = 0;
  size_t bytes_ = 0;
};

}  // namespace dlog::attach
