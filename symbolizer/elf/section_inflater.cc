// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/elf/section_inflater.h"

#include <fmt/format.h>
#include <isa-l/igzip_lib.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

namespace dlog::elf {
namespace {

absl::Status Damaged(const SectionContent& section, std::string_view why) {
  return absl::DataLossError(fmt::format("section {} cannot be decompressed: {}", section.name, why));
}

// Reads the stored bytes piece by piece; not through a mapping, which would keep every page it has touched.
class Input {
 public:
  Input(int fd, const SectionContent& section) : fd_(fd), section_(section), buffer_(kInflateChunk) {}

  // The next piece; empty at the end.
  absl::StatusOr<std::span<uint8_t>> Next() {
    const size_t want = static_cast<size_t>(std::min<uint64_t>(buffer_.size(), section_.stored_size - done_));
    size_t have = 0;
    while (have < want) {
      const ssize_t n =
          ::pread(fd_, buffer_.data() + have, want - have, static_cast<off_t>(section_.offset + done_ + have));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return Damaged(section_, std::strerror(errno));
      if (n == 0) return Damaged(section_, "the file ends inside it");
      have += static_cast<size_t>(n);
    }
    done_ += have;
    return std::span<uint8_t>(buffer_.data(), have);
  }

 private:
  const int fd_;
  const SectionContent& section_;
  std::vector<uint8_t> buffer_;
  uint64_t done_ = 0;
};

// Counts what goes out and refuses more than the headers promised: a small file cannot fill the disk.
class Output {
 public:
  Output(const SectionContent& section, const ContentConsumer& consume)
      : section_(section), consume_(consume), buffer_(kInflateChunk) {}

  uint8_t* data() { return buffer_.data(); }
  size_t capacity() const { return buffer_.size(); }

  absl::Status Flush(size_t bytes) {
    if (bytes > section_.inflated_size - done_) return Damaged(section_, "it is longer than its header says");
    done_ += bytes;
    return bytes == 0 ? absl::OkStatus() : consume_(std::span<const uint8_t>(buffer_.data(), bytes));
  }

  absl::Status Finish() const {
    if (done_ != section_.inflated_size) return Damaged(section_, "it is shorter than its header says");
    return absl::OkStatus();
  }

 private:
  const SectionContent& section_;
  const ContentConsumer& consume_;
  std::vector<uint8_t> buffer_;
  uint64_t done_ = 0;
};

absl::Status InflateZlib(Input* in, Output* out, const SectionContent& section) {
  auto state = std::make_unique<inflate_state>();
  isal_inflate_init(state.get());
  state->crc_flag = ISAL_ZLIB;
  while (state->block_state != ISAL_BLOCK_FINISH) {
    if (state->avail_in == 0) {
      auto piece = in->Next();
      if (!piece.ok()) return piece.status();
      if (piece->empty() && state->block_state != ISAL_BLOCK_FINISH) {
        return Damaged(section, "the stream ends early");
      }
      state->next_in = piece->data();
      state->avail_in = static_cast<uint32_t>(piece->size());
    }
    state->next_out = out->data();
    state->avail_out = static_cast<uint32_t>(out->capacity());
    const int result = isal_inflate(state.get());
    if (result < 0) return Damaged(section, fmt::format("the zlib stream is invalid ({})", result));
    if (absl::Status status = out->Flush(out->capacity() - state->avail_out); !status.ok()) return status;
  }
  return out->Finish();
}

absl::Status InflateZstd(Input* in, Output* out, const SectionContent& section) {
  std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(), &ZSTD_freeDCtx);
  if (context == nullptr) return absl::ResourceExhaustedError("no memory for decompression");
  size_t result = 1;
  while (result != 0) {
    auto piece = in->Next();
    if (!piece.ok()) return piece.status();
    if (piece->empty()) return Damaged(section, "the stream ends early");
    ZSTD_inBuffer source = {piece->data(), piece->size(), 0};
    bool more = true;
    while (more && result != 0) {
      ZSTD_outBuffer target = {out->data(), out->capacity(), 0};
      result = ZSTD_decompressStream(context.get(), &target, &source);
      if (ZSTD_isError(result)) return Damaged(section, ZSTD_getErrorName(result));
      if (absl::Status status = out->Flush(target.pos); !status.ok()) return status;
      more = source.pos < source.size || target.pos == target.size;
    }
  }
  return out->Finish();
}

absl::Status CopyThrough(Input* in, Output* out) {
  for (;;) {
    auto piece = in->Next();
    if (!piece.ok()) return piece.status();
    if (piece->empty()) return out->Finish();
    std::copy(piece->begin(), piece->end(), out->data());
    if (absl::Status status = out->Flush(piece->size()); !status.ok()) return status;
  }
}

}  // namespace

absl::Status InflateSection(int fd, const SectionContent& section, const ContentConsumer& consume) {
  Input in(fd, section);
  Output out(section, consume);
  switch (section.compression) {
    case Compression::kNone:
      return CopyThrough(&in, &out);
    case Compression::kZlib:
      return InflateZlib(&in, &out, section);
    case Compression::kZstd:
      return InflateZstd(&in, &out, section);
  }
  return absl::InternalError("unknown compression");
}

}  // namespace dlog::elf
