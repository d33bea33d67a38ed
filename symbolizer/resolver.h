// SPDX-License-Identifier: Apache-2.0
//
// The whole stage in one call:
//
//   v1::SymbolizerRequest request;
//   request.mutable_spec()->set_location("src/order.cc:42");
//   request.mutable_spec()->set_template_("order {o.id}");
//   request.add_modules()->set_open_path("/usr/bin/shopd");
//   absl::StatusOr<v1::SymbolizerResponse> answer = symbolizer::Resolve(request);
//
// Pure: bytes of ELF files in, a message out. Everything that it reads is untrusted.
#pragma once

#include "absl/status/statusor.h"
#include "plan.pb.h"

namespace dlog::symbolizer {

// Version of ResolvedLogpoint that this build makes and understands.
inline constexpr uint32_t kPlanFormatVersion = 2;
inline constexpr uint32_t kPlanFormatWithEntries = 3;

// Errors: InvalidArgument (syntax, with a caret), NotFound (file, line, function, variable; with near misses),
// FailedPrecondition (no debug information, mismatched debug file, nothing available, every site unsafe). HintOf()
// tells what to do.
absl::StatusOr<v1::SymbolizerResponse> Resolve(const v1::SymbolizerRequest& request);

}  // namespace dlog::symbolizer
