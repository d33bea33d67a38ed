// SPDX-License-Identifier: Apache-2.0
#include "symbolizer/module_search.h"

#include <array>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "symbolizer/base/status_hint.h"
#include "symbolizer/dwarf/die.h"
#include "symbolizer/dwarf/scopes.h"
#include "symbolizer/elf/debug_file.h"
#include "symbolizer/returns.h"

namespace dlog::symbolizer {
namespace {

constexpr size_t kMostSuggestions = 5;
constexpr absl::string_view kFunctionPrefix = "function:";
constexpr absl::string_view kReturnPrefix = "return:";

struct ParsedLocation {
  std::string file;
  uint32_t line = 0;
  std::string function;
  bool at_return = false;
};

absl::StatusOr<ParsedLocation> ParseLocation(const std::string& text) {
  ParsedLocation parsed;
  absl::string_view rest = text;
  parsed.at_return = absl::ConsumePrefix(&rest, kReturnPrefix);
  if (parsed.at_return || absl::ConsumePrefix(&rest, kFunctionPrefix)) {
    if (rest.empty()) return absl::InvalidArgumentError(absl::StrCat("'", text, "' without a name"));
    parsed.function = std::string(rest);
    return parsed;
  }
  const size_t colon = text.rfind(':');
  if (colon != std::string::npos && colon > 0 && absl::SimpleAtoi(text.substr(colon + 1), &parsed.line) &&
      parsed.line > 0) {
    parsed.file = text.substr(0, colon);
    return parsed;
  }
  return WithHint(absl::InvalidArgumentError(absl::StrCat("'", text, "' is not a location")),
                  "write FILE:LINE (src/order.cc:42), function:NAME or return:NAME");
}

struct OpenedModule {
  std::unique_ptr<dwarf::Module> module;
  std::unique_ptr<dwarf::LineIndex> lines;
  v1::BinaryInfo binary;
};

absl::StatusOr<OpenedModule> OpenModule(const v1::SymbolizerRequest& request,
                                        const v1::SymbolizerRequest::Module& wanted) {
  elf::DebugSearch search;
  if (!request.root().empty()) search.root = request.root();
  if (request.debug_directories_size() > 0) {
    search.directories.assign(request.debug_directories().begin(), request.debug_directories().end());
  }
  search.own_directories.assign(request.own_debug_directories().begin(), request.own_debug_directories().end());
  search.cache_directory = request.cache_directory();
  search.explicit_file = request.spec().target().debug_file();
  OpenedModule opened;
  auto module = dwarf::Module::Open(wanted.open_path(), search);
  if (!module.ok()) return module.status();
  opened.module = *std::move(module);
  auto lines = dwarf::LineIndex::Create(*opened.module);
  if (!lines.ok()) return lines.status();
  opened.lines = *std::move(lines);
  opened.binary.set_path(wanted.display_path().empty() ? wanted.open_path() : wanted.display_path());
  opened.binary.set_build_id(opened.module->binary().build_id());
  opened.binary.set_debug_file(opened.module->debug_path() == wanted.open_path() ? opened.binary.path()
                                                                                 : opened.module->debug_path());
  return opened;
}

// The error when no module knew the answer.
struct SearchFailures {
  absl::Status first_open_error;        // of the first module: usually the executable
  std::vector<std::string> searched;    // modules with debug information
  std::vector<std::string> mismatched;  // "debug file belongs to another build"
  std::vector<std::string> suggestions;
  absl::Status missing_part;  // a split debug file that was not found: what is asked for may be described there
};

absl::Status NotFoundAnywhere(const v1::SymbolizerRequest& request, std::string_view what,
                              const SearchFailures& failures) {
  if (request.modules_size() == 0) {
    return absl::InvalidArgumentError("no file to look in: name a process, an executable or --binary");
  }
  if (failures.searched.empty()) return failures.first_open_error;
  if (!failures.first_open_error.ok()) {
    // The executable itself could not be searched: most likely that is where the user looks.
    absl::Status status(failures.first_open_error.code(),
                        absl::StrCat(failures.first_open_error.message(), "; and no ", std::string(what), " in ",
                                     absl::StrJoin(failures.searched, ", ")));
    return WithHint(std::move(status), HintOf(failures.first_open_error));
  }
  if (!failures.missing_part.ok()) {
    return WithHint(absl::Status(failures.missing_part.code(),
                                 absl::StrCat("no ", std::string(what), " in ", absl::StrJoin(failures.searched, ", "),
                                              "; but ", failures.missing_part.message())),
                    HintOf(failures.missing_part));
  }
  absl::Status status = absl::NotFoundError(
      absl::StrCat("no ", std::string(what), " in ", absl::StrJoin(failures.searched, ", "),
                   failures.mismatched.empty() ? "" : "; ", absl::StrJoin(failures.mismatched, "; ")));
  if (!failures.suggestions.empty()) {
    return WithHint(std::move(status), absl::StrCat("similar: ", absl::StrJoin(failures.suggestions, ", ")));
  }
  return WithHint(std::move(status), "give the path as it was compiled, or a suffix of it (src/order.cc)");
}

// Calls `visit` with each module that has debug information until it returns true (found) or an error.
template <typename Visit>
absl::StatusOr<bool> VisitModules(const v1::SymbolizerRequest& request, SearchFailures* failures, Visit visit) {
  for (int i = 0; i < request.modules_size(); ++i) {
    auto opened = OpenModule(request, request.modules(i));
    if (!opened.ok()) {
      // A single file that was named, or a broken one, is the answer; one of many libraries is not.
      if (request.modules_size() == 1) return opened.status();
      if (i == 0) failures->first_open_error = opened.status();
      if (absl::IsFailedPrecondition(opened.status())) {
        failures->mismatched.push_back(std::string(opened.status().message()));
      }
      continue;
    }
    failures->searched.push_back(opened->binary.path());
    auto found = visit(*opened);
    if (!found.ok() || *found) return found;
  }
  return false;
}

bool HasCode(const dwarf::LineIndex& lines, const dwarf::SourceFile& file) {
  for (const dwarf::UnitFile& unit : file.units) {
    auto rows = lines.Rows(unit.unit);
    if (!rows.ok()) continue;
    for (const dwarf::LineRow& row : **rows) {
      if (row.is_stmt && !row.end_sequence && row.file == unit.file && row.line != 0) return true;
    }
  }
  return false;
}

void SetMd5(const std::optional<std::array<uint8_t, 16>>& md5, v1::BinaryInfo* binary) {
  if (md5.has_value()) binary->set_source_md5(md5->data(), md5->size());
}

absl::StatusOr<bool> MatchFile(const OpenedModule& opened, std::string_view suffix, SearchFailures* failures,
                               dwarf::SourceFile* source) {
  auto matches = opened.lines->FilesMatching(suffix);
  if (!matches.ok()) return matches.status();
  // A file that only lends its name (a header's declarations, another build's list) is not what the user means.
  if (matches->size() > 1) {
    std::vector<dwarf::SourceFile> with_code;
    for (dwarf::SourceFile& match : *matches) {
      if (HasCode(*opened.lines, match)) with_code.push_back(std::move(match));
    }
    matches = std::move(with_code);
  }
  if (matches->size() > 1) {
    std::vector<std::string> paths;
    for (const dwarf::SourceFile& match : *matches) paths.push_back(match.path);
    return WithHint(absl::InvalidArgumentError(
                        absl::StrCat("'", std::string(suffix), "' means several files: ", absl::StrJoin(paths, ", "))),
                    "give more of the path");
  }
  if (matches->empty()) {
    for (std::string& similar : opened.lines->SimilarFiles(suffix, kMostSuggestions)) {
      if (failures->suggestions.size() < kMostSuggestions) failures->suggestions.push_back(std::move(similar));
    }
    return false;
  }
  *source = std::move(matches->front());
  return true;
}

absl::StatusOr<FoundFile> FindFileCalled(const v1::SymbolizerRequest& request, const std::string& suffix) {
  FoundFile found;
  SearchFailures failures;
  auto hit = VisitModules(request, &failures, [&](OpenedModule& opened) -> absl::StatusOr<bool> {
    auto matched = MatchFile(opened, suffix, &failures, &found.source);
    if (matched.ok() && *matched) {
      found.module = std::move(opened.module);
      found.lines = std::move(opened.lines);
      found.binary = opened.binary;
      SetMd5(found.source.md5, &found.binary);
    }
    return matched;
  });
  if (!hit.ok()) return hit.status();
  if (!*hit) return NotFoundAnywhere(request, absl::StrCat("source file '", suffix, "'"), failures);
  return found;
}

// An absolute path of the user's own tree, which is not where the program was built: the longest end of it that names
// one source file.
absl::StatusOr<FoundFile> FindFileElsewhere(const v1::SymbolizerRequest& request, const std::string& path,
                                            const absl::Status& not_found) {
  for (size_t at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1)) {
    auto found = FindFileCalled(request, path.substr(at + 1));
    if (absl::IsNotFound(found.status())) continue;
    if (!found.ok()) return not_found;
    found->warnings.push_back(absl::StrCat("no source file is called ", path, "; ", found->source.path, " was taken"));
    return found;
  }
  return not_found;
}

absl::StatusOr<FoundFile> FindFileOrLikely(const v1::SymbolizerRequest& request, const std::string& name) {
  auto found = FindFileCalled(request, name);
  if (!absl::IsNotFound(found.status()) || !absl::StartsWith(name, "/")) return found;
  return FindFileElsewhere(request, name, found.status());
}

// Of the units with code whose contents are in split debug files that were not found: the first, and how many more
// there are. OK when there is none.
absl::Status MissingParts(const dwarf::Module& module) {
  absl::Status first;
  size_t missing = 0;
  dwarf::ForEachCodeUnit(module, [&](const Dwarf_Die& unit) {
    absl::Status content = dwarf::CheckContent(module, unit);
    if (!content.ok() && missing++ == 0) first = std::move(content);
    return true;
  });
  if (missing < 2) return first;
  return WithHint(absl::Status(first.code(), absl::StrCat(first.message(), "; and ", missing - 1, " more")),
                  HintOf(first));
}

absl::StatusOr<FoundLocation> FindFunction(const v1::SymbolizerRequest& request, const ParsedLocation& wanted) {
  FoundLocation found;
  SearchFailures failures;
  auto hit = VisitModules(request, &failures, [&](OpenedModule& opened) -> absl::StatusOr<bool> {
    auto located = wanted.at_return ? LocateReturns(*opened.module, *opened.lines, wanted.function)
                                    : LocateFunction(*opened.module, *opened.lines, wanted.function);
    if (!located.ok()) return located.status();
    if (located->sites.empty()) {
      if (failures.missing_part.ok()) failures.missing_part = MissingParts(*opened.module);
      for (std::string& similar : dwarf::SimilarFunctions(*opened.module, wanted.function, kMostSuggestions)) {
        if (failures.suggestions.size() < kMostSuggestions) failures.suggestions.push_back(std::move(similar));
      }
      return false;
    }
    found.module = std::move(opened.module);
    found.lines = std::move(opened.lines);
    found.binary = opened.binary;
    found.located = *std::move(located);
    found.warnings = found.located.warnings;
    const StatementSite& site = found.located.sites.front();
    SetMd5(found.lines->FileMd5(site.scope.unit, site.file), &found.binary);
    return true;
  });
  if (!hit.ok()) return hit.status();
  if (!*hit) return NotFoundAnywhere(request, absl::StrCat("function '", wanted.function, "'"), failures);
  return found;
}

}  // namespace

absl::StatusOr<FoundFile> FindFile(const v1::SymbolizerRequest& request) {
  if (request.spec().location().empty()) return absl::InvalidArgumentError("no source file given");
  return FindFileOrLikely(request, request.spec().location());
}

absl::StatusOr<FoundLocation> FindLocation(const v1::SymbolizerRequest& request) {
  auto location = ParseLocation(request.spec().location());
  if (!location.ok()) return location.status();
  if (!location->function.empty()) return FindFunction(request, *location);

  auto file = FindFileOrLikely(request, location->file);
  if (!file.ok()) return file.status();
  auto located = LocateLine(*file->module, *file->lines, file->source, location->line);
  if (!located.ok()) return located.status();
  FoundLocation found;
  found.module = std::move(file->module);
  found.lines = std::move(file->lines);
  found.binary = std::move(file->binary);
  found.warnings = std::move(file->warnings);
  found.located = *std::move(located);
  return found;
}

}  // namespace dlog::symbolizer
