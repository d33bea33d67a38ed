// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/visualizers/catalog.h"

#include <algorithm>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "google/protobuf/io/tokenizer.h"
#include "google/protobuf/text_format.h"
#include "symbolizer/visualizers/check.h"

namespace dlog::visualizers {

// Generated from the *.txtpb files of this folder.
extern const char* const kBuiltInCatalogs[];
extern const int kBuiltInCatalogCount;

namespace {

class ErrorLog : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, google::protobuf::io::ColumnNumber /*column*/, const std::string& message) override {
    if (first_.message.empty()) first_ = {line + 1, message};
  }
  const Misuse& first() const { return first_; }

 private:
  Misuse first_;
};

std::string At(std::string_view name, int line) {
  return absl::StrCat(name.empty() ? "built-in visualizers" : std::string(name), ":", line);
}

}  // namespace

bool MatchesPattern(std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0, star = std::string_view::npos, mark = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      mark = t;
    } else if (const size_t literal = p + (p + 1 < pattern.size() && pattern[p] == '\\' ? 1 : 0);
               literal < pattern.size() && pattern[literal] == text[t]) {
      p = literal + 1;
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
  if (absl::Status status = catalog.AddBuiltIn(); !status.ok()) return status;
  return catalog;
}

absl::Status Catalog::AddBuiltIn() {
  for (int i = 0; i < kBuiltInCatalogCount; ++i) {
    if (absl::Status status = Add(kBuiltInCatalogs[i], ""); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Catalog::Add(std::string_view text, std::string_view name) {
  CatalogFile parsed;
  google::protobuf::TextFormat::Parser parser;
  google::protobuf::TextFormat::ParseInfoTree places;
  ErrorLog log;
  parser.RecordErrorsTo(&log);
  parser.WriteLocationsTo(&places);
  const bool well_formed = parser.ParseFromString(std::string(text), &parsed);
  if (const auto misuse = well_formed ? FindMisuse(parsed, places) : std::make_optional(log.first())) {
    return absl::InvalidArgumentError(absl::StrCat(At(name, misuse->line), ": ", misuse->message));
  }
  const auto* field = CatalogFile::descriptor()->FindFieldByNumber(CatalogFile::kVisualizerFieldNumber);
  for (int i = 0; i < parsed.visualizer_size(); ++i) {
    origins_.push_back(name.empty() ? "" : At(name, places.GetLocation(field, i).line + 1));
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

std::string_view Catalog::OriginOf(const Visualizer& visualizer) const {
  for (int i = 0; i < file_.visualizer_size(); ++i) {
    if (&file_.visualizer(i) == &visualizer) return origins_[static_cast<size_t>(i)];
  }
  return "";
}

}  // namespace dlog::visualizers
