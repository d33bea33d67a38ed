// SPDX-License-Identifier: Apache-2.0
//
// Decompression of one ELF section as a stream: bounded memory whatever the section's size.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace dlog::elf {

enum class Compression {
  kNone,
  kZlib,  // ELFCOMPRESS_ZLIB, or the older ".zdebug_" form
  kZstd,  // ELFCOMPRESS_ZSTD
};

// A section's content in a file.
struct SectionContent {
  std::string name;  // ".debug_info", also for ".zdebug_info"
  Compression compression = Compression::kNone;
  uint64_t offset = 0;         // of the (compressed) bytes in the file, headers skipped
  uint64_t stored_size = 0;    // bytes there
  uint64_t inflated_size = 0;  // as the headers claim; checked while inflating
};

// Receives the content in order, in pieces of at most kInflateChunk bytes.
using ContentConsumer = std::function<absl::Status(std::span<const uint8_t>)>;
inline constexpr size_t kInflateChunk = 256 << 10;

// DataLoss when the stream is damaged or is not exactly inflated_size bytes long; errors of `consume` are returned.
absl::Status InflateSection(int fd, const SectionContent& section, const ContentConsumer& consume);

}  // namespace dlog::elf
