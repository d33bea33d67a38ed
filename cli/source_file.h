// SPDX-License-Identifier: Apache-2.0
//
// The user's own copy of a source file against the one that was compiled: a line number means nothing when they differ.
#pragma once

#include <string>
#include <string_view>

#include "plan.pb.h"

namespace dlog::cli {

struct SourceComparison {
  v1::SourceChecksum verdict = v1::CHECKSUM_UNKNOWN;
  std::string local;  // the file that was compared; empty when there is none
};

// `md5`: of the compiled file, 16 bytes or empty. `compiled`: its path in the debug information. `location`: as the
// user wrote it ("src/order.cc:42"). The local file is the path of the location, else the longest end of `compiled`
// that exists below the working directory, else `compiled` itself.
SourceComparison CompareSource(std::string_view md5, const std::string& compiled, std::string_view location);

// For people, on one line.
std::string DifferenceText(const SourceComparison& comparison);

}  // namespace dlog::cli
