// SPDX-License-Identifier: Apache-2.0
#include "daemon/state/journal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <map>

#include "absl/time/clock.h"
#include "daemon/targets/small_file.h"
#include "symbolizer/base/status_hint.h"

namespace dlog::daemon {
namespace {

constexpr size_t kHeadBytes = 8;
constexpr char kFile[] = "logpoints";

void AppendWord(uint32_t value, std::string* out) {
  for (int i = 0; i < 4; ++i) out->push_back(static_cast<char>((value >> (8 * i)) & 0xff));
}

uint32_t WordAt(const std::string& bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value |= uint32_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
  return value;
}

uint32_t Checksum(const char* data, size_t size) {
  return static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(data), static_cast<uInt>(size)));
}

absl::Status WriteAll(int fd, const std::string& bytes) {
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t written = write(fd, bytes.data() + done, bytes.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return absl::ErrnoToStatus(written == 0 ? EIO : errno, "write");
    done += static_cast<size_t>(written);
  }
  return absl::OkStatus();
}

void Apply(v1::StateEntry entry, SavedState* state) {
  const auto find = [state](const std::string& id) {
    return std::find_if(state->logpoints.begin(), state->logpoints.end(),
                        [&id](const auto& each) { return each.spec().id() == id; });
  };
  switch (entry.entry_case()) {
    case v1::StateEntry::kPut: {
      const auto found = find(entry.put().spec().id());
      if (found == state->logpoints.end()) {
        state->logpoints.push_back(std::move(*entry.mutable_put()));
      } else {
        *found = std::move(*entry.mutable_put());
      }
      return;
    }
    case v1::StateEntry::kErase: {
      const auto found = find(entry.erase());
      if (found != state->logpoints.end()) state->logpoints.erase(found);
      return;
    }
    case v1::StateEntry::kCounts: {
      const auto found = find(entry.counts().id());
      if (found != state->logpoints.end()) *found->mutable_counters() = entry.counts().counters();
      return;
    }
    case v1::StateEntry::kLastId:
      state->last_id = std::max(state->last_id, entry.last_id());
      return;
    case v1::StateEntry::ENTRY_NOT_SET:
      return;  // of a later version
  }
}

absl::Status SyncDirectory(const std::string& path) {
  const UniqueFd fd(open(path.substr(0, path.rfind('/') + 1).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid() || fsync(fd.get()) != 0) return absl::ErrnoToStatus(errno, path);
  return absl::OkStatus();
}

absl::StatusOr<UniqueFd> Lock(const std::string& directory) {
  if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return WithHint(absl::ErrnoToStatus(errno, directory), "its parent must exist; --state-dir chooses another");
  }
  UniqueFd lock(open((directory + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock.valid()) return absl::ErrnoToStatus(errno, directory);
  if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return WithHint(absl::AlreadyExistsError(fmt::format("another dlogd uses the state directory {}", directory)),
                    "give each its own with --state-dir");
  }
  return lock;
}

}  // namespace

std::string EncodeEntry(const v1::StateEntry& entry) {
  const std::string payload = entry.SerializeAsString();
  std::string out;
  AppendWord(static_cast<uint32_t>(payload.size()), &out);
  AppendWord(Checksum(payload.data(), payload.size()), &out);
  return out + payload;
}

bool ReadJournal(const std::string& bytes, SavedState* state) {
  const std::string magic = kJournalMagic;
  if (bytes.compare(0, magic.size(), magic) != 0) return false;
  size_t at = magic.size();
  while (at < bytes.size()) {
    if (bytes.size() - at < kHeadBytes) return false;
    const size_t size = WordAt(bytes, at);
    if (size > kMaxEntryBytes || size > bytes.size() - at - kHeadBytes) return false;
    const char* payload = bytes.data() + at + kHeadBytes;
    v1::StateEntry entry;
    if (Checksum(payload, size) != WordAt(bytes, at + 4) || !entry.ParseFromArray(payload, static_cast<int>(size))) {
      return false;
    }
    Apply(std::move(entry), state);
    at += kHeadBytes + size;
  }
  return true;
}

absl::StatusOr<std::unique_ptr<Journal>> Journal::Open(const std::string& directory, SavedState* state,
                                                       std::string* problem) {
  auto lock = Lock(directory);
  if (!lock.ok()) return lock.status();
  std::unique_ptr<Journal> journal(new Journal(directory + "/" + kFile, *std::move(lock)));
  auto bytes = ReadSmallFile(journal->path_, kMaxJournalBytes);
  if (!absl::IsNotFound(bytes.status()) && (!bytes.ok() || !ReadJournal(*bytes, state))) {
    const std::string aside = fmt::format("{}.damaged-{}", journal->path_, absl::ToUnixNanos(absl::Now()));
    const bool moved = rename(journal->path_.c_str(), aside.c_str()) == 0;
    *problem = fmt::format("{} is damaged ({}); {} logpoints of it are used, the file is {}", journal->path_,
                           bytes.ok() ? "an entry does not match its checksum" : std::string(bytes.status().message()),
                           state->logpoints.size(), moved ? "kept as " + aside : "overwritten");
  }
  if (auto status = journal->Rewrite(*state); !status.ok()) return status;
  return journal;
}

// Beside the old file, then renamed over it: whatever happens, one of the two is whole.
absl::Status Journal::Rewrite(const SavedState& state) {
  std::string bytes = kJournalMagic;
  v1::StateEntry entry;
  entry.set_last_id(state.last_id);
  bytes += EncodeEntry(entry);
  for (const v1::SavedLogpoint& logpoint : state.logpoints) {
    *entry.mutable_put() = logpoint;
    bytes += EncodeEntry(entry);
  }
  const std::string fresh = path_ + ".new";
  UniqueFd fd(open(fresh.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, fresh);
  if (auto status = WriteAll(fd.get(), bytes); !status.ok()) return WithContext(status, fresh);
  if (fsync(fd.get()) != 0 || rename(fresh.c_str(), path_.c_str()) != 0) return absl::ErrnoToStatus(errno, fresh);
  fd_ = std::move(fd);
  size_ = static_cast<int64_t>(bytes.size());
  compact_at_ = std::max(kMinCompactBytes, 2 * size_);
  return SyncDirectory(path_);
}

absl::Status Journal::Append(const std::vector<v1::StateEntry>& entries) {
  std::string bytes;
  for (const v1::StateEntry& entry : entries) bytes += EncodeEntry(entry);
  // Behind what is known to be whole, even when an earlier write was cut short.
  if (ftruncate(fd_.get(), size_) != 0 || lseek(fd_.get(), size_, SEEK_SET) < 0) {
    return absl::ErrnoToStatus(errno, path_);
  }
  if (auto status = WriteAll(fd_.get(), bytes); !status.ok()) return WithContext(status, path_);
  if (fdatasync(fd_.get()) != 0) return absl::ErrnoToStatus(errno, path_);
  size_ += static_cast<int64_t>(bytes.size());
  if (size_ < compact_at_) return absl::OkStatus();
  SavedState state;
  auto whole = ReadSmallFile(path_, kMaxJournalBytes);
  if (!whole.ok()) return whole.status();
  if (!ReadJournal(*whole, &state)) return absl::DataLossError(fmt::format("{} was changed by somebody else", path_));
  return Rewrite(state);
}

}  // namespace dlog::daemon
