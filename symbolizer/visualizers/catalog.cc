// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/visualizers/catalog.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "google/protobuf/io/tokenizer.h"
#include "google/protobuf/text_format.h"

namespace dlog::visualizers {

// Generated from the *.txtpb files of this folder.
extern const char* const kBuiltInCatalogs[];
extern const int kBuiltInCatalogCount;

namespace {

class ErrorLog : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, google::protobuf::io::ColumnNumber column, const std::string& message) override {
    if (first_.empty()) first_ = absl::StrCat("line ", line + 1, ", column ", column + 1, ": ", message);
  }
  const std::string& first() const { return first_; }

 private:
  std::string first_;
};

}  // namespace

bool MatchesPattern(std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0, star = std::string_view::npos, mark = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      mark = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++mark;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

absl::StatusOr<Catalog> Catalog::BuiltIn() {
  Catalog catalog;
  for (int i = 0; i < kBuiltInCatalogCount; ++i) {
    absl::Status status = catalog.Add(kBuiltInCatalogs[i]);
    if (!status.ok()) return status;
  }
  return catalog;
}

absl::Status Catalog::Add(std::string_view text) {
  CatalogFile parsed;
  google::protobuf::TextFormat::Parser parser;
  ErrorLog log;
  parser.RecordErrorsTo(&log);
  if (!parser.ParseFromString(std::string(text), &parsed)) {
    return absl::InvalidArgumentError(absl::StrCat("visualizer file: ", log.first()));
  }
  file_.MergeFrom(parsed);
  return absl::OkStatus();
}

std::vector<const Visualizer*> Catalog::Matches(std::string_view raw_type_name) const {
  std::vector<const Visualizer*> found;
  for (const Visualizer& visualizer : file_.visualizer()) {
    const bool matches =
        std::any_of(visualizer.match().begin(), visualizer.match().end(),
                    [&](const std::string& pattern) { return MatchesPattern(pattern, raw_type_name); });
    if (matches) found.push_back(&visualizer);
  }
  return found;
}

}  // namespace dlog::visualizers
