// SPDX-License-Identifier: Apache-2.0
//
// What explain, vars and lines print. The JSON is the contract of the design's cli.md.
#pragma once

#include <string>

#include "plan.pb.h"

namespace dlog::cli {

// Each statement's first candidate is the one that is shown. Without a newline.
// `known_only` (for `vars`): names that a site does not know are left out of it.
std::string ExplainJson(const v1::ResolvedLogpoint& resolved, bool known_only = false);
std::string ExplainText(const v1::ResolvedLogpoint& resolved, bool known_only = false);

std::string LinesJson(const v1::FileLines& lines);
std::string LinesText(const v1::FileLines& lines);

// "nop", "emulated", "stepped".
std::string ClassName(v1::InstructionClass instruction_class);

// Cost of one admitted hit, from what the kernel does with the instruction and what the plan copies.
int PredictedNanoseconds(const v1::CandidateSite& site);

}  // namespace dlog::cli
