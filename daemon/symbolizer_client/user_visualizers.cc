// SPDX-License-Identifier: Apache-2.0
#include "daemon/symbolizer_client/user_visualizers.h"

#include <dirent.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "daemon/targets/small_file.h"
#include "symbolizer/base/status_hint.h"
#include "symbolizer/visualizers/catalog.h"

namespace dlog::daemon {
namespace {

constexpr size_t kMaxFiles = 64;
constexpr size_t kMaxFileBytes = 256 << 10;
constexpr std::string_view kSuffix = ".txtpb";

// Names of the visualizer files, sorted.
absl::StatusOr<std::vector<std::string>> FilesOf(const std::string& directory) {
  std::vector<std::string> names;
  DIR* stream = opendir(directory.c_str());
  if (stream == nullptr) {
    if (errno == ENOENT && directory == kDefaultVisualizerDirectory) return names;
    return WithHint(absl::ErrnoToStatus(errno, "visualizers: " + directory),
                    "`visualizers-dir` (--visualizers) names a directory with *.txtpb files");
  }
  while (const dirent* entry = readdir(stream)) {
    const std::string name = entry->d_name;
    if (name.size() > kSuffix.size() && name.front() != '.' && name.ends_with(kSuffix)) names.push_back(name);
  }
  closedir(stream);
  if (names.size() > kMaxFiles) {
    return absl::ResourceExhaustedError(
        fmt::format("{} has {} visualizer files; at most {} are read", directory, names.size(), kMaxFiles));
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

absl::StatusOr<std::vector<v1::VisualizerFile>> ReadVisualizers(const std::string& directory) {
  std::vector<v1::VisualizerFile> files;
  if (directory.empty()) return files;
  auto names = FilesOf(directory);
  if (!names.ok()) return names.status();
  visualizers::Catalog catalog;
  for (const std::string& name : *names) {
    v1::VisualizerFile& file = files.emplace_back();
    file.set_name(fmt::format("{}/{}", directory, name));
    auto text = ReadSmallFile(file.name(), kMaxFileBytes);
    if (!text.ok()) return WithContext(text.status(), "visualizers");
    if (auto status = catalog.Add(*text, file.name()); !status.ok()) {
      return WithHint(std::move(status), "symbolizer/visualizers/README.md shows how visualizers are written");
    }
    file.set_text(*std::move(text));
  }
  return files;
}

void UserVisualizers::Set(std::vector<v1::VisualizerFile> files) {
  const absl::MutexLock lock(&mutex_);
  files_ = std::move(files);
}

void UserVisualizers::AddTo(v1::SymbolizerRequest* request) const {
  const absl::MutexLock lock(&mutex_);
  for (const v1::VisualizerFile& file : files_) *request->add_visualizers() = file;
}

size_t UserVisualizers::count() const {
  const absl::MutexLock lock(&mutex_);
  return files_.size();
}

}  // namespace dlog::daemon
