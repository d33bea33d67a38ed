// SPDX-License-Identifier: Apache-2.0
//
// Bounds on what a user may write. Expressions and templates come from the network.
#pragma once

#include <cstddef>

namespace dlog::expr {

constexpr size_t kMaxExpressionLength = 4096;      // bytes
constexpr size_t kMaxTemplateLength = 16384;       // bytes
constexpr size_t kMaxTemplateExpressions = 128;    // in one template
constexpr int kMaxDepth = 64;                      // of the tree, and of brackets and prefix operators around a node
constexpr size_t kMaxFormatLength = 64;            // bytes after the ':'
constexpr size_t kMaxArrayFormatLength = 256;      // of "[EXPRESSION]"
constexpr unsigned kMaxFormatWidth = 1000;         // also of precisions: a log line, not a memory eater
constexpr unsigned kMaxArrayFormatItems = 100000;  // "[N]"; what is captured is clamped again by the limits

}  // namespace dlog::expr
