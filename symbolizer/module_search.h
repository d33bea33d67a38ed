// SPDX-License-Identifier: Apache-2.0
//
// Which of the target's files knows the asked source file or function.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "plan.pb.h"
#include "symbolizer/dwarf/line_index.h"
#include "symbolizer/dwarf/module.h"
#include "symbolizer/statements.h"

namespace dlog::symbolizer {

struct FoundFile {
  std::unique_ptr<dwarf::Module> module;
  std::unique_ptr<dwarf::LineIndex> lines;
  dwarf::SourceFile source;
  v1::BinaryInfo binary;
  std::vector<std::string> warnings;
};

struct FoundLocation {
  std::unique_ptr<dwarf::Module> module;
  std::unique_ptr<dwarf::LineIndex> lines;
  v1::BinaryInfo binary;
  LocatedLine located;
  std::vector<std::string> warnings;
};

// request.spec.location names a source file (a path suffix). An absolute path that no file has means the file with the
// longest common end, with a warning: it is a path of the user's tree.
// NotFound with similar names; InvalidArgument listing them when several files match; the first module's reason when no
// module has debug information.
absl::StatusOr<FoundFile> FindFile(const v1::SymbolizerRequest& request);

// request.spec.location is "path:LINE", "function:NAME" or "return:NAME".
absl::StatusOr<FoundLocation> FindLocation(const v1::SymbolizerRequest& request);

}  // namespace dlog::symbolizer
